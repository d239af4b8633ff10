//! ClickHouse column types as a tree.
//!
//! Source: ClickHouse documentation, "Data types".

use serde::{Serialize, Serializer};
use std::fmt;

/// A column type. Text form is ClickHouse's own (`Array(Nullable(Int32))`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ColumnType {
    /// `Int8`..`Int64`, `UInt8`..`UInt64`; `bits` is 8, 16, 32 or 64.
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
    /// `Decimal(precision, scale)`: stored in 32, 64 or 128 bits for precision up to 9, 18, 38.
    Decimal {
        /// Total digits, 1..=38.
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
    /// `UUID`
    Uuid,
    /// `IPv4`
    Ipv4,
    /// `IPv6`
    Ipv6,
    /// `Enum8` or `Enum16`: names with their numbers, in the order written.
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
}

impl ColumnType {
    /// Whether NULL can be stored.
    pub fn is_nullable(&self) -> bool {
        match self {
            ColumnType::Nullable(_) => true,
            ColumnType::LowCardinality(inner) => inner.is_nullable(),
            _ => false,
        }
    }

    /// Without `LowCardinality` and `Nullable` around it.
    pub fn stripped(&self) -> &ColumnType {
        match self {
            ColumnType::Nullable(inner) | ColumnType::LowCardinality(inner) => inner.stripped(),
            other => other,
        }
    }

    /// How many arrays are nested around the innermost type.
    pub fn array_depth(&self) -> usize {
        match self {
            ColumnType::Array(inner) => 1 + inner.array_depth(),
            _ => 0,
        }
    }

    /// An integer, a float or a decimal.
    pub fn is_number(&self) -> bool {
        matches!(
            self,
            ColumnType::Int { .. } | ColumnType::Float32 | ColumnType::Float64 | ColumnType::Decimal { .. }
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

fn write_tuple(f: &mut fmt::Formatter<'_>, elements: &[(Option<String>, ColumnType)]) -> fmt::Result {
    f.write_str("Tuple(")?;
    for (index, (name, element)) in elements.iter().enumerate() {
        f.write_str(if index == 0 { "" } else { ", " })?;
        match name {
            Some(name) if crate::text::is_identifier(name) => write!(f, "{name} {element}")?,
            Some(name) => write!(f, "`{}` {element}", name.replace('\\', "\\\\").replace('`', "\\`"))?,
            None => write!(f, "{element}")?,
        }
    }
    f.write_str(")")
}

/// A string literal of ClickHouse SQL.
struct Quoted<'a>(&'a str);

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
