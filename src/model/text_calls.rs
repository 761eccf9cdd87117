//! For models that write their tool calls as text, as small local ones do.
//!
//! Such a model often has no template for tools, so that here everything is text: the tools stand in the
//! instructions, calls and results in the conversation, in the form that Qwen and Hermes models were trained on
//! (`<tools>`, `<tool_call>`, `<tool_response>`). An answer is searched for calls in the forms that are seen in the
//! wild: `<tool_call>{…}</tool_call>`, a fenced block, or plain JSON, one call or an array of them, with the name
//! under `name`, `tool` or `function`. Only the name of an offered tool makes it a call; any other text is given on
//! as it came.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::StreamExt as _;
use serde_json::{Map, Value, json};

use super::{Capabilities, Model, ModelDelta, ModelError, ModelRequest, ModelStream, StopReason, ToolChoice};
use crate::domain::{CallId, Content, Message, Role};

/// Text that is not known to be a call after so many bytes is given on.
const LONGEST: usize = 64 * 1024;

pub(super) struct TextCalls {
    inner: Arc<dyn Model>,
}

impl TextCalls {
    pub(super) fn new(inner: Arc<dyn Model>) -> Self {
        Self { inner }
    }
}

#[async_trait]
impl Model for TextCalls {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn probe(&self) -> Result<(), ModelError> {
        self.inner.probe().await
    }

    async fn stream(&self, mut request: ModelRequest) -> Result<ModelStream, ModelError> {
        let offered: Vec<String> = match &request.tool_choice {
            ToolChoice::None => vec![],
            ToolChoice::Auto | ToolChoice::Required | ToolChoice::Tool(_) => {
                request.tools.iter().map(|tool| tool.name.clone()).collect()
            }
        };
        as_text(&mut request);
        let mut deltas = self.inner.stream(request).await?;
        if offered.is_empty() {
            return Ok(deltas);
        }
        Ok(async_stream::try_stream! {
            let mut finder = Finder::new(offered);
            while let Some(delta) = deltas.next().await {
                match delta? {
                    ModelDelta::Text(text) => {
                        for found in finder.push(&text) {
                            yield found;
                        }
                    }
                    ModelDelta::Stop { reason, raw } => {
                        for found in finder.finish(reason) {
                            yield found;
                        }
                        let calls = finder.found && reason == StopReason::End;
                        yield ModelDelta::Stop { reason: if calls { StopReason::ToolCalls } else { reason }, raw };
                    }
                    ModelDelta::Restart => {
                        finder = Finder::new(std::mem::take(&mut finder.offered));
                        yield ModelDelta::Restart;
                    }
                    other => yield other,
                }
            }
        }
        .boxed())
    }
}

/// Rewrites a request so that tools, calls and results are text.
fn as_text(request: &mut ModelRequest) {
    let mut messages: Vec<Message> = Vec::with_capacity(request.messages.len());
    for message in std::mem::take(&mut request.messages) {
        let role = if message.role == Role::Tool { Role::User } else { message.role };
        let content: Vec<Content> = message.content.into_iter().flat_map(plain).collect();
        // Results of parallel calls are one message: many templates insist on turns.
        match messages.last_mut() {
            Some(last) if message.role == Role::Tool && last.role == Role::User => last.content.extend(content),
            _ => messages.push(Message::new(role, content)),
        }
    }
    messages.iter_mut().for_each(join_texts);
    request.messages = messages;
    let tools = std::mem::take(&mut request.tools);
    if tools.is_empty() || request.tool_choice == ToolChoice::None {
        request.tool_choice = ToolChoice::Auto;
        return;
    }
    let listed: Vec<String> = tools
        .iter()
        .map(|tool| {
            let function = json!({ "name": tool.name, "description": tool.description, "parameters": tool.parameters });
            json!({ "type": "function", "function": function }).to_string()
        })
        .collect();
    let must = match &request.tool_choice {
        ToolChoice::Tool(name) => format!("\nNow call `{name}`, and write nothing else."),
        ToolChoice::Required => "\nNow call a function, and write nothing else.".to_owned(),
        ToolChoice::Auto | ToolChoice::None => String::new(),
    };
    request.tool_choice = ToolChoice::Auto;
    request.instructions = format!(
        // Of the words tried on a small model, those nearest to its training made it call; a wish for plain words where
        // no function helps made it answer from its imagination.
        "{}\n\n# Tools\n\nYou may call functions to help with the user's request. Their signatures stand within \
         <tools></tools> XML tags:\n<tools>\n{}\n</tools>\n\nFor each call, return a JSON object with the function's \
         name and arguments within <tool_call></tool_call> XML tags:\n<tool_call>\n\
         {{\"name\": <function-name>, \"arguments\": <arguments-object>}}\n</tool_call>{must}",
        request.instructions,
        listed.join("\n"),
    )
    .trim_start()
    .to_owned();
}

