//! Every format through the built binary: the projects of `examples/`, and a registry that comes and goes.

use crate::support::{Project, Server};
use forebay_ingest::schema::SchemaKind;
use forebay_testkit::{
    flights::{self, Encoding, Flights},
    kafka::{Broker, Outgoing},
    registry::{Fault, Srfake},
    unique,
};
use std::{
    fs,
    ops::Range,
    path::{Path, PathBuf},
    sync::OnceLock,
};

/// Flights that each of their examples reads here; `make demo` reads all.
const FLIGHTS: usize = 10_000;
/// The demo's totals, and a number that stands for all columns of the schema.
const TOTALS: &str = "SELECT count(), sum(distance), sum(arr_delay), countIf(arr_delay IS NULL), \
    sum(cityHash64(toString(tuple(COLUMNS('^[a-z]'))))) FROM flights";

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples")
}

fn example_text(example: &str, file: &str) -> String {
    fs::read_to_string(examples().join(example).join(file)).unwrap()
}

/// A copy of an example that reads from the shared broker, `topic` and a group of its own.
fn example(name: &str, variable: &str, topic: &str) -> Project {
    let files = fs::read_dir(examples().join(name)).unwrap().map(|file| file.unwrap().path());
    let files: Vec<(String, String)> = files
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (&**name, &**text)).collect();
    Project::new(&files)
        .variable("FOREBAY_SECRET_KAFKA_BOOTSTRAP", &Broker::shared().addresses().plaintext)
        .variable(&format!("FOREBAY_SECRET_{variable}_TOPIC"), topic)
        .variable(&format!("FOREBAY_SECRET_{variable}_GROUP"), &unique("group"))
}

