//! How values of a field become values of a column: the conversion table, applied at compile time.

use super::catalog::{Field, Kind, Known, Number, Preset, Rank};
use super::compile::{Compiler, Read, item_of, lack_of};
use super::program::{Cases, Entries, Entry, FieldPlan, JsonOf, Mode, Shape, Source};
use crate::convert::{RuleKind, Scalar, SourceType, VariantMembers, Zero, rule};
use crate::json::CompileCause;
use forebay_project::{column_type::ColumnType, model::PathStep};

type Shaped = Result<usize, CompileCause>;

impl Compiler<'_> {
    /// The shape of one row made of a field.
    pub(super) fn field_shape(
        &mut self,
        message: usize,
        field: usize,
        column_type: &ColumnType,
    ) -> Result<(usize, Mode), CompileCause> {
        let catalog = self.catalog;
        let found = &catalog.messages[message].fields[field];
        let shape = match found.rank {
            Rank::Single => return Ok((self.value_shape(found.kind, column_type)?, Mode::Single)),
            Rank::Repeated => self.list_shape(message, field, found, column_type)?,
            Rank::Map => self.map_shape(message, field, found, column_type)?,
        };
        let by_item = matches!(self.program.shapes[shape], Shape::List { .. } | Shape::Entries(_));
        Ok((shape, if by_item { Mode::Items } else { Mode::Together { message, field } }))
    }

    fn list_shape(
        &mut self,
        message: usize,
        field: usize,
        found: &Field,
        column_type: &ColumnType,
    ) -> Shaped {
        let shape = match column_type.stripped() {
            ColumnType::Array(item) => Shape::List { item: self.value_shape(found.kind, item)? },
            ColumnType::Geo(geo) => return self.list_shape(message, field, found, &geo.stored()),
            ColumnType::Tuple(elements) => {
                let parts = elements.iter().map(|(_, element)| self.value_shape(found.kind, element));
                Shape::Positions { parts: parts.collect::<Result<_, _>>()? }
            }
            ColumnType::Variant(_) | ColumnType::Dynamic { .. } => {
                let members = members_of(column_type);
                match members.member_for_list(self.source_type(found.kind)) {
                    Some(member) => {
                        let member_type = members.column_type(member).clone();
                        let shape = self.list_shape(message, field, found, &member_type)?;
                        Shape::Member { member: member as u8, shape }
                    }
                    None => Shape::Refused { source: Source::Bytes },
                }
            }
            other => json_or_refused(SourceType::List, JsonOf::Field { message, field }, other)?,
        };
        Ok(self.add(shape))
    }

    fn map_shape(&mut self, message: usize, field: usize, found: &Field, column_type: &ColumnType) -> Shaped {
        let shape = match column_type.stripped() {
            ColumnType::Map(key, value) => self.entries(found, key, value)?,
            ColumnType::Array(pair) => match pair.stripped() {
                ColumnType::Tuple(elements) if elements.len() == 2 => {
                    self.entries(found, &elements[0].1, &elements[1].1)?
                }
                _ => Shape::Refused { source: Source::Bytes },
            },
            ColumnType::Tuple(elements) if elements.iter().all(|(name, _)| name.is_some()) => {
                let (target, steps) = (self.target, element_steps(elements, &[])?);
                let node = self.field_node(message, field, &element_reads(target, &steps, elements));
                Shape::Tuple { node: node.map_err(|(_, cause)| cause)? }
            }
            ColumnType::Variant(_) | ColumnType::Dynamic { .. } => {
                let members = members_of(column_type);
                match members.member_for(SourceType::Map) {
                    Some(member) => {
                        let member_type = members.column_type(member).clone();
                        let shape = self.map_shape(message, field, found, &member_type)?;
                        Shape::Member { member: member as u8, shape }
                    }
                    None => Shape::Refused { source: Source::Bytes },
                }
            }
            other => json_or_refused(SourceType::Map, JsonOf::Field { message, field }, other)?,
        };
        Ok(self.add(shape))
    }

    fn entries(
        &mut self,
        found: &Field,
        key: &ColumnType,
        value: &ColumnType,
    ) -> Result<Shape, CompileCause> {
        let catalog = self.catalog;
        let Kind::Message(entry) = found.kind else { unreachable!("a map is made of entry messages") };
        let [key_field, value_field] = catalog.messages[entry].fields.as_slice() else {
            unreachable!("an entry has a key and a value")
        };
        Ok(Shape::Entries(Box::new(Entries {
            entry: Entry::of(key_field, value_field),
            key_shape: self.value_shape(key_field.kind, key)?,
            value_shape: self.value_shape(value_field.kind, value)?,
        })))
    }

    /// The shape of one value.
    pub(super) fn value_shape(&mut self, kind: Kind, column_type: &ColumnType) -> Shaped {
        let shape = match (kind, column_type.stripped()) {
            (Kind::Message(message), stripped) => return self.message_shape(message, column_type, stripped),
            (_, ColumnType::Geo(geo)) => return self.value_shape(kind, &geo.stored()),
            (_, ColumnType::Variant(_) | ColumnType::Dynamic { .. }) => {
                return self.member_of(self.source_type(kind), column_type, |compiler, member| {
                    compiler.value_shape(kind, member)
                });
            }
            (Kind::Number(number), stripped) => match direct(number, stripped) {
                Some(shape) => shape,
                None => scalar_shape(Source::Number(number), column_type)?,
            },
            (Kind::Text { checked: true }, ColumnType::String) => Shape::Text,
            (Kind::Text { .. } | Kind::Bytes, ColumnType::String) => Shape::Raw,
            (Kind::Text { .. }, _) => scalar_shape(Source::Text, column_type)?,
            (Kind::Bytes, _) => scalar_shape(Source::Bytes, column_type)?,
            (Kind::Enum(enum_type), ColumnType::String) => Shape::Name { enum_type },
            (Kind::Enum(_), ColumnType::Int { bits: 32.., signed: true }) => {
                let refused = Shape::Refused { source: Source::Number(Number::Int32) };
                direct(Number::Int32, column_type.stripped()).unwrap_or(refused)
            }
            (Kind::Enum(enum_type), _) => scalar_shape(Source::Enum(enum_type), column_type)?,
        };
        Ok(self.add(shape))
    }

    fn message_shape(&mut self, message: usize, column_type: &ColumnType, stripped: &ColumnType) -> Shaped {
        let catalog = self.catalog;
        let known = catalog.messages[message].known;
        if known == Some(Known::Wrapper) && !matches!(stripped, ColumnType::Tuple(_)) {
            return self.wrapped(message, column_type);
        }
        if known == Some(Known::Value) {
            return self.by_case(message, column_type);
        }
        let shape = match stripped {
            ColumnType::Geo(geo) => return self.value_shape(Kind::Message(message), &geo.stored()),
            ColumnType::Variant(_) | ColumnType::Dynamic { .. } => {
                let source = self.source_type(Kind::Message(message));
                return self.member_of(source, column_type, |compiler, member| {
                    compiler.value_shape(Kind::Message(message), member)
                });
            }
            ColumnType::Array(_) if matches!(known, Some(Known::ListValue | Known::FieldMask)) => {
                self.inner(message, column_type)?
            }
            ColumnType::Tuple(_) if known == Some(Known::ListValue) => self.inner(message, column_type)?,
            ColumnType::Map(..) if known == Some(Known::Struct) => self.inner(message, column_type)?,
            ColumnType::Tuple(elements) => self.tuple(message, elements)?,
            ColumnType::Map(key, value) if matches!(known, None | Some(Known::Any)) => {
                self.fields_shape(message, key, value)?
            }
            other => match known {
                Some(Known::Timestamp) => return self.timestamp(column_type),
                Some(Known::Duration) => scalar_shape(Source::Duration, column_type)?,
                Some(Known::ListValue) => json_or_refused(SourceType::List, JsonOf::Message(message), other)?,
                _ => json_or_refused(SourceType::Record, JsonOf::Message(message), other)?,
            },
        };
        Ok(self.add(shape))
    }

    fn timestamp(&mut self, column_type: &ColumnType) -> Shaped {
        let shape = scalar_shape(Source::Timestamp, column_type)?;
        let general = self.add(shape);
        Ok(match column_type.stripped() {
            ColumnType::DateTime64 { precision, .. } => {
                let per_second = 10_i64.pow((*precision).into());
                self.add(Shape::Ticks { per_second, general })
            }
            _ => general,
        })
    }

    /// The inside of a wrapper, which has one field.
    fn wrapped(&mut self, message: usize, column_type: &ColumnType) -> Shaped {
        let catalog = self.catalog;
        let field = &catalog.messages[message].fields[0];
        let shape = self.value_shape(field.kind, column_type)?;
        let default = field.default.clone().unwrap_or(Preset::Bits(0));
        Ok(self.add(Shape::Wrapped { key: field.key(), default, shape }))
    }

    /// The only field of a message, in place of the message.
    fn inner(&mut self, message: usize, column_type: &ColumnType) -> Result<Shape, CompileCause> {
        let (shape, mode) = self.field_shape(message, 0, column_type)?;
        Ok(Shape::Inner { message, plan: FieldPlan { field: 0, shape, mode } })
    }

    fn by_case(&mut self, message: usize, column_type: &ColumnType) -> Shaped {
        let catalog = self.catalog;
        let fields = catalog.messages[message].fields.iter();
        let shapes = fields.map(|field| match field.kind {
            Kind::Enum(_) => Ok(None),
            kind => self.value_shape(kind, column_type).map(Some),
        });
        let cases = Cases {
            message,
            shapes: shapes.collect::<Result<_, _>>()?,
            zero: Zero::compile(column_type).map_err(CompileCause::Type)?,
            lack: lack_of(column_type),
        };
        Ok(self.add(Shape::ByCase(Box::new(cases))))
    }

    /// A message into a tuple: by name, or by position when the elements have no names.
    fn tuple(
        &mut self,
        message: usize,
        elements: &[(Option<String>, ColumnType)],
    ) -> Result<Shape, CompileCause> {
        let found = &self.catalog.messages[message];
        let by_position = elements.iter().all(|(name, _)| name.is_none());
        if elements.is_empty() {
            return Err(CompileCause::EmptyTuple);
        }
        if by_position && (found.fields.len() != elements.len() || found.known == Some(Known::Struct)) {
            return Ok(Shape::Refused { source: Source::Message(message) });
        }
        let (target, steps) = (self.target, element_steps(elements, &found.fields)?);
        let node = self.node(message, &element_reads(target, &steps, elements));
        Ok(Shape::Tuple { node: node.map_err(|(_, cause)| cause)? })
    }

    fn fields_shape(
        &mut self,
        message: usize,
        key: &ColumnType,
        value: &ColumnType,
    ) -> Result<Shape, CompileCause> {
        let key = match key.stripped() {
            scalar if is_scalar(scalar) => Scalar::compile(scalar).map_err(CompileCause::Type)?,
            _ => return Ok(Shape::Refused { source: Source::Message(message) }),
        };
        let mut fields = Vec::new();
        for field in 0..self.catalog.messages[message].fields.len() {
            let (shape, mode) = self.field_shape(message, field, value)?;
            fields.push(FieldPlan { field, shape, mode });
        }
        Ok(Shape::Fields { message, key, fields })
    }

    /// The shape of a member of a oneof that is read as one value.
    pub(super) fn member_shape(&mut self, message: usize, field: usize, column_type: &ColumnType) -> Shaped {
        let found = &self.catalog.messages[message].fields[field];
        let (kind, name) = (found.kind, found.name.clone());
        match column_type.stripped() {
            scalar @ (ColumnType::String | ColumnType::Json(_)) => {
                let scalar = Scalar::compile(scalar).map_err(CompileCause::Type)?;
                Ok(self.add(Shape::Named { name, field: (message, field), scalar }))
            }
            _ => self.value_shape(kind, column_type),
        }
    }

    /// A value into the member of a Variant that takes it best.
    fn member_of(
        &mut self,
        source: SourceType,
        column_type: &ColumnType,
        shape: impl FnOnce(&mut Self, &ColumnType) -> Shaped,
    ) -> Shaped {
        let members = members_of(column_type);
        let Some(member) = members.member_for(source) else {
            return Ok(self.add(Shape::Refused { source: Source::Bytes }));
        };
        let shape = shape(self, members.column_type(member))?;
        Ok(self.add(Shape::Member { member: member as u8, shape }))
    }

    /// What the conversion table calls values of this kind.
    fn source_type(&self, kind: Kind) -> SourceType {
        let int = |bits, signed| SourceType::Int { bits, signed };
        match kind {
            Kind::Number(number) => match number {
                Number::Bool => SourceType::Bool,
                Number::Int32 | Number::Sint32 | Number::Sfixed32 => int(32, true),
                Number::Int64 | Number::Sint64 | Number::Sfixed64 => int(64, true),
                Number::Uint32 | Number::Fixed32 => int(32, false),
                Number::Uint64 | Number::Fixed64 => int(64, false),
                Number::Float => SourceType::Float32,
                Number::Double => SourceType::Float64,
            },
            Kind::Enum(_) => SourceType::Symbol { numbered: true },
            Kind::Text { .. } => SourceType::Text,
            Kind::Bytes => SourceType::Bytes,
            Kind::Message(message) => match self.catalog.messages[message].known {
                Some(Known::Timestamp) => SourceType::Timestamp { precision: 9, local: false },
                Some(Known::Duration) => SourceType::Interval,
                Some(Known::ListValue) => SourceType::List,
                Some(Known::Struct) => SourceType::Map,
                Some(Known::Wrapper) => self.source_type(self.catalog.messages[message].fields[0].kind),
                _ => SourceType::Record,
            },
        }
    }
}

