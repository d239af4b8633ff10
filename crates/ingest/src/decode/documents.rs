//! The values, or the keys, of a data source: which decoder takes each of them.

use super::{DocumentFormat, any_decoder::AnyDecoder, validated, whole};
use crate::{
    avro::{self, AvroSchema},
    convert::Reason,
    document::DocumentColumn,
    error::{Error, Kind},
    framing::{Form, Frame, FrameError, FrameReader, Message, MessageIndexes},
    json, json_schema,
    protobuf::{self, MessageChoice, ProtobufSchema},
    quarantine::Defect,
    records::{Record, RecordBatch},
    schema::{Schema, SchemaError, SchemaId, SchemaKind, Schemas},
    target::{ColumnSource, TargetColumn},
};
use forebay_project::model::{Format, Path, RecordFormat, RegistryKind, SchemaLocation};
use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// The value or the key of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Side {
    Value,
    Key,
}

/// What decides how a document is decoded: its writer schema and, of Protobuf, the message in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct PlanId {
    pub(super) schema: SchemaId,
    pub(super) message: MessageId,
}

/// [`Message`], owned.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum MessageId {
    Untold,
    Indexes(MessageIndexes),
    Ordinal(u32),
    Name(Box<str>),
}

impl PlanId {
    pub(super) fn of(frame: &Frame<'_>) -> Self {
        let message = match &frame.message {
            Message::Untold => MessageId::Untold,
            Message::Indexes(indexes) => MessageId::Indexes(indexes.clone()),
            Message::Ordinal(ordinal) => MessageId::Ordinal(*ordinal),
            Message::Name(name) => MessageId::Name((*name).into()),
        };
        Self { schema: frame.schema, message }
    }

    /// As `*self == PlanId::of(frame)`, without a copy.
    pub(super) fn is_of(&self, frame: &Frame<'_>) -> bool {
        self.schema == frame.schema
            && match (&self.message, &frame.message) {
                (MessageId::Untold, Message::Untold) => true,
                (MessageId::Indexes(own), Message::Indexes(other)) => own == other,
                (MessageId::Ordinal(own), Message::Ordinal(other)) => own == other,
                (MessageId::Name(own), Message::Name(other)) => **own == **other,
                _ => false,
            }
    }
}

/// How documents of one writer schema are decoded, or why they are not.
#[derive(Debug)]
pub(super) enum Plan {
    Decode(Box<dyn AnyDecoder>),
    Refuse(Defect),
}

/// The plans that the records of one batch need.
pub(super) type SidePlans = HashMap<PlanId, Arc<Plan>>;

/// Decoders of one side of a data source's records.
#[derive(Debug)]
pub(super) struct Documents {
    side: Side,
    settings: RecordFormat,
    columns: Arc<[TargetColumn]>,
    options: json::Options,
    /// Where a registry looks for schemas of these records.
    subject: String,
    frames: FrameReader,
    schemas: Option<Arc<dyn Schemas>>,
    /// Of formats without schemas.
    only: Option<Arc<Plan>>,
    known: Mutex<HashMap<PlanId, Known>>,
}

#[derive(Debug)]
struct Known {
    plan: Arc<Plan>,
    /// When the registry is asked again: it may have had no such schema only because it lagged behind.
    believed_until: Option<Instant>,
}

/// How long it is believed that a registry has no such schema.
const BELIEVED: Duration = Duration::from_secs(30);
/// Plans kept; a topic with more schemas than that compiles some again.
const MOST_PLANS: usize = 1000;

impl Documents {
    /// # Errors
    /// [`Kind::Invalid`] when a column cannot be decoded from this format.
    pub(super) fn new(
        side: Side,
        topic: &str,
        format: DocumentFormat,
        columns: Arc<[TargetColumn]>,
        registry: Option<RegistryKind>,
        options: json::Options,
    ) -> Result<Self, Error> {
        let DocumentFormat { settings, schemas, has_configured_schema } = format;
        let frames = FrameReader {
            framing: settings.framing,
            format: settings.format,
            is_key: side == Side::Key,
            registry,
            has_configured_schema,
            has_configured_message: settings.message.is_some(),
        };
        let subject = match side {
            Side::Value => format!("{topic}-value"),
            Side::Key => format!("{topic}-key"),
        };
        let known = Mutex::default();
        let mut documents =
            Self { side, settings, columns, options, subject, frames, schemas, only: None, known };
        documents.only = documents.plan_without_schema()?.map(|decoder| Arc::new(Plan::Decode(decoder)));
        // Also where every record names a schema the columns must be decodable at all.
        json::Decoder::compile(&documents.document_columns(), options).map_err(|error| invalid(&error))?;
        Ok(documents)
    }

