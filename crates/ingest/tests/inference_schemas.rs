//! What is inferred from Avro and Protobuf schemas, and that it takes the records written with them.
#![allow(clippy::unwrap_used)]

use forebay_ingest::avro::{self, AvroSchema};
use forebay_ingest::document::{DocumentColumn, DocumentDecoder, Texts, scratch};
use forebay_ingest::inference::{self, DatasourceText, Declared, Inference, InferredColumn, Nested, Options};
use forebay_ingest::protobuf::{self, MessageChoice, ProtobufSchema};
use forebay_ingest::schema::{Schema, SchemaKind, SchemaReference};
use forebay_ingest::target::{ColumnSource, TargetColumn};
use forebay_project::SourceFile;
use forebay_project::model::Path;
use serde_json::Value;

const OPTIONS: [Options; 2] = [
    Options { nested: Nested::Flatten, has_automatic_columns: false },
    Options { nested: Nested::Json, has_automatic_columns: false },
];

fn schema(kind: SchemaKind, text: &str) -> Schema {
    Schema { kind, text: text.to_owned(), references: Vec::new(), origin: None }
}

fn shown(inference: &Inference) -> String {
    DatasourceText { description: "Of a schema", directives: &[] }.render(inference)
}

fn of_avro(text: &str, options: Options) -> Inference {
    inference::of_avro(&AvroSchema::parse(&schema(SchemaKind::Avro, text)).unwrap(), options)
}

fn of_protobuf(text: &str, options: Options) -> Inference {
    let schema = ProtobufSchema::parse(&schema(SchemaKind::Protobuf, text)).unwrap();
    inference::of_protobuf(&schema.message(MessageChoice::First).unwrap(), options)
}

const AVRO: &str = r#"{"type":"record","name":"shop.Order","fields":[
    {"name":"id","type":"long"},
    {"name":"placed_at","type":{"type":"long","logicalType":"timestamp-millis"}},
    {"name":"day","type":["null",{"type":"int","logicalType":"date"}]},
    {"name":"total","type":{"type":"bytes","logicalType":"decimal","precision":12,"scale":2}},
    {"name":"state","type":{"type":"enum","name":"State","symbols":["NEW","PAID"]}},
    {"name":"who","type":["null",{"type":"record","name":"Person","fields":[
        {"name":"name","type":"string"},{"name":"tags","type":{"type":"array","items":"string"}},
        {"name":"friend","type":["null","Person"]}]}]},
    {"name":"items","type":{"type":"array","items":{"type":"record","name":"Item","fields":[
        {"name":"sku","type":"string"},{"name":"note","type":["null","string"]}]}}},
    {"name":"labels","type":{"type":"map","values":["null","int"]}},
    {"name":"places","type":{"type":"map","values":{"type":"record","name":"Place","fields":[{"name":"lat","type":"double"}]}}},
    {"name":"value","type":["string","bytes","null"]},
    {"name":"either","type":["null","long","string"]},
    {"name":"token","type":{"type":"fixed","name":"Token","size":8}},
    {"name":"wait","type":{"type":"fixed","name":"Wait","size":12,"logicalType":"duration"}}]}"#;

const PROTOBUF: &str = r#"syntax = "proto3";
package shop;
import "google/protobuf/timestamp.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/wrappers.proto";
import "google/protobuf/struct.proto";
message Order {
  uint64 id = 1;
  google.protobuf.Timestamp placed_at = 2;
  optional string note = 3;
  State state = 4;
  Person who = 5;
  repeated Item items = 6;
  map<string, int32> labels = 7;
  oneof payment { string card = 8; double cash = 9; }
  google.protobuf.Duration wait = 10;
  google.protobuf.BoolValue gift = 11;
  google.protobuf.Struct extra = 12;
  bytes raw = 13;
  repeated float scores = 14;
}
enum State { NEW = 0; PAID = 1; }
message Person { string name = 1; repeated string tags = 2; Person friend = 3; }
message Item { string sku = 1; optional int32 count = 2; }"#;

#[test]
fn an_avro_schema_gives_exact_types() {
    let [flat, nested] = OPTIONS.map(|options| shown(&of_avro(AVRO, options)));
    insta::assert_snapshot!(format!("{flat}\n{nested}"));
}

