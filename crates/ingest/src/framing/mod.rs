//! Frames: how a record says which schema it was written with.
//!
//! | Form | Bytes in front of the datum | Schema |
//! |---|---|---|
//! | Confluent prefix | `00`, id as u32 | [`SchemaId::Confluent`] |
//! | Confluent GUID prefix | `01`, 16 bytes | [`SchemaId::ConfluentGuid`] |
//! | Confluent header | none: header `__value_schema_id` or `__key_schema_id` holds one of the two prefixes | the same |
//! | Apicurio prefix | `00`, global id as u64 or, by another setting, as u32 | [`SchemaId::Apicurio`] |
//! | | `00`, content id as u64 | [`SchemaId::Confluent`], which it is to Apicurio's Confluent-compatible interface |
//! | Apicurio header | none: header `apicurio.value.globalId` or `.contentId` (`apicurio.key. ...`) holds an id as u64 | as above |
//! | Glue | `03`, `00` plain or `05` zlib, 16 bytes | [`SchemaId::Glue`] |
//! | Azure header | none: header `content-type` is `avro/binary+` or `application/json+` and 32 hexadecimal digits | [`SchemaId::Azure`] |
//! | bare | none | [`SchemaId::Configured`] |
//!
//! All integers are big-endian. A header wins over a prefix: the value behind it is bare. Of headers with the same name
//! the last one counts, as in Kafka's own clients.
//!
//! In Protobuf a frame also tells which message of the schema was written ([`Message`]): Confluent by a list of indexes
//! behind the id, in the header if the id stands there; Glue by one number; Apicurio by name, in front of the message, in
//! the header `apicurio.protobuf.type` or both, and by indexes behind the name if it is told to.
//!
//! # What `KAFKA_SCHEMA_FRAMING` decides
//!
//! | Setting | Taken | Anything else |
//! |---|---|---|
//! | `confluent` | Confluent header, else Confluent prefixes | refused |
//! | `apicurio` | Apicurio header, else its prefix with a global id of 8 bytes | refused |
//! | `apicurio_content_id` | Apicurio header, else its prefix with a content id of 8 bytes | refused |
//! | `apicurio_global_id` | Apicurio header, else its prefix with a global id of 4 bytes | refused |
//! | `glue` | Glue | refused |
//! | `azure` | Azure header, of values | bare |
//! | `none` | bare, whatever the headers say | – |
//! | `auto` | as below | |
//!
//! `auto` reads Avro, Protobuf and JSON with a schema, and takes the first that applies (other formats are bare):
//!
//! 1. the Confluent header;
//! 2. the Apicurio header, and the Azure header of values, unless the registry is of another kind;
//! 3. bare Avro, if there is a configured schema and no registry: an id could not be looked up, and bare Avro may begin
//!    with any byte;
//! 4. a prefix that is all there, of the kind of registry, or of any kind if there is none. `00` and an id of zero, which
//!    no Confluent registry gives, is Apicurio's with a global id; otherwise `00` is Confluent's;
//! 5. bare JSON, if it begins as JSON text does; bare Protobuf, if it is empty or begins with a field's tag (8 or more);
//!    bare Avro, if there is a configured schema;
//! 6. nothing: the record is refused.
//!
//! Bare Avro and bare Protobuf need a configured schema; without one they are refused. So the one thing `auto` cannot tell
//! is bare Avro that begins like a prefix where both a registry and a configured schema exist: set `none` there.
//!
//! Sources: Confluent's and Apicurio's serializers, awslabs/aws-glue-schema-registry, azure-schemaregistry-avroencoder.

mod apicurio;
mod error;
mod message;

pub use error::FrameError;
pub use message::{Message, MessageIndexes};

use crate::schema::SchemaId;
use apicurio::ApicurioHeaders;
use error::Expected;
use forebay_project::model::{Format, Framing, RegistryKind};
use miniz_oxide::inflate::{TINFLStatus, decompress_to_vec_zlib_with_limit};
use std::{borrow::Cow, fmt};

