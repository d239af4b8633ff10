//! What a person reads about a refused value.

use super::Reason;
use forebay_project::column_type::ColumnType;

/// Why a column got no value from a record, in one line, and what to do about it in a second.
///
/// `value` is the raw value as found; it is not used for reasons that say there is none.
pub fn explain_value(column: &str, column_type: &ColumnType, reason: Reason, value: &str) -> String {
    let fact = match reason {
        Reason::MissingRequired => format!("column '{column}' has no value"),
        Reason::NullForRequired => format!("null on column '{column}' is not {column_type}"),
        _ => format!("value '{value}' on column '{column}' is not {column_type}"),
    };
    format!("{fact}: {reason}\n{}", hint(reason, scalar_of(column_type)))
}

/// Why a record as a whole did not decode, in one line, and what to do about it in a second.
pub fn explain_record(reason: Reason, detail: &str) -> String {
    let hint = hint(reason, &ColumnType::String);
    format!("record is not a row: {reason}, {detail}\n{hint}")
}

/// The innermost type that holds values; of a Tuple or Map it is the type itself.
fn scalar_of(column_type: &ColumnType) -> &ColumnType {
    match column_type {
        ColumnType::Nullable(inner)
        | ColumnType::LowCardinality(inner)
        | ColumnType::SimpleAggregateFunction { inner, .. }
        | ColumnType::Array(inner) => scalar_of(inner),
        scalar => scalar,
    }
}

/// What to do about `reason` when values of `scalar` were wanted.
fn hint(reason: Reason, scalar: &ColumnType) -> String {
    match reason {
        Reason::NullValue => "records without a value carry nothing to store".into(),
        Reason::InvalidJson => "the producer must write one JSON value a record".into(),
        Reason::MissingRequired => "give the column a DEFAULT, make it Nullable, or correct its path".into(),
        Reason::NullForRequired => "give the column a DEFAULT or make it Nullable".into(),
        Reason::WrongShape => wrong_shape_hint(scalar),
        Reason::OutOfRange => out_of_range_hint(scalar),
        Reason::Lossy => lossy_hint(scalar).into(),
        Reason::NotANumber => "use String, or send a number as JSON writes it".into(),
        Reason::NotABool => "true, false, 0 and 1 are accepted; use String for other words".into(),
        Reason::NotATimestamp if matches!(scalar, ColumnType::Time | ColumnType::Time64 { .. }) => {
            "use String, or send a time such as 12:30:00".into()
        }
        Reason::NotATimestamp => "use String, or send ISO 8601 such as 2024-01-02T03:04:05Z".into(),
        Reason::AmbiguousTimestamp => {
            "its unit is certain only for the years 1990 to 2100; use Int64, or send ISO 8601".into()
        }
        Reason::AmbiguousLocalTime => {
            "clocks were set back, so the time happened twice; send an offset such as +02:00".into()
        }
        Reason::NonexistentLocalTime => {
            "clocks were set forward past it; send an offset such as +02:00".into()
        }
        Reason::NotAUuid => "use String, or send 32 hexadecimal digits".into(),
        Reason::NotAnIpAddress => "use String, or send the address as text".into(),
        Reason::TooLong => "use String or a longer FixedString".into(),
        Reason::UnknownEnumValue => "add the value to the Enum, or use LowCardinality(String)".into(),
        Reason::TooDeep => "read the outer value into a String".into(),
        Reason::SchemaNotFound => {
            "register the schema, or name one by KAFKA_VALUE_SCHEMA or in KAFKA_SCHEMA_REGISTRY_URL".into()
        }
        Reason::SchemaRefused => "correct the schema and register it anew".into(),
        Reason::InvalidFrame => "set KAFKA_SCHEMA_FRAMING to what the producer writes".into(),
        Reason::InvalidAvro => "the producer must write by the schema that the record names".into(),
        Reason::InvalidProtobuf => {
            "the producer must write the message that the record names; else set KAFKA_VALUE_MESSAGE".into()
        }
        Reason::InvalidUtf8 => "send bytes instead of text, or correct the producer".into(),
        Reason::RepeatedPath => {
            "a JSON column has one value a path, and a.b is the path of b in a too; use String or Map".into()
        }
        Reason::NotAllowedBySchema => {
            "correct the producer or its schema, or leave out KAFKA_VALIDATE_SCHEMA".into()
        }
    }
}

