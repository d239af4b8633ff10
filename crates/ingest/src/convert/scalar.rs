//! One scalar column type: which values it takes and how they are laid out.

use super::{
    ConvertError, Reason, enumeration::EnumValues, float, float::BFloat16, identifier, int256::U256, number,
    time_of_day::TimeSpan, timestamp,
};
use crate::{column_batch::Values, json::JsonObject};
use forebay_project::column_type::ColumnType;
use std::fmt;
use timestamp::{Instant, Ticks, Zone};

/// How values become one scalar column type; compiled once from the type.
#[derive(Clone, Debug)]
pub struct Scalar {
    pub(super) kind: Kind,
}

/// A column type that no [`Scalar`] can be compiled from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnsupportedType {
    /// Array, Tuple, Map, Variant, Dynamic, Nullable and the like are the decoder's business.
    Nested,
    /// The type names a time zone the bundled tz database does not know.
    UnknownTimeZone(String),
    /// A path of a JSON column has a type whose values are not checked before the engine reads them.
    JsonPath(String),
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Int {
        width: usize,
        /// Largest magnitude of a negative value; 0 when unsigned.
        negative_max: u64,
        max: u64,
    },
    BigInt(BigInt),
    BFloat16,
    Float32,
    Float64,
    Decimal {
        width: usize,
        scale: u8,
        /// 10^precision
        limit: u128,
    },
    BigDecimal {
        scale: u8,
        /// 10^precision
        limit: U256,
    },
    Bool,
    String,
    FixedString {
        width: usize,
    },
    Date,
    Date32,
    DateTime {
        zone: Zone,
    },
    DateTime64 {
        ticks: Ticks,
        zone: Zone,
    },
    Time,
    Time64 {
        ticks: Ticks,
    },
    Uuid,
    Ipv4,
    Ipv6,
    Enum(EnumValues),
    Json(JsonObject),
}

/// An integer of 128 or 256 bits.
#[derive(Clone, Debug)]
pub(super) struct BigInt {
    pub(super) width: usize,
    /// Largest magnitude of a negative value; 0 when unsigned.
    negative_max: U256,
    max: U256,
}

impl Scalar {
    /// Compiles the rules for a type that is neither nested nor wrapped.
    pub fn compile(column_type: &ColumnType) -> Result<Scalar, UnsupportedType> {
        let kind = match column_type {
            ColumnType::Int { bits: bits @ ..=64, signed } => int_kind(*bits, *signed),
            ColumnType::Int { bits, signed } => big_int_kind(*bits, *signed),
            ColumnType::BFloat16 => Kind::BFloat16,
            ColumnType::Float32 => Kind::Float32,
            ColumnType::Float64 => Kind::Float64,
            ColumnType::Decimal { precision, scale } => decimal_kind(*precision, *scale),
            ColumnType::Time => Kind::Time,
            ColumnType::Time64 { precision } => Kind::Time64 { ticks: Ticks::of(*precision) },
            ColumnType::Json(_) => Kind::Json(JsonObject::compile(column_type)?),
            ColumnType::Bool => Kind::Bool,
            ColumnType::String => Kind::String,
            ColumnType::FixedString(width) => Kind::FixedString { width: *width },
            ColumnType::Date => Kind::Date,
            ColumnType::Date32 => Kind::Date32,
            ColumnType::DateTime { time_zone } => Kind::DateTime { zone: zone(time_zone.as_deref())? },
            ColumnType::DateTime64 { precision, time_zone } => {
                Kind::DateTime64 { ticks: Ticks::of(*precision), zone: zone(time_zone.as_deref())? }
            }
            ColumnType::Uuid => Kind::Uuid,
            ColumnType::Ipv4 => Kind::Ipv4,
            ColumnType::Ipv6 => Kind::Ipv6,
            ColumnType::Enum { bits, values } => Kind::Enum(EnumValues::new(*bits, values)),
            ColumnType::Nullable(_)
            | ColumnType::LowCardinality(_)
            | ColumnType::Array(_)
            | ColumnType::Tuple(_)
            | ColumnType::Map(..)
            | ColumnType::Variant(_)
            | ColumnType::Dynamic { .. }
            | ColumnType::SimpleAggregateFunction { .. }
            | ColumnType::Geo(_) => return Err(UnsupportedType::Nested),
        };
        Ok(Scalar { kind })
    }

    /// An empty buffer of the right shape.
    pub fn empty_values(&self) -> Values {
        match self.width() {
            Some(width) => Values::Fixed { width, bytes: Vec::new() },
            None => Values::Bytes { ends: Vec::new(), bytes: Vec::new() },
        }
    }

