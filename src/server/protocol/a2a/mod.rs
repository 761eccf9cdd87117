//! A2A: how agents of different makers talk to each other. JSON-RPC, of protocol 0.3 and of 1.0 at the same address:
//! their methods have different names.
//!
//! Source: the A2A specification, 0.3.0 and 1.0 (a2a-protocol.org). A task is a turn, a context is a session.

mod call;
mod card;
mod methods;
mod params;
mod progress;
mod rpc;
mod stream;
mod task;
mod tasks;

use std::sync::Arc;

use axum::{
    Router,
    routing::{get, post},
};

use super::Protocol;
use crate::server::App;

pub(super) struct A2a;

impl Protocol for A2a {
    fn name(&self) -> &'static str {
        "a2a"
    }

    fn routes(&self) -> Router<Arc<App>> {
        Router::new()
            .route("/a2a", post(call::call))
            .route("/.well-known/agent-card.json", get(card::card))
            // Where clients before 0.3 look.
            .route("/.well-known/agent.json", get(card::card))
    }
}
