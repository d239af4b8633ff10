//! What librdkafka calls back: rebalances, watermarks, errors.

use super::{
    paused::Paused,
    settings::ConsumerSettings,
    start,
    trouble::{explain, explain_gap},
};
use forebay_ingest::{
    error::{Error, Kind},
    memory::Account,
    progress::Progress,
    records::{RecordBatch, RecordBuffers},
    source::SourceEvent,
};
use rdkafka::{
    ClientContext, Statistics, TopicPartitionList,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, Consumer, ConsumerContext, Rebalance},
    error::KafkaError,
    topic_partition_list::TopicPartitionListElem,
    types::RDKafkaErrorCode as Code,
};
use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot},
    time::timeout,
};

/// Shared by the polling thread and librdkafka's callbacks, which run on it.
pub(super) struct Context {
    settings: ConsumerSettings,
    events: mpsc::Sender<Result<SourceEvent, Error>>,
    runtime: Handle,
    progress: Arc<Progress>,
    account: Account,
    /// Records polled but not handed over yet. Behind a lock because a rebalance hands them over from inside a poll.
    pending: Mutex<RecordBatch>,
    buffers: RecordBuffers,
    pub(super) paused: Paused,
    reason: Mutex<Option<(Code, String)>>,
    troubled: Mutex<Option<Code>>,
    fenced: AtomicBool,
}

/// A rebalance is held up this long for records to become durable; a little more than the loop allows itself.
const DRAIN_DEADLINE: Duration = Duration::from_secs(35);

impl Context {
    pub(super) fn new(
        settings: ConsumerSettings,
        events: mpsc::Sender<Result<SourceEvent, Error>>,
        progress: Arc<Progress>,
        account: Account,
    ) -> Self {
        let pending = Mutex::new(RecordBatch::new(settings.topic.as_str().into()));
        Self {
            settings,
            events,
            runtime: Handle::current(),
            progress,
            account,
            pending,
            buffers: RecordBuffers::default(),
            paused: Paused::default(),
            reason: Mutex::default(),
            troubled: Mutex::default(),
            fenced: AtomicBool::new(false),
        }
    }

    pub(super) fn pending(&self) -> MutexGuard<'_, RecordBatch> {
        lock(&self.pending)
    }

    /// Hands over what is pending. Waits up to `patience` while the loop is busy; `false` means it still is.
    pub(super) fn deliver(&self, patience: Duration) -> bool {
        if self.pending().is_empty() {
            return true;
        }
        let permit = self.runtime.block_on(async { timeout(patience, self.events.reserve()).await });
        match permit {
            Ok(Ok(permit)) => {
                let mut pending = self.pending();
                let empty = self.buffers.batch(&pending.topic);
                let batch = std::mem::replace(&mut *pending, empty);
                drop(pending);
                let charge = self.account.charge(batch.payload_bytes());
                permit.send(Ok(SourceEvent::Records { batch, charge }));
                true
            }
            // Nobody listens any more: the consumer is about to be closed.
            Ok(Err(_)) => true,
            Err(_) => false,
        }
    }

    /// A place for one more event, if the loop is not too busy for it now.
    pub(super) fn place(&self) -> Option<mpsc::Permit<'_, Result<SourceEvent, Error>>> {
        self.events.try_reserve().ok()
    }

    /// Drops pending records of these partitions.
    pub(super) fn drop_pending(&self, partitions: &[i32]) {
        let mut pending = self.pending();
        let (_, left) = pending.split(|record| partitions.contains(&record.partition()));
        *pending = left;
    }

    /// Tells the loop of an error that librdkafka goes on from by itself.
    pub(super) fn trouble(&self, code: Code) {
        let mut troubled = lock(&self.troubled);
        let known = *troubled == Some(code);
        if !known && self.mention(SourceEvent::Trouble(self.explain(code))) {
            *troubled = Some(code);
        }
    }

    /// Tells the loop, once, that reading works again.
    pub(super) fn recovered(&self) {
        let mut troubled = lock(&self.troubled);
        if troubled.is_some() && self.mention(SourceEvent::Recovered) {
            *troubled = None;
            lock(&self.reason).take();
        }
    }

    /// Ends the source.
    pub(super) fn fail(&self, error: Error) {
        self.send(Err(error));
    }

    pub(super) fn explain(&self, code: Code) -> Error {
        let reason = lock(&self.reason).clone();
        let reason = reason.and_then(|(of, text)| (of == code).then_some(text));
        explain(&self.settings, code, reason)
    }

    /// The latest error librdkafka gave a reason for.
    pub(super) fn latest_code(&self) -> Option<Code> {
        lock(&self.reason).as_ref().map(|(code, _)| *code)
    }

    /// Whether an event could not be handed over: the loop and the group no longer agree on who owns what.
    pub(super) fn fenced(&self) -> bool {
        self.fenced.load(Ordering::Relaxed)
    }

    /// Hands over an event that can wait; `false` when the loop is too busy to hear it now.
    fn mention(&self, event: SourceEvent) -> bool {
        self.events.try_send(Ok(event)).is_ok()
    }

    /// Hands over an event that the loop must not miss.
    fn send(&self, event: Result<SourceEvent, Error>) {
        let sent = self.runtime.block_on(async { timeout(DRAIN_DEADLINE, self.events.send(event)).await });
        // A closed channel is fine: nobody listens any more.
        if sent.is_err() {
            self.fenced.store(true, Ordering::Relaxed);
        }
    }

    /// Lets the loop drain partitions that are taken away. None of them is paused for the loop any more then.
    fn revoke(&self, partitions: &[i32], lost: bool) {
        if lost {
            *self.pending() = RecordBatch::new(self.settings.topic.as_str().into());
        } else {
            self.deliver(DRAIN_DEADLINE);
        }
        let (drained, wait) = oneshot::channel::<()>();
        self.send(Ok(SourceEvent::Revoked { partitions: partitions.to_vec(), lost, drained }));
        // The loop drops its end when it has drained, or when it gave up and will open the source again.
        let waited = self.runtime.block_on(async { timeout(DRAIN_DEADLINE, wait).await });
        if waited.is_err() {
            self.fenced.store(true, Ordering::Relaxed);
        }
        self.paused.forget(partitions);
    }

    fn pin_start(&self, consumer: &BaseConsumer<Self>, partitions: &TopicPartitionList) {
        match start::pin(consumer, partitions, self.settings.auto_offset_reset) {
            Ok(gaps) => {
                for gap in gaps {
                    self.send(Ok(SourceEvent::Trouble(explain_gap(&self.settings, gap))));
                }
            }
            // Reading would start somewhere, but nobody could say where.
            Err(error) => {
                let code = error.rdkafka_error_code().unwrap_or(Code::Unknown);
                self.fail(self.explain(code));
            }
        }
    }

    fn connection_trouble(code: Code) -> bool {
        matches!(
            code,
            Code::AllBrokersDown
                | Code::BrokerTransportFailure
                | Code::Resolve
                | Code::Authentication
                | Code::SSL
        )
    }
}

