//! Laws of the JSON decoder that hold for any bytes, and what tests need to state them.
//!
//! The fuzz target runs [`check`] too.
#![allow(dead_code, reason = "every test file uses its own part")]

use forebay_ingest::{
    column_batch::{Column, ColumnBatch, NO_MEMBER, Values},
    decode::{Plans, RowDecoder},
    json,
    quarantine::Rejects,
    records::{Position, RecordBatch},
    target::{ColumnSource, TargetColumn},
};
use forebay_project::{
    column_type::ColumnType,
    model::{Path, PathStep},
};
use std::sync::{Arc, LazyLock};

/// A column that reads `path`, written without its `$.`, such as `items[:].sku`.
pub(crate) fn column(path: &str, column_type: ColumnType) -> TargetColumn {
    let mut steps = Vec::new();
    for part in path.split('.').filter(|part| !part.is_empty()) {
        let name = part.trim_end_matches("[:]");
        steps.push(PathStep::Field(name.to_owned()));
        let arrays = (part.len() - name.len()) / "[:]".len();
        steps.extend((0..arrays).map(|_| PathStep::Each));
    }
    automatic(path, column_type, ColumnSource::Path(Path::Document(steps)))
}

/// A column of any source.
pub(crate) fn automatic(name: &str, column_type: ColumnType, source: ColumnSource) -> TargetColumn {
    TargetColumn { name: name.to_owned(), column_type, source, default: None, codec: None }
}

/// The column with a DEFAULT.
pub(crate) fn with_default(mut column: TargetColumn) -> TargetColumn {
    column.default = Some("42".to_owned());
    column
}

pub(crate) fn int(bits: u16) -> ColumnType {
    ColumnType::Int { bits, signed: true }
}

pub(crate) fn array(item: ColumnType) -> ColumnType {
    ColumnType::Array(Box::new(item))
}

pub(crate) fn nullable(inner: ColumnType) -> ColumnType {
    ColumnType::Nullable(Box::new(inner))
}

pub(crate) fn low_cardinality(inner: ColumnType) -> ColumnType {
    ColumnType::LowCardinality(Box::new(inner))
}

pub(crate) fn map(key: ColumnType, value: ColumnType) -> ColumnType {
    ColumnType::Map(Box::new(key), Box::new(value))
}

