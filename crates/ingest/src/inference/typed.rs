//! From a type that a schema declares to columns: the same for every schema language.

use super::columns::{Columns, Place, array, json, nullable};
use super::name::can_be_read;
use super::{Chosen, Inference, Nested, Options};
use forebay_project::column_type::ColumnType;

/// Fields of records in each other multiply; beyond so many columns records become JSON.
pub(crate) const MOST_COLUMNS: usize = 1_000;

/// Why they do.
pub(crate) const TOO_MANY: &str = "the schema has too many columns";

/// A declared type, as far as columns depend on it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Typed {
    /// Whether it may be null or absent.
    pub(crate) optional: bool,
    /// What its values are.
    pub(crate) kind: TypedKind,
}

/// What the values of a declared type are.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum TypedKind {
    /// One column, and why its type is what it is.
    Leaf(ColumnType, Option<String>),
    /// Fields in order.
    Record(Vec<(String, Typed)>),
    /// Items.
    List(Box<Typed>),
    /// Keys and values.
    Map(ColumnType, Box<Typed>),
}

impl Typed {
    /// A type that is always there.
    pub(crate) fn required(kind: TypedKind) -> Self {
        Self { optional: false, kind }
    }

    /// One column.
    pub(crate) fn leaf(column_type: ColumnType) -> Self {
        Self::required(TypedKind::Leaf(column_type, None))
    }

    /// One column, whose type has a reason.
    pub(crate) fn because(column_type: ColumnType, reason: impl Into<String>) -> Self {
        Self::required(TypedKind::Leaf(column_type, Some(reason.into())))
    }

    /// One column of JSON, for what has no fixed columns.
    pub(crate) fn json(reason: impl Into<String>) -> Self {
        Self::because(json(), reason)
    }

    /// The type of the items, if the only field is a list of records.
    pub(super) fn unrolled(self) -> Self {
        let TypedKind::Record(fields) = &self.kind else { return self };
        match fields.as_slice() {
            [(_, Self { kind: TypedKind::List(items), .. })]
                if matches!(items.kind, TypedKind::Record(_)) =>
            {
                Self::clone(items)
            }
            _ => self,
        }
    }

    /// The type of values that are of either type, as `place` says, such as a union. A field that one of two records
    /// lacks may be absent.
    pub(super) fn or(self, other: Self, place: &str) -> Self {
        let optional = self.optional || other.optional;
        let kind = match (self.kind, other.kind) {
            (one, another) if one == another => one,
            (TypedKind::Record(ours), TypedKind::Record(theirs)) => {
                TypedKind::Record(either_fields(ours, theirs, place))
            }
            (TypedKind::List(one), TypedKind::List(another)) => {
                TypedKind::List(Box::new(one.or(*another, place)))
            }
            (TypedKind::Map(key, one), TypedKind::Map(other_key, another)) if key == other_key => {
                TypedKind::Map(key, Box::new(one.or(*another, place)))
            }
            (TypedKind::Leaf(one, reason), TypedKind::Leaf(another, other_reason)) => {
                match wider(&one, &another) {
                    Some(wider) => TypedKind::Leaf(wider, reason.or(other_reason)),
                    None => several(place),
                }
            }
            _ => several(place),
        };
        Self { optional, kind }
    }
}

fn several(place: &str) -> TypedKind {
    TypedKind::Leaf(ColumnType::String, Some(format!("of several types in {place}: kept as text")))
}

/// The fields of both, in the order of the first.
fn either_fields(
    ours: Vec<(String, Typed)>,
    mut theirs: Vec<(String, Typed)>,
    place: &str,
) -> Vec<(String, Typed)> {
    let absent = |(name, field): (String, Typed)| (name, Typed { optional: true, ..field });
    let mut fields: Vec<(String, Typed)> = Vec::new();
    for (name, field) in ours {
        match theirs.iter().position(|(other, _)| *other == name) {
            Some(index) => fields.push((name, field.or(theirs.remove(index).1, place))),
            None => fields.push(absent((name, field))),
        }
    }
    fields.extend(theirs.into_iter().map(absent));
    fields
}

