//! `forebay engine`, and how other commands open the engine.

use crate::{
    cli::EngineCommand,
    exit::{Exit, Failure},
    screen::{Screen, write_out},
};
use forebay_chdb::{Engine, EngineError, ErrorKind, Library, Options, cache_directory, install, locate};
use serde_json::json;
use std::{ffi::OsString, path::Path};

/// Runs the command.
pub(crate) fn run(command: &EngineCommand, screen: Screen) -> Result<(), Failure> {
    match command {
        EngineCommand::Install => install_engine(screen),
        EngineCommand::Status => show_status(screen),
        EngineCommand::Path => {
            let path = locate(environment)?.display().to_string();
            let json = json!({ "path": path });
            write_out(&if screen.json { format!("{json}\n") } else { format!("{path}\n") });
            Ok(())
        }
    }
}

/// Opens the engine on `data_dir` with at most `connections` statements at a time.
///
/// # Errors
/// When the library is missing or wrong, or another process has the directory.
pub(crate) fn open(data_dir: &Path, connections: usize) -> Result<Engine, Failure> {
    let library = Library::load(&locate(environment)?)?;
    let mut options = Options { connections, ..Options::default() };
    // What goes wrong comes back from each statement. On a terminal the engine would also log to it.
    options.settings.push(("log-level".to_owned(), "none".to_owned()));
    Ok(Engine::open_with(&library, data_dir, &options)?)
}

fn install_engine(screen: Screen) -> Result<(), Failure> {
    let cache = cache_directory(environment)?;
    let path = install(&cache, &mut |step: &str| {
        if !screen.json {
            eprintln!("{step}");
        }
    })?;
    let version = Library::load(&path)?.version();
    let path = path.display().to_string();
    let text = format!("the engine is ready: libchdb {version} at {path}\n");
    write_out(&if screen.json { format!("{}\n", json!({ "path": path, "version": version })) } else { text });
    Ok(())
}

fn show_status(screen: Screen) -> Result<(), Failure> {
    let path = locate(environment)?;
    let version = Library::load(&path)?.version();
    let path = path.display().to_string();
    let text = format!("libchdb {version}, usable\n{}\n", screen.out.dim(&path));
    write_out(&if screen.json { format!("{}\n", json!({ "path": path, "version": version })) } else { text });
    Ok(())
}

fn environment(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        let exit = match error.kind {
            ErrorKind::Missing | ErrorKind::WrongLibrary | ErrorKind::Start => Exit::Environment,
            ErrorKind::InUse => Exit::InUse,
            ErrorKind::Statement => Exit::Errors,
            ErrorKind::OtherDirectory | ErrorKind::Closed => Exit::Internal,
        };
        Self { exit, fact: error.message, hints: error.hint.into_iter().collect() }
    }
}