/// The path to each element of a tuple: its name or, where it has none, that of the field in its place.
fn element_steps(
    elements: &[(Option<String>, ColumnType)],
    fields: &[Field],
) -> Result<Vec<[PathStep; 1]>, CompileCause> {
    let names = elements.iter().enumerate().map(|(index, (name, _))| match name {
        Some(name) => name.clone(),
        None => fields.get(index).map(|field| field.name.to_string()).unwrap_or_default(),
    });
    let steps: Vec<[PathStep; 1]> = names.map(|name| [PathStep::Field(name)]).collect();
    for (index, step) in steps.iter().enumerate() {
        if let (true, [PathStep::Field(name)]) = (steps[..index].contains(step), step) {
            return Err(CompileCause::RepeatedElement(name.clone()));
        }
    }
    Ok(steps)
}

fn element_reads<'a>(
    target: usize,
    steps: &'a [[PathStep; 1]],
    elements: &'a [(Option<String>, ColumnType)],
) -> Vec<Read<'a>> {
    let reads = steps.iter().zip(elements).enumerate();
    let reads = reads.map(|(column, (steps, (_, column_type)))| Read {
        column,
        target,
        steps,
        column_type,
        level: 0,
    });
    reads.collect()
}

fn members_of(column_type: &ColumnType) -> VariantMembers {
    match column_type.stripped() {
        ColumnType::Variant(members) => VariantMembers::of(members),
        _ => VariantMembers::of_dynamic().clone(),
    }
}

