//! The pods of a revision: an ordinary user, a root that cannot be written to, secrets as files.

use serde_json::{Value, json};

use super::{
    labels::{self, Role},
    manifests::{Whose, keyed},
    spec::Spec,
};
use crate::{
    config::LINGER,
    deploy::image::{FOLDER, USER},
};

/// Where secrets are inside.
const SECRETS: &str = "/run/secrets/agentscope";
pub(super) const CONTAINER: &str = "agent";
/// Seconds for which it goes on when it is told to end: it takes that long until nobody calls it any more.
const LEAVING: u32 = 5;
/// Seconds until it is killed: those, the turns that run, and the last frames.
const GRACE: u32 = 30;

pub(super) fn template(spec: &Spec, whose: Whose<'_>) -> Value {
    let mut marks = labels::common(whose.name);
    marks[labels::REVISION] = whose.revision.to_string().into();
    marks[labels::ROLE] = Role::Serving.name().into();
    json!({
        "metadata": {
            "labels": marks,
            "annotations": {
                labels::AGENT_HASH: spec.agent_hash,
                labels::SPEC: spec.to_value().to_string(),
                // Which one `kubectl logs` means, where something adds others.
                "kubectl.kubernetes.io/default-container": CONTAINER,
            },
        },
        "spec": {
            "nodeSelector": nodes(spec),
            "serviceAccountName": whose.name,
            "automountServiceAccountToken": false,
            "enableServiceLinks": false,
            "terminationGracePeriodSeconds": GRACE,
            "securityContext": {
                "runAsNonRoot": true,
                "runAsUser": USER,
                "runAsGroup": USER,
                "fsGroup": USER,
                "seccompProfile": { "type": "RuntimeDefault" },
            },
            "containers": [container(spec)],
            "volumes": volumes(spec, whose),
        },
    })
}

/// Those that can run the image.
fn nodes(spec: &Spec) -> Value {
    match &spec.architecture {
        Some(architecture) => json!({ "kubernetes.io/os": "linux", "kubernetes.io/arch": architecture }),
        None => json!({ "kubernetes.io/os": "linux" }),
    }
}

fn container(spec: &Spec) -> Value {
    let mut mounts = vec![
        json!({ "name": "data", "mountPath": "/data" }),
        json!({ "name": "tmp", "mountPath": "/tmp" }),
        json!({ "name": "secrets", "mountPath": SECRETS, "readOnly": true }),
    ];
    if spec.agent.is_some() {
        mounts.push(json!({ "name": "agent", "mountPath": format!("/{FOLDER}"), "readOnly": true }));
    }
    let mut container = json!({
        "name": CONTAINER,
        "image": spec.image,
        "env": env(spec),
        "ports": [{ "name": "http", "containerPort": spec.port, "protocol": "TCP" }],
        "resources": resources(spec),
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true,
            "capabilities": { "drop": ["ALL"] },
        },
        "startupProbe": probe("/liveness", 1, 60),
        "readinessProbe": probe("/readiness", 5, 3),
        "livenessProbe": probe("/liveness", 10, 6),
        "volumeMounts": mounts,
    });
    if let Some(agent) = &spec.agent {
        container["args"] = json!(agent.command);
    }
    container
}

fn env(spec: &Spec) -> Vec<Value> {
    let mut all = vec![json!({ "name": "AGENTSCOPE_SECRETS", "value": SECRETS })];
    // Where nobody takes over meanwhile, there is nothing to wait for.
    if spec.storage.is_none() {
        all.push(json!({ "name": LINGER, "value": LEAVING.to_string() }));
    }
    all
}

fn probe(path: &str, period: u32, failures: u32) -> Value {
    json!({
        "httpGet": { "path": path, "port": "http" },
        "periodSeconds": period,
        "failureThreshold": failures,
        "timeoutSeconds": 10,
    })
}

fn resources(spec: &Spec) -> Value {
    let mut resources = json!({
        "requests": { "cpu": spec.cpu, "memory": spec.memory },
        "limits": { "memory": spec.memory },
    });
    if let Some(gpu) = spec.gpu {
        // What a node has only whole is asked for by its limit.
        resources["limits"]["nvidia.com/gpu"] = gpu.to_string().into();
    }
    resources
}

fn volumes(spec: &Spec, whose: Whose<'_>) -> Vec<Value> {
    let kept = labels::revision(whose.name, whose.revision);
    let data = match spec.storage {
        Some(_) => json!({ "name": "data", "persistentVolumeClaim": { "claimName": labels::claim(whose.name) } }),
        None => json!({ "name": "data", "emptyDir": {} }),
    };
    let mut all = vec![
        data,
        json!({ "name": "tmp", "emptyDir": {} }),
        // To be read by the group that the pod's files belong to.
        json!({ "name": "secrets", "secret": { "secretName": kept, "defaultMode": 0o440 } }),
    ];
    if let Some(agent) = &spec.agent {
        let items: Vec<Value> = keyed(agent.files.iter())
            .map(|(key, file)| {
                json!({ "key": key, "path": file.path, "mode": if file.executable { 0o555 } else { 0o444 } })
            })
            .collect();
        all.push(json!({ "name": "agent", "configMap": { "name": kept, "defaultMode": 0o444, "items": items } }));
    }
    all
}
