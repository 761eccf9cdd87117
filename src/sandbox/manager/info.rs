//! What is told of a sandbox, and which of them are wanted.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::sandbox::{
    BackendKind, Confinement, Network, SandboxId, Status, Tier, Usage, WorkspaceMode, registry::Record,
};

/// What `sandbox list` shows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SandboxInfo {
    pub id: SandboxId,
    #[serde(rename = "type")]
    pub kind: String,
    pub backend: BackendKind,
    /// `None` while it starts.
    pub tier: Option<Tier>,
    pub state: Status,
    pub user: String,
    pub session: Option<String>,
    pub labels: BTreeMap<String, String>,
    pub image: Option<String>,
    pub workspace: WorkspaceMode,
    pub network: Network,
    pub created: Timestamp,
    /// When something was last asked of it.
    pub used: Timestamp,
    /// When it ends however busy it is.
    pub expires: Option<Timestamp>,
    /// Without a call for so long, it ends.
    #[serde(rename = "idle_timeout_seconds", with = "seconds")]
    pub idle: Option<Duration>,
    #[serde(rename = "cpu_seconds", with = "seconds")]
    pub cpu: Option<Duration>,
    #[serde(rename = "memory_bytes")]
    pub memory: Option<u64>,
    pub pids: Option<u32>,
    /// The layers of isolation and the limits.
    #[serde(skip)]
    pub confinement: Option<Confinement>,
}

mod seconds {
    use std::time::Duration;

    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(time: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        time.map(|time| time.as_secs_f64()).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        let seconds = Option::<f64>::deserialize(deserializer)?;
        seconds.map(Duration::try_from_secs_f64).transpose().map_err(D::Error::custom)
    }
}

impl SandboxInfo {
    pub(super) fn new(record: &Record, state: Status, usage: Usage) -> Self {
        let spec = &record.spec;
        Self {
            id: spec.id.clone(),
            kind: spec.kind.clone(),
            backend: spec.backend,
            tier: record.confinement.as_ref().map(|confinement| confinement.tier),
            state,
            user: spec.user.clone(),
            session: spec.session.clone(),
            labels: spec.labels.clone(),
            image: spec.image.clone(),
            workspace: spec.workspace.mode,
            network: spec.network.clone(),
            created: record.created,
            used: record.used,
            expires: record.expires,
            idle: spec.lifetime.idle,
            cpu: usage.cpu,
            memory: usage.memory,
            pids: usage.pids,
            confinement: record.confinement.clone(),
        }
    }
}

/// Which sandboxes are wanted; all that is given must fit.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Those that are stopped, too.
    pub all: bool,
    /// With a value, or with any where `None`.
    pub labels: Vec<(String, Option<String>)>,
    pub state: Option<Status>,
    pub session: Option<String>,
}

impl Filter {
    #[must_use]
    pub fn fits(&self, info: &SandboxInfo) -> bool {
        let labelled = |(name, value): &(String, Option<String>)| {
            info.labels.get(name).is_some_and(|found| value.as_ref().is_none_or(|value| value == found))
        };
        (self.all || self.state.is_some() || info.state != Status::Stopped)
            && self.state.is_none_or(|state| state == info.state)
            && self.session.as_ref().is_none_or(|session| info.session.as_ref() == Some(session))
            && self.labels.iter().all(labelled)
    }
}
