//! Values with a type: what they are in columns, as text and as JSON.

use super::*;
use forebay_ingest::convert::Value;
use proptest::prelude::*;

fn typed(column: &str, value: Value<'_>) -> Result<Vec<u8>, Reason> {
    let scalar = Scalar::compile(&ColumnType::parse(column).unwrap()).unwrap();
    let mut out = scalar.empty_values();
    scalar.push(value, &mut out).map(|()| bytes(out)).map_err(|error| error.reason)
}

fn written(value: Value<'_>) -> String {
    let mut out = Vec::new();
    value.write_text(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn json(value: Value<'_>) -> String {
    let mut out = Vec::new();
    value.write_json(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn at(seconds: i128, local: bool) -> Value<'static> {
    Value::Timestamp { ticks: seconds * 1_000, precision: 3, local }
}

#[test]
fn integers_go_everywhere_they_fit() {
    let int = Value::Int(-7);
    assert_eq!(typed("Int8", int), Ok((-7_i8).to_le_bytes().to_vec()));
    assert_eq!(typed("UInt8", int), Err(Reason::OutOfRange));
    assert_eq!(typed("Int256", int), Ok([&[0xf9][..], &[0xff; 31]].concat()));
    assert_eq!(typed("UInt128", Value::UInt(u64::MAX)), Ok(u128::from(u64::MAX).to_le_bytes().to_vec()));
    assert_eq!(typed("Float32", Value::Int(16_777_217)), Err(Reason::Lossy));
    assert_eq!(typed("BFloat16", Value::Int(257)), Err(Reason::Lossy));
    assert_eq!(typed("Decimal(9, 2)", int), Ok((-700_i32).to_le_bytes().to_vec()));
    assert_eq!(
        typed("DateTime", Value::Int(1_704_103_200_000)),
        Ok(1_704_103_200_u32.to_le_bytes().to_vec())
    );
    assert_eq!(typed("DateTime", Value::Int(0)), Err(Reason::AmbiguousTimestamp));
    assert_eq!(typed("IPv4", Value::Int(-1)), Ok(vec![255; 4]));
    assert_eq!(typed("Time", int), Ok((-7_i32).to_le_bytes().to_vec()));
    assert_eq!(typed("String", int), Ok(b"-7".to_vec()));
}

#[test]
fn floats_are_numbers_or_say_why_not() {
    assert_eq!(typed("Int64", Value::Float64(1e18)), Ok(10_i64.pow(18).to_le_bytes().to_vec()));
    assert_eq!(typed("Int128", Value::Float64(2_f64.powi(70))), Ok((1_i128 << 70).to_le_bytes().to_vec()));
    assert_eq!(typed("Int64", Value::Float64(0.5)), Err(Reason::Lossy));
    assert_eq!(typed("Int64", Value::Float64(f64::NAN)), Err(Reason::NotANumber));
    assert_eq!(typed("Int64", Value::Float32(f32::INFINITY)), Err(Reason::OutOfRange));
    assert_eq!(typed("Float64", Value::Float32(0.1)), Ok(f64::from(0.1_f32).to_le_bytes().to_vec()));
    assert_eq!(typed("Float32", Value::Float64(0.1)), Ok(0.1_f32.to_le_bytes().to_vec()));
    assert_eq!(typed("Float32", Value::Float64(1e39)), Err(Reason::OutOfRange));
    assert_eq!(typed("Float32", Value::Float64(1e-60)), Err(Reason::OutOfRange));
    assert_eq!(typed("Decimal(9, 2)", Value::Float64(0.1)), Ok(10_i32.to_le_bytes().to_vec()));
    assert_eq!(typed("Decimal(9, 2)", Value::Float32(0.125)), Err(Reason::Lossy));
    assert_eq!(typed("String", Value::Float64(1e300)), Ok(b"1e300".to_vec()));
    assert_eq!(typed("String", Value::Float32(1.0)), Ok(b"1".to_vec()));
}

#[test]
fn bfloat16_is_rounded_once() {
    let bits = |value| {
        typed("BFloat16", Value::Float64(value)).map(|bytes| u16::from_le_bytes([bytes[0], bytes[1]]))
    };
    assert_eq!(bits(1.0), Ok(0x3f80));
    assert_eq!(bits(f64::NAN), Ok(0x7fc0));
    assert_eq!(bits(f64::NEG_INFINITY), Ok(0xff80));
    assert_eq!(bits(3.4e38), Err(Reason::OutOfRange));
    // The middle between two neighbours goes to the even one; a hair more goes up, though a float cannot hold the hair.
    assert_eq!(bits(1.0 + 1.0 / 256.0), Ok(0x3f80));
    assert_eq!(bits(1.0 + 1.0 / 256.0 + 1e-12), Ok(0x3f81));
}

#[test]
fn decimals_keep_every_digit() {
    let decimal = |unscaled, scale| Value::Decimal { unscaled, scale };
    assert_eq!(typed("Decimal(9, 2)", decimal(&[0xff, 0x85], 2)), Ok((-123_i32).to_le_bytes().to_vec()));
    assert_eq!(typed("Decimal(9, 2)", decimal(&[0x7b], 3)), Err(Reason::Lossy));
    assert_eq!(typed("Decimal(9, 2)", decimal(&[0x78], 3)), Ok(12_i32.to_le_bytes().to_vec()));
    assert_eq!(typed("Decimal(9, 2)", decimal(&[1], -9)), Err(Reason::OutOfRange));
    assert_eq!(typed("Decimal(76, 0)", decimal(&[1], -75)).map(|bytes| bytes.len()), Ok(32));
    assert_eq!(typed("Decimal(76, 0)", decimal(&[1; 33], 0)), Err(Reason::OutOfRange));
    assert_eq!(typed("Int64", decimal(&[3, 0xe8], 3)), Ok(1_i64.to_le_bytes().to_vec()));
    assert_eq!(written(decimal(&[0xff, 0x85], 2)), "-1.23");
    assert_eq!(written(decimal(&[5], 3)), "0.005");
    assert_eq!(written(decimal(&[5], -3)), "5000");
    assert_eq!(written(decimal(&[], -3)), "0");
    assert_eq!(written(decimal(&[5], 1_000)), "5e-1000");
    assert_eq!(written(decimal(&[5], i32::MIN)), "5e2147483648");
    assert_eq!(written(decimal(&[0x80, 0, 0, 0, 0, 0, 0, 0, 0], 0)), "-2361183241434822606848");
    let mut out = Vec::new();
    assert!(decimal(&[1; 5_000], 0).write_text(&mut out).is_err() && out.is_empty());
}

#[test]
fn timestamps_and_dates_are_exact() {
    assert_eq!(typed("DateTime64(6)", at(1, false)), Ok(1_000_000_i64.to_le_bytes().to_vec()));
    let micros = Value::Timestamp { ticks: 1_500, precision: 6, local: false };
    assert_eq!(typed("DateTime64(3)", micros), Err(Reason::Lossy));
    assert_eq!(typed("Date", at(86_400, false)), Ok(vec![1, 0]));
    assert_eq!(typed("Date", at(86_401, false)), Err(Reason::Lossy));
    assert_eq!(typed("DateTime64(9)", at(10_000_000_000, false)), Err(Reason::OutOfRange));
    // 2024-03-31 02:30:00 and 2024-10-27 02:30:00 on clocks.
    assert_eq!(
        typed("DateTime('Europe/Berlin')", at(1_711_852_200, true)),
        Err(Reason::NonexistentLocalTime)
    );
    assert_eq!(typed("DateTime('Europe/Berlin')", at(1_729_996_200, true)), Err(Reason::AmbiguousLocalTime));
    let midnight = typed("DateTime('Europe/Berlin')", Value::Date { days: 19_724 });
    assert_eq!(midnight, Ok((19_724 * 86_400 - 3_600_u32).to_le_bytes().to_vec()));
    assert_eq!(written(at(-1, false)), "1969-12-31T23:59:59.000Z");
    assert_eq!(written(at(1_709_164_800, true)), "2024-02-29T00:00:00.000");
    assert_eq!(written(Value::Date { days: -800_000 }), "-0221-09-04");
    assert_eq!(written(Value::Date { days: 5_000_000 }), "+15659-07-15");
    assert_eq!(written(Value::TimeOfDay { ticks: 45_000_500, precision: 3 }), "12:30:00.500");
}

#[test]
fn times_of_day_are_text_or_seconds() {
    let text = |column, text| typed(column, Value::Text(text));
    assert_eq!(text("Time", "12:30"), Ok(45_000_i32.to_le_bytes().to_vec()));
    assert_eq!(text("Time64(3)", "-999:59:59.999"), Ok((-3_599_999_999_i64).to_le_bytes().to_vec()));
    assert_eq!(text("Time64(1)", "00:00:00.50"), Ok(5_i64.to_le_bytes().to_vec()));
    assert_eq!(text("Time", "00:00:00.5"), Err(Reason::Lossy));
    assert_eq!(text("Time", "1000:00:00"), Err(Reason::OutOfRange));
    assert_eq!(text("Time", "5.0"), Ok(5_i32.to_le_bytes().to_vec()));
    for wrong in
        ["12:60", "12:30:60", "12", ":30", "12:3", "12:30:", "12:30:00.", "12:30:00x", "+12:30", "noon"]
    {
        let is_number = wrong == "12";
        assert_eq!(text("Time", wrong).is_ok(), is_number, "{wrong}");
    }
    let millis = |months| Value::Duration { months, days: 0, millis: 1_500 };
    assert_eq!(typed("Time64(3)", millis(0)), Ok(1_500_i64.to_le_bytes().to_vec()));
    assert_eq!(typed("Time64(3)", millis(1)), Err(Reason::Lossy));
    assert_eq!(
        typed("Decimal(9, 3)", Value::Interval { nanos: -1_500_000_000 }),
        Ok((-1_500_i32).to_le_bytes().to_vec())
    );
    assert_eq!(written(Value::Interval { nanos: -1_500_000_000 }), "-1.500s");
    assert_eq!(written(millis(14)), "P14MT1.500S");
    assert_eq!(written(Value::Duration { months: 0, days: 0, millis: 0 }), "PT0S");
}

#[test]
fn bytes_are_bytes() {
    let ten: Vec<u8> = (0..16).collect();
    let uuid = typed("UUID", Value::Bytes(&ten)).unwrap();
    assert_eq!(uuid, typed("UUID", Value::Text("00010203-0405-0607-0809-0a0b0c0d0e0f")).unwrap());
    assert_eq!(uuid, typed("UUID", Value::Uuid(ten.as_slice().try_into().unwrap())).unwrap());
    assert_eq!(typed("IPv6", Value::Bytes(&ten)), Ok(ten.clone()));
    assert_eq!(typed("IPv4", Value::Bytes(&[1, 2, 3, 4])), typed("IPv4", Value::Text("1.2.3.4")));
    assert_eq!(typed("Int128", Value::Bytes(&ten)), Ok(ten.clone()));
    assert_eq!(typed("Int64", Value::Bytes(&ten[..8])), Err(Reason::WrongShape));
    assert_eq!(typed("String", Value::Bytes(&[0xff])), Ok(vec![0xff]));
    assert_eq!(json(Value::Bytes(b"any carnal pleas")), "\"YW55IGNhcm5hbCBwbGVhcw==\"");
    assert_eq!(json(Value::Text("a\"\\\n\u{1}é")), "\"a\\\"\\\\\\n\\u0001é\"");
    assert_eq!(json(Value::Float64(f64::NAN)), "\"nan\"");
    assert_eq!(json(Value::Symbol { name: "", number: Some(-3) }), "-3");
}

#[test]
fn symbols_go_by_name_then_number() {
    let column = "Enum8('a' = 1, 'b' = 2)";
    let symbol = |name, number| Value::Symbol { name, number };
    assert_eq!(typed(column, symbol("b", Some(1))), Ok(vec![2]));
    assert_eq!(typed(column, symbol("COLOR_B", Some(2))), Ok(vec![2]));
    assert_eq!(typed(column, symbol("COLOR_B", None)), Err(Reason::UnknownEnumValue));
    assert_eq!(typed("Int8", symbol("b", Some(2))), Ok(vec![2]));
    assert_eq!(typed("Int8", symbol("b", None)), Err(Reason::WrongShape));
}

proptest! {
    #[test]
    fn an_integer_and_its_digits_mean_the_same(
        column in prop::sample::select(vec!["Int8", "UInt32", "Int64", "UInt64", "Int128", "UInt256", "Float64",
            "BFloat16", "Decimal(18, 4)", "Decimal(60, 10)", "String", "Bool", "Date", "DateTime64(3)", "Time"]),
        value: i64, shift in 0_u32..64,
    ) {
        let value = value >> shift;
        let scalar = Scalar::compile(&ColumnType::parse(column).unwrap()).unwrap();
        let mut out = scalar.empty_values();
        let as_number = scalar.push_number(&value.to_string(), &mut out).map(|()| bytes(out));
        // Of a float JSON also takes the digits that a program prints for it.
        let is_float = matches!(column, "Float64" | "BFloat16");
        match typed(column, Value::Int(value)) {
            Err(Reason::Lossy) if is_float => {}
            typed => prop_assert_eq!(typed, as_number.map_err(|error| error.reason)),
        }
    }

    #[test]
    fn a_decimal_and_its_text_mean_the_same(
        column in prop::sample::select(vec!["Int64", "Decimal(9, 2)", "Decimal(38, 10)", "Decimal(76, 40)", "Float64"]),
        unscaled: i128, shift in 0_u32..128, scale in -5_i32..50,
    ) {
        let unscaled = (unscaled >> shift.min(127)).to_be_bytes();
        let value = Value::Decimal { unscaled: &unscaled, scale };
        let text = written(value);
        prop_assert_eq!(typed(column, value), typed(column, Value::Text(&text)));
    }

    #[test]
    fn a_timestamp_and_its_text_mean_the_same(seconds in -3_000_000_000_i128..11_000_000_000, nanos in 0_i128..1_000_000_000) {
        let value = Value::Timestamp { ticks: seconds * 1_000_000_000 + nanos, precision: 9, local: false };
        let text = written(value);
        for column in ["DateTime", "DateTime64(3)", "DateTime64(9)"] {
            prop_assert_eq!(typed(column, value), typed(column, Value::Text(&text)));
        }
    }

    #[test]
    fn json_text_reads_back(text: String) {
        let value: String = serde_json::from_str(&json(Value::Text(&text))).unwrap();
        prop_assert_eq!(value, text);
    }
}
