//! Addresses of registries, and the schema that an address may name.

use forebay_ingest::schema::Hyphenated;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use std::fmt;
use ureq::http::Uri;

/// One address of a registry.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Address {
    /// Scheme, host, port and path, without a slash at the end. Holds no secret.
    pub(super) base: String,
    /// From `user:password@`.
    pub(super) login: Option<Login>,
}

/// A user and a password.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Login {
    pub(super) user: String,
    pub(super) password: String,
}

/// A schema that is named by where it stands in a registry.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Lookup {
    /// `/schemas/ids/N`
    Id(u32),
    /// `/schemas/ids/UUID`, `/schemas/guids/UUID`; of Azure without hyphens.
    Uuid([u8; 16]),
    /// `/subjects/S`, `/subjects/S/versions/V`; no version is the latest.
    Subject { subject: String, version: Option<u32> },
}

/// What RFC 3986 calls unreserved stays as it is.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Text as one segment of a path, or one value of a query.
pub(super) fn encode(text: &str) -> impl fmt::Display {
    utf8_percent_encode(text, UNRESERVED)
}

fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// Reads addresses separated by commas. A comma only separates before `http://` or `https://`, so passwords may hold one.
///
/// # Errors
/// What is wrong, without any part of an address but its host.
pub(super) fn parse_addresses(text: &str) -> Result<(Vec<Address>, Option<Lookup>), String> {
    let (mut addresses, mut configured) = (Vec::new(), None);
    for part in separate(text) {
        let (address, lookup) = parse_address(part)?;
        if lookup.is_some() && configured.is_some() && lookup != configured {
            return Err("its addresses name different schemas".to_owned());
        }
        configured = configured.or(lookup);
        addresses.push(address);
    }
    if addresses.is_empty() { Err("it is empty".to_owned()) } else { Ok((addresses, configured)) }
}

fn separate(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text.trim();
    std::iter::from_fn(move || {
        let starts_address = |at: usize| {
            let next = rest[at + 1..].trim_start();
            next.is_empty() || next.starts_with("http://") || next.starts_with("https://")
        };
        let comma = rest.match_indices(',').map(|(at, _)| at).find(|at| starts_address(*at));
        let (part, after) = comma.map_or((rest, ""), |at| (&rest[..at], &rest[at + 1..]));
        rest = after.trim();
        (!part.is_empty()).then_some(part.trim())
    })
}

fn parse_address(text: &str) -> Result<(Address, Option<Lookup>), String> {
    let scheme_end = text.find("://").map_or(0, |at| at + 3);
    let (scheme, rest) = text.split_at(scheme_end);
    if !matches!(scheme, "http://" | "https://") {
        return Err("every address begins with http:// or https://".to_owned());
    }
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let (login, host) = match authority.rsplit_once('@') {
        Some((login, host)) => (Some(parse_login(login)), host),
        None => (None, authority),
    };
    if path.contains(['?', '#']) {
        return Err(format!("the address of {host} has a query or a fragment"));
    }
    let (path, lookup) = split_lookup(path.trim_end_matches('/'));
    let base = format!("{scheme}{host}{path}");
    let is_valid = !host.contains(',') && base.parse::<Uri>().is_ok_and(|uri| uri.host().is_some());
    if !is_valid {
        return Err(format!("{host:?} is no host with an optional port"));
    }
    Ok((Address { base, login }, lookup.transpose()?))
}

fn parse_login(text: &str) -> Login {
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    Login { user: decode(user), password: decode(password) }
}

/// Splits a path into what stands in front of a schema's path, and that.
fn split_lookup(path: &str) -> (&str, Option<Result<Lookup, String>>) {
    let starts = ["/subjects/", "/schemas/ids/", "/schemas/guids/"];
    match starts.iter().filter_map(|start| path.rfind(start)).max() {
        Some(at) => (&path[..at], Some(Lookup::parse(&path[at..]))),
        None => (path, None),
    }
}

