//! Where AWS credentials for Glue come from, and that they are got again before they expire.
#![allow(clippy::unwrap_used)]

mod registry_double;

use forebay_connectors::registry::RegistryClient;
use forebay_ingest::{
    error::{Error, Kind},
    schema::{SchemaId, Schemas},
};
use forebay_project::model::{AwsAccess, RegistryKind, SchemaRegistry, Text};
use forebay_testkit::registry::Moto;
use registry_double::{Asked, Double, Reply, hasty, nobody, registry, settings, unavailable};
use serde_json::json;
use std::{collections::HashMap, fs, path::Path};
use tempfile::TempDir;

/// What a signed request tells of its credentials.
#[derive(Debug, PartialEq, Eq)]
struct Signed {
    access_key: String,
    session_token: Option<String>,
    service: String,
}

fn signed(asked: &Asked) -> Signed {
    let scope =
        asked.headers["authorization"].split_once("Credential=").unwrap().1.split(',').next().unwrap();
    let parts: Vec<&str> = scope.split('/').collect();
    Signed {
        access_key: parts[0].to_owned(),
        session_token: asked.headers.get("x-amz-security-token").cloned(),
        service: parts[3].to_owned(),
    }
}

fn with_keys(access_key: &str, session_token: Option<&str>) -> Signed {
    let session_token = session_token.map(str::to_owned);
    Signed { access_key: access_key.to_owned(), session_token, service: "glue".to_owned() }
}

/// A double of Glue that knows every schema.
fn glue() -> Double {
    Double::start(|_, _| {
        Reply::new(200, json!({"SchemaDefinition": "\"int\"", "DataFormat": "AVRO"}).to_string())
    })
}

/// A client of the Glue at `url`, in an environment of these variables.
fn client_in(url: &str, role_arn: Option<&str>, variables: &[(&str, &str)]) -> RegistryClient {
    let aws = AwsAccess {
        region: Text::literal(Moto::REGION),
        access_key: None,
        secret_key: None,
        role_arn: role_arn.map(Text::literal),
        external_id: role_arn.map(|_| Text::literal("outside")),
    };
    let registry = SchemaRegistry { kind: RegistryKind::Glue, aws: Some(aws), ..registry(url) };
    let variables: HashMap<String, String> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    RegistryClient::with_patience(&settings(&registry).with_aws_variables(variables), None, hasty()).unwrap()
}

/// Fetches the schema whose id is made of this number.
async fn fetch(client: &RegistryClient, number: u8) {
    client.fetch(SchemaId::Glue([number; 16]), "").await.unwrap();
}

/// The credentials that a request to Glue is signed with in this environment.
async fn used_in(variables: &[(&str, &str)]) -> Signed {
    let glue = glue();
    fetch(&client_in(&glue.url(), None, variables), 1).await;
    signed(&glue.asked()[0])
}

async fn failure_in(variables: &[(&str, &str)]) -> Error {
    let glue = glue();
    let client = client_in(&glue.url(), None, variables);
    let error = unavailable(client.fetch(SchemaId::Glue([1; 16]), "").await);
    assert!(glue.asked().is_empty());
    assert!(error.fact.contains("no AWS credentials"), "{error}");
    error
}

