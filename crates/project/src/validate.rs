//! From directives to the validated project.

use crate::ParsedProject;
use crate::Resource;
use crate::automatic::{self, Wanted};
use crate::diagnostics::{self, Diagnostic, Finding, Report, Severity};
use crate::directives::FileKind;
use crate::engine::{self, KnownColumn};
use crate::indexes;
use crate::kafka::{self, Connections};
use crate::kafka_columns;
use crate::model::{Datasource, KafkaSource, Project};
use crate::reading::Reading;
use crate::schema::{self, PlacedColumn};
use crate::settings::Settings;
use crate::source::Span;
use crate::text;
use std::collections::BTreeMap;

/// Checks a parsed project as a whole.
///
/// The project is there exactly when no diagnostic, of parsing or of validation, is an error.
/// The diagnostics include those of parsing, sorted by file and line.
pub fn validate(parsed: &ParsedProject) -> (Option<Project>, Vec<Diagnostic>) {
    let mut findings = names(&parsed.resources);
    let connections = connections(parsed, &mut findings);
    let mut project = Project { connections: connections.usable.clone(), ..Project::default() };
    let mut groups = Groups::default();
    for resource in of_kind(parsed, FileKind::Datasource) {
        let mut report = Report::about(format!("data source \"{}\"", resource.name));
        if let Some(datasource) = datasource(resource, &connections, &mut groups, &mut report) {
            project.datasources.insert(resource.name.clone(), datasource);
        }
        findings.append(&mut report.findings);
    }
    findings.extend(of_kind(parsed, FileKind::Pipe).map(pipe));
    let mut all = diagnostics::finish(&findings, &parsed.files, &parsed.secrets);
    all.extend(parsed.diagnostics.iter().cloned());
    diagnostics::sort(&mut all);
    let usable = all.iter().all(|diagnostic| diagnostic.severity != Severity::Error);
    (usable.then_some(project), all)
}

fn of_kind(parsed: &ParsedProject, kind: FileKind) -> impl Iterator<Item = &Resource> {
    parsed.resources.iter().filter(move |resource| resource.kind == kind)
}

/// Names that cannot be used or stand twice.
fn names(resources: &[Resource]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, resource) in resources.iter().enumerate() {
        let noun = resource.kind.noun();
        let place = Span::file_start(resource.file);
        if !text::is_identifier(&resource.name) {
            let fact = format!("`{}` cannot be the name of a {noun}", resource.name);
            let hint = "rename the file: a name is a letter or `_`, then letters, digits and `_`";
            findings.push(Finding::error("invalid-name", place, fact).hint(hint));
        }
        let is_twin = |other: &&Resource| other.kind == resource.kind && other.name == resource.name;
        if let Some(first) = resources[..index].iter().find(is_twin) {
            let finding = Finding::error(
                "duplicate-resource",
                place,
                format!("there are two {noun}s named \"{}\"", resource.name),
            )
            .hint("rename one of the files")
            .note("the other is", Span::file_start(first.file));
            findings.push(finding);
        }
        let owner =
            resource.name.strip_suffix("_quarantine").filter(|_| resource.kind == FileKind::Datasource);
        let clash = owner.filter(|owner| {
            resources.iter().any(|other| other.kind == resource.kind && other.name == **owner)
        });
        if let Some(owner) = clash {
            let fact = format!("\"{}\" is the quarantine of data source \"{owner}\"", resource.name);
            findings.push(Finding::error("quarantine-name", place, fact).hint("rename the file"));
        }
    }
    findings
}

fn pipe(resource: &Resource) -> Finding {
    let place = resource.entries.first().map_or(Span::file_start(resource.file), |entry| entry.name);
    let fact = format!("pipe \"{}\": pipes are not available yet", resource.name);
    Finding::error("not-available-yet", place, fact).hint("take the .pipe file out of the project folder")
}

