//! What is done with files, but for reading and writing them.

use std::path::Path;

use jiff::Timestamp;
use rustix::{
    fs::{AtFlags, FileType, OFlags, RenameFlags, ResolveFlags, Stat, StatxFlags, StatxTimestamp},
    io::Errno,
};
use serde::Serialize;

use super::{
    FileError,
    root::{DEEPEST, Kind, Root, Slot, parent, size},
    walk::{End, Next, names, open_child, walk},
};

/// Most entries of one list.
const MOST_LISTED: usize = 20_000;

/// Something in the workspace, in the shape of the Python runtime's API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct Entry {
    /// Absolute, as programs of the box see it.
    pub path: String,
    pub name: String,
    #[serde(rename = "type")]
    pub kind: EntryKind,
    /// In bytes; of files only.
    pub size: Option<u64>,
    /// When its content last changed, in milliseconds since 1970.
    pub mtime_ms: i64,
}

/// What a thing is once links are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    Dir,
    File,
    /// A link that leads nowhere, or out of the workspace.
    Symlink,
    Other,
}

/// All that is known of a thing.
#[derive(Clone, Debug)]
pub(crate) struct Info {
    pub(crate) size: u64,
    /// Where the file system keeps it.
    pub(crate) created: Option<Timestamp>,
    pub(crate) modified: Timestamp,
    pub(crate) accessed: Timestamp,
    pub(crate) is_folder: bool,
    pub(crate) is_file: bool,
    /// Who may read, write and execute.
    pub(crate) mode: u32,
}

/// What a move does to what is at its destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Onto {
    Replace,
    /// There must be nothing.
    Nothing,
}

impl Root {
    /// What is at `path`.
    pub(crate) fn entry(&self, path: &str) -> Result<Entry, FileError> {
        self.entry_of(&self.locate(path)?)
    }

    fn entry_of(&self, path: &Path) -> Result<Entry, FileError> {
        match self.stat(path) {
            Ok(stat) => Ok(self.describe(path, &stat)),
            Err(error @ (FileError::NotFound(_) | FileError::Outside(_) | FileError::Invalid(_))) => {
                // It may still be a link that leads to nothing, or to another place.
                let link = self.open_at(path, OFlags::PATH | OFlags::NOFOLLOW, ResolveFlags::empty());
                let stat = link.and_then(|link| rustix::fs::fstat(&link).map_err(FileError::of("")));
                match stat {
                    Ok(stat) if Kind::of(&stat) == Kind::Link => Ok(self.describe(path, &stat)),
                    _ => Err(error),
                }
            }
            Err(error) => Err(error),
        }
    }

    pub(super) fn describe(&self, path: &Path, stat: &Stat) -> Entry {
        let kind = match Kind::of(stat) {
            Kind::Folder => EntryKind::Dir,
            Kind::File => EntryKind::File,
            Kind::Link => EntryKind::Symlink,
            Kind::Other(_) => EntryKind::Other,
        };
        let path = self.show(path);
        Entry {
            name: Path::new(&path).file_name().unwrap_or_default().to_string_lossy().into_owned(),
            path,
            kind,
            size: (kind == EntryKind::File).then(|| size(stat)),
            mtime_ms: millis(stat),
        }
    }

    /// All that is known of what is at `path`, links followed.
    pub(crate) fn info(&self, path: &str) -> Result<Info, FileError> {
        let file = self.open_at(&self.locate(path)?, OFlags::PATH, ResolveFlags::empty())?;
        let mask = StatxFlags::BASIC_STATS | StatxFlags::BTIME;
        let stat = rustix::fs::statx(&file, "", AtFlags::EMPTY_PATH, mask).map_err(FileError::of(path))?;
        let time = |time: StatxTimestamp| {
            let nanos = i32::try_from(time.tv_nsec).unwrap_or_default();
            Timestamp::new(time.tv_sec, nanos).unwrap_or(Timestamp::UNIX_EPOCH)
        };
        let kind = FileType::from_raw_mode(stat.stx_mode.into());
        let has_birth = StatxFlags::from_bits_retain(stat.stx_mask).contains(StatxFlags::BTIME);
        Ok(Info {
            size: stat.stx_size,
            created: has_birth.then(|| time(stat.stx_btime)),
            modified: time(stat.stx_mtime),
            accessed: time(stat.stx_atime),
            is_folder: kind == FileType::Directory,
            is_file: kind == FileType::RegularFile,
            mode: u32::from(stat.stx_mode) & 0o777,
        })
    }

