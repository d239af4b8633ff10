//! One folder per outside system: its source, destination and settings

pub mod clickhouse;
pub mod kafka;
pub mod registry;
