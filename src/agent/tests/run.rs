//! One agent, one turn.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{Stage, calls, lines, outcome, says};
use crate::{
    agent::{TurnControl, laws::assert_laws},
    domain::{
        AgentEvent, Answer, Content, Effect, EventKind, FailureCode, Message, Question, Role, ToolCall, ToolOutcome,
        ToolSpec, TurnOutcome,
    },
    model::{ModelDelta, ModelError, ModelErrorKind, scripted::ScriptedModel},
    store::{NewSession, Store as _},
    tool::{Tool, ToolCx, ToolError, ToolResult},
};

/// Does as its argument `do` says.
pub(super) struct Puppet(ToolSpec);

impl Puppet {
    pub(super) fn new(name: &str) -> Self {
        Self(ToolSpec {
            name: name.to_owned(),
            description: "Does as it is told.".to_owned(),
            parameters: json!({ "type": "object", "properties": { "do": { "type": "string" } }, "required": ["do"] }),
            effect: Effect::Reads,
            rule_name: None,
        })
    }
}

#[async_trait]
impl Tool for Puppet {
    fn spec(&self) -> &ToolSpec {
        &self.0
    }

    fn timeout(&self) -> Option<Duration> {
        Some(Duration::from_secs(5))
    }

    async fn call(&self, arguments: Value, cx: &ToolCx) -> Result<ToolResult, ToolError> {
        match arguments["do"].as_str().unwrap_or_default() {
            "hang" => {
                cx.host.output(&cx.call_id, "hanging".to_owned()).await;
                std::future::pending().await
            }
            "crash" => panic!("told to"),
            "fail" => Err(ToolError::Failed("told to".to_owned())),
            "ask" => {
                let question = Question { text: "Which?".to_owned(), choices: vec![], closed: false };
                let answer = cx.host.ask(question).await;
                Ok(ToolResult::text(answer.unwrap_or_else(|| "nobody".to_owned())))
            }
            "remember" => Ok(ToolResult {
                content: vec![],
                state: Some(json!({ "seen": 1 + cx.state["seen"].as_u64().unwrap_or(0) })),
            }),
            other => Ok(ToolResult::text(format!("did {other}"))),
        }
    }
}

fn model_error(kind: ModelErrorKind) -> ModelError {
    ModelError { model: "openai/root".to_owned(), kind, hint: Some("look at the key".to_owned()) }
}

