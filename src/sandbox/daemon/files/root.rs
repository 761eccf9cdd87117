//! The workspace as a descriptor. Every path is resolved by the kernel beneath it and then operated on by descriptor,
//! never by a path that was looked at before.

use std::{
    ffi::OsStr,
    fs::File,
    io::{self, Read as _, Write},
    os::{fd::OwnedFd, unix::ffi::OsStrExt as _},
    path::{Component, Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use rustix::{
    fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags, Stat},
    io::Errno,
};

use super::FileError;

/// What a workspace is called inside a box, whatever the backend.
const WORKSPACE: &str = "/workspace";
/// As the kernel's PATH_MAX.
pub(super) const LONGEST: usize = 4096;
/// As the kernel's limit of symbolic links in a path.
const MOST_LINKS: usize = 40;
/// Most bytes of a file that is handled as text.
pub(super) const TEXT: u64 = 16 << 20;
/// Folders within folders.
pub(super) const DEEPEST: usize = 128;

/// Bytes that may be written.
type Room = Box<dyn Fn() -> u64 + Send + Sync>;

/// A folder that no operation leads out of.
pub(crate) struct Root {
    dir: OwnedFd,
    /// Where programs of the box see it.
    shown: PathBuf,
    /// Bytes that one request may write.
    most: u64,
    room: Room,
}

/// A folder and a name in it: where something is or is to be.
pub(super) struct Slot {
    pub(super) dir: OwnedFd,
    pub(super) name: PathBuf,
}

/// What `lstat` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Folder,
    File,
    Link,
    Other(&'static str),
}

impl Kind {
    pub(super) fn of(stat: &Stat) -> Self {
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => Self::Folder,
            FileType::RegularFile => Self::File,
            FileType::Symlink => Self::Link,
            FileType::Fifo => Self::Other("a pipe"),
            FileType::Socket => Self::Other("a socket"),
            FileType::CharacterDevice | FileType::BlockDevice => Self::Other("a device"),
            _ => Self::Other("something else"),
        }
    }
}

impl Root {
    /// `path` on this machine; programs of the box see it as `shown`.
    ///
    /// # Errors
    /// The folder cannot be opened.
    pub(crate) fn open(path: &Path, shown: impl Into<PathBuf>, most: u64) -> io::Result<Self> {
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
        let dir = rustix::fs::open(path, flags, Mode::empty())?;
        Ok(Self { dir, shown: shown.into(), most, room: Box::new(|| u64::MAX) })
    }

    /// The same, in which files are written as far as there is `room`, in bytes.
    pub(crate) fn within(self, room: Room) -> Self {
        Self { room, ..self }
    }

    pub(super) fn most(&self) -> u64 {
        self.most
    }

    pub(super) fn shown(&self) -> &Path {
        &self.shown
    }

    /// The path that programs of the box use for it.
    pub(super) fn show(&self, path: &Path) -> String {
        let plain: PathBuf = path.components().filter(|part| *part != Component::CurDir).collect();
        if plain.as_os_str().is_empty() {
            return self.shown.to_string_lossy().into_owned();
        }
        self.shown.join(plain).to_string_lossy().into_owned()
    }

    /// What the caller wrote, from the workspace; `.` for the workspace itself.
    ///
    /// # Errors
    /// What cannot be a path; an absolute path of another place.
    pub(super) fn locate(&self, path: &str) -> Result<PathBuf, FileError> {
        if path.contains('\0') {
            return Err(FileError::Invalid("a path cannot hold a NUL".to_owned()));
        }
        if path.len() >= LONGEST {
            return Err(FileError::Invalid(format!("a path is at most {LONGEST} bytes long")));
        }
        self.relative(Path::new(path)).ok_or_else(|| FileError::Outside(path.to_owned()))
    }

    fn relative(&self, path: &Path) -> Option<PathBuf> {
        let path = if path.is_absolute() {
            path.strip_prefix(&self.shown).or_else(|_| path.strip_prefix(WORKSPACE)).ok()?
        } else {
            path
        };
        let plain: PathBuf = path.components().filter(|part| *part != Component::CurDir).collect();
        Some(if plain.as_os_str().is_empty() { PathBuf::from(".") } else { plain })
    }

    /// Opens beneath the workspace. Symbolic links that stay inside are followed.
    pub(super) fn open_at(&self, path: &Path, flags: OFlags, extra: ResolveFlags) -> Result<OwnedFd, FileError> {
        let shown = || path.to_string_lossy().into_owned();
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS | extra;
        // EAGAIN: something was renamed meanwhile, so the kernel cannot say that `..` stayed inside.
        for _ in 0..64 {
            match rustix::fs::openat2(&self.dir, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve) {
                Err(Errno::AGAIN) => {}
                Err(Errno::XDEV) => return Err(FileError::Outside(shown())),
                Err(errno) => return Err(FileError::of(&shown())(errno)),
                Ok(file) => return Ok(file),
            }
        }
        Err(FileError::Outside(shown()))
    }

