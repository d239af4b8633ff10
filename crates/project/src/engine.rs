//! `ENGINE` and its settings: which go together, and which columns they need.

use crate::column_type::ColumnType;
use crate::diagnostics::{Finding, Report};
use crate::model::{Engine, EngineKind};
use crate::settings::Settings;
use crate::source::Span;
use crate::sql_text;
use crate::suggest;
use crate::syntax::Entry;
use std::ops::Range;

/// A column that keys and engine settings may name.
#[derive(Clone)]
pub(crate) struct KnownColumn {
    pub(crate) name: String,
    pub(crate) column_type: ColumnType,
}

/// Settings that belong to some engines only.
const PARAMETERS: &[(&str, &[&str])] = &[
    ("ENGINE_VER", &["ReplacingMergeTree"]),
    ("ENGINE_IS_DELETED", &["ReplacingMergeTree"]),
    ("ENGINE_COLUMNS", &["SummingMergeTree"]),
    ("ENGINE_SIGN", &["CollapsingMergeTree", "VersionedCollapsingMergeTree"]),
    ("ENGINE_VERSION", &["VersionedCollapsingMergeTree"]),
];

const KEYS: &[&str] = &[
    "ENGINE_SORTING_KEY",
    "ENGINE_PARTITION_KEY",
    "ENGINE_PRIMARY_KEY",
    "ENGINE_SAMPLING_KEY",
    "ENGINE_TTL",
    "ENGINE_SETTINGS",
];

/// Reads and checks the engine.
///
/// `columns` is `None` when `SCHEMA` could not be read whole: then nothing is said about columns.
/// `own` counts how many of them come from `SCHEMA`; the automatic ones follow.
pub(crate) fn engine(
    settings: &Settings<'_>,
    columns: Option<&[KnownColumn]>,
    own: usize,
    report: &mut Report,
) -> Engine {
    let name = settings.word("ENGINE").unwrap_or("MergeTree");
    let mut check = Check { settings, columns, report };
    check.belonging(name);
    let kind = check.kind(name);
    let sorting = check.sorting_key(name);
    check.key("ENGINE_PARTITION_KEY");
    check.primary_key();
    check.window();
    let default_key = || columns.map(|columns| default_sorting_key(&columns[..own]));
    let sorting_key = settings.text("ENGINE_SORTING_KEY").or_else(default_key);
    check.parameters(&kind, &sorting);
    Engine {
        sorting_key: sorting_key.filter(|_| kind != EngineKind::Null),
        partition_key: settings.text("ENGINE_PARTITION_KEY"),
        primary_key: settings.text("ENGINE_PRIMARY_KEY"),
        sampling_key: settings.text("ENGINE_SAMPLING_KEY"),
        ttl: settings.text("ENGINE_TTL"),
        settings: settings.text("ENGINE_SETTINGS"),
        kind,
    }
}

/// The first time, the first number and the first String that cannot be NULL, else `tuple()`.
fn default_sorting_key(columns: &[KnownColumn]) -> String {
    let first = |fits: fn(&ColumnType) -> bool| {
        let can_sort = |column_type: &ColumnType| {
            !column_type.is_nullable() && !matches!(column_type, ColumnType::SimpleAggregateFunction { .. })
        };
        columns.iter().find(|column| can_sort(&column.column_type) && fits(column.column_type.stripped()))
    };
    let chosen =
        [first(ColumnType::is_time), first(ColumnType::is_number), first(|t| *t == ColumnType::String)];
    let names: Vec<String> = chosen.into_iter().flatten().map(|column| quoted(&column.name)).collect();
    if names.is_empty() { "tuple()".to_owned() } else { names.join(", ") }
}

/// ClickHouse keeps no order of values whose type differs from row to row, nor of states of aggregate functions.
fn can_be_in_key(column_type: &ColumnType) -> bool {
    !column_type.contains(|inner| {
        matches!(
            inner,
            ColumnType::Json(_)
                | ColumnType::Variant(_)
                | ColumnType::Dynamic { .. }
                | ColumnType::SimpleAggregateFunction { .. }
        )
    })
}

