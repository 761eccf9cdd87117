//! Questions on the terminal. Callers ask only where [`possible`] says that somebody can answer.

use std::io;

use dialoguer::{Input, Password, Select, theme::ColorfulTheme};

use crate::config::{Env, Secret};

/// Whether somebody sits at both ends: questions are shown on standard error and answered on standard input.
#[must_use]
pub fn possible(env: &Env) -> bool {
    env.stdin_tty && env.stderr_tty && env.var("TERM") != Some("dumb")
}

fn io_error(error: dialoguer::Error) -> io::Error {
    let dialoguer::Error::IO(error) = error;
    error
}

/// Lets the user choose one of `items`; `None` where they leave with Escape.
///
/// # Errors
/// A terminal that cannot be used; Ctrl-C is [`io::ErrorKind::Interrupted`].
pub fn select(question: &str, items: &[String], first: usize) -> io::Result<Option<usize>> {
    Select::with_theme(&ColorfulTheme::default())
        .with_prompt(question)
        .items(items)
        .default(first)
        .interact_opt()
        .map_err(io_error)
}

/// Asks for a line of text; Enter alone takes `default`.
///
/// # Errors
/// As [`select`].
pub fn text(question: &str, default: Option<&str>) -> io::Result<String> {
    let theme = ColorfulTheme::default();
    let input = Input::<String>::with_theme(&theme).with_prompt(question);
    match default {
        Some(default) => input.default(default.to_owned()).interact_text(),
        None => input.interact_text(),
    }
    .map_err(io_error)
}

/// Asks for a secret, which is not shown.
///
/// # Errors
/// As [`select`].
pub fn secret(question: &str) -> io::Result<Secret> {
    Password::with_theme(&ColorfulTheme::default()).with_prompt(question).interact().map(Secret::from).map_err(io_error)
}
