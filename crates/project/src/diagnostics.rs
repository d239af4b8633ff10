//! What is wrong with a project, where, and what to do about it.

use crate::source::{SourceFile, Span};
use crate::syntax::Entry;
use serde::Serialize;
use std::fmt::Write;

/// Whether a project can be used in spite of a diagnostic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The project is refused.
    Error,
    /// The project works, though perhaps not as meant.
    Warning,
}

impl Severity {
    fn word(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }

    fn ansi(self) -> &'static str {
        match self {
            Severity::Error => "\x1b[1;31m",
            Severity::Warning => "\x1b[1;33m",
        }
    }
}

/// One finding, complete in itself: it can be shown without the files at hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// Stable name of the rule, in kebab-case.
    pub code: &'static str,
    /// Path of the file.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Character in the line, from 1.
    pub column: usize,
    /// Byte range in the file.
    pub span: ByteRange,
    /// What is wrong.
    pub fact: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Further places, such as the `INCLUDE` that brought the line in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// The line with secrets blotted out.
    pub source_line: String,
    /// Where the caret stands under `source_line`: first character from 0, and how many.
    #[serde(skip)]
    pub caret: (usize, usize),
}

/// Bytes of a file: `start` inclusive, `end` exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ByteRange {
    /// First byte.
    pub start: usize,
    /// Byte after the last.
    pub end: usize,
}

/// A finding that still points by [`Span`].
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    severity: Severity,
    code: &'static str,
    span: Span,
    fact: String,
    hint: Option<String>,
    notes: Vec<(String, Span)>,
}

impl Finding {
    pub(crate) fn error(code: &'static str, span: Span, fact: impl Into<String>) -> Finding {
        Finding { severity: Severity::Error, code, span, fact: fact.into(), hint: None, notes: Vec::new() }
    }

    pub(crate) fn warning(code: &'static str, span: Span, fact: impl Into<String>) -> Finding {
        Finding { severity: Severity::Warning, ..Finding::error(code, span, fact) }
    }

    pub(crate) fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Finding {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn note(mut self, label: impl Into<String>, span: Span) -> Finding {
        self.notes.push((label.into(), span));
        self
    }

    pub(crate) fn included_from(mut self, places: &[Span]) -> Finding {
        let notes = places.iter().rev().map(|span| ("included from".to_owned(), *span));
        self.notes.extend(notes);
        self
    }
}

/// Gathers the findings about one thing of the project.
pub(crate) struct Report {
    /// What the findings are about, such as `data source "flights"`.
    subject: String,
    pub(crate) findings: Vec<Finding>,
}

impl Report {
    pub(crate) fn about(subject: impl Into<String>) -> Report {
        Report { subject: subject.into(), findings: Vec::new() }
    }

    /// Adds a finding whose fact is about the subject.
    pub(crate) fn add(&mut self, mut finding: Finding) {
        finding.fact = format!("{}: {}", self.subject, finding.fact);
        self.findings.push(finding);
    }

