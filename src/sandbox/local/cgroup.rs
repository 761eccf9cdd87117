//! Limits of a box as a whole, where this process may make cgroups.
//!
//! Sources: the kernel's admin-guide/cgroup-v1 and cgroup-v2.rst, cgroups(7).

use std::{
    collections::BTreeMap,
    fs, io,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use crate::sandbox::{Layer, Limits, SandboxId, daemon::Strikes};

/// Processes of our own in a box, besides those that `limits.pids` allows: the threads of the daemon.
const OWN_TASKS: u32 = 8;
/// Microseconds of a period of the processor quota; the kernel's default.
const CPU_PERIOD: u64 = 100_000;
/// How long the kernel may take to let go of a cgroup whose processes are dead, in steps of a millisecond.
const PATIENCE: u32 = 2000;

/// The cgroups of one box.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Cgroup {
    /// One folder for everything.
    V2 { folder: PathBuf, cpu: bool },
    /// One folder for each controller, by its name.
    V1 { folders: BTreeMap<String, PathBuf> },
    /// None can be made.
    Missing,
}

/// Where this process may make cgroups; found out once.
#[derive(Clone, Debug)]
pub(super) enum Site {
    /// The folder to make them in, and whether processors are counted there.
    V2 {
        parent: PathBuf,
        cpu: bool,
    },
    V1 {
        parents: BTreeMap<String, PathBuf>,
    },
    Missing {
        why: String,
    },
}

/// The controllers of version 1 that are used, the first two at least.
const CONTROLLERS: [&str; 4] = ["memory", "pids", "cpu", "freezer"];

impl Site {
    /// Looks where this process is, and tries.
    #[must_use]
    pub(super) fn find() -> Self {
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        Self::v2(&mounts, &own).or_else(|| Self::v1(&mounts, &own)).unwrap_or_else(|| Self::Missing {
            why: "no cgroup can be written to; one delegated by systemd can, as root or under `systemd-run --user`"
                .into(),
        })
    }

    /// The nearest cgroup above this process that hands memory and processes on to those below it. A cgroup that has
    /// processes of its own cannot, so it is never this one, but the root.
    fn v2(mounts: &str, own: &str) -> Option<Self> {
        let (mount, root) = mount_of(mounts, "cgroup2", "")?;
        let path = own.lines().find_map(|line| line.strip_prefix("0::"))?;
        let here = mount.join(below(path, &root));
        here.ancestors().take_while(|folder| folder.starts_with(&mount)).find_map(|parent| {
            let handed_on = fs::read_to_string(parent.join("cgroup.subtree_control")).ok()?;
            let has = |controller: &str| handed_on.split_ascii_whitespace().any(|name| name == controller);
            let usable = has("memory") && has("pids") && can_make(parent);
            usable.then(|| Self::V2 { parent: parent.to_owned(), cpu: has("cpu") })
        })
    }

    fn v1(mounts: &str, own: &str) -> Option<Self> {
        let parents: BTreeMap<_, _> = CONTROLLERS
            .iter()
            .filter_map(|name| {
                let (mount, root) = mount_of(mounts, "cgroup", name)?;
                let path = own.lines().find_map(|line| {
                    let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
                    controllers.split(',').any(|controller| controller == *name).then_some(path)
                })?;
                let parent = mount.join(below(path, &root));
                can_make(&parent).then(|| ((*name).to_owned(), parent))
            })
            .collect();
        (parents.contains_key("memory") && parents.contains_key("pids")).then_some(Self::V1 { parents })
    }

    /// The cgroups that a box of this id has here; not made yet.
    #[must_use]
    pub(super) fn of(&self, id: &SandboxId) -> Cgroup {
        let name = format!("agentscope-{id}");
        match self {
            Self::V2 { parent, cpu } => Cgroup::V2 { folder: parent.join(name), cpu: *cpu },
            Self::V1 { parents } => {
                let folders = parents.iter().map(|(controller, parent)| (controller.clone(), parent.join(&name)));
                Cgroup::V1 { folders: folders.collect() }
            }
            Self::Missing { .. } => Cgroup::Missing,
        }
    }

