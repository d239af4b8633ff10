//! The one table of directives. Parser, validation, documentation, help and completions
//! all read it, so a directive exists everywhere or nowhere.

use std::collections::HashMap;
use std::sync::LazyLock;

/// What sort of datafile a file is, by its extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FileKind {
    /// `.connection`
    Connection,
    /// `.datasource`
    Datasource,
    /// `.pipe`
    Pipe,
    /// `.incl`, and any other file that an `INCLUDE` names.
    Include,
    /// `.avsc`, `.proto`, `.json`: a schema of records, in a language of its own.
    Schema,
}

impl FileKind {
    /// The kind of a path; `None` for files that are no datafiles.
    pub fn of_path(path: &str) -> Option<FileKind> {
        let file_name = path.rsplit('/').next()?;
        let (stem, extension) = file_name.rsplit_once('.')?;
        if stem.is_empty() {
            return None;
        }
        match extension {
            "connection" => Some(FileKind::Connection),
            "datasource" => Some(FileKind::Datasource),
            "pipe" => Some(FileKind::Pipe),
            "incl" => Some(FileKind::Include),
            "avsc" | "proto" | "json" => Some(FileKind::Schema),
            _ => None,
        }
    }

    /// The extension with its dot; those of schema files are several.
    pub fn extension(self) -> &'static str {
        match self {
            FileKind::Connection => ".connection",
            FileKind::Datasource => ".datasource",
            FileKind::Pipe => ".pipe",
            FileKind::Include => ".incl",
            FileKind::Schema => ".avsc, .proto and .json",
        }
    }

    /// What a file of this kind describes.
    pub fn noun(self) -> &'static str {
        match self {
            FileKind::Connection => "connection",
            FileKind::Datasource => "data source",
            FileKind::Pipe => "pipe",
            FileKind::Include => "include file",
            FileKind::Schema => "schema file",
        }
    }
}

/// Whether something of the language works here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Availability {
    /// It works.
    Available,
    /// Known, but Forebay cannot do it yet: an error.
    NotYet,
    /// Gone from the language: an error that says what to do instead.
    Removed(&'static str),
    /// Accepted without effect: a warning that says why.
    Ignored(&'static str),
}

/// One word of a closed set of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The word, as documented.
    pub word: &'static str,
    /// Whether it works.
    pub availability: Availability,
}

/// The shape of a directive's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One line.
    Line,
    /// One line or a block.
    Text,
    /// Always a block, opened by `>`.
    Block,
    /// One line that may refer to secrets.
    SecretLine,
    /// One line or a block that may refer to secrets.
    SecretText,
    /// One of the words, in any case.
    Choice(&'static [Choice]),
    /// `True` or `False` (also `1` and `0`).
    Bool,
    /// A name: a letter or `_`, then letters, digits and `_`.
    Identifier,
    /// `host:port[,host:port]`; may refer to secrets.
    HostPorts,
    /// A Kafka topic name; may refer to secrets.
    Topic,
    /// `http(s)://[user:password@]host[:port][/path]`, several separated by commas; may refer to secrets.
    RegistryUrls,
    /// `http(s)://host[:port][/path]`; may refer to secrets.
    Url,
    /// Path of a schema file, or of a schema in the registry.
    SchemaPlace,
    /// Names joined by dots.
    DottedName,
    /// SQL expression or list of columns.
    Expression,
    /// `name = value, …`
    Settings,
    /// `name PERMISSION`
    Token,
    /// `"path" "VAR=value" …`
    Include,
}

impl Shape {
    /// Whether the value may be a block.
    pub fn takes_block(self) -> bool {
        matches!(self, Shape::Text | Shape::Block | Shape::SecretText)
    }

    /// Whether `{{ tb_secret("NAME") }}` may stand in the value.
    pub fn takes_secrets(self) -> bool {
        matches!(
            self,
            Shape::SecretLine
                | Shape::SecretText
                | Shape::HostPorts
                | Shape::Topic
                | Shape::RegistryUrls
                | Shape::Url
        )
    }

    /// How the value looks, for documentation.
    pub fn describe(self) -> String {
        match self {
            Shape::Line => "text".into(),
            Shape::Text => "text or block".into(),
            Shape::Block => "block".into(),
            Shape::SecretLine => "text, may refer to secrets".into(),
            Shape::SecretText => "text or block, may refer to secrets".into(),
            Shape::Choice(choices) => words(choices).join(", "),
            Shape::Bool => "True or False".into(),
            Shape::Identifier => "name".into(),
            Shape::HostPorts => "host:port[,host:port], may refer to secrets".into(),
            Shape::Topic => "topic name, may refer to secrets".into(),
            Shape::RegistryUrls => {
                "http(s)://[user:password@]host[:port][/path][,…], may refer to secrets".into()
            }
            Shape::Url => "http(s)://host[:port][/path], may refer to secrets".into(),
            Shape::SchemaPlace => {
                "path of a file, /subjects/S, /subjects/S/versions/V or /schemas/ids/N".into()
            }
            Shape::DottedName => "full name".into(),
            Shape::Expression => "SQL expression".into(),
            Shape::Settings => "name = value, …".into(),
            Shape::Token => "name READ or name APPEND".into(),
            Shape::Include => "\"path\" \"VAR=value\" …".into(),
        }
    }
}

