//! Deletes folders that programs filled. They nest folders without end, which would take a recursion's stack or
//! descriptors, and forbid them to be entered.

use std::{
    ffi::{CStr, CString},
    io,
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
    path::Path,
};

use rustix::{
    fs::{self, AtFlags, CWD, Mode, OFlags},
    io::Errno,
};

/// Deletes `folder` with all that is in it; links are not followed. Nothing there is success, and so is another who
/// deletes it at the same time.
///
/// # Errors
/// What could not be deleted.
pub(super) fn delete_all(folder: &Path) -> io::Result<()> {
    let top = match open(CWD, folder) {
        Err(Errno::NOENT) => return Ok(()),
        opened => opened?,
    };
    let mut moved = 0;
    loop {
        let names = names(&top)?;
        if names.is_empty() {
            match fs::rmdir(folder) {
                Err(Errno::NOTEMPTY) => continue,
                Err(Errno::NOENT) => return Ok(()),
                done => return Ok(done?),
            }
        }
        for name in names {
            delete(top.as_fd(), &name, &mut moved)?;
        }
    }
}

/// Deletes what `top` has by this name. What is a folder in it comes up to `top`.
fn delete(top: BorrowedFd<'_>, name: &CStr, moved: &mut u64) -> io::Result<()> {
    if unlink(top, name)? {
        return Ok(());
    }
    let folder = match open(top, name) {
        Err(Errno::NOENT) => return Ok(()),
        opened => opened?,
    };
    for child in names(&folder)? {
        if unlink(folder.as_fd(), &child)? {
            continue;
        }
        // A folder that is to have another parent has to be writable.
        match fs::chmodat(&folder, &child, Mode::RWXU, AtFlags::empty()) {
            Err(Errno::NOENT) => continue,
            done => done?,
        }
        loop {
            *moved += 1;
            match fs::renameat(&folder, &child, top, format!(".deleted-{moved}")) {
                // A program may have made one of this name. If it is empty, this one has replaced it.
                Err(Errno::NOTEMPTY | Errno::EXIST | Errno::NOTDIR) => {}
                Err(Errno::NOENT) => break,
                done => break done?,
            }
        }
    }
    match fs::unlinkat(top, name, AtFlags::REMOVEDIR) {
        // Another moved something of the same name here: it is looked at again.
        Err(Errno::NOENT | Errno::NOTEMPTY) => Ok(()),
        done => Ok(done?),
    }
}

/// Whether it is gone; a folder is not.
fn unlink(folder: BorrowedFd<'_>, name: &CStr) -> io::Result<bool> {
    match fs::unlinkat(folder, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(true),
        // Linux says the first of a folder, POSIX the second.
        Err(Errno::ISDIR | Errno::PERM) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Opens a folder, and lets what is in it be deleted.
fn open(above: impl std::os::fd::AsFd, name: impl rustix::path::Arg + Copy) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let folder = match fs::openat(&above, name, flags, Mode::empty()) {
        Err(Errno::ACCESS) => {
            fs::chmodat(&above, name, Mode::RWXU, AtFlags::empty())?;
            fs::openat(&above, name, flags, Mode::empty())?
        }
        opened => opened?,
    };
    fs::fchmod(&folder, Mode::RWXU)?;
    Ok(folder)
}

fn names(folder: &OwnedFd) -> io::Result<Vec<CString>> {
    let mut names = vec![];
    for entry in fs::Dir::read_from(folder)? {
        let name = entry?.file_name().to_owned();
        if ![c".", c".."].contains(&name.as_c_str()) {
            names.push(name);
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn two_at_once_delete_it_together() {
        let home = tempfile::tempdir().unwrap();
        for _ in 0..20 {
            let folder = home.path().join("folder");
            for n in 0..10 {
                std::fs::create_dir_all(folder.join(format!("{n}/a/b/c"))).unwrap();
                std::fs::write(folder.join(format!("{n}/a/b/file")), "").unwrap();
            }
            std::thread::scope(|scope| {
                let both = [(); 2].map(|()| scope.spawn(|| delete_all(&folder)));
                for one in both {
                    one.join().unwrap().unwrap();
                }
            });
            assert!(!folder.exists());
        }
    }

    #[test]
    fn whatever_programs_made_goes_and_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        std::fs::create_dir_all(at("box/a/closed/b/c")).unwrap();
        std::fs::create_dir_all(at("box/.deleted-1/.deleted-1/.deleted-2/x")).unwrap();
        std::fs::create_dir(at("mine")).unwrap();
        std::fs::write(at("mine/file"), "").unwrap();
        std::fs::write(at("box/.deleted-3"), "").unwrap();
        symlink("../../mine", at("box/a/link")).unwrap();
        std::fs::write(at("box/a/file"), "").unwrap();
        std::fs::set_permissions(at("box/a/closed"), std::fs::Permissions::from_mode(0o0)).unwrap();
        std::fs::set_permissions(at("box/a"), std::fs::Permissions::from_mode(0o500)).unwrap();
        delete_all(&at("box")).unwrap();
        delete_all(&at("box")).unwrap();
        let left: Vec<_> = std::fs::read_dir(root.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["mine"]);
        assert!(at("mine/file").exists());
        // A link in its place is not followed.
        symlink("mine", at("box")).unwrap();
        delete_all(&at("box")).unwrap_err();
        assert!(at("mine/file").exists());
    }

    #[test]
    fn no_depth_is_too_deep() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("box")).unwrap();
        let mut deepest = open(CWD, &root.path().join("box")).unwrap();
        for _ in 0..5000 {
            fs::mkdirat(&deepest, "d", Mode::RWXU).unwrap();
            deepest = open(&deepest, "d").unwrap();
        }
        delete_all(&root.path().join("box")).unwrap();
        assert!(!root.path().join("box").exists());
    }
}
