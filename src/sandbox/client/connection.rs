//! Connections to one daemon: HTTP/1.1, kept while they are idle and used again.

use std::{
    error::Error as _,
    io::{self, ErrorKind},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use axum::body::Body;
use http::{Request, Response};
use hyper::{body::Incoming, client::conn::http1::SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::sandbox::{BoxStream, SandboxBackend, SandboxError, SandboxId, State};

/// Kept at most.
const IDLE: usize = 4;

pub(super) struct Pool {
    backend: Arc<dyn SandboxBackend>,
    id: SandboxId,
    idle: Mutex<Vec<SendRequest<Body>>>,
}

impl Pool {
    pub(super) fn new(backend: Arc<dyn SandboxBackend>, id: SandboxId) -> Self {
        Self { backend, id, idle: Mutex::default() }
    }

    /// A stream of its own, for what is not a request and an answer.
    ///
    /// # Errors
    /// A box that is gone.
    pub(super) async fn dial(&self) -> Result<Stream, SandboxError> {
        self.backend.connect(&self.id).await.map(Stream)
    }

    /// Says of a connection that broke off whether the box is why.
    pub(super) async fn why(&self, error: SandboxError) -> SandboxError {
        if !matches!(error, SandboxError::Io { .. } | SandboxError::Ended) {
            return error;
        }
        match self.backend.inspect(&self.id).await {
            Ok(found) if found.state != State::Running => {
                SandboxError::NotRunning { id: self.id.clone(), state: found.state }
            }
            Err(gone @ SandboxError::NotFound { .. }) => gone,
            _ => error,
        }
    }

    /// # Errors
    /// A box that is gone.
    pub(super) async fn send(&self, request: Request<Body>) -> Result<Response<Incoming>, SandboxError> {
        match self.try_send(request).await {
            Err(error) => Err(self.why(error).await),
            sent => sent,
        }
    }

    async fn try_send(&self, mut request: Request<Body>) -> Result<Response<Incoming>, SandboxError> {
        while let Some(mut connection) = self.take() {
            match connection.try_send_request(request).await {
                Ok(response) => {
                    self.keep(connection);
                    return Ok(response);
                }
                // The daemon closed it while it was idle: nothing was sent.
                Err(mut error) => match error.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(broken(error.into_error())),
                },
            }
        }
        let (mut connection, driver) =
            hyper::client::conn::http1::handshake(TokioIo::new(self.dial().await?)).await.map_err(broken)?;
        // Ends with the connection, whose failures its requests are told of.
        tokio::spawn(driver);
        let response = connection.send_request(request).await.map_err(broken)?;
        self.keep(connection);
        Ok(response)
    }

    fn take(&self) -> Option<SendRequest<Body>> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|connection| !connection.is_closed());
        let ready = idle.iter().position(SendRequest::is_ready)?;
        Some(idle.swap_remove(ready))
    }

    /// Also where its answer is not read yet: it is ready once that is.
    fn keep(&self, connection: SendRequest<Body>) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE {
            idle.push(connection);
        }
    }
}

fn broken(error: hyper::Error) -> SandboxError {
    let cause = error.source().and_then(|source| source.downcast_ref::<io::Error>());
    if error.is_incomplete_message() || error.is_canceled() || error.is_closed() || cause.is_some_and(is_end) {
        SandboxError::Ended
    } else {
        unheard(error)
    }
}

/// Whether the daemon at the other end is gone.
pub(super) fn is_end(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof)
}

pub(super) fn unheard(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> SandboxError {
    SandboxError::Io { what: "speak with the sandbox".to_owned(), source: io::Error::other(error) }
}

/// What a backend gave, by a name that other libraries can take.
pub(super) struct Stream(Box<dyn BoxStream>);

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
