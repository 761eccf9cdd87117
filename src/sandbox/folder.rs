//! The folder of a box on the host: `$STATE/sandboxes/ID`. What is in it outlives every process.

use std::{
    io::{self, Write as _},
    os::{
        fd::AsRawFd as _,
        unix::{fs::OpenOptionsExt as _, net::UnixListener},
    },
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::net::UnixStream;

use super::{Confinement, SandboxError, SandboxId, SandboxSpec, State, delete::delete_all};
use crate::config::make_private;

/// Where one box keeps its things.
#[derive(Clone, Debug)]
pub struct BoxFolder {
    path: PathBuf,
}

/// How the box was made: `spec.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    pub spec: SandboxSpec,
    pub confinement: Confinement,
    pub created: jiff::Timestamp,
}

/// The process that is the box: `process.json`. A number alone may belong to another by now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessId {
    pub pid: i32,
    /// Field 22 of `/proc/PID/stat`: clock ticks since the machine started.
    pub started: u64,
}

impl BoxFolder {
    /// `root` is the folder of all boxes.
    #[must_use]
    pub fn new(root: &Path, id: &SandboxId) -> Self {
        Self { path: root.join(id.as_str()) }
    }

    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The private workspace.
    #[must_use]
    pub fn workspace(&self) -> PathBuf {
        self.path.join("workspace")
    }

