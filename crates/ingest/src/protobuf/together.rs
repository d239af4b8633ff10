//! Columns for which all values of a field, or a whole message, must be known first: JSON text, tuples made of lists,
//! Maps made of fields. They are made of the canonical form, in which values of a field stand side by side.

use super::canonical;
use super::catalog::{Field, Known, push_field};
use super::program::{FieldPlan, JsonOf, Mode, Shape};
use super::text::{Json, Unfit, field_mask};
use super::walk::{Place, Stop, Walk, elements_of, end_list, items_of};
use super::wire::{Raw, Reader};
use crate::column_batch::{Column, Values};
use crate::convert::{ConvertError, Reason, Scalar};

/// Where the values of a column come from that are read together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gathered {
    pub(super) message: usize,
    pub(super) field: usize,
    pub(super) mode: Mode,
}

impl Walk<'_> {
    /// Reads all values that a field has in `body` into one row.
    pub(super) fn together(
        &mut self,
        column: &mut Column,
        shape: usize,
        from: Gathered,
        body: &[u8],
        target: usize,
        depth: usize,
    ) -> Result<(), Stop> {
        let mut region = std::mem::take(&mut self.state.region);
        region.clear();
        let written =
            canonical::write_field(self.catalog, from.message, from.field, body, depth, &mut region);
        let result = written
            .map_err(Stop::Broken)
            .and_then(|()| self.region(column, (shape, from.mode), &region, target, depth));
        self.state.region = region;
        result
    }

    /// Reads the values of one field, which stand side by side, into one row.
    fn region(
        &mut self,
        column: &mut Column,
        (shape, mode): (usize, Mode),
        region: &[u8],
        target: usize,
        depth: usize,
    ) -> Result<(), Stop> {
        let program = self.program;
        match &program.shapes[shape] {
            _ if mode == Mode::Single => {
                values(region).try_for_each(|raw| self.again(column, shape, raw?, target, depth))
            }
            Shape::List { .. } | Shape::Entries(_) => {
                values(region).try_for_each(|raw| self.item(column, shape, raw?, target, depth))?;
                end_list(&mut column.values);
                Ok(())
            }
            Shape::Positions { parts } if values(region).count() == parts.len() => {
                let elements = elements_of(&mut column.values).iter_mut().zip(parts);
                elements
                    .zip(values(region))
                    .try_for_each(|((element, shape), raw)| self.again(element, *shape, raw?, target, depth))
            }
            Shape::Tuple { node } => {
                let place = Place { level: 0, depth };
                self.message(*node, region, elements_of(&mut column.values), place)
            }
            Shape::Positions { .. } => self.refuse_list(mode, region, target),
            Shape::Json { what: JsonOf::Field { message, field }, scalar } => {
                let field = &self.catalog.messages[*message].fields[*field];
                self.json(column, scalar, target, depth, |json| json.field_value(field, region))
            }
            Shape::Member { member, shape } => {
                let column = super::fill::member_of(&mut column.values, *member);
                self.region(column, (*shape, mode), region, target, depth)
            }
            Shape::Refused { .. } => self.refuse_list(mode, region, target),
            shape => unreachable!("{shape:?} was compiled for a list"),
        }
    }

    #[cold]
    fn refuse_list(&mut self, mode: Mode, region: &[u8], target: usize) -> Result<(), Stop> {
        let catalog = self.catalog;
        self.fault(target, Reason::WrongShape, || {
            let mut text = Vec::new();
            if let Mode::Together { message, field } = mode {
                // What cannot be shown whole is shown as far as it goes.
                let _ = Json { catalog, out: &mut text, depth: 0 }
                    .field_value(&catalog.messages[message].fields[field], region);
            }
            lossy(&text)
        })
    }

    /// A message as JSON text.
    pub(super) fn json_message(
        &mut self,
        column: &mut Column,
        message: usize,
        scalar: &Scalar,
        body: &[u8],
        target: usize,
        depth: usize,
    ) -> Result<(), Stop> {
        let catalog = self.catalog;
        self.with_canonical(
            |out| canonical::write(catalog, message, body, depth + 1, out),
            |walk, region| {
                walk.json(column, scalar, target, depth, |json| match catalog.messages[message].known {
                    // Alone in a column it is text, not JSON.
                    Some(Known::FieldMask) => {
                        json.out.extend_from_slice(field_mask(region)?.as_bytes());
                        Ok(())
                    }
                    _ => json.message(message, region),
                })
            },
        )
    }

    /// A member of a oneof as a JSON object of this one member.
    pub(super) fn named(
        &mut self,
        column: &mut Column,
        (name, message, field): (&str, usize, &Field),
        raw: Raw<'_>,
        scalar: &Scalar,
        target: usize,
        depth: usize,
    ) -> Result<(), Stop> {
        let catalog = self.catalog;
        let mut alone = Vec::new();
        push_field(&mut alone, field.key(), raw);
        let index = catalog.messages[message].field(field.number).expect("the field is one of the message");
        self.with_canonical(
            |out| canonical::write_field(catalog, message, index, &alone, depth, out),
            |walk, region| {
                walk.json(column, scalar, target, depth, |json| {
                    json.object_of_one(name, |json| json.field_value(field, region))
                })
            },
        )
    }

    /// The fields of a message as the entries of a Map. Unset fields have none.
    pub(super) fn fields(
        &mut self,
        column: &mut Column,
        message: usize,
        (key, plans): (&Scalar, &[FieldPlan]),
        body: &[u8],
        target: usize,
        depth: usize,
    ) -> Result<(), Stop> {
        let catalog = self.catalog;
        self.with_canonical(
            |out| canonical::write(catalog, message, body, depth + 1, out),
            |walk, region| {
                let mut rest = region;
                for plan in plans {
                    let field = &catalog.messages[message].fields[plan.field];
                    let values = take_field(&mut rest, field)?;
                    walk.field_entry(column, (key, plan, field), values, target, depth)?;
                }
                end_list(&mut column.values);
                Ok(())
            },
        )
    }

    fn field_entry(
        &mut self,
        column: &mut Column,
        (key, plan, field): (&Scalar, &FieldPlan, &Field),
        region: &[u8],
        target: usize,
        depth: usize,
    ) -> Result<(), Stop> {
        if region.is_empty() && field.presence {
            return Ok(());
        }
        let pair = items_of(&mut column.values);
        let [keys, items] = elements_of(&mut pair.values) else {
            unreachable!("entries are pairs of key and value");
        };
        if let Err(ConvertError { reason }) = key.push_text(&field.name, &mut keys.values) {
            self.fault(target, reason, || field.name.to_string())?;
        }
        match &field.default {
            Some(default) if region.is_empty() => self.again(items, plan.shape, default.raw(), target, depth),
            _ => self.region(items, (plan.shape, plan.mode), region, target, depth),
        }
    }

    fn with_canonical(
        &mut self,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), super::wire::Broken>,
        read: impl FnOnce(&mut Self, &[u8]) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        let mut region = std::mem::take(&mut self.state.region);
        region.clear();
        let result = write(&mut region).map_err(Stop::Broken).and_then(|()| read(self, &region));
        self.state.region = region;
        result
    }

    /// JSON text into a String or JSON column.
    fn json(
        &mut self,
        column: &mut Column,
        scalar: &Scalar,
        target: usize,
        depth: usize,
        write: impl FnOnce(&mut Json<'_>) -> Result<(), Unfit>,
    ) -> Result<(), Stop> {
        let mut text = std::mem::take(&mut self.state.text);
        text.clear();
        let written = write(&mut Json { catalog: self.catalog, out: &mut text, depth });
        let result = match written {
            Err(Unfit::Broken(broken)) => Err(broken.into()),
            Err(Unfit::Reason(reason)) => self.fault(target, reason, || lossy(&text)),
            Ok(()) => match push_json(&mut column.values, scalar, &text) {
                Ok(()) => Ok(()),
                Err(reason) => self.fault(target, reason, || lossy(&text)),
            },
        };
        if let (Ok(()), Some(nulls)) = (&result, &mut column.nulls) {
            nulls.push(0);
        }
        self.state.text = text;
        result
    }
}

fn push_json(values: &mut Values, scalar: &Scalar, text: &[u8]) -> Result<(), Reason> {
    let text = std::str::from_utf8(text).map_err(|_| Reason::InvalidUtf8)?;
    scalar.push_json(text, values).map_err(|ConvertError { reason }| reason)
}

fn lossy(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}

/// The values of bytes that hold one field only.
pub(super) fn values(region: &[u8]) -> impl Iterator<Item = Result<Raw<'_>, Stop>> {
    let mut reader = Reader::new(region);
    std::iter::from_fn(move || {
        let key = reader.key().transpose()?;
        Some(key.and_then(|key| reader.raw(key)).map_err(Stop::Broken))
    })
}

/// Takes the values of a field off the front of a message in canonical form.
pub(super) fn take_field<'a>(rest: &mut &'a [u8], field: &Field) -> Result<&'a [u8], super::wire::Broken> {
    let start = *rest;
    let mut reader = Reader::new(rest);
    loop {
        let before = reader;
        match reader.key()? {
            Some(key) if key.number() == field.number => reader.skip(key)?,
            _ => {
                *rest = before.rest;
                return Ok(&start[..start.len() - before.rest.len()]);
            }
        }
    }
}
