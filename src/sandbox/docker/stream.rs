//! The standard streams of a program in a container, as one stream of bytes.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
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
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::io::StreamReader;

type Output = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

/// Reads its output, writes its input.
pub(super) struct ExecStream {
    output: StreamReader<Output, Bytes>,
    input: Pin<Box<dyn AsyncWrite + Send>>,
}

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
        let exec = docker.create_exec(container, config).await?;
        match docker.start_exec(&exec.id, None::<StartExecOptions>).await? {
            StartExecResults::Attached { output, input } => {
                let output: Output =
                    Box::pin(output.map(|part| part.map(LogOutput::into_bytes).map_err(io::Error::other)));
                Ok(Self { output: StreamReader::new(output), input })
            }
            StartExecResults::Detached => Err(io::Error::other("the engine did not attach").into()),
        }
    }
}

impl AsyncRead for ExecStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.output).poll_read(cx, buffer)
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
