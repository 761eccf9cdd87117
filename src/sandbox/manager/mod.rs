//! All sandboxes of a user: made, found again, kept in step with what the backends say there is.
//!
//! A sandbox that somebody is at work on, mostly to make it, or that is to end with the process that made it, is held by a
//! lock of that process. When the process dies, however it dies, the lock is free, and whoever looks next clears up.

mod create;
mod handle;
mod info;
mod locks;
mod packages;
mod reconcile;
mod session;
#[cfg(test)]
mod tests;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
    time::Duration,
};

use jiff::Timestamp;

use self::locks::to_the_end;
pub use handle::{Call, Done, Sandbox};
pub use info::{Filter, SandboxInfo};

use super::{
    Action, Audit, BackendKind, HostBackend, Probe, Progress, SandboxBackend, SandboxError, SandboxId, SandboxSpec,
    Status, Usage,
    docker::{DockerBackend, DockerSettings},
    executable::program,
    image::Recipe,
    registry::{Record, Registry},
};
use crate::config::{Env, Locks, Paths};

/// The sandboxes of one user. A clone is another handle to the same ones.
#[derive(Clone)]
pub struct Sandboxes {
    shared: Arc<Shared>,
}

struct Shared {
    /// `$STATE/sandboxes`, with a folder for each.
    root: PathBuf,
    database: PathBuf,
    locks: Locks,
    registry: OnceLock<Registry>,
    audit: Audit,
    /// `$CACHE`.
    cache: PathBuf,
    backends: Vec<Arc<dyn SandboxBackend>>,
}

impl Sandboxes {
    /// The sandboxes that are kept in `paths`, with all backends that this system has. Opens nothing yet.
    #[must_use]
    pub fn open(env: &Env, paths: &Paths) -> Self {
        Self::open_with(env, paths, None)
    }

    /// The same with `runtime_binary` put into containers, a static executable of this version for Linux; without one,
    /// what AGENTSCOPE_RUNTIME_BINARY names, else this program itself.
    #[must_use]
    pub fn open_with(env: &Env, paths: &Paths, runtime_binary: Option<&Path>) -> Self {
        let root = paths.state.join("sandboxes");
        let mut backends: Vec<Arc<dyn SandboxBackend>> = vec![Arc::new(HostBackend::new(root.clone(), program(), env))];
        #[cfg(target_os = "linux")]
        {
            let packages = super::PackageLayers::new(&paths.cache, env.clone());
            backends.push(Arc::new(super::LocalBackend::new(root.clone(), program()).with_packages(packages)));
        }
        let runtime_binary = runtime_binary.or_else(|| env.var("AGENTSCOPE_RUNTIME_BINARY").map(Path::new));
        let docker = DockerBackend::new(DockerSettings {
            kind: BackendKind::Docker,
            env: env.clone(),
            root,
            program: program(),
            runtime_binary: runtime_binary.map(|path| env.cwd.join(path)),
        });
        let gvisor = docker.gvisor();
        backends.push(Arc::new(docker));
        backends.push(Arc::new(gvisor));
        Self::new(paths, backends)
    }

    /// The sandboxes that are kept in `paths` and made by `backends`. Opens nothing yet.
    #[must_use]
    pub fn new(paths: &Paths, backends: Vec<Arc<dyn SandboxBackend>>) -> Self {
        Self {
            shared: Arc::new(Shared {
                root: paths.state.join("sandboxes"),
                database: paths.state.join("sandboxes.db"),
                locks: Locks::new(paths.state.join("sandboxes.locks").join("all")),
                registry: OnceLock::new(),
                audit: Audit::at(paths.state.join("sandboxes.audit.jsonl")),
                cache: paths.cache.clone(),
                backends,
            }),
        }
    }

    #[must_use]
    pub fn audit(&self) -> &Audit {
        &self.shared.audit
    }

    /// What each backend offers here.
    pub async fn probe(&self) -> Vec<Probe> {
        let mut probes = vec![];
        for backend in &self.shared.backends {
            probes.push(backend.probe().await);
        }
        probes
    }

