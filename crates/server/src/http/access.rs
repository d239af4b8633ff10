//! Who may ask: a token for everything under `/v0`, and a guard against web pages that aim at this machine.

use super::error_response;
use axum::{
    extract::{Query, Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::Next,
    response::Response,
};
use serde::Deserialize;
use std::{net::IpAddr, sync::Arc};

/// What a request must bring.
#[derive(Clone)]
pub(super) struct Access {
    token: Arc<str>,
    loopback_only: bool,
}

#[derive(Deserialize)]
struct TokenParameter {
    token: Option<String>,
}

impl Access {
    pub(super) fn new(token: &str, loopback_only: bool) -> Self {
        Self { token: token.into(), loopback_only }
    }
}

/// Lets requests with the token through, in `Authorization: Bearer` or `?token=`.
pub(super) async fn require_token(State(access): State<Access>, request: Request, next: Next) -> Response {
    let given = bearer(request.headers()).or_else(|| token_parameter(&request));
    match given {
        None => error_response(
            StatusCode::UNAUTHORIZED,
            "a token is needed: send `Authorization: Bearer TOKEN`; it is in the file `token` of the data directory",
        ),
        Some(given) if !same(given.as_bytes(), access.token.as_bytes()) => {
            error_response(StatusCode::FORBIDDEN, "the token is not the one of this server")
        }
        Some(_) => next.run(request).await,
    }
}

/// Refuses requests that a browser was tricked into sending here: their `Host` is the name of a foreign site.
pub(super) async fn require_local_host(
    State(access): State<Access>,
    request: Request,
    next: Next,
) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    if access.loopback_only && !host.is_none_or(names_this_machine) {
        return error_response(
            StatusCode::FORBIDDEN,
            "this server answers to localhost only; start it with --listen to open it",
        );
    }
    next.run(request).await
}

fn bearer(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
}

fn token_parameter(request: &Request) -> Option<String> {
    Query::<TokenParameter>::try_from_uri(request.uri()).ok()?.0.token
}

/// Takes the same time wherever the first difference is.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

fn names_this_machine(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(""),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_local() {
        for host in ["localhost", "LocalHost:7181", "127.0.0.1:7181", "127.3.2.1", "[::1]:7181", "[::1]"] {
            assert!(names_this_machine(host), "{host}");
        }
        for host in
            ["evil.example", "evil.example:7181", "10.0.0.1:7181", "localhost.evil.example", "", "[::2]"]
        {
            assert!(!names_this_machine(host), "{host}");
        }
    }

    #[test]
    fn tokens_are_compared_whole() {
        assert!(same(b"abc", b"abc"));
        assert!(!same(b"abc", b"abd"));
        assert!(!same(b"abc", b"ab"));
    }
}
