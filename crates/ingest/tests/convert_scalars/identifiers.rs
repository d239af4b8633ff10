//! UUIDs, IP addresses and strings.

use super::*;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_uuid_is_two_little_endian_halves_with_or_without_dashes(value in any::<u128>()) {
        let bare = format!("{value:032x}");
        let dashed = format!("{}-{}-{}-{}-{}", &bare[..8], &bare[8..12], &bare[12..16], &bare[16..20], &bare[20..]);
        let mut expected = ((value >> 64) as u64).to_le_bytes().to_vec();
        expected.extend((value as u64).to_le_bytes());
        for spelling in [bare.to_uppercase(), bare, dashed.to_uppercase(), dashed] {
            prop_assert_eq!(convert(&ColumnType::Uuid, &text(spelling)), Ok(expected.clone()));
        }
    }

    #[test]
    fn addresses_are_read_as_the_standard_library_prints_them(v4 in any::<u32>(), v6 in any::<u128>()) {
        let dotted = std::net::Ipv4Addr::from(v4);
        let colons = std::net::Ipv6Addr::from(v6);
        prop_assert_eq!(convert(&ColumnType::Ipv4, &text(dotted)), Ok(v4.to_le_bytes().to_vec()));
        prop_assert_eq!(convert(&ColumnType::Ipv6, &text(colons)), Ok(v6.to_be_bytes().to_vec()));
        let mapped = dotted.to_ipv6_mapped().octets().to_vec();
        prop_assert_eq!(convert(&ColumnType::Ipv6, &text(dotted)), Ok(mapped));
    }

    #[test]
    fn a_string_keeps_its_bytes_and_a_fixed_string_is_padded_or_refused(value in any::<String>()) {
        prop_assert_eq!(convert(&ColumnType::String, &text(&value)), Ok(value.clone().into_bytes()));
        let mut padded = value.clone().into_bytes();
        padded.resize(10, 0);
        let expected = if value.len() <= 10 { Ok(padded) } else { Err(Reason::TooLong) };
        prop_assert_eq!(convert(&ColumnType::FixedString(10), &text(&value)), expected);
    }
}

#[test]
fn a_number_in_a_string_is_its_text() {
    let token = "-1.50e3";
    assert_eq!(convert(&ColumnType::String, &number(token)), Ok(token.into()));
    assert_eq!(convert(&ColumnType::FixedString(7), &number(token)), Ok(token.into()));
    assert_eq!(convert(&ColumnType::FixedString(6), &number(token)), Err(Reason::TooLong));
}

#[test]
fn what_only_resembles_a_uuid_is_refused() {
    for other in [
        "",
        "00112233445566778899aabbccddeef",
        "00112233445566778899aabbccddeeff0",
        "0011223344556677-8899-aabb-ccddeeff00",
        "00112233-4455-6677-8899-aabbccddeefg",
        "{0112233-4455-6677-8899-aabbccddeef}",
        "+0112233-4455-6677-8899-aabbccddeeff",
        "00112233-4455-6677-8899_aabbccddeeff",
    ] {
        assert_eq!(convert(&ColumnType::Uuid, &text(other)), Err(Reason::NotAUuid), "{other}");
    }
}

#[test]
fn what_only_resembles_an_address_is_refused() {
    for other in ["", "1.2.3", "1.2.3.256", "01.2.3.4", "1.2.3.4 ", "::1", "16909060"] {
        assert_eq!(convert(&ColumnType::Ipv4, &text(other)), Err(Reason::NotAnIpAddress), "{other}");
    }
    for other in ["", ":::", "fe80::1%eth0", "[::1]", "12345::"] {
        assert_eq!(convert(&ColumnType::Ipv6, &text(other)), Err(Reason::NotAnIpAddress), "{other}");
    }
}
