//! Reads one datafile into its directives.
//!
//! The language is line based. A directive stands at the beginning of a line, its value is
//! the rest of the line; `>` opens a block that lasts until the next line that begins, in
//! column 0, with a known directive. `#` outside quotes starts a comment.

use crate::diagnostics::Finding;
use crate::directives::{self, Directive, FileKind};
use crate::source::{Span, Value};
use crate::suggest;
use crate::text;
use std::ops::Range;

/// One directive with its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Which directive, from the table.
    pub directive: &'static Directive,
    /// Where its name stands.
    pub name: Span,
    /// Its value: one line without comment, or the lines of a block joined by line feeds.
    pub value: Value,
    /// Whether the value was a block.
    pub is_block: bool,
    /// The `INCLUDE` lines that brought it here, outermost first.
    pub included_from: Vec<Span>,
}

/// What one file holds by itself, includes not yet put in.
#[derive(Debug, Default)]
pub(crate) struct FileSyntax {
    pub(crate) entries: Vec<Entry>,
    pub(crate) findings: Vec<Finding>,
    /// Places whose text must not be shown.
    pub(crate) secrets: Vec<Span>,
}

#[derive(Clone, Copy)]
struct Line<'a> {
    start: usize,
    text: &'a str,
}

impl<'a> Line<'a> {
    fn is_blank_or_comment(&self) -> bool {
        let text = self.text.trim_start();
        text.is_empty() || text.starts_with('#')
    }

    fn is_indented(&self) -> bool {
        self.text.starts_with([' ', '\t'])
    }

    /// The first word and where it stands in the line.
    fn word(&self) -> (&'a str, Range<usize>) {
        let start = self.text.len() - self.text.trim_start().len();
        let rest = &self.text[start..];
        let length = rest.find(|c: char| c.is_whitespace() || matches!(c, '>' | '#')).unwrap_or(rest.len());
        (&rest[..length], start..start + length)
    }
}

fn lines(text: &str) -> Vec<Line<'_>> {
    let mut start = 0;
    let mut lines = Vec::new();
    for raw in text.split_inclusive('\n') {
        let byte_order_mark = if start == 0 && raw.starts_with('\u{feff}') { 3 } else { 0 };
        let content = raw[byte_order_mark..].trim_end_matches(['\n', '\r']);
        lines.push(Line { start: start + byte_order_mark, text: content });
        start += raw.len();
    }
    lines
}

/// Reads a file. Never fails: what cannot be read becomes a finding.
pub(crate) fn read(file: usize, kind: FileKind, text: &str) -> FileSyntax {
    let mut reader = Reader { file, kind, lines: lines(text), at: 0, syntax: FileSyntax::default() };
    reader.hide_secrets();
    while let Some(line) = reader.next_line() {
        if !line.is_blank_or_comment() {
            reader.directive(line);
        }
    }
    reader.syntax
}

struct Reader<'a> {
    file: usize,
    kind: FileKind,
    lines: Vec<Line<'a>>,
    at: usize,
    syntax: FileSyntax,
}

