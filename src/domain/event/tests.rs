//! The shapes that programs outside rely on. A change here is a change for them.

use serde_json::json;

use super::*;
use crate::domain::{Content, DeniedBy};

fn call() -> ToolCall {
    ToolCall { call_id: "call_1".into(), name: "todo".to_owned(), arguments: json!({ "items": [] }), opaque: None }
}

fn finished(outcome: ToolOutcome) -> EventKind {
    EventKind::ToolFinished { call_id: "call_1".into(), outcome }
}

fn resolved(decision: Decision) -> EventKind {
    EventKind::ApprovalResolved { call_id: "call_1".into(), decision }
}

fn ended(outcome: TurnOutcome) -> EventKind {
    let usage = Usage { input_tokens: 4, output_tokens: 3, cached_tokens: 2, reasoning_tokens: 1, cost: Some(0.5) };
    EventKind::TurnFinished { outcome, usage }
}

fn notices() -> Vec<Notice> {
    let text = str::to_owned;
    let all = vec![
        Notice::Retry { model: text("openai/gpt"), attempt: 2, wait_ms: 500, reason: text("status 503") },
        Notice::Fallback { from: text("openai/gpt"), to: text("demo/demo"), reason: text("status 503") },
        Notice::RateLimited { model: text("openai/gpt"), wait_ms: 2000 },
        Notice::Compacted { before_tokens: 9000, after_tokens: 3000, summarized: 12 },
        Notice::ToolServerFailed { server: text("docs"), reason: text("it ended") },
        Notice::Warning { message: text("look out") },
    ];
    for notice in &all {
        match notice {
            // A new one belongs into the list above.
            Notice::Retry { .. }
            | Notice::Fallback { .. }
            | Notice::RateLimited { .. }
            | Notice::Compacted { .. }
            | Notice::ToolServerFailed { .. }
            | Notice::Warning { .. } => {}
        }
    }
    all
}

fn kinds() -> Vec<EventKind> {
    let text = str::to_owned;
    let question = Question { text: text("Which?"), choices: vec![text("red"), text("blue")], closed: true };
    let message =
        Message::new(crate::domain::Role::Assistant, vec![Content::text("Hello."), Content::ToolCall(call())]);
    let denied = ToolOutcome::Denied { by: DeniedBy::Rule, reason: text("the rule `todo` denies it") };
    let failed =
        TurnOutcome::Failed { code: FailureCode::StepLimit, message: text("stopped"), hint: Some(text("go on")) };
    let mut all = vec![
        EventKind::TurnStarted { model: text("demo/demo"), context_files: vec![text("/repo/AGENTS.md")] },
        EventKind::TextDelta { text: text("Hel") },
        EventKind::ReasoningDelta { text: text("Hm.") },
        EventKind::ToolArgumentsDelta { call_id: "call_1".into(), name: text("todo"), delta: text("{\"it") },
        EventKind::MessageCompleted {
            message,
            stop: Some(text("tool_calls")),
            usage: Some(Usage { input_tokens: 4, output_tokens: 3, ..Usage::default() }),
        },
        EventKind::ToolStarted { call: call() },
        EventKind::ApprovalRequested { call: call(), reason: text("the rule `todo` asks"), rules: vec![text("todo")] },
        resolved(Decision::Allow),
        resolved(Decision::AllowSession),
        resolved(Decision::AllowAlways),
        resolved(Decision::Deny { reason: text("not now") }),
        EventKind::ToolOutput { call_id: "call_1".into(), chunk: text("half") },
        EventKind::QuestionAsked { id: "q_1".into(), question },
        EventKind::QuestionAnswered { id: "q_1".into(), answer: Some(text("red")) },
        EventKind::QuestionAnswered { id: "q_1".into(), answer: None },
        EventKind::StateChanged { patch: json!({ "todo": null }) },
        finished(ToolOutcome::ok("done")),
        finished(ToolOutcome::Failed { error: text("no such item") }),
        finished(denied),
        finished(ToolOutcome::Canceled),
        EventKind::HandedOff { to: AgentPath::root("sales") },
        ended(TurnOutcome::Completed { output: None }),
        ended(TurnOutcome::Completed { output: Some(json!({ "n": 3 })) }),
        ended(TurnOutcome::Canceled),
        ended(failed),
    ];
    all.extend(notices().into_iter().map(|notice| EventKind::Notice { notice }));
    for kind in &all {
        match kind {
            // A new one belongs into the list above.
            EventKind::TurnStarted { .. }
            | EventKind::TextDelta { .. }
            | EventKind::ReasoningDelta { .. }
            | EventKind::ToolArgumentsDelta { .. }
            | EventKind::ToolStarted { .. }
            | EventKind::ToolOutput { .. }
            | EventKind::ToolFinished { .. }
            | EventKind::ApprovalRequested { .. }
            | EventKind::ApprovalResolved { .. }
            | EventKind::QuestionAsked { .. }
            | EventKind::QuestionAnswered { .. }
            | EventKind::HandedOff { .. }
            | EventKind::StateChanged { .. }
            | EventKind::MessageCompleted { .. }
            | EventKind::Notice { .. }
            | EventKind::TurnFinished { .. } => {}
        }
    }
    all
}

