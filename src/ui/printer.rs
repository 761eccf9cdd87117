//! The only writer: results to standard output, everything else to standard error.

use std::io::{self, Write as _};

use anstyle::Style;

use super::printable::{json_without_controls, printable};
use crate::config::{Env, agent_file::Color};

/// When to use colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set or TERM is dumb
    #[default]
    Auto,
    Always,
    Never,
}

/// Writes to the terminal, with colour where it is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Printer {
    color_out: bool,
    color_err: bool,
    /// Standard output is a terminal, so that control sequences in it would be obeyed.
    pub terminal: bool,
    /// Standard error is a terminal, so that something may move there.
    pub interactive: bool,
}

impl Printer {
    #[must_use]
    pub fn new(env: &Env, choice: ColorChoice) -> Self {
        let dumb = env.var("NO_COLOR").is_some() || env.var("TERM") == Some("dumb");
        let color = |tty: bool| match choice {
            ColorChoice::Auto => tty && !dumb,
            ColorChoice::Always => true,
            ColorChoice::Never => false,
        };
        Self {
            color_out: color(env.stdout_tty),
            color_err: color(env.stderr_tty),
            terminal: env.stdout_tty,
            interactive: env.stderr_tty && env.var("TERM") != Some("dumb"),
        }
    }

    /// `style` for standard output, or no style where colour is not wanted.
    #[must_use]
    pub fn out_style(&self, style: Style) -> Style {
        if self.color_out { style } else { Style::new() }
    }

    /// `style` for standard error, or no style where colour is not wanted.
    #[must_use]
    pub fn err_style(&self, style: Style) -> Style {
        if self.color_err { style } else { Style::new() }
    }

    /// Whether standard output takes colour.
    #[must_use]
    pub fn out_color(&self) -> bool {
        self.color_out
    }

    /// Whether standard error takes colour.
    #[must_use]
    pub fn err_color(&self) -> Color {
        if self.color_err { Color::Yes } else { Color::No }
    }

    /// Writes a result as it is, and flushes, so that a reader sees it at once.
    ///
    /// # Errors
    /// As the system says; a closed pipe ends a command quietly.
    pub fn stdout(&self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()
    }

    /// Passes on what a program wrote, as it is.
    ///
    /// # Errors
    /// As [`Printer::stdout`].
    pub fn stdout_bytes(&self, bytes: &[u8]) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(bytes)?;
        out.flush()
    }

    /// Passes on what a program wrote to standard error, as it is.
    ///
    /// # Errors
    /// As [`Printer::stdout`].
    pub fn stderr_bytes(&self, bytes: &[u8]) -> io::Result<()> {
        io::stderr().lock().write_all(bytes)
    }

    /// Writes a value as one JSON document.
    ///
    /// # Errors
    /// As [`Printer::stdout`].
    pub fn json(&self, value: &impl serde::Serialize) -> io::Result<()> {
        self.stdout(&(json_without_controls(&serde_json::to_string_pretty(value)?) + "\n"))
    }

    /// Writes a value as one line of JSON.
    ///
    /// # Errors
    /// As [`Printer::stdout`].
    pub fn json_line(&self, value: &impl serde::Serialize) -> io::Result<()> {
        self.stdout(&(json_without_controls(&serde_json::to_string(value)?) + "\n"))
    }

    /// Writes text that is not a result. A standard error that is gone is nothing to fail for.
    pub fn stderr(&self, text: &str) {
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }

    pub fn warn(&self, text: &str) {
        let warning = self.err_style(super::style::WARNING);
        self.stderr(&format!("{warning}warning{warning:#}: {}\n", printable(text)));
    }
}
