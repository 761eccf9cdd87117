//! What an agent changed in a workspace, and what was there before: kept per session, so that it can be shown and taken
//! back. The user's version control is not touched.
//!
//! A folder with `journal.jsonl`, one [`Record`] a line, and `before/HASH`, the previous contents. A record is written
//! before the workspace is touched. A process that is killed in between leaves a record of changes that did not all
//! happen, which `undo` takes as it finds it: what is already as before stays so.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufRead as _, BufReader, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{
    apply::clean_up,
    folder::{Folder, is_absent, lossless},
    state::{Change, Hash, MOST_KEPT, State, copy},
};
use crate::{
    config::{FileLock, make_private},
    domain::SessionKey,
};

/// The changes of one call of a tool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// From 1, in the order in which they happened.
    pub call: u64,
    pub time: Timestamp,
    /// Who made the change: the name of a tool, or `undo`.
    pub by: String,
    /// The workspace.
    #[serde(with = "lossless")]
    pub folder: PathBuf,
    pub changes: Vec<Change>,
}

/// A message of the user, and where in the journal what came of it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Messages of the session before it.
    pub messages: u64,
    /// The number that the next record was to have.
    pub call: u64,
}

/// The file of the [`Mark`]s, one a line.
const MARKS: &str = "marks.jsonl";

/// The journal of one session. Nothing is made before there is something to keep.
#[derive(Clone, Debug)]
pub struct Journal {
    folder: PathBuf,
}

impl Journal {
    /// Of the chat session `key`; `state` is the folder of this user's state.
    #[must_use]
    pub fn of_session(state: &Path, key: &SessionKey) -> Self {
        // Ids are the user's own words, and need not be fit for a file name.
        let hash =
            Sha256::new().chain_update(&key.user).chain_update([0]).chain_update(key.session.as_str()).finalize();
        let name: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        Self { folder: state.join("changes").join(name) }
    }

    /// Of a box that belongs to no session; `of_box` is its folder.
    #[must_use]
    pub fn of_box(of_box: &Path) -> Self {
        Self { folder: of_box.join("changes") }
    }

    /// What was recorded, oldest first.
    ///
    /// # Errors
    /// As the file system says.
    pub fn records(&self) -> io::Result<Vec<Record>> {
        let file = match File::open(self.file()) {
            Ok(file) => file,
            Err(error) if is_absent(&error) => return Ok(vec![]),
            Err(error) => return Err(error),
        };
        let mut records = vec![];
        for line in BufReader::new(file).split(b'\n') {
            // A line that was cut off belongs to changes that were never made.
            records.extend(serde_json::from_slice::<Record>(&line?));
        }
        Ok(records)
    }

    /// Remembers that something is asked of the agent, after so many messages: what is recorded from here on came of it.
    ///
    /// # Errors
    /// As the file system says.
    pub fn mark(&self, messages: u64) -> io::Result<()> {
        make_private(&self.folder)?;
        let _lock = self.lock()?;
        let next = self.records()?.last().map_or(1, |last| last.call + 1);
        let mut options = OpenOptions::new();
        let mut file = options.create(true).append(true).read(true).mode(0o600).open(self.folder.join(MARKS))?;
        let mut line = serde_json::to_vec(&Mark { messages, call: next })?;
        line.push(b'\n');
        if !ends_with_newline(&file)? {
            line.insert(0, b'\n');
        }
        file.write_all(&line)
    }

    /// The marks, oldest first.
    ///
    /// # Errors
    /// As the file system says.
    pub fn marks(&self) -> io::Result<Vec<Mark>> {
        match fs::read(self.folder.join(MARKS)) {
            Ok(bytes) => {
                Ok(bytes.split(|b| *b == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect())
            }
            Err(error) if is_absent(&error) => Ok(vec![]),
            Err(error) => Err(error),
        }
    }

    /// Forgets everything.
    ///
    /// # Errors
    /// As the file system says.
    pub fn remove(&self) -> io::Result<()> {
        match fs::remove_dir_all(&self.folder) {
            Err(error) if !is_absent(&error) => Err(error),
            _ => Ok(()),
        }
    }

    /// Keeps others from writing until the lock is dropped. Blocks the thread.
    pub(super) fn lock(&self) -> io::Result<FileLock> {
        FileLock::acquire(&self.folder.join("lock"))
    }

    /// Keeps the contents that `changes` would destroy, then the record of them; its number. With the lock held.
    pub(super) fn record(&self, root: &Folder, folder: &Path, by: &str, changes: Vec<Change>) -> io::Result<Record> {
        let last = self.records()?.pop();
        if let Some(last) = last.as_ref().filter(|last| last.folder == folder) {
            clean_up(root, last.call, &last.changes);
        }
        let call = last.map_or(1, |last| last.call + 1);
        make_private(&self.folder.join("before"))?;
        for change in &changes {
            if let State::File { size, hash, .. } = &change.before
                && *size <= MOST_KEPT
            {
                self.keep(root, &change.path, hash)?;
            }
        }
        let record = Record { call, time: Timestamp::now(), by: by.to_owned(), folder: folder.to_owned(), changes };
        let mut line = serde_json::to_vec(&record)?;
        line.push(b'\n');
        let mut options = OpenOptions::new();
        let mut file = options.create(true).append(true).read(true).mode(0o600).open(self.file())?;
        // After a line that was cut off, ours has to begin on one of its own.
        if !ends_with_newline(&file)? {
            line.insert(0, b'\n');
        }
        file.write_all(&line)?;
        file.sync_data()?;
        Ok(record)
    }

    fn keep(&self, root: &Folder, path: &Path, hash: &Hash) -> io::Result<()> {
        let kept = self.content_path(hash);
        if kept.exists() {
            return Ok(());
        }
        let mut file = tempfile::NamedTempFile::new_in(self.folder.join("before"))?;
        let (_, found) = copy(&mut root.read(path)?, &mut file)?;
        if found != *hash {
            return Err(io::Error::other(format!("`{}` changes while it is read", path.display())));
        }
        file.persist(kept)?;
        Ok(())
    }

    /// The content with this hash.
    ///
    /// # Errors
    /// Where it was not kept.
    pub(super) fn content(&self, hash: &Hash) -> io::Result<File> {
        File::open(self.content_path(hash))
    }

    fn content_path(&self, hash: &Hash) -> PathBuf {
        self.folder.join("before").join(hash.as_str())
    }

    fn file(&self) -> PathBuf {
        self.folder.join("journal.jsonl")
    }
}

fn ends_with_newline(file: &File) -> io::Result<bool> {
    use std::os::unix::fs::FileExt as _;
    let length = file.metadata()?.len();
    let mut last = [b'\n'];
    if length > 0 {
        file.read_exact_at(&mut last, length - 1)?;
    }
    Ok(last == *b"\n")
}
