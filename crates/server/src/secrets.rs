//! Secrets: from the environment first, then from env files. Values are never shown.

use crate::exit::{Exit, Failure};
use forebay_project::model::{Project, SchemaLocation, SchemaRegistry, Text, TextPiece};
use std::{
    collections::{BTreeMap, BTreeSet},
    env, fmt, fs,
    path::Path,
};

const PREFIX: &str = "FOREBAY_SECRET_";
/// Read from the project, later ones win.
const FILES: [&str; 2] = [".env", ".env.local"];

/// The secrets that are set. `Debug` shows names only.
#[derive(Clone, Default)]
pub(crate) struct Secrets {
    from_files: BTreeMap<String, String>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.from_files.keys()).finish()
    }
}

impl Secrets {
    /// Reads `.env` and `.env.local` of the project, then `env_file`, which must exist.
    ///
    /// # Errors
    /// When a file cannot be read, or a line of it is not `NAME=value`.
    pub(crate) fn read(dir: &Path, env_file: Option<&Path>) -> Result<Self, Failure> {
        let mut secrets = Self::default();
        for name in FILES {
            let path = dir.join(name);
            if path.is_file() {
                secrets.add_file(&path)?;
            }
        }
        if let Some(path) = env_file {
            secrets.add_file(path)?;
        }
        Ok(secrets)
    }

    /// The value of a secret: `FOREBAY_SECRET_NAME` of the environment, else of the files, else `NAME` of the files.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        let prefixed = format!("{PREFIX}{name}");
        let from_files = |name: &str| self.from_files.get(name).cloned();
        env::var(&prefixed).ok().or_else(|| from_files(&prefixed)).or_else(|| from_files(name))
    }

    /// Fails with one error that lists every secret a project needs and nobody has set.
    pub(crate) fn require_all(&self, project: &Project) -> Result<(), Failure> {
        let mut missing: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for (place, text) in texts(project) {
            for name in required(text).filter(|name| self.get(name).is_none()) {
                missing.entry(name).or_default().insert(place.clone());
            }
        }
        if missing.is_empty() { Ok(()) } else { Err(missing_secrets(&missing)) }
    }

    fn add_file(&mut self, path: &Path) -> Result<(), Failure> {
        let text = fs::read_to_string(path).map_err(|error| {
            Failure::new(Exit::Environment, format!("env file {} cannot be read: {error}", path.display()))
        })?;
        let pairs = parse_env(&text).map_err(|line| {
            Failure::new(
                Exit::Errors,
                format!("env file {}:{line}: the line is not NAME=value", path.display()),
            )
            .hint("write one NAME=value a line; put values that hold # or line breaks in quotes")
        })?;
        self.from_files.extend(pairs);
        Ok(())
    }
}

fn missing_secrets(missing: &BTreeMap<&str, BTreeSet<String>>) -> Failure {
    let lines = missing.iter().map(|(name, places)| {
        let places: Vec<&str> = places.iter().map(String::as_str).collect();
        format!("\n  {name}  (used by {})", places.join(", "))
    });
    let noun = if missing.len() == 1 { "a secret is" } else { "secrets are" };
    let fact = format!("{noun} not set:{}", lines.collect::<String>());
    let first = missing.keys().next().copied().unwrap_or_default();
    Failure::new(Exit::Environment, fact).hint(format!(
        "set {PREFIX}{first} in the environment, or write {first}=... into .env beside the project"
    ))
}

/// Names of secrets without a default.
fn required(text: &Text) -> impl Iterator<Item = &str> {
    text.pieces.iter().filter_map(|piece| match piece {
        TextPiece::Secret { name, default: None } => Some(name.as_str()),
        _ => None,
    })
}

/// Every text that may refer to secrets, with where it stands.
fn texts(project: &Project) -> Vec<(String, &Text)> {
    let mut texts = Vec::new();
    for datasource in project.datasources.values() {
        let Some(kafka) = &datasource.kafka else {
            continue;
        };
        let connection = &kafka.connection;
        let here = |directive: &str| format!("{directive} of data source {:?}", datasource.name);
        let there = |directive: &str| format!("{directive} of connection {:?}", connection.name);
        texts.push((here("KAFKA_TOPIC"), &kafka.topic));
        texts.push((here("KAFKA_GROUP_ID"), &kafka.group_id));
        texts.push((there("KAFKA_BOOTSTRAP_SERVERS"), &connection.bootstrap_servers));
        let optional = [
            ("KAFKA_KEY", &connection.user),
            ("KAFKA_SECRET", &connection.password),
            ("KAFKA_SSL_CA_PEM", &connection.ca_pem),
        ];
        let registry = connection.registry.as_ref().map(registry_texts).unwrap_or_default();
        let optional = optional.into_iter().map(|(directive, text)| (directive, text.as_ref()));
        for (directive, text) in optional.chain(registry) {
            texts.extend(text.map(|text| (there(directive), text)));
        }
        for (directive, format) in [("KAFKA_VALUE_SCHEMA", &kafka.value), ("KAFKA_KEY_SCHEMA", &kafka.key)] {
            if let Some(SchemaLocation::Registry(text)) = &format.schema {
                texts.push((here(directive), text));
            }
        }
    }
    texts
}

