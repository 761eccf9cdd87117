//! What the methods do.

use axum::response::Response;
use serde_json::{Value, json};

use super::{
    call::Call,
    params,
    rpc::{Code, Refusal, Version},
    stream,
    task::{State, Task},
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
    let start: usize =
        token.map_or(Ok(0), str::parse).map_err(|_| Refusal::params("`pageToken` is not one that was given"))?;
    let mut tasks: Vec<Task> = call.records().await?.into_iter().map(|record| call.now(record)).collect();
    tasks.retain(|task| wanted(task, &asked));
    let total = tasks.len();
    let page: Vec<Value> = tasks
        .into_iter()
        .skip(start)
        .take(size)
        .map(|mut task| {
            if !asked.include_artifacts.unwrap_or(false) {
                task.artifacts.clear();
            }
            task.write(history, Version::V1)
        })
        .collect();
    let next = start + page.len();
    let token = if next < total { next.to_string() } else { String::new() };
    Ok(json!({ "tasks": page, "nextPageToken": token, "pageSize": size, "totalSize": total }))
}

fn wanted(task: &Task, asked: &params::List) -> bool {
    let states =
        [State::Submitted, State::Working, State::InputRequired, State::Completed, State::Failed, State::Canceled];
    let status = asked.status.as_deref().filter(|status| !status.is_empty() && *status != "TASK_STATE_UNSPECIFIED");
    let named = |name| states.into_iter().find(|state| state.named(Version::V1) == name);
    asked.context_id.as_deref().is_none_or(|context| context.is_empty() || task.ids.context == context)
        && status.is_none_or(|name| named(name) == Some(task.status.state))
        && asked.status_timestamp_after.is_none_or(|after| task.status.at >= after)
}
