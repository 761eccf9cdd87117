//! The processes that become boxes, from the outside.

use std::{
    fs,
    io::{self, Write as _},
    net::Shutdown,
    os::{
        fd::{AsFd, OwnedFd},
        unix::net::{UnixListener, UnixStream},
    },
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use super::{
    config::{Bounds, GO, InitConfig, Phase, Said, Trouble},
    ending,
};
use crate::sandbox::{Layer, SandboxError, handoff};

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

impl From<Refusal> for SandboxError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Trouble(trouble) => trouble.into(),
            Refusal::Other(error) => error,
        }
    }
}

/// The process that those of boxes are forked from: that is quicker than to start each by itself. It ends with the process
/// that started it.
#[derive(Debug)]
pub(super) struct ForkServer {
    child: Child,
    socket: UnixStream,
}

impl ForkServer {
    /// # Errors
    /// As the system says.
    pub(super) fn start(program: &Path) -> io::Result<Self> {
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_write_timeout(Some(PATIENCE))?;
        let mut command = Command::new(program);
        // Its working directory it chooses itself.
        command.arg(super::init::COMMAND).env_clear().stdout(Stdio::null()).stderr(Stdio::null());
        // Our copy of its end goes with the command; it would hide that the process is gone.
        let child = command.stdin(OwnedFd::from(theirs)).spawn()?;
        Ok(Self { child, socket: ours })
    }

    /// # Errors
    /// As the system says; it is gone.
    pub(super) fn fork(&self) -> io::Result<Waiting> {
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_read_timeout(Some(PATIENCE))?;
        ours.set_write_timeout(Some(PATIENCE))?;
        handoff::send(&self.socket, &(), &[theirs.as_fd()])?;
        Ok(Waiting(ours))
    }
}

impl Drop for ForkServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A process that becomes a box once it is told which. Dropped before, it ends.
#[derive(Debug)]
pub(super) struct Waiting(UnixStream);

impl Waiting {
    /// Has it make the cgroup, and count as what is in there. To be called first.
    ///
    /// # Errors
    /// As the system says; it may have ended, and [`confined`](Self::confined) says why.
    pub(super) fn bound(&self, bounds: &Bounds) -> io::Result<()> {
        handoff::send(&self.0, bounds, &[])
    }

    /// Makes it the box of `config`.
    ///
    /// # Errors
    /// As of [`bound`](Self::bound).
    pub(super) fn tell(&self, config: &InitConfig) -> io::Result<()> {
        handoff::send(&self.0, config, &[])
    }

    /// Gives it what its daemon listens on, and where that says what it has to say.
    ///
    /// # Errors
    /// As of [`bound`](Self::bound).
    pub(super) fn hand(&self, listener: &UnixListener, log: &fs::File) -> io::Result<()> {
        handoff::send(&self.0, &(), &[listener.as_fd(), log.as_fd()])
    }

    /// Waits until it is confined. `told` is how it went to tell it what it is to be: one that ended before may have said
    /// why.
    pub(super) fn confined(self, told: io::Result<()>) -> Result<Launched, Refusal> {
        let starting = |error| Refusal::Other(SandboxError::io("start the process of the sandbox")(error));
        let told = match told {
            Err(error) if !matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset) => {
                // It does not know that nothing more comes.
                self.abandon();
                return Err(starting(error));
            }
            told => told,
        };
        let heard = || -> io::Result<Said> {
            let (said, outer) = handoff::receive::<Said>(&self.0)?;
            // It has gone on as another process, which lives as long as our end of the socket until it is told to go on.
            outer.iter().try_for_each(|outer| ending::wait(outer, PATIENCE))?;
            Ok(said)
        };
        match (heard(), told) {
            (Ok(Said::Failed(trouble)), _) => Err(Refusal::Trouble(trouble)),
            (_, Err(error)) | (Err(error), Ok(())) => Err(starting(error)),
            (Ok(Said::Confined { pid, layers }), Ok(())) => Ok(Launched { pid, layers, socket: self.0 }),
        }
    }

    /// Ends it, and waits until it has ended: it may be making its cgroup.
    pub(super) fn abandon(self) {
        // What it may have to say does not matter any more.
        let _ = self.0.shutdown(Shutdown::Write);
        let _ = io::copy(&mut &self.0, &mut io::sink());
    }
}

impl Launched {
    /// Lets the box live on by itself.
    pub(super) fn go(&self) {
        // One that is gone has said why.
        let _ = (&self.socket).write_all(&[GO]);
    }

    /// Waits until its daemon answers. The box of a tied lifetime ends with the socket.
    pub(super) fn answers(self) -> Result<UnixStream, SandboxError> {
        handoff::await_report(&self.socket, PATIENCE).map_err(SandboxError::io("start the daemon of the sandbox"))?;
        Ok(self.socket)
    }
}

impl From<Trouble> for SandboxError {
    fn from(trouble: Trouble) -> Self {
        let hint = match trouble.phase {
            Phase::Namespaces => Some("`agentscope sandbox doctor` shows what this machine offers".to_owned()),
            Phase::Box | Phase::Confinement => trouble.lacking().map(str::to_owned),
        };
        Self::Failed { what: trouble.to_string(), hint }
    }
}
