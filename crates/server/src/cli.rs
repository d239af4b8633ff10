//! The command line: one definition for parsing, help, completions, the man page and `docs/cli.md`.

use crate::{
    exit,
    quantity::{parse_bytes, parse_interval, parse_seconds},
    screen::ColorChoice,
};
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum, builder::FalseyValueParser};
use clap_complete::Shell;
use forebay_project::model::{Format, Framing};
use std::{net::IpAddr, path::PathBuf, time::Duration};

/// Turns Kafka topics into ClickHouse tables, exactly once.
#[derive(Debug, Parser)]
#[command(
    name = "forebay",
    version,
    propagate_version = true,
    disable_help_subcommand = true,
    arg_required_else_help = true,
    max_term_width = 100
)]
pub(crate) struct Cli {
    /// Print for programs: JSON instead of text
    #[arg(long, global = true, help_heading = "Output")]
    pub(crate) json: bool,

    /// When to use colour; NO_COLOR is obeyed
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN", help_heading = "Output")]
    pub(crate) color: ColorChoice,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write a small working project, or the .datasource file of a topic or a local file
    ///
    /// With --connection and --topic, or with --file, the columns are made from what is there, as `forebay preview`
    /// shows them; only the new .datasource file is written. Nothing is ever overwritten.
    #[command(after_help = examples(&[
        ("forebay init", "a small project, here"),
        ("forebay init orders", "a small project, in a new directory"),
        ("forebay init --connection kafka --topic orders", "orders.datasource for a topic"),
        ("forebay init --file flights.parquet --stdout", "the columns of a file, only printed"),
    ]))]
    Init(Box<InitArgs>),

    /// Show what is in a topic or a local file, and the table it would make
    ///
    /// Reads both ends of every partition; no consumer group is joined and nothing is committed or written. How values
    /// are written is detected from their first bytes, the schema registry of the connection, and the project.
    #[command(after_help = examples(&[
        ("forebay preview kafka orders", "the newest records of the topic orders, and its columns"),
        ("forebay preview kafka orders --limit 100 --json", "for programs"),
        ("forebay preview kafka orders --value-format avro", "when detection errs"),
        ("forebay preview kafka orders --value-schema order.avsc", "records that name no schema"),
        ("forebay preview flights.ndjson", "a local file: NDJSON, CSV, TSV or Parquet, .gz and .zst too"),
    ]))]
    Preview(PreviewArgs),

    /// Check a project and show everything that is wrong with it
    #[command(after_help = examples(&[
        ("forebay check", "the project in this directory"),
        ("forebay check orders --json", "every diagnostic as JSON"),
    ]))]
    Check(CheckArgs),

    /// Show what each column of a data source reads, and how it is converted
    ///
    /// With Avro and Protobuf the schema is looked up: the configured one, else the newest of the topic's subject.
    #[command(after_help = examples(&[
        ("forebay explain flights", "a data source of the project in this directory"),
        ("forebay explain flights --project orders --json", "for tools"),
    ]))]
    Explain(ExplainArgs),

    /// Run a project: read its topics into its tables until stopped
    ///
    /// SIGINT or SIGTERM stops it in order: rows at hand are written and their offsets committed, within 10 seconds.
    /// A second signal stops it at once; nothing is lost then either, for what was not committed is read again.
    #[command(after_help = examples(&[
        ("forebay start", "the project in this directory"),
        ("forebay start orders --until-caught-up", "stop once everything is in"),
        ("FOREBAY_SECRET_KAFKA_PASSWORD=... forebay start orders", "give a secret"),
        ("forebay start --flush-interval 1s --memory 1GiB", "fewer, larger inserts"),
    ]))]
    Start(Box<StartArgs>),

    /// Show what the running server does
    #[command(after_help = examples(&[
        ("forebay status", "once"),
        ("forebay status --watch", "again each second"),
        ("forebay status --until-caught-up --timeout 5m", "wait for the topics to be read"),
    ]))]
    Status(StatusArgs),

    /// Run a query that reads
    #[command(after_help = examples(&[
        ("forebay sql \"SELECT count() FROM orders\"", "a table"),
        ("forebay sql \"SELECT * FROM orders LIMIT 3\" --json", "one JSON object a row"),
        ("forebay sql \"SELECT * FROM orders\" --format Parquet > orders.parquet", "any format of ClickHouse"),
        ("echo 'SELECT 1' | forebay sql -", "the query from standard input"),
    ]))]
    Sql(SqlArgs),

    /// Install or look at the embedded ClickHouse (libchdb)
    #[command(subcommand, arg_required_else_help = true)]
    Engine(EngineCommand),

    /// Show the directives of the project files
    #[command(after_help = examples(&[
        ("forebay directives", "all that work"),
        ("forebay directives KAFKA_TOPIC", "one of them"),
        ("forebay directives --all", "also those that are not available yet"),
    ]))]
    Directives(DirectivesArgs),

    /// Print completions for a shell
    #[command(after_help = examples(&[
        ("forebay completions bash > /etc/bash_completion.d/forebay", "for bash"),
        ("forebay completions zsh > ~/.zfunc/_forebay", "for zsh"),
    ]))]
    Completions(CompletionsArgs),

    /// Print the manual page
    #[command(after_help = examples(&[
        ("forebay man | man -l -", "read it"),
        ("forebay man > /usr/local/share/man/man1/forebay.1", "install it"),
    ]))]
    Man,
}

