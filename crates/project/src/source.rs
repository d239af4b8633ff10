//! File texts, places in them, and text that remembers where it came from.

use serde::Serialize;
use std::ops::Range;

/// One datafile, as the edge read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// Path relative to the project folder, with `/` between folders.
    pub path: String,
    /// Whole text.
    pub text: String,
}

/// A half-open byte range of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Span {
    /// Index of the file in the list that was parsed.
    pub file: usize,
    /// First byte.
    pub start: usize,
    /// Byte after the last.
    pub end: usize,
}

impl Span {
    /// The empty place at the beginning of a file.
    pub fn file_start(file: usize) -> Span {
        Span { file, start: 0, end: 0 }
    }

    /// The smallest range holding both; spans of different files keep the first.
    pub fn to(self, other: Span) -> Span {
        if self.file != other.file {
            return self;
        }
        Span { file: self.file, start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

/// Text of a directive in which every byte knows its place in the file.
///
/// Comments and quotes may have been cut out and `$VAR` replaced, so the text alone
/// would not tell where a mistake stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    text: String,
    /// Start and end in the file, for each byte of `text`.
    origins: Vec<(usize, usize)>,
    file: usize,
    /// Where an empty value would stand.
    anchor: usize,
}

impl Value {
    /// An empty value standing at byte `anchor` of a file.
    pub fn empty(file: usize, anchor: usize) -> Value {
        Value { text: String::new(), origins: Vec::new(), file, anchor }
    }

    /// A value copied from byte `start` of a file.
    pub fn copied(file: usize, start: usize, text: &str) -> Value {
        let mut value = Value::empty(file, start);
        value.push(text, start);
        value
    }

    /// Appends text that stands in the file at byte `start`.
    pub fn push(&mut self, text: &str, start: usize) {
        self.text.push_str(text);
        self.origins.extend((start..start + text.len()).map(|at| (at, at + 1)));
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Place of the whole value.
    pub fn span(&self) -> Span {
        self.span_of(0..self.text.len())
    }

    /// Place of a byte range of the text.
    pub fn span_of(&self, range: Range<usize>) -> Span {
        let start = self.place_of(range.start);
        let end = match range.end.checked_sub(1) {
            Some(last) if range.end > range.start => self.origins.get(last).map_or(start, |origin| origin.1),
            _ => start,
        };
        Span { file: self.file, start, end: end.max(start) }
    }

    fn place_of(&self, at: usize) -> usize {
        match self.origins.get(at) {
            Some(origin) => origin.0,
            None => self.origins.last().map_or(self.anchor, |last| last.1),
        }
    }

    /// A part of the value. The range must lie on character boundaries.
    pub fn slice(&self, range: Range<usize>) -> Value {
        Value {
            text: self.text[range.clone()].to_owned(),
            anchor: self.place_of(range.start),
            origins: self.origins[range].to_vec(),
            file: self.file,
        }
    }

    /// Without white space at both ends.
    pub fn trimmed(&self) -> Value {
        let start = self.text.len() - self.text.trim_start().len();
        let end = start + self.text.trim().len();
        self.slice(start..end)
    }

    /// Without one outer pair of quotes, when the closing one is the last character.
    pub fn unquoted(&self) -> Value {
        let Some(quote) = self.text.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
            return self.clone();
        };
        match self.text[1..].find(quote) {
            Some(at) if at + 2 == self.text.len() => self.slice(1..at + 1),
            // Templates hold quotes of their own.
            Some(_) if self.text.ends_with(quote) && self.text[1..].trim_start().starts_with("{{") => {
                self.slice(1..self.text.len() - 1)
            }
            _ => self.clone(),
        }
    }

    /// Replaces `$NAME` and `${NAME}` of the given pairs; other names stay as they are.
    pub fn substituted(&self, pairs: &[(String, String)]) -> Value {
        let mut result = Value::empty(self.file, self.anchor);
        let mut at = 0;
        for (range, name) in variables(&self.text) {
            let Some((_, replacement)) = pairs.iter().find(|(key, _)| key == name) else {
                continue;
            };
            result.extend(&self.slice(at..range.start));
            let origin = self.span_of(range.clone());
            result.text.push_str(replacement);
            let origins = std::iter::repeat_n((origin.start, origin.end), replacement.len());
            result.origins.extend(origins);
            at = range.end;
        }
        result.extend(&self.slice(at..self.text.len()));
        result
    }

    fn extend(&mut self, other: &Value) {
        self.text.push_str(&other.text);
        self.origins.extend_from_slice(&other.origins);
    }
}

/// Every `$NAME` and `${NAME}` of a text with its range.
pub(crate) fn variables(text: &str) -> Vec<(Range<usize>, &str)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(dollar) = text[at..].find('$').map(|offset| at + offset) {
        let rest = &text[dollar + 1..];
        let braced = rest.strip_prefix('{').and_then(|inner| {
            let name = leading_name(inner);
            inner[name.len()..].starts_with('}').then_some(name)
        });
        let (name, length) = match braced {
            Some(name) => (name, name.len() + 3),
            None => (leading_name(rest), leading_name(rest).len() + 1),
        };
        if !name.is_empty() {
            found.push((dollar..dollar + length, name));
        }
        at = dollar + length;
    }
    found
}

fn leading_name(text: &str) -> &str {
    let end = text
        .char_indices()
        .find(|(at, c)| !(c.is_ascii_alphabetic() || *c == '_' || (*at > 0 && c.is_ascii_digit())))
        .map_or(text.len(), |(at, _)| at);
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_survive_cutting_and_replacing() {
        let value = Value::copied(0, 10, "\"a-$X-${Y}-$Z\"").unquoted();
        let replaced = value.substituted(&[("X".into(), "long text".into()), ("Y".into(), String::new())]);
        assert_eq!(replaced.text(), "a-long text--$Z");
        let x = replaced.span_of(2..11);
        assert_eq!((x.start, x.end), (13, 15));
        let z = replaced.span_of(13..15);
        assert_eq!((z.start, z.end), (21, 23));
    }

    #[test]
    fn only_a_matching_outer_pair_of_quotes_is_removed() {
        assert_eq!(Value::copied(0, 0, "'a b'").unquoted().text(), "a b");
        assert_eq!(Value::copied(0, 0, "'a' 'b'").unquoted().text(), "'a' 'b'");
        assert_eq!(Value::copied(0, 0, "'a\"").unquoted().text(), "'a\"");
        assert_eq!(Value::copied(0, 0, "'").unquoted().text(), "'");
    }
}
