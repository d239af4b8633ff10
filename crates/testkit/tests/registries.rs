//! The registries' handles do what the tests of the other crates rely on.

#![allow(clippy::unwrap_used)]

use forebay_ingest::schema::SchemaKind::{Avro, Json, Protobuf};
use forebay_testkit::registry::{
    Apicurio, Fault, Moto, Oidc, Reference, Srfake, SrfakeOptions, Tls, register,
};
use forebay_testkit::unique;
use serde_json::{Value, json};
use std::fs;
use std::time::{Duration, Instant};
use ureq::Agent;
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};

const INT: &str = r#"{"type":"record","name":"R","fields":[{"name":"a","type":"int"}]}"#;

/// The status and the body of an answer, or why there is none.
fn ask(
    agent: &Agent,
    url: &str,
    headers: &[(&str, &str)],
    body: Option<&str>,
) -> Result<(u16, String), ureq::Error> {
    let mut request =
        ureq::http::Request::builder().method(if body.is_some() { "POST" } else { "GET" }).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut answer = agent.run(request.body(body.unwrap_or_default().to_owned())?)?;
    Ok((answer.status().as_u16(), answer.body_mut().read_to_string()?))
}

fn agent(tls: TlsConfig) -> Agent {
    Agent::config_builder().http_status_as_error(false).proxy(None).tls_config(tls).build().into()
}

fn get_with(url: &str, headers: &[(&str, &str)]) -> (u16, String) {
    ask(&agent(TlsConfig::default()), url, headers, None).unwrap()
}

fn post(url: &str, headers: &[(&str, &str)], body: &str) -> (u16, String) {
    ask(&agent(TlsConfig::default()), url, headers, Some(body)).unwrap()
}

fn get(url: &str) -> (u16, String) {
    get_with(url, &[])
}

fn schema_of(url: &str) -> String {
    let answer: Value = serde_json::from_str(&get(url).1).unwrap();
    answer["schema"].as_str().unwrap().to_owned()
}

#[test]
fn srfake_gives_ids_from_one_and_guids() {
    let registry = Srfake::start().unwrap();
    let first = registry.register("a-value", Avro, INT, &[]).unwrap();
    assert_eq!((first.id, first.version), (1, Some(1)));
    assert_eq!(registry.register("b-value", Avro, INT, &[]).unwrap().id, 1);
    assert_eq!(registry.register("b-value", Protobuf, "syntax = \"proto3\";", &[]).unwrap().id, 2);
    assert_eq!(schema_of(&format!("{}/schemas/ids/1", registry.base_url())), INT);
    assert_eq!(schema_of(&format!("{}/schemas/guids/{}", registry.base_url(), first.guid.unwrap())), INT);
    assert_eq!(register(registry.base_url(), "c-value", Avro, INT, &[]).unwrap().id, 1);
}

