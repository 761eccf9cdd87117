//! A box as a container: what is asked of the engine, and what it says of one that is there.

use std::{
    collections::HashMap,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use bollard::models::{
    ContainerCreateBody, ContainerInspectResponse, ContainerStateStatusEnum, ContainerStatsResponse, HostConfig, Mount,
    MountBindOptions, MountType, ResourcesUlimits,
};
use rustix::process::Resource;

use super::{
    binary::{self, Binary},
    engine::Engine,
};
use crate::sandbox::{
    BackendKind, Confinement, Layer, Limits, Network, SandboxId, SandboxSpec, State, Tier, Usage, WorkspaceMode, egress,
};

/// Of a box, with its id.
pub(super) const LABEL: &str = "agentscope.sandbox";
/// Of a box, with the folder that its own is in: two homes on one engine do not see each other's boxes.
pub(super) const LABEL_HOME: &str = "agentscope.home";
const LABEL_USER: &str = "agentscope.user";
const LABEL_SESSION: &str = "agentscope.session";
/// Of a box, with its spec, but for the values of its environment.
const LABEL_SPEC: &str = "agentscope.spec";

/// The image where none is named.
pub const DEFAULT_IMAGE: &str = "python:3.13-slim";

/// Where programs inside find their folder.
pub(super) const WORKSPACE: &str = "/workspace";
/// Made by the engine, in memory, for the daemon.
pub(super) const RUN: &str = "/run/agentscope";
/// The daemon's socket.
pub(super) const SOCKET: &str = "/run/agentscope/box.sock";

/// Of programs where the caller is root and the folder is root's: nobody on the host has it.
const NOBODY_ELSE: u32 = 200_000;
/// Of each program at once; as in the `local` backend.
const OPEN_FILES: u64 = 65_536;
/// Bytes of a core dump; as in the `local` backend, where it says why not 0.
const NO_CORE: u64 = 1;
/// Of all of a user's boxes in Podman: what its service allows itself (4.3.1).
const PROCESSES: u64 = 32_768;
/// Files in memory; as in the `local` backend.
const MOST_FILES: u64 = 100_000;
const MEMORY_OF_FILE: u64 = 4096;
/// Threads of the daemon, which count against the engine's limit and are not the programs' fault.
const OWN_PIDS: u32 = 16;

/// Name of the container of a box.
pub(super) fn name(id: &SandboxId) -> String {
    format!("agentscope-{id}")
}

/// Who programs inside are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Who {
    pub(super) uid: u32,
    pub(super) gid: u32,
}

impl Who {
    /// The owner of the user's folder, so that what it may read can be read; else the caller; never the host's root.
    pub(super) fn of(engine: &Engine, workspace: Option<&Path>) -> Self {
        if engine.rootless {
            // The engine's root is the caller.
            return Self { uid: 0, gid: 0 };
        }
        let owner = workspace.and_then(|path| std::fs::metadata(path).ok()).map(|m| (m.uid(), m.gid()));
        let caller = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        match owner.filter(|(uid, _)| *uid != 0).or(Some(caller)).filter(|(uid, _)| *uid != 0) {
            Some((uid, gid)) => Self { uid, gid },
            None => Self { uid: NOBODY_ELSE, gid: NOBODY_ELSE },
        }
    }
}

/// Where the parts of a box are.
pub(super) struct Parts<'a> {
    pub(super) engine: &'a Engine,
    /// With the packages of the box.
    pub(super) image: &'a str,
    pub(super) binary: &'a Binary,
    /// The folder of all boxes.
    pub(super) home: &'a Path,
    /// On the host; `None` where the engine does not see our files.
    pub(super) workspace: Option<PathBuf>,
    /// Of a read-only workspace, relative to it: not to be seen.
    pub(super) hidden: Vec<PathBuf>,
    /// A folder of the host without anything in it, to cover others. Podman fills one in memory with what it covers.
    pub(super) empty: PathBuf,
    /// On the host, where the network is an allow list.
    pub(super) egress: Option<PathBuf>,
    pub(super) who: Who,
    /// What a warm box is made for.
    pub(super) pool: Option<&'a str>,
}

