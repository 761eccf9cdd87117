//! A folder held by its descriptor. What is below it is reached part by part, and a link is never followed: not even
//! somebody who swaps links while we look can lead us out.

use std::{
    ffi::{OsStr, OsString},
    fs::File,
    io,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::ffi::{OsStrExt as _, OsStringExt as _},
    },
    path::{Component, Path},
};

use rustix::fs::{self, AtFlags, FileType, Mode, OFlags};
use serde::{Deserialize, Serialize};

pub(super) struct Folder(OwnedFd);

/// Folders within folders that are looked into. A program can nest them without end, and who follows it runs out of stack,
/// of descriptors or of time.
pub(super) const DEEPEST: usize = 256;

/// What is said of a folder that is not looked into.
pub(super) const TOO_DEEP: &str = "too many folders within folders";

/// Whether what is in the folder at `path` is left alone.
pub(super) fn is_too_deep(path: &Path) -> bool {
    path.components().count() >= DEEPEST
}

/// What can be told of an entry without reading it; equal stamps mean an unchanged entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stamp {
    pub(super) kind: Kind,
    /// The nine permission bits.
    pub(super) mode: u32,
    pub(super) inode: u64,
    pub(super) size: u64,
    /// Nanoseconds since 1970, as the file system has them.
    pub(super) modified: i64,
    pub(super) changed: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    File,
    Folder,
    Link,
    /// How an overlay remembers that something was deleted: a character device 0:0
    /// (Documentation/filesystems/overlayfs.rst, "whiteouts and opaque directories").
    Whiteout,
    /// A device, FIFO or socket.
    Special,
}

impl Folder {
    /// Links in `path` itself are followed: it is the user's own word.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self(fs::open(path, flags, Mode::empty())?))
    }

    fn child(&self, name: &OsStr) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(Self(fs::openat(&self.0, name, flags, Mode::empty())?))
    }

    /// The folder at `path`, which may be empty.
    pub(super) fn at(&self, path: &Path) -> io::Result<Self> {
        let mut folder = Self(self.0.try_clone()?);
        for part in path.components() {
            let Component::Normal(name) = part else { return Err(io::ErrorKind::InvalidInput.into()) };
            folder = folder.child(name)?;
        }
        Ok(folder)
    }

    /// The folder that holds `path`, and the name of `path` in it.
    pub(super) fn parent<'p>(&self, path: &'p Path) -> io::Result<(Self, &'p OsStr)> {
        let (Some(parent), Some(Component::Normal(name))) = (path.parent(), path.components().next_back()) else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        Ok((self.at(parent)?, name))
    }

    /// As [`parent`](Self::parent); folders that are missing on the way are made.
    pub(super) fn parent_or_make<'p>(&self, path: &'p Path) -> io::Result<(Self, &'p OsStr)> {
        let found = self.parent(path);
        let Err(error) = &found else { return found };
        let Some(above) = path.parent().filter(|_| error.kind() == io::ErrorKind::NotFound) else { return found };
        let (folder, name) = self.parent_or_make(above)?;
        match fs::mkdirat(&folder, name, Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => self.parent(path),
            Err(error) => Err(error.into()),
        }
    }

    /// The names in it, sorted.
    pub(super) fn names(&self) -> io::Result<Vec<OsString>> {
        let mut names = vec![];
        for entry in fs::Dir::read_from(&self.0)? {
            let name = entry?.file_name().to_bytes().to_vec();
            if name != b"." && name != b".." {
                names.push(OsString::from_vec(name));
            }
        }
        names.sort();
        Ok(names)
    }

    /// `None` where nothing is there, or where something that is no folder stands in the way.
    pub(super) fn stamp(&self, path: &Path) -> io::Result<Option<Stamp>> {
        let (folder, name) = match self.parent(path) {
            Ok(found) => found,
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        match fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(Stamp::of(&stat))),
            Err(rustix::io::Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Opens a regular file. Nothing else is opened, and nothing is waited for.
    pub(super) fn read(&self, path: &Path) -> io::Result<File> {
        let (folder, name) = self.parent(path)?;
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = File::from(fs::openat(&folder, name, flags, Mode::empty())?);
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("not a regular file"));
        }
        Ok(file)
    }

    /// Where the link at `path` points to.
    pub(super) fn target(&self, path: &Path) -> io::Result<OsString> {
        let (folder, name) = self.parent(path)?;
        Ok(OsString::from_vec(fs::readlinkat(&folder, name, vec![])?.into_bytes()))
    }

    /// The owner of the folder.
    pub(super) fn owner(&self) -> io::Result<(fs::Uid, fs::Gid)> {
        let stat = fs::fstat(&self.0)?;
        Ok((fs::Uid::from_raw(stat.st_uid), fs::Gid::from_raw(stat.st_gid)))
    }

    /// The value of an extended attribute of the folder, where it has it.
    pub(super) fn attribute(&self, name: &str) -> Option<Vec<u8>> {
        let mut value = [0; 16];
        let length = fs::fgetxattr(&self.0, name, &mut value[..]).ok()?;
        value.get(..length).map(<[u8]>::to_vec)
    }
}

