//! What a caller brings along: tools that it runs, a history that it keeps, instructions, a choice, a schema.

use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{Stage, calls, lines, outcome, run::Puppet, says};
use crate::{
    agent::{AgentRequest, Brought, TurnControl, laws::check_laws_with},
    domain::{
        AgentEvent, Content, Effect, EventKind, Message, Role, SessionKey, ToolCall, ToolOutcome, ToolSpec, TurnOutcome,
    },
    model::{Capabilities, Sampling, ToolChoice, scripted::ScriptedModel},
    store::Store as _,
};

const OWN: &str = r#"{"do":"it"}"#;

fn client_tool(name: &str) -> ToolSpec {
    ToolSpec {
        name: name.to_owned(),
        description: "Runs at the caller's.".to_owned(),
        parameters: Value::Null,
        effect: Effect::Writes,
        rule_name: None,
    }
}

fn with_tools(names: &[&str]) -> Brought {
    Brought { tools: names.iter().map(|name| client_tool(name)).collect(), ..Brought::default() }
}

fn result(id: &str) -> Message {
    Message::tool_result(id.into(), ToolOutcome::ok(format!("result of {id}")))
}

fn asks(ids: &[&str]) -> Message {
    let call = |id: &&str| {
        let (call_id, name) = ((*id).into(), "open_door".to_owned());
        Content::ToolCall(ToolCall { call_id, name, arguments: json!({}), opaque: None })
    };
    Message::new(Role::Assistant, ids.iter().map(call).collect())
}

impl Stage {
    async fn brings(&self, input: Vec<Message>, brought: Brought) -> Vec<AgentEvent> {
        let elsewhere: Vec<_> = brought.tools.iter().map(|tool| tool.name.clone()).collect();
        let request = AgentRequest { key: Self::key(), input, brought };
        let agent = self.agent();
        let events: Vec<_> = agent.run(request, TurnControl::unattended(CancellationToken::new())).collect().await;
        agent.drained().await;
        let elsewhere: Vec<_> = elsewhere.iter().map(String::as_str).collect();
        if let Err(broken) = check_laws_with(&events, &elsewhere) {
            panic!("{broken}\n{events:#?}");
        }
        events
    }
}

fn refusal(events: &[AgentEvent]) -> String {
    assert_eq!(events.len(), 2, "{events:#?}");
    lines(&events[1..])
}

