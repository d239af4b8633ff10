//! Names and texts as ClickHouse SQL writes them.

/// A name in back-ticks: any text is a name then.
pub fn identifier(name: &str) -> String {
    format!("`{}`", name.replace('\\', "\\\\").replace('`', "\\`"))
}

/// A string literal.
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// `database.table`, both quoted.
pub(crate) fn qualified(database: &str, table: &str) -> String {
    format!("{}.{}", identifier(database), identifier(table))
}

/// `a, b, c`, each quoted.
pub(crate) fn identifiers<'n>(names: impl Iterator<Item = &'n str>) -> String {
    names.map(identifier).collect::<Vec<_>>().join(", ")
}

/// Splits at commas that stand outside of quotes and parentheses, and trims the pieces.
pub(crate) fn split_commas(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let (mut start, mut depth, mut quote) = (0, 0_usize, None);
    let mut escaped = false;
    for (at, character) in text.char_indices() {
        match (quote, character) {
            _ if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), close) if open == close => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '`' | '"') => quote = Some(character),
            (None, '(' | '[') => depth += 1,
            (None, ')' | ']') => depth = depth.saturating_sub(1),
            (None, ',') if depth == 0 => {
                pieces.push(&text[start..at]);
                start = at + 1;
            }
            (None, _) => {}
        }
    }
    pieces.push(&text[start..]);
    pieces.into_iter().map(str::trim).filter(|piece| !piece.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_texts_are_escaped() {
        assert_eq!(identifier("a`b\\"), "`a\\`b\\\\`");
        assert_eq!(literal("it's \\"), "'it\\'s \\\\'");
        assert_eq!(qualified("db", "a b"), "`db`.`a b`");
    }

    #[test]
    fn only_outer_commas_split() {
        let text = "a = 1, b = 'x, \\' y', c = f(1, 2), ";
        assert_eq!(split_commas(text), ["a = 1", "b = 'x, \\' y'", "c = f(1, 2)"]);
        assert!(split_commas(" ").is_empty());
    }
}