fn quoted(name: &str) -> String {
    if crate::text::is_identifier(name) { name.to_owned() } else { format!("`{name}`") }
}

struct Check<'a, 'b> {
    settings: &'a Settings<'a>,
    columns: Option<&'a [KnownColumn]>,
    report: &'b mut Report,
}

impl Check<'_, '_> {
    fn error(&mut self, entry: &Entry, code: &'static str, span: Span, fact: String, hint: String) {
        self.report.add_at(entry, Finding::error(code, span, fact).hint(hint));
    }

    /// Settings that the chosen engine does not take.
    fn belonging(&mut self, engine: &str) {
        // What belongs to an engine that cannot be read is unknown.
        if self.settings.mentions("ENGINE") && self.settings.get("ENGINE").is_none() {
            return;
        }
        for (name, engines) in PARAMETERS {
            if let Some(entry) = self.settings.get(name).filter(|_| !engines.contains(&engine)) {
                let fact = format!("{name} does not belong to {engine}");
                let hint = format!("it belongs to {}", engines.join(" and "));
                self.error(entry, "engine-parameter", entry.name, fact, hint);
            }
        }
        for name in KEYS.iter().filter(|_| engine == "Null") {
            if let Some(entry) = self.settings.get(name) {
                let fact = format!("{name} does not belong to the Null engine");
                self.error(
                    entry,
                    "engine-parameter",
                    entry.name,
                    fact,
                    "remove the line: the Null engine stores nothing".into(),
                );
            }
        }
    }

    fn kind(&mut self, name: &str) -> EngineKind {
        let column = |name| self.settings.text(name).map(|text| text.trim_matches('`').to_owned());
        match name {
            "ReplacingMergeTree" => EngineKind::ReplacingMergeTree {
                version: column("ENGINE_VER"),
                is_deleted: column("ENGINE_IS_DELETED"),
            },
            "SummingMergeTree" => EngineKind::SummingMergeTree { columns: self.summed() },
            "AggregatingMergeTree" => EngineKind::AggregatingMergeTree,
            "CollapsingMergeTree" => {
                EngineKind::CollapsingMergeTree { sign: self.required("ENGINE_SIGN", name) }
            }
            "VersionedCollapsingMergeTree" => EngineKind::VersionedCollapsingMergeTree {
                sign: self.required("ENGINE_SIGN", name),
                version: self.required("ENGINE_VERSION", name),
            },
            "Null" => EngineKind::Null,
            _ => EngineKind::MergeTree,
        }
    }

    fn required(&mut self, directive: &'static str, engine: &str) -> String {
        if let (Some(entry), false) = (self.settings.get("ENGINE"), self.settings.mentions(directive)) {
            let hint = format!("add {directive} with the name of a column");
            self.error(entry, "missing-directive", entry.name, format!("{engine} needs {directive}"), hint);
        }
        self.settings.text(directive).unwrap_or_default().trim_matches('`').to_owned()
    }

    fn summed(&mut self) -> Vec<String> {
        let Some(entry) = self.settings.get("ENGINE_COLUMNS") else {
            return Vec::new();
        };
        let Some(columns) = sql_text::plain_columns(entry.value.text()) else {
            let fact = "ENGINE_COLUMNS is no list of columns".to_owned();
            self.error(
                entry,
                "engine-column",
                entry.value.span(),
                fact,
                "write column names, separated by commas".into(),
            );
            return Vec::new();
        };
        for (name, range) in &columns {
            let known = self.column(entry, name, range.clone());
            if let Some(column_type) = known.filter(|known| !known.stripped().is_number()) {
                let fact =
                    format!("ENGINE_COLUMNS: column \"{name}\" is {column_type}, which cannot be added up");
                self.error(
                    entry,
                    "engine-column",
                    entry.value.span_of(range.clone()),
                    fact,
                    "name columns of numbers".into(),
                );
            }
        }
        columns.into_iter().map(|(name, _)| name).collect()
    }