    /// Adds a finding that tells of a directive, and of how it came here.
    pub(crate) fn add_at(&mut self, entry: &Entry, finding: Finding) {
        self.add(finding.included_from(&entry.included_from));
    }
}

/// Turns findings into diagnostics: sorted, repeated ones merged, secrets blotted out.
pub(crate) fn finish(findings: &[Finding], files: &[SourceFile], secrets: &[Span]) -> Vec<Diagnostic> {
    let mut diagnostics: Vec<Diagnostic> = Vec::new();
    for finding in findings {
        let mut diagnostic = locate(finding, files, secrets);
        diagnostic.fact = without_secrets(diagnostic.fact, files, secrets);
        let same = diagnostics.iter_mut().find(|other| is_same(other, &diagnostic));
        match same {
            Some(first) => merge_notes(first, diagnostic.notes),
            None => diagnostics.push(diagnostic),
        }
    }
    sort(&mut diagnostics);
    diagnostics
}

/// Sorts by file, line and column.
pub(crate) fn sort(diagnostics: &mut [Diagnostic]) {
    diagnostics.sort_by(|a, b| {
        (&a.file, a.line, a.column, a.severity, a.code, &a.fact)
            .cmp(&(&b.file, b.line, b.column, b.severity, b.code, &b.fact))
    });
}

/// A fact quotes what stands in the file; should that be a secret, it is blotted out there too.
fn without_secrets(fact: String, files: &[SourceFile], secrets: &[Span]) -> String {
    let texts = secrets.iter().map(|secret| {
        let text = &files[secret.file].text[secret.start..secret.end];
        text.trim_matches(|c: char| c.is_whitespace() || "=:>\"'".contains(c))
    });
    texts.filter(|text| text.len() >= 4).fold(fact, |fact, text| fact.replace(text, "***"))
}

fn is_same(a: &Diagnostic, b: &Diagnostic) -> bool {
    a.file == b.file && a.span == b.span && a.code == b.code && a.fact == b.fact
}

fn merge_notes(first: &mut Diagnostic, notes: Vec<String>) {
    for note in notes {
        if !first.notes.contains(&note) {
            first.notes.push(note);
        }
    }
}

fn locate(finding: &Finding, files: &[SourceFile], secrets: &[Span]) -> Diagnostic {
    let span = finding.span;
    let file = &files[span.file];
    let line_start = file.text[..span.start].rfind('\n').map_or(0, |at| at + 1);
    let line_end = line_end(&file.text, span.start);
    let (source_line, caret) = blot_out(file, span, line_start..line_end, secrets);
    let place = |span: Span| {
        let (line, column) = line_and_column(&files[span.file].text, span.start);
        format!("{}:{line}:{column}", files[span.file].path)
    };
    let (line, column) = line_and_column(&file.text, span.start);
    Diagnostic {
        severity: finding.severity,
        code: finding.code,
        file: file.path.clone(),
        line,
        column,
        span: ByteRange { start: span.start, end: span.end },
        fact: finding.fact.clone(),
        hint: finding.hint.clone(),
        notes: finding.notes.iter().map(|(label, at)| format!("{label} {}", place(*at))).collect(),
        source_line,
        caret,
    }
}

fn line_end(text: &str, at: usize) -> usize {
    let end = text[at..].find('\n').map_or(text.len(), |offset| at + offset);
    let carriage_return = end > at && text.as_bytes()[end - 1] == b'\r';
    if carriage_return { end - 1 } else { end }
}

/// Line and character of a byte, both from 1.
pub(crate) fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let before = &text[..at];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let characters = before[line_start..].chars().filter(|c| *c != '\u{feff}');
    (before.matches('\n').count() + 1, characters.count() + 1)
}

/// The line as it may be shown, and the caret's first character and length in it.
fn blot_out(
    file: &SourceFile,
    span: Span,
    line: std::ops::Range<usize>,
    secrets: &[Span],
) -> (String, (usize, usize)) {
    let mut shown = String::new();
    let mut start = None;
    let mut end = 0;
    let mut inside_secret = false;
    for (offset, character) in file.text[line.clone()].char_indices() {
        let at = line.start + offset;
        let hidden =
            secrets.iter().any(|secret| secret.file == span.file && secret.start <= at && at < secret.end);
        if at >= span.start && start.is_none() {
            start = Some(shown.chars().count().saturating_sub(if hidden && inside_secret { 3 } else { 0 }));
        }
        match (hidden, inside_secret) {
            (true, false) => shown.push_str("***"),
            (true, true) => {}
            (false, _) if character == '\u{feff}' => {}
            (false, _) => shown.push(character),
        }
        inside_secret = hidden;
        if at < span.end {
            end = shown.chars().count();
        }
    }
    let start = start.unwrap_or_else(|| shown.chars().count());
    (shown, (start, end.saturating_sub(start).max(1)))
}

/// Renders diagnostics for people, with the number of errors and warnings at the end.
pub fn render(diagnostics: &[Diagnostic], colour: bool) -> String {
    let mut text = String::new();
    for diagnostic in diagnostics {
        text.push_str(&diagnostic.render(colour));
        text.push('\n');
    }
    text.push_str(&summary(diagnostics));
    text
}

fn summary(diagnostics: &[Diagnostic]) -> String {
    let count = |severity| diagnostics.iter().filter(|d| d.severity == severity).count();
    let plural = |number: usize, word: &str| {
        let ending = if number == 1 { "" } else { "s" };
        format!("{number} {word}{ending}")
    };
    let errors = plural(count(Severity::Error), "error");
    let warnings = plural(count(Severity::Warning), "warning");
    format!("{errors}, {warnings}\n")
}

