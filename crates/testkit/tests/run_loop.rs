//! The loop under scripted faults, with a paused clock.
#![allow(clippy::unwrap_used)]

use forebay_ingest::{
    checkpoint::CheckpointDelta,
    decode::{DocumentFormat, Formats, RowDecoder},
    destination::Pressure,
    error::{Error, Kind},
    group::Writer,
    memory::Account,
    pacing::FlushSettings,
    progress::{Progress, State},
    records::{Position, RecordBatch},
    run::Ingest,
    schema::{SchemaId, SchemaKind},
    source::SourceEvent,
    target::{ColumnSource, TargetColumn},
};
use forebay_project::{
    column_type::ColumnType,
    model::{Format, Path, PathStep, RecordFormat},
};
use forebay_testkit::{
    doubles::{Fault, MemoryDestination, MemorySource, SourceScript},
    schemas::MemorySchemas,
};
use proptest::prelude::*;
use std::{sync::Arc, time::Duration};
use tokio::{sync::Notify, sync::oneshot, task::JoinHandle};
use tokio_util::sync::CancellationToken;

struct Bench {
    script: SourceScript,
    destination: MemoryDestination,
    progress: Arc<Progress>,
    account: Account,
    stop: CancellationToken,
    outcome: JoinHandle<Result<(), Error>>,
}

impl Bench {
    fn start(flush: FlushSettings) -> Self {
        Self::decoding(RowDecoder::json(columns().into()).unwrap(), flush)
    }

    fn decoding(decoder: RowDecoder, flush: FlushSettings) -> Self {
        Self::with_memory(decoder, flush, 64 << 20)
    }

    fn with_memory(decoder: RowDecoder, flush: FlushSettings, bytes: usize) -> Self {
        let account = Account::share_of(bytes, 1);
        let (source, script) = MemorySource::scripted(&account);
        let destination = MemoryDestination::default();
        let progress = Arc::<Progress>::default();
        let stop = CancellationToken::new();
        let ingest = Ingest {
            source,
            destination: Arc::new(destination.clone()),
            decoder: Arc::new(decoder),
            writer: Writer { workspace: "w".into(), datasource: "d".into(), topic: "t@1".into() },
            flush,
            account: account.clone(),
            progress: progress.clone(),
            stop: stop.clone(),
        };
        let outcome = tokio::spawn(ingest.run());
        Self { script, destination, progress, account, stop, outcome }
    }

    fn send(&self, partition: i32, values: &[(i64, &str)]) {
        self.send_bytes(values.iter().map(|(offset, value)| (partition, *offset, value.as_bytes().to_vec())));
    }

    fn send_bytes(&self, values: impl IntoIterator<Item = (i32, i64, Vec<u8>)>) {
        let mut batch = RecordBatch::new("t".into());
        for (partition, offset, value) in values {
            let position = Position { partition, offset, timestamp_ms: Some(1) };
            batch.push(position, None, Some(&value), []);
        }
        self.script.send_records(batch);
    }

    async fn stop(self) -> Result<(), Error> {
        self.stop.cancel();
        self.outcome.await.unwrap()
    }
}

fn columns() -> Vec<TargetColumn> {
    vec![TargetColumn {
        name: "n".into(),
        column_type: ColumnType::Int { bits: 64, signed: true },
        source: ColumnSource::Path(Path::Document(vec![PathStep::Field("n".into())])),
        default: None,
        codec: None,
    }]
}

fn delta(text_parts: &[(i32, i64, i64)]) -> String {
    let mut delta = CheckpointDelta::default();
    for (partition, start_offset, next_offset) in text_parts {
        let range = forebay_ingest::checkpoint::OffsetRange {
            start_offset: *start_offset,
            next_offset: *next_offset,
        };
        delta.extend(*partition, range).unwrap();
    }
    delta.to_string()
}

