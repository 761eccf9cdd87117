//! A server as a program of ours: started in a process group of its own, watched, and ended whole.

use std::{
    collections::VecDeque,
    io,
    path::{Component, Path},
    pin::Pin,
    process::{ExitStatus, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader, ReadBuf},
    process::{ChildStderr, ChildStdin, ChildStdout, Command},
    sync::watch,
};

use super::failure::{Failure, Retry};
#[cfg(unix)]
use super::guard::Guard;
use crate::{
    config::{Env, agent_file::McpServer},
    tool::cap,
};

/// How many lines of standard error are kept, and how long each may be.
const STDERR_LINES: usize = 20;
const STDERR_LINE: usize = 500;
/// More than this that is not a message ends the connection.
const MOST_GARBAGE: usize = 1024 * 1024;
/// Longest message.
const LONGEST_LINE: usize = 16 * 1024 * 1024;
/// How long a server may take to end once its standard input is closed, and again after SIGTERM.
const GRACE: Duration = Duration::from_secs(2);

/// What a server's program sees of our environment. Everything else, keys above all, it is given by `env` or not at all.
const INHERITED: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "TERM",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "TMPDIR",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_RUNTIME_DIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NODE_EXTRA_CA_CERTS",
    "REQUESTS_CA_BUNDLE",
    "SYSTEMROOT",
    "APPDATA",
    "LOCALAPPDATA",
    "USERPROFILE",
    "PATHEXT",
    "COMSPEC",
    "TEMP",
    "TMP",
];

/// A running program. Dropping it kills the program and everything it started.
#[derive(Debug)]
pub(super) struct Process {
    group: Arc<Group>,
    said: Arc<Mutex<Said>>,
    exit: watch::Receiver<Option<ExitStatus>>,
}

/// The two ends that messages go through.
pub(super) struct Pipes {
    pub(super) stdin: ChildStdin,
    pub(super) stdout: Messages<ChildStdout>,
}

/// What a program left behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct LastWords {
    pub(super) stderr: Vec<String>,
    /// The start of the first thing on standard output that was not a message.
    pub(super) garbage: Option<String>,
    /// Why we stopped to listen, if we did.
    pub(super) fault: Option<&'static str>,
}

#[derive(Debug, Default)]
struct Said {
    stderr: VecDeque<String>,
    garbage: Option<String>,
    fault: Option<&'static str>,
}

