//! The agents of a file from outside.

use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Stage, lines, outcome, run::Puppet, says};
use crate::{
    agent::{Check, LocalAgent, OpenError, TurnControl, laws::assert_laws},
    config::agent_file::Effort,
    domain::{AgentEvent, Answer, Decision, EventKind, TurnOutcome},
    model::scripted::ScriptedModel,
    store::Store as _,
};

const TEAM: &str = "\
description: Leads.
tools: [todo, {agent: helper}]
handoffs: [sales]
permissions: {ask: [puppet], deny: [todo]}
agents:
  helper: {description: Finds facts., model: openai/helper, instructions: Search.}
  sales: {model: openai/sales}
";

fn stage() -> Stage {
    Stage::new(TEAM, vec![])
        .tool(Puppet::new("puppet"))
        .model("openai/helper", ScriptedModel::new(vec![says("Found.")]))
        .model("openai/sales", ScriptedModel::new(vec![]))
}

async fn call(agent: &LocalAgent, name: &str, arguments: Value) -> Vec<AgentEvent> {
    let control = TurnControl::unattended(CancellationToken::new());
    let events: Vec<_> = agent.call_tool(name, arguments, Stage::key(), control).collect().await;
    assert_laws(&events);
    events
}

#[tokio::test]
async fn each_agent_of_a_file_can_be_the_one_that_users_talk_to() {
    let stage = stage();
    let agent = stage.agent();
    assert_eq!(agent.names(), ["assistant", "helper", "sales"]);
    assert_eq!(
        (agent.name(), agent.description(), agent.model_name().as_str()),
        ("assistant", "Leads.", "scripted/model")
    );
    let helper = agent.named("helper").unwrap();
    assert_eq!((helper.name(), helper.description()), ("helper", "Finds facts."));
    let events: Vec<_> =
        helper.run(Stage::request("Where?"), TurnControl::unattended(CancellationToken::new())).collect().await;
    assert_laws(&events);
    assert_eq!(events[0].agent.as_str(), "helper");
    assert_eq!(stage.models["openai/helper"].requests()[0].instructions, "Search.");
    assert_eq!(stage.store.info(&Stage::key()).await.unwrap().agent, "helper");
    assert!(matches!(agent.named("nobody"), Err(OpenError::Unknown { .. })));
    assert_eq!(agent.check().await, [Check { what: "model scripted/model".to_owned(), wrong: None }]);
}