/// The words of a choice that work.
pub fn words(choices: &[Choice]) -> Vec<&'static str> {
    let works = |choice: &&Choice| choice.availability == Availability::Available;
    choices.iter().filter(works).map(|choice| choice.word).collect()
}

/// One directive of the language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Directive {
    /// Name in capitals; files may write it in any case.
    pub name: &'static str,
    /// Other names for the same thing.
    pub aliases: &'static [&'static str],
    /// Kinds of files it may stand in; an `.incl` may hold any.
    pub files: &'static [FileKind],
    /// Shape of its value.
    pub shape: Shape,
    /// Whether it works.
    pub availability: Availability,
    /// Whether it may stand more than once.
    pub repeatable: bool,
    /// Whether its value must never be shown.
    pub secret: bool,
    /// One sentence on its meaning.
    pub doc: &'static str,
    /// A whole line, or block, that could stand in a file.
    pub example: &'static str,
}

impl Directive {
    /// Whether it may stand in a file of this kind.
    pub fn stands_in(&self, kind: FileKind) -> bool {
        kind == FileKind::Include || self.files.contains(&kind)
    }

    const fn aliases(mut self, aliases: &'static [&'static str]) -> Directive {
        self.aliases = aliases;
        self
    }

    const fn not_yet(mut self) -> Directive {
        self.availability = Availability::NotYet;
        self
    }

    const fn removed(mut self, instead: &'static str) -> Directive {
        self.availability = Availability::Removed(instead);
        self
    }

    const fn ignored(mut self, reason: &'static str) -> Directive {
        self.availability = Availability::Ignored(reason);
        self
    }

    const fn repeatable(mut self) -> Directive {
        self.repeatable = true;
        self
    }

    const fn secret(mut self) -> Directive {
        self.secret = true;
        self
    }
}

const fn directive(
    name: &'static str,
    files: &'static [FileKind],
    shape: Shape,
    doc: &'static str,
    example: &'static str,
) -> Directive {
    Directive {
        name,
        aliases: &[],
        files,
        shape,
        availability: Availability::Available,
        repeatable: false,
        secret: false,
        doc,
        example,
    }
}

const CONNECTION: &[FileKind] = &[FileKind::Connection];
const DATASOURCE: &[FileKind] = &[FileKind::Datasource];
const PIPE: &[FileKind] = &[FileKind::Pipe];
const TABLES: &[FileKind] = &[FileKind::Datasource, FileKind::Pipe];
const KAFKA: &[FileKind] = &[FileKind::Connection, FileKind::Datasource];
const ALL: &[FileKind] = &[FileKind::Connection, FileKind::Datasource, FileKind::Pipe];

const fn works(word: &'static str) -> Choice {
    Choice { word, availability: Availability::Available }
}

const fn later(word: &'static str) -> Choice {
    Choice { word, availability: Availability::NotYet }
}

/// Words of `TYPE`.
const TYPES: &[Choice] = &[works("kafka"), later("s3"), later("gcs"), later("dynamodb"), later("postgres")];
const PROTOCOLS: &[Choice] = &[works("SASL_SSL"), works("SASL_PLAINTEXT"), works("PLAINTEXT"), later("SSL")];
const MECHANISMS: &[Choice] =
    &[works("PLAIN"), works("SCRAM-SHA-256"), works("SCRAM-SHA-512"), later("OAUTHBEARER")];
const FORMATS: &[Choice] = &[
    works("json_without_schema"),
    works("json_with_schema"),
    works("avro"),
    works("protobuf"),
    works("string"),
    works("binary"),
];
const FRAMINGS: &[Choice] = &[
    works("auto"),
    works("confluent"),
    works("apicurio"),
    works("apicurio_content_id"),
    works("apicurio_global_id"),
    works("glue"),
    works("azure"),
    works("none"),
];
const REGISTRIES: &[Choice] = &[works("confluent"), works("glue"), works("azure")];
const TOMBSTONES: &[Choice] = &[works("quarantine"), works("skip"), works("delete")];
const RESETS: &[Choice] = &[works("latest"), works("earliest")];
const ENGINES: &[Choice] = &[
    works("MergeTree"),
    works("ReplacingMergeTree"),
    works("SummingMergeTree"),
    works("AggregatingMergeTree"),
    works("CollapsingMergeTree"),
    works("VersionedCollapsingMergeTree"),
    works("Null"),
];

