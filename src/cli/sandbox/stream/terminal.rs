//! The user's terminal, handed to a program inside.

use std::sync::Mutex;

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};

use crate::{cli::CliError, sandbox::wire::WindowSize};

/// The terminal in raw mode: every key goes to the program. Dropping it gives the terminal back as it was.
#[derive(Debug)]
pub(super) struct Raw {
    /// Until it is given back.
    before: Mutex<Option<Termios>>,
}

impl Raw {
    /// # Errors
    /// Standard input that is no terminal.
    pub(super) fn enter() -> Result<Self, CliError> {
        let stdin = std::io::stdin();
        let before = tcgetattr(&stdin).map_err(|_| {
            CliError::usage("standard input is not a terminal")
                .hint("leave -t out where input comes from a pipe or a file")
                .exit(super::OURS)
        })?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(&stdin, OptionalActions::Drain, &raw)
            .map_err(|error| CliError::failed("could not set up the terminal").because(&error).exit(super::OURS))?;
        Ok(Self { before: Mutex::new(Some(before)) })
    }

    /// Gives the terminal back as it was.
    pub(super) fn leave(&self) {
        if let Ok(mut before) = self.before.lock()
            && let Some(before) = before.take()
        {
            // A terminal that is gone needs nothing.
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Drain, &before);
        }
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        self.leave();
    }
}

/// The size of the terminal; `None` where there is none.
pub(super) fn size() -> Option<WindowSize> {
    let size = tcgetwinsize(std::io::stdout()).or_else(|_| tcgetwinsize(std::io::stdin())).ok()?;
    Some(WindowSize { rows: size.ws_row, columns: size.ws_col })
}
