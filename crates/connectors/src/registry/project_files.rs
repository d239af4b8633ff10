//! Schema files of the project, with the files they refer to.
//!
//! A `.proto` file refers to others by `import`, an `.avsc` file by full names of types defined elsewhere, a JSON Schema by
//! `$ref`. Paths are those below the project's directory, or below that of the file that refers; a path that fits neither
//! may be the end of exactly one file's path, as where protoc is given that directory with `-I`.

use forebay_ingest::schema::{Schema, SchemaKind, SchemaReference};
use serde_json::Value;
use std::collections::HashSet;

/// The schema of the file at `path`, with those of `others` that it leads to, each behind what it refers to itself.
pub(super) fn gather(path: &str, text: &str, others: &[(String, String)]) -> Schema {
    let files = Files { kind: kind(path), others };
    let mut references = Vec::new();
    files.add_references(path, text, &mut HashSet::new(), &mut references);
    Schema { kind: files.kind, text: text.to_owned(), references, origin: Some(path.to_owned()) }
}

fn kind(path: &str) -> SchemaKind {
    match path.rsplit_once('.') {
        Some((_, "avsc")) => SchemaKind::Avro,
        Some((_, "proto")) => SchemaKind::Protobuf,
        _ => SchemaKind::Json,
    }
}

struct Files<'a> {
    kind: SchemaKind,
    others: &'a [(String, String)],
}

type File<'a> = (&'a str, &'a str);

impl<'a> Files<'a> {
    /// Depth first; a name is followed once, which ends cycles.
    fn add_references(
        &self,
        path: &str,
        text: &str,
        seen: &mut HashSet<String>,
        references: &mut Vec<SchemaReference>,
    ) {
        for (name, (path, text)) in self.referred(path, text) {
            if seen.insert(name.clone()) {
                self.add_references(path, text, seen, references);
                references.push(SchemaReference { name, text: text.to_owned() });
            }
        }
    }

    /// The files that a file refers to, with the names it uses for them.
    fn referred(&self, path: &str, text: &str) -> Vec<(String, File<'a>)> {
        match self.kind {
            SchemaKind::Protobuf => {
                imports(text).filter_map(|import| Some((import.to_owned(), self.at(path, import)?))).collect()
            }
            SchemaKind::Avro => self.defining(path, text),
            SchemaKind::Json => linked(text)
                .into_iter()
                .filter_map(|link| {
                    Some((link.clone(), self.with_id(&link).or_else(|| self.at(path, &link))?))
                })
                .collect(),
        }
    }

    /// The file that `path` means in the file at `from`.
    fn at(&self, from: &str, path: &str) -> Option<File<'a>> {
        let directory = from.rsplit_once('/').map_or("", |(directory, _)| directory);
        let beside = joined(directory, path);
        let is_at = |place: &str| self.all().find(|file| file.0 == place);
        let end = format!("/{path}");
        let mut ending = self.all().filter(|file| file.0.ends_with(&end));
        is_at(path).or_else(|| is_at(&beside)).or_else(|| ending.next().filter(|_| ending.next().is_none()))
    }

    fn with_id(&self, id: &str) -> Option<File<'a>> {
        let has_id = |text: &str| Some(parsed(text)?.get("$id")?.as_str()?.trim_end_matches('#') == id);
        self.all().find(|file| has_id(file.1) == Some(true))
    }

    /// The Avro files that define what the one at `path` uses without defining it, named by their own outermost type.
    fn defining(&self, path: &str, text: &str) -> Vec<(String, File<'a>)> {
        let Some(used) = parsed(text).map(|schema| Names::of(&schema)) else {
            return Vec::new();
        };
        let others = self.all().filter(|file| file.0 != path);
        let defining = others.filter_map(|file| {
            let names = Names::of(&parsed(file.1)?);
            let is_used =
                names.defined.iter().any(|name| used.used.contains(name) && !used.defined.contains(name));
            is_used.then(|| (names.defined[0].clone(), file))
        });
        defining.collect()
    }

    fn all(&self) -> impl Iterator<Item = File<'a>> {
        self.others.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }
}

fn parsed(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok()
}

/// `path` below `directory`, without `.` and `..`.
fn joined(directory: &str, path: &str) -> String {
    let mut segments: Vec<&str> = directory.split('/').filter(|segment| !segment.is_empty()).collect();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            segment => segments.push(segment),
        }
    }
    segments.join("/")
}

/// Paths of `import "..."`, `import public "..."` and `import weak "..."`.
fn imports(text: &str) -> impl Iterator<Item = &str> {
    text.split([';', '\n']).filter_map(|statement| {
        let rest = statement.trim().strip_prefix("import")?.trim_start();
        let rest =
            rest.strip_prefix("public").or_else(|| rest.strip_prefix("weak")).unwrap_or(rest).trim_start();
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        rest[1..].split_once(quote).map(|(path, _)| path)
    })
}