    /// The type of a column that a directive names; an unknown name is reported.
    fn column(&mut self, entry: &Entry, name: &str, range: Range<usize>) -> Option<ColumnType> {
        let columns = self.columns?;
        if let Some(column) = columns.iter().find(|column| column.name == name) {
            return Some(column.column_type.clone());
        }
        let names = columns.iter().map(|column| column.name.as_str());
        let hint = match suggest::closest(name, names) {
            Some(close) => format!("did you mean {close}?"),
            None => "name a column of SCHEMA".to_owned(),
        };
        let fact = format!("{}: there is no column \"{name}\"", entry.directive.name);
        self.error(entry, "unknown-column", entry.value.span_of(range), fact, hint);
        None
    }

    /// Columns of a key that is a plain list; each must exist and cannot be NULL.
    fn key(&mut self, directive: &'static str) -> Vec<String> {
        let Some(entry) = self.settings.get(directive) else {
            return Vec::new();
        };
        let columns = sql_text::plain_columns(entry.value.text()).unwrap_or_default();
        for (name, range) in &columns {
            let known = self.column(entry, name, range.clone());
            if let Some(column_type) = known.as_ref().filter(|known| !can_be_in_key(known)) {
                let fact =
                    format!("{directive}: column \"{name}\" is {column_type}, which cannot be in a key");
                let hint = "name another column, or a path inside it with its type".to_owned();
                self.error(entry, "key-type", entry.value.span_of(range.clone()), fact, hint);
            } else if let Some(column_type) = known.filter(ColumnType::is_nullable) {
                let fact = format!("{directive}: column \"{name}\" is {column_type}");
                let hint = format!(
                    "a key cannot be NULL: make the column {}, with a DEFAULT if values may be missing",
                    column_type.stripped()
                );
                self.error(entry, "nullable-key", entry.value.span_of(range.clone()), fact, hint);
            }
        }
        columns.into_iter().map(|(name, _)| name).collect()
    }

    fn sorting_key(&mut self, engine: &str) -> Vec<String> {
        let needs_key = matches!(engine, "ReplacingMergeTree" | "CollapsingMergeTree");
        let columns = self.key("ENGINE_SORTING_KEY");
        let sorting = self.settings.get("ENGINE_SORTING_KEY");
        let is_empty = sorting.is_some_and(|entry| {
            sql_text::plain_columns(entry.value.text()).is_some_and(|columns| columns.is_empty())
        });
        let absent = !self.settings.mentions("ENGINE_SORTING_KEY");
        let place = sorting.or(self.settings.get("ENGINE"));
        if let (true, true, Some(entry)) = (needs_key, is_empty || absent, place) {
            let fact = format!("{engine} needs a sorting key: it tells which rows are the same");
            let hint = "add ENGINE_SORTING_KEY with at least one column".to_owned();
            self.error(entry, "sorting-key-needed", entry.name, fact, hint);
        }
        columns
    }

    fn primary_key(&mut self) {
        let primary = self.key("ENGINE_PRIMARY_KEY");
        let (Some(entry), Some(sorting)) =
            (self.settings.get("ENGINE_PRIMARY_KEY"), self.settings.get("ENGINE_SORTING_KEY"))
        else {
            return;
        };
        let Some(sorting_columns) = sql_text::plain_columns(sorting.value.text()) else {
            return;
        };
        let names: Vec<String> = sorting_columns.into_iter().map(|(name, _)| name).collect();
        if !primary.is_empty() && !names.starts_with(&primary) {
            let fact = "ENGINE_PRIMARY_KEY is no beginning of ENGINE_SORTING_KEY".to_owned();
            let hint = format!("the sorting key is: {}", sorting.value.text());
            self.error(entry, "primary-key", entry.value.span(), fact, hint);
        }
    }

    /// A retried insert lands once only while the table remembers its blocks.
    fn window(&mut self) {
        let Some(entry) = self.settings.get("ENGINE_SETTINGS") else {
            return;
        };
        let text = entry.value.text();
        for range in sql_text::split_list(text) {
            let (name, value) = text[range.clone()].split_once('=').unwrap_or_default();
            if name.trim() == "non_replicated_deduplication_window" && value.trim() == "0" {
                let fact =
                    "ENGINE_SETTINGS: a table without deduplication window would keep repeated inserts"
                        .to_owned();
                self.error(
                    entry,
                    "deduplication-window",
                    entry.value.span_of(range),
                    fact,
                    "remove the setting, or make it larger than 0".into(),
                );
            }
        }
    }

