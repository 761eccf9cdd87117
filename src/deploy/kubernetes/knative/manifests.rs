//! The objects of a revision. Pure: the same spec and number give the same objects.
//!
//! Only what Knative lets everybody set: of a pod no node, no group of its files and no time to end.

use serde_json::{Value, json};

use super::{
    super::{
        container::{container, volumes},
        kind::Kind,
        labels::{self, Role},
        manifests::{Whose, account, config_map, kept, with_spec, without_values},
        patch,
    },
    spec::Spec,
    traffic::Traffic,
};
use crate::deploy::{
    DeployError,
    image::USER,
    plan::{Desired, Plan, Revision, State},
};

/// Who reaches a Service.
pub(super) const VISIBILITY: &str = "networking.knative.dev/visibility";

/// All that carries the name of the deployment, in the order in which it is sent.
///
/// # Errors
/// A patch for none of them.
pub(super) fn objects(spec: &Spec, whose: Whose<'_>, traffic: &Traffic) -> Result<Vec<(Kind, Value)>, DeployError> {
    let mut service = with_spec(
        Kind::KnativeService,
        whose.name,
        whose,
        json!({ "template": template(spec, whose), "traffic": traffic.to_value(whose.name) }),
    );
    if !spec.public {
        service["metadata"]["labels"][VISIBILITY] = "cluster-local".into();
    }
    let all = vec![(Kind::ServiceAccount, account(whose)), (Kind::KnativeService, service)];
    patch::all(whose.target, all, &spec.patches)
}

fn template(spec: &Spec, whose: Whose<'_>) -> Value {
    let mut marks = labels::common(whose.target, whose.name);
    marks[labels::REVISION] = whose.revision.to_string().into();
    marks[labels::ROLE] = Role::Serving.name().into();
    let mut annotations = json!({ "autoscaling.knative.dev/min-scale": spec.scale.min.to_string() });
    if let Some(max) = spec.scale.max {
        annotations["autoscaling.knative.dev/max-scale"] = max.to_string().into();
    }
    let kept = labels::revision(whose.name, whose.revision);
    json!({
        "metadata": { "name": kept, "labels": marks, "annotations": annotations },
        "spec": {
            "containerConcurrency": spec.concurrency.unwrap_or_default(),
            "timeoutSeconds": spec.timeout,
            "serviceAccountName": whose.name,
            "automountServiceAccountToken": false,
            "enableServiceLinks": false,
            "containers": [user_container(spec)],
            // No group of ours has the files, so that anybody in the container may read them.
            "volumes": volumes(&spec.program, json!({ "emptyDir": {} }), &kept, 0o444),
        },
    })
}

fn user_container(spec: &Spec) -> Value {
    let mut container = container(&spec.program);
    container["ports"] = json!([{ "name": "http1", "containerPort": spec.program.port, "protocol": "TCP" }]);
    container["readinessProbe"] = json!({
        "httpGet": { "path": "/readiness" }, "periodSeconds": 5, "failureThreshold": 3, "successThreshold": 1, "timeoutSeconds": 10,
    });
    container["livenessProbe"] = json!({
        "httpGet": { "path": "/liveness" }, "periodSeconds": 10, "failureThreshold": 6, "timeoutSeconds": 10,
    });
    let context = &mut container["securityContext"];
    context["runAsNonRoot"] = true.into();
    context["runAsUser"] = USER.into();
    context["runAsGroup"] = USER.into();
    context["seccompProfile"] = json!({ "type": "RuntimeDefault" });
    container
}

/// What is kept of a revision, with its files where the image has none.
///
/// # Errors
/// More than a ConfigMap holds.
pub(super) fn record(desired: &Desired, whose: Whose<'_>, owner: &str) -> Result<Value, DeployError> {
    let mut record = match config_map(whose, desired)? {
        Some(record) => record,
        None => Value::Object(kept(Kind::ConfigMap, whose)),
    };
    record["metadata"]["annotations"] = json!({ labels::SPEC: desired.spec.to_string(), labels::OWNER: owner });
    Ok(record)
}

/// All that is sent, without the values of secrets.
///
/// # Errors
/// As of [`objects`] and [`record`].
pub(super) fn shown(plan: &Plan, whose: Whose<'_>) -> Result<Vec<Value>, DeployError> {
    let spec = Spec::of_plan(&plan.desired)?;
    let mut record = record(&plan.desired, whose, "")?;
    if let Some(annotations) = record["metadata"]["annotations"].as_object_mut() {
        annotations.remove(labels::OWNER);
    }
    let running = |revision: &&Revision| revision.state != State::Stopped;
    let shares = plan
        .observed
        .revisions
        .iter()
        .filter(running)
        .filter_map(|revision| Some((revision.number, u32::try_from(revision.spec["traffic"].as_u64()?).ok()?)));
    let before = Traffic::of(shares);
    let otherwise = plan.observed.revisions.iter().rfind(|revision| revision.number < whose.revision);
    let otherwise = otherwise.filter(|_| before != Traffic::default()).map(|revision| revision.number);
    let traffic = before.split(whose.revision, spec.traffic, otherwise);
    let named = objects(&spec, whose, &traffic)?.into_iter().map(|(_, object)| object);
    Ok([without_values(&plan.desired, whose), record].into_iter().chain(named).collect())
}
