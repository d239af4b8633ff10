//! What a JSON Schema declares.
//!
//! Read are `type`, `enum`, `const`, `properties`, `required`, `additionalProperties`, `patternProperties`, `items`,
//! `prefixItems`, `format`, the bounds of integers, `nullable`, `oneOf`, `anyOf`, `allOf`, `$ref` within the schema and
//! into its references, and Kafka Connect's `connect.type`. Whatever else it says only allows fewer values.

use super::number::Numbers;
use super::sample::Sample;
use super::typed::{MOST_COLUMNS, TOO_MANY, Typed, TypedKind};
use crate::schema::Schema;
use forebay_project::column_type::ColumnType;

/// Schemas in each other; `$ref` may lead on for ever.
const MOST_LEVELS: usize = 64;

/// The type of a schema's records.
///
/// # Errors
/// When the text is no JSON.
pub(super) fn typed(schema: &Schema) -> Result<Typed, String> {
    let read = |text: &str| Sample::read(text.trim_start_matches('\u{feff}').as_bytes());
    let root = read(&schema.text).ok_or("the JSON Schema is no JSON")?;
    let references = schema.references.iter();
    let others: Vec<(&str, Sample)> =
        references.filter_map(|reference| Some((reference.name.as_str(), read(&reference.text)?))).collect();
    let mut documents = vec![("", &root)];
    documents.extend(others.iter().map(|(name, document)| (*name, document)));
    let mut reader = Reader { documents, above: Vec::new(), left: MOST_COLUMNS };
    Ok(reader.node(&root, 0))
}

struct Reader<'s> {
    /// The schema, then those it refers to, by name.
    documents: Vec<(&'s str, &'s Sample)>,
    /// The schemas around, from the outermost one.
    above: Vec<&'s Sample>,
    /// How many more fields may become columns.
    left: usize,
}

impl<'s> Reader<'s> {
    /// The type that `node` declares, a schema in the document of that index.
    fn node(&mut self, node: &'s Sample, document: usize) -> Typed {
        let Sample::Object(_) = node else { return anything() };
        if self.above.iter().any(|above| std::ptr::eq(*above, node)) || self.above.len() > MOST_LEVELS {
            return Typed::json("the schema refers to itself");
        }
        self.above.push(node);
        let typed = self.object_node(node, document);
        self.above.pop();
        match node.field("nullable") {
            Some(Sample::Bool(true)) => Typed { optional: true, ..typed },
            _ => typed,
        }
    }

    fn object_node(&mut self, node: &'s Sample, document: usize) -> Typed {
        if let Some(Sample::Text(link)) = node.field("$ref") {
            return match self.follow(link, document) {
                Some((node, document)) => self.node(node, document),
                None => Typed { optional: true, ..text(&format!("{link} is not among the references")) },
            };
        }
        if let Some(values) = node.items_of("enum") {
            return enumeration(values);
        }
        if let Some(value) = node.field("const") {
            return enumeration(std::slice::from_ref(value));
        }
        if let Some(parts) = node.items_of("allOf") {
            return self.all_of(node, parts, document);
        }
        match node.items_of("oneOf").or(node.items_of("anyOf")) {
            Some(branches) if node.field("properties").is_none() => self.one_of(branches, document),
            _ => self.of_types(node, document),
        }
    }

    /// The schema that `link` names, and its document.
    fn follow(&self, link: &str, document: usize) -> Option<(&'s Sample, usize)> {
        let (name, fragment) = link.split_once('#').unwrap_or((link, ""));
        let document = match name {
            "" => document,
            _ => self.documents.iter().position(|(known, node)| is_named(known, node, name))?,
        };
        let root = self.documents[document].1;
        let node = match fragment.strip_prefix('/') {
            Some(pointer) => pointer.split('/').try_fold(root, |node, step| node.step(&unescaped(step)))?,
            None if fragment.is_empty() => root,
            None => root.anchored(fragment)?,
        };
        Some((node, document))
    }

    /// One of several schemas; null among them only makes it optional.
    fn one_of(&mut self, branches: &'s [Sample], document: usize) -> Typed {
        let types: Vec<Typed> = branches.iter().map(|branch| self.node(branch, document)).collect();
        one_of(types)
    }

    /// All of several schemas at once: the fields of each.
    fn all_of(&mut self, node: &'s Sample, parts: &'s [Sample], document: usize) -> Typed {
        let mut types: Vec<Typed> = parts.iter().map(|part| self.node(part, document)).collect();
        if node.field("type").is_some() || node.field("properties").is_some() {
            types.push(self.of_types(node, document));
        }
        let mut fields: Vec<(String, Typed)> = Vec::new();
        let mut other = None;
        for part in types {
            match part.kind {
                TypedKind::Record(own) => {
                    own.into_iter().for_each(|(name, field)| add(&mut fields, name, field));
                }
                kind => other = other.or(Some(Typed { kind, ..part })),
            }
        }
        match other {
            Some(other) if fields.is_empty() => other,
            _ if fields.is_empty() => anything(),
            _ => Typed::required(TypedKind::Record(fields)),
        }
    }