/// Frozen: users' programs read it. A change here is a change for them.
#[tokio::test]
async fn the_standard_turn_as_json_lines() {
    let script = vec![calls(&[("call_1", "puppet", r#"{"do":"it"}"#)]), says("It is done.")];
    let stage = Stage::new("instructions: Be brief.\n", script).tool(Puppet::new("puppet"));
    let events = stage.turn("Do it").await;
    let turn = events[0].turn.to_string();
    let lines: Vec<_> = events.iter().map(|e| serde_json::to_string(e).unwrap().replace(&turn, "turn_1")).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    {"seq":0,"session":"ses_1","turn":"turn_1","agent":"assistant","type":"turn_started","model":"scripted/model"}
    {"seq":1,"session":"ses_1","turn":"turn_1","agent":"assistant","type":"tool_arguments_delta","call_id":"call_1","name":"puppet","delta":""}
    {"seq":2,"session":"ses_1","turn":"turn_1","agent":"assistant","type":"tool_arguments_delta","call_id":"call_1","name":"puppet","delta":"{\"do\":\"it\"}"}
    {"seq":3,"session":"ses_1","turn":"turn_1","agent":"assistant","type":"message_completed","message":{"role":"assistant","content":[{"type":"tool_call","call_id":"call_1","name":"puppet","arguments":{"do":"it"}}]},"stop":"tool_calls","usage":{"input_tokens":10,"output_tokens":5,"cached_tokens":0,"reasoning_tokens":0,"cost":0.001}}
    {"seq":4,"session":"ses_1","turn":"turn_1","agent":"assistant","type":"tool_started","call":{"call_id":"call_1","name":"puppet","arguments":{"do":"it"}}}
    {"seq":5,"session":"ses_1","turn":"turn_1","agent":"assistant","type":"tool_finished","call_id":"call_1","outcome":{"status":"ok","content":[{"type":"text","text":"did it"}]}}
    {"seq":6,"session":"ses_1","turn":"turn_1","agent":"assistant","type":"text_delta","text":"It "}
    {"seq":7,"session":"ses_1","turn":"turn_1","agent":"assistant","type":"text_delta","text":"is "}
    {"seq":8,"session":"ses_1","turn":"turn_1","agent":"assistant","type":"text_delta","text":"done."}
    {"seq":9,"session":"ses_1","turn":"turn_1","agent":"assistant","type":"message_completed","message":{"role":"assistant","content":[{"type":"text","text":"It is done."}]},"stop":"stop","usage":{"input_tokens":10,"output_tokens":5,"cached_tokens":0,"reasoning_tokens":0,"cost":0.001}}
    {"seq":10,"session":"ses_1","turn":"turn_1","agent":"assistant","type":"turn_finished","outcome":{"status":"completed"},"usage":{"input_tokens":20,"output_tokens":10,"cached_tokens":0,"reasoning_tokens":0,"cost":0.002}}
    "#);
    let again: Vec<AgentEvent> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(again.iter().map(|e| &e.kind).collect::<Vec<_>>(), events.iter().map(|e| &e.kind).collect::<Vec<_>>());

    let history: Vec<_> = stage.history().await.iter().map(|m| serde_json::to_string(m).unwrap()).collect();
    insta::assert_snapshot!(history.join("\n"), @r#"
    {"role":"user","content":[{"type":"text","text":"Do it"}]}
    {"role":"assistant","content":[{"type":"tool_call","call_id":"call_1","name":"puppet","arguments":{"do":"it"}}]}
    {"role":"tool","content":[{"type":"tool_result","call_id":"call_1","outcome":{"status":"ok","content":[{"type":"text","text":"did it"}]}}]}
    {"role":"assistant","content":[{"type":"text","text":"It is done."}]}
    "#);
    let requests = stage.root().requests();
    assert_eq!(requests[0].instructions, "Be brief.");
    assert_eq!(requests[1].messages.len(), 3);
    assert_eq!(requests[1].tools[0].name, "puppet");
}

#[tokio::test]
async fn calls_run_at_once_and_each_ends_in_its_own_way() {
    let script = vec![
        calls(&[
            ("a", "puppet", r#"{"do":"fail"}"#),
            ("b", "puppet", r#"{"do":"crash"}"#),
            ("c", "puppet", "{\"do\":"),
            ("d", "puppet", "{}"),
            ("e", "pupet", "{}"),
            ("f", "puppet", r#"{"do":"ask"}"#),
            ("g", "puppet", r#"{"do":"remember"}"#),
        ]),
        says("Well."),
    ];
    let stage = Stage::new("", script).tool(Puppet::new("puppet"));
    let events = stage.turn("Try").await;
    let mut finished: Vec<_> = events
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::ToolFinished { call_id, outcome } => Some(format!("{call_id} {}", outcome.text())),
            EventKind::StateChanged { patch } => Some(patch.to_string()),
            _ => None,
        })
        .collect();
    finished.sort();
    insta::assert_snapshot!(finished.join("\n"), @r#"
    a Error: told to
    b Error: the tool `puppet` crashed; this is a bug in it
    c Error: invalid arguments: not valid JSON; send one JSON object
    d Error: invalid arguments: "do" is a required property
    e Error: there is no tool `pupet`; did you mean `puppet`?
    f nobody
    g 
    {"seen":1}
    "#);
    let order: Vec<_> = stage.root().requests()[1].messages[2..]
        .iter()
        .map(|m| serde_json::to_value(m).unwrap()["content"][0]["call_id"].clone())
        .collect();
    assert_eq!(order, ["a", "b", "c", "d", "e", "f", "g"]);
    assert_eq!(stage.store.state(&Stage::key()).await.unwrap(), json!({ "seen": 1 }));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_takes_too_long_has_failed() {
    let script = vec![calls(&[("a", "puppet", r#"{"do":"hang"}"#)]), says("Well.")];
    let events = Stage::new("", script).tool(Puppet::new("puppet")).turn("Try").await;
    insta::assert_snapshot!(lines(&events[4..7]), @r#"
    assistant tool_started {"call":{"call_id":"a","name":"puppet","arguments":{"do":"hang"}}}
    assistant tool_output {"call_id":"a","chunk":"hanging"}
    assistant tool_finished {"call_id":"a","outcome":{"status":"failed","error":"timed out after 5 s"}}
    "#);
}

#[tokio::test]
async fn cancellation_closes_what_is_open_and_saves_it() {
    let script = vec![calls(&[("a", "puppet", r#"{"do":"it"}"#), ("b", "puppet", r#"{"do":"hang"}"#)])];
    let stage = Stage::new("", script).tool(Puppet::new("puppet"));
    let events = stage
        .attended("Try", |event, cancel| {
            if matches!(event.kind, EventKind::ToolFinished { .. }) {
                cancel.cancel();
            }
            vec![]
        })
        .await;
    assert_eq!(*outcome(&events), TurnOutcome::Canceled);
    let history = stage.history().await;
    assert_eq!(
        history[2..],
        [
            Message::tool_result("a".into(), ToolOutcome::ok("did it")),
            Message::tool_result("b".into(), ToolOutcome::Canceled),
        ]
    );
}

#[tokio::test]
async fn cancellation_in_the_middle_of_an_answer_keeps_what_was_said() {
    let mut answer = says("Once upon a time");
    answer.truncate(2);
    let stage = Stage::new("", vec![]).model("openai/root", ScriptedModel::new(vec![answer]).hanging());
    let events = stage
        .attended("Tell", |event, cancel| {
            if matches!(&event.kind, EventKind::TextDelta { text } if text == "upon ") {
                cancel.cancel();
            }
            vec![]
        })
        .await;
    assert_eq!(*outcome(&events), TurnOutcome::Canceled);
    let half = Message { broken_off: true, ..Message::assistant("Once upon ") };
    assert_eq!(stage.history().await, [Message::user("Tell"), half]);
}

#[tokio::test]
async fn a_stream_that_is_dropped_is_a_turn_that_is_canceled_and_saved() {
    let script = vec![calls(&[("a", "puppet", r#"{"do":"hang"}"#)])];
    let stage = Stage::new("", script).tool(Puppet::new("puppet"));
    let agent = stage.agent();
    let mut events = agent.run(Stage::request("Try"), TurnControl::unattended(CancellationToken::new()));
    while !matches!(events.next().await.unwrap().kind, EventKind::ToolOutput { .. }) {}
    drop(events);
    agent.drained().await;
    assert_eq!(stage.history().await[2], Message::tool_result("a".into(), ToolOutcome::Canceled));
    // And the session is free again.
    drop(stage.store.lock(&Stage::key(), &NewSession::default()).await.unwrap());
}

#[tokio::test]
async fn a_session_that_died_in_a_call_goes_on() {
    let stage = Stage::new("", vec![says("Welcome back."), says("Again.")]);
    let call = ToolCall { call_id: "a".into(), name: "puppet".to_owned(), arguments: json!({}), opaque: None };
    let died = [Message::user("Try"), Message::new(Role::Assistant, vec![Content::ToolCall(call)])];
    stage.store.append(&Stage::key(), &died).await.unwrap();
    let events = stage.turn("Again").await;
    assert_eq!(*outcome(&events), TurnOutcome::Completed { output: None });
    let history = stage.history().await;
    assert_eq!(history[2..4], [Message::tool_result("a".into(), ToolOutcome::Canceled), Message::user("Again")]);
    assert_eq!(stage.root().requests()[0].messages, history[..4]);
    insta::assert_snapshot!(lines(&events[..2]), @r#"
    assistant turn_started {"model":"scripted/model"}
    assistant notice {"notice":{"kind":"warning","message":"the last turn was cut off in a call of `puppet`, which is closed as canceled; it may have done its work in part"}}
    "#);
    assert!(stage.turn("And now").await.iter().all(|event| !matches!(event.kind, EventKind::Notice { .. })));
}

#[tokio::test]
async fn a_message_without_content_is_refused() {
    let stage = Stage::new("", vec![]);
    insta::assert_snapshot!(lines(&stage.turn(" \n").await), @r#"
    assistant turn_started {"model":"scripted/model"}
    assistant turn_finished {"outcome":{"status":"failed","code":"input","message":"the message is empty"},"usage":{"input_tokens":0,"output_tokens":0,"cached_tokens":0,"reasoning_tokens":0}}
    "#);
    assert_eq!(stage.history().await, []);
}

#[tokio::test]
async fn a_session_has_one_turn_at_a_time() {
    let stage = Stage::new("", vec![says("Hi.")]);
    let held = stage.store.lock(&Stage::key(), &NewSession::default()).await.unwrap();
    let events = stage.turn("Hello").await;
    insta::assert_snapshot!(lines(&events), @r#"
    assistant turn_started {"model":"scripted/model"}
    assistant turn_finished {"outcome":{"status":"failed","code":"busy","message":"session `ses_1` is in use by another turn","hint":"wait until that turn has ended, or go on in a copy made with `agentscope session fork`"},"usage":{"input_tokens":0,"output_tokens":0,"cached_tokens":0,"reasoning_tokens":0}}
    "#);
    drop(held);
    stage.turn("Hello").await;
    assert_eq!(stage.history().await.len(), 2);
}

#[tokio::test]
async fn failures_of_the_model_end_the_turn_and_keep_what_was_said() {
    let refused = vec![Err(model_error(ModelErrorKind::Auth { status: 401, body: "no".to_owned() }))];
    insta::assert_snapshot!(lines(&Stage::new("", vec![refused]).turn("Hi").await), @r#"
    assistant turn_started {"model":"scripted/model"}
    assistant turn_finished {"outcome":{"status":"failed","code":"auth","message":"openai/root: the API key was refused (HTTP 401): no","hint":"look at the key"},"usage":{"input_tokens":0,"output_tokens":0,"cached_tokens":0,"reasoning_tokens":0}}
    "#);
    let broken = vec![
        Ok(ModelDelta::Text("Hel".to_owned())),
        Err(model_error(ModelErrorKind::Transport { message: "reset".to_owned() })),
    ];
    let stage = Stage::new("", vec![broken]);
    insta::assert_snapshot!(lines(&stage.turn("Hi").await), @r#"
    assistant turn_started {"model":"scripted/model"}
    assistant text_delta {"text":"Hel"}
    assistant message_completed {"message":{"role":"assistant","content":[{"type":"text","text":"Hel"}],"broken_off":true}}
    assistant turn_finished {"outcome":{"status":"failed","code":"model","message":"openai/root: reset","hint":"look at the key"},"usage":{"input_tokens":0,"output_tokens":0,"cached_tokens":0,"reasoning_tokens":0}}
    "#);
    assert_eq!(stage.history().await[1], Message { broken_off: true, ..Message::assistant("Hel") });
    insta::assert_snapshot!(lines(&Stage::new("", vec![vec![]]).turn("Hi").await), @r#"
    assistant turn_started {"model":"scripted/model"}
    assistant turn_finished {"outcome":{"status":"failed","code":"model","message":"scripted/model: the connection was cut in the middle of the answer"},"usage":{"input_tokens":0,"output_tokens":0,"cached_tokens":0,"reasoning_tokens":0}}
    "#);
}

#[tokio::test]
async fn messages_join_a_running_turn() {
    let after_tools = vec![calls(&[("a", "puppet", r#"{"do":"it"}"#)]), says("Both.")];
    let after_the_answer = vec![says("One."), says("Two.")];
    for (script, at) in [(after_tools, 3), (after_the_answer, 2)] {
        let stage = Stage::new("", script).tool(Puppet::new("puppet"));
        let (steer, received) = tokio::sync::mpsc::channel(1);
        steer.send(Message::user("Also this")).await.unwrap();
        let control = TurnControl { steer: Some(received.into()), ..TurnControl::unattended(CancellationToken::new()) };
        let events: Vec<_> = stage.agent().run(Stage::request("Go"), control).collect().await;
        assert_laws(&events);
        let requests = stage.root().requests();
        assert_eq!(requests.len(), 2);
        assert_eq!(requests[1].messages[at..], [Message::user("Also this")]);
        assert_eq!(stage.history().await[..=at], requests[1].messages);
    }
}

#[tokio::test(start_paused = true)]
async fn time_and_tokens_and_cost_are_limited() {
    let code = |events: &[AgentEvent]| match outcome(events) {
        TurnOutcome::Failed { code, .. } => Some(*code),
        _ => None,
    };
    let call = || calls(&[("a", "puppet", r#"{"do":"it"}"#)]);
    let slow =
        Stage::new("limits: {time: 2s}\n", vec![]).model("openai/root", ScriptedModel::new(vec![vec![]]).hanging());
    assert_eq!(code(&slow.turn("Go").await), Some(FailureCode::TimeLimit));
    let tokens =
        Stage::new("limits: {total_tokens: 20}\n", vec![call(), call(), says("x")]).tool(Puppet::new("puppet"));
    assert_eq!(code(&tokens.turn("Go").await), Some(FailureCode::TokenLimit));
    assert_eq!(tokens.root().requests().len(), 2);
    let cost = Stage::new("limits: {cost: 0.001}\n", vec![call(), call()]).tool(Puppet::new("puppet"));
    assert_eq!(code(&cost.turn("Go").await), Some(FailureCode::CostLimit));
    let last = Stage::new("limits: {cost: 0.001}\n", vec![says("Just enough.")]);
    assert_eq!(code(&last.turn("Go").await), None, "an answer is not taken back for what it cost");
}

#[tokio::test]
async fn a_turn_whose_user_goes_on_to_something_else_ends_with_its_calls() {
    let asks = |id| calls(&[(id, "puppet", r#"{"do":"it"}"#), ("q", "ask_user", r#"{"question":"Which?"}"#)]);
    let yaml = "tools: [ask_user]\npermissions: {ask: [puppet]}\n";
    let stage = Stage::new(yaml, vec![asks("a"), says("Too late.")]).tool(Puppet::new("puppet"));
    let (_answers, received) = tokio::sync::mpsc::channel(2);
    let control = TurnControl { answers: Some(received), ..TurnControl::unattended(CancellationToken::new()) };
    let decline = control.decline.clone();
    let mut stream = stage.agent().run(Stage::request("Go"), control);
    let mut events = vec![];
    while let Some(event) = stream.next().await {
        if let EventKind::ApprovalRequested { .. } = &event.kind {
            decline.cancel();
        }
        events.push(event);
    }
    assert_laws(&events);
    assert_eq!(*outcome(&events), TurnOutcome::Canceled);
    assert_eq!(stage.root().requests().len(), 1, "the model is not asked what to do next");
    let history = stage.history().await;
    crate::agent::laws::check_pairing(&history).unwrap();
    assert!(format!("{history:?}").contains("the user said something else"));
}

#[tokio::test(start_paused = true)]
async fn the_user_may_take_their_time() {
    let script = vec![calls(&[("a", "ask_user", r#"{"question":"Which?"}"#)]), says("Well.")];
    let stage = Stage::new("limits: {time: 2s}\ntools: [ask_user]\n", script);
    let (answers, received) = tokio::sync::mpsc::channel(2);
    let control = TurnControl { answers: Some(received), ..TurnControl::unattended(CancellationToken::new()) };
    let mut stream = stage.agent().run(Stage::request("Go"), control);
    let mut events = vec![];
    while let Some(event) = stream.next().await {
        if let EventKind::QuestionAsked { id, .. } = &event.kind {
            tokio::time::advance(Duration::from_mins(60)).await;
            answers.send(Answer::Question { id: id.clone(), answer: Some("blue".to_owned()) }).await.unwrap();
        }
        events.push(event);
    }
    assert_laws(&events);
    assert_eq!(*outcome(&events), TurnOutcome::Completed { output: None });
    assert!(lines(&events).contains("blue"));
}

#[tokio::test]
async fn the_prompt_says_what_the_file_wants_said() {
    let yaml = "instructions: Be brief.\ncontext: {date: true, environment: true}\n";
    let stage = Stage::new(yaml, vec![says("Hi.")]);
    stage.write("AGENTS.md", "Use tabs.\n");
    let events = stage.turn("Hello").await;
    let shown = |text: &str| text.replace(&stage.folder.path().display().to_string(), "[FOLDER]");
    insta::assert_snapshot!(shown(&stage.root().requests()[0].instructions), @r#"
    Be brief.

    <file path="[FOLDER]/AGENTS.md">
    Use tabs.
    </file>

    Operating system: linux
    Working directory: [FOLDER]

    Today is Saturday, 14 March 2026.
    "#);
    insta::assert_snapshot!(shown(&lines(&events[..1])), @r#"assistant turn_started {"model":"scripted/model","context_files":["[FOLDER]/AGENTS.md"]}"#);
}
