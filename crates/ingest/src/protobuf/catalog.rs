//! Message types as decoding needs them: all of a schema in one table, naming each other by index.

use super::wire::{DELIMITED, FIXED32, FIXED64, GROUP, Key, Raw, VARINT, push_varint};
use forebay_project::model::PathStep;
use prost_reflect::{
    Cardinality, DescriptorPool, DynamicMessage, EnumDescriptor, FieldDescriptor, Kind as ReflectKind,
    MessageDescriptor, Syntax, Value,
};
use std::collections::HashMap;

/// All message and enum types of a schema.
#[derive(Clone, Debug, Default)]
pub(super) struct Catalog {
    pub(super) messages: Vec<MessageType>,
    pub(super) enums: Vec<EnumType>,
    message_index: HashMap<Box<str>, usize>,
}

#[derive(Clone, Debug)]
pub(super) struct MessageType {
    pub(super) full_name: Box<str>,
    pub(super) known: Option<Known>,
    /// Sorted by number.
    pub(super) fields: Vec<Field>,
    pub(super) oneofs: Vec<Oneof>,
}

#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) name: Box<str>,
    pub(super) json_name: Box<str>,
    pub(super) number: u32,
    pub(super) kind: Kind,
    pub(super) rank: Rank,
    /// Whether it can be unset, which is something else than being zero.
    pub(super) presence: bool,
    /// Index among the message's `oneofs`.
    pub(super) oneof: Option<usize>,
    /// What it is when it is unset, where that is a value.
    pub(super) default: Option<Preset>,
    /// Whether it is written as a group.
    pub(super) group: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Oneof {
    pub(super) name: Box<str>,
    /// Indexes in the message's `fields`.
    pub(super) members: Vec<usize>,
}

/// How often a field has a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rank {
    Single,
    Repeated,
    /// Repeated entries of fields 1 and 2.
    Map,
}

/// What the values of a field are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Number(Number),
    /// Index of the enum type.
    Enum(usize),
    /// Whether it must be UTF-8.
    Text {
        checked: bool,
    },
    Bytes,
    /// Index of the message type.
    Message(usize),
}

/// How bits on the wire are a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    Bool,
    Int32,
    Int64,
    Uint32,
    Uint64,
    Sint32,
    Sint64,
    Fixed32,
    Fixed64,
    Sfixed32,
    Sfixed64,
    Float,
    Double,
}

/// A value as the wire would have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Preset {
    Bits(u64),
    Bytes(Box<[u8]>),
}

/// Message types of google/protobuf that mean something else than their fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    Timestamp,
    Duration,
    /// Of one field, `value`.
    Wrapper,
    Struct,
    Value,
    ListValue,
    FieldMask,
    /// A message of a type that it names.
    Any,
}

#[derive(Clone, Debug)]
pub(super) struct EnumType {
    /// Sorted by number; of several names for a number the first.
    names: Vec<(i32, Box<str>)>,
}

impl Preset {
    pub(super) fn raw(&self) -> Raw<'_> {
        match self {
            Self::Bits(bits) => Raw::Bits(*bits),
            Self::Bytes(bytes) => Raw::Bytes(bytes),
        }
    }
}

impl EnumType {
    pub(super) fn name(&self, number: i32) -> Option<&str> {
        let index = match self.names.get(number as usize) {
            Some((found, _)) if *found == number => number as usize,
            _ => self.names.binary_search_by_key(&number, |(number, _)| *number).ok()?,
        };
        Some(&self.names[index].1)
    }

    fn of(descriptor: &EnumDescriptor) -> Self {
        let declared = descriptor.enum_descriptor_proto().value.iter();
        let mut names: Vec<(i32, Box<str>)> =
            declared.map(|value| (value.number(), value.name().into())).collect();
        names.sort_by_key(|(number, _)| *number);
        names.dedup_by_key(|(number, _)| *number);
        Self { names }
    }
}

