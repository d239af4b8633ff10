//! Dates and timestamps: ISO 8601 text, and numbers whose unit their magnitude tells.

use super::{
    Reason,
    number::{Plain, is_json_number, scaled, split_digits},
};
use jiff::{civil, tz};

const SECONDS_PER_DAY: i64 = 86_400;
const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// 1990-01-01 and 2101-01-01 in days since the epoch: between them, no number is a plausible time in two units.
const NUMBER_DAYS: std::ops::Range<i64> = 7_305..47_847;

/// 1900-01-01 to 2299-12-31, what Date32 and DateTime64 are documented to hold.
const WIDE_DAYS: std::ops::RangeInclusive<i64> = -25_567..=120_529;

/// The same in seconds.
const WIDE_SECONDS: std::ops::Range<i64> =
    *WIDE_DAYS.start() * SECONDS_PER_DAY..(*WIDE_DAYS.end() + 1) * SECONDS_PER_DAY;

/// A point in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Instant {
    /// Whole seconds since the epoch, rounded down.
    pub(super) seconds: i64,
    /// Nanoseconds after `seconds`, 0..1_000_000_000.
    pub(super) nanos: u32,
}

/// The zone of local times that name no offset.
#[derive(Clone, Debug)]
pub(super) enum Zone {
    Utc,
    Named(tz::TimeZone),
}

impl Zone {
    /// The zone of an IANA name; `None` when the bundled tz database does not know it.
    pub(super) fn named(name: &str) -> Option<Self> {
        let zone = tz::TimeZone::get(name).ok()?;
        Some(if zone == tz::TimeZone::UTC { Self::Utc } else { Self::Named(zone) })
    }

    /// As [`Self::offset_at`], of seconds since the epoch on local clocks.
    fn offset_at_seconds(&self, seconds: i64) -> Result<i64, Reason> {
        if matches!(self, Self::Utc) {
            return Ok(0);
        }
        let in_range = WIDE_SECONDS.contains(&seconds);
        let local = in_range.then(|| Local::from_seconds(seconds)).ok_or(Reason::OutOfRange)?;
        self.offset_at(&local)
    }

    /// Seconds east of UTC at a local time.
    fn offset_at(&self, local: &Local) -> Result<i64, Reason> {
        let Self::Named(zone) = self else {
            return Ok(0);
        };
        match zone.to_ambiguous_timestamp(local.to_civil()).offset() {
            tz::AmbiguousOffset::Unambiguous { offset } => Ok(i64::from(offset.seconds())),
            tz::AmbiguousOffset::Gap { .. } => Err(Reason::NonexistentLocalTime),
            tz::AmbiguousOffset::Fold { .. } => Err(Reason::AmbiguousLocalTime),
        }
    }
}

/// A number or text as a point in time, for DateTime and DateTime64.
impl Instant {
    /// `zone` is that of text without an offset.
    pub(super) fn from_text(text: &str, zone: &Zone) -> Result<Self, Reason> {
        let written = match Written::parse(text) {
            Err(Reason::NotATimestamp) if is_json_number(text) => return Self::from_number(text),
            written => written?,
        };
        let offset = match written.offset {
            Some(offset) => offset,
            None => zone.offset_at(&written.local)?,
        };
        Ok(Self { seconds: written.local.seconds() - offset, nanos: written.nanos })
    }

    /// Seconds, milliseconds, microseconds or nanoseconds since the epoch, whichever lies in the years 1990 to 2100.
    pub(super) fn from_number(token: &str) -> Result<Self, Reason> {
        match Plain::of(token).and_then(Plain::integer) {
            Some((false, magnitude)) => Self::from_integer(magnitude),
            _ => Self::from_billionths(billionths(token)?),
        }
    }

    /// As [`Self::from_number`].
    pub(super) fn from_integer(magnitude: u64) -> Result<Self, Reason> {
        let per_second = units_per_second(magnitude).ok_or(Reason::AmbiguousTimestamp)?;
        let nanos = magnitude % per_second * (NANOS_PER_SECOND as u64 / per_second);
        Ok(Self { seconds: (magnitude / per_second) as i64, nanos: nanos as u32 })
    }

