//! Boxes as containers of a Docker or Podman engine; `gvisor` is the same with the runtime `runsc`.
//!
//! Nothing is published: the daemon inside listens on a Unix socket in the container, and is reached by running our
//! own executable there, whose standard streams are the connection. So it works with any network, any runtime, and an
//! engine on another machine. A box that stops is a container that is gone; its folder stays.

mod binary;
mod container;
mod engine;
pub(super) mod maker;
mod pool;
pub(super) mod pull;
mod start;
mod stream;

use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use bollard::{
    errors::Error,
    models::ContainerInspectResponse,
    query_parameters::{
        InspectContainerOptions, ListContainersOptionsBuilder, RemoveContainerOptionsBuilder, RemoveVolumeOptions,
        StatsOptionsBuilder, WaitContainerOptionsBuilder,
    },
};
use futures_util::StreamExt as _;
use tokio::{io::AsyncWrite, sync::OnceCell};

pub use self::container::DEFAULT_IMAGE;
pub(super) use self::engine::failed;
use self::{container::name, stream::ExecStream};
pub(crate) use self::{
    engine::{Engine, is_status, said},
    maker::{is_gone, this as this_process},
};
use super::{
    BackendKind, BoxFolder, BoxStream, Clearance, Confinement, Found, Layer, Probe, Progress, SandboxBackend,
    SandboxError, SandboxId, SandboxSpec, State, Usage, image,
};
use crate::config::Env;

/// The name of gVisor's runtime in the engine.
const RUNSC: &str = "runsc";

/// Between two tries to remove what is just ending, and how many there are.
const LOOK: Duration = Duration::from_millis(100);
const ENDING: u32 = 50;

/// What the backend is told.
#[derive(Clone, Debug)]
pub struct DockerSettings {
    /// `docker` or `gvisor`.
    pub kind: BackendKind,
    pub env: Env,
    /// The folder of all boxes.
    pub root: PathBuf,
    /// Our own executable.
    pub program: PathBuf,
    /// What is put into containers: a static executable of this version for Linux; else `program`.
    pub runtime_binary: Option<PathBuf>,
}

/// Containers as boxes.
pub struct DockerBackend {
    settings: DockerSettings,
    /// Found by the first who needs it; that of `docker` is that of `gvisor`.
    engine: Arc<OnceCell<Engine>>,
    /// Standard inputs of boxes that end with this process.
    tied: Mutex<HashMap<SandboxId, Pin<Box<dyn AsyncWrite + Send>>>>,
}

impl DockerBackend {
    /// Calls nobody yet.
    #[must_use]
    pub fn new(settings: DockerSettings) -> Self {
        Self { settings, engine: Arc::default(), tied: Mutex::default() }
    }

    /// The same engine with the runtime `runsc`.
    #[must_use]
    pub fn gvisor(&self) -> Self {
        let settings = DockerSettings { kind: BackendKind::Gvisor, ..self.settings.clone() };
        Self { settings, engine: Arc::clone(&self.engine), tied: Mutex::default() }
    }

    async fn engine(&self) -> Result<&Engine, SandboxError> {
        let kind = self.settings.kind;
        let engine = self.engine.get_or_try_init(|| Engine::connect(&self.settings.env, kind)).await?;
        if kind == BackendKind::Gvisor && !engine.runtimes.iter().any(|name| name == RUNSC) {
            return Err(SandboxError::Unavailable {
                backend: kind,
                reason: format!("{} at `{}` has no runtime `{RUNSC}`", engine.name(), engine.host),
                hint: "install gVisor and `sudo runsc install`, then restart the engine".to_owned(),
            });
        }
        Ok(engine)
    }

    /// What is put into containers.
    fn program(&self) -> &Path {
        self.settings.runtime_binary.as_ref().unwrap_or(&self.settings.program)
    }

    fn folder(&self, id: &SandboxId) -> BoxFolder {
        BoxFolder::new(&self.settings.root, id)
    }

