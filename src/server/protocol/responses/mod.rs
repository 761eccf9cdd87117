//! Responses: the caller names the response that it goes on with, and the server has the conversation. What the agent
//! does with its own tools is told as `mcp_call` items, calls of the caller's tools as `function_call` items, and what
//! it asks as `mcp_approval_request` items, which the next request answers.

mod background;
mod fold;
mod input;
mod kept;
mod place;
mod request;
mod resume;
mod script;
mod stored;
mod wire;

use std::sync::Arc;

use axum::{
    Json as Plain, Router,
    extract::State,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use futures_util::StreamExt as _;
use http::HeaderMap;
use serde::Serialize;

use self::{
    background::Plan,
    fold::{Fold, Manner},
    kept::{Keeper, Kept, Sent, Shared},
    place::{Claims, Place},
    request::{Asked, Request},
    wire::new_id,
};
use super::{
    Protocol,
    openai::{self, Named},
};
use crate::{
    agent::{AgentRequest, Brought},
    domain::FailureCode,
    server::{ApiError, App, Asks, Caller, Flow, Json, sse_with},
};

#[derive(Default)]
pub(super) struct Responses {
    claims: Claims,
}

impl Protocol for Responses {
    fn name(&self) -> &'static str {
        kept::PROTOCOL
    }

    fn routes(&self) -> Router<Arc<App>> {
        openai::PREFIXES.iter().fold(Router::new(), |router, prefix| {
            let claims = self.claims.clone();
            let create = move |app, caller, named, headers, body| create(app, caller, named, headers, body, claims);
            router
                .route(&format!("{prefix}/responses"), post(create))
                .route(&format!("{prefix}/responses/{{id}}"), get(stored::read).delete(stored::remove))
                .route(&format!("{prefix}/responses/{{id}}/cancel"), post(stored::cancel))
                .route(&format!("{prefix}/responses/{{id}}/input_items"), get(stored::input_items))
        })
    }
}

async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    named: Named,
    headers: HeaderMap,
    Json(body): Json<Request>,
    claims: Claims,
) -> Result<Response, ApiError> {
    let target = named.target(&app, body.model.as_deref())?;
    let asked = body.read()?;
    let Place { key, kept, stored, claim } =
        place::find(&app, &claims, &caller, openai::session(&headers)?, &asked).await?;
    let Asked { conversation, answers, brought, mut echo, stream, items, .. } = asked;
    echo.store = stored;
    let structured = openai::structured(&target, brought.output_schema.as_ref());
    if echo.background {
        if !stored || !answers.is_empty() {
            return Err(ApiError::invalid(
                "`background`: a response in the background is kept, and cannot answer approval requests",
            ));
        }
        let history = None;
        let theirs = brought.tools.iter().map(|tool| tool.name.clone()).collect();
        let plan = Plan { created_at: created(), model: target.name.clone(), echo, theirs, structured };
        let request = AgentRequest { key, input: conversation.new, brought: Brought { history, ..brought } };
        return background::begin(&app, target, request, &plan, items, stream).await;
    }
    let mut manner = Manner::new(&brought.tools, structured, echo.parallel_tool_calls);
    let run = if answers.is_empty() {
        let history = (!kept).then_some(conversation.history);
        let request = AgentRequest { key, input: conversation.new, brought: Brought { history, ..brought } };
        app.runs.start(&target, request, if kept { Asks::Caller } else { Asks::Nobody }).await?
    } else {
        resume::answered(&app, &key, &answers, conversation.new, &mut manner).await?
    };
    drop(claim);
    let keeper = stored.then(|| Keeper::new(app.stores.clone(), &run, items));
    let response = wire::Response::new(new_id("resp"), created(), target.name.clone(), echo);
    let shared = Shared::new(Fold::new(response, manner));
    let kept = Kept::new(run, shared.clone(), keeper);
    Ok(if stream { sse_with(kept, Kept::park, Sent(shared)) } else { whole(kept, &shared).await })
}

/// Seconds since 1970, as a number with a point.
fn created() -> f64 {
    jiff::Timestamp::now().as_second() as f64
}

/// A response in one piece, and once more below `response`: the Python runtime answers with its last event, and its
/// callers look there.
#[derive(Serialize)]
struct Whole<'a> {
    #[serde(flatten)]
    itself: &'a wire::Response,
    response: &'a wire::Response,
}

async fn whole(mut kept: Kept, shared: &Shared) -> Response {
    while kept.next().await.is_some() {
        let parked = {
            let mut shared = shared.lock();
            drop(shared.0.script.frames.take());
            shared.1 == Flow::Park
        };
        if parked {
            kept.park();
            break;
        }
    }
    let mut shared = shared.lock();
    let (fold, _) = &mut *shared;
    match fold.refusal.take() {
        Some((FailureCode::Input, refusal)) => openai::failed(refusal),
        _ => {
            let response = &fold.script.response;
            Plain(Whole { itself: response, response }).into_response()
        }
    }
}
