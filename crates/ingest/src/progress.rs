//! What a data source's loop tells the outside: counters, positions, state, last error.

use crate::{checkpoint::CheckpointDelta, error::Error};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

/// Upper bounds, in milliseconds, of the produced-to-queryable latency buckets; the last bucket is open.
pub const LATENCY_BUCKETS_MS: [u64; 16] =
    [5, 10, 20, 50, 100, 150, 200, 250, 350, 500, 1_000, 2_500, 5_000, 30_000, 300_000, 3_600_000];

/// Partitions, or schemas, that a text names one by one.
const MOST_NAMED: usize = 8;

/// Live figures of one data source. The loop writes, anyone reads.
#[derive(Debug, Default)]
pub struct Progress {
    figures: Mutex<Figures>,
}

/// A copy of the figures at one moment.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Figures {
    /// What the data source is doing.
    pub state: State,
    /// Rows durable in the table since start.
    pub rows: u64,
    /// Rows durable in the quarantine table since start.
    pub quarantined: u64,
    /// Quarantined records by reason code.
    pub quarantined_by_reason: BTreeMap<&'static str, u64>,
    /// Tombstones left out, by `KAFKA_TOMBSTONES skip`.
    pub tombstones: u64,
    /// Payload bytes (keys, values, headers) of durable records since start.
    pub bytes: u64,
    /// Sealed groups made durable since start.
    pub batches: u64,
    /// Writes tried again since start.
    pub write_retries: u64,
    /// Assigned partitions.
    pub partitions: BTreeMap<i32, PartitionFigures>,
    /// Partitions whose next record waits for a schema.
    pub waiting: BTreeMap<i32, WaitingFigures>,
    /// Count of records by produced-to-queryable latency, one per bucket of [`LATENCY_BUCKETS_MS`] and one for the rest.
    pub latency: Latency,
    /// Bytes this data source holds of the memory budget.
    pub memory_bytes: usize,
    /// Time between inserts in force, milliseconds.
    pub flush_interval_ms: u64,
    /// Whether the interval was widened because parts pile up.
    pub flush_interval_widened: bool,
    /// The last error, kept after it healed.
    pub last_error: Option<LastError>,
}

/// What a data source is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Connecting, or waiting for partitions.
    #[default]
    Starting,
    /// Reading and writing.
    Running,
    /// Meeting an error that may heal; trying again.
    Retrying,
    /// Stopped by an error that a person must mend.
    Failed,
    /// Stopped on request, everything read is durable.
    Stopped,
}

/// Where one partition stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PartitionFigures {
    /// Everything below is durable and committed; `None` before the first write.
    pub next_offset: Option<i64>,
    /// Everything below has come in from the source; `None` before the first record.
    pub received_offset: Option<i64>,
    /// First offset not yet written by producers, as last seen.
    pub high_watermark: Option<i64>,
    /// Records not yet durable, as last seen; `None` until the broker told.
    pub lag: Option<u64>,
}

/// What a partition waits for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingFigures {
    /// Schemas of its next record, as the record names them: `id 7`.
    pub schema: String,
    /// Offset of that record.
    pub offset: i64,
    /// Since when, seconds since the epoch.
    pub since: u64,
    /// How often the registry was asked in vain.
    pub tries: u64,
    /// Why in vain, the last time; names the registry.
    pub why: Option<String>,
}

/// Histogram of produced-to-queryable latency.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Latency {
    /// Records per bucket, not cumulative.
    pub counts: [u64; LATENCY_BUCKETS_MS.len() + 1],
    /// Sum over all records, milliseconds.
    pub sum_ms: u64,
}

/// An error as shown to a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LastError {
    /// Seconds since the epoch.
    pub at: u64,
    /// Error kind, see [`crate::error::Kind::as_str`].
    pub kind: &'static str,
    /// What happened.
    pub fact: String,
    /// What to do.
    pub hint: Option<String>,
    /// Whether the data source works again.
    pub healed: bool,
}

impl Latency {
    /// Counts records produced at `produced_ms` (epoch milliseconds) and queryable at `queryable_ms`.
    pub fn observe(&mut self, produced_ms: impl IntoIterator<Item = i64>, queryable_ms: i64) {
        for produced_ms in produced_ms {
            let latency = queryable_ms.saturating_sub(produced_ms).max(0).unsigned_abs();
            self.counts[LATENCY_BUCKETS_MS.partition_point(|bound| *bound < latency)] += 1;
            self.sum_ms += latency;
        }
    }

    /// Number of records observed.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Upper bound, in milliseconds, of the bucket that holds quantile `q` (0..=1); `None` without records or beyond the last bound.
    pub fn quantile_ms(&self, q: f64) -> Option<u64> {
        let rank = (q * self.count() as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        let bucket = self.counts.iter().position(|count| {
            seen += count;
            seen >= rank
        })?;
        LATENCY_BUCKETS_MS.get(bucket).copied()
    }
}

impl Figures {
    /// Sum of the known lags; `None` until every assigned partition's lag is known.
    pub fn lag(&self) -> Option<u64> {
        self.partitions.values().map(|partition| partition.lag).sum()
    }

