//! Columns that a schema declares, made to take the records that were seen.
//!
//! Producers seldom validate, so a JSON Schema is a promise: where records break it, they decide.

use super::InferredColumn;
use super::columns::nullable;
use super::fit;
use super::name;
use super::observed::Observed;
use forebay_project::column_type::ColumnType;
use forebay_project::model::{Path, PathStep};
use std::collections::BTreeSet;

/// A column is made optional, then taken from the records, then the columns around it are.
const ROUNDS: usize = 8;

/// The declared columns, as far as they take all documents; where they do not, the sampled ones, which do.
pub(super) fn reconciled(
    declared: Vec<InferredColumn>,
    sampled: &[InferredColumn],
    observed: &Observed,
    documents: &[Vec<u8>],
) -> Vec<InferredColumn> {
    let mut columns: Vec<InferredColumn> =
        declared.into_iter().map(|column| narrowed(column, sampled)).collect();
    // A path into something else than an object finds nothing there: it is not refused, but the value would be lost.
    let lost = |column: &InferredColumn| observed.contradicts(steps(column));
    let lost: BTreeSet<usize> = (0..columns.len()).filter(|index| lost(&columns[*index])).collect();
    columns = replaced(columns, &lost, |column| as_seen(column, sampled));
    let undeclared = sampled.iter().filter(|column| !is_covered(column, &columns));
    let undeclared = undeclared.map(|column| because(column, "the schema does not declare it"));
    columns.extend(undeclared.collect::<Vec<_>>());
    for _ in 0..ROUNDS {
        let at_fault = fit::at_fault(&columns, documents);
        if at_fault.is_empty() {
            return named(columns);
        }
        columns = replaced(columns, &at_fault, |column| wider(column, sampled));
    }
    sampled.to_vec()
}

/// Text and integers that the schema says no more of may be times, addresses or of few values, as the records show.
fn narrowed(column: InferredColumn, sampled: &[InferredColumn]) -> InferredColumn {
    let seen = sampled.iter().find(|seen| seen.path == column.path && column.reason.is_none());
    let Some((seen, column_type)) =
        seen.and_then(|seen| Some((seen, narrower(&column.column_type, &seen.column_type)?)))
    else {
        return column;
    };
    InferredColumn { column_type, reason: seen.reason.clone(), ..column }
}

fn narrower(declared: &ColumnType, seen: &ColumnType) -> Option<ColumnType> {
    use ColumnType::{Array, Int, Ipv4, Ipv6, LowCardinality, Nullable, String, Uuid};
    match (declared, seen) {
        (Nullable(declared), Nullable(seen)) => Some(nullable(narrower(declared, seen)?, false)),
        (Nullable(declared), seen) => Some(nullable(narrower(declared, seen)?, false)),
        (Array(declared), Array(seen)) => Some(Array(Box::new(narrower(declared, seen)?))),
        (String, LowCardinality(_)) => Some(LowCardinality(Box::new(String))),
        (String, Uuid | Ipv4 | Ipv6) => Some(seen.clone()),
        (String | Int { bits: 64, signed: true }, time) if time.is_time() => Some(time.clone()),
        _ => None,
    }
}

/// Whether the values of a column are in another one already, or in those below it.
fn is_covered(column: &InferredColumn, columns: &[InferredColumn]) -> bool {
    columns.iter().any(|other| leads_to(other, column) || leads_to(column, other))
}

/// The columns with other ones for those of these indexes.
fn replaced(
    columns: Vec<InferredColumn>,
    which: &BTreeSet<usize>,
    by: impl Fn(&InferredColumn) -> Vec<InferredColumn>,
) -> Vec<InferredColumn> {
    let columns = columns.into_iter().enumerate();
    let mut replaced: Vec<InferredColumn> = columns
        .flat_map(|(index, column)| if which.contains(&index) { by(&column) } else { vec![column] })
        .collect();
    // What was seen at one place may stand for several columns that were declared below it.
    let mut places: Vec<Path> = Vec::new();
    replaced.retain(|column| {
        let is_new = !places.contains(&column.path);
        places.push(column.path.clone());
        is_new
    });
    replaced
}

/// A column that refuses a record, one step wider: optional, else as it was seen.
fn wider(column: &InferredColumn, sampled: &[InferredColumn]) -> Vec<InferredColumn> {
    optional(column, sampled).map_or_else(|| as_seen(column, sampled), |optional| vec![optional])
}

/// What was seen at the place of a column, around it and in it.
fn as_seen(column: &InferredColumn, sampled: &[InferredColumn]) -> Vec<InferredColumn> {
    let seen = sampled.iter().filter(|seen| leads_to(seen, column) || leads_to(column, seen));
    seen.map(|seen| because(seen, "not as the schema declares")).collect()
}

/// The column as one that need not be there, unless it is that already.
fn optional(column: &InferredColumn, sampled: &[InferredColumn]) -> Option<InferredColumn> {
    let seen = sampled.iter().find(|seen| seen.path == column.path);
    let lacks = seen.is_none_or(|seen| seen.column_type.is_nullable() || seen.default.is_some());
    if !lacks || column.column_type.is_nullable() || column.default.is_some() {
        return None;
    }
    let lack = seen.and_then(|seen| seen.reason.clone());
    let reason = lack.unwrap_or_else(|| "the schema requires it, but it was not seen".to_owned());
    let mut optional = InferredColumn { reason: Some(reason), ..column.clone() };
    optional.may_be_absent();
    Some(optional)
}

fn because(column: &InferredColumn, reason: &str) -> InferredColumn {
    let reason = match &column.reason {
        Some(other) if other.contains(reason) => other.clone(),
        Some(other) => format!("{reason}; {other}"),
        None => reason.to_owned(),
    };
    InferredColumn { reason: Some(reason), ..column.clone() }
}

/// Whether the value of `outer` holds that of `inner`, or is the same.
fn leads_to(outer: &InferredColumn, inner: &InferredColumn) -> bool {
    steps(inner).starts_with(steps(outer))
}

fn steps(column: &InferredColumn) -> &[PathStep] {
    match &column.path {
        Path::Document(steps) | Path::Key(steps) => steps,
        Path::RawValue | Path::Kafka(_) => &[],
    }
}

/// Columns of both kinds, each with a name of its own.
fn named(mut columns: Vec<InferredColumn>) -> Vec<InferredColumn> {
    let mut names = name::Names::new();
    for column in &mut columns {
        column.name = names.give(&fields(column));
    }
    columns
}

/// The fields on the way to a column's values.
pub(super) fn fields(column: &InferredColumn) -> Vec<&str> {
    let fields = steps(column).iter().filter_map(|step| match step {
        PathStep::Field(name) => Some(name.as_str()),
        PathStep::Each => None,
    });
    fields.collect()
}
