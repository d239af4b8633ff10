//! How a command ends: the table of exit codes and the error that carries one.

use crate::screen::Paint;
use forebay_ingest::error::{Error, Kind};
use std::{
    fmt::Write as _,
    os::unix::process::CommandExt,
    process::{Command, ExitCode},
};

/// Exit codes, as documented in `--help`, the man page and `docs/cli.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// The project, the query or a data source has errors.
    Errors,
    /// The command line cannot be understood.
    Usage,
    /// Something outside is missing or cannot be reached.
    Environment,
    /// Another process holds the port or the data directory.
    InUse,
    /// Waiting was given up.
    TimedOut,
    /// A bug in Forebay.
    Internal,
    /// Stopped by a second signal.
    Interrupted,
}

/// Every exit code with its meaning, in order.
pub(crate) const TABLE: [(u8, &str); 8] = [
    (0, "all is well"),
    (1, "the project, the query or a data source has errors"),
    (2, "the command line cannot be understood"),
    (3, "something outside is missing or cannot be reached: engine, server, file, secret"),
    (4, "another process holds the port or the data directory"),
    (5, "gave up waiting (--timeout)"),
    (70, "a bug in Forebay"),
    (130, "interrupted: a second signal cut the orderly stop short"),
];

impl Exit {
    /// The number the shell sees.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Errors => 1,
            Self::Usage => 2,
            Self::Environment => 3,
            Self::InUse => 4,
            Self::TimedOut => 5,
            Self::Internal => 70,
            Self::Interrupted => 130,
        }
    }
}

/// Why a command did not succeed: what is shown, and the code to leave with.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// The code to leave with.
    pub(crate) exit: Exit,
    /// What happened; empty when everything was shown already.
    pub(crate) fact: String,
    /// What the reader can do, one line each.
    pub(crate) hints: Vec<String>,
}

impl Failure {
    /// A failure stating `fact`.
    pub(crate) fn new(exit: Exit, fact: impl Into<String>) -> Self {
        Self { exit, fact: fact.into(), hints: Vec::new() }
    }

    /// A failure whose reasons stand on the screen already.
    pub(crate) fn shown(exit: Exit) -> Self {
        Self::new(exit, "")
    }

    /// Adds something the reader can do.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Shows the failure on standard error and gives the code to leave with.
    pub(crate) fn report(&self, paint: Paint, json: bool) -> ExitCode {
        if self.fact.is_empty() {
        } else if json {
            eprintln!("{}", self.to_json());
        } else {
            eprint!("{}", self.render(paint));
        }
        ExitCode::from(self.exit.code())
    }

    /// The failure for people.
    pub(crate) fn render(&self, paint: Paint) -> String {
        render_error(paint, &self.fact, &self.hints)
    }

    fn to_json(&self) -> serde_json::Value {
        serde_json::json!({ "error": self.fact, "hints": self.hints, "exit_code": self.exit.code() })
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let exit = match error.kind {
            Kind::Invalid => Exit::Errors,
            Kind::InUse => Exit::InUse,
            Kind::Internal => Exit::Internal,
            Kind::Unavailable
            | Kind::Authentication
            | Kind::Authorization
            | Kind::NotFound
            | Kind::Capacity
            | Kind::Fenced => Exit::Environment,
        };
        Self { exit, fact: error.to_string(), hints: error.hint.into_iter().collect() }
    }
}

/// Ends the process with `code` while threads of the engine are in the middle of something.
///
/// An ordinary exit runs the engine's static destructors under the feet of its threads, which crashes. Replacing the
/// process by one that only exits ends every thread at once and runs nothing.
pub(crate) fn leave_at_once(code: u8) -> ! {
    let _ = Command::new("/bin/sh").args(["-c", &format!("exit {code}")]).exec();
    std::process::exit(code.into())
}

/// An error for people: the fact, then one line for each hint.
pub(crate) fn render_error(paint: Paint, fact: &str, hints: &[String]) -> String {
    let mut text = format!("{} {fact}\n", paint.red("error:"));
    for hint in hints {
        let _ = writeln!(text, "  {} {hint}", paint.cyan("hint:"));
    }
    text
}
