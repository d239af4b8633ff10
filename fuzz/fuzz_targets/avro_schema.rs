//! Any text as an Avro schema, up to the first zero byte, and what follows it as a document of that schema.
#![no_main]

#[path = "../../crates/ingest/tests/avro_laws/mod.rs"]
mod avro_laws;
#[path = "../../crates/ingest/tests/json_laws/mod.rs"]
mod json_laws;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let mut parts = input.splitn(2, |byte| *byte == 0);
    let (text, document) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    if let Ok(text) = std::str::from_utf8(text) {
        avro_laws::check_schema(text, document);
    }
});
