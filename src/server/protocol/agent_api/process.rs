//! `POST /process`: a turn, streamed or whole.

use std::sync::Arc;

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};

use super::{
    convert::Approval,
    encoder::{ProcessEncoder, servers_of},
    prepare::Prepared,
    request::ProcessRequest,
    writer::{Head, Mode},
};
use crate::{
    domain::{Content, Message, Role, SessionKey},
    server::{
        ApiError, App, Ask, Asks, Caller, Encoder, Flow, Frames, Json, Recording, Run, RunHandle, Target, fold, sse,
        sse_of,
    },
};

/// What a request is answered with.
enum Answer {
    /// A turn of its own, or one that it takes up.
    Run(Box<Run>),
    /// A turn in the background, whose events after this one follow from its answer.
    Task(Arc<Recording>, Option<u64>),
}

pub(super) async fn process(
    state: State<Arc<App>>,
    caller: Caller,
    target: Target,
    body: Json<ProcessRequest>,
) -> Result<Response, ApiError> {
    let streamed = body.0.stream != Some(false);
    respond(&state, &caller, &target, body.0, streamed).await
}

pub(super) async fn stream(
    state: State<Arc<App>>,
    caller: Caller,
    target: Target,
    body: Json<ProcessRequest>,
) -> Result<Response, ApiError> {
    respond(&state, &caller, &target, body.0, true).await
}

async fn respond(
    app: &App,
    caller: &Caller,
    target: &Target,
    body: ProcessRequest,
    streamed: bool,
) -> Result<Response, ApiError> {
    let asked = Prepared::new(caller, target, body)?;
    let head = Head::now(asked.id.clone(), asked.request.key.session.to_string());
    let theirs = asked.theirs();
    let answer = if asked.answers.is_empty() { start(app, target, asked).await? } else { take_up(app, asked).await? };
    let mode = if streamed { Mode::Plain } else { Mode::Silent };
    let encoder = ProcessEncoder::new(servers_of(target.agent.clone()), head, mode).theirs(theirs);
    match answer {
        Answer::Run(run) => {
            let run = *run;
            let encoder = encoder.running(run.handle().calls());
            Ok(if streamed { sse(run, encoder) } else { whole(run, encoder).await })
        }
        Answer::Task(task, after) => {
            let encoder = encoder.running(task.handle.calls()).followed();
            Ok(sse_of(task.follow(after), encoder))
        }
    }
}

/// The response, once it is there.
async fn whole(run: Run, mut encoder: ProcessEncoder) -> Response {
    let (mut out, mut parked) = (Frames::default(), false);
    encoder.begin(&mut out);
    fold(run, |event| {
        let flow = encoder.event(event, &mut out);
        parked = flow == Flow::Park;
        flow
    })
    .await;
    encoder.end(parked, &mut out);
    axum::Json(encoder.response()).into_response()
}

async fn start(app: &App, target: &Target, asked: Prepared) -> Result<Answer, ApiError> {
    let key = &asked.request.key;
    if let Some(run) = app.runs.resume(key) {
        match said(run.handle(), &asked.request.input) {
            Some((ask, text)) => {
                run.handle().answer(ask.answer(true, &text)).await?;
                return Ok(Answer::Run(Box::new(run)));
            }
            None => run.park(),
        }
    }
    if let Some(before) = &asked.before {
        remember(app, target, key, before).await?;
    }
    app.runs.start(target, asked.request, Asks::Caller).await.map(|run| Answer::Run(Box::new(run)))
}

/// The answer in plain words, where the agent asked one question and nothing else.
fn said(handle: &RunHandle, input: &[Message]) -> Option<(Ask, String)> {
    let ask = match handle.asked().as_slice() {
        [ask @ Ask::Question { .. }] => ask.clone(),
        _ => return None,
    };
    match input {
        [message] if message.role == Role::User => {
            let words = message.content.iter().all(|part| matches!(part, Content::Text { .. }));
            words.then(|| (ask, message.text()))
        }
        _ => None,
    }
}

/// Puts what the caller says was said before into a session that has nothing of its own yet.
pub(super) async fn remember(app: &App, target: &Target, key: &SessionKey, before: &[Message]) -> Result<(), ApiError> {
    // One that is busy has something, or will have.
    let Ok(_lock) = target.agent.hold(key).await else { return Ok(()) };
    if app.stores.sessions.history(key).await?.is_empty() {
        app.stores.sessions.append(key, before).await?;
    }
    Ok(())
}

/// Answers what a turn asked and goes on with it.
async fn take_up(app: &App, asked: Prepared) -> Result<Answer, ApiError> {
    let Prepared { request, answers, .. } = asked;
    if request.input.iter().any(|message| message.role != Role::User) {
        return Err(ApiError::invalid(
            "`input` answers what the agent asked and holds results of tools; send one of them",
        ));
    }
    if let Some(run) = app.runs.resume(&request.key) {
        return match answer(run.handle(), &answers, request.input).await {
            Ok(()) => Ok(Answer::Run(Box::new(run))),
            Err(error) => {
                run.park();
                Err(error)
            }
        };
    }
    let handle = app.runs.of_session(&request.key);
    let task = handle.and_then(|handle| app.runs.recording(None, &handle.turn).ok());
    let task = task.ok_or_else(|| {
        ApiError::not_found(format!("no turn of session `{}` waits for an answer", request.key.session))
    })?;
    let after = task.count().checked_sub(1);
    answer(&task.handle, &answers, request.input).await?;
    Ok(Answer::Task(task, after))
}

async fn answer(handle: &RunHandle, answers: &[Approval], said: Vec<Message>) -> Result<(), ApiError> {
    let open = handle.asked();
    let find = |answer: &Approval| {
        let id = answer.asked().unwrap_or_default();
        let ask = open.iter().find(|ask| ask.id() == id).cloned();
        ask.ok_or_else(|| ApiError::not_found(format!("nothing waits for an answer to `{id}`")))
    };
    let asks = answers.iter().map(find).collect::<Result<Vec<_>, _>>()?;
    handle.steer(said)?;
    for (ask, answer) in asks.iter().zip(answers) {
        handle.answer(ask.answer(answer.approve, answer.reason.as_deref().unwrap_or_default())).await?;
    }
    Ok(())
}
