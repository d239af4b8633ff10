//! Registries that speak Confluent's REST interface.
//!
//! Taken as they come: answers without `schemaType` are Avro, `references` may be left out, content types say nothing, and
//! bodies of errors may be empty or no JSON. Protobuf comes as `.proto` text or as a descriptor in base64.

use super::{
    address::{Lookup, encode},
    apicurio,
    caller::Caller,
    failure::{Failure, Trouble},
    http::Answer,
    references::{self, Loaded, Referred},
};
use forebay_ingest::{
    error::Kind,
    schema::{Hyphenated, Schema, SchemaKind},
};
use serde::Deserialize;
use std::sync::atomic::{AtomicBool, Ordering};
use ureq::http::{Request, header};

/// A registry that speaks Confluent's REST interface.
pub(super) struct Confluent {
    pub(super) caller: Caller,
    /// Whether it has answered as a registry does. Until then a 404 may be somebody else's.
    is_proven: AtomicBool,
}

/// A schema as the interface gives it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Registered {
    schema: String,
    schema_type: Option<String>,
    references: Option<Vec<Reference>>,
    subject: Option<String>,
    version: Option<i64>,
}

#[derive(Clone, Deserialize)]
struct Reference {
    name: String,
    subject: String,
    version: i64,
}

/// Path of an id that no registry has given.
const NOBODYS_ID: &str = "/schemas/ids/2147483647";

impl Confluent {
    pub(super) fn new(caller: Caller) -> Self {
        Self { caller, is_proven: AtomicBool::new(false) }
    }

    /// The schema at `lookup`. An id is looked for in the context of `subject` first, then in all.
    pub(super) async fn fetch(&self, lookup: &Lookup, subject: &str) -> Result<Schema, Failure> {
        let registered = match lookup {
            Lookup::Id(id) if !subject.is_empty() => {
                let path = format!("/schemas/ids/{id}");
                match self.get(&format!("{path}?subject={}", encode(subject)), lookup).await {
                    Err(Failure::Missing(_)) => self.get(&path, lookup).await?,
                    found => found?,
                }
            }
            Lookup::Id(id) => self.get(&format!("/schemas/ids/{id}"), lookup).await?,
            Lookup::Uuid(guid) => self.get(&format!("/schemas/guids/{}", Hyphenated(guid)), lookup).await?,
            Lookup::Subject { subject, version } => {
                let version = version.map_or("latest".to_owned(), |version| version.to_string());
                self.get(&format!("/subjects/{}/versions/{version}", encode(subject)), lookup).await?
            }
        };
        self.complete(lookup, subject, registered).await
    }

    /// The schema of one of Apicurio's global ids, which Confluent's interface does not know.
    pub(super) async fn fetch_global_id(&self, id: u64) -> Result<Schema, Failure> {
        apicurio::fetch(&self.caller, id).await
    }

    /// Asks for an id that nobody has, and looks whether the answer is a registry's.
    pub(super) async fn check(&self) -> Result<(), Trouble> {
        let answer = self.ask(NOBODYS_ID).await?;
        if answer.is_success() || has_registry_code(&answer) {
            Ok(())
        } else {
            Err(self.is_no_registry(&answer))
        }
    }

    async fn complete(
        &self,
        lookup: &Lookup,
        subject: &str,
        registered: Registered,
    ) -> Result<Schema, Failure> {
        let kind = registered.kind(lookup)?;
        let origin = registered.origin();
        let loaded = registered.loaded(subject);
        let load = |reference| self.load(reference);
        let references = references::gather(&lookup.to_string(), &loaded, load).await?;
        Ok(Schema { kind, text: loaded.0, references, origin })
    }

    /// A schema that another one refers to. It may be deleted softly, as long as others refer to it.
    async fn load(
        &self,
        Reference { name, subject, version }: Reference,
    ) -> Result<Loaded<Reference>, Failure> {
        let lookup = format!("{name:?}, subject {subject:?}, version {version}");
        let path = format!("/subjects/{}/versions/{version}?deleted=true", encode(&subject));
        let registered = self.get(&path, &lookup).await?;
        Ok(registered.loaded(&subject))
    }

