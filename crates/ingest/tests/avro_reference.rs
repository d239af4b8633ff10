//! Random schemas and values, written by apache-avro and read by us.
#![allow(clippy::unwrap_used)]

mod avro_laws;
mod json_laws;

use apache_avro::types::Value;
use avro_laws::*;
use forebay_ingest::{avro::Options, document::Texts};
use forebay_project::column_type::ColumnType;
use json_laws::*;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

/// A type of a schema, without names: those are given when it is written out.
#[derive(Clone, Debug)]
enum Type {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    Text,
    Fixed(usize),
    Enum(usize),
    Array(Box<Type>),
    Map(Box<Type>),
    Record(Vec<Type>),
    Union(Vec<Type>),
    Logical(&'static str),
}

const LOGICAL: [&str; 7] = [
    "date",
    "time-millis",
    "time-micros",
    "timestamp-millis",
    "timestamp-micros",
    "local-timestamp-nanos",
    "uuid",
];

impl Type {
    fn base(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Int | Self::Logical("date" | "time-millis") => "int",
            Self::Text | Self::Logical("uuid") => "string",
            Self::Long | Self::Logical(_) => "long",
            Self::Float => "float",
            Self::Double => "double",
            Self::Bytes => "bytes",
            Self::Fixed(_) => "fixed",
            Self::Enum(_) => "enum",
            Self::Array(_) => "array",
            Self::Map(_) => "map",
            Self::Record(_) => "record",
            Self::Union(_) => "union",
        }
    }

    /// The schema, with a name of its own for each named type.
    fn schema(&self, names: &mut usize) -> Json {
        *names += 1;
        let name = format!("N{names}");
        match self {
            Self::Fixed(size) => json!({"type": "fixed", "name": name, "size": size}),
            Self::Enum(count) => {
                let symbols: Vec<_> = (0..*count).map(symbol).collect();
                json!({"type": "enum", "name": name, "symbols": symbols})
            }
            Self::Array(item) => json!({"type": "array", "items": item.schema(names)}),
            Self::Map(value) => json!({"type": "map", "values": value.schema(names)}),
            Self::Record(fields) => {
                let fields: Vec<_> = (0..)
                    .zip(fields)
                    .map(|(index, field)| json!({"name": field_name(index), "type": field.schema(names)}))
                    .collect();
                json!({"type": "record", "name": name, "fields": fields})
            }
            Self::Union(branches) => branches.iter().map(|branch| branch.schema(names)).collect(),
            Self::Logical(logical) => json!({"type": self.base(), "logicalType": logical}),
            primitive => json!(primitive.base()),
        }
    }

    fn value(&self) -> BoxedStrategy<Value> {
        match self {
            Self::Null => Just(Value::Null).boxed(),
            Self::Boolean => any::<bool>().prop_map(Value::Boolean).boxed(),
            Self::Int => any::<i32>().prop_map(Value::Int).boxed(),
            Self::Long => prop_oneof![any::<i64>(), -200..200_i64].prop_map(Value::Long).boxed(),
            Self::Float => any::<f32>().prop_map(Value::Float).boxed(),
            Self::Double => any::<f64>().prop_map(Value::Double).boxed(),
            Self::Bytes => prop::collection::vec(any::<u8>(), 0..9).prop_map(Value::Bytes).boxed(),
            Self::Text => any::<String>().prop_map(Value::String).boxed(),
            Self::Fixed(size) => prop::collection::vec(any::<u8>(), *size)
                .prop_map(|bytes| Value::Fixed(bytes.len(), bytes))
                .boxed(),
            Self::Enum(count) => {
                (0..*count).prop_map(|index| Value::Enum(index as u32, symbol(index))).boxed()
            }
            Self::Array(item) => prop::collection::vec(item.value(), 0..4).prop_map(Value::Array).boxed(),
            Self::Map(value) => {
                prop::collection::hash_map("[a-c\"]{0,2}", value.value(), 0..3).prop_map(Value::Map).boxed()
            }
            Self::Record(fields) => {
                let values: Vec<_> = fields.iter().map(Type::value).collect();
                let named = |values: Vec<Value>| (0..).map(field_name).zip(values).collect();
                values.prop_map(move |values| Value::Record(named(values))).boxed()
            }
            Self::Union(branches) => {
                let branches = branches.clone();
                let index = 0..branches.len();
                index
                    .prop_flat_map(move |index| {
                        branches[index]
                            .value()
                            .prop_map(move |value| Value::Union(index as u32, value.into()))
                    })
                    .boxed()
            }
            Self::Logical(logical) => logical_value(logical),
        }
    }
}

