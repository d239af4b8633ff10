//! What is inferred from JSON Schemas, alone and with records that keep to them or not.
#![allow(clippy::unwrap_used)]

use forebay_ingest::{
    decode::RowDecoder,
    inference::{Inference, InferredColumn, Nested, Options, Samples},
    quarantine::Rejects,
    records::{Position, RecordBatch},
    schema::{Schema, SchemaKind, SchemaReference},
};
use proptest::prelude::*;
use std::fmt::Write;

const FLAT: Options = Options { nested: Nested::Flatten, has_automatic_columns: false };

fn schema(text: &str) -> Schema {
    Schema { kind: SchemaKind::Json, text: text.to_owned(), references: Vec::new(), origin: None }
}

fn inferred(schema: &Schema, documents: &[&str], options: Options) -> Inference {
    let mut samples = Samples::default();
    documents.iter().for_each(|document| samples.add(document.as_bytes()));
    samples.infer_declared(schema, options).unwrap()
}

fn shown(inference: &Inference) -> String {
    let mut text = String::new();
    for column in &inference.columns {
        let default = column.default.as_ref().map_or(String::new(), |default| format!(" DEFAULT {default}"));
        let reason = column.reason.as_ref().map_or(String::new(), |reason| format!("  -- {reason}"));
        writeln!(text, "{} {} {}{default}{reason}", column.name, column.column_type, column.path).unwrap();
    }
    writeln!(text, "by {}", inference.sorting_key.expression).unwrap();
    inference.notes.iter().for_each(|note| writeln!(text, "{note}").unwrap());
    text
}

fn types(text: &str) -> String {
    let columns = inferred(&schema(text), &[], FLAT).columns;
    let types: Vec<String> = columns.iter().map(|column| column.column_type.to_string()).collect();
    types.join(", ")
}

