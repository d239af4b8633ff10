//! Whether the columns of a data source can be filled from what it reads.

use crate::column_type::ColumnType;
use crate::diagnostics::{Finding, Report};
use crate::model::{Engine, EngineKind, Format, KafkaColumn, KafkaSource, Path, Tombstones};
use crate::schema::PlacedColumn;
use crate::settings::Settings;
use crate::sql_text;
use crate::syntax::Entry;

/// What the columns are checked against, once they are known.
pub(crate) struct Reading<'a> {
    pub(crate) settings: &'a Settings<'a>,
    pub(crate) source: &'a KafkaSource,
    pub(crate) columns: &'a [PlacedColumn],
    /// The entry of `SCHEMA`.
    pub(crate) schema: &'a Entry,
    pub(crate) engine: &'a Engine,
}

impl Reading<'_> {
    /// Refuses columns that the formats cannot fill, and tombstones that would delete nothing.
    pub(crate) fn check(&self, report: &mut Report) {
        for placed in self.columns {
            if let Some(finding) = self.path_trouble(placed) {
                report.add_at(self.schema, finding);
            }
        }
        match self.source.tombstones {
            Tombstones::Delete => self.check_deletion(report),
            Tombstones::Quarantine | Tombstones::Skip => self.warn_of_no_deletion(report),
        }
        self.warn_of_nothing_stored(report);
    }

    fn path_trouble(&self, placed: &PlacedColumn) -> Option<Finding> {
        let (steps, format, directive, whole) = match &placed.column.path {
            Path::Document(steps) => (steps, self.source.value.format, "KAFKA_VALUE_FORMAT", "$"),
            Path::Key(steps) => (steps, self.source.key.format, "KAFKA_KEY_FORMAT", "#._key"),
            Path::RawValue | Path::Kafka(_) => return None,
        };
        let name = &placed.column.name;
        if !format.is_structured() && !steps.is_empty() {
            let fact = format!("column \"{name}\" reads a field, but {directive} is {}", format.word());
            let hint = format!("read the whole with the path `json:{whole}`, or write another format");
            return Some(Finding::error("format-conflict", placed.name_span, fact).hint(hint));
        }
        let column_type = &placed.column.column_type;
        let holds_bytes = matches!(column_type.stripped(), ColumnType::String | ColumnType::FixedString(_));
        (format == Format::Binary && !holds_bytes).then(|| {
            let fact = format!("column \"{name}\" is {column_type}, but {directive} is binary");
            Finding::error("format-conflict", placed.type_span, fact).hint("use String or FixedString(n)")
        })
    }

    fn reads_key(&self, name: &str) -> bool {
        let of_key = |path: &Path| matches!(path, Path::Key(_) | Path::Kafka(KafkaColumn::Key));
        let own = self.columns.iter().find(|placed| placed.column.name == name);
        own.map_or(name == "__key" && self.source.automatic_columns, |placed| of_key(&placed.column.path))
    }

    fn check_deletion(&self, report: &mut Report) {
        let Some(entry) = self.settings.get("KAFKA_TOMBSTONES") else {
            return;
        };
        let mark = self.mark();
        if mark.is_none() {
            let fact = "KAFKA_TOMBSTONES delete needs a column that marks deleted rows";
            let finding = Finding::error("tombstones", entry.name, fact);
            report.add_at(entry, finding.hint("add to SCHEMA: _is_deleted UInt8"));
        }
        let key = self.sorting_key();
        let by_key = key.as_ref().is_some_and(|key| key.iter().any(|name| self.reads_key(name)));
        if !by_key && !self.columns.iter().any(|placed| self.reads_key(&placed.column.name)) {
            let fact = "KAFKA_TOMBSTONES delete needs a column that is read from the key";
            let finding = Finding::error("tombstones", entry.name, fact);
            return report.add_at(
                entry,
                finding
                    .hint("a tombstone has nothing but its key: add to SCHEMA: id UInt64 `json:#._key.id`"),
            );
        }
        if let (Some(mark), EngineKind::ReplacingMergeTree { is_deleted, .. }) = (mark, &self.engine.kind)
            && is_deleted.as_deref() == Some(&mark.column.name)
        {
            return self.warn_of_foreign_key(entry, key, report);
        }
        let name = mark.map_or("_is_deleted", |mark| &mark.column.name);
        let fact = "KAFKA_TOMBSTONES delete adds rows, but the engine does not let them replace others";
        let hint = format!(
            "write ENGINE ReplacingMergeTree, ENGINE_SORTING_KEY with the columns of the key, ENGINE_VER and ENGINE_IS_DELETED {name}"
        );
        report.add_at(entry, Finding::warning("tombstones", entry.name, fact).hint(hint));
    }

    /// Columns of the sorting key, when it is a plain list.
    fn sorting_key(&self) -> Option<Vec<String>> {
        let columns = sql_text::plain_columns(self.engine.sorting_key.as_deref()?)?;
        Some(columns.into_iter().map(|(name, _)| name).collect())
    }

    /// A tombstone's row holds zero in columns that are not read from the key, so it would replace nothing.
    fn warn_of_foreign_key(&self, entry: &Entry, key: Option<Vec<String>>, report: &mut Report) {
        let foreign = key.unwrap_or_default().into_iter().find(|name| !self.reads_key(name));
        if let Some(name) = foreign {
            let fact = format!(
                "KAFKA_TOMBSTONES delete: column \"{name}\" of the sorting key is not read from the key of the record"
            );
            let hint = "a tombstone has no value: read every column of ENGINE_SORTING_KEY with a path such as `json:#._key.id`";
            report.add_at(entry, Finding::warning("tombstones", entry.name, fact).hint(hint));
        }
    }

    fn mark(&self) -> Option<&PlacedColumn> {
        self.columns.iter().find(|placed| placed.column.path == Path::Kafka(KafkaColumn::IsDeleted))
    }

    fn warn_of_no_deletion(&self, report: &mut Report) {
        // What an unreadable word asks for is unknown.
        let unreadable =
            self.settings.mentions("KAFKA_TOMBSTONES") && self.settings.get("KAFKA_TOMBSTONES").is_none();
        let fits = |mark: &&PlacedColumn| KafkaColumn::IsDeleted.fits(&mark.column.column_type);
        if let Some(mark) = self.mark().filter(fits).filter(|_| !unreadable) {
            let fact = format!("column \"{}\" is always 0", mark.column.name);
            let finding = Finding::warning("tombstones", mark.name_span, fact);
            report.add_at(
                self.schema,
                finding.hint("add KAFKA_TOMBSTONES delete, or give the column the path of a field"),
            );
        }
    }

    fn warn_of_nothing_stored(&self, report: &mut Report) {
        for (name, column) in [("KAFKA_STORE_RAW_VALUE", "__value"), ("KAFKA_STORE_HEADERS", "__headers")] {
            let entry = self.settings.get(name).filter(|_| self.settings.flag(name));
            if let (Some(entry), false) = (entry, self.source.automatic_columns) {
                let fact = format!("{name} has no effect with KAFKA_AUTOMATIC_COLUMNS False");
                let hint = format!("remove the line; a column {column} of SCHEMA is filled without it");
                report.add_at(entry, Finding::warning("no-effect", entry.name, fact).hint(hint));
            }
        }
    }
}
