//! JSON values of a local file: one a line, one behind the other over several lines, or in one array.

use serde::de::{DeserializeSeed, IgnoredAny, SeqAccess, Visitor};
use serde_json::{Deserializer, value::RawValue};
use std::{
    fmt,
    io::{self, BufRead, Read},
};

/// The first values, at most `most`, as they are written. Of a file of lines, lines that are no JSON are among them.
///
/// # Errors
/// When the file cannot be read, or is not UTF-8.
pub(super) fn first_values(mut file: impl BufRead, most: usize) -> io::Result<Vec<String>> {
    let lines = first_lines(&mut file, most)?;
    let Some(first) = lines.first() else { return Ok(lines) };
    let is_value = serde_json::from_str::<IgnoredAny>(first).is_ok();
    let is_array = first.starts_with('[');
    if is_value && !(is_array && lines.len() == 1) {
        return Ok(lines);
    }
    let text = io::Cursor::new(lines.join("\n") + "\n").chain(file);
    let values = if is_array { items(text, most) } else { values(text, most) };
    // One value that is an array of others than objects is a record, and what is no JSON is shown as it is.
    let is_one_record = is_value && values.iter().any(|value| !value.starts_with('{'));
    Ok(if values.is_empty() || is_one_record { lines } else { values })
}

/// Lines that are not empty, without the space around them.
fn first_lines(file: &mut impl BufRead, most: usize) -> io::Result<Vec<String>> {
    let mut lines = Vec::new();
    let mut line = String::new();
    while lines.len() < most && file.read_line(&mut line)? > 0 {
        let text = line.trim_start_matches('\u{feff}').trim();
        if !text.is_empty() {
            lines.push(text.to_owned());
        }
        line.clear();
    }
    Ok(lines)
}

/// Values one behind the other, up to the first one that is none.
fn values(text: impl Read, most: usize) -> Vec<String> {
    let values = Deserializer::from_reader(text).into_iter::<Box<RawValue>>();
    values.map_while(Result::ok).take(most).map(|value| value.get().to_owned()).collect()
}

/// The items of an array, up to the first one that is none.
fn items(text: impl Read, most: usize) -> Vec<String> {
    let mut items = Vec::new();
    // The rest of the array, or what is wrong with it, does not matter.
    let _ = Items { into: &mut items, most }.deserialize(&mut Deserializer::from_reader(text));
    items
}

struct Items<'a> {
    into: &'a mut Vec<String>,
    most: usize,
}

impl<'de> DeserializeSeed<'de> for Items<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Items<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while self.into.len() < self.most
            && let Some(item) = items.next_element::<Box<RawValue>>()?
        {
            self.into.push(item.get().to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<String> {
        first_values(text.as_bytes(), 2).unwrap()
    }

    #[test]
    fn values_may_be_lines_or_items_or_stand_behind_each_other() {
        let expected = ["{\"a\":1}", "{\"a\":2}"];
        for text in [
            "{\"a\":1}\n\n{\"a\":2}\n{\"a\":3}\n",
            "\u{feff}{\"a\":1}\r\n{\"a\":2}\r\n",
            "[{\"a\":1},{\"a\":2},{\"a\":3}]",
            "[\n  {\"a\":1},\n  {\"a\":2}\n]\n",
            "[{\"a\":1},\n{\"a\":2},\n{\"a\":3},\n oops",
            "{\"a\":1} {\"a\":2} oops",
        ] {
            assert_eq!(values(text), expected, "{text:?}");
        }
        assert_eq!(values("{\n  \"a\": 1\n}\n{\n  \"a\": 2\n}\n"), ["{\n\"a\": 1\n}", "{\n  \"a\": 2\n}"]);
    }

    #[test]
    fn records_that_are_arrays_and_lines_that_are_no_json_stay_what_they_are() {
        assert_eq!(values("[1,2]\n[3]\n"), ["[1,2]", "[3]"]);
        assert_eq!(values("[1,2]"), ["[1,2]"]);
        assert_eq!(values("oops\n{}"), ["oops", "{}"]);
        assert!(values("\u{feff} \r\n\n").is_empty());
        assert_eq!(first_values(&b"{\"a\":\"\xff\"}"[..], 2).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
