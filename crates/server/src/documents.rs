//! Completions, the man page and `docs/cli.md`, all from the definition of the command line.

use crate::{
    cli,
    exit::{self, Exit, Failure},
    screen::write_out,
};
use clap_complete::Shell;
use clap_mangen::{
    Man,
    roff::{Roff, bold, roman},
};
use std::io;

/// Columns of help in documents, whatever the terminal.
const WIDTH: usize = 100;

/// Prints completions for `shell`.
pub(crate) fn print_completions(shell: Shell) {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut cli::command(), "forebay", &mut text);
    write_out(&String::from_utf8_lossy(&text));
}

/// Prints the man page, every subcommand in it.
pub(crate) fn print_man() -> Result<(), Failure> {
    let page = man_page()
        .map_err(|error| Failure::new(Exit::Internal, format!("the man page cannot be made: {error}")))?;
    write_out(&page);
    Ok(())
}

fn man_page() -> io::Result<String> {
    let mut page = Vec::new();
    // Examples and exit codes are set below: clap's own text would be run together into one paragraph.
    let command = cli::command().after_help("").after_long_help("");
    let man = Man::new(command.clone());
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    let mut text = Roff::new();
    text.control("SH", ["COMMANDS"]);
    for (name, mut command) in subcommands(command) {
        text.control("SS", [name.as_str()]);
        verbatim(&mut text, &command.render_long_help().to_string());
    }
    text.control("SH", ["EXIT STATUS"]);
    for (code, meaning) in exit::TABLE {
        text.control("TP", []);
        text.text([bold(code.to_string())]).text([roman(meaning)]);
    }
    text.to_writer(&mut page)?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}

fn verbatim(roff: &mut Roff, text: &str) {
    roff.control("nf", []);
    for line in text.trim_end().lines() {
        roff.text([roman(line)]);
    }
    roff.control("fi", []);
}

/// Every command that does something, with its full name, the width of documents set.
fn subcommands(command: clap::Command) -> Vec<(String, clap::Command)> {
    let mut command = command.term_width(WIDTH);
    command.build();
    let mut found = Vec::new();
    collect(&command, &mut found);
    found
}

fn collect(command: &clap::Command, found: &mut Vec<(String, clap::Command)>) {
    for sub in command.get_subcommands() {
        if sub.has_subcommands() {
            collect(sub, found);
        } else {
            let name = sub.get_bin_name().unwrap_or(sub.get_name()).to_owned();
            found.push((name, sub.clone().term_width(WIDTH)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{env, fs, path::Path};

    const INTRODUCTION: &str = "# The command line\n\nMade from the definition in `crates/server/src/cli.rs`; the tests of `forebay-server` rewrite this page with `FOREBAY_UPDATE_SNAPSHOTS=1`.\n";
    const BEHAVIOUR: &str = include_str!("../project/cli-behaviour.md");

    fn markdown() -> String {
        let mut page =
            format!("{INTRODUCTION}\n{BEHAVIOUR}\n## Exit codes\n\n| Code | Meaning |\n|---|---|\n");
        for (code, meaning) in exit::TABLE {
            page.push_str(&format!("| {code} | {meaning} |\n"));
        }
        for (name, mut command) in subcommands(cli::command()) {
            let help = command.render_long_help().to_string();
            let lines: Vec<&str> = help.trim_end().lines().map(str::trim_end).collect();
            page.push_str(&format!("\n## {name}\n\n```text\n{}\n```\n", lines.join("\n")));
        }
        page
    }

    #[test]
    fn the_page_in_docs_is_up_to_date() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/cli.md");
        if env::var_os("FOREBAY_UPDATE_SNAPSHOTS").is_some() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, markdown()).unwrap();
        }
        let written = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            written == markdown(),
            "docs/cli.md is out of date: run the tests of forebay-server with FOREBAY_UPDATE_SNAPSHOTS=1"
        );
    }

    #[test]
    fn the_first_help_screen() {
        insta::assert_snapshot!(cli::command().term_width(WIDTH).render_help().to_string());
    }

    #[test]
    fn every_command_has_examples() {
        for (name, mut command) in subcommands(cli::command()) {
            assert!(command.render_long_help().to_string().contains("Examples:"), "{name}");
        }
    }

    #[test]
    fn the_man_page_names_every_command_and_exit_code() {
        let page = man_page().unwrap();
        for (name, _) in subcommands(cli::command()) {
            assert!(page.contains(&format!(".SS \"{name}\"")), "{name}");
        }
        for (code, _) in exit::TABLE {
            assert!(page.contains(&format!("\\fB{code}\\fR")), "{code}");
        }
    }

    #[test]
    fn completions_are_made_for_every_shell() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::Elvish, Shell::PowerShell] {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut cli::command(), "forebay", &mut text);
            assert!(String::from_utf8_lossy(&text).contains("until-caught-up"), "{shell}");
        }
    }
}
