//! Live records by other people's serializers: confluent-kafka for Python, run in a process of its own.

use crate::flights::{self, schema};
use crate::kafka::Cluster;
use crate::{Failure, fetch_part};
use forebay_ingest::schema::SchemaKind;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Where confluent-kafka's serializers put a schema's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// A zero and the id before the value.
    Prefix,
    /// A one and the schema's GUID before the value; the registry must know GUIDs.
    Guid,
    /// A header; the registry must know GUIDs.
    Header,
}

/// Produces the first `count` flights with `AvroSerializer`, `ProtobufSerializer` or `JSONSerializer`, which registers
/// [`schema`] as `<topic>-value`, and waits until the broker has all of them; the topic must exist. 10,000 take a few seconds.
pub fn produce_flights(
    cluster: &Cluster,
    topic: &str,
    registry_url: &str,
    kind: SchemaKind,
    framing: Framing,
    count: u64,
) -> Result<(), Failure> {
    let table = fetch_part("fetch-flights")?;
    let directory = tempfile::tempdir().map_err(Failure::of("no temporary directory for a schema"))?;
    let schema_file = directory.path().join("schema");
    fs::write(&schema_file, schema(kind)).map_err(Failure::of("a schema cannot be written"))?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("serializers/produce_flights.py");
    let mut command = python(&script)?;
    command.args(["--bootstrap", cluster.bootstrap_servers(), "--topic", topic, "--registry", registry_url]);
    command.args(["--format", format_name(kind), "--framing", framing_name(framing)]);
    command.args(["--first", &count.to_string()]);
    command.arg("--schema").arg(&schema_file).arg("--csv").arg(&table);
    let taken = run(command)?;
    let expected = count.min(flights::COUNT);
    match taken.trim().parse() == Ok(expected) {
        true => Ok(()),
        false => Err(Failure::new(format!("topic {topic:?} took {taken} flights of {expected}"))),
    }
}

fn python(script: &Path) -> Result<Command, Failure> {
    let parts = fetch_part("fetch-serializers")?;
    let mut command = Command::new("python3");
    command.env("PYTHONPATH", parts.join("python")).env("PYTHONDONTWRITEBYTECODE", "1").arg(script);
    Ok(command)
}

fn run(mut command: Command) -> Result<String, Failure> {
    let output = command.output().map_err(Failure::of("python3 could not be run"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match output.status.success() {
        true => Ok(text(&output.stdout)),
        false => Err(Failure::new(format!("the Python serializers failed:\n{}", text(&output.stderr)))),
    }
}

fn format_name(kind: SchemaKind) -> &'static str {
    match kind {
        SchemaKind::Avro => "avro",
        SchemaKind::Protobuf => "protobuf",
        SchemaKind::Json => "json",
    }
}

fn framing_name(framing: Framing) -> &'static str {
    match framing {
        Framing::Prefix => "prefix",
        Framing::Guid => "guid",
        Framing::Header => "header",
    }
}
