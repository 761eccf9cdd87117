//! The demo model: a few fixed rules in place of a language model, so that a fresh machine can try everything else.
//!
//! It says in every answer that it is the demo model. Its rules, the first that fits, on the user's latest message:
//! 1. Results of tools: quotes each of them.
//! 2. A tool that must be called: calls it with the smallest arguments that its schema allows.
//! 3. `TOOL:name:{json}`, anywhere and any number of times: calls these tools, in parallel.
//! 4. `remember …`, `what do you remember about …`, `plan: a, b`: the tools `memory` and `todo`.
//! 5. A question about the time or the date, a sum: a tool whose name says that it can.
//! 6. Otherwise: says what it is and which tools it could be made to call.
//!
//! A tool that is not offered is never called. `docs/demo.md` tells users the same.

use async_trait::async_trait;
use futures_util::{StreamExt as _, stream};
use serde_json::{Map, Value, json};

use super::{Capabilities, Model, ModelDelta, ModelError, ModelRequest, ModelStream, StopReason, ToolChoice};
use crate::domain::{CallId, Content, Message, Role, ToolSpec, Usage};

/// The demo model; it needs nothing and fails never.
#[derive(Debug, Default)]
pub struct Demo {}

#[async_trait]
impl Model for Demo {
    fn name(&self) -> &str {
        "demo/demo"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { images: true, context_window: Some(CONTEXT_WINDOW), ..Capabilities::default() }
    }

    async fn stream(&self, request: ModelRequest) -> Result<ModelStream, ModelError> {
        let answer = answer(&request);
        let deltas = deltas(&request, answer);
        Ok(stream::iter(deltas.into_iter().map(Ok)).boxed())
    }
}

const CONTEXT_WINDOW: u64 = 32_000;

#[derive(Debug, PartialEq)]
enum Answer {
    Text(String),
    Calls(Vec<(String, Value)>),
}

fn answer(request: &ModelRequest) -> Answer {
    if let Some(text) = results(&request.messages) {
        return Answer::Text(text);
    }
    let forced = match &request.tool_choice {
        ToolChoice::Tool(name) => Some(name),
        ToolChoice::Required => request.tools.first().map(|tool| &tool.name),
        ToolChoice::Auto | ToolChoice::None => None,
    };
    if let Some(name) = forced {
        let schema = request.tools.iter().find(|tool| tool.name == *name).map(|tool| &tool.parameters);
        let arguments = schema.map_or_else(|| json!({}), |schema| example(schema, 0));
        return Answer::Calls(vec![(name.clone(), arguments)]);
    }
    let tools = match &request.tool_choice {
        ToolChoice::None => &[],
        _ => request.tools.as_slice(),
    };
    let latest = request.messages.iter().rfind(|message| message.role == Role::User);
    let text = latest.map(Message::text).unwrap_or_default();
    let marked = marked(&text);
    if !marked.is_empty() {
        return match marked.iter().find(|(name, _)| !tools.iter().any(|tool| tool.name == *name)) {
            Some((name, _)) => Answer::Text(format!("demo model: there is no tool `{name}`. {}", offer(tools))),
            None => Answer::Calls(marked),
        };
    }
    match notes(&text, tools)
        .or_else(|| plan(&text, tools))
        .or_else(|| time(&text, tools))
        .or_else(|| sum(&text, tools))
    {
        Some(call) => Answer::Calls(vec![call]),
        None => Answer::Text(introduction(tools)),
    }
}

/// The sentence that quotes the results at the end of the conversation, if it ends with any.
fn results(messages: &[Message]) -> Option<String> {
    let end = messages.iter().rposition(|message| message.role != Role::Tool)?;
    let parts: Vec<_> = messages[end + 1..]
        .iter()
        .flat_map(|message| &message.content)
        .filter_map(|part| match part {
            Content::ToolResult { call_id, outcome } => {
                let name = messages.iter().rev().flat_map(Message::calls).find(|call| call.call_id == *call_id);
                let name = name.map_or("tool", |call| &call.name);
                Some(format!("`{name}` says: {}", outcome.text()))
            }
            _ => None,
        })
        .collect();
    (!parts.is_empty()).then(|| format!("demo model: {}", parts.join("\n")))
}

