//! The HTTP listener of a running server.

use crate::support::{Project, Server};
use serde_json::Value;
use ureq::{Agent, http::Request};

const TABLE: &str = "SCHEMA >\n    `n` UInt8\n\nENGINE MergeTree\nENGINE_SORTING_KEY n\n";

/// Status, content type and body of an answer.
struct Answer {
    status: u16,
    content_type: String,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

fn ask(server: &Server<'_>, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut request =
        Request::builder().method(method).uri(format!("http://{}{path}", server.address().unwrap()));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let agent: Agent =
        Agent::config_builder().http_status_as_error(false).allow_non_standard_methods(true).build().into();
    let mut response = agent.run(request.body(body.to_owned()).unwrap()).unwrap();
    let content_type =
        response.headers().get("content-type").map_or("", |value| value.to_str().unwrap()).to_owned();
    Answer {
        status: response.status().as_u16(),
        content_type,
        body: response.body_mut().with_config().limit(1 << 30).read_to_string().unwrap(),
    }
}

/// Posts a query with the token.
fn sql(server: &Server<'_>, query: &str) -> Answer {
    let token = format!("Bearer {}", server.token());
    ask(server, "POST", "/v0/sql", &[("Authorization", &token), ("Content-Type", "text/plain")], query)
}

#[test]
fn the_listener_serves_those_who_may_and_nobody_else() {
    let project = Project::new(&[("numbers.datasource", TABLE)]);
    let server = project.start(&[]).ready();
    let token = server.token();
    let bearer = format!("Bearer {token}");

    assert_eq!(ask(&server, "GET", "/v0/sql?q=SELECT+1", &[], "").status, 401);
    assert_eq!(ask(&server, "GET", "/v0/status", &[], "").status, 401);
    assert_eq!(ask(&server, "GET", "/v0/status", &[("Authorization", "Bearer wrong")], "").status, 403);
    assert_eq!(ask(&server, "GET", &format!("/v0/status?token={token}"), &[], "").status, 200);
    assert_eq!(ask(&server, "GET", "/v0/status", &[("Authorization", &bearer)], "").status, 200);
    let foreign = ask(&server, "GET", "/health", &[("Host", "evil.example")], "");
    assert_eq!(foreign.status, 403, "a page of a foreign site must not reach this machine");
    assert_eq!(ask(&server, "GET", "/health", &[("Host", "localhost:7181")], "").status, 200);
    let nothing = ask(&server, "GET", "/nothing", &[], "");
    assert_eq!(nothing.status, 404);
    assert!(nothing.json()["error"].is_string());
    assert!(!server.log().contains(&token), "the token is not in the log");
    server.stop();
}

#[test]
fn queries_are_answered_in_the_format_that_is_asked_for() {
    let project = Project::new(&[("numbers.datasource", TABLE)]);
    let server = project.start(&[]).ready();
    let token = server.token();

    let json = ask(&server, "GET", &format!("/v0/sql?token={token}&q=SELECT+1+AS+one"), &[], "");
    assert_eq!((json.status, json.content_type.as_str()), (200, "application/json"));
    assert_eq!(json.json()["data"][0]["one"], 1);
    assert_eq!(json.json()["rows"], 1);
    assert!(json.json()["meta"].is_array() && json.json()["statistics"].is_object());

    let form = ask(
        &server,
        "POST",
        &format!("/v0/sql?token={token}"),
        &[("Content-Type", "application/x-www-form-urlencoded")],
        "q=SELECT%202%20AS%20two",
    );
    assert_eq!(form.json()["data"][0]["two"], 2);
    let bare = ask(
        &server,
        "POST",
        &format!("/v0/sql?token={token}"),
        &[("Content-Type", "application/x-www-form-urlencoded")],
        "SELECT 3 AS three",
    );
    assert_eq!(bare.json()["data"][0]["three"], 3);

    let csv = sql(&server, "SELECT number FROM numbers(3) FORMAT CSV");
    assert_eq!((csv.content_type.as_str(), csv.body.as_str()), ("text/csv; charset=UTF-8", "0\n1\n2\n"));
    assert_eq!(
        sql(&server, "SELECT count() FROM numbers FORMAT TSV").body,
        "0\n",
        "a table of the workspace needs no database"
    );
    let many = sql(&server, "SELECT number FROM numbers(1000000) FORMAT JSONEachRow");
    assert_eq!(many.body.lines().count(), 1_000_000);
    let names = sql(&server, "SELECT number AS n FROM numbers(200000) FORMAT TSVWithNames");
    assert_eq!(names.body.lines().filter(|line| *line == "n").count(), 1);
    assert_eq!(names.body.lines().count(), 200_001);
    assert_eq!(sql(&server, "SHOW TABLES FORMAT JSONEachRow").status, 200);
    assert_eq!(sql(&server, "SELECT number FROM numbers(0) FORMAT CSV").status, 200);
    server.stop();
}

#[test]
fn bad_queries_are_answered_by_what_is_wrong() {
    let project = Project::new(&[("numbers.datasource", TABLE)]);
    let server = project.start(&[]).ready();
    let cases = [
        "SELEC 1",
        "SELECT\n  1 FORM t",
        "SELECT nothing",
        "SELECT * FROM nowhere",
        "SELECT 1 FORMAT Nope",
        "SELECT throwIf(number = 3) FROM numbers(10) FORMAT CSV",
        "",
        "SELECT 1; SELECT 2",
    ];
    let mut shown = String::new();
    for query in cases {
        let answer = sql(&server, query);
        shown.push_str(&format!(
            "> {query}\n{}: {}\n\n",
            answer.status,
            answer.json()["error"].as_str().unwrap()
        ));
    }
    insta::assert_snapshot!(shown);
    server.stop();
}

#[test]
fn queries_can_neither_write_nor_look_outside() {
    let project = Project::new(&[("numbers.datasource", TABLE)]);
    let server = project.start(&[]).ready();
    let outside = project.path().join("outside");
    let refused = [
        "INSERT INTO numbers VALUES (1)",
        "CREATE TABLE x (a UInt8) ENGINE = Memory",
        "CREATE TEMPORARY TABLE x (a UInt8)",
        "DROP TABLE numbers",
        "ALTER TABLE numbers DELETE WHERE 1",
        "SET readonly = 0",
        "USE system",
        "SYSTEM SHUTDOWN",
        "SELECT 1 SETTINGS readonly = 0",
        "SELECT 1 FROM (SELECT 1 SETTINGS readonly = 0)",
        "SELECT * FROM (SELECT * FROM file('/etc/hostname', LineAsString) SETTINGS readonly = 0)",
        "SELECT (SELECT * FROM file('/etc/hostname', LineAsString) SETTINGS readonly = 0)",
        "SELECT * FROM file('/etc/hostname', LineAsString)",
        "SELECT file('/etc/hostname')",
        "SELECT arrayMap(file, ['/etc/hostname'])",
        "SELECT * FROM url('http://127.0.0.1:1/', LineAsString)",
        "SELECT * FROM s3('http://127.0.0.1:1/bucket/key', NOSIGN, 'CSV', 'a String')",
        "SELECT * FROM remote('127.0.0.1:1', system.one)",
        "SELECT * FROM executable('id', 'TSV', 'a String')",
        "SELECT * FROM sqlite('/tmp/x.db', 'y')",
        "DESCRIBE TABLE url('http://127.0.0.1:1/')",
        "EXPLAIN SELECT * FROM url('http://127.0.0.1:1/', LineAsString)",
        "WITH (SELECT file('/etc/hostname')) AS x SELECT x",
        "SELECT 1 FROM default.`/etc/hostname`",
        "BACKUP TABLE numbers TO File('x')",
        "KILL QUERY WHERE 1",
    ];
    for query in refused {
        let answer = sql(&server, query);
        assert_eq!(answer.status, 403, "{query}: {}", answer.body);
        assert!(answer.json()["error"].is_string(), "{query}");
    }
    let into = format!("SELECT 1 INTO OUTFILE '{}'", outside.display());
    assert_eq!(sql(&server, &into).status, 403);
    assert!(!outside.exists());
    assert_eq!(sql(&server, "SELECT count() FROM numbers FORMAT TSV").body, "0\n");
    server.stop();
}
