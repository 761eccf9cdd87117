//! A box that is a container: what it ran into stands in its own cgroup, which it can read.

#[cfg(target_os = "linux")]
use std::io;
use std::{fs, path::Path};

use rustix::process::Pid;

#[cfg(target_os = "linux")]
use super::Start;
use super::{Keeper, Strikes, first_to_go};
#[cfg(target_os = "linux")]
use crate::sandbox::local::{Contained, full};

/// Adds the events of the cgroup that the whole container is, and what the engine leaves to be refused.
#[derive(Default)]
pub(super) struct OwnCgroup {
    #[cfg(target_os = "linux")]
    contained: Contained,
}

impl Keeper for OwnCgroup {
    #[cfg(target_os = "linux")]
    fn confine(&self) -> io::Result<()> {
        self.contained.confine()
    }

    #[cfg(target_os = "linux")]
    fn start(&self, start: Start) {
        self.contained.start(start);
    }

    fn started(&self, pid: Pid) {
        first_to_go(pid);
    }

    fn strikes(&self) -> Strikes {
        Strikes { disk_full: IN_MEMORY.into_iter().any(full), ..strikes(Path::new("/sys/fs/cgroup")) }
    }
}

/// Folders of a container that programs may fill, apart from its workspace.
const IN_MEMORY: [&str; 2] = ["/tmp", "/dev/shm"];

#[cfg(not(target_os = "linux"))]
fn full(_path: &str) -> bool {
    false
}

/// From cgroup v2, else from v1, whose controllers are folders (kernel documentation, `cgroup-v2.rst` and
/// `cgroup-v1/memory.rst`). What cannot be read has not happened.
fn strikes(root: &Path) -> Strikes {
    let count = |files: [&str; 2], key: &str| {
        files.iter().find_map(|file| counter(&fs::read_to_string(root.join(file)).ok()?, key)).unwrap_or(0)
    };
    Strikes {
        memory: count(["memory.events", "memory/memory.oom_control"], "oom_kill"),
        pids: count(["pids.events", "pids/pids.events"], "max"),
        ..Strikes::default()
    }
}

fn counter(text: &str, key: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_of_cgroups_are_read() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(strikes(root.path()), Strikes::default());
        fs::create_dir(root.path().join("memory")).unwrap();
        fs::create_dir(root.path().join("pids")).unwrap();
        let control = "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n";
        fs::write(root.path().join("memory/memory.oom_control"), control).unwrap();
        fs::write(root.path().join("pids/pids.events"), "max 7\n").unwrap();
        assert_eq!(strikes(root.path()), Strikes { memory: 2, pids: 7, ..Strikes::default() });
        fs::write(root.path().join("memory.events"), "low 0\nmax 5\noom 1\noom_kill 1\noom_group_kill 0\n").unwrap();
        fs::write(root.path().join("pids.events"), "max 3\n").unwrap();
        assert_eq!(strikes(root.path()), Strikes { memory: 1, pids: 3, ..Strikes::default() });
    }
}
