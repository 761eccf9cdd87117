//! What changed, as people read it.

use std::{
    collections::BTreeMap,
    io::{self, Read as _},
    path::{Path, PathBuf},
    time::Duration,
};

use similar::TextDiff;

use super::{
    folder::Folder,
    journal::Journal,
    state::{Change, State},
};

/// A path that is not what it was when the session began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The workspace.
    pub folder: PathBuf,
    /// From what it was then to what it is now.
    pub change: Change,
    /// The calls that changed it.
    pub calls: Vec<u64>,
    pub shown: Shown,
}

/// What can be shown of a difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Unified hunks; empty where the content is the same.
    Text(String),
    Binary,
    /// Too large, or not kept.
    Nothing,
}

/// Bytes of the largest file that is shown line by line.
const MOST_SHOWN: u64 = 4 << 20;

/// An answer by then, if a rougher one.
const MOST_TIME: Duration = Duration::from_secs(2);

impl Difference {
    /// What `change` would make of `folder`, taken from `inside`.
    pub(super) fn between(path: &Path, folder: &Folder, inside: &Folder, change: Change) -> Self {
        let side = |root, state| content(root, &change.path, state);
        let shown = match (side(folder, &change.before), side(inside, &change.after)) {
            (Ok(Some(old)), Ok(Some(new))) => hunks(&old, &new),
            _ => Shown::Nothing,
        };
        Self { folder: path.to_owned(), change, calls: vec![], shown }
    }
}

impl Journal {
    /// What the session changed and is still changed, by workspace and path.
    ///
    /// # Errors
    /// As the file system says; a workspace that is gone.
    pub fn differences(&self) -> io::Result<Vec<Difference>> {
        let mut first: BTreeMap<(PathBuf, PathBuf), (State, Vec<u64>)> = BTreeMap::new();
        for record in self.records()? {
            for change in record.changes {
                let key = (record.folder.clone(), change.path);
                first.entry(key).or_insert_with(|| (change.before, vec![])).1.push(record.call);
            }
        }
        let mut differences = vec![];
        let mut opened: Option<(PathBuf, Folder)> = None;
        for ((folder, path), (before, calls)) in first {
            if opened.as_ref().is_none_or(|(open, _)| *open != folder) {
                opened = Some((folder.clone(), Folder::open(&folder)?));
            }
            let Some((_, root)) = &opened else { continue };
            let after = State::of(root, &path)?;
            if before != after {
                let change = Change { path, before, after };
                let shown = self.show(root, &change);
                differences.push(Difference { folder, change, calls, shown });
            }
        }
        Ok(differences)
    }

    fn show(&self, root: &Folder, change: &Change) -> Shown {
        let old = match &change.before {
            State::File { hash, size, .. } if *size <= MOST_SHOWN => self.content(hash).and_then(read),
            State::File { .. } => return Shown::Nothing,
            State::Link { target } => Ok(target.as_encoded_bytes().to_vec()),
            _ => Ok(vec![]),
        };
        let new = content(root, &change.path, &change.after);
        match (old, new) {
            (Ok(old), Ok(Some(new))) => hunks(&old, &new),
            _ => Shown::Nothing,
        }
    }
}

/// The content of a state that is there now; `None` where it is too large.
fn content(root: &Folder, path: &Path, state: &State) -> io::Result<Option<Vec<u8>>> {
    match state {
        State::File { size, .. } if *size > MOST_SHOWN => Ok(None),
        State::File { .. } => root.read(path).and_then(read).map(Some),
        State::Link { target } => Ok(Some(target.as_encoded_bytes().to_vec())),
        _ => Ok(Some(vec![])),
    }
}

fn hunks(old: &[u8], new: &[u8]) -> Shown {
    match (text(old), text(new)) {
        (Some(old), Some(new)) => {
            let diff = TextDiff::configure().timeout(MOST_TIME).diff_lines(old, new);
            Shown::Text(diff.unified_diff().to_string())
        }
        _ => Shown::Binary,
    }
}

fn read(file: std::fs::File) -> io::Result<Vec<u8>> {
    let mut bytes = vec![];
    file.take(MOST_SHOWN).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}
