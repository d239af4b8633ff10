//! Forebay beside its rivals: the same topic into the same table, every contestant a process of its own, in turn and
//! several times over. `make bench` runs it; `docs/performance.md` says what is measured and why.

mod arena;
mod bad_records;
mod click;
mod encoding;
mod floor;
mod kafka_engine;
mod latency;
mod partitions;
mod process;
mod report;
mod table;
mod throughput;
mod workload;

use arena::Arena;
use clap::{Args, Parser, Subcommand, ValueEnum};
use encoding::Format;
use forebay_testkit::{
    Failure,
    kafka::{Broker, Cluster},
};
use report::Report;
use std::{env, path::PathBuf, process::ExitCode};
use throughput::Referee;
use workload::Course;

/// Compares Forebay with ClickHouse's Kafka engine and with the floor
///
/// FOREBAY_KAFKA=host:port uses that broker instead of one of its own.
#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(flatten)]
    run: Run,
    #[command(subcommand)]
    part: Option<Part>,
}

#[derive(Args)]
struct Run {
    /// How often everybody reads the whole topic
    #[arg(long)]
    rounds: Option<usize>,
    /// Records of each topic, about 608 bytes of JSON each
    #[arg(long)]
    records: Option<u64>,
    /// One round of 200,000 records and short latency runs: to see that it works, not for figures
    #[arg(long)]
    quick: bool,
    /// Measure this part only
    #[arg(long, value_enum)]
    only: Option<Section>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Where contestants keep their tables and logs; left as it is afterwards [default: a temporary directory]
    #[arg(long)]
    work_dir: Option<PathBuf>,
    /// Cargo gives this to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

/// Parts of the comparison, each measurable alone.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Section {
    Throughput,
    Avro,
    Protobuf,
    Latency,
    Partitions,
    BadRecords,
}

/// Roles this program plays in processes of their own.
#[derive(Subcommand)]
enum Part {
    #[command(hide = true)]
    KafkaEngine(kafka_engine::KafkaEngine),
    #[command(hide = true)]
    Consume(floor::Consume),
    #[command(hide = true)]
    Decode(floor::Decode),
    #[command(hide = true)]
    Insert(floor::Insert),
    #[command(hide = true)]
    Query { data_dir: PathBuf, sql: String },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.part {
        Some(part) => part.run(),
        None => arguments.run.run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

impl Part {
    fn run(self) -> Result<(), Failure> {
        match self {
            Self::KafkaEngine(rival) => rival.run(),
            Self::Consume(step) => step.run(),
            Self::Decode(step) => step.run(),
            Self::Insert(step) => step.run(),
            Self::Query { data_dir, sql } => {
                let engine = table::open(&data_dir)?;
                println!("{}", table::text(&engine, &sql)?);
                engine.close();
                Ok(())
            }
        }
    }
}

impl Run {
    fn run(&self) -> Result<(), Failure> {
        let temporary = tempfile::tempdir().map_err(Failure::of("no temporary directory"))?;
        let directory = self.work_dir.clone().unwrap_or_else(|| temporary.path().to_path_buf());
        let own_broker;
        let cluster = match env::var("FOREBAY_KAFKA") {
            Ok(bootstrap) => Cluster::new(&bootstrap),
            Err(_) => {
                eprintln!("starting Kafka");
                own_broker = Broker::start_private()?;
                (*own_broker).clone()
            }
        };
        let report = self.measure(&Arena::new(cluster, &directory)?)?;
        if self.json {
            println!("{}", report.json().map_err(Failure::of("no JSON"))?);
        } else {
            println!("\n{report}");
        }
        Ok(())
    }

    fn measure(&self, arena: &Arena) -> Result<Report, Failure> {
        let (rounds, records, seconds) = if self.quick { (1, 200_000, 5) } else { (3, 1_000_000, 15) };
        let (rounds, records) = (self.rounds.unwrap_or(rounds), self.records.unwrap_or(records));
        let mut report = Report::default();
        let formats = [
            (Section::Throughput, Format::Json),
            (Section::Avro, Format::Avro),
            (Section::Protobuf, Format::Protobuf),
        ];
        let mut referee = Referee::default();
        for (_, format) in formats.into_iter().filter(|(section, _)| self.wants(*section)) {
            eprintln!("producing {records} records of {}", format.name());
            let course = Course::prepare(&arena.cluster, &arena.registry, format, records)?;
            report.throughput.push(throughput::run(arena, &course, rounds, &mut referee)?);
        }
        if self.wants(Section::Latency) {
            eprintln!("latency");
            report.latency.push(latency::forebay(arena, 4, seconds)?);
            report.latency.push(latency::kafka_engine(arena, 4, seconds)?);
            report.latency.push(latency::forebay(arena, 200, seconds)?);
        }
        if self.wants(Section::Partitions) {
            eprintln!("1 and 200 partitions");
            report.partitions = partitions::run(arena, records)?;
        }
        if self.wants(Section::BadRecords) {
            eprintln!("bad records");
            report.bad_records = bad_records::run(arena)?;
        }
        Ok(report)
    }

    fn wants(&self, section: Section) -> bool {
        self.only.is_none_or(|only| only == section)
    }
}
