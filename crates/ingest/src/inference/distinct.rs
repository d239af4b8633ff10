//! How many different texts there are, up to a limit.

use std::collections::BTreeSet;

/// As many as a LowCardinality column keeps in one dictionary without loss of speed.
///
/// Source: ClickHouse documentation, "LowCardinality": "less than 10,000 distinct values".
pub(super) const MANY: usize = 10_000;

/// The fingerprints of different texts; beyond [`MANY`] only that there are so many.
///
/// The same texts give the same fingerprints in every order, so merging does not depend on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Distinct {
    Few(BTreeSet<u64>),
    Many,
}

impl Default for Distinct {
    fn default() -> Self {
        Self::Few(BTreeSet::new())
    }
}

impl Distinct {
    /// Of one text.
    pub(super) fn of(text: &str) -> Self {
        Self::Few(BTreeSet::from([fingerprint(text)]))
    }

    /// Adds what `other` has seen.
    pub(super) fn merge(&mut self, other: Self) {
        let (Self::Few(ours), Self::Few(theirs)) = (&mut *self, other) else {
            *self = Self::Many;
            return;
        };
        ours.extend(theirs);
        if ours.len() > MANY {
            *self = Self::Many;
        }
    }

    /// Their number; `None` when there are more than [`MANY`].
    pub(super) fn count(&self) -> Option<usize> {
        match self {
            Self::Few(fingerprints) => Some(fingerprints.len()),
            Self::Many => None,
        }
    }
}

/// FNV-1a with a finish that spreads short texts: the same in every build, unlike the standard library's hasher.
fn fingerprint(text: &str) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325, step);
    (hash ^ hash >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_texts_are_counted_once_and_only_up_to_many() {
        let mut distinct = Distinct::default();
        for number in 0..MANY {
            distinct.merge(Distinct::of(&format!("user {number}")));
            distinct.merge(Distinct::of(&format!("user {}", number / 2)));
        }
        assert_eq!(distinct.count(), Some(MANY));
        distinct.merge(Distinct::of("one more"));
        assert_eq!(distinct.count(), None);
        distinct.merge(Distinct::default());
        assert_eq!(distinct, Distinct::Many);
    }
}
