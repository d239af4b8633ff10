//! Saying who asks: basic, bearer, OAuth client credentials, AWS signatures.

use super::{
    address::{Address, Login, encode},
    aws,
    failure::Trouble,
    http::{Answer, Http},
    settings::{Access, BearerHeaders, Oauth, RegistrySettings},
};
use forebay_ingest::error::Kind;
use reqsign_core::hash::base64_encode;
use serde::Deserialize;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;
use ureq::http::{HeaderName, HeaderValue, Method, Request, header};

/// Puts credentials on requests.
pub(super) enum Authentication {
    Anonymous,
    Basic(Login),
    Bearer(String, BearerHeaders),
    Oauth(Box<Tokens>, BearerHeaders),
    Aws(Box<aws::Signatures>),
}

/// OAuth tokens, asked for again shortly before they expire.
pub(super) struct Tokens {
    oauth: Oauth,
    http: Http,
    current: Mutex<Option<Token>>,
}

#[derive(Clone)]
struct Token {
    value: String,
    renew_at: Instant,
}

/// How long tokens are used that do not say.
const USUAL_LIFETIME: Duration = Duration::from_secs(300);
/// Tokens are renewed this long before they expire, or after four fifths of their life if that is later.
const RENEWED_BEFORE: Duration = Duration::from_secs(60);

impl Authentication {
    /// `tokens` reaches the server that issues OAuth tokens, and AWS's own services.
    pub(super) fn new(settings: &RegistrySettings, tokens: Http) -> Self {
        let headers = || settings.bearer_headers.clone();
        match &settings.access {
            Access::Anonymous => Self::Anonymous,
            Access::Basic(login) => Self::Basic(login.clone()),
            Access::Bearer(token) => Self::Bearer(token.clone(), headers()),
            Access::Oauth(oauth) => {
                let tokens = Tokens { oauth: oauth.clone(), http: tokens, current: Mutex::new(None) };
                Self::Oauth(Box::new(tokens), headers())
            }
            Access::Aws(aws) => Self::Aws(Box::new(aws::Signatures::new(aws, settings, tokens))),
        }
    }

    /// Puts credentials on a request to `address`. A login in the address wins over the directives.
    pub(super) async fn sign(
        &self,
        request: &mut Request<Vec<u8>>,
        address: &Address,
    ) -> Result<(), Trouble> {
        if let Some(login) = &address.login {
            return insert(request, header::AUTHORIZATION, &basic(login));
        }
        match self {
            Self::Anonymous => Ok(()),
            Self::Basic(login) => insert(request, header::AUTHORIZATION, &basic(login)),
            Self::Bearer(token, headers) => bear(request, token, headers),
            Self::Oauth(tokens, headers) => bear(request, &tokens.token().await?, headers),
            Self::Aws(signatures) => signatures.sign(request).await,
        }
    }

    /// Forgets what was refused. Whether there can be another, so that a second try may succeed.
    pub(super) async fn renew(&self) -> bool {
        match self {
            Self::Oauth(tokens, _) => {
                *tokens.current.lock().await = None;
                true
            }
            Self::Aws(signatures) => signatures.renew(),
            _ => false,
        }
    }

    /// What to do about a refusal by `address`.
    pub(super) fn hint(&self, address: &Address) -> &'static str {
        match self {
            _ if address.login.is_some() => "check user:password@ in KAFKA_SCHEMA_REGISTRY_URL",
            Self::Anonymous => {
                "the registry wants credentials: set KAFKA_SCHEMA_REGISTRY_USER and KAFKA_SCHEMA_REGISTRY_PASSWORD, KAFKA_SCHEMA_REGISTRY_TOKEN, or KAFKA_SCHEMA_REGISTRY_OAUTH_*"
            }
            Self::Basic(_) => "check KAFKA_SCHEMA_REGISTRY_USER and KAFKA_SCHEMA_REGISTRY_PASSWORD",
            Self::Bearer(..) => "check KAFKA_SCHEMA_REGISTRY_TOKEN; it may have expired",
            Self::Oauth(..) => {
                "check what this client may read, KAFKA_SCHEMA_REGISTRY_OAUTH_SCOPE, KAFKA_SCHEMA_REGISTRY_LOGICAL_CLUSTER and KAFKA_SCHEMA_REGISTRY_IDENTITY_POOL_ID"
            }
            Self::Aws(_) => {
                "allow glue:GetSchemaVersion to the identity that Forebay runs as, or check KAFKA_SCHEMA_REGISTRY_AWS_*"
            }
        }
    }
}

fn basic(login: &Login) -> String {
    format!("Basic {}", base64_encode(format!("{}:{}", login.user, login.password).as_bytes()))
}

