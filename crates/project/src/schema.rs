//! Columns of a `SCHEMA` block.
//!
//! `` name Type [`json:path`] [DEFAULT expression] [CODEC(…)] ``, separated by commas.

use crate::column_type::ColumnType;
use crate::diagnostics::{Finding, Report};
use crate::model::{Column, Path};
use crate::source::{Span, Value};
use crate::sql_text;
use crate::syntax::Entry;
use crate::type_names::is_type_name;
use std::ops::Range;

/// A column and where its parts stand.
pub(crate) struct PlacedColumn {
    pub(crate) column: Column,
    pub(crate) name_span: Span,
    pub(crate) type_span: Span,
    /// Whether a path was written, not derived from the name.
    pub(crate) has_path: bool,
}

/// Reads the columns; what cannot be read is reported and left out.
///
/// The second result tells whether every column was read.
pub(crate) fn columns(entry: &Entry, report: &mut Report) -> (Vec<PlacedColumn>, bool) {
    let text = sql_text::without_comments(entry.value.text());
    let mut reader =
        Reader { entry, value: &entry.value, text: &text, report, complete: true, columns: Vec::new() };
    let parts = sql_text::split_list(&text);
    let last = parts.len() - 1;
    for (index, part) in parts.into_iter().enumerate() {
        if part.is_empty() {
            reader.empty_part(&part, index == last);
            continue;
        }
        let mut rest = Some(part);
        while let Some(part) = rest {
            rest = reader.column(part);
        }
    }
    let complete = reader.complete;
    let columns = std::mem::take(&mut reader.columns);
    refuse_duplicates(&columns, entry, report);
    (columns, complete)
}

fn refuse_duplicates(columns: &[PlacedColumn], entry: &Entry, report: &mut Report) {
    for (index, placed) in columns.iter().enumerate() {
        let name = &placed.column.name;
        if let Some(first) = columns[..index].iter().find(|other| other.column.name == *name) {
            let finding = Finding::error(
                "duplicate-column",
                placed.name_span,
                format!("column \"{name}\" stands twice"),
            )
            .hint("remove or rename one of them")
            .note("first at", first.name_span);
            report.add_at(entry, finding);
        }
    }
}

struct Reader<'a> {
    entry: &'a Entry,
    value: &'a Value,
    /// The value with comments blanked; same places.
    text: &'a str,
    report: &'a mut Report,
    complete: bool,
    columns: Vec<PlacedColumn>,
}

const TYPE_HINT: &str =
    "types look like UInt32, FixedString(16), Decimal(10, 2), Array(String), Enum8('a' = 1)";

/// What may follow a type.
#[derive(Default)]
struct Clauses {
    path: Option<Path>,
    path_span: Option<Span>,
    default: Option<String>,
    default_span: Option<Span>,
    codec: Option<String>,
}

/// Words that ClickHouse allows after a type and this language does not.
const REFUSED: &[(&str, &str, &str)] = &[
    (
        "MATERIALIZED",
        "MATERIALIZED columns are not available",
        "use DEFAULT, or compute the value in a query",
    ),
    ("ALIAS", "ALIAS columns are not available", "use DEFAULT, or compute the value in a query"),
    ("EPHEMERAL", "EPHEMERAL columns are not available", "leave the column out"),
    ("TTL", "a column cannot have a TTL", "use ENGINE_TTL for the whole table"),
    ("NULL", "NULL does not stand after a type", "write the type as Nullable(T)"),
    ("NOT", "NOT NULL is not needed", "columns refuse NULL unless their type is Nullable(T)"),
    ("COMMENT", "COMMENT is not available", "begin a comment with `--`"),
    ("PRIMARY", "PRIMARY KEY does not stand in SCHEMA", "use ENGINE_PRIMARY_KEY"),
];

