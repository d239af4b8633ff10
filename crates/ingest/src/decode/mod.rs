//! From a record batch to rows and quarantined rows.
//!
//! Decoding is pure, CPU only, on any thread. What it needs from outside, the writer schemas of the records, is got
//! beforehand: [`RowDecoder::plans`] says whether all are known, [`RowDecoder::learn`] fetches those that are not.

mod absent;
mod any_decoder;
mod documents;
mod side;
mod validated;
mod whole;

use crate::{
    automatic::{Automatic, Scratch},
    checkpoint::{CheckpointDelta, StaleDelta},
    column_batch::ColumnBatch,
    convert::{Reason, UnsupportedType},
    document::Texts,
    error::{Error, Kind},
    json,
    progress::epoch_time,
    quarantine::{Reject, Rejects},
    records::{Record, RecordBatch},
    schema::Schemas,
    target::TargetColumn,
};
use absent::AbsentDocument;
use documents::{Documents, PlanId, Side, SidePlans};
use forebay_project::model::{RecordFormat, RegistryKind, Tombstones};
use side::{Failure, OpenSide};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

/// A data source's decoder, shared by every thread.
#[derive(Debug)]
pub struct RowDecoder {
    columns: Arc<[TargetColumn]>,
    value: Documents,
    /// `None` when no column is read from the key.
    key: Option<Documents>,
    no_value: AbsentDocument,
    no_key: AbsentDocument,
    automatic: Automatic,
    tombstones: Tombstones,
    /// Emptied batches, for the next rows: fresh memory costs a good part of what decoding costs.
    free: Mutex<Vec<ColumnBatch>>,
    /// The latest batch while it is on its way: a model of the room that the next one needs.
    latest: Mutex<Weak<ColumnBatch>>,
}

/// How the records of a data source are written.
#[derive(Clone, Debug, Default)]
pub struct Formats {
    /// Values.
    pub value: DocumentFormat,
    /// Keys.
    pub key: DocumentFormat,
    /// What becomes of records without a value.
    pub tombstones: Tombstones,
    /// The topic, after which registries name subjects.
    pub topic: String,
    /// What sort of registry the connection has.
    pub registry: Option<RegistryKind>,
    /// How what the columns leave open is treated.
    pub options: json::Options,
}

/// How values, or keys, are written.
#[derive(Clone, Debug, Default)]
pub struct DocumentFormat {
    /// As the project says.
    pub settings: RecordFormat,
    /// Where their schemas are; `None` for formats without.
    pub schemas: Option<Arc<dyn Schemas>>,
    /// Whether `schemas` has one for documents that name none.
    pub has_configured_schema: bool,
}

/// The decoders that the records of one batch need.
#[derive(Debug, Default)]
pub struct Plans {
    value: SidePlans,
    key: SidePlans,
}

/// Schemas that records name and that have not been fetched yet.
#[derive(Clone, Debug)]
pub struct Unknown {
    ids: Vec<(Side, PlanId)>,
}

impl Unknown {
    /// Both.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.ids.extend(other.ids);
        self
    }
}

/// Their ids, as records name them.
impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: BTreeSet<String> = self.ids.iter().map(|(_, id)| id.schema.to_string()).collect();
        f.write_str(&ids.into_iter().collect::<Vec<_>>().join(", "))
    }
}

/// A group of fewer records comes from a topic that is read as fast as it fills.
const FEW_RECORDS: usize = 10_000;

/// What became of one record batch: every record is a row, a quarantined row, or a tombstone that was left out.
#[derive(Clone, Debug)]
pub struct DecodedBatch {
    /// Rows that decoded.
    pub rows: Arc<ColumnBatch>,
    /// Rows for the quarantine table.
    pub quarantined: Option<Arc<ColumnBatch>>,
    /// Quarantined records by reason.
    pub reasons: BTreeMap<Reason, usize>,
    /// Tombstones left out.
    pub skipped_tombstones: usize,
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
    /// Compiles what can be compiled without schemas.
    ///
    /// # Errors
    /// [`Kind::Invalid`] when a column cannot be filled from these formats.
    pub fn compile(columns: Arc<[TargetColumn]>, formats: Formats) -> Result<Self, Error> {
        let Formats { value, key, tombstones, topic, registry, options } = formats;
        let value = Documents::new(Side::Value, &topic, value, columns.clone(), registry, options)?;
        let key = Documents::new(Side::Key, &topic, key, columns.clone(), registry, options)?;
        Ok(Self {
            no_value: AbsentDocument::compile(&value.document_columns()).map_err(|error| invalid(&error))?,
            no_key: AbsentDocument::compile(&key.document_columns()).map_err(|error| invalid(&error))?,
            automatic: Automatic::compile(&columns)?,
            key: (!key.document_columns().is_empty()).then_some(key),
            value,
            columns,
            tombstones,
            free: Mutex::default(),
            latest: Mutex::default(),
        })
    }