#[test]
fn seeded_schema_has_the_id_of_choice_and_its_references() {
    let registry = Srfake::start().unwrap();
    registry.seed(("inner", 1), 7, Json, "{}", &[]).unwrap();
    let reference = Reference { name: "inner.json", subject: "inner", version: 1 };
    registry.seed(("outer-value", 3), 4_000_000, Json, r#"{"$ref":"inner.json"}"#, &[reference]).unwrap();
    let (_, body) = get(&format!("{}/schemas/ids/4000000", registry.base_url()));
    let answer: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(answer["references"], json!([{"name": "inner.json", "subject": "inner", "version": 1}]));
    assert!(registry.seed(("other", 1), 7, Json, "{}", &[]).is_err());
}

#[test]
fn faults_happen_in_order_and_requests_are_remembered() {
    let registry = Srfake::start().unwrap();
    registry.register("a", Avro, INT, &[]).unwrap();
    registry.fail(&Fault::status(503).times(2).path("/schemas/ids/").header("Retry-After", "1")).unwrap();
    registry.fail(&Fault::status(404).body("gone")).unwrap();
    let url = format!("{}/schemas/ids/1", registry.base_url());
    assert_eq!(get(&format!("{}/subjects", registry.base_url())), (404, "gone".to_owned()));
    assert_eq!([get(&url).0, get(&url).0, get(&url).0], [503, 503, 200]);
    let requests = registry.requests().unwrap();
    assert_eq!(requests.len(), 4);
    assert_eq!((requests[1].method.as_str(), requests[1].uri.as_str()), ("GET", "/schemas/ids/1"));
    assert!(requests[1].headers.contains_key("user-agent"));
    registry.forget_requests().unwrap();
    assert_eq!(registry.requests().unwrap(), []);
    registry.fail(&Fault::status(500).times(100)).unwrap();
    registry.heal().unwrap();
    assert_eq!(get(&url).0, 200);
}

#[test]
fn late_answer_is_right() {
    let registry = Srfake::start().unwrap();
    registry.register("a", Avro, INT, &[]).unwrap();
    registry.fail(&Fault::delay(Duration::from_millis(300))).unwrap();
    let started = Instant::now();
    assert_eq!(schema_of(&format!("{}/schemas/ids/1", registry.base_url())), INT);
    assert!(started.elapsed() >= Duration::from_millis(300));
}

#[test]
fn only_the_right_authorization_is_let_in() {
    let options = SrfakeOptions {
        authorization: Some("Basic dXNlcjpwYXNz".to_owned()),
        base_path: "/apis/ccompat/v7".to_owned(),
        ..SrfakeOptions::default()
    };
    let registry = Srfake::start_with(&options).unwrap();
    registry.register("a", Avro, INT, &[]).unwrap();
    let url = format!("{}/schemas/ids/1", registry.base_url());
    assert!(url.contains("/apis/ccompat/v7/schemas"));
    assert_eq!(get(&url).0, 401);
    assert_eq!(get_with(&url, &[("Authorization", "Basic d3Jvbmc6cGFzcw==")]).0, 403);
    assert_eq!(get_with(&url, &[("Authorization", "Basic dXNlcjpwYXNz")]).0, 200);
}

#[test]
fn tls_needs_the_authority_and_the_client_certificate() {
    let registry =
        Srfake::start_with(&SrfakeOptions { tls: Tls::ClientCertificate, ..SrfakeOptions::default() })
            .unwrap();
    let url = format!("{}/subjects", registry.base_url());
    let (certificate, key) = registry.client_certificate();
    let authority = [Certificate::from_pem(&fs::read(registry.ca()).unwrap()).unwrap()];
    let certificate = [Certificate::from_pem(&fs::read(certificate).unwrap()).unwrap()];
    let key = PrivateKey::from_pem(&fs::read(key).unwrap()).unwrap();
    let trusting = || TlsConfig::builder().root_certs(RootCerts::new_with_certs(&authority));
    let known = trusting().client_cert(Some(ClientCert::new_with_certs(&certificate, key))).build();
    assert!(ask(&agent(TlsConfig::default()), &url, &[], None).is_err());
    assert!(ask(&agent(trusting().build()), &url, &[], None).is_err());
    assert_eq!(ask(&agent(known), &url, &[], None).unwrap().0, 200);
}

#[test]
fn killed_registry_refuses_connections() {
    let mut registry = Srfake::start().unwrap();
    let url = format!("{}/subjects", registry.base_url());
    assert_eq!(get(&url).0, 200);
    registry.kill().unwrap();
    assert!(ask(&agent(TlsConfig::default()), &url, &[], None).is_err());
}

#[test]
fn apicurio_keeps_schemas_with_references() {
    let registry = Apicurio::shared();
    let address = unique("address");
    registry.register(&address, Avro, &INT.replace('R', "Address"), &[]).unwrap();
    let person = r#"{"type":"record","name":"Person","fields":[{"name":"home","type":"Address"}]}"#;
    let reference = Reference { name: "Address", subject: &address, version: 1 };
    let id = registry.register(&unique("person"), Avro, person, &[reference]).unwrap().id;
    let (status, body) = get(&format!("{}/schemas/ids/{id}", registry.base_url()));
    assert_eq!(status, 200);
    let answer: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(answer["references"][0]["subject"], address.as_str());
    assert!(registry.register(&unique("broken"), Avro, "no schema", &[]).is_err());
}

#[test]
fn apicurio_with_oidc_lets_bearers_in() {
    let registry = Apicurio::shared_with_oidc();
    let id = registry.register(&unique("flight"), Avro, INT, &[]).unwrap().id;
    let url = format!("{}/schemas/ids/{id}", registry.base_url());
    let bearer = format!("Bearer {}", Oidc::shared().token(Apicurio::ISSUER).unwrap());
    assert_eq!(get(&url).0, 401);
    assert_eq!(get_with(&url, &[("Authorization", "Bearer nonsense")]).0, 401);
    assert_eq!(get_with(&url, &[("Authorization", &bearer)]).0, 200);
    // anybody:anything
    assert_eq!(get_with(&url, &[("Authorization", "Basic YW55Ym9keTphbnl0aGluZw==")]).0, 200);
}

#[test]
fn oidc_gives_tokens_of_any_issuer_and_brief_ones() {
    let oidc = Oidc::shared();
    let lifetime = |issuer: &str| {
        let body = "grant_type=client_credentials&scope=kafka";
        let form = ("Content-Type", "application/x-www-form-urlencoded");
        // me:secret
        let client = ("Authorization", "Basic bWU6c2VjcmV0");
        let (status, text) = post(&oidc.token_url(issuer), &[form, client], body);
        assert_eq!(status, 200, "{text}");
        serde_json::from_str::<Value>(&text).unwrap()["expires_in"].as_u64().unwrap()
    };
    assert!(lifetime("kafka") > 3000);
    assert!(lifetime(Oidc::BRIEF) <= 2);
    assert_eq!(get(&format!("{}/jwks", oidc.issuer_url("kafka"))).0, 200);
}

#[test]
fn moto_knows_a_schema_by_its_version_id() {
    let registry = Moto::shared();
    let name = unique("flight");
    let id = registry.register(&name, Avro, INT).unwrap();
    assert_eq!(id.len(), 36);
    assert_ne!(registry.register_version(&name, &INT.replace("int", "long")).unwrap(), id);
    let request = json!({ "SchemaVersionId": id }).to_string();
    let signature =
        "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/glue/aws4_request, SignedHeaders=host, Signature=0";
    let headers = [("X-Amz-Target", "AWSGlue.GetSchemaVersion"), ("Authorization", signature)];
    let (status, body) = post(registry.base_url(), &headers, &request);
    assert_eq!(status, 200, "{body}");
    let answer: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (answer["SchemaDefinition"].as_str(), answer["DataFormat"].as_str()),
        (Some(INT), Some("AVRO"))
    );
}
