//! The difference between two validated projects, as steps that lead from one to the other.

use crate::format;
use crate::model::{Column, Datasource, Engine, Index, KafkaConnection, KafkaSource, Project};
use crate::registry;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// Steps from one project to another; empty when they are the same.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Plan {
    /// Steps, in the order in which they can be taken.
    pub steps: Vec<Step>,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// A connection appears.
    CreateConnection {
        /// The new connection.
        connection: Box<KafkaConnection>,
    },
    /// A connection changes: its consumers start again.
    ChangeConnection {
        /// The connection as it becomes.
        connection: Box<KafkaConnection>,
        /// Directives that differ.
        settings: Vec<&'static str>,
    },
    /// A connection goes away.
    DropConnection {
        /// Its name.
        name: String,
    },
    /// A data source appears: its tables are created.
    CreateDatasource {
        /// The new data source.
        datasource: Box<Datasource>,
    },
    /// A data source goes away.
    DropDatasource {
        /// Its name.
        name: String,
    },
    /// A column appears.
    AddColumn {
        /// The data source.
        datasource: String,
        /// The new column.
        column: Column,
        /// The column before it; `None` puts it first.
        after: Option<String>,
    },
    /// A column is no longer read; the table keeps it.
    DropColumn {
        /// The data source.
        datasource: String,
        /// The column's name.
        column: String,
    },
    /// A column changes its type, path, DEFAULT or CODEC.
    ChangeColumn {
        /// The data source.
        datasource: String,
        /// As it is.
        from: Column,
        /// As it becomes.
        to: Column,
    },
    /// The same columns stand in another order: nothing to do for the table.
    ReorderColumns {
        /// The data source.
        datasource: String,
        /// Names in their new order.
        order: Vec<String>,
    },
    /// The engine, its keys or its settings change.
    ChangeEngine {
        /// The data source.
        datasource: String,
        /// As it is.
        from: Engine,
        /// As it becomes.
        to: Engine,
    },
    /// The indexes change.
    ChangeIndexes {
        /// The data source.
        datasource: String,
        /// As they become.
        indexes: Vec<Index>,
    },
    /// The description changes.
    ChangeDescription {
        /// The data source.
        datasource: String,
        /// As it becomes.
        description: Option<String>,
    },
    /// What the data source reads changes: its consumer starts, stops or starts again.
    ChangeKafka {
        /// The data source.
        datasource: String,
        /// As it becomes.
        kafka: Option<Box<KafkaSource>>,
        /// Directives that differ.
        settings: Vec<&'static str>,
    },
}

/// What taking a step means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// It can be taken while everything runs.
    Safe,
    /// The consumer of the data source starts again.
    RestartsConsumer,
    /// Rows are lost for good.
    LosesRows,
    /// It cannot be taken; the reason says what to do instead.
    Refused {
        /// Why, and what to do.
        reason: &'static str,
    },
}

impl Step {
    /// What taking the step means.
    pub fn verdict(&self) -> Verdict {
        match self {
            Step::ChangeConnection { .. } | Step::ChangeKafka { .. } | Step::DropColumn { .. } => {
                Verdict::RestartsConsumer
            }
            Step::DropDatasource { .. } => Verdict::LosesRows,
            Step::ChangeColumn { from, to, .. } => column_verdict(from, to),
            Step::ChangeEngine { .. } => Verdict::Refused {
                reason: "the engine of a table with rows cannot change: make a new data source, or write ENGINE_SORTING_KEY out if only the derived key changed",
            },
            Step::ChangeIndexes { .. } => Verdict::Refused {
                reason: "indexes of a table with rows cannot change yet: make a new data source",
            },
            _ => Verdict::Safe,
        }
    }
}

fn column_verdict(from: &Column, to: &Column) -> Verdict {
    if from.column_type != to.column_type {
        return Verdict::Refused {
            reason: "the type of a column with rows cannot change: add a column of another name",
        };
    }
    if from.default != to.default || from.codec != to.codec {
        return Verdict::Refused {
            reason: "DEFAULT and CODEC of a column with rows cannot change yet: add a column of another name",
        };
    }
    Verdict::RestartsConsumer
}

impl Plan {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The steps that cannot be taken.
    pub fn refused(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(|step| matches!(step.verdict(), Verdict::Refused { .. }))
    }
}

