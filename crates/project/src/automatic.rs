//! Columns that every data source fed by Kafka has without asking.

use crate::column_type::ColumnType;
use crate::diagnostics::{Finding, Report};
use crate::engine::KnownColumn;
use crate::model::Path;
use crate::schema::PlacedColumn;
use crate::syntax::Entry;

/// An automatic column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AutomaticColumn {
    /// Column name, beginning with `__`.
    pub name: &'static str,
    /// Column type.
    pub column_type: ColumnType,
}

/// The automatic columns, in order.
pub fn automatic_columns(store_headers: bool) -> Vec<AutomaticColumn> {
    let string = || Box::new(ColumnType::String);
    let column = |name, column_type| AutomaticColumn { name, column_type };
    let mut columns = vec![
        column("__value", ColumnType::String),
        column("__topic", ColumnType::LowCardinality(string())),
        column("__partition", ColumnType::Int { bits: 16, signed: true }),
        column("__offset", ColumnType::Int { bits: 64, signed: true }),
        column("__timestamp", ColumnType::DateTime { time_zone: None }),
        column("__key", ColumnType::String),
    ];
    if store_headers {
        columns.push(column("__headers", ColumnType::Map(string(), string())));
    }
    columns
}

/// Takes out columns of `SCHEMA` that only repeat an automatic one, and reports those that contradict it.
///
/// The second result tells whether `__value` was declared with the path `#.__value`, which asks for raw values.
pub(crate) fn take_out(
    columns: Vec<PlacedColumn>,
    store_headers: bool,
    entry: &Entry,
    report: &mut Report,
) -> (Vec<PlacedColumn>, bool) {
    let automatic = automatic_columns(true);
    let mut kept = Vec::new();
    let mut wants_raw_value = false;
    for placed in columns {
        match automatic.iter().find(|column| column.name == placed.column.name) {
            None => kept.push(placed),
            Some(column) => {
                wants_raw_value |= placed.column.path == Path::RawValue;
                if let Some(finding) = contradiction(&placed, column, store_headers) {
                    report.add_at(entry, finding);
                }
            }
        }
    }
    (kept, wants_raw_value)
}

fn contradiction(placed: &PlacedColumn, automatic: &AutomaticColumn, store_headers: bool) -> Option<Finding> {
    let name = automatic.name;
    let column = &placed.column;
    let remove = format!("remove the column: Forebay adds {name} {} by itself", automatic.column_type);
    if column.column_type != automatic.column_type {
        let fact = format!(
            "column \"{name}\" is {}, but the automatic column is {}",
            column.column_type, automatic.column_type
        );
        return Some(Finding::error("automatic-column", placed.type_span, fact).hint(remove));
    }
    if name == "__headers" && !store_headers {
        let fact = "column \"__headers\" needs KAFKA_STORE_HEADERS True";
        return Some(
            Finding::error("automatic-column", placed.name_span, fact)
                .hint("add KAFKA_STORE_HEADERS True, or remove the column"),
        );
    }
    let own_path =
        column.path == Path::of_field(name) || (name == "__value" && column.path == Path::RawValue);
    let has_more = column.default.is_some() || column.codec.is_some() || (placed.has_path && !own_path);
    has_more.then(|| {
        let fact = format!("column \"{name}\" is automatic and takes no path, DEFAULT or CODEC");
        Finding::error("automatic-column", placed.name_span, fact).hint(remove)
    })
}

/// The automatic columns as keys and engine settings may name them.
pub(crate) fn known(store_headers: bool) -> impl Iterator<Item = KnownColumn> {
    automatic_columns(store_headers)
        .into_iter()
        .map(|column| KnownColumn { name: column.name.to_owned(), column_type: column.column_type })
}
