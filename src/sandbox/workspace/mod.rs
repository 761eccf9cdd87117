//! The folder that programs in a box work in, and how it is kept in step with the user's.
//!
//! With mode `rw` programs inside never write into the user's folder: they write into an overlay over it, or into a
//! copy, and what they changed is merged after each call, by us, with the previous contents journalled. So protected
//! paths hold whatever happens inside, files belong to the user, and undo is exact.

mod apply;
mod diff;
mod folder;
mod journal;
mod overlay;
mod plan;
mod state;
#[cfg(test)]
mod tests;
mod undo;

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use self::{
    apply::{Apply, Source},
    folder::Folder,
    overlay::{Found, Scan, Synced},
    plan::Guard,
};
pub use self::{
    diff::{Difference, Shown},
    journal::{Journal, Record},
    overlay::Refused,
    plan::{PROTECTED_IN_CHAT, WorkspacePlan},
    state::{Change, MOST_KEPT, State},
    undo::{UndoError, Undone},
};
use super::{SandboxError, WorkspaceMode, spec};
use crate::config::{FileLock, write_private};

/// How programs inside see the workspace; the backend says which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// The folder itself, a private one, or a read-only one: nothing to merge.
    Direct,
    /// An overlay over the folder; what changes is in `upper` of the box's folder.
    Overlay,
}

/// What a call did to the user's folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Merged {
    /// The number of the call in the journal, where something changed.
    pub call: Option<u64>,
    pub changes: Vec<Change>,
    /// Changed inside, and not taken over.
    pub refused: Vec<Refused>,
}

/// The workspace of one box. Every method may block on the disk.
#[derive(Clone, Debug)]
pub struct Workspace {
    plan: WorkspacePlan,
    guard: Guard,
    seen: Seen,
    /// The folder of the box: `upper`, and what we remember.
    of_box: PathBuf,
}

impl Workspace {
    /// Looks at the folder. Makes nothing in it.
    ///
    /// # Errors
    /// A folder that is not there, a pattern that is none.
    pub fn prepare(spec: &spec::Workspace, of_box: &Path, seen: Seen) -> Result<Self, SandboxError> {
        let guard = Guard::new(spec)?;
        let plan = WorkspacePlan::find(spec, &guard)?;
        Ok(Self { plan, guard, seen, of_box: of_box.to_owned() })
    }

    /// What the backend has to mount.
    #[must_use]
    pub fn plan(&self) -> &WorkspacePlan {
        &self.plan
    }

    /// To be called before a program starts inside: from here on it sees what is in the folder now.
    ///
    /// # Errors
    /// As the file system says.
    pub fn before_call(&self) -> Result<(), SandboxError> {
        let Some(_) = self.merged_folder() else { return Ok(()) };
        let what = "look at the workspace before the call";
        let _lock = self.lock().map_err(SandboxError::io(what))?;
        let mut synced = self.synced().map_err(SandboxError::io(what))?;
        synced.seen = now();
        self.remember(&synced).map_err(SandboxError::io(what))
    }

    /// To be called after it ended: takes what it changed into the folder, and records it in the journal as done `by`.
    /// Whatever cannot be taken over is named, and the rest is.
    ///
    /// # Errors
    /// As the file system says; the folder is then as it was, or the journal says what was changed.
    pub fn after_call(&self, journal: &Journal, by: &str) -> Result<Merged, SandboxError> {
        let Some(folder) = self.merged_folder() else { return Ok(Merged::default()) };
        let what = || format!("merge the changes into `{}`", folder.display());
        self.merge(folder, journal, by).map_err(SandboxError::io(what()))
    }

    /// What differs between a private copy (mode `copy`) and the folder. Changes nothing.
    ///
    /// # Errors
    /// As the file system says.
    pub fn difference(&self) -> Result<Vec<Change>, SandboxError> {
        let (Some(folder), Seen::Overlay) = (&self.plan.folder, self.seen) else { return Ok(vec![]) };
        let scan = || {
            io::Result::Ok(self.scan(&Folder::open(folder)?, &Synced { seen: i64::MAX, ..Synced::default() })?.changes)
        };
        scan().map_err(SandboxError::io(format!("compare the copy with `{}`", folder.display())))
    }

    fn merged_folder(&self) -> Option<&Path> {
        self.plan.folder.as_deref().filter(|_| self.seen == Seen::Overlay && self.plan.mode == WorkspaceMode::Rw)
    }

    fn merge(&self, path: &Path, journal: &Journal, by: &str) -> io::Result<Merged> {
        let _lock = self.lock()?;
        let synced = self.synced()?;
        let folder = Folder::open(path)?;
        let Found { changes, mut refused, mut next } = self.scan(&folder, &synced)?;
        let mut merged = Merged::default();
        if !changes.is_empty() {
            let _writing = journal.lock()?;
            let record = journal.record(&folder, path, by, changes)?;
            let apply = Apply {
                root: &folder,
                source: Source::Folder(&Folder::open(&self.upper())?),
                owner: owner_to_give(&folder)?,
                tag: record.call,
            };
            let failures = apply.run(&record.changes);
            merged.call = Some(record.call);
            merged.changes = record.changes;
            for failure in failures {
                merged.changes.retain(|change| change.path != failure.path);
                refused.extend(failure.refused());
            }
            for change in &merged.changes {
                if let Some(pair) = next.get_mut(&change.path) {
                    pair.outside = folder.stamp(&change.path)?;
                }
            }
        }
        merged.refused = refused;
        self.remember(&Synced { seen: now(), paths: next })?;
        Ok(merged)
    }

    fn scan(&self, folder: &Folder, known: &Synced) -> io::Result<Found> {
        let upper = Folder::open(&self.upper())?;
        Scan { upper: &upper, folder, guard: &self.guard, known, now: now() }.run()
    }

    fn upper(&self) -> PathBuf {
        self.of_box.join("upper")
    }

    /// Two processes may work with the same box.
    fn lock(&self) -> io::Result<FileLock> {
        FileLock::acquire(&self.of_box.join("workspace.lock"))
    }

    fn synced(&self) -> io::Result<Synced> {
        match fs::read(self.of_box.join("synced.json")) {
            // What cannot be read is compared again.
            Ok(text) => Ok(serde_json::from_slice(&text).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Synced::default()),
            Err(error) => Err(error),
        }
    }

    fn remember(&self, synced: &Synced) -> io::Result<()> {
        write_private(&self.of_box.join("synced.json"), &serde_json::to_string(synced)?)
    }
}

/// To whom new files are to be given: only root can make them another's.
fn owner_to_give(folder: &Folder) -> io::Result<Option<(rustix::fs::Uid, rustix::fs::Gid)>> {
    let owner = folder.owner()?;
    Ok((rustix::process::geteuid().is_root() && !owner.0.is_root()).then_some(owner))
}

/// Nanoseconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}
