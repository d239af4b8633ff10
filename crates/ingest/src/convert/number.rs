//! Exact decimal arithmetic on the text of a number.

use super::{Reason, int256::U256};

/// Whether `text` is a number as JSON writes it (RFC 8259, section 6).
pub(super) fn is_json_number(text: &str) -> bool {
    let bytes = text.as_bytes();
    let (whole, rest) = split_digits(bytes.strip_prefix(b"-").unwrap_or(bytes));
    let (has_fraction, rest) = match rest {
        [b'.', rest @ ..] => skip_digits(rest),
        rest => (true, rest),
    };
    let (has_exponent, rest) = match rest {
        [b'e' | b'E', b'+' | b'-', rest @ ..] | [b'e' | b'E', rest @ ..] => skip_digits(rest),
        rest => (true, rest),
    };
    let has_whole = matches!(whole, [b'0'] | [b'1'..=b'9', ..]);
    has_whole && has_fraction && has_exponent && rest.is_empty()
}

/// The digits `text` begins with, and what follows them.
pub(super) fn split_digits(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| !byte.is_ascii_digit());
    text.split_at(end.unwrap_or(text.len()))
}

/// Whether there is at least one digit, and what follows the digits.
fn skip_digits(text: &[u8]) -> (bool, &[u8]) {
    let (digits, rest) = split_digits(text);
    (!digits.is_empty(), rest)
}

/// A number written the common way: an optional minus sign, up to 19 digits, a point among them or not.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plain {
    pub(super) negative: bool,
    /// All digits read as one integer; 19 of them cannot overflow.
    pub(super) digits: u64,
    /// How many of the digits stand after the point.
    pub(super) fraction_len: usize,
}

impl Plain {
    /// `None` when the JSON number `token` has an exponent or more digits.
    pub(super) fn of(token: &str) -> Option<Self> {
        const MAX_DIGITS: usize = 19;
        let bytes = token.as_bytes();
        let unsigned = bytes.strip_prefix(b"-").unwrap_or(bytes);
        if unsigned.len() > MAX_DIGITS + 1 {
            return None;
        }
        let (mut digits, mut point) = (0u64, None);
        for (position, byte) in unsigned.iter().enumerate() {
            let digit = byte.wrapping_sub(b'0');
            if digit <= 9 {
                digits = digits.wrapping_mul(10).wrapping_add(digit.into());
            } else if *byte == b'.' {
                point = Some(position);
            } else {
                return None;
            }
        }
        let fraction_len = point.map_or(0, |point| unsigned.len() - point - 1);
        let digit_count = unsigned.len() - usize::from(point.is_some());
        (digit_count <= MAX_DIGITS).then_some(Self {
            negative: unsigned.len() < bytes.len(),
            digits,
            fraction_len,
        })
    }

    /// Sign and magnitude, when there is no point.
    pub(super) fn integer(self) -> Option<(bool, u64)> {
        (self.fraction_len == 0).then_some((self.negative, self.digits))
    }

    /// The value times 10^`scale`, when no digit is finer than that.
    fn scaled(self, scale: u8) -> Option<i128> {
        let zeros = usize::from(scale).checked_sub(self.fraction_len)?;
        let power = i128::try_from(power_of_ten(zeros as i64)?).ok()?;
        let magnitude = power.checked_mul(self.digits.into())?;
        Some(if self.negative { -magnitude } else { magnitude })
    }
}

/// Sign and magnitude of a number that is an integer by value: `12`, `1.0` and `1e3` are, `1.5` is [`Reason::Lossy`].
pub(super) fn integer(token: &str) -> Result<(bool, u64), Reason> {
    if let Some(integer) = Plain::of(token).and_then(Plain::integer) {
        return Ok(integer);
    }
    let value = scaled_in_full(token, 0)?;
    let magnitude = u64::try_from(value.unsigned_abs()).map_err(|_| Reason::OutOfRange)?;
    Ok((value < 0, magnitude))
}

/// A JSON number times 10^`scale`, exactly.
///
/// [`Reason::Lossy`] when that is no integer, [`Reason::OutOfRange`] when it takes more than 127 bits.
pub(super) fn scaled(token: &str, scale: u8) -> Result<i128, Reason> {
    match Plain::of(token).and_then(|plain| plain.scaled(scale)) {
        Some(value) => Ok(value),
        None => scaled_in_full(token, scale),
    }
}

