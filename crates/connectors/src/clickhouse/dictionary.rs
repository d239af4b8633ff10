//! LowCardinality text as a dictionary and an index a row.
//!
//! Sent as plain text, such a column costs the engine a hash and a copy a row; as a dictionary it costs a few bytes.
//! Source: ClickHouse, `SerializationLowCardinality`, and clickhouse-go's `column/lowcardinality.go` for the wire form.

use forebay_ingest::column_batch::{Column, Values};
use forebay_project::column_type::ColumnType;
use std::collections::HashMap;

/// More distinct values than this are sent as plain text.
const MOST_KEYS: usize = 0xFFFF;
/// Places of the first look; a power of two.
const RECENT: usize = 1024;

/// `SharedDictionariesWithAdditionalKeys`
pub(super) const VERSION: u64 = 1;
/// Indexes of eight bytes.
pub(super) const WIDE_INDEXES: u64 = 3;
/// Bits above the width of the indexes: the keys follow, and there is no dictionary shared between blocks.
pub(super) const KEYS_FOLLOW: u64 = 1 << 9 | 1 << 10;

/// The distinct values of a column's chunks in order of appearance, and each row's place among them.
pub(super) struct Dictionary<'a> {
    pub(super) keys: Vec<&'a [u8]>,
    pub(super) indexes: Vec<u16>,
}

/// The type to send as a dictionary: `LowCardinality` of String or of Nullable(String).
pub(super) fn is_text_dictionary(column_type: &ColumnType) -> bool {
    let ColumnType::LowCardinality(inner) = column_type else { return false };
    match &**inner {
        ColumnType::String => true,
        ColumnType::Nullable(inner) => **inner == ColumnType::String,
        _ => false,
    }
}

impl<'a> Dictionary<'a> {
    /// `None` when the chunks hold no text or too many distinct values.
    pub(super) fn of(chunks: &[&'a Column]) -> Option<Self> {
        let rows = chunks.iter().map(|chunk| chunk.row_count()).sum();
        let mut builder = Builder::new(rows);
        // Place 0 stands for NULL.
        if chunks.iter().any(|chunk| chunk.nulls.is_some()) {
            builder.dictionary.keys.push(b"");
        }
        for chunk in chunks {
            builder.add(chunk)?;
        }
        Some(builder.dictionary)
    }

    /// Width of the indexes and what follows, as one number.
    pub(super) fn flags(&self) -> u64 {
        KEYS_FOLLOW | u64::from(self.wide())
    }

    /// The indexes as bytes.
    pub(super) fn index_bytes(&self) -> Vec<u8> {
        if self.wide() {
            self.indexes.iter().flat_map(|index| index.to_le_bytes()).collect()
        } else {
            self.indexes.iter().map(|index| *index as u8).collect()
        }
    }

    /// Whether the indexes take two bytes.
    fn wide(&self) -> bool {
        self.keys.len() > 0x100
    }
}

struct Builder<'a> {
    dictionary: Dictionary<'a>,
    places: HashMap<&'a [u8], u16>,
    /// Place of the value last seen with this hash: most rows need no more than one comparison.
    recent: Vec<u16>,
}

impl<'a> Builder<'a> {
    fn new(rows: usize) -> Self {
        Self {
            dictionary: Dictionary { keys: Vec::new(), indexes: Vec::with_capacity(rows) },
            places: HashMap::new(),
            recent: vec![u16::MAX; RECENT],
        }
    }

    fn add(&mut self, chunk: &'a Column) -> Option<()> {
        let Values::Bytes { ends, bytes } = &chunk.values else { return None };
        let mut start = 0;
        for (row, &end) in ends.iter().enumerate() {
            let null = chunk.nulls.as_ref().is_some_and(|nulls| nulls[row] == 1);
            let place = if null { 0 } else { self.place(&bytes[start..end])? };
            self.dictionary.indexes.push(place);
            start = end;
        }
        Some(())
    }

    fn place(&mut self, value: &'a [u8]) -> Option<u16> {
        let (recent, keys) = (&mut self.recent[quick_hash(value)], &mut self.dictionary.keys);
        // Place 0 may be that of NULL, so only the map knows an empty value.
        if !value.is_empty() && keys.get(usize::from(*recent)) == Some(&value) {
            return Some(*recent);
        }
        let next = u16::try_from(keys.len()).ok().filter(|_| keys.len() < MOST_KEYS)?;
        let place = *self.places.entry(value).or_insert_with(|| {
            keys.push(value);
            next
        });
        *recent = place;
        Some(place)
    }
}

/// Length and both ends of a value, mixed down to a place in `recent`.
fn quick_hash(value: &[u8]) -> usize {
    let ends = match value {
        [] => 0,
        [first, .., last] => {
            u64::from(*first) << 8 | u64::from(*last) | u64::from(value[value.len() / 2]) << 16
        }
        [only] => u64::from(*only),
    };
    let mixed = (ends | (value.len() as u64) << 24).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed >> 54) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(values: &[Option<&str>]) -> Column {
        let texts = values.iter().map(|value| value.unwrap_or_default());
        let ends = texts.clone().scan(0, |end, text| {
            *end += text.len();
            Some(*end)
        });
        Column {
            values: Values::Bytes { ends: ends.collect(), bytes: texts.collect::<String>().into_bytes() },
            nulls: values
                .contains(&None)
                .then(|| values.iter().map(|value| value.is_none().into()).collect()),
            absent: None,
        }
    }

    #[test]
    fn values_keep_their_place_across_chunks() {
        let (first, second) =
            (column(&[Some("b"), Some("a"), Some("b")]), column(&[Some("a"), Some(""), Some("c")]));
        let dictionary = Dictionary::of(&[&first, &second]).unwrap();
        assert_eq!(dictionary.keys, [&b"b"[..], b"a", b"", b"c"]);
        assert_eq!(dictionary.indexes, [0, 1, 0, 1, 2, 3]);
        assert_eq!(dictionary.index_bytes(), [0, 1, 0, 1, 2, 3]);
    }

    #[test]
    fn null_has_a_place_of_its_own_beside_the_empty_text() {
        let chunk = column(&[None, Some(""), Some("x"), None, Some("")]);
        let dictionary = Dictionary::of(&[&chunk]).unwrap();
        assert_eq!(dictionary.keys, [&b""[..], b"", b"x"]);
        assert_eq!(dictionary.indexes, [0, 1, 2, 0, 1]);
    }

    #[test]
    fn more_than_256_values_take_two_bytes_and_too_many_are_no_dictionary() {
        let texts = |count: usize| (0..count).map(|number| number.to_string()).collect::<Vec<_>>();
        let chunk =
            |texts: &[String]| column(&texts.iter().map(|text| Some(text.as_str())).collect::<Vec<_>>());
        let some = chunk(&texts(257));
        let dictionary = Dictionary::of(&[&some]).unwrap();
        assert_eq!((dictionary.flags() & 0xff, dictionary.index_bytes().len()), (1, 514));
        assert!(Dictionary::of(&[&chunk(&texts(MOST_KEYS + 1))]).is_none());
    }
}
