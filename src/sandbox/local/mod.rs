//! The `local` backend: boxes made of the kernel's own parts, without any service.
//!
//! A box is one process tree. [`launch`] starts our own binary as `__init`, once; what that forks ([`init`](mod@init))
//! changes to an unprivileged user, makes namespaces and a root folder of mounts ([`root`]), gives up everything ([`confine`],
//! [`seccomp`]) and goes on as the daemon. Nothing of ours stays outside. Tier A has all of it; tier B, where there are
//! no user namespaces, what is left without them.
#![expect(unsafe_code, reason = "the kernel's interface; `sys` holds nearly all of it")]

mod bpf;
mod cgroup;
mod config;
mod confine;
mod ending;
mod environment;
mod etc;
mod identity;
mod init;
mod keeper;
mod launch;
mod make;
mod metadata;
mod network;
mod oom;
mod packages;
mod place;
mod probe;
mod root;
mod seccomp;
mod starter;
mod sys;
mod trees;
mod usage;
mod watch;

use std::{
    collections::BTreeMap,
    fs, io,
    os::{fd::OwnedFd, unix::net::UnixStream},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use rustix::process::{Pid, PidfdFlags, Signal};

use self::{
    cgroup::{Cgroup, Site},
    config::Trouble,
    launch::{ForkServer, PATIENCE, Waiting},
    place::Place,
};
use super::{
    BackendKind, BoxFolder, BoxStream, Clearance, Confinement, Found, Network, Probe, ProcessId, Progress, Record,
    SandboxBackend, SandboxError, SandboxId, SandboxSpec, State, Tier, Usage, egress, tree,
};

pub use packages::PackageLayers;

/// The hidden subcommand.
pub(super) use init::{COMMAND as INIT, main as init};
/// What the daemon of a container gives up.
pub(super) use keeper::Contained;
/// For processes that live on by themselves.
pub(crate) use sys::close_from;
pub(super) use sys::heed_signals;

/// Whether a folder in memory has no room left, for bytes or for names.
pub(super) fn full(path: &str) -> bool {
    rustix::fs::statvfs(path).is_ok_and(|stat| stat.f_bavail == 0 || stat.f_favail == 0)
}

/// Makes boxes on this machine.
#[derive(Clone, Debug)]
pub struct LocalBackend {
    root: PathBuf,
    program: PathBuf,
    packages: Option<PackageLayers>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    site: OnceLock<Site>,
    /// Why there is no tier A here; found out once.
    only_b: OnceLock<Trouble>,
    /// What tied boxes live as long as: it closes with this process.
    tied: Mutex<BTreeMap<SandboxId, UnixStream>>,
    forks: Mutex<Option<Forks>>,
}

/// Where the first processes of boxes come from. Who starts a process waits until it has begun.
#[derive(Debug)]
enum Forks {
    Starting(JoinHandle<io::Result<ForkServer>>),
    There(ForkServer),
}

impl LocalBackend {
    /// `root` is the folder of all boxes, `program` this binary.
    #[must_use]
    pub fn new(root: PathBuf, program: PathBuf) -> Self {
        Self { root, program, packages: None, shared: Arc::default() }
    }

    /// The same with a place for Python packages; without one it installs none.
    #[must_use]
    pub fn with_packages(self, packages: PackageLayers) -> Self {
        Self { packages: Some(packages), ..self }
    }

    fn site(&self) -> &Site {
        self.shared.site.get_or_init(Site::find)
    }

    fn forks(&self) -> MutexGuard<'_, Option<Forks>> {
        self.shared.forks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tied(&self) -> MutexGuard<'_, BTreeMap<SandboxId, UnixStream>> {
        self.shared.tied.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The process that becomes the next box.
    fn fork(&self) -> io::Result<Waiting> {
        let mut forks = self.forks();
        let there = match forks.take() {
            Some(Forks::There(server)) => Some(server),
            // Where there was no thread for it, or it could not be started, it is tried once more.
            Some(Forks::Starting(starting)) => starting.join().ok().and_then(Result::ok),
            None => None,
        };
        let forked = there.and_then(|server| Some((server.fork().ok()?, server)));
        let (waiting, server) = match forked {
            Some(forked) => forked,
            None => {
                let server = ForkServer::start(&self.program)?;
                (server.fork()?, server)
            }
        };
        *forks = Some(Forks::There(server));
        Ok(waiting)
    }

    fn folder(&self, id: &SandboxId) -> BoxFolder {
        BoxFolder::new(&self.root, id)
    }

    fn found(&self, id: &SandboxId) -> Result<(BoxFolder, Record), SandboxError> {
        let folder = self.folder(id);
        match folder.record() {
            Ok(record) if record.spec.backend == BackendKind::Local => Ok((folder, record)),
            _ => Err(SandboxError::NotFound { id: id.to_string() }),
        }
    }

    /// The first process of a running box, in whose namespaces its files can be seen.
    ///
    /// # Errors
    /// [`SandboxError::NotFound`], [`SandboxError::NotRunning`].
    pub fn process(&self, id: &SandboxId) -> Result<ProcessId, SandboxError> {
        let (folder, _) = self.found(id)?;
        folder.process().ok_or_else(|| SandboxError::NotRunning { id: id.clone(), state: State::Stopped })
    }

    fn describe(&self, folder: &BoxFolder, record: Record) -> Found {
        let cgroup = self.site().of(&record.spec.id);
        let process = folder.process().and_then(|process| tree::Stat::of(process.pid));
        let (state, usage) = match process {
            None => (State::Stopped, Usage::default()),
            Some(stat) => {
                let frozen = cgroup.frozen() || stat.state == 'T';
                (if frozen { State::Paused } else { State::Running }, usage::of(&cgroup, stat))
            }
        };
        if state == State::Stopped && folder.was_started() {
            // What is left after the box ended by itself, or its daemon was killed.
            if record.confinement.tier == Tier::B {
                ending::clear_up(folder, &record.spec.id);
            }
            let _ = cgroup.remove_if_empty();
        }
        Found {
            id: record.spec.id.clone(),
            backend: BackendKind::Local,
            state,
            confinement: record.confinement,
            usage,
            spec: record.spec,
            created: record.created,
        }
    }

    /// Ends every process of the box at once, and waits until they are gone. May block.
    fn end(&self, id: &SandboxId) -> Result<(), SandboxError> {
        self.tied().remove(id);
        let (folder, cgroup) = (self.folder(id), self.site().of(id));
        let ending = format!("end the sandbox `{id}`");
        if let Some(process) = folder.process_to_the_last() {
            self.kill(&folder, process, &cgroup).map_err(SandboxError::io(&ending))?;
        }
        if is_tier_b(&folder) {
            ending::end(id).map_err(SandboxError::io(ending))?;
        }
        cgroup.remove().map_err(SandboxError::io(format!("remove the cgroup of the sandbox `{id}`")))
    }

    fn kill(&self, folder: &BoxFolder, process: ProcessId, cgroup: &Cgroup) -> io::Result<()> {
        let Ok(pidfd) = pidfd(process.pid) else { return Ok(()) };
        // The number may have been another's since it was read.
        if !process.there() {
            return Ok(());
        }
        // Without a namespace that ends with its first process, the others have to be found while they have parents.
        let below = if is_tier_b(folder) { ending::stopped(process.pid) } else { vec![] };
        rustix::process::pidfd_send_signal(&pidfd, Signal::KILL)?;
        tree::signal_all(&below, Signal::KILL);
        let late = Instant::now() + PATIENCE;
        loop {
            // What is frozen dies when it thaws, and somebody else may freeze it meanwhile.
            let thawed = cgroup.freeze(false);
            match ending::wait(&pidfd, Duration::from_millis(100)) {
                Err(error) if error.kind() == io::ErrorKind::TimedOut && Instant::now() < late => {}
                // Where somebody else removed the cgroup meanwhile, there is nothing to thaw.
                ended => return ended.or_else(|error| thawed.and(Err(error))),
            }
        }
    }
}

fn no_packages() -> SandboxError {
    SandboxError::Unsupported {
        backend: BackendKind::Local,
        what: "install Python packages: it has no folder to keep them in".into(),
        hint: "leave out `packages`".into(),
    }
}

/// Its programs are in no namespace that ends with its first process.
fn is_tier_b(folder: &BoxFolder) -> bool {
    folder.record().is_ok_and(|record| record.confinement.tier == Tier::B)
}

fn pidfd(pid: i32) -> io::Result<OwnedFd> {
    let pid = Pid::from_raw(pid).ok_or(io::ErrorKind::InvalidInput)?;
    Ok(rustix::process::pidfd_open(pid, PidfdFlags::empty())?)
}

/// Off the thread that everything else waits on.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SandboxError> + Send + 'static,
) -> Result<T, SandboxError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| SandboxError::io("work on a sandbox")(error.into()))?
}

