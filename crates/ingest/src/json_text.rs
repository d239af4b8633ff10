//! Writes values of formats with a schema as JSON text: for String and JSON columns that take whole records, lists and maps.
//!
//! Numbers stay numbers, decimals included, whatever their size; what JSON has no form for is text: dates and times in
//! ISO 8601, bytes in base64, `"NaN"`, `"Infinity"` and `"-Infinity"`.

use crate::convert::{ConvertError, Value, write_json_text};
use std::io::Write;

/// Appends one value.
///
/// # Errors
/// Of a decimal that is too long to have a text; `out` may have grown.
pub fn push_value(out: &mut Vec<u8>, value: Value<'_>) -> Result<(), ConvertError> {
    match value {
        Value::Float32(float) if !float.is_finite() => push_infinite(out, float.into()),
        Value::Float64(float) if !float.is_finite() => push_infinite(out, float),
        Value::Decimal { .. } => return value.write_text(out),
        Value::Duration { months, days, millis } => push_duration(out, months, days, millis),
        other => return other.write_json(out),
    }
    Ok(())
}

/// Appends text in quotes, escaped.
pub fn push_string(out: &mut Vec<u8>, text: &str) {
    write_json_text(out, text);
}

/// Appends the name of an object's member, with the colon and with a comma before it unless it is the first.
pub fn push_name(out: &mut Vec<u8>, name: &str) {
    push_comma(out);
    write_json_text(out, name);
    out.push(b':');
}

/// Appends a comma unless an array or object has just begun.
pub fn push_comma(out: &mut Vec<u8>) {
    if !matches!(out.last(), None | Some(b'[' | b'{')) {
        out.push(b',');
    }
}

fn push_infinite(out: &mut Vec<u8>, float: f64) {
    let name: &[u8] = match float {
        _ if float.is_nan() => b"\"NaN\"",
        _ if float > 0.0 => b"\"Infinity\"",
        _ => b"\"-Infinity\"",
    };
    out.extend_from_slice(name);
}

fn push_duration(out: &mut Vec<u8>, months: u32, days: u32, millis: u32) {
    let written = write!(out, r#"{{"months":{months},"days":{days},"millis":{millis}}}"#);
    written.expect("a vector takes all that is written");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: Value<'_>) -> String {
        let mut out = Vec::new();
        push_value(&mut out, value).expect("the value has a text");
        String::from_utf8(out).expect("JSON is text")
    }

    #[test]
    fn every_kind_of_value_is_valid_json() {
        let values = [
            (Value::Bool(true), "true"),
            (Value::Int(i64::MIN), "-9223372036854775808"),
            (Value::UInt(u64::MAX), "18446744073709551615"),
            (Value::Float32(0.1), "0.1"),
            (Value::Float64(1e300), "1e300"),
            (Value::Float64(f64::NAN), "\"NaN\""),
            (Value::Float32(f32::INFINITY), "\"Infinity\""),
            (Value::Float64(f64::NEG_INFINITY), "\"-Infinity\""),
            (Value::Text("a\"\\\n\u{1}é"), r#""a\"\\\n\u0001é""#),
            (Value::Bytes(&[0, 255, 16, 7]), "\"AP8QBw==\""),
            (Value::Symbol { name: "UP", number: None }, "\"UP\""),
            (Value::Decimal { unscaled: &[0xfb, 0x2e], scale: 2 }, "-12.34"),
            (Value::Date { days: 19_724 }, "\"2024-01-02\""),
            (Value::TimeOfDay { ticks: 45_000_500, precision: 3 }, "\"12:30:00.500\""),
            (
                Value::Timestamp { ticks: 1_704_164_645_678, precision: 3, local: false },
                "\"2024-01-02T03:04:05.678Z\"",
            ),
            (
                Value::Timestamp { ticks: 1_704_164_645_678, precision: 3, local: true },
                "\"2024-01-02T03:04:05.678\"",
            ),
            (Value::Uuid([0x11; 16]), "\"11111111-1111-1111-1111-111111111111\""),
            (Value::Duration { months: 1, days: 2, millis: 3 }, r#"{"months":1,"days":2,"millis":3}"#),
        ];
        for (value, expected) in values {
            assert_eq!(text(value), expected);
            serde_json::from_str::<serde_json::Value>(expected).expect("valid JSON");
        }
    }

    #[test]
    fn members_and_items_are_separated() {
        let mut out = b"{".to_vec();
        push_name(&mut out, "a");
        out.push(b'[');
        for item in ["x", "y"] {
            push_comma(&mut out);
            push_string(&mut out, item);
        }
        out.push(b']');
        push_name(&mut out, "b");
        out.extend_from_slice(b"1}");
        assert_eq!(out, br#"{"a":["x","y"],"b":1}"#);
    }
}
