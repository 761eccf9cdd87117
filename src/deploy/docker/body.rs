//! What the engine is asked to make.

use std::collections::HashMap;

use bollard::models::{
    ContainerCreateBody, HealthConfig, HostConfig, Mount, MountType, MountVolumeOptions, PortBinding, RestartPolicy,
    RestartPolicyNameEnum,
};
use serde_json::{Value, json};

use super::{inside, labels, secrets};
use crate::deploy::{Artefact, DeployRequest, plan::Desired};

/// Memory of an agent whose file says nothing.
const MEMORY: u64 = 512 << 20;
const PIDS: i64 = 512;
/// Seconds that turns have to end in.
pub(super) const GRACE: i32 = 15;

/// The container as a document, which is what a plan shows and a label remembers.
pub(super) fn desired(request: &DeployRequest) -> Desired {
    let data = labels::data_volume(&request.name);
    let settings = &request.settings.docker;
    let image = match &request.artefact {
        Artefact::Image { name, .. } => Some(name),
        Artefact::Files(_) => None,
    };
    let spec = json!({
        "image": image,
        "agent_hash": request.agent_hash,
        "user": format!("{0}:{0}", crate::deploy::image::USER),
        "read_only": true,
        "port": request.port,
        "publish": {
            "host": request.publish.host.to_string(),
            // Absent, one that is free is taken and kept.
            "port": request.publish.port,
        },
        "memory": settings.memory.map_or(MEMORY, |memory| memory.0),
        "cpu_millis": settings.cpu.map(|cpu| cpu.0),
        "pids": PIDS,
        "restart": "unless-stopped",
        "volumes": { "/data": data },
    });
    let mut notes = request.notes.clone();
    notes.push(format!("sessions and memory are kept in the volume `{data}`, from one revision to the next"));
    notes.push(
        "while a new revision takes over, turns that run have some seconds to end; then callers are not \
                answered for about a second"
            .to_owned(),
    );
    Desired::of(request, spec, notes)
}

/// Which container is made of a revision.
pub(super) enum Role {
    /// The one that callers reach, at this port of the host.
    Serving { port: u16 },
    /// The one that is tried first: reached by nobody, and with an empty folder of its own.
    Candidate,
}

pub(super) fn container(
    desired: &Desired,
    number: u32,
    role: &Role,
    marks: HashMap<String, String>,
) -> ContainerCreateBody {
    let spec = &desired.spec;
    let port = inside::port(spec);
    let inside_port = format!("{port}/tcp");
    let serving = matches!(role, Role::Serving { .. });
    ContainerCreateBody {
        image: spec["image"].as_str().map(str::to_owned),
        env: Some(vec![format!("AGENTSCOPE_SECRETS={}", secrets::FOLDER)]),
        labels: Some(marks),
        stop_timeout: Some(GRACE.into()),
        exposed_ports: Some(vec![inside_port.clone()]),
        healthcheck: Some(HealthConfig {
            test: Some(["CMD", inside::PROGRAM, inside::READY, &port.to_string()].map(str::to_owned).to_vec()),
            interval: Some(5_000_000_000),
            timeout: Some(10_000_000_000),
            retries: Some(3),
            start_period: Some(60_000_000_000),
            ..HealthConfig::default()
        }),
        host_config: Some(HostConfig {
            port_bindings: match role {
                Role::Serving { port } => Some(HashMap::from([(inside_port, Some(vec![bound(spec, *port)]))])),
                Role::Candidate => None,
            },
            restart_policy: serving.then(|| RestartPolicy {
                name: Some(RestartPolicyNameEnum::UNLESS_STOPPED),
                ..RestartPolicy::default()
            }),
            tmpfs: Some(tmpfs(serving)),
            mounts: Some(mounts(&desired.name, number, serving)),
            ..limits(spec)
        }),
        ..ContainerCreateBody::default()
    }
}

fn bound(spec: &Value, port: u16) -> PortBinding {
    PortBinding { host_ip: spec["publish"]["host"].as_str().map(str::to_owned), host_port: Some(port.to_string()) }
}

fn limits(spec: &Value) -> HostConfig {
    HostConfig {
        memory: spec["memory"].as_i64(),
        memory_swap: spec["memory"].as_i64(),
        nano_cpus: spec["cpu_millis"].as_i64().map(|millis| millis.saturating_mul(1_000_000)),
        pids_limit: spec["pids"].as_i64(),
        cap_drop: Some(vec!["ALL".to_owned()]),
        security_opt: Some(vec!["no-new-privileges".to_owned()]),
        readonly_rootfs: Some(true),
        ..HostConfig::default()
    }
}

fn tmpfs(serving: bool) -> HashMap<String, String> {
    let user = crate::deploy::image::USER;
    let mut all = HashMap::from([("/tmp".to_owned(), "rw,exec,nosuid,nodev,mode=1777".to_owned())]);
    if !serving {
        all.insert("/data".to_owned(), format!("rw,nosuid,nodev,mode=0700,uid={user},gid={user}"));
    }
    all
}

fn mounts(name: &str, number: u32, serving: bool) -> Vec<Mount> {
    let mut all = vec![secrets(name, number, true)];
    if serving {
        all.push(volume("/data", labels::data_volume(name), name, false));
    }
    all
}

pub(super) fn secrets(name: &str, number: u32, read_only: bool) -> Mount {
    volume(secrets::FOLDER, labels::secrets_volume(name, number), name, read_only)
}

fn volume(target: &str, source: String, name: &str, read_only: bool) -> Mount {
    Mount {
        target: Some(target.to_owned()),
        source: Some(source),
        typ: Some(MountType::VOLUME),
        read_only: Some(read_only),
        // Made with the container, so that at no time it is there and nobody's.
        volume_options: Some(MountVolumeOptions {
            labels: Some(HashMap::from([(labels::NAME.to_owned(), name.to_owned())])),
            ..MountVolumeOptions::default()
        }),
        ..Mount::default()
    }
}

/// What a container of a revision says of itself.
pub(super) fn marks(desired: &Desired, number: u32) -> HashMap<String, String> {
    let fingerprints: serde_json::Map<String, Value> = desired
        .secrets
        .iter()
        .map(|(name, secret)| (name.clone(), crate::deploy::plan::fingerprint(secret).into()))
        .collect();
    HashMap::from([
        (labels::NAME.to_owned(), desired.name.clone()),
        (labels::REVISION.to_owned(), number.to_string()),
        (labels::SPEC.to_owned(), desired.spec.to_string()),
        (labels::SECRETS.to_owned(), Value::Object(fingerprints).to_string()),
    ])
}
