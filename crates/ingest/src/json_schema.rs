//! Validation of JSON records against their JSON Schema.
//!
//! Drafts 4, 6, 7, 2019-09 and 2020-12, as `$schema` says; without it 2020-12. References lead to other schemas only by
//! the names these were registered under: nothing is ever fetched. `format` is an annotation, as the newer drafts say.

use crate::schema::Schema;
use jsonschema::{PatternOptions, Retrieve, Uri, ValidationError};
use serde_json::Value;
use std::{collections::HashMap, fmt};

/// Most bytes of a schema, references included.
const MAX_SCHEMA_BYTES: usize = 4 << 20;

/// Violations that a message names.
const MAX_VIOLATIONS: usize = 3;

/// Characters of one violation that a message holds.
const MAX_VIOLATION_CHARACTERS: usize = 300;

/// Steps back that a pattern may take on one text, so that no pattern takes for ever.
const MAX_BACKTRACKS: usize = 100_000;

/// Checks records against one schema. Threads may share one.
#[derive(Clone, Debug)]
pub struct Validator {
    validator: jsonschema::Validator,
}

/// Why a schema cannot be used, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaDefect(String);

impl fmt::Display for SchemaDefect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SchemaDefect {}

impl Validator {
    /// Reads a schema with what it refers to.
    ///
    /// # Errors
    /// When it is no JSON, no JSON Schema, or refers to something that is not among its references.
    pub fn compile(schema: &Schema) -> Result<Self, SchemaDefect> {
        let references = schema.references.iter();
        let bytes = schema.text.len() + references.map(|reference| reference.text.len()).sum::<usize>();
        if bytes > MAX_SCHEMA_BYTES {
            return Err(SchemaDefect(format!(
                "the JSON Schema has {bytes} bytes, more than {MAX_SCHEMA_BYTES}"
            )));
        }
        let mut by_name = HashMap::new();
        for reference in &schema.references {
            by_name.insert(reference.name.clone(), parse(&reference.name, &reference.text)?);
        }
        let text = parse("the schema", &schema.text)?;
        let validator = jsonschema::options()
            .with_retriever(References { by_name })
            .with_pattern_options(PatternOptions::fancy_regex().backtrack_limit(MAX_BACKTRACKS))
            .should_validate_formats(false)
            .build(&text)
            .map_err(|error| {
                SchemaDefect(format!("the JSON Schema cannot be used: {}", violation(&error)))
            })?;
        Ok(Self { validator })
    }

    /// Checks one record.
    ///
    /// # Errors
    /// The first few violations, each with its place in the record.
    pub fn check(&self, document: &[u8]) -> Result<(), String> {
        let value: Value = serde_json::from_slice(document).map_err(|error| format!("no JSON: {error}"))?;
        if self.validator.is_valid(&value) {
            return Ok(());
        }
        let mut violations = self.validator.iter_errors(&value);
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

fn parse(name: &str, text: &str) -> Result<Value, SchemaDefect> {
    serde_json::from_str(text).map_err(|error| SchemaDefect(format!("{name} is no JSON: {error}")))
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
