//! Buffers used again hold nothing of what they held before.
#![allow(clippy::unwrap_used)]

use forebay_ingest::{
    column_batch::Values,
    decode::{DecodedBatch, Plans, RowDecoder},
    records::{Position, RecordBatch, RecordBuffers},
    target::{ColumnSource, TargetColumn},
};
use forebay_project::{column_type::ColumnType, model::Path};
use std::sync::Arc;

fn decoder() -> RowDecoder {
    let column = |name: &str, column_type: &str, default: Option<&str>| TargetColumn {
        name: name.into(),
        column_type: ColumnType::parse(column_type).unwrap(),
        source: ColumnSource::Path(Path::of_field(name)),
        default: default.map(str::to_owned),
        codec: None,
    };
    let columns = [
        column("n", "Nullable(Int64)", None),
        column("tags", "Array(String)", None),
        column("note", "String", Some("'none'")),
    ];
    RowDecoder::json(columns.into()).unwrap()
}

fn records(batch: &mut RecordBatch, first: i64, count: i64) {
    for offset in first..first + count {
        let value = match offset % 3 {
            0 => format!(r#"{{"n":{offset},"tags":["a","b{offset}"],"note":"x"}}"#),
            1 => r#"{"n":null,"tags":[]}"#.to_owned(),
            _ => "broken".to_owned(),
        };
        let position = Position { partition: 0, offset, timestamp_ms: Some(offset) };
        let headers = [(&b"h"[..], Some(&b"v"[..]))];
        batch.push(position, Some(b"key"), Some(value.as_bytes()), headers);
    }
}

/// Room of the first column's value buffer, bytes.
fn room(decoded: &DecodedBatch) -> usize {
    match &decoded.rows.columns[0].values {
        Values::Fixed { bytes, .. } => bytes.capacity(),
        other => panic!("n is not {other:?}"),
    }
}

#[test]
fn a_recycled_batch_of_columns_decodes_as_a_fresh_one() {
    let (recycling, topic) = (decoder(), Arc::<str>::from("t"));
    let mut big = RecordBatch::new(topic.clone());
    records(&mut big, 0, 20_000);
    let decoded = recycling.decode(&big, &Plans::default()).unwrap();
    let before = room(&decoded);
    recycling.recycle(vec![decoded]);

    let mut next = RecordBatch::new(topic);
    records(&mut next, 7, 100);
    let again = recycling.decode(&next, &Plans::default()).unwrap();
    assert_eq!(room(&again), before, "the buffers are the same");
    assert_eq!(again.rows, decoder().decode(&next, &Plans::default()).unwrap().rows);
    assert_eq!(again.rows.defect(), None);
}

#[test]
fn buffers_are_let_go_after_a_small_group() {
    let (recycling, topic) = (decoder(), Arc::<str>::from("t"));
    let (mut big, mut small) = (RecordBatch::new(topic.clone()), RecordBatch::new(topic));
    records(&mut big, 0, 20_000);
    records(&mut small, 0, 3);
    let decoded = recycling.decode(&big, &Plans::default()).unwrap();
    recycling.recycle(vec![decoded]);
    let decoded = decoder().decode(&small, &Plans::default()).unwrap();
    let fresh = room(&decoded);
    recycling.recycle(vec![decoded]);
    assert_eq!(room(&recycling.decode(&small, &Plans::default()).unwrap()), fresh);
}

#[test]
fn a_recycled_batch_of_records_holds_only_the_new_ones() {
    let (buffers, topic) = (RecordBuffers::default(), Arc::<str>::from("t"));
    let mut first = buffers.batch(&topic);
    records(&mut first, 0, 5_000);
    drop(first);
    let mut second = buffers.batch(&"other".into());
    assert!(second.is_empty() && second.payload_bytes() == 0);
    assert_eq!(&*second.topic, "other");
    records(&mut second, 3, 1);
    let record = second.get(0);
    assert_eq!((record.offset(), record.key(), second.len()), (3, Some(&b"key"[..]), 1));
    assert_eq!(record.headers().collect::<Vec<_>>(), [(&b"h"[..], Some(&b"v"[..]))]);
}
