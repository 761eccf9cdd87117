//! The objects of a revision. Pure: the same spec and number give the same objects.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use super::{
    kind::{Kind, NAMED},
    labels::{self, Target},
    patch,
    pod::template,
    program::{Mounted, texts},
    spec::Spec,
};
use crate::{
    config::SERVE_TOKEN,
    deploy::{Artefact, DeployError, plan::Desired},
};

/// Whose objects they are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Whose<'a> {
    pub(super) target: Target,
    pub(super) namespace: &'a str,
    pub(super) name: &'a str,
    pub(super) revision: u32,
}

impl Whose<'_> {
    pub(super) fn id(self) -> String {
        self.target.id(self.namespace, self.name)
    }
}

/// Revisions that stay besides the current one.
pub(super) const KEPT: u32 = 4;
/// Seconds until a rollout that does not get on counts as failed for the cluster; we say so earlier.
const DEADLINE: u32 = 600;

/// All that carries the name of the deployment, in the order in which it is sent.
///
/// # Errors
/// A patch for none of them.
pub(super) fn objects(spec: &Spec, whose: Whose<'_>) -> Result<Vec<(Kind, Value)>, DeployError> {
    let made = NAMED.iter().filter_map(|kind| Some((*kind, object(*kind, spec, whose)?)));
    patch::all(whose.target, made.collect(), &spec.patches)
}

fn object(kind: Kind, spec: &Spec, whose: Whose<'_>) -> Option<Value> {
    let name = whose.name;
    let object = |spec: Value| with_spec(kind, name, whose, spec);
    Some(match kind {
        Kind::ServiceAccount => account(whose),
        Kind::PersistentVolumeClaim => with_spec(
            kind,
            &labels::claim(name),
            whose,
            json!({ "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": spec.storage.as_ref()? } } }),
        ),
        Kind::NetworkPolicy => object(json!({
            "podSelector": { "matchLabels": { whose.target.label(): name } },
            "policyTypes": ["Ingress"],
            // By its name, which each revision gives the port that it listens on.
            "ingress": [{ "ports": [{ "protocol": "TCP", "port": "http" }] }],
        })),
        Kind::Service => object(json!({
            "selector": labels::serving(name),
            "ports": [{ "name": "http", "protocol": "TCP", "port": 80, "targetPort": "http" }],
        })),
        Kind::Deployment => object(json!({
            "replicas": spec.replicas,
            "revisionHistoryLimit": KEPT,
            "progressDeadlineSeconds": DEADLINE,
            "strategy": strategy(spec),
            "selector": { "matchLabels": labels::serving(name) },
            "template": template(spec, whose),
        })),
        Kind::Ingress => object(ingress(spec, name)?),
        _ => return None,
    })
}

/// Of pods that ask nothing of the cluster.
pub(super) fn account(whose: Whose<'_>) -> Value {
    let mut account = head(Kind::ServiceAccount, whose.name, whose);
    account.insert("automountServiceAccountToken".to_owned(), false.into());
    Value::Object(account)
}

/// A claim can be mounted by the pods of one node only, so the old one ends first.
fn strategy(spec: &Spec) -> Value {
    match spec.storage {
        Some(_) => json!({ "type": "Recreate" }),
        None => json!({ "type": "RollingUpdate", "rollingUpdate": { "maxSurge": 1, "maxUnavailable": 0 } }),
    }
}

fn ingress(spec: &Spec, name: &str) -> Option<Value> {
    let wanted = spec.ingress.as_ref()?;
    let backend = json!({ "service": { "name": name, "port": { "name": "http" } } });
    let mut ingress = json!({
        "rules": [{
            "host": wanted.host,
            "http": { "paths": [{ "path": "/", "pathType": "Prefix", "backend": backend }] },
        }],
    });
    if let Some(class) = &wanted.class {
        ingress["ingressClassName"] = class.as_str().into();
    }
    if let Some(secret) = &wanted.tls_secret {
        ingress["tls"] = json!([{ "hosts": [wanted.host], "secretName": secret }]);
    }
    Some(ingress)
}

/// Version, kind and metadata.
pub(super) fn head(kind: Kind, name: &str, whose: Whose<'_>) -> Map<String, Value> {
    let head = json!({
        "apiVersion": kind.version(),
        "kind": kind.name(),
        "metadata": { "name": name, "namespace": whose.namespace, "labels": labels::common(whose.target, whose.name) },
    });
    match head {
        Value::Object(head) => head,
        _ => Map::new(),
    }
}

pub(super) fn with_spec(kind: Kind, name: &str, whose: Whose<'_>, spec: Value) -> Value {
    let mut object = head(kind, name, whose);
    object.insert("spec".to_owned(), spec);
    Value::Object(object)
}

/// The Secret or the ConfigMap of a revision, which nobody can change.
pub(super) fn kept(kind: Kind, whose: Whose<'_>) -> Map<String, Value> {
    let mut object = head(kind, &labels::revision(whose.name, whose.revision), whose);
    object["metadata"]["labels"][labels::REVISION] = whose.revision.to_string().into();
    object.insert("immutable".to_owned(), true.into());
    object
}

/// The Secret of a revision, with the values that `value` gives.
pub(super) fn secret(whose: Whose<'_>, data: Map<String, Value>, key: &str) -> Value {
    let mut object = kept(Kind::Secret, whose);
    object.insert("type".to_owned(), "Opaque".into());
    object.insert(key.to_owned(), Value::Object(data));
    Value::Object(object)
}

/// The ConfigMap of a revision whose image does not hold the agent.
///
/// # Errors
/// More than a ConfigMap holds.
pub(super) fn config_map(whose: Whose<'_>, desired: &Desired) -> Result<Option<Value>, DeployError> {
    let Some(Artefact::Files(assets)) = &desired.artefact else { return Ok(None) };
    let (mut data, mut binary) = (Map::new(), Map::new());
    for (key, text) in keyed(texts(assets)?.into_iter()) {
        match std::str::from_utf8(text.bytes) {
            Ok(text) => drop(data.insert(key, text.into())),
            Err(_) => drop(binary.insert(key, STANDARD.encode(text.bytes).into())),
        }
    }
    let mut object = kept(Kind::ConfigMap, whose);
    object.insert("data".to_owned(), Value::Object(data));
    if !binary.is_empty() {
        object.insert("binaryData".to_owned(), Value::Object(binary));
    }
    Ok(Some(Value::Object(object)))
}

/// All that is sent, without the values of secrets.
///
/// # Errors
/// As of [`objects`] and [`config_map`].
pub(super) fn shown(desired: &Desired, whose: Whose<'_>) -> Result<Vec<Value>, DeployError> {
    let spec = Spec::read(&desired.spec).unwrap_or_default();
    let mut all = vec![without_values(desired, whose)];
    all.extend(config_map(whose, desired)?);
    all.extend(objects(&spec, whose)?.into_iter().map(|(_, object)| object));
    Ok(all)
}

/// The Secret of a revision as a plan shows it.
pub(super) fn without_values(desired: &Desired, whose: Whose<'_>) -> Value {
    let names = desired.secrets.keys().map(String::as_str).chain([SERVE_TOKEN]);
    secret(whose, names.map(|name| (name.to_owned(), Value::from(""))).collect(), "stringData")
}

/// The files of an agent by the keys of a ConfigMap, which are not paths.
pub(super) fn keyed<'a, T>(files: impl Iterator<Item = T> + 'a) -> impl Iterator<Item = (String, T)> + 'a {
    files.enumerate().map(|(index, file)| (Mounted::key(index), file))
}
