//! Decoding Avro takes memory in proportion to what it reads: at most four times its input, plus a constant.

mod avro_laws;
mod held_memory;
mod json_laws;

use avro_laws::*;
use forebay_ingest::{
    avro::{Decoder, Options},
    column_batch::ColumnBatch,
    document::{DocumentDecoder, Texts},
    target::TargetColumn,
};
use forebay_project::column_type::ColumnType;
use held_memory::most_held;
use json_laws::*;

/// Items that take no byte, of which a record may have 65,536, and what is allocated whatever the input.
const CONSTANT: usize = 320 << 10;

const SCHEMA: &str = r#"{"type":"record","name":"R","fields":[
    {"name":"s","type":"string"},
    {"name":"y","type":"bytes"},
    {"name":"l","type":{"type":"array","items":["null","int"]}},
    {"name":"z","type":{"type":"array","items":"null"}},
    {"name":"m","type":{"type":"map","values":"string"}},
    {"name":"e","type":{"type":"array","items":{"type":"record","name":"I","fields":[{"name":"n","type":"int"}]}}},
    {"name":"u","type":{"type":"array","items":{"type":"array","items":"string"}}}]}"#;

/// Columns whose values take no more bytes than the Avro they come from.
fn columns() -> Vec<TargetColumn> {
    vec![
        column("s", ColumnType::String),
        column("y", ColumnType::String),
        column("l", array(nullable(int(8)))),
        column("z", array(nullable(int(8)))),
        column("m", map(ColumnType::String, ColumnType::String)),
        column("e[:].n", array(int(8))),
    ]
}

struct Parts {
    s: Datum,
    y: Datum,
    l: Datum,
    z: Datum,
    m: Datum,
    e: Datum,
    u: Datum,
}

impl Parts {
    fn empty() -> Self {
        let none = || datum().long(0);
        Self { s: none(), y: none(), l: none(), z: none(), m: none(), e: none(), u: none() }
    }

    fn join(self) -> Vec<u8> {
        let Self { s, y, l, z, m, e, u } = self;
        [s, y, l, z, m, e, u].into_iter().flat_map(|part| part.0).collect()
    }
}

fn assert_proportionate(decoder: &Decoder, columns: &[TargetColumn], name: &str, document: &[u8]) {
    let mut rows = ColumnBatch::for_columns(columns);
    let held = most_held(|| {
        let mut state = decoder.new_state(Texts::CheckedAtOnce);
        // What comes of it is none of this test's business.
        let _ = decoder.decode(&mut state, document, &mut rows.columns);
    });
    let input = document.len();
    assert!(held <= 4 * input + CONSTANT, "{name}: {held} bytes held for {input} bytes of input");
}

#[test]
fn memory_is_bounded_by_the_input() {
    const MEGA: usize = 1 << 20;
    let repeated = |item: Datum, count: usize| datum().long(count as i64).raw(item.0.repeat(count)).long(0);
    let claimed = || datum().long(1 << 40);
    let hostile = [
        ("a long string", Parts { s: datum().bytes(vec![b'x'; 4 * MEGA]), ..Parts::empty() }),
        ("a string that claims to be long", Parts { s: claimed(), ..Parts::empty() }),
        ("bytes that claim to be long", Parts { y: datum().long(i64::MAX), ..Parts::empty() }),
        ("a list", Parts { l: repeated(datum().long(1).long(5), MEGA), ..Parts::empty() }),
        ("a list of nulls", Parts { l: repeated(datum().long(0), MEGA), ..Parts::empty() }),
        ("a list that claims to be long", Parts { l: claimed(), ..Parts::empty() }),
        ("a list of items without bytes", Parts { z: datum().long(60_000).long(0), ..Parts::empty() }),
        ("a list that claims items without bytes", Parts { z: claimed().long(0), ..Parts::empty() }),
        ("blocks that claim items without bytes", {
            Parts { z: repeated(datum().long(1 << 20), 10).long(0), ..Parts::empty() }
        }),
        (
            "a map",
            Parts { m: repeated(datum().bytes("0123456789").bytes("value"), MEGA / 8), ..Parts::empty() },
        ),
        ("a map that claims to be long", Parts { m: claimed(), ..Parts::empty() }),
        ("records", Parts { e: repeated(datum().long(3), MEGA), ..Parts::empty() }),
        ("records out of range", Parts { e: repeated(datum().long(3_000), MEGA), ..Parts::empty() }),
        (
            "lists that are skipped",
            Parts { u: repeated(repeated(datum().bytes("x"), 3), MEGA / 8), ..Parts::empty() },
        ),
    ];
    let columns = columns();
    let decoder = decoder(&schema(SCHEMA), None, &columns, Options::default());
    for (name, parts) in hostile {
        assert_proportionate(&decoder, &columns, name, &parts.join());
    }
}

#[test]
fn small_records_are_no_exception() {
    let columns = columns();
    let decoder = decoder(&schema(SCHEMA), None, &columns, Options::default());
    let document = Parts {
        s: datum().bytes("some text of a usual length, as records have it"),
        m: datum().long(1).bytes("key").bytes("value of the key").long(0),
        u: datum().long(1).long(1).bytes("a text that no column reads").long(0).long(0),
        ..Parts::empty()
    };
    let document = document.join();
    let mut rows = ColumnBatch::for_columns(&columns);
    let held = most_held(|| {
        let mut state = decoder.new_state(Texts::CheckedLater);
        for _ in 0..20_000 {
            decoder.decode(&mut state, &document, &mut rows.columns).expect("the record fits");
        }
    });
    let input = 20_000 * document.len();
    assert!(held <= 4 * input + CONSTANT, "{held} bytes held for {input} bytes of input");
}
