//! What people read: every screen that needs no broker.

use crate::support::{Project, Ran};
use std::fs;

const BROKEN: &str = "SCHEMA >\n    `n` UIn8,\n    `m` String\n\nENGINE MergTree\nKAFKA_TOPC numbers\n";

/// A screen with its command and exit code, the project's own directory taken out.
fn screen(project: &Project, args: &[&str]) -> String {
    shown(project, args, &project.run(args))
}

fn shown(project: &Project, args: &[&str], ran: &Ran) -> String {
    let text =
        format!("$ forebay {}\n{}{}[exit code {}]\n", args.join(" "), ran.out, ran.err, ran.code.unwrap());
    let real = project.path().canonicalize().unwrap();
    text.replace(real.to_str().unwrap(), "DIR").replace(project.path().to_str().unwrap(), "DIR")
}

#[test]
fn init_writes_a_project_that_check_likes_and_never_overwrites() {
    let project = Project::new(&[]);
    let mut text = screen(&project, &["init", "shop"]);
    text.push_str(&screen(&project, &["check", "shop"]));
    text.push_str(&screen(&project, &["init", "shop"]));
    text.push_str(&screen(&project, &["check", "shop", "--json"]));
    insta::assert_snapshot!(text);
    assert_eq!(fs::read_dir(project.path().join("shop")).unwrap().count(), 5);
}

#[test]
fn check_shows_everything_that_is_wrong_at_its_place() {
    let project = Project::new(&[("numbers.datasource", BROKEN)]);
    insta::assert_snapshot!(screen(&project, &["check"]));
    let ran = project.run(&["check", "--color", "always"]);
    assert!(ran.out.contains("\x1b["), "{}", ran.out);
    let ran = project.run(&["check", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((ran.code, &report["ok"]), (Some(1), &false.into()));
    assert!(report["diagnostics"][0]["line"].is_u64());
}

#[test]
fn start_refuses_a_broken_project_with_the_same_words() {
    let project = Project::new(&[("numbers.datasource", BROKEN)]);
    let checked = project.run(&["check"]);
    let started = project.run(&["start"]);
    assert_eq!(started.code, Some(1));
    assert_eq!(started.err, checked.out);
}

#[test]
fn missing_secrets_are_listed_all_at_once() {
    let connection = "TYPE kafka\nKAFKA_BOOTSTRAP_SERVERS {{ tb_secret(\"SERVERS\") }}\nKAFKA_KEY {{ tb_secret(\"WHO\") }}\nKAFKA_SECRET {{ tb_secret(\"PASSWORD\") }}\n";
    let datasource = "SCHEMA >\n    `n` UInt8\n\nKAFKA_CONNECTION_NAME kafka\nKAFKA_TOPIC t\nKAFKA_GROUP_ID {{ tb_secret(\"GROUP\", \"g\") }}\n";
    let project = Project::new(&[
        ("kafka.connection", connection),
        ("numbers.datasource", datasource),
        (".env", "WHO=alice\n"),
    ]);
    insta::assert_snapshot!(screen(&project, &["start"]));
}

#[test]
fn errors_say_what_to_do() {
    let project = Project::new(&[]);
    let cases: [&[&str]; 8] = [
        &["check"],
        &["check", "nowhere"],
        &["status"],
        &["sql", "SELECT 1"],
        &["status", "--json"],
        &["directives", "KAFKA_TOPC"],
        &["start", "--flush-interval", "1ms"],
        &["start", "--workspace", "system"],
    ];
    insta::assert_snapshot!(cases.map(|args| screen(&project, args)).join("\n"));
}

#[test]
fn the_project_language_explains_itself() {
    let project = Project::new(&[]);
    insta::assert_snapshot!(screen(&project, &["directives", "kafka_security_protocol"]));
    let ran = project.run(&["directives", "--json", "--all"]);
    let directives: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert!(directives.as_array().unwrap().len() > 50);
    assert!(project.run(&["directives"]).out.contains("KAFKA_TOPIC"));
}

#[test]
fn a_query_without_a_server_runs_on_an_engine_of_its_own() {
    let project =
        Project::new(&[("numbers.datasource", "SCHEMA >\n    `n` UInt8\n\nENGINE_SORTING_KEY n\n")]);
    project.start(&[]).ready().stop();
    assert_eq!(project.sql("SELECT count() FROM numbers"), "0");
    let json = project.run(&["sql", "SELECT 1 AS one", "--json"]);
    assert_eq!(json.out, "{\"one\":1}\n");
    let named = project.run(&["sql", "SELECT 1 AS one"]);
    assert_eq!(named.out, "one\n1\n");
    let mut text = screen(&project, &["sql", "SELECT\n  n FORM numbers"]);
    text.push_str(&screen(&project, &["sql", "DROP TABLE numbers"]));
    text.push_str(&screen(&project, &["sql", "SELECT file('/etc/hostname')"]));
    insta::assert_snapshot!(text);
}

#[test]
fn a_table_that_differs_from_its_file_is_shown_beside_it() {
    let project =
        Project::new(&[("numbers.datasource", "SCHEMA >\n    `n` UInt8\n\nENGINE_SORTING_KEY n\n")]);
    project.start(&[]).ready().stop();
    project.write("numbers.datasource", "SCHEMA >\n    `n` UInt8,\n    `m` String\n\nENGINE_SORTING_KEY n\n");
    let log = project.start(&[]).ready().stop();
    assert!(log.contains("data source \"numbers\": column \"m\" was added to the table"), "{log}");
    project
        .write("numbers.datasource", "SCHEMA >\n    `n` UInt16,\n    `m` String\n\nENGINE_SORTING_KEY n\n");
    insta::assert_snapshot!(screen(&project, &["start"]));
}
