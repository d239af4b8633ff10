//! Real schema registries, the OAuth server they trust, and what tests ask of them. All of them listen on 127.0.0.1.
//!
//! | handle | is | costs |
//! |---|---|---|
//! | [`Srfake`] | franz-go's fake registry: exact answers, faults on request, every request remembered, TLS | 0.1 s, 10 MB |
//! | [`Apicurio`] | a real registry with the Confluent-compatible API | about 10 s, 300 MB; shared |
//! | [`Moto`] | moto's AWS Glue Schema Registry | 3 s, 60 MB; shared |
//! | [`Oidc`] | mock-oauth2-server: tokens for client credentials, keys, any number of issuers | 3 s, 150 MB; shared |
//!
//! Shared ones start at most once in a process, when the first test asks for them, and go with the process.

mod apicurio;
mod http;
mod moto;
mod oidc;
mod service;
mod srfake;

pub use apicurio::Apicurio;
pub use moto::Moto;
pub use oidc::Oidc;
pub use srfake::{Fault, Request, Srfake, SrfakeOptions, Tls};

use crate::Failure;
use forebay_ingest::schema::SchemaKind;
use http::Http;
use serde_json::{Value, json};

/// What a registry answers when a schema is registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// Id of the schema's text, the number in a record's frame.
    pub id: u32,
    /// Version of the subject, where the registry tells it.
    pub version: Option<u32>,
    /// Hyphenated GUID, where the registry knows one.
    pub guid: Option<String>,
}

/// What a schema refers to: a version of a subject under a name of the schema's own.
#[derive(Clone, Copy, Debug)]
pub struct Reference<'a> {
    /// An Avro full name, the path of a `.proto` file, or a URI.
    pub name: &'a str,
    /// Subject that holds it.
    pub subject: &'a str,
    /// Version of that subject.
    pub version: u32,
}

/// Registers a schema with any registry that speaks the Confluent-compatible API over plain HTTP and lets everybody in.
pub fn register(
    base_url: &str,
    subject: &str,
    kind: SchemaKind,
    schema: &str,
    references: &[Reference<'_>],
) -> Result<Registered, Failure> {
    register_as(None, &Http::new(base_url), subject, &registration(kind, schema, references))
}

fn register_as(
    authorization: Option<&str>,
    http: &Http,
    subject: &str,
    registration: &Value,
) -> Result<Registered, Failure> {
    let mut headers = vec![("Content-Type", "application/json")];
    headers.extend(authorization.map(|value| ("Authorization", value)));
    let path = format!("/subjects/{}/versions", http::encoded(subject));
    registered(&http.post(&path, &headers, &registration.to_string())?)
}

/// The body of a registration, as the Confluent-compatible API takes it.
fn registration(kind: SchemaKind, schema: &str, references: &[Reference<'_>]) -> Value {
    let references: Vec<Value> = references
        .iter()
        .map(|Reference { name, subject, version }| json!({"name": name, "subject": subject, "version": version}))
        .collect();
    json!({"schema": schema, "schemaType": kind_name(kind), "references": references})
}

fn registered(answer: &Value) -> Result<Registered, Failure> {
    let number = |field: &str| answer[field].as_u64().and_then(|number| u32::try_from(number).ok());
    let id =
        number("id").ok_or_else(|| Failure::new(format!("the registry answered without an id: {answer}")))?;
    Ok(Registered { id, version: number("version"), guid: answer["guid"].as_str().map(str::to_owned) })
}

fn kind_name(kind: SchemaKind) -> &'static str {
    match kind {
        SchemaKind::Avro => "AVRO",
        SchemaKind::Protobuf => "PROTOBUF",
        SchemaKind::Json => "JSON",
    }
}
