//! `forebay`: turns Kafka topics into ClickHouse tables.

mod announcer;
mod check;
mod cli;
mod client;
mod directives_page;
mod documents;
mod engine_command;
mod exit;
mod explain;
mod http;
mod ingestion;
mod init;
mod monitor;
mod notices;
mod preview;
mod project_files;
mod quantity;
mod query;
mod query_text;

mod registries;
mod report;
mod screen;
mod secrets;
mod server_file;
mod signals;
mod sql;
mod start;
mod status;
mod status_table;

use clap::FromArgMatches;
use cli::{Cli, Command};
use exit::Failure;
use screen::Screen;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = match Cli::from_arg_matches(&cli::command().get_matches()) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    let screen = Screen::detect(cli.color, cli.json);
    match run(&cli.command, screen) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(screen.err, screen.json),
    }
}

fn run(command: &Command, screen: Screen) -> Result<(), Failure> {
    match command {
        Command::Init(args) => init::run(args, screen),
        Command::Preview(args) => preview::run(args, screen),
        Command::Check(args) => check::run(args, screen),
        Command::Explain(args) => explain::run(args, screen),
        Command::Start(args) => start::run(args, screen),
        Command::Status(args) => status::run(args, screen),
        Command::Sql(args) => sql::run(args, screen),
        Command::Engine(command) => engine_command::run(command, screen),
        Command::Directives(args) => directives_page::run(args, screen),
        Command::Completions(args) => {
            documents::print_completions(args.shell);
            Ok(())
        }
        Command::Man => documents::print_man(),
    }
}