    /// The types that `type` names, or that other keywords imply.
    fn of_types(&mut self, node: &'s Sample, document: usize) -> Typed {
        let types = match node.field("type") {
            Some(Sample::List(names)) => {
                names.iter().map(|name| self.of_type(name, node, document)).collect()
            }
            Some(name) => vec![self.of_type(name, node, document)],
            None => vec![self.of_keywords(node, document)],
        };
        one_of(types)
    }

    fn of_type(&mut self, name: &Sample, node: &'s Sample, document: usize) -> Typed {
        let Sample::Text(name) = name else { return anything() };
        match name.as_str() {
            "null" => null(),
            "boolean" => Typed::leaf(ColumnType::Bool),
            "integer" => integer(node),
            "number" => number(node),
            "string" => string(node),
            "array" => self.array(node, document),
            "object" => self.object(node, document),
            _ => anything(),
        }
    }

    fn of_keywords(&mut self, node: &'s Sample, document: usize) -> Typed {
        let has = |names: &[&str]| names.iter().any(|name| node.field(name).is_some());
        if has(&["properties", "additionalProperties", "patternProperties", "required"]) {
            return self.object(node, document);
        }
        if has(&["items", "prefixItems"]) {
            return self.array(node, document);
        }
        if has(&["format", "pattern", "minLength", "maxLength"]) { string(node) } else { anything() }
    }

    fn array(&mut self, node: &'s Sample, document: usize) -> Typed {
        let first = match (node.items_of("prefixItems"), node.field("items")) {
            (Some(items), _) => items,
            (None, Some(Sample::List(items))) => items,
            (None, Some(items @ Sample::Object(_))) => std::slice::from_ref(items),
            _ => &[],
        };
        let items: Vec<Typed> = first.iter().map(|items| self.node(items, document)).collect();
        Typed::required(TypedKind::List(Box::new(one_of(items))))
    }

    fn object(&mut self, node: &'s Sample, document: usize) -> Typed {
        match node.field("properties") {
            Some(Sample::Object(properties)) if !properties.is_empty() => {
                self.record(node, properties, document)
            }
            _ => self.open_object(node, document),
        }
    }

    fn record(&mut self, node: &'s Sample, properties: &'s [(String, Sample)], document: usize) -> Typed {
        let Some(left) = self.left.checked_sub(properties.len()) else {
            return Typed::json(TOO_MANY);
        };
        self.left = left;
        let required = node.items_of("required").unwrap_or_default();
        let is_required = |name: &String| required.contains(&Sample::Text(name.clone()));
        let field = |(name, property): &'s (String, Sample)| {
            let field = self.node(property, document);
            (name.clone(), Typed { optional: field.optional || !is_required(name), ..field })
        };
        Typed::required(TypedKind::Record(properties.iter().map(field).collect()))
    }

    /// An object whose fields are not named: a Map where all values have one declared type.
    fn open_object(&mut self, node: &'s Sample, document: usize) -> Typed {
        let values = match (node.field("additionalProperties"), node.field("patternProperties")) {
            (Some(values @ Sample::Object(_)), None) => Some(values),
            (_, Some(Sample::Object(patterns))) if patterns.len() == 1 => Some(&patterns[0].1),
            _ => None,
        };
        match values.map(|values| self.node(values, document)) {
            Some(values) if matches!(values.kind, TypedKind::Leaf(..)) => {
                Typed::required(TypedKind::Map(ColumnType::String, Box::new(values)))
            }
            _ => Typed::json("the schema names no fields"),
        }
    }
}

impl Sample {
    fn field(&self, name: &str) -> Option<&Sample> {
        let Sample::Object(members) = self else { return None };
        members.iter().find(|(own, _)| own == name).map(|(_, value)| value)
    }

    fn items_of(&self, name: &str) -> Option<&[Sample]> {
        match self.field(name) {
            Some(Sample::List(items)) => Some(items),
            _ => None,
        }
    }

