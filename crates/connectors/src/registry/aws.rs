//! AWS credentials: those of the settings, or those found where AWS's own tools look; and signatures with them.
//!
//! Without keys in the settings, the first of these that is set up is taken, and what is wrong with it is said instead of
//! going on to the next:
//! 1. environment: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`;
//! 2. the profile `AWS_PROFILE`, with roles ([`super::aws_profile`]), or one of IAM Identity Center;
//! 3. web identity: `AWS_WEB_IDENTITY_TOKEN_FILE` and `AWS_ROLE_ARN`;
//! 4. container: `AWS_CONTAINER_CREDENTIALS_FULL_URI`, or `_RELATIVE_URI`;
//! 5. the machine's role, by IMDSv2; at `AWS_EC2_METADATA_SERVICE_ENDPOINT` if that is set.
//!
//! Source: AWS SDKs and Tools Reference Guide, "Settings reference".

use super::{
    aws_profile::Profiles,
    failure::Trouble,
    http::Http,
    settings::{Aws, RegistrySettings},
};
use bytes::Bytes;
use forebay_ingest::error::Kind;
use reqsign_aws_v4::{
    AssumeRoleCredentialProvider, AssumeRoleWithWebIdentityCredentialProvider, Credential,
    ECSCredentialProvider, EnvCredentialProvider, IMDSv2CredentialProvider, RequestSigner,
    SSOCredentialProvider, StaticCredentialProvider,
};
use reqsign_core::{
    Context, ErrorKind, FileRead, HttpSend, OsEnv, ProvideCredential, ProvideCredentialDyn, Signer,
    StaticEnv, hash::hex_sha256,
};
use std::sync::{Mutex, PoisonError};
use ureq::http::{HeaderValue, Request, Response, Uri, header, uri};

/// Name of the sessions in which roles are taken on, where nothing else names them.
pub(super) const SESSION: &str = "forebay";

/// Signs requests to Glue.
pub(super) struct Signatures {
    aws: Aws,
    context: Context,
    /// Keeps its credentials until shortly before they expire.
    signer: Mutex<Signer<Credential>>,
}

impl Signatures {
    /// `http` reaches AWS's Security Token Service.
    pub(super) fn new(aws: &Aws, settings: &RegistrySettings, http: Http) -> Self {
        let context = match &settings.aws_variables {
            Some(variables) => {
                let home_dir = variables.get("HOME").map(Into::into);
                Context::new().with_env(StaticEnv { home_dir, envs: variables.clone() })
            }
            None => Context::new().with_env(OsEnv),
        };
        let sender = Sender { http, link_local: Http::link_local(), token_service: token_service(&context) };
        let context = context.with_file_read(Files).with_http_send(sender);
        Self { signer: Mutex::new(signer(aws, &context)), aws: aws.clone(), context }
    }

    /// Forgets the credentials at hand, so that those of files that were changed since are read. Whether there may be
    /// others.
    pub(super) fn renew(&self) -> bool {
        *self.signer.lock().unwrap_or_else(PoisonError::into_inner) = signer(&self.aws, &self.context);
        self.aws.keys.is_none() || self.aws.role_arn.is_some()
    }