/// As [`scaled`], for every way of writing a number.
fn scaled_in_full(token: &str, scale: u8) -> Result<i128, Reason> {
    let (negative, magnitude) = scaled_wide(token, scale)?;
    let magnitude = magnitude.to_u128().and_then(|magnitude| i128::try_from(magnitude).ok());
    magnitude.map(|magnitude| if negative { -magnitude } else { magnitude }).ok_or(Reason::OutOfRange)
}

/// As [`scaled`], as sign and magnitude of up to 256 bits; zero is never negative.
pub(super) fn scaled_wide(token: &str, scale: u8) -> Result<(bool, U256), Reason> {
    let number = Parts::of(token);
    let (significand, zeros) = number.significand();
    let shift = number
        .exponent
        .saturating_add(i64::from(scale))
        .saturating_add(zeros)
        .saturating_sub(number.fraction.len() as i64);
    if significand == Some(U256::ZERO) {
        return Ok((false, U256::ZERO));
    }
    let shift = u64::try_from(shift).map_err(|_| Reason::Lossy)?;
    let magnitude = significand.and_then(|significand| significand.times_power_of_ten(shift));
    magnitude.map(|magnitude| (number.negative, magnitude)).ok_or(Reason::OutOfRange)
}

fn power_of_ten(exponent: i64) -> Option<u128> {
    10u128.checked_pow(u32::try_from(exponent).ok()?)
}

/// The pieces of a JSON number.
struct Parts<'a> {
    negative: bool,
    whole: &'a str,
    fraction: &'a str,
    exponent: i64,
}

impl<'a> Parts<'a> {
    fn of(token: &'a str) -> Self {
        let (mantissa, exponent) = token.split_once(['e', 'E']).unwrap_or((token, "0"));
        let (signed_whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        Self {
            negative: signed_whole.starts_with('-'),
            whole: signed_whole.strip_prefix('-').unwrap_or(signed_whole),
            fraction,
            exponent: saturating_exponent(exponent),
        }
    }

    /// All digits read as one integer, without the zeros it ends in, and the number of those zeros.
    ///
    /// No integer when it takes more than 256 bits.
    fn significand(&self) -> (Option<U256>, i64) {
        let mut significand = Some(U256::ZERO);
        let mut zeros = 0;
        for byte in self.whole.bytes().chain(self.fraction.bytes()) {
            if byte == b'0' {
                zeros += 1;
                continue;
            }
            significand = significand.and_then(|significand| {
                significand.times_power_of_ten(zeros as u64)?.times_plus(10, u64::from(byte - b'0'))
            });
            zeros = 0;
        }
        (significand, zeros)
    }
}

/// Exponents beyond any number of digits a record can hold all mean the same.
fn saturating_exponent(text: &str) -> i64 {
    let (negative, digits) = match text.as_bytes() {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    let magnitude = digits
        .iter()
        .fold(0i64, |magnitude, byte| magnitude.saturating_mul(10).saturating_add(i64::from(byte - b'0')));
    if negative { -magnitude } else { magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_numbers_are_told_from_other_text() {
        for text in ["0", "-0", "10", "1.5", "-1.50", "1e3", "1E+3", "0.1e-10"] {
            assert!(is_json_number(text), "{text}");
        }
        for text in [
            "", "-", "+1", "01", "-01", "1.", ".5", "1e", "1e+", "1.5.2", "1e3e4", " 1", "1 ", "0x1", "nan",
            "１", "1_000", "--1", "1e--3",
        ] {
            assert!(!is_json_number(text), "{text}");
        }
    }

    #[test]
    fn scaling_is_exact_or_says_why_not() {
        assert_eq!(scaled("1.239", 3), Ok(1239));
        assert_eq!(scaled("-9999999999999999.999", 3), Ok(-9_999_999_999_999_999_999));
        assert_eq!(scaled("-1.5e3", 0), Ok(-1500));
        assert_eq!(scaled("1000e-3", 0), Ok(1));
        assert_eq!(scaled("0e999999999999999999999", 2), Ok(0));
        assert_eq!(scaled("1.239", 2), Err(Reason::Lossy));
        assert_eq!(scaled("1e-999999999999999999999", 38), Err(Reason::Lossy));
        assert_eq!(scaled("1e999999999999999999999", 0), Err(Reason::OutOfRange));
        assert_eq!(scaled("170141183460469231731687303715884105727", 0), Ok(i128::MAX));
        assert_eq!(scaled("170141183460469231731687303715884105728", 0), Err(Reason::OutOfRange));
        assert_eq!(scaled("1234567890123456789012345678901234567890123", 0), Err(Reason::OutOfRange));
        assert_eq!(scaled("1234567890123456789012345678901234567890.5", 0), Err(Reason::Lossy));
    }
}