impl ClientContext for Context {
    /// Errors come through [`ClientContext::error`] with their code; log lines would only repeat them.
    fn log(&self, _: RDKafkaLogLevel, _: &str, _: &str) {}

    fn error(&self, error: KafkaError, reason: &str) {
        if let Some(code) = error.rdkafka_error_code() {
            let mut latest = lock(&self.reason);
            // "All brokers down" follows the error that says why; the why is what helps.
            let says_less = code == Code::AllBrokersDown && latest.is_some();
            if code != Code::PartitionEOF && !says_less {
                *latest = Some((code, reason.to_owned()));
            }
        }
    }

    fn stats(&self, statistics: Statistics) {
        let connected = statistics.brokers.values().any(|broker| broker.state == "UP");
        let disconnected = (*lock(&self.troubled)).is_some_and(Self::connection_trouble);
        if connected && disconnected {
            self.recovered();
        }
        let Some(topic) = statistics.topics.get(&self.settings.topic) else { return };
        for (partition, figures) in topic.partitions.iter().filter(|(partition, _)| **partition >= 0) {
            let end = figures.ls_offset.max(figures.hi_offset);
            if end >= 0 {
                let committed = (figures.committed_offset >= 0).then_some(figures.committed_offset);
                let at_end = figures.eof_offset >= figures.ls_offset;
                self.progress.watermark(*partition, end, committed, at_end);
            }
        }
    }
}

impl ConsumerContext for Context {
    fn pre_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        match rebalance {
            // A member that keeps what it has is assigned nothing, and librdkafka answers no questions about nothing.
            Rebalance::Assign(partitions) if partitions.count() == 0 => {}
            Rebalance::Assign(partitions) => self.pin_start(consumer, partitions),
            Rebalance::Revoke(partitions) => {
                self.revoke(&partition_numbers(partitions), consumer.assignment_lost());
            }
            Rebalance::Error(_) => {}
        }
    }

    fn post_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Assign(partitions) => {
                // librdkafka may remember that one was paused when it was here before.
                if let Err(error) = consumer.resume(partitions) {
                    self.trouble(error.rdkafka_error_code().unwrap_or(Code::Unknown));
                }
                self.send(Ok(SourceEvent::Assigned(partition_numbers(partitions))));
            }
            Rebalance::Revoke(_) => {}
            Rebalance::Error(error) => self.fail(
                Error::new(Kind::Unavailable, "the consumer group could not be joined")
                    .detail(error.to_string()),
            ),
        }
    }
}

fn partition_numbers(partitions: &TopicPartitionList) -> Vec<i32> {
    partitions.elements().iter().map(TopicPartitionListElem::partition).collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
