//! Unsigned integers of 256 bits, with the little arithmetic that decimal text asks for.

use std::cmp::Ordering;

/// An unsigned integer of 256 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct U256 {
    /// 64 bits each, the lowest first.
    limbs: [u64; 4],
}

/// The largest power of ten in 64 bits, and its exponent.
const BIG_STEP: (u64, u64) = (10_000_000_000_000_000_000, 19);

impl U256 {
    pub(super) const ZERO: Self = Self { limbs: [0; 4] };

    pub(super) const fn from_u128(value: u128) -> Self {
        Self { limbs: [value as u64, (value >> 64) as u64, 0, 0] }
    }

    /// 2^`bits` - 1.
    pub(super) fn ones(bits: u32) -> Self {
        let limb = |index: u32| match bits.saturating_sub(index * 64) {
            0 => 0,
            ones @ 1..64 => (1 << ones) - 1,
            _ => u64::MAX,
        };
        Self { limbs: [limb(0), limb(1), limb(2), limb(3)] }
    }

    pub(super) fn to_u128(self) -> Option<u128> {
        let [low, high, 0, 0] = self.limbs else { return None };
        Some(u128::from(high) << 64 | u128::from(low))
    }

    /// `self` * `factor` + `addend`, when that fits.
    pub(super) fn times_plus(self, factor: u64, addend: u64) -> Option<Self> {
        let mut carry = u128::from(addend);
        let limbs = self.limbs.map(|limb| {
            let sum = u128::from(limb) * u128::from(factor) + carry;
            carry = sum >> 64;
            sum as u64
        });
        (carry == 0).then_some(Self { limbs })
    }

    /// `self` * 10^`exponent`, when that fits.
    pub(super) fn times_power_of_ten(mut self, mut exponent: u64) -> Option<Self> {
        if self == Self::ZERO {
            return Some(self);
        }
        while exponent >= BIG_STEP.1 {
            self = self.times_plus(BIG_STEP.0, 0)?;
            exponent -= BIG_STEP.1;
        }
        self.times_plus(10_u64.pow(exponent as u32), 0)
    }

    /// The value of big-endian bytes in two's complement as sign and magnitude, when that fits.
    pub(super) fn from_big_endian(bytes: &[u8]) -> Option<(bool, Self)> {
        let negative = bytes.first().is_some_and(|first| first & 0x80 != 0);
        let filler = if negative { 0xff } else { 0 };
        let start = bytes.iter().position(|byte| *byte != filler).unwrap_or(bytes.len());
        let rest = &bytes[start..];
        let padding = 32_usize.checked_sub(rest.len())?;
        let mut wide = [filler; 32];
        wide[padding..].copy_from_slice(rest);
        let mut limbs = [0; 4];
        for (limb, bytes) in limbs.iter_mut().rev().zip(wide.as_chunks().0) {
            *limb = u64::from_be_bytes(*bytes);
        }
        let value = Self { limbs };
        Some((negative, if negative { value.negated() } else { value }))
    }

    /// Two's complement of the value, negated or not, lowest byte first.
    pub(super) fn to_little_endian(self, negative: bool) -> [u8; 32] {
        let value = if negative { self.negated() } else { self };
        let mut bytes = [0; 32];
        for (bytes, limb) in bytes.as_chunks_mut().0.iter_mut().zip(value.limbs) {
            *bytes = limb.to_le_bytes();
        }
        bytes
    }

    /// 2^256 - `self`.
    fn negated(self) -> Self {
        let mut carry = true;
        let limbs = self.limbs.map(|limb| {
            let (sum, overflow) = (!limb).overflowing_add(carry.into());
            carry = overflow;
            sum
        });
        Self { limbs }
    }
}

impl Ord for U256 {
    fn cmp(&self, other: &Self) -> Ordering {
        self.limbs.iter().rev().cmp(other.limbs.iter().rev())
    }
}

impl PartialOrd for U256 {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn powers_of_ten_fit_up_to_77_digits() {
        let one = U256::from_u128(1);
        let largest = one.times_power_of_ten(77).unwrap();
        assert!(largest > one.times_power_of_ten(76).unwrap());
        assert_eq!(one.times_power_of_ten(78), None);
        assert_eq!(U256::ones(256).times_plus(1, 1), None);
        assert_eq!(U256::ZERO.times_power_of_ten(u64::MAX), Some(U256::ZERO));
        assert_eq!(U256::ones(128).to_u128(), Some(u128::MAX));
        assert_eq!(U256::ones(129).to_u128(), None);
    }

    #[test]
    fn the_smallest_integer_of_256_bits_has_a_magnitude() {
        let mut bytes = [0; 33];
        bytes[..2].copy_from_slice(&[0xff, 0x80]);
        let (negative, magnitude) = U256::from_big_endian(&bytes).unwrap();
        assert!(negative);
        assert_eq!(magnitude.to_little_endian(true)[31], 0x80);
        bytes[0] = 0x7f;
        assert_eq!(U256::from_big_endian(&bytes), None);
    }

    proptest! {
        #[test]
        fn integers_of_128_bits_go_through_unchanged(value: i128, pad in 0_usize..40) {
            let filler = if value < 0 { 0xff } else { 0 };
            let bytes = [vec![filler; pad], value.to_be_bytes().to_vec()].concat();
            let (negative, magnitude) = U256::from_big_endian(&bytes).unwrap();
            prop_assert_eq!(negative, value < 0);
            prop_assert_eq!(magnitude, U256::from_u128(value.unsigned_abs()));
            let little_endian = magnitude.to_little_endian(negative);
            prop_assert_eq!(&little_endian[..16], &value.to_le_bytes());
            prop_assert!(little_endian[16..].iter().all(|byte| *byte == filler));
        }

        #[test]
        fn arithmetic_agrees_with_128_bits(value: u64, factor: u64, addend: u64, exponent in 0_u64..19) {
            let wide = u128::from(value);
            let sum = wide * u128::from(factor) + u128::from(addend);
            prop_assert_eq!(U256::from_u128(wide).times_plus(factor, addend), Some(U256::from_u128(sum)));
            let product = wide * 10_u128.pow(exponent as u32);
            prop_assert_eq!(U256::from_u128(wide).times_power_of_ten(exponent), Some(U256::from_u128(product)));
            prop_assert_eq!(U256::from_u128(wide).cmp(&U256::from_u128(sum)), wide.cmp(&sum));
        }
    }
}
