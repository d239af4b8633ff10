use crate::{
    abi::{InsertOwned, QueryOutput, StatementClass, StreamHandle},
    directory_lock::DirectoryLock,
    error::{EngineError, ErrorKind},
    library::Library,
    pool::{Lent, Pool},
};
use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, Weak},
    thread,
    time::Duration,
};

/// A running ClickHouse inside this process, on one directory. Clones share it; it shuts down with the last of them.
#[derive(Clone)]
pub struct Engine {
    pool: Arc<Pool>,
}

/// How an engine is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Most statements at a time; further ones wait.
    pub connections: usize,
    /// Query settings of every connection, such as `max_threads` = `1`.
    pub settings: Vec<(String, String)>,
}

impl Default for Options {
    fn default() -> Self {
        // LowCardinality of numbers, and a Variant of two kinds of them, are the schema's choice; whoever wrote it has
        // decided.
        let allowed = ["allow_suspicious_low_cardinality_types", "allow_suspicious_variant_types"];
        Self { connections: 16, settings: allowed.map(|name| (name.to_owned(), "1".to_owned())).to_vec() }
    }
}

/// The directory this process has run the engine on, and the engine while it runs.
static STARTED: Mutex<Option<(PathBuf, Weak<Pool>)>> = Mutex::new(None);

/// Statements may take this long to end when the process exits without [`Engine::close`].
const EXIT_PATIENCE: Duration = Duration::from_secs(10);

/// Shuts a forgotten engine down at exit: its threads crash when the library's static state is destroyed under them.
///
/// Handlers run in the reverse order of registration, and the library registers destructors of its own as its code is
/// first reached, so the pool registers this again while statements run. It is a safety net: close the engine.
/// The work is done on a thread of its own, because the thread-local state of the exiting thread is destroyed already.
extern "C" fn shut_down() {
    let closing = thread::Builder::new().spawn(|| {
        let started = STARTED.lock().unwrap_or_else(PoisonError::into_inner);
        let running = started.as_ref().and_then(|(_, running)| running.upgrade());
        if let Some(pool) = running {
            pool.close_within(EXIT_PATIENCE);
        }
    });
    if let Ok(closing) = closing {
        // A panic there has been reported, and there is nobody left to tell.
        let _ = closing.join();
    }
}

impl Engine {
    /// Starts the engine on `data_dir`, or returns the one that runs there already in this process.
    ///
    /// # Errors
    /// [`ErrorKind::InUse`] when another process has the directory, [`ErrorKind::OtherDirectory`] when this process has
    /// run the engine on another one, [`ErrorKind::Start`] when it does not start.
    pub fn open(library: &Library, data_dir: &Path) -> Result<Self, EngineError> {
        Self::open_with(library, data_dir, &Options::default())
    }

    /// As [`Engine::open`], with options; they have no effect on an engine that runs already.
    pub fn open_with(library: &Library, data_dir: &Path, options: &Options) -> Result<Self, EngineError> {
        let data_dir = std::path::absolute(data_dir).unwrap_or_else(|_| data_dir.to_path_buf());
        let mut started = STARTED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((directory, running)) = &*started {
            if *directory != data_dir {
                return Err(other_directory(directory, &data_dir));
            }
            if let Some(pool) = running.upgrade().filter(|pool| pool.is_open()) {
                return Ok(Self { pool });
            }
        }
        let pool = Arc::new(start(library, data_dir.clone(), options)?);
        *started = Some((data_dir, Arc::downgrade(&pool)));
        Ok(Self { pool })
    }

    /// The directory the engine runs on.
    pub fn data_dir(&self) -> &Path {
        self.pool.data_dir()
    }

    /// ClickHouse's version, such as `26.7.2.1`.
    pub fn version(&self) -> Result<String, EngineError> {
        let bytes = self.query("SELECT version()", "TSVRaw")?.bytes;
        Ok(String::from_utf8_lossy(&bytes).trim_end().to_owned())
    }

    /// Runs one statement and collects its result in an output format of ClickHouse.
    pub fn query(&self, sql: &str, format: &str) -> Result<QueryOutput, EngineError> {
        self.query_with_params(sql, format, &[])
    }

    /// As [`Engine::query`], with values for `{name:Type}` in the statement.
    pub fn query_with_params(
        &self,
        sql: &str,
        format: &str,
        parameters: &[(&str, &str)],
    ) -> Result<QueryOutput, EngineError> {
        let mut lent = self.pool.lend()?;
        let changes_session = lent.get().classify(sql) == StatementClass::Control;
        let output = lent.get().query(sql, format, parameters);
        if changes_session {
            lent.discard();
        }
        output
    }

