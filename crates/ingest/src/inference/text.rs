//! What the texts of one place have in common.

use super::distinct::Distinct;
use super::number::scalar;
use crate::convert::Scalar;
use forebay_project::column_type::ColumnType;
use std::sync::LazyLock;

/// What is known of all texts seen at one place. Forms are those that every text has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Texts {
    /// How many.
    pub(super) count: u64,
    /// Which are different.
    pub(super) distinct: Distinct,
    /// Bytes of the longest.
    pub(super) longest: usize,
    /// One bit a form that some text lacks, by its place among the candidates.
    lacking: u16,
}

/// A type that stands for texts of one form.
struct Candidate {
    column_type: ColumnType,
    scalar: Scalar,
    /// Text may convert and still mean something else: a number is also a time, any 32 digits a UUID.
    looks_right: fn(&str) -> bool,
}

/// The narrowest first: the first one that takes every text is chosen.
static CANDIDATES: LazyLock<Vec<Candidate>> = LazyLock::new(|| {
    let time = |precision| ColumnType::DateTime64 { precision, time_zone: None };
    let candidate = |column_type: ColumnType, looks_right: fn(&str) -> bool| Candidate {
        scalar: scalar(&column_type),
        column_type,
        looks_right,
    };
    vec![
        candidate(ColumnType::Date, is_bare_date),
        candidate(ColumnType::Date32, is_bare_date),
        candidate(ColumnType::DateTime { time_zone: None }, begins_with_date),
        candidate(time(3), begins_with_date),
        candidate(time(6), begins_with_date),
        candidate(time(9), begins_with_date),
        candidate(ColumnType::Uuid, |text| text.len() == 36),
        candidate(ColumnType::Ipv4, |_| true),
        candidate(ColumnType::Ipv6, |_| true),
    ]
});

fn is_bare_date(text: &str) -> bool {
    text.len() == 10 && begins_with_date(text)
}

fn begins_with_date(text: &str) -> bool {
    text.as_bytes().get(4) == Some(&b'-')
}

impl Texts {
    /// Of one text.
    pub(super) fn of(text: &str) -> Self {
        let lacking = CANDIDATES.iter().enumerate().filter(|(_, candidate)| !candidate.takes(text));
        Self {
            count: 1,
            distinct: Distinct::of(text),
            longest: text.len(),
            lacking: lacking.fold(0, |bits, (place, _)| bits | 1 << place),
        }
    }

    /// Adds what `other` knows.
    pub(super) fn merge(&mut self, other: Self) {
        self.count += other.count;
        self.distinct.merge(other.distinct);
        self.longest = self.longest.max(other.longest);
        self.lacking |= other.lacking;
    }

    /// The narrowest type that takes every text and that they look like, if it is none but String.
    pub(super) fn form(&self) -> Option<&'static ColumnType> {
        let mut candidates = CANDIDATES.iter().enumerate();
        let (_, candidate) = candidates.find(|(place, _)| self.lacking & 1 << place == 0)?;
        (self.count > 0).then_some(&candidate.column_type)
    }
}

impl Candidate {
    fn takes(&self, text: &str) -> bool {
        (self.looks_right)(text) && self.scalar.push_text(text, &mut self.scalar.empty_values()).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(texts: &[&str]) -> String {
        let mut all = Texts::default();
        texts.iter().for_each(|text| all.merge(Texts::of(text)));
        all.form().map_or("none".to_owned(), ToString::to_string)
    }

    #[test]
    fn a_form_is_what_all_texts_have() {
        for (texts, expected) in [
            (&["2024-01-02"][..], "Date"),
            (&["1931-01-02", "2024-01-02"], "Date32"),
            (&["2024-01-02T03:04:05Z", "2024-01-02"], "DateTime"),
            (&["2024-01-02 03:04:05.5", "2024-01-02 03:04:05"], "DateTime64(3)"),
            (&["1931-01-02T03:04:05Z"], "DateTime64(3)"),
            (&["2024-01-02T03:04:05.123456+02:00"], "DateTime64(6)"),
            (&["2024-01-02T03:04:05.123456789Z"], "DateTime64(9)"),
            (&["1931-01-02", "1704103200"], "none"),
            (&["1704103200"], "none"),
            (&["01234"], "none"),
            (&["00112233-4455-6677-8899-aabbccddeeff"], "UUID"),
            (&["00112233445566778899aabbccddeeff"], "none"),
            (&["10.0.0.1"], "IPv4"),
            (&["10.0.0.1", "::1"], "IPv6"),
            (&["10.0.0.1", ""], "none"),
            (&["2024-02-30"], "none"),
            (&[""], "none"),
            (&[], "none"),
        ] {
            assert_eq!(form(texts), expected, "{texts:?}");
        }
    }
}
