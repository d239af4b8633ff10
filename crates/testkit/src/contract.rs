//! Contract suites: every implementation of a trait, and its in-memory double, runs the same checks.

use forebay_ingest::{
    checkpoint::{CheckpointDelta, OffsetRange},
    decode::{Plans, RowDecoder},
    destination::{Destination, SealedGroup},
    group::{OpenGroup, Writer},
    memory::Account,
    records::{Position, RecordBatch},
    source::{Commits, Source, SourceEvent},
    target::filled_columns,
};
use forebay_project::{
    column_type::ColumnType,
    model::{Column, Datasource, Engine, Path, PathStep},
};
use std::{collections::BTreeMap, time::Duration};
use tokio::time::timeout;

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

/// Checks the contract of [`Source`] on a topic of two empty partitions, numbered 0 and 1.
///
/// `produce` appends so many records to a partition; their offsets go on without gaps.
pub async fn source_contract<S: Source>(source: S, produce: impl Fn(i32, i64)) {
    let mut reading = Reading { source, next_offsets: BTreeMap::new() };
    let (first, second) = (0, 1);
    produce(first, 1000);
    produce(second, 1000);
    reading.until(first, 1000).await;
    reading.until(second, 1000).await;

    reading.source.pause(&[first]);
    for end in [2000, 3000, 4000] {
        produce(second, 1000);
        reading.until(second, end).await;
    }
    let silent_at = reading.next_offsets[&first];
    produce(first, 4000);
    produce(second, 1000);
    reading.until(second, 5000).await;
    assert_eq!(reading.next_offsets[&first], silent_at, "a paused partition falls silent");

    reading.resume(&[(first, 500)]).await;
    reading.until(first, 5000).await;

    reading.source.pause(&[first, second]);
    produce(first, 10);
    produce(second, 10);
    reading.resume(&[(second, 4990)]).await;
    reading.until(second, 5010).await;
    reading.resume(&[(first, 5000)]).await;
    reading.until(first, 5010).await;

    reading.source.pause(&[first]);
    reading.resume(&[(first, 0)]).await;
    reading.until(first, 5010).await;

    let mut delta = CheckpointDelta::default();
    let range = OffsetRange { start_offset: 0, next_offset: 5010 };
    delta.extend(first, range).expect("the range is not empty");
    reading.source.commits().commit(&delta).await.expect("the commit is taken");
    reading.source.close().await;
}

/// A source that is being read, and what its partitions must go on with.
struct Reading<S> {
    source: S,
    next_offsets: BTreeMap<i32, i64>,
}

/// How long a source may be silent that has something to say.
const PATIENCE: Duration = Duration::from_secs(60);

impl<S: Source> Reading<S> {
    /// Reads until `partition` has come up to `next_offset`; no record is missing and none comes twice.
    async fn until(&mut self, partition: i32, next_offset: i64) {
        while self.next_offsets.get(&partition).is_none_or(|reached| *reached < next_offset) {
            let event = self.event().await;
            self.note(&event);
        }
    }

    /// Lets partitions go on at these offsets, and reads until they do.
    async fn resume(&mut self, positions: &[(i32, i64)]) {
        self.source.resume(positions);
        loop {
            match self.event().await {
                SourceEvent::Resumed(mut partitions) => {
                    partitions.sort_unstable();
                    assert!(partitions.iter().eq(positions.iter().map(|(partition, _)| partition)));
                    self.next_offsets.extend(positions.iter().copied());
                    return;
                }
                event => self.note(&event),
            }
        }
    }

    async fn event(&mut self) -> SourceEvent {
        let event = timeout(PATIENCE, self.source.next()).await.expect("the source is not silent");
        event.expect("the source is open").expect("the source works")
    }

    fn note(&mut self, event: &SourceEvent) {
        let SourceEvent::Records { batch, .. } = event else { return };
        for record in batch.iter() {
            let next_offset = self.next_offsets.entry(record.partition()).or_default();
            assert_eq!(record.offset(), *next_offset, "partition {}", record.partition());
            *next_offset += 1;
        }
    }
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
