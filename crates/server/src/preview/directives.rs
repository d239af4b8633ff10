//! What a `.datasource` file says of the topic it reads.

use super::detect::Side;
use forebay_ingest::inference::{Inference, literal};
use forebay_project::model::{
    Format, Framing, KafkaSource, Path, Project, RecordFormat, SchemaLocation, Tombstones,
};

/// Directives with their values as they are written.
pub(super) type Directives = Vec<(&'static str, String)>;

/// The directives of a data source that reads `topic` as `kafka` says, into the inferred columns.
pub(super) fn of_topic(
    project: &Project,
    kafka: &KafkaSource,
    topic: &str,
    inference: &Inference,
) -> Directives {
    let mut directives = vec![
        ("KAFKA_CONNECTION_NAME", literal(&kafka.connection.name)),
        ("KAFKA_TOPIC", literal(topic)),
        ("KAFKA_GROUP_ID", free_group(project, topic)),
        ("KAFKA_AUTO_OFFSET_RESET", "earliest".to_owned()),
    ];
    directives.extend(of_side(Side::Value, &kafka.value, Framing::Auto));
    if kafka.value.unroll {
        directives.push(("KAFKA_PROTOBUF_UNROLL", "True".to_owned()));
    }
    if kafka.value.validate {
        directives.push(("KAFKA_VALIDATE_SCHEMA", "True".to_owned()));
    }
    // Keys that no column reads are not decoded.
    if inference.columns.iter().any(|column| matches!(column.path, Path::Key(_))) {
        let of_values = if kafka.value.format.has_frames() { kafka.value.framing } else { Framing::Auto };
        directives.extend(of_side(Side::Key, &kafka.key, of_values));
    }
    let tombstones = match inference.tombstones {
        Tombstones::Quarantine => None,
        Tombstones::Skip => Some("skip"),
        Tombstones::Delete => Some("delete"),
    };
    directives.extend(tombstones.map(|word| ("KAFKA_TOMBSTONES", word.to_owned())));
    directives
}

/// A consumer group named after the topic that no other data source of the project uses.
fn free_group(project: &Project, topic: &str) -> String {
    let plain = format!("forebay_{}", topic.replace(|c: char| !c.is_ascii_alphanumeric(), "_"));
    let sources = || project.datasources.values().filter_map(|datasource| datasource.kafka.as_ref());
    let is_free = |group: &String| sources().all(|kafka| kafka.group_id.to_string() != *group);
    let numbered = (2..).map(|number| format!("{plain}_{number}"));
    std::iter::once(plain.clone()).chain(numbered).find(is_free).unwrap_or(plain)
}

/// How one side is written, where that is not what a data source assumes; `inherited` is the framing that it does.
fn of_side(side: Side, format: &RecordFormat, inherited: Framing) -> Directives {
    let names = side.directives();
    let has_frames = format.format.has_frames();
    let written = format.format.word().to_owned();
    let framing = format.framing.word().to_owned();
    let schema = format.schema.as_ref().map(|location| match location {
        SchemaLocation::File { path, .. } => literal(path),
        SchemaLocation::Registry(place) => place.to_string(),
    });
    let lines = [
        (names.format, Some(written).filter(|_| format.format != Format::default())),
        (names.framing, Some(framing).filter(|_| has_frames && format.framing != inherited)),
        (names.schema, schema),
        (names.message, format.message.as_deref().map(literal)),
    ];
    lines.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}
