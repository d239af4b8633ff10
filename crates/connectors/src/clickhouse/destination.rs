use super::{
    ddl::{TableDefinition, TableOptions, quarantine_table},
    engine_error,
    native::{self, BlockColumn},
    presence::{self, PresenceGroup},
    sql::{identifiers, literal, qualified},
    table_shape::{self, Change},
};
use forebay_chdb::{Engine, EngineError};
use forebay_ingest::{
    column_batch::ColumnBatch,
    destination::{Destination, Pressure, Receipt, SealedGroup},
    error::{Error, Kind},
    quarantine::quarantine_columns,
    target::filled_columns,
};
use forebay_project::{column_type::ColumnType, model::Datasource};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// The table and the quarantine table of one data source in the engine inside this process.
#[derive(Clone)]
pub struct EmbeddedDestination {
    tables: Arc<Tables>,
}

struct Tables {
    engine: Engine,
    landing: Table,
    quarantine: Table,
    parts: Mutex<Option<(Instant, Pressure)>>,
    parts_to_delay: u64,
}

/// How old the number of parts may be.
const PARTS_AGE: Duration = Duration::from_secs(1);

impl EmbeddedDestination {
    /// Makes the tables of `datasource` in the database of `workspace`, or brings those that exist to what the file says,
    /// and tells what it did to them. Blocks.
    ///
    /// # Errors
    /// [`Kind::Invalid`], with both sides shown, when an existing table differs in what cannot be changed, or the engine
    /// refuses a table; a new table is then not made at all.
    pub fn open(
        engine: &Engine,
        workspace: &str,
        datasource: &Datasource,
        options: TableOptions,
    ) -> Result<(Self, Vec<Change>), Error> {
        let definition = TableDefinition::landing(datasource, options)?;
        let changes = table_shape::reconcile(engine, workspace, &definition)?;
        let quarantine = TableDefinition::quarantine(datasource, options);
        table_shape::reconcile(engine, workspace, &quarantine)?;
        let landing = filled_columns(datasource).into_iter();
        let landing = landing.map(|column| (column.name, column.column_type)).collect();
        let quarantine = quarantine_columns(datasource);
        let tables = Tables {
            engine: engine.clone(),
            landing: Table::new(workspace, &datasource.name, landing),
            quarantine: Table::new(workspace, &quarantine_table(&datasource.name), quarantine),
            parts: Mutex::new(None),
            parts_to_delay: parts_to_delay(engine, workspace, &datasource.name)?,
        };
        Ok((Self { tables: Arc::new(tables) }, changes))
    }
}

impl Destination for EmbeddedDestination {
    async fn write(&self, group: &SealedGroup) -> Result<Receipt, Error> {
        let (tables, group) = (self.tables.clone(), group.clone());
        let written = tokio::task::spawn_blocking(move || tables.write(&group)).await;
        written.unwrap_or_else(|panic| {
            Err(Error::new(Kind::Internal, "writing to the engine panicked").caused_by(panic))
        })
    }
}

impl Tables {
    fn write(&self, group: &SealedGroup) -> Result<Receipt, Error> {
        let token = format!("{}#quarantine", group.token);
        self.quarantine.insert(&self.engine, &token, &group.quarantined)?;
        self.landing.insert(&self.engine, &group.token, &group.rows)?;
        Ok(Receipt { pressure: self.pressure()? })
    }

    fn pressure(&self) -> Result<Pressure, Error> {
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, pressure)) = *parts
            && at.elapsed() < PARTS_AGE
        {
            return Ok(pressure);
        }
        let pressure = Pressure {
            active_parts: self.landing.active_parts(&self.engine)?,
            parts_to_delay: self.parts_to_delay,
        };
        *parts = Some((Instant::now(), pressure));
        Ok(pressure)
    }
}

struct Table {
    database: String,
    name: String,
    columns: Vec<(String, ColumnType)>,
}

impl Table {
    fn new(database: &str, name: &str, columns: Vec<(String, ColumnType)>) -> Self {
        Self { database: database.to_owned(), name: name.to_owned(), columns }
    }

    /// Inserts all rows: as one block under `token`, or one a set of columns to leave out, each under its own token.
    fn insert(&self, engine: &Engine, token: &str, chunks: &[Arc<ColumnBatch>]) -> Result<(), Error> {
        let types: Vec<&ColumnType> = self.columns.iter().map(|(_, column_type)| column_type).collect();
        let chunks = chunks.iter().map(|chunk| &**chunk).filter(|chunk| !chunk.is_empty());
        for group in presence::split(&types, chunks) {
            self.insert_block(engine, token, &group).map_err(|error| {
                let fact = format!("table \"{}\" did not take an insert", self.name);
                engine_error(engine, fact, error)
            })?;
        }
        Ok(())
    }

