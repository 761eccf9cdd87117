//! Making a box: the image, the folder, the container, the daemon, the way out.

use std::{
    io,
    os::{
        fd::{AsRawFd as _, OwnedFd},
        unix::{
            fs::{PermissionsExt as _, chown},
            net::UnixListener,
        },
    },
    path::{Path, PathBuf},
    pin::Pin,
    sync::PoisonError,
    time::Duration,
};

use bollard::{
    container::{AttachContainerResults, LogOutput},
    query_parameters::{
        AttachContainerOptionsBuilder, CreateContainerOptionsBuilder, StartContainerOptions,
        UploadToContainerOptionsBuilder,
    },
};
use futures_util::{Stream, StreamExt as _};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use super::{
    DockerBackend,
    binary::Binary,
    container::{self, Parts, Who, name},
    engine::{Engine, failed},
    pool::member_name,
    pull,
};
use crate::sandbox::{
    BackendKind, BoxFolder, Confinement, Network, Packages, Progress, Record, SandboxBackend as _, SandboxError,
    SandboxSpec, Token, WorkspaceMode,
    daemon::{DaemonConfig, Listen},
    egress,
    handoff::{self, Report},
    image::Recipe,
    workspace::WorkspacePlan,
};

/// Until the daemon answers, from the start of the container; gVisor takes seconds.
pub(super) const READY_WITHIN: Duration = Duration::from_secs(60);

/// In the folder of a box: what covers folders that are not to be seen.
const EMPTY: &str = "empty";

/// Where a box is made.
struct Place<'a> {
    /// Of the container.
    name: String,
    folder: BoxFolder,
    /// What a warm box is made for.
    pool: Option<&'a str>,
}

type Output = Pin<Box<dyn Stream<Item = Result<LogOutput, bollard::errors::Error>> + Send>>;

impl DockerBackend {
    /// Makes the box, or with `pool` a warm one that is made for what this says.
    pub(super) async fn start_as(
        &self,
        spec: &SandboxSpec,
        pool: Option<&str>,
        progress: &dyn Progress,
    ) -> Result<Confinement, SandboxError> {
        let engine = self.engine().await?;
        possible(spec, engine)?;
        let binary = Binary::of(self.program(), &engine.arch)?;
        let image = self.image(spec, progress).await?;
        let place = match pool {
            Some(_) => {
                Place { name: member_name(&spec.id), folder: BoxFolder::new(&self.pool_folder(), &spec.id), pool }
            }
            None => Place { name: name(&spec.id), folder: self.folder(&spec.id), pool },
        };
        let kept = place.folder.exists();
        let made = self.make(spec, engine, (&binary, &image), &place).await;
        if made.is_err() {
            // What went wrong first is what matters.
            let _ = self.remove_named(&place.name).await;
            if !kept {
                let _ = place.folder.remove();
            }
        }
        made
    }

    /// The name of the image, which is there then, with the packages of the box in it.
    async fn image(&self, spec: &SandboxSpec, progress: &dyn Progress) -> Result<String, SandboxError> {
        let base = spec.image.as_deref().unwrap_or(container::DEFAULT_IMAGE).to_owned();
        let Packages { python, system } = spec.packages.clone();
        let recipe = Recipe { base, python, system };
        if recipe.is_empty() {
            pull::have(self.engine().await?, &recipe.base, progress).await?;
            return Ok(recipe.base);
        }
        self.build(&recipe, None, progress).await
    }

    async fn make(
        &self,
        spec: &SandboxSpec,
        engine: &Engine,
        (binary, image): (&Binary, &str),
        place: &Place<'_>,
    ) -> Result<Confinement, SandboxError> {
        let who = Who::of(engine, spec.workspace.path.as_deref());
        let (own, spec_of_it, local) = (place.folder.clone(), spec.clone(), engine.local);
        let preparing = tokio::task::spawn_blocking(move || prepare(&spec_of_it, &own, who, local));
        let prepared =
            preparing.await.map_err(|error| SandboxError::io("prepare the sandbox")(io::Error::other(error)))??;
        let (workspace, hidden, listener) = (prepared.workspace, prepared.hidden, prepared.listener);
        let parts = Parts {
            engine,
            image,
            binary,
            home: &self.settings.root,
            workspace,
            hidden,
            empty: place.folder.path().join(EMPTY),
            egress: listener.as_ref().map(|(_, path)| path.clone()),
            who,
            pool: place.pool,
        };
        self.make_container(spec, &parts, &place.name).await?;
        let token = Token::random();
        let ready = launch(spec, engine, &place.name, &token).await?;
        if let (Some((listener, _)), Network::Allow(allow)) = (&listener, &spec.network) {
            let alive = self.alive(spec).await?;
            egress::start(&self.settings.program, place.folder.path(), allow, listener, &alive)?;
        }
        let confinement = container::confinement(spec, engine);
        let writing = || SandboxError::io("write down the sandbox");
        token.keep(place.folder.path()).map_err(writing())?;
        if place.pool.is_none() {
            let record = Record {
                spec: spec.without_secrets(),
                confinement: confinement.clone(),
                created: jiff::Timestamp::now(),
            };
            place.folder.write_record(&record).map_err(writing())?;
        }
        if spec.lifetime.tied {
            self.tied.lock().unwrap_or_else(PoisonError::into_inner).insert(spec.id.clone(), ready);
        }
        Ok(confinement)
    }