fn introduction(tools: &[ToolSpec]) -> String {
    format!(
        "demo model: I am not a language model but a few fixed rules, so that you can try agentscope without a key. \
         {} `agentscope setup` chooses a real model.",
        offer(tools)
    )
}

fn offer(tools: &[ToolSpec]) -> String {
    if tools.is_empty() {
        return "I have no tools here.".to_owned();
    }
    let names: Vec<_> = tools.iter().map(|tool| format!("`{}`", tool.name)).collect();
    format!("Write `TOOL:name:{{…}}` and I call one of: {}.", names.join(", "))
}

/// The calls written as `TOOL:name:{json}`; the arguments may be left out.
fn marked(text: &str) -> Vec<(String, Value)> {
    text.split("TOOL:")
        .skip(1)
        .filter_map(|rest| {
            let end =
                rest.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))).unwrap_or(rest.len());
            let (name, rest) = rest.split_at(end);
            let json = rest.strip_prefix(':').unwrap_or("").trim_start();
            let first = serde_json::Deserializer::from_str(json).into_iter::<Value>().next();
            let arguments = first.and_then(Result::ok).filter(Value::is_object).unwrap_or_else(|| json!({}));
            (!name.is_empty()).then(|| (name.to_owned(), arguments))
        })
        .collect()
}

fn offered<'a>(tools: &'a [ToolSpec], names: &[&str]) -> Option<&'a ToolSpec> {
    // Tools of a server may carry its name in front: `clock_get_time`.
    tools.iter().find(|tool| names.iter().any(|name| tool.name == *name || tool.name.ends_with(&format!("_{name}"))))
}

fn notes(text: &str, tools: &[ToolSpec]) -> Option<(String, Value)> {
    let tool = offered(tools, &["memory"])?;
    let lower = text.to_lowercase();
    let arguments = if let Some(at) = ["do you remember", "do you know about me"].iter().find_map(|q| lower.find(q)) {
        let about = lower[at..].split_once(" about ").map(|(_, about)| about.trim_end_matches(['?', '.', ' ']));
        match about.filter(|about| !matches!(*about, "" | "me")) {
            Some(about) => json!({ "action": "recall", "query": about }),
            None => json!({ "action": "recall" }),
        }
    } else {
        let fact = after(text, "remember")?;
        let fact = after_word(fact, "that").unwrap_or(fact);
        json!({ "action": "remember", "text": fact })
    };
    Some((tool.name.clone(), arguments))
}

fn plan(text: &str, tools: &[ToolSpec]) -> Option<(String, Value)> {
    let tool = offered(tools, &["todo"])?;
    let list = ["plan:", "todo:", "to-do:", "to do:"].iter().find_map(|word| after(text, word))?;
    let items: Vec<_> = list
        .split([',', ';', '\n'])
        .map(|item| item.trim().trim_start_matches(['-', '*']).trim().trim_end_matches('.'))
        .filter(|item| !item.is_empty())
        .map(|item| json!({ "text": item }))
        .collect();
    (!items.is_empty()).then(|| (tool.name.clone(), json!({ "items": items })))
}

fn time(text: &str, tools: &[ToolSpec]) -> Option<(String, Value)> {
    let lower = text.to_lowercase();
    let asked = ["what time", "the time", "what date", "the date", "what day", "today"];
    if !asked.iter().any(|words| lower.contains(words)) {
        return None;
    }
    let names = ["time", "get_current_time", "current_time", "get_time", "now", "clock", "date", "current_date"];
    let tool = offered(tools, &names)?;
    let mut arguments = example(&tool.parameters, 0);
    if let Some(zone) = arguments.get_mut("timezone") {
        *zone = "UTC".into();
    }
    Some((tool.name.clone(), arguments))
}

