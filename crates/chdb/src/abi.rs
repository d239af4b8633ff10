//! The C functions of libchdb and safe handles around what they return.
//!
//! Source: the header `chdb.h` of the pinned version. The three handles here (connection, result, insert stream) own
//! their C object, free it exactly once on drop, and are never copied.
#![allow(unsafe_code)]

use crate::error::{EngineError, ErrorKind};
use std::{
    ffi::{CStr, CString, c_char, c_double, c_int, c_void},
    path::Path,
    ptr::{self, NonNull},
    sync::Arc,
    time::Duration,
};

unsafe extern "C" {
    /// C standard library.
    fn atexit(handler: extern "C" fn()) -> c_int;
}

/// Runs `handler` when the process exits by `exit` or by returning from `main`: the last registered runs first.
pub(crate) fn at_exit(handler: extern "C" fn()) {
    // SAFETY: `handler` is a plain function that lives as long as the process. Should the table of handlers be full,
    // it does not run, which costs an orderly end and nothing else.
    let _ = unsafe { atexit(handler) };
}

/// What the C side calls `chdb_connection`: an opaque pointer.
type ConnectionHandle = *mut c_void;
type ResultHandle = *mut c_void;
type InsertHandle = *mut c_void;

/// `chdb_state` of success.
const SUCCESS: c_int = 0;

/// `chdb_query_analysis_v1`
#[repr(C)]
struct Analysis {
    struct_size: u32,
    statement_count: u32,
    flags: u32,
    query_class: u32,
}

/// Declares the table of C functions and how it is filled from the library.
macro_rules! functions {
    ($($name:ident: fn($($argument:ty),*) $(-> $result:ty)?;)*) => {
        /// The functions of one loaded libchdb.
        pub(crate) struct Functions {
            $($name: unsafe extern "C" fn($($argument),*) $(-> $result)?,)*
        }

        impl Functions {
            fn resolve(library: &libloading::Library) -> Result<Self, String> {
                Ok(Self {
                    $($name: {
                        let name = concat!(stringify!($name), "\0");
                        // SAFETY: the signature is the one `chdb.h` declares for this name; the pointer copied out
                        // of the symbol stays valid because `load` never unloads the library.
                        let symbol = unsafe { library.get(name.as_bytes()) };
                        *symbol.map_err(|_| stringify!($name).to_owned())?
                    },)*
                })
            }
        }
    };
}

functions! {
    chdb_version: fn() -> *const c_char;
    chdb_set_signal_handlers_enabled: fn(c_int);
    chdb_connect: fn(c_int, *mut *mut c_char) -> *mut ConnectionHandle;
    chdb_close_conn: fn(*mut ConnectionHandle);
    chdb_classify_query_n: fn(ConnectionHandle, *const c_char, usize, *const c_char, usize, *mut Analysis) -> c_int;
    chdb_query_with_params_n: fn(
        ConnectionHandle, *const c_char, usize, *const c_char, usize,
        *const *const c_char, *const usize, *const *const c_char, *const usize, usize
    ) -> ResultHandle;
    chdb_stream_query_n: fn(ConnectionHandle, *const c_char, usize, *const c_char, usize) -> ResultHandle;
    chdb_stream_fetch_result: fn(ConnectionHandle, ResultHandle) -> ResultHandle;
    chdb_stream_cancel_query: fn(ConnectionHandle, ResultHandle);
    chdb_destroy_query_result: fn(ResultHandle);
    chdb_stream_insert_n: fn(ConnectionHandle, *const c_char, usize, *const c_char, usize) -> InsertHandle;
    chdb_stream_append: fn(InsertHandle, *const c_void, usize) -> c_int;
    chdb_stream_done: fn(InsertHandle) -> ResultHandle;
    chdb_stream_insert_error: fn(InsertHandle) -> *const c_char;
    chdb_destroy_insert_stream: fn(InsertHandle);
    chdb_result_buffer: fn(ResultHandle) -> *const c_char;
    chdb_result_length: fn(ResultHandle) -> usize;
    chdb_result_elapsed: fn(ResultHandle) -> c_double;
    chdb_result_storage_rows_read: fn(ResultHandle) -> u64;
    chdb_result_storage_bytes_read: fn(ResultHandle) -> u64;
    chdb_result_rows_written: fn(ResultHandle) -> u64;
    chdb_result_error: fn(ResultHandle) -> *const c_char;
}

/// Why a file could not be used as libchdb.
pub(crate) enum LoadError {
    /// The dynamic linker refused the file, in its own words.
    NotLoadable(String),
    /// A function this program needs is not there.
    Lacks {
        /// Its name.
        function: String,
        /// What `chdb_version` answered, if that exists.
        version: Option<String>,
    },
}

