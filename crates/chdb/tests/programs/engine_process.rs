//! For the tests: an engine in a process of its own.
//!
//! `engine-process LIBRARY DIRECTORY` prints `open` or the error, then answers each line of its input, a statement, with
//! one line. It closes the engine at the end of its input, or leaves it open after a line that says `leave`.

use forebay_chdb::{Engine, EngineError, Library};
use std::{io::BufRead, path::PathBuf, process::ExitCode, sync::OnceLock};

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(library), Some(directory)) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: engine-process LIBRARY DIRECTORY");
        return ExitCode::FAILURE;
    };
    let engine = Library::load(&library).and_then(|library| Engine::open(&library, &directory));
    match engine {
        Ok(engine) => answer(&engine),
        Err(error) => {
            println!("{:?}: {}", error.kind, one_line(&error.to_string()));
            ExitCode::FAILURE
        }
    }
}

fn answer(engine: &Engine) -> ExitCode {
    println!("open");
    for sql in std::io::stdin().lock().lines().map_while(Result::ok) {
        if sql == "leave" {
            static FORGOTTEN: OnceLock<Engine> = OnceLock::new();
            FORGOTTEN.get_or_init(|| engine.clone());
            return ExitCode::SUCCESS;
        }
        println!("{}", answer_line(engine.query(&sql, "TSV").map(|output| output.bytes)));
    }
    engine.close();
    ExitCode::SUCCESS
}

fn answer_line(answer: Result<Vec<u8>, EngineError>) -> String {
    match answer {
        Ok(bytes) => one_line(String::from_utf8_lossy(&bytes).trim_end()),
        Err(error) => one_line(&error.to_string()),
    }
}

fn one_line(text: &str) -> String {
    text.replace('\n', " | ")
}
