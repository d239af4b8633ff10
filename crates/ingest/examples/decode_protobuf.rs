//! How many Protobuf records a CPU second decodes, beside prost-reflect on the same records.
//!
//! `cargo run --release -p forebay-ingest --example decode_protobuf [records] [rounds]`

use forebay_ingest::{
    column_batch::ColumnBatch,
    document::{DocumentColumn, DocumentDecoder, Texts},
    protobuf::{Decoder, MessageChoice, Options, ProtobufSchema},
    schema::{Schema, SchemaKind},
    target::{ColumnSource, TargetColumn},
};
use forebay_project::{
    column_type::ColumnType,
    model::{Path, PathStep},
};
use prost_reflect::{DynamicMessage, MessageDescriptor, ReflectMessage};
use std::{hint::black_box, time::Duration};

/// Records a batch, as a consumer would hand them over.
const BATCH: usize = 10_000;

/// Records back to back.
struct Batch {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

/// A name, and what it does with a batch.
type Contestant<'c> = (&'static str, Box<dyn FnMut(&Batch) + 'c>);

const PROTO: &str = r#"
syntax = "proto3";
package bench;

enum Kind { PAGE_VIEW = 0; CLICK = 1; PURCHASE = 2; SEARCH = 3; }

message Place { string country = 1; string city = 2; double lat = 3; double lon = 4; }

message Event {
  int64 id = 1;
  int32 user = 2;
  string session = 3;
  int64 at = 4;
  Kind kind = 5;
  double amount = 6;
  int32 quantity = 7;
  optional string referrer = 8;
  optional int64 parent = 9;
  optional double discount = 10;
  repeated string tags = 11;
  Place place = 12;
}
"#;

fn main() {
    let mut arguments = std::env::args().skip(1).filter_map(|text| text.parse().ok());
    let records = arguments.next().unwrap_or(1_000_000_usize);
    let rounds = arguments.next().unwrap_or(5_usize);
    let batches: Vec<Batch> = (0..records.div_ceil(BATCH))
        .map(|batch| events(batch * BATCH, BATCH.min(records - batch * BATCH)))
        .collect();
    let bytes: usize = batches.iter().map(|batch| batch.bytes.len()).sum();
    println!("{records} records of {} bytes, {rounds} rounds", bytes / records);

    let targets = columns();
    let decoder = decoder(&targets);
    let message = descriptor();
    let mut reused = ColumnBatch::for_columns(&targets);
    let mut contestants: Vec<Contestant> = vec![
        ("forebay decode", Box::new(|batch| decode(&decoder, batch, &mut reused))),
        (
            "forebay, fresh memory",
            Box::new(|batch| decode(&decoder, batch, &mut ColumnBatch::for_columns(&targets))),
        ),
        ("prost-reflect", Box::new(|batch| reflect(&message, batch))),
        ("prost-reflect, fields", Box::new(|batch| reflect_fields(&message, batch))),
    ];
    if let Ok(only) = std::env::var("ONLY") {
        contestants.retain(|(name, _)| name.contains(&only));
    }
    let mut times = vec![Vec::new(); contestants.len()];
    for _ in 0..rounds {
        for ((_, run), times) in contestants.iter_mut().zip(&mut times) {
            let start = cpu_time();
            batches.iter().for_each(&mut *run);
            times.push(cpu_time() - start);
        }
    }
    println!(
        "{:<22} {:>8} {:>8} {:>8} {:>8}  million records per CPU second",
        "", "min", "median", "max", "ratio"
    );
    let first = times.first_mut().map(|times| median(times)).unwrap_or_default();
    for ((name, _), mut times) in contestants.into_iter().zip(times) {
        let speed = |time: Duration| records as f64 / time.as_secs_f64() / 1e6;
        let middle = median(&mut times);
        let (fastest, slowest) = (times[0], times[times.len() - 1]);
        let ratio = middle.as_secs_f64() / first.as_secs_f64();
        println!(
            "{name:<22} {:>8.3} {:>8.3} {:>8.3} {ratio:>8.2}",
            speed(slowest),
            speed(middle),
            speed(fastest)
        );
    }
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// CPU time of this process, which has one thread.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/schedstat").expect("Linux with schedstat");
    let nanoseconds = stat.split_whitespace().next().and_then(|first| first.parse().ok());
    Duration::from_nanos(nanoseconds.expect("schedstat starts with the time on CPU"))
}

impl Batch {
    fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.bytes[start..*end])
    }
}

fn decoder(targets: &[TargetColumn]) -> Decoder {
    let schema =
        Schema { kind: SchemaKind::Protobuf, text: PROTO.to_owned(), references: Vec::new(), origin: None };
    let schema = ProtobufSchema::parse(&schema).expect("the schema is right");
    let message = schema.message(MessageChoice::Name("bench.Event")).expect("there is such a message");
    let columns = targets.iter().enumerate().map(|(index, target)| match &target.source {
        ColumnSource::Path(Path::Document(steps)) => DocumentColumn { index, target, steps },
        other => panic!("{other:?} is no path into the record"),
    });
    let columns: Vec<DocumentColumn<'_>> = columns.collect();
    Decoder::compile(&message, &columns, Options::default()).expect("the columns compile")
}