impl Functions {
    /// Loads the library for the life of the process: its threads and static state do not survive unloading.
    pub(crate) fn load(path: &Path) -> Result<Self, LoadError> {
        // SAFETY: runs the initialisers of the file, which the caller names as libchdb. Those of libchdb touch nothing
        // of the host (no symbols are exported to it: RTLD_LOCAL is the default).
        let library = unsafe { libloading::Library::new(path) };
        let library = library.map_err(|error| LoadError::NotLoadable(error.to_string()))?;
        let library = std::mem::ManuallyDrop::new(library);
        Self::resolve(&library)
            .map_err(|function| LoadError::Lacks { function, version: version_of(&library) })
    }

    /// The chdb version, such as `26.7.3`.
    pub(crate) fn version(&self) -> String {
        // SAFETY: takes nothing and returns a static text or null.
        text(unsafe { (self.chdb_version)() }).unwrap_or_default()
    }
}

fn version_of(library: &libloading::Library) -> Option<String> {
    type Version = unsafe extern "C" fn() -> *const c_char;
    // SAFETY: the signature is the one `chdb.h` declares; it takes nothing and returns a static text or null.
    unsafe {
        let version = library.get::<Version>(b"chdb_version\0").ok()?;
        text(version())
    }
}

/// Copies a C text; null is `None`.
fn text(pointer: *const c_char) -> Option<String> {
    // SAFETY: libchdb returns null or a NUL-terminated text that lives at least until the next call on its owner,
    // and it is copied before that.
    let text = (!pointer.is_null()).then(|| unsafe { CStr::from_ptr(pointer) });
    text.map(|text| text.to_string_lossy().into_owned())
}

/// A connection: one session of the engine, one statement at a time.
pub(crate) struct Connection {
    functions: Arc<Functions>,
    outer: NonNull<ConnectionHandle>,
}

// SAFETY: a connection is not tied to the thread that opened it (the engine runs statements on threads of its own), and
// `&mut self` on everything that runs a statement keeps two threads from using it at once.
unsafe impl Send for Connection {}

impl Connection {
    /// Opens a connection; the first one of the process boots the engine on the `--path` among `arguments`.
    pub(crate) fn open(functions: &Arc<Functions>, arguments: &[String]) -> Result<Self, EngineError> {
        let start = |message: &str| EngineError::new(ErrorKind::Start, message);
        let owned: Vec<CString> = std::iter::once("forebay")
            .chain(arguments.iter().map(String::as_str))
            .map(CString::new)
            .collect::<Result<_, _>>()
            .map_err(|_| start("an argument of the engine holds a NUL byte"))?;
        let mut pointers: Vec<*mut c_char> = owned.iter().map(|text| text.as_ptr().cast_mut()).collect();
        let count = c_int::try_from(pointers.len()).expect("a handful of arguments");
        // SAFETY: `pointers` holds `count` NUL-terminated texts that live through the call; the library copies them.
        // The signal handlers are switched off first, so that ours stay in place.
        let outer = unsafe {
            (functions.chdb_set_signal_handlers_enabled)(0);
            (functions.chdb_connect)(count, pointers.as_mut_ptr())
        };
        let outer = NonNull::new(outer).ok_or_else(|| start("the engine did not start"))?;
        Ok(Self { functions: functions.clone(), outer })
    }

    fn handle(&self) -> ConnectionHandle {
        // SAFETY: `outer` came from `chdb_connect` and is closed on drop only, so it points to a live handle.
        unsafe { *self.outer.as_ptr() }
    }

    /// What kind of statement `sql` is, by the engine's own parser; runs nothing.
    pub(crate) fn classify(&mut self, sql: &str) -> StatementClass {
        let mut analysis = Analysis {
            struct_size: size_of::<Analysis>() as u32,
            statement_count: 0,
            flags: 0,
            query_class: u32::MAX,
        };
        // SAFETY: `sql` lives through the call and is passed with its length, no database is named, and `analysis` is a
        // live struct of the size it states.
        let state = unsafe {
            let (sql, length) = (sql.as_ptr().cast(), sql.len());
            (self.functions.chdb_classify_query_n)(
                self.handle(),
                sql,
                length,
                ptr::null(),
                0,
                &raw mut analysis,
            )
        };
        match (state, analysis.query_class) {
            (SUCCESS, 0) => StatementClass::ReadOnly,
            (SUCCESS, 1 | 2) => StatementClass::Mutating,
            (SUCCESS, 3) => StatementClass::Control,
            _ => StatementClass::Unknown,
        }
    }

