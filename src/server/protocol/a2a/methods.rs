//! What the methods do.

use axum::response::Response;
use serde_json::{Value, json};

use super::{
    call::Call,
    params,
    rpc::{Code, Refusal, Version},
    stream,
    task::State,
};
use crate::{
    domain::SessionId,
    store::{TaskPage, TaskQuery, TaskStatus},
};

/// Tasks on a page of a list.
const PAGE: usize = 50;
const LONGEST_PAGE: usize = 100;

/// `message/send`: the task as it ends or asks, or as it begins where the caller does not wait.
pub(super) async fn send(call: &Call) -> Result<Value, Refusal> {
    let sent: params::Send = params::read(&call.params)?;
    let history = sent.history_length()?;
    let mut live = call.send(&sent).await?;
    if sent.waits() {
        live.rest().await;
    }
    Ok(live.task().answer(history, call.envelope.version))
}

/// `message/stream`.
pub(super) async fn stream(call: Call) -> Response {
    let begun = async {
        let sent: params::Send = params::read(&call.params)?;
        let history = sent.history_length()?;
        Ok((call.send(&sent).await?, history))
    };
    match begun.await {
        Ok((live, history)) => stream::respond(call.envelope, live, history),
        Err(refusal) => call.envelope.answer(Err(refusal)),
    }
}

/// `tasks/resubscribe`: the task as it is, and then what becomes of it.
pub(super) async fn subscribe(call: Call) -> Response {
    let found = async {
        let asked: params::OneTask = params::read(&call.params)?;
        let record = call.record(&asked.id).await?;
        let over = || Refusal::new(Code::Unsupported, format!("the task `{}` is over", asked.id));
        if record.status.is_final() {
            return Err(over());
        }
        let live = call.live(record).map_err(|_| over())?;
        if live.progress.state().is_final() { Err(over()) } else { Ok(live) }
    };
    match found.await {
        Ok(live) => stream::respond(call.envelope, live, None),
        Err(refusal) => call.envelope.answer(Err(refusal)),
    }
}

/// `tasks/get`.
pub(super) async fn get(call: &Call) -> Result<Value, Refusal> {
    let asked: params::OneTask = params::read(&call.params)?;
    let history = params::history_length(asked.history_length)?;
    let record = call.record(&asked.id).await?;
    Ok(call.now(record).write(history, call.envelope.version))
}

/// `tasks/cancel`: the task as it ends.
pub(super) async fn cancel(call: &Call) -> Result<Value, Refusal> {
    let asked: params::OneTask = params::read(&call.params)?;
    let record = call.record(&asked.id).await?;
    let over = || Refusal::new(Code::TaskNotCancelable, format!("the task `{}` is over", asked.id));
    if record.status.is_final() {
        return Err(over());
    }
    let key = record.key.clone();
    let mut live = match call.live(record) {
        Ok(live) => live,
        Err(record) => {
            // Another process runs it, and is asked to stop.
            call.app.stores.interrupts.interrupt(&key).await?;
            return Ok(call.now(*record).write(None, call.envelope.version));
        }
    };
    if live.progress.state().is_final() {
        return Err(over());
    }
    live.recording.handle.cancel();
    while !live.progress.state().is_final() && !live.recording.is_over() {
        live.rest().await;
    }
    Ok(live.task().write(None, call.envelope.version))
}

/// `ListTasks`, newest first.
pub(super) async fn list(call: &Call) -> Result<Value, Refusal> {
    let asked: params::List = params::read(&call.params)?;
    let history = params::history_length(asked.history_length)?;
    let size = match asked.page_size {
        None => PAGE,
        Some(size) => usize::try_from(size)
            .ok()
            .filter(|size| (1..=LONGEST_PAGE).contains(size))
            .ok_or_else(|| Refusal::params(format!("`pageSize` is 1 to {LONGEST_PAGE}")))?,
    };
    let token = asked.page_token.as_deref().filter(|token| !token.is_empty());
    let from = token.map(str::parse).transpose();
    let from = from.map_err(|_| Refusal::params("`pageToken` is not one that was given"))?;
    let state = state(&asked);
    // Of a state that tasks of ours are never in there is none.
    let page = match state {
        Some(None) => TaskPage::default(),
        _ => call.app.tasks.page(&query(call, &asked, state.flatten()), from, size).await?,
    };
    // One may be in another state since.
    let tasks = page.tasks.into_iter().map(|record| call.now(record));
    let tasks = tasks.filter(|task| state.flatten().is_none_or(|state| task.status.state == state));
    let tasks: Vec<Value> = tasks
        .map(|mut task| {
            if !asked.include_artifacts.unwrap_or(false) {
                task.artifacts.clear();
            }
            task.write(history, Version::V1)
        })
        .collect();
    let next = page.next.map(|next| next.to_string()).unwrap_or_default();
    Ok(json!({ "tasks": tasks, "nextPageToken": next, "pageSize": size, "totalSize": page.total }))
}

fn query(call: &Call, asked: &params::List, state: Option<State>) -> TaskQuery {
    TaskQuery {
        session: asked.context_id.as_deref().filter(|context| !context.is_empty()).map(SessionId::from),
        status: state.map(|state| match state {
            State::Submitted => TaskStatus::Submitted,
            State::Working => TaskStatus::Running,
            State::InputRequired => TaskStatus::InputRequired,
            State::Completed => TaskStatus::Completed,
            State::Failed => TaskStatus::Failed,
            State::Canceled => TaskStatus::Canceled,
        }),
        since: asked.status_timestamp_after,
        ..call.query()
    }
}

/// The state that is asked for, if one is; `Some(None)` for one that there is not.
#[expect(clippy::option_option, reason = "not asked for and asked for in vain differ")]
fn state(asked: &params::List) -> Option<Option<State>> {
    let states =
        [State::Submitted, State::Working, State::InputRequired, State::Completed, State::Failed, State::Canceled];
    let name = asked.status.as_deref().filter(|status| !status.is_empty() && *status != "TASK_STATE_UNSPECIFIED")?;
    Some(states.into_iter().find(|state| state.named(Version::V1) == name))
}
