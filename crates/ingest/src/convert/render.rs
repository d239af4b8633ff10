//! Typed values as text: for String columns, and inside of JSON.

use super::{ConvertError, Reason, Value, timestamp::civil_from_days};
use std::io::Write;

/// Unscaled decimals of more bytes have no text: writing them out takes time that grows with the square of their length.
const MOST_DECIMAL_BYTES: usize = 4096;

/// Zeros written after the digits of a decimal, or before them; beyond that an exponent says how many there are.
const MOST_ZEROS: i64 = 100;

impl Value<'_> {
    /// Appends the text that a String column gets.
    ///
    /// # Errors
    /// Only of a decimal of more than 4,096 bytes, which is [`Reason::OutOfRange`]; `out` is as before then.
    pub fn write_text(&self, out: &mut Vec<u8>) -> Result<(), ConvertError> {
        match *self {
            Value::Bool(value) => out.extend_from_slice(if value { b"true" } else { b"false" }),
            Value::Int(value) => written(out, format_args!("{value}")),
            Value::UInt(value) => written(out, format_args!("{value}")),
            Value::Float32(value) => write_float(out, value.into(), &format!("{value:?}")),
            Value::Float64(value) => write_float(out, value, &format!("{value:?}")),
            Value::Text(text) => out.extend_from_slice(text.as_bytes()),
            Value::Bytes(bytes) => out.extend_from_slice(bytes),
            Value::Symbol { name: "", number: Some(number) } => written(out, format_args!("{number}")),
            Value::Symbol { name, .. } => out.extend_from_slice(name.as_bytes()),
            Value::Decimal { unscaled, scale } => write_decimal(out, unscaled, scale)?,
            Value::Date { days } => write_date(out, days),
            Value::TimeOfDay { ticks, precision } => write_time(out, ticks.into(), precision),
            Value::Timestamp { ticks, precision, local } => {
                write_timestamp(out, ticks, precision);
                out.extend_from_slice(if local { b"" } else { b"Z" });
            }
            Value::Uuid(bytes) => write_uuid(out, &bytes),
            Value::Duration { months, days, millis } => write_duration(out, months, days, millis),
            Value::Interval { nanos } => write_interval(out, nanos),
        }
        Ok(())
    }

    /// Appends the value as JSON: numbers and booleans as such, decimals with all their digits; bytes as a string in
    /// base64; everything else as a string of its text.
    ///
    /// # Errors
    /// As [`Self::write_text`].
    pub fn write_json(&self, out: &mut Vec<u8>) -> Result<(), ConvertError> {
        match *self {
            Value::Bool(_) | Value::Int(_) | Value::UInt(_) | Value::Decimal { .. } => {
                return self.write_text(out);
            }
            Value::Symbol { name: "", number: Some(_) } => return self.write_text(out),
            Value::Float32(value) if value.is_finite() => return self.write_text(out),
            Value::Float64(value) if value.is_finite() => return self.write_text(out),
            Value::Text(text) | Value::Symbol { name: text, .. } => write_json_text(out, text),
            Value::Bytes(bytes) => {
                out.push(b'"');
                write_base64(out, bytes);
                out.push(b'"');
            }
            _ => {
                let start = out.len();
                out.push(b'"');
                self.write_text(out).inspect_err(|_| out.truncate(start))?;
                out.push(b'"');
            }
        }
        Ok(())
    }
}

/// Appends `text` as a JSON string, quotes included.
pub fn write_json_text(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut start = 0;
    for (at, byte) in bytes.iter().enumerate() {
        let escape: &[u8] = match byte {
            b'"' => b"\\\"",
            b'\\' => b"\\\\",
            b'\n' => b"\\n",
            b'\r' => b"\\r",
            b'\t' => b"\\t",
            0..b' ' => b"",
            _ => continue,
        };
        out.extend_from_slice(&bytes[start..at]);
        out.extend_from_slice(escape);
        if escape.is_empty() {
            written(out, format_args!("\\u{byte:04x}"));
        }
        start = at + 1;
    }
    out.extend_from_slice(&bytes[start..]);
    out.push(b'"');
}

fn written(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a vector takes all that is written");
}

/// `shortest` is the shortest text that reads back as the same float.
fn write_float(out: &mut Vec<u8>, value: f64, shortest: &str) {
    let text = match value {
        value if value.is_nan() => "nan",
        value if value.is_infinite() => {
            if value > 0.0 {
                "inf"
            } else {
                "-inf"
            }
        }
        _ => shortest.strip_suffix(".0").unwrap_or(shortest),
    };
    out.extend_from_slice(text.as_bytes());
}

/// A decimal as a JSON number.
fn write_decimal(out: &mut Vec<u8>, unscaled: &[u8], scale: i32) -> Result<(), ConvertError> {
    let (negative, digits) = decimal_digits(unscaled)?;
    out.extend_from_slice(if negative { b"-" } else { b"" });
    let point = digits.len() as i64 - i64::from(scale);
    match point {
        _ if scale == 0 || digits == [b'0'] && scale < 0 => out.extend_from_slice(&digits),
        1.. if scale > 0 => {
            let (whole, fraction) = digits.split_at(point as usize);
            out.extend_from_slice(whole);
            out.push(b'.');
            out.extend_from_slice(fraction);
        }
        ..=0 if -point <= MOST_ZEROS => {
            out.extend_from_slice(b"0.");
            out.resize(out.len() + (-point) as usize, b'0');
            out.extend_from_slice(&digits);
        }
        _ if scale < 0 && i64::from(scale) >= -MOST_ZEROS => {
            out.extend_from_slice(&digits);
            out.resize(out.len() + scale.unsigned_abs() as usize, b'0');
        }
        _ => {
            out.extend_from_slice(&digits);
            written(out, format_args!("e{}", -i64::from(scale)));
        }
    }
    Ok(())
}

