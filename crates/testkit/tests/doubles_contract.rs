//! The in-memory doubles keep the contracts of what they stand for.
#![allow(clippy::unwrap_used)]

use forebay_ingest::{
    memory::Account,
    records::{Position, RecordBatch},
    source::SourceEvent,
};
use forebay_testkit::{
    contract::{destination_contract, source_contract},
    doubles::{MemoryDestination, MemorySource},
};
use std::{cell::RefCell, collections::BTreeMap};

#[tokio::test]
async fn the_memory_destination_keeps_the_destination_contract() {
    let destination = MemoryDestination::default();
    let counts = || (destination.row_count(), destination.quarantined_count());
    destination_contract(&destination, counts).await;
}

#[tokio::test(start_paused = true)]
async fn the_memory_source_keeps_the_source_contract() {
    let account = Account::share_of(1 << 20, 1);
    let (source, script) = MemorySource::scripted(&account);
    script.send(SourceEvent::Assigned(vec![0, 1]));
    let ends = RefCell::new(BTreeMap::<i32, i64>::new());
    let produce = |partition, count| {
        let mut ends = ends.borrow_mut();
        let end = ends.entry(partition).or_default();
        for _ in 0..count {
            let mut batch = RecordBatch::new("contract".into());
            batch.push(Position { partition, offset: *end, timestamp_ms: None }, None, Some(b"{}"), []);
            script.send_records(batch);
            *end += 1;
        }
    };
    source_contract(source, produce).await;
    assert_eq!(script.commits.committed(0), Some(5010));
}
