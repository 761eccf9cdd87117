//! What is said between the daemon inside a box and its clients, besides the Python runtime's contract.
//!
//! HTTP/1.1; JSON. `GET /v1/exec` is a WebSocket: the client's first message is an [`ExecSpec`] as text, then both
//! sides send binary messages whose first byte is a [`Channel`] and text messages that hold an [`ExecControl`] or an
//! [`ExecEvent`].

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use super::SandboxId;

/// The first byte of a binary message of `/v1/exec`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Channel {
    Stdin = 0,
    /// Of a terminal: all that it shows.
    Stdout = 1,
    Stderr = 2,
}

/// Bytes of standard input that a client may have sent and not been told of as [`Taken`](ExecEvent::Taken): without
/// that, a signal would wait behind input that the program does not read.
pub const STDIN_WINDOW: usize = 256 << 10;

/// A program to run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExecSpec {
    /// The program and its arguments; not a shell line.
    pub argv: Vec<String>,
    /// Absolute or relative to the workspace, which is the default.
    pub cwd: Option<String>,
    /// Over the environment of the box.
    pub env: BTreeMap<String, String>,
    /// The whole process tree is killed then.
    pub timeout: Option<Duration>,
    /// Whether standard input is written to; else it is empty.
    pub stdin: bool,
    /// A terminal of this size in place of the three streams.
    pub pty: Option<WindowSize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowSize {
    pub rows: u16,
    pub columns: u16,
}

/// From the client of `/v1/exec`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExecControl {
    CloseStdin,
    Resize(WindowSize),
    /// A signal's number, sent to the program's process group.
    Signal(i32),
}

/// From the daemon. `Exited` is the last, after all output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExecEvent {
    /// Inside the box.
    Started {
        pid: u32,
    },
    /// The program could not be started.
    Refused(StartFailure),
    /// So many more bytes of standard input are out of the way. See [`STDIN_WINDOW`].
    Taken(usize),
    Exited(ExitStatus),
}

/// Why a program was not started, in the terms of a shell: 126 and 127.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum StartFailure {
    #[error("no such program: {0}")]
    NotFound(String),
    #[error("cannot run {program}: {reason}")]
    CannotRun { program: String, reason: String },
    /// Also where the working directory is not there.
    #[error("{0}")]
    Failed(String),
}

/// How a program ended. The default, which tells nothing, stands for an end that nobody saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExitStatus {
    /// `None` where a signal ended it.
    pub code: Option<i32>,
    pub signal: Option<i32>,
    /// What the box knows of why.
    pub limit: Option<Limit>,
}

/// A limit of the box that was hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    Timeout,
    Memory,
    Pids,
    Disk,
}

impl ExitStatus {
    /// As a shell says it: 128 plus the signal; 124 for a timeout.
    #[must_use]
    pub fn shell_code(&self) -> u8 {
        let code = match (self.limit, self.code, self.signal) {
            (Some(Limit::Timeout), ..) => 124,
            (_, Some(code), _) => code,
            (_, None, Some(signal)) => 128 + signal,
            (_, None, None) => 1,
        };
        u8::try_from(code & 0xff).unwrap_or(1)
    }
}

/// Of `GET /v1/info`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Info {
    pub id: SandboxId,
    /// Of the program that the daemon is.
    pub version: String,
    /// As programs inside see it.
    pub workspace: String,
    /// That run now.
    pub calls: usize,
    /// Since the last call ended.
    pub idle: Duration,
    /// Until the box is too old.
    pub left: Option<Duration>,
}

/// For `POST /v1/renew`: the box may live for so long from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Renew {
    pub by: Duration,
}

/// For `POST /v1/python/cells`, which answers with a [`CellEvent`] a line. Cells run one after another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CellSpec {
    pub code: String,
    /// Of the cell alone, not of its turn or of the start of Python. The cell is interrupted then, and Python killed where
    /// that does not help.
    #[serde(default)]
    pub timeout: Option<Duration>,
}

/// What a cell gives, as it comes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CellEvent {
    Stdout(String),
    Stderr(String),
    /// Something that is more than text, by its MIME types; what is not text is in base64. Its text is on stdout as well.
    Display(BTreeMap<String, String>),
    /// The last.
    Done(CellEnd),
}

/// How a cell ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CellEnd {
    pub outcome: CellOutcome,
    /// Why the variables of earlier cells, or of this one, are gone; a sentence without a full stop.
    pub lost: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CellOutcome {
    Ok,
    /// An exception, whose traceback is on stdout.
    Error,
    Interrupted,
    TimedOut,
    /// The interpreter ended; where it hit a limit of the box, that.
    Died(Option<Limit>),
}

/// A program in the background: of `POST /v1/jobs`, which takes an [`ExecSpec`] without input and terminal, and of
/// `GET /v1/jobs`. It goes on when its client is gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobInfo {
    pub id: u64,
    pub argv: Vec<String>,
    pub pid: u32,
    /// `None` while it runs.
    pub exit: Option<ExitStatus>,
    /// Bytes of output so far, both streams as they came.
    pub written: u64,
}

/// For `POST /v1/jobs/ID/signal`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobSignal {
    pub number: i32,
}

/// The header of `GET /v1/jobs/ID/output` that says where in all of the output its body begins: later than was asked for
/// where the beginning is not kept any more.
pub const JOB_OFFSET: &str = "x-agentscope-offset";
