//! The laws of the Protobuf decoder over mutated records, arbitrary bytes and arbitrary schema texts: the fuzz targets'
//! short run.
#![allow(clippy::unwrap_used)]

mod protobuf_laws;

use forebay_ingest::protobuf::ProtobufSchema;
use proptest::prelude::*;
use protobuf_laws::*;

/// A record that has something of everything.
fn rich() -> Vec<u8> {
    let inner =
        || wire().int(1, 7).bytes(2, "in").bytes(3, [2, 4]).message(4, wire().int(1, 8)).double(5, 0.5);
    let value = || wire().bytes(3, "v");
    wire()
        .int(1, -1)
        .varint(4, u64::MAX)
        .double(12, 0.5)
        .bytes(14, "text")
        .bytes(15, [0xff])
        .varint(16, 1)
        .message(18, inner())
        .bytes(19, [1, 2, 0x81, 1])
        .bytes(20, "a")
        .message(21, inner())
        .message(22, wire().bytes(1, "k").int(2, 9))
        .message(23, wire().int(1, 2).message(2, inner()))
        .int(25, 5)
        .message(27, wire().int(1, 1_700_000_000).int(2, 5))
        .message(28, wire().int(1, 5))
        .message(29, wire().int(1, 3))
        .message(30, wire().message(1, wire().bytes(1, "x").message(2, value())))
        .message(31, value())
        .message(33, wire().message(18, inner()))
        .message(
            34,
            wire().message(1, wire().message(5, wire().message(1, wire().bytes(1, "a").message(2, value())))),
        )
        .message(35, packed("everything.Inner", inner()))
        .message(36, wire().bytes(1, "k").message(2, packed("everything.Everything", wire().bytes(24, "n"))))
        .group(90, wire().int(1, 1))
        .0
}

fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<prop::sample::Index>(), any::<u8>(), 0..5_u8);
    prop::collection::vec(change, 1..6).prop_map(|changes| {
        let mut bytes = rich();
        for (at, byte, change) in changes {
            let at = at.index(bytes.len() + 1);
            match change {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, byte),
                2 => bytes.extend_from_within(at..),
                3 if at < bytes.len() => drop(bytes.remove(at)),
                _ if at < bytes.len() => bytes[at] = byte,
                _ => {}
            }
        }
        bytes
    })
}

const PROTO: &str = r#"edition = "2023"; package p; import "google/protobuf/any.proto"; option features.field_presence = IMPLICIT;
message M { map<string, M> m = 1; oneof o { int32 a = 2; string b = 3; } reserved 4 to 9, 20; reserved x, y;
repeated E e = 10 [features.repeated_field_encoding = EXPANDED]; enum E { Z = 0; reserved -5; } extensions 100 to max; }
/* end */ service S { rpc Get (M) returns (stream M) { option deprecated = true; } }"#;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn laws_hold_for_mutated_records(record in mutated()) {
        check(&record);
    }

    #[test]
    fn laws_hold_for_any_bytes(record in prop::collection::vec(any::<u8>(), 0..60)) {
        check(&record);
    }

    #[test]
    fn any_schema_text_is_read_or_refused(cut in any::<prop::sample::Index>(), inserted in "[a-z{}\\[\\]();=,\"'/*. 0-9]{0,6}", skip in 0..20_usize) {
        let at = cut.index(PROTO.len());
        let text = format!("{}{inserted}{}", &PROTO[..at], PROTO.get(at + skip..).unwrap_or_default());
        check_schema(&text, &[]);
    }

    #[test]
    fn any_schema_reads_any_bytes(record in prop::collection::vec(prop_oneof![0..40_u8, any::<u8>()], 0..40)) {
        check_schema(SHORT, &record);
    }
}

/// What the paths of [`check_schema`] find something in.
const SHORT: &str = r#"syntax = "proto3"; import "google/protobuf/any.proto"; import "google/protobuf/struct.proto";
message M { repeated N a = 1; map<int32, M> b = 2; } message N { google.protobuf.Struct a = 1; google.protobuf.Any b = 2; M c = 3; }"#;

#[test]
fn laws_hold_for_the_record_they_start_from() {
    check(&rich());
    check(&[]);
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let corpus = format!("{}/../../fuzz/corpus/{target}", env!("CARGO_MANIFEST_DIR"));
    let entries = std::fs::read_dir(&corpus).expect("the corpus is part of the repository");
    let seeds: Vec<_> = entries.map(|entry| std::fs::read(entry.unwrap().path()).unwrap()).collect();
    assert!(seeds.len() >= 4, "{corpus} holds only {} seeds", seeds.len());
    seeds
}

#[test]
fn the_fuzz_corpus_keeps_the_laws() {
    seeds("protobuf_decode").iter().for_each(|seed| check(seed));
    let mut schemas = 0;
    for seed in seeds("protobuf_schema") {
        let mut parts = seed.splitn(2, |byte| *byte == 0);
        let (text, record) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let text = std::str::from_utf8(text).unwrap();
        schemas += usize::from(ProtobufSchema::parse(&schema(text)).is_ok());
        check_schema(text, record);
    }
    assert!(schemas >= 4, "only {schemas} of the seeds are schemas");
}

#[test]
fn schemas_of_an_edition_may_end_anywhere() {
    let text = r#"edition = "2023"; import option "a"; message M { export enum oneof reserved a, 4; oneof x { int32 y = 1; } extend"#;
    for end in 0..text.len() {
        check_schema(&text[..end], &[]);
    }
}
