//! Scenarios on the built binary, a real broker and a real engine.
#![allow(clippy::unwrap_used)]

mod faults;
mod formats;
mod http;
mod inferred;
mod ingestion;
mod kafka_project;
mod preview;
mod screens;
mod support;
