//! Taking up a turn that asked something, with the answers.

use std::sync::Arc;

use http::StatusCode;

use super::{fold::Manner, input::Answer};
use crate::{
    domain::{Message, Role, SessionKey},
    server::{ApiError, App, Ask, Run},
};

/// The turn of the session that waits, answered. What it asked and the request leaves out is declined.
///
/// # Errors
/// 404 where nothing waits for such an answer.
pub(super) async fn answered(
    app: &App,
    key: &SessionKey,
    answers: &[Answer],
    more: Vec<Message>,
    manner: &mut Manner,
) -> Result<Run, ApiError> {
    if more.iter().any(|message| message.role != Role::User) {
        return Err(ApiError::invalid("results of calls cannot come with answers to approval requests"));
    }
    let Some(run) = app.runs.resume(key) else { return Err(missing(&answers[0].id)) };
    let handle = Arc::clone(run.handle());
    let open = handle.asked();
    if let Some(stray) = answers.iter().find(|answer| !open.iter().any(|ask| is_to(answer, ask))) {
        run.park();
        return Err(missing(&stray.id));
    }
    let history = app.stores.sessions.history(key).await?;
    let calls = history.iter().rev().find(|message| message.calls().next().is_some());
    let calls = calls.into_iter().flat_map(Message::calls);
    manner.earlier = calls.map(|call| (call.call_id.clone(), call.clone())).collect();
    if let Err(error) = handle.steer(more) {
        run.park();
        return Err(error);
    }
    for ask in &open {
        let given = answers.iter().find(|answer| is_to(answer, ask));
        let answer = given.map_or_else(
            || ask.unanswered(),
            |given| ask.answer(given.approve, given.reason.as_deref().unwrap_or_default()),
        );
        manner.approved.insert(ask.id().to_owned());
        handle.answer(answer).await?;
    }
    Ok(run)
}

fn is_to(answer: &Answer, ask: &Ask) -> bool {
    answer.id.strip_prefix("mcpr_").unwrap_or(&answer.id) == ask.id()
}

fn missing(id: &str) -> ApiError {
    let message = format!("nothing waits for an answer to `{id}`, or not any more");
    ApiError::new(StatusCode::NOT_FOUND, "not_found", message)
}