/// Bytes that a compressed datum may grow to.
pub const MAX_INFLATED: usize = 64 << 20;

/// How to take the frames off the values, or the keys, of one topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameReader {
    /// `KAFKA_SCHEMA_FRAMING`
    pub framing: Framing,
    /// `KAFKA_VALUE_FORMAT` or `KAFKA_KEY_FORMAT`
    pub format: Format,
    /// Whether keys are read, not values: other headers count for them.
    pub is_key: bool,
    /// Kind of the connection's registry, if it has one.
    pub registry: Option<RegistryKind>,
    /// Whether there is a schema for records that name none.
    pub has_configured_schema: bool,
    /// Whether there is a Protobuf message for records that name none. `auto` then takes frames without message indexes, as
    /// those of `@kafkajs/confluent-schema-registry`, and no lists of more than three.
    pub has_configured_message: bool,
}

/// A record without its frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// What the frame looked like.
    pub form: Form,
    /// The schema it names.
    pub schema: SchemaId,
    /// The Protobuf message it names.
    pub message: Message<'a>,
    /// The datum; borrowed unless it was compressed.
    pub payload: Cow<'a, [u8]>,
}

/// What a frame looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// No frame.
    Bare,
    /// `00` and a 4-byte id.
    ConfluentPrefix,
    /// `01` and a GUID.
    ConfluentGuidPrefix,
    /// The header `__value_schema_id` or `__key_schema_id`.
    ConfluentHeader,
    /// `00` and an 8-byte id, or a 4-byte global id.
    ApicurioPrefix,
    /// The header `apicurio.value.globalId`, `apicurio.value.contentId` or one of `apicurio.key`.
    ApicurioHeader,
    /// `03 00` and a UUID.
    Glue,
    /// `03 05` and a UUID, the datum compressed.
    GlueZlib,
    /// The header `content-type`.
    AzureHeader,
}

type Split<'a> = (Form, SchemaId, &'a [u8]);

