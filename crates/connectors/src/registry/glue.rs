//! AWS Glue Schema Registry: `GetSchemaVersion`, signed.
//!
//! Source: AWS Glue Web API Reference, "GetSchemaVersion"; AWS JSON 1.1 protocol.

use super::{
    address::Lookup,
    caller::{Caller, Verdict, judge_status},
    failure::{Failure, Trouble},
    http::{Answer, Http},
    settings::Aws,
};
use bytes::Bytes;
use forebay_ingest::{
    error::Kind,
    schema::{Hyphenated, Schema, SchemaKind},
};
use reqsign_aws_v4::{
    AssumeRoleCredentialProvider, Credential, DefaultCredentialProvider, RequestSigner,
    StaticCredentialProvider,
};
use reqsign_core::{Context, ErrorKind, FileRead, HttpSend, OsEnv, Signer, hash::hex_sha256};
use serde::Deserialize;
use serde_json::{Value, json};
use ureq::http::{HeaderValue, Request, Response, header};

/// Signs requests to Glue.
pub(super) struct Signatures {
    signer: Signer<Credential>,
}

impl Signatures {
    /// `http` reaches AWS's Security Token Service.
    pub(super) fn new(aws: &Aws, http: Http) -> Self {
        let context = Context::new()
            .with_file_read(Files)
            .with_http_send(Sender { http, link_local: Http::link_local() })
            .with_env(OsEnv);
        let request = |service| RequestSigner::new(service, &aws.region);
        let sign = |service| match &aws.keys {
            Some(keys) => {
                let keys = StaticCredentialProvider::new(&keys.user, &keys.password);
                Signer::new(context.clone(), keys, request(service))
            }
            None => Signer::new(context.clone(), DefaultCredentialProvider::new(), request(service)),
        };
        let Some(role) = &aws.role_arn else {
            return Self { signer: sign("glue") };
        };
        let mut role = AssumeRoleCredentialProvider::new(role.clone(), sign("sts"))
            .with_role_session_name("forebay".to_owned())
            .with_region(aws.region.clone())
            .with_regional_sts_endpoint();
        if let Some(id) = &aws.external_id {
            role = role.with_external_id(id.clone());
        }
        Self { signer: Signer::new(context.clone(), role, request("glue")) }
    }

    /// Signs `request`, with its body.
    pub(super) async fn sign(&self, request: &mut Request<Vec<u8>>) -> Result<(), Trouble> {
        let (mut head, body) = std::mem::take(request).into_parts();
        if let Ok(digest) = HeaderValue::from_str(&hex_sha256(&body)) {
            head.headers.insert("x-amz-content-sha256", digest);
        }
        let signed = self.signer.sign(&mut head, None).await;
        *request = Request::from_parts(head, body);
        signed.map_err(|error| {
            let kind = match error.kind() {
                ErrorKind::PermissionDenied => Kind::Authorization,
                ErrorKind::Unexpected | ErrorKind::RateLimited => Kind::Unavailable,
                _ => Kind::Authentication,
            };
            Trouble::new(kind, "there are no AWS credentials for the AWS Glue schema registry")
                .detail(error.to_string())
                .hint("set KAFKA_SCHEMA_REGISTRY_AWS_ACCESS_KEY and KAFKA_SCHEMA_REGISTRY_AWS_SECRET_KEY, or give Forebay a profile, a web identity or a role of the machine")
        })
    }
}

/// Credential files.
#[derive(Debug)]
struct Files;

impl FileRead for Files {
    async fn file_read(&self, path: &str) -> reqsign_core::Result<Vec<u8>> {
        let path = path.to_owned();
        let read = tokio::task::spawn_blocking(move || std::fs::read(path)).await;
        let failed = |why: String| reqsign_core::Error::config_invalid(why);
        read.map_err(|error| failed(error.to_string()))?.map_err(|error| failed(error.to_string()))
    }
}

/// Calls of the credential chain.
#[derive(Debug)]
struct Sender {
    http: Http,
    link_local: Http,
}

/// Where machines and containers ask for their own role. Source: AWS SDKs and Tools Reference, "IMDS" and "Container".
const LINK_LOCAL: [&str; 5] =
    ["169.254.169.254", "[fd00:ec2::254]", "169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"];

impl HttpSend for Sender {
    async fn http_send(&self, request: Request<Bytes>) -> reqsign_core::Result<Response<Bytes>> {
        let is_link_local = request.uri().host().is_some_and(|host| LINK_LOCAL.contains(&host));
        let http = if is_link_local { &self.link_local } else { &self.http };
        let answer = http.send(request.map(|body| body.to_vec())).await;
        let answer = answer.map_err(|error| reqsign_core::Error::unexpected(error.why))?;
        let mut response = Response::builder().status(answer.status);
        if let Some(headers) = response.headers_mut() {
            *headers = answer.headers;
        }
        response
            .body(Bytes::from(answer.body))
            .map_err(|error| reqsign_core::Error::unexpected(error.to_string()))
    }
}

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
            _ => Failure::Refused(format!("{} refuses {lookup}: {why}", caller.name())),
        });
    }
    let version: Version = serde_json::from_slice(&answer.body).map_err(|_| {
        Trouble::new(
            Kind::Unavailable,
            format!("{} answered with something that is no schema", caller.name()),
        )
    })?;
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
