//! The table of data sources, as `forebay status` and `forebay start` show it.

use crate::{
    quantity::{show_bytes, show_count, show_millis},
    report::{DatasourceReport, StatusReport},
    screen::Paint,
};
use forebay_ingest::progress::WaitingFigures;
use std::fmt::Write;

const HEADINGS: [&str; 10] =
    ["DATA SOURCE", "STATE", "TOPIC", "PARTITIONS", "LAG", "ROWS", "ROWS/S", "QUARANTINED", "P50", "P99"];
/// Columns that hold text; numbers stand at the right.
const TEXT_COLUMNS: usize = 3;

/// One line on the server, a line for each data source, and beneath them what needs attention.
pub(crate) fn render(report: &StatusReport, paint: Paint) -> String {
    let mut text = format!("{}\n\n", paint.dim(&server_line(report)));
    if report.datasources.is_empty() {
        text.push_str("no data source reads a topic\n");
        return text;
    }
    let rows: Vec<[String; 10]> = report.datasources.iter().map(cells).collect();
    let widths = widths(&rows);
    let headings = HEADINGS.map(str::to_owned);
    let _ = writeln!(text, "{}", paint.bold(&line(&headings, &widths, |_, cell| cell)));
    for (datasource, row) in report.datasources.iter().zip(&rows) {
        let colour = |column: usize, cell: String| colour(datasource, column, &cell, paint);
        let _ = writeln!(text, "{}", line(row, &widths, colour));
    }
    for datasource in &report.datasources {
        text.push_str(&remarks(datasource, paint));
    }
    text
}

fn server_line(report: &StatusReport) -> String {
    format!(
        "forebay {}, process {}, up {}, workspace {}, memory {} of {}",
        report.version,
        report.pid,
        show_uptime(report.uptime_seconds),
        report.workspace,
        show_bytes(report.memory.used_bytes),
        show_bytes(report.memory.budget_bytes),
    )
}

fn show_uptime(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..86_400 => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

fn cells(datasource: &DatasourceReport) -> [String; 10] {
    [
        datasource.name.clone(),
        state(datasource).to_owned(),
        datasource.topic.clone(),
        datasource.partitions.len().to_string(),
        datasource.lag.map_or_else(|| "-".to_owned(), show_count),
        show_count(datasource.rows),
        show_count(datasource.rows_per_second.round() as u64),
        show_count(datasource.quarantined),
        latency(datasource, datasource.latency_p50_ms),
        latency(datasource, datasource.latency_p99_ms),
    ]
}

fn state(datasource: &DatasourceReport) -> &str {
    if datasource.caught_up { "caught up" } else { &datasource.state }
}

/// Latencies are known by bucket: what is shown is the upper bound.
fn latency(datasource: &DatasourceReport, millis: Option<u64>) -> String {
    match millis {
        Some(millis) => format!("<= {}", show_millis(millis)),
        None if datasource.rows + datasource.quarantined == 0 => "-".to_owned(),
        None => "> 1 h".to_owned(),
    }
}

fn widths(rows: &[[String; 10]]) -> [usize; 10] {
    std::array::from_fn(|column| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([HEADINGS[column].len()]).max().unwrap_or(0)
    })
}

fn line(row: &[String; 10], widths: &[usize; 10], colour: impl Fn(usize, String) -> String) -> String {
    let cells = row.iter().zip(widths).enumerate().map(|(column, (cell, width))| {
        let padding = " ".repeat(width - cell.chars().count());
        let cell = colour(column, cell.clone());
        if column < TEXT_COLUMNS { format!("{cell}{padding}") } else { format!("{padding}{cell}") }
    });
    cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
}

fn colour(datasource: &DatasourceReport, column: usize, cell: &str, paint: Paint) -> String {
    match (column, datasource.state.as_str()) {
        (1, "failed") => paint.red(cell),
        (1, "retrying") => paint.yellow(cell),
        (1, "running") => paint.green(cell),
        (7, _) if datasource.quarantined > 0 => paint.yellow(cell),
        _ => cell.to_owned(),
    }
}

fn remarks(datasource: &DatasourceReport, paint: Paint) -> String {
    let mut text = String::new();
    if let Some(error) = datasource.trouble() {
        let _ = writeln!(text, "\n{} {}", paint.red("error:"), error.fact);
        if let Some(hint) = &error.hint {
            let _ = writeln!(text, "  {} {hint}", paint.cyan("hint:"));
        }
    }
    if !datasource.waiting.is_empty() {
        let _ = writeln!(text, "\n{} {}", paint.yellow("note:"), waiting_remark(datasource));
    }
    if datasource.flush_interval_widened {
        let interval = show_millis(datasource.flush_interval_ms);
        let _ = writeln!(
            text,
            "\n{} data source \"{}\": inserts are {interval} apart, because parts pile up in the engine",
            paint.yellow("note:"),
            datasource.name
        );
    }
    if datasource.quarantined > 0 {
        let _ = writeln!(text, "\n{} {}", paint.yellow("note:"), quarantine_remark(datasource));
    }
    text
}

