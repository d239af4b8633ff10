//! What becomes of Protobuf values, one rule a test.
#![allow(clippy::unwrap_used)]

mod protobuf_laws;

use protobuf_laws::*;

/// The columns' values for one record of a message with these fields.
fn shown(fields: &str, columns: &[(&str, &str)], record: impl AsRef<[u8]>) -> String {
    let proto = format!("syntax = \"proto3\"; message M {{ {fields} }} {KINDS}");
    let columns = columns.iter().map(|(path, column_type)| column(path, column_type));
    Table::new(&proto, columns.collect()).show(record.as_ref())
}

const KINDS: &str = "enum Colour { GREY = 0; RED = 1; } message Point { int32 x = 1; int32 y = 2; }";

#[test]
fn numbers_keep_their_values() {
    let fields = "int32 a = 1; int64 b = 2; uint32 c = 3; uint64 d = 4; sint32 e = 5; sint64 f = 6;
                  fixed32 g = 7; fixed64 h = 8; sfixed32 i = 9; sfixed64 j = 10; bool k = 11;";
    let columns = [
        ("a", "Int32"),
        ("b", "Int64"),
        ("c", "UInt32"),
        ("d", "UInt64"),
        ("e", "Int64"),
        ("f", "Int128"),
        ("g", "Int64"),
        ("h", "UInt64"),
        ("i", "Int32"),
        ("j", "Int64"),
        ("k", "Bool"),
    ];
    let record = wire()
        .int(1, -1)
        .int(2, i64::MIN)
        .varint(3, u32::MAX.into())
        .varint(4, u64::MAX)
        .sint(5, i32::MIN.into())
        .sint(6, i64::MIN);
    let mut record = record.key(7, 5);
    record.0.extend(u32::MAX.to_le_bytes());
    let mut record = record.key(8, 1);
    record.0.extend(7_u64.to_le_bytes());
    let mut record = record.key(9, 5);
    record.0.extend((-9_i32).to_le_bytes());
    let mut record = record.key(10, 1);
    record.0.extend((-10_i64).to_le_bytes());
    let record = record.varint(11, 300);
    assert_eq!(
        shown(fields, &columns, record),
        "-1 | -9223372036854775808 | -1 | -1 | -2147483648 | -9223372036854775808 | 4294967295 | 7 | -9 | -10 | 1"
    );
}

#[test]
fn an_int32_is_the_low_half_of_its_varint() {
    assert_eq!(shown("int32 a = 1;", &[("a", "Int32")], wire().varint(1, 0x1_0000_0005)), "5");
    assert_eq!(shown("int32 a = 1;", &[("a", "Int64")], wire().varint(1, 0xffff_fffe)), "-2");
}

#[test]
fn narrow_columns_are_checked() {
    assert_eq!(shown("int32 a = 1;", &[("a", "Int8")], wire().int(1, 127)), "127");
    assert_eq!(shown("int32 a = 1;", &[("a", "Int8")], wire().int(1, 128)), "a: out-of-range \"128\"");
    assert_eq!(
        shown("uint64 a = 1;", &[("a", "Int64")], wire().varint(1, 1 << 63)),
        "a: out-of-range \"9223372036854775808\""
    );
}

#[test]
fn an_unset_field_without_presence_is_zero() {
    let fields = "int32 a = 1; string b = 2; Colour c = 3; repeated int32 d = 4; map<string, int32> e = 5; bool f = 6;";
    let columns = [
        ("a", "Nullable(Int32)"),
        ("b", "String"),
        ("c", "String"),
        ("d", "Array(Int32)"),
        ("e", "Map(String, Int32)"),
        ("f", "UInt8"),
    ];
    assert_eq!(shown(fields, &columns, wire()), "0 | \"\" | \"GREY\" | [] | [] | 0");
}

