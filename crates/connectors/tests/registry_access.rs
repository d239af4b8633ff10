//! How the registry client says who it is, and that nobody else learns of it.
#![allow(clippy::unwrap_used)]

mod registry_double;

use forebay_connectors::registry::{RegistryClient, RegistrySettings, SettingsError};
use forebay_ingest::{
    error::Kind,
    schema::{SchemaId, SchemaKind, Schemas},
};
use forebay_project::model::{AwsAccess, OauthClient, RegistryKind, SchemaRegistry, Text, TextPiece};
use registry_double::{
    Asked, Double, Reply, client, client_of, fetch, oauth, refused, registry, settings, text, unavailable,
};
use reqsign_core::hash::{hex_hmac_sha256, hex_sha256, hmac_sha256};
use serde_json::json;

const SCHEMA: &str = "\"string\"";

fn literal(text: &str) -> Option<Text> {
    Some(Text::literal(text))
}

fn authorization(asked: &Asked) -> &str {
    asked.headers.get("authorization").map_or("", String::as_str)
}

#[tokio::test]
async fn credentials_come_from_the_address_or_from_directives() {
    let double = Double::start(|_, _| Reply::schema(SCHEMA));
    let url = double.url();
    let in_address = format!("http://us%65r:hunter%32@{}", double.host());
    let user = SchemaRegistry { user: literal("user"), password: literal("hunter2"), ..registry(&url) };
    let token = SchemaRegistry { token: literal("t0k3n"), ..registry(&url) };
    for registry in [registry(&url), registry(&in_address), user, token] {
        fetch(&client(&registry, None), 1).await.unwrap();
    }
    let seen: Vec<String> = double.asked().iter().map(|asked| authorization(asked).to_owned()).collect();
    assert_eq!(seen, ["", "Basic dXNlcjpodW50ZXIy", "Basic dXNlcjpodW50ZXIy", "Bearer t0k3n"]);
    assert!(double.asked()[0].headers["user-agent"].starts_with("forebay/"));
}