fn plain(part: Content) -> Vec<Content> {
    match part {
        Content::ToolCall(call) => {
            let call = json!({ "name": call.name, "arguments": call.arguments });
            vec![Content::text(format!("<tool_call>\n{call}\n</tool_call>"))]
        }
        Content::ToolResult { outcome, .. } => {
            let result = super::wire::result_text(&outcome);
            let text = Content::text(format!("<tool_response>\n{result}\n</tool_response>"));
            let images = super::wire::images(&outcome).cloned().map(Content::Image);
            std::iter::once(text).chain(images).collect()
        }
        other @ (Content::Text { .. } | Content::Reasoning { .. } | Content::Image(_) | Content::Summary { .. }) => {
            vec![other]
        }
    }
}

/// Neighbouring texts become one, with a line between them.
fn join_texts(message: &mut Message) {
    let mut out: Vec<Content> = Vec::with_capacity(message.content.len());
    for part in std::mem::take(&mut message.content) {
        match (out.last_mut(), part) {
            (Some(Content::Text { text: all }), Content::Text { text }) => {
                if !all.is_empty() {
                    all.push('\n');
                }
                all.push_str(&text);
            }
            (_, part) => out.push(part),
        }
    }
    message.content = out;
}

/// Finds calls in text that arrives in pieces. Holds back only what may yet become one.
#[derive(Debug)]
struct Finder {
    offered: Vec<String>,
    /// Not yet given on: it begins where a call may begin.
    held: String,
    /// Whether `held` stands at the start of a line, where plain JSON and fences are looked for.
    line_start: bool,
    /// Nothing but blank space has come since the last call.
    after_call: bool,
    found: bool,
    /// The model ended by itself.
    whole: bool,
}

/// What the text at the start of `held` is.
enum Start {
    /// Nothing of a call.
    Text,
    /// A call may begin here; more text is needed.
    Open,
    /// These calls, in so many bytes.
    Calls(usize, Vec<(String, Value)>),
}

/// The ways in which a call begins.
const TAG: &str = "<tool_call>";
const END_TAG: &str = "</tool_call>";
const FENCE: &str = "```";

impl Finder {
    fn new(offered: Vec<String>) -> Self {
        Self { offered, held: String::new(), line_start: true, after_call: false, found: false, whole: false }
    }

    fn push(&mut self, text: &str) -> Vec<ModelDelta> {
        self.held.push_str(text);
        self.drain(false)
    }

    /// The answer is over: what is held is decided.
    fn finish(&mut self, reason: StopReason) -> Vec<ModelDelta> {
        self.whole = reason == StopReason::End;
        self.drain(true)
    }

    fn drain(&mut self, last: bool) -> Vec<ModelDelta> {
        let mut out = vec![];
        let mut text = String::new();
        loop {
            if self.after_call {
                // Blank space around calls is no answer.
                let blank = self.held.len() - self.held.trim_start().len();
                self.held.drain(..blank);
            }
            if self.held.is_empty() {
                break;
            }
            match self.start(last) {
                Start::Calls(length, calls) => {
                    let before = std::mem::take(&mut text);
                    out.extend((!before.trim().is_empty()).then_some(ModelDelta::Text(before)));
                    out.extend(calls.into_iter().flat_map(deltas));
                    self.held.drain(..length);
                    (self.found, self.after_call, self.line_start) = (true, true, true);
                }
                Start::Open if !last && self.held.len() <= LONGEST => break,
                Start::Open | Start::Text => {
                    let end = self.next_start();
                    let passed = self.held.drain(..end).collect::<String>();
                    self.line_start = passed.ends_with('\n') || (self.line_start && passed.trim().is_empty());
                    self.after_call = false;
                    text.push_str(&passed);
                }
            }
        }
        out.extend((!text.is_empty()).then_some(ModelDelta::Text(text)));
        out
    }

