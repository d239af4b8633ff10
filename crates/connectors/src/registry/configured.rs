//! The schema of records that name none.

use super::{address::Lookup, project_files, settings::SettingsError};
use forebay_ingest::{
    error::{Error, Kind},
    schema::Schema,
};
use forebay_project::model::{SchemaLocation, Text};
use std::sync::Arc;

/// The schema that a data source is set to: `KAFKA_VALUE_SCHEMA`, `KAFKA_KEY_SCHEMA`.
#[derive(Clone, Debug)]
pub struct ConfiguredSchema(pub(super) Place);

#[derive(Clone, Debug)]
pub(super) enum Place {
    File(Arc<Schema>),
    Registry(Lookup),
}

impl ConfiguredSchema {
    /// Resolves the secrets of `location`, and gathers the files that a schema file refers to.
    ///
    /// # Errors
    /// The first secret that is not set, or that the location is no path of a schema in a registry.
    pub fn resolve(
        location: &SchemaLocation,
        secret: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, SettingsError> {
        let registry = |text: &Text| {
            let path = text.resolve(&secret)?;
            let invalid =
                |why| SettingsError::Invalid(Error::new(Kind::Invalid, format!("configured schema {why}")));
            Lookup::parse(&path).map(Place::Registry).map_err(invalid)
        };
        let place = match location {
            SchemaLocation::Registry(text) => registry(text)?,
            SchemaLocation::File { path, text, others } => {
                Place::File(Arc::new(project_files::gather(path, text, others)))
            }
        };
        Ok(Self(place))
    }
}
