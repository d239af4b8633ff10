//! The status report: what `/v0/status` answers and `forebay status` shows.

use forebay_ingest::progress::{Figures, State, WaitingFigures};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A server and its data sources at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct StatusReport {
    /// Version of the program.
    pub(crate) version: String,
    /// Process id.
    pub(crate) pid: u32,
    /// Database of the tables.
    pub(crate) workspace: String,
    /// Seconds since the server started.
    pub(crate) uptime_seconds: u64,
    /// Memory for records on their way.
    pub(crate) memory: MemoryReport,
    /// One for each data source that is being fed, by name.
    pub(crate) datasources: Vec<DatasourceReport>,
}

/// Memory for records on their way, bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MemoryReport {
    /// Held now.
    pub(crate) used_bytes: u64,
    /// The most that may be held.
    pub(crate) budget_bytes: u64,
}

/// One data source at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct DatasourceReport {
    /// Name of the data source.
    pub(crate) name: String,
    /// Topic it reads.
    pub(crate) topic: String,
    /// `starting`, `running`, `retrying`, `failed` or `stopped`.
    pub(crate) state: String,
    /// Nothing is left to read or write.
    pub(crate) caught_up: bool,
    /// Records not yet durable; absent until the broker told.
    pub(crate) lag: Option<u64>,
    /// Rows durable since start.
    pub(crate) rows: u64,
    /// Rows a second, lately.
    pub(crate) rows_per_second: f64,
    /// Quarantined rows durable since start.
    pub(crate) quarantined: u64,
    /// The same by reason.
    pub(crate) quarantined_by_reason: BTreeMap<String, u64>,
    /// Tombstones left out since start, by `KAFKA_TOMBSTONES skip`.
    #[serde(default)]
    pub(crate) tombstones: u64,
    /// Payload bytes durable since start.
    pub(crate) bytes: u64,
    /// Inserts since start.
    pub(crate) batches: u64,
    /// Inserts tried again since start.
    pub(crate) write_retries: u64,
    /// Half of the records were queryable within this many milliseconds of being produced, at most.
    pub(crate) latency_p50_ms: Option<u64>,
    /// 99 of 100 records were.
    pub(crate) latency_p99_ms: Option<u64>,
    /// Time between inserts in force, milliseconds.
    pub(crate) flush_interval_ms: u64,
    /// The interval is wider than set, because parts pile up in the engine.
    pub(crate) flush_interval_widened: bool,
    /// Bytes held of the memory for records on their way.
    pub(crate) memory_bytes: u64,
    /// Assigned partitions by number.
    pub(crate) partitions: BTreeMap<i32, PartitionReport>,
    /// Partitions whose next record waits for a schema, by number.
    #[serde(default)]
    pub(crate) waiting: BTreeMap<i32, WaitingFigures>,
    /// The last error; kept after it healed.
    pub(crate) last_error: Option<ErrorReport>,
}

/// One partition at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PartitionReport {
    /// Everything below is durable and committed.
    pub(crate) next_offset: Option<i64>,
    /// First offset not yet written by producers.
    pub(crate) high_watermark: Option<i64>,
    /// Records not yet durable.
    pub(crate) lag: Option<u64>,
}

/// An error a data source met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ErrorReport {
    /// Seconds since the epoch.
    pub(crate) at: u64,
    /// Class of the error.
    pub(crate) kind: String,
    /// What happened.
    pub(crate) fact: String,
    /// What to do.
    pub(crate) hint: Option<String>,
    /// The data source works again.
    pub(crate) healed: bool,
}

impl StatusReport {
    /// Whether every data source is caught up.
    pub(crate) fn caught_up(&self) -> bool {
        self.datasources.iter().all(|datasource| datasource.caught_up)
    }

    /// The first data source that a person must mend.
    pub(crate) fn failed(&self) -> Option<&DatasourceReport> {
        self.datasources.iter().find(|datasource| datasource.state == "failed")
    }
}

impl DatasourceReport {
    /// The report of one data source; the rate comes from elsewhere.
    pub(crate) fn new(name: &str, topic: &str, figures: &Figures, rows_per_second: f64) -> Self {
        Self {
            name: name.to_owned(),
            topic: topic.to_owned(),
            state: state_name(figures.state).to_owned(),
            caught_up: figures.caught_up(),
            lag: figures.lag().filter(|_| !figures.partitions.is_empty()),
            rows: figures.rows,
            rows_per_second,
            quarantined: figures.quarantined,
            quarantined_by_reason: reasons(figures),
            tombstones: figures.tombstones,
            bytes: figures.bytes,
            batches: figures.batches,
            write_retries: figures.write_retries,
            latency_p50_ms: figures.latency.quantile_ms(0.5),
            latency_p99_ms: figures.latency.quantile_ms(0.99),
            flush_interval_ms: figures.flush_interval_ms,
            flush_interval_widened: figures.flush_interval_widened,
            memory_bytes: figures.memory_bytes as u64,
            partitions: partitions(figures),
            waiting: figures.waiting.clone(),
            last_error: last_error(figures),
        }
    }

    /// The last error while it has not healed.
    pub(crate) fn trouble(&self) -> Option<&ErrorReport> {
        self.last_error.as_ref().filter(|error| !error.healed)
    }
}

/// The name of a state in reports and metrics.
pub(crate) fn state_name(state: State) -> &'static str {
    match state {
        State::Starting => "starting",
        State::Running => "running",
        State::Retrying => "retrying",
        State::Failed => "failed",
        State::Stopped => "stopped",
    }
}

fn reasons(figures: &Figures) -> BTreeMap<String, u64> {
    figures.quarantined_by_reason.iter().map(|(reason, count)| ((*reason).to_owned(), *count)).collect()
}

fn partitions(figures: &Figures) -> BTreeMap<i32, PartitionReport> {
    let report = |(number, partition): (&i32, &forebay_ingest::progress::PartitionFigures)| {
        let report = PartitionReport {
            next_offset: partition.next_offset,
            high_watermark: partition.high_watermark,
            lag: partition.lag,
        };
        (*number, report)
    };
    figures.partitions.iter().map(report).collect()
}

fn last_error(figures: &Figures) -> Option<ErrorReport> {
    figures.last_error.as_ref().map(|error| ErrorReport {
        at: error.at,
        kind: error.kind.to_owned(),
        fact: error.fact.clone(),
        hint: error.hint.clone(),
        healed: error.healed,
    })
}
