//! Where a box of tier B keeps its files: outside and inside the same paths, since it has no root folder of its own.

use std::{
    fs, io,
    os::unix::fs::{PermissionsExt as _, lchown},
    path::{Path, PathBuf},
};

use super::identity::Identity;
use crate::sandbox::{BoxFolder, SandboxId, SandboxSpec, Tier, WorkspaceMode};

/// The folders that the box may write to.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) workspace: PathBuf,
    pub(super) tmp: PathBuf,
    /// Of a box made as root: its user cannot reach the folder of the box, so they are elsewhere.
    own: Option<PathBuf>,
}

impl Place {
    /// As whoever makes the box sees it.
    #[must_use]
    pub(super) fn of(folder: &Path, id: &SandboxId) -> Self {
        Self::made_by(rustix::process::geteuid().is_root(), folder, id)
    }

    /// The same, seen from the box, which may have been made by root and is not root any more.
    #[must_use]
    pub(super) fn inside(folder: &Path, id: &SandboxId, identity: Identity) -> Self {
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

    /// Deletes what is not in the folder of the box.
    pub(super) fn delete(&self) -> io::Result<()> {
        match &self.own {
            Some(own) => match fs::remove_dir_all(own) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            },
            None => Ok(()),
        }
    }
}

fn private(folder: &Path, identity: Identity) -> io::Result<()> {
    match fs::create_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        // One of somebody else's, or a link: `/var/tmp` is everybody's.
        Err(_) if !fs::symlink_metadata(folder)?.is_dir() => return Err(io::ErrorKind::AlreadyExists.into()),
        _ => {}
    }
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    match identity {
        Identity::Other { uid, gid } => lchown(folder, Some(uid), Some(gid)),
        Identity::Same { .. } => Ok(()),
    }
}
