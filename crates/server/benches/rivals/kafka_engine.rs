//! The rival inside ClickHouse: its Kafka table engine with a materialized view, in this process through libchdb.

use crate::process::epoch_ms;
use crate::table;
use clap::{Args, ValueEnum};
use forebay_chdb::Engine;
use forebay_testkit::Failure;
use std::{
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

/// The table the view writes to.
pub(crate) const TABLE: &str = "bench.clicks";
/// The Protobuf schema, in the directory in which the engine runs.
pub(crate) const PROTOBUF_FILE: &str = "click.proto";

/// How the engine is told to read records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Pattern {
    /// `JSONEachRow` into typed columns, as its documentation shows it.
    Typed,
    /// `RawBLOB` and a single `JSONExtract` into a Tuple: the fastest pattern known to us.
    Tuned,
    /// `AvroConfluent` into typed columns.
    Avro,
    /// `ProtobufSingle` into typed columns. It does not understand Confluent's frame: records must be bare.
    Protobuf,
}

/// What the engine does with a record it cannot parse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnBad {
    /// Its default: stop there.
    Block,
    /// `kafka_skip_broken_messages`
    Skip,
    /// `kafka_handle_error_mode = 'stream'` with a second view for the errors.
    Stream,
}

/// One run of the rival.
#[derive(Args, Clone, Debug)]
pub(crate) struct KafkaEngine {
    #[arg(long)]
    pub(crate) bootstrap: String,
    #[arg(long)]
    pub(crate) topic: String,
    #[arg(long)]
    pub(crate) group: String,
    #[arg(long)]
    pub(crate) data_dir: PathBuf,
    #[arg(long)]
    pub(crate) pattern: Pattern,
    /// Schema registry of Avro records
    #[arg(long)]
    pub(crate) registry: String,
    #[arg(long, value_enum, default_value_t = OnBad::Block)]
    pub(crate) on_bad: OnBad,
    /// Done when the table holds this many rows
    #[arg(long)]
    pub(crate) rows: u64,
    /// Also done after this many seconds, however many rows there are; without it that is an error
    #[arg(long)]
    pub(crate) watch_seconds: Option<u64>,
    #[arg(long, default_value_t = 1000)]
    pub(crate) flush_ms: u64,
    #[arg(long)]
    pub(crate) poll_ms: Option<u64>,
    /// How often the rows are counted
    #[arg(long, default_value_t = 200)]
    pub(crate) count_ms: u64,
}

impl Pattern {
    /// As the command line has it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Typed => "typed",
            Self::Tuned => "tuned",
            Self::Avro => "avro",
            Self::Protobuf => "protobuf",
        }
    }

    /// The columns of the queue, the format it reads, and what else it has to be told.
    fn queue(self, registry: &str) -> (&'static str, &'static str, String) {
        match self {
            Self::Typed => (FIELDS, "JSONEachRow", String::new()),
            Self::Tuned => ("bytes String", "RawBLOB", String::new()),
            Self::Avro => {
                let registry = format!(", format_avro_schema_registry_url = '{registry}'");
                (FLAT_FIELDS, "AvroConfluent", registry)
            }
            Self::Protobuf => {
                (FLAT_FIELDS, "ProtobufSingle", format!(", kafka_schema = '{PROTOBUF_FILE}:Click'"))
            }
        }
    }
}

impl OnBad {
    /// As the command line has it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Skip => "skip",
            Self::Stream => "stream",
        }
    }
}

