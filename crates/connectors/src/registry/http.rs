//! HTTP calls: blocking ones, on threads that may block.

use super::settings::Tls;
use std::{fmt, time::Duration};
use ureq::{
    Agent,
    http::{self, HeaderMap, Method, Request, Uri},
    tls::{Certificate, ClientCert, PemItem, RootCerts, TlsConfig, parse_pem},
};

/// A client with its connections and its trust.
#[derive(Clone)]
pub(super) struct Http {
    agent: Agent,
}

/// What a server answered, of whatever status.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Clone, Debug)]
pub(super) struct SendError {
    pub(super) why: String,
    /// Whether the certificate of either side is at fault.
    pub(super) is_certificate: bool,
}

/// Whom to trust if the settings name a certificate authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// Nobody else.
    Own,
    /// The public authorities too: whoever issues tokens may be neighbour or stranger.
    OwnAndPublic,
}

/// Larger answers are no schemas.
const MAX_BODY: u64 = 8 << 20;
/// Requests made for one answer, the first and those that redirects ask for.
const MOST_REQUESTS: usize = 5;

impl Http {
    /// # Errors
    /// What is wrong with the certificates.
    pub(super) fn new(tls: &Tls, trust: Trust, connect: Duration, answer: Duration) -> Result<Self, String> {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_connect(Some(connect))
            .timeout_global(Some(connect + answer))
            // Requests are few and far between: by then a proxy may have dropped the connection without a word.
            .max_idle_connections(0)
            .user_agent(concat!("forebay/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls_config(tls, trust)?);
        Ok(Self { agent: config.build().into() })
    }

    /// For addresses of the machine itself, which answer at once or not at all, and are behind no proxy.
    pub(super) fn link_local() -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .timeout_global(Some(Duration::from_secs(1)));
        Self { agent: config.build().into() }
    }

    /// Sends `request` and reads the whole answer.
    pub(super) async fn send(&self, request: Request<Vec<u8>>) -> Result<Answer, SendError> {
        let agent = self.agent.clone();
        let sent = tokio::task::spawn_blocking(move || send(&agent, request)).await;
        sent.unwrap_or_else(|error| Err(SendError { why: error.to_string(), is_certificate: false }))
    }
}

/// Follows redirects of GET within the host that was asked. Others come back as answers: who stands behind another address
/// is for a person to say, and must get none of the credentials in the headers.
fn send(agent: &Agent, mut request: Request<Vec<u8>>) -> Result<Answer, SendError> {
    for _ in 0..MOST_REQUESTS {
        let again = (*request.method() == Method::GET).then(|| request.clone());
        let asked = request.uri().clone();
        let answer = send_once(agent, request)?;
        let target = answer.redirect().and_then(|location| within_host(&asked, location));
        match (again, target) {
            (Some(again), Some(target)) => {
                request = again;
                *request.uri_mut() = target;
            }
            _ => return Ok(answer),
        }
    }
    Err(SendError { why: "it redirects in circles".to_owned(), is_certificate: false })
}

/// Where a redirect leads if that is the same server, or the same by TLS.
fn within_host(asked: &Uri, location: &str) -> Option<Uri> {
    if location.starts_with('/') && !location.starts_with("//") {
        let parts = asked.clone().into_parts();
        return format!("{}://{}{location}", parts.scheme?, parts.authority?).parse().ok();
    }
    let target: Uri = location.parse().ok()?;
    let is_upgrade = asked.scheme_str() == Some("http") && target.scheme_str() == Some("https");
    let is_same = asked.scheme() == target.scheme() && asked.port_u16() == target.port_u16();
    (asked.host() == target.host() && (is_same || is_upgrade)).then_some(target)
}

fn send_once(agent: &Agent, request: Request<Vec<u8>>) -> Result<Answer, SendError> {
    let answer = if request.body().is_empty() { agent.run(request.map(drop)) } else { agent.run(request) };
    let (head, body) = answer.map_err(SendError::from)?.into_parts();
    let body = body.into_with_config().limit(MAX_BODY).read_to_vec().map_err(SendError::from)?;
    Ok(Answer { status: head.status.as_u16(), headers: head.headers, body })
}

fn tls_config(tls: &Tls, trust: Trust) -> Result<TlsConfig, String> {
    let mut config = TlsConfig::builder();
    if let Some(ca) = &tls.ca {
        let mut roots = certificates(ca, "KAFKA_SCHEMA_REGISTRY_CA_PEM")?;
        if trust == Trust::OwnAndPublic {
            let public = webpki_root_certs::TLS_SERVER_ROOT_CERTS;
            roots.extend(public.iter().map(|root| Certificate::from_der(root.as_ref()).to_owned()));
        }
        config = config.root_certs(RootCerts::from(roots));
    }
    if let (Some(certificate), Some(key)) = (&tls.certificate, &tls.private_key) {
        let chain = certificates(certificate, "KAFKA_SCHEMA_REGISTRY_CERTIFICATE_PEM")?;
        let key = ureq::tls::PrivateKey::from_pem(key.as_bytes())
            .map_err(|_| "KAFKA_SCHEMA_REGISTRY_PRIVATE_KEY_PEM holds no private key".to_owned())?;
        config = config.client_cert(Some(ClientCert::new_with_certs(&chain, key)));
    }
    Ok(config.build())
}

fn certificates(pem: &str, directive: &str) -> Result<Vec<Certificate<'static>>, String> {
    let items: Result<Vec<PemItem<'static>>, ureq::Error> = parse_pem(pem.as_bytes()).collect();
    let certificates: Vec<_> = items
        .map_err(|_| format!("{directive} is no PEM text"))?
        .into_iter()
        .filter_map(
            |item| if let PemItem::Certificate(certificate) = item { Some(certificate) } else { None },
        )
        .collect();
    if certificates.is_empty() { Err(format!("{directive} holds no certificate")) } else { Ok(certificates) }
}

impl Answer {
    /// Whether it is a success.
    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// A header's text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Where a redirect leads.
    pub(super) fn redirect(&self) -> Option<&str> {
        matches!(self.status, 301 | 302 | 303 | 307 | 308)
            .then(|| self.header(http::header::LOCATION.as_str()))?
    }

    /// `Retry-After`: seconds, or a date, which is compared with the server's own clock if it tells.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        let text = self.header(http::header::RETRY_AFTER.as_str())?.trim();
        if let Ok(seconds) = text.parse() {
            return Some(Duration::from_secs(seconds));
        }
        let date = |text| Some(jiff::fmt::rfc2822::parse(text).ok()?.timestamp());
        let now =
            self.header(http::header::DATE.as_str()).and_then(date).unwrap_or_else(jiff::Timestamp::now);
        Some(date(text)?.duration_since(now).try_into().unwrap_or_default())
    }
}

impl From<ureq::Error> for SendError {
    fn from(error: ureq::Error) -> Self {
        let why = match &error {
            ureq::Error::BodyExceedsLimit(limit) => format!("its answer is larger than {limit} bytes"),
            ureq::Error::BadUri(_) => "its address is no URL".to_owned(),
            error => error.to_string(),
        };
        // What rustls says of an answer in plain text.
        let speaks_no_tls = why.contains("InvalidContentType");
        let why = if speaks_no_tls {
            "it does not speak TLS there: http:// instead of https://?".into()
        } else {
            why
        };
        let is_certificate = why.to_ascii_lowercase().contains("certificate");
        Self { why, is_certificate }
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

/// Shows no keys.
impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").finish_non_exhaustive()
    }
}
