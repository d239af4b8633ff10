//! Paths into what has no fields of its own: maps, Struct, Value, ListValue and Any.
#![allow(clippy::unwrap_used)]

mod protobuf_laws;

use protobuf_laws::*;

const TYPES: &str = r#"
message Point { int32 x = 1; int32 y = 2; optional string note = 3; }
message Other { string text = 1; Point point = 2; google.protobuf.Any more = 3; }
"#;

/// The columns' values for one record of a message with these fields.
fn shown(fields: &str, columns: &[(&str, &str)], record: impl AsRef<[u8]>) -> String {
    let columns = columns.iter().map(|(path, column_type)| column(path, column_type));
    table(fields, columns.collect()).show(record.as_ref())
}

fn table(fields: &str, columns: Vec<forebay_ingest::target::TargetColumn>) -> Table {
    let imports = ["struct", "any", "duration", "wrappers"];
    let imports = imports.map(|name| format!("import \"google/protobuf/{name}.proto\"; ")).concat();
    Table::new(
        &format!("syntax = \"proto3\"; package p; {imports} message M {{ {fields} }} {TYPES}"),
        columns,
    )
}

fn text(value: &str) -> Wire {
    wire().bytes(3, value)
}

fn number(value: f64) -> Wire {
    wire().double(2, value)
}

fn null() -> Wire {
    wire().varint(1, 0)
}

fn object(members: &[(&str, Wire)]) -> Wire {
    let entry = |(key, value): &(&str, Wire)| wire().bytes(1, key).message(2, value.clone());
    wire().message(5, members.iter().fold(wire(), |object, member| object.message(1, entry(member))))
}

fn list(items: &[Wire]) -> Wire {
    wire().message(6, items.iter().fold(wire(), |list, item| list.message(1, item.clone())))
}

/// A Struct is what a Value of one holds.
fn members(value: &Wire) -> Wire {
    Wire(value.0[2..].to_vec())
}

#[test]
fn a_key_of_a_map_is_a_step() {
    let fields = "map<string, int64> a = 1; map<string, Point> b = 2;";
    let columns = [
        ("a.k", "Nullable(Int64)"),
        ("a.none", "Nullable(Int64)"),
        ("b.k.y", "Nullable(Int32)"),
        ("b.k", "Tuple(x Int32)"),
        ("b.none.y", "Nullable(Int32)"),
        ("a.k.further", "Nullable(Int64)"),
        ("b.k.none", "Nullable(Int64)"),
    ];
    let record = wire()
        .message(1, wire().bytes(1, "other").int(2, 3))
        .message(1, wire().bytes(1, "k").int(2, 4))
        .message(2, wire().bytes(1, "k").message(2, wire().int(1, 5).int(2, 6)));
    assert_eq!(shown(fields, &columns, record), "4 | NULL | 6 | (5) | NULL | NULL | NULL");
    assert_eq!(shown(fields, &[("a.k", "Int64")], wire()), "a.k: missing-required \"\"");
    assert_eq!(table(fields, vec![with_default(column("a.k", "Int64"))]).show(&[]), "DEFAULT");
}

#[test]
fn keys_of_all_kinds_are_named_by_their_text() {
    let record = |key: Wire| wire().message(1, key.bytes(2, "found"));
    let found = |kind: &str, name: &str, key: Wire| {
        shown(
            &format!("map<{kind}, string> a = 1;"),
            &[(&format!("a.{name}"), "Nullable(String)")],
            record(key),
        )
    };
    for kind in ["int32", "int64"] {
        assert_eq!(found(kind, "-7", wire().int(1, -7)), "\"found\"", "{kind}");
    }
    for kind in ["sint32", "sint64"] {
        assert_eq!(found(kind, "-7", wire().sint(1, -7)), "\"found\"", "{kind}");
    }
    for kind in ["uint32", "uint64", "int32", "int64"] {
        assert_eq!(found(kind, "7", wire().varint(1, 7)), "\"found\"", "{kind}");
    }
    let mut fixed32 = wire().key(1, 5);
    fixed32.0.extend((-7_i32).to_le_bytes());
    assert_eq!(found("sfixed32", "-7", fixed32.clone()), "\"found\"");
    assert_eq!(found("fixed32", "4294967289", fixed32), "\"found\"");
    let mut fixed64 = wire().key(1, 1);
    fixed64.0.extend((-7_i64).to_le_bytes());
    assert_eq!(found("sfixed64", "-7", fixed64.clone()), "\"found\"");
    assert_eq!(found("fixed64", "18446744073709551609", fixed64), "\"found\"");
    assert_eq!(found("uint64", "18446744073709551615", wire().varint(1, u64::MAX)), "\"found\"");
    assert_eq!(found("int64", "18446744073709551615", wire().varint(1, u64::MAX)), "NULL");
    assert_eq!(found("bool", "true", wire().varint(1, 1)), "\"found\"");
    assert_eq!(found("string", "schlüssel", wire().bytes(1, "schlüssel")), "\"found\"");
    assert_eq!(found("bool", "false", wire()), "\"found\"", "an unset key is zero");
    assert_eq!(found("int32", "0", wire()), "\"found\"", "an unset key is zero");
    for other in ["07", "+7", "seven"] {
        assert_eq!(found("int32", other, wire().int(1, 7)), "NULL", "{other}");
    }
}

