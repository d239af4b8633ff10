//! From a record batch to rows and quarantined rows: pure, CPU only, on any thread.

use crate::{
    checkpoint::{CheckpointDelta, StaleDelta},
    column_batch::ColumnBatch,
    convert::Reason,
    json,
    progress::epoch_time,
    quarantine::Rejects,
    records::RecordBatch,
    target::TargetColumn,
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// A data source's decoder, compiled once and shared by every thread.
#[derive(Debug)]
pub struct RowDecoder {
    columns: Arc<[TargetColumn]>,
    format: Format,
    /// Emptied batches, for the next rows: fresh memory costs a good part of what decoding costs.
    free: Mutex<Vec<ColumnBatch>>,
}

#[derive(Debug)]
enum Format {
    Json(json::Decoder),
}

/// A group of fewer records comes from a topic that is read as fast as it fills.
const FEW_RECORDS: usize = 10_000;

/// What became of one record batch: every record is a row or a quarantined row.
#[derive(Clone, Debug)]
pub struct DecodedBatch {
    /// Rows that decoded.
    pub rows: Arc<ColumnBatch>,
    /// Rows for the quarantine table.
    pub quarantined: Option<Arc<ColumnBatch>>,
    /// Quarantined records by reason.
    pub reasons: BTreeMap<Reason, usize>,
    /// Offsets the batch covers.
    pub delta: CheckpointDelta,
    /// Timestamps of the records that carry one, epoch milliseconds.
    pub timestamps_ms: Vec<i64>,
    /// Number of records.
    pub records: usize,
    /// Bytes of keys, values and headers.
    pub payload_bytes: usize,
}

impl RowDecoder {
    /// Compiles the decoder of `columns` for plain JSON values.
    pub fn json(columns: Arc<[TargetColumn]>) -> Result<Self, json::CompileError> {
        let format = Format::Json(json::Decoder::compile(&columns, json::Options::default())?);
        Ok(Self { columns, format, free: Mutex::default() })
    }

    /// Decodes every record of `records`; a bad one goes to quarantine and leaves its neighbours alone.
    pub fn decode(&self, records: &RecordBatch) -> Result<DecodedBatch, StaleDelta> {
        let mut rows = self.empty_rows();
        let mut rejects = Rejects::default();
        match &self.format {
            Format::Json(decoder) => decoder.decode(records, 0..records.len(), &mut rows, &mut rejects),
        }
        let reasons = rejects.count_by_reason();
        let quarantined = (!rejects.is_empty()).then(|| {
            let now = u32::try_from(epoch_time().as_secs()).unwrap_or(u32::MAX);
            Arc::new(rejects.into_column_batch(records, &self.columns, now))
        });
        Ok(DecodedBatch {
            rows: Arc::new(rows),
            quarantined,
            reasons,
            delta: offsets_of(records)?,
            timestamps_ms: records.iter().filter_map(|record| record.timestamp_ms()).collect(),
            records: records.len(),
            payload_bytes: records.payload_bytes(),
        })
    }
}

impl RowDecoder {
    /// Takes back what a durable group was made of. A group of few records ends the need for large buffers.
    pub fn recycle(&self, batches: Vec<DecodedBatch>) {
        let records: usize = batches.iter().map(|batch| batch.records).sum();
        let mut free = self.free();
        if records < FEW_RECORDS {
            free.clear();
            return;
        }
        for mut rows in batches.into_iter().filter_map(|batch| Arc::try_unwrap(batch.rows).ok()) {
            rows.truncate(0);
            free.push(rows);
        }
    }

    fn empty_rows(&self) -> ColumnBatch {
        self.free().pop().unwrap_or_else(|| ColumnBatch::for_columns(&self.columns))
    }

    fn free(&self) -> MutexGuard<'_, Vec<ColumnBatch>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DecodedBatch {
    /// Bytes held in memory.
    pub fn memory_bytes(&self) -> usize {
        let quarantined = self.quarantined.as_ref().map_or(0, |rows| rows.memory_bytes());
        self.rows.memory_bytes() + quarantined + self.timestamps_ms.len() * size_of::<i64>()
    }
}

fn offsets_of(records: &RecordBatch) -> Result<CheckpointDelta, StaleDelta> {
    let mut delta = CheckpointDelta::default();
    for record in records.iter() {
        delta.record(record.partition(), record.offset())?;
    }
    Ok(delta)
}
