//! The client: answers from the project, from memory, from disk, or from the registry.

use super::{
    address::Lookup,
    answers::{Answered, Answers},
    azure,
    caller::{Caller, Patience, judge_status},
    configured::{ConfiguredSchema, Place},
    confluent::Confluent,
    failure::{Failure, Trouble},
    glue,
    kept::Kept,
    settings::RegistrySettings,
};
use forebay_ingest::{
    error::{Error, Kind},
    schema::{Fetching, Schema, SchemaId, Schemas},
};
use forebay_project::model::RegistryKind;
use std::{
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// The schemas of one data source's values or keys. Clones share everything.
#[derive(Clone)]
pub struct RegistryClient {
    registry: Option<Arc<Registry>>,
    configured: Option<Place>,
}

struct Registry {
    backend: Backend,
    answers: Arc<Answers<Key>>,
    kept: Option<Kept>,
    /// Until when copies are taken without asking, because the registry was out of reach.
    silent_until: Mutex<Option<Instant>>,
}

enum Backend {
    Confluent(Confluent),
    Glue(Caller),
    Azure(Caller),
}

/// A question: a schema, and the subject in whose context its id is meant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Schema(Lookup, String),
    GlobalId(u64),
}

/// Ids missing at once from which on further ones are believed at once.
const MANY_MISSING: usize = 3;
/// Between two questions for a schema that is not there yet; doubled from one to the next.
const FIRST_WAIT: Duration = Duration::from_millis(100);

impl RegistryClient {
    /// A client of the registry that `settings` lead to. Schemas are kept in the directory `kept_in`, which is made when
    /// the first one is written; it may be shared by all registries.
    ///
    /// # Errors
    /// When certificates or keys of the settings cannot be read. No server is asked.
    pub fn new(settings: &RegistrySettings, kept_in: Option<PathBuf>) -> Result<Self, Error> {
        Self::with_patience(settings, kept_in, Patience::default())
    }

    /// [`Self::new`] with times of the caller's choice.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_patience(
        settings: &RegistrySettings,
        kept_in: Option<PathBuf>,
        patience: Patience,
    ) -> Result<Self, Error> {
        let caller = |judge| Caller::new(settings, patience, judge);
        let backend = match settings.kind {
            RegistryKind::Confluent => Backend::Confluent(Confluent::new(caller(judge_status)?)),
            RegistryKind::Glue => Backend::Glue(caller(glue::judge)?),
            RegistryKind::Azure => Backend::Azure(caller(judge_status)?),
        };
        let kept = kept_in.map(|dir| Kept::new(dir, backend.caller().name().to_owned()));
        let answers = Answers::new(patience.missing_kept);
        let registry = Registry { backend, answers, kept, silent_until: Mutex::new(None) };
        let configured = settings.configured.clone().map(Place::Registry);
        Ok(Self { registry: Some(Arc::new(registry)), configured })
    }

    /// A client without a registry: every record has the schema that [`Self::with_configured`] sets.
    pub fn without_registry() -> Self {
        Self { registry: None, configured: None }
    }

    /// The same registry, with the schema of records that name none; it wins over one that the address names.
    #[must_use]
    pub fn with_configured(&self, schema: ConfiguredSchema) -> Self {
        Self { registry: self.registry.clone(), configured: Some(schema.0) }
    }

    /// Whether there is a schema for records that name none.
    pub fn has_configured_schema(&self) -> bool {
        self.configured.is_some()
    }

    /// The registry for people, such as `schema registry https://registry:8081`. Holds no secret.
    pub fn describe(&self) -> String {
        match &self.registry {
            Some(registry) => registry.backend.caller().name().to_owned(),
            None => "no schema registry".to_owned(),
        }
    }

    /// Whether the registry answers and takes the credentials.
    ///
    /// # Errors
    /// Why it does not, after the usual tries.
    pub async fn check(&self) -> Result<(), Error> {
        let checked = match self.registry.as_ref().map(|registry| &registry.backend) {
            Some(Backend::Confluent(confluent)) => confluent.check().await,
            Some(Backend::Glue(caller)) => glue::check(caller).await,
            Some(Backend::Azure(caller)) => azure::check(caller).await,
            None => Ok(()),
        };
        checked.map_err(Error::from)
    }

    async fn find(&self, id: SchemaId, subject: &str) -> Answered {
        let Some(registry) = &self.registry else {
            return self.configured_file();
        };
        match (id, &self.configured) {
            (SchemaId::Configured, Some(Place::File(schema))) => Ok(schema.clone()),
            (SchemaId::Configured, Some(Place::Registry(lookup))) => {
                registry.answer(Key::Schema(lookup.clone(), String::new())).await.map_err(expected)
            }
            (SchemaId::Configured, None) => Err(no_configured_schema()),
            _ => registry.answer(registry.backend.key(id, subject)?).await,
        }
    }

    fn configured_file(&self) -> Answered {
        match &self.configured {
            Some(Place::File(schema)) => Ok(schema.clone()),
            Some(Place::Registry(lookup)) => {
                let why = format!(
                    "the schema is {lookup} of a registry, but the connection has none: set KAFKA_SCHEMA_REGISTRY_URL"
                );
                Err(Failure::Refused(why))
            }
            None => Err(no_configured_schema()),
        }
    }
}

/// A schema that the settings name is waited for: that it is not there is nobody's fault but theirs.
fn expected(failure: Failure) -> Failure {
    match failure {
        Failure::Missing(why) => Trouble::new(Kind::NotFound, why)
            .hint("register it, or correct KAFKA_VALUE_SCHEMA, KAFKA_KEY_SCHEMA or KAFKA_SCHEMA_REGISTRY_URL")
            .into(),
        other => other,
    }
}

