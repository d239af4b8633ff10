//! One value into one row of a column or of a part of one.

use super::program::{Cases, Entries, JsonOf, Lack, Shape, Source};
use super::text::{self, Unfit};
use super::together::Gathered;
use super::walk::{Place, Stop, Walk, elements_of, end_list, items_of};
use super::wire::{Key, Raw, Reader};
use crate::column_batch::{Column, Values};
use crate::convert::{ConvertError, Reason, Scalar};
use crate::document::Texts;
use crate::json::WhenMissing;

impl Walk<'_> {
    /// Reads a value into one more row of `column`: type zero, and a fault, if it does not convert.
    #[inline(always)]
    pub(super) fn value(
        &mut self,
        column: &mut Column,
        shape: usize,
        raw: Raw<'_>,
        target: usize,
        depth: usize,
    ) -> Result<(), Stop> {
        let program = self.program;
        match (&program.shapes[shape], raw) {
            (Shape::Copy { number, width }, Raw::Bits(bits)) => {
                push_low(&mut column.values, number.decode(bits), *width);
            }
            (Shape::Text, Raw::Bytes(text)) => {
                if self.state.texts == Texts::CheckedAtOnce && simdutf8::basic::from_utf8(text).is_err() {
                    self.refuse(target, Reason::InvalidUtf8, Source::Text, raw)?;
                }
                push_bytes(&mut column.values, text);
            }
            (Shape::Ticks { per_second, general }, Raw::Bytes(body)) => match ticks(body, *per_second)? {
                Some(ticks) => push_low(&mut column.values, ticks as u64, 8),
                None => return self.further(column, *general, raw, target, depth),
            },
            (Shape::Name { enum_type }, Raw::Bits(bits)) => {
                match self.catalog.enums[*enum_type].name(bits as i32) {
                    Some(name) => push_bytes(&mut column.values, name.as_bytes()),
                    None => push_bytes(&mut column.values, (bits as i32).to_string().as_bytes()),
                }
            }
            _ => return self.further(column, shape, raw, target, depth),
        }
        if let Some(nulls) = &mut column.nulls {
            nulls.push(0);
        }
        Ok(())
    }

    /// As [`Self::value`], of the less common shapes.
    #[inline(never)]
    fn further(
        &mut self,
        column: &mut Column,
        shape: usize,
        raw: Raw<'_>,
        target: usize,
        depth: usize,
    ) -> Result<(), Stop> {
        let program = self.program;
        match (&program.shapes[shape], raw) {
            (Shape::Widen, Raw::Bits(bits)) => {
                let wide = f64::from(f32::from_bits(bits as u32));
                push_low(&mut column.values, wide.to_bits(), 8);
            }
            (Shape::Raw, Raw::Bytes(bytes)) => push_bytes(&mut column.values, bytes),
            (Shape::Scalar { source, scalar }, _) => {
                self.scalar(&mut column.values, *source, scalar, raw, target)?;
            }
            (Shape::Tuple { node }, Raw::Bytes(body)) => {
                let place = Place { level: 0, depth: depth + 1 };
                self.message(*node, body, elements_of(&mut column.values), place)?;
            }
            (Shape::Json { what: JsonOf::Message(message), scalar }, Raw::Bytes(body)) => {
                return self.json_message(column, *message, scalar, body, target, depth);
            }
            (Shape::Fields { message, key, fields }, Raw::Bytes(body)) => {
                return self.fields(column, *message, (key, fields), body, target, depth);
            }
            (Shape::Named { name, field: (message, field), scalar }, _) => {
                let field = &self.catalog.messages[*message].fields[*field];
                return self.named(column, (name, *message, field), raw, scalar, target, depth);
            }
            (Shape::Member { member, shape }, _) => {
                let column = member_of(&mut column.values, *member);
                return self.again(column, *shape, raw, target, depth);
            }
            (Shape::Wrapped { key, default, shape }, Raw::Bytes(body)) => {
                let inside = last_of(body, *key)?.unwrap_or(default.raw());
                return self.again(column, *shape, inside, target, depth);
            }
            (Shape::Inner { message, plan }, Raw::Bytes(body)) => {
                let from = Gathered { message: *message, field: plan.field, mode: plan.mode };
                return self.together(column, plan.shape, from, body, target, depth + 1);
            }
            (Shape::ByCase(cases), Raw::Bytes(body)) => {
                return self.by_case(column, cases, body, target, depth);
            }
            (Shape::Refused { source }, _) => self.refuse(target, Reason::WrongShape, *source, raw)?,
            (shape, _) => unreachable!("{shape:?} was compiled for {raw:?}"),
        }
        if let Some(nulls) = &mut column.nulls {
            nulls.push(0);
        }
        Ok(())
    }

    /// [`Self::value`], once more and not inlined.
    #[inline(never)]
    pub(super) fn again(
        &mut self,
        column: &mut Column,
        shape: usize,
        raw: Raw<'_>,
        target: usize,
        depth: usize,
    ) -> Result<(), Stop> {
        self.value(column, shape, raw, target, depth)
    }

    /// One value of a repeated field into one item of a list, or one entry of a map.
    #[inline(always)]
    pub(super) fn item(
        &mut self,
        column: &mut Column,
        shape: usize,
        raw: Raw<'_>,
        target: usize,
        depth: usize,
    ) -> Result<(), Stop> {
        let program = self.program;
        match (&program.shapes[shape], raw) {
            (Shape::List { item }, _) => self.value(items_of(&mut column.values), *item, raw, target, depth),
            (Shape::Entries(entries), Raw::Bytes(body)) => {
                self.entry(&mut column.values, entries, body, target, depth)
            }
            (shape, _) => unreachable!("{shape:?} is no list"),
        }
    }

    fn entry(
        &mut self,
        values: &mut Values,
        entries: &Entries,
        body: &[u8],
        target: usize,
        depth: usize,
    ) -> Result<(), Stop> {
        let pair = items_of(values);
        let [keys, items] = elements_of(&mut pair.values) else {
            unreachable!("entries are pairs of key and value");
        };
        let (key, value) = entries.entry.read(body)?;
        self.value(keys, entries.key_shape, key, target, depth)?;
        self.value(items, entries.value_shape, value, target, depth + 1)
    }

    /// Ends the row of a list or a map that was filled item by item.
    pub(super) fn end_items(&mut self, column: &mut Column, shape: usize) -> Result<(), Stop> {
        let is_map = matches!(self.program.shapes[shape], Shape::Entries(_));
        if is_map && !self.canonical && has_repeated_keys(&column.values) {
            return Err(Stop::Again);
        }
        end_list(&mut column.values);
        Ok(())
    }

    fn scalar(
        &mut self,
        values: &mut Values,
        source: Source,
        scalar: &Scalar,
        raw: Raw<'_>,
        target: usize,
    ) -> Result<(), Stop> {
        let pushed = match text::typed(self.catalog, source, raw) {
            Ok(value) => scalar.push(value, values).map_err(|ConvertError { reason }| reason),
            Err(Unfit::Broken(broken)) => return Err(broken.into()),
            Err(Unfit::Reason(reason)) => Err(reason),
        };
        pushed.or_else(|reason| self.refuse(target, reason, source, raw))
    }

    /// A google.protobuf.Value, by what it holds.
    fn by_case(
        &mut self,
        column: &mut Column,
        cases: &Cases,
        body: &[u8],
        target: usize,
        depth: usize,
    ) -> Result<(), Stop> {
        let fields = &self.catalog.messages[cases.message].fields;
        let mut found = None;
        let mut reader = Reader::new(body);
        while let Some(key) = reader.key()? {
            let raw = reader.raw(key)?;
            if let Some(index) = fields.iter().position(|field| field.key() == key)
                && found.replace((index, raw)).is_some()
            {
                return Err(Stop::Again);
            }
        }
        let shape = found.and_then(|(index, raw)| Some((cases.shapes[index]?, raw)));
        if let Some((shape, raw)) = shape {
            return self.again(column, shape, raw, target, depth);
        }
        cases.zero.push(column);
        if let (None, Some(absent)) = (&column.nulls, &mut column.absent) {
            absent.push(1);
            return Ok(());
        }
        let is_stored = column.nulls.is_some()
            || cases.lack == Lack::Empty
            || matches!(column.values, Values::Variant { .. })
            || self.when_missing == WhenMissing::TypeZero;
        if is_stored { Ok(()) } else { self.fault(target, Reason::NullForRequired, || "null".to_owned()) }
    }
}

