//! `forebay preview` and `forebay init` of topics and files, on a real broker, a registry and the engine.

use crate::{
    kafka_project::PLAINTEXT,
    support::{PATIENCE, Project, Ran},
};
use forebay_ingest::schema::SchemaKind;
use forebay_testkit::{
    kafka::{Broker, Outgoing},
    registry::Srfake,
    unique,
};
use rdkafka::{
    ClientConfig,
    consumer::{BaseConsumer, Consumer},
};
use std::fs;

const AVRO: &str = r#"{"type":"record","name":"Order","fields":[
    {"name":"id","type":"long"},{"name":"who","type":["null","string"]}]}"#;
const PROTOBUF: &str = "syntax = \"proto3\"; message Order { int64 id = 1; optional string who = 2; }";

/// A project that has only a connection.
pub(crate) fn project(more: &str) -> Project {
    let broker = &Broker::shared().addresses().plaintext;
    let connection = format!("TYPE kafka\nKAFKA_BOOTSTRAP_SERVERS {broker}\n{PLAINTEXT}\n{more}");
    Project::new(&[("kafka.connection", &connection)])
}

pub(crate) fn topic(partitions: i32, records: impl IntoIterator<Item = Outgoing>) -> String {
    let topic = unique("orders");
    Broker::shared().create_topic(&topic, partitions).unwrap();
    Broker::shared().produce(&topic, records).unwrap();
    topic
}

/// What people see, the topic's unique name taken out.
pub(crate) fn shown(topic: &str, ran: &Ran) -> String {
    format!("{}{}[exit code {}]\n", ran.out, ran.err, ran.code.unwrap()).replace(topic, "TOPIC")
}

pub(crate) fn at(record: Outgoing, second: i64) -> Outgoing {
    record.partition(0).timestamp(1_704_164_645_000 + second * 1000)
}

