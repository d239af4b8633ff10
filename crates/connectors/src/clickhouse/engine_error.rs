use forebay_chdb::{Engine, EngineError, ErrorKind};
use forebay_ingest::error::{Error, Kind};

/// The error of the data path for what the engine said while it did `what` (a fact that names the object).
///
/// Source of the codes: ClickHouse, `system.errors`.
pub fn engine_error(engine: &Engine, what: impl Into<String>, error: EngineError) -> Error {
    let kind = kind(&error);
    let hint = hint(engine, kind, &error);
    let mapped = Error::new(kind, what).detail(error.message.clone());
    let mapped = match hint {
        Some(hint) => mapped.hint(hint),
        None => mapped,
    };
    mapped.caused_by(error)
}

fn kind(error: &EngineError) -> Kind {
    match error.kind {
        ErrorKind::Missing | ErrorKind::Start => Kind::Unavailable,
        ErrorKind::WrongLibrary | ErrorKind::OtherDirectory => Kind::Invalid,
        ErrorKind::InUse => Kind::InUse,
        ErrorKind::Closed => Kind::Internal,
        ErrorKind::Statement if is_disk_full(error) => Kind::Capacity,
        ErrorKind::Statement => statement_kind(error.code),
    }
}

fn statement_kind(code: Option<i32>) -> Kind {
    match code {
        // UNKNOWN_TABLE, UNKNOWN_DATABASE
        Some(60 | 81) => Kind::NotFound,
        // MEMORY_LIMIT_EXCEEDED, TOO_MANY_PARTS, NOT_ENOUGH_SPACE, TOO_MANY_SIMULTANEOUS_QUERIES
        Some(241 | 252 | 243 | 202) => Kind::Capacity,
        // CANNOT_READ_FROM / WRITE_TO / OPEN / CLOSE of files, TIMEOUT_EXCEEDED, ABORTED, CANNOT_FSYNC
        Some(74 | 75 | 76 | 77 | 88 | 159 | 236) => Kind::Unavailable,
        // LOGICAL_ERROR, and what carries no code at all
        Some(49) | None => Kind::Internal,
        Some(_) => Kind::Invalid,
    }
}

/// NOT_ENOUGH_SPACE, or ENOSPC (28) or EDQUOT (122) of the operating system under any code.
fn is_disk_full(error: &EngineError) -> bool {
    error.code == Some(243)
        || ["errno: 28,", "errno: 122,", "No space left on device", "Disk quota exceeded"]
            .iter()
            .any(|sign| error.message.contains(sign))
}

fn hint(engine: &Engine, kind: Kind, error: &EngineError) -> Option<String> {
    if is_disk_full(error) {
        return Some(format!(
            "free space on the disk of {}, writing goes on by itself then",
            engine.data_dir().display()
        ));
    }
    match (kind, error.code) {
        (Kind::Capacity, Some(252)) => {
            Some("the table has too many parts: wait for merges, or partition it more coarsely".to_owned())
        }
        (Kind::Capacity, Some(241)) => Some(
            "the engine has no memory left for this: give the machine more, or make batches smaller"
                .to_owned(),
        ),
        _ => error.hint.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use forebay_ingest::error::Retry;

    fn statement(code: Option<i32>, message: &str) -> EngineError {
        EngineError { kind: ErrorKind::Statement, code, message: message.to_owned(), hint: None }
    }

    #[test]
    fn a_full_disk_is_retried_under_every_code() {
        for error in [
            statement(Some(243), "Cannot reserve 1.00 MiB, not enough space"),
            statement(Some(75), "Cannot write to file, errno: 28, strerror: No space left on device"),
        ] {
            assert_eq!(kind(&error), Kind::Capacity);
            assert_eq!(kind(&error).retry(), Retry::Backoff);
        }
    }

    #[test]
    fn a_contradiction_is_not_retried() {
        for code in [16, 44, 53, 122] {
            assert_eq!(kind(&statement(Some(code), "")).retry(), Retry::Never);
        }
    }
}