#[test]
fn of_repeated_keys_the_last_entry_counts() {
    let entry = |value| wire().bytes(1, "k").message(2, wire().int(1, value));
    let record = wire().message(1, entry(1)).message(1, wire().bytes(1, "l")).message(1, entry(2));
    let columns =
        [("a.k.x", "Int32"), ("a.k.y", "Int32"), ("a", "Tuple(k Tuple(x Int32), l Tuple(x Int32))")];
    assert_eq!(shown("map<string, Point> a = 1;", &columns, record), "2 | 0 | ((2), (0))");
}

#[test]
fn parts_of_an_entry_are_merged() {
    let entry = wire().bytes(1, "k").message(2, wire().int(1, 1)).message(2, wire().int(2, 2));
    let columns = [("a.k", "Tuple(x Int32, y Int32)"), ("a.k.y", "Int32")];
    assert_eq!(shown("map<string, Point> a = 1;", &columns, wire().message(1, entry)), "(1, 2) | 2");
}

#[test]
fn a_map_is_a_tuple_by_its_keys() {
    let fields = "map<string, int64> a = 1;";
    let record = wire().message(1, wire().bytes(1, "k").int(2, 4));
    assert_eq!(shown(fields, &[("a", "Tuple(k Int64, l Nullable(Int64))")], &record), "(4, NULL)");
    assert_eq!(shown(fields, &[("a", "Tuple(k Int64, l Int64)")], &record), "a: missing-required \"\"");
    assert_eq!(shown(fields, &[("a", "Tuple(Int64)")], &record), "a: wrong-shape \"{\\\"k\\\":4}\"");
    assert_eq!(shown(fields, &[("a", "Tuple(k Nullable(Int64))")], wire()), "(NULL)");
}

#[test]
fn a_struct_is_read_by_its_keys() {
    let value = object(&[
        ("t", text("x")),
        ("n", number(1.5)),
        ("o", object(&[("p", number(2.0)), ("fields", text("own"))])),
        ("l", list(&[object(&[("q", number(3.0))]), text("no object"), object(&[])])),
        ("z", null()),
    ]);
    let columns = [
        ("a.t", "String"),
        ("a.n", "Float64"),
        ("a.o.p", "Int32"),
        ("a.o.fields", "String"),
        ("a.o", "Map(String, String)"),
        ("a.o", "Tuple(p Float32, none Nullable(String))"),
        ("a.l[:].q", "Array(Nullable(Int32))"),
        ("a.l", "Array(String)"),
        ("a.z", "Nullable(String)"),
        ("a.none.p", "Nullable(String)"),
        ("a.t.p", "Nullable(String)"),
        ("a.l.q", "Nullable(String)"),
    ];
    let record = wire().message(1, members(&value));
    let row = r#""x" | 1.5 | 2 | "own" | [("p", "2"), ("fields", "own")] | (2, NULL) | [3, NULL, NULL] | ["{\"q\":3}", "no object", "{}"] | NULL | NULL | NULL | NULL"#;
    let row = row.replace("1.5", &1.5_f64.to_bits().to_string());
    let row = row.replace("(2, NULL)", &format!("({}, NULL)", 2_f32.to_bits()));
    assert_eq!(shown("google.protobuf.Struct a = 1;", &columns, record), row);
}

