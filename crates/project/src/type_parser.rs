//! Reads column types from ClickHouse's text and refuses what ClickHouse would refuse.

use crate::column_type::ColumnType;
use crate::json_type::JsonParameters;
use crate::simple_aggregate::{self, Function};
use crate::type_names::{plain, unknown};
use crate::type_rules::{
    MAX_MEMBERS, Refusal, check_low_cardinality, check_map_key, check_member, check_nullable,
};

/// A type that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeError {
    /// Byte of the text where the trouble begins.
    pub offset: usize,
    /// What is wrong.
    pub fact: String,
    /// What to do.
    pub hint: Option<String>,
}

impl std::fmt::Display for TypeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.fact)
    }
}

impl std::error::Error for TypeError {}

/// Deepest nesting that is read. ClickHouse's own parser, with its setting `max_parser_depth` of 1000, gives up at
/// about 490; everything that walks a type here needs less than 1 KiB of stack a level.
const MAX_DEPTH: usize = 400;

impl ColumnType {
    /// Reads a type, with ClickHouse's rules about what may stand in what.
    ///
    /// # Errors
    /// The first thing in the text that is no usable type.
    pub fn parse(text: &str) -> Result<ColumnType, TypeError> {
        let mut parser = Parser { text, at: 0, depth: 0 };
        let column_type = parser.column_type()?;
        parser.skip_space();
        if parser.at < text.len() {
            return Err(parser.error(format!("`{}` follows a complete type", parser.word())));
        }
        Ok(column_type)
    }
}

/// `max_types` of a Dynamic, and of the values in a JSON, that name none; ClickHouse never shows it.
const DEFAULT_MAX_TYPES: u8 = 32;

