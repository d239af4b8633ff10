//! What a Native insert costs: CPU seconds of the whole process for each million rows of the 10-column bench table.
//!
//! `cargo run --release -p forebay-connectors --example native_insert [-- SETTING=VALUE ...]`: settings of every
//! connection, such as `max_threads=1`. `ROWS_A_BLOCK` and `DURABLE` are read from the environment.

use forebay_chdb::{Engine, Library, Options, locate};
use forebay_connectors::clickhouse::{EmbeddedDestination, ddl::TableOptions};
use forebay_ingest::{
    checkpoint::CheckpointDelta,
    column_batch::{Column, ColumnBatch, Values},
    destination::{Destination, SealedGroup},
};
use forebay_project::{
    column_type::ColumnType,
    model::{self, Datasource, Engine as TableEngine, Path},
};
use std::{env, error::Error, fs, sync::Arc, time::Instant};

const COLUMNS: [(&str, &str); 10] = [
    ("event_id", "String"),
    ("ts", "DateTime64(3)"),
    ("user_id", "UInt64"),
    ("event_type", "LowCardinality(String)"),
    ("url", "String"),
    ("os", "LowCardinality(String)"),
    ("w", "UInt16"),
    ("country", "LowCardinality(String)"),
    ("amount", "Float64"),
    ("tags", "Array(String)"),
];

const CHUNK_ROWS: usize = 10_000;
const ROUNDS: usize = 3;
const ROWS: usize = 1_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let number = |name, default| env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default);
    let block_rows: usize = number("ROWS_A_BLOCK", 200_000);
    let options = TableOptions { durable: number("DURABLE", 1) == 1 };
    let library = Library::load(&locate(|name| env::var_os(name))?)?;
    let directory = env::temp_dir().join(format!("native_insert_{}", std::process::id()));
    let settings = env::args().skip(1).filter_map(|argument| {
        argument.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()))
    });
    let engine_options = Options { settings: settings.collect(), ..Options::default() };
    let engine = Engine::open_with(&library, &directory, &engine_options)?;
    println!("idle: {} MB resident", resident_megabytes()?);
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let chunks: Vec<Arc<ColumnBatch>> = (0..block_rows / CHUNK_ROWS).map(|at| Arc::new(chunk(at))).collect();
    for round in 0..ROUNDS {
        let (destination, _) =
            EmbeddedDestination::open(&engine, &format!("round{round}"), &datasource(), options)?;
        let (wall, cpu) = (Instant::now(), cpu_seconds()?);
        for block in 0..ROWS / block_rows {
            let group = SealedGroup {
                token: format!("bench {block}"),
                delta: CheckpointDelta::default(),
                rows: chunks.clone(),
                quarantined: Vec::new(),
            };
            runtime.block_on(destination.write(&group))?;
        }
        let (wall, cpu) = (wall.elapsed().as_secs_f64(), cpu_seconds()? - cpu);
        println!("{cpu:.2} CPU s, {wall:.2} s, {} MB resident", resident_megabytes()?);
    }
    engine.close();
    fs::remove_dir_all(&directory)?;
    Ok(())
}

fn datasource() -> Datasource {
    let column = |(name, column_type): (&str, &str)| model::Column {
        name: name.to_owned(),
        column_type: ColumnType::parse(column_type).expect("the types above parse"),
        path: Path::of_field(name),
        default: None,
        codec: None,
    };
    Datasource {
        name: "events".to_owned(),
        description: None,
        columns: COLUMNS.into_iter().map(column).collect(),
        indexes: Vec::new(),
        engine: TableEngine { sorting_key: Some("event_type, ts".to_owned()), ..TableEngine::default() },
        kafka: None,
    }
}

fn chunk(at: usize) -> ColumnBatch {
    let rows = at * CHUNK_ROWS..(at + 1) * CHUNK_ROWS;
    let mix = |row: usize| row.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let texts = |text: &dyn Fn(usize) -> String| texts(rows.clone().map(text));
    let fixed = |width, bytes: Vec<u8>| plain(Values::Fixed { width, bytes });
    let integers = |integer: &dyn Fn(usize) -> u64| {
        fixed(8, rows.clone().flat_map(|row| integer(row).to_le_bytes()).collect())
    };
    let tags = texts(&|row| format!("tag{}", mix(row) % 50));
    let columns = vec![
        texts(&|row| format!("{:032x}", mix(row) as u128 * 0xffff_ffff_ffff)),
        integers(&|row| 1_760_000_000_000 + row as u64),
        integers(&|row| (mix(row) >> 20) as u64 % 100_000),
        texts(&|row| format!("event_type_{}", (mix(row) >> 30) % 12)),
        texts(&|row| format!("https://shop.example.com/products/{}?ref=mail", (mix(row) >> 16) % 100_000)),
        texts(&|row| ["ios", "android", "windows", "linux"][(mix(row) >> 40) % 4].to_owned()),
        fixed(2, rows.clone().flat_map(|row| ((mix(row) >> 50) as u16 % 4000).to_le_bytes()).collect()),
        texts(&|row| format!("C{}", (mix(row) >> 35) % 60)),
        fixed(8, rows.clone().flat_map(|row| ((mix(row) % 10_000) as f64 / 100.0).to_le_bytes()).collect()),
        plain(Values::List { ends: (1..=CHUNK_ROWS).collect(), items: Box::new(tags) }),
    ];
    ColumnBatch { columns }
}

fn texts(texts: impl Iterator<Item = String>) -> Column {
    let (mut ends, mut bytes) = (Vec::new(), Vec::new());
    for text in texts {
        bytes.extend_from_slice(text.as_bytes());
        ends.push(bytes.len());
    }
    plain(Values::Bytes { ends, bytes })
}

fn plain(values: Values) -> Column {
    Column { values, nulls: None, absent: None }
}

/// User and system time of this process.
fn cpu_seconds() -> Result<f64, Box<dyn Error>> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let after_name = stat.rsplit_once(')').ok_or("no name in stat")?.1;
    let ticks = after_name.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
    // USER_HZ is 100 on Linux.
    Ok(ticks.sum::<Result<f64, _>>()? / 100.0)
}

fn resident_megabytes() -> Result<u64, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS")).ok_or("no VmRSS")?;
    Ok(line.split_whitespace().nth(1).ok_or("no number")?.parse::<u64>()? / 1024)
}