    async fn get(&self, path: &str, lookup: &impl std::fmt::Display) -> Result<Registered, Failure> {
        let answer = self.ask(path).await?;
        let name = self.caller.name();
        let why = self.caller.said(&answer);
        match answer.status {
            200..300 => match serde_json::from_slice(&answer.body) {
                Ok(registered) => {
                    self.is_proven.store(true, Ordering::Relaxed);
                    Ok(registered)
                }
                Err(_) => Err(self.is_no_registry(&answer).into()),
            },
            404 => {
                self.believe(&answer).await?;
                Err(Failure::Missing(format!("{name} has no schema of {lookup}{}", Said(&why))))
            }
            status => {
                self.believe(&answer).await?;
                Err(Failure::Refused(format!("{name} refuses {lookup} with status {status}{}", Said(&why))))
            }
        }
    }

    async fn ask(&self, path: &str) -> Result<Answer, Trouble> {
        let accept = "application/vnd.schemaregistry.v1+json, application/json";
        self.caller
            .call(|base| {
                Request::get(format!("{base}{path}")).header(header::ACCEPT, accept).body(Vec::new())
            })
            .await
    }

    /// Whether a refusal is the registry's own and not that of a wrong address. Where it does not say so itself, one question
    /// tells that every registry answers alike.
    async fn believe(&self, answer: &Answer) -> Result<(), Trouble> {
        if !has_registry_code(answer) && !self.is_proven.load(Ordering::Relaxed) {
            self.check().await?;
        }
        self.is_proven.store(true, Ordering::Relaxed);
        Ok(())
    }

    fn is_no_registry(&self, answer: &Answer) -> Trouble {
        let name = self.caller.name();
        let fact = format!("{name} does not answer like a registry (status {})", answer.status);
        Trouble::new(Kind::NotFound, fact)
            .detail(self.caller.said(answer))
            .hint("check the path of KAFKA_SCHEMA_REGISTRY_URL; Apicurio's is /apis/ccompat/v7")
    }
}

/// Whether the body holds a code of Confluent's interface, which has five digits where HTTP has three.
fn has_registry_code(answer: &Answer) -> bool {
    #[derive(Deserialize)]
    struct Refusal {
        error_code: u32,
    }
    let refusal: Option<Refusal> = serde_json::from_slice(&answer.body).ok();
    refusal.is_some_and(|refusal| (40_000..50_000).contains(&refusal.error_code))
}

/// What the registry said, behind a colon, if anything.
struct Said<'a>(&'a str);

impl std::fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, ": {}", self.0) }
    }
}

impl Registered {
    fn kind(&self, lookup: &Lookup) -> Result<SchemaKind, Failure> {
        match self.schema_type.as_deref() {
            None | Some("AVRO") => Ok(SchemaKind::Avro),
            Some("PROTOBUF") => Ok(SchemaKind::Protobuf),
            Some("JSON") => Ok(SchemaKind::Json),
            Some(other) => {
                Err(Failure::Refused(format!("{lookup} is a schema of the unknown type {other:?}")))
            }
        }
    }

    fn origin(&self) -> Option<String> {
        let subject = self.subject.as_ref()?;
        Some(self.version.map_or(subject.clone(), |version| format!("{subject}, version {version}")))
    }

    /// The text and the references, whose subjects are in the same context as the schema's own.
    fn loaded(self, asked_for: &str) -> Loaded<Reference> {
        let own = self.subject.as_deref().unwrap_or(asked_for);
        let context =
            own.strip_prefix(":.").and_then(|rest| rest.split_once(':')).map(|(context, _)| context);
        let qualify = |subject: String| match context {
            Some(context) if !subject.starts_with(":.") => format!(":.{context}:{subject}"),
            _ => subject,
        };
        let references = self.references.unwrap_or_default().into_iter().map(|reference| {
            let subject = qualify(reference.subject);
            Referred { name: reference.name.clone(), place: Reference { subject, ..reference } }
        });
        (self.schema, references.collect())
    }
}
