//! Inferred columns as the text of a `.datasource` file.

use super::{Inference, InferredColumn, Replacing};
use forebay_project::model::Text;
use std::fmt::Write;

/// What a `.datasource` file says besides its columns.
#[derive(Clone, Debug, Default)]
pub struct DatasourceText<'a> {
    /// `DESCRIPTION`, one line.
    pub description: &'a str,
    /// Directives after the engine, such as `KAFKA_TOPIC`, with their values as they are written.
    pub directives: &'a [(&'a str, String)],
}

impl DatasourceText<'_> {
    /// The file's text. Comments give the reasons of what is not plain.
    pub fn render(&self, inference: &Inference) -> String {
        let mut text = format!("DESCRIPTION >\n    {}\n\n", self.description);
        for note in &inference.notes {
            push(&mut text, format_args!("# {}\n", one_line(note)));
        }
        text.push_str("SCHEMA >\n");
        let last = inference.columns.len().saturating_sub(1);
        for (index, column) in inference.columns.iter().enumerate() {
            push_column(&mut text, column, index == last);
        }
        push_engine(&mut text, inference);
        text.push_str(if self.directives.is_empty() { "" } else { "\n" });
        for (name, value) in self.directives {
            push(&mut text, format_args!("{name} {value}\n"));
        }
        text
    }
}

fn push_engine(text: &mut String, inference: &Inference) {
    let engine = if inference.replacing.is_some() { "ReplacingMergeTree" } else { "MergeTree" };
    let key = &inference.sorting_key;
    push(text, format_args!("\nENGINE \"{engine}\"\n# {}\n", one_line(&key.reason)));
    push(text, format_args!("ENGINE_SORTING_KEY \"{}\"\n", key.expression));
    if let Some(Replacing { version, is_deleted }) = &inference.replacing {
        push(text, format_args!("ENGINE_VER \"{version}\"\nENGINE_IS_DELETED \"{is_deleted}\"\n"));
    }
}

fn push_column(text: &mut String, column: &InferredColumn, is_last: bool) {
    let InferredColumn { name, column_type, path, default, reason } = column;
    push(text, format_args!("    `{name}` {column_type} `json:{path}`"));
    if let Some(default) = default {
        push(text, format_args!(" DEFAULT {default}"));
    }
    text.push_str(if is_last { "" } else { "," });
    if let Some(reason) = reason {
        push(text, format_args!("  -- {}", one_line(reason)));
    }
    text.push('\n');
}

/// A value of a directive that is taken as it is: in quotes where it could be read otherwise.
pub fn literal(value: &str) -> String {
    let is_plain =
        value.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | ':'));
    if is_plain && !value.is_empty() { Text::literal(value).to_string() } else { format!("\"{value}\"") }
}

fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}

fn push(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    text.write_fmt(arguments).expect("invariant: writing to a String never fails");
}
