//! One form of a message out of all that mean the same: every field once, in the order of their numbers, the values of a
//! repeated field side by side and not packed, parts of a message merged, of a oneof the last member only, of repeated
//! keys of a map the last entry only, unknown fields left out.
//!
//! That two encodings in a row are the encoding of the merged message is what makes merging easy.
//! Source: protobuf.dev, "Encoding", "Last One Wins".

use super::{
    catalog::{Catalog, Field, Kind, Number, Rank, push_field},
    program::MAX_DEPTH,
    wire::{Broken, END_GROUP, Flaw, GROUP, Key, Raw, Reader, VARINT, push_varint},
};

/// Appends the canonical form of a message of type `message`, which is the `depth`th of messages in each other.
pub(super) fn write(
    catalog: &Catalog,
    message: usize,
    body: &[u8],
    depth: usize,
    out: &mut Vec<u8>,
) -> Result<(), Broken> {
    check(catalog, message, body, depth)?;
    Writer { catalog, document: body, out }.message(message, &[Span::of(body, body)])
}

/// Appends the canonical form of one field of a message.
pub(super) fn write_field(
    catalog: &Catalog,
    message: usize,
    field: usize,
    body: &[u8],
    depth: usize,
    out: &mut Vec<u8>,
) -> Result<(), Broken> {
    let fields = &catalog.messages[message].fields;
    let field = &fields[field];
    scan(body, |key, raw| if field.takes(key) { check_value(catalog, field, raw, depth) } else { Ok(()) })?;
    Writer { catalog, document: body, out }.field(fields, field, &[Span::of(body, body)])
}

/// Whether all of a message is valid, what is replaced later included.
fn check(catalog: &Catalog, message: usize, body: &[u8], depth: usize) -> Result<(), Broken> {
    let message = &catalog.messages[message];
    let mut reader = Reader::new(body);
    if depth > MAX_DEPTH {
        return Err(reader.broken(Flaw::TooDeep));
    }
    while let Some(key) = reader.key()? {
        let raw = reader.raw(key)?;
        let field = message.field(key.number()).map(|field| &message.fields[field]);
        if let Some(field) = field.filter(|field| field.takes(key)) {
            check_value(catalog, field, raw, depth)?;
        }
    }
    Ok(())
}