/// What the engine is asked to make.
pub(super) fn body(spec: &SandboxSpec, parts: &Parts<'_>) -> ContainerCreateBody {
    ContainerCreateBody {
        image: Some(parts.image.to_owned()),
        entrypoint: Some(vec![binary::PATH.to_owned(), "__box".to_owned()]),
        cmd: Some(vec![]),
        user: Some(format!("{}:{}", parts.who.uid, parts.who.gid)),
        hostname: Some("sandbox".to_owned()),
        working_dir: Some(WORKSPACE.to_owned()),
        attach_stdin: Some(true),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        open_stdin: Some(true),
        stdin_once: Some(true),
        labels: Some(labels(spec, parts)),
        // The image's own would be run as programs of ours.
        healthcheck: Some(bollard::models::HealthConfig {
            test: Some(vec!["NONE".to_owned()]),
            ..bollard::models::HealthConfig::default()
        }),
        host_config: Some(host_config(spec, parts)),
        ..ContainerCreateBody::default()
    }
}

fn labels(spec: &SandboxSpec, parts: &Parts<'_>) -> HashMap<String, String> {
    // Whoever may use the engine can read labels.
    let public = spec.without_secrets();
    let mut labels = HashMap::from([
        (LABEL.to_owned(), spec.id.to_string()),
        (LABEL_HOME.to_owned(), parts.home.display().to_string()),
        (LABEL_USER.to_owned(), spec.user.clone()),
        (LABEL_SPEC.to_owned(), serde_json::to_string(&public).unwrap_or_default()),
    ]);
    if let Some(session) = &spec.session {
        labels.insert(LABEL_SESSION.to_owned(), session.clone());
    }
    if let Some(key) = parts.pool {
        labels.insert(super::pool::LABEL.to_owned(), key.to_owned());
        labels.insert(super::pool::MAKER.to_owned(), super::maker::this());
    }
    labels
}

/// What a box was made of, by the labels of its container.
pub(super) fn spec(labels: &HashMap<String, String>) -> Option<SandboxSpec> {
    serde_json::from_str(labels.get(LABEL_SPEC)?).ok()
}

fn host_config(spec: &SandboxSpec, parts: &Parts<'_>) -> HostConfig {
    let limits = &spec.limits;
    let bytes = |n: u64| Some(i64::try_from(n).unwrap_or(i64::MAX));
    let tmpfs = |size: u64, mode: &str, exec: bool| {
        let exec = if exec { "exec" } else { "noexec" };
        if parts.engine.podman {
            // It knows no owner of such a folder: whoever is in the box may write there, and nobody else sees it. And
            // it would copy there what the image has, with its mode.
            return format!("rw,{exec},nosuid,nodev,notmpcopyup,size={size},mode=1777");
        }
        // gVisor's own file system in memory does not count names.
        let names = match spec.backend {
            BackendKind::Gvisor => String::new(),
            _ => format!(",nr_inodes={}", (limits.memory / MEMORY_OF_FILE).min(MOST_FILES)),
        };
        format!("rw,{exec},nosuid,nodev,size={size},mode={mode},uid={},gid={}{names}", parts.who.uid, parts.who.gid)
    };
    HostConfig {
        memory: bytes(limits.memory),
        // The same as memory: no swap.
        memory_swap: bytes(limits.memory),
        nano_cpus: bytes(limits.cpu_millis.saturating_mul(1_000_000)),
        pids_limit: Some(i64::from(limits.pids.saturating_add(OWN_PIDS))),
        ulimits: Some(ulimits(limits, parts.engine)),
        cap_drop: Some(vec!["ALL".to_owned()]),
        security_opt: Some(vec!["no-new-privileges".to_owned()]),
        readonly_rootfs: Some(true),
        tmpfs: Some(HashMap::from([
            // It is memory of the box: full, it is to say so before the box is out of memory.
            ("/tmp".to_owned(), tmpfs(limits.disk.min(limits.memory / 2), "1777", true)),
            (RUN.to_owned(), tmpfs(1 << 20, "0700", false)),
        ])),
        network_mode: Some(if spec.network == Network::Full { "bridge" } else { "none" }.to_owned()),
        mounts: Some(mounts(spec, parts)),
        runtime: (spec.backend == BackendKind::Gvisor).then(|| super::RUNSC.to_owned()),
        ipc_mode: Some("private".to_owned()),
        // Memory of the box as well: with `/tmp` it leaves a part to programs.
        shm_size: bytes(limits.memory / 4),
        auto_remove: Some(true),
        ..HostConfig::default()
    }
}