impl JsonParameters {
    /// Reads what stands between the brackets of `JSON(...)`; nothing is all defaults.
    ///
    /// # Errors
    /// The first thing in the text that is no parameter.
    pub fn parse(text: &str) -> Result<JsonParameters, TypeError> {
        let mut parser = Parser { text, at: 0, depth: 0 };
        let mut parameters = JsonParameters::default();
        if text.trim().is_empty() {
            return Ok(parameters);
        }
        parser.json_parameters(&mut parameters)?;
        match parser.rest().is_empty() {
            true => Ok(parameters),
            false => Err(parser.error("`,` is missing")),
        }
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

pub(crate) fn error_at(offset: usize, fact: impl Into<String>) -> TypeError {
    TypeError { offset, fact: fact.into(), hint: None }
}

impl TypeError {
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> TypeError {
        self.hint = Some(hint.into());
        self
    }
}

impl Parser<'_> {
    fn error(&self, fact: impl Into<String>) -> TypeError {
        error_at(self.at, fact)
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn skip_space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    /// The name at this place, or the single character that is none.
    fn word(&self) -> &str {
        let rest = self.rest();
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        match end {
            0 => &rest[..rest.chars().next().map_or(0, char::len_utf8)],
            _ => &rest[..end],
        }
    }

    fn eat(&mut self, character: char) -> bool {
        self.skip_space();
        let found = self.rest().starts_with(character);
        if found {
            self.at += character.len_utf8();
        }
        found
    }

    fn expect(&mut self, character: char) -> Result<(), TypeError> {
        if self.eat(character) {
            return Ok(());
        }
        let place = match self.rest().is_empty() {
            true => "at the end of the type".to_owned(),
            false => format!("before `{}`", self.word()),
        };
        let error = self.error(format!("`{character}` is missing {place}"));
        Err(match character {
            '(' => error.hint("write its arguments, as in Decimal(10, 2) or FixedString(16)"),
            ')' => error.hint("close every bracket"),
            _ => error,
        })
    }

    fn column_type(&mut self) -> Result<ColumnType, TypeError> {
        self.skip_space();
        let start = self.at;
        let name = self.word().to_owned();
        if !name.starts_with(|c: char| c.is_alphabetic() || c == '_') {
            return Err(self.error("a type is missing here"));
        }
        if self.depth >= MAX_DEPTH {
            let error = self.error(format!("the type is nested more than {MAX_DEPTH} deep"));
            return Err(error.hint("use JSON or String for what lies deeper"));
        }
        self.at += name.len();
        self.depth += 1;
        let column_type = match plain(&name) {
            Some(column_type) => self.without_arguments(&name, column_type),
            None => self.with_arguments(&name, start),
        };
        self.depth -= 1;
        column_type
    }

    fn without_arguments(&mut self, name: &str, column_type: ColumnType) -> Result<ColumnType, TypeError> {
        self.skip_space();
        match self.rest().starts_with('(') {
            true => Err(self.error(format!("{name} takes no arguments")).hint(match name {
                "Time" => "write Time64(3) for milliseconds".to_owned(),
                _ => format!("write {name}"),
            })),
            false => Ok(column_type),
        }
    }

    fn with_arguments(&mut self, name: &str, start: usize) -> Result<ColumnType, TypeError> {
        match name {
            "Decimal" => self.decimal(),
            "Decimal32" => self.sized_decimal(9),
            "Decimal64" => self.sized_decimal(18),
            "Decimal128" => self.sized_decimal(38),
            "Decimal256" => self.sized_decimal(76),
            "FixedString" => self.fixed_string(),
            "DateTime" | "DateTime32" => self.date_time(),
            "DateTime64" => self.date_time64(start),
            "Time64" => self.time64(start),
            "Enum" => self.enumeration(None),
            "Enum8" => self.enumeration(Some(8)),
            "Enum16" => self.enumeration(Some(16)),
            "Nullable" => self.wrapped(check_nullable).map(|inner| ColumnType::Nullable(Box::new(inner))),
            "LowCardinality" => {
                self.wrapped(check_low_cardinality).map(|inner| ColumnType::LowCardinality(Box::new(inner)))
            }
            "Array" => self.wrapped(|_| Ok(())).map(|inner| ColumnType::Array(Box::new(inner))),
            "Tuple" => self.tuple(),
            "Map" => self.map(),
            "JSON" => self.json(),
            "Variant" => self.variant(start),
            "Dynamic" => self.dynamic(),
            "SimpleAggregateFunction" => self.simple_aggregate(),
            _ => Err(unknown(name, start)),
        }
    }

    fn wrapped(&mut self, check: fn(&ColumnType) -> Result<(), Refusal>) -> Result<ColumnType, TypeError> {
        self.expect('(')?;
        self.skip_space();
        let start = self.at;
        let inner = self.column_type()?;
        check(&inner).map_err(|(fact, hint)| error_at(start, fact).hint(hint))?;
        self.expect(')')?;
        Ok(inner)
    }

    fn map(&mut self) -> Result<ColumnType, TypeError> {
        self.expect('(')?;
        self.skip_space();
        let start = self.at;
        let key = self.column_type()?;
        check_map_key(&key).map_err(|(fact, hint)| error_at(start, fact).hint(hint))?;
        self.expect(',')?;
        let value = self.column_type()?;
        self.expect(')')?;
        Ok(ColumnType::Map(Box::new(key), Box::new(value)))
    }

    fn tuple(&mut self) -> Result<ColumnType, TypeError> {
        self.expect('(')?;
        let mut elements: Vec<(Option<String>, ColumnType)> = Vec::new();
        loop {
            self.skip_space();
            let start = self.at;
            let name = self.element_name()?;
            self.check_element(&elements, name.as_deref(), start)?;
            elements.push((name, self.column_type()?));
            if !self.eat(',') {
                break;
            }
        }
        self.expect(')')?;
        Ok(ColumnType::Tuple(elements))
    }

    fn check_element(
        &self,
        before: &[(Option<String>, ColumnType)],
        name: Option<&str>,
        start: usize,
    ) -> Result<(), TypeError> {
        if name == Some("null") {
            return Err(error_at(start, "an element of a Tuple cannot be named `null`")
                .hint("rename it: ClickHouse keeps the name for itself"));
        }
        let Some((first, _)) = before.first() else {
            return Ok(());
        };
        if first.is_some() != name.is_some() {
            return Err(error_at(start, "some elements of the Tuple are named and some are not")
                .hint("name all of them or none"));
        }
        let twice = name.is_some() && before.iter().any(|(other, _)| other.as_deref() == name);
        match (twice, name) {
            (true, Some(name)) => Err(error_at(start, format!("the Tuple has two elements named `{name}`"))
                .hint("give each element a name of its own")),
            _ => Ok(()),
        }
    }

    /// The name of a Tuple element, when the next thing is a name followed by a type.
    fn element_name(&mut self) -> Result<Option<String>, TypeError> {
        if self.rest().starts_with('`') {
            return self.quoted('`').map(Some);
        }
        let name = self.word().to_owned();
        let after = self.rest()[name.len()..].trim_start();
        let is_name = crate::text::is_identifier(&name) && after.starts_with(|c: char| c.is_alphabetic());
        if is_name {
            self.at += name.len();
        }
        Ok(is_name.then_some(name))
    }

    fn number(&mut self, what: &str) -> Result<(i64, usize), TypeError> {
        self.skip_space();
        let start = self.at;
        let digits = self.rest().find(|c: char| !c.is_ascii_digit() && c != '-').unwrap_or(self.rest().len());
        let number = self.rest()[..digits].parse();
        self.at += digits;
        number.map(|number| (number, start)).map_err(|_| error_at(start, format!("{what} is missing")))
    }

    fn number_in(&mut self, what: &str, range: std::ops::RangeInclusive<i64>) -> Result<u8, TypeError> {
        let (number, start) = self.number(what)?;
        let small = u8::try_from(number).ok().filter(|_| range.contains(&number));
        small.ok_or_else(|| {
            error_at(start, format!("{what} is {number}, outside {} to {}", range.start(), range.end()))
                .hint(format!("write a number from {} to {}", range.start(), range.end()))
        })
    }

    fn decimal(&mut self) -> Result<ColumnType, TypeError> {
        self.expect('(')?;
        let precision = self.number_in("the precision of the Decimal", 1..=76)?;
        let scale = match self.eat(',') {
            true => self.number_in("the scale of the Decimal", 0..=i64::from(precision))?,
            false => 0,
        };
        self.expect(')')?;
        Ok(ColumnType::Decimal { precision, scale })
    }

    fn sized_decimal(&mut self, precision: u8) -> Result<ColumnType, TypeError> {
        self.expect('(')?;
        let scale = self.number_in("the scale of the Decimal", 0..=i64::from(precision))?;
        self.expect(')')?;
        Ok(ColumnType::Decimal { precision, scale })
    }

    fn fixed_string(&mut self) -> Result<ColumnType, TypeError> {
        self.expect('(')?;
        let (length, start) = self.number("the length of the FixedString")?;
        // ClickHouse refuses longer ones (MAX_FIXEDSTRING_SIZE).
        let length = usize::try_from(length).ok().filter(|length| (1..=0xff_ffff).contains(length));
        let length =
            length.ok_or_else(|| error_at(start, "the length of a FixedString is 1 to 16777215 bytes"))?;
        self.expect(')')?;
        Ok(ColumnType::FixedString(length))
    }

    fn date_time(&mut self) -> Result<ColumnType, TypeError> {
        let time_zone = match self.eat('(') {
            true => {
                let time_zone = self.time_zone()?;
                self.expect(')')?;
                Some(time_zone)
            }
            false => None,
        };
        Ok(ColumnType::DateTime { time_zone })
    }

    fn date_time64(&mut self, start: usize) -> Result<ColumnType, TypeError> {
        let missing = || {
            error_at(start, "DateTime64 needs a precision")
                .hint("write DateTime64(3) for milliseconds, DateTime64(6) for microseconds")
        };
        if !self.eat('(') {
            return Err(missing());
        }
        self.skip_space();
        if self.rest().starts_with([')', '\'']) {
            return Err(missing());
        }
        let precision = self.number_in("the precision of the DateTime64", 0..=9)?;
        let time_zone = match self.eat(',') {
            true => Some(self.time_zone()?),
            false => None,
        };
        self.expect(')')?;
        Ok(ColumnType::DateTime64 { precision, time_zone })
    }

    fn time64(&mut self, start: usize) -> Result<ColumnType, TypeError> {
        if !self.eat('(') {
            return Err(error_at(start, "Time64 needs a precision").hint("write Time64(3) for milliseconds"));
        }
        let precision = self.number_in("the precision of the Time64", 0..=9)?;
        self.expect(')')?;
        Ok(ColumnType::Time64 { precision })
    }

    fn variant(&mut self, start: usize) -> Result<ColumnType, TypeError> {
        self.expect('(')?;
        let mut members: Vec<ColumnType> = Vec::new();
        loop {
            self.skip_space();
            let place = self.at;
            let member = self.column_type()?;
            check_member(&members, &member).map_err(|(fact, hint)| error_at(place, fact).hint(hint))?;
            members.push(member);
            if !self.eat(',') {
                break;
            }
        }
        self.expect(')')?;
        if members.len() > MAX_MEMBERS {
            let fact = format!("a Variant has at most {MAX_MEMBERS} types, not {}", members.len());
            return Err(error_at(start, fact).hint("use JSON or String for the rare ones"));
        }
        members.sort_by_cached_key(ColumnType::to_string);
        Ok(ColumnType::Variant(members))
    }

    fn dynamic(&mut self) -> Result<ColumnType, TypeError> {
        if !self.eat('(') || self.eat(')') {
            return Ok(ColumnType::Dynamic { max_types: None });
        }
        self.skip_space();
        if self.word() != "max_types" {
            return Err(self.error("Dynamic takes nothing but max_types").hint("write Dynamic(max_types=8)"));
        }
        self.at += "max_types".len();
        self.expect('=')?;
        let max_types = self.number_in("max_types", 0..=254)?;
        self.expect(')')?;
        Ok(ColumnType::Dynamic { max_types: Some(max_types).filter(|most| *most != DEFAULT_MAX_TYPES) })
    }

    fn json(&mut self) -> Result<ColumnType, TypeError> {
        let mut parameters = JsonParameters::default();
        if !self.eat('(') || self.eat(')') {
            return Ok(ColumnType::Json(parameters.to_string()));
        }
        self.json_parameters(&mut parameters)?;
        self.expect(')')?;
        Ok(ColumnType::Json(parameters.to_string()))
    }

    fn json_parameters(&mut self, parameters: &mut JsonParameters) -> Result<(), TypeError> {
        loop {
            self.json_parameter(parameters)?;
            if !self.eat(',') {
                return Ok(());
            }
        }
    }

    fn json_parameter(&mut self, parameters: &mut JsonParameters) -> Result<(), TypeError> {
        self.skip_space();
        let start = self.at;
        let refused = |(fact, hint): Refusal| error_at(start, fact).hint(hint);
        if self.eat_word("SKIP") {
            self.skip_space();
            let regexp = self.at;
            if self.eat_word("REGEXP") {
                self.skip_space();
                if self.rest().starts_with('\'') {
                    let expression = self.quoted('\'')?;
                    parameters.skip_regexp(expression);
                    return Ok(());
                }
                self.at = regexp;
            }
            let path = self.json_path()?;
            return parameters.skip(&path).map_err(refused);
        }
        let path = self.json_path()?;
        if self.eat('=') {
            let (value, _) = self.number(&path)?;
            return parameters.limit(&path, value).map_err(refused);
        }
        let column_type = self.column_type()?;
        parameters.typed(&path, column_type).map_err(refused)
    }

    /// Reads a word in any case, if it is here and something else follows.
    fn eat_word(&mut self, word: &str) -> bool {
        let here = self.word();
        let found = here.eq_ignore_ascii_case(word)
            && self.rest()[here.len()..].starts_with(|c: char| c.is_whitespace() || matches!(c, '`' | '\''));
        if found {
            self.at += word.len();
        }
        found
    }

    /// `a.b.c`; each name may stand in back-ticks.
    fn json_path(&mut self) -> Result<String, TypeError> {
        let mut path = String::new();
        loop {
            self.skip_space();
            let name = match self.rest().starts_with('`') {
                true => self.quoted('`')?,
                false => {
                    let name = self.word().to_owned();
                    self.at += name.len();
                    name
                }
            };
            if !name.chars().any(|c| c.is_alphanumeric() || c == '_') {
                return Err(error_at(self.at - name.len(), "a path is missing in JSON")
                    .hint("write JSON(a.b UInt32, SKIP c, max_dynamic_paths=64)"));
            }
            path.push_str(&name);
            if !self.rest().starts_with('.') {
                return Ok(path);
            }
            self.at += 1;
            path.push('.');
        }
    }

    fn simple_aggregate(&mut self) -> Result<ColumnType, TypeError> {
        self.expect('(')?;
        self.skip_space();
        let start = self.at;
        let function = self.function()?;
        self.expect(',')?;
        self.skip_space();
        let of = self.at;
        let inner = self.column_type()?;
        self.expect(')')?;
        simple_aggregate::check(&function, &inner).map_err(|(fact, hint)| error_at(of, fact).hint(hint))?;
        let function = function.canonical().map_err(|(fact, hint)| error_at(start, fact).hint(hint))?;
        Ok(ColumnType::SimpleAggregateFunction { function, inner: Box::new(inner) })
    }

    /// The name of an aggregate function with its parameter, if any.
    fn function(&mut self) -> Result<Function, TypeError> {
        let start = self.at;
        let name = self.word().to_owned();
        let function = Function::named(&name).map_err(|(fact, hint)| error_at(start, fact).hint(hint))?;
        self.at += name.len();
        if !self.eat('(') || self.eat(')') {
            return Ok(function);
        }
        let (limit, place) = self.number("the parameter of the function")?;
        self.expect(')')?;
        function.limited(limit).map_err(|(fact, hint)| error_at(place, fact).hint(hint))
    }

    fn time_zone(&mut self) -> Result<String, TypeError> {
        self.skip_space();
        let start = self.at;
        let name = self.string("a time zone")?;
        let allowed = |c: char| c.is_ascii_alphanumeric() || "/_+-".contains(c);
        let well_formed = name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(allowed);
        match well_formed {
            true => Ok(name),
            false => Err(error_at(start, "this is no time zone name")
                .hint("write a name of the IANA database, such as 'UTC' or 'Europe/Berlin'")),
        }
    }

    fn string(&mut self, what: &str) -> Result<String, TypeError> {
        self.skip_space();
        match self.rest().starts_with('\'') {
            true => self.quoted('\''),
            false => Err(self.error(format!("{what} in single quotes is missing"))),
        }
    }

    fn quoted(&mut self, quote: char) -> Result<String, TypeError> {
        let start = self.at;
        let mut text = String::new();
        let mut characters = self.text[start + 1..].char_indices();
        while let Some((offset, character)) = characters.next() {
            match character {
                '\\' => text.extend(characters.next().map(|(_, escaped)| escaped)),
                end if end == quote => {
                    self.at = start + 1 + offset + 1;
                    return Ok(text);
                }
                other => text.push(other),
            }
        }
        Err(error_at(start, "the quote is not closed"))
    }

    fn enumeration(&mut self, bits: Option<u16>) -> Result<ColumnType, TypeError> {
        self.expect('(')?;
        let mut values: Vec<(String, i16)> = Vec::new();
        loop {
            self.skip_space();
            let start = self.at;
            let name = self.string("the name of an Enum value")?;
            let number = self.enum_number(&values, bits)?;
            check_enum_value(&values, &name, number, start)?;
            values.push((name, number));
            if !self.eat(',') {
                break;
            }
        }
        self.expect(')')?;
        // ClickHouse shows them by number, whatever their order was.
        values.sort_by_key(|(_, number)| *number);
        let small = values.iter().all(|(_, number)| i8::try_from(*number).is_ok());
        let bits = bits.unwrap_or(if small { 8 } else { 16 });
        Ok(ColumnType::Enum { bits, values })
    }

    /// The number after `=`, else one more than the value before (ClickHouse counts from 1).
    fn enum_number(&mut self, before: &[(String, i16)], bits: Option<u16>) -> Result<i16, TypeError> {
        let (number, start) = match self.eat('=') {
            true => self.number("the number of the Enum value")?,
            false => (before.last().map_or(1, |(_, last)| i64::from(*last) + 1), self.at),
        };
        let small = i16::try_from(number).ok();
        let fits = small.filter(|number| bits != Some(8) || i8::try_from(*number).is_ok());
        fits.ok_or_else(|| {
            let error = error_at(start, format!("{number} does not fit into Enum{}", bits.unwrap_or(16)));
            if bits == Some(8) { error.hint("Enum8 holds -128 to 127; use Enum16") } else { error }
        })
    }
}

fn check_enum_value(
    before: &[(String, i16)],
    name: &str,
    number: i16,
    start: usize,
) -> Result<(), TypeError> {
    if before.iter().any(|(other, _)| other == name) {
        return Err(error_at(start, format!("the Enum has two values named '{name}'")));
    }
    match before.iter().find(|(_, other)| *other == number) {
        Some((other, _)) => {
            Err(error_at(start, format!("'{name}' and '{other}' have the same number {number}"))
                .hint("give each value a number of its own"))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::column_type::Geo;
    use proptest::prelude::*;

    fn shown(text: &str) -> String {
        match ColumnType::parse(text) {
            Ok(column_type) => column_type.to_string(),
            Err(error) => panic!("{text}: {error:?}"),
        }
    }

    #[test]
    fn aliases_and_spacing_come_out_canonical() {
        for (written, canonical) in [
            ("Decimal32( 3 )", "Decimal(9, 3)"),
            ("Decimal64(3)", "Decimal(18, 3)"),
            ("Decimal128(3)", "Decimal(38, 3)"),
            ("Decimal(5)", "Decimal(5, 0)"),
            ("Decimal256(5)", "Decimal(76, 5)"),
            ("Dynamic()", "Dynamic"),
            ("Dynamic(max_types = 32)", "Dynamic"),
            ("Dynamic( max_types=8 )", "Dynamic(max_types=8)"),
            ("Variant(UInt8, String, Array(String))", "Variant(Array(String), String, UInt8)"),
            ("Variant(UInt8, Enum8('b' = 1, 'a' = -2))", "Variant(Enum8('a' = -2, 'b' = 1), UInt8)"),
            ("SimpleAggregateFunction(SUM,UInt64)", "SimpleAggregateFunction(sum, UInt64)"),
            ("SimpleAggregateFunction(first_value, String)", "SimpleAggregateFunction(any, String)"),
            (
                "SimpleAggregateFunction(groupArrayArray ( 10 ), Array(String))",
                "SimpleAggregateFunction(groupArrayArray(10), Array(String))",
            ),
            ("Tuple(`select` Int8, `as` Int8)", "Tuple(`select` Int8, as Int8)"),
            ("DateTime32", "DateTime"),
            ("DateTime64(3,'Europe/Berlin')", "DateTime64(3, 'Europe/Berlin')"),
            ("Enum('a','b')", "Enum8('a' = 1, 'b' = 2)"),
            ("Enum('a' = 200)", "Enum16('a' = 200)"),
            ("Enum8('a' = -5, 'it\\'s')", "Enum8('a' = -5, 'it\\'s' = -4)"),
            ("Enum8('b' = 2, 'a' = 1)", "Enum8('a' = 1, 'b' = 2)"),
            (
                "Map ( String , Array(Tuple(a Int8,`b c` String)) )",
                "Map(String, Array(Tuple(a Int8, `b c` String)))",
            ),
            ("Tuple(Int8, Nullable(String))", "Tuple(Int8, Nullable(String))"),
            ("Tuple(Int8 Int8)", "Tuple(Int8 Int8)"),
            ("LowCardinality(Nullable(String))", "LowCardinality(Nullable(String))"),
        ] {
            assert_eq!(shown(written), canonical);
        }
    }

    #[test]
    fn refusals_name_the_place_the_fact_and_the_way_out() {
        let cases = [
            "Boolean",
            "Int",
            "Strin",
            "int32",
            "DateTime64",
            "DateTime64(10)",
            "DateTime('No Where')",
            "Nullable(Array(Int8))",
            "Nullable(LowCardinality(String))",
            "LowCardinality(Decimal(3, 2))",
            "Map(Nullable(String), Int8)",
            "Enum8('a' = 1, 'b' = 1)",
            "Enum8('a', 'a')",
            "Enum8('a' = 128)",
            "FixedString(0)",
            "Decimal(77, 2)",
            "Decimal(4, 5)",
            "int128",
            "json",
            "JSON(a String, a Int8)",
            "JSON(a.b String, SKIP a)",
            "JSON(SKIP a, ab String)",
            "JSON(max_dynamic_paths=10001)",
            "JSON(max_types=1)",
            "JSON(a Array(BFloat16))",
            "JSON(SKIP)",
            "JSON(,)",
            "Variant()",
            "Variant(String, String)",
            "Variant(Nullable(String), UInt8)",
            "Variant(LowCardinality(Nullable(String)), UInt8)",
            "Variant(Variant(String, Date), UInt8)",
            "Variant(Dynamic, UInt8)",
            "Nullable(Variant(String, UInt8))",
            "Nullable(Dynamic)",
            "Nullable(Tuple(Int8))",
            "Nullable(Point)",
            "Nullable(Ring)",
            "Nullable(SimpleAggregateFunction(max, Int8))",
            "LowCardinality(JSON)",
            "Map(Dynamic, Int8)",
            "Map(JSON, Int8)",
            "Dynamic(8)",
            "Dynamic(max_types=255)",
            "Time64",
            "Time64(10)",
            "Time(3)",
            "Time64(3, 'UTC')",
            "Point(3)",
            "Geometry",
            "Object('json')",
            "SimpleAggregateFunction(avg, Float64)",
            "SimpleAggregateFunction(summ, UInt64)",
            "SimpleAggregateFunction(sum, UInt32)",
            "SimpleAggregateFunction(sum, Decimal(10, 2))",
            "SimpleAggregateFunction(sum, String)",
            "SimpleAggregateFunction(sum(1), UInt64)",
            "SimpleAggregateFunction(sumMap, Map(String, Int8))",
            "SimpleAggregateFunction(minMap, String)",
            "SimpleAggregateFunction(max, Dynamic)",
            "SimpleAggregateFunction(groupBitAnd, Float32)",
            "SimpleAggregateFunction(groupArrayArray, String)",
            "SimpleAggregateFunction(groupArrayArray(0), Array(String))",
            "SimpleAggregateFunction(groupArrayLastArray, Array(String))",
            "SimpleAggregateFunction(groupUniqArrayArray, Array(Nullable(String)))",
            "SimpleAggregateFunction(groupUniqArrayArrayMap, Map(String, String))",
            "Tuple(null Int8)",
            "Array(Int32",
            "Array()",
            "Int8 Int8",
            "Tuple(a Int8, String)",
            "Tuple(a Int8, a Int8)",
            "String(5)",
            "",
            "Array(Float)",
            "AggregateFunction(sum, Int8)",
        ];
        let report = |text: &&str| {
            let error = ColumnType::parse(text).expect_err(text);
            let hint = error.hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
            format!("{text} @{}: {}{hint}", error.offset, error.fact)
        };
        insta::assert_snapshot!(cases.iter().map(report).collect::<Vec<_>>().join("\n"));
    }

    #[test]
    fn parameters_of_json_come_out_as_clickhouse_shows_them() {
        for (written, canonical) in [
            ("JSON()", "JSON"),
            ("JSON(max_dynamic_paths = 1024, max_dynamic_types=32)", "JSON"),
            (
                "JSON(max_dynamic_paths=8, max_dynamic_types= 4)",
                "JSON(max_dynamic_types=4, max_dynamic_paths=8)",
            ),
            (
                "JSON(SKIP c, a.b UInt32, max_dynamic_paths=8)",
                "JSON(max_dynamic_paths=8, `a.b` UInt32, SKIP c)",
            ),
            (
                "JSON(skip regexp 'x.*', SKIP b.c, z String, a Nullable(Int8))",
                "JSON(a Nullable(Int8), z String, SKIP `b.c`, SKIP REGEXP 'x.*')",
            ),
            ("JSON(`a b`.c String, `null` Int8)", "JSON(`a b.c` String, `null` Int8)"),
            ("JSON(SKIP REGEXP, SKIP String)", "JSON(SKIP REGEXP, SKIP String)"),
            ("JSON(SKIP REGEXP 'it\\'s \\\\d')", "JSON(SKIP REGEXP 'it\\'s \\\\d')"),
            ("JSON(a Array(JSON(max_dynamic_paths=3)))", "JSON(a Array(JSON(max_dynamic_paths=3)))"),
        ] {
            assert_eq!(shown(written), canonical);
        }
    }

    #[test]
    fn nesting_is_bounded_and_the_deepest_type_is_read_fast() {
        for outer in ["Array(", "Tuple(a ", "Map(String, ", "JSON(a "] {
            let nested = |depth: usize| format!("{}Int8{}", outer.repeat(depth), ")".repeat(depth));
            assert_eq!(shown(&nested(MAX_DEPTH - 1)), nested(MAX_DEPTH - 1));
            assert!(ColumnType::parse(&nested(MAX_DEPTH)).is_err());
            assert!(ColumnType::parse(&nested(100_000)).is_err());
        }
    }

    fn any_scalar() -> impl Strategy<Value = ColumnType> {
        let zone = prop::option::of(Just("Europe/Berlin".to_owned()));
        let zone64 = prop::option::of(Just("UTC".to_owned()));
        prop_oneof![
            (0..6u32, any::<bool>()).prop_map(|(power, signed)| ColumnType::Int { bits: 8 << power, signed }),
            Just(ColumnType::Float32),
            Just(ColumnType::BFloat16),
            Just(ColumnType::Time),
            (0..=9u8).prop_map(|precision| ColumnType::Time64 { precision }),
            prop::sample::select(Geo::ALL.to_vec()).prop_map(ColumnType::Geo),
            Just(ColumnType::SimpleAggregateFunction {
                function: "groupArrayArray(5)".into(),
                inner: Box::new(ColumnType::Array(Box::new(ColumnType::String))),
            }),
            Just(ColumnType::Bool),
            Just(ColumnType::String),
            Just(ColumnType::Uuid),
            Just(ColumnType::Ipv6),
            Just(ColumnType::Date32),
            (1..1000usize).prop_map(ColumnType::FixedString),
            (1..=76u8)
                .prop_flat_map(|p| (Just(p), 0..=p))
                .prop_map(|(precision, scale)| ColumnType::Decimal { precision, scale }),
            zone.prop_map(|time_zone| ColumnType::DateTime { time_zone }),
            (0..=9u8, zone64)
                .prop_map(|(precision, time_zone)| ColumnType::DateTime64 { precision, time_zone }),
            prop::collection::btree_map(any::<i8>(), ".{0,4}", 1..4).prop_map(enum_of),
        ]
    }

    fn enum_of(values: std::collections::BTreeMap<i8, String>) -> ColumnType {
        let named = values.into_iter().map(|(number, name)| (format!("{name}{number}"), i16::from(number)));
        ColumnType::Enum { bits: 8, values: named.collect() }
    }

    fn any_json() -> impl Strategy<Value = ColumnType> {
        let paths = prop::collection::btree_map(".{1,6}", any_scalar(), 0..3);
        (paths, prop::option::of(".{1,6}"), prop::option::of(".{0,6}"), 0..100i64).prop_map(
            |(paths, skipped, regexp, most)| {
                let mut parameters = JsonParameters::default();
                for (path, column_type) in paths {
                    let _ = parameters.typed(&format!("a{path}"), column_type);
                }
                if let Some(path) = skipped {
                    let _ = parameters.skip(&format!("b{path}"));
                }
                if let Some(regexp) = regexp {
                    parameters.skip_regexp(regexp);
                }
                let _ = parameters.limit("max_dynamic_paths", most);
                ColumnType::Json(parameters.to_string())
            },
        )
    }

    fn variant_of(members: Vec<ColumnType>) -> ColumnType {
        let mut kept: Vec<ColumnType> = Vec::new();
        for member in members {
            if check_member(&kept, &member).is_ok() {
                kept.push(member);
            }
        }
        kept.sort_by_cached_key(ColumnType::to_string);
        if kept.is_empty() { ColumnType::String } else { ColumnType::Variant(kept) }
    }

    fn any_type() -> impl Strategy<Value = ColumnType> {
        let scalar = prop_oneof![
            any_scalar(),
            any_scalar()
                .prop_map(|inner| ColumnType::Nullable(Box::new(inner)))
                .prop_filter("Nullable", |outer| check_nullable(outer.stripped()).is_ok()),
            any_json(),
            (0..32u8).prop_map(|most| ColumnType::Dynamic { max_types: Some(most) }),
            Just(ColumnType::LowCardinality(Box::new(ColumnType::String))),
        ];
        scalar.prop_recursive(4, 20, 3, |inner| {
            prop_oneof![
                inner.clone().prop_map(|inner| ColumnType::Array(Box::new(inner))),
                inner
                    .clone()
                    .prop_map(|value| ColumnType::Map(Box::new(ColumnType::String), Box::new(value))),
                prop::collection::vec(inner.clone(), 1..4).prop_map(|elements| ColumnType::Tuple(
                    elements.into_iter().map(|t| (None, t)).collect()
                )),
                prop::collection::vec(inner.clone(), 1..4).prop_map(variant_of),
                prop::collection::btree_map(".{1,6}", inner, 1..4).prop_map(|elements| {
                    ColumnType::Tuple(elements.into_iter().map(|(n, t)| (Some(n), t)).collect())
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn shown_types_read_back(column_type in any_type()) {
            prop_assert_eq!(ColumnType::parse(&column_type.to_string()), Ok(column_type));
        }

        #[test]
        fn any_text_is_read_or_refused_at_a_place_inside(text in "[A-Za-z0-9(),' `=.é]{0,60}") {
            if let Err(error) = ColumnType::parse(&text) {
                prop_assert!(text.is_char_boundary(error.offset));
            }
        }
    }
}
