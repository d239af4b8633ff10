//! Resolves a writer schema against a reader's, or against none.
//!
//! Source: Apache Avro specification 1.12, "Schema Resolution". Where it only says what bytes may be read as, a value
//! keeps the meaning its writer gave it: an int that a reader calls double stays that integer, milliseconds stay
//! milliseconds. A part that the reader cannot take is no error until a column reads it.

use super::default;
use super::layout::{Default, Field, Kind, Layout, Meaning, Node, NodeId, Symbol, Wire};
use super::schema::{self, AvroSchema, Logical, Shape, short};
use crate::convert::SourceType;
use crate::schema::SchemaDefect;
use std::collections::HashMap;

/// The layout of records of `writer` for those who expect `reader`.
pub(super) fn resolve(writer: &AvroSchema, reader: Option<&AvroSchema>) -> Result<Layout, SchemaDefect> {
    let mut resolver =
        Resolver { writer, reader, layout: Layout::default(), known: HashMap::new(), open: Vec::new() };
    let root = match reader {
        Some(reader) => Pair::Both(writer.root, reader.root),
        None => Pair::Writer(writer.root),
    };
    resolver.layout.root = resolver.node(root);
    while let Some((pair, node)) = resolver.open.pop() {
        resolver.layout.nodes[node] = resolver.build(pair)?;
    }
    Ok(resolver.layout)
}

/// Types that belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Pair {
    Both(schema::NodeId, schema::NodeId),
    /// Nobody expects anything in particular.
    Writer(schema::NodeId),
    /// A default of the reader, which is written as the reader's own type.
    Reader(schema::NodeId),
}

struct Resolver<'s> {
    writer: &'s AvroSchema,
    reader: Option<&'s AvroSchema>,
    layout: Layout,
    known: HashMap<Pair, NodeId>,
    /// Nodes that have an index, but are not built yet: a list instead of recursion, as schemas may chain any number of names.
    open: Vec<(Pair, NodeId)>,
}

impl<'s> Resolver<'s> {
    fn node(&mut self, pair: Pair) -> NodeId {
        if let Some(node) = self.known.get(&pair) {
            return *node;
        }
        let node = self.layout.nodes.len();
        let placeholder = Kind::Scalar { wire: Wire::Null, meaning: Meaning::Plain(SourceType::Null) };
        self.layout.nodes.push(Node { kind: placeholder, names: [].into() });
        self.known.insert(pair, node);
        self.open.push((pair, node));
        node
    }

