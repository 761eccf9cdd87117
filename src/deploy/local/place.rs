//! The folders of deployments on this machine.
//!
//! ```text
//! NAME/record.json        what is remembered
//! NAME/data/              what the agent keeps: its $AGENTSCOPE_HOME
//! NAME/revisions/N/agent/ the agent file and what it names, as they were
//! NAME/revisions/N/log    what it wrote, the part before in log.1
//! NAME/control.ID         the socket of a supervisor, process.ID its processes
//! ```

use std::{
    collections::BTreeMap,
    fs::File,
    io,
    os::{fd::AsRawFd as _, unix::net::UnixStream},
    path::{Component, Path, PathBuf},
};

use super::missing;
use crate::{
    config::make_private,
    deploy::{DeployError, image::Content},
};

const CONTROL: &str = "control.";
const PROCESS: &str = "process.";

/// One deployment's.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) folder: PathBuf,
}

impl Place {
    /// # Errors
    /// What is no name would lead elsewhere: there is no deployment there.
    pub(super) fn new(root: &Path, name: &str) -> Result<Self, DeployError> {
        let mut parts = Path::new(name).components();
        match (parts.next(), parts.next()) {
            (Some(Component::Normal(only)), None) if only == name => Ok(Self { folder: root.join(name) }),
            _ => Err(missing(name)),
        }
    }

    pub(super) fn record(&self) -> PathBuf {
        self.folder.join("record.json")
    }

    pub(super) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    pub(super) fn revisions(&self) -> PathBuf {
        self.folder.join("revisions")
    }

    pub(super) fn revision(&self, number: u32) -> PathBuf {
        self.revisions().join(number.to_string())
    }

    pub(super) fn agent(&self, number: u32, file: &str) -> PathBuf {
        self.revision(number).join("agent").join(file)
    }

    pub(super) fn log(&self, number: u32) -> PathBuf {
        self.revision(number).join("log")
    }

    pub(super) fn control(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{CONTROL}{id}"))
    }

    pub(super) fn process(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{PROCESS}{id}"))
    }

    /// The supervisors that there are, or were.
    pub(super) fn supervisors(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let mut ids: Vec<String> = names
            .filter_map(|name| Some(name.strip_prefix(CONTROL).or_else(|| name.strip_prefix(PROCESS))?.to_owned()))
            .collect();
        ids.sort();
        ids.dedup();
        ids
    }

    /// Of a supervisor that is gone.
    pub(super) fn forget(&self, id: &str) {
        let _ = std::fs::remove_file(self.control(id));
        let _ = std::fs::remove_file(self.process(id));
    }

    /// Connects to the socket of a supervisor, whose path may be longer than a socket's may be.
    pub(super) fn connect(&self, id: &str) -> io::Result<UnixStream> {
        if !cfg!(target_os = "linux") {
            return UnixStream::connect(self.control(id));
        }
        let folder = File::open(&self.folder)?;
        UnixStream::connect(format!("/proc/self/fd/{}/{CONTROL}{id}", folder.as_raw_fd()))
    }

    /// Puts the files of a revision there, whole or not at all.
    pub(super) fn keep(&self, number: u32, files: &BTreeMap<String, Content>) -> Result<(), DeployError> {
        let folder = self.revision(number);
        let keeping = || -> io::Result<()> {
            // Of a deploy that was killed just here.
            drop_folder(&folder)?;
            make_private(&self.revisions())?;
            let making = tempfile::Builder::new().prefix(".making-").tempdir_in(self.revisions())?;
            for (path, content) in files {
                put(&making.path().join("agent").join(path), content)?;
            }
            std::fs::rename(making.keep(), &folder)
        };
        keeping().map_err(DeployError::io(format!("keep the agent in `{}`", folder.display())))
    }
}

fn put(path: &Path, content: &Content) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    make_private(path.parent().unwrap_or(path))?;
    match content {
        Content::File { bytes, executable } => {
            std::fs::write(path, bytes)?;
            let mode = if *executable { 0o700 } else { 0o600 };
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
        }
        Content::Link(to) => std::os::unix::fs::symlink(to, path),
    }
}

/// Removes a folder with all that is in it; one that is not there is removed.
pub(super) fn drop_folder(folder: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_folder_of_the_root() {
        let folder = |name| Place::new(Path::new("/root"), name).map(|place| place.folder);
        assert_eq!(folder("demo").unwrap(), Path::new("/root/demo"));
        for name in ["", ".", "..", "/", "/etc", "demo/", "demo/.", "a/b", "../demo", "./demo"] {
            assert!(matches!(folder(name), Err(DeployError::NotFound { .. })), "{name}");
        }
    }
}
