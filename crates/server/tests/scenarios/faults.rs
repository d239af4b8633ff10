//! Each fault of the world outside: one clear message, no flood, and healing where it can heal.

use crate::kafka_project::{Numbers, PLAINTEXT, records};
use crate::support::{self, Project};
use forebay_testkit::kafka::{ALICE, BOB, Broker};
use std::{net::TcpListener, process::Command};

/// A table that nobody feeds.
const TABLE: &str = "SCHEMA >\n    `n` UInt8\n\nENGINE MergeTree\nENGINE_SORTING_KEY n\n";
/// Lines a log may have after one fault that healed: started, error, hint, works again, caught up, and a few more.
const FEW_LINES: usize = 12;

fn assert_no_flood(log: &str) {
    assert!(log.lines().count() <= FEW_LINES, "{log}");
}

#[test]
fn a_broker_that_is_down_at_the_start_heals_by_itself() {
    let mut broker = Broker::start_private().unwrap();
    let Numbers { project, topic, .. } = Numbers::of(&broker.addresses().plaintext, PLAINTEXT);
    broker.create_topic(&topic, 1).unwrap();
    broker.produce(&topic, records(0..10)).unwrap();
    broker.stop().unwrap();
    let mut server = project.start(&[]).ready();
    let error = server.until_trouble("unavailable");
    assert!(error["fact"].as_str().unwrap().contains("cannot reach Kafka at"), "{error}");
    assert!(error["hint"].is_string());
    let shown = project.run(&["status"]).out;
    assert!(shown.contains("retrying") && shown.contains("hint:"), "{shown}");
    broker.start().unwrap();
    server.until_rows(10);
    assert_no_flood(&server.stop());
}

#[test]
fn a_broker_that_goes_away_and_comes_back_loses_and_doubles_nothing() {
    let mut broker = Broker::start_private().unwrap();
    let Numbers { project, topic, .. } = Numbers::of(&broker.addresses().plaintext, PLAINTEXT);
    broker.create_topic(&topic, 2).unwrap();
    broker.produce(&topic, records(0..100)).unwrap();
    let mut server = project.start(&[]).ready();
    server.until_rows(100);
    broker.kill().unwrap();
    let error = server.until_trouble("unavailable");
    assert!(error["fact"].as_str().unwrap().contains("Kafka"), "{error}");
    broker.start().unwrap();
    broker.produce(&topic, records(100..200)).unwrap();
    server.until_rows(200);
    assert_eq!(project.sql("SELECT count(), uniqExact(n) FROM numbers"), "200\t200");
    assert_no_flood(&server.stop());
}

#[test]
fn a_broker_that_hangs_delays_a_stop_by_seconds_and_a_second_signal_not_at_all() {
    let mut broker = Broker::start_private().unwrap();
    let Numbers { project, topic, .. } = Numbers::of(&broker.addresses().plaintext, PLAINTEXT);
    broker.create_topic(&topic, 1).unwrap();
    broker.produce(&topic, records(0..10)).unwrap();
    let mut server = project.start(&[]).ready();
    server.until_rows(10);
    broker.pause().unwrap();
    server.signal("INT");
    server.wait_for("the first signal's effect", |server| server.log().contains("stopping"));
    server.signal("INT");
    assert_eq!(server.wait().code(), Some(130), "{}", server.log());

    broker.resume().unwrap();
    broker.produce(&topic, records(10..20)).unwrap();
    let mut server = project.start(&[]).ready();
    server.until("a caught up topic", |it| it["caught_up"] == true);
    broker.pause().unwrap();
    server.stop();
    broker.resume().unwrap();
    assert_eq!(project.sql("SELECT count(), uniqExact(n) FROM numbers"), "20\t20");
}

