//! From the topic to the table, through the built binary, on a real broker and a real engine.

use crate::kafka_project::{Numbers, PLAINTEXT, records};
use forebay_testkit::kafka::{Broker, Outgoing};

fn numbers(partitions: i32) -> Numbers {
    let broker = Broker::shared();
    let numbers = Numbers::of(&broker.addresses().plaintext, PLAINTEXT);
    broker.create_topic(&numbers.topic, partitions).unwrap();
    numbers
}

#[test]
fn records_become_rows_that_can_be_queried() {
    let Numbers { project, topic, .. } = numbers(3);
    Broker::shared().produce(&topic, records(0..1000)).unwrap();
    let mut server = project.start(&[]).ready();
    let status = server.until_rows(1000);
    assert_eq!(status["partitions"].as_object().unwrap().len(), 3);
    assert_eq!(project.sql("SELECT count(), sum(n), any(name) FROM numbers"), "1000\t499500\tnobody");
    assert_eq!(project.sql(&format!("SELECT count() FROM numbers WHERE __topic = '{topic}'")), "1000");
    let metrics = server.get("/metrics");
    assert!(
        metrics.contains(&format!("forebay_rows_total{{datasource=\"numbers\",topic=\"{topic}\"}} 1000")),
        "{metrics}"
    );
    let health: serde_json::Value = serde_json::from_str(&server.get("/health")).unwrap();
    assert_eq!(health["status"], "ok");
    server.stop();
}

#[test]
fn records_that_do_not_fit_go_to_quarantine_and_harm_nobody() {
    let Numbers { project, topic, .. } = numbers(1);
    let bad = ["{\"n\": 4294967296}", "{\"n\": \"abc\"}", "{\"n\": 1", "{}"];
    let broker = Broker::shared();
    broker.produce(&topic, records(0..10)).unwrap();
    broker.produce(&topic, bad.map(Outgoing::value)).unwrap();
    broker.produce(&topic, records(10..20)).unwrap();
    let mut server = project.start(&[]).ready();
    let status = server.until("20 rows and 4 in quarantine", |it| it["rows"] == 20 && it["quarantined"] == 4);
    assert_eq!(
        status["quarantined_by_reason"]
            .as_object()
            .unwrap()
            .values()
            .filter_map(serde_json::Value::as_u64)
            .sum::<u64>(),
        4
    );
    assert_eq!(project.sql("SELECT count(), sum(n) FROM numbers"), "20\t190");
    assert_eq!(project.sql("SELECT count() FROM numbers_quarantine"), "4");
    let log = server.stop();
    assert_eq!(log.matches("numbers_quarantine").count(), 1, "told once:\n{log}");
}

#[test]
fn a_restart_doubles_and_loses_nothing() {
    let Numbers { project, topic, .. } = numbers(2);
    let broker = Broker::shared();
    broker.produce(&topic, records(0..500)).unwrap();
    let mut server = project.start(&[]).ready();
    server.until_rows(500);
    server.stop();
    broker.produce(&topic, records(500..600)).unwrap();
    let mut server = project.start(&[]).ready();
    server.until_rows(100);
    assert_eq!(project.sql("SELECT count(), uniqExact(n) FROM numbers"), "600\t600");
    server.kill();
    let mut server = project.start(&[]).ready();
    server.until("a caught up topic", |it| it["caught_up"] == true);
    assert_eq!(project.sql("SELECT count(), uniqExact(n) FROM numbers"), "600\t600");
    server.stop();
    assert_eq!(
        project.sql("SELECT count() FROM numbers"),
        "600",
        "without a server the engine is asked directly"
    );
}

#[test]
fn an_orderly_stop_writes_and_commits_what_was_read() {
    let Numbers { project, topic, group } = numbers(2);
    let broker = Broker::shared();
    let server = project.start(&["--flush-interval", "5s"]).ready();
    broker.produce(&topic, records(0..200)).unwrap();
    let mut server = server;
    server.until("records at hand", |it| it["lag"].is_u64() && it["rows"].as_u64() > Some(0));
    broker.produce(&topic, records(200..400)).unwrap();
    let log = server.stop();
    assert!(log.contains("stopped"), "{log}");
    let rows: i64 = project.sql("SELECT count() FROM numbers").parse().unwrap();
    let committed = broker.committed(&group, &topic).unwrap();
    let committed: i64 = committed.iter().filter_map(|committed| committed.next_offset).sum();
    assert_eq!(rows, committed, "what is in the table is committed, and nothing else");
}

#[test]
fn with_until_caught_up_it_stops_by_itself() {
    let Numbers { project, topic, .. } = numbers(1);
    Broker::shared().produce(&topic, records(0..100)).unwrap();
    let ran = project.run(&["start", "--until-caught-up", "--json"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for line in ran.out.lines() {
        let notice: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(notice["at"].is_string() && notice["about"].is_string(), "{line}");
    }
    assert_eq!(project.sql("SELECT count() FROM numbers"), "100");
}

#[test]
fn status_waits_until_everything_is_read() {
    let Numbers { project, topic, .. } = numbers(1);
    Broker::shared().produce(&topic, records(0..100)).unwrap();
    let server = project.start(&[]).ready();
    let ran = project.run(&["status", "--until-caught-up", "--timeout", "60s"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.out.contains("numbers: caught up, 100 rows"), "{}", ran.out);
    let ran = project.run(&["status", "--watch", "--until-caught-up"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    server.stop();
}