/// What the table of an example holds after the first flights.
fn totals_of(name: &str, encoding: Encoding, topic: &str, registry_url: &str) -> String {
    Broker::shared().create_topic(topic, flights::PARTITIONS).unwrap();
    let table = Flights::load().unwrap();
    let records =
        table.iter().take(FLIGHTS).map(|flight| Outgoing::value(encoding.value(&flight)).key(flight.key()));
    Broker::shared().produce(topic, records).unwrap();
    let project =
        example(name, "FLIGHTS", topic).variable("FOREBAY_SECRET_SCHEMA_REGISTRY_URL", registry_url);
    let ran = project.run(&["start", "--until-caught-up"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    project.sql(TOTALS)
}

fn totals_of_json() -> &'static str {
    static TOTALS: OnceLock<String> = OnceLock::new();
    TOTALS.get_or_init(|| totals_of("flights", Encoding::Json, &unique("flights"), ""))
}

#[test]
fn flights_in_avro_give_the_totals_of_flights_in_json() {
    let (registry, topic) = (Srfake::start().unwrap(), unique("flights"));
    let schema = flights::schema(SchemaKind::Avro);
    let id = registry.register(&format!("{topic}-value"), SchemaKind::Avro, &schema, &[]).unwrap().id;
    let totals = totals_of("flights-avro", Encoding::Avro(Some(id)), &topic, registry.base_url());
    assert_eq!(totals, totals_of_json());
    assert!(totals.starts_with(&format!("{FLIGHTS}\t")), "{totals}");
}

#[test]
fn flights_in_avro_without_frames_give_the_same_totals() {
    let totals = totals_of("flights-avro-file", Encoding::Avro(None), &unique("flights"), "");
    assert_eq!(totals, totals_of_json());
}

#[test]
fn flights_in_protobuf_give_the_same_totals() {
    let totals = totals_of("flights-protobuf", Encoding::Protobuf(None), &unique("flights"), "");
    assert_eq!(totals, totals_of_json());
}

#[test]
fn flights_that_their_json_schema_allows_give_the_same_totals() {
    let nobody = "http://127.0.0.1:1";
    let totals = totals_of("flights-json-schema", Encoding::Json, &unique("flights"), nobody);
    assert_eq!(totals, totals_of_json());
}

#[test]
fn every_example_passes_check_without_a_warning() {
    let nowhere = Project::new(&[]);
    let folders = fs::read_dir(examples()).unwrap().map(|folder| folder.unwrap().path());
    let mut checked = 0;
    for folder in folders.filter(|path| path.is_dir()) {
        let ran = nowhere.run(&["check", folder.to_str().unwrap()]);
        assert_eq!(ran.code, Some(0), "{}: {ran:?}", folder.display());
        assert!(ran.out.ends_with("1 connection, 1 data source, no errors\n"), "{}", ran.out);
        assert!(folder.join("README.md").is_file(), "{}", folder.display());
        checked += 1;
    }
    assert!(checked >= 7, "{checked}");
}

#[test]
fn the_columns_of_the_flights_are_the_same_in_every_format() {
    let schema = |name: &str| {
        let text = example_text(name, "flights.datasource");
        let start = text.find("SCHEMA >").unwrap();
        text[start..text.find("ENGINE ").unwrap()].to_owned()
    };
    let expected = schema("flights");
    for name in ["flights-avro", "flights-avro-file", "flights-protobuf", "flights-json-schema"] {
        assert_eq!(schema(name), expected, "{name}");
    }
}

/// Lines of an example's records, cut at tabs.
fn lines(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines().map(|line| line.split('\t').collect())
}

#[test]
fn a_tombstone_deletes_the_row_of_its_key() {
    let topic = unique("customers");
    Broker::shared().create_topic(&topic, 3).unwrap();
    let text = example_text("customers-keyed", "changes.tsv");
    let changes = lines(&text).map(|change| match change[..] {
        [key, "NULL"] => Outgoing::tombstone(key),
        [key, value] => Outgoing::value(value).key(key),
        _ => panic!("{change:?}"),
    });
    let changes: Vec<Outgoing> = changes.collect();
    let count = changes.len() as u64;
    Broker::shared().produce(&topic, changes).unwrap();
    let project = example("customers-keyed", "CUSTOMERS", &topic);
    let mut server = project.start(&[]).ready();
    server.until_rows(count);
    assert_eq!(
        project.sql("SELECT id, name, email, city FROM customers FINAL ORDER BY id"),
        "2\tEmmy\temmy@example.org\tGöttingen\n3\tSofja\tsofja@example.org\tStockholm\n4\tGrace\t\\N\tArlington"
    );
    Broker::shared().produce(&topic, [Outgoing::tombstone("{\"id\": 4}")]).unwrap();
    server.until_rows(count + 1);
    assert_eq!(
        project.sql("SELECT groupArray(id) FROM (SELECT id FROM customers FINAL ORDER BY id)"),
        "[2,3]"
    );
    assert_eq!(project.sql("SELECT count() FROM customers_quarantine"), "0");
    server.stop();
}

#[test]
fn columns_of_clickpipes_names_hold_what_kafka_knows() {
    let topic = unique("orders");
    Broker::shared().create_topic(&topic, 1).unwrap();
    let text = example_text("orders-clickpipes", "orders.tsv");
    let orders = lines(&text).map(|order| {
        let [headers, key, value] = order[..] else { panic!("{order:?}") };
        let record = Outgoing::value(value).key(key).timestamp(1_700_000_000_123);
        headers
            .split(',')
            .filter_map(|header| header.split_once(':'))
            .fold(record, |record, (name, value)| record.header(name, Some(value.as_bytes())))
    });
    Broker::shared().produce(&topic, orders).unwrap();
    let project = example("orders-clickpipes", "ORDERS", &topic);
    let mut server = project.start(&[]).ready();
    server.until_rows(3);
    let sql = "SELECT order_id, amount, region, _key, toUnixTimestamp64Milli(_timestamp), _partition, _offset, \
               _header_keys, _header_values FROM orders ORDER BY order_id LIMIT 1";
    assert_eq!(
        project.sql(sql),
        "1\t19.9\teu\t{\"region\": \"eu\"}\t1700000000123\t0\t0\t['trace','source']\t['7f3a','web']"
    );
    let raw = project.sql("SELECT _raw_message FROM orders WHERE order_id = 3");
    assert_eq!(raw, lines(&text).last().unwrap()[2]);
    assert_eq!(project.sql("SELECT DISTINCT _topic FROM orders"), topic);
    server.stop();
}

/// Two schemas of a number; the second one has a name, too.
const SCHEMAS: [&str; 2] = [
    r#"{"type": "record", "name": "Number", "fields": [{"name": "n", "type": "int"}]}"#,
    r#"{"type": "record", "name": "Number", "fields": [{"name": "n", "type": "int"}, {"name": "name", "type": "string"}]}"#,
];

/// A project whose one data source `numbers` reads Avro, with a registry of its own that knows [`SCHEMAS`].
struct AvroNumbers {
    project: Project,
    topic: String,
    registry: Srfake,
    ids: [u32; 2],
}

impl AvroNumbers {
    fn new(partitions: i32) -> Self {
        let (registry, topic) = (Srfake::start().unwrap(), unique("numbers"));
        Broker::shared().create_topic(&topic, partitions).unwrap();
        let subject = format!("{topic}-value");
        let ids = SCHEMAS.map(|text| registry.register(&subject, SchemaKind::Avro, text, &[]).unwrap().id);
        let connection = format!(
            "TYPE kafka\nKAFKA_BOOTSTRAP_SERVERS {}\nKAFKA_SECURITY_PROTOCOL PLAINTEXT\nKAFKA_SCHEMA_REGISTRY_URL {}\n",
            Broker::shared().addresses().plaintext,
            registry.base_url()
        );
        let datasource = format!(
            "SCHEMA >\n    n UInt32,\n    name String DEFAULT 'nobody'\n\nENGINE MergeTree\nENGINE_SORTING_KEY n\n\n\
             KAFKA_CONNECTION_NAME kafka\nKAFKA_TOPIC {topic}\nKAFKA_GROUP_ID {}\nKAFKA_AUTO_OFFSET_RESET earliest\n\
             KAFKA_VALUE_FORMAT avro\n",
            unique("group")
        );
        let project = Project::new(&[("kafka.connection", &connection), ("numbers.datasource", &datasource)]);
        Self { project, topic, registry, ids }
    }

    /// Produces numbers below 64 with the schema of this id; those of the second schema are all named `x`.
    fn produce(&self, id: u32, numbers: Range<u8>, partition: i32) {
        let has_name = id == self.ids[1];
        let records = numbers.map(|n| {
            let mut value = vec![0];
            value.extend(id.to_be_bytes());
            // Whole numbers and lengths are zigzag: twice their value when they are not negative.
            value.push(2 * n);
            if has_name {
                value.extend([2, b'x']);
            }
            Outgoing::value(value).partition(partition)
        });
        Broker::shared().produce(&self.topic, records).unwrap();
    }

    fn start(&self) -> Server<'_> {
        self.project.start(&[]).ready()
    }

    /// The number of rows, of different numbers, and of those with the second schema.
    fn rows(&self) -> String {
        self.project.sql("SELECT count(), uniqExact(n), countIf(name = 'x') FROM numbers")
    }
}

