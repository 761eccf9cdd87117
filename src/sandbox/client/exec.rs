//! A program in a box, over the WebSocket of `/v1/exec`.

use std::sync::Arc;

use bytes::{BufMut as _, Bytes, BytesMut};
use futures_util::{
    SinkExt as _, StreamExt as _,
    stream::{SplitSink, SplitStream},
};
use http::{HeaderValue, header};
use tokio::{
    sync::{Mutex, Semaphore, mpsc},
    task::AbortHandle,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{self, Message, client::IntoClientRequest as _, error::ProtocolError},
};

use super::{
    BoxClient,
    connection::{Stream, is_end, unheard},
};
use crate::sandbox::{
    SandboxError,
    wire::{Channel, ExecControl, ExecEvent, ExecSpec, ExitStatus, STDIN_WINDOW, StartFailure, WindowSize},
};

/// Output that waits for its reader, in messages; then the program waits.
const WAITING: usize = 4;
/// One message of input.
const CHUNK: usize = 32 << 10;

type Socket = WebSocketStream<Stream>;

/// A running program. Dropping it kills the program and all that it started.
///
/// Its output must be read: a program whose output nobody reads waits.
pub struct Exec {
    /// Inside the box.
    pub pid: u32,
    output: mpsc::Receiver<Result<Output, SandboxError>>,
    input: ExecInput,
    _reader: Reader,
}

/// What a program writes, and its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    Stdout(Bytes),
    /// Never from a program in a terminal.
    Stderr(Bytes),
    /// The last, after all output.
    Exited(ExitStatus),
}

/// Input and signals for a program that is read elsewhere.
#[derive(Clone)]
pub struct ExecInput {
    sink: Arc<Mutex<SplitSink<Socket, Message>>>,
    /// What may yet be sent without an answer. Closed when the program has ended.
    window: Arc<Semaphore>,
}

struct Reader(AbortHandle);

impl Drop for Reader {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl BoxClient {
    /// Starts `spec`.
    ///
    /// # Errors
    /// A box that is gone; a program that cannot be started is told apart: [`ExecError::Refused`].
    pub async fn exec(&self, spec: &ExecSpec) -> Result<Exec, ExecError> {
        match self.start(spec).await {
            Err(ExecError::Sandbox(error)) => Err(self.pool.why(error).await.into()),
            started => started,
        }
    }

    async fn start(&self, spec: &ExecSpec) -> Result<Exec, ExecError> {
        let mut socket = self.upgrade().await?;
        let first = serde_json::to_string(spec).map_err(|error| SandboxError::Box(error.to_string()))?;
        socket.send(Message::text(first)).await.map_err(broken)?;
        let pid = match next(&mut socket).await? {
            Some(Incoming::Event(ExecEvent::Started { pid })) => pid,
            Some(Incoming::Event(ExecEvent::Refused(failure))) => return Err(ExecError::Refused(failure)),
            _ => return Err(ended_early().into()),
        };
        let (sink, source) = socket.split();
        let (heard, output) = mpsc::channel(WAITING);
        let window = Arc::new(Semaphore::new(STDIN_WINDOW));
        let reader = tokio::spawn(listen(source, heard, Arc::clone(&window)));
        let input = ExecInput { sink: Arc::new(Mutex::new(sink)), window };
        Ok(Exec { pid, output, input, _reader: Reader(reader.abort_handle()) })
    }

    async fn upgrade(&self) -> Result<Socket, SandboxError> {
        let mut request = "ws://box/v1/exec".into_client_request().map_err(broken)?;
        let authorization = HeaderValue::from_str(&self.authorization).map_err(|_| not_a_token())?;
        request.headers_mut().insert(header::AUTHORIZATION, authorization);
        let (socket, _) = tokio_tungstenite::client_async(request, self.pool.dial().await?).await.map_err(broken)?;
        Ok(socket)
    }
}

/// Why a program does not run.
#[derive(Debug, thiserror::Error)]
pub enum ExecError {
    #[error("{0}")]
    Refused(StartFailure),
    #[error("{0}")]
    Sandbox(#[from] SandboxError),
}

impl Exec {
    /// What comes next; `None` after [`Output::Exited`].
    ///
    /// # Errors
    /// A box that is gone: how the program ended is not known then.
    pub async fn next(&mut self) -> Option<Result<Output, SandboxError>> {
        self.output.recv().await
    }

    /// For whoever writes while another reads.
    #[must_use]
    pub fn input(&self) -> ExecInput {
        self.input.clone()
    }

    /// Reads to the end and keeps at most `limit` bytes of each stream, counted whole.
    ///
    /// # Errors
    /// A box that is gone.
    pub async fn collect(mut self, limit: usize) -> Result<Collected, SandboxError> {
        let (mut stdout, mut stderr) = (Kept::default(), Kept::default());
        while let Some(output) = self.next().await {
            match output? {
                Output::Stdout(bytes) => stdout.add(&bytes, limit),
                Output::Stderr(bytes) => stderr.add(&bytes, limit),
                Output::Exited(status) => return Ok(Collected { stdout, stderr, status }),
            }
        }
        Err(ended_early())
    }
}

/// All that a program wrote, as far as it was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collected {
    pub stdout: Kept,
    pub stderr: Kept,
    pub status: ExitStatus,
}

/// The beginning of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    pub bytes: Vec<u8>,
    /// Of the whole stream.
    pub total: u64,
}

