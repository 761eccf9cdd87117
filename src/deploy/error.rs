//! What goes wrong with images and deployments.

use std::{io, time::Duration};

use crate::{config::agent_file::Diagnostics, runtime::http::HttpError, sandbox::SandboxError};

/// Each says what happened and to what; [`hint`](Self::hint) says what to do next.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// The agent file, or what it names, cannot be deployed as it is.
    #[error("the agent cannot be put into an image")]
    Agent(Diagnostics),
    #[error(transparent)]
    Binary(#[from] SandboxError),
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error("could not {what}")]
    Io { what: String, source: io::Error },
    /// Asked for in a way that cannot be: wrong usage.
    #[error("{what}")]
    Usage { what: String, hint: String },
    #[error("{what}")]
    Failed { what: String, hint: Option<String> },
    /// Somebody wanted it to end before it was done.
    #[error("interrupted")]
    Interrupted { hint: Option<String> },
    #[error("the port {port} is taken")]
    PortTaken { port: u16 },
    /// There is no such image, or nobody is told that there is.
    #[error("{what}")]
    NotFound { what: String, hint: String },
    /// No engine can be used on this machine.
    #[error("no container engine can be used: {reason}")]
    NoEngine { reason: String, hint: String },
    #[error("could not reach the registry `{registry}`")]
    Unreachable { registry: String, source: reqwest::Error },
    #[error("{from} gave more than {} MiB when asked for {what}", .most >> 20)]
    TooLarge { from: String, what: String, most: usize },
    #[error("{from} did not give {what} within {} s", .patience.as_secs())]
    Silent { from: String, what: String, patience: Duration },
    #[error("the registry `{registry}` does not let {who} {action} `{repository}`")]
    Denied { registry: String, repository: String, action: &'static str, who: String, hint: String },
    #[error("the registry `{registry}` answered {status} when asked to {what}{}", .said.as_ref().map_or(String::new(), |said| format!(": {said}")))]
    Refused { registry: String, status: u16, what: String, said: Option<String> },
}

impl DeployError {
    /// What to do next, where there is something to do.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Binary(error) => error.hint(),
            Self::Usage { hint, .. }
            | Self::NotFound { hint, .. }
            | Self::NoEngine { hint, .. }
            | Self::Denied { hint, .. } => Some(hint),
            Self::Failed { hint, .. } | Self::Interrupted { hint } => hint.as_deref(),
            Self::PortTaken { .. } => Some("leave `--port` out: the next one that is free is taken and kept"),
            Self::Unreachable { .. } => Some("registries on this machine are asked over http, all others over https"),
            Self::TooLarge { .. } => Some("no image has such a document: it may be no registry that answers there"),
            Self::Silent { .. } => Some("try again when the line is better"),
            Self::Agent(_) | Self::Http(_) | Self::Io { .. } | Self::Refused { .. } => None,
        }
    }

    /// The same, with what became of the deployment where nothing else is to be done next.
    pub(super) fn leaving(self, hint: impl Into<String>) -> Self {
        match self {
            Self::Failed { what, hint: None } => Self::Failed { what, hint: Some(hint.into()) },
            Self::Interrupted { hint: None } => Self::Interrupted { hint: Some(hint.into()) },
            other => other,
        }
    }

    /// The same, where for another reason what was begun is still there.
    pub(super) fn left(&self, undoing: &Self) -> Self {
        let what = format!("{self}\n  it could not be taken back: {undoing}");
        Self::Failed { what, hint: Some("deploy again, or `agentscope rm`".to_owned()) }
    }

    /// The same, after what was begun was taken back, or was not.
    pub(super) fn undone(self, undoing: Result<(), Self>) -> Self {
        match undoing {
            Ok(()) => self,
            Err(undoing) => self.left(&undoing),
        }
    }

    /// For `map_err`: what was being done when the system refused.
    pub(super) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}
