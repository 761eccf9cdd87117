//! Folders as tar archives, out of the workspace and into it.
//!
//! An archive that comes in is read twice: nothing is written before all of it was seen to be harmless.

use std::{
    cell::Cell,
    collections::HashMap,
    ffi::OsStr,
    fs::File,
    io::{self, Read, Seek as _, Write},
    os::{
        fd::OwnedFd,
        unix::ffi::{OsStrExt as _, OsStringExt as _},
    },
    path::{Component, Path, PathBuf},
    rc::Rc,
};

use flate2::read::MultiGzDecoder;
use rustix::{
    fs::{AtFlags, Mode, OFlags, ResolveFlags, Timespec, Timestamps},
    io::Errno,
};
use tar::{Archive, Builder, EntryType, Header};

use super::{
    FileError, Names,
    root::{Kind, LONGEST, Root, Slot, parent, size},
    walk::{End, Item, MOST, Next, walk},
};

/// Most bytes of names and other headers between two files of an archive.
const HEADERS: u64 = 1 << 20;
/// Most entries of an archive.
const MOST_ENTRIES: usize = 50_000;

/// What an archive held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Extracted {
    pub files: usize,
    pub folders: usize,
    pub links: usize,
    /// Of all files together.
    pub bytes: u64,
}

impl Root {
    /// What [`Root::pack`] would write: bytes of files. To be asked before the first byte leaves.
    pub(crate) fn weigh(&self, path: &str) -> Result<u64, FileError> {
        let place = self.locate(path)?;
        let stat = self.stat(&place)?;
        let mut total = 0u64;
        if let Kind::Other(kind) = Kind::of(&stat) {
            return Err(FileError::NotRegular { path: path.to_owned(), kind });
        }
        if Kind::of(&stat) == Kind::Folder {
            let end = walk(self, &place, |item, _| {
                if item.kind == Kind::File {
                    total = total.saturating_add(size(&item.stat));
                }
                Ok(Next::Enter)
            })?;
            if end != End::Complete {
                return Err(FileError::TooMany { what: format!("`{path}`"), most: MOST });
            }
        } else if let Kind::Other(kind) = Kind::of(&stat) {
            return Err(FileError::NotRegular { path: path.to_owned(), kind });
        } else {
            total = size(&stat);
        }
        if total > self.most() {
            return Err(FileError::TooLarge { what: format!("`{path}`"), most: self.most() });
        }
        Ok(total)
    }

    /// Writes what is at `path` as a tar archive, named as it is named there: a file alone, or a folder with all below.
    /// Symbolic links stay links; sockets, pipes and devices are left out.
    pub(crate) fn pack(&self, path: &str, to: impl Write) -> Result<(), FileError> {
        let place = self.locate(path)?;
        let top = PathBuf::from(place.file_name().unwrap_or_else(|| OsStr::new(".")));
        self.pack_as(path, &top, to)
    }

    /// As [`Root::pack`], under the name `top`.
    pub(crate) fn pack_as(&self, path: &str, top: &Path, to: impl Write) -> Result<(), FileError> {
        let failed = FileError::io(path);
        let mut tar = Builder::new(to);
        let place = self.locate(path)?;
        let stat = self.stat(&place)?;
        match Kind::of(&stat) {
            Kind::Folder => {
                let mut header = header(EntryType::Directory, &stat, 0);
                tar.append_data(&mut header, top, io::empty()).map_err(&failed)?;
                walk(self, &place, |item, dir| {
                    add(&mut tar, top, item, dir).map_err(&failed)?;
                    Ok(Next::Enter)
                })?;
            }
            _ => {
                let (file, stat) = self.open_file(path)?;
                let length = size(&stat);
                let mut header = header(EntryType::Regular, &stat, length);
                tar.append_data(&mut header, top, exactly(file, length)).map_err(&failed)?;
            }
        }
        tar.into_inner().and_then(|mut to| to.flush()).map_err(&failed)
    }

    /// Extracts a tar archive, compressed by gzip or not, into the folder `path`, which is made where it is not there.
    ///
    /// # Errors
    /// [`FileError::Archive`], [`FileError::TooLarge`], [`FileError::TooMany`]: then nothing was written. Where
    /// anything else is wrong, such as a full disk, what was written stays.
    pub(crate) fn unpack(&self, path: &str, archive: &mut File) -> Result<Extracted, FileError> {
        self.unpack_as(path, archive, &Names::default())
    }

