//! Anthropic's Messages.
//!
//! Checked on 2026-11-22: fields, events, stop reasons, usage and errors against the types of anthropic-sdk-python
//! (2026-08-08); what each model takes of thinking and forced tools against platform.claude.com/docs/en/models (the
//! migration guides of Claude 5.5). For structured answers the loop forces a tool where the model allows it: the native
//! form takes only part of JSON Schema.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    ModelDelta, ModelErrorKind, ModelRequest, StopReason, ToolChoice,
    failure::{self, protocol},
    sse,
    wire::{self, Decode, Endpoint},
};
use crate::{
    config::agent_file::Effort,
    domain::{CallId, Content, Image, Message, Usage},
};

/// The key of this wire in `opaque`.
const WIRE: &str = "anthropic";

/// The output limit is not optional here: this where neither agent file nor catalogue has one.
const MAX_TOKENS: u64 = 8_192;

/// More than most answers need, less than what would need an explicit wish.
const MAX_TOKENS_UNASKED: u64 = 32_000;

/// The smallest thinking budget that is taken.
const MIN_BUDGET: u64 = 1_024;

pub(super) fn body(endpoint: &Endpoint, request: &ModelRequest) -> Map<String, Value> {
    let sampling = endpoint.sampling(request);
    let limit = sampling
        .max_output_tokens
        .unwrap_or_else(|| endpoint.known.map_or(MAX_TOKENS, |known| known.max_output.min(MAX_TOKENS_UNASKED)));
    let mut body = Map::new();
    body.insert("model".into(), endpoint.model.clone().into());
    body.insert("max_tokens".into(), limit.into());
    body.insert("stream".into(), true.into());
    if !request.instructions.is_empty() {
        let mut system = json!({ "type": "text", "text": request.instructions });
        mark(&mut system);
        body.insert("system".into(), json!([system]));
    }
    if !request.tools.is_empty() {
        let mut tools: Vec<Value> = request
            .tools
            .iter()
            .map(|spec| json!({ "name": spec.name, "description": spec.description, "input_schema": spec.parameters }))
            .collect();
        tools.last_mut().into_iter().for_each(mark);
        body.insert("tools".into(), tools.into());
        match &request.tool_choice {
            ToolChoice::Auto => {}
            // As in a chain of fallbacks that has to force a tool for the sake of another model.
            ToolChoice::Required | ToolChoice::Tool(_) if refuses_forced_tools(&endpoint.model) => {}
            ToolChoice::Required => {
                body.insert("tool_choice".into(), json!({ "type": "any" }));
            }
            ToolChoice::None => {
                body.insert("tool_choice".into(), json!({ "type": "none" }));
            }
            ToolChoice::Tool(name) => {
                body.insert("tool_choice".into(), json!({ "type": "tool", "name": name }));
            }
        }
    }
    body.insert("messages".into(), messages(&request.messages).into());
    let thinks = set_thinking(&mut body, endpoint, request, limit);
    if let Some(schema) = &request.output_schema {
        let format = json!({ "type": "json_schema", "schema": closed(schema) });
        wire::merge(&mut body, &Map::from_iter([("output_config".to_owned(), json!({ "format": format }))]));
    }
    // Refused together with thinking.
    if let Some(temperature) = sampling.temperature.filter(|_| !thinks) {
        body.insert("temperature".into(), temperature.into());
    }
    if let Some(top_p) = sampling.top_p.filter(|_| !thinks) {
        body.insert("top_p".into(), top_p.into());
    }
    if !sampling.stop.is_empty() {
        body.insert("stop_sequences".into(), sampling.stop.into());
    }
    body
}

/// What the caller asked for and [`body`] leaves out, as a sentence.
pub(super) fn left_out(endpoint: &Endpoint, request: &ModelRequest) -> Option<String> {
    let sampling = &request.sampling;
    let forced = matches!(request.tool_choice, ToolChoice::Required | ToolChoice::Tool(_));
    if forced && !request.tools.is_empty() && refuses_forced_tools(&endpoint.model) {
        return Some(format!("`{}` cannot be made to call a tool: it was left to decide", endpoint.name));
    }
    if (sampling.temperature.is_some() || sampling.top_p.is_some()) && thinks(endpoint, request) {
        return Some(format!(
            "`{}` takes neither `temperature` nor `top_p` while it thinks: they were left out",
            endpoint.name
        ));
    }
    None
}

