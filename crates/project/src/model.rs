//! The validated project: what the datafiles mean once every check has passed.

use crate::column_type::ColumnType;
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;
use std::fmt;

/// A project without errors.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Project {
    /// Connections by name.
    pub connections: BTreeMap<String, KafkaConnection>,
    /// Data sources by name.
    pub datasources: BTreeMap<String, Datasource>,
}

/// Text that may refer to secrets. The parser keeps the references; the edge resolves them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Text {
    /// Literal and secret pieces, in order.
    pub pieces: Vec<TextPiece>,
}

/// One piece of a [`Text`].
#[derive(Clone, Debug, PartialEq)]
pub enum TextPiece {
    /// Text as written.
    Literal(String),
    /// `{{ tb_secret("NAME", "default") }}`
    Secret {
        /// The secret's name.
        name: String,
        /// Used when the secret is not set; may be empty.
        default: Option<String>,
    },
}

/// How to reach one Kafka cluster. The password is never shown, also not by `Debug`.
#[derive(Clone, PartialEq, Serialize)]
pub struct KafkaConnection {
    /// Name of the connection; for settings that stand in a `.datasource` itself, the data source's name.
    pub name: String,
    /// `host:port[,host:port]`
    pub bootstrap_servers: Text,
    /// `KAFKA_SECURITY_PROTOCOL`
    pub security_protocol: SecurityProtocol,
    /// `KAFKA_SASL_MECHANISM`, when the protocol uses SASL.
    pub sasl_mechanism: Option<SaslMechanism>,
    /// `KAFKA_KEY`: the user.
    pub user: Option<Text>,
    /// `KAFKA_SECRET`: the password.
    #[serde(serialize_with = "redacted")]
    pub password: Option<Text>,
    /// `KAFKA_SSL_CA_PEM`: a private certificate authority, de-indented.
    pub ca_pem: Option<Text>,
}

impl fmt::Debug for KafkaConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaConnection")
            .field("name", &self.name)
            .field("bootstrap_servers", &self.bootstrap_servers.to_string())
            .field("security_protocol", &self.security_protocol)
            .field("sasl_mechanism", &self.sasl_mechanism)
            .field("user", &self.user.as_ref().map(Text::to_string))
            .field("password", &self.password.as_ref().map(Text::redacted))
            .field("ca_pem", &self.ca_pem.is_some())
            .finish()
    }
}

fn redacted<S: Serializer>(text: &Option<Text>, serializer: S) -> Result<S::Ok, S::Error> {
    text.as_ref().map(Text::redacted).serialize(serializer)
}

/// `KAFKA_SECURITY_PROTOCOL`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum SecurityProtocol {
    /// No TLS, no authentication.
    #[serde(rename = "PLAINTEXT")]
    Plaintext,
    /// SASL over plain TCP.
    #[serde(rename = "SASL_PLAINTEXT")]
    SaslPlaintext,
    /// SASL over TLS: the default.
    #[serde(rename = "SASL_SSL")]
    SaslSsl,
}

/// `KAFKA_SASL_MECHANISM`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum SaslMechanism {
    /// `PLAIN`: the default.
    #[serde(rename = "PLAIN")]
    Plain,
    /// `SCRAM-SHA-256`
    #[serde(rename = "SCRAM-SHA-256")]
    ScramSha256,
    /// `SCRAM-SHA-512`
    #[serde(rename = "SCRAM-SHA-512")]
    ScramSha512,
}

/// A landing table and its rules: one `.datasource` file.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Datasource {
    /// File name without extension.
    pub name: String,
    /// `DESCRIPTION`
    pub description: Option<String>,
    /// Columns of `SCHEMA`, in order, without the automatic ones.
    pub columns: Vec<Column>,
    /// Lines of `INDEXES`, normalised.
    pub indexes: Vec<Index>,
    /// `ENGINE` and its settings.
    pub engine: Engine,
    /// Where the records come from; `None` for a table nobody feeds.
    pub kafka: Option<KafkaSource>,
}

/// One column of `SCHEMA`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Column {
    /// Column name.
    pub name: String,
    /// Column type.
    pub column_type: ColumnType,
    /// Where in the record the value stands; a column without a path reads `$.<name>`.
    pub path: Path,
    /// `DEFAULT` expression, as written; evaluated by the engine.
    pub default: Option<String>,
    /// `CODEC(...)` as written, with its parentheses.
    pub codec: Option<String>,
}

/// A path into a decoded record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Path {
    /// `$`, `$.a.b`, `$.['x-y']`, `$.a[:]`, `$.a[:].x`; no steps is the whole document.
    Document(Vec<PathStep>),
    /// `#.__value`: the raw value of the record.
    RawValue,
}