    /// Runs a statement with `{name:Type}` parameters and collects its result.
    pub(crate) fn query(
        &mut self,
        sql: &str,
        format: &str,
        parameters: &[(&str, &str)],
    ) -> Result<QueryOutput, EngineError> {
        let names: Vec<*const c_char> = parameters.iter().map(|p| p.0.as_ptr().cast()).collect();
        let name_lengths: Vec<usize> = parameters.iter().map(|p| p.0.len()).collect();
        let values: Vec<*const c_char> = parameters.iter().map(|p| p.1.as_ptr().cast()).collect();
        let value_lengths: Vec<usize> = parameters.iter().map(|p| p.1.len()).collect();
        // SAFETY: every text lives through the call and is passed with its length; the four parameter arrays have
        // `parameters.len()` entries each; the connection is live and `&mut self` makes this its only statement.
        let result = unsafe {
            (self.functions.chdb_query_with_params_n)(
                self.handle(),
                sql.as_ptr().cast(),
                sql.len(),
                format.as_ptr().cast(),
                format.len(),
                names.as_ptr(),
                name_lengths.as_ptr(),
                values.as_ptr(),
                value_lengths.as_ptr(),
                parameters.len(),
            )
        };
        self.own(result)?.into_output()
    }

    /// Starts a `SELECT` whose result is fetched in chunks.
    pub(crate) fn start_stream(&mut self, sql: &str, format: &str) -> Result<StreamHandle, EngineError> {
        // SAFETY: both texts live through the call and are passed with their lengths; the connection is live and
        // `&mut self` makes this its only statement.
        let result = unsafe {
            (self.functions.chdb_stream_query_n)(
                self.handle(),
                sql.as_ptr().cast(),
                sql.len(),
                format.as_ptr().cast(),
                format.len(),
            )
        };
        let result = self.own(result)?;
        result.check()?;
        Ok(StreamHandle(result))
    }

    /// The next chunk of a stream started on this connection; `None` at its end.
    pub(crate) fn fetch(&mut self, stream: &mut StreamHandle) -> Result<Option<Vec<u8>>, EngineError> {
        // SAFETY: the connection is live, `stream` is a live result of it, and `&mut` on both keeps others away.
        let chunk = unsafe { (self.functions.chdb_stream_fetch_result)(self.handle(), stream.0.handle()) };
        let bytes = self.own(chunk)?.into_output()?.bytes;
        Ok((!bytes.is_empty()).then_some(bytes))
    }

    /// Stops a stream started on this connection, so that the connection can run the next statement.
    pub(crate) fn cancel(&mut self, stream: &mut StreamHandle) {
        // SAFETY: as in `fetch`; the result itself is freed when `stream` is dropped.
        unsafe { (self.functions.chdb_stream_cancel_query)(self.handle(), stream.0.handle()) };
    }

    /// Starts an `INSERT` (without `FORMAT` and data) that takes its data in chunks.
    pub(crate) fn start_insert(&mut self, sql: &str, format: &str) -> Result<InsertOwned, EngineError> {
        // SAFETY: as in `start_stream`.
        let handle = unsafe {
            (self.functions.chdb_stream_insert_n)(
                self.handle(),
                sql.as_ptr().cast(),
                sql.len(),
                format.as_ptr().cast(),
                format.len(),
            )
        };
        let handle = NonNull::new(handle)
            .ok_or_else(|| EngineError::statement("the engine returned no insert stream"))?;
        let insert = InsertOwned { functions: self.functions.clone(), handle };
        insert.check()?;
        Ok(insert)
    }

    fn own(&self, result: ResultHandle) -> Result<ResultOwned, EngineError> {
        let handle =
            NonNull::new(result).ok_or_else(|| EngineError::statement("the engine returned no result"))?;
        Ok(ResultOwned { functions: self.functions.clone(), handle })
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // SAFETY: `outer` came from `chdb_connect` and is closed here only; streams of this connection are dropped
        // before it (see the field order in `engine.rs`).
        unsafe { (self.functions.chdb_close_conn)(self.outer.as_ptr()) };
    }
}

/// What a statement would do, as the engine's own parser sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatementClass {
    /// Reads only: SELECT, SHOW, DESCRIBE, EXPLAIN, EXISTS, CHECK.
    ReadOnly,
    /// Changes data, tables, or things beside them such as users and functions.
    Mutating,
    /// Changes the session or the server, or writes outside the engine: SET, USE, SYSTEM, BACKUP, INTO OUTFILE.
    Control,
    /// Does not parse, or is of a kind the engine does not classify; treat it as refused.
    Unknown,
}