    /// How far it is to the next place where a call may begin, at least one character.
    fn next_start(&self) -> usize {
        let mut blank_line = self.line_start;
        for (at, c) in self.held.char_indices() {
            let starts = c == '<' || (blank_line && matches!(c, '{' | '[' | '`'));
            if at > 0 && starts {
                return at;
            }
            blank_line = c == '\n' || (blank_line && c.is_whitespace());
        }
        self.held.len()
    }

    fn start(&self, last: bool) -> Start {
        let held = self.held.as_str();
        if let Some(inner) = held.strip_prefix(TAG) {
            return self.tagged(inner, last);
        }
        if TAG.starts_with(held) {
            return Start::Open;
        }
        if !self.line_start {
            return Start::Text;
        }
        if let Some(inner) = held.strip_prefix(FENCE) {
            return self.fenced(inner, last);
        }
        if FENCE.starts_with(held) {
            return Start::Open;
        }
        if held.starts_with(['{', '[']) { self.bare(held, last) } else { Start::Text }
    }

    fn tagged(&self, inner: &str, last: bool) -> Start {
        let (json, length) = match inner.find(END_TAG) {
            Some(end) => (&inner[..end], TAG.len() + end + END_TAG.len()),
            // Small models forget the end.
            None if last => (inner, TAG.len() + inner.len()),
            None => return Start::Open,
        };
        self.calls_in(json.trim()).map_or(Start::Text, |calls| Start::Calls(length, calls))
    }

    fn fenced(&self, inner: &str, last: bool) -> Start {
        let Some(line) = inner.find('\n') else {
            let word = inner.trim_end();
            return if word.chars().all(char::is_alphanumeric) { Start::Open } else { Start::Text };
        };
        let (language, body) = inner.split_at(line);
        if !matches!(language.trim(), "" | "json" | "tool_call" | "tool_code" | "xml") {
            return Start::Text;
        }
        let (json, length) = match body.find(FENCE) {
            Some(end) => (&body[..end], FENCE.len() + line + end + FENCE.len()),
            None if last => (body, FENCE.len() + inner.len()),
            None if self.may_be_calls(body.trim_start()) => return Start::Open,
            None => return Start::Text,
        };
        let json = json.trim();
        let json = json.strip_prefix(TAG).map_or(json, |rest| rest.trim_end_matches(END_TAG).trim());
        self.calls_in(json).map_or(Start::Text, |calls| Start::Calls(length, calls))
    }

    fn bare(&self, held: &str, last: bool) -> Start {
        let mut values = serde_json::Deserializer::from_str(held).into_iter::<Value>();
        match values.next() {
            Some(Ok(value)) => match self.calls(&value) {
                Some(calls) => Start::Calls(values.byte_offset(), calls),
                None => Start::Text,
            },
            // Small models forget a bracket. Not where the model was stopped: what is missing could be more.
            Some(Err(error)) if error.is_eof() && last && self.whole => {
                let calls = closed(held.trim_end()).and_then(|json| self.calls_in(&json));
                calls.map_or(Start::Text, |calls| Start::Calls(held.len(), calls))
            }
            Some(Err(error)) if error.is_eof() && self.may_be_calls(held) => Start::Open,
            Some(Err(_)) | None => Start::Text,
        }
    }

    /// Whether `json`, which is not whole, can still become a call: its first key is one that calls have.
    fn may_be_calls(&self, json: &str) -> bool {
        if TAG.starts_with(json) || json.starts_with(TAG) {
            return true;
        }
        let json = json.strip_prefix('[').unwrap_or(json).trim_start();
        let Some(inner) = json.strip_prefix('{') else { return json.is_empty() };
        let inner = inner.trim_start();
        let keys = ["\"name\"", "\"tool\"", "\"function\"", "\"arguments\"", "\"parameters\"", "\"type\"", "\"id\""];
        inner.is_empty() || keys.iter().any(|key| key.starts_with(inner) || inner.starts_with(key))
    }

