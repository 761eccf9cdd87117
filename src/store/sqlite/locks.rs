//! The locks of sessions, between processes and between stores of one process.
//!
//! All are in one file, each a byte of it. A file each would be simpler, but making one is slower than everything else
//! that is done before the model is asked, the more so the more files the disk has just lost, and they would be as many
//! as there ever were sessions.

use std::path::Path;

#[cfg(target_os = "linux")]
pub(super) use bytes::{Lock, Locks};
#[cfg(not(target_os = "linux"))]
pub(super) use files::{Lock, Locks};
use sha2::{Digest as _, Sha256};

use crate::domain::SessionKey;

/// What a session is known by among locks: a name of any length and with any signs becomes one of a file, or a place.
fn hash(key: &SessionKey) -> [u8; 16] {
    let hash = Sha256::new().chain_update(&key.user).chain_update([0]).chain_update(key.session.as_str()).finalize();
    std::array::from_fn(|at| hash[at])
}

/// The name of a file of this session.
pub(super) fn name(key: &SessionKey) -> String {
    hash(key).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(target_os = "linux")]
mod bytes {
    use std::{
        fs::{File, OpenOptions},
        io,
        os::unix::fs::OpenOptionsExt as _,
        path::PathBuf,
        sync::{Arc, OnceLock},
    };

    use nix::{
        errno::Errno,
        fcntl::{FcntlArg, fcntl},
        libc,
    };

    use super::{Path, SessionKey, hash};
    use crate::config::make_private;

    /// The file, opened by the first who needs it.
    #[derive(Debug)]
    pub(in super::super) struct Locks {
        path: PathBuf,
        file: OnceLock<Arc<File>>,
    }

    /// A session's byte, locked until this is dropped or the process is gone.
    #[derive(Debug)]
    pub(in super::super) struct Lock {
        file: Arc<File>,
        at: i64,
    }

    impl Locks {
        pub(in super::super) fn new(folder: &Path) -> Self {
            Self { path: folder.join("sessions"), file: OnceLock::new() }
        }

        /// The lock of a session that is not locked through this; `None` while another has it.
        pub(in super::super) fn try_acquire(&self, key: &SessionKey) -> io::Result<Option<Lock>> {
            let (file, at) = (self.file()?, place(key));
            match fcntl(file, FcntlArg::F_OFD_SETLK(&byte(libc::F_WRLCK, at))) {
                Ok(_) => Ok(Some(Lock { file: Arc::clone(file), at })),
                Err(Errno::EAGAIN | Errno::EACCES) => Ok(None),
                Err(error) => Err(error.into()),
            }
        }

        /// Whether another has it. Makes nothing.
        pub(in super::super) fn is_held(&self, key: &SessionKey) -> io::Result<bool> {
            if self.file.get().is_none() && !self.path.exists() {
                return Ok(false);
            }
            let mut found = byte(libc::F_WRLCK, place(key));
            fcntl(self.file()?, FcntlArg::F_OFD_GETLK(&mut found))?;
            Ok(i32::from(found.l_type) != libc::F_UNLCK)
        }

        fn file(&self) -> io::Result<&Arc<File>> {
            if let Some(file) = self.file.get() {
                return Ok(file);
            }
            make_private(self.path.parent().unwrap_or(Path::new(".")))?;
            let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&self.path)?;
            Ok(self.file.get_or_init(|| Arc::new(file)))
        }
    }

    impl Drop for Lock {
        fn drop(&mut self) {
            // It cannot fail for a lock that is held.
            let _ = fcntl(&self.file, FcntlArg::F_OFD_SETLK(&byte(libc::F_UNLCK, self.at)));
        }
    }

    /// Where the byte of a session is. So far apart that no two meet; the file stays empty all the same.
    fn place(key: &SessionKey) -> i64 {
        let [a, b, c, d, e, f, g, h, ..] = hash(key);
        i64::from_be_bytes([a, b, c, d, e, f, g, h]) & (i64::MAX >> 1)
    }

    fn byte(kind: i32, at: i64) -> libc::flock {
        #[expect(clippy::cast_possible_truncation, reason = "the kinds are 0, 1 and 2")]
        let l_type = kind as libc::c_short;
        libc::flock { l_type, l_whence: libc::SEEK_SET as libc::c_short, l_start: at, l_len: 1, l_pid: 0 }
    }
}

#[cfg(not(target_os = "linux"))]
mod files {
    use std::{io, path::PathBuf};

    use super::{Path, SessionKey, name};
    use crate::config::FileLock;

    pub(in super::super) type Lock = FileLock;

    /// A file each, as locks on a part of a file belong to a process there, and any of its closings ends them.
    #[derive(Debug)]
    pub(in super::super) struct Locks {
        folder: PathBuf,
    }

    impl Locks {
        pub(in super::super) fn new(folder: &Path) -> Self {
            Self { folder: folder.to_owned() }
        }

        pub(in super::super) fn try_acquire(&self, key: &SessionKey) -> io::Result<Option<Lock>> {
            FileLock::try_acquire(&self.folder.join(name(key)))
        }

        pub(in super::super) fn is_held(&self, key: &SessionKey) -> io::Result<bool> {
            FileLock::is_held(&self.folder.join(name(key)))
        }
    }
}
