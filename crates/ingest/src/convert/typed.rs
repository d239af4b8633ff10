//! Values whose type their format tells, into one scalar column type.

use super::{
    ConvertError, Reason, Value,
    float::{self, BFloat16},
    int256::U256,
    render::write_seconds,
    scalar::{
        Kind, Scalar, fixed, push, push_big_decimal, push_big_int, push_bit, push_bytes, push_date,
        push_date_time, push_date_time64, push_date32, push_decimal, push_low, push_padded, push_time,
        push_time64,
    },
    time_of_day::TimeSpan,
    timestamp::Instant,
};
use crate::column_batch::Values;

impl Scalar {
    /// Appends a value, by the rule of [`super::rule`]. On error `out` is as before.
    #[inline]
    pub fn push(&self, value: Value<'_>, out: &mut Values) -> Result<(), ConvertError> {
        match value {
            Value::Bool(value) => self.push_bool(value, out),
            Value::Int(value) => self.push_integer(value < 0, value.unsigned_abs(), out),
            Value::UInt(value) => self.push_integer(false, value, out),
            Value::Text(text) => self.push_text(text, out),
            Value::Float64(float) if matches!(self.kind, Kind::Float64) => {
                push(out, float.to_le_bytes());
                Ok(())
            }
            Value::Float32(float) if matches!(self.kind, Kind::Float32) => {
                push(out, float.to_le_bytes());
                Ok(())
            }
            Value::Bytes(bytes) => self.push_raw(bytes, out).map_err(Into::into),
            other => self.push_other(other, out),
        }
    }

    #[inline(never)]
    fn push_other(&self, value: Value<'_>, out: &mut Values) -> Result<(), ConvertError> {
        if matches!(self.kind, Kind::String | Kind::FixedString { .. }) && !matches!(value, Value::Bytes(_)) {
            return self.push_rendered(value, out);
        }
        match value {
            Value::Float32(float) => self.push_float(float.into(), || format!("{float:?}"), out)?,
            Value::Float64(float) => self.push_float(float, || format!("{float:?}"), out)?,
            Value::Symbol { name, number } => self.push_symbol(name, number, out)?,
            Value::Decimal { unscaled, scale } => self.push_decimal_value(value, (unscaled, scale), out)?,
            Value::Date { days } => self.push_day(days, out)?,
            Value::TimeOfDay { ticks, precision } => self.push_time_of_day(ticks, precision, out)?,
            Value::Timestamp { ticks, precision, local } => {
                self.push_timestamp(ticks, precision, local, out)?;
            }
            Value::Uuid(bytes) => match self.kind {
                Kind::Uuid => push(out, swapped_halves(bytes)),
                _ => return Err(Reason::WrongShape.into()),
            },
            Value::Duration { months, days, millis } => self.push_duration((months, days), millis, out)?,
            Value::Interval { nanos } => self.push_interval(nanos, out)?,
            simple => return self.push(simple, out),
        }
        Ok(())
    }

    /// Appends the text of a value to a String or FixedString.
    fn push_rendered(&self, value: Value<'_>, out: &mut Values) -> Result<(), ConvertError> {
        if let Kind::FixedString { width } = self.kind {
            let mut text = Vec::new();
            value.write_text(&mut text)?;
            return push_padded(out, &text, width).map_err(Into::into);
        }
        let Values::Bytes { ends, bytes } = out else {
            unreachable!("a String writes to a buffer made by its empty_values");
        };
        value.write_text(bytes)?;
        ends.push(bytes.len());
        Ok(())
    }

    #[inline]
    fn push_integer(&self, negative: bool, magnitude: u64, out: &mut Values) -> Result<(), ConvertError> {
        match &self.kind {
            Kind::Int { width, negative_max, max } => {
                if magnitude > if negative { *negative_max } else { *max } {
                    return Err(Reason::OutOfRange.into());
                }
                push_low(out, signed_bits(negative, magnitude), *width);
                Ok(())
            }
            _ => self.push_integer_elsewhere(negative, magnitude, out),
        }
    }

    #[inline(never)]
    fn push_integer_elsewhere(
        &self,
        negative: bool,
        magnitude: u64,
        out: &mut Values,
    ) -> Result<(), ConvertError> {
        let wide = if negative { -i128::from(magnitude) } else { i128::from(magnitude) };
        match &self.kind {
            Kind::BigInt(big) => push_big_int(out, (negative, U256::from_u128(magnitude.into())), big)?,
            Kind::BFloat16 => push(out, float::from_integer::<BFloat16>(wide)?.to_le_bytes()),
            Kind::Float32 => push(out, float::from_integer::<f32>(wide)?.to_le_bytes()),
            Kind::Float64 => push(out, float::from_integer::<f64>(wide)?.to_le_bytes()),
            Kind::Decimal { width, scale, limit } => {
                push_decimal(out, scaled_up(wide, (*scale).into())?, *limit, *width)?;
            }
            Kind::DateTime { .. } if !negative => push_date_time(out, Instant::from_integer(magnitude)?)?,
            Kind::DateTime64 { ticks, .. } if !negative => {
                push_date_time64(out, Instant::from_integer(magnitude)?, *ticks)?;
            }
            Kind::Ipv4 => push(out, ipv4_bits(wide)?.to_le_bytes()),
            _ => return self.push_number(&wide.to_string(), out),
        }
        Ok(())
    }

