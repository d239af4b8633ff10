//! What a running server leaves in its data directory, so that other commands find it: address, pid and token.

use crate::exit::{Exit, Failure};
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    net::SocketAddr,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

const SERVER_FILE: &str = "server.json";
const TOKEN_FILE: &str = "token";
const WORKER_FILE: &str = "worker";
/// Random bytes of a token or a worker's name; written as twice as many hexadecimal digits.
const RANDOM_BYTES: usize = 24;

/// A running server, as it describes itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ServerFile {
    /// Process id.
    pub(crate) pid: u32,
    /// Where its HTTP listener is.
    pub(crate) address: SocketAddr,
    /// Version of the program.
    pub(crate) version: String,
}

/// Removes the description when dropped, so that nobody looks for a server that is gone.
#[derive(Debug)]
pub(crate) struct PublishedServer {
    path: PathBuf,
}

impl ServerFile {
    /// Writes the description into `data_dir` until the guard is dropped.
    pub(crate) fn publish(&self, data_dir: &Path) -> Result<PublishedServer, Failure> {
        let path = data_dir.join(SERVER_FILE);
        let text = serde_json::to_string(self).expect("a description has only string keys");
        // Renamed into place: a reader never sees half a file.
        let staging = data_dir.join(format!("{SERVER_FILE}.new"));
        fs::write(&staging, text)
            .and_then(|()| fs::rename(&staging, &path))
            .map_err(|error| not_writable(&path, &error))?;
        Ok(PublishedServer { path })
    }

    /// The server that described itself in `data_dir`, if any; it may have died since.
    pub(crate) fn find(data_dir: &Path) -> Option<Self> {
        let text = fs::read_to_string(data_dir.join(SERVER_FILE)).ok()?;
        serde_json::from_str(&text).ok()
    }
}

impl Drop for PublishedServer {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// The token of a data directory: `given`, else the one in the file, else a new one that is written there.
///
/// # Errors
/// When the file cannot be written, or the given token is too short to be one.
pub(crate) fn take_token(data_dir: &Path, given: Option<String>) -> Result<String, Failure> {
    if let Some(token) = given {
        return check_given(token);
    }
    kept_random(&data_dir.join(TOKEN_FILE))
}

/// The name of the worker that owns a data directory, the same at every start (KIP-345): after a crash the consumer
/// groups give it its partitions back at once.
///
/// # Errors
/// When the file cannot be written.
pub(crate) fn take_worker(data_dir: &Path) -> Result<String, Failure> {
    Ok(format!("forebay-{}", kept_random(&data_dir.join(WORKER_FILE))?))
}

/// The random text in the file, made now if there is none.
fn kept_random(path: &Path) -> Result<String, Failure> {
    if let Ok(text) = fs::read_to_string(path)
        && text.trim().len() >= 2 * RANDOM_BYTES
    {
        let _ = fs::set_permissions(path, fs::Permissions::from_mode(0o600));
        return Ok(text.trim().to_owned());
    }
    let text = new_random().map_err(|error| not_writable(Path::new("/dev/urandom"), &error))?;
    write_private(path, &text).map_err(|error| not_writable(path, &error))?;
    Ok(text)
}

/// The token that a running server of `data_dir` takes, as far as this user may know it.
pub(crate) fn find_token(data_dir: &Path, given: Option<String>) -> Option<String> {
    let from_file = || fs::read_to_string(data_dir.join(TOKEN_FILE)).ok();
    given.or_else(from_file).map(|token| token.trim().to_owned())
}

fn check_given(token: String) -> Result<String, Failure> {
    let usable = token.len() >= 16 && token.chars().all(|c| c.is_ascii_graphic());
    if usable {
        return Ok(token);
    }
    Err(Failure::new(
        Exit::Usage,
        "FOREBAY_TOKEN is not a token: it needs 16 or more visible ASCII characters",
    )
    .hint("unset it to have one made and kept in the data directory"))
}

fn new_random() -> io::Result<String> {
    let mut bytes = [0_u8; RANDOM_BYTES];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let _ = fs::remove_file(path);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    writeln!(file, "{text}")
}

fn not_writable(path: &Path, error: &io::Error) -> Failure {
    Failure::new(Exit::Environment, format!("{} cannot be used: {error}", path.display()))
        .hint("give a data directory that may be written, with --data-dir")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_made_once_and_only_its_owner_may_read_it() {
        let dir = tempfile::tempdir().unwrap();
        let token = take_token(dir.path(), None).unwrap();
        assert_eq!(token.len(), 48);
        assert_eq!(take_token(dir.path(), None).unwrap(), token);
        assert_eq!(find_token(dir.path(), None), Some(token));
        let worker = take_worker(dir.path()).unwrap();
        assert_eq!(take_worker(dir.path()).unwrap(), worker);
        let mode = fs::metadata(dir.path().join("token")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn two_tokens_are_never_the_same() {
        assert_ne!(new_random().unwrap(), new_random().unwrap());
    }

    #[test]
    fn a_given_token_that_can_be_guessed_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let failure = take_token(dir.path(), Some("secret".into())).unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        assert!(!failure.fact.contains("secret"));
    }

    #[test]
    fn a_published_server_is_found_until_it_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let server = ServerFile { pid: 7, address: "127.0.0.1:7181".parse().unwrap(), version: "1".into() };
        let published = server.publish(dir.path()).unwrap();
        assert_eq!(ServerFile::find(dir.path()), Some(server));
        drop(published);
        assert_eq!(ServerFile::find(dir.path()), None);
    }
}
