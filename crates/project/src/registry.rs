//! `KAFKA_SCHEMA_REGISTRY_*`: where writer schemas are kept, and how to log in there.

use crate::diagnostics::{Finding, Report};
use crate::kafka::{is_host, known_text, pem, text_of};
use crate::model::{AwsAccess, OauthClient, RegistryKind, SchemaRegistry, Text, TextPiece};
use crate::settings::Settings;
use crate::syntax::Entry;

const URL: &str = "KAFKA_SCHEMA_REGISTRY_URL";
const TYPE: &str = "KAFKA_SCHEMA_REGISTRY_TYPE";
const USER: &str = "KAFKA_SCHEMA_REGISTRY_USER";
const PASSWORD: &str = "KAFKA_SCHEMA_REGISTRY_PASSWORD";
const TOKEN: &str = "KAFKA_SCHEMA_REGISTRY_TOKEN";
const TOKEN_URL: &str = "KAFKA_SCHEMA_REGISTRY_OAUTH_TOKEN_URL";
const CLIENT_ID: &str = "KAFKA_SCHEMA_REGISTRY_OAUTH_CLIENT_ID";
const CLIENT_SECRET: &str = "KAFKA_SCHEMA_REGISTRY_OAUTH_CLIENT_SECRET";
const SCOPE: &str = "KAFKA_SCHEMA_REGISTRY_OAUTH_SCOPE";
const LOGICAL_CLUSTER: &str = "KAFKA_SCHEMA_REGISTRY_LOGICAL_CLUSTER";
const IDENTITY_POOL: &str = "KAFKA_SCHEMA_REGISTRY_IDENTITY_POOL_ID";
const CA: &str = "KAFKA_SCHEMA_REGISTRY_CA_PEM";
const CERTIFICATE: &str = "KAFKA_SCHEMA_REGISTRY_CERTIFICATE_PEM";
const PRIVATE_KEY: &str = "KAFKA_SCHEMA_REGISTRY_PRIVATE_KEY_PEM";
const REGION: &str = "KAFKA_SCHEMA_REGISTRY_AWS_REGION";
const ACCESS_KEY: &str = "KAFKA_SCHEMA_REGISTRY_AWS_ACCESS_KEY";
const SECRET_KEY: &str = "KAFKA_SCHEMA_REGISTRY_AWS_SECRET_KEY";
const ROLE: &str = "KAFKA_SCHEMA_REGISTRY_AWS_ROLE_ARN";
const EXTERNAL_ID: &str = "KAFKA_SCHEMA_REGISTRY_AWS_EXTERNAL_ID";

/// Directives of a registry; they stand where those of its cluster stand.
pub(crate) const DIRECTIVES: &[&str] = &[
    URL,
    TYPE,
    USER,
    PASSWORD,
    TOKEN,
    TOKEN_URL,
    CLIENT_ID,
    CLIENT_SECRET,
    SCOPE,
    LOGICAL_CLUSTER,
    IDENTITY_POOL,
    CA,
    CERTIFICATE,
    PRIVATE_KEY,
    REGION,
    ACCESS_KEY,
    SECRET_KEY,
    ROLE,
    EXTERNAL_ID,
];

const OAUTH: &[&str] = &[TOKEN_URL, CLIENT_ID, CLIENT_SECRET, SCOPE];
/// Headers of Confluent Cloud beside a bearer token, whoever issued it.
const BEARER_HEADERS: &[&str] = &[LOGICAL_CLUSTER, IDENTITY_POOL];
const AWS: &[&str] = &[REGION, ACCESS_KEY, SECRET_KEY, ROLE, EXTERNAL_ID];

/// One address of a registry, or of an issuer of tokens, as far as checks need it.
struct Address<'a> {
    has_login: bool,
    is_encrypted: bool,
    /// Without a `/` at the end.
    path: &'a str,
}

/// A fact and a hint. The fact quotes nothing: what looks like a path may be half a password.
type Trouble = (&'static str, &'static str);

const URL_HINT: &str = "write https://host or https://host:8081";
const ESCAPE_HINT: &str =
    "write special characters of a password as %40 for @, %2F for /, %23 for #, %2C for ,";