    /// `shortest` writes the shortest text that reads back as the same float.
    fn push_float(
        &self,
        value: f64,
        shortest: impl FnOnce() -> String,
        out: &mut Values,
    ) -> Result<(), ConvertError> {
        match &self.kind {
            Kind::Float64 => push(out, value.to_le_bytes()),
            Kind::Float32 => push(out, float::narrowed::<f32>(value)?.to_le_bytes()),
            Kind::BFloat16 => push(out, float::narrowed::<BFloat16>(value)?.to_le_bytes()),
            Kind::Bool if value == 0.0 || value == 1.0 => push_bit(out, value == 1.0),
            Kind::Bool => return Err(Reason::NotABool.into()),
            Kind::Enum(values) => {
                let number = value as i16;
                let known = f64::from(number) == value && values.has_number(number);
                values.push(out, known.then_some(number).ok_or(Reason::UnknownEnumValue)?);
            }
            Kind::Uuid | Kind::Ipv4 | Kind::Ipv6 | Kind::Json(_) => return Err(Reason::WrongShape.into()),
            _ if value.is_nan() => return Err(Reason::NotANumber.into()),
            _ if value.is_infinite() => return Err(Reason::OutOfRange.into()),
            Kind::Int { .. } | Kind::BigInt(_) if value.fract() != 0.0 => return Err(Reason::Lossy.into()),
            Kind::Int { .. } | Kind::BigInt(_) => return self.push_number(&format!("{value:.0}"), out),
            _ => return self.push_number(&shortest(), out),
        }
        Ok(())
    }

    fn push_raw(&self, bytes: &[u8], out: &mut Values) -> Result<(), Reason> {
        let sized = |reason| <[u8; 16]>::try_from(bytes).map_err(|_| reason);
        match &self.kind {
            Kind::String => push_bytes(out, bytes),
            Kind::FixedString { width } => push_padded(out, bytes, *width)?,
            Kind::Uuid => push(out, swapped_halves(sized(Reason::NotAUuid)?)),
            Kind::Ipv6 => push(out, sized(Reason::NotAnIpAddress)?),
            Kind::Ipv4 => {
                let address: [u8; 4] = bytes.try_into().map_err(|_| Reason::NotAnIpAddress)?;
                push(out, u32::from_be_bytes(address).to_le_bytes());
            }
            Kind::BigInt(big) if bytes.len() == big.width => fixed(out).extend_from_slice(bytes),
            _ => return Err(Reason::WrongShape),
        }
        Ok(())
    }

    fn push_symbol(&self, name: &str, number: Option<i32>, out: &mut Values) -> Result<(), ConvertError> {
        match (&self.kind, number) {
            (Kind::Enum(values), _) => {
                let numbered = number.and_then(|number| i16::try_from(number).ok());
                let numbered = numbered.filter(|number| values.has_number(*number));
                let found = values.by_name(name).or(numbered.ok_or(Reason::UnknownEnumValue))?;
                values.push(out, found);
                Ok(())
            }
            (Kind::Int { .. } | Kind::BigInt(_), Some(number)) => self.push(Value::Int(number.into()), out),
            _ => Err(Reason::WrongShape.into()),
        }
    }

    fn push_decimal_value(
        &self,
        value: Value<'_>,
        (unscaled, decimals): (&[u8], i32),
        out: &mut Values,
    ) -> Result<(), ConvertError> {
        if let Kind::Decimal { width, scale, limit } = self.kind
            && let Some(digits) = integer_of(unscaled)
            && let Ok(missing) = u32::try_from(i32::from(scale).saturating_sub(decimals))
        {
            return Ok(push_decimal(out, scaled_up(digits, missing)?, limit, width)?);
        }
        if let Kind::BigDecimal { scale, limit } = self.kind
            && let Ok(missing) = u64::try_from(i32::from(scale).saturating_sub(decimals))
        {
            let (negative, magnitude) = U256::from_big_endian(unscaled).ok_or(Reason::OutOfRange)?;
            let magnitude = magnitude.times_power_of_ten(missing).ok_or(Reason::OutOfRange)?;
            return Ok(push_big_decimal(out, (negative, magnitude), limit)?);
        }
        let mut token = Vec::new();
        value.write_text(&mut token)?;
        let token = std::str::from_utf8(&token).map_err(|_| Reason::NotANumber)?;
        self.push_number(token, out)
    }