    /// The calls that `json` consists of: values one after the other.
    fn calls_in(&self, json: &str) -> Option<Vec<(String, Value)>> {
        let values: Vec<Value> = serde_json::Deserializer::from_str(json).into_iter().collect::<Result<_, _>>().ok()?;
        let calls: Vec<_> = values.iter().map(|value| self.calls(value)).collect::<Option<Vec<_>>>()?.concat();
        (!calls.is_empty()).then_some(calls)
    }

    fn calls(&self, value: &Value) -> Option<Vec<(String, Value)>> {
        match value {
            Value::Array(items) if !items.is_empty() => items.iter().map(|item| self.call(item)).collect(),
            value => Some(vec![self.call(value)?]),
        }
    }

    /// `{"name": …, "arguments": …}` and its variants.
    fn call(&self, value: &Value) -> Option<(String, Value)> {
        let object = value.as_object()?;
        if let Some(Value::Object(function)) = object.get("function") {
            return self.call(&Value::Object(function.clone()));
        }
        let name = ["name", "tool", "function", "tool_name"].iter().find_map(|key| object.get(*key)?.as_str())?;
        if !self.offered.iter().any(|offered| offered == name) {
            return None;
        }
        let arguments =
            ["arguments", "parameters", "args", "input", "tool_input"].iter().find_map(|key| object.get(*key));
        let arguments = match arguments {
            // Arguments as the API has them: JSON within a string.
            Some(Value::String(text)) => serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.clone())),
            Some(arguments) => arguments.clone(),
            None => Value::Object(Map::new()),
        };
        Some((name.to_owned(), arguments))
    }
}

/// `json` with the brackets that it lacks at its end; `None` within a string.
fn closed(json: &str) -> Option<String> {
    let (mut open, mut string, mut escaped) = (vec![], false, false);
    for c in json.chars() {
        match c {
            _ if std::mem::take(&mut escaped) => {}
            '\\' if string => escaped = true,
            '"' => string = !string,
            '{' if !string => open.push('}'),
            '[' if !string => open.push(']'),
            '}' | ']' if !string => drop(open.pop()),
            _ => {}
        }
    }
    (!string).then(|| json.chars().chain(open.into_iter().rev()).collect())
}

