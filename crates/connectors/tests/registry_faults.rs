//! Registries that misbehave, and what stands in front of them: nothing leaks, nothing hangs, and it is said what is wrong.
#![allow(clippy::unwrap_used)]

mod registry_double;

use forebay_connectors::registry::{Patience, RegistryClient};
use forebay_ingest::{
    error::{Error, Kind},
    schema::{SchemaId, Schemas},
};
use forebay_project::model::{AwsAccess, RegistryKind, SchemaRegistry, Text};
use forebay_testkit::registry::{Srfake, SrfakeOptions, Tls};
use registry_double::{
    Double, Reply, client, client_of, fetch, hasty, oauth, refused, registry, settings, text, unavailable,
};
use serde_json::json;
use std::{
    fs,
    time::{Duration, Instant},
};

const SCHEMA: &str = "\"string\"";

/// Asks once, without a second round.
fn once() -> Patience {
    Patience { rounds: 1, connect: Duration::from_secs(2), answer: Duration::from_secs(2), ..hasty() }
}

fn client_with(url: &str, patience: Patience) -> RegistryClient {
    RegistryClient::with_patience(&settings(&registry(url)), None, patience).unwrap()
}

/// What the client says of a registry that gives this answer.
async fn trouble_of(reply: Reply) -> Error {
    let double = Double::start(move |_, _| reply.clone());
    unavailable(fetch(&client_with(&double.url(), once()), 1).await)
}

#[tokio::test]
async fn redirects_within_the_host_are_followed_with_the_credentials() {
    for status in [301, 302, 303, 307, 308] {
        let double = Double::start(move |asked, _| match asked.line.starts_with("GET /moved/") {
            true => Reply::schema(SCHEMA),
            false => {
                let location = format!("http://{}/moved{}", asked.headers["host"], &asked.line[4..]);
                let path = format!("/moved{}", &asked.line[4..]);
                let location = if status % 2 == 0 { path } else { location };
                Reply::new(status, "").header("Location", &location)
            }
        });
        let registry = registry(&format!("http://user:hunter2@{}", double.host()));
        assert_eq!(fetch(&client(&registry, None), 1).await.unwrap().text, SCHEMA);
        let asked = double.asked();
        assert_eq!(asked.len(), 2);
        assert_eq!(asked[0].headers["authorization"], asked[1].headers["authorization"]);
    }
}

#[tokio::test]
async fn other_hosts_get_nothing_by_a_redirect() {
    let stranger = Double::start(|_, _| Reply::schema(SCHEMA));
    for status in [301, 302, 303, 307, 308] {
        let location = format!("http://me:mine@{}/schemas/ids/1", stranger.host());
        let double = Double::start(move |_, _| Reply::new(status, "").header("Location", &location));
        let token = SchemaRegistry { token: Some(Text::literal("t0k3n")), ..registry(&double.url()) };
        let keys = AwsAccess {
            region: Text::literal("eu-central-1"),
            access_key: Some(Text::literal("A")),
            secret_key: Some(Text::literal("hunter2")),
            role_arn: None,
            external_id: None,
        };
        let glue = SchemaRegistry { kind: RegistryKind::Glue, aws: Some(keys), ..registry(&double.url()) };
        for (registry, id) in [(token, SchemaId::Confluent(1)), (glue, SchemaId::Glue([1; 16]))] {
            let client = RegistryClient::with_patience(&settings(&registry), None, once()).unwrap();
            let error = unavailable(client.fetch(id, "").await);
            let expected = format!("schema registry {} redirects to {}", double.url(), stranger.host());
            assert_eq!(error.to_string(), expected);
            assert!(error.hint.unwrap().contains("KAFKA_SCHEMA_REGISTRY_URL"));
        }
    }
    assert!(stranger.asked().is_empty());
}

