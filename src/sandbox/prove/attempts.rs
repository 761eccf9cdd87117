//! The attempts. Their numbers are those of the battery that `tests/it/sandbox_battery` holds every backend to.

use serde::Serialize;

use crate::sandbox::Tier;

/// A way out, as a script that tries it.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Attempt {
    /// Of the battery.
    pub number: u8,
    /// Short, to the point, and one of its kind.
    pub name: &'static str,
    /// What is done, after "tries to".
    pub tries: &'static str,
    /// What is to stop it.
    #[serde(skip)]
    pub wall: Wall,
    #[serde(skip)]
    pub script: Script,
}

/// What keeps a program in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wall {
    /// What is not there, or only to be read.
    Files,
    /// Of the workspace: what is hidden.
    Hidden,
    /// Of the workspace: what stays as it is. Judged by what becomes of the user's folder.
    Protected,
    /// What cannot be seen of other processes.
    Processes,
    Network,
    Privileges,
    /// Calls of the kernel that are refused.
    Calls,
    /// What the daemon of the box keeps to itself.
    Daemon,
}

impl Wall {
    /// The layer that it is made of, as `sandbox doctor` names them.
    #[must_use]
    pub fn layer(self, tier: Tier) -> &'static str {
        match (self, tier) {
            (_, Tier::None) => "isolation",
            (Self::Files, Tier::A) => "mount namespace",
            (Self::Processes, Tier::A) => "process namespace",
            (Self::Network, Tier::A) => "network namespace",
            (Self::Files | Self::Processes, Tier::B) => "landlock",
            (Self::Hidden | Self::Protected, _) => "workspace",
            (Self::Privileges, _) => "capabilities",
            (Self::Network, Tier::B) | (Self::Calls, _) => "seccomp",
            (Self::Daemon, _) => "daemon",
        }
    }
}

