//! The broker handle does what the tests of the other crates rely on.

// The allowance for tests does not reach functions that tests call.
#![allow(clippy::unwrap_used)]

use forebay_testkit::flights::{self, Encoding, Partial, Produced};
use forebay_testkit::kafka::{ALICE, BOB, Broker, Committed, Outgoing, User};
use forebay_testkit::unique;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaResult;
use rdkafka::message::{BorrowedMessage, Headers, Message};
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(20);

fn client(address: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", address);
    config.set("group.id", unique("testkit"));
    config.set("auto.offset.reset", "earliest");
    config
}

fn sasl_client(broker: &Broker, protocol: &str, mechanism: &str, user: User) -> BaseConsumer {
    let addresses = broker.addresses();
    let address = match protocol {
        "SASL_SSL" => &addresses.sasl_ssl,
        _ => &addresses.sasl_plaintext,
    };
    client(address)
        .set("security.protocol", protocol)
        .set("sasl.mechanism", mechanism)
        .set("sasl.username", user.name)
        .set("sasl.password", user.password)
        .set("ssl.ca.location", addresses.ca.display().to_string())
        .create()
        .unwrap()
}

/// The next record or error; polls again when a rebalance has used a poll up.
fn next(consumer: &BaseConsumer) -> Option<KafkaResult<BorrowedMessage<'_>>> {
    let deadline = Instant::now() + LIMIT;
    while Instant::now() < deadline {
        if let Some(polled) = consumer.poll(Duration::from_secs(1)) {
            return Some(polled);
        }
    }
    None
}

/// Why a consumer gets nothing from the topic; `None` when it gets a record.
fn refusal(consumer: &BaseConsumer, topic: &str) -> Option<String> {
    consumer.subscribe(&[topic]).unwrap();
    match next(consumer) {
        Some(Ok(_)) => None,
        Some(Err(error)) => Some(error.to_string()),
        None => Some("nothing within the limit".to_owned()),
    }
}

#[test]
fn record_arrives_with_all_its_parts() {
    let broker = Broker::shared();
    let topic = unique("parts");
    broker.create_topic(&topic, 2).unwrap();
    let record = Outgoing::value("v")
        .key("k")
        .partition(1)
        .timestamp(1_700_000_000_123)
        .header("h", Some(b"x"))
        .header("h", None);
    let tombstone = Outgoing::tombstone("k").partition(1);
    assert_eq!(broker.produce(&topic, [record, tombstone]).unwrap(), 2);
    assert_eq!(broker.end_offsets(&topic).unwrap(), [0, 2]);

    let consumer: BaseConsumer = client(broker.bootstrap_servers()).create().unwrap();
    consumer.subscribe(&[&topic]).unwrap();
    let first = next(&consumer).unwrap().unwrap();
    assert_eq!((first.key(), first.payload(), first.partition()), (Some(&b"k"[..]), Some(&b"v"[..]), 1));
    assert_eq!(first.timestamp().to_millis(), Some(1_700_000_000_123));
    let headers: Vec<_> = first.headers().unwrap().iter().map(|header| (header.key, header.value)).collect();
    assert_eq!(headers, [("h", Some(&b"x"[..])), ("h", None)]);
    let second = next(&consumer).unwrap().unwrap();
    assert_eq!((second.key(), second.payload()), (Some(&b"k"[..]), None));
}

#[test]
fn deleted_records_move_the_start_offset() {
    let broker = Broker::shared();
    let topic = unique("deleted");
    broker.create_topic(&topic, 1).unwrap();
    broker.produce(&topic, ["a", "b", "c"].map(Outgoing::value)).unwrap();
    broker.delete_records(&topic, 0, 2).unwrap();
    assert_eq!(broker.offsets(&topic).unwrap(), [(2, 3)]);
    broker.delete_topic(&topic).unwrap();
    assert_eq!(broker.partitions(&topic).unwrap(), None);
}

#[test]
fn committed_offset_comes_back_with_its_metadata() {
    let broker = Broker::shared();
    let (topic, group) = (unique("committed"), unique("group"));
    broker.create_topic(&topic, 2).unwrap();
    let committed = Committed { next_offset: Some(7), metadata: "sealed [3, 7)".to_owned() };
    broker.commit(&group, &topic, 1, &committed).unwrap();
    let nothing = Committed { next_offset: None, metadata: String::new() };
    assert_eq!(broker.committed(&group, &topic).unwrap(), [nothing, committed]);
}

#[test]
fn missing_topic_is_not_created_by_asking() {
    let broker = Broker::shared();
    let topic = unique("missing");
    let failure = broker.end_offsets(&topic).unwrap_err().to_string();
    assert!(failure.contains(&topic), "{failure}");
    assert_eq!(broker.partitions(&topic).unwrap(), None);
}