impl<'a> Reader<'a> {
    fn next_line(&mut self) -> Option<Line<'a>> {
        let line = self.lines.get(self.at).copied();
        self.at += 1;
        line
    }

    fn span(&self, line: Line<'_>, range: Range<usize>) -> Span {
        Span { file: self.file, start: line.start + range.start, end: line.start + range.end }
    }

    fn directive(&mut self, line: Line<'a>) {
        let (word, place) = line.word();
        let name = self.span(line, place.clone());
        let directive = directives::find(word);
        let is_hidden = is_hidden(bare(word));
        if is_hidden {
            self.hide(line, place.start + bare(word).len());
        }
        if directive.is_some_and(|d| d.name == "INCLUDE") {
            self.hide_pairs(line, place.end);
        }
        let value = self.line_value(line, place.end);
        let block = value.text().starts_with('>');
        let value = if block { self.block(&value, directive, is_hidden) } else { value };
        match directive {
            Some(directive) => self.syntax.entries.push(Entry {
                directive,
                name,
                value: if block { value } else { value.unquoted() },
                is_block: block,
                included_from: Vec::new(),
            }),
            None => self.syntax.findings.push(unknown(word, name, self.kind)),
        }
    }

    /// Finds what looks like a secret on every line, be it in a block or a comment.
    fn hide_secrets(&mut self) {
        for line in self.lines.clone() {
            let text = line.text.trim_start_matches(['#', ' ', '\t']);
            let start = line.text.len() - text.len();
            let word = bare(text.split_whitespace().next().unwrap_or_default());
            // Words in small letters may be columns.
            let is_directive = word == word.to_ascii_uppercase() || directives::find(word).is_some();
            if is_directive && is_hidden(word) {
                self.hide(line, start + word.len());
            }
            self.hide_logins(line);
        }
    }

    /// Hides `user:password` of every address in a line, whatever the line is.
    fn hide_logins(&mut self, line: Line<'_>) {
        for (at, separator) in line.text.match_indices("://") {
            let from = at + separator.len();
            let word = line.text[from..].split(char::is_whitespace).next().unwrap_or_default();
            if let Some(length) = word.rfind('@').filter(|length| word[..*length].contains(':')) {
                let span = self.span(line, from..from + length);
                self.syntax.secrets.push(span);
            }
        }
    }

    /// Keeps a secret value out of every diagnostic, unless it is nothing but a reference.
    fn hide(&mut self, line: Line<'_>, from: usize) {
        let value = line.text[from..].trim();
        let is_reference = text::parse(value).is_ok_and(|text| text.redacted() == text.to_string());
        if !is_reference || value == ">" {
            let leading = line.text[from..].len() - line.text[from..].trim_start().len();
            let span = self.span(line, from + leading..line.text.len());
            self.syntax.secrets.push(span);
        }
    }

    /// Keeps the values that an `INCLUDE` hands over out of every diagnostic: any may be a password.
    fn hide_pairs(&mut self, line: Line<'_>, from: usize) {
        let value = Value::copied(self.file, line.start + from, &line.text[from..]);
        for argument in arguments(&value) {
            if let Some((name, _)) = argument.text().split_once('=') {
                let range = name.len() + 1..argument.text().len();
                self.syntax.secrets.push(argument.span_of(range));
            }
        }
    }

    /// The rest of a line without its comment.
    fn line_value(&mut self, line: Line<'_>, from: usize) -> Value {
        let rest = &line.text[from..];
        let (end, trouble) = comment_start(rest);
        let mut start = 0;
        match trouble {
            Some(LineTrouble::OpenQuote(at)) => {
                // Without its lonely quote the value causes no further findings.
                start = if rest[..at].trim().is_empty() { at + 1 } else { 0 };
                let span = self.span(line, from + at..line.text.len());
                let finding = Finding::error("unclosed-quote", span, "the quote is not closed on this line");
                self.syntax.findings.push(finding.hint("close the quote, or leave both quotes out"));
            }
            Some(LineTrouble::CutWord) => {
                let span = self.span(line, from + end..line.text.len());
                let finding = Finding::warning(
                    "comment-cuts-value",
                    span,
                    "the comment begins in the middle of a value",
                );
                self.syntax.findings.push(
                    finding.hint("put the value in quotes if `#` belongs to it, else a space before `#`"),
                );
            }
            None => {}
        }
        Value::copied(self.file, line.start + from + start, &rest[start..end]).trimmed()
    }

    /// The lines of a block, joined; `opening` is the line that holds `>`.
    fn block(&mut self, opening: &Value, directive: Option<&Directive>, is_hidden: bool) -> Value {
        let mut block = opening.slice(1..opening.text().len()).trimmed();
        while let Some(line) = self.lines.get(self.at).copied() {
            let is_directive = !line.is_indented() && directives::find(line.word().0).is_some();
            let ends = is_directive && !self.is_swallowed_column(line, directive);
            if ends || self.is_meant_as_directive(line, directive) {
                break;
            }
            self.at += 1;
            if line.text.trim_start().starts_with('#') {
                continue;
            }
            if is_hidden {
                self.hide(line, 0);
            }
            if !block.text().is_empty() {
                block.push("\n", line.start.saturating_sub(1));
            }
            block.push(line.text, line.start);
        }
        let end = block.text().trim_end().len();
        block.slice(0..end)
    }

    /// A column at the beginning of a line may be named like a directive, which would end `SCHEMA`.
    fn is_swallowed_column(&mut self, line: Line<'_>, block: Option<&Directive>) -> bool {
        let (word, place) = line.word();
        let in_schema = block.is_some_and(|d| d.name == "SCHEMA");
        let is_column =
            in_schema && word != word.to_ascii_uppercase() && crate::schema::begins_column(line.text);
        if is_column {
            let fact = format!("`{word}` at the beginning of a line is a directive and ends SCHEMA");
            let finding = Finding::error("directive-like-column", self.span(line, place), fact);
            self.syntax.findings.push(finding.hint("if it is a column, indent the line"));
        }
        is_column
    }

    /// Whether a line of a block was meant to end it: a slip in the name, or spaces in front.
    fn is_meant_as_directive(&mut self, line: Line<'_>, block: Option<&Directive>) -> bool {
        let structured = block.is_some_and(|d| matches!(d.name, "SCHEMA" | "INDEXES"));
        let (word, _) = line.word();
        if line.is_indented() {
            return structured && self.is_indented_directive(line);
        }
        if structured && followed_by_sign(word).is_some() {
            return true;
        }
        let in_capitals = |c: char| c.is_ascii_uppercase() || c == '_' || c.is_ascii_digit();
        let name = bare(word);
        let close = suggest::closest(name, directives::names_in(self.kind));
        name.len() > 2
            && name.chars().all(in_capitals)
            && (close.is_some() && name.len() > 4 || (structured && name.contains('_')))
    }

    fn is_indented_directive(&mut self, line: Line<'_>) -> bool {
        let (word, place) = line.word();
        let rest = line.text[place.end..].trim();
        let is_directive = word == word.to_ascii_uppercase()
            && directives::find(word).is_some()
            && (rest.starts_with(['"', '\'', '>']) || word.contains('_'));
        if is_directive {
            let fact = format!("{word} is indented, so it belongs to the block above");
            let finding = Finding::error("indented-directive", self.span(line, place), fact);
            self.syntax.findings.push(finding.hint("begin the line with the directive, without spaces"));
        }
        is_directive
    }
}

