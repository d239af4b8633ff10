//! What a message type declares, for the columns of a table.

use super::catalog::{Field, Kind, Known, Number, Rank};
use super::schema::Message;
use crate::inference::typed::{MOST_COLUMNS, TOO_MANY, Typed, TypedKind};
use forebay_project::column_type::ColumnType;

impl Message {
    /// Its fields. Those of a oneof stand beside the others, each of which may be absent.
    pub(crate) fn outline(&self) -> Typed {
        Outline { message: self, above: Vec::new(), left: MOST_COLUMNS }.message_type(self.index)
    }
}

struct Outline<'m> {
    message: &'m Message,
    /// Indexes of the messages around.
    above: Vec<usize>,
    /// How many more fields may become columns.
    left: usize,
}

impl Outline<'_> {
    fn message_type(&mut self, index: usize) -> Typed {
        let message = &self.message.catalog.messages[index];
        if let Some(known) = message.known {
            return self.known(known, index);
        }
        if self.above.contains(&index) {
            return Typed::json(format!("{} holds itself", message.full_name));
        }
        if message.fields.is_empty() {
            return Typed::json("a message without fields");
        }
        let Some(left) = self.left.checked_sub(message.fields.len()) else {
            return Typed::json(TOO_MANY);
        };
        self.left = left;
        self.above.push(index);
        let fields = message.fields.iter().map(|field| (field.name.to_string(), self.field(field))).collect();
        self.above.pop();
        Typed::required(TypedKind::Record(fields))
    }

    fn field(&mut self, field: &Field) -> Typed {
        match field.rank {
            Rank::Map => self.map(field),
            Rank::Repeated => Typed::required(TypedKind::List(Box::new(self.value(field.kind)))),
            Rank::Single => {
                let value = self.value(field.kind);
                // A default that the schema declares stands for the absent value.
                let absent = field.presence && field.default.is_none();
                Typed { optional: value.optional || absent, ..value }
            }
        }
    }

    fn map(&mut self, field: &Field) -> Typed {
        let Kind::Message(entry) = field.kind else {
            unreachable!("the entries of a map are messages");
        };
        let entry = self.message.catalog.messages[entry].clone();
        let part = |number: u32| entry.field(number).map(|index| entry.fields[index].kind);
        let key = part(1).map(|kind| self.value(kind).kind);
        match (key, part(2)) {
            (Some(TypedKind::Leaf(key, _)), Some(value)) => {
                Typed::required(TypedKind::Map(key, Box::new(Typed { optional: false, ..self.value(value) })))
            }
            _ => Typed::json("a map"),
        }
    }

    fn value(&mut self, kind: Kind) -> Typed {
        match kind {
            Kind::Number(number) => Typed::leaf(number_type(number)),
            Kind::Enum(_) => Typed::leaf(ColumnType::LowCardinality(Box::new(ColumnType::String))),
            Kind::Text { .. } | Kind::Bytes => Typed::leaf(ColumnType::String),
            Kind::Message(index) => self.message_type(index),
        }
    }

    fn known(&mut self, known: Known, index: usize) -> Typed {
        match known {
            Known::Timestamp => Typed::leaf(ColumnType::DateTime64 { precision: 9, time_zone: None }),
            Known::Duration => Typed::because(ColumnType::Decimal { precision: 21, scale: 9 }, "seconds"),
            Known::Wrapper => {
                let wrapped = self.message.catalog.messages[index].fields.first().map(|field| field.kind);
                wrapped.map_or_else(|| Typed::json("a wrapper"), |kind| self.value(kind))
            }
            Known::Struct => Typed::json("a Struct"),
            Known::Any => Typed::json("an Any"),
            Known::Value => Typed::because(ColumnType::String, "a Value of any shape: JSON text"),
            Known::ListValue => {
                Typed::because(ColumnType::String, "a list of values of any shape: JSON text")
            }
            Known::FieldMask => Typed::because(ColumnType::String, "a field mask: JSON text"),
        }
    }
}

fn number_type(number: Number) -> ColumnType {
    let int = |bits, signed| ColumnType::Int { bits, signed };
    match number {
        Number::Bool => ColumnType::Bool,
        Number::Int32 | Number::Sint32 | Number::Sfixed32 => int(32, true),
        Number::Int64 | Number::Sint64 | Number::Sfixed64 => int(64, true),
        Number::Uint32 | Number::Fixed32 => int(32, false),
        Number::Uint64 | Number::Fixed64 => int(64, false),
        Number::Float => ColumnType::Float32,
        Number::Double => ColumnType::Float64,
    }
}
