//! Some records of a topic, from both ends of every partition, for somebody who wants to see what is in it.
//!
//! No group is joined and nothing is committed: partitions are assigned at offsets of our own.

use super::{settings::ConsumerSettings, trouble::explain_once};
use forebay_ingest::{
    error::{Error, Kind},
    records::{Position, RecordBatch},
};
use rdkafka::{
    ClientContext, Offset, TopicPartitionList,
    config::{FromClientConfigAndContext, RDKafkaLogLevel},
    consumer::{BaseConsumer, Consumer, ConsumerContext},
    error::KafkaError,
    message::{BorrowedMessage, Headers, Message},
    types::RDKafkaErrorCode as Code,
};
use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// What was found in a topic.
#[derive(Debug)]
pub struct TopicSample {
    /// The records that were taken, those of each partition in order.
    pub records: RecordBatch,
    /// How many partitions the topic has.
    pub partitions: usize,
    /// How many offsets the topic holds over all partitions: as many records, or more than there are when it is
    /// compacted or written in transactions.
    pub held: u64,
    /// Whether reading was given up before all were there.
    pub timed_out: bool,
}

/// How much of a topic is read, and how long that may take.
#[derive(Clone, Copy, Debug)]
pub struct SampleLimits {
    /// Records over all partitions: half of them the oldest, half the newest.
    pub records: usize,
    /// Until an answer must be there.
    pub patience: Duration,
}

/// librdkafka wants a name, though nobody joins.
const GROUP: &str = "forebay-preview";
/// How often to look up while nothing comes in.
const POLL: Duration = Duration::from_millis(100);
/// A request that is not answered in this time is asked again.
const REQUEST: Duration = Duration::from_secs(2);
/// Bytes librdkafka may fetch ahead.
const PREFETCH_KIB: &str = "4096";

/// Reads records of the topic of `settings`; its group is not touched. `progress` hears how many are there, of how many.
/// Blocks.
///
/// # Errors
/// When the cluster cannot be reached, refuses the user, or does not have the topic.
pub fn sample(
    settings: &ConsumerSettings,
    limits: SampleLimits,
    progress: impl FnMut(usize, usize),
) -> Result<TopicSample, Error> {
    let sampler = Sampler::connect(settings, limits)?;
    let partitions = sampler.partitions()?;
    let extents = sampler.extents(&partitions)?;
    let [oldest, newest] = ranges(&extents, limits.records);
    let wanted = oldest.iter().chain(&newest).map(|(_, range)| (range.end - range.start) as usize).sum();
    let records = RecordBatch::new(settings.topic.as_str().into());
    let mut reading = Reading { records, open: BTreeMap::new(), wanted, progress };
    let complete = sampler.read(oldest, &mut reading)? && sampler.read(newest, &mut reading)?;
    Ok(TopicSample {
        records: reading.records,
        partitions: partitions.len(),
        held: extents.values().map(length).sum(),
        timed_out: !complete,
    })
}

/// Offsets by partition.
type Extents = BTreeMap<i32, Range<i64>>;

fn length(range: &Range<i64>) -> u64 {
    u64::try_from(range.end - range.start).unwrap_or(0)
}

/// The oldest and the newest offsets of every partition, `count` in all where there are as many.
fn ranges(extents: &Extents, count: usize) -> [Extents; 2] {
    let mut left = count as u64;
    let mut by_size: Vec<(&i32, &Range<i64>)> =
        extents.iter().filter(|(_, range)| !range.is_empty()).collect();
    by_size.sort_by_key(|(partition, range)| (length(range), **partition));
    let (mut oldest, mut newest) = (Extents::new(), Extents::new());
    for (index, (partition, range)) in by_size.iter().enumerate() {
        // The small ones come first and leave what they do not need to the others.
        let share = (left / (by_size.len() - index) as u64).max(1).min(left).min(length(range)) as i64;
        left -= share as u64;
        let at_end = share - share / 2;
        let all = [
            (&mut oldest, range.start..range.start + share / 2),
            (&mut newest, range.end - at_end..range.end),
        ];
        for (ranges, range) in all {
            if !range.is_empty() {
                ranges.insert(**partition, range);
            }
        }
    }
    [oldest, newest]
}

