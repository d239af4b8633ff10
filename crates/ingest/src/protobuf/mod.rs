//! Protobuf records into columns: one pass over the wire format, without a tree of values in between.
//!
//! Descriptors, read by `protox` and `prost-reflect`, only serve to compile a flat program: for each message of interest
//! its fields, and for each of those the columns it fills and the form of its values. A record is walked once along that
//! program. Where several values of a field must be known before one can be stored, because the last one counts or parts
//! are merged, the record is first brought into a form in which every field stands once (`canonical`), and walked then.
//!
//! What counts as a message is what parsers take, with these differences to prost:
//! - a value in another form than its field has is an unknown field, as in C++ and Java, rather than an error;
//! - what no column reads is passed over, whatever stands inside;
//! - messages and groups go 64 deep, not 100;
//! - a number that a closed enum does not know is kept like any other, as prost has it and Google's runtimes do not.
//!
//! Rules:
//! - a field that cannot be unset is zero when it is not there; another unset field is missing, unless its schema gives
//!   it a default; below an unset message everything is missing;
//! - unset messages, and empty lists and maps, are empty in Array, Map and Tuple columns;
//! - an oneof is read by its own name as a tuple of its members, as a Variant, or as JSON text; each member is also a
//!   field like any other;
//! - enums are their names in text and their numbers in integers; a number without a name is its digits;
//! - of repeated keys of a map the last entry counts; a path goes on with a key as JSON writes it;
//! - a Struct, Value or ListValue is read as what it is in JSON, an Any as the message that it packs.

mod canonical;
mod catalog;
mod compile;
mod diagnose;
mod editions;
mod fill;
mod known_files;
mod lookup;
mod outline;
mod program;
mod schema;
mod shapes;
mod sources;
mod text;
mod together;
mod walk;
mod wire;

pub use schema::{Message, MessageChoice, ProtobufSchema};
pub use walk::State;

use crate::column_batch::{Column, Values};
use crate::document::{Diagnosis, DocumentColumn, DocumentDecoder, Texts, Undecodable};
use crate::json::{CompileError, WhenMissing};
use catalog::{Catalog, Kind, Rank};
use diagnose::Sought;
use program::{Program, Shape};
use std::sync::Arc;
use walk::{Place, Stop, Walk};
use wire::{Key, Raw, Reader};

/// How a decoder treats what the columns leave open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// What a missing value becomes that has neither DEFAULT nor NULL.
    pub when_missing: WhenMissing,
    /// Whether each item of the only field of a record, if that is a repeated message, is a row of its own.
    pub unroll: bool,
}

/// Decodes Protobuf records of one message type into the columns it was compiled for. Threads may share one.
#[derive(Clone, Debug)]
pub struct Decoder {
    catalog: Arc<Catalog>,
    program: Program,
    when_missing: WhenMissing,
    /// Index of the message type of a row.
    message: usize,
    /// The key of the records' items, if each one is a row.
    unrolled: Option<Key>,
    /// Target columns that hold text as it stood in the record.
    texts: Vec<usize>,
    /// The columns and their paths, for diagnoses.
    sought: Vec<Sought>,
    /// All target columns, empty.
    empty: Vec<Column>,
}

impl Decoder {
    /// Compiles a decoder for `columns`.
    ///
    /// # Errors
    /// When a column's type has no conversion, or its path does not fit its type.
    pub fn compile(
        message: &Message,
        columns: &[DocumentColumn<'_>],
        options: Options,
    ) -> Result<Self, CompileError> {
        let catalog = message.catalog.clone();
        let unrolled = options.unroll.then(|| unrolled(&catalog, message.index)).flatten();
        let row = unrolled.map_or(message.index, |(_, item)| item);
        let program = compile::compile(&catalog, row, columns)?;
        Ok(Self {
            texts: text_columns(&program),
            sought: columns.iter().map(Sought::of).collect(),
            empty: empty_columns(columns),
            when_missing: options.when_missing,
            message: row,
            unrolled: unrolled.map(|(key, _)| key),
            catalog,
            program,
        })
    }

    fn walk<'w>(&'w self, state: &'w mut State, canonical: bool) -> Walk<'w> {
        Walk {
            program: &self.program,
            catalog: &self.catalog,
            state,
            when_missing: self.when_missing,
            canonical,
            faults: None,
        }
    }

    /// Appends one row.
    fn row(&self, state: &mut State, body: &[u8], columns: &mut [Column]) -> Result<(), Stop> {
        const TOP: Place = Place { level: 0, depth: 1 };
        let rows = self.sought.first().map_or(0, |sought| columns[sought.column].row_count());
        match self.walk(state, false).message(0, body, columns, TOP) {
            Err(Stop::Again) => {}
            result => return result,
        }
        for sought in &self.sought {
            columns[sought.column].truncate(rows);
        }
        let mut bytes = std::mem::take(&mut state.canonical);
        bytes.clear();
        let written = canonical::write(&self.catalog, self.message, body, TOP.depth, &mut bytes);
        let result = written.map_err(Stop::Broken);
        let result = result.and_then(|()| self.walk(state, true).message(0, &bytes, columns, TOP));
        state.canonical = bytes;
        result
    }
}

impl DocumentDecoder for Decoder {
    type State = State;

