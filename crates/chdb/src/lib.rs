//! ClickHouse as a library (libchdb), loaded at run time, behind a small safe surface.
//!
//! [`locate`] says where the library is, [`install`] puts it there, [`Library::load`] opens it and checks its version,
//! and [`Engine::open`] starts it on a directory. Everything blocks; `unsafe` lives in `abi.rs` alone.

mod abi;
mod directory_lock;
mod engine;
mod error;
mod installation;
mod library;
mod pool;

pub use abi::{QueryOutput, StatementClass};
pub use engine::{Engine, InsertStream, Options, QueryStream, Reader};
pub use error::{EngineError, ErrorKind};
pub use installation::{PINNED_VERSION, cache_directory, install, installed_path, locate};
pub use library::Library;
