//! What librdkafka's error codes mean to a person.

use super::{settings::ConsumerSettings, start::Gap};
use forebay_ingest::error::{Error, Kind};
use rdkafka::types::RDKafkaErrorCode as Code;

/// What a code means.
struct Meaning {
    kind: Kind,
    fact: String,
    /// What a person can do.
    hint: String,
    /// What a data source does next, by itself.
    then: &'static str,
}

const STARTS: &str = "; reading starts by itself then";
const TRIES: &str = "; trying again by itself";

/// Explains `code` to the reader of a data source; `reason` is librdkafka's own sentence, which never holds the password.
pub(super) fn explain(settings: &ConsumerSettings, code: Code, reason: Option<String>) -> Error {
    let Meaning { kind, fact, hint, then } = meaning(settings, code);
    let fact = format!("data source {:?}: {fact}", settings.datasource);
    with_reason(Error::new(kind, fact).hint(format!("{hint}{then}")), reason)
}

/// Explains `code` to somebody who looks at a topic once.
pub(super) fn explain_once(settings: &ConsumerSettings, code: Code, reason: Option<String>) -> Error {
    let Meaning { kind, fact, hint, .. } = meaning(settings, code);
    with_reason(Error::new(kind, fact).hint(hint), reason)
}

fn with_reason(error: Error, reason: Option<String>) -> Error {
    match reason {
        Some(reason) => error.detail(reason),
        None => error,
    }
}

fn meaning(settings: &ConsumerSettings, code: Code) -> Meaning {
    let ConsumerSettings { bootstrap_servers, topic, group_id, .. } = settings;
    let user = settings.user.as_deref().unwrap_or("(anonymous)");
    let (kind, fact, hint, then) = match code {
        Code::Authentication | Code::SaslAuthenticationFailed => (
            Kind::Authentication,
            format!(
                "Kafka at {bootstrap_servers} refused user {user:?}: wrong user or password, or wrong mechanism"
            ),
            "check KAFKA_KEY, KAFKA_SECRET and KAFKA_SASL_MECHANISM of the connection".to_owned(),
            "",
        ),
        Code::TopicAuthorizationFailed => (
            Kind::Authorization,
            format!("user {user:?} may not read topic {topic:?}"),
            format!("grant the ACLs READ and DESCRIBE on topic {topic:?} to User:{user}"),
            STARTS,
        ),
        Code::GroupAuthorizationFailed => (
            Kind::Authorization,
            format!("user {user:?} may not use consumer group {group_id:?}"),
            format!("grant the ACL READ on group {group_id:?} to User:{user}"),
            STARTS,
        ),
        Code::ClusterAuthorizationFailed => (
            Kind::Authorization,
            format!("user {user:?} may not use the cluster at {bootstrap_servers}"),
            format!("ask the cluster's administrator for the rights of User:{user}"),
            "",
        ),
        Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition => (
            Kind::NotFound,
            format!("topic {topic:?} does not exist at {bootstrap_servers}"),
            "create the topic or correct its name".to_owned(),
            "; reading starts by itself once it exists",
        ),
        Code::BrokerTransportFailure
        | Code::AllBrokersDown
        | Code::Resolve
        | Code::OperationTimedOut
        | Code::RequestTimedOut
        | Code::SSL => (
            Kind::Unavailable,
            format!("cannot reach Kafka at {bootstrap_servers}"),
            "is the broker running, are host and port right, and does KAFKA_SECURITY_PROTOCOL fit the port?"
                .to_owned(),
            " trying again by itself",
        ),
        Code::UnknownMemberId | Code::IllegalGeneration | Code::FencedInstanceId | Code::Fenced => (
            Kind::Fenced,
            format!("another consumer has taken over in group {group_id:?}"),
            "two programs with the same group and worker name?".to_owned(),
            " reading starts again at the committed offsets",
        ),
        _ => (
            Kind::Unavailable,
            format!("Kafka at {bootstrap_servers} reports {code:?} for topic {topic:?}"),
            "if it stays, look into the broker's log".to_owned(),
            TRIES,
        ),
    };
    Meaning { kind, fact, hint, then }
}

/// Says which records are gone for good.
pub(super) fn explain_gap(settings: &ConsumerSettings, gap: Gap) -> Error {
    let ConsumerSettings { datasource, topic, .. } = settings;
    let Gap { partition, range } = gap;
    let fact = format!(
        "data source {datasource:?}: offsets {}..{} of topic {topic:?} partition {partition} were removed by retention before they were read",
        range.start_offset, range.next_offset
    );
    Error::new(Kind::NotFound, fact)
        .hint("reading goes on with the first record that is left; raise retention.ms of the topic, or keep Forebay running")
}
