//! What this machine offers: tried, with a process that is thrown away.

use std::{
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    cgroup::{Cgroup, Site},
    config::{Bounds, InitConfig, Phase, Trouble},
    launch::{ForkServer, Refusal},
    place::Place,
    sys,
};
use crate::sandbox::{
    BackendKind, BoxFolder, Confinement, Layer, Network, Probe, SandboxError, SandboxSpec, Tier, WorkspaceMode,
};

/// The first interface of Landlock that keeps signals and abstract sockets in, without which tier B holds nothing.
pub(super) const LEAST_LANDLOCK: u32 = 6;

/// Tries tier A, then what tier B needs.
pub(super) fn probe(program: &Path, site: &Site) -> Probe {
    let tried = try_tier(program, Tier::A).or_else(|trouble| {
        if trouble.passes() {
            return Err(vec![missing(&trouble)]);
        }
        if sys::landlock_abi() < LEAST_LANDLOCK {
            return Err(vec![missing(&trouble), landlock_layer()]);
        }
        let mut layers = try_tier(program, Tier::B).map_err(|also| vec![missing(&trouble), missing(&also)])?.layers;
        layers.insert(0, missing(&trouble));
        Ok(Confinement { tier: Tier::B, layers })
    });
    match tried {
        Ok(mut confinement) => {
            confinement.layers.extend(site.layers());
            let hint = (confinement.tier != Tier::A).then(hint);
            Probe { backend: BackendKind::Local, confinement: Some(confinement), hint }
        }
        Err(missing) => {
            let why = missing.iter().map(|layer| layer.detail.as_str()).collect::<Vec<_>>().join("; ");
            Probe { backend: BackendKind::Local, confinement: None, hint: Some(format!("{why}: {}", hint())) }
        }
    }
}

fn missing(trouble: &Trouble) -> Layer {
    Layer { name: "namespaces".into(), detail: trouble.to_string(), active: false }
}

fn landlock_layer() -> Layer {
    let abi = sys::landlock_abi();
    let detail = if abi == 0 {
        "not in this kernel, or not among its `lsm=`".to_owned()
    } else {
        format!("ABI {abi}, and tier B needs {LEAST_LANDLOCK}: Linux 6.12")
    };
    Layer { name: "landlock".into(), detail, active: false }
}

fn try_tier(program: &Path, tier: Tier) -> Result<Confinement, Trouble> {
    let failed = |error: std::io::Error| Trouble {
        phase: Phase::Confinement,
        what: "try a sandbox".into(),
        why: error.to_string(),
    };
    sweep();
    let home =
        tempfile::Builder::new().prefix(&format!("{PREFIX}{}-", std::process::id())).tempdir().map_err(failed)?;
    let spec = SandboxSpec::new(BackendKind::Local, "");
    let folder = BoxFolder::new(home.path(), &spec.id);
    folder.make().map_err(failed)?;
    let place = Place::of(folder.path(), &spec.id);
    if tier == Tier::B {
        place.make(&spec, &folder).map_err(failed)?;
    }
    let config =
        InitConfig { folder: folder.path().to_owned(), tier, spec, protect: vec![], hide: vec![], daemon: None };
    let server = ForkServer::start(program).map_err(failed)?;
    let waiting = server.fork().map_err(failed)?;
    let bound = waiting.bound(&Bounds { cgroup: Cgroup::Missing, limits: config.spec.limits });
    let told = bound.and_then(|()| waiting.tell(&config));
    let launched = waiting.confined(told);
    // What is left is in a folder for temporary files.
    let _ = place.delete();
    match launched {
        Ok(launched) => Ok(Confinement { tier, layers: launched.layers }),
        Err(Refusal::Trouble(trouble)) => Err(trouble),
        Err(refusal) => Err(failed(std::io::Error::other(SandboxError::from(refusal)))),
    }
}

/// Of the folders that are tried with, before the number of the process that tries.
const PREFIX: &str = "agentscope-probe-";
/// One whose process is not there may be of another container that shares the folder for temporary files.
const ABANDONED: Duration = Duration::from_secs(60);

/// Deletes the folders of processes that were killed while they tried.
fn sweep() {
    let Ok(entries) = std::fs::read_dir(std::env::temp_dir()) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(maker) = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.split('-').next()) else { continue };
        let ours = entry.metadata().is_ok_and(|meta| {
            let age = meta.modified().ok().and_then(|time| time.elapsed().ok()).unwrap_or_default();
            meta.uid() == rustix::process::geteuid().as_raw() && age > ABANDONED
        });
        if ours && !Path::new("/proc").join(maker).exists() {
            for id in std::fs::read_dir(entry.path()).into_iter().flatten().flatten() {
                if let Some(id) = id.file_name().to_str().and_then(|id| id.parse().ok()) {
                    let _ = Place::of(&entry.path(), &id).delete();
                }
            }
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// Whether tier B can be what `spec` asks for.
pub(super) fn allowed_in_b(spec: &SandboxSpec, trouble: &Trouble) -> Result<(), SandboxError> {
    let abi = sys::landlock_abi();
    if abi < LEAST_LANDLOCK {
        return Err(SandboxError::Unavailable {
            backend: BackendKind::Local,
            reason: format!("{trouble}; and landlock is {}", landlock_layer().detail),
            hint: hint(),
        });
    }
    let cannot = match (&spec.network, spec.workspace.mode) {
        (Network::Allow(_), _) => "let programs reach some hosts and not others",
        (_, WorkspaceMode::Rw) => "work on a folder so that protected files stay as they are: use `copy` or `none`",
        _ if !spec.workspace.hide.is_empty() && spec.workspace.mode == WorkspaceMode::Ro => "hide files",
        _ => return Ok(()),
    };
    Err(SandboxError::Unsupported {
        backend: BackendKind::Local,
        what: format!("{cannot} here: that needs tier A, and this machine gives tier B ({trouble})"),
        hint: hint(),
    })
}

/// What can be done for more, as far as the machine tells.
pub(super) fn hint() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default().trim().to_owned();
    if read("/proc/sys/user/max_user_namespaces") == "0" {
        return "allow user namespaces: `sysctl user.max_user_namespaces=10000`".into();
    }
    if read("/proc/sys/kernel/unprivileged_userns_clone") == "0" {
        return "allow user namespaces: `sysctl kernel.unprivileged_userns_clone=1`".into();
    }
    if read("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1" {
        return "allow user namespaces for this program by a profile of AppArmor with `userns,`, or for all: \
                `sysctl kernel.apparmor_restrict_unprivileged_userns=0`"
            .into();
    }
    if ["/.dockerenv", "/run/.containerenv"].map(PathBuf::from).iter().any(|path| path.exists()) {
        return "start this container with `--security-opt seccomp=unconfined --security-opt apparmor=unconfined \
                --security-opt systempaths=unconfined`, or use another backend"
            .into();
    }
    "use the `docker` backend".into()
}
