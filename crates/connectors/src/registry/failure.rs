//! Why a registry gave no schema, in a form that many who asked can share.

use forebay_ingest::{
    error::{Error, Kind},
    schema::SchemaError,
};

/// Why a registry gave no schema.
#[derive(Clone, Debug)]
pub(super) enum Failure {
    /// It says that there is none.
    Missing(String),
    /// It refuses, or what it gave cannot be used.
    Refused(String),
    /// It could not be asked.
    Unavailable(Trouble),
}

/// What keeps a registry from being asked.
#[derive(Clone, Debug)]
pub(super) struct Trouble {
    pub(super) kind: Kind,
    pub(super) fact: String,
    pub(super) detail: Option<String>,
    pub(super) hint: Option<String>,
}

impl Trouble {
    pub(super) fn new(kind: Kind, fact: impl Into<String>) -> Self {
        Self { kind, fact: fact.into(), detail: None, hint: None }
    }

    pub(super) fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into()).filter(|detail: &String| !detail.is_empty());
        self
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        Self::Unavailable(trouble)
    }
}

impl From<Trouble> for Error {
    fn from(trouble: Trouble) -> Self {
        let mut error = Error::new(trouble.kind, trouble.fact);
        error.detail = trouble.detail;
        error.hint = trouble.hint;
        error
    }
}

impl From<Failure> for SchemaError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Missing(why) | Failure::Refused(why) => Self::Refused(why),
            Failure::Unavailable(trouble) => Self::Unavailable(trouble.into()),
        }
    }
}
