use super::http::Http;
use super::oidc::Oidc;
use super::service::{Service, part};
use super::{Reference, Registered, register_as, registration};
use crate::Failure;
use crate::ports::Port;
use forebay_ingest::schema::SchemaKind;
use std::path::Path;
use std::sync::OnceLock;

/// Apicurio Registry with everything in memory, reached through its Confluent-compatible API.
///
/// Unlike [`super::Srfake`] it looks into what it is given: a broken schema or reference is refused, Avro text comes back with
/// other spaces, and a JSON Schema must name its `$schema`. It knows no GUIDs.
pub struct Apicurio {
    base_url: String,
    http: Http,
    authorization: Option<String>,
    _service: Service,
    _ports: [Port; 2],
}

impl Apicurio {
    /// The registry that the tests of this process share; subjects must be [`crate::unique`].
    ///
    /// # Panics
    /// When it cannot be started; the text says what to do.
    pub fn shared() -> &'static Self {
        static REGISTRY: OnceLock<Apicurio> = OnceLock::new();
        REGISTRY.get_or_init(|| Self::start(None).unwrap_or_else(|failure| panic!("{failure}")))
    }

    /// A shared registry that lets in bearers of the tokens of [`Oidc::shared`]'s issuer [`Self::ISSUER`], and whoever can get
    /// one with a user name and password sent as Basic: that OAuth server takes any.
    ///
    /// # Panics
    /// When it cannot be started; the text says what to do.
    pub fn shared_with_oidc() -> &'static Self {
        static REGISTRY: OnceLock<Apicurio> = OnceLock::new();
        REGISTRY
            .get_or_init(|| Self::start(Some(Oidc::shared())).unwrap_or_else(|failure| panic!("{failure}")))
    }

    /// The issuer that [`Self::shared_with_oidc`] trusts.
    pub const ISSUER: &'static str = "registry";

    /// Where clients reach its Confluent-compatible API, without a final slash.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Registers a schema; the same text again gets the same id.
    pub fn register(
        &self,
        subject: &str,
        kind: SchemaKind,
        schema: &str,
        references: &[Reference<'_>],
    ) -> Result<Registered, Failure> {
        let registration = registration(kind, schema, references);
        register_as(self.authorization.as_deref(), &self.http, subject, &registration)
    }

    fn start(oidc: Option<&Oidc>) -> Result<Self, Failure> {
        let ports = [Port::pick("Apicurio")?, Port::pick("Apicurio")?];
        let mut service = Service::start("apicurio", |directory| command(&ports, oidc, directory))?;
        service.wait_for(&format!("http://{}", ports[1].address()), "/health/ready")?;
        let authorization =
            oidc.map(|oidc| oidc.token(Self::ISSUER)).transpose()?.map(|token| format!("Bearer {token}"));
        let base_url = format!("http://{}/apis/ccompat/v7", ports[0].address());
        Ok(Self { http: Http::new(&base_url), base_url, authorization, _service: service, _ports: ports })
    }
}

fn command(ports: &[Port; 2], oidc: Option<&Oidc>, directory: &Path) -> Result<Vec<String>, Failure> {
    let [port, management] = ports;
    let mut command = vec![
        part("java")?,
        "-Xmx512m".to_owned(),
        "-XX:+UseSerialGC".to_owned(),
        "-XX:TieredStopAtLevel=1".to_owned(),
        format!("-Djava.io.tmpdir={}", directory.display()),
        "-Dquarkus.http.host=127.0.0.1".to_owned(),
        format!("-Dquarkus.http.port={port}"),
        // Without these two it would open another port, to everybody.
        "-Dquarkus.management.host=127.0.0.1".to_owned(),
        format!("-Dquarkus.management.port={management}"),
    ];
    if let Some(oidc) = oidc {
        let issuer = oidc.issuer_url(Apicurio::ISSUER);
        command.extend([
            "-Dquarkus.oidc.tenant-enabled=true".to_owned(),
            format!("-Dquarkus.oidc.auth-server-url={issuer}"),
            format!("-Dquarkus.oidc.token-path={issuer}/token"),
            "-Dquarkus.oidc.client-id=registry-api".to_owned(),
            "-Dapicurio.authn.basic-client-credentials.enabled=true".to_owned(),
        ]);
    }
    command.extend(["-jar".to_owned(), format!("{}/quarkus-run.jar", part("apicurio")?)]);
    Ok(command)
}
