//! Other people's serializers write live records, and our own encodings of the flights write the same bytes.

#![allow(clippy::unwrap_used)]

use forebay_ingest::schema::SchemaKind;
use forebay_testkit::flights::{Encoding, Flights, schema};
use forebay_testkit::kafka::Broker;
use forebay_testkit::registry::{Apicurio, Srfake, register};
use forebay_testkit::serializers::{Framing, produce_flights};
use forebay_testkit::unique;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Headers, Message, OwnedMessage};
use rdkafka::{Offset, TopicPartitionList};
use std::time::{Duration, Instant};

const COUNT: usize = 300;
/// A zero, and the schema's id.
const PREFIX: usize = 5;

fn written(registry_url: &str, kind: SchemaKind, framing: Framing) -> Vec<OwnedMessage> {
    let broker = Broker::shared();
    let topic = unique("serialized");
    broker.create_topic(&topic, 1).unwrap();
    produce_flights(broker, &topic, registry_url, kind, framing, COUNT as u64).unwrap();
    records(broker, &topic)
}

fn records(broker: &Broker, topic: &str) -> Vec<OwnedMessage> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", broker.bootstrap_servers())
        .set("group.id", unique("serializers"))
        .create()
        .unwrap();
    let mut start = TopicPartitionList::new();
    start.add_partition_offset(topic, 0, Offset::Beginning).unwrap();
    consumer.assign(&start).unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    let mut records = Vec::new();
    while records.len() < COUNT && Instant::now() < deadline {
        records.extend(consumer.poll(Duration::from_secs(1)).map(|polled| polled.unwrap().detach()));
    }
    assert_eq!(records.len(), COUNT);
    records
}

fn value(record: &OwnedMessage) -> &[u8] {
    record.payload().unwrap()
}

#[test]
fn avro_of_our_own_is_what_confluent_writes() {
    let registry = Srfake::start().unwrap();
    let id =
        register(registry.base_url(), "own", SchemaKind::Avro, &schema(SchemaKind::Avro), &[]).unwrap().id;
    let flights = Flights::load().unwrap();
    for (flight, record) in
        flights.iter().zip(written(registry.base_url(), SchemaKind::Avro, Framing::Prefix))
    {
        assert_eq!(value(&record), Encoding::Avro(Some(id)).value(&flight));
        assert_eq!(record.key(), Some(flight.key().as_bytes()));
    }
}

/// The ids differ: confluent-kafka registers a descriptor where we register text.
#[test]
fn protobuf_of_our_own_is_what_confluent_writes() {
    let registry = Srfake::start().unwrap();
    let flights = Flights::load().unwrap();
    for (flight, record) in
        flights.iter().zip(written(registry.base_url(), SchemaKind::Protobuf, Framing::Prefix))
    {
        assert_eq!(value(&record)[PREFIX..], Encoding::Protobuf(Some(1)).value(&flight)[PREFIX..]);
    }
}

#[test]
fn json_follows_the_prefix() {
    let registry = Apicurio::shared();
    let records = written(registry.base_url(), SchemaKind::Json, Framing::Prefix);
    let first: serde_json::Value = serde_json::from_slice(&value(&records[0])[PREFIX..]).unwrap();
    assert_eq!((first["carrier"].as_str(), first["distance"].as_i64()), (Some("UA"), Some(1400)));
}

#[test]
fn guid_stands_before_the_value_or_in_a_header() {
    let registry = Srfake::start().unwrap();
    let flights = Flights::load().unwrap();
    let first = Encoding::Avro(None).value(&flights.iter().next().unwrap());
    for framing in [Framing::Guid, Framing::Header] {
        let records = written(registry.base_url(), SchemaKind::Avro, framing);
        let mut headers = records[0].headers().into_iter().flat_map(Headers::iter);
        let guid = headers.find(|header| header.key == "__value_schema_id").and_then(|header| header.value);
        let framed = match framing {
            Framing::Header => [guid.unwrap(), value(&records[0])].concat(),
            _ => value(&records[0]).to_vec(),
        };
        assert_eq!(framed[0], 1);
        assert_eq!(framed[17..], first);
    }
    let records = written(registry.base_url(), SchemaKind::Protobuf, Framing::Header);
    assert_eq!(value(&records[0])[0], Encoding::Protobuf(None).value(&flights.iter().next().unwrap())[0]);
}
