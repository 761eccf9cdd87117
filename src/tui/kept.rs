//! What was typed and not sent, kept on the disk for the next start: while somebody types, for a process may die at any time.
//!
//! Each interface has a file of its own in `drafts`, beside a lock that it holds while it lives. Who starts takes what those
//! left behind that are gone, however they ended, and nothing of those that live.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};

use crate::config::{FileLock, write_private};

/// A draft that outlived its interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    pub text: String,
    /// The command that goes on with the session it was meant for.
    pub resume: String,
}

impl Kept {
    /// Takes what was kept, the oldest first: it is given once. Waits for the disk.
    #[must_use]
    pub fn take(state: &Path) -> Vec<Self> {
        let Ok(entries) = std::fs::read_dir(folder(state)) else { return vec![] };
        let files = entries.filter_map(|entry| Some(entry.ok()?.path()));
        let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|end| end == "json")).collect();
        // They are named by the time.
        files.sort();
        files.iter().filter_map(|path| take(path)).collect()
    }
}

fn take(path: &Path) -> Option<Kept> {
    let lock = FileLock::try_acquire(&path.with_extension("lock")).ok()??;
    let kept = std::fs::read(path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    // Where it cannot be removed it comes again, which is better than never.
    let _ = std::fs::remove_file(path);
    lock.remove();
    kept
}

/// Keeps the draft of one interface.
#[derive(Debug)]
pub struct Keeper {
    path: PathBuf,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    lock: Option<FileLock>,
    /// The newest that was kept.
    number: u64,
}

impl Keeper {
    /// Touches nothing yet.
    #[must_use]
    pub fn new(state: &Path) -> Self {
        let path = folder(state).join(format!("{}.json", uuid::Uuid::now_v7().simple()));
        Self { path, held: Mutex::default() }
    }

    /// Keeps `draft` in place of the one before; `None` where nothing is left to keep. One with a `number` below that of the
    /// last comes too late. Waits for the disk.
    ///
    /// # Errors
    /// As the file system says.
    pub fn keep(&self, number: u64, draft: Option<&Kept>) -> io::Result<()> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if number < held.number {
            return Ok(());
        }
        held.number = number;
        let Some(draft) = draft else {
            if let Some(lock) = held.lock.take() {
                let _ = std::fs::remove_file(&self.path);
                lock.remove();
            }
            return Ok(());
        };
        if held.lock.is_none() {
            held.lock = FileLock::try_acquire(&self.path.with_extension("lock"))?;
        }
        write_private(&self.path, &serde_json::to_string(draft)?)
    }
}

fn folder(state: &Path) -> PathBuf {
    state.join("drafts")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(text: &str) -> Kept {
        Kept { text: text.to_owned(), resume: "agentscope chat".to_owned() }
    }

    #[test]
    fn a_draft_is_given_once_and_only_of_the_dead() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        assert_eq!(Kept::take(&state), []);
        let (first, second) = (Keeper::new(&state), Keeper::new(&state));
        second.keep(0, Some(&draft("other"))).unwrap();
        first.keep(1, Some(&draft("half a\nsentence"))).unwrap();
        first.keep(0, Some(&draft("half"))).unwrap();
        assert_eq!(Kept::take(&state), [], "both live");
        drop(first);
        assert_eq!(Kept::take(&state), [draft("half a\nsentence")]);
        drop(second);
        assert_eq!(Kept::take(&state), [draft("other")]);
        assert_eq!(Kept::take(&state), []);
        assert_eq!(std::fs::read_dir(super::folder(&state)).unwrap().count(), 0, "and nothing is left");
    }

    #[test]
    fn what_was_sent_is_not_given() {
        let folder = tempfile::tempdir().unwrap();
        let keeper = Keeper::new(folder.path());
        keeper.keep(0, Some(&draft("sent"))).unwrap();
        keeper.keep(1, None).unwrap();
        assert_eq!(std::fs::read_dir(super::folder(folder.path())).unwrap().count(), 0);
        keeper.keep(2, Some(&draft("new"))).unwrap();
        drop(keeper);
        assert_eq!(Kept::take(folder.path()), [draft("new")]);
    }

    #[test]
    fn a_broken_file_is_no_draft() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(super::folder(folder.path())).unwrap();
        std::fs::write(super::folder(folder.path()).join("1.json"), "{").unwrap();
        assert_eq!(Kept::take(folder.path()), []);
    }
}
