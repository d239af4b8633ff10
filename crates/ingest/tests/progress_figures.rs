//! What the figures say of lag, latency and trouble.
#![allow(clippy::unwrap_used)]

use forebay_ingest::{
    checkpoint::{CheckpointDelta, OffsetRange},
    error::{Error, Kind, Retry},
    progress::{Latency, Progress, State},
};

fn delta(start_offset: i64, next_offset: i64) -> CheckpointDelta {
    let mut delta = CheckpointDelta::default();
    delta.extend(0, OffsetRange { start_offset, next_offset }).unwrap();
    delta
}

fn running() -> Progress {
    let progress = Progress::default();
    progress.assigned(&[0]);
    progress.recovered();
    progress
}

#[test]
fn lag_is_what_is_not_durable_yet() {
    let progress = running();
    assert_eq!(progress.figures().lag(), None, "nobody has said where the topic ends");
    progress.watermark(0, 100, Some(40), false);
    assert_eq!(progress.figures().lag(), Some(60), "before any write the group's offset counts");
    progress.received(&delta(40, 90));
    progress.advanced(&delta(40, 70));
    assert_eq!(progress.figures().lag(), Some(30));
    assert!(!progress.figures().caught_up());
}

#[test]
fn unread_is_what_has_not_come_in() {
    let progress = running();
    progress.watermark(0, 100, Some(40), false);
    assert_eq!(progress.unread(), 0, "nothing has come in: it is not known where reading is");
    progress.received(&delta(40, 90));
    assert_eq!(progress.unread(), 10);
    progress.received(&delta(90, 120));
    assert_eq!(progress.unread(), 0, "the watermark is older than the records");
}

#[test]
fn nothing_lags_at_the_end_though_the_last_offsets_are_markers() {
    let progress = running();
    progress.received(&delta(0, 98));
    progress.watermark(0, 100, None, true);
    assert!(!progress.figures().caught_up(), "what came in is not durable yet");
    progress.advanced(&delta(0, 98));
    progress.watermark(0, 100, None, true);
    assert!(progress.figures().caught_up());
}

#[test]
fn a_partition_that_went_away_no_longer_lags() {
    let progress = running();
    progress.assigned(&[1]);
    progress.watermark(0, 5, Some(5), false);
    progress.watermark(1, 9, Some(5), false);
    assert_eq!(progress.figures().lag(), Some(4));
    progress.revoked(&[1]);
    assert_eq!(progress.figures().lag(), Some(0));
}

#[test]
fn the_same_trouble_is_new_only_once_until_it_healed() {
    let progress = running();
    let error = || Error::new(Kind::Unavailable, "no broker").hint("start it");
    assert!(progress.failed(&error(), State::Retrying));
    assert!(!progress.failed(&error(), State::Retrying));
    assert!(progress.recovered());
    let last = progress.figures().last_error.unwrap();
    assert!(last.healed && last.hint.as_deref() == Some("start it"));
    assert!(!progress.recovered());
    assert!(progress.failed(&error(), State::Retrying), "it came back");
}

#[test]
fn quantiles_are_the_upper_bounds_of_their_buckets() {
    let mut latency = Latency::default();
    assert_eq!(latency.quantile_ms(0.5), None);
    latency.observe((0..99).map(|_| 1_000), 1_012);
    latency.observe([1_000], 1_300);
    assert_eq!((latency.quantile_ms(0.5), latency.quantile_ms(0.99)), (Some(20), Some(20)));
    assert_eq!(latency.quantile_ms(1.0), Some(350));
    assert_eq!((latency.count(), latency.sum_ms), (100, 99 * 12 + 300));
    latency.observe([2_000], 1_000);
    assert_eq!(latency.counts[0], 1, "a producer's clock that runs ahead counts as no latency");
}

#[test]
fn every_kind_has_a_policy_and_a_name_of_its_own() {
    let kinds = [
        (Kind::Unavailable, Retry::Backoff),
        (Kind::Authentication, Retry::Backoff),
        (Kind::Authorization, Retry::Backoff),
        (Kind::NotFound, Retry::Backoff),
        (Kind::Capacity, Retry::Backoff),
        (Kind::Fenced, Retry::Reopen),
        (Kind::Invalid, Retry::Never),
        (Kind::InUse, Retry::Never),
        (Kind::Internal, Retry::Never),
    ];
    let names: std::collections::BTreeSet<_> = kinds.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(names.len(), kinds.len());
    for (kind, retry) in kinds {
        assert_eq!(kind.retry(), retry, "{kind:?}");
    }
}
