//! Looks at a local file: JSON by itself, everything else by the embedded engine.

use super::{
    Content, Findings, Shown, ShownRecord, counted, json_file, nothing_to_infer, options,
    text_table::TextTable,
};
use crate::{
    cli::LookArgs,
    engine_command,
    exit::{Exit, Failure},
    query,
};
use forebay_chdb::{Engine, EngineError};
use forebay_ingest::inference::{self, InferredColumn, Samples};
use forebay_project::{
    column_type::ColumnType,
    model::{Path as RecordPath, PathStep},
};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
};

/// A format of files, as the engine names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FileFormat {
    Ndjson,
    Csv,
    Tsv,
    Parquet,
}

const ENDINGS: [(&str, FileFormat); 7] = [
    ("ndjson", FileFormat::Ndjson),
    ("jsonl", FileFormat::Ndjson),
    ("json", FileFormat::Ndjson),
    ("csv", FileFormat::Csv),
    ("tsv", FileFormat::Tsv),
    ("parquet", FileFormat::Parquet),
    ("pq", FileFormat::Parquet),
];

const COMPRESSED: [&str; 2] = ["gz", "zst"];

/// Bytes of a first line that are looked at.
const MOST_LINE: u64 = 1 << 20;

/// Every field is text, and a row may have fewer or more fields than others.
const AS_TEXT: &str = "input_format_csv_use_best_effort_in_schema_inference = 0, input_format_csv_detect_header = 0, \
    input_format_csv_allow_variable_number_of_columns = 1, input_format_csv_trim_whitespaces = 0, \
    input_format_tsv_use_best_effort_in_schema_inference = 0, input_format_tsv_detect_header = 0, \
    input_format_tsv_allow_variable_number_of_columns = 1, input_format_tsv_crlf_end_of_line = 1";

/// Large integers stay numbers.
const AS_WRITTEN: &str = "output_format_json_quote_64bit_integers = 0";

/// Looks at the first rows of a file; shows the first `limit` of them.
pub(super) fn look(path: &Path, args: &LookArgs, limit: usize) -> Result<Findings, Failure> {
    let (format, is_compressed) = format_of(path)?;
    if !path.is_file() {
        return Err(Failure::new(Exit::Environment, format!("there is no file {}", path.display()))
            .hint("to look at a topic, give its connection and its name: forebay preview CONNECTION TOPIC"));
    }
    if path.metadata().is_ok_and(|file| file.len() == 0) {
        return Err(Failure::new(Exit::Errors, format!("file {} is empty", path.display())));
    }
    let most = args.sample.max(limit);
    let Rows { documents, declared, note } = match format {
        FileFormat::Ndjson if !is_compressed => {
            Rows { documents: first_values(open(path)?, most, path)?, ..Rows::default() }
        }
        _ => read_by_engine(path, format, most)?,
    };
    let options = options(args, false);
    let mut inference = match declared {
        Some(columns) => inference::of_columns(columns, options),
        None => {
            let mut samples = Samples::default();
            documents.iter().for_each(|document| samples.add(document.as_bytes()));
            if samples.is_empty() {
                let failure = nothing_to_infer(&format!("file {}", path.display()));
                return Err(match samples.unreadable() {
                    0 => failure,
                    lines => failure.hint(format!("lines of it that are no JSON: {lines}")),
                });
            }
            samples.infer(options)
        }
    };
    inference.notes.extend(note);
    let shown = documents.iter().take(limit).map(|document| ShownRecord {
        value: Content { frame: None, text: Shown::Json(document.clone()) },
        ..ShownRecord::default()
    });
    Ok(Findings {
        place: format!("file {}", path.display()),
        extent: format!("the first {}", counted(documents.len(), "row")),
        sampled: documents.len(),
        value: None,
        key: None,
        records: shown.collect(),
        inference,
        quarantined: BTreeMap::new(),
        directives: Vec::new(),
    })
}

/// The format that the name tells, and whether the file is compressed.
fn format_of(path: &Path) -> Result<(FileFormat, bool), Failure> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_ascii_lowercase();
    let mut endings = name.rsplit('.');
    let mut ending = endings.next().unwrap_or_default();
    let is_compressed = COMPRESSED.contains(&ending);
    if is_compressed {
        ending = endings.next().unwrap_or_default();
    }
    let known = ENDINGS.iter().find(|(known, _)| *known == ending);
    known.map(|(_, format)| (*format, is_compressed)).ok_or_else(|| {
        let fact = format!("the name {} does not tell a format", path.display());
        Failure::new(Exit::Errors, fact)
            .hint(
                "files are .ndjson, .jsonl, .json, .csv, .tsv or .parquet, with .gz or .zst behind it or not",
            )
            .hint("to look at a topic, give its connection and its name: forebay preview CONNECTION TOPIC")
    })
}

fn open(path: &Path) -> Result<BufReader<File>, Failure> {
    File::open(path).map(BufReader::new).map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    let why = match error.kind() {
        io::ErrorKind::InvalidData => "it is not UTF-8 text".to_owned(),
        _ => error.to_string(),
    };
    Failure::new(Exit::Environment, format!("{} cannot be read: {why}", path.display()))
}

fn first_values(file: impl BufRead, most: usize, path: &Path) -> Result<Vec<String>, Failure> {
    json_file::first_values(file, most).map_err(|error| unreadable(path, &error))
}

