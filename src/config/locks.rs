//! Locks by name: of sessions and of sandboxes.
//!
//! All of one kind are in one file, each a byte of it. A file each would be simpler, but making one is slower than
//! everything else that is done before the model is asked or a sandbox is made, the more so the more files the disk has
//! just lost, and each killed process would leave one.

use std::{
    io,
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};

/// The locks of one kind.
#[derive(Clone, Debug)]
pub struct Locks {
    path: PathBuf,
}

/// A name that is locked until this is dropped or the process is gone.
#[derive(Debug)]
pub struct Lock {
    _held: platform::Held,
}

impl Locks {
    /// Those at `path`, which is made by the first who takes one.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Where they are.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The lock of `name`, or `None` while another has it, in this process or elsewhere.
    ///
    /// # Errors
    /// As the file system says.
    pub fn try_acquire(&self, name: &str) -> io::Result<Option<Lock>> {
        Ok(platform::try_acquire(&self.path, hash(name))?.map(|held| Lock { _held: held }))
    }

    /// Whether somebody has the lock of `name`, in this process or elsewhere. Makes nothing.
    ///
    /// # Errors
    /// As the file system says.
    pub fn is_held(&self, name: &str) -> io::Result<bool> {
        platform::is_held(&self.path, hash(name))
    }
}

/// What a name of any length and with any signs becomes, so that no two meet.
fn hash(name: &str) -> [u8; 8] {
    let hash = Sha256::digest(name);
    std::array::from_fn(|at| hash[at])
}

#[cfg(target_os = "linux")]
mod platform {
    use std::{fs::File, io, path::Path};

    use nix::{
        errno::Errno,
        fcntl::{FcntlArg, fcntl},
        libc,
    };

    use crate::config::lock::open;

    #[derive(Debug)]
    pub(super) struct Held {
        /// Opened for this lock alone, which is why others of this process do not have it too. Source: fcntl(2), "Open
        /// file description locks".
        file: File,
        at: i64,
    }

    pub(super) fn try_acquire(path: &Path, name: [u8; 8]) -> io::Result<Option<Held>> {
        let (file, at) = (open(path)?, place(name));
        match fcntl(&file, FcntlArg::F_OFD_SETLK(&byte(libc::F_WRLCK, at))) {
            Ok(_) => Ok(Some(Held { file, at })),
            Err(Errno::EAGAIN | Errno::EACCES) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn is_held(path: &Path, name: [u8; 8]) -> io::Result<bool> {
        let file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            opened => opened?,
        };
        let mut found = byte(libc::F_WRLCK, place(name));
        fcntl(&file, FcntlArg::F_OFD_GETLK(&mut found))?;
        Ok(i32::from(found.l_type) != libc::F_UNLCK)
    }

    impl Drop for Held {
        fn drop(&mut self) {
            // Not by closing alone: a child that is being started may have the file open for a moment. It cannot fail for a
            // lock that is held.
            let _ = fcntl(&self.file, FcntlArg::F_OFD_SETLK(&byte(libc::F_UNLCK, self.at)));
        }
    }

    /// The file stays empty all the same.
    fn place(name: [u8; 8]) -> i64 {
        i64::from_be_bytes(name) & (i64::MAX >> 1)
    }

    fn byte(kind: i32, at: i64) -> libc::flock {
        #[expect(clippy::cast_possible_truncation, reason = "the kinds are 0, 1 and 2")]
        let l_type = kind as libc::c_short;
        libc::flock { l_type, l_whence: libc::SEEK_SET as libc::c_short, l_start: at, l_len: 1, l_pid: 0 }
    }
}

/// A file each, as locks on a part of a file belong to a process there, and any of its closings ends them.
#[cfg(not(target_os = "linux"))]
mod platform {
    use std::{
        io,
        path::{Path, PathBuf},
    };

    use crate::config::FileLock;

    #[derive(Debug)]
    pub(super) struct Held(Option<FileLock>);

    pub(super) fn try_acquire(path: &Path, name: [u8; 8]) -> io::Result<Option<Held>> {
        Ok(FileLock::try_acquire(&file(path, name))?.map(|lock| Held(Some(lock))))
    }

    pub(super) fn is_held(path: &Path, name: [u8; 8]) -> io::Result<bool> {
        FileLock::is_held(&file(path, name))
    }

    impl Drop for Held {
        fn drop(&mut self) {
            if let Some(lock) = self.0.take() {
                lock.remove();
            }
        }
    }

    fn file(folder: &Path, name: [u8; 8]) -> PathBuf {
        folder.join(format!("{:016x}", u64::from_be_bytes(name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locks(folder: &tempfile::TempDir) -> Locks {
        Locks::new(folder.path().join("locks/all"))
    }

    #[test]
    fn one_holder_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (locks(&folder), locks(&folder));
        assert!(!one.is_held("a").unwrap());
        assert!(!one.path().exists(), "who asks makes nothing");
        let held = one.try_acquire("a").unwrap().unwrap();
        for locks in [&one, &other] {
            assert!(locks.try_acquire("a").unwrap().is_none());
            assert!(locks.is_held("a").unwrap());
            assert!(!locks.is_held("b").unwrap());
        }
        // Another's end does not touch it.
        drop(one.try_acquire("b").unwrap().unwrap());
        assert!(other.is_held("a").unwrap());
        drop(held);
        assert!(!one.is_held("a").unwrap());
        assert!(other.try_acquire("a").unwrap().is_some());
    }
}