#[test]
fn null_in_a_struct_is_null() {
    let record = wire().message(1, members(&object(&[("z", null())])));
    let fields = "google.protobuf.Struct a = 1;";
    assert_eq!(shown(fields, &[("a.z", "String")], &record), "a.z: null-for-required \"null\"");
    assert_eq!(table(fields, vec![with_default(column("a.z", "Int64"))]).show(&record.0), "DEFAULT");
    assert_eq!(shown(fields, &[("a.z", "JSON")], &record), "\"{}\"");
    assert_eq!(shown(fields, &[("a.z", "Nullable(JSON)")], &record), "NULL");
    assert_eq!(shown(fields, &[("a.z", "Dynamic")], &record), "NULL");
}

#[test]
fn a_value_is_read_by_what_it_holds() {
    let fields = "google.protobuf.Value a = 1;";
    let columns = [("a.k", "Nullable(String)"), ("a", "Dynamic")];
    let shows = |value: Wire| shown(fields, &columns, wire().message(1, value));
    assert!(shows(object(&[("k", text("v"))])).starts_with("\"v\" | "));
    assert!(shows(text("k")).starts_with("NULL | "));
    let each =
        |value: Wire| shown(fields, &[("a[:].k", "Array(Nullable(String))")], wire().message(1, value));
    assert_eq!(each(list(&[object(&[("k", text("v"))]), null()])), "[\"v\", NULL]");
    assert_eq!(each(text("k")), "a[:].k: missing-required \"\"");
    let tuple = |value: Wire| shown(fields, &[("a", "Tuple(k String)")], wire().message(1, value));
    assert_eq!(tuple(object(&[("k", text("v"))])), "(\"v\")");
    assert_eq!(tuple(list(&[text("v")])), "(\"v\")");
    assert_eq!(tuple(list(&[])), "a: wrong-shape \"[]\"");
    assert_eq!(tuple(text("v")), "a: wrong-shape \"v\"");
}

#[test]
fn items_of_a_list_value_may_be_objects() {
    let items = list(&[object(&[("k", list(&[number(1.0), number(2.0)]))]), object(&[("k", list(&[]))])]);
    let record = wire().message(1, Wire(items.0[2..].to_vec()));
    let columns = [("a[:].k", "Array(Array(Int8))"), ("a", "Array(Map(String, Array(UInt8)))")];
    assert_eq!(
        shown("google.protobuf.ListValue a = 1;", &columns, record),
        "[[1, 2], []] | [[(\"k\", [1, 2])], [(\"k\", [])]]"
    );
}

#[test]
fn a_repeated_any_kind_of_value_is_read_item_by_item() {
    let record = wire().message(1, object(&[("k", text("v"))])).message(1, number(1.0));
    let columns = [("a[:].k", "Array(Nullable(String))"), ("a", "Array(String)")];
    assert_eq!(
        shown("repeated google.protobuf.Value a = 1;", &columns, record),
        r#"["v", NULL] | ["{\"k\":\"v\"}", "1"]"#
    );
}

const ANY: &str = "google.protobuf.Any a = 1;";

#[test]
fn an_any_is_the_message_that_it_packs() {
    let columns = [
        ("a", "String"),
        ("a.x", "Nullable(Int32)"),
        ("a.text", "Nullable(String)"),
        ("a.point.y", "Nullable(Int32)"),
        ("a.@type", "String"),
        ("a", "Tuple(x Nullable(Int32), text Nullable(String))"),
    ];
    let shows = |packed: Wire| shown(ANY, &columns, wire().message(1, packed));
    assert_eq!(
        shows(packed("p.Point", wire().int(1, 3).bytes(3, "n"))),
        r#""{\"@type\":\"type.googleapis.com/p.Point\",\"x\":3,\"y\":0,\"note\":\"n\"}" | 3 | NULL | NULL | "type.googleapis.com/p.Point" | (3, NULL)"#
    );
    assert_eq!(
        shows(packed("p.Other", wire().bytes(1, "t").message(2, wire().int(2, 4)))),
        r#""{\"@type\":\"type.googleapis.com/p.Other\",\"text\":\"t\",\"point\":{\"x\":0,\"y\":4}}" | NULL | "t" | 4 | "type.googleapis.com/p.Other" | (NULL, "t")"#
    );
}

