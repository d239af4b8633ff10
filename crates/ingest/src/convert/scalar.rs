//! One scalar column type: which values it takes and how they are laid out.

use super::{ConvertError, Reason, float, identifier, number, timestamp};
use crate::column_batch::Values;
use forebay_project::column_type::ColumnType;
use std::fmt;
use timestamp::{Instant, Ticks, Zone};

/// How values become one scalar column type; compiled once from the type.
#[derive(Clone, Debug)]
pub struct Scalar {
    kind: Kind,
}

/// A column type that no [`Scalar`] can be compiled from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnsupportedType {
    /// Array, Tuple, Map, Nullable and LowCardinality are the decoder's business.
    Nested,
    /// The type names a time zone the bundled tz database does not know.
    UnknownTimeZone(String),
}

#[derive(Clone, Debug)]
enum Kind {
    Int {
        width: usize,
        /// Largest magnitude of a negative value; 0 when unsigned.
        negative_max: u64,
        max: u64,
    },
    Float32,
    Float64,
    Decimal {
        width: usize,
        scale: u8,
        /// 10^precision
        limit: u128,
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
    Uuid,
    Ipv4,
    Ipv6,
    Enum(EnumValues),
}

impl Scalar {
    /// Compiles the rules for a type that is neither nested nor wrapped.
    pub fn compile(column_type: &ColumnType) -> Result<Scalar, UnsupportedType> {
        let kind = match column_type {
            ColumnType::Int { bits, signed } => int_kind(*bits, *signed),
            ColumnType::Float32 => Kind::Float32,
            ColumnType::Float64 => Kind::Float64,
            ColumnType::Decimal { precision, scale } => decimal_kind(*precision, *scale),
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
            | ColumnType::Map(..) => return Err(UnsupportedType::Nested),
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

    /// Appends the type's zero, as ClickHouse's input formats have it: for an Enum its smallest number.
    pub fn push_zero(&self, out: &mut Values) {
        match (&self.kind, self.width()) {
            (Kind::Enum(values), Some(width)) => push_low(out, values.smallest as u64, width),
            (_, Some(width)) => {
                let bytes = fixed(out);
                bytes.resize(bytes.len() + width, 0);
            }
            (_, None) => push_bytes(out, b""),
        }
    }

    /// Appends a number. `token` is a valid JSON number. On error `out` is as before.
    pub fn push_number(&self, token: &str, out: &mut Values) -> Result<(), ConvertError> {
        match &self.kind {
            Kind::Int { width, negative_max, max } => {
                push_low(out, integer_bits(token, *negative_max, *max)?, *width);
            }
            Kind::Float32 => push(out, float::from_number::<f32>(token)?.to_le_bytes()),
            Kind::Float64 => push(out, float::from_number::<f64>(token)?.to_le_bytes()),
            Kind::Decimal { width, scale, limit } => {
                push_decimal(out, number::scaled(token, *scale)?, *limit, *width)?;
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
            Kind::Enum(values) => values.push(out, values.by_number(token)?),
            Kind::Uuid | Kind::Ipv4 | Kind::Ipv6 => return Err(Reason::WrongShape.into()),
        }
        Ok(())
    }

    /// Appends a text. `text` is the string's content, unescaped. On error `out` is as before.
    pub fn push_text(&self, text: &str, out: &mut Values) -> Result<(), ConvertError> {
        match &self.kind {
            Kind::String => push_bytes(out, text.as_bytes()),
            Kind::FixedString { width } => push_padded(out, text.as_bytes(), *width)?,
            Kind::Float32 => push(out, float::from_text::<f32>(text)?.to_le_bytes()),
            Kind::Float64 => push(out, float::from_text::<f64>(text)?.to_le_bytes()),
            Kind::Int { .. } | Kind::Decimal { .. } => {
                return self.push_number(number_text(text)?, out);
            }
            Kind::Bool => push_bit(out, bool_from_text(text)?),
            Kind::Date => push_date(out, timestamp::days_from_text(text)?)?,
            Kind::Date32 => push_date32(out, timestamp::days_from_text(text)?)?,
            Kind::DateTime { zone } => push_date_time(out, Instant::from_text(text, zone)?)?,
            Kind::DateTime64 { ticks, zone } => {
                push_date_time64(out, Instant::from_text(text, zone)?, *ticks)?;
            }
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
            Kind::String => push_bytes(out, name.as_bytes()),
            Kind::FixedString { width } => push_padded(out, name.as_bytes(), *width)?,
            Kind::Enum(values) => values.push(out, values.by_name(name)?),
            _ => return Err(Reason::WrongShape.into()),
        }
        Ok(())
    }

    /// Whether an object or array may be stored as its raw text: String only.
    pub fn accepts_raw(&self) -> bool {
        matches!(self.kind, Kind::String)
    }

    /// Bytes a value; `None` for values of any length.
    fn width(&self) -> Option<usize> {
        match &self.kind {
            Kind::Int { width, .. }
            | Kind::Decimal { width, .. }
            | Kind::FixedString { width }
            | Kind::Enum(EnumValues { width, .. }) => Some(*width),
            Kind::Bool => Some(1),
            Kind::Date => Some(2),
            Kind::Float32 | Kind::Date32 | Kind::DateTime { .. } | Kind::Ipv4 => Some(4),
            Kind::Float64 | Kind::DateTime64 { .. } => Some(8),
            Kind::Uuid | Kind::Ipv6 => Some(16),
            Kind::String => None,
        }
    }
}

fn int_kind(bits: u16, signed: bool) -> Kind {
    let max = u64::MAX >> (64 - bits);
    let (negative_max, max) = if signed { (max / 2 + 1, max / 2) } else { (0, max) };
    Kind::Int { width: usize::from(bits / 8), negative_max, max }
}

fn decimal_kind(precision: u8, scale: u8) -> Kind {
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

/// The values of an Enum, for look-up by name and by number.
#[derive(Clone, Debug)]
struct EnumValues {
    width: usize,
    /// Sorted by name.
    by_name: Vec<(Box<str>, i16)>,
    smallest: i16,
}

impl EnumValues {
    fn new(bits: u16, values: &[(String, i16)]) -> Self {
        let mut by_name: Vec<(Box<str>, i16)> =
            values.iter().map(|(name, number)| (name.as_str().into(), *number)).collect();
        by_name.sort_unstable();
        Self {
            width: usize::from(bits / 8),
            smallest: values.iter().map(|(_, number)| *number).min().unwrap_or(0),
            by_name,
        }
    }

    fn by_name(&self, name: &str) -> Result<i16, Reason> {
        let found = self.by_name.binary_search_by(|(candidate, _)| candidate.as_ref().cmp(name));
        found.map(|position| self.by_name[position].1).map_err(|_| Reason::UnknownEnumValue)
    }

    fn by_number(&self, token: &str) -> Result<i16, Reason> {
        let wanted = number::scaled(token, 0).map_err(|_| Reason::UnknownEnumValue)?;
        self.by_name
            .iter()
            .map(|(_, number)| *number)
            .find(|number| i128::from(*number) == wanted)
            .ok_or(Reason::UnknownEnumValue)
    }

    fn by_text(&self, text: &str) -> Result<i16, Reason> {
        match self.by_name(text) {
            Err(_) if number::is_json_number(text) => self.by_number(text),
            found => found,
        }
    }

    fn push(&self, out: &mut Values, number: i16) {
        push_low(out, number as u64, self.width);
    }
}

fn fixed(out: &mut Values) -> &mut Vec<u8> {
    match out {
        Values::Fixed { bytes, .. } => bytes,
        _ => unreachable!("a scalar of fixed width writes to a buffer made by its empty_values"),
    }
}

fn push<const N: usize>(out: &mut Values, value: [u8; N]) {
    fixed(out).extend_from_slice(&value);
}

/// Appends the low `width` bytes, with a constant-size copy for every width there is.
fn push_low(out: &mut Values, bits: u64, width: usize) {
    match width {
        1 => push(out, (bits as u8).to_le_bytes()),
        2 => push(out, (bits as u16).to_le_bytes()),
        4 => push(out, (bits as u32).to_le_bytes()),
        _ => push(out, bits.to_le_bytes()),
    }
}

fn push_decimal(out: &mut Values, value: i128, limit: u128, width: usize) -> Result<(), Reason> {
    if value.unsigned_abs() >= limit {
        return Err(Reason::OutOfRange);
    }
    match width {
        16 => push(out, value.to_le_bytes()),
        _ => push_low(out, value as u64, width),
    }
    Ok(())
}

fn push_bit(out: &mut Values, value: bool) {
    push(out, [u8::from(value)]);
}

fn push_bytes(out: &mut Values, value: &[u8]) {
    match out {
        Values::Bytes { ends, bytes } => {
            bytes.extend_from_slice(value);
            ends.push(bytes.len());
        }
        _ => unreachable!("a String writes to a buffer made by its empty_values"),
    }
}

fn push_padded(out: &mut Values, value: &[u8], width: usize) -> Result<(), Reason> {
    if value.len() > width {
        return Err(Reason::TooLong);
    }
    let bytes = fixed(out);
    bytes.extend_from_slice(value);
    bytes.resize(bytes.len() + width - value.len(), 0);
    Ok(())
}

fn push_date(out: &mut Values, days: i64) -> Result<(), Reason> {
    push(out, timestamp::to_date(days)?.to_le_bytes());
    Ok(())
}

fn push_date32(out: &mut Values, days: i64) -> Result<(), Reason> {
    push(out, timestamp::to_date32(days)?.to_le_bytes());
    Ok(())
}

fn push_date_time(out: &mut Values, instant: Instant) -> Result<(), Reason> {
    push(out, instant.to_date_time()?.to_le_bytes());
    Ok(())
}

fn push_date_time64(out: &mut Values, instant: Instant, ticks: Ticks) -> Result<(), Reason> {
    push(out, instant.to_date_time64(ticks)?.to_le_bytes());
    Ok(())
}

impl fmt::Display for UnsupportedType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nested => formatter.write_str("the type is not scalar"),
            Self::UnknownTimeZone(name) => write!(formatter, "unknown time zone \"{name}\""),
        }
    }
}

impl std::error::Error for UnsupportedType {}
