//! What a reader schema makes of records that another schema wrote: defaults of every type, aliases with and without
//! namespaces.
#![allow(clippy::unwrap_used)]

mod avro_laws;
mod json_laws;

use avro_laws::*;
use forebay_ingest::avro::{CompileError, Decoder, Options};
use forebay_ingest::document::DocumentColumn;
use forebay_ingest::target::TargetColumn;
use forebay_project::column_type::ColumnType;
use json_laws::{column, nullable};
use proptest::prelude::*;

const NOTHING: &str = r#"{"type":"record","name":"R","fields":[]}"#;

fn read(writer: &str, reader: &str, columns: &[TargetColumn], document: &[u8]) -> String {
    outcome_of(
        &decoder(&schema(writer), Some(&schema(reader)), columns, Options::default()),
        columns,
        document,
    )
}

/// A reader of one field `a` that no record has.
fn with_default(kind: &str, default: &str) -> String {
    format!(r#"{{"type":"record","name":"R","fields":[{{"name":"a","type":{kind},"default":{default}}}]}}"#)
}

/// A field's default as JSON text.
fn default_text(kind: &str, default: &str) -> String {
    read(NOTHING, &with_default(kind, default), &[column("a", nullable(ColumnType::String))], &[])
}

/// What is said of a default that is none.
fn refusal(kind: &str, default: &str) -> String {
    let target = column("a", ColumnType::String);
    let columns = [DocumentColumn { index: 0, target: &target, steps: steps(&target) }];
    let (writer, reader) = (schema(NOTHING), schema(&with_default(kind, default)));
    let compiled = Decoder::compile(&writer, Some(&reader), &columns, Options::default());
    match compiled.unwrap_err() {
        CompileError::Schema(defect) => defect.to_string(),
        CompileError::Column(error) => panic!("{error}"),
    }
}

#[test]
fn defaults_of_every_type_are_read() {
    let cases = [
        ("\"null\"", "null", "NULL"),
        ("\"boolean\"", "true", "\"true\""),
        ("\"int\"", "-2147483648", "\"-2147483648\""),
        ("\"int\"", "3.0", "\"3\""),
        ("\"long\"", "9223372036854775807", "\"9223372036854775807\""),
        ("\"float\"", "0.1", "\"0.1\""),
        ("\"double\"", "1e3", "\"1000\""),
        ("\"double\"", "7", "\"7\""),
        ("\"double\"", "\"NaN\"", "\"nan\""),
        ("\"float\"", "\"-Infinity\"", "\"-inf\""),
        ("\"string\"", r#""a\u00e9b""#, "\"aéb\""),
        (r#"{"type":"array","items":"int"}"#, "[1,2]", "\"[1,2]\""),
        (r#"{"type":"array","items":"int"}"#, "[]", "\"[]\""),
        (r#"{"type":"map","values":"long"}"#, r#"{"k":1}"#, r#""{\"k\":1}""#),
        (r#"{"type":"enum","name":"E","symbols":["A","B"]}"#, "\"B\"", "\"B\""),
        (r#"{"type":"int","logicalType":"date"}"#, "1", "\"1970-01-02\""),
        (r#"["null","string"]"#, "null", "NULL"),
        (r#"["string","null"]"#, "\"x\"", "\"x\""),
        (r#"["null","string"]"#, "\"of the second branch\"", "\"of the second branch\""),
        (r#"["null",{"type":"array","items":"int"}]"#, "[5]", "\"[5]\""),
        (
            r#"["string",{"type":"record","name":"I","fields":[{"name":"x","type":"int"}]}]"#,
            r#"{"x":1}"#,
            r#""{\"x\":1}""#,
        ),
        (
            r#"{"type":"record","name":"I","fields":[{"name":"x","type":"int","default":4},{"name":"y","type":["null","I"],"default":null}]}"#,
            r#"{"y":{"x":5}}"#,
            r#""{\"x\":4,\"y\":{\"x\":5,\"y\":null}}""#,
        ),
    ];
    for (kind, default, expected) in cases {
        assert_eq!(default_text(kind, default), expected, "{kind} default {default}");
    }
}

#[test]
fn bytes_in_defaults_are_characters_up_to_ff() {
    let bytes = |kind: &str, default: &str, width| {
        let columns = [column("a", ColumnType::FixedString(width))];
        read(NOTHING, &with_default(kind, default), &columns, &[])
    };
    assert_eq!(bytes("\"bytes\"", r#""\u0000\u00ffA""#, 3), "4325120");
    assert_eq!(bytes(r#"{"type":"fixed","name":"F","size":2}"#, r#""\u0001\u0080""#, 2), "-32767");
    let decimal = r#"{"type":"bytes","logicalType":"decimal","precision":4,"scale":2}"#;
    assert_eq!(default_text(decimal, r#""\u00fb\u002e""#), "\"-12.34\"");
}

#[test]
fn defaults_that_are_none_are_refused() {
    let broken = [
        ("\"int\"", "\"x\""),
        ("\"int\"", "2147483648"),
        ("\"int\"", "1.5"),
        ("\"boolean\"", "0"),
        ("\"double\"", "\"x\""),
        ("\"string\"", "5"),
        ("\"bytes\"", "\"\u{100}\""),
        (r#"{"type":"fixed","name":"F","size":2}"#, "\"abc\""),
        (r#"{"type":"enum","name":"E","symbols":["A"]}"#, "\"B\""),
        (r#"{"type":"array","items":"int"}"#, "{}"),
        (r#"{"type":"map","values":"int"}"#, r#"{"k":"x"}"#),
        (r#"["null","int"]"#, "\"x\""),
        (r#"{"type":"record","name":"I","fields":[{"name":"x","type":"int"}]}"#, "{}"),
    ];
    let said =
        broken.map(|(kind, default)| format!("{kind} default {default}\n  {}", refusal(kind, default)));
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn aliases_of_types_may_name_a_namespace() {
    let writer = r#"[{"type":"record","name":"old.Cat","fields":[{"name":"lives","type":"int"}]},
        {"type":"record","name":"old.Dog","fields":[{"name":"tricks","type":"int"}]}]"#;
    let reader = |dog: &str| {
        format!(
            r#"[{{"type":"record","name":"new.Canine","aliases":[{dog}],"fields":[{{"name":"tricks","type":"int"}}]}},
            {{"type":"record","name":"new.Feline","aliases":["old.Cat"],"fields":[{{"name":"lives","type":"int"}}]}}]"#
        )
    };
    let columns =
        [column("tricks", nullable(json_laws::int(32))), column("lives", nullable(json_laws::int(32)))];
    let dog = datum().long(1).long(5).0;
    let cat = datum().long(0).long(9).0;
    for alias in ["\"old.Dog\"", "\"Dog\""] {
        assert_eq!(read(writer, &reader(alias), &columns, &dog), "5 | NULL", "{alias}");
        assert_eq!(read(writer, &reader(alias), &columns, &cat), "NULL | 9", "{alias}");
    }
    let enumeration = |name: &str, aliases: &str| {
        format!(r#"{{"type":"enum","name":"{name}","aliases":{aliases},"symbols":["A","B"]}}"#)
    };
    let (old, new) = (enumeration("old.E", "[]"), enumeration("new.F", r#"["old.E"]"#));
    assert_eq!(read(&old, &format!(r#"["null",{new}]"#), &[whole()], &datum().long(1).0), "\"B\"");
}

#[test]
fn aliases_of_fields_apply_in_nested_records() {
    let writer = r#"{"type":"record","name":"R","fields":[{"name":"in","type":
        {"type":"record","name":"I","fields":[{"name":"x","type":"int"},{"name":"y","type":"int"}]}}]}"#;
    let reader = r#"{"type":"record","name":"R","fields":[{"name":"inner","aliases":["was","in"],"type":
        {"type":"record","name":"I","fields":[{"name":"z","aliases":["x"],"type":"long"},{"name":"y","type":"int"}]}}]}"#;
    let columns = ["inner.z", "inner.x", "in.z", "inner.y"].map(|path| column(path, json_laws::int(64)));
    assert_eq!(read(writer, reader, &columns, &datum().long(1).long(2).0), "1 | 1 | 1 | 2");
}

/// Floats of all sizes: any bits are as likely.
fn any_float() -> impl Strategy<Value = f64> {
    any::<u64>()
        .prop_map(f64::from_bits)
        .prop_filter("JSON has finite numbers only", |value| value.is_finite())
}

proptest! {
    #[test]
    fn defaults_of_floats_are_exact(double in any_float(), float in any::<f32>()) {
        let bits = |kind: &str, default: String, column_type| {
            read(NOTHING, &with_default(kind, &default), &[column("a", column_type)], &[])
        };
        let read = bits("\"double\"", format!("{double:e}"), ColumnType::Float64);
        prop_assert_eq!(read, (double.to_bits() as i64).to_string());
        let read = bits("\"float\"", format!("{float:e}"), ColumnType::Float32);
        prop_assert_eq!(read, (float.to_bits() as i32).to_string());
    }
}
