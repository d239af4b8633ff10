//! A real Apache Kafka broker, and what tests ask of one.

mod certificates;
mod cluster;
mod settings;

pub use cluster::{Cluster, Committed, Outgoing};

use crate::guarded_process::GuardedProcess;
use crate::{Failure, fetch_part};
use settings::Ports;
use std::env;
use std::fs;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Super user on the SASL listeners, by PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512.
pub const ALICE: User = User { name: "alice", password: "alice-password" };
/// Known to the broker like [`ALICE`], but without any right until [`Broker::add_acl`] gives one.
pub const BOB: User = User { name: "bob", password: "bob-password" };

/// Names of the variables by which `with-kafka` tells its command where the shared broker is.
const SHARED: [&str; 4] = [
    "FOREBAY_TEST_KAFKA",
    "FOREBAY_TEST_KAFKA_SASL_PLAINTEXT",
    "FOREBAY_TEST_KAFKA_SASL_SSL",
    "FOREBAY_TEST_KAFKA_CA",
];
/// A start takes 3 to 8 s on an idle machine of two cores.
const START_LIMIT: Duration = Duration::from_secs(120);

/// A user of the SASL listeners.
#[derive(Clone, Copy, Debug)]
pub struct User {
    /// User name.
    pub name: &'static str,
    /// Password, the same for every mechanism.
    pub password: &'static str,
}

/// Where a broker listens, always on 127.0.0.1.
#[derive(Clone, Debug)]
pub struct Addresses {
    /// `host:port` without authentication; everybody is a super user here.
    pub plaintext: String,
    /// `host:port` of SASL over plain TCP.
    pub sasl_plaintext: String,
    /// `host:port` of SASL over TLS.
    pub sasl_ssl: String,
    /// PEM file of the authority that signed the broker's certificate.
    pub ca: PathBuf,
}

/// A combined KRaft node (broker and controller). One that was started here stops when it is dropped or when its owner dies.
/// Dereferences to its [`Cluster`] for topics, records and offsets.
pub struct Broker {
    addresses: Addresses,
    cluster: Cluster,
    node: Option<Node>,
}

/// The directory and the process of a broker we started ourselves.
struct Node {
    directory: PathBuf,
    temporary: bool,
    ports: Ports,
    process: Option<GuardedProcess>,
}

impl Broker {
    /// The broker that all tests of a run share: `with-kafka` started it, else this process starts one for itself.
    ///
    /// # Panics
    /// When no broker can be started; the text says what to do.
    pub fn shared() -> &'static Broker {
        static BROKER: OnceLock<Broker> = OnceLock::new();
        BROKER.get_or_init(|| match Self::from_environment() {
            Some(broker) => broker,
            None => Self::start_private().unwrap_or_else(|failure| panic!("{failure}")),
        })
    }

    /// A broker of one's own in a temporary directory, for tests that stop or stall it.
    pub fn start_private() -> Result<Self, Failure> {
        let directory = tempfile::Builder::new()
            .prefix("forebay-kafka-")
            .tempdir()
            .map_err(Failure::of("no temporary directory for Kafka"))?
            .keep();
        Self::start_node(directory, true)
    }

    /// A broker whose topics and offsets stay in `directory` when it stops.
    pub fn start_in(directory: &Path) -> Result<Self, Failure> {
        fs::create_dir_all(directory)
            .map_err(Failure::of(format!("no directory {}", directory.display())))?;
        Self::start_node(directory.to_path_buf(), false)
    }

    /// Where clients reach it.
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// The variables that make [`Self::shared`] in another process use this broker.
    pub fn environment(&self) -> [(&'static str, String); 4] {
        let [plaintext, sasl_plaintext, sasl_ssl, ca] = SHARED;
        [
            (plaintext, self.addresses.plaintext.clone()),
            (sasl_plaintext, self.addresses.sasl_plaintext.clone()),
            (sasl_ssl, self.addresses.sasl_ssl.clone()),
            (ca, self.addresses.ca.display().to_string()),
        ]
    }

    /// Stops it in order, as an administrator would; [`Self::start`] brings it back with ports and data.
    pub fn stop(&mut self) -> Result<(), Failure> {
        self.end("TERM")
    }

    /// Kills it, as a power cut would.
    pub fn kill(&mut self) -> Result<(), Failure> {
        self.end("KILL")
    }

    /// Freezes it: connections stay open and nothing answers until [`Self::resume`].
    pub fn pause(&mut self) -> Result<(), Failure> {
        self.process()?.signal("STOP")
    }

    /// Lets a paused broker run on.
    pub fn resume(&mut self) -> Result<(), Failure> {
        self.process()?.signal("CONT")
    }

    /// Starts a stopped broker again on the same ports and data.
    pub fn start(&mut self) -> Result<(), Failure> {
        let node = self.own_node()?;
        if node.process.is_none() {
            node.process = Some(node.launch()?);
            self.wait_until_ready()?;
        }
        Ok(())
    }

    /// Allows `user` one operation (`Read`, `Write`, `Describe`, ...) on a resource: `("topic", name)` or `("group", name)`.
    /// Takes about 2 s, for it runs Kafka's own tool.
    pub fn add_acl(&self, user: User, operation: &str, (kind, name): (&str, &str)) -> Result<(), Failure> {
        let arguments = [
            "--bootstrap-server",
            &self.addresses.plaintext,
            "--add",
            "--allow-principal",
            &format!("User:{}", user.name),
            "--operation",
            operation,
            &format!("--{kind}"),
            name,
        ]
        .map(str::to_owned);
        run_tool("org.apache.kafka.tools.AclCommand", &arguments)
    }

    fn from_environment() -> Option<Self> {
        let [plaintext, sasl_plaintext, sasl_ssl, ca] = SHARED.map(|name| env::var(name).ok());
        let addresses = Addresses {
            plaintext: plaintext?,
            sasl_plaintext: sasl_plaintext?,
            sasl_ssl: sasl_ssl?,
            ca: ca?.into(),
        };
        Some(Self { cluster: Cluster::new(&addresses.plaintext), addresses, node: None })
    }

    fn start_node(directory: PathBuf, temporary: bool) -> Result<Self, Failure> {
        let certificates = certificates::broker_certificates()?;
        let ports = Ports::pick()?;
        let addresses = ports.addresses(certificates.ca.clone());
        let settings = settings::server_properties(&directory, &ports, &certificates);
        let properties = directory.join("server.properties");
        write(&properties, &settings)?;
        write(&directory.join("log4j2.properties"), settings::LOGGING)?;
        if !directory.join("data/meta.properties").exists() {
            run_tool("kafka.tools.StorageTool", &settings::format_arguments(&properties))?;
        }
        let mut broker = Self {
            cluster: Cluster::new(&addresses.plaintext),
            addresses,
            node: Some(Node { directory, temporary, ports, process: None }),
        };
        broker.start()?;
        Ok(broker)
    }

    fn wait_until_ready(&mut self) -> Result<(), Failure> {
        let deadline = Instant::now() + START_LIMIT;
        while Instant::now() < deadline {
            if self.cluster.answers(Duration::from_secs(1)) {
                return Ok(());
            }
            if self.process()?.is_gone() {
                return Err(self.own_node()?.died());
            }
        }
        let log = self.own_node()?.log();
        Err(Failure::new(format!("Kafka does not answer after {START_LIMIT:?}"))
            .hint(format!("its log is {}", log.display())))
    }

    fn end(&mut self, signal: &str) -> Result<(), Failure> {
        let node = self.own_node()?;
        let Some(mut process) = node.process.take() else {
            return Ok(());
        };
        process.keep_directory()?;
        process.signal(signal)?;
        process.wait();
        Ok(())
    }

    fn own_node(&mut self) -> Result<&mut Node, Failure> {
        self.node.as_mut().ok_or_else(|| {
            Failure::new("the shared broker belongs to all tests of the run")
                .hint("use Broker::start_private() to stop, kill or pause one")
        })
    }

    fn process(&mut self) -> Result<&mut GuardedProcess, Failure> {
        self.own_node()?.process.as_mut().ok_or_else(|| Failure::new("the broker is stopped"))
    }
}

