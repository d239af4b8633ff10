//! The type of a place whose values are neither arrays nor objects.

use super::Chosen;
use super::name;
use super::number::Numbers;
use super::observed::{Observed, Shape};
use super::text::Texts;
use forebay_project::column_type::ColumnType;

/// Fewer texts say nothing about how many different ones there will be.
const ENOUGH_TEXTS: u64 = 100;

/// One different text in so many, or fewer, makes a column LowCardinality.
const TEXTS_FOR_EACH_DIFFERENT: u64 = 5;

/// Digits of a Decimal of 128 and of 256 bits.
const DECIMAL_DIGITS: [u8; 2] = [38, 76];

/// The narrowest type that takes every value of `observed`. `field` is the name of its field.
pub(super) fn scalar_type(observed: &Observed, field: &str) -> Chosen {
    match observed.shape() {
        Shape::Bool => Chosen::plain(ColumnType::Bool),
        Shape::Number => number_type(&observed.numbers, field),
        Shape::Text => text_type(&observed.texts),
        Shape::Nothing => Chosen::because(ColumnType::String, "only null was seen"),
        Shape::List | Shape::Object | Shape::Mixed => {
            Chosen::because(ColumnType::String, format!("{}: kept as text", observed.shapes()))
        }
    }
}

fn number_type(numbers: &Numbers, field: &str) -> Chosen {
    if !numbers.not_a_time && name::means_time(field) {
        return epoch_type(numbers.time_precision);
    }
    if numbers.has_fractions {
        return fraction_type(numbers);
    }
    let range = numbers.integers.as_ref().map(|(least, greatest)| match least == greatest {
        true => format!("such as {least}"),
        false => format!("from {least} to {greatest}"),
    });
    let range = range.unwrap_or_default();
    match numbers.integer_type() {
        Some(plain @ ColumnType::Int { bits: 64, signed: true }) => Chosen::plain(plain),
        Some(wide) => Chosen::because(wide, format!("values {range}")),
        None => Chosen::because(ColumnType::String, format!("values {range} fit no integer type")),
    }
}

fn epoch_type(precision: u8) -> Chosen {
    let (column_type, unit) = match precision {
        0 => (ColumnType::DateTime { time_zone: None }, "seconds"),
        3 => (date_time64(3), "milliseconds"),
        6 => (date_time64(6), "microseconds"),
        _ => (date_time64(9), "nanoseconds"),
    };
    Chosen::because(column_type, format!("{unit} since 1970, as the name and the values say"))
}

fn date_time64(precision: u8) -> ColumnType {
    ColumnType::DateTime64 { precision, time_zone: None }
}

fn fraction_type(numbers: &Numbers) -> Chosen {
    let Some(changed) = &numbers.not_a_float else {
        return Chosen::plain(ColumnType::Float64);
    };
    let digits = numbers.whole_digits + numbers.scale;
    let precision = DECIMAL_DIGITS.into_iter().find(|most| digits <= usize::from(*most));
    match (precision, u8::try_from(numbers.scale)) {
        (Some(precision), Ok(scale)) => Chosen::because(
            ColumnType::Decimal { precision, scale },
            format!("a Float64 would change values such as {changed}"),
        ),
        _ => Chosen::because(ColumnType::String, format!("{digits} digits fit no number type")),
    }
}

fn text_type(texts: &Texts) -> Chosen {
    match texts.form() {
        Some(plain @ (ColumnType::Date | ColumnType::Uuid)) => Chosen::plain(plain.clone()),
        Some(form) => Chosen::because(form.clone(), form_reason(form)),
        None => string_type(texts),
    }
}

fn form_reason(form: &ColumnType) -> &'static str {
    match form {
        ColumnType::DateTime { .. } => "every text is a time in whole seconds",
        ColumnType::DateTime64 { precision: 3, .. } => "every text is a time, in milliseconds or coarser",
        ColumnType::DateTime64 { precision: 6, .. } => "every text is a time, in microseconds or coarser",
        ColumnType::DateTime64 { .. } => "every text is a time, in nanoseconds or coarser",
        ColumnType::Date32 => "every text is a date, some before 1970 or after 2149",
        ColumnType::Ipv4 => "every text is an IPv4 address",
        _ => "every text is an IP address",
    }
}

fn string_type(texts: &Texts) -> Chosen {
    let different = texts.distinct.count().map(|count| count as u64);
    match different {
        Some(different)
            if texts.count >= ENOUGH_TEXTS && different * TEXTS_FOR_EACH_DIFFERENT <= texts.count =>
        {
            Chosen::because(
                ColumnType::LowCardinality(Box::new(ColumnType::String)),
                format!("{different} different in {}", texts.count),
            )
        }
        _ => Chosen::plain(ColumnType::String),
    }
}
