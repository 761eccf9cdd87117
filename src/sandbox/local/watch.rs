//! The limits that the kernel does not keep here: seen to by the box's own first process, in a thread of its own.
//!
//! The disk always, since a quota would need a file system of its own; memory and processes without a cgroup.

use std::{
    io,
    os::fd::OwnedFd,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal};

use super::usage::{
    LEAST, files_in_memory, free, free_segments, held, maps_deleted, memory_of, shared_of, size, tasks_of,
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
/// Until those that were killed write no more.
const GONE: Duration = Duration::from_millis(20);
/// A scan may take one part in so many of the time, and where the disk loses room, whoever takes it.
const SHARE: u32 = 20;
const SHARE_HURRIED: u32 = 3;
/// The part of the memory that shared memory may take which nobody uses.
const SEGMENTS: u64 = 4;
/// The part of the limit by which the disk may lose room before the next scan is due.
const SOON: u64 = 8;
/// A scan that takes no longer is made for each file that is written, where there is not much room.
const CHEAP: Duration = Duration::from_millis(1);
/// A scan that takes no longer is made whenever somebody wants to know: what room the disk has is others' doing, too.
const QUICK: Duration = Duration::from_millis(10);

/// What was seen.
#[derive(Debug)]
pub(super) struct Watch {
    watched: Watched,
    memory: AtomicU64,
    pids: AtomicU64,
    disk: AtomicU64,
    disk_full: AtomicBool,
    /// Bytes that the last scan of the disk found.
    used: AtomicU64,
    /// Bytes that were free on the disk by then.
    free: AtomicU64,
    /// Nanoseconds that it took.
    took: AtomicU64,
    /// When it ended, in nanoseconds since `start`.
    scanned: AtomicU64,
    start: Instant,
}

/// What to look at.
#[derive(Debug)]
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
        let free = watched.free();
        let watch = Arc::new(Self {
            watched,
            memory: AtomicU64::new(0),
            pids: AtomicU64::new(0),
            disk: AtomicU64::new(0),
            disk_full: AtomicBool::new(false),
            used: AtomicU64::new(0),
            free: AtomicU64::new(free),
            took: AtomicU64::new(0),
            scanned: AtomicU64::new(0),
            start: Instant::now(),
        });
        let shared = Arc::clone(&watch);
        thread::Builder::new().name("watch".into()).stack_size(256 << 10).spawn(move || shared.run(free))?;
        Ok(watch)
    }

    pub(super) fn strikes(&self) -> Strikes {
        Strikes {
            memory: self.memory.load(Ordering::Relaxed),
            pids: self.pids.load(Ordering::Relaxed),
            disk: self.disk.load(Ordering::Relaxed),
            disk_full: self.disk_full.load(Ordering::Relaxed),
        }
    }

    /// Looks at once, for who wants to know why a program failed. Takes as long as a scan where much was written.
    pub(super) fn look(&self) {
        if self.watched.soft {
            self.look_at_tasks(&self.watched.programs());
        }
        self.watched.free_segments();
        let may_be_used = self.used.load(Ordering::Relaxed).saturating_add(self.lost_room());
        let quick = Duration::from_nanos(self.took.load(Ordering::Relaxed)) < QUICK;
        if quick || may_be_used.saturating_mul(2) > self.watched.limits.disk {
            self.scan(&self.watched.programs());
        }
    }

    /// Bytes that may be written. Scans, unless that takes its time and was not long ago for it: others who free room on the
    /// disk hide what the box takes.
    pub(super) fn room(&self) -> u64 {
        let limit = self.watched.limits.disk.saturating_sub(LEAST);
        let old = nanoseconds(self.start).saturating_sub(self.scanned.load(Ordering::Relaxed));
        let took = self.took.load(Ordering::Relaxed);
        let fresh = old < took.saturating_mul(SHARE.into());
        let used = self.used.load(Ordering::Relaxed).saturating_add(self.lost_room());
        let known = fresh && (used < limit / 2 || used < limit && Duration::from_nanos(took) > CHEAP);
        let used = if known { used } else { self.scan(&self.watched.programs()) };
        limit.saturating_sub(used)
    }

    fn run(&self, free_at_first: u64) {
        let (mut next_scan, mut next_hurried, mut before) = (Instant::now(), Instant::now(), 0);
        loop {
            thread::sleep(if self.watched.soft { INTERVAL } else { SCAN });
            let programs = self.watched.programs();
            if self.watched.soft && !programs.is_empty() {
                self.look_at_memory(&programs);
                self.look_at_tasks(&programs);
            }
            let now = Instant::now();
            let hurried = now >= next_hurried && self.lost_room() > self.watched.limits.disk / SOON;
            if now < next_scan && (programs.is_empty() || !hurried) {
                continue;
            }
            let mut used = self.scan(&programs);
            // What grows no more may be clearing up.
            if used > self.watched.limits.disk && used > before {
                self.disk.fetch_add(1, Ordering::Relaxed);
                self.watched.kill();
                thread::sleep(GONE);
                // What was written until the last of them was gone is not the fault of who comes next.
                used = self.scan(&self.watched.programs());
            }
            before = used;
            self.look_for_hidden(free_at_first, &programs);
            let pause = if programs.is_empty() { SCAN_IDLE } else { SCAN };
            next_scan = Instant::now() + (now.elapsed() * SHARE).max(pause);
            next_hurried = Instant::now() + now.elapsed() * SHARE_HURRIED;
        }
    }

    /// Bytes that the disk has less than at the last scan, whoever took them.
    fn lost_room(&self) -> u64 {
        self.free.load(Ordering::Relaxed).saturating_sub(self.watched.free())
    }

    /// Bytes on disk.
    fn scan(&self, programs: &[Stat]) -> u64 {
        let start = Instant::now();
        let free = self.watched.free();
        let named = self.watched.written.iter().fold(0, |sum: u64, folder| sum.saturating_add(size(folder)));
        let used = named.saturating_add(held(programs).disk);
        self.used.store(used, Ordering::Relaxed);
        self.free.store(free, Ordering::Relaxed);
        // Nothing more fits.
        self.disk_full.store(used.saturating_add(LEAST) > self.watched.limits.disk, Ordering::Relaxed);
        self.took.store(nanoseconds(start), Ordering::Relaxed);
        self.scanned.store(nanoseconds(self.start), Ordering::Relaxed);
        used
    }

    /// Where the disk lost more than the box may take, and it is not to be seen what for: ends who hides what it holds.
    /// Else one could keep any number of files that have no name any more.
    fn look_for_hidden(&self, free_at_first: u64, programs: &[Stat]) {
        let lost = free_at_first.saturating_sub(self.watched.free());
        let seen = self.used.load(Ordering::Relaxed);
        if lost.saturating_sub(seen) <= self.watched.limits.disk {
            return;
        }
        let unseen = held(programs).unseen;
        for program in programs.iter().filter(|program| !program.ended()) {
            if unseen.contains(&program.pid) || maps_deleted(program.pid) {
                end(program.pid, &self.disk);
            }
        }
    }

    /// Kills the largest programs until the rest fits, as the kernel would.
    fn look_at_memory(&self, programs: &[Stat]) {
        let held = held(programs);
        let (mut sizes, mut own, mut shared) = (vec![], 0, 0);
        for program in programs {
            let (alone, part) = (memory_of(program.pid), shared_of(program.pid));
            own += alone;
            shared += part;
            sizes.push((alone + part + held.by.get(&program.pid).copied().unwrap_or(0), program.pid));
        }
        // Files in memory that are mapped are shared memory too.
        let mut used = own + shared.max(files_in_memory(self.watched.first) + held.memory);
        if used > self.watched.limits.memory {
            used = used.saturating_sub(self.watched.free_segments());
        }
        sizes.sort_unstable();
        while used > self.watched.limits.memory
            && let Some((size, pid)) = sizes.pop()
        {
            end(pid, &self.memory);
            used = used.saturating_sub(size);
        }
    }

    fn look_at_tasks(&self, programs: &[Stat]) {
        let tasks: u64 = programs.iter().map(|program| tasks_of(program.pid)).sum();
        if tasks >= u64::from(self.watched.limits.pids) {
            self.pids.fetch_add(1, Ordering::Relaxed);
            if !self.watched.first && tasks > u64::from(self.watched.limits.pids) {
                self.watched.kill();
            }
        }
    }
}

