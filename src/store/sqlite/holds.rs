//! Which sessions are held, and who is asked to let go. A request to stop is a note in memory where the holder is this
//! process, else a file in a folder that all holders look into.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use sha2::{Digest as _, Sha256};

use crate::{
    config::{Lock, Locks, write_private},
    domain::SessionKey,
    store::{NewSession, StoreError},
};

#[derive(Debug)]
pub(super) struct Holds {
    /// The folder of all that processes tell each other by files.
    folder: PathBuf,
    locks: Locks,
    ours: Mutex<Ours>,
}

/// What is held through this handle.
#[derive(Debug, Default)]
struct Ours {
    held: BTreeMap<SessionKey, (Lock, Arc<NewSession>)>,
    /// Those of `held` that are asked to stop.
    asked: BTreeSet<SessionKey>,
}

/// A session that is held until this is dropped.
pub(super) struct Held {
    holds: Arc<Holds>,
    key: SessionKey,
}

impl Holds {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { locks: Locks::new(folder.join("sessions")), folder, ours: Mutex::default() }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    fn ours(&self) -> MutexGuard<'_, Ours> {
        // No method can panic between two changes that belong together.
        self.ours.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a session, which is to be made of `new`; [`StoreError::Busy`] while another has it.
    pub(super) fn hold(self: &Arc<Self>, key: &SessionKey, new: Arc<NewSession>) -> Result<Held, StoreError> {
        let busy = || StoreError::Busy(key.session.clone());
        {
            // As one step: one that is locked is known to be held.
            let mut ours = self.ours();
            let lock = self.locks.try_acquire(&locked(key)).map_err(failed)?.ok_or_else(busy)?;
            ours.held.insert(key.clone(), (lock, new));
        }
        let held = Held { holds: Arc::clone(self), key: key.clone() };
        // A request that came too late for the holder before.
        remove(&self.stops().join(name(key))).map_err(failed)?;
        Ok(held)
    }

    /// What a session is to be made of, should it be new: as its holder says.
    pub(super) fn new_session(&self, key: &SessionKey) -> Arc<NewSession> {
        self.ours().held.get(key).map(|(_, new)| Arc::clone(new)).unwrap_or_default()
    }

    /// [`StoreError::Busy`] where somebody holds the session.
    pub(super) fn check_free(&self, key: &SessionKey) -> Result<(), StoreError> {
        match self.is_held(key).map_err(failed)? {
            true => Err(StoreError::Busy(key.session.clone())),
            false => Ok(()),
        }
    }

    fn is_held(&self, key: &SessionKey) -> io::Result<bool> {
        self.locks.is_held(&locked(key))
    }

    pub(super) fn interrupt(&self, key: &SessionKey) -> Result<bool, StoreError> {
        let mut ours = self.ours();
        if ours.held.contains_key(key) {
            ours.asked.insert(key.clone());
            return Ok(true);
        }
        drop(ours);
        let held = self.is_held(key).map_err(failed)?;
        if held {
            write_private(&self.stops().join(name(key)), "").map_err(failed)?;
        }
        Ok(held)
    }

    pub(super) fn interrupted(&self, held: &[SessionKey]) -> Result<Vec<SessionKey>, StoreError> {
        let files: BTreeSet<_> = match fs::read_dir(self.stops()) {
            Ok(files) => files.map(|file| Ok(file?.file_name())).collect::<io::Result<_>>().map_err(failed)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeSet::new(),
            Err(error) => return Err(failed(error)),
        };
        let mut ours = self.ours();
        if files.is_empty() && ours.asked.is_empty() {
            return Ok(vec![]);
        }
        let mut asked = vec![];
        for key in held.iter().filter(|key| ours.held.contains_key(key)).collect::<BTreeSet<_>>() {
            let name = name(key);
            let by_file = files.contains(name.as_ref() as &std::ffi::OsStr);
            if by_file {
                remove(&self.stops().join(name)).map_err(failed)?;
            }
            if ours.asked.remove(key) || by_file {
                asked.push(key.clone());
            }
        }
        Ok(asked)
    }

    /// The folder of the requests to stop.
    fn stops(&self) -> PathBuf {
        self.folder.join("stops")
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut ours = self.holds.ours();
        ours.asked.remove(&self.key);
        // Before anybody else may look: the next holder would lose its place here.
        drop(ours.held.remove(&self.key));
    }
}

/// What a session is known by among locks.
fn locked(key: &SessionKey) -> String {
    format!("{}\0{}", key.user, key.session.as_str())
}

/// And among files: a name of any length and with any signs becomes one of a file.
fn name(key: &SessionKey) -> String {
    let hash = Sha256::digest(locked(key));
    hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

pub(super) fn failed(error: io::Error) -> StoreError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::Full,
        _ => StoreError::Failed { source: Box::new(error) },
    }
}
