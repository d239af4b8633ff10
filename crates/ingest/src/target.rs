//! The columns a data source's table has, and where each value comes from.

use forebay_project::automatic::automatic_columns;
use forebay_project::column_type::ColumnType;
use forebay_project::model::{Datasource, KafkaColumn, KafkaSource, Path};

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
    /// A path into the decoded value or key.
    Path(Path),
    /// The topic's name.
    Topic,
    /// The Kafka partition.
    Partition,
    /// The offset within the partition.
    Offset,
    /// The record's timestamp, cut to the column's precision; when it has none NULL, or 1970-01-01 00:00:00.
    Timestamp,
    /// The key's bytes; of a null key NULL, or empty.
    Key,
    /// Header names and values: `Map(String, String)`; a null value is empty.
    Headers,
    /// The names of the headers: `Array(String)`.
    HeaderKeys,
    /// The values of the headers: `Array(String)`; a null value is empty.
    HeaderValues,
    /// The value's bytes; of a tombstone NULL, or empty.
    RawValue,
    /// 1 for a tombstone, else 0.
    IsDeleted,
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
            source: source_of(&column.path),
            default: column.default.clone(),
            codec: column.codec.clone(),
        })
        .collect();
    let automatic: Vec<TargetColumn> = datasource
        .kafka
        .iter()
        .filter(|kafka| kafka.automatic_columns)
        .flat_map(automatic)
        .filter(|automatic| columns.iter().all(|column| column.name != automatic.name))
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

fn source_of(path: &Path) -> ColumnSource {
    match path {
        Path::Document(_) | Path::Key(_) => ColumnSource::Path(path.clone()),
        Path::RawValue => ColumnSource::RawValue,
        Path::Kafka(column) => match column {
            KafkaColumn::Key => ColumnSource::Key,
            KafkaColumn::Timestamp => ColumnSource::Timestamp,
            KafkaColumn::Partition => ColumnSource::Partition,
            KafkaColumn::Offset => ColumnSource::Offset,
            KafkaColumn::Topic => ColumnSource::Topic,
            KafkaColumn::Headers => ColumnSource::Headers,
            KafkaColumn::HeaderKeys => ColumnSource::HeaderKeys,
            KafkaColumn::HeaderValues => ColumnSource::HeaderValues,
            KafkaColumn::RawMessage => ColumnSource::RawValue,
            KafkaColumn::IsDeleted => ColumnSource::IsDeleted,
        },
    }
}

/// Source: Tinybird documentation, Kafka connector, "Automatic columns".
fn automatic(kafka: &KafkaSource) -> impl Iterator<Item = TargetColumn> {
    let store_raw_value = kafka.store_raw_value;
    automatic_columns(kafka.store_headers).into_iter().map(move |column| TargetColumn {
        name: column.name.to_owned(),
        column_type: column.column_type,
        source: match column.name {
            "__value" if !store_raw_value => ColumnSource::Nothing,
            "__value" => ColumnSource::RawValue,
            "__topic" => ColumnSource::Topic,
            "__partition" => ColumnSource::Partition,
            "__offset" => ColumnSource::Offset,
            "__timestamp" => ColumnSource::Timestamp,
            "__headers" => ColumnSource::Headers,
            _ => ColumnSource::Key,
        },
        default: None,
        codec: None,
    })
}
