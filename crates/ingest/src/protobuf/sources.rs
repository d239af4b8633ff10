//! What a message type says of the values that a path leads to.

use super::catalog::{Field, Kind, Known, MessageType, Number, Rank};
use super::schema::Message;
use crate::convert::SourceType;
use forebay_project::model::PathStep;

impl Message {
    /// The types of the values that `steps` lead to, with null where one may be absent; none when they lead nowhere.
    pub fn sources_at(&self, steps: &[PathStep]) -> Vec<SourceType> {
        let mut message = &self.catalog.messages[self.index];
        let mut sources = vec![SourceType::Record];
        let mut optional = false;
        let mut in_list = false;
        for step in steps {
            let PathStep::Field(name) = step else {
                if !std::mem::take(&mut in_list) {
                    return Vec::new();
                }
                continue;
            };
            if message.oneofs.iter().any(|oneof| *oneof.name == **name) {
                sources = vec![SourceType::Record];
                continue;
            }
            let Some(field) = named(message, name) else { return Vec::new() };
            optional |= field.presence && field.default.is_none();
            in_list = field.rank == Rank::Repeated;
            sources = vec![self.source_of(field)];
            if let Kind::Message(inner) = field.kind {
                message = &self.catalog.messages[inner];
            }
        }
        if in_list && steps.last() != Some(&PathStep::Each) {
            sources = vec![SourceType::List];
        }
        if optional {
            sources.insert(0, SourceType::Null);
        }
        sources
    }

    fn source_of(&self, field: &Field) -> SourceType {
        match (field.rank, field.kind) {
            (Rank::Map, _) => SourceType::Map,
            (_, Kind::Number(number)) => number_type(number),
            (_, Kind::Enum(_)) => SourceType::Symbol { numbered: true },
            (_, Kind::Text { .. }) => SourceType::Text,
            (_, Kind::Bytes) => SourceType::Bytes,
            (_, Kind::Message(index)) => self.message_type(&self.catalog.messages[index]),
        }
    }

    fn message_type(&self, message: &MessageType) -> SourceType {
        match message.known {
            Some(Known::Timestamp) => SourceType::Timestamp { precision: 9, local: false },
            Some(Known::Duration) => SourceType::Interval,
            Some(Known::Wrapper) => {
                message.fields.first().map_or(SourceType::Record, |value| self.source_of(value))
            }
            Some(Known::ListValue) => SourceType::List,
            Some(Known::FieldMask) => SourceType::Text,
            Some(Known::Struct | Known::Value) | None => SourceType::Record,
        }
    }
}

fn named<'m>(message: &'m MessageType, name: &str) -> Option<&'m Field> {
    let by_name = message.fields.iter().find(|field| *field.name == *name);
    by_name.or_else(|| message.fields.iter().find(|field| *field.json_name == *name))
}

fn number_type(number: Number) -> SourceType {
    let int = |bits, signed| SourceType::Int { bits, signed };
    match number {
        Number::Bool => SourceType::Bool,
        Number::Int32 | Number::Sint32 | Number::Sfixed32 => int(32, true),
        Number::Int64 | Number::Sint64 | Number::Sfixed64 => int(64, true),
        Number::Uint32 | Number::Fixed32 => int(32, false),
        Number::Uint64 | Number::Fixed64 => int(64, false),
        Number::Float => SourceType::Float32,
        Number::Double => SourceType::Float64,
    }
}
