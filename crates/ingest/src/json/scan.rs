//! Finding where JSON tokens end, with the checks RFC 8259 asks for.
//!
//! Every function takes the whole record and an index into it, and answers with the index after what it read.

use wide::u8x16;

/// The record is not valid JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broken {
    /// Index of the first byte that cannot stand where it stands; the record's length when it ends early.
    pub(super) at: usize,
}

/// Arrays and objects may be nested this deep, as in serde_json.
pub(super) const MAX_DEPTH: u8 = 127;

/// Where a string ends, and whether it holds escapes.
#[derive(Clone, Copy, Debug)]
pub(super) struct StringToken {
    /// Index after the closing quote.
    pub(super) end: usize,
    /// Whether the content differs from the text between the quotes.
    pub(super) escaped: bool,
}

/// Index of the first byte at or after `at` that is not JSON white space.
#[inline(always)]
pub(super) fn skip_space(bytes: &[u8], at: usize) -> usize {
    match bytes.get(at) {
        Some(byte) if *byte <= b' ' => skip_some_space(bytes, at),
        _ => at,
    }
}

#[cold]
fn skip_some_space(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    let is_space = |byte: &&u8| matches!(**byte, b' ' | b'\t' | b'\n' | b'\r');
    at + rest.iter().take_while(is_space).count()
}

/// Reads `byte`.
#[inline(always)]
pub(super) fn expect(bytes: &[u8], at: usize, byte: u8) -> Result<usize, Broken> {
    if bytes.get(at) == Some(&byte) { Ok(at + 1) } else { Err(Broken { at }) }
}

/// Reads `true`, `false` or `null`.
pub(super) fn literal(bytes: &[u8], at: usize, word: &[u8]) -> Result<usize, Broken> {
    let rest = bytes.get(at..).unwrap_or_default();
    if rest.starts_with(word) {
        return Ok(at + word.len());
    }
    let same = rest.iter().zip(word).take_while(|(a, b)| a == b).count();
    Err(Broken { at: at + same })
}

/// Reads a string whose opening quote stands at `at`.
#[inline(always)]
pub(super) fn string(bytes: &[u8], at: usize) -> Result<StringToken, Broken> {
    let stop = string_stop(bytes, at + 1);
    if bytes.get(stop) == Some(&b'"') {
        return Ok(StringToken { end: stop + 1, escaped: false });
    }
    escaped_string(bytes, stop)
}

/// Reads on from the first byte of a string that may be an escape.
fn escaped_string(bytes: &[u8], mut at: usize) -> Result<StringToken, Broken> {
    loop {
        match bytes.get(at) {
            Some(b'"') => {
                return Ok(StringToken { end: at + 1, escaped: true });
            }
            Some(b'\\') => at = string_stop(bytes, escape(bytes, at + 1)?),
            _ => return Err(Broken { at }),
        }
    }
}

/// Reads an escape from after its backslash. A lone surrogate is a valid escape, though no text.
fn escape(bytes: &[u8], at: usize) -> Result<usize, Broken> {
    match bytes.get(at) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 1),
        Some(b'u') => {
            let digits = bytes[at + 1..].iter().take(4);
            match digits.take_while(|byte| byte.is_ascii_hexdigit()).count() {
                4 => Ok(at + 5),
                valid => Err(Broken { at: at + 1 + valid }),
            }
        }
        _ => Err(Broken { at }),
    }
}

/// Index of the first quote, backslash or control character at or after `at`.
#[inline(always)]
fn string_stop(bytes: &[u8], mut at: usize) -> usize {
    while let Some(chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        let stops = stops_in(*chunk);
        if stops != 0 {
            return at + stops.trailing_zeros() as usize;
        }
        at += LANES;
    }
    let rest = bytes.get(at..).unwrap_or_default();
    let is_text = |byte: &&u8| !matches!(**byte, b'"' | b'\\' | 0..b' ');
    at + rest.iter().take_while(is_text).count()
}

