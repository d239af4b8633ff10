//! `CREATE` statements made from a data source.

use super::sql::{identifier, identifiers, qualified, split_commas};
use forebay_ingest::{
    error::{Error, Kind},
    quarantine::quarantine_columns,
    target::{TargetColumn, target_columns},
};
use forebay_project::model::{Datasource, Engine, EngineKind, Index};

/// Inserts whose tokens a table remembers: far more than can be in flight.
const DEDUPLICATION_WINDOW: u64 = 1000;
/// A part of fewer bytes keeps its columns in one file. By the engine's default of 10 MB a large insert writes and syncs
/// three dozen files; ClickHouse Cloud keeps one file up to 1 GiB.
const WIDE_PART_BYTES: u64 = 128 << 20;
const WINDOW_SETTING: &str = "non_replicated_deduplication_window";

/// How tables are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableOptions {
    /// Whether an insert is on disk (fsync) when it returns.
    pub durable: bool,
}

impl Default for TableOptions {
    fn default() -> Self {
        Self { durable: true }
    }
}

/// What a table shall be: the parts of its `CREATE TABLE` statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableDefinition {
    /// Table name.
    pub name: String,
    /// Column names and what follows the name, in order.
    pub columns: Vec<(String, String)>,
    indexes: Vec<String>,
    engine: String,
    settings: Vec<(String, String)>,
    comment: Option<String>,
}

/// Name of the table that holds a data source's rejected records.
pub fn quarantine_table(datasource: &str) -> String {
    format!("{datasource}_quarantine")
}

impl TableDefinition {
    /// The landing table of a data source.
    ///
    /// # Errors
    /// [`Kind::Invalid`] when its settings would break exactly-once delivery.
    pub fn landing(datasource: &Datasource, options: TableOptions) -> Result<Self, Error> {
        let columns = target_columns(datasource);
        Ok(Self {
            name: datasource.name.clone(),
            columns: columns.iter().map(column_clause).collect(),
            indexes: datasource.indexes.iter().map(index_clause).collect(),
            engine: engine_clause(&datasource.engine),
            settings: settings(datasource, options)?,
            comment: datasource.description.clone(),
        })
    }

    /// The quarantine table of a data source.
    pub fn quarantine(datasource: &Datasource, options: TableOptions) -> Self {
        let columns = quarantine_columns(datasource).into_iter();
        Self {
            name: quarantine_table(&datasource.name),
            columns: columns.map(|(name, column_type)| (name, column_type.to_string())).collect(),
            indexes: Vec::new(),
            engine: "MergeTree ORDER BY tuple()".to_owned(),
            settings: managed_settings(DEDUPLICATION_WINDOW, options),
            comment: None,
        }
    }

    /// `CREATE TABLE` under a database and name.
    pub fn create(&self, database: &str, table: &str) -> String {
        let columns = self.columns.iter().map(|(name, rest)| format!("{} {rest}", identifier(name)));
        let body: Vec<String> = columns.chain(self.indexes.iter().cloned()).collect();
        let mut statement = format!(
            "CREATE TABLE {} (\n    {}\n)\nENGINE = {}",
            qualified(database, table),
            body.join(",\n    "),
            self.engine
        );
        if !self.settings.is_empty() {
            let settings = self.settings.iter().map(|(name, value)| format!("{name} = {value}"));
            let settings: Vec<String> = settings.collect();
            statement.push_str(&format!("\nSETTINGS {}", settings.join(", ")));
        }
        if let Some(comment) = &self.comment {
            statement.push_str(&format!("\nCOMMENT {}", super::literal(comment)));
        }
        statement
    }
}

fn column_clause(column: &TargetColumn) -> (String, String) {
    let mut clause = column.column_type.to_string();
    if let Some(default) = &column.default {
        clause.push_str(&format!(" DEFAULT {default}"));
    }
    if let Some(codec) = &column.codec {
        clause.push_str(&format!(" CODEC{codec}"));
    }
    (column.name.clone(), clause)
}

fn index_clause(index: &Index) -> String {
    let Index { name, expression, index_type, granularity } = index;
    let name = identifier(name);
    let granularity = granularity.map(|granularity| format!(" GRANULARITY {granularity}"));
    format!("INDEX {name} {expression} TYPE {index_type}{}", granularity.unwrap_or_default())
}

