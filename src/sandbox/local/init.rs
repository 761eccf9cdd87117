//! The process that becomes the box. One program is started, `__init`, and forks a process for each box that is to be.
//! That forks once more, because only a child is in a new process namespace; that child makes the root folder, gives up
//! everything and goes on as the daemon.
//!
//! There is one thread until the daemon starts, so that a fork leaves nothing behind.

use std::{
    fs,
    io::ErrorKind,
    os::{
        fd::{AsFd as _, BorrowedFd, OwnedFd},
        unix::net::UnixStream,
    },
    path::{Path, PathBuf},
    process::ExitCode,
};

use rustix::{
    event::{PollFd, PollFlags, poll},
    fs::{Mode, OFlags},
    process::DumpableBehavior,
    thread::UnshareFlags,
};

use super::{
    cgroup::Counters,
    config::{Bounds, During as _, InitConfig, Phase, Said, Trouble},
    confine::{self, Files, TERMINALS},
    etc,
    identity::Identity,
    keeper::LocalKeeper,
    launch::PATIENCE,
    metadata,
    network::{self, Handover, Spare},
    oom::OomScore,
    place::Place,
    root::{self, HOME, Sources, WORKSPACE},
    seccomp::{self, Sockets},
    sys::{self, Fork},
    trees::Owners,
    watch::{Watch, Watched},
};
use crate::sandbox::{Layer, Network, Tier, WorkspaceMode, daemon, handoff};

/// The hidden subcommand.
pub(in crate::sandbox) const COMMAND: &str = "__init";

/// Tasks of our own in a box: the daemon and its threads.
const OWN_TASKS: u32 = 8;

/// The process itself: [`COMMAND`].
#[must_use]
pub(in crate::sandbox) fn main() -> ExitCode {
    let Ok((socket, network)) = fork_server() else { return ExitCode::FAILURE };
    match become_box(&socket, network) {
        Ok(code) => code,
        Err(trouble) => {
            let this = itself();
            // Where nobody listens, nobody waits for it either.
            let _ = handoff::send(&socket, &Said::Failed(trouble), &descriptor(this.as_ref()));
            ExitCode::FAILURE
        }
    }
}

/// Forks a process for each socket that it is sent, which is the standard input of that; returns there, with a network
/// namespace if there is one. Fails once nobody can send one any more.
fn fork_server() -> std::io::Result<(UnixStream, Option<OwnedFd>)> {
    // Nothing of the process that started this one but standard input and what comes over it.
    sys::close_from(3)?;
    rustix::process::umask(Mode::from_raw_mode(0o022));
    // No terminal of whoever makes the box signals it. Fails where this leads a session already.
    let _ = rustix::process::setsid();
    rustix::process::chdir("/")?;
    let asks: UnixStream = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?.into();
    sys::heed_signals();
    sys::leave_children(true)?;
    let mut spare = Spare::new();
    loop {
        match spare.as_mut().map_or(Ok(()), |spare| spare.await_asked(&asks)) {
            Err(error) if error.kind() == ErrorKind::Unsupported => spare = None,
            awaited => awaited?,
        }
        let ((), sockets) = handoff::receive(&asks)?;
        let socket = UnixStream::from(sockets.into_iter().next().ok_or(ErrorKind::InvalidData)?);
        let network = spare.as_mut().and_then(Spare::take);
        match sys::fork(None).during(Phase::Confinement, "start a process") {
            Ok(Fork::Child) => {
                sys::leave_children(false)?;
                let _ = rustix::process::setsid();
                rustix::stdio::dup2_stdin(&socket)?;
                return Ok((socket, network));
            }
            Ok(Fork::Parent(_)) => {}
            // One that is gone does not want to know.
            Err(trouble) => drop(handoff::send(&socket, &Said::Failed(trouble), &[])),
        }
    }
}

/// By which others see that this process has ended; `None` on kernels without.
fn itself() -> Option<OwnedFd> {
    rustix::process::pidfd_open(rustix::process::getpid(), rustix::process::PidfdFlags::empty()).ok()
}

fn descriptor(of: Option<&OwnedFd>) -> Vec<BorrowedFd<'_>> {
    of.map(|descriptor| descriptor.as_fd()).into_iter().collect()
}