/// Bytes looked at together.
const LANES: usize = 16;

/// One bit for each byte that is a quote, a backslash or a control character.
#[inline(always)]
fn stops_in(chunk: [u8; LANES]) -> i32 {
    let chunk = u8x16::new(chunk);
    let last_control = u8x16::splat(b' ' - 1);
    let stops = chunk.cmp_eq(u8x16::splat(b'"'))
        | chunk.cmp_eq(u8x16::splat(b'\\'))
        | chunk.min(last_control).cmp_eq(chunk);
    stops.move_mask()
}

/// Reads a number.
#[inline]
pub(super) fn number(bytes: &[u8], at: usize) -> Result<usize, Broken> {
    let first = at + usize::from(bytes.get(at) == Some(&b'-'));
    let integer_end = match bytes.get(first) {
        Some(b'0') => first + 1,
        Some(b'1'..=b'9') => skip_digits(bytes, first + 1),
        _ => return Err(Broken { at: first }),
    };
    match bytes.get(integer_end) {
        Some(b'.' | b'e' | b'E') => fraction(bytes, integer_end),
        _ => Ok(integer_end),
    }
}

fn fraction(bytes: &[u8], mut at: usize) -> Result<usize, Broken> {
    if bytes.get(at) == Some(&b'.') {
        at = some_digits(bytes, at + 1)?;
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        let signed = matches!(bytes.get(at + 1), Some(b'+' | b'-'));
        at = some_digits(bytes, at + 1 + usize::from(signed))?;
    }
    Ok(at)
}

fn some_digits(bytes: &[u8], at: usize) -> Result<usize, Broken> {
    match skip_digits(bytes, at) {
        end if end > at => Ok(end),
        _ => Err(Broken { at }),
    }
}

