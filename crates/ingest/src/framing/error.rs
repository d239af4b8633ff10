//! Why a frame could not be taken off.

use super::{Form, MAX_INFLATED};
use std::fmt;

/// Why a frame could not be taken off. `Display` states the fact, [`Self::hint`] what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// The record ends inside its prefix.
    Truncated {
        /// What it begins like.
        form: Form,
        /// Bytes of that prefix.
        needed: usize,
        /// Bytes of the record.
        found: usize,
    },
    /// The record begins like no frame that may be there.
    Unknown {
        /// Its first byte; `None` if it is empty.
        first: Option<u8>,
        /// What may be there.
        expected: Expected,
    },
    /// `03` of Glue is followed by a compression nobody has defined.
    Compression(u8),
    /// The header holds neither `00` and 4 bytes nor `01` and 16 bytes, or bytes follow that only Protobuf may have.
    Header {
        /// Name of the header.
        name: &'static str,
        /// Bytes of its value.
        length: usize,
        /// The first of them.
        first: Option<u8>,
    },
    /// A header of Apicurio holds no id: 8 bytes, of which a content id uses the last 4.
    ApicurioHeader {
        /// Name of the header.
        name: &'static str,
        /// Bytes of its value.
        length: usize,
    },
    /// A header says that the datum is in Avro's JSON encoding.
    JsonEncoding,
    /// The list of message indexes of Protobuf ends early, is negative or too deep.
    MessageIndexes,
    /// The record has no frame, and there is no configured schema.
    NoSchema,
    /// What should be zlib is not.
    Corrupt,
    /// The compressed datum grows beyond [`MAX_INFLATED`].
    TooLarge,
}

/// The frames that may be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Any.
    Any,
    /// `00` and 4 bytes, or `01` and 16 bytes.
    Confluent,
    /// `00` and 8 bytes.
    Apicurio,
    /// `00` and a global id of 4 bytes.
    ApicurioGlobalId,
    /// `03`, `00` or `05`, and 16 bytes.
    Glue,
    /// The header `content-type`.
    Azure,
}

impl FrameError {
    /// What is wrong with a payload that has no whole prefix of the expected kind.
    pub(super) fn unframed(expected: Expected, payload: &[u8]) -> Self {
        let unknown = Self::Unknown { first: payload.first().copied(), expected };
        let found = payload.len();
        let truncated =
            |form, needed| if found < needed { Self::Truncated { form, needed, found } } else { unknown };
        match (expected, payload) {
            (Expected::Apicurio, [0, ..]) => truncated(Form::ApicurioPrefix, 9),
            (Expected::ApicurioGlobalId, [0, ..]) => truncated(Form::ApicurioPrefix, 5),
            (Expected::Any | Expected::Confluent, [0, 0, 0, 0, 0, ..]) => truncated(Form::ApicurioPrefix, 9),
            (Expected::Any | Expected::Confluent, [0, ..]) => truncated(Form::ConfluentPrefix, 5),
            (Expected::Any | Expected::Confluent, [1, ..]) => truncated(Form::ConfluentGuidPrefix, 17),
            (Expected::Any | Expected::Glue, [3, other, ..]) if !matches!(other, 0 | 5) => {
                Self::Compression(*other)
            }
            (Expected::Any | Expected::Glue, [3, ..]) => truncated(Form::Glue, 18),
            _ => unknown,
        }
    }

    /// What the reader can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Unknown { first: Some(0 | 1), expected: Expected::Glue | Expected::Azure } => Some(
                "the byte begins a Confluent frame: check KAFKA_SCHEMA_REGISTRY_TYPE and KAFKA_SCHEMA_FRAMING",
            ),
            Self::Unknown { first: Some(3), expected: Expected::Confluent | Expected::Azure } => Some(
                "the byte begins a frame of AWS Glue: check KAFKA_SCHEMA_REGISTRY_TYPE and KAFKA_SCHEMA_FRAMING",
            ),
            Self::Unknown { .. } | Self::NoSchema => Some(
                "if records have no frame, name their schema with KAFKA_VALUE_SCHEMA (KAFKA_KEY_SCHEMA for keys) and set KAFKA_SCHEMA_FRAMING none",
            ),
            Self::MessageIndexes => Some(
                "if the producer writes no message indexes, name the message with KAFKA_VALUE_MESSAGE (KAFKA_KEY_MESSAGE for keys)",
            ),
            Self::JsonEncoding => Some(
                "read such records with KAFKA_VALUE_FORMAT json_without_schema (KAFKA_KEY_FORMAT for keys), or let the producer set apicurio.registry.avro.encoding to BINARY",
            ),
            Self::Truncated { .. }
            | Self::ApicurioHeader { .. }
            | Self::Compression(_)
            | Self::Header { .. }
            | Self::Corrupt
            | Self::TooLarge => None,
        }
    }
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { form, needed, found } => {
                write!(f, "the record ends after {found} of the {needed} bytes of its {form}")
            }
            Self::Unknown { first: None, expected } => write!(f, "the record is empty, expected {expected}"),
            Self::Unknown { first: Some(byte), expected } => {
                write!(f, "the record begins with byte {byte:02x}, expected {expected}")
            }
            Self::Compression(byte) => {
                write!(f, "byte 2 of the AWS Glue prefix is {byte:02x}, expected 00 (plain) or 05 (zlib)")
            }
            Self::Header { name, length, first } => {
                write!(f, "header {name} holds {length} bytes")?;
                if let Some(first) = first {
                    write!(f, " beginning with {first:02x}")?;
                }
                f.write_str(", expected 00 and a 4-byte id, or 01 and a 16-byte GUID")
            }
            Self::ApicurioHeader { name, length } => {
                write!(f, "header {name} holds {length} bytes, expected an id of 8 bytes")?;
                if *length == 8 { f.write_str(" that is below 2^32") } else { Ok(()) }
            }
            Self::JsonEncoding => f.write_str(
                "a header of Apicurio says that the record is Avro in JSON encoding, expected binary",
            ),
            Self::MessageIndexes => {
                f.write_str("the Protobuf message indexes behind the schema id are malformed")
            }
            Self::NoSchema => f.write_str("the record names no schema and none is configured"),
            Self::Corrupt => f.write_str("the zlib data behind the AWS Glue prefix are corrupt or end early"),
            Self::TooLarge => {
                write!(f, "the zlib data behind the AWS Glue prefix grow beyond {} MiB", MAX_INFLATED >> 20)
            }
        }
    }
}

impl std::error::Error for FrameError {}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Any => {
                "a schema id: 00 or 01 (Confluent), 03 (AWS Glue), or a header that names the schema"
            }
            Self::Confluent => "a Confluent frame: 00 and a 4-byte id, or 01 and a 16-byte GUID",
            Self::Apicurio => "an Apicurio frame: 00 and an 8-byte id, or a header apicurio.value",
            Self::ApicurioGlobalId => {
                "an Apicurio frame: 00 and a 4-byte global id, or a header apicurio.value"
            }
            Self::Glue => "an AWS Glue frame: 03, then 00 or 05, then a 16-byte schema version id",
            Self::Azure => {
                "header content-type with avro/binary+ or application/json+ and a schema id of 32 digits"
            }
        })
    }
}