fn address(text: &str) -> Result<Address<'_>, Trouble> {
    let (scheme, rest) = text.split_once("://").ok_or(("has no scheme", URL_HINT))?;
    let is_encrypted = scheme == "https";
    if !is_encrypted && scheme != "http" {
        return Err(("is neither http nor https", URL_HINT));
    }
    if rest.contains(char::is_whitespace) {
        return Err(("holds a space", "put commas between addresses"));
    }
    if rest.contains(['?', '#']) {
        return Err(("holds `?` or `#`", ESCAPE_HINT));
    }
    let end = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    if path.contains('@') {
        return Err(("holds `@` after its first `/`", ESCAPE_HINT));
    }
    let (login, host) = match authority.rsplit_once('@') {
        Some((login, host)) => (Some(login), host),
        None => (None, authority),
    };
    login.map_or(Ok(()), login_trouble)?;
    host_trouble(host)?;
    Ok(Address { has_login: login.is_some(), is_encrypted, path: path.trim_end_matches('/') })
}

fn login_trouble(login: &str) -> Result<(), Trouble> {
    let hint = "write https://user:password@host, or use KAFKA_SCHEMA_REGISTRY_USER and _PASSWORD";
    let (user, password) = login.split_once(':').ok_or(("names a user without a password", hint))?;
    if user.is_empty() || password.is_empty() {
        return Err(("names a user without a password", hint));
    }
    let mut escapes = login.split('%').skip(1);
    let is_escape = |rest: &str| rest.get(..2).is_some_and(|two| two.bytes().all(|b| b.is_ascii_hexdigit()));
    match login.contains('@') || !escapes.all(is_escape) {
        true => Err(("holds a character that has to be escaped", "write % as %25, @ as %40")),
        false => Ok(()),
    }
}

fn host_trouble(text: &str) -> Result<(), Trouble> {
    let no_host = ("names no host", URL_HINT);
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']').ok_or(no_host)?,
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    if !is_host(host, text.starts_with('[')) {
        return Err(no_host);
    }
    let is_port = |port: &str| port.parse::<u16>().is_ok_and(|number| number > 0);
    match port.is_empty() || port.strip_prefix(':').is_some_and(is_port) {
        true => Ok(()),
        false => Err(("has no valid port", "a port is a number from 1 to 65535, after the host")),
    }
}

/// The end of a path that names a schema in a registry, if any.
///
/// # Errors
/// When it begins to name one and does not end so.
pub(crate) fn schema_path(path: &str) -> Result<Option<&str>, Trouble> {
    let starts = ["/subjects", "/schemas"].into_iter().filter_map(|word| {
        let at = path.find(word)?;
        matches!(path.as_bytes().get(at + word.len()), None | Some(b'/')).then_some(at)
    });
    let Some(start) = starts.min() else {
        return Ok(None);
    };
    let is_number = |text: &str| text.parse::<u32>().is_ok_and(|number| number > 0);
    let is_id = |text: &str| is_number(text) || is_uuid(text);
    let parts: Vec<&str> = path[start + 1..].split('/').collect();
    let well_formed = match parts.as_slice() {
        ["subjects", subject] => !subject.is_empty(),
        ["subjects", subject, "versions", version] => {
            !subject.is_empty() && (*version == "latest" || is_number(version))
        }
        ["schemas", "ids", id] => is_id(id),
        ["schemas", "guids", id] => is_uuid(id),
        _ => false,
    };
    match well_formed {
        true => Ok(Some(&path[start..])),
        false => Err(("names no schema", "write /subjects/S, /subjects/S/versions/V or /schemas/ids/N")),
    }
}

/// 32 hexadecimal digits, with hyphens or without.
fn is_uuid(text: &str) -> bool {
    let digits = text.bytes().filter(|byte| *byte != b'-');
    text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit()) && digits.count() == 32
}

/// Whether a registry of this kind knows its schemas by such a path; else what it knows them by.
pub(crate) fn knows(kind: RegistryKind, path: &str) -> Result<(), &'static str> {
    let has_uuid = path.rsplit('/').next().is_some_and(is_uuid) && path.starts_with("/schemas/");
    match kind {
        RegistryKind::Confluent => Ok(()),
        _ if has_uuid => Ok(()),
        RegistryKind::Glue if path.starts_with("/subjects/") => Ok(()),
        RegistryKind::Glue => {
            Err("write /schemas/ids/ and the UUID of a schema version, or /subjects/REGISTRY%2FNAME")
        }
        RegistryKind::Azure => Err("write /schemas/ids/ and the 32 digits of the schema's id"),
    }
}

