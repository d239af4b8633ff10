//! What needs engines in processes of their own: the lock on the directory, closing, crashes, wrong libraries.

mod support;

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

struct EngineProcess {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl EngineProcess {
    fn start(directory: &Path) -> Self {
        Self::start_with(&support::library_path(), directory)
    }

    fn start_with(library: &Path, directory: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_engine-process"))
            .args([library, directory])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the test program");
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().expect("piped"));
        Self { child, input, output }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("a line");
        line.trim_end().to_owned()
    }

    fn ask(&mut self, sql: &str) -> String {
        writeln!(self.input.as_mut().expect("open"), "{sql}").expect("the process runs");
        self.line()
    }

    fn close(mut self) {
        self.input = None;
        assert!(self.child.wait().expect("an end").success());
    }

    fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("an end");
    }
}

impl Drop for EngineProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_directory_in_use_is_refused_with_the_pid_that_has_it() {
    let directory = tempfile::tempdir().unwrap();
    let mut first = EngineProcess::start(directory.path());
    assert_eq!(first.line(), "open");
    let mut second = EngineProcess::start(directory.path());
    let expected = format!(
        "InUse: data directory {} is in use by process {} |   hint: stop that process, or start with another --data-dir",
        directory.path().display(),
        first.child.id()
    );
    assert_eq!(second.line(), expected);
    assert_eq!(first.ask("SELECT 1"), "1");
    first.close();
    let mut third = EngineProcess::start(directory.path());
    assert_eq!(third.line(), "open");
    third.close();
}

#[test]
fn a_directory_used_by_another_program_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let status = std::fs::File::create(directory.path().join("status")).unwrap();
    status.lock().unwrap();
    let mut process = EngineProcess::start(directory.path());
    let line = process.line();
    assert!(line.starts_with("InUse:") && line.contains("is in use by another program"), "{line}");
    drop(status);
}

#[test]
fn what_was_written_is_there_after_close_and_after_a_kill() {
    let directory = tempfile::tempdir().unwrap();
    let mut process = EngineProcess::start(directory.path());
    assert_eq!(process.line(), "open");
    let create = "CREATE TABLE kept (a UInt32) ENGINE = MergeTree ORDER BY a \
                  SETTINGS fsync_after_insert = 1, fsync_part_directory = 1";
    assert_eq!(process.ask(create), "");
    assert_eq!(process.ask("INSERT INTO kept SELECT * FROM numbers(10)"), "");
    process.close();

    let mut process = EngineProcess::start(directory.path());
    assert_eq!(process.line(), "open");
    assert_eq!(process.ask("SELECT count() FROM kept"), "10");
    assert_eq!(process.ask("INSERT INTO kept SELECT * FROM numbers(5)"), "");
    process.kill();

    let mut process = EngineProcess::start(directory.path());
    assert_eq!(process.line(), "open");
    assert_eq!(process.ask("SELECT count() FROM kept"), "15");
    process.close();
}

#[test]
fn a_process_that_forgets_to_close_the_engine_ends_cleanly() {
    let directory = tempfile::tempdir().unwrap();
    for round in 0..10 {
        let mut process = EngineProcess::start(directory.path());
        assert_eq!(process.line(), "open");
        let create = format!("CREATE TABLE t{round} (a UInt32) ENGINE = MergeTree ORDER BY a");
        assert_eq!(process.ask(&create), "");
        for _ in 0..20 {
            let insert = format!("INSERT INTO t{round} SELECT * FROM numbers(1000)");
            assert_eq!(process.ask(&insert), "");
        }
        writeln!(process.input.as_mut().unwrap(), "leave").unwrap();
        assert!(process.child.wait().unwrap().success(), "round {round}");
    }
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let directory = file.path().join("data");
    let mut process = EngineProcess::start(&directory);
    let line = process.line();
    assert!(line.starts_with("Start:") && line.contains(&*directory.to_string_lossy()), "{line}");
}

#[test]
fn a_file_that_is_no_library_is_named_with_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("libchdb.so");
    std::fs::write(&file, "not a library").unwrap();
    let line = EngineProcess::start_with(&file, directory.path()).line();
    assert!(line.starts_with(&format!("WrongLibrary: {} cannot be loaded", file.display())), "{line}");
    assert!(line.contains("forebay engine install"), "{line}");
}

#[test]
fn a_missing_library_is_named_with_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("libchdb.so");
    let line = EngineProcess::start_with(&file, directory.path()).line();
    assert!(line.starts_with(&format!("Missing: libchdb is not at {}", file.display())), "{line}");
    assert!(line.contains("forebay engine install"), "{line}");
}

#[test]
fn an_older_library_is_refused_with_both_versions() {
    let line = start_with_made_library("26.5.3", "int chdb_connect(void) { return 0; }");
    assert!(line.contains("is libchdb 26.5.3, which lacks chdb_set_signal_handlers_enabled"), "{line}");
    assert!(line.contains("wanted 26.7.3 or later below 27"), "{line}");
}

#[test]
fn another_library_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let libc = std::fs::read_to_string("/proc/self/maps").unwrap();
    let path = libc.split_whitespace().find(|word| word.contains("/libc.so")).unwrap();
    let line = EngineProcess::start_with(Path::new(path), directory.path()).line();
    assert!(line.contains("is not a libchdb of a known version: it lacks chdb_version"), "{line}");
}

/// A shared library made by the C compiler, which says it is libchdb of `version`.
fn start_with_made_library(version: &str, more: &str) -> String {
    let directory = tempfile::tempdir().expect("a directory");
    let source = directory.path().join("old.c");
    let library = directory.path().join("libchdb.so");
    let code = format!("const char *chdb_version(void) {{ return \"{version}\"; }}\n{more}\n");
    std::fs::write(&source, code).expect("a file");
    let made = Command::new("cc").args(["-shared", "-fPIC", "-o"]).args([&library, &source]).status();
    assert!(made.expect("a C compiler").success());
    EngineProcess::start_with(&library, directory.path()).line()
}
