//! Chat completions: the caller keeps the conversation and sends all of it each time. What the agent does with its own
//! tools stays inside; only calls of tools that the caller brought come back to it.

mod chunk;
mod fold;
mod messages;
mod request;
mod whole;

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    response::{IntoResponse as _, Response},
    routing::post,
};
use http::{HeaderMap, HeaderName, HeaderValue};

use self::{chunk::Chunks, fold::Answer, request::Request};
use super::{
    Protocol,
    openai::{self, Named},
};
use crate::{
    agent::AgentRequest,
    domain::{SessionId, SessionKey},
    server::{ApiError, App, Asks, Caller, Json, Run, sse},
};

pub(super) struct ChatCompletions;

impl Protocol for ChatCompletions {
    fn name(&self) -> &'static str {
        "chat_completions"
    }

    fn routes(&self) -> Router<Arc<App>> {
        openai::PREFIXES
            .iter()
            .fold(Router::new(), |router, prefix| router.route(&format!("{prefix}/chat/completions"), post(complete)))
    }
}

async fn complete(
    State(app): State<Arc<App>>,
    caller: Caller,
    named: Named,
    headers: HeaderMap,
    Json(body): Json<Request>,
) -> Result<Response, ApiError> {
    let target = named.target(&app, body.model.as_deref())?;
    let kept = openai::session(&headers)?;
    let user = caller.user(body.user.as_deref())?;
    let how = body.how();
    let (input, brought) = body.turn(kept.is_some())?;
    let structured = openai::structured(&target, brought.output_schema.as_ref());
    let answer = Answer::new(&brought.tools, structured, how.parallel);
    let key = SessionKey { user, session: kept.clone().unwrap_or_default() };
    let request = AgentRequest { key, input, brought };
    let run = app.runs.start(&target, request, Asks::Nobody).await?;
    let head = Head { id: id(&run), created: openai::now(), model: target.name };
    let mut response = if how.stream {
        sse(run, Chunks::new(head, answer, how.usage))
    } else {
        whole::answer(run, head, answer).await
    };
    if let Some(value) = kept.as_ref().and_then(header) {
        response.headers_mut().insert(HeaderName::from_static(openai::SESSION), value);
    }
    Ok(response.into_response())
}

/// What all pieces of an answer begin with.
struct Head {
    id: String,
    created: i64,
    model: String,
}

fn id(run: &Run) -> String {
    let turn = run.handle().turn.as_str();
    format!("chatcmpl-{}", turn.strip_prefix("turn_").unwrap_or(turn))
}

fn header(session: &SessionId) -> Option<HeaderValue> {
    HeaderValue::from_str(session.as_str()).ok()
}
