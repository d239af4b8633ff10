//! Every project under `fixtures/projects` beside what is said about it.
//!
//! `expected.txt` holds the diagnostics as people see them, `expected.json` the validated model of a valid
//! project, or the diagnostics of a broken one that has such a file. Snapshots are compared whole;
//! with `FOREBAY_UPDATE_SNAPSHOTS=1` they are written instead.

use forebay_project::{Diagnostic, Severity, SourceFile, parse, render, validate};
use std::path::{Path, PathBuf};

fn corpus(kind: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/projects").join(kind);
    let mut folders = entries(&root);
    folders.retain(|path| path.is_dir());
    folders
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("fixtures/projects is part of the repository");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("readable").path()).collect();
    paths.sort();
    paths
}

fn files(root: &Path, folder: &Path, found: &mut Vec<SourceFile>) {
    for path in entries(folder) {
        if path.is_dir() {
            files(root, &path, found);
        } else if path.file_stem().is_some_and(|stem| stem != "expected") {
            let relative = path.strip_prefix(root).expect("inside the project");
            found.push(SourceFile {
                path: relative.to_str().expect("plain names").to_owned(),
                text: std::fs::read_to_string(&path).expect("UTF-8"),
            });
        }
    }
}

fn project_files(folder: &Path) -> Vec<SourceFile> {
    let mut found = Vec::new();
    files(folder, folder, &mut found);
    found
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(value).expect("plain data") + "\n"
}

/// Compares a snapshot, or writes it; an empty one must not exist as a file.
fn compare(path: &Path, actual: &str, differences: &mut Vec<String>) {
    if std::env::var_os("FOREBAY_UPDATE_SNAPSHOTS").is_some() {
        match actual.is_empty() {
            true => drop(std::fs::remove_file(path)),
            false => std::fs::write(path, actual).expect("snapshots can be written"),
        }
    }
    let expected = std::fs::read_to_string(path).unwrap_or_default();
    if expected != actual {
        differences.push(format!("{}\n--- expected\n{expected}\n--- actual\n{actual}", path.display()));
    }
}

fn assert_same(differences: &[String]) {
    assert!(
        differences.is_empty(),
        "{}\n{} snapshots differ; if the new text is right, run with FOREBAY_UPDATE_SNAPSHOTS=1",
        differences.join("\n"),
        differences.len()
    );
}

fn assert_well_placed(diagnostic: &Diagnostic, files: &[SourceFile]) {
    let file = files.iter().find(|file| file.path == diagnostic.file).expect("a file of the project");
    assert!(file.text.get(diagnostic.span.start..diagnostic.span.end).is_some(), "{diagnostic:?}");
}

#[test]
fn broken_projects_are_refused_with_the_expected_words() {
    let mut differences = Vec::new();
    for folder in corpus("broken") {
        let files = project_files(&folder);
        let (project, diagnostics) = validate(&parse(&files));
        assert!(project.is_none(), "{} is not refused", folder.display());
        diagnostics.iter().for_each(|diagnostic| assert_well_placed(diagnostic, &files));
        compare(&folder.join("expected.txt"), &render(&diagnostics, false), &mut differences);
        let as_json = folder.join("expected.json");
        if as_json.exists() {
            compare(&as_json, &json(&diagnostics), &mut differences);
        }
    }
    assert_same(&differences);
}

#[test]
fn valid_projects_become_the_expected_model() {
    let mut differences = Vec::new();
    for folder in corpus("valid") {
        let (project, diagnostics) = validate(&parse(&project_files(&folder)));
        let said = render(&diagnostics, false);
        let project = project.unwrap_or_else(|| panic!("{} is refused:\n{said}", folder.display()));
        let warnings = if diagnostics.is_empty() { String::new() } else { said };
        compare(&folder.join("expected.txt"), &warnings, &mut differences);
        compare(&folder.join("expected.json"), &json(&project), &mut differences);
    }
    assert_same(&differences);
}

#[test]
fn the_corpus_is_large_enough() {
    assert!(corpus("broken").len() >= 280, "{}", corpus("broken").len());
    assert!(corpus("valid").len() >= 60, "{}", corpus("valid").len());
    let with_json = corpus("broken").iter().filter(|folder| folder.join("expected.json").exists()).count();
    assert!(with_json >= 5, "{with_json}");
}

#[test]
fn every_error_says_what_to_do() {
    for folder in corpus("broken") {
        let (_, diagnostics) = validate(&parse(&project_files(&folder)));
        for diagnostic in diagnostics {
            assert!(diagnostic.hint.is_some(), "{}: {diagnostic:?}", folder.display());
            assert!(!diagnostic.fact.ends_with('.'), "{diagnostic:?}");
        }
    }
}

#[test]
fn no_secret_of_the_corpus_is_ever_shown() {
    for folder in corpus("broken").into_iter().chain(corpus("valid")) {
        let files = project_files(&folder);
        let (project, diagnostics) = validate(&parse(&files));
        let shown =
            format!("{}{}{project:?}{}", render(&diagnostics, false), json(&diagnostics), json(&project));
        assert!(!shown.contains("hunter2"), "{}", folder.display());
        let errors = diagnostics.iter().filter(|d| d.severity == Severity::Error).count();
        assert_eq!(errors == 0, project.is_some(), "{}", folder.display());
    }
}
