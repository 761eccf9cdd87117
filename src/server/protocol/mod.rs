//! The dialects of the callers. Each is one request parser, one [`Encoder`](super::Encoder) and its routes; nothing
//! inside knows them.

mod a2a;
mod ag_ui;
mod mcp;
mod media;
mod reply;

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
    vec![Box::new(a2a::A2a), Box::new(ag_ui::AgUi), Box::new(mcp::Mcp)]
}
