//! The file system of a box in tier A, put together of mounts and left for it by `pivot_root`.

use std::{
    ffi::OsStr,
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::{Component, Path, PathBuf},
};

use rustix::{
    fs::{AtFlags, FileType, Mode, OFlags},
    mount::{MountAttrFlags, MountPropagationFlags, UnmountFlags},
};

use super::{
    config::{During as _, InitConfig, Phase, Trouble},
    etc,
    identity::INSIDE,
    sys,
    trees::{self, Owners, READ_ONLY, SAFE},
};
use crate::sandbox::{Limits, Network, WorkspaceMode, egress};

/// The home folder of every program, seen from inside.
pub(super) const HOME: &str = "/home/sandbox";
/// The workspace, seen from inside.
pub(super) const WORKSPACE: &str = "/workspace";

/// Programs and libraries of the host, as far as they are there.
const SYSTEM: &[&str] = &["usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "nix/store"];
const DEVICES: &[&str] = &["null", "zero", "full", "random", "urandom", "tty"];
/// Of `/proc`: what tells of the machine or commands it. Source: what the container runtimes mask.
const MASKED: &[&str] = &[
    "acpi",
    "asound",
    "interrupts",
    "kallsyms",
    "kcore",
    "key-users",
    "keys",
    "kmsg",
    "latency_stats",
    "sched_debug",
    "scsi",
    "sysrq-trigger",
    "timer_list",
    "timer_stats",
];
/// Of `/proc`: what can only be read.
const FIXED: &[&str] = &["bus", "driver", "fs", "irq", "sys"];
/// Files and folders in the memory file system at most, and the bytes of the box's memory for which there is one: each
/// takes about 1 KiB of the kernel's memory, which counts as the box's and which nobody can be killed for.
const MOST_FILES: u64 = 100_000;
const MEMORY_OF_FILE: u64 = 4096;
/// Where the new root is put together: over a folder that every machine has.
const STAGE: [&str; 3] = ["/tmp", "/mnt", "/var"];
/// What an overlay is made of, beside the folders in memory.
const LOWER: &str = "lower";
const FOLDER: &str = "box";

/// The folders of the host that go in, taken out of it while this process may still reach them.
pub(super) struct Sources {
    workspace: Source,
    mounts: Vec<(PathBuf, OwnedFd)>,
    egress: Option<OwnedFd>,
}

enum Source {
    /// As it is.
    Folder(OwnedFd),
    /// `upper` and `work` of the box's folder over the user's.
    Overlay { lower: OwnedFd, folder: OwnedFd },
}

impl Sources {
    /// As root before the change of identity; else in the new namespaces, since an ordinary user may copy mounts only
    /// there.
    pub(super) fn take(config: &InitConfig, owners: &mut Owners) -> Result<Self, Trouble> {
        let workspace = &config.spec.workspace;
        let workspace = match (&workspace.path, workspace.mode) {
            (Some(path), WorkspaceMode::Ro) => Source::Folder(copy(owners, path, READ_ONLY, false)?),
            (Some(path), WorkspaceMode::Rw | WorkspaceMode::Copy) => Source::Overlay {
                lower: copy(owners, path, READ_ONLY, true)?,
                folder: copy(owners, &config.folder, SAFE, true)?,
            },
            (None, _) | (_, WorkspaceMode::None) => Source::Folder(own(owners, &config.folder.join("workspace"))?),
        };
        let mut mounts = vec![];
        for mount in &config.spec.mounts {
            let attributes = if mount.read_only { READ_ONLY } else { SAFE };
            mounts.push((mount.inside.clone(), copy(owners, &mount.host, attributes, !mount.read_only)?));
        }
        let egress = match config.spec.network {
            Network::Allow(_) => Some(copy(owners, &config.folder.join("run").join(egress::SOCKET), SAFE, true)?),
            Network::None | Network::Full => None,
        };
        Ok(Self { workspace, mounts, egress })
    }

    /// The folders that hold what the box writes, open.
    pub(super) fn written(&self) -> io::Result<Vec<OwnedFd>> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let (folder, path) = match &self.workspace {
            Source::Folder(folder) => (folder, "."),
            Source::Overlay { folder, .. } => (folder, "upper"),
        };
        Ok(vec![rustix::fs::openat(folder, path, flags, Mode::empty())?])
    }
}

fn copy(owners: &mut Owners, path: &Path, attributes: MountAttrFlags, needs_owner: bool) -> Result<OwnedFd, Trouble> {
    let what = || format!("take {} into the sandbox", path.display());
    let copied = owners.copy(path, attributes);
    let phase = copied.as_ref().err().map_or(Phase::Box, lacking);
    let (tree, mapped) = copied.during(phase, what())?;
    if needs_owner && !mapped {
        return Err("its file system cannot show it to another user; use `copy` or `none`, or run as its owner")
            .during(Phase::Box, what());
    }
    Ok(tree)
}

