//! Defaults of a reader's fields, written as a producer would have written them.
//!
//! Source: Apache Avro specification 1.12, "Complex Types", table "field default values".

use super::schema::{AvroSchema, NodeId, Shape};
use crate::schema::SchemaDefect;
use serde_json::Value;

/// Records, arrays and maps in each other. Types may chain any number of names, so this is what bounds the recursion.
const MAX_DEPTH: usize = 64;

/// Bytes that decode as `json` under the type `node`.
pub(super) fn encode(schema: &AvroSchema, node: NodeId, json: &Value) -> Result<Vec<u8>, SchemaDefect> {
    let mut encoder = Encoder { schema, bytes: Vec::new() };
    encoder.value(node, json, MAX_DEPTH)?;
    Ok(encoder.bytes)
}

struct Encoder<'s> {
    schema: &'s AvroSchema,
    bytes: Vec<u8>,
}

type Encoded = Result<(), SchemaDefect>;

impl Encoder<'_> {
    fn value(&mut self, node: NodeId, json: &Value, depth: usize) -> Encoded {
        let schema = self.schema;
        let shape = &schema.node(node).shape;
        let Some(depth) = depth.checked_sub(1) else {
            return Err(SchemaDefect::new(format!("it has more than {MAX_DEPTH} types in each other")));
        };
        match (shape, json) {
            (Shape::Null, Value::Null) => {}
            (Shape::Boolean, Value::Bool(value)) => self.bytes.push(u8::from(*value)),
            (Shape::Int | Shape::Long, Value::Number(_)) => self.integer(shape, json)?,
            (Shape::Float, _) => self.bytes.extend((float(json)? as f32).to_le_bytes()),
            (Shape::Double, _) => self.bytes.extend(float(json)?.to_le_bytes()),
            (Shape::String, Value::String(text)) => self.block(text.as_bytes()),
            (Shape::Bytes, Value::String(text)) => self.block(&latin1(text)?),
            (Shape::Fixed { size, .. }, Value::String(text)) => {
                let bytes = latin1(text)?;
                if bytes.len() != *size {
                    return Err(SchemaDefect::new(format!("{} bytes for a fixed of {size}", bytes.len())));
                }
                self.bytes.extend(bytes);
            }
            (Shape::Enum { symbols, .. }, Value::String(symbol)) => {
                let index = symbols.iter().position(|known| known == symbol);
                self.varint(index.ok_or_else(|| unfit(shape, json))? as i64);
            }
            (Shape::Array(item), Value::Array(items)) => {
                self.items(items, |this, value| this.value(*item, value, depth))?;
            }
            (Shape::Map(item), Value::Object(entries)) => self.items(entries, |this, (key, value)| {
                this.block(key.as_bytes());
                this.value(*item, value, depth)
            })?,
            (Shape::Union(branches), _) => self.union(branches, json, depth)?,
            (Shape::Record { fields, .. }, Value::Object(object)) => {
                for field in fields {
                    let json = object.get(&field.name).or(field.default.as_ref());
                    let Some(json) = json else {
                        return Err(SchemaDefect::new(format!("it lacks the field \"{}\"", field.name)));
                    };
                    self.value(field.node, json, depth)?;
                }
            }
            _ => return Err(unfit(shape, json)),
        }
        Ok(())
    }

    fn integer(&mut self, shape: &Shape, json: &Value) -> Encoded {
        // Some tools write 1.0 where 1 is meant.
        let whole = |value: &f64| value.fract() == 0.0 && value.abs() < 9e15;
        let value = json.as_i64().or_else(|| json.as_f64().filter(whole).map(|value| value as i64));
        let fits = |value: &i64| *shape == Shape::Long || i32::try_from(*value).is_ok();
        self.varint(value.filter(fits).ok_or_else(|| unfit(shape, json))?);
        Ok(())
    }

    /// A default belongs to the first branch; since 1.12 to whichever it fits.
    fn union(&mut self, branches: &[NodeId], json: &Value, depth: usize) -> Encoded {
        let start = self.bytes.len();
        let mut first = None;
        for (index, branch) in branches.iter().enumerate() {
            self.varint(index as i64);
            match self.value(*branch, json, depth) {
                Ok(()) => return Ok(()),
                Err(defect) => first.get_or_insert(defect),
            };
            self.bytes.truncate(start);
        }
        Err(first.unwrap_or_else(|| SchemaDefect::new("a union without branches")))
    }

    fn items<I: IntoIterator<IntoIter: ExactSizeIterator>>(
        &mut self,
        items: I,
        mut write: impl FnMut(&mut Self, I::Item) -> Encoded,
    ) -> Encoded {
        let items = items.into_iter();
        if items.len() > 0 {
            self.varint(items.len() as i64);
            for item in items {
                write(self, item)?;
            }
        }
        self.varint(0);
        Ok(())
    }

    fn block(&mut self, bytes: &[u8]) {
        self.varint(bytes.len() as i64);
        self.bytes.extend(bytes);
    }

    fn varint(&mut self, value: i64) {
        let mut rest = ((value << 1) ^ (value >> 63)) as u64;
        while rest >= 0x80 {
            self.bytes.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        self.bytes.push(rest as u8);
    }
}

fn float(json: &Value) -> Result<f64, SchemaDefect> {
    match json.as_str() {
        Some("NaN") => Ok(f64::NAN),
        Some("Infinity" | "INF") => Ok(f64::INFINITY),
        Some("-Infinity" | "-INF") => Ok(f64::NEG_INFINITY),
        _ => json.as_f64().ok_or_else(|| SchemaDefect::new(format!("{json} is no float"))),
    }
}

/// Bytes stand in JSON as the characters U+0000 to U+00FF.
fn latin1(text: &str) -> Result<Vec<u8>, SchemaDefect> {
    let bytes = text.chars().map(|character| u8::try_from(u32::from(character)));
    bytes
        .collect::<Result<_, _>>()
        .map_err(|_| SchemaDefect::new("it has characters beyond U+00FF for bytes"))
}

fn unfit(shape: &Shape, json: &Value) -> SchemaDefect {
    SchemaDefect::new(format!("{json} is no {}", shape.branch_name()))
}