    /// The decoder of `columns` for plain JSON values.
    ///
    /// # Errors
    /// As [`Self::compile`].
    pub fn json(columns: Arc<[TargetColumn]>) -> Result<Self, Error> {
        Self::compile(columns, Formats::default())
    }

    /// The decoders that `records` need.
    ///
    /// # Errors
    /// The schemas that have to be fetched first.
    pub fn plans(&self, records: &RecordBatch) -> Result<Plans, Unknown> {
        let value = self.value.plans(records);
        let key = self.key.as_ref().map_or(Ok(SidePlans::new()), |key| key.plans(records));
        match (value, key) {
            (Ok(value), Ok(key)) => Ok(Plans { value, key }),
            (value, key) => {
                let of = |side, unknown: Vec<PlanId>| unknown.into_iter().map(move |id| (side, id));
                let values = of(Side::Value, value.err().unwrap_or_default());
                let keys = of(Side::Key, key.err().unwrap_or_default());
                Err(Unknown { ids: values.chain(keys).collect() })
            }
        }
    }

    /// Fetches schemas and compiles their decoders. Those that a registry does not have count as known, too.
    ///
    /// # Errors
    /// When the registry cannot be asked now: some of the schemas are still unknown then.
    pub async fn learn(&self, unknown: &Unknown) -> Result<(), Error> {
        let mut outcome = Ok(());
        for (side, id) in &unknown.ids {
            let documents = match side {
                Side::Value => Some(&self.value),
                Side::Key => self.key.as_ref(),
            };
            let Some(documents) = documents.filter(|documents| !documents.knows(id)) else { continue };
            outcome = outcome.and(documents.learn(id.clone()).await);
        }
        let of = |side| unknown.ids.iter().filter(move |(of, _)| *of == side).map(|(_, id)| id);
        self.value.believe(of(Side::Value));
        if let Some(key) = &self.key {
            key.believe(of(Side::Key));
        }
        outcome
    }

    /// Makes sure that schema files of the project can be used, before records need them.
    ///
    /// # Errors
    /// [`Kind::Invalid`], naming the file.
    pub async fn check_schema_files(&self) -> Result<(), Error> {
        self.value.check_schema_file().await?;
        match &self.key {
            Some(key) => key.check_schema_file().await,
            None => Ok(()),
        }
    }

    /// The schemas that have to be learned before a record can be decoded; `None` when all are known.
    pub fn missing(&self, record: Record<'_>) -> Option<Unknown> {
        let value = self.value.missing(record).map(|id| (Side::Value, id));
        let key = self.key.as_ref().and_then(|key| key.missing(record)).map(|id| (Side::Key, id));
        let ids: Vec<_> = value.into_iter().chain(key).collect();
        (!ids.is_empty()).then_some(Unknown { ids })
    }

    /// Whether all of `unknown` have been learned since.
    pub fn knows(&self, unknown: &Unknown) -> bool {
        unknown.ids.iter().all(|(side, id)| match side {
            Side::Value => self.value.knows(id),
            Side::Key => self.key.as_ref().is_some_and(|key| key.knows(id)),
        })
    }

    /// Decodes every record of `records`; a bad one goes to quarantine and leaves its neighbours alone.
    ///
    /// # Errors
    /// When offsets go backwards.
    pub fn decode(&self, records: &RecordBatch, plans: &Plans) -> Result<DecodedBatch, StaleDelta> {
        let mut rows = self.empty_rows();
        let mut rejects = Rejects::default();
        let skipped_tombstones = self.decode_rows(records, plans, &mut rows, &mut rejects);
        let reasons = rejects.count_by_reason();
        let quarantined = (!rejects.is_empty()).then(|| {
            let now = u32::try_from(epoch_time().as_secs()).unwrap_or(u32::MAX);
            Arc::new(rejects.into_column_batch(records, &self.columns, now))
        });
        let rows = Arc::new(rows);
        *self.latest() = Arc::downgrade(&rows);
        Ok(DecodedBatch {
            rows,
            quarantined,
            reasons,
            skipped_tombstones,
            delta: offsets_of(records)?,
            timestamps_ms: records.iter().filter_map(|record| record.timestamp_ms()).collect(),
            records: records.len(),
            payload_bytes: records.payload_bytes(),
        })
    }

    /// An empty batch of the decoder's columns.
    pub fn new_batch(&self) -> ColumnBatch {
        ColumnBatch::for_columns(&self.columns)
    }