fn logical_value(logical: &'static str) -> BoxedStrategy<Value> {
    let day = 86_400_000_i64;
    match logical {
        "date" => (-100_000..100_000_i32).prop_map(Value::Date).boxed(),
        "time-millis" => (0..day as i32).prop_map(Value::TimeMillis).boxed(),
        "time-micros" => (0..day * 1_000).prop_map(Value::TimeMicros).boxed(),
        "timestamp-millis" => (-day * 9_999..day * 99_999).prop_map(Value::TimestampMillis).boxed(),
        "timestamp-micros" => any::<i32>().prop_map(|t| Value::TimestampMicros(i64::from(t) << 10)).boxed(),
        "local-timestamp-nanos" => any::<i64>().prop_map(Value::LocalTimestampNanos).boxed(),
        _ => any::<u128>().prop_map(|bits| Value::Uuid(apache_avro::Uuid::from_u128(bits))).boxed(),
    }
}

fn symbol(index: usize) -> String {
    format!("S{index}")
}

fn field_name(index: usize) -> String {
    format!("f{index}")
}

fn any_type() -> impl Strategy<Value = Type> {
    let scalar = prop_oneof![
        Just(Type::Null),
        Just(Type::Boolean),
        Just(Type::Int),
        Just(Type::Long),
        Just(Type::Float),
        Just(Type::Double),
        Just(Type::Bytes),
        Just(Type::Text),
        (1..5_usize).prop_map(Type::Fixed),
        (1..4_usize).prop_map(Type::Enum),
        prop::sample::select(LOGICAL.to_vec()).prop_map(Type::Logical),
    ];
    scalar.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(|item| Type::Array(item.into())),
            inner.clone().prop_map(|value| Type::Map(value.into())),
            prop::collection::vec(inner.clone(), 1..5).prop_map(Type::Record),
            prop::collection::vec(inner, 1..4).prop_map(union),
        ]
    })
}

/// A union of those branches that may stand together.
fn union(branches: Vec<Type>) -> Type {
    let mut kept: Vec<Type> = Vec::new();
    for branch in branches {
        let is_union = matches!(branch, Type::Union(_));
        if !is_union && kept.iter().all(|known| known.base() != branch.base()) {
            kept.push(branch);
        }
    }
    if kept.is_empty() {
        kept.push(Type::Null);
    }
    Type::Union(kept)
}

/// A record of a few fields and a value of it.
fn typed() -> impl Strategy<Value = (Type, Value)> {
    let record = prop::collection::vec(any_type(), 1..6).prop_map(Type::Record);
    record.prop_flat_map(|kind| {
        let value = kind.value();
        (Just(kind), value)
    })
}

/// The value as our JSON text has it, said without our code.
fn in_json(value: &Value) -> Json {
    let utc = |seconds: i64, nanos: i64| {
        let timestamp = jiff::Timestamp::new(seconds, nanos as i32).unwrap();
        jiff::tz::TimeZone::UTC.to_datetime(timestamp)
    };
    let split = |ticks: i64, per_second: i64| {
        let fraction = ticks.rem_euclid(per_second) * (1_000_000_000 / per_second);
        utc(ticks.div_euclid(per_second), fraction)
    };
    match value {
        Value::Null => Json::Null,
        Value::Boolean(value) => json!(value),
        Value::Int(value) => json!(value),
        Value::Long(value) => json!(value),
        Value::Float(value) => {
            float(f64::from(*value), || serde_json::from_str(&format!("{value:e}")).unwrap())
        }
        Value::Double(value) => float(*value, || json!(value)),
        Value::Bytes(bytes) | Value::Fixed(_, bytes) => json!(base64(bytes)),
        Value::String(text) | Value::Enum(_, text) => json!(text),
        Value::Union(_, inner) => in_json(inner),
        Value::Array(items) => items.iter().map(in_json).collect(),
        Value::Map(entries) => entries.iter().map(|(key, value)| (key.clone(), in_json(value))).collect(),
        Value::Record(fields) => fields.iter().map(|(name, value)| (name.clone(), in_json(value))).collect(),
        Value::Date(days) => json!(split(i64::from(*days) * 86_400, 1).date().to_string()),
        Value::TimeMillis(ticks) => json!(format!("{:.3}", split((*ticks).into(), 1_000).time())),
        Value::TimeMicros(ticks) => json!(format!("{:.6}", split(*ticks, 1_000_000).time())),
        Value::TimestampMillis(ticks) => json!(format!("{:.3}Z", split(*ticks, 1_000))),
        Value::TimestampMicros(ticks) => json!(format!("{:.6}Z", split(*ticks, 1_000_000))),
        Value::LocalTimestampNanos(ticks) => json!(format!("{:.9}", split(*ticks, 1_000_000_000))),
        Value::Uuid(uuid) => json!(uuid.to_string()),
        other => panic!("{other:?} is not generated"),
    }
}