/// In a language that is there, or the attempt is not made.
#[derive(Clone, Copy, Debug)]
pub enum Script {
    Shell(&'static str),
    Python(&'static str),
}

impl Script {
    /// The program and its arguments.
    #[must_use]
    pub fn argv(self) -> Vec<String> {
        let argv = |program: &[&str], prelude: &str, script: &str| {
            program.iter().map(|word| (*word).to_owned()).chain([format!("{prelude}\n{script}")]).collect()
        };
        match self {
            Self::Shell(script) => argv(&["sh", "-c"], include_str!("scripts/prelude.sh"), script),
            // Without the user's settings and modules, which also takes less time.
            Self::Python(script) => argv(&["python3", "-I", "-S", "-c"], include_str!("scripts/prelude.py"), script),
        }
    }
}

macro_rules! shell {
    ($number:literal, $wall:ident, $name:literal, $tries:literal, $file:literal) => {
        Attempt {
            number: $number,
            name: $name,
            tries: $tries,
            wall: Wall::$wall,
            script: Script::Shell(include_str!(concat!("scripts/", $file, ".sh"))),
        }
    };
}

macro_rules! python {
    ($number:literal, $wall:ident, $name:literal, $tries:literal, $file:literal) => {
        Attempt {
            number: $number,
            name: $name,
            tries: $tries,
            wall: Wall::$wall,
            script: Script::Python(include_str!(concat!("scripts/", $file, ".py"))),
        }
    };
}

/// All of them, by what is to stop them.
pub const ATTEMPTS: &[Attempt] = &[
    shell!(1, Files, "read a file of yours", "read a file outside by its path", "read-file"),
    shell!(1, Files, "read the machine's secrets", "read password hashes and private keys", "read-system"),
    shell!(2, Files, "write to a file of yours", "write to, make and remove files outside", "write-file"),
    shell!(2, Files, "change the system", "make files in /usr, /etc and others", "write-system"),
    python!(2, Files, "change what a file is", "change mode, times and owner of a file outside", "metadata"),
    shell!(
        3,
        Files,
        "turn the kernel's knobs",
        "open core_pattern, sysrq-trigger, release_agent, … for writing",
        "knobs"
    ),
    shell!(4, Files, "go through a symbolic link", "read and write outside through a link in the workspace", "symlink"),
    shell!(7, Files, "walk out through /proc", "read outside by /proc/*/root, cwd and fd", "proc-walk"),
    shell!(10, Files, "open the machine's devices", "open disks, memory, /dev/kvm, /dev/fuse, …", "devices"),
    python!(13, Files, "talk to services", "connect to the sockets of Docker, containerd, systemd, …", "sockets"),
    shell!(36, Files, "read the kernel's memory", "read kallsyms, kcore, kmsg", "symbols"),
    python!(6, Hidden, "see a hidden file", "read, link, rename and exchange a hidden file", "hidden"),
    python!(
        12,
        Protected,
        "plant a hook",
        "change protected files, and make those that are not there yet",
        "protected"
    ),
    python!(
        14,
        Processes,
        "use what was left open",
        "find open files of the process that made the sandbox",
        "descriptors"
    ),
    python!(25, Processes, "kill a process of yours", "send signals by number, by descriptor and by a pipe", "signal"),
    python!(
        25,
        Processes,
        "slow down a process of yours",
        "change limits, priority and processor of a process outside",
        "priority"
    ),
    python!(26, Processes, "read another's memory", "open /proc/*/mem, call process_vm_readv", "memory"),
    python!(26, Processes, "take another's files", "open /proc/*/fd, call pidfd_getfd", "borrow"),
    python!(27, Processes, "read another's environment", "find a secret in /proc/*/environ", "environ"),
    python!(47, Network, "connect by TCP", "connect to a port of the machine, by IPv4 and IPv6", "tcp"),
    python!(47, Network, "send by UDP", "send a datagram to a port of the machine", "udp"),
    shell!(47, Network, "connect with the usual tools", "connect with bash, curl, nc and perl", "tools"),
    python!(48, Network, "find a way out", "find a way to metadata services, private and public addresses", "routes"),
    python!(51, Network, "go around the proxy", "connect with no proxy set", "proxy"),
    python!(52, Network, "talk to abstract sockets", "connect and send to abstract sockets of the machine", "abstract"),
    python!(28, Privileges, "become root", "use capabilities, setuid programs, groups", "privileges"),
    python!(9, Privileges, "make a device", "make a disk and a memory device by mknod", "device"),
    python!(15, Privileges, "mark files", "set immutable, trusted and capability attributes", "attributes"),
    python!(8, Calls, "open a file by its handle", "call open_by_handle_at", "handle"),
    python!(11, Calls, "mount", "mount, bind, overlay, make writable, unmount, chroot", "mount"),
    python!(11, Calls, "mount by the newer calls", "call fsopen, open_tree, move_mount, mount_setattr", "mount-api"),
    python!(15, Calls, "leave a setuid program", "set the bits by chmod, open, mknod, openat2", "setuid"),
    python!(26, Calls, "trace a process", "attach to a process outside, and to the daemon", "ptrace"),
    python!(29, Calls, "make namespaces", "call unshare, clone, clone3 for a user namespace and others", "unshare"),
    python!(29, Calls, "enter namespaces", "call setns on those of processes outside", "setns"),
    python!(32, Calls, "type into the terminal", "put input into a terminal by TIOCSTI", "terminal"),
    python!(33, Calls, "weaken memory protection", "turn off address randomisation by personality", "personality"),
    python!(33, Calls, "enter the kernel as 32 bits", "make a system call by int 0x80", "int80"),
    python!(33, Calls, "enter the kernel as x32", "make an x32 system call", "x32"),
    python!(34, Calls, "load BPF", "make a map by bpf", "bpf"),
    python!(34, Calls, "spy by performance counters", "call perf_event_open", "perf"),
    python!(34, Calls, "stop the kernel at a page", "call userfaultfd", "userfaultfd"),
    python!(34, Calls, "use the kernel's keys", "call keyctl, add_key, request_key", "keys"),
    python!(34, Calls, "go around the filter", "call io_uring_setup", "uring"),
    python!(36, Calls, "load a module, read the log", "call finit_module, syslog, fanotify_init", "modules"),
    python!(36, Calls, "start a crash handler outside", "raise or lower the limit of core dumps", "core"),
    python!(47, Calls, "send raw packets", "open raw and packet sockets", "raw"),
    python!(52, Calls, "reach other parts of the kernel", "open vsock, netlink, crypto, … sockets", "families"),
    python!(58, Daemon, "command the daemon", "find its token, call its routes without one", "daemon"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_layers_stand_together() {
        let names: std::collections::BTreeSet<_> = ATTEMPTS.iter().map(|attempt| attempt.name).collect();
        assert_eq!(names.len(), ATTEMPTS.len());
        for tier in [Tier::A, Tier::B] {
            let mut layers: Vec<_> = ATTEMPTS.iter().map(|attempt| attempt.wall.layer(tier)).collect();
            layers.sort_unstable();
            layers.dedup();
            assert!(layers.len() >= 5, "{layers:?}");
        }
    }
}
