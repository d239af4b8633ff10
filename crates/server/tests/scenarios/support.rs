//! Runs the built binary as a user would.

use serde_json::Value;
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// Longer than anything here takes on a busy machine of two cores.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);
const PERIOD: Duration = Duration::from_millis(50);

/// A project in a directory of its own.
pub(crate) struct Project {
    dir: TempDir,
    variables: Vec<(String, String)>,
}

/// What a command printed and how it ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Project {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let dir = tempfile::Builder::new().prefix("forebay-scenario-").tempdir().unwrap();
        let project = Self { dir, variables: Vec::new() };
        for (name, text) in files {
            project.write(name, text);
        }
        project
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path().join(name), text).unwrap();
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.path().join(".forebay")
    }

    /// Sets a variable for every command of the project.
    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A command in the directory of the project, which sees no setting of whoever runs the tests.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_forebay"));
        let foreign = std::env::vars().map(|(name, _)| name);
        for name in foreign.filter(|name| {
            name.starts_with("FOREBAY_") && name != "FOREBAY_CACHE" && name != "FOREBAY_LIBCHDB"
        }) {
            command.env_remove(name);
        }
        command.args(args).current_dir(self.path()).env("FOREBAY_PORT", "0").stdin(Stdio::null());
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        Ran::from(self.command(args).output().unwrap())
    }

    /// The answer of a query as tab-separated text without the last line break.
    pub(crate) fn sql(&self, query: &str) -> String {
        let ran = self.run(&["sql", query, "--format", "TabSeparated"]);
        assert_eq!(ran.code, Some(0), "{query}: {ran:?}");
        ran.out.trim_end().to_owned()
    }

    /// Starts the server; it is stopped when dropped.
    pub(crate) fn start(&self, args: &[&str]) -> Server<'_> {
        let log = self.path().join("server.log");
        let file = File::options().create(true).append(true).open(&log).unwrap();
        let args: Vec<&str> = ["start"].iter().chain(args).copied().collect();
        let child = self.command(&args).stdout(file.try_clone().unwrap()).stderr(file).spawn().unwrap();
        Server { project: self, child, log }
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// A running `forebay start`.
pub(crate) struct Server<'a> {
    project: &'a Project,
    child: Child,
    log: PathBuf,
}

impl Server<'_> {
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until `/health` answers.
    pub(crate) fn ready(mut self) -> Self {
        self.wait_for("an answer of /health", |server| server.try_get("/health").is_some());
        self
    }

    /// Waits until `forebay status` says what `condition` wants of the only data source.
    pub(crate) fn until(&mut self, what: &str, condition: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        self.wait_for(what, |server| {
            last = server.status();
            condition(&last["datasources"][0])
        });
        last["datasources"][0].take()
    }

    /// Waits until so many rows are durable and nothing lags.
    pub(crate) fn until_rows(&mut self, rows: u64) -> Value {
        self.until(&format!("{rows} rows"), |it| it["rows"] == rows && it["caught_up"] == true)
    }

    /// Waits until the data source is in trouble, and returns the error.
    pub(crate) fn until_trouble(&mut self, kind: &str) -> Value {
        let trouble = |it: &Value| it["last_error"]["kind"] == kind && it["last_error"]["healed"] == false;
        self.until(&format!("an error of kind {kind}"), trouble)["last_error"].take()
    }

    pub(crate) fn status(&self) -> Value {
        let ran = self.project.run(&["status", "--json"]);
        serde_json::from_str(&ran.out).unwrap_or(Value::Null)
    }

    pub(crate) fn address(&self) -> Option<String> {
        let text = fs::read_to_string(self.project.data_dir().join("server.json")).ok()?;
        let server: Value = serde_json::from_str(&text).ok()?;
        (server["pid"] == self.child.id()).then(|| server["address"].as_str().unwrap().to_owned())
    }

    pub(crate) fn token(&self) -> String {
        fs::read_to_string(self.project.data_dir().join("token")).unwrap().trim().to_owned()
    }

    fn try_get(&self, path: &str) -> Option<String> {
        let mut response = ureq::get(format!("http://{}{path}", self.address()?)).call().ok()?;
        response.body_mut().read_to_string().ok()
    }

    pub(crate) fn get(&self, path: &str) -> String {
        self.try_get(path).unwrap_or_else(|| panic!("no answer of {path}:\n{}", self.log()))
    }

    pub(crate) fn wait_for(&mut self, what: &str, mut condition: impl FnMut(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !condition(self) {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("the server ended ({status}) before {what}:\n{}", self.log());
            }
            assert!(
                Instant::now() < deadline,
                "no {what} within {PATIENCE:?}; status {:#}\n{}",
                self.status(),
                self.log()
            );
            sleep(PERIOD);
        }
    }

    pub(crate) fn signal(&self, name: &str) {
        let killed =
            Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status().unwrap();
        assert!(killed.success());
    }

    /// Asks for an orderly stop, which must succeed within the promised 10 seconds.
    pub(crate) fn stop(mut self) -> String {
        let asked = Instant::now();
        self.signal("TERM");
        let status = self.wait();
        assert_eq!(status.code(), Some(0), "{}", self.log());
        assert!(asked.elapsed() < Duration::from_secs(10), "{:?}\n{}", asked.elapsed(), self.log());
        self.log()
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "the server does not end:\n{}", self.log());
            sleep(PERIOD);
        }
    }
}

impl Drop for Server<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