/// A sum is two numbers with a sign between them.
fn sum(text: &str, tools: &[ToolSpec]) -> Option<(String, Value)> {
    let (a, sign, b) = expression(text)?;
    let plus = ["add", "sum", "get-sum"];
    let any = ["calculate", "calculator", "compute", "math", "evaluate"];
    let tool = offered(tools, &any).or_else(|| offered(tools, &plus).filter(|_| sign == '+'))?;
    let properties = tool.parameters.get("properties").and_then(Value::as_object)?;
    let numbers: Vec<_> = properties.iter().filter(|(_, schema)| is_number(schema)).map(|(name, _)| name).collect();
    let arguments = match numbers.as_slice() {
        [first, second, ..] => json!({ first.as_str(): number(a)?, second.as_str(): number(b)? }),
        _ => {
            let (name, _) = properties.iter().find(|(_, schema)| schema["type"] == "string")?;
            json!({ name.as_str(): format!("{a} {sign} {b}") })
        }
    };
    Some((tool.name.clone(), arguments))
}

fn is_number(schema: &Value) -> bool {
    schema["type"] == "number" || schema["type"] == "integer"
}

fn number(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok()
}

fn expression(text: &str) -> Option<(&str, char, &str)> {
    text.match_indices(['+', '-', '*', '/', '×', '÷']).find_map(|(at, sign)| {
        let digits = |c: char| c.is_ascii_digit() || c == '.';
        let left = text[..at].trim_end();
        let a = &left
            [left.rfind(|c| !digits(c)).map_or(0, |end| end + left[end..].chars().next().map_or(1, char::len_utf8))..];
        let right = text[at + sign.len()..].trim_start();
        let b = right[..right.find(|c| !digits(c)).unwrap_or(right.len())].trim_end_matches('.');
        let sign = match sign.chars().next()? {
            '×' => '*',
            '÷' => '/',
            sign => sign,
        };
        (number(a).is_some() && number(b).is_some()).then_some((a, sign, b))
    })
}

/// What follows `word`, where the text has it as the start of a word, in any case.
fn after<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let at = text.char_indices().map(|(at, _)| at).find(|at| {
        let starts = text[..*at].chars().next_back().is_none_or(|c| !c.is_alphanumeric());
        starts && text.get(*at..*at + word.len()).is_some_and(|here| here.eq_ignore_ascii_case(word))
    })?;
    let rest = text[at + word.len()..].trim_start_matches(':').trim();
    (!rest.is_empty()).then_some(rest)
}

/// What follows `word` where the text begins with it.
fn after_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let rest = text.get(..word.len()).filter(|start| start.eq_ignore_ascii_case(word)).map(|_| &text[word.len()..])?;
    rest.starts_with(char::is_whitespace).then(|| rest.trim())
}

/// A small value that fits a schema, as far as its types tell.
fn example(schema: &Value, depth: u8) -> Value {
    if let Some(value) = schema.get("const").or_else(|| schema.get("default")) {
        return value.clone();
    }
    if let Some(first) = schema.get("enum").and_then(|values| values.get(0)) {
        return first.clone();
    }
    let kind = match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.first().and_then(Value::as_str),
        other => other.and_then(Value::as_str),
    };
    match kind {
        Some("string") => "demo".into(),
        Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or_else(|| 1.into()),
        Some("boolean") => true.into(),
        Some("null") => Value::Null,
        Some("array") => {
            let least = schema.get("minItems").and_then(Value::as_u64).unwrap_or(0).min(16);
            let item = schema.get("items").filter(|_| depth < 8).map_or(Value::Null, |items| example(items, depth + 1));
            (0..least).map(|_| item.clone()).collect()
        }
        // An object, or a schema that says no type.
        _ => {
            let required = schema.get("required").and_then(Value::as_array).filter(|_| depth < 8);
            let of = |name: &Value| {
                let name = name.as_str()?;
                let property = schema.pointer(&format!("/properties/{name}"));
                Some((name.to_owned(), property.map_or_else(|| "demo".into(), |schema| example(schema, depth + 1))))
            };
            let members: Map<_, _> = required.into_iter().flatten().filter_map(of).collect();
            members.into()
        }
    }
}

