//! The formats of the topics, and clicks written in them.

use crate::click::{AVRO, Click, Fields, PROTOBUF};
use clap::ValueEnum;
use forebay_ingest::schema::SchemaKind;
use forebay_project::model;
use serde::Serialize;

/// How the values of a topic are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Format {
    #[default]
    Json,
    Avro,
    Protobuf,
}

/// A format with what stands before each value.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Encoding {
    pub(crate) format: Format,
    /// Id in Confluent's frame; without one values are bare.
    pub(crate) schema_id: Option<u32>,
}

impl Format {
    /// For people.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Json => "JSON",
            Self::Avro => "Avro",
            Self::Protobuf => "Protobuf",
        }
    }

    /// As the command line has it.
    pub(crate) fn argument(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Avro => "avro",
            Self::Protobuf => "protobuf",
        }
    }

    /// As a project has it.
    pub(crate) fn setting(self) -> model::Format {
        match self {
            Self::Json => model::Format::JsonWithoutSchema,
            Self::Avro => model::Format::Avro,
            Self::Protobuf => model::Format::Protobuf,
        }
    }

    /// The schema of a click, if the format needs one.
    pub(crate) fn schema(self) -> Option<(SchemaKind, &'static str)> {
        match self {
            Self::Json => None,
            Self::Avro => Some((SchemaKind::Avro, AVRO)),
            Self::Protobuf => Some((SchemaKind::Protobuf, PROTOBUF)),
        }
    }
}

impl Encoding {
    /// Appends the value whose JSON this is.
    pub(crate) fn write(self, json: &str, out: &mut Vec<u8>) {
        if let Some(id) = self.schema_id {
            out.push(0);
            out.extend(id.to_be_bytes());
            if self.format == Format::Protobuf {
                // The path to the first message of the file, in its short form.
                out.push(0);
            }
        }
        match self.format {
            Format::Json => out.extend(json.as_bytes()),
            Format::Avro => Click::of(json).write(&mut Avro(out)),
            Format::Protobuf => Click::of(json).write(&mut Protobuf(out)),
        }
    }
}

/// Avro's binary encoding: values one after the other, without names or numbers.
struct Avro<'a>(&'a mut Vec<u8>);

impl Fields for Avro<'_> {
    fn text(&mut self, _: u32, text: &str) {
        self.whole(0, length(text.as_bytes()));
        self.0.extend(text.as_bytes());
    }

    fn whole(&mut self, _: u32, whole: i64) {
        varint(self.0, ((whole << 1) ^ (whole >> 63)).cast_unsigned());
    }

    fn real(&mut self, _: u32, real: f64) {
        self.0.extend(real.to_le_bytes());
    }

    fn flag(&mut self, _: u32, flag: bool) {
        self.0.push(u8::from(flag));
    }

    /// One block of all items, and the empty block that ends an array.
    fn texts(&mut self, _: u32, texts: &[&str]) {
        if !texts.is_empty() {
            self.whole(0, i64::try_from(texts.len()).expect("tags are few"));
            texts.iter().for_each(|text| self.text(0, text));
        }
        self.whole(0, 0);
    }

    fn optional_text(&mut self, _: u32, text: Option<&str>) {
        self.whole(0, text.is_some().into());
        if let Some(text) = text {
            self.text(0, text);
        }
    }

    fn record(&mut self, _: u32, fields: impl FnOnce(&mut Self)) {
        fields(self);
    }
}

/// Protobuf's wire format; zeros are left out, as proto3 wants it.
struct Protobuf<'a>(&'a mut Vec<u8>);

impl Protobuf<'_> {
    fn tag(&mut self, number: u32, wire_type: u32) {
        varint(self.0, (number << 3 | wire_type).into());
    }

    fn bytes(&mut self, number: u32, bytes: &[u8]) {
        self.tag(number, 2);
        varint(self.0, length(bytes).cast_unsigned());
        self.0.extend(bytes);
    }
}

impl Fields for Protobuf<'_> {
    fn text(&mut self, number: u32, text: &str) {
        if !text.is_empty() {
            self.bytes(number, text.as_bytes());
        }
    }

    fn whole(&mut self, number: u32, whole: i64) {
        if whole != 0 {
            self.tag(number, 0);
            varint(self.0, whole.cast_unsigned());
        }
    }

    fn real(&mut self, number: u32, real: f64) {
        if real != 0.0 {
            self.tag(number, 1);
            self.0.extend(real.to_le_bytes());
        }
    }

    fn flag(&mut self, number: u32, flag: bool) {
        self.whole(number, flag.into());
    }

    fn texts(&mut self, number: u32, texts: &[&str]) {
        texts.iter().for_each(|text| self.bytes(number, text.as_bytes()));
    }

    fn optional_text(&mut self, number: u32, text: Option<&str>) {
        if let Some(text) = text {
            self.bytes(number, text.as_bytes());
        }
    }

    fn record(&mut self, number: u32, fields: impl FnOnce(&mut Self)) {
        // Its length comes first, and is known last; those of clicks fit into one byte.
        self.tag(number, 2);
        let start = self.0.len();
        self.0.push(0);
        fields(self);
        let length = self.0.len() - start - 1;
        assert!(length < 0x80, "a part of a click of {length} bytes");
        self.0[start] = length as u8;
    }
}

fn length(bytes: &[u8]) -> i64 {
    i64::try_from(bytes.len()).expect("texts of clicks are short")
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
