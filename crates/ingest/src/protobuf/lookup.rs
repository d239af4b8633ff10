//! Values that a path finds by what stands in the record: those of a map by their keys, those of an Any by the type that
//! it names.

use super::canonical;
use super::catalog::{Field, Kind, Known, Number, Preset};
use super::compile::{Compiler, Place as Found, Read, Refusal, at, lack_of, level_type};
use super::program::{Action, Entry, Keyed, Mode, Node, Packed, PackedType, Part, Wanted};
use super::walk::{Place, Stop, Walk};
use super::wire::{Broken, DELIMITED, Key, Raw, Reader};
use crate::column_batch::Column;
use forebay_project::model::PathStep;

/// Types of a schema that one Any is read as. Each of them costs a node for every path into the Any.
const MAX_PACKED_TYPES: usize = 1_000;

const TYPE_URL: Key = Key(1 << 3 | DELIMITED);
const VALUE: Key = Key(2 << 3 | DELIMITED);

impl Compiler<'_> {
    /// What is done with the entries of a map for all whose paths go on with a key.
    pub(super) fn keys(
        &mut self,
        map: &Field,
        reads: &[Read<'_>],
        node: &mut Node,
    ) -> Result<Option<Action>, Refusal> {
        let Kind::Message(entry) = map.kind else { unreachable!("a map is made of entry messages") };
        let [key, value] = self.catalog.messages[entry].fields.as_slice() else {
            unreachable!("an entry has a key and a value")
        };
        let mut by_key: Vec<(Preset, Vec<Read<'_>>)> = Vec::new();
        for read in reads {
            let Some(wanted) = wanted_key(key.kind, &read.steps[0]) else {
                node.nowhere.push(self.nowhere(read)?);
                continue;
            };
            let read = Read { steps: &read.steps[1..], ..*read };
            match by_key.iter_mut().find(|(known, _)| *known == wanted) {
                Some((_, reads)) => reads.push(read),
                None => by_key.push((wanted, vec![read])),
            }
        }
        if by_key.is_empty() {
            return Ok(None);
        }
        let (field, entry, number) = (map.key(), Entry::of(key, value), key.number_kind());
        let wanted = by_key.into_iter().map(|(key, reads)| self.wanted(key, value.kind, &reads, node));
        let wanted = wanted.collect::<Result<_, _>>()?;
        self.program.keyed.push(Keyed { field, entry, number, wanted });
        Ok(Some(Action::Keys(self.program.keyed.len() - 1)))
    }

    fn wanted(
        &mut self,
        key: Preset,
        kind: Kind,
        reads: &[Read<'_>],
        node: &mut Node,
    ) -> Result<Wanted, Refusal> {
        let (whole, inside): (Vec<Read<'_>>, Vec<Read<'_>>) =
            reads.iter().partition(|read| read.steps.is_empty());
        let mut below = Node::default();
        let mut actions = Vec::new();
        for read in &whole {
            let column_type = level_type(read);
            self.target = read.target;
            let shape = self.value_shape(kind, column_type).map_err(at(read))?;
            let leaf = self.leaf(read, shape, Mode::Single, lack_of(column_type))?;
            below.leaves.push(leaf);
            actions.push(Action::Leaf(leaf));
        }
        actions.extend(self.inside(kind, &inside, &mut below)?);
        node.leaves.extend(&below.leaves);
        node.nowhere.extend(below.nowhere);
        Ok(Wanted { key, action: Action::all(actions), leaves: below.leaves })
    }

    /// For paths into an Any: how they are read from each type that it may pack. An Any inside of another one is read by
    /// its own fields only, or the ways to read it would multiply.
    pub(super) fn packed(
        &mut self,
        message: usize,
        reads: &[Read<'_>],
    ) -> Result<Option<Box<Packed>>, Refusal> {
        if self.catalog.messages[message].known != Some(Known::Any) || self.in_any {
            return Ok(None);
        }
        self.in_any = true;
        let packed = self.packed_types(message, reads);
        self.in_any = false;
        packed.map(|packed| Some(Box::new(packed)).filter(|packed| !packed.is_empty()))
    }

    fn packed_types(&mut self, any: usize, reads: &[Read<'_>]) -> Result<Packed, Refusal> {
        let catalog = self.catalog;
        let mut packed = Packed::new();
        for (message, found) in catalog.messages.iter().enumerate() {
            let (mut inside, mut own) = (Vec::new(), Vec::new());
            for read in reads {
                match self.in_packed(message, read) {
                    Some(read) => inside.push(read),
                    None => own.push(*read),
                }
            }
            if !inside.is_empty() && packed.len() < MAX_PACKED_TYPES {
                let (inside, own) = (self.node(message, &inside)?, self.node(any, &own)?);
                packed.insert(found.full_name.clone(), PackedType { message, inside, own });
            }
        }
        Ok(packed)
    }

    /// What a path finds in a packed message. One that means something else than its fields stands under the name
    /// `value`, as in its JSON form.
    fn in_packed<'a>(&self, message: usize, read: &Read<'a>) -> Option<Read<'a>> {
        if self.catalog.messages[message].known.is_some() {
            return match read.steps {
                [PathStep::Field(name), rest @ ..] if name == "value" => Some(Read { steps: rest, ..*read }),
                _ => None,
            };
        }
        let is_found = !matches!(self.place(message, read), Found::Whole | Found::Nowhere);
        is_found.then_some(*read)
    }
}

/// The key that a step of a path names, as the entries of a map hold it.
fn wanted_key(kind: Kind, step: &PathStep) -> Option<Preset> {
    let PathStep::Field(name) = step else { return None };
    let (text, bits) = match kind {
        Kind::Text { .. } => return Some(Preset::Bytes(name.as_bytes().into())),
        Kind::Number(Number::Bool) => {
            let flag: bool = name.parse().ok()?;
            (flag.to_string(), flag.into())
        }
        Kind::Number(Number::Uint32 | Number::Uint64 | Number::Fixed32 | Number::Fixed64) => {
            let number: u64 = name.parse().ok()?;
            (number.to_string(), number)
        }
        Kind::Number(_) => {
            let number: i64 = name.parse().ok()?;
            (number.to_string(), number as u64)
        }
        _ => return None,
    };
    (text == *name).then_some(Preset::Bits(bits))
}

impl Entry {
    pub(super) fn of(key: &Field, value: &Field) -> Self {
        Self { key: Part::of(key), value: Part::of(value) }
    }

    /// Key and value of an entry. Where one of them stands twice, the canonical form decides.
    #[inline(always)]
    pub(super) fn read<'e>(&'e self, body: &'e [u8]) -> Result<(Raw<'e>, Raw<'e>), Stop> {
        let (mut key, mut value) = (None, None);
        let mut reader = Reader::new(body);
        while let Some(found) = reader.key()? {
            let raw = reader.raw(found)?;
            let part = match found {
                found if found == self.key.key => &mut key,
                found if found == self.value.key => &mut value,
                _ => continue,
            };
            if part.replace(raw).is_some() {
                return Err(Stop::Again);
            }
        }
        Ok((key.unwrap_or(self.key.default.raw()), value.unwrap_or(self.value.default.raw())))
    }
}

impl Part {
    fn of(field: &Field) -> Self {
        let zero = match field.kind {
            Kind::Number(_) | Kind::Enum(_) => Preset::Bits(0),
            _ => Preset::Bytes(Box::default()),
        };
        Self { key: field.key(), default: field.default.clone().unwrap_or(zero) }
    }
}

impl Walk<'_> {
    /// Reads those values of a map that paths lead to; of repeated keys the last entry counts.
    pub(super) fn keys(
        &mut self,
        columns: &mut [Column],
        map: &Keyed,
        body: &[u8],
        place: Place,
    ) -> Result<(), Stop> {
        let mut found = vec![None; map.wanted.len()];
        let mut reader = Reader::new(body);
        while let Some(key) = reader.key()? {
            let Raw::Bytes(entry) = reader.raw(key)? else { continue };
            if key != map.field {
                continue;
            }
            let (key, value) = map.entry.read(entry)?;
            let key = match (key, map.number) {
                (Raw::Bits(bits), Some(number)) => Raw::Bits(number.decode(bits)),
                (key, _) => key,
            };
            if let Some(index) = map.wanted.iter().position(|wanted| wanted.key.raw() == key) {
                found[index] = Some(value);
            }
        }
        for (wanted, found) in map.wanted.iter().zip(found) {
            match found {
                Some(raw) => {
                    self.act(columns, &wanted.action, raw, Place { depth: place.depth + 1, ..place })?;
                }
                None => wanted.leaves.iter().try_for_each(|leaf| self.lack(columns, *leaf, false, place))?,
            }
        }
        Ok(())
    }

    /// Reads an Any as the message that it packs, and what that does not have as the Any itself.
    pub(super) fn packed_message(
        &mut self,
        packed: PackedType,
        body: &[u8],
        columns: &mut [Column],
        place: Place,
    ) -> Result<(), Stop> {
        self.message(packed.own, body, columns, place)?;
        let value = Any::of(body)?.value;
        let inside = Place { depth: place.depth + 1, ..place };
        if !self.canonical {
            return self.message(packed.inside, value, columns, inside);
        }
        // What an Any packs is bytes to the message around, so it is not in canonical form when that is.
        let mut bytes = Vec::new();
        canonical::write(self.catalog, packed.message, value, inside.depth, &mut bytes)?;
        self.message(packed.inside, &bytes, columns, inside)
    }
}

/// How an Any is read that packs a type of the schema.
pub(super) fn packed_type(packed: &Packed, body: &[u8]) -> Result<Option<PackedType>, Broken> {
    let name = std::str::from_utf8(Any::of(body)?.url).map(type_name);
    Ok(name.ok().and_then(|name| packed.get(name)).copied())
}

/// What follows the last slash of a type URL.
pub(super) fn type_name(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or(url)
}

/// The fields of an Any.
pub(super) struct Any<'a> {
    pub(super) url: &'a [u8],
    pub(super) value: &'a [u8],
}

impl<'a> Any<'a> {
    /// Of several values of a field the last counts.
    pub(super) fn of(body: &'a [u8]) -> Result<Self, Broken> {
        let mut any = Self { url: &[], value: &[] };
        let mut reader = Reader::new(body);
        while let Some(key) = reader.key()? {
            match (key, reader.raw(key)?) {
                (TYPE_URL, Raw::Bytes(url)) => any.url = url,
                (VALUE, Raw::Bytes(value)) => any.value = value,
                _ => {}
            }
        }
        Ok(any)
    }
}
