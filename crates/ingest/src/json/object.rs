//! Objects for JSON columns: only what the engine is known to store as it stands gets through.
//!
//! The engine reads the text of all rows of a block, and one object that it refuses keeps the whole block out. It also
//! changes some values without a word. So every object is checked here for what the engine does (seen on 26.7):
//! - a path that comes twice is refused, in whichever way it is spelled: `{"a":{"b":1},"a.b":2}`;
//! - integers beyond 64 bits and floats beyond 64-bit ones are refused, smaller ones than those become zero;
//! - half of a surrogate pair is refused;
//! - values of paths that have a type (`JSON(a UInt8)`) are refused, clamped or cut when they do not fit.

use super::scan::{self, Broken, Next};
use super::text;
use crate::column_batch::Values;
use crate::convert::{Reason, Scalar, UnsupportedType};
use forebay_project::{column_type::ColumnType, json_type::JsonParameters};
use std::{
    borrow::Cow,
    hash::{DefaultHasher, Hasher},
};

/// Checks the objects of one JSON column.
#[derive(Clone, Debug)]
pub(crate) struct JsonObject {
    /// Paths that have a type.
    typed: Vec<(Box<str>, TypedPath)>,
}

impl JsonObject {
    /// For a JSON type.
    ///
    /// # Errors
    /// When a path has a type whose values are not checked.
    pub(crate) fn compile(column_type: &ColumnType) -> Result<Self, UnsupportedType> {
        let parameters = column_type.json_parameters();
        let typed = parameters.iter().flat_map(JsonParameters::typed_paths);
        let typed = typed.map(|(path, column_type)| {
            let unsupported = || UnsupportedType::JsonPath(path.to_owned());
            Ok((path.into(), TypedPath::compile(column_type).ok_or_else(unsupported)?))
        });
        Ok(Self { typed: typed.collect::<Result<_, _>>()? })
    }

    /// Whether the engine stores `text`, which is one valid JSON value without white space around it.
    pub(crate) fn check(&self, text: &str) -> Result<(), Reason> {
        if !text.starts_with('{') {
            return Err(Reason::WrongShape);
        }
        let mut check =
            Check { text, typed: &self.typed, keys: Vec::new(), path: String::new(), paths: Vec::new() };
        let has_dots = text.contains('.') || text.contains("\\u002");
        check.object(0, has_dots).map(|_| ())
    }

    /// As [`Self::check`] for text that need not be JSON: what stands between the white space.
    pub(crate) fn check_text<'t>(&self, text: &'t str) -> Result<&'t str, Reason> {
        if !super::is_valid(text.as_bytes()) {
            return Err(Reason::WrongShape);
        }
        let text = text.trim_matches([' ', '\t', '\n', '\r']);
        self.check(text).map(|()| text)
    }
}

/// How values of a path that has a type are written so that the engine reads what is written.
#[derive(Clone, Debug)]
enum TypedPath {
    /// Anything.
    Text,
    /// true and false.
    Bool,
    /// Integers without point and exponent, in quotes or not.
    Integer(Scalar),
    /// Numbers in quotes or not.
    Float(Scalar),
    /// Decimals in quotes; also without them as long as a float holds all their digits.
    Decimal(Scalar),
    /// Text of the type's own form.
    Quoted(Scalar),
    /// Dates and times as text, all parts of them written.
    Time(Scalar),
    /// A list of them.
    List {
        item: Box<TypedPath>,
        /// Whether an item may be null; the engine makes zero of it otherwise.
        nullable: bool,
    },
}

impl TypedPath {
    /// `None` for a type whose values are not checked.
    fn compile(column_type: &ColumnType) -> Option<Self> {
        let column_type = column_type.stripped();
        let scalar = || Scalar::compile(column_type).ok();
        Some(match column_type {
            ColumnType::String => Self::Text,
            ColumnType::Bool => Self::Bool,
            ColumnType::Int { .. } => Self::Integer(scalar()?),
            ColumnType::Float32 | ColumnType::Float64 | ColumnType::BFloat16 => Self::Float(scalar()?),
            ColumnType::Decimal { .. } => Self::Decimal(scalar()?),
            ColumnType::Date
            | ColumnType::Date32
            | ColumnType::DateTime { .. }
            | ColumnType::DateTime64 { .. } => Self::Time(scalar()?),
            ColumnType::FixedString(_)
            | ColumnType::Uuid
            | ColumnType::Ipv4
            | ColumnType::Ipv6
            | ColumnType::Enum { .. } => Self::Quoted(scalar()?),
            ColumnType::Array(item) => {
                Self::List { item: Box::new(Self::compile(item)?), nullable: item.is_nullable() }
            }
            _ => return None,
        })
    }

