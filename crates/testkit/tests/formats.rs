//! From the settings of a datafile to rows: formats, keys, tombstones, and the columns that Kafka fills.
#![allow(clippy::unwrap_used)]

use forebay_ingest::{
    column_batch::{Column, ColumnBatch, Values},
    decode::{DecodedBatch, DocumentFormat, Formats, RowDecoder},
    records::{Position, RecordBatch},
    schema::{SchemaId, SchemaKind, Schemas},
    target::{TargetColumn, filled_columns},
};
use forebay_project::{
    SourceFile,
    model::{Datasource, RecordFormat},
};
use forebay_testkit::schemas::MemorySchemas;
use std::sync::Arc;

const CONNECTION: &str = "TYPE kafka
KAFKA_BOOTSTRAP_SERVERS localhost:9092
KAFKA_SECURITY_PROTOCOL PLAINTEXT
KAFKA_SCHEMA_REGISTRY_URL http://localhost:8081
";

/// The data source that `lines` describe, read from topic `t`.
fn datasource(lines: &str) -> Datasource {
    let file = |path: &str, text: String| SourceFile { path: path.to_owned(), text };
    let reads = "KAFKA_CONNECTION_NAME main\nKAFKA_TOPIC t\nKAFKA_GROUP_ID g\nKAFKA_AUTOMATIC_COLUMNS False";
    let files =
        [file("main.connection", CONNECTION.to_owned()), file("t.datasource", format!("{lines}\n{reads}\n"))];
    let loaded = forebay_project::load(&files);
    let project = loaded.unwrap_or_else(|found| panic!("{}", forebay_project::render(&found, false))).project;
    project.datasources["t"].clone()
}

struct Bench {
    decoder: RowDecoder,
    columns: Vec<TargetColumn>,
}

impl Bench {
    fn new(lines: &str, schemas: &MemorySchemas) -> Self {
        let datasource = datasource(lines);
        let kafka = datasource.kafka.as_ref().unwrap();
        let document = |settings: &RecordFormat| DocumentFormat {
            settings: settings.clone(),
            schemas: Some(Arc::new(schemas.clone()) as Arc<dyn Schemas>),
            has_configured_schema: settings.schema.is_some(),
        };
        let formats = Formats {
            value: document(&kafka.value),
            key: document(&kafka.key),
            tombstones: kafka.tombstones,
            topic: "t".into(),
            registry: kafka.connection.registry.as_ref().map(|registry| registry.kind),
            ..Formats::default()
        };
        let columns = filled_columns(&datasource);
        Self { decoder: RowDecoder::compile(columns.clone().into(), formats).unwrap(), columns }
    }

    async fn decode(&self, records: &RecordBatch) -> DecodedBatch {
        if let Err(unknown) = self.decoder.plans(records) {
            self.decoder.learn(&unknown).await.unwrap();
        }
        let plans = self.decoder.plans(records).unwrap();
        let decoded = self.decoder.decode(records, &plans).unwrap();
        assert_eq!(decoded.rows.defect(), None);
        decoded
    }

    fn column<'b>(&self, rows: &'b ColumnBatch, name: &str) -> &'b Column {
        let index = self.columns.iter().position(|column| column.name == name);
        &rows.columns[index.unwrap_or_else(|| panic!("there is a column {name}"))]
    }

    fn numbers(&self, rows: &ColumnBatch, name: &str) -> Vec<i64> {
        match &self.column(rows, name).values {
            Values::Fixed { width, bytes } => bytes.chunks(*width).map(little_endian).collect(),
            other => panic!("{name} holds {other:?}"),
        }
    }

    fn texts(&self, rows: &ColumnBatch, name: &str) -> Vec<String> {
        texts(self.column(rows, name))
    }
}

fn little_endian(bytes: &[u8]) -> i64 {
    let mut wide = [0; 8];
    wide[..bytes.len()].copy_from_slice(bytes);
    i64::from_le_bytes(wide)
}

fn texts(column: &Column) -> Vec<String> {
    match &column.values {
        Values::Bytes { ends, bytes } => {
            let starts = std::iter::once(0).chain(ends.iter().copied());
            let slices = starts.zip(ends).map(|(start, end)| &bytes[start..*end]);
            slices.map(|slice| String::from_utf8_lossy(slice).into_owned()).collect()
        }
        Values::List { items, .. } => texts(items),
        other => panic!("no text in {other:?}"),
    }
}

