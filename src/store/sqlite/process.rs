//! How processes know of each other whether they live: each holds the lock on a file of its own for as long as it does.

use std::{collections::BTreeSet, fs, io, path::Path};

use crate::config::FileLock;

const PREFIX: &str = "process-";

/// This process, seen by others as alive until it is dropped or killed.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) name: String,
    /// `None` once dropped.
    lock: Option<FileLock>,
}

impl Process {
    pub(super) fn new(locks: &Path) -> io::Result<Self> {
        let name = format!("{PREFIX}{}", uuid::Uuid::now_v7().simple());
        // Waits: one who looks for the dead may have it for a moment.
        let lock = FileLock::acquire(&locks.join(&name))?;
        Ok(Self { name, lock: Some(lock) })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(lock) = self.lock.take() {
            lock.remove();
        }
    }
}

/// Dead processes, that nobody else may bury while this is there.
#[derive(Debug, Default)]
pub(super) struct Dead(Vec<(String, FileLock)>);

impl Dead {
    /// The dead among `named` and among those whose files are in `locks`.
    pub(super) fn find(locks: &Path, named: BTreeSet<String>) -> io::Result<Self> {
        let mut names = named;
        match fs::read_dir(locks) {
            Ok(files) => {
                for file in files {
                    names.extend(file?.file_name().into_string().ok().filter(|name| name.starts_with(PREFIX)));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let mut dead = vec![];
        for name in names {
            if let Some(lock) = FileLock::try_acquire(&locks.join(&name))? {
                dead.push((name, lock));
            }
        }
        Ok(Self(dead))
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    pub(super) fn bury(self) {
        for (_, lock) in self.0 {
            lock.remove();
        }
    }
}