fn descriptor() -> MessageDescriptor {
    let file = protox::file::File::from_source("bench.proto", PROTO).expect("the schema is right");
    let mut pool = prost_reflect::DescriptorPool::new();
    pool.add_file_descriptor_proto(file.file_descriptor_proto().clone()).expect("the schema is whole");
    pool.get_message_by_name("bench.Event").expect("there is such a message")
}

fn decode(decoder: &Decoder, batch: &Batch, rows: &mut ColumnBatch) {
    rows.truncate(0);
    let mut state = decoder.new_state(Texts::CheckedLater);
    for record in batch.iter() {
        decoder.decode(&mut state, record, &mut rows.columns).expect("the records fit");
    }
    assert!(decoder.texts_are_valid(&rows.columns, 0));
    assert_eq!(rows.row_count(), batch.ends.len());
}

fn reflect(message: &MessageDescriptor, batch: &Batch) {
    for record in batch.iter() {
        black_box(DynamicMessage::decode(message.clone(), record).expect("the records fit"));
    }
}

/// Decodes, and looks every field up once, as whoever wants columns has to.
fn reflect_fields(message: &MessageDescriptor, batch: &Batch) {
    for record in batch.iter() {
        let decoded = DynamicMessage::decode(message.clone(), record).expect("the records fit");
        for field in decoded.descriptor().fields() {
            black_box(decoded.get_field(&field));
        }
    }
}

fn columns() -> Vec<TargetColumn> {
    let columns = [
        ("id", "Int64"),
        ("user", "Int32"),
        ("session", "String"),
        ("at", "DateTime64(3)"),
        ("kind", "LowCardinality(String)"),
        ("amount", "Float64"),
        ("quantity", "Int32"),
        ("referrer", "Nullable(String)"),
        ("parent", "Nullable(Int64)"),
        ("discount", "Nullable(Float64)"),
        ("tags", "Array(String)"),
        ("place.country", "LowCardinality(String)"),
        ("place.city", "String"),
        ("place.lat", "Float64"),
        ("place.lon", "Float64"),
    ];
    let column = |(path, column_type): (&str, &str)| TargetColumn {
        name: path.replace('.', "_"),
        column_type: ColumnType::parse(column_type).expect("the type is right"),
        source: ColumnSource::Path(Path::Document(
            path.split('.').map(|field| PathStep::Field(field.to_owned())).collect(),
        )),
        default: None,
        codec: None,
    };
    columns.into_iter().map(column).collect()
}

/// Deterministic numbers: the finaliser of SplitMix64 over a counter.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ z >> 31) % limit
    }

    fn one_of(&mut self, choices: &[&'static str]) -> &'static str {
        choices[self.below(choices.len() as u64) as usize]
    }
}

fn events(first: usize, count: usize) -> Batch {
    let mut batch = Batch { bytes: Vec::new(), ends: Vec::new() };
    for index in first..first + count {
        write_event(&mut batch.bytes, index as u64);
        batch.ends.push(batch.bytes.len());
    }
    batch
}

fn write_event(out: &mut Vec<u8>, index: u64) {
    let mut n = Numbers(index << 20);
    varint_field(out, 1, 1_000_000_000 + index);
    varint_field(out, 2, n.below(5_000_000));
    let (high, low) = (n.below(u64::MAX), n.below(u64::MAX));
    bytes_field(
        out,
        3,
        format!("{:08x}-{:04x}-4000-a000-{:012x}", high >> 32, high & 0xffff, low >> 16).as_bytes(),
    );
    varint_field(out, 4, 1_714_564_800_000 + index);
    varint_field(out, 5, n.below(4));
    double_field(out, 6, n.below(50_000) as f64 / 100.0);
    varint_field(out, 7, n.below(20));
    if n.below(2) == 0 {
        bytes_field(out, 8, n.one_of(&["https://www.google.com/", "https://example.org/start"]).as_bytes());
    }
    if n.below(3) == 0 {
        varint_field(out, 9, n.below(1 << 40));
    }
    if n.below(4) == 0 {
        double_field(out, 10, 0.25);
    }
    for _ in 0..n.below(4) {
        bytes_field(out, 11, n.one_of(&["new", "mobile", "sale", "returning"]).as_bytes());
    }
    let mut place = Vec::new();
    bytes_field(&mut place, 1, n.one_of(&["DE", "FR", "US", "GB"]).as_bytes());
    bytes_field(&mut place, 2, n.one_of(&["Berlin", "K\u{f6}ln", "Paris", "Austin"]).as_bytes());
    double_field(&mut place, 3, n.below(90) as f64 + 0.5);
    double_field(&mut place, 4, n.below(180) as f64 + 0.25);
    bytes_field(out, 12, &place);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn varint_field(out: &mut Vec<u8>, number: u64, value: u64) {
    varint(out, number << 3);
    varint(out, value);
}

fn double_field(out: &mut Vec<u8>, number: u64, value: f64) {
    varint(out, number << 3 | 1);
    out.extend_from_slice(&value.to_le_bytes());
}

fn bytes_field(out: &mut Vec<u8>, number: u64, content: &[u8]) {
    varint(out, number << 3 | 2);
    varint(out, content.len() as u64);
    out.extend_from_slice(content);
}
