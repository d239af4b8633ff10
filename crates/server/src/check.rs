//! `forebay check`, and how other commands load a project.

use crate::{
    cli::CheckArgs,
    exit::{Exit, Failure},
    project_files::read_project,
    registries,
    screen::{Paint, Screen, write_out},
};
use forebay_project::{Diagnostic, Loaded, Severity, model::Project};
use serde_json::{Value, json};
use std::path::Path;

/// Checks the project and shows every diagnostic.
pub(crate) fn run(args: &CheckArgs, screen: Screen) -> Result<(), Failure> {
    let outcome = forebay_project::load(&read_project(&args.dir)?);
    if let Ok(loaded) = &outcome {
        check_decoders(&loaded.project)?;
    }
    let text = if screen.json { format!("{:#}\n", to_json(&outcome)) } else { render(&outcome, screen.out) };
    write_out(&text);
    match outcome {
        Ok(_) => Ok(()),
        Err(_) => Err(Failure::shown(Exit::Errors)),
    }
}

/// The project in `dir`, without errors; diagnostics go to standard error.
pub(crate) fn load_project(dir: &Path, screen: Screen) -> Result<Project, Failure> {
    let outcome = forebay_project::load(&read_project(dir)?);
    match outcome {
        Ok(loaded) => {
            for warning in &loaded.warnings {
                eprintln!("{}", warning.render(screen.err.enabled));
            }
            Ok(loaded.project)
        }
        Err(_) if screen.json => {
            eprintln!("{}", to_json(&outcome));
            Err(Failure::shown(Exit::Errors))
        }
        Err(_) => {
            eprint!("{}", render(&outcome, screen.err));
            Err(Failure::shown(Exit::Errors))
        }
    }
}

fn check_decoders(project: &Project) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime
        .map_err(|error| Failure::new(Exit::Environment, format!("no thread can be started: {error}")))?;
    Ok(runtime.block_on(registries::check_decoders(project))?)
}

fn render(outcome: &Result<Loaded, Vec<Diagnostic>>, paint: Paint) -> String {
    match outcome {
        Ok(loaded) => {
            let warnings = loaded.warnings.iter().map(|warning| warning.render(paint.enabled) + "\n");
            format!("{}{}\n", warnings.collect::<String>(), paint.green(&summary(loaded)))
        }
        Err(diagnostics) => forebay_project::render(diagnostics, paint.enabled),
    }
}

fn summary(loaded: &Loaded) -> String {
    let connections = plural(loaded.project.connections.len(), "connection");
    let datasources = plural(loaded.project.datasources.len(), "data source");
    let warnings = match loaded.warnings.len() {
        0 => String::new(),
        count => format!(", {}", plural(count, "warning")),
    };
    format!("{connections}, {datasources}, no errors{warnings}")
}

fn plural(count: usize, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{ending}")
}

fn to_json(outcome: &Result<Loaded, Vec<Diagnostic>>) -> Value {
    let (ok, diagnostics, project) = match outcome {
        Ok(loaded) => (true, &loaded.warnings, Some(&loaded.project)),
        Err(diagnostics) => (false, diagnostics, None),
    };
    let count = |severity| diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count();
    json!({
        "ok": ok,
        "errors": count(Severity::Error),
        "warnings": count(Severity::Warning),
        "connections": project.map(|project| project.connections.keys().collect::<Vec<_>>()),
        "datasources": project.map(|project| project.datasources.keys().collect::<Vec<_>>()),
        "diagnostics": diagnostics,
    })
}
