//! ClickHouse column types as a tree.
//!
//! Source: ClickHouse documentation, "Data types".

use crate::json_type::JsonParameters;
use serde::{Serialize, Serializer};
use std::fmt;

/// A column type. Text form is ClickHouse's own (`Array(Nullable(Int32))`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ColumnType {
    /// `Int8`..`Int256`, `UInt8`..`UInt256`; `bits` is 8, 16, 32, 64, 128 or 256.
    Int {
        /// Width in bits.
        bits: u16,
        /// Whether negative values exist.
        signed: bool,
    },
    /// `Float32`
    Float32,
    /// `Float64`
    Float64,
    /// `BFloat16`: the upper half of a Float32.
    BFloat16,
    /// `Decimal(precision, scale)`: stored in 32, 64, 128 or 256 bits for precision up to 9, 18, 38, 76.
    Decimal {
        /// Total digits, 1..=76.
        precision: u8,
        /// Digits after the point, 0..=precision.
        scale: u8,
    },
    /// `Bool`
    Bool,
    /// `String`: any bytes.
    String,
    /// `FixedString(n)`: exactly n bytes, shorter values padded with zero bytes.
    FixedString(usize),
    /// `Date`: days since 1970-01-01 as u16.
    Date,
    /// `Date32`: days since 1970-01-01 as i32, 1900-01-01..=2299-12-31.
    Date32,
    /// `DateTime`: seconds since the epoch as u32.
    DateTime {
        /// IANA name; `None` is UTC.
        time_zone: Option<String>,
    },
    /// `DateTime64(precision)`: ticks of 10^-precision seconds since the epoch as i64.
    DateTime64 {
        /// Digits after the second, 0..=9.
        precision: u8,
        /// IANA name; `None` is UTC.
        time_zone: Option<String>,
    },
    /// `Time`: seconds as i32, -999:59:59..=999:59:59.
    Time,
    /// `Time64(precision)`: ticks of 10^-precision seconds as i64, -999:59:59.9..=999:59:59.9.
    Time64 {
        /// Digits after the second, 0..=9.
        precision: u8,
    },
    /// `UUID`
    Uuid,
    /// `IPv4`
    Ipv4,
    /// `IPv6`
    Ipv6,
    /// `Enum8` or `Enum16`: names with their numbers, by number.
    Enum {
        /// 8 or 16.
        bits: u16,
        /// Name and number of each value.
        values: Vec<(String, i16)>,
    },
    /// `Nullable(T)`
    Nullable(Box<ColumnType>),
    /// `LowCardinality(T)`
    LowCardinality(Box<ColumnType>),
    /// `Array(T)`
    Array(Box<ColumnType>),
    /// `Tuple(a T, b U)` or `Tuple(T, U)`; either all elements are named or none.
    Tuple(Vec<(Option<String>, ColumnType)>),
    /// `Map(K, V)`
    Map(Box<ColumnType>, Box<ColumnType>),
    /// `JSON` with its parameters as ClickHouse shows them, without the brackets: ``max_dynamic_paths=8, `a.b` UInt32,
    /// SKIP c``. [`ColumnType::json_parameters`] reads them.
    Json(String),
    /// `Variant(T, U, ...)`: one of the types, or NULL; sorted by their text, as ClickHouse numbers them.
    Variant(Vec<ColumnType>),
    /// `Dynamic`: a value of any type.
    Dynamic {
        /// `max_types`, where given.
        max_types: Option<u8>,
    },
    /// `SimpleAggregateFunction(function, T)`: stored as T.
    SimpleAggregateFunction {
        /// Name of the function, with its parameters.
        function: String,
        /// Type of its state.
        inner: Box<ColumnType>,
    },
    /// `Point`, `Ring`, `LineString`, `MultiLineString`, `Polygon`, `MultiPolygon`.
    Geo(Geo),
}

/// A geometric type. Source: ClickHouse documentation, "Geo Data Types".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Geo {
    /// `Tuple(Float64, Float64)`
    Point,
    /// `Array(Point)`
    Ring,
    /// `Array(Point)`
    LineString,
    /// `Array(LineString)`
    MultiLineString,
    /// `Array(Ring)`
    Polygon,
    /// `Array(Polygon)`
    MultiPolygon,
}

impl Geo {
    /// Every one of them.
    pub const ALL: [Geo; 6] =
        [Geo::Point, Geo::Ring, Geo::LineString, Geo::MultiLineString, Geo::Polygon, Geo::MultiPolygon];