/// A folder of the box's own.
fn own(owners: &Owners, path: &Path) -> Result<OwnedFd, Trouble> {
    let given = owners.give(path, SAFE);
    let phase = given.as_ref().err().map_or(Phase::Box, lacking);
    given.during(phase, format!("take {} into the sandbox", path.display()))
}

/// Whether the machine refuses mounts and namespaces as such, as it does for root in a container, or this folder alone.
fn lacking(error: &io::Error) -> Phase {
    match error.raw_os_error() {
        Some(libc::EPERM | libc::ENOSPC | libc::EUSERS | libc::ENOSYS) | None => Phase::Namespaces,
        Some(_) => Phase::Box,
    }
}

/// Makes the new root and moves into it. The old one is out of reach afterwards.
pub(super) fn enter(config: &InitConfig, sources: Sources) -> Result<(), Trouble> {
    rustix::mount::mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
        .during(Phase::Namespaces, "separate the mounts of the sandbox")?;
    let system = system().during(Phase::Namespaces, "take the programs of this machine into the sandbox")?;
    let etc = etc::take();
    let devices = devices().during(Phase::Namespaces, "take the devices into the sandbox")?;
    let (memory, root) = stage(&config.spec.limits).during(Phase::Namespaces, "make a root folder")?;
    let (memory, root) = (Root { fd: memory.as_fd() }, Root { fd: root.as_fd() });
    fill(&root, system, etc, &config.spec.network).during(Phase::Namespaces, "fill the root folder")?;
    dev(&root, devices).during(Phase::Namespaces, "make /dev")?;
    proc(&root).during(Phase::Namespaces, "mount /proc")?;
    scratch(&root, &memory).during(Phase::Namespaces, "make the folders in memory")?;
    workspace(&root, &memory, config, sources.workspace)?;
    if let Some(socket) = sources.egress {
        root.attach(socket, Path::new(egress::INSIDE))
            .during(Phase::Box, "take the network's proxy into the sandbox")?;
    }
    for (inside, tree) in sources.mounts {
        root.attach(tree, &inside).during(Phase::Box, format!("mount {}", inside.display()))?;
    }
    leave(&root).during(Phase::Namespaces, "leave the old root folder")
}

/// The file system of the folders in memory, and over it the new root, which is the working directory. Both are attached:
/// older kernels copy no part of what is attached nowhere. The first goes with the old root, and not by itself, because
/// the kernel waits for all processors whenever something is detached.
fn stage(limits: &Limits) -> io::Result<(OwnedFd, OwnedFd)> {
    let mut why = rustix::io::Errno::NOENT;
    let mut open = |path| rustix::fs::open(path, O_FOLDER, Mode::empty()).inspect_err(|error| why = *error).ok();
    let folder = STAGE.iter().find_map(|path| open(*path));
    let folder = folder.ok_or(why)?;
    let memory = memory(limits)?;
    trees::attach(&memory, &folder)?;
    let root = trees::new("tmpfs", &[("mode", "0755"), ("size", "4m"), ("nr_inodes", "4096")], SAFE)?;
    trees::attach(&root, &memory)?;
    rustix::process::fchdir(&root)?;
    Ok((memory, root))
}

/// What is in it counts as the memory of the box, and must leave room for the programs that clear it up.
fn memory(limits: &Limits) -> io::Result<OwnedFd> {
    let size = limits.disk.min(limits.memory / 2).to_string();
    let files = (limits.memory / MEMORY_OF_FILE).min(MOST_FILES).to_string();
    trees::new("tmpfs", &[("mode", "0755"), ("size", &size), ("nr_inodes", &files)], SAFE)
}

/// Opens without reading.
const O_FOLDER: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
const O_ANYTHING: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

struct Root<'a> {
    fd: BorrowedFd<'a>,
}