impl Number {
    /// The form of its values on the wire.
    pub(super) fn form(self) -> u32 {
        match self {
            Self::Fixed32 | Self::Sfixed32 | Self::Float => FIXED32,
            Self::Fixed64 | Self::Sfixed64 | Self::Double => FIXED64,
            _ => VARINT,
        }
    }

    /// The bits on the wire as those of a 64-bit two's complement number; floats keep their own.
    #[inline(always)]
    pub(super) fn decode(self, bits: u64) -> u64 {
        match self {
            Self::Bool => u64::from(bits != 0),
            Self::Int32 | Self::Sfixed32 => i64::from(bits as i32) as u64,
            Self::Uint32 => u64::from(bits as u32),
            Self::Sint32 => {
                let zigzag = bits as u32;
                i64::from((zigzag >> 1) as i32 ^ -((zigzag & 1) as i32)) as u64
            }
            Self::Sint64 => (bits >> 1) ^ (bits & 1).wrapping_neg(),
            Self::Int64
            | Self::Uint64
            | Self::Fixed32
            | Self::Fixed64
            | Self::Sfixed64
            | Self::Float
            | Self::Double => bits,
        }
    }
}

impl Field {
    /// The key its values have; those of a repeated number may also stand packed in a length-delimited one.
    pub(super) fn key(&self) -> Key {
        let form = match self.kind {
            Kind::Number(number) => number.form(),
            Kind::Enum(_) => VARINT,
            Kind::Text { .. } | Kind::Bytes => DELIMITED,
            Kind::Message(_) => {
                if self.group {
                    GROUP
                } else {
                    DELIMITED
                }
            }
        };
        Key::new(self.number, form)
    }

    /// Whether its values may stand packed.
    pub(super) fn packable(&self) -> bool {
        self.rank == Rank::Repeated && matches!(self.kind, Kind::Number(_) | Kind::Enum(_))
    }

    /// Whether a value with this key is one of this field.
    pub(super) fn takes(&self, key: Key) -> bool {
        key == self.key() || key == Key::new(self.number, DELIMITED) && self.packable()
    }

    /// The number its bits are, of a field of numbers or of an enum.
    pub(super) fn number_kind(&self) -> Option<Number> {
        match self.kind {
            Kind::Number(number) => Some(number),
            Kind::Enum(_) => Some(Number::Int32),
            _ => None,
        }
    }

    pub(super) fn is_named(&self, name: &str) -> bool {
        *self.name == *name
    }
}

impl MessageType {
    /// The field of this number.
    pub(super) fn field(&self, number: u32) -> Option<usize> {
        self.fields.binary_search_by_key(&number, |field| field.number).ok()
    }

    /// The field of this name or, if there is none, of this JSON name.
    pub(super) fn field_named(&self, name: &str) -> Option<usize> {
        let by_name = self.fields.iter().position(|field| field.is_named(name));
        let by_json_name = || self.fields.iter().position(|field| *field.json_name == *name);
        // The name that the type of an Any has in its JSON form.
        let type_url = || (self.known == Some(Known::Any) && name == "@type").then_some(0);
        by_name.or_else(by_json_name).or_else(type_url)
    }

    pub(super) fn oneof_named(&self, name: &str) -> Option<usize> {
        self.oneofs.iter().position(|oneof| *oneof.name == *name)
    }
}

impl Catalog {
    pub(super) fn of(pool: &DescriptorPool, editions: &Editions) -> Self {
        let mut catalog = Self::default();
        let enums: HashMap<String, usize> =
            pool.all_enums().enumerate().map(|(index, e)| (e.full_name().to_owned(), index)).collect();
        catalog.enums = pool.all_enums().map(|descriptor| EnumType::of(&descriptor)).collect();
        let names = pool.all_messages().enumerate();
        catalog.message_index = names.map(|(index, message)| (message.full_name().into(), index)).collect();
        let builder = Builder { messages: &catalog.message_index, enums: &enums, editions };
        let messages: Vec<MessageType> =
            pool.all_messages().map(|message| builder.message(&message)).collect();
        catalog.messages = messages;
        catalog.forget_impostors();
        catalog
    }

