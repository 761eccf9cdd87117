//! The process of an interpreter and what is said with it.

use std::{
    collections::BTreeMap,
    io,
    os::{
        fd::AsRawFd as _,
        unix::{net::UnixStream as StdUnixStream, process::CommandExt as _},
    },
    process::{Command, ExitStatus as ProcessStatus, Stdio},
    sync::Arc,
    time::Duration,
};

use bytes::BytesMut;
use futures_util::FutureExt as _;
use rustix::process::Signal;
use serde::Deserialize;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{mpsc, oneshot},
};

use crate::sandbox::{
    daemon::{
        Daemon, Strikes,
        children::{Owned, kill_tree},
        program::{find, limit_of, plain},
    },
    wire::{CellEvent, CellOutcome, Limit},
};

const DRIVER: &str = include_str!("driver.py");
/// How long an interpreter may take to start: on a busy machine, with IPython, some seconds.
const START: Duration = Duration::from_secs(60);
/// Longest message of the driver: a figure, in base64.
const LONGEST: usize = 64 << 20;
/// Most that is read of each stream once a cell is done: what a pipe holds.
const LEFT_OVER: usize = 1 << 20;
const CHUNK: usize = 32 << 10;

/// Why there is no interpreter.
#[derive(Debug, thiserror::Error)]
pub(in crate::sandbox::daemon) enum NoPython {
    #[error("there is no Python in this sandbox; use an image that has it, or install it on this machine")]
    Missing,
    #[error("Python did not start: the sandbox has as many processes as it may")]
    NoRoom,
    #[error("Python did not start: {0}")]
    Broken(String),
}

pub(super) struct Interpreter {
    owned: Owned,
    mark: String,
    daemon: Arc<Daemon>,
    from_driver: Lines,
    to_driver: OwnedWriteHalf,
    stdout: Stream,
    stderr: Stream,
    status: Option<ProcessStatus>,
}

/// What the driver says.
struct Lines {
    source: OwnedReadHalf,
    buffer: BytesMut,
    /// Where there is no end of a line up to here.
    scanned: usize,
}

/// A stream of text, which may break off in the middle of a character.
struct Stream {
    source: Option<Box<dyn AsyncRead + Send + Unpin>>,
    buffer: BytesMut,
    event: fn(String) -> CellEvent,
}

/// What came from an interpreter.
pub(super) enum Heard {
    More,
    Done(CellOutcome),
    Dead(ProcessStatus),
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Said {
    Ready(serde::de::IgnoredAny),
    Display(BTreeMap<String, String>),
    Done(Outcome),
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Ok,
    Error,
    Interrupted,
}

impl Interpreter {
    pub(super) async fn start(daemon: &Arc<Daemon>) -> Result<Self, NoPython> {
        let broken = |error: io::Error| NoPython::Broken(error.to_string());
        let (ours, theirs) = StdUnixStream::pair().map_err(broken)?;
        ours.set_nonblocking(true).map_err(broken)?;
        let (from_driver, to_driver) = UnixStream::from_std(ours).map_err(broken)?.into_split();
        let mark = daemon.new_mark();
        let mut owned = match spawn(daemon, &theirs, &mark) {
            Err(NoPython::NoRoom) => {
                daemon.children.end_left().await;
                spawn(daemon, &theirs, &mark)?
            }
            spawned => spawned?,
        };
        daemon.keeper.started(owned.pid);
        let stdout = Stream::new(owned.child.stdout.take(), CellEvent::Stdout);
        let stderr = Stream::new(owned.child.stderr.take(), CellEvent::Stderr);
        let from_driver = Lines { source: from_driver, buffer: BytesMut::new(), scanned: 0 };
        let (daemon, status) = (Arc::clone(daemon), None);
        let mut this = Self { owned, mark, daemon, from_driver, to_driver, stdout, stderr, status };
        match tokio::time::timeout(START, this.until_ready()).await {
            Ok(Ok(())) => Ok(this),
            Ok(Err(status)) => {
                let last = this.stderr.rest().await;
                let last = last.lines().next_back().map_or_else(|| describe(status), str::to_owned);
                Err(NoPython::Broken(last))
            }
            Err(_) => {
                this.kill().await;
                Err(NoPython::Broken(format!("it was not ready within {} s", START.as_secs())))
            }
        }
    }

    async fn until_ready(&mut self) -> Result<(), ProcessStatus> {
        loop {
            tokio::select! {
                biased;
                said = self.from_driver.next() => match said {
                    Ok(line) => {
                        if let Ok(Said::Ready(_)) = serde_json::from_slice(&line) {
                            return Ok(());
                        }
                    }
                    // It ends, or has been ended.
                    Err(_) => return Err(self.wait().await),
                },
                status = wait(&mut self.owned, &mut self.status) => return Err(status),
            }
        }
    }

