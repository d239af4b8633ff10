//! UUIDs and IP addresses, in the byte order of ClickHouse Native.

use super::Reason;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// 32 hexadecimal digits of any case, bare or with the four usual dashes, as two little-endian halves.
pub(super) fn uuid(text: &str) -> Result<[u8; 16], Reason> {
    parse_uuid(text.as_bytes()).ok_or(Reason::NotAUuid)
}

fn parse_uuid(text: &[u8]) -> Option<[u8; 16]> {
    let mut digits = [0; 32];
    match text.len() {
        32 => digits.copy_from_slice(text),
        36 => {
            let (groups, dashes) = ([0..8, 9..13, 14..18, 19..23, 24..36], [8, 13, 18, 23]);
            if dashes.iter().any(|position| text[*position] != b'-') {
                return None;
            }
            let mut rest = digits.as_mut_slice();
            for group in groups {
                let (start, next) = rest.split_at_mut(group.len());
                start.copy_from_slice(&text[group]);
                rest = next;
            }
        }
        _ => return None,
    }
    let (high, low) = digits.split_at(16);
    let mut value = [0; 16];
    value[..8].copy_from_slice(&parse_half(high)?.to_le_bytes());
    value[8..].copy_from_slice(&parse_half(low)?.to_le_bytes());
    Some(value)
}

/// 16 hexadecimal digits.
fn parse_half(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0, |half, digit| {
        let digit = char::from(*digit).to_digit(16)?;
        Some(half << 4 | u64::from(digit))
    })
}

/// Dotted text without leading zeros, as a little-endian integer.
pub(super) fn ipv4(text: &str) -> Result<[u8; 4], Reason> {
    let address: Ipv4Addr = text.parse().map_err(|_| Reason::NotAnIpAddress)?;
    Ok(u32::from(address).to_le_bytes())
}

/// IPv6 text, or IPv4 text as its mapped address, in network order.
pub(super) fn ipv6(text: &str) -> Result<[u8; 16], Reason> {
    let address = match text.parse().map_err(|_| Reason::NotAnIpAddress)? {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    };
    Ok(Ipv6Addr::octets(&address))
}
