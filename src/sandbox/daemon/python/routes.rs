//! `/v1/python/…`: see [`crate::sandbox::wire::CellSpec`].

use std::{convert::Infallible, sync::Arc};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::post,
};
use futures_util::stream;

use super::{Daemon, NoPython, Python};
use crate::sandbox::daemon::routes::{Failure, parse};

pub(in crate::sandbox::daemon) fn routes() -> Router<Arc<Daemon>> {
    Router::new()
        .route("/v1/python/cells", post(run))
        .route("/v1/python/interrupt", post(interrupt))
        .route("/v1/python/reset", post(reset))
        .route("/v1/python/warm", post(warm))
}

impl From<NoPython> for Failure {
    fn from(error: NoPython) -> Self {
        Self::new(StatusCode::NOT_IMPLEMENTED, error.to_string())
    }
}

async fn run(State(daemon): State<Arc<Daemon>>, body: Bytes) -> Result<Response, Failure> {
    let events = Python::start(&daemon, parse(&body)?).await?;
    let lines = stream::unfold(events, |mut events| async {
        let event = events.recv().await?;
        let mut line = serde_json::to_vec(&event).unwrap_or_default();
        line.push(b'\n');
        Some((Ok::<_, Infallible>(line), events))
    });
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(lines)).into_response())
}

async fn interrupt(State(daemon): State<Arc<Daemon>>) -> StatusCode {
    daemon.python.interrupt();
    StatusCode::NO_CONTENT
}

async fn reset(State(daemon): State<Arc<Daemon>>) -> StatusCode {
    daemon.python.reset().await;
    StatusCode::NO_CONTENT
}

async fn warm(State(daemon): State<Arc<Daemon>>) -> Result<StatusCode, Failure> {
    daemon.python.warm(&daemon).await?;
    Ok(StatusCode::NO_CONTENT)
}
