//! Frames are taken off records of every kind, and nothing else is.
#![allow(clippy::unwrap_used)]

mod framing_laws;

use forebay_ingest::{
    framing::{Form, Frame, FrameError, FrameReader, Message, MessageIndexes},
    schema::SchemaId,
};
use forebay_project::model::{Format, Framing, RegistryKind};
use framing_laws::{Headers, all_readers, read};
use proptest::prelude::*;
use std::borrow::Cow;

const GUID: [u8; 16] = *b"\x89\x79\x1c\x0a\x55\x2e\x4c\x9d\x91\x1d\x00\xf1\x0e\x8b\x7d\x60";
const AUTO: FrameReader = FrameReader {
    framing: Framing::Auto,
    format: Format::Avro,
    is_key: false,
    registry: Some(RegistryKind::Confluent),
    has_configured_schema: false,
    has_configured_message: false,
};
const PROTOBUF: FrameReader = FrameReader { format: Format::Protobuf, ..AUTO };
const GLUE: FrameReader = FrameReader { registry: Some(RegistryKind::Glue), ..AUTO };

fn bytes(hexadecimal: &str) -> Vec<u8> {
    let digits: Vec<u8> = hexadecimal.bytes().filter(|byte| *byte != b' ').collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn frame(form: Form, schema: SchemaId, payload: &[u8]) -> Frame<'_> {
    Frame { form, schema, message: Message::Untold, payload: Cow::Borrowed(payload) }
}

fn with_guid(start: &[u8], end: &[u8]) -> Vec<u8> {
    [start, &GUID, end].concat()
}

fn message_of<'a>(reader: &FrameReader, payload: &'a [u8]) -> Result<(Message<'a>, Vec<u8>), FrameError> {
    read(reader, payload, &[]).map(|frame| (frame.message, frame.payload.into_owned()))
}

fn indexes(path: &[u32]) -> Message<'static> {
    Message::Indexes(MessageIndexes::new(path))
}

#[test]
fn a_confluent_prefix_names_an_id() {
    let record = bytes("00 00 00 00 07 06 61 62 63");
    assert_eq!(
        read(&AUTO, &record, &[]).unwrap(),
        frame(Form::ConfluentPrefix, SchemaId::Confluent(7), b"\x06abc")
    );
}

#[test]
fn an_empty_avro_record_has_five_bytes() {
    let record = bytes("00 ff ff ff ff");
    let expected = frame(Form::ConfluentPrefix, SchemaId::Confluent(u32::MAX), b"");
    assert_eq!(read(&AUTO, &record, &[]).unwrap(), expected);
}

#[test]
fn a_confluent_prefix_may_hold_a_guid() {
    let record = with_guid(b"\x01", b"\x02a");
    let expected = frame(Form::ConfluentGuidPrefix, SchemaId::ConfluentGuid(GUID), b"\x02a");
    assert_eq!(read(&AUTO, &record, &[]).unwrap(), expected);
}

#[test]
fn a_header_wins_over_a_prefix_and_leaves_the_value_whole() {
    let header = with_guid(b"\x01", b"");
    let value = b"\x00\x00\x00\x00\x07rest";
    let headers: &Headers<'_> = &[
        (b"__value_schema_id", Some(b"junk")),
        (b"__key_schema_id", None),
        (b"__value_schema_id", Some(&header)),
    ];
    let expected = frame(Form::ConfluentHeader, SchemaId::ConfluentGuid(GUID), value);
    for framing in [Framing::Auto, Framing::Confluent] {
        assert_eq!(read(&FrameReader { framing, ..AUTO }, value, headers).unwrap(), expected);
    }
    let headers: &Headers<'_> = &[(b"__key_schema_id", Some(b"\x00\x00\x00\x00\x09"))];
    let expected = frame(Form::ConfluentHeader, SchemaId::Confluent(9), b"k");
    assert_eq!(read(&FrameReader { is_key: true, ..AUTO }, b"k", headers).unwrap(), expected);
}

