//! Validation of JSON records against their JSON Schema.
//!
//! Drafts 4, 6, 7, 2019-09 and 2020-12, as `$schema` says; without it 2020-12. References lead to other schemas only by
//! the names these were registered under: nothing is ever fetched. `format` is an annotation, as the newer drafts say.

use crate::schema::{Schema, SchemaDefect};
use jsonschema::{PatternOptions, Retrieve, Uri, ValidationError};
use serde_json::Value;
use std::collections::HashMap;

/// Violations that a message names.
const MAX_VIOLATIONS: usize = 3;

/// Characters of one violation that a message holds.
const MAX_VIOLATION_CHARACTERS: usize = 300;

/// Steps back that a pattern may take on one text, so that no pattern takes for ever.
const MAX_BACKTRACKS: usize = 100_000;

/// References that a schema and what it refers to may hold. The time that compiling takes grows with their square.
const MAX_REFERENCES: usize = 4_000;

/// Stack that one reference may take for each array or object around a value, in bytes: measured, and several times over.
const STACK_PER_REFERENCE: usize = 2 << 10;

/// Stack that any thread has to spare, in bytes.
const SPARE_STACK: usize = 1 << 20;

/// Checks records against one schema. Threads may share one.
#[derive(Clone, Debug)]
pub struct Validator {
    validator: jsonschema::Validator,
    /// References in the schema and in what it refers to. Each of them may lead to the next one.
    references: usize,
}

impl Validator {
    /// Reads a schema with what it refers to.
    ///
    /// # Errors
    /// When it is no JSON, no JSON Schema, or refers to something that is not among its references.
    pub fn compile(schema: &Schema) -> Result<Self, SchemaDefect> {
        schema.check_size()?;
        let mut by_name = HashMap::new();
        for reference in &schema.references {
            by_name.insert(reference.name.clone(), parse(&reference.name, &reference.text)?);
        }
        let text = parse("the schema", &schema.text)?;
        let references = by_name.values().chain([&text]).map(count_references).sum();
        if references > MAX_REFERENCES {
            return Err(SchemaDefect::new(format!(
                "the JSON Schema has {references} references, more than {MAX_REFERENCES}"
            )));
        }
        let validator = jsonschema::options()
            .with_retriever(References { by_name })
            .with_pattern_options(PatternOptions::fancy_regex().backtrack_limit(MAX_BACKTRACKS))
            .should_validate_formats(false)
            .build(&text)
            .map_err(|error| {
                SchemaDefect::new(format!("the JSON Schema cannot be used: {}", violation(&error)))
            })?;
        Ok(Self { validator, references })
    }

    /// Checks one record.
    ///
    /// # Errors
    /// The first few violations, each with its place in the record.
    pub fn check(&self, document: &[u8]) -> Result<(), String> {
        let value: Value = serde_json::from_slice(document).map_err(|error| format!("no JSON: {error}"))?;
        let stack = self.references.saturating_mul(depth(&value)).saturating_mul(STACK_PER_REFERENCE);
        if stack <= SPARE_STACK {
            return self.check_value(&value);
        }
        // The validator follows references by recursion, within each array and object anew.
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().stack_size(stack);
            let checked = thread.spawn_scoped(scope, || self.check_value(&value));
            match checked.map(std::thread::ScopedJoinHandle::join) {
                Ok(Ok(checked)) => checked,
                Ok(Err(panic)) => std::panic::resume_unwind(panic),
                Err(error) => Err(format!("no memory to follow its references so deep: {error}")),
            }
        })
    }

    fn check_value(&self, value: &Value) -> Result<(), String> {
        if self.validator.is_valid(value) {
            return Ok(());
        }
        let mut violations = self.validator.iter_errors(value);
        let named: Vec<String> =
            violations.by_ref().take(MAX_VIOLATIONS).map(|error| violation(&error)).collect();
        let more = if violations.next().is_some() { "; and more" } else { "" };
        Err(format!("{}{more}", named.join("; ")))
    }
}

/// The schemas that a schema refers to, by the names they were registered under.
#[derive(Clone, Debug)]
struct References {
    by_name: HashMap<String, Value>,
}

impl Retrieve for References {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        let wanted = uri.as_str();
        // Relative references arrive under the base that the library makes up, or under the schema's own `$id`.
        let file = wanted.rsplit('/').next().unwrap_or(wanted);
        let path = wanted.strip_prefix("json-schema:///").unwrap_or(wanted);
        let found = [wanted, path, file].into_iter().find_map(|name| self.by_name.get(name));
        found.cloned().ok_or_else(|| format!("{path} is not among its references").into())
    }
}

/// Arrays and objects in each other, and the value inside of them. serde_json reads at most 128.
fn depth(value: &Value) -> usize {
    let inside = match value {
        Value::Array(items) => items.iter().map(depth).max(),
        Value::Object(members) => members.values().map(depth).max(),
        _ => None,
    };
    1 + inside.unwrap_or(0)
}

/// The keywords that refer to other schemas, of all drafts.
const REFERRING: [&str; 3] = ["$ref", "$dynamicRef", "$recursiveRef"];

/// How often a schema refers to another one.
fn count_references(schema: &Value) -> usize {
    match schema {
        Value::Array(items) => items.iter().map(count_references).sum(),
        Value::Object(members) => {
            let own = members.keys().filter(|key| REFERRING.contains(&key.as_str())).count();
            own + members.values().map(count_references).sum::<usize>()
        }
        _ => 0,
    }
}

fn parse(name: &str, text: &str) -> Result<Value, SchemaDefect> {
    serde_json::from_str(text).map_err(|error| SchemaDefect::new(format!("{name} is no JSON: {error}")))
}

/// A violation and its place, such as `/items/0/price: "x" is not of type "number"`.
fn violation(error: &ValidationError<'_>) -> String {
    let place = error.instance_path().to_string();
    let place = if place.is_empty() { "/" } else { place.as_str() };
    let text = format!("{place}: {error}");
    match text.char_indices().nth(MAX_VIOLATION_CHARACTERS) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}
