//! The client of the daemon inside a box, over any stream of bytes that a backend gives.

mod connection;
mod exec;
mod files;
mod jobs;
mod python;

use std::{sync::Arc, time::Duration};

use axum::body::Body;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    SandboxBackend, SandboxError, SandboxId, Token,
    wire::{Info, Renew},
};
use connection::Pool;
pub use exec::{Collected, Exec, ExecError, ExecInput, Kept, Output};
pub use jobs::JobOutput;
pub use python::Cell;

/// Longest answer that is read whole.
const LONGEST: usize = 64 << 20;

/// Speaks to one box. Cheap to clone; clones share their idle connections.
#[derive(Clone)]
pub struct BoxClient {
    pool: Arc<Pool>,
    authorization: Arc<str>,
}

impl BoxClient {
    /// Connects when there is something to say, and again when the connection is gone.
    #[must_use]
    pub fn new(backend: Arc<dyn SandboxBackend>, id: SandboxId, token: &Token) -> Self {
        Self { pool: Arc::new(Pool::new(backend, id)), authorization: format!("Bearer {}", token.expose()).into() }
    }

    /// What the daemon says of the box. Keeps no idle box alive.
    ///
    /// # Errors
    /// A box that is gone or does not answer.
    pub async fn info(&self) -> Result<Info, SandboxError> {
        self.json(Method::GET, "/v1/info", &()).await
    }

    /// Lets the box get so much older from now on.
    ///
    /// # Errors
    /// A box that is gone or does not answer.
    pub async fn renew(&self, by: Duration) -> Result<(), SandboxError> {
        let request = self.request(Method::POST, "/v1/renew");
        self.send(request, serde_json::to_vec(&Renew { by }).map_err(not_json)?).await.map(drop)
    }

    /// A request to `path`, which is percent-encoded where it must be.
    pub(crate) fn request(&self, method: Method, path: &str) -> http::request::Builder {
        Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "box")
            .header(header::AUTHORIZATION, &*self.authorization)
    }

    /// The head of the answer, whose body is still to come.
    ///
    /// # Errors
    /// A box that is gone; its own words where it refuses.
    pub(crate) async fn send(
        &self,
        request: http::request::Builder,
        body: impl Into<Body>,
    ) -> Result<Response<Incoming>, SandboxError> {
        let request = request.body(body.into()).map_err(|error| SandboxError::Box(error.to_string()))?;
        let response = self.pool.send(request).await?;
        if response.status().is_success() { Ok(response) } else { Err(refusal(response).await) }
    }

    /// JSON there and back. A body of `()` is none.
    ///
    /// # Errors
    /// A box that is gone; its own words where it refuses.
    pub(crate) async fn json<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, SandboxError> {
        let request = self.request(method, path).header(header::CONTENT_TYPE, "application/json");
        let body = serde_json::to_vec(body).map_err(not_json)?;
        let body = if body == b"null" { vec![] } else { body };
        let answer = self.whole(self.send(request, body).await?).await?;
        serde_json::from_slice(&answer).map_err(not_json)
    }

    /// Reads an answer whole.
    ///
    /// # Errors
    /// A box that is gone before its end; one that is too long.
    async fn whole(&self, response: Response<Incoming>) -> Result<Bytes, SandboxError> {
        match whole(response).await {
            Err(error) => Err(self.pool.why(error).await),
            read => read,
        }
    }
}

async fn whole(response: Response<Incoming>) -> Result<Bytes, SandboxError> {
    let body = http_body_util::Limited::new(response.into_body(), LONGEST);
    match body.collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<hyper::Error>() => Err(SandboxError::Ended),
        Err(error) => Err(SandboxError::Box(format!("the answer of the sandbox broke off: {error}"))),
    }
}

async fn refusal(response: Response<Incoming>) -> SandboxError {
    let status = response.status();
    let body = match whole(response).await {
        Ok(body) => body,
        Err(error) => return error,
    };
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    // The other is what the Python runtime says, which is less.
    let detail = body["message"].as_str().or(body["detail"].as_str()).map(str::to_owned);
    match (status, detail) {
        (_, Some(detail)) => SandboxError::Box(detail),
        (StatusCode::NOT_FOUND, None) => SandboxError::Box("the sandbox does not know such a request".to_owned()),
        (status, None) => SandboxError::Box(format!("the sandbox answered {status}")),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn not_json(error: serde_json::Error) -> SandboxError {
    SandboxError::Box(format!("the sandbox does not speak as expected: {error}"))
}