#[test]
fn a_wrong_password_is_named_but_never_shown() {
    let broker = Broker::shared();
    let security = format!(
        "KAFKA_SECURITY_PROTOCOL SASL_PLAINTEXT\nKAFKA_SASL_MECHANISM SCRAM-SHA-512\nKAFKA_KEY {}\nKAFKA_SECRET {{{{ tb_secret(\"PASSWORD\") }}}}",
        ALICE.name
    );
    let numbers = Numbers::of(&broker.addresses().sasl_plaintext, &security)
        .set("FOREBAY_SECRET_PASSWORD", "not-her-passw0rd");
    broker.create_topic(&numbers.topic, 1).unwrap();
    let mut server = numbers.project.start(&[]).ready();
    let error = server.until_trouble("authentication");
    assert!(error["fact"].as_str().unwrap().contains("refused user \"alice\""), "{error}");
    assert!(error["hint"].as_str().unwrap().contains("KAFKA_SECRET"), "{error}");
    let everything = [
        numbers.project.run(&["status"]).out,
        numbers.project.run(&["status", "--json"]).out,
        numbers.project.run(&["check", "--json"]).out,
        server.get("/health"),
        server.get("/metrics"),
        server.stop(),
    ];
    for shown in &everything {
        assert!(!shown.contains("not-her-passw0rd"), "{shown}");
    }
    assert_no_flood(everything.last().unwrap());
}

#[test]
fn the_right_password_reads_over_tls() {
    let broker = Broker::shared();
    let ca = std::fs::read_to_string(&broker.addresses().ca).unwrap();
    let ca: String = ca.lines().map(|line| format!("    {line}\n")).collect();
    let security = format!(
        "KAFKA_SECURITY_PROTOCOL SASL_SSL\nKAFKA_SASL_MECHANISM PLAIN\nKAFKA_KEY {}\nKAFKA_SECRET {{{{ tb_secret(\"PASSWORD\") }}}}\nKAFKA_SSL_CA_PEM >\n{ca}",
        ALICE.name
    );
    let numbers = Numbers::of(&broker.addresses().sasl_ssl, &security);
    numbers.project.write(".env", &format!("PASSWORD=\"{}\"\n", ALICE.password));
    broker.create_topic(&numbers.topic, 1).unwrap();
    broker.produce(&numbers.topic, records(0..10)).unwrap();
    let mut server = numbers.project.start(&[]).ready();
    server.until_rows(10);
    assert!(!server.stop().contains(ALICE.password));
}

#[test]
fn a_missing_topic_heals_once_it_is_created() {
    let broker = Broker::shared();
    let Numbers { project, topic, .. } = Numbers::of(&broker.addresses().plaintext, PLAINTEXT);
    let mut server = project.start(&[]).ready();
    let error = server.until_trouble("not-found");
    assert!(
        error["fact"].as_str().unwrap().contains(&format!("topic \"{topic}\" does not exist")),
        "{error}"
    );
    broker.create_topic(&topic, 1).unwrap();
    broker.produce(&topic, records(0..10)).unwrap();
    server.until_rows(10);
    assert_no_flood(&server.stop());
}

#[test]
fn missing_rights_are_named_one_by_one_and_heal_once_granted() {
    let broker = Broker::shared();
    let security = format!(
        "KAFKA_SECURITY_PROTOCOL SASL_PLAINTEXT\nKAFKA_SASL_MECHANISM PLAIN\nKAFKA_KEY {}\nKAFKA_SECRET {}",
        BOB.name, BOB.password
    );
    let Numbers { project, topic, group } = Numbers::of(&broker.addresses().sasl_plaintext, &security);
    broker.create_topic(&topic, 1).unwrap();
    broker.produce(&topic, records(0..10)).unwrap();
    let mut server = project.start(&[]).ready();
    let error = server.until_trouble("authorization");
    assert!(
        error["hint"].as_str().unwrap().contains(&format!("READ and DESCRIBE on topic \"{topic}\"")),
        "{error}"
    );
    broker.add_acl(BOB, "Read", ("topic", &topic)).unwrap();
    broker.add_acl(BOB, "Describe", ("topic", &topic)).unwrap();
    let of_group = |it: &serde_json::Value| {
        it["last_error"]["hint"].as_str().is_some_and(|hint| hint.contains("READ on group"))
    };
    server.until("a message on the group", of_group);
    broker.add_acl(BOB, "Read", ("group", &group)).unwrap();
    server.until_rows(10);
    assert_no_flood(&server.stop());
}

