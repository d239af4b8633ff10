//! Talks to a running server over its HTTP listener.

use crate::{
    exit::{Exit, Failure},
    report::StatusReport,
    server_file::{ServerFile, find_token},
};
use serde::Deserialize;
use std::{io::Read, path::Path, time::Duration};
use ureq::{Agent, Body, http::Response};

/// A server on this machine answers at once, or hangs.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A server that runs and answers.
#[derive(Debug)]
pub(crate) struct Client {
    agent: Agent,
    server: ServerFile,
    token: String,
}

#[derive(Deserialize)]
struct Health {
    pid: u32,
}

#[derive(Deserialize)]
struct ErrorBody {
    error: String,
}

impl Client {
    /// The server of `data_dir`, if one runs: it must answer, and be the one that described itself there.
    pub(crate) fn find(data_dir: &Path) -> Option<Self> {
        let server = ServerFile::find(data_dir)?;
        let token = find_token(data_dir, std::env::var("FOREBAY_TOKEN").ok())?;
        let config = Agent::config_builder()
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .http_status_as_error(false)
            .proxy(None)
            .build();
        let client = Self { agent: config.into(), server, token };
        client.is_alive().then_some(client)
    }

    /// The server of `data_dir`.
    ///
    /// # Errors
    /// When none runs there.
    pub(crate) fn require(data_dir: &Path) -> Result<Self, Failure> {
        Self::find(data_dir).ok_or_else(|| {
            Failure::new(
                Exit::Environment,
                format!("no server runs on data directory {}", data_dir.display()),
            )
            .hint("start one with `forebay start`, or name its directory with --data-dir")
        })
    }

    /// What the server does now.
    pub(crate) fn status(&self) -> Result<StatusReport, Failure> {
        let response = self.agent.get(self.url("/v0/status")).header("Authorization", self.bearer()).call();
        let mut response = self.accept(response)?;
        let text = response.body_mut().read_to_string().map_err(|error| self.went_away(&error))?;
        serde_json::from_str(&text).map_err(|error| {
            Failure::new(
                Exit::Environment,
                format!("the server at {} speaks another version: {error}", self.server.address),
            )
            .hint("use the same version of forebay for both")
        })
    }

    /// Runs a query; the answer is in `format` unless the query names one.
    pub(crate) fn query(&self, sql: &str, format: &str) -> Result<impl Read + use<>, Failure> {
        let request = self.agent.post(self.url("/v0/sql")).query("default_format", format);
        let response = request
            .header("Authorization", self.bearer())
            .header("Content-Type", "text/plain; charset=utf-8")
            .send(sql);
        Ok(self.accept(response)?.into_body().into_reader())
    }

    fn is_alive(&self) -> bool {
        let response = self.agent.get(self.url("/health")).call();
        let body = response.ok().and_then(|mut response| response.body_mut().read_to_string().ok());
        let health = body.and_then(|body| serde_json::from_str::<Health>(&body).ok());
        health.is_some_and(|health| health.pid == self.server.pid)
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.server.address)
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.token)
    }

    fn accept(&self, response: Result<Response<Body>, ureq::Error>) -> Result<Response<Body>, Failure> {
        let mut response = response.map_err(|error| self.went_away(&error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let text = response.body_mut().read_to_string().unwrap_or_default();
        let error = serde_json::from_str::<ErrorBody>(&text).map_or(text, |body| body.error);
        let exit = if status.is_server_error() || status == 401 { Exit::Environment } else { Exit::Errors };
        Err(Failure::new(exit, error))
    }

    fn went_away(&self, error: &ureq::Error) -> Failure {
        Failure::new(Exit::Environment, format!("the server at {} went away: {error}", self.server.address))
            .hint("see what `forebay start` said last")
    }
}
