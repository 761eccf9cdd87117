//! Locks by name: of sessions and of sandboxes.
//!
//! All of one kind are in one file, each a byte of it. A file each would be simpler, but making one is slower than
//! everything else that is done before the model is asked or a sandbox is made, the more so the more files the disk has
//! just lost, and each killed process would leave one.

#[cfg(target_os = "linux")]
pub use bytes::{Lock, Locks};
#[cfg(not(target_os = "linux"))]
pub use files::{Lock, Locks};

#[cfg(target_os = "linux")]
mod bytes {
    use std::{
        fs::File,
        io,
        path::{Path, PathBuf},
    };

    use nix::{
        errno::Errno,
        fcntl::{FcntlArg, fcntl},
        libc,
    };
    use sha2::{Digest as _, Sha256};

    use crate::config::lock::open;

    /// The locks that are bytes of one file, which is made by the first who takes one.
    #[derive(Clone, Debug)]
    pub struct Locks {
        path: PathBuf,
    }

    /// A name that is locked until this is dropped or the process is gone.
    #[derive(Debug)]
    pub struct Lock {
        /// Opened for this lock alone, which is why others of this process do not have it too. Source: fcntl(2), "Open
        /// file description locks".
        file: File,
        at: i64,
    }

    impl Locks {
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
            let (file, at) = (open(&self.path)?, place(name));
            match fcntl(&file, FcntlArg::F_OFD_SETLK(&byte(libc::F_WRLCK, at))) {
                Ok(_) => Ok(Some(Lock { file, at })),
                Err(Errno::EAGAIN | Errno::EACCES) => Ok(None),
                Err(error) => Err(error.into()),
            }
        }

        /// Whether somebody has the lock of `name`, in this process or elsewhere. Makes nothing.
        ///
        /// # Errors
        /// As the file system says.
        pub fn is_held(&self, name: &str) -> io::Result<bool> {
            let file = match File::open(&self.path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
                opened => opened?,
            };
            let mut found = byte(libc::F_WRLCK, place(name));
            fcntl(&file, FcntlArg::F_OFD_GETLK(&mut found))?;
            Ok(i32::from(found.l_type) != libc::F_UNLCK)
        }
    }

    impl Drop for Lock {
        fn drop(&mut self) {
            // Not by closing alone: a child that is being started may have the file open for a moment. It cannot fail for a
            // lock that is held.
            let _ = fcntl(&self.file, FcntlArg::F_OFD_SETLK(&byte(libc::F_UNLCK, self.at)));
        }
    }

    /// Where the byte of a name of any length is. So far apart that no two meet; the file stays empty all the same.
    fn place(name: &str) -> i64 {
        let hash = Sha256::digest(name);
        i64::from_be_bytes(std::array::from_fn(|at| hash[at])) & (i64::MAX >> 1)
    }

    fn byte(kind: i32, at: i64) -> libc::flock {
        #[expect(clippy::cast_possible_truncation, reason = "the kinds are 0, 1 and 2")]
        let l_type = kind as libc::c_short;
        libc::flock { l_type, l_whence: libc::SEEK_SET as libc::c_short, l_start: at, l_len: 1, l_pid: 0 }
    }
}

#[cfg(not(target_os = "linux"))]
mod files {
    use std::{
        io,
        path::{Path, PathBuf},
    };

    use sha2::{Digest as _, Sha256};

    use crate::config::FileLock;

    /// A file each, as locks on a part of a file belong to a process there, and any of its closings ends them.
    #[derive(Clone, Debug)]
    pub struct Locks {
        path: PathBuf,
    }

    /// A name that is locked until this is dropped or the process is gone.
    #[derive(Debug)]
    pub struct Lock(Option<FileLock>);

    impl Locks {
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
            Ok(FileLock::try_acquire(&self.file(name))?.map(|lock| Lock(Some(lock))))
        }

        /// Whether somebody has the lock of `name`, in this process or elsewhere. Makes nothing.
        ///
        /// # Errors
        /// As the file system says.
        pub fn is_held(&self, name: &str) -> io::Result<bool> {
            FileLock::is_held(&self.file(name))
        }

        /// A name of any length and with any signs becomes one of a file.
        fn file(&self, name: &str) -> PathBuf {
            let hash = Sha256::digest(name);
            self.path.join(hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect::<String>())
        }
    }

    impl Drop for Lock {
        fn drop(&mut self) {
            if let Some(lock) = self.0.take() {
                lock.remove();
            }
        }
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
