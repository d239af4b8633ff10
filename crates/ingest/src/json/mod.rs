//! JSON records into columns: one pass over the bytes, without a tree of values in between.
//!
//! Columns and paths are compiled into a flat program: a trie of the paths whose leaves name a column and the shape of
//! its values. A record is walked once along that trie, every value converted where it stands into the end of its
//! column, everything else checked and passed over. A record that fails is cut off its columns again.
//!
//! What counts as JSON is what serde_json takes: UTF-8, RFC 8259, at most 127 arrays and objects around a value. In
//! parts that no column reads, numbers of any size and lone surrogates pass, as they are valid by the grammar.
//!
//! Rules where JSON leaves a choice:
//! - of repeated keys the last one counts, in objects and named tuples; a Map keeps all, as ClickHouse's Map does;
//! - a path through a value of another shape (`$.a.b` where `a` is a number) leads nowhere: the value is missing;
//! - null is NULL for a Nullable column, else it is missing;
//! - a tuple is read from an array of exactly as many items or, when its elements are named, from an object.

mod automatic;
mod compile;
mod diagnose;
mod fill;
mod keys;
mod program;
mod scan;
mod text;
mod walk;

pub use compile::{CompileCause, CompileError};
pub use walk::WhenMissing;

use crate::column_batch::ColumnBatch;
use crate::quarantine::{Defect, Reject, Rejects};
use crate::records::{Record, RecordBatch};
use crate::target::TargetColumn;
use automatic::Automatic;
use program::Program;
use scan::Broken;
use std::ops::Range;
use walk::{State, Walk};

/// Whether a decoder takes `value` for one JSON value, whatever its columns make of it.
pub fn is_valid(value: &[u8]) -> bool {
    simdutf8::basic::from_utf8(value).is_ok() && scan::whole(value).is_ok()
}

/// How a decoder treats what the columns leave open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// What a missing value becomes that has neither DEFAULT nor NULL.
    pub when_missing: WhenMissing,
}

/// Decodes JSON records into the columns it was compiled for. Threads may share one.
#[derive(Clone, Debug)]
pub struct Decoder {
    program: Program,
    automatic: Automatic,
    options: Options,
    empty: ColumnBatch,
}

impl Decoder {
    /// Compiles a decoder for `columns`.
    ///
    /// # Errors
    /// When a column's type has no conversion, or its path does not fit its type.
    pub fn compile(columns: &[TargetColumn], options: Options) -> Result<Self, CompileError> {
        let program = compile::compile(columns)?;
        Ok(Self {
            automatic: Automatic::compile(columns),
            program,
            options,
            empty: ColumnBatch::for_columns(columns),
        })
    }

    /// An empty batch of the decoder's columns.
    pub fn new_batch(&self) -> ColumnBatch {
        self.empty.clone()
    }

    /// Appends the records of `range` to `rows`, and those that do not decode to `rejects`; both in the order they came.
    ///
    /// # Panics
    /// When `range` goes beyond the batch, or `rows` was not made by [`Self::new_batch`] of the same columns.
    pub fn decode(
        &self,
        records: &RecordBatch,
        range: Range<usize>,
        rows: &mut ColumnBatch,
        rejects: &mut Rejects,
    ) {
        assert_eq!(rows.columns.len(), self.empty.columns.len(), "same columns");
        let mut state = State::new(&self.program);
        let mut row_count = rows.row_count();
        let mut decoded = Vec::with_capacity(range.len());
        for index in range {
            let record = records.get(index);
            match self.decode_record(&mut state, record, rows) {
                Ok(()) => {
                    row_count += 1;
                    decoded.push(index);
                }
                Err(failure) => {
                    rows.truncate(row_count);
                    let (defects, found) = self.diagnose(&state, record, failure);
                    rejects.push(Reject { record: index, defects, found });
                }
            }
        }
        self.automatic.fill(records, &decoded, rows);
    }

    fn decode_record(
        &self,
        state: &mut State,
        record: Record<'_>,
        rows: &mut ColumnBatch,
    ) -> Result<(), Failure> {
        let value = record.value().ok_or(Failure::Null)?;
        let text = simdutf8::basic::from_utf8(value).map_err(|_| Failure::NotUtf8)?;
        let mut walk =
            Walk { program: &self.program, state, record: text, when_missing: self.options.when_missing };
        walk.run(&mut rows.columns).map_err(Failure::Broken)?;
        if !state.faults.is_empty() {
            return Err(Failure::Faults);
        }
        match self.automatic.defect(record) {
            Some(defect) => Err(Failure::Automatic(defect)),
            None => Ok(()),
        }
    }

    /// What is wrong with a record that has just failed to decode, and the text found for each column.
    #[cold]
    fn diagnose(&self, state: &State, record: Record<'_>, failure: Failure) -> Diagnosis {
        let value = record.value().unwrap_or_default();
        let text = std::str::from_utf8(value).unwrap_or_default();
        let whole = match failure {
            Failure::Null => diagnose::null_value(),
            Failure::NotUtf8 => diagnose::not_utf8(value),
            Failure::Broken(broken) => diagnose::broken(value, broken),
            Failure::Automatic(defect) => return (vec![defect], self.found(text)),
            Failure::Faults => {
                let faults = state.faults.iter();
                let defects = faults.map(|fault| diagnose::fault(&self.program, text, *fault));
                let mut defects: Vec<_> = defects.collect();
                defects.sort_by_key(|defect| defect.column);
                return (defects, self.found(text));
            }
        };
        (vec![whole], Vec::new())
    }

    fn found(&self, text: &str) -> Vec<Option<Vec<u8>>> {
        diagnose::found(&self.program, text, self.empty.columns.len())
    }
}

type Diagnosis = (Vec<Defect>, Vec<Option<Vec<u8>>>);

/// Why a record did not decode.
#[derive(Debug)]
enum Failure {
    Null,
    NotUtf8,
    Broken(Broken),
    /// The walk's state says which columns are at fault.
    Faults,
    Automatic(Defect),
}
