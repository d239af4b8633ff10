//! Records that Google's runtime and Confluent's serializers wrote, compared value by value.
#![allow(clippy::unwrap_used)]

mod protobuf_laws;

use forebay_ingest::{
    column_batch::Values,
    protobuf::{MessageChoice, Options, ProtobufSchema},
};
use protobuf_laws::*;
use serde_json::{Map, Value};
use std::path::Path;

struct Case {
    name: String,
    line: Value,
}

impl Case {
    fn text(&self, field: &str) -> &str {
        self.line[field].as_str().unwrap_or_else(|| panic!("{}: no {field}", self.name))
    }

    fn schema(&self) -> ProtobufSchema {
        let references = self.line["references"].as_array().into_iter().flatten();
        let references: Vec<(&str, &str)> = references
            .map(|reference| (reference["name"].as_str().unwrap(), reference["schema"].as_str().unwrap()))
            .collect();
        let schema = ProtobufSchema::parse(&schema_with(self.text("schema"), &references));
        schema.unwrap_or_else(|defect| panic!("{}: {defect}", self.name))
    }

    fn payload(&self) -> Vec<u8> {
        let hex = self.text("payload_hex");
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    }

    fn indexes(&self) -> Vec<u32> {
        let indexes = self.line["message_indexes"].as_array().unwrap();
        indexes.iter().map(|index| index.as_u64().unwrap() as u32).collect()
    }
}

fn cases() -> Vec<Case> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/corpus/protobuf.jsonl");
    let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let cases = lines.map(|line| Case { name: line["case"].as_str().unwrap().to_owned(), line });
    cases.collect()
}

/// An expected value as the JSON text of a message has it. Unset fields are left out.
fn plain(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(plain).collect(),
        Value::Object(members) => match members.iter().next() {
            Some((tag, inner)) if tag.starts_with('$') => tagged(tag, inner, members),
            _ => {
                let set = members.iter().filter(|(_, value)| !value.is_null());
                Value::Object(set.map(|(name, value)| (name.clone(), plain(value))).collect())
            }
        },
        Value::String(text) => match text.as_str() {
            "inf" => "Infinity".into(),
            "-inf" => "-Infinity".into(),
            _ => value.clone(),
        },
        other => other.clone(),
    }
}

fn tagged(tag: &str, inner: &Value, members: &Map<String, Value>) -> Value {
    match tag {
        "$bytes" => base64(inner.as_str().unwrap()).into(),
        "$enum" => {
            if inner.is_null() {
                members["number"].clone()
            } else {
                inner.clone()
            }
        }
        "$map" => {
            let entries = inner.as_array().unwrap().iter().map(|entry| {
                let key = entry[0].as_str().map_or_else(|| entry[0].to_string(), str::to_owned);
                (key, plain(&entry[1]))
            });
            Value::Object(entries.collect())
        }
        "$json" => inner.clone(),
        "$timestamp" => Value::Object(inner.as_object().unwrap().clone()),
        "$interval" => Value::Object(inner.as_object().unwrap().clone()),
        other => panic!("{other} is not in the notation"),
    }
}

fn base64(hex: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bytes: Vec<u8> =
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for digit in 0..4 {
            let is_padding = digit > chunk.len();
            text.push(if is_padding { '=' } else { DIGITS[(bits >> (18 - 6 * digit)) as usize & 63].into() });
        }
    }
    text
}

/// Whether text or numbers say the same: floats as text are numbers, times are in ISO 8601 in one and in parts in the other.
fn same(ours: &Value, expected: &Value) -> bool {
    match (ours, expected) {
        (Value::Object(ours), Value::Object(expected)) => {
            let names = expected.keys().all(|name| ours.contains_key(name)) && ours.len() == expected.len();
            names && expected.iter().all(|(name, value)| same(&ours[name], value))
        }
        (Value::Array(ours), Value::Array(expected)) => {
            ours.len() == expected.len() && ours.iter().zip(expected).all(|(one, other)| same(one, other))
        }
        (Value::String(text), Value::Object(parts)) if parts.contains_key("seconds") => {
            same_time(text, parts)
        }
        (Value::String(text), Value::Object(mask)) => {
            let paths = mask["paths"].as_array().unwrap().iter().map(|path| path.as_str().unwrap());
            *text == paths.collect::<Vec<_>>().join(",")
        }
        (Value::Number(ours), Value::String(text)) => {
            text.parse().is_ok_and(|expected| same_float(ours, expected))
        }
        (Value::Number(ours), Value::Number(expected)) => {
            ours == expected
                || expected.is_f64() && expected.as_f64().is_some_and(|expected| same_float(ours, expected))
        }
        _ => ours == expected,
    }
}

