//! What a message type says of the values that a path leads to.

use super::catalog::{Field, Kind, Known, Number, Rank};
use super::schema::Message;
use crate::convert::SourceType;
use forebay_project::model::PathStep;

/// Where a path has led so far.
#[derive(Clone, Copy, Debug)]
struct Spot {
    kind: Kind,
    rank: Rank,
    /// Whether it is a oneof of the message.
    is_oneof: bool,
    /// Whether there may be no value.
    optional: bool,
}

impl Message {
    /// The types of the values that `steps` lead to, with null where one may be absent; none when they lead nowhere.
    pub fn sources_at(&self, steps: &[PathStep]) -> Vec<SourceType> {
        let ends = steps.iter().fold(vec![Spot::message(self.index)], |spots, step| {
            spots.into_iter().flat_map(|spot| self.step(spot, step)).collect()
        });
        let mut sources = Vec::new();
        if ends.iter().any(|end| end.optional) {
            sources.push(SourceType::Null);
        }
        for source in ends.into_iter().flat_map(|end| self.sources_of(end)) {
            if !sources.contains(&source) {
                sources.push(source);
            }
        }
        sources
    }

    fn step(&self, spot: Spot, step: &PathStep) -> Vec<Spot> {
        match (spot.rank, spot.kind, step) {
            (Rank::Repeated, _, PathStep::Each) => vec![Spot { rank: Rank::Single, ..spot }],
            (Rank::Map, Kind::Message(entry), PathStep::Field(_)) => {
                let kind = self.catalog.messages[entry].fields[1].kind;
                vec![Spot { kind, rank: Rank::Single, optional: true, ..spot }]
            }
            (Rank::Single, Kind::Message(message), _) => self.step_inside(spot, message, step),
            _ => Vec::new(),
        }
    }

    fn step_inside(&self, spot: Spot, index: usize, step: &PathStep) -> Vec<Spot> {
        let message = &self.catalog.messages[index];
        if let Some(field) = self.catalog.stand_in(index, step) {
            return self.step(spot.at(&message.fields[field]), step);
        }
        let PathStep::Field(name) = step else { return Vec::new() };
        if let Some(field) = message.field_named(name) {
            return vec![spot.at(&message.fields[field])];
        }
        if message.oneof_named(name).is_some() {
            return vec![Spot { is_oneof: true, ..spot }];
        }
        if message.known != Some(Known::Any) {
            return Vec::new();
        }
        let packed = self.catalog.messages.iter().filter(|message| message.known.is_none());
        let found = packed.filter_map(|message| Some(&message.fields[message.field_named(name)?]));
        found.map(|field| Spot { optional: true, ..spot.at(field) }).collect()
    }

    fn sources_of(&self, spot: Spot) -> Vec<SourceType> {
        match (spot.rank, spot.kind) {
            _ if spot.is_oneof => vec![SourceType::Record],
            (Rank::Map, _) => vec![SourceType::Map],
            (Rank::Repeated, _) => vec![SourceType::List],
            (Rank::Single, Kind::Number(number)) => vec![number_type(number)],
            (Rank::Single, Kind::Enum(_)) => vec![SourceType::Symbol { numbered: true }],
            (Rank::Single, Kind::Text { .. }) => vec![SourceType::Text],
            (Rank::Single, Kind::Bytes) => vec![SourceType::Bytes],
            (Rank::Single, Kind::Message(index)) => self.message_types(index),
        }
    }

    fn message_types(&self, index: usize) -> Vec<SourceType> {
        let message = &self.catalog.messages[index];
        vec![match message.known {
            Some(Known::Timestamp) => SourceType::Timestamp { precision: 9, local: false },
            Some(Known::Duration) => SourceType::Interval,
            Some(Known::Wrapper) => {
                return self.sources_of(Spot::message(index).at(&message.fields[0]));
            }
            Some(Known::ListValue) => SourceType::List,
            Some(Known::Struct) => SourceType::Map,
            Some(Known::FieldMask) => SourceType::Text,
            Some(Known::Value) => return ANY_VALUE.to_vec(),
            Some(Known::Any) | None => SourceType::Record,
        }]
    }
}

/// What a google.protobuf.Value may hold.
const ANY_VALUE: [SourceType; 6] = [
    SourceType::Null,
    SourceType::Float64,
    SourceType::Text,
    SourceType::Bool,
    SourceType::Map,
    SourceType::List,
];

impl Spot {
    fn message(index: usize) -> Self {
        Self { kind: Kind::Message(index), rank: Rank::Single, is_oneof: false, optional: false }
    }

    /// A field of the message that stands here.
    fn at(self, field: &Field) -> Self {
        Self {
            kind: field.kind,
            rank: field.rank,
            is_oneof: false,
            optional: self.optional || field.presence && field.default.is_none(),
        }
    }
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