fn engine_clause(engine: &Engine) -> String {
    if engine.kind == EngineKind::Null {
        return "Null".to_owned();
    }
    let key = |keyword: &str, key: &Option<String>| key.as_ref().map(|key| format!("{keyword} ({key})"));
    let sorting_key = key("ORDER BY", &engine.sorting_key);
    let clauses = [
        Some(engine_name(&engine.kind)),
        key("PARTITION BY", &engine.partition_key),
        key("PRIMARY KEY", &engine.primary_key),
        Some(sorting_key.unwrap_or_else(|| "ORDER BY tuple()".to_owned())),
        key("SAMPLE BY", &engine.sampling_key),
        engine.ttl.as_ref().map(|ttl| format!("TTL {ttl}")),
    ];
    clauses.into_iter().flatten().collect::<Vec<_>>().join("\n")
}

fn engine_name(kind: &EngineKind) -> String {
    match kind {
        EngineKind::MergeTree => "MergeTree".to_owned(),
        EngineKind::ReplacingMergeTree { version, is_deleted } => {
            let columns = [version, is_deleted].into_iter().flatten().map(String::as_str);
            format!("ReplacingMergeTree({})", identifiers(columns))
        }
        EngineKind::SummingMergeTree { columns } if columns.is_empty() => "SummingMergeTree".to_owned(),
        EngineKind::SummingMergeTree { columns } => {
            format!("SummingMergeTree(({}))", identifiers(columns.iter().map(String::as_str)))
        }
        EngineKind::AggregatingMergeTree => "AggregatingMergeTree".to_owned(),
        EngineKind::CollapsingMergeTree { sign } => {
            format!("CollapsingMergeTree({})", identifier(sign))
        }
        EngineKind::VersionedCollapsingMergeTree { sign, version } => {
            let columns = [sign.as_str(), version].into_iter();
            format!("VersionedCollapsingMergeTree({})", identifiers(columns))
        }
        EngineKind::Null => "Null".to_owned(),
    }
}

/// The user's settings, and ours where the user's do not already say it.
fn settings(datasource: &Datasource, options: TableOptions) -> Result<Vec<(String, String)>, Error> {
    if datasource.engine.kind == EngineKind::Null {
        return Ok(Vec::new());
    }
    let written = datasource.engine.settings.as_deref().unwrap_or_default();
    let mut settings = Vec::new();
    for piece in split_commas(written) {
        let (name, value) = piece.split_once('=').ok_or_else(|| bad_setting(datasource, piece))?;
        settings.push((name.trim().to_owned(), value.trim().to_owned()));
    }
    let window = settings.iter().find(|(name, _)| name == WINDOW_SETTING);
    if let Some((_, value)) = window.filter(|(_, value)| value.parse::<u64>().unwrap_or(0) == 0) {
        return Err(no_window(datasource, value));
    }
    for (name, value) in managed_settings(DEDUPLICATION_WINDOW, options) {
        if settings.iter().all(|(written, _)| *written != name) {
            settings.push((name, value));
        }
    }
    Ok(settings)
}

fn managed_settings(window: u64, options: TableOptions) -> Vec<(String, String)> {
    let fsync = u8::from(options.durable).to_string();
    [
        (WINDOW_SETTING, window.to_string()),
        ("fsync_after_insert", fsync.clone()),
        ("fsync_part_directory", fsync),
        ("min_bytes_for_wide_part", WIDE_PART_BYTES.to_string()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}

fn bad_setting(datasource: &Datasource, piece: &str) -> Error {
    let fact =
        format!("data source \"{}\": ENGINE_SETTINGS holds `{piece}`, which is no setting", datasource.name);
    Error::new(Kind::Invalid, fact).hint("write settings as `name = value`, with commas between them")
}

fn no_window(datasource: &Datasource, value: &str) -> Error {
    let fact = format!(
        "data source \"{}\": ENGINE_SETTINGS sets {WINDOW_SETTING} = {value}, without which retried inserts would double rows",
        datasource.name
    );
    Error::new(Kind::Invalid, fact)
        .hint(format!("leave it out ({DEDUPLICATION_WINDOW} is used then), or give a number above 0"))
}
