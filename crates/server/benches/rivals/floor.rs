//! The floor: the three steps that nobody can leave out, each alone in a process of its own.

use crate::{
    encoding::{Encoding, Format},
    kafka_engine::TABLE,
    process::own_cpu_seconds,
    table,
};
use clap::Args;
use forebay_connectors::clickhouse::native::{self, BlockColumn};
use forebay_ingest::{
    column_batch::ColumnBatch,
    decode::{DecodedBatch, DocumentFormat, Formats, Plans, RowDecoder},
    pacing::FlushSettings,
    records::{Position, RecordBatch},
    schema::{SchemaId, Schemas},
    target::{ColumnSource, TargetColumn},
};
use forebay_project::{
    column_type::ColumnType,
    model::{Path, RecordFormat},
};
use forebay_testkit::{Failure, clickstream, schemas::MemorySchemas};
use rdkafka::{
    ClientConfig, Message,
    consumer::{BaseConsumer, Consumer},
};
use std::{
    fs,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

/// Bytes of a record batch, as the Kafka source makes them.
const BATCH_BYTES: usize = 1 << 20;
/// Id of the schema of records that name one.
const SCHEMA_ID: u32 = 1;

/// Reads a topic and looks at every value.
#[derive(Args)]
pub(crate) struct Consume {
    #[arg(long)]
    bootstrap: String,
    #[arg(long)]
    topic: String,
    #[arg(long)]
    group: String,
    #[arg(long)]
    records: u64,
}

/// Decodes records that are in memory; prints the CPU seconds of that alone.
#[derive(Args)]
pub(crate) struct Decode {
    #[arg(long)]
    records: u64,
    #[arg(long)]
    format: Format,
}

/// Encodes and inserts decoded rows that are in memory; prints the CPU seconds of that alone.
#[derive(Args)]
pub(crate) struct Insert {
    #[arg(long)]
    records: u64,
    #[arg(long)]
    format: Format,
    #[arg(long)]
    data_dir: PathBuf,
}

impl Consume {
    /// Prints the number of bytes read.
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &self.bootstrap)
            .set("group.id", &self.group)
            .set("auto.offset.reset", "earliest")
            .set("enable.auto.commit", "false")
            .create()
            .map_err(Failure::of("no consumer"))?;
        consumer.subscribe(&[&self.topic]).map_err(Failure::of("no subscription"))?;
        let (mut records, mut bytes) = (0, 0);
        let deadline = Instant::now() + Duration::from_secs(600);
        while records < self.records && Instant::now() < deadline {
            let Some(record) = consumer.poll(Duration::from_millis(100)) else {
                continue;
            };
            let record = record.map_err(Failure::of("a record cannot be read"))?;
            bytes += touch(record.payload().unwrap_or_default());
            records += 1;
        }
        println!("{bytes}");
        if records < self.records {
            return Err(Failure::new(format!("{records} of {} records came", self.records)));
        }
        Ok(())
    }
}

/// The length of a value, after a look at one byte of every cache line.
fn touch(value: &[u8]) -> usize {
    let seen = value.iter().step_by(64).fold(0, |seen, byte| seen ^ byte);
    std::hint::black_box(seen);
    value.len()
}

impl Decode {
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let decoder = decoder(self.format)?;
        let batches = record_batches(self.format, self.records);
        let plans = plans(&decoder, &batches[0])?;
        let before = thread_cpu_seconds()?;
        for batch in &batches {
            std::hint::black_box(decode(&decoder, batch, &plans)?);
        }
        println!("{}", thread_cpu_seconds()? - before);
        Ok(())
    }
}

impl Insert {
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let decoder = decoder(self.format)?;
        let batches = record_batches(self.format, self.records);
        let plans = plans(&decoder, &batches[0])?;
        let decoded: Vec<DecodedBatch> =
            batches.iter().map(|batch| decode(&decoder, batch, &plans)).collect::<Result<_, _>>()?;
        let engine = table::open(&self.data_dir)?;
        table::run(&engine, "CREATE DATABASE bench")?;
        table::run(&engine, &table::create(TABLE))?;
        let columns = target_columns()?;
        let before = own_cpu_seconds()?;
        for group in groups(&decoded) {
            insert(&engine, &columns, &group)?;
        }
        println!("{}", own_cpu_seconds()? - before);
        engine.close();
        Ok(())
    }
}

/// Decoded batches in groups as large as Forebay seals them.
fn groups(decoded: &[DecodedBatch]) -> Vec<Vec<&ColumnBatch>> {
    let limit = FlushSettings::default();
    let mut groups = vec![Vec::new()];
    let (mut rows, mut bytes) = (0, 0);
    for batch in decoded {
        if rows >= limit.max_rows || bytes >= limit.max_bytes {
            groups.push(Vec::new());
            (rows, bytes) = (0, 0);
        }
        rows += batch.records;
        bytes += batch.memory_bytes();
        groups.last_mut().expect("there is always a group").push(&*batch.rows);
    }
    groups
}

