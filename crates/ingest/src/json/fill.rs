//! One JSON value into one row of a column or of a nested part of one.

use super::program::Shape;
use super::scan::{self, Broken, Next};
use super::text;
use super::walk::{Walk, deeper, end_list};
use crate::column_batch::{Column, NO_MEMBER, Values};
use crate::convert::{ConvertError, Reason, Scalar};

impl Walk<'_> {
    /// Reads a value into one more row of `column`: type zero, and a fault for `leaf`, if it does not convert.
    pub(super) fn value(
        &mut self,
        column: &mut Column,
        at: usize,
        shape: usize,
        leaf: usize,
        depth: u8,
    ) -> Result<usize, Broken> {
        let program = self.program;
        if self.record.as_bytes().get(at) == Some(&b'n') {
            return self.null(column, at, shape, leaf);
        }
        let end = match &program.shapes[shape] {
            Shape::Scalar(scalar) => self.scalar(&mut column.values, at, scalar, leaf, depth)?,
            Shape::List(item) => self.list(&mut column.values, at, *item, leaf, depth)?,
            Shape::Map { key, value } => self.map(&mut column.values, at, (key, *value), leaf, depth)?,
            Shape::Tuple { names, elements } => {
                let tuple = (*names, elements.as_slice());
                self.tuple(&mut column.values, at, tuple, leaf, depth)?
            }
            Shape::Variant(variant) => self.variant(&mut column.values, at, variant, leaf, depth)?,
        };
        if let Some(nulls) = &mut column.nulls {
            nulls.push(0);
        }
        Ok(end)
    }

    /// Appends type zero; on Nullable columns that is NULL.
    pub(super) fn zero(&self, column: &mut Column, shape: usize) {
        match (&self.program.shapes[shape], &mut column.values) {
            (Shape::Scalar(scalar), values) => scalar.push_zero(values),
            (Shape::Tuple { elements, .. }, Values::Tuple(columns)) => {
                for (column, shape) in columns.iter_mut().zip(elements) {
                    self.zero(column, *shape);
                }
            }
            (Shape::Variant(_), Values::Variant { discriminators, .. }) => discriminators.push(NO_MEMBER),
            (_, values) => end_list(values),
        }
        if let Some(nulls) = &mut column.nulls {
            nulls.push(1);
        }
    }

    #[cold]
    fn null(&mut self, column: &mut Column, at: usize, shape: usize, leaf: usize) -> Result<usize, Broken> {
        let end = scan::literal(self.record.as_bytes(), at, b"null")?;
        self.zero(column, shape);
        if column.nulls.is_none() && !self.program.shapes[shape].takes_null() {
            self.lacks(leaf, Reason::NullForRequired, Some(at));
        }
        Ok(end)
    }

    #[inline(always)]
    pub(super) fn scalar(
        &mut self,
        values: &mut Values,
        at: usize,
        scalar: &Scalar,
        leaf: usize,
        depth: u8,
    ) -> Result<usize, Broken> {
        let bytes = self.record.as_bytes();
        let (end, pushed) = match bytes.get(at) {
            Some(b'"') => {
                let token = scan::string(bytes, at)?;
                let raw = &self.record[at + 1..token.end - 1];
                let pushed = if token.escaped {
                    self.escaped(values, raw, scalar)
                } else {
                    scalar.push_text(raw, values)
                };
                (token.end, pushed)
            }
            Some(b'-' | b'0'..=b'9') => {
                let end = scan::number(bytes, at)?;
                (end, scalar.push_number(&self.record[at..end], values))
            }
            _ => self.other(values, at, scalar, depth)?,
        };
        if let Err(ConvertError { reason }) = pushed {
            scalar.push_zero(values);
            self.fault(leaf, reason, Some(at));
        }
        Ok(end)
    }

    #[inline(never)]
    fn escaped(&mut self, values: &mut Values, raw: &str, scalar: &Scalar) -> Result<(), ConvertError> {
        let scratch = &mut self.state.scratch;
        text::unescape(raw, scratch).map_err(|_| Reason::InvalidJson)?;
        scalar.push_text(scratch, values)
    }

    /// Reads true, false, an array or an object into a scalar.
    #[inline(never)]
    fn other(
        &mut self,
        values: &mut Values,
        at: usize,
        scalar: &Scalar,
        depth: u8,
    ) -> Result<(usize, Result<(), ConvertError>), Broken> {
        let bytes = self.record.as_bytes();
        let end = scan::value(bytes, at, depth)?;
        let pushed = match bytes[at] {
            b't' => scalar.push_bool(true, values),
            b'f' => scalar.push_bool(false, values),
            _ => scalar.push_json(&self.record[at..end], values),
        };
        Ok((end, pushed))
    }

    fn wrong_shape(&mut self, at: usize, leaf: usize, depth: u8) -> Result<usize, Broken> {
        self.fault(leaf, Reason::WrongShape, Some(at));
        scan::value(self.record.as_bytes(), at, depth)
    }

    fn list(
        &mut self,
        values: &mut Values,
        at: usize,
        item: usize,
        leaf: usize,
        depth: u8,
    ) -> Result<usize, Broken> {
        let bytes = self.record.as_bytes();
        if bytes.get(at) != Some(&b'[') {
            end_list(values);
            return self.wrong_shape(at, leaf, depth);
        }
        let inside = deeper(depth, at)?;
        let mut next = scan::first_item(bytes, at, b']');
        while let Next::Item(at) = next {
            let end = self.value(items_of(values), at, item, leaf, inside)?;
            next = scan::next_item(bytes, end, b']')?;
        }
        end_list(values);
        Ok(next.position())
    }

    /// Reads an object's members as entries; like ClickHouse's Map it keeps repeated keys.
    fn map(
        &mut self,
        values: &mut Values,
        at: usize,
        (key, value): (&Scalar, usize),
        leaf: usize,
        depth: u8,
    ) -> Result<usize, Broken> {
        let bytes = self.record.as_bytes();
        if bytes.get(at) != Some(&b'{') {
            end_list(values);
            return self.wrong_shape(at, leaf, depth);
        }
        let inside = deeper(depth, at)?;
        let mut next = scan::first_item(bytes, at, b'}');
        while let Next::Item(at) = next {
            let [keys, items] = entries_of(values);
            let after = self.map_key(&mut keys.values, at, key, leaf)?;
            let end = self.value(items, after, value, leaf, inside)?;
            next = scan::next_item(bytes, end, b'}')?;
        }
        end_list(values);
        Ok(next.position())
    }

    fn map_key(
        &mut self,
        values: &mut Values,
        at: usize,
        key: &Scalar,
        leaf: usize,
    ) -> Result<usize, Broken> {
        let bytes = self.record.as_bytes();
        scan::expect(bytes, at, b'"')?;
        let end = self.scalar(values, at, key, leaf, 0)?;
        let colon = scan::skip_space(bytes, end);
        Ok(scan::skip_space(bytes, scan::expect(bytes, colon, b':')?))
    }

    fn tuple(
        &mut self,
        values: &mut Values,
        at: usize,
        (names, shapes): (Option<usize>, &[usize]),
        leaf: usize,
        depth: u8,
    ) -> Result<usize, Broken> {
        let Values::Tuple(columns) = values else {
            unreachable!("a tuple shape was compiled for a tuple column");
        };
        let mut tuple = Tuple {
            row: columns.first().map_or(0, Column::row_count),
            columns,
            shapes,
            leaf,
            faults: self.state.faults.len(),
        };
        match (self.record.as_bytes().get(at), names) {
            (Some(b'['), _) => self.tuple_from_array(&mut tuple, at, depth),
            (Some(b'{'), Some(names)) => self.tuple_from_object(&mut tuple, at, names, depth),
            _ => {
                self.level_out(&mut tuple);
                self.wrong_shape(at, leaf, depth)
            }
        }
    }

    /// Reads elements by position; there must be exactly as many.
    fn tuple_from_array(&mut self, tuple: &mut Tuple<'_>, start: usize, depth: u8) -> Result<usize, Broken> {
        let bytes = self.record.as_bytes();
        let inside = deeper(depth, start)?;
        let mut elements = tuple.columns.iter_mut().zip(tuple.shapes);
        let mut fits = true;
        let mut next = scan::first_item(bytes, start, b']');
        while let Next::Item(at) = next {
            let end = match elements.next() {
                Some((column, shape)) => self.value(column, at, *shape, tuple.leaf, inside)?,
                None => {
                    fits = false;
                    scan::value(bytes, at, inside)?
                }
            };
            next = scan::next_item(bytes, end, b']')?;
        }
        if !fits || elements.next().is_some() {
            self.fault(tuple.leaf, Reason::WrongShape, Some(start));
            self.level_out(tuple);
        }
        Ok(next.position())
    }

    /// Reads elements by name; members no element is named after are passed over.
    fn tuple_from_object(
        &mut self,
        tuple: &mut Tuple<'_>,
        start: usize,
        names: usize,
        depth: u8,
    ) -> Result<usize, Broken> {
        let bytes = self.record.as_bytes();
        let inside = deeper(depth, start)?;
        let table = &self.program.names[names];
        let mut expected = 0;
        let mut next = scan::first_item(bytes, start, b'}');
        while let Next::Item(at) = next {
            let member = self.state.keys[names].member(table, self.record, at, &mut expected)?;
            let end = match member.target {
                Some(element) if tuple.columns[element].row_count() > tuple.row => {
                    return self.tuple_from_repeated(tuple, start, names, inside);
                }
                Some(element) => {
                    let (column, shape) = (&mut tuple.columns[element], tuple.shapes[element]);
                    self.value(column, member.value, shape, tuple.leaf, inside)?
                }
                None => scan::value(bytes, member.value, inside)?,
            };
            next = scan::next_item(bytes, end, b'}')?;
        }
        self.end_tuple(tuple, start);
        Ok(next.position())
    }

    /// Starts again on an object with repeated keys, and reads only the last value of each.
    #[cold]
    fn tuple_from_repeated(
        &mut self,
        tuple: &mut Tuple<'_>,
        start: usize,
        names: usize,
        inside: u8,
    ) -> Result<usize, Broken> {
        let bytes = self.record.as_bytes();
        let table = &self.program.names[names];
        let mut last = vec![None; tuple.columns.len()];
        let mut expected = 0;
        let mut next = scan::first_item(bytes, start, b'}');
        while let Next::Item(at) = next {
            let member = self.state.keys[names].member(table, self.record, at, &mut expected)?;
            if let Some(element) = member.target {
                last[element] = Some(member.value);
            }
            let end = scan::value(bytes, member.value, inside)?;
            next = scan::next_item(bytes, end, b'}')?;
        }
        self.state.faults.truncate(tuple.faults);
        let elements = tuple.columns.iter_mut().zip(tuple.shapes).zip(last);
        for ((column, shape), value) in elements {
            column.truncate(tuple.row);
            if let Some(at) = value {
                self.value(column, at, *shape, tuple.leaf, inside)?;
            }
        }
        self.end_tuple(tuple, start);
        Ok(next.position())
    }

    fn end_tuple(&mut self, tuple: &mut Tuple<'_>, start: usize) {
        if self.level_out(tuple) {
            self.lacks(tuple.leaf, Reason::MissingRequired, Some(start));
        }
    }

    /// Gives the elements without a value their zero; says whether one of them was required.
    fn level_out(&self, tuple: &mut Tuple<'_>) -> bool {
        let mut required = false;
        for (column, shape) in tuple.columns.iter_mut().zip(tuple.shapes) {
            if column.row_count() == tuple.row {
                self.zero(column, *shape);
                required |= column.nulls.is_none() && !self.program.shapes[*shape].is_variant();
            }
        }
        required
    }
}

/// A tuple being read.
struct Tuple<'c> {
    columns: &'c mut [Column],
    shapes: &'c [usize],
    /// Number of rows before.
    row: usize,
    /// Number of faults before.
    faults: usize,
    leaf: usize,
}

fn items_of(values: &mut Values) -> &mut Column {
    match values {
        Values::List { items, .. } => items,
        _ => unreachable!("a list shape was compiled for a list column"),
    }
}

fn entries_of(values: &mut Values) -> &mut [Column; 2] {
    if let Values::Tuple(entries) = &mut items_of(values).values
        && let Ok(entries) = entries.as_mut_slice().try_into()
    {
        return entries;
    }
    unreachable!("a map's items were compiled as tuples of key and value")
}