fn thinks(endpoint: &Endpoint, request: &ModelRequest) -> bool {
    set_thinking(&mut Map::new(), endpoint, request, MAX_TOKENS)
}

/// Sets what makes the model think; whether it will. A forced tool excludes thinking.
fn set_thinking(body: &mut Map<String, Value>, endpoint: &Endpoint, request: &ModelRequest, limit: u64) -> bool {
    let forced = matches!(request.tool_choice, ToolChoice::Tool(_) | ToolChoice::Required)
        && !refuses_forced_tools(&endpoint.model);
    let Some(effort) = endpoint.effort.filter(|_| !forced) else { return false };
    let Some(word) = wire::effort_word(effort) else {
        body.extend(unthinking(&endpoint.model));
        return false;
    };
    if !counts_thinking(&endpoint.model) {
        // Without it, models since 4.7 show nothing of their thoughts.
        body.insert("thinking".into(), json!({ "type": "adaptive", "display": "summarized" }));
        body.insert("output_config".into(), json!({ "effort": word }));
        return true;
    }
    let budget = wire::effort_tokens(effort).max(MIN_BUDGET);
    // The limit counts thoughts and answer together and must exceed the budget. A user who set both means the limit.
    let (budget, limit) = match endpoint.sampling(request).max_output_tokens {
        Some(limit) if !matches!(effort, Effort::Tokens(_)) => (budget.min(limit / 2).max(MIN_BUDGET), limit),
        _ => (budget, limit),
    };
    body.insert("thinking".into(), json!({ "type": "enabled", "budget_tokens": budget }));
    if limit <= budget {
        body.insert("max_tokens".into(), (budget + limit).into());
    }
    true
}

/// What keeps a model from thinking, or makes it think least where it cannot be kept from it. Those before Claude 5 do
/// not think unasked.
fn unthinking(model: &str) -> Option<(String, Value)> {
    let is = |names: &[&str]| names.iter().any(|name| model.starts_with(name));
    if is(&["claude-sonnet-5-5"]) {
        Some(("thinking".to_owned(), json!({ "type": "between_tools" })))
    } else if is(&["claude-fable-5", "claude-opus-5-5"]) {
        Some(("output_config".to_owned(), json!({ "effort": "low" })))
    } else if is(&["claude-opus-5", "claude-sonnet-5", "claude-haiku-5"]) {
        Some(("thinking".to_owned(), json!({ "type": "disabled" })))
    } else {
        None
    }
}

/// Whether the model refuses to be told which tool to call; all of these take a schema of the answer instead.
pub(super) fn refuses_forced_tools(model: &str) -> bool {
    ["claude-fable-5-1", "claude-opus-5-5", "claude-sonnet-5-5"].iter().any(|name| model.starts_with(name))
}

/// The schema with every object closed, as the native form wants it.
fn closed(schema: &Value) -> Value {
    match schema {
        Value::Object(object) => {
            let mut object: Map<String, Value> =
                object.iter().map(|(key, value)| (key.clone(), closed(value))).collect();
            if object.get("type").is_some_and(|kind| kind == "object") {
                object.insert("additionalProperties".to_owned(), false.into());
            }
            Value::Object(object)
        }
        Value::Array(items) => items.iter().map(closed).collect(),
        other => other.clone(),
    }
}

/// Models up to 4.5 think by a budget of tokens; those since 4.6 decide by themselves, and refuse a budget since 4.7.
fn counts_thinking(model: &str) -> bool {
    const BUDGET: &[&str] =
        &["claude-3", "claude-opus-4-5", "claude-sonnet-4-5", "claude-haiku-4-5", "claude-opus-4-1"];
    let first_four = |family: &str| {
        model
            .strip_prefix(family)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with("-0") || rest.starts_with("-20"))
    };
    BUDGET.iter().any(|name| model.starts_with(name)) || first_four("claude-opus-4") || first_four("claude-sonnet-4")
}

/// Puts a cache breakpoint on a block: what stands up to it is read from the cache next time.
fn mark(block: &mut Value) {
    block["cache_control"] = json!({ "type": "ephemeral" });
}

