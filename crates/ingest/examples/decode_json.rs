//! How many JSON records a CPU second decodes, beside validating them only and beside serde_json into structs.
//!
//! `cargo run --release -p forebay-ingest --example decode_json [records] [rounds]`

mod race;

use forebay_ingest::{
    column_batch::ColumnBatch,
    decode::{Plans, RowDecoder},
    quarantine::Rejects,
    records::{Position, RecordBatch},
    target::{ColumnSource, TargetColumn},
};
use forebay_project::{
    column_type::ColumnType,
    model::{Path, PathStep},
};
use race::{Contestant, Course, Numbers};
use serde::Deserialize;
use std::{fmt::Write, hint::black_box, sync::Arc};

/// Records a batch, as a consumer would hand them over.
const BATCH: usize = 10_000;

fn main() {
    let (records, rounds) = race::arguments(200_000, 9);
    let batches: Vec<_> = (0..records.div_ceil(BATCH))
        .map(|batch| clickstream(batch * BATCH, BATCH.min(records - batch * BATCH)))
        .collect();
    let bytes: usize = batches.iter().map(RecordBatch::payload_bytes).sum();
    println!("{records} records of {} bytes, {rounds} rounds", bytes / records);

    let decoder = RowDecoder::json(columns().into()).expect("the columns compile");
    let mut reused = decoder.new_batch();
    let contestants = vec![
        Contestant::new("forebay decode", |batch| decode(&decoder, batch, &mut reused)),
        Contestant::new("forebay, fresh memory", |batch| decode(&decoder, batch, &mut decoder.new_batch())),
        Contestant::new("forebay validate", validate),
        Contestant::new("simdutf8 only", utf8),
        Contestant::new("serde_json validate", serde_validate),
        Contestant::new("serde_json structs", serde_structs),
    ];
    Course { batches, records, rounds }.race(contestants, "serde_json structs");
}

fn decode(decoder: &RowDecoder, batch: &RecordBatch, rows: &mut ColumnBatch) {
    let mut rejects = Rejects::default();
    rows.truncate(0);
    decoder.decode_rows(batch, &Plans::default(), rows, &mut rejects);
    assert_eq!((rows.row_count(), rejects.len()), (batch.len(), 0));
}

fn values(batch: &RecordBatch) -> impl Iterator<Item = &[u8]> {
    batch.iter().filter_map(|record| record.value())
}

fn validate(batch: &RecordBatch) {
    assert!(values(batch).all(forebay_ingest::json::is_valid));
}

fn utf8(batch: &RecordBatch) {
    assert!(values(batch).all(|value| simdutf8::basic::from_utf8(value).is_ok()));
}

fn serde_validate(batch: &RecordBatch) {
    let is_valid = |value| serde_json::from_slice::<serde::de::IgnoredAny>(value).is_ok();
    assert!(values(batch).all(is_valid));
}

fn serde_structs(batch: &RecordBatch) {
    for value in values(batch) {
        black_box(serde_json::from_slice::<Event>(value).expect("the records fit"));
    }
}

/// The same ten values as [`columns`], timestamps left as text.
#[derive(Deserialize)]
#[expect(dead_code, reason = "only built to be measured")]
struct Event<'r> {
    event_id: &'r str,
    ts: &'r str,
    user_id: u64,
    event_type: &'r str,
    #[serde(borrow)]
    page: Page<'r>,
    #[serde(borrow)]
    device: Device<'r>,
    #[serde(borrow)]
    geo: Geo<'r>,
    amount: f64,
    #[serde(borrow)]
    tags: Vec<&'r str>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "only built to be measured")]
struct Page<'r> {
    url: &'r str,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "only built to be measured")]
struct Device<'r> {
    os: &'r str,
    screen: Screen,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "only built to be measured")]
struct Screen {
    w: u16,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "only built to be measured")]
struct Geo<'r> {
    country: &'r str,
}

/// The table of the engine benchmark: ten columns, four of them nested in the record.
fn columns() -> Vec<TargetColumn> {
    let low_cardinality = || ColumnType::LowCardinality(Box::new(ColumnType::String));
    let int = |bits| ColumnType::Int { bits, signed: false };
    let timestamp = ColumnType::DateTime64 { precision: 3, time_zone: None };
    let columns = [
        ("event_id", "event_id", ColumnType::String),
        ("ts", "ts", timestamp),
        ("user_id", "user_id", int(64)),
        ("event_type", "event_type", low_cardinality()),
        ("url", "page.url", ColumnType::String),
        ("os", "device.os", low_cardinality()),
        ("w", "device.screen.w", int(16)),
        ("country", "geo.country", low_cardinality()),
        ("amount", "amount", ColumnType::Float64),
        ("tags", "tags", ColumnType::Array(Box::new(ColumnType::String))),
    ];
    let column = |(name, path, column_type): (&str, &str, ColumnType)| {
        let steps = path.split('.').map(|field| PathStep::Field(field.to_owned()));
        TargetColumn {
            name: name.to_owned(),
            column_type,
            source: ColumnSource::Path(Path::Document(steps.collect())),
            default: None,
            codec: None,
        }
    };
    columns.into_iter().map(column).collect()
}

