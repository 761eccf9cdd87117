//! Starts the process that becomes a box, and puts the box on record.

use std::{
    fs,
    io::{self, Write as _},
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::net::{UnixListener, UnixStream},
    },
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use super::config::{GO, InitConfig, Phase, Said, Trouble};
use crate::sandbox::{BoxFolder, Layer, SandboxError, handoff};

/// How long a box may take to be made.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// A box that is confined and ends with this value until it is told to go on.
pub(super) struct Launched {
    pub(super) pid: i32,
    pub(super) layers: Vec<Layer>,
    socket: UnixStream,
}

/// Why none came of it.
pub(super) enum Refusal {
    /// The box itself says so.
    Trouble(Trouble),
    Other(SandboxError),
}

/// Starts `program` as the box of `config`, whose daemon listens on `listener`. What it says goes to `log`.
pub(super) fn launch(
    program: &Path,
    config: &InitConfig,
    listener: Option<&UnixListener>,
    log: &BoxFolder,
) -> Result<Launched, Refusal> {
    let said = start(program, config, listener, log)
        .map_err(|error| Refusal::Other(SandboxError::io("start the process of the sandbox")(error)))?;
    match said {
        (Said::Confined { pid, layers }, socket) => Ok(Launched { pid, layers, socket }),
        (Said::Failed(trouble), _) => Err(Refusal::Trouble(trouble)),
    }
}

fn start(
    program: &Path,
    config: &InitConfig,
    listener: Option<&UnixListener>,
    log: &BoxFolder,
) -> io::Result<(Said, UnixStream)> {
    let (ours, theirs) = UnixStream::pair()?;
    ours.set_read_timeout(Some(PATIENCE))?;
    let log: Stdio = match &config.daemon {
        Some(_) => fs::OpenOptions::new().create(true).append(true).open(log.log())?.into(),
        None => Stdio::null(),
    };
    let mut command = Command::new(program);
    command.arg(super::init::COMMAND).env_clear().current_dir("/");
    let mut child = command.stdin(OwnedFd::from(theirs)).stdout(Stdio::null()).stderr(log).spawn()?;
    // Else our copy of its end would hide that it is gone.
    drop(command);
    let listener: Vec<_> = listener.iter().map(|listener| listener.as_fd()).collect();
    let said = handoff::send(&ours, config, &listener).and_then(|()| handoff::receive::<Said>(&ours));
    if said.is_err() {
        // It may hang; the one that it forked ends with our end of the socket.
        let _ = child.kill();
    }
    child.wait()?;
    Ok((said?.0, ours))
}

impl Launched {
    /// Lets the box live on by itself, and waits until its daemon answers. The box of a tied lifetime ends with the
    /// socket.
    pub(super) fn go(self) -> Result<UnixStream, SandboxError> {
        let gone = || -> io::Result<UnixStream> {
            (&self.socket).write_all(&[GO])?;
            handoff::await_report(&self.socket, PATIENCE)?;
            Ok(self.socket)
        };
        gone().map_err(SandboxError::io("start the daemon of the sandbox"))
    }
}

impl From<Trouble> for SandboxError {
    fn from(trouble: Trouble) -> Self {
        let hint = match trouble.phase {
            Phase::Namespaces => Some("`agentscope sandbox doctor` shows what this machine offers".to_owned()),
            Phase::Box | Phase::Confinement => None,
        };
        Self::Failed { what: trouble.to_string(), hint }
    }
}
