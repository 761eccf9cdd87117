//! Whom the kernel kills when memory is short: a program, and not the daemon.

use std::{fs, io, os::unix::fs::FileExt as _};

/// Of what is started, until [`first_to_go`](crate::sandbox::daemon::first_to_go) puts it before all that is being started
/// later, and before the daemon that starts it.
const EARLY: &[u8] = b"500";

/// What this process is worth to the kernel. Children begin with it: told from outside only, a program could have children
/// before it is told. Source: proc_pid_oom_score_adj(5).
#[derive(Debug)]
pub(super) struct OomScore {
    /// Open, because a process that hides its memory cannot open it any more.
    file: fs::File,
    own: Vec<u8>,
}

impl OomScore {
    /// # Errors
    /// A kernel that has none, such as gVisor's.
    pub(super) fn open() -> io::Result<Self> {
        const PATH: &str = "/proc/self/oom_score_adj";
        Ok(Self { file: fs::OpenOptions::new().write(true).open(PATH)?, own: fs::read(PATH)? })
    }

    /// Lowers it, for this process too, as long as what is returned lives: what is started meanwhile keeps it.
    pub(super) fn lend(&self) -> Lent<'_> {
        // Programs that cannot be told are worth as much as this process.
        let _ = self.file.write_at(EARLY, 0);
        Lent(self)
    }
}

pub(super) struct Lent<'a>(&'a OomScore);

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let _ = self.0.file.write_at(&self.0.own, 0);
    }
}
