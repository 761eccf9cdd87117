//! How the processes of a box are ended. In tier B no namespace ends them with the first, so that those whose daemon was
//! killed are found by what they are.

use std::{
    fs, io,
    os::fd::{AsFd as _, OwnedFd},
    time::Duration,
};

use rustix::process::Signal;

use super::identity::Identity;
use crate::sandbox::{
    BoxFolder, SandboxId,
    daemon::MARK,
    tree::{self, Stat},
};

/// Between two looks.
const ROUND: Duration = Duration::from_millis(2);
/// What is not gone after so many is stuck in the kernel, or forks faster than we look.
const ROUNDS: usize = 1000;

/// Kills them, and waits until they are gone. May block.
///
/// # Errors
/// Those that stay.
pub(super) fn end(id: &SandboxId) -> io::Result<()> {
    for _ in 0..ROUNDS {
        let found = find(id);
        if found.is_empty() {
            return Ok(());
        }
        tree::signal_all(&found, Signal::KILL);
        std::thread::sleep(ROUND);
    }
    Err(io::ErrorKind::TimedOut.into())
}

/// Kills them once, without waiting, if the box has ended by itself and this was not done yet.
pub(super) fn clear_up(folder: &BoxFolder, id: &SandboxId) {
    let Some(ended) = folder.ended() else { return };
    let found = find(id);
    // Unless it was made again meanwhile.
    if folder.ended() == Some(ended) {
        tree::signal_all(&found, Signal::KILL);
        if found.is_empty() {
            // Else it is looked for again.
            let _ = folder.note_end(ended);
        }
    }
}

/// By the user number that is theirs alone; where there is none, by the mark in their environment, which a program may
/// have wiped out.
fn find(id: &SandboxId) -> Vec<Stat> {
    let own = Identity::of(id).ok().and_then(Identity::alone);
    let mark = format!("{MARK}={id}.");
    let mut all = tree::all();
    all.retain(|process| {
        let theirs = match own {
            Some(uid) => user_of(process.pid) == Some(uid),
            None => tree::started_with(process.pid, mark.as_bytes()),
        };
        theirs && !process.ended()
    });
    all
}

/// Not the owner of its folder in `/proc`, which may be root. Source: proc_pid_status(5).
fn user_of(pid: i32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

/// Those below `pid`, none of which can start another any more.
pub(super) fn stopped(pid: i32) -> Vec<Stat> {
    let mut known = 0;
    loop {
        let below = tree::below(pid, &tree::all());
        tree::signal_all(&below, Signal::STOP);
        if below.len() == known {
            return below;
        }
        known = below.len();
    }
}

/// Until the process has ended, but not for longer.
pub(super) fn wait(pidfd: &OwnedFd, patience: Duration) -> io::Result<()> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let patience = Timespec::try_from(patience).map_err(io::Error::other)?;
    let mut waiting = [PollFd::from_borrowed_fd(pidfd.as_fd(), PollFlags::IN)];
    loop {
        match poll(&mut waiting, Some(&patience)) {
            Err(rustix::io::Errno::INTR) => {}
            Ok(0) => return Err(io::ErrorKind::TimedOut.into()),
            other => return Ok(other.map(drop)?),
        }
    }
}