#[test]
fn a_protobuf_message_gives_exact_types() {
    let [flat, nested] = OPTIONS.map(|options| shown(&of_protobuf(PROTOBUF, options)));
    insta::assert_snapshot!(format!("{flat}\n{nested}"));
}

#[test]
fn a_root_union_of_records_gives_the_fields_of_all() {
    let text = r#"["null",{"type":"record","name":"A","fields":[{"name":"x","type":"int"},{"name":"y","type":"int"}]},
        {"type":"record","name":"B","fields":[{"name":"x","type":"int"},{"name":"y","type":"string"}]}]"#;
    let columns = of_avro(text, OPTIONS[0]).columns;
    let types: Vec<String> = columns.iter().map(|it| format!("{} {}", it.name, it.column_type)).collect();
    assert_eq!(types, ["x Nullable(Int32)", "y Nullable(String)"]);
}

#[test]
fn several_schemas_give_columns_for_the_records_of_all() {
    let of = |fields: &str| {
        let text = format!(r#"{{"type":"record","name":"R","fields":[{fields}]}}"#);
        Declared::of_avro(&AvroSchema::parse(&schema(SchemaKind::Avro, &text)).unwrap())
    };
    let newest = of(r#"{"name":"id","type":"long"},{"name":"n","type":"double"},{"name":"new","type":"int"},
        {"name":"tags","type":{"type":"array","items":"long"}},{"name":"odd","type":"boolean"}"#);
    let older = of(r#"{"name":"gone","type":"string"},{"name":"id","type":"int"},{"name":"n","type":"int"},
        {"name":"tags","type":{"type":"array","items":"int"}},{"name":"odd","type":"bytes"}"#);
    let columns = Declared::infer([newest, older], OPTIONS[0]).unwrap().columns;
    let types: Vec<String> = columns.iter().map(|it| format!("{} {}", it.name, it.column_type)).collect();
    let expected = [
        "id Int64",
        "n Float64",
        "new Nullable(Int32)",
        "tags Array(Int64)",
        "odd String",
        "gone Nullable(String)",
    ];
    assert_eq!(types, expected);
    assert_eq!(Declared::infer([], OPTIONS[0]), None);
}

#[test]
fn a_message_that_is_unrolled_gives_the_columns_of_its_items() {
    let text =
        r#"syntax = "proto3"; message Batch { repeated Item items = 1; } message Item { string sku = 1; }"#;
    let parsed = ProtobufSchema::parse(&schema(SchemaKind::Protobuf, text)).unwrap();
    let message = parsed.message(MessageChoice::Name("Batch")).unwrap();
    let names = |unroll| {
        let inference = Declared::infer([Declared::of_protobuf(&message, unroll)], OPTIONS[0]).unwrap();
        inference.columns.into_iter().map(|column| column.name).collect::<Vec<_>>()
    };
    assert_eq!((names(false), names(true)), (vec!["items_sku".to_owned()], vec!["sku".to_owned()]));
}

#[test]
fn a_schema_that_multiplies_stays_small() {
    let mut text = r#"{"type":"record","name":"L0","fields":[{"name":"v","type":"int"}]}"#.to_owned();
    for level in 1..24 {
        let below = format!("L{}", level - 1);
        text = format!(
            r#"{{"type":"record","name":"L{level}","fields":[{{"name":"a","type":{text}}},{{"name":"b","type":"{below}"}}]}}"#
        );
    }
    assert!(of_avro(&text, OPTIONS[0]).columns.len() <= 2_000);
}

/// One line of the corpus.
struct Case(Value);

impl Case {
    fn text(&self, field: &str) -> &str {
        self.0[field].as_str().unwrap_or_default()
    }

    fn schema(&self, kind: SchemaKind) -> Schema {
        let references =
            self.0["references"].as_array().into_iter().flatten().map(|reference| SchemaReference {
                name: reference["name"].as_str().unwrap().to_owned(),
                text: reference["schema"].as_str().unwrap().to_owned(),
            });
        Schema { kind, text: self.text("schema").to_owned(), references: references.collect(), origin: None }
    }

    fn payload(&self) -> Vec<u8> {
        let digits = self.text("payload_hex").as_bytes();
        let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        digits.chunks(2).map(pair).collect()
    }
}

fn corpus(file: &str) -> Vec<Case> {
    let path = format!("{}/../../fixtures/corpus/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| Case(serde_json::from_str(line).unwrap())).collect()
}

/// Decodes the payload into the inferred columns; what they refuse.
fn refused<D: DocumentDecoder>(
    inference: &Inference,
    compile: impl FnOnce(&[DocumentColumn<'_>]) -> D,
    payload: &[u8],
) -> Option<String> {
    let targets: Vec<TargetColumn> = inference.columns.iter().map(InferredColumn::target).collect();
    let columns: Vec<DocumentColumn<'_>> = targets
        .iter()
        .enumerate()
        .map(|(index, target)| match &target.source {
            ColumnSource::Path(Path::Document(steps)) => DocumentColumn { index, target, steps },
            source => panic!("{} is read from {source:?}", target.name),
        })
        .collect();
    let decoder = compile(&columns);
    let mut rows = scratch(&columns);
    let mut state = decoder.new_state(Texts::CheckedAtOnce);
    let decoded = decoder.decode(&mut state, payload, &mut rows.columns);
    decoded.err().map(|_| format!("{:?}", decoder.diagnose(payload).defects))
}

fn assert_reads_back(case: &str, inference: &Inference) {
    let file = SourceFile { path: "corpus.datasource".into(), text: shown(inference) };
    if let Err(found) = forebay_project::load(std::slice::from_ref(&file)) {
        panic!("{case}: {}{}", forebay_project::render(&found, false), file.text);
    }
}

/// Columns hold less than a schema can say in few places: times outside of the calendar of ClickHouse, digits beyond a
/// Decimal, bytes in text. Such values are refused by their own reasons, never by their shape.
fn is_about_the_value(refused: &str) -> bool {
    ["OutOfRange", "Lossy", "InvalidUtf8"].iter().any(|reason| refused.contains(reason))
        && !["MissingRequired", "NullForRequired", "WrongShape"].iter().any(|reason| refused.contains(reason))
}

#[test]
fn columns_of_avro_schemas_take_the_records_of_the_corpus() {
    let mut taken = 0;
    for case in corpus("avro.jsonl") {
        let schema = AvroSchema::parse(&case.schema(SchemaKind::Avro)).unwrap();
        let raw_root_bytes = case.text("case").starts_with("root-bytes") && case.text("framing") != "none";
        let options = avro::Options { raw_root_bytes, ..avro::Options::default() };
        for nested in OPTIONS {
            let inference = inference::of_avro(&schema, nested);
            assert_reads_back(case.text("case"), &inference);
            let compile = |columns: &[DocumentColumn<'_>]| {
                avro::Decoder::compile(&schema, None, columns, options).unwrap()
            };
            match refused(&inference, compile, &case.payload()) {
                Some(why) if !is_about_the_value(&why) => {
                    panic!("{}: {why}\n{}", case.text("case"), shown(&inference))
                }
                why => taken += usize::from(why.is_none()),
            }
        }
    }
    assert!(taken > 300, "only {taken}");
}

#[test]
fn columns_of_protobuf_messages_take_the_records_of_the_corpus() {
    let mut taken = 0;
    for case in corpus("protobuf.jsonl") {
        let schema = ProtobufSchema::parse(&case.schema(SchemaKind::Protobuf)).unwrap();
        let message = schema.message(MessageChoice::Name(case.text("message"))).unwrap();
        for nested in OPTIONS {
            let inference = inference::of_protobuf(&message, nested);
            assert_reads_back(case.text("case"), &inference);
            let compile = |columns: &[DocumentColumn<'_>]| {
                protobuf::Decoder::compile(&message, columns, Default::default()).unwrap()
            };
            match refused(&inference, compile, &case.payload()) {
                Some(why) if !is_about_the_value(&why) => {
                    panic!("{}: {why}\n{}", case.text("case"), shown(&inference))
                }
                why => taken += usize::from(why.is_none()),
            }
        }
    }
    assert!(taken > 100, "only {taken}");
}
