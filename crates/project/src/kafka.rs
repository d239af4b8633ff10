//! `KAFKA_*` directives: connections and what a data source reads.

use crate::diagnostics::{Finding, Report};
use crate::format::{self, Context};
use crate::model::{KafkaConnection, KafkaSource, OffsetReset, SaslMechanism, SecurityProtocol, Text};
use crate::registry;
use crate::settings::Settings;
use crate::source::{SourceFile, Span};
use crate::suggest;
use crate::syntax::Entry;
use crate::text;
use std::collections::BTreeMap;
use std::ops::Range;

/// Directives that describe a cluster, its registry aside, and may stand in a `.connection` or a `.datasource`.
const CONNECTION_DIRECTIVES: &[&str] = &[
    "KAFKA_BOOTSTRAP_SERVERS",
    "KAFKA_SECURITY_PROTOCOL",
    "KAFKA_SASL_MECHANISM",
    "KAFKA_KEY",
    "KAFKA_SECRET",
    "KAFKA_SSL_CA_PEM",
];

/// Directives, those of its formats aside, that only make sense for a data source that reads a topic.
const SOURCE_DIRECTIVES: &[&str] = &[
    "KAFKA_CONNECTION_NAME",
    "KAFKA_TOPIC",
    "KAFKA_GROUP_ID",
    "KAFKA_AUTO_OFFSET_RESET",
    "KAFKA_STORE_RAW_VALUE",
    "KAFKA_STORE_HEADERS",
    "KAFKA_AUTOMATIC_COLUMNS",
];

/// Connections of the project: also those whose file has errors, so that nobody is told they do not exist.
pub(crate) struct Connections<'a> {
    pub(crate) settings: BTreeMap<String, Settings<'a>>,
    pub(crate) usable: BTreeMap<String, KafkaConnection>,
    /// Files of the project, schemas among them.
    pub(crate) files: &'a [SourceFile],
}

/// A bootstrap address that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressError {
    /// Bytes of the text.
    pub range: Range<usize>,
    /// What is wrong.
    pub fact: String,
    /// What to do.
    pub hint: &'static str,
}

impl std::fmt::Display for AddressError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.fact)
    }
}

impl std::error::Error for AddressError {}

/// Reads `host:port[,host:port]`. IPv6 addresses stand in brackets and come back without them.
///
/// # Errors
/// The first address that is none.
pub fn host_ports(text: &str) -> Result<Vec<(String, u16)>, AddressError> {
    let mut addresses = Vec::new();
    let mut start = 0;
    for part in text.split(',') {
        let range = crate::sql_text::trimmed(text, start..start + part.len());
        start += part.len() + 1;
        let address = host_port(&text[range.clone()]);
        addresses.push(address.map_err(|(fact, hint)| AddressError { range, fact, hint })?);
    }
    Ok(addresses)
}

const ADDRESS_HINT: &str = "write host:port, several separated by commas";

fn host_port(text: &str) -> Result<(String, u16), (String, &'static str)> {
    if text.is_empty() {
        return Err(("an address is missing".into(), ADDRESS_HINT));
    }
    if text.contains(char::is_whitespace) {
        return Err((format!("`{text}` holds a space"), "put commas between addresses"));
    }
    if text.contains("://") {
        return Err((format!("`{text}` is a URL"), "write host:port, without a scheme in front"));
    }
    if text.contains('@') {
        return Err((
            "an address holds no user".into(),
            "write host:port; user and password are KAFKA_KEY and KAFKA_SECRET",
        ));
    }
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => rest
            .split_once("]:")
            .ok_or((format!("`{text}` has no port"), "write an IPv6 address as [::1]:9092"))?,
        None => text.rsplit_once(':').ok_or((format!("`{text}` has no port"), ADDRESS_HINT))?,
    };
    let is_v6 = text.starts_with('[');
    if !is_v6 && host.contains(':') {
        return Err((
            format!("`{text}` is ambiguous"),
            "write an IPv6 address as [::1]:9092, and commas between addresses",
        ));
    }
    if !is_host(host, is_v6) {
        return Err((
            format!("`{host}` is no host"),
            "write a host name or an IP address; commas between addresses",
        ));
    }
    match port.parse::<u16>() {
        Ok(number) if number > 0 => Ok((host.to_owned(), number)),
        _ => Err((format!("`{port}` is no port"), "a port is a number from 1 to 65535")),
    }
}

/// Whether this is the name or address of a machine.
pub(crate) fn is_host(text: &str, is_v6: bool) -> bool {
    match is_v6 {
        true => text.parse::<std::net::Ipv6Addr>().is_ok(),
        false => !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)),
    }
}