impl Diagnostic {
    /// Renders the place, the fact, the line with a caret, the hint and the notes.
    pub fn render(&self, colour: bool) -> String {
        let paint = |code: &str, text: &str| match colour {
            true => format!("{code}{text}\x1b[0m"),
            false => text.to_owned(),
        };
        let ansi = self.severity.ansi();
        let title = paint(ansi, &format!("{}[{}]", self.severity.word(), self.code));
        let margin = " ".repeat(self.line.to_string().len());
        let (line, caret_start, caret_width) = self.layout();
        let caret = paint(ansi, &"^".repeat(caret_width));
        let caret_indent = " ".repeat(caret_start);
        let mut text = format!("{}:{}:{}: {title}: {}\n", self.file, self.line, self.column, self.fact);
        let numbered = format!(" {} | {line}", self.line);
        let _ = writeln!(text, "{}", numbered.trim_end());
        let _ = writeln!(text, " {margin} | {caret_indent}{caret}");
        for (index, hint) in self.hint.iter().flat_map(|hint| hint.lines()).enumerate() {
            let label = match index {
                0 => format!("= {}", paint("\x1b[1;36m", "hint:")),
                _ => " ".repeat("= hint:".len()),
            };
            let _ = writeln!(text, " {margin} {label} {hint}");
        }
        for note in &self.notes {
            let _ = writeln!(text, " {margin} = note: {note}");
        }
        text
    }

    /// The line with tabs widened, and the caret's first cell and width.
    fn layout(&self) -> (String, usize, usize) {
        let mut line = String::new();
        let (mut cells, mut start, mut end) = (0, None, 0);
        let (first, count) = self.caret;
        for (index, character) in self.source_line.chars().enumerate() {
            if index == first {
                start = Some(cells);
            }
            match character {
                '\t' => {
                    let width = 4 - cells % 4;
                    line.extend(std::iter::repeat_n(' ', width));
                    cells += width;
                }
                control if control.is_control() => {
                    line.push('\u{fffd}');
                    cells += 1;
                }
                other => {
                    line.push(other);
                    cells += cell_width(other);
                }
            }
            if index < first + count {
                end = cells;
            }
        }
        let start = start.unwrap_or(cells);
        (line, start, end.saturating_sub(start).max(1))
    }
}

/// Terminal cells of a character: 2 for East Asian wide ones and emoji, 0 for combining marks.
///
/// Source: Unicode Standard Annex 11, the blocks that matter in practice.
fn cell_width(character: char) -> usize {
    match u32::from(character) {
        0x0300..=0x036f | 0x200b..=0x200f | 0xfe00..=0xfe0f => 0,
        0x1100..=0x115f | 0x2e80..=0x303e | 0x3041..=0xa4cf | 0xac00..=0xd7a3 => 2,
        0xf900..=0xfaff | 0xfe30..=0xfe6f | 0xff00..=0xff60 | 0xffe0..=0xffe6 => 2,
        0x1f300..=0x1f64f | 0x1f680..=0x1f6ff | 0x1f900..=0x1f9ff | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, start: usize, end: usize, secrets: &[Span]) -> String {
        let files = [SourceFile { path: "a.datasource".into(), text: text.into() }];
        let span = Span { file: 0, start, end };
        let finding = Finding::error("some-rule", span, "a fact").hint("do this");
        finish(&[finding], &files, secrets)[0].render(false)
    }

    #[test]
    fn the_caret_stands_under_its_text_after_tabs_and_wide_characters() {
        insta::assert_snapshot!(shown("first\n\t日本 wrong é\n", 14, 19, &[]), @r"
        a.datasource:2:5: error[some-rule]: a fact
         2 |     日本 wrong é
           |          ^^^^^
           = hint: do this
        ");
    }

    #[test]
    fn secrets_are_blotted_out_and_the_caret_points_at_the_blot() {
        let secret = Span { file: 0, start: 13, end: 20 };
        insta::assert_snapshot!(shown("KAFKA_SECRET hunter2\n", 16, 18, &[secret]), @r"
        a.datasource:1:17: error[some-rule]: a fact
         1 | KAFKA_SECRET ***
           |              ^^^
           = hint: do this
        ");
    }

    #[test]
    fn the_end_of_a_file_can_be_pointed_at() {
        insta::assert_snapshot!(shown("ab\r\n", 4, 4, &[]), @r"
        a.datasource:2:1: error[some-rule]: a fact
         2 |
           | ^
           = hint: do this
        ");
    }

    #[test]
    fn colour_is_only_used_when_asked_for() {
        let files = [SourceFile { path: "a".into(), text: "x".into() }];
        let finding = Finding::warning("some-rule", Span::file_start(0), "a fact");
        let diagnostic = &finish(&[finding], &files, &[])[0];
        assert!(diagnostic.render(true).contains("\x1b[1;33mwarning[some-rule]\x1b[0m"));
        assert!(!diagnostic.render(false).contains('\x1b'));
    }
}