#[tokio::test]
async fn a_call_of_the_callers_tool_ends_the_turn_and_its_result_goes_on_with_it() {
    let script = vec![
        calls(&[("a", "open_door", r#"{"door":1}"#), ("b", "puppet", OWN), ("c", "open_door", "{}")]),
        says("Both are open."),
    ];
    let stage = Stage::new("permissions: {deny: [open_door]}\n", script).tool(Puppet::new("puppet"));
    let events = stage.brings(vec![Message::user("Open them")], with_tools(&["open_door"])).await;
    insta::assert_snapshot!(lines(&events), @r#"
    assistant turn_started {"model":"scripted/model"}
    assistant tool_arguments_delta {"call_id":"a","name":"open_door","delta":""}
    assistant tool_arguments_delta {"call_id":"a","name":"open_door","delta":"{\"door\":1}"}
    assistant tool_arguments_delta {"call_id":"b","name":"puppet","delta":""}
    assistant tool_arguments_delta {"call_id":"b","name":"puppet","delta":"{\"do\":\"it\"}"}
    assistant tool_arguments_delta {"call_id":"c","name":"open_door","delta":""}
    assistant tool_arguments_delta {"call_id":"c","name":"open_door","delta":"{}"}
    assistant message_completed {"message":{"role":"assistant","content":[{"type":"tool_call","call_id":"a","name":"open_door","arguments":{"door":1}},{"type":"tool_call","call_id":"b","name":"puppet","arguments":{"do":"it"}},{"type":"tool_call","call_id":"c","name":"open_door","arguments":{}}]},"stop":"tool_calls","usage":{"input_tokens":10,"output_tokens":5,"cached_tokens":0,"reasoning_tokens":0,"cost":0.001}}
    assistant tool_started {"call":{"call_id":"b","name":"puppet","arguments":{"do":"it"}}}
    assistant tool_finished {"call_id":"b","outcome":{"status":"ok","content":[{"type":"text","text":"did it"}]}}
    assistant turn_finished {"outcome":{"status":"tool_calls","calls":[{"call_id":"a","name":"open_door","arguments":{"door":1}},{"call_id":"c","name":"open_door","arguments":{}}]},"usage":{"input_tokens":10,"output_tokens":5,"cached_tokens":0,"reasoning_tokens":0,"cost":0.001}}
    "#);
    let listed: Vec<_> = stage.root().requests()[0].tools.iter().map(|tool| tool.name.clone()).collect();
    assert_eq!(listed, ["puppet", "open_door"]);
    assert_eq!(stage.history().await.len(), 3, "what was said, the calls, and the result of our own");

    let input = vec![Message::user("Well?"), result("c"), result("a")];
    let events = stage.brings(input, with_tools(&["open_door"])).await;
    assert_eq!(*outcome(&events), TurnOutcome::Completed { output: None });
    let sent = &stage.root().requests()[1].messages;
    let done = Message::tool_result("b".into(), ToolOutcome::ok("did it"));
    assert_eq!(sent[2..], [result("a"), done, result("c"), Message::user("Well?")], "in the order of the calls");
    let stored = stage.history().await;
    assert_eq!(crate::agent::history::paired(stored)[..6], sent[..], "what is stored gives the same again");
}

#[tokio::test]
async fn calls_whose_results_do_not_come_are_canceled() {
    let open = || calls(&[("a", "open_door", "{}"), ("b", "open_door", "{}")]);
    let stage = Stage::new("", vec![open(), says("One is."), open(), says("None is.")]);
    let tools = || with_tools(&["open_door"]);
    stage.brings(vec![Message::user("Open")], tools()).await;
    let events = stage.brings(vec![result("b")], tools()).await;
    assert!(events.iter().all(|event| !matches!(event.kind, EventKind::Notice { .. })), "{events:#?}");
    let canceled = |id: &str| Message::tool_result(id.into(), ToolOutcome::Canceled);
    assert_eq!(stage.root().requests()[1].messages[2..], [canceled("a"), result("b")]);

    stage.brings(vec![Message::user("Again")], tools()).await;
    let ids: Vec<_> = stage.history().await[6].calls().map(|call| call.call_id.clone()).collect();
    let events = stage.brings(vec![Message::user("Leave it")], tools()).await;
    assert!(events.iter().all(|event| !matches!(event.kind, EventKind::Notice { .. })), "{events:#?}");
    let results: Vec<_> = ids.into_iter().map(|id| Message::tool_result(id, ToolOutcome::Canceled)).collect();
    assert_eq!(stage.root().requests()[3].messages[7..9], results);
}

#[tokio::test]
async fn results_that_nobody_waits_for_are_refused() {
    let stage = Stage::new("", vec![calls(&[("a", "open_door", "{}")]), says("It is open.")]);
    stage.brings(vec![Message::user("Open")], with_tools(&["open_door"])).await;
    insta::assert_snapshot!(refusal(&stage.brings(vec![result("x")], Brought::default()).await), @r#"assistant turn_finished {"outcome":{"status":"failed","code":"input","message":"there is a result of the call `x`, and no such call waits for one"},"usage":{"input_tokens":0,"output_tokens":0,"cached_tokens":0,"reasoning_tokens":0}}"#);
    insta::assert_snapshot!(refusal(&stage.brings(vec![result("a"), result("a")], Brought::default()).await), @r#"assistant turn_finished {"outcome":{"status":"failed","code":"input","message":"there is a result of the call `a`, and no such call waits for one"},"usage":{"input_tokens":0,"output_tokens":0,"cached_tokens":0,"reasoning_tokens":0}}"#);
    assert_eq!(stage.history().await.len(), 2, "a wrong request changes nothing");
    stage.brings(vec![result("a")], Brought::default()).await;
    insta::assert_snapshot!(refusal(&stage.brings(vec![result("a")], Brought::default()).await), @r#"assistant turn_finished {"outcome":{"status":"failed","code":"input","message":"there is a result of the call `a`, and no such call waits for one"},"usage":{"input_tokens":0,"output_tokens":0,"cached_tokens":0,"reasoning_tokens":0}}"#);
}

#[tokio::test]
async fn what_ends_a_turn_otherwise_cancels_the_calls_of_the_caller() {
    let script = vec![calls(&[("a", "open_door", "{}"), ("b", "puppet", r#"{"do":"hang"}"#)])];
    let stage = Stage::new("", script).tool(Puppet::new("puppet"));
    let cancel = CancellationToken::new();
    let request = AgentRequest {
        brought: with_tools(&["open_door"]),
        ..AgentRequest::message(Stage::key(), vec![Content::text("Go")])
    };
    let mut stream = stage.agent().run(request, TurnControl::unattended(cancel.clone()));
    let mut events = vec![];
    while let Some(event) = stream.next().await {
        if matches!(event.kind, EventKind::ToolOutput { .. }) {
            cancel.cancel();
        }
        events.push(event);
    }
    assert_eq!(check_laws_with(&events, &["open_door"]), Ok(()));
    assert_eq!(*outcome(&events), TurnOutcome::Canceled);
    let canceled = |id: &str| Message::tool_result(id.into(), ToolOutcome::Canceled);
    assert_eq!(stage.history().await[2..], [canceled("b"), canceled("a")]);
}

#[tokio::test]
async fn a_message_that_comes_between_calls_and_results_is_told_so() {
    let stage = Stage::new("", vec![calls(&[("a", "open_door", "{}")])]);
    let (steer, received) = tokio::sync::mpsc::channel(1);
    steer.send(Message::user("Also this")).await.unwrap();
    let control = TurnControl { steer: Some(received.into()), ..TurnControl::unattended(CancellationToken::new()) };
    let request = AgentRequest {
        brought: with_tools(&["open_door"]),
        ..AgentRequest::message(Stage::key(), vec![Content::text("Go")])
    };
    let events: Vec<_> = stage.agent().run(request, control).collect().await;
    insta::assert_snapshot!(lines(&events[events.len() - 2..]), @r#"
    assistant notice {"notice":{"kind":"warning","message":"a message that joined the turn came too late: send it with the results"}}
    assistant turn_finished {"outcome":{"status":"tool_calls","calls":[{"call_id":"a","name":"open_door","arguments":{}}]},"usage":{"input_tokens":10,"output_tokens":5,"cached_tokens":0,"reasoning_tokens":0,"cost":0.001}}
    "#);
}

#[tokio::test]
async fn tools_and_choices_that_cannot_be_are_refused_before_anything_is_saved() {
    let stage = Stage::new("tools: [todo]\n", vec![]).tool(Puppet::new("puppet"));
    let choice = |tool_choice| Brought { tool_choice, ..Brought::default() };
    let parameters =
        |parameters| Brought { tools: vec![ToolSpec { parameters, ..client_tool("door") }], ..Brought::default() };
    let sampling = |sampling| Brought { sampling, ..Brought::default() };
    let mut told = vec![];
    for brought in [
        with_tools(&["door", "puppet"]),
        with_tools(&["door", "door"]),
        with_tools(&["open the door"]),
        parameters(json!({ "type": "array" })),
        parameters(json!("no")),
        choice(ToolChoice::Tool("window".to_owned())),
        Brought { output_schema: Some(json!({ "type": 7 })), ..Brought::default() },
        Brought { output_schema: Some(json!({ "$ref": "http://192.0.2.1/s.json" })), ..Brought::default() },
        sampling(Sampling { temperature: Some(f64::NAN), ..Sampling::default() }),
        sampling(Sampling { top_p: Some(1.5), ..Sampling::default() }),
        sampling(Sampling { max_output_tokens: Some(0), ..Sampling::default() }),
        sampling(Sampling { stop: vec![String::new()], ..Sampling::default() }),
    ] {
        told.push(refusal(&stage.brings(vec![Message::user("Go")], brought).await));
    }
    let sentences: Vec<_> = told.iter().map(|line| line.split('"').nth(13).unwrap_or(line)).collect();
    insta::assert_snapshot!(sentences.join("\n"), @"
    the agent has a tool `puppet` of its own: a tool that the request brings needs another name
    two tools of the request are called `door`
    `open the door` is no name of a tool: it has 1 to 64 letters, digits, `_` and `-`
    the parameters of the tool `door` are not a JSON Schema of an object
    the parameters of the tool `door` are not a JSON Schema of an object
    the tool choice of the request is `window`, and there is no such tool
    the output schema of the request is not a JSON Schema: 7 is not valid under any of the schemas listed in the 'anyOf' keyword
    the output schema of the request is not a JSON Schema: only references to places in itself, `#/…`, are followed
    the temperature is a number from 0 to 2
    `top_p` is a number from 0 to 1
    at most 0 tokens of output leave no room for an answer
    a stop sequence is empty
    ");
    assert!(told.iter().all(|line| line.contains(r#""code":"input""#)), "{told:#?}");
    let bare = Stage::new("", vec![]);
    insta::assert_snapshot!(refusal(&bare.brings(vec![Message::user("Go")], choice(ToolChoice::Required)).await), @r#"assistant turn_finished {"outcome":{"status":"failed","code":"input","message":"the tool choice of the request demands a call, and there are no tools"},"usage":{"input_tokens":0,"output_tokens":0,"cached_tokens":0,"reasoning_tokens":0}}"#);
    let input = vec![Message::user("Go"), Message::assistant("Gone.")];
    insta::assert_snapshot!(refusal(&bare.brings(input, Brought::default()).await), @r#"assistant turn_finished {"outcome":{"status":"failed","code":"input","message":"a session keeps the agent's answers itself: new can be messages of the user and results of tools"},"usage":{"input_tokens":0,"output_tokens":0,"cached_tokens":0,"reasoning_tokens":0}}"#);
    assert_eq!((stage.history().await, bare.history().await), (vec![], vec![]));
}

#[tokio::test]
async fn a_choice_holds_for_the_first_request_alone() {
    for tool_choice in [ToolChoice::Required, ToolChoice::Tool("puppet".to_owned())] {
        let script = vec![calls(&[("a", "puppet", OWN)]), says("Done.")];
        let stage = Stage::new("", script).tool(Puppet::new("puppet"));
        let brought = Brought { tool_choice: tool_choice.clone(), ..Brought::default() };
        stage.brings(vec![Message::user("Go")], brought).await;
        let choices: Vec<_> = stage.root().requests().into_iter().map(|request| request.tool_choice).collect();
        assert_eq!(choices, [tool_choice, ToolChoice::Auto]);
    }
}

#[tokio::test]
async fn the_callers_words_follow_the_agents_own() {
    let stage = Stage::new("instructions: Be brief.\n", vec![says("Ja.")]);
    let sampling = Sampling { temperature: Some(0.5), max_output_tokens: Some(9), ..Sampling::default() };
    let brought =
        Brought { instructions: Some("Speak German.".to_owned()), sampling: sampling.clone(), ..Brought::default() };
    stage.brings(vec![Message::user("Well?")], brought).await;
    assert_eq!(stage.root().requests()[0].instructions, "Be brief.\n\nSpeak German.");
    assert_eq!(stage.root().requests()[0].sampling, sampling);
}

#[tokio::test]
async fn the_callers_schema_stands_in_place_of_the_files() {
    let schema = json!({ "type": "object", "properties": { "n": { "type": "integer" } }, "required": ["n"] });
    let brought = || Brought { output_schema: Some(schema.clone()), ..Brought::default() };
    let completed = TurnOutcome::Completed { output: Some(json!({ "n": 1 })) };
    let yaml = "output: {schema: {type: array}}\n";

    let capabilities = Capabilities { structured_output: true, ..Capabilities::default() };
    let model = ScriptedModel::new(vec![says("[1]"), says(r#"{"n": 1}"#)]).with_capabilities(capabilities);
    let native = Stage::new(yaml, vec![]).model("openai/root", model);
    let events = native.brings(vec![Message::user("Count")], brought()).await;
    assert_eq!(*outcome(&events), completed);
    assert_eq!(native.root().requests()[0].output_schema, Some(schema.clone()));

    for yaml in [yaml, ""] {
        let by_tool = Stage::new(yaml, vec![calls(&[("a", "final_answer", r#"{"n":1}"#)])]);
        let events = by_tool.brings(vec![Message::user("Count")], brought()).await;
        assert_eq!(*outcome(&events), completed);
    }
    let taken = Brought { tools: vec![client_tool("final_answer")], ..brought() };
    let events = Stage::new("", vec![]).brings(vec![Message::user("Count")], taken).await;
    insta::assert_snapshot!(refusal(&events), @r#"assistant turn_finished {"outcome":{"status":"failed","code":"input","message":"the agent has a tool `final_answer` of its own: a tool that the request brings needs another name"},"usage":{"input_tokens":0,"output_tokens":0,"cached_tokens":0,"reasoning_tokens":0}}"#);
}

#[tokio::test]
async fn an_agent_that_is_called_has_no_tools_of_the_caller() {
    let yaml = "tools: [{agent: helper}]\nagents:\n  helper: {model: openai/helper}\n";
    let stage = Stage::new(yaml, vec![calls(&[("a", "helper", r#"{"task":"find"}"#)]), says("No.")])
        .model("openai/helper", ScriptedModel::new(vec![calls(&[("b", "open_door", "{}")]), says("There is none.")]));
    let brought = Brought { instructions: Some("Speak German.".to_owned()), ..with_tools(&["open_door"]) };
    stage.brings(vec![Message::user("Open")], brought).await;
    let asked = stage.models["openai/helper"].requests();
    assert!(asked[0].tools.is_empty() && asked[0].instructions.is_empty(), "{asked:#?}");
    assert!(format!("{:?}", asked[1].messages).contains("there is no tool `open_door`"), "{asked:#?}");
}

#[tokio::test]
async fn who_takes_over_has_the_callers_tools() {
    let yaml = "handoffs: [desk]\nagents:\n  desk: {description: Opens., model: openai/desk}\n";
    let stage = Stage::new(yaml, vec![calls(&[("a", "transfer_to_desk", "{}"), ("b", "open_door", "{}")])])
        .model("openai/desk", ScriptedModel::new(vec![says("Opened.")]));
    let tools = || with_tools(&["open_door"]);
    let events = stage.brings(vec![Message::user("Open")], tools()).await;
    insta::assert_snapshot!(lines(&events[events.len() - 3..]), @r#"
    assistant handed_off {"to":"desk"}
    desk turn_started {"model":"scripted/model"}
    desk turn_finished {"outcome":{"status":"tool_calls","calls":[{"call_id":"b","name":"open_door","arguments":{}}]},"usage":{"input_tokens":10,"output_tokens":5,"cached_tokens":0,"reasoning_tokens":0,"cost":0.001}}
    "#);
    stage.brings(vec![result("b")], tools()).await;
    assert_eq!(stage.models["openai/desk"].requests()[0].tools[0].name, "open_door");
}

#[tokio::test]
async fn a_history_that_is_brought_is_mended_and_nothing_is_kept() {
    let stage = Stage::new(
        "tools: [todo]\nhooks: {session_start: [{run: [\"false\"]}], turn_end: [{run: [\"false\"]}]}\n",
        vec![calls(&[("t", "todo", r#"{"items":[{"text":"look"}]}"#)]), says("I see.")],
    );
    let history = vec![
        Message::user("Open both"),
        asks(&["a"]),
        asks(&["b", "c"]),
        result("c"),
        result("a"),
        Message::assistant("Two are open."),
        asks(&["d"]),
    ];
    let brought = Brought { history: Some(history), ..with_tools(&["open_door"]) };
    let events = stage.brings(vec![Message::user("Look")], brought).await;
    assert_eq!(*outcome(&events), TurnOutcome::Completed { output: None });
    let sent = &stage.root().requests()[0].messages;
    assert_eq!(crate::agent::laws::check_pairing(sent), Ok(()));
    assert_eq!(sent[2..5], [result("a"), Message::tool_result("b".into(), ToolOutcome::Canceled), result("c")]);
    assert_eq!(sent.last(), Some(&Message::user("Look")));
    assert!(stage.store.sessions(None).await.unwrap().is_empty(), "no session is made");
}

#[tokio::test]
async fn a_history_may_end_with_what_is_to_be_answered() {
    let turn = async |history: Vec<Message>, input: Vec<Message>| {
        let stage = Stage::new("", vec![says("Yes.")]);
        let brought = Brought { history: Some(history), ..with_tools(&["open_door"]) };
        let events = stage.brings(input, brought).await;
        match outcome(&events) {
            TurnOutcome::Failed { message, .. } => message.clone(),
            other => format!("{other:?}"),
        }
    };
    let mut told = vec![];
    for (history, input) in [
        (vec![Message::user("Well?")], vec![]),
        (vec![Message::user("Open"), asks(&["a"]), result("a")], vec![]),
        (vec![Message::user("Open"), asks(&["a"])], vec![result("a")]),
        (vec![], vec![Message::user("Well?")]),
        (vec![], vec![]),
        (vec![Message::assistant("Hello.")], vec![]),
        (vec![Message::user("Open"), asks(&["a"]), result("b")], vec![]),
        (vec![Message::user(" ")], vec![]),
    ] {
        told.push(turn(history, input).await);
    }
    insta::assert_snapshot!(told.join("\n"), @"
    Completed { output: None }
    Completed { output: None }
    Completed { output: None }
    Completed { output: None }
    there is no message
    the conversation ends with an answer, and there is nothing to answer
    there is a result of the call `b`, and no such call waits for one
    the message is empty
    ");
}

#[tokio::test]
async fn a_stateless_turn_runs_beside_a_turn_of_the_session_and_forgets_what_was_allowed() {
    let stage = Stage::new("", vec![says("Hi.")]);
    let held = stage.agent().hold(&Stage::key()).await.unwrap();
    let brought = Brought { history: Some(vec![]), ..Brought::default() };
    let events = stage.brings(vec![Message::user("Hello")], brought).await;
    assert_eq!(*outcome(&events), TurnOutcome::Completed { output: None });
    drop(held);
    let other = SessionKey { user: "bob".to_owned(), session: "ses_1".into() };
    assert!(stage.store.history(&other).await.unwrap().is_empty());
}
