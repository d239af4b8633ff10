//! Values that a record's format gives a type to.

/// One value of a record in a format that types its values, such as Avro or Protobuf.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// True or false.
    Bool(bool),
    /// A signed integer of any width up to 64 bits.
    Int(i64),
    /// An unsigned integer of any width up to 64 bits.
    UInt(u64),
    /// A 32-bit float.
    Float32(f32),
    /// A 64-bit float.
    Float64(f64),
    /// Text.
    Text(&'a str),
    /// Bytes, of a fixed number or of any.
    Bytes(&'a [u8]),
    /// A value of an enumeration.
    Symbol {
        /// Its name; empty when the schema has no name for the number.
        name: &'a str,
        /// Its number, where the format gives numbers a meaning: Protobuf does, Avro does not.
        number: Option<i32>,
    },
    /// `unscaled` times 10^-`scale`.
    Decimal {
        /// Two's complement, big-endian; no byte is zero.
        unscaled: &'a [u8],
        /// Digits after the point; negative for a multiple of a power of ten.
        scale: i32,
    },
    /// A day.
    Date {
        /// Days since 1970-01-01.
        days: i64,
    },
    /// A time of day.
    TimeOfDay {
        /// 10^-`precision` seconds since midnight.
        ticks: i64,
        /// 0..=9.
        precision: u8,
    },
    /// A point in time.
    Timestamp {
        /// 10^-`precision` seconds since 1970-01-01 00:00:00.
        ticks: i128,
        /// 0..=9.
        precision: u8,
        /// Whether it is what clocks show in the column's time zone (Avro's `local-timestamp-*`) rather than UTC.
        local: bool,
    },
    /// A UUID in network order.
    Uuid([u8; 16]),
    /// Avro's `duration`: its parts are independent of each other.
    Duration {
        /// Months.
        months: u32,
        /// Days.
        days: u32,
        /// Milliseconds.
        millis: u32,
    },
    /// Protobuf's `Duration`.
    Interval {
        /// Nanoseconds.
        nanos: i128,
    },
}