/// Numbers whose bits are the column's own, so that nothing can go wrong.
fn direct(number: Number, column_type: &ColumnType) -> Option<Shape> {
    let width = |bits: u16| (bits / 8) as u8;
    Some(match (number, column_type) {
        (Number::Float, ColumnType::Float32) => Shape::Copy { number, width: 4 },
        (Number::Double, ColumnType::Float64) => Shape::Copy { number, width: 8 },
        (Number::Float, ColumnType::Float64) => Shape::Widen,
        (Number::Bool, ColumnType::Bool) => Shape::Copy { number, width: 1 },
        (Number::Bool, ColumnType::Int { bits: bits @ ..=64, .. }) => {
            Shape::Copy { number, width: width(*bits) }
        }
        (Number::Float | Number::Double, _) => return None,
        (_, ColumnType::Int { bits: bits @ ..=64, signed }) if holds(number, *bits, *signed) => {
            Shape::Copy { number, width: width(*bits) }
        }
        _ => return None,
    })
}

/// Whether an integer column holds every value of an integer field.
fn holds(number: Number, bits: u16, signed: bool) -> bool {
    match number {
        Number::Int32 | Number::Sint32 | Number::Sfixed32 => signed && bits >= 32,
        Number::Int64 | Number::Sint64 | Number::Sfixed64 => signed && bits >= 64,
        Number::Uint32 | Number::Fixed32 => bits >= 64 || !signed && bits >= 32,
        Number::Uint64 | Number::Fixed64 => !signed && bits >= 64,
        Number::Bool | Number::Float | Number::Double => false,
    }
}

fn is_scalar(column_type: &ColumnType) -> bool {
    !matches!(
        column_type,
        ColumnType::Array(_)
            | ColumnType::Map(..)
            | ColumnType::Tuple(_)
            | ColumnType::Geo(_)
            | ColumnType::Variant(_)
            | ColumnType::Dynamic { .. }
    )
}

fn scalar_shape(source: Source, column_type: &ColumnType) -> Result<Shape, CompileCause> {
    let stripped = column_type.stripped();
    if !is_scalar(stripped) {
        return Ok(Shape::Refused { source });
    }
    Ok(Shape::Scalar { source, scalar: Scalar::compile(stripped).map_err(CompileCause::Type)? })
}

/// Something compound as JSON text, if the column takes that.
fn json_or_refused(
    source: SourceType,
    what: JsonOf,
    column_type: &ColumnType,
) -> Result<Shape, CompileCause> {
    if rule(source, column_type).kind != RuleKind::AsJson || item_of(column_type).is_some() {
        return Ok(Shape::Refused { source: Source::Bytes });
    }
    Ok(Shape::Json { what, scalar: Scalar::compile(column_type).map_err(CompileCause::Type)? })
}
