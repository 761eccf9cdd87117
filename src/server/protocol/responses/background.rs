//! Responses in the background: their callers ask about them later.

use std::collections::HashSet;

use axum::{
    Json,
    response::{IntoResponse as _, Response},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    fold::{Fold, Manner},
    kept::{END, INPUT, PROTOCOL},
    wire::{self, Echo, Failure, Status},
};
use crate::{
    agent::AgentRequest,
    domain::{AgentEvent, TaskId},
    server::{ApiError, App, Asks, Encoder, Flow, Frames, NewTask, Target, TaskResult, sse_of},
    store::{TaskRecord, TaskStatus},
};

/// The member of a record that says how its response is told.
const PLAN: &str = "plan";

/// All that a response is told from, besides the events of its turn.
#[derive(Serialize, Deserialize)]
pub(super) struct Plan {
    pub(super) created_at: f64,
    pub(super) model: String,
    pub(super) echo: Echo,
    pub(super) theirs: HashSet<String>,
    pub(super) structured: bool,
}

impl Plan {
    pub(super) fn of(record: &TaskRecord) -> Option<Self> {
        Self::deserialize(record.request.get(PLAN)?).ok()
    }

    fn response(&self, id: &TaskId) -> wire::Response {
        wire::Response::new(id.to_string(), self.created_at, self.model.clone(), self.echo.clone())
    }

    fn fold(&self, id: &TaskId, after: Option<u64>) -> Fold {
        let manner = Manner {
            theirs: self.theirs.clone(),
            structured: self.structured,
            parallel: self.echo.parallel_tool_calls,
            ..Manner::default()
        };
        Fold::again(self.response(id), manner, after)
    }
}

/// Begins one. It cannot ask its caller anything: who would be there to answer.
pub(super) async fn begin(
    app: &App,
    target: Target,
    request: AgentRequest,
    plan: &Plan,
    input: Vec<Value>,
    stream: bool,
) -> Result<Response, ApiError> {
    let id = TaskId::from(wire::new_id("resp"));
    let new = NewTask {
        id: id.clone(),
        protocol: PROTOCOL,
        target,
        request,
        asks: Asks::Nobody,
        created_at: Timestamp::now(),
        wire: json!({ END: null, INPUT: input, PLAN: plan }),
        result: Box::new(Told(plan.fold(&id, None))),
    };
    let record = app.tasks.begin(new).await?;
    match now(record) {
        Some(response) if !stream => Ok(response.into_response()),
        _ => follow(app, None, &id, None).await,
    }
}

/// The response as it is by now.
pub(super) fn now(record: TaskRecord) -> Option<Json<Value>> {
    if let Some(result) = record.result {
        return Some(Json(result));
    }
    let mut response = Plan::of(&record)?.response(&record.id);
    response.status = match record.status {
        TaskStatus::Submitted => Status::Queued,
        TaskStatus::Running | TaskStatus::InputRequired => Status::InProgress,
        TaskStatus::Completed => Status::Completed,
        TaskStatus::Failed => Status::Failed,
        TaskStatus::Canceled => Status::Cancelled,
    };
    response.error = record.error.map(|message| Failure { code: "server_error", message });
    serde_json::to_value(&response).ok().map(Json)
}

/// Its events after number `after`, and those to come.
pub(super) async fn follow(
    app: &App,
    user: Option<&str>,
    id: &TaskId,
    after: Option<u64>,
) -> Result<Response, ApiError> {
    let (record, events) = app.tasks.follow(user, id).await?;
    let plan = Plan::of(&record)
        .ok_or_else(|| ApiError::invalid("`stream`: only a response in the background can be followed"))?;
    Ok(sse_of(events, Told(plan.fold(id, after))))
}

/// A response that is told from the events of a task: to who follows it, or for the record.
struct Told(Fold);

impl TaskResult for Told {
    fn event(&mut self, event: &AgentEvent) {
        self.0.event(event);
        drop(self.0.script.frames.take());
    }

    fn finish(&mut self) -> Value {
        serde_json::to_value(&self.0.script.response).unwrap_or_default()
    }
}

impl Encoder for Told {
    fn begin(&mut self, out: &mut Frames) {
        out.append(&mut self.0.script.frames);
    }

    fn event(&mut self, event: &AgentEvent, out: &mut Frames) -> Flow {
        self.0.event(event);
        out.append(&mut self.0.script.frames);
        Flow::On
    }

    fn end(&mut self, _: bool, out: &mut Frames) {
        self.0.end();
        out.append(&mut self.0.script.frames);
    }
}
