//! What the daemon answers, and to whom.

use std::sync::Arc;

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{StatusCode, Uri, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http_body_util::BodyExt as _;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;

use super::{Daemon, exec, jobs, python::routes as python, tools};
use crate::{
    runtime::unread::read_on,
    sandbox::wire::{Info, Renew},
};

pub(super) fn all(daemon: &Arc<Daemon>) -> Router {
    let native = Router::new()
        .route("/v1/exec", get(exec::exec))
        .merge(jobs::routes())
        .merge(python::routes())
        .merge(tools::routes())
        .nest("/fastapi", tools::routes())
        .with_state(Arc::clone(daemon));
    // Asking how a box is keeps none alive.
    let quiet = Router::new()
        .route("/v1/info", get(info))
        .route("/v1/renew", post(renew))
        .route("/healthz", get(healthz))
        .route("/fastapi/healthz", get(healthz))
        .with_state(Arc::clone(daemon));
    let files = super::files::routes(Arc::clone(&daemon.files));
    native
        .merge(files.clone())
        .nest("/fastapi", files)
        .fallback(absent)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn_with_state(Arc::clone(daemon), count))
        .merge(quiet)
        .layer(middleware::from_fn_with_state(Arc::clone(daemon), authorize))
        .layer(middleware::from_fn(read_on))
}

/// Both texts are the contract's.
async fn authorize(State(daemon): State<Arc<Daemon>>, request: Request, next: Next) -> Response {
    let given =
        request.headers().get(header::AUTHORIZATION).and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    match given {
        Some(token) if daemon.token.is(token) => next.run(request).await,
        Some(_) => Failure::new(StatusCode::FORBIDDEN, "Invalid secret token").into_response(),
        None => Failure::new(StatusCode::FORBIDDEN, "Missing or invalid authorization header").into_response(),
    }
}

/// A call lasts until its answer is sent whole.
async fn count(State(daemon): State<Arc<Daemon>>, request: Request, next: Next) -> Response {
    let call = daemon.clock.call();
    next.run(request).await.map(|body| {
        Body::new(body.map_frame(move |frame| {
            let _held = &call;
            frame
        }))
    })
}

/// An error in the contract's shape.
#[derive(Debug)]
pub(super) struct Failure {
    status: StatusCode,
    detail: String,
}

impl Failure {
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into() }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (self.status, json(&json!({ "detail": self.detail }))).into_response()
    }
}

pub(super) fn json<T: Serialize>(value: &T) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => ([(header::CONTENT_TYPE, "application/json")], body).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// The body of a request, whatever it says of its type.
pub(super) fn parse<T: DeserializeOwned>(body: &Bytes) -> Result<T, Failure> {
    serde_json::from_slice(body).map_err(|error| Failure::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string()))
}

/// Of the contract's routes, those that manage other programs in the box are not here.
async fn absent(uri: Uri) -> Failure {
    let path = uri.path();
    let missing = match path.strip_prefix("/fastapi").unwrap_or(path) {
        "/mcp/add_servers" => "this sandbox runs no MCP servers",
        "/watcher/commit_changes" | "/watcher/generate_diff" | "/watcher/git_logs" => {
            "this sandbox keeps no history of its workspace; `git` can be run by /tools/run_shell_command"
        }
        _ => return Failure::new(StatusCode::NOT_FOUND, "Not Found"),
    };
    Failure::new(StatusCode::NOT_IMPLEMENTED, missing)
}

async fn wrong_method() -> Failure {
    Failure::new(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed")
}

/// The body has no type, as the contract has it.
async fn healthz() -> Response {
    Response::new("OK".into())
}

async fn info(State(daemon): State<Arc<Daemon>>) -> Response {
    let (calls, idle, left) = daemon.clock.now();
    json(&Info {
        id: daemon.id.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        workspace: daemon.workspace.display().to_string(),
        calls,
        idle,
        left,
    })
}

async fn renew(State(daemon): State<Arc<Daemon>>, body: Bytes) -> Result<StatusCode, Failure> {
    let renew: Renew = parse(&body)?;
    daemon.clock.renew(renew.by);
    Ok(StatusCode::NO_CONTENT)
}