fn deltas((name, arguments): (String, Value)) -> [ModelDelta; 2] {
    let call_id = CallId::new();
    [
        ModelDelta::ToolCallStart { call_id: call_id.clone(), name, opaque: None },
        ModelDelta::ToolCallArguments { call_id, delta: arguments.to_string() },
    ]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn find<'a>(chunks: impl IntoIterator<Item = &'a str>) -> String {
        let mut finder = Finder::new(vec!["add".to_owned(), "weather".to_owned()]);
        let mut deltas: Vec<_> = chunks.into_iter().flat_map(|chunk| finder.push(chunk)).collect();
        deltas.extend(finder.finish(StopReason::End));
        shown(&deltas)
    }

    fn shown(deltas: &[ModelDelta]) -> String {
        deltas.iter().fold(String::new(), |all, delta| match delta {
            ModelDelta::Text(text) => all + text,
            ModelDelta::ToolCallStart { name, .. } => all + "«" + name,
            ModelDelta::ToolCallArguments { delta, .. } => all + delta + "»",
            other => panic!("{other:?}"),
        })
    }

    const CALLS: &[&str] = &[
        r#"{"name": "add", "arguments": {"a": 1}}"#,
        "Let me see.\n{\"name\": \"add\",\n \"arguments\": {\"a\": 1}}\n",
        "```json\n{\"name\": \"add\", \"parameters\": {\"a\": 1}}\n```",
        "I call it:\n\n```\n[{\"tool\": \"add\", \"args\": {}}, {\"name\": \"weather\", \"arguments\": \"{\\\"city\\\": \\\"Rome\\\"}\"}]\n```\nDone.",
        "<tool_call>\n{\"name\": \"add\", \"arguments\": {\"a\": 1}}\n</tool_call>\n<tool_call>{\"name\": \"add\", \"arguments\": {\"a\": 2}}</tool_call>",
        "Sure: <tool_call>{\"name\": \"weather\", \"arguments\": {\"city\": \"Öslo 🦀\"}}",
        "[{\"type\": \"function\", \"function\": {\"name\": \"add\", \"arguments\": {}}}]",
        "```xml\n<tool_call>\n{\"name\": \"add\", \"arguments\": {}}\n</tool_call>\n```",
        r#"{"name": "add", "arguments": {"list": [{"text": "a \" ]"}]}"#,
    ];

    #[test]
    fn calls_in_every_form() {
        let all: Vec<_> = CALLS.iter().map(|text| find([*text])).collect();
        insta::assert_snapshot!(all.join("\n--\n"), @r#"
        «add{"a":1}»
        --
        Let me see.
        «add{"a":1}»
        --
        «add{"a":1}»
        --
        I call it:

        «add{}»«weather{"city":"Rome"}»Done.
        --
        «add{"a":1}»«add{"a":2}»
        --
        Sure: «weather{"city":"Öslo 🦀"}»
        --
        «add{}»
        --
        «add{}»
        --
        «add{"list":[{"text":"a \" ]"}]}»
        "#);
    }

    #[test]
    fn a_call_that_the_model_could_not_end_is_none() {
        let mut finder = Finder::new(vec!["add".to_owned()]);
        let text = r#"{"name": "add", "arguments": {"a": 1}"#;
        let mut deltas = finder.push(text);
        deltas.extend(finder.finish(StopReason::Length));
        assert_eq!(shown(&deltas), text);
        assert_eq!(
            find([r#"{"name": "add", "arguments": {"a": "cut "#]),
            r#"{"name": "add", "arguments": {"a": "cut "#
        );
    }

    #[test]
    fn a_call_cut_into_single_characters_is_the_same_call() {
        for text in CALLS {
            let single: Vec<String> = text.chars().map(String::from).collect();
            assert_eq!(find(single.iter().map(String::as_str)), find([*text]), "{text}");
        }
    }

    const NO_CALLS: &[&str] = &[
        r#"{"name": "unknown", "arguments": {}}"#,
        "Use `{\"name\": \"add\"}` like this: {\"name\": \"add\", \"arguments\": {}}",
        "```python\nprint({\"name\": \"add\"})\n```\n",
        "```json\n{\"city\": \"Rome\"}\n```",
        "<tool_call>nonsense</tool_call> and < less",
        "[1, 2, 3]\n{not json}\n\n   ```",
        "<tool_call>",
    ];

    #[test]
    fn what_is_no_call_stays_as_it_is() {
        for text in NO_CALLS {
            assert_eq!(find([*text]), *text);
        }
    }

    #[test]
    fn ordinary_text_is_not_held_back() {
        let mut finder = Finder::new(vec!["add".to_owned()]);
        for chunk in ["Hello, ", "world", ". 1 < 2", "\n\n", "{\"city\"", ": 1}\n", "```python\n", "x"] {
            assert_eq!(shown(&finder.push(chunk)), chunk);
        }
    }

    proptest! {
        #[test]
        fn text_without_a_call_passes_unchanged_however_it_is_cut(
            pieces in proptest::collection::vec(
                prop_oneof![
                    Just("<tool_call>"), Just("</tool_call>"), Just("```"), Just("json"), Just("\n"), Just("{"), Just("}"),
                    Just("\"name\""), Just(": "), Just("\"other\""), Just("["), Just("]"), Just(","), Just(" "), Just("é🦀"),
                    Just("<"), Just("`"), Just("\"arguments\""), Just("{}"), Just("word"),
                ],
                0..40,
            ),
        ) {
            let text = pieces.concat();
            prop_assert_eq!(&find([text.as_str()]), &text);
            prop_assert_eq!(&find(pieces.iter().copied()), &text);
            let single: Vec<String> = text.chars().map(String::from).collect();
            prop_assert_eq!(&find(single.iter().map(String::as_str)), &text);
        }
    }
}
