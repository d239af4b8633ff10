//! Values as the conversions know them, and messages as JSON text.
//!
//! The text is that of Protobuf's JSON mapping, but names are those of the fields as they are declared, 64-bit integers
//! are numbers, and fields that cannot be unset are always there. Source: protobuf.dev, "ProtoJSON Format".

use super::catalog::{Catalog, Field, Kind, Known, Number, Preset, Rank};
use super::lookup::{Any, type_name};
use super::program::Source;
use super::together::{take_field, values};
use super::walk::Stop;
use super::wire::{Broken, DELIMITED, Key, Raw, Reader, VARINT};
use crate::convert::{ConvertError, Reason, Value};
use crate::json_text::{push_name, push_string, push_value};
use crate::quarantine::MAX_DETAIL_BYTES;

/// Why there is no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    Broken(Broken),
    Reason(Reason),
}

impl From<Broken> for Unfit {
    fn from(broken: Broken) -> Self {
        Self::Broken(broken)
    }
}

impl From<Stop> for Unfit {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Broken(broken) => Self::Broken(broken),
            Stop::Again | Stop::Fault => {
                unreachable!("reading canonical bytes only fails where they are broken")
            }
        }
    }
}

/// A value with its type.
pub(super) fn typed<'v>(catalog: &'v Catalog, source: Source, raw: Raw<'v>) -> Result<Value<'v>, Unfit> {
    Ok(match (source, raw) {
        (Source::Number(number), Raw::Bits(bits)) => number_value(number, bits),
        (Source::Enum(enum_type), Raw::Bits(bits)) => {
            let number = bits as i32;
            let name = catalog.enums[enum_type].name(number).unwrap_or_default();
            Value::Symbol { name, number: Some(number) }
        }
        (Source::Text, Raw::Bytes(bytes)) => {
            Value::Text(simdutf8::basic::from_utf8(bytes).map_err(|_| Unfit::Reason(Reason::InvalidUtf8))?)
        }
        (Source::Timestamp, Raw::Bytes(body)) => timestamp(body)?,
        (Source::Duration, Raw::Bytes(body)) => interval(body)?,
        (_, Raw::Bytes(bytes)) => Value::Bytes(bytes),
        (_, Raw::Bits(bits)) => Value::UInt(bits),
    })
}

fn number_value(number: Number, bits: u64) -> Value<'static> {
    let decoded = number.decode(bits);
    match number {
        Number::Bool => Value::Bool(decoded != 0),
        Number::Float => Value::Float32(f32::from_bits(decoded as u32)),
        Number::Double => Value::Float64(f64::from_bits(decoded)),
        Number::Uint32 | Number::Uint64 | Number::Fixed32 | Number::Fixed64 => Value::UInt(decoded),
        _ => Value::Int(decoded as i64),
    }
}

/// The fields of a Timestamp or a Duration.
#[inline(always)]
pub(super) fn seconds_and_nanos(body: &[u8]) -> Result<(i64, i32), Broken> {
    const SECONDS: Key = Key(1 << 3 | VARINT);
    const NANOS: Key = Key(2 << 3 | VARINT);
    let (mut seconds, mut nanos) = (0, 0);
    let mut reader = Reader::new(body);
    while let Some(key) = reader.key()? {
        match key {
            SECONDS => seconds = reader.varint()? as i64,
            NANOS => nanos = reader.varint()? as i32,
            other => reader.skip(other)?,
        }
    }
    Ok((seconds, nanos))
}

/// Source: google/protobuf/timestamp.proto: years 1 to 9999, nanoseconds count forward.
fn timestamp(body: &[u8]) -> Result<Value<'static>, Unfit> {
    let (seconds, nanos) = seconds_and_nanos(body)?;
    let in_range =
        (-62_135_596_800..=253_402_300_799).contains(&seconds) && (0..1_000_000_000).contains(&nanos);
    if !in_range {
        return Err(Unfit::Reason(Reason::OutOfRange));
    }
    let precision = [0, 3, 6].into_iter().find(|digits| nanos % 10_i32.pow(9 - digits) == 0).unwrap_or(9);
    let per_second = 10_i128.pow(precision);
    let ticks = i128::from(seconds) * per_second + i128::from(nanos) * per_second / 1_000_000_000;
    Ok(Value::Timestamp { ticks, precision: precision as u8, local: false })
}

/// Source: google/protobuf/duration.proto: about 10,000 years, both parts of the same sign.
fn interval(body: &[u8]) -> Result<Value<'static>, Unfit> {
    let (seconds, nanos) = seconds_and_nanos(body)?;
    let in_range = (-315_576_000_000..=315_576_000_000).contains(&seconds)
        && (-999_999_999..=999_999_999).contains(&nanos)
        && seconds.signum() * i64::from(nanos.signum()) >= 0;
    if !in_range {
        return Err(Unfit::Reason(Reason::OutOfRange));
    }
    Ok(Value::Interval { nanos: i128::from(seconds) * 1_000_000_000 + i128::from(nanos) })
}

