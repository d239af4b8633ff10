//! Looks at a topic.

use super::{
    Findings, Known, ShownRecord, Written, counted,
    detect::{self, Side, detect},
    document::{Documents, hexadecimal},
    nothing_to_infer, options,
    registry::{Registry, missing_secret},
};
use crate::{
    check::load_project,
    cli::LookArgs,
    exit::{Exit, Failure},
    quantity::show_count,
    screen::{LiveLines, Screen},
    secrets::Secrets,
};
use forebay_connectors::kafka::{ConsumerSettings, SampleLimits, TopicSample, sample};
use forebay_ingest::{
    avro::AvroSchema,
    decode::{DocumentFormat, Formats},
    framing::{Frame, Message},
    inference::{self, Inference, Samples, literal},
    protobuf::{MessageChoice, ProtobufSchema},
    records::{Record, RecordBatch},
    schema::{Schema, Schemas},
};
use forebay_project::{
    model::{Format, KafkaConnection, KafkaSource, OffsetReset, Project, RecordFormat, Text, Tombstones},
    suggest,
};
use std::{path::Path, sync::Arc};

/// Looks at both ends of every partition; shows the newest `limit` records.
pub(super) fn look(
    connection: &str,
    topic: &str,
    args: &LookArgs,
    limit: usize,
    dir: &Path,
    screen: Screen,
) -> Result<Findings, Failure> {
    let project = load_project(dir, screen)?;
    let secrets = Secrets::read(dir, args.env_file.as_deref())?;
    let connection = find_connection(&project, connection)?;
    let mut kafka = known_source(&project, connection, topic, &secrets);
    let sample = take_sample(&kafka, args, limit, &secrets, screen)?;
    let registry = Registry::open(&kafka, &secrets)?;
    let looker = Looker { topic, registry: &registry, records: &sample.records };
    let value = match args.value_format {
        Some(format) => Written::told(format.format()),
        None => looker.written(Side::Value, &kafka.value)?,
    };
    let key = looker.written(Side::Key, &kafka.key)?;
    (kafka.value, kafka.key) = (value.format.clone(), key.format.clone());
    let formats = Registry::formats(&kafka, topic, &secrets)?;
    let inference = looker.infer(&formats.value, args)?;
    Ok(Findings {
        place: format!("topic {topic:?} of connection {:?}", connection.name),
        extent: extent(&sample),
        records: looker.newest(limit, &formats)?,
        directives: directives(connection, topic, &value),
        value: Some(value),
        key: Some(key),
        inference,
    })
}

fn find_connection<'p>(project: &'p Project, name: &str) -> Result<&'p KafkaConnection, Failure> {
    project.connections.get(name).ok_or_else(|| {
        let names = || project.connections.keys().map(String::as_str);
        let failure = Failure::new(Exit::Errors, format!("the project has no connection {name:?}"));
        match (suggest::closest(name, names()), project.connections.len()) {
            (Some(close), _) => failure.hint(format!("did you mean {close}?")),
            (None, 0) => {
                failure.hint("describe the cluster in a .connection file first; `forebay init` writes one")
            }
            (None, _) => failure.hint(format!("it has {}", names().collect::<Vec<_>>().join(", "))),
        }
    })
}

/// The data source of the project that reads the topic, or one that says nothing about it.
fn known_source(
    project: &Project,
    connection: &KafkaConnection,
    topic: &str,
    secrets: &Secrets,
) -> KafkaSource {
    let sources = project.datasources.values().filter_map(|datasource| datasource.kafka.as_ref());
    let mut reading = sources.filter(|kafka| {
        let reads = kafka.topic.resolve(|name| secrets.get(name)).is_ok_and(|read| read == topic);
        reads && kafka.connection.name == connection.name
    });
    let unknown = || KafkaSource {
        connection: connection.clone(),
        topic: Text::literal(topic),
        group_id: Text::default(),
        auto_offset_reset: OffsetReset::Earliest,
        store_raw_value: false,
        store_headers: false,
        value: RecordFormat::default(),
        key: RecordFormat::default(),
        tombstones: Tombstones::default(),
        automatic_columns: true,
    };
    reading.next().cloned().unwrap_or_else(unknown)
}

