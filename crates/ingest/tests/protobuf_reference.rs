//! prost-reflect as oracle: random message types, random bytes of them with everything that merging has to deal with,
//! read field by field into columns and as a whole into JSON text.
#![allow(clippy::unwrap_used)]

mod protobuf_laws;

use forebay_ingest::{
    protobuf::{MessageChoice, Options, ProtobufSchema},
    target::TargetColumn,
};
use proptest::prelude::*;
use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, SerializeOptions, Value,
};
use protobuf_laws::*;
use std::fmt::Write;

/// Deterministic numbers: the finaliser of SplitMix64 over a counter.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    fn chance(&mut self, one_in: usize) -> bool {
        self.below(one_in) == 0
    }
}

const SCALARS: [&str; 15] = [
    "int32", "int64", "uint32", "uint64", "sint32", "sint64", "fixed32", "fixed64", "sfixed32", "sfixed64",
    "bool", "float", "double", "string", "bytes",
];

const MAP_KEYS: [&str; 6] = ["int32", "int64", "uint64", "sint32", "bool", "string"];

/// The text of a file with three message types that hold each other.
fn proto(n: &mut Numbers) -> String {
    let is_proto3 = !n.chance(3);
    let mut text = format!("syntax = \"proto{}\"; package random; ", if is_proto3 { 3 } else { 2 });
    text.push_str("enum Kind { KIND_ZERO = 0; KIND_ONE = 1; KIND_FAR = 500; } ");
    for message in 0..3 {
        write!(text, "message M{message} {{ ").unwrap();
        let fields = 1 + n.below(7);
        let mut number = 0;
        let mut choice = String::new();
        for field in 0..fields {
            let gap = if n.chance(4) { 30 } else { 2 };
            number += 1 + n.below(gap);
            let kind = match n.below(6) {
                0 => format!("M{}", n.below(3)),
                1 => "Kind".to_owned(),
                _ => SCALARS[n.below(SCALARS.len())].to_owned(),
            };
            match n.below(6) {
                0 => write!(text, "repeated {kind} f{field} = {number}; "),
                1 => {
                    let key = MAP_KEYS[n.below(MAP_KEYS.len())];
                    write!(text, "map<{key}, {kind}> f{field} = {number}; ")
                }
                2 => write!(choice, "{kind} f{field} = {number}; "),
                3 => write!(text, "optional {kind} f{field} = {number}; "),
                _ if is_proto3 => write!(text, "{kind} f{field} = {number}; "),
                _ => write!(text, "optional {kind} f{field} = {number}; "),
            }
            .unwrap();
        }
        if !choice.is_empty() {
            write!(text, "oneof choice {{ {choice} }} ").unwrap();
        }
        text.push_str("} ");
    }
    text
}

/// Bytes of a message: fields in any order, several times, packed and not, with unknown fields among them.
fn encoded(n: &mut Numbers, message: &MessageDescriptor, depth: usize) -> Wire {
    let mut wire = wire();
    let fields: Vec<FieldDescriptor> = message.fields().collect();
    for index in 0..n.below(fields.len() * 2 + 1) {
        let field = if n.chance(2) { &fields[index % fields.len()] } else { &fields[n.below(fields.len())] };
        wire = match n.below(14) {
            0 => wire.varint(200, n.next()),
            1 => wire.group(201, super_small(n)),
            _ => occurrence(n, wire, field, depth),
        };
    }
    wire
}

fn super_small(n: &mut Numbers) -> Wire {
    wire().int(1, n.below(9) as i64).bytes(2, "x")
}

fn occurrence(n: &mut Numbers, wire: Wire, field: &FieldDescriptor, depth: usize) -> Wire {
    let number = field.number();
    if field.is_map() {
        let Kind::Message(entry) = field.kind() else { unreachable!() };
        let mut content = protobuf_laws::wire();
        for part in [entry.map_entry_key_field(), entry.map_entry_value_field()] {
            for _ in 0..[0, 1, 1, 1, 1, 1, 1, 2][n.below(8)] {
                content = occurrence(n, content, &part, depth + 1);
            }
        }
        return wire.message(number, content);
    }
    let is_packable =
        field.is_list() && !matches!(field.kind(), Kind::String | Kind::Bytes | Kind::Message(_));
    if is_packable && n.chance(2) {
        let mut content = Vec::new();
        for _ in 0..n.below(4) {
            let keyed = value(n, protobuf_laws::wire(), 1, &field.kind(), depth);
            content.extend_from_slice(&keyed.0[1..]);
        }
        return wire.bytes(number, content);
    }
    value(n, wire, number, &field.kind(), depth)
}

