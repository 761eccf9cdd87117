//! The server: a child that is given its listener and its secrets by the socket that is its standard input.

use std::{
    io,
    net::TcpListener,
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::net::UnixStream,
    },
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use rustix::process::Pid;
use tokio::sync::oneshot;

use super::Shared;
use crate::{
    deploy::local::{SERVE, wire::Order},
    sandbox::{self, handoff},
};

/// How long the turns that run may take to end: the server itself gives them less.
const GRACE: Duration = Duration::from_secs(30);

/// How long the log of one that ended is waited for.
const LAST: Duration = Duration::from_secs(1);

pub(super) struct Child {
    process: tokio::process::Child,
    socket: UnixStream,
    /// Told when all that it wrote is in the log.
    logged: oneshot::Receiver<()>,
}

impl Child {
    /// Must be called within the runtime.
    pub(super) fn start(shared: &Arc<Shared>, listener: &TcpListener) -> io::Result<Self> {
        let (ours, theirs) = UnixStream::pair()?;
        let (reads, writes) = io::pipe()?;
        let serving = &shared.begin.serving;
        let mut command = tokio::process::Command::new(sandbox::program());
        command
            .arg0("agentscope")
            .arg(SERVE)
            .arg(&serving.agent)
            .env("AGENTSCOPE_HOME", shared.place.data())
            .current_dir(serving.agent.parent().unwrap_or(&shared.place.folder))
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(writes.try_clone()?)
            .stderr(writes)
            // Who signals the supervisor means it alone: it ends the server in order.
            .process_group(0);
        let process = command.spawn()?;
        drop(command);
        shared.note_processes(process.id())?;
        let logged = shared.log.take(reads)?;
        handoff::send(&ours, serving, &[listener.as_fd()])?;
        Ok(Self { process, socket: ours, logged })
    }

    /// Waits for its end, and says how it was.
    pub(super) async fn ended(&mut self) -> String {
        match self.process.wait().await {
            Ok(status) => {
                use std::os::unix::process::ExitStatusExt as _;
                match (status.code(), status.signal()) {
                    (Some(code), _) => format!("exit code {code}"),
                    (_, Some(signal)) => format!("signal {signal}"),
                    _ => "nobody knows how".to_owned(),
                }
            }
            Err(error) => error.to_string(),
        }
    }

    /// Lets it answer there from now on.
    pub(super) fn listen(&self, listener: &TcpListener) -> io::Result<()> {
        handoff::send(&self.socket, &Order::Listen, &[listener.as_fd()])
    }

    /// Lets it end what it answers, and listen no more.
    pub(super) async fn leave(&mut self) {
        // Where it cannot be told it has ended.
        let _ = handoff::send(&self.socket, &Order::Leave, &[]);
        self.wait().await;
    }

    /// Lets it end as soon as it can: nobody has its place.
    pub(super) async fn stop(&mut self) {
        // It was not waited for, so the number is still its own.
        let pid = self.process.id().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
        if let Some(pid) = pid {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        self.wait().await;
    }

    async fn wait(&mut self) {
        if tokio::time::timeout(GRACE, self.process.wait()).await.is_err() {
            let _ = self.process.kill().await;
        }
    }

    /// Ends it at once: nobody talks to it yet. What it said at last is in the log then.
    pub(super) async fn end(&mut self) {
        let _ = self.process.kill().await;
        // A program of its own that goes on may hold the pipe.
        let _ = tokio::time::timeout(LAST, &mut self.logged).await;
    }
}
