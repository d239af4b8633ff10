//! The laws of the Protobuf decoder over mutated records, arbitrary bytes and arbitrary schema texts: the fuzz targets'
//! short run.
#![allow(clippy::unwrap_used)]

mod protobuf_laws;

use forebay_ingest::protobuf::{MessageChoice, ProtobufSchema};
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
        if let Ok(schema) = ProtobufSchema::parse(&schema(&text)) {
            let _ = schema.message(MessageChoice::First);
        }
    }
}

#[test]
fn laws_hold_for_the_record_they_start_from() {
    check(&rich());
    check(&[]);
}
