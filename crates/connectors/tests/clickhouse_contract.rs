//! The embedded engine keeps the contract of a destination.
#![allow(clippy::unwrap_used)]

mod clickhouse_support;

use clickhouse_support::{engine, text};
use forebay_connectors::clickhouse::{EmbeddedDestination, ddl::TableOptions};
use forebay_testkit::contract::{contract_datasource, destination_contract};

#[tokio::test(flavor = "multi_thread")]
async fn the_embedded_engine_keeps_the_destination_contract() {
    let datasource = contract_datasource("contract");
    let options = TableOptions::default();
    let (destination, _) = EmbeddedDestination::open(&engine(), "contract", &datasource, options).unwrap();
    let count = |table: &str| text(&format!("SELECT count() FROM contract.{table}")).parse().unwrap();
    destination_contract(&destination, || (count("contract"), count("contract_quarantine"))).await;
}
