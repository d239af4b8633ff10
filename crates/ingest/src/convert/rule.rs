//! The one conversion table: what becomes of a value of a source type in a column of a type.

use super::{Reason, SourceType, VariantMembers};
use forebay_project::column_type::{ColumnType, Geo};

/// How values of one source type become values of one column type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Whether, and as what.
    pub kind: RuleKind,
    /// What happens, for people: a few words without a verb of their own.
    pub summary: &'static str,
}

/// Whether a value converts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleKind {
    /// Every value does, and none is changed.
    Exact,
    /// A value does, or is refused for one of these reasons.
    Checked(&'static [Reason]),
    /// Every value does, as text; decimals of more than 4,096 bytes aside, which are out of range.
    AsText,
    /// Every value does, as JSON text; a JSON column refuses objects that the engine would.
    AsJson,
    /// The parts do, each by the rule of its own type.
    Nested,
    /// No value does: it is refused as [`Reason::WrongShape`].
    Refused,
}

use Reason::{
    AmbiguousLocalTime, AmbiguousTimestamp, Lossy, NonexistentLocalTime, NotABool, NotANumber, NotATimestamp,
    NotAUuid, NotAnIpAddress, NullForRequired, OutOfRange, TooLong, UnknownEnumValue,
};

const REFUSED: Rule = Rule { kind: RuleKind::Refused, summary: "refused" };

const fn exact(summary: &'static str) -> Rule {
    Rule { kind: RuleKind::Exact, summary }
}

const fn checked(reasons: &'static [Reason], summary: &'static str) -> Rule {
    Rule { kind: RuleKind::Checked(reasons), summary }
}

const fn nested(summary: &'static str) -> Rule {
    Rule { kind: RuleKind::Nested, summary }
}

/// How values of `source` become values of `column`.
pub fn rule(source: SourceType, column: &ColumnType) -> Rule {
    if source == SourceType::Null {
        return null_rule(column);
    }
    match column.stripped() {
        ColumnType::Int { bits, signed } => integer_rule(source, *bits, *signed),
        ColumnType::BFloat16 => float_rule(source, 8),
        ColumnType::Float32 => float_rule(source, 24),
        ColumnType::Float64 => float_rule(source, 53),
        ColumnType::Decimal { precision, scale } => decimal_rule(source, *precision, *scale),
        ColumnType::Bool => bool_rule(source),
        ColumnType::String => string_rule(source),
        ColumnType::FixedString(width) => fixed_string_rule(source, *width),
        ColumnType::Date | ColumnType::Date32 => date_rule(source),
        ColumnType::DateTime { .. } => timestamp_rule(source, 0),
        ColumnType::DateTime64 { precision, .. } => timestamp_rule(source, *precision),
        ColumnType::Time => time_rule(source, 0),
        ColumnType::Time64 { precision } => time_rule(source, *precision),
        ColumnType::Uuid => uuid_rule(source),
        ColumnType::Ipv4 => ipv4_rule(source),
        ColumnType::Ipv6 => ipv6_rule(source),
        ColumnType::Enum { .. } => enum_rule(source),
        ColumnType::Array(_) | ColumnType::Geo(_) | ColumnType::Tuple(_) | ColumnType::Map(..) => {
            composite_rule(source, column.stripped())
        }
        ColumnType::Json(_) => json_rule(source),
        ColumnType::Variant(members) => variant_rule(source, &VariantMembers::of(members)),
        ColumnType::Dynamic { .. } => variant_rule(source, VariantMembers::of_dynamic()),
        ColumnType::Nullable(_)
        | ColumnType::LowCardinality(_)
        | ColumnType::SimpleAggregateFunction { .. } => {
            unreachable!("these are stripped off")
        }
    }
}

fn null_rule(column: &ColumnType) -> Rule {
    if column.is_nullable() {
        return exact("NULL");
    }
    match column.stripped() {
        ColumnType::Array(_) | ColumnType::Map(..) | ColumnType::Tuple(_) | ColumnType::Geo(_) => {
            exact("DEFAULT, else empty or zeros; refused from JSON")
        }
        ColumnType::Json(_) => exact("DEFAULT, else {}"),
        _ => checked(&[NullForRequired], "DEFAULT, else refused"),
    }
}

