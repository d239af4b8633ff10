use crate::error::{EngineError, ErrorKind};
use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// The version of the npm package that is installed.
pub const PINNED_VERSION: &str = "26.7.3-stable.1";

/// Names of environment variables.
const LIBRARY_VARIABLE: &str = "FOREBAY_LIBCHDB";

/// `$FOREBAY_CACHE`, else `$XDG_CACHE_HOME/forebay`, else `~/.cache/forebay`.
///
/// # Errors
/// [`ErrorKind::Missing`] when none of the variables is set.
pub fn cache_directory(environment: impl Fn(&str) -> Option<OsString>) -> Result<PathBuf, EngineError> {
    let set = |name| environment(name).filter(|value| !value.is_empty());
    set("FOREBAY_CACHE")
        .map(PathBuf::from)
        .or_else(|| set("XDG_CACHE_HOME").map(|cache| Path::new(&cache).join("forebay")))
        .or_else(|| set("HOME").map(|home| Path::new(&home).join(".cache/forebay")))
        .ok_or_else(|| {
            EngineError::new(ErrorKind::Missing, "there is no cache directory")
                .hint("set FOREBAY_CACHE to a directory that may be written")
        })
}

/// Where libchdb is: `$FOREBAY_LIBCHDB`, else the place [`install`] puts it.
///
/// # Errors
/// [`ErrorKind::Missing`], saying what to run, when there is no such file.
pub fn locate(environment: impl Fn(&str) -> Option<OsString>) -> Result<PathBuf, EngineError> {
    if let Some(path) = environment(LIBRARY_VARIABLE).filter(|value| !value.is_empty()) {
        let path = PathBuf::from(path);
        let message = format!("libchdb is not at {}", path.display());
        let hint = format!("correct {LIBRARY_VARIABLE}, or unset it and run `forebay engine install`");
        return existing(path, message, &hint);
    }
    let path = installed_path(&cache_directory(environment)?);
    let message = format!("the engine is not installed: there is no {}", path.display());
    existing(path, message, "run `forebay engine install`")
}

fn existing(path: PathBuf, message: String, hint: &str) -> Result<PathBuf, EngineError> {
    if path.is_file() {
        return Ok(path);
    }
    Err(EngineError::new(ErrorKind::Missing, message).hint(hint))
}

