//! What a decoder does, in flat tables whose entries name each other by index.

use super::{
    catalog::{Number, Preset},
    wire::Key,
};
use crate::convert::{Scalar, Zero};
use std::{collections::HashMap, ops::Range};

/// Messages and groups in each other that are followed.
pub(super) const MAX_DEPTH: usize = 64;

/// A decoder's instructions.
#[derive(Clone, Debug, Default)]
pub(super) struct Program {
    /// Messages that are read field by field; the first is the whole record.
    pub(super) nodes: Vec<Node>,
    pub(super) slots: Vec<Slot>,
    pub(super) leaves: Vec<Leaf>,
    pub(super) shapes: Vec<Shape>,
    /// Maps that are read by their keys.
    pub(super) keyed: Vec<Keyed>,
    /// Number of oneofs of which a slot is a member.
    pub(super) oneofs: usize,
}

/// A message that is read field by field, into columns that stand side by side: all target columns, or the elements of
/// one tuple.
#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    /// Fields of interest, sorted by key.
    pub(super) slots: Range<usize>,
    /// Leaves of its slots and of the nodes these lead to. Nodes of tuples are not among them.
    pub(super) leaves: Vec<usize>,
    /// Columns that are read from a whole oneof.
    pub(super) choices: Vec<Choice>,
    /// Leaves whose path leads nowhere in this message.
    pub(super) nowhere: Vec<usize>,
    /// Leaves that are read from the message as a whole.
    pub(super) whole: Vec<usize>,
    /// Nodes to read it by instead, for what an Any may pack.
    pub(super) packed: Option<Box<Packed>>,
}

/// How an Any is read, by the full name of the type that it packs.
pub(super) type Packed = HashMap<Box<str>, PackedType>;

/// How an Any of one type is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct PackedType {
    pub(super) message: usize,
    /// The node that reads the packed message.
    pub(super) inside: usize,
    /// The node that reads what the packed message does not have from the Any itself.
    pub(super) own: usize,
}

/// A field of a message.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub(super) key: Key,
    /// How packed values are read; `None` if they are not.
    pub(super) packed: Option<Number>,
    /// Whether it has one value at most.
    pub(super) single: bool,
    /// The oneof of which it is a member, among all those of the program.
    pub(super) oneof: Option<usize>,
    pub(super) action: Action,
    /// What it is when it is unset, where that is a value.
    pub(super) default: Option<Preset>,
}

/// What is done with a value.
#[derive(Clone, Debug)]
pub(super) enum Action {
    /// It is only noted that it is there: it may unset another member of its oneof.
    Nothing,
    /// Into the column of this leaf.
    Leaf(usize),
    /// As a message read by this node.
    Node(usize),
    /// As one of many messages, each one read by this node.
    Each(usize),
    /// As one of the entries of this map; all of them together are read once the message has been.
    Keys(usize),
    Several(Box<[Action]>),
}

impl Action {
    pub(super) fn all(mut actions: Vec<Self>) -> Self {
        match actions.len() {
            0 => Self::Nothing,
            1 => actions.remove(0),
            _ => Self::Several(actions.into()),
        }
    }
}

/// Where one path ends.
#[derive(Clone, Debug)]
pub(super) struct Leaf {
    /// Index of the column among those of its node.
    pub(super) column: usize,
    /// Index of the target column, for faults.
    pub(super) target: usize,
    /// The element of the column's tuple that is meant, for members of a oneof that is read as a tuple.
    pub(super) element: Option<usize>,
    pub(super) shape: usize,
    pub(super) mode: Mode,
    /// What the column has where there is no value, from the whole column down to as many lists as the path goes through.
    pub(super) zeros: Vec<Zero>,
    pub(super) lack: Lack,
}

/// How the values of a field become one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Its only value is the row.
    Single,
    /// Its values are the items of the row's list.
    Items,
    /// All of them together are, once the message has been read: this field of this message type.
    Together { message: usize, field: usize },
}

/// What becomes of a column when its field is unset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lack {
    /// DEFAULT or NULL, else it is a fault.
    Fault,
    /// DEFAULT or NULL, else empty or zeros: an Array, Map or Tuple.
    Empty,
    /// NULL or zero: the part of a tuple that another member of the oneof leaves open.
    Zero,
    /// Nothing: the choice fills its column itself.
    Choice,
}

/// A column that is read from a whole oneof: the leaves of its members fill it.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    /// The oneof among all those of the program.
    pub(super) oneof: usize,
    pub(super) kind: ChoiceKind,
    /// For the column as a whole.
    pub(super) leaf: usize,
}

#[derive(Clone, Debug)]
pub(super) enum ChoiceKind {
    /// The members are elements of a tuple; those listed have none.
    Tuple(Vec<(usize, Zero)>),
    /// The member that is set is the value.
    Value,
}