    /// What is in a folder, and below it down to `depth`: 1 for the folder alone.
    pub(crate) fn list(&self, path: &str, depth: usize) -> Result<Vec<Entry>, FileError> {
        let folder = self.locate(path)?;
        let mut entries = vec![];
        let end = walk(self, &folder, |item, _| {
            if entries.len() == MOST_LISTED {
                return Ok(Next::Stop);
            }
            let below = folder.join(&item.path);
            entries.push(match item.kind {
                Kind::Link => self.entry_of(&below).unwrap_or_else(|_| self.describe(&below, &item.stat)),
                Kind::Folder | Kind::File | Kind::Other(_) => self.describe(&below, &item.stat),
            });
            Ok(if item.depth < depth { Next::Enter } else { Next::Skip })
        })?;
        match end {
            End::Complete => Ok(entries),
            End::Stopped | End::Cut => Err(FileError::TooMany { what: format!("`{path}`"), most: MOST_LISTED }),
        }
    }

    /// Whether something is there, be it a link that leads nowhere.
    pub(crate) fn exists(&self, path: &str) -> Result<bool, FileError> {
        match self.entry(path) {
            Ok(_) => Ok(true),
            Err(FileError::NotFound(_) | FileError::NotFolder(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Makes a folder and those above it; `false` where it was there.
    pub(crate) fn mkdir(&self, path: &str) -> Result<bool, FileError> {
        self.make_folders(&self.locate(path)?, ResolveFlags::empty())
    }

    /// Moves a file, folder or link. The folder that it moves to is made where `parents` says so.
    pub(crate) fn rename(&self, from: &str, to: &str, onto: Onto, parents: bool) -> Result<Entry, FileError> {
        let source = self.slot(&self.locate(from)?, false, ResolveFlags::empty())?;
        rustix::fs::statat(&source.dir, &source.name, AtFlags::SYMLINK_NOFOLLOW).map_err(FileError::of(from))?;
        let place = self.locate(to)?;
        if parents {
            self.make_folders(&parent(&place), ResolveFlags::empty())?;
        }
        let target = self.slot(&place, false, ResolveFlags::empty())?;
        let flags = match onto {
            Onto::Replace => RenameFlags::empty(),
            Onto::Nothing => RenameFlags::NOREPLACE,
        };
        rustix::fs::renameat_with(&source.dir, &source.name, &target.dir, &target.name, flags).map_err(|errno| {
            match errno {
                Errno::INVAL => FileError::Invalid(format!("`{from}` cannot be moved into itself")),
                Errno::XDEV => FileError::Invalid(format!("`{from}` and `{to}` are on different file systems")),
                errno => FileError::of(to)(errno),
            }
        })?;
        self.entry_of(&place)
    }

    /// Removes a file, a link, or a folder with all that it holds; nothing there is fine.
    pub(crate) fn remove(&self, path: &str) -> Result<(), FileError> {
        let place = self.locate(path)?;
        let Slot { dir, name } = match self.slot(&place, false, ResolveFlags::empty()) {
            Ok(slot) => slot,
            Err(FileError::NotFound(_) | FileError::NotFolder(_)) => return Ok(()),
            Err(error) => return Err(error),
        };
        match rustix::fs::unlinkat(&dir, &name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(Errno::ISDIR) => remove_folder(&dir, &name, 0, path),
            Err(errno) => Err(FileError::of(path)(errno)),
        }
    }
}

fn remove_folder(dir: &std::os::fd::OwnedFd, name: &Path, depth: usize, path: &str) -> Result<(), FileError> {
    if depth > DEEPEST {
        return Err(FileError::TooDeep(path.to_owned()));
    }
    let failed = FileError::of(path);
    let folder = match open_child(dir, name) {
        Err(Errno::NOENT) => return Ok(()),
        folder => folder.map_err(&failed)?,
    };
    for child in names(&folder, usize::MAX - 1).map_err(&failed)? {
        match rustix::fs::unlinkat(&folder, &child, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(Errno::ISDIR) => remove_folder(&folder, &child, depth + 1, path)?,
            Err(errno) => return Err(failed(errno)),
        }
    }
    match rustix::fs::unlinkat(dir, name, AtFlags::REMOVEDIR) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(errno) => Err(failed(errno)),
    }
}

fn millis(stat: &Stat) -> i64 {
    let nanos = i64::try_from(stat.st_mtime_nsec).unwrap_or_default();
    stat.st_mtime.saturating_mul(1000).saturating_add(nanos / 1_000_000)
}
