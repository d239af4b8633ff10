//! How many Protobuf records a CPU second decodes, beside prost-reflect and ptars on the same records.
//!
//! `cargo run --release -p forebay-ingest --example decode_protobuf [records] [rounds]`; ptars takes part if
//! `PTARS_PYTHON` is a Python that has it.

#[path = "race/ptars.rs"]
mod ptars;
mod race;

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
use ptars::Ptars;
use race::{Contestant, Course, Numbers};
use std::hint::black_box;

/// Records a batch, as a consumer would hand them over.
const BATCH: usize = 10_000;

/// Records back to back.
struct Batch {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

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
    let (records, rounds) = race::arguments(1_000_000, 5);
    let batches: Vec<Batch> = (0..records.div_ceil(BATCH))
        .map(|batch| events(batch * BATCH, BATCH.min(records - batch * BATCH)))
        .collect();
    let bytes: usize = batches.iter().map(|batch| batch.bytes.len()).sum();
    println!("{records} records of {} bytes, {rounds} rounds", bytes / records);

    let targets = columns();
    let decoder = decoder(&targets);
    let plain_targets = plain(&targets);
    let plain_decoder = self::decoder(&plain_targets);
    let mut plain_reused = ColumnBatch::for_columns(&plain_targets);
    let message = descriptor();
    let mut reused = ColumnBatch::for_columns(&targets);
    let mut contestants = vec![
        Contestant::new("forebay decode", |batch| decode(&decoder, batch, &mut reused)),
        Contestant::new("forebay, fresh memory", |batch| {
            decode(&decoder, batch, &mut ColumnBatch::for_columns(&targets));
        }),
        Contestant::new("forebay, ptars's types", |batch| {
            decode(&plain_decoder, batch, &mut plain_reused);
        }),
        Contestant::new("prost-reflect", |batch| reflect(&message, batch)),
        Contestant::new("prost-reflect, fields", |batch| reflect_fields(&message, batch)),
    ];
    let set = message.parent_pool().encode_to_vec();
    let parts = batches.iter().map(|batch| batch.iter().collect());
    if let Some(mut ptars) = Ptars::start(&set, message.full_name(), parts) {
        contestants.push(Contestant::timed("ptars", move |_| ptars.round()));
    }
    Course { batches, records, rounds }.race(contestants, "prost-reflect");
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

/// Without what ptars does not do: names of enum values, and times.
fn plain(targets: &[TargetColumn]) -> Vec<TargetColumn> {
    let plain = |target: &TargetColumn| {
        let column_type = match target.name.as_str() {
            "at" => ColumnType::parse("Int64").expect("the type is right"),
            "kind" => ColumnType::parse("Int32").expect("the type is right"),
            _ => target.column_type.clone(),
        };
        TargetColumn { column_type, ..target.clone() }
    };
    targets.iter().map(plain).collect()
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
    let mut n = Numbers::of(index);
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