/// Every directive, in the order of the documentation.
pub const DIRECTIVES: &[Directive] = &[
    directive("TYPE", &[FileKind::Connection, FileKind::Pipe], Shape::Choice(TYPES),
        "Which outside system a connection reaches.", "TYPE kafka"),
    directive("DESCRIPTION", ALL, Shape::Text,
        "What this is, for people.", "DESCRIPTION Flights of the three New York airports"),
    directive("INCLUDE", ALL, Shape::Include,
        "Puts the directives of another file in this place. The path is relative to the including file; `$VAR` and `${VAR}` of the included file take the values of the given pairs, and of nothing else.",
        "INCLUDE \"connections/main.incl\" \"GROUP=flights\"").repeatable(),
    directive("KAFKA_BOOTSTRAP_SERVERS", KAFKA, Shape::HostPorts,
        "Brokers to ask first. An IPv6 address stands in brackets.", "KAFKA_BOOTSTRAP_SERVERS broker-1:9092,broker-2:9092"),
    directive("KAFKA_SECURITY_PROTOCOL", KAFKA, Shape::Choice(PROTOCOLS),
        "How to talk to the brokers; SASL_SSL when absent.", "KAFKA_SECURITY_PROTOCOL PLAINTEXT"),
    directive("KAFKA_SASL_MECHANISM", KAFKA, Shape::Choice(MECHANISMS),
        "How to log in; PLAIN when absent.", "KAFKA_SASL_MECHANISM SCRAM-SHA-512"),
    directive("KAFKA_KEY", KAFKA, Shape::SecretLine,
        "User name.", "KAFKA_KEY {{ tb_secret(\"KAFKA_KEY\") }}"),
    directive("KAFKA_SECRET", KAFKA, Shape::SecretLine,
        "Password.", "KAFKA_SECRET {{ tb_secret(\"KAFKA_SECRET\") }}").secret(),
    directive("KAFKA_SSL_CA_PEM", KAFKA, Shape::SecretText,
        "Certificate authority to trust, in PEM form.", "KAFKA_SSL_CA_PEM {{ tb_secret(\"KAFKA_CA\") }}"),
    directive("KAFKA_SCHEMA_REGISTRY_URL", KAFKA, Shape::RegistryUrls,
        "Schema registry; several addresses are tried in turn. At the end may stand `/subjects/S`, `/subjects/S/versions/V` or `/schemas/ids/N`: the schema of records that name none.",
        "KAFKA_SCHEMA_REGISTRY_URL https://registry-1:8081,https://registry-2:8081").secret(),
    directive("KAFKA_SCHEMA_REGISTRY_TYPE", KAFKA, Shape::Choice(REGISTRIES),
        "What the registry speaks; confluent, as nearly all do, when absent.", "KAFKA_SCHEMA_REGISTRY_TYPE glue"),
    directive("KAFKA_SCHEMA_REGISTRY_USER", KAFKA, Shape::SecretLine,
        "User name for the registry, or the key of an API key.", "KAFKA_SCHEMA_REGISTRY_USER {{ tb_secret(\"REGISTRY_USER\") }}"),
    directive("KAFKA_SCHEMA_REGISTRY_PASSWORD", KAFKA, Shape::SecretLine,
        "Password for the registry, or the secret of an API key.", "KAFKA_SCHEMA_REGISTRY_PASSWORD {{ tb_secret(\"REGISTRY_PASSWORD\") }}").secret(),
    directive("KAFKA_SCHEMA_REGISTRY_TOKEN", KAFKA, Shape::SecretLine,
        "Bearer token for the registry.", "KAFKA_SCHEMA_REGISTRY_TOKEN {{ tb_secret(\"REGISTRY_TOKEN\") }}").secret(),
    directive("KAFKA_SCHEMA_REGISTRY_OAUTH_TOKEN_URL", KAFKA, Shape::Url,
        "Where tokens for the registry come from, by client credentials.", "KAFKA_SCHEMA_REGISTRY_OAUTH_TOKEN_URL https://login.example.org/oauth2/token").secret(),
    directive("KAFKA_SCHEMA_REGISTRY_OAUTH_CLIENT_ID", KAFKA, Shape::SecretLine,
        "Id of the client that asks for tokens.", "KAFKA_SCHEMA_REGISTRY_OAUTH_CLIENT_ID forebay"),
    directive("KAFKA_SCHEMA_REGISTRY_OAUTH_CLIENT_SECRET", KAFKA, Shape::SecretLine,
        "Secret of the client that asks for tokens.", "KAFKA_SCHEMA_REGISTRY_OAUTH_CLIENT_SECRET {{ tb_secret(\"REGISTRY_CLIENT_SECRET\") }}").secret(),
    directive("KAFKA_SCHEMA_REGISTRY_OAUTH_SCOPE", KAFKA, Shape::SecretLine,
        "Scope of the tokens, where the issuer wants one.", "KAFKA_SCHEMA_REGISTRY_OAUTH_SCOPE schema.read"),
    directive("KAFKA_SCHEMA_REGISTRY_LOGICAL_CLUSTER", KAFKA, Shape::SecretLine,
        "Confluent Cloud with OAuth or a token: the registry's cluster, sent as the header target-sr-cluster.", "KAFKA_SCHEMA_REGISTRY_LOGICAL_CLUSTER lsrc-1"),
    directive("KAFKA_SCHEMA_REGISTRY_IDENTITY_POOL_ID", KAFKA, Shape::SecretLine,
        "Confluent Cloud with OAuth or a token: the identity pool, sent as the header Confluent-Identity-Pool-Id.", "KAFKA_SCHEMA_REGISTRY_IDENTITY_POOL_ID pool-1"),
    directive("KAFKA_SCHEMA_REGISTRY_CA_PEM", KAFKA, Shape::SecretText,
        "Certificate authority of the registry to trust, in PEM form.", "KAFKA_SCHEMA_REGISTRY_CA_PEM {{ tb_secret(\"REGISTRY_CA\") }}"),
    directive("KAFKA_SCHEMA_REGISTRY_CERTIFICATE_PEM", KAFKA, Shape::SecretText,
        "Client certificate for the registry, in PEM form.", "KAFKA_SCHEMA_REGISTRY_CERTIFICATE_PEM {{ tb_secret(\"REGISTRY_CERTIFICATE\") }}"),
    directive("KAFKA_SCHEMA_REGISTRY_PRIVATE_KEY_PEM", KAFKA, Shape::SecretText,
        "Private key of the client certificate, in PEM form.", "KAFKA_SCHEMA_REGISTRY_PRIVATE_KEY_PEM {{ tb_secret(\"REGISTRY_KEY\") }}").secret(),
    directive("KAFKA_SCHEMA_REGISTRY_AWS_REGION", KAFKA, Shape::SecretLine,
        "Glue: AWS region of the registry.", "KAFKA_SCHEMA_REGISTRY_AWS_REGION eu-west-1"),
    directive("KAFKA_SCHEMA_REGISTRY_AWS_ACCESS_KEY", KAFKA, Shape::SecretLine,
        "Glue: access key; when absent the environment, the profile and the machine's role are asked.", "KAFKA_SCHEMA_REGISTRY_AWS_ACCESS_KEY {{ tb_secret(\"AWS_ACCESS_KEY\") }}"),
    directive("KAFKA_SCHEMA_REGISTRY_AWS_SECRET_KEY", KAFKA, Shape::SecretLine,
        "Glue: secret of the access key.", "KAFKA_SCHEMA_REGISTRY_AWS_SECRET_KEY {{ tb_secret(\"AWS_SECRET_KEY\") }}").secret(),
    directive("KAFKA_SCHEMA_REGISTRY_AWS_ROLE_ARN", KAFKA, Shape::SecretLine,
        "Glue: role to take on.", "KAFKA_SCHEMA_REGISTRY_AWS_ROLE_ARN arn:aws:iam::1:role/reader"),
    directive("KAFKA_SCHEMA_REGISTRY_AWS_EXTERNAL_ID", KAFKA, Shape::SecretLine,
        "Glue: external id of that role.", "KAFKA_SCHEMA_REGISTRY_AWS_EXTERNAL_ID forebay"),
    directive("KAFKA_SASL_OAUTHBEARER_METHOD", KAFKA, Shape::Line,
        "Where OAUTHBEARER tokens come from.", "KAFKA_SASL_OAUTHBEARER_METHOD AWS").not_yet(),
    directive("KAFKA_SASL_OAUTHBEARER_AWS_REGION", KAFKA, Shape::Line,
        "AWS region of the brokers.", "KAFKA_SASL_OAUTHBEARER_AWS_REGION eu-west-1").not_yet(),
    directive("KAFKA_SASL_OAUTHBEARER_AWS_ROLE_ARN", KAFKA, Shape::Line,
        "AWS role to take on.", "KAFKA_SASL_OAUTHBEARER_AWS_ROLE_ARN arn:aws:iam::1:role/reader").not_yet(),
    directive("KAFKA_SASL_OAUTHBEARER_AWS_EXTERNAL_ID", KAFKA, Shape::SecretLine,
        "External id of the AWS role.", "KAFKA_SASL_OAUTHBEARER_AWS_EXTERNAL_ID forebay").not_yet(),
    directive("KAFKA_KEY_AVRO_DESERIALIZATION", KAFKA, Shape::Line,
        "Old spelling of KAFKA_KEY_FORMAT.", "KAFKA_KEY_AVRO_DESERIALIZATION true")
        .removed("write KAFKA_KEY_FORMAT in the .datasource file instead"),
    directive("S3_REGION", CONNECTION, Shape::Line,
        "AWS region of the bucket.", "S3_REGION eu-west-1").not_yet(),
    directive("S3_ARN", CONNECTION, Shape::SecretLine,
        "AWS role that may read the bucket.", "S3_ARN arn:aws:iam::1:role/reader").not_yet(),
    directive("S3_ACCESS_KEY", CONNECTION, Shape::SecretLine,
        "Access key of the bucket.", "S3_ACCESS_KEY {{ tb_secret(\"S3_KEY\") }}").not_yet(),
    directive("S3_SECRET", CONNECTION, Shape::SecretLine,
        "Secret of the access key.", "S3_SECRET {{ tb_secret(\"S3_SECRET\") }}").secret().not_yet(),
    directive("GCS_SERVICE_ACCOUNT_CREDENTIALS_JSON", CONNECTION, Shape::SecretText,
        "Key file of a Google service account.", "GCS_SERVICE_ACCOUNT_CREDENTIALS_JSON {{ tb_secret(\"GCS\") }}").secret().not_yet(),
    directive("GCS_HMAC_ACCESS_ID", CONNECTION, Shape::SecretLine,
        "HMAC access id of a Google bucket.", "GCS_HMAC_ACCESS_ID {{ tb_secret(\"GCS_ID\") }}")
        .aliases(&["GCS_ACCESS_ID"]).not_yet(),
    directive("GCS_HMAC_SECRET", CONNECTION, Shape::SecretLine,
        "Secret of the HMAC access id.", "GCS_HMAC_SECRET {{ tb_secret(\"GCS_SECRET\") }}")
        .aliases(&["GCS_SECRET"]).secret().not_yet(),
    directive("DYNAMODB_ARN", CONNECTION, Shape::SecretLine,
        "AWS role that may read the table.", "DYNAMODB_ARN arn:aws:iam::1:role/reader").not_yet(),
    directive("DYNAMODB_REGION", CONNECTION, Shape::Line,
        "AWS region of the table.", "DYNAMODB_REGION eu-west-1").not_yet(),
    directive("PG_HOST", CONNECTION, Shape::SecretLine, "PostgreSQL host.", "PG_HOST db.example.org").not_yet(),
    directive("PG_PORT", CONNECTION, Shape::SecretLine, "PostgreSQL port.", "PG_PORT 5432").not_yet(),
    directive("PG_DATABASE", CONNECTION, Shape::SecretLine, "PostgreSQL database.", "PG_DATABASE app").not_yet(),
    directive("PG_USER", CONNECTION, Shape::SecretLine, "PostgreSQL user.", "PG_USER reader").not_yet(),
    directive("PG_PASSWORD", CONNECTION, Shape::SecretLine,
        "PostgreSQL password.", "PG_PASSWORD {{ tb_secret(\"PG\") }}").secret().not_yet(),
    directive("PG_SSL_MODE", CONNECTION, Shape::Line, "PostgreSQL TLS mode.", "PG_SSL_MODE require").not_yet(),

    directive("SCHEMA", DATASOURCE, Shape::Block,
        "The columns: name, type, path into the record, DEFAULT, CODEC.",
        "SCHEMA >\n    `carrier` LowCardinality(String) `json:$.carrier`,\n    `distance` UInt32 DEFAULT 0"),
    directive("INDEXES", DATASOURCE, Shape::Block,
        "Data skipping indexes, one a line.", "INDEXES >\n    INDEX by_carrier carrier TYPE set(100) GRANULARITY 4"),
    directive("ENGINE", TABLES, Shape::Choice(ENGINES),
        "Table engine; MergeTree when absent.", "ENGINE \"MergeTree\""),
    directive("ENGINE_SORTING_KEY", TABLES, Shape::Expression,
        "Order of the rows. When absent: the first date or time column, the first number and the first String that are not Nullable, else `tuple()`.",
        "ENGINE_SORTING_KEY \"carrier, departure\"").aliases(&["SORTING_KEY"]),
    directive("ENGINE_PARTITION_KEY", TABLES, Shape::Expression,
        "How parts are divided.", "ENGINE_PARTITION_KEY \"toYYYYMM(departure)\"").aliases(&["PARTITION_KEY"]),
    directive("ENGINE_PRIMARY_KEY", TABLES, Shape::Expression,
        "Prefix of the sorting key to keep in memory.", "ENGINE_PRIMARY_KEY \"carrier\"").aliases(&["PRIMARY_KEY"]),
    directive("ENGINE_SAMPLING_KEY", TABLES, Shape::Expression,
        "Expression for SAMPLE.", "ENGINE_SAMPLING_KEY \"cityHash64(carrier)\"").aliases(&["SAMPLING_KEY"]),
    directive("ENGINE_TTL", TABLES, Shape::Expression,
        "When rows expire.", "ENGINE_TTL \"toDate(departure) + INTERVAL 90 DAY\"").aliases(&["TTL"]),
    directive("ENGINE_SETTINGS", TABLES, Shape::Settings,
        "Settings of the table.", "ENGINE_SETTINGS \"index_granularity = 1024\""),
    directive("ENGINE_VER", TABLES, Shape::Identifier,
        "ReplacingMergeTree: the column whose highest value wins.", "ENGINE_VER updated_at"),
    directive("ENGINE_IS_DELETED", TABLES, Shape::Identifier,
        "ReplacingMergeTree: the UInt8 column that marks deleted rows.", "ENGINE_IS_DELETED is_deleted"),
    directive("ENGINE_COLUMNS", TABLES, Shape::Line,
        "SummingMergeTree: the columns to add up; all numbers when absent.", "ENGINE_COLUMNS \"distance, air_time\"")
        .aliases(&["ENGINE_SUMMING_COLUMNS"]),
    directive("ENGINE_SIGN", TABLES, Shape::Identifier,
        "CollapsingMergeTree and VersionedCollapsingMergeTree: the Int8 column holding 1 or -1.", "ENGINE_SIGN sign"),
    directive("ENGINE_VERSION", TABLES, Shape::Identifier,
        "VersionedCollapsingMergeTree: the column that orders states.", "ENGINE_VERSION version"),
    directive("SETTINGS", TABLES, Shape::Line, "Old spelling of ENGINE_SETTINGS.", "SETTINGS index_granularity=1024")
        .removed("write ENGINE_SETTINGS instead"),
    directive("TAGS", &[FileKind::Datasource, FileKind::Pipe], Shape::Line,
        "Labels for people and tools.", "TAGS team=data,flights").ignored("tags have no effect yet"),
    directive("TOKEN", &[FileKind::Datasource, FileKind::Pipe], Shape::Token,
        "Gives a token a permission on this.", "TOKEN \"dashboard\" READ")
        .repeatable().ignored("tokens of data sources have no effect yet"),
    directive("FORWARD_QUERY", DATASOURCE, Shape::Block,
        "How rows move over when the table changes.", "FORWARD_QUERY >\n    SELECT *").not_yet(),
    directive("BACKFILL", DATASOURCE, Shape::Line, "Whether a materialized view fills from history.", "BACKFILL skip").not_yet(),
    directive("SHARED_WITH", DATASOURCE, Shape::Text, "Workspaces that may read this.", "SHARED_WITH analytics").not_yet(),

    directive("KAFKA_CONNECTION_NAME", TABLES, Shape::Identifier,
        "The `.connection` file, without its extension.", "KAFKA_CONNECTION_NAME main"),
    directive("KAFKA_TOPIC", TABLES, Shape::Topic, "The topic to read.", "KAFKA_TOPIC flights"),
    directive("KAFKA_GROUP_ID", TABLES, Shape::SecretLine,
        "Consumer group; unique for each topic of a cluster.", "KAFKA_GROUP_ID forebay_flights"),
    directive("KAFKA_AUTO_OFFSET_RESET", DATASOURCE, Shape::Choice(RESETS),
        "Where to start when the group has no committed offset; latest when absent.", "KAFKA_AUTO_OFFSET_RESET earliest"),
    directive("KAFKA_STORE_RAW_VALUE", DATASOURCE, Shape::Bool,
        "Whether `__value` keeps the raw value of each record; False when absent.", "KAFKA_STORE_RAW_VALUE True"),
    directive("KAFKA_STORE_HEADERS", DATASOURCE, Shape::Bool,
        "Whether there is a column `__headers`; False when absent.", "KAFKA_STORE_HEADERS True"),
    directive("KAFKA_AUTOMATIC_COLUMNS", DATASOURCE, Shape::Bool,
        "Whether the table has the automatic columns; when False, only those that SCHEMA lists. True when absent.", "KAFKA_AUTOMATIC_COLUMNS False"),
    directive("KAFKA_VALUE_FORMAT", DATASOURCE, Shape::Choice(FORMATS),
        "How values are written; json_without_schema when absent. Of a string or binary only `$`, the whole, can be read.", "KAFKA_VALUE_FORMAT avro"),
    directive("KAFKA_KEY_FORMAT", DATASOURCE, Shape::Choice(FORMATS),
        "How keys are written, for paths that begin with `#._key`; json_without_schema when absent. `__key` and `_key` keep the raw bytes.", "KAFKA_KEY_FORMAT avro"),
    directive("KAFKA_SCHEMA_FRAMING", DATASOURCE, Shape::Choice(FRAMINGS),
        "How a record says which schema it was written with; auto, which is told from headers and first bytes, when absent.", "KAFKA_SCHEMA_FRAMING confluent"),
    directive("KAFKA_KEY_SCHEMA_FRAMING", DATASOURCE, Shape::Choice(FRAMINGS),
        "The same for keys; as KAFKA_SCHEMA_FRAMING when absent.", "KAFKA_KEY_SCHEMA_FRAMING none"),
    directive("KAFKA_VALUE_SCHEMA", DATASOURCE, Shape::SchemaPlace,
        "Schema of values that name none: a .avsc, .proto or .json file, its path relative to this file or else to the project, or a schema in the registry.", "KAFKA_VALUE_SCHEMA schemas/flight.avsc"),
    directive("KAFKA_KEY_SCHEMA", DATASOURCE, Shape::SchemaPlace,
        "Schema of keys that name none.", "KAFKA_KEY_SCHEMA /subjects/flights-key/versions/latest"),
    directive("KAFKA_VALUE_MESSAGE", DATASOURCE, Shape::DottedName,
        "Full name of the Protobuf message of values that do not tell it; the file's first message when absent.", "KAFKA_VALUE_MESSAGE airport.Flight"),
    directive("KAFKA_KEY_MESSAGE", DATASOURCE, Shape::DottedName,
        "Full name of the Protobuf message of keys that do not tell it.", "KAFKA_KEY_MESSAGE airport.FlightKey"),
    directive("KAFKA_PROTOBUF_UNROLL", DATASOURCE, Shape::Bool,
        "Whether a message whose only field is a repeated message becomes one row for each item; False when absent.", "KAFKA_PROTOBUF_UNROLL True"),
    directive("KAFKA_VALIDATE_SCHEMA", DATASOURCE, Shape::Bool,
        "Whether JSON that its JSON Schema does not allow goes to quarantine; False when absent.", "KAFKA_VALIDATE_SCHEMA True"),
    directive("KAFKA_TOMBSTONES", DATASOURCE, Shape::Choice(TOMBSTONES),
        "What becomes of records without a value: quarantine, which it is when absent; skip, which only counts them; delete, a row of the columns read from the key with `_is_deleted` or `__deleted` set to 1.", "KAFKA_TOMBSTONES delete"),
    directive("KAFKA_STORE_BINARY_HEADERS", DATASOURCE, Shape::Line, "Gone: headers are always Map(String, String).", "KAFKA_STORE_BINARY_HEADERS True")
        .removed("remove the line: with KAFKA_STORE_HEADERS True the headers are always Map(String, String)"),
    directive("KAFKA_TARGET_PARTITIONS", DATASOURCE, Shape::Line, "Partitions are assigned by the consumer group.", "KAFKA_TARGET_PARTITIONS auto")
        .ignored("partitions are assigned by the consumer group"),

    directive("IMPORT_CONNECTION_NAME", DATASOURCE, Shape::Identifier, "Connection of an import.", "IMPORT_CONNECTION_NAME bucket").not_yet(),
    directive("IMPORT_SCHEDULE", DATASOURCE, Shape::Line, "When an import runs.", "IMPORT_SCHEDULE @auto").not_yet(),
    directive("IMPORT_BUCKET_URI", DATASOURCE, Shape::Line, "Objects to import.", "IMPORT_BUCKET_URI s3://bucket/*.csv").not_yet(),
    directive("IMPORT_FORMAT", DATASOURCE, Shape::Line, "Format of imported objects.", "IMPORT_FORMAT csv").not_yet(),
    directive("IMPORT_FROM_TIMESTAMP", DATASOURCE, Shape::Line, "Imports only objects changed after this time.", "IMPORT_FROM_TIMESTAMP 2026-01-01T00:00:00Z").not_yet(),
    directive("IMPORT_STRATEGY", DATASOURCE, Shape::Line, "Gone: imports always append.", "IMPORT_STRATEGY append")
        .removed("remove the line: imports always append"),
    directive("IMPORT_SERVICE", DATASOURCE, Shape::Line, "The connection tells the service.", "IMPORT_SERVICE s3").ignored("the connection tells the service"),
    directive("IMPORT_EXTERNAL_DATASOURCE", DATASOURCE, Shape::Line, "Of old warehouse connectors.", "IMPORT_EXTERNAL_DATASOURCE db.table").ignored("it belonged to old warehouse connectors"),
    directive("IMPORT_QUERY", DATASOURCE, Shape::Text, "Query of an old warehouse connector.", "IMPORT_QUERY SELECT 1").not_yet(),
    directive("IMPORT_TABLE_ARN", DATASOURCE, Shape::Line, "DynamoDB table to import.", "IMPORT_TABLE_ARN arn:aws:dynamodb:eu-west-1:1:table/a").not_yet(),
    directive("IMPORT_EXPORT_BUCKET", DATASOURCE, Shape::Line, "Bucket for DynamoDB exports.", "IMPORT_EXPORT_BUCKET exports").not_yet(),
    directive("PG_CONNECTION_NAME", DATASOURCE, Shape::Identifier, "PostgreSQL connection.", "PG_CONNECTION_NAME app").not_yet(),
    directive("PG_TABLE", DATASOURCE, Shape::Line, "PostgreSQL table.", "PG_TABLE public.flights").not_yet(),
    directive("SOURCE", DATASOURCE, Shape::Line, "Gone from the language.", "SOURCE flights")
        .removed("remove the line: KAFKA_TOPIC tells where records come from"),
    directive("VERSION", TABLES, Shape::Line, "Version of a resource, long ago.", "VERSION 1").ignored("resources have no versions any more"),
    directive("FROM", DATASOURCE, Shape::Line, "Gone from the language.", "FROM flights").removed("remove the line: KAFKA_TOPIC tells where records come from"),
    directive("MAINTAINER", TABLES, Shape::Line, "Who looks after this.", "MAINTAINER data team").ignored("write it into DESCRIPTION"),

    directive("NODE", PIPE, Shape::Line, "One step of a pipe.", "NODE last_day").aliases(&["SCOPE"]).repeatable().not_yet(),
    directive("SQL", PIPE, Shape::Block, "Query of a node.", "SQL >\n    SELECT count() FROM flights").repeatable().not_yet(),
    directive("FILTER", PIPE, Shape::Line, "Filter of a node.", "FILTER carrier").repeatable().not_yet(),
    directive("DATASOURCE", PIPE, Shape::Identifier, "Target of a materialized view.", "DATASOURCE flights_daily").not_yet(),
    directive("DEPLOYMENT_METHOD", PIPE, Shape::Line, "How a materialized view changes.", "DEPLOYMENT_METHOD alter").not_yet(),
    directive("TARGET_DATASOURCE", PIPE, Shape::Identifier, "Target of a copy.", "TARGET_DATASOURCE flights_copy").not_yet(),
    directive("COPY_SCHEDULE", PIPE, Shape::Line, "When a copy runs.", "COPY_SCHEDULE @on-demand").not_yet(),
    directive("COPY_MODE", PIPE, Shape::Line, "Whether a copy appends or replaces.", "COPY_MODE append").aliases(&["MODE"]).not_yet(),
    directive("ON_DEMAND_COMPUTE", PIPE, Shape::Bool, "Whether a copy has its own compute.", "ON_DEMAND_COMPUTE true").not_yet(),
    directive("CACHE", PIPE, Shape::Line, "Seconds to keep an endpoint's answer.", "CACHE 60").not_yet(),
    directive("EXPORT_CONNECTION_NAME", PIPE, Shape::Identifier, "Connection of a sink.", "EXPORT_CONNECTION_NAME main").not_yet(),
    directive("EXPORT_SCHEDULE", PIPE, Shape::Line, "When a sink runs.", "EXPORT_SCHEDULE @on-demand").not_yet(),
    directive("EXPORT_KAFKA_TOPIC", PIPE, Shape::Line, "Topic of a Kafka sink.", "EXPORT_KAFKA_TOPIC delays").not_yet(),
    directive("EXPORT_BUCKET_URI", PIPE, Shape::Line, "Bucket of a file sink.", "EXPORT_BUCKET_URI s3://bucket/exports").not_yet(),
    directive("EXPORT_FILE_TEMPLATE", PIPE, Shape::Line, "Names of exported files.", "EXPORT_FILE_TEMPLATE daily_{date}").not_yet(),
    directive("EXPORT_FORMAT", PIPE, Shape::Line, "Format of exported files.", "EXPORT_FORMAT csv").not_yet(),
    directive("EXPORT_COMPRESSION", PIPE, Shape::Line, "Compression of exported files.", "EXPORT_COMPRESSION gzip").not_yet(),
    directive("EXPORT_STRATEGY", PIPE, Shape::Line, "What happens to existing files.", "EXPORT_STRATEGY @new").aliases(&["EXPORT_WRITE_STRATEGY"]).not_yet(),
    directive("EXPORT_SERVICE", TABLES, Shape::Line, "The connection tells the service.", "EXPORT_SERVICE kafka").ignored("the connection tells the service"),
];