impl FrameReader {
    /// Takes the frame off `payload`, a value or a key that is not null. `headers` are the record's.
    ///
    /// # Errors
    /// When the bytes are no frame that the settings allow, or the record names no schema and none is configured.
    pub fn read<'a>(
        &self,
        payload: &'a [u8],
        headers: impl IntoIterator<Item = (&'a [u8], Option<&'a [u8]>)>,
    ) -> Result<Frame<'a>, FrameError> {
        match self.framing {
            Framing::None => self.bare(payload),
            Framing::Glue => self.split_set_prefix(payload),
            Framing::Apicurio | Framing::ApicurioContentId | Framing::ApicurioGlobalId => {
                match self.read_apicurio_header(payload, headers)? {
                    Some(frame) => Ok(frame),
                    None => self.split_set_prefix(payload),
                }
            }
            Framing::Confluent => match self.read_confluent_header(payload, headers)? {
                Some(frame) => Ok(frame),
                None => self.split_set_prefix(payload),
            },
            Framing::Azure => match self.read_azure_header(payload, headers) {
                Some(frame) => Ok(frame),
                None => self.bare(payload),
            },
            Framing::Auto if !names_schemas(self.format) => self.bare(payload),
            Framing::Auto => self.read_automatically(payload, headers),
        }
    }

    fn read_automatically<'a>(
        &self,
        payload: &'a [u8],
        headers: impl IntoIterator<Item = (&'a [u8], Option<&'a [u8]>)>,
    ) -> Result<Frame<'a>, FrameError> {
        let (mut confluent, mut azure) = (None, None);
        let mut apicurio = ApicurioHeaders::new(self.is_key);
        for (name, value) in headers {
            if name == self.confluent_header_name().as_bytes() {
                confluent = Some(value.unwrap_or_default());
            } else if name.eq_ignore_ascii_case(AZURE_HEADER) {
                azure = value;
            } else {
                apicurio.see(name, value);
            }
        }
        if let Some(header) = confluent {
            return self.take_confluent_header(payload, header);
        }
        let may_be_apicurio = matches!(self.registry, None | Some(RegistryKind::Confluent));
        if may_be_apicurio && let Some(frame) = self.take_apicurio_headers(payload, &apicurio)? {
            return Ok(frame);
        }
        let may_be_azure = matches!(self.registry, None | Some(RegistryKind::Azure));
        if let Some(frame) =
            azure.filter(|_| may_be_azure).and_then(|header| self.take_azure_header(payload, header))
        {
            return Ok(frame);
        }
        let is_bare_avro =
            self.format == Format::Avro && self.has_configured_schema && self.registry.is_none();
        match self.recognize(payload).filter(|_| !is_bare_avro) {
            Some(split) => self.finish(split),
            None if is_bare_avro || self.may_be_bare(payload) => self.bare(payload),
            None => Err(FrameError::unframed(self.expected(), payload)),
        }
    }

    /// A datum without a frame.
    fn bare<'a>(&self, payload: &'a [u8]) -> Result<Frame<'a>, FrameError> {
        let needs_schema = matches!(self.format, Format::Avro | Format::Protobuf);
        if needs_schema && !self.has_configured_schema {
            return Err(FrameError::NoSchema);
        }
        Ok(Frame {
            form: Form::Bare,
            schema: SchemaId::Configured,
            message: Message::Untold,
            payload: Cow::Borrowed(payload),
        })
    }

    /// Whether `payload` can be a datum without a frame.
    fn may_be_bare(&self, payload: &[u8]) -> bool {
        let first = payload.first().copied();
        match self.format {
            Format::Avro => self.has_configured_schema,
            Format::Protobuf => first.is_none_or(|tag| tag >= 8),
            _ => first.is_some_and(begins_json),
        }
    }

    /// The prefix that `auto` sees, if it is all there.
    fn recognize<'a>(&self, payload: &'a [u8]) -> Option<Split<'a>> {
        let expects = |kind| self.registry.is_none_or(|registry| registry == kind);
        match payload.first()? {
            0 if expects(RegistryKind::Confluent) => {
                let split = split_confluent(payload)?;
                if split.1 == SchemaId::Confluent(0) { split_apicurio(payload) } else { Some(split) }
            }
            1 if expects(RegistryKind::Confluent) => split_confluent(payload),
            3 if expects(RegistryKind::Glue) => split_glue(payload),
            _ => None,
        }
    }

    /// The prefix that `KAFKA_SCHEMA_FRAMING` names.
    fn split_set_prefix<'a>(&self, payload: &'a [u8]) -> Result<Frame<'a>, FrameError> {
        let split = match self.framing {
            Framing::Apicurio => split_apicurio(payload),
            Framing::ApicurioContentId => apicurio::split_content_id(payload),
            Framing::ApicurioGlobalId => apicurio::split_short_global_id(payload),
            Framing::Glue => split_glue(payload),
            _ => split_confluent(payload),
        };
        self.finish(split.ok_or_else(|| FrameError::unframed(self.expected(), payload))?)
    }

    fn expected(&self) -> Expected {
        match (self.framing, self.registry) {
            (Framing::Confluent, _) | (Framing::Auto, Some(RegistryKind::Confluent)) => Expected::Confluent,
            (Framing::Apicurio | Framing::ApicurioContentId, _) => Expected::Apicurio,
            (Framing::ApicurioGlobalId, _) => Expected::ApicurioGlobalId,
            (Framing::Glue, _) | (Framing::Auto, Some(RegistryKind::Glue)) => Expected::Glue,
            (Framing::Azure, _) | (Framing::Auto, Some(RegistryKind::Azure)) => Expected::Azure,
            _ => Expected::Any,
        }
    }

    /// Inflates what is compressed, and takes the message off that Protobuf frames name.
    fn finish<'a>(&self, (form, schema, rest): Split<'a>) -> Result<Frame<'a>, FrameError> {
        let is_protobuf = self.format == Format::Protobuf;
        if form == Form::GlueZlib {
            let mut inflated = inflate(rest)?;
            let (message, length) =
                if is_protobuf { message::read_ordinal(&inflated)? } else { (Message::Untold, 0) };
            inflated.drain(..length);
            return Ok(Frame { form, schema, message, payload: Cow::Owned(inflated) });
        }
        let (message, length) =
            if is_protobuf { self.read_message(form, rest)? } else { (Message::Untold, 0) };
        Ok(Frame { form, schema, message, payload: Cow::Borrowed(&rest[length..]) })
    }

    /// The message that a Protobuf frame names, and how many bytes that takes.
    fn read_message<'a>(&self, form: Form, rest: &'a [u8]) -> Result<(Message<'a>, usize), FrameError> {
        match (form, self.framing) {
            (Form::Glue, _) => message::read_ordinal(rest),
            (Form::ApicurioPrefix, _) => Ok(message::read_apicurio(rest, None)),
            _ if message::read_name(rest).is_some() => Ok(message::read_apicurio(rest, None)),
            (_, Framing::Auto) if self.has_configured_message => {
                Ok(message::read_short_indexes(rest).unwrap_or((Message::Untold, 0)))
            }
            _ => message::read_indexes(rest),
        }
    }

    fn confluent_header_name(&self) -> &'static str {
        if self.is_key { "__key_schema_id" } else { "__value_schema_id" }
    }

    fn read_confluent_header<'a>(
        &self,
        payload: &'a [u8],
        headers: impl IntoIterator<Item = (&'a [u8], Option<&'a [u8]>)>,
    ) -> Result<Option<Frame<'a>>, FrameError> {
        let name = self.confluent_header_name().as_bytes();
        let header = headers.into_iter().filter(|header| header.0 == name).last();
        header.map(|(_, value)| self.take_confluent_header(payload, value.unwrap_or_default())).transpose()
    }

    fn take_confluent_header<'a>(&self, payload: &'a [u8], header: &[u8]) -> Result<Frame<'a>, FrameError> {
        let name = self.confluent_header_name();
        let malformed = || FrameError::Header { name, length: header.len(), first: header.first().copied() };
        let (_, schema, rest) = split_confluent(header).ok_or_else(malformed)?;
        let message = match self.format {
            Format::Protobuf => message::read_header_indexes(rest)?,
            _ if rest.is_empty() => Message::Untold,
            _ => return Err(malformed()),
        };
        Ok(Frame { form: Form::ConfluentHeader, schema, message, payload: Cow::Borrowed(payload) })
    }

    fn read_apicurio_header<'a>(
        &self,
        payload: &'a [u8],
        headers: impl IntoIterator<Item = (&'a [u8], Option<&'a [u8]>)>,
    ) -> Result<Option<Frame<'a>>, FrameError> {
        let mut seen = ApicurioHeaders::new(self.is_key);
        headers.into_iter().for_each(|(name, value)| seen.see(name, value));
        self.take_apicurio_headers(payload, &seen)
    }

    fn take_apicurio_headers<'a>(
        &self,
        payload: &'a [u8],
        headers: &ApicurioHeaders<'a>,
    ) -> Result<Option<Frame<'a>>, FrameError> {
        let Some(schema) = headers.schema()? else {
            return Ok(None);
        };
        let (message, length) = match self.format {
            Format::Avro if headers.is_json() => return Err(FrameError::JsonEncoding),
            Format::Protobuf => message::read_apicurio(payload, headers.message()),
            _ => (Message::Untold, 0),
        };
        let payload = Cow::Borrowed(&payload[length..]);
        Ok(Some(Frame { form: Form::ApicurioHeader, schema, message, payload }))
    }

    fn read_azure_header<'a>(
        &self,
        payload: &'a [u8],
        headers: impl IntoIterator<Item = (&'a [u8], Option<&'a [u8]>)>,
    ) -> Option<Frame<'a>> {
        let header = headers.into_iter().filter(|header| header.0.eq_ignore_ascii_case(AZURE_HEADER)).last();
        self.take_azure_header(payload, header?.1?)
    }

    fn take_azure_header<'a>(&self, payload: &'a [u8], header: &[u8]) -> Option<Frame<'a>> {
        let plus = header.iter().rposition(|byte| *byte == b'+').filter(|_| !self.is_key)?;
        let known = [&b"avro/binary"[..], b"application/json"]
            .iter()
            .any(|media| header[..plus].eq_ignore_ascii_case(media));
        let schema = SchemaId::Azure(parse_hexadecimal(&header[plus + 1..]).filter(|_| known)?);
        let payload = Cow::Borrowed(payload);
        Some(Frame { form: Form::AzureHeader, schema, message: Message::Untold, payload })
    }
}