    pub(super) fn strikes(&self) -> Strikes {
        self.daemon.keeper.strikes()
    }

    pub(super) fn limit(&self, before: Strikes, status: ProcessStatus) -> impl Future<Output = Option<Limit>> + use<> {
        let daemon = Arc::clone(&self.daemon);
        async move { limit_of(&daemon, &before, plain(status)).await }
    }

    /// Sends the code. Where the interpreter is gone, that is heard next.
    pub(super) async fn begin(&mut self, code: &str) {
        let mut line = serde_json::json!({ "code": code }).to_string();
        line.push('\n');
        let write = self.to_driver.write_all(line.as_bytes());
        tokio::select! {
            // Told by what is heard.
            _ = write => {}
            _ = wait(&mut self.owned, &mut self.status) => {}
        }
    }

    /// Passes on what comes next, once there is room for it.
    pub(super) async fn hear(&mut self, taker: &mpsc::Sender<CellEvent>) -> Heard {
        // Whom nobody takes from still has to be ended, and may write until then.
        let permit = taker.reserve().await.ok();
        let event = tokio::select! {
            biased;
            event = self.stdout.next() => event,
            event = self.stderr.next() => event,
            said = self.from_driver.next() => match said.map(|line| serde_json::from_slice(&line)) {
                Ok(Ok(Said::Display(bundle))) => CellEvent::Display(bundle),
                Ok(Ok(Said::Done(outcome))) => return Heard::Done(outcome.into()),
                Ok(Ok(Said::Ready(_)) | Err(_)) => return Heard::More,
                Err(_) => return Heard::Dead(self.end().await),
            },
            status = wait(&mut self.owned, &mut self.status) => return Heard::Dead(status),
        };
        if let Some(permit) = permit {
            permit.send(event);
        }
        Heard::More
    }

    /// Passes on what a cell wrote until it was done.
    pub(super) async fn drain(&mut self, taker: &mpsc::Sender<CellEvent>) {
        for stream in [&mut self.stdout, &mut self.stderr] {
            let text = stream.rest().await;
            if !text.is_empty() {
                // One who is gone does not want to know.
                let _ = taker.send((stream.event)(text)).await;
            }
        }
    }

    /// Throws away what is written until `stopped`, or until the interpreter is dead.
    pub(super) async fn discard_until(&mut self, mut stopped: oneshot::Receiver<()>) {
        loop {
            tokio::select! {
                biased;
                _ = &mut stopped => break,
                _ = self.stdout.next() => {}
                _ = self.stderr.next() => {}
                _ = wait(&mut self.owned, &mut self.status) => break,
            }
        }
        self.stdout.rest().await;
        self.stderr.rest().await;
    }

    /// To it and to the programs that it started.
    pub(super) fn interrupt(&self) {
        // One that is gone is heard of.
        let _ = rustix::process::kill_process_group(self.owned.pid, Signal::INT);
    }

    pub(super) async fn kill(&mut self) {
        kill_tree(self.owned.pid, &self.mark).await;
        self.wait().await;
    }

    /// How it died, if it did.
    pub(super) fn death(&mut self) -> Option<ProcessStatus> {
        if self.status.is_none() {
            self.status = self.owned.child.try_wait().ok().flatten();
        }
        self.status
    }

    /// For one that closed its end, which it does only as it ends, or as user code closes what is not its own.
    async fn end(&mut self) -> ProcessStatus {
        let ended = tokio::time::timeout(Duration::from_secs(1), self.wait()).await;
        match ended {
            Ok(status) => status,
            Err(_) => {
                self.kill().await;
                self.wait().await
            }
        }
    }

