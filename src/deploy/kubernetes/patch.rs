//! `deploy.kubernetes.patches`: what the agent file wants otherwise, merged over the objects.

use serde_json::{Map, Value};

use super::{
    kind::{Kind, NAMED},
    knative,
    labels::Target,
};
use crate::deploy::DeployError;

/// Merges each patch over the object whose `kind` it names.
///
/// # Errors
/// One that names none of them.
pub(super) fn all(
    target: Target,
    mut objects: Vec<(Kind, Value)>,
    patches: &[Map<String, Value>],
) -> Result<Vec<(Kind, Value)>, DeployError> {
    for (index, patch) in patches.iter().enumerate() {
        let named = patch.get("kind").and_then(Value::as_str).unwrap_or_default();
        let found = objects.iter_mut().find(|(kind, _)| kind.name() == named);
        let (_, object) = found.ok_or_else(|| wrong(target, index, named))?;
        // Whose it is stays as it is.
        let identity = ["apiVersion", "kind"].map(|key| object[key].clone());
        let place = ["name", "namespace"].map(|key| object["metadata"][key].clone());
        merge(object, &Value::Object(patch.clone()));
        [object["apiVersion"], object["kind"]] = identity;
        [object["metadata"]["name"], object["metadata"]["namespace"]] = place;
    }
    Ok(objects)
}

fn wrong(target: Target, index: usize, named: &str) -> DeployError {
    let key = format!("deploy.{}.patches.{index}", target.name());
    let names = |kinds: &[Kind]| kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", ");
    DeployError::Usage {
        what: match named {
            "" => format!("`{key}` does not say of which `kind` it is"),
            named => format!("`{key}` is for a `{named}`, which this deployment has not"),
        },
        hint: match target {
            Target::Kubernetes => {
                format!("there are {}; of those a claim needs `storage`, an Ingress `ingress`", names(NAMED))
            }
            Target::Knative => format!("there are {}", names(knative::NAMED)),
        },
    }
}

/// A merge patch (RFC 7386), but lists of things with names are merged by those names, as containers are.
fn merge(onto: &mut Value, patch: &Value) {
    match (onto, patch) {
        (Value::Object(onto), Value::Object(patch)) => {
            for (key, value) in patch {
                if value.is_null() {
                    onto.remove(key);
                } else {
                    merge(onto.entry(key.clone()).or_insert(Value::Null), value);
                }
            }
        }
        (Value::Array(onto), Value::Array(patch)) if named(onto) && named(patch) => {
            for item in patch {
                match onto.iter_mut().find(|there| there["name"] == item["name"]) {
                    Some(there) => merge(there, item),
                    None => onto.push(item.clone()),
                }
            }
        }
        (onto, patch) => {
            // What a patch removes is not put in by it.
            let mut value = if patch.is_object() { Value::Object(Map::new()) } else { patch.clone() };
            if patch.is_object() {
                merge(&mut value, patch);
            }
            *onto = value;
        }
    }
}

fn named(items: &[Value]) -> bool {
    !items.is_empty() && items.iter().all(|item| item["name"].is_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: &Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn what_is_named_is_merged_and_the_rest_stays() {
        let deployment = json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "demo", "namespace": "a" },
            "spec": { "replicas": 1, "containers": [{ "name": "agent", "image": "x", "env": [{ "name": "A", "value": "1" }] }] },
        });
        let patch = map(&json!({
            "kind": "Deployment",
            "metadata": { "name": "other", "labels": { "team": "web" } },
            "spec": { "replicas": null, "containers": [
                { "name": "agent", "env": [{ "name": "B", "value": "2" }] }, { "name": "side", "image": "y" },
            ] },
        }));
        let patched = all(Target::Kubernetes, vec![(Kind::Deployment, deployment)], &[patch]).unwrap();
        assert_eq!(
            patched[0].1,
            json!({
                "apiVersion": "apps/v1", "kind": "Deployment",
                "metadata": { "name": "demo", "namespace": "a", "labels": { "team": "web" } },
                "spec": { "containers": [
                    { "name": "agent", "image": "x", "env": [{ "name": "A", "value": "1" }, { "name": "B", "value": "2" }] },
                    { "name": "side", "image": "y" },
                ] },
            })
        );
    }

    #[test]
    fn a_patch_for_nothing_is_wrong() {
        let error = |patch: Value| all(Target::Kubernetes, vec![], &[map(&patch)]).unwrap_err().to_string();
        assert_eq!(error(json!({})), "`deploy.kubernetes.patches.0` does not say of which `kind` it is");
        assert_eq!(
            error(json!({ "kind": "Pod" })),
            "`deploy.kubernetes.patches.0` is for a `Pod`, which this deployment has not"
        );
    }
}
