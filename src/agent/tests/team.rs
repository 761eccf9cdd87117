//! Agents that call agents, and agents that hand over.

use super::{Stage, calls, lines, outcome, says};
use crate::{
    domain::{EventKind, FailureCode, Message, TurnOutcome},
    model::scripted::ScriptedModel,
    store::Store as _,
};

const TEAM: &str = "\
tools: [{agent: helper}]
agents:
  helper: {description: Finds facts., model: openai/helper, instructions: Search., tools: [todo]}
";

#[tokio::test]
async fn a_sub_agent_works_under_its_own_path_and_its_usage_counts() {
    let script = vec![calls(&[("a", "helper", r#"{"task":"find it"}"#)]), says("It is there.")];
    let todo = calls(&[("a", "todo", r#"{"items":[{"text":"look","status":"done"}]}"#)]);
    let stage = Stage::new(TEAM, script).model("openai/helper", ScriptedModel::new(vec![todo, says("Found.")]));
    let events = stage.turn("Where?").await;
    insta::assert_snapshot!(lines(&events), @r#"
    assistant turn_started {"model":"scripted/model"}
    assistant tool_arguments_delta {"call_id":"a","name":"helper","delta":""}
    assistant tool_arguments_delta {"call_id":"a","name":"helper","delta":"{\"task\":\"find it\"}"}
    assistant message_completed {"message":{"role":"assistant","content":[{"type":"tool_call","call_id":"a","name":"helper","arguments":{"task":"find it"}}]},"stop":"tool_calls","usage":{"input_tokens":10,"output_tokens":5,"cached_tokens":0,"reasoning_tokens":0,"cost":0.001}}
    assistant tool_started {"call":{"call_id":"a","name":"helper","arguments":{"task":"find it"}}}
    assistant/helper turn_started {"model":"scripted/model"}
    assistant/helper tool_arguments_delta {"call_id":"call_","name":"todo","delta":""}
    assistant/helper tool_arguments_delta {"call_id":"call_","name":"todo","delta":"{\"items\":[{\"text\":\"look\",\"status\":\"done\"}]}"}
    assistant/helper message_completed {"message":{"role":"assistant","content":[{"type":"tool_call","call_id":"call_","name":"todo","arguments":{"items":[{"text":"look","status":"done"}]}}]},"stop":"tool_calls","usage":{"input_tokens":10,"output_tokens":5,"cached_tokens":0,"reasoning_tokens":0,"cost":0.001}}
    assistant/helper tool_started {"call":{"call_id":"call_","name":"todo","arguments":{"items":[{"text":"look","status":"done"}]}}}
    assistant/helper tool_finished {"call_id":"call_","outcome":{"status":"ok","content":[{"type":"text","text":"To-do list (1 of 1 done):\n[x] look"}]}}
    assistant/helper text_delta {"text":"Found."}
    assistant/helper message_completed {"message":{"role":"assistant","content":[{"type":"text","text":"Found."}]},"stop":"stop","usage":{"input_tokens":10,"output_tokens":5,"cached_tokens":0,"reasoning_tokens":0,"cost":0.001}}
    assistant/helper turn_finished {"outcome":{"status":"completed"},"usage":{"input_tokens":20,"output_tokens":10,"cached_tokens":0,"reasoning_tokens":0,"cost":0.002}}
    assistant tool_finished {"call_id":"a","outcome":{"status":"ok","content":[{"type":"text","text":"Found."}]}}
    assistant text_delta {"text":"It "}
    assistant text_delta {"text":"is "}
    assistant text_delta {"text":"there."}
    assistant message_completed {"message":{"role":"assistant","content":[{"type":"text","text":"It is there."}]},"stop":"stop","usage":{"input_tokens":10,"output_tokens":5,"cached_tokens":0,"reasoning_tokens":0,"cost":0.001}}
    assistant turn_finished {"outcome":{"status":"completed"},"usage":{"input_tokens":40,"output_tokens":20,"cached_tokens":0,"reasoning_tokens":0,"cost":0.004}}
    "#);
    assert_eq!(stage.history().await.len(), 4, "what the helper said among itself is not the session's");
    let asked = stage.models["openai/helper"].requests();
    assert_eq!(asked[0].messages, [Message::user("find it")]);
    assert_eq!(asked[0].instructions, "Search.");
}

#[tokio::test]
async fn a_sub_agent_called_twice_has_two_paths_and_its_failure_is_a_result() {
    let script = vec![
        calls(&[
            ("a", "helper", r#"{"task":"one"}"#),
            ("b", "helper", r#"{"task":"two"}"#),
            ("c", "helper", "{}"),
            ("d", "helper", r#"{"task":" "}"#),
        ]),
        says("So it is."),
    ];
    let stage = Stage::new(TEAM, script).model("openai/helper", ScriptedModel::new(vec![says("One."), vec![]]));
    let events = stage.turn("Both").await;
    let mut ends: Vec<_> = events
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::TurnFinished { outcome: TurnOutcome::Failed { code, .. }, .. } => {
                Some(format!("{} {code:?}", event.agent))
            }
            EventKind::TurnFinished { .. } => Some(format!("{} done", event.agent)),
            EventKind::ToolFinished { call_id, outcome } => Some(format!("{call_id} {}", outcome.text())),
            _ => None,
        })
        .collect();
    ends.sort();
    insta::assert_snapshot!(ends.join("\n"), @r#"
    a One.
    assistant done
    assistant/helper done
    assistant/helper#2 Model
    b Error: scripted/model: the connection was cut in the middle of the answer
    c Error: invalid arguments: "task" is a required property
    d Error: the task is empty: say what is to be done
    "#);
}

#[tokio::test]
async fn cancellation_reaches_a_sub_agent() {
    let script = vec![calls(&[("a", "helper", r#"{"task":"one"}"#)])];
    let stage = Stage::new(TEAM, script).model(
        "openai/helper",
        ScriptedModel::new(vec![
            says("Once upon a time")[..1].iter().map(|d| Ok(d.as_ref().unwrap().clone())).collect(),
        ])
        .hanging(),
    );
    let events = stage
        .attended("Go", |event, cancel| {
            if event.agent.depth() == 1 && matches!(event.kind, EventKind::TextDelta { .. }) {
                cancel.cancel();
            }
            vec![]
        })
        .await;
    let ends: Vec<_> = events.iter().filter(|e| matches!(e.kind, EventKind::TurnFinished { .. })).cloned().collect();
    insta::assert_snapshot!(lines(&ends), @r#"
    assistant/helper turn_finished {"outcome":{"status":"canceled"},"usage":{"input_tokens":0,"output_tokens":0,"cached_tokens":0,"reasoning_tokens":0}}
    assistant turn_finished {"outcome":{"status":"canceled"},"usage":{"input_tokens":10,"output_tokens":5,"cached_tokens":0,"reasoning_tokens":0,"cost":0.001}}
    "#);
}

#[tokio::test]
async fn the_limits_of_the_caller_bind_those_it_calls() {
    let yaml = format!("limits: {{total_tokens: 25}}\n{TEAM}");
    let task = || calls(&[("a", "helper", r#"{"task":"one"}"#)]);
    let stage = Stage::new(&yaml, vec![task(), says("x")])
        .model("openai/helper", ScriptedModel::new(vec![calls(&[("a", "todo", "{}")]), says("x")]));
    let events = stage.turn("Go").await;
    assert!(matches!(outcome(&events), TurnOutcome::Failed { code: FailureCode::TokenLimit, .. }));
    assert_eq!(stage.models["openai/helper"].requests().len(), 1);
    assert_eq!(stage.root().requests().len(), 1);
}

const HANDOFF: &str = "\
handoffs: [sales]
agents:
  sales: {description: Sells., model: openai/sales, instructions: Sell., handoffs: [assistant]}
";

#[tokio::test]
async fn a_handoff_lasts_for_the_turns_that_follow() {
    let script = vec![calls(&[("a", "transfer_to_sales", "{}")])];
    let sales = ScriptedModel::new(vec![says("Buy."), says("Do.")]);
    let stage = Stage::new(HANDOFF, script).model("openai/sales", sales);
    let events = stage.turn("I want one").await;
    insta::assert_snapshot!(lines(&events), @r#"
    assistant turn_started {"model":"scripted/model"}
    assistant tool_arguments_delta {"call_id":"a","name":"transfer_to_sales","delta":""}
    assistant tool_arguments_delta {"call_id":"a","name":"transfer_to_sales","delta":"{}"}
    assistant message_completed {"message":{"role":"assistant","content":[{"type":"tool_call","call_id":"a","name":"transfer_to_sales","arguments":{}}]},"stop":"tool_calls","usage":{"input_tokens":10,"output_tokens":5,"cached_tokens":0,"reasoning_tokens":0,"cost":0.001}}
    assistant tool_started {"call":{"call_id":"a","name":"transfer_to_sales","arguments":{}}}
    assistant tool_finished {"call_id":"a","outcome":{"status":"ok","content":[{"type":"text","text":"The conversation is handed over to `sales`. You are `sales` from here on."}]}}
    assistant handed_off {"to":"sales"}
    sales turn_started {"model":"scripted/model"}
    sales text_delta {"text":"Buy."}
    sales message_completed {"message":{"role":"assistant","content":[{"type":"text","text":"Buy."}]},"stop":"stop","usage":{"input_tokens":10,"output_tokens":5,"cached_tokens":0,"reasoning_tokens":0,"cost":0.001}}
    sales turn_finished {"outcome":{"status":"completed"},"usage":{"input_tokens":20,"output_tokens":10,"cached_tokens":0,"reasoning_tokens":0,"cost":0.002}}
    "#);
    assert_eq!(stage.store.state(&Stage::key()).await.unwrap()["active_agent"], "sales");
    let next = stage.turn("Really?").await;
    assert_eq!(next[0].agent.as_str(), "sales");
    let requests = stage.models["openai/sales"].requests();
    assert_eq!(requests[1].instructions, "Sell.");
    assert_eq!(requests[1].messages.len(), 5, "it sees the whole conversation");
    assert_eq!(stage.root().requests().len(), 1);
}

#[tokio::test]
async fn a_conversation_can_be_handed_back() {
    let script = vec![calls(&[("a", "transfer_to_sales", "{}"), ("b", "transfer_to_sales", "{}")]), says("Back.")];
    let sales = ScriptedModel::new(vec![calls(&[("c", "transfer_to_assistant", "{}")])]);
    let stage = Stage::new(HANDOFF, script).model("openai/sales", sales);
    let events = stage.turn("Hello").await;
    let shown: Vec<_> = events
        .iter()
        .filter(|e| {
            matches!(
                e.kind,
                EventKind::HandedOff { .. }
                    | EventKind::ToolFinished { .. }
                    | EventKind::TurnStarted { .. }
                    | EventKind::TurnFinished { .. }
            )
        })
        .cloned()
        .collect();
    insta::assert_snapshot!(lines(&shown), @r#"
    assistant turn_started {"model":"scripted/model"}
    assistant tool_finished {"call_id":"a","outcome":{"status":"ok","content":[{"type":"text","text":"The conversation is handed over to `sales`. You are `sales` from here on."}]}}
    assistant tool_finished {"call_id":"b","outcome":{"status":"failed","error":"the conversation was already handed over to `sales`"}}
    assistant handed_off {"to":"sales"}
    sales turn_started {"model":"scripted/model"}
    sales tool_finished {"call_id":"c","outcome":{"status":"ok","content":[{"type":"text","text":"The conversation is handed over to `assistant`. You are `assistant` from here on."}]}}
    sales handed_off {"to":"assistant"}
    assistant turn_started {"model":"scripted/model"}
    assistant turn_finished {"outcome":{"status":"completed"},"usage":{"input_tokens":30,"output_tokens":15,"cached_tokens":0,"reasoning_tokens":0,"cost":0.003}}
    "#);
}
