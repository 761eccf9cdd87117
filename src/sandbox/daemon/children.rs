//! The processes below the daemon: those it started, which their calls wait for, and those whose parents ended, which
//! come to it as PID 1 or as the subreaper.

use std::{
    collections::{HashMap, HashSet},
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rustix::process::{Pid, Signal, WaitOptions, getpid, waitpid};
use tokio::{
    process::Child,
    signal::unix::{SignalKind, signal},
};

use crate::sandbox::tree::{self, Stat};

/// Between two looks at what is still there.
const ROUND: Duration = Duration::from_millis(2);
/// What is not gone after so many rounds is not to be killed: stuck in the kernel, or forking faster than we look.
const ROUNDS: usize = 500;

/// Which children are waited for by the calls that they belong to, with the marks of those.
#[derive(Debug, Default)]
pub(super) struct Children(Mutex<HashMap<i32, String>>);

/// A child of a call. The orphans' reaper leaves it alone while this is there.
#[derive(Debug)]
pub(super) struct Owned {
    pub(super) pid: Pid,
    pub(super) child: Child,
    all: Arc<Children>,
}

impl Children {
    /// Starts a program by `spawn`, with `mark` in its environment. Nothing may be awaited between the start and this, or
    /// the reaper could be first.
    pub(super) fn own(self: &Arc<Self>, mark: &str, spawn: impl FnOnce() -> io::Result<Child>) -> io::Result<Owned> {
        let child = spawn()?;
        let pid = child.id().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
        let pid = pid.ok_or_else(|| io::Error::other("the program ended while it was started"))?;
        self.lock().insert(pid.as_raw_pid(), mark.to_owned());
        Ok(Owned { pid, child, all: Arc::clone(self) })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<i32, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends what calls left behind that have ended.
    pub(super) async fn end_left(&self) {
        let calls = self.lock().clone();
        if calls.is_empty() && getpid().is_init() {
            // Everybody but this process, at once: what forks faster than we look cannot outrun it. Source: kill(2) of -1.
            let _ = rustix::process::kill_process_group(Pid::INIT, Signal::KILL);
        }
        end(|| {
            let mut left = below_us();
            let kept: HashSet<i32> =
                calls.keys().flat_map(|root| tree::below(*root, &left)).map(|one| one.pid).collect();
            left.retain(|process| {
                let of_call = |(root, mark): (&i32, &String)| {
                    [process.pid, process.group, process.session].contains(root)
                        || tree::started_with(process.pid, mark.as_bytes())
                };
                !kept.contains(&process.pid) && !calls.iter().any(of_call)
            });
            left
        })
        .await;
        // Until it is waited for, one that has ended takes a place.
        self.reap_ended();
    }

    fn reap_ended(&self) {
        for pid in children() {
            if let Some(pid) = Pid::from_raw(pid).filter(|_| !self.lock().contains_key(&pid)) {
                let _ = waitpid(Some(pid), WaitOptions::NOHANG);
            }
        }
    }

    /// Waits for every process that ends and belongs to no call, for ever.
    pub(super) async fn reap(&self) -> io::Result<()> {
        let mut ended = signal(SignalKind::child())?;
        loop {
            self.reap_ended();
            if ended.recv().await.is_none() {
                return Ok(());
            }
        }
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        self.all.lock().remove(&self.pid.as_raw_pid());
    }
}

/// Our children. Source: proc_pid_task(5); kernels without `children` show them by their parents.
fn children() -> Vec<i32> {
    let me = getpid().as_raw_pid();
    let of_threads = std::fs::read_dir("/proc/self/task").and_then(|tasks| {
        tasks.map(|task| std::fs::read_to_string(task?.path().join("children"))).collect::<io::Result<Vec<_>>>()
    });
    match of_threads {
        Ok(lists) => {
            lists.iter().flat_map(|list| list.split_ascii_whitespace()).filter_map(|pid| pid.parse().ok()).collect()
        }
        Err(_) => tree::all().iter().filter(|process| process.parent == me).map(|process| process.pid).collect(),
    }
}

/// Kills the program that `root` is, all that it started, and all below us that was started with `mark`: what left its
/// process group and its parents keeps the environment, unless it set out to lose that as well. Such a process lives
/// until the box ends.
pub(super) async fn kill_tree(root: Pid, mark: &str) {
    let root = root.as_raw_pid();
    end(|| {
        let mut found = below_us();
        let below_root: HashSet<_> = tree::below(root, &found).iter().map(|process| process.pid).collect();
        found.retain(|process| {
            process.pid == root
                || process.group == root
                || process.session == root
                || below_root.contains(&process.pid)
                || tree::started_with(process.pid, mark.as_bytes())
        });
        found
    })
    .await;
}

/// Kills all that is below us. As PID 1 that is not needed: the kernel ends the others with us.
pub(super) async fn kill_all() {
    if !getpid().is_init() {
        end(below_us).await;
    }
}

/// Those that have not ended.
fn below_us() -> Vec<Stat> {
    let mut found = tree::below(getpid().as_raw_pid(), &tree::all());
    found.retain(|process| !process.ended());
    found
}

/// Kills what `find` finds, until it finds nothing.
async fn end(find: impl Fn() -> Vec<Stat>) {
    for _ in 0..ROUNDS {
        // What is stopped starts no other: none gets away between the look and the signal, however fast it forks.
        let (mut found, mut known) = (find(), 0);
        while found.len() > known {
            known = found.len();
            tree::signal_all(&found, Signal::STOP);
            found = find();
        }
        if found.is_empty() {
            return;
        }
        tree::signal_all(&found, Signal::KILL);
        tokio::time::sleep(ROUND).await;
    }
}
