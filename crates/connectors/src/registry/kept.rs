//! Schemas kept on disk, so that a restart works while the registry is down.

use forebay_ingest::schema::{Schema, SchemaKind, SchemaReference};
use reqsign_core::hash::hex_sha256;
use serde::{Deserialize, Serialize};
use std::{
    borrow::Cow,
    fs, io,
    path::PathBuf,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

/// A directory with one file a schema. Neither names nor contents hold secrets.
#[derive(Debug)]
pub(super) struct Kept {
    dir: PathBuf,
    /// Addresses of the registry.
    registry: String,
    /// Whether what killed processes left behind is gone.
    is_tidy: AtomicBool,
}

/// Contents of a file. Registry and key are those of the question, so that no other answer is taken for it.
#[derive(Serialize, Deserialize)]
struct File<'a> {
    format: u32,
    registry: Cow<'a, str>,
    key: Cow<'a, str>,
    language: Language,
    text: Cow<'a, str>,
    references: Vec<Reference<'a>>,
    origin: Option<Cow<'a, str>>,
}

#[derive(Serialize, Deserialize)]
struct Reference<'a> {
    name: Cow<'a, str>,
    text: Cow<'a, str>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Language {
    Avro,
    Protobuf,
    Json,
}

const FORMAT: u32 = 1;

impl Kept {
    pub(super) fn new(dir: PathBuf, registry: String) -> Self {
        Self { dir, registry, is_tidy: AtomicBool::new(false) }
    }

    /// The schema kept for `key`. A file that cannot be read counts as none.
    pub(super) async fn read(&self, key: &str) -> Option<Schema> {
        let path = self.path(key);
        let read = tokio::task::spawn_blocking(move || fs::read(path)).await;
        let bytes = read.ok()?.ok()?;
        let file: File<'_> = serde_json::from_slice(&bytes).ok()?;
        let is_it = file.format == FORMAT && file.registry == self.registry && file.key == key;
        is_it.then(|| file.into_schema())
    }

    /// Keeps `schema` for `key`. A schema that cannot be written costs one question at the next start, so nobody is told.
    pub(super) async fn write(&self, key: &str, schema: &Schema) {
        let file = File::new(&self.registry, key, schema);
        let Ok(bytes) = serde_json::to_vec(&file) else {
            return;
        };
        let (dir, path) = (self.dir.clone(), self.path(key));
        let is_tidy = self.is_tidy.swap(true, Ordering::Relaxed);
        let _ = tokio::task::spawn_blocking(move || {
            if !is_tidy {
                // Not worth an error: what cannot be removed takes a few bytes.
                let _ = remove_unfinished(&dir);
            }
            replace(&dir, &path, &bytes)
        })
        .await;
    }

    fn path(&self, key: &str) -> PathBuf {
        let digest = hex_sha256(format!("{}\n{key}", self.registry).as_bytes());
        self.dir.join(format!("{}.json", &digest[..32]))
    }
}

/// Writes a file beside `path` and moves it there: readers see the old file or the new one.
fn replace(dir: &PathBuf, path: &PathBuf, bytes: &[u8]) -> io::Result<()> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    fs::create_dir_all(dir)?;
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let new = path.with_extension(format!("{}-{number}.new", std::process::id()));
    fs::write(&new, bytes)?;
    fs::rename(&new, path).inspect_err(|_| drop(fs::remove_file(&new)))
}

/// Removes what other processes left behind that were killed while they wrote.
fn remove_unfinished(dir: &PathBuf) -> io::Result<()> {
    let own = format!(".{}-", std::process::id());
    for file in fs::read_dir(dir)? {
        let path = file?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.ends_with(".new") && !name.contains(&own) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

impl<'a> File<'a> {
    fn new(registry: &'a str, key: &'a str, schema: &'a Schema) -> Self {
        let reference = |reference: &'a SchemaReference| Reference {
            name: (&*reference.name).into(),
            text: (&*reference.text).into(),
        };
        Self {
            format: FORMAT,
            registry: registry.into(),
            key: key.into(),
            language: match schema.kind {
                SchemaKind::Avro => Language::Avro,
                SchemaKind::Protobuf => Language::Protobuf,
                SchemaKind::Json => Language::Json,
            },
            text: (&*schema.text).into(),
            references: schema.references.iter().map(reference).collect(),
            origin: schema.origin.as_deref().map(Cow::from),
        }
    }

    fn into_schema(self) -> Schema {
        let reference = |reference: Reference<'_>| SchemaReference {
            name: reference.name.into_owned(),
            text: reference.text.into_owned(),
        };
        Schema {
            kind: match self.language {
                Language::Avro => SchemaKind::Avro,
                Language::Protobuf => SchemaKind::Protobuf,
                Language::Json => SchemaKind::Json,
            },
            text: self.text.into_owned(),
            references: self.references.into_iter().map(reference).collect(),
            origin: self.origin.map(Cow::into_owned),
        }
    }
}
