//! Sizes and times as people write them, and back.

use std::time::Duration;

/// Shorter intervals would make more parts than the engine can merge.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(20);
const LONGEST_INTERVAL: Duration = Duration::from_secs(300);

/// Reads a size such as `64MiB`, `1GB` or `1000`, in bytes.
pub(crate) fn parse_bytes(text: &str) -> Result<usize, String> {
    let wanted = || "give a size of 1MiB or more, such as 64MiB or 1GB".to_owned();
    let (number, unit) = split_unit(text);
    let factor = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "kb" => 1e3,
        "k" | "kib" => 1024.0,
        "mb" => 1e6,
        "m" | "mib" => 1048576.0,
        "gb" => 1e9,
        "g" | "gib" => 1073741824.0,
        _ => return Err(wanted()),
    };
    let bytes = number.parse::<f64>().map_err(|_| wanted())? * factor;
    // A terabyte is beyond any machine this runs on; it also keeps the cast exact.
    if (1048576.0..=1e12).contains(&bytes) { Ok(bytes as usize) } else { Err(wanted()) }
}

/// Reads a time between two inserts such as `200ms` or `1s`.
pub(crate) fn parse_interval(text: &str) -> Result<Duration, String> {
    let wanted = "give a time from 20ms to 5m, such as 200ms or 1s";
    parse_duration(text)
        .filter(|time| (SHORTEST_INTERVAL..=LONGEST_INTERVAL).contains(time))
        .ok_or_else(|| wanted.to_owned())
}

/// Reads a time to wait such as `30s` or `5m`.
pub(crate) fn parse_seconds(text: &str) -> Result<Duration, String> {
    parse_duration(text).ok_or_else(|| "give a time such as 30s, 5m or 1h".to_owned())
}

fn parse_duration(text: &str) -> Option<Duration> {
    let (number, unit) = split_unit(text);
    let seconds = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(number.parse::<f64>().ok()? * seconds).ok()
}

fn split_unit(text: &str) -> (&str, &str) {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    (&text[..end], text[end..].trim())
}

/// A number with its thousands apart: `1,234,567`.
pub(crate) fn show_count(count: u64) -> String {
    let digits = count.to_string();
    let mut shown = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// A size for people: `12.3 MiB`.
pub(crate) fn show_bytes(bytes: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB"];
    let mut size = bytes as f64;
    let mut unit = "B";
    for larger in units {
        if size < 1024.0 {
            break;
        }
        size /= 1024.0;
        unit = larger;
    }
    if unit == "B" { format!("{bytes} B") } else { format!("{size:.1} {unit}") }
}

/// Milliseconds for people: `50 ms`, `2.5 s`, `5 min`.
pub(crate) fn show_millis(millis: u64) -> String {
    match millis {
        0..1_000 => format!("{millis} ms"),
        1_000..60_000 => format!("{} s", millis as f64 / 1000.0),
        60_000..3_600_000 => format!("{} min", millis / 60_000),
        _ => format!("{} h", millis / 3_600_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_in_both_kinds_of_units() {
        assert_eq!(parse_bytes("64MiB"), Ok(64 << 20));
        assert_eq!(parse_bytes("64 mb"), Ok(64_000_000));
        assert_eq!(parse_bytes("1.5G"), Ok(3 << 29));
        assert_eq!(parse_bytes("2000000"), Ok(2_000_000));
    }

    #[test]
    fn sizes_that_make_no_sense_are_refused() {
        for text in ["", "MiB", "12 parsecs", "-5MiB", "10", "1e30", "1.2.3M", "99999GiB"] {
            assert!(parse_bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn intervals_shorter_than_the_engine_can_bear_are_refused() {
        assert_eq!(parse_interval("20ms"), Ok(Duration::from_millis(20)));
        assert_eq!(parse_interval("1.5s"), Ok(Duration::from_millis(1500)));
        for text in ["19ms", "0s", "200", "6m", "", "s"] {
            assert!(parse_interval(text).is_err(), "{text}");
        }
    }

    #[test]
    fn numbers_are_shown_for_people() {
        assert_eq!(show_count(0), "0");
        assert_eq!(show_count(999), "999");
        assert_eq!(show_count(336_776), "336,776");
        assert_eq!(show_count(1_000_000), "1,000,000");
        assert_eq!(show_bytes(512), "512 B");
        assert_eq!(show_bytes(12_897_484), "12.3 MiB");
        assert_eq!(show_millis(50), "50 ms");
        assert_eq!(show_millis(2_500), "2.5 s");
        assert_eq!(show_millis(300_000), "5 min");
    }
}