/// What librdkafka calls back.
#[derive(Debug, Default)]
struct Reasons {
    latest: Mutex<Option<(Code, String)>>,
}

impl ClientContext for Reasons {
    fn log(&self, _: RDKafkaLogLevel, _: &str, _: &str) {}

    fn error(&self, error: KafkaError, reason: &str) {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(code) = error.rdkafka_error_code() {
            // "All brokers down" follows the error that says why; no group is used, so rights on it do not matter.
            let says_less = code == Code::AllBrokersDown && latest.is_some();
            if !says_less && code != Code::GroupAuthorizationFailed {
                *latest = Some((code, reason.to_owned()));
            }
        }
    }
}

impl ConsumerContext for Reasons {}

impl Reasons {
    fn latest(&self) -> Option<(Code, String)> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Records on their way.
struct Reading<F> {
    records: RecordBatch,
    /// Offsets still to come.
    open: Extents,
    wanted: usize,
    progress: F,
}

impl<F: FnMut(usize, usize)> Reading<F> {
    fn take(&mut self, record: &BorrowedMessage<'_>) {
        let Some(range) = self.open.get(&record.partition()) else {
            return;
        };
        let is_last = record.offset() + 1 >= range.end;
        if range.contains(&record.offset()) {
            let position = Position {
                partition: record.partition(),
                offset: record.offset(),
                timestamp_ms: record.timestamp().to_millis(),
            };
            let headers = record.headers().into_iter().flat_map(Headers::iter);
            let headers = headers.map(|header| (header.key.as_bytes(), header.value));
            self.records.push(position, record.key(), record.payload(), headers);
            (self.progress)(self.records.len(), self.wanted);
        }
        if is_last {
            self.open.remove(&record.partition());
        }
    }
}

struct Sampler<'a> {
    settings: &'a ConsumerSettings,
    consumer: BaseConsumer<Reasons>,
    deadline: Instant,
}

impl<'a> Sampler<'a> {
    fn connect(settings: &'a ConsumerSettings, limits: SampleLimits) -> Result<Self, Error> {
        let mut config = settings.client_config();
        config
            .remove("group.instance.id")
            .set("group.id", GROUP)
            .set("statistics.interval.ms", "0")
            .set("queued.max.messages.kbytes", PREFETCH_KIB);
        let consumer =
            BaseConsumer::from_config_and_context(&config, Reasons::default()).map_err(|error| {
                Error::new(Kind::Invalid, "Kafka settings were refused")
                    .detail(error.to_string())
                    .hint("check the KAFKA_* settings of the connection")
            })?;
        Ok(Self { settings, consumer, deadline: Instant::now() + limits.patience })
    }

    /// The topic's partitions: the first contact, so it fails as soon as it is clear why there will be no answer.
    fn partitions(&self) -> Result<Vec<i32>, Error> {
        let topic = &self.settings.topic;
        let metadata = self.ask(|timeout| self.consumer.fetch_metadata(Some(topic), timeout))?;
        let found = metadata.topics().iter().find(|found| found.name() == topic);
        match found.map(|found| (found.error(), found.partitions())) {
            Some((Some(error), _)) => Err(self.explain(Code::from(error))),
            Some((None, partitions)) if !partitions.is_empty() => {
                Ok(partitions.iter().map(rdkafka::metadata::MetadataPartition::id).collect())
            }
            _ => Err(self.explain(Code::UnknownTopicOrPartition)),
        }
    }

    /// The offsets that the partitions hold.
    fn extents(&self, partitions: &[i32]) -> Result<Extents, Error> {
        let [starts, ends] = [Offset::Beginning, Offset::End].map(|offset| self.offsets(partitions, offset));
        let ends = ends?;
        let extents = starts?.into_iter().filter_map(|(partition, start)| {
            let end = ends.get(&partition)?;
            Some((partition, start..*end.max(&start)))
        });
        Ok(extents.collect())
    }

    fn offsets(&self, partitions: &[i32], at: Offset) -> Result<BTreeMap<i32, i64>, Error> {
        let asked = self.list(partitions.iter().map(|partition| (*partition, at)))?;
        let answer = self.ask(|timeout| self.consumer.offsets_for_times(asked.clone(), timeout))?;
        let known = answer.elements().into_iter().filter_map(|element| match element.offset() {
            Offset::Offset(offset) => Some((element.partition(), offset)),
            _ => None,
        });
        Ok(known.collect())
    }

