//! Produces the 336,776 flights, once: a topic that holds them already is left as it is.

use clap::{Parser, ValueEnum};
use forebay_ingest::schema::SchemaKind;
use forebay_testkit::flights::{self, Encoding, Partial, Produced};
use forebay_testkit::kafka::Cluster;
use forebay_testkit::{Failure, exit_code, registry};
use std::process::ExitCode;
use std::time::Instant;

/// Produces the New York flights of 2013 to a Kafka topic
#[derive(Parser)]
struct Arguments {
    /// host:port[,host:port]
    #[arg(long)]
    bootstrap: String,
    /// Topic; created with four partitions when it does not exist
    #[arg(long, default_value = "flights")]
    topic: String,
    /// How a record's value is written
    #[arg(long, value_enum, default_value_t = Format::Json)]
    format: Format,
    /// Registry that gets the schema as TOPIC-value, such as http://127.0.0.1:8081; without one, values are bare
    #[arg(long)]
    registry: Option<String>,
    /// Delete and fill again a topic that holds another number of records
    #[arg(long)]
    replace_partial: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Json,
    Avro,
    Protobuf,
}

fn main() -> ExitCode {
    exit_code(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    let partial = if arguments.replace_partial { Partial::Replace } else { Partial::Refuse };
    let started = Instant::now();
    let cluster = Cluster::new(&arguments.bootstrap);
    let produced = flights::produce(&cluster, &arguments.topic, encoding(arguments)?, partial, |index| {
        if index > 0 && index.is_multiple_of(100_000) {
            eprintln!("  {index} of {} records", flights::COUNT);
        }
    })?;
    match produced {
        Produced::Already => {
            println!("topic {:?} holds all {} flights already", arguments.topic, flights::COUNT);
        }
        Produced::Now => println!(
            "topic {:?} holds {} flights, produced in {:.1} s",
            arguments.topic,
            flights::COUNT,
            started.elapsed().as_secs_f64()
        ),
    }
    Ok(())
}

fn encoding(arguments: &Arguments) -> Result<Encoding, Failure> {
    match arguments.format {
        Format::Json => Ok(Encoding::Json),
        Format::Avro => Ok(Encoding::Avro(schema_id(arguments, SchemaKind::Avro)?)),
        Format::Protobuf => Ok(Encoding::Protobuf(schema_id(arguments, SchemaKind::Protobuf)?)),
    }
}

fn schema_id(arguments: &Arguments, kind: SchemaKind) -> Result<Option<u32>, Failure> {
    let Some(url) = &arguments.registry else {
        return Ok(None);
    };
    let subject = format!("{}-value", arguments.topic);
    Ok(Some(registry::register(url, &subject, kind, &flights::schema(kind), &[])?.id))
}
