//! What the daemon does differently in a box of ours: how its programs start, and what it knows of limits.

use std::{
    io,
    os::{
        fd::{AsFd as _, BorrowedFd, OwnedFd},
        unix::process::CommandExt as _,
    },
    process::Command,
    sync::{Arc, OnceLock},
};

use rustix::process::{DumpableBehavior, Pid, Resource, Rlimit, setrlimit};
use seccompiler::BpfProgram;

use super::{
    cgroup::Counters,
    config::GO,
    confine,
    oom::OomScore,
    root,
    seccomp::{self, Sockets},
    starter::Starter,
    sys,
    watch::Watch,
};
use crate::sandbox::daemon::{self, Keeper, Start, Strikes};

/// Of a box of tier A or B.
pub(super) struct LocalKeeper {
    programs: Arc<Programs>,
    counters: Option<Counters>,
    watch: Arc<Watch>,
}

/// What every program is under besides the daemon's own confinement; made before there is a program.
struct Programs {
    /// Neither signals nor looks at memory leave it.
    domain: Option<OwnedFd>,
    filter: BpfProgram,
    /// Tasks of the box's user, where no cgroup counts them.
    tasks: Option<u64>,
    oom_score: Option<OomScore>,
    /// Once there may be programs.
    starter: OnceLock<Starter>,
}

impl LocalKeeper {
    /// # Errors
    /// A kernel that refuses a filter.
    pub(super) fn new(
        counters: Option<Counters>,
        watch: Arc<Watch>,
        tasks: Option<u64>,
        domain: Option<OwnedFd>,
        oom_score: Option<OomScore>,
    ) -> io::Result<Self> {
        Ok(Self { programs: Arc::new(Programs::new(domain, tasks, oom_score)?), counters, watch })
    }
}

impl Keeper for LocalKeeper {
    fn confine(&self) -> io::Result<()> {
        self.programs.expect()
    }

    fn admit(&self, control: BorrowedFd<'_>) -> io::Result<()> {
        let mut go = [0];
        match rustix::io::retry_on_intr(|| rustix::io::read(control, &mut go))? {
            1 if go == [GO] => self.programs.confined(),
            _ => Err(io::Error::other("whoever makes the sandbox is gone")),
        }
    }

    fn prepare(&self, command: &mut Command) {
        self.programs.prepare(command);
    }

    fn start(&self, start: Start) {
        self.programs.start(start);
    }

    fn strikes(&self) -> Strikes {
        let mut strikes = self.watch.strikes();
        if let Some(counters) = &self.counters {
            let counted = counters.read();
            strikes.memory += counted.memory;
            strikes.pids += counted.pids;
        }
        strikes.disk_full |= ["/tmp", root::HOME, "/dev/shm"].into_iter().any(super::full);
        strikes
    }

    fn started(&self, pid: Pid) {
        daemon::first_to_go(pid);
    }

    fn look(&self) {
        self.watch.look();
    }

    fn room(&self) -> u64 {
        self.watch.room()
    }
}

/// Of a box that is a container: what holds it in is the engine's, and what engines leave open is refused as in boxes of
/// ours. Engines differ in what they filter, and none keeps programs from the daemon.
#[derive(Default)]
pub(in crate::sandbox) struct Contained {
    programs: OnceLock<Arc<Programs>>,
}

impl Contained {
    /// See [`Keeper::confine`].
    ///
    /// # Errors
    /// A kernel that refuses a filter.
    pub(in crate::sandbox) fn confine(&self) -> io::Result<()> {
        let programs = Arc::new(Programs::new(confine::program_domain(None)?, None, OomScore::open().ok())?);
        rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
        seccomp::apply(Sockets::Namespaced)?;
        programs.expect()?;
        programs.confined()?;
        let _ = self.programs.set(programs);
        Ok(())
    }

    /// See [`Keeper::start`].
    pub(in crate::sandbox) fn start(&self, start: Start) {
        if let Some(programs) = self.programs.get() {
            programs.start(start);
        }
    }
}

impl Programs {
    fn new(domain: Option<OwnedFd>, tasks: Option<u64>, oom_score: Option<OomScore>) -> io::Result<Self> {
        Ok(Self { domain, filter: seccomp::program_filter()?, tasks, oom_score, starter: OnceLock::new() })
    }

    /// Makes what starts them.
    fn expect(self: &Arc<Self>) -> io::Result<()> {
        let programs = Arc::clone(self);
        let _ = self.starter.set(Starter::new(move || programs.enter())?);
        Ok(())
    }

    /// Waits until they are, once.
    fn confined(&self) -> io::Result<()> {
        self.starter.get().map_or(Ok(()), Starter::confined)
    }

    /// Where there is nothing that confines it, nothing is started.
    fn start(self: &Arc<Self>, start: Start) {
        let Some(starter) = self.starter.get() else { return };
        let this = Arc::clone(self);
        starter.run(Box::new(move || {
            let _lent = this.oom_score.as_ref().map(OomScore::lend);
            start();
        }));
    }

    /// The one thing that holds for a process and not for a thread.
    fn prepare(&self, command: &mut Command) {
        if let Some(tasks) = self.tasks {
            let limit = Rlimit { current: Some(tasks), maximum: Some(tasks) };
            // SAFETY: between fork and exec; this is one system call, which neither allocates nor locks.
            unsafe { command.pre_exec(move || Ok(setrlimit(Resource::Nproc, limit)?)) };
        }
    }

    /// Puts the calling thread under it, and all that it starts.
    fn enter(&self) -> io::Result<()> {
        if let Some(domain) = &self.domain {
            sys::landlock_restrict_self(domain.as_fd())?;
        }
        seccompiler::apply_filter(&self.filter).map_err(io::Error::other)
    }
}