const AZURE_HEADER: &[u8] = b"content-type";

/// Whether records of `format` are written with a schema.
fn names_schemas(format: Format) -> bool {
    matches!(format, Format::Avro | Format::Protobuf | Format::JsonWithSchema)
}

fn begins_json(byte: u8) -> bool {
    matches!(
        byte,
        b'{' | b'[' | b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n' | b' ' | b'\t' | b'\n' | b'\r'
    )
}

fn split_confluent(bytes: &[u8]) -> Option<Split<'_>> {
    match bytes.split_first()? {
        (0, rest) => {
            let (id, rest) = rest.split_first_chunk()?;
            Some((Form::ConfluentPrefix, SchemaId::Confluent(u32::from_be_bytes(*id)), rest))
        }
        (1, rest) => {
            let (guid, rest) = rest.split_first_chunk()?;
            Some((Form::ConfluentGuidPrefix, SchemaId::ConfluentGuid(*guid), rest))
        }
        _ => None,
    }
}

fn split_apicurio(bytes: &[u8]) -> Option<Split<'_>> {
    let (id, rest) = bytes.strip_prefix(&[0])?.split_first_chunk()?;
    Some((Form::ApicurioPrefix, SchemaId::Apicurio(u64::from_be_bytes(*id)), rest))
}

