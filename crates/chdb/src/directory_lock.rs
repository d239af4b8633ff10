use crate::error::{EngineError, ErrorKind};
use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

/// Our own lock file in the data directory; holds the pid of the process that has it.
const LOCK_FILE: &str = "forebay.lock";

/// The engine's own lock file; it holds a lock on it while it runs.
const ENGINE_LOCK_FILE: &str = "status";

/// Holds a data directory for this process: the operating system gives it back when the process ends in any way.
#[derive(Debug)]
pub(crate) struct DirectoryLock {
    _file: File,
}

impl DirectoryLock {
    /// Takes the directory before the engine touches it, creating it if needed.
    pub(crate) fn take(directory: &Path) -> Result<Self, EngineError> {
        std::fs::create_dir_all(directory).map_err(|error| unusable(directory, &error))?;
        let path = directory.join(LOCK_FILE);
        let mut file = open(&path).map_err(|error| unusable(&path, &error))?;
        lock(&file, &path, directory)?;
        refuse_other_programs(directory)?;
        write_pid(&mut file).map_err(|error| unusable(&path, &error))?;
        Ok(Self { _file: file })
    }
}

fn open(path: &PathBuf) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
}

fn lock(file: &File, path: &Path, directory: &Path) -> Result<(), EngineError> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(in_use(directory, &holder(file))),
        Err(TryLockError::Error(error)) => Err(unusable(path, &error)),
    }
}

/// A program other than Forebay may run the engine there: then the engine's own file is locked.
fn refuse_other_programs(directory: &Path) -> Result<(), EngineError> {
    let Ok(status) = File::open(directory.join(ENGINE_LOCK_FILE)) else {
        return Ok(());
    };
    match status.try_lock_shared() {
        Err(TryLockError::WouldBlock) => Err(in_use(directory, "another program")),
        _ => Ok(()),
    }
}

fn holder(mut file: &File) -> String {
    let mut text = String::new();
    match file.read_to_string(&mut text) {
        Ok(_) if !text.trim().is_empty() => format!("process {}", text.trim()),
        _ => "another process".to_owned(),
    }
}

fn write_pid(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    writeln!(file, "{}", std::process::id())
}

fn in_use(directory: &Path, holder: &str) -> EngineError {
    EngineError::new(
        ErrorKind::InUse,
        format!("data directory {} is in use by {holder}", directory.display()),
    )
    .hint("stop that process, or start with another --data-dir")
}

fn unusable(path: &Path, error: &io::Error) -> EngineError {
    EngineError::new(ErrorKind::Start, format!("{} cannot be used: {error}", path.display()))
        .hint("give a directory that may be written, with --data-dir")
}