type Part<'a> = Option<&'a [u8]>;

fn records(records: &[(Part<'_>, Part<'_>)]) -> RecordBatch {
    let mut batch = RecordBatch::new("t".into());
    for (offset, (key, value)) in (0..).zip(records) {
        let position = Position { partition: 3, offset, timestamp_ms: Some(1_700_000_000_123) };
        let headers = [(&b"h1"[..], Some(&b"v1"[..])), (b"h2", None)];
        batch.push(position, *key, *value, headers);
    }
    batch
}

fn reason(decoded: &DecodedBatch) -> Vec<&'static str> {
    decoded.reasons.keys().map(|reason| reason.as_str()).collect()
}

fn avro_schemas() -> MemorySchemas {
    let with = |fields: &str| format!(r#"{{"type":"record","name":"R","fields":[{fields}]}}"#);
    let first = with(r#"{"name":"n","type":"long"}"#);
    let second = with(r#"{"name":"s","type":"string"},{"name":"n","type":"int"}"#);
    MemorySchemas::default()
        .with(SchemaId::Confluent(1), SchemaKind::Avro, &first)
        .with(SchemaId::Confluent(2), SchemaKind::Avro, &second)
        .with(SchemaId::Confluent(3), SchemaKind::Protobuf, "syntax = \"proto3\"; message M {}")
        .with(SchemaId::Confluent(4), SchemaKind::Avro, "{\"type\":\"no such type\"}")
}

#[tokio::test]
async fn schemas_may_change_from_record_to_record() {
    let schemas = avro_schemas();
    let bench =
        Bench::new("SCHEMA >\n    n Int64,\n    s Nullable(String)\nKAFKA_VALUE_FORMAT avro", &schemas);
    let one = |n: u8| [&[0, 0, 0, 0, 1][..], &[n << 1]].concat();
    let two = |n: u8| [&[0, 0, 0, 0, 2, 4][..], b"ab", &[n << 1]].concat();
    let values = [one(1), two(2), one(3), two(4), two(5)];
    let values: Vec<_> = values.iter().map(|value| (None, Some(&value[..]))).collect();
    let decoded = bench.decode(&records(&values)).await;
    assert_eq!(bench.numbers(&decoded.rows, "n"), [1, 2, 3, 4, 5]);
    assert_eq!(bench.column(&decoded.rows, "s").nulls, Some(vec![1, 0, 1, 0, 0]));
    let asked = schemas.asked();
    assert_eq!(asked.len(), 2, "each schema is asked for once: {asked:?}");
    assert_eq!(asked[0].1, "t-value");
}

#[tokio::test]
async fn a_schema_that_is_of_no_use_refuses_its_records_only() {
    let bench = Bench::new("SCHEMA >\n    n Int64\nKAFKA_VALUE_FORMAT avro", &avro_schemas());
    for (id, expected) in [(3, "schema-refused"), (4, "schema-refused"), (9, "schema-not-found")] {
        let (good, bad) = ([0, 0, 0, 0, 1, 2], [0, 0, 0, 0, id, 2]);
        let decoded = bench.decode(&records(&[(None, Some(&bad)), (None, Some(&good))])).await;
        assert_eq!(bench.numbers(&decoded.rows, "n"), [1]);
        assert_eq!(reason(&decoded), [expected]);
    }
    let decoded = bench.decode(&records(&[(None, Some(b"no frame at all"))])).await;
    assert_eq!(reason(&decoded), ["invalid-frame"]);
}

#[tokio::test]
async fn text_that_is_not_utf8_refuses_its_record_only() {
    let bench = Bench::new("SCHEMA >\n    n Int64,\n    s String\nKAFKA_VALUE_FORMAT avro", &avro_schemas());
    let two = |text: [u8; 2], n: u8| [&[0, 0, 0, 0, 2, 4][..], &text, &[n << 1]].concat();
    let values = [two(*b"ok", 1), two([0xff, 0xfe], 2), two(*b"go", 3)];
    let values: Vec<_> = values.iter().map(|value| (None, Some(&value[..]))).collect();
    let decoded = bench.decode(&records(&values)).await;
    assert_eq!(bench.texts(&decoded.rows, "s"), ["ok", "go"]);
    assert_eq!(reason(&decoded), ["invalid-utf8"]);
}

#[tokio::test]
async fn plain_text_converts_as_a_whole() {
    let lines = "SCHEMA >\n    n Nullable(Int64) `json:$`,\n    s String `json:$`\nKAFKA_VALUE_FORMAT string";
    let bench = Bench::new(lines, &MemorySchemas::default());
    let decoded =
        bench.decode(&records(&[(None, Some(b"42")), (None, Some(b"x")), (None, Some(b"-7"))])).await;
    assert_eq!(bench.numbers(&decoded.rows, "n"), [42, -7]);
    assert_eq!(bench.texts(&decoded.rows, "s"), ["42", "-7"]);
    assert_eq!(reason(&decoded), ["not-a-number"]);
}

#[tokio::test]
async fn bytes_are_kept_whatever_they_are() {
    let bench =
        Bench::new("SCHEMA >\n    b String `json:$`\nKAFKA_VALUE_FORMAT binary", &MemorySchemas::default());
    let decoded = bench.decode(&records(&[(None, Some(&[0xff, 0, 0xfe])), (None, Some(b""))])).await;
    assert_eq!(
        decoded.rows.columns[0].values,
        Values::Bytes { ends: vec![3, 3], bytes: vec![0xff, 0, 0xfe] }
    );
}

#[tokio::test]
async fn columns_of_clickpipes_names_are_filled_by_kafka() {
    let lines = "SCHEMA >
    n Int64,
    _key Nullable(String),
    _timestamp DateTime64(3),
    _partition Int32,
    _offset Int64,
    _topic String,
    _header_keys Array(String),
    _header_values Array(String),
    _raw_message String";
    let bench = Bench::new(lines, &MemorySchemas::default());
    let decoded =
        bench.decode(&records(&[(Some(b"k"), Some(br#"{"n":1}"#)), (None, Some(br#"{"n":2}"#))])).await;
    let rows = &decoded.rows;
    assert_eq!(bench.texts(rows, "_key"), ["k", ""]);
    assert_eq!(bench.column(rows, "_key").nulls, Some(vec![0, 1]));
    assert_eq!(bench.numbers(rows, "_timestamp"), [1_700_000_000_123; 2]);
    assert_eq!(bench.numbers(rows, "_partition"), [3, 3]);
    assert_eq!(bench.numbers(rows, "_offset"), [0, 1]);
    assert_eq!(bench.texts(rows, "_topic"), ["t", "t"]);
    assert_eq!(bench.texts(rows, "_header_keys"), ["h1", "h2", "h1", "h2"]);
    assert_eq!(bench.texts(rows, "_header_values"), ["v1", "", "v1", ""]);
    assert_eq!(bench.texts(rows, "_raw_message"), [r#"{"n":1}"#, r#"{"n":2}"#]);
}

/// Customers by id, which only the key holds.
const KEYED: &str = "SCHEMA >
    id UInt64 `json:_key.id`,
    name String,
    note String DEFAULT 'none',
    _offset UInt64,
    _is_deleted UInt8
ENGINE ReplacingMergeTree
ENGINE_SORTING_KEY id
ENGINE_VER _offset
ENGINE_IS_DELETED _is_deleted";

#[tokio::test]
async fn keys_are_decoded_beside_values() {
    let bench = Bench::new(KEYED, &MemorySchemas::default());
    let value: Part<'_> = Some(br#"{"name":"Ada"}"#);
    let batch = records(&[
        (Some(br#"{"id":7}"#), value),
        (Some(br#"{"id":"x"}"#), value),
        (None, value),
        (Some(br#"{"id":8}"#), value),
    ]);
    let decoded = bench.decode(&batch).await;
    assert_eq!(bench.numbers(&decoded.rows, "id"), [7, 8]);
    assert_eq!(bench.numbers(&decoded.rows, "_is_deleted"), [0, 0]);
    assert_eq!(reason(&decoded), ["missing-required", "not-a-number"]);
}

#[tokio::test]
async fn a_tombstone_becomes_what_the_setting_says() {
    let tombstone =
        || records(&[(Some(br#"{"id":7}"#), None), (Some(br#"{"id":8}"#), Some(br#"{"name":"B"}"#))]);

    let quarantined = Bench::new(KEYED, &MemorySchemas::default());
    let decoded = quarantined.decode(&tombstone()).await;
    assert_eq!((decoded.rows.row_count(), reason(&decoded)), (1, vec!["null-value"]));

    let skipped = Bench::new(&format!("{KEYED}\nKAFKA_TOMBSTONES skip"), &MemorySchemas::default());
    let decoded = skipped.decode(&tombstone()).await;
    assert_eq!((decoded.rows.row_count(), decoded.skipped_tombstones), (1, 1));
    assert!(decoded.quarantined.is_none());

    let deleted = Bench::new(&format!("{KEYED}\nKAFKA_TOMBSTONES delete"), &MemorySchemas::default());
    let decoded = deleted.decode(&tombstone()).await;
    assert_eq!(deleted.numbers(&decoded.rows, "id"), [7, 8]);
    assert_eq!(deleted.numbers(&decoded.rows, "_is_deleted"), [1, 0]);
    assert_eq!(deleted.texts(&decoded.rows, "name"), ["", "B"]);
    assert_eq!(deleted.column(&decoded.rows, "note").absent, Some(vec![1, 1]));
}

#[tokio::test]
async fn json_behind_a_frame_needs_its_schema_only_to_be_checked() {
    let lines = "SCHEMA >\n    n Int64\nKAFKA_VALUE_FORMAT json_with_schema";
    let schema = r#"{"type":"object","properties":{"n":{"type":"integer","maximum":5}}}"#;
    let schemas = MemorySchemas::default().with(SchemaId::Confluent(1), SchemaKind::Json, schema);
    let framed = |text: &str| [&[0, 0, 0, 0, 1][..], text.as_bytes()].concat();
    let (small, large) = (framed(r#"{"n":1}"#), framed(r#"{"n":6}"#));
    let batch = records(&[(None, Some(&small)), (None, Some(&large)), (None, Some(br#"{"n":2}"#))]);

    let bench = Bench::new(lines, &schemas);
    let decoded = bench.decode(&batch).await;
    assert_eq!(bench.numbers(&decoded.rows, "n"), [1, 6, 2]);
    assert_eq!(schemas.asked(), [], "nothing is asked for what is not needed");

    let checked = Bench::new(&format!("{lines}\nKAFKA_VALIDATE_SCHEMA True"), &schemas);
    let decoded = checked.decode(&batch).await;
    assert_eq!(checked.numbers(&decoded.rows, "n"), [1]);
    assert_eq!(reason(&decoded), ["schema-not-found", "not-allowed-by-schema"]);
}

#[tokio::test]
async fn protobuf_messages_are_found_by_their_indexes() {
    let lines = "SCHEMA >\n    n Int64,\n    s String\nKAFKA_VALUE_FORMAT protobuf";
    let proto = "syntax = \"proto3\"; message A { int64 n = 1; } message B { string s = 1; message C { int32 n = 2; string s = 1; } }";
    let schemas = MemorySchemas::default().with(SchemaId::Confluent(1), SchemaKind::Protobuf, proto);
    let bench = Bench::new(
        &lines.replace("n Int64", "n Int64 DEFAULT 0").replace("s String", "s String DEFAULT ''"),
        &schemas,
    );
    let first = [&[0, 0, 0, 0, 1, 0][..], &[8, 5]].concat();
    let nested = [&[0, 0, 0, 0, 1, 4, 2, 0][..], &[10, 1, b'x', 16, 6]].concat();
    let nowhere = [&[0, 0, 0, 0, 1, 2, 8][..], &[8, 5]].concat();
    let decoded =
        bench.decode(&records(&[(None, Some(&first)), (None, Some(&nested)), (None, Some(&nowhere))])).await;
    assert_eq!(bench.numbers(&decoded.rows, "n"), [5, 6]);
    assert_eq!(bench.texts(&decoded.rows, "s"), ["", "x"]);
    assert_eq!(reason(&decoded), ["schema-refused"]);
}

#[tokio::test]
async fn a_batch_may_name_more_schemas_than_are_kept() {
    let bench = Bench::new("SCHEMA >\n    n Int64\nKAFKA_VALUE_FORMAT avro", &avro_schemas());
    let values: Vec<[u8; 6]> =
        (0..3000_u16).map(u16::to_be_bytes).map(|[high, low]| [0, 0, 1, high, low, 2]).collect();
    let mut batch: Vec<(Part<'_>, Part<'_>)> = values.iter().map(|value| (None, Some(&value[..]))).collect();
    batch.push((None, Some(&[0, 0, 0, 0, 1, 2])));
    let decoded = bench.decode(&records(&batch)).await;
    assert_eq!(bench.numbers(&decoded.rows, "n"), [1]);
    assert_eq!(decoded.reasons.values().sum::<usize>(), 3000);
}