/// Every `$ref` to another schema, without its fragment.
fn linked(text: &str) -> Vec<String> {
    fn walk(value: &Value, links: &mut Vec<String>) {
        match value {
            Value::Object(object) => {
                let link = object
                    .get("$ref")
                    .and_then(Value::as_str)
                    .map(|link| link.split('#').next().unwrap_or(""));
                links.extend(link.filter(|link| !link.is_empty()).map(str::to_owned));
                object.values().for_each(|value| walk(value, links));
            }
            Value::Array(items) => items.iter().for_each(|item| walk(item, links)),
            _ => {}
        }
    }
    let mut links = Vec::new();
    if let Some(schema) = parsed(text) {
        walk(&schema, &mut links);
    }
    links
}

/// Full names of an Avro schema, in the order they are met.
#[derive(Default)]
struct Names {
    defined: Vec<String>,
    used: Vec<String>,
}

impl Names {
    fn of(schema: &Value) -> Self {
        let mut names = Self::default();
        names.walk(schema, "");
        names
    }

    fn walk(&mut self, schema: &Value, namespace: &str) {
        match schema {
            Value::String(name) => self.used.push(full_name(name, namespace)),
            Value::Array(branches) => branches.iter().for_each(|branch| self.walk(branch, namespace)),
            Value::Object(object) => {
                let text = |key: &str| object.get(key).and_then(Value::as_str);
                let full = text("name").map(|name| full_name(name, text("namespace").unwrap_or(namespace)));
                let inner =
                    full.as_deref().and_then(|name| name.rsplit_once('.')).map_or("", |(inner, _)| inner);
                let inner = if full.is_some() { inner } else { namespace };
                self.defined.extend(full.clone());
                for field in object.get("fields").and_then(Value::as_array).into_iter().flatten() {
                    field.get("type").into_iter().for_each(|field| self.walk(field, inner));
                }
                for key in ["type", "items", "values"] {
                    object.get(key).into_iter().for_each(|part| self.walk(part, inner));
                }
            }
            _ => {}
        }
    }
}

/// Source: Avro specification, "Names".
fn full_name(name: &str, namespace: &str) -> String {
    if name.contains('.') || namespace.is_empty() { name.to_owned() } else { format!("{namespace}.{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(path: &str, files: &[(&str, &str)]) -> Vec<String> {
        let files: Vec<_> =
            files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        let (own, others): (Vec<_>, Vec<_>) = files.into_iter().partition(|file| file.0 == path);
        gather(path, &own[0].1, &others).references.into_iter().map(|reference| reference.name).collect()
    }

    #[test]
    fn proto_imports_are_found_from_the_project_beside_the_file_and_by_their_end() {
        let files = [
            (
                "schemas/order.proto",
                "syntax = \"proto3\";\nimport \"google/protobuf/timestamp.proto\"; import public 'money.proto';\nimport \"shop/item.proto\";",
            ),
            ("schemas/money.proto", "import weak \"schemas/currency.proto\";"),
            ("schemas/currency.proto", "import \"schemas/money.proto\"; // a cycle"),
            ("vendor/shop/item.proto", "message Item {}"),
            ("schemas/unrelated.proto", ""),
        ];
        let expected = ["schemas/money.proto", "schemas/currency.proto", "money.proto", "shop/item.proto"];
        assert_eq!(names("schemas/order.proto", &files), expected);
    }

    #[test]
    fn an_import_that_fits_two_files_is_left_alone() {
        let files = [("a.proto", "import \"x.proto\";"), ("one/x.proto", ""), ("two/x.proto", "")];
        assert!(names("a.proto", &files).is_empty());
    }

    #[test]
    fn avro_files_are_found_by_the_types_they_define() {
        let files = [
            (
                "person.avsc",
                r#"{"type":"record","name":"Person","namespace":"hr","fields":[{"name":"address","type":["null","Address"]},{"name":"tags","type":{"type":"array","items":"misc.Tag"}}]}"#,
            ),
            (
                "address.avsc",
                r#"{"type":"record","name":"hr.Address","fields":[{"name":"country","type":"Country"}]}"#,
            ),
            ("country.avsc", r#"{"type":"enum","name":"Country","namespace":"hr","symbols":["AD"]}"#),
            ("tag.avsc", r#"{"type":"fixed","name":"Tag","namespace":"misc","size":2}"#),
            ("other.avsc", r#"{"type":"record","name":"Address","namespace":"other","fields":[]}"#),
            ("broken.avsc", "{"),
        ];
        assert_eq!(names("person.avsc", &files), ["hr.Country", "hr.Address", "misc.Tag"]);
    }

    #[test]
    fn a_type_that_a_file_defines_itself_is_not_looked_for() {
        let record = r#"{"type":"record","name":"A","fields":[{"name":"a","type":["null","A"]}]}"#;
        assert!(names("a.avsc", &[("a.avsc", record), ("copy.avsc", record)]).is_empty());
    }

    #[test]
    fn json_schemas_are_found_by_id_or_path() {
        let files = [
            (
                "s/order.json",
                r##"{"properties":{"a":{"$ref":"https://x.org/item#/definitions/a"},"b":{"$ref":"money.json"},"c":{"$ref":"#/d"}}}"##,
            ),
            ("s/money.json", "{}"),
            ("s/item.json", r#"{"$id":"https://x.org/item"}"#),
        ];
        assert_eq!(names("s/order.json", &files), ["https://x.org/item", "money.json"]);
    }
}