    /// Appends the type's zero, as ClickHouse's input formats have it: for an Enum its smallest number, for JSON an empty
    /// object.
    pub fn push_zero(&self, out: &mut Values) {
        match (&self.kind, self.width()) {
            (Kind::Enum(values), Some(width)) => push_low(out, values.smallest as u64, width),
            (_, Some(width)) => {
                let bytes = fixed(out);
                bytes.resize(bytes.len() + width, 0);
            }
            (Kind::Json(_), None) => push_bytes(out, b"{}"),
            (_, None) => push_bytes(out, b""),
        }
    }

    /// Appends a number. `token` is a valid JSON number. On error `out` is as before.
    pub fn push_number(&self, token: &str, out: &mut Values) -> Result<(), ConvertError> {
        match &self.kind {
            Kind::Int { width, negative_max, max } => {
                push_low(out, integer_bits(token, *negative_max, *max)?, *width);
            }
            Kind::BigInt(big) => push_big_int(out, number::scaled_wide(token, 0)?, big)?,
            Kind::BFloat16 => push(out, float::from_number::<BFloat16>(token)?.to_le_bytes()),
            Kind::Float32 => push(out, float::from_number::<f32>(token)?.to_le_bytes()),
            Kind::Float64 => push(out, float::from_number::<f64>(token)?.to_le_bytes()),
            Kind::Decimal { width, scale, limit } => {
                push_decimal(out, number::scaled(token, *scale)?, *limit, *width)?;
            }
            Kind::BigDecimal { scale, limit } => {
                push_big_decimal(out, number::scaled_wide(token, *scale)?, *limit)?;
            }
            Kind::Bool => push_bit(out, bool_from_number(token)?),
            Kind::String => push_bytes(out, token.as_bytes()),
            Kind::FixedString { width } => push_padded(out, token.as_bytes(), *width)?,
            Kind::Date => push_date(out, timestamp::days_from_number(token)?)?,
            Kind::Date32 => push_date32(out, timestamp::days_from_number(token)?)?,
            Kind::DateTime { .. } => push_date_time(out, Instant::from_number(token)?)?,
            Kind::DateTime64 { ticks, .. } => {
                push_date_time64(out, Instant::from_number(token)?, *ticks)?;
            }
            Kind::Time => push_time(out, TimeSpan::from_number(token)?)?,
            Kind::Time64 { ticks } => push_time64(out, TimeSpan::from_number(token)?, *ticks)?,
            Kind::Enum(values) => values.push(out, values.by_number(token)?),
            Kind::Uuid | Kind::Ipv4 | Kind::Ipv6 | Kind::Json(_) => return Err(Reason::WrongShape.into()),
        }
        Ok(())
    }

    /// Appends a text. `text` is the string's content, unescaped. On error `out` is as before.
    pub fn push_text(&self, text: &str, out: &mut Values) -> Result<(), ConvertError> {
        match &self.kind {
            Kind::String => push_bytes(out, text.as_bytes()),
            Kind::FixedString { width } => push_padded(out, text.as_bytes(), *width)?,
            Kind::BFloat16 => push(out, float::from_text::<BFloat16>(text)?.to_le_bytes()),
            Kind::Float32 => push(out, float::from_text::<f32>(text)?.to_le_bytes()),
            Kind::Float64 => push(out, float::from_text::<f64>(text)?.to_le_bytes()),
            Kind::Int { .. } | Kind::BigInt(_) | Kind::Decimal { .. } | Kind::BigDecimal { .. } => {
                return self.push_number(number_text(text)?, out);
            }
            Kind::Bool => push_bit(out, bool_from_text(text)?),
            Kind::Date => push_date(out, timestamp::days_from_text(text)?)?,
            Kind::Date32 => push_date32(out, timestamp::days_from_text(text)?)?,
            Kind::DateTime { zone } => push_date_time(out, Instant::from_text(text, zone)?)?,
            Kind::DateTime64 { ticks, zone } => {
                push_date_time64(out, Instant::from_text(text, zone)?, *ticks)?;
            }
            Kind::Time => push_time(out, TimeSpan::from_text(text)?)?,
            Kind::Time64 { ticks } => push_time64(out, TimeSpan::from_text(text)?, *ticks)?,
            Kind::Json(object) => push_bytes(out, object.check_text(text)?.as_bytes()),
            Kind::Uuid => push(out, identifier::uuid(text)?),
            Kind::Ipv4 => push(out, identifier::ipv4(text)?),
            Kind::Ipv6 => push(out, identifier::ipv6(text)?),
            Kind::Enum(values) => values.push(out, values.by_text(text)?),
        }
        Ok(())
    }

