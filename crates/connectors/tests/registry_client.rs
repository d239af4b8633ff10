//! The registry client against a scripted server: what it asks, how often, and what it makes of the answers.
#![allow(clippy::unwrap_used)]

mod registry_double;

use forebay_connectors::registry::{ConfiguredSchema, Patience, RegistryClient};
use forebay_ingest::{
    error::Kind,
    schema::{SchemaId, SchemaKind, Schemas},
};
use forebay_project::model::{SchemaLocation, Text};
use futures_util::future::join_all;
use registry_double::{
    Double, Reply, client, client_of, fetch, hasty, nobody, refused, registry, settings, text, unavailable,
};
use serde_json::json;
use std::{
    fs,
    time::{Duration, Instant},
};

const SCHEMA: &str = r#"{"type":"record","name":"Flight","fields":[]}"#;

#[tokio::test]
async fn an_id_is_asked_for_in_the_context_of_its_subject() {
    let double = Double::with_paths(&[("/schemas/ids/7?subject=a%2Fb%20c-value", Reply::schema(SCHEMA))]);
    let schema = client_of(&double.url()).fetch(SchemaId::Confluent(7), "a/b c-value").await.unwrap();
    assert_eq!((schema.kind, schema.text.as_str()), (SchemaKind::Avro, SCHEMA));
    assert_eq!(double.lines(), ["GET /schemas/ids/7?subject=a%2Fb%20c-value"]);
}

#[tokio::test]
async fn an_id_that_its_subject_does_not_know_is_asked_for_without_one() {
    let double = Double::start(|asked, _| match asked.line.contains("subject=") {
        true => Reply::unknown_id(),
        false => Reply::schema(SCHEMA),
    });
    assert_eq!(fetch(&client_of(&double.url()), 7).await.unwrap().text, SCHEMA);
    assert_eq!(double.lines(), ["GET /schemas/ids/7?subject=flights-value", "GET /schemas/ids/7"]);
}

#[tokio::test]
async fn an_id_may_mean_another_schema_in_another_context() {
    let double = Double::with_paths(&[
        ("/schemas/ids/7?subject=%3A.eu%3As", Reply::schema("eu")),
        ("/schemas/ids/7?subject=%3A.us%3As", Reply::schema("us")),
    ]);
    let client = client_of(&double.url());
    for (subject, expected) in [(":.eu:s", "eu"), (":.us:s", "us"), (":.eu:s", "eu")] {
        let schema = client.fetch(SchemaId::Confluent(7), subject).await.unwrap();
        assert_eq!(schema.text, expected);
    }
    assert_eq!(double.asked().len(), 2);
}

#[tokio::test]
async fn answers_are_taken_as_registries_give_them() {
    let protobuf = json!({"schema": "CgRhLnByb3Rv", "schemaType": "PROTOBUF", "references": null, "id": 8, "subject": "s", "version": 3});
    let json = json!({"schema": "{}", "schemaType": "JSON", "references": [], "unknown": {"a": 1}});
    let double = Double::with_paths(&[
        (
            "/base/schemas/guids/89791c0a-552e-4c9d-911d-00f10e8b7d60",
            Reply::new(200, protobuf.to_string()).header("content-type", "text/plain"),
        ),
        ("/base/schemas/ids/9", Reply::new(200, json.to_string())),
        ("/base/schemas/ids/10", Reply::new(200, json!({"schema": "", "schemaType": "XSD"}).to_string())),
    ]);
    let client = client_of(&format!("{}/base/", double.url()));
    let guid = SchemaId::ConfluentGuid(*b"\x89\x79\x1c\x0a\x55\x2e\x4c\x9d\x91\x1d\x00\xf1\x0e\x8b\x7d\x60");
    let schema = client.fetch(guid, "flights-value").await.unwrap();
    assert_eq!((schema.kind, schema.text.as_str()), (SchemaKind::Protobuf, "CgRhLnByb3Rv"));
    assert_eq!(schema.origin.as_deref(), Some("s, version 3"));
    assert_eq!(fetch(&client, 9).await.unwrap().kind, SchemaKind::Json);
    assert!(refused(fetch(&client, 10).await).contains("unknown type \"XSD\""));
}

