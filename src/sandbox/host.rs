//! The backend without isolation: the daemon as a process of this machine, in a session of its own.

use std::{
    collections::BTreeMap,
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::net::UnixStream,
    },
    path::PathBuf,
    process::Stdio,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use rustix::process::{Pid, Signal, kill_process};

use super::{
    BackendKind, BoxFolder, BoxStream, Clearance, Confinement, Found, Layer, Probe, ProcessId, Progress, Record,
    SandboxBackend, SandboxError, SandboxId, SandboxSpec, State, Tier, Token, Usage, WorkspaceMode,
    daemon::{DaemonConfig, Listen, MARK},
    handoff, tree,
};
use crate::config::Env;

/// How long a daemon may take to answer, and to end.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks at whether something has ended.
const ROUND: Duration = Duration::from_millis(2);

/// What programs see of our environment; everything else, keys above all, the spec gives them or nobody.
const INHERITED: &[&str] = &["PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR"];

/// Programs run as the user that started it, with everything that is theirs.
#[derive(Clone, Debug)]
pub struct HostBackend {
    root: PathBuf,
    program: PathBuf,
    env: BTreeMap<String, String>,
    /// What tied boxes live as long as: it closes with this process.
    tied: Arc<Mutex<BTreeMap<SandboxId, UnixStream>>>,
}

impl HostBackend {
    /// `root` is the folder of all boxes, `program` this binary.
    #[must_use]
    pub fn new(root: PathBuf, program: PathBuf, env: &Env) -> Self {
        let inherited = env.vars().filter(|(name, _)| INHERITED.contains(name));
        let env = inherited.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self { root, program, env, tied: Arc::default() }
    }

    fn folder(&self, id: &SandboxId) -> BoxFolder {
        BoxFolder::new(&self.root, id)
    }

    fn found(&self, id: &SandboxId) -> Result<(BoxFolder, Record), SandboxError> {
        let folder = self.folder(id);
        match folder.record() {
            Ok(record) if record.spec.backend == BackendKind::Host => Ok((folder, record)),
            _ => Err(SandboxError::NotFound { id: id.to_string() }),
        }
    }

    fn describe(folder: &BoxFolder, record: Record) -> Found {
        let stat = folder.process().and_then(|process| tree::Stat::of(process.pid));
        let (state, usage) = match stat {
            None => {
                clear_up(folder, &record.spec.id);
                (State::Stopped, Usage::default())
            }
            Some(stat) => {
                let pids = 1 + tree::below(stat.pid, &tree::all()).iter().filter(|process| !process.ended()).count();
                let usage = Usage { pids: u32::try_from(pids).ok(), ..Usage::default() };
                (if stat.state == 'T' { State::Paused } else { State::Running }, usage)
            }
        };
        Found {
            id: record.spec.id.clone(),
            backend: BackendKind::Host,
            state,
            confinement: record.confinement,
            usage,
            spec: record.spec,
            created: record.created,
        }
    }

    async fn make(&self, spec: &SandboxSpec) -> Result<UnixStream, SandboxError> {
        let (folder, new) = (self.folder(&spec.id), !self.folder(&spec.id).exists());
        let started = tokio::task::spawn_blocking({
            let (backend, folder, spec) = (self.clone(), folder.clone(), spec.clone());
            move || backend.start(&folder, &spec)
        });
        let started = started.await.map_err(|error| SandboxError::io("start the sandbox")(error.into()))?;
        if started.is_err() {
            self.end(&spec.id).await;
            if new {
                folder.remove().map_err(SandboxError::io("remove what was half made"))?;
            }
        }
        started
    }

