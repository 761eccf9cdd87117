//! Trees of mounts that are attached nowhere yet.

use std::{
    collections::BTreeMap,
    io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::fs::MetadataExt as _,
    },
    path::Path,
};

use rustix::{
    fs::CWD,
    mount::{MountAttrFlags, MoveMountFlags, OpenTreeFlags},
    process::{Pid, WaitOptions},
    thread::UnshareFlags,
};

use super::{
    identity::Identity,
    sys::{self, Fork},
};

/// No device and no other identity comes from a folder of the host.
pub(super) const SAFE: MountAttrFlags = MountAttrFlags::MOUNT_ATTR_NOSUID.union(MountAttrFlags::MOUNT_ATTR_NODEV);
/// Nor can it be changed.
pub(super) const READ_ONLY: MountAttrFlags = SAFE.union(MountAttrFlags::MOUNT_ATTR_RDONLY);

/// A copy of the mounts at `path`.
pub(super) fn copy(path: &Path, attributes: MountAttrFlags) -> io::Result<OwnedFd> {
    copy_at(CWD, path, attributes)
}

/// A copy of the mounts at `path` below `folder`; at `folder` itself where `path` is empty.
pub(super) fn copy_at(folder: impl AsFd, path: &Path, attributes: MountAttrFlags) -> io::Result<OwnedFd> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_RECURSIVE
        | OpenTreeFlags::AT_EMPTY_PATH;
    let tree = rustix::mount::open_tree(folder, path, flags)?;
    sys::add_attributes(tree.as_fd(), attributes, true)?;
    Ok(tree)
}

/// Attaches `tree` at what is open as `target`.
pub(super) fn attach(tree: impl AsFd, target: impl AsFd) -> io::Result<()> {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    Ok(rustix::mount::move_mount(tree, "", target, "", flags)?)
}

/// A file system of its own, such as a `tmpfs`, with `options`.
pub(super) fn new(kind: &str, options: &[(&str, &str)], attributes: MountAttrFlags) -> io::Result<OwnedFd> {
    use rustix::mount::{FsMountFlags, FsOpenFlags};
    let context = rustix::mount::fsopen(kind, FsOpenFlags::FSOPEN_CLOEXEC)?;
    for (key, value) in options {
        if value.is_empty() {
            rustix::mount::fsconfig_set_flag(&context, *key)?;
        } else {
            rustix::mount::fsconfig_set_string(&context, *key, *value)?;
        }
    }
    rustix::mount::fsconfig_create(&context)?;
    Ok(rustix::mount::fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attributes)?)
}

/// Copies of folders of the host in which their owner appears as the user of the box. As root alone: an ordinary user
/// is the owner, and the one of the box too.
pub(super) struct Owners {
    user: Identity,
    namespaces: BTreeMap<(u32, u32), OwnedFd>,
}

impl Owners {
    pub(super) fn new(user: Identity) -> Self {
        Self { user, namespaces: BTreeMap::new() }
    }

    /// A copy of the mounts at `path`, a folder of the box's own that nobody else works in: it is given to the user of
    /// the box, which needs no mapping.
    pub(super) fn give(&self, path: &Path, attributes: MountAttrFlags) -> io::Result<OwnedFd> {
        if let Identity::Other { uid, gid } = self.user {
            std::os::unix::fs::lchown(path, Some(uid), Some(gid))?;
        }
        copy(path, attributes)
    }

    /// A copy of the mounts at `path`. On a file system that cannot map owners they stay what they are; the second
    /// value says so.
    pub(super) fn copy(&mut self, path: &Path, attributes: MountAttrFlags) -> io::Result<(OwnedFd, bool)> {
        let meta = std::fs::metadata(path)?;
        let tree = copy(path, attributes)?;
        let Identity::Other { uid, gid } = self.user else { return Ok((tree, true)) };
        let owner = (meta.uid(), meta.gid());
        let namespace = match self.namespaces.entry(owner) {
            std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::btree_map::Entry::Vacant(entry) => entry.insert(mapping(owner, (uid, gid))?),
        };
        match sys::map_owners(tree.as_fd(), namespace.as_fd()) {
            Ok(()) => Ok((tree, true)),
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => Ok((tree, false)),
            Err(error) => Err(error),
        }
    }
}

/// A user namespace that is nothing but a mapping of the user and group `from`, on disk, to `to`.
fn mapping(from: (u32, u32), to: (u32, u32)) -> io::Result<OwnedFd> {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    match sys::fork(None)? {
        Fork::Child => {
            drop(ours);
            let made = sys::unshare(UnshareFlags::NEWUSER).is_ok();
            // The namespace lives as long as something holds it: the byte says that it is there, the end of the other
            // side that it is held.
            let _ = rustix::io::write(&theirs, &[u8::from(made)]);
            let _ = rustix::io::read(&theirs, &mut [0]);
            sys::exit(0)
        }
        Fork::Parent(pid) => {
            drop(theirs);
            let namespace = written(pid, &ours, from, to);
            drop(ours);
            rustix::process::waitpid(Pid::from_raw(pid), WaitOptions::empty())?;
            namespace
        }
    }
}

fn written(pid: i32, child: &std::os::unix::net::UnixStream, from: (u32, u32), to: (u32, u32)) -> io::Result<OwnedFd> {
    let mut made = [0];
    rustix::io::read(child, &mut made)?;
    if made != [1] {
        // As who may not make a user namespace is told.
        return Err(io::Error::from_raw_os_error(libc::EPERM));
    }
    std::fs::write(format!("/proc/{pid}/uid_map"), format!("{} {} 1", from.0, to.0))?;
    std::fs::write(format!("/proc/{pid}/gid_map"), format!("{} {} 1", from.1, to.1))?;
    Ok(std::fs::File::open(format!("/proc/{pid}/ns/user"))?.into())
}
