//! Data skipping indexes of an `INDEXES` block, one a line.
//!
//! `[INDEX] name expression TYPE type(arguments) [GRANULARITY n]`

use crate::diagnostics::{Finding, Report};
use crate::model::Index;
use crate::schema::PlacedColumn;
use crate::sql_text;
use crate::suggest;
use crate::syntax::Entry;
use std::ops::Range;

/// Index types of ClickHouse.
const TYPES: &[&str] =
    &["minmax", "set", "bloom_filter", "ngrambf_v1", "tokenbf_v1", "text", "vector_similarity"];

const FORM: &str = "write INDEX name expression TYPE set(100) GRANULARITY 4";

/// Reads the indexes; what cannot be read is reported and left out.
pub(crate) fn indexes(entry: &Entry, columns: Option<&[PlacedColumn]>, report: &mut Report) -> Vec<Index> {
    let text = sql_text::without_comments(entry.value.text());
    let mut indexes: Vec<Index> = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let range = sql_text::trimmed(&text, start..start + line.len());
        start += line.len();
        let range = range.start..range.start + text[range].trim_end_matches([',', ' ']).len();
        if range.is_empty() {
            continue;
        }
        match index(&text, range.clone(), columns, &indexes) {
            Ok(index) => indexes.push(index),
            Err(trouble) => {
                let span = entry.value.span_of(trouble.range);
                let finding = Finding::error("index-syntax", span, trouble.fact).hint(trouble.hint);
                report.add_at(entry, finding);
            }
        }
    }
    indexes
}

struct Trouble {
    range: Range<usize>,
    fact: String,
    hint: String,
}

fn trouble(range: Range<usize>, fact: impl Into<String>, hint: impl Into<String>) -> Trouble {
    Trouble { range, fact: fact.into(), hint: hint.into() }
}

/// Words of a part of the text, split at white space outside brackets and quotes.
fn words(text: &str, range: Range<usize>) -> Vec<Range<usize>> {
    let mut words = Vec::new();
    let mut at = range.start;
    while at < range.end {
        at = sql_text::trimmed(text, at..range.end).start;
        let length = sql_text::find_outside(&text[at..range.end], |_, c| c.is_whitespace());
        let end = length.ok().flatten().map_or(range.end, |length| at + length);
        words.push(at..end);
        at = sql_text::trimmed(text, end..range.end).start.max(end);
    }
    words
}

fn index(
    text: &str,
    line: Range<usize>,
    columns: Option<&[PlacedColumn]>,
    before: &[Index],
) -> Result<Index, Trouble> {
    let mut words = words(text, line.clone());
    let is = |range: &Range<usize>, keyword: &str| text[range.clone()].eq_ignore_ascii_case(keyword);
    if words.first().is_some_and(|word| is(word, "INDEX")) {
        words.remove(0);
    }
    let type_at = words.iter().position(|word| is(word, "TYPE"));
    let Some(type_at) = type_at.filter(|at| *at >= 2 && at + 1 < words.len()) else {
        return Err(trouble(line, "an index needs a name, an expression and TYPE", FORM));
    };
    let name = name(text, &words[0], before)?;
    let expression = words[1].start..words[type_at - 1].end;
    check_column(&text[expression.clone()], expression.clone(), columns)?;
    let index_type = words[type_at + 1].clone();
    check_type(text, &index_type)?;
    Ok(Index {
        name,
        expression: text[expression].to_owned(),
        index_type: text[index_type].to_owned(),
        granularity: granularity(text, &words[type_at + 2..])?,
    })
}

fn name(text: &str, range: &Range<usize>, before: &[Index]) -> Result<String, Trouble> {
    let name = text[range.clone()].trim_matches('`');
    if !crate::text::is_identifier(name) {
        let fact = format!("`{name}` is no index name");
        return Err(trouble(range.clone(), fact, "a name is letters, digits and `_`"));
    }
    if before.iter().any(|other| other.name == name) {
        return Err(trouble(range.clone(), format!("index \"{name}\" stands twice"), "rename one of them"));
    }
    Ok(name.to_owned())
}

fn check_column(
    expression: &str,
    range: Range<usize>,
    columns: Option<&[PlacedColumn]>,
) -> Result<(), Trouble> {
    let (Some(columns), true) = (columns, crate::text::is_identifier(expression)) else {
        return Ok(());
    };
    let names = || columns.iter().map(|placed| placed.column.name.as_str());
    if names().any(|name| name == expression) || expression.starts_with("__") {
        return Ok(());
    }
    let hint = match suggest::closest(expression, names()) {
        Some(close) => format!("did you mean {close}?"),
        None => "name a column of SCHEMA, or an expression over columns".to_owned(),
    };
    Err(trouble(range, format!("there is no column \"{expression}\""), hint))
}

fn check_type(text: &str, range: &Range<usize>) -> Result<(), Trouble> {
    let name = text[range.clone()].split('(').next().unwrap_or_default();
    if TYPES.contains(&name) {
        return Ok(());
    }
    let hint = match suggest::closest(name, TYPES.iter().copied()) {
        Some(close) => format!("did you mean {close}?"),
        None => format!("index types: {}", TYPES.join(", ")),
    };
    Err(trouble(range.start..range.start + name.len(), format!("there is no index type `{name}`"), hint))
}

fn granularity(text: &str, rest: &[Range<usize>]) -> Result<Option<u64>, Trouble> {
    let Some(keyword) = rest.first() else {
        return Ok(None);
    };
    if !text[keyword.clone()].eq_ignore_ascii_case("GRANULARITY") {
        let fact = format!("`{}` does not belong after the index type", &text[keyword.clone()]);
        return Err(trouble(keyword.clone(), fact, FORM));
    }
    let number = rest.get(1).and_then(|word| text[word.clone()].parse().ok());
    match number.filter(|number| *number > 0 && rest.len() == 2) {
        Some(number) => Ok(Some(number)),
        None => {
            let end = rest.last().map_or(keyword.end, |word| word.end);
            Err(trouble(keyword.start..end, "GRANULARITY needs a whole number from 1", FORM))
        }
    }
}
