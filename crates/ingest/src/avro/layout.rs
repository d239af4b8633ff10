//! How the bytes of a record are laid out, and what they mean once writer and reader have been resolved.

use crate::convert::SourceType;
use std::sync::Arc;

/// Nodes of a writer schema as they are read; the compiler and the walkers go by these only.
#[derive(Clone, Debug, Default)]
pub(super) struct Layout {
    pub(super) nodes: Vec<Node>,
    pub(super) root: NodeId,
}

/// Index of a node in its [`Layout`].
pub(super) type NodeId = usize;

#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    /// What a union's branch of this node goes by: the type, or a full name, a short name and aliases.
    pub(super) names: Arc<[Box<str>]>,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Scalar {
        wire: Wire,
        meaning: Meaning,
    },
    Enum {
        symbols: Vec<Symbol>,
    },
    Record {
        fields: Vec<Field>,
        defaults: Vec<Default>,
    },
    Array(NodeId),
    Map(NodeId),
    Union(Vec<NodeId>),
    /// The reader cannot take what was written; it is laid out as this node.
    Mismatch(NodeId),
}

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wire {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    /// A length, and so many bytes.
    Block,
    Fixed(usize),
    /// All bytes that follow.
    Rest,
}

/// What a scalar stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Itself: null, true, an integer or a float.
    Plain(SourceType),
    Text,
    Bytes,
    Decimal {
        precision: u32,
        scale: u32,
    },
    BigDecimal,
    Date,
    TimeOfDay {
        precision: u8,
    },
    Timestamp {
        precision: u8,
        local: bool,
    },
    Uuid,
    Duration,
}

/// A symbol of the writer, as the reader names it.
#[derive(Clone, Debug)]
pub(super) struct Symbol {
    /// `None` when the reader neither knows it nor has a default.
    pub(super) known: Option<Box<str>>,
    pub(super) written: Box<str>,
}

/// A field, in the order of the writer.
#[derive(Clone, Debug)]
pub(super) struct Field {
    /// The name, then aliases; none when the reader does not have the field.
    pub(super) names: Vec<Box<str>>,
    pub(super) node: NodeId,
}

/// A field that only the reader has.
#[derive(Clone, Debug)]
pub(super) struct Default {
    pub(super) names: Vec<Box<str>>,
    pub(super) node: NodeId,
    /// The default, written as a record would write it.
    pub(super) bytes: Arc<[u8]>,
}

impl Layout {
    pub(super) fn kind(&self, node: NodeId) -> &Kind {
        &self.nodes[node].kind
    }

    pub(super) fn is_null(&self, node: NodeId) -> bool {
        matches!(self.kind(node), Kind::Scalar { wire: Wire::Null, .. })
    }

    /// Whether a union's branch of this node goes by `name`.
    pub(super) fn goes_by(&self, node: NodeId, name: &str) -> bool {
        self.nodes[node].names.iter().any(|known| known.as_ref() == name)
    }
}

impl Kind {
    /// The row of the conversion table. A union has none of its own.
    pub(super) fn source_type(&self) -> Option<SourceType> {
        Some(match self {
            Self::Scalar { wire, meaning } => meaning.source_type(*wire),
            Self::Enum { .. } => SourceType::Symbol { numbered: false },
            Self::Record { .. } => SourceType::Record,
            Self::Array(_) => SourceType::List,
            Self::Map(_) => SourceType::Map,
            Self::Union(_) | Self::Mismatch(_) => return None,
        })
    }
}

impl Meaning {
    fn source_type(self, wire: Wire) -> SourceType {
        match self {
            Self::Plain(source) => source,
            Self::Text => SourceType::Text,
            Self::Bytes => match wire {
                Wire::Fixed(size) => SourceType::Fixed(size),
                _ => SourceType::Bytes,
            },
            Self::Decimal { precision, scale } => SourceType::Decimal { precision, scale },
            Self::BigDecimal => SourceType::BigDecimal,
            Self::Date => SourceType::Date,
            Self::TimeOfDay { precision } => SourceType::TimeOfDay { precision },
            Self::Timestamp { precision, local } => SourceType::Timestamp { precision, local },
            Self::Uuid => SourceType::Uuid,
            Self::Duration => SourceType::Duration,
        }
    }
}