#[test]
fn shapes() {
    let event = |kind| AgentEvent {
        seq: 7,
        session: "ses_1".into(),
        turn: "turn_1".into(),
        agent: AgentPath::root("assistant").child("helper", 2),
        kind,
    };
    let whole = event(EventKind::TextDelta { text: "Hel".to_owned() });
    insta::assert_snapshot!(serde_json::to_string(&whole).unwrap(), @r#"{"seq":7,"session":"ses_1","turn":"turn_1","agent":"assistant/helper#2","type":"text_delta","text":"Hel"}"#);
    let lines: Vec<_> = kinds()
        .into_iter()
        .map(|kind| {
            let line = serde_json::to_string(&kind).unwrap();
            let event = event(kind);
            let read: AgentEvent = serde_json::from_str(&serde_json::to_string(&event).unwrap()).unwrap();
            assert_eq!(read, event, "what is written can be read");
            line
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    {"type":"turn_started","model":"demo/demo","context_files":["/repo/AGENTS.md"]}
    {"type":"text_delta","text":"Hel"}
    {"type":"reasoning_delta","text":"Hm."}
    {"type":"tool_arguments_delta","call_id":"call_1","name":"todo","delta":"{\"it"}
    {"type":"message_completed","message":{"role":"assistant","content":[{"type":"text","text":"Hello."},{"type":"tool_call","call_id":"call_1","name":"todo","arguments":{"items":[]}}]},"stop":"tool_calls","usage":{"input_tokens":4,"output_tokens":3,"cached_tokens":0,"reasoning_tokens":0}}
    {"type":"tool_started","call":{"call_id":"call_1","name":"todo","arguments":{"items":[]}}}
    {"type":"approval_requested","call":{"call_id":"call_1","name":"todo","arguments":{"items":[]}},"reason":"the rule `todo` asks","rules":["todo"]}
    {"type":"approval_resolved","call_id":"call_1","decision":{"decision":"allow"}}
    {"type":"approval_resolved","call_id":"call_1","decision":{"decision":"allow_session"}}
    {"type":"approval_resolved","call_id":"call_1","decision":{"decision":"allow_always"}}
    {"type":"approval_resolved","call_id":"call_1","decision":{"decision":"deny","reason":"not now"}}
    {"type":"tool_output","call_id":"call_1","chunk":"half"}
    {"type":"question_asked","id":"q_1","question":{"text":"Which?","choices":["red","blue"],"closed":true}}
    {"type":"question_answered","id":"q_1","answer":"red"}
    {"type":"question_answered","id":"q_1","answer":null}
    {"type":"state_changed","patch":{"todo":null}}
    {"type":"tool_finished","call_id":"call_1","outcome":{"status":"ok","content":[{"type":"text","text":"done"}]}}
    {"type":"tool_finished","call_id":"call_1","outcome":{"status":"failed","error":"no such item"}}
    {"type":"tool_finished","call_id":"call_1","outcome":{"status":"denied","by":"rule","reason":"the rule `todo` denies it"}}
    {"type":"tool_finished","call_id":"call_1","outcome":{"status":"canceled"}}
    {"type":"handed_off","to":"sales"}
    {"type":"turn_finished","outcome":{"status":"completed"},"usage":{"input_tokens":4,"output_tokens":3,"cached_tokens":2,"reasoning_tokens":1,"cost":0.5}}
    {"type":"turn_finished","outcome":{"status":"completed","output":{"n":3}},"usage":{"input_tokens":4,"output_tokens":3,"cached_tokens":2,"reasoning_tokens":1,"cost":0.5}}
    {"type":"turn_finished","outcome":{"status":"canceled"},"usage":{"input_tokens":4,"output_tokens":3,"cached_tokens":2,"reasoning_tokens":1,"cost":0.5}}
    {"type":"turn_finished","outcome":{"status":"failed","code":"step_limit","message":"stopped","hint":"go on"},"usage":{"input_tokens":4,"output_tokens":3,"cached_tokens":2,"reasoning_tokens":1,"cost":0.5}}
    {"type":"notice","notice":{"kind":"retry","model":"openai/gpt","attempt":2,"wait_ms":500,"reason":"status 503"}}
    {"type":"notice","notice":{"kind":"fallback","from":"openai/gpt","to":"demo/demo","reason":"status 503"}}
    {"type":"notice","notice":{"kind":"rate_limited","model":"openai/gpt","wait_ms":2000}}
    {"type":"notice","notice":{"kind":"compacted","before_tokens":9000,"after_tokens":3000,"summarized":12}}
    {"type":"notice","notice":{"kind":"tool_server_failed","server":"docs","reason":"it ended"}}
    {"type":"notice","notice":{"kind":"warning","message":"look out"}}
    "#);
}
