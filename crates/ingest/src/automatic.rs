//! Columns filled from what Kafka says of a record, a batch at a time.

use crate::column_batch::{Column, ColumnBatch, Values};
use crate::convert::{RuleKind, Scalar, SourceType, Value, rule};
use crate::error::{Error, Kind};
use crate::quarantine::Defect;
use crate::records::{Record, RecordBatch};
use crate::target::{ColumnSource, TargetColumn};
use forebay_project::column_type::ColumnType;
use forebay_project::model::Path;

/// The columns that are not read from a document.
#[derive(Clone, Debug)]
pub(crate) struct Automatic {
    columns: Vec<AutomaticColumn>,
}

#[derive(Clone, Debug)]
struct AutomaticColumn {
    /// Index among the target columns.
    index: usize,
    source: ColumnSource,
    scalar: Scalar,
    /// Digits after the second that the column can hold.
    precision: u8,
}

impl Automatic {
    /// # Errors
    /// [`Kind::Invalid`] when a column cannot hold what it is filled with.
    pub(crate) fn compile(columns: &[TargetColumn]) -> Result<Self, Error> {
        let automatic = columns.iter().enumerate().filter(|(_, column)| {
            !matches!(column.source, ColumnSource::Path(Path::Document(_) | Path::Key(_)))
        });
        let compiled = automatic.map(|(index, column)| AutomaticColumn::compile(index, column));
        Ok(Self { columns: compiled.collect::<Result<_, _>>()? })
    }

    /// What of the record does not fit its column.
    pub(crate) fn defect(&self, record: Record<'_>, scratch: &mut Scratch) -> Option<Defect> {
        self.columns.iter().filter(|column| column.may_not_fit()).find_map(|column| {
            let value = column.value(record)?;
            let refused = column.scalar.push(value, scratch.values(&column.scalar)).err()?;
            let detail = match column.source {
                ColumnSource::Partition => record.partition().to_string(),
                _ => format!("{:?}", record.timestamp_ms().unwrap_or_default()),
            };
            Some(Defect { column: Some(column.index), reason: refused.reason, detail })
        })
    }

    /// Appends a row for each of the records, all of which passed [`Self::defect`].
    pub(crate) fn fill(&self, records: &RecordBatch, decoded: &[usize], rows: &mut ColumnBatch) {
        for automatic in &self.columns {
            let column = &mut rows.columns[automatic.index];
            for &record in decoded {
                automatic.append(column, records, records.get(record));
            }
            if let Some(absent) = &mut column.absent {
                absent.resize(absent.len() + decoded.len(), 0);
            }
        }
    }
}

/// Where values are put to see whether they fit.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scratch {
    values: Option<Values>,
}

impl Scratch {
    fn values(&mut self, scalar: &Scalar) -> &mut Values {
        self.values.insert(scalar.empty_values())
    }
}

impl AutomaticColumn {
    fn compile(index: usize, column: &TargetColumn) -> Result<Self, Error> {
        let is_raw = matches!(column.source, ColumnSource::RawValue | ColumnSource::Key);
        if is_raw && rule(SourceType::Bytes, &column.column_type).kind == RuleKind::Refused {
            return Err(refused(column, "raw bytes only fit a String\nmake the type String"));
        }
        let scalar_type = match &column.source {
            // Names and values of headers are text, of whatever list or map they are items.
            ColumnSource::Headers | ColumnSource::HeaderKeys | ColumnSource::HeaderValues => {
                &ColumnType::String
            }
            _ => column.column_type.stripped(),
        };
        let precision = match scalar_type {
            ColumnType::DateTime64 { precision, .. } => *precision,
            _ => 0,
        };
        let scalar = Scalar::compile(scalar_type).map_err(|error| refused(column, &error.to_string()))?;
        Ok(Self { index, source: column.source.clone(), scalar, precision })
    }

    fn may_not_fit(&self) -> bool {
        matches!(self.source, ColumnSource::Partition | ColumnSource::Timestamp)
    }

    /// The value of a record; `None` where it has none.
    fn value<'r>(&self, record: Record<'r>) -> Option<Value<'r>> {
        Some(match self.source {
            ColumnSource::Partition => Value::Int(record.partition().into()),
            ColumnSource::Offset => Value::Int(record.offset()),
            ColumnSource::Timestamp => self.timestamp(record.timestamp_ms()?),
            ColumnSource::Key => Value::Bytes(record.key()?),
            ColumnSource::RawValue => Value::Bytes(record.value()?),
            ColumnSource::IsDeleted => Value::Int(record.value().is_none().into()),
            _ => return None,
        })
    }

    /// Cut to what the column can hold: everybody expects that of a record's time, as brokers and clients do it too.
    fn timestamp(&self, epoch_ms: i64) -> Value<'static> {
        let precision = self.precision.min(3);
        let ticks = epoch_ms.div_euclid(10_i64.pow(u32::from(3 - precision)));
        Value::Timestamp { ticks: ticks.into(), precision, local: false }
    }

    fn append(&self, column: &mut Column, batch: &RecordBatch, record: Record<'_>) {
        match self.source {
            ColumnSource::Headers => return append_headers(column, record, &[Header::Name, Header::Value]),
            ColumnSource::HeaderKeys => return append_headers(column, record, &[Header::Name]),
            ColumnSource::HeaderValues => return append_headers(column, record, &[Header::Value]),
            _ => {}
        }
        let value = match self.source {
            ColumnSource::Topic => Some(Value::Bytes(batch.topic.as_bytes())),
            _ => self.value(record),
        };
        let pushed = value.and_then(|value| self.scalar.push(value, &mut column.values).ok());
        if pushed.is_none() {
            self.scalar.push_zero(&mut column.values);
        }
        if let Some(nulls) = &mut column.nulls {
            nulls.push(pushed.is_none().into());
        }
    }
}

fn refused(column: &TargetColumn, why: &str) -> Error {
    Error::new(Kind::Invalid, format!("column \"{}\": {why}", column.name))
}

/// A part of a header.
#[derive(Clone, Copy, Debug)]
enum Header {
    Name,
    Value,
}

/// Appends a list of the wanted parts: the part itself, or a tuple of several.
fn append_headers(column: &mut Column, record: Record<'_>, parts: &[Header]) {
    let Values::List { ends, items } = &mut column.values else {
        unreachable!("headers go into lists and maps only: the project was checked");
    };
    for (name, value) in record.headers() {
        for (index, part) in parts.iter().enumerate() {
            let text = match part {
                Header::Name => name,
                Header::Value => value.unwrap_or_default(),
            };
            let item = match &mut items.values {
                Values::Tuple(elements) => &mut elements[index].values,
                values => values,
            };
            push_text(item, text);
        }
    }
    ends.push(items.row_count());
}

fn push_text(values: &mut Values, text: &[u8]) {
    if let Values::Bytes { ends, bytes } = values {
        bytes.extend_from_slice(text);
        ends.push(bytes.len());
    }
}