    /// 10^-`precision` seconds since the epoch, or since its midnight on the clocks of `local`.
    pub(super) fn from_ticks(ticks: i128, precision: u8, local: Option<&Zone>) -> Result<Self, Reason> {
        let per_second = 10_i64.pow(precision.min(9).into());
        let nanos_per_tick = NANOS_PER_SECOND / per_second;
        // Dividing 128 bits takes several times as long, and hardly any time needs them.
        let (seconds, nanos) = match i64::try_from(ticks) {
            Ok(ticks) => (ticks.div_euclid(per_second), ticks.rem_euclid(per_second) * nanos_per_tick),
            Err(_) => {
                let (per_second, nanos_per_tick) = (i128::from(per_second), i128::from(nanos_per_tick));
                let seconds = i64::try_from(ticks.div_euclid(per_second)).map_err(|_| Reason::OutOfRange)?;
                (seconds, (ticks.rem_euclid(per_second) * nanos_per_tick) as i64)
            }
        };
        let offset = local.map_or(Ok(0), |zone| zone.offset_at_seconds(seconds))?;
        Ok(Self { seconds: seconds.saturating_sub(offset), nanos: nanos as u32 })
    }

    /// Midnight on the clocks of `zone`.
    pub(super) fn from_days(days: i64, zone: &Zone) -> Result<Self, Reason> {
        Self::from_ticks(i128::from(days) * i128::from(SECONDS_PER_DAY), 0, Some(zone))
    }

    /// Days since the epoch of a time that is midnight in UTC.
    pub(super) fn to_days(self) -> Result<i64, Reason> {
        if self.seconds % SECONDS_PER_DAY == 0 && self.nanos == 0 {
            Ok(self.seconds / SECONDS_PER_DAY)
        } else {
            Err(Reason::Lossy)
        }
    }

    fn from_billionths(value: i128) -> Result<Self, Reason> {
        let whole = u64::try_from(value.div_euclid(NANOS_PER_SECOND.into())).ok();
        let per_second = whole.and_then(units_per_second).ok_or(Reason::AmbiguousTimestamp)?;
        let nanos = exact_quotient(value, per_second.into())?;
        let nanos_per_second = i128::from(NANOS_PER_SECOND);
        Ok(Self { seconds: (nanos / nanos_per_second) as i64, nanos: (nanos % nanos_per_second) as u32 })
    }

    /// The value of a DateTime.
    pub(super) fn to_date_time(self) -> Result<u32, Reason> {
        let seconds = u32::try_from(self.seconds).map_err(|_| Reason::OutOfRange)?;
        if self.nanos == 0 { Ok(seconds) } else { Err(Reason::Lossy) }
    }

    /// The value of a DateTime64.
    pub(super) fn to_date_time64(self, ticks: Ticks) -> Result<i64, Reason> {
        if !WIDE_SECONDS.contains(&self.seconds) {
            return Err(Reason::OutOfRange);
        }
        if !self.nanos.is_multiple_of(ticks.nanos) {
            return Err(Reason::Lossy);
        }
        let fraction = i64::from(self.nanos / ticks.nanos);
        self.seconds
            .checked_mul(ticks.per_second)
            .and_then(|whole| whole.checked_add(fraction))
            .ok_or(Reason::OutOfRange)
    }
}

/// The unit of a DateTime64.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticks {
    per_second: i64,
    /// Nanoseconds a tick.
    nanos: u32,
}

impl Ticks {
    /// Whether they are of 10^-`precision` seconds.
    pub(super) fn are_of(self, precision: u8) -> bool {
        self.per_second == 10_i64.pow(precision.min(9).into())
    }

    /// The value of a DateTime64 of so many ticks.
    pub(super) fn checked(self, ticks: i128) -> Result<i64, Reason> {
        let per_second = i128::from(self.per_second);
        let (start, end) = (i128::from(WIDE_SECONDS.start), i128::from(WIDE_SECONDS.end));
        let in_range = (start * per_second..end * per_second).contains(&ticks);
        i64::try_from(ticks).ok().filter(|_| in_range).ok_or(Reason::OutOfRange)
    }

    /// Nanoseconds a tick.
    pub(super) fn nanos(self) -> u32 {
        self.nanos
    }

    /// Ticks of 10^-`precision` seconds.
    pub(super) fn of(precision: u8) -> Self {
        let per_second = 10u32.pow(precision.into());
        Self { per_second: per_second.into(), nanos: 1_000_000_000 / per_second }
    }
}

/// Days since the epoch of a date, or of a timestamp that is midnight as written.
pub(super) fn days_from_text(text: &str) -> Result<i64, Reason> {
    let written = match Written::parse(text) {
        Err(Reason::NotATimestamp) if is_json_number(text) => return days_from_number(text),
        written => written?,
    };
    let is_midnight = written.local.second_of_day == 0 && written.nanos == 0;
    if is_midnight && matches!(written.offset, None | Some(0)) {
        Ok(written.local.days())
    } else {
        Err(Reason::Lossy)
    }
}