    /// Appends true or false. On error `out` is as before.
    pub fn push_bool(&self, value: bool, out: &mut Values) -> Result<(), ConvertError> {
        let name = if value { "true" } else { "false" };
        match &self.kind {
            Kind::Bool => push_bit(out, value),
            Kind::Int { width, .. } => push_low(out, value.into(), *width),
            Kind::BigInt(big) => push_big_int(out, (false, U256::from_u128(value.into())), big)?,
            Kind::String => push_bytes(out, name.as_bytes()),
            Kind::FixedString { width } => push_padded(out, name.as_bytes(), *width)?,
            Kind::Enum(values) => values.push(out, values.by_name(name)?),
            _ => return Err(Reason::WrongShape.into()),
        }
        Ok(())
    }

    /// Appends an array or object, given as its JSON text: String takes any, JSON takes objects that the engine can
    /// store, no other type takes one. On error `out` is as before.
    pub fn push_json(&self, text: &str, out: &mut Values) -> Result<(), ConvertError> {
        match &self.kind {
            Kind::String => push_bytes(out, text.as_bytes()),
            Kind::Json(object) => {
                object.check(text)?;
                push_bytes(out, text.as_bytes());
            }
            _ => return Err(Reason::WrongShape.into()),
        }
        Ok(())
    }

    /// Whether it is a JSON column's.
    pub fn is_json(&self) -> bool {
        matches!(self.kind, Kind::Json(_))
    }

    /// Bytes a value; `None` for values of any length.
    fn width(&self) -> Option<usize> {
        match &self.kind {
            Kind::Int { width, .. }
            | Kind::Decimal { width, .. }
            | Kind::FixedString { width }
            | Kind::Enum(EnumValues { width, .. }) => Some(*width),
            Kind::BigInt(big) => Some(big.width),
            Kind::BigDecimal { .. } => Some(32),
            Kind::Bool => Some(1),
            Kind::Date | Kind::BFloat16 => Some(2),
            Kind::Float32 | Kind::Date32 | Kind::DateTime { .. } | Kind::Time | Kind::Ipv4 => Some(4),
            Kind::Float64 | Kind::DateTime64 { .. } | Kind::Time64 { .. } => Some(8),
            Kind::Uuid | Kind::Ipv6 => Some(16),
            Kind::String | Kind::Json(_) => None,
        }
    }
}

fn int_kind(bits: u16, signed: bool) -> Kind {
    let max = u64::MAX >> (64 - bits);
    let (negative_max, max) = if signed { (max / 2 + 1, max / 2) } else { (0, max) };
    Kind::Int { width: usize::from(bits / 8), negative_max, max }
}

fn big_int_kind(bits: u16, signed: bool) -> Kind {
    let value_bits = u32::from(bits) - u32::from(signed);
    let max = U256::ones(value_bits);
    let negative_max = max.times_plus(1, 1).filter(|_| signed).unwrap_or(U256::ZERO);
    Kind::BigInt(BigInt { width: usize::from(bits / 8), negative_max, max })
}

fn decimal_kind(precision: u8, scale: u8) -> Kind {
    if precision > 38 {
        let limit = U256::from_u128(1).times_power_of_ten(precision.into());
        return Kind::BigDecimal { scale, limit: limit.expect("76 digits fit in 256 bits") };
    }
    let width = match precision {
        0..=9 => 4,
        10..=18 => 8,
        _ => 16,
    };
    Kind::Decimal { width, scale, limit: 10u128.pow(precision.into()) }
}

fn zone(name: Option<&str>) -> Result<Zone, UnsupportedType> {
    let Some(name) = name else {
        return Ok(Zone::Utc);
    };
    Zone::named(name).ok_or_else(|| UnsupportedType::UnknownTimeZone(name.to_owned()))
}

/// Two's complement bits of an integer in range.
fn integer_bits(token: &str, negative_max: u64, max: u64) -> Result<u64, Reason> {
    match number::integer(token)? {
        (false, magnitude) if magnitude <= max => Ok(magnitude),
        (true, magnitude) if magnitude <= negative_max => Ok(magnitude.wrapping_neg()),
        _ => Err(Reason::OutOfRange),
    }
}

fn number_text(text: &str) -> Result<&str, Reason> {
    if number::is_json_number(text) { Ok(text) } else { Err(Reason::NotANumber) }
}

fn bool_from_number(token: &str) -> Result<bool, Reason> {
    match number::integer(token) {
        Ok((_, 0)) => Ok(false),
        Ok((false, 1)) => Ok(true),
        _ => Err(Reason::NotABool),
    }
}