    fn text_of(&self, name: &str) -> Option<&str> {
        match self.field(name) {
            Some(Sample::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// One step of a JSON pointer.
    fn step(&self, step: &str) -> Option<&Sample> {
        match self {
            Sample::List(items) => items.get(step.parse::<usize>().ok()?),
            _ => self.field(step),
        }
    }

    /// The schema of this `$anchor`, or of the `$id` that old drafts use for one.
    fn anchored(&self, anchor: &str) -> Option<&Sample> {
        let id = self.text_of("$id").and_then(|id| id.strip_prefix('#'));
        match self {
            _ if self.text_of("$anchor") == Some(anchor) || id == Some(anchor) => Some(self),
            Sample::Object(members) => members.iter().find_map(|(_, value)| value.anchored(anchor)),
            Sample::List(items) => items.iter().find_map(|item| item.anchored(anchor)),
            _ => None,
        }
    }
}

/// Whether a reference is meant: by its name or its `$id`, or by the last part of either.
fn is_named(known: &str, node: &Sample, name: &str) -> bool {
    let last = |path: &str| path.rsplit('/').next().map(str::to_owned);
    let id = node.text_of("$id").unwrap_or_default();
    known == name || id == name || (!known.is_empty() && last(known) == last(name)) || last(id) == last(name)
}

/// A step of a JSON pointer in a URI (RFC 6901, section 6).
fn unescaped(step: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = step.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()).filter(|_| first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).replace("~1", "/").replace("~0", "~")
}

fn one_of(types: Vec<Typed>) -> Typed {
    let is_null = |typed: &Typed| *typed == null();
    let optional = types.iter().any(|typed| typed.optional);
    let united =
        types.into_iter().filter(|typed| !is_null(typed)).reduce(|one, other| one.or(other, "the schema"));
    match united {
        Some(united) => Typed { optional, ..united },
        None if optional => null(),
        None => anything(),
    }
}

/// A field of several schemas that all hold: the first one that says something of it.
fn add(fields: &mut Vec<(String, Typed)>, name: String, field: Typed) {
    match fields.iter_mut().find(|(known, _)| *known == name) {
        Some((_, known)) => known.optional &= field.optional,
        None => fields.push((name, field)),
    }
}

fn anything() -> Typed {
    Typed { optional: true, ..text("the schema allows any value") }
}

fn null() -> Typed {
    Typed { optional: true, ..Typed::because(ColumnType::String, "always null") }
}

fn text(why: &str) -> Typed {
    Typed::because(ColumnType::String, format!("{why}: kept as text"))
}

fn enumeration(values: &[Sample]) -> Typed {
    let value_type = |value: &Sample| match value {
        Sample::Null => null(),
        Sample::Text(_) => Typed::leaf(ColumnType::LowCardinality(Box::new(ColumnType::String))),
        Sample::Bool(_) => Typed::leaf(ColumnType::Bool),
        Sample::Number(token) if !token.contains(['.', 'e', 'E']) => Typed::leaf(int(64)),
        Sample::Number(_) => Typed::leaf(ColumnType::Float64),
        Sample::List(_) | Sample::Object(_) => text("arrays or objects"),
    };
    one_of(values.iter().map(value_type).collect())
}

fn integer(node: &Sample) -> Typed {
    match node.text_of("connect.type") {
        Some("int8") => return Typed::leaf(int(8)),
        Some("int16") => return Typed::leaf(int(16)),
        Some("int32") => return Typed::leaf(int(32)),
        Some("int64") if node.text_of("title") == Some("org.apache.kafka.connect.data.Timestamp") => {
            return Typed::because(date_time(3), "milliseconds since 1970, as Kafka Connect writes times");
        }
        _ => {}
    }
    let bound = |names: [&str; 2]| {
        names.into_iter().find_map(|name| match node.field(name) {
            Some(Sample::Number(token)) if !token.contains(['.', 'e', 'E']) => Some(token.as_str()),
            _ => None,
        })
    };
    let least = bound(["minimum", "exclusiveMinimum"]);
    let most = bound(["maximum", "exclusiveMaximum"]);
    Typed::leaf(bounded(least, most))
}

/// The narrowest type between the bounds.
fn bounded(least: Option<&str>, most: Option<&str>) -> ColumnType {
    let (Some(least), most) = (least, most) else { return int(64) };
    let is_unsigned = !least.starts_with('-');
    let Some(most) = most else { return ColumnType::Int { bits: 64, signed: !is_unsigned } };
    let narrow = [8_u16, 16, 32].into_iter().find_map(|bits| {
        let (least, most) = (least.parse::<i64>().ok()?, most.parse::<i64>().ok()?);
        let unsigned = least >= 0 && most < 1 << bits;
        let signed = least >= -(1 << (bits - 1)) && most < 1 << (bits - 1);
        (unsigned || signed).then_some(ColumnType::Int { bits, signed: !unsigned })
    });
    let wide = || {
        let mut numbers = Numbers::of(least);
        numbers.merge(Numbers::of(most));
        numbers.integer_type().unwrap_or(ColumnType::String)
    };
    narrow.unwrap_or_else(wide)
}

fn number(node: &Sample) -> Typed {
    match node.text_of("connect.type") {
        Some("float32") => Typed::leaf(ColumnType::Float32),
        _ => Typed::leaf(ColumnType::Float64),
    }
}

fn string(node: &Sample) -> Typed {
    match node.text_of("format") {
        Some("date-time") => Typed::because(date_time(6), "format date-time"),
        Some("date") => Typed::leaf(ColumnType::Date32),
        Some("uuid") => Typed::leaf(ColumnType::Uuid),
        Some("ipv4") => Typed::leaf(ColumnType::Ipv4),
        Some("ipv6") => Typed::leaf(ColumnType::Ipv6),
        _ => Typed::leaf(ColumnType::String),
    }
}

fn int(bits: u16) -> ColumnType {
    ColumnType::Int { bits, signed: true }
}

fn date_time(precision: u8) -> ColumnType {
    ColumnType::DateTime64 { precision, time_zone: None }
}
