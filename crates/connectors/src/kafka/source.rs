//! One topic as a [`Source`]: a thread polls librdkafka and hands batches to the loop.
//!
//! librdkafka's poll blocks and must be called often or the group gives the partitions away, hence the thread of its own.
//! When the loop is busy the thread waits; when it stays busy the thread pauses the partitions and goes on polling.

use super::{context::Context, paused::Order, settings::ConsumerSettings, topic_id, trouble::explain};
use forebay_ingest::{
    checkpoint::CheckpointDelta,
    error::{Error, Kind},
    memory::Account,
    progress::Progress,
    records::Position,
    source::{Commits, Source, SourceEvent},
};
use rdkafka::{
    Offset, TopicPartitionList,
    config::FromClientConfigAndContext,
    consumer::{BaseConsumer, CommitMode, Consumer},
    error::KafkaError,
    message::{BorrowedMessage, Headers, Message},
    types::RDKafkaErrorCode as Code,
};
use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};
use tokio::{sync::mpsc, task::spawn_blocking};

/// A batch is handed over when it holds this many bytes of payload, at the latest.
const BATCH_BYTES: usize = 1 << 20;
/// A batch is handed over when it holds this many records, at the latest.
const BATCH_RECORDS: usize = 8192;
/// Batches waiting for the loop.
const BATCHES_AHEAD: usize = 4;
/// How often the thread looks up when nothing comes in.
const IDLE_POLL: Duration = Duration::from_millis(100);
/// How long the thread waits for a busy loop before it pauses the partitions.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long finding the first offset of a partition may take, and how long going back there.
const SEEK_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the first contact with the cluster may take.
const FIRST_CONTACT: Duration = Duration::from_secs(10);

/// One topic, read as a member of a consumer group.
pub struct KafkaSource {
    events: mpsc::Receiver<Result<SourceEvent, Error>>,
    consumer: Arc<BaseConsumer<Context>>,
    settings: Arc<ConsumerSettings>,
    topic_id: String,
    closing: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

/// Commits to the consumer group.
#[derive(Clone)]
pub struct GroupCommits {
    consumer: Arc<BaseConsumer<Context>>,
    settings: Arc<ConsumerSettings>,
}

impl KafkaSource {
    /// Reaches the cluster, makes sure the topic is there and may be read, and joins the group.
    pub async fn open(
        settings: ConsumerSettings,
        account: Account,
        progress: Arc<Progress>,
    ) -> Result<Self, Error> {
        let (sender, events) = mpsc::channel(BATCHES_AHEAD);
        let context = Context::new(settings.clone(), sender, progress, account.clone());
        let settings = Arc::new(settings);
        let joining = settings.clone();
        let (consumer, topic_id) = spawn_blocking(move || join(&joining, context))
            .await
            .map_err(|error| Error::new(Kind::Internal, "joining the group died").caused_by(error))??;
        let consumer = Arc::new(consumer);
        let closing = Arc::new(AtomicBool::new(false));
        let topic = settings.topic.clone();
        let poller = Poller { consumer: consumer.clone(), topic, account, closing: closing.clone() };
        let thread = thread::Builder::new()
            .name("kafka-poll".into())
            .spawn(move || poller.run_guarded())
            .map_err(|error| Error::new(Kind::Capacity, "cannot start a thread").caused_by(error))?;
        Ok(Self { events, consumer, settings, topic_id, closing, thread: Some(thread) })
    }

    /// The topic's id (KIP-516), which changes when the topic is created anew.
    pub fn topic_id(&self) -> &str {
        &self.topic_id
    }
}

impl Source for KafkaSource {
    type Commits = GroupCommits;

    fn commits(&self) -> GroupCommits {
        GroupCommits { consumer: self.consumer.clone(), settings: self.settings.clone() }
    }

    async fn next(&mut self) -> Option<Result<SourceEvent, Error>> {
        self.events.recv().await
    }

    fn pause(&mut self, partitions: &[i32]) {
        self.consumer.context().paused.order(Order::Pause(partitions.to_vec()));
    }

    fn resume(&mut self, positions: &[(i32, i64)]) {
        self.consumer.context().paused.order(Order::Resume(positions.to_vec()));
    }