#[tokio::test(start_paused = true)]
async fn records_land_and_are_committed_only_then() {
    let bench = Bench::start(FlushSettings::default());
    let release = Arc::new(Notify::new());
    bench.destination.script([Fault::Hold(release.clone())]);
    bench.send(0, &[(5, r#"{"n":1}"#), (6, r#"{"n":2}"#)]);
    while bench.destination.writes() == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(bench.script.commits.committed(0), None, "nothing is committed before the receipt");
    release.notify_one();
    bench.script.commits.reached(0, 7).await;
    assert_eq!(bench.destination.row_count(), 2);
    bench.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_bad_record_is_quarantined_and_its_offset_still_counts() {
    let bench = Bench::start(FlushSettings::default());
    bench.send(0, &[(0, r#"{"n":1}"#), (1, r#"{"n":"x"}"#), (2, r#"{"n":3}"#)]);
    bench.script.commits.reached(0, 3).await;
    assert_eq!((bench.destination.row_count(), bench.destination.quarantined_count()), (2, 1));
    bench.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn several_partitions_share_one_insert_whose_token_names_every_range() {
    let bench = Bench::start(FlushSettings::default());
    let release = Arc::new(Notify::new());
    bench.destination.script([Fault::Hold(release.clone())]);
    bench.send(0, &[(0, r#"{"n":0}"#)]);
    while bench.destination.writes() == 0 {
        tokio::task::yield_now().await;
    }
    for partition in 0..200 {
        bench.send(partition, &[(10, r#"{"n":1}"#), (12, r#"{"n":2}"#)]);
    }
    release.notify_one();
    bench.script.commits.reached(199, 13).await;
    let groups = bench.destination.groups();
    assert_eq!(groups.len(), 2, "200 partitions are one insert");
    let ranges: Vec<_> = (0..200).map(|partition| (partition, 10, 13)).collect();
    assert_eq!(groups[1].token, format!("w/d/t@1/{}", delta(&ranges)));
    assert_eq!(groups[1].row_count(), 400);
    bench.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_write_whose_answer_was_lost_is_tried_again_and_lands_once() {
    let bench = Bench::start(FlushSettings::default());
    bench.destination.script([Fault::FailAfterWrite(Kind::Unavailable), Fault::Reject(Kind::Capacity)]);
    bench.send(0, &[(0, r#"{"n":1}"#)]);
    bench.script.commits.reached(0, 1).await;
    assert_eq!((bench.destination.writes(), bench.destination.row_count()), (3, 1));
    let figures = bench.progress.figures();
    assert_eq!((figures.write_retries, figures.state), (2, State::Running));
    assert!(figures.last_error.unwrap().healed);
    bench.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_refused_commit_is_tried_again() {
    let bench = Bench::start(FlushSettings::default());
    bench.script.commits.script([Kind::Unavailable]);
    bench.send(0, &[(0, r#"{"n":1}"#)]);
    bench.script.commits.reached(0, 1).await;
    assert_eq!(bench.destination.writes(), 1, "only the commit is repeated");
    bench.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_error_that_cannot_heal_ends_the_loop_without_a_commit() {
    let bench = Bench::start(FlushSettings::default());
    bench.destination.script([Fault::Reject(Kind::Invalid)]);
    bench.send(0, &[(0, r#"{"n":1}"#)]);
    assert_eq!(bench.outcome.await.unwrap().unwrap_err().kind, Kind::Invalid);
    assert_eq!(bench.script.commits.committed(0), None);
    assert_eq!(bench.account.used(), 0, "all memory is given back");
}

#[tokio::test(start_paused = true)]
async fn at_most_one_write_is_in_flight_while_the_next_group_fills() {
    let bench = Bench::start(FlushSettings { max_rows: 10, ..FlushSettings::default() });
    for offset in 0..500 {
        bench.send(0, &[(offset, r#"{"n":1}"#)]);
    }
    bench.script.commits.reached(0, 500).await;
    assert_eq!((bench.destination.most_in_flight(), bench.destination.row_count()), (1, 500));
    assert!(bench.destination.groups().iter().all(|group| group.row_count() <= 10));
    bench.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn inserts_of_a_steady_stream_keep_the_interval() {
    let flush = FlushSettings { interval: Duration::from_millis(200), ..FlushSettings::default() };
    let bench = Bench::start(flush);
    let start = tokio::time::Instant::now();
    for offset in 0..100 {
        bench.send(0, &[(offset, r#"{"n":1}"#)]);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    bench.script.commits.reached(0, 100).await;
    let intervals = start.elapsed().as_millis() as usize / 200;
    let writes = bench.destination.writes();
    assert!(writes <= intervals + 1, "{writes} writes in {intervals} intervals");
    assert!(writes >= 3, "rows do not wait for the end: {writes} writes");
    bench.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_interval_widens_while_parts_pile_up_and_the_figures_say_so() {
    let bench = Bench::start(FlushSettings::default());
    bench.destination.set_pressure(Pressure { active_parts: 900, parts_to_delay: 1000 });
    bench.send(0, &[(0, r#"{"n":1}"#)]);
    bench.script.commits.reached(0, 1).await;
    bench.send(0, &[(1, r#"{"n":1}"#)]);
    bench.script.commits.reached(0, 2).await;
    let progress = bench.progress.clone();
    bench.stop().await.unwrap();
    let figures = progress.figures();
    assert!(figures.flush_interval_widened);
    assert!(figures.flush_interval_ms > 200, "{}", figures.flush_interval_ms);
}

#[tokio::test(start_paused = true)]
async fn stopping_makes_everything_read_durable_first() {
    let bench =
        Bench::start(FlushSettings { interval: Duration::from_secs(3600), ..FlushSettings::default() });
    bench.send(0, &[(0, r#"{"n":1}"#)]);
    bench.script.commits.reached(0, 1).await;
    bench.send(0, &[(1, r#"{"n":2}"#)]);
    // Only the stop seals the second record: the interval is an hour.
    let (commits, destination) = (bench.script.commits.clone(), bench.destination.clone());
    while bench.progress.figures().batches < 1 || !bench.script.is_idle() {
        tokio::task::yield_now().await;
    }
    bench.stop().await.unwrap();
    assert_eq!((commits.committed(0), destination.row_count()), (Some(2), 2));
}

#[tokio::test(start_paused = true)]
async fn partitions_that_are_taken_away_are_drained_before_they_go() {
    let bench =
        Bench::start(FlushSettings { interval: Duration::from_secs(3600), ..FlushSettings::default() });
    bench.script.send(SourceEvent::Assigned(vec![0, 1]));
    bench.send(0, &[(0, r#"{"n":1}"#)]);
    bench.send(1, &[(0, r#"{"n":1}"#)]);
    bench.send(0, &[(1, r#"{"n":2}"#)]);
    let (drained, wait) = oneshot::channel();
    bench.script.send(SourceEvent::Revoked { partitions: vec![0], lost: false, drained });
    assert!(wait.await.is_err(), "the loop drops its end when it has drained");
    assert_eq!(bench.script.commits.committed(0), Some(2));
    assert_eq!(bench.destination.row_count(), 3);
    assert_eq!(bench.progress.figures().partitions.keys().copied().collect::<Vec<_>>(), [1]);
    bench.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_is_not_durable_when_partitions_are_lost_is_dropped() {
    let bench =
        Bench::start(FlushSettings { interval: Duration::from_secs(3600), ..FlushSettings::default() });
    bench.send(0, &[(0, r#"{"n":1}"#)]);
    bench.script.commits.reached(0, 1).await;
    bench.send(0, &[(1, r#"{"n":2}"#)]);
    let (drained, _wait) = oneshot::channel();
    bench.script.send(SourceEvent::Revoked { partitions: vec![0], lost: true, drained });
    assert_eq!(bench.outcome.await.unwrap().unwrap_err().kind, Kind::Fenced);
    assert_eq!((bench.destination.row_count(), bench.script.commits.committed(0)), (1, Some(1)));
}

#[tokio::test(start_paused = true)]
async fn losing_partitions_of_which_all_is_durable_is_no_error() {
    let bench = Bench::start(FlushSettings::default());
    bench.script.send(SourceEvent::Assigned(vec![0]));
    bench.send(0, &[(0, r#"{"n":1}"#)]);
    bench.script.commits.reached(0, 1).await;
    while bench.progress.figures().batches == 0 {
        tokio::task::yield_now().await;
    }
    let (drained, wait) = oneshot::channel();
    bench.script.send(SourceEvent::Revoked { partitions: vec![0], lost: true, drained });
    assert!(wait.await.is_err());
    bench.script.send(SourceEvent::Assigned(vec![0]));
    bench.send(0, &[(1, r#"{"n":2}"#)]);
    bench.script.commits.reached(0, 2).await;
    bench.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn offsets_that_run_backwards_end_the_loop() {
    let bench = Bench::start(FlushSettings::default());
    bench.send(0, &[(10, r#"{"n":1}"#)]);
    bench.script.commits.reached(0, 11).await;
    bench.send(0, &[(0, r#"{"n":1}"#)]);
    assert_eq!(bench.outcome.await.unwrap().unwrap_err().kind, Kind::Fenced);
}

/// Avro records `{n: long}`, each in a frame that names its schema: 1 is known from the start.
fn avro_bench() -> (Bench, MemorySchemas) {
    avro_bench_with_memory(64 << 20)
}

fn avro_bench_with_memory(bytes: usize) -> (Bench, MemorySchemas) {
    let schema = r#"{"type":"record","name":"R","fields":[{"name":"n","type":"long"}]}"#;
    let schemas = MemorySchemas::default().with(SchemaId::Confluent(1), SchemaKind::Avro, schema).with(
        SchemaId::Confluent(2),
        SchemaKind::Avro,
        schema,
    );
    let value = DocumentFormat {
        settings: RecordFormat { format: Format::Avro, ..RecordFormat::default() },
        schemas: Some(Arc::new(schemas.clone())),
        has_configured_schema: false,
    };
    let formats = Formats { value, topic: "t".into(), ..Formats::default() };
    let decoder = RowDecoder::compile(columns().into(), formats).unwrap();
    (Bench::with_memory(decoder, FlushSettings::default(), bytes), schemas)
}

fn framed(schema: u8, n: u8) -> Vec<u8> {
    vec![0, 0, 0, 0, schema, n << 1]
}

#[tokio::test(start_paused = true)]
async fn partitions_wait_for_their_schema_while_others_go_on() {
    let (bench, schemas) = avro_bench();
    bench.send_bytes([(0, 0, framed(1, 1)), (1, 0, framed(1, 2))]);
    bench.script.commits.reached(1, 1).await;

    schemas.set_down(true);
    bench.send_bytes([
        (0, 1, framed(1, 3)),
        (1, 1, framed(2, 4)),
        (1, 2, framed(1, 5)),
        (0, 2, framed(1, 6)),
    ]);
    bench.script.commits.reached(0, 3).await;
    bench.send_bytes([(1, 3, framed(1, 7)), (0, 3, framed(1, 8))]);
    bench.script.commits.reached(0, 4).await;
    let figures = bench.progress.figures();
    assert_eq!(figures.state, State::Retrying, "it says that partitions wait");
    assert_eq!(bench.script.commits.committed(1), Some(1), "records behind a waiting one wait too");
    assert_eq!(bench.destination.quarantined_count(), 0, "nothing is dropped");

    schemas.set_down(false);
    bench.script.commits.reached(1, 4).await;
    assert_eq!((bench.destination.row_count(), bench.destination.quarantined_count()), (8, 0));
    assert_eq!(bench.progress.figures().state, State::Running);
    bench.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_stop_does_not_wait_for_a_registry_that_is_down() {
    let (bench, schemas) = avro_bench();
    schemas.set_down(true);
    bench.send_bytes([(0, 0, framed(1, 1))]);
    while bench.progress.figures().state != State::Retrying {
        tokio::task::yield_now().await;
    }
    let committed = bench.script.commits.clone();
    bench.stop().await.unwrap();
    assert_eq!(committed.committed(0), None, "what waited is read again at the next start");
}

#[tokio::test(start_paused = true)]
async fn waiting_records_of_partitions_that_are_taken_away_are_let_go() {
    let (bench, schemas) = avro_bench();
    schemas.set_down(true);
    bench.send_bytes([(0, 0, framed(1, 1)), (1, 0, framed(1, 2))]);
    while bench.progress.figures().state != State::Retrying {
        tokio::task::yield_now().await;
    }
    let (drained, gone) = oneshot::channel();
    bench.script.send(SourceEvent::Revoked { partitions: vec![0], lost: false, drained });
    gone.await.unwrap_err();
    schemas.set_down(false);
    bench.script.commits.reached(1, 1).await;
    assert_eq!(bench.destination.row_count(), 1, "only the partition that stayed");
    assert_eq!(bench.script.commits.committed(0), None);
    bench.stop().await.unwrap();
}

/// Lets the loop go as far as it can go by itself.
async fn settled(bench: &Bench) {
    while !bench.script.is_idle() {
        tokio::task::yield_now().await;
    }
}

/// Records of the number 1.
fn ones(schema: u8, partition: i32, offsets: std::ops::Range<i64>) -> Vec<(i32, i64, Vec<u8>)> {
    offsets.map(|offset| (partition, offset, framed(schema, 1))).collect()
}

#[tokio::test(start_paused = true)]
async fn a_backlog_larger_than_the_memory_waits_while_others_reach_their_end() {
    const MEMORY: usize = 4 << 10;
    let (bench, schemas) = avro_bench_with_memory(MEMORY);
    schemas.set_lost(SchemaId::Confluent(2), true);
    for offset in (0..10_000).step_by(100) {
        bench.send_bytes(ones(2, 0, offset..offset + 100));
        bench.send_bytes(ones(1, 1, offset..offset + 100));
    }
    bench.script.commits.reached(1, 10_000).await;
    assert!(bench.account.used() <= MEMORY / 4, "what waits takes {} bytes", bench.account.used());
    let figures = bench.progress.figures();
    assert_eq!(figures.state, State::Retrying);
    assert_eq!(figures.waiting.keys().collect::<Vec<_>>(), [&0]);
    assert_eq!((figures.waiting[&0].schema.as_str(), figures.waiting[&0].offset), ("id 2", 0));

    schemas.set_lost(SchemaId::Confluent(2), false);
    bench.script.commits.reached(0, 10_000).await;
    assert_eq!((bench.destination.row_count(), bench.destination.quarantined_count()), (20_000, 0));
    let figures = bench.progress.figures();
    assert_eq!((figures.state, figures.waiting.len()), (State::Running, 0));
    bench.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_never_answers_holds_up_only_those_who_ask() {
    let (bench, schemas) = avro_bench_with_memory(4 << 10);
    bench.send_bytes(ones(1, 0, 0..1));
    bench.script.commits.reached(0, 1).await;
    schemas.set_hanging(true);
    for offset in (0..1000).step_by(100) {
        bench.send_bytes(ones(2, 1, offset..offset + 100));
        bench.send_bytes(ones(1, 0, offset + 1..offset + 101));
    }
    bench.script.commits.reached(0, 1001).await;
    assert_eq!(bench.script.commits.committed(1), None);
    assert!(!bench.progress.figures().caught_up());
    schemas.set_hanging(false);
    bench.script.commits.reached(1, 1000).await;
    assert_eq!(bench.destination.row_count(), 2001);
    bench.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_partition_whose_schema_is_there_does_not_wait_for_that_of_another() {
    let (bench, schemas) = avro_bench();
    schemas.set_lost(SchemaId::Confluent(1), true);
    bench.send_bytes([(0, 0, framed(1, 1)), (1, 0, framed(2, 2))]);
    bench.script.commits.reached(1, 1).await;
    assert_eq!(bench.progress.figures().waiting.keys().collect::<Vec<_>>(), [&0]);
    assert_eq!(bench.script.commits.committed(0), None);
    bench.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_partition_that_was_let_go_starts_anew_after_it_was_taken_away() {
    let (bench, schemas) = avro_bench_with_memory(4 << 10);
    schemas.set_lost(SchemaId::Confluent(2), true);
    bench.script.send(SourceEvent::Assigned(vec![0]));
    bench.send_bytes(ones(2, 0, 0..500));
    settled(&bench).await;
    let (drained, gone) = oneshot::channel();
    bench.script.send(SourceEvent::Revoked { partitions: vec![0], lost: false, drained });
    gone.await.unwrap_err();
    settled(&bench).await;
    let figures = bench.progress.figures();
    assert_eq!((figures.state, figures.waiting.len()), (State::Running, 0), "the trouble went with it");
    schemas.set_lost(SchemaId::Confluent(2), false);
    bench.script.send(SourceEvent::Assigned(vec![0]));
    bench.send_bytes(ones(2, 0, 0..500));
    bench.script.commits.reached(0, 500).await;
    assert_eq!(bench.destination.row_count(), 500);
    bench.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_heals_elsewhere_does_not_hide_that_partitions_wait() {
    let (bench, schemas) = avro_bench();
    schemas.set_down(true);
    bench.send_bytes([(0, 0, framed(1, 1))]);
    while bench.progress.figures().state != State::Retrying {
        tokio::task::yield_now().await;
    }
    bench.script.send(SourceEvent::Assigned(vec![0, 1]));
    bench.script.send(SourceEvent::Recovered);
    settled(&bench).await;
    let figures = bench.progress.figures();
    assert_eq!(figures.state, State::Retrying);
    let error = figures.last_error.unwrap();
    assert!(!error.healed);
    assert_eq!(
        error.fact,
        "data source \"d\": partition 0 waits for a schema (id 1): the schemas are out of reach"
    );
    bench.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_schema_that_the_registry_does_not_have_sends_records_to_quarantine() {
    let (bench, _) = avro_bench();
    bench.send_bytes([(0, 0, framed(1, 1)), (0, 1, framed(9, 2)), (0, 2, framed(2, 3))]);
    bench.script.commits.reached(0, 3).await;
    assert_eq!((bench.destination.row_count(), bench.destination.quarantined_count()), (2, 1));
    assert_eq!(bench.progress.figures().quarantined_by_reason["schema-not-found"], 1);
    bench.stop().await.unwrap();
}

/// What happens to the loop, step by step.
#[derive(Clone, Debug)]
enum Step {
    /// So many records of a partition, all of one schema.
    Records { partition: i32, schema: u8, count: i64 },
    /// A schema is out of reach, or is not any more.
    Reach { schema: u8, lost: bool },
    /// Time passes, milliseconds.
    Pass(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let records = (0..3, 1..=2_u8, 1..200_i64).prop_map(|(partition, schema, count)| Step::Records {
        partition,
        schema,
        count,
    });
    let reach = (1..=2_u8, any::<bool>()).prop_map(|(schema, lost)| Step::Reach { schema, lost });
    let step = prop_oneof![4 => records, 2 => reach, 1 => (0..5_000_u64).prop_map(Step::Pass)];
    proptest::collection::vec(step, 1..40)
}

async fn every_record_lands(steps: Vec<Step>, memory: usize) {
    let (bench, schemas) = avro_bench_with_memory(memory);
    let mut ends = [0_i64; 3];
    for step in steps {
        match step {
            Step::Records { partition, schema, count } => {
                let end = &mut ends[partition as usize];
                bench.send_bytes(ones(schema, partition, *end..*end + count));
                *end += count;
            }
            Step::Reach { schema, lost } => schemas.set_lost(SchemaId::Confluent(schema.into()), lost),
            Step::Pass(millis) => tokio::time::sleep(Duration::from_millis(millis)).await,
        }
    }
    schemas.set_lost(SchemaId::Confluent(1), false);
    schemas.set_lost(SchemaId::Confluent(2), false);
    for (partition, end) in (0..).zip(ends).filter(|(_, end)| *end > 0) {
        let reached = bench.script.commits.reached(partition, end);
        let reached = tokio::time::timeout(Duration::from_secs(600), reached).await;
        assert!(reached.is_ok(), "partition {partition} stands still: {:?}", bench.progress.figures());
    }
    assert_eq!(bench.destination.row_count() as i64, ends.iter().sum::<i64>());
    assert_eq!(bench.account.used(), 0);
    bench.stop().await.unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn every_record_lands_once_however_schemas_come_and_go(steps in steps(), memory in 64_usize..100_000) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
        runtime.unwrap().block_on(every_record_lands(steps, memory));
    }
}
