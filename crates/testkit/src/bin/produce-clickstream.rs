//! Produces made-up clicks for benchmarks; record n is always the same bytes.

use clap::Parser;
use forebay_testkit::kafka::{Cluster, Outgoing};
use forebay_testkit::{Failure, clickstream, exit_code};
use std::process::ExitCode;
use std::time::Instant;

/// Produces clickstream records of 30 fields and about 608 bytes to a Kafka topic
#[derive(Parser)]
struct Arguments {
    /// host:port[,host:port]
    #[arg(long)]
    bootstrap: String,
    /// Topic; created when it does not exist
    #[arg(long, default_value = "clickstream")]
    topic: String,
    /// Partitions of a topic that is created
    #[arg(long, default_value_t = 4)]
    partitions: i32,
    /// How many records to add
    #[arg(long, default_value_t = 1_000_000)]
    records: u64,
    /// Number of the first record
    #[arg(long, default_value_t = 0)]
    first: u64,
}

fn main() -> ExitCode {
    exit_code(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    let started = Instant::now();
    let cluster = Cluster::new(&arguments.bootstrap);
    if cluster.partitions(&arguments.topic)?.is_none() {
        cluster.create_topic(&arguments.topic, arguments.partitions)?;
    }
    let numbers = arguments.first..arguments.first + arguments.records;
    let records =
        numbers.map(|number| Outgoing::value(clickstream::record(number)).key(clickstream::key(number)));
    let count = cluster.produce(&arguments.topic, records)?;
    println!("{count} records to topic {:?} in {:.1} s", arguments.topic, started.elapsed().as_secs_f64());
    Ok(())
}