/// The text when no secret has to be looked up: literals, and defaults in place of secrets.
pub(crate) fn known_text(entry: &Entry) -> Option<(String, bool)> {
    let text = text::parse(entry.value.text()).ok()?;
    let is_literal = text.as_literal().is_some();
    text.resolve(|_| None).ok().map(|known| (known, is_literal))
}

pub(crate) fn address_trouble(entry: &Entry) -> Option<Finding> {
    let (known, is_literal) = known_text(entry)?;
    let error = host_ports(&known).err()?;
    // Places inside a default are not places of the value.
    let range = if is_literal { error.range } else { 0..entry.value.text().len() };
    let fact = format!("KAFKA_BOOTSTRAP_SERVERS: {}", error.fact);
    Some(Finding::error("address", entry.value.span_of(range), fact).hint(error.hint))
}

/// Topic names: up to 249 letters, digits, `.`, `_` and `-` (Apache Kafka, `Topic.validate`).
pub(crate) fn topic_trouble(entry: &Entry) -> Option<Finding> {
    let (topic, is_literal) = known_text(entry)?;
    let bad = topic.char_indices().find(|(_, c)| !(c.is_ascii_alphanumeric() || "._-".contains(*c)));
    let fact = match bad {
        Some((_, c)) => format!("a topic name cannot hold `{c}`"),
        None if topic.len() > 249 => format!("a topic name has at most 249 characters, not {}", topic.len()),
        None if topic == "." || topic == ".." => format!("`{topic}` cannot be a topic name"),
        None => return None,
    };
    let range = match bad {
        Some((at, c)) if is_literal => at..at + c.len_utf8(),
        _ => 0..entry.value.text().len(),
    };
    let hint = match bad {
        Some((_, '$')) => {
            "environment variables are not replaced: use {{ tb_secret(\"NAME\") }} or INCLUDE \"file\" \"NAME=value\""
        }
        Some((_, ',')) => "a data source reads one topic",
        Some((_, '*')) => "a data source reads one topic, named whole",
        _ => "topic names hold letters, digits, `.`, `_` and `-`",
    };
    Some(Finding::error("topic-name", entry.value.span_of(range), format!("KAFKA_TOPIC: {fact}")).hint(hint))
}

pub(crate) fn text_of(settings: &Settings<'_>, name: &'static str) -> Option<Text> {
    settings.get(name).and_then(|entry| text::parse(entry.value.text()).ok())
}

/// Builds a connection from the directives of its file, or of the data source that holds them.
pub(crate) fn connection(
    name: &str,
    settings: &Settings<'_>,
    anchor: Span,
    report: &mut Report,
) -> Option<KafkaConnection> {
    let errors_before = report.findings.len();
    let protocol = match settings.word("KAFKA_SECURITY_PROTOCOL") {
        Some("PLAINTEXT") => SecurityProtocol::Plaintext,
        Some("SASL_PLAINTEXT") => SecurityProtocol::SaslPlaintext,
        _ => SecurityProtocol::SaslSsl,
    };
    if !settings.mentions("KAFKA_BOOTSTRAP_SERVERS") {
        let finding = Finding::error("missing-directive", anchor, "KAFKA_BOOTSTRAP_SERVERS is missing");
        report.add(finding.hint("add KAFKA_BOOTSTRAP_SERVERS host:port"));
    }
    check_credentials(settings, protocol, anchor, report);
    let ca_pem = pem(settings, "KAFKA_SSL_CA_PEM", "CERTIFICATE", report);
    let registry = registry::registry(settings, report);
    let uses_sasl = protocol != SecurityProtocol::Plaintext;
    let bootstrap_servers = text_of(settings, "KAFKA_BOOTSTRAP_SERVERS")?;
    (report.findings.len() == errors_before || uses_only_warnings(report, errors_before)).then(|| {
        KafkaConnection {
            name: name.to_owned(),
            bootstrap_servers,
            security_protocol: protocol,
            sasl_mechanism: uses_sasl.then(|| mechanism(settings)),
            user: text_of(settings, "KAFKA_KEY").filter(|_| uses_sasl),
            password: text_of(settings, "KAFKA_SECRET").filter(|_| uses_sasl),
            ca_pem,
            registry,
        }
    })
}

fn uses_only_warnings(report: &Report, from: usize) -> bool {
    report.findings[from..].iter().all(|finding| !finding.is_error())
}

fn mechanism(settings: &Settings<'_>) -> SaslMechanism {
    match settings.word("KAFKA_SASL_MECHANISM") {
        Some("SCRAM-SHA-256") => SaslMechanism::ScramSha256,
        Some("SCRAM-SHA-512") => SaslMechanism::ScramSha512,
        _ => SaslMechanism::Plain,
    }
}