impl AsFd for Folder {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Stamp {
    fn of(stat: &fs::Stat) -> Self {
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Kind::File,
            FileType::Directory => Kind::Folder,
            FileType::Symlink => Kind::Link,
            FileType::CharacterDevice if stat.st_rdev == 0 => Kind::Whiteout,
            _ => Kind::Special,
        };
        let nanoseconds = |seconds: i64, rest: i64| seconds.saturating_mul(1_000_000_000).saturating_add(rest);
        Self {
            kind,
            mode: stat.st_mode & 0o777,
            inode: stat.st_ino,
            size: u64::try_from(stat.st_size).unwrap_or_default(),
            modified: nanoseconds(stat.st_mtime, i64::try_from(stat.st_mtime_nsec).unwrap_or_default()),
            changed: nanoseconds(stat.st_ctime, i64::try_from(stat.st_ctime_nsec).unwrap_or_default()),
        }
    }

    /// Whether nothing happened between the two. Of a folder only what is its own counts, not what is in it.
    pub(super) fn same(self, other: Self) -> bool {
        if self.kind == Kind::Folder {
            return (self.kind, self.mode, self.inode) == (other.kind, other.mode, other.inode);
        }
        self == other
    }
}

/// Whether nothing happened between the two, of which either may be nothing.
pub(super) fn same(one: Option<Stamp>, other: Option<Stamp>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one.same(other),
        (None, None) => true,
        _ => false,
    }
}

/// Whether the error means that there is nothing of the name.
pub(super) fn is_absent(error: &io::Error) -> bool {
    // A link on the way is ELOOP or ENOTDIR, as the system pleases.
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
        || error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
}

/// Paths and names in JSON: text where they are text, else bytes.
pub(super) mod lossless {
    use super::*;
    use serde::{Deserializer, Serializer, de::Error as _};

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Name {
        Text(String),
        Bytes(Vec<u8>),
    }

    pub(in crate::sandbox::workspace) fn serialize<S: Serializer>(
        name: &impl AsRef<OsStr>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match name.as_ref().to_str() {
            Some(text) => serializer.serialize_str(text),
            None => serializer.collect_seq(name.as_ref().as_bytes()),
        }
    }

    pub(in crate::sandbox::workspace) fn deserialize<'de, D: Deserializer<'de>, T: From<OsString>>(
        deserializer: D,
    ) -> Result<T, D::Error> {
        let name = Name::deserialize(deserializer).map_err(|_| D::Error::custom("neither text nor bytes"))?;
        Ok(T::from(match name {
            Name::Text(text) => OsString::from(text),
            Name::Bytes(bytes) => OsString::from_vec(bytes),
        }))
    }
}
