//! Which schemas are read, and what is said of those that are not.
#![allow(clippy::unwrap_used)]

mod protobuf_laws;

use base64::Engine;
use forebay_ingest::protobuf::{MessageChoice, Options, ProtobufSchema};
use prost_reflect::DescriptorPool;
use protobuf_laws::*;

fn refusal(text: &str, references: &[(&str, &str)]) -> String {
    ProtobufSchema::parse(&schema_with(text, references)).unwrap_err().to_string()
}

fn name(schema: &ProtobufSchema, choice: MessageChoice<'_>) -> String {
    match schema.message(choice) {
        Ok(message) => message.full_name().to_owned(),
        Err(defect) => defect.to_string(),
    }
}

const NESTED: &str = r#"syntax = "proto3"; package shop;
message Order { map<string, int32> counts = 1; message Item { message Size { int32 cm = 1; } Size size = 1; } Item item = 2; }
message Refund { int32 id = 1; }"#;

#[test]
fn messages_are_found_by_name_and_by_index() {
    let schema = ProtobufSchema::parse(&schema(NESTED)).unwrap();
    let choices = [
        MessageChoice::First,
        MessageChoice::Name("shop.Refund"),
        MessageChoice::Name("Refund"),
        MessageChoice::Name(".shop.Order.Item.Size"),
        MessageChoice::Indexes(&[1]),
        MessageChoice::Indexes(&[0, 0, 0]),
        MessageChoice::Indexes(&[0, 1]),
        MessageChoice::Name("Nobody"),
        MessageChoice::Indexes(&[0, 7]),
        MessageChoice::Indexes(&[]),
    ];
    let names: Vec<String> = choices.into_iter().map(|choice| name(&schema, choice)).collect();
    insta::assert_snapshot!(names.join("\n"), @r##"
    shop.Order
    shop.Refund
    shop.Refund
    shop.Order.Item.Size
    shop.Refund
    shop.Order.Item.Size
    shop.Order.Item
    the Protobuf schema has no message "Nobody"
    it has shop.Order, shop.Refund
    the Protobuf schema has no message at index [0, 7]
    it has shop.Order, shop.Refund
    the Protobuf schema has no message at index []
    it has shop.Order, shop.Refund
    "##);
}

/// Confluent's client for Python counts the entry of a map, those for Java and JavaScript do not; all but Java's register
/// descriptors.
#[test]
fn indexes_may_count_the_entries_of_maps() {
    let file = pool(NESTED).get_file_by_name("shop/order.proto").unwrap().encode_to_vec();
    let descriptor = base64::engine::general_purpose::STANDARD.encode(file);
    for text in [NESTED, &descriptor] {
        let schema = ProtobufSchema::parse(&schema(text)).unwrap();
        for index in [0, 1] {
            let found = name(&schema, MessageChoice::Indexes(&[0, index]));
            assert_eq!(found, "shop.Order.Item", "{index} in {text}");
        }
    }
}

/// As the Glue serializer for Java counts: 0 is shop.Order, 1 the entry of its map.
#[test]
fn entries_of_maps_have_a_place_but_are_no_messages() {
    let schema = ProtobufSchema::parse(&schema(NESTED)).unwrap();
    let names: Vec<String> = (0..6).map(|place| name(&schema, MessageChoice::Ordinal(place))).collect();
    insta::assert_snapshot!(names.join("\n"), @r#"
    shop.Order
    the Protobuf schema has no message at place 1
    it has shop.Order, shop.Refund
    shop.Order.Item
    shop.Order.Item.Size
    shop.Refund
    the Protobuf schema has no message at place 5
    it has shop.Order, shop.Refund
    "#);
}

/// As Wire prints them, which the serializers of Apicurio and Glue for Java register.
#[test]
fn defaults_of_bytes_need_no_quotes() {
    let text = r#"
message Legacy {
  optional string name = 1 [default = "nobody"];
  optional bytes raw = 2 [default = \000\377];
  optional bytes word = 3 [
    default = abc,
    deprecated = true
  ];
  optional bytes quoted = 4 [default = "q"];
  optional int32 bytes = 5 [default = -7];
}
"#;
    let schema = ProtobufSchema::parse(&schema(text)).unwrap();
    assert_eq!(name(&schema, MessageChoice::First), "Legacy");
}

#[test]
fn imports_come_from_the_references() {
    let references = [
        ("deep/money.proto", r#"syntax = "proto3"; package money; message Money { int64 cents = 1; }"#),
        (
            "price.proto",
            r#"syntax = "proto3"; import public "deep/money.proto"; message Price { money.Money amount = 1; }"#,
        ),
    ];
    let text = r#"syntax = "proto3"; import "price.proto"; message Offer { Price price = 1; money.Money least = 2; }"#;
    let schema = ProtobufSchema::parse(&schema_with(text, &references)).unwrap();
    let columns = vec![column("price.amount.cents", "Int64"), column("least.cents", "Int64")];
    let table = Table::of(&schema, MessageChoice::First, columns, Options::default());
    let money = |cents| wire().int(1, cents);
    let record = wire().message(1, wire().message(1, money(5))).message(2, money(7));
    assert_eq!(table.show(&record.0), "5 | 7");
}

#[test]
fn refusals_say_where() {
    let cases = [
        refusal("syntax = \"proto3\";\nmessage M {\n  int32 a = 1\n}", &[]),
        refusal("syntax = \"proto3\";\nmessage M { Missing a = 1; }", &[]),
        refusal("syntax = \"proto3\";\nimport \"other.proto\";\nmessage M { int32 a = 1; }", &[]),
        refusal(
            "syntax = \"proto3\"; import \"b.proto\";",
            &[("b.proto", "syntax = \"proto3\"; message {}")],
        ),
        refusal("syntax = \"proto3\"; message M { int32 a = 1; int32 b = 1; }", &[]),
        refusal("AAAA", &[]),
    ];
    insta::assert_snapshot!(cases.join("\n---\n"), @r##"
    the Protobuf schema cannot be read: schema.proto:4:1: expected ';' or '[', but found '}'
    ---
    the Protobuf schema cannot be read: schema.proto:2:13: name 'Missing' is not defined
    ---
    the Protobuf schema cannot be read: schema.proto:2:1: import 'other.proto' not found
    ---
    the Protobuf schema cannot be read: b.proto:1:28: expected an identifier, but found '{'
    ---
    the Protobuf schema cannot be read: schema.proto:1:55: field number '1' is already used
    ---
    the Protobuf schema cannot be read: schema.proto is neither text nor a file descriptor
    "##);
}

fn pool(text: &str) -> DescriptorPool {
    let file = protox::file::File::from_source("shop/order.proto", text).unwrap();
    let mut pool = DescriptorPool::new();
    pool.add_file_descriptor_proto(file.file_descriptor_proto().clone()).unwrap();
    pool
}

#[test]
fn descriptors_in_base64_are_read() {
    let pool = pool(NESTED);
    let file = pool.get_file_by_name("shop/order.proto").unwrap().encode_to_vec();
    for bytes in [file, pool.encode_to_vec()] {
        let text = base64::engine::general_purpose::STANDARD.encode(bytes);
        let schema = ProtobufSchema::parse(&schema(&text)).unwrap();
        assert_eq!(name(&schema, MessageChoice::First), "shop.Order");
        assert_eq!(
            name(&schema, MessageChoice::Indexes(&[0, 1])),
            "shop.Order.Item",
            "descriptors count hidden entries"
        );
    }
}

#[test]
fn editions_are_read_with_their_features() {
    let text = r#"
// A file of an edition. { " ;
edition = "2023";
package e;
message M {
  int32 explicit = 1;
  int32 implicit = 2 [features.field_presence = IMPLICIT];
  N group_like = 3 [features.message_encoding = DELIMITED];
  string free = 4 [features.utf8_validation = NONE];
  string checked = 5;
  repeated int32 many = 6;
  map<string, N> by_name = 7;
  oneof choice { int32 a = 8; N b = 9; }
  int32 required = 10 [features.field_presence = LEGACY_REQUIRED, default = 5];
  reserved 20 to 30, 40; reserved old, older;
  message N { int32 id = 1; }
  enum E { reserved gone; Z = 0; }
}
"#;
    let schema = ProtobufSchema::parse(&schema(text)).unwrap();
    let columns = ["explicit", "implicit", "group_like.id", "free", "required", "many"].map(|name| {
        let column_type = if name == "many" { "Array(Int32)" } else { "Nullable(String)" };
        column(name, column_type)
    });
    let table = Table::of(&schema, MessageChoice::First, columns.to_vec(), Options::default());
    assert_eq!(table.show(&[]), r#"NULL | "0" | NULL | NULL | "5" | []"#);
    let record = wire().group(3, wire().int(1, 9)).bytes(4, [0xff]).bytes(6, [1, 2]);
    assert_eq!(table.show(&record.0), "NULL | \"0\" | \"9\" | \"\u{fffd}\" | \"5\" | [1, 2]");
    let checked =
        Table::of(&schema, MessageChoice::First, vec![column("checked", "String")], Options::default());
    assert!(checked.show(&wire().bytes(5, [0xff]).0).contains("invalid-utf8"));
}

#[test]
fn a_record_of_one_repeated_message_is_unrolled() {
    let text = r#"syntax = "proto3"; message Batch { repeated Row rows = 1; } message Row { int32 id = 1; repeated int32 n = 2; }"#;
    let schema = ProtobufSchema::parse(&schema(text)).unwrap();
    let options = Options { unroll: true, ..Options::default() };
    let columns = || vec![column("id", "Int32"), column("n", "Array(Int32)")];
    let table = Table::of(&schema, MessageChoice::First, columns(), options);
    let record = wire()
        .message(1, wire().int(1, 1).bytes(2, [5]))
        .int(9, 9)
        .message(1, wire())
        .message(1, wire().int(1, 2).int(1, 3));
    assert_eq!(table.show(&record.0), "1 | [5]\n0 | []\n3 | []");
    assert_eq!(table.decode([[].as_slice()]).0.row_count(), 0);
    let row = Table::of(&schema, MessageChoice::Name("Row"), columns(), options);
    assert_eq!(row.show(&wire().int(1, 1).0), "1 | []", "a message of other fields is one row");
}

#[test]
fn files_that_registries_know_need_no_reference() {
    let text = r#"syntax = "proto3"; import "google/type/date.proto"; import "google/type/datetime.proto";
        import "google/type/interval.proto"; import "google/type/month.proto"; import "google/type/dayofweek.proto";
        import "google/type/timeofday.proto"; import "google/type/money.proto"; import "google/type/latlng.proto";
        import "google/type/decimal.proto"; import "google/type/fraction.proto";
        import "confluent/type/decimal.proto"; import "confluent/meta.proto";
        option (confluent.file_meta).doc = "orders";
        message M { google.type.Date day = 1 [(confluent.field_meta) = { doc: "when" tags: "PII" }]; confluent.type.Decimal price = 2; }"#;
    let schema = ProtobufSchema::parse(&schema(text)).unwrap();
    let columns = vec![column("day.year", "Nullable(Int32)"), column("price.scale", "Nullable(Int32)")];
    let table = Table::of(&schema, MessageChoice::First, columns, Options::default());
    assert_eq!(table.show(&wire().message(1, wire().int(1, 2024)).0), "2024 | NULL");
}
