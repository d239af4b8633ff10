//! CPU seconds to bring a whole topic into a table, all contestants in turn, several rounds.

use crate::{
    arena::{Arena, EngineRun, FOREBAY_TABLE, part},
    encoding::Format,
    kafka_engine::{Pattern, TABLE},
    table::Fingerprint,
    workload::{Course, Totals},
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
    /// The Kafka engine with typed columns, as its documentation shows the format.
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
    /// Records to columns.
    pub(crate) decode: f64,
    /// Columns to Native to the table.
    pub(crate) insert: f64,
}

/// What all entrants did with the topic of one format.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Throughput {
    /// The format.
    pub(crate) format: Format,
    /// The topic.
    pub(crate) topic: Totals,
    /// One series an entrant, one attempt a round.
    pub(crate) series: Vec<Series>,
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
    /// Who reads this format, in the order they run in each round.
    fn all(format: Format) -> &'static [Self] {
        match format {
            Format::Json => &[
                Self::Forebay,
                Self::Typed,
                Self::ForebayNotDurable,
                Self::Tuned,
                Self::Floor,
                Self::EngineAlone,
            ],
            Format::Avro | Format::Protobuf => &[Self::Forebay, Self::Typed, Self::Floor],
        }
    }

    /// For people.
    pub(crate) fn name(self, format: Format) -> &'static str {
        match (self, format) {
            (Self::Forebay, _) => "Forebay",
            (Self::ForebayNotDurable, _) => "Forebay --no-durable",
            (Self::Typed, Format::Json) => "Kafka engine, typed",
            (Self::Typed, Format::Avro) => "Kafka engine, AvroConfluent",
            (Self::Typed, Format::Protobuf) => "Kafka engine, ProtobufSingle",
            (Self::Tuned, _) => "Kafka engine, tuned",
            (Self::Floor, _) => "floor: consume + decode + insert",
            (Self::EngineAlone, _) => "the engine alone, started and stopped",
        }
    }
}

/// Runs all entrants in turn, `rounds` times, and checks every table against the others and against the topic's totals.
pub(crate) fn run(
    arena: &Arena,
    course: &Course,
    rounds: usize,
    referee: &mut Referee,
) -> Result<Throughput, Failure> {
    let Course { format, totals, .. } = *course;
    let entrants = Entrant::all(format).iter();
    let mut series: Vec<Series> =
        entrants.map(|entrant| Series { entrant: *entrant, attempts: Vec::new() }).collect();
    for round in 1..=rounds {
        for series in &mut series {
            let attempt = attempt(arena, course, series.entrant, referee)?;
            eprintln!(
                "  {} round {round} of {rounds}: {:<38} {:>7.2} CPU s",
                format.name(),
                series.entrant.name(format),
                attempt.cpu_seconds
            );
            series.attempts.push(attempt);
        }
    }
    Ok(Throughput { format, topic: totals, series })
}

fn attempt(
    arena: &Arena,
    course: &Course,
    entrant: Entrant,
    referee: &mut Referee,
) -> Result<Attempt, Failure> {
    let place = arena.place("throughput")?;
    let forebay = |flags: &[&str]| arena.forebay(&place, (course.topic(), course.format), flags);
    let engine = |pattern| {
        let run = EngineRun::new(pattern, course.totals.records);
        arena.kafka_engine(&place, course.topic_of_the_engine(), run)
    };
    let (mut command, table) = match entrant {
        Entrant::Forebay => (forebay(&CATCH_UP)?, FOREBAY_TABLE),
        Entrant::ForebayNotDurable => (forebay(&[&CATCH_UP[..], &["--no-durable"]].concat())?, FOREBAY_TABLE),
        Entrant::Typed => (engine(typed(course.format))?, TABLE),
        Entrant::Tuned => (engine(Pattern::Tuned)?, TABLE),
        Entrant::Floor => return floor(arena, course, referee),
        Entrant::EngineAlone => {
            let mut command = part("query")?;
            command.arg(place.data_dir()).arg("SELECT 1");
            return Ok(Attempt::of(place.run(&mut command)?.0));
        }
    };
    let (cost, _) = place.run(&mut command)?;
    referee.check(entrant.name(course.format), &course.totals, place.fingerprint(table)?)?;
    Ok(Attempt::of(cost))
}

fn typed(format: Format) -> Pattern {
    match format {
        Format::Json => Pattern::Typed,
        Format::Avro => Pattern::Avro,
        Format::Protobuf => Pattern::Protobuf,
    }
}

/// Stops when the topic's end is reached.
pub(crate) const CATCH_UP: [&str; 3] = ["--until-caught-up", "--port", "0"];

fn floor(arena: &Arena, course: &Course, referee: &mut Referee) -> Result<Attempt, Failure> {
    let place = arena.place("floor")?;
    let records = course.totals.records.to_string();
    let workload = ["--records", &records, "--format", course.format.argument()];
    let mut consume = part("consume")?;
    consume.args(["--bootstrap", arena.cluster.bootstrap_servers()]).args([
        "--topic",
        course.topic(),
        "--group",
        &place.name,
        "--records",
        &records,
    ]);
    let (consume, _) = place.run(&mut consume)?;
    let (_, decode) = place.run(part("decode")?.args(workload))?;
    let mut insert = part("insert")?;
    insert.args(workload).arg("--data-dir").arg(place.data_dir());
    let (_, insert) = place.run(&mut insert)?;
    referee.check(Entrant::Floor.name(course.format), &course.totals, place.fingerprint(TABLE)?)?;
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

/// Sees to it that everybody did the same work, in whatever format: the rows are always the same.
#[derive(Default)]
pub(crate) struct Referee {
    first: Option<(&'static str, Fingerprint)>,
}

impl Referee {
    fn check(&mut self, entrant: &'static str, totals: &Totals, found: Fingerprint) -> Result<(), Failure> {
        let Totals { records, user_ids, hundredths, .. } = *totals;
        if (found.rows, found.user_ids, found.hundredths) != (records, user_ids, hundredths) {
            return Err(Failure::new(format!("{entrant}: the table holds {found:?}, the topic {totals:?}")));
        }
        let (first, expected) = *self.first.get_or_insert((entrant, found));
        if found != expected {
            return Err(Failure::new(format!("{entrant} and {first} differ: {found:?}, {expected:?}")));
        }
        Ok(())
    }
}