fn value(n: &mut Numbers, wire: Wire, number: u32, kind: &Kind, depth: usize) -> Wire {
    let varint = match n.below(4) {
        0 => n.next(),
        1 => u64::MAX - n.below(3) as u64,
        _ => n.below(3) as u64,
    };
    match kind {
        Kind::Double | Kind::Fixed64 | Kind::Sfixed64 => {
            wire.double(number, [0.5, -0.0, f64::NAN, f64::MAX, 1e300][n.below(5)])
        }
        Kind::Float | Kind::Fixed32 | Kind::Sfixed32 => {
            wire.float(number, [0.25, -1.5, f32::INFINITY, f32::MIN_POSITIVE][n.below(4)])
        }
        Kind::String => wire.bytes(number, ["", "a", "b", "ä€", "\"\\\n"][n.below(5)]),
        Kind::Bytes => wire.bytes(number, [&[][..], b"\xff\x00", b"bytes"][n.below(3)]),
        Kind::Message(message) if depth < 4 => {
            let content = encoded(n, message, depth + 1);
            wire.message(number, content)
        }
        Kind::Message(_) => wire.message(number, protobuf_laws::wire()),
        Kind::Enum(_) => wire.varint(number, [0, 1, 500, 7, u64::MAX][n.below(5)]),
        _ => wire.varint(number, varint),
    }
}

/// A column type that shows all of a field, and what it shows of a value.
fn type_of(field: &FieldDescriptor, depth: usize) -> String {
    if field.is_map() {
        let Kind::Message(entry) = field.kind() else { unreachable!() };
        let key = scalar_type(&entry.map_entry_key_field().kind(), depth);
        return format!("Map({key}, {})", scalar_type(&entry.map_entry_value_field().kind(), depth));
    }
    let inner = scalar_type(&field.kind(), depth);
    if field.is_list() {
        format!("Array({inner})")
    } else if field.supports_presence() && !matches!(field.kind(), Kind::Message(_)) {
        format!("Nullable({inner})")
    } else {
        inner
    }
}

fn scalar_type(kind: &Kind, depth: usize) -> String {
    match kind {
        Kind::Double => "Float64",
        Kind::Float => "Float32",
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => "Int32",
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => "Int64",
        Kind::Uint32 | Kind::Fixed32 => "UInt32",
        Kind::Uint64 | Kind::Fixed64 => "UInt64",
        Kind::Bool => "Bool",
        Kind::String | Kind::Bytes | Kind::Enum(_) => "String",
        Kind::Message(_) if depth == 0 => "String",
        Kind::Message(message) => {
            let elements =
                message.fields().map(|field| format!("{} {}", field.name(), type_of(&field, depth - 1)));
            return format!("Tuple({})", elements.collect::<Vec<_>>().join(", "));
        }
    }
    .to_owned()
}

fn shown_field(message: &DynamicMessage, field: &FieldDescriptor, depth: usize) -> String {
    let is_message = matches!(field.kind(), Kind::Message(_));
    if field.supports_presence() && !message.has_field(field) {
        return match (is_message, depth) {
            (false, _) => "NULL".to_owned(),
            // Text of a message is refused where there is none, so the tests have no such columns on top.
            (true, 0) => "\"\"".to_owned(),
            (true, _) => zero_of(&field.kind(), depth),
        };
    }
    match message.get_field(field).as_ref() {
        Value::List(items) => {
            let items = items.iter().map(|item| shown_value(item, &field.kind(), depth));
            format!("[{}]", items.collect::<Vec<_>>().join(", "))
        }
        Value::Map(entries) => {
            let Kind::Message(entry) = field.kind() else { unreachable!() };
            let (key_kind, value_kind) =
                (entry.map_entry_key_field().kind(), entry.map_entry_value_field().kind());
            let shown = entries.iter().map(|(key, value)| {
                let key = Value::from(key.clone());
                format!(
                    "({}, {})",
                    shown_value(&key, &key_kind, depth),
                    shown_value(value, &value_kind, depth)
                )
            });
            let mut shown: Vec<String> = shown.collect();
            shown.sort();
            format!("[{}]", shown.join(", "))
        }
        value => shown_value(value, &field.kind(), depth),
    }
}

