//! Runs a command beside a real Kafka broker: `with-kafka cargo test`.
//! The command finds the broker in `FOREBAY_TEST_KAFKA` and its sisters; the broker goes when the command ends.

use forebay_testkit::Failure;
use forebay_testkit::kafka::Broker;
use std::env;
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    match run() {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<u8, Failure> {
    let mut arguments = env::args_os().skip(1);
    let program = arguments
        .next()
        .ok_or_else(|| Failure::new("no command is given").hint("with-kafka COMMAND [ARGUMENT]..."))?;
    let broker = Broker::start_private()?;
    let status = Command::new(&program)
        .args(arguments)
        .envs(broker.environment())
        .status()
        .map_err(Failure::of(format!("{} cannot be run", program.display())))?;
    // A command that died by a signal has no code.
    Ok(status.code().map_or(1, |code| u8::try_from(code).unwrap_or(1)))
}
