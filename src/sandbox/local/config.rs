//! What the process that makes a box and the one that becomes it say to each other over a Unix socket, the other's
//! standard input: [`Bounds`], [`InitConfig`] and, with nothing else, the listener and the log of the daemon in, [`Said`]
//! out, [`GO`] in. Until the last has come, the end of the outer process is the end of the box.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::cgroup::Cgroup;
use crate::sandbox::{Layer, Limits, SandboxSpec, Tier, daemon::DaemonConfig, error::lacking};

/// What the box is counted by. Comes first: the process makes its cgroup while its folder is made.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Bounds {
    pub(super) cgroup: Cgroup,
    pub(super) limits: Limits,
}

/// What the box is to be.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct InitConfig {
    /// `$STATE/sandboxes/ID`.
    pub(super) folder: PathBuf,
    pub(super) tier: Tier,
    pub(super) spec: SandboxSpec,
    /// Paths below the workspace that cannot be changed or replaced; relative.
    pub(super) protect: Vec<PathBuf>,
    /// Paths below the workspace whose contents cannot be seen; relative.
    pub(super) hide: Vec<PathBuf>,
    /// `None`: only try whether it works, and end.
    pub(super) daemon: Option<DaemonConfig>,
}

/// How it went.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Said {
    /// Everything is given up that is to be, and the daemon waits for [`GO`].
    Confined {
        /// Of the process that is the box, as the outer process sees it.
        pid: i32,
        layers: Vec<Layer>,
    },
    Failed(Trouble),
}

/// Why there is no box.
#[derive(Clone, Debug, Serialize, Deserialize, thiserror::Error)]
#[error("could not {what}: {why}")]
pub(super) struct Trouble {
    pub(super) phase: Phase,
    /// After "could not".
    pub(super) what: String,
    pub(super) why: String,
}

impl Trouble {
    /// Whether there is too little of something just now, which says nothing of what the machine offers.
    #[must_use]
    pub(super) fn passes(&self) -> bool {
        let codes = [libc::EAGAIN, libc::ENOMEM, libc::ENFILE, libc::EMFILE];
        codes.iter().any(|code| self.why.ends_with(&format!("(os error {code})")))
    }
}

impl Trouble {
    /// What to do where the machine has too little of something.
    #[must_use]
    pub(super) fn lacking(&self) -> Option<&'static str> {
        let code = self.why.rsplit_once("(os error ")?.1.strip_suffix(')')?.parse().ok()?;
        lacking(&std::io::Error::from_raw_os_error(code))
    }
}

/// What was being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Phase {
    /// What only tier A needs.
    Namespaces,
    /// What this box asks for: a folder, a mount, a limit.
    Box,
    /// What every tier needs.
    Confinement,
}

/// From the outer process: the box is on record and lives on by itself.
pub(super) const GO: u8 = b'\n';

/// Says what was being done when the system refused.
pub(super) trait During<T> {
    /// # Errors
    /// The same, with what was being done.
    fn during(self, phase: Phase, what: impl Into<String>) -> Result<T, Trouble>;
}

impl<T, E: std::fmt::Display> During<T> for Result<T, E> {
    fn during(self, phase: Phase, what: impl Into<String>) -> Result<T, Trouble> {
        self.map_err(|error| Trouble { phase, what: what.into(), why: error.to_string() })
    }
}