impl Serialize for Path {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// One step of a [`Path`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathStep {
    /// Into the field of this name.
    Field(String),
    /// `[:]`: into each element of an array.
    Each,
}

/// A data skipping index.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Index {
    /// Index name.
    pub name: String,
    /// Indexed expression.
    pub expression: String,
    /// Index type with its arguments, such as `minmax` or `set(100)`.
    pub index_type: String,
    /// `GRANULARITY`
    pub granularity: Option<u64>,
}

/// A table engine of the MergeTree family, or Null.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Engine {
    /// Which engine, with the columns it needs.
    pub kind: EngineKind,
    /// `ENGINE_PARTITION_KEY`
    pub partition_key: Option<String>,
    /// `ENGINE_SORTING_KEY`
    pub sorting_key: Option<String>,
    /// `ENGINE_PRIMARY_KEY`
    pub primary_key: Option<String>,
    /// `ENGINE_SAMPLING_KEY`
    pub sampling_key: Option<String>,
    /// `ENGINE_TTL`
    pub ttl: Option<String>,
    /// `ENGINE_SETTINGS`
    pub settings: Option<String>,
}

/// The engine's name and parameters.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(tag = "name")]
pub enum EngineKind {
    /// `MergeTree`
    #[default]
    MergeTree,
    /// `ReplacingMergeTree(version, is_deleted)`
    ReplacingMergeTree {
        /// `ENGINE_VER`
        version: Option<String>,
        /// `ENGINE_IS_DELETED`
        is_deleted: Option<String>,
    },
    /// `SummingMergeTree(columns)`
    SummingMergeTree {
        /// `ENGINE_COLUMNS`
        columns: Vec<String>,
    },
    /// `AggregatingMergeTree`
    AggregatingMergeTree,
    /// `CollapsingMergeTree(sign)`
    CollapsingMergeTree {
        /// `ENGINE_SIGN`
        sign: String,
    },
    /// `VersionedCollapsingMergeTree(sign, version)`
    VersionedCollapsingMergeTree {
        /// `ENGINE_SIGN`
        sign: String,
        /// `ENGINE_VERSION`
        version: String,
    },
    /// `Null`
    Null,
}

impl fmt::Display for EngineKind {
    /// As in `CREATE TABLE`: the name with its arguments.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arguments = |names: &[Option<&String>]| {
            let present: Vec<&str> = names.iter().flatten().map(|name| name.as_str()).collect();
            if present.is_empty() { String::new() } else { format!("({})", present.join(", ")) }
        };
        match self {
            EngineKind::MergeTree => f.write_str("MergeTree"),
            EngineKind::ReplacingMergeTree { version, is_deleted } => {
                write!(f, "ReplacingMergeTree{}", arguments(&[version.as_ref(), is_deleted.as_ref()]))
            }
            EngineKind::SummingMergeTree { columns } if columns.is_empty() => f.write_str("SummingMergeTree"),
            EngineKind::SummingMergeTree { columns } => {
                write!(f, "SummingMergeTree(({}))", columns.join(", "))
            }
            EngineKind::AggregatingMergeTree => f.write_str("AggregatingMergeTree"),
            EngineKind::CollapsingMergeTree { sign } => write!(f, "CollapsingMergeTree({sign})"),
            EngineKind::VersionedCollapsingMergeTree { sign, version } => {
                write!(f, "VersionedCollapsingMergeTree({sign}, {version})")
            }
            EngineKind::Null => f.write_str("Null"),
        }
    }
}

/// The `KAFKA_*` settings of a data source.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KafkaSource {
    /// The cluster; resolved from `KAFKA_CONNECTION_NAME` or from settings in the file itself.
    pub connection: KafkaConnection,
    /// `KAFKA_TOPIC`
    pub topic: Text,
    /// `KAFKA_GROUP_ID`
    pub group_id: Text,
    /// `KAFKA_AUTO_OFFSET_RESET`: where to start without a committed offset.
    pub auto_offset_reset: OffsetReset,
    /// `KAFKA_STORE_RAW_VALUE`
    pub store_raw_value: bool,
    /// `KAFKA_STORE_HEADERS`
    pub store_headers: bool,
}

/// `KAFKA_AUTO_OFFSET_RESET`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum OffsetReset {
    /// Only records that arrive from now on: the default.
    #[default]
    #[serde(rename = "latest")]
    Latest,
    /// Everything the topic still holds.
    #[serde(rename = "earliest")]
    Earliest,
}