/// Page views of a shop: 30 fields, half of them nested, some with escapes and other letters than ASCII.
fn clickstream(first: usize, count: usize) -> RecordBatch {
    let mut batch = RecordBatch::new(Arc::from("clickstream"));
    let mut record = String::new();
    for offset in first..first + count {
        record.clear();
        write_record(&mut record, offset as u64).expect("writing to a String does not fail");
        let position = Position {
            partition: 0,
            offset: offset as i64,
            timestamp_ms: Some(1_714_564_800_000 + offset as i64),
        };
        batch.push(position, None, Some(record.as_bytes()), []);
    }
    batch
}

fn write_record(out: &mut String, offset: u64) -> std::fmt::Result {
    let mut n = Numbers::of(offset);
    let (high, low) = (n.below(u64::MAX), n.below(u64::MAX));
    write!(
        out,
        r#"{{"event_id":"{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}","#,
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xfff,
        low >> 48 & 0xfff,
        low & 0xffff_ffff_ffff
    )?;
    write!(
        out,
        r#""ts":"2024-05-{:02}T{:02}:{:02}:{:02}.{:03}Z","user_id":{},"session_id":"s{:015x}","event_type":"{}","#,
        1 + n.below(31),
        n.below(24),
        n.below(60),
        n.below(60),
        n.below(1000),
        n.below(5_000_000),
        n.below(1 << 60),
        n.one_of(&["page_view", "click", "add_to_cart", "purchase", "search"])
    )?;
    write_page(out, &mut n)?;
    write_device(out, &mut n)?;
    write!(
        out,
        r#""amount":{}.{:02},"currency":"{}","tags":["#,
        n.below(500),
        n.below(100),
        n.one_of(&["EUR", "USD", "GBP"])
    )?;
    for index in 0..n.below(5) {
        let comma = if index == 0 { "" } else { "," };
        write!(out, r#"{comma}"{}""#, n.one_of(&["new", "mobile", "sale", "returning", "vip"]))?;
    }
    write!(
        out,
        r#"],"is_bot":{},"experiment":{},"latency_ms":{},"version":"3.{}.{}"}}"#,
        n.one_of(&["false", "false", "false", "true"]),
        n.one_of(&["null", r#""checkout-b""#]),
        n.below(900),
        n.below(20),
        n.below(10)
    )
}

fn write_page(out: &mut String, n: &mut Numbers) -> std::fmt::Result {
    write!(
        out,
        r#""page":{{"url":"https://shop.example.com/{}/{}?utm_source={}","title":"{}","referrer":"https://www.{}/","load_ms":{}}},"#,
        n.one_of(&["products", "categories", "cart", "account/orders"]),
        n.below(1_000_000),
        n.one_of(&["newsletter", "ads", "direct"]),
        n.one_of(&[
            "Running shoes for trail and road",
            "Garden chairs",
            "Caf\u{e9} tables",
            r#"The \"best\" of the week"#,
            "Your cart",
            "Order history and invoices",
        ]),
        n.one_of(&["google.com", "bing.com", "example.org"]),
        n.below(3000)
    )
}

fn write_device(out: &mut String, n: &mut Numbers) -> std::fmt::Result {
    let width = n.below(2000) + 320;
    write!(
        out,
        r#""device":{{"os":"{}","os_version":"{}.{}","browser":"{}","screen":{{"w":{width},"h":{},"dpr":{}}}}},"#,
        n.one_of(&["iOS", "Android", "Windows", "macOS", "Linux"]),
        n.below(18),
        n.below(9),
        n.one_of(&["Safari", "Chrome", "Firefox", "Edge"]),
        width * 9 / 16,
        n.one_of(&["1", "2", "3", "1.5"])
    )?;
    write!(
        out,
        r#""geo":{{"country":"{}","city":"{}","lat":{}.{:04},"lon":-{}.{:04}}},"#,
        n.one_of(&["DE", "FR", "US", "GB", "BR", "IN"]),
        n.one_of(&["Berlin", "K\u{f6}ln", "Paris", "S\u{e3}o Paulo", "Mumbai", "Austin"]),
        n.below(90),
        n.below(10_000),
        n.below(180),
        n.below(10_000)
    )
}
