//! AG-UI: what front ends such as CopilotKit speak. One request a run, answered by one stream of events.
//!
//! Source: AG-UI 1.0, as `@ag-ui/core` 1.0.0 has it; the events of the versions before are the same but for the
//! outcome of `RUN_FINISHED`.

mod encoder;
mod event;
mod interrupt;
mod messages;
mod request;
mod state;

use std::sync::Arc;

use axum::{Router, extract::State, response::Response, routing::post};
use http::HeaderMap;

use self::{encoder::RunEncoder, request::RunAgentInput};
use super::Protocol;
use crate::{
    agent::{AgentRequest, Brought},
    domain::{SessionId, SessionKey},
    server::{ApiError, App, Asks, Caller, Json, Target, sse},
};

/// The header by which a caller has the server keep the conversation.
const SESSION: &str = "x-session-id";

pub(super) struct AgUi;

impl Protocol for AgUi {
    fn name(&self) -> &'static str {
        "ag-ui"
    }

    fn routes(&self) -> Router<Arc<App>> {
        Router::new().route("/ag-ui", post(run))
    }
}

async fn run(
    State(app): State<Arc<App>>,
    caller: Caller,
    target: Target,
    headers: HeaderMap,
    Json(input): Json<RunAgentInput>,
) -> Result<Response, ApiError> {
    let stored = headers.contains_key(SESSION);
    let key = SessionKey { user: caller.user(input.user())?, session: session(&input, &headers)? };
    let encoder = RunEncoder::new(&input);
    let mut talk = messages::read(&input)?;
    if let Some(answers) = interrupt::answers(&input)? {
        let run = app.runs.resume(&key).ok_or_else(interrupt::none)?;
        return match answers.give(&Arc::clone(run.handle()), talk.said()).await {
            Ok(()) => Ok(sse(run, encoder)),
            Err(error) => {
                run.park();
                Err(error)
            }
        };
    }
    let brought = Brought {
        history: (!stored).then(|| std::mem::take(&mut talk.history)),
        instructions: talk.instructions,
        tools: input.tools(),
        ..Brought::default()
    };
    let request = AgentRequest { key, input: talk.news, brought };
    Ok(sse(app.runs.start(&target, request, Asks::Caller).await?, encoder))
}

/// The session of a run: the one that the header names; else one that nothing is kept of and that no stored session can
/// be called, by which the next request finds a run that waits.
fn session(input: &RunAgentInput, headers: &HeaderMap) -> Result<SessionId, ApiError> {
    let (field, id) = match headers.get(SESSION) {
        Some(value) => ("X-Session-Id", value.to_str().unwrap_or_default().to_owned()),
        None => ("threadId", format!("ag-ui:{}", input.thread_id)),
    };
    SessionId::parse(&id).map_err(|error| ApiError::invalid(format!("`{field}`: {error}")))
}