/// Days since the epoch of a number of days, or of a timestamp that is midnight in UTC.
pub(super) fn days_from_number(token: &str) -> Result<i64, Reason> {
    let value = billionths(token)?;
    let per_unit = i128::from(NANOS_PER_SECOND);
    let days = i64::try_from(value.div_euclid(per_unit)).map_err(|_| Reason::AmbiguousTimestamp)?;
    if NUMBER_DAYS.contains(&days) {
        return exact_quotient(value, per_unit).map(|_| days);
    }
    Instant::from_billionths(value)?.to_days()
}

/// The value of a Date.
pub(super) fn to_date(days: i64) -> Result<u16, Reason> {
    u16::try_from(days).map_err(|_| Reason::OutOfRange)
}

/// The value of a Date32.
pub(super) fn to_date32(days: i64) -> Result<i32, Reason> {
    match i32::try_from(days) {
        Ok(value) if WIDE_DAYS.contains(&days) => Ok(value),
        _ => Err(Reason::OutOfRange),
    }
}

/// How many of the number's units make a second, when that is certain.
fn units_per_second(magnitude: u64) -> Option<u64> {
    const FIRST: u64 = (NUMBER_DAYS.start * SECONDS_PER_DAY) as u64;
    const NEXT: u64 = (NUMBER_DAYS.end * SECONDS_PER_DAY) as u64;
    [1, 1_000, 1_000_000, 1_000_000_000]
        .into_iter()
        .find(|per_second| (FIRST * per_second..NEXT * per_second).contains(&magnitude))
}

/// A number in billionths, so that fractions of any unit stay exact.
fn billionths(token: &str) -> Result<i128, Reason> {
    scaled(token, 9).map_err(|reason| match reason {
        Reason::OutOfRange => Reason::AmbiguousTimestamp,
        other => other,
    })
}

fn exact_quotient(value: i128, divisor: i128) -> Result<i128, Reason> {
    if value % divisor == 0 { Ok(value / divisor) } else { Err(Reason::Lossy) }
}

const DAYS_FROM_0000_03_01_TO_EPOCH: i64 = 719_468;

/// Year, month and day of a number of days since the epoch, in the Gregorian calendar of any year.
pub(super) fn civil_from_days(days: i64) -> (i64, u8, u8) {
    const DAYS_PER_ERA: i64 = 146_097;
    let days = days.saturating_add(DAYS_FROM_0000_03_01_TO_EPOCH);
    let (era, day) = (days.div_euclid(DAYS_PER_ERA), days.rem_euclid(DAYS_PER_ERA));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year + i64::from(month <= 2), month as u8, day_of_month as u8)
}

/// A date and time of day as written.
struct Local {
    year: i16,
    month: i8,
    day: i8,
    second_of_day: i32,
}

impl Local {
    /// `seconds` since the epoch; of the years 1900 to 2299.
    fn from_seconds(seconds: i64) -> Self {
        let (year, month, day) = civil_from_days(seconds.div_euclid(SECONDS_PER_DAY));
        let second_of_day = seconds.rem_euclid(SECONDS_PER_DAY) as i32;
        Self { year: year as i16, month: month as i8, day: day as i8, second_of_day }
    }

    fn seconds(&self) -> i64 {
        self.days() * SECONDS_PER_DAY + i64::from(self.second_of_day)
    }

    /// Days since 1970-01-01 in the Gregorian calendar.
    ///
    /// Years are counted from March, so that the leap day is a year's last day.
    fn days(&self) -> i64 {
        let is_early = self.month <= 2;
        let year = i32::from(self.year) - i32::from(is_early);
        let month_from_march = i32::from(self.month) + if is_early { 9 } else { -3 };
        let day_of_year = (153 * month_from_march + 2) / 5 + i32::from(self.day) - 1;
        let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
        i64::from(year * 365 + leap_days + day_of_year) - DAYS_FROM_0000_03_01_TO_EPOCH
    }

    fn to_civil(&self) -> civil::DateTime {
        let second = self.second_of_day;
        civil::date(self.year, self.month, self.day).at(
            (second / 3_600) as i8,
            (second / 60 % 60) as i8,
            (second % 60) as i8,
            0,
        )
    }
}

/// ISO 8601 text, read but not yet placed on the time line.
struct Written {
    local: Local,
    nanos: u32,
    /// Seconds east of UTC; `None` when the text does not say.
    offset: Option<i64>,
}

impl Written {
    /// `2024-01-02`, `2024-01-02T03:04`, `2024-01-02 03:04:05.678+09:00` and the like.
    fn parse(text: &str) -> Result<Self, Reason> {
        let (year, month, day, rest) = parse_date(text.as_bytes()).ok_or(Reason::NotATimestamp)?;
        let (second_of_day, nanos, offset) = parse_time(rest)?;
        Ok(Self { local: Local { year, month, day, second_of_day }, nanos, offset })
    }
}