static BY_NAME: LazyLock<HashMap<&'static str, &'static Directive>> = LazyLock::new(|| {
    let named = |directive: &'static Directive| {
        let names = std::iter::once(directive.name).chain(directive.aliases.iter().copied());
        names.map(move |name| (name, directive))
    };
    DIRECTIVES.iter().flat_map(named).collect()
});

/// The directive of this name or alias, in any case.
pub fn find(name: &str) -> Option<&'static Directive> {
    BY_NAME.get(name.to_ascii_uppercase().as_str()).copied()
}

/// Names and aliases that may stand in a file of this kind.
pub fn names_in(kind: FileKind) -> Vec<&'static str> {
    DIRECTIVES
        .iter()
        .filter(|directive| directive.stands_in(kind))
        .flat_map(|directive| std::iter::once(directive.name).chain(directive.aliases.iter().copied()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_and_alias_is_unique_and_in_capitals() {
        let names: usize = DIRECTIVES.iter().map(|d| 1 + d.aliases.len()).sum();
        assert_eq!(BY_NAME.len(), names);
        for name in BY_NAME.keys() {
            assert_eq!(*name, name.to_ascii_uppercase());
        }
    }

    #[test]
    fn examples_begin_with_their_directive() {
        for directive in DIRECTIVES {
            let first_word = directive.example.split_whitespace().next();
            assert_eq!(first_word, Some(directive.name));
            assert!(directive.doc.ends_with('.'), "{}", directive.name);
        }
    }

    #[test]
    fn names_are_found_in_any_case() {
        assert_eq!(find("kafka_Topic").map(|d| d.name), Some("KAFKA_TOPIC"));
        assert_eq!(find("scope").map(|d| d.name), Some("NODE"));
        assert_eq!(find("KAFKA_TOPICS"), None);
    }
}