#[test]
fn each_keyword_gives_its_type() {
    let field = |schema: &str| {
        types(&format!(r#"{{"type":"object","required":["a"],"properties":{{"a":{schema}}}}}"#))
    };
    for (text, expected) in [
        (r#"{"type":"integer"}"#, "Int64"),
        (r#"{"type":"integer","minimum":0}"#, "UInt64"),
        (r#"{"type":"integer","minimum":0,"maximum":255}"#, "UInt8"),
        (r#"{"type":"integer","minimum":-1,"maximum":255}"#, "Int16"),
        (r#"{"type":"integer","minimum":0,"maximum":18446744073709551616}"#, "Int128"),
        (r#"{"type":"integer","exclusiveMinimum":0,"exclusiveMaximum":100}"#, "UInt8"),
        (r#"{"type":"integer","connect.type":"int16"}"#, "Int16"),
        (r#"{"type":"number"}"#, "Float64"),
        (r#"{"type":["number","integer"]}"#, "Float64"),
        (r#"{"type":"boolean"}"#, "Bool"),
        (r#"{"type":"string"}"#, "String"),
        (r#"{"type":["string","null"]}"#, "Nullable(String)"),
        (r#"{"type":"string","nullable":true}"#, "Nullable(String)"),
        (r#"{"type":["string","integer"]}"#, "String"),
        (r#"{"type":"string","format":"date-time"}"#, "DateTime64(6)"),
        (r#"{"type":"string","format":"date"}"#, "Date32"),
        (r#"{"type":"string","format":"uuid"}"#, "UUID"),
        (r#"{"type":"string","format":"ipv4"}"#, "IPv4"),
        (r#"{"type":"string","format":"email"}"#, "String"),
        (r#"{"enum":["a","b"]}"#, "LowCardinality(String)"),
        (r#"{"enum":["a",null]}"#, "LowCardinality(Nullable(String))"),
        (r#"{"enum":[1,2]}"#, "Int64"),
        (r#"{"const":"a"}"#, "LowCardinality(String)"),
        (r#"{"oneOf":[{"type":"null"},{"type":"integer"}]}"#, "Nullable(Int64)"),
        (r#"{"anyOf":[{"type":"string"},{"type":"boolean"}]}"#, "String"),
        (r#"{"type":"array","items":{"type":["integer","null"]}}"#, "Array(Nullable(Int64))"),
        (r#"{"type":"array","prefixItems":[{"type":"integer"},{"type":"number"}]}"#, "Array(Float64)"),
        (
            r#"{"type":"array","items":{"type":"object","required":["x"],"properties":{"x":{"type":"integer"}}}}"#,
            "Array(Int64)",
        ),
        (r#"{"type":"object","additionalProperties":{"type":"integer"}}"#, "Map(String, Int64)"),
        (r#"{"type":"object","patternProperties":{"^x":{"type":"string"}}}"#, "Map(String, String)"),
        (r#"{"type":"object"}"#, "JSON"),
        (
            r#"{"allOf":[{"properties":{"x":{"type":"integer"}},"required":["x"]},{"properties":{"y":{"type":"string"}}}]}"#,
            "Int64, Nullable(String)",
        ),
        ("{}", "Nullable(String)"),
        ("true", "Nullable(String)"),
    ] {
        assert_eq!(field(text), expected, "{text}");
    }
    assert_eq!(types(r#"{"type":"object","properties":{"a":{"type":"integer"}}}"#), "Nullable(Int64)");
}

#[test]
fn references_lead_into_definitions_and_other_schemas() {
    let mut with_reference = schema(
        r##"{"$id":"https://example.org/order.json","$defs":{"money":{"type":"number"},"a/b":{"type":"boolean"}},
        "definitions":{"tree":{"type":"object","properties":{"left":{"$ref":"#/definitions/tree"},"v":{"type":"integer"}}}},
        "type":"object","properties":{"total":{"$ref":"#/$defs/money"},"odd":{"$ref":"#/$defs/a~1b"},
        "who":{"$ref":"person.json"},"city":{"$ref":"person.json#city"},"tree":{"$ref":"#/definitions/tree"},
        "lost":{"$ref":"nowhere.json"}}}"##,
    );
    with_reference.references.push(SchemaReference {
        name: "person.json".to_owned(),
        text: r#"{"type":"object","properties":{"name":{"type":"string"},"home":{"$anchor":"city","enum":["x"]}}}"#.to_owned(),
    });
    insta::assert_snapshot!(shown(&inferred(&with_reference, &[], FLAT)));
}

const ORDER: &str = r#"{"type":"object","required":["id","who","tags","kind"],"properties":{
    "id":{"type":"integer","minimum":0,"maximum":1000},
    "created_at":{"type":"string"},
    "who":{"type":"object","required":["name"],"properties":{"name":{"type":"string"},"age":{"type":"integer"}}},
    "tags":{"type":"array","items":{"type":"string"}},
    "kind":{"enum":["new","old"]},
    "items":{"type":"array","items":{"type":"object","required":["n"],"properties":{"n":{"type":"integer"}}}}}}"#;

#[test]
fn records_that_keep_to_the_schema_get_its_columns_and_those_it_leaves_out() {
    let documents = [
        r#"{"id":1,"created_at":"2024-01-02T03:04:05Z","who":{"name":"Ada"},"tags":[],"kind":"new","extra":{"a":1}}"#,
        r#"{"id":2,"created_at":"2024-01-02T03:04:06Z","who":{"name":"Eve","age":3},"tags":["x"],"kind":"old","items":[{"n":1}]}"#,
    ];
    insta::assert_snapshot!(shown(&inferred(&schema(ORDER), &documents, FLAT)));
}

#[test]
fn records_that_break_the_schema_decide() {
    let documents = [
        r#"{"id":5000000000,"who":"Ada","kind":"new","items":[{"n":"x"},{}]}"#,
        r#"{"id":2,"who":{"name":"Eve"},"kind":null,"tags":"none"}"#,
    ];
    insta::assert_snapshot!(shown(&inferred(&schema(ORDER), &documents, FLAT)));
}

#[test]
fn what_is_no_schema_is_refused() {
    assert_eq!(
        Samples::default().infer_declared(&schema("{"), FLAT).unwrap_err(),
        "the JSON Schema is no JSON"
    );
}

fn any_schema() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        r#"{"type":"integer"}"#,
        r#"{"type":"integer","minimum":0,"maximum":10}"#,
        r#"{"type":"number"}"#,
        r#"{"type":"string"}"#,
        r#"{"type":["string","null"]}"#,
        r#"{"type":"string","format":"date-time"}"#,
        r#"{"type":"string","format":"uuid"}"#,
        r#"{"type":"boolean"}"#,
        r#"{"enum":["x",null]}"#,
        r#"{"type":"object","additionalProperties":{"type":"integer"}}"#,
        r##"{"$ref":"#"}"##,
        "{}",
    ]);
    leaf.prop_map(str::to_owned).prop_recursive(3, 12, 3, |inner| {
        let property = (prop::sample::select(vec!["a", "b", "c"]), inner.clone(), any::<bool>());
        let object = prop::collection::vec(property, 0..4).prop_map(|properties| {
            let required = properties.iter().filter(|(.., required)| *required);
            let required: Vec<String> = required.map(|(name, ..)| format!("\"{name}\"")).collect();
            let members = properties.iter().map(|(name, schema, _)| format!("\"{name}\":{schema}"));
            let members: Vec<String> = members.collect();
            format!(
                r#"{{"type":"object","required":[{}],"properties":{{{}}}}}"#,
                required.join(","),
                members.join(",")
            )
        });
        let array = inner.clone().prop_map(|items| format!(r#"{{"type":"array","items":{items}}}"#));
        let either =
            (inner.clone(), inner).prop_map(|(one, other)| format!(r#"{{"oneOf":[{one},{other}]}}"#));
        prop_oneof![4 => object, 1 => array, 1 => either]
    })
}

fn any_document() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "null",
        "1",
        "-7",
        "1.5",
        "18446744073709551616",
        "true",
        r#""x""#,
        r#""2024-01-02T03:04:05.1234567Z""#,
        r#""2024-01-02T03:04:05Z""#,
        r#""00112233-4455-6677-8899-aabbccddeeff""#,
    ]);
    leaf.prop_map(str::to_owned).prop_recursive(3, 16, 3, |inner| {
        let member = (prop::sample::select(vec!["a", "b", "c", "d"]), inner.clone());
        let object = prop::collection::vec(member, 0..4).prop_map(|members| {
            let members: Vec<String> =
                members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
            format!("{{{}}}", members.join(","))
        });
        let list = prop::collection::vec(inner, 0..3).prop_map(|items| format!("[{}]", items.join(",")));
        prop_oneof![3 => object, 1 => list]
    })
}

fn refused(inference: &Inference, documents: &[String]) -> Vec<String> {
    let mut records = RecordBatch::new("t".into());
    for (offset, document) in (0..).zip(documents) {
        let position = Position { partition: 0, offset, timestamp_ms: None };
        records.push(position, None, Some(document.as_bytes()), []);
    }
    let targets: Vec<_> = inference.columns.iter().map(InferredColumn::target).collect();
    let decoder = RowDecoder::json(targets.into()).unwrap();
    let (mut rows, mut rejects) = (decoder.new_batch(), Rejects::default());
    decoder.decode_rows(&records, &decoder.plans(&records).unwrap(), &mut rows, &mut rejects);
    rejects.iter().map(|reject| format!("{}: {:?}", documents[reject.record], reject.defects)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn the_columns_take_every_sampled_record_whatever_the_schema_says(
        text in any_schema(),
        documents in prop::collection::vec(any_document(), 1..6),
        nested in prop::sample::select(vec![Nested::Flatten, Nested::Json]),
    ) {
        let references: Vec<&str> = documents.iter().map(String::as_str).collect();
        let inference = inferred(&schema(&text), &references, Options { nested, ..FLAT });
        let refused = refused(&inference, &documents);
        prop_assert!(refused.is_empty(), "{text}\n{}\n{}", shown(&inference), refused.join("\n"));
    }

    #[test]
    fn the_order_of_records_does_not_matter(
        text in any_schema(),
        (documents, shuffled) in prop::collection::vec(any_document(), 1..6)
            .prop_flat_map(|documents| (Just(documents.clone()), Just(documents).prop_shuffle())),
    ) {
        let of = |documents: &[String]| {
            let references: Vec<&str> = documents.iter().map(String::as_str).collect();
            inferred(&schema(&text), &references, FLAT)
        };
        prop_assert_eq!(of(&documents), of(&shuffled));
    }

    #[test]
    fn every_column_has_a_name_of_its_own(
        text in any_schema(),
        documents in prop::collection::vec(any_document(), 0..4),
    ) {
        let references: Vec<&str> = documents.iter().map(String::as_str).collect();
        let columns = inferred(&schema(&text), &references, FLAT).columns;
        let mut names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        prop_assert_eq!(names.len(), columns.len());
    }
}
