//! Reads the outside of a query: how many statements, what kind, which FORMAT, and what it must not call.
//!
//! Connections for reading are `readonly = 1` in the engine, which bars writes and table functions that reach outside.
//! Three holes remain that only the text shows, all found open in libchdb 26.7.3: a SETTINGS clause of a subquery may
//! take `readonly` back; the function `file` reads any file of this machine; DESCRIBE of a table function opens it to
//! see its columns.

use forebay_project::suggest;

/// Statements that only read.
const READS: [&str; 9] = ["SELECT", "WITH", "FROM", "SHOW", "DESCRIBE", "DESC", "EXPLAIN", "EXISTS", "CHECK"];

/// Statements that do something else; any other first word is a slip of the pen.
const OTHERS: [&str; 36] = [
    "INSERT", "CREATE", "DROP", "ALTER", "TRUNCATE", "RENAME", "EXCHANGE", "ATTACH", "DETACH", "UNDROP",
    "OPTIMIZE", "DELETE", "UPDATE", "REPLACE", "SET", "USE", "SYSTEM", "KILL", "GRANT", "REVOKE", "BACKUP",
    "RESTORE", "MOVE", "WATCH", "BEGIN", "START", "COMMIT", "ROLLBACK", "EXECUTE", "COPY", "EXTERNAL",
    "PARALLEL", "VALUES", "CALL", "PREPARE", "SNAPSHOT",
];

/// Why a query is not given to the engine; one sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Rejection {
    /// It is no query.
    Malformed(String),
    /// It does more than reading tables.
    Forbidden(String),
}

/// The outside of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct QueryText {
    /// The format its FORMAT clause names.
    pub(crate) format: Option<String>,
    /// Whether it is a SELECT, whose result the engine can hand out in chunks.
    pub(crate) is_select: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Token<'a> {
    /// A bare word.
    Word(&'a str),
    /// A name in back-ticks or double quotes.
    Name(&'a str),
    /// A string or a number.
    Value,
    Symbol(char),
}

impl QueryText {
    /// Reads `sql`.
    ///
    /// # Errors
    /// Why it will not be run.
    pub(crate) fn read(sql: &str) -> Result<Self, Rejection> {
        let mut tokens = tokens(sql);
        while tokens.last() == Some(&Token::Symbol(';')) {
            tokens.pop();
        }
        let Some(kind) = tokens.iter().find_map(first_word) else {
            return Err(Rejection::Malformed("the query is empty".into()));
        };
        if tokens.contains(&Token::Symbol(';')) {
            return Err(Rejection::Malformed("only one statement can be run at a time".into()));
        }
        if !READS.contains(&kind.as_str()) {
            return Err(not_a_read(&kind));
        }
        refuse_outside(&tokens).map_err(|reason| Rejection::Forbidden(reason.into()))?;
        Ok(Self {
            format: format_clause(&tokens),
            is_select: ["SELECT", "WITH", "FROM"].contains(&kind.as_str()),
        })
    }
}

fn first_word(token: &Token<'_>) -> Option<String> {
    match token {
        Token::Symbol('(') => None,
        Token::Word(word) => Some(word.to_ascii_uppercase()),
        _ => Some("this".into()),
    }
}

fn not_a_read(kind: &str) -> Rejection {
    if OTHERS.contains(&kind) {
        return Rejection::Forbidden(format!("{kind} is refused: queries can only read"));
    }
    let meant = suggest::closest(kind, READS).map(|read| format!(": did you mean {read}?"));
    Rejection::Malformed(format!("{kind} begins no statement{}", meant.unwrap_or_default()))
}

fn refuse_outside(tokens: &[Token<'_>]) -> Result<(), &'static str> {
    for (at, token) in tokens.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| &tokens[before]);
        let opens = tokens.get(at + 1) == Some(&Token::Symbol('('));
        // A function can be named without being called: `arrayMap(file, ...)`, `APPLY file`.
        let handed_over =
            before == Some(&Token::Symbol('(')) || before.is_some_and(|before| before.is_word("APPLY"));
        if matches!(token, Token::Word("file") | Token::Name("file")) && (opens || handed_over) {
            return Err(
                "the function `file` is refused: queries can only read tables (a column named so is written `t.file`)",
            );
        }
        if token.is_word("SETTINGS") && tokens.get(at + 2) == Some(&Token::Symbol('=')) {
            return Err("SETTINGS are refused: queries run with the settings of the server");
        }
        let described = before.is_some_and(|before| {
            before.is_word("DESCRIBE") || before.is_word("DESC") || before.is_word("TABLE")
        });
        if described && opens && matches!(token, Token::Word(word) if !word.eq_ignore_ascii_case("TABLE")) {
            return Err("DESCRIBE of a table function is refused: queries can only read tables");
        }
    }
    Ok(())
}

/// The name after `FORMAT` at the end of the query.
fn format_clause(tokens: &[Token<'_>]) -> Option<String> {
    match tokens {
        [.., format, Token::Word(name) | Token::Name(name)] if format.is_word("FORMAT") => {
            Some((*name).to_owned())
        }
        _ => None,
    }
}

impl Token<'_> {
    fn is_word(&self, word: &str) -> bool {
        matches!(self, Token::Word(own) if own.eq_ignore_ascii_case(word))
    }
}

fn tokens(sql: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let (token, length) = next_token(rest, first);
        tokens.extend(token);
        rest = &rest[length..];
    }
    tokens
}

