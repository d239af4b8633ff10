//! Looks at a topic.

use super::{
    Findings, counted, directives,
    looker::Looker,
    options,
    registry::{Registry, missing_secret},
    told,
};
use crate::{
    check::load_project,
    cli::LookArgs,
    exit::{Exit, Failure},
    quantity::show_count,
    screen::{LiveLines, Screen},
    secrets::Secrets,
};
use forebay_connectors::kafka::{ConsumerSettings, SampleLimits, TopicSample, sample};
use forebay_project::{
    model::{KafkaConnection, KafkaSource, OffsetReset, Project, RecordFormat, Text, Tombstones},
    suggest,
};
use std::path::Path;

/// Looks at both ends of every partition; shows the newest `limit` records.
pub(super) fn look(
    connection: &str,
    topic: &str,
    args: &LookArgs,
    limit: usize,
    dir: &Path,
    screen: Screen,
) -> Result<Findings, Failure> {
    let project = load_project(dir, screen)?;
    let secrets = Secrets::read(dir, args.env_file.as_deref())?;
    let connection = find_connection(&project, connection)?;
    let mut kafka = known_source(&project, connection, topic, &secrets);
    let registry = Registry::open(&kafka, topic, &secrets)?;
    let [value, key] = told::said(&args.told, &kafka, topic, dir, &registry)?;
    let sample = take_sample(&kafka, args, limit, &secrets, screen)?;
    let looker =
        Looker { topic, registry: &registry, records: &sample.records, options: options(args, true) };
    let (value, key) = (looker.written_values(value)?, looker.written_keys(key)?);
    (kafka.value, kafka.key) = (value.format.clone(), key.format.clone());
    let formats = registry.formats(&kafka, topic)?;
    let table = looker.table(&formats, &key)?;
    Ok(Findings {
        place: format!("topic {topic:?} of connection {:?}", connection.name),
        extent: extent(&sample),
        sampled: sample.records.len(),
        records: looker.newest(limit, &formats)?,
        directives: directives::of_topic(&project, &kafka, topic, &table.inference),
        value: Some(value),
        key: Some(key),
        quarantined: table.quarantined,
        inference: table.inference,
    })
}

fn find_connection<'p>(project: &'p Project, name: &str) -> Result<&'p KafkaConnection, Failure> {
    project.connections.get(name).ok_or_else(|| {
        let names = || project.connections.keys().map(String::as_str);
        let failure = Failure::new(Exit::Errors, format!("the project has no connection {name:?}"));
        match (suggest::closest(name, names()), project.connections.len()) {
            (Some(close), _) => failure.hint(format!("did you mean {close}?")),
            (None, 0) => {
                failure.hint("describe the cluster in a .connection file first; `forebay init` writes one")
            }
            (None, _) => failure.hint(format!("it has {}", names().collect::<Vec<_>>().join(", "))),
        }
    })
}

/// The data source of the project that reads the topic, or one that says nothing about it.
fn known_source(
    project: &Project,
    connection: &KafkaConnection,
    topic: &str,
    secrets: &Secrets,
) -> KafkaSource {
    let sources = project.datasources.values().filter_map(|datasource| datasource.kafka.as_ref());
    let mut reading = sources.filter(|kafka| {
        let reads = kafka.topic.resolve(|name| secrets.get(name)).is_ok_and(|read| read == topic);
        reads && kafka.connection.name == connection.name
    });
    let unknown = || KafkaSource {
        connection: connection.clone(),
        topic: Text::literal(topic),
        group_id: Text::default(),
        auto_offset_reset: OffsetReset::Earliest,
        store_raw_value: false,
        store_headers: false,
        value: RecordFormat::default(),
        key: RecordFormat::default(),
        tombstones: Tombstones::default(),
        automatic_columns: true,
    };
    reading.next().cloned().unwrap_or_else(unknown)
}

fn take_sample(
    kafka: &KafkaSource,
    args: &LookArgs,
    limit: usize,
    secrets: &Secrets,
    screen: Screen,
) -> Result<TopicSample, Failure> {
    let settings = ConsumerSettings::resolve("", kafka, |name| secrets.get(name));
    let settings = settings.map_err(|missing| missing_secret(&missing))?;
    let limits = SampleLimits { records: args.sample.max(limit), patience: args.timeout };
    let mut lines = LiveLines::default();
    let is_live = screen.terminal && !screen.json;
    let sampled = sample(&settings, limits, |read, wanted| {
        if is_live && read.is_multiple_of(100) {
            lines.draw(&format!("read {read} of {wanted} records"));
        }
    });
    lines.clear();
    Ok(sampled?)
}

fn extent(sample: &TopicSample) -> String {
    let TopicSample { records, partitions, held, timed_out } = sample;
    let looked_at = match records.len() as u64 {
        0 => "no record".to_owned(),
        read if read == *held => counted(records.len(), "record"),
        _ => format!("{} of {} records", show_count(records.len() as u64), show_count(*held)),
    };
    let given_up = if *timed_out { ", then the time was up" } else { "" };
    format!("{looked_at} in {}{given_up}", counted(*partitions, "partition"))
}