    /// Makes the folder and starts the daemon. The other end of its standard input.
    fn start(&self, folder: &BoxFolder, spec: &SandboxSpec) -> Result<UnixStream, SandboxError> {
        let io = |what: &str| SandboxError::io(what.to_owned());
        folder.make().map_err(io(&format!("make `{}`", folder.path().display())))?;
        let token = Token::random();
        token.keep(folder.path()).map_err(io("keep the key to the sandbox"))?;
        let record = Record { spec: spec.without_secrets(), confinement: none(), created: jiff::Timestamp::now() };
        folder.write_record(&record).map_err(io("keep what the sandbox is"))?;
        let config = self.config(folder, spec, token)?;
        let listener = folder.listen().map_err(io("listen for the sandbox"))?;
        let (ours, theirs) = UnixStream::pair().map_err(io("make a socket pair"))?;
        let log = std::fs::File::create(folder.log()).map_err(io("make the log of the sandbox"))?;
        // By tokio, which waits for what ends: the daemon outlives this value.
        let mut command = tokio::process::Command::new(&self.program);
        command.arg("__box").env_clear().current_dir("/");
        command.stdin(OwnedFd::from(theirs)).stdout(Stdio::null()).stderr(log);
        let child = command.spawn().map_err(io(&format!("start `{}`", self.program.display())))?;
        // Else our copy of its end would hide that it is gone.
        drop(command);
        if let Some(process) = child.id().and_then(|pid| ProcessId::of(i32::try_from(pid).ok()?)) {
            folder.write_process(process).map_err(io("keep which process the sandbox is"))?;
        }
        handoff::send(&ours, &config, &[listener.as_fd()]).map_err(io("configure the sandbox"))?;
        handoff::await_report(&ours, PATIENCE).map_err(io("start the sandbox"))?;
        Ok(ours)
    }

    fn config(&self, folder: &BoxFolder, spec: &SandboxSpec, token: Token) -> Result<DaemonConfig, SandboxError> {
        let cannot = |what: &str, hint: &str| SandboxError::Unsupported {
            backend: BackendKind::Host,
            what: what.to_owned(),
            hint: hint.to_owned(),
        };
        if !spec.packages.python.is_empty() {
            return Err(cannot(
                "install Python packages",
                "install them yourself, or use the `local` or `docker` backend",
            ));
        }
        if !spec.mounts.is_empty() {
            return Err(cannot("mount anything", "programs there see the whole machine"));
        }
        let workspace = match (spec.workspace.mode, &spec.workspace.path) {
            (WorkspaceMode::None, _) => folder.workspace(),
            (WorkspaceMode::Rw, Some(path)) => path.clone(),
            (WorkspaceMode::Rw, None) => return Err(cannot("work without a folder", "give the workspace a path")),
            (WorkspaceMode::Ro | WorkspaceMode::Copy, _) => {
                return Err(cannot("keep a folder as it is", "use the `local` or `docker` backend"));
            }
        };
        let env = self.env.iter().chain(&spec.env).map(|(name, value)| (name.clone(), value.clone())).collect();
        let (id, lifetime) = (spec.id.clone(), spec.lifetime);
        Ok(DaemonConfig { id, token, workspace, env, lifetime, listen: Listen::Descriptor })
    }

    /// Ends the daemon, and with it all that it started; where it was killed, what it left behind.
    async fn end(&self, id: &SandboxId) {
        let folder = self.folder(id);
        if let Some(process) = folder.process()
            && let Some(pid) = Pid::from_raw(process.pid)
        {
            let _ = kill_process(pid, Signal::TERM);
            // One that is frozen does not hear the other.
            let _ = kill_process(pid, Signal::CONT);
            let late = tokio::time::Instant::now() + PATIENCE;
            while process.alive() && tokio::time::Instant::now() < late {
                tokio::time::sleep(ROUND).await;
            }
        }
        loop {
            let mut left = survivors(id);
            left.extend(folder.process().and_then(|process| tree::Stat::of(process.pid)));
            if left.is_empty() {
                return;
            }
            tree::signal_all(&left, Signal::KILL);
            tokio::time::sleep(ROUND).await;
        }
    }
}

/// Programs of the box, also where its daemon is gone.
fn survivors(id: &SandboxId) -> Vec<tree::Stat> {
    let mark = format!("{MARK}={id}.");
    let mut all = tree::all();
    all.retain(|process| !process.ended() && tree::started_with(process.pid, mark.as_bytes()));
    all
}

