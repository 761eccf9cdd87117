//! The folder that programs in a box work in, and how it is kept in step with the user's.
//!
//! With mode `rw` programs inside never write into the user's folder: they write into an overlay over it, or into a
//! copy, and what they changed is merged after each call, by us, with the previous contents journalled. So protected
//! paths hold whatever happens inside, files belong to the user, and undo is exact.

mod apply;
mod diff;
mod folder;
mod git;
mod journal;
mod mirror;
mod overlay;
mod patch;
mod plan;
pub mod refresh;
mod state;
#[cfg(test)]
mod tests;
mod undo;

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use self::{
    apply::{Apply, Source},
    folder::Folder,
    mirror::Mirror,
    overlay::{Found, Scan, Synced},
    plan::Guard,
};
pub use self::{
    diff::{Difference, Shown},
    journal::{Journal, Mark, Record},
    overlay::Refused,
    patch::patch,
    plan::{PROTECTED_IN_CHAT, WorkspacePlan},
    state::{Change, MOST_KEPT, State},
    undo::{UndoError, Undone},
};
use super::{BackendKind, BoxFolder, SandboxError, SandboxSpec, Tier, WorkspaceMode};
use crate::config::{FileLock, write_private};

/// How programs inside see the workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    /// The folder itself, a private one, or a read-only one: nothing is ever taken over.
    Direct,
    /// An overlay over the folder: what changes is in `upper` of the box's folder.
    Overlay,
    /// A copy, in `workspace` of the box's folder.
    Copied,
}

/// Longer than the clock of files takes to go on, and than callers allow for that: one tick of the kernel.
const LATER: Duration = Duration::from_millis(12);

impl Seen {
    fn of(backend: BackendKind, tier: Tier, mode: WorkspaceMode) -> Self {
        match (mode, backend, tier) {
            (WorkspaceMode::Ro | WorkspaceMode::None, ..) => Self::Direct,
            (_, BackendKind::Local, Tier::A) => Self::Overlay,
            // Without isolation `rw` is the folder itself.
            (WorkspaceMode::Rw, BackendKind::Host, _) => Self::Direct,
            _ => Self::Copied,
        }
    }
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

impl Merged {
    /// What cannot be taken back: a file that was larger than what is kept ([`MOST_KEPT`]).
    pub fn not_undoable(&self) -> impl Iterator<Item = &Path> {
        self.changes.iter().filter(|change| !change.is_undoable()).map(|change| change.path.as_path())
    }
}

/// The workspace of one box. Every method may block on the disk.
#[derive(Clone, Debug)]
pub struct Workspace {
    /// On the host; `None` with mode `none`.
    folder: Option<PathBuf>,
    mode: WorkspaceMode,
    guard: Guard,
    seen: Seen,
    /// The folder of the box, with what we remember.
    of_box: PathBuf,
    /// The same, for what the backend keeps there.
    record: BoxFolder,
}

impl Workspace {
    /// The workspace of the box that `spec` made with this tier of isolation.
    ///
    /// # Errors
    /// A folder that is not there, a pattern that is none.
    pub fn of(spec: &SandboxSpec, tier: Tier, of_box: &Path) -> Result<Self, SandboxError> {
        Ok(Self {
            folder: plan::folder(&spec.workspace)?,
            mode: spec.workspace.mode,
            guard: Guard::new(&spec.workspace)?,
            seen: Seen::of(spec.backend, tier, spec.workspace.mode),
            of_box: of_box.to_owned(),
            record: BoxFolder::new(of_box.parent().unwrap_or(of_box), &spec.id),
        })
    }

    /// To be called before something is done inside: programs there see from now on what is in the folder now.
    ///
    /// # Errors
    /// As the file system says.
    pub fn before_call(&self) -> Result<(), SandboxError> {
        let Some(folder) = self.folder.as_deref().filter(|_| self.seen != Seen::Direct) else { return Ok(()) };
        let what = || format!("bring the changes of `{}` into the sandbox", folder.display());
        self.bring_in(folder).map_err(SandboxError::io(what()))
    }

    /// To be called when it is done. With mode `rw`, takes what was changed into the folder, and records it in the
    /// journal as done `by`. Whatever cannot be taken over is named, and the rest is.
    ///
    /// # Errors
    /// As the file system says; the folder is then as it was, or the journal says what was changed.
    pub fn after_call(&self, journal: &Journal, by: &str) -> Result<Merged, SandboxError> {
        if self.mode == WorkspaceMode::Rw { self.apply(journal, by) } else { Ok(Merged::default()) }
    }

    /// Takes everything that differs in a private copy (mode `copy`) into the folder, as [`after_call`] does.
    ///
    /// # Errors
    /// As [`after_call`](Self::after_call).
    ///
    /// [`after_call`]: Self::after_call
    pub fn apply(&self, journal: &Journal, by: &str) -> Result<Merged, SandboxError> {
        let Some(folder) = self.folder.as_deref().filter(|_| self.seen != Seen::Direct) else {
            return Ok(Merged::default());
        };
        let what = || format!("merge the changes into `{}`", folder.display());
        self.merge(folder, journal, by).map_err(SandboxError::io(what()))
    }