#[tokio::test]
async fn a_token_server_that_redirects_gets_no_secret_carried_on() {
    let stranger = Double::start(|_, _| Reply::new(200, r#"{"access_token":"t"}"#));
    let location = stranger.url();
    let tokens = Double::start(move |_, _| Reply::new(307, "").header("Location", &location));
    let double = Double::start(|_, _| Reply::schema(SCHEMA));
    let registry = SchemaRegistry { oauth: Some(oauth(&tokens.url())), ..registry(&double.url()) };
    let error = unavailable(fetch(&client(&registry, None), 1).await);
    assert_eq!(error.to_string(), "the token server 127.0.0.1 refused a token with status 307");
    assert!(stranger.asked().is_empty() && double.asked().is_empty());
}

#[tokio::test]
async fn redirects_in_circles_end() {
    let double = Double::start(|asked, _| Reply::new(302, "").header("Location", &asked.line[4..]));
    let error = unavailable(fetch(&client_with(&double.url(), once()), 1).await);
    assert!(error.to_string().ends_with("it redirects in circles"), "{error}");
    assert!(double.asked().len() < 10);
}

#[tokio::test]
async fn what_is_no_answer_of_a_registry_holds_records_back() {
    for body in [
        "<html>log in</html>",
        "[]",
        "{}",
        "7",
        r#"{"schema": 1}"#,
        r#"{"schema": null}"#,
        "",
        "{\"schema\":",
    ] {
        let error = trouble_of(Reply::new(200, body)).await;
        assert_eq!(error.kind, Kind::NotFound, "{body}: {error}");
    }
    for status in [400, 404, 405, 410, 451] {
        let error = trouble_of(Reply::new(status, "not here")).await;
        assert_eq!(error.kind, Kind::NotFound, "{status}: {error}");
    }
}

#[tokio::test]
async fn a_registry_may_refuse_one_id_for_good() {
    for status in [400, 422] {
        let body = json!({"error_code": 42202, "message": "the id is malformed"}).to_string();
        let double = Double::start(move |_, _| Reply::new(status, body.clone()));
        let why = refused(fetch(&client_of(&double.url()), 1).await);
        assert!(why.ends_with(&format!("refuses id 1 with status {status}: the id is malformed")), "{why}");
    }
}

#[tokio::test]
async fn ids_beyond_what_registries_give_are_missing() {
    let double = Double::start(|asked, _| match asked.line.contains("2147483647") {
        true => Reply::unknown_id(),
        false => Reply::new(404, r#"{"error_code":404,"message":"HTTP 404 Not Found"}"#),
    });
    let client = client_of(&double.url());
    for id in [1 << 31, u32::MAX] {
        assert!(refused(fetch(&client, id).await).contains(&format!("has no schema of id {id}")));
    }
}

#[tokio::test]
async fn a_body_that_ends_early_is_asked_for_again() {
    let double = Double::start(|_, before| match before {
        0 => Reply::raw("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"schema\":"),
        1 => Reply::raw("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n8\r\n{\"sch"),
        2 => Reply::raw("nonsense\r\n\r\n"),
        _ => Reply::raw(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n8\r\n{\"schema\r\nb\r\n\":\"string\"}\r\n0\r\n\r\n",
        ),
    });
    assert_eq!(fetch(&client_of(&double.url()), 1).await.unwrap().text, "string");
    assert_eq!(double.asked().len(), 4);
}

/// Gzip of `{"schema":"string"}`, by Python's gzip module.
const GZIPPED: &[u8] = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xab\x56\x2a\x4e\xce\x48\xcd\x4d\x54\xb2\x52\x2a\x2e\x29\xca\xcc\x4b\x57\xaa\x05\x00\x68\x3d\x94\xf2\x13\x00\x00\x00";

fn gzipped(body: &[u8]) -> Reply {
    let head = "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\nconnection: close\r\n\r\n";
    Reply::raw([head.as_bytes(), body].concat())
}

#[tokio::test]
async fn a_compressed_body_is_read() {
    let double = Double::start(|_, _| gzipped(GZIPPED));
    assert_eq!(fetch(&client_of(&double.url()), 1).await.unwrap().text, "string");
}

#[tokio::test]
async fn a_body_without_end_is_cut_off() {
    let large = format!("{{\"schema\":\"{}\"}}", "x".repeat(9 << 20));
    let error = trouble_of(Reply::new(200, large)).await;
    assert_eq!(error.kind, Kind::Unavailable);
    assert!(error.to_string().contains("larger than 8388608 bytes"), "{error}");
}

#[tokio::test]
async fn a_body_that_drips_is_not_waited_for() {
    let patience =
        Patience { answer: Duration::from_millis(300), connect: Duration::from_millis(200), ..once() };
    let double = Double::start(|_, _| Reply::schema(&"x".repeat(1000)).drips(Duration::from_millis(50)));
    let started = Instant::now();
    let error = unavailable(fetch(&client_with(&double.url(), patience), 1).await);
    assert_eq!(error.kind, Kind::Unavailable);
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

#[tokio::test]
async fn retry_after_may_be_a_date() {
    let at = |seconds: i64| jiff::Timestamp::from_second(1_700_000_000 + seconds).unwrap();
    let date = |seconds| at(seconds).strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let (now, later) = (date(0), date(50));
    let double =
        Double::start(move |_, _| Reply::new(429, "").header("Date", &now).header("Retry-After", &later));
    let client = client_of(&double.url());
    unavailable(fetch(&client, 1).await);
    let error = unavailable(fetch(&client, 2).await);
    assert!(error.to_string().contains("asked not to be asked for 50 s more"), "{error}");
    assert_eq!(double.asked().len(), 1);
}

#[tokio::test]
async fn the_first_address_is_asked_first_again_after_a_while() {
    let first =
        Double::start(|_, before| if before == 0 { Reply::new(503, "") } else { Reply::schema("first") });
    let second = Double::start(|_, _| Reply::schema("second"));
    let urls = format!("{},{}", first.url(), second.url());
    let patience = Patience { detour: Duration::from_millis(300), ..hasty() };
    let client = client_with(&urls, patience);
    let started = Instant::now();
    assert_eq!(text(&client, SchemaId::Confluent(1)).await, "second");
    assert_eq!(text(&client, SchemaId::Confluent(2)).await, "second", "no second try so soon");
    assert!(started.elapsed() < Duration::from_millis(300), "else this test says nothing");
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(text(&client, SchemaId::Confluent(3)).await, "first");
    assert_eq!(text(&client, SchemaId::Confluent(4)).await, "first");
}

#[tokio::test]
async fn an_id_that_was_given_anew_wins_over_the_copy() {
    let dir = tempfile::tempdir().unwrap();
    let double = Double::start(|_, before| Reply::schema(&format!("registry {before}")));
    let start = || client(&registry(&double.url()), Some(dir.path()));
    assert_eq!(text(&start(), SchemaId::Confluent(1)).await, "registry 0");
    assert_eq!(text(&start(), SchemaId::Confluent(1)).await, "registry 1");
    let url = double.url();
    drop(double);
    let down = client(&registry(&url), Some(dir.path()));
    assert_eq!(text(&down, SchemaId::Confluent(1)).await, "registry 1");
}

#[tokio::test]
async fn copies_are_taken_while_the_registry_hangs_refuses_or_forgot() {
    let dir = tempfile::tempdir().unwrap();
    let double = Double::start(|_, before| match before {
        0 | 1 => Reply::schema("kept"),
        2 => Reply::unknown_id(),
        3 => Reply::new(401, ""),
        _ => Reply::schema("late").drips(Duration::from_millis(200)),
    });
    let patience = Patience { beside_copy: Duration::from_millis(200), ..hasty() };
    let start = || {
        let settings = settings(&registry(&double.url()));
        RegistryClient::with_patience(&settings, Some(dir.path().to_owned()), patience).unwrap()
    };
    let first = start();
    for id in [1, 2] {
        assert_eq!(text(&first, SchemaId::Confluent(id)).await, "kept");
    }
    assert_eq!(text(&start(), SchemaId::Confluent(1)).await, "kept", "it says that there is no such id");
    assert_eq!(double.asked().len(), 3);
    let refused = start();
    assert_eq!(text(&refused, SchemaId::Confluent(1)).await, "kept");
    let hanging = start();
    let started = Instant::now();
    for id in [1, 2] {
        assert_eq!(text(&hanging, SchemaId::Confluent(id)).await, "kept");
    }
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn what_a_killed_process_left_half_written_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    let left = dir.path().join("0123456789abcdef.1-0.new");
    fs::write(&left, "{\"format\":1").unwrap();
    let double = Double::start(|_, _| Reply::schema(SCHEMA));
    let client = client(&registry(&double.url()), Some(dir.path()));
    fetch(&client, 1).await.unwrap();
    assert!(!left.exists());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_host_that_is_not_there_is_named() {
    let error = unavailable(fetch(&client_with("http://registry.invalid:8081/base/", once()), 1).await);
    assert_eq!(error.fact, "schema registry http://registry.invalid:8081/base cannot be reached");
    assert_eq!(error.kind, Kind::Unavailable);
    assert!(error.detail.is_some());
}

#[tokio::test]
async fn an_address_may_be_ipv6_with_a_path() {
    let double =
        Double::start_at("[::1]:0", |asked, _| match asked.line.starts_with("GET /base/schemas/ids/1") {
            true => Reply::schema(SCHEMA),
            false => Reply::unknown_id(),
        });
    let client = client_of(&format!("http://us%3Aer:p%40ss%2F@{}/base/", double.host()));
    assert_eq!(fetch(&client, 1).await.unwrap().text, SCHEMA);
    assert_eq!(double.asked()[0].headers["authorization"], "Basic dXM6ZXI6cEBzcy8=");
    assert_eq!(double.asked()[0].headers["host"], double.host());
}

#[tokio::test]
async fn tls_and_plain_text_that_meet_are_told_apart() {
    let tls = Srfake::start_with(&SrfakeOptions { tls: Tls::On, ..SrfakeOptions::default() }).unwrap();
    let plain = tls.base_url().replace("https://", "http://");
    let error = unavailable(fetch(&client_with(&plain, once()), 1).await);
    assert_eq!(error.kind, Kind::NotFound, "records wait: {error}");
    assert!(error.hint.unwrap().contains("KAFKA_SCHEMA_REGISTRY_URL"));
    let plain = Srfake::start().unwrap();
    let encrypted = plain.base_url().replace("http://", "https://");
    let error = unavailable(fetch(&client_with(&encrypted, once()), 1).await);
    assert_eq!(error.kind, Kind::Unavailable);
    assert_eq!(error.detail.unwrap(), "it does not speak TLS there: http:// instead of https://?");
}