fn connections<'a>(parsed: &'a ParsedProject, findings: &mut Vec<Finding>) -> Connections<'a> {
    let mut connections =
        Connections { settings: BTreeMap::new(), usable: BTreeMap::new(), files: &parsed.files };
    for resource in of_kind(parsed, FileKind::Connection) {
        let mut report = Report::about(format!("connection \"{}\"", resource.name));
        let settings = Settings::check(&resource.entries, resource.kind, &mut report);
        let anchor = Span::file_start(resource.file);
        if !settings.mentions("TYPE") {
            report.add(Finding::error("missing-directive", anchor, "TYPE is missing").hint("add TYPE kafka"));
        }
        // Another type has been refused already; what it lacks for Kafka is no news.
        let is_kafka = settings.get("TYPE").is_some() || !settings.mentions("TYPE");
        if let Some(connection) =
            is_kafka.then(|| kafka::connection(&resource.name, &settings, anchor, &mut report)).flatten()
        {
            connections.usable.insert(resource.name.clone(), connection);
        }
        connections.settings.insert(resource.name.clone(), settings);
        findings.append(&mut report.findings);
    }
    connections
}

fn datasource(
    resource: &Resource,
    connections: &Connections<'_>,
    groups: &mut Groups,
    report: &mut Report,
) -> Option<Datasource> {
    let settings = Settings::check(&resource.entries, resource.kind, report);
    refuse_two_feeds(&settings, report);
    let mut kafka = kafka::source(&resource.name, &settings, connections, report);
    if let Some(source) = &kafka {
        groups.check(resource, &settings, source, report);
    }
    let is_fed = settings.mentions("KAFKA_TOPIC");
    let columns = columns(resource, &settings, is_fed, kafka.as_mut(), report);
    let known = columns.as_deref().map(|columns| known_columns(columns, is_fed, &settings));
    let own = columns.as_ref().map_or(0, Vec::len);
    let engine = engine::engine(&settings, known.as_deref(), own, report);
    if let (Some(source), Some(columns), Some(schema)) = (&kafka, &columns, settings.get("SCHEMA")) {
        Reading { settings: &settings, source, columns, schema, engine: &engine }.check(report);
    }
    let indexes = settings.get("INDEXES").map(|entry| indexes::indexes(entry, columns.as_deref(), report));
    Some(Datasource {
        name: resource.name.clone(),
        description: settings.text("DESCRIPTION").map(|text| dedented(&text)),
        columns: columns?.into_iter().map(|placed| placed.column).collect(),
        indexes: indexes.unwrap_or_default(),
        engine,
        kafka,
    })
}

fn refuse_two_feeds(settings: &Settings<'_>, report: &mut Report) {
    let kafka = ["KAFKA_CONNECTION_NAME", "KAFKA_TOPIC", "KAFKA_GROUP_ID"];
    let import = ["IMPORT_CONNECTION_NAME", "IMPORT_BUCKET_URI", "IMPORT_TABLE_ARN"];
    let entry = kafka.iter().find_map(|name| settings.get(name));
    if let (Some(entry), true) = (entry, import.iter().any(|name| settings.mentions(name))) {
        let fact = "it has both KAFKA_* and IMPORT_* settings";
        let hint = "a data source is fed by one of them: split it into two";
        report.add_at(entry, Finding::error("two-feeds", entry.name, fact).hint(hint));
    }
}

