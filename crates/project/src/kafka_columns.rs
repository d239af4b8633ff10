//! What Kafka itself tells of a record, under the names that ClickPipes gives it.

use crate::automatic;
use crate::column_type::ColumnType;
use crate::diagnostics::{Finding, Report};
use crate::model::{KafkaColumn, Path};
use crate::schema::PlacedColumn;
use crate::syntax::Entry;

impl KafkaColumn {
    /// Every one of them.
    pub const ALL: [KafkaColumn; 10] = [
        KafkaColumn::Key,
        KafkaColumn::Timestamp,
        KafkaColumn::Partition,
        KafkaColumn::Offset,
        KafkaColumn::Topic,
        KafkaColumn::Headers,
        KafkaColumn::HeaderKeys,
        KafkaColumn::HeaderValues,
        KafkaColumn::RawMessage,
        KafkaColumn::IsDeleted,
    ];

    /// The name of a column that gets its values, where the schema gives it no path.
    pub fn name(self) -> &'static str {
        match self {
            KafkaColumn::Key => "_key",
            KafkaColumn::Timestamp => "_timestamp",
            KafkaColumn::Partition => "_partition",
            KafkaColumn::Offset => "_offset",
            KafkaColumn::Topic => "_topic",
            KafkaColumn::Headers => "__headers",
            KafkaColumn::HeaderKeys => "_header_keys",
            KafkaColumn::HeaderValues => "_header_values",
            KafkaColumn::RawMessage => "_raw_message",
            KafkaColumn::IsDeleted => "_is_deleted",
        }
    }

    /// The column of this name; `__deleted` is another one for `_is_deleted`.
    pub fn named(name: &str) -> Option<KafkaColumn> {
        match name {
            "__deleted" => Some(KafkaColumn::IsDeleted),
            _ => KafkaColumn::ALL.into_iter().find(|column| column.name() == name),
        }
    }

    /// Types that its values fit, as a person would say it; the first is the usual one.
    pub fn types(self) -> &'static str {
        match self {
            KafkaColumn::Key | KafkaColumn::Topic | KafkaColumn::RawMessage => {
                "String, LowCardinality(String) or Nullable of these"
            }
            KafkaColumn::Timestamp => "DateTime64(3), DateTime or Nullable of these",
            KafkaColumn::Partition => "Int32, or another integer of 16 to 64 bits",
            KafkaColumn::Offset => "Int64 or UInt64",
            KafkaColumn::Headers => "Map(String, String)",
            KafkaColumn::HeaderKeys | KafkaColumn::HeaderValues => "Array(String)",
            KafkaColumn::IsDeleted => "UInt8 or Bool",
        }
    }

    /// Whether a column of this type can hold its values.
    pub fn fits(self, column_type: &ColumnType) -> bool {
        let text = || Box::new(ColumnType::String);
        match self {
            KafkaColumn::Key | KafkaColumn::Topic | KafkaColumn::RawMessage => {
                is_plain(column_type) && *column_type.stripped() == ColumnType::String
            }
            KafkaColumn::Timestamp => {
                let is_time =
                    |inner| matches!(inner, &ColumnType::DateTime { .. } | &ColumnType::DateTime64 { .. });
                is_plain(column_type) && is_time(column_type.stripped())
            }
            KafkaColumn::Partition => matches!(column_type, ColumnType::Int { bits: 16 | 32 | 64, .. }),
            KafkaColumn::Offset => matches!(column_type, ColumnType::Int { bits: 64, .. }),
            KafkaColumn::Headers => *column_type == ColumnType::Map(text(), text()),
            KafkaColumn::HeaderKeys | KafkaColumn::HeaderValues => *column_type == ColumnType::Array(text()),
            KafkaColumn::IsDeleted => {
                matches!(column_type, ColumnType::Bool | ColumnType::Int { bits: 8, signed: false })
            }
        }
    }
}

fn is_plain(column_type: &ColumnType) -> bool {
    !column_type.contains(|inner| matches!(inner, ColumnType::SimpleAggregateFunction { .. }))
}

/// Gives columns of ClickPipes' names that have no path the values those names stand for, and checks every column
/// that Kafka fills. Automatic columns have been looked at before.
pub(crate) fn resolve(columns: &mut [PlacedColumn], entry: &Entry, report: &mut Report) {
    for placed in columns {
        if automatic::is_automatic(&placed.column.name) {
            continue;
        }
        let meant = KafkaColumn::named(&placed.column.name).filter(|_| !placed.has_path);
        if let Some(column) = meant {
            placed.column.path = Path::Kafka(column);
        }
        if let Path::Kafka(column) = placed.column.path
            && let Some(finding) = trouble(placed, column)
        {
            report.add_at(entry, finding);
        }
    }
}

fn trouble(placed: &PlacedColumn, of: KafkaColumn) -> Option<Finding> {
    let column = &placed.column;
    let name = &column.name;
    if !of.fits(&column.column_type) {
        let fact =
            format!("column \"{name}\" is {}, which cannot hold Kafka's {}", column.column_type, of.name());
        let hint = match placed.has_path {
            true => format!("make it {}", of.types()),
            false => format!("make it {}; a field of the record needs the path `json:$.{name}`", of.types()),
        };
        return Some(Finding::error("kafka-column", placed.type_span, fact).hint(hint));
    }
    column.default.is_some().then(|| {
        let fact = format!("column \"{name}\" holds Kafka's {}, which needs no DEFAULT", of.name());
        Finding::error("kafka-column", placed.name_span, fact)
            .hint(format!("remove DEFAULT; a field of the record needs the path `json:$.{name}`"))
    })
}
