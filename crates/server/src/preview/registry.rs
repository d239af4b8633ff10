//! The schemas of a connection, for a command that asks a few times and ends.

use super::detect::Side;
use crate::{
    exit::{Exit, Failure},
    registries::Registries,
    secrets::Secrets,
};
use forebay_connectors::registry::RegistryClient;
use forebay_ingest::{
    decode::{DocumentFormat, Formats},
    error::{Error, Kind},
    schema::{Schema, SchemaError, SchemaId, Schemas},
};
use forebay_project::{
    model::{KafkaSource, RegistryKind},
    text::MissingSecret,
};
use std::{future::Future, sync::Arc};
use tokio::runtime::Runtime;

/// The registry of a connection, if it has one, and something to wait with.
pub(super) struct Registry<'a> {
    pub(super) kind: Option<RegistryKind>,
    client: RegistryClient,
    /// Of values and of keys; `None` where the registry does not keep schemas by topic.
    latest: [Option<Arc<dyn Schemas>>; 2],
    secrets: &'a Secrets,
    runtime: Runtime,
}

impl<'a> Registry<'a> {
    pub(super) fn open(kafka: &KafkaSource, topic: &str, secrets: &'a Secrets) -> Result<Self, Failure> {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().map_err(
                |error| Failure::new(Exit::Environment, format!("no threads can be started: {error}")),
            )?;
        let mut registries = Registries::new(|name: &str| secrets.get(name), None);
        let client = registries.client(&kafka.connection)?;
        let kind = kafka.connection.registry.as_ref().map(|registry| registry.kind);
        let latest = match kind {
            Some(RegistryKind::Confluent) => registries.latest(kafka, topic)?,
            _ => [None, None],
        };
        Ok(Self { kind, client, latest, secrets, runtime })
    }

    /// Its schemas, for records that name theirs.
    pub(super) fn schemas(&self) -> &dyn Schemas {
        &self.client
    }

    /// How the records of `topic` are decoded.
    pub(super) fn formats(&self, kafka: &KafkaSource, topic: &str) -> Result<Formats, Failure> {
        Ok(Registries::new(|name: &str| self.secrets.get(name), None).formats(kafka, topic)?)
    }

    /// Whether its address names the schema of records that name none.
    pub(super) fn has_configured_schema(&self) -> bool {
        self.client.has_configured_schema()
    }

    /// The newest schema of the topic's values or keys; `None` when there is none.
    ///
    /// # Errors
    /// When the registry cannot be asked.
    pub(super) fn latest(&self, side: Side) -> Result<Option<Arc<Schema>>, Error> {
        let [value, key] = &self.latest;
        let Some(schemas) = (if side == Side::Key { key } else { value }) else {
            return Ok(None);
        };
        match self.fetch(&**schemas, SchemaId::Configured, "") {
            Err(error) if error.kind == Kind::NotFound => Ok(None),
            fetched => fetched,
        }
    }

    /// The schema of records that name none, if the settings name one.
    ///
    /// # Errors
    /// When the registry cannot be asked, or does not have it.
    pub(super) fn configured(&self, format: &DocumentFormat) -> Result<Option<Arc<Schema>>, Error> {
        let schemas = format.schemas.as_deref().unwrap_or(&self.client);
        if !format.has_configured_schema {
            return Ok(None);
        }
        self.fetch(schemas, SchemaId::Configured, "")
    }

    /// The schema of `id`; `None` when there is none.
    ///
    /// # Errors
    /// When the registry cannot be asked.
    pub(super) fn fetch(
        &self,
        schemas: &dyn Schemas,
        id: SchemaId,
        subject: &str,
    ) -> Result<Option<Arc<Schema>>, Error> {
        match self.wait(schemas.fetch(id, subject)) {
            Ok(schema) => Ok(Some(schema)),
            Err(SchemaError::Refused(_)) => Ok(None),
            Err(SchemaError::Unavailable(error)) => Err(error),
        }
    }

    /// Waits for what asks the registry.
    pub(super) fn wait<F: Future>(&self, question: F) -> F::Output {
        self.runtime.block_on(question)
    }
}

/// A secret that the connection needs.
pub(super) fn missing_secret(missing: &MissingSecret) -> Failure {
    let name = &missing.name;
    Failure::new(Exit::Environment, missing.to_string()).hint(format!(
        "set FOREBAY_SECRET_{name} in the environment, or write {name}=... into .env beside the project"
    ))
}
