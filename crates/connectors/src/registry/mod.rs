//! Schema registries: where the writer schemas of a connection are kept.
//!
//! [`RegistryClient`] answers for one data source's values or keys. Clients made by [`RegistryClient::with_configured`]
//! share one registry: its connections, its tokens and what it has answered.
//!
//! How an answer is found, first hit wins:
//! 1. the schema that the project configures, for records that name none, and for all records if there is no registry;
//! 2. in memory: 1,000 schemas or 64 MiB, those used longest ago go first; one question an id at a time, however many ask;
//! 3. from the registry: every address in turn (the first one comes first again after a minute), and again after 0.2 s,
//!    0.4 s and 0.8 s while they cannot be reached or answer 408, 429 or 5xx; then [`SchemaError::Unavailable`], and the
//!    caller asks again when it likes;
//! 4. on disk, so that a restart works while the registry is down: a schema that is kept there is taken if the registry
//!    does not answer within three seconds, and for half a minute after that without asking.
//!
//! That there is no such schema is believed only after two seconds, for producers overtake the replication of registries;
//! then for 30 seconds. While three ids are missing already, further ones are believed to be at once: they are bytes that
//! only look like an id, and each must not hold up its partition. A schema that the settings themselves name is waited
//! for, and so is every schema while the address answers 404 but not as a registry does.
//!
//! Calls are few and their answers are kept, so they are blocking ones (`ureq`) on threads that may block. Proxies are those
//! of the environment, `HTTPS_PROXY` and its kin. AWS credentials without keys come from the usual chain (`aws`):
//! environment, profile, web identity, container, machine.
//!
//! Sources: Confluent's REST interface (github.com/confluentinc/schema-registry), AWS Glue `GetSchemaVersion`, Azure
//! Schema Registry 2022-10, Apicurio's core API v3 for its eight-byte global ids.
//!
//! [`SchemaError::Unavailable`]: forebay_ingest::schema::SchemaError::Unavailable

mod address;
mod answers;
mod apicurio;
mod authentication;
mod aws;
mod aws_profile;
mod azure;
mod caller;
mod client;
mod configured;
mod confluent;
mod failure;
mod glue;
mod http;
mod kept;
mod project_files;
mod references;
mod settings;

pub use caller::Patience;
pub use client::RegistryClient;
pub use configured::ConfiguredSchema;
pub use settings::{RegistrySettings, SettingsError};
