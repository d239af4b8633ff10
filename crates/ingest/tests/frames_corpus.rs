//! Frames that other people's serializers wrote: what they name, and what is left when they are taken off.
#![allow(clippy::unwrap_used)]

mod protobuf_laws;

use forebay_ingest::{
    framing::{Frame, FrameError, FrameReader, Message},
    protobuf::{MessageChoice, ProtobufSchema},
    schema::SchemaId,
};
use forebay_project::model::{Format, Framing, RegistryKind};
use protobuf_laws::schema_with;
use serde_json::Value;

struct Record {
    line: Value,
    payload: Vec<u8>,
    headers: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Record {
    fn of(line: &str) -> Self {
        let line: Value = serde_json::from_str(line).unwrap();
        let pairs = line["headers"].as_array().into_iter().flatten();
        let header =
            |pair: &Value| (pair[0].as_str().unwrap().as_bytes().to_vec(), hex(pair[1].as_str().unwrap()));
        Self {
            payload: hex(line["payload_hex"].as_str().unwrap()),
            headers: pairs.map(header).collect(),
            line,
        }
    }

    fn text(&self, field: &str) -> &str {
        self.line[field].as_str().unwrap_or_else(|| panic!("{}: no {field}", self.line["case"]))
    }

    /// The setting that names its frame, and the kind of registry that gave its id.
    fn settings(&self) -> (Framing, Option<RegistryKind>) {
        match self.text("framing") {
            "none" => (Framing::None, None),
            "confluent" | "confluent_guid" | "confluent_header" => {
                (Framing::Confluent, Some(RegistryKind::Confluent))
            }
            "apicurio" | "apicurio_header" => (Framing::Apicurio, Some(RegistryKind::Confluent)),
            "apicurio_content_id" => (Framing::ApicurioContentId, Some(RegistryKind::Confluent)),
            "apicurio_global_id" => (Framing::ApicurioGlobalId, Some(RegistryKind::Confluent)),
            "glue" | "glue_zlib" => (Framing::Glue, Some(RegistryKind::Glue)),
            "azure" => (Framing::Azure, Some(RegistryKind::Azure)),
            other => panic!("{other} is no framing of the corpus"),
        }
    }

    /// Whether nothing but a setting tells the frame from another one, or from none.
    fn must_be_set(&self) -> bool {
        matches!(self.text("framing"), "none" | "apicurio_content_id" | "apicurio_global_id")
    }

    fn reader(&self, framing: Framing) -> FrameReader {
        let format = match self.text("format") {
            "avro" => Format::Avro,
            "protobuf" => Format::Protobuf,
            _ => Format::JsonWithSchema,
        };
        let (set, registry) = self.settings();
        let has_configured_schema = set == Framing::None;
        FrameReader {
            framing,
            format,
            is_key: false,
            registry,
            has_configured_schema,
            has_configured_message: false,
        }
    }

    fn schema_id(&self) -> SchemaId {
        let Some((kind, id)) = self.line["schema_id"].as_object().and_then(|id| id.iter().next()) else {
            return SchemaId::Configured;
        };
        let number = || id.as_u64().unwrap();
        let uuid = || hex(id.as_str().unwrap()).try_into().unwrap();
        match kind.as_str() {
            "confluent" => SchemaId::Confluent(number().try_into().unwrap()),
            "confluent_guid" => SchemaId::ConfluentGuid(uuid()),
            "apicurio" => SchemaId::Apicurio(number()),
            "glue" => SchemaId::Glue(uuid()),
            "azure" => SchemaId::Azure(uuid()),
            other => panic!("{other} is no id of the corpus"),
        }
    }

    /// What differs between what was written and what is read by this setting.
    fn difference(&self, framing: Framing) -> Option<String> {
        let value = hex(self.text("value_hex"));
        let headers = self.headers.iter().map(|(name, value)| (&name[..], Some(&value[..])));
        let read: Result<Frame<'_>, FrameError> = self.reader(framing).read(&value, headers);
        let wrong = match read {
            Err(error) => error.to_string(),
            Ok(frame) if frame.schema != self.schema_id() => format!("names {}", frame.schema),
            Ok(frame) if *frame.payload != self.payload => format!("leaves {:02x?}", frame.payload),
            Ok(frame) => self.other_message(&frame.message)?,
        };
        Some(format!("{}, read as {}: {wrong}", self.line["case"], framing.word()))
    }

    /// The Protobuf message that was read, if another one was written.
    fn other_message(&self, read: &Message<'_>) -> Option<String> {
        let choice = match read {
            Message::Untold => return None,
            Message::Indexes(indexes) => MessageChoice::Indexes(indexes.as_slice()),
            Message::Ordinal(ordinal) => MessageChoice::Ordinal(*ordinal),
            Message::Name(name) => MessageChoice::Name(name),
        };
        let references = self.line["references"].as_array().into_iter().flatten();
        let references: Vec<(&str, &str)> = references
            .map(|reference| (reference["name"].as_str().unwrap(), reference["schema"].as_str().unwrap()))
            .collect();
        let schema = ProtobufSchema::parse(&schema_with(self.text("schema"), &references));
        let found =
            schema.and_then(|schema| schema.message(choice)).map(|message| message.full_name().to_owned());
        match found {
            Ok(name) if name == self.text("message") => None,
            Ok(name) => Some(format!("names message {name}")),
            Err(defect) => Some(defect.to_string()),
        }
    }
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn corpus() -> impl Iterator<Item = Record> {
    ["avro", "protobuf", "json"].into_iter().flat_map(|name| {
        let path = format!("{}/../../fixtures/corpus/{name}.jsonl", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        text.lines().map(Record::of).collect::<Vec<_>>()
    })
}

#[test]
fn every_frame_is_read_by_its_setting_and_automatically_where_that_is_safe() {
    let mut differences = Vec::new();
    for record in corpus() {
        differences.extend(record.difference(record.settings().0));
        if !record.must_be_set() {
            differences.extend(record.difference(Framing::Auto));
        }
    }
    assert!(differences.is_empty(), "{} differ:\n{}", differences.len(), differences.join("\n"));
}