/// The token at the beginning of `rest`, none for white space and comments, and its length.
fn next_token(rest: &str, first: char) -> (Option<Token<'_>>, usize) {
    let after = |pattern: &str, from: usize| {
        rest[from..].find(pattern).map_or(rest.len(), |at| from + at + pattern.len())
    };
    match first {
        _ if first.is_whitespace() => (None, first.len_utf8()),
        '-' if rest.starts_with("--") => (None, after("\n", 0)),
        '#' if rest.starts_with("# ") || rest.starts_with("#!") => (None, after("\n", 0)),
        '/' if rest.starts_with("/*") => (None, after("*/", 2)),
        '\'' => (Some(Token::Value), quoted_length(rest, first)),
        '`' | '"' => {
            let length = quoted_length(rest, first);
            (Some(Token::Name(rest.get(1..length.max(2) - 1).unwrap_or(""))), length)
        }
        '$' => heredoc(rest).map_or((Some(Token::Symbol('$')), 1), |length| (Some(Token::Value), length)),
        _ if first.is_ascii_digit() => (Some(Token::Value), word_length(rest)),
        _ if is_word(first) => {
            let length = word_length(rest);
            (Some(Token::Word(&rest[..length])), length)
        }
        _ => (Some(Token::Symbol(first)), first.len_utf8()),
    }
}

fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_' || !character.is_ascii()
}

fn word_length(rest: &str) -> usize {
    rest.find(|character| !is_word(character)).unwrap_or(rest.len())
}

/// Length of what stands in quotes, which a backslash or doubling escapes; to the end when they are not closed.
fn quoted_length(rest: &str, quote: char) -> usize {
    let mut characters = rest.char_indices().skip(1).peekable();
    while let Some((at, character)) = characters.next() {
        let doubled = character == quote && characters.peek().is_some_and(|(_, next)| *next == quote);
        if character == '\\' || doubled {
            characters.next();
        } else if character == quote {
            return at + 1;
        }
    }
    rest.len()
}

