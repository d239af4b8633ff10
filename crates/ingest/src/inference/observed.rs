//! What samples have in common, place by place.

use super::number::Numbers;
use super::sample::Sample;
use super::text::Texts;
use forebay_project::model::PathStep;
use std::collections::BTreeMap;

/// What is known of all values seen at one place of the sampled records.
///
/// Merging is commutative and associative, so neither the order of samples nor their grouping matters. Counts add up;
/// everything else is idempotent too: seeing the same records again changes no type, but for the share of different
/// texts that decides on LowCardinality.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Observed {
    pub(super) nulls: u64,
    pub(super) bools: u64,
    pub(super) numbers: Numbers,
    pub(super) texts: Texts,
    pub(super) lists: Lists,
    pub(super) objects: Objects,
}

/// The arrays of one place.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Lists {
    pub(super) count: u64,
    /// The items of all of them; `None` while none has any.
    pub(super) items: Option<Box<Observed>>,
}

/// The objects of one place.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Objects {
    pub(super) count: u64,
    pub(super) fields: Fields,
}

/// The fields of the objects of one place.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Fields {
    Known(BTreeMap<String, Field>),
    /// More than [`MOST_FIELDS`]: they are not looked at one by one.
    TooMany,
}

/// More different fields than this are no columns.
pub(super) const MOST_FIELDS: usize = 1_000;

/// One field of the objects of one place.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Field {
    pub(super) value: Observed,
    /// Sum of its places among the fields of each object.
    places: u64,
}

/// What the values of one place are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Nothing but null, or nothing at all.
    Nothing,
    Bool,
    Number,
    Text,
    List,
    Object,
    /// Values of several shapes.
    Mixed,
}

impl Observed {
    /// Of one sampled value.
    pub(super) fn of(sample: &Sample) -> Self {
        let mut observed = Self::default();
        match sample {
            Sample::Null => observed.nulls = 1,
            Sample::Bool(_) => observed.bools = 1,
            Sample::Number(token) => observed.numbers = Numbers::of(token),
            Sample::Text(text) => observed.texts = Texts::of(text),
            Sample::List(items) => observed.lists = Lists::of(items),
            Sample::Object(members) => observed.objects = Objects::of(members),
        }
        observed
    }

    /// Adds what `other` knows.
    pub(super) fn merge(&mut self, other: Self) {
        self.nulls += other.nulls;
        self.bools += other.bools;
        self.numbers.merge(other.numbers);
        self.texts.merge(other.texts);
        self.lists.merge(other.lists);
        self.objects.merge(other.objects);
    }

    /// How many values there are, null not counted.
    pub(super) fn values(&self) -> u64 {
        self.bools + self.numbers.count + self.texts.count + self.lists.count + self.objects.count
    }

    pub(super) fn shape(&self) -> Shape {
        let counts = [
            (Shape::Bool, self.bools),
            (Shape::Number, self.numbers.count),
            (Shape::Text, self.texts.count),
            (Shape::List, self.lists.count),
            (Shape::Object, self.objects.count),
        ];
        let mut seen = counts.iter().filter(|(_, count)| *count > 0);
        match (seen.next(), seen.next()) {
            (None, _) => Shape::Nothing,
            (Some((shape, _)), None) => *shape,
            _ => Shape::Mixed,
        }
    }

    /// Whether a path leads into values that are something else than it takes them for.
    pub(super) fn contradicts(&self, path: &[PathStep]) -> bool {
        let Some((step, rest)) = path.split_first() else { return false };
        let (fitting, inside) = match step {
            PathStep::Field(name) => (self.objects.count, self.objects.field(name)),
            PathStep::Each => (self.lists.count, self.lists.items.as_deref()),
        };
        self.values() > fitting || inside.is_some_and(|inside| inside.contradicts(rest))
    }

    /// The shapes that are mixed, for people.
    pub(super) fn shapes(&self) -> String {
        let counts = [
            ("true or false", self.bools),
            ("numbers", self.numbers.count),
            ("texts", self.texts.count),
            ("arrays", self.lists.count),
            ("objects", self.objects.count),
        ];
        let names: Vec<&str> = counts.iter().filter(|(_, count)| *count > 0).map(|(name, _)| *name).collect();
        names.join(" and ")
    }
}