fn no_configured_schema() -> Failure {
    Failure::Refused("the record names no schema and none is configured".to_owned())
}

impl Registry {
    async fn answer(self: &Arc<Self>, key: Key) -> Answered {
        let registry = self.clone();
        let asked = key.clone();
        let ask = move || async move { registry.load(&asked).await.map(Arc::new) };
        self.answers.get(&key, ask).await
    }

    /// From the registry, or from disk if there is a copy and the registry has no better answer at once: ids are given
    /// anew when somebody sets a registry up again, so a copy is only believed while nobody says otherwise.
    async fn load(&self, key: &Key) -> Result<Schema, Failure> {
        let name = key.to_string();
        let Some(copy) = self.read_kept(&name).await else {
            let schema = self.ask(key).await?;
            self.keep(&name, &schema).await;
            return Ok(schema);
        };
        match self.ask_briefly(key).await {
            Some(schema) if schema != copy => {
                self.keep(&name, &schema).await;
                Ok(schema)
            }
            _ => Ok(copy),
        }
    }

    async fn keep(&self, name: &str, schema: &Schema) {
        if let Some(kept) = &self.kept {
            kept.write(name, schema).await;
        }
    }

    async fn read_kept(&self, name: &str) -> Option<Schema> {
        self.kept.as_ref()?.read(name).await
    }

    /// Asks the registry, unless it was out of reach a moment ago.
    async fn ask_briefly(&self, key: &Key) -> Option<Schema> {
        let silent_until = || self.silent_until.lock().unwrap_or_else(PoisonError::into_inner);
        if silent_until().is_some_and(|until| Instant::now() < until) {
            return None;
        }
        let Patience { beside_copy, missing_kept, .. } = self.backend.caller().patience;
        match tokio::time::timeout(beside_copy, self.backend.fetch(key)).await {
            Ok(Ok(schema)) => Some(schema),
            Ok(Err(Failure::Missing(_) | Failure::Refused(_))) => None,
            Ok(Err(Failure::Unavailable(_))) | Err(_) => {
                *silent_until() = Some(Instant::now() + missing_kept);
                None
            }
        }
    }

    /// Asks the registry, and again for a while if it says that there is no such schema.
    async fn ask(&self, key: &Key) -> Result<Schema, Failure> {
        let missing_for = match self.answers.missing() {
            MANY_MISSING.. => Duration::ZERO,
            _ => self.backend.caller().patience.missing_for,
        };
        let started = Instant::now();
        let mut wait = FIRST_WAIT;
        loop {
            let failure = match self.backend.fetch(key).await {
                Err(failure @ Failure::Missing(_)) => failure,
                answered => return answered,
            };
            let left = missing_for.saturating_sub(started.elapsed());
            if left.is_zero() {
                return Err(failure);
            }
            tokio::time::sleep(wait.min(left)).await;
            wait *= 2;
        }
    }
}

impl Backend {
    fn caller(&self) -> &Caller {
        match self {
            Self::Confluent(confluent) => &confluent.caller,
            Self::Glue(caller) | Self::Azure(caller) => caller,
        }
    }

    /// The question for an id, if the registry can have such ids.
    fn key(&self, id: SchemaId, subject: &str) -> Result<Key, Failure> {
        let lookup = match (self, id) {
            (Self::Confluent(_), SchemaId::Confluent(id)) => {
                return Ok(Key::Schema(Lookup::Id(id), subject.to_owned()));
            }
            (Self::Confluent(_), SchemaId::Apicurio(id)) => return Ok(Key::GlobalId(id)),
            (Self::Confluent(_), SchemaId::ConfluentGuid(uuid))
            | (Self::Glue(_), SchemaId::Glue(uuid))
            | (Self::Azure(_), SchemaId::Azure(uuid)) => Lookup::Uuid(uuid),
            _ => return Err(self.foreign(id)),
        };
        Ok(Key::Schema(lookup, String::new()))
    }

    fn foreign(&self, id: SchemaId) -> Failure {
        let owner = match id {
            SchemaId::Glue(_) => "AWS Glue",
            SchemaId::Azure(_) => "Azure",
            _ => "a Confluent-compatible registry",
        };
        Failure::Refused(format!(
            "{id} is one of {owner}, which {} is not: check KAFKA_SCHEMA_REGISTRY_TYPE",
            self.caller().name()
        ))
    }

    async fn fetch(&self, key: &Key) -> Result<Schema, Failure> {
        match (self, key) {
            (Self::Confluent(confluent), Key::Schema(lookup, subject)) => {
                confluent.fetch(lookup, subject).await
            }
            (Self::Confluent(confluent), Key::GlobalId(id)) => confluent.fetch_global_id(*id).await,
            (Self::Glue(caller), Key::Schema(lookup, _)) => glue::fetch(caller, lookup).await,
            (Self::Azure(caller), Key::Schema(lookup, _)) => azure::fetch(caller, lookup).await,
            (Self::Glue(_) | Self::Azure(_), Key::GlobalId(id)) => Err(self.foreign(SchemaId::Apicurio(*id))),
        }
    }
}

impl Schemas for RegistryClient {
    fn fetch<'a>(&'a self, id: SchemaId, subject: &'a str) -> Fetching<'a> {
        Box::pin(async move { self.find(id, subject).await.map_err(Into::into) })
    }
}

/// Shows the address only.
impl fmt::Debug for RegistryClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryClient")
            .field("registry", &self.describe())
            .field("configured", &self.configured.is_some())
            .finish()
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Schema(lookup, subject) if subject.is_empty() => lookup.fmt(f),
            Self::Schema(lookup, subject) => write!(f, "{lookup} as subject {subject:?} knows it"),
            Self::GlobalId(id) => write!(f, "global id {id}"),
        }
    }
}
