//! One engine for all tests of a binary, each in a database of its own.
#![allow(dead_code)]

use forebay_chdb::{Engine, Library, cache_directory, install, locate};
use std::{env, path::PathBuf, sync::OnceLock};

pub(crate) fn engine() -> Engine {
    static ENGINE: OnceLock<(Engine, tempfile::TempDir)> = OnceLock::new();
    let (engine, _) = ENGINE.get_or_init(|| {
        let library = Library::load(&library_path()).expect("the pinned library");
        let directory = tempfile::tempdir().expect("a directory");
        (Engine::open(&library, directory.path()).expect("an engine"), directory)
    });
    engine.clone()
}

fn library_path() -> PathBuf {
    locate(|name| env::var_os(name)).unwrap_or_else(|_| {
        let cache = cache_directory(|name| env::var_os(name)).expect("a cache directory");
        install(&cache, |line| eprintln!("{line}")).unwrap_or_else(|error| panic!("{error}"))
    })
}

/// The answer to a statement as text.
pub(crate) fn text(sql: &str) -> String {
    let output = engine().query(sql, "TSVRaw").unwrap_or_else(|error| panic!("{sql}: {error}"));
    String::from_utf8(output.bytes).expect("text").trim_end().to_owned()
}
