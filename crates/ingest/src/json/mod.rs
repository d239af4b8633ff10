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

mod choices;
mod compile;
mod diagnose;
mod fill;
mod keys;
mod object;
mod program;
mod scan;
mod text;
mod variant;
mod walk;

pub(crate) use object::JsonObject;

pub use compile::{CompileCause, CompileError};
pub use walk::{State, WhenMissing};

use crate::column_batch::{Column, ColumnBatch};
use crate::document::{self, Diagnosis, DocumentColumn, DocumentDecoder, Texts, Undecodable};
use program::Program;
use scan::Broken;
use walk::Walk;

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

/// Decodes JSON documents into the columns it was compiled for. Threads may share one.
#[derive(Clone, Debug)]
pub struct Decoder {
    program: Program,
    options: Options,
    /// As many columns as there are target columns, those of this decoder with their shapes.
    empty: ColumnBatch,
}

impl Decoder {
    /// Compiles a decoder for `columns`.
    ///
    /// # Errors
    /// When a column's type has no conversion, or its path does not fit its type.
    pub fn compile(columns: &[DocumentColumn<'_>], options: Options) -> Result<Self, CompileError> {
        Ok(Self { program: compile::compile(columns)?, options, empty: document::scratch(columns) })
    }

    fn run(&self, state: &mut State, document: &[u8], columns: &mut [Column]) -> Result<(), Failure> {
        let text = simdutf8::basic::from_utf8(document).map_err(|_| Failure::NotUtf8)?;
        let mut walk =
            Walk { program: &self.program, state, record: text, when_missing: self.options.when_missing };
        walk.run(columns).map_err(Failure::Broken)?;
        if state.faults.is_empty() { Ok(()) } else { Err(Failure::Faults) }
    }
}

impl DocumentDecoder for Decoder {
    type State = State;

    /// The whole document is checked to be UTF-8 at once, whatever `texts` says.
    fn new_state(&self, _texts: Texts) -> State {
        State::new(&self.program)
    }

    fn decode(
        &self,
        state: &mut State,
        document: &[u8],
        columns: &mut [Column],
    ) -> Result<usize, Undecodable> {
        self.run(state, document, columns).map(|()| 1).map_err(|_| Undecodable)
    }

    #[cold]
    fn diagnose(&self, document: &[u8]) -> Diagnosis {
        let mut state = State::new(&self.program);
        let text = std::str::from_utf8(document).unwrap_or_default();
        match self.run(&mut state, document, &mut self.empty.clone().columns) {
            Err(Failure::NotUtf8) => Diagnosis::whole(diagnose::not_utf8(document)),
            Err(Failure::Broken(broken)) => Diagnosis::whole(diagnose::broken(document, broken)),
            Ok(()) | Err(Failure::Faults) => {
                let faults = state.faults.iter();
                let defects = faults.map(|fault| diagnose::fault(&self.program, text, *fault));
                let mut defects: Vec<_> = defects.collect();
                defects.sort_by_key(|defect| defect.column);
                let found = diagnose::found(&self.program, text, self.empty.columns.len());
                Diagnosis { defects, found }
            }
        }
    }
}

/// Why a document did not decode.
#[derive(Debug)]
enum Failure {
    NotUtf8,
    Broken(Broken),
    /// The walk's state says which columns are at fault.
    Faults,
}
