//! From produced to queryable while records come in at an even pace, and how many inserts that takes.

use crate::{
    arena::{Arena, EngineRun, FOREBAY_TABLE, free_port},
    encoding::Format,
    kafka_engine::{Pattern, TABLE},
    process::{Contestant, Cost, epoch_ms},
    workload::Topic,
};
use forebay_testkit::Failure;
use serde::Serialize;
use std::{thread, time::Duration};

/// Records a second.
pub(crate) const PACE: u64 = 1000;
/// How often the rows are counted, milliseconds: an upper bound of the error.
const COUNT_MS: u64 = 20;
const PATIENCE: Duration = Duration::from_secs(60);

/// What one contestant did.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Latency {
    /// Who.
    pub(crate) contestant: String,
    /// Partitions of the topic.
    pub(crate) partitions: i32,
    /// Half of the records were queryable within this time, milliseconds.
    pub(crate) p50_ms: f64,
    /// All but one in a hundred were queryable within this time, milliseconds.
    pub(crate) p99_ms: f64,
    /// Inserts, divided by the seconds from the first record produced to the last one queryable.
    pub(crate) inserts_a_second: f64,
    /// CPU seconds of the whole process.
    pub(crate) cpu_seconds: f64,
    /// Most memory it held, bytes.
    pub(crate) peak_rss: u64,
}

/// When the table had how many rows, epoch milliseconds.
type Sample = (f64, u64);

/// Forebay as it comes.
pub(crate) fn forebay(arena: &Arena, partitions: i32, seconds: u64) -> Result<Latency, Failure> {
    let topic = Topic::create(&arena.cluster, partitions)?;
    let place = arena.place("latency")?;
    let port = free_port()?;
    let mut command = arena.forebay(&place, (&topic.name, Format::Json), &["--port", &port.to_string()])?;
    command.env("FOREBAY_TOKEN", TOKEN);
    let mut contestant = Contestant::start(&mut command, &place.directory, "contestant")?;
    let producer = topic.producer()?;
    topic.produce_paced(&producer, 1, PACE)?;
    let counter = Counter::new(port);
    contestant.wait_until("its first row", PATIENCE, |_| Ok(counter.rows() == Some(1)))?;
    let rows = PACE * seconds + 1;
    let (produced, samples) = thread::scope(|scope| {
        let samples = scope.spawn(|| counter.follow(rows));
        let produced = topic.produce_paced(&producer, rows - 1, PACE);
        (produced, samples.join().expect("counting does not panic"))
    });
    contestant.interrupt()?;
    let (cost, _) = contestant.finish(PATIENCE * 2)?;
    let inserts = place.inserts(FOREBAY_TABLE)?;
    Latency::new(("Forebay", partitions), &produced?, &samples?, inserts, cost)
}

/// The Kafka engine at an interval of 200 ms.
pub(crate) fn kafka_engine(arena: &Arena, partitions: i32, seconds: u64) -> Result<Latency, Failure> {
    let topic = Topic::create(&arena.cluster, partitions)?;
    let place = arena.place("latency")?;
    let rows = PACE * seconds + 1;
    let run = EngineRun {
        flush_ms: 200,
        poll_ms: Some(100),
        count_ms: COUNT_MS,
        ..EngineRun::new(Pattern::Typed, rows)
    };
    let mut command = arena.kafka_engine(&place, &topic.name, run)?;
    let mut contestant = Contestant::start(&mut command, &place.directory, "contestant")?;
    let producer = topic.producer()?;
    topic.produce_paced(&producer, 1, PACE)?;
    contestant.wait_until("its first row", PATIENCE, |contestant| Ok(!contestant.output()?.is_empty()))?;
    let produced = topic.produce_paced(&producer, rows - 1, PACE)?;
    let (cost, output) = contestant.finish(PATIENCE * 2)?;
    let samples = samples(&output);
    let inserts = place.inserts(TABLE)?;
    Latency::new(("Kafka engine, flush 200 ms", partitions), &produced, &samples, inserts, cost)
}

fn samples(output: &str) -> Vec<Sample> {
    let sample = |line: &str| {
        let (at, rows) = line.split_once(' ')?;
        Some((at.parse().ok()?, rows.parse().ok()?))
    };
    output.lines().filter_map(sample).collect()
}

impl Latency {
    fn new(
        (contestant, partitions): (&str, i32),
        produced: &[f64],
        samples: &[Sample],
        inserts: u64,
        cost: Cost,
    ) -> Result<Self, Failure> {
        let waits = waits(produced, samples);
        if waits.len() != produced.len() {
            return Err(Failure::new(format!(
                "{contestant}: {} of {} records became queryable",
                waits.len(),
                produced.len()
            )));
        }
        let last = samples.last().map_or(produced[0], |(at, _)| *at);
        let seconds = (last - produced[0]) / 1000.0;
        Ok(Self {
            contestant: contestant.to_owned(),
            partitions,
            p50_ms: waits[waits.len() / 2],
            p99_ms: waits[waits.len() * 99 / 100],
            // The first row, which only shows that it runs, was an insert of its own.
            inserts_a_second: (inserts.saturating_sub(1)) as f64 / seconds,
            cpu_seconds: cost.cpu_seconds(),
            peak_rss: cost.peak_rss,
        })
    }
}

/// How long each record took, ascending: record n is queryable when the table first has more than n rows beside the
/// first one. Records of different partitions may overtake each other; that evens out.
fn waits(produced: &[f64], samples: &[Sample]) -> Vec<f64> {
    let mut samples = samples.iter();
    let mut current = samples.next();
    let mut waits = Vec::with_capacity(produced.len());
    for (index, at) in produced.iter().enumerate() {
        while let Some((_, rows)) = current
            && *rows < index as u64 + 2
        {
            current = samples.next();
        }
        let Some((queryable, _)) = current else { break };
        waits.push(queryable - at);
    }
    waits.sort_by(f64::total_cmp);
    waits
}

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// Counts Forebay's rows through its HTTP listener, as any user would.
struct Counter {
    agent: ureq::Agent,
    url: String,
}

impl Counter {
    fn new(port: u16) -> Self {
        Self {
            agent: ureq::Agent::new_with_defaults(),
            url: format!("http://127.0.0.1:{port}/v0/sql?default_format=TabSeparated"),
        }
    }

    /// `None` while Forebay does not answer yet.
    fn rows(&self) -> Option<u64> {
        let answer = self
            .agent
            .post(&self.url)
            .header("Authorization", format!("Bearer {TOKEN}"))
            .send("SELECT count() FROM clicks");
        let text = answer.ok()?.body_mut().read_to_string().ok()?;
        text.trim().parse().ok()
    }

    fn follow(&self, rows: u64) -> Result<Vec<Sample>, Failure> {
        let mut samples: Vec<Sample> = Vec::new();
        let mut idle = Duration::ZERO;
        while samples.last().is_none_or(|(_, seen)| *seen < rows) {
            let seen = self.rows().ok_or_else(|| Failure::new("Forebay does not answer a query"))?;
            if samples.last().is_none_or(|(_, last)| *last != seen) {
                samples.push((epoch_ms(), seen));
                idle = Duration::ZERO;
            }
            idle += Duration::from_millis(COUNT_MS);
            if idle > PATIENCE {
                return Err(Failure::new(format!("Forebay stays at {seen} of {rows} rows")));
            }
            thread::sleep(Duration::from_millis(COUNT_MS));
        }
        Ok(samples)
    }
}
