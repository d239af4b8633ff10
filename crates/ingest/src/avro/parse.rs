//! From the JSON text of schemas to an [`AvroSchema`].

use super::schema::{AvroSchema, Field, Logical, Name, Node, NodeId, Shape};
use crate::schema::{Schema, SchemaDefect};
use serde_json::{Map, Value};
use std::collections::{HashMap, HashSet};

/// Bytes of one value of a fixed type. None that is sent through Kafka is near it.
const MAX_FIXED_BYTES: u64 = 1 << 30;

pub(super) fn parse(schema: &Schema) -> Result<AvroSchema, SchemaDefect> {
    schema.check_size()?;
    let mut parser = Parser::default();
    for reference in &schema.references {
        let root = parser
            .text(&reference.text)
            .map_err(|defect| SchemaDefect::new(format!("reference \"{}\": {defect}", reference.name)))?;
        parser.names.entry(reference.name.clone()).or_insert(root);
    }
    let root = parser.text(&schema.text)?;
    Ok(AvroSchema { nodes: parser.nodes, root })
}

type Parsed = Result<NodeId, SchemaDefect>;

fn defect<T>(fact: impl Into<String>) -> Result<T, SchemaDefect> {
    Err(SchemaDefect::new(fact))
}

#[derive(Default)]
struct Parser {
    nodes: Vec<Node>,
    /// Full names, and the names that references go by.
    names: HashMap<String, NodeId>,
}

impl Parser {
    /// serde_json reads at most 128 arrays and objects in each other, which bounds the recursion below.
    fn text(&mut self, text: &str) -> Parsed {
        match serde_json::from_str(text) {
            Ok(json) => self.schema(&json, ""),
            // A primitive type is also told without quotes, as registries do with `format=raw`.
            Err(_) if primitive(text.trim()).is_some() => self.reference(text.trim(), ""),
            Err(error) => defect(format!("not JSON: {error}")),
        }
    }

    fn schema(&mut self, json: &Value, namespace: &str) -> Parsed {
        match json {
            Value::String(name) => self.reference(name, namespace),
            Value::Array(branches) => self.union(branches, namespace),
            Value::Object(object) => self.object(object, namespace),
            other => defect(format!("a type is a name, an object or an array of branches, not {other}")),
        }
    }

    fn add(&mut self, shape: Shape) -> NodeId {
        self.nodes.push(Node { shape, logical: None });
        self.nodes.len() - 1
    }

    fn reference(&mut self, name: &str, namespace: &str) -> Parsed {
        if let Some(shape) = primitive(name) {
            return Ok(self.add(shape));
        }
        let known = self.names.get(&full_name(name, namespace)).or_else(|| self.names.get(name));
        match known {
            Some(node) => Ok(*node),
            None => defect(format!("unknown type \"{name}\"")),
        }
    }

    fn union(&mut self, branches: &[Value], namespace: &str) -> Parsed {
        let mut nodes = Vec::with_capacity(branches.len());
        for (index, branch) in branches.iter().enumerate() {
            let node = self.schema(branch, namespace)?;
            if matches!(self.nodes[node].shape, Shape::Union(_)) {
                return defect(format!("branch {index} of a union is a union itself"));
            }
            nodes.push(node);
        }
        match nodes.is_empty() {
            true => defect("a union needs a branch"),
            false => Ok(self.add(Shape::Union(nodes))),
        }
    }

    fn object(&mut self, object: &Map<String, Value>, namespace: &str) -> Parsed {
        let Some(kind) = object.get("type") else {
            return defect("an object needs \"type\"");
        };
        let node = match kind.as_str() {
            Some("record" | "error") => return self.record(object, namespace),
            Some("enum") => return self.enumeration(object, namespace),
            Some("fixed") => self.fixed(object, namespace)?,
            Some("array") => {
                let items = self.part(object, "items", "array", namespace)?;
                self.add(Shape::Array(items))
            }
            Some("map") => {
                let values = self.part(object, "values", "map", namespace)?;
                self.add(Shape::Map(values))
            }
            _ => self.schema(kind, namespace)?,
        };
        Ok(self.annotated(node, object))
    }

