//! From what samples have in common to columns.

use super::name::{self, Names};
use super::observed::{Fields, Objects, Observed, Shape};
use super::scalar_type::scalar_type;
use super::{Chosen, Inference, InferredColumn, Nested, Options};
use forebay_project::column_type::ColumnType;
use forebay_project::model::{Path, PathStep};

/// Objects whose fields are mostly absent have keys for fields, such as user ids, once there are so many of them.
const KEYS_FROM: usize = 64;

/// Where in the records a value stands.
#[derive(Clone, Debug, Default)]
pub(super) struct Place<'a> {
    pub(super) steps: Vec<PathStep>,
    /// The fields among the steps.
    pub(super) fields: Vec<&'a str>,
    /// How many `[:]` are among the steps.
    pub(super) lists: usize,
    /// Whether the outermost array is an array in every record; of a place outside of arrays nothing.
    pub(super) outer_always: bool,
    /// Whether there is a value, and not null, each time there could be one: in each record, or in each innermost item.
    pub(super) always: bool,
    /// Why not, for people.
    pub(super) lack: Option<String>,
}

/// Columns as they are found, and what is said about the whole.
#[derive(Debug)]
pub(super) struct Columns {
    pub(super) options: Options,
    names: Names,
    pub(super) columns: Vec<InferredColumn>,
    pub(super) notes: Vec<String>,
}

impl Columns {
    pub(super) fn new(options: Options) -> Self {
        Self { options, names: Names::new(), columns: Vec::new(), notes: Vec::new() }
    }

    /// What was found, with a proposal for the sorting key.
    pub(super) fn finish(self) -> Inference {
        Inference::new(self.columns, self.notes, self.options)
    }

    /// Adds the columns of the records' values themselves.
    pub(super) fn records(&mut self, observed: &Observed) {
        let lack = (observed.nulls > 0).then(|| format!("null in {}", share(observed.nulls, observed)));
        let root = Place { always: observed.nulls == 0, lack, ..Place::default() };
        if observed.shape() == Shape::Object && is_columns(&observed.objects) {
            self.fields(&observed.objects, &root);
        } else {
            self.value(observed, root.clone());
        }
        if self.columns.is_empty() {
            self.leaf(Chosen::because(ColumnType::String, "no path can name a field of it"), root);
        }
    }

    /// Adds the columns of one place.
    fn value(&mut self, observed: &Observed, place: Place<'_>) {
        match observed.shape() {
            Shape::Object => self.object(&observed.objects, place),
            Shape::List => self.list(observed, place),
            _ => self.leaf(scalar_type(observed, place.field()), place),
        }
    }

    fn object(&mut self, objects: &Objects, place: Place<'_>) {
        let is_flat = is_columns(objects);
        match self.options.nested {
            Nested::Flatten if is_flat => self.fields(objects, &place),
            Nested::Json if is_flat => self.leaf(Chosen::plain(json()), place),
            _ => self.open_object(objects, place),
        }
    }

    /// Objects that have no fields yet, or keys for fields.
    fn open_object(&mut self, objects: &Objects, place: Place<'_>) {
        let Fields::Known(fields) = &objects.fields else {
            let reason = format!("more than {} different fields", super::observed::MOST_FIELDS);
            return self.leaf(Chosen::because(json(), reason), place);
        };
        if fields.is_empty() {
            return self.leaf(Chosen::because(json(), "only empty objects were seen"), place);
        }
        let mut value = Observed::default();
        fields.values().for_each(|field| value.merge(field.value.clone()));
        let is_map = !matches!(value.shape(), Shape::List | Shape::Object | Shape::Mixed | Shape::Nothing);
        let reason = format!("{} different fields, each in few records", fields.len());
        let chosen = if is_map && (place.always || place.lists == 0) {
            let value = nullable(scalar_type(&value, "").column_type, value.nulls == 0);
            Chosen::because(ColumnType::Map(Box::new(ColumnType::String), Box::new(value)), reason)
        } else {
            Chosen::because(json(), reason)
        };
        self.leaf(chosen, place);
    }

    /// Adds the columns of each field.
    fn fields(&mut self, objects: &Objects, parent: &Place<'_>) {
        for (field, seen) in objects.in_order() {
            if !name::can_be_read(field) {
                let path = Path::Document(parent.steps.clone());
                self.notes.push(format!("the field {field:?} of {path} is left out: no path can name it"));
                continue;
            }
            let place = parent.field_place(field, objects.count, &seen.value);
            self.value(&seen.value, place);
        }
    }

    fn list(&mut self, observed: &Observed, place: Place<'_>) {
        let items = observed.lists.items.as_deref();
        let takes_apart = items.is_some_and(|items| match items.shape() {
            Shape::Object => self.options.nested == Nested::Flatten && is_columns(&items.objects),
            _ => false,
        });
        match items {
            _ if place.lists > 0 && !place.always => {
                // Inside an array nothing can stand for an array that is not there.
                let reason = place.lack.clone().unwrap_or_default();
                self.leaf(
                    Chosen::because(ColumnType::String, format!("an array {reason}: kept as text")),
                    place,
                );
            }
            Some(items) if takes_apart => {
                let inside = place.item_place(items);
                self.fields(&items.objects, &inside);
            }
            items => {
                let chosen = array_type(items, place.field());
                self.leaf(chosen, place);
            }
        }
    }

