//! Apicurio's own interface, for global ids.
//!
//! Source: Apicurio Registry core API v3 and v2, `/ids/globalIds`.

use super::{
    address::encode,
    caller::Caller,
    failure::{Failure, Trouble},
    http::Answer,
    references::{self, Loaded, Referred},
};
use forebay_ingest::{
    error::Kind,
    schema::{Schema, SchemaKind},
};
use serde::Deserialize;
use ureq::http::{Request, header};

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reference {
    group_id: Option<String>,
    artifact_id: String,
    version: Option<String>,
    name: String,
}

/// A version of the interface.
#[derive(Clone, Copy)]
struct Interface {
    name: &'static str,
    /// What the path of an artifact's version ends in where it leads to the text.
    content: &'static str,
}

const V3: Interface = Interface { name: "v3", content: "/content" };
const V2: Interface = Interface { name: "v2", content: "" };

/// A question for a global id.
struct Question<'a> {
    caller: &'a Caller,
    interface: Interface,
    id: u64,
}

/// Asks for the schema of a global id.
pub(super) async fn fetch(caller: &Caller, id: u64) -> Result<Schema, Failure> {
    match (Question { caller, interface: V3, id }).fetch().await {
        // What servers of version 2 answer to every question of version 3.
        Err(Failure::Missing(_)) => Question { caller, interface: V2, id }.fetch().await,
        answered => answered,
    }
}

impl Question<'_> {
    async fn fetch(&self) -> Result<Schema, Failure> {
        let path = format!("/ids/globalIds/{}", self.id);
        let answer = self.get(&format!("{path}?returnArtifactType=true")).await?;
        let kind = answer.header("x-registry-artifacttype").and_then(named_kind);
        let text = text(answer)?;
        let loaded = (text, self.referred(&path).await?);
        let load = |reference| self.load(reference);
        let references = references::gather(&format!("global id {}", self.id), &loaded, load).await?;
        let kind = kind.unwrap_or_else(|| guessed_kind(&loaded.0));
        Ok(Schema { kind, text: loaded.0, references, origin: None })
    }

    async fn load(&self, reference: Reference) -> Result<Loaded<Reference>, Failure> {
        let Reference { group_id, artifact_id, version, .. } = &reference;
        let group = group_id.as_deref().unwrap_or("default");
        let version = version.as_deref().unwrap_or("branch=latest");
        let path = format!("/groups/{}/artifacts/{}/versions/{version}", encode(group), encode(artifact_id));
        let answer = self.get(&format!("{path}{}", self.interface.content)).await?;
        Ok((text(answer)?, self.referred(&path).await?))
    }

    async fn referred(&self, path: &str) -> Result<Vec<Referred<Reference>>, Failure> {
        let answer = self.get(&format!("{path}/references")).await?;
        let references: Vec<Reference> =
            serde_json::from_slice(&answer.body).map_err(|_| is_not_apicurio(self.caller))?;
        let referred = |reference: Reference| Referred { name: reference.name.clone(), place: reference };
        Ok(references.into_iter().map(referred).collect())
    }

    async fn get(&self, path: &str) -> Result<Answer, Failure> {
        let Self { caller, interface, id } = self;
        let request = |base: &str| {
            Request::get(format!("{}/{}{path}", own_interface(base), interface.name))
                .header(header::ACCEPT, "*/*")
                .body(Vec::new())
        };
        let answer = caller.call(request).await?;
        let is_coded = serde_json::from_slice::<serde_json::Value>(&answer.body).is_ok();
        match answer.status {
            200..300 => Ok(answer),
            404 if is_coded => {
                let why = caller.said(&answer);
                Err(Failure::Missing(format!("{} has no schema of global id {id}: {why}", caller.name())))
            }
            404 => Err(is_not_apicurio(caller).into()),
            status => Err(Failure::Refused(format!(
                "{} refuses global id {id} with status {status}",
                caller.name()
            ))),
        }
    }
}

/// Apicurio's own interface stands beside the one that Confluent's clients use.
fn own_interface(base: &str) -> String {
    let root = ["/apis/ccompat/", "/apis/registry/"].iter().find_map(|path| Some(&base[..base.find(path)?]));
    format!("{}/apis/registry", root.unwrap_or(base))
}

fn is_not_apicurio(caller: &Caller) -> Trouble {
    Trouble::new(Kind::NotFound, format!("{} does not answer like Apicurio", caller.name())).hint(
        "frames with 8-byte ids are Apicurio's: set KAFKA_SCHEMA_REGISTRY_URL to it, or KAFKA_SCHEMA_FRAMING",
    )
}

fn text(answer: Answer) -> Result<String, Failure> {
    String::from_utf8(answer.body).map_err(|_| Failure::Refused("the schema is no text".to_owned()))
}

fn named_kind(name: &str) -> Option<SchemaKind> {
    match name {
        "AVRO" => Some(SchemaKind::Avro),
        "PROTOBUF" => Some(SchemaKind::Protobuf),
        "JSON" => Some(SchemaKind::Json),
        _ => None,
    }
}

/// Versions that do not name the language: Protobuf is no JSON, and JSON Schema has one of its own words at the top.
fn guessed_kind(text: &str) -> SchemaKind {
    match serde_json::from_str::<serde_json::Value>(text) {
        Err(_) => SchemaKind::Protobuf,
        Ok(json) if ["$schema", "$id", "properties", "$ref"].iter().any(|word| json.get(word).is_some()) => {
            SchemaKind::Json
        }
        Ok(_) => SchemaKind::Avro,
    }
}