    /// Signs `request`, with its body.
    pub(super) async fn sign(&self, request: &mut Request<Vec<u8>>) -> Result<(), Trouble> {
        let (mut head, body) = std::mem::take(request).into_parts();
        if let Ok(digest) = HeaderValue::from_str(&hex_sha256(&body)) {
            head.headers.insert("x-amz-content-sha256", digest);
        }
        let signer = self.signer.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let signed = signer.sign(&mut head, None).await;
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

fn signer(aws: &Aws, context: &Context) -> Signer<Credential> {
    let of = |service| {
        let request = RequestSigner::new(service, &aws.region);
        match &aws.keys {
            Some(keys) => {
                let keys = StaticCredentialProvider::new(&keys.user, &keys.password);
                Signer::new(context.clone(), keys, request)
            }
            None => Signer::new(context.clone(), Found::new(&aws.region), request),
        }
    };
    let Some(role) = &aws.role_arn else {
        return of("glue");
    };
    let role = taking_on(role, &aws.region, of("sts"), aws.external_id.as_deref());
    Signer::new(context.clone(), role, RequestSigner::new("glue", &aws.region))
}

/// The credentials of a role, got from the Security Token Service of a region.
pub(super) fn taking_on(
    role_arn: &str,
    region: &str,
    signer: Signer<Credential>,
    external_id: Option<&str>,
) -> AssumeRoleCredentialProvider {
    let role = AssumeRoleCredentialProvider::new(role_arn.to_owned(), signer)
        .with_role_session_name(SESSION.to_owned())
        .with_region(region.to_owned())
        .with_regional_sts_endpoint();
    match external_id {
        Some(id) => role.with_external_id(id.to_owned()),
        None => role,
    }
}

/// Credentials where AWS's own tools look for them.
#[derive(Debug)]
struct Found {
    region: String,
    profiles: Profiles,
    machine: IMDSv2CredentialProvider,
}

impl Found {
    fn new(region: &str) -> Self {
        Self {
            region: region.to_owned(),
            profiles: Profiles { region: region.to_owned() },
            machine: IMDSv2CredentialProvider::new(),
        }
    }
}

impl ProvideCredential for Found {
    type Credential = Credential;

    async fn provide_credential(&self, context: &Context) -> reqsign_core::Result<Option<Credential>> {
        let web_identity = AssumeRoleWithWebIdentityCredentialProvider::new()
            .with_role_session_name(context.env_var("AWS_ROLE_SESSION_NAME").unwrap_or(SESSION.to_owned()))
            .with_region(self.region.clone())
            .with_regional_sts_endpoint();
        let sources: [Box<dyn ProvideCredentialDyn<Credential = Credential>>; 5] = [
            Box::new(EnvCredentialProvider::new()),
            Box::new(self.profiles.clone()),
            Box::new(SSOCredentialProvider::default()),
            Box::new(web_identity),
            Box::new(ECSCredentialProvider::new()),
        ];
        for source in sources {
            if let Some(found) = source.provide_credential_dyn(context).await? {
                return Ok(Some(found));
            }
        }
        self.machine.provide_credential(context).await.map_err(|error| {
            let why = "nothing in the environment, no profile, no web identity, no container, and no role of a machine";
            reqsign_core::Error::credential_invalid(format!("{why}: {error}"))
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
    /// Where the Security Token Service is instead of where AWS has it.
    token_service: Option<String>,
}

/// Where machines and containers ask for their own role. Source: AWS SDKs and Tools Reference, "IMDS" and "Container".
const LINK_LOCAL: [&str; 5] =
    ["169.254.169.254", "[fd00:ec2::254]", "169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"];

/// Source: AWS SDKs and Tools Reference, "Service-specific endpoints".
fn token_service(context: &Context) -> Option<String> {
    let is_ignored = context.env_var("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS").is_some_and(|it| it == "true");
    let url = context.env_var("AWS_ENDPOINT_URL_STS").or_else(|| context.env_var("AWS_ENDPOINT_URL"))?;
    (!is_ignored && !url.is_empty()).then(|| url.trim_end_matches('/').to_owned())
}

impl Sender {
    /// Leads a request for the Security Token Service to where it is said to be. Its signature holds the name of the
    /// host, so that stays.
    fn redirect(&self, request: &mut Request<Vec<u8>>) -> reqsign_core::Result<()> {
        let Some(base) = &self.token_service else { return Ok(()) };
        let Some(host) = request.uri().host().filter(|host| host.starts_with("sts.")) else { return Ok(()) };
        let invalid = |_| reqsign_core::Error::config_invalid("AWS_ENDPOINT_URL_STS is no URL");
        let host = HeaderValue::from_str(host)
            .map_err(|_| reqsign_core::Error::config_invalid("the region is no part of a host name"))?;
        let rest = request.uri().path_and_query().map_or("/", uri::PathAndQuery::as_str);
        let target: Uri = format!("{base}{rest}").parse().map_err(invalid)?;
        request.headers_mut().insert(header::HOST, host);
        *request.uri_mut() = target;
        Ok(())
    }
}

impl HttpSend for Sender {
    async fn http_send(&self, request: Request<Bytes>) -> reqsign_core::Result<Response<Bytes>> {
        let mut request = request.map(|body| body.to_vec());
        self.redirect(&mut request)?;
        let is_link_local = request.uri().host().is_some_and(|host| LINK_LOCAL.contains(&host));
        let http = if is_link_local { &self.link_local } else { &self.http };
        let answer = http.send(request).await;
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
