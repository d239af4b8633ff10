//! Reads column types from ClickHouse's text and refuses what ClickHouse would refuse.

use crate::column_type::ColumnType;
use crate::suggest;

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

/// Whether a word is the name of a type, its arguments aside.
pub(crate) fn is_type_name(word: &str) -> bool {
    NAMES.contains(&word) || NOT_YET.contains(&word)
}

/// Deepest nesting that is read: far beyond use, and it keeps the stack small.
const MAX_DEPTH: usize = 64;

/// Types by name, for did-you-mean.
const NAMES: &[&str] = &[
    "Int8",
    "Int16",
    "Int32",
    "Int64",
    "UInt8",
    "UInt16",
    "UInt32",
    "UInt64",
    "Float32",
    "Float64",
    "Decimal",
    "Decimal32",
    "Decimal64",
    "Decimal128",
    "Bool",
    "String",
    "FixedString",
    "Date",
    "Date32",
    "DateTime",
    "DateTime32",
    "DateTime64",
    "UUID",
    "IPv4",
    "IPv6",
    "Enum",
    "Enum8",
    "Enum16",
    "Nullable",
    "LowCardinality",
    "Array",
    "Tuple",
    "Map",
];

/// Types of ClickHouse that Forebay does not know yet.
const NOT_YET: &[&str] = &[
    "Int128",
    "Int256",
    "UInt128",
    "UInt256",
    "Decimal256",
    "BFloat16",
    "JSON",
    "Object",
    "Variant",
    "Dynamic",
    "AggregateFunction",
    "SimpleAggregateFunction",
    "Nested",
    "Time",
    "Time64",
    "Point",
    "Ring",
    "LineString",
    "MultiLineString",
    "Polygon",
    "MultiPolygon",
    "Geometry",
    "QBit",
    "Interval",
];

/// Names from other systems, and what they are called here.
const FOREIGN: &[(&str, &str)] = &[
    ("boolean", "use Bool, or UInt8 for 0 and 1"),
    ("int", "say how wide: Int8, Int16, Int32 or Int64"),
    ("integer", "say how wide: Int32 or Int64"),
    ("uint", "say how wide: UInt8, UInt16, UInt32 or UInt64"),
    ("bigint", "use Int64"),
    ("long", "use Int64"),
    ("smallint", "use Int16"),
    ("tinyint", "use Int8"),
    ("float", "use Float32 or Float64"),
    ("double", "use Float64"),
    ("real", "use Float32"),
    ("numeric", "use Decimal(precision, scale)"),
    ("number", "use Float64, Int64 or Decimal(precision, scale)"),
    ("varchar", "use String"),
    ("char", "use FixedString(length) or String"),
    ("text", "use String"),
    ("bytes", "use String: it holds any bytes"),
    ("blob", "use String: it holds any bytes"),
    ("binary", "use String: it holds any bytes"),
    ("timestamp", "use DateTime, or DateTime64(3) for milliseconds"),
    ("timestamptz", "use DateTime64(3, 'UTC')"),
    ("list", "use Array(T)"),
    ("struct", "use Tuple(name T, …)"),
];

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

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

fn error_at(offset: usize, fact: impl Into<String>) -> TypeError {
    TypeError { offset, fact: fact.into(), hint: None }
}