/// Addresses in the order in which they are tried. A comma separates only before an address: a password may hold one.
fn split(text: &str) -> Vec<&str> {
    let begins = |at: usize| {
        ["http://", "https://"].iter().any(|scheme| text[at + 1..].trim_start().starts_with(scheme))
    };
    let mut start = 0;
    let mut addresses = Vec::new();
    for (at, _) in text.match_indices(',').filter(|(at, _)| begins(*at)) {
        addresses.push(text[start..at].trim());
        start = at + 1;
    }
    addresses.push(text[start..].trim().trim_end_matches(','));
    addresses
}

/// What is wrong with `KAFKA_SCHEMA_REGISTRY_URL` itself.
pub(crate) fn address_trouble(entry: &Entry) -> Option<Finding> {
    let (known, _) = known_text(entry)?;
    let addresses = split(&known);
    let mut schemas = Vec::new();
    for (index, text) in addresses.iter().enumerate() {
        let subject =
            if addresses.len() > 1 { format!("address {} ", index + 1) } else { "the address ".to_owned() };
        let read = address(text).and_then(|address| schema_path(address.path));
        match read {
            Ok(schema) => schemas.push(schema),
            Err((fact, hint)) => return Some(url_finding(entry, &format!("{subject}{fact}")).hint(hint)),
        }
    }
    let differ = schemas.windows(2).any(|pair| pair[0] != pair[1]);
    differ.then(|| {
        url_finding(entry, "the addresses name different schemas")
            .hint("all addresses are of one registry: end them alike, or use KAFKA_VALUE_SCHEMA")
    })
}

fn url_finding(entry: &Entry, fact: &str) -> Finding {
    Finding::error("url", entry.value.span(), format!("{}: {fact}", entry.directive.name))
}

/// What is wrong with the address of an issuer of tokens.
pub(crate) fn url_trouble(entry: &Entry) -> Option<Finding> {
    let (known, _) = known_text(entry)?;
    match address(known.trim()) {
        Ok(address) if address.has_login => Some(
            url_finding(entry, "the address holds a user")
                .hint(format!("user and password are {CLIENT_ID} and {CLIENT_SECRET}")),
        ),
        Ok(_) => None,
        Err((fact, hint)) => Some(url_finding(entry, &format!("the address {fact}")).hint(hint)),
    }
}

/// Builds the registry from the directives of a connection; `None` when there are none, or when they are wrong.
pub(crate) fn registry(settings: &Settings<'_>, report: &mut Report) -> Option<SchemaRegistry> {
    let present = DIRECTIVES.iter().filter_map(|name| settings.get(name));
    let first = present.min_by_key(|entry| (entry.name.file, entry.name.start))?;
    let kind = kind(settings)?;
    let mut check = Check { settings, kind, report };
    check.address(first);
    check.login();
    check.oauth();
    check.tls();
    check.aws(first);
    let ca_pem = pem(settings, CA, "CERTIFICATE", report);
    let certificate_pem = pem(settings, CERTIFICATE, "CERTIFICATE", report);
    let private_key_pem = pem(settings, PRIVATE_KEY, "PRIVATE KEY", report);
    Some(SchemaRegistry {
        kind,
        url: text_of(settings, URL),
        user: text_of(settings, USER),
        password: text_of(settings, PASSWORD),
        token: text_of(settings, TOKEN),
        oauth: oauth(settings),
        logical_cluster: text_of(settings, LOGICAL_CLUSTER),
        identity_pool_id: text_of(settings, IDENTITY_POOL),
        ca_pem,
        certificate_pem,
        private_key_pem,
        aws: aws(settings),
    })
}

fn kind(settings: &Settings<'_>) -> Option<RegistryKind> {
    match settings.word(TYPE) {
        Some("glue") => Some(RegistryKind::Glue),
        Some("azure") => Some(RegistryKind::Azure),
        Some(_) => Some(RegistryKind::Confluent),
        None => (!settings.mentions(TYPE)).then_some(RegistryKind::Confluent),
    }
}

fn oauth(settings: &Settings<'_>) -> Option<OauthClient> {
    Some(OauthClient {
        token_url: text_of(settings, TOKEN_URL)?,
        client_id: text_of(settings, CLIENT_ID)?,
        client_secret: text_of(settings, CLIENT_SECRET)?,
        scope: text_of(settings, SCOPE),
    })
}

