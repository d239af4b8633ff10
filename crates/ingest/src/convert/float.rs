//! Floats: correctly rounded fractions, unchanged integers, never an infinity that was not written.

use super::{Reason, number::is_json_number};
use std::{
    fmt::{self, Display},
    str::FromStr,
};

/// A binary float of either width.
pub(super) trait Float: Copy + Display + FromStr + PartialEq + Into<f64> {
    /// The nearest float, of two equally near ones the even one; infinite when it is too large.
    fn nearest(value: f64) -> Self;

    /// The nearest float of an integer.
    fn nearest_integer(value: i128) -> Self {
        Self::nearest(value as f64)
    }

    /// Every integer of so many decimal digits is a value of the type.
    const EXACT_DIGITS: usize;
    const NAN: Self;
    const INFINITY: Self;
    const NEGATIVE_INFINITY: Self;
}

impl Float for f32 {
    fn nearest(value: f64) -> Self {
        value as f32
    }

    fn nearest_integer(value: i128) -> Self {
        value as f32
    }

    const EXACT_DIGITS: usize = 7;
    const NAN: Self = f32::NAN;
    const INFINITY: Self = f32::INFINITY;
    const NEGATIVE_INFINITY: Self = f32::NEG_INFINITY;
}

impl Float for f64 {
    fn nearest(value: f64) -> Self {
        value
    }

    const EXACT_DIGITS: usize = 15;
    const NAN: Self = f64::NAN;
    const INFINITY: Self = f64::INFINITY;
    const NEGATIVE_INFINITY: Self = f64::NEG_INFINITY;
}

/// The upper half of a 32-bit float.
#[derive(Clone, Copy, Debug)]
pub(super) struct BFloat16 {
    bits: u16,
}

impl BFloat16 {
    pub(super) fn to_le_bytes(self) -> [u8; 2] {
        self.bits.to_le_bytes()
    }

    fn to_f32(self) -> f32 {
        f32::from_bits(u32::from(self.bits) << 16)
    }
}

impl Float for BFloat16 {
    const EXACT_DIGITS: usize = 2;
    const NAN: Self = Self { bits: 0x7fc0 };
    const INFINITY: Self = Self { bits: 0x7f80 };
    const NEGATIVE_INFINITY: Self = Self { bits: 0xff80 };

    /// Rounding twice would go wrong where the first rounding makes a tie, so the first one goes to an odd neighbour.
    fn nearest(value: f64) -> Self {
        if value.is_nan() {
            return Self::NAN;
        }
        let near = value as f32;
        let mut bits = near.to_bits();
        let wide = f64::from(near);
        if wide != value && bits & 1 == 0 {
            bits = if wide.abs() < value.abs() { bits + 1 } else { bits - 1 };
        }
        let rounded = bits + 0x7fff + (bits >> 16 & 1);
        Self { bits: (rounded >> 16) as u16 }
    }
}

impl From<BFloat16> for f64 {
    fn from(value: BFloat16) -> f64 {
        value.to_f32().into()
    }
}

impl PartialEq for BFloat16 {
    fn eq(&self, other: &Self) -> bool {
        self.to_f32() == other.to_f32()
    }
}

impl FromStr for BFloat16 {
    type Err = std::num::ParseFloatError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self::nearest)
    }
}

impl Display for BFloat16 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_f32().fmt(formatter)
    }
}

/// An integer as a float, if it keeps its value.
pub(super) fn from_integer<F: Float>(value: i128) -> Result<F, Reason> {
    let float = F::nearest_integer(value);
    let wide: f64 = float.into();
    if wide as i128 == value { Ok(float) } else { Err(Reason::Lossy) }
}

/// A float as the nearest float of another width. NaN and infinities stay what they are.
pub(super) fn narrowed<F: Float>(value: f64) -> Result<F, Reason> {
    let float = F::nearest(value);
    let wide: f64 = float.into();
    let vanished = (wide == 0.0) != (value == 0.0);
    if wide.is_infinite() != value.is_infinite() || vanished { Err(Reason::OutOfRange) } else { Ok(float) }
}

/// A JSON number as a float.
///
/// With a point or an exponent it is rounded to the nearest float. An integer must keep its value,
/// or be the very digits a program prints for that float (`123456789012345680000` for a 64-bit one).
pub(super) fn from_number<F: Float>(token: &str) -> Result<F, Reason> {
    let value: F = token.parse().map_err(|_| Reason::NotANumber)?;
    let wide: f64 = value.into();
    if wide.is_infinite() || (wide == 0.0 && !is_zero(token)) {
        return Err(Reason::OutOfRange);
    }
    if token.len() > F::EXACT_DIGITS && is_integer(token) && !prints_as(value, token) {
        return Err(Reason::Lossy);
    }
    Ok(value)
}

/// Text as a float: a JSON number, or one of the three values JSON numbers cannot say.
pub(super) fn from_text<F: Float>(text: &str) -> Result<F, Reason> {
    if is_json_number(text) {
        return from_number(text);
    }
    let is_any = |names: &[&str]| names.iter().any(|name| text.eq_ignore_ascii_case(name));
    match () {
        () if is_any(&["nan"]) => Ok(F::NAN),
        () if is_any(&["inf", "infinity"]) => Ok(F::INFINITY),
        () if is_any(&["-inf", "-infinity"]) => Ok(F::NEGATIVE_INFINITY),
        () => Err(Reason::NotANumber),
    }
}

fn is_zero(token: &str) -> bool {
    token
        .bytes()
        .take_while(|byte| !matches!(byte, b'e' | b'E'))
        .all(|byte| matches!(byte, b'0' | b'.' | b'-'))
}

fn is_integer(token: &str) -> bool {
    !token.contains(['.', 'e', 'E'])
}

/// Whether `token` is the float's exact value or its shortest text that reads back as the same float.
fn prints_as<F: Float>(value: F, token: &str) -> bool {
    format!("{value:.0}") == token || value.to_string() == token
}
