use std::fmt;

/// What the engine, or the way to it, refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineError {
    /// Class of the error.
    pub kind: ErrorKind,
    /// ClickHouse's error code, when a statement failed with one (60 is an unknown table).
    pub code: Option<i32>,
    /// What is wrong: one fact, lower case, or the engine's own words without their `Code: N.` prefix.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// Class of an [`EngineError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// libchdb is not where it was looked for, or cannot be installed.
    Missing,
    /// The file is not a libchdb that this program can use.
    WrongLibrary,
    /// Another process has the data directory open.
    InUse,
    /// This process already runs the engine on another directory; it can run it on one only.
    OtherDirectory,
    /// The engine was closed.
    Closed,
    /// The engine did not start.
    Start,
    /// The engine refused a statement or failed while running it.
    Statement,
}

impl EngineError {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, code: None, message: message.into(), hint: None }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Reads `Code: 60. DB::Exception: Unknown table ...`.
    pub(crate) fn statement(text: &str) -> Self {
        let text = text.trim();
        let (code, message) = split_code(text).unwrap_or((None, text));
        Self { code, ..Self::new(ErrorKind::Statement, message) }
    }
}

fn split_code(text: &str) -> Option<(Option<i32>, &str)> {
    let (code, rest) = text.strip_prefix("Code: ")?.split_once('.')?;
    let code = code.parse().ok()?;
    let rest = rest.trim_start();
    let message = rest.strip_prefix("DB::Exception:").unwrap_or(rest);
    Some((Some(code), message.trim_start()))
}

impl fmt::Display for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\n  hint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for EngineError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_taken_from_the_engines_text() {
        let error =
            EngineError::statement("Code: 60. DB::Exception: Table x.y does not exist. (UNKNOWN_TABLE)");
        assert_eq!(error.code, Some(60));
        assert_eq!(error.message, "Table x.y does not exist. (UNKNOWN_TABLE)");
    }

    #[test]
    fn text_without_a_code_is_kept_whole() {
        let error = EngineError::statement("Invalid or closed connection");
        assert_eq!(error.code, None);
        assert_eq!(error.message, "Invalid or closed connection");
    }
}