    /// As [`Root::unpack`], under other names.
    pub(crate) fn unpack_as(&self, path: &str, archive: &mut File, names: &Names) -> Result<Extracted, FileError> {
        let folder = self.locate(path)?;
        check(archive, self.most(), names)?;
        self.make_folders(&folder, ResolveFlags::empty())?;
        let mut extracted = Extracted::default();
        read(archive, names, |entry| {
            entry.mode &= !names.without;
            self.extract(&folder, entry, &mut extracted)
        })?;
        Ok(extracted)
    }

    fn extract(&self, folder: &Path, entry: &mut Entry<'_>, extracted: &mut Extracted) -> Result<(), FileError> {
        if entry.path.as_os_str().is_empty() {
            return Ok(());
        }
        let place = folder.join(&entry.path);
        let shown = place.to_string_lossy().into_owned();
        let failed = FileError::of(&shown);
        // No link that the archive or anybody else puts in the way is followed.
        let inside = ResolveFlags::NO_SYMLINKS;
        if let What::Folder = entry.what {
            self.make_folders(&place, inside)?;
            extracted.folders += 1;
            return Ok(());
        }
        self.make_folders(&parent(&place), inside)?;
        match &entry.what {
            What::Folder => {}
            What::File => {
                let mut staged = self.stage(&place, inside)?;
                let mut buffer = vec![0; 64 << 10];
                loop {
                    let read = entry.data.read(&mut buffer).map_err(|error| broken(&error))?;
                    if read == 0 {
                        break;
                    }
                    staged.write(&buffer[..read])?;
                    extracted.bytes += read as u64;
                }
                rustix::fs::fchmod(staged.file(), Mode::from_raw_mode(entry.mode & 0o777)).map_err(&failed)?;
                let time = Timespec { tv_sec: entry.mtime, tv_nsec: 0 };
                let times = Timestamps { last_access: time, last_modification: time };
                // A time that the file system cannot hold is no reason to fail.
                let _ = rustix::fs::futimens(staged.file(), &times);
                staged.commit()?;
                extracted.files += 1;
            }
            What::Link(target) => {
                let Slot { dir, name } = self.slot(&place, false, inside)?;
                make_way(&dir, &name, &shown)?;
                rustix::fs::symlinkat(target, &dir, &name).map_err(&failed)?;
                extracted.links += 1;
            }
            What::Same(other) => {
                let Slot { dir, name } = self.slot(&place, false, inside)?;
                let from = self.slot(&folder.join(other), false, inside)?;
                make_way(&dir, &name, &shown)?;
                rustix::fs::linkat(&from.dir, &from.name, &dir, &name, AtFlags::empty()).map_err(&failed)?;
                extracted.files += 1;
            }
        }
        Ok(())
    }
}

/// Removes a file or link that is to be replaced by a link.
fn make_way(dir: &OwnedFd, name: &Path, shown: &str) -> Result<(), FileError> {
    match rustix::fs::unlinkat(dir, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(errno) => Err(FileError::of(shown)(errno)),
    }
}

fn header(kind: EntryType, stat: &rustix::fs::Stat, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(stat.st_mode & 0o777);
    header.set_mtime(u64::try_from(stat.st_mtime).unwrap_or_default());
    header.set_size(size);
    header
}