    /// Makes the container, with our executable in its volume.
    async fn make_container(&self, spec: &SandboxSpec, parts: &Parts<'_>, name: &str) -> Result<(), SandboxError> {
        let docker = &parts.engine.docker;
        // One that ended and was not cleaned up, such as when the engine was killed.
        if parts.pool.is_none() && self.container(&spec.id).await?.is_some() {
            self.remove_container(&spec.id).await?;
        }
        parts.binary.admit(docker).await?;
        let body = container::body(spec, parts);
        let options = CreateContainerOptionsBuilder::default().name(name).build();
        docker.create_container(Some(options), body).await.map_err(failed("make the container"))?;
        if !parts.binary.is_whole_in(docker, name).await {
            parts.binary.fill(parts.engine, parts.image).await?;
        }
        if parts.workspace.is_none() {
            own_volume(parts, name).await?;
        }
        Ok(())
    }

    /// Becomes readable when the box ends.
    async fn alive(&self, spec: &SandboxSpec) -> Result<OwnedFd, SandboxError> {
        let gone = || SandboxError::Failed { what: "the sandbox ended before it was ready".to_owned(), hint: None };
        let pid = async || -> Result<i32, SandboxError> {
            let state = self.container(&spec.id).await?.and_then(|container| container.state);
            state.and_then(|state| i32::try_from(state.pid?).ok()).filter(|pid| *pid > 0).ok_or_else(gone)
        };
        let first = pid().await?;
        let open = rustix::process::Pid::from_raw(first)
            .and_then(|pid| rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()).ok())
            .ok_or_else(|| SandboxError::Unsupported {
                backend: self.settings.kind,
                what: "have an allow list of hosts: the engine's processes are not on this machine".to_owned(),
                hint: "use `none` or `full`, or the `local` backend".to_owned(),
            })?;
        // The number may have become another's while it was opened.
        if pid().await? == first { Ok(open) } else { Err(gone()) }
    }
}

/// Starts the container and hands the daemon its configuration; returns its standard input once it answers.
async fn launch(
    spec: &SandboxSpec,
    engine: &Engine,
    container: &str,
    token: &Token,
) -> Result<Pin<Box<dyn AsyncWrite + Send>>, SandboxError> {
    let docker = &engine.docker;
    let attach = AttachContainerOptionsBuilder::default().stdin(true).stdout(true).stderr(true).stream(true);
    let AttachContainerResults { mut output, mut input } =
        docker.attach_container(container, Some(attach.build())).await.map_err(failed("attach to the container"))?;
    docker.start_container(container, None::<StartContainerOptions>).await.map_err(failed("start the container"))?;
    let config = DaemonConfig {
        id: spec.id.clone(),
        token: token.clone(),
        workspace: PathBuf::from(container::WORKSPACE),
        env: spec.env.clone(),
        lifetime: spec.lifetime,
        listen: Listen::Unix(PathBuf::from(container::SOCKET)),
    };
    let sent = async {
        input.write_all(&handoff::message(&config)?).await?;
        input.flush().await
    };
    sent.await.map_err(SandboxError::io("configure the sandbox"))?;
    match tokio::time::timeout(READY_WITHIN, report(&mut output)).await {
        Err(_) => Err(SandboxError::Silent(READY_WITHIN)),
        Ok(Ok(())) => Ok(input),
        Ok(Err(what)) => Err(SandboxError::Failed {
            what: format!("the sandbox ended before it was ready: {what}"),
            hint: Some("`docker run --rm IMAGE true` shows whether the image runs at all".to_owned()),
        }),
    }
}

