//! Any text as a Protobuf schema, up to the first zero byte, and what follows it as a record of its first message.
#![no_main]

#[path = "../../crates/ingest/tests/protobuf_laws/mod.rs"]
mod protobuf_laws;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let mut parts = input.splitn(2, |byte| *byte == 0);
    let (text, record) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    if let Ok(text) = std::str::from_utf8(text) {
        protobuf_laws::check_schema(text, record);
    }
});