/// Which partitions of a data source wait, for what and since when.
fn waiting_remark(datasource: &DatasourceReport) -> String {
    let since = datasource.waiting.values().map(|waiting| waiting.since).min().unwrap_or_default();
    let since = jiff::Timestamp::from_second(i64::try_from(since).unwrap_or_default()).unwrap_or_default();
    format!(
        "data source \"{}\": {}, since {since}; other partitions go on, nothing is dropped",
        datasource.name,
        WaitingFigures::summary(&datasource.waiting),
    )
}

/// How many records of a data source are in quarantine, why, and how to look at them.
pub(crate) fn quarantine_remark(datasource: &DatasourceReport) -> String {
    let reasons = datasource.quarantined_by_reason.iter();
    let reasons: Vec<String> =
        reasons.map(|(reason, count)| format!("{} {reason}", show_count(*count))).collect();
    let name = &datasource.name;
    format!(
        "data source \"{name}\": {} quarantined ({}); look: forebay sql \"SELECT * FROM {name}_quarantine LIMIT 10\"",
        show_count(datasource.quarantined),
        reasons.join(", "),
    )
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::report::{ErrorReport, MemoryReport, PartitionReport};

    pub(crate) fn datasource(name: &str, state: &str) -> DatasourceReport {
        DatasourceReport {
            name: name.into(),
            topic: name.into(),
            state: state.into(),
            caught_up: false,
            lag: None,
            rows: 0,
            rows_per_second: 0.0,
            quarantined: 0,
            quarantined_by_reason: [].into(),
            tombstones: 0,
            bytes: 0,
            batches: 0,
            write_retries: 0,
            latency_p50_ms: None,
            latency_p99_ms: None,
            flush_interval_ms: 200,
            flush_interval_widened: false,
            memory_bytes: 0,
            partitions: [].into(),
            waiting: [].into(),
            last_error: None,
        }
    }

    pub(crate) fn report(datasources: Vec<DatasourceReport>) -> StatusReport {
        StatusReport {
            version: "0.1.0".into(),
            pid: 4711,
            workspace: "forebay".into(),
            uptime_seconds: 3_725,
            memory: MemoryReport { used_bytes: 12_897_484, budget_bytes: 256 << 20 },
            datasources,
        }
    }

    pub(crate) fn broker_down() -> ErrorReport {
        ErrorReport {
            at: 1_700_000_000,
            kind: "unavailable".into(),
            fact: "data source \"orders\": cannot reach Kafka at 127.0.0.1:9092".into(),
            hint: Some("is the broker running? trying again by itself".into()),
            healed: false,
        }
    }

    fn everything() -> StatusReport {
        let partition = PartitionReport { next_offset: Some(10), high_watermark: Some(10), lag: Some(0) };
        let flights = DatasourceReport {
            caught_up: true,
            lag: Some(0),
            rows: 336_776,
            rows_per_second: 52_345.6,
            latency_p50_ms: Some(50),
            latency_p99_ms: Some(2_500),
            partitions: (0..4).map(|number| (number, partition)).collect(),
            last_error: Some(ErrorReport { healed: true, ..broker_down() }),
            ..datasource("flights", "running")
        };
        let orders = DatasourceReport { last_error: Some(broker_down()), ..datasource("orders", "retrying") };
        let waiting =
            WaitingFigures { schema: "id 7".into(), since: 1_700_000_000, ..WaitingFigures::default() };
        let visits = DatasourceReport {
            waiting: [(0, waiting.clone()), (3, waiting)].into(),
            ..datasource("visits", "retrying")
        };
        let clicks = DatasourceReport {
            lag: Some(1_234_567),
            rows: 10_000_000,
            quarantined: 10,
            quarantined_by_reason: [("not-json".to_owned(), 4), ("out-of-range".to_owned(), 6)].into(),
            tombstones: 0,
            flush_interval_ms: 1_600,
            flush_interval_widened: true,
            partitions: [(0, partition)].into(),
            ..datasource("clicks_of_the_web_shop", "running")
        };
        report(vec![flights, orders, clicks, visits])
    }

    #[test]
    fn the_table_shows_every_state_and_what_to_do() {
        insta::assert_snapshot!(render(&everything(), Paint::PLAIN));
    }

    #[test]
    fn the_table_uses_colour_on_a_terminal() {
        insta::assert_snapshot!(render(&everything(), Paint { enabled: true }));
    }

    #[test]
    fn a_project_without_topics_says_so() {
        insta::assert_snapshot!(render(&report(vec![]), Paint::PLAIN));
    }
}
