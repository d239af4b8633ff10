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