    /// A schema may bring its own `google.protobuf.Struct`: one of another form is a message like any other.
    fn forget_impostors(&mut self) {
        loop {
            let is_impostor = |index: &usize| !self.is_as_known(&self.messages[*index]);
            let impostors: Vec<usize> = (0..self.messages.len()).filter(is_impostor).collect();
            if impostors.is_empty() {
                return;
            }
            impostors.into_iter().for_each(|index| self.messages[index].known = None);
        }
    }

    fn is_as_known(&self, message: &MessageType) -> bool {
        let Some(known) = message.known else { return true };
        let is = |kind: Kind, wanted| matches!(kind, Kind::Message(index) if self.messages[index].known == Some(wanted));
        let forms: Vec<(u32, Rank, Kind)> =
            message.fields.iter().map(|field| (field.number, field.rank, field.kind)).collect();
        match (known, forms.as_slice()) {
            (Known::Timestamp | Known::Duration, _) => true,
            (Known::Wrapper, [(1, Rank::Single, kind)]) => !matches!(kind, Kind::Message(_)),
            (Known::Struct, [(1, Rank::Map, Kind::Message(entry))]) => {
                let entry = &self.messages[*entry].fields;
                matches!(entry[0].kind, Kind::Text { .. }) && is(entry[1].kind, Known::Value)
            }
            (Known::ListValue, [(1, Rank::Repeated, kind)]) => is(*kind, Known::Value),
            (Known::FieldMask, [(1, Rank::Repeated, Kind::Text { .. })]) => true,
            (Known::Any, [(1, Rank::Single, Kind::Text { .. }), (2, Rank::Single, Kind::Bytes)]) => true,
            (Known::Value, [one, two, three, four, (5, _, object), (6, _, list)]) => {
                let scalars = [one, two, three, four].map(|(_, _, kind)| *kind);
                let are_scalars = matches!(
                    scalars,
                    [
                        Kind::Enum(_),
                        Kind::Number(Number::Double),
                        Kind::Text { .. },
                        Kind::Number(Number::Bool)
                    ]
                );
                are_scalars
                    && forms.iter().all(|(_, rank, _)| *rank == Rank::Single)
                    && is(*object, Known::Struct)
                    && is(*list, Known::ListValue)
            }
            _ => false,
        }
    }

    /// The field that a path goes on in, by a step that is none of the message's own fields: a Struct is the map it
    /// holds, a ListValue its list, and a Value either of them.
    pub(super) fn stand_in(&self, message: usize, step: &PathStep) -> Option<usize> {
        let message = &self.messages[message];
        let number = match (message.known?, step) {
            (Known::Struct, PathStep::Field(_)) | (Known::ListValue, PathStep::Each) => 1,
            (Known::Value, PathStep::Field(_)) => 5,
            (Known::Value, PathStep::Each) => 6,
            _ => return None,
        };
        message.field(number)
    }

    /// Index of the message type of this full name.
    pub(super) fn find(&self, full_name: &str) -> Option<usize> {
        self.message_index.get(full_name).copied()
    }
}

/// Names of files that were written in an edition rather than in proto2 or proto3.
pub(super) type Editions = std::collections::BTreeSet<String>;

struct Builder<'b> {
    messages: &'b HashMap<Box<str>, usize>,
    enums: &'b HashMap<String, usize>,
    editions: &'b Editions,
}