#[test]
fn a_protobuf_header_holds_the_message_indexes() {
    let header = with_guid(b"\x01", b"\x04\x02\x00");
    let frame = read(&PROTOBUF, b"\x08\x01", &[(b"__value_schema_id", Some(&header))]).unwrap();
    assert_eq!((frame.message, &*frame.payload), (indexes(&[1, 0]), &b"\x08\x01"[..]));
    let header = with_guid(b"\x01", b"\x00junk");
    let error = read(&PROTOBUF, b"", &[(b"__value_schema_id", Some(&header))]).unwrap_err();
    assert_eq!(error, FrameError::MessageIndexes);
}

#[test]
fn a_header_of_another_shape_is_refused() {
    for header in [&b""[..], b"\x00\x00\x00\x07", b"\x02\x00\x00\x00\x07", b"\x00\x00\x00\x00\x07\x00"] {
        let error = read(&AUTO, b"x", &[(b"__value_schema_id", Some(header))]).unwrap_err();
        assert!(matches!(error, FrameError::Header { .. }), "{header:?}: {error}");
    }
}

#[test]
fn message_indexes_are_zigzag_and_zero_means_the_first() {
    let cases: &[(&str, &[u32], &[u8])] = &[
        ("00", &[0], b""),
        ("00 08 01", &[0], b"\x08\x01"),
        ("02 00 08 01", &[0], b"\x08\x01"),
        ("02 06", &[3], b""),
        ("06 02 00 04 0a 00", &[1, 0, 2], b"\x0a\x00"),
        ("02 80 02", &[128], b""),
        ("0a 00 02 04 06 08", &[0, 1, 2, 3, 4], b""),
    ];
    for (list, path, payload) in cases {
        let record = bytes(&format!("00 00 00 00 07 {list}"));
        assert_eq!(message_of(&PROTOBUF, &record).unwrap(), (indexes(path), payload.to_vec()), "{list}");
    }
}

#[test]
fn a_frame_without_anything_behind_it_is_an_empty_message() {
    let record = bytes("00 00 00 00 07");
    assert_eq!(message_of(&PROTOBUF, &record).unwrap(), (Message::Untold, Vec::new()));
}

#[test]
fn malformed_indexes_are_refused_unless_the_message_is_configured() {
    // A negative count, a negative index, too many, a list that ends early, a varint that does not end or is too long.
    for list in ["01", "02 01", "42", "04 00", "02 80", "ff ff ff ff ff 01", "ff ff ff ff 7f"] {
        let record = bytes(&format!("00 00 00 00 07 {list}"));
        assert_eq!(message_of(&PROTOBUF, &record), Err(FrameError::MessageIndexes), "{list}");
        let reader = FrameReader { has_configured_message: true, ..PROTOBUF };
        assert_eq!(message_of(&reader, &record).unwrap(), (Message::Untold, bytes(list)));
        let reader = FrameReader { framing: Framing::Confluent, ..reader };
        assert_eq!(message_of(&reader, &record), Err(FrameError::MessageIndexes), "{list}");
    }
}

/// `@kafkajs/confluent-schema-registry` writes the message at once, which may look like a list of four indexes.
#[test]
fn a_configured_message_needs_no_indexes() {
    let record = bytes("00 00 00 00 07 08 02 10 04 18 06 20 08");
    let reader = FrameReader { has_configured_message: true, ..PROTOBUF };
    assert_eq!(message_of(&reader, &record).unwrap(), (Message::Untold, bytes("08 02 10 04 18 06 20 08")));
    let with_indexes = bytes("00 00 00 00 07 04 02 00 08 02");
    assert_eq!(message_of(&reader, &with_indexes).unwrap(), (indexes(&[1, 0]), bytes("08 02")));
    let reader = FrameReader { framing: Framing::Confluent, ..reader };
    assert_eq!(message_of(&reader, &record).unwrap(), (indexes(&[1, 8, 2, 12]), bytes("06 20 08")));
}

