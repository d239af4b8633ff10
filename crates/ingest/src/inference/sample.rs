//! One JSON value as a tree, for looking at samples. Numbers keep their text, so that none is rounded.

use crate::json;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// A value of a sampled record.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Sample {
    Null,
    Bool(bool),
    /// As written.
    Number(String),
    Text(String),
    List(Vec<Sample>),
    /// Members in order; of repeated names only the last one.
    Object(Vec<(String, Sample)>),
}

impl Sample {
    /// Reads one JSON value; `None` when no decoder would take it for one, or when one of its texts stands for none.
    pub(super) fn read(document: &[u8]) -> Option<Self> {
        if !json::is_valid(document) {
            return None;
        }
        Self::of(std::str::from_utf8(document).ok()?.trim_ascii())
    }

    /// `text` is valid JSON without space around it, at most 127 levels deep.
    fn of(text: &str) -> Option<Self> {
        Some(match text.as_bytes().first()? {
            b'n' => Self::Null,
            b't' => Self::Bool(true),
            b'f' => Self::Bool(false),
            b'"' => Self::Text(serde_json::from_str(text).ok()?),
            b'[' => {
                let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
                Self::List(items.into_iter().map(|item| Self::of(item.get())).collect::<Option<_>>()?)
            }
            b'{' => {
                let Members(members) = serde_json::from_str(text).ok()?;
                let members = members.into_iter().map(|(name, value)| Some((name, Self::of(value.get())?)));
                Self::Object(members.collect::<Option<_>>()?)
            }
            _ => Self::Number(text.to_owned()),
        })
    }
}

/// An object's members in order; a repeated name stands where it stood first, with its last value.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members: Vec<(String, &RawValue)> = Vec::new();
        let mut places = std::collections::HashMap::new();
        while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
            let next = members.len();
            match *places.entry(name.clone()).or_insert(next) {
                place if place == next => members.push((name, value)),
                place => members[place].1 = value,
            }
        }
        Ok(Members(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_text_and_the_last_of_repeated_names_counts() {
        let sample = Sample::read(br#" {"a": 1.50, "b": 1e400, "a": [null, "\u00e9"]} "#);
        let list = Sample::List(vec![Sample::Null, Sample::Text("é".to_owned())]);
        let number = Sample::Number("1e400".to_owned());
        assert_eq!(sample, Some(Sample::Object(vec![("a".to_owned(), list), ("b".to_owned(), number)])));
    }

    #[test]
    fn what_is_no_json_is_no_sample() {
        for document in [&b"{"[..], b"", b"{} {}", b"\xff", br#""\ud800""#, b"[01]"] {
            assert_eq!(Sample::read(document), None, "{document:?}");
        }
    }
}