    /// The boxes that have a folder, as if all were stopped.
    fn kept(&self) -> Vec<Found> {
        let folders = std::fs::read_dir(&self.settings.root).into_iter().flatten().flatten();
        let ids = folders.filter_map(|entry| entry.file_name().to_str()?.parse::<SandboxId>().ok());
        ids.filter_map(|id| self.stopped(&id)).collect()
    }

    /// The container of a box of ours.
    async fn container(&self, id: &SandboxId) -> Result<Option<ContainerInspectResponse>, SandboxError> {
        let engine = self.engine().await?;
        let mut asked = engine.docker.inspect_container(&name(id), None::<InspectContainerOptions>).await;
        for _ in 0..ENDING {
            // Podman has a state between running and gone that is none of Docker's, and may find it gone while it looks.
            let ending = |error: &Error| {
                matches!(error, Error::JsonDataError { .. })
                    || is_status(error, 500) && engine::said(error).contains("no such container")
            };
            if !asked.as_ref().is_err_and(ending) {
                break;
            }
            tokio::time::sleep(LOOK).await;
            asked = engine.docker.inspect_container(&name(id), None::<InspectContainerOptions>).await;
        }
        match asked {
            Ok(found) => Ok(self.is_ours(&found).then_some(found)),
            Err(error) if is_status(&error, 404) => Ok(None),
            Err(error) => Err(failed(format!("ask for the sandbox `{id}`"))(error)),
        }
    }

    fn is_ours(&self, container: &ContainerInspectResponse) -> bool {
        let labels = container.config.as_ref().and_then(|config| config.labels.as_ref());
        let home = labels.and_then(|labels| labels.get(container::LABEL_HOME));
        home.is_some_and(|home| *home == self.settings.root.display().to_string())
    }

    /// What a box left when it stopped.
    fn stopped(&self, id: &SandboxId) -> Option<Found> {
        let record = self.folder(id).record().ok().filter(|record| record.spec.backend == self.settings.kind)?;
        Some(Found {
            id: id.clone(),
            backend: self.settings.kind,
            state: State::Stopped,
            confinement: record.confinement,
            usage: Usage::default(),
            spec: record.spec,
            created: record.created,
        })
    }

    async fn found(&self, id: &SandboxId, container: &ContainerInspectResponse) -> Option<Found> {
        let engine = self.engine().await.ok()?;
        let state = container::state(container);
        let usage = if state == State::Stopped { Usage::default() } else { usage(engine, id).await };
        if let Some(known) = self.stopped(id) {
            return Some(Found { state, usage, ..known });
        }
        // Its folder is gone: what the engine knows is enough to see it and to remove it.
        let labels = container.config.as_ref()?.labels.as_ref()?;
        let spec = container::spec(labels)?;
        // One that was warm was made under another id.
        let spec = SandboxSpec { id: id.clone(), ..spec };
        Some(Found {
            id: id.clone(),
            backend: self.settings.kind,
            state,
            confinement: container::confinement(&spec, engine),
            usage,
            spec,
            created: container.created.as_ref().and_then(|created| created.parse().ok()).unwrap_or_default(),
        })
    }

    /// Removes the container and waits until it is gone.
    async fn remove_container(&self, id: &SandboxId) -> Result<(), SandboxError> {
        self.tied.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
        self.remove_named(&name(id)).await
    }

    async fn remove_named(&self, name: &str) -> Result<(), SandboxError> {
        let docker = &self.engine().await?.docker;
        let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
        let mut removed = docker.remove_container(name, Some(options.clone())).await;
        for _ in 0..ENDING {
            // Podman: it ended by itself just now, and is not yet seen to have.
            if !removed.as_ref().is_err_and(|error| is_status(error, 500) && engine::said(error).contains("improper")) {
                break;
            }
            tokio::time::sleep(LOOK).await;
            removed = docker.remove_container(name, Some(options.clone())).await;
        }
        match removed {
            Ok(()) => Ok(()),
            Err(error) if is_status(&error, 404) => Ok(()),
            // It ended by itself just now, and the engine is removing it.
            Err(error) if is_status(&error, 409) => {
                let options = WaitContainerOptionsBuilder::default().condition("removed").build();
                let mut waiting = docker.wait_container(name, Some(options));
                while waiting.next().await.is_some_and(|step| step.is_ok()) {}
                Ok(())
            }
            Err(error) => Err(failed(format!("remove the container `{name}`"))(error)),
        }
    }

