//! Contract suites: every implementation of a trait, and its in-memory double, runs the same checks.

use forebay_ingest::{
    decode::{Plans, RowDecoder},
    destination::{Destination, SealedGroup},
    group::{OpenGroup, Writer},
    memory::Account,
    records::{Position, RecordBatch},
    target::filled_columns,
};
use forebay_project::{
    column_type::ColumnType,
    model::{Column, Datasource, Engine, Path, PathStep},
};

/// The data source whose table the destination under test must be: one column `n Int64`.
pub fn contract_datasource(name: &str) -> Datasource {
    let column = Column {
        name: "n".into(),
        column_type: ColumnType::Int { bits: 64, signed: true },
        path: Path::Document(vec![PathStep::Field("n".into())]),
        default: None,
        codec: None,
    };
    Datasource {
        name: name.into(),
        description: None,
        columns: vec![column],
        indexes: Vec::new(),
        engine: Engine::default(),
        kafka: None,
    }
}

/// Rows and quarantined rows, as counted by the destination itself.
pub type Counts = (usize, usize);

/// Checks the contract of [`Destination`] on an empty table of [`contract_datasource`].
///
/// `counts` asks the destination how many rows and quarantined rows it holds.
pub async fn destination_contract<D: Destination>(destination: &D, counts: impl Fn() -> Counts) {
    let group = |start_offset, good, bad| sealed_group(start_offset, good, bad);
    let write = async |group: &SealedGroup| destination.write(group).await.expect("the write lands");

    let first = group(0, 3, 2);
    write(&first).await;
    assert_eq!(counts(), (3, 2), "a receipt means that rows and quarantined rows are there");
    write(&first).await;
    assert_eq!(counts(), (3, 2), "the same token again adds nothing");

    write(&group(5, 3, 2)).await;
    assert_eq!(counts(), (6, 4), "equal rows under another token are other rows");
    write(&first).await;
    assert_eq!(counts(), (6, 4), "a token is remembered across other writes");

    write(&group(10, 0, 4)).await;
    assert_eq!(counts(), (6, 8), "a group without rows still stores its quarantined rows");
    write(&group(14, 4, 0)).await;
    assert_eq!(counts(), (10, 8), "a group without quarantined rows stores its rows");
    write(&group(18, 0, 0)).await;
    assert_eq!(counts(), (10, 8), "an empty group is durable at once");

    let chunked = joined([sealed_group(20, 2, 1), sealed_group(23, 2, 1)]);
    write(&chunked).await;
    write(&chunked).await;
    assert_eq!(counts(), (14, 10), "a group of several chunks lands whole and once");
}

fn sealed_group(start_offset: i64, good: usize, bad: usize) -> SealedGroup {
    let datasource = contract_datasource("contract");
    let decoder = RowDecoder::json(filled_columns(&datasource).into()).expect("the columns compile");
    let mut records = RecordBatch::new("contract".into());
    let values = std::iter::repeat_n(r#"{"n":7}"#, good).chain(std::iter::repeat_n("broken", bad));
    for (offset, value) in (start_offset..).zip(values) {
        let position = Position { partition: 0, offset, timestamp_ms: None };
        records.push(position, None, Some(value.as_bytes()), []);
    }
    let mut open = OpenGroup::default();
    let decoded = decoder.decode(&records, &Plans::default()).expect("offsets rise");
    open.push(decoded, Account::share_of(0, 1).charge(0)).expect("offsets rise");
    open.seal(&writer()).group
}

fn joined<const N: usize>(groups: [SealedGroup; N]) -> SealedGroup {
    let mut joined = SealedGroup {
        token: String::new(),
        delta: Default::default(),
        rows: Vec::new(),
        quarantined: Vec::new(),
    };
    for group in groups {
        joined.delta.append(&group.delta).expect("offsets rise");
        joined.rows.extend(group.rows);
        joined.quarantined.extend(group.quarantined);
    }
    joined.token = writer().token(&joined.delta);
    joined
}

fn writer() -> Writer {
    Writer { workspace: "contract".into(), datasource: "contract".into(), topic: "contract@1".into() }
}