/// A tuple; an empty name is none.
pub(crate) fn tuple(elements: impl IntoIterator<Item = (&'static str, ColumnType)>) -> ColumnType {
    let named = |name: &str| (!name.is_empty()).then(|| name.to_owned());
    let elements = elements.into_iter();
    ColumnType::Tuple(elements.map(|(name, element)| (named(name), element)).collect())
}

/// Records without keys, offsets from 0.
pub(crate) fn records<R: AsRef<[u8]>>(values: impl IntoIterator<Item = R>) -> RecordBatch {
    let mut batch = RecordBatch::new(Arc::from("topic"));
    for (offset, value) in (0..).zip(values) {
        let position = Position { partition: 0, offset, timestamp_ms: None };
        batch.push(position, None, Some(value.as_ref()), []);
    }
    batch
}

/// Decodes all records.
pub(crate) fn decode(decoder: &RowDecoder, records: &RecordBatch) -> (ColumnBatch, Rejects) {
    let mut rows = decoder.new_batch();
    let mut rejects = Rejects::default();
    decode_into(decoder, records, &mut rows, &mut rejects);
    assert_eq!(rows.defect(), None, "the columns are well-formed");
    assert_eq!(rows.row_count() + rejects.len(), records.len());
    (rows, rejects)
}

/// Decodes all records after what is there already.
pub(crate) fn decode_into(
    decoder: &RowDecoder,
    records: &RecordBatch,
    rows: &mut ColumnBatch,
    rejects: &mut Rejects,
) {
    decoder.decode_rows(records, &Plans::default(), rows, rejects);
}

pub(crate) fn compile(columns: &[TargetColumn]) -> RowDecoder {
    RowDecoder::json(columns.to_vec().into()).expect("the columns compile")
}

/// A row for people: columns separated by `|`, fixed-width values as signed integers.
pub(crate) fn show_row(batch: &ColumnBatch, row: usize) -> String {
    let columns = batch.columns.iter().map(|column| show(column, row));
    columns.collect::<Vec<_>>().join(" | ")
}

fn show(column: &Column, row: usize) -> String {
    let is_set = |flags: &Option<Vec<u8>>| flags.as_ref().is_some_and(|flags| flags[row] == 1);
    if is_set(&column.absent) {
        return "DEFAULT".to_owned();
    }
    if is_set(&column.nulls) {
        return "NULL".to_owned();
    }
    let start_in = |ends: &[usize]| row.checked_sub(1).map_or(0, |before| ends[before]);
    match &column.values {
        Values::Fixed { width, bytes } => show_integer(&bytes[row * width..(row + 1) * width]).to_string(),
        Values::Bytes { ends, bytes } => {
            format!("{:?}", String::from_utf8_lossy(&bytes[start_in(ends)..ends[row]]))
        }
        Values::List { ends, items } => {
            let items = (start_in(ends)..ends[row]).map(|item| show(items, item));
            format!("[{}]", items.collect::<Vec<_>>().join(", "))
        }
        Values::Tuple(elements) => {
            let elements = elements.iter().map(|element| show(element, row));
            format!("({})", elements.collect::<Vec<_>>().join(", "))
        }
        Values::Variant { discriminators, members } => match discriminators[row] {
            NO_MEMBER => "NULL".to_owned(),
            member => {
                let before = discriminators[..row].iter().filter(|other| **other == member).count();
                format!("#{member} {}", show(&members[usize::from(member)], before))
            }
        },
    }
}

fn show_integer(bytes: &[u8]) -> i128 {
    let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
    let mut wide = [if negative { 0xff } else { 0 }; 16];
    wide[..bytes.len()].copy_from_slice(bytes);
    i128::from_le_bytes(wide)
}

/// A Variant whose members do not take everything.
pub(crate) fn small_variant() -> ColumnType {
    ColumnType::Variant(vec![array(int(8)), int(16), map(ColumnType::String, int(8))])
}

/// Columns of every shape, with paths that share prefixes and objects.
pub(crate) fn all_shapes() -> Vec<TargetColumn> {
    let pair = || tuple([("x", int(32)), ("y", nullable(ColumnType::String))]);
    vec![
        column("", ColumnType::String),
        column("a", int(16)),
        column("a", nullable(ColumnType::String)),
        with_default(column("d", int(64))),
        column("f", nullable(ColumnType::Float64)),
        column("g", nullable(ColumnType::Bool)),
        column("h", nullable(ColumnType::String)),
        column("h.i", nullable(int(8))),
        with_default(column("l", array(nullable(int(32))))),
        with_default(column("t", pair())),
        with_default(column("u", array(pair()))),
        with_default(column("m", map(ColumnType::String, array(int(32))))),
        with_default(column("e[:].s", array(nullable(ColumnType::String)))),
        with_default(column("e[:].n", array(nullable(int(32))))),
        with_default(column("e[:].k[:].v", array(array(nullable(int(8)))))),
        column("v", ColumnType::Dynamic { max_types: None }),
        with_default(column("v", array(small_variant()))),
        with_default(column("o", ColumnType::Json(String::new()))),
        column("o.p", small_variant()),
    ]
}

static DECODER: LazyLock<RowDecoder> = LazyLock::new(|| compile(&all_shapes()));

const NEIGHBOURS: [&str; 2] = [
    r#"{"a":1,"d":2,"f":1.5,"h":{"i":3},"l":[1,null],"t":{"x":1,"y":"z"},"m":{"k":[1,2]},"e":[{"s":"p","n":1,"k":[{"v":1}]}],"v":[1,[2],{"k":3}],"o":{"p":[4],"q":"r"}}"#,
    r#"{"e":[{"k":[]},{"n":null,"k":[{}]}],"u":[[1,"q"],{"x":2}],"a":"7","g":true,"t":[5,null],"m":{},"v":[7],"o":{"p":5}}"#,
];

/// Everything that must hold for any record: nothing panics, validity is serde_json's, a record is a row or a reject,
/// and the records around it decode as if they were alone.
pub(crate) fn check(value: &[u8]) {
    let is_valid = json::is_valid(value);
    assert_eq!(is_valid, serde_json_takes(value), "validity of {value:?}");

    let (rows, rejects) =
        decode(&DECODER, &records([NEIGHBOURS[0].as_bytes(), value, NEIGHBOURS[1].as_bytes()]));
    let broken = rejects.iter().any(|reject| reject.defects[0].column.is_none());
    assert_eq!(broken, !is_valid, "only invalid JSON is refused as a whole");

    let (neighbours, refused) = decode(&DECODER, &records(NEIGHBOURS));
    assert!(refused.is_empty(), "the neighbours are good: {refused:?}");
    let around = [0, rows.row_count() as u32 - 1];
    assert_eq!(rows.take(&around), neighbours, "neighbours decode as if alone");

    let (alone, _) = decode(&DECODER, &records([value]));
    let between: Vec<u32> = (1..rows.row_count() as u32 - 1).collect();
    assert_eq!(rows.take(&between), alone, "a record decodes as if alone");
}

/// Validity by serde_json: its grammar for values nobody reads, its depth limit for values somebody does.
pub(crate) fn serde_json_takes(value: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(value) else {
        return false;
    };
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok() && depth(text) <= 127
}

/// Arrays and objects in each other in valid JSON.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => depth += 1,
            b']' | b'}' if !in_string => depth -= 1,
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}
