//! Text that may refer to secrets, and the templates it is read from.

use crate::model::{Text, TextPiece};
use serde::{Serialize, Serializer};
use std::fmt;
use std::ops::Range;

/// A secret that is not set and has no default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingSecret {
    /// The secret's name.
    pub name: String,
}

impl fmt::Display for MissingSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "secret \"{}\" is not set and has no default", self.name)
    }
}

impl std::error::Error for MissingSecret {}

impl Text {
    /// Text without secrets.
    pub fn literal(text: impl Into<String>) -> Text {
        Text { pieces: vec![TextPiece::Literal(text.into())] }
    }

    /// The whole text, with secrets looked up.
    ///
    /// # Errors
    /// The first secret that `secrets` does not know and that has no default.
    pub fn resolve(&self, secrets: impl Fn(&str) -> Option<String>) -> Result<String, MissingSecret> {
        let mut resolved = String::new();
        for piece in &self.pieces {
            match piece {
                TextPiece::Literal(text) => resolved.push_str(text),
                TextPiece::Secret { name, default } => {
                    let value = secrets(name).or_else(|| default.clone());
                    let missing = || MissingSecret { name: name.clone() };
                    resolved.push_str(&value.ok_or_else(missing)?);
                }
            }
        }
        Ok(resolved)
    }

    /// The names of the secrets it refers to, in order.
    pub fn secret_names(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            TextPiece::Secret { name, .. } => Some(name.as_str()),
            TextPiece::Literal(_) => None,
        })
    }

    /// The text when it refers to no secret.
    pub fn as_literal(&self) -> Option<String> {
        let has_secrets = self.secret_names().next().is_some();
        (!has_secrets).then(|| self.to_string())
    }

    /// For fields that are secret themselves: references without defaults, literals as `***`.
    pub fn redacted(&self) -> String {
        let show = |piece: &TextPiece| match piece {
            TextPiece::Literal(_) => "***".to_owned(),
            TextPiece::Secret { name, default: None } => format!("{{{{ tb_secret(\"{name}\") }}}}"),
            TextPiece::Secret { name, default: Some(_) } => {
                format!("{{{{ tb_secret(\"{name}\", \"***\") }}}}")
            }
        };
        self.pieces.iter().map(show).collect()
    }
}

impl fmt::Display for Text {
    /// Shows secrets as the references they are; a default is shown, a value never.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in &self.pieces {
            match piece {
                TextPiece::Literal(text) => f.write_str(text)?,
                TextPiece::Secret { name, default: None } => write!(f, "{{{{ tb_secret(\"{name}\") }}}}")?,
                TextPiece::Secret { name, default: Some(default) } => {
                    write!(f, "{{{{ tb_secret(\"{name}\", \"{default}\") }}}}")?;
                }
            }
        }
        Ok(())
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A template that cannot be read, with its place in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateError {
    /// Bytes of the text.
    pub range: Range<usize>,
    /// What is wrong.
    pub fact: String,
}

/// Reads text with `{{ tb_secret("NAME") }}` and `{{ tb_secret("NAME", "default") }}` in it.
///
/// # Errors
/// Every template that is something else.
pub fn parse(text: &str) -> Result<Text, Vec<TemplateError>> {
    let mut pieces = Vec::new();
    let mut errors = Vec::new();
    let mut at = 0;
    while let Some(open) = text[at..].find("{{").map(|offset| at + offset) {
        push_literal(&mut pieces, &text[at..open]);
        let end = template_end(text, open);
        match end.map(|end| secret_reference(text[open + 2..end - 2].trim())) {
            Some(Ok(piece)) => pieces.push(piece),
            Some(Err(fact)) => errors.push(TemplateError { range: open..end.unwrap_or(text.len()), fact }),
            None => errors.push(TemplateError {
                range: open..text.len(),
                fact: "the template has no closing `}}`".into(),
            }),
        }
        at = end.unwrap_or(text.len());
    }
    push_literal(&mut pieces, &text[at..]);
    if errors.is_empty() { Ok(Text { pieces }) } else { Err(errors) }
}

fn push_literal(pieces: &mut Vec<TextPiece>, text: &str) {
    if !text.is_empty() {
        pieces.push(TextPiece::Literal(text.to_owned()));
    }
}

