//! Made-up clicks for benchmarks: 30 fields, nested objects and an array, about 608 bytes of JSON each.
//! Record n is a function of n alone, so that every contestant reads the same bytes.

use std::fmt::Write;

const EVENT_TYPES: [&str; 6] = ["view", "click", "cart", "purchase", "search", "login"];
const SYSTEMS: [&str; 5] = ["iOS", "Android", "Windows", "macOS", "Linux"];
const BROWSERS: [&str; 4] = ["Chrome", "Safari", "Firefox", "Edge"];
const COUNTRIES: [&str; 8] = ["DE", "US", "FR", "GB", "ES", "IT", "NL", "PL"];
const CITIES: [&str; 8] = ["Berlin", "Boston", "Paris", "London", "Madrid", "Rome", "Utrecht", "Gdansk"];
const WIDTHS: [u32; 5] = [360, 414, 1280, 1920, 2560];
const TAGS: [&str; 6] = ["new", "sale", "mobile", "vip", "beta", "eu"];
const SECTIONS: [&str; 5] = ["shoes", "books", "garden", "kitchen", "sport"];
/// 2026-01-01T00:00:00Z, the time of record 0; one record every 5 ms.
const START_MS: u64 = 1_767_225_600_000;

/// Random-looking numbers drawn from one record's number (`splitmix64`).
struct Draw(u64);

impl Draw {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }

    fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        let index = self.below(choices.len() as u64);
        choices[usize::try_from(index).expect("an index below a length fits")]
    }
}

/// Appends the JSON of record `number` to `out`.
pub fn write_record(number: u64, out: &mut String) {
    let mut draw = Draw(number.wrapping_mul(0x2545_f491_4f6c_dd1d));
    write_click(number, &mut draw, out);
    write_surroundings(&mut draw, out);
    write_measures(&mut draw, out);
}

/// Record `number` as JSON.
pub fn record(number: u64) -> String {
    let mut out = String::with_capacity(640);
    write_record(number, &mut out);
    out
}

/// The records' key: ten thousand users.
pub fn key(number: u64) -> String {
    format!("u{}", number % 10_000)
}

fn write_click(number: u64, draw: &mut Draw, out: &mut String) {
    let (high, low) = (draw.below(u64::MAX), draw.below(u64::MAX));
    let ts = START_MS + number * 5;
    let (user, session) = (draw.below(1_000_000), draw.below(u64::MAX));
    let (event, section, page) = (draw.pick(&EVENT_TYPES), draw.pick(&SECTIONS), draw.below(10_000));
    put(out, format_args!("{{\"event_id\":\"{high:016x}{low:016x}\",\"ts\":{ts},\"user_id\":{user}"));
    put(out, format_args!(",\"session_id\":\"{session:016x}\",\"event_type\":\"{event}\""));
    put(out, format_args!(",\"page\":{{\"url\":\"https://shop.example/{section}/{page}\""));
    put(out, format_args!(",\"title\":\"Our {section}\",\"referrer\":\"/search?q={section}\"}}"));
}

fn write_surroundings(draw: &mut Draw, out: &mut String) {
    let (os, browser, width) = (draw.pick(&SYSTEMS), draw.pick(&BROWSERS), draw.pick(&WIDTHS));
    let (country, city) = (draw.pick(&COUNTRIES), draw.pick(&CITIES));
    let (latitude, longitude) = (draw.below(180_000), draw.below(360_000));
    put(
        out,
        format_args!(
            ",\"device\":{{\"os\":\"{os}\",\"browser\":\"{browser}\",\"screen\":{{\"w\":{width},\"h\":{}}},\"touch\":{}}}",
            width * 9 / 16,
            width < 1000
        ),
    );
    put(out, format_args!(",\"geo\":{{\"country\":\"{country}\",\"city\":\"{city}\""));
    put(
        out,
        format_args!(
            ",\"lat\":{}.{:03},\"lon\":{}.{:03}}}",
            latitude / 1000,
            latitude % 1000,
            longitude / 1000,
            longitude % 1000
        ),
    );
}

fn write_measures(draw: &mut Draw, out: &mut String) {
    let (amount, first, second) = (draw.below(50_000), draw.pick(&TAGS), draw.pick(&TAGS));
    let (load, visits) = (draw.below(5_000), draw.below(300));
    let (campaign, variant, score) = (draw.below(500), draw.below(4), draw.below(1_000));
    put(
        out,
        format_args!(
            ",\"amount\":{}.{:02},\"currency\":\"EUR\",\"tags\":[\"{first}\",\"{second}\"]",
            amount / 100,
            amount % 100
        ),
    );
    put(out, format_args!(",\"load_ms\":{load},\"visits\":{visits},\"is_member\":{}", visits > 150));
    put(
        out,
        format_args!(
            ",\"campaign\":\"s-{campaign:03}\",\"variant\":\"v{variant}\",\"score\":0.{score:03},\"coupon\":null"
        ),
    );
    put(
        out,
        format_args!(",\"note\":\"caf\u{e9} \\\"corner\\\"\",\"version\":\"4.18.2\",\"source\":\"web\"}}"),
    );
}

fn put(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("writing to a string cannot fail");
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn leaves(value: &Value) -> usize {
        match value {
            Value::Object(fields) => fields.values().map(leaves).sum(),
            _ => 1,
        }
    }

    #[test]
    fn records_have_thirty_fields_in_about_608_bytes() {
        let sizes: Vec<usize> = (0..10_000)
            .map(|number| {
                let text = record(number);
                let value: Value = serde_json::from_str(&text).unwrap();
                assert_eq!(leaves(&value), 30, "{text}");
                text.len()
            })
            .collect();
        let average = sizes.iter().sum::<usize>() / sizes.len();
        assert!((600..=616).contains(&average), "average size is {average}");
    }

    #[test]
    fn record_depends_on_its_number_only() {
        assert_eq!(record(7), record(7));
        assert_ne!(record(7), record(8));
    }
}
