//! Cutting, gathering and joining column batches, on batches of every shape.

mod json_laws;

use forebay_ingest::column_batch::{Column, ColumnBatch, Values};
use forebay_ingest::convert::Scalar;
use forebay_project::column_type::ColumnType;
use json_laws::*;
use proptest::prelude::*;

const RECORDS: [&str; 4] = [
    r#"{"a":1,"d":2,"f":1.5,"h":{"i":3},"l":[1,null],"t":{"x":1,"y":"z"},"m":{"k":[1,2]}}"#,
    r#"{"a":"7","g":true,"t":[5,null],"m":{"":[],"k":[3]},"e":[]}"#,
    r#"{"a":0}"#,
    r#"{"a":-5,"l":[],"u":[[1,"q"],{"x":2}],"e":[{"s":"p","k":[{"v":1},{}]},{"n":4,"k":[]}]}"#,
];

fn any_batch() -> impl Strategy<Value = ColumnBatch> {
    let picks = prop::collection::vec(prop::sample::select(RECORDS.to_vec()), 0..12);
    picks.prop_map(|picks| decode(&compile(&all_shapes()), &records(picks)).0)
}

fn all_rows(batch: &ColumnBatch) -> std::ops::Range<u32> {
    0..batch.row_count() as u32
}

fn gather(batch: &ColumnBatch, rows: impl IntoIterator<Item = u32>) -> ColumnBatch {
    batch.take(&rows.into_iter().collect::<Vec<_>>())
}

proptest! {
    #[test]
    fn a_batch_cut_back_holds_its_first_rows(batch in any_batch(), at in any::<prop::sample::Index>()) {
        let rows = at.index(batch.row_count() + 1);
        let mut cut = batch.clone();
        cut.truncate(rows);
        prop_assert_eq!(cut.defect(), None);
        prop_assert_eq!(cut.row_count(), rows);
        prop_assert_eq!(cut, gather(&batch, 0..rows as u32));
    }

    #[test]
    fn parts_joined_again_are_the_whole(batch in any_batch(), at in any::<prop::sample::Index>()) {
        let middle = at.index(batch.row_count() + 1) as u32;
        let mut joined = gather(&batch, 0..middle);
        joined.append(&gather(&batch, middle..all_rows(&batch).end));
        prop_assert_eq!(joined.defect(), None);
        prop_assert_eq!(joined, batch);
    }

    #[test]
    fn rows_gathered_show_as_before(batch in any_batch(), picks in prop::collection::vec(any::<prop::sample::Index>(), 0..20)) {
        prop_assume!(!batch.is_empty());
        let rows: Vec<_> = picks.iter().map(|pick| pick.index(batch.row_count()) as u32).collect();
        let taken = batch.take(&rows);
        prop_assert_eq!(taken.defect(), None);
        for (row, from) in rows.iter().enumerate() {
            prop_assert_eq!(show_row(&taken, row), show_row(&batch, *from as usize));
        }
    }

    #[test]
    fn rows_joined_add_up_in_memory(batch in any_batch()) {
        let one_by_one = all_rows(&batch).map(|row| gather(&batch, [row]).memory_bytes());
        prop_assert_eq!(batch.memory_bytes(), one_by_one.sum::<usize>());
    }
}

#[test]
fn empty_columns_have_the_shape_conversions_fill() {
    let decimal = |precision| ColumnType::Decimal { precision, scale: 2 };
    let choice = |bits| ColumnType::Enum { bits, values: vec![("a".to_owned(), 1)] };
    let types = [
        int(8),
        int(16),
        int(32),
        int(64),
        ColumnType::Float32,
        ColumnType::Float64,
        ColumnType::Bool,
        ColumnType::String,
        ColumnType::FixedString(7),
        decimal(9),
        decimal(10),
        decimal(18),
        decimal(19),
        decimal(38),
        ColumnType::Date,
        ColumnType::Date32,
        ColumnType::DateTime { time_zone: None },
        ColumnType::DateTime64 { precision: 9, time_zone: None },
        ColumnType::Uuid,
        ColumnType::Ipv4,
        ColumnType::Ipv6,
        choice(8),
        choice(16),
    ];
    for column_type in types {
        let scalar = Scalar::compile(&column_type).expect("a scalar type");
        let values = Column::new_for(&column_type).values;
        assert_eq!(values, scalar.empty_values(), "{column_type:?}");
    }
}

#[test]
fn uneven_columns_are_found() {
    let mut batch = ColumnBatch::new_for(&[int(8), nullable(ColumnType::String)]);
    assert_eq!(batch.defect(), None);
    let Values::Fixed { bytes, .. } = &mut batch.columns[0].values else {
        panic!("integers are of fixed width");
    };
    bytes.push(1);
    assert_eq!(batch.defect().as_deref(), Some("column 1: 0 nulls for 1 rows"));
}
