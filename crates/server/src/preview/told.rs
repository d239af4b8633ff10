//! What the command line and the project say of how a topic is written.
//!
//! Options are read as the directives of a data source would be, so that they mean the same and are refused for the same
//! reasons.

use super::{
    Known,
    detect::{Side, format_of},
    registry::Registry,
};
use crate::{
    cli::{SchemaFraming, ToldFormats, ValueFormat},
    exit::{Exit, Failure},
    project_files::{add_included, read_project},
};
use forebay_ingest::schema::SchemaId;
use forebay_project::{
    Severity, SourceFile,
    model::{Format, Framing, KafkaSource, RecordFormat},
};
use std::{fmt::Write, path::Path};

/// How one side of the records is written, as far as that is said; `known` is `None` where its format is not.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) format: RecordFormat,
    pub(super) known: Option<Known>,
}

/// What is told of one side.
#[derive(Clone, Debug)]
struct Told<'a> {
    side: Side,
    format: Option<Format>,
    schema: Option<&'a str>,
    message: Option<&'a str>,
    framing: Option<Framing>,
}

const PROBE: &str = "preview";

/// What is said of values and of keys: options win over the data source of the project that reads the topic.
///
/// # Errors
/// When the options cannot stand together, name a file that is not there, or a schema that the registry does not have.
pub(super) fn said(
    told: &ToldFormats,
    kafka: &KafkaSource,
    topic: &str,
    dir: &Path,
    registry: &Registry<'_>,
) -> Result<[Said; 2], Failure> {
    let reader = Reader { kafka, topic, dir, registry };
    let [mut value, mut key] = sides(told);
    reader.complete(&mut value)?;
    reader.complete(&mut key)?;
    let read = match value.format.is_some() || key.format.is_some() {
        true => Some(reader.read(&[&value, &key])?),
        false => None,
    };
    let read = read.as_ref();
    Ok([
        value.said(&kafka.value, read.map(|read| &read.value)),
        key.said(&kafka.key, read.map(|read| &read.key)),
    ])
}

fn sides(told: &ToldFormats) -> [Told<'_>; 2] {
    let framing = told.schema_framing;
    [
        Told {
            side: Side::Value,
            format: told.value_format.map(ValueFormat::format),
            schema: told.value_schema.as_deref(),
            message: told.value_message.as_deref(),
            framing: framing.map(SchemaFraming::framing),
        },
        Told {
            side: Side::Key,
            format: told.key_format.map(ValueFormat::format),
            schema: told.key_schema.as_deref(),
            message: told.key_message.as_deref(),
            framing: told.key_schema_framing.or(framing).map(SchemaFraming::framing),
        },
    ]
}

impl Told<'_> {
    fn said(&self, project: &RecordFormat, told: Option<&RecordFormat>) -> Said {
        match (told, self.framing) {
            (Some(told), _) if self.format.is_some() => {
                Said { format: told.clone(), known: Some(Known::Told) }
            }
            (_, Some(framing)) if *project == RecordFormat::default() => {
                Said { format: RecordFormat { framing, ..RecordFormat::default() }, known: None }
            }
            (_, framing) => {
                let framing = framing.filter(|_| project.format.has_frames()).unwrap_or(project.framing);
                let known = (*project != RecordFormat::default()).then_some(Known::Project);
                Said { format: RecordFormat { framing, ..project.clone() }, known }
            }
        }
    }

    /// The directives that say the same.
    fn directives(&self) -> String {
        let Some(format) = self.format else { return String::new() };
        let names = self.side.directives();
        let framing = self.framing.filter(|_| format.has_frames());
        let lines = [
            (names.format, Some(format.word())),
            (names.framing, framing.map(Framing::word)),
            (names.schema, self.schema),
            (names.message, self.message),
        ];
        let mut text = String::new();
        for (name, value) in lines {
            if let Some(value) = value {
                let _ = writeln!(text, "{name} {value}");
            }
        }
        text
    }
}

struct Reader<'a> {
    kafka: &'a KafkaSource,
    topic: &'a str,
    dir: &'a Path,
    registry: &'a Registry<'a>,
}

impl Reader<'_> {
    /// Adds the format that a message or a schema implies.
    fn complete(&self, told: &mut Told<'_>) -> Result<(), Failure> {
        if told.format.is_some() {
            return Ok(());
        }
        let extension =
            told.schema.and_then(|schema| schema.rsplit_once('.')).map(|(_, extension)| extension);
        told.format = match (told.message, told.schema, extension) {
            (Some(_), ..) | (_, _, Some("proto")) => Some(Format::Protobuf),
            (_, _, Some("json")) => Some(Format::JsonWithSchema),
            (_, Some(place), _) if place.starts_with('/') => Some(self.format_in_registry(told)?),
            (_, Some(_), _) => Some(Format::Avro),
            (_, None, _) => None,
        };
        Ok(())
    }

    /// The format of a schema that lies in the registry.
    fn format_in_registry(&self, told: &Told<'_>) -> Result<Format, Failure> {
        let asked = Told { format: Some(Format::Avro), framing: None, ..told.clone() };
        let read = self.read(&[&asked])?;
        let formats = self.registry.formats(&read, self.topic)?;
        let side = if told.side == Side::Key { formats.key } else { formats.value };
        let schemas = side.schemas.as_deref().unwrap_or(self.registry.schemas());
        let schema = self.registry.fetch(schemas, SchemaId::Configured, "")?;
        schema.map(|schema| format_of(schema.kind)).ok_or_else(|| {
            let place = told.schema.unwrap_or_default();
            Failure::new(Exit::Errors, format!("the registry has no schema {place}"))
        })
    }

    /// The project with a data source that says what is told.
    fn read(&self, told: &[&Told<'_>]) -> Result<KafkaSource, Failure> {
        let mut files = read_project(self.dir)?;
        let path = (0..)
            .map(|number| format!("{PROBE}_{number}.datasource"))
            .find(|path| files.iter().all(|file| file.path != *path))
            .unwrap_or_default();
        let directives: String = told.iter().map(|told| told.directives()).collect();
        let text = format!(
            "SCHEMA >\n    `record` Nullable(String) `json:$`\n\nKAFKA_CONNECTION_NAME {}\nKAFKA_TOPIC {}\n\
             KAFKA_GROUP_ID {PROBE}-of-nothing\n{directives}",
            self.kafka.connection.name, self.topic
        );
        files.push(SourceFile { path: path.clone(), text });
        add_included(self.dir, &mut files)?;
        let name = path.trim_end_matches(".datasource");
        match forebay_project::load(&files) {
            Ok(mut loaded) => {
                let source = loaded.project.datasources.remove(name).and_then(|probe| probe.kafka);
                source.ok_or_else(|| {
                    Failure::new(Exit::Internal, "the options say of no topic how it is written")
                })
            }
            Err(found) => {
                let error = found.into_iter().find(|found| found.severity == Severity::Error);
                let (fact, hint) = error.map(|error| (error.fact, error.hint)).unwrap_or_default();
                let fact = fact.trim_start_matches(&format!("data source \"{name}\": "));
                Err(hint.into_iter().fold(Failure::new(Exit::Errors, fact), Failure::hint))
            }
        }
    }
}
