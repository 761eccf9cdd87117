//! The `sandbox` part of the agent file.

use std::{collections::BTreeMap, fmt, path::PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;

use super::units::{Bytes, Cpu, Span};
use crate::config::Secret;

/// Where `python`, `shell`, `files`, `browser` and `command` run.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Sandbox {
    pub backend: Backend,
    /// What is in the box; follows from the tools where absent.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// For backends with images.
    pub image: Option<String>,
    pub workspace: Workspace,
    /// `HOST_PATH:PATH` or `HOST_PATH:PATH:ro`; the host path is relative to this file.
    pub mounts: Vec<String>,
    pub env: BTreeMap<String, Secret>,
    pub packages: Packages,
    /// Refuse to start below this tier of isolation.
    pub min_tier: Option<Tier>,
    pub share: Share,
    pub max_age: Option<Span>,
    pub max_count: Option<u32>,
    /// Warm ones kept ready.
    pub pool: u32,
    pub network: Network,
    pub limits: SandboxLimits,
    /// Of every call of a tool in the sandbox. Default 60s.
    pub tool_timeout: Option<Span>,
    pub idle_timeout: Option<Span>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Backend {
    #[default]
    Auto,
    Local,
    Docker,
    Gvisor,
    Kubernetes,
    Remote,
    /// No isolation at all; only by name.
    Host,
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Local => "local",
            Self::Docker => "docker",
            Self::Gvisor => "gvisor",
            Self::Kubernetes => "kubernetes",
            Self::Remote => "remote",
            Self::Host => "host",
        })
    }
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Workspace {
    pub mode: Option<WorkspaceMode>,
    /// Relative to this file.
    pub path: Option<PathBuf>,
    /// Patterns of files that are not visible inside.
    pub hide: Vec<String>,
    /// Patterns of files that cannot be changed from inside.
    pub protect: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WorkspaceMode {
    Rw,
    Ro,
    Copy,
    None,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Packages {
    pub python: Vec<String>,
    /// Needs a backend with images.
    pub system: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Tier {
    A,
    B,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Share {
    /// The agents of a session share one.
    #[default]
    Session,
    /// One for each agent.
    Agent,
}

/// `none`, `full`, or the hosts that may be reached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    #[default]
    None,
    Full,
    /// Host names; `*.example.com` stands for every name below it.
    #[serde(untagged)]
    Allow(AllowedHosts),
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AllowedHosts {
    pub allow: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SandboxLimits {
    pub cpu: Option<Cpu>,
    pub memory: Option<Bytes>,
    pub pids: Option<u32>,
    pub disk: Option<Bytes>,
}
