use crate::Failure;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication, TopicResult};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext};
use rdkafka::{ClientContext, Offset, TopicPartitionList};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

const REQUEST_LIMIT: Duration = Duration::from_secs(30);

/// A Kafka cluster reached without authentication: topics, records, offsets. All calls block.
#[derive(Clone, Debug)]
pub struct Cluster {
    bootstrap_servers: String,
}

/// A record on its way into a topic.
#[derive(Clone, Debug, Default)]
pub struct Outgoing {
    partition: Option<i32>,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Option<OwnedHeaders>,
    timestamp: Option<i64>,
}

/// What a consumer group has committed for one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The next offset the group will read; `None` when nothing is committed.
    pub next_offset: Option<i64>,
    /// The text committed beside it.
    pub metadata: String,
}

impl Outgoing {
    /// A record with this value, no key, and a partition of Kafka's choice.
    pub fn value(value: impl Into<Vec<u8>>) -> Self {
        Self { value: Some(value.into()), ..Self::default() }
    }

    /// A record without a value.
    pub fn tombstone(key: impl Into<Vec<u8>>) -> Self {
        Self { key: Some(key.into()), ..Self::default() }
    }

    /// Sets the key.
    #[must_use]
    pub fn key(mut self, key: impl Into<Vec<u8>>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Sends it to this partition.
    #[must_use]
    pub fn partition(mut self, partition: i32) -> Self {
        self.partition = Some(partition);
        self
    }

    /// Sets the timestamp, in milliseconds since the epoch.
    #[must_use]
    pub fn timestamp(mut self, milliseconds: i64) -> Self {
        self.timestamp = Some(milliseconds);
        self
    }

    /// Adds a header; names may repeat.
    #[must_use]
    pub fn header(mut self, name: &str, value: Option<&[u8]>) -> Self {
        let headers = self.headers.unwrap_or_default();
        self.headers = Some(headers.insert(Header { key: name, value }));
        self
    }
}

impl Cluster {
    /// A cluster by its `host:port[,host:port]`; nothing is connected yet.
    pub fn new(bootstrap_servers: &str) -> Self {
        Self { bootstrap_servers: bootstrap_servers.to_owned() }
    }

    /// `host:port[,host:port]`
    pub fn bootstrap_servers(&self) -> &str {
        &self.bootstrap_servers
    }

    /// Whether a metadata request is answered within `limit`.
    pub fn answers(&self, limit: Duration) -> bool {
        self.consumer("readiness").is_ok_and(|consumer| consumer.fetch_metadata(None, limit).is_ok())
    }

    /// The number of partitions of a topic, `None` when there is no such topic.
    pub fn partitions(&self, topic: &str) -> Result<Option<i32>, Failure> {
        let consumer = self.consumer("metadata")?;
        let metadata = consumer
            .fetch_metadata(None, REQUEST_LIMIT)
            .map_err(self.failure("its topics cannot be listed"))?;
        let found = metadata.topics().iter().find(|known| known.name() == topic);
        found
            .map(|topic| i32::try_from(topic.partitions().len()).map_err(Failure::of("too many partitions")))
            .transpose()
    }

    /// Creates a topic; it is an error when it exists.
    pub fn create_topic(&self, topic: &str, partitions: i32) -> Result<(), Failure> {
        self.create_topic_with(topic, partitions, &[])
    }

    /// Creates a topic with settings such as `("retention.ms", "1000")`.
    pub fn create_topic_with(
        &self,
        topic: &str,
        partitions: i32,
        settings: &[(&str, &str)],
    ) -> Result<(), Failure> {
        let mut request = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
        for (name, value) in settings {
            request = request.set(name, value);
        }
        let results = block_on(self.admin()?.create_topics([&request], &admin_options()));
        self.first_refusal(results, &format!("topic {topic:?} cannot be created"))
    }

    /// Deletes a topic with its records.
    pub fn delete_topic(&self, topic: &str) -> Result<(), Failure> {
        let results = block_on(self.admin()?.delete_topics(&[topic], &admin_options()));
        self.first_refusal(results, &format!("topic {topic:?} cannot be deleted"))
    }

    /// Removes the records of one partition before `next_offset`, as retention would.
    pub fn delete_records(&self, topic: &str, partition: i32, next_offset: i64) -> Result<(), Failure> {
        let what = format!("topic {topic:?} partition {partition}: records cannot be deleted");
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, partition, Offset::Offset(next_offset))
            .map_err(self.failure(&what))?;
        let answer =
            block_on(self.admin()?.delete_records(&list, &admin_options())).map_err(self.failure(&what))?;
        answer
            .elements()
            .iter()
            .try_for_each(rdkafka::topic_partition_list::TopicPartitionListElem::error)
            .map_err(self.failure(&what))
    }

    /// Produces records in order, lz4-compressed and idempotent, and waits until the broker has all of them.
    pub fn produce(&self, topic: &str, records: impl IntoIterator<Item = Outgoing>) -> Result<u64, Failure> {
        let producer = self.producer()?;
        for record in records {
            self.send(&producer, topic, &record)?;
        }
        producer
            .flush(REQUEST_LIMIT * 4)
            .map_err(self.failure(&format!("topic {topic:?}: not all records arrived")))?;
        let context = producer.context();
        let refused = context.refused.lock().unwrap_or_else(PoisonError::into_inner).take();
        match refused {
            Some(error) => Err(self.failure(&format!("topic {topic:?}: a record was refused"))(error)),
            None => Ok(context.delivered.load(Ordering::Relaxed)),
        }
    }

