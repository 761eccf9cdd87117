//! Programs that calls start: found, started in a process group or terminal of their own, their output carried away as
//! fast as somebody takes it, and ended whole.

use std::{
    io,
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::{
            fs::PermissionsExt as _,
            process::{CommandExt as _, ExitStatusExt as _},
        },
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use futures_util::FutureExt as _;
use rustix::{
    io::Errno,
    process::{Pid, Signal},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    sync::{mpsc, watch},
    time::Instant,
};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    Daemon, Strikes,
    children::{Owned, kill_tree},
};
use crate::sandbox::wire::{Channel, ExecSpec, ExitStatus, Limit, StartFailure, WindowSize};

/// One read of output.
const CHUNK: usize = 32 << 10;
/// Output that waits for its taker, in reads; then the program waits.
const WAITING: usize = 2;
/// How long after the end of a program its output is still read, where something that it left behind holds it open.
const GRACE: Duration = Duration::from_millis(100);
/// And how much of it: the most that a pipe holds. Source: pipe(7), `/proc/sys/fs/pipe-max-size`.
const LEFT_OVER: usize = 1 << 20;

/// Source: paths.h, `_PATH_BSHELL`.
const SHELL: &str = "/bin/sh";

/// How often room is made for a program: what is ended may take a moment to be gone.
const TRIES: usize = 10;

/// A running program. Dropping it kills the program and all that it started.
pub(super) struct Program {
    /// Ends after the program, with what it wrote until then.
    pub(super) output: mpsc::Receiver<(Channel, Bytes)>,
    pub(super) input: Input,
    pub(super) handle: Handle,
    /// Held as long as the program may run.
    pub(super) kill: DropGuard,
}

/// A program that somebody else reads.
#[derive(Clone)]
pub(super) struct Handle {
    pub(super) pid: Pid,
    /// `None` until it has ended.
    exit: watch::Receiver<Option<ExitStatus>>,
    terminal: Option<Arc<OwnedFd>>,
}

/// To the standard input of a program, or to its terminal.
pub(super) struct Input {
    writer: Option<Box<dyn AsyncWrite + Send + Unpin>>,
    terminal: bool,
}

/// Why a program was not started.
enum Hindrance {
    /// There are as many processes as the box may have.
    NoRoom,
    Other(StartFailure),
}

impl From<StartFailure> for Hindrance {
    fn from(failure: StartFailure) -> Self {
        Self::Other(failure)
    }
}

impl From<Hindrance> for StartFailure {
    fn from(hindrance: Hindrance) -> Self {
        match hindrance {
            Hindrance::NoRoom => Self::Failed("the sandbox has as many processes as it may".to_owned()),
            Hindrance::Other(failure) => failure,
        }
    }
}

struct Started {
    owned: Owned,
    outputs: Vec<(Channel, Box<dyn AsyncRead + Send + Unpin>)>,
    input: Input,
    terminal: Option<Arc<OwnedFd>>,
}

impl Program {
    /// Starts `spec`. Where there is no room for another process, what earlier calls left behind has to go.
    ///
    /// # Errors
    /// In the terms of a shell.
    pub(super) async fn start(daemon: &Arc<Daemon>, spec: &ExecSpec) -> Result<Self, StartFailure> {
        for _ in 0..TRIES {
            match Self::try_start(daemon, spec) {
                Err(Hindrance::NoRoom) => daemon.children.end_left().await,
                tried => return Ok(tried?),
            }
        }
        Ok(Self::try_start(daemon, spec)?)
    }

