//! The standard streams of a program in a container that speaks HTTP, as one stream of bytes.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bollard::{
    Docker,
    container::LogOutput,
    errors::Error,
    exec::{StartExecOptions, StartExecResults},
    models::ExecConfig,
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Instant,
};
use tokio_util::io::StreamReader;

type Output = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

/// Reads its output, writes its input.
pub(super) struct ExecStream {
    output: StreamReader<Output, Bytes>,
    input: Pin<Box<dyn AsyncWrite + Send>>,
    /// Whether the program itself has said something.
    heard: bool,
}

/// An engine takes note of a pause when it hears of it, which may be after its end; then it hears of that.
const CATCHING_UP: Duration = Duration::from_secs(1);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// How every answer begins.
const ANSWER: &[u8] = b"HTTP/1.";

impl ExecStream {
    /// Runs `command` in the container.
    pub(super) async fn open(docker: &Docker, container: &str, command: &[&str]) -> Result<Self, Error> {
        let config = ExecConfig {
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            attach_stderr: Some(false),
            cmd: Some(command.iter().map(|word| (*word).to_owned()).collect()),
            ..ExecConfig::default()
        };
        let begun = Instant::now();
        let exec = loop {
            match docker.create_exec(container, config.clone()).await {
                Err(error) if error.to_string().contains("is paused") && begun.elapsed() < CATCHING_UP => {
                    tokio::time::sleep(LOOK).await;
                }
                made => break made?,
            }
        };
        match docker.start_exec(&exec.id, None::<StartExecOptions>).await? {
            StartExecResults::Attached { output, input } => {
                let output: Output =
                    Box::pin(output.map(|part| part.map(LogOutput::into_bytes).map_err(io::Error::other)));
                Ok(Self { output: StreamReader::new(output), input, heard: false })
            }
            StartExecResults::Detached => Err(io::Error::other("the engine did not attach").into()),
        }
    }
}

impl AsyncRead for ExecStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.output).poll_read(cx, buffer);
        let part = &buffer.filled()[before..];
        if !self.heard && !part.is_empty() {
            // Of a program that it could not start, as where a container is full of processes, the engine tells there.
            let length = part.len().min(ANSWER.len());
            if part[..length] != ANSWER[..length] {
                let told = String::from_utf8_lossy(part).trim().to_owned();
                return Poll::Ready(Err(io::Error::other(told)));
            }
            self.heard = true;
        }
        read
    }
}

impl AsyncWrite for ExecStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.input.as_mut().poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.input.as_mut().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.input.as_mut().poll_shutdown(cx)
    }
}
