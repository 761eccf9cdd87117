//! What goes wrong with sandboxes.

use std::{io, time::Duration};

use rustix::io::Errno;

use super::{BackendKind, SandboxId, State, Tier};

/// Each says what happened and to what; [`hint`](Self::hint) says what to do next.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    #[error("there is no sandbox `{id}`")]
    NotFound { id: String },
    #[error("`{prefix}` means more than one sandbox: {}", .matches.iter().map(SandboxId::as_str).collect::<Vec<_>>().join(", "))]
    Ambiguous { prefix: String, matches: Vec<SandboxId> },
    #[error("the sandbox `{id}` is {state}")]
    NotRunning { id: SandboxId, state: State },
    /// The backend cannot be used here at all.
    #[error("the `{backend}` backend is not available: {reason}")]
    Unavailable { backend: BackendKind, reason: String, hint: String },
    /// The machine gives less isolation than was asked for.
    #[error("this machine gives tier {found} isolation, and `min_tier` is {wanted}: {missing}")]
    Tier { wanted: Tier, found: String, missing: String, hint: String },
    /// The backend cannot do what the spec asks for.
    #[error("the `{backend}` backend cannot {what}")]
    Unsupported { backend: BackendKind, what: String, hint: String },
    #[error("the limit of sandboxes, {limit}, is reached")]
    TooMany { limit: u32 },
    /// The daemon inside refused or failed; its own words.
    #[error("{0}")]
    Box(String),
    /// Its daemon closed the connection between our request and its answer.
    #[error("the sandbox ended before it answered")]
    Ended,
    #[error("the sandbox did not answer within {} s", .0.as_secs_f32())]
    Silent(Duration),
    #[error("could not {what}")]
    Io { what: String, source: io::Error },
    #[error("{what}")]
    Failed { what: String, hint: Option<String> },
}

impl SandboxError {
    /// What to do next, where there is something to do.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Unavailable { hint, .. } | Self::Tier { hint, .. } | Self::Unsupported { hint, .. } => Some(hint),
            Self::NotFound { .. } => Some("`agentscope sandbox list --all` shows those that exist"),
            Self::Ambiguous { .. } => Some("give more of the id"),
            Self::TooMany { .. } => {
                Some("`agentscope sandbox prune` removes stopped ones; `sandbox.max_count` is the limit")
            }
            Self::NotRunning { state: State::Paused, .. } => Some("`agentscope sandbox resume` lets it go on"),
            Self::NotRunning { state: State::Stopped, .. } => {
                Some("one that is stopped does not start again; `agentscope sandbox create` makes another")
            }
            Self::Failed { hint, .. } => hint.as_deref(),
            Self::Io { source, .. } => lacking(source),
            Self::NotRunning { .. } | Self::Box(_) | Self::Ended | Self::Silent(_) => None,
        }
    }

    /// For `map_err`: what was being done when the system refused.
    pub fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}

/// What to do where the machine has too little of something.
pub(super) fn lacking(error: &io::Error) -> Option<&'static str> {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Some(NO_ROOM),
        _ => match Errno::from_io_error(error) {
            Some(Errno::MFILE | Errno::NFILE) => Some("allow more open files: `ulimit -n` shows the limit"),
            _ => None,
        },
    }
}

/// Where the disk is full.
pub(super) const NO_ROOM: &str = "make room on the disk of the state folder, or set AGENTSCOPE_HOME to another folder";
