//! How the values, or the keys, of records are written, when nobody says.

use forebay_ingest::{
    decode::DocumentFormat,
    error::Error,
    framing::{Form, Frame, FrameReader},
    json,
    records::{Record, RecordBatch},
    schema::{Schema, SchemaId, SchemaKind},
};
use forebay_project::model::{Format, Framing, RecordFormat, RegistryKind};
use std::{collections::BTreeMap, sync::Arc};

/// The value or the key of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Value,
    Key,
}

impl Side {
    pub(super) fn bytes(self, record: Record<'_>) -> Option<&[u8]> {
        match self {
            Self::Value => record.value(),
            Self::Key => record.key(),
        }
    }

    /// One of them, for people.
    pub(super) fn noun(self) -> &'static str {
        if self == Self::Key { "key" } else { "value" }
    }

    /// The directives that say how it is written.
    pub(super) fn directives(self) -> Directives {
        match self {
            Self::Value => Directives {
                format: "KAFKA_VALUE_FORMAT",
                framing: "KAFKA_SCHEMA_FRAMING",
                schema: "KAFKA_VALUE_SCHEMA",
                message: "KAFKA_VALUE_MESSAGE",
            },
            Self::Key => Directives {
                format: "KAFKA_KEY_FORMAT",
                framing: "KAFKA_KEY_SCHEMA_FRAMING",
                schema: "KAFKA_KEY_SCHEMA",
                message: "KAFKA_KEY_MESSAGE",
            },
        }
    }

    /// Where a registry looks for its schemas.
    pub(super) fn subject(self, topic: &str) -> String {
        format!("{topic}-{}", if self == Self::Key { "key" } else { "value" })
    }

    /// What takes its frames off.
    pub(super) fn frames(self, format: &DocumentFormat, registry: Option<RegistryKind>) -> FrameReader {
        FrameReader {
            framing: format.settings.framing,
            format: format.settings.format,
            is_key: self == Self::Key,
            registry,
            has_configured_schema: format.has_configured_schema,
            has_configured_message: format.settings.message.is_some(),
        }
    }
}

/// Names of directives.
#[derive(Clone, Copy, Debug)]
pub(super) struct Directives {
    pub(super) format: &'static str,
    pub(super) framing: &'static str,
    pub(super) schema: &'static str,
    pub(super) message: &'static str,
}

/// What the bytes look like: the format that most of them have, and how many have another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Detected {
    pub(super) format: Format,
    pub(super) others: usize,
    /// Whether there was anything to look at.
    pub(super) any: bool,
}

/// What one value looks like by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Look {
    Framed(SchemaId),
    /// An object, an array or a quoted text.
    Json,
    /// A JSON number, true, false or null: plain text as well.
    Word,
    Text,
    Bytes,
}

/// Looks at the bytes of one side of all records. Schemas that frames name decide between the formats that have frames.
///
/// # Errors
/// When the registry cannot be asked.
pub(super) fn detect(
    records: &RecordBatch,
    side: Side,
    framing: Framing,
    registry: Option<RegistryKind>,
    mut schema: impl FnMut(SchemaId) -> Result<Option<Arc<Schema>>, Error>,
) -> Result<Detected, Error> {
    let mut counts: BTreeMap<Look, usize> = BTreeMap::new();
    for record in records.iter() {
        if let Some(bytes) = side.bytes(record) {
            *counts.entry(look(record, bytes, side, (framing, registry))).or_default() += 1;
        }
    }
    let count_of = |look| counts.get(&look).copied().unwrap_or(0);
    let words =
        if count_of(Look::Text) > count_of(Look::Json) { Format::String } else { Format::JsonWithoutSchema };
    let mut formats: BTreeMap<&'static str, (Format, usize)> = BTreeMap::new();
    for (look, count) in &counts {
        let format = match look {
            Look::Framed(id) => schema(*id)?.map_or(Format::Binary, |schema| format_of(schema.kind)),
            Look::Json => Format::JsonWithoutSchema,
            Look::Word => words,
            Look::Text => Format::String,
            Look::Bytes => Format::Binary,
        };
        formats.entry(format.word()).or_insert((format, 0)).1 += count;
    }
    let total: usize = counts.values().sum();
    // A text among JSON values, or bytes among texts, do not make all of them texts or bytes.
    let most = formats.values().max_by_key(|(format, count)| (*count, structure(*format)));
    let (format, count) = most.copied().unwrap_or((Format::JsonWithoutSchema, 0));
    Ok(Detected { format, others: total - count, any: total > 0 })
}

