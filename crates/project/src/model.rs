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
    /// `KAFKA_SCHEMA_REGISTRY_*`: where writer schemas are kept.
    pub registry: Option<SchemaRegistry>,
}

/// How to reach one schema registry. Addresses and secrets are never shown, for the address may hold a password.
#[derive(Clone, PartialEq, Serialize)]
pub struct SchemaRegistry {
    /// `KAFKA_SCHEMA_REGISTRY_TYPE`
    pub kind: RegistryKind,
    /// `KAFKA_SCHEMA_REGISTRY_URL`: addresses separated by commas, tried in turn. Each may hold `user:password@`, and end
    /// in `/subjects/S`, `/subjects/S/versions/V` or `/schemas/ids/N`, which names the schema of records that name none.
    #[serde(serialize_with = "redacted")]
    pub url: Option<Text>,
    /// `KAFKA_SCHEMA_REGISTRY_USER`
    pub user: Option<Text>,
    /// `KAFKA_SCHEMA_REGISTRY_PASSWORD`
    #[serde(serialize_with = "redacted")]
    pub password: Option<Text>,
    /// `KAFKA_SCHEMA_REGISTRY_TOKEN`: a bearer token.
    #[serde(serialize_with = "redacted")]
    pub token: Option<Text>,
    /// `KAFKA_SCHEMA_REGISTRY_OAUTH_*`: client credentials of OAuth 2.0 (RFC 6749, section 4.4).
    pub oauth: Option<OauthClient>,
    /// `KAFKA_SCHEMA_REGISTRY_LOGICAL_CLUSTER`: the header `target-sr-cluster` of Confluent Cloud, beside a bearer token.
    pub logical_cluster: Option<Text>,
    /// `KAFKA_SCHEMA_REGISTRY_IDENTITY_POOL_ID`: the header `Confluent-Identity-Pool-Id`, beside a bearer token.
    pub identity_pool_id: Option<Text>,
    /// `KAFKA_SCHEMA_REGISTRY_CA_PEM`: a private certificate authority.
    pub ca_pem: Option<Text>,
    /// `KAFKA_SCHEMA_REGISTRY_CERTIFICATE_PEM`: the client's certificate chain.
    pub certificate_pem: Option<Text>,
    /// `KAFKA_SCHEMA_REGISTRY_PRIVATE_KEY_PEM`: the key of the client's certificate.
    #[serde(serialize_with = "redacted")]
    pub private_key_pem: Option<Text>,
    /// `KAFKA_SCHEMA_REGISTRY_AWS_*`, of the Glue registry.
    pub aws: Option<AwsAccess>,
}

/// A client that gets its tokens by itself.
#[derive(Clone, PartialEq, Serialize)]
pub struct OauthClient {
    /// `KAFKA_SCHEMA_REGISTRY_OAUTH_TOKEN_URL`
    pub token_url: Text,
    /// `KAFKA_SCHEMA_REGISTRY_OAUTH_CLIENT_ID`
    pub client_id: Text,
    /// `KAFKA_SCHEMA_REGISTRY_OAUTH_CLIENT_SECRET`
    #[serde(serialize_with = "redacted_always")]
    pub client_secret: Text,
    /// `KAFKA_SCHEMA_REGISTRY_OAUTH_SCOPE`
    pub scope: Option<Text>,
}

/// How to reach an AWS service. Without keys the usual chain is used: environment, profile, role of the machine.
#[derive(Clone, PartialEq, Serialize)]
pub struct AwsAccess {
    /// `KAFKA_SCHEMA_REGISTRY_AWS_REGION`
    pub region: Text,
    /// `KAFKA_SCHEMA_REGISTRY_AWS_ACCESS_KEY`
    pub access_key: Option<Text>,
    /// `KAFKA_SCHEMA_REGISTRY_AWS_SECRET_KEY`
    #[serde(serialize_with = "redacted")]
    pub secret_key: Option<Text>,
    /// `KAFKA_SCHEMA_REGISTRY_AWS_ROLE_ARN`: a role to take on.
    pub role_arn: Option<Text>,
    /// `KAFKA_SCHEMA_REGISTRY_AWS_EXTERNAL_ID`: external id of that role.
    pub external_id: Option<Text>,
}

/// `KAFKA_SCHEMA_REGISTRY_TYPE`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RegistryKind {
    /// Anything that speaks Confluent's REST interface: Confluent, Apicurio (`/apis/ccompat/v7`), Karapace, Redpanda.
    #[default]
    Confluent,
    /// AWS Glue Schema Registry.
    Glue,
    /// Azure Schema Registry of Event Hubs.
    Azure,
}

impl RegistryKind {
    /// As in a datafile.
    pub fn word(self) -> &'static str {
        match self {
            RegistryKind::Confluent => "confluent",
            RegistryKind::Glue => "glue",
            RegistryKind::Azure => "azure",
        }
    }
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
            .field("registry", &self.registry)
            .finish()
    }
}

impl fmt::Debug for SchemaRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SchemaRegistry").field("kind", &self.kind).finish_non_exhaustive()
    }
}

