//! From the words of an agent file, or of the command line, to the sandbox they mean: every default applied, every path
//! absolute.

use std::path::{Component, Path, PathBuf};

use super::{
    BackendKind, Lifetime, Limits, Mount, Network, Packages, SandboxError, SandboxId, SandboxSpec, Sandboxes, Tier,
    Workspace, WorkspaceMode, egress::AllowList,
};
use crate::config::agent_file;

/// A sandbox that somebody wants.
#[derive(Clone, Debug)]
pub struct Asked<'a> {
    pub sandbox: &'a agent_file::Sandbox,
    /// Where relative paths start.
    pub folder: &'a Path,
    /// The mode of the workspace where the file gives none.
    pub mode: WorkspaceMode,
    /// The workspace where the file names none.
    pub workspace: &'a Path,
    /// Whose it is.
    pub user: &'a str,
    /// The chat session that finds it again.
    pub session: Option<&'a str>,
    /// Who asks; it gets one of its own with `share: agent`.
    pub agent: &'a str,
    /// Ends with this process.
    pub tied: bool,
}

/// Of a sandbox without a call.
const IDLE: std::time::Duration = std::time::Duration::from_secs(5 * 60);

/// Of any sandbox.
const AGE: std::time::Duration = std::time::Duration::from_secs(24 * 60 * 60);

impl Sandboxes {
    /// What `asked` means on this machine.
    ///
    /// # Errors
    /// What this version or the chosen backend cannot do, and folders that are not there.
    pub async fn resolve(&self, asked: &Asked<'_>) -> Result<SandboxSpec, SandboxError> {
        let sandbox = asked.sandbox;
        let backend = self.choose(sandbox).await?;
        let kind = sandbox.kind.as_deref().unwrap_or("base");
        if !matches!(kind, "base" | "filesystem") {
            return Err(SandboxError::Unsupported {
                backend,
                what: format!("make a sandbox of type `{kind}` in this version"),
                hint: "use the type `base`".to_owned(),
            });
        }
        if !sandbox.packages.system.is_empty() && !has_images(backend) {
            return Err(SandboxError::Unsupported {
                backend,
                what: "install system packages".to_owned(),
                hint: "use a backend with images, such as `docker`, or install them on this machine".to_owned(),
            });
        }
        let wanted = sandbox.min_tier.map_or(Tier::B, |tier| match tier {
            agent_file::Tier::A => Tier::A,
            agent_file::Tier::B => Tier::B,
        });
        let min_tier = if backend == BackendKind::Host && sandbox.min_tier.is_none() { Tier::None } else { wanted };
        let mounts = sandbox.mounts.iter().map(|text| mount(text, asked.folder)).collect::<Result<_, _>>()?;
        Ok(SandboxSpec {
            id: SandboxId::random(),
            backend,
            kind: kind.to_owned(),
            user: asked.user.to_owned(),
            session: asked.session.map(str::to_owned),
            agent: (sandbox.share == agent_file::Share::Agent).then(|| asked.agent.to_owned()),
            image: sandbox.image.clone().filter(|_| has_images(backend)),
            packages: Packages { python: sandbox.packages.python.clone(), system: sandbox.packages.system.clone() },
            workspace: workspace(asked)?,
            mounts,
            env: sandbox.env.iter().map(|(name, value)| (name.clone(), value.expose().to_owned())).collect(),
            min_tier,
            network: network(&sandbox.network)?,
            limits: limits(&sandbox.limits)?,
            lifetime: Lifetime {
                idle: lasting(sandbox.idle_timeout.map_or(IDLE, |span| span.0)),
                age: lasting(sandbox.max_age.map_or(AGE, |span| span.0)),
                tied: asked.tied,
            },
            labels: std::collections::BTreeMap::new(),
        })
    }

    /// Where a sandbox as `sandbox` asks for would be made, and how strong it would be. Makes none.
    ///
    /// # Errors
    /// Why it cannot be made, and what to do about it.
    pub async fn expected(&self, sandbox: &agent_file::Sandbox) -> Result<(BackendKind, Tier), SandboxError> {
        let kind = self.choose(sandbox).await?;
        let probe = self.backend(kind)?.probe().await;
        let failed = |what| Err(SandboxError::Failed { what, hint: probe.hint.clone() });
        match &probe.confinement {
            None => failed(format!("the backend `{kind}` cannot be used here")),
            Some(found) if sandbox.min_tier == Some(agent_file::Tier::A) && found.tier != Tier::A => failed(format!(
                "the backend `{kind}` gives tier {} isolation here, and `min_tier` is {}",
                found.tier,
                Tier::A
            )),
            Some(found) => Ok((kind, found.tier)),
        }
    }

    /// The backend that is named, or for `auto` the first of `local` and `docker` that can be used here.
    async fn choose(&self, sandbox: &agent_file::Sandbox) -> Result<BackendKind, SandboxError> {
        use agent_file::Backend;
        match sandbox.backend {
            Backend::Local => Ok(BackendKind::Local),
            Backend::Docker => Ok(BackendKind::Docker),
            Backend::Gvisor => Ok(BackendKind::Gvisor),
            Backend::Host => Ok(BackendKind::Host),
            Backend::Kubernetes => Err(later("kubernetes")),
            Backend::Remote => Err(later("remote")),
            Backend::Auto if !sandbox.packages.system.is_empty() => Ok(BackendKind::Docker),
            Backend::Auto => self.first_that_works().await,
        }
    }