    /// What `error` of the engine means for something done to a box.
    async fn refused(&self, id: &SandboxId, what: &str, error: Error) -> SandboxError {
        if !is_status(&error, 404) && !is_status(&error, 409) {
            return failed(format!("{what} the sandbox `{id}`"))(error);
        }
        match self.inspect(id).await {
            Ok(found) if found.state == State::Running => failed(format!("{what} the sandbox `{id}`"))(error),
            Ok(found) => SandboxError::NotRunning { id: id.clone(), state: found.state },
            Err(error) => error,
        }
    }
}

async fn usage(engine: &Engine, id: &SandboxId) -> Usage {
    let options = StatsOptionsBuilder::default().stream(false).one_shot(true).build();
    match engine.docker.stats(&name(id), Some(options)).next().await {
        Some(Ok(stats)) => container::usage(&stats),
        _ => Usage::default(),
    }
}

#[async_trait]
impl SandboxBackend for DockerBackend {
    fn kind(&self) -> BackendKind {
        self.settings.kind
    }

    async fn probe(&self) -> Probe {
        let backend = self.settings.kind;
        let layer = |detail: String, active| Layer { name: "engine".to_owned(), detail, active };
        match self.engine().await {
            Ok(engine) => {
                let mut confinement = container::confinement(&SandboxSpec::new(backend, ""), engine);
                confinement.layers.insert(0, layer(format!("{} at {}", engine.name(), engine.host), true));
                let hint = binary::Binary::of(self.program(), &engine.arch)
                    .and_then(|binary| binary.verify())
                    .err()
                    .map(|error| error.hint().map_or_else(|| error.to_string(), |hint| format!("{error}; {hint}")));
                Probe { backend, confinement: Some(confinement), hint }
            }
            Err(error) => Probe {
                backend,
                confinement: None,
                hint: Some(error.hint().map_or_else(|| error.to_string(), |hint| format!("{error}; {hint}"))),
            },
        }
    }

    async fn create(
        &self,
        spec: &SandboxSpec,
        mut clearance: Clearance,
        progress: &dyn Progress,
    ) -> Result<Confinement, SandboxError> {
        // What the engine was asked for last goes on where nobody waits for it any more: a clearance does not hold that back.
        clearance.await_granted().await?;
        let made = match self.claim(spec).await? {
            Some(confinement) => confinement,
            None => self.start_as(spec, None, progress).await?,
        };
        clearance.tell_alive(&made);
        Ok(made)
    }

    async fn inspect(&self, id: &SandboxId) -> Result<Found, SandboxError> {
        let not_found = || SandboxError::NotFound { id: id.to_string() };
        match self.container(id).await? {
            Some(container) => self.found(id, &container).await.ok_or_else(not_found),
            None => self.stopped(id).ok_or_else(not_found),
        }
    }