fn look(record: Record<'_>, bytes: &[u8], side: Side, expected: (Framing, Option<RegistryKind>)) -> Look {
    match frame(record, bytes, side, expected) {
        Some(Frame { form, schema, .. }) if form != Form::Bare => Look::Framed(schema),
        _ if json::is_valid(bytes) => match bytes.trim_ascii_start().first() {
            Some(b'{' | b'[' | b'"') => Look::Json,
            _ => Look::Word,
        },
        _ if is_text(bytes) => Look::Text,
        _ => Look::Bytes,
    }
}

/// The frame that the first bytes or the headers look like.
fn frame<'r>(
    record: Record<'r>,
    bytes: &'r [u8],
    side: Side,
    (framing, registry): (Framing, Option<RegistryKind>),
) -> Option<Frame<'r>> {
    let settings = RecordFormat { format: Format::Avro, framing, ..RecordFormat::default() };
    let reader = side.frames(&DocumentFormat { settings, ..DocumentFormat::default() }, registry);
    // Without a registry only an unmistakable frame is taken for one: most numbers begin with a zero byte, too.
    let is_certain = registry.is_some() || bytes.first().is_some_and(|byte| *byte <= 3);
    reader.read(bytes, record.headers()).ok().filter(|_| is_certain)
}

/// UTF-8 without control characters, but for line breaks and tabs.
pub(super) fn is_text(bytes: &[u8]) -> bool {
    let is_plain = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
    std::str::from_utf8(bytes).is_ok_and(|text| text.chars().all(is_plain))
}

pub(super) fn format_of(kind: SchemaKind) -> Format {
    match kind {
        SchemaKind::Avro => Format::Avro,
        SchemaKind::Protobuf => Format::Protobuf,
        SchemaKind::Json => Format::JsonWithSchema,
    }
}

/// How much a format says of its values: of two that are equally common the one that says more is meant.
fn structure(format: Format) -> u8 {
    match format {
        Format::Avro | Format::Protobuf | Format::JsonWithSchema => 3,
        Format::JsonWithoutSchema => 2,
        Format::String => 1,
        Format::Binary => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use forebay_ingest::records::Position;

    fn detected(values: &[&[u8]], registry: Option<RegistryKind>) -> (&'static str, usize) {
        let mut records = RecordBatch::new("t".into());
        for (offset, value) in (0..).zip(values) {
            let position = Position { partition: 0, offset, timestamp_ms: None };
            records.push(position, None, Some(value), []);
        }
        let schema = |id| {
            let kind = match id {
                SchemaId::Confluent(1) => SchemaKind::Avro,
                SchemaId::Confluent(2) => SchemaKind::Protobuf,
                _ => return Ok(None),
            };
            Ok(Some(Arc::new(Schema { kind, text: String::new(), references: Vec::new(), origin: None })))
        };
        let Detected { format, others, .. } =
            detect(&records, Side::Value, Framing::Auto, registry, schema).unwrap();
        (format.word(), others)
    }

    #[test]
    fn most_records_decide_and_the_registry_tells_framed_formats_apart() {
        let registry = Some(RegistryKind::Confluent);
        assert_eq!(detected(&[b"{}", b"[1]", b"oops"], None), ("json_without_schema", 1));
        assert_eq!(detected(&[b"hello", b"you"], None), ("string", 0));
        assert_eq!(detected(&[b"AA11", b"9E3525"], None), ("string", 0));
        assert_eq!(detected(&[b"1", b"null"], None), ("json_without_schema", 0));
        assert_eq!(detected(&[b"\xff\xfe", b"\x80"], None), ("binary", 0));
        assert_eq!(detected(&[b"\0\0\0\0\x01\x02", b"{}", b"\0\0\0\0\x01\x04"], registry), ("avro", 1));
        assert_eq!(detected(&[b"\0\0\0\0\x02\0\x02"], registry), ("protobuf", 0));
        assert_eq!(detected(&[b"\0\0\0\0\x01\x02", b"\0\0"], registry), ("avro", 1));
        assert_eq!(detected(&[b"\0\0\0\0\x09\x02"], registry), ("binary", 0));
        assert_eq!(detected(&[], registry), ("json_without_schema", 0));
    }
}
