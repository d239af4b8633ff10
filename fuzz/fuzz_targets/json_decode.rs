//! Any bytes through the JSON decoder: the laws hold that `cargo test` checks over a corpus.
#![no_main]

#[path = "../../crates/ingest/tests/json_laws/mod.rs"]
mod json_laws;

libfuzzer_sys::fuzz_target!(|value: &[u8]| json_laws::check(value));
