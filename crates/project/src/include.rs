//! Puts included files in the place of their `INCLUDE`.

use crate::diagnostics::Finding;
use crate::directives::FileKind;
use crate::source::{SourceFile, Span, Value};
use crate::suggest;
use crate::syntax::{Entry, FileSyntax, arguments};

/// Directives one file may come to: includes that multiply end here.
const MAX_ENTRIES: usize = 10_000;

/// All files of a project with what each holds by itself.
pub(crate) struct Library<'a> {
    pub(crate) files: &'a [SourceFile],
    pub(crate) syntax: &'a [FileSyntax],
}

/// One chain of includes being followed.
struct Expansion<'a> {
    library: &'a Library<'a>,
    /// Files from the outermost to the current one.
    stack: Vec<usize>,
    /// `INCLUDE` lines from the outermost on.
    places: Vec<Span>,
    entries: Vec<Entry>,
    findings: Vec<Finding>,
}

impl Library<'_> {
    /// The directives of a file with all includes put in.
    pub(crate) fn expand(&self, file: usize) -> (Vec<Entry>, Vec<Finding>) {
        let mut expansion = Expansion {
            library: self,
            stack: Vec::new(),
            places: Vec::new(),
            entries: Vec::new(),
            findings: Vec::new(),
        };
        expansion.file(file, &[]);
        (expansion.entries, expansion.findings)
    }

    fn find(&self, path: &str) -> Option<usize> {
        self.files.iter().position(|file| normalise(&file.path) == path)
    }
}

impl Expansion<'_> {
    fn file(&mut self, file: usize, pairs: &[(String, String)]) {
        self.stack.push(file);
        for entry in &self.library.syntax[file].entries {
            if self.entries.len() >= MAX_ENTRIES {
                break;
            }
            let entry = Entry {
                value: entry.value.substituted(pairs),
                included_from: self.places.clone(),
                ..entry.clone()
            };
            match entry.directive.name {
                "INCLUDE" => self.include(&entry, file),
                _ => self.entries.push(entry),
            }
        }
        self.stack.pop();
    }

    fn include(&mut self, entry: &Entry, from: usize) {
        let words = arguments(&entry.value);
        let Some((path, pairs)) = words.split_first() else {
            self.refuse(
                Finding::error("include-syntax", entry.name, "INCLUDE names no file")
                    .hint("write INCLUDE \"path/of/file.incl\" \"NAME=value\""),
            );
            return;
        };
        let wanted = join(&self.library.files[from].path, path.text());
        let pairs = self.pairs(pairs);
        match self.library.find(&wanted) {
            None => self.refuse(self.missing(path, &wanted)),
            Some(file) if is_schema(&self.library.files[file].path) => {
                let fact = format!("\"{wanted}\" is a schema, which cannot be included");
                self.refuse(
                    Finding::error("include-schema", path.span(), fact)
                        .hint("name it by KAFKA_VALUE_SCHEMA or KAFKA_KEY_SCHEMA"),
                );
            }
            Some(file) if self.stack.contains(&file) => self.refuse(self.cycle(path, file)),
            Some(file) => {
                self.places.push(entry.name.to(path.span()));
                self.file(file, &pairs);
                self.places.pop();
            }
        }
    }

    fn refuse(&mut self, finding: Finding) {
        let finding = finding.included_from(&self.places);
        self.findings.push(finding);
    }

    fn pairs(&mut self, words: &[Value]) -> Vec<(String, String)> {
        let mut pairs = Vec::new();
        for word in words {
            match word.text().split_once('=') {
                Some((name, value)) if crate::text::is_identifier(name.trim()) => {
                    let value = Value::copied(0, 0, value.trim()).unquoted();
                    pairs.push((name.trim().to_owned(), value.text().to_owned()));
                }
                _ => self.refuse(
                    Finding::error(
                        "include-syntax",
                        word.span(),
                        "INCLUDE takes a path, then \"NAME=value\" pairs",
                    )
                    .hint("write INCLUDE \"path/of/file.incl\" \"NAME=value\""),
                ),
            }
        }
        pairs
    }

    fn missing(&self, path: &Value, wanted: &str) -> Finding {
        let fact = format!("there is no file \"{wanted}\" to include");
        let paths = self.library.files.iter().map(|file| file.path.as_str());
        let finding = Finding::error("include-missing", path.span(), fact);
        let same_name = paths.clone().find(|other| file_name(other) == file_name(wanted));
        match same_name.or_else(|| suggest::closest(wanted, paths)) {
            Some(close) => {
                finding.hint(format!("did you mean \"{close}\"? paths are relative to the including file"))
            }
            None => finding.hint("paths are relative to the including file"),
        }
    }

    fn cycle(&self, path: &Value, file: usize) -> Finding {
        let paths = self.stack.iter().chain([&file]).map(|index| self.library.files[*index].path.as_str());
        let chain: Vec<&str> = paths.skip_while(|other| *other != self.library.files[file].path).collect();
        Finding::error(
            "include-cycle",
            path.span(),
            format!("the files include each other: {}", chain.join(" -> ")),
        )
        .hint("remove one of the INCLUDE lines")
    }
}

fn is_schema(path: &str) -> bool {
    FileKind::of_path(path) == Some(FileKind::Schema)
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The path of an included file, as seen from the project folder.
pub(crate) fn join(including: &str, path: &str) -> String {
    let folder = including.rsplit_once('/').map_or("", |(folder, _)| folder);
    match path.starts_with('/') {
        true => normalise(path),
        false => normalise(&format!("{folder}/{path}")).trim_start_matches('/').to_owned(),
    }
}

/// Without `.`, `..` and doubled `/`, as far as possible.
pub(crate) fn normalise(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            other => parts.push(other),
        }
    }
    let root = if path.starts_with('/') { "/" } else { "" };
    format!("{root}{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn include_paths_are_relative_to_the_including_file() {
        assert_eq!(join("a.datasource", "x.incl"), "x.incl");
        assert_eq!(join("d/a.datasource", "../c/./x.incl"), "c/x.incl");
        assert_eq!(join("d/a.datasource", "../../x.incl"), "../x.incl");
        assert_eq!(join("d/a.datasource", "/x.incl"), "/x.incl");
    }
}