    /// Appends the records to `rows`, and those that do not decode to `rejects`; both in the order they came.
    /// Returns the number of tombstones left out.
    ///
    /// # Panics
    /// When `rows` was not made by [`Self::new_batch`], or `plans` are those of another batch.
    pub fn decode_rows(
        &self,
        records: &RecordBatch,
        plans: &Plans,
        rows: &mut ColumnBatch,
        rejects: &mut Rejects,
    ) -> usize {
        assert_eq!(rows.columns.len(), self.columns.len(), "same columns");
        let first_row = rows.row_count();
        let mut run = Run::new(self, plans, Texts::CheckedLater);
        run.decode(records, rows);
        if !run.texts_are_valid(rows, first_row) {
            rows.truncate(first_row);
            run = Run::new(self, plans, Texts::CheckedAtOnce);
            run.decode(records, rows);
        }
        let Run { decoded, rejected, skipped_tombstones, .. } = run;
        rejected.into_iter().for_each(|reject| rejects.push(reject));
        self.automatic.fill(records, &decoded, rows);
        skipped_tombstones
    }
}

/// One pass over a batch.
struct Run<'d> {
    decoder: &'d RowDecoder,
    value: OpenSide<'d>,
    key: Option<OpenSide<'d>>,
    scratch: Scratch,
    /// For each row the index of its record.
    decoded: Vec<usize>,
    rejected: Vec<Reject>,
    skipped_tombstones: usize,
}

impl<'d> Run<'d> {
    fn new(decoder: &'d RowDecoder, plans: &'d Plans, texts: Texts) -> Self {
        Self {
            value: OpenSide::new(&decoder.value, &plans.value, texts),
            key: decoder.key.as_ref().map(|key| OpenSide::new(key, &plans.key, texts)),
            decoder,
            scratch: Scratch::default(),
            decoded: Vec::new(),
            rejected: Vec::new(),
            skipped_tombstones: 0,
        }
    }

    fn decode(&mut self, records: &RecordBatch, rows: &mut ColumnBatch) {
        self.decoded.reserve(records.len());
        let mut row_count = rows.row_count();
        for (index, record) in records.iter().enumerate() {
            match self.decode_record(record, rows) {
                Ok(added) => {
                    row_count += added;
                    self.decoded.extend(std::iter::repeat_n(index, added));
                }
                Err(failure) => {
                    rows.truncate(row_count);
                    let diagnosis = failure.diagnose();
                    self.rejected.push(Reject {
                        record: index,
                        defects: diagnosis.defects,
                        found: diagnosis.found,
                    });
                }
            }
        }
    }

    /// Appends the rows of a record and returns their number.
    fn decode_record<'r>(
        &mut self,
        record: Record<'r>,
        rows: &mut ColumnBatch,
    ) -> Result<usize, Failure<'r, 'd>> {
        let columns = &mut rows.columns;
        let added = match (self.value.decode(record, columns)?, self.decoder.tombstones) {
            (Some(added), _) => added,
            (None, Tombstones::Skip) => {
                self.skipped_tombstones += 1;
                return Ok(0);
            }
            (None, Tombstones::Quarantine) => return Err(Failure::Tombstone),
            (None, Tombstones::Delete) => {
                self.decoder.no_value.fill(columns);
                1
            }
        };
        for _ in 0..added {
            self.decode_key(record, rows)?;
        }
        match self.decoder.automatic.defect(record, &mut self.scratch) {
            Some(defect) => Err(self.value.automatic_failure(record, defect)),
            None => Ok(added),
        }
    }

    fn decode_key<'r>(&mut self, record: Record<'r>, rows: &mut ColumnBatch) -> Result<(), Failure<'r, 'd>> {
        let Some(key) = &mut self.key else { return Ok(()) };
        if key.decode(record, &mut rows.columns)?.is_none() {
            let required = self.decoder.no_key.required(&rows.columns);
            if !required.is_empty() {
                return Err(Failure::Defects(required));
            }
            self.decoder.no_key.fill(&mut rows.columns);
        }
        Ok(())
    }

    fn texts_are_valid(&self, rows: &ColumnBatch, first_row: usize) -> bool {
        let valid = |side: &OpenSide<'_>| side.texts_are_valid(&rows.columns, first_row);
        valid(&self.value) && self.key.as_ref().is_none_or(valid)
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
        let used = self.free().pop();
        used.or_else(|| Some(self.latest().upgrade()?.empty_like())).unwrap_or_else(|| self.new_batch())
    }

    fn latest(&self) -> MutexGuard<'_, Weak<ColumnBatch>> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
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

fn invalid(unsupported: &UnsupportedType) -> Error {
    Error::new(Kind::Invalid, unsupported.to_string())
}
