//! What `forebay start` says while it runs: each change once, never a flood.

use crate::{
    quantity::{show_count, show_millis},
    report::{DatasourceReport, StatusReport},
    screen::Paint,
    status_table::quarantine_remark,
};
use serde::Serialize;
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

/// An error that comes back sooner than this after it healed is told only if it lasts.
const SAME_ERROR_QUIET: Duration = Duration::from_secs(30);

/// Something a person or a program should know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Notice {
    /// How bad it is.
    pub(crate) level: Level,
    /// What it is about, for programs.
    pub(crate) about: &'static str,
    /// Which data source, if one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) datasource: Option<String>,
    /// What happened.
    pub(crate) text: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hint: Option<String>,
}

/// How bad a notice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    /// All is well.
    Info,
    /// It works, though not as it should.
    Warning,
    /// Something does not work.
    Error,
}

impl Notice {
    /// A notice that concerns no data source.
    pub(crate) fn info(about: &'static str, text: impl Into<String>) -> Self {
        Self { level: Level::Info, about, datasource: None, text: text.into(), hint: None }
    }

    /// As a line of a log, with its hint on a line of its own.
    pub(crate) fn render(&self, at: &str, paint: Paint) -> String {
        let level = match self.level {
            Level::Info => paint.green("info "),
            Level::Warning => paint.yellow("warn "),
            Level::Error => paint.red("error"),
        };
        let mut text = format!("{} {level} {}\n", paint.dim(at), self.text);
        if let Some(hint) = &self.hint {
            text.push_str(&format!("{}  {} {hint}\n", " ".repeat(at.len() + 6), paint.cyan("hint:")));
        }
        text
    }
}

/// Compares each report with the one before.
#[derive(Debug, Default)]
pub(crate) struct Watcher {
    known: HashMap<String, Known>,
}

/// What was told of one data source.
#[derive(Debug, Default)]
struct Known {
    caught_up: bool,
    quarantined: bool,
    widened: bool,
    trouble: Option<Trouble>,
    /// The last error that healed, and when.
    healed: Option<(String, Instant)>,
}

/// An error that lasts.
#[derive(Debug)]
struct Trouble {
    gist: String,
    told: bool,
}

impl Watcher {
    /// What is new in `report`.
    pub(crate) fn look(&mut self, report: &StatusReport, now: Instant) -> Vec<Notice> {
        let mut notices = Vec::new();
        for datasource in &report.datasources {
            let known = self.known.entry(datasource.name.clone()).or_default();
            notices.extend(known.look(datasource, now));
        }
        notices
    }
}

impl Known {
    fn look(&mut self, datasource: &DatasourceReport, now: Instant) -> Vec<Notice> {
        let notices = [
            self.trouble(datasource, now),
            self.interval(datasource),
            self.quarantine(datasource),
            self.caught_up(datasource),
        ];
        notices.into_iter().flatten().collect()
    }

    fn trouble(&mut self, datasource: &DatasourceReport, now: Instant) -> Option<Notice> {
        let Some(error) = datasource.trouble() else {
            return self.heal(datasource, now);
        };
        let gist = gist(&error.fact);
        let quiet =
            self.healed.as_ref().is_some_and(|(healed, at)| *healed == gist && now - *at < SAME_ERROR_QUIET);
        let told = self.trouble.as_ref().is_some_and(|trouble| trouble.gist == gist && trouble.told);
        self.trouble = Some(Trouble { gist, told: told || !quiet });
        (!told && !quiet).then(|| Notice {
            level: Level::Error,
            about: "error",
            datasource: Some(datasource.name.clone()),
            text: error.fact.clone(),
            hint: error.hint.clone(),
        })
    }

    fn heal(&mut self, datasource: &DatasourceReport, now: Instant) -> Option<Notice> {
        let trouble = self.trouble.take()?;
        self.healed = Some((trouble.gist, now));
        if !trouble.told {
            return None;
        }
        self.caught_up = false;
        Some(notice(datasource, Level::Info, "recovered", "works again"))
    }

    fn interval(&mut self, datasource: &DatasourceReport) -> Option<Notice> {
        if datasource.flush_interval_widened == self.widened {
            return None;
        }
        self.widened = datasource.flush_interval_widened;
        let interval = show_millis(datasource.flush_interval_ms);
        Some(if self.widened {
            let text = format!("parts pile up in the engine, inserts are now {interval} apart");
            notice(datasource, Level::Warning, "interval-widened", &text)
        } else {
            notice(
                datasource,
                Level::Info,
                "interval-restored",
                &format!("inserts are {interval} apart again"),
            )
        })
    }

    fn quarantine(&mut self, datasource: &DatasourceReport) -> Option<Notice> {
        if self.quarantined || datasource.quarantined == 0 {
            return None;
        }
        self.quarantined = true;
        Some(Notice {
            level: Level::Warning,
            about: "quarantine",
            datasource: Some(datasource.name.clone()),
            text: quarantine_remark(datasource),
            hint: None,
        })
    }

