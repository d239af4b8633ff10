//! Checks the texts of many rows in one pass.

use crate::column_batch::{Column, NO_MEMBER, Values};

/// Whether every text of the rows from `first_row` on is UTF-8.
pub(super) fn texts_are_valid(column: &Column, first_row: usize) -> bool {
    match &column.values {
        Values::Fixed { .. } => true,
        Values::Bytes { ends, bytes } => bytes_are_valid(ends, bytes, first_row),
        Values::List { ends, items } => texts_are_valid(items, end_of(ends, first_row)),
        Values::Tuple(elements) => elements.iter().all(|element| texts_are_valid(element, first_row)),
        Values::Variant { discriminators, members } => {
            let rows_before = |member: usize| {
                let before = &discriminators[..first_row];
                before.iter().filter(|known| **known != NO_MEMBER && usize::from(**known) == member).count()
            };
            let mut members = members.iter().enumerate();
            members.all(|(index, member)| texts_are_valid(member, rows_before(index)))
        }
    }
}

fn end_of(ends: &[usize], rows: usize) -> usize {
    rows.checked_sub(1).map_or(0, |last| ends[last])
}

/// All texts together are UTF-8, and no character is torn in two between two of them.
fn bytes_are_valid(ends: &[usize], bytes: &[u8], first_row: usize) -> bool {
    let start = end_of(ends, first_row);
    let is_continuation = |end: &usize| bytes.get(*end).is_some_and(|byte| byte & 0xc0 == 0x80);
    simdutf8::basic::from_utf8(&bytes[start..]).is_ok() && !ends[first_row..].iter().any(is_continuation)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(texts: &[&[u8]]) -> Column {
        let mut column =
            Column { values: Values::Bytes { ends: vec![], bytes: vec![] }, nulls: None, absent: None };
        let Values::Bytes { ends, bytes } = &mut column.values else {
            unreachable!("it was just made");
        };
        for text in texts {
            bytes.extend_from_slice(text);
            ends.push(bytes.len());
        }
        column
    }

    #[test]
    fn a_character_torn_between_rows_is_no_text() {
        assert!(texts_are_valid(&texts(&["é".as_bytes(), b"", b"x"]), 0));
        assert!(!texts_are_valid(&texts(&[b"\xc3", b"\xa9"]), 0));
        assert!(!texts_are_valid(&texts(&[b"a\xff"]), 0));
    }

    #[test]
    fn rows_before_the_first_do_not_count() {
        assert!(texts_are_valid(&texts(&[b"\xff", b"x"]), 1));
    }
}
