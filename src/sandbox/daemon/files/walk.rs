//! What is in a folder and below it.

use std::{
    ffi::OsStr,
    os::{
        fd::{AsFd, OwnedFd},
        unix::ffi::OsStrExt as _,
    },
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use rustix::fs::{AtFlags, Dir, Mode, OFlags, ResolveFlags, Stat};

use super::{
    FileError,
    root::{DEEPEST, Kind, Root},
};

/// Most things that one walk looks at.
pub(super) const MOST: usize = 100_000;
/// How long one walk may take.
const TIME: Duration = Duration::from_secs(20);

/// One thing in a folder, as `lstat` sees it.
pub(super) struct Item {
    /// From where the walk began.
    pub(super) path: PathBuf,
    /// Levels below where the walk began; 1 for what stands in the folder itself.
    pub(super) depth: usize,
    pub(super) kind: Kind,
    pub(super) stat: Stat,
}

impl Item {
    pub(super) fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

/// What to do after an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Into it, where it is a folder.
    Enter,
    Skip,
    Stop,
}

/// Why a walk ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Complete,
    Stopped,
    /// Too much to see in the time, more than [`MOST`], or deeper than anybody nests folders.
    Cut,
}

/// Shows `see` all that is below `folder`: by name, a folder before what it holds. Symbolic links are not followed, and
/// what cannot be opened, or is gone by then, is passed over. The folder that an item is in comes with it.
pub(super) fn walk<S>(root: &Root, folder: &Path, see: S) -> Result<End, FileError>
where
    S: FnMut(&Item, &OwnedFd) -> Result<Next, FileError>,
{
    walk_for(TIME, root, folder, see)
}

/// As [`walk`], for at most `time`.
pub(super) fn walk_for<S>(time: Duration, root: &Root, folder: &Path, mut see: S) -> Result<End, FileError>
where
    S: FnMut(&Item, &OwnedFd) -> Result<Next, FileError>,
{
    let dir = root.open_folder(folder)?;
    let mut walk = Walk { see: &mut see, seen: 0, until: Instant::now() + time, cut: false };
    let stopped = walk.folder(&dir, Path::new(""), 1)?;
    Ok(if stopped {
        End::Stopped
    } else if walk.cut {
        End::Cut
    } else {
        End::Complete
    })
}

struct Walk<'a, S> {
    see: &'a mut S,
    seen: usize,
    until: Instant,
    cut: bool,
}

impl<S: FnMut(&Item, &OwnedFd) -> Result<Next, FileError>> Walk<'_, S> {
    /// `true` to go no further.
    fn folder(&mut self, dir: &OwnedFd, at: &Path, depth: usize) -> Result<bool, FileError> {
        let Ok(names) = names(dir, MOST - self.seen.min(MOST)) else { return Ok(false) };
        for name in names {
            if self.seen >= MOST || Instant::now() > self.until {
                self.cut = true;
                return Ok(false);
            }
            self.seen += 1;
            let Ok(stat) = rustix::fs::statat(dir, &name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
            let item = Item { path: at.join(&name), depth, kind: Kind::of(&stat), stat };
            let next = (self.see)(&item, dir)?;
            if next == Next::Stop {
                return Ok(true);
            }
            if next == Next::Skip || item.kind != Kind::Folder {
                continue;
            }
            if depth >= DEEPEST {
                self.cut = true;
                continue;
            }
            let Ok(below) = open_child(dir, &name) else { continue };
            if self.folder(&below, &item.path, depth + 1)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// A folder in a folder, not by way of a link.
pub(super) fn open_child(dir: &OwnedFd, name: &Path) -> Result<OwnedFd, rustix::io::Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat2(dir, name, flags, Mode::empty(), ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS)
}

/// The names in a folder, sorted; one more than `most` where there are more.
pub(super) fn names(dir: &impl AsFd, most: usize) -> Result<Vec<PathBuf>, rustix::io::Errno> {
    let mut names = vec![];
    for entry in Dir::read_from(dir)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            names.push(PathBuf::from(OsStr::from_bytes(name)));
        }
        if names.len() > most {
            break;
        }
    }
    names.sort();
    Ok(names)
}