#[tokio::test]
async fn a_registry_that_is_not_well_is_asked_again() {
    let double = Double::start(|_, before| match before {
        0 => Reply::new(503, "<html>overloaded</html>"),
        1 => Reply::hang_up(),
        2 => Reply::new(408, ""),
        _ => Reply::schema(SCHEMA),
    });
    assert_eq!(fetch(&client_of(&double.url()), 1).await.unwrap().text, SCHEMA);
    assert_eq!(double.asked().len(), 4);
}

#[tokio::test]
async fn a_registry_that_stays_unwell_is_unavailable_and_asked_anew_by_the_next_fetch() {
    let double = Double::start(|_, before| match before {
        0..4 => Reply::new(500, r#"{"error_code":50001,"message":"Error in the backend data store"}"#),
        _ => Reply::schema(SCHEMA),
    });
    let client = client_of(&double.url());
    let error = unavailable(fetch(&client, 1).await);
    assert_eq!(error.kind, Kind::Unavailable);
    let expected =
        format!("schema registry {} answered with status 500: Error in the backend data store", double.url());
    assert_eq!(error.to_string(), expected);
    assert_eq!(fetch(&client, 1).await.unwrap().text, SCHEMA);
}

#[tokio::test]
async fn retry_after_is_waited_for() {
    let double = Double::start(|_, before| match before {
        0 => Reply::new(429, "").header("Retry-After", "1"),
        _ => Reply::schema(SCHEMA),
    });
    let started = Instant::now();
    fetch(&client_of(&double.url()), 1).await.unwrap();
    assert!(started.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_registry_that_asks_for_a_long_rest_is_left_alone() {
    let double = Double::start(|_, _| Reply::new(429, "").header("Retry-After", "50"));
    let client = client_of(&double.url());
    assert_eq!(unavailable(fetch(&client, 1).await).kind, Kind::Unavailable);
    let error = unavailable(fetch(&client, 2).await);
    assert!(error.fact.contains("asked not to be asked for"), "{error}");
    assert_eq!(double.asked().len(), 1);
}

#[tokio::test]
async fn a_schema_that_is_not_there_yet_is_asked_for_again() {
    let double = Double::start(|_, before| match before {
        0..4 => Reply::unknown_id(),
        _ => Reply::schema(SCHEMA),
    });
    let patience = Patience { missing_for: Duration::from_secs(60), ..hasty() };
    let client = RegistryClient::with_patience(&settings(&registry(&double.url())), None, patience).unwrap();
    assert_eq!(fetch(&client, 1).await.unwrap().text, SCHEMA);
}

#[tokio::test]
async fn a_missing_schema_is_remembered_for_a_while() {
    let double = Double::start(|_, _| Reply::unknown_id());
    let client = client_of(&double.url());
    let why = refused(fetch(&client, 1).await);
    assert_eq!(why, format!("schema registry {} has no schema of id 1: Schema not found", double.url()));
    let asked = double.asked().len();
    assert!(asked > 2, "asked again before it is believed");
    assert_eq!(refused(fetch(&client, 1).await), why);
    assert_eq!(double.asked().len(), asked);
}

#[tokio::test]
async fn a_missing_schema_is_asked_for_again_after_that_while() {
    let double = Double::start(|_, _| Reply::unknown_id());
    let patience = Patience { missing_for: Duration::ZERO, missing_kept: Duration::ZERO, ..hasty() };
    let client = RegistryClient::with_patience(&settings(&registry(&double.url())), None, patience).unwrap();
    for fetches in 1..=3 {
        refused(fetch(&client, 1).await);
        assert_eq!(double.asked().len(), 2 * fetches, "with the subject and without");
    }
}

#[tokio::test]
async fn bytes_that_only_look_like_ids_do_not_each_wait() {
    let double = Double::start(|_, _| Reply::unknown_id());
    let patience = Patience { missing_for: Duration::from_millis(20), ..hasty() };
    let client = RegistryClient::with_patience(&settings(&registry(&double.url())), None, patience).unwrap();
    for id in 1..=3 {
        refused(fetch(&client, id).await);
    }
    let asked = double.asked().len();
    refused(fetch(&client, 4).await);
    assert_eq!(double.asked().len(), asked + 2, "once with the subject and once without");
}

#[tokio::test]
async fn a_404_of_somebody_else_holds_records_back_instead_of_refusing_them() {
    let double = Double::start(|_, _| Reply::new(404, "<html>no such page</html>"));
    let error = unavailable(fetch(&client_of(&double.url()), 1).await);
    assert_eq!(error.kind, Kind::NotFound);
    assert!(error.hint.unwrap().contains("/apis/ccompat/v7"));
    let double = Double::start(|_, _| Reply::new(200, "<html>please log in</html>"));
    assert_eq!(unavailable(fetch(&client_of(&double.url()), 1).await).kind, Kind::NotFound);
}

#[tokio::test]
async fn a_404_without_a_body_is_believed_of_a_registry() {
    let double = Double::start(|asked, _| match asked.line.contains("guids") {
        true => Reply::new(404, ""),
        false => Reply::unknown_id(),
    });
    let answer = client_of(&double.url()).fetch(SchemaId::ConfluentGuid([1; 16]), "").await;
    assert!(refused(answer).ends_with("has no schema of id 01010101-0101-0101-0101-010101010101"));
}

#[tokio::test]
async fn other_addresses_are_tried_and_the_good_one_is_kept() {
    let double = Double::start(|_, _| Reply::schema(SCHEMA));
    let broken = Double::start(|_, _| Reply::new(502, ""));
    let urls = format!("{}, {},{}", nobody(), broken.url(), double.url());
    let client = client_of(&urls);
    for id in 1..=3 {
        assert_eq!(fetch(&client, id).await.unwrap().text, SCHEMA);
    }
    assert_eq!((broken.asked().len(), double.asked().len()), (1, 3));
}

#[tokio::test]
async fn a_registry_that_is_down_is_named() {
    let url = nobody();
    let error = unavailable(fetch(&client_of(&url), 1).await);
    assert_eq!(error.kind, Kind::Unavailable);
    assert_eq!(error.fact, format!("schema registry {url} cannot be reached"));
}

#[tokio::test]
async fn many_who_ask_at_once_are_one_request() {
    let double = Double::start(|_, _| Reply::schema(SCHEMA));
    let client = client_of(&double.url());
    let answers = join_all((0..50).map(|_| fetch(&client, 1))).await;
    assert!(answers.into_iter().all(|answer| answer.unwrap().text == SCHEMA));
    assert_eq!(double.asked().len(), 1);
}

#[tokio::test]
async fn many_who_ask_a_broken_registry_share_its_failure() {
    let double = Double::start(|_, _| Reply::new(500, ""));
    let client = client_of(&double.url());
    let answers = join_all((0..50).map(|_| fetch(&client, 1))).await;
    assert!(answers.into_iter().all(|answer| unavailable(answer).kind == Kind::Unavailable));
    assert_eq!(double.asked().len(), 4);
}

#[tokio::test]
async fn one_who_stops_waiting_stops_nobody_else() {
    let double = Double::start(|_, _| Reply::schema(SCHEMA));
    let client = client_of(&double.url());
    let mut first = Box::pin(fetch(&client, 1));
    assert!(futures_util::poll!(&mut first).is_pending());
    let second = fetch(&client, 1);
    drop(first);
    assert_eq!(second.await.unwrap().text, SCHEMA);
    assert_eq!(double.asked().len(), 1);
}

fn referring(text: &str, references: &[(&str, &str)]) -> Reply {
    let references: Vec<_> = references
        .iter()
        .map(|(name, subject)| json!({"name": name, "subject": subject, "version": 1}))
        .collect();
    Reply::new(200, json!({"schema": text, "references": references}).to_string())
}

#[tokio::test]
async fn references_come_depth_first_each_once_and_cycles_end() {
    let double = Double::with_paths(&[
        ("/schemas/ids/1", referring("top", &[("left", "l"), ("right", "r/x")])),
        ("/subjects/l/versions/1?deleted=true", referring("LEFT", &[("bottom", "b")])),
        ("/subjects/r%2Fx/versions/1?deleted=true", referring("RIGHT", &[("bottom", "b"), ("left", "l")])),
        ("/subjects/b/versions/1?deleted=true", referring("BOTTOM", &[("right", "r/x")])),
    ]);
    let schema = fetch(&client_of(&double.url()), 1).await.unwrap();
    let references: Vec<_> = schema
        .references
        .iter()
        .map(|reference| (reference.name.as_str(), reference.text.as_str()))
        .collect();
    assert_eq!(references, [("right", "RIGHT"), ("bottom", "BOTTOM"), ("left", "LEFT")]);
    assert_eq!(double.asked().len(), 4);
}

#[tokio::test]
async fn references_stay_in_the_context_of_the_schema() {
    let double = Double::with_paths(&[
        ("/schemas/ids/1", Reply::new(200, json!({"schema": "top", "subject": ":.eu:orders", "version": 1, "references": [{"name": "n", "subject": "s", "version": 1}]}).to_string())),
        ("/subjects/%3A.eu%3As/versions/1", referring("S", &[])),
    ]);
    let schema = fetch(&client_of(&double.url()), 1).await.unwrap();
    assert_eq!(schema.references[0].text, "S");
}

#[tokio::test]
async fn too_many_references_are_refused() {
    let double = Double::start(|asked, before| match asked.line.starts_with("GET /schemas/ids") {
        true => referring("top", &[("0", "0")]),
        false => referring("deeper", &[(&before.to_string(), "s")]),
    });
    let why = refused(fetch(&client_of(&double.url()), 1).await);
    assert_eq!(why, "the schema of id 1 refers to more than 256 schemas or 4 MiB");
    assert_eq!(double.asked().len(), 258);
}

#[tokio::test]
async fn a_missing_reference_is_named() {
    let double = Double::with_paths(&[("/schemas/ids/1", referring("top", &[("Address", "address")]))]);
    let why = refused(fetch(&client_of(&double.url()), 1).await);
    assert!(why.contains("has no schema of \"Address\", subject \"address\", version 1"), "{why}");
}

#[tokio::test]
async fn a_restart_works_while_the_registry_is_down() {
    let dir = tempfile::tempdir().unwrap();
    let kept_in = dir.path().join("schemas");
    let double = Double::with_paths(&[
        ("/schemas/ids/1", referring("top", &[("Address", "address")])),
        ("/subjects/address", referring("A", &[])),
    ]);
    let url = format!("http://user:hunter2@{}", double.host());
    let first = fetch(&client(&registry(&url), Some(&kept_in)), 1).await.unwrap();
    drop(double);
    let again = client(&registry(&url), Some(&kept_in));
    assert_eq!(fetch(&again, 1).await.unwrap(), first);
    unavailable(fetch(&again, 2).await);
    for file in fs::read_dir(&kept_in).unwrap() {
        let path = file.unwrap().path();
        let shown = format!("{} {}", path.display(), fs::read_to_string(&path).unwrap());
        assert!(!shown.contains("hunter2") && shown.contains("Address"), "{shown}");
    }
}

#[tokio::test]
async fn a_broken_copy_is_asked_for_and_written_again() {
    let dir = tempfile::tempdir().unwrap();
    let double = Double::start(|_, _| Reply::schema(SCHEMA));
    let ask = || async {
        fetch(&client(&registry(&double.url()), Some(dir.path())), 1).await.unwrap().text.clone()
    };
    ask().await;
    let file = fs::read_dir(dir.path()).unwrap().next().unwrap().unwrap().path();
    let written = fs::read(&file).unwrap();
    for broken in [&b""[..], b"{\"format\":1", b"\xff", &written[..written.len() / 2]] {
        let before = double.asked().len();
        fs::write(&file, broken).unwrap();
        assert_eq!(ask().await, SCHEMA);
        assert_eq!(double.asked().len(), before + 1);
        assert_eq!(fs::read(&file).unwrap(), written);
    }
}

#[tokio::test]
async fn a_copy_of_another_registry_is_not_taken() {
    let dir = tempfile::tempdir().unwrap();
    let one = Double::start(|_, _| Reply::schema("one"));
    let two = Double::start(|_, _| Reply::schema("two"));
    for (double, expected) in [(&one, "one"), (&two, "two"), (&one, "one")] {
        let client = client(&registry(&double.url()), Some(dir.path()));
        assert_eq!(text(&client, SchemaId::Confluent(1)).await, expected);
    }
}

#[tokio::test]
async fn the_latest_version_is_asked_for_at_every_start() {
    let dir = tempfile::tempdir().unwrap();
    let double = Double::start(|_, before| Reply::schema(&format!("version {before}")));
    let url = format!("{}/subjects/flights-value/versions/latest", double.url());
    for start in 0..2 {
        let client = client(&registry(&url), Some(dir.path()));
        for _ in 0..2 {
            assert_eq!(text(&client, SchemaId::Configured).await, format!("version {start}"));
        }
    }
    assert_eq!(double.lines(), ["GET /subjects/flights-value/versions/latest"; 2]);
    drop(double);
    let client = client(&registry(&url), Some(dir.path()));
    assert_eq!(text(&client, SchemaId::Configured).await, "version 1");
}

#[tokio::test]
async fn the_address_may_name_the_schema_and_the_data_source_another() {
    let double = Double::with_paths(&[
        ("/base/schemas/ids/7", Reply::schema("seven")),
        ("/base/subjects/s/versions/2", Reply::schema("two")),
    ]);
    let client = client_of(&format!("{}/base/schemas/ids/7", double.url()));
    assert!(client.has_configured_schema());
    assert_eq!(text(&client, SchemaId::Configured).await, "seven");
    let location = SchemaLocation::Registry(Text::literal("/subjects/s/versions/2"));
    let other = client.with_configured(ConfiguredSchema::resolve(&location, |_| None).unwrap());
    assert_eq!(text(&other, SchemaId::Configured).await, "two");
    assert_eq!(text(&other, SchemaId::Confluent(7)).await, "seven");
    assert_eq!(double.asked().len(), 2, "they share what is known");
}

#[tokio::test]
async fn a_configured_schema_that_is_not_there_is_waited_for() {
    let double =
        Double::start(|_, _| Reply::new(404, r#"{"error_code":40401,"message":"Subject not found."}"#));
    let client = client_of(&format!("{}/subjects/flights-value", double.url()));
    let error = unavailable(client.fetch(SchemaId::Configured, "").await);
    assert_eq!(error.kind, Kind::NotFound);
    assert!(
        error
            .to_string()
            .ends_with("has no schema of subject \"flights-value\", latest version: Subject not found."),
        "{error}"
    );
    assert!(error.hint.unwrap().contains("KAFKA_VALUE_SCHEMA"));
}

#[tokio::test]
async fn without_a_configured_schema_a_record_that_names_none_is_refused() {
    let client = client_of(&nobody());
    let why = refused(client.fetch(SchemaId::Configured, "").await);
    assert_eq!(why, "the record names no schema and none is configured");
}

fn file(path: &str, text: &str) -> ConfiguredSchema {
    let location = SchemaLocation::File { path: path.to_owned(), text: text.to_owned(), others: Vec::new() };
    ConfiguredSchema::resolve(&location, |_| None).unwrap()
}

#[tokio::test]
async fn a_file_needs_no_registry() {
    let client = RegistryClient::without_registry().with_configured(file("schemas/a.proto", "message A {}"));
    for id in [SchemaId::Configured, SchemaId::Confluent(7)] {
        let schema = client.fetch(id, "").await.unwrap();
        assert_eq!((schema.kind, schema.text.as_str()), (SchemaKind::Protobuf, "message A {}"));
    }
    assert_eq!(client.describe(), "no schema registry");
    client.check().await.unwrap();
}

#[tokio::test]
async fn an_embedded_id_wins_over_a_file() {
    let double = Double::start(|_, _| Reply::schema("registered"));
    let client = client_of(&double.url()).with_configured(file("a.avsc", "\"string\""));
    assert_eq!(text(&client, SchemaId::Confluent(7)).await, "registered");
    assert_eq!(text(&client, SchemaId::Configured).await, "\"string\"");
}

#[tokio::test]
async fn ids_of_another_kind_of_registry_are_refused_without_asking() {
    let client = client_of(&nobody());
    let why = refused(client.fetch(SchemaId::Glue([0; 16]), "").await);
    assert!(why.contains("is one of AWS Glue") && why.contains("KAFKA_SCHEMA_REGISTRY_TYPE"), "{why}");
}

#[tokio::test]
async fn health_is_told_by_an_id_that_nobody_has() {
    let healthy = Double::start(|_, _| Reply::unknown_id());
    client_of(&healthy.url()).check().await.unwrap();
    let other = Double::start(|_, _| Reply::new(404, r#"{"error_code":404,"message":"HTTP 404 Not Found"}"#));
    assert_eq!(client_of(&other.url()).check().await.unwrap_err().kind, Kind::NotFound);
}

#[tokio::test]
async fn schemas_used_longest_ago_are_forgotten() {
    let double = Double::start(|_, _| Reply::schema(SCHEMA));
    let client = client_of(&double.url());
    for id in 0..=1000 {
        fetch(&client, id).await.unwrap();
    }
    fetch(&client, 1).await.unwrap();
    assert_eq!(double.asked().len(), 1001);
    fetch(&client, 0).await.unwrap();
    assert_eq!(double.asked().len(), 1002);
}

#[tokio::test]
async fn apicurios_global_ids_are_asked_for_at_its_own_interface() {
    let reference = json!([{"groupId": null, "artifactId": "address", "version": "3", "name": "hr.Address"}]);
    let double = Double::with_paths(&[
        (
            "/apis/registry/v3/ids/globalIds/7?returnArtifactType=true",
            Reply::new(200, "PERSON").header("X-Registry-ArtifactType", "AVRO"),
        ),
        ("/apis/registry/v3/ids/globalIds/7/references", Reply::new(200, reference.to_string())),
        ("/apis/registry/v3/groups/default/artifacts/address/versions/3/content", Reply::new(200, "ADDRESS")),
        ("/apis/registry/v3/groups/default/artifacts/address/versions/3/references", Reply::new(200, "[]")),
    ]);
    let client = client_of(&format!("{}/apis/ccompat/v7", double.url()));
    let schema = client.fetch(SchemaId::Apicurio(7), "").await.unwrap();
    assert_eq!((schema.kind, schema.text.as_str()), (SchemaKind::Avro, "PERSON"));
    assert_eq!(schema.references[0].text, "ADDRESS");
}

/// They answer a path they do not know as if there were no such schema.
#[tokio::test]
async fn apicurios_of_version_2_are_asked_by_its_interface() {
    let reference = json!([{"artifactId": "address", "version": "3", "name": "hr.Address"}]);
    let unknown_path =
        json!({"error_code": 404, "message": "RESTEASY003210: Could not find resource"}).to_string();
    let double = Double::with_paths(&[
        ("/apis/registry/v3/ids/globalIds/7?returnArtifactType=true", Reply::new(404, unknown_path)),
        (
            "/apis/registry/v2/ids/globalIds/7?returnArtifactType=true",
            Reply::new(200, r#"{"type":"record"}"#),
        ),
        ("/apis/registry/v2/ids/globalIds/7/references", Reply::new(200, reference.to_string())),
        ("/apis/registry/v2/groups/default/artifacts/address/versions/3", Reply::new(200, "ADDRESS")),
        ("/apis/registry/v2/groups/default/artifacts/address/versions/3/references", Reply::new(200, "[]")),
    ]);
    let client = client_of(&format!("{}/apis/ccompat/v7", double.url()));
    let schema = client.fetch(SchemaId::Apicurio(7), "").await.unwrap();
    assert_eq!((schema.kind, schema.text.as_str()), (SchemaKind::Avro, r#"{"type":"record"}"#));
    assert_eq!(schema.references[0].text, "ADDRESS");
}
