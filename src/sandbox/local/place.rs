//! Where a box of tier B keeps its files: outside and inside the same paths, since it has no root folder of its own.

use std::{
    fs, io,
    os::{
        fd::AsRawFd as _,
        unix::fs::{PermissionsExt as _, chown},
    },
    path::{Path, PathBuf},
};

use rustix::fs::{Mode, OFlags};

use super::{identity::Identity, packages};
use crate::sandbox::{BoxFolder, Mount, SandboxId, SandboxSpec, Tier, WorkspaceMode, delete::delete_all};

/// The folders that the box may write to.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) workspace: PathBuf,
    pub(super) tmp: PathBuf,
    /// Of a box made as root: its user cannot reach the folder of the box, so they are elsewhere.
    own: Option<PathBuf>,
}

impl Place {
    /// As the process that makes the box sees it.
    #[must_use]
    pub(super) fn of(folder: &Path, id: &SandboxId) -> Self {
        Self::made_by(rustix::process::geteuid().is_root(), folder, id)
    }

    /// As the box sees it, which is root no more.
    #[must_use]
    pub(super) fn as_seen_by(identity: Identity, folder: &Path, id: &SandboxId) -> Self {
        Self::made_by(matches!(identity, Identity::Other { .. }), folder, id)
    }

    fn made_by(root: bool, folder: &Path, id: &SandboxId) -> Self {
        let own = root.then(|| Path::new("/var/tmp").join(format!("agentscope-{id}")));
        let base = own.as_deref().unwrap_or(folder);
        Self { workspace: base.join("workspace"), tmp: base.join("tmp"), own }
    }

    /// The workspace as programs see it.
    #[must_use]
    pub(super) fn seen(&self, tier: Tier, spec: &SandboxSpec) -> PathBuf {
        match (tier, &spec.workspace.path, spec.workspace.mode) {
            (Tier::A, ..) => super::root::WORKSPACE.into(),
            (_, Some(path), WorkspaceMode::Ro) => path.clone(),
            _ => self.workspace.clone(),
        }
    }

    /// Makes them. What is there already is used again.
    pub(super) fn make(&self, spec: &SandboxSpec, folder: &BoxFolder) -> io::Result<()> {
        let identity = Identity::of(&spec.id)?;
        if let Some(own) = &self.own {
            private(own, identity)?;
            // For who keeps the workspace in step with the user's folder.
            if !folder.workspace().is_symlink() {
                fs::remove_dir(folder.workspace())?;
                std::os::unix::fs::symlink(&self.workspace, folder.workspace())?;
            }
        }
        private(&self.workspace, identity)?;
        private(&self.tmp, identity)
    }

    /// Where the box sees the layer of Python packages at `layer`.
    pub(super) fn packages(&self, layer: &Path, tier: Tier) -> io::Result<Mount> {
        let mount = |host: &Path, inside: &Path| Mount { host: host.into(), inside: inside.into(), read_only: true };
        match (tier, &self.own) {
            (Tier::A, _) => Ok(mount(layer, Path::new(packages::INSIDE))),
            (_, None) => Ok(mount(layer, layer)),
            // As for the others; the name is the key of what is in it.
            (_, Some(own)) => {
                let place = own.join(layer.file_name().unwrap_or_default());
                if !place.is_dir() {
                    packages::link_tree(layer, &place)?;
                }
                Ok(mount(&place, &place))
            }
        }
    }

    /// Deletes what is not in the folder of the box.
    pub(super) fn delete(&self) -> io::Result<()> {
        match &self.own {
            Some(own) => delete_all(own),
            None => Ok(()),
        }
    }
}

/// Makes the folder the box's alone. One that is there has to be it already: `/var/tmp` is everybody's, and what is in
/// the folder was in the hands of programs.
fn private(folder: &Path, identity: Identity) -> io::Result<()> {
    let new = match fs::create_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        made => made.is_ok(),
    };
    // What is open stays the same whatever takes its place; a link is not opened. Not for reading, which programs may have
    // forbidden.
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let open = rustix::fs::open(folder, flags, Mode::empty())?;
    let (Identity::Same { uid, gid } | Identity::Other { uid, gid }) = identity;
    let owner = rustix::fs::fstat(&open)?.st_uid;
    if !new && ![uid, rustix::process::geteuid().as_raw()].contains(&owner) {
        return Err(io::Error::other(format!("`{}` is there already, and belongs to user {owner}", folder.display())));
    }
    let itself = format!("/proc/self/fd/{}", open.as_raw_fd());
    fs::set_permissions(&itself, fs::Permissions::from_mode(0o700))?;
    if matches!(identity, Identity::Other { .. }) { chown(&itself, Some(uid), Some(gid)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, symlink};

    use super::*;

    #[test]
    fn a_folder_of_somebody_else_is_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let mode = |name: &str| fs::metadata(at(name)).unwrap().mode() & 0o7777;
        let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        let identity = Identity::Same { uid, gid };
        private(&at("new"), identity).unwrap();
        fs::set_permissions(at("new"), fs::Permissions::from_mode(0o0)).unwrap();
        private(&at("new"), identity).unwrap();
        assert_eq!(mode("new"), 0o700);
        fs::create_dir(at("theirs")).unwrap();
        fs::set_permissions(at("theirs"), fs::Permissions::from_mode(0o755)).unwrap();
        symlink("theirs", at("link")).unwrap();
        private(&at("link"), identity).unwrap_err();
        assert_eq!(mode("theirs"), 0o755);
        // Only root can give a folder away.
        if chown(at("theirs"), Some(uid + 1), None).is_ok() {
            private(&at("theirs"), identity).unwrap_err();
            assert_eq!(mode("theirs"), 0o755);
        }
    }
}
