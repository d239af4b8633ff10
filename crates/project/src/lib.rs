//! The project language: datafiles to syntax tree, diagnostics, validated model and plan.
//!
//! Pure by rule: no file system, clock, environment or async. Callers hand in file texts
//! and get back a [`model::Project`] or every diagnostic at once.
//!
//! ```
//! use forebay_project::{SourceFile, load};
//!
//! let file = SourceFile {
//!     path: "numbers.datasource".into(),
//!     text: "SCHEMA >\n    n UInt8 DEFAULT 1\n".into(),
//! };
//! let loaded = load(&[file]).expect("no errors");
//! assert_eq!(loaded.project.datasources["numbers"].columns[0].name, "n");
//! ```

pub mod automatic;
pub mod column_type;
pub mod diagnostics;
pub mod directives;
mod engine;
mod format;
mod include;
mod indexes;
pub mod json_type;
mod kafka;
pub mod kafka_columns;
pub mod model;
pub mod path;
pub mod plan;
mod reading;
pub mod reference;
mod registry;
mod schema;
mod schema_place;
mod settings;
mod simple_aggregate;
pub mod source;
mod sql_text;
pub mod suggest;
pub mod syntax;
pub mod text;
mod type_names;
pub mod type_parser;
mod type_rules;
mod validate;

pub use diagnostics::{Diagnostic, Severity, render};
pub use kafka::{AddressError, host_ports};
pub use source::SourceFile;
pub use validate::validate;

use directives::FileKind;
use source::Span;
use syntax::Entry;

/// One file that describes something, with its includes put in.
#[derive(Clone, Debug, PartialEq)]
pub struct Resource {
    /// Connection, data source or pipe.
    pub kind: FileKind,
    /// File name without extension.
    pub name: String,
    /// Index of the file.
    pub file: usize,
    /// Its directives, in order.
    pub entries: Vec<Entry>,
}

/// What parsing found: everything readable, and every diagnostic.
#[derive(Clone, Debug, Default)]
pub struct ParsedProject {
    /// The files, as given.
    pub files: Vec<SourceFile>,
    /// Connections, data sources and pipes, in the order of the files.
    pub resources: Vec<Resource>,
    /// Findings about the text itself, sorted.
    pub diagnostics: Vec<Diagnostic>,
    /// Places whose text must not be shown.
    pub(crate) secrets: Vec<Span>,
}

/// A project that can be used.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The project.
    pub project: model::Project,
    /// What may not be as meant.
    pub warnings: Vec<Diagnostic>,
}

/// Whether a file belongs to a project, by its extension: datafiles, and schemas that others may import.
///
/// Files with other extensions, `.json` among them, may still be named by a file; see [`included_paths`].
pub fn is_project_file(path: &str) -> bool {
    match FileKind::of_path(path) {
        Some(FileKind::Schema) => !path.ends_with(".json"),
        kind => kind.is_some(),
    }
}

/// The files that a file's `INCLUDE`, `KAFKA_VALUE_SCHEMA` and `KAFKA_KEY_SCHEMA` lines name, relative to the project
/// folder; of a JSON Schema, those of its `$ref`s. A schema is looked for beside the file that names it, then in the
/// project folder: both places are listed.
///
/// Paths that lead out of the folder begin with `..` or `/`; whether to read them is the caller's decision.
pub fn included_paths(file: &SourceFile) -> Vec<String> {
    let kind = FileKind::of_path(&file.path).unwrap_or(FileKind::Include);
    if kind == FileKind::Schema {
        return schema_place::referred(file);
    }
    let entries = syntax::read(0, kind, &file.text).entries;
    let named = |entry: &Entry| match entry.directive.name {
        "INCLUDE" => {
            let words = syntax::arguments(&entry.value);
            words.first().map(|path| include::join(&file.path, path.text())).into_iter().collect()
        }
        name if schema_place::DIRECTIVES.contains(&name) => {
            schema_place::candidates(&file.path, entry.value.text())
        }
        _ => Vec::new(),
    };
    entries.iter().flat_map(named).collect()
}

/// Reads one file; schemas hold no directives.
fn read(index: usize, kind: FileKind, text: &str) -> syntax::FileSyntax {
    match kind {
        FileKind::Schema => syntax::FileSyntax::default(),
        kind => syntax::read(index, kind, text),
    }
}

/// Reads the files of a project. Never fails: what is wrong becomes a diagnostic.
pub fn parse(files: &[SourceFile]) -> ParsedProject {
    let kind = |file: &SourceFile| FileKind::of_path(&file.path).unwrap_or(FileKind::Include);
    let read = |(index, file): (usize, &SourceFile)| read(index, kind(file), &file.text);
    let syntax: Vec<_> = files.iter().enumerate().map(read).collect();
    let library = include::Library { files, syntax: &syntax };
    let mut findings = Vec::new();
    let mut resources = Vec::new();
    for (index, file) in files.iter().enumerate() {
        let kind = kind(file);
        if kind != FileKind::Pipe {
            findings.extend(syntax[index].findings.iter().cloned());
        }
        if matches!(kind, FileKind::Include | FileKind::Schema) {
            continue;
        }
        let (entries, mut of_includes) = library.expand(index);
        // A pipe is refused as a whole; what is wrong inside is no news.
        if kind != FileKind::Pipe {
            findings.append(&mut of_includes);
        }
        resources.push(Resource { kind, name: stem(&file.path).to_owned(), file: index, entries });
    }
    let secrets: Vec<Span> = syntax.iter().flat_map(|file| file.secrets.iter().copied()).collect();
    ParsedProject {
        files: files.to_vec(),
        resources,
        diagnostics: diagnostics::finish(&findings, files, &secrets),
        secrets,
    }
}

/// Reads and checks a project in one go.
///
/// # Errors
/// Every diagnostic, warnings among them, when at least one is an error.
pub fn load(files: &[SourceFile]) -> Result<Loaded, Vec<Diagnostic>> {
    match validate(&parse(files)) {
        (Some(project), warnings) => Ok(Loaded { project, warnings }),
        (None, diagnostics) => Err(diagnostics),
    }
}

fn stem(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}