    pub(super) fn open_folder(&self, path: &Path) -> Result<OwnedFd, FileError> {
        self.open_at(path, OFlags::RDONLY | OFlags::DIRECTORY, ResolveFlags::empty())
    }

    /// What is at `path`, links followed.
    pub(super) fn stat(&self, path: &Path) -> Result<Stat, FileError> {
        let file = self.open_at(path, OFlags::PATH, ResolveFlags::empty())?;
        rustix::fs::fstat(&file).map_err(FileError::of(&path.to_string_lossy()))
    }

    /// A regular file to read, and what it is. Never waits for the other end of a pipe.
    pub(crate) fn open_file(&self, path: &str) -> Result<(File, Stat), FileError> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = self.open_at(&self.locate(path)?, flags, ResolveFlags::empty())?;
        let stat = rustix::fs::fstat(&file).map_err(FileError::of(path))?;
        match Kind::of(&stat) {
            Kind::File => Ok((file.into(), stat)),
            Kind::Folder => Err(FileError::IsFolder(path.to_owned())),
            Kind::Link => Err(FileError::NotRegular { path: path.to_owned(), kind: "a symbolic link" }),
            Kind::Other(kind) => Err(FileError::NotRegular { path: path.to_owned(), kind }),
        }
    }

    /// A whole file as text.
    pub(crate) fn read_text(&self, path: &str) -> Result<String, FileError> {
        let (file, stat) = self.open_file(path)?;
        let too_large = || FileError::TooLarge { what: format!("`{path}`"), most: TEXT };
        if size(&stat) > TEXT {
            return Err(too_large());
        }
        let mut bytes = Vec::new();
        file.take(TEXT + 1).read_to_end(&mut bytes).map_err(FileError::io(path))?;
        if bytes.len() as u64 > TEXT {
            return Err(too_large());
        }
        let size = bytes.len() as u64;
        String::from_utf8(bytes).map_err(|_| FileError::NotText { path: path.to_owned(), size })
    }

    /// The folder that holds `path`, and its name there; the last name may be free. With `follow`, a symbolic link
    /// there is followed to where it leads.
    pub(super) fn slot(&self, path: &Path, follow: bool, extra: ResolveFlags) -> Result<Slot, FileError> {
        let mut path = path.to_owned();
        let shown = path.to_string_lossy().into_owned();
        for _ in 0..MOST_LINKS {
            let Some(Component::Normal(name)) = path.components().next_back() else {
                return Err(FileError::Invalid(format!("`{shown}` does not end in a name")));
            };
            let name = PathBuf::from(name);
            let parent = parent(&path);
            let dir = self.open_at(&parent, OFlags::RDONLY | OFlags::DIRECTORY, extra)?;
            if !follow {
                return Ok(Slot { dir, name });
            }
            match rustix::fs::readlinkat(&dir, &name, Vec::new()) {
                // Not a link, or nothing at all.
                Err(Errno::INVAL | Errno::NOENT) => return Ok(Slot { dir, name }),
                Err(errno) => return Err(FileError::of(&shown)(errno)),
                Ok(target) => {
                    let target = Path::new(OsStr::from_bytes(target.as_bytes()));
                    path = if target.is_absolute() {
                        self.relative(target).ok_or_else(|| FileError::Outside(shown.clone()))?
                    } else {
                        parent.join(target)
                    };
                }
            }
        }
        Err(FileError::of(&shown)(Errno::LOOP))
    }

    /// Makes a folder and those above it. `false` where it was there.
    pub(super) fn make_folders(&self, path: &Path, extra: ResolveFlags) -> Result<bool, FileError> {
        let mut made = false;
        let mut so_far = PathBuf::new();
        for (depth, part) in path.components().enumerate() {
            if depth > DEEPEST {
                return Err(FileError::TooDeep(path.to_string_lossy().into_owned()));
            }
            so_far.push(part);
            let flags = OFlags::RDONLY | OFlags::DIRECTORY;
            match self.open_at(&so_far, flags, extra) {
                Ok(_) => {}
                Err(FileError::NotFound(_)) => {
                    let shown = so_far.to_string_lossy().into_owned();
                    let dir = self.open_at(&parent(&so_far), flags, extra)?;
                    match rustix::fs::mkdirat(&dir, part.as_os_str(), Mode::from_raw_mode(0o777)) {
                        Ok(()) => made = true,
                        Err(Errno::EXIST) => drop(self.open_at(&so_far, flags, extra)?),
                        Err(errno) => return Err(FileError::of(&shown)(errno)),
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(made)
    }

    /// A file to be filled, which takes the place of `path` when it is committed.
    ///
    /// # Errors
    /// A folder or no folder in the way.
    pub(super) fn stage(&self, path: &Path, extra: ResolveFlags) -> Result<Staged, FileError> {
        let shown = path.to_string_lossy().into_owned();
        let follow = !extra.contains(ResolveFlags::NO_SYMLINKS);
        let Slot { dir, name } = self.slot(path, follow, extra)?;
        let mut replaced = 0;
        let mode = match rustix::fs::statat(&dir, &name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => None,
            Err(errno) => return Err(FileError::of(&shown)(errno)),
            Ok(stat) => match Kind::of(&stat) {
                Kind::Folder => return Err(FileError::IsFolder(shown)),
                Kind::File => {
                    // Of a file that has another name as well nothing becomes free.
                    replaced = if stat.st_nlink == 1 { size(&stat) } else { 0 };
                    Some(Mode::from_raw_mode(stat.st_mode & 0o777))
                }
                Kind::Link => None,
                Kind::Other(kind) => return Err(FileError::NotRegular { path: shown, kind }),
            },
        };
        let room = self.room(&shown, replaced)?;
        let (temporary, file) = temporary(&dir).map_err(FileError::of(&shown))?;
        let staged =
            Staged { dir, name, temporary: Some(temporary), file, room, most: self.most, largest: self.most, shown };
        if let Some(mode) = mode {
            rustix::fs::fchmod(&staged.file, mode).map_err(FileError::of(&staged.shown))?;
        }
        Ok(staged)
    }

    /// Bytes that may be written where so many become free.
    fn room(&self, shown: &str, replaced: u64) -> Result<u64, FileError> {
        match (self.room)().saturating_add(replaced) {
            0 => Err(FileError::NoSpace(shown.to_owned())),
            room => Ok(room),
        }
    }

    /// A file without a name, gone when it is closed; and the bytes that may be written to it.
    pub(super) fn scratch(&self) -> Result<(File, u64), FileError> {
        let room = self.room(".", 0)?;
        let (name, file) = temporary(&self.dir).map_err(FileError::of("."))?;
        rustix::fs::unlinkat(&self.dir, &name, AtFlags::empty()).map_err(FileError::of("."))?;
        Ok((file, room))
    }
}

/// A new file beside what it is to replace, so that it can be renamed over it.
fn temporary(dir: &OwnedFd) -> Result<(PathBuf, File), Errno> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = PathBuf::from(format!("{TEMPORARY}{}-{number}", std::process::id()));
        match rustix::fs::openat(dir, &name, flags, Mode::from_raw_mode(0o666)) {
            Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno),
            Ok(file) => return Ok((name, file.into())),
        }
    }
}

