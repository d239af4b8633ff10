//! Paths into a record: `$.a.b`, `$.['x-y']`, `$.a[:].x`, `#._key.a`, `#.__value`, `#._timestamp`.

use crate::model::{KafkaColumn, Path, PathStep};
use std::fmt;

/// A path that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathError {
    /// Byte of the text where reading stopped.
    pub offset: usize,
    /// What is wrong.
    pub fact: String,
}

impl Path {
    /// The path of a column that names none: the field of its own name.
    pub fn of_field(name: &str) -> Path {
        Path::Document(vec![PathStep::Field(name.to_owned())])
    }

    /// Reads a path.
    ///
    /// # Errors
    /// Where the text stops being a path, and why.
    pub fn parse(text: &str) -> Result<Path, PathError> {
        if let Some(path) = of_record(text) {
            return Ok(path);
        }
        let into_key = KEY_PREFIXES.into_iter().find(|prefix| text.starts_with(prefix));
        match into_key {
            Some(prefix) => steps(text, prefix.len(), "the key").map(Path::Key),
            None if text.starts_with('$') => steps(text, 1, "`$`").map(Path::Document),
            None => Err(PathError { offset: 0, fact: no_path(text).to_owned() }),
        }
    }

    /// How many `[:]` it goes through.
    pub fn list_depth(&self) -> usize {
        let (Path::Document(steps) | Path::Key(steps)) = self else {
            return 0;
        };
        steps.iter().filter(|step| **step == PathStep::Each).count()
    }
}

/// What stands before the steps of a path into the decoded key.
const KEY_PREFIXES: [&str; 3] = ["#.__key", "#._key", "_key"];

/// A path to something that a record has besides its decoded value.
fn of_record(text: &str) -> Option<Path> {
    match text {
        "#.__value" => Some(Path::RawValue),
        "#.__key" => Some(Path::Kafka(KafkaColumn::Key)),
        _ => {
            let name = text.strip_prefix("#.")?;
            let column = KafkaColumn::ALL.into_iter().find(|column| column.name() == name)?;
            (column != KafkaColumn::Key).then_some(Path::Kafka(column))
        }
    }
}

fn no_path(text: &str) -> &'static str {
    match text.starts_with('#') {
        true => {
            "after `#.` comes `__value`, `__key`, `_key.field` or a column of Kafka, such as `_timestamp`"
        }
        false => "a path begins with `$`",
    }
}

/// Reads steps from byte `at` to the end.
fn steps(text: &str, mut at: usize, before: &str) -> Result<Vec<PathStep>, PathError> {
    let mut steps = Vec::new();
    while at < text.len() {
        let (step, length) = step(&text[at..])
            .map_err(|(offset, fact)| PathError { offset: at + offset, fact: fact.replace("`$`", before) })?;
        steps.push(step);
        at += length;
    }
    Ok(steps)
}

type StepError = (usize, &'static str);

/// Reads one step at the beginning of the text; also tells its length.
fn step(text: &str) -> Result<(PathStep, usize), StepError> {
    if let Some(rest) = text.strip_prefix('.') {
        if rest.starts_with('[') {
            return bracket(rest)
                .map(|(step, length)| (step, length + 1))
                .map_err(|(at, fact)| (at + 1, fact));
        }
        let length = rest.find(['.', '[']).unwrap_or(rest.len());
        return field(&rest[..length]).map(|step| (step, length + 1));
    }
    if text.starts_with('[') {
        return bracket(text);
    }
    Err((0, "after `$` and each name comes `.` or `[:]`"))
}

fn field(name: &str) -> Result<PathStep, StepError> {
    if name.is_empty() {
        return Err((1, "a name is missing after `.`"));
    }
    if let Some(bad) = name.find([' ', '\t', '\'', '"', ']', '*', '(', ')']) {
        return Err((bad + 1, "names with special characters stand as `['name']`"));
    }
    Ok(PathStep::Field(name.to_owned()))
}

/// `[:]` or `['name']`.
fn bracket(text: &str) -> Result<(PathStep, usize), StepError> {
    if text.starts_with("[:]") {
        return Ok((PathStep::Each, 3));
    }
    let inside = &text[1..];
    let Some(quote) = inside.chars().next().filter(|c| matches!(c, '\'' | '"')) else {
        return Err((0, "brackets hold `:` for every element, or a name in quotes"));
    };
    let (name, length) = quoted_name(&inside[1..], quote).ok_or((0, "the quote is not closed"))?;
    if !inside[1 + length..].starts_with(']') {
        return Err((1 + 1 + length, "`]` is missing"));
    }
    if name.is_empty() {
        return Err((1, "the name is empty"));
    }
    Ok((PathStep::Field(name), length + 3))
}

/// The name up to its closing quote, and the bytes read with that quote; `\` escapes.
fn quoted_name(text: &str, quote: char) -> Option<(String, usize)> {
    let mut name = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => name.push(characters.next()?.1),
            end if end == quote => return Some((name, at + 1)),
            other => name.push(other),
        }
    }
    None
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Path::Document(steps) => write_steps(f, "$", steps),
            Path::Key(steps) => write_steps(f, "#._key", steps),
            Path::RawValue => f.write_str("#.__value"),
            Path::Kafka(KafkaColumn::Key) => f.write_str("#.__key"),
            Path::Kafka(column) => write!(f, "#.{}", column.name()),
        }
    }
}

