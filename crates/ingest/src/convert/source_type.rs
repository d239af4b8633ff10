//! What a schema, or a format without one, says a value is.

/// The rows of the conversion table: what a value is before it meets a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SourceType {
    /// Null, and Avro's type of that name.
    Null,
    /// True or false.
    Bool,
    /// An integer.
    Int {
        /// Width in bits: 8, 16, 32 or 64.
        bits: u16,
        /// Whether negative values exist.
        signed: bool,
    },
    /// A JSON number: it has no width, only a spelling.
    JsonNumber,
    /// A 32-bit float.
    Float32,
    /// A 64-bit float.
    Float64,
    /// Text.
    Text,
    /// Bytes of any number.
    Bytes,
    /// So many bytes.
    Fixed(usize),
    /// A value of an enumeration.
    Symbol {
        /// Whether its number means something beside its name.
        numbered: bool,
    },
    /// A decimal number of so many digits.
    Decimal {
        /// Total digits.
        precision: u32,
        /// Digits after the point.
        scale: u32,
    },
    /// A decimal number that brings its scale along.
    BigDecimal,
    /// A day.
    Date,
    /// A time of day.
    TimeOfDay {
        /// Digits after the second.
        precision: u8,
    },
    /// A point in time.
    Timestamp {
        /// Digits after the second.
        precision: u8,
        /// Whether it is local to the column's time zone.
        local: bool,
    },
    /// A UUID.
    Uuid,
    /// Avro's `duration`.
    Duration,
    /// Protobuf's `Duration`.
    Interval,
    /// An array.
    List,
    /// Entries whose keys differ from record to record.
    Map,
    /// Fields that have names: an Avro record, a Protobuf message, a JSON object.
    Record,
}
