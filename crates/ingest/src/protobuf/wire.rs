//! The wire format: keys, varints, lengths and groups.
//!
//! Source: protobuf.dev, "Encoding".

use super::program::MAX_DEPTH;
use crate::varint;

/// A position in bytes of the wire format.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    pub(super) rest: &'a [u8],
}

/// What stands before a value: the number of a field, and the form its value has on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key(pub(super) u32);

/// The forms a value has on the wire, by their number.
pub(super) const VARINT: u32 = 0;
pub(super) const FIXED64: u32 = 1;
pub(super) const DELIMITED: u32 = 2;
pub(super) const GROUP: u32 = 3;
pub(super) const END_GROUP: u32 = 4;
pub(super) const FIXED32: u32 = 5;

/// A value as the wire has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Raw<'a> {
    /// A varint, or the bits of a fixed number.
    Bits(u64),
    /// The content of a length-delimited value, or of a group.
    Bytes(&'a [u8]),
}

/// Bytes that are no valid encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broken {
    pub(super) flaw: Flaw,
    /// Address of the byte: the place is worked out only for people, and then from the start of the record.
    pub(super) address: usize,
}

/// What is wrong with the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// They end inside a value.
    Truncated,
    /// A varint that does not fit 64 bits.
    Varint,
    /// A key that does not fit 32 bits.
    Key,
    /// Field number 0.
    FieldZero,
    /// Form 6 or 7.
    Form(u32),
    /// The end of a group that is not open.
    EndGroup(u32),
    /// Groups or messages in each other beyond [`MAX_DEPTH`].
    TooDeep,
    /// Text that is not UTF-8.
    NotUtf8,
}

impl Key {
    pub(super) fn new(number: u32, form: u32) -> Self {
        Self(number << 3 | form)
    }

    pub(super) fn number(self) -> u32 {
        self.0 >> 3
    }

    pub(super) fn form(self) -> u32 {
        self.0 & 7
    }
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    #[cold]
    pub(super) fn broken(&self, flaw: Flaw) -> Broken {
        Broken { flaw, address: self.rest.as_ptr() as usize }
    }

    /// The next key, or `None` at the end.
    #[inline(always)]
    pub(super) fn key(&mut self) -> Result<Option<Key>, Broken> {
        match *self.rest {
            [] => Ok(None),
            [byte, ref rest @ ..] if (8..0x80).contains(&byte) && byte & 7 < 6 => {
                self.rest = rest;
                Ok(Some(Key(byte.into())))
            }
            _ => self.long_key().map(Some),
        }
    }

    fn long_key(&mut self) -> Result<Key, Broken> {
        let start = *self;
        let key = u32::try_from(self.varint()?).map_err(|_| start.broken(Flaw::Key))?;
        match Key(key) {
            key if key.form() > FIXED32 => Err(start.broken(Flaw::Form(key.form()))),
            key if key.number() == 0 => Err(start.broken(Flaw::FieldZero)),
            key => Ok(key),
        }
    }

    #[inline(always)]
    pub(super) fn varint(&mut self) -> Result<u64, Broken> {
        match *self.rest {
            [byte, ref rest @ ..] if byte < 0x80 => {
                self.rest = rest;
                Ok(byte.into())
            }
            [first, second, ref rest @ ..] if second < 0x80 => {
                self.rest = rest;
                Ok(u64::from(first & 0x7f) | u64::from(second) << 7)
            }
            _ => self.long_varint(),
        }
    }

    #[inline]
    fn long_varint(&mut self) -> Result<u64, Broken> {
        if let Some((value, length)) = varint::from_word(self.rest) {
            self.rest = &self.rest[length..];
            return Ok(value);
        }
        self.varint_by_bytes()
    }

    #[cold]
    fn varint_by_bytes(&mut self) -> Result<u64, Broken> {
        let mut value = 0;
        for (index, byte) in self.rest.iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7f) << (index * 7);
            if *byte < 0x80 {
                if index == 9 && *byte > 1 {
                    break;
                }
                self.rest = &self.rest[index + 1..];
                return Ok(value);
            }
        }
        let flaw = if self.rest.len() < 10 { Flaw::Truncated } else { Flaw::Varint };
        Err(self.broken(flaw))
    }

    #[inline(always)]
    pub(super) fn delimited(&mut self) -> Result<&'a [u8], Broken> {
        let start = *self;
        let length = self.varint()?;
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let Some((content, rest)) = self.rest.split_at_checked(length) else {
            return Err(start.broken(Flaw::Truncated));
        };
        self.rest = rest;
        Ok(content)
    }

    #[inline(always)]
    pub(super) fn fixed64(&mut self) -> Result<u64, Broken> {
        let Some((bytes, rest)) = self.rest.split_first_chunk::<8>() else {
            return Err(self.broken(Flaw::Truncated));
        };
        self.rest = rest;
        Ok(u64::from_le_bytes(*bytes))
    }

    #[inline(always)]
    pub(super) fn fixed32(&mut self) -> Result<u64, Broken> {
        let Some((bytes, rest)) = self.rest.split_first_chunk::<4>() else {
            return Err(self.broken(Flaw::Truncated));
        };
        self.rest = rest;
        Ok(u32::from_le_bytes(*bytes).into())
    }

    /// The value after a key of this form; of a group what stands before its end.
    #[inline(always)]
    pub(super) fn raw(&mut self, key: Key) -> Result<Raw<'a>, Broken> {
        match key.form() {
            VARINT => self.varint().map(Raw::Bits),
            DELIMITED => self.delimited().map(Raw::Bytes),
            FIXED64 => self.fixed64().map(Raw::Bits),
            FIXED32 => self.fixed32().map(Raw::Bits),
            _ => self.group(key).map(Raw::Bytes),
        }
    }

    /// Passes over the value after a key.
    #[inline(always)]
    pub(super) fn skip(&mut self, key: Key) -> Result<(), Broken> {
        self.raw(key).map(|_| ())
    }

    /// The content of a group; also passes over its end. No recursion: the open groups are kept in a list.
    fn group(&mut self, key: Key) -> Result<&'a [u8], Broken> {
        let start = self.rest;
        if key.form() == END_GROUP {
            return Err(self.broken(Flaw::EndGroup(key.number())));
        }
        let mut open = vec![key.number()];
        loop {
            let before = *self;
            let Some(key) = self.key()? else {
                return Err(before.broken(Flaw::Truncated));
            };
            match key.form() {
                GROUP if open.len() == MAX_DEPTH => return Err(before.broken(Flaw::TooDeep)),
                GROUP => open.push(key.number()),
                END_GROUP if open.last() != Some(&key.number()) => {
                    return Err(before.broken(Flaw::EndGroup(key.number())));
                }
                END_GROUP => {
                    open.pop();
                    if open.is_empty() {
                        return Ok(&start[..start.len() - before.rest.len()]);
                    }
                }
                _ => self.skip(key)?,
            }
        }
    }
}

/// Appends a varint.
pub(super) fn push_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