    /// `(start_offset, next_offset)` of each partition: what the topic holds now.
    pub fn offsets(&self, topic: &str) -> Result<Vec<(i64, i64)>, Failure> {
        let partitions = self.partitions(topic)?.ok_or_else(|| {
            Failure::new(format!("there is no topic {topic:?} on {}", self.bootstrap_servers))
        })?;
        let consumer = self.consumer("offsets")?;
        (0..partitions)
            .map(|partition| consumer.fetch_watermarks(topic, partition, REQUEST_LIMIT))
            .collect::<Result<_, _>>()
            .map_err(self.failure(&format!("offsets of topic {topic:?} cannot be read")))
    }

    /// The next offset of each partition.
    pub fn end_offsets(&self, topic: &str) -> Result<Vec<i64>, Failure> {
        Ok(self.offsets(topic)?.into_iter().map(|(_, next_offset)| next_offset).collect())
    }

    /// How many offsets the topic's partitions span: its records, where no transaction or compaction touched it.
    pub fn record_count(&self, topic: &str) -> Result<i64, Failure> {
        Ok(self
            .offsets(topic)?
            .into_iter()
            .map(|(start_offset, next_offset)| next_offset - start_offset)
            .sum())
    }

    /// What the group has committed, by partition of the topic.
    pub fn committed(&self, group: &str, topic: &str) -> Result<Vec<Committed>, Failure> {
        let partitions = self.end_offsets(topic)?.len();
        let mut list = TopicPartitionList::new();
        for partition in 0..i32::try_from(partitions).map_err(Failure::of("too many partitions"))? {
            list.add_partition(topic, partition);
        }
        let answer = self
            .consumer(group)?
            .committed_offsets(list, REQUEST_LIMIT)
            .map_err(self.failure(&format!("offsets of group {group:?} cannot be read")))?;
        let committed = answer.elements().into_iter().map(|element| Committed {
            next_offset: element.offset().to_raw().filter(|offset| *offset >= 0),
            metadata: element.metadata().to_owned(),
        });
        Ok(committed.collect())
    }

    /// Commits an offset with metadata for a group that has no members.
    pub fn commit(
        &self,
        group: &str,
        topic: &str,
        partition: i32,
        committed: &Committed,
    ) -> Result<(), Failure> {
        let what = format!("group {group:?} cannot commit");
        let mut list = TopicPartitionList::new();
        let mut element = list.add_partition(topic, partition);
        element
            .set_offset(committed.next_offset.map_or(Offset::Invalid, Offset::Offset))
            .map_err(self.failure(&what))?;
        element.set_metadata(&committed.metadata);
        self.consumer(group)?.commit(&list, rdkafka::consumer::CommitMode::Sync).map_err(self.failure(&what))
    }

    fn send(&self, producer: &BaseProducer<Delivery>, topic: &str, record: &Outgoing) -> Result<(), Failure> {
        let mut request: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(topic);
        request.partition = record.partition;
        request.key = record.key.as_deref();
        request.payload = record.value.as_deref();
        request.timestamp = record.timestamp;
        request.headers = record.headers.clone();
        loop {
            match producer.send(request) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), refused)) => {
                    producer.poll(Duration::from_millis(100));
                    request = refused;
                }
                Err((error, _)) => {
                    return Err(self.failure(&format!("topic {topic:?}: a record was refused"))(error));
                }
            }
        }
    }

    fn producer(&self) -> Result<BaseProducer<Delivery>, Failure> {
        ClientConfig::new()
            .set("bootstrap.servers", &self.bootstrap_servers)
            .set("enable.idempotence", "true")
            .set("compression.type", "lz4")
            .set("linger.ms", "20")
            .set("batch.size", "1000000")
            .set("queue.buffering.max.kbytes", "131072")
            .set("topic.metadata.refresh.interval.ms", "5000")
            .create_with_context(Delivery::default())
            .map_err(self.failure("no producer"))
    }

    fn consumer(&self, group: &str) -> Result<BaseConsumer, Failure> {
        ClientConfig::new()
            .set("bootstrap.servers", &self.bootstrap_servers)
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            .create()
            .map_err(self.failure("no consumer"))
    }

    fn admin(&self) -> Result<AdminClient<DefaultClientContext>, Failure> {
        ClientConfig::new()
            .set("bootstrap.servers", &self.bootstrap_servers)
            .create()
            .map_err(self.failure("no admin client"))
    }

    fn first_refusal(&self, results: KafkaResult<Vec<TopicResult>>, what: &str) -> Result<(), Failure> {
        let results = results.map_err(self.failure(what))?;
        results
            .into_iter()
            .find_map(Result::err)
            .map_or(Ok(()), |(_, code)| Err(self.failure(what)(KafkaError::AdminOp(code))))
    }

    fn failure(&self, what: &str) -> impl FnOnce(KafkaError) -> Failure {
        Failure::of(format!("Kafka at {}: {what}", self.bootstrap_servers))
    }
}

fn admin_options() -> AdminOptions {
    AdminOptions::new().operation_timeout(Some(REQUEST_LIMIT)).request_timeout(Some(REQUEST_LIMIT))
}

/// Counts what arrived and keeps the first refusal.
#[derive(Default)]
struct Delivery {
    delivered: AtomicU64,
    refused: Mutex<Option<KafkaError>>,
}

impl ClientContext for Delivery {}

impl ProducerContext for Delivery {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        match result {
            Ok(_) => {
                self.delivered.fetch_add(1, Ordering::Relaxed);
            }
            Err((error, _)) => {
                let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
                refused.get_or_insert_with(|| error.clone());
            }
        }
    }
}

/// Admin calls are futures woken by a thread of their own: parking is all it takes, inside or outside a runtime.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        std::thread::park();
    }
}
