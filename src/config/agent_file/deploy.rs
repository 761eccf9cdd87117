//! The `deploy`, `storage` and `telemetry` parts of the agent file.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::units::{Bytes, Cpu, Span};
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
    pub knative: KnativeDeploy,
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
    /// Variables whose values are in Secrets of the namespace, which somebody else keeps.
    pub secrets: BTreeMap<String, SecretKey>,
    /// A name by which callers beyond the cluster reach it.
    pub ingress: Option<Ingress>,
    /// Merge patches over the rendered objects, each for the `kind` that it names; lists of things with names are merged
    /// by those.
    pub patches: Vec<Map<String, Value>>,
}

/// What a Service of Knative is to be (serving.knative.dev/v1).
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct KnativeDeploy {
    /// As of `kubernetes`.
    pub image: Option<String>,
    /// The context's where absent.
    pub namespace: Option<String>,
    /// Make the namespace where it is missing.
    pub create_namespace: bool,
    pub scale: Scale,
    /// Requests that an instance answers at a time; as many as come where absent.
    #[schemars(range(min = 1))]
    pub concurrency: Option<u32>,
    /// How long an answer may take; 10 minutes where absent. The cluster may allow less.
    pub timeout: Option<Span>,
    /// Percent of the requests that a new revision gets, while the one before it keeps the rest; all where absent.
    #[schemars(range(min = 1, max = 100))]
    pub traffic: Option<u32>,
    pub visibility: Visibility,
    pub resources: Resources,
    /// As of `kubernetes`.
    pub secrets: BTreeMap<String, SecretKey>,
    /// As of `kubernetes`, for the Service and the ServiceAccount.
    pub patches: Vec<Map<String, Value>>,
}

/// How many instances there are.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Scale {
    /// Those that stay when nobody calls.
    pub min: u32,
    /// No limit where absent; but one, where sessions are kept by each instance alone.
    #[schemars(range(min = 1))]
    pub max: Option<u32>,
}

/// Who can reach it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Visibility {
    /// Whoever reaches the cluster's gateway and has the token.
    #[default]
    Public,
    /// Callers in the cluster.
    ClusterLocal,
}

/// A value in a Secret of the namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretKey {
    /// The name of the Secret.
    pub secret: String,
    /// That of the variable where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
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
