//! The system calls that programs inside are refused.
//!
//! Everything else is allowed: lists of what is allowed break toolchains that nobody thought of. What is refused is
//! what no ordinary program needs and what has been a way out of sandboxes: namespaces and mounts, other processes'
//! memory, what goes around file permissions or this filter, loading code into the kernel, keys, clocks.

use std::{collections::BTreeMap, io};

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen as Len, SeccompCmpOp as Op, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};

use super::bpf::{self, ALLOW, LOAD_WORD, NUMBER, RETURN, step};

/// Which sockets may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sockets {
    /// Unix and Internet: what they reach is up to the network namespace.
    Namespaced,
    /// Pairs of Unix sockets only, where the network and the file system are the host's: no descriptor leads out.
    Pairs,
    /// Pairs of Unix sockets, and the Internet.
    Internet,
}

/// Newer than libc's list. Source: the kernel's syscall tables; the same number everywhere.
const OPEN_TREE_ATTR: libc::c_long = 467;
const FCHMODAT2: libc::c_long = 452;

/// Refused where there are no namespaces of the box's own: what programs of one user share.
const SHARED: &[libc::c_long] = &[
    libc::SYS_shmget,
    libc::SYS_shmat,
    libc::SYS_shmctl,
    libc::SYS_semget,
    libc::SYS_semop,
    libc::SYS_semtimedop,
    libc::SYS_semctl,
    libc::SYS_msgget,
    libc::SYS_msgsnd,
    libc::SYS_msgrcv,
    libc::SYS_msgctl,
    libc::SYS_mq_open,
    libc::SYS_mq_unlink,
];

/// The calls that change what a file is, besides modes and times: by its path, or by a descriptor that may be open for
/// reading alone. The last are setxattrat, removexattrat and file_setattr.
const METADATA: &[libc::c_long] = &[
    libc::SYS_fchown,
    libc::SYS_fchownat,
    libc::SYS_setxattr,
    libc::SYS_lsetxattr,
    libc::SYS_removexattr,
    libc::SYS_lremovexattr,
    463,
    466,
    469,
];
#[cfg(target_arch = "x86_64")]
const METADATA_HERE: &[libc::c_long] =
    &[libc::SYS_chown, libc::SYS_lchown, libc::SYS_utime, libc::SYS_utimes, libc::SYS_futimesat];
#[cfg(not(target_arch = "x86_64"))]
const METADATA_HERE: &[libc::c_long] = &[];

/// Refused outright. `libc` knows these on every architecture that we build for.
const REFUSED: &[libc::c_long] = &[
    // Other processes.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_getfd,
    libc::SYS_process_madvise,
    libc::SYS_kcmp,
    // Would go around this filter: its requests are no system calls.
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    // Code in the kernel, and its insides.
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_syslog,
    libc::SYS_fanotify_init,
    // Keys are not kept apart by namespaces.
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    // Mounts and namespaces.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_mount_setattr,
    libc::SYS_unshare,
    libc::SYS_setns,
    OPEN_TREE_ATTR,
    // Go around the permissions of folders.
    libc::SYS_open_by_handle_at,
    libc::SYS_name_to_handle_at,
    // The machine.
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_adjtimex,
    libc::SYS_clock_adjtime,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_vhangup,
    libc::SYS_lookup_dcookie,
    libc::SYS_nfsservctl,
    libc::SYS_move_pages,
    libc::SYS_migrate_pages,
];

#[cfg(target_arch = "x86_64")]
const REFUSED_HERE: &[libc::c_long] = &[
    libc::SYS_iopl,
    libc::SYS_ioperm,
    libc::SYS_kexec_file_load,
    libc::SYS_modify_ldt,
    libc::SYS_uselib,
    libc::SYS_ustat,
    libc::SYS_sysfs,
    libc::SYS__sysctl,
];
#[cfg(target_arch = "aarch64")]
const REFUSED_HERE: &[libc::c_long] = &[libc::SYS_kexec_file_load];
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const REFUSED_HERE: &[libc::c_long] = &[];

