//! Development only: real-server handles, in-memory doubles, scripted faults, contract suites

mod cache;
pub mod clickstream;
pub mod contract;
pub mod doubles;
mod failure;
pub mod flights;
pub mod guarded_process;
pub mod kafka;
mod ports;
pub mod registry;
pub mod schemas;
pub mod serializers;

pub use cache::{cache_directory, fetch_part};
pub use failure::{Failure, exit_code};

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// A name nobody else uses, for a topic, a group, or a database: `flights_1a2b_17_3`.
pub fn unique(prefix: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let nanoseconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_nanos());
    format!(
        "{prefix}_{:x}_{:x}_{}",
        std::process::id(),
        nanoseconds & 0xffff_ffff_ffff,
        COUNT.fetch_add(1, Ordering::Relaxed)
    )
}
