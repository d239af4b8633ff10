//! The in-memory doubles keep the contracts of what they stand for.
#![allow(clippy::unwrap_used)]

use forebay_testkit::{contract::destination_contract, doubles::MemoryDestination};

#[tokio::test]
async fn the_memory_destination_keeps_the_destination_contract() {
    let destination = MemoryDestination::default();
    let counts = || (destination.row_count(), destination.quarantined_count());
    destination_contract(&destination, counts).await;
}