#[test]
fn apicurio_names_the_message() {
    let reader = FrameReader { framing: Framing::Apicurio, ..PROTOBUF };
    let record = b"\x00\x00\x00\x00\x00\x00\x00\x00\x07\x07\x0a\x05Order\x08\x01";
    let frame = read(&reader, record, &[]).unwrap();
    assert_eq!((frame.schema, frame.message), (SchemaId::Apicurio(7), Message::Name("Order")));
    assert_eq!(*frame.payload, *b"\x08\x01");
    let with_content_id = b"\x00\x00\x00\x00\x07\x06\x0a\x04Trip\x08\x01";
    assert_eq!(
        message_of(&PROTOBUF, with_content_id).unwrap(),
        (Message::Name("Trip"), b"\x08\x01".to_vec())
    );
}

/// Serdes 3 write a list of indexes behind the name, in front of the message or alone, when they are told to.
#[test]
fn apicurio_may_add_message_indexes() {
    let reader = |framing| FrameReader { framing, ..PROTOBUF };
    for (framing, id) in
        [(Framing::Apicurio, "00 00 00 00 00 00 00 07"), (Framing::ApicurioGlobalId, "00 00 00 07")]
    {
        let both = bytes(&format!("00 {id} 07 0a 05 4f 72 64 65 72 02 00 08 01"));
        assert_eq!(message_of(&reader(framing), &both).unwrap(), (Message::Name("Order"), bytes("08 01")));
        let alone = bytes(&format!("00 {id} 02 02 08 01"));
        assert_eq!(message_of(&reader(framing), &alone).unwrap(), (indexes(&[1]), bytes("08 01")));
        let neither = bytes(&format!("00 {id} 08 01"));
        assert_eq!(message_of(&reader(framing), &neither).unwrap(), (Message::Untold, bytes("08 01")));
    }
    let as_confluent = bytes("00 00 00 00 07 07 0a 05 4f 72 64 65 72 02 00");
    assert_eq!(message_of(&PROTOBUF, &as_confluent).unwrap(), (Message::Name("Order"), Vec::new()));
}

#[test]
fn apicurio_ids_are_global_or_of_the_content() {
    let of = |framing, record: &str| {
        let record = bytes(record);
        let frame = read(&FrameReader { framing, ..AUTO }, &record, &[]).unwrap();
        (frame.form, frame.schema, frame.payload.into_owned())
    };
    let global = |rest: &str| (Form::ApicurioPrefix, SchemaId::Apicurio(7), bytes(rest));
    assert_eq!(of(Framing::Apicurio, "00 00 00 00 00 00 00 00 07 61"), global("61"));
    assert_eq!(of(Framing::ApicurioGlobalId, "00 00 00 00 07 61"), global("61"));
    let content = (Form::ApicurioPrefix, SchemaId::Confluent(7), bytes("61"));
    assert_eq!(of(Framing::ApicurioContentId, "00 00 00 00 00 00 00 00 07 61"), content);
    let too_large = bytes("00 00 00 00 01 00 00 00 07 61");
    assert!(read(&FrameReader { framing: Framing::ApicurioContentId, ..AUTO }, &too_large, &[]).is_err());
}