    fn try_start(daemon: &Arc<Daemon>, spec: &ExecSpec) -> Result<Self, Hindrance> {
        let folder = folder(daemon, spec.cwd.as_deref())?;
        let name = spec.argv.first().filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| StartFailure::Failed("there is no program to run".to_owned()))?;
        let mark = daemon.new_mark();
        let mut env = daemon.environment(&spec.env, &mark);
        if spec.pty.is_some() {
            env.entry("TERM".to_owned()).or_insert_with(|| "xterm-256color".to_owned());
        }
        let path = find(name, &folder, env.get("PATH").map_or("", String::as_str))?;
        let before = daemon.keeper.strikes();
        let start = |mut command: Command| {
            command.args(&spec.argv[1..]).env_clear().envs(&env).env("PWD", &folder).current_dir(&folder);
            daemon.keeper.prepare(&mut command);
            match spec.pty {
                Some(size) => in_terminal(daemon, &mark, command, size),
                None => with_pipes(daemon, &mark, command, spec.stdin),
            }
        };
        let mut itself = Command::new(&path);
        itself.arg0(name);
        let started = match start(itself) {
            // Text that says nothing of what runs it is for the shell. Source: execvp(3).
            Err(error) if error.raw_os_error() == Some(Errno::NOEXEC.raw_os_error()) => {
                let mut shell = Command::new(SHELL);
                shell.arg(&path);
                start(shell)
            }
            started => started,
        };
        let started = started.map_err(|error| refused(name, &error))?;
        daemon.keeper.started(started.owned.pid);
        Ok(Self::watch(daemon, started, Watch { mark, before, timeout: spec.timeout }))
    }

    fn watch(daemon: &Arc<Daemon>, started: Started, watch: Watch) -> Self {
        let (taken, output) = mpsc::channel(WAITING);
        let (ended, exit) = watch::channel(None);
        for (channel, source) in started.outputs {
            tokio::spawn(carry(channel, source, taken.clone(), exit.clone()));
        }
        let kill = CancellationToken::new();
        let handle = Handle { pid: started.owned.pid, exit, terminal: started.terminal };
        tokio::spawn({
            let (daemon, kill) = (Arc::clone(daemon), kill.clone());
            async move {
                let status = watch.until_end(&daemon, started.owned, kill).await;
                ended.send_replace(Some(status));
            }
        });
        Self { output, input: started.input, handle, kill: kill.drop_guard() }
    }
}

impl Handle {
    /// To the program's process group, or to the one that has its terminal.
    ///
    /// # Errors
    /// No such signal.
    pub(super) fn signal(&self, number: i32) -> Result<(), String> {
        let signal = Signal::from_named_raw(number).ok_or_else(|| format!("there is no signal {number}"))?;
        // Once it has been waited for, its number may be another's.
        if self.ended().is_none() {
            let foreground = self.terminal.as_ref().and_then(|terminal| rustix::termios::tcgetpgrp(terminal).ok());
            // A group that is gone has what it was to be told.
            let _ = rustix::process::kill_process_group(foreground.unwrap_or(self.pid), signal);
        }
        Ok(())
    }

    pub(super) fn resize(&self, size: WindowSize) {
        if let Some(terminal) = &self.terminal {
            let size = rustix::termios::Winsize { ws_row: size.rows, ws_col: size.columns, ws_xpixel: 0, ws_ypixel: 0 };
            // One that hung up shows nothing.
            let _ = rustix::termios::tcsetwinsize(terminal, size);
        }
    }

    pub(super) fn ended(&self) -> Option<ExitStatus> {
        *self.exit.borrow()
    }

    pub(super) async fn exit(&self) -> ExitStatus {
        let status = self.exit.clone().wait_for(Option::is_some).await.ok().and_then(|status| *status);
        status.unwrap_or(UNKNOWN)
    }
}

impl Input {
    fn new(writer: Option<Box<dyn AsyncWrite + Send + Unpin>>, terminal: bool) -> Self {
        Self { writer, terminal }
    }

    /// # Errors
    /// A program that reads no more.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.writer {
            Some(writer) => writer.write_all(bytes).await,
            None => Ok(()),
        }
    }

    pub(super) async fn close(&mut self) {
        if self.terminal {
            // What ends the input of a terminal is a character: `VEOF` of termios(3).
            let _ = self.write(&[4]).await;
        }
        self.writer = None;
    }
}

/// What is needed to tell how a program ended.
struct Watch {
    mark: String,
    before: Strikes,
    timeout: Option<Duration>,
}

