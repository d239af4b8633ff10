//! The real library, fetched when it is not there yet.

use forebay_chdb::{cache_directory, install, locate};
use std::{env, path::PathBuf};

pub(crate) fn library_path() -> PathBuf {
    locate(|name| env::var_os(name)).unwrap_or_else(|_| {
        let cache = cache_directory(|name| env::var_os(name)).expect("a cache directory");
        install(&cache, |line| eprintln!("{line}")).unwrap_or_else(|error| panic!("{error}"))
    })
}
