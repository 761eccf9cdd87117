//! Locks between processes.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use super::make_private;

/// A file held by this process; dropping it lets go, and so does the death of the process.
#[derive(Debug)]
pub struct FileLock {
    file: File,
    path: PathBuf,
}

impl FileLock {
    /// Takes the lock at `path`, making the file and its folder, or `None` while another holds it, in this process or
    /// elsewhere.
    ///
    /// # Errors
    /// As the file system says.
    pub fn try_acquire(path: &Path) -> io::Result<Option<Self>> {
        // Who only asks has let go before long, unless it is kept from running.
        let mut patience = 500;
        loop {
            let file = open(path)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) if patience > 0 && shared(&file)? => {
                    // Or others who want it would take us for one who asks, and we them, for ever.
                    drop(file);
                    patience -= 1;
                    std::thread::sleep(Duration::from_millis(1));
                    continue;
                }
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(error),
            }
            if is_at(&file, path)? {
                return Ok(Some(Self { file, path: path.to_owned() }));
            }
        }
    }

    /// As [`FileLock::try_acquire`], but waits. Blocks the thread.
    ///
    /// # Errors
    /// As the file system says.
    pub fn acquire(path: &Path) -> io::Result<Self> {
        loop {
            let file = open(path)?;
            file.lock()?;
            if is_at(&file, path)? {
                return Ok(Self { file, path: path.to_owned() });
            }
        }
    }

    /// Whether somebody holds the lock at `path`, in this process or elsewhere. Makes nothing.
    ///
    /// # Errors
    /// As the file system says.
    pub fn is_held(path: &Path) -> io::Result<bool> {
        match File::open(path) {
            Ok(file) => Ok(!shared(&file)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// What another process can hold on to, so that the lock lasts until both have let go.
    ///
    /// # Errors
    /// No descriptor left.
    pub fn share(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// Lets go and removes the file. Whoever opened it meanwhile sees that it is gone and makes a new one.
    pub fn remove(self) {
        // Elsewhere a file that is open cannot be removed, and one that is left does no harm.
        if cfg!(unix) {
            let _ = std::fs::remove_file(&self.path);
        }
        drop(self.file);
    }
}

/// The file at `path` to be locked, which is made where need be, with its folder.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        // Seldom: locks are taken often, and their folder is made once.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            make_private(path.parent().unwrap_or(Path::new(".")))?;
            options.open(path)
        }
        opened => opened,
    }
}

/// Whether nobody holds `file`. Who asks has it for a moment together with all others who ask, which
/// [`FileLock::try_acquire`] tells from a holder by asking in its turn.
fn shared(file: &File) -> io::Result<bool> {
    match file.try_lock_shared() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Whether `file` is still the one at `path`: it may have been removed between our opening and our locking it.
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let ours = file.metadata()?;
        match std::fs::metadata(path) {
            Ok(theirs) => Ok((ours.dev(), ours.ino()) == (theirs.dev(), theirs.ino())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
    #[cfg(not(unix))]
    {
        let _ = (file, path);
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_is_no_holder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        drop(FileLock::try_acquire(&path).unwrap());
        std::thread::scope(|scope| {
            let asking = scope.spawn(|| while FileLock::is_held(&path).unwrap() || path.exists() {});
            for _ in 0..100 {
                assert!(FileLock::try_acquire(&path).unwrap().is_some());
            }
            std::fs::remove_file(&path).unwrap();
            asking.join().unwrap();
        });
        let foreign = open(&path).unwrap();
        foreign.lock_shared().unwrap();
        assert!(FileLock::try_acquire(&path).unwrap().is_none(), "one that stays is one");
    }

    #[test]
    fn one_holder_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("locks/a");
        let held = FileLock::try_acquire(&path).unwrap().unwrap();
        assert!(FileLock::try_acquire(&path).unwrap().is_none());
        assert!(FileLock::is_held(&path).unwrap());
        drop(held);
        assert!(!FileLock::is_held(&path).unwrap());
        let held = FileLock::acquire(&path).unwrap();
        held.remove();
        assert!(!path.exists() || cfg!(not(unix)));
        assert!(!FileLock::is_held(&path).unwrap());
        assert!(FileLock::try_acquire(&path).unwrap().is_some());
    }

    /// Threads take the lock, add one to a number in a file without any other care, and remove the lock's file: not one
    /// addition may be lost.
    #[test]
    fn removal_lets_nobody_slip_in() {
        let folder = tempfile::tempdir().unwrap();
        let (lock, number) = (folder.path().join("lock"), folder.path().join("number"));
        std::fs::write(&number, "0").unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..100 {
                        let held = FileLock::acquire(&lock).unwrap();
                        let before: u32 = std::fs::read_to_string(&number).unwrap().parse().unwrap();
                        std::fs::write(&number, (before + 1).to_string()).unwrap();
                        held.remove();
                    }
                });
            }
        });
        assert_eq!(std::fs::read_to_string(&number).unwrap(), "400");
    }
}