/// The text of a float is that of the shortest number that names it; expected is the double it equals.
fn same_float(ours: &serde_json::Number, expected: f64) -> bool {
    ours.as_f64().is_some_and(|ours| ours == expected || ours as f32 == expected as f32)
}

fn same_time(text: &str, parts: &Map<String, Value>) -> bool {
    let (seconds, nanos) = (parts["seconds"].as_i64().unwrap(), parts["nanos"].as_i64().unwrap());
    if let Some(interval) = text.strip_suffix('s') {
        let total = i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
        let (whole, fraction) = interval.split_once('.').unwrap_or((interval, ""));
        let digits: i128 = format!("{fraction:0<9}").parse().unwrap();
        let sign = if interval.starts_with('-') { -1 } else { 1 };
        return whole.parse::<i128>().unwrap() * 1_000_000_000 + sign * digits == total;
    }
    let time: jiff::civil::DateTime = text.strip_suffix('Z').unwrap().parse().unwrap();
    let since = time.duration_since(jiff::civil::date(1970, 1, 1).at(0, 0, 0, 0));
    since.as_nanos() == i128::from(seconds) * 1_000_000_000 + i128::from(nanos)
}

#[test]
fn every_record_reads_as_it_was_written() {
    let mut failures = Vec::new();
    for case in cases() {
        let schema = case.schema();
        let table = Table::of(
            &schema,
            MessageChoice::Name(case.text("message")),
            vec![column("", "String")],
            Options::default(),
        );
        let payload = case.payload();
        let (rows, rejects) = table.decode([payload.as_slice()]);
        let Values::Bytes { bytes, .. } = &rows.columns[0].values else {
            panic!("a String column holds bytes")
        };
        if !rejects.is_empty() {
            failures.push(format!("{}: {}", case.name, table.show(&payload)));
            continue;
        }
        let ours: Value =
            serde_json::from_slice(bytes).unwrap_or_else(|error| panic!("{}: {error}", case.name));
        let mut expected = plain(&case.line["expected"]);
        // Google's runtimes hide numbers that an enum of proto2 does not know; here nothing is lost.
        match case.name.as_str() {
            "unknown-groups/0" => expected["levels"] = serde_json::json!(["LOW", 9, "HIGH"]),
            "unknown-groups/1" => expected["level"] = 9.into(),
            _ => {}
        }
        if !same(&ours, &expected) {
            failures.push(format!("{}:\n  ours     {ours}\n  expected {expected}", case.name));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn frames_name_messages_by_index() {
    for case in cases() {
        let by_index = case.schema().message(MessageChoice::Indexes(&case.indexes()));
        let by_index = by_index.unwrap_or_else(|defect| panic!("{}: {defect}", case.name));
        assert_eq!(by_index.full_name(), case.text("message"), "{}", case.name);
    }
}

#[test]
fn every_top_level_field_goes_into_text() {
    for case in cases() {
        let Value::Object(expected) = &case.line["expected"] else { continue };
        if expected.is_empty() {
            continue;
        }
        let columns = expected.keys().map(|name| column(name, "Nullable(String)")).collect();
        let choice = MessageChoice::Name(case.text("message"));
        let table = Table::of(&case.schema(), choice, columns, Options::default());
        let (_, rejects) = table.decode([case.payload().as_slice()]);
        assert!(rejects.is_empty(), "{}: {rejects:?}", case.name);
    }
}
