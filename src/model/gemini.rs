//! Google's Gemini, `streamGenerateContent` with `alt=sse`.
//!
//! Checked on 2026-11-22 against the types of python-genai (2026-08-21): requests, parts, usage, finish and block
//! reasons; the levels and budgets of thinking against models.dev (2026-07-02). The rules of thought signatures are from
//! memory. Calls come whole and often without ids, thoughts as parts of their
//! own, and a signature may come on any part and must be sent back on a part like it.

use std::collections::HashMap;

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
    domain::{CallId, Content, Image, Message, ToolOutcome, Usage},
};

/// The key of this wire in `opaque`.
const WIRE: &str = "gemini";

/// What Gemini 3 takes in place of the signature of a call that another model made.
const NO_SIGNATURE: &str = "skip_thought_signature_validator";

pub(super) fn body(endpoint: &Endpoint, request: &ModelRequest) -> Map<String, Value> {
    let mut body = Map::new();
    if !request.instructions.is_empty() {
        body.insert("systemInstruction".into(), json!({ "parts": [{ "text": request.instructions }] }));
    }
    body.insert("contents".into(), contents(endpoint, &request.messages).into());
    if !request.tools.is_empty() {
        let functions: Vec<Value> = request
            .tools
            .iter()
            .map(|spec| {
                json!({
                    "name": spec.name,
                    "description": spec.description,
                    "parametersJsonSchema": spec.parameters,
                })
            })
            .collect();
        body.insert("tools".into(), json!([{ "functionDeclarations": functions }]));
        let config = match &request.tool_choice {
            ToolChoice::Auto => None,
            ToolChoice::Required => Some(json!({ "mode": "ANY" })),
            ToolChoice::None => Some(json!({ "mode": "NONE" })),
            ToolChoice::Tool(name) => Some(json!({ "mode": "ANY", "allowedFunctionNames": [name] })),
        };
        if let Some(config) = config {
            body.insert("toolConfig".into(), json!({ "functionCallingConfig": config }));
        }
    }
    let config = generation_config(endpoint, request);
    if !config.is_empty() {
        body.insert("generationConfig".into(), config.into());
    }
    body
}

fn generation_config(endpoint: &Endpoint, request: &ModelRequest) -> Map<String, Value> {
    let mut config = Map::new();
    let sampling = endpoint.sampling(request);
    if let Some(limit) = sampling.max_output_tokens {
        config.insert("maxOutputTokens".into(), limit.into());
    }
    if let Some(temperature) = sampling.temperature {
        config.insert("temperature".into(), temperature.into());
    }
    if let Some(top_p) = sampling.top_p {
        config.insert("topP".into(), top_p.into());
    }
    if !sampling.stop.is_empty() {
        config.insert("stopSequences".into(), sampling.stop.into());
    }
    if let Some(schema) = &request.output_schema {
        config.insert("responseMimeType".into(), "application/json".into());
        config.insert("responseJsonSchema".into(), schema.clone());
    }
    if let Some(effort) = endpoint.effort {
        config.insert("thinkingConfig".into(), thinking(&endpoint.model, effort));
    }
    config
}

/// Gemini 3 takes a level and always thinks; those before it take a budget, and 2.5 Pro no less than 128 tokens.
fn thinking(model: &str, effort: Effort) -> Value {
    if takes_level(model) {
        let level = match wire::effort_word(effort) {
            // The first Pro model had no medium level.
            Some("medium") if model.starts_with("gemini-3-pro") => "high",
            Some(word) => word,
            None if model.contains("-pro") => "low",
            None => "minimal",
        };
        return json!({ "thinkingLevel": level, "includeThoughts": true });
    }
    let budget = wire::effort_tokens(effort);
    let budget = if model.contains("-pro") { budget.max(128) } else { budget };
    json!({ "thinkingBudget": budget, "includeThoughts": budget > 0 })
}

/// Gemini 3 and later; also what makes structured answers work together with tools.
pub(super) fn takes_level(model: &str) -> bool {
    let major = model.strip_prefix("gemini-").and_then(|rest| rest.split(['.', '-']).next());
    major.and_then(|major| major.parse::<u32>().ok()).is_some_and(|major| major >= 3)
}

/// User and model in turns; results of tools are the user's, and need the name of the function again.
fn contents(endpoint: &Endpoint, history: &[Message]) -> Vec<Value> {
    let mut names: HashMap<&CallId, &str> = HashMap::new();
    let mut out: Vec<(&str, Vec<Value>)> = vec![];
    for message in history {
        names.extend(message.calls().map(|call| (&call.call_id, call.name.as_str())));
        let role = if wire::is_assistant(message) { "model" } else { "user" };
        let mut parts = vec![];
        let mut first_call = true;
        for part in &message.content {
            match part {
                Content::ToolCall(call) => {
                    let mut value = json!({ "functionCall": { "id": call.call_id, "name": call.name, "args": wire::object_arguments(call) } });
                    let signature = wire::opaque(call.opaque.as_ref(), WIRE).cloned();
                    // Only the first of parallel calls is signed.
                    let missing = || (first_call && takes_level(&endpoint.model)).then(|| NO_SIGNATURE.into());
                    if let Some(signature) = signature.or_else(missing) {
                        value["thoughtSignature"] = signature;
                    }
                    first_call = false;
                    parts.push(value);
                }
                Content::ToolResult { call_id, outcome } => {
                    parts.extend(result(call_id, names.get(call_id).copied().unwrap_or("unknown"), outcome));
                }
                other => parts.extend(plain(other)),
            }
        }
        match out.last_mut() {
            Some((same, earlier)) if *same == role => earlier.extend(parts),
            _ if parts.is_empty() => {}
            _ => out.push((role, parts)),
        }
    }
    // Images that came with results follow all of them: the responses must match the calls one by one.
    for (_, parts) in out.iter_mut().filter(|(role, _)| *role == "user") {
        parts.sort_by_key(|part| part.get("functionResponse").is_none());
    }
    out.into_iter().map(|(role, parts)| json!({ "role": role, "parts": parts })).collect()
}