impl Builder<'_> {
    fn message(&self, descriptor: &MessageDescriptor) -> MessageType {
        let features = self.message_features(descriptor);
        let mut fields: Vec<Field> = descriptor.fields().map(|field| self.field(&field, features)).collect();
        fields.sort_by_key(|field| field.number);
        let oneofs = descriptor.oneofs().filter(|oneof| !oneof.is_synthetic());
        let oneofs = oneofs.map(|oneof| {
            let numbers: Vec<u32> = oneof.fields().map(|field| field.number()).collect();
            let members = (0..fields.len()).filter(|index| numbers.contains(&fields[*index].number));
            Oneof { name: oneof.name().into(), members: members.collect() }
        });
        let oneofs: Vec<Oneof> = oneofs.collect();
        for (index, oneof) in oneofs.iter().enumerate() {
            oneof.members.iter().for_each(|member| fields[*member].oneof = Some(index));
        }
        MessageType {
            full_name: descriptor.full_name().into(),
            known: known(descriptor.full_name()),
            fields,
            oneofs,
        }
    }

    fn field(&self, field: &FieldDescriptor, features: Features) -> Field {
        let features = match field.containing_oneof() {
            Some(oneof) => features.changed_by(&oneof.options()),
            None => features,
        };
        let features = features.changed_by(&field.options());
        let rank = match field.cardinality() {
            _ if is_map(field) => Rank::Map,
            Cardinality::Repeated => Rank::Repeated,
            _ => Rank::Single,
        };
        let kind = self.kind(&field.kind(), features);
        let is_message = matches!(kind, Kind::Message(_));
        let in_oneof = field.containing_oneof().is_some();
        // What an entry of a map lacks is zero in proto2 as well.
        let is_implicit = features.implicit || field.parent_message().is_map_entry();
        let presence =
            rank == Rank::Single && field.supports_presence() && (!is_implicit || is_message || in_oneof);
        let has_default = rank == Rank::Single
            && !is_message
            && (!presence || field.field_descriptor_proto().default_value.is_some());
        Field {
            name: field.name().into(),
            json_name: field.json_name().into(),
            number: field.number(),
            kind,
            rank,
            presence,
            oneof: None,
            default: has_default.then(|| default_of(&field.default_value(), kind)),
            group: field.is_group() || is_message && rank != Rank::Map && features.delimited,
        }
    }

    fn kind(&self, kind: &ReflectKind, features: Features) -> Kind {
        Kind::Number(match kind {
            ReflectKind::Double => Number::Double,
            ReflectKind::Float => Number::Float,
            ReflectKind::Int32 => Number::Int32,
            ReflectKind::Int64 => Number::Int64,
            ReflectKind::Uint32 => Number::Uint32,
            ReflectKind::Uint64 => Number::Uint64,
            ReflectKind::Sint32 => Number::Sint32,
            ReflectKind::Sint64 => Number::Sint64,
            ReflectKind::Fixed32 => Number::Fixed32,
            ReflectKind::Fixed64 => Number::Fixed64,
            ReflectKind::Sfixed32 => Number::Sfixed32,
            ReflectKind::Sfixed64 => Number::Sfixed64,
            ReflectKind::Bool => Number::Bool,
            ReflectKind::String => return Kind::Text { checked: features.checks_text },
            ReflectKind::Bytes => return Kind::Bytes,
            ReflectKind::Message(message) => return Kind::Message(self.messages[message.full_name()]),
            ReflectKind::Enum(descriptor) => return Kind::Enum(self.enums[descriptor.full_name()]),
        })
    }

    fn message_features(&self, descriptor: &MessageDescriptor) -> Features {
        let outer = match descriptor.parent_message() {
            Some(parent) => self.message_features(&parent),
            None => self.file_features(descriptor),
        };
        outer.changed_by(&descriptor.options())
    }

    fn file_features(&self, descriptor: &MessageDescriptor) -> Features {
        let file = descriptor.parent_file();
        let checks_text = self.editions.contains(file.name()) || file.syntax() == Syntax::Proto3;
        let features = Features { implicit: false, delimited: false, checks_text };
        features.changed_by(&file.options())
    }
}

/// Features of an edition that decoding depends on. Source: protobuf.dev, "Feature Settings for Editions".
#[derive(Clone, Copy, Debug)]
struct Features {
    /// `field_presence = IMPLICIT`
    implicit: bool,
    /// `message_encoding = DELIMITED`
    delimited: bool,
    /// `utf8_validation = VERIFY`
    checks_text: bool,
}

