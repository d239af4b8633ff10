//! Produces the 336,776 flights as JSON, once: a topic that holds them already is left as it is.

use clap::Parser;
use forebay_testkit::flights::{self, Partial, Produced};
use forebay_testkit::kafka::Cluster;
use forebay_testkit::{Failure, exit_code};
use std::process::ExitCode;
use std::time::Instant;

/// Produces the New York flights of 2013 to a Kafka topic
#[derive(Parser)]
struct Arguments {
    /// host:port[,host:port]
    #[arg(long)]
    bootstrap: String,
    /// Topic; created with four partitions when it does not exist
    #[arg(long, default_value = "flights")]
    topic: String,
    /// Delete and fill again a topic that holds another number of records
    #[arg(long)]
    replace_partial: bool,
}

fn main() -> ExitCode {
    exit_code(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    let partial = if arguments.replace_partial { Partial::Replace } else { Partial::Refuse };
    let started = Instant::now();
    let cluster = Cluster::new(&arguments.bootstrap);
    let produced = flights::produce(&cluster, &arguments.topic, partial, |index| {
        if index > 0 && index.is_multiple_of(100_000) {
            eprintln!("  {index} of {} records", flights::COUNT);
        }
    })?;
    match produced {
        Produced::Already => {
            println!("topic {:?} holds all {} flights already", arguments.topic, flights::COUNT);
        }
        Produced::Now => println!(
            "topic {:?} holds {} flights, produced in {:.1} s",
            arguments.topic,
            flights::COUNT,
            started.elapsed().as_secs_f64()
        ),
    }
    Ok(())
}
