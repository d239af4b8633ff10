//! Avro records into columns: one pass over the bytes, without a tree of values in between.
//!
//! A writer schema, a reader schema where there is one, and the columns are compiled once into a flat program. Records
//! of several schemas may alternate: each schema has its own program, all of them write to the same columns.
//!
//! Rules where Avro leaves a choice:
//! - a path's step is the name of a field, then an alias, then the key of a map, then the name of a union's branch
//!   (`$.f.string`, `$.f.Address`, in full or without the namespace); through anything else it leads nowhere;
//! - null is NULL for a Nullable column, then DEFAULT, then empty or zero for arrays, maps, tuples and JSON;
//! - text is checked to be UTF-8 where a column reads it;
//! - bytes that stand for no value of the schema, and bytes after the value, refuse the record.

mod compile;
mod cursor;
mod default;
mod diagnose;
mod fill;
mod fits;
mod layout;
mod parse;
mod program;
mod resolve;
pub mod schema;
mod skip;
mod sources;
mod target;
mod text;
mod validity;
mod value;
mod walk;

pub use schema::AvroSchema;

use crate::column_batch::Column;
use crate::document::{Diagnosis, DocumentColumn, DocumentDecoder, Texts, Undecodable};
use crate::json::{self, WhenMissing};
use crate::schema::SchemaDefect;
use crate::target::TargetColumn;
use diagnose::Examiner;
use forebay_project::model::PathStep;
use layout::{Kind, Layout, Meaning, Wire};
use program::Program;
use std::fmt;
use std::sync::{Arc, OnceLock};
use walk::Walk;

/// How a decoder treats what schema and columns leave open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// What a missing value becomes that has neither DEFAULT nor NULL.
    pub when_missing: WhenMissing,
    /// Whether a schema that is `bytes` as a whole is written without a length, as Confluent's serializers do it.
    pub raw_root_bytes: bool,
}

/// Decodes Avro records of one writer schema into the columns it was compiled for. Threads may share one.
#[derive(Debug)]
pub struct Decoder {
    program: Program,
    columns: Vec<OwnColumn>,
    when_missing: WhenMissing,
    /// Compiled for the first record that does not decode.
    examiner: OnceLock<Examiner>,
}

/// A [`DocumentColumn`] that is kept.
#[derive(Clone, Debug)]
struct OwnColumn {
    index: usize,
    target: TargetColumn,
    steps: Vec<PathStep>,
}

/// Why no decoder can be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CompileError {
    /// A column's type has no conversion, or its path does not fit its type.
    Column(json::CompileError),
    /// The reader schema has a default that is none.
    Schema(SchemaDefect),
}

impl Decoder {
    /// Compiles a decoder of records of `writer` for `columns`.
    ///
    /// With a `reader` columns find its fields: by their names and aliases there, and with its defaults.
    ///
    /// # Errors
    /// [`CompileError`]. Types that differ are no error: a column that meets one refuses the record.
    pub fn compile(
        writer: &AvroSchema,
        reader: Option<&AvroSchema>,
        columns: &[DocumentColumn<'_>],
        options: Options,
    ) -> Result<Self, CompileError> {
        let mut layout = resolve::resolve(writer, reader).map_err(CompileError::Schema)?;
        if options.raw_root_bytes && writer.root().shape == schema::Shape::Bytes {
            make_root_raw(&mut layout);
        }
        let program = compile::compile(&Arc::new(layout), columns, options.when_missing);
        let columns = columns.iter().map(|column| OwnColumn {
            index: column.index,
            target: column.target.clone(),
            steps: column.steps.to_vec(),
        });
        Ok(Self {
            program: program.map_err(CompileError::Column)?,
            columns: columns.collect(),
            when_missing: options.when_missing,
            examiner: OnceLock::new(),
        })
    }
}

fn make_root_raw(layout: &mut Layout) {
    let root = layout.root;
    if let Kind::Scalar {
        wire,
        meaning: Meaning::Text | Meaning::Bytes | Meaning::Decimal { .. } | Meaning::BigDecimal,
    } = &mut layout.nodes[root].kind
    {
        *wire = Wire::Rest;
    }
}

/// What [`Decoder::decode`] keeps from record to record.
#[derive(Clone, Debug, Default)]
pub struct State {
    texts: Texts,
    scratch: Vec<u8>,
}

impl DocumentDecoder for Decoder {
    type State = State;

    fn new_state(&self, texts: Texts) -> State {
        State { texts, scratch: Vec::new() }
    }

    fn decode(
        &self,
        state: &mut State,
        document: &[u8],
        columns: &mut [Column],
    ) -> Result<usize, Undecodable> {
        let mut walk = Walk::new(&self.program, document, state.texts, std::mem::take(&mut state.scratch));
        let result = walk.run(columns);
        state.scratch = walk.scratch;
        result.map(|()| 1).map_err(|_| Undecodable)
    }

    fn texts_are_valid(&self, columns: &[Column], first_row: usize) -> bool {
        let texts = self.program.text_columns.iter();
        texts.copied().all(|column| validity::texts_are_valid(&columns[column], first_row))
    }

    #[cold]
    fn diagnose(&self, document: &[u8]) -> Diagnosis {
        let examiner = self
            .examiner
            .get_or_init(|| Examiner::compile(&self.program.layout, &self.columns, self.when_missing));
        examiner.examine(document)
    }
}

impl OwnColumn {
    fn borrowed(&self) -> DocumentColumn<'_> {
        DocumentColumn { index: self.index, target: &self.target, steps: &self.steps }
    }
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Column(error) => error.fmt(f),
            Self::Schema(defect) => write!(f, "the schema that records are read as: {defect}"),
        }
    }
}

impl std::error::Error for CompileError {}