/// Streams word by word, so that everything that shows streams has something to show.
fn deltas(request: &ModelRequest, answer: Answer) -> Vec<ModelDelta> {
    let mut out = vec![];
    let mut written = 0;
    let (reason, raw) = match answer {
        Answer::Text(text) => {
            written += text.len();
            out.extend(text.split_inclusive(' ').map(|word| ModelDelta::Text(word.to_owned())));
            (StopReason::End, "stop")
        }
        Answer::Calls(calls) => {
            for (name, arguments) in calls {
                let call_id = CallId::new();
                let delta = arguments.to_string();
                written += name.len() + delta.len();
                out.push(ModelDelta::ToolCallStart { call_id: call_id.clone(), name, opaque: None });
                out.push(ModelDelta::ToolCallArguments { call_id, delta });
            }
            (StopReason::ToolCalls, "tool_calls")
        }
    };
    let read = request.instructions.len() + request.messages.iter().map(|message| message.text().len()).sum::<usize>();
    // Four bytes to a token, as is usual for a guess.
    let tokens = |bytes: usize| u64::try_from(bytes.div_ceil(4)).unwrap_or(u64::MAX);
    out.push(ModelDelta::Usage(Usage {
        input_tokens: tokens(read),
        output_tokens: tokens(written),
        cost: Some(0.0),
        ..Usage::default()
    }));
    out.push(ModelDelta::Stop { reason, raw: raw.to_owned() });
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Effect, ToolOutcome};

    fn tool(name: &str, properties: &Value) -> ToolSpec {
        let required: Vec<_> = properties.as_object().unwrap().keys().collect();
        ToolSpec {
            name: name.to_owned(),
            description: String::new(),
            parameters: json!({ "type": "object", "properties": properties, "required": required }),
            effect: Effect::Reads,
            rule_name: None,
        }
    }

    fn tools() -> Vec<ToolSpec> {
        vec![
            tool("memory", &json!({ "action": { "type": "string" } })),
            tool("todo", &json!({ "items": { "type": "array" } })),
            tool("clock_get_current_time", &json!({ "timezone": { "type": "string" } })),
            tool("calculate", &json!({ "expression": { "type": "string" } })),
        ]
    }

    fn says(text: &str, tools: Vec<ToolSpec>) -> String {
        let request = ModelRequest { messages: vec![Message::user(text)], tools, ..ModelRequest::default() };
        match answer(&request) {
            Answer::Text(text) => text,
            Answer::Calls(calls) => {
                calls.iter().map(|(name, arguments)| format!("-> {name} {arguments}")).collect::<Vec<_>>().join("\n")
            }
        }
    }

    #[test]
    fn the_rules() {
        let mut all = String::new();
        for text in [
            "Hello?",
            "TOOL:todo:{\"items\":[]} and then TOOL:memory:{\"action\": \"recall\"}TOOL:calculate",
            "TOOL:rm:{}",
            "Remember that I like tea",
            "What do you remember about tea?",
            "what do you remember?",
            "Plan: buy milk, bake a cake.",
            "todo:\n- one\n- two",
            "What time is it?",
            "How much is 12.5 × 3?",
            "Is 漢-1 or 2- a sum? -",
        ] {
            all += &format!("{text:?}\n{}\n", says(text, tools()));
        }
        insta::assert_snapshot!(all, @r#"
        "Hello?"
        demo model: I am not a language model but a few fixed rules, so that you can try agentscope without a key. Write `TOOL:name:{…}` and I call one of: `memory`, `todo`, `clock_get_current_time`, `calculate`. `agentscope setup` chooses a real model.
        "TOOL:todo:{\"items\":[]} and then TOOL:memory:{\"action\": \"recall\"}TOOL:calculate"
        -> todo {"items":[]}
        -> memory {"action":"recall"}
        -> calculate {}
        "TOOL:rm:{}"
        demo model: there is no tool `rm`. Write `TOOL:name:{…}` and I call one of: `memory`, `todo`, `clock_get_current_time`, `calculate`.
        "Remember that I like tea"
        -> memory {"action":"remember","text":"I like tea"}
        "What do you remember about tea?"
        -> memory {"action":"recall","query":"tea"}
        "what do you remember?"
        -> memory {"action":"recall"}
        "Plan: buy milk, bake a cake."
        -> todo {"items":[{"text":"buy milk"},{"text":"bake a cake"}]}
        "todo:\n- one\n- two"
        -> todo {"items":[{"text":"one"},{"text":"two"}]}
        "What time is it?"
        -> clock_get_current_time {"timezone":"UTC"}
        "How much is 12.5 × 3?"
        -> calculate {"expression":"12.5 * 3"}
        "Is 漢-1 or 2- a sum? -"
        demo model: I am not a language model but a few fixed rules, so that you can try agentscope without a key. Write `TOOL:name:{…}` and I call one of: `memory`, `todo`, `clock_get_current_time`, `calculate`. `agentscope setup` chooses a real model.
        "#);
    }

    #[test]
    fn without_tools_it_says_what_it_is() {
        insta::assert_snapshot!(says("What time is it? 1 + 1? Remember me.", vec![]), @"demo model: I am not a language model but a few fixed rules, so that you can try agentscope without a key. I have no tools here. `agentscope setup` chooses a real model.");
    }

    #[tokio::test]
    async fn it_quotes_results_and_streams_word_by_word() {
        let call = |id: &str, name: &str| {
            Content::ToolCall(crate::domain::ToolCall {
                call_id: CallId::from(id),
                name: name.to_owned(),
                arguments: json!({}),
                opaque: None,
            })
        };
        let messages = vec![
            Message::user("TOOL:a TOOL:b"),
            Message::new(Role::Assistant, vec![call("1", "a"), call("2", "b")]),
            Message::tool_result(CallId::from("1"), ToolOutcome::ok("it is noon")),
            Message::tool_result(CallId::from("2"), ToolOutcome::Failed { error: "no clock".to_owned() }),
        ];
        let request = ModelRequest { messages, ..ModelRequest::default() };
        let deltas: Vec<_> = Demo::default().stream(request).await.unwrap().map(Result::unwrap).collect().await;
        insta::assert_snapshot!(format!("{deltas:?}"), @r#"[Text("demo "), Text("model: "), Text("`a` "), Text("says: "), Text("it "), Text("is "), Text("noon\n`b` "), Text("says: "), Text("Error: "), Text("no "), Text("clock"), Usage(Usage { input_tokens: 4, output_tokens: 15, cached_tokens: 0, reasoning_tokens: 0, cost: Some(0.0) }), Stop { reason: End, raw: "stop" }]"#);
    }

    #[test]
    fn a_tool_that_must_be_called_gets_arguments_that_fit() {
        let schema = json!({
            "type": "object",
            "properties": {
                "text": { "type": "string" }, "n": { "type": "integer", "minimum": 5 }, "kind": { "enum": ["x", "y"] },
                "list": { "type": "array", "items": { "type": "boolean" }, "minItems": 2 }, "left out": { "type": "string" },
                "inner": { "type": ["object", "null"], "properties": { "a": { "const": 7 } }, "required": ["a"] },
            },
            "required": ["text", "n", "kind", "list", "inner"],
        });
        let example = example(&schema, 0);
        assert!(jsonschema::is_valid(&schema, &example), "{example}");
        assert_eq!(example, json!({ "text": "demo", "n": 5, "kind": "x", "list": [true, true], "inner": { "a": 7 } }));
    }
}