    /// `raw` is a valid JSON value other than null.
    fn check(&self, raw: &str) -> Result<(), Reason> {
        let quoted = content(raw)?;
        let written = quoted.as_deref().unwrap_or(raw);
        match (self, &quoted) {
            (Self::Text, _) => Ok(()),
            (Self::Bool, None) if matches!(raw, "true" | "false") => Ok(()),
            (Self::Integer(scalar), _)
                if written.trim_start_matches('-').bytes().all(|b| b.is_ascii_digit()) =>
            {
                converts(scalar, written)
            }
            (Self::Float(scalar), Some(_)) => converts(scalar, written),
            (Self::Float(scalar), None) if is_number(raw) => converts(scalar, raw),
            (Self::Decimal(scalar), Some(_)) if !written.contains(['e', 'E']) => converts(scalar, written),
            (Self::Decimal(scalar), None) if is_number(raw) => {
                const EXACT_DIGITS: usize = 15;
                let digits = raw.bytes().filter(u8::is_ascii_digit).count();
                if digits <= EXACT_DIGITS { converts(scalar, raw) } else { Err(Reason::Lossy) }
            }
            (Self::Quoted(scalar), Some(_)) => converts(scalar, written),
            (Self::Time(scalar), Some(_)) => {
                let is_date = written.len() == "2024-01-02".len();
                let is_time = written.len() >= "2024-01-02 03:04:05".len() && !written.contains(',');
                let has_space = written.get(11..).is_some_and(|rest| rest.contains(' '));
                let is_whole = (is_date || is_time) && !has_space && written.get(4..5) == Some("-");
                if is_whole { converts(scalar, written) } else { Err(Reason::NotATimestamp) }
            }
            (Self::List { item, nullable }, None) if raw.starts_with('[') => item.check_items(raw, *nullable),
            _ => Err(Reason::WrongShape),
        }
    }

    fn check_items(&self, raw: &str, nullable: bool) -> Result<(), Reason> {
        let bytes = raw.as_bytes();
        let mut next = scan::first_item(bytes, 0, b']');
        while let Next::Item(at) = next {
            let end = scan::value(bytes, at, 0).map_err(broken)?;
            match &raw[at..end] {
                "null" if nullable => {}
                "null" => return Err(Reason::NullForRequired),
                item => self.check(item)?,
            }
            next = scan::next_item(bytes, end, b']').map_err(broken)?;
        }
        Ok(())
    }
}

fn is_number(raw: &str) -> bool {
    raw.starts_with(|first: char| first == '-' || first.is_ascii_digit())
}

fn converts(scalar: &Scalar, text: &str) -> Result<(), Reason> {
    let mut scratch: Values = scalar.empty_values();
    scalar.push_text(text, &mut scratch).map_err(|error| error.reason)
}

/// What a string says; `None` of any other value.
fn content(raw: &str) -> Result<Option<Cow<'_, str>>, Reason> {
    let Some(inner) = raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"')) else {
        return Ok(None);
    };
    if !inner.contains('\\') {
        return Ok(Some(inner.into()));
    }
    let mut content = String::new();
    text::unescape(inner, &mut content).map_err(|_| Reason::InvalidJson)?;
    Ok(Some(content.into()))
}

/// An object under way.
struct Check<'t> {
    text: &'t str,
    typed: &'t [(Box<str>, TypedPath)],
    /// Keys of the objects around, those of the innermost last.
    keys: Vec<Cow<'t, str>>,
    /// Path of the value, with dots between the keys.
    path: String,
    /// Hashes of the paths that have a value, as paths themselves may be long; only kept when a key may hold a dot.
    paths: Vec<u64>,
}

