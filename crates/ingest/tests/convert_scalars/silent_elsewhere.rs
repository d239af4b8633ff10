//! What ClickHouse's own JSON reader changes without a word (seen on 26.9.2), and what happens here.

use super::*;

#[test]
fn integers_do_not_wrap() {
    for (token, column_type) in [
        ("300", uint(8)),
        ("200", int(8)),
        ("-1", uint(8)),
        ("70000", uint(16)),
        ("2147483648", int(32)),
        ("18446744073709551616", uint(64)),
        ("170141183460469231731687303715884105728", int(64)),
    ] {
        assert_eq!(convert(&column_type, &number(token)), Err(Reason::OutOfRange), "{token}");
    }
}

#[test]
fn integers_by_value_are_taken_and_fractions_are_not_cut() {
    assert_eq!(integer(&int(32), &number("1.0")), Ok(1));
    assert_eq!(integer(&int(32), &number("1e3")), Ok(1000));
    assert_eq!(integer(&int(32), &number("1.5")), Err(Reason::Lossy));
    assert_eq!(integer(&uint(8), &text("12")), Ok(12));
    assert_eq!(integer(&uint(8), &Input::Bool(true)), Ok(1));
    for other in ["", " 12", "12 ", "+12", "012", "1_000", "twelve"] {
        assert_eq!(convert(&uint(8), &text(other)), Err(Reason::NotANumber), "{other}");
    }
}

#[test]
fn floats_and_decimals_do_not_overflow_or_truncate() {
    assert_eq!(convert(&ColumnType::Float32, &number("1e50")), Err(Reason::OutOfRange));
    assert_eq!(convert(&decimal(9, 2), &number("1.239")), Err(Reason::Lossy));
    assert_eq!(convert(&decimal(9, 2), &number("12345678.9")), Err(Reason::OutOfRange));
    assert_eq!(integer(&decimal(9, 2), &number("1.230")), Ok(123));
}

#[test]
fn dates_do_not_clamp() {
    for outside in ["1969-12-31", "2200-01-01"] {
        assert_eq!(convert(&ColumnType::Date, &text(outside)), Err(Reason::OutOfRange), "{outside}");
    }
    for outside in ["1899-12-31", "2300-01-01"] {
        assert_eq!(convert(&ColumnType::Date32, &text(outside)), Err(Reason::OutOfRange), "{outside}");
    }
}

#[test]
fn timestamps_in_milliseconds_are_neither_clamped_nor_taken_for_seconds() {
    let tick = 1_704_103_200_123i128;
    assert_eq!(convert(&date_time(), &number(tick)), Err(Reason::Lossy));
    assert_eq!(integer(&date_time(), &number("1704103200000")), Ok(1_704_103_200));
    assert_eq!(integer(&date_time64(3), &number(tick)), Ok(tick));
    assert_eq!(integer(&date_time64(3), &text(tick)), Ok(tick));
    assert_eq!(convert(&date_time(), &text(tick)), Err(Reason::Lossy));
}

#[test]
fn fractions_of_a_second_are_kept_or_refused() {
    assert_eq!(convert(&date_time(), &number("1704103200.5")), Err(Reason::Lossy));
    assert_eq!(integer(&date_time64(3), &number("1704103200.123")), Ok(1_704_103_200_123));
}

#[test]
fn finer_digits_are_not_cut_and_clock_changes_are_not_guessed() {
    let micros = text("2024-01-02T03:04:05.678901Z");
    assert_eq!(convert(&date_time64(3), &micros), Err(Reason::Lossy));
    let berlin = date_time64_in(0, "Europe/Berlin");
    for (local, reason) in [
        ("2024-10-27 02:30:00", Reason::AmbiguousLocalTime),
        ("2024-03-31 02:30:00", Reason::NonexistentLocalTime),
    ] {
        assert_eq!(convert(&berlin, &text(local)), Err(reason), "{local}");
    }
}

#[test]
fn floats_do_not_change_integers() {
    let token = number("9007199254740993");
    assert_eq!(convert(&ColumnType::Float64, &token), Err(Reason::Lossy));
}

#[test]
fn fixed_strings_are_padded_but_not_cut() {
    assert_eq!(convert(&ColumnType::FixedString(3), &text("ab")), Ok(b"ab\0".to_vec()));
    assert_eq!(convert(&ColumnType::FixedString(3), &text("abcd")), Err(Reason::TooLong));
}

#[test]
fn addresses_are_text() {
    assert_eq!(convert(&ColumnType::Ipv4, &number("16909060")), Err(Reason::WrongShape));
    assert_eq!(convert(&ColumnType::Ipv4, &text("1.2.3.4")), Ok(vec![4, 3, 2, 1]));
    let mapped = b"\0\0\0\0\0\0\0\0\0\0\xff\xff\x01\x02\x03\x04".to_vec();
    assert_eq!(convert(&ColumnType::Ipv6, &text("1.2.3.4")), Ok(mapped));
}

#[test]
fn uuids_are_laid_out_as_clickhouse_native_has_them() {
    let expected = b"\x77\x66\x55\x44\x33\x22\x11\x00\xff\xee\xdd\xcc\xbb\xaa\x99\x88".to_vec();
    let uuid = text("00112233-4455-6677-8899-AABBCCDDEEFF");
    assert_eq!(convert(&ColumnType::Uuid, &uuid), Ok(expected));
}
