//! Any bytes as a record and as its headers: the laws of framing hold that `cargo test` checks over a corpus.
#![no_main]

#[path = "../../crates/ingest/tests/framing_laws/mod.rs"]
mod framing_laws;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| framing_laws::check(bytes));