    fn insert_block(
        &self,
        engine: &Engine,
        token: &str,
        group: &PresenceGroup<'_>,
    ) -> Result<(), EngineError> {
        let columns = self.block(group);
        let rows: usize = group.chunks.iter().map(|chunk| chunk.row_count()).sum();
        let token = self.group_token(token, group);
        if columns.is_empty() {
            return self.insert_defaults(engine, &token, rows);
        }
        let names = identifiers(columns.iter().map(|column| column.name));
        let statement = self.insert_statement(&token, &names, rows);
        let mut insert = engine.insert(&statement, "Native")?;
        native::encode(&columns, |bytes| insert.append(bytes))?;
        insert.finish()?;
        Ok(())
    }

    /// Inserts rows that have no value in any column: a Native block cannot say how many there are.
    fn insert_defaults(&self, engine: &Engine, token: &str, rows: usize) -> Result<(), EngineError> {
        let names = identifiers(self.columns.iter().map(|(name, _)| name.as_str()));
        let statement = self.insert_statement(token, &names, rows);
        let mut insert = engine.insert(&statement, "JSONEachRow")?;
        insert.append("{}\n".repeat(rows).as_bytes())?;
        insert.finish()?;
        Ok(())
    }

    fn block<'a>(&'a self, group: &'a PresenceGroup<'_>) -> Vec<BlockColumn<'a>> {
        let kept = |index: &usize| !group.omitted.contains(index);
        let column = |index: usize| BlockColumn {
            name: &self.columns[index].0,
            column_type: &self.columns[index].1,
            chunks: group.chunks.iter().map(|chunk| &chunk.columns[index]).collect(),
        };
        (0..self.columns.len()).filter(kept).map(column).collect()
    }

    /// Rows that leave columns out are told from the others by the names of those columns.
    fn group_token(&self, token: &str, group: &PresenceGroup<'_>) -> String {
        let omitted: Vec<&str> = group.omitted.iter().map(|&index| self.columns[index].0.as_str()).collect();
        match omitted[..] {
            [] => token.to_owned(),
            _ => format!("{token}#without:{}", omitted.join(",")),
        }
    }

    /// Settings that keep the block whole, whatever the number of rows, and land it once. Text in JSON columns stays
    /// text: a date guessed from `2024/1/2` could not be read back as it was written.
    ///
    /// A batch may touch any number of the table's partitions: the part limits of the table protect the engine, and a
    /// limit here would stop the data source for good.
    fn insert_statement(&self, token: &str, names: &str, rows: usize) -> String {
        let whole = rows + 1;
        format!(
            "INSERT INTO {} ({names}) SETTINGS async_insert = 0, insert_deduplicate = 1, \
             insert_deduplication_token = {}, deduplicate_blocks_in_dependent_materialized_views = 1, \
             max_insert_block_size = {whole}, min_insert_block_size_rows = {whole}, min_insert_block_size_bytes = 0, \
             max_partitions_per_insert_block = 0, max_insert_threads = 1, input_format_null_as_default = 1, \
             input_format_defaults_for_omitted_fields = 1, input_format_native_allow_types_conversion = 1, \
             input_format_try_infer_dates = 0, input_format_try_infer_datetimes = 0, \
             input_format_parallel_parsing = 0",
            qualified(&self.database, &self.name),
            literal(token)
        )
    }

    fn active_parts(&self, engine: &Engine) -> Result<u64, Error> {
        let sql = "SELECT max(parts) FROM (SELECT count() AS parts FROM system.parts \
                   WHERE active AND database = {database:String} AND table = {table:String} GROUP BY partition_id)";
        let parameters = [("database", self.database.as_str()), ("table", &self.name)];
        number(engine, sql, &parameters)
    }
}

/// Active parts in a partition at which the engine starts to delay inserts: the table's own setting or the engine's.
fn parts_to_delay(engine: &Engine, database: &str, table: &str) -> Result<u64, Error> {
    let sql = "SELECT toUInt64OrZero(if(own = '', general, own)) FROM (SELECT \
               (SELECT extract(engine_full, 'parts_to_delay_insert = (\\\\d+)') FROM system.tables \
                WHERE database = {database:String} AND name = {table:String}) AS own, \
               (SELECT value FROM system.merge_tree_settings WHERE name = 'parts_to_delay_insert') AS general)";
    number(engine, sql, &[("database", database), ("table", table)])
}

fn number(engine: &Engine, sql: &str, parameters: &[(&str, &str)]) -> Result<u64, Error> {
    let output = engine
        .query_with_params(sql, "TSVRaw", parameters)
        .map_err(|error| engine_error(engine, "the engine did not say how many parts a table has", error))?;
    let text = String::from_utf8_lossy(&output.bytes);
    text.trim().parse().map_err(|_| {
        Error::new(Kind::Internal, format!("the engine said `{}` instead of a number of parts", text.trim()))
    })
}
