//! Azure Schema Registry of Event Hubs.
//!
//! Source: Azure REST API reference, "Schema Registry", version 2022-10.

use super::{
    address::Lookup,
    caller::Caller,
    failure::{Failure, Trouble},
    http::Answer,
};
use forebay_ingest::{
    error::Kind,
    schema::{Hexadecimal, Schema, SchemaKind},
};
use ureq::http::{Request, header};

/// Asks for the schema at `lookup`.
pub(super) async fn fetch(caller: &Caller, lookup: &Lookup) -> Result<Schema, Failure> {
    let path = path(lookup)?;
    let answer = ask(caller, &path).await?;
    if !answer.is_success() {
        let why = caller.said(&answer);
        return Err(match answer.status {
            404 => Failure::Missing(format!("{} has no schema of {lookup}: {why}", caller.name())),
            status => {
                Failure::Refused(format!("{} refuses {lookup} with status {status}: {why}", caller.name()))
            }
        });
    }
    let kind = kind(&answer)
        .ok_or_else(|| Failure::Refused(format!("{lookup} is a schema of an unknown format")))?;
    let origin = origin(&answer);
    let text = String::from_utf8(answer.body)
        .map_err(|_| Failure::Refused(format!("the schema of {lookup} is no text")))?;
    Ok(Schema { kind, text, references: Vec::new(), origin })
}

/// Asks for an id that nobody has.
pub(super) async fn check(caller: &Caller) -> Result<(), Trouble> {
    let path = path(&Lookup::Uuid([0; 16])).unwrap_or_default();
    ask(caller, &path).await.map(drop)
}

async fn ask(caller: &Caller, path: &str) -> Result<Answer, Trouble> {
    let answer = caller
        .call(|base| Request::get(format!("{base}{path}")).header(header::ACCEPT, "*/*").body(Vec::new()));
    let answer = answer.await?;
    let is_html = answer.header("content-type").is_some_and(|kind| kind.starts_with("text/html"));
    let is_said_in_json = serde_json::from_slice::<serde_json::Value>(&answer.body).is_ok();
    if is_html || !(answer.is_success() || is_said_in_json) {
        let fact = format!("{} does not answer like Azure (status {})", caller.name(), answer.status);
        return Err(Trouble::new(Kind::NotFound, fact).hint("check KAFKA_SCHEMA_REGISTRY_URL"));
    }
    Ok(answer)
}

fn path(lookup: &Lookup) -> Result<String, Failure> {
    match lookup {
        Lookup::Uuid(id) => Ok(format!("/$schemaGroups/$schemas/{}?api-version=2022-10", Hexadecimal(id))),
        other => {
            Err(Failure::Refused(format!("{other} is none of Azure's: set /schemas/ids/ and 32 digits")))
        }
    }
}

/// The content type names the language: `application/json; serialization=Avro`.
fn kind(answer: &Answer) -> Option<SchemaKind> {
    let content_type = answer.header("content-type").unwrap_or_default().to_ascii_lowercase();
    match content_type.split_once("serialization=").map(|(_, kind)| kind.trim()) {
        Some("avro") | None if !content_type.contains("protobuf") => Some(SchemaKind::Avro),
        Some("json") => Some(SchemaKind::Json),
        Some("protobuf") | None => Some(SchemaKind::Protobuf),
        _ => None,
    }
}

fn origin(answer: &Answer) -> Option<String> {
    let group = answer.header("schema-group-name")?;
    let name = answer.header("schema-name")?;
    Some(match answer.header("schema-version") {
        Some(version) => format!("{group}/{name}, version {version}"),
        None => format!("{group}/{name}"),
    })
}