fn take_sample(
    kafka: &KafkaSource,
    args: &LookArgs,
    limit: usize,
    secrets: &Secrets,
    screen: Screen,
) -> Result<TopicSample, Failure> {
    let settings = ConsumerSettings::resolve("", kafka, |name| secrets.get(name));
    let settings = settings.map_err(|missing| missing_secret(&missing))?;
    let limits = SampleLimits { records: args.sample.max(limit), patience: args.timeout };
    let mut lines = LiveLines::default();
    let is_live = screen.terminal && !screen.json;
    let sampled = sample(&settings, limits, |read, wanted| {
        if is_live && read.is_multiple_of(100) {
            lines.draw(&format!("read {read} of {wanted} records"));
        }
    });
    lines.clear();
    Ok(sampled?)
}

fn extent(sample: &TopicSample) -> String {
    let TopicSample { records, partitions, held, timed_out } = sample;
    let looked_at = match records.len() as u64 {
        read if read == *held => counted(records.len(), "record"),
        _ => format!("{} of {} records", show_count(records.len() as u64), show_count(*held)),
    };
    let given_up = if *timed_out { ", then the time was up" } else { "" };
    format!("{looked_at} in {}{given_up}", counted(*partitions, "partition"))
}

fn directives(connection: &KafkaConnection, topic: &str, value: &Written) -> Vec<(&'static str, String)> {
    let RecordFormat { format, message, .. } = &value.format;
    let mut directives = vec![
        ("KAFKA_CONNECTION_NAME", literal(&connection.name)),
        ("KAFKA_TOPIC", literal(topic)),
        ("KAFKA_GROUP_ID", format!("forebay_{}", topic.replace(|c: char| !c.is_ascii_alphanumeric(), "_"))),
        ("KAFKA_AUTO_OFFSET_RESET", "earliest".to_owned()),
    ];
    if *format != Format::JsonWithoutSchema {
        directives.push(("KAFKA_VALUE_FORMAT", detect::name(*format).to_owned()));
    }
    if let Some(message) = message {
        directives.push(("KAFKA_VALUE_MESSAGE", literal(message)));
    }
    directives
}

/// The records of one topic, and where their schemas are.
struct Looker<'a> {
    topic: &'a str,
    registry: &'a Registry,
    records: &'a RecordBatch,
}

