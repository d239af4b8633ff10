use super::http::Http;
use super::service::{Service, part};
use crate::Failure;
use crate::kafka::java;
use crate::ports::Port;
use std::sync::OnceLock;

/// Gives issuer `brief` tokens of two seconds; every other issuer's live for an hour.
const SETTINGS: &str = r#"{"interactiveLogin":false,"tokenCallbacks":[{"issuerId":"brief","tokenExpiry":2,"requestMappings":[{"requestParam":"grant_type","match":"*","claims":{"sub":"brief","aud":["brief"]}}]}]}"#;

/// An OAuth server with any number of issuers, each made when it is first asked for. It takes every client id and secret.
pub struct Oidc {
    base_url: String,
    http: Http,
    _service: Service,
    _port: Port,
}

impl Oidc {
    /// The issuer whose tokens expire after two seconds.
    pub const BRIEF: &'static str = "brief";

    /// The server that the tests of this process share.
    ///
    /// # Panics
    /// When it cannot be started; the text says what to do.
    pub fn shared() -> &'static Self {
        static SERVER: OnceLock<Oidc> = OnceLock::new();
        SERVER.get_or_init(|| Self::start().unwrap_or_else(|failure| panic!("{failure}")))
    }

    /// `http://127.0.0.1:port`
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// What tokens of this issuer name as theirs; `/.well-known/openid-configuration` and `/jwks` are below it.
    pub fn issuer_url(&self, issuer: &str) -> String {
        format!("{}/{issuer}", self.base_url)
    }

    /// Where clients exchange their credentials for tokens.
    pub fn token_url(&self, issuer: &str) -> String {
        format!("{}/{issuer}/token", self.base_url)
    }

    /// A token for a client called `testkit`.
    pub fn token(&self, issuer: &str) -> Result<String, Failure> {
        // testkit:secret
        let headers = [
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("Authorization", "Basic dGVzdGtpdDpzZWNyZXQ="),
        ];
        let answer = self.http.post(
            &format!("/{issuer}/token"),
            &headers,
            "grant_type=client_credentials&scope=testkit",
        )?;
        let token = answer["access_token"].as_str();
        token
            .map(str::to_owned)
            .ok_or_else(|| Failure::new(format!("issuer {issuer} gave no token: {answer}")))
    }

    fn start() -> Result<Self, Failure> {
        let port = Port::pick("mock-oauth2-server")?;
        let base_url = format!("http://{}", port.address());
        let mut service = Service::start("oidc", |_| {
            Ok(vec![
                "env".to_owned(),
                "SERVER_HOSTNAME=127.0.0.1".to_owned(),
                format!("SERVER_PORT={port}"),
                format!("JSON_CONFIG={SETTINGS}"),
                java("java"),
                "-Xmx128m".to_owned(),
                "-XX:+UseSerialGC".to_owned(),
                "-XX:TieredStopAtLevel=1".to_owned(),
                "-cp".to_owned(),
                format!("{}/*", part("oidc")?),
                "no.nav.security.mock.oauth2.StandaloneMockOAuth2ServerKt".to_owned(),
            ])
        })?;
        service.wait_for(&base_url, "/isalive")?;
        Ok(Self { http: Http::new(&base_url), base_url, _service: service, _port: port })
    }
}
