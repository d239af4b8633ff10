//! Decoded batches gathered until they are sealed.

use crate::{
    checkpoint::{CheckpointDelta, StaleDelta},
    decode::DecodedBatch,
    destination::SealedGroup,
    memory::Charge,
};

/// Who writes: the fixed part of every token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Writer {
    /// Workspace, which is the database.
    pub workspace: String,
    /// Data source, which is the table.
    pub datasource: String,
    /// Topic name and id, so that a topic created anew under its old name is another one.
    pub topic: String,
}

/// What is being filled while the group before it is written.
#[derive(Debug, Default)]
pub struct OpenGroup {
    batches: Vec<DecodedBatch>,
    charges: Vec<Charge>,
    delta: CheckpointDelta,
    records: usize,
    memory_bytes: usize,
}

/// A sealed group with what is told of it once it is durable.
#[derive(Debug)]
pub struct Sealed {
    /// What the destination writes.
    pub group: SealedGroup,
    /// The decoded batches in it, for the figures.
    pub batches: Vec<DecodedBatch>,
    /// Given back when the group is durable.
    pub charges: Vec<Charge>,
}

impl Writer {
    /// The `insert_deduplication_token` of the ranges in `delta`: the same ranges always give the same token.
    pub fn token(&self, delta: &CheckpointDelta) -> String {
        let Self { workspace, datasource, topic } = self;
        format!("{workspace}/{datasource}/{topic}/{delta}")
    }
}

impl OpenGroup {
    /// Adds a batch that follows those gathered so far.
    pub fn push(&mut self, batch: DecodedBatch, charge: Charge) -> Result<(), StaleDelta> {
        self.delta.append(&batch.delta)?;
        self.records += batch.records;
        self.memory_bytes += batch.memory_bytes();
        self.batches.push(batch);
        self.charges.push(charge);
        Ok(())
    }

    /// Number of records, quarantined ones included.
    pub fn records(&self) -> usize {
        self.records
    }

    /// Bytes of decoded rows.
    pub fn memory_bytes(&self) -> usize {
        self.memory_bytes
    }

    /// Whether there is nothing to seal.
    pub fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// Closes the ranges and hands everything over; this group is empty afterwards.
    pub fn seal(&mut self, writer: &Writer) -> Sealed {
        let Self { batches, charges, delta, .. } = std::mem::take(self);
        let rows = batches.iter().map(|batch| batch.rows.clone());
        let quarantined = batches.iter().filter_map(|batch| batch.quarantined.clone());
        let group = SealedGroup {
            token: writer.token(&delta),
            rows: rows.filter(|chunk| chunk.row_count() > 0).collect(),
            quarantined: quarantined.collect(),
            delta,
        };
        Sealed { group, batches, charges }
    }
}