fn integer_rule(source: SourceType, bits: u16, signed: bool) -> Rule {
    let holds = |from: u16, negative: bool| match (negative, signed) {
        (true, true) | (false, false) => from <= bits,
        (false, true) => from < bits,
        (true, false) => false,
    };
    let of_integer = |from: u16, negative: bool, summary| match holds(from, negative) {
        true => exact(summary),
        false => checked(&[OutOfRange], summary),
    };
    match source {
        SourceType::Bool => exact("1 or 0"),
        SourceType::Int { bits, signed } => of_integer(bits, signed, "the same integer"),
        SourceType::Symbol { numbered: true } => of_integer(32, true, "its number"),
        SourceType::Date => of_integer(64, true, "days since 1970-01-01"),
        SourceType::TimeOfDay { .. } => of_integer(64, true, "ticks as sent"),
        SourceType::Timestamp { .. } => of_integer(128, true, "ticks as sent"),
        SourceType::JsonNumber | SourceType::Decimal { .. } | SourceType::BigDecimal => {
            checked(&[OutOfRange, Lossy], "the same integer")
        }
        SourceType::Float32 | SourceType::Float64 => {
            checked(&[OutOfRange, Lossy, NotANumber], "the same integer")
        }
        SourceType::Text => checked(&[NotANumber, OutOfRange, Lossy], "the integer it says"),
        SourceType::Interval => checked(&[OutOfRange, Lossy], "whole seconds"),
        SourceType::Bytes if bits >= 128 => {
            checked(&[Reason::WrongShape], "its bytes, low ones first; exactly as many")
        }
        SourceType::Fixed(width) if bits >= 128 && width * 8 == usize::from(bits) => {
            exact("its bytes, low ones first")
        }
        _ => REFUSED,
    }
}

/// `digits` are the binary ones of the float's significand.
fn float_rule(source: SourceType, digits: u16) -> Rule {
    match source {
        SourceType::Int { bits, signed } if bits - u16::from(signed) <= digits => exact("the same integer"),
        SourceType::Int { .. } => checked(&[Lossy], "the same integer"),
        SourceType::Float32 if digits >= 24 => exact("the same float"),
        SourceType::Float64 if digits >= 53 => exact("the same float"),
        SourceType::Float32 | SourceType::Float64 => checked(&[OutOfRange], "the nearest float"),
        SourceType::JsonNumber | SourceType::Decimal { .. } | SourceType::BigDecimal => {
            checked(&[OutOfRange, Lossy], "the same integer or the nearest float")
        }
        SourceType::Text => checked(&[NotANumber, OutOfRange, Lossy], "the float it says"),
        SourceType::Interval => checked(&[OutOfRange, Lossy], "seconds, as the nearest float"),
        _ => REFUSED,
    }
}

fn decimal_rule(source: SourceType, precision: u8, scale: u8) -> Rule {
    match source {
        SourceType::Int { bits, .. } if decimal_digits(bits) + scale <= precision => {
            exact("the same integer")
        }
        SourceType::Int { .. } => checked(&[OutOfRange], "the same integer"),
        SourceType::Decimal { scale: digits, .. } if digits <= u32::from(scale) => {
            checked(&[OutOfRange], "the same number")
        }
        SourceType::JsonNumber | SourceType::Decimal { .. } | SourceType::BigDecimal => {
            checked(&[OutOfRange, Lossy], "the same number")
        }
        SourceType::Float32 | SourceType::Float64 => {
            checked(&[OutOfRange, Lossy, NotANumber], "the shortest decimal that names the float")
        }
        SourceType::Text => checked(&[NotANumber, OutOfRange, Lossy], "the number it says"),
        SourceType::Interval => checked(&[OutOfRange, Lossy], "seconds"),
        _ => REFUSED,
    }
}

/// Digits that hold every integer of so many bits.
fn decimal_digits(bits: u16) -> u8 {
    match bits {
        8 => 3,
        16 => 5,
        32 => 10,
        _ => 20,
    }
}

