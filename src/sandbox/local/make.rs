//! What there is to a box before its process becomes it: its folder, its sockets, and what it is told.

use std::{
    fs, io,
    os::unix::net::{UnixListener, UnixStream},
    path::Path,
};

use super::{
    LocalBackend,
    config::{Bounds, InitConfig, Phase, Trouble},
    environment,
    launch::{Launched, Refusal},
    pidfd,
    place::Place,
    probe,
};
use crate::{
    config::make_private,
    sandbox::{
        BoxFolder, Clearance, Confinement, Network, ProcessId, Record, SandboxError, SandboxSpec, Tier, Token,
        WorkspaceMode,
        daemon::{DaemonConfig, Listen},
        egress,
        folder::Draft,
        workspace::WorkspacePlan,
    },
};

/// A box that waits to go on, and is no box to anybody before.
pub(super) struct Ready {
    pub(super) record: Record,
    draft: Draft,
    launched: Launched,
}

impl Ready {
    /// Lets it live on by itself once it may, and waits until its daemon answers. The box of a tied lifetime ends with the
    /// socket. Blocks.
    ///
    /// # Errors
    /// It is not to live; as the system says. What is left of it is to be removed.
    pub(super) fn go(self, clearance: &mut Clearance) -> Result<UnixStream, SandboxError> {
        clearance.block_on_granted()?;
        self.draft.publish(&self.record).map_err(SandboxError::io("keep what the sandbox is"))?;
        self.launched.go();
        clearance.tell_alive(&self.record.confinement);
        self.launched.answers()
    }
}

/// What is in the folder of a box beside what it works on.
struct Files {
    daemon: UnixListener,
    log: fs::File,
    process: Draft,
    record: Draft,
}

impl Files {
    fn make(folder: &BoxFolder, daemon: Option<&DaemonConfig>) -> io::Result<Self> {
        if let Some(daemon) = daemon {
            daemon.token.keep(folder.path())?;
        }
        Ok(Self {
            daemon: folder.listen()?,
            log: fs::OpenOptions::new().create(true).append(true).open(folder.log())?,
            process: folder.draft_process()?,
            record: folder.draft_record()?,
        })
    }
}

impl LocalBackend {
    /// Makes a box of the best tier there is, which waits to go on. May block.
    pub(super) fn make(&self, spec: &SandboxSpec, packages: Option<&Path>) -> Result<Ready, SandboxError> {
        let folder = self.folder(&spec.id);
        if let Some(trouble) = self.shared.only_b.get() {
            return self.make_b(&folder, spec, packages, trouble);
        }
        match self.make_tier(&folder, spec, packages, Tier::A) {
            Ok(made) => Ok(made),
            Err(Refusal::Trouble(trouble)) if trouble.phase == Phase::Namespaces && !trouble.passes() => {
                let made = self.make_b(&folder, spec, packages, &trouble);
                let _ = self.shared.only_b.set(trouble);
                made
            }
            Err(refusal) => Err(refusal.into()),
        }
    }

    fn make_b(
        &self,
        folder: &BoxFolder,
        spec: &SandboxSpec,
        packages: Option<&Path>,
        trouble: &Trouble,
    ) -> Result<Ready, SandboxError> {
        if spec.min_tier == Tier::A {
            return Err(SandboxError::Tier {
                wanted: Tier::A,
                found: Tier::B.to_string(),
                missing: trouble.to_string(),
                hint: probe::hint(),
            });
        }
        probe::allowed_in_b(spec, trouble)?;
        Ok(self.make_tier(folder, spec, packages, Tier::B)?)
    }

