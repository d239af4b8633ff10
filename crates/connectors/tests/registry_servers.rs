//! The registry client against real servers.
#![allow(clippy::unwrap_used)]

mod registry_double;

use forebay_connectors::registry::{Patience, RegistryClient};
use forebay_ingest::{
    error::Kind,
    schema::{Schema, SchemaError, SchemaId, SchemaKind, Schemas},
};
use forebay_project::model::{AwsAccess, RegistryKind, SchemaRegistry, Text};
use forebay_testkit::{
    registry::{Apicurio, Fault, Moto, Oidc, Reference, Srfake, SrfakeOptions, Tls},
    unique,
};
use registry_double::{client, client_of, hasty, oauth, refused, registry, settings, text, unavailable};
use std::{fs, path::Path, sync::Arc, time::Duration};

const COUNTRY: &str = r#"{"type":"enum","name":"Country","namespace":"hr","symbols":["AD"]}"#;
const ADDRESS: &str = r#"{"type":"record","name":"Address","namespace":"hr","fields":[{"name":"country","type":"hr.Country"}]}"#;
const PERSON: &str = r#"{"type":"record","name":"Person","namespace":"hr","fields":[{"name":"address","type":"hr.Address"},{"name":"country","type":"hr.Country"}]}"#;
const PROTO: &str = "syntax = \"proto3\";\nmessage A {\n  int32 a = 1;\n}\n";

fn pem(path: &Path) -> Option<Text> {
    Some(Text::literal(fs::read_to_string(path).unwrap()))
}

async fn get(client: &RegistryClient, id: u32, subject: &str) -> Result<Arc<Schema>, SchemaError> {
    client.fetch(SchemaId::Confluent(id), subject).await
}

fn uuid(hyphenated: &str) -> [u8; 16] {
    let digits = hyphenated.replace('-', "");
    u128::from_str_radix(&digits, 16).unwrap().to_be_bytes()
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

#[tokio::test]
async fn srfake_is_asked_by_id_guid_and_subject() {
    let server =
        Srfake::start_with(&SrfakeOptions { base_path: "/apis/x".into(), ..SrfakeOptions::default() })
            .unwrap();
    let registered = server.register("a/b-value", SchemaKind::Protobuf, PROTO, &[]).unwrap();
    let client = client_of(server.base_url());
    let schema = get(&client, registered.id, "a/b-value").await.unwrap();
    assert_eq!((schema.kind, schema.text.as_str()), (SchemaKind::Protobuf, PROTO));
    let guid = SchemaId::ConfluentGuid(uuid(&registered.guid.unwrap()));
    assert_eq!(text(&client, guid).await, PROTO);
    assert_eq!(get(&client, registered.id, "another-subject").await.unwrap().text, PROTO);
    let latest = client_of(&format!("{}/subjects/a%2Fb-value", server.base_url()));
    assert_eq!(text(&latest, SchemaId::Configured).await, PROTO);
    assert!(refused(get(&client, 999, "a/b-value").await).contains("has no schema of id 999"));
    client.check().await.unwrap();
}

#[tokio::test]
async fn srfake_takes_the_right_credentials_only() {
    let options =
        SrfakeOptions { authorization: Some("Basic dXNlcjpwYXNz".into()), ..SrfakeOptions::default() };
    let server = Srfake::start_with(&options).unwrap();
    let id = server.register("s", SchemaKind::Avro, COUNTRY, &[]).unwrap().id;
    let with = |user: &str, password: &str| {
        let text = |text| Some(Text::literal(text));
        client(
            &SchemaRegistry { user: text(user), password: text(password), ..registry(server.base_url()) },
            None,
        )
    };
    assert_eq!(get(&with("user", "pass"), id, "s").await.unwrap().text, COUNTRY);
    assert_eq!(unavailable(get(&with("user", "wrong"), id, "s").await).kind, Kind::Authorization);
    assert_eq!(unavailable(get(&client_of(server.base_url()), id, "s").await).kind, Kind::Authentication);
}

#[tokio::test]
async fn srfake_speaks_tls_to_clients_with_a_certificate() {
    let options = SrfakeOptions { tls: Tls::ClientCertificate, ..SrfakeOptions::default() };
    let server = Srfake::start_with(&options).unwrap();
    let id = server.register("s", SchemaKind::Avro, COUNTRY, &[]).unwrap().id;
    let (certificate, key) = server.client_certificate();
    let trusting = SchemaRegistry { ca_pem: pem(&server.ca()), ..registry(server.base_url()) };
    let known =
        SchemaRegistry { certificate_pem: pem(&certificate), private_key_pem: pem(&key), ..trusting.clone() };
    assert_eq!(get(&client(&known, None), id, "s").await.unwrap().text, COUNTRY);
    for stranger in [trusting, registry(server.base_url())] {
        let error = unavailable(get(&client(&stranger, None), id, "s").await);
        assert_eq!(error.kind, Kind::Unavailable);
        assert!(error.hint.as_deref().is_some_and(|hint| hint.contains("_PEM")), "{error}");
    }
}

#[tokio::test]
async fn srfake_is_waited_for_while_it_fails_or_hangs() {
    let mut server = Srfake::start().unwrap();
    let id = server.register("s", SchemaKind::Avro, COUNTRY, &[]).unwrap().id;
    server.fail(&Fault::status(503).times(2)).unwrap();
    assert_eq!(get(&client_of(server.base_url()), id, "s").await.unwrap().text, COUNTRY);
    let patience = Patience {
        connect: Duration::from_millis(200),
        answer: Duration::from_millis(200),
        rounds: 2,
        ..hasty()
    };
    let client =
        RegistryClient::with_patience(&settings(&registry(server.base_url())), None, patience).unwrap();
    server.pause().unwrap();
    assert_eq!(unavailable(get(&client, id, "s").await).kind, Kind::Unavailable);
    server.resume().unwrap();
    server.heal().unwrap();
    let patient = client_of(server.base_url());
    assert_eq!(get(&patient, id, "s").await.unwrap().text, COUNTRY);
}

#[tokio::test]
async fn a_restart_works_after_srfake_died() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Srfake::start().unwrap();
    let id = server.register("s", SchemaKind::Avro, COUNTRY, &[]).unwrap().id;
    let settings = registry(server.base_url());
    get(&client(&settings, Some(dir.path())), id, "s").await.unwrap();
    server.kill().unwrap();
    assert_eq!(get(&client(&settings, Some(dir.path())), id, "s").await.unwrap().text, COUNTRY);
}