impl TypeError {
    fn hint(mut self, hint: impl Into<String>) -> TypeError {
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
            return Err(self.error(format!("the type is nested more than {MAX_DEPTH} deep")));
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
            true => Err(self.error(format!("{name} takes no arguments")).hint(format!("write {name}"))),
            false => Ok(column_type),
        }
    }

    fn with_arguments(&mut self, name: &str, start: usize) -> Result<ColumnType, TypeError> {
        match name {
            "Decimal" => self.decimal(),
            "Decimal32" => self.sized_decimal(9),
            "Decimal64" => self.sized_decimal(18),
            "Decimal128" => self.sized_decimal(38),
            "FixedString" => self.fixed_string(),
            "DateTime" | "DateTime32" => self.date_time(),
            "DateTime64" => self.date_time64(start),
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
            _ => Err(unknown(name, start)),
        }
    }

    fn wrapped(
        &mut self,
        check: fn(&ColumnType) -> Result<(), (String, &'static str)>,
    ) -> Result<ColumnType, TypeError> {
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
        if key.is_nullable() {
            return Err(error_at(start, format!("the key of a Map cannot be {key}"))
                .hint(format!("use {} as key", key.stripped())));
        }
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
        let Some((first, _)) = before.first() else {
            return Ok(());
        };
        if first.is_some() != name.is_some() {
            return Err(error_at(start, "some elements of the Tuple are named and some are not")
                .hint("name all of them or none"));
        }
        let twice = name.is_some() && before.iter().any(|(other, _)| other.as_deref() == name);
        match (twice, name) {
            (true, Some(name)) => Err(error_at(start, format!("the Tuple has two elements named `{name}`"))),
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
        let (precision, start) = self.number("the precision of the Decimal")?;
        if (39..=76).contains(&precision) {
            return Err(error_at(start, format!("Decimal of {precision} digits is not available yet"))
                .hint("use at most 38 digits"));
        }
        self.at = start;
        let precision = self.number_in("the precision of the Decimal", 1..=38)?;
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

/// The type of a name that takes no arguments.
fn plain(name: &str) -> Option<ColumnType> {
    let int = |bits, signed| Some(ColumnType::Int { bits, signed });
    match name {
        "Int8" => int(8, true),
        "Int16" => int(16, true),
        "Int32" => int(32, true),
        "Int64" => int(64, true),
        "UInt8" => int(8, false),
        "UInt16" => int(16, false),
        "UInt32" => int(32, false),
        "UInt64" => int(64, false),
        "Float32" => Some(ColumnType::Float32),
        "Float64" => Some(ColumnType::Float64),
        "Bool" => Some(ColumnType::Bool),
        "String" => Some(ColumnType::String),
        "Date" => Some(ColumnType::Date),
        "Date32" => Some(ColumnType::Date32),
        "UUID" => Some(ColumnType::Uuid),
        "IPv4" => Some(ColumnType::Ipv4),
        "IPv6" => Some(ColumnType::Ipv6),
        _ => None,
    }
}

fn unknown(name: &str, start: usize) -> TypeError {
    if NOT_YET.contains(&name) {
        let error = error_at(start, format!("type {name} is not available yet"));
        return match name {
            "JSON" | "Object" | "Variant" | "Dynamic" => {
                error.hint("use String: an object or array keeps its raw text")
            }
            "Nested" => error.hint("use Array(Tuple(name T, …))"),
            "SimpleAggregateFunction" => error.hint("use the type of its argument"),
            "AggregateFunction" => error.hint("store the plain values and aggregate them in queries"),
            "Int128" | "Int256" | "UInt128" | "UInt256" => {
                error.hint("use Decimal(38, 0) for up to 38 digits, else String")
            }
            _ => error,
        };
    }
    let error = error_at(start, format!("there is no type `{name}`"));
    let foreign = FOREIGN.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
    match (foreign, suggest::closest(name, NAMES.iter().copied())) {
        (Some((_, hint)), _) => error.hint(*hint),
        (None, Some(close)) => error.hint(format!("did you mean {close}?")),
        (None, None) => error,
    }
}

fn check_nullable(inner: &ColumnType) -> Result<(), (String, &'static str)> {
    let hint = match inner {
        ColumnType::Nullable(_) => "one Nullable is enough",
        ColumnType::LowCardinality(_) => "write LowCardinality(Nullable(T))",
        ColumnType::Array(_) | ColumnType::Map(..) => {
            "leave Nullable out: a missing value becomes empty; elements may be Nullable"
        }
        ColumnType::Tuple(_) => "make the elements Nullable",
        _ => return Ok(()),
    };
    Err((format!("{} cannot be inside Nullable", family(inner)), hint))
}

fn check_low_cardinality(inner: &ColumnType) -> Result<(), (String, &'static str)> {
    let value = match inner {
        ColumnType::Nullable(value) => value,
        other => other,
    };
    let allowed = matches!(
        value,
        ColumnType::String
            | ColumnType::FixedString(_)
            | ColumnType::Date
            | ColumnType::DateTime { .. }
            | ColumnType::Int { .. }
            | ColumnType::Float32
            | ColumnType::Float64
    );
    match allowed {
        true => Ok(()),
        false => Err((
            format!("{} cannot be inside LowCardinality", family(value)),
            "LowCardinality takes String, FixedString, Date, DateTime, numbers, and Nullable of these",
        )),
    }
}

/// The name of the type without its arguments.
fn family(column_type: &ColumnType) -> String {
    let text = column_type.to_string();
    text.split('(').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
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
            ("DateTime32", "DateTime"),
            ("DateTime64(3,'Europe/Berlin')", "DateTime64(3, 'Europe/Berlin')"),
            ("Enum('a','b')", "Enum8('a' = 1, 'b' = 2)"),
            ("Enum('a' = 200)", "Enum16('a' = 200)"),
            ("Enum8('a' = -5, 'it\\'s')", "Enum8('a' = -5, 'it\\'s' = -4)"),
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
            "LowCardinality(UUID)",
            "Map(Nullable(String), Int8)",
            "Enum8('a' = 1, 'b' = 1)",
            "Enum8('a', 'a')",
            "Enum8('a' = 128)",
            "FixedString(0)",
            "Decimal(39, 2)",
            "Decimal(77, 2)",
            "Decimal(4, 5)",
            "Int128",
            "JSON",
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
    fn nesting_without_end_is_refused() {
        let deep = "Array(".repeat(100_000);
        assert!(ColumnType::parse(&deep).is_err());
    }

    fn any_scalar() -> impl Strategy<Value = ColumnType> {
        let zone = prop::option::of(Just("Europe/Berlin".to_owned()));
        let zone64 = prop::option::of(Just("UTC".to_owned()));
        prop_oneof![
            (0..4u32, any::<bool>()).prop_map(|(power, signed)| ColumnType::Int { bits: 8 << power, signed }),
            Just(ColumnType::Float32),
            Just(ColumnType::Bool),
            Just(ColumnType::String),
            Just(ColumnType::Uuid),
            Just(ColumnType::Ipv6),
            Just(ColumnType::Date32),
            (1..1000usize).prop_map(ColumnType::FixedString),
            (1..=38u8)
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

    fn any_type() -> impl Strategy<Value = ColumnType> {
        let scalar = prop_oneof![
            any_scalar(),
            any_scalar().prop_map(|inner| ColumnType::Nullable(Box::new(inner))),
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
        fn any_text_is_read_or_refused_at_a_place_inside(text in "[A-Za-z0-9(),' `=é]{0,60}") {
            if let Err(error) = ColumnType::parse(&text) {
                prop_assert!(text.is_char_boundary(error.offset));
            }
        }
    }
}