/// The flags of clone(2) that make namespaces.
const NAMESPACES: u64 = (libc::CLONE_NEWUSER
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWCGROUP) as u64;
/// A file with these bits would act for its owner on the host, wherever a folder of the host is written to.
const SET_ID: u64 = (libc::S_ISUID | libc::S_ISGID) as u64;
/// Source: asm-generic/ioctls.h and linux/tiocl.h: two put input into a terminal, and the last lets the kernel load code
/// to drive it.
const TERMINAL: [u64; 3] = [0x5412, 0x541c, 0x5423];
/// The type of a socket without its flags. Source: socket(2).
const SOCKET_TYPE: u64 = 0xf;
/// Of the limits of a process, that of core dumps.
const CORE: u64 = libc::RLIMIT_CORE as u64;
/// Bit 30 of a number marks the x32 calls, which the kernel numbers anew: rules for x86-64 do not match them.
const X32: u32 = 0x4000_0000;

/// Puts the calling thread, and all that it starts, under the filters. Needs `no_new_privs`.
pub(super) fn apply(sockets: Sockets) -> io::Result<()> {
    for program in programs(sockets).map_err(io::Error::other)? {
        seccompiler::apply_filter(&program).map_err(io::Error::other)?;
    }
    Ok(())
}

/// For programs, besides what the daemon is under: openat2(2) takes the mode of a new file from memory, where no filter
/// can look. Those that know it do without it on older kernels.
pub(super) fn program_filter() -> io::Result<BpfProgram> {
    let unknown = || {
        let arch = TargetArch::try_from(std::env::consts::ARCH)?;
        let missing = SeccompAction::Errno(libc::ENOSYS as u32);
        SeccompFilter::new([(libc::SYS_openat2, vec![])].into(), SeccompAction::Allow, missing, arch)?.try_into()
    };
    unknown().map_err(|error: seccompiler::BackendError| io::Error::other(error))
}

/// For tier B: changes of mode and times wait for an answer. Those of owners and attributes, which nobody needs that
/// much, are refused.
pub(super) fn metadata_filter() -> io::Result<BpfProgram> {
    let made = || -> Result<BpfProgram, seccompiler::BackendError> {
        let arch = TargetArch::try_from(std::env::consts::ARCH)?;
        // Also by a descriptor: what is open for reading may be another's to change.
        let calls = [libc::SYS_fchmod, libc::SYS_fchmodat, FCHMODAT2, libc::SYS_utimensat];
        let mut rules: Rules = calls.into_iter().map(|call| (call, vec![])).collect();
        #[cfg(target_arch = "x86_64")]
        rules.insert(libc::SYS_chmod, vec![]);
        let mut program: BpfProgram =
            SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::Trace(0), arch)?.try_into()?;
        // `seccompiler` knows no such action, which has the place of another. Source: linux/seccomp.h.
        const TRACE: u32 = 0x7ff0_0000;
        const USER_NOTIF: u32 = 0x7fc0_0000;
        program.iter_mut().filter(|step| step.code == RETURN && step.k == TRACE).for_each(|step| step.k = USER_NOTIF);
        Ok(program)
    };
    made().map_err(io::Error::other)
}

/// Goes with [`metadata_filter`], whose calls are answered.
pub(super) fn refuse_metadata() -> io::Result<()> {
    let made = |calls: &[&[libc::c_long]], error: i32| -> Result<BpfProgram, seccompiler::BackendError> {
        let arch = TargetArch::try_from(std::env::consts::ARCH)?;
        let rules = calls.iter().copied().flatten().map(|call| (*call, vec![])).collect();
        SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::Errno(error as u32), arch)?.try_into()
    };
    // As of a file system without attributes, which programs that copy take for no failure.
    let attributes = [libc::SYS_fsetxattr, libc::SYS_fremovexattr];
    for program in [made(&[METADATA, METADATA_HERE], libc::EPERM), made(&[&attributes], libc::EOPNOTSUPP)] {
        seccompiler::apply_filter(&program.map_err(io::Error::other)?).map_err(io::Error::other)?;
    }
    Ok(())
}