fn redacted<S: Serializer>(text: &Option<Text>, serializer: S) -> Result<S::Ok, S::Error> {
    text.as_ref().map(Text::redacted).serialize(serializer)
}

fn redacted_always<S: Serializer>(text: &Text, serializer: S) -> Result<S::Ok, S::Error> {
    text.redacted().serialize(serializer)
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
    /// Columns of `SCHEMA`, in order; without the automatic ones, unless `KAFKA_AUTOMATIC_COLUMNS` is False.
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
    /// `#.__key.a.b`, `#._key.a.b` or `_key.a.b`: into the decoded key; `#._key`, without steps, is the whole of it.
    Key(Vec<PathStep>),
    /// `#.__key`, `#._timestamp`, `#._offset`, ...: what Kafka itself tells of the record.
    Kafka(KafkaColumn),
}

/// What Kafka itself tells of a record; most have ClickPipes' names, which a schema may list without a path.
///
/// Source: ClickHouse documentation, "ClickPipes / Kafka / Virtual columns".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KafkaColumn {
    /// `_key`: the key's bytes.
    Key,
    /// `_timestamp`: when the record was made or appended.
    Timestamp,
    /// `_partition`
    Partition,
    /// `_offset`
    Offset,
    /// `_topic`
    Topic,
    /// `__headers`: names and values of the headers, as Tinybird keeps them.
    Headers,
    /// `_header_keys`: names of the headers.
    HeaderKeys,
    /// `_header_values`: values of the headers, in the order of the names.
    HeaderValues,
    /// `_raw_message`: the value's bytes.
    RawMessage,
    /// `_is_deleted`, `__deleted`: 1 for a tombstone, else 0.
    IsDeleted,
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
    /// `KAFKA_VALUE_FORMAT` and what belongs to it.
    pub value: RecordFormat,
    /// `KAFKA_KEY_FORMAT` and what belongs to it.
    pub key: RecordFormat,
    /// `KAFKA_TOMBSTONES`: what becomes of records without a value.
    pub tombstones: Tombstones,
    /// `KAFKA_AUTOMATIC_COLUMNS`: whether the columns `__topic`, `__offset`, ... are added to the schema.
    pub automatic_columns: bool,
}

/// How the values, or the keys, of a topic are written.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RecordFormat {
    /// `KAFKA_VALUE_FORMAT`, `KAFKA_KEY_FORMAT`
    pub format: Format,
    /// `KAFKA_SCHEMA_FRAMING`, `KAFKA_KEY_SCHEMA_FRAMING`: how a record says which schema it was written with.
    pub framing: Framing,
    /// `KAFKA_VALUE_SCHEMA`, `KAFKA_KEY_SCHEMA`: the schema of records that name none.
    pub schema: Option<SchemaLocation>,
    /// `KAFKA_VALUE_MESSAGE`, `KAFKA_KEY_MESSAGE`: full name of the Protobuf message, where a record does not tell.
    pub message: Option<String>,
    /// `KAFKA_PROTOBUF_UNROLL`: whether a message whose only field is a repeated message becomes one row an item.
    pub unroll: bool,
    /// `KAFKA_VALIDATE_SCHEMA`: whether JSON that its schema does not allow goes to quarantine.
    pub validate: bool,
}

/// `KAFKA_VALUE_FORMAT`, `KAFKA_KEY_FORMAT`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// One JSON value: the default.
    #[default]
    JsonWithoutSchema,
    /// One JSON value behind a frame that names its JSON Schema.
    JsonWithSchema,
    /// Apache Avro, binary encoding.
    Avro,
    /// Protocol Buffers.
    Protobuf,
    /// Text: UTF-8, taken whole.
    String,
    /// Bytes, taken whole.
    Binary,
}

/// `KAFKA_SCHEMA_FRAMING`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Framing {
    /// Told from headers and first bytes where these leave no doubt: the default.
    #[default]
    Auto,
    /// Confluent: `00` and a 4-byte id, `01` and a GUID, or the header `__value_schema_id`.
    Confluent,
    /// Apicurio: one of its headers, or `00` and an 8-byte global id.
    Apicurio,
    /// Apicurio: one of its headers, or `00` and an 8-byte content id.
    ApicurioContentId,
    /// Apicurio: one of its headers, or `00` and a 4-byte global id.
    ApicurioGlobalId,
    /// AWS Glue: `03`, a compression byte, a UUID.
    Glue,
    /// Azure: the header `content-type`.
    Azure,
    /// No frame: the bare datum, message or JSON value.
    None,
}

/// A schema that the project names.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SchemaLocation {
    /// A file of the project.
    File {
        /// Its path below the project's directory.
        path: String,
        /// Its text.
        text: String,
        /// Other schema files of the project in the same language, as path and text: what it may import.
        others: Vec<(String, String)>,
    },
    /// `/subjects/S`, `/subjects/S/versions/V` or `/schemas/ids/N` of the connection's registry.
    Registry(Text),
}

/// `KAFKA_TOMBSTONES`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Tombstones {
    /// They go to quarantine: the default.
    #[default]
    Quarantine,
    /// They are counted and left out.
    Skip,
    /// Each becomes a row of the columns read from the key, with `_is_deleted` or `__deleted` set to 1.
    Delete,
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