    /// The columns read from these documents.
    pub(super) fn document_columns(&self) -> Vec<DocumentColumn<'_>> {
        let columns = self.columns.iter().enumerate();
        columns
            .filter_map(|(index, target)| match (&target.source, self.side) {
                (ColumnSource::Path(Path::Document(steps)), Side::Value)
                | (ColumnSource::Path(Path::Key(steps)), Side::Key) => {
                    Some(DocumentColumn { index, target, steps })
                }
                _ => None,
            })
            .collect()
    }

    fn plan_without_schema(&self) -> Result<Option<Box<dyn AnyDecoder>>, Error> {
        let columns = self.document_columns();
        let RecordFormat { format, validate, .. } = self.settings;
        Ok(match format {
            Format::JsonWithSchema if validate => None,
            Format::JsonWithoutSchema | Format::JsonWithSchema => Some(Box::new(
                json::Decoder::compile(&columns, self.options).map_err(|error| invalid(&error))?,
            )),
            Format::String => Some(Box::new(whole::Decoder::compile(&columns, true)?)),
            Format::Binary => Some(Box::new(whole::Decoder::compile(&columns, false)?)),
            Format::Avro | Format::Protobuf => None,
        })
    }

    /// The bytes of this side of a record.
    pub(super) fn bytes<'r>(&self, record: Record<'r>) -> Option<&'r [u8]> {
        match self.side {
            Side::Value => record.value(),
            Side::Key => record.key(),
        }
    }

    /// Takes the frame off.
    pub(super) fn unframe<'r>(&self, record: Record<'r>, bytes: &'r [u8]) -> Result<Frame<'r>, FrameError> {
        match self.settings.format {
            Format::JsonWithoutSchema | Format::String | Format::Binary => Ok(bare(bytes)),
            Format::JsonWithSchema | Format::Avro | Format::Protobuf => {
                self.frames.read(bytes, record.headers())
            }
        }
    }

    /// The plans of all records, or the ids of those that are not known yet.
    pub(super) fn plans(&self, records: &RecordBatch) -> Result<SidePlans, Vec<PlanId>> {
        if self.only.is_some() {
            return Ok(SidePlans::new());
        }
        let mut plans = SidePlans::new();
        let mut unknown = Vec::new();
        let mut last = None;
        for frame in records.iter().filter_map(|record| self.frame(record)) {
            if last.as_ref().is_some_and(|last: &PlanId| last.is_of(&frame)) {
                continue;
            }
            let id = PlanId::of(&frame);
            if !plans.contains_key(&id) && !unknown.contains(&id) {
                match self.known_plan(&id) {
                    Some(plan) => drop(plans.insert(id.clone(), plan)),
                    None => unknown.push(id.clone()),
                }
            }
            last = Some(id);
        }
        if !unknown.is_empty() {
            return Err(unknown);
        }
        self.forget_others(&plans);
        Ok(plans)
    }

    /// `None` for a record without these bytes, or in a frame that is none.
    fn frame<'r>(&self, record: Record<'r>) -> Option<Frame<'r>> {
        self.unframe(record, self.bytes(record)?).ok()
    }

    /// What has to be learned before a record can be decoded, if anything.
    pub(super) fn missing(&self, record: Record<'_>) -> Option<PlanId> {
        if self.only.is_some() {
            return None;
        }
        let id = PlanId::of(&self.frame(record)?);
        (!self.knows(&id)).then_some(id)
    }

    /// The plan of all documents, in a format without schemas.
    pub(super) fn only(&self) -> Option<&Plan> {
        self.only.as_deref()
    }

    /// Whether the plan of a schema is there.
    pub(super) fn knows(&self, id: &PlanId) -> bool {
        self.known_plan(id).is_some()
    }

    fn known_plan(&self, id: &PlanId) -> Option<Arc<Plan>> {
        let known = self.known();
        let known = known.get(id)?;
        let stale = known.believed_until.is_some_and(|until| until <= Instant::now());
        (!stale).then(|| known.plan.clone())
    }

    /// Fetches a schema and compiles its decoder.
    ///
    /// # Errors
    /// When the registry cannot be asked now.
    pub(super) async fn learn(&self, id: PlanId) -> Result<(), Error> {
        let known = match self.fetch(id.schema).await {
            Ok(schema) => self.compile(&id, &schema).await?,
            Err(SchemaError::Refused(detail)) => Known {
                plan: Arc::new(Plan::Refuse(Defect::of_record(Reason::SchemaNotFound, detail))),
                believed_until: Some(Instant::now() + BELIEVED),
            },
            Err(SchemaError::Unavailable(error)) => return Err(error),
        };
        self.known().insert(id, known);
        Ok(())
    }

    /// Begins the time anew for which the missing schemas among `ids` are believed to be missing: fetching all that one
    /// batch names may take longer than that.
    pub(super) fn believe<'i>(&self, ids: impl Iterator<Item = &'i PlanId>) {
        let mut known = self.known();
        for id in ids {
            if let Some(Known { believed_until: Some(until), .. }) = known.get_mut(id) {
                *until = Instant::now() + BELIEVED;
            }
        }
    }

    /// Keeps the plans of the batch at hand if there are too many: it may itself name more than are kept otherwise.
    fn forget_others(&self, plans: &SidePlans) {
        let mut known = self.known();
        if known.len() > MOST_PLANS {
            known.retain(|id, _| plans.contains_key(id));
        }
    }

    /// Compiles the decoder of the schema file that the project names.
    ///
    /// # Errors
    /// [`Kind::Invalid`] when the file is no schema, or one that cannot be used.
    pub(super) async fn check_schema_file(&self) -> Result<(), Error> {
        let Some(SchemaLocation::File { path, .. }) = &self.settings.schema else { return Ok(()) };
        let id = PlanId::of(&bare(&[]));
        if self.only.is_none() {
            self.learn(id.clone()).await?;
        }
        match self.known_plan(&id).as_deref() {
            Some(Plan::Refuse(defect)) => {
                let hint = "correct the file, or name the right one";
                Err(Error::new(Kind::Invalid, format!("{path}: {}", defect.detail)).hint(hint))
            }
            _ => Ok(()),
        }
    }

    async fn fetch(&self, id: SchemaId) -> Result<Arc<Schema>, SchemaError> {
        match &self.schemas {
            Some(schemas) => schemas.fetch(id, &self.subject).await,
            None => {
                Err(SchemaError::Refused(format!("the record names {id}, and no schema registry is set")))
            }
        }
    }

    /// The schema the data source is set to, if the records name others: Avro's reader schema.
    async fn reader(&self, id: SchemaId) -> Result<Option<Arc<Schema>>, Error> {
        if self.settings.schema.is_none() || id == SchemaId::Configured {
            return Ok(None);
        }
        match self.fetch(SchemaId::Configured).await {
            Ok(schema) => Ok(Some(schema)),
            Err(SchemaError::Refused(_)) => Ok(None),
            Err(SchemaError::Unavailable(error)) => Err(error),
        }
    }

    async fn compile(&self, id: &PlanId, schema: &Schema) -> Result<Known, Error> {
        let reader = match self.settings.format {
            Format::Avro => self.reader(id.schema).await?,
            _ => None,
        };
        let origin = schema.origin.as_deref().map(|origin| format!(", {origin}")).unwrap_or_default();
        let plan = match self.decoder(id, schema, reader.as_deref()) {
            Ok(decoder) => Plan::Decode(decoder),
            Err(why) => Plan::Refuse(Defect::of_record(
                Reason::SchemaRefused,
                format!("its schema ({}{origin}) cannot be used: {why}", id.schema),
            )),
        };
        Ok(Known { plan: Arc::new(plan), believed_until: None })
    }

    fn decoder(
        &self,
        id: &PlanId,
        schema: &Schema,
        reader: Option<&Schema>,
    ) -> Result<Box<dyn AnyDecoder>, String> {
        match (self.settings.format, schema.kind) {
            (Format::Avro, SchemaKind::Avro) => self.avro(id.schema, schema, reader),
            (Format::Protobuf, SchemaKind::Protobuf) => self.protobuf(&id.message, schema),
            (Format::JsonWithSchema, SchemaKind::Json) => {
                let decoder = json::Decoder::compile(&self.document_columns(), self.options).map_err(text)?;
                let validator = json_schema::Validator::compile(schema).map_err(text)?;
                Ok(Box::new(validated::Decoder::new(decoder, validator)))
            }
            (_, kind) => Err(format!("it is {kind}, which is not what the data source is set to read")),
        }
    }

    fn avro(
        &self,
        id: SchemaId,
        schema: &Schema,
        reader: Option<&Schema>,
    ) -> Result<Box<dyn AnyDecoder>, String> {
        let writer = AvroSchema::parse(schema).map_err(text)?;
        let reader = reader.map(AvroSchema::parse).transpose().map_err(text)?;
        let options = avro::Options {
            when_missing: self.options.when_missing,
            raw_root_bytes: matches!(id, SchemaId::Confluent(_) | SchemaId::ConfluentGuid(_)),
        };
        let decoder = avro::Decoder::compile(&writer, reader.as_ref(), &self.document_columns(), options);
        Ok(Box::new(decoder.map_err(text)?))
    }

    fn protobuf(&self, message: &MessageId, schema: &Schema) -> Result<Box<dyn AnyDecoder>, String> {
        let choice = match (message, &self.settings.message) {
            (MessageId::Indexes(indexes), _) => MessageChoice::Indexes(indexes.as_slice()),
            (MessageId::Name(name), _) => MessageChoice::Name(name),
            (MessageId::Ordinal(ordinal), _) => MessageChoice::Ordinal(*ordinal),
            (MessageId::Untold, Some(name)) => MessageChoice::Name(name),
            (MessageId::Untold, None) => MessageChoice::First,
        };
        let schema = ProtobufSchema::parse(schema).map_err(text)?;
        let message = schema.message(choice).map_err(text)?;
        let options =
            protobuf::Options { when_missing: self.options.when_missing, unroll: self.settings.unroll };
        Ok(Box::new(protobuf::Decoder::compile(&message, &self.document_columns(), options).map_err(text)?))
    }

    fn known(&self) -> MutexGuard<'_, HashMap<PlanId, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A document of a format without frames.
fn bare(bytes: &[u8]) -> Frame<'_> {
    Frame {
        form: Form::Bare,
        schema: SchemaId::Configured,
        message: Message::Untold,
        payload: Cow::Borrowed(bytes),
    }
}

fn invalid(error: &json::CompileError) -> Error {
    Error::new(Kind::Invalid, error.to_string())
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
