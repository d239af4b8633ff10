//! Records as they came from a source, many in one buffer.

use std::sync::{Arc, Mutex, PoisonError};

/// Raw records of one topic: payload bytes back to back, one descriptor a record.
///
/// Only batches cross threads; the bytes are copied once, out of the client library's buffers.
#[derive(Debug, Default)]
pub struct RecordBatch {
    /// Topic all records come from.
    pub topic: Arc<str>,
    bytes: Vec<u8>,
    records: Vec<Descriptor>,
    headers: Vec<(Slice, Option<Slice>)>,
    home: Option<RecordBuffers>,
}

/// Buffers of batches that were dropped, for the next ones: fresh memory costs more than copying the records into it.
#[derive(Clone, Debug, Default)]
pub struct RecordBuffers {
    free: Arc<Mutex<Vec<RecordBatch>>>,
}

/// Batches kept; more are never on their way at once.
const KEPT: usize = 8;
/// Smaller buffers are not worth keeping.
const WORTH_KEEPING: usize = 64 << 10;

impl RecordBuffers {
    /// An empty batch of `topic`, in buffers used before if there are any; it gives them back when dropped.
    pub fn batch(&self, topic: &Arc<str>) -> RecordBatch {
        let kept = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut batch = kept.unwrap_or_default();
        batch.topic = topic.clone();
        batch.home = Some(self.clone());
        batch
    }

    fn keep(&self, mut batch: RecordBatch) {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() < KEPT && batch.bytes.capacity() >= WORTH_KEEPING {
            batch.bytes.clear();
            batch.records.clear();
            batch.headers.clear();
            free.push(batch);
        }
    }
}

impl Drop for RecordBatch {
    fn drop(&mut self) {
        if let Some(home) = self.home.take() {
            home.keep(std::mem::take(self));
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Slice {
    start: usize,
    end: usize,
}

#[derive(Debug)]
struct Descriptor {
    partition: i32,
    offset: i64,
    timestamp_ms: Option<i64>,
    key: Option<Slice>,
    value: Option<Slice>,
    headers: Slice,
}

/// One record, borrowed from its batch.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    batch: &'a RecordBatch,
    descriptor: &'a Descriptor,
}

/// What a source knows of a record besides its bytes.
#[derive(Clone, Copy, Debug)]
pub struct Position {
    /// Kafka partition.
    pub partition: i32,
    /// Offset within the partition.
    pub offset: i64,
    /// Record timestamp, milliseconds since the epoch; `None` when the topic carries none.
    pub timestamp_ms: Option<i64>,
}

impl RecordBatch {
    /// An empty batch of `topic`.
    pub fn new(topic: Arc<str>) -> Self {
        let mut batch = Self::default();
        batch.topic = topic;
        batch
    }

    /// Copies one record in. `headers` yields name and value; Kafka allows names to repeat and values to be null.
    pub fn push<'h>(
        &mut self,
        position: Position,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: impl IntoIterator<Item = (&'h [u8], Option<&'h [u8]>)>,
    ) {
        let key = key.map(|key| self.store(key));
        let value = value.map(|value| self.store(value));
        let first_header = self.headers.len();
        for (name, value) in headers {
            let header = (self.store(name), value.map(|value| self.store(value)));
            self.headers.push(header);
        }
        let headers = Slice { start: first_header, end: self.headers.len() };
        let Position { partition, offset, timestamp_ms } = position;
        self.records.push(Descriptor { partition, offset, timestamp_ms, key, value, headers });
    }

    /// The records for which `goes` holds, in a batch of their own, and the others; both in the order they came.
    pub fn split(&self, goes: impl Fn(Record<'_>) -> bool) -> (Self, Self) {
        let (mut gone, mut left) = (Self::new(self.topic.clone()), Self::new(self.topic.clone()));
        for record in self.iter() {
            let half = if goes(record) { &mut gone } else { &mut left };
            half.append(record);
        }
        (gone, left)
    }

    /// Copies a record of another batch in.
    pub fn append(&mut self, record: Record<'_>) {
        let Descriptor { partition, offset, timestamp_ms, .. } = *record.descriptor;
        let position = Position { partition, offset, timestamp_ms };
        self.push(position, record.key(), record.value(), record.headers());
    }

    fn store(&mut self, bytes: &[u8]) -> Slice {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        Slice { start, end: self.bytes.len() }
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Bytes of keys, values and headers.
    pub fn payload_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// The records in the order they came.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Record<'_>> {
        self.records.iter().map(|descriptor| Record { batch: self, descriptor })
    }

    /// The record at `index`, counted from 0 in the order they came.
    pub fn get(&self, index: usize) -> Record<'_> {
        Record { batch: self, descriptor: &self.records[index] }
    }

    fn bytes(&self, slice: Slice) -> &[u8] {
        &self.bytes[slice.start..slice.end]
    }
}

impl<'a> Record<'a> {
    /// Kafka partition.
    pub fn partition(&self) -> i32 {
        self.descriptor.partition
    }

    /// Offset within the partition.
    pub fn offset(&self) -> i64 {
        self.descriptor.offset
    }

    /// Record timestamp, milliseconds since the epoch.
    pub fn timestamp_ms(&self) -> Option<i64> {
        self.descriptor.timestamp_ms
    }

    /// Key bytes; `None` is Kafka's null key.
    pub fn key(&self) -> Option<&'a [u8]> {
        self.descriptor.key.map(|key| self.batch.bytes(key))
    }

    /// Value bytes; `None` is a tombstone.
    pub fn value(&self) -> Option<&'a [u8]> {
        self.descriptor.value.map(|value| self.batch.bytes(value))
    }

    /// Header names and values, in order.
    pub fn headers(&self) -> impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)> + use<'a> {
        let batch = self.batch;
        let Slice { start, end } = self.descriptor.headers;
        batch.headers[start..end]
            .iter()
            .map(|(name, value)| (batch.bytes(*name), value.map(|value| batch.bytes(value))))
    }
}