    /// Told once, and again after trouble: a busy topic is caught up and behind many times a second.
    fn caught_up(&mut self, datasource: &DatasourceReport) -> Option<Notice> {
        if self.caught_up || !datasource.caught_up {
            return None;
        }
        self.caught_up = true;
        let text = format!(
            "caught up with topic \"{}\", {} rows so far",
            datasource.topic,
            show_count(datasource.rows)
        );
        Some(notice(datasource, Level::Info, "caught-up", &text))
    }
}

fn notice(datasource: &DatasourceReport, level: Level, about: &'static str, text: &str) -> Notice {
    Notice {
        level,
        about,
        datasource: Some(datasource.name.clone()),
        text: format!("data source \"{}\": {text}", datasource.name),
        hint: None,
    }
}

/// The error without its numbers: times and ports in it change though the trouble is the same.
fn gist(fact: &str) -> String {
    fact.chars().filter(|character| !character.is_ascii_digit()).collect()
}

/// One line for each data source: what came in since the start, and where it stands.
pub(crate) fn summary(report: &StatusReport) -> Vec<Notice> {
    let line = |datasource: &DatasourceReport| {
        let positions = datasource.partitions.iter().filter_map(|(number, partition)| {
            partition.next_offset.map(|offset| format!("{number}:{offset}"))
        });
        let positions: Vec<String> = positions.collect();
        let positions = if positions.is_empty() {
            String::new()
        } else {
            format!("; next offsets {}", positions.join(" "))
        };
        let rows = show_count(datasource.rows);
        let quarantined = show_count(datasource.quarantined);
        notice(
            datasource,
            Level::Info,
            "summary",
            &format!("{rows} rows, {quarantined} quarantined{positions}"),
        )
    };
    report.datasources.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        report::PartitionReport,
        status_table::tests::{broker_down, datasource, report},
    };

    fn render(notices: &[Notice]) -> String {
        notices.iter().map(|notice| notice.render("12:00:00", Paint::PLAIN)).collect()
    }

    fn troubled() -> DatasourceReport {
        DatasourceReport { last_error: Some(broker_down()), ..datasource("orders", "retrying") }
    }

    fn well() -> DatasourceReport {
        let mut last_error = broker_down();
        last_error.healed = true;
        DatasourceReport {
            last_error: Some(last_error),
            caught_up: true,
            rows: 12_000,
            ..datasource("orders", "running")
        }
    }

    #[test]
    fn each_change_is_told_once() {
        let mut watcher = Watcher::default();
        let now = Instant::now();
        let mut told = String::new();
        let mut look = |datasource: DatasourceReport| {
            told.push_str(&render(&watcher.look(&report(vec![datasource]), now)));
        };
        look(datasource("orders", "starting"));
        for _ in 0..100 {
            look(troubled());
        }
        for _ in 0..100 {
            look(well());
        }
        look(DatasourceReport { flush_interval_widened: true, flush_interval_ms: 400, ..well() });
        look(DatasourceReport {
            quarantined: 2,
            quarantined_by_reason: [("not-json".to_owned(), 2)].into(),
            tombstones: 0,
            ..well()
        });
        insta::assert_snapshot!(told);
    }

    #[test]
    fn an_error_that_comes_and_goes_is_not_told_every_time() {
        let mut watcher = Watcher::default();
        let start = Instant::now();
        let mut look = |datasource, second| {
            let notices = watcher.look(&report(vec![datasource]), start + Duration::from_secs(second));
            notices.iter().map(|notice| notice.about).collect::<Vec<_>>()
        };
        assert_eq!(look(troubled(), 0), ["error"]);
        assert_eq!(look(well(), 0), ["recovered", "caught-up"]);
        for second in 1..20 {
            assert!(look(troubled(), second).is_empty());
            assert!(look(well(), second).is_empty());
        }
        assert!(look(troubled(), 20).is_empty());
        assert_eq!(look(troubled(), 60), ["error"], "it lasts");
    }

    #[test]
    fn the_same_error_with_other_numbers_is_the_same_error() {
        let mut watcher = Watcher::default();
        let mut told = 0;
        for attempt in 0..50 {
            let mut datasource = troubled();
            datasource.last_error.as_mut().unwrap().fact = format!("connect failed after {attempt}ms");
            told += watcher.look(&report(vec![datasource]), Instant::now()).len();
        }
        assert_eq!(told, 1);
    }

    #[test]
    fn the_summary_says_what_came_in_and_where_it_stands() {
        let at = |next_offset| PartitionReport { next_offset, high_watermark: None, lag: None };
        let flights = DatasourceReport {
            rows: 336_776,
            quarantined: 1,
            partitions: [(0, at(Some(84_194))), (1, at(None)), (2, at(Some(84_000)))].into(),
            ..datasource("flights", "stopped")
        };
        insta::assert_snapshot!(render(&summary(&report(vec![flights, datasource("orders", "stopped")]))));
    }
}