#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// Where to; made when missing
    #[arg(default_value = ".")]
    pub(crate) dir: PathBuf,

    /// Connection of the project that reaches the topic
    #[arg(long, value_name = "NAME", requires = "topic", conflicts_with = "file")]
    pub(crate) connection: Option<String>,

    /// Topic to make a .datasource file for
    #[arg(long, value_name = "TOPIC", requires = "connection", conflicts_with = "file")]
    pub(crate) topic: Option<String>,

    /// Local file to make a .datasource file for
    #[arg(long, value_name = "PATH")]
    pub(crate) file: Option<PathBuf>,

    /// Name of the data source [default: made from that of the topic or the file]
    #[arg(long, value_name = "NAME", value_parser = parse_datasource)]
    pub(crate) name: Option<String>,

    /// Print the .datasource file instead of writing it
    #[arg(long)]
    pub(crate) stdout: bool,

    #[command(flatten)]
    pub(crate) look: LookArgs,
}

#[derive(Debug, Args)]
pub(crate) struct PreviewArgs {
    /// Connection of the project or, without a topic, a local file
    #[arg(value_name = "CONNECTION|FILE")]
    pub(crate) source: String,

    /// Topic
    pub(crate) topic: Option<String>,

    /// Records to show, the newest ones
    #[arg(long, value_name = "RECORDS", default_value_t = 5)]
    pub(crate) limit: usize,

    /// Directory of the project
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) project: PathBuf,

    #[command(flatten)]
    pub(crate) look: LookArgs,
}

/// How a topic or a file is looked at.
#[derive(Debug, Args)]
pub(crate) struct LookArgs {
    #[command(flatten)]
    pub(crate) told: ToldFormats,

    /// What becomes of objects in objects
    #[arg(long, value_enum, default_value_t, value_name = "HOW", help_heading = "Columns")]
    pub(crate) nested: NestedObjects,

    /// Records to make columns from, half of them the oldest, half the newest
    #[arg(long, value_name = "RECORDS", default_value_t = 1000, help_heading = "Columns")]
    pub(crate) sample: usize,

    /// Give up reading the topic after this long
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = parse_seconds)]
    pub(crate) timeout: Duration,

    /// File of secrets, read besides .env and .env.local and before them
    #[arg(long, env = "FOREBAY_ENV_FILE", hide_env_values = true, value_name = "PATH")]
    pub(crate) env_file: Option<PathBuf>,
}

impl LookArgs {
    /// Whether objects in objects become JSON columns.
    pub(crate) fn nested_json(&self) -> bool {
        self.nested == NestedObjects::Json
    }
}

/// What is told of values and keys; the rest is detected.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Formats")]
pub(crate) struct ToldFormats {
    /// How the values are written [default: detected]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) value_format: Option<ValueFormat>,

    /// Schema of values that name none: a file of the project, or /subjects/S of the registry
    #[arg(long, value_name = "PLACE")]
    pub(crate) value_schema: Option<String>,

    /// Protobuf message of values that name none
    #[arg(long, value_name = "NAME")]
    pub(crate) value_message: Option<String>,

    /// How values and keys say which schema they were written with [default: detected]
    #[arg(long, value_enum, value_name = "FRAMING")]
    pub(crate) schema_framing: Option<SchemaFraming>,

    /// How the keys are written [default: detected]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) key_format: Option<ValueFormat>,

    /// Schema of keys that name none
    #[arg(long, value_name = "PLACE")]
    pub(crate) key_schema: Option<String>,

    /// Protobuf message of keys that name none
    #[arg(long, value_name = "NAME")]
    pub(crate) key_message: Option<String>,

    /// How keys say which schema they were written with, where values say it otherwise
    #[arg(long, value_enum, value_name = "FRAMING")]
    pub(crate) key_schema_framing: Option<SchemaFraming>,
}