/// Where [`install`] puts the library under a cache directory.
pub fn installed_path(cache: &Path) -> PathBuf {
    cache.join("libchdb").join(PINNED_VERSION).join("node_modules").join(PACKAGE).join("libchdb.so")
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
const PACKAGE: &str = "@chdb/lib-linux-x64-gnu";
#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
const PACKAGE: &str = "";

/// Fetches the pinned libchdb through npm into `cache`, unless it is there, and returns its path.
///
/// The package is unpacked beside its place and moved there whole, so that an interrupted install leaves nothing half
/// done and two at a time do no harm. `progress` gets one line a step.
///
/// # Errors
/// [`ErrorKind::Missing`] when there is no package for this machine, npm is missing or fails, or the cache cannot be
/// written.
pub fn install(cache: &Path, mut progress: impl FnMut(&str)) -> Result<PathBuf, EngineError> {
    install_with("npm", cache, &mut progress)
}

fn install_with(npm: &str, cache: &Path, progress: &mut impl FnMut(&str)) -> Result<PathBuf, EngineError> {
    let path = installed_path(cache);
    if path.is_file() {
        return Ok(path);
    }
    if PACKAGE.is_empty() {
        return Err(no_package());
    }
    let versions = cache.join("libchdb");
    let staging = versions.join(format!(".{PINNED_VERSION}.{}", std::process::id()));
    fs::create_dir_all(&staging).map_err(|error| not_writable(&staging, &error))?;
    progress(&format!("fetching {PACKAGE}@{PINNED_VERSION} through npm (about 570 MB unpacked)"));
    let outcome =
        fetch(npm, &staging).and_then(|()| publish(&staging, &versions.join(PINNED_VERSION), &path));
    // What is left over is a failed or a second install; the outcome says which.
    let _ = fs::remove_dir_all(&staging);
    outcome?;
    progress(&format!("installed {}", path.display()));
    Ok(path)
}

fn fetch(npm: &str, staging: &Path) -> Result<(), EngineError> {
    let output = Command::new(npm)
        .args(["install", "--no-audit", "--no-fund", "--prefix"])
        .arg(staging)
        .arg(format!("{PACKAGE}@{PINNED_VERSION}"))
        .output()
        .map_err(|error| {
            EngineError::new(ErrorKind::Missing, format!("`{npm}` cannot be run: {error}"))
                .hint("install Node.js with npm, or set FOREBAY_LIBCHDB to a libchdb.so")
        })?;
    if output.status.success() {
        return Ok(());
    }
    Err(npm_failed(&output))
}

fn npm_failed(output: &Output) -> EngineError {
    let text = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = text
        .lines()
        .map(|line| line.trim_start_matches("npm error").trim())
        .filter(|line| !line.is_empty())
        .take(3)
        .collect();
    EngineError::new(
        ErrorKind::Missing,
        format!("npm could not fetch {PACKAGE}@{PINNED_VERSION}: {}", lines.join("; ")),
    )
    .hint("see that npm reaches its registry, then run `forebay engine install` again")
}

/// Moves the unpacked package to its place; a place that another install has filled meanwhile is as good.
fn publish(staging: &Path, version: &Path, path: &Path) -> Result<(), EngineError> {
    let moved = fs::rename(staging, version).or_else(|_| {
        if path.is_file() {
            return Ok(());
        }
        // A directory without the library is a leftover that is in the way.
        fs::remove_dir_all(version)?;
        fs::rename(staging, version)
    });
    moved.map_err(|error| not_writable(version, &error))?;
    if path.is_file() {
        return Ok(());
    }
    let message = format!("npm ran, but left no {}", path.display());
    Err(EngineError::new(ErrorKind::Missing, message).hint("set FOREBAY_LIBCHDB to a libchdb.so"))
}

fn not_writable(path: &Path, error: &io::Error) -> EngineError {
    EngineError::new(ErrorKind::Missing, format!("{} cannot be written: {error}", path.display()))
        .hint("set FOREBAY_CACHE to a directory that may be written and has 600 MB free")
}

fn no_package() -> EngineError {
    let machine = format!("{} {}", std::env::consts::OS, std::env::consts::ARCH);
    EngineError::new(
        ErrorKind::Missing,
        format!("there is no libchdb package for {machine}, only for linux x86_64 with glibc"),
    )
    .hint("set FOREBAY_LIBCHDB to a libchdb.so of this machine, at least 26.7.3")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> impl Fn(&str) -> Option<OsString> {
        let pairs: Vec<(String, OsString)> =
            pairs.iter().map(|(name, value)| ((*name).to_owned(), value.into())).collect();
        move |name| pairs.iter().find(|pair| pair.0 == name).map(|pair| pair.1.clone())
    }

    #[test]
    fn the_cache_directory_is_the_first_of_three() {
        let all = [("HOME", "/h"), ("XDG_CACHE_HOME", "/x"), ("FOREBAY_CACHE", "/f")];
        let of = |count| cache_directory(environment(&all[..count])).map(|path| path.display().to_string());
        assert_eq!(of(1).as_deref(), Ok("/h/.cache/forebay"));
        assert_eq!(of(2).as_deref(), Ok("/x/forebay"));
        assert_eq!(of(3).as_deref(), Ok("/f"));
        assert_eq!(of(0).map_err(|error| error.kind), Err(ErrorKind::Missing));
    }

    #[test]
    fn a_missing_library_is_answered_by_the_command_to_run() {
        let cache = tempfile::tempdir().unwrap();
        let error = locate(environment(&[("FOREBAY_CACHE", cache.path().to_str().unwrap())])).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Missing);
        assert_eq!(error.hint.as_deref(), Some("run `forebay engine install`"));
    }

    #[test]
    fn a_wrong_path_in_the_environment_is_named() {
        let error = locate(environment(&[("FOREBAY_LIBCHDB", "/nowhere/libchdb.so")])).unwrap_err();
        assert_eq!(error.message, "libchdb is not at /nowhere/libchdb.so");
    }

    #[test]
    fn a_missing_npm_is_named_and_nothing_is_left_behind() {
        let cache = tempfile::tempdir().unwrap();
        let error = install_with("npm-is-not-here", cache.path(), &mut |_| {}).unwrap_err();
        assert!(error.message.starts_with("`npm-is-not-here` cannot be run"), "{error}");
        assert_eq!(fs::read_dir(cache.path().join("libchdb")).unwrap().count(), 0);
    }

    #[test]
    fn an_npm_that_fetches_nothing_is_an_error() {
        let cache = tempfile::tempdir().unwrap();
        let error = install_with("true", cache.path(), &mut |_| {}).unwrap_err();
        assert!(error.message.starts_with("npm ran, but left no"), "{error}");
        let error = install_with("false", cache.path(), &mut |_| {}).unwrap_err();
        assert!(error.message.starts_with("npm could not fetch"), "{error}");
    }
}