#[async_trait]
impl SandboxBackend for LocalBackend {
    fn kind(&self) -> BackendKind {
        BackendKind::Local
    }

    async fn probe(&self) -> Probe {
        let (program, site) = (self.program.clone(), self.site().clone());
        let probed = tokio::task::spawn_blocking(move || probe::probe(&program, &site)).await;
        probed.unwrap_or(Probe { backend: BackendKind::Local, confinement: None, hint: None })
    }

    fn expect(&self) {
        // Where another is at it, it is being started.
        let Ok(mut forks) = self.shared.forks.try_lock() else { return };
        if forks.is_none() {
            let program = self.program.clone();
            // Where there is no thread, it is started when the box is made.
            let starting = thread::Builder::new().spawn(move || ForkServer::start(&program));
            *forks = starting.ok().map(Forks::Starting);
        }
    }

    async fn available(&self) -> bool {
        // Enough for tier B, and known without making a box that nobody wants.
        sys::landlock_abi() >= probe::LEAST_LANDLOCK || self.probe().await.confinement.is_some()
    }

    async fn create(
        &self,
        spec: &SandboxSpec,
        mut clearance: Clearance,
        progress: &dyn Progress,
    ) -> Result<Confinement, SandboxError> {
        if spec.image.is_some() {
            return Err(SandboxError::Unsupported {
                backend: BackendKind::Local,
                what: "start from an image: programs inside are those of this machine".into(),
                hint: "use the `docker` backend, or no `image`".into(),
            });
        }
        if let Network::Allow(allow) = &spec.network {
            egress::check(allow)?;
        }
        let packages = match (&spec.packages.python[..], &self.packages) {
            ([], _) => None,
            (wanted, Some(packages)) => {
                clearance.await_granted().await?;
                Some(packages.have(wanted, self, progress).await?)
            }
            (_, None) => return Err(no_packages()),
        };
        let new = !self.folder(&spec.id).exists();
        let made = blocking({
            let (backend, spec) = (self.clone(), spec.clone());
            move || {
                let made = backend.make(&spec, packages.as_deref()).and_then(|ready| {
                    let confinement = ready.record.confinement.clone();
                    let tie = ready.go(&mut clearance)?;
                    if !new {
                        // That it took the place of another only who waits for it can tell.
                        clearance.check_wanted()?;
                    }
                    Ok((confinement, tie))
                });
                made.inspect_err(|_| backend.undo(&spec.id, new))
            }
        });
        // One that is tied ends where nobody waits for it any more.
        let (confinement, tie) = made.await?;
        if spec.lifetime.tied {
            self.tied().insert(spec.id.clone(), tie);
        }
        Ok(confinement)
    }

