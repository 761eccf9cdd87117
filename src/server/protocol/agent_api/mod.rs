//! The protocol of the Python runtime: `/process`, its tasks, and `/stop`.
//!
//! Source: agentscope-runtime 1.1.5. `docs/serve/process.md` says what of it differs here.

mod calls;
mod codes;
mod convert;
mod encoder;
mod parts;
mod prepare;
mod process;
mod python_json;
mod request;
mod stop;
mod task;
#[cfg(test)]
mod tests;
mod wire;
mod writer;

use std::sync::Arc;

use axum::{
    Router,
    routing::{get, post},
};

use super::Protocol;
use crate::server::App;

pub(super) struct AgentApi;

impl Protocol for AgentApi {
    fn name(&self) -> &'static str {
        "process"
    }

    fn routes(&self) -> Router<Arc<App>> {
        Router::new()
            .route("/process", post(process::process))
            .route("/process/stream", post(process::stream))
            .route("/process/task", post(task::submit).get(task::list))
            .route("/process/task/{task}", get(task::status).delete(task::cancel))
            .route("/process/task/{task}/cancel", post(task::cancel))
            .route("/process/task/{task}/events", get(task::events))
            .route("/process/stop", post(stop::stop))
            .route("/stop", post(stop::stop))
    }
}