fn float(value: f64, finite: impl Fn() -> Json) -> Json {
    match value {
        _ if value.is_nan() => json!("NaN"),
        _ if value.is_infinite() => json!(if value > 0.0 { "Infinity" } else { "-Infinity" }),
        _ => finite(),
    }
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let mut padded = [0; 4];
        padded[1..=chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes(padded);
        for digit in 0..4 {
            let letter = char::from(ALPHABET[(bits >> (18 - 6 * digit) & 63) as usize]);
            text.push(if digit <= chunk.len() { letter } else { '=' });
        }
    }
    text
}

/// Equal but for the spelling of numbers: `1` and `1.0` are the same. serde_json reads floats
/// nearly; that they are exact is tested in columns of their own type.
fn same(expected: &Json, found: &Json) -> bool {
    match (expected, found) {
        (Json::Array(e), Json::Array(f)) => e.len() == f.len() && e.iter().zip(f).all(|(e, f)| same(e, f)),
        (Json::Object(e), Json::Object(f)) => {
            e.len() == f.len() && e.iter().all(|(name, e)| f.get(name).is_some_and(|f| same(e, f)))
        }
        (Json::Number(e), Json::Number(f)) => {
            let (e_float, f_float) = (e.as_f64().unwrap(), f.as_f64().unwrap());
            e == f || (e.is_f64() && (e_float - f_float).abs() <= e_float.abs() * 4.0 * f64::EPSILON)
        }
        _ => expected == found,
    }
}

/// A column type made for values of the type alone, and how they show there; `None` where that would say it all again.
fn own_column(kind: &Type, value: &Value) -> Option<(ColumnType, String)> {
    let date_time64 = |precision| ColumnType::DateTime64 { precision, time_zone: None };
    Some(match (kind, value) {
        (Type::Boolean, Value::Boolean(value)) => (ColumnType::Bool, u8::from(*value).to_string()),
        (Type::Int, Value::Int(value)) => (int(32), value.to_string()),
        (Type::Long, Value::Long(value)) => (int(64), value.to_string()),
        (Type::Float, Value::Float(value)) => (ColumnType::Float32, (value.to_bits() as i32).to_string()),
        (Type::Double, Value::Double(value)) => (ColumnType::Float64, (value.to_bits() as i64).to_string()),
        (Type::Text, Value::String(text)) => (ColumnType::String, format!("{text:?}")),
        (Type::Enum(_), Value::Enum(_, symbol)) => {
            (low_cardinality(ColumnType::String), format!("{symbol:?}"))
        }
        (Type::Logical("timestamp-micros"), Value::TimestampMicros(ticks)) => {
            (date_time64(6), ticks.to_string())
        }
        (Type::Logical("date"), Value::Date(days)) if (-25_567..=120_529).contains(days) => {
            (ColumnType::Date32, days.to_string())
        }
        (Type::Array(item), Value::Array(items)) => {
            let items = items.iter().map(|value| own_column(item, value));
            let (types, shown): (Vec<_>, Vec<_>) = items.collect::<Option<Vec<_>>>()?.into_iter().unzip();
            let item_type = types.first().filter(|first| types.iter().all(|other| other == *first))?;
            (array(item_type.clone()), format!("[{}]", shown.join(", ")))
        }
        (Type::Record(fields), Value::Record(values)) => {
            let elements = fields.iter().zip(values).map(|(kind, (name, value))| {
                let (element, shown) = own_column(kind, value)?;
                Some(((Some(name.clone()), element), shown))
            });
            let (types, shown): (Vec<_>, Vec<_>) = elements.collect::<Option<Vec<_>>>()?.into_iter().unzip();
            (ColumnType::Tuple(types), format!("({})", shown.join(", ")))
        }
        (Type::Union(branches), Value::Union(index, value)) if branches.len() == 2 => {
            let other = branches.iter().find(|branch| !matches!(branch, Type::Null))?;
            let has_null = branches.iter().any(|branch| matches!(branch, Type::Null));
            let is_scalar = !matches!(other, Type::Array(_) | Type::Map(_) | Type::Record(_));
            if !has_null || !is_scalar {
                return None;
            }
            match &branches[*index as usize] {
                Type::Null => (nullable(ColumnType::String), "NULL".to_owned()),
                kind => {
                    let (inner, shown) = own_column(kind, value)?;
                    (nullable(inner.stripped().clone()), shown)
                }
            }
        }
        _ => return None,
    })
}