    /// Adds one column.
    pub(super) fn leaf(&mut self, chosen: Chosen, place: Place<'_>) {
        let Chosen { column_type, reason } = chosen;
        let name = self.names.give(&place.fields);
        let mut reasons: Vec<String> = reason.into_iter().collect();
        let plain = name::joined(&place.fields);
        if name != plain {
            reasons.push(format!("the name {plain} is taken"));
        }
        let innermost = nullable(column_type, place.always);
        let is_nullable = innermost.is_nullable();
        let column_type = (0..place.lists).fold(innermost, |item, _| ColumnType::Array(Box::new(item)));
        let outer_always = if place.lists == 0 { place.always } else { place.outer_always };
        let default = (!outer_always && !column_type.is_nullable()).then(|| zero_text(&column_type));
        reasons.extend(place.lack.filter(|_| is_nullable || default.is_some()));
        self.columns.push(InferredColumn {
            name,
            column_type,
            path: Path::Document(place.steps),
            default,
            reason: (!reasons.is_empty()).then(|| reasons.join("; ")),
        });
    }
}

impl<'a> Place<'a> {
    /// The name of the innermost field; empty for the record itself.
    fn field(&self) -> &'a str {
        self.fields.last().copied().unwrap_or_default()
    }

    /// The place of a field that is always there.
    pub(super) fn below(&self, field: &'a str) -> Self {
        let mut place = self.clone();
        place.steps.push(PathStep::Field(field.to_owned()));
        place.fields.push(field);
        place
    }

    /// The place of the items of arrays at this place, none of them null.
    pub(super) fn inside(&self) -> Self {
        let mut place = self.clone();
        place.steps.push(PathStep::Each);
        place.outer_always = if self.lists == 0 { self.always } else { self.outer_always };
        place.lists += 1;
        place.always = true;
        place
    }

    /// The place of a field of objects at this place, of which there are `objects`.
    fn field_place(&self, field: &'a str, objects: u64, value: &Observed) -> Self {
        let mut place = self.below(field);
        if value.values() < objects {
            place.always = false;
            let missing = objects - value.values() - value.nulls;
            place.lack = Some(lack(missing, value.nulls, objects));
        }
        place
    }

    /// The place of the items of arrays at this place.
    fn item_place(&self, items: &Observed) -> Self {
        let mut place = self.inside();
        if items.nulls > 0 {
            place.always = false;
            place.lack = Some(format!("null in {} items", items.nulls));
        }
        place
    }
}

/// Whether objects are taken apart into columns.
fn is_columns(objects: &Objects) -> bool {
    let Fields::Known(fields) = &objects.fields else {
        return false;
    };
    let seen: u64 = fields.values().map(|field| field.value.values() + field.value.nulls).sum();
    let has_keys = fields.len() >= KEYS_FROM && seen * 4 < objects.count * fields.len() as u64;
    !fields.is_empty() && !has_keys
}

/// The type of arrays that are not taken apart into columns.
fn array_type(items: Option<&Observed>, field: &str) -> Chosen {
    let Some(items) = items else {
        return Chosen::because(array(ColumnType::String), "only empty arrays were seen");
    };
    let item = match items.shape() {
        Shape::Object => Chosen::plain(json()),
        Shape::List if items.nulls == 0 => array_type(items.lists.items.as_deref(), field),
        _ => scalar_type(items, field),
    };
    Chosen { column_type: array(nullable(item.column_type, items.nulls == 0)), reason: item.reason }
}

pub(super) fn array(item: ColumnType) -> ColumnType {
    ColumnType::Array(Box::new(item))
}

pub(super) fn json() -> ColumnType {
    ColumnType::Json(String::new())
}

/// The type with NULL, if it needs it and can have it.
pub(super) fn nullable(column_type: ColumnType, always: bool) -> ColumnType {
    match column_type {
        _ if always => column_type,
        ColumnType::LowCardinality(inner) => ColumnType::LowCardinality(Box::new(nullable(*inner, false))),
        ColumnType::Array(_) | ColumnType::Map(..) | ColumnType::Tuple(_) | ColumnType::Nullable(_) => {
            column_type
        }
        ColumnType::Variant(_) | ColumnType::Dynamic { .. } => column_type,
        other => ColumnType::Nullable(Box::new(other)),
    }
}

/// What an absent array or map becomes.
pub(super) fn zero_text(column_type: &ColumnType) -> String {
    match column_type {
        ColumnType::Map(..) => "map()".to_owned(),
        _ => "[]".to_owned(),
    }
}

fn lack(missing: u64, nulls: u64, of: u64) -> String {
    match (missing, nulls) {
        (0, nulls) => format!("null in {nulls} of {of}"),
        (missing, 0) => format!("missing in {missing} of {of}"),
        (missing, nulls) => format!("missing in {missing} and null in {nulls} of {of}"),
    }
}

fn share(nulls: u64, observed: &Observed) -> String {
    format!("{nulls} of {}", nulls + observed.values())
}