impl Deref for Broker {
    type Target = Cluster;

    fn deref(&self) -> &Cluster {
        &self.cluster
    }
}

impl Node {
    fn launch(&self) -> Result<GuardedProcess, Failure> {
        let logging = self.directory.join("log4j2.properties");
        let command = [
            java("java"),
            "-Xms256m".into(),
            "-Xmx1g".into(),
            "-XX:+UseSerialGC".into(),
            format!("-Dlog4j2.configurationFile={}", logging.display()),
            "-cp".into(),
            class_path()?,
            "kafka.Kafka".into(),
            self.directory.join("server.properties").display().to_string(),
        ];
        let remove = self.temporary.then_some(self.directory.as_path());
        GuardedProcess::start(&command, &self.log(), remove)
    }

    fn log(&self) -> PathBuf {
        self.directory.join("kafka.log")
    }

    fn died(&self) -> Failure {
        let log = fs::read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<&str> = log.lines().rev().take(15).collect();
        let tail: Vec<&str> = lines.into_iter().rev().collect();
        Failure::new(format!("Kafka ended while it started:\n{}", tail.join("\n")))
            .hint(format!("its ports were {}", self.ports))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(process) = self.process.take() {
            stop_in_order(process, self.temporary);
        } else if self.temporary {
            let _ = fs::remove_dir_all(&self.directory);
        }
    }
}

/// A kept directory deserves an orderly end: the next start then has no log to recover.
fn stop_in_order(mut process: GuardedProcess, temporary: bool) {
    if !temporary && process.signal("TERM").is_ok() {
        process.wait();
    }
}

/// Runs one of Kafka's own tools to its end.
fn run_tool(main_class: &str, arguments: &[String]) -> Result<(), Failure> {
    let output = Command::new(java("java"))
        .args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp"])
        .arg(class_path()?)
        .arg(main_class)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(java_missing)?;
    if output.status.success() {
        return Ok(());
    }
    Err(Failure::new(format!(
        "{main_class} failed: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )))
}

fn class_path() -> Result<String, Failure> {
    static LIBRARIES: OnceLock<Result<PathBuf, Failure>> = OnceLock::new();
    let libraries = LIBRARIES.get_or_init(|| fetch_part("fetch-kafka")).clone()?;
    Ok(format!("{}/*", libraries.display()))
}

/// The path of a tool of the Java installation that `JAVA_HOME` names, else its plain name.
pub(crate) fn java(tool: &str) -> String {
    match env::var("JAVA_HOME") {
        Ok(home) if !home.is_empty() => format!("{home}/bin/{tool}"),
        _ => tool.to_owned(),
    }
}

// By value, as `map_err` wants it.
#[allow(clippy::needless_pass_by_value)]
fn java_missing(error: std::io::Error) -> Failure {
    Failure::new(format!("java could not be run: {error}"))
        .hint("run scripts/doctor: it says how to get Java 17 or later")
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    fs::write(path, text).map_err(Failure::of(format!("{} cannot be written", path.display())))
}