    fn written(&self, id: schema::NodeId) -> &'s schema::Node {
        &self.writer.nodes[id]
    }

    fn expected(&self, id: schema::NodeId) -> &'s schema::Node {
        let reader = self.reader.expect("only a reader's nodes are looked up here");
        &reader.nodes[id]
    }

    fn build(&mut self, pair: Pair) -> Result<Node, SchemaDefect> {
        Ok(match pair {
            Pair::Writer(id) => self.alone(self.written(id), Pair::Writer),
            Pair::Reader(id) => self.alone(self.expected(id), Pair::Reader),
            Pair::Both(writer, reader) => self.both(writer, reader)?,
        })
    }

    /// A node as its own schema has it.
    fn alone(&mut self, node: &schema::Node, side: fn(schema::NodeId) -> Pair) -> Node {
        let kind = match &node.shape {
            Shape::Array(items) => Kind::Array(self.node(side(*items))),
            Shape::Map(values) => Kind::Map(self.node(side(*values))),
            Shape::Union(branches) => {
                Kind::Union(branches.iter().map(|branch| self.node(side(*branch))).collect())
            }
            Shape::Enum { symbols, .. } => {
                let symbols = symbols.iter().map(|symbol| Symbol {
                    known: Some(symbol.as_str().into()),
                    written: symbol.as_str().into(),
                });
                Kind::Enum { symbols: symbols.collect() }
            }
            Shape::Record { fields, .. } => {
                let fields = fields.iter();
                let fields =
                    fields.map(|field| Field { names: names_of(field), node: self.node(side(field.node)) });
                Kind::Record { fields: fields.collect(), defaults: Vec::new() }
            }
            scalar => scalar_kind(scalar, node.logical),
        };
        Node { kind, names: branch_names(&node.shape) }
    }

    fn both(&mut self, writer: schema::NodeId, reader: schema::NodeId) -> Result<Node, SchemaDefect> {
        let (written, expected) = (self.written(writer), self.expected(reader));
        if let Shape::Union(branches) = &written.shape {
            let branches = branches.iter().map(|branch| self.node(Pair::Both(*branch, reader))).collect();
            return Ok(Node { kind: Kind::Union(branches), names: branch_names(&written.shape) });
        }
        let Some(expected) = self.branch_for(written, expected) else {
            let wire = self.node(Pair::Writer(writer));
            return Ok(Node { kind: Kind::Mismatch(wire), names: branch_names(&written.shape) });
        };
        let kind = match (&written.shape, &expected.shape) {
            (Shape::Null, _) => scalar_kind(&Shape::Null, None),
            (Shape::Array(w), Shape::Array(r)) => Kind::Array(self.node(Pair::Both(*w, *r))),
            (Shape::Map(w), Shape::Map(r)) => Kind::Map(self.node(Pair::Both(*w, *r))),
            (Shape::Enum { symbols: w, .. }, Shape::Enum { symbols: r, default, .. }) => {
                enum_kind(w, r, default.map(|default| r[default].as_str()))
            }
            (Shape::Record { fields: w, .. }, Shape::Record { fields: r, .. }) => self.record(w, r)?,
            (w, r) => promoted(w, r, written.logical.or(expected.logical)),
        };
        Ok(Node { kind, names: branch_names(&expected.shape) })
    }

    /// What the reader takes a value that is no union for: of a union the branch that fits best.
    fn branch_for(&self, written: &schema::Node, expected: &'s schema::Node) -> Option<&'s schema::Node> {
        let Shape::Union(branches) = &expected.shape else {
            return fit(&written.shape, &expected.shape).map(|_| expected);
        };
        let branches = branches.iter().map(|branch| self.expected(*branch));
        let fitting = branches.filter_map(|branch| Some((fit(&written.shape, &branch.shape)?, branch)));
        fitting.min_by_key(|(fit, _)| *fit).map(|(_, branch)| branch)
    }

    fn record(
        &mut self,
        written: &[schema::Field],
        expected: &[schema::Field],
    ) -> Result<Kind, SchemaDefect> {
        let mut taken = vec![false; expected.len()];
        let mut fields = Vec::with_capacity(written.len());
        for field in written {
            let by_name = expected.iter().position(|known| known.name == field.name);
            let by_alias = || expected.iter().position(|known| known.aliases.contains(&field.name));
            let reader = by_name.or_else(by_alias).filter(|index| !taken[*index]);
            fields.push(match reader {
                Some(index) => {
                    taken[index] = true;
                    let node = self.node(Pair::Both(field.node, expected[index].node));
                    Field { names: names_of(&expected[index]), node }
                }
                None => Field { names: Vec::new(), node: self.node(Pair::Writer(field.node)) },
            });
        }
        let mut defaults = Vec::new();
        for (field, _) in expected.iter().zip(taken).filter(|(_, taken)| !taken) {
            let Some(json) = &field.default else { continue };
            let reader = self.reader.expect("a field that is expected has a reader");
            let place = || format!("the default of field \"{}\"", field.name);
            let bytes = default::encode(reader, field.node, json).map_err(|defect| defect.within(place))?;
            let node = self.node(Pair::Reader(field.node));
            defaults.push(Default { names: names_of(field), node, bytes: bytes.into() });
        }
        Ok(Kind::Record { fields, defaults })
    }
}

fn names_of(field: &schema::Field) -> Vec<Box<str>> {
    [&field.name].into_iter().chain(&field.aliases).map(|name| name.as_str().into()).collect()
}

fn branch_names(shape: &Shape) -> std::sync::Arc<[Box<str>]> {
    let mut names = vec![Box::from(shape.branch_name())];
    if let Some(name) = shape.name() {
        names.push(name.short().into());
        for alias in &name.aliases {
            names.extend([Box::from(alias.as_str()), short(alias).into()]);
        }
    }
    names.into()
}