fn insert(request: &mut Request<Vec<u8>>, name: HeaderName, value: &str) -> Result<(), Trouble> {
    let refused = |_| Trouble::new(Kind::Invalid, "the credentials of the schema registry hold a line break");
    let mut value = HeaderValue::from_str(value).map_err(refused)?;
    value.set_sensitive(true);
    request.headers_mut().insert(name, value);
    Ok(())
}

fn bear(request: &mut Request<Vec<u8>>, token: &str, headers: &BearerHeaders) -> Result<(), Trouble> {
    insert(request, header::AUTHORIZATION, &format!("Bearer {token}"))?;
    let BearerHeaders { logical_cluster, identity_pool_id } = headers;
    let extra = [("target-sr-cluster", logical_cluster), ("confluent-identity-pool-id", identity_pool_id)];
    for (name, value) in extra {
        if let Some(value) = value {
            insert(request, HeaderName::from_static(name), value)?;
        }
    }
    Ok(())
}

impl Tokens {
    /// The current token, or a new one; one question at a time.
    async fn token(&self) -> Result<String, Trouble> {
        let mut current = self.current.lock().await;
        if let Some(token) = current.as_ref().filter(|token| Instant::now() < token.renew_at) {
            return Ok(token.value.clone());
        }
        let token = self.ask().await?;
        let value = token.value.clone();
        *current = Some(token);
        Ok(value)
    }

    async fn ask(&self) -> Result<Token, Trouble> {
        let unreachable =
            |why: String| Trouble::new(Kind::Unavailable, self.fact("cannot be reached")).detail(why);
        let asked_at = Instant::now();
        let answer = self.http.send(self.request()?).await.map_err(|error| unreachable(error.why))?;
        if !answer.is_success() {
            return Err(self.refusal(&answer));
        }
        let no_token = || Trouble::new(Kind::Unavailable, self.fact("gave no token"));
        let grant: Grant = serde_json::from_slice(&answer.body).map_err(|_| no_token())?;
        let lifetime = grant.lifetime();
        let renewed_before = RENEWED_BEFORE.min(lifetime / 5);
        Ok(Token { value: grant.access_token, renew_at: asked_at + lifetime - renewed_before })
    }

    /// Source: RFC 6749, sections 2.3.1 and 4.4.2.
    fn request(&self) -> Result<Request<Vec<u8>>, Trouble> {
        let Oauth { token_url, client, scope, .. } = &self.oauth;
        let mut body = "grant_type=client_credentials".to_owned();
        if let Some(scope) = scope {
            body.push_str(&format!("&scope={}", encode(scope)));
        }
        let client =
            Login { user: encode(&client.user).to_string(), password: encode(&client.password).to_string() };
        let invalid = |_| Trouble::new(Kind::Invalid, "KAFKA_SCHEMA_REGISTRY_OAUTH_TOKEN_URL is no URL");
        Request::builder()
            .method(Method::POST)
            .uri(token_url)
            .header(header::AUTHORIZATION, basic(&client))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "application/json")
            .body(body.into_bytes())
            .map_err(invalid)
    }

    fn refusal(&self, answer: &Answer) -> Trouble {
        let why = serde_json::from_slice::<Refusal>(&answer.body).unwrap_or_default();
        let said = [why.error, why.error_description].into_iter().flatten().collect::<Vec<_>>().join(": ");
        if answer.status >= 500 || matches!(answer.status, 408 | 429) {
            let fact = self.fact(&format!("answered with status {}", answer.status));
            return Trouble::new(Kind::Unavailable, fact).detail(said);
        }
        Trouble::new(
            Kind::Authentication,
            self.fact(&format!("refused a token with status {}", answer.status)),
        )
        .detail(said)
        .hint("check KAFKA_SCHEMA_REGISTRY_OAUTH_TOKEN_URL, _CLIENT_ID, _CLIENT_SECRET and _SCOPE")
    }

    fn fact(&self, what: &str) -> String {
        let host = self.oauth.token_url.parse::<ureq::http::Uri>().ok();
        let host =
            host.as_ref().and_then(|uri| uri.host()).unwrap_or("KAFKA_SCHEMA_REGISTRY_OAUTH_TOKEN_URL");
        format!("the token server {host} {what}")
    }
}

/// Source: RFC 6749, section 5.1. Some servers write the seconds as text.
#[derive(Deserialize)]
struct Grant {
    access_token: String,
    #[serde(default)]
    expires_in: Option<serde_json::Value>,
}

impl Grant {
    fn lifetime(&self) -> Duration {
        let seconds = self.expires_in.as_ref().and_then(|value| match value {
            serde_json::Value::String(text) => text.parse().ok(),
            value => value.as_u64(),
        });
        seconds.map_or(USUAL_LIFETIME, |seconds| Duration::from_secs(seconds).min(USUAL_LIFETIME * 288))
    }
}

/// Source: RFC 6749, section 5.2.
#[derive(Default, Deserialize)]
struct Refusal {
    error: Option<String>,
    error_description: Option<String>,
}
