//! OpenAI's Responses.
//!
//! Checked on 2026-11-22 against the types of openai-python (2026-08-21): requests, the names of events, items, usage,
//! errors, the reasons for an incomplete answer. Nothing is stored at the provider (`store: false`), so that a session is ours alone;
//! reasoning comes encrypted and is sent back as it came. Functions are strict unless told otherwise, which would
//! refuse most schemas in the wild.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    ModelDelta, ModelErrorKind, ModelRequest, StopReason, ToolChoice,
    failure::{self, protocol},
    sse,
    wire::{self, Decode, Endpoint},
};
use crate::domain::{CallId, Content, Message, Role, ToolSpec, Usage};

/// The key of this wire in `opaque`.
const WIRE: &str = "responses";

pub(super) fn body(endpoint: &Endpoint, request: &ModelRequest) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("model".into(), endpoint.model.clone().into());
    if !request.instructions.is_empty() {
        body.insert("instructions".into(), request.instructions.clone().into());
    }
    body.insert("input".into(), request.messages.iter().flat_map(items).collect());
    body.insert("stream".into(), true.into());
    body.insert("store".into(), false.into());
    if endpoint.reasons() {
        // Other models refuse to be asked for it.
        body.insert("include".into(), json!(["reasoning.encrypted_content"]));
    }
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
                body.insert("tool_choice".into(), json!({ "type": "function", "name": name }));
            }
        }
    }
    if let Some(schema) = &request.output_schema {
        let strict = wire::strict(schema);
        let format = json!({ "type": "json_schema", "name": "answer", "schema": schema, "strict": strict });
        body.insert("text".into(), json!({ "format": format }));
    }
    let sampling = endpoint.sampling(request);
    if let Some(limit) = sampling.max_output_tokens {
        body.insert("max_output_tokens".into(), limit.into());
    }
    if let Some(temperature) = sampling.temperature {
        body.insert("temperature".into(), temperature.into());
    }
    if let Some(top_p) = sampling.top_p {
        body.insert("top_p".into(), top_p.into());
    }
    if let Some(effort) = endpoint.effort {
        // Summaries of thoughts are only given to verified organizations: asked for where the user cares about
        // thinking at all.
        let mut reasoning = json!({ "effort": wire::openai_effort(&endpoint.model, effort) });
        if wire::effort_word(effort).is_some() {
            reasoning["summary"] = "auto".into();
        }
        body.insert("reasoning".into(), reasoning);
    }
    body
}

fn tool(spec: &ToolSpec) -> Value {
    json!({
        "type": "function",
        "name": spec.name,
        "description": spec.description,
        "parameters": spec.parameters,
        "strict": false,
    })
}

fn items(message: &Message) -> Vec<Value> {
    match message.role {
        Role::User => {
            let content: Vec<Value> = message.content.iter().filter_map(input).collect();
            vec![json!({ "role": "user", "content": content })]
        }
        Role::Assistant => message.content.iter().filter_map(output).collect(),
        Role::Tool => message.content.iter().filter_map(result).collect(),
    }
}

fn input(part: &Content) -> Option<Value> {
    match part {
        Content::Text { text } => Some(json!({ "type": "input_text", "text": text })),
        Content::Summary { text, .. } => Some(json!({ "type": "input_text", "text": wire::summary_text(text) })),
        Content::Image(image) => Some(input_image(image)),
        Content::Reasoning { .. } | Content::ToolCall(_) | Content::ToolResult { .. } => None,
    }
}

fn input_image(image: &crate::domain::Image) -> Value {
    json!({ "type": "input_image", "image_url": wire::data_url(image) })
}

fn output(part: &Content) -> Option<Value> {
    match part {
        Content::Text { text } if text.is_empty() => None,
        Content::Text { text } => Some(json!({
            "type": "message",
            "role": "assistant",
            "content": [{ "type": "output_text", "text": text }],
        })),
        Content::Reasoning { opaque, .. } => wire::opaque(opaque.as_ref(), WIRE).cloned(),
        Content::ToolCall(call) => Some(json!({
            "type": "function_call",
            "call_id": call.call_id,
            "name": call.name,
            "arguments": wire::object_arguments(call).to_string(),
        })),
        Content::Image(_) | Content::ToolResult { .. } | Content::Summary { .. } => None,
    }
}

fn result(part: &Content) -> Option<Value> {
    let Content::ToolResult { call_id, outcome } = part else { return None };
    let text = wire::result_text(outcome);
    let mut images = wire::images(outcome).map(input_image).peekable();
    let output = if images.peek().is_some() {
        std::iter::once(json!({ "type": "input_text", "text": text })).chain(images).collect()
    } else {
        Value::from(text)
    };
    Some(json!({ "type": "function_call_output", "call_id": call_id, "output": output }))
}

