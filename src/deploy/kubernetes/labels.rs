//! Labels and annotations: the record of a deployment in the cluster.

use serde_json::{Value, json};

/// As in `kubernetes/NAMESPACE/NAME`.
pub(super) const TARGET: &str = "kubernetes";

/// The name of the deployment, on everything of it; what its Service selects pods by.
pub(super) const NAME: &str = "agentscope.deployment";
pub(super) const REVISION: &str = "agentscope.revision";
/// What a revision was asked to be, as JSON; of the pod template, so that every ReplicaSet remembers its own.
pub(super) const SPEC: &str = "agentscope.spec";
pub(super) const AGENT_HASH: &str = "agentscope.agent-hash";
/// Who made a revision.
pub(super) const OWNER: &str = "agentscope.owner";
/// Of the Deployment: the revision that answered last.
pub(super) const PROVED: &str = "agentscope.proved";
/// Of what a deploy makes before its Deployment: the process that makes it.
pub(super) const MAKER: &str = "agentscope.maker";
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
    json!({ NAME: name, ROLE: Role::Serving.name() })
}

/// On everything of the deployment.
pub(super) fn common(name: &str) -> Value {
    json!({
        "app.kubernetes.io/name": "agentscope",
        "app.kubernetes.io/instance": name,
        MANAGED_BY: "agentscope",
        NAME: name,
    })
}

/// As the API is asked for all of them.
pub(super) fn ours(name: Option<&str>) -> String {
    match name {
        Some(name) => format!("{MANAGED_BY}=agentscope,{NAME}={name}"),
        None => format!("{MANAGED_BY}=agentscope,{NAME}"),
    }
}

pub(super) fn is_ours(object: &Value, name: &str) -> bool {
    let labels = &object["metadata"]["labels"];
    labels[MANAGED_BY] == "agentscope" && labels[NAME] == name
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
