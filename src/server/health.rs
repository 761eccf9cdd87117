//! What the server says of itself.

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use axum::{
    Extension, Json, Router,
    extract::State,
    response::{IntoResponse as _, Response},
    routing::get,
};
use http::{HeaderMap, StatusCode, header};
use serde_json::{Value, json};
use tokio::{sync::Mutex, time::Instant};

use super::{App, auth, edge::Seen};
use crate::agent::Check;

/// How long a probe waits for what it looks at.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long what was found of the machine's isolation holds.
const FRESH: Duration = Duration::from_mins(1);

/// What was last found, and when.
#[derive(Default)]
pub(super) struct Probed {
    sandbox: Mutex<Option<(Instant, Option<String>)>>,
    /// Why it was not ready when it was last asked; empty where it was.
    said: std::sync::Mutex<String>,
}

impl Probed {
    /// Looks at most once a minute: it takes processes.
    async fn sandbox(&self, app: &App) -> Check {
        let mut last = self.sandbox.lock().await;
        let wrong = match &*last {
            Some((at, wrong)) if at.elapsed() < FRESH => wrong.clone(),
            _ => {
                let agents = app.agents();
                let wrong = agents.root.check_sandbox().await.err().map(|error| {
                    let hint = error.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
                    format!("{error}{hint}")
                });
                *last = Some((Instant::now(), wrong.clone()));
                wrong
            }
        };
        Check { what: "sandbox".to_owned(), wrong }
    }

    /// Writes down what is not as it was when it was last asked.
    fn note(&self, checks: &[Check]) {
        let wrong = checks.iter().filter_map(|check| Some(format!("{}: {}", check.what, check.wrong.as_ref()?)));
        let why = wrong.collect::<Vec<_>>().join("; ");
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if *said == why {
            return;
        }
        if why.is_empty() {
            tracing::info!("ready");
        } else {
            tracing::warn!(why, "not ready");
        }
        *said = why;
    }
}

/// Whether that is asked by whoever keeps the process alive.
pub(super) fn is_probe(route: &str) -> bool {
    matches!(route, "/health" | "/liveness" | "/readiness")
}

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

/// 503 where a turn could not be answered now; with each reason for those who may know, as it can hold what a provider
/// said of a key.
async fn readiness(State(app): State<Arc<App>>, seen: Option<Extension<Seen>>, headers: HeaderMap) -> Response {
    let sent = headers.contains_key(header::AUTHORIZATION);
    let told = app.tokens().is_empty() || (sent && auth::admitted(&app, seen.as_deref(), &headers).is_ok());
    let mut checks = vec![];
    if app.is_stopping() {
        checks.push(vec![Check { what: "server".to_owned(), wrong: Some("it is about to end".to_owned()) }]);
    }
    checks.push(in_time("store", async { vec![store(&app).await] }).await);
    let agents = app.agents();
    checks.push(in_time("agent", agents.root.check()).await);
    if agents.need_sandbox() {
        checks.push(in_time("sandbox", async { vec![app.probed.sandbox(&app).await] }).await);
    }
    let checks: Vec<_> = checks.into_iter().flatten().collect();
    app.probed.note(&checks);
    let ready = checks.iter().all(|check| check.wrong.is_none());
    let checks: Vec<_> = checks
        .iter()
        .map(|check| match &check.wrong {
            None => json!({ "name": check.what, "ready": true }),
            Some(why) if told => json!({ "name": check.what, "ready": false, "reason": why }),
            Some(_) => json!({ "name": check.what, "ready": false }),
        })
        .collect();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let word = if ready { "ready" } else { "not_ready" };
    (status, Json(json!({ "status": word, "checks": checks }))).into_response()
}

async fn in_time(what: &str, look: impl Future<Output = Vec<Check>>) -> Vec<Check> {
    tokio::time::timeout(PATIENCE, look).await.unwrap_or_else(|_| {
        let wrong = Some(format!("it did not answer within {} s", PATIENCE.as_secs()));
        vec![Check { what: what.to_owned(), wrong }]
    })
}

async fn store(app: &App) -> Check {
    let wrong = app.stores.sessions.check().await.err().map(|error| error.to_string());
    Check { what: "store".to_owned(), wrong }
}
