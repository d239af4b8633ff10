//! From a node of the record and a part of a column to the [`Fill`] between them.

use super::compile::{Compiler, find};
use super::layout::{self, Field, Kind, Meaning, NodeId, Symbol, Wire};
use super::program::{DefaultElement, Element, FieldEntry, Fill, FillId, Lack};
use super::target::{Shape, Target, TargetId};
use crate::convert::{RuleKind, Scalar, SourceType, rule};
use forebay_project::column_type::ColumnType;

/// 2200-01-01 in seconds: until then every DateTime64 holds every time since 1970.
const SAFE_SECONDS: i64 = 7_258_118_400;

impl Compiler<'_> {
    /// How a value of `node` becomes a row of `target`.
    pub(super) fn fill(&mut self, node: NodeId, target: TargetId) -> FillId {
        if let Some(fill) = self.known_fills.get(&(node, target)) {
            return *fill;
        }
        let fill = self.new_fill(node, target);
        self.fills.push(fill);
        self.known_fills.insert((node, target), self.fills.len() - 1);
        self.fills.len() - 1
    }

    fn new_fill(&mut self, node: NodeId, target: TargetId) -> Fill {
        let (layout, targets) = (self.layout, self.targets);
        let part = &targets.targets[target];
        match (layout.kind(node), &part.shape) {
            (Kind::Mismatch(_), _) => Fill::Refuse { node },
            (Kind::Union(branches), _) => self.branch_fills(branches, target),
            (Kind::Scalar { wire: Wire::Null, .. }, _) => null(part),
            (kind, Shape::Variant { members, targets }) => {
                let member = match kind {
                    Kind::Array(item) => match self.item_source(*item) {
                        Some(source) => members.member_for_list(source),
                        None => members.member_for(SourceType::List),
                    },
                    kind => kind.source_type().and_then(|source| members.member_for(source)),
                };
                match member {
                    Some(member) => {
                        let fill = self.fill(node, targets[member]);
                        let member = u8::try_from(member).expect("a Variant has at most 254 members");
                        Fill::Member { member, fill }
                    }
                    None => Fill::Refuse { node },
                }
            }
            (Kind::Scalar { wire, meaning }, Shape::Scalar(scalar) | Shape::Json(scalar)) => {
                self.scalar(node, (*wire, *meaning), part, scalar)
            }
            (Kind::Enum { symbols }, Shape::Scalar(scalar)) => enumeration(node, symbols, part, scalar),
            (Kind::Array(item), Shape::List(items)) => Fill::List(self.fill(*item, *items)),
            (Kind::Array(item), Shape::Tuple { elements, .. }) => {
                Fill::PositionalTuple(elements.iter().map(|element| self.fill(*item, *element)).collect())
            }
            (Kind::Map(item), Shape::Map { key, value }) => {
                Fill::Entries { key: key.clone(), value: self.fill(*item, *value) }
            }
            (Kind::Map(item), Shape::List(items)) => self.entry_list(node, *item, *items),
            (Kind::Map(item), Shape::Tuple { names, elements }) => self.named_tuple(*item, names, elements),
            (Kind::Record { .. }, Shape::Tuple { names, elements }) => self.tuple(node, names, elements),
            (Kind::Record { .. }, Shape::Map { key, value }) => self.field_entries(node, key, *value),
            (Kind::Record { .. } | Kind::Map(_), Shape::Json(scalar)) => {
                Fill::Json { node, scalar: scalar.clone() }
            }
            (Kind::Record { .. } | Kind::Map(_) | Kind::Array(_), Shape::Scalar(scalar))
                if part.column_type == ColumnType::String =>
            {
                Fill::Json { node, scalar: scalar.clone() }
            }
            _ => Fill::Refuse { node },
        }
    }

    /// What the items of an array are, when all of them are of one type or null.
    fn item_source(&self, item: NodeId) -> Option<SourceType> {
        match self.layout.kind(item) {
            Kind::Union(branches) => {
                let mut values = branches.iter().filter(|branch| !self.layout.is_null(**branch));
                let only = values.next().filter(|_| values.next().is_none())?;
                self.layout.kind(*only).source_type()
            }
            kind => kind.source_type(),
        }
    }

    fn branch_fills(&mut self, branches: &[NodeId], target: TargetId) -> Fill {
        match *branches {
            [first, second] if self.layout.is_null(first) != self.layout.is_null(second) => {
                let null_first = self.layout.is_null(first);
                let (null, value) = if null_first { (first, second) } else { (second, first) };
                Fill::Optional { null_first, null: self.fill(null, target), value: self.fill(value, target) }
            }
            _ => Fill::Union(branches.iter().map(|branch| self.fill(*branch, target)).collect()),
        }
    }

    fn scalar(&mut self, node: NodeId, value: (Wire, Meaning), part: &Target, scalar: &Scalar) -> Fill {
        let source = self.layout.kind(node).source_type().expect("a scalar has a source type");
        if rule(source, &part.column_type).kind == RuleKind::Refused {
            return Fill::Refuse { node };
        }
        let (wire, meaning) = value;
        match (wire, meaning, &part.column_type) {
            (Wire::Block, Meaning::Text, ColumnType::String) => {
                Fill::Text { column: part.column, later: true }
            }
            (_, Meaning::Bytes, ColumnType::String) => {
                self.raw_columns.insert(part.column);
                Fill::Bytes(wire)
            }
            (Wire::Boolean, _, ColumnType::Bool | ColumnType::Int { bits: 8, .. }) => Fill::Bool,
            (Wire::Float, _, ColumnType::Float32) => Fill::Copy { bytes: 4 },
            (Wire::Double, _, ColumnType::Float64) => Fill::Copy { bytes: 8 },
            (Wire::Float, _, ColumnType::Float64) => Fill::Widen,
            (Wire::Int | Wire::Long, _, ColumnType::Int { bits: bits @ 8..=64, signed }) => {
                integer(wire, *bits, *signed)
            }
            (
                Wire::Long,
                Meaning::Timestamp { precision, local },
                ColumnType::DateTime64 { precision: digits, time_zone },
            ) if precision <= *digits
                && (!local || time_zone.as_deref().is_none_or(|zone| zone == "UTC")) =>
            {
                let factor = 10_i64.pow(u32::from(digits - precision));
                let max = (SAFE_SECONDS).saturating_mul(10_i64.pow(precision.into()));
                Fill::Ticks { factor, max, scalar: scalar.clone(), meaning }
            }
            _ => Fill::Scalar { wire, meaning, scalar: scalar.clone() },
        }
    }

    /// A map as a list of pairs.
    fn entry_list(&mut self, node: NodeId, item: NodeId, items: TargetId) -> Fill {
        let targets = self.targets;
        let Shape::Tuple { elements, .. } = &targets.targets[items].shape else {
            return Fill::Refuse { node };
        };
        let [key, value] = **elements else {
            return Fill::Refuse { node };
        };
        match &targets.targets[key].shape {
            Shape::Scalar(key) => Fill::Entries { key: key.clone(), value: self.fill(item, value) },
            _ => Fill::Refuse { node },
        }
    }

    fn named_tuple(&mut self, item: NodeId, names: &[Option<String>], elements: &[TargetId]) -> Fill {
        let elements = names.iter().zip(elements).map(|(name, element)| {
            let missing = self.targets.targets[*element].missing.clone();
            (name.as_deref().unwrap_or_default().into(), self.fill(item, *element), missing)
        });
        Fill::NamedTuple { value: item, elements: elements.collect() }
    }

    /// Elements take the fields of their names or, without names, those of their places.
    fn tuple(&mut self, node: NodeId, names: &[Option<String>], elements: &[TargetId]) -> Fill {
        let layout = self.layout;
        let Kind::Record { fields, defaults } = layout.kind(node) else {
            unreachable!("only records are read as records");
        };
        let field_names = fields.iter().map(|field| &field.names);
        let all_names: Vec<_> = field_names.chain(defaults.iter().map(|default| &default.names)).collect();
        let (taken, missing) = share_out(&all_names, names);
        let fields_end = fields.len();
        let fields = fields.iter().zip(&taken).map(|(field, element)| match *element {
            Some(element) => Element::Fill { element, fill: self.fill(field.node, elements[element]) },
            None => Element::Skip(field.node),
        });
        let fields = fields.collect();
        let defaults = defaults.iter().zip(&taken[fields_end..]).filter_map(|(default, element)| {
            let element = (*element)?;
            let fill = self.fill(default.node, elements[element]);
            Some(DefaultElement { bytes: default.bytes.clone(), element, fill })
        });
        let defaults = defaults.collect();
        let lack = |element: usize| self.targets.targets[elements[element]].missing.clone();
        let missing = missing.iter().map(|element| (*element, lack(*element)));
        Fill::Tuple { fields, defaults, missing: missing.collect() }
    }

    fn field_entries(&mut self, node: NodeId, key: &Scalar, value: TargetId) -> Fill {
        let layout = self.layout;
        let Kind::Record { fields, defaults } = layout.kind(node) else {
            unreachable!("only records are read as records");
        };
        let mut entries: Vec<_> = Vec::new();
        for Field { names, node } in fields {
            entries.push(match names.first() {
                Some(name) => {
                    FieldEntry::Fill { name: name.clone(), fill: self.fill(*node, value), default: None }
                }
                None => FieldEntry::Skip(*node),
            });
        }
        for layout::Default { names, node, bytes } in defaults {
            let fill = self.fill(*node, value);
            entries.push(FieldEntry::Fill { name: names[0].clone(), fill, default: Some(bytes.clone()) });
        }
        Fill::FieldEntries { key: key.clone(), fields: entries.into() }
    }
}