impl KafkaEngine {
    /// Reads the topic into the table; prints `<epoch ms> <rows>` whenever the number of rows changes.
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let engine = table::open(&self.data_dir)?;
        table::run(&engine, "CREATE DATABASE bench")?;
        table::run(&engine, &table::create(TABLE))?;
        self.create_queue(&engine)?;
        for view in self.views() {
            table::run(&engine, &view)?;
        }
        self.follow(&engine)?;
        // Whoever opens this directory to look at the table must not start reading the topic again.
        for name in ["feed", "errors_feed", "queue"] {
            table::run(&engine, &format!("DROP TABLE IF EXISTS bench.{name} SYNC"))?;
        }
        engine.close();
        Ok(())
    }

    /// libchdb answers this one statement with `Shutdown was called` though the table then exists and reads.
    fn create_queue(&self, engine: &Engine) -> Result<(), Failure> {
        match engine.query(&self.queue(), "Null") {
            Err(error) if !error.message.contains("Shutdown was called") => {
                Err(table::refused(&self.queue(), &error))
            }
            _ => Ok(()),
        }
    }

    fn follow(&self, engine: &Engine) -> Result<(), Failure> {
        let started = Instant::now();
        let limit = Duration::from_secs(self.watch_seconds.unwrap_or(600));
        let mut seen = 0;
        while seen < self.rows {
            let rows = table::number(engine, &format!("SELECT count() FROM {TABLE}"))?;
            if rows != seen {
                println!("{} {rows}", epoch_ms());
                seen = rows;
            }
            if started.elapsed() > limit {
                return match self.watch_seconds {
                    Some(_) => Ok(()),
                    None => Err(self.stuck(engine, seen)),
                };
            }
            thread::sleep(Duration::from_millis(self.count_ms));
        }
        Ok(())
    }

    fn stuck(&self, engine: &Engine, rows: u64) -> Failure {
        let sql = "SELECT arrayStringConcat(exceptions.text, '\n') FROM system.kafka_consumers";
        let reasons = table::text(engine, sql).unwrap_or_default();
        Failure::new(format!(
            "the Kafka engine has {rows} of {} rows after ten minutes: {reasons}",
            self.rows
        ))
    }

    fn queue(&self) -> String {
        let (columns, format, schema) = self.pattern.queue(&self.registry);
        let Self { bootstrap, topic, group, flush_ms, .. } = self;
        let poll =
            self.poll_ms.map_or(String::new(), |poll_ms| format!(", kafka_poll_timeout_ms = {poll_ms}"));
        let on_bad = match self.on_bad {
            OnBad::Block => "",
            OnBad::Skip => ", kafka_skip_broken_messages = 100",
            OnBad::Stream => ", kafka_handle_error_mode = 'stream'",
        };
        format!(
            "CREATE TABLE bench.queue ({columns}) ENGINE = Kafka SETTINGS kafka_broker_list = '{bootstrap}', \
             kafka_topic_list = '{topic}', kafka_group_name = '{group}', kafka_format = '{format}', \
             kafka_max_block_size = 65536, kafka_flush_interval_ms = {flush_ms}{schema}{poll}{on_bad}"
        )
    }

    fn views(&self) -> Vec<String> {
        let good = match self.on_bad {
            OnBad::Stream => "WHERE length(_error) = 0",
            _ => "",
        };
        let (selected, source) = match self.pattern {
            Pattern::Typed => (SELECTED, format!("bench.queue AS record {good}")),
            Pattern::Tuned => (
                SELECTED,
                format!("(SELECT JSONExtract(bytes, 'Tuple({FIELDS})') AS record FROM bench.queue {good})"),
            ),
            Pattern::Avro | Pattern::Protobuf => (FLAT_SELECTED, format!("bench.queue {good}")),
        };
        let mut views = vec![format!(
            "CREATE MATERIALIZED VIEW bench.feed TO {TABLE} AS SELECT {selected} FROM {source}"
        )];
        if self.on_bad == OnBad::Stream {
            views.extend([CREATE_ERRORS.to_owned(), FEED_ERRORS.to_owned()]);
        }
        views
    }
}

/// The fields of a record that the table needs. `ts` is an integer here, for read as a DateTime64 an unquoted number
/// is taken for seconds.
const FIELDS: &str = "event_id String, ts Int64, user_id UInt64, event_type LowCardinality(String), \
    page Tuple(url String), device Tuple(os LowCardinality(String), screen Tuple(w UInt16)), \
    geo Tuple(country LowCardinality(String)), amount Float64, tags Array(String)";

const SELECTED: &str = "record.event_id AS event_id, fromUnixTimestamp64Milli(record.ts) AS ts, \
    record.user_id AS user_id, record.event_type AS event_type, record.page.url AS url, record.device.os AS os, \
    record.device.screen.w AS w, record.geo.country AS country, record.amount AS amount, record.tags AS tags";

/// The same fields as Avro and Protobuf are read: those of nested records as columns of their own.
const FLAT_FIELDS: &str = "event_id String, ts Int64, user_id UInt64, event_type LowCardinality(String), \
    `page.url` String, `device.os` LowCardinality(String), `device.screen.w` UInt16, \
    `geo.country` LowCardinality(String), amount Float64, tags Array(String)";

const FLAT_SELECTED: &str = "event_id, fromUnixTimestamp64Milli(ts) AS ts, user_id, event_type, `page.url` AS url, \
    `device.os` AS os, `device.screen.w` AS w, `geo.country` AS country, amount, tags";

const CREATE_ERRORS: &str =
    "CREATE TABLE bench.errors (bytes String, reason String) ENGINE = MergeTree ORDER BY tuple()";

const FEED_ERRORS: &str = "CREATE MATERIALIZED VIEW bench.errors_feed TO bench.errors AS \
    SELECT _raw_message AS bytes, _error AS reason FROM bench.queue WHERE length(_error) > 0";
