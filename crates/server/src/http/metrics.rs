//! Metrics in the text format of Prometheus (exposition format 0.0.4).

use crate::{monitor::Observed, report::state_name};
use forebay_ingest::progress::{LATENCY_BUCKETS_MS, Latency, State};
use std::fmt::{Display, Write};

const STATES: [State; 5] = [State::Starting, State::Running, State::Retrying, State::Failed, State::Stopped];

/// Clock ticks a second of `/proc/self/stat`: fixed on Linux, whatever the kernel's own clock does.
const TICKS_PER_SECOND: f64 = 100.0;

/// What the operating system says of this process.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Process {
    /// Resident memory, bytes.
    pub(super) resident_bytes: u64,
    /// User and system time, seconds.
    pub(super) cpu_seconds: f64,
}

impl Process {
    /// Reads `/proc`; zeros where there is none.
    pub(super) fn of_this() -> Self {
        Self { resident_bytes: resident_bytes().unwrap_or(0), cpu_seconds: cpu_seconds().unwrap_or(0.0) }
    }
}

fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}

fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is the program's name in parentheses and may hold spaces: user time is field 14, system time 15.
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS_PER_SECOND)
}

/// All metrics.
pub(super) fn render(observed: &[Observed], memory_budget: u64, process: Process) -> String {
    let mut page = Page::default();
    page.family("forebay_build_info", "gauge", "Version of the program; always 1.");
    page.sample("forebay_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
    counters(&mut page, observed);
    partitions(&mut page, observed);
    latencies(&mut page, observed);
    states(&mut page, observed);
    memory(&mut page, observed, memory_budget, process);
    page.text
}

fn counters(page: &mut Page, observed: &[Observed]) {
    page.family("forebay_rows_total", "counter", "Rows made durable in the table.");
    page.each(observed, "forebay_rows_total", |it| it.figures.rows);
    page.family("forebay_bytes_total", "counter", "Bytes of keys, values and headers of durable records.");
    page.each(observed, "forebay_bytes_total", |it| it.figures.bytes);
    page.family("forebay_batches_total", "counter", "Inserts made durable.");
    page.each(observed, "forebay_batches_total", |it| it.figures.batches);
    page.family("forebay_write_retries_total", "counter", "Inserts tried again.");
    page.each(observed, "forebay_write_retries_total", |it| it.figures.write_retries);
    page.family(
        "forebay_quarantined_total",
        "counter",
        "Records made durable in the quarantine table, by reason.",
    );
    for it in observed {
        for (reason, count) in &it.figures.quarantined_by_reason {
            page.sample(
                "forebay_quarantined_total",
                &[("datasource", &it.name), ("topic", &it.topic), ("reason", reason)],
                count,
            );
        }
    }
    page.family("forebay_tombstones_total", "counter", "Tombstones left out, as KAFKA_TOMBSTONES skip asks.");
    page.each(observed, "forebay_tombstones_total", |it| it.figures.tombstones);
    page.family("forebay_flush_interval_seconds", "gauge", "Time between two inserts in force.");
    page.each(observed, "forebay_flush_interval_seconds", |it| seconds(it.figures.flush_interval_ms));
}

fn partitions(page: &mut Page, observed: &[Observed]) {
    page.family("forebay_partition_lag", "gauge", "Records of the partition that are not yet durable.");
    page.each_partition(observed, "forebay_partition_lag", |partition| {
        partition.lag.map(|lag| lag.to_string())
    });
    page.family("forebay_partition_next_offset", "gauge", "Everything below is durable and committed.");
    page.each_partition(observed, "forebay_partition_next_offset", |partition| {
        partition.next_offset.map(|offset| offset.to_string())
    });
    page.family(
        "forebay_partition_high_watermark",
        "gauge",
        "First offset that producers have not written yet.",
    );
    page.each_partition(observed, "forebay_partition_high_watermark", |partition| {
        partition.high_watermark.map(|offset| offset.to_string())
    });
    waiting(page, observed);
}

fn waiting(page: &mut Page, observed: &[Observed]) {
    const NAME: &str = "forebay_partition_waiting_since_seconds";
    page.family(NAME, "gauge", "Since when the partition waits for a schema, seconds since the epoch.");
    for it in observed {
        for (number, waiting) in &it.figures.waiting {
            let number = number.to_string();
            let labels = [
                ("datasource", it.name.as_str()),
                ("topic", &it.topic),
                ("partition", &number),
                ("schema", &waiting.schema),
            ];
            page.sample(NAME, &labels, waiting.since);
        }
    }
}

fn latencies(page: &mut Page, observed: &[Observed]) {
    const NAME: &str = "forebay_produced_to_queryable_seconds";
    page.family(NAME, "histogram", "Time from a record's timestamp until its row could be queried.");
    for it in observed {
        histogram(page, NAME, it, &it.figures.latency);
    }
}

fn histogram(page: &mut Page, name: &str, it: &Observed, latency: &Latency) {
    let labels = [("datasource", it.name.as_str()), ("topic", it.topic.as_str())];
    let bounds = LATENCY_BUCKETS_MS.iter().map(|bound| seconds(*bound)).chain(["+Inf".to_owned()]);
    let mut records = 0;
    for (bound, count) in bounds.zip(latency.counts) {
        records += count;
        let [datasource, topic] = labels;
        page.sample(&format!("{name}_bucket"), &[datasource, topic, ("le", &bound)], records);
    }
    page.sample(&format!("{name}_sum"), &labels, seconds(latency.sum_ms));
    page.sample(&format!("{name}_count"), &labels, latency.count());
}

fn states(page: &mut Page, observed: &[Observed]) {
    page.family("forebay_datasource_state", "gauge", "1 for the state the data source is in.");
    for it in observed {
        for state in STATES {
            let labels = [
                ("datasource", it.name.as_str()),
                ("topic", it.topic.as_str()),
                ("state", state_name(state)),
            ];
            page.sample("forebay_datasource_state", &labels, u8::from(it.figures.state == state));
        }
    }
}

fn memory(page: &mut Page, observed: &[Observed], memory_budget: u64, process: Process) {
    page.family("forebay_memory_used_bytes", "gauge", "Memory held by records on their way.");
    page.each(observed, "forebay_memory_used_bytes", |it| it.figures.memory_bytes);
    page.family(
        "forebay_memory_budget_bytes",
        "gauge",
        "Most memory that records on their way may take, over all data sources.",
    );
    page.sample("forebay_memory_budget_bytes", &[], memory_budget);
    page.family(
        "process_resident_memory_bytes",
        "gauge",
        "Resident memory of the process, the engine's included.",
    );
    page.sample("process_resident_memory_bytes", &[], process.resident_bytes);
    page.family(
        "process_cpu_seconds_total",
        "counter",
        "User and system time of the process, the engine's included.",
    );
    page.sample("process_cpu_seconds_total", &[], process.cpu_seconds);
}

fn seconds(millis: u64) -> String {
    (millis as f64 / 1000.0).to_string()
}

/// The text as it grows.
#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let pairs: Vec<String> =
            labels.iter().map(|(label, value)| format!("{label}=\"{}\"", escape(value))).collect();
        let labels = if pairs.is_empty() { String::new() } else { format!("{{{}}}", pairs.join(",")) };
        let _ = writeln!(self.text, "{name}{labels} {value}");
    }

    fn each<V: Display>(&mut self, observed: &[Observed], name: &str, value: impl Fn(&Observed) -> V) {
        for it in observed {
            self.sample(name, &[("datasource", &it.name), ("topic", &it.topic)], value(it));
        }
    }

    fn each_partition(
        &mut self,
        observed: &[Observed],
        name: &str,
        value: impl Fn(&forebay_ingest::progress::PartitionFigures) -> Option<String>,
    ) {
        for it in observed {
            for (number, partition) in &it.figures.partitions {
                let number = number.to_string();
                let labels =
                    [("datasource", it.name.as_str()), ("topic", it.topic.as_str()), ("partition", &number)];
                if let Some(value) = value(partition) {
                    self.sample(name, &labels, value);
                }
            }
        }
    }
}

fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use forebay_ingest::progress::{Figures, PartitionFigures, WaitingFigures};

    #[test]
    fn the_page_holds_every_metric_in_the_format_of_prometheus() {
        let mut figures = Figures {
            state: State::Running,
            rows: 1000,
            quarantined: 3,
            bytes: 610_000,
            batches: 4,
            flush_interval_ms: 200,
            memory_bytes: 1024,
            ..Figures::default()
        };
        let waiting =
            WaitingFigures { schema: "id 7".into(), since: 1_700_000_000, ..WaitingFigures::default() };
        figures.waiting.insert(3, waiting);
        figures.quarantined_by_reason.insert("out-of-range", 3);
        let partition = PartitionFigures {
            next_offset: Some(1000),
            high_watermark: Some(1010),
            lag: Some(10),
            ..PartitionFigures::default()
        };
        figures.partitions.insert(0, partition);
        figures.partitions.insert(1, PartitionFigures::default());
        figures.latency.observe([0, 0, 100, 4_000_000], 4_000_000 + 7);
        let observed = [Observed { name: "flights".into(), topic: "fl\"ig\\hts".into(), figures }];
        let process = Process { resident_bytes: 1 << 20, cpu_seconds: 1.25 };
        insta::assert_snapshot!(render(&observed, 256 << 20, process));
    }

    #[test]
    fn the_operating_system_is_asked() {
        let process = Process::of_this();
        assert!(process.resident_bytes > 1 << 20);
        assert!(process.cpu_seconds >= 0.0);
    }
}