    fn part(&mut self, object: &Map<String, Value>, key: &str, kind: &str, namespace: &str) -> Parsed {
        match object.get(key) {
            Some(json) => self.schema(json, namespace),
            None => defect(format!("a type \"{kind}\" needs \"{key}\"")),
        }
    }

    /// The node with the annotation of `object`. One that stands at a reference leaves the type itself alone.
    fn annotated(&mut self, node: NodeId, object: &Map<String, Value>) -> NodeId {
        let shape = &self.nodes[node].shape;
        let Some(logical) = logical(object, shape) else {
            return node;
        };
        let shape = shape.clone();
        self.nodes.push(Node { shape, logical: Some(logical) });
        self.nodes.len() - 1
    }

    /// Makes the name of a type known before its parts are read, so that they may refer to it.
    fn named(
        &mut self,
        object: &Map<String, Value>,
        kind: &str,
        namespace: &str,
        shape: impl FnOnce(Name) -> Shape,
    ) -> Result<(NodeId, String), SchemaDefect> {
        let Some(name) = text_of(object, "name") else {
            return defect(format!("a type \"{kind}\" needs a \"name\""));
        };
        let namespace = text_of(object, "namespace").unwrap_or(namespace);
        let full = full_name(name, namespace);
        let space = full.rsplit_once('.').map_or("", |(space, _)| space).to_owned();
        let aliases = texts_of(object, "aliases").map(|alias| full_name(alias, &space)).collect();
        let node = self.add(shape(Name { full: full.clone(), aliases }));
        match self.names.insert(full, node) {
            None => Ok((node, space)),
            Some(_) => defect(format!("the name \"{name}\" is given to two types")),
        }
    }

    fn fixed(&mut self, object: &Map<String, Value>, namespace: &str) -> Parsed {
        let size = object.get("size").and_then(Value::as_u64).filter(|size| *size <= MAX_FIXED_BYTES);
        let Some(size) = size else {
            return defect("a type \"fixed\" needs a \"size\" in bytes");
        };
        let shape = |name| Shape::Fixed { name, size: size as usize };
        Ok(self.named(object, "fixed", namespace, shape)?.0)
    }

    fn enumeration(&mut self, object: &Map<String, Value>, namespace: &str) -> Parsed {
        let symbols: Vec<String> = texts_of(object, "symbols").map(str::to_owned).collect();
        let listed = object.get("symbols").and_then(Value::as_array).map_or(0, Vec::len);
        if symbols.is_empty() || symbols.len() != listed {
            return defect("a type \"enum\" needs \"symbols\", an array of names");
        }
        let default = match text_of(object, "default") {
            None => None,
            Some(symbol) => match symbols.iter().position(|known| known == symbol) {
                None => return defect(format!("the default \"{symbol}\" is not among the symbols")),
                found => found,
            },
        };
        let shape = |name| Shape::Enum { name, symbols, default };
        Ok(self.named(object, "enum", namespace, shape)?.0)
    }

    fn record(&mut self, object: &Map<String, Value>, namespace: &str) -> Parsed {
        let placeholder = |name| Shape::Record { name, fields: Vec::new() };
        let (node, namespace) = self.named(object, "record", namespace, placeholder)?;
        let record = text_of(object, "name").unwrap_or_default();
        let Some(listed) = object.get("fields").and_then(Value::as_array) else {
            return defect(format!("record \"{record}\" needs \"fields\", an array"));
        };
        let mut read = Vec::with_capacity(listed.len());
        let mut names = HashSet::new();
        for json in listed {
            let field = self.field(json, record, &namespace)?;
            if !names.insert(field.name.clone()) {
                return defect(format!("record \"{record}\" has two fields named \"{}\"", field.name));
            }
            read.push(field);
        }
        if let Shape::Record { fields, .. } = &mut self.nodes[node].shape {
            *fields = read;
        }
        Ok(node)
    }

