//! The signals of a conversation: which of them stop what runs, and which end all.

use crate::{
    cli::{CliError, cx::signals},
    runtime::shutdown::{Signal, Signals, Told},
};

/// What the process was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// Ctrl-C: what runs ends.
    Work,
    /// SIGTERM: all ends.
    All,
    /// SIGHUP: all ends. A closed terminal sends it more than once, so that it never means "at once".
    HungUp,
}

/// SIGINT, SIGTERM and SIGHUP, from the moment this is made.
pub(super) struct Stops {
    signals: Signals,
    /// `None` under `nohup`.
    hangups: Option<Told>,
    ending: bool,
}

impl Stops {
    /// # Errors
    /// A system that does not let us listen.
    pub(super) fn new() -> Result<Self, CliError> {
        let hangups = if Told::hangups_are_ignored() { None } else { Told::of_hangups().ok() };
        Ok(Self { signals: signals()?, hangups, ending: false })
    }

    /// The next one. Safe to be dropped and called again.
    pub(super) async fn next(&mut self) -> Stop {
        let stop = tokio::select! {
            signal = self.signals.recv() => match signal {
                Signal::Interrupt => Stop::Work,
                Signal::Terminate => Stop::All,
            },
            () = hung_up(&mut self.hangups) => Stop::HungUp,
        };
        self.ending |= stop != Stop::Work;
        stop
    }

    /// Whether the conversation is to end.
    pub(super) fn is_ending(&self) -> bool {
        self.ending
    }
}

async fn hung_up(hangups: &mut Option<Told>) {
    match hangups {
        Some(hangups) => hangups.recv().await,
        None => std::future::pending().await,
    }
}
