//! Where records come from, as the loop sees it.

use crate::{checkpoint::CheckpointDelta, error::Error, memory::Charge, records::RecordBatch};
use std::future::Future;
use tokio::sync::oneshot;

/// What a source has to say next.
#[derive(Debug)]
pub enum SourceEvent {
    /// Records, in order of offset within each partition.
    Records {
        /// The records.
        batch: RecordBatch,
        /// Their place in the memory budget; dropped when they are durable or decoded.
        charge: Charge,
    },
    /// Partitions this worker now reads.
    Assigned(Vec<i32>),
    /// Partitions about to be taken away. The source waits until `drained` is dropped or its own deadline passes.
    Revoked {
        /// Which partitions.
        partitions: Vec<i32>,
        /// They belong to somebody else already: what is not durable must be dropped, not written.
        lost: bool,
        /// Dropped by the loop once every record of them is durable and committed.
        drained: oneshot::Sender<()>,
    },
    /// The source has met an error it goes on from by itself.
    Trouble(Error),
    /// The source works again after trouble.
    Recovered,
    /// These partitions are back where [`Source::resume`] wants them: records of them that come from now on begin there.
    Resumed(Vec<i32>),
}

/// A stream of records with positions that can be committed.
///
/// Contract, checked by one suite for every implementation:
/// - `next` may be dropped before it is ready without losing an event;
/// - records of a partition come with rising offsets, starting at its committed offset;
/// - after [`SourceEvent::Revoked`] no record of those partitions comes before they are assigned again;
/// - a paused partition falls silent, though not at once, and the others go on;
/// - after [`Source::resume`] its records come again from the given offset on, behind [`SourceEvent::Resumed`]; it may be
///   an offset that came before;
/// - partitions that are taken away are not paused any more when they come back.
pub trait Source: Send + 'static {
    /// Handle for committing while `next` is awaited elsewhere.
    type Commits: Commits;

    /// The handle for committing.
    fn commits(&self) -> Self::Commits;

    /// Waits for the next event; `None` when the source is closed. An error ends the source: the caller opens a new one.
    fn next(&mut self) -> impl Future<Output = Option<Result<SourceEvent, Error>>> + Send;

    /// Stops reading `partitions` and takes no memory for them. Records of them may still come for a while.
    fn pause(&mut self, partitions: &[i32]);

    /// Reads paused partitions again, each from an offset on.
    fn resume(&mut self, positions: &[(i32, i64)]);

    /// Lets go of everything held outside this process, such as the membership of a consumer group.
    fn close(self) -> impl Future<Output = ()> + Send;
}

/// Remembers, outside this process, how far each partition is durable.
pub trait Commits: Clone + Send + Sync + 'static {
    /// Commits `next_offset` of every range in `delta`. Called only with ranges that are durable.
    fn commit(&self, delta: &CheckpointDelta) -> impl Future<Output = Result<(), Error>> + Send;
}
