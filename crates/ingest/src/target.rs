//! The columns a data source's table has, and where each value comes from.

use forebay_project::column_type::ColumnType;
use forebay_project::model::{Datasource, Path};

/// One column of the landing table.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetColumn {
    /// Column name.
    pub name: String,
    /// Column type.
    pub column_type: ColumnType,
    /// Where its values come from.
    pub source: ColumnSource,
    /// `DEFAULT` expression, evaluated by the engine for the rows that lack the value.
    pub default: Option<String>,
    /// `CODEC(...)` as written, with its parentheses.
    pub codec: Option<String>,
}

/// Where the values of a column come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ColumnSource {
    /// A path into the decoded record.
    Path(Path),
    /// The topic's name: `LowCardinality(String)`.
    Topic,
    /// The Kafka partition: `Int16`.
    Partition,
    /// The offset within the partition: `Int64`.
    Offset,
    /// The record's timestamp cut to whole seconds: `DateTime`; 1970-01-01 00:00:00 when it has none.
    Timestamp,
    /// The key's bytes: `String`; a null key is empty.
    Key,
    /// Header names and values: `Map(String, String)`; a null value is empty.
    Headers,
    /// The value's bytes: `String`; a null value is empty.
    RawValue,
    /// Always the type's zero.
    Nothing,
}

/// The table's columns: those of the schema first, in order, then the automatic ones of a data source that reads Kafka.
///
/// A schema column of an automatic column's name takes its place.
pub fn target_columns(datasource: &Datasource) -> Vec<TargetColumn> {
    let mut columns: Vec<TargetColumn> = datasource
        .columns
        .iter()
        .map(|column| TargetColumn {
            name: column.name.clone(),
            column_type: column.column_type.clone(),
            source: ColumnSource::Path(column.path.clone()),
            default: column.default.clone(),
            codec: column.codec.clone(),
        })
        .collect();
    let automatic: Vec<TargetColumn> = automatic_columns(datasource)
        .into_iter()
        .filter(|(name, ..)| columns.iter().all(|column| column.name != *name))
        .map(|(name, column_type, source)| TargetColumn {
            name: name.to_owned(),
            column_type,
            source,
            default: None,
            codec: None,
        })
        .collect();
    columns.extend(automatic);
    columns
}

/// The columns that decoding fills and inserts name: those that are always zero are left to the engine.
pub fn filled_columns(datasource: &Datasource) -> Vec<TargetColumn> {
    let mut columns = target_columns(datasource);
    columns.retain(|column| column.source != ColumnSource::Nothing);
    columns
}

/// Source: Tinybird documentation, Kafka connector, "Automatic columns".
fn automatic_columns(datasource: &Datasource) -> Vec<(&'static str, ColumnType, ColumnSource)> {
    let Some(kafka) = &datasource.kafka else {
        return Vec::new();
    };
    let raw_value = if kafka.store_raw_value { ColumnSource::RawValue } else { ColumnSource::Nothing };
    let string = || Box::new(ColumnType::String);
    let mut columns = vec![
        ("__value", ColumnType::String, raw_value),
        ("__topic", ColumnType::LowCardinality(string()), ColumnSource::Topic),
        ("__partition", ColumnType::Int { bits: 16, signed: true }, ColumnSource::Partition),
        ("__offset", ColumnType::Int { bits: 64, signed: true }, ColumnSource::Offset),
        ("__timestamp", ColumnType::DateTime { time_zone: None }, ColumnSource::Timestamp),
        ("__key", ColumnType::String, ColumnSource::Key),
    ];
    if kafka.store_headers {
        columns.push(("__headers", ColumnType::Map(string(), string()), ColumnSource::Headers));
    }
    columns
}
