//! Any text as a Protobuf schema: reading it ends, and without a panic.
#![no_main]

use forebay_ingest::{
    protobuf::{MessageChoice, ProtobufSchema},
    schema::{Schema, SchemaKind},
};

libfuzzer_sys::fuzz_target!(|text: &str| {
    let schema =
        Schema { kind: SchemaKind::Protobuf, text: text.to_owned(), references: Vec::new(), origin: None };
    if let Ok(schema) = ProtobufSchema::parse(&schema) {
        let _ = schema.message(MessageChoice::First);
    }
});