    /// The type it is stored as.
    pub fn stored(self) -> ColumnType {
        let list = |geo: Geo| ColumnType::Array(Box::new(geo.stored()));
        match self {
            Geo::Point => ColumnType::Tuple(vec![(None, ColumnType::Float64), (None, ColumnType::Float64)]),
            Geo::Ring | Geo::LineString => list(Geo::Point),
            Geo::MultiLineString | Geo::Polygon => list(Geo::Ring),
            Geo::MultiPolygon => list(Geo::Polygon),
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Geo::Point => "Point",
            Geo::Ring => "Ring",
            Geo::LineString => "LineString",
            Geo::MultiLineString => "MultiLineString",
            Geo::Polygon => "Polygon",
            Geo::MultiPolygon => "MultiPolygon",
        }
    }
}

impl ColumnType {
    /// Whether NULL can be stored.
    pub fn is_nullable(&self) -> bool {
        match self {
            ColumnType::Nullable(_) | ColumnType::Variant(_) | ColumnType::Dynamic { .. } => true,
            ColumnType::LowCardinality(inner) => inner.is_nullable(),
            ColumnType::SimpleAggregateFunction { inner, .. } => inner.is_nullable(),
            _ => false,
        }
    }

    /// Without `LowCardinality`, `Nullable` and `SimpleAggregateFunction` around it.
    pub fn stripped(&self) -> &ColumnType {
        match self {
            ColumnType::Nullable(inner)
            | ColumnType::LowCardinality(inner)
            | ColumnType::SimpleAggregateFunction { inner, .. } => inner.stripped(),
            other => other,
        }
    }

    /// How many arrays are nested around the innermost type.
    pub fn array_depth(&self) -> usize {
        match self {
            ColumnType::Array(inner) => 1 + inner.array_depth(),
            ColumnType::SimpleAggregateFunction { inner, .. } => inner.array_depth(),
            ColumnType::Geo(geo) => geo.stored().array_depth(),
            _ => 0,
        }
    }

    /// The name of the type without its arguments.
    pub fn family(&self) -> String {
        let text = self.to_string();
        text.split('(').next().unwrap_or_default().to_owned()
    }

    /// Whether the type itself, or one inside it, fulfils a condition. What a JSON column says of its paths is
    /// not looked at.
    pub fn contains(&self, fulfils: impl Fn(&ColumnType) -> bool) -> bool {
        self.contains_one(&fulfils)
    }

    fn contains_one(&self, fulfils: &dyn Fn(&ColumnType) -> bool) -> bool {
        let inside = |inner: &ColumnType| inner.contains_one(fulfils);
        fulfils(self)
            || match self {
                ColumnType::Nullable(inner)
                | ColumnType::LowCardinality(inner)
                | ColumnType::Array(inner) => inside(inner),
                ColumnType::SimpleAggregateFunction { inner, .. } => inside(inner),
                ColumnType::Map(key, value) => inside(key) || inside(value),
                ColumnType::Tuple(elements) => elements.iter().any(|(_, element)| inside(element)),
                ColumnType::Variant(members) => members.iter().any(inside),
                _ => false,
            }
    }

    /// What a JSON column's type says of its paths; `None` for any other type.
    pub fn json_parameters(&self) -> Option<JsonParameters> {
        match self {
            ColumnType::Json(parameters) => JsonParameters::parse(parameters).ok(),
            _ => None,
        }
    }

    /// An integer, a float or a decimal.
    pub fn is_number(&self) -> bool {
        matches!(
            self,
            ColumnType::Int { .. }
                | ColumnType::Float32
                | ColumnType::Float64
                | ColumnType::BFloat16
                | ColumnType::Decimal { .. }
        )
    }

    /// A date, with or without time.
    pub fn is_time(&self) -> bool {
        matches!(
            self,
            ColumnType::Date
                | ColumnType::Date32
                | ColumnType::DateTime { .. }
                | ColumnType::DateTime64 { .. }
        )
    }
}