#[test]
fn alice_reads_by_every_protocol_and_mechanism() {
    let broker = Broker::shared();
    let topic = unique("alice");
    broker.create_topic(&topic, 1).unwrap();
    broker.produce(&topic, [Outgoing::value("v")]).unwrap();
    for protocol in ["SASL_PLAINTEXT", "SASL_SSL"] {
        for mechanism in ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] {
            let consumer = sasl_client(broker, protocol, mechanism, ALICE);
            assert_eq!(refusal(&consumer, &topic), None, "{protocol} {mechanism}");
        }
    }
}

#[test]
fn wrong_password_is_refused() {
    let wrong = User { password: "wrong", ..ALICE };
    for mechanism in ["PLAIN", "SCRAM-SHA-512"] {
        let consumer = sasl_client(Broker::shared(), "SASL_SSL", mechanism, wrong);
        assert!(consumer.fetch_metadata(None, Duration::from_secs(3)).is_err(), "{mechanism}");
    }
}

#[test]
fn bob_reads_only_after_an_acl_allows_it() {
    let broker = Broker::shared();
    let topic = unique("bob");
    broker.create_topic(&topic, 1).unwrap();
    broker.produce(&topic, [Outgoing::value("v")]).unwrap();
    let refused = refusal(&sasl_client(broker, "SASL_PLAINTEXT", "PLAIN", BOB), &topic).unwrap();
    assert!(refused.to_lowercase().contains("authoriz"), "{refused}");

    broker.add_acl(BOB, "Read", ("topic", &topic)).unwrap();
    broker.add_acl(BOB, "Read", ("group", "*")).unwrap();
    let consumer = sasl_client(broker, "SASL_PLAINTEXT", "PLAIN", BOB);
    assert_eq!(refusal(&consumer, &topic), None);
}

#[test]
fn restarted_broker_keeps_its_address_and_records() {
    let mut broker = Broker::start_private().unwrap();
    broker.create_topic("kept", 1).unwrap();
    broker.produce("kept", [Outgoing::value("v")]).unwrap();
    for end in [Broker::stop, Broker::kill] {
        end(&mut broker).unwrap();
        assert!(!broker.answers(Duration::from_millis(300)));
        broker.start().unwrap();
        assert_eq!(broker.end_offsets("kept").unwrap(), [1]);
    }
}

#[test]
fn paused_broker_holds_its_answers_until_resumed() {
    let mut broker = Broker::start_private().unwrap();
    broker.pause().unwrap();
    assert!(!broker.answers(Duration::from_millis(300)));
    broker.resume().unwrap();
    assert!(broker.answers(LIMIT));
}

#[test]
fn killed_owner_leaves_no_broker() {
    let script = "echo \"$FOREBAY_TEST_KAFKA\"; echo \"$FOREBAY_TEST_KAFKA_CA\"; read line";
    let mut owner = Command::new(env!("CARGO_BIN_EXE_with-kafka"))
        .args(["sh", "-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(owner.stdout.take().unwrap()).lines().map(Result::unwrap);
    let address = lines.next().unwrap();
    assert!(Path::new(&lines.next().unwrap()).exists());
    let mut connection = TcpStream::connect(address).unwrap();
    connection.set_read_timeout(Some(LIMIT)).unwrap();

    owner.kill().unwrap();
    owner.wait().unwrap();
    // The connection ends with the broker; a broker that lives on would let the read time out.
    match connection.read(&mut [0]) {
        Ok(length) => assert_eq!(length, 0),
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
}

#[test]
fn flights_are_produced_once() {
    let broker = Broker::shared();
    let topic = unique("flights");
    let produce = |partial| flights::produce(broker, &topic, Encoding::Json, partial, |_| ());
    assert_eq!(produce(Partial::Refuse).unwrap(), Produced::Now);
    assert_eq!(produce(Partial::Refuse).unwrap(), Produced::Already);

    broker.produce(&topic, [Outgoing::value("{}")]).unwrap();
    let failure = produce(Partial::Refuse).unwrap_err().to_string();
    assert!(failure.contains("336777 records, not the 336776"), "{failure}");
    assert_eq!(produce(Partial::Replace).unwrap(), Produced::Now);
    assert_eq!(broker.end_offsets(&topic).unwrap().iter().sum::<i64>(), 336_776);
}

#[test]
fn command_of_with_kafka_decides_its_exit_code() {
    let status =
        Command::new(env!("CARGO_BIN_EXE_with-kafka")).args(["sh", "-c", "exit 7"]).status().unwrap();
    assert_eq!(status.code(), Some(7));
}
