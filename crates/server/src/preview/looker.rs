//! What sampled records, and the schemas they name, say of the table they would make.

use super::{
    Known, Shown, ShownRecord, Written,
    detect::{self, Side, detect},
    document::{Documents, hexadecimal},
    nothing_to_infer,
    registry::Registry,
    told::Said,
};
use crate::exit::{Exit, Failure};
use forebay_ingest::{
    avro::AvroSchema,
    column_batch::ColumnBatch,
    convert::Reason,
    decode::{DocumentFormat, Formats, RowDecoder},
    error::{Error, Kind},
    framing::{Frame, Message},
    inference::{self, Comparison, Declared, Inference, InferredColumn, Keys, Options, Samples},
    protobuf::{MessageChoice, ProtobufSchema},
    quarantine::Rejects,
    records::{Record, RecordBatch},
    schema::{Schema, SchemaId},
    target::TargetColumn,
};
use forebay_project::model::{Format, Framing, RecordFormat, RegistryKind, Tombstones};
use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::Arc,
};

/// Schemas that are looked at, the newest ones.
const MOST_SCHEMAS: usize = 32;

/// A column is made text, and then text or NULL.
const ROUNDS: usize = 3;

/// The sampled records of one topic, and where their schemas are.
pub(super) struct Looker<'a> {
    pub(super) topic: &'a str,
    pub(super) registry: &'a Registry<'a>,
    pub(super) records: &'a RecordBatch,
    pub(super) options: Options,
}

/// The table that the records would make.
pub(super) struct Table {
    pub(super) inference: Inference,
    /// How many of the records would not become rows, by reason.
    pub(super) quarantined: BTreeMap<Reason, usize>,
}

/// What became of the records.
struct Decoded {
    rows: ColumnBatch,
    /// The columns that refuse a record, by index.
    at_fault: BTreeSet<usize>,
    reasons: BTreeMap<Reason, usize>,
}

impl Decoded {
    fn refused(&self) -> usize {
        self.reasons.values().sum()
    }
}

