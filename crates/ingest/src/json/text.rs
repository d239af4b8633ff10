//! What a JSON string says once its escapes are resolved.

/// The string holds half of a UTF-16 surrogate pair, so there is no text it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LoneSurrogate;

/// Replaces `out` by the content of a string. `raw` is the text between the quotes, its escapes valid.
pub(super) fn unescape(raw: &str, out: &mut String) -> Result<(), LoneSurrogate> {
    out.clear();
    let mut rest = raw;
    while let Some((text, escape)) = rest.split_once('\\') {
        out.push_str(text);
        let (character, after) = resolve(escape)?;
        out.push(character);
        rest = after;
    }
    out.push_str(rest);
    Ok(())
}

/// The character an escape stands for, and what follows it.
fn resolve(escape: &str) -> Result<(char, &str), LoneSurrogate> {
    let mut characters = escape.chars();
    let character = match characters.next() {
        Some('b') => '\u{8}',
        Some('f') => '\u{c}',
        Some('n') => '\n',
        Some('r') => '\r',
        Some('t') => '\t',
        Some('u') => return resolve_unit(characters.as_str()),
        Some(other) => other,
        None => return Err(LoneSurrogate),
    };
    Ok((character, characters.as_str()))
}

fn resolve_unit(digits: &str) -> Result<(char, &str), LoneSurrogate> {
    let (first, rest) = unit(digits).ok_or(LoneSurrogate)?;
    if let Some(character) = char::from_u32(u32::from(first)) {
        return Ok((character, rest));
    }
    let low = rest.strip_prefix("\\u").and_then(unit);
    let (second, rest) = low.ok_or(LoneSurrogate)?;
    match char::decode_utf16([first, second]).next() {
        Some(Ok(character)) => Ok((character, rest)),
        _ => Err(LoneSurrogate),
    }
}

fn unit(digits: &str) -> Option<(u16, &str)> {
    let (digits, rest) = digits.split_at_checked(4)?;
    Some((u16::from_str_radix(digits, 16).ok()?, rest))
}