/// Whether two of the entries that follow the last row of a map have the same key.
fn has_repeated_keys(values: &Values) -> bool {
    let Values::List { ends, items } = values else { return false };
    let (start, end) = (ends.last().copied().unwrap_or(0), items.row_count());
    let Values::Tuple(pair) = &items.values else { return false };
    let Some(keys) = pair.first().filter(|_| end - start > 1) else { return false };
    let key = |index: usize| match &keys.values {
        Values::Fixed { width, bytes } => &bytes[index * width..(index + 1) * width],
        Values::Bytes { ends, bytes } => {
            &bytes[index.checked_sub(1).map_or(0, |before| ends[before])..ends[index]]
        }
        _ => &[],
    };
    if end - start <= 8 {
        return (start..end).any(|index| (start..index).any(|before| key(before) == key(index)));
    }
    let mut order: Vec<usize> = (start..end).collect();
    order.sort_unstable_by_key(|index| key(*index));
    order.windows(2).any(|pair| key(pair[0]) == key(pair[1]))
}

/// Ticks of a Timestamp that DateTime64 surely holds; `None` leaves it to the general way.
#[inline(always)]
fn ticks(body: &[u8], per_second: i64) -> Result<Option<i64>, Stop> {
    /// 2262-01-01: up to there nanoseconds fit as well.
    const SAFE_SECONDS: i64 = 9_214_646_400;
    let (seconds, nanos) = text::seconds_and_nanos(body)?;
    let nanos_per_tick = 1_000_000_000 / per_second;
    if !(0..SAFE_SECONDS).contains(&seconds) || !(0..1_000_000_000).contains(&nanos) {
        return Ok(None);
    }
    let nanos = i64::from(nanos);
    Ok((nanos % nanos_per_tick == 0).then(|| seconds * per_second + nanos / nanos_per_tick))
}