fn ulimits(limits: &Limits, engine: &Engine) -> Vec<ResourcesUlimits> {
    let limit = |name: &str, most: u64| {
        let most = Some(i64::try_from(most).unwrap_or(i64::MAX));
        ResourcesUlimits { name: Some(name.to_owned()), soft: most, hard: most }
    };
    let mut all = vec![limit("core", NO_CORE), limit("fsize", limits.disk)];
    // Without the right to raise them the engine fails with more than the machine has, which is no more than we have.
    let ours = |resource| rustix::process::getrlimit(resource).maximum.unwrap_or(u64::MAX);
    if engine.local {
        all.push(limit("nofile", OPEN_FILES.min(ours(Resource::Nofile))));
    }
    if engine.local && engine.podman {
        // Else Podman asks for as many as there can be. What counts is `pids_limit`.
        all.push(limit("nproc", PROCESSES.min(ours(Resource::Nproc))));
    }
    all
}

fn mounts(spec: &SandboxSpec, parts: &Parts<'_>) -> Vec<Mount> {
    let bind = |host: &Path, inside: &str, read_only: bool| Mount {
        target: Some(inside.to_owned()),
        source: Some(host.display().to_string()),
        typ: Some(MountType::BIND),
        read_only: Some(read_only),
        bind_options: Some(MountBindOptions { non_recursive: Some(true), ..MountBindOptions::default() }),
        ..Mount::default()
    };
    let mut mounts = vec![parts.binary.mount(true)];
    mounts.push(match &parts.workspace {
        Some(folder) => bind(folder, WORKSPACE, spec.workspace.mode == WorkspaceMode::Ro),
        // Of the engine's own, by name: it outlives the container.
        None => Mount {
            target: Some(WORKSPACE.to_owned()),
            source: Some(name(&spec.id)),
            typ: Some(MountType::VOLUME),
            ..Mount::default()
        },
    });
    if let Some(folder) = &parts.workspace {
        for path in &parts.hidden {
            let inside = Path::new(WORKSPACE).join(path).display().to_string();
            let nothing = if folder.join(path).is_dir() { parts.empty.as_path() } else { Path::new("/dev/null") };
            mounts.push(bind(nothing, &inside, true));
        }
    }
    if let Some(socket) = &parts.egress {
        mounts.push(bind(socket, egress::INSIDE, false));
    }
    mounts.extend(spec.mounts.iter().map(|m| bind(&m.host, &m.inside.display().to_string(), m.read_only)));
    mounts
}

/// What holds such a box in.
pub(super) fn confinement(spec: &SandboxSpec, engine: &Engine) -> Confinement {
    let layer = |name: &str, detail: String, active: bool| Layer { name: name.to_owned(), detail, active };
    let container = if spec.backend == BackendKind::Gvisor { "gVisor (runsc)" } else { "the engine's default runtime" };
    let limit = |name: &str, active: bool| {
        let how = if active { "" } else { ", and the engine may not use it" };
        layer(name, format!("cgroup v{}{how}", engine.cgroups), active)
    };
    Confinement {
        tier: Tier::A,
        layers: vec![
            layer("container", format!("{}, {container}", engine.name()), true),
            layer("user", if engine.rootless { "rootless engine" } else { "not root" }.to_owned(), true),
            layer("capabilities", "none, no new privileges".to_owned(), true),
            layer("seccomp", "the engine's default profile".to_owned(), engine.seccomp),
            layer("root file system", "read-only".to_owned(), true),
            layer(
                "network",
                match &spec.network {
                    Network::None => "none".to_owned(),
                    Network::Full => "the engine's bridge".to_owned(),
                    Network::Allow(hosts) => format!("through the proxy: {}", hosts.join(", ")),
                },
                spec.network != Network::Full,
            ),
            limit("memory", engine.limits.memory),
            limit("pids", engine.limits.pids),
            limit("cpu", engine.limits.cpu),
            layer("disk", "soft: the size of each file, and of /tmp".to_owned(), true),
        ],
    }
}

/// The state of a container.
pub(super) fn state(inspected: &ContainerInspectResponse) -> State {
    match inspected.state.as_ref().and_then(|state| state.status) {
        Some(ContainerStateStatusEnum::RUNNING | ContainerStateStatusEnum::RESTARTING) => State::Running,
        Some(ContainerStateStatusEnum::PAUSED) => State::Paused,
        _ => State::Stopped,
    }
}

/// What the engine counts of it.
pub(super) fn usage(stats: &ContainerStatsResponse) -> Usage {
    let cpu = stats.cpu_stats.as_ref().and_then(|cpu| cpu.cpu_usage.as_ref()?.total_usage);
    let memory = stats.memory_stats.as_ref().and_then(|memory| memory.usage);
    let pids = stats.pids_stats.as_ref().and_then(|pids| pids.current);
    Usage { cpu: cpu.map(Duration::from_nanos), memory, pids: pids.and_then(|pids| u32::try_from(pids).ok()) }
}
