//! A real Kafka broker for the demo: prints its `host:port` when it answers, runs until its standard input ends,
//! and keeps its topics in the directory it is given.

use clap::Parser;
use forebay_testkit::kafka::Broker;
use forebay_testkit::{Failure, exit_code};
use std::io::{Read, Write, stdin, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

/// A single Kafka broker on 127.0.0.1; ends with its standard input
#[derive(Parser)]
struct Arguments {
    /// Directory of its topics; kept when it stops
    #[arg(long)]
    data: PathBuf,
}

fn main() -> ExitCode {
    exit_code(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    let broker = Broker::start_in(&arguments.data)?;
    let mut out = stdout();
    writeln!(out, "{}", broker.addresses().plaintext)
        .and_then(|()| out.flush())
        .map_err(Failure::of("the broker's address cannot be printed"))?;
    stdin().read_to_end(&mut Vec::new()).map_err(Failure::of("standard input cannot be read"))?;
    Ok(())
}
