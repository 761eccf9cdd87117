//! The dialects of the callers. Each is one request parser, one [`Encoder`](super::Encoder) and its routes; nothing
//! inside knows them.

mod a2a;
mod ag_ui;
mod agent_api;
mod chat_completions;
mod mcp;
mod media;
mod models;
mod openai;
mod reply;
mod responses;

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
    vec![
        Box::new(agent_api::AgentApi),
        Box::new(a2a::A2a),
        Box::new(ag_ui::AgUi),
        Box::new(mcp::Mcp),
        Box::new(models::Models::new()),
        Box::new(chat_completions::ChatCompletions),
        Box::new(responses::Responses::default()),
    ]
}