/// A word without `:` or `=` and what follows.
fn bare(word: &str) -> &str {
    word.split([':', '=']).next().unwrap_or_default()
}

/// Whether the value of this word must not be shown; unknown words are judged by their sound.
fn is_hidden(word: &str) -> bool {
    if let Some(directive) = directives::find(word) {
        return directive.secret;
    }
    let close = meant(word, FileKind::Include).and_then(directives::find);
    sounds_secret(word) || close.map_or(word.to_ascii_uppercase().contains("KEY"), |d| d.secret)
}

fn sounds_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    ["SECRET", "PASS", "PWD", "TOKEN", "CREDENTIAL"].iter().any(|part| name.contains(part))
}

/// The directive of `NAME:` or `NAME=value`.
fn followed_by_sign(word: &str) -> Option<(&'static Directive, char)> {
    let (bare, sign) =
        word.char_indices().find(|(_, c)| matches!(c, ':' | '=')).map(|(at, sign)| (&word[..at], sign))?;
    directives::find(bare).map(|directive| (directive, sign))
}

/// Names that other tools give to directives of this language.
const FOREIGN: &[(&str, &str)] = &[
    ("KAFKA_USERNAME", "KAFKA_KEY"),
    ("KAFKA_USER", "KAFKA_KEY"),
    ("KAFKA_SASL_USERNAME", "KAFKA_KEY"),
    ("KAFKA_PASSWORD", "KAFKA_SECRET"),
    ("KAFKA_SASL_PASSWORD", "KAFKA_SECRET"),
    ("KAFKA_BROKERS", "KAFKA_BOOTSTRAP_SERVERS"),
    ("KAFKA_HOST", "KAFKA_BOOTSTRAP_SERVERS"),
    ("KAFKA_CONSUMER_GROUP", "KAFKA_GROUP_ID"),
    ("KAFKA_SSL_CA", "KAFKA_SSL_CA_PEM"),
    ("KAFKA_FORMAT", "KAFKA_VALUE_FORMAT"),
    ("KAFKA_FRAMING", "KAFKA_SCHEMA_FRAMING"),
    ("KAFKA_SCHEMA", "KAFKA_VALUE_SCHEMA"),
    ("KAFKA_SCHEMA_REGISTRY", "KAFKA_SCHEMA_REGISTRY_URL"),
    ("KAFKA_SCHEMA_REGISTRY_PASS", "KAFKA_SCHEMA_REGISTRY_PASSWORD"),
    ("COLUMNS", "SCHEMA"),
    ("ORDER", "ENGINE_SORTING_KEY"),
    ("ORDER_BY", "ENGINE_SORTING_KEY"),
    ("PARTITION_BY", "ENGINE_PARTITION_KEY"),
];

fn unknown(word: &str, span: Span, kind: FileKind) -> Finding {
    if let Some((directive, sign)) = followed_by_sign(word) {
        let name = directive.name;
        return Finding::error("unknown-directive", span, format!("`{sign}` follows {name}"))
            .hint(format!("put a space between {name} and its value, without `{sign}`"));
    }
    let shown: String = bare(word.trim_matches('`')).chars().take(60).collect();
    let fact = format!("`{shown}` is no directive of {} files", kind.extension());
    let finding = Finding::error("unknown-directive", span, fact);
    match meant(word, kind) {
        Some(close) => finding.hint(format!("did you mean {close}?")),
        None => finding.hint(match kind {
            FileKind::Connection => "a line begins with a directive, such as TYPE or KAFKA_KEY",
            _ => "a line begins with a directive, such as SCHEMA or KAFKA_TOPIC; blocks open with `>`",
        }),
    }
}

