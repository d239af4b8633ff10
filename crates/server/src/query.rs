//! Runs queries that read, for the HTTP listener and for `forebay sql` without a server.

use crate::query_text::{QueryText, Rejection};
use forebay_chdb::{EngineError, QueryStream, Reader, StatementClass};

/// Formats whose chunks can be put one after the other: no header, no footer.
const STREAMED: [&str; 18] = [
    "JSONEachRow",
    "JSONLines",
    "NDJSON",
    "JSONCompactEachRow",
    "JSONStringsEachRow",
    "JSONCompactStringsEachRow",
    "TabSeparated",
    "TSV",
    "TabSeparatedRaw",
    "TSVRaw",
    "Raw",
    "CSV",
    "TSKV",
    "LineAsString",
    "RowBinary",
    "Native",
    "TabSeparatedWithNames",
    "TSVWithNames",
];

/// Why a query was not answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum QueryError {
    /// It was not even given to the engine.
    Rejected(Rejection),
    /// The engine found an error in it, or met one while running it.
    Engine(EngineError),
}

impl From<EngineError> for QueryError {
    fn from(error: EngineError) -> Self {
        Self::Engine(error)
    }
}

/// The answer to a query, in chunks.
pub(crate) struct Answer {
    /// The format it is in.
    pub(crate) format: String,
    chunks: Chunks,
}

enum Chunks {
    Whole(Option<Vec<u8>>),
    Stream { stream: QueryStream, header: Header },
}

/// The line of names that the engine repeats in every chunk.
enum Header {
    None,
    Awaited,
    Known(Vec<u8>),
}

/// Starts `sql`; its answer is in the format that it names, else in `default_format`.
///
/// # Errors
/// When it is refused, or the engine finds an error before the first row.
pub(crate) fn run(reader: &Reader, sql: &str, default_format: &str) -> Result<Answer, QueryError> {
    let text = QueryText::read(sql).map_err(QueryError::Rejected)?;
    if matches!(reader.classify(sql)?, StatementClass::Mutating | StatementClass::Control) {
        let reason = "this statement is refused: queries can only read".to_owned();
        return Err(QueryError::Rejected(Rejection::Forbidden(reason)));
    }
    let format = text.format.unwrap_or_else(|| default_format.to_owned());
    let chunks = if text.is_select && is_one_of(&format, &STREAMED) {
        let header =
            if format.to_ascii_lowercase().ends_with("withnames") { Header::Awaited } else { Header::None };
        Chunks::Stream { stream: reader.stream(sql, &format)?, header }
    } else {
        Chunks::Whole(Some(reader.query(sql, &format)?.bytes))
    };
    Ok(Answer { format, chunks })
}

impl Iterator for Answer {
    type Item = Result<Vec<u8>, EngineError>;

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.chunks {
            Chunks::Whole(bytes) => bytes.take().filter(|bytes| !bytes.is_empty()).map(Ok),
            Chunks::Stream { stream, header } => Some(stream.next()?.map(|chunk| header.keep_first(chunk))),
        }
    }
}

impl Header {
    fn keep_first(&mut self, mut chunk: Vec<u8>) -> Vec<u8> {
        match self {
            Self::None => {}
            Self::Awaited => {
                let end = chunk.iter().position(|byte| *byte == b'\n').map_or(chunk.len(), |at| at + 1);
                *self = Self::Known(chunk[..end].to_vec());
            }
            Self::Known(header) => {
                if chunk.starts_with(header) {
                    chunk.drain(..header.len());
                }
            }
        }
        chunk
    }
}

/// The media type of a ClickHouse format.
pub(crate) fn content_type(format: &str) -> &'static str {
    let lower = format.to_ascii_lowercase();
    match lower.as_str() {
        "json"
        | "jsoncompact"
        | "jsonstrings"
        | "jsoncolumns"
        | "jsoncompactcolumns"
        | "jsoncolumnswithmetadata" => "application/json",
        _ if lower.starts_with("json") || lower == "ndjson" => "application/x-ndjson; charset=UTF-8",
        _ if lower.starts_with("csv") => "text/csv; charset=UTF-8",
        _ if lower.starts_with("tabseparated") || lower.starts_with("tsv") => {
            "text/tab-separated-values; charset=UTF-8"
        }
        "xml" => "application/xml",
        "parquet" => "application/vnd.apache.parquet",
        "arrow" | "arrowstream" | "orc" | "avro" | "native" | "msgpack" | "npy" | "bsoneachrow" => {
            "application/octet-stream"
        }
        _ if lower.starts_with("rowbinary") => "application/octet-stream",
        _ => "text/plain; charset=UTF-8",
    }
}

