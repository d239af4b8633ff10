//! From a connection's `KAFKA_SCHEMA_REGISTRY_*` settings to everything needed to ask its registry.

use super::address::{self, Address, Login, Lookup};
use forebay_ingest::error::{Error, Kind};
use forebay_project::{
    model::{AwsAccess, OauthClient, RegistryKind, SchemaRegistry, Text},
    text::MissingSecret,
};
use std::{collections::HashMap, fmt};

/// How to reach one registry, secrets resolved. `Debug` shows addresses only.
#[derive(Clone)]
pub struct RegistrySettings {
    pub(super) kind: RegistryKind,
    pub(super) addresses: Vec<Address>,
    /// The schema that the address names.
    pub(super) configured: Option<Lookup>,
    pub(super) access: Access,
    pub(super) bearer_headers: BearerHeaders,
    pub(super) tls: Tls,
    /// Variables in which AWS credentials are looked for; those of the process when absent.
    pub(super) aws_variables: Option<HashMap<String, String>>,
}

/// How a registry knows who asks.
#[derive(Clone)]
pub(super) enum Access {
    Anonymous,
    Basic(Login),
    Bearer(String),
    Oauth(Oauth),
    Aws(Aws),
}

/// What Confluent Cloud wants beside a bearer token.
#[derive(Clone, Default)]
pub(super) struct BearerHeaders {
    pub(super) logical_cluster: Option<String>,
    pub(super) identity_pool_id: Option<String>,
}

/// Client credentials of OAuth 2.0.
#[derive(Clone)]
pub(super) struct Oauth {
    pub(super) token_url: String,
    pub(super) client: Login,
    pub(super) scope: Option<String>,
}

/// Access to AWS Glue.
#[derive(Clone)]
pub(super) struct Aws {
    pub(super) region: String,
    /// Access key and secret key; without them the usual chain is used.
    pub(super) keys: Option<Login>,
    pub(super) role_arn: Option<String>,
    pub(super) external_id: Option<String>,
}

/// Certificates, as PEM.
#[derive(Clone, Default)]
pub(super) struct Tls {
    pub(super) ca: Option<String>,
    pub(super) certificate: Option<String>,
    pub(super) private_key: Option<String>,
}

/// Why settings could not be resolved.
#[derive(Debug)]
pub enum SettingsError {
    /// A secret is not set.
    MissingSecret(MissingSecret),
    /// A setting cannot be read, or one is missing.
    Invalid(Error),
}