/// The values of `KAFKA_SCHEMA_FRAMING`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchemaFraming {
    /// Told from headers and first bytes.
    Auto,
    /// A byte and a 4-byte id or a GUID, or a header.
    Confluent,
    /// A byte and an 8-byte id.
    Apicurio,
    /// AWS Glue.
    Glue,
    /// A header of Azure.
    Azure,
    /// The bare value.
    None,
}

impl SchemaFraming {
    /// The framing of the project language.
    pub(crate) fn framing(self) -> Framing {
        match self {
            Self::Auto => Framing::Auto,
            Self::Confluent => Framing::Confluent,
            Self::Apicurio => Framing::Apicurio,
            Self::Glue => Framing::Glue,
            Self::Azure => Framing::Azure,
            Self::None => Framing::None,
        }
    }
}

/// What becomes of objects in objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum NestedObjects {
    /// A column for each field.
    #[default]
    Flatten,
    /// One JSON column.
    Json,
}

/// The values of `KAFKA_VALUE_FORMAT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum ValueFormat {
    /// One JSON value.
    #[value(alias = "json")]
    JsonWithoutSchema,
    /// One JSON value behind a frame that names its JSON Schema.
    JsonWithSchema,
    /// Apache Avro.
    Avro,
    /// Protocol Buffers.
    Protobuf,
    /// Text, taken whole.
    String,
    /// Bytes, taken whole.
    Binary,
}

impl ValueFormat {
    /// The format of the project language.
    pub(crate) fn format(self) -> Format {
        match self {
            Self::JsonWithoutSchema => Format::JsonWithoutSchema,
            Self::JsonWithSchema => Format::JsonWithSchema,
            Self::Avro => Format::Avro,
            Self::Protobuf => Format::Protobuf,
            Self::String => Format::String,
            Self::Binary => Format::Binary,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Directory of the project
    #[arg(default_value = ".")]
    pub(crate) dir: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// The data source
    pub(crate) datasource: String,

    /// Directory of the project
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) project: PathBuf,

    /// Where tables live, and schemas are kept [default: .forebay in the project]
    #[arg(long, env = "FOREBAY_DATA_DIR", hide_env_values = true, value_name = "PATH")]
    pub(crate) data_dir: Option<PathBuf>,

    /// File of secrets, read besides .env and .env.local and before them
    #[arg(long, env = "FOREBAY_ENV_FILE", hide_env_values = true, value_name = "PATH")]
    pub(crate) env_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct StartArgs {
    /// Directory of the project
    #[arg(default_value = ".")]
    pub(crate) dir: PathBuf,

    /// Where tables live [default: .forebay in the project]
    #[arg(long, env = "FOREBAY_DATA_DIR", hide_env_values = true, value_name = "PATH")]
    pub(crate) data_dir: Option<PathBuf>,

    /// Database of the tables
    #[arg(long, env = "FOREBAY_WORKSPACE", hide_env_values = true, value_name = "NAME", default_value = "forebay", value_parser = parse_workspace)]
    pub(crate) workspace: String,

    /// File of secrets, read besides .env and .env.local and before them
    #[arg(long, env = "FOREBAY_ENV_FILE", hide_env_values = true, value_name = "PATH")]
    pub(crate) env_file: Option<PathBuf>,

    /// Stop with success once every data source is caught up
    #[arg(long)]
    pub(crate) until_caught_up: bool,

    /// Address of the HTTP listener
    #[arg(
        long,
        env = "FOREBAY_LISTEN",
        hide_env_values = true,
        value_name = "IP",
        default_value = "127.0.0.1",
        help_heading = "HTTP"
    )]
    pub(crate) listen: IpAddr,