impl Looker<'_> {
    /// How one side is written: as the data source of the project says, else as most records look.
    fn written(&self, side: Side, known: &RecordFormat) -> Result<Written, Failure> {
        if *known != RecordFormat::default() {
            return Ok(Written { format: known.clone(), known: Known::Project, others: 0 });
        }
        let subject = side.subject(self.topic);
        let fetch = |id| self.registry.fetch(self.registry.schemas(), id, &subject);
        let detected = detect(self.records, side, self.registry.kind, fetch)?;
        let format = RecordFormat { format: detected.format, ..RecordFormat::default() };
        let known = if detected.any { Known::Detected } else { Known::Nothing };
        Ok(Written { format, known, others: detected.others })
    }

    /// The newest records, decoded.
    fn newest(&self, limit: usize, formats: &Formats) -> Result<Vec<ShownRecord>, Failure> {
        let values = Documents::new(Side::Value, self.topic, &formats.value, self.registry)?;
        let keys = Documents::new(Side::Key, self.topic, &formats.key, self.registry)?;
        let mut newest: Vec<Record<'_>> = self.records.iter().collect();
        newest.sort_by_key(|record| {
            let place = (record.timestamp_ms().unwrap_or(0), record.offset(), record.partition());
            std::cmp::Reverse(place)
        });
        newest.truncate(limit);
        let show = |record: Record<'_>| -> Result<ShownRecord, Failure> {
            Ok(ShownRecord {
                position: Some((record.partition(), record.offset(), record.timestamp_ms())),
                key: keys.show(record)?,
                headers: record.headers().map(|(name, value)| (text(name), value.map(text))).collect(),
                value: values.show(record)?,
            })
        };
        newest.into_iter().map(show).collect()
    }

    /// The columns: of the schema that the newest record names, else of what all records have in common.
    fn infer(&self, format: &DocumentFormat, args: &LookArgs) -> Result<Inference, Failure> {
        let options = options(args, true);
        match format.settings.format {
            Format::Avro | Format::Protobuf => self.infer_from_schema(format, options),
            Format::String | Format::Binary => Ok(inference::of_whole_values(options)),
            Format::JsonWithoutSchema | Format::JsonWithSchema => {
                let mut samples = Samples::default();
                for (_, frame) in self.frames(format) {
                    samples.add(&frame.payload);
                }
                if samples.is_empty() {
                    return Err(self.nothing());
                }
                Ok(samples.infer(options))
            }
        }
    }

    fn nothing(&self) -> Failure {
        let place = format!("topic {:?}", self.topic);
        nothing_to_infer(&place).hint("produce a record first, or write the columns by hand")
    }

    /// The values that have a frame of the format, or none where none is needed.
    fn frames<'r>(
        &'r self,
        format: &DocumentFormat,
    ) -> impl Iterator<Item = (Record<'r>, Frame<'r>)> + use<'r> {
        let reader = Side::Value.frames(format, self.registry.kind);
        self.records.iter().filter_map(move |record| {
            let frame = reader.read(record.value()?, record.headers()).ok()?;
            Some((record, frame))
        })
    }

    fn infer_from_schema(
        &self,
        format: &DocumentFormat,
        options: inference::Options,
    ) -> Result<Inference, Failure> {
        let newest = self.frames(format).max_by_key(|(record, _)| (record.timestamp_ms(), record.offset()));
        let (_, frame) = newest.ok_or_else(|| self.nothing())?;
        let schemas = format.schemas.as_deref().unwrap_or(self.registry.schemas());
        let schema = self.fetch(schemas, &frame)?;
        let mut inference =
            columns_of(&schema, &frame.message, &format.settings, options).map_err(|why| {
                Failure::new(
                    Exit::Errors,
                    format!("topic {:?}: the schema of {} cannot be used: {why}", self.topic, frame.schema),
                )
            })?;
        let mut ids: Vec<String> = self.frames(format).map(|(_, frame)| frame.schema.to_string()).collect();
        ids.sort_unstable();
        ids.dedup();
        let origin = schema.origin.as_deref().map(|origin| format!(", {origin}")).unwrap_or_default();
        inference.notes.push(match ids.len() {
            1 => format!("the columns are those of schema {}{origin}", frame.schema),
            count => format!(
                "the records have {count} schemas; the columns are those of the newest, {}{origin}",
                frame.schema
            ),
        });
        Ok(inference)
    }

    fn fetch(&self, schemas: &dyn Schemas, frame: &Frame<'_>) -> Result<Arc<Schema>, Failure> {
        let fetched = self.registry.fetch(schemas, frame.schema, &Side::Value.subject(self.topic))?;
        fetched.ok_or_else(|| {
            let fact = format!("topic {:?}: there is no schema for {}", self.topic, frame.schema);
            let failure = Failure::new(Exit::Errors, fact);
            match self.registry.kind {
                Some(_) => failure
                    .hint("is KAFKA_SCHEMA_REGISTRY_URL of the connection the registry of the producers?"),
                None => failure.hint("set KAFKA_SCHEMA_REGISTRY_URL in the connection"),
            }
        })
    }
}

fn columns_of(
    schema: &Schema,
    message: &Message<'_>,
    format: &RecordFormat,
    options: inference::Options,
) -> Result<Inference, String> {
    if format.format == Format::Avro {
        let schema = AvroSchema::parse(schema).map_err(|defect| defect.to_string())?;
        return Ok(inference::of_avro(&schema, options));
    }
    let schema = ProtobufSchema::parse(schema).map_err(|defect| defect.to_string())?;
    let choice = match (message, &format.message) {
        (Message::Indexes(indexes), _) => MessageChoice::Indexes(indexes.as_slice()),
        (Message::Name(name), _) => MessageChoice::Name(name),
        (_, Some(name)) => MessageChoice::Name(name),
        _ => MessageChoice::First,
    };
    let message = schema.message(choice).map_err(|defect| defect.to_string())?;
    Ok(inference::of_protobuf(&message, options))
}

fn text(bytes: &[u8]) -> String {
    match detect::is_text(bytes) {
        true => String::from_utf8_lossy(bytes).into_owned(),
        false => hexadecimal(bytes),
    }
}