impl RegistrySettings {
    /// Resolves the secrets of `registry`, the settings of `connection`, and reads its addresses.
    ///
    /// # Errors
    /// The first secret that is not set, or what is wrong with a setting, without its value.
    pub fn resolve(
        connection: &str,
        registry: &SchemaRegistry,
        secret: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, SettingsError> {
        let resolve = |text: &Text| text.resolve(&secret);
        let optional = |text: &Option<Text>| text.as_ref().map(resolve).transpose();
        let invalid = |directive: &str, why: String| invalid(connection, directive, &why);
        let access = access(registry, resolve)?;
        let url = optional(&registry.url)?.or_else(|| glue_endpoint(&access));
        let url = url.ok_or_else(|| invalid("KAFKA_SCHEMA_REGISTRY_URL", "it is missing".to_owned()))?;
        let (addresses, configured) =
            address::parse_addresses(&url).map_err(|why| invalid("KAFKA_SCHEMA_REGISTRY_URL", why))?;
        let tls = Tls {
            ca: optional(&registry.ca_pem)?,
            certificate: optional(&registry.certificate_pem)?,
            private_key: optional(&registry.private_key_pem)?,
        };
        if tls.certificate.is_some() != tls.private_key.is_some() {
            let why = "it needs KAFKA_SCHEMA_REGISTRY_PRIVATE_KEY_PEM beside it, and the other way round";
            return Err(invalid("KAFKA_SCHEMA_REGISTRY_CERTIFICATE_PEM", why.to_owned()));
        }
        let bearer_headers = BearerHeaders {
            logical_cluster: optional(&registry.logical_cluster)?,
            identity_pool_id: optional(&registry.identity_pool_id)?,
        };
        let kind = registry.kind;
        Ok(Self { kind, addresses, configured, access, bearer_headers, tls, aws_variables: None })
    }

    /// Looks for AWS credentials as if these were the environment variables of this process.
    #[must_use]
    pub fn with_aws_variables(self, variables: HashMap<String, String>) -> Self {
        Self { aws_variables: Some(variables), ..self }
    }

    /// Whether the address names a schema for records that name none.
    pub fn has_configured_schema(&self) -> bool {
        self.configured.is_some()
    }

    /// Everything that must not be shown.
    pub(super) fn secrets(&self) -> Vec<String> {
        let mut secrets: Vec<String> = self
            .addresses
            .iter()
            .filter_map(|address| Some(address.login.as_ref()?.password.clone()))
            .collect();
        match &self.access {
            Access::Basic(login) => secrets.push(login.password.clone()),
            Access::Bearer(token) => secrets.push(token.clone()),
            Access::Oauth(oauth) => secrets.push(oauth.client.password.clone()),
            Access::Aws(aws) => secrets.extend(aws.keys.iter().map(|keys| keys.password.clone())),
            Access::Anonymous => {}
        }
        secrets.retain(|secret| !secret.is_empty());
        secrets
    }
}

fn invalid(connection: &str, directive: &str, why: &str) -> SettingsError {
    SettingsError::Invalid(Error::new(
        Kind::Invalid,
        format!("connection {connection:?}: {directive}: {why}"),
    ))
}

fn access(
    registry: &SchemaRegistry,
    resolve: impl Fn(&Text) -> Result<String, MissingSecret> + Copy,
) -> Result<Access, MissingSecret> {
    let login = |user: &Text, password: &Option<Text>| {
        let password = password.as_ref().map(resolve).transpose()?.unwrap_or_default();
        Ok(Login { user: resolve(user)?, password })
    };
    match registry {
        SchemaRegistry { kind: RegistryKind::Glue, aws: Some(aws), .. } => {
            resolve_aws(aws, resolve).map(Access::Aws)
        }
        SchemaRegistry { oauth: Some(oauth), kind, .. } => {
            resolve_oauth(oauth, *kind, resolve).map(Access::Oauth)
        }
        SchemaRegistry { token: Some(token), .. } => resolve(token).map(Access::Bearer),
        SchemaRegistry { user: Some(user), password, .. } => login(user, password).map(Access::Basic),
        _ => Ok(Access::Anonymous),
    }
}

/// The scope that Azure's registry asks for. Source: azure-schemaregistry.
const AZURE_SCOPE: &str = "https://eventhubs.azure.net/.default";

fn resolve_oauth(
    oauth: &OauthClient,
    kind: RegistryKind,
    resolve: impl Fn(&Text) -> Result<String, MissingSecret>,
) -> Result<Oauth, MissingSecret> {
    let optional = |text: &Option<Text>| text.as_ref().map(&resolve).transpose();
    let usual_scope = (kind == RegistryKind::Azure).then(|| AZURE_SCOPE.to_owned());
    Ok(Oauth {
        token_url: resolve(&oauth.token_url)?,
        client: Login { user: resolve(&oauth.client_id)?, password: resolve(&oauth.client_secret)? },
        scope: optional(&oauth.scope)?.or(usual_scope),
    })
}

fn resolve_aws(
    aws: &AwsAccess,
    resolve: impl Fn(&Text) -> Result<String, MissingSecret>,
) -> Result<Aws, MissingSecret> {
    let optional = |text: &Option<Text>| text.as_ref().map(&resolve).transpose();
    let keys = match (optional(&aws.access_key)?, optional(&aws.secret_key)?) {
        (Some(user), Some(password)) => Some(Login { user, password }),
        _ => None,
    };
    Ok(Aws {
        region: resolve(&aws.region)?,
        keys,
        role_arn: optional(&aws.role_arn)?,
        external_id: optional(&aws.external_id)?,
    })
}

/// Source: AWS General Reference, "AWS Glue endpoints and quotas".
fn glue_endpoint(access: &Access) -> Option<String> {
    let Access::Aws(Aws { region, .. }) = access else {
        return None;
    };
    let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    Some(format!("https://glue.{region}.{domain}"))
}

impl fmt::Debug for RegistrySettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let addresses: Vec<&str> = self.addresses.iter().map(|address| address.base.as_str()).collect();
        f.debug_struct("RegistrySettings")
            .field("kind", &self.kind)
            .field("addresses", &addresses)
            .finish_non_exhaustive()
    }
}

impl From<MissingSecret> for SettingsError {
    fn from(missing: MissingSecret) -> Self {
        Self::MissingSecret(missing)
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingSecret(missing) => missing.fmt(f),
            Self::Invalid(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for SettingsError {}