    fn parameters(&mut self, kind: &EngineKind, sorting: &[String]) {
        match kind {
            EngineKind::ReplacingMergeTree { is_deleted, version } => {
                self.version("ENGINE_VER", sorting);
                self.typed(
                    "ENGINE_IS_DELETED",
                    &[ColumnType::Int { bits: 8, signed: false }, ColumnType::Bool],
                );
                let entry = self.settings.get("ENGINE_IS_DELETED");
                if let (Some(entry), true, None) = (entry, is_deleted.is_some(), version) {
                    let fact = "ENGINE_IS_DELETED needs ENGINE_VER".to_owned();
                    self.error(
                        entry,
                        "missing-directive",
                        entry.name,
                        fact,
                        "add ENGINE_VER with the column whose highest value wins".into(),
                    );
                }
            }
            EngineKind::CollapsingMergeTree { .. } => self.sign(),
            EngineKind::VersionedCollapsingMergeTree { .. } => {
                self.sign();
                self.version("ENGINE_VERSION", &[]);
            }
            EngineKind::SummingMergeTree { columns } => self.summed_in_key(columns, sorting),
            EngineKind::MergeTree | EngineKind::AggregatingMergeTree | EngineKind::Null => {}
        }
    }

    fn summed_in_key(&mut self, columns: &[String], sorting: &[String]) {
        let entry = self.settings.get("ENGINE_COLUMNS");
        let both = columns.iter().find(|column| sorting.contains(column));
        if let (Some(entry), Some(name)) = (entry, both) {
            let fact = format!("ENGINE_COLUMNS: column \"{name}\" is in the sorting key");
            self.error(
                entry,
                "engine-column",
                entry.value.span(),
                fact,
                "a column is either added up or part of the key".into(),
            );
        }
    }

    fn sign(&mut self) {
        self.typed("ENGINE_SIGN", &[ColumnType::Int { bits: 8, signed: true }]);
    }

    /// The type of the one column that a directive names, and the place of the name.
    fn named_column(&mut self, directive: &'static str) -> Option<(ColumnType, String, Span)> {
        let entry = self.settings.get(directive)?;
        let name = entry.value.text().trim_matches('`').to_owned();
        let column_type = self.column(entry, &name, 0..entry.value.text().len())?;
        Some((column_type, name, entry.value.span()))
    }

    /// The column that a directive names must have one of the types; the first is the usual one.
    fn typed(&mut self, directive: &'static str, wanted: &[ColumnType]) {
        let Some((column_type, name, span)) = self.named_column(directive) else {
            return;
        };
        if let Some(entry) = self.settings.get(directive).filter(|_| !wanted.contains(&column_type)) {
            let fact = format!("{directive}: column \"{name}\" is {column_type}, not {}", wanted[0]);
            self.error(entry, "engine-column", span, fact, format!("make the column {}", wanted[0]));
        }
    }

    fn version(&mut self, directive: &'static str, sorting: &[String]) {
        let Some((column_type, name, span)) = self.named_column(directive) else {
            return;
        };
        let Some(entry) = self.settings.get(directive) else {
            return;
        };
        let fits = matches!(column_type, ColumnType::Int { .. }) || column_type.is_time();
        if !fits {
            let fact = format!("{directive}: column \"{name}\" is {column_type}, which cannot be a version");
            self.error(
                entry,
                "engine-column",
                span,
                fact,
                "use an integer, Date, DateTime or DateTime64 column".into(),
            );
        } else if sorting.contains(&name) {
            let fact = format!(
                "{directive}: column \"{name}\" is in the sorting key, so no two versions would ever meet"
            );
            self.error(entry, "engine-column", span, fact, "take it out of ENGINE_SORTING_KEY".into());
        }
    }
}