/// The last value with this key.
fn last_of<'a>(body: &'a [u8], wanted: Key) -> Result<Option<Raw<'a>>, Stop> {
    let mut found = None;
    let mut reader = Reader::new(body);
    while let Some(key) = reader.key()? {
        let raw = reader.raw(key)?;
        if key == wanted {
            found = Some(raw);
        }
    }
    Ok(found)
}

pub(super) fn member_of(values: &mut Values, member: u8) -> &mut Column {
    let Values::Variant { discriminators, members } = values else {
        unreachable!("a member was compiled for a Variant column");
    };
    discriminators.push(member);
    &mut members[usize::from(member)]
}

#[inline(always)]
fn push_low(values: &mut Values, bits: u64, width: u8) {
    let Values::Fixed { bytes, .. } = values else {
        unreachable!("a number was compiled for a column of fixed width");
    };
    match width {
        8 => bytes.extend_from_slice(&bits.to_le_bytes()),
        4 => bytes.extend_from_slice(&(bits as u32).to_le_bytes()),
        2 => bytes.extend_from_slice(&(bits as u16).to_le_bytes()),
        _ => bytes.push(bits as u8),
    }
}

#[inline(always)]
fn push_bytes(values: &mut Values, content: &[u8]) {
    let Values::Bytes { ends, bytes } = values else {
        unreachable!("text was compiled for a String column");
    };
    bytes.extend_from_slice(content);
    ends.push(bytes.len());
}
