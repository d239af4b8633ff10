//! What becomes of a record: the row, or what is wrong with it.

mod json_laws;

use forebay_ingest::{
    decode::{Formats, RowDecoder},
    json::{Options, WhenMissing},
    quarantine::Rejects,
    records::{Position, RecordBatch},
    target::{ColumnSource, TargetColumn},
};
use forebay_project::{
    column_type::ColumnType,
    model::{Path, PathStep},
};
use insta::assert_snapshot;
use json_laws::*;
use std::fmt::Write;

const STRING: ColumnType = ColumnType::String;

/// The row, or the defects: column, reason, detail.
fn outcome(columns: &[TargetColumn], record: &str) -> String {
    outcome_with(&compile(columns), columns, record)
}

fn outcome_with(decoder: &RowDecoder, columns: &[TargetColumn], record: &str) -> String {
    let (rows, rejects) = decode(decoder, &records([record]));
    let Some(reject) = rejects.iter().next() else {
        return show_row(&rows, 0);
    };
    let defects = reject.defects.iter().map(|defect| {
        let column = defect.column.map_or("record", |column| &columns[column].name);
        format!("{column}: {}: {}", defect.reason, defect.detail)
    });
    defects.collect::<Vec<_>>().join("; ")
}

/// One line a record: the record and what became of it.
fn table(columns: &[TargetColumn], records: &[&str]) -> String {
    let mut table = String::new();
    for record in records {
        let outcome = outcome(columns, record);
        writeln!(table, "{record}  ->  {outcome}").expect("writing to a String does not fail");
    }
    table
}

#[test]
fn scalars_convert_where_they_stand() {
    let columns = [column("n", int(16)), column("s", STRING), column("b", ColumnType::Bool)];
    assert_snapshot!(table(
        &columns,
        &[
            r#"{"n":1,"s":"x","b":true}"#,
            r#" { "b" : false , "s" : "" , "other" : [ { } ] , "n" : -300 } "#,
            r#"{"n":70000,"s":12.50,"b":"maybe"}"#,
            r#"{"n":{},"s":true,"b":[]}"#,
            r#"{"s":"a\u00e9\n\ud83d\ude00","n":"7","b":0}"#,
            r#"{"s":"\ud83d","n":1,"b":1}"#,
            r#"{"n":1,"s":null}"#,
            r#"[1]"#,
            r#"5"#,
        ]
    ));
}

#[test]
fn whole_record_defects_say_where() {
    let columns = [column("n", int(16))];
    let deep = "[".repeat(200);
    assert_snapshot!(table(
        &columns,
        &[
            "",
            "   ",
            r#"{"n":1"#,
            r#"{"n":1}}"#,
            r#"{"n":tru}"#,
            r#"{"n" 1}"#,
            "{\"s\":\"\u{1}\"}",
            r#"{"n":01}"#,
            &deep,
        ]
    ));
}

#[test]
fn null_and_missing_become_default_then_null_then_a_defect() {
    let columns = [
        with_default(column("d", int(8))),
        column("o", nullable(int(8))),
        with_default(column("do", nullable(int(8)))),
        column("r", int(8)),
    ];
    assert_snapshot!(table(
        &columns,
        &[
            r#"{"d":1,"o":2,"do":3,"r":4}"#,
            r#"{"r":4}"#,
            r#"{"d":null,"o":null,"do":null,"r":4}"#,
            r#"{"d":null,"o":null,"do":null,"r":null}"#,
            r#"{}"#,
            r#"null"#,
        ]
    ));
}

