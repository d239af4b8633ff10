//! Looks at a local file: NDJSON by itself, everything else by the embedded engine.

use super::{Content, Findings, Shown, ShownRecord, counted, nothing_to_infer, options};
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
    fs::File,
    io::{BufRead, BufReader},
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

/// Dates stay the text they are, so that they are judged as those of records are; large integers stay numbers.
const AS_WRITTEN: &str = "input_format_try_infer_dates = 0, input_format_try_infer_datetimes = 0, \
    output_format_json_quote_64bit_integers = 0";

/// Looks at the first rows of a file; shows the first `limit` of them.
pub(super) fn look(path: &Path, args: &LookArgs, limit: usize) -> Result<Findings, Failure> {
    let (format, is_compressed) = format_of(path)?;
    if !path.is_file() {
        return Err(Failure::new(Exit::Environment, format!("there is no file {}", path.display()))
            .hint("to look at a topic, give its connection and its name: forebay preview CONNECTION TOPIC"));
    }
    let most = args.sample.max(limit);
    let (documents, declared) = match format {
        FileFormat::Ndjson if !is_compressed => (first_lines(path, most)?, None),
        _ => read_by_engine(path, format, most)?,
    };
    let options = options(args, false);
    let inference = match declared {
        Some(columns) => inference::of_columns(columns, options),
        None => {
            let mut samples = Samples::default();
            documents.iter().for_each(|document| samples.add(document.as_bytes()));
            if samples.is_empty() {
                return Err(nothing_to_infer(&format!("file {}", path.display())));
            }
            samples.infer(options)
        }
    };
    let shown = documents.iter().take(limit).map(|document| ShownRecord {
        value: Content { frame: None, text: Shown::Json(document.clone()) },
        ..ShownRecord::default()
    });
    Ok(Findings {
        place: format!("file {}", path.display()),
        extent: format!("the first {}", counted(documents.len(), "row")),
        value: None,
        key: None,
        records: shown.collect(),
        inference,
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

fn first_lines(path: &Path, most: usize) -> Result<Vec<String>, Failure> {
    let unreadable =
        |error| Failure::new(Exit::Environment, format!("{} cannot be read: {error}", path.display()));
    let file = BufReader::new(File::open(path).map_err(unreadable)?);
    let lines = file.lines().filter(|line| line.as_ref().map_or(true, |line| !line.trim().is_empty()));
    lines.take(most).collect::<Result<_, _>>().map_err(unreadable)
}

/// Rows as JSON objects, and the columns where the file itself declares them.
type Rows = (Vec<String>, Option<Vec<InferredColumn>>);

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
        let fact = format!(
            "file {} cannot be read: {}",
            path.display(),
            query::explain("", &error.message).render()
        );
        Failure::new(Exit::Errors, fact)
    };
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let name = whole.to_string_lossy().replace('\\', "\\\\").replace('\'', "\\'");
    let (engine_format, output) = match format {
        FileFormat::Ndjson => ("LineAsString", "TabSeparatedRaw"),
        FileFormat::Csv => ("CSVWithNames", "JSONEachRow"),
        FileFormat::Tsv => ("TabSeparatedWithNames", "JSONEachRow"),
        FileFormat::Parquet => ("Parquet", "JSONEachRow"),
    };
    let table = format!("file('{name}', '{engine_format}')");
    let select = format!("SELECT * FROM {table} LIMIT {most} SETTINGS {AS_WRITTEN}");
    let rows = engine.query(&select, output).map_err(failed)?.bytes;
    let lines = String::from_utf8_lossy(&rows).lines().map(str::to_owned).collect();
    let declared = match format {
        FileFormat::Parquet => {
            let described =
                engine.query(&format!("DESCRIBE TABLE {table}"), "JSONEachRow").map_err(failed)?;
            Some(declared_columns(&String::from_utf8_lossy(&described.bytes)))
        }
        _ => None,
    };
    Ok((lines, declared))
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