#[test]
fn known_schemas_outlive_the_registry_and_a_restart() {
    let mut numbers = AvroNumbers::new(1);
    numbers.produce(numbers.ids[0], 0..10, 0);
    let mut server = numbers.start();
    server.until_rows(10);
    server.stop();
    numbers.registry.kill().unwrap();
    numbers.produce(numbers.ids[0], 10..20, 0);
    let mut server = numbers.start();
    server.until_rows(10);
    numbers.produce(numbers.ids[0], 20..30, 0);
    server.until_rows(20);
    assert_eq!(numbers.rows(), "30\t30\t0");
    assert!(!server.stop().contains("registry"), "nobody needed it");
}

#[test]
fn a_partition_waits_for_its_schema_while_others_go_on() {
    let numbers = AvroNumbers::new(2);
    let [known, unknown] = numbers.ids;
    numbers.produce(known, 0..10, 0);
    let mut server = numbers.start();
    server.until_rows(10);
    numbers.registry.fail(&Fault::status(503).times(1_000_000)).unwrap();
    numbers.produce(unknown, 10..20, 1);
    let error = server.until_trouble("unavailable");
    assert!(error["fact"].as_str().unwrap().contains(numbers.registry.base_url()), "{error}");
    numbers.produce(known, 20..30, 0);
    let status = server.until("the rows of the other partition", |it| it["rows"] == 20);
    assert_eq!(status["caught_up"], false, "{status}");
    assert_eq!(status["quarantined"], 0, "{status}");
    numbers.registry.heal().unwrap();
    server.until_rows(30);
    assert_eq!(numbers.rows(), "30\t30\t10");
    server.stop();
}