impl Process {
    /// Starts `server.command`. Must be called within the runtime.
    ///
    /// # Errors
    /// A program that is not there or cannot be run.
    pub(super) fn start(server: &McpServer, folder: &Path, env: &Env) -> Result<(Self, Pipes), Failure> {
        let program = server.command.as_deref().unwrap_or_default();
        let cwd = server.cwd.as_ref().map_or_else(|| folder.to_owned(), |cwd| folder.join(cwd));
        let mut command = Command::new(resolve(program, folder));
        command
            .args(&server.args)
            .env_clear()
            .envs(env.vars().filter(|(name, _)| INHERITED.contains(name)))
            .envs(server.env.iter().map(|(name, value)| (name, value.expose())))
            .current_dir(&cwd)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        #[cfg(unix)]
        let guard = Guard::start();
        #[cfg(unix)]
        let guarded = guard.as_ref().and_then(Guard::group);
        #[cfg(not(unix))]
        let guarded = None;
        #[cfg(unix)]
        command.process_group(guarded.and_then(|group| i32::try_from(group).ok()).unwrap_or(0));
        let mut child = command.spawn().map_err(|error| cannot_start(program, &cwd, &error))?;
        let (Some(stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(Failure::new("the system gave no pipes for it", Retry::Useful));
        };
        let group = Arc::new(Group::of(guarded.or(child.id())));
        let said = Arc::default();
        let (ended, exit) = watch::channel(None);
        tokio::spawn({
            let group = Arc::clone(&group);
            let said = Arc::clone(&said);
            async move {
                let reader = tokio::spawn(keep_last_lines(stderr, said));
                let status = child.wait().await.ok();
                // What it started may outlive it; nothing of ours may.
                group.kill();
                #[cfg(unix)]
                drop(guard);
                let _ = tokio::time::timeout(GRACE, reader).await;
                ended.send_replace(status);
            }
        });
        let stdout = Messages::new(stdout, Arc::clone(&said));
        Ok((Self { group, said, exit }, Pipes { stdin, stdout }))
    }

    pub(super) fn last_words(&self) -> LastWords {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        LastWords { stderr: said.stderr.iter().cloned().collect(), garbage: said.garbage.clone(), fault: said.fault }
    }

    /// How it ended, waiting a moment for it: a closed pipe is seen before the end of the process is.
    pub(super) async fn ended(&self) -> Option<ExitStatus> {
        let mut exit = self.exit.clone();
        let ended = tokio::time::timeout(GRACE, exit.wait_for(Option::is_some)).await;
        ended.ok().and_then(Result::ok).and_then(|status| *status)
    }

    /// Ends it as the specification of MCP wants: its standard input is closed by now, so it is waited for, then asked,
    /// then killed.
    pub(super) async fn end(&self) {
        if self.ended().await.is_some() {
            return;
        }
        self.group.terminate();
        if self.ended().await.is_none() {
            self.group.kill();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.group.kill();
    }
}

fn resolve(program: &str, folder: &Path) -> std::path::PathBuf {
    let path = Path::new(program);
    // A bare name is looked up in PATH; anything else is relative to the agent file.
    if path.components().count() > 1 || matches!(path.components().next(), Some(Component::CurDir)) {
        folder.join(path)
    } else {
        path.to_owned()
    }
}

fn cannot_start(program: &str, cwd: &Path, error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::NotFound if !cwd.is_dir() => {
            Failure::new(format!("its working directory `{}` is not there", cwd.display()), Retry::Useless)
        }
        io::ErrorKind::NotFound => Failure::new(format!("there is no program `{program}`"), Retry::Useless)
            .hint("install it, or correct `command`"),
        io::ErrorKind::PermissionDenied => {
            Failure::new(format!("`{program}` may not be run"), Retry::Useless).hint("make it executable")
        }
        _ => Failure::new(format!("`{program}` could not be started: {error}"), Retry::Useful),
    }
}

/// Reads until the end, keeping the last lines. A line without an end is cut, so that memory stays bounded.
async fn keep_last_lines(stderr: ChildStderr, said: Arc<Mutex<Said>>) {
    let mut reader = BufReader::new(stderr);
    let mut line = Vec::new();
    loop {
        line.clear();
        let mut limited = (&mut reader).take(16 * 1024);
        match limited.read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end();
        if text.is_empty() {
            continue;
        }
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.stderr.len() == STDERR_LINES {
            said.stderr.pop_front();
        }
        said.stderr.push_back(cap::short(text, STDERR_LINE));
    }
}

/// Standard output, watched for what cannot be MCP: a server that floods it is cut off rather than read for ever.
#[derive(Debug)]
pub(super) struct Messages<R> {
    inner: R,
    said: Arc<Mutex<Said>>,
    line: Line,
    line_length: usize,
    garbage: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    Start,
    /// Begins as a JSON object or array does.
    Message,
    Garbage,
}

impl<R> Messages<R> {
    fn new(inner: R, said: Arc<Mutex<Said>>) -> Self {
        Self { inner, said, line: Line::Start, line_length: 0, garbage: 0 }
    }

