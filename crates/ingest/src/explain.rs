//! What each column of a data source reads, and how it is converted: the conversion table, looked up for one project.

use crate::{
    avro::AvroSchema,
    convert::{Rule, RuleKind, SourceType, rule},
    protobuf,
    target::{ColumnSource, TargetColumn},
};
use forebay_project::{
    column_type::ColumnType,
    model::{Path, PathStep},
};

/// What is known of documents before one is seen.
#[derive(Clone, Debug)]
pub enum Known {
    /// JSON values: any of JSON's types may stand anywhere.
    Json,
    /// Avro records of this schema.
    Avro(AvroSchema),
    /// Protobuf messages of this type.
    Protobuf(protobuf::Message),
    /// Text without fields.
    Text,
    /// Bytes without fields.
    Bytes,
    /// Each record names its schema, and none could be had beforehand; the reason in words.
    Nothing(String),
}

/// One column, explained.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// What is read, such as `$.a.b of the value`.
    pub reads: String,
    /// What may be found there, and what becomes of it. Empty when the schema has nothing there, or is not known.
    pub conversions: Vec<(SourceType, Rule)>,
    /// What a record without a value there gets.
    pub when_missing: Missing,
}

/// What a missing value becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// The DEFAULT of the column, by the engine.
    Default(String),
    /// NULL.
    Null,
    /// The record goes to quarantine.
    Quarantine,
    /// It is always there.
    Never,
}

/// JSON's types as the conversion table has them.
const JSON_TYPES: [SourceType; 6] = [
    SourceType::JsonNumber,
    SourceType::Text,
    SourceType::Bool,
    SourceType::Record,
    SourceType::List,
    SourceType::Null,
];

/// Explains a column; `value` and `key` tell what is known of the documents.
pub fn explain(column: &TargetColumn, value: &Known, key: &Known) -> Explanation {
    match &column.source {
        ColumnSource::Path(path @ Path::Document(steps)) => {
            of_document(column, steps, value, format!("{path} of the value"))
        }
        ColumnSource::Path(Path::Key(steps)) => {
            let path = Path::Document(steps.clone());
            of_document(column, steps, key, format!("{path} of the key"))
        }
        source => Explanation {
            reads: of_kafka(source).to_owned(),
            conversions: Vec::new(),
            when_missing: Missing::Never,
        },
    }
}

fn of_document(column: &TargetColumn, steps: &[PathStep], known: &Known, reads: String) -> Explanation {
    let sources = known.sources_at(steps);
    let part = part_at(&column.column_type, steps);
    let conversions = sources.into_iter().map(|source| (source, rule(source, part)));
    let conversions = conversions.filter(|(_, rule)| !known.is_open() || rule.kind != RuleKind::Refused);
    Explanation {
        reads,
        conversions: conversions.collect(),
        when_missing: match &column.default {
            Some(default) => Missing::Default(default.clone()),
            None if column.column_type.is_nullable() => Missing::Null,
            None => Missing::Quarantine,
        },
    }
}

/// The part of a column that a path's values go into: one list further in for each `[:]` before its last field.
fn part_at<'t>(column_type: &'t ColumnType, steps: &[PathStep]) -> &'t ColumnType {
    let last_field = steps.iter().rposition(|step| matches!(step, PathStep::Field(_)));
    let lists = steps[..last_field.unwrap_or(0)].iter().filter(|step| **step == PathStep::Each).count();
    (0..lists).fold(column_type, |part, _| match part {
        ColumnType::Array(item) => item,
        other => other,
    })
}

impl Known {
    fn sources_at(&self, steps: &[PathStep]) -> Vec<SourceType> {
        // Steps after the last field only say that the value is a list.
        let last_field = steps.iter().rposition(|step| matches!(step, PathStep::Field(_)));
        let steps = &steps[..last_field.map_or(0, |last| last + 1)];
        match self {
            Self::Json => JSON_TYPES.to_vec(),
            Self::Avro(schema) => schema.sources_at(steps),
            Self::Protobuf(message) => message.sources_at(steps),
            Self::Text if steps.is_empty() => vec![SourceType::Text],
            Self::Bytes if steps.is_empty() => vec![SourceType::Bytes],
            Self::Text | Self::Bytes | Self::Nothing(_) => Vec::new(),
        }
    }

    /// Whether anything may stand anywhere, so that what a column refuses is not worth a line.
    fn is_open(&self) -> bool {
        matches!(self, Self::Json)
    }
}

fn of_kafka(source: &ColumnSource) -> &'static str {
    match source {
        ColumnSource::Topic => "the topic's name",
        ColumnSource::Partition => "the partition",
        ColumnSource::Offset => "the offset",
        ColumnSource::Timestamp => "the record's timestamp",
        ColumnSource::Key => "the key's bytes",
        ColumnSource::Headers => "the headers",
        ColumnSource::HeaderKeys => "the names of the headers",
        ColumnSource::HeaderValues => "the values of the headers",
        ColumnSource::RawValue => "the value's bytes",
        ColumnSource::IsDeleted => "1 for a tombstone, else 0",
        ColumnSource::Nothing => "nothing: always empty",
        ColumnSource::Path(_) => "the document",
    }
}

/// A source type as its format calls it, or nearly.
pub fn source_name(source: SourceType) -> String {
    match source {
        SourceType::Null => "null".to_owned(),
        SourceType::Bool => "bool".to_owned(),
        SourceType::Int { bits, signed } => format!("{}int{bits}", if signed { "" } else { "u" }),
        SourceType::JsonNumber => "number".to_owned(),
        SourceType::Float32 => "float".to_owned(),
        SourceType::Float64 => "double".to_owned(),
        SourceType::Text => "string".to_owned(),
        SourceType::Bytes => "bytes".to_owned(),
        SourceType::Fixed(size) => format!("fixed({size})"),
        SourceType::Symbol { .. } => "enum".to_owned(),
        SourceType::Decimal { precision, scale } => format!("decimal({precision}, {scale})"),
        SourceType::BigDecimal => "big-decimal".to_owned(),
        SourceType::Date => "date".to_owned(),
        SourceType::TimeOfDay { precision } => format!("time({precision})"),
        SourceType::Timestamp { precision, local: false } => format!("timestamp({precision})"),
        SourceType::Timestamp { precision, local: true } => format!("local-timestamp({precision})"),
        SourceType::Uuid => "uuid".to_owned(),
        SourceType::Duration | SourceType::Interval => "duration".to_owned(),
        SourceType::List => "array".to_owned(),
        SourceType::Map => "map".to_owned(),
        SourceType::Record => "object".to_owned(),
    }
}
