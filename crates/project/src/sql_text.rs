//! Finds its way through SQL text without understanding it: quotes, brackets, comments.

use std::ops::Range;

/// The same text with comments made blank, so that places stay.
///
/// `#` and `--` begin a comment outside quotes and back-ticks.
pub(crate) fn without_comments(text: &str) -> String {
    let mut blanked = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(character) = text[at..].chars().next() {
        let rest = &text[at..];
        let length = if matches!(character, '\'' | '"' | '`') {
            // A quote that stays open on its line is no reason to lose the comments after it.
            quoted_length(rest).unwrap_or(1)
        } else if character == '#' || rest.starts_with("--") {
            let length = rest.find('\n').unwrap_or(rest.len());
            blanked.extend(std::iter::repeat_n(' ', length));
            at += length;
            continue;
        } else {
            character.len_utf8()
        };
        blanked.push_str(&rest[..length]);
        at += length;
    }
    blanked
}

/// Bytes of the quoted text at the beginning, quotes included; `None` when it stays open.
pub(crate) fn quoted_length(text: &str) -> Option<usize> {
    let mut characters = text.char_indices();
    let (_, quote) = characters.next()?;
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' if quote != '`' => {
                characters.next();
            }
            end if end == quote => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// Walks over text and stops where `stop` says so, outside quotes and brackets.
///
/// # Errors
/// The place of a quote or bracket that stays open, or of a bracket that closes nothing.
pub(crate) fn find_outside(
    text: &str,
    mut stop: impl FnMut(usize, char) -> bool,
) -> Result<Option<usize>, usize> {
    let mut open: Vec<(usize, char)> = Vec::new();
    let mut at = 0;
    while let Some(character) = text[at..].chars().next() {
        if open.is_empty() && stop(at, character) {
            return Ok(Some(at));
        }
        let mut length = character.len_utf8();
        match character {
            '\'' | '"' | '`' => length = quoted_length(&text[at..]).ok_or(at)?,
            '(' => open.push((at, ')')),
            '[' => open.push((at, ']')),
            ')' | ']' => match open.pop() {
                Some((_, closing)) if closing == character => {}
                _ => return Err(at),
            },
            _ => {}
        }
        at += length;
    }
    open.first().map_or(Ok(None), |(at, _)| Err(*at))
}

/// The parts between commas outside quotes and brackets, without white space around them.
///
/// When something stays open, the rest is one part: reading that part tells the trouble.
pub(crate) fn split_list(text: &str) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let mut start = 0;
    while let Ok(Some(length)) = find_outside(&text[start..], |_, character| character == ',') {
        parts.push(trimmed(text, start..start + length));
        start += length + 1;
    }
    parts.push(trimmed(text, start..text.len()));
    parts
}

/// The range without white space at its ends.
pub(crate) fn trimmed(text: &str, range: Range<usize>) -> Range<usize> {
    let part = &text[range.clone()];
    let start = range.start + part.len() - part.trim_start().len();
    start..start + part.trim().len()
}

/// Column names of a key such as `a, b` or `(a, b)`; `None` when it holds expressions.
pub(crate) fn plain_columns(key: &str) -> Option<Vec<(String, Range<usize>)>> {
    let mut range = trimmed(key, 0..key.len());
    let inside = key[range.clone()].strip_prefix("tuple").unwrap_or(&key[range.clone()]);
    if inside.starts_with('(') && inside.ends_with(')') && is_one_bracket(inside) {
        range = range.end - inside.len() + 1..range.end - 1;
    }
    let parts = split_list(&key[range.clone()]);
    let mut columns = Vec::new();
    for part in parts {
        let part = range.start + part.start..range.start + part.end;
        let text = &key[part.clone()];
        let name = text.strip_prefix('`').and_then(|inner| inner.strip_suffix('`')).unwrap_or(text);
        if text.is_empty() {
            continue;
        }
        if name == text && !crate::text::is_identifier(name) {
            return None;
        }
        columns.push((name.to_owned(), part));
    }
    Some(columns)
}

/// Whether the first bracket closes at the very end.
fn is_one_bracket(text: &str) -> bool {
    matches!(find_outside(&text[1..text.len() - 1], |_, _| false), Ok(None))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn names(key: &str) -> Option<Vec<String>> {
        plain_columns(key).map(|columns| columns.into_iter().map(|(name, _)| name).collect())
    }

    #[test]
    fn keys_of_plain_columns_are_told_from_expressions() {
        assert_eq!(names("a, `b c`"), Some(vec!["a".into(), "b c".into()]));
        assert_eq!(names("(a, b)"), Some(vec!["a".into(), "b".into()]));
        assert_eq!(names("tuple(a)"), Some(vec!["a".into()]));
        assert_eq!(names("tuple()"), Some(vec![]));
        assert_eq!(names("toDate(a), b"), None);
        assert_eq!(names("(a), (b)"), None);
    }

    #[test]
    fn comments_become_blank_outside_quotes() {
        assert_eq!(without_comments("a -- b\n`#.x` # c"), "a     \n`#.x`    ");
        assert_eq!(without_comments("'--' \"#\""), "'--' \"#\"");
    }

    proptest! {
        #[test]
        fn blanking_keeps_every_place(text in "[ab'\"`#\\-\n\\\\é]{0,30}") {
            prop_assert_eq!(without_comments(&text).len(), text.len());
        }

        #[test]
        fn any_text_can_be_split(text in ".{0,30}") {
            for part in split_list(&text) {
                prop_assert!(text.get(part).is_some());
            }
        }
    }
}
