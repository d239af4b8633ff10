//! What a decoder does, in flat tables whose entries name each other by index.

use super::layout::{Layout, Meaning, NodeId, Symbol, Wire};
use crate::convert::{Reason, Scalar, Zero};
use std::sync::Arc;

/// A decoder's instructions.
#[derive(Clone, Debug)]
pub(super) struct Program {
    pub(super) layout: Arc<Layout>,
    pub(super) steps: Vec<Step>,
    pub(super) fills: Vec<Fill>,
    pub(super) leaves: Vec<Leaf>,
    /// Where the whole record is read.
    pub(super) root: StepId,
    /// Columns whose texts are checked together, after many records.
    pub(super) text_columns: Vec<usize>,
}

pub(super) type StepId = usize;
pub(super) type FillId = usize;
pub(super) type LeafId = usize;

/// What is done with the value that stands next in the record.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// Values of these nodes are passed over.
    Skip(Vec<NodeId>),
    /// It goes into a column.
    Fill { column: usize, fill: FillId },
    /// It goes into a column with a DEFAULT, or into the items of one.
    FillLeaf { leaf: LeafId, fill: FillId },
    /// These steps, each after the bytes of the one before: a record, field by field.
    Sequence(Box<[StepId]>),
    /// These steps, each from the same byte.
    Several(Box<[StepId]>),
    /// The step of the branch whose number stands here.
    Union(Box<[StepId]>),
    /// Every item of an array by this step; then a row of each of these leaves ends, so many lists down its column.
    Each { item: StepId, leaves: Box<[LeafId]>, level: usize },
    /// Values of a map by their keys.
    Keys { value: NodeId, keys: Box<[(Box<str>, StepId)]>, missing: Box<[StepId]> },
    /// These leaves have no value here, so many lists down their columns. Takes no byte.
    Missing { leaves: Box<[LeafId]>, level: usize },
    /// A step over a reader's default. Takes no byte of the record.
    Default { bytes: Arc<[u8]>, step: StepId },
}

/// Where one path ends.
#[derive(Clone, Debug)]
pub(super) struct Leaf {
    /// Index of the target column.
    pub(super) column: usize,
    /// As many lists down the column as the path has `[:]` before its last field.
    pub(super) level: usize,
    /// What becomes of it where it is missing, by the number of lists around.
    pub(super) missing: Vec<Lack>,
}

/// What becomes of a row without a value.
#[derive(Clone, Debug)]
pub(super) enum Lack {
    /// NULL or type zero.
    Zero(Zero),
    /// DEFAULT.
    Absent(Zero),
    /// The record is refused.
    Refuse(Reason),
}

/// How a value becomes one row of a column, or of a nested part of one.
#[derive(Clone, Debug)]
pub(super) enum Fill {
    /// A long into eight bytes.
    Integer { width: usize },
    /// An int that every integer of so many bytes holds.
    Int32 { width: usize },
    /// An int or long, when it lies in this range.
    Ranged { width: usize, min: i64, max: i64 },
    /// A float or double as it stands.
    Copy { bytes: usize },
    /// A float into Float64.
    Widen,
    /// True or false into one byte.
    Bool,
    /// Text into a String. Whether it is checked with all others, after many records.
    Text { column: usize, later: bool },
    /// Bytes of this layout into a String.
    Bytes(Wire),
    /// Symbols by their numbers, as bytes of a String.
    SymbolText(Box<[Symbol]>),
    /// Symbols by their numbers, as numbers of an Enum.
    SymbolNumber { symbols: Box<[Symbol]>, numbers: Box<[Option<i64>]>, width: usize },
    /// Symbols by their numbers, through the conversion.
    Symbol { symbols: Box<[Symbol]>, scalar: Scalar },
    /// A timestamp that becomes `factor` times as many ticks, when it lies in this range; others take the slow way.
    Ticks { factor: i64, max: i64, scalar: Scalar, meaning: Meaning },
    /// Any other scalar.
    Scalar { wire: Wire, meaning: Meaning, scalar: Scalar },
    /// The branch whose number stands here.
    Union(Box<[FillId]>),
    /// NULL into a scalar column whose zero is all zero bytes. Takes no byte.
    NullScalar,
    /// null, or a value by this fill; neither is an [`Fill::Optional`] again.
    Optional { null_first: bool, null: FillId, value: FillId },
    /// Null.
    Null(Lack),
    /// An array.
    List(FillId),
    /// A map, or an array of the entries of one.
    Entries { key: Scalar, value: FillId },
    /// A record as the entries of a Map.
    FieldEntries { key: Scalar, fields: Box<[FieldEntry]> },
    /// A record as a Tuple: for each field the element it goes to, or what is passed over.
    Tuple { fields: Box<[Element]>, defaults: Box<[DefaultElement]>, missing: Box<[(usize, Lack)]> },
    /// A map as a Tuple of names.
    NamedTuple { value: NodeId, elements: Box<[(Box<str>, FillId, Lack)]> },
    /// An array of exactly as many items as the Tuple has elements.
    PositionalTuple(Box<[FillId]>),
    /// One member of a Variant.
    Member { member: u8, fill: FillId },
    /// A compound value as JSON text.
    Json { node: NodeId, scalar: Scalar },
    /// No value of this node converts.
    Refuse { node: NodeId },
}

/// What becomes of one field of a record.
#[derive(Clone, Copy, Debug)]
pub(super) enum Element {
    Fill { element: usize, fill: FillId },
    Skip(NodeId),
}

/// An element that is read from a reader's default.
#[derive(Clone, Debug)]
pub(super) struct DefaultElement {
    pub(super) bytes: Arc<[u8]>,
    pub(super) element: usize,
    pub(super) fill: FillId,
}

/// What becomes of one field of a record in a Map.
#[derive(Clone, Debug)]
pub(super) enum FieldEntry {
    Fill { name: Box<str>, fill: FillId, default: Option<Arc<[u8]>> },
    Skip(NodeId),
}
