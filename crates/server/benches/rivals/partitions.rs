//! Whether memory stays flat when the same records come in many partitions.

use crate::{
    arena::{Arena, FOREBAY_TABLE},
    encoding::Format,
    throughput::CATCH_UP,
    workload::Topic,
};
use forebay_testkit::Failure;
use serde::Serialize;

/// Forebay on a topic of this many partitions.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Partitioned {
    /// Partitions.
    pub(crate) partitions: i32,
    /// Most memory it held, bytes.
    pub(crate) peak_rss: u64,
    /// CPU seconds of the whole process.
    pub(crate) cpu_seconds: f64,
    /// Inserts it took.
    pub(crate) inserts: u64,
    /// Wall time, seconds.
    pub(crate) wall_seconds: f64,
}

/// Reads the same records from one partition and from 200.
pub(crate) fn run(arena: &Arena, records: u64) -> Result<Vec<Partitioned>, Failure> {
    [1, 200]
        .map(|partitions| {
            let (topic, totals) = Topic::of_clicks(&arena.cluster, partitions, records)?;
            let place = arena.place("partitions")?;
            let (cost, _) =
                place.run(&mut arena.forebay(&place, (&topic.name, Format::Json), &CATCH_UP)?)?;
            let found = place.fingerprint(FOREBAY_TABLE)?;
            if (found.rows, found.user_ids) != (totals.records, totals.user_ids) {
                return Err(Failure::new(format!(
                    "{partitions} partitions: the table holds {found:?}, the topic {totals:?}"
                )));
            }
            Ok(Partitioned {
                partitions,
                peak_rss: cost.peak_rss,
                cpu_seconds: cost.cpu_seconds(),
                inserts: place.inserts(FOREBAY_TABLE)?,
                wall_seconds: cost.wall_seconds,
            })
        })
        .into_iter()
        .collect()
}
