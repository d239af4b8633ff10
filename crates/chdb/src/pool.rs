use crate::{
    abi::{Connection, Functions, at_exit},
    directory_lock::DirectoryLock,
    error::{EngineError, ErrorKind},
};
use std::{
    iter,
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Connections to the one running engine. The first is kept aside, open and unused, because closing the last connection
/// shuts the engine down.
pub(crate) struct Pool {
    functions: Arc<Functions>,
    data_dir: PathBuf,
    arguments: Vec<String>,
    /// Statements every connection runs when it is opened.
    setup: Vec<String>,
    limit: usize,
    exit_handler: extern "C" fn(),
    state: Mutex<State>,
    returned: Condvar,
}

struct State {
    // In this order: another process may have the directory only when the engine is down.
    anchor: Option<(Connection, DirectoryLock)>,
    idle: Vec<Connection>,
    lent: usize,
    returns: u64,
    closed: bool,
}

impl State {
    fn shut_down(&mut self) {
        self.idle.clear();
        self.anchor = None;
    }
}

/// A connection lent out; goes back on drop.
pub(crate) struct Lent {
    pool: Arc<Pool>,
    connection: Option<Connection>,
}

impl Pool {
    /// Boots the engine on `data_dir`, which `lock` holds, with the first connection.
    pub(crate) fn start(
        functions: Arc<Functions>,
        lock: DirectoryLock,
        data_dir: PathBuf,
        settings: impl Iterator<Item = String>,
        limit: usize,
        exit_handler: extern "C" fn(),
    ) -> Result<Self, EngineError> {
        let path = format!("--path={}", data_dir.display());
        let arguments: Vec<String> = iter::once(path).chain(settings).collect();
        let anchor = Connection::open(&functions, &arguments)
            .map_err(|error| error.hint(format!("its directory is {}", data_dir.display())))?;
        let state =
            State { anchor: Some((anchor, lock)), idle: Vec::new(), lent: 0, returns: 0, closed: false };
        Ok(Self {
            functions,
            data_dir,
            arguments,
            setup: Vec::new(),
            limit,
            exit_handler,
            state: Mutex::new(state),
            returned: Condvar::new(),
        })
    }

    /// A pool of its own on the running engine, with a further argument, and statements to run on each connection.
    pub(crate) fn sibling(&self, argument: &str, setup: Vec<String>, limit: usize) -> Self {
        let mut arguments = self.arguments.clone();
        arguments.push(argument.to_owned());
        let state = State { anchor: None, idle: Vec::new(), lent: 0, returns: 0, closed: false };
        Self {
            functions: self.functions.clone(),
            data_dir: self.data_dir.clone(),
            arguments,
            setup,
            limit,
            exit_handler: self.exit_handler,
            state: Mutex::new(state),
            returned: Condvar::new(),
        }
    }

    pub(crate) fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    pub(crate) fn is_open(&self) -> bool {
        !self.lock().closed
    }

    /// A connection of its own for the caller; waits while all of them are lent.
    pub(crate) fn lend(self: &Arc<Self>) -> Result<Lent, EngineError> {
        let mut state = self.lock();
        while state.lent == self.limit && !state.closed {
            state = self.wait(state);
        }
        if state.closed {
            return Err(EngineError::new(ErrorKind::Closed, "the engine was closed"));
        }
        let connection = match state.idle.pop() {
            Some(connection) => connection,
            None => self.open()?,
        };
        state.lent += 1;
        Ok(Lent { pool: self.clone(), connection: Some(connection) })
    }

    fn open(&self) -> Result<Connection, EngineError> {
        let mut connection = Connection::open(&self.functions, &self.arguments)?;
        for statement in &self.setup {
            connection.query(statement, "Null", &[])?;
        }
        Ok(connection)
    }

    /// Refuses new statements, waits for the running ones, and shuts the engine down.
    pub(crate) fn close(&self) {
        let mut state = self.refuse_more();
        while state.lent > 0 {
            state = self.wait(state);
        }
        state.shut_down();
    }

    /// As [`Pool::close`], but leaves the engine running when statements take longer than `patience`.
    pub(crate) fn close_within(&self, patience: Duration) {
        let state = self.refuse_more();
        let waited = self.returned.wait_timeout_while(state, patience, |state| state.lent > 0);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if state.lent == 0 {
            state.shut_down();
        }
    }

    fn refuse_more(&self) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        state.closed = true;
        self.returned.notify_all();
        state
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'s>(&self, state: MutexGuard<'s, State>) -> MutexGuard<'s, State> {
        self.returned.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    fn give_back(&self, connection: Option<Connection>) {
        let mut state = self.lock();
        state.idle.extend(connection);
        state.lent -= 1;
        state.returns += 1;
        // Ever more rarely: the list of handlers must not grow with the number of statements.
        if state.returns.is_power_of_two() {
            at_exit(self.exit_handler);
        }
        self.returned.notify_all();
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.close();
    }
}

impl Lent {
    /// The connection.
    pub(crate) fn get(&mut self) -> &mut Connection {
        self.connection.as_mut().expect("a lent connection is there until it is dropped")
    }

    /// Closes the connection instead of giving it back: its session is no longer like that of the others.
    pub(crate) fn discard(mut self) {
        self.connection = None;
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.pool.give_back(self.connection.take());
    }
}
