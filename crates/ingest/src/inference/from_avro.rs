//! What an Avro schema declares.

use super::typed::{MOST_COLUMNS, TOO_MANY, Typed, TypedKind};
use crate::avro::AvroSchema;
use crate::avro::schema::{Logical, Node, NodeId, Shape};
use forebay_project::column_type::ColumnType;

/// Digits that a Decimal has at most.
const MOST_DIGITS: u32 = 76;

/// The type of a schema's records.
pub(super) fn typed(schema: &AvroSchema) -> Typed {
    Reader { schema, above: Vec::new(), left: MOST_COLUMNS }.node(schema.root())
}

struct Reader<'s> {
    schema: &'s AvroSchema,
    /// Full names of the records around.
    above: Vec<&'s str>,
    /// How many more fields may become columns.
    left: usize,
}

impl<'s> Reader<'s> {
    fn node(&mut self, node: &'s Node) -> Typed {
        if let Some(logical) = node.logical {
            return logical_type(logical);
        }
        match &node.shape {
            Shape::Null => Typed { optional: true, ..Typed::because(ColumnType::String, "always null") },
            Shape::Boolean => Typed::leaf(ColumnType::Bool),
            Shape::Int => Typed::leaf(int(32)),
            Shape::Long => Typed::leaf(int(64)),
            Shape::Float => Typed::leaf(ColumnType::Float32),
            Shape::Double => Typed::leaf(ColumnType::Float64),
            Shape::Bytes | Shape::String | Shape::Fixed { size: 0, .. } => Typed::leaf(ColumnType::String),
            Shape::Fixed { size, .. } => Typed::leaf(ColumnType::FixedString(*size)),
            Shape::Enum { .. } => Typed::leaf(ColumnType::LowCardinality(Box::new(ColumnType::String))),
            Shape::Array(items) => Typed::required(TypedKind::List(Box::new(self.id(*items)))),
            Shape::Map(values) => {
                Typed::required(TypedKind::Map(ColumnType::String, Box::new(self.id(*values))))
            }
            Shape::Record { .. } => self.record(node),
            Shape::Union(branches) => self.union(branches),
        }
    }

    fn id(&mut self, id: NodeId) -> Typed {
        self.node(self.schema.node(id))
    }

    fn record(&mut self, node: &'s Node) -> Typed {
        let Shape::Record { name, fields } = &node.shape else {
            unreachable!("only records are read as such");
        };
        if self.above.contains(&name.full.as_str()) {
            return Typed::json(format!("{} holds itself", name.full));
        }
        let Some(left) = self.left.checked_sub(fields.len()) else {
            return Typed::json(TOO_MANY);
        };
        self.left = left;
        self.above.push(&name.full);
        let fields = fields.iter().map(|field| (field.name.clone(), self.id(field.node))).collect();
        self.above.pop();
        Typed::required(TypedKind::Record(fields))
    }

    fn union(&mut self, branches: &[NodeId]) -> Typed {
        let is_null = |id: &&NodeId| self.schema.node(**id).shape == Shape::Null;
        let optional = branches.iter().any(|id| is_null(&id));
        let others: Vec<&NodeId> = branches.iter().filter(|id| !is_null(id)).collect();
        let mut types: Vec<Typed> = others.into_iter().map(|id| self.id(*id)).collect();
        let united = match types.len() {
            0 => Typed::because(ColumnType::String, "always null"),
            1 => types.remove(0),
            _ => several(types),
        };
        Typed { optional: optional || united.optional, ..united }
    }
}

/// A union of several types that hold something.
fn several(types: Vec<Typed>) -> Typed {
    if types.iter().all(|branch| matches!(branch.kind, TypedKind::Record(_))) {
        // A path looks into whichever branch is there.
        let united = types.into_iter().reduce(|one, other| one.or(other, "a union"));
        return united.unwrap_or_else(|| Typed::json("a union"));
    }
    let mut members: Vec<ColumnType> = Vec::new();
    for branch in &types {
        let TypedKind::Leaf(column_type, _) = &branch.kind else {
            return Typed::because(
                ColumnType::String,
                "a union of records, arrays or maps with others: JSON text",
            );
        };
        let member = member(column_type);
        if !members.contains(&member) {
            members.push(member);
        }
    }
    match members.as_slice() {
        [one] => Typed::leaf(one.clone()),
        _ if are_alike(&members) => Typed::because(
            ColumnType::String,
            "a union of types that a Variant cannot tell apart: kept as text",
        ),
        _ => {
            members.sort_by_key(ToString::to_string);
            Typed::because(ColumnType::Variant(members), "a union")
        }
    }
}

/// A type as a member of a Variant: types that ClickHouse takes for each other become one.
fn member(column_type: &ColumnType) -> ColumnType {
    match column_type {
        ColumnType::Int { .. } => int(64),
        ColumnType::Float32 => ColumnType::Float64,
        ColumnType::FixedString(_) | ColumnType::LowCardinality(_) => ColumnType::String,
        other => other.clone(),
    }
}

/// Whether two of the types are of one family, so that values could go to either.
fn are_alike(members: &[ColumnType]) -> bool {
    let count = |fits: fn(&ColumnType) -> bool| members.iter().filter(|member| fits(member)).count();
    let decimals = count(|member| matches!(member, ColumnType::Decimal { .. }));
    count(ColumnType::is_time) > 1 || (decimals > 0 && count(ColumnType::is_number) > 1)
}

fn logical_type(logical: Logical) -> Typed {
    Typed::leaf(match logical {
        Logical::Decimal { precision, scale } if precision <= MOST_DIGITS && scale <= precision => {
            ColumnType::Decimal { precision: precision as u8, scale: scale as u8 }
        }
        Logical::Decimal { precision, .. } => {
            return Typed::because(ColumnType::String, format!("{precision} digits fit no Decimal"));
        }
        Logical::BigDecimal => {
            return Typed::because(ColumnType::String, "each value has a scale of its own");
        }
        Logical::Date => ColumnType::Date32,
        Logical::TimeOfDay { precision } => ColumnType::Time64 { precision },
        Logical::Timestamp { precision, .. } => ColumnType::DateTime64 { precision, time_zone: None },
        Logical::Uuid => ColumnType::Uuid,
        Logical::Duration => {
            return Typed::because(ColumnType::String, "months, days and milliseconds, as JSON text");
        }
    })
}

fn int(bits: u16) -> ColumnType {
    ColumnType::Int { bits, signed: true }
}