/// Registers a person that refers to an address and a country, which the address refers to itself.
fn references(subject: &str) -> [String; 3] {
    ["country", "address", "person"].map(|name| format!("{subject}-{name}"))
}

fn assert_person(schema: &Schema) {
    let names: Vec<&str> = schema.references.iter().map(|reference| reference.name.as_str()).collect();
    assert_eq!(names, ["hr.Country", "hr.Address"]);
    assert_eq!(json(&schema.references[0].text), json(COUNTRY));
    assert_eq!(json(&schema.references[1].text), json(ADDRESS));
    assert_eq!(json(&schema.text), json(PERSON));
}

#[tokio::test]
async fn srfake_gives_references() {
    let server = Srfake::start().unwrap();
    let [country, address, person] = references("s");
    let country_reference = Reference { name: "hr.Country", subject: &country, version: 1 };
    let address_reference = Reference { name: "hr.Address", subject: &address, version: 1 };
    server.register(&country, SchemaKind::Avro, COUNTRY, &[]).unwrap();
    server.register(&address, SchemaKind::Avro, ADDRESS, &[country_reference]).unwrap();
    let both = [address_reference, country_reference];
    let id = server.register(&person, SchemaKind::Avro, PERSON, &both).unwrap().id;
    assert_person(&get(&client_of(server.base_url()), id, &person).await.unwrap());
}