#[test]
fn apicurio_headers_name_the_schema() {
    let value = b"\x00\x00\x00\x00\x09";
    let id: Option<&[u8]> = Some(b"\0\0\0\0\0\0\0\x07");
    let cases: [(&[u8], bool, SchemaId); 4] = [
        (b"apicurio.value.globalId", false, SchemaId::Apicurio(7)),
        (b"apicurio.value.contentId", false, SchemaId::Confluent(7)),
        (b"apicurio.key.globalId", true, SchemaId::Apicurio(7)),
        (b"apicurio.key.contentId", true, SchemaId::Confluent(7)),
    ];
    for (name, is_key, schema) in cases {
        let headers: &Headers<'_> = &[(name, id), (b"apicurio.value.encoding", Some(b"BINARY"))];
        for framing in
            [Framing::Auto, Framing::Apicurio, Framing::ApicurioContentId, Framing::ApicurioGlobalId]
        {
            let reader = FrameReader { framing, is_key, ..AUTO };
            assert_eq!(read(&reader, value, headers).unwrap(), frame(Form::ApicurioHeader, schema, value));
            let of_other_part = read(&FrameReader { is_key: !is_key, ..reader }, value, headers);
            assert_ne!(of_other_part.map(|frame| frame.form), Ok(Form::ApicurioHeader));
        }
        for foreign in [RegistryKind::Glue, RegistryKind::Azure] {
            let reader = FrameReader { is_key, registry: Some(foreign), has_configured_schema: true, ..AUTO };
            assert_eq!(read(&reader, value, headers).unwrap().form, Form::Bare);
        }
    }
}

/// Serdes 2 name the message in a header only, serdes 3 in front of the message too.
#[test]
fn apicurio_headers_name_the_message() {
    let read_with = |is_key, payload: &str, names: &[&[u8]]| {
        let mut headers: Vec<(&[u8], Option<&[u8]>)> = vec![
            (b"apicurio.key.contentId", Some(b"\0\0\0\0\0\0\0\x07")),
            (b"apicurio.value.contentId", Some(b"\0\0\0\0\0\0\0\x07")),
        ];
        headers.extend(names.iter().map(|name| (&b"apicurio.protobuf.type"[..], Some(*name))));
        let payload = bytes(payload);
        let frame = read(&FrameReader { is_key, ..PROTOBUF }, &payload, &headers).unwrap();
        let told = match frame.message {
            Message::Name(name) => name.to_owned(),
            other => format!("{other:?}"),
        };
        (told, frame.payload.into_owned())
    };
    let (named, order) = ("06 0a 04 54 72 69 70 08 01", |rest| ("Order".to_owned(), bytes(rest)));
    assert_eq!(read_with(false, "08 01", &[b"Order"]), order("08 01"));
    assert_eq!(read_with(false, "07 0a 05 4f 72 64 65 72 08 01", &[b"Order"]), order("08 01"));
    assert_eq!(read_with(false, "07 0a 05 4f 72 64 65 72 02 00", &[b"Order"]), order(""));
    assert_eq!(read_with(false, "", &[b"Order"]), order(""));
    assert_eq!(read_with(false, named, &[]), ("Trip".to_owned(), bytes("08 01")));
    assert_eq!(read_with(false, "08 01", &[]), ("Untold".to_owned(), bytes("08 01")));
    // Key and value have the same header, the key's first.
    assert_eq!(read_with(false, "08 01", &[b"Key", b"Order"]), order("08 01"));
    assert_eq!(read_with(true, "08 01", &[b"Order", b"Value"]), order("08 01"));
}

#[test]
fn glue_frames_are_plain_or_compressed() {
    let id = SchemaId::Glue(GUID);
    let plain = with_guid(b"\x03\x00", b"\x06abc");
    assert_eq!(read(&GLUE, &plain, &[]).unwrap(), frame(Form::Glue, id, b"\x06abc"));
    let body = miniz_oxide::deflate::compress_to_vec_zlib(b"\x06abc", 6);
    let zlib = with_guid(b"\x03\x05", &body);
    assert_eq!(read(&GLUE, &zlib, &[]).unwrap(), frame(Form::GlueZlib, id, b"\x06abc"));
    let protobuf = FrameReader { format: Format::Protobuf, ..GLUE };
    let body = miniz_oxide::deflate::compress_to_vec_zlib(b"\x81\x01\x08\x01", 6);
    let expected = (Message::Ordinal(129), b"\x08\x01".to_vec());
    assert_eq!(message_of(&protobuf, &with_guid(b"\x03\x00", b"\x81\x01\x08\x01")).unwrap(), expected);
    assert_eq!(message_of(&protobuf, &with_guid(b"\x03\x05", &body)).unwrap(), expected);
}