/// How values become a column or a part of one.
#[derive(Clone, Debug)]
pub(super) enum Shape {
    /// The low bytes of the number are what the column holds.
    Copy { number: Number, width: u8 },
    /// A float into Float64.
    Widen,
    /// Text into String.
    Text,
    /// Bytes, or text that need not be UTF-8, into String.
    Raw,
    /// An enum into String, by name.
    Name { enum_type: usize },
    /// A Timestamp into DateTime64 of so many ticks a second.
    Ticks { per_second: i64, general: usize },
    /// Anything else that is one value.
    Scalar { source: Source, scalar: Scalar },
    /// A message into a tuple.
    Tuple { node: usize },
    /// A list of what this shape makes of each item.
    List { item: usize },
    /// Entries of a map into a Map, or into an Array of pairs.
    Entries(Box<Entries>),
    /// A message, a list or a map as JSON text.
    Json { what: JsonOf, scalar: Scalar },
    /// The fields of a message into a Map.
    Fields { message: usize, key: Scalar, fields: Vec<FieldPlan> },
    /// The items of a list into a tuple, by position.
    Positions { parts: Vec<usize> },
    /// Into this member of a Variant.
    Member { member: u8, shape: usize },
    /// The value inside a wrapper message.
    Wrapped { key: Key, default: Preset, shape: usize },
    /// The repeated field of a message that stands for it: the values of a ListValue, the entries of a Struct.
    Inner { message: usize, plan: FieldPlan },
    /// A google.protobuf.Value, by what it holds.
    ByCase(Box<Cases>),
    /// An object of one member: a oneof as JSON text.
    Named { name: Box<str>, field: (usize, usize), scalar: Scalar },
    /// No value of this kind fits the column.
    Refused { source: Source },
    /// There is no value.
    Nothing,
}

/// What a value is before it is converted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Number(Number),
    Enum(usize),
    Text,
    Bytes,
    Timestamp,
    Duration,
    /// A message that only JSON text shows.
    Message(usize),
}

/// Where the entries of a map hold their keys and values.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: Part,
    pub(super) value: Part,
}

/// The key or the value of a map's entries.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) key: Key,
    /// Unset keys and values are zero; an unset message is an empty one.
    pub(super) default: Preset,
}

/// A map's entries as those of a column.
#[derive(Clone, Debug)]
pub(super) struct Entries {
    pub(super) entry: Entry,
    pub(super) key_shape: usize,
    pub(super) value_shape: usize,
}

/// A map of which some values are read.
#[derive(Clone, Debug)]
pub(super) struct Keyed {
    /// The key of the map's field in its message.
    pub(super) field: Key,
    pub(super) entry: Entry,
    /// What the map's keys are; `None` for text.
    pub(super) number: Option<Number>,
    pub(super) wanted: Vec<Wanted>,
}

/// A value that is read from a map.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    /// The key; a number is decoded.
    pub(super) key: Preset,
    pub(super) action: Action,
    /// Leaves of the action.
    pub(super) leaves: Vec<usize>,
}

/// How one field of a message becomes one row of a part of a column.
#[derive(Clone, Debug)]
pub(super) struct FieldPlan {
    /// Index among the fields of its message.
    pub(super) field: usize,
    pub(super) shape: usize,
    pub(super) mode: Mode,
}

/// What is written as JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JsonOf {
    /// A message of this type.
    Message(usize),
    /// All values of this field of a message.
    Field { message: usize, field: usize },
}

/// What becomes of a google.protobuf.Value.
#[derive(Clone, Debug)]
pub(super) struct Cases {
    pub(super) message: usize,
    /// For each field of the message, in their order; `None` for null.
    pub(super) shapes: Vec<Option<usize>>,
    pub(super) zero: Zero,
    pub(super) lack: Lack,
}

impl Program {
    /// Every shape that values of a target column may take, with the index of that column.
    pub(super) fn reached_shapes(&self) -> Vec<(usize, usize)> {
        let mut reached = Vec::new();
        for leaf in &self.leaves {
            self.reach(leaf.target, leaf.shape, &mut reached);
        }
        reached
    }

    fn reach(&self, target: usize, shape: usize, reached: &mut Vec<(usize, usize)>) {
        reached.push((target, shape));
        let mut further = |shape: usize| self.reach(target, shape, reached);
        match &self.shapes[shape] {
            Shape::List { item } => further(*item),
            Shape::Entries(entries) => {
                further(entries.key_shape);
                further(entries.value_shape);
            }
            Shape::Fields { fields, .. } => fields.iter().for_each(|plan| further(plan.shape)),
            Shape::Positions { parts } => parts.iter().for_each(|part| further(*part)),
            Shape::Member { shape, .. } | Shape::Wrapped { shape, .. } => further(*shape),
            Shape::Inner { plan, .. } => further(plan.shape),
            Shape::ByCase(cases) => cases.shapes.iter().flatten().for_each(|shape| further(*shape)),
            Shape::Ticks { general, .. } => further(*general),
            _ => {}
        }
    }
}