impl fmt::Display for ColumnType {
    /// ClickHouse's own text; reads back as the same type.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ColumnType::Int { bits, signed } => {
                write!(f, "{}Int{bits}", if *signed { "" } else { "U" })
            }
            ColumnType::Float32 => f.write_str("Float32"),
            ColumnType::Float64 => f.write_str("Float64"),
            ColumnType::Decimal { precision, scale } => write!(f, "Decimal({precision}, {scale})"),
            ColumnType::Bool => f.write_str("Bool"),
            ColumnType::String => f.write_str("String"),
            ColumnType::FixedString(length) => write!(f, "FixedString({length})"),
            ColumnType::Date => f.write_str("Date"),
            ColumnType::Date32 => f.write_str("Date32"),
            ColumnType::DateTime { time_zone: None } => f.write_str("DateTime"),
            ColumnType::DateTime { time_zone: Some(zone) } => write!(f, "DateTime({})", Quoted(zone)),
            ColumnType::DateTime64 { precision, time_zone: None } => write!(f, "DateTime64({precision})"),
            ColumnType::DateTime64 { precision, time_zone: Some(zone) } => {
                write!(f, "DateTime64({precision}, {})", Quoted(zone))
            }
            ColumnType::Uuid => f.write_str("UUID"),
            ColumnType::Ipv4 => f.write_str("IPv4"),
            ColumnType::Ipv6 => f.write_str("IPv6"),
            ColumnType::Enum { bits, values } => write_enum(f, *bits, values),
            ColumnType::Nullable(inner) => write!(f, "Nullable({inner})"),
            ColumnType::LowCardinality(inner) => write!(f, "LowCardinality({inner})"),
            ColumnType::Array(inner) => write!(f, "Array({inner})"),
            ColumnType::Tuple(elements) => write_tuple(f, elements),
            ColumnType::Map(key, value) => write!(f, "Map({key}, {value})"),
            ColumnType::BFloat16 => f.write_str("BFloat16"),
            ColumnType::Time => f.write_str("Time"),
            ColumnType::Time64 { precision } => write!(f, "Time64({precision})"),
            ColumnType::Json(parameters) if parameters.is_empty() => f.write_str("JSON"),
            ColumnType::Json(parameters) => write!(f, "JSON({parameters})"),
            ColumnType::Variant(types) => write_variant(f, types),
            ColumnType::Dynamic { max_types: None } => f.write_str("Dynamic"),
            ColumnType::Dynamic { max_types: Some(most) } => write!(f, "Dynamic(max_types={most})"),
            ColumnType::SimpleAggregateFunction { function, inner } => {
                write!(f, "SimpleAggregateFunction({function}, {inner})")
            }
            ColumnType::Geo(geo) => f.write_str(geo.name()),
        }
    }
}

fn write_enum(f: &mut fmt::Formatter<'_>, bits: u16, values: &[(String, i16)]) -> fmt::Result {
    write!(f, "Enum{bits}(")?;
    for (index, (name, number)) in values.iter().enumerate() {
        let separator = if index == 0 { "" } else { ", " };
        write!(f, "{separator}{} = {number}", Quoted(name))?;
    }
    f.write_str(")")
}

fn write_variant(f: &mut fmt::Formatter<'_>, types: &[ColumnType]) -> fmt::Result {
    f.write_str("Variant(")?;
    for (index, member) in types.iter().enumerate() {
        write!(f, "{}{member}", if index == 0 { "" } else { ", " })?;
    }
    f.write_str(")")
}

fn write_tuple(f: &mut fmt::Formatter<'_>, elements: &[(Option<String>, ColumnType)]) -> fmt::Result {
    f.write_str("Tuple(")?;
    for (index, (name, element)) in elements.iter().enumerate() {
        f.write_str(if index == 0 { "" } else { ", " })?;
        match name {
            Some(name) => {
                write_name(f, name)?;
                write!(f, " {element}")?;
            }
            None => write!(f, "{element}")?,
        }
    }
    f.write_str(")")
}

/// Words that ClickHouse puts in back-ticks when they are names.
const RESERVED: [&str; 6] = ["ALL", "DISTINCT", "FROM", "NULL", "SELECT", "TABLE"];

/// Writes a name inside a type, in back-ticks where ClickHouse needs them.
pub(crate) fn write_name(f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
    let is_reserved = RESERVED.iter().any(|word| word.eq_ignore_ascii_case(name));
    match crate::text::is_identifier(name) && !is_reserved {
        true => f.write_str(name),
        false => write!(f, "`{}`", name.replace('\\', "\\\\").replace('`', "\\`")),
    }
}

/// A string literal of ClickHouse SQL.
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}'", self.0.replace('\\', "\\\\").replace('\'', "\\'"))
    }
}

impl Serialize for ColumnType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