#[tokio::test]
async fn a_refusal_names_the_directives_to_look_at() {
    let unauthenticated = Double::start(|_, _| Reply::new(401, ""));
    let error = unavailable(fetch(&client_of(&unauthenticated.url()), 1).await);
    assert_eq!(error.kind, Kind::Authentication);
    assert!(error.hint.unwrap().contains("KAFKA_SCHEMA_REGISTRY_USER"));
    let forbidden = Double::start(|_, _| Reply::new(403, r#"{"error_code":40301,"message":"no rights"}"#));
    let registry = SchemaRegistry { token: literal("t0k3n"), ..registry(&forbidden.url()) };
    let error = unavailable(fetch(&client(&registry, None), 1).await);
    assert_eq!(error.kind, Kind::Authorization);
    let expected = format!("schema registry {} refuses access (status 403): no rights", forbidden.url());
    assert_eq!(error.to_string(), expected);
    assert!(error.hint.unwrap().contains("KAFKA_SCHEMA_REGISTRY_TOKEN"));
    assert_eq!(forbidden.asked().len(), 1, "a refusal is not asked for again");
}

#[tokio::test]
async fn secrets_are_in_no_error_and_no_debug_text() {
    let echo = |asked: &Asked, status| {
        let body = format!("you sent {} hunter2 and t0k3n", authorization(asked));
        Reply::new(status, json!({"error_code": 40403, "message": body}).to_string())
    };
    for status in [400, 401, 403, 404, 422, 500] {
        let double = Double::start(move |asked, _| echo(asked, status));
        let basic = registry(&format!("http://user:hunter2@{}", double.host()));
        let bearer = SchemaRegistry { token: literal("t0k3n"), ..registry(&double.url()) };
        let user =
            SchemaRegistry { user: literal("user"), password: literal("hunter2"), ..registry(&double.url()) };
        for (registry, secret) in [(basic, "hunter2"), (bearer, "t0k3n"), (user, "hunter2")] {
            let settings = settings(&registry);
            let client = client(&registry, None);
            let shown =
                format!("{settings:?} {client:?} {} {:?}", client.describe(), fetch(&client, 1).await);
            assert!(!shown.contains(secret) && !shown.contains("dXNlcjpodW50ZXIy"), "{shown}");
        }
    }
}

#[tokio::test]
async fn long_answers_are_cut_behind_the_secrets() {
    let message = format!("{}hunter2", "x".repeat(296));
    let body = json!({"error_code": 42201, "message": message}).to_string();
    let double = Double::start(move |_, _| Reply::new(422, body.clone()));
    let registry = registry(&format!("http://user:hunter2@{}", double.host()));
    let why = refused(fetch(&client(&registry, None), 1).await);
    assert!(why.ends_with("xxx***"), "{why}");
}

fn token(value: &str, expires_in: &serde_json::Value) -> Reply {
    Reply::new(
        200,
        json!({"access_token": value, "token_type": "Bearer", "expires_in": expires_in}).to_string(),
    )
}

#[tokio::test]
async fn oauth_tokens_are_asked_for_once_and_sent_with_their_headers() {
    let tokens = Double::start(|_, before| token(&format!("t{before}"), &json!("3600")));
    let double = Double::start(|_, _| Reply::schema(SCHEMA));
    let oauth = OauthClient {
        client_id: Text::literal("cl:ent"),
        scope: literal("a/b c"),
        ..oauth(&format!("{}/token", tokens.url()))
    };
    let headed = confluent_cloud(&double.url());
    let client = client(&SchemaRegistry { oauth: Some(oauth), ..headed }, None);
    for id in 1..=2 {
        fetch(&client, id).await.unwrap();
    }
    let [asked] = &tokens.asked()[..] else { panic!("asked for one token") };
    assert_eq!(asked.line, "POST /token");
    assert_eq!(asked.body, "grant_type=client_credentials&scope=a%2Fb%20c");
    assert_eq!(authorization(asked), "Basic Y2wlM0FlbnQ6aHVudGVyMg==", "RFC 6749 encodes before it joins");
    let headers = &double.asked()[1].headers;
    assert_eq!(headers["authorization"], "Bearer t0");
    assert_eq!(headers["target-sr-cluster"], "lsrc-1");
    assert_eq!(headers["confluent-identity-pool-id"], "pool-1");
}

/// A registry of Confluent Cloud, but for the token.
fn confluent_cloud(url: &str) -> SchemaRegistry {
    SchemaRegistry {
        logical_cluster: literal("lsrc-1"),
        identity_pool_id: literal("pool-1"),
        ..registry(url)
    }
}

#[tokio::test]
async fn a_token_of_ones_own_is_sent_with_the_same_headers() {
    let double = Double::start(|_, _| Reply::schema(SCHEMA));
    let registry = SchemaRegistry { token: literal("t0k3n"), ..confluent_cloud(&double.url()) };
    fetch(&client(&registry, None), 1).await.unwrap();
    let headers = &double.asked()[0].headers;
    assert_eq!(headers["authorization"], "Bearer t0k3n");
    assert_eq!(headers["target-sr-cluster"], "lsrc-1");
    assert_eq!(headers["confluent-identity-pool-id"], "pool-1");
}

#[tokio::test]
async fn an_oauth_token_that_is_refused_is_renewed_once() {
    let tokens = Double::start(|_, before| token(&format!("t{before}"), &json!(3600)));
    let double = Double::start(|asked, _| match authorization(asked) {
        "Bearer t1" => Reply::schema(SCHEMA),
        _ => Reply::new(401, ""),
    });
    let registry = SchemaRegistry { oauth: Some(oauth(&tokens.url())), ..registry(&double.url()) };
    fetch(&client(&registry, None), 1).await.unwrap();
    let other = client(&registry, None);
    let error = unavailable(fetch(&other, 1).await);
    assert_eq!(error.kind, Kind::Authentication);
    assert_eq!((tokens.asked().len(), double.asked().len()), (4, 4));
}

#[tokio::test]
async fn an_oauth_token_is_renewed_before_it_expires() {
    let tokens = Double::start(|_, before| token(&format!("t{before}"), &json!(0)));
    let double = Double::start(|_, _| Reply::schema(SCHEMA));
    let client =
        client(&SchemaRegistry { oauth: Some(oauth(&tokens.url())), ..registry(&double.url()) }, None);
    for id in 1..=2 {
        fetch(&client, id).await.unwrap();
    }
    assert_eq!(tokens.asked().len(), 2);
}

#[tokio::test]
async fn a_token_server_that_refuses_or_fails_is_named() {
    let double = Double::start(|_, _| Reply::schema(SCHEMA));
    let ask = async |reply: Reply| {
        let tokens = Double::start(move |_, _| reply.clone());
        let client =
            client(&SchemaRegistry { oauth: Some(oauth(&tokens.url())), ..registry(&double.url()) }, None);
        (unavailable(fetch(&client, 1).await), tokens.asked().len())
    };
    let refusal = json!({"error": "invalid_client", "error_description": "wrong secret hunter2"}).to_string();
    let (error, asked) = ask(Reply::new(401, refusal)).await;
    assert_eq!((error.kind, asked), (Kind::Authentication, 1));
    let expected =
        "the token server 127.0.0.1 refused a token with status 401: invalid_client: wrong secret ***";
    assert_eq!(error.to_string(), expected);
    assert!(error.hint.unwrap().contains("KAFKA_SCHEMA_REGISTRY_OAUTH_TOKEN_URL"));
    let (error, asked) = ask(Reply::new(503, "")).await;
    assert_eq!((error.kind, asked), (Kind::Unavailable, 4));
    assert_eq!(ask(Reply::new(200, "{}")).await.0.kind, Kind::Unavailable);
    assert!(double.asked().is_empty());
}

#[test]
fn settings_that_cannot_be_used_are_named() {
    let secret = Text { pieces: vec![TextPiece::Secret { name: "SR_TOKEN".to_owned(), default: None }] };
    let broken = [
        SchemaRegistry { url: None, ..registry("") },
        registry("registry:8081"),
        registry("http://r/subjects/s/versions/zero"),
        SchemaRegistry { token: Some(secret), ..registry("http://r") },
        SchemaRegistry { certificate_pem: literal("x"), ..registry("https://r") },
    ];
    let shown =
        broken.map(|registry| match RegistrySettings::resolve("flights", &registry, |_| None).unwrap_err() {
            SettingsError::MissingSecret(missing) => missing.to_string(),
            SettingsError::Invalid(error) => error.to_string(),
        });
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn certificates_that_cannot_be_read_are_named() {
    let broken = [
        SchemaRegistry { ca_pem: literal("no certificate"), ..registry("https://r") },
        SchemaRegistry {
            certificate_pem: literal("x"),
            private_key_pem: literal("hunter2"),
            ..registry("https://r")
        },
    ];
    let shown =
        broken.map(|registry| RegistryClient::new(&settings(&registry), None).unwrap_err().to_string());
    let expected = [
        "schema registry: KAFKA_SCHEMA_REGISTRY_CA_PEM holds no certificate",
        "schema registry: KAFKA_SCHEMA_REGISTRY_CERTIFICATE_PEM holds no certificate",
    ];
    assert_eq!(shown, expected);
}

fn glue(url: Option<&str>) -> SchemaRegistry {
    let aws = AwsAccess {
        region: Text::literal("eu-central-1"),
        access_key: literal("AKIDEXAMPLE"),
        secret_key: literal("hunter2"),
        role_arn: None,
        external_id: None,
    };
    SchemaRegistry { kind: RegistryKind::Glue, url: url.map(Text::literal), aws: Some(aws), ..registry("") }
}

const UUID: [u8; 16] = *b"\x89\x79\x1c\x0a\x55\x2e\x4c\x9d\x91\x1d\x00\xf1\x0e\x8b\x7d\x60";

#[tokio::test]
async fn glue_is_asked_by_version_id_with_a_signature() {
    let version = json!({"SchemaDefinition": SCHEMA, "DataFormat": "AVRO", "VersionNumber": 3, "Status": "AVAILABLE",
        "SchemaArn": "arn:aws:glue:eu-central-1:123456789012:schema/default-registry/flights"});
    let double = Double::start(move |_, _| Reply::new(200, version.to_string()));
    let client = client(&glue(Some(&double.url())), None);
    let schema = client.fetch(SchemaId::Glue(UUID), "flights-value").await.unwrap();
    assert_eq!((schema.kind, schema.text.as_str()), (SchemaKind::Avro, SCHEMA));
    assert_eq!(schema.origin.as_deref(), Some("default-registry/flights, version 3"));
    let [asked] = &double.asked()[..] else { panic!("asked once") };
    assert_eq!(asked.line, "POST /");
    assert_eq!(asked.body, r#"{"SchemaVersionId":"89791c0a-552e-4c9d-911d-00f10e8b7d60"}"#);
    assert_eq!(asked.headers["x-amz-target"], "AWSGlue.GetSchemaVersion");
    assert_eq!(asked.headers["content-type"], "application/x-amz-json-1.1");
    assert_eq!(authorization(asked), expected_signature(asked));
}

/// Source: AWS General Reference, "Create a signed AWS API request".
fn expected_signature(asked: &Asked) -> String {
    let date = &asked.headers["x-amz-date"];
    let names = ["content-type", "host", "x-amz-content-sha256", "x-amz-date", "x-amz-target"];
    let headers = names.map(|name| format!("{name}:{}\n", asked.headers[name])).concat();
    let names = names.join(";");
    let request = format!("POST\n/\n\n{headers}\n{names}\n{}", hex_sha256(asked.body.as_bytes()));
    let scope = format!("{}/eu-central-1/glue/aws4_request", &date[..8]);
    let to_sign = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", hex_sha256(request.as_bytes()));
    let parts = [&date[..8], "eu-central-1", "glue", "aws4_request"];
    let key = parts.iter().fold(b"AWS4hunter2".to_vec(), |key, part| hmac_sha256(&key, part.as_bytes()));
    let signature = hex_hmac_sha256(&key, to_sign.as_bytes());
    format!("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/{scope}, SignedHeaders={names}, Signature={signature}")
}

#[tokio::test]
async fn glue_says_what_is_wrong_in_the_body() {
    let ask = async |kind: &'static str| {
        let body = json!({"__type": format!("com.amazonaws.glue#{kind}"), "Message": "so it is"}).to_string();
        let double = Double::start(move |_, _| Reply::new(400, body.clone()));
        let answer = client(&glue(Some(&double.url())), None).fetch(SchemaId::Glue(UUID), "").await;
        (answer, double.asked().len())
    };
    assert!(refused(ask("EntityNotFoundException").await.0).contains("has no schema of id 89791c0a-"));
    assert!(refused(ask("InvalidInputException").await.0).contains("refuses id 89791c0a-"));
    for (kind, expected) in [
        ("AccessDeniedException", Kind::Authorization),
        ("UnrecognizedClientException", Kind::Authentication),
        ("ExpiredTokenException", Kind::Authentication),
    ] {
        let (answer, asked) = ask(kind).await;
        assert_eq!((unavailable(answer).kind, asked), (expected, 1), "{kind}");
    }
    let (answer, asked) = ask("ThrottlingException").await;
    assert_eq!((unavailable(answer).kind, asked), (Kind::Unavailable, 4));
}

#[test]
fn glue_has_an_address_in_every_region() {
    let client = RegistryClient::new(&settings(&glue(None)), None).unwrap();
    assert_eq!(client.describe(), "AWS Glue schema registry https://glue.eu-central-1.amazonaws.com");
}

#[tokio::test]
async fn azure_tells_the_language_in_the_content_type() {
    let tokens = Double::start(|_, _| token("t", &json!(3600)));
    for (content_type, kind) in [
        ("application/json; serialization=Avro", SchemaKind::Avro),
        ("application/json; serialization=Json", SchemaKind::Json),
        ("application/octet-stream", SchemaKind::Avro),
        ("text/vnd.ms.protobuf", SchemaKind::Protobuf),
    ] {
        let double = Double::start(move |_, _| {
            let reply = Reply::new(200, SCHEMA).header("content-type", content_type);
            reply.header("schema-group-name", "g").header("schema-name", "s").header("schema-version", "2")
        });
        let registry = SchemaRegistry {
            kind: RegistryKind::Azure,
            oauth: Some(oauth(&tokens.url())),
            ..registry(&double.url())
        };
        let schema = client(&registry, None).fetch(SchemaId::Azure(UUID), "").await.unwrap();
        assert_eq!((schema.kind, schema.origin.as_deref()), (kind, Some("g/s, version 2")));
        let expected = "GET /$schemaGroups/$schemas/89791c0a552e4c9d911d00f10e8b7d60?api-version=2022-10";
        assert_eq!(double.lines(), [expected]);
    }
    let expected = "grant_type=client_credentials&scope=https%3A%2F%2Feventhubs.azure.net%2F.default";
    assert_eq!(tokens.asked()[0].body, expected);
}

#[tokio::test]
async fn configured_schemas_of_glue_and_azure_are_named_in_the_address() {
    let glue_version = json!({"SchemaDefinition": "latest", "DataFormat": "PROTOBUF"}).to_string();
    let double = Double::start(move |_, _| Reply::new(200, glue_version.clone()));
    let registry = glue(Some(&format!("{}/subjects/team%2Fflights", double.url())));
    assert_eq!(text(&client(&registry, None), SchemaId::Configured).await, "latest");
    let expected = json!({"SchemaId": {"RegistryName": "team", "SchemaName": "flights"}, "SchemaVersionNumber": {"LatestVersion": true}});
    let asked: serde_json::Value = serde_json::from_str(&double.asked()[0].body).unwrap();
    assert_eq!(asked, expected);
    let double = Double::start(|_, _| Reply::new(200, SCHEMA));
    let url = format!("{}/schemas/ids/89791c0a552e4c9d911d00f10e8b7d60", double.url());
    let registry = SchemaRegistry { kind: RegistryKind::Azure, ..registry_double::registry(&url) };
    assert_eq!(text(&client(&registry, None), SchemaId::Configured).await, SCHEMA);
}
