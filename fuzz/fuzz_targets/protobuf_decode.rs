//! Any bytes through the Protobuf decoder: the laws hold that `cargo test` checks over mutated records.
#![no_main]

#[path = "../../crates/ingest/tests/protobuf_laws/mod.rs"]
mod protobuf_laws;

libfuzzer_sys::fuzz_target!(|record: &[u8]| protobuf_laws::check(record));
