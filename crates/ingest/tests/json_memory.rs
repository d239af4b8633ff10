//! Decoding takes memory in proportion to what it reads: at most four times its input, plus a constant.

mod held_memory;
mod json_laws;

use forebay_ingest::{decode::RowDecoder, quarantine::Rejects, records::RecordBatch};
use forebay_project::column_type::ColumnType;
use json_laws::*;

const CONSTANT: usize = 64 << 10;

/// Most bytes held at once while `records` are decoded.
fn most_held(decoder: &RowDecoder, records: &RecordBatch) -> usize {
    let mut rows = decoder.new_batch();
    let mut rejects = Rejects::default();
    held_memory::most_held(|| decode_into(decoder, records, &mut rows, &mut rejects))
}

fn assert_proportionate(decoder: &RowDecoder, name: &str, records: &RecordBatch) {
    let (held, input) = (most_held(decoder, records), records.payload_bytes());
    assert!(held <= 4 * input + CONSTANT, "{name}: {held} bytes held for {input} bytes of input");
}

/// Columns whose values take no more bytes than the JSON they come from.
fn decoder() -> RowDecoder {
    compile(&[
        with_default(column("s", ColumnType::String)),
        with_default(column("n", int(16))),
        with_default(column("l", array(nullable(int(8))))),
        with_default(column("o", map(ColumnType::String, ColumnType::String))),
        with_default(column("e[:].n", array(int(16)))),
    ])
}

#[test]
fn memory_is_bounded_by_the_input() {
    let mega = 1 << 20;
    let object = |key: &str, value: String| format!("{{\"{key}\":{value}}}");
    let list = |item: &str, count| format!("[{}0]", item.repeat(count));
    let hostile = [
        ("a long string", object("s", format!("\"{}\"", "x".repeat(4 * mega)))),
        ("a string of escapes", object("s", format!("\"{}\"", "\\n".repeat(2 * mega)))),
        ("a string that is cut off", format!("{{\"s\":\"{}", "x".repeat(4 * mega))),
        ("open brackets", "[".repeat(4 * mega)),
        ("open brackets in a column", format!("{{\"l\":{}", "[".repeat(4 * mega))),
        ("a list", object("l", list("0,", mega))),
        ("a list of bad items", object("l", list("x,", mega))),
        ("a list of items out of range", object("l", list("999,", mega))),
        ("a list of nulls", object("l", list("null,", mega))),
        ("items without the field", object("e", list("{},", mega))),
        ("a list that is skipped", object("unread", list("{\"a\":[1]},", mega))),
        ("a long number", object("n", "1".repeat(4 * mega))),
        ("a number to text", object("s", "1".repeat(4 * mega))),
        ("a long key", object(&"k".repeat(4 * mega), "1".to_owned())),
        ("an escaped long key", object(&"\\n".repeat(2 * mega), "1".to_owned())),
        ("raw text", object("s", list("1,", 2 * mega))),
        ("repeated keys", format!("{{{}\"s\":\"\"}}", "\"s\":\"xxxxxxxxxxxxxxxx\",".repeat(mega / 4))),
        ("many keys", {
            let members: Vec<_> = (0..mega / 16).map(|key| format!("\"key{key}\":{key}")).collect();
            format!("{{{}}}", members.join(","))
        }),
    ];
    let decoder = decoder();
    for (name, record) in &hostile {
        assert_proportionate(&decoder, name, &records([record]));
    }
    assert_proportionate(
        &decoder,
        "small records",
        &records(vec![r#"{"s":"text","n":1,"l":[1],"o":{"a":"b"},"unread":[1,2,3]}"#; 20_000]),
    );
    assert_proportionate(
        &decoder,
        "refused records",
        &records(vec![
            r#"{"s":"some text of a usual length, as records have it","n":"bad","l":[1],"o":{"a":"b","c":"d","e":"f"},"e":[{"n":1}],"unread":["a","b","c","d","e","f","g","h","i","j","k","l","m","n","o","p","q","r","s"]}"#;
            2_000
        ]),
    );
}

#[test]
fn memory_does_not_grow_with_what_records_keep_changing() {
    // A row takes two bytes here, and eight for its place in the batch; buffers grow by doubling.
    let decoder = compile(&[with_default(column("a", int(8)))]);
    let changing = |count| records((0..count).map(|index| format!("{{\"unread{index}\":0}}")));
    let (few, many) = (most_held(&decoder, &changing(1_000)), most_held(&decoder, &changing(100_000)));
    assert!(many <= few + 24 * 100_000, "{few} bytes for 1,000 records, {many} for 100,000");
}