/// Byte after the `}}` that closes the template at `open`; quoted braces do not count.
pub(crate) fn template_end(text: &str, open: usize) -> Option<usize> {
    let mut quote = None;
    for (offset, character) in text[open..].char_indices() {
        match (quote, character) {
            (Some(open_quote), _) if open_quote == character => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(character),
            (None, '}') if text[open + offset..].starts_with("}}") => {
                return Some(open + offset + 2);
            }
            (None, _) => {}
        }
    }
    None
}

fn secret_reference(inside: &str) -> Result<TextPiece, String> {
    let call = inside
        .strip_prefix("tb_secret")
        .map(str::trim_start)
        .and_then(|rest| rest.strip_prefix('('))
        .and_then(|rest| rest.trim_end().strip_suffix(')'))
        .ok_or("only `tb_secret` is known inside `{{ }}`")?;
    let (name, rest) = quoted(call.trim()).ok_or("`tb_secret` needs a name in quotes")?;
    if !is_identifier(name) {
        return Err("the name of a secret holds only letters, digits and `_`".into());
    }
    let default = match rest.trim_start().strip_prefix(',').map(str::trim) {
        None | Some("") => None,
        Some(argument) => Some(quoted(argument).ok_or("the default of `tb_secret` must be in quotes")?),
    };
    let tail = default.map_or_else(|| rest.trim().trim_start_matches(','), |(_, tail)| tail.trim());
    if !tail.is_empty() {
        return Err("`tb_secret` takes a name and at most one default".into());
    }
    Ok(TextPiece::Secret { name: name.to_owned(), default: default.map(|(text, _)| text.to_owned()) })
}

/// The text in quotes at the beginning, and what follows.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    text[1..].split_once(quote)
}

/// A letter or `_`, then letters, digits and `_`.
pub(crate) fn is_identifier(text: &str) -> bool {
    let first = text.chars().next();
    first.is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spacing_and_quotes_of_templates_may_vary() {
        for template in [
            "{{ tb_secret(\"A\") }}",
            "{{tb_secret('A')}}",
            "{{  tb_secret ( \"A\" )  }}",
            "{{ tb_secret(\"A\",) }}",
        ] {
            let text = parse(template).expect("readable");
            assert_eq!(text.to_string(), "{{ tb_secret(\"A\") }}", "{template}");
        }
        let text = parse("x-{{ tb_secret('A', \"}}#\") }}:9092").expect("readable");
        assert_eq!(text.resolve(|_| None).as_deref(), Ok("x-}}#:9092"));
        assert_eq!(text.resolve(|_| Some("v".into())).as_deref(), Ok("x-v:9092"));
        assert_eq!(text.secret_names().collect::<Vec<_>>(), ["A"]);
    }

    #[test]
    fn a_missing_secret_is_named() {
        let text = parse("{{ tb_secret(\"KEY\") }}").expect("readable");
        let missing = text.resolve(|_| None).expect_err("nothing is set");
        assert_eq!(missing.to_string(), "secret \"KEY\" is not set and has no default");
        let empty_default = parse("{{ tb_secret(\"KEY\", \"\") }}").expect("readable");
        assert_eq!(empty_default.resolve(|_| None).as_deref(), Ok(""));
    }

    #[test]
    fn malformed_templates_are_refused_with_their_place() {
        let fact = |text: &str| parse(text).expect_err("malformed")[0].fact.clone();
        let errors = parse("a{{ env(\"A\") }}b{{ tb_secret(A) }}").expect_err("malformed");
        assert_eq!(errors[0].range, 1..15);
        assert_eq!(errors[1].fact, "`tb_secret` needs a name in quotes");
        assert_eq!(fact("{{ tb_secret(\"A\")"), "the template has no closing `}}`");
        assert_eq!(fact("{{ tb_secret(\"A\", b) }}"), "the default of `tb_secret` must be in quotes");
        assert_eq!(
            fact("{{ tb_secret(\"A\", \"b\", \"c\") }}"),
            "`tb_secret` takes a name and at most one default"
        );
    }

    #[test]
    fn redaction_hides_literals_and_defaults() {
        let text = parse("hunter2{{ tb_secret(\"A\", \"d\") }}").expect("readable");
        assert_eq!(text.redacted(), "***{{ tb_secret(\"A\", \"***\") }}");
    }
}
