//! What `forebay init` writes runs as it is, for every format: `check` has nothing to say, and every sampled record
//! becomes a row.

use crate::{
    preview::{at, project, shown, topic},
    support::Project,
};
use forebay_ingest::schema::SchemaKind;
use forebay_testkit::{
    kafka::{Broker, Outgoing},
    registry::Srfake,
};

const AVRO: &str = r#"{"type":"record","name":"Order","fields":[
    {"name":"id","type":"long"},{"name":"who","type":["null","string"]}]}"#;
/// The next version: an optional field more, and a wider one.
const AVRO_2: &str = r#"{"type":"record","name":"Order","fields":[{"name":"id","type":"long"},
    {"name":"who","type":["null","string"]},{"name":"total","type":"double"}]}"#;
const PROTOBUF: &str = r#"syntax = "proto3"; package shop;
    message Other { int32 x = 1; }
    message Order { int64 id = 1; optional string who = 2; }"#;
const JSON_SCHEMA: &str = r#"{"type":"object","required":["id"],"properties":{
    "id":{"type":"integer","minimum":0},"who":{"type":["string","null"]}}}"#;

/// Writes `orders.datasource` as told, checks it, and reads the topic.
fn init_and_read(project: &Project, topic: &str, told: &[&str]) {
    let init = ["init", "--connection", "kafka", "--topic", topic, "--name", "orders"];
    let ran = project.run(&[&init, told].concat());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let ran = project.run(&["check"]);
    let text = std::fs::read_to_string(project.path().join("orders.datasource")).unwrap();
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{text}{ran:?}");
    assert!(ran.out.ends_with("1 connection, 1 data source, no errors\n"), "{text}{}", ran.out);
    let ran = project.run(&["start", "--until-caught-up"]);
    assert_eq!(ran.code, Some(0), "{text}{ran:?}");
    assert_eq!(project.sql("SELECT count() FROM orders_quarantine"), "0", "{text}");
}

fn with_registry(registry: &Srfake) -> Project {
    project(&format!("KAFKA_SCHEMA_REGISTRY_URL {}\n", registry.base_url()))
}

fn framed(id: u8, datum: &[u8]) -> Outgoing {
    Outgoing::value([&[0, 0, 0, 0, id], datum].concat())
}

fn seed(registry: &Srfake, subject: &str, id: u32, kind: SchemaKind, schema: &str) {
    registry.seed((subject, id), id, kind, schema, &[]).unwrap();
}

