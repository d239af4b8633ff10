//! Writer schemas: how a record names the one it was written with, and where schemas are kept.

use crate::error::Error;
use std::{fmt, future::Future, pin::Pin, sync::Arc};

/// What a record says its writer schema is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SchemaId {
    /// Id in a Confluent-compatible registry.
    Confluent(u32),
    /// GUID in a Confluent-compatible registry.
    ConfluentGuid([u8; 16]),
    /// Global id of Apicurio's eight-byte frame.
    Apicurio(u64),
    /// Schema version id of the AWS Glue Schema Registry.
    Glue([u8; 16]),
    /// Schema id of the Azure Schema Registry.
    Azure([u8; 16]),
    /// The record names none: the schema that the data source or the connection is set to.
    Configured,
}

/// A schema with everything it refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    /// Its language.
    pub kind: SchemaKind,
    /// Its text; of Protobuf the `.proto` file, or a FileDescriptorProto in base64.
    pub text: String,
    /// What it refers to, every entry after those it refers to itself; without repetition.
    pub references: Vec<SchemaReference>,
    /// Subject and version, where the registry told them; for people.
    pub origin: Option<String>,
}

/// A schema that another one refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaReference {
    /// The name it is referred to by: an Avro full name, the path of a `.proto` file, or a URI of JSON Schema.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// A schema language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SchemaKind {
    /// Apache Avro.
    Avro,
    /// Protocol Buffers.
    Protobuf,
    /// JSON Schema.
    Json,
}

/// A schema that cannot be used: what is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaDefect {
    place: Option<String>,
    fact: String,
}

/// Why there is no schema.
#[derive(Debug)]
pub enum SchemaError {
    /// The registry answered that there is none, or one that cannot be used: records of it go to quarantine.
    Refused(String),
    /// The registry could not be asked: it is asked again, and records wait.
    Unavailable(Error),
}

/// Bytes of a schema with everything it refers to.
const MAX_BYTES: usize = 4 << 20;

impl Schema {
    /// Whether it is small enough to be read.
    pub(crate) fn check_size(&self) -> Result<(), SchemaDefect> {
        let references = self.references.iter().map(|reference| reference.text.len());
        let bytes = self.text.len() + references.sum::<usize>();
        match bytes <= MAX_BYTES {
            true => Ok(()),
            false => Err(SchemaDefect::new(format!(
                "{bytes} bytes with everything it refers to; at most {MAX_BYTES} are read"
            ))),
        }
    }
}

impl SchemaDefect {
    pub(crate) fn new(fact: impl Into<String>) -> Self {
        Self { place: None, fact: fact.into() }
    }

    /// Says where, unless a place further inside is already named.
    pub(crate) fn within(mut self, place: impl FnOnce() -> String) -> Self {
        self.place.get_or_insert_with(place);
        self
    }
}

impl fmt::Display for SchemaDefect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        f.write_str(&self.fact)
    }
}

impl std::error::Error for SchemaDefect {}

/// What [`Schemas::fetch`] returns.
pub type Fetching<'a> = Pin<Box<dyn Future<Output = Result<Arc<Schema>, SchemaError>> + Send + 'a>>;

/// Where the schemas of one connection are kept, such as a registry.
///
/// Contract: the same id always gives the same schema; implementations keep answers and retry by themselves for a short
/// time; [`SchemaError::Unavailable`] may be followed by a good answer later.
pub trait Schemas: fmt::Debug + Send + Sync + 'static {
    /// The schema of `id`. `subject` is where a registry would look for it if several contexts know the id:
    /// `<topic>-value` or `<topic>-key` unless configured.
    fn fetch<'a>(&'a self, id: SchemaId, subject: &'a str) -> Fetching<'a>;
}

impl fmt::Display for SchemaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Confluent(id) => write!(f, "id {id}"),
            Self::ConfluentGuid(guid) => write!(f, "guid {}", Hyphenated(guid)),
            Self::Apicurio(id) => write!(f, "global id {id}"),
            Self::Glue(id) => write!(f, "version id {}", Hyphenated(id)),
            Self::Azure(id) => write!(f, "id {}", Hexadecimal(id)),
            Self::Configured => f.write_str("the configured schema"),
        }
    }
}

/// Sixteen bytes as a UUID is written.
#[derive(Clone, Copy, Debug)]
pub struct Hyphenated<'a>(pub &'a [u8; 16]);

impl fmt::Display for Hyphenated<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            let hyphen = if matches!(index, 4 | 6 | 8 | 10) { "-" } else { "" };
            write!(f, "{hyphen}{byte:02x}")?;
        }
        Ok(())
    }
}

/// Bytes in lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug)]
pub struct Hexadecimal<'a>(pub &'a [u8]);

impl fmt::Display for Hexadecimal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Display for SchemaKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Avro => "Avro",
            Self::Protobuf => "Protobuf",
            Self::Json => "JSON Schema",
        })
    }
}

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(why) => f.write_str(why),
            Self::Unavailable(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for SchemaError {}