    /// Asks until there is an answer, the time is up, or it is clear why there will be none.
    fn ask<T>(&self, question: impl Fn(Duration) -> Result<T, KafkaError>) -> Result<T, Error> {
        loop {
            let error = match question(REQUEST.min(self.left())) {
                Ok(answer) => return Ok(answer),
                Err(error) => error.rdkafka_error_code().unwrap_or(Code::Unknown),
            };
            // Serves the error callback.
            let _ = self.consumer.poll(Duration::ZERO);
            let latest = self.consumer.context().latest().map(|(code, _)| code);
            let is_clear = matches!(latest, Some(Code::Authentication | Code::SSL | Code::Resolve));
            let is_transport = matches!(
                error,
                Code::BrokerTransportFailure
                    | Code::OperationTimedOut
                    | Code::RequestTimedOut
                    | Code::LeaderNotAvailable
            );
            if is_clear || !is_transport || self.left().is_zero() {
                return Err(self.explain(latest.filter(|_| is_transport).unwrap_or(error)));
            }
        }
    }

    /// Reads `ranges`; `false` when the time was up first.
    fn read<F: FnMut(usize, usize)>(&self, ranges: Extents, reading: &mut Reading<F>) -> Result<bool, Error> {
        if ranges.is_empty() {
            return Ok(true);
        }
        let starts = ranges.iter().map(|(partition, range)| (*partition, Offset::Offset(range.start)));
        let assigned = self.consumer.assign(&self.list(starts)?);
        assigned.map_err(|error| self.explain_error(&error))?;
        reading.open = ranges;
        while !reading.open.is_empty() {
            match self.consumer.poll(POLL.min(self.left())) {
                Some(Ok(record)) => reading.take(&record),
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    reading.open.remove(&partition);
                }
                Some(Err(error)) => self.check(&error)?,
                None if self.left().is_zero() => return Ok(false),
                None => {}
            }
        }
        Ok(true)
    }

    /// Errors that will not go away by themselves.
    fn check(&self, error: &KafkaError) -> Result<(), Error> {
        match error.rdkafka_error_code() {
            Some(Code::Authentication | Code::TopicAuthorizationFailed | Code::UnknownTopicOrPartition) => {
                Err(self.explain_error(error))
            }
            _ => Ok(()),
        }
    }

    fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    fn list(&self, offsets: impl Iterator<Item = (i32, Offset)>) -> Result<TopicPartitionList, Error> {
        let mut list = TopicPartitionList::new();
        for (partition, offset) in offsets {
            let added = list.add_partition_offset(&self.settings.topic, partition, offset);
            added.map_err(|error| self.explain_error(&error))?;
        }
        Ok(list)
    }

    fn explain_error(&self, error: &KafkaError) -> Error {
        self.explain(error.rdkafka_error_code().unwrap_or(Code::Unknown))
    }

    fn explain(&self, code: Code) -> Error {
        let reason = self.consumer.context().latest();
        let reason = reason.and_then(|(of, text)| (of == code).then_some(text));
        explain_once(self.settings, code, reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(extents: &[(i32, Range<i64>)], count: usize) -> String {
        let [oldest, newest] = ranges(&extents.iter().cloned().collect(), count);
        format!("{oldest:?} {newest:?}")
    }

    #[test]
    fn both_ends_of_every_partition_are_read_and_small_partitions_leave_their_share_to_others() {
        assert_eq!(shown(&[(0, 0..1000)], 10), "{0: 0..5} {0: 995..1000}");
        assert_eq!(
            shown(&[(0, 0..3), (1, 100..200), (2, 7..7)], 11),
            "{0: 0..1, 1: 100..104} {0: 1..3, 1: 196..200}"
        );
        assert_eq!(shown(&[(0, 0..3)], 10), "{0: 0..1} {0: 1..3}");
        assert_eq!(shown(&[(0, 0..9), (1, 0..9), (2, 0..9)], 2), "{} {0: 8..9, 1: 8..9}");
        assert_eq!(shown(&[(0, 5..5)], 10), "{} {}");
    }
}