/// A value as text, for people: what it would be in a String column, or the beginning of it.
pub(super) fn plain(catalog: &Catalog, source: Source, raw: Raw<'_>) -> String {
    let mut out = Vec::new();
    let raw = match (source, raw) {
        (Source::Text | Source::Bytes, Raw::Bytes(bytes)) => {
            Raw::Bytes(&bytes[..bytes.len().min(MAX_DETAIL_BYTES)])
        }
        (_, raw) => raw,
    };
    match (source, raw) {
        (Source::Message(message), Raw::Bytes(body)) => {
            let mut canonical = Vec::new();
            let mut json = Json { catalog, out: &mut out, depth: 0 };
            let written = super::canonical::write(catalog, message, body, 1, &mut canonical);
            // What cannot be shown whole is shown as far as it goes.
            let _ = written.map_err(Unfit::from).and_then(|()| json.message(message, &canonical));
        }
        _ => match typed(catalog, source, raw) {
            Ok(value) => drop(value.write_text(&mut out)),
            Err(_) => out.extend_from_slice(if let Raw::Bytes(bytes) = raw { bytes } else { b"" }),
        },
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Writes canonical messages as JSON.
pub(super) struct Json<'j> {
    pub(super) catalog: &'j Catalog,
    pub(super) out: &'j mut Vec<u8>,
    /// Messages around what is written.
    pub(super) depth: usize,
}

impl Json<'_> {
    pub(super) fn message(&mut self, message: usize, body: &[u8]) -> Result<(), Unfit> {
        self.depth += 1;
        let written = self.message_itself(message, body);
        self.depth -= 1;
        written
    }

    fn message_itself(&mut self, message: usize, body: &[u8]) -> Result<(), Unfit> {
        let catalog = self.catalog;
        let message = &catalog.messages[message];
        let first = message.fields.first();
        match (message.known, first) {
            (Some(Known::Timestamp), _) => self.value(timestamp(body)?),
            (Some(Known::Duration), _) => self.value(interval(body)?),
            (Some(Known::FieldMask), _) => {
                push_string(self.out, &field_mask(body)?);
                Ok(())
            }
            (Some(Known::Any), _) => self.packed(&message.fields, body),
            (Some(Known::Value), _) => self.any_value(&message.fields, body),
            (Some(Known::Struct | Known::ListValue), Some(field)) => self.field_value(field, body),
            (Some(Known::Wrapper), Some(field)) => {
                self.one_or_default(field, values(body).last().transpose()?)
            }
            _ => self.object(&message.fields, body),
        }
    }

    fn object(&mut self, fields: &[Field], body: &[u8]) -> Result<(), Unfit> {
        self.out.push(b'{');
        self.members(fields, body)?;
        self.out.push(b'}');
        Ok(())
    }

    fn members(&mut self, fields: &[Field], body: &[u8]) -> Result<(), Unfit> {
        let mut rest = body;
        for field in fields {
            let region = take_field(&mut rest, field)?;
            if region.is_empty() && field.presence {
                continue;
            }
            push_name(self.out, &field.name);
            if region.is_empty() && field.rank == Rank::Single {
                self.one_or_default(field, None)?;
            } else {
                self.field_value(field, region)?;
            }
        }
        Ok(())
    }

    /// An Any as the message that it packs or, if its type is not one of the schema, by its own fields.
    fn packed(&mut self, fields: &[Field], body: &[u8]) -> Result<(), Unfit> {
        let catalog = self.catalog;
        let Any { url, value } = Any::of(body)?;
        let url = std::str::from_utf8(url).unwrap_or_default();
        let Some(message) = catalog.find(type_name(url)) else {
            return self.object(fields, body);
        };
        let mut packed = Vec::new();
        super::canonical::write(catalog, message, value, self.depth + 1, &mut packed)?;
        self.out.push(b'{');
        push_name(self.out, "@type");
        push_string(self.out, url);
        if catalog.messages[message].known.is_some() {
            push_name(self.out, "value");
            self.message(message, &packed)?;
        } else {
            self.depth += 1;
            self.members(&catalog.messages[message].fields, &packed)?;
            self.depth -= 1;
        }
        self.out.push(b'}');
        Ok(())
    }

    /// An object of one member.
    pub(super) fn object_of_one(
        &mut self,
        name: &str,
        value: impl FnOnce(&mut Self) -> Result<(), Unfit>,
    ) -> Result<(), Unfit> {
        self.out.push(b'{');
        push_string(self.out, name);
        self.out.push(b':');
        value(self)?;
        self.out.push(b'}');
        Ok(())
    }

    /// All values of a field, side by side in `region`.
    pub(super) fn field_value(&mut self, field: &Field, region: &[u8]) -> Result<(), Unfit> {
        let (open, close) = match field.rank {
            Rank::Single => return values(region).try_for_each(|raw| self.one(field, raw?)),
            Rank::Repeated => (b'[', b']'),
            Rank::Map => (b'{', b'}'),
        };
        self.out.push(open);
        for (index, raw) in values(region).enumerate() {
            if index > 0 {
                self.out.push(b',');
            }
            match raw? {
                Raw::Bytes(entry) if field.rank == Rank::Map => self.entry(field, entry)?,
                raw => self.one(field, raw)?,
            }
        }
        self.out.push(close);
        Ok(())
    }

    fn entry(&mut self, field: &Field, entry: &[u8]) -> Result<(), Unfit> {
        let Kind::Message(message) = field.kind else { unreachable!("a map is made of entry messages") };
        let catalog = self.catalog;
        let [key, value] = catalog.messages[message].fields.as_slice() else {
            unreachable!("an entry has a key and a value")
        };
        let mut rest = entry;
        let (keys, items) = (take_field(&mut rest, key)?, take_field(&mut rest, value)?);
        self.quoted(key, values(keys).last().transpose()?)?;
        self.out.push(b':');
        self.one_or_default(value, values(items).last().transpose()?)
    }

    /// A key: text, or a number or boolean in quotes.
    fn quoted(&mut self, field: &Field, raw: Option<Raw<'_>>) -> Result<(), Unfit> {
        if matches!(field.kind, Kind::Text { .. }) {
            return self.one_or_default(field, raw);
        }
        self.out.push(b'"');
        self.one_or_default(field, raw)?;
        self.out.push(b'"');
        Ok(())
    }

    /// A value or, in its place, what an unset field without presence is; of a map's entry also an empty message.
    fn one_or_default(&mut self, field: &Field, raw: Option<Raw<'_>>) -> Result<(), Unfit> {
        let default = || field.default.as_ref().map(Preset::raw);
        self.one(field, raw.or_else(default).unwrap_or(Raw::Bytes(&[])))
    }

    fn one(&mut self, field: &Field, raw: Raw<'_>) -> Result<(), Unfit> {
        let source = match field.kind {
            Kind::Message(message) => match raw {
                Raw::Bytes(body) => return self.message(message, body),
                Raw::Bits(_) => unreachable!("a message is never bits"),
            },
            Kind::Number(number) => Source::Number(number),
            Kind::Enum(enum_type) => Source::Enum(enum_type),
            Kind::Text { .. } => Source::Text,
            Kind::Bytes => Source::Bytes,
        };
        let value = typed(self.catalog, source, raw)?;
        self.value(value)
    }

    fn value(&mut self, value: Value<'_>) -> Result<(), Unfit> {
        push_value(self.out, value).map_err(|ConvertError { reason }| Unfit::Reason(reason))
    }

    /// A google.protobuf.Value: what it holds, or null.
    fn any_value(&mut self, fields: &[Field], body: &[u8]) -> Result<(), Unfit> {
        let mut reader = Reader::new(body);
        let Some(key) = reader.key()? else {
            self.out.extend_from_slice(b"null");
            return Ok(());
        };
        let raw = reader.raw(key)?;
        match fields.iter().find(|field| field.key() == key) {
            Some(field) if !matches!(field.kind, Kind::Enum(_)) => self.one(field, raw),
            _ => {
                self.out.extend_from_slice(b"null");
                Ok(())
            }
        }
    }
}

/// The paths of a field mask, in lower camel case, separated by commas.
pub(super) fn field_mask(body: &[u8]) -> Result<String, Unfit> {
    let mut text = String::new();
    let mut reader = Reader::new(body);
    while let Some(key) = reader.key()? {
        debug_assert_eq!(key.form(), DELIMITED, "canonical bytes hold paths only");
        let path = std::str::from_utf8(reader.delimited()?);
        let path = path.map_err(|_| Unfit::Reason(Reason::InvalidUtf8))?;
        if !text.is_empty() {
            text.push(',');
        }
        push_camel_case(&mut text, path);
    }
    Ok(text)
}

fn push_camel_case(out: &mut String, path: &str) {
    let mut after_underscore = false;
    for character in path.chars() {
        match character {
            '_' => after_underscore = true,
            character if after_underscore => {
                out.push(character.to_ascii_uppercase());
                after_underscore = false;
            }
            character => out.push(character),
        }
    }
}