    async fn first_that_works(&self) -> Result<BackendKind, SandboxError> {
        let mut reasons = vec![];
        let mut hints = vec![];
        for kind in [BackendKind::Local, BackendKind::Docker] {
            let Ok(backend) = self.backend(kind) else {
                reasons.push(format!("`{kind}` does not exist on this system"));
                continue;
            };
            if backend.available().await {
                return Ok(kind);
            }
            reasons.push(format!("`{kind}` cannot be used here"));
            hints.extend(backend.probe().await.hint);
        }
        hints.push("`agentscope sandbox doctor` says what is missing".to_owned());
        Err(SandboxError::Failed {
            what: format!("there is no isolation for a sandbox on this machine: {}", reasons.join(", ")),
            hint: Some(hints.join("; ")),
        })
    }
}

fn later(backend: &str) -> SandboxError {
    SandboxError::Failed {
        what: format!("this version has no `{backend}` sandboxes yet"),
        hint: Some("use `auto`, `local` or `docker`".to_owned()),
    }
}

fn has_images(backend: BackendKind) -> bool {
    matches!(backend, BackendKind::Docker | BackendKind::Gvisor)
}

/// A limit of time, where nothing means for ever.
fn lasting(time: std::time::Duration) -> Option<std::time::Duration> {
    Some(time).filter(|time| !time.is_zero())
}

fn workspace(asked: &Asked<'_>) -> Result<Workspace, SandboxError> {
    let wanted = &asked.sandbox.workspace;
    let mode = wanted.mode.map_or(asked.mode, |mode| match mode {
        agent_file::WorkspaceMode::Rw => WorkspaceMode::Rw,
        agent_file::WorkspaceMode::Ro => WorkspaceMode::Ro,
        agent_file::WorkspaceMode::Copy => WorkspaceMode::Copy,
        agent_file::WorkspaceMode::None => WorkspaceMode::None,
    });
    let path = match mode {
        WorkspaceMode::None => None,
        _ => {
            let path = wanted.path.as_ref().map_or_else(|| asked.workspace.to_owned(), |path| asked.folder.join(path));
            Some(real(&path, "the workspace")?)
        }
    };
    if path.as_deref().is_some_and(|path| path.parent().is_none()) {
        return Err(SandboxError::Failed {
            what: "the root of the file system cannot be a workspace".to_owned(),
            hint: Some("choose the folder of the project".to_owned()),
        });
    }
    if path.as_deref().is_some_and(|path| !path.is_dir()) {
        return Err(SandboxError::Failed { what: "the workspace is not a folder".to_owned(), hint: None });
    }
    Ok(Workspace { mode, path, hide: wanted.hide.clone(), protect: wanted.protect.clone() })
}

fn real(path: &Path, what: &str) -> Result<PathBuf, SandboxError> {
    path.canonicalize().map_err(SandboxError::io(format!("find {what}, `{}`", path.display())))
}

/// Folders that are the box's own.
const OWN: [&str; 5] = ["/proc", "/sys", "/dev", "/run/agentscope", "/workspace"];

fn mount(text: &str, folder: &Path) -> Result<Mount, SandboxError> {
    let wrong = || SandboxError::Failed {
        what: format!("`{text}` is not a mount"),
        hint: Some("write `./data:/data` or `./data:/data:ro`; the second path is absolute".to_owned()),
    };
    let mut parts = text.split(':');
    let (Some(host), Some(inside), access, None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return Err(wrong());
    };
    let read_only = match access {
        None | Some("rw") => false,
        Some("ro") => true,
        Some(_) => return Err(wrong()),
    };
    let inside = PathBuf::from(inside);
    let plain = inside.is_absolute()
        && inside.parent().is_some()
        && inside.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
    if host.is_empty() || !plain {
        return Err(wrong());
    }
    if let Some(own) = OWN.iter().find(|own| inside.starts_with(own)) {
        return Err(SandboxError::Failed {
            what: format!("nothing can be mounted on `{}`: `{own}` is the sandbox's own", inside.display()),
            hint: Some("choose another path inside".to_owned()),
        });
    }
    Ok(Mount { host: real(&folder.join(host), "what is to be mounted")?, inside, read_only })
}

fn network(wanted: &agent_file::Network) -> Result<Network, SandboxError> {
    Ok(match wanted {
        agent_file::Network::None => Network::None,
        agent_file::Network::Full => Network::Full,
        agent_file::Network::Allow(hosts) => {
            AllowList::parse(&hosts.allow)
                .map_err(|error| SandboxError::Failed { what: error.to_string(), hint: None })?;
            Network::Allow(hosts.allow.clone())
        }
    })
}

/// What the daemon inside and one small program need, in bytes and in processes: with less nothing would start.
const LEAST_MEMORY: u64 = 16 << 20;
const LEAST_PIDS: u32 = 4;

fn limits(wanted: &agent_file::SandboxLimits) -> Result<Limits, SandboxError> {
    let default = Limits::default();
    let limits = Limits {
        cpu_millis: wanted.cpu.map_or(default.cpu_millis, |cpu| cpu.0),
        memory: wanted.memory.map_or(default.memory, |memory| memory.0),
        pids: wanted.pids.unwrap_or(default.pids),
        disk: wanted.disk.map_or(default.disk, |disk| disk.0),
    };
    let too_low = |what: &str, least: &str| {
        Err(SandboxError::Failed {
            what: format!("a sandbox cannot start with so {what}"),
            hint: Some(format!("give it {least} or more")),
        })
    };
    if limits.memory < LEAST_MEMORY {
        return too_low("little memory", "16Mi");
    }
    if limits.pids < LEAST_PIDS {
        return too_low("few processes", "4");
    }
    Ok(limits)
}
