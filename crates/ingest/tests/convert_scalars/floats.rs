//! Floats against the standard library.

use super::*;
use proptest::prelude::*;

fn float64(input: &Input) -> Result<f64, Reason> {
    convert(&ColumnType::Float64, input).map(|bytes| f64::from_le_bytes(bytes.try_into().unwrap()))
}

fn float32(input: &Input) -> Result<f32, Reason> {
    convert(&ColumnType::Float32, input).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn whatever_prints_a_float64_gets_it_back(
        value in prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL | prop::num::f64::ZERO,
    ) {
        for token in [value.to_string(), format!("{value:e}"), serde_json::to_string(&value).unwrap()] {
            let read = float64(&number(&token)).unwrap();
            prop_assert_eq!(read.to_bits(), value.to_bits(), "{}", token);
        }
    }

    #[test]
    fn whatever_prints_a_float32_gets_it_back(
        value in prop::num::f32::NORMAL | prop::num::f32::SUBNORMAL | prop::num::f32::ZERO,
    ) {
        for token in [value.to_string(), format!("{value:e}"), serde_json::to_string(&value).unwrap()] {
            let read = float32(&number(&token)).unwrap();
            prop_assert_eq!(read.to_bits(), value.to_bits(), "{}", token);
        }
    }

    #[test]
    fn a_fraction_is_rounded_to_the_nearest_float(token in "-?(0|[1-9][0-9]{0,20})\\.[0-9]{1,20}") {
        let nearest: f64 = token.parse().unwrap();
        prop_assume!(nearest != 0.0);
        prop_assert_eq!(float64(&number(&token)), Ok(nearest));
        prop_assert_eq!(float32(&number(&token)), Ok(token.parse().unwrap()));
    }

    #[test]
    fn an_integer_keeps_its_value_or_its_digits(value in any::<u64>(), bits in 0u32..64) {
        let value = value >> bits;
        let nearest = value as f64;
        let is_kept = nearest as u128 == u128::from(value) || nearest.to_string() == value.to_string();
        let expected = if is_kept { Ok(nearest) } else { Err(Reason::Lossy) };
        prop_assert_eq!(float64(&number(value)), expected);
        let nearest = value as f32;
        let is_kept = nearest as u128 == u128::from(value) || nearest.to_string() == value.to_string();
        let expected = if is_kept { Ok(nearest) } else { Err(Reason::Lossy) };
        prop_assert_eq!(float32(&number(value)), expected);
    }
}

#[test]
fn nothing_becomes_an_infinity_or_vanishes() {
    assert_eq!(float32(&number("1e50")), Err(Reason::OutOfRange));
    assert_eq!(float32(&number("-1e50")), Err(Reason::OutOfRange));
    assert_eq!(float32(&number("1e-50")), Err(Reason::OutOfRange));
    assert_eq!(float64(&number("1e999")), Err(Reason::OutOfRange));
    assert_eq!(float64(&number("1e-999")), Err(Reason::OutOfRange));
    assert_eq!(float64(&number("0.000e-999")), Ok(0.0));
    assert!(float64(&number("-0")).unwrap().is_sign_negative());
}

#[test]
fn long_integers_are_kept_or_refused() {
    assert_eq!(float64(&number("9007199254740992")), Ok(9007199254740992.0));
    assert_eq!(float64(&number("9007199254740993")), Err(Reason::Lossy));
    assert_eq!(float64(&number("9007199254740993.0")), Ok(9007199254740992.0));
    assert_eq!(float64(&number("123456789012345680000")), Ok(1.2345678901234568e20));
    assert_eq!(float64(&number("123456789012345678901")), Err(Reason::Lossy));
    assert_eq!(float32(&number("16777216")), Ok(16777216.0));
    assert_eq!(float32(&number("16777217")), Err(Reason::Lossy));
}

#[test]
fn values_that_json_numbers_cannot_say_come_as_text() {
    for nan in ["nan", "NaN", "NAN"] {
        assert!(float64(&text(nan)).unwrap().is_nan());
    }
    for infinity in ["inf", "Infinity"] {
        assert_eq!(float64(&text(infinity)), Ok(f64::INFINITY));
        assert_eq!(float32(&text(format!("-{infinity}"))), Ok(f32::NEG_INFINITY));
    }
    for other in ["-nan", "+inf", "", "1.5 ", "1,5", "0x10", "1e", ".5"] {
        assert_eq!(float64(&text(other)), Err(Reason::NotANumber), "{other}");
    }
}
