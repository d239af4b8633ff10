//! Records that other people's serializers wrote, decoded and compared value by value with what they were given.
#![allow(clippy::unwrap_used)]

mod avro_laws;
mod json_laws;

use avro_laws::*;
use forebay_ingest::{
    avro::Options,
    column_batch::{Column, ColumnBatch, Values},
    document::Texts,
};
use forebay_project::column_type::ColumnType;
use json_laws::{column, nullable};
use serde_json::{Value, json};

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// The corpus's notation of a value as the JSON text that a String column gets.
fn in_plain_json(expected: &Value) -> Value {
    match expected {
        Value::Array(items) => items.iter().map(in_plain_json).collect(),
        Value::Object(members) => {
            let mut names = members.keys().filter(|name| name.starts_with('$'));
            match names.next() {
                Some(name) => plain(name, &members[name.as_str()], expected),
                None => members.iter().map(|(name, value)| (name.clone(), in_plain_json(value))).collect(),
            }
        }
        other => other.clone(),
    }
}

fn plain(name: &str, value: &Value, whole: &Value) -> Value {
    let days = day_text;
    match name {
        "$branch" => in_plain_json(&whole["$value"]),
        "$value" => in_plain_json(value),
        "$bytes" => json!(base64(&hex(value.as_str().unwrap()))),
        "$decimal" => serde_json::from_str(value.as_str().unwrap()).unwrap(),
        "$date" => json!(days(value.as_i64().unwrap())),
        "$uuid" => value.clone(),
        "$duration" => json!({"months": value[0], "days": value[1], "millis": value[2]}),
        "$time" | "$timestamp" => {
            let precision = whole["precision"].as_u64().unwrap() as u32;
            let (ticks, per_second) = (value.as_i64().unwrap(), 10_i64.pow(precision));
            let (seconds, fraction) = (ticks.div_euclid(per_second), ticks.rem_euclid(per_second));
            let (day, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
            let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
            let clock =
                format!("{hour:02}:{minute:02}:{second:02}.{fraction:0width$}", width = precision as usize);
            let zone = if whole["local"] == json!(false) { "Z" } else { "" };
            match name {
                "$time" => json!(clock),
                _ => json!(format!("{}T{clock}{zone}", days(day))),
            }
        }
        other => panic!("{other} is not in the notation"),
    }
}

/// The calendar repeats itself every 400 years, which jiff's years do not suffice for.
fn day_text(days: i64) -> String {
    const DAYS_OF_400_YEARS: i64 = 146_097;
    let within = jiff::Span::new().days(days.rem_euclid(DAYS_OF_400_YEARS));
    let date = jiff::civil::date(1970, 1, 1) + within;
    let year = i64::from(date.year()) + 400 * days.div_euclid(DAYS_OF_400_YEARS);
    let (month, day) = (date.month(), date.day());
    match year {
        0..=9999 => format!("{year:04}-{month:02}-{day:02}"),
        _ => format!("{year:+05}-{month:02}-{day:02}"),
    }
}

fn base64(bytes: &[u8]) -> String {
    let mut out = Vec::new();
    forebay_ingest::json_text::push_value(&mut out, forebay_ingest::convert::Value::Bytes(bytes)).unwrap();
    serde_json::from_slice(&out).unwrap()
}

/// Whether `found` is this double, or the float it equals.
fn is_float(expected: f64, found: &serde_json::Number) -> bool {
    let found = found.as_f64().unwrap();
    expected == found || f64::from(found as f32) == expected
}

/// Whether `found`, JSON text, says the same; floats may be spelled in any way.
fn same(expected: &Value, found: &Value) -> bool {
    match (expected, found) {
        (Value::Array(e), Value::Array(f)) => e.len() == f.len() && e.iter().zip(f).all(|(e, f)| same(e, f)),
        (Value::Object(e), Value::Object(f)) => {
            e.len() == f.len() && e.iter().all(|(name, e)| f.get(name).is_some_and(|f| same(e, f)))
        }
        (Value::Number(e), Value::Number(f)) => e == f || is_float(e.as_f64().unwrap(), f),
        (Value::String(e), Value::Number(f)) => e.parse().is_ok_and(|e| is_float(e, f)),
        (Value::String(e), Value::String(f)) => {
            e == f || matches!((e.as_str(), f.as_str()), ("inf", "Infinity") | ("-inf", "-Infinity"))
        }
        _ => expected == found,
    }
}

/// The whole document as text, NULL as none.
fn text(rows: &ColumnBatch) -> Option<Vec<u8>> {
    match &rows.columns[0] {
        Column { nulls: Some(nulls), .. } if nulls[0] == 1 => None,
        Column { values: Values::Bytes { bytes, .. }, .. } => Some(bytes.clone()),
        other => panic!("{other:?} is no text"),
    }
}

/// What differs between a record of the corpus and what is decoded from it.
fn difference(case: &Value) -> Option<String> {
    let texts = case["references"].as_array().unwrap().iter();
    let texts: Vec<_> = texts.map(|r| (r["name"].as_str().unwrap(), r["schema"].as_str().unwrap())).collect();
    let writer = match schema_with(case["schema"].as_str().unwrap(), &texts) {
        Ok(writer) => writer,
        Err(defect) => return Some(defect.to_string()),
    };
    let raw_root_bytes = case["serializer"].as_str().unwrap().contains("confluent-kafka");
    let columns = [column("", nullable(ColumnType::String))];
    let decoder = decoder(&writer, None, &columns, Options { raw_root_bytes, ..Options::default() });
    let payload = hex(case["payload_hex"].as_str().unwrap());
    let (rows, outcomes) = decode_documents(&decoder, &columns, &[payload], Texts::CheckedAtOnce);
    if let Some(diagnosis) = &outcomes[0] {
        return Some(format!("{:?}", diagnosis.defects));
    }
    let (expected, found) = (&case["expected"], text(&rows));
    let is_same = match (&found, expected.get("$value").unwrap_or(expected)) {
        (None, expected) => expected.is_null(),
        // A scalar at the root is its bare text.
        (Some(found), expected) if expected.get("$bytes").is_some() => {
            *found == hex(expected["$bytes"].as_str().unwrap())
        }
        (Some(found), _) => match serde_json::from_slice(found) {
            Ok(found) => same(&in_plain_json(expected), &found),
            Err(_) => in_plain_json(expected)
                .as_str()
                .is_some_and(|expected| expected.eq_ignore_ascii_case(&String::from_utf8_lossy(found))),
        },
    };
    let shown = found.map(|text| String::from_utf8_lossy(&text).into_owned());
    (!is_same).then(|| format!("expected {expected}, found {shown:?}"))
}

#[test]
fn every_record_of_the_corpus_has_the_value_that_was_written() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/corpus/avro.jsonl");
    let corpus = std::fs::read_to_string(path).unwrap();
    let cases: Vec<Value> = corpus.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(cases.len() > 100, "the corpus has only {} records", cases.len());
    let differences =
        cases.iter().filter_map(|case| Some(format!("{}: {}", case["case"], difference(case)?)));
    let differences: Vec<_> = differences.collect();
    assert!(differences.is_empty(), "{} differ:\n{}", differences.len(), differences.join("\n"));
}