impl Looker<'_> {
    /// How values are written: as is said, else as most look, else as their schema says.
    pub(super) fn written_values(&self, said: Said) -> Result<Written, Failure> {
        let written = self.written(Side::Value, said)?;
        let is_told = matches!(written.known, Known::Told | Known::Project);
        let is_readable = written.format.format != Format::Binary;
        if is_told || (is_readable && written.known != Known::Nothing) {
            return Ok(written);
        }
        // Values without frames look like bytes, whatever the schema that the connection names for them.
        let mut schema = self.registry.configured(&DocumentFormat {
            has_configured_schema: self.registry.has_configured_schema(),
            ..DocumentFormat::default()
        })?;
        let is_seen = written.known != Known::Nothing;
        if schema.is_none() && !is_seen {
            schema = self.registry.latest(Side::Value)?;
        }
        let framing = if is_seen { Framing::None } else { written.format.framing };
        Ok(schema.map_or(written, |schema| Written::declared(schema.kind, framing)))
    }

    /// How keys are written.
    pub(super) fn written_keys(&self, said: Said) -> Result<Written, Failure> {
        let written = self.written(Side::Key, said)?;
        if written.known != Known::Nothing || !self.records.is_empty() {
            return Ok(written);
        }
        let (schema, framing) = (self.registry.latest(Side::Key)?, written.format.framing);
        Ok(schema.map_or(written, |schema| Written::declared(schema.kind, framing)))
    }

    fn written(&self, side: Side, said: Said) -> Result<Written, Failure> {
        if let Some(known) = said.known {
            return Ok(Written { format: said.format, known, others: 0 });
        }
        let subject = side.subject(self.topic);
        let framing = said.format.framing;
        let fetch = |id| self.registry.fetch(self.registry.schemas(), id, &subject);
        let detected = detect(self.records, side, framing, self.registry.kind, fetch)?;
        let framing = if detected.format.has_frames() || !detected.any { framing } else { Framing::Auto };
        let format = RecordFormat { format: detected.format, framing, ..RecordFormat::default() };
        let known = if detected.any { Known::Detected } else { Known::Nothing };
        Ok(Written { format, known, others: detected.others })
    }

    /// The newest records, decoded.
    pub(super) fn newest(&self, limit: usize, formats: &Formats) -> Result<Vec<ShownRecord>, Failure> {
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

    /// Why the newest value that cannot be read is refused.
    fn refusal(&self, formats: &Formats) -> Option<String> {
        let newest = self.newest(self.records.len(), formats).ok()?;
        newest.into_iter().find_map(|record| match record.value.text {
            Shown::Refused(why) => Some(why),
            _ => None,
        })
    }

    /// The table that takes every record whose value can be read at all.
    pub(super) fn table(&self, formats: &Formats, key: &Written) -> Result<Table, Failure> {
        let mut values = self.columns(Side::Value, &formats.value)?.ok_or_else(|| self.nothing(formats))?;
        let mut decoded = self.decode(&values.columns, formats, Tombstones::Skip)?;
        for _ in 0..ROUNDS {
            if decoded.at_fault.is_empty() {
                break;
            }
            values.widen(std::mem::take(&mut decoded.at_fault));
            decoded = self.decode(&values.columns, formats, Tombstones::Skip)?;
        }
        let keys = self.keys(formats, key)?;
        let joined = self.join(&values, &keys, formats)?;
        let with_keys = self.decode(&joined.columns, formats, joined.tombstones)?;
        if with_keys.refused() <= decoded.refused() {
            return Ok(Table { inference: joined, quarantined: with_keys.reasons });
        }
        let mut inference = values.with_keys(&Keys { columns: Vec::new(), ..keys }, &[]);
        inference.notes.push("some keys do not decode: no column is read from them".to_owned());
        let decoded = self.decode(&inference.columns, formats, inference.tombstones)?;
        Ok(Table { inference, quarantined: decoded.reasons })
    }

    fn join(&self, values: &Inference, keys: &Keys, formats: &Formats) -> Result<Inference, Failure> {
        let comparison = Comparison::new(values, keys);
        let compared = self.decode_into(comparison.targets.clone(), formats, Tombstones::Skip)?;
        let equal = match compared.at_fault.is_empty() {
            true => comparison.equal(&compared.rows),
            false => Vec::new(),
        };
        Ok(values.clone().with_keys(keys, &equal))
    }

    fn decode(
        &self,
        columns: &[InferredColumn],
        formats: &Formats,
        tombstones: Tombstones,
    ) -> Result<Decoded, Failure> {
        self.decode_into(columns.iter().map(InferredColumn::target).collect(), formats, tombstones)
    }

    /// Decodes all records as a data source would.
    fn decode_into(
        &self,
        targets: Vec<TargetColumn>,
        formats: &Formats,
        tombstones: Tombstones,
    ) -> Result<Decoded, Failure> {
        let decoder = RowDecoder::compile(targets.into(), Formats { tombstones, ..formats.clone() })?;
        let plans = match decoder.plans(self.records) {
            Ok(plans) => plans,
            Err(unknown) => {
                self.registry.wait(decoder.learn(&unknown))?;
                let unknown =
                    |_| Failure::from(Error::new(Kind::Unavailable, "schemas come and go too fast"));
                decoder.plans(self.records).map_err(unknown)?
            }
        };
        let (mut rows, mut rejects) = (decoder.new_batch(), Rejects::default());
        decoder.decode_rows(self.records, &plans, &mut rows, &mut rejects);
        let defects = rejects.iter().flat_map(|reject| &reject.defects);
        Ok(Decoded {
            at_fault: defects.filter_map(|defect| defect.column).collect(),
            reasons: rejects.count_by_reason(),
            rows,
        })
    }

    /// What is known of the keys. They are read only if every one of them can be.
    fn keys(&self, formats: &Formats, written: &Written) -> Result<Keys, Failure> {
        let format = formats.key.settings.format;
        let are_read = written.known != Known::Nothing && written.others == 0 && format != Format::Binary;
        let inferred = if are_read { self.columns(Side::Key, &formats.key)? } else { None };
        let keys: Vec<&[u8]> = self.records.iter().filter_map(|record| record.key()).collect();
        let different: HashSet<&[u8]> = keys.iter().copied().collect();
        let tombstones = self.records.iter().filter(|record| record.value().is_none());
        Ok(Keys {
            columns: inferred.map(|inferred| inferred.columns).unwrap_or_default(),
            are_plain: format == Format::String,
            records: self.records.len() as u64,
            keyed: keys.len() as u64,
            different: different.len() as u64,
            tombstones: tombstones.count() as u64,
        })
    }

    /// The columns of one side; `None` when neither a record nor a schema tells them.
    fn columns(&self, side: Side, format: &DocumentFormat) -> Result<Option<Inference>, Failure> {
        match format.settings.format {
            Format::Avro | Format::Protobuf => self.declared_columns(side, format),
            Format::String | Format::Binary => {
                let is_seen = self.records.iter().any(|record| side.bytes(record).is_some());
                Ok(is_seen.then(|| inference::of_whole_values(self.options)))
            }
            Format::JsonWithoutSchema => {
                let samples = self.samples(side, format);
                Ok((!samples.is_empty()).then(|| samples.infer(self.options)))
            }
            Format::JsonWithSchema => self.json_columns(side, format),
        }
    }

    fn samples(&self, side: Side, format: &DocumentFormat) -> Samples {
        let mut samples = Samples::default();
        self.frames(side, format).for_each(|(_, frame)| samples.add(&frame.payload));
        samples
    }

    /// What JSON records have in common, and what their newest schema says of it.
    fn json_columns(&self, side: Side, format: &DocumentFormat) -> Result<Option<Inference>, Failure> {
        let samples = self.samples(side, format);
        let Some((id, schema)) = self.newest_schema(side, format)? else {
            return Ok((!samples.is_empty()).then(|| samples.infer(self.options)));
        };
        let named = named(id, &schema);
        match samples.infer_declared(&schema, self.options) {
            Ok(mut inference) => {
                inference.notes.push(match samples.is_empty() {
                    true => format!("no {} was seen: the columns are those of {named}", side.noun()),
                    false => format!("the columns are those of {named}, as far as the records keep to it"),
                });
                Ok(Some(inference))
            }
            Err(why) if samples.is_empty() => Err(self.unusable(&named, &why)),
            Err(why) => {
                let mut inference = samples.infer(self.options);
                inference.notes.push(format!("{named} cannot be used: {why}"));
                Ok(Some(inference))
            }
        }
    }

    /// The schema that the newest record names, else the configured one, else the newest of the subject.
    fn newest_schema(
        &self,
        side: Side,
        format: &DocumentFormat,
    ) -> Result<Option<(SchemaId, Arc<Schema>)>, Failure> {
        for (_, frame) in self.newest_first(side, format) {
            if frame.schema != SchemaId::Configured
                && let Some(schema) = self.fetch(side, format, frame.schema)?
            {
                return Ok(Some((frame.schema, schema)));
            }
        }
        Ok(self.schema_of_topic(side, format)?.map(|schema| (SchemaId::Configured, schema)))
    }

    fn schema_of_topic(&self, side: Side, format: &DocumentFormat) -> Result<Option<Arc<Schema>>, Failure> {
        match self.registry.configured(format)? {
            Some(schema) => Ok(Some(schema)),
            None => Ok(self.registry.latest(side)?),
        }
    }

    /// The columns that the schemas of the records declare, the newest first.
    fn declared_columns(&self, side: Side, format: &DocumentFormat) -> Result<Option<Inference>, Failure> {
        let frames = self.newest_first(side, format);
        let mut types = Vec::new();
        let mut ids: Vec<String> = Vec::new();
        let mut missing = None;
        for (_, frame) in &frames {
            let Some(schema) = self.fetch(side, format, frame.schema)? else {
                missing = missing.or(Some(frame.schema));
                continue;
            };
            let named = named(frame.schema, &schema);
            let declared = declared(&schema, &frame.message, &format.settings);
            types.push(declared.map_err(|why| self.unusable(&named, &why))?);
            ids.push(named);
        }
        ids.dedup();
        let note = match (ids.as_slice(), missing) {
            ([one], _) => format!("the columns are those of {one}"),
            ([newest, ..], _) => {
                format!("the columns are those of {} schemas, the newest {newest}", ids.len())
            }
            ([], Some(id)) => return Err(self.no_schema(id)),
            ([], None) => {
                let Some(schema) = self.schema_of_topic(side, format)? else { return Ok(None) };
                let named = named(SchemaId::Configured, &schema);
                let declared = declared(&schema, &Message::Untold, &format.settings);
                types.push(declared.map_err(|why| self.unusable(&named, &why))?);
                format!("no {} was seen: the columns are those of {named}", side.noun())
            }
        };
        let mut inference = Declared::infer(types, self.options);
        inference.iter_mut().for_each(|inference| inference.notes.push(note.clone()));
        Ok(inference)
    }

    /// The frames of different schemas, or of different messages, that of the newest record first. If Avro has a reader
    /// schema, it alone.
    fn newest_first<'r>(&'r self, side: Side, format: &DocumentFormat) -> Vec<(Record<'r>, Frame<'r>)> {
        let mut frames: Vec<(Record<'_>, Frame<'_>)> = self.frames(side, format).collect();
        frames.sort_by_key(|(record, _)| std::cmp::Reverse((record.timestamp_ms(), record.offset())));
        if format.settings.format == Format::Avro && format.settings.schema.is_some() {
            frames.truncate(1);
            frames.iter_mut().for_each(|(_, frame)| frame.schema = SchemaId::Configured);
        }
        let mut different: Vec<(Record<'_>, Frame<'_>)> = Vec::new();
        for (record, frame) in frames {
            let is_new = |(_, known): &(Record<'_>, Frame<'_>)| {
                known.schema != frame.schema || known.message != frame.message
            };
            if different.len() < MOST_SCHEMAS && different.iter().all(is_new) {
                different.push((record, frame));
            }
        }
        different
    }

    /// The documents of one side that have a frame of the format, or none where none is needed.
    fn frames<'r>(
        &'r self,
        side: Side,
        format: &DocumentFormat,
    ) -> impl Iterator<Item = (Record<'r>, Frame<'r>)> + use<'r> {
        let reader = side.frames(format, self.registry.kind);
        self.records.iter().filter_map(move |record| {
            let frame = reader.read(side.bytes(record)?, record.headers()).ok()?;
            Some((record, frame))
        })
    }

    fn fetch(
        &self,
        side: Side,
        format: &DocumentFormat,
        id: SchemaId,
    ) -> Result<Option<Arc<Schema>>, Failure> {
        let schemas = format.schemas.as_deref().unwrap_or(self.registry.schemas());
        Ok(self.registry.fetch(schemas, id, &side.subject(self.topic))?)
    }

    fn nothing(&self, formats: &Formats) -> Failure {
        let failure = nothing_to_infer(&format!("topic {:?}", self.topic));
        let subject = Side::Value.subject(self.topic);
        if self.records.iter().any(|record| record.value().is_some()) {
            let hint = "if the format was told wrongly, leave it out to have it detected";
            return match self.refusal(formats) {
                Some(why) => failure.hint(format!("its values cannot be read: {why}")).hint(hint),
                None => failure.hint(hint),
            };
        }
        let failure = match self.registry.kind {
            _ if !self.records.is_empty() => {
                failure.hint("the records that were looked at have no value: look at more with --sample")
            }
            Some(RegistryKind::Confluent) => {
                failure.hint(format!("produce a record first, or register its schema as subject {subject:?}"))
            }
            _ => failure.hint("produce a record first"),
        };
        failure
            .hint("or name a schema with --value-schema: a file of the project, or a place in the registry")
    }

    fn unusable(&self, schema: &str, why: &str) -> Failure {
        Failure::new(Exit::Errors, format!("topic {:?}: {schema} cannot be used: {why}", self.topic))
    }

    fn no_schema(&self, id: SchemaId) -> Failure {
        let failure =
            Failure::new(Exit::Errors, format!("topic {:?}: there is no schema for {id}", self.topic));
        match self.registry.kind {
            Some(_) => {
                failure.hint("is KAFKA_SCHEMA_REGISTRY_URL of the connection the registry of the producers?")
            }
            None => failure.hint("set KAFKA_SCHEMA_REGISTRY_URL in the connection"),
        }
    }
}

