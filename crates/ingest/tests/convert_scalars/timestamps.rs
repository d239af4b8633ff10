//! Dates and timestamps against jiff.

use super::*;
use jiff::{Timestamp, civil, tz};
use proptest::prelude::*;

const NANOS: i128 = 1_000_000_000;

fn nanos(second: &str) -> i128 {
    second.parse::<Timestamp>().unwrap().as_nanosecond()
}

/// Points in time that DateTime64 holds, cut to a precision.
fn instants() -> impl Strategy<Value = (Timestamp, u8)> {
    let range = nanos("1900-01-01T00:00:00Z")..nanos("2299-12-31T23:59:59Z");
    (range, 0u8..=8).prop_map(|(nanos, precision)| {
        let tick = 10i128.pow(9 - u32::from(precision));
        let instant = Timestamp::from_nanosecond(nanos.div_euclid(tick) * tick).unwrap();
        (instant, precision)
    })
}

/// The value a DateTime64 of the precision holds for an instant.
fn ticks(instant: Timestamp, precision: u8) -> i128 {
    instant.as_nanosecond().div_euclid(10i128.pow(9 - u32::from(precision)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn an_instant_is_the_same_in_every_offset_and_spelling(
        (instant, precision) in instants(),
        offset_minutes in -14 * 60..=14 * 60i32,
        has_t in any::<bool>(),
        has_colon in any::<bool>(),
        extra_zeros in 0usize..5,
    ) {
        let offset = tz::Offset::from_seconds(offset_minutes * 60).unwrap();
        let local = offset.to_datetime(instant);
        let separator = if has_t { 'T' } else { ' ' };
        let colon = if has_colon { ":" } else { "" };
        let sign = if offset_minutes < 0 { '-' } else { '+' };
        let (hours, minutes) = (offset_minutes.abs() / 60, offset_minutes.abs() % 60);
        let fraction = format!("{:09}", local.subsec_nanosecond());
        let spelled = format!(
            "{}{separator}{}.{fraction}{}{sign}{hours:02}{colon}{minutes:02}",
            local.date(),
            local.strftime("%H:%M:%S"),
            "0".repeat(extra_zeros),
        );
        let expected = Ok(ticks(instant, precision));
        prop_assert_eq!(integer(&date_time64(precision), &text(&spelled)), expected, "{}", spelled);
    }

    #[test]
    fn a_local_time_is_placed_by_the_time_zone_or_refused_as_ambiguous(
        (instant, precision) in instants(),
        name in prop::sample::select(vec!["Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "UTC"]),
    ) {
        let zoned = instant.to_zoned(tz::TimeZone::get(name).unwrap());
        // Offsets of local mean time have seconds; printed and read back they are still exact.
        let spelled = zoned.datetime().to_string();
        let fold = zoned.time_zone().to_ambiguous_timestamp(zoned.datetime()).is_ambiguous();
        let expected = if fold { Err(Reason::AmbiguousLocalTime) } else { Ok(ticks(instant, precision)) };
        prop_assert_eq!(integer(&date_time64_in(precision, name), &text(&spelled)), expected, "{}", spelled);
    }

    #[test]
    fn what_is_finer_than_the_column_is_lossy((instant, precision) in instants(), digit in 1u8..=9) {
        let local = tz::Offset::UTC.to_datetime(instant);
        let fraction = format!("{:09}", local.subsec_nanosecond());
        let kept = &fraction[..usize::from(precision)];
        let spelled = format!("{}.{kept}{digit}Z", local.strftime("%Y-%m-%dT%H:%M:%S"));
        prop_assert_eq!(convert(&date_time64(precision), &text(&spelled)), Err(Reason::Lossy));
    }

    #[test]
    fn a_number_is_read_in_the_unit_its_magnitude_tells(
        nanos in nanos("1990-01-01T00:00:00Z")..nanos("2101-01-01T00:00:00Z"),
        unit in prop::sample::select(vec![0u32, 3, 6, 9]),
        is_text in any::<bool>(),
    ) {
        let tick = 10i128.pow(9 - unit);
        let count = nanos / tick;
        let input = if is_text { text(count) } else { number(count) };
        prop_assert_eq!(integer(&date_time64(9), &input), Ok(count * tick));
        let exponent_form = number(format!("{count}0e-1"));
        prop_assert_eq!(integer(&date_time64(9), &exponent_form), Ok(count * tick));
    }

    #[test]
    fn seconds_may_have_a_fraction(
        nanos in nanos("1990-01-01T00:00:00Z")..nanos("2101-01-01T00:00:00Z"),
    ) {
        let token = format!("{}.{:09}", nanos / NANOS, nanos % NANOS);
        prop_assert_eq!(integer(&date_time64(9), &number(token)), Ok(nanos));
    }

    #[test]
    fn a_number_of_unclear_unit_is_never_a_timestamp(value in any::<i64>(), shift in 0u32..64) {
        let value = i128::from(value >> shift);
        let (first, next) = (nanos("1990-01-01T00:00:00Z"), nanos("2101-01-01T00:00:00Z"));
        let is_clear = [1, 1_000, 1_000_000, 1_000_000_000]
            .iter()
            .any(|per_second| (first..next).contains(&(value * NANOS / per_second)));
        let result = convert(&date_time64(9), &number(value));
        prop_assert_eq!(result == Err(Reason::AmbiguousTimestamp), !is_clear);
    }

    #[test]
    fn a_date_exists_exactly_when_the_calendar_has_it(
        year in 1900i16..2300, month in 0i8..20, day in 0i8..40,
    ) {
        let spelled = format!("{year:04}-{month:02}-{day:02}");
        let exists = civil::Date::new(year, month, day).is_ok();
        let expected = if exists { None } else { Some(Reason::NotATimestamp) };
        prop_assert_eq!(convert(&ColumnType::Date32, &text(&spelled)).err(), expected);
        prop_assert_eq!(convert(&date_time64(3), &text(spelled)).err(), expected);
    }
}

#[test]
fn every_day_of_date32_is_counted_right() {
    let first = civil::date(1900, 1, 1);
    let last = civil::date(2299, 12, 31);
    let days = first.series(jiff::Span::new().days(1)).take_while(|day| *day <= last);
    for (index, day) in days.enumerate() {
        let expected = index as i128 - 25_567;
        assert_eq!(integer(&ColumnType::Date32, &text(day)), Ok(expected), "{day}");
    }
}

#[test]
fn accepted_forms_of_a_timestamp() {
    let noon = 1_704_196_800;
    for spelled in [
        "2024-01-02T12:00:00Z",
        "2024-01-02t12:00:00z",
        "2024-01-02 12:00:00",
        "2024-01-02 12:00",
        "2024-01-02T12:00Z",
        "2024-01-02 12:00:00.000",
        "2024-01-02 12:00:00,000",
        "2024-01-02 12:00:00 UTC",
        "2024-01-02 12:00:00 GMT",
        "2024-01-02 12:00:00 +0000",
        "2024-01-02T12:00:00-00:00",
        "2024-01-02T14:00:00+02",
        "2024-01-02T17:45:00+0545",
        "2024-01-02T08:30:00-03:30",
        "2024-01-02T12:00:00.000000000000",
        "1704196800",
        "1704196800000",
        "1704196800000000",
        "1704196800000000000",
        "1704196800.000",
        "1.7041968e9",
    ] {
        assert_eq!(integer(&date_time(), &text(spelled)), Ok(noon), "{spelled}");
    }
    assert_eq!(integer(&date_time(), &text("2024-01-02")), Ok(noon - 43_200));
}

#[test]
fn text_that_is_no_timestamp_is_refused() {
    for other in [
        "",
        "yesterday",
        "12:00:00",
        "2024",
        "20240102",
        "2024-1-2",
        "++ +-00-Ze",
        "2024-::-02",
        "2024-01",
        "24-01-02",
        "02/01/2024",
        "2024/01/02",
        "2024-02-30",
        "2023-02-29",
        "2024-13-01",
        "2024-01-02T",
        "2024-01-02T12",
        "2024-01-02T24:00:00Z",
        "2024-01-02T12:60:00Z",
        "2024-01-02T12:00:61Z",
        "2024-01-02T12:00:00.Z",
        "2024-01-02T12:00:00+",
        "2024-01-02T12:00:00+2",
        "2024-01-02T12:00:00+24:00",
        "2024-01-02T12:00:00+02:60",
        "2024-01-02T12:00:00+02:00 ",
        "2024-01-02T12:00:00  Z",
        "2024-01-02T12:00:00 Europe/Berlin",
        "2024-01-02Z",
        "2024-01-02_12:00:00",
        "+2024-01-02T12:00:00Z",
        " 2024-01-02T12:00:00Z",
        "２024-01-02",
        "Tue, 02 Jan 2024 12:00:00 GMT",
    ] {
        let expected = match other {
            "2024" | "20240102" => Reason::AmbiguousTimestamp,
            _ => Reason::NotATimestamp,
        };
        assert_eq!(convert(&date_time(), &text(other)), Err(expected), "{other}");
        assert_eq!(convert(&date_time64(3), &text(other)), Err(expected), "{other}");
    }
}

#[test]
fn daylight_saving_time_is_never_guessed() {
    let column_type = date_time64_in(0, "Europe/Berlin");
    for (spelled, expected) in [
        ("2024-03-31 01:59:59", Ok(1_711_846_799)),
        ("2024-03-31 02:30:00", Err(Reason::NonexistentLocalTime)),
        ("2024-03-31 03:00:00", Ok(1_711_846_800)),
        ("2024-10-27 01:59:59", Ok(1_729_987_199)),
        ("2024-10-27 02:30:00", Err(Reason::AmbiguousLocalTime)),
        ("2024-10-27 02:30:00+02:00", Ok(1_729_989_000)),
        ("2024-10-27 02:30:00+01:00", Ok(1_729_992_600)),
        ("2024-10-27 03:00:00", Ok(1_729_994_400)),
        ("2024-07-01", Ok(1_719_784_800)),
        ("1719784800", Ok(1_719_784_800)),
    ] {
        assert_eq!(integer(&column_type, &text(spelled)), expected, "{spelled}");
    }
}

#[test]
fn a_leap_second_has_no_value() {
    let leap_second = text("2016-12-31T23:59:60Z");
    assert_eq!(convert(&date_time(), &leap_second), Err(Reason::Lossy));
}

#[test]
fn timestamps_outside_the_column_are_out_of_range() {
    let of = |column_type: &ColumnType, spelled| integer(column_type, &text(spelled));
    assert_eq!(of(&date_time(), "1970-01-01T00:00:00Z"), Ok(0));
    assert_eq!(of(&date_time(), "1970-01-01T00:00:00+00:01"), Err(Reason::OutOfRange));
    assert_eq!(convert(&date_time(), &text("2106-02-07T06:28:15Z")), Ok(vec![0xff; 4]));
    assert_eq!(of(&date_time(), "2106-02-07T06:28:16Z"), Err(Reason::OutOfRange));
    assert_eq!(of(&date_time64(3), "1900-01-01T00:00:00Z"), Ok(-2_208_988_800_000));
    assert_eq!(of(&date_time64(3), "1899-12-31T23:59:59.999Z"), Err(Reason::OutOfRange));
    assert_eq!(of(&date_time64(8), "2299-12-31T23:59:59.99999999000Z"), Ok(1_041_379_199_999_999_999));
    assert_eq!(of(&date_time64(3), "2300-01-01T00:00:00Z"), Err(Reason::OutOfRange));
    let last = "2262-04-11T23:47:16.854775807Z";
    assert_eq!(of(&date_time64(9), last), Ok(i64::MAX.into()));
    assert_eq!(of(&date_time64(9), "2262-04-11T23:47:16.854775808Z"), Err(Reason::OutOfRange));
    assert_eq!(of(&date_time64(3), "1969-12-31T23:59:59.001Z"), Ok(-999));
}

#[test]
fn a_date_is_a_day_or_a_midnight() {
    let day = 19_724;
    for input in [
        text("2024-01-02"),
        text("2024-01-02T00:00:00"),
        text("2024-01-02 00:00:00.000Z"),
        text("2024-01-02T00:00+00:00"),
        number(day),
        text(day),
        number("1704153600"),
        number("1704153600000"),
        number("1704153600000000000"),
    ] {
        assert_eq!(integer(&ColumnType::Date, &input), Ok(day), "{input:?}");
        assert_eq!(integer(&ColumnType::Date32, &input), Ok(day), "{input:?}");
    }
    for (input, reason) in [
        (text("2024-01-02T00:00:01"), Reason::Lossy),
        (text("2024-01-02T00:00:00.001"), Reason::Lossy),
        (text("2024-01-02T00:00:00+01:00"), Reason::Lossy),
        (number("1704153601"), Reason::Lossy),
        (number("1704153600001"), Reason::Lossy),
        (number("19724.5"), Reason::Lossy),
        (number("0"), Reason::AmbiguousTimestamp),
        (number("-1"), Reason::AmbiguousTimestamp),
        (number("7304"), Reason::AmbiguousTimestamp),
        (number("47847"), Reason::AmbiguousTimestamp),
        (number("20240102"), Reason::AmbiguousTimestamp),
        (number("1e300"), Reason::AmbiguousTimestamp),
        (text("2024-02-30"), Reason::NotATimestamp),
    ] {
        assert_eq!(convert(&ColumnType::Date, &input), Err(reason), "{input:?}");
    }
}
