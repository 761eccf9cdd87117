//! Warm boxes: containers that run and answer before anybody asks for them.
//!
//! A member is an ordinary container of a box, under another name and with its folder beside those of the boxes. To
//! hand it out is to rename both, which only one process can do. Members end by their own idle time.

use std::{collections::HashMap, io, path::Path, time::Duration};

use bollard::{
    models::ContainerSummaryStateEnum,
    query_parameters::{ListContainersOptionsBuilder, RenameContainerOptionsBuilder},
};
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{
    DockerBackend, binary, container,
    container::{Who, name},
    engine::{Engine, failed},
    maker,
    stream::ExecStream,
};
use crate::sandbox::{
    BoxFolder, Confinement, Network, Quiet, Record, SandboxError, SandboxId, SandboxSpec, Token, WorkspaceMode,
};

/// Of a member, with what it was made for.
pub(super) const LABEL: &str = "agentscope.pool";

/// Of a member, with the process that made it: one that does not run and has no maker any more is nobody's.
pub(super) const MAKER: &str = "agentscope.pool.maker";
/// Until the folder of a member without a key is left over: no box takes so long to make.
const MADE_WITHIN: Duration = Duration::from_secs(10 * 60);

/// The container of a member.
pub(super) fn member_name(id: &SandboxId) -> String {
    format!("{PREFIX}{id}")
}

const PREFIX: &str = "agentscope-pool-";

/// Whether nobody is at work in the folder of a member that does not run: without a key it may be being made.
fn is_left_over(folder: &Path) -> bool {
    let age = || folder.metadata().ok()?.modified().ok()?.elapsed().ok();
    Token::of(folder).is_ok() || age().is_some_and(|age| age > MADE_WITHIN)
}

impl DockerBackend {
    /// Makes warm boxes like `spec` until there are `count`, for [`create`](crate::sandbox::SandboxBackend::create) to
    /// hand out. Makes none where no box like it can be handed out: those with mounts of this machine, an allow list,
    /// or a lifetime tied to a process.
    ///
    /// # Errors
    /// As creating one.
    pub(super) async fn fill_pool(&self, spec: &SandboxSpec, count: u32) -> Result<(), SandboxError> {
        let engine = self.engine().await?;
        let Some(key) = key(spec, engine) else { return Ok(()) };
        let there = self.members(engine, &key).await?.len();
        self.sweep_pool(engine).await?;
        for _ in there..usize::try_from(count).unwrap_or_default() {
            let mut member = spec.clone();
            member.id = SandboxId::random();
            member.session = None;
            member.agent = None;
            member.labels.clear();
            member.workspace.path = None;
            self.start_as(&member, Some(&key), &Quiet).await?;
        }
        Ok(())
    }

    /// A warm box becomes the one that `spec` asks for, if there is one that fits and answers.
    pub(super) async fn claim(&self, spec: &SandboxSpec) -> Result<Option<Confinement>, SandboxError> {
        let engine = self.engine().await?;
        let Some(key) = key(spec, engine) else { return Ok(None) };
        let folder = self.folder(&spec.id);
        if folder.exists() {
            // It has a workspace already, which a member cannot take on.
            return Ok(None);
        }
        for member in self.members(engine, &key).await? {
            let own = BoxFolder::new(&self.pool_folder(), &member);
            let token = Token::of(own.path()).ok();
            let answers = match &token {
                Some(token) => healthy(engine, &member_name(&member), token).await,
                None => false,
            };
            if !answers {
                self.discard(&member_name(&member), &own).await;
                continue;
            }
            let options = RenameContainerOptionsBuilder::default().name(&name(&spec.id)).build();
            if engine.docker.rename_container(&member_name(&member), options).await.is_err() {
                // Another process was quicker.
                continue;
            }
            let confinement = container::confinement(spec, engine);
            let record = Record {
                spec: spec.without_secrets(),
                confinement: confinement.clone(),
                created: jiff::Timestamp::now(),
            };
            let taken = std::fs::rename(own.path(), folder.path()).and_then(|()| folder.write_record(&record));
            if let Err(error) = taken {
                self.discard(&name(&spec.id), &folder).await;
                return Err(SandboxError::io("take over the folder of a warm sandbox")(error));
            }
            return Ok(Some(confinement));
        }
        Ok(None)
    }

