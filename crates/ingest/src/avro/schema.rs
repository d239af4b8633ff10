//! Avro schemas as an arena of nodes, with every name resolved.
//!
//! Source: Apache Avro specification 1.12, "Schema Declaration" and "Logical Types".

use super::parse;
use crate::schema::{Schema, SchemaDefect};

/// A schema with all names resolved. Nodes refer to each other by index, so recursive types are loops.
#[derive(Clone, Debug, PartialEq)]
pub struct AvroSchema {
    pub(super) nodes: Vec<Node>,
    pub(super) root: NodeId,
}

/// Index of a node in its schema.
pub type NodeId = usize;

/// One type of a schema.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The type.
    pub shape: Shape,
    /// What its values stand for, where the specification knows the annotation and it fits the type.
    pub logical: Option<Logical>,
}

/// A type as the specification lists them.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// `null`
    Null,
    /// `boolean`
    Boolean,
    /// `int`: 32 bits.
    Int,
    /// `long`: 64 bits.
    Long,
    /// `float`
    Float,
    /// `double`
    Double,
    /// `bytes`
    Bytes,
    /// `string`
    String,
    /// `array` of the items' type.
    Array(NodeId),
    /// `map` of the values' type; keys are strings.
    Map(NodeId),
    /// Branches, in the order of their numbers.
    Union(Vec<NodeId>),
    /// `fixed`
    Fixed {
        /// Its names.
        name: Name,
        /// Number of bytes.
        size: usize,
    },
    /// `enum`
    Enum {
        /// Its names.
        name: Name,
        /// Symbols, in the order of their numbers.
        symbols: Vec<String>,
        /// Index of the symbol that stands for those a reader does not know.
        default: Option<usize>,
    },
    /// `record`
    Record {
        /// Its names.
        name: Name,
        /// Fields in the order they are written.
        fields: Vec<Field>,
    },
}

/// The names of a named type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Name {
    /// With its namespace, if there is one: `org.example.Address`.
    pub full: String,
    /// Full names it is also known by.
    pub aliases: Vec<String>,
}

/// A field of a record.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Names it is also known by.
    pub aliases: Vec<String>,
    /// Its type.
    pub node: NodeId,
    /// Its default as the schema writes it, in JSON.
    pub default: Option<serde_json::Value>,
}

/// What the values of a type stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Logical {
    /// `decimal` on bytes or fixed.
    Decimal {
        /// Total digits.
        precision: u32,
        /// Digits after the point.
        scale: u32,
    },
    /// `big-decimal` on bytes: a decimal that brings its scale along.
    BigDecimal,
    /// `date` on int: days since 1970-01-01.
    Date,
    /// `time-millis` on int, `time-micros` on long: 10^-`precision` seconds since midnight.
    TimeOfDay {
        /// 3 or 6.
        precision: u8,
    },
    /// `timestamp-*` and `local-timestamp-*` on long: 10^-`precision` seconds since 1970-01-01.
    Timestamp {
        /// 3, 6 or 9.
        precision: u8,
        /// Whether it is what a clock shows in a zone that is not said.
        local: bool,
    },
    /// `uuid` on string, or on a fixed of 16 bytes.
    Uuid,
    /// `duration` on a fixed of 12 bytes.
    Duration,
}

impl AvroSchema {
    /// Reads a schema and what it refers to.
    ///
    /// Annotations that are unknown, or do not fit the type they stand at, are passed over as the specification has it.
    ///
    /// # Errors
    /// Where the text stops being a schema, and why.
    pub fn parse(schema: &Schema) -> Result<Self, SchemaDefect> {
        parse::parse(schema)
    }

    /// The whole record's type.
    pub fn root(&self) -> &Node {
        &self.nodes[self.root]
    }

    /// A type that another one refers to.
    ///
    /// # Panics
    /// When `id` is of another schema.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id]
    }
}

impl Name {
    /// Without its namespace.
    pub fn short(&self) -> &str {
        short(&self.full)
    }
}

/// What follows the last dot of a full name.
pub(super) fn short(full: &str) -> &str {
    full.rsplit('.').next().unwrap_or(full)
}

impl Shape {
    /// The name a union's branch of this type goes by: a full name, or that of the type.
    pub fn branch_name(&self) -> &str {
        match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Int => "int",
            Self::Long => "long",
            Self::Float => "float",
            Self::Double => "double",
            Self::Bytes => "bytes",
            Self::String => "string",
            Self::Array(_) => "array",
            Self::Map(_) => "map",
            Self::Union(_) => "union",
            Self::Fixed { name, .. } | Self::Enum { name, .. } | Self::Record { name, .. } => &name.full,
        }
    }

    /// The names of a named type.
    pub fn name(&self) -> Option<&Name> {
        match self {
            Self::Fixed { name, .. } | Self::Enum { name, .. } | Self::Record { name, .. } => Some(name),
            _ => None,
        }
    }
}
