//! `/process/task`: turns that go on without their caller.

use std::sync::Arc;

use axum::{
    extract::{FromRequestParts, Query, RawPathParams, State},
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, StatusCode, request::Parts};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    encoder::{ProcessEncoder, servers_of},
    prepare::Prepared,
    request::ProcessRequest,
    writer::{Head, Mode},
};
use crate::{
    agent::LocalAgent,
    domain::{AgentEvent, TaskId},
    server::{
        ApiError, App, Asks, Caller, Encoder, Frames, Json, NewTask, Target, TaskResult, sse_of, turns::last_event,
    },
    store::{TaskQuery, TaskRecord, TaskStatus},
};

const PROTOCOL: &str = "process";
/// Most tasks of a list, where the request does not say.
const MOST: usize = 100;

/// What is kept of the request.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Kept {
    /// The id of the response, where the caller chose it.
    id: Option<String>,
    /// The tools that the caller runs.
    theirs: Vec<String>,
}

pub(super) async fn submit(
    State(app): State<Arc<App>>,
    caller: Caller,
    target: Target,
    Json(body): Json<ProcessRequest>,
) -> Result<Response, ApiError> {
    let asked = Prepared::new(&caller, &target, body)?;
    if !asked.answers.is_empty() {
        return Err(ApiError::invalid("`input` answers what the agent asked: send that to `/process`"));
    }
    if let Some(before) = &asked.before {
        super::process::remember(&app, &target, &asked.request.key, before).await?;
    }
    let (id, created_at) = (TaskId::new(), Timestamp::now());
    let kept = Kept { id: asked.id.clone(), theirs: asked.theirs() };
    let session = asked.request.key.session.to_string();
    let head = Head::task(kept.id.clone(), session, &id, created_at.as_second());
    let result = Outcome::new(encoder(target.agent.clone(), head, Mode::Silent, &kept));
    let new = NewTask {
        id: id.clone(),
        protocol: PROTOCOL,
        target,
        request: asked.request,
        asks: Asks::Caller,
        created_at,
        wire: serde_json::to_value(&kept).unwrap_or_default(),
        result: Box::new(result),
    };
    app.tasks.begin(new).await?;
    Ok(axum::Json(json!({
        "task_id": id,
        "status": "submitted",
        "queue": "stream_query",
        "message": "Stream query task submitted successfully",
    }))
    .into_response())
}

fn encoder(agent: LocalAgent, head: Head, mode: Mode, kept: &Kept) -> ProcessEncoder {
    ProcessEncoder::new(servers_of(agent), head, mode).theirs(kept.theirs.iter().cloned()).followed()
}

/// The response that a task comes to.
struct Outcome {
    encoder: ProcessEncoder,
    out: Frames,
}

impl Outcome {
    fn new(mut encoder: ProcessEncoder) -> Self {
        let mut out = Frames::default();
        encoder.begin(&mut out);
        Self { encoder, out }
    }
}

impl TaskResult for Outcome {
    fn event(&mut self, event: &AgentEvent) {
        let _ = self.encoder.event(event, &mut self.out);
    }

    fn finish(&mut self) -> Value {
        self.encoder.end(false, &mut self.out);
        self.encoder.response()
    }
}

/// The task of the path, of this agent and within the caller's reach; what is said of one that is not there.
pub(super) struct Found(TaskRecord);

impl FromRequestParts<Arc<App>> for Found {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        let target = Target::from_request_parts(parts, app).await.map_err(ApiError::into_response)?;
        let caller = Caller::from_request_parts(parts, app).await.map_err(ApiError::into_response)?;
        let path = RawPathParams::from_request_parts(parts, app).await.ok();
        let id = path.iter().flatten().find(|(name, _)| *name == "task").map(|(_, id)| TaskId::from(id));
        let id = id.unwrap_or_else(|| TaskId::from(""));
        match app.tasks.get(caller.bound(), &id).await {
            Ok(record) if record.protocol == PROTOCOL && record.agent == target.name => Ok(Self(record)),
            Err(error) if error.status != StatusCode::NOT_FOUND => Err(error.into_response()),
            Ok(_) | Err(_) => {
                let body = axum::Json(json!({ "error": format!("Task {id} not found") }));
                Err((StatusCode::NOT_FOUND, body).into_response())
            }
        }
    }
}

