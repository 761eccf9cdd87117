//! Exit codes, and the only place where an error meets the terminal.

use std::{error::Error, process::ExitCode};

use crate::{
    agent,
    config::{
        SettingsError,
        agent_file::{Color, Diagnostics},
    },
    store::StoreError,
    ui::{Printer, printable, style},
};

/// How a command ended; the contract of the man page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Done,
    /// The work failed.
    Failed,
    /// Wrong usage or wrong configuration.
    Usage,
    /// A tool call was denied for want of somebody to ask, or by `--approve deny`.
    Denied,
    NotFound,
    TimedOut,
    Interrupted,
    /// Of a program in a sandbox; 125 to 127 where there is none to speak of, as a shell and Docker have it.
    Of(u8),
}

impl Exit {
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Denied => 3,
            Self::NotFound => 4,
            Self::TimedOut => 124,
            Self::Interrupted => 130,
            Self::Of(code) => code,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// What went wrong, why, and what to do next; `exit` says what kind of failure it is.
#[derive(Debug)]
pub struct CliError {
    exit: Exit,
    message: String,
    causes: Vec<String>,
    hint: Option<String>,
    /// What is wrong with a file, each with its place; said instead of the message.
    diagnostics: Option<Diagnostics>,
    /// The reader of our output went away: nothing to say, and nothing wrong.
    closed_pipe: bool,
}

impl CliError {
    fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), causes: vec![], hint: None, diagnostics: None, closed_pipe: false }
    }

    #[must_use]
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(Exit::Failed, message)
    }

    #[must_use]
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    #[must_use]
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(Exit::NotFound, message)
    }

    #[must_use]
    pub fn timed_out(message: impl Into<String>) -> Self {
        Self::new(Exit::TimedOut, message)
    }

    /// An error whose message is all of `error`, with its causes.
    #[must_use]
    pub fn from_error(exit: Exit, error: &dyn Error) -> Self {
        let mut this = Self::new(exit, error.to_string());
        if let Some(source) = error.source() {
            this = this.because(source);
        }
        this
    }

    /// Adds a cause, and the causes of it.
    #[must_use]
    pub fn because(mut self, error: &dyn Error) -> Self {
        let mut next = Some(error);
        while let Some(error) = next {
            let text = error.to_string();
            // Many libraries repeat the source in their own message.
            if !self.message.contains(&text) && !self.causes.iter().any(|cause| cause.contains(&text)) {
                self.causes.push(text);
            }
            next = error.source();
        }
        self
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same with another exit code.
    #[must_use]
    pub fn exit(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }

    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// All of it as plain text, for a log.
    #[must_use]
    pub fn text(&self) -> String {
        if let Some(diagnostics) = &self.diagnostics {
            return diagnostics.render(Color::No).trim_end().to_owned();
        }
        let causes = self.causes.iter().map(|cause| format!("; because: {cause}"));
        let hint = self.hint.iter().map(|hint| format!("; hint: {hint}"));
        std::iter::once(self.message.clone()).chain(causes).chain(hint).collect()
    }

    #[must_use]
    pub fn code(&self) -> Exit {
        self.exit
    }

    /// Writes the error to standard error.
    pub(super) fn report(&self, printer: &Printer) -> Exit {
        if self.closed_pipe {
            return Exit::Done;
        }
        if let Some(diagnostics) = &self.diagnostics {
            printer.stderr(&diagnostics.render(printer.err_color()));
            return self.exit;
        }
        let error = printer.err_style(style::ERROR);
        let hint = printer.err_style(style::HINT);
        let mut text = format!("{error}error{error:#}: {}\n", printable(&self.message));
        for cause in &self.causes {
            text.push_str(&format!("  because: {}\n", printable(cause)));
        }
        if let Some(next) = &self.hint {
            text.push_str(&format!("{hint}hint{hint:#}: {}\n", printable(next)));
        }
        printer.stderr(&text);
        self.exit
    }
}

/// A file that is wrong, or that is not there.
impl From<Diagnostics> for CliError {
    fn from(diagnostics: Diagnostics) -> Self {
        let exit = if diagnostics.is_not_found() { Exit::NotFound } else { Exit::Usage };
        Self { diagnostics: Some(diagnostics), ..Self::new(exit, "the agent file is wrong") }
    }
}

/// What an agent lacks to begin is wrong configuration.
impl From<agent::OpenError> for CliError {
    fn from(error: agent::OpenError) -> Self {
        match error {
            agent::OpenError::File(diagnostics) => diagnostics.into(),
            other => {
                let this = Self::from_error(Exit::Usage, &other);
                match other {
                    agent::OpenError::Model(error) => this.hint(error.hint()),
                    _ => this,
                }
            }
        }
    }
}

impl From<SettingsError> for CliError {
    fn from(error: SettingsError) -> Self {
        Self::from_error(Exit::Usage, &error)
    }
}

impl From<StoreError> for CliError {
    fn from(error: StoreError) -> Self {
        let exit = match &error {
            StoreError::NotFound(_) | StoreError::NoNote(_) | StoreError::NoTask(_) => Exit::NotFound,
            StoreError::Unknown { .. } | StoreError::Later { .. } | StoreError::Split => Exit::Usage,
            _ => Exit::Failed,
        };
        let this = Self::from_error(exit, &error);
        match error.hint() {
            Some(hint) => this.hint(hint),
            None => this,
        }
    }
}

/// From writing to standard output.
impl From<std::io::Error> for CliError {
    fn from(error: std::io::Error) -> Self {
        let mut this = Self::failed("could not write the output").because(&error);
        this.closed_pipe = error.kind() == std::io::ErrorKind::BrokenPipe;
        this
    }
}

/// Help, version and wrong usage as clap words them.
pub(super) fn usage(error: &clap::Error) -> ExitCode {
    // Nowhere to report a failure to print.
    let _ = error.print();
    if error.use_stderr() { Exit::Usage.into() } else { Exit::Done.into() }
}
