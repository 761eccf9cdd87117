//! What stops the server and tells its state: only for tokens with `admin: true`, and not there where none has it.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{
    Json, Router,
    extract::{FromRequestParts, State},
    routing::{get, post},
};
use http::{StatusCode, request::Parts};
use serde_json::{Value, json};

use super::{ApiError, App, Caller};

/// So that the answer leaves before the server ends.
const BEFORE: Duration = Duration::from_millis(100);

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/admin/status", get(status))
        .route("/admin/shutdown", post(async |admin: Admin| admin.shutdown(json!({ "message": "Shutdown initiated" }))))
        .route("/shutdown", post(async |admin: Admin| admin.shutdown(json!({ "status": "shutting down" }))))
}

/// A caller who may.
struct Admin(Arc<App>);

impl FromRequestParts<Arc<App>> for Admin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        if !app.settings(|serve| serve.tokens.iter().any(|token| token.admin)) {
            return Err(ApiError::not_found("there is no such path here"));
        }
        let caller = Caller::from_request_parts(parts, app).await?;
        if !caller.admin {
            return Err(ApiError::new(StatusCode::FORBIDDEN, "not_admin", "this token is not an administrator's"));
        }
        Ok(Self(Arc::clone(app)))
    }
}

impl Admin {
    fn shutdown(self, said: Value) -> Json<Value> {
        tracing::info!("an administrator ends the server");
        tokio::spawn(async move {
            tokio::time::sleep(BEFORE).await;
            self.0.stop();
        });
        Json(said)
    }
}

/// The keys of the Python runtime, in its order, then ours. Its `uptime` is when the process began.
async fn status(admin: Admin, State(app): State<Arc<App>>) -> Json<Value> {
    drop(admin);
    let process = Process::now();
    Json(json!({
        "pid": std::process::id(),
        "status": if app.is_stopping() { "stopping" } else { "running" },
        "memory_usage": process.memory,
        "cpu_percent": process.cpu,
        "uptime": process.began,
        "version": env!("CARGO_PKG_VERSION"),
        "agents": app.agents().names().collect::<Vec<_>>(),
        "turns": app.runs.count(),
    }))
}

/// What the system says of this process; 0 where it does not.
#[derive(Debug, Default)]
struct Process {
    /// Bytes.
    memory: u64,
    /// Of one processor, since the process began.
    cpu: f64,
    /// Seconds since 1970.
    began: f64,
}

impl Process {
    fn now() -> Self {
        let read = |name: &str| std::fs::read_to_string(format!("/proc/self/{name}")).unwrap_or_default();
        let memory = read("status")
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
        let memory = memory.unwrap_or(0) * 1024;
        // Fields from the third on stand behind the name of the program, which may hold anything.
        let stat = read("stat");
        let fields: Vec<f64> = stat
            .rsplit(')')
            .next()
            .unwrap_or_default()
            .split_whitespace()
            .map(|field| field.parse().unwrap_or(0.0))
            .collect();
        let boot = std::fs::read_to_string("/proc/uptime").unwrap_or_default();
        let up: Option<f64> = boot.split_whitespace().next().and_then(|up| up.parse().ok());
        let (Some([user, system]), Some(start), Some(up)) = (fields.get(11..13), fields.get(19), up) else {
            return Self { memory, ..Self::default() };
        };
        // The kernel tells programs of hundredths of a second, whatever it counts in.
        let (age, worked) = (up - start / 100.0, (user + system) / 100.0);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        Self { memory, cpu: if age > 0.0 { (worked / age * 1000.0).round() / 10.0 } else { 0.0 }, began: now - age }
    }
}
