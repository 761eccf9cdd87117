//! What the server says of itself.

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::State,
    response::{IntoResponse as _, Response},
    routing::get,
};
use http::StatusCode;
use serde_json::{Value, json};

use super::App;
use crate::domain::{SessionId, SessionKey};

/// How long a probe waits for what it looks at.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asked by whoever keeps the process alive, so without a token.
pub(super) fn probes() -> Router<Arc<App>> {
    Router::new()
        .route("/health", get(health))
        .route("/liveness", get(async || Json(json!({ "status": "alive" }))))
        .route("/readiness", get(readiness))
}

pub(super) fn described() -> Router<Arc<App>> {
    Router::new().route("/", get(root))
}

async fn health() -> Json<Value> {
    Json(json!({ "status": "healthy", "mode": "daemon_thread", "runner": "ready" }))
}

pub(super) async fn root() -> Json<Value> {
    Json(json!({
        "service": "AgentScope Runtime",
        "mode": "daemon_thread",
        "endpoints": {
            "process": "/process",
            "stream": "/process/stream",
            "health": "/health",
            "task": "/process/task",
            "task_status": "/process/task/{task_id}",
        },
    }))
}

/// 503 where a turn could not be answered now, with each reason.
async fn readiness(State(app): State<Arc<App>>) -> Response {
    let mut checks = vec![];
    if app.is_stopping() {
        checks.push(("server", Some("it is about to end".to_owned())));
    }
    let wrong = match tokio::time::timeout(PATIENCE, store(&app)).await {
        Ok(wrong) => wrong,
        Err(_) => Some(format!("it did not answer within {} s", PATIENCE.as_secs())),
    };
    checks.push(("store", wrong));
    let ready = checks.iter().all(|(_, wrong)| wrong.is_none());
    let checks: Vec<_> = checks
        .iter()
        .map(|(what, wrong)| match wrong {
            None => json!({ "name": what, "ready": true }),
            Some(why) => json!({ "name": what, "ready": false, "reason": why }),
        })
        .collect();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let word = if ready { "ready" } else { "not_ready" };
    (status, Json(json!({ "status": word, "checks": checks }))).into_response()
}

/// Reads a session that is not there.
async fn store(app: &App) -> Option<String> {
    let nobody = SessionKey { user: String::new(), session: SessionId::new() };
    app.stores.sessions.history(&nobody).await.err().map(|error| error.to_string())
}
