//! One value into one row of a column or of a nested part of one.

use super::cursor::Broken;
use super::layout::{Meaning, NodeId, Symbol, Wire};
use super::program::{DefaultElement, Element, FieldEntry, Fill, FillId, Lack};
use super::walk::{Failed, Walk, end_list};
use crate::column_batch::{Column, Values};
use crate::convert::{Reason, Scalar, Value};
use crate::document::Texts;

impl Walk<'_, '_> {
    /// Reads the value that stands next into one more row of `column`.
    pub(super) fn fill(&mut self, column: &mut Column, fill: FillId) -> Result<(), Failed> {
        let program = self.program;
        let mut fill = &program.fills[fill];
        if let Fill::Optional { null_first, null, value } = fill {
            let branch = self.cursor.index(2, Broken::NoSuchBranch);
            let is_null = (self.check(branch)? == 0) == *null_first;
            fill = &program.fills[if is_null { *null } else { *value }];
        }
        let values = &mut column.values;
        match fill {
            Fill::Integer { width } => {
                let value = self.cursor.long();
                push_low(values, self.check(value)?, *width);
            }
            Fill::Int32 { width } => {
                let value = self.cursor.int();
                push_low(values, self.check(value)?.into(), *width);
            }
            Fill::Text { later, .. } => {
                let bytes = self.bytes(Wire::Block)?;
                if !later || self.texts == Texts::CheckedAtOnce {
                    self.check_text(bytes)?;
                }
                push_bytes(values, bytes);
            }
            Fill::Copy { bytes: 4 } => {
                let bytes = self.cursor.array::<4>();
                fixed(values).extend_from_slice(&self.check(bytes)?);
            }
            Fill::Copy { .. } => {
                let bytes = self.cursor.array::<8>();
                fixed(values).extend_from_slice(&self.check(bytes)?);
            }
            Fill::Ticks { factor, max, .. } => match self.ticks(*max)? {
                Some(ticks) => push_low(values, ticks * factor, 8),
                None => self.unusual_ticks(values, fill)?,
            },
            Fill::SymbolText(symbols) => {
                let symbol = self.symbol(symbols)?;
                push_bytes(values, symbol.as_bytes());
            }
            Fill::NullScalar => {
                push_zeros(values);
                if let Some(nulls) = &mut column.nulls {
                    nulls.push(1);
                }
                return Ok(());
            }
            other => return self.fill_rarer(column, other),
        }
        present(column);
        Ok(())
    }

    /// Ticks of a timestamp that is not out of the ordinary; else they stay unread.
    #[inline(always)]
    fn ticks(&mut self, max: i64) -> Result<Option<i64>, Failed> {
        let start = self.cursor.at;
        let ticks = self.cursor.long();
        let ticks = self.check(ticks)?;
        if (0..=max).contains(&ticks) {
            return Ok(Some(ticks));
        }
        self.cursor.at = start;
        Ok(None)
    }

    #[cold]
    fn unusual_ticks(&mut self, values: &mut Values, fill: &Fill) -> Result<(), Failed> {
        match fill {
            Fill::Ticks { scalar, meaning, .. } => self.scalar(values, Wire::Long, *meaning, scalar),
            other => unreachable!("{other:?} is no timestamp"),
        }
    }

    fn fill_rarer(&mut self, column: &mut Column, fill: &Fill) -> Result<(), Failed> {
        let values = &mut column.values;
        match fill {
            Fill::Ranged { width, min, max } => {
                let value = self.cursor.long();
                let value = self.check(value)?;
                if !(*min..=*max).contains(&value) {
                    return Err(self.refused_value(Reason::OutOfRange, Value::Int(value)));
                }
                push_low(values, value, *width);
            }
            Fill::Widen => {
                let bytes = self.cursor.array();
                let value = f64::from(f32::from_le_bytes(self.check(bytes)?));
                fixed(values).extend_from_slice(&value.to_le_bytes());
            }
            Fill::Bool => {
                let value = self.cursor.boolean();
                fixed(values).push(self.check(value)?.into());
            }
            Fill::Bytes(wire) => {
                let bytes = self.bytes(*wire)?;
                push_bytes(values, bytes);
            }
            Fill::SymbolNumber { symbols, numbers, width } => {
                let number = self.symbol_number(symbols, numbers)?;
                push_low(values, number, *width);
            }
            Fill::Symbol { symbols, scalar } => {
                let value = Value::Symbol { name: self.symbol(symbols)?, number: None };
                scalar.push(value, values).map_err(|error| self.refused_value(error.reason, value))?;
            }
            Fill::Scalar { wire, meaning, scalar } => self.scalar(values, *wire, *meaning, scalar)?,
            Fill::Union(fills) => {
                let index = self.cursor.index(fills.len(), Broken::NoSuchBranch);
                let index = self.check(index)?;
                return self.fill(column, fills[index]);
            }
            Fill::Null(lack) => return self.lack(column, lack),
            Fill::Refuse { node } => return Err(self.refuse(*node)),
            other => self.fill_nested(values, other)?,
        }
        present(column);
        Ok(())
    }