/// User and assistant in turns: results of tools, and what the user adds to them, are one message.
fn messages(history: &[Message]) -> Vec<Value> {
    let mut out: Vec<(bool, Vec<Value>)> = vec![];
    for message in history {
        let by_assistant = wire::is_assistant(message);
        let blocks: Vec<Value> = message.content.iter().filter_map(block).collect();
        match out.last_mut() {
            Some((same, content)) if *same == by_assistant => content.extend(blocks),
            _ if blocks.is_empty() => {}
            _ => out.push((by_assistant, blocks)),
        }
    }
    // Thinking cannot carry a breakpoint; the last message is the user's or results.
    if let Some(last) =
        out.last_mut().filter(|(by_assistant, _)| !by_assistant).and_then(|(_, blocks)| blocks.last_mut())
    {
        mark(last);
    }
    out.into_iter()
        .map(|(assistant, content)| json!({ "role": if assistant { "assistant" } else { "user" }, "content": content }))
        .collect()
}

fn block(part: &Content) -> Option<Value> {
    match part {
        // Empty and blank text is refused.
        Content::Text { text } if text.trim().is_empty() => None,
        Content::Text { text } => Some(json!({ "type": "text", "text": text })),
        Content::Summary { text, .. } => Some(json!({ "type": "text", "text": wire::summary_text(text) })),
        Content::Image(image) => Some(image_block(image)),
        Content::Reasoning { text, opaque } => {
            let ours = wire::opaque(opaque.as_ref(), WIRE)?;
            match (ours.get("signature"), ours.get("redacted")) {
                (Some(signature), _) => Some(json!({ "type": "thinking", "thinking": text, "signature": signature })),
                (None, Some(data)) => Some(json!({ "type": "redacted_thinking", "data": data })),
                (None, None) => None,
            }
        }
        Content::ToolCall(call) => Some(json!({
            "type": "tool_use",
            "id": call.call_id,
            "name": call.name,
            "input": wire::object_arguments(call),
        })),
        Content::ToolResult { call_id, outcome } => {
            let text = json!({ "type": "text", "text": wire::result_text(outcome) });
            let content: Vec<Value> = std::iter::once(text).chain(wire::images(outcome).map(image_block)).collect();
            let mut result = json!({ "type": "tool_result", "tool_use_id": call_id, "content": content });
            if !matches!(outcome, crate::domain::ToolOutcome::Ok { .. }) {
                result["is_error"] = true.into();
            }
            Some(result)
        }
    }
}