fn wrong_shape_hint(scalar: &ColumnType) -> String {
    match scalar {
        ColumnType::Tuple(_) => {
            "a Tuple takes an object, or an array of as many items as it has elements".into()
        }
        ColumnType::Map(..) => "a Map takes an object".into(),
        ColumnType::Json(_) => "JSON takes an object, or text that holds one; use String or Dynamic".into(),
        ColumnType::Variant(_) => "add a member that takes it, such as String".into(),
        ColumnType::Geo(_) => "a Point is an array of two numbers, the others are arrays of them".into(),
        _ => "correct the column's path, or use String, which takes any value".into(),
    }
}

fn out_of_range_hint(scalar: &ColumnType) -> String {
    match scalar {
        ColumnType::Int { bits: bits @ ..=64, signed } => {
            let (smallest, largest) = integer_range(*bits, *signed);
            format!("{scalar} holds {smallest} to {largest}; use a wider type")
        }
        ColumnType::Float32 | ColumnType::BFloat16 => "use Float64".into(),
        ColumnType::Time | ColumnType::Time64 { .. } => {
            "times go from -999:59:59 to 999:59:59; use Decimal seconds or String".into()
        }
        ColumnType::Json(_) => {
            "JSON holds integers of 64 bits and 64-bit floats; give the path a type, or use String".into()
        }
        ColumnType::Decimal { .. } => "use a Decimal of more digits".into(),
        ColumnType::Date => "Date holds 1970-01-01 to 2149-06-06; use Date32".into(),
        ColumnType::Date32 => "Date32 holds 1900-01-01 to 2299-12-31; use String".into(),
        ColumnType::DateTime { .. } => "DateTime holds 1970-01-01 to 2106-02-07; use DateTime64".into(),
        ColumnType::DateTime64 { precision: 9, .. } => {
            "DateTime64(9) holds 1900-01-01 to 2262-04-11; use DateTime64(6)".into()
        }
        ColumnType::DateTime64 { .. } => "DateTime64 holds 1900-01-01 to 2299-12-31; use String".into(),
        _ => "use a wider type or String".into(),
    }
}

fn integer_range(bits: u16, signed: bool) -> (i128, i128) {
    let values = 1i128 << bits;
    if signed { (-values / 2, values / 2 - 1) } else { (0, values - 1) }
}

fn lossy_hint(scalar: &ColumnType) -> &'static str {
    match scalar {
        ColumnType::Int { .. } => "it has a fraction; use Decimal or Float64",
        ColumnType::Float32 | ColumnType::Float64 | ColumnType::BFloat16 => {
            "a float cannot hold all its digits; use an integer type, Decimal or String"
        }
        ColumnType::Decimal { .. } => "it has more digits after the point; use a larger scale",
        ColumnType::Date | ColumnType::Date32 => {
            "it has a time of day or an offset; use DateTime or DateTime64"
        }
        ColumnType::DateTime { .. } => "it is finer than a second; use DateTime64(3), (6) or (9)",
        ColumnType::Time => "it is finer than a second; use Time64(3), (6) or (9)",
        ColumnType::Time64 { .. } => {
            "it is finer than the column; use a Time64 of more digits, up to Time64(9)"
        }
        ColumnType::DateTime64 { precision: 9, .. } => {
            "it is finer than a nanosecond, or a leap second; use String"
        }
        ColumnType::DateTime64 { .. } => {
            "it is finer than the column; use a DateTime64 of more digits, up to DateTime64(9)"
        }
        _ => "use String",
    }
}
