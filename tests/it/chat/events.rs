//! `-o stream-json` keeps the laws of the event stream, however the turn ends.

use agentscope::{
    agent::laws::check_laws,
    domain::{AgentEvent, EventKind, TurnOutcome},
};
use serde_json::json;

use super::{AGENT, scripted};
use crate::common::{Output, TestEnv, fake_model::Reply};

/// The events of a run, of which each line is one.
fn events(output: &Output) -> Vec<AgentEvent> {
    let events: Vec<AgentEvent> = output
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    assert_eq!(check_laws(&events), Ok(()), "{output}");
    events
}

fn outcome(events: &[AgentEvent]) -> &TurnOutcome {
    match &events.last().unwrap().kind {
        EventKind::TurnFinished { outcome, .. } => outcome,
        other => panic!("{other:?}"),
    }
}

#[test]
fn of_tool_calls_allowed_and_denied() {
    let env = TestEnv::new();
    env.write("agent.yaml", AGENT);
    let chat = ["chat", "-o", "stream-json", "-q", "TOOL:todo:{\"items\": []}"];
    let output = env.run(&chat);
    assert_eq!(output.code, Some(0), "{output}");
    assert_eq!(*outcome(&events(&output)), TurnOutcome::Completed { output: None });

    env.write("agent.yaml", AGENT.to_owned() + "permissions: {ask: [todo]}\n");
    let output = env.run(&chat);
    assert_eq!(output.code, Some(3), "{output}");
    assert_eq!(*outcome(&events(&output)), TurnOutcome::Completed { output: None });

    let mut plain = chat.to_vec();
    plain.splice(3.., ["--plain"]);
    let output = env.run_with(&plain, "TOOL:todo:{\"items\": []}\nyes\n");
    assert_eq!(output.code, Some(0), "{output}");
    let events = events(&output);
    assert!(events.iter().any(|event| matches!(event.kind, EventKind::ApprovalResolved { .. })), "{output}");
}

#[test]
fn of_a_sub_agent() {
    let script = vec![
        Reply::calls(&[("helper", json!({ "task": "find it" })), ("helper", json!({ "task": "find that" }))]),
        Reply::text("It is here."),
        Reply::text("It is there."),
        Reply::text("Both found."),
    ];
    let (env, _server) = scripted("tools: [{agent: helper}]\nagents: {helper: {description: Helps.}}\n", script);
    let output = env.run(&["chat", "-o", "stream-json", "-q", "Where?"]);
    assert_eq!(output.code, Some(0), "{output}");
    let events = events(&output);
    let deepest = events.iter().map(|event| event.agent.depth()).max();
    assert_eq!(deepest, Some(1), "{output}");
}

#[test]
fn of_a_failure() {
    let unauthorized = Reply::status(401, r#"{"error": {"message": "wrong key"}}"#);
    let (env, _server) = scripted("", vec![unauthorized]);
    let output = env.run(&["chat", "-o", "stream-json", "-q", "hello"]);
    assert_eq!(output.code, Some(1), "{output}");
    assert!(matches!(outcome(&events(&output)), TurnOutcome::Failed { .. }), "{output}");
}