fn aws(settings: &Settings<'_>) -> Option<AwsAccess> {
    Some(AwsAccess {
        region: text_of(settings, REGION)?,
        access_key: text_of(settings, ACCESS_KEY),
        secret_key: text_of(settings, SECRET_KEY),
        role_arn: text_of(settings, ROLE),
        external_id: text_of(settings, EXTERNAL_ID),
    })
}

/// What the directives say together.
struct Check<'a, 'b> {
    settings: &'a Settings<'a>,
    kind: RegistryKind,
    report: &'b mut Report,
}

impl Check<'_, '_> {
    fn error(&mut self, entry: &Entry, code: &'static str, fact: String, hint: String) {
        self.report.add_at(entry, Finding::error(code, entry.name, fact).hint(hint));
    }

    fn missing(&mut self, present: &Entry, absent: &str) {
        let fact = format!("{} is here, but {absent} is missing", present.directive.name);
        self.error(present, "missing-directive", fact, format!("add {absent}"));
    }

    /// Directives that only make sense together.
    fn pair(&mut self, one: &'static str, other: &'static str) {
        for (name, needed) in [(one, other), (other, one)] {
            if let (Some(entry), false) = (self.settings.get(name), self.settings.mentions(needed)) {
                self.missing(entry, needed);
            }
        }
    }

    fn address(&mut self, first: &Entry) {
        if self.kind != RegistryKind::Glue && !self.settings.mentions(URL) {
            let fact = format!("{URL} is missing");
            self.error(first, "missing-directive", fact, format!("add {URL} https://host:8081"));
        }
        let named = known_schema(text_of(self.settings, URL).as_ref()).flatten();
        let trouble = named.and_then(|path| knows(self.kind, &path).err());
        if let (Some(entry), Some(hint)) = (self.settings.get(URL), trouble) {
            let fact = format!("{URL} names a schema as no {} registry does", self.kind.word());
            self.error(entry, "registry-conflict", fact, hint.to_owned());
        }
    }

    /// At most one way to log in; a client certificate may stand beside any.
    fn login(&mut self) {
        self.pair(USER, PASSWORD);
        let url_login = self.settings.get(URL).filter(|entry| holds_login(entry));
        let oauth = OAUTH.iter().find_map(|name| self.settings.get(name));
        let basic = self.settings.get(USER).or(self.settings.get(PASSWORD));
        let aws = AWS.iter().find_map(|name| self.settings.get(name));
        let ways = [
            (url_login, "user and password in the address"),
            (basic, "KAFKA_SCHEMA_REGISTRY_USER and _PASSWORD"),
            (self.settings.get(TOKEN), TOKEN),
            (oauth, "KAFKA_SCHEMA_REGISTRY_OAUTH_*"),
            (aws, "KAFKA_SCHEMA_REGISTRY_AWS_*"),
        ];
        let mut used = ways.into_iter().filter_map(|(entry, way)| Some((entry?, way)));
        if let (Some((first, one)), Some((entry, other))) = (used.next(), used.next()) {
            let fact = format!("there are two ways to log in to the registry: {one}, and {other}");
            let finding = Finding::error("registry-conflict", entry.name, fact)
                .hint("keep one of them")
                .note("the other is at", first.name);
            self.report.add_at(entry, finding);
        }
        let login = url_login.or(basic).filter(|_| self.kind == RegistryKind::Azure);
        if let Some(entry) = login {
            let fact = "an azure registry takes no user and password".to_owned();
            let hint = format!("use {TOKEN_URL}, {CLIENT_ID} and {CLIENT_SECRET}");
            self.error(entry, "registry-conflict", fact, hint);
        }
    }

    fn oauth(&mut self) {
        let Some(entry) = OAUTH.iter().find_map(|name| self.settings.get(name)) else {
            let header = BEARER_HEADERS.iter().find_map(|name| self.settings.get(name));
            let has_bearer = [TOKEN].iter().chain(OAUTH).any(|name| self.settings.mentions(name));
            if let Some(entry) = header.filter(|_| !has_bearer) {
                let fact = format!("{} goes with a bearer token or OAuth", entry.directive.name);
                let hint = format!(
                    "add {TOKEN}, or {TOKEN_URL}, {CLIENT_ID} and {CLIENT_SECRET}, or remove the line"
                );
                self.error(entry, "registry-conflict", fact, hint);
            }
            return;
        };
        for needed in [TOKEN_URL, CLIENT_ID, CLIENT_SECRET] {
            if !self.settings.mentions(needed) {
                self.missing(entry, needed);
            }
        }
    }