/// Sign and decimal digits of a big-endian integer in two's complement.
fn decimal_digits(unscaled: &[u8]) -> Result<(bool, Vec<u8>), ConvertError> {
    const STEP: u64 = 1_000_000_000;
    if unscaled.len() > MOST_DECIMAL_BYTES {
        return Err(Reason::OutOfRange.into());
    }
    let (negative, mut limbs) = magnitude(unscaled);
    let mut steps = Vec::new();
    while !limbs.is_empty() {
        let mut remainder = 0;
        for limb in &mut limbs {
            let value = remainder << 32 | u64::from(*limb);
            (*limb, remainder) = ((value / STEP) as u32, value % STEP);
        }
        steps.push(remainder);
        let leading = limbs.iter().take_while(|limb| **limb == 0).count();
        limbs.drain(..leading);
    }
    let mut digits = Vec::new();
    written(&mut digits, format_args!("{}", steps.pop().unwrap_or(0)));
    steps.iter().rev().for_each(|step| written(&mut digits, format_args!("{step:09}")));
    Ok((negative, digits))
}

/// Sign, and magnitude in units of 32 bits, the highest first and not zero.
fn magnitude(unscaled: &[u8]) -> (bool, Vec<u32>) {
    let negative = unscaled.first().is_some_and(|first| first & 0x80 != 0);
    let flip = if negative { u32::MAX } else { 0 };
    let mut limbs: Vec<u32> = unscaled
        .rchunks(4)
        .map(|chunk| {
            let filled = if negative { u32::MAX } else { 0 };
            chunk.iter().fold(filled, |limb, byte| limb << 8 | u32::from(*byte)) ^ flip
        })
        .collect();
    if negative {
        let mut carry = true;
        for limb in &mut limbs {
            (*limb, carry) = limb.overflowing_add(carry.into());
        }
        limbs.extend(carry.then_some(1));
    }
    let used = limbs.iter().rposition(|limb| *limb != 0).map_or(0, |last| last + 1);
    limbs.truncate(used);
    limbs.reverse();
    (negative, limbs)
}

fn write_date(out: &mut Vec<u8>, days: i64) {
    let (year, month, day) = civil_from_days(days);
    match year {
        0..=9999 => written(out, format_args!("{year:04}-{month:02}-{day:02}")),
        _ => written(out, format_args!("{year:+05}-{month:02}-{day:02}")),
    }
}

fn write_time(out: &mut Vec<u8>, ticks: i128, precision: u8) {
    let per_second = 10_u128.pow(precision.min(9).into());
    let (seconds, fraction) = (ticks.unsigned_abs() / per_second, ticks.unsigned_abs() % per_second);
    let sign = if ticks < 0 { "-" } else { "" };
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    written(out, format_args!("{sign}{hours:02}:{minutes:02}:{seconds:02}"));
    if precision > 0 {
        written(out, format_args!(".{fraction:0width$}", width = usize::from(precision.min(9))));
    }
}

fn write_timestamp(out: &mut Vec<u8>, ticks: i128, precision: u8) {
    let per_day = 86_400 * 10_i128.pow(precision.min(9).into());
    let days =
        i64::try_from(ticks.div_euclid(per_day)).unwrap_or(if ticks < 0 { i64::MIN } else { i64::MAX });
    write_date(out, days);
    out.push(b'T');
    write_time(out, ticks.rem_euclid(per_day), precision);
}

fn write_uuid(out: &mut Vec<u8>, bytes: &[u8; 16]) {
    written(out, format_args!("{}", crate::schema::Hyphenated(bytes)));
}

fn write_duration(out: &mut Vec<u8>, months: u32, days: u32, millis: u32) {
    out.push(b'P');
    if months > 0 {
        written(out, format_args!("{months}M"));
    }
    if days > 0 {
        written(out, format_args!("{days}D"));
    }
    if millis > 0 || (months, days) == (0, 0) {
        written(out, format_args!("T{}", millis / 1_000));
        if !millis.is_multiple_of(1_000) {
            written(out, format_args!(".{:03}", millis % 1_000));
        }
        out.push(b'S');
    }
}

/// As Protobuf's JSON form has it: seconds with 0, 3, 6 or 9 digits after the point.
fn write_interval(out: &mut Vec<u8>, nanos: i128) {
    write_seconds(out, nanos);
    out.push(b's');
}

/// Nanoseconds as seconds, a JSON number.
pub(super) fn write_seconds(out: &mut Vec<u8>, nanos: i128) {
    const NANOS_PER_SECOND: u128 = 1_000_000_000;
    let (seconds, fraction) =
        (nanos.unsigned_abs() / NANOS_PER_SECOND, nanos.unsigned_abs() % NANOS_PER_SECOND);
    written(out, format_args!("{}{seconds}", if nanos < 0 { "-" } else { "" }));
    match fraction {
        0 => {}
        _ if fraction.is_multiple_of(1_000_000) => written(out, format_args!(".{:03}", fraction / 1_000_000)),
        _ if fraction.is_multiple_of(1_000) => written(out, format_args!(".{:06}", fraction / 1_000)),
        _ => written(out, format_args!(".{fraction:09}")),
    }
}

/// Source: RFC 4648, section 4.
fn write_base64(out: &mut Vec<u8>, bytes: &[u8]) {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for chunk in bytes.chunks(3) {
        let byte = |index: usize| chunk.get(index).copied().map_or(0, u32::from);
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            let used = digit <= chunk.len();
            let letter = ALPHABET[(bits >> (18 - 6 * digit) & 63) as usize];
            out.push(if used { letter } else { b'=' });
        }
    }
}
