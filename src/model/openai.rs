//! OpenAI's chat completions, and the many that took it over.
//!
//! Checked on 2026-11-22: requests, chunks, usage and finish reasons against the types of openai-python (2026-08-21);
//! DeepSeek's thinking against api-docs.deepseek.com/guides/thinking_mode; llama.cpp by a recording of its server. What
//! is said of Moonshot, vLLM and Ollama is from memory: `reasoning`, the usage within a choice, whole calls in one chunk
//! that all have index 0.

use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Map, Value, json};

use super::{
    ModelDelta, ModelErrorKind, ModelRequest, StopReason, ToolChoice,
    failure::{self, protocol},
    sse,
    wire::{self, Decode, Endpoint},
};
use crate::domain::{CallId, Content, Message, Role, ToolCall, ToolSpec, Usage};

pub(super) fn body(endpoint: &Endpoint, request: &ModelRequest) -> Map<String, Value> {
    let dialect = &endpoint.provider.dialect;
    let mut body = Map::new();
    body.insert("model".into(), endpoint.model.clone().into());
    body.insert("messages".into(), messages(endpoint, request).into());
    body.insert("stream".into(), true.into());
    body.insert("stream_options".into(), json!({ "include_usage": true }));
    if !request.tools.is_empty() {
        body.insert("tools".into(), request.tools.iter().map(tool).collect());
        match &request.tool_choice {
            ToolChoice::Auto => {}
            ToolChoice::Required => {
                body.insert("tool_choice".into(), "required".into());
            }
            ToolChoice::None => {
                body.insert("tool_choice".into(), "none".into());
            }
            ToolChoice::Tool(name) => {
                body.insert("tool_choice".into(), json!({ "type": "function", "function": { "name": name } }));
            }
        }
    }
    if let Some(schema) = &request.output_schema {
        let format = json!({ "name": "answer", "schema": schema, "strict": wire::strict(schema) });
        body.insert("response_format".into(), json!({ "type": "json_schema", "json_schema": format }));
    }
    let sampling = endpoint.sampling(request);
    if let Some(limit) = sampling.max_output_tokens {
        body.insert(dialect.max_tokens.into(), limit.into());
    }
    if let Some(temperature) = sampling.temperature {
        body.insert("temperature".into(), temperature.into());
    }
    if let Some(top_p) = sampling.top_p {
        body.insert("top_p".into(), top_p.into());
    }
    if !sampling.stop.is_empty() {
        body.insert("stop".into(), sampling.stop.into());
    }
    if let Some(effort) = endpoint.effort {
        wire::set_effort(&mut body, endpoint, effort);
    }
    body
}

fn tool(spec: &ToolSpec) -> Value {
    json!({
        "type": "function",
        "function": { "name": spec.name, "description": spec.description, "parameters": spec.parameters },
    })
}

fn messages(endpoint: &Endpoint, request: &ModelRequest) -> Vec<Value> {
    let mut out = vec![];
    if !request.instructions.is_empty() {
        out.push(json!({ "role": "system", "content": request.instructions }));
    }
    // A tool's message has no room for images: they follow the run of results, as the user's.
    let mut images = vec![];
    for message in &request.messages {
        if message.role != Role::Tool {
            flush(&mut images, &mut out);
        }
        match message.role {
            Role::User => out.push(user(message)),
            Role::Assistant => {
                // DeepSeek refuses calls without the thoughts that led to them, also in later turns.
                out.extend(assistant(message, endpoint.provider.dialect.reasoning_back));
            }
            Role::Tool => {
                for part in &message.content {
                    let Content::ToolResult { call_id, outcome } = part else { continue };
                    let content = wire::result_text(outcome);
                    out.push(json!({ "role": "tool", "tool_call_id": call_id, "content": content }));
                    images.extend(wire::images(outcome).map(image));
                }
            }
        }
    }
    flush(&mut images, &mut out);
    out
}

fn flush(images: &mut Vec<Value>, out: &mut Vec<Value>) {
    if !images.is_empty() {
        let mut content = vec![json!({ "type": "text", "text": "The images that the tools returned:" })];
        content.append(images);
        out.push(json!({ "role": "user", "content": content }));
    }
}

fn image(image: &crate::domain::Image) -> Value {
    json!({ "type": "image_url", "image_url": { "url": wire::data_url(image) } })
}