    fn tls(&mut self) {
        self.pair(CERTIFICATE, PRIVATE_KEY);
        let url = self.settings.get(URL).and_then(known_text);
        let is_plain = url.is_some_and(|(known, _)| {
            split(&known).into_iter().all(|text| address(text).is_ok_and(|address| !address.is_encrypted))
        });
        for name in [CA, CERTIFICATE, PRIVATE_KEY] {
            if let Some(entry) = self.settings.get(name).filter(|_| is_plain) {
                let fact = format!("{name} has no effect with an http address");
                let finding = Finding::warning("no-effect", entry.name, fact);
                self.report.add_at(entry, finding.hint("remove the line, or write https"));
            }
        }
    }

    fn aws(&mut self, first: &Entry) {
        if self.kind != RegistryKind::Glue {
            if let Some(entry) = AWS.iter().find_map(|name| self.settings.get(name)) {
                let fact = format!("{} belongs to a glue registry", entry.directive.name);
                self.error(entry, "registry-conflict", fact, format!("add {TYPE} glue, or remove the line"));
            }
            return;
        }
        if !self.settings.mentions(REGION) {
            let fact = format!("{REGION} is missing");
            self.error(
                first,
                "missing-directive",
                fact,
                format!("add {REGION} with the region, such as eu-west-1"),
            );
        }
        self.pair(ACCESS_KEY, SECRET_KEY);
        if let (Some(entry), false) = (self.settings.get(EXTERNAL_ID), self.settings.mentions(ROLE)) {
            self.missing(entry, ROLE);
        }
        for name in [USER, TOKEN].iter().chain(OAUTH).chain(BEARER_HEADERS) {
            // Beside AWS keys it has been refused as a second way to log in.
            let entry =
                self.settings.get(name).filter(|_| AWS.iter().all(|name| self.settings.get(name).is_none()));
            if let Some(entry) = entry {
                let fact = format!("{name} does not belong to a glue registry");
                self.error(entry, "registry-conflict", fact, format!("use {ACCESS_KEY} and {SECRET_KEY}"));
                return;
            }
        }
    }
}

/// Whether an address holds a user, as far as can be told without secrets.
fn holds_login(entry: &Entry) -> bool {
    if let Some((known, _)) = known_text(entry) {
        return split(&known).into_iter().any(|text| address(text).is_ok_and(|address| address.has_login));
    }
    let text = crate::text::parse(entry.value.text()).ok();
    let holds_at = |piece: &TextPiece| matches!(piece, TextPiece::Literal(literal) if literal.contains('@'));
    text.is_some_and(|text| text.pieces.iter().any(holds_at))
}

/// The schema that a registry's address names. The outer `None` says that only secrets would tell.
fn known_schema(url: Option<&Text>) -> Option<Option<String>> {
    let Some(url) = url else {
        return Some(None);
    };
    let known = url.resolve(|_| None).ok()?;
    let named = |text: &str| schema_path(address(text).ok()?.path).ok()?.map(str::to_owned);
    Some(split(&known).into_iter().find_map(named))
}

impl SchemaRegistry {
    /// Whether its address names a schema; `None` when only secrets would tell.
    pub(crate) fn names_schema(&self) -> Option<bool> {
        known_schema(self.url.as_ref()).map(|schema| schema.is_some())
    }
}