/// The events that say something; all others are passed over.
#[derive(Deserialize)]
#[serde(tag = "type")]
enum Event {
    #[serde(rename = "response.output_text.delta", alias = "response.refusal.delta")]
    Text { delta: String },
    #[serde(rename = "response.reasoning_summary_text.delta", alias = "response.reasoning_text.delta")]
    Reasoning { delta: String },
    #[serde(rename = "response.reasoning_summary_part.added")]
    ReasoningPart { summary_index: u64 },
    #[serde(rename = "response.output_item.added")]
    ItemAdded { output_index: u64, item: Item },
    #[serde(rename = "response.function_call_arguments.delta")]
    Arguments { output_index: u64, delta: String },
    #[serde(rename = "response.output_item.done")]
    ItemDone { output_index: u64, item: Value },
    #[serde(rename = "response.completed", alias = "response.incomplete", alias = "response.failed")]
    Finished { response: Response },
    #[serde(rename = "error")]
    Error(Value),
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Item {
    #[serde(rename = "type")]
    kind: String,
    call_id: Option<String>,
    name: Option<String>,
}

#[derive(Deserialize)]
struct Response {
    #[serde(default)]
    status: String,
    usage: Option<RawUsage>,
    error: Option<Value>,
    incomplete_details: Option<Incomplete>,
}

#[derive(Deserialize)]
struct Incomplete {
    #[serde(default)]
    reason: String,
}

#[derive(Deserialize)]
struct RawUsage {
    #[serde(default)]
    input_tokens: u64,
    #[serde(default)]
    output_tokens: u64,
    input_tokens_details: Option<InputDetails>,
    output_tokens_details: Option<OutputDetails>,
}

#[derive(Deserialize)]
struct InputDetails {
    #[serde(default)]
    cached_tokens: u64,
}

#[derive(Deserialize)]
struct OutputDetails {
    #[serde(default)]
    reasoning_tokens: u64,
}

struct OpenCall {
    output_index: u64,
    call_id: CallId,
    /// Bytes of arguments that were emitted.
    sent: usize,
}

#[derive(Default)]
pub(super) struct Decoder {
    calls: Vec<OpenCall>,
}

impl Decode for Decoder {
    fn event(&mut self, event: &sse::Event<'_>, out: &mut Vec<ModelDelta>) -> Result<(), ModelErrorKind> {
        let data = event.data.trim();
        if data.is_empty() || data == "[DONE]" {
            return Ok(());
        }
        match serde_json::from_str(data).map_err(|error| protocol(data, &error))? {
            Event::Text { delta } => out.push(ModelDelta::Text(delta)),
            Event::Reasoning { delta } => out.push(ModelDelta::Reasoning { text: delta, opaque: None }),
            // The parts of a summary are paragraphs.
            Event::ReasoningPart { summary_index: 0 } | Event::Other => {}
            Event::ReasoningPart { .. } => {
                out.push(ModelDelta::Reasoning { text: "\n\n".to_owned(), opaque: None });
            }
            Event::ItemAdded { output_index, item } if item.kind == "function_call" => {
                self.open(output_index, item, out);
            }
            Event::ItemAdded { .. } => {}
            Event::Arguments { output_index, delta } => {
                if let Some(call) = self.calls.iter_mut().find(|call| call.output_index == output_index) {
                    call.sent += delta.len();
                    out.push(ModelDelta::ToolCallArguments { call_id: call.call_id.clone(), delta });
                }
            }
            Event::ItemDone { output_index, item } => self.item_done(output_index, item, out),
            Event::Finished { response } => return finished(response, out),
            Event::Error(error) => return Err(failure::in_stream(error.get("error").unwrap_or(&error))),
        }
        Ok(())
    }

    // A response without its last event was cut.
    fn end(&mut self, _: &mut Vec<ModelDelta>) {}
}

impl Decoder {
    fn open(&mut self, output_index: u64, item: Item, out: &mut Vec<ModelDelta>) {
        let call_id = item.call_id.filter(|id| !id.is_empty()).map_or_else(CallId::new, CallId::from);
        let name = item.name.unwrap_or_default();
        out.push(ModelDelta::ToolCallStart { call_id: call_id.clone(), name, opaque: None });
        self.calls.push(OpenCall { output_index, call_id, sent: 0 });
    }

    fn item_done(&mut self, output_index: u64, item: Value, out: &mut Vec<ModelDelta>) {
        match item["type"].as_str() {
            Some("reasoning") => {
                out.push(ModelDelta::Reasoning { text: String::new(), opaque: Some(json!({ WIRE: sendable(item) })) });
            }
            Some("function_call") => {
                if !self.calls.iter().any(|call| call.output_index == output_index)
                    && let Ok(announced) = Item::deserialize(&item)
                {
                    self.open(output_index, announced, out);
                }
                let Some(call) = self.calls.iter_mut().find(|call| call.output_index == output_index) else { return };
                // Compatible servers may send the arguments only here.
                if let Some(rest) = item["arguments"].as_str().and_then(|whole| whole.get(call.sent..))
                    && !rest.is_empty()
                {
                    call.sent += rest.len();
                    out.push(ModelDelta::ToolCallArguments { call_id: call.call_id.clone(), delta: rest.to_owned() });
                }
            }
            _ => {}
        }
    }
}

/// A reasoning item as a request may carry it: `status` is only for answers.
fn sendable(mut item: Value) -> Value {
    if let Some(item) = item.as_object_mut() {
        item.remove("status");
    }
    item
}

fn finished(response: Response, out: &mut Vec<ModelDelta>) -> Result<(), ModelErrorKind> {
    if let Some(raw) = response.usage {
        out.push(ModelDelta::Usage(Usage {
            input_tokens: raw.input_tokens,
            output_tokens: raw.output_tokens,
            cached_tokens: raw.input_tokens_details.map_or(0, |details| details.cached_tokens),
            reasoning_tokens: raw.output_tokens_details.map_or(0, |details| details.reasoning_tokens),
            cost: None,
        }));
    }
    if let Some(error) = response.error.filter(|error| !error.is_null()) {
        return Err(failure::in_stream(&error));
    }
    let raw = response.incomplete_details.map_or(response.status, |details| details.reason);
    let reason = match raw.as_str() {
        "completed" => StopReason::End,
        "max_output_tokens" => StopReason::Length,
        "content_filter" => StopReason::Filtered,
        _ => StopReason::Other,
    };
    out.push(ModelDelta::Stop { reason, raw });
    Ok(())
}