fn user(message: &Message) -> Value {
    let parts: Vec<Value> = message
        .content
        .iter()
        .filter_map(|part| match part {
            Content::Text { text } => Some(json!({ "type": "text", "text": text })),
            Content::Summary { text, .. } => Some(json!({ "type": "text", "text": wire::summary_text(text) })),
            Content::Image(picture) => Some(image(picture)),
            Content::Reasoning { .. } | Content::ToolCall(_) | Content::ToolResult { .. } => None,
        })
        .collect();
    // Many compatible servers know only the plain form.
    match parts.as_slice() {
        [only] if only["type"] == "text" => json!({ "role": "user", "content": only["text"] }),
        _ => json!({ "role": "user", "content": parts }),
    }
}

/// `None` for a message of reasoning alone, which no provider takes.
fn assistant(message: &Message, reasoning_back: bool) -> Option<Value> {
    let calls: Vec<Value> = message.calls().map(call).collect();
    let text = message.text();
    if calls.is_empty() && text.is_empty() {
        return None;
    }
    let mut out = json!({ "role": "assistant", "content": if text.is_empty() { Value::Null } else { text.into() } });
    if !calls.is_empty() {
        if reasoning_back {
            let thoughts: String = message
                .content
                .iter()
                .filter_map(|part| match part {
                    Content::Reasoning { text, .. } => Some(text.as_str()),
                    _ => None,
                })
                .collect();
            out["reasoning_content"] = thoughts.into();
        }
        out["tool_calls"] = calls.into();
    }
    Some(out)
}

fn call(call: &ToolCall) -> Value {
    json!({
        "id": call.call_id,
        "type": "function",
        "function": { "name": call.name, "arguments": wire::object_arguments(call).to_string() },
    })
}

#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Vec<Choice>,
    usage: Option<RawUsage>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Choice {
    delta: Option<Delta>,
    finish_reason: Option<String>,
    /// Where Moonshot puts it.
    usage: Option<RawUsage>,
}

#[derive(Deserialize)]
struct Delta {
    content: Option<String>,
    refusal: Option<String>,
    reasoning_content: Option<String>,
    reasoning: Option<String>,
    tool_calls: Option<Vec<CallDelta>>,
}

#[derive(Deserialize)]
struct CallDelta {
    index: Option<u64>,
    id: Option<String>,
    function: Option<FunctionDelta>,
}

#[derive(Deserialize)]
struct FunctionDelta {
    name: Option<String>,
    arguments: Option<Value>,
}

