//! Laws of the checkpoint, for any sequence of ranges.
#![allow(clippy::unwrap_used)]

use forebay_ingest::checkpoint::{Checkpoint, CheckpointDelta, OffsetRange};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Ranges with gaps, in rising order, of a few partitions.
fn rising_ranges() -> impl Strategy<Value = Vec<(i32, OffsetRange)>> {
    let step = (0..4i32, 0..5i64, 1..6i64);
    prop::collection::vec(step, 0..30).prop_map(|steps| {
        let mut ends: BTreeMap<i32, i64> = BTreeMap::new();
        let range = |(partition, gap, length): (i32, i64, i64)| {
            let end = ends.entry(partition).or_default();
            let start_offset = *end + gap;
            *end = start_offset + length;
            (partition, OffsetRange { start_offset, next_offset: *end })
        };
        steps.into_iter().map(range).collect()
    })
}

fn delta_of(ranges: &[(i32, OffsetRange)]) -> CheckpointDelta {
    let mut delta = CheckpointDelta::default();
    for (partition, range) in ranges {
        delta.extend(*partition, *range).expect("ranges rise");
    }
    delta
}

proptest! {
    #[test]
    fn applying_in_pieces_or_joined_gives_the_same_checkpoint(ranges in rising_ranges(), cut in 0usize..30) {
        let cut = cut.min(ranges.len());
        let (first, second) = (delta_of(&ranges[..cut]), delta_of(&ranges[cut..]));
        let mut in_pieces = Checkpoint::default();
        in_pieces.apply(&first).unwrap();
        in_pieces.apply(&second).unwrap();
        let mut joined_delta = first.clone();
        joined_delta.append(&second).unwrap();
        let mut joined = Checkpoint::default();
        joined.apply(&joined_delta).unwrap();
        prop_assert_eq!(in_pieces, joined);
    }

    #[test]
    fn a_delta_applied_twice_is_refused_and_changes_nothing(ranges in rising_ranges()) {
        prop_assume!(!ranges.is_empty());
        let delta = delta_of(&ranges);
        let mut checkpoint = Checkpoint::default();
        checkpoint.apply(&delta).unwrap();
        let before = checkpoint.clone();
        prop_assert!(checkpoint.apply(&delta).is_err());
        prop_assert_eq!(checkpoint, before);
    }

    #[test]
    fn an_overlapping_delta_is_refused_whole(ranges in rising_ranges(), back in 1i64..5) {
        prop_assume!(!ranges.is_empty());
        let mut checkpoint = Checkpoint::default();
        checkpoint.apply(&delta_of(&ranges)).unwrap();
        let before = checkpoint.clone();
        let (partition, range) = ranges[ranges.len() - 1];
        let overlapping = OffsetRange { start_offset: range.next_offset - back, next_offset: range.next_offset + 5 };
        let mut delta = delta_of(&[(partition, overlapping)]);
        delta.extend(99, OffsetRange::single(7)).unwrap();
        let stale = checkpoint.apply(&delta).unwrap_err();
        prop_assert_eq!(stale.partition, partition);
        prop_assert_eq!(stale.next_offset, range.next_offset);
        prop_assert_eq!(checkpoint, before);
    }

    #[test]
    fn the_checkpoint_is_the_end_of_the_last_range_of_each_partition(ranges in rising_ranges()) {
        let mut checkpoint = Checkpoint::default();
        for range in &ranges {
            checkpoint.apply(&delta_of(&[*range])).unwrap();
        }
        let ends: BTreeMap<i32, i64> =
            ranges.iter().map(|(partition, range)| (*partition, range.next_offset)).collect();
        prop_assert_eq!(checkpoint.iter().collect::<BTreeMap<_, _>>(), ends);
    }

    #[test]
    fn different_deltas_have_different_texts(one in rising_ranges(), other in rising_ranges()) {
        let (one, other) = (delta_of(&one), delta_of(&other));
        prop_assert_eq!(one == other, one.to_string() == other.to_string());
    }
}

#[test]
fn records_of_a_partition_must_rise() {
    let mut delta = CheckpointDelta::default();
    delta.record(0, 5).unwrap();
    delta.record(0, 9).unwrap();
    assert!(delta.record(0, 9).is_err());
    assert!(delta.record(0, 3).is_err());
    assert_eq!(delta.to_string(), "0:5-10");
}

#[test]
fn an_empty_or_backward_range_is_refused() {
    let mut delta = CheckpointDelta::default();
    assert!(delta.extend(0, OffsetRange { start_offset: 5, next_offset: 5 }).is_err());
    assert!(delta.extend(1, OffsetRange { start_offset: 5, next_offset: 4 }).is_err());
    assert!(delta.is_empty(), "a refused range leaves no trace: {delta}");
}

#[test]
fn a_forgotten_partition_may_start_anywhere() {
    let mut checkpoint = Checkpoint::default();
    checkpoint.apply(&delta_of(&[(0, OffsetRange { start_offset: 100, next_offset: 200 })])).unwrap();
    checkpoint.forget(&[0]);
    checkpoint.apply(&delta_of(&[(0, OffsetRange::single(5))])).unwrap();
    assert_eq!(checkpoint.next_offset(0), Some(6));
}