    /// Port of the HTTP listener; 0 takes any free one
    #[arg(
        long,
        env = "FOREBAY_PORT",
        hide_env_values = true,
        value_name = "PORT",
        default_value_t = 7181,
        help_heading = "HTTP"
    )]
    pub(crate) port: u16,

    /// Least time between two inserts of a data source, 20ms or more
    #[arg(long, env = "FOREBAY_FLUSH_INTERVAL", hide_env_values = true, value_name = "TIME", default_value = "200ms", value_parser = parse_interval, help_heading = "Batches")]
    pub(crate) flush_interval: Duration,

    /// Most records of one insert
    #[arg(long, env = "FOREBAY_MAX_BATCH_ROWS", hide_env_values = true, value_name = "ROWS", default_value_t = 500_000, value_parser = clap::value_parser!(u64).range(1..=10_000_000), help_heading = "Batches")]
    pub(crate) max_batch_rows: u64,

    /// Most bytes of one insert
    #[arg(long, env = "FOREBAY_MAX_BATCH_BYTES", hide_env_values = true, value_name = "SIZE", default_value = "64MiB", value_parser = parse_bytes, help_heading = "Batches")]
    pub(crate) max_batch_bytes: usize,

    /// Memory for records on their way, over all data sources
    #[arg(long, env = "FOREBAY_MEMORY", hide_env_values = true, value_name = "SIZE", default_value = "256MiB", value_parser = parse_bytes, help_heading = "Batches")]
    pub(crate) memory: usize,

    /// Wait until rows are on disk before offsets are committed (the default)
    #[arg(long, overrides_with = "no_durable", help_heading = "Batches")]
    pub(crate) durable: bool,

    /// Leave writing to disk to the operating system: faster, but a power cut loses rows
    #[arg(
        long,
        env = "FOREBAY_NO_DURABLE", hide_env_values = true, value_parser = FalseyValueParser::new(),
        overrides_with = "durable",
        help_heading = "Batches"
    )]
    pub(crate) no_durable: bool,
}

/// Where a server's data directory is.
#[derive(Debug, Args)]
pub(crate) struct Place {
    /// Where tables live [default: .forebay in the project]
    #[arg(long, env = "FOREBAY_DATA_DIR", hide_env_values = true, value_name = "PATH")]
    pub(crate) data_dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// Directory of the project
    #[arg(default_value = ".")]
    pub(crate) dir: PathBuf,

    #[command(flatten)]
    pub(crate) place: Place,

    /// Show it again each second, until interrupted
    #[arg(long, short)]
    pub(crate) watch: bool,

    /// Wait until every data source is caught up; fails when one fails or the server goes away
    #[arg(long)]
    pub(crate) until_caught_up: bool,

    /// Give up waiting after this long
    #[arg(long, value_name = "TIME", value_parser = parse_seconds, requires = "until_caught_up")]
    pub(crate) timeout: Option<Duration>,
}

#[derive(Debug, Args)]
pub(crate) struct SqlArgs {
    /// The query; - reads it from standard input
    pub(crate) query: String,

    /// Output format, by its ClickHouse name [default: PrettyCompact on a terminal, else TabSeparatedWithNames]
    #[arg(long, short, value_name = "FORMAT", conflicts_with = "json")]
    pub(crate) format: Option<String>,

    /// Directory of the project
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) project: PathBuf,

    #[command(flatten)]
    pub(crate) place: Place,

    /// Database of the tables, when no server runs
    #[arg(long, env = "FOREBAY_WORKSPACE", hide_env_values = true, value_name = "NAME", default_value = "forebay", value_parser = parse_workspace)]
    pub(crate) workspace: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum EngineCommand {
    /// Fetch the engine through npm into the cache; does nothing when it is there
    #[command(after_help = examples(&[("forebay engine install", "about 570 MB on disk")]))]
    Install,
    /// Say which engine is there and whether it works
    #[command(after_help = examples(&[("forebay engine status", "path and version")]))]
    Status,
    /// Print the path of the engine's library
    #[command(after_help = examples(&[("forebay engine path", "for scripts")]))]
    Path,
}

#[derive(Debug, Args)]
pub(crate) struct DirectivesArgs {
    /// Show this one only
    pub(crate) name: Option<String>,

    /// Show also directives that do not work yet
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// For which shell
    pub(crate) shell: Shell,
}

/// The whole definition, with the table of exit codes beneath the help.
pub(crate) fn command() -> clap::Command {
    Cli::command().after_help(exit_codes()).after_long_help(exit_codes())
}

fn exit_codes() -> String {
    let lines = exit::TABLE.map(|(code, meaning)| format!("{code:>5}  {meaning}"));
    format!("Exit codes:\n{}", lines.join("\n"))
}

fn examples(examples: &[(&str, &str)]) -> String {
    let lines: Vec<String> = examples.iter().map(|(line, what)| format!("  {line}\n      {what}")).collect();
    format!("Examples:\n{}", lines.join("\n"))
}

fn parse_datasource(text: &str) -> Result<String, String> {
    let starts_well = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    if starts_well && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        Ok(text.to_owned())
    } else {
        Err("give a name of letters, digits and _".to_owned())
    }
}

fn parse_workspace(text: &str) -> Result<String, String> {
    let starts_well = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    let only_word = text.chars().all(|character| character.is_ascii_alphanumeric() || character == '_');
    if starts_well && only_word && !["system", "default", "information_schema"].contains(&text) {
        Ok(text.to_owned())
    } else {
        Err("give a name of letters, digits and _ that no database of the engine has".to_owned())
    }
}