#[test]
fn a_data_directory_in_use_is_answered_by_who_has_it() {
    let project = Project::new(&[("numbers.datasource", TABLE)]);
    let server = project.start(&[]).ready();
    let ran = project.run(&["start"]);
    assert_eq!(ran.code, Some(4), "{ran:?}");
    assert!(ran.err.contains(&format!("is in use by process {}", server.pid())), "{}", ran.err);
    assert!(ran.err.contains("hint:"));
    server.stop();
}

#[test]
fn a_port_in_use_is_answered_by_who_has_it() {
    let project = Project::new(&[("numbers.datasource", TABLE)]);
    let stranger = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = stranger.local_addr().unwrap().port().to_string();
    let ran = project.run(&["start", "--port", &port]);
    assert_eq!(ran.code, Some(4), "{ran:?}");
    assert!(
        ran.err.contains(&format!("port {port} of 127.0.0.1 is in use by another program")),
        "{}",
        ran.err
    );
    let server = project.start(&[]).ready();
    let port = server.address().unwrap().rsplit_once(':').unwrap().1.to_owned();
    let other = Project::new(&[("numbers.datasource", TABLE)]);
    let ran = other.run(&["start", "--port", &port]);
    assert_eq!(ran.code, Some(4), "{ran:?}");
    assert!(ran.err.contains(&format!("is in use by forebay, process {}", server.pid())), "{}", ran.err);
    server.stop();
}

#[test]
fn a_missing_engine_is_answered_by_the_command_to_run() {
    let project = Project::new(&[("numbers.datasource", TABLE)]);
    let empty = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| {
        let mut command = project.command(args);
        command.env_remove("FOREBAY_LIBCHDB").env("FOREBAY_CACHE", empty.path());
        support::Ran::from(command.output().unwrap())
    };
    for args in [["start"].as_slice(), &["engine", "status"], &["engine", "path"]] {
        let ran = run(args);
        assert_eq!(ran.code, Some(3), "{ran:?}");
        assert!(ran.err.contains("run `forebay engine install`"), "{}", ran.err);
    }
}

#[test]
fn a_full_disk_stops_nothing_for_good() {
    let broker = Broker::shared();
    let Numbers { project, topic, .. } = Numbers::of(&broker.addresses().plaintext, PLAINTEXT);
    broker.create_topic(&topic, 1).unwrap();
    broker.produce(&topic, records(0..10)).unwrap();
    let disk = SmallDisk::mount(&project.data_dir());
    let mut server = project.start(&[]).ready();
    server.until_rows(10);
    let filler = disk.fill();
    broker.produce(&topic, records(10..20)).unwrap();
    let error = server.until_trouble("capacity");
    assert!(error["hint"].as_str().unwrap().contains("free space on the disk of"), "{error}");
    std::fs::remove_file(filler).unwrap();
    server.until_rows(20);
    assert_eq!(project.sql("SELECT count(), uniqExact(n) FROM numbers"), "20\t20");
    assert_no_flood(&server.stop());
}

/// A file system of 64 MiB in memory.
struct SmallDisk {
    path: std::path::PathBuf,
}

impl SmallDisk {
    fn mount(path: &std::path::Path) -> Self {
        std::fs::create_dir_all(path).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=64m", "tmpfs"])
            .arg(path)
            .status()
            .unwrap();
        assert!(
            mounted.success(),
            "a small disk cannot be mounted: run the tests as root, or in a container with CAP_SYS_ADMIN"
        );
        Self { path: path.to_owned() }
    }

    /// Takes all the space there is.
    fn fill(&self) -> std::path::PathBuf {
        let filler = self.path.join("filler");
        let mut file = std::fs::File::create(&filler).unwrap();
        let block = vec![0_u8; 4096];
        while std::io::Write::write_all(&mut file, &block).is_ok() {}
        filler
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").args(["-l"]).arg(&self.path).status();
    }
}
