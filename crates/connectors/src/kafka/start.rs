//! Where reading starts, fixed in the group before the first record is read.
//!
//! Left to `auto.offset.reset`, a group without offsets that starts at the end would forget its start in a crash before
//! its first commit, and a group whose offsets retention has overtaken would jump over what the topic still holds.

use forebay_ingest::checkpoint::OffsetRange;
use forebay_project::model::OffsetReset;
use rdkafka::{
    Offset, TopicPartitionList,
    client::ClientContext,
    consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext},
    error::KafkaResult,
};
use std::time::Duration;

const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Offsets of a partition that retention removed before they were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gap {
    pub(super) partition: i32,
    pub(super) range: OffsetRange,
}

/// Commits a start for every one of `partitions` that has none, or whose start is gone; returns the gaps.
pub(super) fn pin<C: ClientContext + ConsumerContext>(
    consumer: &BaseConsumer<C>,
    partitions: &TopicPartitionList,
    reset: OffsetReset,
) -> KafkaResult<Vec<Gap>> {
    let committed = consumer.committed_offsets(partitions.clone(), REQUEST_TIMEOUT)?;
    let first = consumer.offsets_for_times(all_at(partitions, Offset::Beginning)?, REQUEST_TIMEOUT)?;
    let (mut starts, mut fresh) = (TopicPartitionList::new(), TopicPartitionList::new());
    let mut gaps = Vec::new();
    for element in committed.elements() {
        let (topic, partition) = (element.topic(), element.partition());
        let first_offset = first.find_partition(topic, partition).and_then(|first| raw(first.offset()));
        match (raw(element.offset()), first_offset) {
            (None, _) => fresh.add_partition_offset(topic, partition, Offset::End)?,
            (Some(start_offset), Some(first_offset)) if start_offset < first_offset => {
                gaps.push(Gap { partition, range: OffsetRange { start_offset, next_offset: first_offset } });
                starts.add_partition_offset(topic, partition, Offset::Offset(first_offset))?;
            }
            _ => {}
        }
    }
    // A group that starts at the beginning loses nothing by forgetting where that was.
    if reset == OffsetReset::Latest && fresh.count() > 0 {
        let ends = consumer.offsets_for_times(fresh, REQUEST_TIMEOUT)?;
        for element in ends.elements() {
            starts.add_partition_offset(element.topic(), element.partition(), element.offset())?;
        }
    }
    if starts.count() > 0 {
        consumer.commit(&starts, CommitMode::Sync)?;
    }
    Ok(gaps)
}

fn all_at(partitions: &TopicPartitionList, offset: Offset) -> KafkaResult<TopicPartitionList> {
    let mut list = partitions.clone();
    list.set_all_offsets(offset)?;
    Ok(list)
}

fn raw(offset: Offset) -> Option<i64> {
    match offset {
        Offset::Offset(offset) => Some(offset),
        _ => None,
    }
}
