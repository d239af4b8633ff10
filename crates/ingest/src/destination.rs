//! Where a data source's rows live, as the loop sees it.

use crate::{checkpoint::CheckpointDelta, column_batch::ColumnBatch, error::Error};
use std::{future::Future, sync::Arc};

/// Rows of half-open offset ranges of one topic, sealed: they land together under one token, however often they are tried.
#[derive(Clone, Debug)]
pub struct SealedGroup {
    /// Names this very write: workspace, data source, topic and every partition's offset range.
    pub token: String,
    /// The ranges the rows were decoded from; covers quarantined records too.
    pub delta: CheckpointDelta,
    /// Decoded rows in chunks, all with the data source's target columns. May hold no row at all.
    pub rows: Vec<Arc<ColumnBatch>>,
    /// Quarantined rows in chunks, with the quarantine table's columns.
    pub quarantined: Vec<Arc<ColumnBatch>>,
}

impl SealedGroup {
    /// Number of decoded rows.
    pub fn row_count(&self) -> usize {
        self.rows.iter().map(|chunk| chunk.row_count()).sum()
    }

    /// Number of quarantined rows.
    pub fn quarantined_count(&self) -> usize {
        self.quarantined.iter().map(|chunk| chunk.row_count()).sum()
    }
}

/// Proof that a sealed group is durable: rows and quarantined rows survive a crash of this process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// How hard the destination finds it to keep up.
    pub pressure: Pressure,
}

/// How hard a destination finds it to keep up with the number of inserts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pressure {
    /// Active parts in the fullest partition of the table.
    pub active_parts: u64,
    /// Number of active parts at which the engine starts to delay inserts; 0 when it never does.
    pub parts_to_delay: u64,
}

/// A table that sealed groups are written to.
///
/// Contract, checked by one suite for every implementation:
/// - a write returns a [`Receipt`] only once every row and every quarantined row of the group is durable;
/// - the same token written again adds nothing, whether or not the first try is known to have landed;
/// - quarantined rows are durable no later than the rows;
/// - a failed write may have landed in part; writing the same group again completes it;
/// - a group without rows still stores its quarantined rows, and an empty group is durable at once;
/// - implementations do not retry: the loop decides by [`crate::error::Kind`].
pub trait Destination: Send + Sync + 'static {
    /// Lands `group`.
    fn write(&self, group: &SealedGroup) -> impl Future<Output = Result<Receipt, Error>> + Send;
}
