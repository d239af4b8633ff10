//! Which texts are Avro schemas, and what is said of those that are not.
#![allow(clippy::unwrap_used)]

mod avro_laws;
mod json_laws;

use avro_laws::*;
use insta::assert_snapshot;

#[test]
fn defects_say_where() {
    let broken = [
        "",
        "{",
        "5",
        r#""unknown""#,
        "[]",
        r#"["null",["int"]]"#,
        r#"{"name":"x"}"#,
        r#"{"type":"array"}"#,
        r#"{"type":"record","name":"R"}"#,
        r#"{"type":"record","fields":[]}"#,
        r#"{"type":"record","name":"R","fields":[{"type":"int"}]}"#,
        r#"{"type":"record","name":"R","fields":[{"name":"a"}]}"#,
        r#"{"type":"record","name":"R","fields":[{"name":"a","type":"Nope"}]}"#,
        r#"{"type":"record","name":"R","fields":[{"name":"a","type":"int"},{"name":"a","type":"int"}]}"#,
        r#"{"type":"record","name":"R","fields":[{"name":"o","type":{"type":"record","name":"I","fields":[{"name":"i","type":["int",["long"]]}]}}]}"#,
        r#"{"type":"record","name":"R","fields":[{"name":"a","type":{"type":"fixed","name":"R","size":2}}]}"#,
        r#"{"type":"fixed","name":"F"}"#,
        r#"{"type":"enum","name":"E","symbols":[]}"#,
        r#"{"type":"enum","name":"E","symbols":["A"],"default":"B"}"#,
    ];
    let said = broken.map(|text| format!("{text}\n  {}", schema_with(text, &[]).unwrap_err()));
    assert_snapshot!(said.join("\n"));
    let said = schema_with(r#""A""#, &[("A", r#"{"type":"array","items":"B"}"#)]).unwrap_err();
    assert_eq!(said.to_string(), r#"reference "A": unknown type "B""#);
}

#[test]
fn names_resolve_by_namespace_and_across_references() {
    let taken = [
        r#"{"type":"record","name":"R","namespace":"n","fields":[
            {"name":"a","type":{"type":"fixed","name":"F","size":2}},{"name":"b","type":"F"},{"name":"c","type":"n.F"}]}"#,
        r#"{"type":"record","name":"n.R","fields":[{"name":"a","type":["null","R"]},{"name":"b","type":"n.R"}]}"#,
        r#"{"type":{"type":"string"}}"#,
        r#"{"type":["null",{"type":"string"}]}"#,
        "long",
        r#"{"type":"record","name":"R","fields":[]}"#,
    ];
    for text in taken {
        schema(text);
    }
    let item = r#"{"type":"record","name":"Item","namespace":"shop","fields":[{"name":"k","type":"Money"}]}"#;
    let money = r#"{"type":"bytes","logicalType":"decimal","precision":4,"scale":2}"#;
    let order = r#"{"type":"record","name":"Order","namespace":"shop","fields":[
        {"name":"items","type":{"type":"array","items":"Item"}},{"name":"total","type":"Money"}]}"#;
    schema_with(order, &[("Money", money), ("shop.Item", item)]).unwrap();
}

#[test]
fn deep_and_long_schemas_are_read_or_refused_without_recursion_to_the_end() {
    let deep = format!("{}\"int\"{}", r#"{"type":"array","items":"#.repeat(5_000), "}".repeat(5_000));
    assert!(schema_with(&deep, &[]).is_err());
    // A chain of names is as deep as it is long.
    let link = |index: usize| {
        let next = format!(
            r#"{{"type":"record","name":"L{index}","fields":[{{"name":"next","type":"L{}"}}]}}"#,
            index - 1
        );
        if index == 0 { String::new() } else { next }
    };
    let mut texts =
        vec![r#"{"type":"record","name":"L0","fields":[{"name":"next","type":"int"}]}"#.to_owned()];
    texts.extend((1..20_000).map(link));
    let references: Vec<_> = texts.iter().map(|text| ("L", text.as_str())).collect();
    let chain = schema_with(r#"["null","L19999"]"#, &references).unwrap();
    let columns = [
        whole(),
        json_laws::column("next.next", json_laws::nullable(forebay_project::column_type::ColumnType::String)),
    ];
    let decoder = decoder(&chain, Some(&chain), &columns, forebay_ingest::avro::Options::default());
    assert!(outcome_of(&decoder, &columns, &datum().long(1).long(5).0).starts_with("record: too-deep"));
}