/// What a tuple or text holds for a message that is not there.
fn zero_of(kind: &Kind, depth: usize) -> String {
    let Kind::Message(message) = kind else { return shown_value(&Value::default_value(kind), kind, depth) };
    let elements = message.fields().map(|field| match (field.is_list() || field.is_map(), field.kind()) {
        (true, _) => "[]".to_owned(),
        (false, Kind::Message(_)) if depth == 1 => "\"\"".to_owned(),
        (false, kind @ Kind::Message(_)) => zero_of(&kind, depth - 1),
        (false, _) if field.supports_presence() => "NULL".to_owned(),
        (false, Kind::Enum(_)) => "\"\"".to_owned(),
        (false, kind) => shown_value(&Value::default_value(&kind), &kind, depth),
    });
    format!("({})", elements.collect::<Vec<_>>().join(", "))
}

fn shown_value(value: &Value, kind: &Kind, depth: usize) -> String {
    match (value, kind) {
        (Value::Bool(value), _) => i32::from(*value).to_string(),
        (Value::I32(value), _) => value.to_string(),
        (Value::I64(value), _) => value.to_string(),
        (Value::U32(value), _) => (*value as i32).to_string(),
        (Value::U64(value), _) => (*value as i64).to_string(),
        (Value::F32(value), _) => (value.to_bits() as i32).to_string(),
        (Value::F64(value), _) => (value.to_bits() as i64).to_string(),
        (Value::String(value), _) => format!("{value:?}"),
        (Value::Bytes(value), _) => format!("{:?}", String::from_utf8_lossy(value)),
        (Value::EnumNumber(number), Kind::Enum(kind)) => {
            let name = kind.get_value(*number).map(|value| value.name().to_owned());
            format!("{:?}", name.unwrap_or_else(|| number.to_string()))
        }
        (Value::Message(message), _) if depth == 0 => format!("{:?}", json(message).to_string()),
        (Value::Message(message), Kind::Message(descriptor)) => {
            let elements = descriptor.fields().map(|field| shown_field(message, &field, depth - 1));
            format!("({})", elements.collect::<Vec<_>>().join(", "))
        }
        other => panic!("{other:?}"),
    }
}

fn json(message: &DynamicMessage) -> serde_json::Value {
    let options = SerializeOptions::new()
        .stringify_64_bit_integers(false)
        .use_proto_field_name(true)
        .skip_default_fields(false);
    let mut bytes = Vec::new();
    let mut serializer = serde_json::Serializer::new(&mut bytes);
    message.serialize_with_options(&mut serializer, &options).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

/// Whether two values are the same but for the spelling of numbers.
fn same(one: &serde_json::Value, other: &serde_json::Value) -> bool {
    use serde_json::Value::{Array, Number, Object};
    match (one, other) {
        (Number(one), Number(other)) => {
            one == other || one.is_f64() != other.is_f64() && one.as_f64() == other.as_f64()
        }
        (Array(one), Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Object(one), Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(name, value)| other.get(name).is_some_and(|other| same(value, other)))
        }
        _ => one == other,
    }
}

