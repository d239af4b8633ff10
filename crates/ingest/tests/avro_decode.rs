//! What becomes of an Avro record: the row, or what is wrong with it.
#![allow(clippy::unwrap_used)]

mod avro_laws;
mod json_laws;

use avro_laws::*;
use forebay_ingest::{
    avro::Options,
    document::{DocumentDecoder, Texts},
    json::WhenMissing,
};
use forebay_project::column_type::ColumnType;
use json_laws::*;

const STRING: ColumnType = ColumnType::String;

fn variant(members: &[ColumnType]) -> ColumnType {
    let mut members = members.to_vec();
    members.sort_by_key(ToString::to_string);
    ColumnType::Variant(members)
}

fn date_time64(precision: u8) -> ColumnType {
    ColumnType::DateTime64 { precision, time_zone: None }
}

/// One field, one column of the same name.
fn field(kind: &str, column_type: ColumnType, document: Datum) -> String {
    outcome(&record(&[("f", kind)]), &[column("f", column_type)], document)
}

mod what_another_connector_refuses {
    //! Tiger Cloud's documentation lists these as failing.
    use super::*;

    const UNION: &str = r#"["string","bytes","null"]"#;

    #[test]
    fn a_union_of_many_types() {
        let members = || variant(&[STRING, int(64)]);
        assert_eq!(field(UNION, nullable(STRING), datum().long(0).bytes("text")), r#""text""#);
        assert_eq!(field(UNION, nullable(STRING), datum().long(1).bytes("raw")), r#""raw""#);
        assert_eq!(field(UNION, nullable(STRING), datum().long(2)), "NULL");
        assert_eq!(field(r#"["string","long","null"]"#, members(), datum().long(2)), "NULL");
        assert_ne!(field(r#"["string","long","null"]"#, members(), datum().long(1).long(5)), "NULL");
    }

    #[test]
    fn a_union_at_the_root() {
        let columns = [column("", nullable(STRING))];
        let root = r#"["null","string"]"#;
        assert_eq!(outcome(root, &columns, datum().long(1).bytes("x")), r#""x""#);
        assert_eq!(outcome(root, &columns, datum().long(0)), "NULL");
    }

    #[test]
    fn a_type_named_elsewhere() {
        let person = r#"{"type":"record","name":"Person","fields":[
            {"name":"name","type":"string"},{"name":"address","type":"Address"}]}"#;
        let address = r#"{"type":"record","name":"Address","fields":[{"name":"street","type":"string"}]}"#;
        let columns = [column("name", STRING), column("address.street", STRING), column("address", STRING)];
        let writer = schema_with(person, &[("Address", address)]).unwrap();
        let decoder = decoder(&writer, None, &columns, Options::default());
        let document = datum().bytes("Ada").bytes("Main St");
        let row = r#""Ada" | "Main St" | "{\"street\":\"Main St\"}""#;
        assert_eq!(outcome_of(&decoder, &columns, &document.0), row);
    }

    #[test]
    fn logical_types_nobody_knows() {
        let date_time = r#"{"type":"int","logicalType":"date-time"}"#;
        assert_eq!(field(date_time, int(32), datum().long(5)), "5");
        let json = r#"{"type":"string","logicalType":"json"}"#;
        assert_eq!(field(json, STRING, datum().bytes("{}")), r#""{}""#);
        let custom = r#"{"type":"bytes","logicalType":"custom-type"}"#;
        assert_eq!(field(custom, STRING, datum().bytes("raw")), r#""raw""#);
    }
}

#[test]
fn scalars_take_their_columns() {
    assert_eq!(field(r#""boolean""#, ColumnType::Bool, datum().raw([1])), "1");
    assert_eq!(field(r#""int""#, int(8), datum().long(-128)), "-128");
    assert_eq!(field(r#""int""#, int(8), datum().long(128)), "f: out-of-range: 128");
    assert_eq!(field(r#""int""#, int(64), datum().long(-5)), "-5");
    assert_eq!(field(r#""long""#, int(64), datum().long(i64::MIN)), i64::MIN.to_string());
    let unsigned = ColumnType::Int { bits: 64, signed: false };
    assert_eq!(field(r#""long""#, unsigned.clone(), datum().long(i64::MAX)), i64::MAX.to_string());
    assert_eq!(field(r#""long""#, unsigned, datum().long(-1)), "f: out-of-range: -1");
    assert_eq!(field(r#""long""#, STRING, datum().long(-1)), r#""-1""#);
    assert_eq!(field(r#""string""#, int(32), datum().bytes("12")), "12");
    assert_eq!(field(r#""string""#, int(32), datum().bytes("x")), "f: not-a-number: x");
    assert_eq!(field(r#""double""#, int(32), datum().double(1.5)), "f: lossy: 1.5");
    assert_eq!(field(r#""bytes""#, ColumnType::FixedString(2), datum().bytes([1])), "1");
    let suits = r#"{"type":"enum","name":"S","symbols":["UP","DOWN"]}"#;
    let numbers = ColumnType::Enum { bits: 8, values: vec![("DOWN".to_owned(), -3)] };
    assert_eq!(field(suits, low_cardinality(STRING), datum().long(1)), r#""DOWN""#);
    assert_eq!(field(suits, numbers.clone(), datum().long(1)), "-3");
    assert_eq!(field(suits, numbers, datum().long(0)), "f: unknown-enum-value: UP");
    assert_eq!(field(r#""string""#, STRING, datum().bytes([0xff])), "f: invalid-utf8: \u{fffd}");
}

#[test]
fn logical_types_take_their_columns() {
    let millis = r#"{"type":"long","logicalType":"timestamp-millis"}"#;
    let second = 1_700_000_000_123;
    assert_eq!(field(millis, date_time64(3), datum().long(second)), second.to_string());
    assert_eq!(field(millis, date_time64(6), datum().long(second)), (second * 1_000).to_string());
    assert_eq!(field(millis, date_time64(0), datum().long(second)), "f: lossy: 2023-11-14T22:13:20.123Z");
    assert_eq!(field(millis, date_time64(3), datum().long(-1_000)), "-1000");
    assert_eq!(
        field(millis, date_time64(3), datum().long(i64::MAX)).split(':').nth(1),
        Some(" out-of-range")
    );
    assert_eq!(field(millis, STRING, datum().long(second)), r#""2023-11-14T22:13:20.123Z""#);
    let local = r#"{"type":"long","logicalType":"local-timestamp-millis"}"#;
    assert_eq!(field(local, STRING, datum().long(second)), r#""2023-11-14T22:13:20.123""#);
    let berlin = ColumnType::DateTime64 { precision: 3, time_zone: Some("Europe/Berlin".to_owned()) };
    assert_eq!(field(local, berlin, datum().long(second)), (second - 3_600_000).to_string());
    let date = r#"{"type":"int","logicalType":"date"}"#;
    assert_eq!(field(date, ColumnType::Date32, datum().long(-1)), "-1");
    assert_eq!(field(date, ColumnType::Date, datum().long(-1)), "f: out-of-range: 1969-12-31");
    let decimal = r#"{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}"#;
    let cents = ColumnType::Decimal { precision: 18, scale: 3 };
    assert_eq!(field(decimal, cents.clone(), datum().bytes([0xfb, 0x2e])), "-12340");
    assert_eq!(field(decimal, STRING, datum().bytes([0xfb, 0x2e])), r#""-12.34""#);
    let big = r#"{"type":"bytes","logicalType":"big-decimal"}"#;
    let value = datum().bytes([5]).long(1).0;
    assert_eq!(field(big, cents, datum().bytes(&value)), "500");
    assert!(field(big, STRING, datum().bytes([9])).starts_with("record: invalid-avro"));
    let wide = r#"{"type":"bytes","logicalType":"decimal","precision":100,"scale":0}"#;
    assert_eq!(field(wide, STRING, datum().bytes([1; 33])).len(), 80);
    let uuid = r#"{"type":"string","logicalType":"uuid"}"#;
    let text = "123e4567-e89b-12d3-a456-426614174000";
    assert_eq!(field(uuid, STRING, datum().bytes(text)), format!("\"{text}\""));
    assert_eq!(field(uuid, ColumnType::Uuid, datum().bytes("no")), "f: not-a-uuid: ");
    let fixed = r#"{"type":{"type":"fixed","name":"U","size":16},"logicalType":"uuid"}"#;
    assert_eq!(field(fixed, STRING, datum().raw([0x11; 16])), r#""11111111-1111-1111-1111-111111111111""#);
    let duration = r#"{"type":"fixed","name":"D","size":12,"logicalType":"duration"}"#;
    assert_eq!(
        field(duration, STRING, datum().raw([1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0])),
        r#""P1M2DT0.003S""#
    );
}

#[test]
fn nulls_and_missing_values_follow_one_rule() {
    let optional = r#"["null","long"]"#;
    let null = || datum().long(0);
    assert_eq!(field(optional, nullable(int(64)), null()), "NULL");
    assert_eq!(field(optional, int(64), null()), "f: null-for-required: ");
    let columns = [with_default(column("f", int(64)))];
    assert_eq!(outcome(&record(&[("f", optional)]), &columns, null()), "DEFAULT");
    assert_eq!(outcome(&record(&[("f", optional)]), &columns, datum().long(1).long(7)), "7");
    let list = r#"["null",{"type":"array","items":"int"}]"#;
    assert_eq!(field(list, array(int(32)), null()), "[]");
    let map_type = r#"["null",{"type":"map","values":"int"}]"#;
    assert_eq!(field(map_type, map(STRING, int(32)), null()), "[]");
    let inner = r#"["null",{"type":"record","name":"I","fields":[{"name":"x","type":"int"}]}]"#;
    assert_eq!(field(inner, tuple([("x", int(32))]), null()), "(0)");
    assert_eq!(field(inner, nullable(STRING), null()), "NULL");

    let writer = record(&[("f", inner)]);
    let missing = |column_type| outcome(&writer, &[column("f.x", column_type)], null());
    assert_eq!(missing(nullable(int(32))), "NULL");
    assert_eq!(missing(int(32)), "f.x: missing-required: ");
    let columns = [with_default(column("nowhere", int(32)))];
    assert_eq!(outcome(&writer, &columns, null()), "DEFAULT");
    let columns = [column("nowhere", int(32)), column("f.x", int(32))];
    let options = Options { when_missing: WhenMissing::TypeZero, ..Options::default() };
    assert_eq!(outcome_of(&decoder(&schema(&writer), None, &columns, options), &columns, &null().0), "0 | 0");
}

#[test]
fn a_record_goes_to_a_tuple_a_map_or_text() {
    let inner = r#"{"type":"record","name":"I","fields":[
        {"name":"x","type":"int"},{"name":"y","type":"string","aliases":["why"]},{"name":"z","type":"int"}]}"#;
    let document = || datum().long(1).bytes("é\"").long(3);
    assert_eq!(field(inner, tuple([("y", STRING), ("x", int(8))]), document()), r#"("é\"", 1)"#);
    assert_eq!(field(inner, tuple([("why", STRING)]), document()), r#"("é\"")"#);
    assert_eq!(field(inner, tuple([("", int(8)), ("", STRING)]), document()), r#"(1, "é\"")"#);
    assert_eq!(field(inner, tuple([("x", int(8)), ("w", nullable(int(8)))]), document()), "(1, NULL)");
    assert_eq!(field(inner, tuple([("w", int(8))]), document()), {
        r#"f: missing-required: {"x":1,"y":"é\"","z":3}"#
    });
    assert_eq!(field(inner, map(STRING, STRING), document()), r#"[("x", "1"), ("y", "é\""), ("z", "3")]"#);
    assert_eq!(field(inner, STRING, document()), r#""{\"x\":1,\"y\":\"é\\\"\",\"z\":3}""#);
    assert_eq!(field(inner, int(8), document()), r#"f: wrong-shape: {"x":1,"y":"é\"","z":3}"#);
}

#[test]
fn lists_and_maps_come_in_blocks_of_either_form() {
    let list = r#"{"type":"array","items":"int"}"#;
    let blocks = || datum().long(2).long(1).long(2).long(-1).long(1).long(3).long(0);
    assert_eq!(field(list, array(int(16)), blocks()), "[1, 2, 3]");
    assert_eq!(field(list, STRING, blocks()), r#""[1,2,3]""#);
    assert_eq!(field(list, tuple([("", int(8)), ("", int(8)), ("", int(8))]), blocks()), "(1, 2, 3)");
    assert_eq!(field(list, tuple([("", int(8))]), blocks()), "f: wrong-shape: [1,2,3]");
    let entries = r#"{"type":"map","values":"int"}"#;
    let blocks = || datum().long(-1).long(3).bytes("a").long(1).long(1).bytes("b").long(2).long(0);
    assert_eq!(field(entries, map(STRING, int(16)), blocks()), r#"[("a", 1), ("b", 2)]"#);
    let pairs = array(tuple([("key", STRING), ("value", int(8))]));
    assert_eq!(field(entries, pairs, blocks()), r#"[("a", 1), ("b", 2)]"#);
    assert_eq!(field(entries, tuple([("b", int(8)), ("c", nullable(int(8)))]), blocks()), "(2, NULL)");
    let columns = [column("f.b", int(8)), column("f.c", nullable(int(8)))];
    assert_eq!(outcome(&record(&[("f", entries)]), &columns, blocks()), "2 | NULL");
}

#[test]
fn paths_lead_through_unions_lists_and_names() {
    let writer = r#"[
        {"type":"record","name":"a.Added","fields":[{"name":"id","type":"long"},{"name":"tags","type":
            {"type":"array","items":{"type":"record","name":"Tag","fields":[{"name":"k","type":"string"}]}}}]},
        {"type":"record","name":"a.Removed","fields":[{"name":"id","type":"long"}]},
        "string"]"#;
    let columns = [
        column("id", nullable(int(64))),
        column("tags[:].k", array(STRING)),
        column("a.Removed", nullable(STRING)),
        column("string", nullable(STRING)),
    ];
    // `a.Removed` above is two steps; the name of a branch is one.
    let mut columns = columns.to_vec();
    columns[2] = column("Removed", nullable(STRING));
    columns[1] = with_default(columns[1].clone());
    let added = datum().long(0).long(7).long(2).bytes("x").bytes("y").long(0);
    assert_eq!(outcome(writer, &columns, added), r#"7 | ["x", "y"] | NULL | NULL"#);
    assert_eq!(outcome(writer, &columns, datum().long(1).long(8)), r#"8 | DEFAULT | "{\"id\":8}" | NULL"#);
    assert_eq!(outcome(writer, &columns, datum().long(2).bytes("s")), r#"NULL | DEFAULT | NULL | "s""#);

    let plain = record(&[("f", r#""string""#)]);
    assert_eq!(outcome(&plain, &[column("f.string", STRING)], datum().bytes("x")), r#""x""#);
}

#[test]
fn recursive_types_become_text_and_are_bounded() {
    let tree = r#"{"type":"record","name":"Node","fields":[
        {"name":"v","type":"int"},{"name":"next","type":["null","Node"]}]}"#;
    let columns =
        [column("v", int(32)), column("next", nullable(STRING)), column("next.next.v", nullable(int(32)))];
    let chain = |length: i64| {
        let nodes = (1..length).fold(datum(), |datum, value| datum.long(value).long(1));
        nodes.long(length).long(0)
    };
    assert_eq!(outcome(tree, &columns, chain(1)), "1 | NULL | NULL");
    let text = r#""{\"v\":2,\"next\":{\"v\":3,\"next\":null}}""#;
    assert_eq!(outcome(tree, &columns, chain(3)), format!("1 | {text} | 3"));
    assert!(outcome(tree, &columns, chain(60)).starts_with("1 | "));
    assert!(outcome(tree, &columns, chain(100_000)).starts_with("record: too-deep"));
}

#[test]
fn bytes_that_are_no_value_refuse_the_record() {
    let all = [("b", r#""boolean""#), ("i", r#""int""#), ("s", r#""string""#), ("u", r#"["null","int"]"#)];
    let (writer, columns) = (record(&all), [column("i", int(32))]);
    let shown = |document: Datum| outcome(&writer, &columns, document);
    let good = || datum().raw([1]).long(5).bytes("x").long(0);
    assert_eq!(shown(good()), "5");
    assert_eq!(shown(datum()), "record: invalid-avro: the value is empty");
    assert_eq!(shown(good().raw([0])), "record: invalid-avro: bytes after the end of the value at byte 5");
    let starts = |document: Datum, expected: &str| {
        let shown = shown(document);
        assert!(shown.starts_with(&format!("record: invalid-avro: {expected}")), "{shown}");
    };
    starts(datum().raw([2]), "a boolean that is neither 0 nor 1");
    starts(datum().raw([1]).long(1 << 40), "an int of more than 32 bits");
    starts(datum().raw([1]).raw([0x80; 12]), "an integer of more than 64 bits");
    starts(datum().raw([1]).raw([0x80; 3]), "the value ends early");
    starts(datum().raw([1]).long(5).long(-1), "a length below zero");
    starts(datum().raw([1]).long(5).long(i64::MAX), "the value ends early");
    starts(datum().raw([1]).long(5).bytes("x").long(2), "the number of a branch");
    starts(datum().raw([1]).long(5).bytes("x").long(-1), "the number of a branch");
}

#[test]
fn claimed_items_without_bytes_are_bounded() {
    let nulls = r#"{"type":"array","items":"null"}"#;
    assert_eq!(field(nulls, array(nullable(int(8))), datum().long(3).long(0)), "[NULL, NULL, NULL]");
    let claimed = datum().long(1 << 40).long(0);
    assert!(
        field(nulls, array(nullable(int(8))), claimed).starts_with("record: invalid-avro: too many items")
    );
}

#[test]
fn a_record_without_bytes_is_a_row() {
    assert_eq!(outcome(&record(&[("n", r#""null""#)]), &[column("n", nullable(int(8)))], datum()), "NULL");
}

#[test]
fn a_root_of_bytes_may_have_no_length() {
    let columns = [whole()];
    let options = Options { raw_root_bytes: true, ..Options::default() };
    let decoder = decoder(&schema(r#""bytes""#), None, &columns, options);
    assert_eq!(outcome_of(&decoder, &columns, b"raw"), r#""raw""#);
    assert_eq!(outcome(r#""bytes""#, &columns, datum().bytes("raw")), r#""raw""#);
    assert_eq!(outcome(r#""long""#, &columns, datum().long(5)), r#""5""#);
}

#[test]
fn every_column_at_fault_is_named_with_its_value() {
    let fields = [("a", r#""int""#), ("b", r#""string""#), ("c", r#"{"type":"array","items":"long"}"#)];
    let columns = [column("a", int(8)), column("b", int(8)), column("c", array(int(8))), column("d", int(8))];
    let document = datum().long(300).bytes("x").long(2).long(1).long(999).long(0);
    let expected = "a: out-of-range: 300; b: not-a-number: x; c: out-of-range: 999; d: missing-required: ";
    assert_eq!(outcome(&record(&fields), &columns, document.clone()), expected);
    let decoder = decoder(&schema(&record(&fields)), None, &columns, Options::default());
    let found = decoder.diagnose(&document.0).found;
    let found: Vec<_> = found.iter().map(|text| text.as_deref().map(String::from_utf8_lossy)).collect();
    assert_eq!(found, [Some("300".into()), Some("x".into()), Some("[1,999]".into()), None]);
}

#[test]
fn names_go_before_aliases() {
    let inner = r#"{"type":"record","name":"I","fields":[
        {"name":"x","type":"int","aliases":["y","z"]},{"name":"y","type":"int"}]}"#;
    let document = || datum().long(1).long(2);
    assert_eq!(field(inner, tuple([("y", int(8)), ("z", int(8))]), document()), "(2, 1)");
    let columns = [column("f.y", int(8)), column("f.z", int(8)), column("f.x", int(8))];
    assert_eq!(outcome(&record(&[("f", inner)]), &columns, document()), "2 | 1 | 1");
}

mod with_a_reader {
    use super::*;

    fn read(
        writer: &str,
        reader: &str,
        columns: &[forebay_ingest::target::TargetColumn],
        document: Datum,
    ) -> String {
        let Datum(document) = document;
        let decoder = decoder(&schema(writer), Some(&schema(reader)), columns, Options::default());
        outcome_of(&decoder, columns, &document)
    }

    #[test]
    fn aliases_defaults_and_other_record_names_apply() {
        let writer = r#"{"type":"record","name":"Old","fields":[
            {"name":"id","type":"int"},{"name":"gone","type":"string"},{"name":"title","type":"string"}]}"#;
        let reader = r#"{"type":"record","name":"New","fields":[
            {"name":"name","type":"string","aliases":["title"]},{"name":"id","type":"long"},
            {"name":"tags","type":{"type":"array","items":"string"},"default":["none"]},
            {"name":"note","type":["null","string"],"default":null},
            {"name":"in","type":{"type":"record","name":"In","fields":[{"name":"x","type":"int","default":4}]},"default":{}}]}"#;
        let columns = [
            column("id", int(64)),
            column("name", STRING),
            column("title", STRING),
            column("tags", array(STRING)),
            column("note", nullable(STRING)),
            column("gone", nullable(STRING)),
            column("in.x", int(8)),
            whole(),
        ];
        let row = read(writer, reader, &columns, datum().long(1).bytes("g").bytes("t"));
        let text = r#""{\"id\":1,\"name\":\"t\",\"tags\":[\"none\"],\"note\":null,\"in\":{\"x\":4}}""#;
        assert_eq!(row, format!(r#"1 | "t" | "t" | ["none"] | NULL | NULL | 4 | {text}"#));
    }

    #[test]
    fn symbols_the_reader_does_not_know_become_its_default() {
        let writer = r#"{"type":"enum","name":"E","symbols":["A","B","C"]}"#;
        let reader = r#"{"type":"enum","name":"E","symbols":["A","Z"],"default":"Z"}"#;
        assert_eq!(read(writer, reader, &[whole()], datum().long(2)), r#""Z""#);
        let strict = r#"{"type":"enum","name":"E","symbols":["A","Z"]}"#;
        assert_eq!(read(writer, strict, &[whole()], datum().long(2)), ": unknown-enum-value: C");
    }

    #[test]
    fn promotions_keep_the_value() {
        let cases = [
            (r#""int""#, r#""long""#, datum().long(5), r#""5""#),
            (r#""int""#, r#""double""#, datum().long(5), r#""5""#),
            (r#""long""#, r#""float""#, datum().long(16_777_217), r#""16777217""#),
            (r#""float""#, r#""double""#, datum().float(0.1), r#""0.1""#),
            (r#""string""#, r#""bytes""#, datum().bytes("x"), r#""x""#),
            (r#""bytes""#, r#""string""#, datum().bytes("x"), r#""x""#),
            (r#""int""#, r#"["null","long"]"#, datum().long(5), r#""5""#),
            (r#"["null","int"]"#, r#""long""#, datum().long(1).long(5), r#""5""#),
            (
                r#""long""#,
                r#"{"type":"long","logicalType":"timestamp-millis"}"#,
                datum().long(0),
                r#""1970-01-01T00:00:00.000Z""#,
            ),
        ];
        for (writer, reader, document, expected) in cases {
            assert_eq!(read(writer, reader, &[whole()], document), expected, "{writer} as {reader}");
        }
    }

    #[test]
    fn what_the_reader_cannot_take_is_at_fault_where_it_is_read() {
        let (writer, reader) = (
            record(&[("a", r#""string""#), ("b", r#""int""#)]),
            record(&[("a", r#""int""#), ("b", r#""int""#)]),
        );
        let document = || datum().bytes("x").long(5);
        assert_eq!(read(&writer, &reader, &[column("b", int(8))], document()), "5");
        assert_eq!(read(&writer, &reader, &[column("a", STRING)], document()), "a: wrong-shape: x");
    }
}

#[test]
fn texts_checked_later_are_found_to_be_invalid() {
    let columns = [column("f", STRING)];
    let decoder = decoder(&schema(&record(&[("f", r#""string""#)])), None, &columns, Options::default());
    let documents = [datum().bytes("é").0, datum().bytes([0xc3]).0, datum().bytes([0xa9]).0];
    let (rows, outcomes) = decode_documents(&decoder, &columns, &documents, Texts::CheckedLater);
    assert!(outcomes.iter().all(Option::is_none));
    assert!(!decoder.texts_are_valid(&rows.columns, 0), "a character torn between two rows is no text");
    let (rows, outcomes) = decode_documents(&decoder, &columns, &documents, Texts::CheckedAtOnce);
    assert_eq!((rows.row_count(), outcomes.iter().flatten().count()), (1, 2));
}

#[test]
fn the_good_documents_of_the_laws_are_rows() {
    let columns = everything();
    for seed in 1..4 {
        check_document(&good(seed));
    }
    assert_eq!(columns.len(), 25);
}