impl Watch {
    async fn until_end(self, daemon: &Arc<Daemon>, mut owned: Owned, kill: CancellationToken) -> ExitStatus {
        let deadline = async {
            match self.timeout.and_then(|timeout| Instant::now().checked_add(timeout)) {
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        let (status, late) = tokio::select! {
            status = owned.child.wait() => (status, false),
            () = deadline => {
                kill_tree(owned.pid, &self.mark).await;
                (owned.child.wait().await, true)
            }
            () = kill.cancelled() => {
                kill_tree(owned.pid, &self.mark).await;
                (owned.child.wait().await, false)
            }
        };
        let status = status.map_or(UNKNOWN, plain);
        let limit = if late { Some(Limit::Timeout) } else { limit_of(daemon, &self.before, status).await };
        if limit == Some(Limit::Pids) {
            // What is left of it would leave no room for anything else.
            kill_tree(owned.pid, &self.mark).await;
        }
        ExitStatus { limit, ..status }
    }
}

/// Where the system does not tell, which happens only while the daemon ends.
const UNKNOWN: ExitStatus = ExitStatus { code: None, signal: None, limit: None };

pub(super) fn plain(status: std::process::ExitStatus) -> ExitStatus {
    ExitStatus { code: status.code(), signal: status.signal(), limit: None }
}

/// What a shell makes of a program that ended for a file that was too large.
const AS_SHELL_TELLS_XFSZ: i32 = 128 + Signal::XFSZ.as_raw();

/// Which limit of the box a program hit. One that did its work is not told of what a child of it ran into.
pub(super) async fn limit_of(daemon: &Arc<Daemon>, before: &Strikes, status: ExitStatus) -> Option<Limit> {
    if status.code == Some(0) {
        return None;
    }
    let looking = Arc::clone(daemon);
    // It only looks: what is not seen is not told.
    let _ = tokio::task::spawn_blocking(move || looking.keeper.look()).await;
    let now = daemon.keeper.strikes();
    if now.memory > before.memory {
        Some(Limit::Memory)
    } else if now.pids > before.pids {
        Some(Limit::Pids)
    } else if now.disk > before.disk
        || now.disk_full
        || status.signal == Some(Signal::XFSZ.as_raw())
        || status.code == Some(AS_SHELL_TELLS_XFSZ)
    {
        Some(Limit::Disk)
    } else {
        None
    }
}

/// The folder that a program starts in.
fn folder(daemon: &Daemon, cwd: Option<&str>) -> Result<PathBuf, StartFailure> {
    let folder = cwd.map_or_else(|| daemon.workspace.clone(), |cwd| daemon.workspace.join(cwd));
    match std::fs::metadata(&folder) {
        Ok(found) if found.is_dir() => Ok(folder),
        Ok(_) => Err(StartFailure::Failed(format!("the working directory `{}` is not a folder", folder.display()))),
        Err(error) => {
            Err(StartFailure::Failed(format!("cannot use the working directory `{}`: {error}", folder.display())))
        }
    }
}

/// As a shell finds it. By ourselves, because then no process is made to find out that there is none, and because the
/// standard library starts what it need not search for without copying our memory.
pub(super) fn find(name: &str, folder: &Path, search_path: &str) -> Result<PathBuf, StartFailure> {
    let runnable =
        |path: &Path| std::fs::metadata(path).map(|found| found.is_file() && found.permissions().mode() & 0o111 != 0);
    let cannot = |reason: &str| StartFailure::CannotRun { program: name.to_owned(), reason: reason.to_owned() };
    if name.contains('/') {
        let path = folder.join(name);
        return match runnable(&path) {
            Ok(true) => Ok(path),
            Ok(false) => Err(cannot("it is not an executable file")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(StartFailure::NotFound(name.to_owned())),
            Err(error) => Err(cannot(&error.to_string())),
        };
    }
    let mut there = false;
    for place in search_path.split(':').filter(|place| !place.is_empty()) {
        let path = folder.join(place).join(name);
        match runnable(&path) {
            Ok(true) => return Ok(path),
            Ok(false) => there = true,
            Err(_) => {}
        }
    }
    Err(if there { cannot("it is not an executable file") } else { StartFailure::NotFound(name.to_owned()) })
}

fn refused(name: &str, error: &io::Error) -> Hindrance {
    let reason = match error.kind() {
        // fork(2) says EAGAIN at a limit of processes.
        io::ErrorKind::WouldBlock => return Hindrance::NoRoom,
        io::ErrorKind::NotFound => "the interpreter or loader that it names is not there".to_owned(),
        _ => error.to_string(),
    };
    StartFailure::CannotRun { program: name.to_owned(), reason }.into()
}

fn with_pipes(daemon: &Daemon, mark: &str, mut command: Command, stdin: bool) -> io::Result<Started> {
    command
        .process_group(0)
        .stdin(if stdin { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut owned = daemon.children.own(mark, || daemon.start(|| tokio::process::Command::from(command).spawn()))?;
    let child = &mut owned.child;
    let mut outputs: Vec<(Channel, Box<dyn AsyncRead + Send + Unpin>)> = vec![];
    if let Some(stdout) = child.stdout.take() {
        outputs.push((Channel::Stdout, Box::new(stdout)));
    }
    if let Some(stderr) = child.stderr.take() {
        outputs.push((Channel::Stderr, Box::new(stderr)));
    }
    let writer = child.stdin.take().map(|stdin| Box::new(stdin) as Box<dyn AsyncWrite + Send + Unpin>);
    Ok(Started { owned, outputs, input: Input::new(writer, false), terminal: None })
}

fn in_terminal(daemon: &Daemon, mark: &str, command: Command, size: WindowSize) -> io::Result<Started> {
    let plain = |error: pty_process::Error| match error {
        pty_process::Error::Io(error) => error,
        other => io::Error::other(other),
    };
    let (pty, pts) = pty_process::open().map_err(plain)?;
    pty.resize(pty_process::Size::new(size.rows, size.columns)).map_err(plain)?;
    let terminal = Arc::new(pty.as_fd().try_clone_to_owned()?);
    let command = pty_process::Command::from(tokio::process::Command::from(command));
    let owned = daemon.children.own(mark, || daemon.start(move || command.spawn(pts).map_err(plain)))?;
    let (reader, writer) = pty.into_split();
    let input = Input::new(Some(Box::new(writer)), true);
    Ok(Started { owned, outputs: vec![(Channel::Stdout, Box::new(reader))], input, terminal: Some(terminal) })
}

/// Carries output away until nothing can write it any more, or the program has ended and what it wrote is read. What
/// it left behind may hold its output open for ever.
async fn carry(
    channel: Channel,
    mut source: Box<dyn AsyncRead + Send + Unpin>,
    taker: mpsc::Sender<(Channel, Bytes)>,
    mut exit: watch::Receiver<Option<ExitStatus>>,
) {
    let mut buffer = vec![0; CHUNK];
    loop {
        let read = tokio::select! {
            biased;
            read = source.read(&mut buffer) => read,
            _ = exit.wait_for(Option::is_some) => break,
        };
        // A terminal that nobody holds any more gives an error in place of an end.
        let Ok(length @ 1..) = read else { return };
        if taker.send((channel, Bytes::copy_from_slice(&buffer[..length]))).await.is_err() {
            return;
        }
    }
    let until = Instant::now() + GRACE;
    let mut left = LEFT_OVER;
    while left > 0 {
        let read = match tokio::task::coop::unconstrained(source.read(&mut buffer)).now_or_never() {
            Some(read) => read,
            None => match tokio::time::timeout_at(until, source.read(&mut buffer)).await {
                Ok(read) => read,
                Err(_) => return,
            },
        };
        let Ok(length @ 1..) = read else { return };
        left = left.saturating_sub(length);
        if taker.send((channel, Bytes::copy_from_slice(&buffer[..length]))).await.is_err() {
            return;
        }
    }
}