#[test]
fn compressed_data_must_be_whole_and_not_grow_without_bound() {
    let body = miniz_oxide::deflate::compress_to_vec_zlib(b"some text that is compressed", 6);
    for length in 0..body.len() {
        let record = with_guid(b"\x03\x05", &body[..length]);
        assert_eq!(read(&GLUE, &record, &[]), Err(FrameError::Corrupt), "{length} bytes");
    }
    let bomb = miniz_oxide::deflate::compress_to_vec_zlib(&vec![0; (64 << 20) + 1], 9);
    assert_eq!(read(&GLUE, &with_guid(b"\x03\x05", &bomb), &[]), Err(FrameError::TooLarge));
    let largest = miniz_oxide::deflate::compress_to_vec_zlib(&vec![0; 64 << 20], 9);
    assert_eq!(read(&GLUE, &with_guid(b"\x03\x05", &largest), &[]).unwrap().payload.len(), 64 << 20);
}

#[test]
fn another_compression_of_glue_is_named() {
    let error = read(&GLUE, &with_guid(b"\x03\x07", b""), &[]).unwrap_err();
    assert_eq!(error.to_string(), "byte 2 of the AWS Glue prefix is 07, expected 00 (plain) or 05 (zlib)");
}

#[test]
fn azure_names_the_schema_in_the_content_type() {
    let azure = FrameReader { registry: Some(RegistryKind::Azure), ..AUTO };
    let value = b"\x00\x00\x00\x00\x07";
    let digits = "89791C0A552e4c9d911d00f10e8b7d60";
    for media in ["avro/binary", "application/json", "Avro/Binary"] {
        let header = format!("{media}+{digits}");
        let headers: &Headers<'_> = &[(b"Content-Type", Some(header.as_bytes()))];
        let expected = frame(Form::AzureHeader, SchemaId::Azure(GUID), value);
        assert_eq!(read(&azure, value, headers).unwrap(), expected);
        assert_eq!(read(&FrameReader { framing: Framing::Azure, ..AUTO }, value, headers).unwrap(), expected);
        assert_eq!(
            read(&AUTO, value, headers).unwrap().form,
            Form::ConfluentPrefix,
            "the registry is Confluent's"
        );
    }
    for header in ["avro/binary", "avro/binary+89791c", "text/plain+89791c0a552e4c9d911d00f10e8b7d60", "+"] {
        let headers: &Headers<'_> = &[(b"content-type", Some(header.as_bytes()))];
        assert!(read(&azure, value, headers).is_err(), "{header}");
        let configured = FrameReader { has_configured_schema: true, ..azure };
        assert_eq!(read(&configured, value, headers).unwrap().form, Form::Bare);
    }
}

#[test]
fn an_id_of_zero_is_apicurios() {
    let record = bytes("00 00 00 00 00 00 00 00 07 61");
    let expected = frame(Form::ApicurioPrefix, SchemaId::Apicurio(7), b"a");
    assert_eq!(read(&AUTO, &record, &[]).unwrap(), expected);
    let confluent = FrameReader { framing: Framing::Confluent, ..AUTO };
    assert_eq!(read(&confluent, &record, &[]).unwrap().schema, SchemaId::Confluent(0));
}