/// `spare` is a network namespace that nobody uses.
fn become_box(socket: &UnixStream, spare: Option<OwnedFd>) -> Result<ExitCode, Trouble> {
    let (bounds, _) = handoff::receive::<Bounds>(socket).during(Phase::Box, "read the configuration")?;
    let counters = enter_cgroup(&bounds, socket)?;
    let (config, _) = handoff::receive::<InitConfig>(socket).during(Phase::Box, "read the configuration")?;
    // For whichever process this is by now.
    sys::end_within(PATIENCE);
    let identity = Identity::of(&config.spec.id).during(Phase::Confinement, "choose a user for the sandbox")?;
    let mut owners = Owners::new(identity);
    let early = matches!(identity, Identity::Other { .. }) && config.tier == Tier::A;
    let sources = early.then(|| Sources::take(&config, &mut owners)).transpose()?;
    let apart = config.tier == Tier::A && config.spec.network != Network::Full;
    let spare = spare.filter(|_| apart);
    if let Some(spare) = &spare {
        network::enter(spare.as_fd()).during(Phase::Namespaces, "enter the network namespace")?;
    }
    identity.assume().during(Phase::Confinement, "change to an ordinary user")?;
    if config.tier == Tier::A {
        separate()?;
        identity.map().during(Phase::Namespaces, "name the user of the sandbox in its namespace")?;
    }
    let network = (apart && spare.is_none()).then(Handover::new).transpose()?;
    drop(spare);
    let outer = itself();
    if let Fork::Parent(_) = sys::fork(None).during(Phase::Confinement, "start a process")? {
        if let Some(network) = network {
            network.make();
        }
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(network) = &network {
        network.begin();
    }
    // As the outer process sees it: its /proc is still there.
    let pid = fs::read_link("/proc/self").ok().and_then(|link| link.to_str()?.parse().ok()).unwrap_or(0);
    let mut inside = Inside { config, identity, counters, outer, layers: vec![] };
    let keeper = match inside.config.tier {
        Tier::A => {
            let sources = sources.map_or_else(|| Sources::take(&inside.config, &mut owners), Ok)?;
            inside.tier_a(sources, network)?
        }
        Tier::B | Tier::None => inside.tier_b()?,
    };
    inside.serve(socket, pid, keeper)
}

/// Makes the cgroup and goes into it, while this process may, and opens what it counts.
fn enter_cgroup(Bounds { cgroup, limits }: &Bounds, maker: &UnixStream) -> Result<Option<Counters>, Trouble> {
    check_there(maker)?;
    // One may be left: of a box of this id that ended by itself, or of a better tier that was tried.
    let made = cgroup.remove().and_then(|()| cgroup.make(limits));
    made.during(Phase::Box, "make the cgroup of the sandbox")?;
    check_there(maker).inspect_err(|_| {
        // Whoever cleared up after it may have done so before there was this.
        let _ = cgroup.remove();
    })?;
    let entered = || -> std::io::Result<_> {
        cgroup.join()?;
        if let Some(folder) = cgroup.open()?
            && let Fork::Parent(_) = sys::fork(Some(folder.as_fd()))?
        {
            sys::exit(0);
        }
        cgroup.counters()
    };
    entered().during(Phase::Box, "enter the cgroup of the sandbox")
}

/// Fails where the process at the other end is gone: what is done for it then is somebody else's to do by now.
fn check_there(maker: &UnixStream) -> Result<(), Trouble> {
    let mut gone = [PollFd::new(maker, PollFlags::RDHUP)];
    let at_once = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
    match poll(&mut gone, Some(&at_once)) {
        Ok(count) if count > 0 => Err(ErrorKind::UnexpectedEof).during(Phase::Box, "read the configuration"),
        _ => Ok(()),
    }
}

/// From all but the network: that is [`Handover`]'s.
fn separate() -> Result<(), Trouble> {
    let flags = UnshareFlags::NEWUSER
        | UnshareFlags::NEWNS
        | UnshareFlags::NEWPID
        | UnshareFlags::NEWIPC
        | UnshareFlags::NEWUTS
        | UnshareFlags::NEWCGROUP;
    sys::unshare(flags).during(Phase::Namespaces, "make namespaces")
}

/// The process that is the box.
struct Inside {
    config: InitConfig,
    identity: Identity,
    counters: Option<Counters>,
    /// The process that forked this one.
    outer: Option<OwnedFd>,
    layers: Vec<Layer>,
}

impl Inside {
    fn layer(&mut self, name: &str, detail: &str, active: bool) {
        self.layers.push(Layer { name: name.into(), detail: detail.into(), active });
    }

    fn tier_a(&mut self, sources: Sources, network: Option<Handover>) -> Result<LocalKeeper, Trouble> {
        let written = sources.written().during(Phase::Box, "open what the sandbox writes")?;
        root::enter(&self.config, sources)?;
        network.map_or(Ok(()), Handover::join)?;
        rustix::system::sethostname(etc::HOST.as_bytes()).during(Phase::Namespaces, "name the machine")?;
        self.user_layer();
        self.layer("user namespace", "no privilege outside", true);
        self.layer("mount namespace", "a root folder of its own", true);
        self.layer("process namespace", "sees its own processes only", true);
        let network = match self.config.spec.network {
            Network::Full => ("the machine's: everything it reaches", false),
            Network::None => ("no network", true),
            Network::Allow(_) => ("one proxy, with an allow list", true),
        };
        self.layer("network namespace", network.0, network.1);
        let mut files = Files {
            read: vec!["/".into()],
            write: [HOME, "/tmp", "/dev/shm", "/dev/pts"].map(PathBuf::from).into(),
            use_existing: ["/dev", "/proc", "/run"].map(PathBuf::from).into(),
            read_open: vec![],
            no_tcp: false,
        };
        if self.config.spec.workspace.mode != WorkspaceMode::Ro {
            files.write.push(WORKSPACE.into());
        }
        let mounts = self.config.spec.mounts.iter().filter(|mount| !mount.read_only);
        files.write.extend(mounts.map(|mount| mount.inside.clone()));
        self.confine(files, written, Sockets::Namespaced)
    }

    fn tier_b(&mut self) -> Result<LocalKeeper, Trouble> {
        let place = Place::as_seen_by(self.identity, &self.config.folder, &self.config.spec.id);
        let workspace = match (&self.config.spec.workspace.path, self.config.spec.workspace.mode) {
            (Some(path), WorkspaceMode::Ro) => path.clone(),
            _ => place.workspace.clone(),
        };
        rustix::process::chdir(&workspace).during(Phase::Box, format!("use {}", workspace.display()))?;
        let written = open_folder(&place.workspace).during(Phase::Box, "open what the sandbox writes")?;
        self.user_layer();
        self.layer("namespaces", "not here: see `agentscope sandbox doctor`", false);
        let mut files = Files {
            read: TIER_B_READ.iter().chain(etc::TAKEN).map(PathBuf::from).collect(),
            write: vec![place.workspace, place.tmp],
            use_existing: TIER_B_DEVICES.iter().map(PathBuf::from).collect(),
            read_open: vec![],
            no_tcp: self.config.spec.network == Network::None,
        };
        if self.config.spec.workspace.mode == WorkspaceMode::Ro {
            files.read.push(workspace);
        }
        for mount in &self.config.spec.mounts {
            let list = if mount.read_only { &mut files.read } else { &mut files.write };
            list.push(mount.host.clone());
        }
        let full = self.config.spec.network == Network::Full;
        self.confine(files, vec![written], if full { Sockets::Internet } else { Sockets::Pairs })
    }

    fn user_layer(&mut self) {
        let detail = match self.identity {
            Identity::Same { uid, .. } => format!("user {uid}, who makes it"),
            Identity::Other { uid, .. } => format!("user {uid}, its own"),
        };
        self.layer("identity", &detail, true);
    }

    fn confine(&mut self, mut files: Files, written: Vec<OwnedFd>, sockets: Sockets) -> Result<LocalKeeper, Trouble> {
        let phase = Phase::Confinement;
        let oom_score = OomScore::open().ok();
        confine::limit(&self.config.spec.limits).during(phase, "set limits")?;
        confine::drop_privileges().during(phase, "give up every capability")?;
        self.layer("capabilities", "none, and no way to any", true);
        files.read_open = written
            .iter()
            .map(|folder| rustix::io::fcntl_dupfd_cloexec(folder, 3))
            .collect::<Result<_, _>>()
            .during(phase, "open what the sandbox writes")?;
        let fewer = (self.config.tier == Tier::B).then(|| files.without_terminals());
        let programs = confine::program_domain(fewer.as_ref()).during(phase, "prepare the confinement of programs")?;
        let landlock = confine::landlock(&files).during(phase, "restrict the file system by landlock")?;
        self.hide_memory(landlock.active).during(phase, "hide the memory of the daemon")?;
        self.layers.push(landlock);
        self.layers.push(confine::seccomp(sockets).during(phase, "filter system calls by seccomp")?);
        if self.config.tier == Tier::B {
            seccomp::refuse_metadata().during(phase, "keep the modes of files outside")?;
            metadata::guard(files.write).during(phase, "keep the modes of files outside")?;
        }
        let limits = self.config.spec.limits;
        let soft = self.counters.is_none();
        let first = self.config.tier == Tier::A;
        let watched = Watched { limits, soft, first, written };
        let watch = Watch::start(watched).during(phase, "start the thread that watches limits")?;
        let tasks = soft.then(|| self.tasks());
        LocalKeeper::new(self.counters.take(), watch, tasks, programs, oom_score)
            .during(phase, "prepare the confinement of programs")
    }

    /// The kernel counts the tasks of a user in each namespace for itself, and an ordinary user's of tier B all together.
    fn tasks(&self) -> u64 {
        let others = match (self.config.tier, self.identity) {
            (Tier::B, Identity::Same { uid, .. }) => tasks_of(uid),
            _ => 0,
        };
        others + u64::from(self.config.spec.limits.pids + OWN_TASKS)
    }

    /// So that no program reads it. An ordinary user could then not enter the namespaces either, as bringing the
    /// workspace up to date needs; there landlock keeps programs from the daemon, which is not in their domain.
    fn hide_memory(&self, landlock: bool) -> rustix::io::Result<()> {
        let entered = self.config.spec.workspace.mode == WorkspaceMode::Rw && self.config.tier == Tier::A;
        let needed = entered && matches!(self.identity, Identity::Same { .. }) && landlock;
        rustix::process::set_dumpable_behavior(if needed {
            DumpableBehavior::Dumpable
        } else {
            DumpableBehavior::NotDumpable
        })
    }

    /// Goes on as the daemon, which answers once the outer process has the box on record.
    fn serve(self, socket: &UnixStream, pid: i32, keeper: LocalKeeper) -> Result<ExitCode, Trouble> {
        let said = Said::Confined { pid, layers: self.layers };
        handoff::send(socket, &said, &descriptor(self.outer.as_ref())).during(Phase::Box, "report")?;
        drop(self.outer);
        let Some(daemon) = self.config.daemon else { return Ok(ExitCode::SUCCESS) };
        let handed = || -> std::io::Result<Vec<OwnedFd>> {
            let ((), mut descriptors) = handoff::receive(socket)?;
            if let Some(log) = descriptors.pop() {
                rustix::stdio::dup2_stderr(log)?;
            }
            Ok(descriptors)
        };
        match handed() {
            Ok(descriptors) => Ok(daemon::run(daemon, descriptors, Box::new(keeper))),
            Err(error) => {
                // Whoever makes it waits for the daemon by now.
                let what = format!("could not take what the daemon listens on: {error}");
                handoff::report(socket, &handoff::Report::Failed { what });
                Ok(ExitCode::FAILURE)
            }
        }
    }
}

/// What programs of tier B may read of the machine's file system: no home, no data, no configuration.
const TIER_B_READ: &[&str] = &[
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/nix/store",
    "/proc",
    "/etc/group",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/passwd",
    "/etc/resolv.conf",
];
const TIER_B_DEVICES: &[&str] =
    &["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty", "/dev/ptmx", TERMINALS];

fn open_folder(path: &Path) -> std::io::Result<OwnedFd> {
    Ok(rustix::fs::open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?)
}

fn tasks_of(uid: u32) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    let Ok(entries) = fs::read_dir("/proc") else { return 0 };
    let of_user = entries.flatten().filter(|entry| entry.metadata().is_ok_and(|meta| meta.uid() == uid));
    of_user.map(|entry| fs::read_dir(entry.path().join("task")).map_or(0, |tasks| tasks.count() as u64)).sum()
}