    /// Leaves the group and waits until librdkafka has let go of everything.
    async fn close(mut self) {
        // A receiver that is gone ends every wait of the polling thread.
        self.events.close();
        self.closing.store(true, Ordering::Relaxed);
        let thread = self.thread.take();
        let closed = spawn_blocking(move || {
            if let Some(thread) = thread {
                let _ = thread.join();
            }
            drop(self);
        });
        // A panic there has been reported already, and there is nothing left to close.
        let _ = closed.await;
    }
}

/// A source that was dropped without [`Source::close`] must not go on polling.
impl Drop for KafkaSource {
    fn drop(&mut self) {
        self.closing.store(true, Ordering::Relaxed);
    }
}

impl Commits for GroupCommits {
    async fn commit(&self, delta: &CheckpointDelta) -> Result<(), Error> {
        // The coordinator takes any partition's offset from a member, owner or not.
        if self.consumer.context().fenced() {
            return Err(self.consumer.context().explain(Code::Fenced));
        }
        let mut offsets = TopicPartitionList::new();
        for (partition, range) in delta.iter() {
            offsets
                .add_partition_offset(&self.settings.topic, partition, Offset::Offset(range.next_offset))
                .map_err(|error| self.commit_failed(&error))?;
        }
        let consumer = self.consumer.clone();
        let committed = spawn_blocking(move || consumer.commit(&offsets, CommitMode::Sync)).await;
        match committed {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(self.commit_failed(&error)),
            Err(error) => Err(Error::new(Kind::Internal, "a commit died").caused_by(error)),
        }
    }
}

impl GroupCommits {
    fn commit_failed(&self, error: &KafkaError) -> Error {
        let code = error.rdkafka_error_code().unwrap_or(Code::Unknown);
        explain(&self.settings, code, Some("while committing offsets".to_owned()))
    }
}

fn join(settings: &ConsumerSettings, context: Context) -> Result<(BaseConsumer<Context>, String), Error> {
    let config = settings.client_config();
    let consumer = BaseConsumer::from_config_and_context(&config, context).map_err(|error| {
        Error::new(
            Kind::Invalid,
            format!("data source {:?}: Kafka settings were refused", settings.datasource),
        )
        .detail(error.to_string())
        .hint("check the KAFKA_* settings of the connection")
    })?;
    let topic_id = first_contact(&consumer, settings)?;
    consumer.subscribe(&[&settings.topic]).map_err(|error| {
        let code = error.rdkafka_error_code().unwrap_or(Code::Unknown);
        consumer.context().explain(code)
    })?;
    Ok((consumer, topic_id))
}

/// Asks for the topic's id, and fails as soon as it is clear why there will be no answer.
fn first_contact(consumer: &BaseConsumer<Context>, settings: &ConsumerSettings) -> Result<String, Error> {
    let context = consumer.context();
    let request = topic_id::request(consumer.client(), &settings.topic)
        .ok_or_else(|| context.explain(Code::UnknownTopicOrPartition))?;
    let deadline = Instant::now() + FIRST_CONTACT;
    while Instant::now() < deadline {
        if let Some(answer) = request.poll(IDLE_POLL) {
            return answer.map_err(|code| context.explain(context_code(context, code)));
        }
        // Serves the error callback.
        let _ = consumer.poll(Duration::ZERO);
        if let Some(code @ (Code::Authentication | Code::SSL | Code::Resolve)) = context.latest_code() {
            return Err(context.explain(code));
        }
    }
    Err(context.explain(context_code(context, Code::BrokerTransportFailure)))
}

/// The code that says why, where `code` only says that nobody answered.
fn context_code(context: &Context, code: Code) -> Code {
    match code {
        Code::BrokerTransportFailure | Code::OperationTimedOut => context.latest_code().unwrap_or(code),
        _ => code,
    }
}

/// The polling thread.
struct Poller {
    consumer: Arc<BaseConsumer<Context>>,
    topic: String,
    account: Account,
    closing: Arc<AtomicBool>,
}

impl Poller {
    /// A thread that died in silence would leave the loop waiting for ever.
    fn run_guarded(&self) {
        if std::panic::catch_unwind(AssertUnwindSafe(|| self.run())).is_err() {
            self.context().fail(
                Error::new(Kind::Internal, "the thread that polls Kafka died")
                    .hint("this is a bug in Forebay: please report it with what it printed before"),
            );
        }
    }

    fn run(&self) {
        while !self.closing.load(Ordering::Relaxed) {
            if self.context().paused.is_due() {
                self.obey(false);
            }
            let idle = self.context().pending().is_empty();
            match self.consumer.poll(if idle { IDLE_POLL } else { Duration::ZERO }) {
                Some(Ok(record)) => self.take(&record),
                Some(Err(KafkaError::PartitionEOF(_))) => self.context().recovered(),
                Some(Err(error)) => self.trouble(&error),
                None if idle => {}
                None => self.hand_over(),
            }
        }
    }

    fn context(&self) -> &Context {
        self.consumer.context()
    }

    fn take(&self, record: &BorrowedMessage<'_>) {
        if self.keep(record) {
            self.hand_over();
        }
    }