    /// Keeps `count` sandboxes like this one ready, where that makes the next one come sooner.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub async fn warm(&self, spec: &SandboxSpec, count: u32) -> Result<(), SandboxError> {
        self.backend(spec.backend)?.warm(spec, count).await
    }

    /// Makes an image with packages for the backends that have images; see [`SandboxBackend::build`].
    ///
    /// # Errors
    /// No engine; an installation that fails.
    pub async fn build(
        &self,
        recipe: &Recipe,
        name: Option<&str>,
        progress: &dyn Progress,
    ) -> Result<String, SandboxError> {
        self.backend(BackendKind::Docker)?.build(recipe, name, progress).await
    }

    /// The sandbox whose id is `id` or begins with it.
    ///
    /// # Errors
    /// [`SandboxError::NotFound`], [`SandboxError::Ambiguous`].
    pub async fn find(&self, id: &str) -> Result<Sandbox, SandboxError> {
        let record = self.record(id).await?;
        let backend = self.backend(record.spec.backend)?;
        Ok(Sandbox::new(self.clone(), record.spec, record.confinement, backend, None))
    }

    async fn record(&self, id: &str) -> Result<Record, SandboxError> {
        let mut found = self.like(id).await?;
        if found.is_empty() {
            // One that our memory lost, or that another's memory holds.
            self.reconcile().await?;
            found = self.like(id).await?;
        }
        match found.len() {
            0 => Err(SandboxError::NotFound { id: id.to_owned() }),
            1 => Ok(found.swap_remove(0)),
            _ => Err(SandboxError::Ambiguous {
                prefix: id.to_owned(),
                matches: found.into_iter().map(|record| record.spec.id).collect(),
            }),
        }
    }

    async fn like(&self, id: &str) -> Result<Vec<Record>, SandboxError> {
        if id.is_empty() {
            return Ok(vec![]);
        }
        let prefix = id.to_owned();
        self.registry(move |registry| registry.like(&prefix)).await
    }

    /// What is known of the sandbox now.
    ///
    /// # Errors
    /// [`SandboxError::NotFound`].
    pub async fn info(&self, id: &SandboxId) -> Result<SandboxInfo, SandboxError> {
        let record = self.record(id.as_str()).await?;
        match self.backend(record.spec.backend)?.inspect(id).await {
            Ok(found) => self.settle(record, Some(found)).await?,
            Err(SandboxError::NotFound { .. }) => self.settle(record, None).await?,
            Err(_) => Some(SandboxInfo::new(&record, Status::Unknown, Usage::default())),
        }
        .ok_or_else(|| SandboxError::NotFound { id: id.to_string() })
    }

    /// Lets the sandbox live for so long from now on, whatever was said when it was made. Gives when it ends.
    ///
    /// # Errors
    /// [`SandboxError::NotFound`], and one that does not run.
    pub async fn renew(&self, id: &SandboxId, by: Duration) -> Result<Timestamp, SandboxError> {
        let sandbox = self.find(id.as_str()).await?;
        sandbox.client()?.renew(by).await?;
        let until = Timestamp::now().checked_add(by).unwrap_or(Timestamp::MAX);
        let renewed = id.clone();
        self.registry(move |registry| registry.set_expiry(&renewed, until)).await?;
        self.note(sandbox.spec(), Action::Renew { until });
        Ok(until)
    }

    /// Ends every process of the sandbox; its workspace stays. One that is stopped already is left as it is.
    ///
    /// # Errors
    /// [`SandboxError::NotFound`], and what the backend refuses.
    pub async fn stop(&self, id: &SandboxId) -> Result<(), SandboxError> {
        let (all, of) = (self.clone(), id.clone());
        let stopping = async move {
            let record = all.record(of.as_str()).await?;
            match all.backend(record.spec.backend)?.stop(&of).await {
                Ok(()) | Err(SandboxError::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
            if record.state != Status::Stopped {
                all.set_state(&of, Status::Stopped).await?;
                all.note(&record.spec, Action::Stop);
            }
            Ok(())
        };
        // Who takes long to make it sees that it is not to be.
        to_the_end(self.hold(id).await?, stopping).await
    }

    /// Stops the sandbox and deletes all that is left of it. Nothing there is success.
    ///
    /// # Errors
    /// What could not be deleted.
    pub async fn remove(&self, id: &SandboxId) -> Result<(), SandboxError> {
        let record = match self.record(id.as_str()).await {
            Err(SandboxError::NotFound { .. }) => return Ok(()),
            other => other?,
        };
        if record.state == Status::Starting {
            // Its maker sees by this that nobody wants it any more, and lets go of it.
            self.forget(id).await?;
        }
        let all = self.clone();
        to_the_end(self.hold(id).await?, async move { all.remove_all(&record.spec).await }).await
    }

    async fn remove_all(&self, spec: &SandboxSpec) -> Result<(), SandboxError> {
        self.backend(spec.backend)?.remove(&spec.id).await?;
        self.forget(&spec.id).await?;
        self.note(spec, Action::Remove);
        Ok(())
    }

    /// Removes the stopped one of a listing, unless it was made anew or used since: then `false`.
    async fn remove_listed(&self, listed: &SandboxInfo) -> Result<bool, SandboxError> {
        let Some(held) = self.hold(&listed.id).await? else { return Ok(false) };
        let (all, id, created, used) = (self.clone(), listed.id.clone(), listed.created, listed.used);
        let removing = async move {
            match all.registry(move |registry| registry.get(&id)).await? {
                Some(now) if now.created == created && now.used == used => {
                    all.remove_all(&now.spec).await.map(|()| true)
                }
                _ => Ok(false),
            }
        };
        to_the_end(held, removing).await
    }

    /// Freezes every process of the sandbox.
    ///
    /// # Errors
    /// [`SandboxError::NotFound`], [`SandboxError::NotRunning`].
    pub async fn pause(&self, id: &SandboxId) -> Result<(), SandboxError> {
        self.freeze(id, true).await
    }

    /// Thaws what [`pause`](Self::pause) froze.
    ///
    /// # Errors
    /// [`SandboxError::NotFound`], [`SandboxError::NotRunning`].
    pub async fn resume(&self, id: &SandboxId) -> Result<(), SandboxError> {
        self.freeze(id, false).await
    }

    async fn freeze(&self, id: &SandboxId, frozen: bool) -> Result<(), SandboxError> {
        let (all, of) = (self.clone(), id.clone());
        let freezing = async move {
            let record = all.record(of.as_str()).await?;
            all.backend(record.spec.backend)?.freeze(&of, frozen).await?;
            all.set_state(&of, if frozen { Status::Paused } else { Status::Running }).await?;
            all.note(&record.spec, if frozen { Action::Pause } else { Action::Resume });
            Ok(())
        };
        let Some(held) = self.hold(id).await? else {
            return Err(SandboxError::Failed { what: format!("the sandbox `{id}` is still being made"), hint: None });
        };
        to_the_end(held, freezing).await
    }

    /// Removes those that are stopped and were not used since `before`, and what processes that died left behind.
    /// Gives what was removed; with `dry_run`, what would be.
    ///
    /// # Errors
    /// What could not be deleted; the others are gone then.
    pub async fn prune(&self, before: Timestamp, dry_run: bool) -> Result<Vec<SandboxInfo>, SandboxError> {
        let old = |info: &SandboxInfo| info.state == Status::Stopped && info.used <= before;
        let all = self.list(&Filter { all: true, ..Filter::default() }).await?;
        let mut failed = None;
        let mut pruned = vec![];
        for backend in self.shared.backends.iter().filter(|_| !dry_run) {
            match backend.sweep().await {
                // What does not answer has nothing that could be removed now.
                Ok(()) | Err(SandboxError::Unavailable { .. }) => {}
                Err(error) => failed = Some(error),
            }
        }
        for info in all.into_iter().filter(old) {
            match if dry_run { Ok(true) } else { self.remove_listed(&info).await } {
                Ok(true) => pruned.push(info),
                Ok(false) => {}
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(pruned), Err)
    }

    pub(super) fn backend(&self, kind: BackendKind) -> Result<Arc<dyn SandboxBackend>, SandboxError> {
        let found = self.shared.backends.iter().find(|backend| backend.kind() == kind);
        found.cloned().ok_or_else(|| SandboxError::Unavailable {
            backend: kind,
            reason: "it does not exist on this system".to_owned(),
            hint: "use `docker`".to_owned(),
        })
    }

    /// Runs `work` on the registry, which is opened by the first who needs it, on a thread that may block.
    async fn registry<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Registry) -> Result<T, SandboxError> + Send + 'static,
    ) -> Result<T, SandboxError> {
        let shared = self.shared.clone();
        tokio::task::spawn_blocking(move || work(shared.registry()?)).await.map_err(|error| SandboxError::Failed {
            what: format!("the registry of sandboxes failed: {error}"),
            hint: None,
        })?
    }

    async fn set_state(&self, id: &SandboxId, state: Status) -> Result<(), SandboxError> {
        let id = id.clone();
        self.registry(move |registry| registry.set_state(&id, state)).await
    }

    async fn forget(&self, id: &SandboxId) -> Result<(), SandboxError> {
        let id = id.clone();
        self.registry(move |registry| registry.forget(&id)).await
    }

    /// Writes to the audit log. One that cannot be written stops nobody's work.
    fn note(&self, spec: &SandboxSpec, action: Action) {
        self.note_exit(spec, action, None);
    }

    fn note_exit(&self, spec: &SandboxSpec, action: Action, exit: Option<u8>) {
        let _ = self.shared.audit.write(spec, action, exit);
    }

    /// Where everything of this user's is kept.
    fn state(&self) -> &Path {
        self.shared.root.parent().unwrap_or(&self.shared.root)
    }

    /// The folder of the sandbox.
    #[must_use]
    pub fn folder(&self, id: &SandboxId) -> PathBuf {
        self.shared.root.join(id.as_str())
    }
}

impl Shared {
    fn registry(&self) -> Result<&Registry, SandboxError> {
        if let Some(registry) = self.registry.get() {
            return Ok(registry);
        }
        let opened = Registry::open(&self.database)?;
        // Another thread may have been quicker; either will do.
        Ok(self.registry.get_or_init(|| opened))
    }
}
