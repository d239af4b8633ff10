//! Decoding takes memory in proportion to what it reads: at most four times its input, plus a constant.

mod held_memory;
mod protobuf_laws;

use forebay_ingest::{
    column_batch::ColumnBatch,
    document::{DocumentDecoder, Texts},
};
use protobuf_laws::*;

const CONSTANT: usize = 64 << 10;

/// Most bytes held at once while a record is decoded or, if that fails, looked at again.
fn most_held(table: &Table, record: &[u8]) -> usize {
    let mut rows = ColumnBatch::for_columns(&table.targets);
    let mut state = table.decoder.new_state(Texts::CheckedAtOnce);
    held_memory::most_held(|| {
        if table.decoder.decode(&mut state, record, &mut rows.columns).is_err() {
            drop(rows);
            drop(state);
            table.decoder.diagnose(record);
        }
    })
}

/// Columns whose values take no more bytes than the record they come from.
fn table() -> Table {
    let proto = r#"syntax = "proto3"; message M { string s = 1; repeated fixed64 l = 2; repeated string words = 3;
        M m = 4; map<int32, string> by = 5; repeated bool unread = 6; int32 n = 7; oneof o { M p = 8; int32 q = 9; } }"#;
    let columns = vec![
        column("s", "String"),
        column("l", "Array(UInt64)"),
        column("m.s", "Nullable(String)"),
        column("by", "Map(Int8, String)"),
        column("p.n", "Nullable(Int8)"),
    ];
    Table::new(proto, columns)
}

#[test]
fn memory_is_bounded_by_the_input() {
    const MEGA: usize = 1 << 18;
    let repeated = |part: Wire, count: usize| part.0.repeat(count);
    let nested = |count: usize| (0..count).fold(wire().int(7, 1), |inner, _| wire().message(4, inner)).0;
    let entries: Vec<u8> = (0..100)
        .cycle()
        .take(MEGA / 8)
        .flat_map(|key| wire().message(5, wire().int(1, key).bytes(2, "12345678")).0)
        .collect();
    let hostile: Vec<(&str, Vec<u8>)> = vec![
        ("long text", wire().bytes(1, "x".repeat(4 * MEGA)).0),
        ("text that is cut off", wire().bytes(1, "x".repeat(4 * MEGA)).0[..3 * MEGA].to_vec()),
        ("a length that is only claimed", vec![0x0a, 0xff, 0xff, 0xff, 0xff, 0x07, 0x61]),
        ("a packed length that is only claimed", vec![0x12, 0xff, 0xff, 0xff, 0xff, 0x07, 0x61]),
        ("a packed list", wire().bytes(2, vec![7; 4 * MEGA]).0),
        ("a list that is not packed", repeated(wire().double(2, 0.5), MEGA / 2)),
        ("unread values", repeated(wire().int(6, 1), MEGA)),
        ("unread packed values", wire().bytes(6, vec![1; 4 * MEGA]).0),
        ("messages in each other", nested(60)),
        ("too many messages in each other", nested(200)),
        ("open groups", [0x7b].repeat(MEGA)),
        ("one value again and again", repeated(wire().bytes(1, "12345678"), MEGA / 8)),
        ("parts of a message", repeated(wire().message(4, wire().int(7, 1)), MEGA)),
        ("empty parts of a message", repeated(wire().message(4, wire()), MEGA)),
        ("members of a oneof in turn", repeated(wire().message(8, wire().int(7, 1)).int(9, 1), MEGA)),
        ("repeated keys", entries),
        ("text that is not UTF-8", wire().bytes(1, vec![0xff; 4 * MEGA]).0),
    ];
    let table = table();
    for (name, record) in &hostile {
        let (held, input) = (most_held(&table, record), record.len());
        assert!(held <= 4 * input + CONSTANT, "{name}: {held} bytes held for {input} bytes of input");
    }
}
