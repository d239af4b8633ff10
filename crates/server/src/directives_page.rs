//! `forebay directives`: the project language, from its own table.

use crate::{
    cli::DirectivesArgs,
    exit::{Exit, Failure},
    screen::{Paint, Screen, write_out},
};
use forebay_project::{
    directives::{Availability, DIRECTIVES, Directive, FileKind, find},
    reference, suggest,
};
use serde_json::json;

/// Shows one directive, or all.
pub(crate) fn run(args: &DirectivesArgs, screen: Screen) -> Result<(), Failure> {
    let chosen = match &args.name {
        Some(name) => vec![find(name).ok_or_else(|| unknown(name))?],
        None => DIRECTIVES.iter().filter(|directive| args.all || works(directive)).collect(),
    };
    write_out(&match (screen.json, &args.name) {
        (true, _) => to_json(&chosen),
        (false, Some(_)) => chosen.iter().map(|directive| page(directive, screen.out)).collect(),
        (false, None) => list(&chosen, screen.out),
    });
    Ok(())
}

fn works(directive: &Directive) -> bool {
    matches!(directive.availability, Availability::Available | Availability::Ignored(_))
}

fn unknown(name: &str) -> Failure {
    let names = DIRECTIVES.iter().map(|directive| directive.name);
    let failure = Failure::new(Exit::Errors, format!("there is no directive {name}"));
    match suggest::closest(&name.to_ascii_uppercase(), names) {
        Some(close) => failure.hint(format!("did you mean {close}?")),
        None => failure.hint("`forebay directives --all` shows every directive"),
    }
}

fn list(directives: &[&Directive], paint: Paint) -> String {
    let mut text = String::new();
    for kind in [FileKind::Connection, FileKind::Datasource, FileKind::Pipe] {
        let of_kind = directives.iter().filter(|directive| directive.files.contains(&kind));
        let lines: Vec<String> = of_kind.map(|directive| line(directive, paint)).collect();
        if !lines.is_empty() {
            let title = paint.bold(&format!("{} files", kind.extension()));
            text.push_str(&format!("{title}\n{}\n", lines.concat()));
        }
    }
    text
}

fn line(directive: &Directive, paint: Paint) -> String {
    let padding = " ".repeat(32_usize.saturating_sub(directive.name.len()));
    format!("  {}{padding}  {}\n", paint.cyan(directive.name), reference::summary(directive))
}

fn page(directive: &Directive, paint: Paint) -> String {
    let files: Vec<&str> = directive.files.iter().map(|kind| kind.extension()).collect();
    let mut text = format!("{}\n\n{}\n\n", paint.bold(directive.name), reference::summary(directive));
    text.push_str(&format!("value:    {}\n", directive.shape.describe()));
    text.push_str(&format!("files:    {}, and .incl\n", files.join(", ")));
    if !directive.aliases.is_empty() {
        text.push_str(&format!("also:     {}\n", directive.aliases.join(", ")));
    }
    let example: Vec<String> = directive.example.lines().map(|line| format!("  {line}\n")).collect();
    format!("{text}\nexample:\n{}", example.concat())
}

fn to_json(directives: &[&Directive]) -> String {
    let entry = |directive: &&Directive| {
        json!({
            "name": directive.name,
            "aliases": directive.aliases,
            "files": directive.files.iter().map(|kind| kind.extension()).collect::<Vec<_>>(),
            "value": directive.shape.describe(),
            "meaning": reference::summary(directive),
            "available": directive.availability == Availability::Available,
            "example": directive.example,
        })
    };
    let entries: Vec<_> = directives.iter().map(entry).collect();
    format!("{:#}\n", json!(entries))
}