fn add<W: Write>(tar: &mut Builder<W>, top: &Path, item: &Item, dir: &OwnedFd) -> io::Result<()> {
    let path = top.join(&item.path);
    let name = Path::new(item.path.file_name().unwrap_or_default());
    match item.kind {
        Kind::Folder => tar.append_data(&mut header(EntryType::Directory, &item.stat, 0), path, io::empty()),
        Kind::Link => {
            let target = rustix::fs::readlinkat(dir, name, Vec::new())?.into_bytes();
            let target = PathBuf::from(std::ffi::OsString::from_vec(target));
            tar.append_link(&mut header(EntryType::Symlink, &item.stat, 0), path, target)
        }
        Kind::File => {
            let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::NOCTTY | OFlags::CLOEXEC;
            let file = match rustix::fs::openat(dir, name, flags, Mode::empty()) {
                // Gone or replaced meanwhile, or not ours to read.
                Err(Errno::NOENT | Errno::LOOP | Errno::ACCESS | Errno::NXIO) => return Ok(()),
                file => file?,
            };
            let stat = rustix::fs::fstat(&file)?;
            if Kind::of(&stat) != Kind::File {
                return Ok(());
            }
            let length = size(&stat);
            tar.append_data(&mut header(EntryType::Regular, &stat, length), path, exactly(file.into(), length))
        }
        Kind::Other(_) => Ok(()),
    }
}

/// A file that shrinks or grows while it is read must not shift what follows it.
fn exactly(file: File, length: u64) -> impl Read {
    file.chain(io::repeat(0)).take(length)
}

/// An entry that may be extracted.
struct Entry<'a> {
    /// Without `.` and `..`; empty for the folder itself.
    path: PathBuf,
    what: What,
    mode: u32,
    mtime: i64,
    data: &'a mut dyn Read,
}

enum What {
    Folder,
    File,
    /// A symbolic link.
    Link(PathBuf),
    /// Another name of a file that came before.
    Same(PathBuf),
}

/// What an archive has at a path.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    Folder,
    File,
    Link,
}

/// Looks at the whole archive.
fn check(archive: &mut File, most: u64, names: &Names) -> Result<(), FileError> {
    let mut seen: HashMap<PathBuf, Seen> = HashMap::new();
    let mut bytes = 0u64;
    let mut count = 0;
    let refuse = |path: &Path, why: &str| Err(FileError::Archive(format!("`{}` {why}", path.display())));
    read(archive, names, |entry| {
        count += 1;
        if count > MOST_ENTRIES {
            return Err(FileError::TooMany { what: "the archive".to_owned(), most: MOST_ENTRIES });
        }
        for above in entry.path.ancestors().skip(1) {
            match seen.entry(above.to_owned()).or_insert(Seen::Folder) {
                Seen::Folder => {}
                Seen::File => return refuse(&entry.path, "is below a file"),
                Seen::Link => return refuse(&entry.path, "is below a link"),
            }
        }
        let kind = match entry.what {
            What::Folder => Seen::Folder,
            What::File | What::Same(_) => Seen::File,
            What::Link(_) => Seen::Link,
        };
        if seen.get(&entry.path).is_some_and(|before| (*before, kind) != (Seen::Folder, Seen::Folder)) {
            return refuse(&entry.path, "is there twice");
        }
        match &entry.what {
            What::Link(target) => {
                if !stays_inside(names.below(&entry.path), target) {
                    return refuse(&entry.path, "is a link out of the folder");
                }
            }
            What::Same(other) if seen.get(other) != Some(&Seen::File) => {
                return refuse(&entry.path, "is a link to no file of the archive");
            }
            What::Folder | What::File | What::Same(_) => {}
        }
        seen.insert(entry.path.clone(), kind);
        let room = most.saturating_sub(bytes);
        bytes +=
            io::copy(&mut entry.data.take(room.saturating_add(1)), &mut io::sink()).map_err(|error| broken(&error))?;
        if bytes > most {
            return Err(FileError::TooLarge { what: "the content of the archive".to_owned(), most });
        }
        Ok(())
    })
}

/// Where a link in the archive leads, by its text.
fn stays_inside(link: &Path, target: &Path) -> bool {
    let mut depth = link.components().count().saturating_sub(1);
    target.components().all(|part| match part {
        Component::Normal(_) => {
            depth += 1;
            true
        }
        Component::CurDir => true,
        Component::ParentDir => match depth.checked_sub(1) {
            Some(up) => {
                depth = up;
                true
            }
            None => false,
        },
        Component::RootDir | Component::Prefix(_) => false,
    })
}

/// Shows `see` what comes first in the archive, and whether it is a folder.
pub(super) fn first(archive: &mut File, mut see: impl FnMut(&Path, bool)) -> Result<(), FileError> {
    let mut seen = false;
    let enough = || FileError::Archive(String::new());
    let read = read(archive, &Names::default(), |entry| {
        see(&entry.path, matches!(entry.what, What::Folder));
        seen = true;
        Err(enough())
    });
    if seen { Ok(()) } else { read }
}

