//! How processes know of each other whether they live: each holds the lock on a file of its own for as long as it does.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::config::FileLock;

const PREFIX: &str = "process-";

/// This process, seen by others as alive from its first task until it is dropped or killed.
#[derive(Debug)]
pub(super) struct ThisProcess {
    locks: PathBuf,
    name: String,
    lock: Mutex<Option<FileLock>>,
}

impl ThisProcess {
    pub(super) fn new(locks: PathBuf) -> Self {
        Self { locks, name: format!("{PREFIX}{}", uuid::Uuid::now_v7().simple()), lock: Mutex::default() }
    }

    /// The name of its file, where it holds that.
    pub(super) fn known(&self) -> Option<String> {
        self.lock.try_lock().ok()?.as_ref().map(|_| self.name.clone())
    }

    /// The name of its file, which it holds from now on. Blocks while one who looks for the dead has it: not to be called
    /// where that one waits for something of ours, such as the writer.
    pub(super) fn name(&self) -> io::Result<String> {
        let mut lock = self.lock();
        if lock.is_none() {
            *lock = Some(FileLock::acquire(&self.path())?);
        }
        Ok(self.name.clone())
    }

    pub(super) fn path(&self) -> PathBuf {
        self.locks.join(&self.name)
    }

    fn lock(&self) -> MutexGuard<'_, Option<FileLock>> {
        self.lock.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ThisProcess {
    fn drop(&mut self) {
        if let Some(file) = self.lock().take() {
            file.remove();
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

    pub(super) fn names(&self) -> Vec<String> {
        self.0.iter().map(|(name, _)| name.clone()).collect()
    }

    pub(super) fn bury(self) {
        for (_, lock) in self.0 {
            lock.remove();
        }
    }
}
