//! Varints: seven bits a byte, the lowest first, the highest bit set on all bytes but the last. Avro and Protobuf share them.

/// The value of the varint that `bytes` begin with, and how many bytes it takes, gathered from one word; `None` when it is
/// longer than eight bytes or fewer are at hand.
#[inline(always)]
pub(crate) fn from_word(bytes: &[u8]) -> Option<(u64, usize)> {
    let word = u64::from_le_bytes(*bytes.first_chunk()?);
    let ends = !word & 0x8080_8080_8080_8080;
    if ends == 0 {
        return None;
    }
    // All bits up to the lowest end flag: the bytes of this varint.
    let word = word & (ends ^ (ends - 1));
    Some((gather(word), ends.trailing_zeros() as usize / 8 + 1))
}

/// Squeezes out the highest bit of each byte.
#[inline(always)]
fn gather(word: u64) -> u64 {
    let word = (word & 0x007f_007f_007f_007f) | ((word & 0x7f00_7f00_7f00_7f00) >> 1);
    let word = (word & 0x0000_3fff_0000_3fff) | ((word & 0x3fff_0000_3fff_0000) >> 2);
    (word & 0x0fff_ffff) | ((word & 0x0fff_ffff_0000_0000) >> 4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_word_gives_what_the_bytes_give(value in any::<u64>(), bits in 0..64_u32, after in any::<[u8; 8]>()) {
            let value = value >> bits;
            let mut bytes = Vec::new();
            let mut rest = value;
            while rest >= 0x80 {
                bytes.push(rest as u8 | 0x80);
                rest >>= 7;
            }
            bytes.push(rest as u8);
            let length = bytes.len();
            bytes.extend(after);
            prop_assert_eq!(from_word(&bytes), (length <= 8).then_some((value, length)));
            prop_assert_eq!(from_word(&bytes[..7]), None);
        }
    }
}