#[test]
fn a_backlog_larger_than_the_memory_waits_while_others_reach_their_end() {
    const BACKLOG: u64 = 300_000;
    let numbers = AvroNumbers::new(2);
    let [known, unknown] = numbers.ids;
    let path = format!("/schemas/ids/{unknown}");
    numbers.registry.fail(&Fault::status(503).times(1_000_000).path(&path)).unwrap();
    let framed = |id: u32, datum: &[u8]| [&[0], &id.to_be_bytes()[..], datum].concat();
    // A name of 26 letters: the backlog is about 10 MB, five times the memory.
    let named = framed(unknown, &[&[2, 52][..], &[b'x'; 26]].concat());
    let backlog = (0..BACKLOG).map(|_| Outgoing::value(named.clone()).partition(1));
    Broker::shared().produce(&numbers.topic, backlog).unwrap();
    let others = (0..BACKLOG).map(|_| Outgoing::value(framed(known, &[2])).partition(0));
    Broker::shared().produce(&numbers.topic, others).unwrap();

    let mut server = numbers.project.start(&["--memory", "2MiB"]).ready();
    let status = server.until("the end of the other partition", |it| it["rows"] == BACKLOG);
    assert_eq!((&status["caught_up"], &status["state"]), (&false.into(), &"retrying".into()), "{status}");
    assert_eq!(status["waiting"].as_object().unwrap().keys().collect::<Vec<_>>(), ["1"]);
    let waiting = &status["waiting"]["1"];
    assert_eq!((&waiting["schema"], &waiting["offset"]), (&format!("id {unknown}").into(), &0.into()));
    assert!(waiting["why"].as_str().unwrap().contains(numbers.registry.base_url()), "{waiting}");
    let screen = numbers.project.run(&["status"]).out;
    assert!(screen.contains(&format!("partition 1 waits for a schema (id {unknown}), since 20")), "{screen}");
    assert!(server.get("/metrics").contains("forebay_partition_waiting_since_seconds{"));

    numbers.registry.heal().unwrap();
    let status = server.until_rows(2 * BACKLOG);
    assert_eq!((&status["quarantined"], &status["waiting"]), (&0.into(), &serde_json::json!({})), "{status}");
    let found = "SELECT count(), uniqExact(__offset), max(__offset), any(__topic), uniqExact(__topic) FROM numbers \
                 WHERE __partition = 1";
    let expected = format!("{BACKLOG}\t{BACKLOG}\t{}\t{}\t1", BACKLOG - 1, numbers.topic);
    assert_eq!(numbers.project.sql(found), expected);
    server.stop();
}

#[test]
fn records_that_wait_for_a_schema_are_read_again_after_a_restart() {
    let numbers = AvroNumbers::new(1);
    let [known, unknown] = numbers.ids;
    numbers.registry.fail(&Fault::status(503).times(1_000_000)).unwrap();
    numbers.produce(unknown, 0..10, 0);
    let mut server = numbers.start();
    server.until_trouble("unavailable");
    numbers.produce(known, 10..20, 0);
    server.stop();
    numbers.registry.heal().unwrap();
    let mut server = numbers.start();
    server.until_rows(20);
    assert_eq!(numbers.rows(), "20\t20\t10");
    server.stop();
}

#[test]
fn records_of_a_schema_that_the_registry_does_not_know_are_quarantined() {
    let numbers = AvroNumbers::new(1);
    numbers.produce(numbers.ids[0], 0..5, 0);
    numbers.produce(4711, 5..8, 0);
    numbers.produce(numbers.ids[1], 8..10, 0);
    let mut server = numbers.start();
    server.until("7 rows and 3 in quarantine", |it| it["rows"] == 7 && it["quarantined"] == 3);
    let found =
        "SELECT __error_type, count(), countIf(c__error[1] LIKE '%4711%') FROM numbers_quarantine GROUP BY 1";
    assert_eq!(numbers.project.sql(found), "SOURCE_SCHEMA_ERROR\t3\t3");
    assert_eq!(numbers.rows(), "7\t7\t2");
    server.stop();
}