fn plain(part: &Content) -> Option<Value> {
    match part {
        Content::Text { text } if text.is_empty() => None,
        Content::Text { text } => Some(json!({ "text": text })),
        Content::Summary { text, .. } => Some(json!({ "text": wire::summary_text(text) })),
        Content::Image(image) => Some(inline(image)),
        // A signature that came with text, or alone, goes back on an empty text; thoughts themselves do not.
        Content::Reasoning { opaque, .. } => {
            wire::opaque(opaque.as_ref(), WIRE).map(|signature| json!({ "text": "", "thoughtSignature": signature }))
        }
        Content::ToolCall(_) | Content::ToolResult { .. } => None,
    }
}

fn result(id: &CallId, name: &str, outcome: &ToolOutcome) -> impl Iterator<Item = Value> {
    let key = if matches!(outcome, ToolOutcome::Ok { .. }) { "output" } else { "error" };
    let response = json!({ key: wire::result_text(outcome) });
    let response = json!({ "functionResponse": { "id": id, "name": name, "response": response } });
    std::iter::once(response).chain(wire::images(outcome).map(inline))
}

fn inline(image: &Image) -> Value {
    json!({ "inlineData": { "mimeType": image.media_type, "data": image.data } })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Chunk {
    #[serde(default)]
    candidates: Vec<Candidate>,
    prompt_feedback: Option<Feedback>,
    usage_metadata: Option<RawUsage>,
    error: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Candidate {
    content: Option<Parts>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Parts {
    #[serde(default)]
    parts: Vec<Part>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Part {
    text: Option<String>,
    #[serde(default)]
    thought: bool,
    thought_signature: Option<String>,
    function_call: Option<FunctionCall>,
}

#[derive(Deserialize)]
struct FunctionCall {
    id: Option<String>,
    #[serde(default)]
    name: String,
    args: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Feedback {
    block_reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct RawUsage {
    prompt_token_count: u64,
    tool_use_prompt_token_count: u64,
    candidates_token_count: u64,
    thoughts_token_count: u64,
    cached_content_token_count: u64,
}

impl From<RawUsage> for Usage {
    fn from(raw: RawUsage) -> Self {
        Self {
            input_tokens: raw.prompt_token_count + raw.tool_use_prompt_token_count,
            output_tokens: raw.candidates_token_count + raw.thoughts_token_count,
            cached_tokens: raw.cached_content_token_count,
            reasoning_tokens: raw.thoughts_token_count,
            cost: None,
        }
    }
}

#[derive(Default)]
pub(super) struct Decoder {
    finish: Option<String>,
    /// The prompt was refused, whatever the word.
    blocked: bool,
}

impl Decode for Decoder {
    fn event(&mut self, event: &sse::Event<'_>, out: &mut Vec<ModelDelta>) -> Result<(), ModelErrorKind> {
        let data = event.data.trim();
        if data.is_empty() {
            return Ok(());
        }
        let chunk: Chunk = serde_json::from_str(data).map_err(|error| protocol(data, &error))?;
        if let Some(error) = chunk.error.filter(|error| !error.is_null()) {
            return Err(failure::in_stream(&error));
        }
        if let Some(candidate) = chunk.candidates.into_iter().next() {
            for part in candidate.content.into_iter().flat_map(|content| content.parts) {
                part_deltas(part, out);
            }
            self.finish = candidate.finish_reason.or(self.finish.take());
        }
        if let Some(reason) = chunk.prompt_feedback.and_then(|feedback| feedback.block_reason) {
            self.finish = Some(reason);
            self.blocked = true;
        }
        out.extend(chunk.usage_metadata.map(|raw| ModelDelta::Usage(raw.into())));
        Ok(())
    }

    // There is no closing event: the body ends.
    fn end(&mut self, out: &mut Vec<ModelDelta>) {
        let Some(raw) = self.finish.take() else { return };
        let reason = match raw.as_str() {
            _ if self.blocked => StopReason::Filtered,
            "STOP" => StopReason::End,
            "MAX_TOKENS" => StopReason::Length,
            "SAFETY" | "RECITATION" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII" | "IMAGE_SAFETY" => {
                StopReason::Filtered
            }
            _ => StopReason::Other,
        };
        out.push(ModelDelta::Stop { reason, raw });
    }
}

fn part_deltas(part: Part, out: &mut Vec<ModelDelta>) {
    let signature = part.thought_signature.map(|signature| json!({ WIRE: signature }));
    if let Some(call) = part.function_call {
        let call_id = call.id.filter(|id| !id.is_empty()).map_or_else(CallId::new, CallId::from);
        out.push(ModelDelta::ToolCallStart { call_id: call_id.clone(), name: call.name, opaque: signature });
        if let Some(arguments) = call.args {
            out.push(ModelDelta::ToolCallArguments { call_id, delta: arguments.to_string() });
        }
        return;
    }
    let text = part.text.unwrap_or_default();
    if part.thought {
        if !text.is_empty() || signature.is_some() {
            out.push(ModelDelta::Reasoning { text, opaque: signature });
        }
        return;
    }
    if !text.is_empty() {
        out.push(ModelDelta::Text(text));
    }
    if signature.is_some() {
        out.push(ModelDelta::Reasoning { text: String::new(), opaque: signature });
    }
}