fn bool_from_text(text: &str) -> Result<bool, Reason> {
    match text {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(Reason::NotABool),
    }
}

pub(super) fn fixed(out: &mut Values) -> &mut Vec<u8> {
    match out {
        Values::Fixed { bytes, .. } => bytes,
        _ => unreachable!("a scalar of fixed width writes to a buffer made by its empty_values"),
    }
}

pub(super) fn push<const N: usize>(out: &mut Values, value: [u8; N]) {
    fixed(out).extend_from_slice(&value);
}

/// Appends the low `width` bytes, with a constant-size copy for every width there is.
pub(super) fn push_low(out: &mut Values, bits: u64, width: usize) {
    match width {
        1 => push(out, (bits as u8).to_le_bytes()),
        2 => push(out, (bits as u16).to_le_bytes()),
        4 => push(out, (bits as u32).to_le_bytes()),
        _ => push(out, bits.to_le_bytes()),
    }
}

pub(super) fn push_decimal(out: &mut Values, value: i128, limit: u128, width: usize) -> Result<(), Reason> {
    if value.unsigned_abs() >= limit {
        return Err(Reason::OutOfRange);
    }
    match width {
        16 => push(out, value.to_le_bytes()),
        _ => push_low(out, value as u64, width),
    }
    Ok(())
}

pub(super) fn push_big_int(
    out: &mut Values,
    (negative, magnitude): (bool, U256),
    big: &BigInt,
) -> Result<(), Reason> {
    if magnitude > if negative { big.negative_max } else { big.max } {
        return Err(Reason::OutOfRange);
    }
    fixed(out).extend_from_slice(&magnitude.to_little_endian(negative)[..big.width]);
    Ok(())
}

pub(super) fn push_big_decimal(
    out: &mut Values,
    (negative, magnitude): (bool, U256),
    limit: U256,
) -> Result<(), Reason> {
    if magnitude >= limit {
        return Err(Reason::OutOfRange);
    }
    push(out, magnitude.to_little_endian(negative));
    Ok(())
}

pub(super) fn push_bit(out: &mut Values, value: bool) {
    push(out, [u8::from(value)]);
}

pub(super) fn push_bytes(out: &mut Values, value: &[u8]) {
    match out {
        Values::Bytes { ends, bytes } => {
            bytes.extend_from_slice(value);
            ends.push(bytes.len());
        }
        _ => unreachable!("a String writes to a buffer made by its empty_values"),
    }
}

pub(super) fn push_padded(out: &mut Values, value: &[u8], width: usize) -> Result<(), Reason> {
    if value.len() > width {
        return Err(Reason::TooLong);
    }
    let bytes = fixed(out);
    bytes.extend_from_slice(value);
    bytes.resize(bytes.len() + width - value.len(), 0);
    Ok(())
}

pub(super) fn push_date(out: &mut Values, days: i64) -> Result<(), Reason> {
    push(out, timestamp::to_date(days)?.to_le_bytes());
    Ok(())
}

pub(super) fn push_date32(out: &mut Values, days: i64) -> Result<(), Reason> {
    push(out, timestamp::to_date32(days)?.to_le_bytes());
    Ok(())
}

pub(super) fn push_date_time(out: &mut Values, instant: Instant) -> Result<(), Reason> {
    push(out, instant.to_date_time()?.to_le_bytes());
    Ok(())
}

pub(super) fn push_date_time64(out: &mut Values, instant: Instant, ticks: Ticks) -> Result<(), Reason> {
    push(out, instant.to_date_time64(ticks)?.to_le_bytes());
    Ok(())
}

pub(super) fn push_time(out: &mut Values, time: TimeSpan) -> Result<(), Reason> {
    push(out, time.to_time()?.to_le_bytes());
    Ok(())
}

pub(super) fn push_time64(out: &mut Values, time: TimeSpan, ticks: Ticks) -> Result<(), Reason> {
    push(out, time.to_time64(ticks)?.to_le_bytes());
    Ok(())
}

impl fmt::Display for UnsupportedType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nested => formatter.write_str("the type is not scalar"),
            Self::UnknownTimeZone(name) => write!(formatter, "unknown time zone \"{name}\""),
            Self::JsonPath(path) => write!(
                formatter,
                "the JSON path \"{path}\" has a type that values cannot be checked for\n\
                 give it a number, String, Bool, date, UUID, IP or Enum type, or an Array of one, or leave it out"
            ),
        }
    }
}

impl std::error::Error for UnsupportedType {}