    fn new_state(&self, texts: Texts) -> State {
        State::new(&self.program, texts)
    }

    fn decode(
        &self,
        state: &mut State,
        document: &[u8],
        columns: &mut [Column],
    ) -> Result<usize, Undecodable> {
        let Some(wanted) = self.unrolled else {
            return self.row(state, document, columns).map(|()| 1).map_err(|_| Undecodable);
        };
        let mut rows = 0;
        for item in items(document, wanted) {
            self.row(state, item.map_err(|_| Undecodable)?, columns).map_err(|_| Undecodable)?;
            rows += 1;
        }
        Ok(rows)
    }

    fn texts_are_valid(&self, columns: &[Column], first_row: usize) -> bool {
        self.texts.iter().all(|column| {
            let column = &columns[*column];
            texts_are_valid(&column.values, first_row, column.row_count())
        })
    }

    fn diagnose(&self, document: &[u8]) -> Diagnosis {
        diagnose::diagnose(self, document)
    }
}

/// The key and the message type of the items of a message whose only field is a repeated message.
fn unrolled(catalog: &Catalog, message: usize) -> Option<(Key, usize)> {
    match catalog.messages[message].fields.as_slice() {
        [field] if field.rank == Rank::Repeated => match field.kind {
            Kind::Message(item) => Some((field.key(), item)),
            _ => None,
        },
        _ => None,
    }
}

/// The items of a record that is unrolled.
fn items(document: &[u8], wanted: Key) -> impl Iterator<Item = Result<&[u8], wire::Broken>> {
    let mut reader = Reader::new(document);
    std::iter::from_fn(move || {
        loop {
            let key = match reader.key() {
                Ok(key) => key?,
                Err(broken) => return Some(Err(broken)),
            };
            match reader.raw(key) {
                Ok(Raw::Bytes(body)) if key == wanted => return Some(Ok(body)),
                Ok(_) => {}
                Err(broken) => return Some(Err(broken)),
            }
        }
    })
}

/// Target columns that text is put into without a look at it.
fn text_columns(program: &Program) -> Vec<usize> {
    let mut reached = program.reached_shapes();
    reached.retain(|(_, shape)| matches!(program.shapes[*shape], Shape::Text));
    let mut columns: Vec<usize> = reached.into_iter().map(|(target, _)| target).collect();
    columns.sort_unstable();
    columns.dedup();
    columns
}

/// Columns up to the last one that is read; those in between are never touched.
fn empty_columns(columns: &[DocumentColumn<'_>]) -> Vec<Column> {
    let count = columns.iter().map(|column| column.index + 1).max().unwrap_or(0);
    let untouched =
        Column { values: Values::Bytes { ends: Vec::new(), bytes: Vec::new() }, nulls: None, absent: None };
    let mut empty = vec![untouched; count];
    for column in columns {
        empty[column.index] = Column::new_for(&column.target.column_type);
        empty[column.index].absent = column.target.default.is_some().then(Vec::new);
    }
    empty
}

/// Whether all text of the given rows, however deep, is UTF-8.
fn texts_are_valid(values: &Values, start: usize, end: usize) -> bool {
    let end_of = |ends: &[usize], rows: usize| rows.checked_sub(1).map_or(0, |last| ends[last]);
    match values {
        Values::Fixed { .. } => true,
        Values::Bytes { ends, bytes } => {
            let (from, to) = (end_of(ends, start), end_of(ends, end));
            // Text that is valid as a whole could still be cut inside of a character.
            let is_whole = |end: &usize| bytes.get(*end).is_none_or(|byte| byte & 0xc0 != 0x80);
            simdutf8::basic::from_utf8(&bytes[from..to]).is_ok() && ends[start..end].iter().all(is_whole)
        }
        Values::List { ends, items } => {
            texts_are_valid(&items.values, end_of(ends, start), end_of(ends, end))
        }
        Values::Tuple(elements) => elements.iter().all(|column| texts_are_valid(&column.values, start, end)),
        Values::Variant { members, .. } => {
            members.iter().all(|member| texts_are_valid(&member.values, 0, member.row_count()))
        }
    }
}