    /// What a statement would do; runs nothing.
    pub fn classify(&self, sql: &str) -> Result<StatementClass, EngineError> {
        Ok(self.pool.lend()?.get().classify(sql))
    }

    /// Runs a `SELECT` and hands out its result in chunks of whole blocks, as they come.
    pub fn stream(&self, sql: &str, format: &str) -> Result<QueryStream, EngineError> {
        let mut lent = self.pool.lend()?;
        let stream = lent.get().start_stream(sql, format)?;
        Ok(QueryStream { stream: Some(stream), lent })
    }

    /// Starts an `INSERT INTO t (a, b) [SETTINGS ...]`, without `FORMAT`, whose data follow in `format`.
    pub fn insert(&self, sql: &str, format: &str) -> Result<InsertStream, EngineError> {
        let mut lent = self.pool.lend()?;
        let insert = lent.get().start_insert(sql, format)?;
        Ok(InsertStream { insert, _lent: lent })
    }

    /// Connections beside those of the engine that can only read: for statements of others.
    ///
    /// The engine enforces it by `readonly = 1`, which bars every write, change of a setting and table function that
    /// reaches outside. Names without a database are of `database`, which must exist.
    pub fn reader(&self, database: &str, connections: usize) -> Reader {
        let database = database.replace('\\', "\\\\").replace('`', "\\`");
        let setup = vec![format!("USE `{database}`")];
        let pool = self.pool.sibling("--readonly=1", setup, connections.max(1));
        Reader { pool: Arc::new(pool) }
    }

    /// Refuses new statements, waits for the running ones, shuts the engine down, and gives the directory back.
    pub fn close(&self) {
        self.pool.close();
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Engine({})", self.data_dir().display())
    }
}

fn start(library: &Library, data_dir: PathBuf, options: &Options) -> Result<Pool, EngineError> {
    let lock = DirectoryLock::take(&data_dir)?;
    let settings = options.settings.iter().map(|(name, value)| format!("--{name}={value}"));
    Pool::start(library.functions.clone(), lock, data_dir, settings, options.connections.max(1), shut_down)
}

fn other_directory(running: &Path, asked: &Path) -> EngineError {
    EngineError::new(
        ErrorKind::OtherDirectory,
        format!(
            "this process runs the engine on {}, so it cannot run it on {}",
            running.display(),
            asked.display()
        ),
    )
    .hint("use one data directory a process")
}

/// Connections that can only read. Close it before its engine.
#[derive(Clone)]
pub struct Reader {
    pool: Arc<Pool>,
}

impl Reader {
    /// What a statement would do; runs nothing.
    pub fn classify(&self, sql: &str) -> Result<StatementClass, EngineError> {
        Ok(self.pool.lend()?.get().classify(sql))
    }

    /// Runs one statement and collects its result in an output format of ClickHouse.
    pub fn query(&self, sql: &str, format: &str) -> Result<QueryOutput, EngineError> {
        self.pool.lend()?.get().query(sql, format, &[])
    }

    /// Runs a `SELECT` and hands out its result in chunks, each a whole text of the format, as they come.
    pub fn stream(&self, sql: &str, format: &str) -> Result<QueryStream, EngineError> {
        let mut lent = self.pool.lend()?;
        let stream = lent.get().start_stream(sql, format)?;
        Ok(QueryStream { stream: Some(stream), lent })
    }

    /// Refuses new statements and waits for the running ones.
    pub fn close(&self) {
        self.pool.close();
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reader")
    }
}

/// The result of a `SELECT` in chunks. Dropped early, the statement is cancelled.
pub struct QueryStream {
    stream: Option<StreamHandle>,
    lent: Lent,
}

impl Iterator for QueryStream {
    type Item = Result<Vec<u8>, EngineError>;

    fn next(&mut self) -> Option<Self::Item> {
        let chunk = self.lent.get().fetch(self.stream.as_mut()?);
        if !matches!(chunk, Ok(Some(_))) {
            self.stream = None;
        }
        chunk.transpose()
    }
}

impl Drop for QueryStream {
    fn drop(&mut self) {
        if let Some(mut stream) = self.stream.take() {
            self.lent.get().cancel(&mut stream);
        }
    }
}

/// An `INSERT` that takes its data in chunks. Dropped without [`InsertStream::finish`] it is cancelled.
pub struct InsertStream {
    // Dropped before the connection it runs on goes back.
    insert: InsertOwned,
    _lent: Lent,
}

impl InsertStream {
    /// Hands over the next bytes, cut anywhere; blocks while the engine is behind.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), EngineError> {
        self.insert.append(bytes)
    }

    /// Ends the data and returns once they are written: the number of rows, those of materialized views included.
    pub fn finish(self) -> Result<u64, EngineError> {
        self.insert.finish()
    }
}
