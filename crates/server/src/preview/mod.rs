//! `forebay preview`: what is in a topic or a file, and the table it would make.

mod detect;
mod directives;
mod document;
mod file;
mod json_file;
mod looker;
mod place;
mod registry;
mod screen;
mod text_table;
mod told;
mod topic;

use crate::{
    cli::{LookArgs, PreviewArgs},
    exit::{Exit, Failure},
    quantity::show_count,
    screen::{Screen, write_out},
};
use forebay_ingest::{
    convert::Reason,
    inference::{DatasourceText, Inference, Nested, Options},
    schema::SchemaKind,
};
use forebay_project::model::{Framing, RecordFormat};
use std::{collections::BTreeMap, path::Path};

pub(crate) use place::Place;

/// What was found.
#[derive(Debug)]
pub(crate) struct Findings {
    /// Where, for people: `topic "orders" of connection "kafka"`.
    pub(crate) place: String,
    /// How much there is, and how much of it was looked at.
    pub(crate) extent: String,
    /// How many records, or rows, were looked at.
    pub(crate) sampled: usize,
    /// How values are written, and whether that was told or detected; of files nothing.
    pub(crate) value: Option<Written>,
    /// How keys are written.
    pub(crate) key: Option<Written>,
    /// The newest records, or the first rows.
    pub(crate) records: Vec<ShownRecord>,
    /// The table it would make.
    pub(crate) inference: Inference,
    /// How many of the records looked at would not become rows of it, by reason.
    pub(crate) quarantined: BTreeMap<Reason, usize>,
    /// Directives of the `.datasource` file after its columns.
    pub(crate) directives: Vec<(&'static str, String)>,
}

/// How the values or keys of a topic are written.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    pub(crate) format: RecordFormat,
    pub(crate) known: Known,
    /// Records that are written otherwise, among those looked at.
    pub(crate) others: usize,
}

/// How a format is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// By the command line.
    Told,
    /// By a data source of the project that reads the topic.
    Project,
    /// By what most records look like.
    Detected,
    /// By the schema of the topic: its records say nothing.
    Schema,
    /// Not at all: there is nothing to look at.
    Nothing,
}

impl Written {
    /// As the schema of the topic says.
    fn declared(kind: SchemaKind, framing: Framing) -> Self {
        let format = RecordFormat { format: detect::format_of(kind), framing, ..RecordFormat::default() };
        Self { format, known: Known::Schema, others: 0 }
    }
}

/// One record as it is shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct ShownRecord {
    /// Partition, offset, and timestamp in epoch milliseconds; of files nothing.
    pub(crate) position: Option<(i32, i64, Option<i64>)>,
    pub(crate) key: Content,
    pub(crate) headers: Vec<(String, Option<String>)>,
    pub(crate) value: Content,
}

/// A value or a key.
#[derive(Clone, Debug, Default)]
pub(crate) struct Content {
    /// Its frame and the schema it names, for people.
    pub(crate) frame: Option<Frame>,
    pub(crate) text: Shown,
}

/// The frame of a value or a key.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    /// What it looks like.
    pub(crate) form: String,
    /// The schema it names.
    pub(crate) schema: String,
}

/// What a value or a key is.
#[derive(Clone, Debug, Default)]
pub(crate) enum Shown {
    /// Kafka's null, or a JSON null.
    #[default]
    Null,
    /// JSON text.
    Json(String),
    /// Any other text.
    Text(String),
    /// Bytes that are no text, in hexadecimal digits.
    Bytes(String),
    /// It does not decode.
    Refused(String),
}

/// Looks, and shows what was found.
pub(crate) fn run(args: &PreviewArgs, screen: Screen) -> Result<(), Failure> {
    let place = Place::named(&args.source, args.topic.as_deref());
    let findings = look(&place, &args.look, args.limit, &args.project, screen)?;
    write_out(&if screen.json {
        screen::to_json(&findings)
    } else {
        screen::render(&findings, &place, screen.out)
    });
    Ok(())
}

/// Looks at a topic or a file; shows progress, nothing else.
pub(crate) fn look(
    place: &Place,
    args: &LookArgs,
    limit: usize,
    project: &Path,
    screen: Screen,
) -> Result<Findings, Failure> {
    match place {
        Place::Topic { connection, topic } => topic::look(connection, topic, args, limit, project, screen),
        Place::File(path) => file::look(path, args, limit),
    }
}

impl Findings {
    /// The text of the `.datasource` file.
    pub(crate) fn datasource(&self) -> String {
        let basis = match self.sampled {
            0 => "its schema, for it held no record",
            _ => self.extent.as_str(),
        };
        let description = format!("Records of {}; columns made from {basis}", self.place);
        DatasourceText { description: &description, directives: &self.directives }.render(&self.inference)
    }
}

fn options(args: &LookArgs, has_automatic_columns: bool) -> Options {
    let nested = if args.nested_json() { Nested::Json } else { Nested::Flatten };
    Options { nested, has_automatic_columns }
}

/// A number with its noun: `1 record`, `2 records`.
pub(crate) fn counted(count: usize, noun: &str) -> String {
    format!("{} {noun}{}", show_count(count as u64), if count == 1 { "" } else { "s" })
}

fn nothing_to_infer(place: &str) -> Failure {
    Failure::new(Exit::Errors, format!("{place} holds no record whose columns could be told"))
}
