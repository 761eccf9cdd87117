//! What the daemon does differently in a box of ours: how its programs start, and what it knows of limits.

use std::{
    io,
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::process::CommandExt as _,
    },
    process::Command,
    sync::{Arc, OnceLock},
};

use rustix::process::{DumpableBehavior, Pid, Resource, Rlimit, setrlimit};
use seccompiler::BpfProgram;

use super::{
    cgroup::Counters,
    confine, root,
    seccomp::{self, Sockets},
    sys,
    watch::Watch,
};
use crate::sandbox::daemon::{self, Keeper, Strikes};

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
}

impl LocalKeeper {
    /// # Errors
    /// A kernel that refuses a filter.
    pub(super) fn new(
        counters: Option<Counters>,
        watch: Arc<Watch>,
        tasks: Option<u64>,
        domain: Option<OwnedFd>,
    ) -> io::Result<Self> {
        let programs = Programs { domain, filter: seccomp::program_filter()?, tasks };
        Ok(Self { programs: Arc::new(programs), counters, watch })
    }
}

impl Keeper for LocalKeeper {
    fn prepare(&self, command: &mut Command) {
        self.programs.confine(command);
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

    fn full(&self) -> bool {
        !self.watch.fits()
    }
}

/// Of a box that is a container: what holds it in is the engine's, and what engines leave open is refused as in boxes of
/// ours. Engines differ in what they filter, and none keeps programs from the daemon.
#[derive(Default)]
pub(in crate::sandbox) struct Contained {
    programs: OnceLock<Arc<Programs>>,
}

impl Contained {
    /// To be called once, by the daemon.
    ///
    /// # Errors
    /// A kernel that refuses a filter.
    pub(in crate::sandbox) fn confine(&self) -> io::Result<()> {
        let programs =
            Programs { domain: confine::program_domain(None)?, filter: seccomp::program_filter()?, tasks: None };
        let _ = self.programs.set(Arc::new(programs));
        rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
        seccomp::apply(Sockets::Namespaced)
    }

    /// See [`Keeper::prepare`].
    pub(in crate::sandbox) fn prepare(&self, command: &mut Command) {
        if let Some(programs) = self.programs.get() {
            programs.confine(command);
        }
    }
}

impl Programs {
    fn confine(self: &Arc<Self>, command: &mut Command) {
        let programs = Arc::clone(self);
        // SAFETY: between fork and exec; `enter` makes system calls only.
        unsafe { command.pre_exec(move || programs.enter()) };
    }

    /// Async-signal-safe: neither allocates nor locks where all goes well.
    fn enter(&self) -> io::Result<()> {
        if let Some(tasks) = self.tasks {
            setrlimit(Resource::Nproc, Rlimit { current: Some(tasks), maximum: Some(tasks) })?;
        }
        if let Some(domain) = &self.domain {
            sys::landlock_restrict_self(domain.as_fd())?;
        }
        seccompiler::apply_filter(&self.filter).map_err(|_| io::Error::from_raw_os_error(libc::EACCES))
    }
}
