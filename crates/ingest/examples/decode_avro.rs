//! How many Avro records a CPU second decodes, beside arrow-avro and apache-avro.
//!
//! `cargo run --release -p forebay-ingest --example decode_avro [records] [rounds]`

mod race;

use arrow_avro::reader::ReaderBuilder;
use arrow_avro::schema::{AvroSchema as ArrowAvroSchema, Fingerprint, FingerprintAlgorithm, SchemaStore};
use forebay_ingest::{
    avro::{AvroSchema, Decoder, Options},
    column_batch::ColumnBatch,
    document::{DocumentColumn, DocumentDecoder, Texts},
    schema::{Schema, SchemaKind},
    target::{ColumnSource, TargetColumn},
};
use forebay_project::{
    column_type::ColumnType,
    model::{Path, PathStep},
};
use race::{Contestant, Course, Numbers};
use std::hint::black_box;

/// Records a batch, as a consumer would hand them over.
const BATCH: usize = 8_192;

/// Bytes before each datum: zero, and the id of its schema.
const FRAME: [u8; 5] = [0, 0, 0, 0, 1];

const SCHEMA: &str = r#"{"type":"record","name":"Event","namespace":"shop","fields":[
    {"name":"id","type":"long"},
    {"name":"user","type":"int"},
    {"name":"session","type":"string"},
    {"name":"ts","type":{"type":"long","logicalType":"timestamp-millis"}},
    {"name":"kind","type":{"type":"enum","name":"Kind","symbols":["VIEW","CLICK","CART","BUY"]}},
    {"name":"amount","type":"double"},
    {"name":"quantity","type":"int"},
    {"name":"referrer","type":["null","string"]},
    {"name":"campaign","type":["null","long"]},
    {"name":"score","type":["null","double"]},
    {"name":"tags","type":{"type":"array","items":"string"}},
    {"name":"geo","type":{"type":"record","name":"Geo","fields":[
        {"name":"country","type":"string"},{"name":"lat","type":"double"},{"name":"lon","type":"double"}]}}]}"#;

/// Framed records back to back, and where each ends.
struct Batch {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Batch {
    fn documents(&self) -> impl Iterator<Item = &[u8]> {
        let starts = [0].into_iter().chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.bytes[start + FRAME.len()..*end])
    }
}

fn main() {
    let (records, rounds) = race::arguments(1_000_000, 7);
    let batches: Vec<_> =
        (0..records).step_by(BATCH).map(|first| events(first as u64, BATCH.min(records - first))).collect();
    let bytes: usize = batches.iter().map(|batch| batch.bytes.len()).sum();
    println!("{records} records of {} bytes with their frames, {rounds} rounds", bytes / records);

    let columns = columns();
    let decoder = decoder(&columns);
    let mut reused = ColumnBatch::for_columns(&columns);
    let four: Vec<_> =
        columns.iter().filter(|column| FOUR.contains(&column.name.as_str())).cloned().collect();
    let projecting = self::decoder(&four);
    let mut reused_four = ColumnBatch::for_columns(&four);
    let mut arrow = arrow_decoder();
    let apache_schema = apache_avro::Schema::parse_str(SCHEMA).expect("the schema is valid");
    let contestants = vec![
        Contestant::new("forebay", |batch| decode(&decoder, batch, &mut reused)),
        Contestant::new("forebay, fresh memory", |batch| {
            decode(&decoder, batch, &mut ColumnBatch::for_columns(&columns));
        }),
        Contestant::new("forebay, 4 of 12 fields", |batch| decode(&projecting, batch, &mut reused_four)),
        Contestant::new("arrow-avro", |batch| arrow_decode(&mut arrow, batch)),
        Contestant::new("apache-avro, values", |batch| apache_decode(&apache_schema, batch)),
    ];
    Course { batches, records, rounds }.race(contestants, "arrow-avro");
}

fn decode(decoder: &Decoder, batch: &Batch, rows: &mut ColumnBatch) {
    rows.truncate(0);
    let mut state = decoder.new_state(Texts::CheckedLater);
    for document in batch.documents() {
        decoder.decode(&mut state, document, &mut rows.columns).expect("the records fit");
    }
    assert!(decoder.texts_are_valid(&rows.columns, 0));
    assert_eq!(rows.row_count(), batch.ends.len());
}

fn arrow_decoder() -> arrow_avro::reader::Decoder {
    let mut store = SchemaStore::new_with_type(FingerprintAlgorithm::Id);
    let schema = ArrowAvroSchema::new(SCHEMA.to_owned());
    store.set(Fingerprint::Id(1), schema).expect("the schema is valid");
    let builder = ReaderBuilder::new().with_writer_schema_store(store).with_batch_size(BATCH);
    builder.build_decoder().expect("arrow-avro takes the schema")
}