impl<'t> Check<'t> {
    /// Reads an object; paths begin with it. Recursion is as deep as the text, which is not nested deeper than
    /// [`scan::MAX_DEPTH`].
    fn object(&mut self, at: usize, has_dots: bool) -> Result<usize, Reason> {
        let (outer_path, outer_paths) = (std::mem::take(&mut self.path), std::mem::take(&mut self.paths));
        let end = self.members(at, has_dots.then(DefaultHasher::new).as_ref(), false)?;
        self.path = outer_path;
        let mut paths = std::mem::replace(&mut self.paths, outer_paths);
        if has_repetition(&mut paths) { Err(Reason::RepeatedPath) } else { Ok(end) }
    }

    /// `around` has taken in the path of the object.
    fn members(
        &mut self,
        at: usize,
        around: Option<&DefaultHasher>,
        is_inner: bool,
    ) -> Result<usize, Reason> {
        let bytes = self.text.as_bytes();
        let (first_key, path_length) = (self.keys.len(), self.path.len());
        let mut next = scan::first_item(bytes, at, b'}');
        while let Next::Item(at) = next {
            let value = scan::key(bytes, at).map_err(broken)?;
            let key_end = scan::string(bytes, at).map_err(broken)?.end;
            let key = content(&self.text[at..key_end])?.unwrap_or_default();
            self.path.push_str(if is_inner { "." } else { "" });
            self.path.push_str(&key);
            self.keys.push(key);
            let hasher = around.cloned().map(|mut hasher| {
                hasher.write(&self.path.as_bytes()[path_length..]);
                hasher
            });
            let end = self.member(value, hasher)?;
            self.path.truncate(path_length);
            next = scan::next_item(bytes, end, b'}').map_err(broken)?;
        }
        let repeated = has_repetition(&mut self.keys[first_key..]);
        self.keys.truncate(first_key);
        if repeated { Err(Reason::RepeatedPath) } else { Ok(next.position()) }
    }

    fn member(&mut self, at: usize, hasher: Option<DefaultHasher>) -> Result<usize, Reason> {
        let bytes = self.text.as_bytes();
        let typed = self.typed.iter().find(|(path, _)| **path == *self.path);
        if bytes[at] == b'{' && typed.is_none() {
            return self.members(at, hasher.as_ref(), true);
        }
        let has_dots = hasher.is_some();
        self.paths.extend(hasher.map(|hasher| hasher.finish()));
        let end = self.value(at, has_dots)?;
        match typed {
            Some((_, typed)) if bytes[at] != b'n' => typed.check(&self.text[at..end]).map(|()| end),
            _ => Ok(end),
        }
    }

    fn value(&mut self, at: usize, has_dots: bool) -> Result<usize, Reason> {
        let bytes = self.text.as_bytes();
        match bytes[at] {
            b'{' => {
                let typed = std::mem::take(&mut self.typed);
                let end = self.object(at, has_dots)?;
                self.typed = typed;
                Ok(end)
            }
            b'[' => {
                let mut next = scan::first_item(bytes, at, b']');
                while let Next::Item(at) = next {
                    let end = self.value(at, has_dots)?;
                    next = scan::next_item(bytes, end, b']').map_err(broken)?;
                }
                Ok(next.position())
            }
            _ => {
                let end = scan::value(bytes, at, 0).map_err(broken)?;
                let raw = &self.text[at..end];
                let checked = if is_number(raw) { check_number(raw) } else { content(raw).map(|_| ()) };
                checked.map(|()| end)
            }
        }
    }
}

/// Sorts on the way.
fn has_repetition<T: Ord>(items: &mut [T]) -> bool {
    items.sort_unstable();
    items.windows(2).any(|pair| pair[0] == pair[1])
}

/// The text was valid JSON when the record was walked.
fn broken(_: Broken) -> Reason {
    Reason::InvalidJson
}

fn check_number(token: &str) -> Result<(), Reason> {
    let is_held = if token.contains(['.', 'e', 'E']) {
        let mantissa = token.split(['e', 'E']).next().unwrap_or_default();
        let is_zero = mantissa.bytes().all(|byte| matches!(byte, b'0' | b'.' | b'-'));
        token.parse().is_ok_and(|float: f64| float.is_finite() && (float != 0.0 || is_zero))
    } else {
        token.parse::<i64>().is_ok() || token.parse::<u64>().is_ok()
    };
    if is_held { Ok(()) } else { Err(Reason::OutOfRange) }
}
