//! Names of types: those of ClickHouse, and what other systems call them.

use crate::column_type::{ColumnType, Geo};
use crate::suggest;
use crate::type_parser::{TypeError, error_at};

/// Whether a word is the name of a type, its arguments aside.
pub(crate) fn is_type_name(word: &str) -> bool {
    NAMES.contains(&word) || NOT_YET.contains(&word)
}

/// Types by name, for did-you-mean.
const NAMES: &[&str] = &[
    "Int8",
    "Int16",
    "Int32",
    "Int64",
    "Int128",
    "Int256",
    "UInt8",
    "UInt16",
    "UInt32",
    "UInt64",
    "UInt128",
    "UInt256",
    "Float32",
    "Float64",
    "BFloat16",
    "Decimal",
    "Decimal32",
    "Decimal64",
    "Decimal128",
    "Decimal256",
    "Bool",
    "String",
    "FixedString",
    "Date",
    "Date32",
    "DateTime",
    "DateTime32",
    "DateTime64",
    "Time",
    "Time64",
    "UUID",
    "IPv4",
    "IPv6",
    "Enum",
    "Enum8",
    "Enum16",
    "Nullable",
    "LowCardinality",
    "Array",
    "Tuple",
    "Map",
    "JSON",
    "Variant",
    "Dynamic",
    "SimpleAggregateFunction",
    "Point",
    "Ring",
    "LineString",
    "MultiLineString",
    "Polygon",
    "MultiPolygon",
];

/// Types of ClickHouse that Forebay does not know yet.
const NOT_YET: &[&str] = &["Object", "AggregateFunction", "Nested", "Geometry", "QBit", "Interval"];

/// Names from other systems, and what they are called here.
const FOREIGN: &[(&str, &str)] = &[
    ("boolean", "use Bool, or UInt8 for 0 and 1"),
    ("int", "say how wide: Int8, Int16, Int32 or Int64"),
    ("integer", "say how wide: Int32 or Int64"),
    ("uint", "say how wide: UInt8, UInt16, UInt32 or UInt64"),
    ("bigint", "use Int64"),
    ("long", "use Int64"),
    ("smallint", "use Int16"),
    ("tinyint", "use Int8"),
    ("float", "use Float32 or Float64"),
    ("double", "use Float64"),
    ("real", "use Float32"),
    ("numeric", "use Decimal(precision, scale)"),
    ("number", "use Float64, Int64 or Decimal(precision, scale)"),
    ("varchar", "use String"),
    ("char", "use FixedString(length) or String"),
    ("text", "use String"),
    ("bytes", "use String: it holds any bytes"),
    ("blob", "use String: it holds any bytes"),
    ("binary", "use String: it holds any bytes"),
    ("timestamp", "use DateTime, or DateTime64(3) for milliseconds"),
    ("timestamptz", "use DateTime64(3, 'UTC')"),
    ("list", "use Array(T)"),
    ("struct", "use Tuple(name T, …)"),
    ("jsonb", "use JSON"),
    ("object", "use JSON"),
    ("union", "use Variant(T, U, …)"),
    ("interval", "use Int64"),
];

/// The type of a name that takes no arguments.
pub(crate) fn plain(name: &str) -> Option<ColumnType> {
    let int = |bits, signed| Some(ColumnType::Int { bits, signed });
    match name {
        "Int8" => int(8, true),
        "Int16" => int(16, true),
        "Int32" => int(32, true),
        "Int64" => int(64, true),
        "UInt8" => int(8, false),
        "UInt16" => int(16, false),
        "UInt32" => int(32, false),
        "UInt64" => int(64, false),
        "Int128" => int(128, true),
        "Int256" => int(256, true),
        "UInt128" => int(128, false),
        "UInt256" => int(256, false),
        "Float32" => Some(ColumnType::Float32),
        "Float64" => Some(ColumnType::Float64),
        "BFloat16" => Some(ColumnType::BFloat16),
        "Bool" => Some(ColumnType::Bool),
        "String" => Some(ColumnType::String),
        "Date" => Some(ColumnType::Date),
        "Date32" => Some(ColumnType::Date32),
        "Time" => Some(ColumnType::Time),
        "UUID" => Some(ColumnType::Uuid),
        "IPv4" => Some(ColumnType::Ipv4),
        "IPv6" => Some(ColumnType::Ipv6),
        _ => Geo::ALL.into_iter().find(|geo| geo.name() == name).map(ColumnType::Geo),
    }
}

/// Why a name is no type that can be used.
pub(crate) fn unknown(name: &str, start: usize) -> TypeError {
    if NOT_YET.contains(&name) {
        let error = error_at(start, format!("type {name} is not available yet"));
        return match name {
            "Object" => error.hint("use JSON"),
            "Nested" => error.hint("use Array(Tuple(name T, …))"),
            "AggregateFunction" => {
                error.hint("use SimpleAggregateFunction, or aggregate plain values in queries")
            }
            "Geometry" => error.hint("use Point, Ring, LineString, Polygon or their Multi forms"),
            "QBit" => error.hint("use Array(Float32)"),
            _ => error.hint("use Int64"),
        };
    }
    let error = error_at(start, format!("there is no type `{name}`"));
    let foreign = FOREIGN.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
    match (foreign, suggest::closest(name, NAMES.iter().copied())) {
        (Some((_, hint)), _) => error.hint(*hint),
        (None, Some(close)) => error.hint(format!("did you mean {close}?")),
        (None, None) => error,
    }
}