    /// What the daemon has to say.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.path.join("log")
    }

    #[must_use]
    pub fn exists(&self) -> bool {
        self.path.is_dir()
    }

    /// Makes the folder, `workspace` and `run`, as far as they are not there.
    ///
    /// # Errors
    /// As the file system says.
    pub fn make(&self) -> io::Result<()> {
        make_private(&self.workspace())?;
        make_private(&self.path.join("run"))
    }

    /// # Errors
    /// As the file system says.
    pub fn write_record(&self, record: &Record) -> io::Result<()> {
        // The values of its environment may be secrets, and nobody who reads this needs them.
        self.draft_record()?.publish(&Record { spec: record.spec.without_secrets(), ..record.clone() })
    }

    /// Of a [`Record`], whose spec has to be without secrets.
    ///
    /// # Errors
    /// As the file system says.
    pub(super) fn draft_record(&self) -> io::Result<Draft> {
        self.draft(SPEC)
    }

    /// # Errors
    /// No such box, or one that is half made.
    pub fn record(&self) -> io::Result<Record> {
        self.read(SPEC)
    }

    /// # Errors
    /// As the file system says.
    pub fn write_process(&self, process: ProcessId) -> io::Result<()> {
        self.draft_process()?.publish(&process)
    }

    /// Of a [`ProcessId`].
    ///
    /// # Errors
    /// As the file system says.
    pub(super) fn draft_process(&self) -> io::Result<Draft> {
        self.draft(PROCESS)
    }

    /// To be called before a box is made anew in the folder: what is made for it is nothing that the last one left.
    ///
    /// # Errors
    /// As the file system says.
    pub fn forget_process(&self) -> io::Result<()> {
        match std::fs::remove_file(self.path.join(PROCESS)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Whether a process was the box, and none is about to be.
    #[must_use]
    pub fn was_started(&self) -> bool {
        self.path.join(PROCESS).exists()
    }

    /// The process of the box, if it lives.
    #[must_use]
    pub fn process(&self) -> Option<ProcessId> {
        self.read(PROCESS).ok().filter(ProcessId::alive)
    }

    /// The same also while it ends: its first thread may have ended before those that end the others of the box.
    #[must_use]
    pub fn process_to_the_last(&self) -> Option<ProcessId> {
        self.read(PROCESS).ok().filter(ProcessId::there)
    }

    /// The process that was the box and ended, until it is noted that nothing is left of it.
    #[must_use]
    pub fn ended(&self) -> Option<ProcessId> {
        let process: ProcessId = self.read(PROCESS).ok()?;
        let noted: Option<ProcessId> = self.read(ENDED).ok();
        (!process.alive() && noted != Some(process)).then_some(process)
    }

    /// # Errors
    /// As the file system says.
    pub fn note_end(&self, process: ProcessId) -> io::Result<()> {
        self.draft(ENDED)?.publish(&process)
    }

    fn draft(&self, name: &str) -> io::Result<Draft> {
        let (new, path) = (self.path.join(format!("{name}.new")), self.path.join(name));
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        Ok(Draft { file: options.open(&new)?, new, path })
    }

    fn read<T: DeserializeOwned>(&self, name: &str) -> io::Result<T> {
        Ok(serde_json::from_slice(&std::fs::read(self.path.join(name))?)?)
    }

    /// The listener of the daemon, to be handed in as a descriptor. One of the same name that is there is replaced.
    ///
    /// # Errors
    /// As the file system says.
    pub fn listen(&self) -> io::Result<UnixListener> {
        self.listen_as(DAEMON)
    }

    /// A listener of this name in `run`. One that is there is replaced.
    ///
    /// # Errors
    /// As the file system says.
    pub fn listen_as(&self, name: &str) -> io::Result<UnixListener> {
        let run = self.run()?;
        match std::fs::remove_file(run.socket(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => UnixListener::bind(run.socket(name)),
        }
    }

    /// A connection to the daemon of the box `id`.
    ///
    /// # Errors
    /// A box that does not run, or that ends at this moment.
    pub async fn connect(&self, id: &SandboxId) -> Result<UnixStream, SandboxError> {
        let connecting = async {
            let run = self.run()?;
            UnixStream::connect(run.socket(DAEMON)).await
        };
        match connecting.await {
            // Its listener is closed before its process is seen to have ended.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                Err(SandboxError::NotRunning { id: id.clone(), state: State::Stopped })
            }
            other => other.map_err(SandboxError::io(format!("connect to the sandbox `{id}`"))),
        }
    }

    fn run(&self) -> io::Result<Run> {
        let folder = std::fs::File::open(self.path.join("run"))?;
        Ok(Run { folder, path: self.path.join("run") })
    }

    /// Deletes the folder and all that is in it. One that is not there is success.
    ///
    /// # Errors
    /// What could not be deleted.
    pub fn remove(&self) -> io::Result<()> {
        delete_all(&self.path)
    }
}

/// A file that is there under another name until it is written whole.
#[derive(Debug)]
pub(super) struct Draft {
    file: std::fs::File,
    new: PathBuf,
    path: PathBuf,
}

impl Draft {
    /// Puts it in the place of what was there, without waiting for the disk: after a power cut no box is left that it could
    /// tell of.
    ///
    /// # Errors
    /// As the file system says.
    pub(super) fn publish(mut self, value: &impl Serialize) -> io::Result<()> {
        self.file.write_all(&serde_json::to_vec(value)?)?;
        std::fs::rename(self.new, self.path)
    }
}

const SPEC: &str = "spec.json";
const PROCESS: &str = "process.json";
const ENDED: &str = "ended.json";
/// The name of the daemon's listener.
const DAEMON: &str = "box.sock";

struct Run {
    folder: std::fs::File,
    path: PathBuf,
}

impl Run {
    /// The address of a Unix socket holds 108 bytes, which a home folder may exceed: there it is reached by descriptor.
    fn socket(&self, name: &str) -> PathBuf {
        let socket = self.path.join(name);
        if socket.as_os_str().len() < 100 {
            return socket;
        }
        PathBuf::from(format!("/proc/self/fd/{}/{name}", self.folder.as_raw_fd()))
    }
}

impl ProcessId {
    /// The process that has this number now.
    #[must_use]
    pub fn of(pid: i32) -> Option<Self> {
        let stat = super::tree::Stat::of(pid)?;
        Some(Self { pid, started: stat.started })
    }

    #[must_use]
    pub fn alive(&self) -> bool {
        super::tree::Stat::of(self.pid).is_some_and(|stat| stat.started == self.started && !stat.ended())
    }

    /// Whether the number is still its own, also where it has ended and nobody has waited for it.
    #[must_use]
    pub fn there(&self) -> bool {
        super::tree::Stat::of(self.pid).is_some_and(|stat| stat.started == self.started)
    }
}
