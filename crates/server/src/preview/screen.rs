//! Findings as text for people and as JSON for programs.

use super::{Content, Findings, Frame, Known, Place, Shown, ShownRecord, Written, counted};
use crate::screen::Paint;
use forebay_ingest::inference::InferredColumn;
use serde_json::{Map, Value, json};
use std::fmt::Write;

/// Longer values are cut for people.
const MOST_CHARACTERS: usize = 2_000;

/// The findings for people; `place` is where to go on from.
pub(super) fn render(findings: &Findings, place: &Place, paint: Paint) -> String {
    let mut text = format!("{}: {}\n", paint.bold(&findings.place), findings.extent);
    for (side, written) in [("values", &findings.value), ("keys", &findings.key)] {
        if let Some(written) = written {
            push(&mut text, format_args!("{side}: {}\n", described(written, paint)));
        }
    }
    if !findings.quarantined.is_empty() {
        let reasons: Vec<String> = findings
            .quarantined
            .iter()
            .map(|(reason, count)| format!("{} {count}", reason.as_str()))
            .collect();
        let line = format!("would go to quarantine: {}", reasons.join(", "));
        push(&mut text, format_args!("{}\n", paint.yellow(&line)));
    }
    for record in &findings.records {
        push(&mut text, format_args!("\n{}", record_lines(record, paint)));
    }
    let title = format!("the table it would make; `forebay init {}` writes the file", place.init_arguments());
    push(&mut text, format_args!("\n{}\n\n{}", paint.bold(&title), findings.datasource()));
    text
}

fn described(written: &Written, paint: Paint) -> String {
    let name = written.format.format.word();
    let described = match written.known {
        Known::Told => format!("{name}, as told"),
        Known::Project => format!("{name}, as the project says"),
        Known::Detected => format!("{name}, by their looks"),
        Known::Schema => format!("{name}, as the schema of the topic says"),
        Known::Nothing => "none".to_owned(),
    };
    match written.others {
        0 => described,
        others => described + &paint.yellow(&format!("; {} written otherwise", counted(others, "record"))),
    }
}

fn record_lines(record: &ShownRecord, paint: Paint) -> String {
    let mut text = String::new();
    if let Some((partition, offset, timestamp)) = record.position {
        let time = timestamp.map(|ms| format!("  {}", time(ms))).unwrap_or_default();
        push(
            &mut text,
            format_args!("{}\n", paint.dim(&format!("partition {partition} offset {offset}{time}"))),
        );
        content_lines(&mut text, "key", &record.key, paint);
    }
    for (name, value) in &record.headers {
        push(&mut text, format_args!("  header   {name} = {}\n", value.as_deref().unwrap_or("null")));
    }
    content_lines(&mut text, "value", &record.value, paint);
    text
}

fn content_lines(text: &mut String, name: &str, content: &Content, paint: Paint) {
    if let Some(Frame { form, schema }) = &content.frame {
        push(text, format_args!("  {}\n", paint.dim(&format!("{:<8} {form}, schema {schema}", "frame"))));
    }
    let shown = match &content.text {
        Shown::Null => "null".to_owned(),
        Shown::Json(shown) | Shown::Text(shown) | Shown::Bytes(shown) => cut(shown),
        Shown::Refused(why) => paint.red(&why.replace('\n', "\n           ")),
    };
    push(text, format_args!("  {name:<8} {shown}\n"));
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(MOST_CHARACTERS) {
        Some((end, _)) => format!("{}... ({} bytes)", &text[..end], text.len()),
        None => text.to_owned(),
    }
}

/// A time in epoch milliseconds as ISO 8601 text.
fn time(epoch_ms: i64) -> String {
    let time = jiff::Timestamp::from_millisecond(epoch_ms);
    time.map_or_else(|_| format!("{epoch_ms} ms"), |time| format!("{time:.3}"))
}

/// The findings for programs.
pub(super) fn to_json(findings: &Findings) -> String {
    let written = |written: &Written| {
        let format = (written.known != Known::Nothing).then(|| written.format.format.word());
        json!({
            "format": format,
            "framing": written.format.framing.word(),
            "known_by": known_by(written.known),
            "detected": written.known == Known::Detected,
            "others": written.others,
        })
    };
    let report = json!({
        "place": findings.place,
        "extent": findings.extent,
        "sampled": findings.sampled,
        "value": findings.value.as_ref().map(written),
        "key": findings.key.as_ref().map(written),
        "quarantined": findings.quarantined.iter().map(|(reason, count)| (reason.to_string(), json!(count))).collect::<Map<_, _>>(),
        "records": findings.records.iter().map(record_json).collect::<Vec<_>>(),
        "columns": findings.inference.columns.iter().map(column_json).collect::<Vec<_>>(),
        "sorting_key": findings.inference.sorting_key.expression,
        "sorting_key_reason": findings.inference.sorting_key.reason,
        "notes": findings.inference.notes,
        "datasource": findings.datasource(),
    });
    format!("{report:#}\n")
}

fn known_by(known: Known) -> &'static str {
    match known {
        Known::Told => "command line",
        Known::Project => "project",
        Known::Detected => "records",
        Known::Schema => "schema",
        Known::Nothing => "nothing",
    }
}

fn record_json(record: &ShownRecord) -> Value {
    let (partition, offset, timestamp) = match record.position {
        Some((partition, offset, timestamp)) => (Some(partition), Some(offset), timestamp),
        None => (None, None, None),
    };
    let headers: Vec<Value> =
        record.headers.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
    json!({
        "partition": partition,
        "offset": offset,
        "timestamp_ms": timestamp,
        "headers": headers,
        "key": content_json(&record.key),
        "value": content_json(&record.value),
    })
}

fn content_json(content: &Content) -> Value {
    let mut json = match &content.text {
        Shown::Null => json!({ "content": null }),
        Shown::Json(text) => {
            json!({ "content": serde_json::from_str::<Value>(text).unwrap_or_else(|_| json!(text)) })
        }
        Shown::Text(text) => json!({ "content": text }),
        Shown::Bytes(digits) => json!({ "bytes": digits }),
        Shown::Refused(why) => json!({ "error": why }),
    };
    if let Some(Frame { form, schema }) = &content.frame {
        json["frame"] = json!(form);
        json["schema"] = json!(schema);
    }
    json
}

fn column_json(column: &InferredColumn) -> Value {
    json!({
        "name": column.name,
        "type": column.column_type.to_string(),
        "path": column.path.to_string(),
        "default": column.default,
        "reason": column.reason,
    })
}

fn push(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing to a String never fails.
    let _ = text.write_fmt(arguments);
}