/// Directives that differ between two registries.
pub(crate) fn changed(
    from: Option<&SchemaRegistry>,
    to: Option<&SchemaRegistry>,
) -> Vec<(&'static str, bool)> {
    let kind = |registry: Option<&SchemaRegistry>| registry.map(|registry| registry.kind).unwrap_or_default();
    let differs = |of: fn(&SchemaRegistry) -> Option<&Text>| from.and_then(of) != to.and_then(of);
    let oauth = |of: fn(&OauthClient) -> Option<&Text>| {
        let client = |registry: Option<&SchemaRegistry>| registry?.oauth.as_ref().and_then(of).cloned();
        client(from) != client(to)
    };
    let aws = |of: fn(&AwsAccess) -> Option<&Text>| {
        let access = |registry: Option<&SchemaRegistry>| registry?.aws.as_ref().and_then(of).cloned();
        access(from) != access(to)
    };
    vec![
        (TYPE, kind(from) != kind(to)),
        (URL, differs(|registry| registry.url.as_ref())),
        (USER, differs(|registry| registry.user.as_ref())),
        (PASSWORD, differs(|registry| registry.password.as_ref())),
        (TOKEN, differs(|registry| registry.token.as_ref())),
        (TOKEN_URL, oauth(|client| Some(&client.token_url))),
        (CLIENT_ID, oauth(|client| Some(&client.client_id))),
        (CLIENT_SECRET, oauth(|client| Some(&client.client_secret))),
        (SCOPE, oauth(|client| client.scope.as_ref())),
        (LOGICAL_CLUSTER, differs(|registry| registry.logical_cluster.as_ref())),
        (IDENTITY_POOL, differs(|registry| registry.identity_pool_id.as_ref())),
        (CA, differs(|registry| registry.ca_pem.as_ref())),
        (CERTIFICATE, differs(|registry| registry.certificate_pem.as_ref())),
        (PRIVATE_KEY, differs(|registry| registry.private_key_pem.as_ref())),
        (REGION, aws(|access| Some(&access.region))),
        (ACCESS_KEY, aws(|access| access.access_key.as_ref())),
        (SECRET_KEY, aws(|access| access.secret_key.as_ref())),
        (ROLE, aws(|access| access.role_arn.as_ref())),
        (EXTERNAL_ID, aws(|access| access.external_id.as_ref())),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_strictly() {
        for (text, has_login, path) in [
            ("http://registry", false, ""),
            ("https://registry:8081/", false, ""),
            ("https://[::1]:8081/apis/ccompat/v7/", false, "/apis/ccompat/v7"),
            ("https://user:pa%40ss:word@registry:1/subjects/a%2Fb", true, "/subjects/a%2Fb"),
        ] {
            let read = address(text).unwrap_or_else(|trouble| panic!("{text}: {trouble:?}"));
            assert_eq!((read.has_login, read.path), (has_login, path), "{text}");
        }
        for bad in [
            "",
            "registry",
            "ftp://registry",
            "http://",
            "http://:8081",
            "http://a b",
            "http://a:0",
            "http://a:65536",
            "http://a:",
            "http://[::1",
            "http://[a]",
            "http://::1",
            "http://user@a",
            "http://:word@a",
            "http://user:@a",
            "http://user:%4@a",
            "http://us@er:word@a",
            "HTTP://registry",
            "http://a,b:8081",
            "http://user:wo/rd@a",
            "http://user:wo?rd@a",
            "http://user:wo#rd@a",
        ] {
            assert!(address(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_path_names_a_schema_whole_or_not_at_all() {
        for path in
            ["/subjects/a", "/subjects/a/versions/latest", "/subjects/:.x:a/versions/12", "/schemas/ids/7"]
        {
            assert_eq!(schema_path(path), Ok(Some(path)));
            assert_eq!(schema_path(&format!("/apis/ccompat/v7{path}")), Ok(Some(path)));
        }
        for path in ["", "/", "/apis/ccompat/v7", "/subjectsmith/a", "/my-schemas"] {
            assert_eq!(schema_path(path), Ok(None), "{path}");
        }
        for path in [
            "/subjects",
            "/subjects/",
            "/subjects/a/versions",
            "/subjects/a/versions/0",
            "/subjects/a/versions/x",
            "/subjects/a/b",
            "/schemas",
            "/schemas/7",
            "/schemas/ids/0",
            "/schemas/ids/7/schema",
            "/schemas/guids/7",
        ] {
            assert!(schema_path(path).is_err(), "{path}");
        }
    }

    #[test]
    fn a_comma_separates_only_before_an_address() {
        assert_eq!(split("http://u:a,b@one , https://two/x,"), ["http://u:a,b@one", "https://two/x"]);
        assert_eq!(split(""), [""]);
    }

    #[test]
    fn each_kind_of_registry_knows_schemas_by_its_own_paths() {
        let uuid = "/schemas/ids/00112233445566778899aabbccddeeff";
        let known = |kind| ["/subjects/a", "/schemas/ids/7", uuid].map(|path| knows(kind, path).is_ok());
        assert_eq!(known(RegistryKind::Confluent), [true, true, true]);
        assert_eq!(known(RegistryKind::Glue), [true, false, true]);
        assert_eq!(known(RegistryKind::Azure), [false, false, true]);
    }
}