fn parse_date(text: &[u8]) -> Option<(i16, i8, i8, &[u8])> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, rest @ ..] = text else {
        return None;
    };
    let year = two_digits(*y1, *y2)? * 100 + two_digits(*y3, *y4)?;
    let month = two_digits(*m1, *m2)?;
    let day = two_digits(*d1, *d2)?;
    let is_date = (1..=12).contains(&month) && (1..=days_in_month(year, month)).contains(&day);
    is_date.then_some((year as i16, month as i8, day as i8, rest))
}

fn days_in_month(year: i32, month: i32) -> i32 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Second of the day, nanosecond, and offset from what follows a date; nothing means midnight.
fn parse_time(text: &[u8]) -> Result<(i32, u32, Option<i64>), Reason> {
    let [separator, h1, h2, b':', m1, m2, rest @ ..] = text else {
        return match text {
            [] => Ok((0, 0, None)),
            _ => Err(Reason::NotATimestamp),
        };
    };
    let is_separated = matches!(separator, b'T' | b't' | b' ');
    let hour = two_digits(*h1, *h2).filter(|hour| is_separated && *hour < 24);
    let minute = two_digits(*m1, *m2).filter(|minute| *minute < 60);
    let (hour, minute) = hour.zip(minute).ok_or(Reason::NotATimestamp)?;
    let (second, nanos, rest) = parse_second(rest)?;
    let offset = parse_offset(rest).ok_or(Reason::NotATimestamp)?;
    Ok((hour * 3_600 + minute * 60 + second, nanos, offset))
}

/// Second and nanosecond, both optional.
fn parse_second(text: &[u8]) -> Result<(i32, u32, &[u8]), Reason> {
    let [b':', s1, s2, rest @ ..] = text else {
        return Ok((0, 0, text));
    };
    let (nanos, rest) = match rest {
        [b'.' | b',', rest @ ..] => parse_fraction(rest)?,
        _ => (0, rest),
    };
    match two_digits(*s1, *s2) {
        Some(second @ 0..=59) => Ok((second, nanos, rest)),
        // A leap second: the epoch count of ClickHouse has no value for it.
        Some(60) => Err(Reason::Lossy),
        _ => Err(Reason::NotATimestamp),
    }
}

/// Nanoseconds the last of so many digits after the second counts.
const NANOS_OF_LAST_DIGIT: [u32; 10] =
    [1_000_000_000, 100_000_000, 10_000_000, 1_000_000, 100_000, 10_000, 1_000, 100, 10, 1];

/// Digits after the second as nanoseconds; what is finer must be zero.
pub(super) fn parse_fraction(text: &[u8]) -> Result<(u32, &[u8]), Reason> {
    let (fraction, rest) = split_digits(text);
    if fraction.is_empty() {
        return Err(Reason::NotATimestamp);
    }
    let (kept, finer) = fraction.split_at(fraction.len().min(9));
    if finer.iter().any(|digit| *digit != b'0') {
        return Err(Reason::Lossy);
    }
    let value = kept.iter().fold(0, |value, digit| value * 10 + u32::from(digit - b'0'));
    Ok((value * NANOS_OF_LAST_DIGIT[kept.len()], rest))
}

/// `Z`, `UTC`, `GMT`, `+hh:mm`, `+hhmm`, `+hh`, with at most one space before; the outer `None` is anything else.
fn parse_offset(text: &[u8]) -> Option<Option<i64>> {
    let text = match text {
        [] => return Some(None),
        [b' ', rest @ ..] => rest,
        _ => text,
    };
    let (sign, h1, h2, m1, m2) = match text {
        b"Z" | b"z" | b"UTC" | b"GMT" => return Some(Some(0)),
        [sign, h1, h2] => (sign, h1, h2, &b'0', &b'0'),
        [sign, h1, h2, m1, m2] | [sign, h1, h2, b':', m1, m2] => (sign, h1, h2, m1, m2),
        _ => return None,
    };
    let hours = two_digits(*h1, *h2).filter(|hours| *hours < 24)?;
    let minutes = two_digits(*m1, *m2).filter(|minutes| *minutes < 60)?;
    let seconds = i64::from(hours * 3_600 + minutes * 60);
    match sign {
        b'+' => Some(Some(seconds)),
        b'-' => Some(Some(-seconds)),
        _ => None,
    }
}

pub(super) fn two_digits(tens: u8, ones: u8) -> Option<i32> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens <= 9 && ones <= 9).then(|| i32::from(tens * 10 + ones))
}