/// Shows `see` every entry of the archive, from its start. `see` has to read all data, or to end with an error.
fn read(
    archive: &mut File,
    names: &Names,
    mut see: impl FnMut(&mut Entry<'_>) -> Result<(), FileError>,
) -> Result<(), FileError> {
    archive.rewind().map_err(|error| broken(&error))?;
    let mut magic = [0; 2];
    let is_gzip = archive.read(&mut magic).map_err(|error| broken(&error))? == 2 && magic == [0x1f, 0x8b];
    archive.rewind().map_err(|error| broken(&error))?;
    let plain: Box<dyn Read + '_> =
        if is_gzip { Box::new(MultiGzDecoder::new(archive)) } else { Box::new(io::BufReader::new(archive)) };
    let left = Rc::new(Cell::new(HEADERS));
    let mut tar = Archive::new(Rationed { inner: plain, left: Rc::clone(&left) });
    let mut entries = tar.entries().map_err(|error| broken(&error))?;
    loop {
        // Long names are read into memory whole: only so much may come before the next entry.
        left.set(HEADERS);
        let Some(entry) = entries.next() else { return Ok(()) };
        let mut entry = entry.map_err(|error| broken(&error))?;
        left.set(u64::MAX);
        let path = names.apply(&name_of(&entry.path_bytes())?)?;
        let refuse = |why: &str| Err(FileError::Archive(format!("`{}` {why}", path.display())));
        let link = entry.link_name_bytes().map(|link| PathBuf::from(OsStr::from_bytes(&link)));
        let what = match (entry.header().entry_type(), link) {
            (EntryType::Regular | EntryType::Continuous, _) => What::File,
            (EntryType::Directory, _) => What::Folder,
            (EntryType::Symlink, Some(target)) => What::Link(target),
            (EntryType::Link, Some(target)) => What::Same(names.apply(&name_of(target.as_os_str().as_bytes())?)?),
            (EntryType::XGlobalHeader, _) => continue,
            (EntryType::Block | EntryType::Char, _) => return refuse("is a device"),
            (EntryType::Fifo, _) => return refuse("is a pipe"),
            _ => return refuse("is of a kind that is not supported"),
        };
        if path.as_os_str().is_empty() && !matches!(what, What::Folder) {
            return refuse("has no name");
        }
        let mode = entry.header().mode().map_err(|error| broken(&error))?;
        let mtime = entry.header().mtime().ok().and_then(|time| i64::try_from(time).ok()).unwrap_or_default();
        see(&mut Entry { path, what, mode, mtime, data: &mut entry })?;
    }
}

/// A name of the archive as a path from its folder on.
fn name_of(bytes: &[u8]) -> Result<PathBuf, FileError> {
    let path = Path::new(OsStr::from_bytes(bytes));
    let refuse = |why: &str| Err(FileError::Archive(format!("`{}` {why}", path.display())));
    if bytes.contains(&0) {
        return refuse("holds a NUL");
    }
    if bytes.len() >= LONGEST {
        return Err(FileError::Archive(format!("it holds a name longer than {LONGEST} bytes")));
    }
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => plain.push(name),
            Component::CurDir => {}
            Component::ParentDir => return refuse("leads out of the folder"),
            Component::RootDir | Component::Prefix(_) => return refuse("is absolute"),
        }
    }
    Ok(plain)
}

fn broken(error: &io::Error) -> FileError {
    FileError::Archive(match error.kind() {
        io::ErrorKind::FileTooLarge => error.to_string(),
        // What the libraries say holds parts of it.
        _ => "it is not a whole tar archive, plain or compressed by gzip".to_owned(),
    })
}

/// Gives only so many bytes.
struct Rationed<R> {
    inner: R,
    left: Rc<Cell<u64>>,
}

impl<R: Read> Read for Rationed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.left.get();
        if left == 0 && !buffer.is_empty() {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "its headers are too large"));
        }
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.inner.read(&mut buffer[..most])?;
        self.left.set(left - read as u64);
        Ok(read)
    }
}