#[tokio::test]
async fn apicurio_gives_references_and_every_language() {
    let server = Apicurio::shared();
    let [country, address, person] = references(&unique("registry"));
    let country_reference = Reference { name: "hr.Country", subject: &country, version: 1 };
    let address_reference = Reference { name: "hr.Address", subject: &address, version: 1 };
    server.register(&country, SchemaKind::Avro, COUNTRY, &[]).unwrap();
    server.register(&address, SchemaKind::Avro, ADDRESS, &[country_reference]).unwrap();
    let both = [address_reference, country_reference];
    let id = server.register(&person, SchemaKind::Avro, PERSON, &both).unwrap().id;
    let client = client_of(server.base_url());
    assert_person(&get(&client, id, &person).await.unwrap());

    let json_schema = r#"{"$schema":"http://json-schema.org/draft-07/schema#","type":"object"}"#;
    for (kind, text) in [(SchemaKind::Protobuf, PROTO), (SchemaKind::Json, json_schema)] {
        let subject = unique("registry/sl ash");
        let id = server.register(&subject, kind, text, &[]).unwrap().id;
        assert_eq!(get(&client, id, &subject).await.unwrap().kind, kind);
    }
    assert!(refused(get(&client, u32::MAX >> 1, "s").await).contains("has no schema"));
    let guid = client.fetch(SchemaId::ConfluentGuid([7; 16]), "s").await;
    assert!(refused(guid).contains("has no schema"), "it knows no GUIDs and answers with an empty 404");
    client.check().await.unwrap();
}

#[tokio::test]
async fn apicurio_gives_the_schema_of_a_global_id() {
    let server = Apicurio::shared();
    let [country, address, _] = references(&unique("registry"));
    let reference = Reference { name: "hr.Country", subject: &country, version: 1 };
    server.register(&country, SchemaKind::Avro, COUNTRY, &[]).unwrap();
    server.register(&address, SchemaKind::Avro, ADDRESS, &[reference]).unwrap();
    let own = server.base_url().replace("/apis/ccompat/v7", "/apis/registry/v3");
    let version = ureq::get(format!("{own}/groups/default/artifacts/{address}/versions/1")).call().unwrap();
    let version = json(&version.into_body().read_to_string().unwrap());
    let id = SchemaId::Apicurio(version["globalId"].as_u64().unwrap());
    let schema = client_of(server.base_url()).fetch(id, "").await.unwrap();
    assert_eq!((schema.kind, json(&schema.text)), (SchemaKind::Avro, json(ADDRESS)));
    assert_eq!(schema.references[0].name, "hr.Country");
    assert_eq!(json(&schema.references[0].text), json(COUNTRY));
    let missing = client_of(server.base_url()).fetch(SchemaId::Apicurio(u64::MAX >> 1), "").await;
    assert!(refused(missing).contains("has no schema of global id"));
}

#[tokio::test]
async fn apicurio_takes_tokens_of_the_oauth_server_it_trusts() {
    let server = Apicurio::shared_with_oidc();
    let subject = unique("registry");
    let id = server.register(&subject, SchemaKind::Avro, COUNTRY, &[]).unwrap().id;
    let oauth = oauth(&Oidc::shared().token_url(Apicurio::ISSUER));
    let trusted = SchemaRegistry { oauth: Some(oauth), ..registry(server.base_url()) };
    assert_eq!(json(&get(&client(&trusted, None), id, &subject).await.unwrap().text), json(COUNTRY));
    let stranger = unavailable(get(&client_of(server.base_url()), id, &subject).await);
    assert_eq!(stranger.kind, Kind::Authentication);
}

#[tokio::test]
async fn moto_gives_the_schema_of_a_version_id() {
    let server = Moto::shared();
    let keys = AwsAccess {
        region: Text::literal(Moto::REGION),
        access_key: Some(Text::literal("testkit")),
        secret_key: Some(Text::literal("testkit")),
        role_arn: None,
        external_id: None,
    };
    let settings =
        SchemaRegistry { kind: RegistryKind::Glue, aws: Some(keys), ..registry(server.base_url()) };
    let glue = client(&settings, None);
    let json_schema = r#"{"$schema":"http://json-schema.org/draft-07/schema#","type":"object"}"#;
    for (kind, text) in
        [(SchemaKind::Avro, COUNTRY), (SchemaKind::Protobuf, PROTO), (SchemaKind::Json, json_schema)]
    {
        let id = uuid(&server.register(&unique("registry"), kind, text).unwrap());
        let schema = glue.fetch(SchemaId::Glue(id), "").await.unwrap();
        assert_eq!((schema.kind, schema.text.as_str()), (kind, text));
    }
    assert!(refused(glue.fetch(SchemaId::Glue([7; 16]), "").await).contains("has no schema of id 07070707-"));
    glue.check().await.unwrap();
}
