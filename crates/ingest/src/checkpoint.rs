//! Progress through a topic: half-open offset ranges with laws.
//!
//! | delta starts    | checkpoint  | outcome              |
//! |-----------------|-------------|----------------------|
//! | partition new   | -           | adopted              |
//! | at next_offset  | known       | advanced             |
//! | after it        | known       | advanced (compaction and aborted transactions leave gaps) |
//! | before it       | known       | [`StaleDelta`], nothing changes |
//!
//! A delta is applied whole or not at all.

use std::{collections::BTreeMap, fmt};

/// Offsets `start_offset..next_offset` of one partition; never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OffsetRange {
    /// First offset inside.
    pub start_offset: i64,
    /// First offset after.
    pub next_offset: i64,
}

/// Ranges of one topic, at most one a partition: what one sealed group covers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct CheckpointDelta {
    ranges: BTreeMap<i32, OffsetRange>,
}

/// Next offset of each partition, all earlier ones being durable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checkpoint {
    next_offsets: BTreeMap<i32, i64>,
}

/// A delta overlaps what is already durable, or runs backwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StaleDelta {
    /// Partition of the offending range.
    pub partition: i32,
    /// Where the range starts.
    pub start_offset: i64,
    /// What the checkpoint (or the delta so far) holds already.
    pub next_offset: i64,
}

impl OffsetRange {
    /// The range holding just `offset`.
    pub fn single(offset: i64) -> Self {
        Self { start_offset: offset, next_offset: offset + 1 }
    }
}

impl CheckpointDelta {
    /// Adds one record's offset. Offsets of a partition must rise; gaps are fine.
    pub fn record(&mut self, partition: i32, offset: i64) -> Result<(), StaleDelta> {
        self.extend(partition, OffsetRange::single(offset))
    }

    /// Widens the range of `partition` to cover `range`, which must start at or after the present end.
    pub fn extend(&mut self, partition: i32, range: OffsetRange) -> Result<(), StaleDelta> {
        let covered = self.ranges.get(&partition).copied();
        let next_offset = covered.map_or(range.start_offset, |covered| covered.next_offset);
        if range.start_offset < next_offset || range.next_offset <= range.start_offset {
            return Err(StaleDelta { partition, start_offset: range.start_offset, next_offset });
        }
        let start_offset = covered.map_or(range.start_offset, |covered| covered.start_offset);
        self.ranges.insert(partition, OffsetRange { start_offset, next_offset: range.next_offset });
        Ok(())
    }

    /// Joins a later delta of the same topic onto this one, whole or not at all.
    pub fn append(&mut self, later: &Self) -> Result<(), StaleDelta> {
        let mut joined = self.clone();
        for (partition, range) in later.iter() {
            joined.extend(partition, range)?;
        }
        *self = joined;
        Ok(())
    }

    /// Whether no partition is covered.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Partitions and their ranges, by partition.
    pub fn iter(&self) -> impl Iterator<Item = (i32, OffsetRange)> + '_ {
        self.ranges.iter().map(|(partition, range)| (*partition, *range))
    }

    /// Drops the partitions that `keep` refuses: those that were taken away.
    pub fn retain(&mut self, mut keep: impl FnMut(i32) -> bool) {
        self.ranges.retain(|partition, _| keep(*partition));
    }
}

/// `0:5-9,3:100-120`: partition, first offset, next offset.
impl fmt::Display for CheckpointDelta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (partition, range)) in self.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{partition}:{}-{}", range.start_offset, range.next_offset)?;
        }
        Ok(())
    }
}

impl Checkpoint {
    /// Moves on by `delta`, whole or not at all.
    pub fn apply(&mut self, delta: &CheckpointDelta) -> Result<(), StaleDelta> {
        let stale = delta.iter().find_map(|(partition, range)| {
            let next_offset = *self.next_offsets.get(&partition)?;
            (range.start_offset < next_offset).then_some(StaleDelta {
                partition,
                start_offset: range.start_offset,
                next_offset,
            })
        });
        if let Some(stale) = stale {
            return Err(stale);
        }
        for (partition, range) in delta.iter() {
            self.next_offsets.insert(partition, range.next_offset);
        }
        Ok(())
    }

    /// Forgets partitions that were taken away; whoever owns them next starts from the group's offsets.
    pub fn forget(&mut self, partitions: &[i32]) {
        for partition in partitions {
            self.next_offsets.remove(partition);
        }
    }

    /// Next offset of `partition`, if anything of it is durable.
    pub fn next_offset(&self, partition: i32) -> Option<i64> {
        self.next_offsets.get(&partition).copied()
    }

    /// Partitions and next offsets.
    pub fn iter(&self) -> impl Iterator<Item = (i32, i64)> + '_ {
        self.next_offsets.iter().map(|(partition, next_offset)| (*partition, *next_offset))
    }
}

impl fmt::Display for StaleDelta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { partition, start_offset, next_offset } = self;
        write!(
            f,
            "partition {partition}: a range starting at offset {start_offset} overlaps what is covered up to {next_offset}"
        )
    }
}

impl std::error::Error for StaleDelta {}
