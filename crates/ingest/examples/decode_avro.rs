//! How many Avro records a CPU second decodes, beside arrow-avro and apache-avro.
//!
//! `cargo run --release -p forebay-ingest --example decode_avro [records] [rounds]`

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
use std::{hint::black_box, time::Duration};

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

/// A name, and what it does with a batch.
type Contestant<'c> = (&'static str, Box<dyn FnMut(&Batch) + 'c>);

fn main() {
    let mut arguments = std::env::args().skip(1).filter_map(|text| text.parse().ok());
    let records = arguments.next().unwrap_or(1_000_000_usize);
    let rounds = arguments.next().unwrap_or(7_usize);
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
    let mut contestants: Vec<Contestant> = vec![
        ("forebay", Box::new(|batch| decode(&decoder, batch, &mut reused))),
        (
            "forebay, fresh memory",
            Box::new(|batch| decode(&decoder, batch, &mut ColumnBatch::for_columns(&columns))),
        ),
        ("forebay, 4 of 12 fields", Box::new(|batch| decode(&projecting, batch, &mut reused_four))),
        ("arrow-avro", Box::new(|batch| arrow_decode(&mut arrow, batch))),
        ("apache-avro, values", Box::new(|batch| apache_decode(&apache_schema, batch))),
    ];
    if let Ok(only) = std::env::var("ONLY") {
        contestants.retain(|(name, _)| name.starts_with(&only));
    }
    let mut times = vec![Vec::new(); contestants.len()];
    for _ in 0..rounds {
        for ((_, run), times) in contestants.iter_mut().zip(&mut times) {
            let start = cpu_time();
            batches.iter().for_each(&mut *run);
            times.push(cpu_time() - start);
        }
    }
    let rival = contestants.iter().position(|(name, _)| *name == "arrow-avro");
    times.iter_mut().for_each(|times| times.sort_unstable());
    let median = |times: &[Duration]| records as f64 / times[times.len() / 2].as_secs_f64() / 1e6;
    println!("{:<24} {:>8} {:>8} {:>8}  million records per CPU second", "", "min", "median", "max");
    for ((name, _), of_one) in contestants.iter().zip(&times) {
        let speed = |time: Duration| records as f64 / time.as_secs_f64() / 1e6;
        let (fastest, slowest) = (speed(of_one[0]), speed(of_one[of_one.len() - 1]));
        let ratio = rival.map(|rival| median(of_one) / median(&times[rival]));
        let ratio = ratio.map_or(String::new(), |ratio| format!("{ratio:.2} x arrow-avro"));
        println!("{name:<24} {slowest:>8.3} {:>8.3} {fastest:>8.3}  {ratio}", median(of_one));
    }
}

/// CPU time of this process, which has one thread.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/schedstat").expect("Linux with schedstat");
    let nanoseconds = stat.split_whitespace().next().and_then(|first| first.parse().ok());
    Duration::from_nanos(nanoseconds.expect("schedstat starts with the time on CPU"))
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
    let mut n = Numbers(index << 20);
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
