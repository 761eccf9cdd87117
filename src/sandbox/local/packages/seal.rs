//! What was made in a box becomes part of the cache: looked at, read-only, and in its place at once.

use std::{
    fs, io,
    os::unix::fs::{PermissionsExt as _, lchown, symlink},
    path::Path,
};

/// Makes everything below `layer` readable by all and writable by nobody, and root's where this is root.
///
/// Nobody else writes to it any more. Its links are followed by programs in boxes alone.
///
/// # Errors
/// What is no file, folder or link, or no folder in the first place.
pub(super) fn seal(layer: &Path) -> io::Result<()> {
    let meta = fs::symlink_metadata(layer)?;
    let mode = if meta.is_dir() { 0o555 } else { meta.permissions().mode() & 0o555 | 0o444 };
    own(layer)?;
    if meta.is_dir() {
        for entry in fs::read_dir(layer)? {
            let path = entry?.path();
            let kind = fs::symlink_metadata(&path)?.file_type();
            if kind.is_symlink() {
                own(&path)?;
                continue;
            }
            if !kind.is_dir() && !kind.is_file() {
                return Err(io::Error::other(format!("`{}` is no file", path.display())));
            }
            seal(&path)?;
        }
    } else if !meta.is_file() {
        return Err(io::Error::other(format!("`{}` is no folder", layer.display())));
    }
    fs::set_permissions(layer, fs::Permissions::from_mode(mode))
}

/// In tier B, made by root, it is the user's of the box so far.
fn own(path: &Path) -> io::Result<()> {
    if rustix::process::geteuid().is_root() { lchown(path, Some(0), Some(0)) } else { Ok(()) }
}

/// Moves the sealed folder to `place`, where nothing is; by way of `half`, where it is on another file system.
///
/// # Errors
/// As the file system says; nothing is at `place` then.
pub(super) fn put(layer: &Path, half: &Path, place: &Path) -> io::Result<()> {
    if !fs::symlink_metadata(layer)?.is_dir() {
        return Err(io::Error::other("the packages are not in a folder"));
    }
    // A folder that is to have another parent has to be writable.
    fs::set_permissions(layer, fs::Permissions::from_mode(0o755))?;
    match fs::rename(layer, place) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            link_tree(layer, half)?;
            fs::rename(half, place)?;
        }
        other => other?,
    }
    fs::set_permissions(place, fs::Permissions::from_mode(0o555))
}

/// A copy of the sealed folder `from`, whose files are the same ones where the file system lets them be.
pub(in super::super) fn link_tree(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (kind, from, to) = (entry.file_type()?, entry.path(), to.join(entry.file_name()));
        if kind.is_dir() {
            link_tree(&from, &to)?;
        } else if kind.is_symlink() {
            symlink(fs::read_link(&from)?, &to)?;
        } else if fs::hard_link(&from, &to).is_err() {
            fs::copy(&from, &to)?;
        }
    }
    Ok(())
}