    /// What was changed in a private copy (mode `copy`) and is not in the folder, and of that what would not be taken
    /// over. Changes nothing.
    ///
    /// # Errors
    /// As the file system says.
    pub fn differences(&self) -> Result<(Vec<Difference>, Vec<Refused>), SandboxError> {
        let Some(folder) = self.folder.as_deref().filter(|_| self.seen != Seen::Direct) else {
            return Ok((vec![], vec![]));
        };
        let compare = || {
            let _lock = self.lock()?;
            let (inside, outside) = (self.inside()?, Folder::open(folder)?);
            let Found { changes, refused, .. } = self.outwards(&inside, &outside, &self.synced()?)?;
            let differences =
                changes.into_iter().map(|change| Difference::between(folder, &outside, &inside, change)).collect();
            io::Result::Ok((differences, refused))
        };
        compare().map_err(SandboxError::io(format!("compare the copy with `{}`", folder.display())))
    }

    fn bring_in(&self, folder: &Path) -> io::Result<()> {
        let _lock = self.lock()?;
        let known = self.synced()?;
        let (inside, outside) = (self.inside()?, Folder::open(folder)?);
        let mut next = known.clone();
        // A private copy is made once, and left alone.
        if self.mode == WorkspaceMode::Rw || (self.seen == Seen::Copied && !self.memory().exists()) {
            let changes = match self.seen {
                Seen::Overlay => {
                    let (upper, guard) = (&inside, &self.guard);
                    Scan { upper, folder: &outside, guard, known: &known, now: now() }.inwards()?
                }
                Seen::Copied | Seen::Direct => {
                    let guard = &self.guard;
                    let found =
                        Mirror { copy: &inside, folder: &outside, guard, known: &known, now: now() }.inwards()?;
                    next.paths = found.next;
                    found.changes
                }
            };
            // Before the contents are read: what changes after that is seen next time.
            let stamps: Vec<_> = changes.iter().map(|change| outside.stamp(&change.path)).collect();
            let failed = self.bring(&changes, &inside, &outside)?;
            if !changes.is_empty() {
                // What the call changes is told by its time: it is to be later than that of what we have just written.
                std::thread::sleep(LATER);
            }
            for (change, stamp) in changes.into_iter().zip(stamps) {
                if !failed.contains(&change.path) {
                    next.set(change.path, &inside, stamp?)?;
                }
            }
        }
        next.seen = now();
        self.remember(&next)
    }

    /// Makes `changes` inside. The paths for which that did not succeed.
    fn bring(&self, changes: &[Change], inside: &Folder, outside: &Folder) -> io::Result<Vec<PathBuf>> {
        if self.seen == Seen::Overlay {
            return match self.record.process() {
                Some(process) => refresh::refresh(process.pid, &self.of_box, outside, changes),
                // Nobody inside looks at it.
                None => Ok(changes.iter().map(|change| change.path.clone()).collect()),
            };
        }
        let apply = Apply { root: inside, source: Source::Folder(outside), owner: owner_to_give(inside)?, tag: 0 };
        Ok(apply.run(changes).into_iter().map(|failure| failure.path).collect())
    }

    fn merge(&self, path: &Path, journal: &Journal, by: &str) -> io::Result<Merged> {
        let _lock = self.lock()?;
        let (inside, folder) = (self.inside()?, Folder::open(path)?);
        let known = self.synced()?;
        let Found { changes, mut refused, mut next } = self.outwards(&inside, &folder, &known)?;
        if self.mode == WorkspaceMode::Copy {
            // A copy keeps them, and so they are found again.
            for Refused { path, .. } in &refused {
                match known.paths.get(path) {
                    Some(pair) => next.insert(path.clone(), *pair),
                    None => next.remove(path),
                };
            }
        }
        let mut merged = Merged::default();
        if !changes.is_empty() {
            let _writing = journal.lock()?;
            let record = journal.record(&folder, path, by, changes)?;
            let apply = Apply {
                root: &folder,
                source: Source::Folder(&inside),
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

    /// What programs inside changed, to be made in the folder.
    fn outwards(&self, inside: &Folder, folder: &Folder, known: &Synced) -> io::Result<Found> {
        let (guard, now) = (&self.guard, now());
        match self.seen {
            Seen::Overlay => Scan { upper: inside, folder, guard, known, now }.run(),
            Seen::Copied | Seen::Direct => Mirror { copy: inside, folder, guard, known, now }.outwards(),
        }
    }

    /// Where programs inside write to.
    fn inside(&self) -> io::Result<Folder> {
        Folder::open(&self.of_box.join(if self.seen == Seen::Overlay { "upper" } else { "workspace" }))
    }

    /// Two processes may work with the same box.
    fn lock(&self) -> io::Result<FileLock> {
        FileLock::acquire(&self.of_box.join("workspace.lock"))
    }

    fn synced(&self) -> io::Result<Synced> {
        match fs::read(self.memory()) {
            // What cannot be read is compared again.
            Ok(text) => Ok(serde_json::from_slice(&text).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Synced::default()),
            Err(error) => Err(error),
        }
    }

    fn memory(&self) -> PathBuf {
        self.of_box.join("synced.json")
    }

    fn remember(&self, synced: &Synced) -> io::Result<()> {
        write_private(&self.memory(), &serde_json::to_string(synced)?)
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
