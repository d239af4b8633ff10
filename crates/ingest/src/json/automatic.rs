//! Columns filled from what Kafka says of a record, a batch at a time.

use crate::column_batch::{Column, ColumnBatch, Values};
use crate::convert::Reason;
use crate::quarantine::Defect;
use crate::records::{Record, RecordBatch};
use crate::target::{ColumnSource, TargetColumn};
use forebay_project::model::Path;

/// The columns that are not read from the record's JSON value, by their index.
#[derive(Clone, Debug)]
pub(super) struct Automatic {
    columns: Vec<(usize, ColumnSource)>,
}

impl Automatic {
    pub(super) fn compile(columns: &[TargetColumn]) -> Self {
        let sources = columns.iter().map(|column| column.source.clone());
        Self {
            columns: sources
                .enumerate()
                .filter(|(_, source)| !matches!(source, ColumnSource::Path(Path::Document(_))))
                .collect(),
        }
    }

    /// What of the record does not fit its column.
    pub(super) fn defect(&self, record: Record<'_>) -> Option<Defect> {
        self.columns.iter().find_map(|(index, source)| {
            let detail = match source {
                ColumnSource::Partition => {
                    i16::try_from(record.partition()).is_err().then(|| record.partition().to_string())
                }
                ColumnSource::Timestamp => {
                    seconds(record).is_none().then(|| format!("{:?}", record.timestamp_ms()))
                }
                _ => None,
            }?;
            Some(Defect { column: Some(*index), reason: Reason::OutOfRange, detail })
        })
    }

    /// Appends a row for each of the records, all of which passed [`Self::defect`].
    pub(super) fn fill(&self, records: &RecordBatch, decoded: &[usize], rows: &mut ColumnBatch) {
        for (index, source) in &self.columns {
            let column = &mut rows.columns[*index];
            for &record in decoded {
                append(&mut column.values, source, records, records.get(record));
            }
            let row_count = column.row_count();
            for flags in [&mut column.nulls, &mut column.absent].into_iter().flatten() {
                flags.resize(row_count, 0);
            }
        }
    }
}

/// Whole seconds since the epoch, rounded down; 0 for a record without timestamp, `None` outside of DateTime's range.
fn seconds(record: Record<'_>) -> Option<u32> {
    u32::try_from(record.timestamp_ms().unwrap_or(0).div_euclid(1000)).ok()
}

fn append(values: &mut Values, source: &ColumnSource, batch: &RecordBatch, record: Record<'_>) {
    match (source, values) {
        (ColumnSource::Headers, Values::List { ends, items }) => {
            if let Values::Tuple(entry) = &mut items.values {
                append_headers(entry, record);
            }
            ends.push(items.row_count());
        }
        (ColumnSource::Nothing, values) => append_zero(values),
        (source, Values::Fixed { bytes, .. }) => append_number(bytes, source, record),
        (source, Values::Bytes { ends, bytes }) => {
            bytes.extend_from_slice(match source {
                ColumnSource::Topic => batch.topic.as_bytes(),
                ColumnSource::Key => record.key().unwrap_or_default(),
                _ => record.value().unwrap_or_default(),
            });
            ends.push(bytes.len());
        }
        (source, _) => unreachable!("{source:?} fills no column of this shape"),
    }
}

fn append_number(bytes: &mut Vec<u8>, source: &ColumnSource, record: Record<'_>) {
    match source {
        ColumnSource::Partition => {
            let partition = i16::try_from(record.partition()).unwrap_or_default();
            bytes.extend_from_slice(&partition.to_le_bytes());
        }
        ColumnSource::Timestamp => {
            bytes.extend_from_slice(&seconds(record).unwrap_or_default().to_le_bytes());
        }
        _ => bytes.extend_from_slice(&record.offset().to_le_bytes()),
    }
}

fn append_headers(entry: &mut [Column], record: Record<'_>) {
    for (name, value) in record.headers() {
        let texts = [name, value.unwrap_or_default()];
        for (column, text) in entry.iter_mut().zip(texts) {
            if let Values::Bytes { ends, bytes } = &mut column.values {
                bytes.extend_from_slice(text);
                ends.push(bytes.len());
            }
        }
    }
}

fn append_zero(values: &mut Values) {
    match values {
        Values::Fixed { width, bytes } => bytes.resize(bytes.len() + *width, 0),
        Values::Bytes { ends, bytes } => ends.push(bytes.len()),
        Values::List { ends, items } => ends.push(items.row_count()),
        Values::Tuple(elements) => elements.iter_mut().for_each(|element| append_zero(&mut element.values)),
    }
}