#[test]
fn json_with_plain_keys() {
    let values = [r#"{"id":1,"a":{"b":[[1],[]]}}"#, r#"{"id":18446744073709551615,"a":null}"#, "[]", "7"];
    let topic = topic(2, values.map(|value| Outgoing::value(value).key("k")));
    let project = project("");
    init_and_read(&project, &topic, &[]);
    assert_eq!(project.sql("SELECT count(), any(__key) FROM orders"), "4\tk");
}

#[test]
fn avro_of_two_schemas() {
    let registry = Srfake::start().unwrap();
    let records = [framed(41, b"\x0e\x02\x06Ada"), framed(42, b"\x10\x00\0\0\0\0\0\0\xf8\x3f")];
    let topic = topic(1, records);
    seed(&registry, &format!("{topic}-value"), 41, SchemaKind::Avro, AVRO);
    seed(&registry, &format!("{topic}-value"), 42, SchemaKind::Avro, AVRO_2);
    let project = with_registry(&registry);
    init_and_read(&project, &topic, &[]);
    assert_eq!(project.sql("SELECT id, who, total FROM orders ORDER BY id"), "7\tAda\t\\N\n8\t\\N\t1.5");
}

#[test]
fn protobuf_in_frames() {
    let registry = Srfake::start().unwrap();
    let topic = topic(1, [framed(41, b"\x02\x02\x08\x07\x12\x03Ada")]);
    seed(&registry, &format!("{topic}-value"), 41, SchemaKind::Protobuf, PROTOBUF);
    let project = with_registry(&registry);
    init_and_read(&project, &topic, &[]);
    assert_eq!(project.sql("SELECT id, who FROM orders"), "7\tAda");
}

#[test]
fn json_in_frames_of_a_json_schema_that_one_record_breaks() {
    let registry = Srfake::start().unwrap();
    let records = [framed(41, br#"{"id":7,"who":"Ada","more":1}"#), framed(41, br#"{"id":-1}"#)];
    let topic = topic(1, records);
    seed(&registry, &format!("{topic}-value"), 41, SchemaKind::Json, JSON_SCHEMA);
    let project = with_registry(&registry);
    init_and_read(&project, &topic, &[]);
    assert_eq!(project.sql("SELECT id, who, more FROM orders ORDER BY id"), "-1\t\\N\t\\N\n7\tAda\t1");
}

#[test]
fn bare_avro_whose_schema_is_a_file() {
    let topic = topic(1, [Outgoing::value(&b"\x0e\x02\x06Ada"[..]), Outgoing::value(&b"\0\0"[..])]);
    let project = project("");
    project.write("order.avsc", AVRO);
    init_and_read(&project, &topic, &["--value-schema", "order.avsc", "--schema-framing", "none"]);
    assert_eq!(project.sql("SELECT id, who FROM orders ORDER BY id"), "0\t\\N\n7\tAda");
}

#[test]
fn bare_protobuf_whose_message_is_told() {
    let topic = topic(1, [Outgoing::value(&b"\x08\x07\x12\x03Ada"[..])]);
    let project = project("");
    project.write("order.proto", PROTOBUF);
    init_and_read(&project, &topic, &["--value-schema", "order.proto", "--value-message", "shop.Order"]);
    assert_eq!(project.sql("SELECT id, who FROM orders"), "7\tAda");
}

#[test]
fn bare_json_whose_schema_is_a_file() {
    let topic = topic(1, [Outgoing::value(r#"{"id":7,"who":"Ada"}"#)]);
    let project = project("");
    project.write("order.json", JSON_SCHEMA);
    init_and_read(&project, &topic, &["--value-schema", "order.json"]);
    assert_eq!(project.sql("SELECT toTypeName(id), id, who FROM orders"), "UInt64\t7\tAda");
}

#[test]
fn bare_avro_whose_schema_lies_in_the_registry() {
    let registry = Srfake::start().unwrap();
    let topic = topic(1, [Outgoing::value(&b"\x0e\x02\x06Ada"[..])]);
    seed(&registry, "order", 41, SchemaKind::Avro, AVRO);
    let project = with_registry(&registry);
    init_and_read(&project, &topic, &["--value-schema", "/subjects/order", "--schema-framing", "none"]);
    assert_eq!(project.sql("SELECT id, who FROM orders"), "7\tAda");
}

#[test]
fn bare_avro_whose_schema_the_address_of_the_registry_names() {
    let registry = Srfake::start().unwrap();
    let topic = topic(1, [Outgoing::value(&b"\x0e\x02\x06Ada"[..]), Outgoing::value(&b"\0\x02\x06Eve"[..])]);
    seed(&registry, "order", 41, SchemaKind::Avro, AVRO);
    let project = project(&format!("KAFKA_SCHEMA_REGISTRY_URL {}/subjects/order\n", registry.base_url()));
    init_and_read(&project, &topic, &[]);
    assert_eq!(project.sql("SELECT id, who FROM orders ORDER BY id"), "0\tEve\n7\tAda");
}

#[test]
fn lines_of_csv_are_text_and_what_is_no_text_is_bytes() {
    for (value, hexadecimal) in [(&b"1,Ada;\"x\""[..], "312C4164613B227822"), (b"\xff\0", "FF00")] {
        let topic = topic(1, [Outgoing::value(value)]);
        let project = project("");
        init_and_read(&project, &topic, &[]);
        assert_eq!(project.sql("SELECT hex(value) FROM orders"), hexadecimal);
    }
}

#[test]
fn keys_that_records_without_a_value_take_back() {
    let changes = [
        Outgoing::value(r#"{"id":1,"name":"Ada"}"#).key(r#"{"id":1}"#),
        Outgoing::value(r#"{"id":2,"name":"Emmy"}"#).key(r#"{"id":2}"#),
        Outgoing::value(r#"{"id":2,"name":"Emmy Noether"}"#).key(r#"{"id":2}"#),
        Outgoing::tombstone(r#"{"id":1}"#),
    ];
    let topic = topic(1, changes);
    let project = project("");
    init_and_read(&project, &topic, &[]);
    assert_eq!(project.sql("SELECT id, name FROM orders FINAL"), "2\tEmmy Noether");
}

#[test]
fn keys_of_avro_beside_values_of_json() {
    let registry = Srfake::start().unwrap();
    let key = r#"{"type":"record","name":"Key","fields":[{"name":"shop","type":"string"},{"name":"id","type":"int"}]}"#;
    let framed_key = |id: u8| [&[0, 0, 0, 0, 41], &b"\x02a"[..], &[id * 2]].concat();
    let records = [
        at(Outgoing::value(r#"{"id":1,"n":1}"#).key(framed_key(1)), 1),
        at(Outgoing::value(r#"{"id":2,"n":2}"#).key(framed_key(2)), 2),
        at(Outgoing::tombstone(framed_key(1)), 3),
    ];
    let topic = topic(1, records);
    seed(&registry, &format!("{topic}-key"), 41, SchemaKind::Avro, key);
    let project = with_registry(&registry);
    let mut text = shown(&topic, &project.run(&["preview", "kafka", &topic, "--limit", "1"]));
    init_and_read(&project, &topic, &[]);
    text.push_str(&project.sql("SELECT shop, id, n FROM orders FINAL"));
    insta::assert_snapshot!(text);
}

#[test]
fn a_topic_without_records_has_the_columns_of_its_schema() {
    let registry = Srfake::start().unwrap();
    let topic = topic(1, []);
    seed(&registry, &format!("{topic}-value"), 41, SchemaKind::Avro, AVRO);
    let project = with_registry(&registry);
    insta::assert_snapshot!(shown(&topic, &project.run(&["preview", "kafka", &topic])));
    init_and_read(&project, &topic, &[]);
    Broker::shared().produce(&topic, [framed(41, b"\x0e\x02\x06Ada")]).unwrap();
    assert_eq!(project.run(&["start", "--until-caught-up"]).code, Some(0));
    assert_eq!(project.sql("SELECT id, who FROM orders"), "7\tAda");
}

#[test]
fn a_topic_without_records_may_have_its_schema_in_a_file_or_by_the_address_of_the_registry() {
    let topic = topic(1, []);
    let of_file = project("");
    of_file.write("order.avsc", AVRO);
    init_and_read(&of_file, &topic, &["--value-schema", "order.avsc"]);
    let registry = Srfake::start().unwrap();
    seed(&registry, "order", 41, SchemaKind::Protobuf, PROTOBUF);
    let of_address = project(&format!("KAFKA_SCHEMA_REGISTRY_URL {}/subjects/order\n", registry.base_url()));
    init_and_read(&of_address, &topic, &[]);
    assert_eq!(
        of_address.sql("SELECT name FROM system.columns WHERE table = 'orders' AND position = 1"),
        "x"
    );
}

#[test]
fn what_is_told_wrongly_is_refused_as_a_data_source_would_be() {
    let project = project("");
    project.write("order.avsc", AVRO);
    let topic = topic(1, [Outgoing::value("{}")]);
    let told: [&[&str]; 4] = [
        &["--value-schema", "oder.avsc"],
        &["--value-schema", "order.avsc", "--value-format", "protobuf"],
        &["--value-schema", "/subjects/order"],
        &["--value-format", "avro"],
    ];
    let run = |told: &[&str]| shown(&topic, &project.run(&[&["preview", "kafka", &topic], told].concat()));
    insta::assert_snapshot!(told.map(run).concat());
}

#[test]
fn a_second_data_source_of_a_topic_is_written_as_the_first_one_is() {
    let topic = topic(1, [Outgoing::value(&b"\x0e\x02\x06Ada"[..])]);
    let project = project("");
    project.write("order.avsc", AVRO);
    let init = ["init", "--connection", "kafka", "--topic", &topic];
    let told = ["--name", "first", "--value-schema", "order.avsc", "--schema-framing", "none"];
    assert_eq!(project.run(&[&init[..], &told].concat()).code, Some(0));
    let ran = project.run(&[&init[..], &["--name", "second"]].concat());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let lines = |name: &str| {
        let text = std::fs::read_to_string(project.path().join(name)).unwrap();
        let lines = text.lines().filter(|line| line.starts_with("KAFKA_") && !line.contains("GROUP_ID"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(lines("second.datasource"), lines("first.datasource"));
    assert_eq!(project.run(&["check"]).code, Some(0));
}