fn write(dir: &TempDir, name: &str, text: &str) -> String {
    let path = dir.path().join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

const ENVIRONMENT: [(&str, &str); 3] = [
    ("AWS_ACCESS_KEY_ID", "AKIDENVIRONMENT"),
    ("AWS_SECRET_ACCESS_KEY", "hunter2"),
    ("AWS_SESSION_TOKEN", "t0k3n"),
];

#[tokio::test]
async fn keys_of_the_environment_come_first_and_with_their_session_token() {
    let home = tempfile::tempdir().unwrap();
    write(&home, ".aws/credentials", "[default]\naws_access_key_id = A\naws_secret_access_key = B\n");
    let all = [&ENVIRONMENT[..], &[("HOME", home.path().to_str().unwrap())]].concat();
    assert_eq!(used_in(&all).await, with_keys("AKIDENVIRONMENT", Some("t0k3n")));
    assert_eq!(used_in(&ENVIRONMENT[..2]).await, with_keys("AKIDENVIRONMENT", None));
}

#[tokio::test]
async fn keys_of_profiles_are_found_in_both_files_and_in_the_home_directory() {
    let home = tempfile::tempdir().unwrap();
    let text = "[default]\naws_access_key_id = ONE\naws_secret_access_key = x\n\
                [other]\naws_access_key_id = TWO\naws_secret_access_key = x\naws_session_token = t\n";
    let at_home = ("HOME", home.path().to_str().unwrap());
    write(&home, ".aws/credentials", text);
    assert_eq!(used_in(&[at_home]).await, with_keys("ONE", None));
    assert_eq!(used_in(&[at_home, ("AWS_PROFILE", "other")]).await, with_keys("TWO", Some("t")));
    let shared = write(&home, "shared", &text.replace("ONE", "THREE"));
    let shared = ("AWS_SHARED_CREDENTIALS_FILE", shared.as_str());
    assert_eq!(used_in(&[at_home, shared]).await, with_keys("THREE", None));
    let config = "[profile third]\naws_access_key_id = FOUR\naws_secret_access_key = x\n";
    let config = write(&home, "config", config);
    let config = [("AWS_CONFIG_FILE", config.as_str()), ("AWS_PROFILE", "third")];
    assert_eq!(used_in(&config).await, with_keys("FOUR", None));
}

#[tokio::test]
async fn a_profile_that_is_not_there_is_named() {
    let error = failure_in(&[("AWS_PROFILE", "nowhere")]).await;
    assert_eq!(error.kind, Kind::Authentication);
    assert_eq!(error.detail.unwrap(), "AWS profile \"nowhere\" is not there");
}

const ROLE: &str = "arn:aws:iam::123456789012:role/forebay";

/// An answer of the Security Token Service, good for an hour; the access key is filled up to its usual length.
fn session(action: &str, access_key: &str) -> Reply {
    let expiration = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
    let credentials = format!(
        "<Credentials><AccessKeyId>{access_key:X<16}</AccessKeyId><SecretAccessKey>s</SecretAccessKey>\
         <SessionToken>t</SessionToken><Expiration>{expiration}</Expiration></Credentials>"
    );
    Reply::new(
        200,
        format!("<{action}Response><{action}Result>{credentials}</{action}Result></{action}Response>"),
    )
}

#[tokio::test]
async fn a_profile_takes_on_a_role_with_the_keys_of_another() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = Double::start(|_, _| session("AssumeRole", "ASIAROLE"));
    let config = format!(
        "[profile reader]\nrole_arn = {ROLE}\nsource_profile = base\nexternal_id = outside\nrole_session_name = me\n\
         [profile base]\naws_access_key_id = AKIDBASE\naws_secret_access_key = hunter2\n"
    );
    let config = write(&dir, "config", &config);
    let url = tokens.url();
    let variables =
        [("AWS_CONFIG_FILE", &*config), ("AWS_PROFILE", "reader"), ("AWS_ENDPOINT_URL_STS", &url)];
    assert_eq!(used_in(&variables).await, with_keys("ASIAROLEXXXXXXXX", Some("t")));
    let [asked] = &tokens.asked()[..] else { panic!("asked once") };
    assert_eq!((signed(asked).access_key.as_str(), signed(asked).service.as_str()), ("AKIDBASE", "sts"));
    assert_eq!(asked.headers["host"], "sts.us-east-1.amazonaws.com", "as it was signed");
    let question = format!("{} {}", asked.line, asked.body);
    for part in ["Action=AssumeRole", "ExternalId=outside", "RoleSessionName=me", "role%2Fforebay"] {
        assert!(question.contains(part), "{question}");
    }
}