#[test]
fn an_any_of_an_unknown_type_is_itself() {
    let columns =
        [("a", "String"), ("a.x", "Nullable(Int32)"), ("a.type_url", "String"), ("a.value", "String")];
    let record = wire().message(1, packed("q.Unknown", wire().int(1, 3)));
    assert_eq!(
        shown(ANY, &columns, record),
        r#""{\"type_url\":\"type.googleapis.com/q.Unknown\",\"value\":\"CAM=\"}" | NULL | "type.googleapis.com/q.Unknown" | "\u{8}\u{3}""#
    );
    assert_eq!(
        shown(ANY, &columns[..1], wire().message(1, wire())),
        r#""{\"type_url\":\"\",\"value\":\"\"}""#
    );
}

#[test]
fn an_any_of_a_well_known_type_has_a_value() {
    let columns = [("a", "String"), ("a.value", "String")];
    let record = wire().message(1, packed("google.protobuf.Duration", wire().int(1, 5)));
    assert_eq!(
        shown(ANY, &columns, record),
        r#""{\"@type\":\"type.googleapis.com/google.protobuf.Duration\",\"value\":\"5s\"}" | "5s""#
    );
    let record = wire().message(1, packed("google.protobuf.Struct", members(&object(&[("k", text("v"))]))));
    assert_eq!(shown(ANY, &[("a.value.k", "String")], record), "\"v\"");
}

#[test]
fn a_packed_message_is_merged_like_any_other() {
    let record = wire().message(1, packed("p.Point", wire().int(1, 1).int(1, 2).int(2, 5)));
    assert_eq!(shown(ANY, &[("a.x", "Int32"), ("a.y", "Int32")], record), "2 | 5");
}

#[test]
fn an_any_in_lists_and_maps_is_unpacked_too() {
    let fields = "repeated google.protobuf.Any a = 1; map<string, google.protobuf.Any> b = 2;";
    let record = wire()
        .message(1, packed("p.Point", wire().int(1, 1)))
        .message(1, packed("p.Other", wire()))
        .message(2, wire().bytes(1, "k").message(2, packed("p.Point", wire().int(1, 3))));
    let columns =
        [("a[:].x", "Array(Nullable(Int32))"), ("b.k.x", "Int32"), ("b", "Map(String, Tuple(x Int32))")];
    assert_eq!(shown(fields, &columns, record), "[1, NULL] | 3 | [(\"k\", (3))]");
}

#[test]
fn a_broken_packed_message_breaks_the_record_where_it_is_read() {
    let record = wire().message(1, wire().bytes(1, "x/p.Point").bytes(2, [8]));
    let shows = |path, column_type| shown(ANY, &[(path, column_type)], &record);
    assert_eq!(
        shows("a.x", "Nullable(Int32)"),
        "record: invalid-protobuf \"the record ends inside a value at byte 16\""
    );
    assert_eq!(shows("a", "String"), "record: invalid-protobuf \"the record ends inside a value\"");
    assert_eq!(shows("a.type_url", "String"), "\"x/p.Point\"");
}

#[test]
fn packed_messages_count_towards_the_depth() {
    let nested =
        |levels: usize| (0..levels).fold(wire(), |inner, _| wire().message(3, packed("p.Other", inner)));
    let shows = |levels| shown(ANY, &[("a", "String")], wire().message(1, packed("p.Other", nested(levels))));
    assert!(shows(30).starts_with("\"{"), "{}", shows(30));
    assert_eq!(shows(40), "record: too-deep \"more than 64 messages in each other\"");
}

#[test]
fn a_schema_may_have_types_of_its_own_under_well_known_names() {
    let proto = r#"syntax = "proto3"; package google.protobuf;
        message M { Struct a = 1; Value b = 2; Int32Value c = 3; ListValue d = 4; Any e = 5; FieldMask f = 6; }
        message Struct { int32 k = 1; } message Value { Value struct_value = 5; int32 k = 6; } message Int32Value { }
        message ListValue { ListValue values = 1; } message Any { int32 k = 1; } message FieldMask { int32 k = 1; }"#;
    let columns = ["a.k", "b.k", "b.struct_value.k", "c", "d", "d.values.values", "e.k", "e", "f"];
    let table = Table::new(proto, columns.map(|path| column(path, "Nullable(String)")).to_vec());
    let record =
        wire().message(1, wire().int(1, 1)).message(5, wire().int(1, 2)).message(6, wire().int(1, 3));
    assert_eq!(
        table.show(&record.0),
        r#""1" | NULL | NULL | NULL | NULL | NULL | "2" | "{\"k\":2}" | "{\"k\":3}""#
    );
}