#[inline(always)]
fn skip_digits(bytes: &[u8], mut at: usize) -> usize {
    while let Some(chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        let others = not_digits(u64::from_le_bytes(*chunk));
        if others != 0 {
            return at + others.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

/// The top bit of each byte that is no digit; only the lowest set bit is exact.
#[inline(always)]
fn not_digits(word: u64) -> u64 {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    let values = word ^ (ONES * b'0' as u64);
    (values.wrapping_add(ONES * (0x80 - 10)) | values) & (ONES << 7)
}

/// Reads any value without looking at what it says. `depth` is the number of arrays and objects around it.
#[inline]
pub(super) fn value(bytes: &[u8], at: usize, depth: u8) -> Result<usize, Broken> {
    match bytes.get(at) {
        Some(b'"') => string(bytes, at).map(|token| token.end),
        Some(b'-' | b'0'..=b'9') => number(bytes, at),
        Some(b'{' | b'[') => container(bytes, at, depth),
        _ => word(bytes, at),
    }
}

fn word(bytes: &[u8], at: usize) -> Result<usize, Broken> {
    match bytes.get(at) {
        Some(b't') => literal(bytes, at, b"true"),
        Some(b'f') => literal(bytes, at, b"false"),
        Some(b'n') => literal(bytes, at, b"null"),
        _ => Err(Broken { at }),
    }
}

/// Containers that are open: one bit each, 1 = object, the innermost lowest. No recursion, no allocation.
struct Open {
    kinds: u128,
    count: u8,
    around: u8,
}

impl Open {
    fn enter(&mut self, at: usize, is_object: bool) -> Result<(), Broken> {
        if self.around + self.count == MAX_DEPTH {
            return Err(Broken { at });
        }
        self.kinds = self.kinds << 1 | u128::from(is_object);
        self.count += 1;
        Ok(())
    }

    fn leave(&mut self) {
        self.kinds >>= 1;
        self.count -= 1;
    }

    fn in_object(&self) -> bool {
        self.kinds & 1 == 1
    }
}

/// Reads an array or object.
fn container(bytes: &[u8], mut at: usize, depth: u8) -> Result<usize, Broken> {
    let mut open = Open { kinds: 0, count: 0, around: depth };
    loop {
        at = first_leaf(bytes, at, &mut open)?;
        at = close(bytes, at, &mut open);
        if open.count == 0 {
            return Ok(at);
        }
        at = skip_space(bytes, expect(bytes, at, b',')?);
        if open.in_object() {
            at = key(bytes, at)?;
        }
    }
}

/// Goes down to the first value that is not a container with members; reads it.
fn first_leaf(bytes: &[u8], mut at: usize, open: &mut Open) -> Result<usize, Broken> {
    loop {
        at = match bytes.get(at) {
            Some(b'"') => return string(bytes, at).map(|token| token.end),
            Some(b'-' | b'0'..=b'9') => return number(bytes, at),
            Some(b'{') => {
                open.enter(at, true)?;
                let member = skip_space(bytes, at + 1);
                if bytes.get(member) == Some(&b'}') {
                    return Ok(member);
                }
                key(bytes, member)?
            }
            Some(b'[') => {
                open.enter(at, false)?;
                let item = skip_space(bytes, at + 1);
                if bytes.get(item) == Some(&b']') {
                    return Ok(item);
                }
                item
            }
            _ => return word(bytes, at),
        }
    }
}

/// Closes containers as long as brackets follow.
fn close(bytes: &[u8], mut at: usize, open: &mut Open) -> usize {
    while open.count > 0 {
        at = skip_space(bytes, at);
        let bracket = if open.in_object() { b'}' } else { b']' };
        if bytes.get(at) != Some(&bracket) {
            break;
        }
        open.leave();
        at += 1;
    }
    at
}

/// Reads a key, its colon and the white space around.
pub(super) fn key(bytes: &[u8], at: usize) -> Result<usize, Broken> {
    if bytes.get(at) != Some(&b'"') {
        return Err(Broken { at });
    }
    let colon = skip_space(bytes, string(bytes, at)?.end);
    Ok(skip_space(bytes, expect(bytes, colon, b':')?))
}

/// Where reading a container goes on.
#[derive(Clone, Copy, Debug)]
pub(super) enum Next {
    /// At an item or member.
    Item(usize),
    /// After the closing bracket.
    End(usize),
}

impl Next {
    /// The index either way.
    pub(super) fn position(self) -> usize {
        match self {
            Self::Item(at) | Self::End(at) => at,
        }
    }
}

/// The first item of the container whose opening bracket stands at `at`.
#[inline(always)]
pub(super) fn first_item(bytes: &[u8], at: usize, close: u8) -> Next {
    match skip_space(bytes, at + 1) {
        at if bytes.get(at) == Some(&close) => Next::End(at + 1),
        at => Next::Item(at),
    }
}

/// The item after the one that ends at `at`.
#[inline(always)]
pub(super) fn next_item(bytes: &[u8], at: usize, close: u8) -> Result<Next, Broken> {
    // Most producers write no white space.
    match bytes.get(at..).and_then(<[u8]>::first_chunk) {
        Some([b',', after]) if *after > b' ' => Ok(Next::Item(at + 1)),
        _ => spaced_item(bytes, at, close),
    }
}

#[inline]
fn spaced_item(bytes: &[u8], at: usize, close: u8) -> Result<Next, Broken> {
    let at = skip_space(bytes, at);
    match bytes.get(at) {
        Some(b',') => Ok(Next::Item(skip_space(bytes, at + 1))),
        Some(byte) if *byte == close => Ok(Next::End(at + 1)),
        _ => Err(Broken { at }),
    }
}

/// Checks a whole record: one value with white space around it.
pub(super) fn whole(bytes: &[u8]) -> Result<(), Broken> {
    let end = value(bytes, skip_space(bytes, 0), 0)?;
    finish(bytes, end)
}

/// Checks that only white space follows.
#[inline(always)]
pub(super) fn finish(bytes: &[u8], at: usize) -> Result<(), Broken> {
    match skip_space(bytes, at) {
        end if end == bytes.len() => Ok(()),
        at => Err(Broken { at }),
    }
}
