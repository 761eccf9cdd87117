//! The dialects of the callers. Each is one request parser, one [`Encoder`](super::Encoder) and its routes; nothing
//! inside knows them.

mod agent_api;
mod mcp;

use std::sync::Arc;

use axum::Router;

pub use mcp::{McpSessions, serve_stdio};

use super::App;

/// A dialect.
pub trait Protocol: Send + Sync {
    fn name(&self) -> &'static str;

    /// Paths below the agent's own: `/process` is there as that and as `/agents/{agent}/process`. Handlers take the
    /// agent as [`Target`](super::Target) and the caller as [`Caller`](super::Caller).
    fn routes(&self) -> Router<Arc<App>>;
}

/// All of them.
pub(super) fn all() -> Vec<Box<dyn Protocol>> {
    vec![Box::new(agent_api::AgentApi), Box::new(mcp::Mcp)]
}
