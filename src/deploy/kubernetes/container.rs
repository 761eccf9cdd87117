//! The container of a pod, whatever the pod belongs to: a root that cannot be written to, secrets as files.

use serde_json::{Value, json};

use super::{manifests::keyed, program::Program};
use crate::deploy::image::FOLDER;

/// Where secrets are inside.
const SECRETS: &str = "/run/secrets/agentscope";
pub(super) const CONTAINER: &str = "agent";

/// But for its port and its probes.
pub(super) fn container(program: &Program) -> Value {
    let mut mounts = vec![
        json!({ "name": "data", "mountPath": "/data" }),
        json!({ "name": "tmp", "mountPath": "/tmp" }),
        json!({ "name": "secrets", "mountPath": SECRETS, "readOnly": true }),
    ];
    if program.agent.is_some() {
        mounts.push(json!({ "name": "agent", "mountPath": format!("/{FOLDER}"), "readOnly": true }));
    }
    let mut container = json!({
        "name": CONTAINER,
        "image": program.image,
        "env": [{ "name": "AGENTSCOPE_SECRETS", "value": SECRETS }],
        "resources": resources(program),
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true,
            "capabilities": { "drop": ["ALL"] },
        },
        "volumeMounts": mounts,
    });
    if let Some(agent) = &program.agent {
        container["args"] = json!(agent.command);
    }
    container
}

fn resources(program: &Program) -> Value {
    let mut resources = json!({
        "requests": { "cpu": program.cpu, "memory": program.memory },
        "limits": { "memory": program.memory },
    });
    if let Some(gpu) = program.gpu {
        // What a node has only whole is asked for by its limit.
        resources["limits"]["nvidia.com/gpu"] = gpu.to_string().into();
    }
    resources
}

/// `data` is where the agent keeps what it keeps; the Secret and the ConfigMap of the revision are called `kept`.
pub(super) fn volumes(program: &Program, mut data: Value, kept: &str, secrets_mode: u32) -> Vec<Value> {
    data["name"] = "data".into();
    let mut all = vec![data, json!({ "name": "tmp", "emptyDir": {} }), secrets(program, kept, secrets_mode)];
    if let Some(agent) = &program.agent {
        let items: Vec<Value> = keyed(agent.files.iter())
            .map(|(key, file)| {
                json!({ "key": key, "path": file.path, "mode": if file.executable { 0o555 } else { 0o444 } })
            })
            .collect();
        all.push(json!({ "name": "agent", "configMap": { "name": kept, "defaultMode": 0o444, "items": items } }));
    }
    all
}

/// Every variable as a file of its name: ours, and those that are in Secrets of others.
fn secrets(program: &Program, kept: &str, mode: u32) -> Value {
    if program.references.is_empty() {
        return json!({ "name": "secrets", "secret": { "secretName": kept, "defaultMode": mode } });
    }
    let others = program.references.iter().map(|(variable, at)| {
        let key = at.key.as_deref().unwrap_or(variable);
        json!({ "secret": { "name": at.name, "items": [{ "key": key, "path": variable }] } })
    });
    let sources: Vec<Value> = std::iter::once(json!({ "secret": { "name": kept } })).chain(others).collect();
    json!({ "name": "secrets", "projected": { "defaultMode": mode, "sources": sources } })
}
