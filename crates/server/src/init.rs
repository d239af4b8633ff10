//! `forebay init`

use crate::{
    cli::InitArgs,
    exit::{Exit, Failure},
    preview::{self, Place, counted},
    project_files::{add_included, read_project},
    screen::{Screen, write_out},
};
use forebay_project::SourceFile;
use serde_json::json;
use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::Path,
};

/// The files of a first project.
const FILES: [(&str, &str); 5] = [
    ("kafka.connection", include_str!("../project/kafka.connection")),
    ("orders.datasource", include_str!("../project/orders.datasource")),
    (".env", include_str!("../project/env")),
    (".gitignore", include_str!("../project/gitignore")),
    ("README.md", include_str!("../project/README.md")),
];

/// Writes a first project, or the `.datasource` file of a topic or a local file.
pub(crate) fn run(args: &InitArgs, screen: Screen) -> Result<(), Failure> {
    match place(args) {
        Some(place) => write_datasource(&place, args, screen),
        None => write_project(&args.dir, screen),
    }
}

fn place(args: &InitArgs) -> Option<Place> {
    match (&args.connection, &args.topic, &args.file) {
        (Some(connection), Some(topic), _) => Some(Place::named(connection, Some(topic))),
        (_, _, Some(file)) => Some(Place::File(file.clone())),
        _ => None,
    }
}

/// Looks at `place` and writes what was found.
fn write_datasource(place: &Place, args: &InitArgs, screen: Screen) -> Result<(), Failure> {
    let name = args.name.clone().unwrap_or_else(|| place.datasource_name());
    let path = args.dir.join(format!("{name}.datasource"));
    if !args.stdout && path.exists() {
        return Err(overwriting(&path));
    }
    let findings = preview::look(place, &args.look, 0, &args.dir, screen)?;
    let text = findings.datasource();
    check_text(&args.dir, &name, &text)?;
    if args.stdout {
        write_out(&text);
        return Ok(());
    }
    fs::create_dir_all(&args.dir).map_err(|error| not_writable(&args.dir, &error))?;
    write_new(&path, &text)?;
    let count = findings.inference.columns.len();
    let shown = path.display();
    write_out(&if screen.json {
        format!(
            "{}\n",
            json!({ "files": [shown.to_string()], "columns": count, "notes": findings.inference.notes })
        )
    } else {
        let columns = counted(count, "column");
        format!("wrote {shown}: {columns} from {} of {}\n", findings.extent, findings.place)
    });
    Ok(())
}

fn overwriting(path: &Path) -> Failure {
    Failure::new(Exit::Errors, format!("{} is there already", path.display()))
        .hint("nothing is ever overwritten: give another name with --name, or look with --stdout")
}

/// A file that the project's own check would refuse is no help to anybody.
fn check_text(dir: &Path, name: &str, text: &str) -> Result<(), Failure> {
    // A file of no topic needs no project around it.
    let mut files = read_project(dir).unwrap_or_default();
    files.push(SourceFile { path: format!("{name}.datasource"), text: text.to_owned() });
    add_included(dir, &mut files)?;
    match forebay_project::load(&files) {
        Ok(_) => Ok(()),
        Err(found) => Err(Failure::new(
            Exit::Errors,
            format!(
                "the project would not be right with this file:\n{}",
                forebay_project::render(&found, false)
            ),
        )
        .hint("look at it with --stdout, or give it another name with --name")),
    }
}

/// Writes the files, all or none.
fn write_project(dir: &Path, screen: Screen) -> Result<(), Failure> {
    fs::create_dir_all(dir).map_err(|error| not_writable(dir, &error))?;
    refuse_to_overwrite(dir)?;
    for (name, text) in FILES {
        write_new(&dir.join(name), text)?;
    }
    write_out(&if screen.json { to_json(dir) } else { render(dir, screen) });
    Ok(())
}

fn refuse_to_overwrite(dir: &Path) -> Result<(), Failure> {
    let there: Vec<&str> =
        FILES.iter().map(|(name, _)| *name).filter(|name| dir.join(name).exists()).collect();
    if there.is_empty() {
        return Ok(());
    }
    Err(Failure::new(Exit::Errors, format!("{} holds {} already", dir.display(), there.join(", ")))
        .hint("name another directory: nothing is ever overwritten"))
}

fn write_new(path: &Path, text: &str) -> Result<(), Failure> {
    let file = OpenOptions::new().write(true).create_new(true).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| not_writable(path, &error))
}

fn render(dir: &Path, screen: Screen) -> String {
    let mut text = String::new();
    for (name, _) in FILES {
        text.push_str(&format!("wrote {}\n", dir.join(name).display()));
    }
    let dir = dir.display();
    let next = format!(
        "\nnext:\n  forebay engine install    fetch the embedded ClickHouse, once\n  forebay check {dir}\n  forebay start {dir}\n"
    );
    text + &screen.out.bold(&next)
}

fn to_json(dir: &Path) -> String {
    let files: Vec<String> = FILES.iter().map(|(name, _)| dir.join(name).display().to_string()).collect();
    format!("{}\n", json!({ "files": files }))
}

fn not_writable(path: &Path, error: &io::Error) -> Failure {
    Failure::new(Exit::Environment, format!("{} cannot be written: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_project_has_nothing_to_complain_about() {
        let files = FILES.iter().filter(|(name, _)| forebay_project::is_project_file(name));
        let files: Vec<SourceFile> = files
            .map(|(path, text)| SourceFile { path: (*path).to_owned(), text: (*text).to_owned() })
            .collect();
        let loaded = forebay_project::load(&files)
            .unwrap_or_else(|found| panic!("{}", forebay_project::render(&found, false)));
        assert!(loaded.warnings.is_empty(), "{}", forebay_project::render(&loaded.warnings, false));
        assert!(loaded.project.datasources["orders"].kafka.is_some());
    }
}
