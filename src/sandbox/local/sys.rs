//! The system calls that no crate of ours wraps. The only `unsafe` of the project is here and in `keeper`.

use std::{
    io,
    os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd, RawFd},
    time::Duration,
};

use rustix::mount::MountAttrFlags;

/// Every capability that a kernel may know: the bounding set has 64 bits.
const CAPABILITIES: libc::c_ulong = 64;

fn check(result: libc::c_long) -> io::Result<libc::c_long> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// Moves the calling thread into new namespaces.
pub(super) fn unshare(flags: rustix::thread::UnshareFlags) -> io::Result<()> {
    // SAFETY: unsafe only for `FILES`, which would split the table of descriptors of a process with several threads.
    unsafe { rustix::thread::unshare_unsafe(flags - rustix::thread::UnshareFlags::FILES) }.map_err(Into::into)
}

/// Source: linux/sched.h.
const CLONE_INTO_CGROUP: u64 = 1 << 33;

/// Which side of a fork this is.
pub(super) enum Fork {
    /// With the child's number.
    Parent(i32),
    Child,
}

/// Forks, the child into the cgroup whose folder is open as `cgroup`.
pub(super) fn fork(cgroup: Option<BorrowedFd<'_>>) -> io::Result<Fork> {
    debug_assert!(threads() == 1, "a fork copies only the calling thread");
    let pid = match cgroup {
        // SAFETY: the caller has one thread, so that the child may go on as any program.
        None => check(unsafe { libc::fork() }.into())?,
        Some(cgroup) => {
            // SAFETY: a structure of integers, all of which may be zero.
            let mut args: libc::clone_args = unsafe { std::mem::zeroed() };
            // Into the cgroup at once: a move afterwards waits for every fork on the machine.
            args.flags = CLONE_INTO_CGROUP;
            args.exit_signal = libc::SIGCHLD as u64;
            args.cgroup = cgroup.as_raw_fd() as u64;
            // SAFETY: as for `fork`: no memory is shared and no stack is given, so both sides return here.
            check(unsafe { libc::syscall(libc::SYS_clone3, &raw mut args, size_of::<libc::clone_args>()) })?
        }
    };
    Ok(if pid == 0 { Fork::Child } else { Fork::Parent(i32::try_from(pid).unwrap_or(-1)) })
}

/// Whether children are nobody's to wait for: the kernel forgets them as they end. Source: sigaction(2), `SA_NOCLDWAIT`.
pub(super) fn leave_children(leave: bool) -> io::Result<()> {
    // SAFETY: no handler is set that could run anything.
    let before = unsafe { libc::signal(libc::SIGCHLD, if leave { libc::SIG_IGN } else { libc::SIG_DFL }) };
    if before == libc::SIG_ERR { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Ends the process after that time. Not its children: an alarm is not theirs. Source: alarm(2).
pub(super) fn end_within(time: Duration) {
    // SAFETY: always safe to call; what the signal does by itself is to end the process.
    unsafe { libc::alarm(u32::try_from(time.as_secs()).unwrap_or(u32::MAX)) };
}

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count)
}

/// Ends the process at once: nothing that the two sides of a fork share is flushed or dropped twice.
pub(super) fn exit(code: i32) -> ! {
    // SAFETY: always safe to call.
    unsafe { libc::_exit(code) }
}

/// Adds attributes to a mount, and to those below it if `recursive`.
pub(super) fn add_attributes(tree: BorrowedFd<'_>, set: MountAttrFlags, recursive: bool) -> io::Result<()> {
    let attr = libc::mount_attr { attr_set: set.bits().into(), attr_clr: 0, propagation: 0, userns_fd: 0 };
    mount_setattr(tree, attr, if recursive { libc::AT_RECURSIVE } else { 0 })
}

/// Maps the owners of files on a mount that is attached nowhere, through a user namespace. Not those of mounts below
/// it, which may be of a kind that cannot be mapped.
pub(super) fn map_owners(tree: BorrowedFd<'_>, namespace: BorrowedFd<'_>) -> io::Result<()> {
    let userns_fd = namespace.as_raw_fd() as u64;
    let attr = libc::mount_attr { attr_set: libc::MOUNT_ATTR_IDMAP, attr_clr: 0, propagation: 0, userns_fd };
    mount_setattr(tree, attr, 0)
}

/// Source: mount_setattr(2).
fn mount_setattr(tree: BorrowedFd<'_>, mut attr: libc::mount_attr, flags: libc::c_int) -> io::Result<()> {
    // SAFETY: the path ends with a zero byte, the structure is whole and its size is given.
    check(unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            tree.as_raw_fd(),
            c"".as_ptr(),
            flags | libc::AT_EMPTY_PATH,
            &raw mut attr,
            size_of::<libc::mount_attr>(),
        )
    })?;
    Ok(())
}

/// Closes every descriptor from `first` on. Source: close_range(2).
pub(crate) fn close_from(first: u32) -> io::Result<()> {
    // SAFETY: called before anything of this process has opened a descriptor that it still holds.
    match check(unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, 0) }) {
        // Linux before 5.9 does not know it, and to gVisor it is invalid where nothing is open from `first` on.
        Err(error) if matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EINVAL)) => close_each_from(first),
        other => other.map(drop),
    }
}

fn close_each_from(first: u32) -> io::Result<()> {
    let mut open = vec![];
    for entry in std::fs::read_dir("/proc/self/fd")? {
        open.extend(entry?.file_name().to_str().and_then(|name| name.parse::<RawFd>().ok()));
    }
    for descriptor in open.into_iter().filter(|descriptor| u32::try_from(*descriptor).is_ok_and(|it| it >= first)) {
        // SAFETY: as in `close_from`; that of the listing itself is closed already, which is no harm.
        unsafe { libc::close(descriptor) };
    }
    Ok(())
}

