//! The screen of `forebay start`: a live table on a terminal, lines in a pipe, JSON lines for programs.

use crate::{
    ingestion::DrainOutcome,
    notices::{Level, Notice, Watcher, summary},
    report::StatusReport,
    screen::{LiveLines, Screen, write_out},
    status_table,
};
use serde_json::json;
use std::time::Instant;

/// Says what happens.
#[derive(Debug)]
pub(crate) struct Announcer {
    screen: Screen,
    watcher: Watcher,
    live: LiveLines,
}

impl Announcer {
    /// For `screen`.
    pub(crate) fn new(screen: Screen) -> Self {
        Self { screen, watcher: Watcher::default(), live: LiveLines::default() }
    }

    /// Says one thing.
    pub(crate) fn say(&mut self, notice: &Notice) {
        let now = jiff::Timestamp::now();
        if self.screen.json {
            let mut line = json!({ "at": now.to_string() });
            if let (Some(line), Ok(serde_json::Value::Object(notice))) =
                (line.as_object_mut(), serde_json::to_value(notice))
            {
                line.extend(notice);
            }
            write_out(&format!("{line}\n"));
        } else {
            self.live.clear();
            write_out(&notice.render(&now.strftime("%FT%TZ").to_string(), self.screen.out));
        }
    }

    /// Says what is new in `report`, and draws it on a terminal.
    pub(crate) fn look(&mut self, report: &StatusReport) {
        for notice in self.watcher.look(report, Instant::now()) {
            self.say(&notice);
        }
        if self.screen.terminal && !self.screen.json {
            self.live.draw(&format!("\n{}", status_table::render(report, self.screen.out)));
        }
    }

    /// Says how it ended.
    pub(crate) fn finish(&mut self, report: &StatusReport, drained: &DrainOutcome) {
        // What happened since the last look is told before it is summed up.
        let news = self.watcher.look(report, Instant::now());
        for notice in news.into_iter().chain(summary(report)) {
            self.say(&notice);
        }
        if let DrainOutcome::CutOff(names) = drained {
            self.say(&Notice {
                level: Level::Warning,
                hint: Some("records not yet committed are read again at the next start".to_owned()),
                ..Notice::info("cut-off", format!("not written in time: data source {}", names.join(", ")))
            });
        }
        self.say(&Notice::info("stopped", "stopped"));
    }
}
