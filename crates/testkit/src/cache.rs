use crate::Failure;
use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// `$FOREBAY_CACHE`, else `$XDG_CACHE_HOME/forebay`, else `~/.cache/forebay`: where fetched parts stay between runs.
pub fn cache_directory() -> Result<PathBuf, Failure> {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
    set("FOREBAY_CACHE")
        .map(PathBuf::from)
        .or_else(|| set("XDG_CACHE_HOME").map(|cache| Path::new(&cache).join("forebay")))
        .or_else(|| set("HOME").map(|home| Path::new(&home).join(".cache/forebay")))
        .ok_or_else(|| {
            Failure::new("there is no cache directory")
                .hint("set FOREBAY_CACHE to a directory that may be written")
        })
}

/// Runs `scripts/<script>`, which fetches a part unless the cache has it, and returns the path it prints.
pub fn fetch_part(script: &str) -> Result<PathBuf, Failure> {
    run(script, &[])
}

/// Like [`fetch_part`], for scripts that know several parts.
pub(crate) fn fetch_named_part(script: &str, part: &str) -> Result<PathBuf, Failure> {
    run(script, &[part])
}

fn run(script: &str, arguments: &[&str]) -> Result<PathBuf, Failure> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts").join(script);
    let output = Command::new(&path)
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(Failure::of(format!("{} could not run", path.display())))?;
    if !output.status.success() {
        return Err(Failure::new(format!("scripts/{script} failed"))
            .hint("run scripts/doctor: it says what is missing"));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(PathBuf::from(text.trim_end()))
}