    async fn list(&self) -> Result<Vec<Found>, SandboxError> {
        let engine = self.engine().await?;
        // The folders first: one whose container is not there afterwards has stopped, and is not about to start.
        let kept = self.kept();
        let home = format!("{}={}", container::LABEL_HOME, self.settings.root.display());
        let filters = HashMap::from([("label".to_owned(), vec![home])]);
        let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
        let containers = engine.docker.list_containers(Some(options)).await.map_err(failed("list containers"))?;
        let ours = containers.into_iter().filter(|container| {
            let spec = container.labels.as_ref().and_then(container::spec);
            spec.is_some_and(|spec| spec.backend == self.settings.kind)
        });
        // By name: a warm one was made for no box yet, and is none.
        let names = ours.filter_map(|container| container.names?.into_iter().next());
        let there: Vec<SandboxId> =
            names.filter_map(|name| name.strip_prefix("/agentscope-")?.parse::<SandboxId>().ok()).collect();
        let found = futures_util::future::join_all(there.iter().map(|id| self.inspect(id))).await;
        // One that went away meanwhile is not there.
        let running = found.into_iter().flatten();
        Ok(running.chain(kept.into_iter().filter(|found| !there.contains(&found.id))).collect())
    }

    async fn freeze(&self, id: &SandboxId, frozen: bool) -> Result<(), SandboxError> {
        let container = self.container(id).await?;
        let state = container.as_ref().map(container::state);
        match (state, frozen) {
            (Some(State::Paused), true) | (Some(State::Running), false) => return Ok(()),
            (Some(State::Paused | State::Running), _) => {}
            _ => {
                let state = self.inspect(id).await?.state;
                return Err(SandboxError::NotRunning { id: id.clone(), state });
            }
        }
        let docker = &self.engine().await?.docker;
        let done =
            if frozen { docker.pause_container(&name(id)).await } else { docker.unpause_container(&name(id)).await };
        match done {
            Ok(()) => Ok(()),
            Err(error) => Err(self.refused(id, if frozen { "pause" } else { "resume" }, error).await),
        }
    }

    async fn connect(&self, id: &SandboxId) -> Result<Box<dyn BoxStream>, SandboxError> {
        let docker = &self.engine().await?.docker;
        let command = [binary::PATH, "__box", "connect", container::SOCKET];
        match ExecStream::open(docker, &name(id), &command).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(self.refused(id, "reach", error).await),
        }
    }

    async fn stop(&self, id: &SandboxId) -> Result<(), SandboxError> {
        if self.container(id).await?.is_some() {
            return self.remove_container(id).await;
        }
        self.stopped(id).map(drop).ok_or_else(|| SandboxError::NotFound { id: id.to_string() })
    }

    async fn remove(&self, id: &SandboxId) -> Result<(), SandboxError> {
        if self.container(id).await?.is_some() {
            self.remove_container(id).await?;
        }
        let engine = self.engine().await?;
        if !engine.local {
            match engine.docker.remove_volume(&name(id), None::<RemoveVolumeOptions>).await {
                Err(error) if !is_status(&error, 404) => {
                    return Err(failed(format!("remove the workspace of the sandbox `{id}`"))(error));
                }
                _ => {}
            }
        }
        let folder = self.folder(id);
        let removing = format!("remove the folder `{}`", folder.path().display());
        tokio::task::spawn_blocking(move || folder.remove())
            .await
            .map_err(io::Error::other)
            .flatten()
            .map_err(SandboxError::io(removing))
    }

    async fn warm(&self, spec: &SandboxSpec, count: u32) -> Result<(), SandboxError> {
        self.fill_pool(spec, count).await
    }

    async fn sweep(&self) -> Result<(), SandboxError> {
        let engine = self.engine().await?;
        maker::sweep(engine).await?;
        if let Ok(binary) = binary::Binary::of(self.program(), &engine.arch) {
            binary.drop_others(&engine.docker).await;
        }
        self.sweep_pool(engine).await
    }

    // Where pip and the package manager find their servers comes from the environment.
    async fn build(
        &self,
        recipe: &image::Recipe,
        name: Option<&str>,
        progress: &dyn Progress,
    ) -> Result<String, SandboxError> {
        let env: Vec<_> = INSTALLERS
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), self.settings.env.var(name)?.to_owned())))
            .collect();
        image::build(self.engine().await?, recipe, name, &env, progress).await
    }
}

/// What tells installers where their servers are.
const INSTALLERS: &[&str] = &[
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
    "PIP_TRUSTED_HOST",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
];