fn insert(
    engine: &forebay_chdb::Engine,
    columns: &[TargetColumn],
    chunks: &[&ColumnBatch],
) -> Result<(), Failure> {
    let block: Vec<BlockColumn<'_>> = columns
        .iter()
        .enumerate()
        .map(|(index, column)| BlockColumn {
            name: &column.name,
            column_type: &column.column_type,
            chunks: chunks.iter().map(|chunk| &chunk.columns[index]).collect(),
        })
        .collect();
    let names = table::COLUMNS.map(|(name, ..)| name).join(", ");
    let whole = chunks.iter().map(|chunk| chunk.row_count()).sum::<usize>() + 1;
    let statement = format!(
        "INSERT INTO {TABLE} ({names}) SETTINGS async_insert = 0, max_insert_threads = 1, \
         max_insert_block_size = {whole}, min_insert_block_size_rows = {whole}, min_insert_block_size_bytes = 0"
    );
    let refused = |error: forebay_chdb::EngineError| table::refused(&statement, &error);
    let mut stream = engine.insert(&statement, "Native").map_err(refused)?;
    native::encode(&block, |bytes| stream.append(bytes)).map_err(refused)?;
    stream.finish().map(|_| ()).map_err(refused)
}

/// The topic's records, made rather than read.
fn record_batches(format: Format, records: u64) -> Vec<RecordBatch> {
    let topic: Arc<str> = "clicks".into();
    let encoding = Encoding { format, schema_id: format.schema().map(|_| SCHEMA_ID) };
    let mut batches = vec![RecordBatch::new(topic.clone())];
    let (mut json, mut value) = (String::new(), Vec::new());
    for number in 0..records {
        json.clear();
        value.clear();
        clickstream::write_record(number, &mut json);
        encoding.write(&json, &mut value);
        if batches.last().is_some_and(|batch| batch.payload_bytes() >= BATCH_BYTES) {
            batches.push(RecordBatch::new(topic.clone()));
        }
        let position = Position {
            partition: 0,
            offset: i64::try_from(number).expect("record numbers are small"),
            timestamp_ms: Some(0),
        };
        let key = clickstream::key(number);
        let batch = batches.last_mut().expect("there is always a batch");
        batch.push(position, Some(key.as_bytes()), Some(&value), []);
    }
    batches
}

/// All records have the same schema, so the decoders of one batch are those of all.
fn plans(decoder: &RowDecoder, batch: &RecordBatch) -> Result<Plans, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(Failure::of("no runtime"))?;
    if let Err(unknown) = decoder.plans(batch) {
        runtime.block_on(decoder.learn(&unknown)).map_err(Failure::of("no schema"))?;
    }
    decoder.plans(batch).map_err(|unknown| Failure::new(format!("schemas stay unknown: {unknown:?}")))
}

fn decode(decoder: &RowDecoder, batch: &RecordBatch, plans: &Plans) -> Result<DecodedBatch, Failure> {
    let decoded = decoder.decode(batch, plans).map_err(Failure::of("offsets went backwards"))?;
    match decoded.quarantined {
        None => Ok(decoded),
        Some(_) => Err(Failure::new(format!("records did not decode: {:?}", decoded.reasons))),
    }
}

fn decoder(format: Format) -> Result<RowDecoder, Failure> {
    let schemas = format.schema().map(|(kind, schema)| {
        let id = SchemaId::Confluent(SCHEMA_ID);
        Arc::new(MemorySchemas::default().with(id, kind, schema)) as Arc<dyn Schemas>
    });
    let settings = RecordFormat { format: format.setting(), ..RecordFormat::default() };
    let value = DocumentFormat { settings, schemas, has_configured_schema: false };
    let formats = Formats { value, topic: "clicks".to_owned(), ..Formats::default() };
    RowDecoder::compile(target_columns()?.into(), formats).map_err(Failure::of("no decoder"))
}

fn target_columns() -> Result<Vec<TargetColumn>, Failure> {
    let columns = table::COLUMNS.iter().map(|(name, column_type, path)| {
        Ok(TargetColumn {
            name: (*name).to_owned(),
            column_type: ColumnType::parse(column_type)
                .map_err(|error| Failure::new(format!("{column_type}: {error:?}")))?,
            source: ColumnSource::Path(
                Path::parse(path).map_err(|error| Failure::new(format!("{path}: {error:?}")))?,
            ),
            default: None,
            codec: None,
        })
    });
    columns.collect()
}

/// CPU seconds of this thread. Source: the kernel's sched-stats documentation; nanoseconds on a CPU come first.
fn thread_cpu_seconds() -> Result<f64, Failure> {
    const PATH: &str = "/proc/thread-self/schedstat";
    let text = fs::read_to_string(PATH).map_err(Failure::of(format!("{PATH} cannot be read")))?;
    let nanoseconds = text.split(' ').next().and_then(|first| first.parse::<f64>().ok());
    nanoseconds
        .map(|nanoseconds| nanoseconds / 1e9)
        .ok_or_else(|| Failure::new(format!("{PATH} is not as expected: {text}")))
}