impl Root<'_> {
    /// Makes a folder and those above it, and opens it. Links are not followed: what is in a workspace is not ours.
    fn folder(&self, path: &Path) -> io::Result<OwnedFd> {
        let mut folder = rustix::io::fcntl_dupfd_cloexec(self.fd, 3)?;
        for name in names(path)? {
            match rustix::fs::mkdirat(&folder, name, Mode::from_raw_mode(0o755)) {
                Err(rustix::io::Errno::EXIST | rustix::io::Errno::ROFS) => {}
                other => other?,
            }
            folder = rustix::fs::openat(&folder, name, O_FOLDER | OFlags::NOFOLLOW, Mode::empty())?;
        }
        Ok(folder)
    }

    /// The folder that `path` is in, and its name there.
    fn place<'p>(&self, path: &'p Path) -> io::Result<(OwnedFd, &'p OsStr)> {
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        Ok((self.folder(path.parent().unwrap_or(Path::new("")))?, name))
    }

    /// An empty file that may be mounted over, unless something is there.
    fn file(&self, path: &Path) -> io::Result<OwnedFd> {
        self.write(path, "", false)?;
        let (folder, name) = self.place(path)?;
        Ok(rustix::fs::openat(folder, name, O_ANYTHING, Mode::empty())?)
    }

    fn write(&self, path: &Path, text: &str, new: bool) -> io::Result<()> {
        let (folder, name) = self.place(path)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        match rustix::fs::openat(folder, name, flags, Mode::from_raw_mode(0o644)) {
            Ok(file) => io::Write::write_all(&mut std::fs::File::from(file), text.as_bytes()),
            Err(rustix::io::Errno::EXIST) if !new => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn link(&self, path: &str, target: impl AsRef<Path>) -> io::Result<()> {
        let (folder, name) = self.place(Path::new(path))?;
        Ok(rustix::fs::symlinkat(target.as_ref(), folder, name)?)
    }

    /// Attaches `tree`, a folder or a file, at `path`, which is made.
    fn attach(&self, tree: OwnedFd, path: &Path) -> io::Result<()> {
        let kind = FileType::from_raw_mode(rustix::fs::fstat(&tree)?.st_mode);
        let target = if kind == FileType::Directory { self.folder(path)? } else { self.file(path)? };
        trees::attach(tree, target)
    }

    /// What is at `path` already, without following a link anywhere.
    fn existing(&self, path: &Path) -> io::Result<Option<OwnedFd>> {
        use rustix::fs::ResolveFlags;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        match rustix::fs::openat2(self.fd, path, O_ANYTHING, Mode::empty(), resolve) {
            Ok(found) => Ok(Some(found)),
            Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR | rustix::io::Errno::LOOP) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

fn names(path: &Path) -> io::Result<Vec<&OsStr>> {
    let names = path.components().filter(|part| !matches!(part, Component::RootDir | Component::CurDir));
    names
        .map(|part| match part {
            Component::Normal(name) => Ok(name),
            _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "a path with `..`")),
        })
        .collect()
}

enum Part {
    Link(PathBuf),
    Tree(OwnedFd),
}

fn system() -> io::Result<Vec<(&'static str, Part)>> {
    let mut parts = vec![];
    for name in SYSTEM {
        let path = Path::new("/").join(name);
        let Ok(meta) = path.symlink_metadata() else { continue };
        let part = if meta.is_symlink() {
            Part::Link(std::fs::read_link(&path)?)
        } else {
            Part::Tree(trees::copy(&path, READ_ONLY)?)
        };
        parts.push((*name, part));
    }
    Ok(parts)
}

fn devices() -> io::Result<Vec<(&'static str, OwnedFd)>> {
    // A mount without devices would have none.
    let safe = MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    DEVICES.iter().map(|name| Ok((*name, trees::copy(&Path::new("/dev").join(name), safe)?))).collect()
}

fn fill(root: &Root<'_>, system: Vec<(&str, Part)>, etc: etc::Taken, network: &Network) -> io::Result<()> {
    for (name, part) in system {
        match part {
            Part::Link(target) => root.link(name, target)?,
            Part::Tree(tree) => root.attach(tree, Path::new(name))?,
        }
    }
    for folder in ["run", "var", "opt", "mnt", "srv", "sys", "root"] {
        root.folder(Path::new(folder))?;
    }
    root.link("var/tmp", "/tmp")?;
    root.link("var/run", "/run")?;
    for (name, text) in etc::files(network) {
        root.write(&Path::new("etc").join(name), &text, true)?;
    }
    for (path, tree) in etc.trees {
        root.attach(tree, &path)?;
    }
    for (path, target) in etc.links {
        root.link(path, target)?;
    }
    Ok(())
}

fn dev(root: &Root<'_>, devices: Vec<(&str, OwnedFd)>) -> io::Result<()> {
    let folder = Path::new("dev");
    for (name, tree) in devices {
        root.attach(tree, &folder.join(name))?;
    }
    let options = [("newinstance", ""), ("ptmxmode", "0666"), ("mode", "0620")];
    let terminals =
        trees::new("devpts", &options, MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NOEXEC)?;
    root.attach(terminals, &folder.join("pts"))?;
    for (name, target) in [
        ("dev/ptmx", "pts/ptmx"),
        ("dev/fd", "/proc/self/fd"),
        ("dev/stdin", "/proc/self/fd/0"),
        ("dev/stdout", "/proc/self/fd/1"),
        ("dev/stderr", "/proc/self/fd/2"),
    ] {
        root.link(name, target)?;
    }
    Ok(())
}

/// The folders in memory, of one file system.
fn scratch(root: &Root<'_>, memory: &Root<'_>) -> io::Result<()> {
    for (name, path, mode) in [("tmp", "tmp", 0o1777), ("home", HOME, 0o755), ("shm", "dev/shm", 0o1777)] {
        let part = memory.folder(Path::new(name))?;
        rustix::fs::chmodat(&part, ".", Mode::from_raw_mode(mode), AtFlags::empty())?;
        root.attach(trees::copy_at(part, Path::new(""), SAFE)?, Path::new(path))?;
    }
    Ok(())
}

/// The kernel gives a new `/proc` only to who sees one whole already: so before the old root is left.
fn proc(root: &Root<'_>) -> io::Result<()> {
    let safe = SAFE | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    root.attach(trees::new("proc", &[], safe)?, Path::new("proc"))?;
    let (nothing, empty) = (Path::new("dev/null"), Path::new("sys"));
    for name in MASKED {
        mask(root, &Path::new("proc").join(name), nothing, empty)?;
    }
    for name in FIXED {
        let path = Path::new("proc").join(name);
        if let Some(found) = root.existing(&path)? {
            fix(&found)?;
        }
    }
    Ok(())
}

/// Puts `file` or `folder` over what is at `path`, if anything.
fn mask(root: &Root<'_>, path: &Path, file: &Path, folder: &Path) -> io::Result<()> {
    let Some(found) = root.existing(path)? else { return Ok(()) };
    let kind = FileType::from_raw_mode(rustix::fs::fstat(&found)?.st_mode);
    let over = if kind == FileType::Directory { folder } else { file };
    trees::attach(trees::copy_at(root.fd, over, READ_ONLY)?, found)
}

/// Puts what is open as `found` over itself, read-only.
fn fix(found: &OwnedFd) -> io::Result<()> {
    trees::attach(trees::copy_at(found, Path::new(""), READ_ONLY)?, found)
}

fn workspace(root: &Root<'_>, memory: &Root<'_>, config: &InitConfig, source: Source) -> Result<(), Trouble> {
    let target = Path::new(WORKSPACE);
    let tree = match source {
        Source::Folder(tree) => Ok(tree),
        Source::Overlay { lower, folder } => overlay(root, memory, lower, folder),
    };
    let tree = tree.during(Phase::Box, "lay the sandbox's changes over the folder: an overlay")?;
    root.attach(tree, target).during(Phase::Box, "mount the workspace")?;
    let inside = |path: &Path| Path::new("workspace").join(path);
    for path in &config.hide {
        mask(root, &inside(path), Path::new("etc/.empty"), Path::new("sys"))
            .during(Phase::Box, format!("hide {}", path.display()))?;
    }
    for path in &config.protect {
        protect(root, &inside(path)).during(Phase::Box, format!("protect {}", path.display()))?;
    }
    Ok(())
}

/// What is there cannot be changed. What is not may be made: what then comes out of the box is judged outside.
fn protect(root: &Root<'_>, path: &Path) -> io::Result<()> {
    let Some(found) = root.existing(path)? else { return Ok(()) };
    let kind = FileType::from_raw_mode(rustix::fs::fstat(&found)?.st_mode);
    if kind == FileType::Symlink { Ok(()) } else { fix(&found) }
}

fn overlay(root: &Root<'_>, memory: &Root<'_>, lower: OwnedFd, folder: OwnedFd) -> io::Result<OwnedFd> {
    memory.attach(lower, Path::new(LOWER))?;
    memory.attach(folder, Path::new(FOLDER))?;
    // Paths from the working directory: names of the user's need no escaping then.
    rustix::process::fchdir(memory.fd)?;
    let options = [
        ("lowerdir", LOWER),
        ("upperdir", &format!("{FOLDER}/upper") as &str),
        ("workdir", &format!("{FOLDER}/work")),
        ("userxattr", ""),
    ];
    // It has copies of its own of both.
    let tree = trees::new("overlay", &options, SAFE)?;
    rustix::process::fchdir(root.fd)?;
    Ok(tree)
}

fn leave(root: &Root<'_>) -> io::Result<()> {
    debug_assert_ne!(INSIDE, 0, "the root folder belongs to the user of the box, so it must not be writable");
    sys::add_attributes(root.fd, READ_ONLY, false)?;
    rustix::process::pivot_root(".", ".")?;
    // The old root lies over the new one, and is what `.` means until it is gone.
    rustix::mount::unmount(".", UnmountFlags::DETACH)?;
    Ok(rustix::process::chdir("/")?)
}
