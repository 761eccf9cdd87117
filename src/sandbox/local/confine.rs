//! What a process gives up before it runs anything that is not ours, in this order: limits, capabilities, the way back
//! to any privilege, files, system calls. Children inherit all of it.

use std::{
    io,
    os::fd::{AsRawFd as _, OwnedFd},
    path::{Path, PathBuf},
};

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible as _, PathBeneath, PathFd, Ruleset,
    RulesetAttr as _, RulesetCreated, RulesetCreatedAttr as _, RulesetStatus, Scope,
};
use rustix::process::{Resource, Rlimit, setrlimit};

use super::{
    seccomp::{self, Sockets},
    sys,
};
use crate::sandbox::{Layer, Limits};

/// Newest interface of Landlock whose rights are asked for; an older kernel enforces what it knows.
const LANDLOCK: ABI = ABI::V7;
/// Descriptors of one process. What a build of a large program holds open at once, and far below what would hurt.
const OPEN_FILES: u64 = 65_536;
/// Bytes of a core dump: none, and the one value at which the kernel does not start the program that `core_pattern` may
/// pipe them to, which would run outside as root. Source: core(5); the filter of system calls keeps it there.
const NO_CORE: u64 = 1;
/// Bytes of POSIX message queues, which no cgroup counts.
const MESSAGES: u64 = 1 << 20;

/// Where the kernel shows terminals.
pub(super) const TERMINALS: &str = "/dev/pts";

/// What of the file system may be used.
#[derive(Debug, Default)]
pub(super) struct Files {
    /// Read and run.
    pub(super) read: Vec<PathBuf>,
    /// Everything but making devices.
    pub(super) write: Vec<PathBuf>,
    /// Read and write what is there, such as devices.
    pub(super) use_existing: Vec<PathBuf>,
    /// Folders that are open and have no path of use.
    pub(super) read_open: Vec<OwnedFd>,
    /// Whether sockets of the Internet are out of reach for Landlock too.
    pub(super) no_tcp: bool,
}

impl Files {
    /// The same for programs of tier B: terminals they get from the daemon, open. The folder of terminals is the machine's,
    /// where those of an ordinary user are open to all that runs as that user.
    pub(super) fn without_terminals(&self) -> Self {
        let mut use_existing = self.use_existing.clone();
        use_existing.retain(|path| path != Path::new(TERMINALS));
        let (read, write) = (self.read.clone(), self.write.clone());
        Self { read, write, use_existing, read_open: vec![], no_tcp: self.no_tcp }
    }
}

/// Limits that hold for each process, and hold without a cgroup.
///
/// # Errors
/// A hard limit of the machine that is lower than what is asked for.
pub(super) fn limit(limits: &Limits) -> io::Result<()> {
    set(Resource::Core, NO_CORE)?;
    set(Resource::Nofile, OPEN_FILES)?;
    set(Resource::Fsize, limits.disk)?;
    set(Resource::Msgqueue, MESSAGES)
}

/// Lowers both limits to `value`, or leaves a lower one.
fn set(resource: Resource, value: u64) -> io::Result<()> {
    let maximum = rustix::process::getrlimit(resource).maximum.map_or(value, |maximum| maximum.min(value));
    Ok(setrlimit(resource, Rlimit { current: Some(maximum), maximum: Some(maximum) })?)
}

/// Gives up every capability and the way back to one, and makes sure of it.
///
/// # Errors
/// One that is left.
pub(super) fn drop_privileges() -> io::Result<()> {
    sys::drop_capabilities()?;
    rustix::thread::set_no_new_privs(true)?;
    let sets = rustix::thread::capabilities(None)?;
    let left = sets.effective | sets.permitted | sets.inheritable;
    if left.is_empty() && rustix::thread::no_new_privs()? {
        Ok(())
    } else {
        Err(io::Error::other(format!("capabilities are left: {left:?}")))
    }
}

/// Restricts the file system to `files`, and signals and abstract sockets to what is inside.
///
/// # Errors
/// A kernel that has Landlock and does not enforce it.
pub(super) fn landlock(files: &Files) -> io::Result<Layer> {
    let abi = sys::landlock_abi();
    let layer = |active, detail| Layer { name: "landlock".into(), detail, active };
    if abi == 0 {
        return Ok(layer(false, "not in this kernel, or not among its `lsm=`".into()));
    }
    let status = ruleset(files).and_then(RulesetCreated::restrict_self).map_err(io::Error::other)?;
    match status.ruleset {
        RulesetStatus::NotEnforced => Err(io::Error::other("landlock is not enforced")),
        RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced => Ok(layer(true, format!("ABI {abi}"))),
    }
}

fn ruleset(files: &Files) -> Result<RulesetCreated, landlock::RulesetError> {
    let all = AccessFs::from_all(LANDLOCK);
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(all)?
        .scope(Scope::from_all(LANDLOCK))?;
    if files.no_tcp {
        ruleset = ruleset.handle_access(AccessNet::from_all(LANDLOCK))?;
    }
    let mut created = ruleset.create()?.no_new_privs(false);
    let existing =
        AccessFs::ReadFile | AccessFs::ReadDir | AccessFs::WriteFile | AccessFs::Truncate | AccessFs::IoctlDev;
    let devices = AccessFs::MakeChar | AccessFs::MakeBlock;
    for (paths, access) in [
        (&files.read, AccessFs::from_read(LANDLOCK)),
        (&files.write, all & !devices),
        (&files.use_existing, existing | AccessFs::Execute),
    ] {
        for path in paths {
            created = add(created, path, access)?;
        }
    }
    for folder in &files.read_open {
        created = created.add_rule(PathBeneath::new(folder, AccessFs::ReadFile | AccessFs::ReadDir))?;
    }
    Ok(created)
}

/// A path that is not there needs no rule.
fn add(
    ruleset: RulesetCreated,
    path: &Path,
    access: BitFlags<AccessFs>,
) -> Result<RulesetCreated, landlock::RulesetError> {
    let Ok(fd) = PathFd::new(path) else { return Ok(ruleset) };
    // A file takes no rights of folders.
    let folder = std::fs::metadata(format!("/proc/self/fd/{}", std::os::fd::AsFd::as_fd(&fd).as_raw_fd()))
        .is_ok_and(|meta| meta.is_dir());
    let access = if folder { access } else { access & AccessFs::from_file(LANDLOCK) };
    ruleset.add_rule(PathBeneath::new(fd, access))
}

/// Refuses the system calls that no program needs.
///
/// # Errors
/// A kernel without filters.
pub(super) fn seccomp(sockets: Sockets) -> io::Result<Layer> {
    seccomp::apply(sockets)?;
    Ok(Layer { name: "seccomp".into(), detail: "system calls refused by a list".into(), active: true })
}

/// A domain of programs, for the daemon's sake: they neither see the memory of those outside of it nor, from the sixth
/// interface of Landlock on, signal them. With `files` they may use less of the file system than the daemon.
///
/// # Errors
/// A kernel that has Landlock and refuses a rule set.
pub(super) fn program_domain(files: Option<&Files>) -> io::Result<Option<OwnedFd>> {
    if sys::landlock_abi() == 0 {
        return Ok(None);
    }
    let made = match files {
        Some(files) => ruleset(files),
        // A rule set has to restrict something: what nobody may do anyway, for kernels that know nothing of signals.
        None => Ruleset::default()
            .handle_access(AccessFs::MakeBlock)
            .and_then(|ruleset| ruleset.scope(Scope::Signal))
            .and_then(Ruleset::create),
    };
    Ok(made.map_err(io::Error::other)?.into())
}