    /// The members that run.
    async fn members(&self, engine: &Engine, key: &str) -> Result<Vec<SandboxId>, SandboxError> {
        let labels = vec![
            format!("{}={}", container::LABEL_HOME, self.settings.root.display()),
            if key.is_empty() { LABEL.to_owned() } else { format!("{LABEL}={key}") },
        ];
        let filters = HashMap::from([("label".to_owned(), labels)]);
        let options = ListContainersOptionsBuilder::default().filters(&filters).build();
        let listed = engine.docker.list_containers(Some(options)).await.map_err(failed("list warm sandboxes"))?;
        let names = listed.into_iter().filter_map(|container| container.names?.into_iter().next());
        Ok(names.filter_map(|name| name.trim_start_matches('/').strip_prefix(PREFIX)?.parse().ok()).collect())
    }

    /// Deletes the folders of members that ended, and what is left of those whose maker died half way.
    pub(super) async fn sweep_pool(&self, engine: &Engine) -> Result<(), SandboxError> {
        let home = format!("{}={}", container::LABEL_HOME, self.settings.root.display());
        let filters = HashMap::from([("label".to_owned(), vec![home, MAKER.to_owned()])]);
        let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
        let listed = engine.docker.list_containers(Some(options)).await.map_err(failed("list warm sandboxes"))?;
        for container in listed {
            let Some(name) = container.names.iter().flatten().next() else { continue };
            let member = name.trim_start_matches('/');
            let maker = container.labels.as_ref().and_then(|labels| labels.get(MAKER));
            let gone = maker.is_some_and(|maker| maker::is_gone(maker, maker::age(container.created)));
            let idle = container.state.is_some_and(|state| state != ContainerSummaryStateEnum::RUNNING);
            if gone && idle && member.starts_with(PREFIX) {
                maker::remove(engine, member).await?;
            }
        }
        let alive = self.members(engine, "").await?;
        for entry in std::fs::read_dir(self.pool_folder()).into_iter().flatten().flatten() {
            let id = entry.file_name().to_str().and_then(|name| name.parse::<SandboxId>().ok());
            if let Some(id) = id.filter(|id| !alive.contains(id))
                && is_left_over(&entry.path())
            {
                let _ = BoxFolder::new(&self.pool_folder(), &id).remove();
            }
        }
        Ok(())
    }

    async fn discard(&self, container: &str, folder: &BoxFolder) {
        // Whatever stays ends by itself.
        let _ = self.remove_named(container).await;
        let _ = folder.remove();
    }

    /// Beside the boxes, which are called by their ids.
    pub(super) fn pool_folder(&self) -> std::path::PathBuf {
        self.settings.root.join("pool")
    }
}

/// What must be the same in a warm box and in the one that is asked for; `None` where none can be warm.
fn key(spec: &SandboxSpec, engine: &Engine) -> Option<String> {
    let own_folder = spec.workspace.mode != WorkspaceMode::Ro;
    let possible = engine.local
        && own_folder
        && spec.mounts.is_empty()
        && !spec.lifetime.tied
        && !matches!(spec.network, Network::Allow(_));
    if !possible {
        return None;
    }
    let who = Who::of(engine, None);
    if Who::of(engine, spec.workspace.path.as_deref()) != who {
        return None;
    }
    let parts = (
        spec.backend,
        &spec.image,
        &spec.packages,
        &spec.env,
        &spec.network,
        spec.limits,
        spec.lifetime,
        who,
        &spec.user,
    );
    let parts = format!("{parts:?} {}", env!("CARGO_PKG_VERSION"));
    Some(Sha256::digest(parts).iter().take(10).map(|byte| format!("{byte:02x}")).collect())
}

/// Whether the daemon inside answers.
async fn healthy(engine: &Engine, container: &str, token: &Token) -> bool {
    let ask = async {
        let command = [binary::PATH, "__box", "connect", container::SOCKET];
        let mut stream = ExecStream::open(&engine.docker, container, &command).await.map_err(io::Error::other)?;
        let request = format!(
            "GET /healthz HTTP/1.1\r\nHost: box\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\r\n",
            token.expose()
        );
        stream.write_all(request.as_bytes()).await?;
        stream.flush().await?;
        let mut status = [0; 12];
        stream.read_exact(&mut status).await?;
        io::Result::Ok(status == *b"HTTP/1.1 200")
    };
    matches!(tokio::time::timeout(super::start::READY_WITHIN, ask).await, Ok(Ok(true)))
}
