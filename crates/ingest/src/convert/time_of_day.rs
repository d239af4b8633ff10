//! Times of day and lengths of time, for Time and Time64.

use super::{
    Reason,
    number::{is_json_number, scaled, split_digits},
    timestamp::{Ticks, parse_fraction, two_digits},
};

/// Time and Time64 hold less than so many seconds, either side of zero.
///
/// Source: ClickHouse documentation, "Time": -999:59:59 to 999:59:59.
const SECONDS: i128 = 1_000 * 3_600;

const NANOS_PER_SECOND: i128 = 1_000_000_000;

/// A length of time in nanoseconds, of either sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TimeSpan {
    pub(super) nanos: i128,
}

impl TimeSpan {
    /// `-12:30:00.5`, `12:30`, or a number of seconds.
    pub(super) fn from_text(text: &str) -> Result<Self, Reason> {
        match parse(text) {
            Err(Reason::NotATimestamp) if is_json_number(text) => Self::from_number(text),
            parsed => parsed,
        }
    }

    /// Seconds.
    pub(super) fn from_number(token: &str) -> Result<Self, Reason> {
        Ok(Self { nanos: scaled(token, 9)? })
    }

    /// 10^-`precision` seconds.
    pub(super) fn from_ticks(ticks: i128, precision: u8) -> Result<Self, Reason> {
        let nanos = ticks.checked_mul(10_i128.pow(9 - u32::from(precision.min(9))));
        Ok(Self { nanos: nanos.ok_or(Reason::OutOfRange)? })
    }

    /// The value of a Time.
    pub(super) fn to_time(self) -> Result<i32, Reason> {
        self.to_time64(Ticks::of(0)).map(|seconds| seconds as i32)
    }

    /// The value of a Time64.
    pub(super) fn to_time64(self, ticks: Ticks) -> Result<i64, Reason> {
        if self.nanos.abs() >= SECONDS * NANOS_PER_SECOND {
            return Err(Reason::OutOfRange);
        }
        let (nanos, tick) = (self.nanos as i64, i64::from(ticks.nanos()));
        if nanos % tick == 0 { Ok(nanos / tick) } else { Err(Reason::Lossy) }
    }
}

fn parse(text: &str) -> Result<TimeSpan, Reason> {
    let bytes = text.as_bytes();
    let unsigned = bytes.strip_prefix(b"-").unwrap_or(bytes);
    let (hours, rest) = split_digits(unsigned);
    let [b':', m1, m2, rest @ ..] = rest else { return Err(Reason::NotATimestamp) };
    let minutes = two_digits(*m1, *m2).filter(|minutes| *minutes < 60).ok_or(Reason::NotATimestamp)?;
    let hours = match hours.len() {
        1..=3 => hours.iter().fold(0, |hours, digit| hours * 10 + i128::from(digit - b'0')),
        0 => return Err(Reason::NotATimestamp),
        _ => return Err(Reason::OutOfRange),
    };
    let (seconds, nanos) = parse_seconds(rest)?;
    let total = (hours * 3_600 + i128::from(minutes * 60 + seconds)) * NANOS_PER_SECOND + i128::from(nanos);
    Ok(TimeSpan { nanos: if unsigned.len() < bytes.len() { -total } else { total } })
}

fn parse_seconds(text: &[u8]) -> Result<(i32, u32), Reason> {
    let (s1, s2, rest) = match text {
        [] => return Ok((0, 0)),
        [b':', s1, s2, rest @ ..] => (s1, s2, rest),
        _ => return Err(Reason::NotATimestamp),
    };
    let seconds = two_digits(*s1, *s2).filter(|seconds| *seconds < 60).ok_or(Reason::NotATimestamp)?;
    match rest {
        [] => Ok((seconds, 0)),
        [b'.' | b',', fraction @ ..] => match parse_fraction(fraction)? {
            (nanos, []) => Ok((seconds, nanos)),
            _ => Err(Reason::NotATimestamp),
        },
        _ => Err(Reason::NotATimestamp),
    }
}