/// In the order in which they are installed; the strictest answer of all wins.
fn programs(sockets: Sockets) -> Result<Vec<BpfProgram>, seccompiler::BackendError> {
    let arch = TargetArch::try_from(std::env::consts::ARCH)?;
    let mut rules = BTreeMap::new();
    for call in REFUSED.iter().chain(REFUSED_HERE) {
        rules.insert(*call, vec![]);
    }
    // Any of the bits: one rule for each, since a rule compares.
    for bit in bits(NAMESPACES) {
        refuse(&mut rules, libc::SYS_clone, &[(0, Len::Qword, Op::MaskedEq(bit), bit)])?;
    }
    for bit in bits(SET_ID) {
        for (call, argument) in modes() {
            refuse(&mut rules, call, &[(argument, Len::Dword, Op::MaskedEq(bit), bit)])?;
        }
        // Without one of these flags the place of the mode holds anything.
        for (call, argument) in opens() {
            for flag in [libc::O_CREAT, libc::O_TMPFILE & !libc::O_DIRECTORY].map(|flag| flag as u64) {
                let creating = (argument - 1, Len::Dword, Op::MaskedEq(flag), flag);
                refuse(&mut rules, call, &[creating, (argument, Len::Dword, Op::MaskedEq(bit), bit)])?;
            }
        }
    }
    for request in TERMINAL {
        refuse(&mut rules, libc::SYS_ioctl, &[(1, Len::Dword, Op::Eq, request)])?;
    }
    // 0xffffffff asks which one there is; 0 is the usual one.
    refuse(&mut rules, libc::SYS_personality, &[(0, Len::Dword, Op::Ne, 0), (0, Len::Dword, Op::Ne, 0xffff_ffff)])?;
    // Limits of another process, which may be one of the same user outside.
    refuse(&mut rules, libc::SYS_prlimit64, &[(0, Len::Dword, Op::Ne, 0)])?;
    let core = (1, Len::Dword, Op::Eq, CORE);
    refuse(&mut rules, libc::SYS_prlimit64, &[core, (2, Len::Qword, Op::Ne, 0), (3, Len::Qword, Op::Ne, 0)])?;
    if sockets != Sockets::Namespaced {
        add_shared(&mut rules)?;
    }
    add_sockets(&mut rules, sockets)?;
    let calls: Vec<_> = rules.keys().filter_map(|call| u32::try_from(*call).ok()).collect();
    let refused = SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::Errno(libc::EPERM as u32), arch)?;
    let refused = bpf::only_for(&calls, arch, refused.try_into()?);
    // Its flags are in memory, where no filter can look: C libraries then use `clone`.
    let unknown = SeccompFilter::new(
        [(libc::SYS_clone3, vec![])].into(),
        SeccompAction::Allow,
        SeccompAction::Errno(libc::ENOSYS as u32),
        arch,
    )?;
    let mut programs: Vec<BpfProgram> = vec![refused, unknown.try_into()?, core_limit(arch)?];
    if arch == TargetArch::x86_64 {
        programs.push(no_x32());
    }
    Ok(programs)
}

/// The limit of core dumps stays as it is; those that change it do so to have none, and are told that it worked.
fn core_limit(arch: TargetArch) -> Result<BpfProgram, seccompiler::BackendError> {
    let mut rules = BTreeMap::new();
    let nothing_asked = (3, Len::Qword, Op::Eq, 0);
    let set = [(1, Len::Dword, Op::Eq, CORE), (2, Len::Qword, Op::Ne, 0), nothing_asked];
    refuse(&mut rules, libc::SYS_prlimit64, &set)?;
    refuse(&mut rules, libc::SYS_setrlimit, &[(0, Len::Dword, Op::Eq, CORE)])?;
    SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::Errno(0), arch)?.try_into()
}

/// What programs without namespaces of their own may do to other programs of their user: nothing.
fn add_shared(rules: &mut Rules) -> Result<(), seccompiler::BackendError> {
    for call in SHARED {
        rules.insert(*call, vec![]);
    }
    // 0 is the calling thread.
    for call in
        [libc::SYS_sched_setaffinity, libc::SYS_sched_setattr, libc::SYS_sched_setparam, libc::SYS_sched_setscheduler]
    {
        refuse(rules, call, &[(0, Len::Dword, Op::Ne, 0)])?;
    }
    // Of a process, not of a group or a user. Source: getpriority(2), ioprio_set(2).
    for (call, process) in [(libc::SYS_setpriority, 0), (libc::SYS_ioprio_set, 1)] {
        refuse(rules, call, &[(0, Len::Dword, Op::Ne, process)])?;
        refuse(rules, call, &[(1, Len::Dword, Op::Ne, 0)])?;
    }
    Ok(())
}