    /// Copies a record into the pending batch; `true` when the batch is full.
    fn keep(&self, record: &BorrowedMessage<'_>) -> bool {
        let position = Position {
            partition: record.partition(),
            offset: record.offset(),
            timestamp_ms: record.timestamp().to_millis(),
        };
        let headers = record.headers().into_iter().flat_map(Headers::iter);
        let headers = headers.map(|header| (header.key.as_bytes(), header.value));
        let mut pending = self.context().pending();
        pending.push(position, record.key(), record.payload(), headers);
        pending.payload_bytes() >= BATCH_BYTES || pending.len() >= BATCH_RECORDS
    }

    /// Gives the pending batch to the loop; while the loop or the memory is full, keeps the membership alive.
    fn hand_over(&self) {
        self.context().recovered();
        if !self.account.exhausted() && self.context().deliver(PATIENCE) {
            return;
        }
        self.pause_until(|| !self.account.exhausted() && self.context().deliver(IDLE_POLL));
    }

    fn pause_until(&self, done: impl Fn() -> bool) {
        self.with_assignment(Consumer::pause);
        while !self.closing.load(Ordering::Relaxed) && !done() {
            self.obey(true);
            // A paused consumer delivers no record; polling serves rebalances and keeps the membership.
            match self.consumer.poll(IDLE_POLL) {
                Some(Ok(record)) => {
                    // Of a partition assigned since: not paused yet.
                    self.keep(&record);
                    self.with_assignment(Consumer::pause);
                }
                Some(Err(error)) => self.trouble(&error),
                None => {}
            }
        }
        self.with_assignment(Consumer::resume);
    }

    /// Acts on all partitions but those that are paused for themselves.
    fn with_assignment(
        &self,
        act: impl Fn(&BaseConsumer<Context>, &TopicPartitionList) -> Result<(), KafkaError>,
    ) {
        let acted = self.consumer.assignment().and_then(|assigned| {
            let assigned = assigned.elements().into_iter().map(|element| element.partition());
            let partitions =
                self.list(assigned.filter(|partition| !self.context().paused.contains(*partition)));
            act(&self.consumer, &partitions)
        });
        if let Err(error) = acted {
            self.trouble(&error);
        }
    }

    /// Carries out what the loop wants of single partitions, as far as it listens. `all_paused` says that they are paused
    /// anyway, all of them.
    fn obey(&self, all_paused: bool) {
        while self.context().paused.is_due() {
            // Whoever resumes must be told at once, before the next record: so only with a place for that.
            let Some(place) = self.context().place() else { return };
            match self.context().paused.next() {
                Some(Order::Pause(partitions)) => self.pause(&partitions),
                Some(Order::Resume(positions)) if !positions.is_empty() => {
                    let partitions: Vec<i32> = positions.iter().map(|(partition, _)| *partition).collect();
                    self.context().drop_pending(&partitions);
                    match self.go_back(&positions, all_paused) {
                        Ok(()) => place.send(Ok(SourceEvent::Resumed(partitions))),
                        Err(error) => {
                            let code = error.rdkafka_error_code().unwrap_or(Code::Unknown);
                            place.send(Err(self.context().explain(code)));
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn pause(&self, partitions: &[i32]) {
        if let Err(error) = self.consumer.pause(&self.list(partitions.iter().copied())) {
            self.trouble(&error);
        }
    }

    /// Reads on at these positions; what was fetched of their partitions before is dropped by librdkafka.
    fn go_back(&self, positions: &[(i32, i64)], all_paused: bool) -> Result<(), KafkaError> {
        for (partition, offset) in positions {
            let (first, _) = self.consumer.fetch_watermarks(&self.topic, *partition, SEEK_TIMEOUT)?;
            if *offset < first {
                // Retention was faster. Whoever opens the source again tells which records are gone.
                return Err(KafkaError::OffsetFetch(Code::OffsetOutOfRange));
            }
            self.consumer.seek(&self.topic, *partition, Offset::Offset(*offset), SEEK_TIMEOUT)?;
        }
        match all_paused {
            true => Ok(()),
            false => self.consumer.resume(&self.list(positions.iter().map(|(partition, _)| *partition))),
        }
    }

    fn list(&self, partitions: impl Iterator<Item = i32>) -> TopicPartitionList {
        let mut list = TopicPartitionList::new();
        for partition in partitions {
            list.add_partition(&self.topic, partition);
        }
        list
    }

    fn trouble(&self, error: &KafkaError) {
        let code = error.rdkafka_error_code().unwrap_or(Code::Unknown);
        let context = self.context();
        match error {
            KafkaError::PartitionEOF(_) => {}
            KafkaError::MessageConsumptionFatal(_) => context.fail(context.explain(code)),
            _ => context.trouble(context_code(context, code)),
        }
    }
}