fn arrow_decode(decoder: &mut arrow_avro::reader::Decoder, batch: &Batch) {
    let read = decoder.decode(&batch.bytes).expect("the records fit");
    assert_eq!(read, batch.bytes.len());
    let rows = decoder.flush().expect("the texts are UTF-8").map_or(0, |rows| black_box(rows).num_rows());
    assert_eq!(rows, batch.ends.len());
}

fn apache_decode(schema: &apache_avro::Schema, batch: &Batch) {
    let reader = apache_avro::reader::datum::GenericDatumReader::builder(schema).build();
    let reader = reader.expect("the schema is valid");
    for mut document in batch.documents() {
        black_box(reader.read_value(&mut document).expect("the records fit"));
    }
}

const FOUR: [&str; 4] = ["id", "session", "ts", "amount"];

fn columns() -> Vec<TargetColumn> {
    let nullable = |inner| ColumnType::Nullable(Box::new(inner));
    let low_cardinality = || ColumnType::LowCardinality(Box::new(ColumnType::String));
    let int = |bits| ColumnType::Int { bits, signed: true };
    let columns = [
        ("id", int(64)),
        ("user", int(32)),
        ("session", ColumnType::String),
        ("ts", ColumnType::DateTime64 { precision: 3, time_zone: None }),
        ("kind", low_cardinality()),
        ("amount", ColumnType::Float64),
        ("quantity", int(32)),
        ("referrer", nullable(ColumnType::String)),
        ("campaign", nullable(int(64))),
        ("score", nullable(ColumnType::Float64)),
        ("tags", ColumnType::Array(Box::new(ColumnType::String))),
        ("geo.country", low_cardinality()),
        ("geo.lat", ColumnType::Float64),
        ("geo.lon", ColumnType::Float64),
    ];
    let column = |(name, column_type): (&str, ColumnType)| {
        let steps = name.split('.').map(|field| PathStep::Field(field.to_owned())).collect();
        let source = ColumnSource::Path(Path::Document(steps));
        TargetColumn { name: name.to_owned(), column_type, source, default: None, codec: None }
    };
    columns.map(column).into()
}

fn decoder(columns: &[TargetColumn]) -> Decoder {
    let schema =
        Schema { kind: SchemaKind::Avro, text: SCHEMA.to_owned(), references: Vec::new(), origin: None };
    let writer = AvroSchema::parse(&schema).expect("the schema is valid");
    let columns: Vec<_> = columns
        .iter()
        .enumerate()
        .filter_map(|(index, target)| match &target.source {
            ColumnSource::Path(Path::Document(steps)) => Some(DocumentColumn { index, target, steps }),
            _ => None,
        })
        .collect();
    Decoder::compile(&writer, None, &columns, Options::default()).expect("the columns compile")
}

/// Page views of a shop.
fn events(first: u64, count: usize) -> Batch {
    let mut batch = Batch { bytes: Vec::new(), ends: Vec::with_capacity(count) };
    for index in first..first + count as u64 {
        batch.bytes.extend_from_slice(&FRAME);
        write_event(&mut batch.bytes, index);
        batch.ends.push(batch.bytes.len());
    }
    batch
}

fn long(out: &mut Vec<u8>, value: i64) {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

fn text(out: &mut Vec<u8>, text: &str) {
    long(out, text.len() as i64);
    out.extend_from_slice(text.as_bytes());
}

fn write_event(out: &mut Vec<u8>, index: u64) {
    let mut n = Numbers::of(index);
    long(out, index as i64 + 1_000_000_000);
    long(out, n.below(5_000_000) as i64);
    let (high, low) = (n.below(u64::MAX), n.below(u64::MAX));
    let session = format!(
        "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xfff,
        low >> 48 & 0xfff,
        low & 0xffff_ffff_ffff
    );
    text(out, &session);
    long(out, 1_714_564_800_000 + index as i64 * 7);
    long(out, n.below(4) as i64);
    out.extend_from_slice(&(n.below(50_000) as f64 / 100.0).to_le_bytes());
    long(out, n.below(20) as i64);
    let present = n.below(8);
    long(out, (present & 1) as i64);
    if present & 1 == 1 {
        text(out, n.one_of(&["https://www.example.com/search", "https://news.example.org/"]));
    }
    long(out, (present >> 1 & 1) as i64);
    if present >> 1 & 1 == 1 {
        long(out, n.below(1 << 20) as i64);
    }
    long(out, (present >> 2) as i64);
    if present >> 2 == 1 {
        out.extend_from_slice(&(n.below(1_000) as f64 / 1_000.0).to_le_bytes());
    }
    let tags = n.below(4);
    if tags > 0 {
        long(out, tags as i64);
        (0..tags).for_each(|_| text(out, n.one_of(&["new", "mobile", "sale", "returning"])));
    }
    long(out, 0);
    text(out, n.one_of(&["DE", "FR", "US", "GB", "BR"]));
    out.extend_from_slice(&(n.below(180) as f64 - 90.0).to_le_bytes());
    out.extend_from_slice(&(n.below(360) as f64 - 180.0).to_le_bytes());
}
