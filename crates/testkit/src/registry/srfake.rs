use super::http::{Http, encoded};
use super::service::{Service, part};
use super::{Reference, Registered, registered, registration};
use crate::Failure;
use forebay_ingest::schema::SchemaKind;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The fake registry of franz-go in a process of its own, with ids from 1 without gaps.
///
/// It keeps whatever text it is given without looking into it, and knows GUIDs and contexts. What a test does through this
/// handle needs no credentials, is never subject to a [`Fault`], and is not among the [`Request`]s.
pub struct Srfake {
    service: Service,
    base_url: String,
    door: Http,
}

/// How an [`Srfake`] is to be reached.
#[derive(Clone, Debug, Default)]
pub struct SrfakeOptions {
    /// The one `Authorization` header that is let in, such as `Basic dXNlcjpwYXNz`; without one 401, with another 403.
    pub authorization: Option<String>,
    /// Path in front of the registry's own, such as `/apis/ccompat/v7`.
    pub base_path: String,
    /// Whether it speaks TLS.
    pub tls: Tls,
}

/// TLS of an [`Srfake`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tls {
    /// Plain HTTP.
    #[default]
    Off,
    /// HTTPS with a certificate of [`Srfake::ca`].
    On,
    /// HTTPS only for clients with the certificate of [`Srfake::client_certificate`].
    ClientCertificate,
}

/// What happens to the next requests instead of a right answer.
#[derive(Clone, Debug)]
pub struct Fault {
    path: String,
    times: u32,
    status: u16,
    headers: BTreeMap<String, String>,
    body: String,
    delay: Duration,
}

/// A request that the registry was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `POST` ...
    pub method: String,
    /// Path and query, without the base path.
    pub uri: String,
    /// Headers with names in lower case; of those that repeat the first one.
    pub headers: BTreeMap<String, String>,
}

impl Fault {
    /// The next request is answered with this status and an empty body.
    pub fn status(status: u16) -> Self {
        let headers = BTreeMap::new();
        Self { path: "/".into(), times: 1, status, headers, body: String::new(), delay: Duration::ZERO }
    }

    /// The next request is answered rightly, but late.
    pub fn delay(delay: Duration) -> Self {
        Self { delay, ..Self::status(0) }
    }

    /// This happens to so many requests; else to one.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }

    /// This happens only to requests whose path, without the base path, begins so: `/schemas/ids/`.
    #[must_use]
    pub fn path(mut self, prefix: &str) -> Self {
        prefix.clone_into(&mut self.path);
        self
    }

    /// The answer has this body.
    #[must_use]
    pub fn body(mut self, body: &str) -> Self {
        body.clone_into(&mut self.body);
        self
    }

    /// The answer has this header, such as `Retry-After`.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The answer comes this late.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    fn json(&self) -> String {
        json!({
            "path": self.path,
            "times": self.times,
            "status": self.status,
            "headers": self.headers,
            "body": self.body,
            "delay_ms": u64::try_from(self.delay.as_millis()).unwrap_or(u64::MAX),
        })
        .to_string()
    }
}

impl Srfake {
    /// A registry of one's own on a free port, plain and open to everybody.
    pub fn start() -> Result<Self, Failure> {
        Self::start_with(&SrfakeOptions::default())
    }

    /// A registry of one's own that is reached in another way.
    pub fn start_with(options: &SrfakeOptions) -> Result<Self, Failure> {
        let mut service = Service::start("srfake", |directory| command(options, directory))?;
        let file = service.directory().join("addresses");
        let addresses = service.wait_until(|| fs::read_to_string(&file).ok())?;
        let (registry, door) = addresses
            .trim_end()
            .split_once('\n')
            .ok_or_else(|| Failure::new(format!("srfake wrote no two addresses: {addresses}")))?;
        let scheme = if options.tls == Tls::Off { "http" } else { "https" };
        let base_url = format!("{scheme}://{registry}{}", options.base_path);
        Ok(Self { service, base_url, door: Http::new(&format!("http://{door}")) })
    }

    /// Scheme, address and base path, without a final slash.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// PEM file of the authority that signed the registry's certificate; there is one when TLS is on.
    pub fn ca(&self) -> PathBuf {
        self.service.directory().join("ca.pem")
    }

    /// PEM files of a client's certificate and its key; there are some when TLS is on.
    pub fn client_certificate(&self) -> (PathBuf, PathBuf) {
        let directory = self.service.directory();
        (directory.join("client.pem"), directory.join("client-key.pem"))
    }

    /// Registers a schema; the same text again gets the same id.
    pub fn register(
        &self,
        subject: &str,
        kind: SchemaKind,
        schema: &str,
        references: &[Reference<'_>],
    ) -> Result<Registered, Failure> {
        let body = registration(kind, schema, references).to_string();
        registered(&self.door.post(&format!("/subjects/{}", encoded(subject)), &[], &body)?)
    }

    /// Puts a schema under an id of the caller's choice; it is an error when the id or the version is taken.
    pub fn seed(
        &self,
        (subject, version): (&str, u32),
        id: u32,
        kind: SchemaKind,
        schema: &str,
        references: &[Reference<'_>],
    ) -> Result<(), Failure> {
        let schema = registration(kind, schema, references);
        let body = json!({"subject": subject, "version": version, "id": id, "schema": schema}).to_string();
        self.door.post("/schemas", &[], &body).map(drop)
    }

    /// Adds a fault after those that are still to happen.
    pub fn fail(&self, fault: &Fault) -> Result<(), Failure> {
        self.door.post("/faults", &[], &fault.json()).map(drop)
    }

    /// Forgets the faults that have not happened yet.
    pub fn heal(&self) -> Result<(), Failure> {
        self.door.delete("/faults").map(drop)
    }

    /// Every request since the start or [`Self::forget_requests`], those that were refused or failed included.
    pub fn requests(&self) -> Result<Vec<Request>, Failure> {
        let answer = self.door.get("/requests")?;
        Ok(answer.as_array().into_iter().flatten().map(request).collect())
    }

    /// Forgets the requests so far.
    pub fn forget_requests(&self) -> Result<(), Failure> {
        self.door.delete("/requests").map(drop)
    }

    /// Freezes it: connections stay open and nothing answers until [`Self::resume`].
    pub fn pause(&mut self) -> Result<(), Failure> {
        self.service.signal("STOP")
    }

    /// Lets a paused registry run on.
    pub fn resume(&mut self) -> Result<(), Failure> {
        self.service.signal("CONT")
    }

    /// Ends it for good: connections are refused from now on.
    pub fn kill(&mut self) -> Result<(), Failure> {
        self.service.signal("KILL")?;
        self.service.wait();
        Ok(())
    }
}

fn command(options: &SrfakeOptions, directory: &Path) -> Result<Vec<String>, Failure> {
    let directory = directory.display();
    let mut command = vec![
        part("srfake")?,
        format!("-address-file={directory}/addresses"),
        format!("-base-path={}", options.base_path),
    ];
    if let Some(authorization) = &options.authorization {
        command.push(format!("-authorization={authorization}"));
    }
    if options.tls != Tls::Off {
        command.push(format!("-certificates={directory}"));
        command.push(format!("-client-certificate={}", options.tls == Tls::ClientCertificate));
    }
    Ok(command)
}

fn request(value: &Value) -> Request {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let headers = value["headers"].as_object().into_iter().flatten();
    Request {
        method: text(&value["method"]),
        uri: text(&value["uri"]),
        headers: headers.map(|(name, value)| (name.clone(), text(value))).collect(),
    }
}
