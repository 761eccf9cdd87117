//! The two documents of an image: its configuration and its manifest (OCI image specification 1.1).

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{CONFIG, Digest, Layer, MANIFEST, USER};

/// Images have no time of their own: the same input is the same image.
const CREATED: &str = "1970-01-01T00:00:00Z";

pub(super) struct Parts<'a> {
    pub(super) architecture: &'a str,
    /// The configuration of the image it begins with.
    pub(super) base: Option<&'a Value>,
    /// All of them, the base's first.
    pub(super) layers: &'a [Layer],
    pub(super) command: Vec<String>,
    pub(super) port: u16,
    pub(super) labels: BTreeMap<String, String>,
}

pub(super) fn config(parts: &Parts) -> Vec<u8> {
    let base = parts.base.map(|base| &base["config"]);
    let mut env: Vec<Value> = base.and_then(|base| base["Env"].as_array()).cloned().unwrap_or_default();
    // A home that a volume can be mounted at, as nothing else can be written to.
    for (name, value) in [("AGENTSCOPE_HOME", "/data"), ("HOME", "/data")] {
        env.retain(|set| !set.as_str().is_some_and(|set| set.starts_with(&format!("{name}="))));
        env.push(format!("{name}={value}").into());
    }
    let mut labels: Map<String, Value> = base.and_then(|base| base["Labels"].as_object()).cloned().unwrap_or_default();
    // A description of the base is none of the agent.
    labels.retain(|name, _| !name.starts_with("org.opencontainers.image."));
    labels.extend(parts.labels.iter().map(|(name, value)| (name.clone(), value.clone().into())));
    labels.sort_keys();
    let diff_ids: Vec<String> = parts.layers.iter().map(|layer| layer.diff_id.to_string()).collect();
    let mut history: Vec<Value> = parts.base.and_then(|base| base["history"].as_array()).cloned().unwrap_or_default();
    for step in ["agentscope: the executable", "agentscope: the agent"] {
        history.push(json!({ "created": CREATED, "created_by": step }));
    }
    let document = json!({
        "created": CREATED,
        "architecture": parts.architecture,
        "os": "linux",
        "config": {
            "User": format!("{USER}:{USER}"),
            "ExposedPorts": { format!("{}/tcp", parts.port): {} },
            "Env": env,
            "Entrypoint": ["/agentscope"],
            "Cmd": parts.command,
            "WorkingDir": "/data",
            "StopSignal": "SIGTERM",
            "Labels": labels,
        },
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
        "history": history,
    });
    document.to_string().into_bytes()
}

pub(super) fn manifest(config: &[u8], layers: &[Layer]) -> Vec<u8> {
    let layers: Vec<Value> = layers
        .iter()
        .map(|layer| {
            json!({
                "mediaType": layer.media_type,
                "digest": layer.blob.digest.to_string(),
                "size": layer.blob.size,
            })
        })
        .collect();
    json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": { "mediaType": CONFIG, "digest": Digest::of(config).to_string(), "size": config.len() },
        "layers": layers,
    })
    .to_string()
    .into_bytes()
}