#[test]
fn an_unset_field_with_presence_is_missing() {
    let fields = "optional int32 a = 1; Point b = 2;";
    assert_eq!(shown(fields, &[("a", "Nullable(Int32)")], wire()), "NULL");
    assert_eq!(shown(fields, &[("a", "Int32")], wire()), "a: missing-required \"\"");
    assert_eq!(shown(fields, &[("b.x", "Nullable(Int32)")], wire()), "NULL");
    assert_eq!(shown(fields, &[("b.x", "Int32")], wire()), "b.x: missing-required \"\"");
    assert_eq!(shown(fields, &[("b", "Tuple(x Int32, y Int32)")], wire()), "(0, 0)");
    assert_eq!(shown(fields, &[("nowhere", "Int32")], wire()), "nowhere: missing-required \"\"");
    let table = Table::new(
        "syntax = \"proto3\"; message M { optional int32 a = 1; }",
        vec![with_default(column("a", "Int32"))],
    );
    assert_eq!(table.show(&[]), "DEFAULT");
    assert_eq!(table.show(&wire().int(1, 0).0), "0");
}

#[test]
fn explicit_defaults_of_proto2_are_values() {
    let proto = r#"syntax = "proto2"; message M { optional int32 a = 1 [default = -5]; optional string b = 2 [default = "x"];
        optional sint32 c = 3 [default = -7]; optional double d = 4 [default = 1.5]; optional int32 e = 5; required int32 f = 6; }"#;
    let columns = ["a", "b", "c", "d", "e", "f"].map(|name| column(name, "Nullable(String)"));
    assert_eq!(Table::new(proto, columns.to_vec()).show(&[]), r#""-5" | "x" | "-7" | "1.5" | NULL | NULL"#);
}

#[test]
fn packed_and_unpacked_are_both_read() {
    let columns = [("a", "Array(Int32)"), ("b", "Array(Float64)")];
    let fields = "repeated int32 a = 1; repeated double b = 2 [packed = false];";
    let record = wire().bytes(1, [1, 2]).double(2, 0.0).int(1, 3).bytes(2, 0_f64.to_le_bytes()).bytes(1, []);
    assert_eq!(shown(fields, &columns, record), "[1, 2, 3] | [0, 0]");
}

#[test]
fn of_several_values_the_last_counts() {
    let record = wire().int(1, 1).int(1, 2);
    assert_eq!(shown("int32 a = 1;", &[("a", "Int32")], record.clone()), "2");
    assert_eq!(shown("optional int32 a = 1;", &[("a", "Nullable(Int32)")], record), "2");
}

#[test]
fn parts_of_a_message_are_merged() {
    let record = wire().message(1, wire().int(1, 1).int(2, 2)).int(3, 9).message(1, wire().int(2, 5));
    let fields = "Point a = 1; int32 b = 3;";
    let columns = [
        ("a.x", "Int32"),
        ("a.y", "Int32"),
        ("a", "Tuple(x Int32, y Int32)"),
        ("", "String"),
        ("b", "Int32"),
    ];
    assert_eq!(
        shown(fields, &columns, record),
        r#"1 | 5 | (1, 5) | "{\"a\":{\"x\":1,\"y\":5},\"b\":9}" | 9"#
    );
}

const CHOICE: &str = "oneof choice { string a = 1; int64 b = 2; Point p = 4; } int32 c = 3;";

#[test]
fn a_oneof_is_a_tuple_of_its_members() {
    let columns = [
        ("choice", "Tuple(a Nullable(String), b Nullable(Int64), p Tuple(x Int32))"),
        ("a", "Nullable(String)"),
        ("c", "Int32"),
    ];
    assert_eq!(shown(CHOICE, &columns, wire().int(2, 7).int(3, 1)), "(NULL, 7, (0)) | NULL | 1");
    assert_eq!(shown(CHOICE, &columns, wire().bytes(1, "x")), "(\"x\", NULL, (0)) | \"x\" | 0");
    assert_eq!(shown(CHOICE, &columns, wire().message(4, wire().int(1, 3))), "(NULL, NULL, (3)) | NULL | 0");
    assert_eq!(shown(CHOICE, &columns, wire()), "(NULL, NULL, (0)) | NULL | 0");
}

