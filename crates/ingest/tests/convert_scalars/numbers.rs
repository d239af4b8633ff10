//! Integers, decimals and Bool against arithmetic on 128-bit integers.

use super::*;
use proptest::prelude::*;

/// One way of writing `value` times 10^-`scale`.
#[derive(Clone, Debug)]
struct Spelling {
    trailing_zeros: usize,
    digits_after_point: usize,
    explicit_zero_exponent: bool,
}

fn spellings() -> impl Strategy<Value = Spelling> {
    (0usize..6, 0usize..50, any::<bool>()).prop_map(
        |(trailing_zeros, digits_after_point, explicit_zero_exponent)| Spelling {
            trailing_zeros,
            digits_after_point,
            explicit_zero_exponent,
        },
    )
}

impl Spelling {
    fn write(&self, value: i128, scale: i64) -> String {
        let sign = if value < 0 { "-" } else { "" };
        let zeros = "0".repeat(self.trailing_zeros);
        let digits = format!("{}{zeros}", value.unsigned_abs());
        let (whole, fraction) = digits.split_at(digits.len().saturating_sub(self.digits_after_point));
        let whole = if whole.is_empty() { "0" } else { whole };
        let point = if fraction.is_empty() { "" } else { "." };
        let exponent = fraction.len() as i64 - scale - self.trailing_zeros as i64;
        if exponent == 0 && !self.explicit_zero_exponent {
            format!("{sign}{whole}{point}{fraction}")
        } else {
            format!("{sign}{whole}{point}{fraction}e{exponent}")
        }
    }
}

/// Integers of every length, many of them next to a power of two.
fn integers() -> impl Strategy<Value = i128> {
    (any::<bool>(), 0u32..100, -2i128..=2, any::<i128>()).prop_map(|(near_power, bits, distance, any)| {
        match near_power {
            true => (1i128 << bits) * any.signum() + distance,
            false => any >> (127 - bits),
        }
    })
}

fn range(bits: u16, signed: bool) -> std::ops::RangeInclusive<i128> {
    match signed {
        true => -(1 << (bits - 1))..=(1 << (bits - 1)) - 1,
        false => 0..=(1 << bits) - 1,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn an_integer_in_range_keeps_its_value_however_it_is_written(
        value in integers(),
        spelling in spellings(),
        bits in prop::sample::select(vec![8u16, 16, 32, 64]),
        signed in any::<bool>(),
    ) {
        let column_type = ColumnType::Int { bits, signed };
        let width = usize::from(bits / 8);
        let expected = if range(bits, signed).contains(&value) {
            Ok(value.to_le_bytes()[..width].to_vec())
        } else {
            Err(Reason::OutOfRange)
        };
        prop_assert_eq!(convert(&column_type, &number(value)), expected.clone());
        prop_assert_eq!(convert(&column_type, &number(spelling.write(value, 0))), expected);
    }

    #[test]
    fn a_fraction_is_never_an_integer(
        value in -1_000_000_000i128..1_000_000_000,
        scale in 1i64..9,
        spelling in spellings(),
    ) {
        prop_assume!(value % 10 != 0);
        let token = spelling.write(value, scale);
        prop_assert_eq!(convert(&int(64), &number(token)), Err(Reason::Lossy));
    }

    #[test]
    fn a_decimal_is_exact_or_refused(
        value in integers(),
        spelling in spellings(),
        precision in 1u8..=38,
        scale in 0u8..=38,
        extra in 0u32..4,
    ) {
        let scale = scale.min(precision);
        let column_type = decimal(precision, scale);
        let token = spelling.write(value, i64::from(scale) + i64::from(extra));
        let unit = 10i128.pow(extra);
        let limit = 10i128.pow(u32::from(precision));
        let expected = match value / unit {
            _ if value % unit != 0 => Err(Reason::Lossy),
            ticks if ticks <= -limit || ticks >= limit => Err(Reason::OutOfRange),
            ticks => Ok(ticks),
        };
        prop_assert_eq!(integer(&column_type, &number(token)), expected);
    }

    #[test]
    fn text_is_a_number_exactly_when_json_says_so(candidate in "[-+.eE019]{0,8}") {
        let is_number = serde_json::from_str::<serde::de::IgnoredAny>(&candidate).is_ok();
        for column_type in [int(64), decimal(38, 10), ColumnType::Float64] {
            let refused = convert(&column_type, &text(&candidate)) == Err(Reason::NotANumber);
            prop_assert_eq!(refused, !is_number);
        }
    }
}

#[test]
fn decimals_take_the_width_of_their_precision() {
    for (precision, width) in [(1, 4), (9, 4), (10, 8), (18, 8), (19, 16), (38, 16)] {
        let value = convert(&decimal(precision, 0), &number(-1)).unwrap();
        assert_eq!(value, vec![0xff; width]);
    }
}

#[test]
fn true_and_false_are_1_and_0_in_integers_and_text_in_strings_only() {
    let yes = Input::Bool(true);
    assert_eq!(convert(&ColumnType::Bool, &yes), Ok(vec![1]));
    assert_eq!(convert(&uint(8), &yes), Ok(vec![1]));
    assert_eq!(convert(&int(32), &yes), Ok(vec![1, 0, 0, 0]));
    assert_eq!(convert(&ColumnType::String, &yes), Ok(b"true".to_vec()));
    for column_type in [ColumnType::Float64, decimal(9, 2), date_time(), ColumnType::Uuid] {
        assert_eq!(convert(&column_type, &yes), Err(Reason::WrongShape));
    }
}

#[test]
fn a_bool_is_true_false_0_or_1() {
    for (input, expected) in [
        (number("0"), Ok(vec![0])),
        (number("-0"), Ok(vec![0])),
        (number("1.0"), Ok(vec![1])),
        (number("2"), Err(Reason::NotABool)),
        (number("-1"), Err(Reason::NotABool)),
        (number("0.5"), Err(Reason::NotABool)),
        (text("true"), Ok(vec![1])),
        (text("false"), Ok(vec![0])),
        (text("1"), Ok(vec![1])),
        (text("0"), Ok(vec![0])),
        (text("True"), Err(Reason::NotABool)),
        (text("yes"), Err(Reason::NotABool)),
        (text(""), Err(Reason::NotABool)),
    ] {
        assert_eq!(convert(&ColumnType::Bool, &input), expected, "{input:?}");
    }
}

#[test]
fn an_enum_is_found_by_name_first_and_then_by_number() {
    let column_type = enum8(&[("a", 1), ("b", -2), ("1", 7)]);
    for (input, expected) in [
        (text("a"), Ok(1)),
        (text("b"), Ok(-2)),
        (text("1"), Ok(7)),
        (text("-2"), Ok(-2)),
        (text("A"), Err(Reason::UnknownEnumValue)),
        (text(""), Err(Reason::UnknownEnumValue)),
        (number("1"), Ok(1)),
        (number("7.0"), Ok(7)),
        (number("2"), Err(Reason::UnknownEnumValue)),
        (number("1.5"), Err(Reason::UnknownEnumValue)),
        (Input::Bool(true), Err(Reason::UnknownEnumValue)),
    ] {
        assert_eq!(integer(&column_type, &input), expected, "{input:?}");
    }
    let answers = enum8(&[("false", 0), ("true", 1)]);
    assert_eq!(convert(&answers, &Input::Bool(true)), Ok(vec![1]));
}
