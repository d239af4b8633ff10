//! What stands between the brackets of `JSON(...)`.
//!
//! Source: ClickHouse documentation, "JSON Data Type".

use crate::column_type::{ColumnType, Quoted, write_name};
use crate::type_rules::Refusal;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The parameters of a JSON column. Their text form is ClickHouse's own: defaults left out, paths in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JsonParameters {
    max_dynamic_types: Option<i64>,
    max_dynamic_paths: Option<i64>,
    typed: BTreeMap<String, ColumnType>,
    skipped: BTreeSet<String>,
    skipped_regexps: Vec<String>,
}

/// Limits by name: the highest value, and the one that ClickHouse takes, and does not show, when none is given.
const LIMITS: [(&str, i64, i64); 2] = [("max_dynamic_types", 254, 32), ("max_dynamic_paths", 10_000, 1024)];

impl JsonParameters {
    /// Paths that have a type, in order.
    pub fn typed_paths(&self) -> impl Iterator<Item = (&str, &ColumnType)> {
        self.typed.iter().map(|(path, column_type)| (path.as_str(), column_type))
    }

    /// Paths that are left out: each stands for every path that begins with it.
    pub fn skipped_paths(&self) -> impl Iterator<Item = &str> {
        self.skipped.iter().map(String::as_str)
    }

    /// Regular expressions of paths that are left out.
    pub fn skipped_regexps(&self) -> &[String] {
        &self.skipped_regexps
    }

    pub(crate) fn typed(&mut self, path: &str, column_type: ColumnType) -> Result<(), Refusal> {
        if column_type.contains(|inner| *inner == ColumnType::BFloat16) {
            let fact = format!("`{path}` is {column_type}, which cannot be inside JSON");
            return Err((fact, "use Float32".to_owned()));
        }
        if self.typed.contains_key(path) {
            return Err((format!("JSON names `{path}` twice"), "give each path one type".to_owned()));
        }
        let skipped = self.skipped.iter().find(|skipped| path.starts_with(*skipped)).cloned();
        self.typed.insert(path.to_owned(), column_type);
        skipped.map_or(Ok(()), |skipped| Err(both(path, &skipped)))
    }

    pub(crate) fn skip(&mut self, path: &str) -> Result<(), Refusal> {
        let typed = self.typed.keys().find(|typed| typed.starts_with(path)).cloned();
        self.skipped.insert(path.to_owned());
        typed.map_or(Ok(()), |typed| Err(both(&typed, path)))
    }

    pub(crate) fn skip_regexp(&mut self, expression: String) {
        self.skipped_regexps.push(expression);
        self.skipped_regexps.sort();
    }

    pub(crate) fn limit(&mut self, name: &str, value: i64) -> Result<(), Refusal> {
        let Some((name, most, default)) = LIMITS.into_iter().find(|(known, ..)| *known == name) else {
            let hint =
                "JSON takes max_dynamic_paths, max_dynamic_types, `path Type`, SKIP path and SKIP REGEXP";
            return Err((format!("JSON has no parameter {name}"), hint.to_owned()));
        };
        if !(0..=most).contains(&value) {
            let hint = format!("write a number from 0 to {most}");
            return Err((format!("{name} is {value}, outside 0 to {most}"), hint));
        }
        let slot = match name {
            "max_dynamic_types" => &mut self.max_dynamic_types,
            _ => &mut self.max_dynamic_paths,
        };
        *slot = Some(value).filter(|value| *value != default);
        Ok(())
    }
}

/// ClickHouse compares the texts of the paths, not their steps.
fn both(typed: &str, skipped: &str) -> Refusal {
    (
        format!("JSON gives `{typed}` a type and skips `{skipped}`, with which it begins"),
        "remove one of them".to_owned(),
    )
}

impl fmt::Display for JsonParameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        let mut next = |f: &mut fmt::Formatter<'_>| {
            let written = f.write_str(separator);
            separator = ", ";
            written
        };
        let limits =
            [("max_dynamic_types", self.max_dynamic_types), ("max_dynamic_paths", self.max_dynamic_paths)];
        for (name, value) in limits.into_iter().filter_map(|(name, value)| Some((name, value?))) {
            next(f)?;
            write!(f, "{name}={value}")?;
        }
        for (path, column_type) in &self.typed {
            next(f)?;
            write_name(f, path)?;
            write!(f, " {column_type}")?;
        }
        for path in &self.skipped {
            next(f)?;
            f.write_str("SKIP ")?;
            write_name(f, path)?;
        }
        for expression in &self.skipped_regexps {
            next(f)?;
            write!(f, "SKIP REGEXP {}", Quoted(expression))?;
        }
        Ok(())
    }
}