/// The directive that was probably meant, of this kind of file before others.
fn meant(word: &str, kind: FileKind) -> Option<&'static str> {
    let foreign = FOREIGN.iter().find(|(name, _)| name.eq_ignore_ascii_case(word));
    foreign
        .map(|(_, directive)| *directive)
        .or_else(|| suggest::closest(word, directives::names_in(kind)))
        .or_else(|| suggest::closest(word, directives::names_in(FileKind::Include)))
}

enum LineTrouble {
    /// A quote opens here and never closes.
    OpenQuote(usize),
    /// The comment follows a word without white space.
    CutWord,
}

/// Where the value of a line ends because a comment begins.
fn comment_start(rest: &str) -> (usize, Option<LineTrouble>) {
    let mut at = 0;
    let mut at_word_start = true;
    while let Some(character) = rest[at..].chars().next() {
        let width = character.len_utf8();
        match character {
            '#' => {
                let trouble = (!at_word_start).then_some(LineTrouble::CutWord);
                return (at, trouble);
            }
            '"' | '\'' if at_word_start => match rest[at + 1..].find(character) {
                Some(length) => at += length + 2,
                None => return (rest.len(), Some(LineTrouble::OpenQuote(at))),
            },
            '{' if rest[at..].starts_with("{{") => {
                at = text::template_end(rest, at).unwrap_or(rest.len());
            }
            _ => at += width,
        }
        at_word_start = character.is_whitespace();
    }
    (rest.len(), None)
}

/// Words of a value, each without its quotes.
pub(crate) fn arguments(value: &Value) -> Vec<Value> {
    let text = value.text();
    let mut found = Vec::new();
    let mut at = 0;
    loop {
        at = text.len() - text[at..].trim_start().len();
        let Some(first) = text[at..].chars().next() else {
            return found;
        };
        let quoted = matches!(first, '"' | '\'').then(|| text[at + 1..].find(first)).flatten();
        let end = match quoted {
            Some(length) => at + length + 2,
            None => text[at..].find(char::is_whitespace).map_or(text.len(), |length| at + length),
        };
        found.push(value.slice(at..end).unquoted());
        at = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(text: &str) -> Vec<(&'static str, String)> {
        let syntax = read(0, FileKind::Datasource, text);
        assert!(syntax.findings.is_empty(), "{:?}", syntax.findings);
        let pair = |entry: Entry| (entry.directive.name, entry.value.text().to_owned());
        syntax.entries.into_iter().map(pair).collect()
    }

    #[test]
    fn comments_quotes_and_case_are_handled_as_in_a_shell() {
        assert_eq!(
            entries(
                "# first\nkafka_topic  'a # b' # tail\r\n\nENGINE \"MergeTree\"\nDESCRIPTION it's fine\n"
            ),
            [
                ("KAFKA_TOPIC", "a # b".to_owned()),
                ("ENGINE", "MergeTree".to_owned()),
                ("DESCRIPTION", "it's fine".to_owned()),
            ]
        );
        assert_eq!(entries("KAFKA_KEY {{ tb_secret(\"a#b\") }} # c")[0].1, "{{ tb_secret(\"a#b\") }}");
    }

    #[test]
    fn a_block_ends_at_a_directive_in_column_0() {
        assert_eq!(
            entries("SCHEMA >\n  a Int8,\n  # note\n  type String\n\nTTL x\n"),
            [("SCHEMA", "  a Int8,\n  type String".to_owned()), ("ENGINE_TTL", "x".to_owned())]
        );
    }

    #[test]
    fn spans_of_block_lines_point_into_the_file() {
        let text = "\u{feff}SCHEMA >\n# x\n  a Int8\n";
        let entry = &read(0, FileKind::Datasource, text).entries[0];
        let at = entry.value.text().find("Int8").expect("there");
        let span = entry.value.span_of(at..at + 4);
        assert_eq!(&text[span.start..span.end], "Int8");
        assert_eq!(&text[entry.name.start..entry.name.end], "SCHEMA");
    }

    #[test]
    fn arguments_are_split_at_white_space_outside_quotes() {
        let value = Value::copied(0, 0, "\"a b.incl\" \"X=1 2\" Y=3");
        let words: Vec<String> = arguments(&value).iter().map(|word| word.text().to_owned()).collect();
        assert_eq!(words, ["a b.incl", "X=1 2", "Y=3"]);
    }
}
