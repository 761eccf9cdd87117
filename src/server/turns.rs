//! Our own API: a turn as the events themselves, and the way into a running one. Remote chat and the web page use it.

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};

use super::{ApiError, App, Ask, Asks, Caller, Encoder, Flow, Frames, Id, Json, Target, sse, sse_of};
use crate::{
    agent::AgentRequest,
    domain::{AgentEvent, Answer, Content, Message, Role, SessionId, SessionKey, TurnId},
};

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/turns", post(begin))
        .route("/turns/{id}", get(look))
        .route("/turns/{id}/events", get(follow))
        .route("/turns/{id}/answer", post(answer))
        .route("/turns/{id}/steer", post(steer))
        .route("/turns/{id}/cancel", post(cancel))
}

/// What a turn is asked with.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Begin {
    input: Input,
    #[serde(default)]
    session_id: Option<String>,
    #[serde(default)]
    user_id: Option<String>,
    #[serde(default)]
    on_disconnect: OnDisconnect,
    /// `false` where nobody is there to be asked: `permissions.unattended` answers, and at once.
    #[serde(default = "yes")]
    attended: bool,
}

fn yes() -> bool {
    true
}

/// Text, or parts.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "`input` is text, or a list of parts each of a known `type`")]
enum Input {
    Text(String),
    Parts(Vec<Content>),
}

impl Input {
    /// # Errors
    /// Parts that users do not send.
    fn content(self) -> Result<Vec<Content>, ApiError> {
        let parts = match self {
            Self::Text(text) => return Ok(vec![Content::text(text)]),
            Self::Parts(parts) => parts,
        };
        if parts.iter().all(|part| matches!(part, Content::Text { .. } | Content::Image(_))) {
            Ok(parts)
        } else {
            Err(ApiError::invalid("`input` has a part that is neither `text` nor `image`"))
        }
    }
}

/// What becomes of the turn of a caller that goes away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum OnDisconnect {
    #[default]
    Cancel,
    /// It goes on; its events are still there for who comes back.
    Continue,
}

async fn begin(
    State(app): State<Arc<App>>,
    caller: Caller,
    target: Target,
    Json(body): Json<Begin>,
) -> Result<Response, ApiError> {
    let session = match body.session_id.as_deref() {
        Some(id) => SessionId::parse(id).map_err(|error| ApiError::invalid(format!("`session_id`: {error}")))?,
        None => SessionId::new(),
    };
    let key = SessionKey { user: caller.user(body.user_id.as_deref())?, session };
    let request = AgentRequest::message(key, body.input.content()?);
    let asks = if body.attended { Asks::Caller } else { Asks::Nobody };
    let run = app.runs.start(&target, request, asks).await?;
    let (turn, session) = (run.handle().turn.clone(), run.handle().key.session.clone());
    let mut response = match body.on_disconnect {
        OnDisconnect::Cancel => sse(run, Events),
        OnDisconnect::Continue => sse_of(app.runs.record(run).follow(None), Events),
    };
    for (name, value) in [("x-turn-id", turn.as_str()), ("x-session-id", session.as_str())] {
        // An id with other signs than those of a header is in the events all the same.
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(name, value);
        }
    }
    Ok(response)
}

/// A turn that runs.
#[derive(Serialize)]
struct Running {
    turn: TurnId,
    session: SessionId,
    agent: String,
    /// What it waits for.
    asked: Vec<Ask>,
}

async fn look(State(app): State<Arc<App>>, caller: Caller, Id(id): Id) -> Result<Response, ApiError> {
    let handle = app.runs.find(caller.bound(), &TurnId::from(id))?;
    let running = Running {
        turn: handle.turn.clone(),
        session: handle.key.session.clone(),
        agent: handle.agent.clone(),
        asked: handle.asked(),
    };
    Ok(axum::Json(running).into_response())
}

async fn follow(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    Id(id): Id,
) -> Result<Response, ApiError> {
    let recording = app.runs.recording(caller.bound(), &TurnId::from(id))?;
    Ok(sse_of(recording.follow(last_event(&headers)?), Events))
}

/// The number of the last event that a client saw.
///
/// # Errors
/// 400 for what is no number.
pub(super) fn last_event(headers: &HeaderMap) -> Result<Option<u64>, ApiError> {
    let Some(value) = headers.get("last-event-id") else { return Ok(None) };
    let number = value.to_str().ok().and_then(|value| value.trim().parse().ok());
    number.map(Some).ok_or_else(|| ApiError::invalid("`Last-Event-ID` is not the number of an event"))
}

async fn answer(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id,
    Json(answer): Json<Answer>,
) -> Result<StatusCode, ApiError> {
    app.runs.find(caller.bound(), &TurnId::from(id))?.answer(answer).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Steer {
    input: Input,
}

async fn steer(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id,
    Json(body): Json<Steer>,
) -> Result<StatusCode, ApiError> {
    let message = Message::new(Role::User, body.input.content()?);
    app.runs.find(caller.bound(), &TurnId::from(id))?.steer(vec![message])?;
    Ok(StatusCode::ACCEPTED)
}

async fn cancel(State(app): State<Arc<App>>, caller: Caller, Id(id): Id) -> Result<StatusCode, ApiError> {
    app.runs.find(caller.bound(), &TurnId::from(id))?.cancel();
    Ok(StatusCode::ACCEPTED)
}

/// The events as they are.
struct Events;

impl Encoder for Events {
    fn event(&mut self, event: &AgentEvent, out: &mut Frames) -> Flow {
        out.numbered(event.seq, event);
        Flow::On
    }
}
