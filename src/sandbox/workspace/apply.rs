//! Makes changes happen below a folder.

use std::{
    ffi::OsString,
    fs::File,
    io,
    path::{Path, PathBuf},
};

use rustix::fs::{self, AtFlags, Gid, Mode, OFlags, Timespec, Timestamps, Uid};

use super::{
    folder::{Folder, is_absent},
    journal::Journal,
    overlay::Refused,
    state::{Change, State, copy},
};

/// Where the new contents come from.
pub(super) enum Source<'a> {
    /// The same path of another folder. Files keep their time of modification: builds go by it.
    Folder(&'a Folder),
    Journal(&'a Journal),
    /// A folder that has the content of the change with index N as `N`. Files keep their time of modification.
    Staged(&'a Folder),
}

/// How changes are made.
pub(super) struct Apply<'a> {
    pub(super) root: &'a Folder,
    pub(super) source: Source<'a>,
    /// Given to everything that is made, where it is not ours anyway.
    pub(super) owner: Option<(Uid, Gid)>,
    /// Of temporary files, so that those of a process that was killed can be found again: the number of the record.
    pub(super) tag: u64,
}

/// A change that could not be made.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) path: PathBuf,
    pub(super) error: io::Error,
}

impl Failure {
    /// What to say of it; nothing of a folder that stays because the user has something of their own in it.
    pub(super) fn refused(self) -> Option<Refused> {
        let said = self.error.kind() != io::ErrorKind::DirectoryNotEmpty;
        said.then(|| Refused { path: self.path, reason: self.error.to_string() })
    }
}

impl Apply<'_> {
    /// Makes `changes`, sorted by path, as far as they can be made.
    pub(super) fn run(&self, changes: &[Change]) -> Vec<Failure> {
        let mut failures = vec![];
        let mut attempt = |path: &Path, result: io::Result<()>| {
            if let Err(error) = result {
                failures.push(Failure { path: path.to_owned(), error });
            }
        };
        // What is in a folder goes before the folder, and both before what takes their place.
        for change in changes.iter().rev() {
            let replaced = change.before.is_folder() != change.after.is_folder();
            if !change.before.is_absent() && (change.after.is_absent() || replaced) {
                attempt(&change.path, self.remove(change));
            }
        }
        for (index, change) in changes.iter().enumerate() {
            attempt(&change.path, self.make(change, index));
        }
        // Last, as a folder may become one in which nothing can be made.
        for change in changes.iter().rev() {
            if let State::Folder { mode } = change.after {
                attempt(&change.path, self.set_mode(&change.path, mode));
            }
        }
        failures
    }

    fn remove(&self, change: &Change) -> io::Result<()> {
        let flags = if change.before.is_folder() { AtFlags::REMOVEDIR } else { AtFlags::empty() };
        let removed = self.root.parent(&change.path).and_then(|(folder, name)| Ok(fs::unlinkat(&folder, name, flags)?));
        match removed {
            Err(error) if is_absent(&error) => Ok(()),
            other => other,
        }
    }

    fn make(&self, change: &Change, index: usize) -> io::Result<()> {
        let path = &change.path;
        match &change.after {
            State::Absent => Ok(()),
            State::Special => Err(io::Error::other("devices, FIFOs and sockets stay in the sandbox")),
            State::Folder { .. } => self.make_folder(path),
            State::Link { target } => {
                let (folder, name) = self.root.parent_or_make(path)?;
                let temporary = temporary_name(self.tag, index);
                fs::symlinkat(target, &folder, &temporary)?;
                if let Some((uid, gid)) = self.owner {
                    fs::chownat(&folder, &temporary, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?;
                }
                put(&folder, &temporary, name)
            }
            State::File { mode, .. } => {
                let (folder, name) = self.root.parent_or_make(path)?;
                let temporary = temporary_name(self.tag, index);
                let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let file = File::from(fs::openat(&folder, &temporary, flags, Mode::from_raw_mode(0o600))?);
                let filled = self.fill(file, change, index, *mode);
                filled.and_then(|()| put(&folder, &temporary, name)).inspect_err(|_| {
                    let _ = fs::unlinkat(&folder, &temporary, AtFlags::empty());
                })
            }
        }
    }

    fn fill(&self, mut file: File, change: &Change, index: usize, mode: u32) -> io::Result<()> {
        let State::File { hash, .. } = &change.after else { return Ok(()) };
        let mut from = match self.source {
            Source::Folder(folder) => folder.read(&change.path)?,
            Source::Journal(journal) => journal.content(hash)?,
            Source::Staged(folder) => folder.read(Path::new(&index.to_string()))?,
        };
        let (_, found) = copy(&mut from, &mut file)?;
        if found != *hash {
            return Err(io::Error::other("its content changed while it was read"));
        }
        if let Some((uid, gid)) = self.owner {
            fs::fchown(&file, Some(uid), Some(gid))?;
        }
        fs::fchmod(&file, Mode::from_raw_mode(mode))?;
        if !matches!(self.source, Source::Journal(_)) {
            let stat = fs::fstat(&from)?;
            let time = Timespec { tv_sec: stat.st_mtime, tv_nsec: stat.st_mtime_nsec as _ };
            fs::futimens(&file, &Timestamps { last_access: time, last_modification: time })?;
        }
        Ok(())
    }

    fn make_folder(&self, path: &Path) -> io::Result<()> {
        let (folder, name) = self.root.parent_or_make(path)?;
        match fs::mkdirat(&folder, name, Mode::from_raw_mode(0o700)) {
            Ok(()) => {}
            // Also something else: then setting its mode fails.
            Err(rustix::io::Errno::EXIST) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        if let Some((uid, gid)) = self.owner {
            fs::chownat(&folder, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?;
        }
        Ok(())
    }

    fn set_mode(&self, path: &Path, mode: u32) -> io::Result<()> {
        Ok(fs::fchmod(&self.root.at(path)?, Mode::from_raw_mode(mode))?)
    }
}

/// Takes the place of `name`, whole.
fn put(folder: &Folder, temporary: &OsString, name: &std::ffi::OsStr) -> io::Result<()> {
    Ok(fs::renameat(folder, temporary, folder, name)?)
}

fn temporary_name(tag: u64, index: usize) -> OsString {
    format!(".agentscope-{tag}-{index}.tmp").into()
}

/// Removes the temporary files that a process left which was killed while it made `changes`.
pub(super) fn clean_up(root: &Folder, tag: u64, changes: &[Change]) {
    for (index, change) in changes.iter().enumerate() {
        if let Ok((folder, _)) = root.parent(&change.path) {
            let _ = fs::unlinkat(&folder, temporary_name(tag, index), AtFlags::empty());
        }
    }
}
