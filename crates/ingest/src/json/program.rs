//! What a decoder does, in flat tables whose entries name each other by index.

use super::choices::Choices;
use crate::convert::Scalar;
use std::ops::Range;

/// A decoder's instructions.
#[derive(Clone, Debug, Default)]
pub(super) struct Program {
    /// Places in the record that something is read from; the first is the whole record.
    pub(super) nodes: Vec<Node>,
    /// One for each column read from the record, in the order the trie is walked.
    pub(super) leaves: Vec<Leaf>,
    /// How values become columns and nested parts of columns.
    pub(super) shapes: Vec<Shape>,
    /// Names that objects are searched for: by nodes and by named tuples.
    pub(super) names: Vec<Names>,
}

/// One place in the record, as the paths of the columns name it.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// What is read here.
    pub(super) action: Action,
    /// Leaves here and below.
    pub(super) leaves: Range<usize>,
}

/// How a value is read.
#[derive(Clone, Debug)]
pub(super) enum Action {
    /// It is passed over.
    Nothing,
    /// Into the column of this leaf.
    Leaf(usize),
    /// As an object searched for these names.
    Fields(usize),
    /// As an array of which each item is read by this node.
    Each(usize),
    /// In each of these ways, from the same start.
    Several(Box<[Action]>),
}

/// Where one path ends.
#[derive(Clone, Debug)]
pub(super) struct Leaf {
    /// Index of the target column.
    pub(super) column: usize,
    /// Shape of the values read: as many lists down the column as the path has `[:]` before its last field.
    pub(super) shape: usize,
    /// Shape of the whole column.
    pub(super) column_shape: usize,
}

/// How a value becomes a column or a nested part of one.
#[derive(Clone, Debug)]
pub(super) enum Shape {
    /// One value.
    Scalar(Scalar),
    /// A list of this shape, from an array.
    List(usize),
    /// A list of entries, from an object.
    Map {
        /// How keys convert.
        key: Scalar,
        /// Shape of the values.
        value: usize,
    },
    /// One part for each element, from an array or, when the elements are named, an object.
    Tuple {
        /// The names of the elements.
        names: Option<usize>,
        /// Shapes of the elements.
        elements: Vec<usize>,
    },
    /// A value of one of several types, or NULL.
    Variant(Box<Variant>),
}

impl Shape {
    /// Whether NULL is one of its own values, without the flags of a Nullable.
    pub(super) fn is_variant(&self) -> bool {
        matches!(self, Self::Variant(_))
    }

    /// Whether null is a value of it: NULL, or the empty object of a JSON column.
    pub(super) fn takes_null(&self) -> bool {
        match self {
            Self::Variant(_) => true,
            Self::Scalar(scalar) => scalar.is_json(),
            _ => false,
        }
    }
}

/// The members of a Variant, and which of them are tried for a value.
#[derive(Clone, Debug)]
pub(super) struct Variant {
    /// Shapes of the members.
    pub(super) members: Vec<usize>,
    /// The members to try.
    pub(super) choices: Choices,
}

/// Names to find in an object. A sorted table: a hash would be no faster for the few names that miss the key-order cache.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    sorted: Vec<(Box<str>, usize)>,
}

impl Names {
    /// `named` says for each name which node or tuple element it leads to.
    pub(super) fn new(named: impl IntoIterator<Item = (Box<str>, usize)>) -> Self {
        let mut sorted: Vec<_> = named.into_iter().collect();
        sorted.sort_unstable();
        Self { sorted }
    }

    /// Where `name` leads to.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        let index = self.sorted.binary_search_by(|(known, _)| known.as_ref().cmp(name));
        index.ok().map(|index| self.sorted[index].1)
    }
}
