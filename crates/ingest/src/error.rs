//! The one error of the data path: kind, fact, detail, hint, source.

use std::{error::Error as StdError, fmt};

/// What went wrong, in a form that decides what happens next.
#[derive(Debug)]
pub struct Error {
    /// Drives retry, see [`Kind::retry`].
    pub kind: Kind,
    /// One lower-case sentence that names the object, without a final period. Never holds a secret or a cell value.
    pub fact: String,
    /// What the other system said, verbatim but redacted.
    pub detail: Option<String>,
    /// What the reader can do about it.
    pub hint: Option<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// Class of an error; the only thing code may branch on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The other system cannot be reached or asks to come back later.
    Unavailable,
    /// Credentials were refused.
    Authentication,
    /// The user lacks a right.
    Authorization,
    /// Something named does not exist (topic, table).
    NotFound,
    /// No space left, or a limit of memory or parts was hit.
    Capacity,
    /// Settings or schema contradict each other; retrying cannot help.
    Invalid,
    /// Another process owns the thing.
    InUse,
    /// What was read belongs to somebody else by now, or positions went backwards.
    Fenced,
    /// A broken promise of our own or of the engine.
    Internal,
}

/// What to do after an error of some kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Try again by itself, with backoff: it can heal.
    Backoff,
    /// Drop what is not durable and start again at the committed positions.
    Reopen,
    /// Stop this data source and show the error: a person must act.
    Never,
}

impl Kind {
    /// The retry policy of the whole data path.
    ///
    /// Missing rights and missing topics are healed by an administrator while Forebay runs, so they are retried too.
    pub fn retry(self) -> Retry {
        match self {
            Self::Unavailable
            | Self::Authentication
            | Self::Authorization
            | Self::NotFound
            | Self::Capacity => Retry::Backoff,
            Self::Fenced => Retry::Reopen,
            Self::Invalid | Self::InUse | Self::Internal => Retry::Never,
        }
    }

    /// Stable name for metrics and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unavailable => "unavailable",
            Self::Authentication => "authentication",
            Self::Authorization => "authorization",
            Self::NotFound => "not-found",
            Self::Capacity => "capacity",
            Self::Invalid => "invalid",
            Self::InUse => "in-use",
            Self::Fenced => "fenced",
            Self::Internal => "internal",
        }
    }
}

impl Error {
    /// An error of `kind` stating `fact`.
    pub fn new(kind: Kind, fact: impl Into<String>) -> Self {
        Self { kind, fact: fact.into(), detail: None, hint: None, source: None }
    }

    /// Adds what the other system said.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Adds what the reader can do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn caused_by(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.fact)?;
        if let Some(detail) = &self.detail {
            write!(f, ": {detail}")?;
        }
        Ok(())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}