impl Lookup {
    /// Reads `/subjects/S`, `/subjects/S/versions/V` or `/schemas/ids/N`.
    ///
    /// # Errors
    /// What was expected.
    pub(super) fn parse(path: &str) -> Result<Self, String> {
        let segments: Vec<&str> = path.trim().trim_matches('/').split('/').collect();
        let subject = |subject, version| Some(Self::Subject { subject: decode(subject), version });
        let lookup = match segments[..] {
            ["schemas", "ids" | "guids", id] => parse_id(id),
            ["subjects", name] | ["subjects", name, "versions"] => subject(name, None),
            ["subjects", name, "versions", "latest" | "-1"] => subject(name, None),
            ["subjects", name, "versions", version] => match version.parse() {
                Ok(version @ 1..) => subject(name, Some(version)),
                _ => None,
            },
            _ => None,
        };
        lookup.ok_or_else(|| {
            format!(
                "{path:?} names no schema; expected /subjects/S, /subjects/S/versions/V or /schemas/ids/N"
            )
        })
    }
}

fn parse_id(text: &str) -> Option<Lookup> {
    let digits: String = text.chars().filter(|c| *c != '-').collect();
    if digits.len() != 32 {
        return text.parse().ok().map(Lookup::Id);
    }
    let uuid = u128::from_str_radix(&digits, 16).ok()?;
    Some(Lookup::Uuid(uuid.to_be_bytes()))
}

impl fmt::Display for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(f, "id {id}"),
            Self::Uuid(uuid) => write!(f, "id {}", Hyphenated(uuid)),
            Self::Subject { subject, version: Some(version) } => {
                write!(f, "subject {subject:?}, version {version}")
            }
            Self::Subject { subject, version: None } => write!(f, "subject {subject:?}, latest version"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> (Vec<String>, Vec<String>, Option<Lookup>) {
        let (addresses, lookup) = parse_addresses(text).unwrap();
        let logins = addresses.iter().filter_map(|address| address.login.as_ref());
        let logins = logins.map(|login| format!("{} {}", login.user, login.password)).collect();
        (addresses.into_iter().map(|address| address.base).collect(), logins, lookup)
    }

    fn subject(subject: &str, version: Option<u32>) -> Option<Lookup> {
        Some(Lookup::Subject { subject: subject.to_owned(), version })
    }

    #[test]
    fn an_address_keeps_its_base_path_and_gives_up_its_login() {
        let (bases, logins, lookup) = parse(" https://me%40home:p%2Fq@reg:8081/apis/ccompat/v7/ ");
        assert_eq!(bases, ["https://reg:8081/apis/ccompat/v7"]);
        assert_eq!(logins, ["me@home p/q"]);
        assert_eq!(lookup, None);
        assert_eq!(parse("http://[::1]:8081").0, ["http://[::1]:8081"]);
    }

    #[test]
    fn a_comma_separates_only_before_an_address() {
        let (bases, logins, _) = parse("http://u:a,b@one:1, https://two/x,");
        assert_eq!(bases, ["http://one:1", "https://two/x"]);
        assert_eq!(logins, ["u a,b"]);
    }

    #[test]
    fn an_address_may_name_a_schema() {
        assert_eq!(parse("http://r/base/schemas/ids/7").2, Some(Lookup::Id(7)));
        assert_eq!(parse("http://r/base/schemas/ids/7").0, ["http://r/base"]);
        assert_eq!(parse("http://r/subjects/a%2Fb%20c").2, subject("a/b c", None));
        assert_eq!(parse("http://r/subjects/s/versions/latest").2, subject("s", None));
        assert_eq!(parse("http://r/subjects/s/versions/3/").2, subject("s", Some(3)));
        let guid = "/schemas/guids/00112233-4455-6677-8899-aabbccddeeff";
        assert_eq!(
            Lookup::parse(guid).unwrap(),
            Lookup::Uuid(0x0011_2233_4455_6677_8899_aabb_ccdd_eeff_u128.to_be_bytes())
        );
    }

    #[test]
    fn what_is_wrong_is_said_without_secrets() {
        for text in [
            "",
            "reg:8081",
            "ftp://u:hunter2@r",
            "http://u:hunter2@r?x=1",
            "http://u:hunter2@a b/",
            "http://u:hunter2@r/subjects/s/versions/0",
            "http://u:hunter2@r/subjects/s/versions/1/more",
            "http://u:hunter2@a/schemas/ids/1,http://b/schemas/ids/2",
            "http://a:1,b:2",
        ] {
            let error = parse_addresses(text).err().unwrap_or_else(|| panic!("{text} is taken"));
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