#[tokio::test]
async fn roles_may_be_taken_on_one_through_another_but_not_through_themselves() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = Double::start(|_, before| session("AssumeRole", &format!("ASIA{before}")));
    let config = format!(
        "[profile outer]\nrole_arn = {ROLE}\nsource_profile = inner\n[profile inner]\nrole_arn = {ROLE}\n\
         source_profile = base\n[profile base]\naws_access_key_id = AKIDBASE\naws_secret_access_key = x\n\
         [profile ring]\nrole_arn = {ROLE}\nsource_profile = ring\n\
         [profile poor]\nrole_arn = {ROLE}\ncredential_source = Environment\n"
    );
    let config = write(&dir, "config", &config);
    let url = tokens.url();
    let at = |profile| [("AWS_CONFIG_FILE", &*config), ("AWS_PROFILE", profile), ("AWS_ENDPOINT_URL", &url)];
    let error = failure_in(&at("ring")).await;
    assert_eq!(error.detail.unwrap(), "AWS profile \"ring\" takes on a role through itself");
    let error = failure_in(&at("poor")).await;
    assert!(error.detail.unwrap().contains("credentials that are not there"));
    assert!(tokens.asked().is_empty());
    assert_eq!(used_in(&at("outer")).await, with_keys("ASIA1XXXXXXXXXXX", Some("t")));
    let keys: Vec<String> = tokens.asked().iter().map(|asked| signed(asked).access_key).collect();
    assert_eq!(keys, ["AKIDBASE", "ASIA0XXXXXXXXXXX"]);
}

#[tokio::test]
async fn moto_gives_roles_to_those_with_keys_a_profile_or_a_web_identity() {
    let moto = Moto::shared();
    let dir = tempfile::tempdir().unwrap();
    let token = write(&dir, "token", "eyJhbGciOiJub25lIn0.e30.\n");
    let config = format!(
        "[profile base]\naws_access_key_id = AKIDBASE\naws_secret_access_key = x\n\
         [profile reader]\nrole_arn = {ROLE}\nsource_profile = base\n\
         [profile pod]\nrole_arn = {ROLE}\nweb_identity_token_file = {token}\n"
    );
    let config = write(&dir, "config", &config);
    let glue = glue();
    let service = ("AWS_ENDPOINT_URL_STS", moto.base_url());
    let profile = |name| vec![service, ("AWS_CONFIG_FILE", config.as_str()), ("AWS_PROFILE", name)];
    let keys = [&ENVIRONMENT[..2], &[service]].concat();
    let web_identity = vec![service, ("AWS_WEB_IDENTITY_TOKEN_FILE", &*token), ("AWS_ROLE_ARN", ROLE)];
    for (role, variables) in
        [(Some(ROLE), keys), (None, profile("reader")), (None, profile("pod")), (None, web_identity)]
    {
        fetch(&client_in(&glue.url(), role, &variables), 1).await;
    }
    let signed: Vec<Signed> = glue.asked().iter().map(signed).collect();
    assert_eq!(signed.len(), 4);
    for signed in signed {
        assert!(signed.access_key.starts_with("ASIA") && signed.session_token.is_some(), "{signed:?}");
    }
}

#[tokio::test]
async fn a_web_identity_sends_the_token_of_its_file() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = Double::start(|_, _| session("AssumeRoleWithWebIdentity", "ASIAPOD"));
    let (token, url) = (write(&dir, "token", "jwt\n"), tokens.url());
    let variables =
        [("AWS_WEB_IDENTITY_TOKEN_FILE", &*token), ("AWS_ROLE_ARN", ROLE), ("AWS_ENDPOINT_URL_STS", &url)];
    assert_eq!(used_in(&variables).await, with_keys("ASIAPODXXXXXXXXX", Some("t")));
    let [asked] = &tokens.asked()[..] else { panic!("asked once") };
    assert!(asked.body.contains("WebIdentityToken=jwt&"), "{}", asked.body);
    assert!(asked.body.contains("RoleSessionName=forebay"), "{}", asked.body);
}

#[tokio::test]
async fn a_role_that_is_refused_is_said_and_nothing_else_is_tried() {
    let denied = "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code>\
                  <Message>not you</Message></Error></ErrorResponse>";
    let tokens = Double::start(move |_, _| Reply::new(403, denied));
    let machine = Double::start(|_, _| Reply::new(404, ""));
    let dir = tempfile::tempdir().unwrap();
    let (token, url, at) = (write(&dir, "token", "jwt"), tokens.url(), machine.url());
    let error = failure_in(&[
        ("AWS_WEB_IDENTITY_TOKEN_FILE", &*token),
        ("AWS_ROLE_ARN", ROLE),
        ("AWS_ENDPOINT_URL_STS", &url),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", &at),
    ])
    .await;
    assert_eq!(error.kind, Kind::Authorization, "{error}");
    assert!(machine.asked().is_empty());
    assert!(!error.to_string().contains("jwt"), "{error}");
}

