//! `forebay status`

use crate::{
    cli::StatusArgs,
    client::Client,
    exit::{Exit, Failure},
    quantity::{show_count, show_millis},
    report::StatusReport,
    screen::{LiveLines, Screen, write_out},
    sql::data_dir,
    status_table,
};
use std::{
    thread::sleep,
    time::{Duration, Instant},
};

/// Between two looks.
const PERIOD: Duration = Duration::from_secs(1);
/// Between two looks when only the end is awaited.
const WAITING_PERIOD: Duration = Duration::from_millis(250);

/// Shows the status once, or again and again.
pub(crate) fn run(args: &StatusArgs, screen: Screen) -> Result<(), Failure> {
    let client = Client::require(&data_dir(&args.dir, args.place.data_dir.as_ref()))?;
    if args.watch || args.until_caught_up {
        return Watch::new(args, screen).run(&client);
    }
    let report = client.status()?;
    write_out(&if screen.json { to_json(&report) } else { status_table::render(&report, screen.out) });
    Ok(())
}

/// Looks again and again.
struct Watch<'a> {
    args: &'a StatusArgs,
    screen: Screen,
    live: LiveLines,
    started: Instant,
    last_lines: Vec<String>,
}

impl<'a> Watch<'a> {
    fn new(args: &'a StatusArgs, screen: Screen) -> Self {
        Self { args, screen, live: LiveLines::default(), started: Instant::now(), last_lines: Vec::new() }
    }

    fn run(mut self, client: &Client) -> Result<(), Failure> {
        let mut shown: Option<Instant> = None;
        loop {
            let report = client.status()?;
            let done = self.args.until_caught_up && report.caught_up();
            if done || shown.is_none_or(|shown| shown.elapsed() >= PERIOD) {
                self.show(&report);
                shown = Some(Instant::now());
            }
            if done {
                return Ok(());
            }
            self.give_up_on(&report)?;
            sleep(if self.args.until_caught_up { WAITING_PERIOD } else { PERIOD });
        }
    }

    /// Waiting ends when a data source needs a person, or takes too long.
    fn give_up_on(&self, report: &StatusReport) -> Result<(), Failure> {
        if !self.args.until_caught_up {
            return Ok(());
        }
        if let Some(failed) = report.failed() {
            let fact = format!("data source \"{}\" failed", failed.name);
            let error = failed.last_error.as_ref();
            let failure = Failure::new(Exit::Errors, error.map_or(fact, |error| error.fact.clone()));
            let hint = error.and_then(|error| error.hint.clone());
            return Err(hint.into_iter().fold(failure, Failure::hint));
        }
        match self.args.timeout {
            Some(limit) if self.started.elapsed() >= limit => Err(timed_out(report, limit)),
            _ => Ok(()),
        }
    }

    fn show(&mut self, report: &StatusReport) {
        if self.screen.json {
            write_out(&to_json_line(report));
        } else if self.screen.terminal && self.args.watch {
            self.live.draw(&status_table::render(report, self.screen.out));
        } else if self.screen.terminal {
            self.live.draw(&lines(report).join("\n"));
        } else {
            self.show_changed_lines(report);
        }
    }

    fn show_changed_lines(&mut self, report: &StatusReport) {
        let lines = lines(report);
        for (index, line) in lines.iter().enumerate() {
            if self.last_lines.get(index) != Some(line) {
                write_out(&format!("{line}\n"));
            }
        }
        self.last_lines = lines;
    }
}

/// One line for each data source: how far it is.
fn lines(report: &StatusReport) -> Vec<String> {
    let line = |datasource: &crate::report::DatasourceReport| {
        let state = if datasource.caught_up { "caught up" } else { &datasource.state };
        let lag = datasource.lag.map_or_else(|| "unknown".to_owned(), show_count);
        let mut line = format!(
            "{}: {state}, {} rows, {} rows/s, lag {lag}, {} quarantined",
            datasource.name,
            show_count(datasource.rows),
            show_count(datasource.rows_per_second.round() as u64),
            show_count(datasource.quarantined),
        );
        if let Some(error) = datasource.trouble() {
            line = format!("{line}; {}", error.fact);
        }
        line
    };
    report.datasources.iter().map(line).collect()
}

fn timed_out(report: &StatusReport, limit: Duration) -> Failure {
    let behind = report.datasources.iter().filter(|datasource| !datasource.caught_up);
    let names: Vec<String> = behind.map(|datasource| format!("\"{}\"", datasource.name)).collect();
    let waited = show_millis(u64::try_from(limit.as_millis()).unwrap_or(u64::MAX));
    Failure::new(Exit::TimedOut, format!("not caught up after {waited}: data source {}", names.join(", ")))
        .hint("`forebay status` says how far each is; wait longer with --timeout")
}

fn to_json(report: &StatusReport) -> String {
    let text = serde_json::to_string_pretty(report).expect("a report has only string keys");
    format!("{text}\n")
}

fn to_json_line(report: &StatusReport) -> String {
    let text = serde_json::to_string(report).expect("a report has only string keys");
    format!("{text}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        exit::render_error,
        report::DatasourceReport,
        screen::Paint,
        status_table::tests::{broker_down, datasource, report},
    };

    #[test]
    fn progress_lines_say_how_far_each_data_source_is() {
        let flights = DatasourceReport {
            caught_up: true,
            lag: Some(0),
            rows: 336_776,
            ..datasource("flights", "running")
        };
        let orders = DatasourceReport { last_error: Some(broker_down()), ..datasource("orders", "retrying") };
        insta::assert_snapshot!(lines(&report(vec![flights, orders])).join("\n"));
    }

    #[test]
    fn giving_up_names_who_is_behind() {
        let orders = datasource("orders", "running");
        let failure = timed_out(&report(vec![orders]), Duration::from_secs(30));
        assert_eq!(failure.exit, Exit::TimedOut);
        insta::assert_snapshot!(render_error(Paint::PLAIN, &failure.fact, &failure.hints));
    }

    #[test]
    fn the_json_report_keeps_its_names() {
        insta::assert_snapshot!(to_json(&report(vec![datasource("orders", "running")])));
    }
}
