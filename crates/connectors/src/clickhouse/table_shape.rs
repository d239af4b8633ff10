//! What a table is, by the engine's own description of it, and how an existing one is brought to what a file says.

use super::{
    ddl::TableDefinition,
    engine_error,
    sql::{identifier, literal, qualified, split_commas},
};
use forebay_chdb::Engine;
use forebay_ingest::error::{Error, Kind};

/// Where a table is made for comparison: the engine then has normalised both sides alike.
const SCRATCH_DATABASE: &str = "_forebay";

/// What was done to, or is worth knowing about, a table at start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The table is new.
    Created,
    /// A column of the file was not in the table.
    ColumnAdded(String),
    /// The DEFAULT of a column differed; rows written from now on get the one of the file.
    DefaultChanged(String),
    /// A setting of the table differed.
    SettingChanged(String),
    /// A column of the table is not in the file; it is left alone and gets its DEFAULT.
    ColumnLeft(String),
}

/// A table as the engine describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct TableShape {
    columns: Vec<ShapeColumn>,
    /// Setting of the file, value.
    keys: [(&'static str, String); 5],
    settings: Vec<(String, String)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct ShapeColumn {
    name: String,
    column_type: String,
    default: String,
}

/// Creates the table, or brings the existing one to the definition.
///
/// # Errors
/// [`Kind::Invalid`] when the definition is refused by the engine, or the existing table differs in what cannot be
/// changed: column types, engine, keys. Nothing is changed then.
pub(super) fn reconcile(
    engine: &Engine,
    database: &str,
    definition: &TableDefinition,
) -> Result<Vec<Change>, Error> {
    let tables = Tables { engine, datasource: &definition.name };
    let table = &definition.name;
    tables.run(&format!("CREATE DATABASE IF NOT EXISTS {}", identifier(database)))?;
    let Some(existing) = tables.shape(database, table)? else {
        tables.run(&definition.create(database, table))?;
        return Ok(vec![Change::Created]);
    };
    let wanted = tables.wanted_shape(database, definition)?;
    refuse_differences(table, &existing, &wanted)?;
    tables.alter(database, &existing, &wanted, definition)
}

struct Tables<'a> {
    engine: &'a Engine,
    datasource: &'a str,
}

impl Tables<'_> {
    fn run(&self, sql: &str) -> Result<Vec<Vec<String>>, Error> {
        let output = self.engine.query(sql, "JSONCompactStringsEachRow").map_err(|error| {
            let fact = format!("data source \"{}\": the engine refused its table", self.datasource);
            engine_error(self.engine, fact, error)
        })?;
        Ok(rows(&output.bytes))
    }

    fn shape(&self, database: &str, table: &str) -> Result<Option<TableShape>, Error> {
        let (database, table) = (literal(database), literal(table));
        let described = self.run(&format!(
            "SELECT engine_full, partition_key, primary_key, sorting_key, sampling_key \
             FROM system.tables WHERE database = {database} AND name = {table}"
        ))?;
        let Some([engine, partition, primary, sorting, sampling]) =
            described.into_iter().next().and_then(|row| <[String; 5]>::try_from(row).ok())
        else {
            return Ok(None);
        };
        let columns = self.run(&format!(
            "SELECT name, type, if(default_kind = 'DEFAULT', default_expression, default_kind) \
             FROM system.columns WHERE database = {database} AND table = {table} ORDER BY position"
        ))?;
        let keys = [
            ("ENGINE", engine_part(&engine).to_owned()),
            ("ENGINE_PARTITION_KEY", without_parentheses(&partition)),
            ("ENGINE_PRIMARY_KEY", without_parentheses(&primary)),
            ("ENGINE_SORTING_KEY", without_parentheses(&sorting)),
            ("ENGINE_SAMPLING_KEY", without_parentheses(&sampling)),
        ];
        let columns = columns.into_iter().filter_map(shape_column).collect();
        Ok(Some(TableShape { columns, keys, settings: settings_part(&engine) }))
    }

    /// The shape the engine would give the table, taken from an empty one made for the purpose.
    fn wanted_shape(&self, database: &str, definition: &TableDefinition) -> Result<TableShape, Error> {
        let scratch = format!("{database}.{}", definition.name);
        let name = qualified(SCRATCH_DATABASE, &scratch);
        let drop = format!("DROP TABLE IF EXISTS {name} SYNC");
        self.run(&format!("CREATE DATABASE IF NOT EXISTS {}", identifier(SCRATCH_DATABASE)))?;
        self.run(&drop)?;
        self.run(&definition.create(SCRATCH_DATABASE, &scratch))?;
        let shape = self.shape(SCRATCH_DATABASE, &scratch);
        self.run(&drop)?;
        let gone = || Error::new(Kind::Internal, format!("table {name} is gone right after it was made"));
        shape?.ok_or_else(gone)
    }

    fn alter(
        &self,
        database: &str,
        existing: &TableShape,
        wanted: &TableShape,
        definition: &TableDefinition,
    ) -> Result<Vec<Change>, Error> {
        let alter = format!("ALTER TABLE {}", qualified(database, &definition.name));
        let mut changes = Vec::new();
        for (index, column) in wanted.columns.iter().enumerate() {
            let name = identifier(&column.name);
            let Some(present) = existing.column(&column.name) else {
                let (_, clause) = &definition.columns[index];
                let place = match index.checked_sub(1) {
                    Some(before) => format!("AFTER {}", identifier(&wanted.columns[before].name)),
                    None => "FIRST".to_owned(),
                };
                self.run(&format!("{alter} ADD COLUMN {name} {clause} {place}"))?;
                changes.push(Change::ColumnAdded(column.name.clone()));
                continue;
            };
            if present.default != column.default {
                let change = default_change(column);
                self.run(&format!("{alter} MODIFY COLUMN {name} {change}"))?;
                changes.push(Change::DefaultChanged(column.name.clone()));
            }
        }
        for (name, value) in &wanted.settings {
            if !existing.settings.contains(&(name.clone(), value.clone())) {
                self.run(&format!("{alter} MODIFY SETTING {name} = {value}"))?;
                changes.push(Change::SettingChanged(name.clone()));
            }
        }
        let left = existing.columns.iter().filter(|column| wanted.column(&column.name).is_none());
        changes.extend(left.map(|column| Change::ColumnLeft(column.name.clone())));
        Ok(changes)
    }
}

