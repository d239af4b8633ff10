//! Files of an edition in the form of proto2, which is what the compiler and the descriptors at hand know.
//!
//! Every feature that decoding depends on stays in the options, where the catalog finds it; what remains of an edition
//! is that fields have no label and are optional, and that names are reserved without quotes.
//!
//! Source: protobuf.dev, "Protobuf Editions Overview" and "Protobuf Edition 2023 Language Specification".

use super::{
    catalog::push_field,
    wire::{Broken, DELIMITED, Key, Raw, Reader},
};
use std::ops::Range;

/// A file descriptor in the form of proto2 or proto3.
pub(super) struct Lowered {
    /// The encoded FileDescriptorProto.
    pub(super) bytes: Vec<u8>,
    pub(super) name: String,
    /// Whether it was of an edition.
    pub(super) edition: bool,
}

const NAME: u32 = 1;
const SYNTAX: u32 = 12;
const EDITION: u32 = 14;

/// The encoded files of a FileDescriptorSet, or the one file that the bytes are.
pub(super) fn split_set(bytes: &[u8]) -> Result<Vec<&[u8]>, Broken> {
    let mut reader = Reader::new(bytes);
    let mut files = Vec::new();
    while let Some(key) = reader.key()? {
        match reader.raw(key)? {
            // The name of a file is text; a file in a set begins with its own name, which is a field.
            Raw::Bytes(content) if key == Key::new(1, DELIMITED) && is_file(content) => files.push(content),
            _ => return Ok(vec![bytes]),
        }
    }
    Ok(files)
}

fn is_file(bytes: &[u8]) -> bool {
    bytes.first() == Some(&0x0a) && {
        let mut reader = Reader::new(bytes);
        std::iter::from_fn(|| match reader.key() {
            Ok(None) => None,
            Ok(Some(key)) => Some(reader.skip(key).is_ok()),
            Err(_) => Some(false),
        })
        .all(|fits| fits)
    }
}

/// Rewrites an encoded FileDescriptorProto. It is called `name`, unless that is `None`.
pub(super) fn lower_descriptor(bytes: &[u8], name: Option<&str>) -> Result<Lowered, Broken> {
    let mut reader = Reader::new(bytes);
    let mut lowered = Lowered { bytes: Vec::new(), name: String::new(), edition: false };
    let mut syntax = None;
    while let Some(key) = reader.key()? {
        let raw = reader.raw(key)?;
        match (key.number(), raw) {
            (NAME, Raw::Bytes(text)) => lowered.name = String::from_utf8_lossy(text).into_owned(),
            (SYNTAX, Raw::Bytes(text)) => syntax = Some(text),
            (EDITION, _) => lowered.edition = true,
            _ => push_field(&mut lowered.bytes, key, raw),
        }
    }
    lowered.edition |= syntax == Some(b"editions".as_slice());
    if let Some(syntax) = syntax.filter(|_| !lowered.edition) {
        push_field(&mut lowered.bytes, Key::new(SYNTAX, DELIMITED), Raw::Bytes(syntax));
    }
    if let Some(name) = name {
        name.clone_into(&mut lowered.name);
    }
    push_field(&mut lowered.bytes, Key::new(NAME, DELIMITED), Raw::Bytes(lowered.name.as_bytes()));
    Ok(lowered)
}

/// Rewrites the text of a `.proto` file; `None` when it is not of an edition.
pub(super) fn lower_text(text: &str) -> Option<String> {
    let tokens = tokens(text);
    let [edition, equals, value, ..] = tokens.as_slice() else {
        return None;
    };
    if &text[edition.clone()] != "edition" || &text[equals.clone()] != "=" {
        return None;
    }
    let mut rewriter = Rewriter { text, tokens: &tokens, at: 0, copied: 0, out: String::new() };
    rewriter.replace(edition.clone(), "syntax");
    rewriter.replace(value.clone(), "\"proto2\"");
    rewriter.skip_statement();
    rewriter.scope(Scope::File);
    rewriter.out.push_str(&text[rewriter.copied..]);
    Some(rewriter.out)
}

/// What a pair of braces holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    File,
    /// A message, or an extension of one: statements may be fields.
    Fields,
    /// Statements are no fields, or fields that never have a label.
    Other,
}

struct Rewriter<'t> {
    text: &'t str,
    tokens: &'t [Range<usize>],
    /// Index of the next token.
    at: usize,
    /// How much of the text is in `out`.
    copied: usize,
    out: String,
}

