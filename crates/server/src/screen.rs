//! What tells a terminal from a pipe: colour, width, and lines that are drawn over.

use clap::ValueEnum;
use std::io::{self, IsTerminal, Write};

/// When to use colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Puts text into colour, or leaves it plain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Paint {
    /// Whether colour is used.
    pub(crate) enabled: bool,
}

impl Paint {
    /// Plain text.
    #[cfg(test)]
    pub(crate) const PLAIN: Self = Self { enabled: false };

    /// Decides for a stream that is, or is not, a terminal.
    pub(crate) fn new(choice: ColorChoice, terminal: bool) -> Self {
        let enabled = match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            // https://no-color.org: set and not empty
            ColorChoice::Auto => {
                terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            }
        };
        Self { enabled }
    }

    /// For what went wrong.
    pub(crate) fn red(self, text: &str) -> String {
        self.wrap("1;31", text)
    }

    /// For what goes well.
    pub(crate) fn green(self, text: &str) -> String {
        self.wrap("32", text)
    }

    /// For what may go wrong.
    pub(crate) fn yellow(self, text: &str) -> String {
        self.wrap("33", text)
    }

    /// For what to do.
    pub(crate) fn cyan(self, text: &str) -> String {
        self.wrap("36", text)
    }

    /// For titles.
    pub(crate) fn bold(self, text: &str) -> String {
        self.wrap("1", text)
    }

    /// For what matters less.
    pub(crate) fn dim(self, text: &str) -> String {
        self.wrap("2", text)
    }

    fn wrap(self, code: &str, text: &str) -> String {
        if self.enabled { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// How one command talks: where colour goes, and whether for programs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Screen {
    /// Colour on standard output.
    pub(crate) out: Paint,
    /// Colour on standard error.
    pub(crate) err: Paint,
    /// Whether standard output is a terminal.
    pub(crate) terminal: bool,
    /// Whether output is for programs.
    pub(crate) json: bool,
}

impl Screen {
    /// The screen of this process.
    pub(crate) fn detect(color: ColorChoice, json: bool) -> Self {
        let terminal = io::stdout().is_terminal();
        Self {
            out: Paint::new(color, terminal),
            err: Paint::new(color, io::stderr().is_terminal()),
            terminal,
            json,
        }
    }
}

/// Lines at the bottom of a terminal that are drawn over again and again.
#[derive(Debug, Default)]
pub(crate) struct LiveLines {
    drawn: usize,
}

impl LiveLines {
    /// Replaces the lines by `text`.
    pub(crate) fn draw(&mut self, text: &str) {
        let width = terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0));
        let lines: Vec<String> = text.lines().map(|line| cut(line, width)).collect();
        let frame = format!("{}{}\n", self.erase(), lines.join("\n"));
        self.drawn = lines.len();
        write_out(&frame);
    }

    /// Removes the lines, so that others can be printed in their place.
    pub(crate) fn clear(&mut self) {
        let erase = self.erase();
        self.drawn = 0;
        write_out(&erase);
    }

    fn erase(&self) -> String {
        match self.drawn {
            0 => String::new(),
            lines => format!("\x1b[{lines}A\x1b[J"),
        }
    }
}

/// Prints to standard output; a reader that went away is no error of ours.
pub(crate) fn write_out(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// The first `width` characters of `line`, not counting colour codes: a wrapped line could not be drawn over.
fn cut(line: &str, width: usize) -> String {
    let mut kept = String::with_capacity(line.len());
    let (mut seen, mut in_code) = (0, false);
    for character in line.chars() {
        in_code |= character == '\x1b';
        if in_code || seen < width {
            kept.push(character);
        }
        seen += usize::from(!in_code);
        in_code &= character != 'm';
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_cut_but_keeps_its_colour_codes() {
        let paint = Paint { enabled: true };
        assert_eq!(cut("abcdef", 3), "abc");
        assert_eq!(cut(&format!("a{}", paint.green("bcdef")), 3), "a\x1b[32mbc\x1b[0m");
    }

    #[test]
    fn colour_is_used_only_when_asked_for() {
        assert_eq!(Paint::PLAIN.red("x"), "x");
        assert!(Paint::new(ColorChoice::Always, false).enabled);
        assert!(!Paint::new(ColorChoice::Never, true).enabled);
        assert!(!Paint::new(ColorChoice::Auto, false).enabled);
    }
}
