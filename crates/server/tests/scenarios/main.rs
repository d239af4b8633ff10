//! Scenarios on the built binary, a real broker and a real engine.
#![allow(clippy::unwrap_used)]

mod faults;
mod http;
mod ingestion;
mod kafka_project;
mod screens;
mod support;