/// What the daemon says when it is ready, or cannot be.
async fn report(output: &mut Output) -> Result<(), String> {
    let mut said: Vec<u8> = vec![];
    while let Some(Ok(part)) = output.next().await {
        said.extend_from_slice(&part.into_bytes());
        for line in said.split(|byte| *byte == b'\n') {
            match serde_json::from_slice(line) {
                Ok(Report::Ready { .. }) => return Ok(()),
                Ok(Report::Failed { what }) => return Err(what),
                Err(_) => {}
            }
        }
    }
    let text = String::from_utf8_lossy(&said).trim().to_owned();
    Err(if text.is_empty() { "it said nothing".to_owned() } else { text })
}

/// What the engine cannot do for this spec.
fn possible(spec: &SandboxSpec, engine: &Engine) -> Result<(), SandboxError> {
    let unsupported = |what: &str, hint: &str| {
        Err(SandboxError::Unsupported { backend: spec.backend, what: what.to_owned(), hint: hint.to_owned() })
    };
    if let Network::Allow(allow) = &spec.network {
        egress::check(allow)?;
        if spec.backend == BackendKind::Gvisor {
            return unsupported("have an allow list of hosts", "use `docker`, or `none` or `full`");
        }
    }
    if !engine.local {
        let files = spec.workspace.path.is_some() || !spec.mounts.is_empty();
        if files {
            return unsupported(
                &format!("show the engine at `{}` files of this machine", engine.host),
                "use the workspace `none` without mounts, and `agentscope sandbox cp`",
            );
        }
        if matches!(spec.network, Network::Allow(_)) {
            return unsupported(
                &format!("have an allow list of hosts on the engine at `{}`", engine.host),
                "use `none` or `full`",
            );
        }
    }
    Ok(())
}

/// What a container mounts of this machine.
struct Prepared {
    workspace: Option<PathBuf>,
    /// Files and folders of it that are covered.
    hidden: Vec<PathBuf>,
    listener: Option<(UnixListener, PathBuf)>,
}

/// With `rw` and `copy` the folder of the box is filled before the first call, and kept in step.
fn prepare(spec: &SandboxSpec, folder: &BoxFolder, who: Who, local: bool) -> Result<Prepared, SandboxError> {
    let io = || SandboxError::io("make the folder of the sandbox");
    folder.make().map_err(io())?;
    let empty = folder.path().join(EMPTY);
    match std::fs::create_dir(&empty) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(io()(error)),
        _ => std::fs::set_permissions(&empty, std::fs::Permissions::from_mode(0o555)).map_err(io())?,
    }
    let listener = match &spec.network {
        Network::Allow(_) => Some(listen(folder).map_err(io())?),
        _ => None,
    };
    if !local {
        return Ok(Prepared { workspace: None, hidden: vec![], listener });
    }
    let plan = WorkspacePlan::find(&spec.workspace)?;
    if let (WorkspaceMode::Ro, Some(path)) = (plan.mode, plan.folder) {
        return Ok(Prepared { workspace: Some(path), hidden: plan.hide, listener });
    }
    let own = folder.workspace();
    if rustix::process::geteuid().is_root() {
        chown(&own, Some(who.uid), Some(who.gid)).map_err(io())?;
    }
    Ok(Prepared { workspace: Some(own), hidden: vec![], listener })
}

/// The socket that is mounted into the box. Whoever runs there may use it: the policy is the proxy's.
fn listen(folder: &BoxFolder) -> io::Result<(UnixListener, PathBuf)> {
    let run = folder.path().join("run");
    let path = run.join(egress::SOCKET);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // The address of a Unix socket holds 108 bytes, which a home folder may exceed.
    let opened = std::fs::File::open(&run)?;
    let short = Path::new("/proc/self/fd").join(opened.as_raw_fd().to_string()).join(egress::SOCKET);
    let listener = UnixListener::bind(if path.as_os_str().len() < 100 { &path } else { &short })?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666))?;
    Ok((listener, path))
}

/// Gives the volume that is the workspace to the user of the box: engines make it root's.
async fn own_volume(parts: &Parts<'_>, container: &str) -> Result<(), SandboxError> {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Directory);
    header.set_mode(0o755);
    header.set_uid(parts.who.uid.into());
    header.set_gid(parts.who.gid.into());
    header.set_size(0);
    let mut archive = tar::Builder::new(vec![]);
    let packed = archive.append_data(&mut header, "./", io::empty()).and_then(|()| archive.into_inner());
    let packed = packed.map_err(SandboxError::io("pack the workspace"))?;
    let options = UploadToContainerOptionsBuilder::default().path(container::WORKSPACE).build();
    parts
        .engine
        .docker
        .upload_to_container(container, Some(options), bollard::body_full(packed.into()))
        .await
        .map_err(failed("make the workspace"))
}