/// Which element of a Tuple takes each field, and which elements none is left for. An element without a name takes the
/// field of its place.
fn share_out(fields: &[&Vec<Box<str>>], elements: &[Option<String>]) -> (Vec<Option<usize>>, Vec<usize>) {
    let visible: Vec<usize> = (0..fields.len()).filter(|field| !fields[*field].is_empty()).collect();
    let mut taken = vec![None; fields.len()];
    let mut left = Vec::new();
    for (element, name) in elements.iter().enumerate() {
        let field = match name {
            Some(name) => find(fields, name),
            None => visible.get(element).copied(),
        };
        match field {
            Some(field) if taken[field].is_none() => taken[field] = Some(element),
            _ => left.push(element),
        }
    }
    (taken, left)
}

fn null(part: &Target) -> Fill {
    // The zero of an Enum is its smallest number.
    let is_plain =
        matches!(part.shape, Shape::Scalar(_)) && !matches!(part.column_type, ColumnType::Enum { .. });
    match &part.null {
        Lack::Zero(_) if is_plain && part.is_nullable => Fill::NullScalar,
        lack => Fill::Null(lack.clone()),
    }
}

fn integer(wire: Wire, bits: u16, signed: bool) -> Fill {
    let width = usize::from(bits / 8);
    let (min, max) = match (signed, bits) {
        (true, 64) => (i64::MIN, i64::MAX),
        (false, 64) => (0, i64::MAX),
        (true, _) => (-1 << (bits - 1), (1 << (bits - 1)) - 1),
        (false, _) => (0, (1 << bits) - 1),
    };
    match wire {
        Wire::Int if signed && bits >= 32 => Fill::Int32 { width },
        // Bytes of more than 32 bits are refused by the range too.
        Wire::Int => Fill::Ranged { width, min: min.max(i32::MIN.into()), max: max.min(i32::MAX.into()) },
        _ if signed && bits == 64 => Fill::Integer { width },
        _ => Fill::Ranged { width, min, max },
    }
}

fn enumeration(node: NodeId, symbols: &[Symbol], part: &Target, scalar: &Scalar) -> Fill {
    let source = SourceType::Symbol { numbered: false };
    if rule(source, &part.column_type).kind == RuleKind::Refused {
        return Fill::Refuse { node };
    }
    let symbols: Box<[Symbol]> = symbols.into();
    match &part.column_type {
        ColumnType::String => Fill::SymbolText(symbols),
        ColumnType::Enum { bits, values } => {
            let number = |name: &str| {
                values.iter().find(|(value, _)| value == name).map(|(_, number)| (*number).into())
            };
            let numbers = symbols.iter().map(|symbol| number(symbol.known.as_deref()?)).collect();
            Fill::SymbolNumber { symbols, numbers, width: usize::from(bits / 8) }
        }
        _ => Fill::Symbol { symbols, scalar: scalar.clone() },
    }
}