/// How well a reader's type, which is no union, takes what was written: less is better.
fn fit(written: &Shape, expected: &Shape) -> Option<u8> {
    use Shape::{
        Array, Boolean, Bytes, Double, Enum, Fixed, Float, Int, Long, Map, Null, Record, String, Union,
    };
    Some(match (written, expected) {
        (_, Union(_)) => return None,
        (Null, Null)
        | (Boolean, Boolean)
        | (Int, Int)
        | (Long, Long)
        | (Float, Float)
        | (Double, Double)
        | (Bytes, Bytes)
        | (String, String)
        | (Array(_), Array(_))
        | (Map(_), Map(_)) => 0,
        (Record { .. }, Record { .. }) | (Enum { .. }, Enum { .. }) => name_fit(written, expected),
        (Fixed { size: w, .. }, Fixed { size: r, .. }) if w == r => name_fit(written, expected),
        (Int, Long) | (Float, Double) | (String, Bytes) | (Bytes, String) => 4,
        (Int, Double) | (Long, Double) => 5,
        (Int, Float) | (Long, Float) => 6,
        // A null needs no type to be one: the column says what becomes of it.
        (Null, _) => 7,
        _ => return None,
    })
}

/// Names that differ are taken too, as producers rename their records, but only where no other branch fits better.
fn name_fit(written: &Shape, expected: &Shape) -> u8 {
    let (Some(written), Some(expected)) = (written.name(), expected.name()) else {
        return 3;
    };
    match () {
        () if written.full == expected.full || expected.aliases.contains(&written.full) => 0,
        () if written.short() == expected.short() => 1,
        () if expected.aliases.iter().any(|alias| short(alias) == written.short()) => 2,
        () => 3,
    }
}

fn enum_kind(written: &[String], expected: &[String], default: Option<&str>) -> Kind {
    let symbols = written.iter().map(|symbol| {
        let known = expected.contains(symbol).then_some(symbol.as_str()).or(default);
        Symbol { known: known.map(Box::from), written: symbol.as_str().into() }
    });
    Kind::Enum { symbols: symbols.collect() }
}

/// A scalar of the writer under a type of the reader that takes it.
fn promoted(written: &Shape, expected: &Shape, logical: Option<Logical>) -> Kind {
    let float = |bits: u8| Meaning::Plain(if bits == 32 { SourceType::Float32 } else { SourceType::Float64 });
    let (wire, meaning) = match (written, expected) {
        (Shape::Int, Shape::Long) => match logical {
            Some(Logical::Date | Logical::TimeOfDay { precision: 3 }) | None => {
                return scalar_kind(written, logical);
            }
            later => match scalar_kind(expected, later) {
                Kind::Scalar { meaning, .. } => (Wire::Int, meaning),
                other => return other,
            },
        },
        (Shape::Int, Shape::Float | Shape::Double) => (Wire::Int, Meaning::Plain(integer(32))),
        (Shape::Long, Shape::Float | Shape::Double) => (Wire::Long, Meaning::Plain(integer(64))),
        (Shape::Float, Shape::Double) => (Wire::Float, float(32)),
        (Shape::String, Shape::Bytes) | (Shape::Bytes, Shape::String) => {
            return scalar_kind(expected, logical);
        }
        _ => return scalar_kind(written, logical),
    };
    Kind::Scalar { wire, meaning }
}

fn integer(bits: u16) -> SourceType {
    SourceType::Int { bits, signed: true }
}

/// A scalar as its own schema has it.
fn scalar_kind(shape: &Shape, logical: Option<Logical>) -> Kind {
    let (wire, base) = match shape {
        Shape::Boolean => (Wire::Boolean, Meaning::Plain(SourceType::Bool)),
        Shape::Int => (Wire::Int, Meaning::Plain(integer(32))),
        Shape::Long => (Wire::Long, Meaning::Plain(integer(64))),
        Shape::Float => (Wire::Float, Meaning::Plain(SourceType::Float32)),
        Shape::Double => (Wire::Double, Meaning::Plain(SourceType::Float64)),
        Shape::Bytes => (Wire::Block, Meaning::Bytes),
        Shape::String => (Wire::Block, Meaning::Text),
        Shape::Fixed { size, .. } => (Wire::Fixed(*size), Meaning::Bytes),
        _ => (Wire::Null, Meaning::Plain(SourceType::Null)),
    };
    let meaning = logical.map_or(base, |logical| match logical {
        Logical::Decimal { precision, scale } => Meaning::Decimal { precision, scale },
        Logical::BigDecimal => Meaning::BigDecimal,
        Logical::Date => Meaning::Date,
        Logical::TimeOfDay { precision } => Meaning::TimeOfDay { precision },
        Logical::Timestamp { precision, local } => Meaning::Timestamp { precision, local },
        Logical::Uuid => Meaning::Uuid,
        Logical::Duration => Meaning::Duration,
    });
    Kind::Scalar { wire, meaning }
}
