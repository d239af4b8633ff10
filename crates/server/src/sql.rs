//! `forebay sql`: through the running server, else with an engine of its own.

use crate::{
    cli::SqlArgs,
    client::Client,
    engine_command,
    exit::{Exit, Failure},
    query::{self, QueryError},
    query_text::Rejection,
    screen::Screen,
};
use std::{
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

/// Where tables live when nobody says otherwise: in the project.
pub(crate) fn data_dir(dir: &Path, given: Option<&PathBuf>) -> PathBuf {
    let own = || dir.strip_prefix(".").unwrap_or(dir).join(".forebay");
    given.cloned().unwrap_or_else(own)
}

/// Runs the query and prints its answer.
pub(crate) fn run(args: &SqlArgs, screen: Screen) -> Result<(), Failure> {
    let sql = if args.query == "-" { read_stdin()? } else { args.query.clone() };
    let format = output_format(args, screen);
    let data_dir = data_dir(&args.project, args.place.data_dir.as_ref());
    match Client::find(&data_dir) {
        Some(client) => print_reader(client.query(&sql, format)?),
        None => run_here(&data_dir, &args.workspace, &sql, format),
    }
}

fn output_format(args: &SqlArgs, screen: Screen) -> &str {
    match &args.format {
        Some(format) => format,
        None if screen.json => "JSONEachRow",
        None if screen.terminal => "PrettyCompact",
        None => "TabSeparatedWithNames",
    }
}

fn run_here(data_dir: &Path, workspace: &str, sql: &str, format: &str) -> Result<(), Failure> {
    if !data_dir.is_dir() {
        let fact = format!("there is no data directory {}", data_dir.display());
        return Err(Failure::new(Exit::Environment, fact)
            .hint("start the project first with `forebay start`, or name its directory with --data-dir"));
    }
    let engine = engine_command::open(data_dir, 2)?;
    let reader = engine.reader(workspace, 1);
    let printed = print_answer(&reader, sql, format);
    reader.close();
    engine.close();
    printed
}

fn print_answer(reader: &forebay_chdb::Reader, sql: &str, format: &str) -> Result<(), Failure> {
    let answer = query::run(reader, sql, format).map_err(|error| query_failure(sql, error))?;
    let mut out = io::stdout().lock();
    for chunk in answer {
        let chunk = chunk.map_err(|error| query_failure(sql, QueryError::Engine(error)))?;
        if out.write_all(&chunk).is_err() {
            return Ok(());
        }
    }
    let _ = out.flush();
    Ok(())
}

fn query_failure(sql: &str, error: QueryError) -> Failure {
    match error {
        QueryError::Rejected(Rejection::Forbidden(reason) | Rejection::Malformed(reason)) => {
            Failure::new(Exit::Errors, reason)
        }
        QueryError::Engine(error) => Failure {
            hints: error.hint.clone().into_iter().collect(),
            ..Failure::new(Exit::Errors, query::explain(sql, &error.message).render())
        },
    }
}

/// Copies the answer to standard output; a reader that went away (`| head`) is no error.
fn print_reader(mut reader: impl Read) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let mut buffer = vec![0; 64 << 10];
    loop {
        let length = reader.read(&mut buffer).map_err(|error| {
            Failure::new(Exit::Errors, format!("the answer broke off: {error}"))
                .hint("the query failed half way, or the server stopped; what was printed is not complete")
        })?;
        if length == 0 || out.write_all(&buffer[..length]).is_err() {
            let _ = out.flush();
            return Ok(());
        }
    }
}

fn read_stdin() -> Result<String, Failure> {
    io::read_to_string(io::stdin())
        .map_err(|error| Failure::new(Exit::Environment, format!("standard input cannot be read: {error}")))
}
