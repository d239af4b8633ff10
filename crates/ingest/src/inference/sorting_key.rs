//! Which columns the rows of a new table are best sorted by.

use super::{InferredColumn, name};
use forebay_project::column_type::ColumnType;

/// A proposal, with its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SortingKey {
    /// What stands in `ENGINE_SORTING_KEY`.
    pub expression: String,
    /// Why.
    pub reason: String,
}

/// Columns of few different values that go into the key at most.
const MOST_LOW_CARDINALITY: usize = 2;

/// A column of time first, then columns of few different values, then an id: queries on streams mostly ask for a span of
/// time. NULL cannot stand in a key. Without any such column it is Kafka's timestamp, or nothing.
pub(super) fn propose(columns: &[InferredColumn], has_automatic_columns: bool) -> SortingKey {
    let time = time_column(columns);
    let low = columns.iter().filter(|column| is_low_cardinality(&column.column_type));
    let mut chosen: Vec<&InferredColumn> = time.into_iter().chain(low.take(MOST_LOW_CARDINALITY)).collect();
    let id = columns.iter().find(|column| name::means_id(&column.name) && is_id(&column.column_type));
    chosen.extend(id.filter(|id| chosen.iter().all(|column| column.name != id.name)));
    if chosen.is_empty() {
        return fallback(has_automatic_columns);
    }
    let names: Vec<String> = chosen.iter().map(|column| quoted(&column.name)).collect();
    SortingKey { expression: names.join(", "), reason: reason(time.is_some(), chosen.len(), id.is_some()) }
}

fn fallback(has_automatic_columns: bool) -> SortingKey {
    let (expression, reason) = if has_automatic_columns {
        (
            "__timestamp",
            "no column of the records is a time or an id that is always there: the time of the record",
        )
    } else {
        ("tuple()", "no column is a time or an id that is always there")
    };
    SortingKey { expression: expression.to_owned(), reason: reason.to_owned() }
}

fn reason(has_time: bool, length: usize, has_id: bool) -> String {
    let low = length - usize::from(has_time) - usize::from(has_id);
    let parts = [
        (has_time, "the time, which most queries on a stream ask for"),
        (low > 0, "columns of few different values"),
        (has_id, "an id"),
    ];
    let parts: Vec<&str> = parts.iter().filter(|(is_there, _)| *is_there).map(|(_, part)| *part).collect();
    parts.join(", then ")
}

/// The first time whose name says so, else the first time.
fn time_column(columns: &[InferredColumn]) -> Option<&InferredColumn> {
    let times = || columns.iter().filter(|column| column.column_type.is_time());
    times().find(|column| name::means_time(&column.name)).or_else(|| times().next())
}

fn is_low_cardinality(column_type: &ColumnType) -> bool {
    match column_type {
        ColumnType::LowCardinality(inner) => !inner.is_nullable(),
        ColumnType::Enum { .. } => true,
        _ => false,
    }
}

fn is_id(column_type: &ColumnType) -> bool {
    matches!(column_type, ColumnType::Int { .. } | ColumnType::Uuid | ColumnType::String)
}

/// A column's name as it stands in an expression.
pub(super) fn quoted(name: &str) -> String {
    let is_plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if is_plain { name.to_owned() } else { format!("`{name}`") }
}