/// Kills what a daemon that was itself killed left running. Does not wait.
fn clear_up(folder: &BoxFolder, id: &SandboxId) {
    let Some(ended) = folder.ended() else { return };
    let left = survivors(id);
    // Unless it was made again meanwhile.
    if folder.ended() == Some(ended) {
        tree::signal_all(&left, Signal::KILL);
        if left.is_empty() {
            // Else it is looked for again.
            let _ = folder.note_end(ended);
        }
    }
}

fn none() -> Confinement {
    let layer = Layer { name: "isolation".to_owned(), detail: "none: programs run as you".to_owned(), active: false };
    Confinement { tier: Tier::None, layers: vec![layer] }
}

#[async_trait]
impl SandboxBackend for HostBackend {
    fn kind(&self) -> BackendKind {
        BackendKind::Host
    }

    async fn probe(&self) -> Probe {
        Probe { backend: BackendKind::Host, confinement: Some(none()), hint: None }
    }

    async fn create(
        &self,
        spec: &SandboxSpec,
        mut clearance: Clearance,
        _progress: &dyn Progress,
    ) -> Result<Confinement, SandboxError> {
        if spec.min_tier != Tier::None {
            return Err(SandboxError::Tier {
                wanted: spec.min_tier,
                found: Tier::None.to_string(),
                missing: "the `host` backend isolates nothing".to_owned(),
                hint: "use the `local` or `docker` backend".to_owned(),
            });
        }
        clearance.await_granted().await?;
        let (backend, of) = (self.clone(), spec.clone());
        // It goes on where nobody waits for it any more.
        let made = tokio::spawn(async move {
            let control = backend.make(&of).await?;
            clearance.tell_alive(&none());
            Ok::<_, SandboxError>(control)
        });
        let control = made.await.map_err(|error| SandboxError::io("start the sandbox")(error.into()))??;
        if spec.lifetime.tied {
            self.tied.lock().unwrap_or_else(PoisonError::into_inner).insert(spec.id.clone(), control);
        }
        Ok(none())
    }

    async fn inspect(&self, id: &SandboxId) -> Result<Found, SandboxError> {
        let (folder, record) = self.found(id)?;
        Ok(Self::describe(&folder, record))
    }

    async fn list(&self) -> Result<Vec<Found>, SandboxError> {
        let Ok(entries) = std::fs::read_dir(&self.root) else { return Ok(vec![]) };
        let ids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        Ok(ids.filter_map(|id| self.found(&id).ok()).map(|(folder, record)| Self::describe(&folder, record)).collect())
    }

    async fn freeze(&self, id: &SandboxId, frozen: bool) -> Result<(), SandboxError> {
        let (folder, _) = self.found(id)?;
        let process = folder.process().and_then(|process| tree::Stat::of(process.pid));
        let daemon = process.ok_or_else(|| SandboxError::NotRunning { id: id.clone(), state: State::Stopped })?;
        let signal = if frozen { Signal::STOP } else { Signal::CONT };
        // The daemon first, which else would see its programs stop and may start more.
        tree::signal_all(&[daemon], signal);
        tree::signal_all(&tree::below(daemon.pid, &tree::all()), signal);
        // Signals take effect some time later.
        while tree::Stat::of(daemon.pid).is_some_and(|daemon| (daemon.state == 'T') != frozen && !daemon.ended()) {
            tokio::time::sleep(ROUND).await;
        }
        Ok(())
    }

    async fn connect(&self, id: &SandboxId) -> Result<Box<dyn BoxStream>, SandboxError> {
        let (folder, record) = self.found(id)?;
        match Self::describe(&folder, record).state {
            State::Running => Ok(Box::new(folder.connect(id).await?)),
            state => Err(SandboxError::NotRunning { id: id.clone(), state }),
        }
    }

    async fn stop(&self, id: &SandboxId) -> Result<(), SandboxError> {
        self.found(id)?;
        self.end(id).await;
        self.tied.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
        Ok(())
    }

    async fn remove(&self, id: &SandboxId) -> Result<(), SandboxError> {
        let folder = self.folder(id);
        if folder.exists() {
            self.end(id).await;
            self.tied.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
        }
        folder.remove().map_err(SandboxError::io(format!("remove `{}`", folder.path().display())))
    }
}
