//! Profiles of AWS's own tools: keys, and roles that are taken on with the keys of another profile.
//!
//! Source: AWS SDKs and Tools Reference Guide, "Shared config and credentials files", "Assume role credential provider".

use super::aws::{SESSION, taking_on};
use reqsign_aws_v4::{
    AssumeRoleWithWebIdentityCredentialProvider, Credential, ECSCredentialProvider, EnvCredentialProvider,
    IMDSv2CredentialProvider, RequestSigner, StaticCredentialProvider,
};
use reqsign_core::{BoxedFuture, Context, Error, ProvideCredential, Result, Signer};
use std::collections::HashMap;

/// Credentials of the profile that `AWS_PROFILE` names, or of `default`.
#[derive(Clone, Debug)]
pub(super) struct Profiles {
    /// Whose Security Token Service is asked for roles.
    pub(super) region: String,
}

/// Settings of one profile.
type Profile = HashMap<String, String>;

/// Roles that are taken on one through another, at most.
const MOST_ROLES: usize = 5;

impl ProvideCredential for Profiles {
    type Credential = Credential;

    async fn provide_credential(&self, context: &Context) -> Result<Option<Credential>> {
        let named = context.env_var("AWS_PROFILE").filter(|name| !name.is_empty());
        let profiles = read(context).await;
        match (named, profiles.contains_key("default")) {
            (Some(name), _) => self.credentials(context, &profiles, name, Vec::new()).await,
            (None, true) => self.credentials(context, &profiles, "default".to_owned(), Vec::new()).await,
            (None, false) => Ok(None),
        }
    }
}

impl Profiles {
    /// The credentials of one profile; `within` are those whose roles are taken on with them.
    fn credentials<'a>(
        &'a self,
        context: &'a Context,
        profiles: &'a HashMap<String, Profile>,
        name: String,
        within: Vec<String>,
    ) -> BoxedFuture<'a, Result<Option<Credential>>> {
        Box::pin(async move {
            let invalid = |why: &str| Error::config_invalid(format!("AWS profile \"{name}\" {why}"));
            let profile = profiles.get(&name).ok_or_else(|| invalid("is not there"))?;
            let keys = keys(profile);
            // A profile that another one, or itself, is based on gives its keys if it has some.
            let Some(role) = profile.get("role_arn").filter(|_| within.is_empty() || keys.is_none()) else {
                return Ok(keys);
            };
            if within.len() >= MOST_ROLES || within.contains(&name) {
                return Err(invalid("takes on a role through itself"));
            }
            if let Some(file) = profile.get("web_identity_token_file") {
                return self.web_identity(role, file, profile).provide_credential(context).await;
            }
            let base = match profile.get("source_profile") {
                Some(source) => {
                    let within = [within, vec![name.clone()]].concat();
                    self.credentials(context, profiles, source.clone(), within).await?
                }
                None => named_source(context, profile.get("credential_source").map(String::as_str)).await?,
            };
            let base = base.ok_or_else(|| invalid("takes on a role with credentials that are not there"))?;
            self.role(context, role, profile, &base).provide_credential(context).await
        })
    }

    fn role(
        &self,
        context: &Context,
        role: &str,
        profile: &Profile,
        base: &Credential,
    ) -> impl ProvideCredential<Credential = Credential> + use<> {
        let mut keys = StaticCredentialProvider::new(&base.access_key_id, &base.secret_access_key);
        if let Some(token) = &base.session_token {
            keys = keys.with_session_token(token);
        }
        let signer = Signer::new(context.clone(), keys, RequestSigner::new("sts", &self.region));
        let external_id = profile.get("external_id").map(String::as_str);
        let role = taking_on(role, &self.region, signer, external_id);
        match profile.get("role_session_name") {
            Some(name) => role.with_role_session_name(name.clone()),
            None => role,
        }
    }

    fn web_identity(
        &self,
        role: &str,
        file: &str,
        profile: &Profile,
    ) -> AssumeRoleWithWebIdentityCredentialProvider {
        let session = profile.get("role_session_name").map_or(SESSION, String::as_str);
        AssumeRoleWithWebIdentityCredentialProvider::new()
            .with_role_arn(role.to_owned())
            .with_web_identity_token_file(file)
            .with_role_session_name(session.to_owned())
            .with_region(self.region.clone())
            .with_regional_sts_endpoint()
    }
}