    /// Whether partitions are assigned and nothing is left to read or write.
    pub fn caught_up(&self) -> bool {
        self.state == State::Running
            && !self.partitions.is_empty()
            && self.waiting.is_empty()
            && self.lag() == Some(0)
    }
}

impl WaitingFigures {
    /// `partitions 0, 3 wait for a schema (id 7)`.
    pub fn summary(waiting: &BTreeMap<i32, Self>) -> String {
        let numbers: Vec<String> = waiting.keys().take(MOST_NAMED).map(i32::to_string).collect();
        let schemas: BTreeSet<&str> = waiting.values().map(|waiting| &*waiting.schema).collect();
        let schemas: Vec<&str> = schemas.into_iter().take(MOST_NAMED).collect();
        let more = match waiting.len().saturating_sub(MOST_NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let (noun, verb) = if waiting.len() == 1 { ("partition", "waits") } else { ("partitions", "wait") };
        format!("{noun} {}{more} {verb} for a schema ({})", numbers.join(", "), schemas.join(", "))
    }
}

impl Progress {
    /// A copy of the figures.
    pub fn figures(&self) -> Figures {
        self.lock().clone()
    }

    /// Changes the figures.
    pub fn update(&self, change: impl FnOnce(&mut Figures)) {
        change(&mut self.lock());
    }

    /// Notes `error` and the state it leads to. Returns whether it differs from the last one, so that logs are not flooded.
    pub fn failed(&self, error: &Error, state: State) -> bool {
        let mut figures = self.lock();
        let fact = error.to_string();
        let known = figures.last_error.as_ref().is_some_and(|last| !last.healed && last.fact == fact);
        figures.state = state;
        figures.last_error = Some(LastError {
            at: epoch_seconds(),
            kind: error.kind.as_str(),
            fact,
            hint: error.hint.clone(),
            healed: false,
        });
        !known
    }

    /// Notes that the data source works. Returns whether it had been in trouble. While the registry does not answer for
    /// a partition, nothing else that heals makes the data source well.
    pub fn recovered(&self) -> bool {
        let mut figures = self.lock();
        if figures.waiting.values().any(|waiting| waiting.tries > 0) {
            return false;
        }
        let was_in_trouble = figures.state == State::Retrying;
        figures.state = State::Running;
        if let Some(last) = &mut figures.last_error {
            last.healed = true;
        }
        was_in_trouble
    }

    /// Notes that `partitions` are assigned.
    pub fn assigned(&self, partitions: &[i32]) {
        let mut figures = self.lock();
        for partition in partitions {
            figures.partitions.entry(*partition).or_default();
        }
    }

    /// Notes that `partitions` are gone.
    pub fn revoked(&self, partitions: &[i32]) {
        let mut figures = self.lock();
        for partition in partitions {
            figures.partitions.remove(partition);
        }
    }

    /// Notes which partitions wait for schemas; all others do not.
    pub fn waits(&self, waiting: BTreeMap<i32, WaitingFigures>) {
        self.lock().waiting = waiting;
    }

    /// Notes that `delta` is durable and committed.
    pub fn advanced(&self, delta: &CheckpointDelta) {
        let mut figures = self.lock();
        for (partition, range) in delta.iter() {
            if let Some(partition) = figures.partitions.get_mut(&partition) {
                partition.next_offset = Some(range.next_offset);
                if let Some(high_watermark) = partition.high_watermark {
                    partition.lag = Some(distance(range.next_offset, high_watermark));
                }
            }
        }
    }

    /// Records that can be read and have not come in, as far as the broker told: those of partitions that wait for a
    /// schema do not count.
    pub fn unread(&self) -> u64 {
        let figures = self.lock();
        let unread = |(number, partition): (&i32, &PartitionFigures)| {
            let read_up_to = partition.received_offset.or(partition.next_offset)?;
            let unread = distance(read_up_to, partition.high_watermark?);
            (!figures.waiting.contains_key(number)).then_some(unread)
        };
        figures.partitions.iter().filter_map(unread).sum()
    }

    /// Notes that the records of `delta` have come in.
    pub fn received(&self, delta: &CheckpointDelta) {
        let mut figures = self.lock();
        for (partition, range) in delta.iter() {
            if let Some(partition) = figures.partitions.get_mut(&partition) {
                partition.received_offset = Some(range.next_offset);
            }
        }
    }

    /// Notes what the broker said of `partition`.
    ///
    /// `committed` is the group's offset. `at_end` says that reading has reached the watermark: then nothing lags once
    /// what came in is durable, though the last offsets may be transaction markers or compacted away.
    pub fn watermark(&self, partition: i32, high_watermark: i64, committed: Option<i64>, at_end: bool) {
        let mut figures = self.lock();
        let waits = figures.waiting.contains_key(&partition);
        let Some(partition) = figures.partitions.get_mut(&partition) else { return };
        partition.high_watermark = Some(high_watermark);
        let all_durable = !waits && partition.next_offset == partition.received_offset;
        partition.lag = match partition.next_offset.or(committed) {
            _ if at_end && all_durable => Some(0),
            Some(next_offset) => Some(distance(next_offset, high_watermark)),
            None => None,
        };
    }

    fn lock(&self) -> MutexGuard<'_, Figures> {
        self.figures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn distance(next_offset: i64, high_watermark: i64) -> u64 {
    high_watermark.saturating_sub(next_offset).max(0).unsigned_abs()
}

fn epoch_seconds() -> u64 {
    epoch_time().as_secs()
}

/// Time since the epoch by this machine's clock.
pub(crate) fn epoch_time() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}
