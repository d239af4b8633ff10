//! Floats: correctly rounded fractions, unchanged integers, never an infinity that was not written.

use super::{Reason, number::is_json_number};
use std::{fmt::Display, str::FromStr};

/// A binary float of either width.
pub(super) trait Float: Copy + Display + FromStr + PartialEq + Into<f64> {
    /// Every integer of so many decimal digits is a value of the type.
    const EXACT_DIGITS: usize;
    const NAN: Self;
    const INFINITY: Self;
    const NEGATIVE_INFINITY: Self;
}

impl Float for f32 {
    const EXACT_DIGITS: usize = 7;
    const NAN: Self = f32::NAN;
    const INFINITY: Self = f32::INFINITY;
    const NEGATIVE_INFINITY: Self = f32::NEG_INFINITY;
}

impl Float for f64 {
    const EXACT_DIGITS: usize = 15;
    const NAN: Self = f64::NAN;
    const INFINITY: Self = f64::INFINITY;
    const NEGATIVE_INFINITY: Self = f64::NEG_INFINITY;
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
