//! Rows of CSV and TSV files as JSON objects.
//!
//! Every field is text. Those that are written as JSON numbers are, or as true and false, are taken for them, so that
//! `01234` stays the text that it is; an empty field is null.

use serde_json::{Value, value::RawValue};

/// A table whose columns have names.
#[derive(Debug, Default)]
pub(super) struct TextTable {
    /// Rows as JSON objects.
    pub(super) documents: Vec<String>,
    /// Whether the first row is the names.
    pub(super) has_header: bool,
}

impl TextTable {
    /// Reads rows, each a JSON array of texts and nulls.
    pub(super) fn read(rows: &str) -> Self {
        let mut rows = rows.lines().filter_map(|row| serde_json::from_str::<Vec<Value>>(row).ok()).peekable();
        let first = rows.peek().cloned().unwrap_or_default();
        let has_header = is_header(&first);
        let names = names(if has_header { &first } else { &[] }, first.len());
        let rows = rows.skip(usize::from(has_header));
        Self { documents: rows.map(|row| object(&names, &row)).collect(), has_header }
    }
}

/// A row of names: no field is a number, a date, true or false, and no name comes twice. Some may have none: the index of
/// a pandas table does not.
fn is_header(row: &[Value]) -> bool {
    let mut seen = Vec::new();
    let named = row.iter().filter_map(Value::as_str).filter(|name| !name.is_empty());
    let mut are_names = named.map(|name| {
        let is_date = name.len() >= 10 && name.as_bytes()[..4].iter().all(u8::is_ascii_digit);
        let is_name = plain(name).is_none() && !is_date && !seen.contains(&name);
        seen.push(name);
        is_name
    });
    are_names.all(|is_name| is_name) && !seen.is_empty()
}

/// The names in the header, and places for what has none.
fn names(header: &[Value], count: usize) -> Vec<String> {
    let name = |place: usize| {
        let name = header.get(place).and_then(Value::as_str).unwrap_or_default();
        let name = name.trim_start_matches('\u{feff}');
        if name.is_empty() { format!("c{}", place + 1) } else { name.to_owned() }
    };
    (0..count).map(name).collect()
}

fn object(names: &[String], row: &[Value]) -> String {
    let member = |(name, field): (&String, &Value)| {
        let value = match field.as_str() {
            None | Some("") => "null".to_owned(),
            Some(text) => plain(text).map_or_else(|| field.to_string(), str::to_owned),
        };
        format!("{}:{value}", Value::from(name.as_str()))
    };
    let members: Vec<String> = names.iter().zip(row).map(member).collect();
    format!("{{{}}}", members.join(","))
}

/// A JSON number, true or false, if the text is one.
fn plain(text: &str) -> Option<&str> {
    let is_word = matches!(text, "true" | "false");
    let is_number = text.starts_with(|c: char| c.is_ascii_digit() || c == '-')
        && serde_json::from_str::<&RawValue>(text).is_ok_and(|raw| raw.get() == text);
    (is_word || is_number).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_words_are_told_from_text() {
        let table = TextTable::read(
            "[\"id\",\"zip\",\"ok\",\"big\"]\n[\"1\",\"01234\",\"true\",\"18446744073709551616\"]\n[\"-2.50\",\"\",null,\"a\\\"b\"]\n",
        );
        assert!(table.has_header);
        let expected = [
            "{\"id\":1,\"zip\":\"01234\",\"ok\":true,\"big\":18446744073709551616}",
            "{\"id\":-2.50,\"zip\":null,\"ok\":null,\"big\":\"a\\\"b\"}",
        ];
        assert_eq!(table.documents, expected);
    }

    #[test]
    fn a_first_row_of_values_is_no_header() {
        for row in ["[\"1\",\"Ada\"]", "[\"Ada\",\"Ada\"]", "[\"Ada\",\"2024-01-02\"]", "[\"Ada\",\"true\"]"]
        {
            let table = TextTable::read(row);
            assert!(!table.has_header, "{row}");
            assert_eq!(table.documents.len(), 1);
            assert!(table.documents[0].starts_with("{\"c1\":"), "{}", table.documents[0]);
        }
        assert!(TextTable::read("").documents.is_empty());
    }

    #[test]
    fn a_header_may_lack_names_and_begin_with_a_byte_order_mark() {
        let table = TextTable::read("[\"\u{feff}a\",\"\",\"b\"]\n[\"1\",\"2\",\"3\"]");
        assert_eq!(table.documents, ["{\"a\":1,\"c2\":2,\"b\":3}"]);
    }
}
