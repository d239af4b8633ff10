//! Which message of a Protobuf schema a record is.

use super::FrameError;
use std::{fmt, str};

/// How a frame names a Protobuf message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// Not at all.
    Untold,
    /// Confluent: by indexes, from the file's messages inwards.
    Indexes(MessageIndexes),
    /// Glue: by its place among all messages of the file, nested ones too, sorted by full name; counted from 0.
    Ordinal(u32),
    /// Apicurio: by its name, without the package.
    Name(&'a str),
}

/// Indexes of a message: of a top-level message in the file, then of each nested message in the one around it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct MessageIndexes(Indexes);

#[derive(Clone, PartialEq, Eq, Hash)]
enum Indexes {
    Few { length: u8, indexes: [u32; 4] },
    Many(Box<[u32]>),
}

/// Deeper lists are refused: protoc itself stops at 32 messages in each other.
const DEEPEST: usize = 32;

impl MessageIndexes {
    /// Indexes from the outside in. No heap for up to four.
    pub fn new(path: &[u32]) -> Self {
        let mut indexes = [0; 4];
        match (indexes.get_mut(..path.len()), u8::try_from(path.len())) {
            (Some(few), Ok(length)) => {
                few.copy_from_slice(path);
                Self(Indexes::Few { length, indexes })
            }
            _ => Self(Indexes::Many(path.into())),
        }
    }

    /// The indexes, from the outside in; at least one when read from a frame.
    pub fn as_slice(&self) -> &[u32] {
        match &self.0 {
            Indexes::Few { length, indexes } => &indexes[..usize::from(*length)],
            Indexes::Many(indexes) => indexes,
        }
    }
}

impl fmt::Debug for MessageIndexes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_slice().fmt(f)
    }
}

/// Confluent's list: the number of indexes, then each, all in zigzag; zero indexes stand for the first message.
/// Nothing at all is an empty message of a producer that writes no list.
pub(super) fn read_indexes(bytes: &[u8]) -> Result<(Message<'static>, usize), FrameError> {
    if bytes.is_empty() {
        return Ok((Message::Untold, 0));
    }
    let mut rest = bytes;
    let count = take_zigzag(&mut rest)?;
    let count = usize::try_from(count).ok().filter(|count| *count <= DEEPEST);
    let mut indexes = [0; DEEPEST];
    let path = &mut indexes[..count.ok_or(FrameError::MessageIndexes)?];
    for index in &mut *path {
        *index = u32::try_from(take_zigzag(&mut rest)?).map_err(|_| FrameError::MessageIndexes)?;
    }
    let path: &[u32] = if path.is_empty() { &[0] } else { path };
    Ok((Message::Indexes(MessageIndexes::new(path)), bytes.len() - rest.len()))
}

/// The list as it stands at the end of a header.
pub(super) fn read_header_indexes(bytes: &[u8]) -> Result<Message<'static>, FrameError> {
    let (message, length) = read_indexes(bytes)?;
    if length == bytes.len() { Ok(message) } else { Err(FrameError::MessageIndexes) }
}

/// The list where there may be none. No message begins with a byte below 8, for no field has the number 0; a list of up to
/// three indexes does.
pub(super) fn read_short_indexes(bytes: &[u8]) -> Option<(Message<'static>, usize)> {
    read_indexes(bytes).ok().filter(|_| bytes.first().is_none_or(|first| *first < 8))
}

/// What Apicurio writes in front of a message: its name, a list of indexes, both or nothing. `told` is the name of a header.
pub(super) fn read_apicurio<'a>(bytes: &'a [u8], told: Option<&'a str>) -> (Message<'a>, usize) {
    let told = told.map(Message::Name);
    let named = read_name(bytes).filter(|(name, _)| told.as_ref().is_none_or(|told| told == name));
    let (message, length) = named.unwrap_or((told.unwrap_or(Message::Untold), 0));
    let (indexes, more) = read_short_indexes(&bytes[length..]).unwrap_or((Message::Untold, 0));
    (if message == Message::Untold { indexes } else { message }, length + more)
}

/// Glue's number, an unsigned varint.
pub(super) fn read_ordinal(bytes: &[u8]) -> Result<(Message<'static>, usize), FrameError> {
    if bytes.is_empty() {
        return Ok((Message::Untold, 0));
    }
    let mut rest = bytes;
    let ordinal = take_varint(&mut rest)?;
    Ok((Message::Ordinal(ordinal), bytes.len() - rest.len()))
}

/// Apicurio's `Ref`: a message of its own, behind its length, whose field 1 is the name; may be empty.
///
/// Only names that are identifiers are taken. As one of Confluent's lists the same bytes would lead several levels into
/// the sixth message of a file, and be followed by a message that begins with a word.
pub(super) fn read_name(bytes: &[u8]) -> Option<(Message<'_>, usize)> {
    let (length, rest) = bytes.split_first()?;
    let (tag, rest) = rest.split_first()?;
    let (name_length, rest) = rest.split_first()?;
    let name = rest.get(..usize::from(*name_length))?;
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let fits = *length < 0x80 && *tag == 0x0a && name_length.checked_add(2) == Some(*length);
    let is_name = fits && !name.is_empty() && name.iter().all(is_word) && !name[0].is_ascii_digit();
    let name = str::from_utf8(name).ok().filter(|_| is_name)?;
    Some((Message::Name(name), 1 + usize::from(*length)))
}

fn take_zigzag(bytes: &mut &[u8]) -> Result<i32, FrameError> {
    let value = take_varint(bytes)?;
    Ok((value >> 1) as i32 ^ -((value & 1) as i32))
}

/// A varint of up to 32 bits.
fn take_varint(bytes: &mut &[u8]) -> Result<u32, FrameError> {
    let mut value = 0_u64;
    for shift in (0..35).step_by(7) {
        let (byte, rest) = bytes.split_first().ok_or(FrameError::MessageIndexes)?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return u32::try_from(value).map_err(|_| FrameError::MessageIndexes);
        }
    }
    Err(FrameError::MessageIndexes)
}