/// The steps that lead from one project to the other.
pub fn plan(from: &Project, to: &Project) -> Plan {
    let mut steps = Vec::new();
    connection_steps(&from.connections, &to.connections, &mut steps);
    for (name, datasource) in &to.datasources {
        match from.datasources.get(name) {
            None => steps.push(Step::CreateDatasource { datasource: Box::new(datasource.clone()) }),
            Some(before) => datasource_steps(before, datasource, &mut steps),
        }
    }
    let gone = from.datasources.keys().filter(|name| !to.datasources.contains_key(*name));
    steps.extend(gone.map(|name| Step::DropDatasource { name: name.clone() }));
    let gone = from.connections.keys().filter(|name| !to.connections.contains_key(*name));
    steps.extend(gone.map(|name| Step::DropConnection { name: name.clone() }));
    Plan { steps }
}

fn connection_steps(
    from: &BTreeMap<String, KafkaConnection>,
    to: &BTreeMap<String, KafkaConnection>,
    steps: &mut Vec<Step>,
) {
    for (name, connection) in to {
        match from.get(name) {
            None => steps.push(Step::CreateConnection { connection: Box::new(connection.clone()) }),
            Some(before) if before != connection => steps.push(Step::ChangeConnection {
                connection: Box::new(connection.clone()),
                settings: changed_connection(before, connection),
            }),
            Some(_) => {}
        }
    }
}