impl Kept {
    fn add(&mut self, bytes: &[u8], limit: usize) {
        self.total += bytes.len() as u64;
        let room = limit.saturating_sub(self.bytes.len());
        self.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }
}

impl ExecInput {
    /// Waits while the program does not read. For a program that has ended it does nothing.
    ///
    /// # Errors
    /// A box that is gone.
    pub async fn write(&self, bytes: &[u8]) -> Result<(), SandboxError> {
        for chunk in bytes.chunks(CHUNK) {
            let size = u32::try_from(chunk.len()).unwrap_or(u32::MAX);
            let Ok(permit) = self.window.acquire_many(size).await else { return Ok(()) };
            permit.forget();
            let mut message = BytesMut::with_capacity(1 + chunk.len());
            message.put_u8(Channel::Stdin as u8);
            message.put_slice(chunk);
            self.send(Message::Binary(message.freeze())).await?;
        }
        Ok(())
    }

    /// The program reads the end after what was written.
    ///
    /// # Errors
    /// A box that is gone.
    pub async fn close(&self) -> Result<(), SandboxError> {
        self.control(&ExecControl::CloseStdin).await
    }

    /// # Errors
    /// A box that is gone.
    pub async fn resize(&self, size: WindowSize) -> Result<(), SandboxError> {
        self.control(&ExecControl::Resize(size)).await
    }

    /// A signal's number, to the program's process group or the one that has its terminal.
    ///
    /// # Errors
    /// A box that is gone.
    pub async fn signal(&self, number: i32) -> Result<(), SandboxError> {
        self.control(&ExecControl::Signal(number)).await
    }

    async fn control(&self, control: &ExecControl) -> Result<(), SandboxError> {
        let text = serde_json::to_string(control).map_err(|error| SandboxError::Box(error.to_string()))?;
        self.send(Message::text(text)).await
    }

    async fn send(&self, message: Message) -> Result<(), SandboxError> {
        match self.sink.lock().await.send(message).await {
            // It may have ended while this was said.
            Err(_) if self.window.is_closed() => Ok(()),
            sent => sent.map_err(broken),
        }
    }
}

/// Reads what the daemon says until the program has ended.
async fn listen(
    mut source: SplitStream<Socket>,
    heard: mpsc::Sender<Result<Output, SandboxError>>,
    window: Arc<Semaphore>,
) {
    loop {
        let output = match next(&mut source).await {
            Ok(Some(Incoming::Output(output))) => Ok(output),
            Ok(Some(Incoming::Event(ExecEvent::Taken(bytes)))) => {
                window.add_permits(bytes.min(STDIN_WINDOW));
                continue;
            }
            // A status that tells nothing is none: it must not look like an end that somebody saw.
            Ok(Some(Incoming::Event(ExecEvent::Exited(status)))) if status != ExitStatus::default() => {
                Ok(Output::Exited(status))
            }
            Ok(Some(Incoming::Event(_)) | None) | Err(SandboxError::Io { .. } | SandboxError::Ended) => {
                Err(ended_early())
            }
            Err(error) => Err(error),
        };
        let last = !matches!(output, Ok(Output::Stdout(_) | Output::Stderr(_)));
        if last {
            window.close();
        }
        // Nobody who reads any more is nobody to go on for.
        if heard.send(output).await.is_err() || last {
            return;
        }
    }
}

enum Incoming {
    Output(Output),
    Event(ExecEvent),
}

async fn next(
    source: &mut (impl futures_util::Stream<Item = Result<Message, tungstenite::Error>> + Unpin),
) -> Result<Option<Incoming>, SandboxError> {
    while let Some(message) = source.next().await {
        match message.map_err(broken)? {
            Message::Text(text) => {
                let event = serde_json::from_str(&text).map_err(|error| SandboxError::Box(error.to_string()))?;
                return Ok(Some(Incoming::Event(event)));
            }
            Message::Binary(bytes) if bytes.first() == Some(&(Channel::Stdout as u8)) => {
                return Ok(Some(Incoming::Output(Output::Stdout(bytes.slice(1..)))));
            }
            Message::Binary(bytes) if bytes.first() == Some(&(Channel::Stderr as u8)) => {
                return Ok(Some(Incoming::Output(Output::Stderr(bytes.slice(1..)))));
            }
            Message::Close(_) => return Ok(None),
            _ => {}
        }
    }
    Ok(None)
}

fn broken(error: tungstenite::Error) -> SandboxError {
    match error {
        tungstenite::Error::Http(response) => SandboxError::Box(format!("the sandbox answered {}", response.status())),
        tungstenite::Error::Io(error) if is_end(&error) => SandboxError::Ended,
        tungstenite::Error::ConnectionClosed
        | tungstenite::Error::AlreadyClosed
        | tungstenite::Error::Protocol(
            ProtocolError::HandshakeIncomplete | ProtocolError::ResetWithoutClosingHandshake,
        ) => SandboxError::Ended,
        other => unheard(other),
    }
}

fn ended_early() -> SandboxError {
    SandboxError::Box(
        "the sandbox ended or broke off before the program did: how the program ended is not known".to_owned(),
    )
}

fn not_a_token() -> SandboxError {
    SandboxError::Box("the key to the sandbox is not one".to_owned())
}
