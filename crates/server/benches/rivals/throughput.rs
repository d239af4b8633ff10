//! CPU seconds to bring a whole topic into a table, all contestants in turn, several rounds.

use crate::{
    arena::{Arena, EngineRun, FOREBAY_TABLE, part},
    kafka_engine::{Pattern, TABLE},
    table::Fingerprint,
    workload::{Topic, Totals},
};
use forebay_testkit::Failure;
use serde::Serialize;

/// Who takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Entrant {
    /// `forebay start` as it comes: rows are on disk before offsets are committed.
    Forebay,
    /// `forebay start --no-durable`, which syncs to disk no more than the rivals do.
    ForebayNotDurable,
    /// The Kafka engine with typed columns.
    Typed,
    /// The Kafka engine in its best-tuned pattern.
    Tuned,
    /// Consume, decode and insert, each alone.
    Floor,
    /// The embedded engine started and stopped again: in every contestant but the floor.
    EngineAlone,
}

/// What one entrant did in one round.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Attempt {
    /// CPU seconds: of the whole process; of the floor, the sum of its steps.
    pub(crate) cpu_seconds: f64,
    /// Most memory it held, bytes.
    pub(crate) peak_rss: Option<u64>,
    /// Wall time, seconds.
    pub(crate) wall_seconds: Option<f64>,
    /// The floor's steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) steps: Option<Steps>,
}

/// CPU seconds of the floor's steps.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Steps {
    /// Reading the topic, the whole process.
    pub(crate) consume: f64,
    /// JSON to columns.
    pub(crate) decode: f64,
    /// Columns to Native to the table.
    pub(crate) insert: f64,
}

/// All attempts of one entrant.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Series {
    /// Who.
    pub(crate) entrant: Entrant,
    /// One a round.
    pub(crate) attempts: Vec<Attempt>,
}

impl Entrant {
    /// All of them, in the order they run in each round.
    pub(crate) const ALL: [Self; 6] =
        [Self::Forebay, Self::Typed, Self::ForebayNotDurable, Self::Tuned, Self::Floor, Self::EngineAlone];

    /// For people.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Forebay => "Forebay",
            Self::ForebayNotDurable => "Forebay --no-durable",
            Self::Typed => "Kafka engine, typed",
            Self::Tuned => "Kafka engine, tuned",
            Self::Floor => "floor: consume + decode + insert",
            Self::EngineAlone => "the engine alone, started and stopped",
        }
    }
}

/// Runs all entrants in turn, `rounds` times, and checks every table against the others and against the topic's totals.
pub(crate) fn run(
    arena: &Arena,
    (topic, totals): (&Topic, &Totals),
    rounds: usize,
) -> Result<Vec<Series>, Failure> {
    let mut series = Entrant::ALL.map(|entrant| Series { entrant, attempts: Vec::new() });
    let mut referee = Referee::new(totals);
    for round in 1..=rounds {
        for series in &mut series {
            let attempt = attempt(arena, topic, totals.records, series.entrant, &mut referee)?;
            eprintln!(
                "  round {round} of {rounds}: {:<38} {:>7.2} CPU s",
                series.entrant.name(),
                attempt.cpu_seconds
            );
            series.attempts.push(attempt);
        }
    }
    Ok(series.into())
}

fn attempt(
    arena: &Arena,
    topic: &Topic,
    records: u64,
    entrant: Entrant,
    referee: &mut Referee,
) -> Result<Attempt, Failure> {
    let place = arena.place("throughput")?;
    let (mut command, table) = match entrant {
        Entrant::Forebay => (arena.forebay(&place, &topic.name, &CATCH_UP)?, FOREBAY_TABLE),
        Entrant::ForebayNotDurable => {
            let flags = [&CATCH_UP[..], &["--no-durable"]].concat();
            (arena.forebay(&place, &topic.name, &flags)?, FOREBAY_TABLE)
        }
        Entrant::Typed => {
            (arena.kafka_engine(&place, &topic.name, EngineRun::new(Pattern::Typed, records))?, TABLE)
        }
        Entrant::Tuned => {
            (arena.kafka_engine(&place, &topic.name, EngineRun::new(Pattern::Tuned, records))?, TABLE)
        }
        Entrant::Floor => return floor(arena, topic, records, referee),
        Entrant::EngineAlone => {
            let mut command = part("query")?;
            command.arg(place.data_dir()).arg("SELECT 1");
            return Ok(Attempt::of(place.run(&mut command)?.0));
        }
    };
    let (cost, _) = place.run(&mut command)?;
    referee.check(entrant, place.fingerprint(table)?)?;
    Ok(Attempt::of(cost))
}

/// Stops when the topic's end is reached.
pub(crate) const CATCH_UP: [&str; 3] = ["--until-caught-up", "--port", "0"];

fn floor(arena: &Arena, topic: &Topic, records: u64, referee: &mut Referee) -> Result<Attempt, Failure> {
    let place = arena.place("floor")?;
    let records = records.to_string();
    let mut consume = part("consume")?;
    consume.args(["--bootstrap", arena.cluster.bootstrap_servers()]).args([
        "--topic",
        &topic.name,
        "--group",
        &place.name,
        "--records",
        &records,
    ]);
    let (consume, _) = place.run(&mut consume)?;
    let (_, decode) = place.run(part("decode")?.args(["--records", &records]))?;
    let mut insert = part("insert")?;
    insert.args(["--records", &records]).arg("--data-dir").arg(place.data_dir());
    let (_, insert) = place.run(&mut insert)?;
    referee.check(Entrant::Floor, place.fingerprint(TABLE)?)?;
    let steps =
        Steps { consume: consume.cpu_seconds(), decode: seconds(&decode)?, insert: seconds(&insert)? };
    Ok(Attempt {
        cpu_seconds: steps.consume + steps.decode + steps.insert,
        peak_rss: None,
        wall_seconds: None,
        steps: Some(steps),
    })
}

fn seconds(printed: &str) -> Result<f64, Failure> {
    printed.trim().parse().map_err(|_| Failure::new(format!("{printed:?} is no number of seconds")))
}

impl Attempt {
    fn of(cost: crate::process::Cost) -> Self {
        Self {
            cpu_seconds: cost.cpu_seconds(),
            peak_rss: Some(cost.peak_rss),
            wall_seconds: Some(cost.wall_seconds),
            steps: None,
        }
    }
}

/// Sees to it that everybody did the same work.
pub(crate) struct Referee {
    totals: Totals,
    first: Option<(Entrant, Fingerprint)>,
}

impl Referee {
    fn new(totals: &Totals) -> Self {
        Self { totals: *totals, first: None }
    }

    fn check(&mut self, entrant: Entrant, found: Fingerprint) -> Result<(), Failure> {
        let Totals { records, user_ids, hundredths, .. } = self.totals;
        if (found.rows, found.user_ids, found.hundredths) != (records, user_ids, hundredths) {
            return Err(Failure::new(format!(
                "{}: the table holds {found:?}, the topic {:?}",
                entrant.name(),
                self.totals
            )));
        }
        let (first, expected) = *self.first.get_or_insert((entrant, found));
        if found != expected {
            return Err(Failure::new(format!(
                "{} and {} differ: {found:?}, {expected:?}",
                entrant.name(),
                first.name()
            )));
        }
        Ok(())
    }
}
