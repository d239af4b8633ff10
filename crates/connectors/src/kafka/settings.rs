//! From a data source's `KAFKA_*` settings to librdkafka's configuration.

use forebay_project::model::{self, KafkaConnection, OffsetReset, SaslMechanism, SecurityProtocol, Text};
use rdkafka::ClientConfig;
use std::{fmt, time::Duration};

pub use forebay_project::text::MissingSecret;

/// Everything needed to consume one topic, secrets resolved.
#[derive(Clone)]
pub struct ConsumerSettings {
    /// Data source that reads the topic, for messages.
    pub datasource: String,
    /// `host:port[,host:port]`
    pub bootstrap_servers: String,
    /// Topic name.
    pub topic: String,
    /// Consumer group.
    pub group_id: String,
    /// User, for messages.
    pub user: Option<String>,
    password: Option<String>,
    security_protocol: SecurityProtocol,
    sasl_mechanism: SaslMechanism,
    ca_pem: Option<String>,
    pub(super) auto_offset_reset: OffsetReset,
    /// Stable name of this worker (KIP-345), so that a restarted worker gets its partitions back at once.
    pub group_instance_id: Option<String>,
    /// Bytes librdkafka may hold ahead of us.
    pub prefetch_bytes: usize,
}

/// A dead worker's partitions are given to others after this time.
const SESSION_TIMEOUT: Duration = Duration::from_secs(10);

/// How often librdkafka reports watermarks.
const STATISTICS_INTERVAL: Duration = Duration::from_millis(500);

impl ConsumerSettings {
    /// Resolves the secrets of `kafka`, the settings of `datasource`.
    pub fn resolve(
        datasource: &str,
        kafka: &model::KafkaSource,
        secret: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, MissingSecret> {
        let KafkaConnection {
            bootstrap_servers,
            security_protocol,
            sasl_mechanism,
            user,
            password,
            ca_pem,
            ..
        } = &kafka.connection;
        let resolve = |text: &Text| text.resolve(&secret);
        let resolve_optional = |text: &Option<Text>| text.as_ref().map(resolve).transpose();
        Ok(Self {
            datasource: datasource.to_owned(),
            bootstrap_servers: resolve(bootstrap_servers)?,
            topic: resolve(&kafka.topic)?,
            group_id: resolve(&kafka.group_id)?,
            user: resolve_optional(user)?,
            password: resolve_optional(password)?,
            security_protocol: *security_protocol,
            sasl_mechanism: sasl_mechanism.unwrap_or(SaslMechanism::Plain),
            ca_pem: resolve_optional(ca_pem)?,
            auto_offset_reset: kafka.auto_offset_reset,
            group_instance_id: None,
            prefetch_bytes: 32 << 20,
        })
    }

    /// librdkafka's configuration. Source: librdkafka, CONFIGURATION.md.
    pub(crate) fn client_config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.bootstrap_servers)
            .set("client.id", "forebay")
            .set("group.id", &self.group_id)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("enable.partition.eof", "true")
            .set("auto.offset.reset", self.offset_reset())
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("session.timeout.ms", SESSION_TIMEOUT.as_millis().to_string())
            .set("heartbeat.interval.ms", (SESSION_TIMEOUT / 4).as_millis().to_string())
            .set("statistics.interval.ms", STATISTICS_INTERVAL.as_millis().to_string())
            .set("reconnect.backoff.max.ms", "2000")
            .set("queued.max.messages.kbytes", (self.prefetch_bytes >> 10).max(1).to_string());
        if let Some(id) = &self.group_instance_id {
            config.set("group.instance.id", id);
        }
        self.set_security(&mut config);
        config
    }

    fn offset_reset(&self) -> &'static str {
        match self.auto_offset_reset {
            OffsetReset::Latest => "latest",
            OffsetReset::Earliest => "earliest",
        }
    }

    fn set_security(&self, config: &mut ClientConfig) {
        let protocol = match self.security_protocol {
            SecurityProtocol::Plaintext => "plaintext",
            SecurityProtocol::SaslPlaintext => "sasl_plaintext",
            SecurityProtocol::SaslSsl => "sasl_ssl",
        };
        config.set("security.protocol", protocol);
        if self.security_protocol != SecurityProtocol::Plaintext {
            let mechanism = match self.sasl_mechanism {
                SaslMechanism::Plain => "PLAIN",
                SaslMechanism::ScramSha256 => "SCRAM-SHA-256",
                SaslMechanism::ScramSha512 => "SCRAM-SHA-512",
            };
            config.set("sasl.mechanism", mechanism);
            config.set("sasl.username", self.user.as_deref().unwrap_or_default());
            config.set("sasl.password", self.password.as_deref().unwrap_or_default());
        }
        if let Some(ca_pem) = &self.ca_pem {
            config.set("ssl.ca.pem", ca_pem);
        }
    }
}

/// Shows no password and no certificate.
impl fmt::Debug for ConsumerSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsumerSettings")
            .field("datasource", &self.datasource)
            .field("bootstrap_servers", &self.bootstrap_servers)
            .field("topic", &self.topic)
            .field("group_id", &self.group_id)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}