impl Reader<'_> {
    fn refuse(&mut self, range: Range<usize>, code: &'static str, fact: String, hint: &str) {
        self.complete = false;
        let finding = Finding::error(code, self.value.span_of(range), fact).hint(hint);
        self.report.add_at(self.entry, finding);
    }

    fn empty_part(&mut self, part: &Range<usize>, is_last: bool) {
        let is_whole = self.text.trim().is_empty();
        if is_whole {
            self.complete = false;
            let finding = Finding::error("empty-schema", self.entry.name, "SCHEMA has no columns");
            let finding = finding.hint("write one column a line: name Type `json:$.name`");
            self.report.add_at(self.entry, finding);
        } else if !is_last {
            let comma = part.end..part.end + 1;
            self.refuse(
                comma,
                "column-syntax",
                "a column is missing before this `,`".into(),
                "remove one comma",
            );
        }
    }

    /// Reads one column; returns what follows when a comma is missing after it.
    fn column(&mut self, part: Range<usize>) -> Option<Range<usize>> {
        let (name, name_range) = self.name(part.clone())?;
        let type_range = self.type_range(&name, name_range.end..part.end)?;
        let column_type = self.column_type(&name, type_range.clone());
        let (clauses, rest) = self.clauses(&name, type_range.end..part.end);
        if let (Some(column_type), Some(clauses)) = (column_type, clauses) {
            self.finish(name, name_range, type_range, column_type, clauses);
        }
        rest
    }

    fn name(&mut self, part: Range<usize>) -> Option<(String, Range<usize>)> {
        let text = &self.text[part.clone()];
        if text.starts_with('`') {
            let Some(length) = sql_text::quoted_length(text) else {
                self.refuse(
                    part.start..part.start + 1,
                    "column-syntax",
                    "the back-tick is not closed".into(),
                    "close it after the name: `name`",
                );
                return None;
            };
            let name = text[1..length - 1].to_owned();
            if name.trim().is_empty() {
                self.refuse(
                    part.start..part.start + length,
                    "column-name",
                    "a column has no name".into(),
                    "write the name between the back-ticks",
                );
                return None;
            }
            return Some((name, part.start..part.start + length));
        }
        let length = text.find(|c: char| c.is_whitespace() || matches!(c, '`' | '(')).unwrap_or(text.len());
        let name = text[..length].to_owned();
        let range = part.start..part.start + length;
        if name.eq_ignore_ascii_case("index") && text[length..].to_ascii_uppercase().contains(" TYPE ") {
            let fact = "an index does not stand in SCHEMA".to_owned();
            self.refuse(range, "column-syntax", fact, "write it into an INDEXES block");
            return None;
        }
        if !crate::text::is_identifier(&name) {
            let fact = format!("`{name}` is no column name");
            let hint = "a name is letters, digits and `_`, else it stands in back-ticks";
            self.refuse(range, "column-name", fact, hint);
            return None;
        }
        Some((name, range))
    }

    /// The name of the type with its arguments, if any.
    fn type_range(&mut self, name: &str, rest: Range<usize>) -> Option<Range<usize>> {
        let start = sql_text::trimmed(self.text, rest.clone()).start;
        let text = &self.text[start..rest.end];
        let word = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
        let is_clause = ["DEFAULT", "CODEC"].contains(&text[..word].to_ascii_uppercase().as_str());
        if word == 0 || is_clause {
            let fact = format!("column \"{name}\" has no type");
            let place = if is_clause { start..start + word } else { rest.start..rest.start };
            self.refuse(
                place,
                "column-without-type",
                fact,
                "write the type after the name; it is never guessed from DEFAULT",
            );
            return None;
        }
        let after = &text[word..];
        let gap = after.len() - after.trim_start().len();
        if !after.trim_start().starts_with('(') {
            return Some(start..start + word);
        }
        let mut closed = None;
        let inside = &after[gap + 1..];
        if let Err(at) = sql_text::find_outside(inside, |_, _| false) {
            closed = inside[at..].starts_with(')').then_some(at + 1);
        }
        let end = closed.map_or(rest.end, |length| start + word + gap + 1 + length);
        Some(start..end)
    }

    fn column_type(&mut self, name: &str, range: Range<usize>) -> Option<ColumnType> {
        let text = &self.text[range.clone()];
        match ColumnType::parse(text) {
            Ok(column_type) => Some(column_type),
            Err(error) => {
                let at = range.start + error.offset;
                let rest = &self.text[at..range.end];
                let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
                let length = if length == 0 { rest.chars().next().map_or(0, char::len_utf8) } else { length };
                let fact = format!("column \"{name}\": {}", error.fact);
                let hint = error.hint.as_deref().unwrap_or(TYPE_HINT);
                self.refuse(at..at + length, "column-type", fact, hint);
                None
            }
        }
    }

    /// Reads path, DEFAULT and CODEC. Also returns the rest, when it looks like another column.
    fn clauses(&mut self, name: &str, range: Range<usize>) -> (Option<Clauses>, Option<Range<usize>>) {
        let mut clauses = Clauses::default();
        let mut at = range.start;
        loop {
            at = sql_text::trimmed(self.text, at..range.end).start;
            let rest = &self.text[at..range.end];
            if rest.is_empty() {
                return (Some(clauses), None);
            }
            if begins_column(rest) {
                let word = rest.split_whitespace().next().unwrap_or_default();
                let fact = format!("`,` is missing between column \"{name}\" and {}", backticked(word));
                let hint = format!("put a comma after column \"{name}\"");
                self.refuse(at..at + word.len(), "missing-comma", fact, &hint);
                return (Some(clauses), Some(at..range.end));
            }
            match self.clause(name, at..range.end, &mut clauses) {
                Some(next) => at = next,
                None => return (None, None),
            }
        }
    }

    /// Reads one clause; returns where it ends, or nothing after reporting.
    fn clause(&mut self, name: &str, range: Range<usize>, clauses: &mut Clauses) -> Option<usize> {
        let rest = &self.text[range.clone()];
        if rest.starts_with('`') {
            return self.path(name, range, clauses);
        }
        let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let word = rest[..length].to_ascii_uppercase();
        let place = range.start..range.start + length.max(1);
        match word.as_str() {
            "DEFAULT" => self.default(name, place, range.end, clauses),
            "CODEC" => self.codec(name, place, range.end, clauses),
            _ => {
                self.refuse_clause(name, &word, place, rest);
                None
            }
        }
    }

    fn refuse_clause(&mut self, name: &str, word: &str, place: Range<usize>, rest: &str) {
        if let Some((_, fact, hint)) = REFUSED.iter().find(|(refused, ..)| *refused == word) {
            self.refuse(place, "column-clause", format!("column \"{name}\": {fact}"), hint);
            return;
        }
        let shown = rest.split_whitespace().next().unwrap_or_default();
        let fact = format!("column \"{name}\": {} does not belong after the type", backticked(shown));
        let end = place.start + shown.len().max(1);
        let hint = "after the type come `json:path` in back-ticks, DEFAULT and CODEC; then a comma";
        self.refuse(place.start..end, "column-clause", fact, hint);
    }

    fn path(&mut self, name: &str, range: Range<usize>, clauses: &mut Clauses) -> Option<usize> {
        let rest = &self.text[range.clone()];
        let Some(length) = sql_text::quoted_length(rest) else {
            let fact = format!("column \"{name}\": the back-tick of the path is not closed");
            self.refuse(range.start..range.start + 1, "column-path", fact, "write it as `json:$.field`");
            return None;
        };
        let place = range.start..range.start + length;
        let inside = &rest[1..length - 1];
        let Some(path) = inside.strip_prefix("json:") else {
            let fact = format!("column \"{name}\": a path begins with `json:`");
            self.refuse(place, "column-path", fact, "write it as `json:$.field`");
            return None;
        };
        if clauses.path.is_some() {
            self.refuse(
                place,
                "column-path",
                format!("column \"{name}\" has two paths"),
                "remove one of them",
            );
            return None;
        }
        match Path::parse(path.trim_end()) {
            Ok(path) => clauses.path = Some(path),
            Err(error) => {
                let at = range.start + 1 + "json:".len() + error.offset;
                let fact = format!("column \"{name}\": bad path: {}", error.fact);
                let hint = "paths look like $.a.b, $.['x-y'], $.list[:].x, #._key.a or #.__value";
                self.refuse(at..place.end - 1, "column-path", fact, hint);
                return None;
            }
        }
        clauses.path_span = Some(self.value.span_of(place.clone()));
        Some(place.end)
    }

    fn default(
        &mut self,
        name: &str,
        keyword: Range<usize>,
        end: usize,
        clauses: &mut Clauses,
    ) -> Option<usize> {
        let trouble = match (&clauses.codec, &clauses.default_span) {
            (Some(_), _) => Some(("DEFAULT must stand before CODEC", "move DEFAULT before CODEC")),
            (_, Some(_)) => Some(("there are two DEFAULT clauses", "remove one of them")),
            _ => None,
        };
        if let Some((fact, hint)) = trouble {
            self.refuse(keyword, "column-clause", format!("column \"{name}\": {fact}"), hint);
            return None;
        }
        let rest = &self.text[keyword.end..end];
        let stops = sql_text::find_outside(rest, |at, _| ends_default(rest, at));
        let length = match stops {
            Ok(stop) => stop.unwrap_or(rest.len()),
            Err(at) => {
                let place = keyword.end + at..keyword.end + at + 1;
                let fact =
                    format!("column \"{name}\": `{}` in DEFAULT has no partner", &self.text[place.clone()]);
                self.refuse(place, "column-default", fact, "close every bracket and quote");
                return None;
            }
        };
        let place = sql_text::trimmed(self.text, keyword.end..keyword.end + length);
        if place.is_empty() {
            let fact = format!("column \"{name}\": DEFAULT has no value");
            self.refuse(
                keyword,
                "column-default",
                fact,
                "write an expression after DEFAULT, such as 0 or 'text'",
            );
            return None;
        }
        clauses.default = Some(self.text[place.clone()].to_owned());
        clauses.default_span = Some(self.value.span_of(place.clone()));
        Some(keyword.end + length)
    }

    fn codec(
        &mut self,
        name: &str,
        keyword: Range<usize>,
        end: usize,
        clauses: &mut Clauses,
    ) -> Option<usize> {
        let rest = &self.text[keyword.end..end];
        let open = keyword.end + rest.len() - rest.trim_start().len();
        let inside = rest.trim_start().strip_prefix('(').unwrap_or_default();
        let length = match sql_text::find_outside(inside, |_, _| false) {
            Err(at) if inside[at..].starts_with(')') && !inside[..at].trim().is_empty() => at,
            _ => {
                let fact = format!("column \"{name}\": CODEC needs its arguments in brackets");
                self.refuse(keyword, "column-codec", fact, "write CODEC(ZSTD(1)) or CODEC(Delta, LZ4)");
                return None;
            }
        };
        if clauses.codec.is_some() {
            self.refuse(
                keyword,
                "column-clause",
                format!("column \"{name}\": there are two CODEC clauses"),
                "remove one of them",
            );
            return None;
        }
        let close = open + 1 + length + 1;
        clauses.codec = Some(self.text[open..close].to_owned());
        Some(close)
    }

    fn finish(
        &mut self,
        name: String,
        name_range: Range<usize>,
        type_range: Range<usize>,
        column_type: ColumnType,
        mut clauses: Clauses,
    ) {
        self.check_null_default(&name, &column_type, &mut clauses);
        self.check_path(&name, &column_type, &clauses);
        let has_path = clauses.path.is_some();
        self.columns.push(PlacedColumn {
            name_span: self.value.span_of(name_range),
            type_span: self.value.span_of(type_range),
            has_path,
            column: Column {
                path: clauses.path.unwrap_or_else(|| Path::of_field(&name)),
                name,
                column_type,
                default: clauses.default,
                codec: clauses.codec,
            },
        });
    }

    fn check_null_default(&mut self, name: &str, column_type: &ColumnType, clauses: &mut Clauses) {
        let is_null = clauses.default.as_deref().is_some_and(|text| text.eq_ignore_ascii_case("null"));
        if !is_null {
            return;
        }
        clauses.default = None;
        if let (false, Some(span)) = (column_type.is_nullable(), clauses.default_span) {
            let fact = format!("column \"{name}\": DEFAULT NULL needs a Nullable type, not {column_type}");
            let finding = Finding::error("column-default", span, fact);
            self.report.add_at(
                self.entry,
                finding.hint(format!("write Nullable({column_type}), or another DEFAULT")),
            );
            self.complete = false;
        }
    }

    fn check_path(&mut self, name: &str, column_type: &ColumnType, clauses: &Clauses) {
        let (Some(path), Some(span)) = (&clauses.path, clauses.path_span) else {
            return;
        };
        let trouble = match path {
            Path::RawValue if *column_type.stripped() != ColumnType::String => Some((
                format!("`#.__value` holds bytes, but the type is {column_type}"),
                "use String".to_owned(),
            )),
            _ if path.list_depth() > column_type.array_depth() => Some((
                format!("the path reads {} list level(s), but the type is {column_type}", path.list_depth()),
                format!("use Array({column_type}), or a path without `[:]`"),
            )),
            _ => None,
        };
        if let Some((fact, hint)) = trouble {
            let finding =
                Finding::error("column-path", span, format!("column \"{name}\": {fact}")).hint(hint);
            self.report.add_at(self.entry, finding);
            self.complete = false;
        }
    }
}