    async fn wait(&mut self) -> ProcessStatus {
        wait(&mut self.owned, &mut self.status).await
    }
}

fn spawn(daemon: &Daemon, theirs: &StdUnixStream, mark: &str) -> Result<Owned, NoPython> {
    let broken = |error: io::Error| NoPython::Broken(error.to_string());
    let env = daemon.environment(&BTreeMap::new(), mark);
    let search_path = env.get("PATH").map_or("", String::as_str);
    let found = ["python3", "python"].iter().map(|name| find(name, &daemon.workspace, search_path));
    let path = found.reduce(|first, second| first.or(second)).and_then(Result::ok).ok_or(NoPython::Missing)?;
    let mut command = Command::new(path);
    command
        .args(["-c", DRIVER, &theirs.as_raw_fd().to_string()])
        .env_clear()
        .envs(&env)
        .current_dir(&daemon.workspace)
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    daemon.keeper.prepare(&mut command);
    // Inherited by this child alone: nothing else is started in between, for this thread has everything started.
    rustix::io::fcntl_setfd(theirs, rustix::io::FdFlags::empty()).map_err(|error| broken(error.into()))?;
    let owned = daemon.children.own(mark, || daemon.start(|| tokio::process::Command::from(command).spawn()));
    rustix::io::fcntl_setfd(theirs, rustix::io::FdFlags::CLOEXEC).map_err(|error| broken(error.into()))?;
    owned.map_err(|error| match error.kind() {
        // fork(2) says EAGAIN at a limit of processes.
        io::ErrorKind::WouldBlock => NoPython::NoRoom,
        _ => broken(error),
    })
}

async fn wait(owned: &mut Owned, known: &mut Option<ProcessStatus>) -> ProcessStatus {
    if let Some(status) = *known {
        return status;
    }
    let status = owned.child.wait().await.unwrap_or_default();
    *known = Some(status);
    status
}

impl Lines {
    /// The next line, without its end. May be dropped and asked again.
    async fn next(&mut self) -> io::Result<BytesMut> {
        loop {
            if let Some(end) = self.buffer[self.scanned..].iter().position(|byte| *byte == b'\n') {
                let mut line = self.buffer.split_to(self.scanned + end + 1);
                line.truncate(self.scanned + end);
                self.scanned = 0;
                return Ok(line);
            }
            self.scanned = self.buffer.len();
            self.buffer.reserve(CHUNK);
            if self.scanned > LONGEST || self.source.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

impl Stream {
    fn new(source: Option<impl AsyncRead + Send + Unpin + 'static>, event: fn(String) -> CellEvent) -> Self {
        let source = source.map(|source| Box::new(source) as Box<dyn AsyncRead + Send + Unpin>);
        Self { source, buffer: BytesMut::new(), event }
    }

    /// The next text; never for a stream that is closed. May be dropped and asked again.
    async fn next(&mut self) -> CellEvent {
        loop {
            let Some(source) = &mut self.source else { std::future::pending().await };
            self.buffer.reserve(CHUNK);
            match source.read_buf(&mut self.buffer).await {
                Ok(1..) => {}
                Ok(0) | Err(_) => self.source = None,
            }
            let text = take_text(&mut self.buffer, self.source.is_none());
            if !text.is_empty() {
                return (self.event)(text);
            }
        }
    }

    /// What is there already.
    async fn rest(&mut self) -> String {
        let mut text = String::new();
        while let Some(source) = &mut self.source
            && text.len() < LEFT_OVER
        {
            self.buffer.reserve(CHUNK);
            match tokio::task::coop::unconstrained(source.read_buf(&mut self.buffer)).now_or_never() {
                None => break,
                Some(Ok(1..)) => {}
                Some(Ok(0) | Err(_)) => self.source = None,
            }
            text.push_str(&take_text(&mut self.buffer, false));
        }
        text.push_str(&take_text(&mut self.buffer, true));
        text
    }
}

/// Takes what is whole; at the end of a text, all. What is not UTF-8 is shown as U+FFFD.
fn take_text(buffer: &mut BytesMut, end: bool) -> String {
    let whole = if end { buffer.len() } else { buffer.len() - broken_off(buffer) };
    String::from_utf8_lossy(&buffer.split_to(whole)).into_owned()
}

/// Bytes at the end that may become a character.
fn broken_off(text: &[u8]) -> usize {
    for (back, byte) in text.iter().rev().take(3).enumerate() {
        let needed = match byte {
            0x80..=0xbf => continue,
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf4 => 4,
            _ => 1,
        };
        return if needed > back + 1 { back + 1 } else { 0 };
    }
    0
}

pub(super) fn describe(status: ProcessStatus) -> String {
    match (plain(status).code, plain(status).signal) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "nobody knows how".to_owned(),
    }
}

impl From<Outcome> for CellOutcome {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Ok => Self::Ok,
            Outcome::Error => Self::Error,
            Outcome::Interrupted => Self::Interrupted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_that_is_cut_waits_for_its_rest() {
        let mut buffer = BytesMut::from("aä".as_bytes());
        let rest = buffer.split_off(2);
        assert_eq!(take_text(&mut buffer, false), "a");
        buffer.extend_from_slice(&rest);
        assert_eq!(take_text(&mut buffer, false), "ä");
        buffer.extend_from_slice(b"\xff\x80b\xf0\x9f");
        assert_eq!(take_text(&mut buffer, false), "\u{fffd}\u{fffd}b");
        assert_eq!(take_text(&mut buffer, true), "\u{fffd}");
    }
}