fn json_orders() -> [Outgoing; 4] {
    [
        at(Outgoing::value(r#"{"id":1,"ts":1704164645001,"who":{"name":"Ada"},"tags":["a"]}"#).key("k1"), 1),
        at(
            Outgoing::value(r#"{"id":2,"ts":1704164645002,"who":{},"total":1.5}"#)
                .header("source", Some(b"web")),
            2,
        ),
        at(Outgoing::tombstone("k1"), 3),
        at(Outgoing::value("oops"), 4),
    ]
}

#[test]
fn json_records_are_shown_with_the_table_they_would_make() {
    let topic = topic(2, json_orders());
    insta::assert_snapshot!(shown(&topic, &project("").run(&["preview", "kafka", &topic])));
}

#[test]
fn init_writes_a_file_that_ingests_every_sampled_record_and_never_overwrites() {
    let project = project("");
    let topic = topic(1, json_orders().into_iter().take(2));
    let init = ["init", "--connection", "kafka", "--topic", &topic, "--name", "orders"];
    let mut text = shown(&topic, &project.run(&init));
    text.push_str(&shown(&topic, &project.run(&init)));
    insta::assert_snapshot!(text);
    let ran = project.run(&["start", "--until-caught-up"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(
        project.sql("SELECT id, ts, who_name, tags, total FROM orders ORDER BY id"),
        "1\t2024-01-02 03:04:05.001\tAda\t['a']\t\\N\n2\t2024-01-02 03:04:05.002\t\\N\t[]\t1.5"
    );
}

#[test]
fn framed_records_name_their_schema_and_give_its_columns() {
    let registry = Srfake::start().unwrap();
    let more = format!("KAFKA_SCHEMA_REGISTRY_URL {}\n", registry.base_url());
    let mut text = String::new();
    for (kind, schema, id, datum) in [
        (SchemaKind::Avro, AVRO, 41, &b"\x0e\x02\x06Ada"[..]),
        (SchemaKind::Protobuf, PROTOBUF, 42, b"\x00\x08\x07\x12\x03Ada"),
    ] {
        let value = [&[0, 0, 0, 0, id], datum].concat();
        let topic = topic(1, [at(Outgoing::value(value), 1), at(Outgoing::value(&b"\0\0"[..]), 0)]);
        registry.seed((&format!("{topic}-value"), 1), u32::from(id), kind, schema, &[]).unwrap();
        text.push_str(&shown(&topic, &project(&more).run(&["preview", "kafka", &topic])));
    }
    insta::assert_snapshot!(text);
}

#[test]
fn what_cannot_be_looked_at_says_why() {
    let project = project("");
    let topic = topic(1, []);
    let missing = unique("missing");
    let mut text = shown(&topic, &project.run(&["preview", "kafka", &topic]));
    text.push_str(&shown(&missing, &project.run(&["preview", "kafka", &missing])));
    text.push_str(&shown(&topic, &project.run(&["preview", "kafak", &topic])));
    text.push_str(&shown(&topic, &project.run(&["preview", "nowhere.csv"])));
    text.push_str(&shown(&topic, &project.run(&["preview", "kafka"])));
    let broker = &Broker::shared().addresses().plaintext;
    insta::assert_snapshot!(text.replace(broker.as_str(), "BROKER"));
}

#[test]
fn nothing_is_committed_and_no_group_is_joined() {
    let project = project("");
    let topic = topic(1, json_orders());
    let report: serde_json::Value =
        serde_json::from_str(&project.run(&["preview", "kafka", &topic, "--json", "--limit", "2"]).out)
            .unwrap();
    assert_eq!(report["records"].as_array().unwrap().len(), 2);
    assert_eq!(report["value"]["format"], "json_without_schema");
    assert_eq!(report["records"][1]["key"]["content"], "k1");
    assert_eq!(report["columns"][0]["name"], "id");
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &Broker::shared().addresses().plaintext)
        .create()
        .unwrap();
    let groups = consumer.fetch_group_list(None, PATIENCE).unwrap();
    let names: Vec<&str> = groups.groups().iter().map(rdkafka::groups::GroupInfo::name).collect();
    assert!(!names.contains(&"forebay-preview"), "{names:?}");
}

#[test]
fn local_files_give_tables_too() {
    let project = Project::new(&[("numbers.datasource", "SCHEMA >\n    `n` UInt8\n")]);
    // Makes the database that `sql` runs its query in.
    project.start(&[]).ready().stop();
    let query =
        "SELECT 1::UInt32 AS id, 'Ada' AS name, toDateTime64('2024-01-02 03:04:05.5', 3, 'UTC') AS at";
    let parquet = project.command(&["sql", query, "--format", "Parquet"]).output().unwrap();
    fs::write(project.path().join("people.parquet"), parquet.stdout).unwrap();
    project.write("people.ndjson", "{\"id\":1,\"who\":\"Ada\"}\n\n{\"id\":2}\n");
    project.write("people.csv", "id,born,score\n1,1915-12-10,1.5\n2,1906-12-09,2\n");
    let commands: [&[&str]; 4] = [
        &["init", "--file", "people.ndjson", "--stdout"],
        &["init", "--file", "people.csv", "--stdout"],
        &["init", "--file", "people.csv"],
        &["preview", "people.parquet"],
    ];
    insta::assert_snapshot!(commands.map(|args| shown("TOPIC", &project.run(args))).join("\n"));
    assert!(fs::read_to_string(project.path().join("people.datasource")).unwrap().contains("SCHEMA >"));
}

#[test]
fn files_of_many_shapes_are_read_or_refused_clearly() {
    let project = Project::new(&[]);
    let files = [
        ("array.json", "[\n  {\"a\": 1},\n  {\"a\": null}\n]\n"),
        ("marked.csv", "\u{feff}id,zip,,ok\r\n1,01234,x,true\r\n18446744073709551616,00001,,false\r\n"),
        ("bare.csv", "1,Ada,2024-01-02\n2,Eve,2024-01-03\n"),
        ("semicolons.csv", "id;name\n1;\"a;b\"\n"),
        ("windows.tsv", "id\tname\r\n1\tAda\r\n"),
        ("empty.csv", ""),
        ("blank.json", "\n \n"),
        ("text.json", "hello\n"),
        ("broken.parquet", "no Parquet"),
    ];
    let run = |(name, text)| {
        project.write(name, text);
        shown("TOPIC", &project.run(&["init", "--file", name, "--stdout"]))
    };
    insta::assert_snapshot!(files.map(run).concat());
}

#[test]
fn values_and_keys_of_several_sorts_are_told_apart() {
    let values = [
        Outgoing::value(r#"{"id":1}"#).key("1"),
        Outgoing::value(r#"{"id":2}"#).key("{"),
        Outgoing::value("plain text").key("x"),
        Outgoing::value(&b"\xff\xfe"[..]),
    ];
    let topic = topic(1, values.into_iter().zip(1..).map(|(record, second)| at(record, second)));
    let project = project("");
    let mut text = shown(&topic, &project.run(&["preview", "kafka", &topic, "--limit", "0"]));
    text.push_str(&shown(
        &topic,
        &project.run(&["preview", "kafka", &topic, "--value-format", "json_with_schema", "--limit", "0"]),
    ));
    text.push_str(&shown(
        &topic,
        &project.run(&[
            "preview",
            "kafka",
            &topic,
            "--key-format",
            "string",
            "--value-format",
            "binary",
            "--limit",
            "0",
        ]),
    ));
    insta::assert_snapshot!(text);
}