fn check_random(seed: u64) {
    let n = &mut Numbers(seed);
    let text = proto(n);
    let schema = ProtobufSchema::parse(&schema(&text)).unwrap_or_else(|defect| panic!("{defect}\n{text}"));
    let descriptors = protox_pool(&text);
    let message = descriptors.get_message_by_name("random.M0").unwrap();
    let whole = whole_table(&schema);
    let fields: Vec<FieldDescriptor> =
        message.fields().filter(|field| !has_text_of_messages(field, 2)).collect();
    let columns: Vec<TargetColumn> =
        fields.iter().map(|field| column(field.name(), &type_of(field, 2))).collect();
    let table = Table::of(&schema, MessageChoice::Name("random.M0"), columns, Options::default());
    for _ in 0..4 {
        let bytes = encoded(n, &message, 0).0;
        let oracle = DynamicMessage::decode(message.clone(), bytes.as_slice()).unwrap();
        let ours = whole.text(&bytes).unwrap_or_else(|shown| panic!("{shown}\n{text}\n{bytes:02x?}"));
        let parsed: serde_json::Value =
            serde_json::from_str(&ours).unwrap_or_else(|error| panic!("{error}: {ours}"));
        assert!(same(&parsed, &json(&oracle)), "{parsed}\n{}\n{text}\n{bytes:02x?}", json(&oracle));
        if fields.iter().any(FieldDescriptor::is_map) {
            continue;
        }
        let expected: Vec<String> = fields.iter().map(|field| shown_field(&oracle, field, 2)).collect();
        if !fields.is_empty() {
            assert_eq!(table.show(&bytes), expected.join(" | "), "{text}\n{bytes:02x?}");
        }
    }
}

/// Whether its column has text of messages inside, whose members the oracle does not keep in order, or a map.
fn has_text_of_messages(field: &FieldDescriptor, depth: usize) -> bool {
    match field.kind() {
        Kind::Message(_) if depth == 0 => true,
        Kind::Message(message) => {
            message.fields().any(|field| has_text_of_messages(&field, depth - 1) || field.is_map())
        }
        _ => false,
    }
}

fn protox_pool(text: &str) -> DescriptorPool {
    let file = protox::file::File::from_source("random.proto", text).unwrap();
    let mut pool = DescriptorPool::new();
    pool.add_file_descriptor_proto(file.file_descriptor_proto().clone()).unwrap();
    pool
}

struct Whole(Table);

fn whole_table(schema: &ProtobufSchema) -> Whole {
    Whole(Table::of(schema, MessageChoice::Name("random.M0"), vec![column("", "String")], Options::default()))
}

impl Whole {
    /// The record as JSON text, or what is wrong with it.
    fn text(&self, bytes: &[u8]) -> Result<String, String> {
        let (rows, rejects) = self.0.decode([bytes]);
        if !rejects.is_empty() {
            return Err(self.0.show(bytes));
        }
        let forebay_ingest::column_batch::Values::Bytes { bytes, .. } = &rows.columns[0].values else {
            panic!()
        };
        Ok(String::from_utf8(bytes.clone()).unwrap())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn values_are_those_of_prost_reflect(seed: u64) {
        check_random(seed);
    }

    #[test]
    fn what_is_accepted_is_what_prost_reflect_accepts(seed: u64, changes in prop::collection::vec((any::<u16>(), any::<u8>(), 0..3), 1..4)) {
        let n = &mut Numbers(seed);
        let text = proto(n);
        let schema = ProtobufSchema::parse(&schema(&text)).unwrap();
        let message = protox_pool(&text).get_message_by_name("random.M0").unwrap();
        let mut bytes = encoded(n, &message, 0).0;
        for (at, byte, change) in changes {
            let at = usize::from(at) % (bytes.len() + 1);
            match change {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, byte),
                _ if at < bytes.len() => bytes[at] = byte,
                _ => {}
            }
        }
        let ours = whole_table(&schema).text(&bytes);
        match DynamicMessage::decode(message, bytes.as_slice()) {
            Ok(oracle) => {
                let ours: serde_json::Value = serde_json::from_str(&ours.unwrap()).unwrap();
                prop_assert!(same(&ours, &json(&oracle)), "{}\n{}", ours, json(&oracle));
            }
            // A value in another form is an error there, an unknown field here. Proto2 text may be any bytes in a column.
            Err(error) if error.to_string().contains("invalid wire type") => {}
            Err(error) => prop_assert!(ours.is_err(), "{} but accepted: {:?}\n{}\n{:02x?}", error, ours, text, bytes),
        }
    }
}

#[test]
fn map_keys_of_the_oracle_are_values() {
    assert_eq!(Value::from(MapKey::I32(5)), Value::I32(5));
}