/// The narrowest type of the same sort that holds the values of both.
fn wider(one: &ColumnType, other: &ColumnType) -> Option<ColumnType> {
    use ColumnType::{DateTime64, Float32, Float64, Int, LowCardinality, String};
    match (one, other) {
        (one, other) if one == other => Some(one.clone()),
        (Int { bits: ours, signed: true }, Int { bits: theirs, signed: true }) => {
            Some(Int { bits: *ours.max(theirs), signed: true })
        }
        (Int { bits: ours, signed: false }, Int { bits: theirs, signed: false }) => {
            Some(Int { bits: *ours.max(theirs), signed: false })
        }
        (Int { bits: whole, signed: true }, Int { bits: natural, signed: false })
        | (Int { bits: natural, signed: false }, Int { bits: whole, signed: true }) => {
            Some(Int { bits: *whole.max(&(natural * 2)), signed: true }).filter(|_| *natural < 256)
        }
        (Int { bits: ..=64, .. } | Float32 | Float64, Float32 | Float64)
        | (Float32 | Float64, Int { bits: ..=64, .. }) => Some(Float64),
        (DateTime64 { precision: ours, time_zone }, DateTime64 { precision: theirs, time_zone: other }) => {
            (time_zone == other)
                .then(|| DateTime64 { precision: *ours.max(theirs), time_zone: time_zone.clone() })
        }
        (String, LowCardinality(inner)) | (LowCardinality(inner), String) if **inner == String => {
            Some(String)
        }
        _ => None,
    }
}

/// The columns of records of a declared type.
pub(super) fn columns(declared: &Typed, options: Options) -> Inference {
    let mut columns = Columns::new(options);
    let root = Place { always: !declared.optional, ..Place::default() };
    match &declared.kind {
        TypedKind::Record(fields) if !fields.is_empty() => columns.declared_fields(fields, &root),
        _ => columns.declared(declared, root),
    }
    columns.finish()
}

impl Columns {
    /// Adds the columns of one place.
    fn declared(&mut self, declared: &Typed, mut place: Place<'_>) {
        place.always &= !declared.optional;
        let is_flat = self.options.nested == Nested::Flatten;
        match &declared.kind {
            TypedKind::Record(fields) if is_flat && !fields.is_empty() => {
                self.declared_fields(fields, &place);
            }
            TypedKind::List(_) | TypedKind::Map(..) if place.lists > 0 && !place.always => {
                let reason = "it may be absent inside an array: kept as text";
                self.leaf(Chosen::because(ColumnType::String, reason), place);
            }
            TypedKind::List(items) => self.declared_list(items, place),
            TypedKind::Leaf(column_type, reason) => {
                self.leaf(Chosen { column_type: column_type.clone(), reason: reason.clone() }, place);
            }
            _ => self.leaf(Chosen::plain(self.value_type(declared)), place),
        }
    }

    fn declared_list(&mut self, items: &Typed, place: Place<'_>) {
        match &items.kind {
            TypedKind::Record(fields) if self.options.nested == Nested::Flatten && !fields.is_empty() => {
                let mut inside = place.inside();
                inside.always = !items.optional;
                self.declared_fields(fields, &inside);
            }
            _ => self.leaf(Chosen::plain(array(self.item_type(items))), place),
        }
    }

    fn declared_fields(&mut self, fields: &[(String, Typed)], parent: &Place<'_>) {
        for (name, field) in fields {
            if can_be_read(name) {
                self.declared(field, parent.below(name));
            } else {
                self.notes.push(format!("the field {name:?} is left out: no path can name it"));
            }
        }
    }

    /// The type of one value in an array, a map or a tuple.
    fn item_type(&self, declared: &Typed) -> ColumnType {
        nullable(self.value_type(declared), !declared.optional)
    }

    fn value_type(&self, declared: &Typed) -> ColumnType {
        match &declared.kind {
            TypedKind::Leaf(column_type, _) => column_type.clone(),
            TypedKind::List(items) => array(self.item_type(items)),
            TypedKind::Map(key, value) => {
                ColumnType::Map(Box::new(key.clone()), Box::new(self.item_type(value)))
            }
            TypedKind::Record(fields) if self.options.nested == Nested::Flatten && !fields.is_empty() => {
                let element = |(name, field): &(String, Typed)| (Some(name.clone()), self.item_type(field));
                ColumnType::Tuple(fields.iter().map(element).collect())
            }
            TypedKind::Record(_) => json(),
        }
    }
}