fn image_block(image: &Image) -> Value {
    json!({ "type": "image", "source": { "type": "base64", "media_type": image.media_type, "data": image.data } })
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Event {
    MessageStart {
        message: Start,
    },
    ContentBlockStart {
        index: u64,
        content_block: Block,
    },
    ContentBlockDelta {
        index: u64,
        delta: Delta,
    },
    ContentBlockStop {
        index: u64,
    },
    MessageDelta {
        delta: Stop,
        usage: Option<RawUsage>,
    },
    MessageStop,
    Error {
        error: Value,
    },
    /// `ping`, and what is yet to come.
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Start {
    usage: Option<RawUsage>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block {
    Text {
        #[serde(default)]
        text: String,
    },
    Thinking {
        #[serde(default)]
        thinking: String,
    },
    RedactedThinking {
        data: String,
    },
    ToolUse {
        id: String,
        name: String,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
#[serde(tag = "type")]
enum Delta {
    #[serde(rename = "text_delta")]
    Text { text: String },
    #[serde(rename = "thinking_delta")]
    Thinking { thinking: String },
    #[serde(rename = "signature_delta")]
    Signature { signature: String },
    #[serde(rename = "input_json_delta")]
    InputJson { partial_json: String },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Stop {
    stop_reason: Option<String>,
}

/// Running totals; a later event need not repeat an earlier one's fields.
#[derive(Clone, Copy, Deserialize)]
struct RawUsage {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
    output_tokens_details: Option<OutputDetails>,
}

#[derive(Clone, Copy, Deserialize)]
struct OutputDetails {
    #[serde(default)]
    thinking_tokens: u64,
}

#[derive(Default)]
pub(super) struct Decoder {
    calls: Vec<(u64, CallId)>,
    /// The signature of the thinking block that is open.
    signature: String,
    thinking: Option<u64>,
    usage: Usage,
    /// Read from the cache and written to it.
    cache: (u64, u64),
    fresh_input: u64,
    stop: Option<String>,
}

impl Decode for Decoder {
    fn event(&mut self, event: &sse::Event<'_>, out: &mut Vec<ModelDelta>) -> Result<(), ModelErrorKind> {
        let data = event.data.trim();
        if data.is_empty() {
            return Ok(());
        }
        match serde_json::from_str(data).map_err(|error| protocol(data, &error))? {
            Event::MessageStart { message } => out.extend(message.usage.map(|raw| self.usage(raw))),
            Event::ContentBlockStart { index, content_block } => self.block(index, content_block, out),
            Event::ContentBlockDelta { index, delta } => self.delta(index, delta, out),
            Event::ContentBlockStop { index } => {
                if self.thinking == Some(index) {
                    self.thinking = None;
                    let signature = std::mem::take(&mut self.signature);
                    let opaque = Some(json!({ WIRE: { "signature": signature } }));
                    out.push(ModelDelta::Reasoning { text: String::new(), opaque });
                }
            }
            Event::MessageDelta { delta, usage } => {
                self.stop = delta.stop_reason.or(self.stop.take());
                out.extend(usage.map(|raw| self.usage(raw)));
            }
            Event::MessageStop => self.end(out),
            Event::Error { error } => return Err(failure::in_stream(&error)),
            Event::Other => {}
        }
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<ModelDelta>) {
        let Some(raw) = self.stop.take() else { return };
        let reason = match raw.as_str() {
            "end_turn" | "stop_sequence" => StopReason::End,
            "tool_use" => StopReason::ToolCalls,
            "max_tokens" | "model_context_window_exceeded" => StopReason::Length,
            "refusal" => StopReason::Filtered,
            _ => StopReason::Other,
        };
        out.push(ModelDelta::Stop { reason, raw });
    }
}

impl Decoder {
    fn block(&mut self, index: u64, block: Block, out: &mut Vec<ModelDelta>) {
        match block {
            Block::Text { text } => out.extend((!text.is_empty()).then_some(ModelDelta::Text(text))),
            Block::Thinking { thinking } => {
                self.thinking = Some(index);
                out.extend((!thinking.is_empty()).then_some(ModelDelta::Reasoning { text: thinking, opaque: None }));
            }
            Block::RedactedThinking { data } => {
                let opaque = Some(json!({ WIRE: { "redacted": data } }));
                out.push(ModelDelta::Reasoning { text: String::new(), opaque });
            }
            Block::ToolUse { id, name } => {
                let call_id = CallId::from(id);
                self.calls.push((index, call_id.clone()));
                out.push(ModelDelta::ToolCallStart { call_id, name, opaque: None });
            }
            Block::Other => {}
        }
    }

    fn delta(&mut self, index: u64, delta: Delta, out: &mut Vec<ModelDelta>) {
        match delta {
            Delta::Text { text } if !text.is_empty() => out.push(ModelDelta::Text(text)),
            Delta::Thinking { thinking } if !thinking.is_empty() => {
                out.push(ModelDelta::Reasoning { text: thinking, opaque: None });
            }
            Delta::Signature { signature } => self.signature.push_str(&signature),
            Delta::InputJson { partial_json } if !partial_json.is_empty() => {
                if let Some((_, call_id)) = self.calls.iter().find(|(at, _)| *at == index) {
                    out.push(ModelDelta::ToolCallArguments { call_id: call_id.clone(), delta: partial_json });
                }
            }
            Delta::Text { .. } | Delta::Thinking { .. } | Delta::InputJson { .. } | Delta::Other => {}
        }
    }

    /// Anthropic counts what is read from the cache and written to it apart from the rest of the input.
    fn usage(&mut self, raw: RawUsage) -> ModelDelta {
        self.fresh_input = raw.input_tokens.unwrap_or(self.fresh_input);
        let (read, written) = self.cache;
        self.cache = (raw.cache_read_input_tokens.unwrap_or(read), raw.cache_creation_input_tokens.unwrap_or(written));
        self.usage.cached_tokens = self.cache.0;
        self.usage.input_tokens = self.fresh_input + self.cache.0 + self.cache.1;
        self.usage.output_tokens = raw.output_tokens.unwrap_or(self.usage.output_tokens);
        let thoughts = raw.output_tokens_details.map(|details| details.thinking_tokens);
        self.usage.reasoning_tokens = thoughts.unwrap_or(self.usage.reasoning_tokens);
        ModelDelta::Usage(self.usage)
    }
}