fn is_number(source: SourceType) -> bool {
    matches!(
        source,
        SourceType::Int { .. }
            | SourceType::JsonNumber
            | SourceType::Float32
            | SourceType::Float64
            | SourceType::Decimal { .. }
            | SourceType::BigDecimal
    )
}

fn bool_rule(source: SourceType) -> Rule {
    match source {
        SourceType::Bool => exact("true or false"),
        SourceType::Text => checked(&[NotABool], "true, false, 1 or 0"),
        source if is_number(source) => checked(&[NotABool], "1 or 0"),
        _ => REFUSED,
    }
}

fn string_rule(source: SourceType) -> Rule {
    let text = |summary| Rule { kind: RuleKind::AsText, summary };
    match source {
        SourceType::Text => exact("the same text"),
        SourceType::Bytes | SourceType::Fixed(_) => exact("the same bytes"),
        SourceType::List | SourceType::Map | SourceType::Record => {
            Rule { kind: RuleKind::AsJson, summary: "JSON text" }
        }
        SourceType::JsonNumber => text("its text as it stands in the record"),
        SourceType::Symbol { .. } => text("its name"),
        SourceType::Date | SourceType::TimeOfDay { .. } | SourceType::Timestamp { .. } => text("ISO 8601"),
        SourceType::Duration => text("ISO 8601 duration"),
        SourceType::Interval => text("seconds with an s"),
        SourceType::Uuid => text("hexadecimal digits with dashes"),
        _ => text("its text"),
    }
}

fn fixed_string_rule(source: SourceType, width: usize) -> Rule {
    match source {
        SourceType::Fixed(length) if length <= width => exact("the same bytes, then zeros"),
        SourceType::Bytes | SourceType::Fixed(_) => checked(&[TooLong], "the same bytes, then zeros"),
        SourceType::List | SourceType::Map | SourceType::Record => REFUSED,
        _ => checked(&[TooLong], "its text, then zeros"),
    }
}

fn date_rule(source: SourceType) -> Rule {
    match source {
        SourceType::Date => checked(&[OutOfRange], "the same day"),
        SourceType::Timestamp { .. } => checked(&[OutOfRange, Lossy], "the day, at midnight only"),
        SourceType::Text => {
            checked(&[NotATimestamp, AmbiguousTimestamp, OutOfRange, Lossy], "the day it says")
        }
        source => epoch_rule(source),
    }
}

fn timestamp_rule(source: SourceType, precision: u8) -> Rule {
    match source {
        SourceType::Timestamp { precision: digits, local: false } if digits <= precision => {
            checked(&[OutOfRange], "the same time")
        }
        SourceType::Timestamp { local: false, .. } => checked(&[OutOfRange, Lossy], "the same time"),
        SourceType::Timestamp { local: true, .. } => checked(
            &[OutOfRange, Lossy, AmbiguousLocalTime, NonexistentLocalTime],
            "the same time on the clocks of the column's time zone",
        ),
        SourceType::Date => checked(
            &[OutOfRange, AmbiguousLocalTime, NonexistentLocalTime],
            "midnight in the column's time zone",
        ),
        SourceType::Text => checked(
            &[NotATimestamp, AmbiguousTimestamp, OutOfRange, Lossy, AmbiguousLocalTime, NonexistentLocalTime],
            "the time it says",
        ),
        source => epoch_rule(source),
    }
}

/// Numbers as times, by their magnitude.
fn epoch_rule(source: SourceType) -> Rule {
    match source {
        SourceType::Int { .. }
        | SourceType::JsonNumber
        | SourceType::Decimal { .. }
        | SourceType::BigDecimal => checked(
            &[AmbiguousTimestamp, OutOfRange, Lossy],
            "time since 1970-01-01, where its unit is certain",
        ),
        SourceType::Float32 | SourceType::Float64 => checked(
            &[AmbiguousTimestamp, OutOfRange, Lossy, NotANumber],
            "time since 1970-01-01, where its unit is certain",
        ),
        _ => REFUSED,
    }
}