    fn fill_nested(&mut self, values: &mut Values, fill: &Fill) -> Result<(), Failed> {
        match fill {
            Fill::List(item) => {
                let items = items_of(values);
                self.items(|walk| walk.fill(items, *item))?;
                end_list(values);
                Ok(())
            }
            Fill::Entries { key, value } => {
                let [keys, items] = entries_of(values);
                self.items(|walk| {
                    walk.key(keys, key)?;
                    walk.fill(items, *value)
                })?;
                end_list(values);
                Ok(())
            }
            Fill::FieldEntries { key, fields } => self.field_entries(values, key, fields),
            Fill::Tuple { fields, defaults, missing } => {
                let elements = elements_of(values);
                for field in fields {
                    match *field {
                        Element::Fill { element, fill } => self.fill(&mut elements[element], fill)?,
                        Element::Skip(node) => self.skip(node, 0)?,
                    }
                }
                for DefaultElement { bytes, element, fill } in defaults {
                    self.over(bytes, |walk| walk.fill(&mut elements[*element], *fill))?;
                }
                missing.iter().try_for_each(|(element, lack)| self.lack(&mut elements[*element], lack))
            }
            Fill::NamedTuple { value, elements } => self.named_tuple(values, *value, elements),
            Fill::PositionalTuple(fills) => self.positional_tuple(values, fills),
            Fill::Member { member, fill } => {
                let Values::Variant { discriminators, members } = values else {
                    unreachable!("a member was compiled for a Variant column");
                };
                discriminators.push(*member);
                self.fill(&mut members[usize::from(*member)], *fill)
            }
            Fill::Json { node, scalar } => self.fill_json(values, *node, scalar),
            other => unreachable!("{other:?} is filled elsewhere"),
        }
    }

    fn check_text(&mut self, bytes: &[u8]) -> Result<(), Failed> {
        match simdutf8::basic::from_utf8(bytes) {
            Ok(_) => Ok(()),
            Err(_) => Err(self.refused_value(Reason::InvalidUtf8, Value::Bytes(bytes))),
        }
    }

    fn scalar(
        &mut self,
        values: &mut Values,
        wire: Wire,
        meaning: Meaning,
        scalar: &Scalar,
    ) -> Result<(), Failed> {
        let value = self.value(wire, meaning)?;
        scalar.push(value, values).map_err(|error| self.refused_value(error.reason, value))
    }