/// What `auto` makes of first bytes: a line for settings, a column for a record.
#[test]
fn auto_decides_by_its_table() {
    let glue = |second: u8| [&[3, second][..], &[3; 16]].concat();
    let records: [(&str, Vec<u8>); 12] = [
        ("empty", Vec::new()),
        ("00", vec![0]),
        ("00+4", bytes("00 00 00 00 07")),
        ("00+zeros", bytes("00 00 00 00 00 00 00 00 07")),
        ("01+15", vec![1; 16]),
        ("01+16", vec![1; 17]),
        ("03 00+16", glue(0)),
        ("03 01+16", glue(1)),
        ("08 01", bytes("08 01")),
        ("{}", b"{}".to_vec()),
        (" 1", b" 1".to_vec()),
        ("ff", vec![0xff]),
    ];
    let title = records.iter().map(|(name, _)| format!("{name:<9}")).collect::<String>();
    let mut table = format!("{:<37}{title}\n", "format, registry, configured schema");
    for (settings, reader) in auto_settings() {
        let outcomes = records.iter().map(|(_, record)| format!("{:<9}", outcome(&reader, record)));
        table.push_str(&format!("{settings:<37}{}\n", outcomes.collect::<String>()));
    }
    insta::assert_snapshot!(table);
}

fn auto_settings() -> impl Iterator<Item = (String, FrameReader)> {
    let formats = [Format::Avro, Format::Protobuf, Format::JsonWithSchema, Format::String];
    let registries =
        [None, Some(RegistryKind::Confluent), Some(RegistryKind::Glue), Some(RegistryKind::Azure)];
    let settings = formats.into_iter().flat_map(move |format| registries.map(|registry| (format, registry)));
    settings.flat_map(|(format, registry)| {
        [false, true].map(|has_configured_schema| {
            let kind = registry.map_or("none".to_owned(), |kind| format!("{kind:?}"));
            let configured = if has_configured_schema { "yes" } else { "no" };
            let name = format!("{format:?}, {kind}, {configured}");
            (name, FrameReader { format, registry, has_configured_schema, ..AUTO })
        })
    })
}

fn outcome(reader: &FrameReader, record: &[u8]) -> &'static str {
    match read(reader, record, &[]).map(|frame| frame.form) {
        Ok(Form::Bare) => "bare",
        Ok(Form::ConfluentPrefix) => "id",
        Ok(Form::ConfluentGuidPrefix) => "guid",
        Ok(Form::ApicurioPrefix) => "apicurio",
        Ok(Form::Glue) => "glue",
        Ok(_) => "other",
        Err(_) => "-",
    }
}

#[test]
fn errors_say_what_was_met_expected_and_to_be_done() {
    let with_framing = |framing| FrameReader { framing, ..AUTO };
    let errors = [
        read(&AUTO, b"\x00\x00", &[]),
        read(&AUTO, b"\x41", &[]),
        read(&AUTO, b"", &[]),
        read(&AUTO, b"\x03\x00", &[]),
        read(&GLUE, b"\x00\x00\x00\x00\x07", &[]),
        read(&GLUE, b"\x03\x05zlib", &[]),
        read(&GLUE, &[3, 9], &[]),
        read(&with_framing(Framing::Apicurio), b"\x00\x00\x00\x00\x07", &[]),
        read(&with_framing(Framing::None), b"\x00\x00\x00\x00\x07", &[]),
        read(&FrameReader { registry: None, ..AUTO }, b"abc", &[]),
        read(&AUTO, b"", &[(b"__value_schema_id", Some(b"\x02\x00"))]),
        read(&AUTO, b"", &[(b"__value_schema_id", None)]),
        read(&PROTOBUF, b"\x00\x00\x00\x00\x07\x01", &[]),
        read(&with_framing(Framing::ApicurioGlobalId), b"\x00\x00", &[]),
        read(&with_framing(Framing::ApicurioContentId), b"{}", &[]),
        read(&AUTO, b"", &[(b"apicurio.value.globalId", Some(b"7"))]),
        read(&AUTO, b"", &[(b"apicurio.value.contentId", Some(b"\0\0\0\x01\0\0\0\0"))]),
        read(
            &AUTO,
            b"{}",
            &[
                (b"apicurio.value.contentId", Some(b"\0\0\0\0\0\0\0\x07")),
                (b"apicurio.value.encoding", Some(b"JSON")),
            ],
        ),
    ];
    let lines = errors.map(|error| {
        let error = error.unwrap_err();
        let hint = error.hint().map(|hint| format!("\n  hint: {hint}"));
        format!("{error}{}\n", hint.unwrap_or_default())
    });
    insta::assert_snapshot!(lines.concat());
}

