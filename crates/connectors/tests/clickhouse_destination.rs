//! Sealed groups landed in the embedded engine.

mod clickhouse_support;

use clickhouse_support::{engine, text};
use forebay_connectors::clickhouse::{EmbeddedDestination, ddl::TableOptions};
use forebay_ingest::{
    checkpoint::CheckpointDelta,
    column_batch::{Column, ColumnBatch, NO_MEMBER, Values},
    destination::{Destination, Receipt, SealedGroup},
    error::{Error, Kind},
    quarantine::quarantine_columns,
};
use forebay_project::{
    column_type::ColumnType,
    model::{self, Datasource, Engine, Path, PathStep},
};
use forebay_testkit::unique;
use std::sync::Arc;

/// `id UInt32`, `n UInt32 DEFAULT id * 10`, and two columns whose DEFAULT needs inserts of their own.
fn datasource() -> Datasource {
    let column = |name: &str, column_type: &str, default: Option<&str>| model::Column {
        name: name.to_owned(),
        column_type: ColumnType::parse(column_type).expect("a type"),
        path: Path::Document(vec![PathStep::Field(name.to_owned())]),
        default: default.map(str::to_owned),
        codec: None,
    };
    Datasource {
        name: "t".to_owned(),
        description: None,
        columns: vec![
            column("id", "UInt32", None),
            column("n", "UInt32", Some("id * 10")),
            column("s", "LowCardinality(String)", Some("concat('s', toString(id))")),
            column("maybe", "Nullable(UInt8)", Some("7")),
            column("tags", "Array(UInt8)", Some("[1, 2]")),
        ],
        indexes: Vec::new(),
        engine: Engine { sorting_key: Some("id".to_owned()), ..Engine::default() },
        kafka: None,
    }
}

struct Landing {
    workspace: String,
    destination: EmbeddedDestination,
}

impl Landing {
    fn open() -> Self {
        let workspace = unique("w");
        let (destination, _) =
            EmbeddedDestination::open(&engine(), &workspace, &datasource(), TableOptions::default())
                .unwrap_or_else(|error| panic!("{error}"));
        Self { workspace, destination }
    }

    fn write(&self, group: &SealedGroup) -> Result<Receipt, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(self.destination.write(group))
    }

    fn rows(&self) -> String {
        text(&format!("SELECT id, n, s, maybe, tags FROM {}.t ORDER BY id", self.workspace))
    }

    fn count(&self, table: &str) -> String {
        text(&format!("SELECT count() FROM {}.{table}", self.workspace))
    }
}

