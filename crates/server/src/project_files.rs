//! Finds and reads the files of a project: the only place where the project language meets the file system.

use crate::exit::{Exit, Failure};
use forebay_project::SourceFile;
use std::{collections::BTreeSet, fs, io, path::Path};

/// Directories below the project's own that are looked into.
const MAX_DEPTH: usize = 3;
/// Datafiles are written by hand; anything larger is something else.
const MAX_FILE_BYTES: u64 = 10 << 20;
const SKIPPED: [&str; 2] = ["target", "node_modules"];

/// Reads every datafile below `dir`, and what they include, sorted by path. Paths are relative to `dir`.
///
/// # Errors
/// When `dir` is no directory, holds no datafile, or a file cannot be read.
pub(crate) fn read_project(dir: &Path) -> Result<Vec<SourceFile>, Failure> {
    if !dir.is_dir() {
        return Err(Failure::new(Exit::Environment, format!("{} is not a directory", dir.display()))
            .hint("name the directory of a project, or make one with `forebay init`"));
    }
    let mut paths = BTreeSet::new();
    walk(dir, Path::new(""), MAX_DEPTH, &mut paths)?;
    if paths.is_empty() {
        return Err(no_datafile(dir));
    }
    let mut files = Vec::new();
    for path in &paths {
        files.push(read(dir, path)?);
    }
    add_included(dir, &mut files)?;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

fn walk(dir: &Path, below: &Path, depth: usize, paths: &mut BTreeSet<String>) -> Result<(), Failure> {
    let here = dir.join(below);
    for entry in fs::read_dir(&here).map_err(|error| unreadable(&here, &error))? {
        let entry = entry.map_err(|error| unreadable(&here, &error))?;
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        let path = below.join(&name);
        if name.starts_with('.') {
            continue;
        }
        if entry.path().is_dir() {
            if depth > 0 && !SKIPPED.contains(&name.as_str()) {
                walk(dir, &path, depth - 1, paths)?;
            }
        } else if forebay_project::is_project_file(&name) {
            paths.insert(slashed(&path));
        }
    }
    Ok(())
}

/// Reads files that an `INCLUDE` names and that the walk has not met; a missing one is the checker's to report.
pub(crate) fn add_included(dir: &Path, files: &mut Vec<SourceFile>) -> Result<(), Failure> {
    let mut next = 0;
    while let Some(file) = files.get(next) {
        for path in forebay_project::included_paths(file) {
            let known = files.iter().any(|file| file.path == path);
            if !known && dir.join(&path).is_file() {
                files.push(read(dir, &path)?);
            }
        }
        next += 1;
    }
    Ok(())
}

fn read(dir: &Path, path: &str) -> Result<SourceFile, Failure> {
    let whole = dir.join(path);
    let size = fs::metadata(&whole).map_err(|error| unreadable(&whole, &error))?.len();
    if size > MAX_FILE_BYTES {
        return Err(Failure::new(
            Exit::Errors,
            format!("{} is larger than a datafile can be (10 MiB)", whole.display()),
        ));
    }
    let text = fs::read_to_string(&whole).map_err(|error| unreadable(&whole, &error))?;
    Ok(SourceFile { path: path.to_owned(), text })
}

fn slashed(path: &Path) -> String {
    path.to_string_lossy().replace('\\', "/")
}

fn no_datafile(dir: &Path) -> Failure {
    let fact = format!("directory {} holds no .datasource or .connection file", dir.display());
    Failure::new(Exit::Errors, fact)
        .hint("write a first project with `forebay init DIR`, or name the directory of one")
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    let reason = match error.kind() {
        io::ErrorKind::InvalidData => "it is not UTF-8 text".to_owned(),
        _ => error.to_string(),
    };
    Failure::new(Exit::Environment, format!("{} cannot be read: {reason}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        dir
    }

    fn paths(dir: &Path) -> Vec<String> {
        read_project(dir).unwrap().into_iter().map(|file| file.path).collect()
    }

    #[test]
    fn hidden_and_foreign_directories_are_not_looked_into() {
        let dir = project(&[
            ("a.datasource", ""),
            ("sub/deep/er/b.connection", ""),
            ("sub/deep/er/still/c.datasource", ""),
            (".forebay/d.datasource", ""),
            ("node_modules/e.datasource", ""),
            ("target/f.datasource", ""),
            ("README.md", ""),
        ]);
        assert_eq!(paths(dir.path()), ["a.datasource", "sub/deep/er/b.connection"]);
    }

    #[test]
    fn a_file_that_an_include_names_is_read_whatever_its_name() {
        let dir = project(&[
            ("tables/a.datasource", "include \"../settings/kafka.txt\" \"X=1\"\n"),
            ("settings/kafka.txt", "INCLUDE other.txt\n"),
            ("settings/other.txt", ""),
        ]);
        assert_eq!(paths(dir.path()), ["settings/kafka.txt", "settings/other.txt", "tables/a.datasource"]);
    }

    #[test]
    fn an_empty_directory_is_answered_by_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let failure = read_project(dir.path()).unwrap_err();
        assert!(failure.fact.ends_with("holds no .datasource or .connection file"));
        assert_eq!(failure.exit, Exit::Errors);
    }
}
