//! A project that reads one topic of a real broker.

use crate::support::Project;
use forebay_testkit::{kafka::Outgoing, unique};

/// Settings of the connection beside its address.
pub(crate) const PLAINTEXT: &str = "KAFKA_SECURITY_PROTOCOL PLAINTEXT";

/// A project with one data source `numbers`, and the names of its topic and group.
pub(crate) struct Numbers {
    pub(crate) project: Project,
    pub(crate) topic: String,
    pub(crate) group: String,
}

impl Numbers {
    pub(crate) fn of(bootstrap_servers: &str, security: &str) -> Self {
        let topic = unique("numbers");
        let group = unique("group");
        let connection = format!("TYPE kafka\nKAFKA_BOOTSTRAP_SERVERS {bootstrap_servers}\n{security}\n");
        let datasource = format!(
            "SCHEMA >\n    `n` UInt32 `json:$.n`,\n    `name` String `json:$.name` DEFAULT 'nobody'\n\n\
             ENGINE MergeTree\nENGINE_SORTING_KEY n\n\n\
             KAFKA_CONNECTION_NAME kafka\nKAFKA_TOPIC {topic}\nKAFKA_GROUP_ID {group}\nKAFKA_AUTO_OFFSET_RESET earliest\n"
        );
        let project = Project::new(&[("kafka.connection", &connection), ("numbers.datasource", &datasource)]);
        Self { project, topic, group }
    }

    pub(crate) fn set(self, name: &str, value: &str) -> Self {
        Self { project: self.project.variable(name, value), ..self }
    }
}

/// `{"n": 0}` and so on.
pub(crate) fn records(numbers: std::ops::Range<u32>) -> impl Iterator<Item = Outgoing> {
    numbers.map(|n| Outgoing::value(format!("{{\"n\": {n}}}")))
}
