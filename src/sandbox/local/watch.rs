//! The limits that the kernel does not keep here: seen to by the box's own first process, in a thread of its own.
//!
//! The disk always, since a quota would need a file system of its own; memory and processes without a cgroup.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rustix::{
    fs::{AtFlags, Dir, FileType, Mode, OFlags},
    process::{Pid, Signal},
};

use crate::sandbox::{
    Limits,
    daemon::Strikes,
    tree::{self, Stat},
};

/// Between two looks at memory and processes.
const INTERVAL: Duration = Duration::from_millis(100);
/// Between two scans of the disk at least, where programs run and where none does.
const SCAN: Duration = Duration::from_millis(250);
const SCAN_IDLE: Duration = Duration::from_secs(2);
/// A scan may take one part in so many of the time.
const SHARE: u32 = 20;
/// What a file takes at least: its entry and inode count too.
const LEAST: u64 = 4096;
/// Folders deeper than this are not scanned; a program has to work to make them, and its files have limits of their own.
const DEEPEST: usize = 64;

/// What was seen.
#[derive(Debug, Default)]
pub(super) struct Watch {
    memory: AtomicU64,
    pids: AtomicU64,
    disk_full: AtomicBool,
}

/// What to look at.
pub(super) struct Watched {
    pub(super) limits: Limits,
    /// No cgroup counts memory and processes.
    pub(super) soft: bool,
    /// This process is the first of its namespace: every other that it sees is of the box.
    pub(super) first: bool,
    /// Folders whose contents count as written.
    pub(super) written: Vec<OwnedFd>,
}

impl Watch {
    /// Starts the thread.
    ///
    /// # Errors
    /// No thread can be started.
    pub(super) fn start(watched: Watched) -> io::Result<Arc<Self>> {
        let watch = Arc::new(Self::default());
        let shared = Arc::clone(&watch);
        thread::Builder::new().name("watch".into()).stack_size(256 << 10).spawn(move || shared.run(&watched))?;
        Ok(watch)
    }

    pub(super) fn strikes(&self) -> Strikes {
        Strikes {
            memory: self.memory.load(Ordering::Relaxed),
            pids: self.pids.load(Ordering::Relaxed),
            disk_full: self.disk_full.load(Ordering::Relaxed),
        }
    }

    fn run(&self, watched: &Watched) {
        let (mut next_scan, mut before) = (Instant::now(), 0);
        loop {
            thread::sleep(if watched.soft { INTERVAL } else { SCAN });
            let idle = programs(watched).is_empty();
            if watched.soft && !idle {
                self.look_at_memory(watched);
                self.look_at_tasks(watched);
            }
            let now = Instant::now();
            if now < next_scan {
                continue;
            }
            let used = watched.written.iter().map(|folder| size(folder, DEEPEST)).sum();
            self.disk_full.store(used > watched.limits.disk, Ordering::Relaxed);
            // What grows no more may be clearing up.
            if used > watched.limits.disk && used > before {
                kill(watched);
            }
            before = used;
            next_scan = now + (now.elapsed() * SHARE).max(if idle { SCAN_IDLE } else { SCAN });
        }
    }

    /// Kills the largest programs until the rest fits, as the kernel would.
    fn look_at_memory(&self, watched: &Watched) {
        let mut programs: Vec<_> =
            programs(watched).iter().map(|program| (memory_of(program.pid), program.pid)).collect();
        let files: u64 = ["/tmp", super::root::HOME, "/dev/shm"].into_iter().map(in_memory).sum();
        let mut used = files + programs.iter().map(|(size, _)| size).sum::<u64>();
        programs.sort_unstable();
        while used > watched.limits.memory
            && let Some((size, pid)) = programs.pop()
        {
            let killed = Pid::from_raw(pid).is_some_and(|pid| rustix::process::kill_process(pid, Signal::KILL).is_ok());
            self.memory.fetch_add(u64::from(killed), Ordering::Relaxed);
            used -= size;
        }
    }

    fn look_at_tasks(&self, watched: &Watched) {
        let tasks: u64 = programs(watched).iter().map(|program| tasks(program.pid)).sum();
        if tasks >= u64::from(watched.limits.pids) {
            self.pids.fetch_add(1, Ordering::Relaxed);
            if !watched.first && tasks > u64::from(watched.limits.pids) {
                kill(watched);
            }
        }
    }
}

fn programs(watched: &Watched) -> Vec<Stat> {
    let this = rustix::process::getpid().as_raw_nonzero().get();
    let all = tree::all();
    if watched.first { all.into_iter().filter(|stat| stat.pid != this).collect() } else { tree::below(this, &all) }
}

fn kill(watched: &Watched) {
    tree::signal_all(&programs(watched), Signal::KILL);
}

/// Bytes that belong to no file. Source: proc_pid_statm(5).
pub(super) fn memory_of(pid: i32) -> u64 {
    let statm = std::fs::read_to_string(format!("/proc/{pid}/statm")).unwrap_or_default();
    let mut fields = statm.split(' ').skip(1).map(|field| field.parse().unwrap_or(0_u64));
    let (resident, shared) = (fields.next().unwrap_or(0), fields.next().unwrap_or(0));
    resident.saturating_sub(shared) * super::sys::page_size()
}

fn tasks(pid: i32) -> u64 {
    std::fs::read_dir(format!("/proc/{pid}/task")).map_or(0, |tasks| tasks.count() as u64)
}

/// Bytes used of a file system in memory; 0 for another.
fn in_memory(path: &str) -> u64 {
    /// Source: linux/magic.h.
    const TMPFS: i64 = 0x0102_1994;
    rustix::fs::statfs(path)
        .ok()
        .filter(|stat| stat.f_type == TMPFS)
        .map_or(0, |stat| (stat.f_blocks - stat.f_bfree) * u64::try_from(stat.f_bsize).unwrap_or(0))
}

/// Bytes on disk below `folder`. What is gone meanwhile counts nothing.
fn size(folder: impl AsFd, depth: usize) -> u64 {
    let Ok(entries) = Dir::read_from(&folder) else { return 0 };
    let mut sum = 0;
    for entry in entries.flatten() {
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let Ok(stat) = rustix::fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
        sum += (u64::try_from(stat.st_blocks).unwrap_or(0) * 512).max(LEAST);
        if FileType::from_raw_mode(stat.st_mode) == FileType::Directory && depth > 0 {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            if let Ok(below) = rustix::fs::openat(&folder, name, flags, Mode::empty()) {
                sum += size(&below, depth - 1);
            }
        }
    }
    sum
}