fn written(kind: &Type, value: &Value) -> (String, Vec<u8>) {
    let text = kind.schema(&mut 0).to_string();
    let schema = apache_avro::Schema::parse_str(&text).unwrap();
    let writer = apache_avro::writer::datum::GenericDatumWriter::builder(&schema).build().unwrap();
    let bytes = writer.write_value_to_vec(value.clone()).unwrap();
    (text, bytes)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn values_are_those_that_apache_avro_wrote((kind, value) in typed()) {
        let (text, document) = written(&kind, &value);
        let writer = schema(&text);
        let columns = [whole()];
        let expected = in_json(&value);
        for reader in [None, Some(&writer)] {
            let decoder = decoder(&writer, reader, &columns, Options::default());
            let (rows, outcomes) = decode_documents(&decoder, &columns, &[&document], Texts::CheckedAtOnce);
            prop_assert_eq!(&outcomes[0], &None);
            let forebay_ingest::column_batch::Values::Bytes { bytes, .. } = &rows.columns[0].values else {
                panic!("a String column holds bytes");
            };
            let found: Json = serde_json::from_slice(bytes).unwrap();
            prop_assert!(same(&expected, &found), "{text}: expected {expected}, found {found}");
        }
    }

    #[test]
    fn each_field_takes_a_column_of_its_own_type((kind, value) in typed()) {
        let (text, document) = written(&kind, &value);
        let (Type::Record(kinds), Value::Record(values)) = (&kind, &value) else {
            panic!("the generated type is a record");
        };
        let (mut columns, mut expected) = (Vec::new(), Vec::new());
        for (kind, (name, value)) in kinds.iter().zip(values) {
            if let Some((column_type, shown)) = own_column(kind, value) {
                columns.push(column(name, column_type));
                expected.push(shown);
            }
        }
        let decoder = decoder(&schema(&text), None, &columns, Options::default());
        if columns.is_empty() {
            return Ok(());
        }
        prop_assert_eq!(outcome_of(&decoder, &columns, &document), expected.join(" | "), "{}", text);
    }

    #[test]
    fn what_apache_avro_refuses_is_refused((kind, value) in typed(), cut in any::<prop::sample::Index>(), flip in any::<u8>()) {
        let (text, mut document) = written(&kind, &value);
        if document.is_empty() {
            return Ok(());
        }
        let at = cut.index(document.len());
        if flip % 3 == 0 {
            document.truncate(at);
        } else {
            document[at] ^= flip;
        }
        let columns = [whole()];
        let decoder = decoder(&schema(&text), None, &columns, Options::default());
        let (_, outcomes) = decode_documents(&decoder, &columns, &[&document], Texts::CheckedAtOnce);
        let apache = apache_avro::Schema::parse_str(&text).unwrap();
        let reader = apache_avro::reader::datum::GenericDatumReader::builder(&apache).build().unwrap();
        let mut rest = document.as_slice();
        let read = reader.read_value(&mut rest);
        // Not the other way round: of text that is cut off apache-avro makes a null.
        if outcomes[0].is_none() {
            prop_assert!(read.is_ok() && rest.is_empty(), "{}: {:?} {:?}", text, document, read);
        }
    }
}
