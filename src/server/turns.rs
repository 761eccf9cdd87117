//! Our own API: a turn as the events themselves.

use std::sync::Arc;

use axum::{Router, extract::State, response::Response, routing::post};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;

use super::{ApiError, App, Asks, Caller, Encoder, Flow, Frames, Json, Target, sse};
use crate::{
    agent::AgentRequest,
    domain::{AgentEvent, Content, SessionId, SessionKey},
};

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/turns", post(begin))
}

pub(super) fn body(schemas: &mut SchemaGenerator) -> Schema {
    schemas.subschema_for::<Begin>()
}

/// What a turn is asked with.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Begin {
    /// Text, or parts.
    input: Input,
    #[serde(default)]
    session_id: Option<String>,
    #[serde(default)]
    user_id: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Input {
    Text(String),
    Parts(#[schemars(with = "Vec<serde_json::Map<String, serde_json::Value>>")] Vec<Content>),
}

async fn begin(
    State(app): State<Arc<App>>,
    caller: Caller,
    target: Target,
    Json(body): Json<Begin>,
) -> Result<Response, ApiError> {
    let session = match body.session_id.as_deref() {
        Some(id) => SessionId::parse(id).map_err(|error| ApiError::invalid(error.to_string()))?,
        None => SessionId::new(),
    };
    let key = SessionKey { user: caller.user(body.user_id.as_deref())?, session };
    let content = match body.input {
        Input::Text(text) => vec![Content::text(text)],
        Input::Parts(parts) => parts,
    };
    let run = app.runs.start(&target, AgentRequest::message(key, content), Asks::Caller).await?;
    Ok(sse(run, Events))
}

/// The events as they are.
struct Events;

impl Encoder for Events {
    fn event(&mut self, event: &AgentEvent, out: &mut Frames) -> Flow {
        out.numbered(event.seq, event);
        Flow::On
    }
}
