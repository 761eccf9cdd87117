//! The `deploy`, `storage` and `telemetry` parts of the agent file.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::units::{Bytes, Cpu};
use crate::config::Secret;

/// Where sessions, state and memory are kept: `sqlite:`, `in-process:`, `redis://…` or `postgres://…`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Storage {
    pub sessions: Option<Secret>,
    pub state: Option<Secret>,
    pub long_term: Option<Secret>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Telemetry {
    /// The root of an OTLP endpoint over HTTP.
    pub otlp: String,
    #[serde(default)]
    pub headers: BTreeMap<String, Secret>,
}

/// Defaults of `agentscope deploy`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Deploy {
    pub smoke: Option<Smoke>,
    /// `HOST/PATH` that images are pushed to.
    pub registry: Option<String>,
    pub docker: DockerDeploy,
    pub kubernetes: KubernetesDeploy,
}

/// What `--wait` asks the new revision.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Smoke {
    pub prompt: String,
    /// Must be part of the answer.
    #[serde(default)]
    pub expect: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DockerDeploy {
    pub memory: Option<Bytes>,
    pub cpu: Option<Cpu>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct KubernetesDeploy {
    /// An image that has agentscope, `HOST/PATH@DIGEST` or `HOST/PATH:TAG`: no image is made of the agent then, and a
    /// ConfigMap brings its files.
    pub image: Option<String>,
    /// The context's where absent.
    pub namespace: Option<String>,
    /// Make the namespace where it is missing.
    pub create_namespace: bool,
    pub replicas: Option<u32>,
    /// Size of a claim for the sessions; they go with the pod where absent.
    pub storage: Option<Bytes>,
    pub resources: Resources,
    /// A name by which callers beyond the cluster reach it.
    pub ingress: Option<Ingress>,
    /// Merge patches over the rendered objects, each for the `kind` that it names; lists of things with names are merged
    /// by those.
    pub patches: Vec<Map<String, Value>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ingress {
    pub host: String,
    /// Which controller serves it; the cluster's default where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// The Secret with the certificate for the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_secret: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Resources {
    pub cpu: Option<Cpu>,
    pub memory: Option<Bytes>,
    pub gpu: u32,
}