/// Columns of `SCHEMA` without the automatic ones; `None` when some could not be read.
fn columns(
    resource: &Resource,
    settings: &Settings<'_>,
    is_fed: bool,
    kafka: Option<&mut KafkaSource>,
    report: &mut Report,
) -> Option<Vec<PlacedColumn>> {
    let Some(entry) = settings.get("SCHEMA") else {
        if !settings.mentions("SCHEMA") {
            let finding =
                Finding::error("missing-directive", Span::file_start(resource.file), "SCHEMA is missing");
            report.add(finding.hint("add SCHEMA > and the columns, one a line: name Type `json:$.name`"));
        }
        return None;
    };
    let (columns, complete) = schema::columns(entry, report);
    let columns = match is_fed {
        true => {
            let wanted = Wanted {
                added: kafka::has_automatic_columns(settings),
                headers: settings.flag("KAFKA_STORE_HEADERS"),
            };
            let (mut columns, wants_raw_value) = automatic::take_out(columns, wanted, entry, report);
            kafka_columns::resolve(&mut columns, entry, report);
            if let Some(source) = kafka {
                source.store_raw_value |= wants_raw_value;
            }
            columns
        }
        false => columns,
    };
    if complete && columns.is_empty() {
        let finding =
            Finding::error("empty-schema", entry.name, "SCHEMA has no columns besides the automatic ones");
        report.add_at(entry, finding.hint("add a column, such as: record String `json:$`"));
    }
    complete.then_some(columns)
}

fn known_columns(columns: &[PlacedColumn], is_fed: bool, settings: &Settings<'_>) -> Vec<KnownColumn> {
    let own = columns.iter().map(|placed| KnownColumn {
        name: placed.column.name.clone(),
        column_type: placed.column.column_type.clone(),
    });
    let automatic = is_fed.then(|| automatic::known(settings));
    own.chain(automatic.into_iter().flatten()).collect()
}

/// A block without the indentation that all its lines share.
fn dedented(text: &str) -> String {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let shared = text.lines().filter(|line| !line.trim().is_empty()).map(indent).min().unwrap_or(0);
    let lines: Vec<&str> =
        text.lines().map(|line| line.get(shared..).unwrap_or_default().trim_end()).collect();
    lines.join("\n")
}

/// Consumer groups in use: a topic read twice by one group would give each reader half of it.
#[derive(Default)]
struct Groups {
    seen: BTreeMap<(String, String, String), (String, Span)>,
    /// Connections that data sources define themselves.
    inline: BTreeMap<String, (crate::model::KafkaConnection, Span)>,
}

impl Groups {
    fn check(
        &mut self,
        resource: &Resource,
        settings: &Settings<'_>,
        source: &KafkaSource,
        report: &mut Report,
    ) {
        self.check_inline(settings, source, report);
        let Some(entry) = settings.get("KAFKA_GROUP_ID") else {
            return;
        };
        let servers = source.connection.bootstrap_servers.to_string().replace(' ', "").to_lowercase();
        let key = (servers, source.topic.to_string(), source.group_id.to_string());
        match self.seen.get(&key) {
            None => {
                self.seen.insert(key, (resource.name.clone(), entry.value.span()));
            }
            Some((other, place)) => {
                let fact = format!(
                    "group \"{}\" already reads topic \"{}\" for data source \"{other}\"",
                    source.group_id, source.topic
                );
                let finding = Finding::error("group-in-use", entry.value.span(), fact)
                    .hint("give each data source a group of its own")
                    .note("the other is at", *place);
                report.add_at(entry, finding);
            }
        }
    }

    /// Two data sources may define the same connection themselves only if they agree.
    fn check_inline(&mut self, settings: &Settings<'_>, source: &KafkaSource, report: &mut Report) {
        let (Some(entry), true) =
            (settings.get("KAFKA_CONNECTION_NAME"), settings.mentions("KAFKA_BOOTSTRAP_SERVERS"))
        else {
            return;
        };
        let connection = &source.connection;
        match self.inline.get(&connection.name) {
            None => {
                let place = entry.value.span();
                self.inline.insert(connection.name.clone(), (connection.clone(), place));
            }
            Some((first, _)) if first == connection => {}
            Some((_, place)) => {
                let fact =
                    format!("connection \"{}\" is defined with other settings elsewhere", connection.name);
                let finding = Finding::error("connection-conflict", entry.value.span(), fact)
                    .hint("write the settings once, in a .connection or .incl file")
                    .note("the other is at", *place);
                report.add_at(entry, finding);
            }
        }
    }
}
