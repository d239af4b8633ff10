//! The Kafka source on a real broker.
#![allow(clippy::unwrap_used)]

use forebay_connectors::kafka::{ConsumerSettings, KafkaSource};
use forebay_ingest::{
    checkpoint::{CheckpointDelta, OffsetRange},
    error::{Error, Kind},
    memory::Account,
    progress::{Progress, State},
    source::{Commits, Source, SourceEvent},
};
use forebay_project::model::{self, KafkaConnection, OffsetReset, SaslMechanism, SecurityProtocol, Text};
use forebay_testkit::{
    contract::source_contract,
    kafka::{ALICE, BOB, Broker, Outgoing, User},
    unique,
};
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(60);

/// One record as received: partition, offset, key, value.
type Received = (i32, i64, Option<Vec<u8>>, Option<Vec<u8>>);

struct Reader {
    source: KafkaSource,
    account: Account,
    progress: Arc<Progress>,
}

fn plaintext(topic: &str, group_id: &str) -> model::KafkaSource {
    let connection = KafkaConnection {
        name: "test".into(),
        bootstrap_servers: Text::literal(&Broker::shared().addresses().plaintext),
        security_protocol: SecurityProtocol::Plaintext,
        sasl_mechanism: None,
        user: None,
        password: None,
        ca_pem: None,
        registry: None,
    };
    model::KafkaSource {
        connection,
        topic: Text::literal(topic),
        group_id: Text::literal(group_id),
        auto_offset_reset: OffsetReset::Earliest,
        store_raw_value: false,
        store_headers: false,
        value: model::RecordFormat::default(),
        key: model::RecordFormat::default(),
        tombstones: model::Tombstones::default(),
        automatic_columns: true,
    }
}

fn sasl(topic: &str, group_id: &str, user: User, password: &str) -> model::KafkaSource {
    let mut kafka = plaintext(topic, group_id);
    kafka.connection.bootstrap_servers = Text::literal(&Broker::shared().addresses().sasl_plaintext);
    kafka.connection.security_protocol = SecurityProtocol::SaslPlaintext;
    kafka.connection.sasl_mechanism = Some(SaslMechanism::ScramSha512);
    kafka.connection.user = Some(Text::literal(user.name));
    kafka.connection.password = Some(Text::literal(password));
    kafka
}

impl Reader {
    async fn open(kafka: &model::KafkaSource) -> Result<Self, Error> {
        let account = Account::share_of(64 << 20, 1);
        Self::open_with(kafka, account).await
    }

    async fn open_with(kafka: &model::KafkaSource, account: Account) -> Result<Self, Error> {
        let settings = ConsumerSettings::resolve("visits", kafka, |_| None).unwrap();
        let progress = Arc::<Progress>::default();
        let source = KafkaSource::open(settings, account.clone(), progress.clone()).await?;
        Ok(Self { source, account, progress })
    }

    async fn event(&mut self) -> SourceEvent {
        let event = timeout(PATIENCE, self.source.next()).await.expect("an event comes in time");
        let event = event.expect("the source is open").expect("the source works");
        match &event {
            SourceEvent::Assigned(partitions) => self.progress.assigned(partitions),
            SourceEvent::Revoked { partitions, .. } => self.progress.revoked(partitions),
            _ => {}
        }
        event
    }

    async fn records(&mut self, count: usize) -> Vec<Received> {
        let mut received = Vec::new();
        while received.len() < count {
            if let SourceEvent::Records { batch, .. } = self.event().await {
                received.extend(batch.iter().map(|record| {
                    let (key, value) = (record.key().map(Into::into), record.value().map(Into::into));
                    (record.partition(), record.offset(), key, value)
                }));
            }
        }
        received
    }

    async fn commit(&self, partition: i32, next_offset: i64) {
        let mut delta = CheckpointDelta::default();
        delta.extend(partition, OffsetRange { start_offset: 0, next_offset }).unwrap();
        self.source.commits().commit(&delta).await.unwrap();
    }
}

fn values(count: usize) -> impl Iterator<Item = Outgoing> {
    (0..count).map(|number| Outgoing::value(format!("{{\"n\":{number}}}")).partition(0))
}