    #[inline(always)]
    fn symbol<'s>(&mut self, symbols: &'s [Symbol]) -> Result<&'s str, Failed> {
        let index = self.cursor.index(symbols.len(), Broken::NoSuchSymbol);
        let symbol = &symbols[self.check(index)?];
        match &symbol.known {
            Some(name) => Ok(name),
            None => Err(self.unknown(symbol)),
        }
    }

    fn symbol_number(&mut self, symbols: &[Symbol], numbers: &[Option<i64>]) -> Result<i64, Failed> {
        let index = self.cursor.index(symbols.len(), Broken::NoSuchSymbol);
        let index = self.check(index)?;
        numbers[index].ok_or_else(|| self.unknown(&symbols[index]))
    }

    #[cold]
    pub(super) fn unknown(&mut self, symbol: &Symbol) -> Failed {
        self.refused_value(Reason::UnknownEnumValue, Value::Text(&symbol.written))
    }

    #[cold]
    fn refuse(&mut self, node: NodeId) -> Failed {
        match self.shown(node) {
            Ok(text) => {
                self.detail = Some(text);
                self.refused(Reason::WrongShape)
            }
            Err(failed) => failed,
        }
    }

    fn key(&mut self, keys: &mut Column, scalar: &Scalar) -> Result<(), Failed> {
        let value = Value::Text(self.text()?);
        scalar.push(value, &mut keys.values).map_err(|error| self.refused_value(error.reason, value))?;
        present(keys);
        Ok(())
    }

    fn field_entries(
        &mut self,
        values: &mut Values,
        key: &Scalar,
        fields: &[FieldEntry],
    ) -> Result<(), Failed> {
        let [keys, items] = entries_of(values);
        for field in fields {
            let (name, fill) = match field {
                FieldEntry::Skip(node) => {
                    self.skip(*node, 0)?;
                    continue;
                }
                FieldEntry::Fill { name, fill, .. } => (name, *fill),
            };
            let value = Value::Text(name);
            key.push(value, &mut keys.values).map_err(|error| self.refused_value(error.reason, value))?;
            present(keys);
            match field {
                FieldEntry::Fill { default: Some(bytes), .. } => {
                    self.over(bytes, |walk| walk.fill(items, fill))?;
                }
                _ => self.fill(items, fill)?,
            }
        }
        end_list(values);
        Ok(())
    }

    /// Reads elements by the keys of a map; of repeated keys the last one counts.
    fn named_tuple(
        &mut self,
        values: &mut Values,
        value: NodeId,
        wanted: &[(Box<str>, FillId, Lack)],
    ) -> Result<(), Failed> {
        let mut found = vec![None; wanted.len()];
        self.items(|walk| {
            let key = walk.bytes(Wire::Block)?;
            if let Some(element) = wanted.iter().position(|(name, ..)| name.as_bytes() == key) {
                found[element] = Some(walk.cursor.at);
            }
            walk.skip(value, 1)
        })?;
        let end = self.cursor.at;
        for ((column, (_, fill, lack)), found) in elements_of(values).iter_mut().zip(wanted).zip(found) {
            match found {
                Some(start) => {
                    self.cursor.at = start;
                    self.fill(column, *fill)?;
                }
                None => self.lack(column, lack)?,
            }
        }
        self.cursor.at = end;
        Ok(())
    }

    fn positional_tuple(&mut self, values: &mut Values, fills: &[FillId]) -> Result<(), Failed> {
        let mut elements = elements_of(values).iter_mut().zip(fills);
        self.items(|walk| match elements.next() {
            Some((column, fill)) => walk.fill(column, *fill),
            None => Err(walk.refused(Reason::WrongShape)),
        })?;
        match elements.next() {
            None => Ok(()),
            Some(_) => Err(self.refused(Reason::WrongShape)),
        }
    }

    /// A compound value as JSON text, into a String or a JSON column.
    fn fill_json(&mut self, values: &mut Values, node: NodeId, scalar: &Scalar) -> Result<(), Failed> {
        let mut text = std::mem::take(&mut self.scratch);
        text.clear();
        self.json(node, 0, &mut text)?;
        let pushed = match std::str::from_utf8(&text) {
            Ok(text) => scalar.push_text(text, values).map_err(|error| error.reason),
            Err(_) => Err(Reason::InvalidUtf8),
        };
        let result = pushed.map_err(|reason| self.refused_value(reason, Value::Bytes(&text)));
        self.scratch = text;
        result
    }
}

/// Notes that the row is not NULL.
#[inline(always)]
fn present(column: &mut Column) {
    if let Some(nulls) = &mut column.nulls {
        nulls.push(0);
    }
}

#[inline(always)]
fn fixed(values: &mut Values) -> &mut Vec<u8> {
    match values {
        Values::Fixed { bytes, .. } => bytes,
        _ => unreachable!("a value of fixed width was compiled for a column of fixed width"),
    }
}

/// Appends the low `width` bytes, with a constant-size copy for every width there is.
#[inline(always)]
fn push_low(values: &mut Values, value: i64, width: usize) {
    let (bytes, value) = (fixed(values), value.to_le_bytes());
    match width {
        8 => bytes.extend_from_slice(&value),
        4 => bytes.extend_from_slice(&value[..4]),
        2 => bytes.extend_from_slice(&value[..2]),
        _ => bytes.push(value[0]),
    }
}

#[inline(always)]
fn push_bytes(values: &mut Values, value: &[u8]) {
    match values {
        Values::Bytes { ends, bytes } => {
            bytes.extend_from_slice(value);
            ends.push(bytes.len());
        }
        _ => unreachable!("text and bytes were compiled for a String column"),
    }
}

/// Appends what a NULL occupies.
#[inline(always)]
fn push_zeros(values: &mut Values) {
    match values {
        Values::Fixed { width, bytes } => bytes.resize(bytes.len() + *width, 0),
        Values::Bytes { ends, bytes } => ends.push(bytes.len()),
        _ => unreachable!("a null of a scalar was compiled for a scalar column"),
    }
}

fn items_of(values: &mut Values) -> &mut Column {
    match values {
        Values::List { items, .. } => items,
        _ => unreachable!("a list was compiled for a list column"),
    }
}

fn elements_of(values: &mut Values) -> &mut [Column] {
    match values {
        Values::Tuple(elements) => elements,
        _ => unreachable!("a tuple was compiled for a tuple column"),
    }
}

fn entries_of(values: &mut Values) -> &mut [Column; 2] {
    let elements = elements_of(&mut items_of(values).values);
    elements.try_into().expect("entries were compiled for tuples of key and value")
}