    /// How each limit is kept.
    #[must_use]
    pub(super) fn layers(&self) -> Vec<Layer> {
        let layer = |name: &str, detail: &str, active| Layer { name: name.into(), detail: detail.into(), active };
        let cpu_of = |there, version: &str| match there {
            true => layer("cpu", version, true),
            false => layer("cpu", &format!("no cpu controller in {version}"), false),
        };
        let [memory, pids, cpu] = match self {
            Self::V2 { cpu, .. } => {
                let version = "cgroup v2";
                [layer("memory", version, true), layer("processes", version, true), cpu_of(*cpu, version)]
            }
            Self::V1 { parents } => {
                let version = "cgroup v1";
                let cpu = cpu_of(parents.contains_key("cpu"), version);
                [layer("memory", version, true), layer("processes", version, true), cpu]
            }
            Self::Missing { why } => [
                layer("memory", "soft: watched every 100 ms", true),
                layer("processes", "soft: limit of the user", true),
                layer("cpu", why, false),
            ],
        };
        vec![memory, pids, cpu, layer("disk", "soft: size of each file, and a scan", true)]
    }
}

/// The mount point and the root of the hierarchy of `kind` that has `controller`. Source: proc_pid_mountinfo(5).
fn mount_of(mounts: &str, kind: &str, controller: &str) -> Option<(PathBuf, String)> {
    mounts.lines().find_map(|line| {
        let (left, right) = line.split_once(" - ")?;
        let mut right = right.split(' ');
        let (found, options) = (right.next()?, right.nth(1)?);
        let fits = found == kind && (controller.is_empty() || options.split(',').any(|option| option == controller));
        let mut left = left.split(' ');
        let (root, point) = (left.nth(3)?, left.next()?);
        fits.then(|| (PathBuf::from(point), root.to_owned()))
    })
}

/// `path` of a cgroup as seen from a mount of the hierarchy's `root`.
fn below<'a>(path: &'a str, root: &str) -> &'a str {
    path.strip_prefix(root).unwrap_or(path).trim_start_matches('/')
}

fn can_make(parent: &Path) -> bool {
    use rustix::fs::{Access, access};
    let writable = |path: &Path| access(path, Access::WRITE_OK).is_ok();
    writable(parent) && writable(&parent.join("cgroup.procs"))
}

impl Cgroup {
    /// # Errors
    /// What the kernel does not take; nothing is left then.
    pub(super) fn make(&self, limits: &Limits) -> io::Result<()> {
        self.make_limited(limits).inspect_err(|_| drop(self.remove()))
    }

    fn make_limited(&self, limits: &Limits) -> io::Result<()> {
        let pids = (limits.pids + OWN_TASKS).to_string();
        let quota = (limits.cpu_millis * CPU_PERIOD / 1000).to_string();
        match self {
            Self::V2 { folder, cpu } => {
                fs::create_dir(folder)?;
                write(folder, "memory.max", &limits.memory.to_string())?;
                optional(write(folder, "memory.swap.max", "0"))?;
                write(folder, "pids.max", &pids)?;
                if *cpu {
                    write(folder, "cpu.max", &format!("{quota} {CPU_PERIOD}"))?;
                }
            }
            Self::V1 { folders } => {
                for (controller, folder) in folders {
                    fs::create_dir(folder)?;
                    match controller.as_str() {
                        "memory" => {
                            write(folder, "memory.limit_in_bytes", &limits.memory.to_string())?;
                            // Memory and swap together; only where swap is counted.
                            optional(write(folder, "memory.memsw.limit_in_bytes", &limits.memory.to_string()))?;
                        }
                        "pids" => write(folder, "pids.max", &pids)?,
                        "cpu" => write(folder, "cpu.cfs_quota_us", &quota)?,
                        _ => {}
                    }
                }
            }
            Self::Missing => {}
        }
        Ok(())
    }

    /// Moves the calling process, which must have one thread. In version 2 a child is started in it instead.
    ///
    /// # Errors
    /// As the kernel says.
    pub(super) fn join(&self) -> io::Result<()> {
        if let Self::V1 { folders } = self {
            for folder in folders.values() {
                // The calling thread alone: to move a process the kernel waits until none on the machine forks.
                write(folder, "tasks", "0")?;
            }
        }
        Ok(())
    }

    /// To start a child in it.
    ///
    /// # Errors
    /// As the kernel says.
    pub(super) fn open(&self) -> io::Result<Option<OwnedFd>> {
        match self {
            Self::V2 { folder, .. } => Ok(Some(fs::File::open(folder)?.into())),
            Self::V1 { .. } | Self::Missing => Ok(None),
        }
    }

    /// # Errors
    /// As the kernel says.
    pub(super) fn counters(&self) -> io::Result<Option<Counters>> {
        let (memory, pids) = match self {
            Self::V2 { folder, .. } => (folder.join("memory.events"), folder.join("pids.events")),
            Self::V1 { folders } => (folders["memory"].join("memory.oom_control"), folders["pids"].join("pids.events")),
            Self::Missing => return Ok(None),
        };
        Ok(Some(Counters { memory: fs::File::open(memory)?, pids: fs::File::open(pids).ok() }))
    }

