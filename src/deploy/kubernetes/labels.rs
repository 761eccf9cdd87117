//! Labels and annotations: the record of a deployment in the cluster.

use serde_json::{Value, json};

/// What of the cluster runs the agent. One of them knows nothing of what the other made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Kubernetes,
    Knative,
}

impl Target {
    /// As in `kubernetes/NAMESPACE/NAME`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Kubernetes => "kubernetes",
            Self::Knative => "knative",
        }
    }

    /// The label with the name of the deployment, on everything of it. Knative gives the labels of a Service to all that it
    /// makes of it, as Deployments.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Kubernetes => "agentscope.deployment",
            Self::Knative => "agentscope.service",
        }
    }

    pub(super) fn id(self, namespace: &str, name: &str) -> String {
        format!("{}/{namespace}/{name}", self.name())
    }
}

pub(super) const REVISION: &str = "agentscope.revision";
/// What a revision was asked to be, as JSON; of the pod template, so that every ReplicaSet remembers its own.
pub(super) const SPEC: &str = "agentscope.spec";
pub(super) const AGENT_HASH: &str = "agentscope.agent-hash";
/// Who made a revision.
pub(super) const OWNER: &str = "agentscope.owner";
/// Of the Deployment: the revision that answered last. Of the record of a revision of Knative: that it has answered.
pub(super) const PROVED: &str = "agentscope.proved";
/// Of what a deploy makes before its Deployment: the process that makes it.
pub(super) const MAKER: &str = "agentscope.maker";
/// Of the same: when that process has ended, wherever it is; in seconds since 1970.
pub(super) const UNTIL: &str = "agentscope.until";
/// Of a pod: whether callers reach it.
pub(super) const ROLE: &str = "agentscope.role";
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// What a pod is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Callers reach it.
    Serving,
    /// It is tried, where nobody reaches it.
    Candidate,
}

impl Role {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Serving => "serving",
            Self::Candidate => "candidate",
        }
    }
}

/// What the Service and the Deployment know their pods by.
pub(super) fn serving(name: &str) -> Value {
    json!({ Target::Kubernetes.label(): name, ROLE: Role::Serving.name() })
}

/// On everything of the deployment.
pub(super) fn common(target: Target, name: &str) -> Value {
    json!({
        "app.kubernetes.io/name": "agentscope",
        "app.kubernetes.io/instance": name,
        MANAGED_BY: "agentscope",
        target.label(): name,
    })
}

/// As the API is asked for all of them.
pub(super) fn ours(target: Target, name: Option<&str>) -> String {
    let label = target.label();
    match name {
        Some(name) => format!("{MANAGED_BY}=agentscope,{label}={name}"),
        None => format!("{MANAGED_BY}=agentscope,{label}"),
    }
}

pub(super) fn is_ours(target: Target, object: &Value, name: &str) -> bool {
    let labels = &object["metadata"]["labels"];
    labels[MANAGED_BY] == "agentscope" && labels[target.label()] == name
}

pub(super) fn label<'a>(object: &'a Value, label: &str) -> &'a str {
    object["metadata"]["labels"][label].as_str().unwrap_or_default()
}

pub(super) fn annotation<'a>(object: &'a Value, annotation: &str) -> &'a str {
    object["metadata"]["annotations"][annotation].as_str().unwrap_or_default()
}

/// Of the Secret and the ConfigMap of a revision. No other deployment has it: what is before the last `-r` names ours.
pub(super) fn revision(name: &str, number: u32) -> String {
    format!("{name}-r{number}")
}

/// Of the pod by which a revision is tried.
pub(super) fn candidate(name: &str, number: u32) -> String {
    format!("{name}-r{number}-candidate")
}

pub(super) fn claim(name: &str) -> String {
    format!("{name}-data")
}
