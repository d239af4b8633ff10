//! What the numbers of one place have in common.

use crate::column_batch::Values;
use crate::convert::Scalar;
use forebay_project::column_type::ColumnType;
use std::{cmp::Ordering, sync::LazyLock};

/// What is known of all numbers seen at one place. Merging takes the wider of both sides in every respect.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Numbers {
    /// How many.
    pub(super) count: u64,
    /// Least and greatest of those written without point and exponent.
    pub(super) integers: Option<(Integer, Integer)>,
    /// Whether one has a point or an exponent.
    pub(super) has_fractions: bool,
    /// One that a Float64 would change.
    pub(super) not_a_float: Option<Integer>,
    /// Most digits before the point, without leading zeros.
    pub(super) whole_digits: usize,
    /// Most digits after the point, without trailing zeros.
    pub(super) scale: usize,
    /// Whether one is no time since the epoch in a certain unit.
    pub(super) not_a_time: bool,
    /// Digits after the second of the finest unit: 0, 3, 6 or 9.
    pub(super) time_precision: u8,
}

/// An integer as written; ordered by value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Integer {
    negative: bool,
    /// Without leading zeros; empty is zero.
    digits: Box<str>,
}

static FLOAT: LazyLock<Scalar> = LazyLock::new(|| scalar(&ColumnType::Float64));
static TIME: LazyLock<Scalar> =
    LazyLock::new(|| scalar(&ColumnType::DateTime64 { precision: 9, time_zone: None }));

/// The conversion of a type that always has one.
pub(super) fn scalar(column_type: &ColumnType) -> Scalar {
    Scalar::compile(column_type).expect("invariant: a scalar type without a time zone compiles")
}

fn fits(scalar: &Scalar, token: &str) -> bool {
    let mut values: Values = scalar.empty_values();
    scalar.push_number(token, &mut values).is_ok()
}

impl Numbers {
    /// Of one number, a valid JSON one.
    pub(super) fn of(token: &str) -> Self {
        let is_integer = !token.contains(['.', 'e', 'E']);
        let integer = Integer::of(token);
        let (whole_digits, scale) = digits(token);
        let is_time = is_integer && !integer.negative && fits(&TIME, token);
        Self {
            count: 1,
            time_precision: if is_time { integer.time_precision() } else { 0 },
            not_a_float: (!fits(&FLOAT, token)).then(|| integer.clone()),
            integers: is_integer.then(|| (integer.clone(), integer)),
            has_fractions: !is_integer,
            whole_digits,
            scale,
            not_a_time: !is_time,
        }
    }

    /// Adds what `other` knows.
    pub(super) fn merge(&mut self, other: Self) {
        self.count += other.count;
        self.integers = match (self.integers.take(), other.integers) {
            (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
            (one, another) => one.or(another),
        };
        self.has_fractions |= other.has_fractions;
        self.not_a_float = self.not_a_float.take().max(other.not_a_float);
        self.whole_digits = self.whole_digits.max(other.whole_digits);
        self.scale = self.scale.max(other.scale);
        self.not_a_time |= other.not_a_time;
        self.time_precision = self.time_precision.max(other.time_precision);
    }

    /// The narrowest of Int64, UInt64, Int128, UInt128, Int256 and UInt256 that holds every integer.
    pub(super) fn integer_type(&self) -> Option<ColumnType> {
        let (least, greatest) = self.integers.as_ref()?;
        [64, 128, 256].into_iter().find_map(|bits| {
            let fits = |signed| least.fits(bits, signed) && greatest.fits(bits, signed);
            let (fits_signed, fits_unsigned) = (fits(true), fits(false));
            (fits_signed || fits_unsigned).then_some(ColumnType::Int { bits, signed: fits_signed })
        })
    }
}

impl Integer {
    /// The digits of a number up to its point or exponent.
    fn of(token: &str) -> Self {
        let whole = token.split(['.', 'e', 'E']).next().unwrap_or_default();
        let digits = whole.trim_start_matches('-').trim_start_matches('0');
        Self { negative: token.starts_with('-') && !digits.is_empty(), digits: digits.into() }
    }

    /// The ranges of `docs/conversions.md` differ in their number of digits.
    fn time_precision(&self) -> u8 {
        match self.digits.len() {
            ..=10 => 0,
            11..=13 => 3,
            14..=16 => 6,
            _ => 9,
        }
    }

    fn fits(&self, bits: u16, signed: bool) -> bool {
        match (self.negative, signed) {
            (false, _) => compare(&self.digits, &largest(bits - u16::from(signed), 1)).is_le(),
            (true, true) => compare(&self.digits, &largest(bits - 1, 0)).is_le(),
            (true, false) => false,
        }
    }

    fn sign(&self) -> &'static str {
        if self.negative { "-" } else { "" }
    }
}