    /// Whether reading may go on after `bytes`.
    fn watch(&mut self, bytes: &[u8]) -> Result<(), &'static str> {
        for (index, byte) in bytes.iter().enumerate() {
            self.line_length += 1;
            match (self.line, byte) {
                (_, b'\n') => {
                    if self.line == Line::Message {
                        self.garbage = 0;
                    }
                    self.line = Line::Start;
                    self.line_length = 0;
                }
                (Line::Start, b'{' | b'[') => self.line = Line::Message,
                (Line::Start, byte) if byte.is_ascii_whitespace() => {}
                (Line::Start, _) => {
                    self.line = Line::Garbage;
                    self.garbage += 1;
                    self.note(&bytes[index..]);
                }
                (Line::Garbage, _) => self.garbage += 1,
                (Line::Message, _) => {}
            }
        }
        if self.garbage > MOST_GARBAGE {
            return Err("it floods its standard output with what is not MCP");
        }
        if self.line_length > LONGEST_LINE {
            return Err("it sent a message of more than 16 MiB");
        }
        Ok(())
    }

    fn note(&self, bytes: &[u8]) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.garbage.is_none() {
            let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
            said.garbage = Some(cap::short(String::from_utf8_lossy(&line[..line.len().min(400)]).trim_end(), 100));
        }
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Messages<R> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        std::task::ready!(Pin::new(&mut self.inner).poll_read(cx, buf))?;
        let bytes = buf.filled()[before..].to_vec();
        Poll::Ready(self.watch(&bytes).map_err(|fault| {
            self.said.lock().unwrap_or_else(PoisonError::into_inner).fault = Some(fault);
            io::Error::other(fault)
        }))
    }
}

/// A process group, killed at most once: after its leader was waited for, the number may belong to somebody else.
#[derive(Debug)]
struct Group {
    #[cfg(unix)]
    leader: Option<rustix::process::Pid>,
    dead: AtomicBool,
}

impl Group {
    #[cfg(unix)]
    fn of(id: Option<u32>) -> Self {
        let leader = id.and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
        Self { leader, dead: AtomicBool::new(false) }
    }

    #[cfg(not(unix))]
    fn of(_id: Option<u32>) -> Self {
        Self { dead: AtomicBool::new(false) }
    }

    fn terminate(&self) {
        #[cfg(unix)]
        if let Some(leader) = self.leader
            && !self.dead.load(Ordering::SeqCst)
        {
            // A group that is gone is what we want.
            let _ = rustix::process::kill_process_group(leader, rustix::process::Signal::TERM);
        }
    }

    fn kill(&self) {
        if self.dead.swap(true, Ordering::SeqCst) {
            return;
        }
        #[cfg(unix)]
        if let Some(leader) = self.leader {
            let _ = rustix::process::kill_process_group(leader, rustix::process::Signal::KILL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watched(chunks: &[&[u8]]) -> (Result<(), &'static str>, Option<String>) {
        let mut messages = Messages::new(tokio::io::empty(), Arc::default());
        let result = chunks.iter().try_for_each(|chunk| messages.watch(chunk));
        let garbage = messages.said.lock().unwrap().garbage.clone();
        (result, garbage)
    }

    #[test]
    fn a_banner_is_borne_and_remembered() {
        let (result, garbage) = watched(&[b"Starting server\nlistening\n", b"  {\"jsonrpc\"", b": \"2.0\"}\n"]);
        assert_eq!((result, garbage.as_deref()), (Ok(()), Some("Starting server")));
    }

    #[test]
    fn messages_alone_leave_no_mark() {
        assert_eq!(watched(&[b"{}\n", b"\n", b"[1,\n"]), (Ok(()), None));
    }

    #[test]
    fn a_flood_is_cut_off() {
        let chunk = vec![b'y'; 64 * 1024];
        let chunks: Vec<&[u8]> = (0..17).map(|_| chunk.as_slice()).collect();
        assert!(watched(&chunks).0.is_err());
        let lines = b"y\n".repeat(32 * 1024);
        let chunks: Vec<&[u8]> = (0..40).map(|_| lines.as_slice()).collect();
        assert!(watched(&chunks).0.is_err());
        let json = [b"{".as_slice(), &vec![b' '; 64 * 1024]].concat();
        let mut chunks: Vec<&[u8]> = vec![&json];
        chunks.extend((0..257).map(|_| chunk.as_slice()));
        assert!(watched(&chunks).0.is_err());
    }
}