fn is_one_of(format: &str, formats: &[&str]) -> bool {
    formats.iter().any(|known| known.eq_ignore_ascii_case(format))
}

/// The engine's error for people: what is wrong, and where in the query if the engine says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ExplainedError {
    /// What is wrong.
    pub(crate) fact: String,
    /// Line and character, both from 1, and the line itself.
    pub(crate) place: Option<(usize, usize, String)>,
}

/// Reads what the engine said about `sql`.
pub(crate) fn explain(sql: &str, message: &str) -> ExplainedError {
    ExplainedError {
        fact: shorten(message),
        place: position(message).and_then(|position| place(sql, position)),
    }
}

impl ExplainedError {
    /// The fact, with the line and a caret beneath it.
    pub(crate) fn render(&self) -> String {
        match &self.place {
            None => self.fact.clone(),
            Some((line, column, text)) => {
                let margin = format!("{line} | ");
                let caret = " ".repeat(margin.chars().count() + column - 1);
                format!("{}\n{margin}{text}\n{caret}^", self.fact)
            }
        }
    }
}

/// Without the engine's version, its nested prefixes, and the list of every token that could have stood there.
fn shorten(message: &str) -> String {
    let without_list = message.split(". Expected one of:").next().unwrap_or(message);
    let mut text = without_list.trim();
    while let Some(rest) = text.strip_prefix("Code: ").and_then(|rest| rest.split_once("DB::Exception: ")) {
        text = rest.1;
    }
    let end = text.find(" (version ").unwrap_or(text.len());
    let text = text[..end].trim_end();
    text.strip_suffix('.').unwrap_or(text).to_owned()
}

/// The byte, from 0, at which the engine's parser gave up.
fn position(message: &str) -> Option<usize> {
    let (_, rest) = message.split_once("failed at position ")?;
    let digits = &rest[..rest.find(|c: char| !c.is_ascii_digit())?];
    digits.parse::<usize>().ok()?.checked_sub(1)
}

fn place(sql: &str, position: usize) -> Option<(usize, usize, String)> {
    let before = sql.get(..position.min(sql.len()))?;
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let line = sql[start..].lines().next().unwrap_or("").to_owned();
    Some((before.matches('\n').count() + 1, before[start..].chars().count() + 1, line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_syntax_error_is_shown_at_its_place() {
        let message = "Syntax error: failed at position 16 (FORM) (line 2, col 8): FORM t. Expected one of: token sequence, Dot";
        insta::assert_snapshot!(explain("SELECT *\n       FORM t", message).render(), @r"
        Syntax error: failed at position 16 (FORM) (line 2, col 8): FORM t
        2 |        FORM t
                  ^
        ");
    }

    #[test]
    fn nested_prefixes_and_versions_are_left_out() {
        let message = "Code: 73. DB::Exception: Code: 73. DB::Exception: Unknown format Nope. (UNKNOWN_FORMAT) (version 26.7.2.1). (UNKNOWN_FORMAT)";
        assert_eq!(explain("x", message).render(), "Unknown format Nope. (UNKNOWN_FORMAT)");
    }

    #[test]
    fn a_place_outside_the_query_is_left_out_without_harm() {
        assert_eq!(explain("é", "failed at position 2 (x): y").place, None);
        assert_eq!(explain("", "failed at position 1 (end of query)").place, Some((1, 1, String::new())));
    }

    #[test]
    fn the_line_of_names_is_kept_once() {
        let mut header = Header::Awaited;
        assert_eq!(header.keep_first(b"a\tb\n1\t2\n".to_vec()), b"a\tb\n1\t2\n");
        assert_eq!(header.keep_first(b"a\tb\n3\t4\n".to_vec()), b"3\t4\n");
    }
}