/// How the names of files begin that are not finished.
pub(crate) const TEMPORARY: &str = ".agentscope-partial-";

/// The folder of a path; `.` for a name alone.
pub(super) fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

pub(super) fn size(stat: &Stat) -> u64 {
    u64::try_from(stat.st_size).unwrap_or_default()
}

/// A file that is not in its place yet. Dropping it undoes it.
pub(super) struct Staged {
    dir: OwnedFd,
    name: PathBuf,
    temporary: Option<PathBuf>,
    file: File,
    /// Bytes that may still be written to it: so many are free, and so large may one be.
    room: u64,
    most: u64,
    largest: u64,
    shown: String,
}

impl Staged {
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Counts what is about to be written.
    pub(super) fn take(&mut self, bytes: u64) -> Result<(), FileError> {
        let (Some(most), room) = (self.most.checked_sub(bytes), self.room.checked_sub(bytes)) else {
            return Err(FileError::TooLarge { what: format!("`{}`", self.shown), most: self.largest });
        };
        self.most = most;
        self.room = room.ok_or_else(|| FileError::NoSpace(self.shown.clone()))?;
        Ok(())
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        self.take(bytes.len() as u64)?;
        (&self.file).write_all(bytes).map_err(FileError::io(&self.shown))
    }

    /// Puts it in its place, at once and whole.
    pub(super) fn commit(mut self) -> Result<(), FileError> {
        let Some(temporary) = &self.temporary else { return Ok(()) };
        rustix::fs::renameat(&self.dir, temporary, &self.dir, &self.name).map_err(FileError::of(&self.shown))?;
        self.temporary = None;
        Ok(())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if let Some(temporary) = &self.temporary {
            let _ = rustix::fs::unlinkat(&self.dir, temporary, AtFlags::empty());
        }
    }
}