fn add_sockets(rules: &mut Rules, sockets: Sockets) -> Result<(), seccompiler::BackendError> {
    let [unix, v4, v6] = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6].map(|family| family as u64);
    let other_than = |families: &[u64]| -> Vec<Condition> {
        families.iter().map(|family| (0, Len::Dword, Op::Ne, *family)).collect()
    };
    let datagram = [(1, Len::Dword, Op::MaskedEq(SOCKET_TYPE), libc::SOCK_DGRAM as u64)];
    match sockets {
        Sockets::Namespaced => {
            let netlink = libc::AF_NETLINK as u64;
            refuse(rules, libc::SYS_socket, &other_than(&[unix, v4, v6, netlink]))?;
            // To list the interfaces of the namespace, which runtimes do at start.
            let not_route = (2, Len::Dword, Op::Ne, libc::NETLINK_ROUTE as u64);
            refuse(rules, libc::SYS_socket, &[(0, Len::Dword, Op::Eq, netlink), not_route])?;
        }
        Sockets::Internet => refuse(rules, libc::SYS_socket, &other_than(&[v4, v6]))?,
        Sockets::Pairs => {
            rules.insert(libc::SYS_socket, vec![]);
            rules.insert(libc::SYS_connect, vec![]);
        }
    }
    if sockets != Sockets::Namespaced {
        // A datagram socket reaches any address in the file system without connecting.
        refuse(rules, libc::SYS_socketpair, &datagram)?;
    }
    Ok(())
}

/// The calls that set the mode of a file, with the place of the mode among the arguments.
fn modes() -> Vec<(libc::c_long, u8)> {
    let calls = [(libc::SYS_fchmod, 1), (libc::SYS_fchmodat, 2), (FCHMODAT2, 2), (libc::SYS_mknodat, 2)];
    #[cfg(target_arch = "x86_64")]
    let calls = calls.into_iter().chain([(libc::SYS_chmod, 1), (libc::SYS_creat, 1), (libc::SYS_mknod, 1)]);
    calls.into_iter().collect()
}

/// The calls that may make a file, with the place of its mode, which follows that of the flags.
fn opens() -> Vec<(libc::c_long, u8)> {
    let calls = [(libc::SYS_openat, 3)];
    #[cfg(target_arch = "x86_64")]
    let calls = calls.into_iter().chain([(libc::SYS_open, 2)]);
    calls.into_iter().collect()
}

type Rules = BTreeMap<i64, Vec<SeccompRule>>;
type Condition = (u8, Len, Op, u64);

/// Refuses `call` where all of `conditions` hold.
fn refuse(rules: &mut Rules, call: i64, conditions: &[Condition]) -> Result<(), seccompiler::BackendError> {
    let conditions = conditions
        .iter()
        .map(|(argument, len, op, value)| SeccompCondition::new(*argument, len.clone(), op.clone(), *value))
        .collect::<Result<_, _>>()?;
    rules.entry(call).or_default().push(SeccompRule::new(conditions)?);
    Ok(())
}

fn bits(mask: u64) -> impl Iterator<Item = u64> {
    (0..64).map(|bit| 1 << bit).filter(move |bit| mask & bit != 0)
}

/// Refuses every x32 call as a kernel built without them does. `seccompiler` has no rule for ranges of numbers.
fn no_x32() -> BpfProgram {
    // Source: linux/bpf_common.h and linux/seccomp.h.
    const JUMP_SET: u16 = 0x45;
    const ERRNO: u32 = 0x0005_0000;
    vec![
        step(LOAD_WORD, 0, 0, NUMBER),
        step(JUMP_SET, 0, 1, X32),
        step(RETURN, 0, 0, ERRNO | libc::ENOSYS as u32),
        step(RETURN, 0, 0, ALLOW),
    ]
}