impl Watched {
    fn programs(&self) -> Vec<Stat> {
        let this = rustix::process::getpid().as_raw_nonzero().get();
        let all = tree::all();
        if self.first { all.into_iter().filter(|stat| stat.pid != this).collect() } else { tree::below(this, &all) }
    }

    fn kill(&self) {
        tree::signal_all(&self.programs(), Signal::KILL);
    }

    /// Frees shared memory that nobody uses where it leaves too little for others: it outlives whoever was killed for it.
    /// Bytes.
    fn free_segments(&self) -> u64 {
        if self.first { free_segments(self.limits.memory / SEGMENTS) } else { 0 }
    }

    /// Bytes that are free where the box writes.
    fn free(&self) -> u64 {
        self.written.iter().map(free).min().unwrap_or(u64::MAX)
    }
}

fn nanoseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// Counts before it kills: whoever waits for the program asks what it was killed for at once.
fn end(pid: i32, strikes: &AtomicU64) {
    let Some(pid) = Pid::from_raw(pid).filter(|pid| rustix::process::test_kill_process(*pid).is_ok()) else { return };
    strikes.fetch_add(1, Ordering::Relaxed);
    // One that has ended meanwhile needs not be killed.
    let _ = rustix::process::kill_process(pid, Signal::KILL);
}