/// How a task stands, in the words of the Python runtime.
pub(super) async fn status(Found(record): Found) -> axum::Json<Value> {
    axum::Json(standing(record))
}

fn standing(record: TaskRecord) -> Value {
    match record.status {
        TaskStatus::Submitted => json!({ "status": "pending", "result": null }),
        TaskStatus::Running | TaskStatus::InputRequired => {
            json!({ "status": "running", "started_at": record.started_at.map(seconds), "result": null })
        }
        // How the agent fared is in the response; here it counts that there is one.
        TaskStatus::Completed | TaskStatus::Failed | TaskStatus::Canceled => match record.result {
            Some(response) => json!({ "status": "finished", "result": response }),
            None => json!({ "status": "error", "result": record.error }),
        },
    }
}

fn word(record: &TaskRecord) -> &'static str {
    match record.status {
        TaskStatus::Submitted => "pending",
        TaskStatus::Running | TaskStatus::InputRequired => "running",
        TaskStatus::Completed | TaskStatus::Failed | TaskStatus::Canceled => {
            if record.result.is_some() {
                "finished"
            } else {
                "error"
            }
        }
    }
}

fn seconds(at: Timestamp) -> f64 {
    at.as_duration().as_secs_f64()
}

#[derive(Debug, Deserialize)]
pub(super) struct Listed {
    #[serde(default)]
    user_id: Option<String>,
    #[serde(default)]
    limit: Option<usize>,
}

/// The tasks, newest first: of the user that is named, or that the token is bound to.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    target: Target,
    Query(asked): Query<Listed>,
) -> Result<axum::Json<Value>, ApiError> {
    let user = asked.user_id.as_deref().filter(|user| !user.is_empty());
    let user = match user {
        Some(user) => Some(caller.user(Some(user))?),
        None => caller.bound().map(str::to_owned),
    };
    let most = asked.limit.unwrap_or(MOST).clamp(1, 1000);
    let agent = Some(target.name);
    let of = TaskQuery { user, protocol: Some(PROTOCOL), agent, ..TaskQuery::default() };
    let page = app.tasks.page(&of, None, most).await?;
    let tasks: Vec<_> = page
        .tasks
        .iter()
        .map(|record| {
            json!({
                "task_id": record.id,
                "status": word(record),
                "session_id": record.key.session,
                "created_at": seconds(record.created_at),
                "started_at": record.started_at.map(seconds),
                "finished_at": record.finished_at.map(seconds),
            })
        })
        .collect();
    Ok(axum::Json(json!({ "tasks": tasks })))
}

/// Ends a task; says how it stands then.
pub(super) async fn cancel(
    State(app): State<Arc<App>>,
    caller: Caller,
    Found(record): Found,
) -> Result<axum::Json<Value>, ApiError> {
    Ok(axum::Json(standing(app.tasks.cancel(caller.bound(), &record.id).await?)))
}

/// The frames of a task, from the first on or after `Last-Event-ID`, and those to come. Each has its number as its id.
pub(super) async fn events(
    State(app): State<Arc<App>>,
    caller: Caller,
    target: Target,
    Found(record): Found,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (record, events) = app.tasks.follow(caller.bound(), &record.id).await?;
    let kept: Kept = serde_json::from_value(record.request).unwrap_or_default();
    let session = record.key.session.to_string();
    let head = Head::task(kept.id.clone(), session, &record.id, record.created_at.as_second());
    let mode = Mode::Replay { after: last_event(&headers)? };
    let finished = record.finished_at.map(Timestamp::as_second);
    Ok(sse_of(events, encoder(target.agent.clone(), head, mode, &kept).finished_at(finished)))
}