fn registry_texts(registry: &SchemaRegistry) -> Vec<(&'static str, Option<&Text>)> {
    let mut texts = vec![
        ("KAFKA_SCHEMA_REGISTRY_URL", registry.url.as_ref()),
        ("KAFKA_SCHEMA_REGISTRY_USER", registry.user.as_ref()),
        ("KAFKA_SCHEMA_REGISTRY_PASSWORD", registry.password.as_ref()),
        ("KAFKA_SCHEMA_REGISTRY_TOKEN", registry.token.as_ref()),
        ("KAFKA_SCHEMA_REGISTRY_LOGICAL_CLUSTER", registry.logical_cluster.as_ref()),
        ("KAFKA_SCHEMA_REGISTRY_IDENTITY_POOL_ID", registry.identity_pool_id.as_ref()),
        ("KAFKA_SCHEMA_REGISTRY_CA_PEM", registry.ca_pem.as_ref()),
        ("KAFKA_SCHEMA_REGISTRY_CERTIFICATE_PEM", registry.certificate_pem.as_ref()),
        ("KAFKA_SCHEMA_REGISTRY_PRIVATE_KEY_PEM", registry.private_key_pem.as_ref()),
    ];
    if let Some(oauth) = &registry.oauth {
        texts.extend([
            ("KAFKA_SCHEMA_REGISTRY_OAUTH_TOKEN_URL", Some(&oauth.token_url)),
            ("KAFKA_SCHEMA_REGISTRY_OAUTH_CLIENT_ID", Some(&oauth.client_id)),
            ("KAFKA_SCHEMA_REGISTRY_OAUTH_CLIENT_SECRET", Some(&oauth.client_secret)),
            ("KAFKA_SCHEMA_REGISTRY_OAUTH_SCOPE", oauth.scope.as_ref()),
        ]);
    }
    if let Some(aws) = &registry.aws {
        texts.extend([
            ("KAFKA_SCHEMA_REGISTRY_AWS_REGION", Some(&aws.region)),
            ("KAFKA_SCHEMA_REGISTRY_AWS_ACCESS_KEY", aws.access_key.as_ref()),
            ("KAFKA_SCHEMA_REGISTRY_AWS_SECRET_KEY", aws.secret_key.as_ref()),
            ("KAFKA_SCHEMA_REGISTRY_AWS_ROLE_ARN", aws.role_arn.as_ref()),
            ("KAFKA_SCHEMA_REGISTRY_AWS_EXTERNAL_ID", aws.external_id.as_ref()),
        ]);
    }
    texts
}

/// Reads `NAME=value` lines: `export` before, `#` comments, values in double quotes (with `\n`, `\"`, `\\`) or single
/// quotes, which may go over several lines. `$` means nothing. The error is the number of the first bad line.
fn parse_env(text: &str) -> Result<BTreeMap<String, String>, usize> {
    let mut pairs = BTreeMap::new();
    let mut rest = text.trim_start_matches('\u{feff}');
    loop {
        let line = text.len() - rest.len();
        let line_number = text[..line].matches('\n').count() + 1;
        let Some(start) = rest.lines().next() else {
            return Ok(pairs);
        };
        let entry = start.trim();
        if entry.is_empty() || entry.starts_with('#') {
            rest = after_line(rest);
            continue;
        }
        let (name, value, tail) = parse_entry(rest).ok_or(line_number)?;
        pairs.insert(name, value);
        rest = tail;
    }
}

fn parse_entry(text: &str) -> Option<(String, String, &str)> {
    let (name, value) = text.split_once('=')?;
    let name = name.trim();
    let name = name.strip_prefix("export ").unwrap_or(name).trim();
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let value = value.trim_start_matches([' ', '\t']);
    let (value, tail) = match value.chars().next() {
        Some(quote @ ('"' | '\'')) => parse_quoted(&value[1..], quote)?,
        _ => (parse_bare(value.lines().next().unwrap_or("")), after_line(value)),
    };
    is_name.then(|| (name.to_owned(), value, tail))
}

fn parse_bare(line: &str) -> String {
    let end = line.find(" #").unwrap_or(line.len());
    line[..end].trim().to_owned()
}

fn parse_quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' if quote == '"' => match characters.next()?.1 {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            _ if character == quote => {
                let tail = &text[at + 1..];
                let rest_of_line = tail.lines().next().unwrap_or("").trim();
                let ends_well = rest_of_line.is_empty() || rest_of_line.starts_with('#');
                return ends_well.then(|| (value, after_line(tail)));
            }
            _ => value.push(character),
        }
    }
    None
}

fn after_line(text: &str) -> &str {
    text.split_once('\n').map_or("", |(_, rest)| rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> String {
        parse_env(text).unwrap().remove("A").unwrap()
    }

    #[test]
    fn env_files_are_read_as_people_write_them() {
        assert_eq!(value("A=b"), "b");
        assert_eq!(value("# why\n\nexport A = b c  # note\r\n"), "b c");
        assert_eq!(value("A=p#ss$HOME"), "p#ss$HOME");
        assert_eq!(value("A=\"x\\ny \\\" \\\\\" # note"), "x\ny \" \\");
        assert_eq!(value("A='line one\nline two\\n'\nB=1"), "line one\nline two\\n");
        assert_eq!(value("A="), "");
        assert_eq!(value("A=a=b"), "a=b");
    }

    #[test]
    fn a_bad_line_is_named_by_its_number() {
        assert_eq!(parse_env("A=1\nnothing here"), Err(2));
        assert_eq!(parse_env("A=\"open\nB=1"), Err(1));
        assert_eq!(parse_env("A=1\n\n=x"), Err(3));
        assert_eq!(parse_env("A=\"x\" y"), Err(1));
    }

    #[test]
    fn values_are_not_in_the_debug_text() {
        let secrets = Secrets { from_files: [("A".to_owned(), "hunter2".to_owned())].into() };
        assert_eq!(format!("{secrets:?}"), "{\"A\"}");
    }
}