/// Length of `$tag$ ... $tag$`.
fn heredoc(rest: &str) -> Option<usize> {
    let end = 1 + word_length(&rest[1..]);
    if !rest[end..].starts_with('$') {
        return None;
    }
    let tag = &rest[..=end];
    let close = rest[end + 1..].find(tag)?;
    Some(end + 1 + close + tag.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(sql: &str) -> Option<String> {
        QueryText::read(sql).unwrap().format
    }

    #[test]
    fn the_format_clause_is_found_where_it_ends_the_query() {
        assert_eq!(format("SELECT 1 FORMAT JSONEachRow").as_deref(), Some("JSONEachRow"));
        assert_eq!(format("select 1 format `CSV`;").as_deref(), Some("CSV"));
        assert_eq!(format("SELECT 1 FORMAT CSV -- FORMAT JSON\n").as_deref(), Some("CSV"));
        assert_eq!(format("SELECT 'x FORMAT JSON'"), None);
        assert_eq!(format("SELECT x AS format FROM t"), None);
        assert_eq!(format("SELECT $$ FORMAT JSON$$"), None);
        assert_eq!(format("SELECT 1 /* FORMAT JSON */"), None);
    }

    #[test]
    fn statements_that_do_not_read_are_refused() {
        for sql in [
            "INSERT INTO t VALUES (1)",
            "DROP TABLE t",
            "set readonly = 0",
            "SYSTEM SHUTDOWN",
            "KILL QUERY WHERE 1",
        ] {
            let rejection = QueryText::read(sql).unwrap_err();
            assert!(matches!(rejection, Rejection::Forbidden(_)), "{sql}: {rejection:?}");
        }
    }

    #[test]
    fn what_is_no_statement_is_no_query() {
        let malformed = |reason: &str| Err(Rejection::Malformed(reason.to_owned()));
        assert_eq!(QueryText::read(" -- nothing\n"), malformed("the query is empty"));
        assert_eq!(QueryText::read("SELEC 1"), malformed("SELEC begins no statement: did you mean SELECT?"));
        assert_eq!(QueryText::read("(('hello'))"), malformed("this begins no statement"));
    }

    #[test]
    fn settings_cannot_be_changed_even_in_a_subquery() {
        for sql in [
            "SELECT 1 SETTINGS a = 1",
            "SELECT * FROM (SELECT 1 settings/**/readonly=0)",
            "SELECT 1 FORMAT CSV SETTINGS `readonly` = 0",
        ] {
            assert!(matches!(QueryText::read(sql), Err(Rejection::Forbidden(_))), "{sql}");
        }
        assert!(QueryText::read("SELECT settings, t.settings = 1 FROM system.settings").is_ok());
    }

    #[test]
    fn a_second_statement_is_refused_wherever_it_hides() {
        for sql in [
            "SELECT 1; SELECT 2",
            "SELECT 1;; DROP TABLE t",
            "SELECT ';' ; SELECT 1",
            "SELECT 1 -- ;\n; SELECT 2",
        ] {
            assert!(QueryText::read(sql).is_err(), "{sql}");
        }
        for sql in [
            "SELECT 1;",
            "SELECT ';'",
            "SELECT 1; -- done",
            "SELECT 'it''s;'",
            "SELECT `a;b` FROM t",
            "SELECT '\\';'",
        ] {
            assert!(QueryText::read(sql).is_ok(), "{sql}");
        }
    }

    #[test]
    fn files_of_the_machine_cannot_be_read() {
        for sql in [
            "SELECT file('/etc/passwd')",
            "SELECT `file` ('/etc/passwd')",
            "SELECT \"file\"('/etc/passwd')",
            "SELECT arrayMap(file, ['/etc/passwd'])",
            "SELECT arrayMap((file), ['/etc/passwd'])",
            "SELECT * APPLY file FROM (SELECT '/etc/passwd')",
            "SELECT * APPLY(file) FROM (SELECT '/etc/passwd')",
            "DESCRIBE TABLE url('http://127.0.0.1:1/')",
            "desc s3('http://127.0.0.1:1/')",
        ] {
            assert!(QueryText::read(sql).is_err(), "{sql}");
        }
        for sql in [
            "SELECT file, t.file FROM t",
            "SELECT count(t.file) FROM t",
            "DESCRIBE (SELECT 1)",
            "DESCRIBE TABLE t",
            "SELECT 'file(x)'",
        ] {
            assert!(QueryText::read(sql).is_ok(), "{sql}: {:?}", QueryText::read(sql));
        }
    }

    #[test]
    fn text_that_never_ends_does_not_confuse_it() {
        for sql in ["SELECT '", "SELECT \"", "SELECT /*", "SELECT $a$", "SELECT `x\\", "SELECT é$"] {
            assert!(QueryText::read(sql).is_ok(), "{sql}");
        }
    }
}
