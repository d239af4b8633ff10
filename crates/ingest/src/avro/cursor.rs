//! Reads Avro's binary encoding, byte by byte checked.
//!
//! Source: Apache Avro specification 1.12, "Binary Encoding".

use crate::varint;

/// Bytes and how far they are read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'d> {
    pub(super) bytes: &'d [u8],
    pub(super) at: usize,
}

/// The bytes are not what the schema says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// They end inside of a value.
    EndsEarly,
    /// A varint of more than 64 bits.
    LongVarint,
    /// An int of more than 32 bits.
    WideInt,
    /// A boolean other than 0 and 1.
    NotABoolean,
    /// A length below zero.
    NegativeLength,
    /// A branch that the union does not have.
    NoSuchBranch,
    /// A symbol that the enum does not have.
    NoSuchSymbol,
    /// More items without a byte than any record has.
    TooManyItems,
    /// More bytes than the schema takes.
    Trailing,
    /// A big-decimal that is no length, bytes and scale.
    NotABigDecimal,
}

impl Broken {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::EndsEarly => "the value ends early",
            Self::LongVarint => "an integer of more than 64 bits",
            Self::WideInt => "an int of more than 32 bits",
            Self::NotABoolean => "a boolean that is neither 0 nor 1",
            Self::NegativeLength => "a length below zero",
            Self::NoSuchBranch => "the number of a branch that the union does not have",
            Self::NoSuchSymbol => "the number of a symbol that the enum does not have",
            Self::TooManyItems => "too many items that take no byte",
            Self::Trailing => "bytes after the end of the value",
            Self::NotABigDecimal => "bytes that are no big-decimal",
        }
    }
}

impl<'d> Cursor<'d> {
    pub(super) fn new(bytes: &'d [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(super) fn remaining(&self) -> usize {
        self.bytes.len() - self.at
    }

    #[inline(always)]
    pub(super) fn take(&mut self, count: usize) -> Result<&'d [u8], Broken> {
        let rest = &self.bytes[self.at..];
        match rest.split_at_checked(count) {
            Some((taken, _)) => {
                self.at += count;
                Ok(taken)
            }
            None => Err(Broken::EndsEarly),
        }
    }

    #[inline(always)]
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Broken> {
        match self.bytes[self.at..].first_chunk() {
            Some(taken) => {
                self.at += N;
                Ok(*taken)
            }
            None => Err(Broken::EndsEarly),
        }
    }

    /// A zigzag varint.
    #[inline(always)]
    pub(super) fn long(&mut self) -> Result<i64, Broken> {
        let raw = self.varint()?;
        Ok((raw >> 1) as i64 ^ -((raw & 1) as i64))
    }

    #[inline(always)]
    pub(super) fn int(&mut self) -> Result<i32, Broken> {
        i32::try_from(self.long()?).map_err(|_| Broken::WideInt)
    }

    #[inline(always)]
    fn varint(&mut self) -> Result<u64, Broken> {
        match self.bytes.get(self.at) {
            Some(byte) if *byte < 0x80 => {
                self.at += 1;
                Ok((*byte).into())
            }
            _ => self.long_varint(),
        }
    }

    /// A varint of up to eight bytes is gathered from one word; others byte by byte.
    #[inline]
    fn long_varint(&mut self) -> Result<u64, Broken> {
        if let Some((value, length)) = varint::from_word(&self.bytes[self.at..]) {
            self.at += length;
            return Ok(value);
        }
        self.varint_by_bytes()
    }

    #[cold]
    fn varint_by_bytes(&mut self) -> Result<u64, Broken> {
        let mut value = 0;
        for (index, byte) in self.bytes[self.at..].iter().enumerate() {
            let bits = u64::from(byte & 0x7f);
            if index == 9 && *byte > 1 {
                return Err(Broken::LongVarint);
            }
            value |= bits << (7 * index);
            if *byte < 0x80 {
                self.at += index + 1;
                return Ok(value);
            }
        }
        Err(Broken::EndsEarly)
    }

    /// A length that is not below zero, and lies within the bytes that are left.
    #[inline(always)]
    pub(super) fn block(&mut self) -> Result<&'d [u8], Broken> {
        match usize::try_from(self.long()?) {
            Ok(length) => self.take(length),
            Err(_) => Err(Broken::NegativeLength),
        }
    }

    #[inline(always)]
    pub(super) fn boolean(&mut self) -> Result<bool, Broken> {
        match self.array()? {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => Err(Broken::NotABoolean),
        }
    }

    /// The number of a union's branch or of an enum's symbol, which is below `count`.
    #[inline(always)]
    pub(super) fn index(&mut self, count: usize, otherwise: Broken) -> Result<usize, Broken> {
        match usize::try_from(self.long()?) {
            Ok(index) if index < count => Ok(index),
            _ => Err(otherwise),
        }
    }

    /// How many items the next block of an array or map holds; none after the last. A block may tell its size in
    /// bytes, which only helps those who pass over it.
    #[inline(always)]
    pub(super) fn item_count(&mut self) -> Result<u64, Broken> {
        let count = self.long()?;
        if count >= 0 {
            return Ok(count as u64);
        }
        match self.long()? {
            0.. => Ok(count.unsigned_abs()),
            _ => Err(Broken::NegativeLength),
        }
    }
}