#[tokio::test(flavor = "multi_thread")]
async fn records_come_whole_and_in_order() {
    let (topic, group) = (unique("whole"), unique("group"));
    let broker = Broker::shared();
    broker.create_topic(&topic, 1).unwrap();
    let records = [
        Outgoing::value("one")
            .key("k")
            .partition(0)
            .timestamp(1_700_000_000_123)
            .header("a", Some(b"1"))
            .header("a", None),
        Outgoing::tombstone("gone").partition(0),
        Outgoing::value("").partition(0),
    ];
    broker.produce(&topic, records).unwrap();
    let mut reader = Reader::open(&plaintext(&topic, &group)).await.unwrap();
    loop {
        let SourceEvent::Records { batch, .. } = reader.event().await else { continue };
        assert_eq!(batch.len(), 3);
        let first = batch.get(0);
        assert_eq!((first.partition(), first.offset()), (0, 0));
        assert_eq!(first.timestamp_ms(), Some(1_700_000_000_123));
        assert_eq!((first.key(), first.value()), (Some(&b"k"[..]), Some(&b"one"[..])));
        let headers: Vec<_> = first.headers().collect();
        assert_eq!(headers, [(&b"a"[..], Some(&b"1"[..])), (&b"a"[..], None)]);
        assert_eq!((batch.get(1).key(), batch.get(1).value()), (Some(&b"gone"[..]), None));
        assert_eq!((batch.get(2).key(), batch.get(2).value()), (None, Some(&b""[..])));
        break;
    }
    reader.source.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_goes_on_at_the_committed_offset() {
    let (topic, group) = (unique("resume"), unique("group"));
    Broker::shared().create_topic(&topic, 1).unwrap();
    Broker::shared().produce(&topic, values(10)).unwrap();
    let kafka = plaintext(&topic, &group);
    let mut reader = Reader::open(&kafka).await.unwrap();
    assert_eq!(reader.records(10).await.len(), 10);
    reader.commit(0, 7).await;
    reader.source.close().await;

    let mut reader = Reader::open(&kafka).await.unwrap();
    let offsets: Vec<_> = reader.records(3).await.iter().map(|(_, offset, ..)| *offset).collect();
    assert_eq!(offsets, [7, 8, 9]);
    reader.source.close().await;
    let committed = Broker::shared().committed(&group, &topic).unwrap();
    assert_eq!(committed[0].next_offset, Some(7));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_starts_at_the_end_keeps_its_start_through_a_crash() {
    let (topic, group) = (unique("latest"), unique("group"));
    let broker = Broker::shared();
    broker.create_topic(&topic, 2).unwrap();
    broker.produce(&topic, values(5)).unwrap();
    let mut kafka = plaintext(&topic, &group);
    kafka.auto_offset_reset = OffsetReset::Latest;
    let mut reader = Reader::open(&kafka).await.unwrap();
    while !matches!(reader.event().await, SourceEvent::Assigned(_)) {}
    // Closed without a commit of its own, as after a crash.
    reader.source.close().await;
    broker.produce(&topic, values(3)).unwrap();

    let mut reader = Reader::open(&kafka).await.unwrap();
    let offsets: Vec<_> = reader.records(3).await.iter().map(|(_, offset, ..)| *offset).collect();
    assert_eq!(offsets, [5, 6, 7]);
    reader.source.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn records_removed_by_retention_are_told_and_the_rest_is_read() {
    let (topic, group) = (unique("gap"), unique("group"));
    let broker = Broker::shared();
    broker.create_topic(&topic, 1).unwrap();
    broker.produce(&topic, values(10)).unwrap();
    let mut kafka = plaintext(&topic, &group);
    // With this setting alone the group would jump to the end of the topic.
    kafka.auto_offset_reset = OffsetReset::Latest;
    let committed = forebay_testkit::kafka::Committed { next_offset: Some(2), metadata: String::new() };
    broker.commit(&group, &topic, 0, &committed).unwrap();
    broker.delete_records(&topic, 0, 6).unwrap();

    let mut reader = Reader::open(&kafka).await.unwrap();
    let SourceEvent::Trouble(gap) = reader.event().await else { panic!("the gap comes first") };
    assert!(gap.to_string().contains("offsets 2..6"), "{gap}");
    let offsets: Vec<_> = reader.records(4).await.iter().map(|(_, offset, ..)| *offset).collect();
    assert_eq!(offsets, [6, 7, 8, 9]);
    reader.source.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lag_is_known_without_any_write_and_falls_to_zero_at_the_end() {
    let (topic, group) = (unique("lag"), unique("group"));
    Broker::shared().create_topic(&topic, 2).unwrap();
    let mut reader = Reader::open(&plaintext(&topic, &group)).await.unwrap();
    while !matches!(reader.event().await, SourceEvent::Assigned(_)) {}
    reader.progress.update(|figures| figures.state = State::Running);
    let caught_up = async {
        while !reader.progress.figures().caught_up() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, caught_up).await.expect("two empty partitions are caught up");
    reader.source.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exhausted_account_pauses_reading_and_keeps_the_membership() {
    let (topic, group) = (unique("pause"), unique("group"));
    Broker::shared().create_topic(&topic, 1).unwrap();
    Broker::shared().produce(&topic, values(50_000)).unwrap();
    let account = Account::share_of(1, 1);
    let held = account.charge(1);
    let mut reader = Reader::open_with(&plaintext(&topic, &group), account).await.unwrap();
    while !matches!(reader.event().await, SourceEvent::Assigned(_)) {}
    // Longer than the session timeout of 10 s: without polling the group would take the partition away.
    assert!(
        timeout(Duration::from_secs(12), reader.source.next()).await.is_err(),
        "nothing comes while memory is short"
    );
    drop(held);
    let mut next_offset = 0;
    while next_offset < 50_000 {
        match reader.event().await {
            SourceEvent::Records { batch, .. } => {
                assert_eq!(batch.get(0).offset(), next_offset, "no record is lost or repeated");
                next_offset += batch.len() as i64;
            }
            other => panic!("the membership was lost: {other:?}"),
        }
    }
    assert_eq!(reader.account.used(), 0);
    reader.source.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_kafka_source_keeps_the_source_contract() {
    let (topic, group) = (unique("contract"), unique("group"));
    Broker::shared().create_topic(&topic, 2).unwrap();
    let reader = Reader::open(&plaintext(&topic, &group)).await.unwrap();
    let produce = |partition, count| {
        let records = (0..count).map(|_| Outgoing::value("{}").partition(partition));
        Broker::shared().produce(&topic, records).unwrap();
    };
    source_contract(reader.source, produce).await;
    let committed = Broker::shared().committed(&group, &topic).unwrap();
    assert_eq!(committed[0].next_offset, Some(5010));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_partition_stays_so_while_memory_comes_and_goes() {
    let (topic, group) = (unique("pause"), unique("group"));
    Broker::shared().create_topic(&topic, 2).unwrap();
    let account = Account::share_of(1, 1);
    let mut reader = Reader::open_with(&plaintext(&topic, &group), account.clone()).await.unwrap();
    while !matches!(reader.event().await, SourceEvent::Assigned(_)) {}
    reader.source.pause(&[0]);
    let of = |partition, count| (0..count).map(move |_| Outgoing::value("{}").partition(partition));
    Broker::shared().produce(&topic, of(0, 100)).unwrap();
    for round in 0..3 {
        let held = account.charge(1);
        Broker::shared().produce(&topic, of(1, 100)).unwrap();
        let silent = timeout(Duration::from_secs(1), reader.source.next()).await;
        assert!(silent.is_err(), "there is no memory in round {round}");
        drop(held);
        let received = reader.records(100).await;
        assert!(received.iter().all(|record| record.0 == 1), "round {round}");
    }
    // It may also be let on while there is no memory for any.
    let held = account.charge(1);
    Broker::shared().produce(&topic, of(1, 100)).unwrap();
    assert!(timeout(Duration::from_secs(1), reader.source.next()).await.is_err());
    reader.source.resume(&[(0, 40)]);
    assert!(matches!(reader.event().await, SourceEvent::Resumed(partitions) if partitions == [0]));
    drop(held);
    let received = reader.records(160).await;
    let offsets_of = |partition| received.iter().filter(move |it| it.0 == partition).map(|it| it.1);
    assert!(offsets_of(0).eq(40..100) && offsets_of(1).eq(300..400), "{received:?}");
    reader.source.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_that_come_back_are_paused_no_more() {
    let (topic, group) = (unique("pause"), unique("group"));
    Broker::shared().create_topic(&topic, 2).unwrap();
    let kafka = plaintext(&topic, &group);
    let mut first = Reader::open(&kafka).await.unwrap();
    while !matches!(first.event().await, SourceEvent::Assigned(_)) {}
    first.source.pause(&[0, 1]);
    let second = Reader::open(&kafka).await.unwrap();
    let taken = loop {
        if let SourceEvent::Revoked { partitions, .. } = first.event().await {
            break partitions;
        }
    };
    let [taken] = taken[..] else { panic!("one of two partitions goes: {taken:?}") };
    Broker::shared()
        .produce(&topic, (0..20).map(|number| Outgoing::value("{}").partition(number % 2)))
        .unwrap();
    second.source.close().await;
    let received = first.records(10).await;
    assert!(received.iter().all(|record| record.0 == taken), "the one that stayed is still paused");
    first.source.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_created_anew_has_another_id() {
    let (topic, group) = (unique("anew"), unique("group"));
    let broker = Broker::shared();
    broker.create_topic(&topic, 1).unwrap();
    let reader = Reader::open(&plaintext(&topic, &group)).await.unwrap();
    let first = reader.source.topic_id().to_owned();
    reader.source.close().await;
    broker.delete_topic(&topic).unwrap();
    while broker.partitions(&topic).unwrap().is_some() {
        tokio::task::yield_now().await;
    }
    broker.create_topic(&topic, 1).unwrap();
    let reader = Reader::open(&plaintext(&topic, &group)).await.unwrap();
    assert_ne!(reader.source.topic_id(), first);
    assert_eq!(first.len(), 22, "a base64 UUID: {first}");
    reader.source.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_topic_is_told_by_name() {
    let topic = unique("missing");
    let error = Reader::open(&plaintext(&topic, "group")).await.err().expect("there is no such topic");
    assert_eq!(error.kind, Kind::NotFound);
    assert!(error.to_string().contains(&format!("topic {topic:?} does not exist")), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_not_there_is_told_by_address() {
    let mut kafka = plaintext("any", "group");
    kafka.connection.bootstrap_servers = Text::literal("127.0.0.1:1");
    let error = Reader::open(&kafka).await.err().expect("nobody listens there");
    assert_eq!(error.kind, Kind::Unavailable);
    assert!(error.to_string().contains("cannot reach Kafka at 127.0.0.1:1"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_told_as_such_and_not_shown() {
    let topic = unique("password");
    Broker::shared().create_topic(&topic, 1).unwrap();
    let error = Reader::open(&sasl(&topic, "group", ALICE, "wrong-one")).await.err().expect("it is refused");
    assert_eq!(error.kind, Kind::Authentication);
    let text = format!("{error} {:?}", error.hint);
    assert!(text.contains("refused user \"alice\"") && text.contains("KAFKA_SECRET"), "{text}");
    assert!(!text.contains("wrong-one"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_right_on_the_topic_is_named() {
    let topic = unique("forbidden");
    Broker::shared().create_topic(&topic, 1).unwrap();
    let error = Reader::open(&sasl(&topic, "group", BOB, BOB.password)).await.err().expect("it is refused");
    assert_eq!(error.kind, Kind::Authorization, "{error}");
    let hint = error.hint.unwrap();
    assert!(hint.contains("READ") && hint.contains(&format!("topic {topic:?}")), "{hint}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_right_on_the_group_is_named_and_heals() {
    let (topic, group) = (unique("group_right"), unique("group"));
    let broker = Broker::shared();
    broker.create_topic(&topic, 1).unwrap();
    broker.produce(&topic, values(1)).unwrap();
    broker.add_acl(BOB, "Read", ("topic", &topic)).unwrap();
    let mut reader = Reader::open(&sasl(&topic, &group, BOB, BOB.password)).await.unwrap();
    let trouble = loop {
        if let SourceEvent::Trouble(error) = reader.event().await {
            break error;
        }
    };
    assert_eq!(trouble.kind, Kind::Authorization, "{trouble}");
    assert!(trouble.hint.unwrap().contains(&format!("READ on group {group:?}")));
    broker.add_acl(BOB, "Read", ("group", &group)).unwrap();
    assert_eq!(reader.records(1).await.len(), 1);
    reader.source.close().await;
}
