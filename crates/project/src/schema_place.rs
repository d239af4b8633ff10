//! `KAFKA_VALUE_SCHEMA` and `KAFKA_KEY_SCHEMA`: schemas that are files of the project, or lie in the registry.

use crate::diagnostics::{Finding, Report};
use crate::directives::FileKind;
use crate::include;
use crate::model::{Format, SchemaLocation, Text};
use crate::registry::schema_path;
use crate::source::{SourceFile, Span};
use crate::suggest;
use crate::syntax::Entry;

/// Directives whose value may name a file.
pub(crate) const DIRECTIVES: &[&str] = &["KAFKA_VALUE_SCHEMA", "KAFKA_KEY_SCHEMA"];

const HINT: &str = "write the path of a .avsc, .proto or .json file, or /subjects/S, /subjects/S/versions/V or /schemas/ids/N";

/// What is wrong with the value itself.
pub(crate) fn place_trouble(entry: &Entry) -> Option<Finding> {
    let written = entry.value.text();
    let name = entry.directive.name;
    let fact = match written.starts_with('/') {
        true if schema_path(written).is_ok_and(|path| path == Some(written)) => return None,
        true => format!("{name}: `{written}` is no place of a registry"),
        false if extension(written).is_some() => return None,
        false => format!("{name}: `{written}` is no schema file"),
    };
    Some(Finding::error("schema-place", entry.value.span(), fact).hint(HINT))
}

/// The extension of a schema file.
fn extension(path: &str) -> Option<&str> {
    let is_schema = FileKind::of_path(path) == Some(FileKind::Schema);
    path.rsplit_once('.').map(|(_, extension)| extension).filter(|_| is_schema)
}

/// The extension of schemas of a format.
fn extension_of(format: Format) -> Option<&'static str> {
    match format {
        Format::Avro => Some("avsc"),
        Format::Protobuf => Some("proto"),
        Format::JsonWithSchema => Some("json"),
        Format::JsonWithoutSchema | Format::String | Format::Binary => None,
    }
}

/// Where a file may be that is named so: beside the naming file, else below the project's folder.
pub(crate) fn candidates(naming: &str, written: &str) -> Vec<String> {
    if written.starts_with('/') || extension(written).is_none() {
        return Vec::new();
    }
    let mut paths = vec![include::join(naming, written), include::join("", written)];
    paths.dedup();
    paths
}

/// Where the files may be that a JSON Schema refers to by `$ref`.
pub(crate) fn referred(file: &SourceFile) -> Vec<String> {
    fn collect(value: &serde_json::Value, links: &mut Vec<String>) {
        match value {
            serde_json::Value::Object(object) => {
                links.extend(object.get("$ref").and_then(|link| link.as_str()).map(str::to_owned));
                object.values().for_each(|value| collect(value, links));
            }
            serde_json::Value::Array(values) => values.iter().for_each(|value| collect(value, links)),
            _ => {}
        }
    }
    let mut links = Vec::new();
    if let (Some("json"), Ok(schema)) = (extension(&file.path), serde_json::from_str(&file.text)) {
        collect(&schema, &mut links);
    }
    let path = |link: &String| link.split('#').next().unwrap_or_default().to_owned();
    let paths = links.iter().map(path).filter(|path| !path.contains("://") && path.ends_with(".json"));
    paths.flat_map(|path| candidates(&file.path, &path)).collect()
}

/// The schema that a directive names; `None` after reporting.
pub(crate) fn location(
    entry: &Entry,
    format: Format,
    files: &[SourceFile],
    report: &mut Report,
) -> Option<SchemaLocation> {
    let written = entry.value.text();
    if written.starts_with('/') {
        return Some(SchemaLocation::Registry(Text::literal(written)));
    }
    if extension(written) != extension_of(format) {
        report.add_at(entry, wrong_extension(entry, format));
        return None;
    }
    let paths = candidates(&files[entry.name.file].path, written);
    let found =
        paths.iter().find_map(|path| files.iter().position(|file| include::normalise(&file.path) == *path));
    let Some(index) = found else {
        report.add_at(entry, missing(entry, files));
        return None;
    };
    let is_other =
        |file: &&SourceFile| extension(&file.path) == extension(written) && file.path != files[index].path;
    let others = files.iter().filter(is_other).map(|file| (file.path.clone(), file.text.clone()));
    let location = SchemaLocation::File {
        path: files[index].path.clone(),
        text: files[index].text.clone(),
        others: others.collect(),
    };
    match syntax_trouble(index, &files[index]) {
        None => Some(location),
        Some(finding) => {
            report.add(finding.note("named at", entry.name));
            None
        }
    }
}

fn wrong_extension(entry: &Entry, format: Format) -> Finding {
    let fact =
        format!("{}: `{}` is no schema of {}", entry.directive.name, entry.value.text(), format.word());
    let finding = Finding::error("format-conflict", entry.value.span(), fact);
    match extension_of(format) {
        Some(extension) => finding.hint(format!("schemas of {} are .{extension} files", format.word())),
        None => finding.hint("remove the line, or change the format"),
    }
}

fn missing(entry: &Entry, files: &[SourceFile]) -> Finding {
    let written = entry.value.text();
    let fact = format!("{}: there is no file \"{written}\"", entry.directive.name);
    let finding = Finding::error("schema-missing", entry.value.span(), fact);
    let paths =
        files.iter().map(|file| file.path.as_str()).filter(|path| extension(path) == extension(written));
    let name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    let same_name = paths.clone().find(|path| name(path) == name(written));
    let close = same_name.or_else(|| suggest::closest(written, paths.clone()));
    let by_name =
        || paths.clone().find(|path| suggest::closest(&name(written), [name(path).as_str()]).is_some());
    match close.or_else(by_name) {
        Some(close) => finding
            .hint(format!("did you mean \"{close}\"? paths are relative to this file, or to the project")),
        None => finding.hint("paths are relative to this file, or to the project"),
    }
}

/// Whether a schema that is JSON can be read as such; Protobuf's own language is read when records are.
fn syntax_trouble(index: usize, file: &SourceFile) -> Option<Finding> {
    if extension(&file.path) == Some("proto") {
        return None;
    }
    let text = file.text.strip_prefix('\u{feff}').unwrap_or(&file.text);
    let error = serde_json::from_str::<serde::de::IgnoredAny>(text).err()?;
    let line_start = match error.line() {
        0 | 1 => file.text.len() - text.len(),
        line => file.text.match_indices('\n').nth(line - 2).map_or(0, |(at, _)| at + 1),
    };
    let mut at = (line_start + error.column().saturating_sub(1)).min(file.text.len());
    while !file.text.is_char_boundary(at) {
        at -= 1;
    }
    let length = file.text[at..].chars().next().filter(|c| *c != '\n').map_or(0, char::len_utf8);
    let span = Span { file: index, start: at, end: at + length };
    // The library's sentence ends in a place of its own.
    let said = error.to_string();
    let reason = said.split(" at line ").next().unwrap_or_default();
    let fact = format!("schema file \"{}\" is no JSON: {reason}", file.path);
    Some(Finding::error("schema-syntax", span, fact).hint("schemas of Avro and JSON Schema are JSON"))
}