    fn push_day(&self, days: i64, out: &mut Values) -> Result<(), ConvertError> {
        match &self.kind {
            Kind::Date => push_date(out, days)?,
            Kind::Date32 => push_date32(out, days)?,
            Kind::DateTime { zone } => push_date_time(out, Instant::from_days(days, zone)?)?,
            Kind::DateTime64 { ticks, zone } => {
                push_date_time64(out, Instant::from_days(days, zone)?, *ticks)?;
            }
            Kind::Int { .. } | Kind::BigInt(_) => return self.push(Value::Int(days), out),
            _ => return Err(Reason::WrongShape.into()),
        }
        Ok(())
    }

    fn push_time_of_day(&self, ticks: i64, precision: u8, out: &mut Values) -> Result<(), ConvertError> {
        let span = || TimeSpan::from_ticks(ticks.into(), precision);
        match &self.kind {
            Kind::Time => push_time(out, span()?)?,
            Kind::Time64 { ticks } => push_time64(out, span()?, *ticks)?,
            Kind::Int { .. } | Kind::BigInt(_) => return self.push(Value::Int(ticks), out),
            _ => return Err(Reason::WrongShape.into()),
        }
        Ok(())
    }

    fn push_timestamp(
        &self,
        ticks: i128,
        precision: u8,
        local: bool,
        out: &mut Values,
    ) -> Result<(), ConvertError> {
        let at = |zone| Instant::from_ticks(ticks, precision, zone);
        match &self.kind {
            Kind::DateTime64 { ticks: unit, .. } if !local && unit.are_of(precision) => {
                push(out, unit.checked(ticks)?.to_le_bytes());
            }
            Kind::DateTime64 { ticks, zone } => push_date_time64(out, at(local.then_some(zone))?, *ticks)?,
            Kind::DateTime { zone } => push_date_time(out, at(local.then_some(zone))?)?,
            Kind::Date => push_date(out, at(None)?.to_days()?)?,
            Kind::Date32 => push_date32(out, at(None)?.to_days()?)?,
            Kind::Int { .. } | Kind::BigInt(_) => match i64::try_from(ticks) {
                Ok(ticks) => return self.push(Value::Int(ticks), out),
                Err(_) => return self.push_number(&ticks.to_string(), out),
            },
            _ => return Err(Reason::WrongShape.into()),
        }
        Ok(())
    }

    fn push_duration(&self, longer: (u32, u32), millis: u32, out: &mut Values) -> Result<(), Reason> {
        let span = || match longer {
            (0, 0) => TimeSpan::from_ticks(millis.into(), 3),
            _ => Err(Reason::Lossy),
        };
        match &self.kind {
            Kind::Time => push_time(out, span()?),
            Kind::Time64 { ticks } => push_time64(out, span()?, *ticks),
            _ => Err(Reason::WrongShape),
        }
    }

    fn push_interval(&self, nanos: i128, out: &mut Values) -> Result<(), ConvertError> {
        match &self.kind {
            Kind::Time => push_time(out, TimeSpan { nanos })?,
            Kind::Time64 { ticks } => push_time64(out, TimeSpan { nanos }, *ticks)?,
            Kind::Int { .. }
            | Kind::BigInt(_)
            | Kind::Float32
            | Kind::Float64
            | Kind::BFloat16
            | Kind::Decimal { .. }
            | Kind::BigDecimal { .. } => {
                let mut token = Vec::new();
                write_seconds(&mut token, nanos);
                let token = std::str::from_utf8(&token).map_err(|_| Reason::NotANumber)?;
                return self.push_number(token, out);
            }
            _ => return Err(Reason::WrongShape.into()),
        }
        Ok(())
    }
}

/// Two's complement.
#[inline]
fn signed_bits(negative: bool, magnitude: u64) -> u64 {
    if negative { magnitude.wrapping_neg() } else { magnitude }
}

fn scaled_up(value: i128, zeros: u32) -> Result<i128, Reason> {
    if value == 0 {
        return Ok(0);
    }
    let power = 10_i128.checked_pow(zeros);
    power.and_then(|power| value.checked_mul(power)).ok_or(Reason::OutOfRange)
}

/// A big-endian integer in two's complement, when it has at most 128 bits.
fn integer_of(bytes: &[u8]) -> Option<i128> {
    let negative = bytes.first().is_some_and(|first| first & 0x80 != 0);
    let mut wide = [if negative { 0xff } else { 0 }; 16];
    let start = 16_usize.checked_sub(bytes.len())?;
    wide[start..].copy_from_slice(bytes);
    Some(i128::from_be_bytes(wide))
}

/// An address as a signed or an unsigned integer of 32 bits.
fn ipv4_bits(value: i128) -> Result<u32, Reason> {
    let unsigned = u32::try_from(value).ok();
    unsigned.or_else(|| i32::try_from(value).ok().map(|signed| signed as u32)).ok_or(Reason::OutOfRange)
}

/// A UUID in network order as ClickHouse Native has it: two little-endian halves.
fn swapped_halves(mut bytes: [u8; 16]) -> [u8; 16] {
    bytes[..8].reverse();
    bytes[8..].reverse();
    bytes
}