/// One row: `None` where the record had no value.
type Row = (u32, Option<u32>, Option<&'static str>, Option<Option<u8>>, Option<Vec<u8>>);

fn batch(rows: &[Row]) -> Arc<ColumnBatch> {
    let absent =
        |is_absent: &dyn Fn(&Row) -> bool| Some(rows.iter().map(|row| u8::from(is_absent(row))).collect());
    let ends = |length: &dyn Fn(&Row) -> usize| -> Vec<usize> {
        rows.iter()
            .scan(0, |end, row| {
                *end += length(row);
                Some(*end)
            })
            .collect()
    };
    let fixed = |width, bytes| Values::Fixed { width, bytes };
    let plain = |values| Column { values, nulls: None, absent: None };
    let id = fixed(4, rows.iter().flat_map(|row| row.0.to_le_bytes()).collect());
    let n = fixed(4, rows.iter().flat_map(|row| row.1.unwrap_or(0).to_le_bytes()).collect());
    let s = Values::Bytes {
        ends: ends(&|row| row.2.map_or(0, str::len)),
        bytes: rows.iter().flat_map(|row| row.2.unwrap_or("").bytes()).collect(),
    };
    let maybe = fixed(1, rows.iter().map(|row| row.3.flatten().unwrap_or(0)).collect());
    let nulls = rows.iter().map(|row| u8::from(row.3.flatten().is_none())).collect();
    let items = fixed(1, rows.iter().flat_map(|row| row.4.clone().unwrap_or_default()).collect());
    let tags =
        Values::List { ends: ends(&|row| row.4.as_ref().map_or(0, Vec::len)), items: Box::new(plain(items)) };
    let columns = vec![
        plain(id),
        Column { absent: absent(&|row| row.1.is_none()), ..plain(n) },
        Column { absent: absent(&|row| row.2.is_none()), ..plain(s) },
        Column { absent: absent(&|row| row.3.is_none()), nulls: Some(nulls), ..plain(maybe) },
        Column { absent: absent(&|row| row.4.is_none()), ..plain(tags) },
    ];
    Arc::new(ColumnBatch { columns })
}

fn full_row(id: u32) -> Row {
    (id, Some(id), Some("x"), Some(Some(1)), Some(vec![9]))
}

fn group(token: &str, rows: Vec<Arc<ColumnBatch>>) -> SealedGroup {
    let delta = CheckpointDelta::default();
    SealedGroup { token: token.to_owned(), delta, rows, quarantined: Vec::new() }
}

/// One row of the quarantine table, empty in every column.
fn quarantined() -> Arc<ColumnBatch> {
    let columns = quarantine_columns(&datasource());
    let empty = |column_type: &ColumnType| {
        let Column { values, nulls, .. } = Column::new_for(column_type);
        let values = match values {
            Values::Fixed { width, .. } => Values::Fixed { width, bytes: vec![0; width] },
            Values::Bytes { .. } => Values::Bytes { ends: vec![0], bytes: Vec::new() },
            Values::List { items, .. } => Values::List { ends: vec![0], items },
            other @ (Values::Tuple(_) | Values::Variant { .. }) => {
                panic!("no quarantine column is {other:?}")
            }
        };
        Column { values, nulls: nulls.map(|_| vec![1]), absent: None }
    };
    Arc::new(ColumnBatch { columns: columns.iter().map(|(_, column_type)| empty(column_type)).collect() })
}

#[test]
fn rows_of_all_chunks_land() {
    let landing = Landing::open();
    let receipt =
        landing.write(&group("a", vec![batch(&[full_row(1)]), batch(&[full_row(2), full_row(3)])])).unwrap();
    assert_eq!(landing.rows(), "1\t1\tx\t1\t[9]\n2\t2\tx\t1\t[9]\n3\t3\tx\t1\t[9]");
    assert_eq!((receipt.pressure.active_parts, receipt.pressure.parts_to_delay), (1, 1000));
}

#[test]
fn the_same_group_again_adds_nothing() {
    let landing = Landing::open();
    let mut twice = group("a", vec![batch(&[full_row(1), (2, None, None, None, None)])]);
    twice.quarantined = vec![quarantined(), quarantined()];
    for _ in 0..3 {
        landing.write(&twice).unwrap();
    }
    assert_eq!((landing.count("t"), landing.count("t_quarantine")), ("2".to_owned(), "2".to_owned()));
    landing.write(&group("b", vec![batch(&[full_row(1)])])).unwrap();
    assert_eq!(landing.count("t"), "3", "another token is another write");
}

#[test]
fn defaults_are_evaluated_for_exactly_the_rows_that_lack_the_value() {
    let landing = Landing::open();
    let rows = vec![
        batch(&[full_row(1), (2, None, Some("y"), Some(Some(3)), Some(vec![]))]),
        batch(&[(3, Some(0), None, Some(None), None), (4, Some(5), Some(""), None, None)]),
        batch(&[(5, None, None, None, Some(vec![8]))]),
    ];
    landing.write(&group("a", rows)).unwrap();
    let expected = [
        "1\t1\tx\t1\t[9]",
        "2\t20\ty\t3\t[]",
        "3\t0\ts3\t\\N\t[1,2]",
        "4\t5\t\t7\t[1,2]",
        "5\t50\ts5\t7\t[8]",
    ];
    assert_eq!(landing.rows(), expected.join("\n"));
}

#[test]
fn a_group_without_rows_stores_its_quarantined_rows() {
    let landing = Landing::open();
    let empty = group("a", Vec::new());
    assert!(landing.write(&empty).is_ok(), "an empty group is durable at once");
    landing.write(&SealedGroup { quarantined: vec![quarantined()], ..empty }).unwrap();
    assert_eq!((landing.count("t"), landing.count("t_quarantine")), ("0".to_owned(), "1".to_owned()));
}

#[test]
fn a_large_group_is_one_block() {
    let landing = Landing::open();
    let rows: Vec<Row> = (0..100_000).map(full_row).collect();
    let chunk = batch(&rows);
    landing.write(&group("a", vec![chunk; 15])).unwrap();
    assert_eq!(landing.count("t"), "1500000");
    let newest = format!(
        "SELECT max(max_block_number) FROM system.parts WHERE database = '{}' AND table = 't'",
        landing.workspace
    );
    assert_eq!(text(&newest), "1", "the first block of the table, and the only one");
}

#[test]
fn a_table_that_is_gone_can_heal() {
    let landing = Landing::open();
    text(&format!("DROP TABLE {}.t SYNC", landing.workspace));
    let error = landing.write(&group("a", vec![batch(&[full_row(1)])])).unwrap_err();
    assert_eq!(error.kind, Kind::NotFound);
    assert_eq!(error.fact, "table \"t\" did not take an insert");
}

#[test]
fn text_in_a_json_column_is_not_taken_for_a_date_and_absent_rows_get_the_default() {
    let mut source = datasource();
    source.columns = ["JSON", "Variant(String, UInt8)"]
        .into_iter()
        .zip([r#"'{"d":0}'"#, "5::UInt8"])
        .map(|(column_type, default)| model::Column {
            name: column_type[..1].to_lowercase(),
            column_type: ColumnType::parse(column_type).expect("a type"),
            path: Path::Document(Vec::new()),
            default: Some(default.to_owned()),
            codec: None,
        })
        .collect();
    source.engine = Engine::default();
    let workspace = unique("w");
    let (destination, _) =
        EmbeddedDestination::open(&engine(), &workspace, &source, TableOptions::default()).unwrap();

    let object = br#"{"d":"2024/1/2"}"#.to_vec();
    let plain = |values| Column { values, nulls: None, absent: None };
    let json = Values::Bytes {
        ends: vec![object.len(), object.len() + 2],
        bytes: [object, b"{}".to_vec()].concat(),
    };
    let texts = Values::Bytes { ends: vec![1], bytes: b"x".to_vec() };
    let bytes = Values::Fixed { width: 1, bytes: Vec::new() };
    let variant =
        Values::Variant { discriminators: vec![0, NO_MEMBER], members: vec![plain(texts), plain(bytes)] };
    let absent = Some(vec![0, 1]);
    let columns = vec![Column { absent: absent.clone(), ..plain(json) }, Column { absent, ..plain(variant) }];
    let group = group("with-json", vec![Arc::new(ColumnBatch { columns })]);
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(destination.write(&group)).unwrap();
    let rows = text(&format!("SELECT j, v FROM {workspace}.t ORDER BY v::String DESC"));
    let dates = text(&format!("SELECT j.d.:String FROM {workspace}.t WHERE v::String = 'x'"));
    assert_eq!(dates, "2024/1/2");
    assert_eq!(rows, "{\"d\":\"2024\\/1\\/2\"}\tx\n{\"d\":0}\t5");
}
