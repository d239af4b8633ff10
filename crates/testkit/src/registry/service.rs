use super::http::Http;
use crate::Failure;
use crate::cache::fetch_named_part;
use crate::guarded_process::GuardedProcess;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The slowest of them takes about 20 s on two busy cores.
const START_LIMIT: Duration = Duration::from_secs(180);
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// A server with a temporary directory; both go when it is dropped or its owner dies.
pub(super) struct Service {
    name: &'static str,
    directory: PathBuf,
    process: GuardedProcess,
}

impl Service {
    /// Starts what `command` says when it knows the directory; nothing answers yet.
    pub(super) fn start(
        name: &'static str,
        command: impl FnOnce(&Path) -> Result<Vec<String>, Failure>,
    ) -> Result<Self, Failure> {
        let directory = tempfile::Builder::new()
            .prefix(&format!("forebay-{name}-"))
            .tempdir()
            .map_err(Failure::of(format!("no temporary directory for {name}")))?
            .keep();
        let process = command(&directory)
            .and_then(|command| GuardedProcess::start(&command, &log(&directory), Some(&directory)));
        match process {
            Ok(process) => Ok(Self { name, directory, process }),
            Err(failure) => {
                let _ = fs::remove_dir_all(&directory);
                Err(failure)
            }
        }
    }

    /// Where the server may keep files.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Stops, continues or kills it: `STOP`, `CONT`, `KILL`.
    pub(super) fn signal(&mut self, signal: &str) -> Result<(), Failure> {
        self.process.signal(signal)
    }

    /// Waits until the server has ended after a signal that ends it.
    pub(super) fn wait(&mut self) {
        self.process.wait();
    }

    /// Asks until GET of `path` is answered with 200.
    pub(super) fn wait_for(&mut self, base: &str, path: &str) -> Result<(), Failure> {
        let http = Http::new(base);
        self.wait_until(|| (http.status(path) == Some(200)).then_some(()))
    }

    /// Asks until there is an answer; fails at once when the server has ended.
    pub(super) fn wait_until<T>(&mut self, mut answer: impl FnMut() -> Option<T>) -> Result<T, Failure> {
        let deadline = Instant::now() + START_LIMIT;
        while Instant::now() < deadline {
            if let Some(answer) = answer() {
                return Ok(answer);
            }
            if self.process.is_gone() {
                return Err(Failure::new(format!(
                    "{} ended while it started:\n{}",
                    self.name,
                    self.log_tail()
                )));
            }
            std::thread::sleep(POLL_INTERVAL);
        }
        let tail = self.log_tail();
        Err(Failure::new(format!("{} does not answer after {START_LIMIT:?}:\n{tail}", self.name)))
    }

    fn log_tail(&self) -> String {
        let log = fs::read_to_string(log(&self.directory)).unwrap_or_default();
        let start = log.lines().count().saturating_sub(15);
        log.lines().skip(start).collect::<Vec<_>>().join("\n")
    }
}

/// A part that `scripts/fetch-registries` puts into the cache.
pub(super) fn part(name: &str) -> Result<String, Failure> {
    Ok(fetch_named_part("fetch-registries", name)?.display().to_string())
}

fn log(directory: &Path) -> PathBuf {
    directory.join("log")
}
