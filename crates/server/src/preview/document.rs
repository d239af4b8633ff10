//! Values and keys as they are shown: decoded by the decoder that would run.

use super::{
    Content, Frame, Shown,
    detect::{Side, is_text},
    registry::Registry,
};
use forebay_ingest::{
    column_batch::{Column, Values},
    convert::explain_record,
    decode::{DocumentFormat, Formats, RowDecoder},
    error::Error,
    framing::{Form, FrameReader},
    json,
    quarantine::Rejects,
    records::{Position, Record, RecordBatch},
    schema::{Hexadecimal, Schemas},
    target::{ColumnSource, TargetColumn},
};
use forebay_project::{
    column_type::ColumnType,
    model::{Format, Path, RecordFormat, Tombstones},
};
use std::sync::Arc;

/// Longer bytes are cut for people.
const MOST_BYTES: usize = 64;

/// Shows the values or the keys of one topic.
pub(super) struct Documents<'a> {
    side: Side,
    decoder: RowDecoder,
    frames: FrameReader,
    registry: &'a Registry<'a>,
    schemas: Option<Arc<dyn Schemas>>,
    subject: String,
}

impl<'a> Documents<'a> {
    /// # Errors
    /// When nothing can be decoded from such a format.
    pub(super) fn new(
        side: Side,
        topic: &str,
        format: &DocumentFormat,
        registry: &'a Registry<'a>,
    ) -> Result<Self, Error> {
        let settings = RecordFormat { format: Format::Binary, ..RecordFormat::default() };
        let binary = DocumentFormat { settings, ..DocumentFormat::default() };
        let (path, value, key) = match side {
            Side::Value => (Path::Document(Vec::new()), format.clone(), binary),
            Side::Key => (Path::Key(Vec::new()), binary, format.clone()),
        };
        let column = TargetColumn {
            name: "document".to_owned(),
            column_type: ColumnType::Nullable(Box::new(ColumnType::String)),
            source: ColumnSource::Path(path),
            default: None,
            codec: None,
        };
        let formats = Formats {
            value,
            key,
            tombstones: Tombstones::Skip,
            topic: topic.to_owned(),
            registry: registry.kind,
            ..Formats::default()
        };
        Ok(Self {
            side,
            decoder: RowDecoder::compile(Arc::new([column]), formats)?,
            frames: side.frames(format, registry.kind),
            registry,
            schemas: format.schemas.clone(),
            subject: side.subject(topic),
        })
    }

    /// Shows this side of one record.
    ///
    /// # Errors
    /// When the registry cannot be asked.
    pub(super) fn show(&self, record: Record<'_>) -> Result<Content, Error> {
        let Some(bytes) = self.side.bytes(record) else {
            return Ok(Content::default());
        };
        let frame = self.frame(record, bytes)?;
        let alone = self.alone(record);
        let plans = match self.decoder.plans(&alone) {
            Ok(plans) => plans,
            Err(unknown) => {
                self.registry.wait(self.decoder.learn(&unknown))?;
                let Ok(plans) = self.decoder.plans(&alone) else {
                    return Ok(Content { frame, text: Shown::Refused("its schema is not known".to_owned()) });
                };
                plans
            }
        };
        let (mut rows, mut rejects) = (self.decoder.new_batch(), Rejects::default());
        self.decoder.decode_rows(&alone, &plans, &mut rows, &mut rejects);
        let refused = rejects.iter().flat_map(|reject| &reject.defects).next();
        let text = match refused {
            Some(defect) => Shown::Refused(explain_record(defect.reason, &defect.detail)),
            None => rows.columns.first().map_or(Shown::Null, |column| shown(column, self.frames.format)),
        };
        Ok(Content { frame, text })
    }

    fn frame(&self, record: Record<'_>, bytes: &[u8]) -> Result<Option<Frame>, Error> {
        let Ok(frame) = self.frames.read(bytes, record.headers()) else {
            return Ok(None);
        };
        if frame.form == Form::Bare {
            return Ok(None);
        }
        let schema = match &self.schemas {
            Some(schemas) => self.registry.fetch(&**schemas, frame.schema, &self.subject)?,
            None => None,
        };
        let origin = schema.and_then(|schema| schema.origin.clone());
        let origin = origin.map(|origin| format!(" ({origin})")).unwrap_or_default();
        Ok(Some(Frame { form: frame.form.to_string(), schema: format!("{}{origin}", frame.schema) }))
    }

    /// The record in a batch of its own; one without a value still has a key to show.
    fn alone(&self, record: Record<'_>) -> RecordBatch {
        let mut batch = RecordBatch::new("".into());
        let position = Position { partition: 0, offset: 0, timestamp_ms: None };
        let value = match self.side {
            Side::Value => record.value(),
            Side::Key => Some(&b""[..]),
        };
        batch.push(position, record.key(), value, record.headers());
        batch
    }
}

/// The first row of the only column.
fn shown(column: &Column, format: Format) -> Shown {
    let is_null = column.nulls.as_ref().is_none_or(|nulls| nulls.first() != Some(&0));
    let Values::Bytes { ends, bytes } = &column.values else {
        return Shown::Null;
    };
    match ends.first() {
        Some(end) if !is_null => shown_bytes(&bytes[..*end], format),
        _ => Shown::Null,
    }
}

fn shown_bytes(bytes: &[u8], format: Format) -> Shown {
    let text = String::from_utf8_lossy(bytes).into_owned();
    match format {
        Format::Avro | Format::Protobuf | Format::JsonWithSchema | Format::JsonWithoutSchema
            if json::is_valid(bytes) =>
        {
            Shown::Json(text)
        }
        _ if is_text(bytes) => Shown::Text(text),
        _ => Shown::Bytes(hexadecimal(bytes)),
    }
}

/// The first bytes in hexadecimal digits, and how many there are.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    let first = &bytes[..bytes.len().min(MOST_BYTES)];
    let rest = if first.len() < bytes.len() { format!("... ({} bytes)", bytes.len()) } else { String::new() };
    format!("0x{}{rest}", Hexadecimal(first))
}