#[tokio::test]
async fn one_tool_runs_as_in_a_turn() {
    let stage = stage();
    let agent = stage.agent();
    let names: Vec<_> = agent.tools().await.unwrap().into_iter().map(|tool| tool.name).collect();
    assert_eq!(names, ["todo", "puppet", "helper"]);
    insta::assert_snapshot!(lines(&call(&agent, "todo", json!({ "items": [] })).await), @r#"
    assistant turn_started {"model":"scripted/model"}
    assistant message_completed {"message":{"role":"assistant","content":[{"type":"tool_call","call_id":"call_","name":"todo","arguments":{"items":[]}}]},"stop":"tool_calls"}
    assistant tool_started {"call":{"call_id":"call_","name":"todo","arguments":{"items":[]}}}
    assistant tool_finished {"call_id":"call_","outcome":{"status":"denied","by":"rule","reason":"the rule `todo` denies it"}}
    assistant turn_finished {"outcome":{"status":"completed"},"usage":{"input_tokens":0,"output_tokens":0,"cached_tokens":0,"reasoning_tokens":0}}
    "#);
    insta::assert_snapshot!(lines(&call(&agent, "helper", json!({ "task": "find it" })).await), @r#"
    assistant turn_started {"model":"scripted/model"}
    assistant message_completed {"message":{"role":"assistant","content":[{"type":"tool_call","call_id":"call_","name":"helper","arguments":{"task":"find it"}}]},"stop":"tool_calls"}
    assistant tool_started {"call":{"call_id":"call_","name":"helper","arguments":{"task":"find it"}}}
    assistant/helper turn_started {"model":"scripted/model"}
    assistant/helper text_delta {"text":"Found."}
    assistant/helper message_completed {"message":{"role":"assistant","content":[{"type":"text","text":"Found."}]},"stop":"stop","usage":{"input_tokens":10,"output_tokens":5,"cached_tokens":0,"reasoning_tokens":0,"cost":0.001}}
    assistant/helper turn_finished {"outcome":{"status":"completed"},"usage":{"input_tokens":10,"output_tokens":5,"cached_tokens":0,"reasoning_tokens":0,"cost":0.001}}
    assistant tool_finished {"call_id":"call_","outcome":{"status":"ok","content":[{"type":"text","text":"Found."}]}}
    assistant turn_finished {"outcome":{"status":"completed"},"usage":{"input_tokens":10,"output_tokens":5,"cached_tokens":0,"reasoning_tokens":0,"cost":0.001}}
    "#);
    for name in ["transfer_to_sales", "final_answer", "tod"] {
        let events = call(&agent, name, json!({})).await;
        assert!(matches!(outcome(&events), TurnOutcome::Failed { .. }), "{events:#?}");
    }
    insta::assert_snapshot!(lines(&call(&agent, "tod", json!({})).await[1..]), @r#"assistant turn_finished {"outcome":{"status":"failed","code":"input","message":"there is no tool `tod`; did you mean `todo`?"},"usage":{"input_tokens":0,"output_tokens":0,"cached_tokens":0,"reasoning_tokens":0}}"#);
    assert!(stage.store.sessions(None).await.unwrap().is_empty(), "no session is made");
}

#[tokio::test]
async fn one_tool_is_asked_about_and_can_be_canceled() {
    let stage = stage();
    let agent = stage.agent();
    for (wants, cancels) in [("it", false), ("hang", true)] {
        let (answers, received) = mpsc::channel(1);
        let cancel = CancellationToken::new();
        let control = TurnControl { answers: Some(received), ..TurnControl::unattended(cancel.clone()) };
        let mut stream = agent.call_tool("puppet", json!({ "do": wants }), Stage::key(), control);
        let mut events = vec![];
        while let Some(event) = stream.next().await {
            match &event.kind {
                EventKind::ApprovalRequested { call, .. } => {
                    let (call_id, decision) = (call.call_id.clone(), Decision::Allow);
                    answers.send(Answer::Approval { call_id, decision }).await.unwrap();
                }
                EventKind::ToolOutput { .. } => cancel.cancel(),
                _ => {}
            }
            events.push(event);
        }
        assert_laws(&events);
        assert_eq!(*outcome(&events) == TurnOutcome::Canceled, cancels);
        assert!(lines(&events).contains("approval_resolved"));
    }
}

#[tokio::test]
async fn another_model_answers_from_the_next_turn_on() {
    let stage = Stage::new("agents: {helper: {description: Helps}}\n", vec![says("One."), says("Three.")])
        .model("openai/other", ScriptedModel::new(vec![says("Two.")]));
    let agent = stage.agent();
    let ask = async |text: &str| {
        let control = TurnControl::unattended(CancellationToken::new());
        let events: Vec<_> = agent.run(Stage::request(text), control).collect().await;
        assert_eq!(*outcome(&events), TurnOutcome::Completed { output: None });
    };
    ask("1?").await;
    agent.choose_model("openai/other", Some(Effort::High)).unwrap();
    assert_eq!((agent.model_reference().as_str(), agent.effort()), ("openai/other", Some(Effort::High)));
    ask("2?").await;
    let refused = agent.choose_model("nobody/x", Some(Effort::Low)).unwrap_err();
    assert_eq!(refused.to_string(), "there is no model or provider `nobody/x`");
    assert_eq!(agent.model_reference(), "openai/other", "the old one stays");
    agent.talk_to(&Stage::key(), "helper").await.unwrap();
    assert_eq!(agent.talking(&Stage::key()).await.unwrap().name(), "helper");
    ask("3?").await;
    assert_eq!(stage.root().requests().len(), 2, "the helper has the model of the file");
    assert!(agent.talk_to(&Stage::key(), "nobody").await.is_err());
}
