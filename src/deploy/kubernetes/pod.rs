//! The pods of a Deployment: an ordinary user, asked whether they live and are ready.

use serde_json::{Value, json};

use super::{
    container::{self, CONTAINER},
    labels::{self, Role},
    manifests::Whose,
    spec::Spec,
};
use crate::{config::LINGER, deploy::image::USER};

/// Seconds for which it goes on when it is told to end: it takes that long until nobody calls it any more.
const LEAVING: u32 = 5;
/// Seconds until it is killed: those, the turns that run, and the last frames.
const GRACE: u32 = 30;

pub(super) fn template(spec: &Spec, whose: Whose<'_>) -> Value {
    let mut marks = labels::common(whose.target, whose.name);
    marks[labels::REVISION] = whose.revision.to_string().into();
    marks[labels::ROLE] = Role::Serving.name().into();
    json!({
        "metadata": {
            "labels": marks,
            "annotations": {
                labels::AGENT_HASH: spec.program.agent_hash,
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
    let mut container = container::container(&spec.program);
    container["ports"] = json!([{ "name": "http", "containerPort": spec.program.port, "protocol": "TCP" }]);
    container["startupProbe"] = probe("/liveness", 1, 60);
    container["readinessProbe"] = probe("/readiness", 5, 3);
    container["livenessProbe"] = probe("/liveness", 10, 6);
    // Where nobody takes over meanwhile, there is nothing to wait for.
    if let (None, Some(env)) = (&spec.storage, container["env"].as_array_mut()) {
        env.push(json!({ "name": LINGER, "value": LEAVING.to_string() }));
    }
    container
}

fn probe(path: &str, period: u32, failures: u32) -> Value {
    json!({
        "httpGet": { "path": path, "port": "http" },
        "periodSeconds": period,
        "failureThreshold": failures,
        "timeoutSeconds": 10,
    })
}

fn volumes(spec: &Spec, whose: Whose<'_>) -> Vec<Value> {
    let data = match spec.storage {
        Some(_) => json!({ "persistentVolumeClaim": { "claimName": labels::claim(whose.name) } }),
        None => json!({ "emptyDir": {} }),
    };
    // To be read by the group that the pod's files belong to.
    container::volumes(&spec.program, data, &labels::revision(whose.name, whose.revision), 0o440)
}