impl Features {
    fn changed_by(mut self, options: &DynamicMessage) -> Self {
        let features = options.get_field_by_name("features");
        let Some(features) = features.as_deref().and_then(Value::as_message) else {
            return self;
        };
        let number = |name: &str| {
            let is_set = features.has_field_by_name(name);
            let value = features.get_field_by_name(name).filter(|_| is_set);
            value.and_then(|value| value.as_enum_number())
        };
        if let Some(presence) = number("field_presence") {
            self.implicit = presence == 2;
        }
        if let Some(encoding) = number("message_encoding") {
            self.delimited = encoding == 2;
        }
        if let Some(validation) = number("utf8_validation") {
            self.checks_text = validation == 2;
        }
        self
    }
}

/// Descriptors may call anything an entry; one is read as such that has a key and a value.
fn is_map(field: &FieldDescriptor) -> bool {
    let entry = field.kind();
    let Some(entry) = entry.as_message().filter(|_| field.is_map()) else { return false };
    let is_part = |part: &FieldDescriptor, number| {
        part.number() == number && part.cardinality() != Cardinality::Repeated && !part.is_group()
    };
    entry.fields().len() == 2 && (1..=2).all(|number| entry.fields().any(|part| is_part(&part, number)))
}

fn known(full_name: &str) -> Option<Known> {
    Some(match full_name.strip_prefix("google.protobuf.")? {
        "Timestamp" => Known::Timestamp,
        "Duration" => Known::Duration,
        "DoubleValue" | "FloatValue" | "Int64Value" | "UInt64Value" | "Int32Value" | "UInt32Value"
        | "BoolValue" | "StringValue" | "BytesValue" => Known::Wrapper,
        "Struct" => Known::Struct,
        "Value" => Known::Value,
        "ListValue" => Known::ListValue,
        "FieldMask" => Known::FieldMask,
        "Any" => Known::Any,
        _ => return None,
    })
}

/// A value as it stands on the wire.
fn default_of(value: &Value, kind: Kind) -> Preset {
    let signed = |value: i64| match kind {
        Kind::Number(Number::Sint32 | Number::Sint64) => ((value << 1) ^ (value >> 63)) as u64,
        Kind::Number(Number::Sfixed32) => u64::from(value as u32),
        _ => value as u64,
    };
    match value {
        Value::Bool(value) => Preset::Bits((*value).into()),
        Value::I32(value) | Value::EnumNumber(value) => Preset::Bits(signed((*value).into())),
        Value::I64(value) => Preset::Bits(signed(*value)),
        Value::U32(value) => Preset::Bits((*value).into()),
        Value::U64(value) => Preset::Bits(*value),
        Value::F32(value) => Preset::Bits(value.to_bits().into()),
        Value::F64(value) => Preset::Bits(value.to_bits()),
        Value::String(value) => Preset::Bytes(value.as_bytes().into()),
        Value::Bytes(value) => Preset::Bytes(value.as_ref().into()),
        Value::Message(_) | Value::List(_) | Value::Map(_) => Preset::Bytes(Box::default()),
    }
}

/// Appends a key and a value.
pub(super) fn push_field(out: &mut Vec<u8>, key: Key, raw: Raw<'_>) {
    push_varint(out, key.0.into());
    match raw {
        Raw::Bits(bits) if key.form() == FIXED64 => out.extend_from_slice(&bits.to_le_bytes()),
        Raw::Bits(bits) if key.form() == FIXED32 => out.extend_from_slice(&(bits as u32).to_le_bytes()),
        Raw::Bits(bits) => push_varint(out, bits),
        Raw::Bytes(bytes) if key.form() == DELIMITED => {
            push_varint(out, bytes.len() as u64);
            out.extend_from_slice(bytes);
        }
        Raw::Bytes(bytes) => {
            out.extend_from_slice(bytes);
            push_varint(out, Key::new(key.number(), super::wire::END_GROUP).0.into());
        }
    }
}
