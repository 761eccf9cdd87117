//! What the server says of itself.

use std::sync::Arc;

use axum::{Json, Router, routing::get};
use serde_json::{Value, json};

use super::App;

/// Asked by whoever keeps the process alive, so without a token.
pub(super) fn probes() -> Router<Arc<App>> {
    Router::new().route("/health", get(health)).route("/liveness", get(async || Json(json!({ "status": "alive" }))))
}

pub(super) fn described() -> Router<Arc<App>> {
    Router::new().route("/", get(root))
}

async fn health() -> Json<Value> {
    Json(json!({ "status": "healthy", "mode": "daemon_thread", "runner": "ready" }))
}

async fn root() -> Json<Value> {
    Json(json!({
        "service": "AgentScope Runtime",
        "mode": "daemon_thread",
        "endpoints": { "process": "/process", "stream": "/process/stream", "health": "/health" },
    }))
}