impl std::fmt::Display for Integer {
    /// At most 40 digits, for people.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let digits = if self.digits.is_empty() { "0" } else { &*self.digits };
        match digits.get(..40).filter(|_| digits.len() > 40) {
            Some(first) => write!(f, "{}{first}...", self.sign()),
            None => write!(f, "{}{digits}", self.sign()),
        }
    }
}

impl Ord for Integer {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (false, false) => compare(&self.digits, &other.digits),
            (true, true) => compare(&other.digits, &self.digits),
            (negative, _) => {
                if negative {
                    Ordering::Less
                } else {
                    Ordering::Greater
                }
            }
        }
    }
}

impl PartialOrd for Integer {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Compares integers by their digits, which have no leading zeros.
fn compare(one: &str, other: &str) -> Ordering {
    one.len().cmp(&other.len()).then_with(|| one.cmp(other))
}

/// The digits of 2^`power` - `less`.
fn largest(power: u16, less: u8) -> String {
    let mut digits = vec![1u8];
    for _ in 0..power {
        let mut carry = 0;
        for digit in &mut digits {
            let doubled = *digit * 2 + carry;
            *digit = doubled % 10;
            carry = doubled / 10;
        }
        digits.extend((carry > 0).then_some(carry));
    }
    // A power of two ends in 2, 4, 6 or 8, so nothing is borrowed.
    digits[0] -= less;
    digits.iter().rev().map(|digit| char::from(b'0' + digit)).collect()
}

/// Digits before and after the point once a number is written without exponent and needless zeros.
fn digits(token: &str) -> (usize, usize) {
    let (mantissa, exponent) = token.split_once(['e', 'E']).unwrap_or((token, "0"));
    let (whole, fraction) =
        mantissa.trim_start_matches('-').split_once('.').unwrap_or((mantissa.trim_start_matches('-'), ""));
    let all = format!("{whole}{fraction}");
    let trimmed = all.trim_start_matches('0');
    if trimmed.is_empty() {
        return (0, 0);
    }
    // Exponents beyond any Decimal all mean the same.
    let exponent: i64 = exponent.parse().unwrap_or(i64::from(i32::MAX)).clamp(-1_000_000, 1_000_000);
    let leading = (all.len() - trimmed.len()) as i64;
    let point = whole.len() as i64 - leading + exponent;
    let significant = trimmed.trim_end_matches('0').len() as i64;
    (point.max(0) as usize, (significant - point).max(0) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_counted_by_value() {
        assert_eq!(digits("0"), (0, 0));
        assert_eq!(digits("-12.50"), (2, 1));
        assert_eq!(digits("0.001"), (0, 3));
        assert_eq!(digits("1.5e3"), (4, 0));
        assert_eq!(digits("15e-3"), (0, 3));
        assert_eq!(digits("100e-1"), (2, 0));
        assert_eq!(digits("-0.0e9"), (0, 0));
    }

    #[test]
    fn integers_get_the_narrowest_type_that_holds_both_ends() {
        let of = |tokens: &[&str]| {
            let mut numbers = Numbers::default();
            tokens.iter().for_each(|token| numbers.merge(Numbers::of(token)));
            numbers.integer_type().map(|column_type| column_type.to_string())
        };
        let two = |power| largest(power, 0);
        assert_eq!(of(&["-0", "7"]).as_deref(), Some("Int64"));
        assert_eq!(of(&["9223372036854775807", "-9223372036854775808"]).as_deref(), Some("Int64"));
        assert_eq!(of(&["9223372036854775808"]).as_deref(), Some("UInt64"));
        assert_eq!(of(&["9223372036854775808", "-1"]).as_deref(), Some("Int128"));
        assert_eq!(of(&["18446744073709551615"]).as_deref(), Some("UInt64"));
        assert_eq!(of(&["18446744073709551616"]).as_deref(), Some("Int128"));
        assert_eq!(of(&[&two(127)]).as_deref(), Some("UInt128"));
        assert_eq!(of(&[&two(128)]).as_deref(), Some("Int256"));
        assert_eq!(of(&[&two(255), "0"]).as_deref(), Some("UInt256"));
        assert_eq!(of(&[&two(255), "-1"]), None);
        assert_eq!(of(&["1.5"]), None);
    }

    #[test]
    fn units_of_time_are_told_by_magnitude() {
        let of = |token: &str| {
            let numbers = Numbers::of(token);
            (!numbers.not_a_time).then_some(numbers.time_precision)
        };
        assert_eq!(of("1704103200"), Some(0));
        assert_eq!(of("1704103200123"), Some(3));
        assert_eq!(of("1704103200123456"), Some(6));
        assert_eq!(of("1704103200123456789"), Some(9));
        assert_eq!(of("20240102"), None);
        assert_eq!(of("1704103200.5"), None);
        assert_eq!(of("-1704103200"), None);
    }
}
