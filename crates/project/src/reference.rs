//! The reference page of the language, made from the table of directives.

use crate::directives::{Availability, DIRECTIVES, Directive, FileKind};
use crate::model::{KafkaColumn, Path};
use std::fmt::Write;

/// `docs/datafiles.md`
pub fn markdown() -> String {
    let mut page = String::from(INTRODUCTION);
    page.push_str("| Column | Path | Types |\n|---|---|---|\n");
    for column in KafkaColumn::ALL {
        let _ = writeln!(page, "| {} | `{}` | {} |", names(column), Path::Kafka(column), column.types());
    }
    page.push_str(SCHEMAS);
    let kinds = [FileKind::Connection, FileKind::Datasource, FileKind::Pipe];
    for kind in kinds {
        let _ = write!(page, "\n## `{}` files\n\n", kind.extension());
        if kind == FileKind::Pipe {
            page.push_str("Pipes are not available yet: a project that holds a `.pipe` file is refused.\n\n");
        }
        page.push_str("| Directive | Value | Meaning |\n|---|---|---|\n");
        for directive in DIRECTIVES.iter().filter(|directive| directive.files.contains(&kind)) {
            page.push_str(&row(directive));
        }
    }
    page.push_str("\n## Examples\n\n");
    for directive in DIRECTIVES.iter().filter(|directive| directive.availability == Availability::Available) {
        let _ = write!(page, "```\n{}\n```\n\n", directive.example);
    }
    page.truncate(page.trim_end().len());
    page.push('\n');
    page
}

/// The names that give a column these values when it has no path.
fn names(column: KafkaColumn) -> String {
    match column {
        KafkaColumn::Headers => "-".to_owned(),
        KafkaColumn::IsDeleted => "`_is_deleted`, `__deleted`".to_owned(),
        column => format!("`{}`", column.name()),
    }
}

/// One line of help for a directive: its value, its meaning and whether it works.
pub fn summary(directive: &Directive) -> String {
    let state = match directive.availability {
        Availability::Available => String::new(),
        Availability::NotYet => " Not available yet.".to_owned(),
        Availability::Removed(instead) => format!(" No longer part of the language: {instead}."),
        Availability::Ignored(reason) => format!(" Without effect: {reason}."),
    };
    format!("{}{state}", directive.doc)
}

fn row(directive: &Directive) -> String {
    let others: String = directive.aliases.iter().map(|alias| format!(", `{alias}`")).collect();
    let escape = |text: &str| text.replace('|', "\\|");
    format!(
        "| `{}`{others} | {} | {} |\n",
        directive.name,
        escape(&directive.shape.describe()),
        escape(&summary(directive)),
    )
}

const INTRODUCTION: &str = "# Datafiles

<!-- Made from the table in crates/project/src/directives.rs; do not edit. -->

A project is a folder of `.connection` and `.datasource` files. The name of a file, without its extension, is the
name of what it describes. `.incl` files hold lines that others `INCLUDE`.

- One directive a line: a name in any case, then its value. Quotes around the value are removed.
- `#` outside quotes begins a comment. Inside `SCHEMA` and `INDEXES`, so does `--`.
- `>` after a directive opens a block. It ends where the next line begins, without a space in front, with a directive.
- `{{ tb_secret(\"NAME\") }}` and `{{ tb_secret(\"NAME\", \"default\") }}` stand for secrets. Environment variables are
  not replaced.
- `INCLUDE \"path\" \"NAME=value\"` puts another file in this place and replaces `$NAME` and `${NAME}` in it.
- `KAFKA_*` settings of a cluster may stand in the `.datasource` or an `.incl` instead of a `.connection`. Beside the
  name of a `.connection` file they must say the same as that file.

## Columns

One column looks like ``name Type `json:$.path` DEFAULT expression CODEC(codec)``; commas separate columns, and one may
follow the last. Without a path a column reads the field of its own name. Every column needs a type, also one with
DEFAULT. Paths: `$` is the whole record, `$.a.b` a field, `$.['x-y']` a field with special characters, `$.list[:]` every
element, `$.list[:].x` a field of every element, `#.__value` the raw bytes. The same paths read every format. A missing
value becomes DEFAULT, else NULL; a record without a value for any other column goes to the quarantine.

`#._key.a.b` (also `#.__key.a.b` and `_key.a.b`) is a field of the decoded key, `#._key` the whole of it, `#.__key` its raw
bytes. `KAFKA_KEY_FORMAT` tells how keys are written.

Data sources fed by Kafka also have `__value`, `__topic`, `__partition`, `__offset`, `__timestamp` and `__key`, and
`__headers` with `KAFKA_STORE_HEADERS True`. `SCHEMA` may repeat them with the same type. `__value` is filled with
`KAFKA_STORE_RAW_VALUE True`, or when `SCHEMA` declares it with the path `#.__value`. With `KAFKA_AUTOMATIC_COLUMNS False`
the table has only those that `SCHEMA` lists.

The names that ClickPipes uses work too: a column without a path that has one of these names holds what Kafka tells of
the record. With a path such as `$._offset` it is an ordinary column; a column of any name may have the path `#._offset`.

";

const SCHEMAS: &str = "
## Schemas

Avro and Protobuf are read by the schema they were written with. A record's own frame or header names it; the registry
of the connection knows it. A record that names none is read by `KAFKA_VALUE_SCHEMA`, else by the schema that
`KAFKA_SCHEMA_REGISTRY_URL` ends in.

A schema may also be a file of the project: `.avsc` for Avro, `.proto` for Protobuf, `.json` for JSON Schema. Its path is
looked for beside the file that names it, then in the project folder. What it imports is found among all `.avsc` or
`.proto` files of the project.

One way to log in to the registry is enough: user and password in the address or in directives, a token, OAuth client
credentials, or AWS access for Glue; a client certificate may stand beside any of them.
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_page_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/datafiles.md");
        if std::env::var_os("FOREBAY_UPDATE_SNAPSHOTS").is_some() {
            std::fs::write(path, markdown()).expect("docs/ can be written");
        }
        let page = std::fs::read_to_string(path)
            .expect("docs/datafiles.md; make it with FOREBAY_UPDATE_SNAPSHOTS=1");
        assert!(page == markdown(), "docs/datafiles.md is old; run the test with FOREBAY_UPDATE_SNAPSHOTS=1");
    }
}
