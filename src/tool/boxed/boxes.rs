//! The sandboxes of an agent: one a session, or one for each agent of it.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use opentelemetry::{KeyValue, trace::SpanKind};
use tokio::{
    sync::{OnceCell, mpsc},
    task::AbortHandle,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::report;
use crate::{
    config::agent_file::{self, Share},
    domain::{Notice, SessionKey},
    runtime::telemetry::Place,
    sandbox::{
        Action, Asked, BackendKind, BoxClient, Changed, Done, Filter, Limits, Progress, Sandbox, SandboxError,
        SandboxInfo, Sandboxes, Status, Tier, WorkspaceMode, egress, workspace,
    },
    tool::{ToolCx, ToolError},
};

/// In milliseconds; the slowest that kernels tick.
const TICK: i64 = 10;
/// Of a call, where the agent file gives none.
const TIMEOUT: Duration = Duration::from_mins(1);

/// What an agent's sandboxes are made of.
#[derive(Clone, Debug)]
pub struct BoxSettings {
    pub sandbox: agent_file::Sandbox,
    /// Where relative paths of the agent file start.
    pub folder: PathBuf,
    /// The mode of the workspace where the file gives none.
    pub mode: WorkspaceMode,
    /// The workspace where the file names none.
    pub workspace: PathBuf,
    /// They end with this process.
    pub tied: bool,
}

impl BoxSettings {
    /// What programs may do with the workspace.
    #[must_use]
    pub fn mode(&self) -> WorkspaceMode {
        self.sandbox.workspace.mode.map_or(self.mode, |mode| match mode {
            agent_file::WorkspaceMode::Rw => WorkspaceMode::Rw,
            agent_file::WorkspaceMode::Ro => WorkspaceMode::Ro,
            agent_file::WorkspaceMode::Copy => WorkspaceMode::Copy,
            agent_file::WorkspaceMode::None => WorkspaceMode::None,
        })
    }

    /// Whether programs inside can change none of the user's files and reach nobody.
    #[must_use]
    pub fn contained(&self) -> bool {
        let sandbox = &self.sandbox;
        matches!(self.mode(), WorkspaceMode::Copy | WorkspaceMode::None)
            && sandbox.network == agent_file::Network::None
            && sandbox.backend != agent_file::Backend::Host
            && sandbox.mounts.iter().all(|mount| mount.ends_with(":ro"))
    }

    fn asked<'a>(&'a self, user: &'a str, session: Option<&'a str>, agent: &'a str) -> Asked<'a> {
        Asked {
            sandbox: &self.sandbox,
            folder: &self.folder,
            mode: self.mode,
            workspace: &self.workspace,
            user,
            session,
            agent,
            tied: self.tied,
        }
    }

    /// What programs may do with the workspace and the network, in a few words.
    #[must_use]
    pub fn in_short(&self) -> String {
        report::in_short(self)
    }

    /// What holds inside, in a few sentences.
    #[must_use]
    pub fn told(&self) -> String {
        report::policy(self)
    }

    pub(super) fn timeout(&self) -> Duration {
        self.sandbox.tool_timeout.map_or(TIMEOUT, |span| span.0)
    }

    pub(super) fn memory(&self) -> u64 {
        self.sandbox.limits.memory.map_or_else(|| Limits::default().memory, |memory| memory.0)
    }

    pub(super) fn disk(&self) -> u64 {
        self.sandbox.limits.disk.map_or_else(|| Limits::default().disk, |disk| disk.0)
    }

    pub(super) fn pids(&self) -> u32 {
        self.sandbox.limits.pids.unwrap_or_else(|| Limits::default().pids)
    }
}

/// Makes and finds the sandboxes of an agent and of the agents that it calls.
pub struct Boxes {
    all: Sandboxes,
    settings: BoxSettings,
    open: Mutex<HashMap<(SessionKey, String), Slot>>,
    /// Calls that are not over, also where nobody waits for them any more.
    calls: TaskTracker,
    /// Where sandboxes are made ready beforehand: the latest such work.
    warming: Mutex<Option<AbortHandle>>,
}

type Slot = Arc<Room>;

/// Where the sandbox of a session stands.
#[derive(Default)]
struct Room {
    /// Filled by the first who needs it.
    sandbox: OnceCell<Arc<Sandbox>>,
    /// Calls in it that are not over.
    calls: TaskTracker,
}

/// What came of a call besides its result.
#[derive(Default)]
pub(super) struct After {
    /// The sandbox had ended, and this one took its place.
    pub(super) replaced: bool,
    /// Files that are new or changed.
    pub(super) changed: Changed,
    /// Hosts that the network policy refused.
    pub(super) refused: Vec<egress::Refused>,
    /// Changes that were not taken over into the user's folder.
    pub(super) kept_out: Vec<workspace::Refused>,
    /// Files of the user's folder whose change cannot be taken back.
    not_undoable: Vec<PathBuf>,
}

/// What is done in a sandbox gives; the second value is the exit status of a program, as a shell says it.
type Did<T> = Result<(T, Option<u8>), SandboxError>;

/// How a call is written down.
pub(super) struct About {
    pub(super) action: Action,
    /// Whether to look for files that it changed.
    pub(super) watch: bool,
}

impl Boxes {
    /// Makes nothing yet.
    #[must_use]
    pub fn new(all: Sandboxes, settings: BoxSettings) -> Arc<Self> {
        Arc::new(Self { all, settings, open: Mutex::default(), calls: TaskTracker::new(), warming: Mutex::default() })
    }

    #[must_use]
    pub fn settings(&self) -> &BoxSettings {
        &self.settings
    }

    /// The sandbox that `agent` works in.
    #[must_use]
    pub fn of_agent(self: &Arc<Self>, agent: &str) -> AgentBox {
        AgentBox { boxes: Arc::clone(self), agent: agent.into() }
    }

    /// Has sandboxes made ready, as many as the agent file wants, while something else is done: the next session of
    /// `user` need not wait for its own.
    pub fn warm(self: &Arc<Self>, user: &str) {
        let count = self.settings.sandbox.pool;
        if count == 0 || self.settings.tied {
            return;
        }
        let (this, user) = (Arc::clone(self), user.to_owned());
        let work = tokio::spawn(async move {
            // What goes wrong is said to who needs a sandbox.
            if let Ok(spec) = this.all.resolve(&this.settings.asked(&user, None, "")).await {
                let _ = this.all.warm(&spec, count).await;
            }
        });
        let before = self.warming.lock().unwrap_or_else(PoisonError::into_inner).replace(work.abort_handle());
        if let Some(before) = before {
            before.abort();
        }
    }

    /// The sandboxes of a session as they are now.
    ///
    /// # Errors
    /// What is remembered of them cannot be read.
    pub async fn of_session(&self, key: &SessionKey) -> Result<Vec<SandboxInfo>, SandboxError> {
        let session = Some(key.session.as_str().to_owned());
        let mut found = self.all.list(&Filter { all: true, session, ..Filter::default() }).await?;
        found.retain(|info| info.user == key.user);
        Ok(found)
    }

    /// Where programs of a session run, or will, and how well they are held in. Makes no sandbox.
    ///
    /// # Errors
    /// Why they cannot run, and what to do about it.
    pub async fn place(&self, key: &SessionKey) -> Result<(BackendKind, Tier), SandboxError> {
        let made = self.of_session(key).await?.into_iter().max_by_key(|info| info.created);
        match made.and_then(|info| Some((info.backend, info.tier?))) {
            Some(made) => Ok(made),
            None => self.all.expected(&self.settings.sandbox).await,
        }
    }

    /// What a session has besides the user's folder: its private copy.
    ///
    /// # Errors
    /// A folder that is gone.
    pub async fn workspace_of_session(&self, key: &SessionKey) -> Result<Option<workspace::Workspace>, SandboxError> {
        self.all.workspace_of_session(key).await
    }

    /// The record of what a session changed.
    #[must_use]
    pub fn journal_of_session(&self, key: &SessionKey) -> workspace::Journal {
        self.all.journal_of_session(key)
    }

    /// Whether one as the agent file wants it can be made here. Makes none.
    ///
    /// # Errors
    /// Why not, and what to do about it.
    pub async fn check(&self) -> Result<(), SandboxError> {
        self.all.expected(&self.settings.sandbox).await.map(drop)
    }

    /// Waits for the calls, and ends the sandboxes that are tied to this process.
    pub async fn close(&self) {
        if let Some(warming) = self.warming.lock().unwrap_or_else(PoisonError::into_inner).take() {
            warming.abort();
        }
        self.calls.close();
        self.calls.wait().await;
        let open = std::mem::take(&mut *self.open());
        for slot in open.into_values() {
            close(slot).await;
        }
        self.calls.reopen();
    }

    /// As [`Boxes::forget`], of a session that had its sandboxes in this process if anywhere. Costs nothing where it
    /// had none.
    pub async fn leave(&self, key: &SessionKey) {
        if self.open().keys().any(|(session, _)| session == key) {
            // What could not be removed is what `sandbox prune` removes.
            let _ = self.forget(key).await;
        }
    }

    /// Removes the sandboxes of a session that is gone, once the calls in them are over, and the record of what it
    /// changed in its workspace.
    ///
    /// # Errors
    /// What could not be deleted.
    pub async fn forget(&self, key: &SessionKey) -> Result<(), SandboxError> {
        let rooms: Vec<Slot> = {
            let mut open = self.open();
            open.extract_if(|(session, _), _| session == key).map(|(_, room)| room).collect()
        };
        for room in rooms {
            room.calls.close();
            room.calls.wait().await;
            close(room).await;
        }
        self.all.remove_of_session(key).await?;
        let journal = self.all.journal_of_session(key);
        journal.remove().map_err(SandboxError::io(format!("delete what session `{}` changed", key.session)))
    }

    fn open(&self) -> std::sync::MutexGuard<'_, HashMap<(SessionKey, String), Slot>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends the sandbox if it is tied to this process.
async fn close(room: Slot) {
    if let Some(sandbox) = Arc::into_inner(room).and_then(|room| room.sandbox.into_inner()).and_then(Arc::into_inner) {
        // What could not be removed is what `sandbox prune` removes.
        let _ = sandbox.close().await;
    }
}

/// The sandbox of one agent: its own, or the one that it shares with the others of its session.
#[derive(Clone)]
pub struct AgentBox {
    boxes: Arc<Boxes>,
    agent: Arc<str>,
}

impl AgentBox {
    pub(super) fn settings(&self) -> &BoxSettings {
        &self.boxes.settings
    }

    /// Of a call.
    pub(in crate::tool) fn timeout(&self) -> Duration {
        self.settings().timeout()
    }

    /// Does `work` in the sandbox of the call's session. Where the caller goes away, `work` is told by its token, and
    /// what it changed until then is still taken out of the sandbox.
    pub(super) async fn call<T, W, F>(&self, cx: &ToolCx, about: About, work: W) -> Result<(T, After), ToolError>
    where
        T: Send + 'static,
        W: FnOnce(BoxClient, CancellationToken) -> F + Send + 'static,
        F: Future<Output = Did<T>> + Send + 'static,
    {
        let span = Place::current().span("sandbox", SpanKind::Internal, vec![]);
        let sandbox = self.live(cx).await.map_err(|error| report::failed(&error));
        let sandbox = sandbox.inspect_err(|_| span.fail("unavailable"))?;
        span.set(vec![
            KeyValue::new("agentscope.sandbox.id", sandbox.id().as_str().to_owned()),
            KeyValue::new("agentscope.sandbox.backend", sandbox.spec().backend.to_string()),
        ]);
        let cancel = cx.cancel.child_token();
        let _gone = cancel.clone().drop_guard();
        let in_room = self.room(cx).calls.token();
        let call = self.boxes.calls.spawn(async move {
            let done = perform(&sandbox, about, work, cancel).await;
            drop((sandbox, in_room));
            done
        });
        match call.await {
            Ok(done) => {
                let (result, after) = done.map_err(|error| report::failed(&error))?;
                let lost = after.not_undoable.iter().map(|path| report::not_undoable(path));
                for message in lost.chain(report::kept_out(&after.kept_out)) {
                    cx.host.notice(Notice::Warning { message }).await;
                }
                Ok((result, after))
            }
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => Err(ToolError::Canceled),
        }
    }

    /// A sandbox that answers. One that nobody used for long has ended: then there is a new one, on the same workspace.
    async fn live(&self, cx: &ToolCx) -> Result<Arc<Sandbox>, SandboxError> {
        let sandbox = self.sandbox(cx).await?;
        match sandbox.client() {
            Ok(client) if client.info().await.is_ok() => return Ok(sandbox),
            _ => {}
        }
        // Nobody else can have made it anew, and it ends with the handle.
        if sandbox.is_tied() {
            match self.boxes.all.info(sandbox.id()).await.map(|info| info.state) {
                Ok(Status::Stopped) | Err(SandboxError::NotFound { .. }) => {}
                Ok(Status::Paused) => {
                    self.boxes.all.resume(sandbox.id()).await?;
                    return Ok(sandbox);
                }
                // The call says what is wrong with it.
                _ => return Ok(sandbox),
            }
        }
        // Unless another call has replaced it already.
        self.forget(cx, &sandbox);
        // One that is tied to it makes room only then.
        drop(sandbox);
        self.sandbox(cx).await
    }

    fn forget(&self, cx: &ToolCx, dead: &Arc<Sandbox>) {
        let key = self.key(cx);
        let mut open = self.boxes.open();
        if open.get(&key).and_then(|room| room.sandbox.get()).is_some_and(|known| Arc::ptr_eq(known, dead)) {
            open.remove(&key);
        }
    }

    async fn sandbox(&self, cx: &ToolCx) -> Result<Arc<Sandbox>, SandboxError> {
        let room = self.room(cx);
        let made = room.sandbox.get_or_try_init(|| async {
            let settings = self.settings();
            let asked = settings.asked(&cx.session.user, Some(cx.session.session.as_str()), &self.agent);
            let spec = self.boxes.all.resolve(&asked).await?;
            let sandbox =
                told(cx, async |progress| self.boxes.all.for_session(spec, settings.sandbox.max_count, progress).await);
            let sandbox = sandbox.await?;
            self.boxes.warm(&cx.session.user);
            if let Some(message) = sandbox.confinement().and_then(report::weak) {
                cx.host.notice(Notice::Warning { message }).await;
            }
            Ok(Arc::new(sandbox))
        });
        made.await.map(Arc::clone)
    }

    fn room(&self, cx: &ToolCx) -> Slot {
        Arc::clone(self.boxes.open().entry(self.key(cx)).or_default())
    }

    fn key(&self, cx: &ToolCx) -> (SessionKey, String) {
        let agent = match self.settings().sandbox.share {
            Share::Session => String::new(),
            Share::Agent => self.agent.to_string(),
        };
        (cx.session.clone(), agent)
    }
}

/// Does `work`, and shows what it waits for as the output of the call.
async fn told<T>(cx: &ToolCx, work: impl AsyncFnOnce(&Steps) -> T) -> T {
    let (steps, mut told) = mpsc::unbounded_channel();
    let steps = Steps { told: steps, last: Mutex::default() };
    let mut work = pin!(work(&steps));
    loop {
        tokio::select! {
            done = &mut work => return done,
            Some(what) = told.recv() => cx.host.output(&cx.call_id, what + "\n").await,
        }
    }
}

struct Steps {
    told: mpsc::UnboundedSender<String>,
    last: Mutex<String>,
}

impl Progress for Steps {
    fn step(&self, what: &str, _done: Option<u64>, _total: Option<u64>) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if *last != what {
            what.clone_into(&mut last);
            let _ = self.told.send(what.to_owned());
        }
    }
}

async fn perform<T, W, F>(
    sandbox: &Sandbox,
    about: About,
    work: W,
    cancel: CancellationToken,
) -> Result<(T, After), SandboxError>
where
    W: FnOnce(BoxClient, CancellationToken) -> F,
    F: Future<Output = Did<T>>,
{
    let client = sandbox.client()?;
    let call = sandbox.begin(about.action).await?;
    // The clock of files is coarser than ours. Source: `current_time` of the kernel, one tick behind at most.
    let since = Timestamp::now().as_millisecond() - TICK;
    let done = work(client.clone(), cancel).await;
    let changed = match &done {
        Ok(_) if about.watch => client.changed_since(since).await.unwrap_or_default(),
        _ => Changed::default(),
    };
    let exit = done.as_ref().ok().and_then(|(_, exit)| *exit);
    let after = call.end(exit).await;
    let (result, _) = done?;
    let Done { merged, refused } = after?;
    let not_undoable = merged.not_undoable().map(Path::to_owned).collect();
    let replaced = sandbox.take_replaced();
    Ok((result, After { replaced, changed, refused, kept_out: merged.refused, not_undoable }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(yaml: &str) -> BoxSettings {
        BoxSettings {
            sandbox: serde_yaml::from_str(yaml).unwrap(),
            folder: PathBuf::from("/"),
            mode: WorkspaceMode::Rw,
            workspace: PathBuf::from("/"),
            tied: false,
        }
    }

    #[test]
    fn contained_is_what_reaches_neither_files_nor_network() {
        for (yaml, contained) in [
            ("{}", false),
            ("{workspace: {mode: copy}}", true),
            ("{workspace: {mode: none}}", true),
            ("{workspace: {mode: ro}}", false),
            ("{workspace: {mode: copy}, network: full}", false),
            ("{workspace: {mode: copy}, network: {allow: [a.example]}}", false),
            ("{workspace: {mode: copy}, backend: host}", false),
            ("{workspace: {mode: copy}, mounts: ['./data:/data']}", false),
            ("{workspace: {mode: copy}, mounts: ['./data:/data:ro']}", true),
        ] {
            assert_eq!(settings(yaml).contained(), contained, "{yaml}");
        }
    }

    #[test]
    fn a_model_is_told_what_holds() {
        let told =
            ["{}", "{workspace: {mode: copy}, network: {allow: [a.example]}, tool_timeout: 5s}", "{backend: host}"]
                .map(|yaml| report::policy(&settings(yaml)));
        insta::assert_snapshot!(told.join("\n"), @"
        Runs in a sandbox. The working directory, mostly /workspace, is the user's folder. There is no network. Limits: 60 s a call, 512 MiB of memory, 1024 MiB of disk, 128 processes.
        Runs in a sandbox. The working directory, mostly /workspace, is a private copy of the user's folder. Of the network only these hosts can be reached: a.example. Limits: 5 s a call, 512 MiB of memory, 1024 MiB of disk, 128 processes.
        Runs on the user's machine, without isolation, for at most 60 s a call.
        ");
    }
}