#[test]
fn a_oneof_is_a_variant_or_json() {
    let variant = [("choice", "Variant(Int64, String, Tuple(x Int32, y Int32))")];
    assert_eq!(shown(CHOICE, &variant, wire().int(2, 7)), "#0 7");
    assert_eq!(shown(CHOICE, &variant, wire().bytes(1, "x")), "#1 \"x\"");
    assert_eq!(shown(CHOICE, &variant, wire().message(4, wire().int(1, 3))), "#2 (3, 0)");
    assert_eq!(shown(CHOICE, &variant, wire()), "NULL");
    let json = [("choice", "JSON"), ("choice", "Nullable(String)")];
    assert_eq!(
        shown(CHOICE, &json, wire().message(4, wire().int(1, 3))),
        r#""{\"p\":{\"x\":3,\"y\":0}}" | "{\"p\":{\"x\":3,\"y\":0}}""#
    );
    assert_eq!(shown(CHOICE, &json, wire()), "\"{}\" | NULL");
}

#[test]
fn the_last_member_of_a_oneof_counts() {
    let columns = [
        ("choice", "Tuple(a Nullable(String), b Nullable(Int64))"),
        ("b", "Nullable(Int64)"),
        ("choice.a", "Nullable(String)"),
    ];
    assert_eq!(shown(CHOICE, &columns, wire().int(2, 7).bytes(1, "x")), "(\"x\", NULL) | NULL | \"x\"");
    assert_eq!(shown(CHOICE, &[("b", "Nullable(Int64)")], wire().int(2, 7).bytes(1, "x")), "NULL");
    let merged = wire().message(4, wire().int(1, 1)).int(2, 7).message(4, wire().int(2, 2));
    assert_eq!(shown(CHOICE, &[("p", "Tuple(x Int32, y Int32)")], merged), "(0, 2)");
}

#[test]
fn maps_have_zero_for_what_an_entry_lacks_and_keep_the_last_of_repeated_keys() {
    let fields = "map<string, int32> a = 1; map<int32, Point> b = 2;";
    let columns = [
        ("a", "Map(String, Int32)"),
        ("b", "Map(Int32, Tuple(x Int32, y Int32))"),
        ("a", "String"),
        ("b", "Array(Tuple(Int32, String))"),
    ];
    let record = wire()
        .message(1, wire().bytes(1, "k").int(2, 1))
        .message(1, wire().int(2, 5))
        .message(1, wire().int(2, 2).bytes(1, "k"))
        .message(2, wire().int(1, 3));
    assert_eq!(
        shown(fields, &columns, record),
        r#"[("", 5), ("k", 2)] | [(3, (0, 0))] | "{\"\":5,\"k\":2}" | [(3, "{\"x\":0,\"y\":0}")]"#
    );
}

#[test]
fn groups_are_skipped_or_read() {
    let proto = "syntax = \"proto2\"; message M { optional group Origin = 1 { optional string host = 1; } optional int32 a = 2; }";
    let table =
        Table::new(proto, vec![column("origin.host", "Nullable(String)"), column("a", "Nullable(Int32)")]);
    let unknown = wire().group(7, wire().group(8, wire().int(1, 1)).bytes(2, "x"));
    let mut record = unknown.0;
    record.extend(wire().group(1, wire().bytes(1, "here")).int(2, 3).0);
    assert_eq!(table.show(&record), "\"here\" | 3");
}

#[test]
fn enums_go_by_name_and_by_number() {
    let fields = "Colour a = 1;";
    let columns = [("a", "LowCardinality(String)"), ("a", "Int32"), ("a", "Enum8('RED' = 7, 'GREY' = 8)")];
    assert_eq!(shown(fields, &columns, wire().int(1, 1)), "\"RED\" | 1 | 7");
    assert_eq!(shown(fields, &columns[..2], wire().int(1, 99)), "\"99\" | 99");
    assert_eq!(shown(fields, &columns[2..], wire().int(1, 99)), "a: unknown-enum-value \"99\"");
}

#[test]
fn text_must_be_utf8_in_proto3_only() {
    let record = wire().bytes(1, [0x66, 0xff]);
    assert_eq!(shown("string a = 1;", &[("a", "String")], record.clone()), "a: invalid-utf8 \"f\u{fffd}\"");
    assert_eq!(
        shown("string a = 1;", &[("", "String")], record.clone()),
        "record: invalid-utf8 \"text that is not UTF-8 at byte 2\""
    );
    let proto2 = "syntax = \"proto2\"; message M { optional string a = 1; }";
    assert_eq!(Table::new(proto2, vec![column("a", "String")]).show(&record.0), "\"f\u{fffd}\"");
    let cut = [wire().bytes(1, [0xc3]).0, wire().bytes(1, [0xa4]).0];
    let table = Table::new("syntax = \"proto3\"; message M { string a = 1; }", vec![column("a", "String")]);
    let (_, rejects) = table.decode([cut[0].as_slice(), cut[1].as_slice()]);
    assert_eq!(rejects.len(), 2, "text that is valid only together with its neighbour is not valid");
}

