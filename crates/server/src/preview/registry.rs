//! The schemas of a connection, for a command that asks a few times and ends.

use crate::{
    exit::{Exit, Failure},
    registries::Registries,
    secrets::Secrets,
};
use forebay_connectors::registry::RegistryClient;
use forebay_ingest::{
    decode::Formats,
    error::Error,
    schema::{Schema, SchemaError, SchemaId, Schemas},
};
use forebay_project::{
    model::{KafkaSource, RegistryKind},
    text::MissingSecret,
};
use std::{future::Future, sync::Arc};
use tokio::runtime::Runtime;

/// The registry of a connection, if it has one, and something to wait with.
pub(super) struct Registry {
    pub(super) kind: Option<RegistryKind>,
    client: RegistryClient,
    runtime: Runtime,
}

impl Registry {
    pub(super) fn open(kafka: &KafkaSource, secrets: &Secrets) -> Result<Self, Failure> {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().map_err(
                |error| Failure::new(Exit::Environment, format!("no threads can be started: {error}")),
            )?;
        let client = Registries::new(|name: &str| secrets.get(name), None).client(&kafka.connection)?;
        let kind = kafka.connection.registry.as_ref().map(|registry| registry.kind);
        Ok(Self { kind, client, runtime })
    }

    /// Its schemas, for records that name theirs.
    pub(super) fn schemas(&self) -> &dyn Schemas {
        &self.client
    }

    /// How the records of `topic` are decoded.
    pub(super) fn formats(kafka: &KafkaSource, topic: &str, secrets: &Secrets) -> Result<Formats, Failure> {
        Ok(Registries::new(|name: &str| secrets.get(name), None).formats(kafka, topic)?)
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