/// The whole result of a statement.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct QueryOutput {
    /// The result in the format asked for.
    pub bytes: Vec<u8>,
    /// Rows read from tables.
    pub rows_read: u64,
    /// Bytes read from tables, uncompressed.
    pub bytes_read: u64,
    /// Rows written, materialized views included.
    pub rows_written: u64,
    /// Time the engine took.
    pub elapsed: Duration,
}

/// A result of libchdb; freed on drop.
struct ResultOwned {
    functions: Arc<Functions>,
    handle: NonNull<c_void>,
}

// SAFETY: a result is plain memory of the library, read by whoever owns it; nothing ties it to a thread.
unsafe impl Send for ResultOwned {}

impl ResultOwned {
    fn handle(&self) -> ResultHandle {
        self.handle.as_ptr()
    }

    fn check(&self) -> Result<(), EngineError> {
        // SAFETY: the result is live; its error text lives as long and is copied.
        match text(unsafe { (self.functions.chdb_result_error)(self.handle()) }) {
            Some(error) => Err(EngineError::statement(&error)),
            None => Ok(()),
        }
    }

    fn into_output(self) -> Result<QueryOutput, EngineError> {
        self.check()?;
        let functions = &self.functions;
        // SAFETY: the result is live and without error; its buffer, when not null, holds `length` bytes that live as
        // long as the result and are copied here.
        unsafe {
            let start = (functions.chdb_result_buffer)(self.handle()).cast::<u8>();
            let length = (functions.chdb_result_length)(self.handle());
            let bytes =
                if start.is_null() || length == 0 { &[] } else { std::slice::from_raw_parts(start, length) };
            Ok(QueryOutput {
                bytes: bytes.to_vec(),
                rows_read: (functions.chdb_result_storage_rows_read)(self.handle()),
                bytes_read: (functions.chdb_result_storage_bytes_read)(self.handle()),
                rows_written: (functions.chdb_result_rows_written)(self.handle()),
                elapsed: Duration::try_from_secs_f64((functions.chdb_result_elapsed)(self.handle()))
                    .unwrap_or_default(),
            })
        }
    }
}

impl Drop for ResultOwned {
    fn drop(&mut self) {
        // SAFETY: the handle came from libchdb and is freed here only.
        unsafe { (self.functions.chdb_destroy_query_result)(self.handle()) };
    }
}

/// A running streaming `SELECT`.
pub(crate) struct StreamHandle(ResultOwned);

/// A running streaming `INSERT`; dropped without `finish` it is cancelled.
pub(crate) struct InsertOwned {
    functions: Arc<Functions>,
    handle: NonNull<c_void>,
}

// SAFETY: the handle is used through `&mut self` only, and the library does not tie it to a thread.
unsafe impl Send for InsertOwned {}

impl InsertOwned {
    /// Hands over the next bytes; the library copies them, and blocks while it is behind.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> Result<(), EngineError> {
        // SAFETY: the stream is live, and `bytes` is valid for its length through the call, which copies it.
        let state = unsafe {
            (self.functions.chdb_stream_append)(self.handle.as_ptr(), bytes.as_ptr().cast(), bytes.len())
        };
        if state == SUCCESS {
            return Ok(());
        }
        self.check()?;
        Err(EngineError::statement("the insert was ended by the engine"))
    }

    /// Ends the data and returns once the engine has written it: the number of rows.
    pub(crate) fn finish(self) -> Result<u64, EngineError> {
        // SAFETY: the stream is live; ending it does not free it, dropping `self` does.
        let result = unsafe { (self.functions.chdb_stream_done)(self.handle.as_ptr()) };
        let handle =
            NonNull::new(result).ok_or_else(|| EngineError::statement("the engine returned no result"))?;
        let result = ResultOwned { functions: self.functions.clone(), handle };
        let written = result.into_output()?.rows_written;
        self.check()?;
        Ok(written)
    }

    fn check(&self) -> Result<(), EngineError> {
        // SAFETY: the stream is live; its error text lives as long and is copied.
        match text(unsafe { (self.functions.chdb_stream_insert_error)(self.handle.as_ptr()) }) {
            Some(error) => Err(EngineError::statement(&error)),
            None => Ok(()),
        }
    }
}

impl Drop for InsertOwned {
    fn drop(&mut self) {
        // SAFETY: the handle came from `chdb_stream_insert_n` and is freed here only; the library cancels the insert
        // first when it was not finished.
        unsafe { (self.functions.chdb_destroy_insert_stream)(self.handle.as_ptr()) };
    }
}