impl Lists {
    fn of(items: &[Sample]) -> Self {
        let mut lists = Self { count: 1, items: None };
        for item in items {
            lists.items.get_or_insert_default().merge(Observed::of(item));
        }
        lists
    }

    fn merge(&mut self, other: Self) {
        self.count += other.count;
        if let Some(items) = other.items {
            self.items.get_or_insert_default().merge(*items);
        }
    }
}

impl Default for Fields {
    fn default() -> Self {
        Self::Known(BTreeMap::new())
    }
}

impl Objects {
    fn of(members: &[(String, Sample)]) -> Self {
        if members.len() > MOST_FIELDS {
            return Self { count: 1, fields: Fields::TooMany };
        }
        let field = |(place, (name, value)): (u64, &(String, Sample))| {
            (name.clone(), Field { value: Observed::of(value), places: place })
        };
        Self { count: 1, fields: Fields::Known((0..).zip(members).map(field).collect()) }
    }

    fn merge(&mut self, other: Self) {
        self.count += other.count;
        let (Fields::Known(ours), Fields::Known(theirs)) = (&mut self.fields, other.fields) else {
            self.fields = Fields::TooMany;
            return;
        };
        for (name, field) in theirs {
            ours.entry(name).or_default().merge(field);
        }
        if ours.len() > MOST_FIELDS {
            self.fields = Fields::TooMany;
        }
    }

    fn field(&self, name: &str) -> Option<&Observed> {
        match &self.fields {
            Fields::Known(fields) => fields.get(name).map(|field| &field.value),
            Fields::TooMany => None,
        }
    }

    /// The fields as they mostly stand: by their mean place, then by name.
    pub(super) fn in_order(&self) -> Vec<(&str, &Field)> {
        let Fields::Known(fields) = &self.fields else {
            return Vec::new();
        };
        let mut fields: Vec<(&str, &Field)> =
            fields.iter().map(|(name, field)| (name.as_str(), field)).collect();
        fields.sort_by(|(_, one), (_, other)| {
            let (one_count, other_count) = (one.seen(), other.seen());
            (u128::from(one.places) * other_count).cmp(&(u128::from(other.places) * one_count))
        });
        fields
    }
}

impl Field {
    fn merge(&mut self, other: Self) {
        self.value.merge(other.value);
        self.places += other.places;
    }

    /// In how many objects it stands, null counted.
    fn seen(&self) -> u128 {
        u128::from(self.value.values() + self.value.nulls)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observed(documents: &[&str]) -> Observed {
        let mut all = Observed::default();
        for document in documents {
            all.merge(Observed::of(&Sample::read(document.as_bytes()).expect("valid JSON")));
        }
        all
    }

    #[test]
    fn fields_keep_the_order_they_mostly_have() {
        let all = observed(&[r#"{"b":1,"a":2}"#, r#"{"b":1,"x":0,"a":2}"#, r#"{"a":1}"#]);
        let names: Vec<&str> = all.objects.in_order().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["b", "a", "x"]);
    }

    #[test]
    fn too_many_fields_are_no_longer_told_apart() {
        let wide = |from: usize| {
            let members: Vec<String> = (from..from + 600).map(|n| format!("\"f{n}\":1")).collect();
            format!("{{{}}}", members.join(","))
        };
        assert_eq!(observed(&[&wide(0), &wide(0)]).objects.in_order().len(), 600);
        let all = observed(&[&wide(0), &wide(600), "{}"]);
        assert_eq!(all.objects, Objects { count: 3, fields: Fields::TooMany });
    }

    #[test]
    fn values_of_several_shapes_are_mixed() {
        assert_eq!(observed(&["null"]).shape(), Shape::Nothing);
        assert_eq!(observed(&["1", "null", "2.5"]).shape(), Shape::Number);
        let mixed = observed(&["1", "{}"]);
        assert_eq!((mixed.shape(), mixed.shapes()), (Shape::Mixed, "numbers and objects".to_owned()));
    }
}