/// A schema for people.
fn named(id: SchemaId, schema: &Schema) -> String {
    let origin = schema.origin.as_deref();
    match (id, origin) {
        (SchemaId::Configured, Some(origin)) => format!("schema {origin}"),
        (SchemaId::Configured, None) => "the configured schema".to_owned(),
        (id, Some(origin)) => format!("schema {id}, {origin}"),
        (id, None) => format!("schema {id}"),
    }
}

fn declared(schema: &Schema, message: &Message<'_>, format: &RecordFormat) -> Result<Declared, String> {
    if format.format == Format::Avro {
        let schema = AvroSchema::parse(schema).map_err(|defect| defect.to_string())?;
        return Ok(Declared::of_avro(&schema));
    }
    let schema = ProtobufSchema::parse(schema).map_err(|defect| defect.to_string())?;
    let choice = match (message, &format.message) {
        (Message::Indexes(indexes), _) => MessageChoice::Indexes(indexes.as_slice()),
        (Message::Name(name), _) => MessageChoice::Name(name),
        (Message::Ordinal(ordinal), _) => MessageChoice::Ordinal(*ordinal),
        (Message::Untold, Some(name)) => MessageChoice::Name(name),
        (Message::Untold, None) => MessageChoice::First,
    };
    let message = schema.message(choice).map_err(|defect| defect.to_string())?;
    Ok(Declared::of_protobuf(&message, format.unroll))
}

fn text(bytes: &[u8]) -> String {
    match detect::is_text(bytes) {
        true => String::from_utf8_lossy(bytes).into_owned(),
        false => hexadecimal(bytes),
    }
}