fn check_credentials(settings: &Settings<'_>, protocol: SecurityProtocol, anchor: Span, report: &mut Report) {
    let key = settings.mentions("KAFKA_KEY");
    let secret = settings.mentions("KAFKA_SECRET");
    if key != secret {
        let (present, absent) =
            if key { ("KAFKA_KEY", "KAFKA_SECRET") } else { ("KAFKA_SECRET", "KAFKA_KEY") };
        let span = settings.get(present).map_or(anchor, |entry| entry.name);
        let finding =
            Finding::error("missing-directive", span, format!("{present} is here, but {absent} is missing"));
        report.add(finding.hint(format!("add {absent} {{{{ tb_secret(\"{absent}\") }}}}")));
        return;
    }
    // Whether an unreadable protocol needs a password cannot be told.
    let known_protocol =
        settings.get("KAFKA_SECURITY_PROTOCOL").is_some() || !settings.mentions("KAFKA_SECURITY_PROTOCOL");
    if protocol == SecurityProtocol::Plaintext {
        warn_of_unused(settings, report);
    } else if !key && known_protocol {
        let place = settings.get("KAFKA_SECURITY_PROTOCOL").or(settings.get("KAFKA_BOOTSTRAP_SERVERS"));
        let span = place.map_or(anchor, |entry| entry.name);
        let default = if settings.mentions("KAFKA_SECURITY_PROTOCOL") { "" } else { " (the default)" };
        let word = settings.word("KAFKA_SECURITY_PROTOCOL").unwrap_or("SASL_SSL");
        let fact = format!("{word}{default} needs KAFKA_KEY and KAFKA_SECRET");
        let finding = Finding::error("missing-credentials", span, fact)
            .included_from(place.map_or(&[], |entry| &entry.included_from));
        report.add(finding.hint("add both, or KAFKA_SECURITY_PROTOCOL PLAINTEXT for a broker without login"));
    }
}

fn warn_of_unused(settings: &Settings<'_>, report: &mut Report) {
    for name in ["KAFKA_KEY", "KAFKA_SECRET", "KAFKA_SASL_MECHANISM", "KAFKA_SSL_CA_PEM"] {
        if let Some(entry) = settings.get(name) {
            let finding =
                Finding::warning("no-effect", entry.name, format!("{name} has no effect with PLAINTEXT"));
            report.add_at(entry, finding.hint("remove the line, or write KAFKA_SECURITY_PROTOCOL SASL_SSL"));
        }
    }
}

/// A certificate or key without the indentation of its block; `label` is the last word or words of its first line.
pub(crate) fn pem(
    settings: &Settings<'_>,
    directive: &'static str,
    label: &str,
    report: &mut Report,
) -> Option<Text> {
    let entry = settings.get(directive)?;
    let lines: Vec<&str> =
        entry.value.text().lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let text = text::parse(&lines.join("\n")).ok()?;
    let is_pem = text.as_literal().is_none_or(|literal| {
        let has = |word| {
            literal.lines().any(|line| line.starts_with(word) && line.ends_with(&format!("{label}-----")))
        };
        has("-----BEGIN ") && has("-----END ")
    });
    if !is_pem {
        let noun = label.to_lowercase();
        let finding =
            Finding::error("certificate", entry.name, format!("{directive} holds no {noun} in PEM form"));
        let hint = format!("it begins with -----BEGIN {label}----- and ends with -----END {label}-----");
        report.add_at(entry, finding.hint(hint));
    }
    Some(text)
}

/// What a data source reads; `None` when it reads nothing, or when something is wrong.
pub(crate) fn source(
    name: &str,
    settings: &Settings<'_>,
    connections: &Connections<'_>,
    report: &mut Report,
) -> Option<KafkaSource> {
    let first = [SOURCE_DIRECTIVES, format::DIRECTIVES, CONNECTION_DIRECTIVES, registry::DIRECTIVES]
        .into_iter()
        .find_map(|names| first_of(settings, names))?;
    require_together(name, settings, first, report);
    let connection = source_connection(name, settings, connections, first, report);
    let context = Context { settings, connection: connection.as_ref(), files: connections.files };
    let (value, key) = format::formats(&context, report);
    let group_id = text_of(settings, "KAFKA_GROUP_ID");
    Some(KafkaSource {
        connection: connection?,
        topic: text_of(settings, "KAFKA_TOPIC")?,
        group_id: group_id?,
        auto_offset_reset: match settings.word("KAFKA_AUTO_OFFSET_RESET") {
            Some("earliest") => OffsetReset::Earliest,
            _ => OffsetReset::Latest,
        },
        store_raw_value: settings.flag("KAFKA_STORE_RAW_VALUE"),
        store_headers: settings.flag("KAFKA_STORE_HEADERS"),
        value,
        key,
        tombstones: format::tombstones(settings),
        automatic_columns: has_automatic_columns(settings),
    })
}