impl<'t> Rewriter<'t> {
    /// Rewrites statements up to the closing brace. Braces open at most as deep as the scopes listed, so no recursion.
    fn scope(&mut self, outermost: Scope) {
        let mut scopes = vec![outermost];
        while let (Some(token), Some(scope)) = (self.peek(), scopes.last().copied()) {
            match (token, scope) {
                ("}", _) => {
                    self.at += 1;
                    scopes.pop();
                }
                ("export" | "local", _) if self.opens_type() => {
                    let range = self.tokens[self.at].clone();
                    self.replace(range, "");
                    self.at += 1;
                }
                ("message" | "extend", _) if self.skip_to_brace() => scopes.push(Scope::Fields),
                ("enum" | "oneof" | "service", _) if self.skip_to_brace() => scopes.push(Scope::Other),
                ("reserved", _) => self.quote_reserved(),
                ("import", Scope::File) if self.tokens_after(1) == Some("option") => self.drop_statement(),
                (
                    ";" | "option" | "extensions" | "map" | "repeated" | "optional" | "required" | "group",
                    _,
                ) => {
                    self.skip_statement();
                }
                (_, Scope::Fields) => {
                    // The text may end behind what looked like a message.
                    if let Some(start) = self.tokens.get(self.at).map(|token| token.start) {
                        self.replace(start..start, "optional ");
                    }
                    self.skip_statement();
                }
                _ => self.skip_statement(),
            }
        }
    }

    fn peek(&self) -> Option<&'t str> {
        self.tokens_after(0)
    }

    fn tokens_after(&self, count: usize) -> Option<&'t str> {
        self.tokens.get(self.at + count).map(|range| &self.text[range.clone()])
    }

    fn opens_type(&self) -> bool {
        matches!(self.tokens_after(1), Some("message" | "enum"))
    }

    /// Goes behind the brace of `message Name {`; stays where it is when this is no such thing but a field.
    fn skip_to_brace(&mut self) -> bool {
        let start = self.at;
        while let Some(token) = self.peek() {
            self.at += 1;
            match token {
                "{" => return true,
                "=" | ";" | "}" => break,
                _ => {}
            }
        }
        self.at = start;
        // A field of a type called so, which protoc refuses as well: passed over so that there is an end.
        self.at += 1;
        false
    }

    /// Goes behind the `;` that ends a statement, or the braces that do.
    fn skip_statement(&mut self) {
        let mut depth = 0_usize;
        while let Some(token) = self.peek() {
            match token {
                "{" | "[" => depth += 1,
                "}" if depth == 0 => return,
                "}" | "]" => depth = depth.saturating_sub(1),
                _ => {}
            }
            let ends = depth == 0 && (token == ";" || token == "}" && self.tokens_after(1) != Some(";"));
            self.at += 1;
            if ends {
                return;
            }
        }
    }

    fn drop_statement(&mut self) {
        let start = self.tokens[self.at].start;
        self.skip_statement();
        let end = self.tokens[self.at - 1].end;
        self.replace(start..end, "");
    }

    /// `reserved a, b;` becomes `reserved "a", "b";`.
    fn quote_reserved(&mut self) {
        let end = self.at;
        self.skip_statement();
        for range in &self.tokens[end + 1..self.at] {
            let word = &self.text[range.clone()];
            let is_name = word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
            if is_name && !matches!(word, "to" | "max") {
                self.replace(range.clone(), &format!("\"{word}\""));
            }
        }
    }

    fn replace(&mut self, range: Range<usize>, by: &str) {
        self.out.push_str(&self.text[self.copied..range.start]);
        self.out.push_str(by);
        self.copied = range.end;
    }
}

/// Words, strings and single signs, without comments and white space.
fn tokens(text: &str) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let end = match bytes[at] {
            byte if byte.is_ascii_whitespace() => {
                at += 1;
                continue;
            }
            b'/' if matches!(bytes.get(at + 1), Some(b'/' | b'*')) => {
                at = comment_end(text, at);
                continue;
            }
            quote @ (b'"' | b'\'') => string_end(bytes, at, quote),
            byte if is_word(byte) => {
                at + bytes[at..].iter().position(|byte| !is_word(*byte)).unwrap_or(bytes.len() - at)
            }
            _ => at + 1,
        };
        tokens.push(at..end);
        at = end;
    }
    tokens
}

/// Bytes of names with their dots, of numbers, and of characters outside of ASCII.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.') || byte >= 0x80
}

fn comment_end(text: &str, start: usize) -> usize {
    let (end, length) = if text[start..].starts_with("//") { ("\n", 1) } else { ("*/", 2) };
    text[start + 2..].find(end).map_or(text.len(), |found| start + 2 + found + length)
}

fn string_end(bytes: &[u8], start: usize, quote: u8) -> usize {
    let mut at = start + 1;
    while at < bytes.len() && bytes[at] != quote {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(bytes.len())
}
