//! The key-order cache: producers rarely change the order of their keys, so the next key is mostly known beforehand.

use super::program::Names;
use super::scan::{self, Broken};
use super::text;

/// Keys one object has shown, in the order they came. A hit costs one comparison and no scan of the key.
#[derive(Clone, Debug, Default)]
pub(super) struct KeyCache {
    known: Vec<KnownKey>,
    scratch: String,
}

/// A key with its quotes and colon as they stood in a record, and where it leads. A key's text alone decides that,
/// so an entry never goes stale.
#[derive(Clone, Debug)]
struct KnownKey {
    /// The first 16 bytes, zeros behind a shorter key.
    head: [u64; 2],
    /// Ones where `head` counts.
    mask: [u64; 2],
    text: Box<[u8]>,
    target: Option<usize>,
}

/// A member of an object, read up to its value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member {
    /// Where the key leads; `None` when nothing is read from it.
    pub(super) target: Option<usize>,
    /// Index of the value's first byte.
    pub(super) value: usize,
}

/// Number of keys remembered for one object, so that objects used as maps do not fill memory.
const MAX_KNOWN: usize = 64;
/// Longest key remembered, in bytes with quotes and colon.
const MAX_KEY: usize = 256;
/// How many keys a record may leave out before the cache is searched from its start.
const MAX_SKIPPED: usize = 3;

impl KnownKey {
    fn new(raw: &[u8], target: Option<usize>) -> Self {
        let start = &raw[..raw.len().min(HEAD)];
        let mut head = [0; HEAD];
        head[..start.len()].copy_from_slice(start);
        let mut mask = [0; HEAD];
        mask[..start.len()].fill(0xff);
        Self { head: words(&head), mask: words(&mask), text: raw.into(), target }
    }

    /// The index after this key, if it stands at `at`.
    #[inline(always)]
    fn matches(&self, bytes: &[u8], at: usize) -> Option<usize> {
        let rest = bytes.get(at..)?;
        let is_same = match rest.first_chunk() {
            Some(chunk) => {
                let [low, high] = words(chunk);
                let low = (low ^ self.head[0]) & self.mask[0];
                let high = (high ^ self.head[1]) & self.mask[1];
                low | high == 0 && (self.text.len() <= HEAD || rest.starts_with(&self.text))
            }
            None => rest.starts_with(&self.text),
        };
        is_same.then_some(at + self.text.len())
    }
}

/// Bytes of a key compared at once.
const HEAD: usize = 16;

#[inline(always)]
fn words(bytes: &[u8; HEAD]) -> [u64; 2] {
    let both = u128::from_le_bytes(*bytes);
    [both as u64, (both >> 64) as u64]
}

impl KeyCache {
    /// Reads a key, its colon and the white space after. `expected` is the position in the cache to try first,
    /// 0 for an object's first member; it moves on with every member.
    #[inline(always)]
    pub(super) fn member(
        &mut self,
        names: &Names,
        record: &str,
        at: usize,
        expected: &mut usize,
    ) -> Result<Member, Broken> {
        let bytes = record.as_bytes();
        if let Some(known) = self.known.get(*expected)
            && let Some(after) = known.matches(bytes, at)
        {
            *expected += 1;
            return Ok(Member { target: known.target, value: scan::skip_space(bytes, after) });
        }
        self.unexpected(names, record, at, expected)
    }

    #[inline(never)]
    fn unexpected(
        &mut self,
        names: &Names,
        record: &str,
        at: usize,
        expected: &mut usize,
    ) -> Result<Member, Broken> {
        let bytes = record.as_bytes();
        let near = *expected + 1..*expected + 1 + MAX_SKIPPED;
        for index in near.chain(0..self.known.len()) {
            let Some(known) = self.known.get(index) else {
                continue;
            };
            if let Some(after) = known.matches(bytes, at) {
                *expected = index + 1;
                return Ok(Member { target: known.target, value: scan::skip_space(bytes, after) });
            }
        }
        let (member, after_colon) = self.read(names, record, at)?;
        self.learn(&bytes[at..after_colon], member.target);
        Ok(member)
    }

    /// Reads a key without the cache; also says where its colon ends.
    fn read(&mut self, names: &Names, record: &str, at: usize) -> Result<(Member, usize), Broken> {
        let bytes = record.as_bytes();
        scan::expect(bytes, at, b'"')?;
        let token = scan::string(bytes, at)?;
        let raw = &record[at + 1..token.end - 1];
        let target = if !token.escaped {
            names.find(raw)
        } else if text::unescape(raw, &mut self.scratch).is_ok() {
            names.find(&self.scratch)
        } else {
            None
        };
        let colon = scan::skip_space(bytes, token.end);
        let after = scan::expect(bytes, colon, b':')?;
        let value = scan::skip_space(bytes, after);
        Ok((Member { target, value }, after))
    }

    fn learn(&mut self, raw: &[u8], target: Option<usize>) {
        if self.known.len() < MAX_KNOWN && raw.len() <= MAX_KEY {
            self.known.push(KnownKey::new(raw, target));
        }
    }
}