/// Ends that signals are ignored which whoever started us had ignored, as `nohup` and shells in the background do: it
/// would go on in every program, and a shell cannot even ask for them then. Source: signal(7), exec(3p).
pub(in crate::sandbox) fn heed_signals() {
    // All but those for real time. Rust itself ignores SIGPIPE, and ends that in what it starts.
    for signal in (1..32).filter(|signal| *signal != libc::SIGPIPE) {
        // SAFETY: a structure that may be zero, for this call to fill; no handler is set.
        unsafe {
            let mut now: libc::sigaction = std::mem::zeroed();
            if libc::sigaction(signal, std::ptr::null(), &raw mut now) == 0 && now.sa_sigaction == libc::SIG_IGN {
                libc::signal(signal, libc::SIG_DFL);
            }
        }
    }
}

/// Brings up the loopback interface of this network namespace. Source: netdevice(7).
pub(super) fn loopback_up() -> io::Result<()> {
    let socket = rustix::net::socket(rustix::net::AddressFamily::INET, rustix::net::SocketType::DGRAM, None)?;
    // SAFETY: a structure of integers and arrays of them, all of which may be zero.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(c"lo".to_bytes_with_nul()) {
        *to = *from as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as i16;
    // SAFETY: the request reads an `ifreq`, which lives until it returns.
    check(unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request) }.into())?;
    Ok(())
}

/// Gives up every capability, for good. Source: capabilities(7).
pub(super) fn drop_capabilities() -> io::Result<()> {
    for capability in 0..CAPABILITIES {
        // SAFETY: takes numbers only.
        let known = unsafe { libc::prctl(libc::PR_CAPBSET_READ, capability, 0, 0, 0) };
        if known == 1 {
            // SAFETY: takes numbers only.
            let dropped = check(unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) }.into());
            // Without CAP_SETPCAP, as an ordinary user in tier B: nothing can be gained from the set there, because
            // `no_new_privs` is set.
            match dropped {
                Err(error) if error.raw_os_error() == Some(libc::EPERM) => break,
                other => other?,
            };
        }
    }
    // SAFETY: takes numbers only.
    check(unsafe { libc::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) }.into())?;
    let none = rustix::thread::CapabilitySet::empty();
    let none = rustix::thread::CapabilitySets { effective: none, permitted: none, inheritable: none };
    rustix::thread::set_capabilities(None, none)?;
    Ok(())
}

/// The version of Landlock's interface; 0 where the kernel has none. Source: landlock_create_ruleset(2).
pub(super) fn landlock_abi() -> u32 {
    const VERSION: u32 = 1;
    // SAFETY: with this flag no structure is read.
    let abi = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<u8>(), 0_usize, VERSION) };
    u32::try_from(abi).unwrap_or(0)
}

/// Puts the calling thread under a filter, and gives the descriptor at which the calls wait that it is to be asked about.
/// Source: seccomp(2).
pub(super) fn listen_to_filter(program: &[seccompiler::sock_filter]) -> io::Result<OwnedFd> {
    let length = u16::try_from(program.len()).map_err(io::Error::other)?;
    let program = libc::sock_fprog { len: length, filter: program.as_ptr().cast_mut().cast() };
    let flags = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER;
    // SAFETY: the kernel copies the program, which lives until the call returns, and writes nothing.
    let listener =
        check(unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const program) })?;
    // SAFETY: the call gave a descriptor that nobody else has; the kernel sets its close-on-exec flag.
    Ok(unsafe { OwnedFd::from_raw_fd(i32::try_from(listener).map_err(io::Error::other)?) })
}

/// Waits for a call at a filter's `listener`. Source: seccomp_unotify(2).
pub(super) fn next_notification(listener: BorrowedFd<'_>) -> io::Result<libc::seccomp_notif> {
    // SAFETY: a structure of integers, which has to be zero.
    let mut asked: libc::seccomp_notif = unsafe { std::mem::zeroed() };
    // SAFETY: the request writes a `seccomp_notif`, which lives until it returns.
    check(unsafe { libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_RECV, &raw mut asked) }.into())?;
    Ok(asked)
}

/// Lets the call with this number return: 0, or the error where it is not 0.
pub(super) fn answer_notification(listener: BorrowedFd<'_>, id: u64, errno: i32) -> io::Result<()> {
    let mut answer = libc::seccomp_notif_resp { id, val: 0, error: -errno, flags: 0 };
    // SAFETY: the request reads a `seccomp_notif_resp`, which lives until it returns.
    check(unsafe { libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SEND, &raw mut answer) }.into())?;
    Ok(())
}

/// Adds the calling thread to the domain of `ruleset`. Source: landlock_restrict_self(2).
pub(super) fn landlock_restrict_self(ruleset: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: takes a descriptor and a number.
    check(unsafe { libc::syscall(libc::SYS_landlock_restrict_self, ruleset.as_raw_fd(), 0) })?;
    Ok(())
}

/// Removes a segment of System V shared memory. One that is gone or another's stays as it is.
pub(super) fn remove_segment(id: i32) {
    // SAFETY: takes a number; this command uses no buffer.
    unsafe { libc::shmctl(id, libc::IPC_RMID, std::ptr::null_mut()) };
}

/// Bytes of a page of memory.
pub(super) fn page_size() -> u64 {
    // SAFETY: takes a number.
    u64::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096)
}

/// Of the clock that times in `/proc` are in.
pub(super) fn ticks_per_second() -> u64 {
    // SAFETY: takes a number.
    u64::try_from(unsafe { libc::sysconf(libc::_SC_CLK_TCK) }).unwrap_or(100)
}