/// `KAFKA_AUTOMATIC_COLUMNS`: True when absent.
pub(crate) fn has_automatic_columns(settings: &Settings<'_>) -> bool {
    settings.get("KAFKA_AUTOMATIC_COLUMNS").is_none() || settings.flag("KAFKA_AUTOMATIC_COLUMNS")
}

fn first_of<'a>(settings: &Settings<'a>, names: &[&'static str]) -> Option<&'a Entry> {
    let present = names.iter().filter_map(|name| settings.get(name));
    present.min_by_key(|entry| (entry.name.file, entry.name.start))
}

fn require_together(name: &str, settings: &Settings<'_>, first: &Entry, report: &mut Report) {
    let example = |directive: &str| match directive {
        "KAFKA_TOPIC" => format!("add KAFKA_TOPIC {name}"),
        _ => format!("add KAFKA_GROUP_ID forebay_{name}: a group that no other reader of the topic uses"),
    };
    for directive in ["KAFKA_TOPIC", "KAFKA_GROUP_ID"] {
        if !settings.mentions(directive) {
            let fact = format!("{directive} is missing");
            report.add_at(
                first,
                Finding::error("missing-directive", first.name, fact).hint(example(directive)),
            );
        }
    }
    let has_cluster =
        settings.mentions("KAFKA_CONNECTION_NAME") || settings.mentions("KAFKA_BOOTSTRAP_SERVERS");
    if !has_cluster {
        let finding = Finding::error("missing-directive", first.name, "KAFKA_CONNECTION_NAME is missing");
        report.add_at(first, finding.hint("add KAFKA_CONNECTION_NAME with the name of a .connection file, or KAFKA_BOOTSTRAP_SERVERS here"));
    }
}

/// The cluster: a `.connection` of that name, else the settings that stand in the data source.
fn source_connection(
    name: &str,
    settings: &Settings<'_>,
    connections: &Connections<'_>,
    first: &Entry,
    report: &mut Report,
) -> Option<KafkaConnection> {
    let inline = settings.mentions("KAFKA_BOOTSTRAP_SERVERS");
    let Some(entry) = settings.get("KAFKA_CONNECTION_NAME") else {
        let wanted = inline && !settings.mentions("KAFKA_CONNECTION_NAME");
        return wanted.then(|| connection(name, settings, first.name, report)).flatten();
    };
    let wanted = entry.value.text();
    if let Some(defined) = connections.settings.get(wanted) {
        let agrees = agree(wanted, settings, defined, report);
        return connections.usable.get(wanted).filter(|_| agrees).cloned();
    }
    if inline {
        return connection(wanted, settings, entry.name, report);
    }
    let finding = Finding::error(
        "unknown-connection",
        entry.value.span(),
        format!("there is no connection \"{wanted}\""),
    );
    let names = connections.settings.keys().map(String::as_str);
    let hint = match suggest::closest(wanted, names) {
        Some(close) => format!("did you mean {close}?"),
        None => format!("add a file {wanted}.connection, or KAFKA_BOOTSTRAP_SERVERS here"),
    };
    report.add_at(entry, finding.hint(hint));
    None
}

/// Settings beside the name of a `.connection` must say the same as that file.
fn agree(wanted: &str, inline: &Settings<'_>, defined: &Settings<'_>, report: &mut Report) -> bool {
    let mut agrees = true;
    for directive in CONNECTION_DIRECTIVES.iter().chain(registry::DIRECTIVES) {
        let Some(entry) = inline.get(directive) else {
            continue;
        };
        let other = defined.get(directive);
        if other.is_some_and(|other| other.value.text() == entry.value.text()) {
            continue;
        }
        agrees = false;
        let fact = match other {
            Some(_) => format!("{directive} differs from connection \"{wanted}\""),
            None => format!("{directive} is set here, but not in connection \"{wanted}\""),
        };
        let finding = Finding::error("connection-conflict", entry.name, fact)
            .hint("keep the setting in the .connection file only");
        let finding = match other {
            Some(other) => finding.note("the connection says it at", other.name),
            None => finding,
        };
        report.add_at(entry, finding);
    }
    agrees
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_strictly() {
        let read = host_ports("a.b-c_1:9092, [::1]:1 ,10.0.0.1:65535").expect("addresses");
        assert_eq!(
            read,
            [("a.b-c_1".to_owned(), 9092), ("::1".to_owned(), 1), ("10.0.0.1".to_owned(), 65535)]
        );
        for bad in [
            "",
            "a",
            "a:",
            ":1",
            "a:0",
            "a:65536",
            "a:1,",
            "a:1 b:2",
            "::1:9092",
            "[::1]",
            "[x]:1",
            "kafka://a:1",
            "u@a:1",
            "a:-1",
        ] {
            assert!(host_ports(bad).is_err(), "{bad}");
        }
    }
}
