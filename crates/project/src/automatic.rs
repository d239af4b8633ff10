//! Columns that every data source fed by Kafka has without asking.

use crate::column_type::ColumnType;
use crate::diagnostics::{Finding, Report};
use crate::engine::KnownColumn;
use crate::kafka;
use crate::model::{KafkaColumn, Path};
use crate::schema::PlacedColumn;
use crate::settings::Settings;
use crate::syntax::Entry;

/// An automatic column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AutomaticColumn {
    /// Column name, beginning with `__`.
    pub name: &'static str,
    /// Column type.
    pub column_type: ColumnType,
    /// Where its values come from; `__value` is only filled when raw values are stored.
    pub path: Path,
}

/// The automatic columns, in order.
pub fn automatic_columns(store_headers: bool) -> Vec<AutomaticColumn> {
    let string = || Box::new(ColumnType::String);
    let column = |name, column_type, of| AutomaticColumn { name, column_type, path: Path::Kafka(of) };
    let int = |bits| ColumnType::Int { bits, signed: true };
    let mut columns = vec![
        AutomaticColumn { name: "__value", column_type: ColumnType::String, path: Path::RawValue },
        column("__topic", ColumnType::LowCardinality(string()), KafkaColumn::Topic),
        column("__partition", int(16), KafkaColumn::Partition),
        column("__offset", int(64), KafkaColumn::Offset),
        column("__timestamp", ColumnType::DateTime { time_zone: None }, KafkaColumn::Timestamp),
        column("__key", ColumnType::String, KafkaColumn::Key),
    ];
    if store_headers {
        columns.push(column("__headers", ColumnType::Map(string(), string()), KafkaColumn::Headers));
    }
    columns
}

/// Whether this is the name of an automatic column.
pub(crate) fn is_automatic(name: &str) -> bool {
    automatic_columns(true).iter().any(|column| column.name == name)
}

/// What a data source says of its automatic columns.
#[derive(Clone, Copy)]
pub(crate) struct Wanted {
    /// Whether they are added to the schema.
    pub(crate) added: bool,
    /// Whether `__headers` is one of them.
    pub(crate) headers: bool,
}

/// Takes out columns of `SCHEMA` that only repeat an automatic one, and reports those that contradict it.
///
/// Where automatic columns are not added, those of `SCHEMA` stay. The second result tells whether `__value` was
/// declared with the path `#.__value`, which asks for raw values.
pub(crate) fn take_out(
    columns: Vec<PlacedColumn>,
    wanted: Wanted,
    entry: &Entry,
    report: &mut Report,
) -> (Vec<PlacedColumn>, bool) {
    let automatic = automatic_columns(true);
    let mut kept = Vec::new();
    let mut wants_raw_value = false;
    for mut placed in columns {
        let Some(column) = automatic.iter().find(|column| column.name == placed.column.name) else {
            kept.push(placed);
            continue;
        };
        wants_raw_value |= placed.column.path == Path::RawValue;
        if let Some(finding) = contradiction(&placed, column, wanted) {
            report.add_at(entry, finding);
        }
        if !wanted.added {
            placed.column.path = column.path.clone();
            kept.push(placed);
        }
    }
    (kept, wants_raw_value)
}

fn contradiction(placed: &PlacedColumn, automatic: &AutomaticColumn, wanted: Wanted) -> Option<Finding> {
    let name = automatic.name;
    let column = &placed.column;
    let remove = match wanted.added {
        true => format!("remove the column: Forebay adds {name} {} by itself", automatic.column_type),
        false => format!("write {name} {}, or rename the column", automatic.column_type),
    };
    if column.column_type != automatic.column_type {
        let fact = format!(
            "column \"{name}\" is {}, but the automatic column is {}",
            column.column_type, automatic.column_type
        );
        return Some(Finding::error("automatic-column", placed.type_span, fact).hint(remove));
    }
    if name == "__headers" && wanted.added && !wanted.headers {
        let fact = "column \"__headers\" needs KAFKA_STORE_HEADERS True";
        return Some(
            Finding::error("automatic-column", placed.name_span, fact)
                .hint("add KAFKA_STORE_HEADERS True, or remove the column"),
        );
    }
    let own_path = column.path == Path::of_field(name) || column.path == automatic.path;
    let codec = column.codec.is_some() && wanted.added;
    let has_more = column.default.is_some() || codec || (placed.has_path && !own_path);
    has_more.then(|| {
        let fact = match wanted.added {
            true => format!("column \"{name}\" is automatic and takes no path, DEFAULT or CODEC"),
            false => format!("column \"{name}\" is Kafka's own and takes no path or DEFAULT"),
        };
        Finding::error("automatic-column", placed.name_span, fact).hint(remove)
    })
}

/// The automatic columns as keys and engine settings may name them.
pub(crate) fn known(settings: &Settings<'_>) -> impl Iterator<Item = KnownColumn> {
    let columns = automatic_columns(settings.flag("KAFKA_STORE_HEADERS"));
    columns
        .into_iter()
        .filter(|_| kafka::has_automatic_columns(settings))
        .map(|column| KnownColumn { name: column.name.to_owned(), column_type: column.column_type })
}