fn backticked(word: &str) -> String {
    let bare = word.trim_matches(['`', ',']);
    format!("`{bare}`")
}

/// Whether a DEFAULT expression ends here: at a path, at CODEC, or where the next column begins.
fn ends_default(text: &str, at: usize) -> bool {
    let rest = &text[at..];
    if rest.starts_with("`json:") {
        return true;
    }
    let before = text[..at].chars().next_back();
    if !before.is_none_or(char::is_whitespace) {
        return false;
    }
    let word = rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
    let is_keyword =
        ["CODEC", "TTL", "DEFAULT", "COMMENT"].iter().any(|keyword| word.eq_ignore_ascii_case(keyword));
    is_keyword || (text[..at].trim_end_matches([' ', '\t']).ends_with('\n') && begins_column(rest))
}

/// Whether the text reads like `name Type`.
pub(crate) fn begins_column(text: &str) -> bool {
    let name_length = match text.starts_with('`') {
        true if text.starts_with("`json:") => return false,
        true => sql_text::quoted_length(text).unwrap_or(text.len()),
        false => text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len()),
    };
    let name = &text[..name_length].to_ascii_uppercase();
    let clause =
        ["DEFAULT", "CODEC"].contains(&name.as_str()) || REFUSED.iter().any(|(word, ..)| word == name);
    let after = text[name_length..].trim_start();
    let word = after.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
    let is_type = is_type_name(word) || (!word.is_empty() && after[word.len()..].starts_with('('));
    name_length > 0 && !clause && after.len() < text.len() - name_length && is_type
}