/// The first line, as far as it can be read, without its end.
fn first_line(path: &Path) -> Result<String, Failure> {
    let mut line = Vec::new();
    let read = open(path)?.take(MOST_LINE).read_until(b'\n', &mut line);
    read.map_err(|error| unreadable(path, &error))?;
    Ok(String::from_utf8_lossy(&line).into_owned())
}

/// What was read of a file.
#[derive(Debug, Default)]
struct Rows {
    /// Rows as JSON objects.
    documents: Vec<String>,
    /// The columns, where the file itself declares them.
    declared: Option<Vec<InferredColumn>>,
    note: Option<String>,
}

fn read_by_engine(path: &Path, format: FileFormat, most: usize) -> Result<Rows, Failure> {
    let dir = std::env::temp_dir().join(format!("forebay-preview-{}", std::process::id()));
    std::fs::create_dir_all(&dir).map_err(|error| {
        Failure::new(Exit::Environment, format!("directory {} cannot be made: {error}", dir.display()))
    })?;
    let rows = engine_command::open(&dir, 1).and_then(|engine| {
        let rows = read_rows(&engine, path, format, most);
        engine.close();
        rows
    });
    // What is left there is of no use to anybody, and of no harm.
    let _ = std::fs::remove_dir_all(&dir);
    rows
}

fn read_rows(engine: &Engine, path: &Path, format: FileFormat, most: usize) -> Result<Rows, Failure> {
    let failed = |error: EngineError| {
        let explained = query::explain("", &error.message).render();
        let why = explained.rsplit("DB::Exception: ").next().unwrap_or_default();
        Failure::new(Exit::Errors, format!("file {} cannot be read: {}", path.display(), why.trim()))
    };
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let name = whole.to_string_lossy().replace('\\', "\\\\").replace('\'', "\\'");
    let ask = |query: &str, output: &str| -> Result<String, Failure> {
        let answer = engine.query(query, output).map_err(failed)?;
        Ok(String::from_utf8_lossy(&answer.bytes).into_owned())
    };
    let table = |format: &str| format!("file('{name}', '{format}')");
    let select = |format: &str, settings: &str| {
        format!("SELECT * FROM {} LIMIT {most} SETTINGS {settings}", table(format))
    };
    match format {
        FileFormat::Ndjson => {
            let lines = ask(&select("LineAsString", AS_WRITTEN), "TabSeparatedRaw")?;
            Ok(Rows { documents: first_values(lines.as_bytes(), most, path)?, ..Rows::default() })
        }
        FileFormat::Parquet => {
            let rows = ask(&select("Parquet", AS_WRITTEN), "JSONEachRow")?;
            let described = ask(&format!("DESCRIBE TABLE {}", table("Parquet")), "JSONEachRow")?;
            let declared = Some(declared_columns(&described));
            Ok(Rows { documents: rows.lines().map(str::to_owned).collect(), declared, note: None })
        }
        FileFormat::Csv | FileFormat::Tsv => {
            let settings = format!("{AS_TEXT}{}", separator(path)?);
            let engine_format = if format == FileFormat::Csv { "CSV" } else { "TSV" };
            let read = TextTable::read(&ask(&select(engine_format, &settings), "JSONCompactEachRow")?);
            let note = "the first row is no header: columns are named by their places";
            Ok(Rows {
                documents: read.documents,
                declared: None,
                note: (!read.has_header).then(|| note.to_owned()),
            })
        }
    }
}

/// Another separator than a comma, if the first line of a CSV file has no comma.
fn separator(path: &Path) -> Result<String, Failure> {
    let (format, is_compressed) = format_of(path)?;
    if is_compressed || format != FileFormat::Csv {
        return Ok(String::new());
    }
    let line = first_line(path)?;
    let other =
        [';', '\t', '|'].into_iter().find(|separator| line.contains(*separator) && !line.contains(','));
    Ok(other.map(|separator| format!(", format_csv_delimiter = '{separator}'")).unwrap_or_default())
}

/// The columns of a `DESCRIBE` answer, a JSON object a line.
fn declared_columns(described: &str) -> Vec<InferredColumn> {
    let column = |line: &str| {
        let row: Value = serde_json::from_str(line).ok()?;
        let name = row["name"].as_str()?.to_owned();
        let column_type = ColumnType::parse(row["type"].as_str()?).ok()?;
        Some(InferredColumn {
            path: RecordPath::Document(vec![PathStep::Field(name.clone())]),
            name,
            column_type,
            default: None,
            reason: None,
        })
    };
    described.lines().filter_map(column).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_formats() {
        let format = |name: &str| format_of(Path::new(name)).ok();
        assert_eq!(format("a/b.NDJSON"), Some((FileFormat::Ndjson, false)));
        assert_eq!(format("b.csv.gz"), Some((FileFormat::Csv, true)));
        assert_eq!(format("b.parquet"), Some((FileFormat::Parquet, false)));
        assert_eq!(format("b.gz"), None);
        assert_eq!(format("kafka"), None);
    }

    #[test]
    fn columns_are_those_that_the_engine_describes() {
        let columns = declared_columns(
            "{\"name\":\"a\",\"type\":\"Nullable(Int32)\"}\n{\"name\":\"b\",\"type\":\"Wrong\"}\n",
        );
        let shown: Vec<String> =
            columns.iter().map(|it| format!("{} {} {}", it.name, it.column_type, it.path)).collect();
        assert_eq!(shown, ["a Nullable(Int32) $.a"]);
    }
}
