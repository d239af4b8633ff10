//! Any bytes through the Avro decoder: the laws hold that `cargo test` checks.
#![no_main]

#[path = "../../crates/ingest/tests/avro_laws/mod.rs"]
mod avro_laws;
#[path = "../../crates/ingest/tests/json_laws/mod.rs"]
mod json_laws;

libfuzzer_sys::fuzz_target!(|document: &[u8]| avro_laws::check_document(document));
