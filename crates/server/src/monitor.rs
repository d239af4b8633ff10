//! Looks at everything that runs: one place for status, metrics and the screen of `forebay start`.

use crate::{
    ingestion::RunningDatasource,
    report::{DatasourceReport, MemoryReport, StatusReport},
};
use forebay_ingest::progress::Figures;
use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Rates are taken over this long.
const RATE_WINDOW: Duration = Duration::from_secs(5);

/// Everything that runs, and how fast it went lately.
#[derive(Debug)]
pub(crate) struct Monitor {
    workspace: String,
    memory_budget: u64,
    started: Instant,
    datasources: Vec<RunningDatasource>,
    rates: Mutex<Vec<Rate>>,
}

/// The figures of one data source at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Observed {
    /// Name of the data source.
    pub(crate) name: String,
    /// Topic it reads.
    pub(crate) topic: String,
    /// Its figures.
    pub(crate) figures: Figures,
}

impl Monitor {
    /// Watches `datasources`, which share `memory_budget` bytes.
    pub(crate) fn new(workspace: String, memory_budget: u64, datasources: Vec<RunningDatasource>) -> Self {
        let rates = datasources.iter().map(|_| Rate::default()).collect();
        Self { workspace, memory_budget, started: Instant::now(), datasources, rates: Mutex::new(rates) }
    }

    /// The figures of every data source now.
    pub(crate) fn observe(&self) -> Vec<Observed> {
        let observe = |datasource: &RunningDatasource| {
            let mut figures = datasource.progress.figures();
            figures.memory_bytes = datasource.account.used();
            Observed { name: datasource.name.clone(), topic: datasource.topic.clone(), figures }
        };
        self.datasources.iter().map(observe).collect()
    }

    /// Takes a sample for the rates; called a few times a second.
    pub(crate) fn sample(&self) {
        let now = Instant::now();
        let mut rates = self.rates.lock().unwrap_or_else(PoisonError::into_inner);
        for (rate, datasource) in rates.iter_mut().zip(&self.datasources) {
            rate.sample(now, datasource.progress.figures().rows);
        }
    }

    /// The report now.
    pub(crate) fn report(&self) -> StatusReport {
        let observed = self.observe();
        let rates = self.rates.lock().unwrap_or_else(PoisonError::into_inner);
        let report = |(observed, rate): (&Observed, &Rate)| {
            DatasourceReport::new(&observed.name, &observed.topic, &observed.figures, rate.rows_per_second())
        };
        let used_bytes = observed.iter().map(|observed| observed.figures.memory_bytes as u64).sum();
        StatusReport {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            workspace: self.workspace.clone(),
            uptime_seconds: self.started.elapsed().as_secs(),
            memory: MemoryReport { used_bytes, budget_bytes: self.memory_budget },
            datasources: observed.iter().zip(rates.iter()).map(report).collect(),
        }
    }

    /// The most memory that records on their way may take.
    pub(crate) fn memory_budget(&self) -> u64 {
        self.memory_budget
    }
}

/// How fast a counter grew lately.
#[derive(Debug, Default)]
struct Rate {
    samples: VecDeque<(Instant, u64)>,
}

impl Rate {
    fn sample(&mut self, now: Instant, rows: u64) {
        self.samples.push_back((now, rows));
        while self.samples.len() > 2 && now - self.samples[1].0 >= RATE_WINDOW {
            self.samples.pop_front();
        }
    }

    fn rows_per_second(&self) -> f64 {
        let (Some((start, before)), Some((end, after))) = (self.samples.front(), self.samples.back()) else {
            return 0.0;
        };
        let seconds = (*end - *start).as_secs_f64();
        if seconds > 0.0 { (after - before) as f64 / seconds } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_taken_over_the_last_seconds_only() {
        let mut rate = Rate::default();
        assert_eq!(rate.rows_per_second(), 0.0);
        let start = Instant::now();
        for second in 0..=20 {
            rate.sample(start + Duration::from_secs(second), second.min(15) * 1000);
        }
        assert_eq!(rate.rows_per_second(), 0.0, "nothing came in the last five seconds");
        rate.sample(start + Duration::from_secs(21), 21_000);
        assert_eq!(rate.rows_per_second(), 1200.0);
    }
}