fn written_forms() -> impl Strategy<Value = (FrameReader, Form, SchemaId, Message<'static>, Vec<u8>)> {
    let path = prop::collection::vec(any::<u32>().prop_map(|index| index >> 1), 1..32);
    (0..6_u8, any::<u64>(), any::<[u8; 16]>(), path, any::<bool>()).prop_map(
        |(form, id, uuid, path, is_protobuf)| {
            let format = if is_protobuf { Format::Protobuf } else { Format::Avro };
            let list = if is_protobuf { written_indexes(&path) } else { Vec::new() };
            let message = || if is_protobuf { indexes(&path) } else { Message::Untold };
            let ordinal = if is_protobuf { Message::Ordinal(1) } else { Message::Untold };
            let one = if is_protobuf { &[1][..] } else { &[] };
            let reader = |framing| FrameReader { framing, format, ..AUTO };
            let id4 = (id as u32).to_be_bytes();
            match form {
                0 => {
                    let schema = SchemaId::Confluent(id as u32);
                    (
                        reader(Framing::Confluent),
                        Form::ConfluentPrefix,
                        schema,
                        message(),
                        [&[0][..], &id4, &list].concat(),
                    )
                }
                1 => {
                    let schema = SchemaId::ConfluentGuid(uuid);
                    (
                        reader(Framing::Confluent),
                        Form::ConfluentGuidPrefix,
                        schema,
                        message(),
                        [&[1][..], &uuid, &list].concat(),
                    )
                }
                2 => {
                    let name: &[u8] = if is_protobuf { b"\x07\x0a\x05Order" } else { b"" };
                    let message = if is_protobuf { Message::Name("Order") } else { Message::Untold };
                    let prefix = [&[0][..], &id.to_be_bytes(), name].concat();
                    (reader(Framing::Apicurio), Form::ApicurioPrefix, SchemaId::Apicurio(id), message, prefix)
                }
                3 => (
                    reader(Framing::Glue),
                    Form::Glue,
                    SchemaId::Glue(uuid),
                    ordinal,
                    [&[3, 0][..], &uuid, one].concat(),
                ),
                4 => (
                    reader(Framing::Glue),
                    Form::GlueZlib,
                    SchemaId::Glue(uuid),
                    ordinal,
                    [&[3, 5][..], &uuid, one].concat(),
                ),
                _ => {
                    let reader = FrameReader { has_configured_schema: true, ..reader(Framing::None) };
                    (reader, Form::Bare, SchemaId::Configured, Message::Untold, Vec::new())
                }
            }
        },
    )
}

fn written_indexes(path: &[u32]) -> Vec<u8> {
    let mut list = Vec::new();
    for value in std::iter::once(path.len() as u64).chain(path.iter().map(|index| u64::from(*index))) {
        let mut zigzag = value << 1;
        while zigzag >= 0x80 {
            list.push(zigzag as u8 | 0x80);
            zigzag >>= 7;
        }
        list.push(zigzag as u8);
    }
    list
}

/// A Glue body is compressed behind its 18 bytes.
fn compressed(form: Form, prefix: &[u8], datum: &[u8]) -> Vec<u8> {
    let whole = [prefix, datum].concat();
    match form {
        Form::GlueZlib => {
            [&whole[..18], &miniz_oxide::deflate::compress_to_vec_zlib(&whole[18..], 6)].concat()
        }
        _ => whole,
    }
}

