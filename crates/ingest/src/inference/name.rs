//! Names of columns, and what they tell.

use super::InferredColumn;
use forebay_project::automatic::automatic_columns;
use std::collections::BTreeSet;

/// Words a name of a time ends in.
const TIME_WORDS: [&str; 9] =
    ["ts", "time", "timestamp", "datetime", "date", "at", "epoch", "created", "updated"];

/// Units that may follow such a word.
const UNIT_WORDS: [&str; 14] = [
    "s",
    "sec",
    "secs",
    "seconds",
    "ms",
    "msec",
    "millis",
    "milliseconds",
    "us",
    "micros",
    "microseconds",
    "ns",
    "nanos",
    "utc",
];

/// Gives every column a name of its own.
#[derive(Clone, Debug)]
pub(super) struct Names {
    taken: BTreeSet<String>,
}

impl Names {
    /// Automatic columns have their names first.
    pub(super) fn new() -> Self {
        let automatic = automatic_columns(true).into_iter().map(|column| column.name.to_owned());
        Self { taken: automatic.collect() }
    }

    /// The names that these columns leave.
    pub(super) fn without(columns: &[InferredColumn]) -> Self {
        let mut names = Self::new();
        names.taken.extend(columns.iter().map(|column| column.name.clone()));
        names
    }

    /// Takes this name, if it is free.
    pub(super) fn take(&mut self, name: &str) -> bool {
        self.taken.insert(name.to_owned())
    }

    /// A free name for the value at the end of these fields: `a_b` for `$.a.b`, `a_b_2` if that is taken.
    pub(super) fn give(&mut self, fields: &[&str]) -> String {
        let joined = joined(fields);
        let mut name = joined.clone();
        for number in 2.. {
            if self.taken.insert(name.clone()) {
                break;
            }
            name = format!("{joined}_{number}");
        }
        name
    }
}

/// The names of fields in one name of letters, digits and `_`; the record itself is its `value`.
pub(super) fn joined(fields: &[&str]) -> String {
    if fields.is_empty() {
        return "value".to_owned();
    }
    let name: String = fields.join("_").chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect();
    match name.chars().next() {
        Some(first) if first.is_ascii_digit() => format!("_{name}"),
        _ => name,
    }
}

/// Whether a field of this name can stand in the path of a column; back-ticks end the path.
pub(super) fn can_be_read(field: &str) -> bool {
    !field.is_empty() && !field.contains(|c: char| c == '`' || c.is_control())
}

/// Whether the name says that the value is a point in time: `ts`, `created_at`, `eventTime`, `time_ms`.
pub(super) fn means_time(field: &str) -> bool {
    let words = words(field);
    let mut words = words.iter().rev().map(String::as_str).peekable();
    if words.peek().is_some_and(|word| UNIT_WORDS.contains(word)) {
        words.next();
    }
    words.next().is_some_and(|word| TIME_WORDS.contains(&word))
}

/// Whether the name says that the value tells one thing from another: `id`, `user_id`, `orderKey`.
pub(super) fn means_id(field: &str) -> bool {
    let last = words(field).pop();
    last.is_some_and(|word| matches!(word.as_str(), "id" | "uuid" | "guid" | "key" | "code"))
}

/// `eventTime_ms` as `event`, `time`, `ms`.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for c in name.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && !before.is_uppercase()) {
            words.push(String::new());
        }
        if let (true, Some(word)) = (c.is_alphanumeric(), words.last_mut()) {
            word.extend(c.to_lowercase());
        }
        before = c;
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_times_and_ids_are_known_by_their_last_words() {
        for name in [
            "ts",
            "created_at",
            "createdAt",
            "eventTime",
            "event-time-ms",
            "timestamp",
            "epoch_seconds",
            "Date",
        ] {
            assert!(means_time(name), "{name}");
        }
        for name in ["duration_ms", "parts", "format", "at_home", "timezone", "ms", ""] {
            assert!(!means_time(name), "{name}");
        }
        for name in ["id", "user_id", "userId", "orderKey", "UUID", "userID"] {
            assert!(means_id(name), "{name}");
        }
        assert!(!means_id("paid"));
    }

    #[test]
    fn every_column_has_a_name_of_its_own() {
        let mut names = Names::new();
        let given: Vec<String> =
            [&["a_b"][..], &["a", "b"], &["a", "b_2"], &["a-b"], &["__topic"], &["2nd"], &[]]
                .map(|fields| names.give(fields))
                .into();
        assert_eq!(given, ["a_b", "a_b_2", "a_b_2_2", "a_b_3", "__topic_2", "_2nd", "value"]);
    }
}
