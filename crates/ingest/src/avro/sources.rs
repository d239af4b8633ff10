//! What a schema says of the values that a path leads to.

use super::schema::{AvroSchema, Logical, Node, NodeId, Shape};
use crate::convert::SourceType;
use forebay_project::model::PathStep;

impl AvroSchema {
    /// The types of the values that `steps` lead to, of a union all of them; none when they lead nowhere.
    pub fn sources_at(&self, steps: &[PathStep]) -> Vec<SourceType> {
        let mut places = vec![self.root];
        let mut sources = Vec::new();
        for step in steps {
            let here: Vec<NodeId> = places.iter().flat_map(|place| self.branches(*place)).collect();
            if here.iter().any(|place| self.nodes[*place].shape == Shape::Null) {
                sources.push(SourceType::Null);
            }
            places = here.iter().flat_map(|place| self.step(*place, step)).collect();
            if places.is_empty() {
                places = self.named_branches(&here, step);
            }
        }
        let ends = places.iter().flat_map(|place| self.branches(*place));
        sources.extend(ends.map(|end| source_type(&self.nodes[end])));
        let mut distinct = Vec::new();
        sources.into_iter().for_each(|source| {
            if !distinct.contains(&source) {
                distinct.push(source);
            }
        });
        match distinct[..] {
            [SourceType::Null] if places.is_empty() => Vec::new(),
            _ => distinct,
        }
    }

    fn branches(&self, place: NodeId) -> Vec<NodeId> {
        match &self.nodes[place].shape {
            Shape::Union(branches) => branches.clone(),
            _ => vec![place],
        }
    }

    fn step(&self, place: NodeId, step: &PathStep) -> Vec<NodeId> {
        match (&self.nodes[place].shape, step) {
            (Shape::Record { fields, .. }, PathStep::Field(name)) => {
                let by_name = fields.iter().find(|field| field.name == *name);
                let found = by_name.or_else(|| fields.iter().find(|field| field.aliases.contains(name)));
                found.map(|field| field.node).into_iter().collect()
            }
            (Shape::Map(values), PathStep::Field(_)) => vec![*values],
            (Shape::Array(items), PathStep::Each) => vec![*items],
            _ => Vec::new(),
        }
    }

    /// A step may also name a branch of a union.
    fn named_branches(&self, places: &[NodeId], step: &PathStep) -> Vec<NodeId> {
        let PathStep::Field(name) = step else { return Vec::new() };
        let goes_by = |place: &&NodeId| {
            let shape = &self.nodes[**place].shape;
            shape.branch_name() == name || shape.name().is_some_and(|names| names.short() == name)
        };
        places.iter().filter(goes_by).copied().collect()
    }
}

fn source_type(node: &Node) -> SourceType {
    if let Some(logical) = node.logical {
        return match logical {
            Logical::Decimal { precision, scale } => SourceType::Decimal { precision, scale },
            Logical::BigDecimal => SourceType::BigDecimal,
            Logical::Date => SourceType::Date,
            Logical::TimeOfDay { precision } => SourceType::TimeOfDay { precision },
            Logical::Timestamp { precision, local } => SourceType::Timestamp { precision, local },
            Logical::Uuid => SourceType::Uuid,
            Logical::Duration => SourceType::Duration,
        };
    }
    match &node.shape {
        Shape::Null | Shape::Union(_) => SourceType::Null,
        Shape::Boolean => SourceType::Bool,
        Shape::Int => SourceType::Int { bits: 32, signed: true },
        Shape::Long => SourceType::Int { bits: 64, signed: true },
        Shape::Float => SourceType::Float32,
        Shape::Double => SourceType::Float64,
        Shape::Bytes => SourceType::Bytes,
        Shape::String => SourceType::Text,
        Shape::Array(_) => SourceType::List,
        Shape::Map(_) => SourceType::Map,
        Shape::Fixed { size, .. } => SourceType::Fixed(*size),
        Shape::Enum { .. } => SourceType::Symbol { numbered: false },
        Shape::Record { .. } => SourceType::Record,
    }
}