    fn make_tier(
        &self,
        folder: &BoxFolder,
        spec: &SandboxSpec,
        packages: Option<&Path>,
        tier: Tier,
    ) -> Result<Ready, Refusal> {
        let other = |what: &str| {
            let what = what.to_owned();
            move |error| Refusal::Other(SandboxError::io(what)(error))
        };
        let making = |error| Refusal::Other(SandboxError::io(format!("make `{}`", folder.path().display()))(error));
        let keeping = |error| Refusal::Other(SandboxError::io("keep what the sandbox is")(error));
        folder.forget_process().map_err(other("make the sandbox anew"))?;
        // By its name whoever clears up after us finds the cgroup.
        make_private(folder.path()).map_err(making)?;
        let waiting = self.fork().map_err(other("start the process of the sandbox"))?;
        let bound = waiting.bound(&Bounds { cgroup: self.site().of(&spec.id), limits: spec.limits });
        let told = self.config(folder, spec, packages, tier).and_then(|config| {
            // This one goes into the box.
            let proxied = matches!(spec.network, Network::Allow(_));
            let proxy = proxied.then(|| folder.listen_as(egress::SOCKET)).transpose().map_err(making)?;
            let told = bound.and_then(|()| waiting.tell(&config));
            // It has enough to do until it needs the rest, and to make files takes the file system a while.
            let files = Files::make(folder, config.daemon.as_ref()).map_err(making)?;
            Ok((told.and_then(|()| waiting.hand(&files.daemon, &files.log)), files, proxy))
        });
        let (told, files, proxy) = match told {
            Ok(told) => told,
            Err(refusal) => {
                waiting.abandon();
                return Err(refusal);
            }
        };
        let launched = waiting.confined(told)?;
        let mut layers = launched.layers.clone();
        layers.extend(self.site().layers());
        let confinement = Confinement { tier, layers };
        let process = ProcessId::of(launched.pid).ok_or(io::ErrorKind::NotFound.into());
        process.and_then(|process| files.process.publish(&process)).map_err(keeping)?;
        if let (Some(proxy), Network::Allow(allow)) = (proxy, &spec.network) {
            let alive = pidfd(launched.pid).map_err(other("watch the process of the sandbox"))?;
            egress::start(&self.program, folder.path(), allow, &proxy, &alive).map_err(Refusal::Other)?;
        }
        let record = Record { spec: spec.without_secrets(), confinement, created: jiff::Timestamp::now() };
        Ok(Ready { record, draft: files.record, launched })
    }

    /// Makes the folder, and what the process in it is told.
    fn config(
        &self,
        folder: &BoxFolder,
        spec: &SandboxSpec,
        packages: Option<&Path>,
        tier: Tier,
    ) -> Result<InitConfig, Refusal> {
        let making = |error| Refusal::Other(SandboxError::io(format!("make `{}`", folder.path().display()))(error));
        folder.make().map_err(making)?;
        let overlay = matches!(spec.workspace.mode, WorkspaceMode::Rw | WorkspaceMode::Copy) && tier == Tier::A;
        let plan = WorkspacePlan::find(&spec.workspace).map_err(Refusal::Other)?;
        if overlay {
            for name in ["upper", "work"] {
                fs::create_dir_all(folder.path().join(name)).map_err(making)?;
            }
        }
        let mut spec = spec.clone();
        spec.workspace.path = plan.folder;
        let place = Place::of(folder.path(), &spec.id);
        if tier == Tier::B {
            place.make(&spec, folder).map_err(making)?;
        }
        let mut env = environment::of(&spec, tier, &place);
        if let Some(layer) = packages {
            let mount = place.packages(layer, tier).map_err(making)?;
            env.extend(environment::with_packages(&mount.inside, &env));
            spec.mounts.push(mount);
        }
        let daemon = DaemonConfig {
            id: spec.id.clone(),
            token: Token::random(),
            workspace: place.seen(tier, &spec),
            env,
            lifetime: spec.lifetime,
            listen: Listen::Descriptor,
        };
        Ok(InitConfig {
            folder: folder.path().to_owned(),
            tier,
            protect: plan.protect,
            hide: plan.hide,
            spec,
            daemon: Some(daemon),
        })
    }
}

impl From<Trouble> for Refusal {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}