fn split_glue(bytes: &[u8]) -> Option<Split<'_>> {
    let (compression, rest) = bytes.strip_prefix(&[3])?.split_first()?;
    let form = match compression {
        0 => Form::Glue,
        5 => Form::GlueZlib,
        _ => return None,
    };
    let (id, rest) = rest.split_first_chunk()?;
    Some((form, SchemaId::Glue(*id), rest))
}

fn inflate(compressed: &[u8]) -> Result<Vec<u8>, FrameError> {
    decompress_to_vec_zlib_with_limit(compressed, MAX_INFLATED).map_err(|error| match error.status {
        TINFLStatus::HasMoreOutput => FrameError::TooLarge,
        _ => FrameError::Corrupt,
    })
}

/// Sixteen bytes from 32 digits, of either case.
fn parse_hexadecimal(digits: &[u8]) -> Option<[u8; 16]> {
    let digits: &[u8; 32] = digits.try_into().ok()?;
    let mut bytes = [0; 16];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |at: usize| char::from(pair[at]).to_digit(16);
        *byte = u8::try_from(digit(0)? << 4 | digit(1)?).ok()?;
    }
    Some(bytes)
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bare => "bare",
            Self::ConfluentPrefix => "Confluent prefix",
            Self::ConfluentGuidPrefix => "Confluent GUID prefix",
            Self::ConfluentHeader => "Confluent header",
            Self::ApicurioPrefix => "Apicurio prefix",
            Self::ApicurioHeader => "Apicurio header",
            Self::Glue => "AWS Glue prefix",
            Self::GlueZlib => "AWS Glue prefix, zlib",
            Self::AzureHeader => "Azure header",
        })
    }
}
