use super::certificates::{Certificates, KEYSTORE_PASSWORD};
use super::{ALICE, Addresses, BOB};
use crate::Failure;
use crate::ports::{Port, random};
use std::fmt;
use std::path::{Path, PathBuf};

/// One port per listener.
#[derive(Debug)]
pub(super) struct Ports {
    plaintext: Port,
    controller: Port,
    sasl_plaintext: Port,
    sasl_ssl: Port,
}

impl Ports {
    /// Four ports that nobody uses and no other handle has picked.
    pub(super) fn pick() -> Result<Self, Failure> {
        let pick = || Port::pick("Kafka");
        Ok(Self { plaintext: pick()?, controller: pick()?, sasl_plaintext: pick()?, sasl_ssl: pick()? })
    }

    pub(super) fn addresses(&self, ca: PathBuf) -> Addresses {
        Addresses {
            plaintext: self.plaintext.address(),
            sasl_plaintext: self.sasl_plaintext.address(),
            sasl_ssl: self.sasl_ssl.address(),
            ca,
        }
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { plaintext, controller, sasl_plaintext, sasl_ssl } = self;
        write!(f, "{plaintext}, {controller}, {sasl_plaintext}, {sasl_ssl}")
    }
}

/// What `StorageTool` needs to format the data directory: a new cluster id, and SCRAM users, which live in the metadata log.
pub(super) fn format_arguments(properties: &Path) -> Vec<String> {
    // 22 characters of base64url are a Kafka id; hexadecimal digits are among them.
    let cluster_id = format!("{:016x}{:016x}", random(0), random(1))[..21].to_owned() + "A";
    let mut arguments = vec![
        "format".to_owned(),
        "--config".to_owned(),
        properties.display().to_string(),
        "--cluster-id".to_owned(),
        cluster_id,
    ];
    for user in [ALICE, BOB] {
        for mechanism in ["SCRAM-SHA-256", "SCRAM-SHA-512"] {
            arguments.push("--add-scram".to_owned());
            arguments.push(format!("{mechanism}=[name=\"{}\",password=\"{}\"]", user.name, user.password));
        }
    }
    arguments
}

/// `server.properties` of one combined node.
pub(super) fn server_properties(directory: &Path, ports: &Ports, certificates: &Certificates) -> String {
    let Ports { plaintext, controller, sasl_plaintext, sasl_ssl } = ports;
    let listeners = format!(
        "PLAINTEXT://127.0.0.1:{plaintext},SASL_PLAINTEXT://127.0.0.1:{sasl_plaintext},SASL_SSL://127.0.0.1:{sasl_ssl}"
    );
    format!(
        "process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listeners={listeners},CONTROLLER://127.0.0.1:{controller}
advertised.listeners={listeners}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL
log.dirs={data}
log.retention.ms=-1
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS;User:{super_user}
ssl.keystore.type=PKCS12
ssl.keystore.location={keystore}
ssl.keystore.password={KEYSTORE_PASSWORD}
ssl.key.password={KEYSTORE_PASSWORD}
{sasl}",
        data = directory.join("data").display(),
        super_user = ALICE.name,
        keystore = certificates.keystore.display(),
        sasl = ["sasl_plaintext", "sasl_ssl"].map(sasl_listener).concat(),
    )
}

fn sasl_listener(listener: &str) -> String {
    let users = [ALICE, BOB].map(|user| format!(" user_{}=\"{}\"", user.name, user.password)).concat();
    let prefix = format!("listener.name.{listener}");
    let security = "org.apache.kafka.common.security";
    format!(
        "{prefix}.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
{prefix}.plain.sasl.jaas.config={security}.plain.PlainLoginModule required{users};
{prefix}.scram-sha-256.sasl.jaas.config={security}.scram.ScramLoginModule required;
{prefix}.scram-sha-512.sasl.jaas.config={security}.scram.ScramLoginModule required;
"
    )
}

/// Everything to standard output, which the guard appends to `kafka.log`.
pub(super) const LOGGING: &str = "rootLogger.level = info
rootLogger.appenderRefs = stdout
rootLogger.appenderRef.stdout.ref = stdout
appender.stdout.type = Console
appender.stdout.name = stdout
appender.stdout.layout.type = PatternLayout
appender.stdout.layout.pattern = %d{ISO8601} %p %m (%c{1})%n
";