    fn field(&mut self, json: &Value, record: &str, namespace: &str) -> Result<Field, SchemaDefect> {
        let name = json.get("name").and_then(Value::as_str);
        let Some((object, name)) = json.as_object().zip(name) else {
            return defect(format!("a field of record \"{record}\" needs a \"name\""));
        };
        let place = || format!("field \"{name}\" of record \"{record}\"");
        let Some(kind) = object.get("type") else {
            return Err(SchemaDefect::new("it needs a \"type\"").within(place));
        };
        let node = self.schema(kind, namespace).map_err(|defect| defect.within(place))?;
        Ok(Field {
            name: name.to_owned(),
            aliases: texts_of(object, "aliases").map(str::to_owned).collect(),
            node,
            default: object.get("default").cloned(),
        })
    }
}

fn primitive(name: &str) -> Option<Shape> {
    Some(match name {
        "null" => Shape::Null,
        "boolean" => Shape::Boolean,
        "int" => Shape::Int,
        "long" => Shape::Long,
        "float" => Shape::Float,
        "double" => Shape::Double,
        "bytes" => Shape::Bytes,
        "string" => Shape::String,
        _ => return None,
    })
}

fn full_name(name: &str, namespace: &str) -> String {
    match name.strip_prefix('.') {
        Some(bare) if !bare.contains('.') => bare.to_owned(),
        _ if name.contains('.') || namespace.is_empty() => name.to_owned(),
        _ => format!("{namespace}.{name}"),
    }
}

fn text_of<'j>(object: &'j Map<String, Value>, key: &str) -> Option<&'j str> {
    object.get(key).and_then(Value::as_str)
}

/// The texts of an array; what is no text is left out.
fn texts_of<'j>(object: &'j Map<String, Value>, key: &str) -> impl Iterator<Item = &'j str> {
    let items = object.get(key).and_then(Value::as_array);
    items.into_iter().flatten().filter_map(Value::as_str)
}

/// The annotation of a type, if it is one that fits the type.
fn logical(object: &Map<String, Value>, shape: &Shape) -> Option<Logical> {
    let timestamp = |precision, local| Logical::Timestamp { precision, local };
    Some(match (text_of(object, "logicalType")?, shape) {
        ("decimal", Shape::Bytes) => decimal(object, u64::MAX)?,
        ("decimal", Shape::Fixed { size, .. }) => decimal(object, *size as u64)?,
        ("big-decimal", Shape::Bytes) => Logical::BigDecimal,
        ("date", Shape::Int) => Logical::Date,
        ("time-millis", Shape::Int) => Logical::TimeOfDay { precision: 3 },
        ("time-micros", Shape::Long) => Logical::TimeOfDay { precision: 6 },
        ("timestamp-millis", Shape::Long) => timestamp(3, false),
        ("timestamp-micros", Shape::Long) => timestamp(6, false),
        ("timestamp-nanos", Shape::Long) => timestamp(9, false),
        ("local-timestamp-millis", Shape::Long) => timestamp(3, true),
        ("local-timestamp-micros", Shape::Long) => timestamp(6, true),
        ("local-timestamp-nanos", Shape::Long) => timestamp(9, true),
        ("uuid", Shape::String | Shape::Fixed { size: 16, .. }) => Logical::Uuid,
        ("duration", Shape::Fixed { size: 12, .. }) => Logical::Duration,
        _ => return None,
    })
}

/// `None` when precision and scale contradict each other or the size in bytes: the type then stands for itself.
fn decimal(object: &Map<String, Value>, bytes: u64) -> Option<Logical> {
    let number = |key| object.get(key).map_or(Some(0), Value::as_u64);
    let (precision, scale) = (number("precision")?, number("scale")?);
    // Digits that are sure to fit: the largest value of n bits has n * log10(2) of them.
    let most_digits = (bytes.saturating_mul(8).saturating_sub(1) as f64 * std::f64::consts::LOG10_2).floor();
    let fits = precision >= 1 && scale <= precision && precision as f64 <= most_digits;
    let precision = u32::try_from(precision).ok().filter(|_| fits)?;
    Some(Logical::Decimal { precision, scale: scale as u32 })
}
