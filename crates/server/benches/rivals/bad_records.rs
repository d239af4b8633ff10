//! What contestants do with ten bad records among ten thousand.

use crate::{
    arena::{Arena, EngineRun, FOREBAY_TABLE, Place},
    encoding::Format,
    kafka_engine::{OnBad, Pattern, TABLE},
    throughput::CATCH_UP,
    workload::{BAD_RECORDS, MIXED_RECORDS, Topic},
};
use forebay_testkit::Failure;
use serde::Serialize;
use std::collections::BTreeSet;

/// How long a contestant is watched that may never get to the end.
const WATCH_SECONDS: u64 = 10;

/// What became of the records.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Outcome {
    /// Who.
    pub(crate) contestant: String,
    /// Good records that are rows.
    pub(crate) good_rows: usize,
    /// Rows made from bad records: their values are not those of the record.
    pub(crate) wrong_rows: usize,
    /// Bad records that can be looked at with the reason for it.
    pub(crate) set_aside: usize,
}

impl Outcome {
    /// Every good record is a row, every bad one is set aside, and nothing wrong is stored.
    pub(crate) fn is_clean(&self) -> bool {
        self.good_rows as u64 == MIXED_RECORDS - BAD_RECORDS
            && self.wrong_rows == 0
            && self.set_aside as u64 == BAD_RECORDS
    }
}

/// Runs everybody on one topic.
pub(crate) fn run(arena: &Arena) -> Result<Vec<Outcome>, Failure> {
    let (topic, good) = Topic::with_bad_records(&arena.cluster)?;
    let mut outcomes = vec![forebay(arena, &topic, &good)?];
    let rivals = [
        ("Kafka engine, typed", Pattern::Typed, OnBad::Block),
        ("Kafka engine, typed, skip_broken_messages", Pattern::Typed, OnBad::Skip),
        ("Kafka engine, typed, handle_error_mode stream", Pattern::Typed, OnBad::Stream),
        ("Kafka engine, tuned", Pattern::Tuned, OnBad::Block),
    ];
    for (name, pattern, on_bad) in rivals {
        let place = arena.place("bad_records")?;
        let run = EngineRun {
            on_bad,
            watch_seconds: Some(WATCH_SECONDS),
            ..EngineRun::new(pattern, MIXED_RECORDS)
        };
        place.run(&mut arena.kafka_engine(&place, &topic.name, run)?)?;
        let errors = match on_bad {
            OnBad::Stream => Some("SELECT count() FROM bench.errors WHERE reason != ''"),
            _ => None,
        };
        outcomes.push(outcome(name, &place, &good, TABLE, errors)?);
    }
    Ok(outcomes)
}

fn forebay(arena: &Arena, topic: &Topic, good: &BTreeSet<String>) -> Result<Outcome, Failure> {
    let place = arena.place("bad_records")?;
    place.run(&mut arena.forebay(&place, (&topic.name, Format::Json), &CATCH_UP)?)?;
    let quarantined = format!("SELECT count() FROM {FOREBAY_TABLE}_quarantine");
    outcome("Forebay", &place, good, FOREBAY_TABLE, Some(&quarantined))
}

fn outcome(
    contestant: &str,
    place: &Place,
    good: &BTreeSet<String>,
    table: &str,
    set_aside: Option<&str>,
) -> Result<Outcome, Failure> {
    let rows = place.query(&format!("SELECT event_id FROM {table}"))?;
    // Without the last line's end an empty table and a single empty value look alike.
    let count: usize = number(&place.query(&format!("SELECT count() FROM {table}"))?)?;
    let found: BTreeSet<&str> = rows.lines().filter(|id| good.contains(*id)).collect();
    Ok(Outcome {
        contestant: contestant.to_owned(),
        good_rows: found.len(),
        wrong_rows: count - found.len(),
        set_aside: match set_aside {
            Some(sql) => number(&place.query(sql)?)?,
            None => 0,
        },
    })
}

fn number(text: &str) -> Result<usize, Failure> {
    text.parse().map_err(|_| Failure::new(format!("{text:?} is no number of rows")))
}