#[test]
fn type_zero_mode_fills_required_columns() {
    let columns = [
        column("n", int(8)),
        column("s", STRING),
        column("l", array(int(8))),
        column("t", tuple([("x", int(8))])),
    ];
    let options = Options { when_missing: WhenMissing::TypeZero };
    let formats = Formats { options, ..Formats::default() };
    let decoder = RowDecoder::compile(columns.to_vec().into(), formats).expect("the columns compile");
    assert_eq!(outcome_with(&decoder, &columns, "{}"), r#"0 | "" | [] | (0)"#);
    assert_eq!(outcome_with(&decoder, &columns, r#"{"n":null,"t":{}}"#), r#"0 | "" | [] | (0)"#);
    assert_eq!(outcome_with(&decoder, &columns, r#"{"n":300}"#), "n: out-of-range: 300");
}

#[test]
fn a_variant_takes_a_value_in_the_first_member_that_fits() {
    let variant = |texts: &[&str]| {
        let mut members: Vec<ColumnType> =
            texts.iter().map(|text| ColumnType::parse(text).expect("a type")).collect();
        members.sort_by_cached_key(ColumnType::to_string);
        ColumnType::Variant(members)
    };
    let columns = [
        column("a", variant(&["Int8", "Int64", "Float64", "Bool", "String"])),
        column("b", variant(&["Array(Int64)", "Array(Float64)", "Array(String)", "JSON", "DateTime"])),
        column("c", variant(&["Map(String, Int8)", "Tuple(x Int8, y Int8)", "UUID"])),
    ];
    assert_snapshot!(table(
        &columns,
        &[
            r#"{}"#,
            r#"{"a":null,"b":null,"c":null}"#,
            r#"{"a":5,"b":[1,2],"c":{"x":1}}"#,
            r#"{"a":300,"b":[1,2.5],"c":[1,2]}"#,
            r#"{"a":1.0,"b":["x"],"c":"00112233-4455-6677-8899-aabbccddeeff"}"#,
            r#"{"a":true,"b":{"k":[]},"c":{}}"#,
            r#"{"a":"2024-01-02","b":"2024-01-02T03:04:05Z"}"#,
            r#"{"a":123456789012345678901,"b":1704103200}"#,
            r#"{"a":[1,{}],"b":[]}"#,
            r#"{"b":[1,"x"]}"#,
            r#"{"b":{"k":1,"k":2}}"#,
            r#"{"c":{"x":300}}"#,
            r#"{"c":5}"#,
            r#"{"a":1,"a":"last","c":{"x":1},"c":[3,4]}"#,
        ]
    ));
}

#[test]
fn a_json_column_takes_objects_and_text_that_holds_one() {
    let json = || ColumnType::Json(String::new());
    let columns = [
        column("j", json()),
        column("n", nullable(json())),
        with_default(column("d", json())),
        column("l", array(json())),
    ];
    assert_snapshot!(table(
        &columns,
        &[
            r#"{"j":{"a":[1, 2]},"n":{},"d":{"x":1},"l":[{},{"y":2}]}"#,
            r#"{"j":null,"n":null,"d":null,"l":[null]}"#,
            r#"{"j":"{\"a\":1}","n":" {} ","l":[]}"#,
            r#"{"j":"{\"a\":1","l":[]}"#,
            r#"{"j":[1],"n":5,"d":"x","l":[]}"#,
            r#"{"l":[]}"#,
            r#"{"j":{"a":1,"a":2},"n":{"b":1e999},"l":[{"c":"\ud800"}]}"#,
        ]
    ));
}

#[test]
fn geometry_and_aggregates_are_read_as_what_they_are_stored_as() {
    let parse = |text| ColumnType::parse(text).expect("a type");
    let columns = [
        column("p", parse("Point")),
        column("r", parse("Array(Ring)")),
        column("s", parse("SimpleAggregateFunction(max, Nullable(Int8))")),
    ];
    assert_snapshot!(table(
        &columns,
        &[
            r#"{"p":[1,2.5],"r":[[[0,0],[1,1]]],"s":5}"#,
            r#"{"p":[0,0],"r":[],"s":null}"#,
            r#"{"p":[1],"r":[[1]],"s":300}"#,
        ]
    ));
}

#[test]
fn nested_types_fill_to_any_depth() {
    let point = || tuple([("x", int(8)), ("y", nullable(int(8)))]);
    let columns = [
        with_default(column("l", array(array(nullable(low_cardinality(STRING)))))),
        with_default(column("m", map(STRING, array(point())))),
        with_default(column("p", tuple([("", int(8)), ("", STRING)]))),
    ];
    assert_snapshot!(table(
        &columns,
        &[
            r#"{"l":[[],["a",null],["b"]],"m":{"k":[{"x":1},{"y":2,"x":3}],"e":[]},"p":[1,"q"]}"#,
            r#"{"l":[],"m":{},"p":[ 1 , 2 ]}"#,
            r#"{"m":{"k":[[1,2],[3,null]]}}"#,
            r#"{"m":{"k":[{"y":2}]}}"#,
            r#"{"m":{"k":[[1]]}}"#,
            r#"{"m":{"k":[[1,2,3]]}}"#,
            r#"{"m":{"k":null}}"#,
            r#"{"m":[]}"#,
            r#"{"p":[1]}"#,
            r#"{"p":{"x":1}}"#,
            r#"{"l":[["a"],null]}"#,
            r#"{"l":{"a":1}}"#,
        ]
    ));
}

#[test]
fn map_keys_convert_and_repeat() {
    let columns = [column("m", map(int(16), STRING))];
    assert_snapshot!(table(
        &columns,
        &[
            r#"{"m":{"1":"a","-2":"b","1":"c"}}"#,
            r#"{"m":{"\u0031":[1, 2]}}"#,
            r#"{"m":{"x":"a"}}"#,
            r#"{"m":{"1":null}}"#,
        ]
    ));
}

#[test]
fn arrays_and_objects_keep_their_text_in_strings() {
    let columns = [column("", STRING), column("a", STRING), column("l", array(STRING))];
    assert_snapshot!(table(
        &columns,
        &[r#" {"a": {"b" : [1, "\u0041"]},"l":[{"x": 1},[ ],true,1e2]} "#, r#"{"l":[],"a":"\u0041"}"#,]
    ));
}

#[test]
fn each_item_of_an_array_gives_its_part() {
    let columns = [
        column("e[:].s", array(STRING)),
        column("e[:].n", array(nullable(int(8)))),
        column("e[:].k[:].v", array(array(int(8)))),
        column("f[:]", nullable_default_list()),
    ];
    let columns = columns.map(with_default);
    assert_snapshot!(table(
        &columns,
        &[
            r#"{"e":[{"s":"a","n":1,"k":[{"v":1},{"v":2}]},{"k":[],"s":"b"}],"f":[1,null]}"#,
            r#"{"e":[]}"#,
            r#"{"e":null}"#,
            r#"{"e":{}}"#,
            r#"{}"#,
            r#"{"e":[{"k":[]}]}"#,
            r#"{"e":[{"s":"a","k":[{"v":"x"}]},{"s":"b","k":[{"v":1}]}]}"#,
            r#"{"e":[{"s":"a","k":null}]}"#,
            r#"{"e":[null]}"#,
            r#"{"e":[{"s":"a","k":[]},5]}"#,
        ]
    ));
}

fn nullable_default_list() -> ColumnType {
    array(nullable(int(8)))
}

#[test]
fn several_columns_read_one_path_and_its_parts() {
    let columns = [
        column("a", nullable(STRING)),
        column("a", with_null_string()),
        column("a.b", nullable(int(8))),
        column("a.b.c", nullable(int(8))),
    ];
    assert_snapshot!(table(
        &columns,
        &[r#"{"a":{"b":1}}"#, r#"{"a":{"b":{"c":2}}}"#, r#"{"a":"text"}"#, r#"{"a":{"b":"x"}}"#,]
    ));
}

fn with_null_string() -> ColumnType {
    low_cardinality(nullable(STRING))
}

#[test]
fn of_repeated_keys_the_last_one_counts() {
    let columns = [
        with_default(column("n", int(8))),
        column("o.x", nullable(int(8))),
        column("o.y", nullable(int(8))),
        with_default(column("t", tuple([("x", nullable(int(8))), ("y", nullable(int(8)))]))),
        with_default(column("e[:].v", array(nullable(int(8))))),
    ];
    assert_snapshot!(table(
        &columns,
        &[
            r#"{"n":1,"n":2}"#,
            r#"{"n":1,"\u006e":2}"#,
            r#"{"n":"bad","n":2}"#,
            r#"{"n":1,"n":"bad"}"#,
            r#"{"n":1,"n":null}"#,
            r#"{"o":{"x":1},"o":{"y":2}}"#,
            r#"{"o":{"x":1,"x":2},"o":5}"#,
            r#"{"t":{"x":1,"y":1,"x":2}}"#,
            r#"{"e":[{"v":1,"v":2},{"v":3}]}"#,
            r#"{"e":[{"v":1}],"e":[{"v":2},{}]}"#,
            r#"{"e":[{"v":"bad"},{"v":1,"v":2}]}"#,
            r#"{"e":[{"v":"bad","v":1}]}"#,
        ]
    ));
}

#[test]
fn keys_match_by_what_they_say() {
    let columns = [column("x-y", int(8)), column("a", nullable(int(8))), column("", STRING)];
    let decoder = compile(&columns[..2]);
    let batch = records([
        r#"{"x-y":1,"a":2}"#,
        r#"{"a":2,"x-y":1}"#,
        r#"{"\u0078-\u0079":1,"\u0061":2}"#,
        r#"{"x-y" :1,"a"  :2}"#,
        r#"{"aa":5,"x-y":1,"b":6,"a":2}"#,
        r#"{"x-y":1,"A":3,"a":2}"#,
    ]);
    let (rows, rejects) = decode(&decoder, &batch);
    assert!(rejects.is_empty());
    for row in 0..rows.row_count() {
        assert_eq!(show_row(&rows, row), "1 | 2");
    }
}

#[test]
fn objects_with_endless_new_keys_decode_like_any_other() {
    let decoder = compile(&[column("key7777", int(32))]);
    let record = |first: usize| {
        let members = (first..first + 500).map(|key| format!("\"key{key}\":{key}"));
        format!("{{{}}}", members.collect::<Vec<_>>().join(","))
    };
    let (rows, rejects) = decode(&decoder, &records((0..20).map(|index| record(index * 500))));
    assert_eq!((show_row(&rows, 0).as_str(), rejects.len()), ("7777", 19));
}

#[test]
fn automatic_columns_come_from_the_record() {
    let named = |source: ColumnSource, column_type| automatic("auto", column_type, source);
    let columns = [
        column("a", int(8)),
        named(ColumnSource::Topic, low_cardinality(STRING)),
        named(ColumnSource::Partition, int(16)),
        named(ColumnSource::Offset, int(64)),
        named(ColumnSource::Timestamp, ColumnType::DateTime { time_zone: None }),
        named(ColumnSource::Key, STRING),
        named(ColumnSource::Headers, map(STRING, STRING)),
        named(ColumnSource::RawValue, STRING),
        named(ColumnSource::RawValue, nullable(STRING)),
        named(ColumnSource::Nothing, STRING),
    ];
    let mut batch = RecordBatch::new("topic".into());
    let position = |offset, timestamp_ms| Position { partition: 3, offset, timestamp_ms };
    let headers = [(&b"h"[..], Some(&b"1"[..])), (b"h", None)];
    batch.push(position(7, Some(1_999)), Some(b"key"), Some(br#"{"a":1}"#), headers);
    batch.push(position(8, None), None, Some(br#"{"a":"bad"}"#), []);
    batch.push(position(9, None), None, Some(br#"{"a":2}"#), []);
    batch.push(position(10, Some(-1)), None, Some(br#"{"a":3}"#), []);
    batch.push(position(11, None), None, None, []);
    let (rows, rejects) = decode(&compile(&columns), &batch);
    let shown: Vec<_> = (0..rows.row_count()).map(|row| show_row(&rows, row)).collect();
    assert_snapshot!(shown.join("\n"));
    let reasons = rejects.iter().map(|reject| (reject.record, reject.defects[0].reason.as_str()));
    assert_eq!(reasons.collect::<Vec<_>>(), [(1, "not-a-number"), (3, "out-of-range"), (4, "null-value")]);
}

#[test]
fn a_reject_lists_every_bad_column_and_the_text_found_for_all() {
    let columns = [
        column("n", int(8)),
        column("o.s", STRING),
        column("l", array(int(8))),
        column("e[:].v", array(int(8))),
        column("missing", int(8)),
        column("o.t", STRING),
    ];
    let record =
        r#"{"n":300,"o":{"s":"a\"b"},"l":[1,"x",2],"e":[{"v":1},{"v":1e9}],"o":{"s":"\u0041","t":{"k": 1}}}"#;
    let (_, rejects) = decode(&compile(&columns), &records([record]));
    let reject = rejects.iter().next().expect("the record is refused");
    let found = reject.found.iter().map(|text| text.as_deref().map(String::from_utf8_lossy));
    insta::assert_debug_snapshot!((&reject.defects, found.collect::<Vec<_>>()));
}

#[test]
fn a_batch_adds_to_the_rows_before() {
    let decoder = compile(&[column("n", int(8))]);
    let mut rows = decoder.new_batch();
    let mut rejects = Rejects::default();
    decode_into(&decoder, &records([r#"{"n":2}"#, r#"{"n":3}"#]), &mut rows, &mut rejects);
    decode_into(&decoder, &records([r#"{"n":1}"#, "x"]), &mut rows, &mut rejects);
    let shown: Vec<_> = (0..rows.row_count()).map(|row| show_row(&rows, row)).collect();
    assert_eq!(shown, ["2", "3", "1"]);
    assert_eq!(rejects.iter().map(|reject| reject.record).collect::<Vec<_>>(), [1]);
}

#[test]
fn columns_that_cannot_be_decoded_are_refused() {
    let zone = ColumnType::DateTime { time_zone: Some("Mars/Olympus".to_owned()) };
    let mut raw = column("raw", int(8));
    raw.source = ColumnSource::RawValue;
    let each = PathStep::Each;
    let mut whole = column("whole", STRING);
    whole.source = ColumnSource::Path(Path::Document(vec![each]));
    let refused = [
        column("zone", zone),
        column("a[:].b[:].c", array(int(8))),
        whole,
        raw,
        column("empty", tuple([])),
        column("twice", tuple([("x", int(8)), ("x", int(8))])),
        column("key", map(nullable(STRING), int(8))),
    ];
    let errors = refused.map(|column| {
        let error = RowDecoder::json([column].into()).expect_err("must not compile");
        error.to_string()
    });
    assert_snapshot!(errors.join("\n---\n"));
}
