//! A registry in a thread: answers by a function of the test's, remembers what it was asked.
#![allow(dead_code, reason = "every test file uses its own part")]

use forebay_connectors::registry::{Patience, RegistryClient, RegistrySettings};
use forebay_ingest::schema::{Schema, SchemaError, SchemaId, Schemas};
use forebay_project::model::{OauthClient, RegistryKind, SchemaRegistry, Text};
use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
    time::Duration,
};

/// What the double was asked.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// Method, path and query.
    pub(crate) line: String,
    /// By their names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

/// What it answers.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
    /// Whether the connection is closed without a word.
    hangs_up: bool,
    /// The whole answer, byte by byte as it is sent.
    raw: Option<Vec<u8>>,
    /// The time between two bytes of the body.
    drips: Option<Duration>,
}

impl Reply {
    pub(crate) fn new(status: u16, body: impl Into<String>) -> Self {
        Self { status, headers: Vec::new(), body: body.into(), hangs_up: false, raw: None, drips: None }
    }

    /// A schema without references, as Confluent's interface gives it.
    pub(crate) fn schema(text: &str) -> Self {
        Self::new(200, serde_json::json!({ "schema": text }).to_string())
    }

    /// What registries say of an id they do not know.
    pub(crate) fn unknown_id() -> Self {
        Self::new(404, r#"{"error_code":40403,"message":"Schema not found"}"#)
    }

    pub(crate) fn hang_up() -> Self {
        Self { hangs_up: true, ..Self::new(0, "") }
    }

    /// These bytes, head and all.
    pub(crate) fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self { raw: Some(bytes.into()), ..Self::new(0, "") }
    }

    /// The body comes byte by byte.
    pub(crate) fn drips(mut self, every: Duration) -> Self {
        self.drips = Some(every);
        self
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// A server on a free port; stops when dropped.
pub(crate) struct Double {
    address: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    is_over: Arc<Mutex<bool>>,
    thread: Option<JoinHandle<()>>,
}

impl Double {
    /// Answers each request by `answer`, which is told how many came before.
    pub(crate) fn start(answer: impl Fn(&Asked, usize) -> Reply + Send + 'static) -> Self {
        Self::start_at("127.0.0.1:0", answer)
    }

    /// The same at an address of choice.
    pub(crate) fn start_at(address: &str, answer: impl Fn(&Asked, usize) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (asked, is_over) = (Arc::<Mutex<Vec<Asked>>>::default(), Arc::new(Mutex::new(false)));
        let (log, over) = (asked.clone(), is_over.clone());
        let thread = thread::spawn(move || {
            for connection in listener.incoming() {
                if *over.lock().unwrap() {
                    return;
                }
                serve(connection.unwrap(), &log, &answer);
            }
        });
        Self { address, asked, is_over, thread: Some(thread) }
    }

    /// Answers requests by the start of their path; the longest that fits wins, and others get a 404 with a code.
    pub(crate) fn with_paths(paths: &[(&str, Reply)]) -> Self {
        let paths: Vec<(String, Reply)> =
            paths.iter().map(|(path, reply)| (format!("GET {path}"), reply.clone())).collect();
        Self::start(move |asked, _| {
            let fitting = paths.iter().filter(|(path, _)| asked.line.starts_with(path));
            fitting
                .max_by_key(|(path, _)| path.len())
                .map_or_else(Reply::unknown_id, |(_, reply)| reply.clone())
        })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn host(&self) -> &str {
        &self.address
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// Methods, paths and queries so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.line).collect()
    }
}

impl Drop for Double {
    fn drop(&mut self) {
        *self.is_over.lock().unwrap() = true;
        let _ = TcpStream::connect(&self.address);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

fn serve(connection: TcpStream, log: &Mutex<Vec<Asked>>, answer: &impl Fn(&Asked, usize) -> Reply) {
    let mut reader = BufReader::new(connection);
    let Some(asked) = read_request(&mut reader) else {
        return;
    };
    let before = {
        let mut log = log.lock().unwrap();
        log.push(asked.clone());
        log.len() - 1
    };
    let reply = answer(&asked, before);
    if reply.hangs_up {
        return;
    }
    let headers: String = reply.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = reply.body.len();
    let head = format!(
        "HTTP/1.1 {} X\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n",
        reply.status
    );
    let connection = reader.get_mut();
    if let Some(every) = reply.drips {
        let _ = connection.write_all(head.as_bytes());
        for byte in reply.body.bytes() {
            thread::sleep(every);
            if connection.write_all(&[byte]).is_err() {
                return;
            }
        }
        return;
    }
    let whole = reply.raw.unwrap_or_else(|| format!("{head}{}", reply.body).into_bytes());
    let _ = connection.write_all(&whole);
}

fn read_request(reader: &mut impl BufRead) -> Option<Asked> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|length| *length > 0)?;
    let mut headers = BTreeMap::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim_end().split_once(':') else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").map_or(0, |length: &String| length.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let line = line.trim_end().trim_end_matches(" HTTP/1.1").to_owned();
    Some(Asked { line, headers, body: String::from_utf8(body).unwrap() })
}

/// An address where nobody listens.
pub(crate) fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// Settings that hold nothing but an address.
pub(crate) fn registry(url: &str) -> SchemaRegistry {
    SchemaRegistry {
        kind: RegistryKind::Confluent,
        url: Some(Text::literal(url)),
        user: None,
        password: None,
        token: None,
        oauth: None,
        logical_cluster: None,
        identity_pool_id: None,
        ca_pem: None,
        certificate_pem: None,
        private_key_pem: None,
        aws: None,
    }
}

pub(crate) fn oauth(token_url: &str) -> OauthClient {
    OauthClient {
        token_url: Text::literal(token_url),
        client_id: Text::literal("client"),
        client_secret: Text::literal("hunter2"),
        scope: None,
    }
}

pub(crate) fn settings(registry: &SchemaRegistry) -> RegistrySettings {
    RegistrySettings::resolve("flights", registry, |_| None).unwrap()
}

/// Short times, so that tests that wait do not wait long.
pub(crate) fn hasty() -> Patience {
    Patience {
        first_wait: Duration::from_millis(5),
        missing_for: Duration::from_millis(60),
        missing_kept: Duration::from_secs(600),
        ..Patience::default()
    }
}

pub(crate) fn client(registry: &SchemaRegistry, kept_in: Option<&Path>) -> RegistryClient {
    RegistryClient::with_patience(&settings(registry), kept_in.map(Path::to_owned), hasty()).unwrap()
}

/// A hasty client of the registry at `url`.
pub(crate) fn client_of(url: &str) -> RegistryClient {
    client(&registry(url), None)
}

pub(crate) async fn fetch(client: &RegistryClient, id: u32) -> Result<Arc<Schema>, SchemaError> {
    client.fetch(SchemaId::Confluent(id), "flights-value").await
}

pub(crate) async fn text(client: &RegistryClient, id: SchemaId) -> String {
    client.fetch(id, "").await.unwrap().text.clone()
}

/// The error of a registry that could not be asked.
pub(crate) fn unavailable(answer: Result<Arc<Schema>, SchemaError>) -> forebay_ingest::error::Error {
    match answer {
        Err(SchemaError::Unavailable(error)) => error,
        other => panic!("expected an unavailable registry, got {other:?}"),
    }
}

/// What a registry refused with.
pub(crate) fn refused(answer: Result<Arc<Schema>, SchemaError>) -> String {
    match answer {
        Err(SchemaError::Refused(why)) => why,
        other => panic!("expected a refusal, got {other:?}"),
    }
}