fn time_rule(source: SourceType, precision: u8) -> Rule {
    match source {
        SourceType::TimeOfDay { precision: digits } if digits <= precision => {
            checked(&[OutOfRange], "the same time")
        }
        SourceType::TimeOfDay { .. } => checked(&[OutOfRange, Lossy], "the same time"),
        SourceType::Interval => checked(&[OutOfRange, Lossy], "the same time"),
        SourceType::Duration => checked(&[OutOfRange, Lossy], "its milliseconds, when there is nothing else"),
        SourceType::Int { .. } => checked(&[OutOfRange], "seconds"),
        SourceType::JsonNumber | SourceType::Decimal { .. } | SourceType::BigDecimal => {
            checked(&[OutOfRange, Lossy], "seconds")
        }
        SourceType::Float32 | SourceType::Float64 => checked(&[OutOfRange, Lossy, NotANumber], "seconds"),
        SourceType::Text => checked(&[NotATimestamp, OutOfRange, Lossy], "the time it says"),
        _ => REFUSED,
    }
}

fn uuid_rule(source: SourceType) -> Rule {
    match source {
        SourceType::Uuid => exact("the same UUID"),
        SourceType::Fixed(16) => exact("its bytes in network order"),
        SourceType::Bytes => checked(&[NotAUuid], "16 bytes in network order"),
        SourceType::Text => checked(&[NotAUuid], "the UUID it says"),
        _ => REFUSED,
    }
}

fn ipv4_rule(source: SourceType) -> Rule {
    match source {
        SourceType::Int { bits: 32, .. } => exact("its 32 bits"),
        SourceType::Int { .. } => checked(&[OutOfRange], "its 32 bits"),
        SourceType::Fixed(4) => exact("its bytes in network order"),
        SourceType::Bytes => checked(&[NotAnIpAddress], "4 bytes in network order"),
        SourceType::Text => checked(&[NotAnIpAddress], "the address it says"),
        _ => REFUSED,
    }
}

fn ipv6_rule(source: SourceType) -> Rule {
    match source {
        SourceType::Fixed(16) => exact("its bytes in network order"),
        SourceType::Bytes => checked(&[NotAnIpAddress], "16 bytes in network order"),
        SourceType::Text => checked(&[NotAnIpAddress], "the address it says; IPv4 as mapped address"),
        _ => REFUSED,
    }
}

fn enum_rule(source: SourceType) -> Rule {
    match source {
        SourceType::Symbol { numbered: true } => checked(&[UnknownEnumValue], "by its name, else its number"),
        SourceType::Symbol { .. } | SourceType::Bool => checked(&[UnknownEnumValue], "by its name"),
        SourceType::Text => checked(&[UnknownEnumValue], "by its name, else the number it says"),
        source if is_number(source) => checked(&[UnknownEnumValue], "by its number"),
        _ => REFUSED,
    }
}

fn composite_rule(source: SourceType, column: &ColumnType) -> Rule {
    match (source, column) {
        (SourceType::List, ColumnType::Geo(Geo::Point)) => nested("two numbers"),
        (SourceType::List, ColumnType::Array(_) | ColumnType::Geo(_)) => nested("item by item"),
        (SourceType::List, ColumnType::Tuple(_)) => nested("by position, exactly as many"),
        (SourceType::Record | SourceType::Map, ColumnType::Tuple(_)) => {
            nested("by the names of the elements")
        }
        (SourceType::Record | SourceType::Map, ColumnType::Map(..)) => nested("entry by entry"),
        _ => REFUSED,
    }
}

fn json_rule(source: SourceType) -> Rule {
    match source {
        SourceType::Record | SourceType::Map => Rule { kind: RuleKind::AsJson, summary: "an object" },
        SourceType::Text => checked(&[Reason::WrongShape], "the object it holds as JSON text"),
        _ => REFUSED,
    }
}

fn variant_rule(source: SourceType, members: &VariantMembers) -> Rule {
    members.member_for(source).map_or(REFUSED, |member| rule(source, members.column_type(member)))
}