impl TableShape {
    fn column(&self, name: &str) -> Option<&ShapeColumn> {
        self.columns.iter().find(|column| column.name == name)
    }
}

fn default_change(column: &ShapeColumn) -> String {
    if column.default.is_empty() {
        return "REMOVE DEFAULT".to_owned();
    }
    format!("{} DEFAULT {}", column.column_type, column.default)
}

fn refuse_differences(table: &str, existing: &TableShape, wanted: &TableShape) -> Result<(), Error> {
    let columns = wanted.columns.iter().filter_map(|column| {
        let present = existing.column(&column.name)?;
        let differs = present.column_type != column.column_type;
        differs.then(|| {
            let (name, is, says) = (&column.name, &present.column_type, &column.column_type);
            format!("column \"{name}\" is {is} in the table and {says} in the file")
        })
    });
    let keys = existing.keys.iter().zip(&wanted.keys).filter(|(is, says)| is != says);
    let keys = keys.map(|((name, is), (_, says))| {
        format!("{name} is {} in the table and {} in the file", shown(is), shown(says))
    });
    let differences: Vec<String> = columns.chain(keys).collect();
    if differences.is_empty() {
        return Ok(());
    }
    let fact = format!("data source \"{table}\": {}", differences.join("; "));
    Err(Error::new(Kind::Invalid, fact)
        .hint("write the file as the table is, or give the data source another name"))
}

fn shown(text: &str) -> &str {
    if text.is_empty() { "nothing" } else { text }
}

fn shape_column(row: Vec<String>) -> Option<ShapeColumn> {
    let [name, column_type, default] = <[String; 3]>::try_from(row).ok()?;
    Some(ShapeColumn { name, column_type, default })
}

/// `ReplacingMergeTree(v)` of `ReplacingMergeTree(v) PARTITION BY ... ORDER BY ... SETTINGS ...`.
fn engine_part(engine_full: &str) -> &str {
    let ends = [" PARTITION BY ", " PRIMARY KEY ", " ORDER BY ", " SAMPLE BY ", " TTL ", " SETTINGS "];
    let end = ends.iter().filter_map(|end| engine_full.find(end)).min();
    &engine_full[..end.unwrap_or(engine_full.len())]
}

/// `id % 10` of `(id % 10)`; `(a), (b)` stays.
fn without_parentheses(key: &str) -> String {
    let inner = key.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
    let is_pair = |inner: &str| {
        let mut depth = 0_i32;
        inner.chars().all(|character| {
            depth += i32::from(character == '(') - i32::from(character == ')');
            depth >= 0
        })
    };
    inner.filter(|inner| is_pair(inner)).unwrap_or(key).to_owned()
}

fn settings_part(engine_full: &str) -> Vec<(String, String)> {
    let settings = engine_full.rsplit_once(" SETTINGS ").map_or("", |(_, settings)| settings);
    let pairs = split_commas(settings).into_iter().filter_map(|piece| piece.split_once(" = "));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Reads `JSONCompactStringsEachRow`: each line is an array of strings.
fn rows(bytes: &[u8]) -> Vec<Vec<String>> {
    bytes
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .filter_map(|line| serde_json::from_slice(line).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_an_engine_are_told_apart() {
        let full = "ReplacingMergeTree(v) ORDER BY id TTL d SETTINGS a = 1, b = 'x, y'";
        assert_eq!(engine_part(full), "ReplacingMergeTree(v)");
        let settings = settings_part(full);
        assert_eq!(settings, [("a", "1"), ("b", "'x, y'")].map(|(n, v)| (n.to_owned(), v.to_owned())));
        assert_eq!((engine_part("Null"), settings_part("Null").len()), ("Null", 0));
    }

    #[test]
    fn only_parentheses_around_the_whole_key_are_spelling() {
        assert_eq!(without_parentheses("(id % 10)"), "id % 10");
        assert_eq!(without_parentheses("(a), (b)"), "(a), (b)");
        assert_eq!(without_parentheses("f(a)"), "f(a)");
    }
}