/// What containers and machines are given, good for this many seconds.
fn lent(access_key: &str, seconds: i64) -> Reply {
    let expiration = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(seconds);
    let credentials = json!({"Code": "Success", "AccessKeyId": access_key, "SecretAccessKey": "s", "Token": "t",
        "Expiration": expiration.to_string(), "LastUpdated": "2026-01-01T00:00:00Z", "Type": "AWS-HMAC"});
    Reply::new(200, credentials.to_string())
}

#[tokio::test]
async fn a_container_asks_with_its_token_and_again_before_the_keys_expire() {
    let container =
        Double::start(|_, before| lent(&format!("ASIA{before}"), if before == 0 { 60 } else { 3600 }));
    let dir = tempfile::tempdir().unwrap();
    let (token, url) = (write(&dir, "token", "let me in\n"), format!("{}/v1/credentials", container.url()));
    let glue = glue();
    let variables =
        [("AWS_CONTAINER_CREDENTIALS_FULL_URI", &*url), ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &*token)];
    let client = client_in(&glue.url(), None, &variables);
    for number in 1..=3 {
        fetch(&client, number).await;
    }
    let keys: Vec<String> = glue.asked().iter().map(|asked| signed(asked).access_key).collect();
    assert_eq!(keys, ["ASIA0", "ASIA1", "ASIA1"]);
    assert_eq!(container.lines(), ["GET /v1/credentials"; 2]);
    assert_eq!(container.asked()[0].headers["authorization"], "let me in");
}

#[tokio::test]
async fn a_machine_lends_its_role_by_the_second_version_of_its_service() {
    let machine = Double::start(|asked, _| match &*asked.line {
        "PUT /latest/api/token" => Reply::new(200, "session"),
        "GET /latest/meta-data/iam/security-credentials/" => Reply::new(200, "forebay-role"),
        "GET /latest/meta-data/iam/security-credentials/forebay-role" => lent("ASIAMACHINE", 3600),
        _ => Reply::new(404, ""),
    });
    let url = machine.url();
    let used = used_in(&[("AWS_EC2_METADATA_SERVICE_ENDPOINT", &url)]).await;
    assert_eq!(used, with_keys("ASIAMACHINE", Some("t")));
    let asked = machine.asked();
    assert_eq!(asked.len(), 3);
    assert_eq!(asked[0].headers["x-aws-ec2-metadata-token-ttl-seconds"], "21600");
    assert!(asked[1..].iter().all(|asked| asked.headers["x-aws-ec2-metadata-token"] == "session"));
}

#[tokio::test]
async fn a_machine_without_a_role_is_told_where_was_looked() {
    let error = failure_in(&[("AWS_EC2_METADATA_SERVICE_ENDPOINT", &nobody())]).await;
    assert_eq!(error.kind, Kind::Authentication);
    let detail = error.detail.unwrap();
    assert!(detail.contains("no profile") && detail.contains("no role of a machine"), "{detail}");
    assert!(error.hint.unwrap().contains("KAFKA_SCHEMA_REGISTRY_AWS_ACCESS_KEY"));
}

#[tokio::test]
async fn keys_that_were_refused_are_looked_up_again() {
    let glue = Double::start(|asked, _| match signed(asked).access_key.as_str() {
        "OLD" => {
            Reply::new(400, json!({"__type": "ExpiredTokenException", "Message": "too old"}).to_string())
        }
        _ => Reply::new(200, json!({"SchemaDefinition": "\"int\"", "DataFormat": "AVRO"}).to_string()),
    });
    let dir = tempfile::tempdir().unwrap();
    let profile = |key: &str| {
        let text = format!("[default]\naws_access_key_id = {key}\naws_secret_access_key = x\n");
        write(&dir, "credentials", &text)
    };
    let path = profile("OLD");
    let client = client_in(&glue.url(), None, &[("AWS_SHARED_CREDENTIALS_FILE", &path)]);
    let error = unavailable(client.fetch(SchemaId::Glue([1; 16]), "").await);
    assert_eq!((error.kind, glue.asked().len()), (Kind::Authentication, 2));
    assert!(Path::new(&profile("NEW")).exists());
    fetch(&client, 1).await;
}