    /// Whether it can freeze.
    #[must_use]
    pub(super) fn freezes(&self) -> bool {
        match self {
            Self::V2 { .. } => true,
            Self::V1 { folders } => folders.contains_key("freezer"),
            Self::Missing => false,
        }
    }

    /// Asks for every process in it to be frozen or thawed.
    ///
    /// # Errors
    /// As the kernel says.
    pub(super) fn freeze(&self, frozen: bool) -> io::Result<()> {
        match self {
            Self::V2 { folder, .. } => write(folder, "cgroup.freeze", if frozen { "1" } else { "0" }),
            Self::V1 { folders } => match folders.get("freezer") {
                Some(folder) => write(folder, "freezer.state", if frozen { "FROZEN" } else { "THAWED" }),
                None => Ok(()),
            },
            Self::Missing => Ok(()),
        }
    }

    #[must_use]
    pub(super) fn frozen(&self) -> bool {
        let is = |folder: &Path, file: &str, value: &str| {
            fs::read_to_string(folder.join(file)).is_ok_and(|text| text.trim() == value)
        };
        match self {
            Self::V2 { folder, .. } => is(folder, "cgroup.freeze", "1"),
            Self::V1 { folders } => folders.get("freezer").is_some_and(|folder| !is(folder, "freezer.state", "THAWED")),
            Self::Missing => false,
        }
    }

    /// Bytes of memory, where it is counted.
    #[must_use]
    pub(super) fn memory(&self) -> Option<u64> {
        match self {
            Self::V2 { folder, .. } => number(&folder.join("memory.current")),
            Self::V1 { folders } => number(&folders["memory"].join("memory.usage_in_bytes")),
            Self::Missing => None,
        }
    }

    /// Time of the processors, where it is counted.
    #[must_use]
    pub(super) fn cpu(&self) -> Option<Duration> {
        let Self::V2 { folder, .. } = self else { return None };
        let stat = fs::read_to_string(folder.join("cpu.stat")).ok()?;
        value_of(&stat, "usage_usec").map(Duration::from_micros)
    }

    /// Removes it unless there are processes in it; does not wait.
    ///
    /// # Errors
    /// What is still in use.
    pub(super) fn remove_if_empty(&self) -> io::Result<()> {
        self.remove_within(0)
    }

    /// Removes it once its processes are dead; waits for the kernel to notice.
    ///
    /// # Errors
    /// What is still in use.
    pub(super) fn remove(&self) -> io::Result<()> {
        self.remove_within(PATIENCE)
    }

    fn remove_within(&self, patience: u32) -> io::Result<()> {
        let folders: Vec<&PathBuf> = match self {
            Self::V2 { folder, .. } => vec![folder],
            Self::V1 { folders } => folders.values().collect(),
            Self::Missing => vec![],
        };
        for folder in folders {
            for attempt in 0.. {
                match fs::remove_dir(folder) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => break,
                    Err(error) if error.kind() == io::ErrorKind::ResourceBusy && attempt < patience => {
                        std::thread::sleep(Duration::from_millis(1));
                    }
                    Err(error) => return Err(error),
                    Ok(()) => break,
                }
            }
        }
        Ok(())
    }
}

fn write(folder: &Path, file: &str, value: &str) -> io::Result<()> {
    fs::write(folder.join(file), value)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", folder.join(file).display())))
}

/// A kernel that does not count it has no such file.
fn optional(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) => Ok(()),
        other => other,
    }
}

fn number(path: &Path) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

fn value_of(text: &str, key: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')?.trim().parse().ok())
}

/// What the kernel counts of limits that were hit, open before the box can no longer see the files.
#[derive(Debug)]
pub(super) struct Counters {
    memory: fs::File,
    /// Not in kernels before 4.14.
    pids: Option<fs::File>,
}

impl Counters {
    #[must_use]
    pub(super) fn read(&self) -> Strikes {
        Strikes {
            memory: count(&self.memory, "oom_kill"),
            pids: self.pids.as_ref().map_or(0, |file| count(file, "max")),
            ..Strikes::default()
        }
    }
}

fn count(file: &fs::File, key: &str) -> u64 {
    use std::os::unix::fs::FileExt as _;
    let mut text = [0; 1024];
    let read = file.read_at(&mut text, 0).unwrap_or(0);
    value_of(&String::from_utf8_lossy(&text[..read]), key).unwrap_or(0)
}

#[cfg(test)]
mod tests;
