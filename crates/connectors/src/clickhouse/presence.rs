//! Rows split by which of their columns had no value, for columns whose DEFAULT the engine evaluates only when the
//! insert leaves them out.

use super::native::{has_absent_rows, takes_absent_rows};
use forebay_ingest::column_batch::{Column, ColumnBatch};
use forebay_project::column_type::ColumnType;
use std::{borrow::Cow, collections::BTreeMap};

/// Rows that lack the same columns.
#[derive(Debug, PartialEq)]
pub(crate) struct PresenceGroup<'a> {
    /// Columns the insert leaves out, ascending.
    pub(crate) omitted: Vec<usize>,
    /// The rows, in chunks.
    pub(crate) chunks: Vec<Cow<'a, ColumnBatch>>,
}

/// Splits rows by the columns an insert of them must leave out; the rows that need none come first.
///
/// The split depends on the rows alone, so a retry of the same rows makes the same groups.
pub(crate) fn split<'a>(
    types: &[&ColumnType],
    chunks: impl Iterator<Item = &'a ColumnBatch>,
) -> Vec<PresenceGroup<'a>> {
    let mut groups: BTreeMap<Vec<usize>, Vec<Cow<'a, ColumnBatch>>> = BTreeMap::new();
    for chunk in chunks {
        for (omitted, rows) in split_chunk(types, chunk) {
            groups.entry(omitted).or_default().push(rows);
        }
    }
    groups.into_iter().map(|(omitted, chunks)| PresenceGroup { omitted, chunks }).collect()
}

fn split_chunk<'a>(types: &[&ColumnType], chunk: &'a ColumnBatch) -> Vec<(Vec<usize>, Cow<'a, ColumnBatch>)> {
    let deciding: Vec<usize> = (0..types.len())
        .filter(|&column| !takes_absent_rows(types[column]) && has_absent_rows(&chunk.columns[column]))
        .collect();
    if deciding.is_empty() {
        return vec![(Vec::new(), Cow::Borrowed(chunk))];
    }
    let mut rows: BTreeMap<Vec<usize>, Vec<u32>> = BTreeMap::new();
    for row in 0..chunk.row_count() {
        let is_absent = |column: &usize| lacks(&chunk.columns[*column], row);
        let omitted = deciding.iter().copied().filter(is_absent).collect();
        rows.entry(omitted).or_default().push(row as u32);
    }
    rows.into_iter().map(|(omitted, rows)| (omitted, Cow::Owned(chunk.take(&rows)))).collect()
}

fn lacks(column: &Column, row: usize) -> bool {
    column.absent.as_ref().is_some_and(|absent| absent[row] == 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use forebay_ingest::column_batch::Values;

    const BYTE: ColumnType = ColumnType::Int { bits: 8, signed: false };

    fn batch(first: &[u8], first_absent: &[u8], second_absent: &[u8]) -> ColumnBatch {
        let column = |nulls, absent: &[u8]| Column {
            values: Values::Fixed { width: 1, bytes: first.to_vec() },
            nulls,
            absent: Some(absent.to_vec()),
        };
        let columns = vec![column(None, first_absent), column(Some(vec![0; first.len()]), second_absent)];
        ColumnBatch { columns }
    }

    fn split_two<'a>(chunks: impl Iterator<Item = &'a ColumnBatch>) -> Vec<PresenceGroup<'a>> {
        split(&[&BYTE, &ColumnType::Nullable(Box::new(BYTE))], chunks)
    }

    #[test]
    fn rows_that_lack_nothing_hard_stay_together_uncopied() {
        let chunk = batch(&[1, 2], &[0, 1], &[0, 0]);
        let groups = split_two([&chunk].into_iter());
        assert_eq!(groups.len(), 1);
        assert!(groups[0].omitted.is_empty());
        assert!(matches!(groups[0].chunks[..], [Cow::Borrowed(_)]));
    }

    #[test]
    fn rows_are_split_by_the_columns_they_lack_over_all_chunks() {
        let chunks = [batch(&[1, 2, 3], &[0, 0, 0], &[0, 1, 0]), batch(&[4], &[1], &[1])];
        let groups = split_two(chunks.iter());
        let shape: Vec<(Vec<usize>, usize)> = groups
            .iter()
            .map(|group| {
                let rows = group.chunks.iter().map(|chunk| chunk.row_count()).sum();
                (group.omitted.clone(), rows)
            })
            .collect();
        assert_eq!(shape, [(vec![], 2), (vec![1], 2)]);
    }
}
