//! Why a value or a whole record was refused.

use std::fmt;

/// Why a value or a record goes to quarantine. The codes are stable: they are metric labels and are stored in tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The record's value is null (a tombstone), so there is nothing to decode.
    NullValue,
    /// The record's value is not one valid JSON value.
    InvalidJson,
    /// The path leads nowhere, and the column has no DEFAULT and is not Nullable.
    MissingRequired,
    /// JSON null for a column or item that is not Nullable and has no DEFAULT.
    NullForRequired,
    /// A value of another shape than the column's type can take, such as an object for an integer.
    WrongShape,
    /// The value lies outside the type's range.
    OutOfRange,
    /// The type can only hold a rounded or truncated form of the value.
    Lossy,
    /// Text that is no number of the kind the type needs.
    NotANumber,
    /// Text that is neither true, false, 0 nor 1, or a number other than 0 and 1.
    NotABool,
    /// Text that is no date or timestamp.
    NotATimestamp,
    /// A number whose unit (s, ms, us, ns) cannot be told from its magnitude.
    AmbiguousTimestamp,
    /// A local time that the column's time zone shows twice, at the end of daylight saving time.
    AmbiguousLocalTime,
    /// A local time that the column's time zone skips, at the start of daylight saving time.
    NonexistentLocalTime,
    /// Text that is no UUID.
    NotAUuid,
    /// Text that is no IP address of the column's family.
    NotAnIpAddress,
    /// Longer than a FixedString holds.
    TooLong,
    /// Not one of the Enum's values.
    UnknownEnumValue,
    /// Nested deeper than a decoder goes.
    TooDeep,
    /// The record names no schema, and none is configured, or the registry does not have it.
    SchemaNotFound,
    /// The record's schema cannot be read, or uses what cannot be decoded.
    SchemaRefused,
    /// The bytes before the record's content are no frame of the kind that is set.
    InvalidFrame,
    /// The bytes are not what the Avro schema says.
    InvalidAvro,
    /// The bytes are no Protobuf message, or not of the type that the schema says.
    InvalidProtobuf,
    /// Text that is not UTF-8.
    InvalidUtf8,
    /// JSON that its JSON Schema does not allow.
    NotAllowedBySchema,
    /// An object of a JSON column that has a path twice.
    RepeatedPath,
}

impl Reason {
    /// All reasons, in the order of their declaration.
    pub const ALL: [Reason; 26] = [
        Self::NullValue,
        Self::InvalidJson,
        Self::MissingRequired,
        Self::NullForRequired,
        Self::WrongShape,
        Self::OutOfRange,
        Self::Lossy,
        Self::NotANumber,
        Self::NotABool,
        Self::NotATimestamp,
        Self::AmbiguousTimestamp,
        Self::AmbiguousLocalTime,
        Self::NonexistentLocalTime,
        Self::NotAUuid,
        Self::NotAnIpAddress,
        Self::TooLong,
        Self::UnknownEnumValue,
        Self::TooDeep,
        Self::SchemaNotFound,
        Self::SchemaRefused,
        Self::InvalidFrame,
        Self::InvalidAvro,
        Self::InvalidProtobuf,
        Self::InvalidUtf8,
        Self::NotAllowedBySchema,
        Self::RepeatedPath,
    ];

    /// The class that ClickPipes reports such a record under: whether its schema or its content stands in the way.
    ///
    /// Source: ClickHouse documentation, "ClickPipes / Kafka / Schema registries".
    pub fn class(self) -> &'static str {
        match self {
            Self::SchemaNotFound | Self::SchemaRefused | Self::InvalidFrame => "SOURCE_SCHEMA_ERROR",
            _ => "DATA_PARSING_ERROR",
        }
    }

    /// The stable code, in kebab case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NullValue => "null-value",
            Self::InvalidJson => "invalid-json",
            Self::MissingRequired => "missing-required",
            Self::NullForRequired => "null-for-required",
            Self::WrongShape => "wrong-shape",
            Self::OutOfRange => "out-of-range",
            Self::Lossy => "lossy",
            Self::NotANumber => "not-a-number",
            Self::NotABool => "not-a-bool",
            Self::NotATimestamp => "not-a-timestamp",
            Self::AmbiguousTimestamp => "ambiguous-timestamp",
            Self::AmbiguousLocalTime => "ambiguous-local-time",
            Self::NonexistentLocalTime => "nonexistent-local-time",
            Self::NotAUuid => "not-a-uuid",
            Self::NotAnIpAddress => "not-an-ip-address",
            Self::TooLong => "too-long",
            Self::UnknownEnumValue => "unknown-enum-value",
            Self::TooDeep => "too-deep",
            Self::SchemaNotFound => "schema-not-found",
            Self::SchemaRefused => "schema-refused",
            Self::InvalidFrame => "invalid-frame",
            Self::InvalidAvro => "invalid-avro",
            Self::InvalidProtobuf => "invalid-protobuf",
            Self::InvalidUtf8 => "invalid-utf8",
            Self::NotAllowedBySchema => "not-allowed-by-schema",
            Self::RepeatedPath => "repeated-path",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A value that did not convert. The text for people is made later, from column, type and raw value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvertError {
    /// Why.
    pub reason: Reason,
}

impl From<Reason> for ConvertError {
    fn from(reason: Reason) -> Self {
        Self { reason }
    }
}

impl fmt::Display for ConvertError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(formatter)
    }
}

impl std::error::Error for ConvertError {}
