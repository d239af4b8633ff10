//! Reads scalars as what they stand for.

use super::cursor::{Broken, Cursor};
use super::layout::{Meaning, Wire};
use super::walk::{Failed, Walk};
use crate::convert::{Reason, Value};

impl<'d> Walk<'_, 'd> {
    /// The scalar that stands next; it is not null.
    pub(super) fn value(&mut self, wire: Wire, meaning: Meaning) -> Result<Value<'d>, Failed> {
        Ok(match meaning {
            Meaning::Plain(_) => return self.plain(wire),
            Meaning::Text => Value::Text(self.text_of(wire)?),
            Meaning::Bytes => Value::Bytes(self.bytes(wire)?),
            Meaning::Decimal { scale, .. } => Value::Decimal {
                unscaled: self.bytes(wire)?,
                scale: i32::try_from(scale).unwrap_or(i32::MAX),
            },
            Meaning::BigDecimal => {
                let bytes = self.bytes(wire)?;
                let (unscaled, scale) = self.check(big_decimal(bytes))?;
                Value::Decimal { unscaled, scale }
            }
            Meaning::Date => Value::Date { days: self.integer(wire)? },
            Meaning::TimeOfDay { precision } => Value::TimeOfDay { ticks: self.integer(wire)?, precision },
            Meaning::Timestamp { precision, local } => {
                Value::Timestamp { ticks: self.integer(wire)?.into(), precision, local }
            }
            Meaning::Uuid => Value::Uuid(self.uuid(wire)?),
            Meaning::Duration => {
                let parts = self.cursor.array();
                let [months, days, millis] = duration_parts(self.check(parts)?);
                Value::Duration { months, days, millis }
            }
        })
    }

    fn plain(&mut self, wire: Wire) -> Result<Value<'d>, Failed> {
        let value = match wire {
            Wire::Boolean => self.cursor.boolean().map(Value::Bool),
            Wire::Float => self.cursor.array().map(f32::from_le_bytes).map(Value::Float32),
            Wire::Double => self.cursor.array().map(f64::from_le_bytes).map(Value::Float64),
            _ => return self.integer(wire).map(Value::Int),
        };
        self.check(value)
    }

    #[inline(always)]
    pub(super) fn integer(&mut self, wire: Wire) -> Result<i64, Failed> {
        let value = match wire {
            Wire::Int => self.cursor.int().map(i64::from),
            _ => self.cursor.long(),
        };
        self.check(value)
    }

    #[inline(always)]
    pub(super) fn bytes(&mut self, wire: Wire) -> Result<&'d [u8], Failed> {
        let bytes = match wire {
            Wire::Fixed(size) => self.cursor.take(size),
            Wire::Rest => self.cursor.take(self.cursor.remaining()),
            _ => self.cursor.block(),
        };
        self.check(bytes)
    }

    /// The text of a map's key.
    pub(super) fn text(&mut self) -> Result<&'d str, Failed> {
        self.text_of(Wire::Block)
    }

    fn text_of(&mut self, wire: Wire) -> Result<&'d str, Failed> {
        let bytes = self.bytes(wire)?;
        simdutf8::basic::from_utf8(bytes).map_err(|_| self.refused(Reason::InvalidUtf8))
    }

    fn uuid(&mut self, wire: Wire) -> Result<[u8; 16], Failed> {
        let bytes = self.bytes(wire)?;
        let uuid = match wire {
            Wire::Fixed(_) => bytes.try_into().ok(),
            _ => uuid_from_text(bytes),
        };
        uuid.ok_or_else(|| self.refused(Reason::NotAUuid))
    }
}

/// Three little-endian numbers of 32 bits.
fn duration_parts(bytes: [u8; 12]) -> [u32; 3] {
    let part = |start: usize| {
        u32::from_le_bytes([bytes[start], bytes[start + 1], bytes[start + 2], bytes[start + 3]])
    };
    [part(0), part(4), part(8)]
}

/// The bytes of a `big-decimal`: those of the unscaled number behind their length, then the scale.
fn big_decimal(bytes: &[u8]) -> Result<(&[u8], i32), Broken> {
    let mut cursor = Cursor::new(bytes);
    let parts = cursor.block().and_then(|unscaled| Ok((unscaled, cursor.int()?)));
    match parts {
        Ok(parts) if cursor.remaining() == 0 => Ok(parts),
        _ => Err(Broken::NotABigDecimal),
    }
}

/// 32 hexadecimal digits, with or without the four dashes of RFC 9562.
fn uuid_from_text(text: &[u8]) -> Option<[u8; 16]> {
    let is_dash = |at: &usize| text.len() == 36 && matches!(at, 8 | 13 | 18 | 23);
    if !matches!(text.len(), 32 | 36) {
        return None;
    }
    let mut uuid = [0; 16];
    let mut digits = 0;
    for (at, byte) in text.iter().enumerate() {
        if is_dash(&at) {
            if *byte != b'-' {
                return None;
            }
            continue;
        }
        let digit = char::from(*byte).to_digit(16)? as u8;
        uuid[digits / 2] = uuid[digits / 2] << 4 | digit;
        digits += 1;
    }
    Some(uuid)
}
