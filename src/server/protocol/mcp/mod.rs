//! The agent as an MCP server: one tool that talks to it, and its own tools, over streamable HTTP and standard input.
//!
//! Source: the Model Context Protocol, 2025-11-25 and 2026-07-28, "Transports" and "Server features".

mod ask;
mod handler;
mod owners;
mod play;
mod refusal;

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    response::{IntoResponse as _, Response},
    routing::any,
};
use http::StatusCode;
use rmcp::{
    ServiceExt as _,
    transport::{
        StreamableHttpServerConfig, StreamableHttpService, stdio,
        streamable_http_server::session::{SessionManager as _, local::LocalSessionManager},
    },
};

use self::handler::Handler;
use self::owners::Owners;
use super::Protocol;
use crate::server::{ApiError, App, Caller, Target, body};

pub(super) struct Mcp;

impl Protocol for Mcp {
    fn name(&self) -> &'static str {
        "mcp"
    }

    fn routes(&self) -> Router<Arc<App>> {
        Router::new().route("/mcp", any(serve))
    }
}

/// The sessions of the protocol, which outlive their requests.
#[derive(Default)]
pub struct McpSessions {
    manager: Arc<LocalSessionManager>,
    owners: Owners,
}

const SESSION: &str = "mcp-session-id";

async fn serve(
    State(app): State<Arc<App>>,
    caller: Caller,
    target: Target,
    request: Request,
) -> Result<Response, ApiError> {
    let owner = (caller.clone(), target.name.clone());
    let named = request.headers().get(SESSION).and_then(|id| id.to_str().ok()).map(str::to_owned);
    if named.as_ref().is_some_and(|id| !app.mcp.owners.owns(id, &owner)) {
        return Err(ApiError::not_found("there is no such MCP session"));
    }
    let request = body::counted(request).await?;
    let ended = request.method() == http::Method::DELETE;
    let handler = Handler::new(Arc::clone(&app), target, caller);
    // The host was checked with that of every other request.
    let config = StreamableHttpServerConfig::default().disable_allowed_hosts();
    let service = StreamableHttpService::new(move || Ok(handler.clone()), Arc::clone(&app.mcp.manager), config);
    let response = service.handle(request).await;
    let begun = response.headers().get(SESSION).and_then(|id| id.to_str().ok()).filter(|_| named.is_none());
    if let Some(forgotten) = begun.and_then(|id| app.mcp.owners.add(id, owner)) {
        // Nobody can come back to it, and it may have ended by itself.
        let _ = app.mcp.manager.close_session(&forgotten.into()).await;
    }
    let mut response = response.into_response();
    if let (true, Some(id)) = (ended, &named) {
        app.mcp.owners.remove(id);
        // It has ended by now; the Python client takes 202 for a failure.
        if response.status() == StatusCode::ACCEPTED {
            *response.status_mut() = StatusCode::NO_CONTENT;
        }
    }
    Ok(refusal::in_json(response).await)
}

/// Serves one client on standard input and output, until it closes them.
///
/// # Errors
/// A client that does not speak the protocol.
pub async fn serve_stdio(app: Arc<App>, target: Target, caller: Caller) -> Result<(), String> {
    let running = Handler::new(app, target, caller).serve(stdio()).await.map_err(|error| error.to_string())?;
    running.waiting().await.map(drop).map_err(|error| error.to_string())
}
