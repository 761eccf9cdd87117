//! What the parts of a deployment on this machine say to each other: the command, the supervisor, the server.
//!
//! Secrets go through these alone, over Unix sockets that only this user has.

use std::{collections::BTreeMap, net::IpAddr, path::PathBuf};

use serde::{Deserialize, Serialize};

use super::record::Record;

/// Values of variables.
pub(super) type Variables = BTreeMap<String, String>;

/// From the command to a new supervisor, with the listener and the lock of the deployment.
#[derive(Serialize, Deserialize)]
pub(super) struct Begin {
    /// Of the supervisor.
    pub(super) id: String,
    pub(super) number: u32,
    pub(super) serving: Serving,
    pub(super) token: String,
    /// What the revision is asked before it counts, and what must be in the answer.
    pub(super) smoke: Option<(String, Option<String>)>,
    /// In seconds.
    pub(super) patience: u64,
    /// Written once the revision serves.
    pub(super) record: Record,
}

/// From the supervisor to a server, with a listener.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Serving {
    /// The agent file.
    pub(crate) agent: PathBuf,
    pub(crate) profile: Option<String>,
    /// By which callers will come.
    pub(crate) host: IpAddr,
    pub(crate) variables: BTreeMap<String, String>,
}

/// What a server is told afterwards.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Order {
    /// To listen on the listener that comes along.
    Listen,
    /// To listen no more, and to end what is being answered.
    Leave,
}

/// From a new supervisor to the command, a line each.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Said {
    Step(String),
    Done,
    Failed { what: String },
}

/// What a supervisor is asked by its socket, a line.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Question {
    Status,
    /// The token, and the values of the secrets.
    Secrets,
    /// The listener, which comes as a descriptor.
    Listener,
    /// To end once what is being answered is; answered at once.
    Retire,
    /// The same, answered when it is over.
    Stop,
}

/// How the revision of a supervisor is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Standing {
    pub(super) number: u32,
    pub(super) phase: Phase,
    pub(super) detail: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Phase {
    Running,
    Starting,
    Failing,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Secrets {
    pub(super) token: String,
    pub(super) variables: Variables,
}

/// Which processes there are, as `process.ID` says: for when the supervisor does not answer any more.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Processes {
    pub(super) supervisor: Option<crate::sandbox::ProcessId>,
    pub(super) server: Option<crate::sandbox::ProcessId>,
}