    async fn inspect(&self, id: &SandboxId) -> Result<Found, SandboxError> {
        let (folder, record) = self.found(id)?;
        Ok(self.describe(&folder, record))
    }

    async fn list(&self) -> Result<Vec<Found>, SandboxError> {
        let Ok(entries) = fs::read_dir(&self.root) else { return Ok(vec![]) };
        let ids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        let found = ids.filter_map(|id| self.found(&id).ok());
        Ok(found.map(|(folder, record)| self.describe(&folder, record)).collect())
    }

    async fn freeze(&self, id: &SandboxId, frozen: bool) -> Result<(), SandboxError> {
        let process = self.process(id)?;
        let cgroup = self.site().of(id);
        let doing = format!("{} the sandbox `{id}`", if frozen { "freeze" } else { "thaw" });
        if cgroup.freezes() {
            return match cgroup.freeze(frozen) {
                // It ended while this was done.
                Err(_) if !process.alive() => Err(SandboxError::NotRunning { id: id.clone(), state: State::Stopped }),
                done => done.map_err(SandboxError::io(doing)),
            };
        }
        // The first process is the one that starts others; then its children, which do too.
        let first: Vec<_> = tree::Stat::of(process.pid).into_iter().collect();
        tree::signal_all(&first, if frozen { Signal::STOP } else { Signal::CONT });
        if frozen {
            ending::stopped(process.pid);
            // A signal is sent, not yet taken.
            while tree::Stat::of(process.pid).is_some_and(|stat| !stat.ended() && stat.state != 'T') {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        } else {
            tree::signal_all(&tree::below(process.pid, &tree::all()), Signal::CONT);
        }
        Ok(())
    }

    async fn connect(&self, id: &SandboxId) -> Result<Box<dyn BoxStream>, SandboxError> {
        let (folder, record) = self.found(id)?;
        let Some(process) = folder.process() else {
            return Err(SandboxError::NotRunning { id: id.clone(), state: State::Stopped });
        };
        if self.site().of(id).frozen() || tree::Stat::of(process.pid).is_some_and(|stat| stat.state == 'T') {
            return Err(SandboxError::NotRunning { id: record.spec.id, state: State::Paused });
        }
        Ok(Box::new(folder.connect(id).await?))
    }

    async fn stop(&self, id: &SandboxId) -> Result<(), SandboxError> {
        self.found(id)?;
        let (backend, id) = (self.clone(), id.clone());
        blocking(move || backend.end(&id)).await
    }

    async fn remove(&self, id: &SandboxId) -> Result<(), SandboxError> {
        let (backend, id) = (self.clone(), id.clone());
        blocking(move || {
            backend.end(&id)?;
            backend.delete_all(&id).map_err(SandboxError::io(format!("delete the folder of the sandbox `{id}`")))
        })
        .await
    }
}

impl LocalBackend {
    /// After a failure, which matters more than what is left of it.
    fn undo(&self, id: &SandboxId, new: bool) {
        let _ = self.end(id);
        let _ = if new { self.delete_all(id) } else { Ok(()) };
    }

    fn delete_all(&self, id: &SandboxId) -> io::Result<()> {
        let folder = self.folder(id);
        Place::of(folder.path(), id).delete()?;
        folder.remove()
    }
}
