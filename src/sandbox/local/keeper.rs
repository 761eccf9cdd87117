//! What the daemon does differently in a box of ours: how its programs start, and what it knows of limits.

use std::{
    io,
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::process::CommandExt as _,
    },
    process::Command,
    sync::Arc,
};

use rustix::process::{Pid, Resource, Rlimit, setrlimit};
use seccompiler::BpfProgram;

use super::{cgroup::Counters, confine, root, seccomp, sys, watch::Watch};
use crate::sandbox::daemon::{self, Keeper, Strikes};

/// Of a box of tier A or B.
pub(super) struct LocalKeeper {
    programs: Arc<Programs>,
    counters: Option<Counters>,
    watch: Arc<Watch>,
}

/// What every program is under besides the daemon's own confinement; made before there is a program.
struct Programs {
    /// Signals do not leave it.
    domain: Option<OwnedFd>,
    filter: BpfProgram,
    /// Tasks of the box's user, where no cgroup counts them.
    tasks: Option<u64>,
}

impl LocalKeeper {
    /// # Errors
    /// A kernel that refuses a rule set.
    pub(super) fn new(counters: Option<Counters>, watch: Arc<Watch>, tasks: Option<u64>) -> io::Result<Self> {
        let programs = Programs { domain: confine::signal_domain()?, filter: seccomp::program_filter()?, tasks };
        Ok(Self { programs: Arc::new(programs), counters, watch })
    }
}

impl Keeper for LocalKeeper {
    fn prepare(&self, command: &mut Command) {
        let programs = Arc::clone(&self.programs);
        // SAFETY: between fork and exec; `enter` makes system calls only.
        unsafe { command.pre_exec(move || programs.enter()) };
    }

    fn strikes(&self) -> Strikes {
        let mut strikes = self.watch.strikes();
        if let Some(counters) = &self.counters {
            let counted = counters.read();
            strikes.memory += counted.memory;
            strikes.pids += counted.pids;
        }
        strikes.disk_full |= ["/tmp", root::HOME, "/dev/shm"].into_iter().any(full);
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

impl Programs {
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

fn full(path: &str) -> bool {
    rustix::fs::statvfs(path).is_ok_and(|stat| stat.f_bavail == 0 || stat.f_favail == 0)
}
