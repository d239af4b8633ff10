//! AWS Glue Schema Registry: `GetSchemaVersion`, signed.
//!
//! Source: AWS Glue Web API Reference, "GetSchemaVersion"; AWS JSON 1.1 protocol.

use super::{
    address::Lookup,
    caller::{Caller, Verdict, judge_status},
    failure::{Failure, Trouble},
    http::Answer,
};
use forebay_ingest::{
    error::Kind,
    schema::{Hyphenated, Schema, SchemaKind},
};
use serde::Deserialize;
use serde_json::{Value, json};
use ureq::http::{Request, header};

/// Glue says what is wrong in the body, nearly always under status 400.
pub(super) fn judge(answer: &Answer) -> Verdict {
    match error_type(answer).as_deref() {
        Some("AccessDeniedException") => Verdict::Forbidden,
        Some(
            "UnrecognizedClientException"
            | "InvalidSignatureException"
            | "IncompleteSignatureException"
            | "ExpiredTokenException"
            | "MissingAuthenticationTokenException"
            | "MissingAuthenticationToken",
        ) => Verdict::Unauthenticated,
        Some(
            "ThrottlingException"
            | "RequestLimitExceeded"
            | "OperationTimeoutException"
            | "InternalServiceException",
        ) => Verdict::Again,
        _ => judge_status(answer),
    }
}

/// The name behind the `#` that some services write.
fn error_type(answer: &Answer) -> Option<String> {
    let body: Value = serde_json::from_slice(&answer.body).ok()?;
    let name = body.get("__type")?.as_str()?;
    Some(name.rsplit_once('#').map_or(name, |(_, name)| name).to_owned())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Version {
    schema_definition: String,
    data_format: String,
    schema_arn: Option<String>,
    version_number: Option<u64>,
}

/// Asks for the schema at `lookup`.
pub(super) async fn fetch(caller: &Caller, lookup: &Lookup) -> Result<Schema, Failure> {
    let question = question(lookup)?;
    let answer = caller.call(|base| request(base, &question)).await?;
    if !answer.is_success() {
        let why = caller.said(&answer);
        return Err(match error_type(&answer).as_deref() {
            Some("EntityNotFoundException") => {
                Failure::Missing(format!("{} has no schema of {lookup}: {why}", caller.name()))
            }
            Some(_) => Failure::Refused(format!("{} refuses {lookup}: {why}", caller.name())),
            None => is_not_glue(caller, &answer).into(),
        });
    }
    let version: Version = serde_json::from_slice(&answer.body).map_err(|_| is_not_glue(caller, &answer))?;
    let kind = match version.data_format.as_str() {
        "AVRO" => SchemaKind::Avro,
        "JSON" => SchemaKind::Json,
        "PROTOBUF" => SchemaKind::Protobuf,
        other => {
            return Err(Failure::Refused(format!("{lookup} is a schema of the unknown format {other:?}")));
        }
    };
    let origin = version.origin();
    Ok(Schema { kind, text: version.schema_definition, references: Vec::new(), origin })
}

fn is_not_glue(caller: &Caller, answer: &Answer) -> Trouble {
    let fact = format!("{} does not answer like AWS Glue (status {})", caller.name(), answer.status);
    Trouble::new(Kind::NotFound, fact).hint("check KAFKA_SCHEMA_REGISTRY_URL, or leave it out")
}

impl Version {
    /// Registry and name, the end of the ARN, with the version.
    fn origin(&self) -> Option<String> {
        let (_, name) = self.schema_arn.as_deref()?.split_once(":schema/")?;
        Some(match self.version_number {
            Some(number) => format!("{name}, version {number}"),
            None => name.to_owned(),
        })
    }
}

/// Asks for an id that nobody has.
pub(super) async fn check(caller: &Caller) -> Result<(), Trouble> {
    let question = question(&Lookup::Uuid([0; 16])).unwrap_or_default();
    caller.call(|base| request(base, &question)).await.map(drop)
}

fn question(lookup: &Lookup) -> Result<Vec<u8>, Failure> {
    let question = match lookup {
        Lookup::Uuid(uuid) => json!({ "SchemaVersionId": Hyphenated(uuid).to_string() }),
        Lookup::Subject { subject, version } => {
            let (registry, name) = subject.split_once('/').unwrap_or(("default-registry", subject));
            let number = version
                .map_or(json!({ "LatestVersion": true }), |version| json!({ "VersionNumber": version }));
            json!({ "SchemaId": { "RegistryName": registry, "SchemaName": name }, "SchemaVersionNumber": number })
        }
        Lookup::Id(id) => {
            return Err(Failure::Refused(format!("id {id} is none of AWS Glue, whose ids are UUIDs")));
        }
    };
    Ok(question.to_string().into_bytes())
}

fn request(base: &str, question: &[u8]) -> Result<Request<Vec<u8>>, ureq::http::Error> {
    Request::post(format!("{base}/"))
        .header(header::CONTENT_TYPE, "application/x-amz-json-1.1")
        .header("x-amz-target", "AWSGlue.GetSchemaVersion")
        .body(question.to_vec())
}
