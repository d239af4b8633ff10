//! `forebay init`

use crate::{
    cli::InitArgs,
    exit::{Exit, Failure},
    screen::{Screen, write_out},
};
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

/// Writes the files, all or none.
pub(crate) fn run(args: &InitArgs, screen: Screen) -> Result<(), Failure> {
    let dir = &args.dir;
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
    use forebay_project::SourceFile;

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
