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
    lock: Mutex<Option<(String, FileLock)>>,
}

impl ThisProcess {
    pub(super) fn new(locks: PathBuf) -> Self {
        Self { locks, lock: Mutex::default() }
    }

    /// The name of its file, which it holds from now on.
    pub(super) fn name(&self) -> io::Result<String> {
        let mut lock = self.lock();
        if let Some((name, _)) = &*lock {
            return Ok(name.clone());
        }
        let name = format!("{PREFIX}{}", uuid::Uuid::now_v7().simple());
        // Waits: one who looks for the dead may have it for a moment.
        let file = FileLock::acquire(&self.locks.join(&name))?;
        *lock = Some((name.clone(), file));
        Ok(name)
    }

    fn lock(&self) -> MutexGuard<'_, Option<(String, FileLock)>> {
        self.lock.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ThisProcess {
    fn drop(&mut self) {
        if let Some((_, file)) = self.lock().take() {
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
