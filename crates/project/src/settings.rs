//! The directives of one file after the checks that need nothing but the table.

use crate::diagnostics::{Finding, Report};
use crate::directives::{Availability, Choice, DIRECTIVES, Directive, FileKind, Shape, words};
use crate::kafka;
use crate::registry;
use crate::schema_place;
use crate::source::{Value, variables};
use crate::sql_text;
use crate::suggest;
use crate::syntax::{Entry, arguments};
use crate::text;
use std::collections::{HashMap, HashSet};

/// Directives of a file that can be used, by name.
#[derive(Default)]
pub(crate) struct Settings<'a> {
    usable: HashMap<&'static str, &'a Entry>,
    /// Directives that stand in the file, usable or not.
    mentioned: HashSet<&'static str>,
}

impl<'a> Settings<'a> {
    /// Checks every directive by itself and reports what is wrong with it.
    pub(crate) fn check(entries: &'a [Entry], kind: FileKind, report: &mut Report) -> Settings<'a> {
        let mut settings = Settings::default();
        for entry in entries {
            let directive = entry.directive;
            settings.mentioned.insert(directive.name);
            let finding = place_trouble(entry, kind)
                .or_else(|| settings.repeated(entry))
                .or_else(|| value_trouble(entry));
            match finding {
                Some(finding) => report.findings.push(finding.included_from(&entry.included_from)),
                None => {
                    settings.usable.entry(directive.name).or_insert(entry);
                    warn_of_no_effect(entry, report);
                }
            }
            warn_of_odd_value(entry, report);
        }
        settings
    }

    fn repeated(&self, entry: &Entry) -> Option<Finding> {
        let name = entry.directive.name;
        let first = self.usable.get(name).filter(|_| !entry.directive.repeatable)?;
        let finding = Finding::error("duplicate-directive", entry.name, format!("{name} stands twice"));
        Some(finding.hint("remove one of them").note("first at", first.name))
    }

    /// The directive, when it can be used.
    pub(crate) fn get(&self, name: &'static str) -> Option<&'a Entry> {
        debug_assert!(DIRECTIVES.iter().any(|directive| directive.name == name), "{name}");
        self.usable.get(name).copied()
    }

    /// Whether the directive stands in the file, be it right or wrong.
    pub(crate) fn mentions(&self, name: &'static str) -> bool {
        self.mentioned.contains(name)
    }

    /// The value as text.
    pub(crate) fn text(&self, name: &'static str) -> Option<String> {
        self.get(name).map(|entry| entry.value.text().to_owned())
    }

    /// The word of a choice, as documented.
    pub(crate) fn word(&self, name: &'static str) -> Option<&'static str> {
        let entry = self.get(name)?;
        let Shape::Choice(choices) = entry.directive.shape else {
            return None;
        };
        find_choice(choices, entry.value.text()).map(|choice| choice.word)
    }

    /// The value of a `True`/`False` directive.
    pub(crate) fn flag(&self, name: &'static str) -> bool {
        let value = self.text(name).unwrap_or_default().to_ascii_lowercase();
        matches!(value.as_str(), "true" | "1")
    }
}

fn find_choice(choices: &'static [Choice], word: &str) -> Option<&'static Choice> {
    choices.iter().find(|choice| choice.word.eq_ignore_ascii_case(word.trim()))
}

/// Whether the directive may stand here at all.
fn place_trouble(entry: &Entry, kind: FileKind) -> Option<Finding> {
    let directive = entry.directive;
    let name = directive.name;
    if !directive.stands_in(kind) {
        let kinds: Vec<&str> = directive.files.iter().map(|kind| kind.extension()).collect();
        let fact = format!("{name} does not belong in {} files", kind.extension());
        return Some(
            Finding::error("misplaced-directive", entry.name, fact)
                .hint(format!("it stands in {} files", kinds.join(" and "))),
        );
    }
    match directive.availability {
        Availability::Available | Availability::Ignored(_) => None,
        Availability::NotYet => Some(
            Finding::error("not-available-yet", entry.name, format!("{name} is not available yet"))
                .hint("remove the line"),
        ),
        Availability::Removed(instead) => {
            let fact = format!("{name} is no longer part of the language");
            Some(Finding::error("removed-directive", entry.name, fact).hint(instead))
        }
    }
}

/// What is wrong with the value's shape.
fn value_trouble(entry: &Entry) -> Option<Finding> {
    let Directive { name, shape, availability, .. } = *entry.directive;
    let text = entry.value.text();
    let example = format!("for example:\n{}", entry.directive.example);
    if matches!(availability, Availability::Ignored(_)) && shape != Shape::Token {
        return None;
    }
    if entry.is_block && !shape.takes_block() {
        return Some(
            Finding::error("block-not-allowed", entry.name, format!("{name} takes one line, not a block"))
                .hint(example),
        );
    }
    if !entry.is_block && shape == Shape::Block {
        return Some(
            Finding::error("block-needed", entry.name, format!("{name} needs a block, opened by `>`"))
                .hint(example),
        );
    }
    // What an empty SCHEMA lacks is better said by the reader of columns.
    if text.trim().is_empty() && name != "SCHEMA" {
        return Some(Finding::error("empty-value", entry.name, format!("{name} has no value")).hint(example));
    }
    match shape.takes_secrets() {
        true => template_trouble(entry).or_else(|| content_trouble(entry, &example)),
        false => secret_not_allowed(entry).or_else(|| content_trouble(entry, &example)),
    }
}

fn template_trouble(entry: &Entry) -> Option<Finding> {
    let errors = text::parse(entry.value.text()).err()?;
    let error = errors.into_iter().next()?;
    let fact = format!("{}: {}", entry.directive.name, error.fact);
    Some(
        Finding::error("template-syntax", entry.value.span_of(error.range), fact)
            .hint("write {{ tb_secret(\"NAME\") }} or {{ tb_secret(\"NAME\", \"default\") }}"),
    )
}

fn secret_not_allowed(entry: &Entry) -> Option<Finding> {
    let text = entry.value.text();
    let open = text.find("{{").filter(|_| entry.directive.shape != Shape::Text)?;
    let inside = text[open + 2..].trim_start();
    inside.starts_with("tb_secret").then(|| {
        let end = text::template_end(text, open).unwrap_or(text.len());
        let fact = format!("{} cannot refer to a secret", entry.directive.name);
        Finding::error("secret-not-allowed", entry.value.span_of(open..end), fact)
            .hint("write the value itself")
    })
}

fn content_trouble(entry: &Entry, example: &str) -> Option<Finding> {
    let value = &entry.value;
    match entry.directive.shape {
        Shape::Choice(choices) => choice_trouble(entry, choices),
        Shape::Bool => bool_trouble(entry),
        Shape::Identifier => identifier_trouble(entry),
        Shape::HostPorts => kafka::address_trouble(entry),
        Shape::Topic => kafka::topic_trouble(entry),
        Shape::RegistryUrls => registry::address_trouble(entry),
        Shape::Url => registry::url_trouble(entry),
        Shape::SchemaPlace => schema_place::place_trouble(entry),
        Shape::DottedName => dotted_name_trouble(entry),
        Shape::Expression => expression_trouble(entry),
        Shape::Settings => settings_trouble(entry),
        Shape::Token => token_trouble(value, example),
        Shape::Line | Shape::Text | Shape::Block | Shape::SecretLine | Shape::SecretText | Shape::Include => {
            None
        }
    }
}

fn choice_trouble(entry: &Entry, choices: &'static [Choice]) -> Option<Finding> {
    let name = entry.directive.name;
    let written = entry.value.text();
    let fact = match find_choice(choices, written).map(|choice| choice.availability) {
        Some(Availability::Available | Availability::Ignored(_)) => return None,
        Some(_) => {
            let fact = format!("{name} {written} is not available yet");
            let hint = format!("what works: {}", words(choices).join(", "));
            return Some(Finding::error("not-available-yet", entry.value.span(), fact).hint(hint));
        }
        None => format!("{name} cannot be `{}`", first_line(written)),
    };
    let close = suggest::closest(written, words(choices));
    let hint = match close {
        Some(close) => format!("did you mean {close}?"),
        None => format!("it is one of {}", words(choices).join(", ")),
    };
    Some(Finding::error("unknown-value", entry.value.span(), fact).hint(hint))
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(60).collect()
}

fn bool_trouble(entry: &Entry) -> Option<Finding> {
    let written = entry.value.text();
    let known = ["true", "false", "1", "0"].iter().any(|word| written.eq_ignore_ascii_case(word));
    let fact = format!("{} cannot be `{}`", entry.directive.name, first_line(written));
    (!known).then(|| Finding::error("unknown-value", entry.value.span(), fact).hint("write True or False"))
}

fn identifier_trouble(entry: &Entry) -> Option<Finding> {
    let written = entry.value.text();
    let bare = written.strip_prefix('`').and_then(|inner| inner.strip_suffix('`')).unwrap_or(written);
    let fact = format!("`{}` is no name", first_line(written));
    (!text::is_identifier(bare)).then(|| {
        Finding::error("invalid-name", entry.value.span(), format!("{}: {fact}", entry.directive.name))
            .hint("a name is a letter or `_`, then letters, digits and `_`")
    })
}

fn dotted_name_trouble(entry: &Entry) -> Option<Finding> {
    let written = entry.value.text();
    let well_formed = written.split('.').all(text::is_identifier);
    let fact = format!("{}: `{}` is no full name", entry.directive.name, first_line(written));
    (!well_formed).then(|| {
        Finding::error("invalid-name", entry.value.span(), fact)
            .hint("write the package and the name, joined by dots: airport.Flight")
    })
}

fn expression_trouble(entry: &Entry) -> Option<Finding> {
    let value = &entry.value;
    let at = sql_text::find_outside(value.text(), |_, _| false).err()?;
    let character: String = value.text()[at..].chars().take(1).collect();
    let fact = format!("{}: `{character}` has no partner", entry.directive.name);
    Some(
        Finding::error("unbalanced", value.span_of(at..at + character.len()), fact)
            .hint("close every bracket and quote"),
    )
}

fn settings_trouble(entry: &Entry) -> Option<Finding> {
    let value = &entry.value;
    let is_setting = |part: &str| {
        let sides = part.split_once('=');
        sides.is_some_and(|(name, setting)| text::is_identifier(name.trim()) && !setting.trim().is_empty())
    };
    let parts = sql_text::split_list(value.text());
    let bad = parts.into_iter().find(|part| !is_setting(&value.text()[part.clone()]))?;
    let fact = format!("{}: `{}` is no setting", entry.directive.name, &value.text()[bad.clone()]);
    Some(
        Finding::error("settings-syntax", value.span_of(bad), fact)
            .hint("write name = value, separated by commas"),
    )
}

fn token_trouble(value: &Value, example: &str) -> Option<Finding> {
    let words = arguments(value);
    let is_permission = |word: &Value| matches!(word.text().to_ascii_uppercase().as_str(), "READ" | "APPEND");
    let fact = match words.as_slice() {
        [_, permission] if is_permission(permission) => return None,
        [_, permission] => format!("a token has no permission `{}`", permission.text()),
        _ => "TOKEN takes a name and a permission".to_owned(),
    };
    Some(
        Finding::error("token-syntax", value.span(), fact)
            .hint(format!("write READ or APPEND after the name; {example}")),
    )
}

fn warn_of_no_effect(entry: &Entry, report: &mut Report) {
    if let Availability::Ignored(reason) = entry.directive.availability {
        let fact = format!("{} has no effect: {reason}", entry.directive.name);
        let finding = Finding::warning("no-effect", entry.name, fact)
            .hint("remove the line to silence this")
            .included_from(&entry.included_from);
        report.findings.push(finding);
    }
}

/// Values that can be used, though perhaps not as meant.
fn warn_of_odd_value(entry: &Entry, report: &mut Report) {
    let name = entry.directive.name;
    let mut add = |finding: Finding| {
        report.findings.push(finding.included_from(&entry.included_from));
    };
    if entry.is_block
        || !entry.directive.shape.takes_secrets()
        || entry.directive.availability != Availability::Available
    {
        return;
    }
    let text = entry.value.text();
    if let Some(at) = text.find(" -- ") {
        let finding = Finding::warning(
            "dashes-in-value",
            entry.value.span_of(at + 1..text.len()),
            format!("{name}: `--` is part of the value"),
        );
        add(finding.hint("begin a comment with `#`"));
    }
    for (range, variable) in variables(text) {
        let is_whole = range == (0..text.len()) || text[range.clone()].starts_with("${");
        if is_whole && name != "KAFKA_TOPIC" {
            let fact = format!("{name}: the variable {variable} is not replaced");
            let finding = Finding::warning("variable-not-replaced", entry.value.span_of(range), fact);
            add(finding.hint(format!(
                "write {{{{ tb_secret(\"{variable}\") }}}}, or INCLUDE \"file\" \"{variable}=value\""
            )));
        }
    }
}
