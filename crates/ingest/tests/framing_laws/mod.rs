//! Laws of framing that hold for any bytes.
//!
//! The fuzz target runs [`check`] too.

use forebay_ingest::{
    framing::{Form, Frame, FrameError, FrameReader, MAX_INFLATED},
    schema::SchemaId,
};
use forebay_project::model::{Format, Framing, RegistryKind};
use std::borrow::Cow;

pub(crate) type Headers<'a> = [(&'a [u8], Option<&'a [u8]>)];

/// Every combination of settings.
pub(crate) fn all_readers() -> impl Iterator<Item = FrameReader> {
    use Framing::{
        Apicurio, ApicurioContentId, ApicurioGlobalId, Auto, Azure, Confluent, Glue, None as Bare,
    };
    let formats = [Format::Avro, Format::Protobuf, Format::JsonWithSchema, Format::JsonWithoutSchema];
    let registries =
        [None, Some(RegistryKind::Confluent), Some(RegistryKind::Glue), Some(RegistryKind::Azure)];
    let framings = [Auto, Confluent, Apicurio, ApicurioContentId, ApicurioGlobalId, Glue, Azure, Bare];
    let settings = framings.into_iter().flat_map(move |framing| formats.map(|format| (framing, format)));
    settings.flat_map(move |(framing, format)| {
        (0..32_usize).map(move |choice| FrameReader {
            framing,
            format,
            is_key: choice & 1 != 0,
            registry: registries[choice >> 1 & 3],
            has_configured_schema: choice & 8 != 0,
            has_configured_message: choice & 16 != 0,
        })
    })
}

pub(crate) fn read<'a>(
    reader: &FrameReader,
    payload: &'a [u8],
    headers: &Headers<'a>,
) -> Result<Frame<'a>, FrameError> {
    reader.read(payload, headers.iter().copied())
}

/// Whatever the bytes and the settings: nothing panics, a payload is the end of the record unless it was compressed, a
/// record without a frame is untouched, and errors say something.
///
/// The first byte of `bytes` is the length of the headers' value, which follows; the rest is the record.
pub(crate) fn check(bytes: &[u8]) {
    let (length, rest) = bytes.split_first().unwrap_or((&0, &[]));
    let (header_value, payload) = rest.split_at(usize::from(*length).min(rest.len()));
    let names: [&[u8]; 3] = [b"__value_schema_id", b"__key_schema_id", b"Content-Type"];
    let of_apicurio: [&[u8]; 4] = [
        b"apicurio.value.contentId",
        b"apicurio.key.globalId",
        b"apicurio.value.encoding",
        b"apicurio.protobuf.type",
    ];
    let [names, of_apicurio] = [&names[..], &of_apicurio]
        .map(|names| names.iter().map(|name| (*name, Some(header_value))).collect());
    let none: Vec<(&[u8], Option<&[u8]>)> = Vec::new();
    for reader in all_readers() {
        for headers in [&none, &names, &of_apicurio] {
            match read(&reader, payload, headers) {
                Ok(frame) => check_frame(&frame, payload, &reader),
                Err(error) => assert!(!error.to_string().is_empty()),
            }
        }
    }
}

fn check_frame(frame: &Frame<'_>, payload: &[u8], reader: &FrameReader) {
    let untouched = matches!(frame.form, Form::Bare | Form::ConfluentHeader | Form::AzureHeader);
    match &frame.payload {
        Cow::Borrowed(rest) => assert!(payload.ends_with(rest)),
        Cow::Owned(inflated) => {
            assert_eq!(frame.form, Form::GlueZlib);
            assert!(inflated.len() <= MAX_INFLATED);
        }
    }
    assert!(!untouched || *frame.payload == *payload);
    assert_eq!(frame.form == Form::Bare, frame.schema == SchemaId::Configured);
    assert!(frame.form == Form::Bare || reader.framing != Framing::None);
}