/// What a profile without a `source_profile` takes on its role with.
async fn named_source(context: &Context, source: Option<&str>) -> Result<Option<Credential>> {
    match source {
        Some("Environment") => EnvCredentialProvider::new().provide_credential(context).await,
        Some("EcsContainer") => ECSCredentialProvider::new().provide_credential(context).await,
        Some("Ec2InstanceMetadata") => IMDSv2CredentialProvider::new().provide_credential(context).await,
        _ => Err(Error::config_invalid(
            "an AWS profile with role_arn needs source_profile, or credential_source Environment, EcsContainer or Ec2InstanceMetadata",
        )),
    }
}

fn keys(profile: &Profile) -> Option<Credential> {
    Some(Credential {
        access_key_id: profile.get("aws_access_key_id")?.clone(),
        secret_access_key: profile.get("aws_secret_access_key")?.clone(),
        session_token: profile.get("aws_session_token").cloned(),
        expires_in: None,
    })
}

/// The profiles of both files; what the credentials file says wins.
async fn read(context: &Context) -> HashMap<String, Profile> {
    let config = text(context, "AWS_CONFIG_FILE", "~/.aws/config").await;
    let credentials = text(context, "AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials").await;
    let mut profiles = parse(&config, |heading| match heading.split_once(char::is_whitespace) {
        Some(("profile", name)) => Some(name.trim()),
        None if heading == "default" => Some(heading),
        _ => None,
    });
    for (name, settings) in parse(&credentials, Some) {
        profiles.entry(name).or_default().extend(settings);
    }
    profiles
}

/// A file's text; empty when there is none.
async fn text(context: &Context, variable: &str, usual: &str) -> String {
    let path = context.env_var(variable).unwrap_or(usual.to_owned());
    let path = if path.starts_with("~/") { context.expand_home_dir(&path) } else { Some(path) };
    let bytes = match path {
        Some(path) => context.file_read(&path).await.unwrap_or_default(),
        None => Vec::new(),
    };
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Reads `[heading]` and `name = value` lines. Indented lines belong to settings with parts, of which none is needed.
fn parse<'t>(text: &'t str, name: impl Fn(&'t str) -> Option<&'t str>) -> HashMap<String, Profile> {
    let mut profiles = HashMap::<String, Profile>::new();
    let mut current = None;
    for line in text.lines().filter(|line| !line.starts_with([' ', '\t', '#', ';'])) {
        if let Some(heading) = line.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            current = name(heading.0.trim()).map(|name| profiles.entry(name.to_owned()).or_default());
        } else if let (Some(profile), Some((name, value))) = (&mut current, line.split_once('=')) {
            profile.insert(name.trim().to_ascii_lowercase(), value.trim().to_owned());
        }
    }
    profiles
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_are_read_as_awss_tools_write_them() {
        let text = "\u{feff}# made by hand\n[default]\naws_access_key_id = A\nAWS_SECRET_ACCESS_KEY=s=3/+\n\
                    s3 =\n  addressing_style = path\n\n[other one]\r\naws_session_token = t \r\n; end\n";
        let profiles = parse(text, Some);
        assert_eq!(profiles["default"]["aws_access_key_id"], "A");
        assert_eq!(profiles["default"]["aws_secret_access_key"], "s=3/+");
        assert!(!profiles["default"].contains_key("addressing_style"));
        assert_eq!(profiles["other one"]["aws_session_token"], "t");
    }
}
