//! The table all contestants fill, and how it is looked at afterwards.

use forebay_chdb::{Engine, EngineError, Library, locate};
use forebay_testkit::Failure;
use serde::Serialize;
use std::{env, path::Path};

/// Name, type and path of each column.
pub(crate) const COLUMNS: [(&str, &str, &str); 10] = [
    ("event_id", "String", "$.event_id"),
    ("ts", "DateTime64(3)", "$.ts"),
    ("user_id", "UInt64", "$.user_id"),
    ("event_type", "LowCardinality(String)", "$.event_type"),
    ("url", "String", "$.page.url"),
    ("os", "LowCardinality(String)", "$.device.os"),
    ("w", "UInt16", "$.device.screen.w"),
    ("country", "LowCardinality(String)", "$.geo.country"),
    ("amount", "Float64", "$.amount"),
    ("tags", "Array(String)", "$.tags[:]"),
];

/// `ORDER BY` of the table.
pub(crate) const SORTING_KEY: &str = "event_type, ts";

/// What a table holds, whatever the order of its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Fingerprint {
    /// `count()`
    pub(crate) rows: u64,
    /// `sum(user_id)`
    pub(crate) user_ids: u64,
    /// `sum(amount)` in hundredths, which sum up exactly
    pub(crate) hundredths: u64,
    /// Sum of a 64-bit hash over all ten columns of each row, modulo 2^64
    pub(crate) hash: u64,
}

impl Fingerprint {
    /// Reads the one row of [`fingerprint`] from tab-separated values.
    pub(crate) fn parse(row: &str) -> Result<Self, Failure> {
        let fields: Result<Vec<u64>, _> = row.trim_end().split('\t').map(str::parse).collect();
        match fields.as_deref() {
            Ok(&[rows, user_ids, hundredths, hash]) => Ok(Self { rows, user_ids, hundredths, hash }),
            _ => Err(Failure::new(format!("{row:?} is no fingerprint of a table"))),
        }
    }
}

/// The statement that creates the table under this name.
pub(crate) fn create(table: &str) -> String {
    let columns = COLUMNS.map(|(name, column_type, _)| format!("{name} {column_type}"));
    format!("CREATE TABLE {table} ({}) ENGINE = MergeTree ORDER BY ({SORTING_KEY})", columns.join(", "))
}

/// The query whose one row is a [`Fingerprint`].
pub(crate) fn fingerprint(table: &str) -> String {
    let plain = COLUMNS.map(|(name, column_type, _)| match column_type {
        "LowCardinality(String)" => format!("toString({name})"),
        _ => name.to_owned(),
    });
    format!(
        "SELECT count(), sum(user_id), toUInt64(sum(toInt64(round(amount * 100)))), sum(sipHash64({})) FROM {table}",
        plain.join(", ")
    )
}

/// The query for the number of blocks that were inserted into the table, merged or not.
pub(crate) fn inserts(table: &str) -> String {
    let (database, name) = table.split_once('.').unwrap_or(("default", table));
    format!(
        "SELECT max(max_block_number) FROM system.parts WHERE active AND database = '{database}' AND table = '{name}'"
    )
}

/// Starts the engine on a directory.
pub(crate) fn open(data_dir: &Path) -> Result<Engine, Failure> {
    let path = locate(|name| env::var_os(name)).map_err(Failure::of("no engine"))?;
    let library = Library::load(&path).map_err(Failure::of("no engine"))?;
    Engine::open(&library, data_dir).map_err(Failure::of("the engine does not start"))
}

/// Runs a statement that returns nothing.
pub(crate) fn run(engine: &Engine, sql: &str) -> Result<(), Failure> {
    engine.query(sql, "Null").map(|_| ()).map_err(|error| refused(sql, &error))
}

/// The result of a query as tab-separated values.
pub(crate) fn text(engine: &Engine, sql: &str) -> Result<String, Failure> {
    let output = engine.query(sql, "TabSeparated").map_err(|error| refused(sql, &error))?;
    Ok(String::from_utf8_lossy(&output.bytes).trim_end().to_owned())
}

/// The one number a query returns.
pub(crate) fn number(engine: &Engine, sql: &str) -> Result<u64, Failure> {
    let answer = text(engine, sql)?;
    answer.parse().map_err(|_| Failure::new(format!("no number but {answer:?} from {sql}")))
}

/// A statement that the engine did not run, and why.
pub(crate) fn refused(sql: &str, error: &EngineError) -> Failure {
    Failure::new(format!("the engine refused {sql}: {error}"))
}
