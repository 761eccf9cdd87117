//! `/process`, its tasks and `/stop`, as their callers see them.

mod faults;
mod input;
mod python;
mod questions;
mod reducer;
mod tasks;
mod traces;

use serde_json::{Value, json};

use crate::common::{
    fake_model::{FakeModel, Reply},
    serve::{Server, data},
};

/// An agent that the demo model answers for.
const DEMO: &str = "name: demo\nmodel: demo\n";

/// Answers the handshake and offers one tool.
const LOOK: &str = r#"
answer() { id=${line#*\"id\":}; id=${id%%[,\}]*}; printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$id" "$1"; }
while IFS= read -r line; do
  case $line in
    *'"method":"initialize"'*) answer '{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"sh","version":"1"}}';;
    *'"method":"tools/list"'*) answer '{"tools":[{"name":"look","description":"Looks","inputSchema":{"type":"object"},"annotations":{"readOnlyHint":true}}]}';;
    *'"method":"tools/call"'*) answer '{"content":[{"type":"text","text":"42"}]}';;
  esac
done
"#;

/// A server whose agent is answered for by a script; `more` is added to the agent file.
fn scripted(script: Vec<Reply>, more: &str) -> (Server, FakeModel) {
    let model = FakeModel::start(script);
    let yaml = format!(
        "name: tester\nmodel: fake\nmodels: {{fake: {{provider: openai-compatible, model: m, base_url: \"{}\", api_key: k, \
         retries: 0}}}}\n{more}",
        model.url()
    );
    (Server::start(&yaml), model)
}

/// A request with one message.
fn say(text: &str) -> Value {
    json!({ "input": [{ "role": "user", "content": [{ "type": "text", "text": text }] }] })
}

/// The same in a session.
fn say_in(session: &str, text: &str) -> Value {
    let mut body = say(text);
    body["session_id"] = session.into();
    body
}

/// A stream without what differs from one run to the next. Checked to be whole, and shown to the web page.
fn trace(stream: &str) -> String {
    let frames = data(stream);
    for (number, frame) in frames.iter().enumerate() {
        assert_eq!(frame["sequence_number"], number, "numbers count up from 0");
    }
    let last = frames.last().expect("a frame");
    assert_eq!(last["object"], "response", "the last frame is the response");
    assert!(["completed", "failed", "canceled"].contains(&last["status"].as_str().unwrap()), "and says how it ended");
    reducer::shows_what_was_said(&frames);
    without_chance(stream)
}

/// Ids and times replaced.
fn without_chance(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    // What follows each of these up to the end of its word is left to chance.
    let marks = [
        "msg_",
        "response_",
        "call_",
        "ses_",
        "task_",
        "q_",
        "\"created_at\":",
        "\"completed_at\":",
        "\"started_at\":",
    ];
    while let Some((at, mark)) =
        marks.iter().filter_map(|mark| rest.find(mark).map(|at| (at, *mark))).min_by_key(|(at, _)| *at)
    {
        let start = at + mark.len();
        let end = rest[start..].find(|c: char| !(c.is_ascii_hexdigit() || matches!(c, '-' | '.'))).unwrap_or(0);
        out.push_str(&rest[..start]);
        out.push_str(if end == 0 { "" } else { "…" });
        rest = &rest[start + end..];
    }
    (out + rest).trim_end().to_owned()
}

/// The objects of a stream, each in a few words.
fn outline(stream: &str) -> String {
    let line = |frame: &Value| {
        let keys = ["object", "status", "type", "text", "data", "error"];
        let words = keys.iter().filter_map(|key| frame.get(key).filter(|value| !value.is_null()).map(Value::to_string));
        without_chance(&words.collect::<Vec<_>>().join(" ").replace(['"', '\\'], ""))
    };
    data(stream).iter().map(line).collect::<Vec<_>>().join("\n")
}