#[derive(Deserialize)]
struct RawUsage {
    #[serde(default)]
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
    prompt_tokens_details: Option<PromptDetails>,
    completion_tokens_details: Option<CompletionDetails>,
    prompt_cache_hit_tokens: Option<u64>,
    cached_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct PromptDetails {
    cached_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct CompletionDetails {
    reasoning_tokens: Option<u64>,
}

impl From<RawUsage> for Usage {
    fn from(raw: RawUsage) -> Self {
        let details = raw.prompt_tokens_details.and_then(|details| details.cached_tokens);
        let reasoning = raw.completion_tokens_details.and_then(|details| details.reasoning_tokens);
        Self {
            input_tokens: raw.prompt_tokens,
            output_tokens: raw.completion_tokens,
            cached_tokens: details.or(raw.prompt_cache_hit_tokens).or(raw.cached_tokens).unwrap_or(0),
            reasoning_tokens: reasoning.unwrap_or(0),
            cost: None,
        }
    }
}

/// A call whose fragments are arriving.
struct OpenCall {
    index: Option<u64>,
    /// As the provider named it; empty where it did not.
    provider_id: String,
    call_id: CallId,
    /// Empty until the provider says it; nothing is emitted before.
    name: String,
    arguments: String,
}

#[derive(Default)]
pub(super) struct Decoder {
    calls: Vec<OpenCall>,
    finish: Option<String>,
    done: bool,
}

impl Decode for Decoder {
    fn event(&mut self, event: &sse::Event<'_>, out: &mut Vec<ModelDelta>) -> Result<(), ModelErrorKind> {
        let data = event.data.trim();
        if data == "[DONE]" {
            self.end(out);
            return Ok(());
        }
        if data.is_empty() {
            return Ok(());
        }
        let chunk: Chunk = serde_json::from_str(data).map_err(|error| protocol(data, &error))?;
        if let Some(error) = chunk.error.filter(|error| !error.is_null()) {
            return Err(failure::in_stream(&error));
        }
        // With `n` unset there is one choice; Azure sends chunks with none.
        if let Some(choice) = chunk.choices.into_iter().next() {
            if let Some(delta) = choice.delta {
                self.delta(delta, out);
            }
            if let Some(usage) = choice.usage {
                out.push(ModelDelta::Usage(usage.into()));
            }
            if let Some(reason) = choice.finish_reason.filter(|reason| !reason.is_empty()) {
                self.finish = Some(reason);
            }
        }
        if let Some(usage) = chunk.usage {
            out.push(ModelDelta::Usage(usage.into()));
        }
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<ModelDelta>) {
        let Some(raw) = self.finish.clone().filter(|_| !self.done) else { return };
        self.done = true;
        let reason = match raw.as_str() {
            "stop" | "eos" => StopReason::End,
            "tool_calls" | "function_call" => StopReason::ToolCalls,
            "length" => StopReason::Length,
            "content_filter" => StopReason::Filtered,
            _ => StopReason::Other,
        };
        out.push(ModelDelta::Stop { reason, raw });
    }
}

impl Decoder {
    fn delta(&mut self, delta: Delta, out: &mut Vec<ModelDelta>) {
        // Some send both spellings of the same thought.
        let reasoning = delta.reasoning_content.filter(|text| !text.is_empty()).or(delta.reasoning);
        if let Some(text) = reasoning.filter(|text| !text.is_empty()) {
            out.push(ModelDelta::Reasoning { text, opaque: None });
        }
        for text in [delta.content, delta.refusal].into_iter().flatten().filter(|text| !text.is_empty()) {
            out.push(ModelDelta::Text(text));
        }
        for fragment in delta.tool_calls.into_iter().flatten() {
            self.fragment(fragment, out);
        }
    }

    fn fragment(&mut self, fragment: CallDelta, out: &mut Vec<ModelDelta>) {
        let id = fragment.id.unwrap_or_default();
        let (name, arguments) = fragment.function.map_or((None, None), |function| (function.name, function.arguments));
        let name = name.unwrap_or_default();
        let arguments = match arguments {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text,
            // An object where the protocol has a string, as some servers of small models send it.
            Some(object) => object.to_string(),
        };
        let at = self.find(fragment.index, &id, &name).unwrap_or_else(|| self.open(fragment.index, id));
        let call = &mut self.calls[at];
        let named_now = call.name.is_empty() && !name.is_empty();
        if named_now {
            call.name = name;
            let (call_id, name) = (call.call_id.clone(), call.name.clone());
            out.push(ModelDelta::ToolCallStart { call_id, name, opaque: None });
        }
        // Arguments that came before the name were held back.
        let held = if named_now { call.arguments.clone() } else { String::new() };
        call.arguments.push_str(&arguments);
        let delta = held + &arguments;
        if !call.name.is_empty() && !delta.is_empty() {
            out.push(ModelDelta::ToolCallArguments { call_id: call.call_id.clone(), delta });
        }
    }

    /// The open call that a fragment goes on with. A new id is a new call, even at an index that was used; so is a
    /// name without an id after arguments that are complete.
    fn find(&self, index: Option<u64>, id: &str, name: &str) -> Option<usize> {
        let at = match index {
            Some(_) => self.calls.iter().rposition(|call| call.index == index)?,
            None if id.is_empty() => self.calls.len().checked_sub(1)?,
            None => self.calls.iter().rposition(|call| call.provider_id == id)?,
        };
        let call = &self.calls[at];
        let other_id = !id.is_empty() && !call.provider_id.is_empty() && call.provider_id != id;
        let next_whole = id.is_empty()
            && !name.is_empty()
            && !call.name.is_empty()
            && serde_json::from_str::<IgnoredAny>(&call.arguments).is_ok();
        (!other_id && !next_whole).then_some(at)
    }

    fn open(&mut self, index: Option<u64>, id: String) -> usize {
        // An id that is missing, or used twice, could not be answered.
        let used = self.calls.iter().any(|call| call.provider_id == id);
        let call_id = if id.is_empty() || used { CallId::new() } else { CallId::from(id.as_str()) };
        self.calls.push(OpenCall { index, provider_id: id, call_id, name: String::new(), arguments: String::new() });
        self.calls.len() - 1
    }
}