fn check_value(catalog: &Catalog, field: &Field, raw: Raw<'_>, depth: usize) -> Result<(), Broken> {
    match (field.kind, raw) {
        (Kind::Message(message), Raw::Bytes(body)) => check(catalog, message, body, depth + 1),
        (Kind::Text { checked: true }, Raw::Bytes(text)) if simdutf8::basic::from_utf8(text).is_err() => {
            Err(Reader::new(text).broken(Flaw::NotUtf8))
        }
        (_, Raw::Bytes(packed)) if field.packable() => {
            let key = Key::new(field.number, field.number_kind().map_or(VARINT, Number::form));
            let mut reader = Reader::new(packed);
            while !reader.rest.is_empty() {
                reader.skip(key)?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Calls `each` with every key and value of bytes.
fn scan<'a>(body: &'a [u8], mut each: impl FnMut(Key, Raw<'a>) -> Result<(), Broken>) -> Result<(), Broken> {
    let mut reader = Reader::new(body);
    while let Some(key) = reader.key()? {
        let raw = reader.raw(key)?;
        each(key, raw)?;
    }
    Ok(())
}

/// A part of the record. Half the size of a slice: there may be one for every few bytes.
#[derive(Clone, Copy, Debug)]
struct Span {
    start: u32,
    length: u32,
}

impl Span {
    fn of(part: &[u8], document: &[u8]) -> Self {
        let start = part.as_ptr() as usize - document.as_ptr() as usize;
        Self { start: start as u32, length: part.len() as u32 }
    }

    fn slice<'d>(&self, document: &'d [u8]) -> &'d [u8] {
        &document[self.start as usize..][..self.length as usize]
    }
}

/// Writes what has been checked.
struct Writer<'w> {
    catalog: &'w Catalog,
    /// What all spans are parts of.
    document: &'w [u8],
    out: &'w mut Vec<u8>,
}

impl<'w> Writer<'w> {
    /// Calls `each` with every key and value of a message that came in parts.
    fn scan(
        &self,
        parts: &[Span],
        mut each: impl FnMut(Key, Raw<'w>) -> Result<(), Broken>,
    ) -> Result<(), Broken> {
        parts.iter().try_for_each(|part| scan(part.slice(self.document), &mut each))
    }

    fn message(&mut self, message: usize, parts: &[Span]) -> Result<(), Broken> {
        let catalog = self.catalog;
        let message = &catalog.messages[message];
        let mut present = vec![false; message.fields.len()];
        let mut set = vec![None; message.oneofs.len()];
        self.scan(parts, |key, _| {
            let field = message.field(key.number()).filter(|field| message.fields[*field].takes(key));
            if let Some(field) = field {
                present[field] = true;
                if let Some(oneof) = message.fields[field].oneof {
                    set[oneof] = Some(field);
                }
            }
            Ok(())
        })?;
        for (index, field) in message.fields.iter().enumerate() {
            let is_last = field.oneof.is_none_or(|oneof| set[oneof] == Some(index));
            if present[index] && is_last {
                self.field(&message.fields, field, parts)?;
            }
        }
        Ok(())
    }

    fn field(&mut self, siblings: &[Field], field: &Field, parts: &[Span]) -> Result<(), Broken> {
        match (field.rank, field.kind) {
            (Rank::Map, Kind::Message(entry)) => self.map(field, entry, parts),
            (Rank::Single, Kind::Message(message)) => self.merged((siblings, field), message, parts),
            (Rank::Single, _) => {
                let mut last = None;
                self.scan(parts, |key, raw| {
                    last = if key == field.key() { Some(raw) } else { last };
                    Ok(())
                })?;
                last.into_iter().for_each(|raw| push_field(self.out, field.key(), raw));
                Ok(())
            }
            _ => parts.iter().try_for_each(|part| {
                scan(part.slice(self.document), |key, raw| match raw {
                    _ if !field.takes(key) => Ok(()),
                    Raw::Bytes(packed) if field.packable() => self.packed(field, packed),
                    raw => self.item(field, raw),
                })
            }),
        }
    }

    /// One value of a repeated field.
    fn item(&mut self, field: &Field, raw: Raw<'_>) -> Result<(), Broken> {
        match (field.kind, raw) {
            (Kind::Message(message), Raw::Bytes(body)) => {
                self.nested(field.key(), message, &[Span::of(body, self.document)])
            }
            _ => {
                push_field(self.out, field.key(), raw);
                Ok(())
            }
        }
    }

    fn packed(&mut self, field: &Field, packed: &[u8]) -> Result<(), Broken> {
        let form = field.number_kind().map_or(VARINT, Number::form);
        let mut reader = Reader::new(packed);
        while !reader.rest.is_empty() {
            let raw = reader.raw(Key::new(field.number, form))?;
            push_field(self.out, field.key(), raw);
        }
        Ok(())
    }

    /// All parts of the one message that the field holds, since another member of its oneof was set.
    fn merged(
        &mut self,
        (siblings, field): (&[Field], &Field),
        message: usize,
        parts: &[Span],
    ) -> Result<(), Broken> {
        let unsets = |key: Key| {
            let sibling = siblings.binary_search_by_key(&key.number(), |sibling| sibling.number);
            let sibling = sibling.map(|index| &siblings[index]);
            let is_other = |other: &Field| other.number != field.number && other.takes(key);
            field.oneof.is_some() && sibling.is_ok_and(|other| other.oneof == field.oneof && is_other(other))
        };
        let mut bodies: Vec<Span> = Vec::new();
        self.scan(parts, |key, raw| {
            match raw {
                // Of parts without content only the first counts: that it is there.
                Raw::Bytes(body) if key == field.key() && (bodies.is_empty() || !body.is_empty()) => {
                    bodies.push(Span::of(body, self.document));
                }
                _ if unsets(key) => bodies.clear(),
                _ => {}
            }
            Ok(())
        })?;
        self.nested(field.key(), message, &bodies)
    }

    fn nested(&mut self, key: Key, message: usize, bodies: &[Span]) -> Result<(), Broken> {
        push_varint(self.out, key.0.into());
        let start = self.out.len();
        self.message(message, bodies)?;
        if key.form() == GROUP {
            push_varint(self.out, Key::new(key.number(), END_GROUP).0.into());
        } else {
            let mut length = Vec::with_capacity(5);
            push_varint(&mut length, (self.out.len() - start) as u64);
            self.out.splice(start..start, length);
        }
        Ok(())
    }

    /// Entries, of those with the same key the last.
    fn map(&mut self, field: &Field, entry: usize, parts: &[Span]) -> Result<(), Broken> {
        let mut entries: Vec<Span> = Vec::new();
        self.scan(parts, |key, raw| {
            if let Raw::Bytes(body) = raw
                && key == field.key()
            {
                entries.push(Span::of(body, self.document));
            }
            Ok(())
        })?;
        let key_field = &self.catalog.messages[entry].fields[0];
        let key_of = |index: &u32| entry_key(key_field, entries[*index as usize].slice(self.document));
        let mut kept: Vec<u32> = (0..entries.len() as u32).rev().collect();
        // Stable, so that of equal keys the last entry comes first and is the one that stays.
        kept.sort_by(|one, other| key_of(one).cmp(&key_of(other)));
        kept.dedup_by(|one, other| key_of(one) == key_of(other));
        kept.sort_unstable();
        kept.iter().try_for_each(|index| self.nested(field.key(), entry, &[entries[*index as usize]]))
    }
}

/// The key of a map's entry, in a form whose equality is that of keys. The entry has been checked.
fn entry_key<'a>(field: &Field, body: &'a [u8]) -> Raw<'a> {
    let mut found = match field.kind {
        Kind::Number(_) => Raw::Bits(0),
        _ => Raw::Bytes(&[]),
    };
    let scanned = scan(body, |key, raw| {
        if key == field.key() {
            found = raw;
        }
        Ok(())
    });
    debug_assert!(scanned.is_ok(), "the entry has been checked");
    match (found, field.number_kind()) {
        (Raw::Bits(bits), Some(number)) => Raw::Bits(number.decode(bits)),
        (other, _) => other,
    }
}
