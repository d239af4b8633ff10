//! Schema registries: one client a connection, and what each data source reads through it.

use forebay_connectors::registry::{ConfiguredSchema, RegistryClient, RegistrySettings, SettingsError};
use forebay_ingest::{
    decode::{DocumentFormat, Formats, RowDecoder},
    error::{Error, Kind},
    schema::Schemas,
    target::filled_columns,
};
use forebay_project::model::{
    Datasource, Format, KafkaConnection, KafkaSource, Project, RecordFormat, SchemaLocation, Text,
};
use std::{collections::HashMap, path::PathBuf, sync::Arc};

/// The registries of a project's connections, each made when the first data source asks for it.
pub(crate) struct Registries<F> {
    secret: F,
    /// Where schemas are kept, so that a restart works while a registry is down.
    kept_in: Option<PathBuf>,
    clients: HashMap<String, RegistryClient>,
}

impl<F: Fn(&str) -> Option<String>> Registries<F> {
    /// `secret` looks secrets up.
    pub(crate) fn new(secret: F, kept_in: Option<PathBuf>) -> Self {
        Self { secret, kept_in, clients: HashMap::new() }
    }

    /// How the records of `topic` are decoded, by the settings of the data source that reads it.
    pub(crate) fn formats(&mut self, kafka: &KafkaSource, topic: &str) -> Result<Formats, Error> {
        let client = self.client(&kafka.connection)?;
        let document = |settings| self.document(&client, settings);
        Ok(Formats {
            value: document(&kafka.value)?,
            key: document(&kafka.key)?,
            tombstones: kafka.tombstones,
            topic: topic.to_owned(),
            registry: kafka.connection.registry.as_ref().map(|registry| registry.kind),
            ..Formats::default()
        })
    }

    /// Where the newest schemas of a topic's values and keys are, as the configured ones; `None` without a registry.
    pub(crate) fn latest(
        &mut self,
        kafka: &KafkaSource,
        topic: &str,
    ) -> Result<[Option<Arc<dyn Schemas>>; 2], Error> {
        if kafka.connection.registry.is_none() {
            return Ok([None, None]);
        }
        let client = self.client(&kafka.connection)?;
        let latest = |side: &str| -> Result<Option<Arc<dyn Schemas>>, Error> {
            let path = Text::literal(format!("/subjects/{topic}-{side}/versions/latest"));
            let configured = ConfiguredSchema::resolve(&SchemaLocation::Registry(path), &self.secret);
            Ok(Some(Arc::new(client.with_configured(configured.map_err(refused)?))))
        };
        Ok([latest("value")?, latest("key")?])
    }

    /// The client of a connection's registry, or one that knows none.
    pub(crate) fn client(&mut self, connection: &KafkaConnection) -> Result<RegistryClient, Error> {
        let Some(registry) = &connection.registry else {
            return Ok(RegistryClient::without_registry());
        };
        if let Some(client) = self.clients.get(&connection.name) {
            return Ok(client.clone());
        }
        let settings =
            RegistrySettings::resolve(&connection.name, registry, &self.secret).map_err(refused)?;
        let client = RegistryClient::new(&settings, self.kept_in.clone())?;
        self.clients.insert(connection.name.clone(), client.clone());
        Ok(client)
    }

    fn document(&self, client: &RegistryClient, settings: &RecordFormat) -> Result<DocumentFormat, Error> {
        let client = match &settings.schema {
            Some(location) => {
                let configured = ConfiguredSchema::resolve(location, &self.secret).map_err(refused)?;
                client.with_configured(configured)
            }
            None => client.clone(),
        };
        let names_schemas =
            matches!(settings.format, Format::Avro | Format::Protobuf | Format::JsonWithSchema);
        Ok(DocumentFormat {
            settings: settings.clone(),
            has_configured_schema: client.has_configured_schema(),
            schemas: names_schemas.then(|| Arc::new(client) as Arc<dyn Schemas>),
        })
    }
}

/// Makes sure that decoders can be made for the data sources of a project, from the files alone.
///
/// # Errors
/// The first data source whose columns or schema files do not fit.
pub(crate) async fn check_decoders(project: &Project) -> Result<(), Error> {
    for datasource in project.datasources.values() {
        let Some(kafka) = &datasource.kafka else { continue };
        decoder_of_files(datasource, kafka).await.map_err(|mut error| {
            error.fact = format!("data source \"{}\": {}", datasource.name, error.fact);
            error
        })?;
    }
    Ok(())
}

async fn decoder_of_files(datasource: &Datasource, kafka: &KafkaSource) -> Result<(), Error> {
    let registries = Registries::new(|_: &str| None, None);
    let document = |settings: &RecordFormat| match &settings.schema {
        Some(SchemaLocation::Registry(_)) => {
            let settings = RecordFormat { schema: None, ..settings.clone() };
            registries.document(&RegistryClient::without_registry(), &settings)
        }
        _ => registries.document(&RegistryClient::without_registry(), settings),
    };
    let formats =
        Formats { value: document(&kafka.value)?, key: document(&kafka.key)?, ..Formats::default() };
    RowDecoder::compile(filled_columns(datasource).into(), formats)?.check_schema_files().await
}

fn refused(error: SettingsError) -> Error {
    match error {
        SettingsError::MissingSecret(missing) => Error::new(Kind::Invalid, missing.to_string()),
        SettingsError::Invalid(error) => error,
    }
}
