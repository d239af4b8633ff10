use crate::{
    abi::{Functions, LoadError},
    error::{EngineError, ErrorKind},
    installation::PINNED_VERSION,
};
use std::{fmt, path::Path, sync::Arc};

/// Oldest and first too new version that this program is known to work with.
const WANTED: std::ops::Range<[u32; 3]> = [26, 7, 3]..[27, 0, 0];

/// A loaded libchdb of a version known to work. It stays loaded for the life of the process.
#[derive(Clone)]
pub struct Library {
    pub(crate) functions: Arc<Functions>,
}

impl Library {
    /// Loads the file and checks what it is.
    ///
    /// # Errors
    /// [`ErrorKind::Missing`] when there is no such file, [`ErrorKind::WrongLibrary`] when it is not a libchdb of a
    /// wanted version.
    pub fn load(path: &Path) -> Result<Self, EngineError> {
        if !path.is_file() {
            return Err(missing(path));
        }
        let functions = Functions::load(path).map_err(|error| unusable(path, error))?;
        let version = functions.version();
        if !is_wanted(&version) {
            return Err(wrong_library(path, &format!("is libchdb {version}, wanted {}", wanted())));
        }
        Ok(Self { functions: Arc::new(functions) })
    }

    /// The version of chdb, such as `26.7.3`.
    pub fn version(&self) -> String {
        self.functions.version()
    }
}

impl fmt::Debug for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Library({})", self.version())
    }
}

fn missing(path: &Path) -> EngineError {
    EngineError::new(ErrorKind::Missing, format!("libchdb is not at {}", path.display()))
        .hint("run `forebay engine install`, or set FOREBAY_LIBCHDB to a libchdb.so")
}

fn unusable(path: &Path, error: LoadError) -> EngineError {
    match error {
        LoadError::NotLoadable(reason) => wrong_library(path, &format!("cannot be loaded: {reason}")),
        LoadError::Lacks { function, version: Some(version) } => {
            wrong_library(path, &format!("is libchdb {version}, which lacks {function}; wanted {}", wanted()))
        }
        LoadError::Lacks { function, version: None } => wrong_library(
            path,
            &format!("is not a libchdb of a known version: it lacks {function}; wanted {}", wanted()),
        ),
    }
}

fn wrong_library(path: &Path, what: &str) -> EngineError {
    EngineError::new(ErrorKind::WrongLibrary, format!("{} {what}", path.display())).hint(format!(
        "run `forebay engine install`, which fetches {PINNED_VERSION}, and unset FOREBAY_LIBCHDB"
    ))
}

fn wanted() -> String {
    let [[a, b, c], [x, ..]] = [WANTED.start, WANTED.end];
    format!("{a}.{b}.{c} or later below {x}")
}

fn is_wanted(version: &str) -> bool {
    let mut numbers = version.split(['.', '-']).map_while(|part| part.parse::<u32>().ok());
    let mut next = || numbers.next();
    let (Some(major), Some(minor), Some(patch)) = (next(), next(), next()) else {
        return false;
    };
    WANTED.contains(&[major, minor, patch])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_the_known_range_are_wanted() {
        for version in ["26.7.3", "26.7.3-stable.1", "26.9.0"] {
            assert!(is_wanted(version), "{version}");
        }
    }

    #[test]
    fn versions_outside_the_known_range_are_not_wanted() {
        for version in ["26.5.3", "26.7.2", "27.0.0", "4.1", "", "unknown"] {
            assert!(!is_wanted(version), "{version}");
        }
    }
}