/// Names of the settings for which `differs` holds.
fn changed(settings: &[(&'static str, bool)]) -> Vec<&'static str> {
    settings.iter().filter(|(_, differs)| *differs).map(|(name, _)| *name).collect()
}

fn changed_connection(from: &KafkaConnection, to: &KafkaConnection) -> Vec<&'static str> {
    let mut settings = changed(&[
        ("KAFKA_CONNECTION_NAME", from.name != to.name),
        ("KAFKA_BOOTSTRAP_SERVERS", from.bootstrap_servers != to.bootstrap_servers),
        ("KAFKA_SECURITY_PROTOCOL", from.security_protocol != to.security_protocol),
        ("KAFKA_SASL_MECHANISM", from.sasl_mechanism != to.sasl_mechanism),
        ("KAFKA_KEY", from.user != to.user),
        ("KAFKA_SECRET", from.password != to.password),
        ("KAFKA_SSL_CA_PEM", from.ca_pem != to.ca_pem),
    ]);
    settings.extend(changed(&registry::changed(from.registry.as_ref(), to.registry.as_ref())));
    settings
}

fn changed_kafka(from: Option<&KafkaSource>, to: Option<&KafkaSource>) -> Vec<&'static str> {
    let (Some(from), Some(to)) = (from, to) else {
        return changed(&[("KAFKA_TOPIC", from.is_some() != to.is_some())]);
    };
    let mut settings = changed_connection(&from.connection, &to.connection);
    settings.extend(changed(&[
        ("KAFKA_TOPIC", from.topic != to.topic),
        ("KAFKA_GROUP_ID", from.group_id != to.group_id),
        ("KAFKA_AUTO_OFFSET_RESET", from.auto_offset_reset != to.auto_offset_reset),
        ("KAFKA_STORE_RAW_VALUE", from.store_raw_value != to.store_raw_value),
        ("KAFKA_STORE_HEADERS", from.store_headers != to.store_headers),
        ("KAFKA_AUTOMATIC_COLUMNS", from.automatic_columns != to.automatic_columns),
        ("KAFKA_TOMBSTONES", from.tombstones != to.tombstones),
    ]));
    settings.extend(changed(&format::changed((&from.value, &from.key), (&to.value, &to.key))));
    settings
}

fn datasource_steps(from: &Datasource, to: &Datasource, steps: &mut Vec<Step>) {
    let datasource = || to.name.clone();
    column_steps(from, to, steps);
    if from.engine != to.engine {
        steps.push(Step::ChangeEngine {
            datasource: datasource(),
            from: from.engine.clone(),
            to: to.engine.clone(),
        });
    }
    if from.indexes != to.indexes {
        steps.push(Step::ChangeIndexes { datasource: datasource(), indexes: to.indexes.clone() });
    }
    if from.description != to.description {
        steps.push(Step::ChangeDescription { datasource: datasource(), description: to.description.clone() });
    }
    let settings = changed_kafka(from.kafka.as_ref(), to.kafka.as_ref());
    if !settings.is_empty() {
        steps.push(Step::ChangeKafka {
            datasource: datasource(),
            kafka: to.kafka.clone().map(Box::new),
            settings,
        });
    }
}

fn column_steps(from: &Datasource, to: &Datasource, steps: &mut Vec<Step>) {
    let find = |columns: &[Column], name: &str| columns.iter().find(|column| column.name == name).cloned();
    let mut order: Vec<String> = Vec::new();
    for column in &from.columns {
        match find(&to.columns, &column.name) {
            None => steps.push(Step::DropColumn { datasource: to.name.clone(), column: column.name.clone() }),
            Some(after) => {
                order.push(column.name.clone());
                if after != *column {
                    steps.push(Step::ChangeColumn {
                        datasource: to.name.clone(),
                        from: column.clone(),
                        to: after,
                    });
                }
            }
        }
    }
    let mut previous: Option<String> = None;
    for column in &to.columns {
        if find(&from.columns, &column.name).is_none() {
            insert_after(&mut order, column.name.clone(), previous.as_deref());
            steps.push(Step::AddColumn {
                datasource: to.name.clone(),
                column: column.clone(),
                after: previous,
            });
        }
        previous = Some(column.name.clone());
    }
    let wanted: Vec<String> = to.columns.iter().map(|column| column.name.clone()).collect();
    if order != wanted {
        steps.push(Step::ReorderColumns { datasource: to.name.clone(), order: wanted });
    }
}

fn insert_after(order: &mut Vec<String>, name: String, after: Option<&str>) {
    let at = after.and_then(|after| order.iter().position(|other| other == after));
    order.insert(at.map_or(0, |at| at + 1), name);
}

/// Takes the steps of a plan: what the project becomes, refused steps included.
///
/// Steps that name a data source the project does not hold change nothing.
pub fn apply(from: &Project, plan: &Plan) -> Project {
    let mut project = from.clone();
    for step in &plan.steps {
        take(&mut project, step);
    }
    project
}

fn take(project: &mut Project, step: &Step) {
    match step {
        Step::CreateConnection { connection } | Step::ChangeConnection { connection, .. } => {
            project.connections.insert(connection.name.clone(), (**connection).clone());
        }
        Step::DropConnection { name } => {
            project.connections.remove(name);
        }
        Step::CreateDatasource { datasource } => {
            project.datasources.insert(datasource.name.clone(), (**datasource).clone());
        }
        Step::DropDatasource { name } => {
            project.datasources.remove(name);
        }
        _ => {
            if let Some(datasource) = step.datasource().and_then(|name| project.datasources.get_mut(name)) {
                take_in(datasource, step);
            }
        }
    }
}

fn take_in(datasource: &mut Datasource, step: &Step) {
    match step {
        Step::AddColumn { column, after, .. } => {
            let before = after
                .as_ref()
                .and_then(|after| datasource.columns.iter().position(|other| other.name == *after));
            datasource.columns.insert(before.map_or(0, |at| at + 1), column.clone());
        }
        Step::DropColumn { column, .. } => datasource.columns.retain(|other| other.name != *column),
        Step::ChangeColumn { from, to, .. } => {
            for column in datasource.columns.iter_mut().filter(|column| column.name == from.name) {
                *column = to.clone();
            }
        }
        Step::ReorderColumns { order, .. } => {
            datasource.columns.sort_by_key(|column| order.iter().position(|name| *name == column.name));
        }
        Step::ChangeEngine { to, .. } => datasource.engine = to.clone(),
        Step::ChangeIndexes { indexes, .. } => datasource.indexes.clone_from(indexes),
        Step::ChangeDescription { description, .. } => {
            datasource.description.clone_from(description);
        }
        Step::ChangeKafka { kafka, .. } => datasource.kafka = kafka.as_deref().cloned(),
        _ => {}
    }
}

impl Step {
    /// The data source that the step changes, when it changes one that exists.
    pub fn datasource(&self) -> Option<&str> {
        match self {
            Step::AddColumn { datasource, .. }
            | Step::DropColumn { datasource, .. }
            | Step::ChangeColumn { datasource, .. }
            | Step::ReorderColumns { datasource, .. }
            | Step::ChangeEngine { datasource, .. }
            | Step::ChangeIndexes { datasource, .. }
            | Step::ChangeDescription { datasource, .. }
            | Step::ChangeKafka { datasource, .. } => Some(datasource),
            _ => None,
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::CreateConnection { connection } => {
                write!(f, "+ connection \"{}\"", connection.name)
            }
            Step::ChangeConnection { connection, settings } => {
                write!(f, "~ connection \"{}\": {} changed", connection.name, settings.join(", "))
            }
            Step::DropConnection { name } => write!(f, "- connection \"{name}\""),
            Step::CreateDatasource { datasource } => {
                write!(f, "+ data source \"{}\": {} columns", datasource.name, datasource.columns.len())
            }
            Step::DropDatasource { name } => write!(f, "- data source \"{name}\""),
            Step::AddColumn { datasource, column, .. } => {
                write!(
                    f,
                    "~ data source \"{datasource}\": + column \"{}\" {}",
                    column.name, column.column_type
                )
            }
            Step::DropColumn { datasource, column } => {
                write!(f, "~ data source \"{datasource}\": - column \"{column}\"; the table keeps it")
            }
            Step::ChangeColumn { datasource, from, to } => {
                write!(f, "~ data source \"{datasource}\": column \"{}\" ", from.name)?;
                write_column_change(f, from, to)
            }
            Step::ReorderColumns { datasource, .. } => {
                write!(f, "~ data source \"{datasource}\": columns in another order; the table keeps its own")
            }
            Step::ChangeEngine { datasource, from, to } => {
                write!(f, "~ data source \"{datasource}\": engine: ")?;
                write_engine_change(f, from, to)
            }
            Step::ChangeIndexes { datasource, .. } => {
                write!(f, "~ data source \"{datasource}\": indexes changed")
            }
            Step::ChangeDescription { datasource, .. } => {
                write!(f, "~ data source \"{datasource}\": description changed")
            }
            Step::ChangeKafka { datasource, kafka, settings } => match kafka {
                None => write!(f, "~ data source \"{datasource}\": stops reading Kafka"),
                Some(_) => write!(f, "~ data source \"{datasource}\": {} changed", settings.join(", ")),
            },
        }
    }
}

fn write_column_change(f: &mut fmt::Formatter<'_>, from: &Column, to: &Column) -> fmt::Result {
    let none = || "none".to_owned();
    let parts = [
        ("type", from.column_type.to_string(), to.column_type.to_string()),
        ("path", from.path.to_string(), to.path.to_string()),
        ("DEFAULT", from.default.clone().unwrap_or_else(none), to.default.clone().unwrap_or_else(none)),
        ("CODEC", from.codec.clone().unwrap_or_else(none), to.codec.clone().unwrap_or_else(none)),
    ];
    write_changes(f, &parts)
}

fn write_engine_change(f: &mut fmt::Formatter<'_>, from: &Engine, to: &Engine) -> fmt::Result {
    let part = |name, before: &Option<String>, after: &Option<String>| {
        let shown = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".to_owned());
        (name, shown(before), shown(after))
    };
    let parts = [
        ("ENGINE", from.kind.to_string(), to.kind.to_string()),
        part("ENGINE_PARTITION_KEY", &from.partition_key, &to.partition_key),
        part("ENGINE_SORTING_KEY", &from.sorting_key, &to.sorting_key),
        part("ENGINE_PRIMARY_KEY", &from.primary_key, &to.primary_key),
        part("ENGINE_SAMPLING_KEY", &from.sampling_key, &to.sampling_key),
        part("ENGINE_TTL", &from.ttl, &to.ttl),
        part("ENGINE_SETTINGS", &from.settings, &to.settings),
    ];
    write_changes(f, &parts)
}

fn write_changes(f: &mut fmt::Formatter<'_>, parts: &[(&str, String, String)]) -> fmt::Result {
    let changes = parts.iter().filter(|(_, before, after)| before != after);
    let shown: Vec<String> =
        changes.map(|(name, before, after)| format!("{name} {before} -> {after}")).collect();
    f.write_str(&shown.join(", "))
}

impl fmt::Display for Plan {
    /// One step a line, with what it means where that is not plain.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return writeln!(f, "nothing to do");
        }
        for step in &self.steps {
            writeln!(f, "{step}")?;
            match step.verdict() {
                Verdict::Safe => {}
                Verdict::RestartsConsumer => writeln!(f, "    the consumer starts again")?,
                Verdict::LosesRows => writeln!(f, "    its rows would be lost")?,
                Verdict::Refused { reason } => writeln!(f, "    refused: {reason}")?,
            }
        }
        Ok(())
    }
}
