//! Takes changes back: to the byte, and never over what the user wrote since.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use super::{
    apply::{Apply, Source},
    folder::Folder,
    journal::{Journal, Record},
    overlay::Refused,
    owner_to_give,
    state::{Change, State, copy},
};

/// What was taken back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Undone {
    /// The number under which it is in the journal itself, so that it can be taken back; `None` where nothing was to be
    /// done.
    pub call: Option<u64>,
    pub changes: Vec<Change>,
    /// What could not be taken back.
    pub refused: Vec<Refused>,
}

#[derive(Debug, thiserror::Error)]
pub enum UndoError {
    /// Nothing was touched.
    #[error("you changed what the agent had changed: {}", shown(.0))]
    Changed(Vec<PathBuf>),
    #[error("could not take back the changes of `{}`", .folder.display())]
    Io { folder: PathBuf, source: io::Error },
    #[error("could not read the journal of the session")]
    Journal(#[source] io::Error),
}

fn shown(paths: &[PathBuf]) -> String {
    let names: Vec<_> = paths.iter().take(5).map(|path| format!("`{}`", path.display())).collect();
    let more =
        if paths.len() > names.len() { format!(" and {} more", paths.len() - names.len()) } else { String::new() };
    format!("{}{more}", names.join(", "))
}

/// What the records say of one path.
struct Touched {
    /// What was there first.
    first: State,
    /// Everything that is known to have been there: none of it is lost if it goes.
    known: Vec<State>,
}

impl Journal {
    /// Brings every workspace of the session back to what it was before call `to`. Unless `force` is set, does nothing
    /// at all where somebody else than the agent changed one of its files since. Is itself recorded.
    ///
    /// # Errors
    /// [`UndoError::Changed`], or as the file system says.
    pub fn undo(&self, to: u64, force: bool) -> Result<Undone, UndoError> {
        let _lock = self.lock().map_err(UndoError::Journal)?;
        let records = self.records().map_err(UndoError::Journal)?;
        let mut plans = vec![];
        let mut theirs = vec![];
        for (folder, touched) in touched(records.into_iter().filter(|record| record.call >= to)) {
            let at = |source| UndoError::Io { folder: folder.clone(), source };
            let root = Folder::open(&folder).map_err(at)?;
            let changes = plan(&root, touched, &mut theirs).map_err(at)?;
            plans.push((folder.clone(), root, changes));
        }
        if !theirs.is_empty() && !force {
            return Err(UndoError::Changed(theirs));
        }
        let mut undone = Undone::default();
        for (folder, root, changes) in plans {
            self.take_back(&folder, &root, changes, &mut undone).map_err(|source| UndoError::Io { folder, source })?;
        }
        Ok(undone)
    }

    fn take_back(&self, folder: &Path, root: &Folder, changes: Vec<Change>, undone: &mut Undone) -> io::Result<()> {
        let (mut possible, mut lost) = (vec![], vec![]);
        for change in changes {
            if self.holds(&change.after) { possible.push(change) } else { lost.push(change) }
        }
        undone.refused.extend(
            lost.into_iter()
                .map(|change| Refused { path: change.path, reason: "what was there before was not kept".to_owned() }),
        );
        if possible.is_empty() {
            return Ok(());
        }
        let record = self.record(root, folder, "undo", possible)?;
        let apply = Apply { root, source: Source::Journal(self), owner: owner_to_give(root)?, tag: record.call };
        let failures = apply.run(&record.changes);
        undone.call = undone.call.or(Some(record.call));
        undone.changes.extend(
            record.changes.into_iter().filter(|change| failures.iter().all(|failure| failure.path != change.path)),
        );
        undone.refused.extend(failures.into_iter().filter_map(super::apply::Failure::refused));
        Ok(())
    }

    /// Whether `state` can be made: of a file, whether its content was kept whole.
    fn holds(&self, state: &State) -> bool {
        let State::File { hash, .. } = state else { return *state != State::Special };
        let read = self.content(hash).and_then(|mut file| copy(&mut file, &mut io::sink()));
        read.is_ok_and(|(_, found)| found == *hash)
    }
}

fn touched(records: impl Iterator<Item = Record>) -> BTreeMap<PathBuf, BTreeMap<PathBuf, Touched>> {
    let mut folders: BTreeMap<_, BTreeMap<_, Touched>> = BTreeMap::new();
    for record in records {
        let paths = folders.entry(record.folder).or_default();
        for Change { path, before, after } in record.changes {
            let touched = paths.entry(path).or_insert_with(|| Touched { first: before.clone(), known: vec![] });
            touched.known.extend([before, after]);
        }
    }
    folders
}

/// The changes that bring back what was there first. Paths that hold what nobody recorded are added to `theirs`.
fn plan(root: &Folder, touched: BTreeMap<PathBuf, Touched>, theirs: &mut Vec<PathBuf>) -> io::Result<Vec<Change>> {
    let mut changes = vec![];
    for (path, touched) in touched {
        let before = State::of(root, &path)?;
        if before == touched.first {
            continue;
        }
        if !touched.known.contains(&before) {
            theirs.push(path.clone());
        }
        changes.push(Change { path, before, after: touched.first });
    }
    Ok(changes)
}