fn write_steps(f: &mut fmt::Formatter<'_>, before: &str, steps: &[PathStep]) -> fmt::Result {
    f.write_str(before)?;
    steps.iter().try_for_each(|step| match step {
        PathStep::Each => f.write_str("[:]"),
        PathStep::Field(name) if is_plain(name) => write!(f, ".{name}"),
        PathStep::Field(name) => {
            let escaped = name.replace('\\', "\\\\").replace('\'', "\\'");
            write!(f, ".['{escaped}']")
        }
    })
}

fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str) -> String {
        Path::parse(text).expect("a path").to_string()
    }

    #[test]
    fn every_documented_form_is_read() {
        for text in ["$", "$.a", "$.a.b", "$.['x-y']", "$.a[:]", "$.a[:].x", "$[:]", "#.__value", "#.__key"] {
            assert_eq!(shown(text), text);
        }
        for text in
            ["#._key", "#._key.a.b", "#._key[:].['x-y']", "#._timestamp", "#.__headers", "#._is_deleted"]
        {
            assert_eq!(shown(text), text);
        }
        assert_eq!(shown("#.__key.a"), "#._key.a");
        assert_eq!(shown("_key.a"), "#._key.a");
        assert_eq!(Path::parse("_key"), Ok(Path::Key(Vec::new())));
        assert_eq!(shown("$['x']"), "$.x");
        assert_eq!(shown("$.a.[:].b"), "$.a[:].b");
        assert_eq!(shown("$.x-y"), "$.['x-y']");
        assert_eq!(Path::parse("$.a[:].b[:]").map(|path| path.list_depth()), Ok(2));
    }

    #[test]
    fn a_bad_path_tells_where_it_goes_wrong() {
        let offset = |text: &str| Path::parse(text).expect_err("bad").offset;
        assert_eq!(offset("a.b"), 0);
        assert_eq!(offset("$a"), 1);
        assert_eq!(offset("$.a..b"), 4);
        assert_eq!(offset("$.a[0]"), 3);
        assert_eq!(offset("$.['x"), 2);
        assert_eq!(offset("$.['x'"), 6);
        assert_eq!(offset("$.a b"), 3);
        assert_eq!(offset("#.value"), 0);
        assert_eq!(offset("#._key..a"), 7);
        assert_eq!(offset("_keys"), 4);
    }

    fn any_step() -> impl Strategy<Value = PathStep> {
        prop_oneof![
            Just(PathStep::Each),
            ".{1,8}".prop_map(PathStep::Field),
            "[a-z_]{1,8}".prop_map(PathStep::Field),
        ]
    }

    proptest! {
        #[test]
        fn shown_paths_read_back(steps in prop::collection::vec(any_step(), 0..6)) {
            let kafka = KafkaColumn::ALL.map(Path::Kafka);
            for path in [Path::Document(steps.clone()), Path::Key(steps), Path::RawValue].into_iter().chain(kafka) {
                prop_assert_eq!(Path::parse(&path.to_string()), Ok(path));
            }
        }

        #[test]
        fn any_text_is_read_or_refused_at_a_place_inside(text in ".{0,40}") {
            for start in ["$", "#.", "_key", "#.__key"] {
                let text = format!("{start}{text}");
                if let Err(error) = Path::parse(&text) {
                    prop_assert!(text.is_char_boundary(error.offset), "{:?}", error);
                }
            }
        }
    }
}