proptest! {
    #[test]
    fn every_form_is_read_as_it_was_written(
        (reader, form, schema, message, prefix) in written_forms(),
        datum in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        // What Apicurio writes in front of a message is told from it by the message's first byte, which is a field's tag.
        let has_no_tag = form == Form::ApicurioPrefix && datum.first().is_some_and(|first| *first < 8);
        let datum = if has_no_tag && reader.format == Format::Protobuf { Vec::new() } else { datum };
        let record = compressed(form, &prefix, &datum);
        let expected = Frame { form, schema, message, payload: Cow::Owned(datum) };
        prop_assert_eq!(read(&reader, &record, &[]).unwrap(), expected);
    }

    #[test]
    fn a_prefix_cut_short_is_refused((reader, form, _, _, prefix) in written_forms(), cut in any::<prop::sample::Index>()) {
        let id_bytes = match form {
            Form::ConfluentPrefix => 5,
            Form::ConfluentGuidPrefix => 17,
            Form::ApicurioPrefix => 9,
            Form::Glue | Form::GlueZlib => 18,
            _ => return Ok(()),
        };
        let length = cut.index(id_bytes);
        prop_assert!(read(&reader, &prefix[..length], &[]).is_err());
        let looks_like_confluent = form == Form::ApicurioPrefix && length >= 5;
        let automatic = FrameReader { framing: Framing::Auto, registry: None, ..reader };
        prop_assert!(looks_like_confluent || read(&automatic, &prefix[..length], &[]).is_err());
    }

    #[test]
    fn message_indexes_cut_short_are_refused(path in prop::collection::vec(0..1000_u32, 1..32), cut in any::<prop::sample::Index>()) {
        let list = written_indexes(&path);
        let record = [&[0, 0, 0, 0, 7][..], &list[..1 + cut.index(list.len() - 1)]].concat();
        let reader = FrameReader { framing: Framing::Confluent, ..PROTOBUF };
        prop_assert_eq!(message_of(&reader, &record), Err(FrameError::MessageIndexes));
    }

    #[test]
    fn anything_is_taken_or_refused(payload in frames_and_noise(), header in frames_and_noise()) {
        framing_laws::check(&[&[header.len() as u8][..], &header, &payload].concat());
    }

    #[test]
    fn settings_other_than_auto_do_not_look_at_the_registry(payload in frames_and_noise(), registry in 0..3_usize) {
        let kinds = [RegistryKind::Confluent, RegistryKind::Glue, RegistryKind::Azure];
        for reader in all_readers().filter(|reader| reader.framing != Framing::Auto) {
            let other = FrameReader { registry: Some(kinds[registry]), ..reader };
            prop_assert_eq!(read(&reader, &payload, &[]), read(&other, &payload, &[]));
        }
    }
}

/// Bytes that often begin like a frame.
fn frames_and_noise() -> impl Strategy<Value = Vec<u8>> {
    let starts: [&[u8]; 6] = [
        b"",
        b"\x00\x00\x00\x00\x07",
        b"\x01",
        b"\x03\x05",
        b"\x03\x00",
        b"avro/binary+89791c0a552e4c9d911d00f10e8b7d6",
    ];
    let noise = prop::collection::vec(any::<u8>(), 0..40);
    (prop::sample::select(starts.to_vec()), noise).prop_map(|(start, noise)| [start, &noise].concat())
}

#[test]
fn the_fuzz_corpus_keeps_the_laws() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/framing");
    let entries = std::fs::read_dir(corpus).expect("the corpus is part of the repository");
    let seeds: Vec<Vec<u8>> = entries.map(|entry| std::fs::read(entry.unwrap().path()).unwrap()).collect();
    assert!(seeds.len() >= 5, "{corpus} holds only {} seeds", seeds.len());
    seeds.iter().for_each(|seed| framing_laws::check(seed));
}
