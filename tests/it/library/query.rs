//! Handlers that answer in the agent's place.

use std::time::Duration;

use agentscope::{
    AgentApp, BoxError, Part, Query, Reply,
    agent::{AgentRequest, text_of},
    domain::{AgentEvent, Content, EventKind, Message, SessionKey, TurnOutcome},
    server::Asks,
};
use futures_util::{StreamExt as _, stream};

use super::{DEMO, Home};

fn key() -> SessionKey {
    SessionKey { user: "ann".to_owned(), session: "s1".into() }
}

async fn events(app: &AgentApp, text: &str) -> Vec<AgentEvent> {
    let request = AgentRequest::message(key(), vec![Content::text(text)]);
    let events: Vec<_> = app.start(&app.agent(None).unwrap(), request, Asks::Nobody).await.unwrap().collect().await;
    agentscope::agent::laws::assert_laws(&events);
    events
}

fn outcome(events: &[AgentEvent]) -> &TurnOutcome {
    match &events.last().unwrap().kind {
        EventKind::TurnFinished { outcome, .. } => outcome,
        other => panic!("{other:?}"),
    }
}

/// The messages that the session keeps.
async fn kept(app: &AgentApp) -> Vec<String> {
    let messages = app.server().stores.sessions.history(&key()).await.unwrap();
    messages.iter().map(|message| format!("{:?}: {}", message.role, message.text())).collect()
}

#[tokio::test]
async fn pieces_are_shown_as_they_come_and_kept_as_one_message() {
    let home = Home::new();
    let handler = async |_: Query| {
        let parts = [Part::Reasoning("hm".to_owned()), "one ".into(), "two".into()];
        Ok::<_, BoxError>(Reply::stream(stream::iter(parts.map(Ok::<_, BoxError>))))
    };
    let app = home.app(DEMO).query(handler).build().await.unwrap();
    let events = events(&app, "hello").await;
    let deltas: Vec<_> = events
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::TextDelta { text } | EventKind::ReasoningDelta { text } => Some(text.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(deltas, ["hm", "one ", "two"]);
    assert_eq!(outcome(&events), &TurnOutcome::Completed { output: None });
    assert_eq!(kept(&app).await, ["User: hello", "Assistant: one two"]);
}

#[tokio::test]
async fn the_agent_is_asked_aside_with_the_history_and_the_session_keeps_nothing_of_it() {
    let home = Home::new();
    let handler = async |query: Query| {
        if query.history.is_empty() {
            return Ok(Reply::text("remember this"));
        }
        let answer = text_of(query.ask(vec![Message::user("1 + 2 =")])).await?;
        Ok::<_, BoxError>(Reply::text(format!("{} before, and: {answer}", query.history.len())))
    };
    let app = home.app(DEMO).query(handler).build().await.unwrap();
    app.ask(key(), "first").await.unwrap();
    let answer = app.ask(key(), "second").await.unwrap();
    insta::assert_snapshot!(answer, @"2 before, and: demo model: I am not a language model but a few fixed rules, so that you can try agentscope without a key. I have no tools here. `agentscope setup` chooses a real model.");
    assert_eq!(kept(&app).await.len(), 4);
}

#[tokio::test]
async fn a_handler_that_breaks_fails_its_turn_and_no_other() {
    let home = Home::new();
    let handler = async |query: Query| match query.text().as_str() {
        "crash" => panic!("as it was told"),
        "half" => {
            let parts = [Ok("half an "), Err("the rest is missing")];
            Ok::<_, BoxError>(Reply::stream(stream::iter(parts)))
        }
        _ => Ok(query.pass()),
    };
    let app = home.app(DEMO).query(handler).build().await.unwrap();
    for text in ["crash", "half"] {
        let events = events(&app, text).await;
        assert!(matches!(outcome(&events), TurnOutcome::Failed { .. }), "{text}");
    }
    assert_eq!(kept(&app).await, ["User: crash", "User: half", "Assistant: half an "]);
    let refused = app.ask(key(), "crash").await.unwrap_err();
    assert_eq!(refused.status, 500);
    insta::assert_snapshot!(refused, @"the handler of queries crashed");
    app.ask(key(), "hello").await.unwrap();
}

#[tokio::test]
async fn a_handler_that_never_answers_is_stopped_with_its_turn() {
    let home = Home::new();
    let handler = async |_: Query| std::future::pending::<Result<Reply, BoxError>>().await;
    let yaml = format!("{DEMO}limits: {{time: 1s}}\n");
    let app = home.app(&yaml).query(handler).build().await.unwrap();
    let request = AgentRequest::message(key(), vec![Content::text("hello")]);
    let run = app.start(&app.agent(None).unwrap(), request, Asks::Nobody).await.unwrap();
    run.handle().cancel();
    let events: Vec<_> = run.collect().await;
    assert_eq!(outcome(&events), &TurnOutcome::Canceled);
    let error = tokio::time::timeout(Duration::from_mins(1), app.ask(key(), "again")).await.unwrap().unwrap_err();
    assert_eq!(error.code, "time_limit");
}
