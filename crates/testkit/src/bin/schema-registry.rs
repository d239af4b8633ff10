//! A schema registry for demos: prints its URL when it answers and runs until its standard input ends.
//! Its ids begin anew each time.

use forebay_testkit::registry::Srfake;
use forebay_testkit::{Failure, exit_code};
use std::io::{Read, Write, stdin, stdout};
use std::process::ExitCode;

fn main() -> ExitCode {
    exit_code(run())
}

fn run() -> Result<(), Failure> {
    let registry = Srfake::start()?;
    let mut out = stdout();
    writeln!(out, "{}", registry.base_url())
        .and_then(|()| out.flush())
        .map_err(Failure::of("the registry's address cannot be printed"))?;
    stdin().read_to_end(&mut Vec::new()).map_err(Failure::of("standard input cannot be read"))?;
    Ok(())
}