#[test]
fn well_known_types_are_what_they_mean() {
    let fields = "google.protobuf.Timestamp a = 1; google.protobuf.Duration b = 2; google.protobuf.StringValue c = 3;
        google.protobuf.Struct d = 4; google.protobuf.Value e = 5; google.protobuf.ListValue f = 6; google.protobuf.FieldMask g = 7;";
    let imports = ["timestamp", "duration", "wrappers", "struct", "field_mask"]
        .map(|name| format!("import \"google/protobuf/{name}.proto\";"))
        .concat();
    let proto = format!("syntax = \"proto3\"; {imports} message M {{ {fields} }}");
    let value = |text: &str| wire().bytes(3, text);
    let record = wire()
        .message(1, wire().int(1, -1).int(2, 500_000_000))
        .message(2, wire().int(1, 90).int(2, 250_000_000))
        .message(3, wire())
        .message(4, wire().message(1, wire().bytes(1, "k").message(2, value("v"))))
        .message(5, wire().double(2, 1.5))
        .message(6, wire().message(1, value("x")).message(1, wire().varint(1, 0)))
        .message(7, wire().bytes(1, "a_b.c").bytes(1, "d"));
    let columns = [
        ("a", "DateTime64(3)"),
        ("a", "String"),
        ("a.nanos", "Int32"),
        ("b", "Float64"),
        ("b", "String"),
        ("c", "Nullable(String)"),
        ("d", "JSON"),
        ("d", "Map(String, String)"),
        ("e", "Nullable(Float32)"),
        ("e", "String"),
        ("f", "Array(Nullable(String))"),
        ("f", "String"),
        ("g", "Array(String)"),
        ("g", "String"),
        ("", "String"),
    ];
    let columns = columns.iter().map(|(path, column_type)| column(path, column_type));
    let shown = Table::new(&proto, columns.collect()).show(&record.0);
    insta::assert_snapshot!(shown.replace(" | ", "\n"), @r##"
    -500
    "1969-12-31T23:59:59.500Z"
    500000000
    4636051196098904064
    "90.250s"
    ""
    "{\"k\":\"v\"}"
    [("k", "v")]
    1069547520
    "1.5"
    ["x", NULL]
    "[\"x\",null]"
    ["a_b.c", "d"]
    "aB.c,d"
    "{\"a\":\"1969-12-31T23:59:59.500Z\",\"b\":\"90.250s\",\"c\":\"\",\"d\":{\"k\":\"v\"},\"e\":1.5,\"f\":[\"x\",null],\"g\":\"aB.c,d\"}"
    "##);
}

#[test]
fn a_message_goes_into_tuples_maps_and_text() {
    let fields = "Point a = 1; repeated Point b = 2;";
    let columns = [
        ("a", "Tuple(Int32, Int64)"),
        ("a", "Tuple(y Int32, z Nullable(Int32))"),
        ("a", "Map(String, Int32)"),
        ("a", "Point"),
        ("b", "Array(Point)"),
        ("b", "String"),
        ("a", "Variant(String, Map(String, Int32))"),
        ("b", "Tuple(String, String)"),
    ];
    let point = || wire().int(1, 1).int(2, 2);
    let shown = shown(fields, &columns, wire().message(1, point()).message(2, point()).message(2, wire()));
    insta::assert_snapshot!(shown.replace(" | ", "\n"), @r##"
    (1, 2)
    (2, NULL)
    [("x", 1), ("y", 2)]
    (4607182418800017408, 4611686018427387904)
    [(4607182418800017408, 4611686018427387904), (0, 0)]
    "[{\"x\":1,\"y\":2},{\"x\":0,\"y\":0}]"
    #0 [("x", 1), ("y", 2)]
    ("{\"x\":1,\"y\":2}", "{\"x\":0,\"y\":0}")
    "##);
}

#[test]
fn a_list_inside_of_lists_is_followed() {
    let proto = "syntax = \"proto3\"; message M { repeated Order orders = 1; } message Order { repeated Item items = 1; int32 id = 2; } message Item { string sku = 1; repeated int32 sizes = 2; }";
    let columns = vec![
        column("orders[:].items[:].sku", "Array(Array(String))"),
        column("orders[:].items[:].sizes", "Array(Array(Array(Int32)))"),
        column("orders[:].id", "Array(Int32)"),
        column("orders[:].items", "Array(String)"),
    ];
    let record = wire()
        .message(1, wire().message(1, wire().bytes(1, "a").bytes(2, [1, 2])).message(1, wire()).int(2, 1))
        .message(1, wire());
    assert_eq!(
        Table::new(proto, columns).show(&record.0),
        r#"[["a", ""], []] | [[[1, 2], []], []] | [1, 0] | ["[{\"sku\":\"a\",\"sizes\":[1,2]},{\"sku\":\"\",\"sizes\":[]}]", "[]"]"#
    );
}

#[test]
fn a_value_in_another_form_is_an_unknown_field() {
    assert_eq!(shown("int32 a = 1;", &[("a", "Int32")], wire().bytes(1, "x")), "0");
    assert_eq!(
        shown("string a = 1; int32 b = 2;", &[("a", "String"), ("b", "Int32")], wire().int(1, 5).int(2, 1)),
        "\"\" | 1"
    );
}

#[test]
fn names_are_those_of_fields_then_those_of_json() {
    let fields = "int32 user_id = 1; int32 other = 2 [json_name = \"Different\"];";
    let columns = [("user_id", "Int32"), ("userId", "Int32"), ("Different", "Int32"), ("other", "Int32")];
    assert_eq!(shown(fields, &columns, wire().int(1, 1).int(2, 2)), "1 | 1 | 2 | 2");
}

#[test]
fn broken_records_are_told_where() {
    let columns = [("a", "Int32")];
    let broken = |bytes: &[u8]| shown("int32 a = 1; string b = 2;", &columns, Wire(bytes.to_vec()));
    let cases: [&[u8]; 9] = [
        &[0x08],
        &[0x08, 0x80],
        &[0x00, 0x01],
        &[0x0e],
        &[0x0c],
        &[0x1b, 0x24],
        &[0x1b, 0x08, 0x01],
        &[0x12, 0x05, 0x61],
        &[0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
    ];
    let shown: Vec<String> = cases.iter().map(|bytes| broken(bytes)).collect();
    insta::assert_snapshot!(shown.join("\n"), @r##"
    record: invalid-protobuf "the record ends inside a value at byte 1"
    record: invalid-protobuf "the record ends inside a value at byte 1"
    record: invalid-protobuf "field number 0 at byte 0"
    record: invalid-protobuf "wire type 6 at byte 0"
    record: invalid-protobuf "the end of a group 1 that is not open at byte 1"
    record: invalid-protobuf "the end of a group 4 that is not open at byte 1"
    record: invalid-protobuf "the record ends inside a value at byte 3"
    record: invalid-protobuf "the record ends inside a value at byte 1"
    record: invalid-protobuf "a varint of more than 64 bits at byte 1"
    "##);
}

#[test]
fn recursion_is_bounded() {
    let nested = |depth: usize| (0..depth).fold(wire().int(2, 1), |inner, _| wire().message(1, inner));
    let proto = "syntax = \"proto3\"; message M { M m = 1; int32 a = 2; }";
    let table = Table::new(proto, vec![column("m", "String"), column("a", "Int32")]);
    assert!(table.show(&nested(63).0).starts_with("\"{"));
    assert!(table.show(&nested(64).0).starts_with("record: too-deep"));
    assert!(table.show(&nested(5_000).0).starts_with("record: too-deep"));
    let groups = (0..100_000).fold(Vec::new(), |mut bytes, _| {
        bytes.push(0x1b);
        bytes
    });
    assert!(table.show(&groups).starts_with("record: too-deep"));
}
