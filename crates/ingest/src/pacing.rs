//! When the rows gathered so far are sealed and written.

use crate::destination::Pressure;
use std::time::Duration;
use tokio::time::Instant;

/// Limits of one sealed group, and the least time between two inserts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlushSettings {
    /// Seal at this many records.
    pub max_rows: usize,
    /// Seal at this many bytes of decoded rows.
    pub max_bytes: usize,
    /// Least time between the starts of two inserts; 20 ms or more.
    pub interval: Duration,
}

impl Default for FlushSettings {
    fn default() -> Self {
        Self { max_rows: 500_000, max_bytes: 64 << 20, interval: Duration::from_millis(200) }
    }
}

/// Records still waiting in the topic from which on a data source counts as catching up.
pub const CATCHING_UP: u64 = 50_000;
/// Least time between inserts while catching up: nobody waits for the single record then, and large blocks cost the
/// engine a fraction of small ones (`docs/performance-engine.md`).
const CATCHING_UP_INTERVAL: Duration = Duration::from_secs(1);
/// The interval never grows beyond this by itself.
const WIDEST_INTERVAL: Duration = Duration::from_secs(30);

/// Paces inserts: the first record after a quiet time goes at once, later ones share an insert every interval,
/// and the interval widens while the engine is behind with merging parts.
#[derive(Debug)]
pub struct Pacing {
    settings: FlushSettings,
    interval: Duration,
    last_start: Option<Instant>,
}

impl Pacing {
    /// Pacing that has not seen an insert yet.
    pub fn new(settings: FlushSettings) -> Self {
        Self { settings, interval: settings.interval, last_start: None }
    }

    /// When a group of this size may be sealed, `unread` records waiting behind it; in the past or now means at once.
    pub fn due(&self, rows: usize, bytes: usize, unread: u64, now: Instant) -> Instant {
        let interval = match unread {
            CATCHING_UP.. => self.interval.max(CATCHING_UP_INTERVAL),
            _ => self.interval,
        };
        match self.last_start {
            Some(last_start) if !self.full(rows, bytes) => last_start + interval,
            _ => now,
        }
    }

    /// Whether a group of this size must not grow.
    pub fn full(&self, rows: usize, bytes: usize) -> bool {
        rows >= self.settings.max_rows || bytes >= self.settings.max_bytes
    }

    /// Notes that an insert starts.
    pub fn started(&mut self, now: Instant) {
        self.last_start = Some(now);
    }

    /// Widens or narrows the interval by what the destination said.
    ///
    /// Above a quarter of the parts at which the engine delays inserts the interval doubles with every insert;
    /// below an eighth it halves back towards the setting.
    pub fn adapt(&mut self, pressure: Pressure) {
        let Pressure { active_parts, parts_to_delay } = pressure;
        if parts_to_delay == 0 {
            return;
        }
        if active_parts * 4 > parts_to_delay {
            self.interval = (self.interval * 2).min(WIDEST_INTERVAL.max(self.settings.interval));
        } else if active_parts * 8 < parts_to_delay {
            self.interval = (self.interval / 2).max(self.settings.interval);
        }
    }

    /// The interval in force.
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// Whether the interval is wider than set.
    pub fn widened(&self) -> bool {
        self.interval > self.settings.interval
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pressure(active_parts: u64) -> Pressure {
        Pressure { active_parts, parts_to_delay: 1000 }
    }

    #[test]
    fn the_first_record_after_a_quiet_time_does_not_wait() {
        let mut pacing = Pacing::new(FlushSettings::default());
        let start = Instant::now();
        assert_eq!(pacing.due(1, 10, 0, start), start);
        pacing.started(start);
        let later = start + Duration::from_secs(5);
        assert!(pacing.due(1, 10, 0, later) <= later);
    }

    #[test]
    fn a_record_right_after_an_insert_waits_for_the_interval() {
        let mut pacing = Pacing::new(FlushSettings::default());
        let start = Instant::now();
        pacing.started(start);
        let due = pacing.due(1, 10, 0, start + Duration::from_millis(3));
        assert_eq!(due, start + Duration::from_millis(200));
    }

    #[test]
    fn a_full_group_does_not_wait() {
        let mut pacing = Pacing::new(FlushSettings { max_rows: 10, ..FlushSettings::default() });
        let start = Instant::now();
        pacing.started(start);
        assert_eq!(pacing.due(10, 1, 0, start), start);
        assert_eq!(pacing.due(1, 64 << 20, 0, start), start);
    }

    #[test]
    fn while_catching_up_groups_wait_longer_unless_they_are_full() {
        let mut pacing = Pacing::new(FlushSettings { max_rows: 10, ..FlushSettings::default() });
        let start = Instant::now();
        pacing.started(start);
        assert_eq!(pacing.due(1, 10, CATCHING_UP, start), start + Duration::from_secs(1));
        assert_eq!(pacing.due(10, 10, CATCHING_UP, start), start);
    }

    #[test]
    fn the_interval_widens_while_parts_pile_up_and_narrows_back() {
        let mut pacing = Pacing::new(FlushSettings::default());
        for _ in 0..20 {
            pacing.adapt(pressure(600));
        }
        assert_eq!(pacing.interval(), WIDEST_INTERVAL);
        assert!(pacing.widened());
        pacing.adapt(pressure(200));
        assert_eq!(pacing.interval(), WIDEST_INTERVAL, "between the two marks it holds");
        for _ in 0..20 {
            pacing.adapt(pressure(10));
        }
        assert_eq!(pacing.interval(), Duration::from_millis(200));
        assert!(!pacing.widened());
    }
}
