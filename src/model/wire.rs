//! What the wires have in common: the model they speak to, the decoder they give, the pieces of their bodies.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Map, Value, json};

use super::{
    Capabilities, ModelDelta, ModelErrorKind, ModelRequest, Sampling, anthropic, gemini, openai, responses, sse,
};
use crate::{
    config::{
        Secret,
        agent_file::{Effort, Price},
        catalog::{EffortDialect, KnownModel, Provider, Wire},
    },
    domain::{Content, Image, Message, Role, ToolCall, ToolOutcome},
};

/// One model at one provider, with all that its requests need.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub provider: &'static Provider,
    pub wire: Wire,
    /// `PROVIDER/MODEL`.
    pub name: String,
    /// The provider's name for it.
    pub model: String,
    /// Without a slash at its end.
    pub base_url: String,
    /// And where it came from, to tell the user.
    pub key: Option<(Secret, String)>,
    pub headers: BTreeMap<String, Secret>,
    pub extra: Map<String, Value>,
    pub max_output_tokens: Option<u64>,
    pub temperature: Option<f64>,
    pub effort: Option<Effort>,
    pub known: Option<&'static KnownModel>,
    pub capabilities: Capabilities,
    pub price: Option<Price>,
    pub timeout: Duration,
    pub idle_timeout: Duration,
}

/// Reads the events of one answer. Pure: knows no clock and no connection.
pub(super) trait Decode: Send {
    /// Reads `event` and appends what it says to `out`.
    ///
    /// # Errors
    /// An error object of the provider, or an event that is not of the protocol.
    fn event(&mut self, event: &sse::Event<'_>, out: &mut Vec<ModelDelta>) -> Result<(), ModelErrorKind>;

    /// The body ended: appends the `Stop` of an answer that is whole without a closing event.
    fn end(&mut self, out: &mut Vec<ModelDelta>);
}

impl Endpoint {
    /// The address a request is sent to.
    pub(super) fn url(&self) -> String {
        let base = &self.base_url;
        match self.wire {
            Wire::Chat | Wire::Demo => format!("{base}/chat/completions"),
            Wire::Responses => format!("{base}/responses"),
            // The SDKs' base URL has no version; those of many gateways have.
            Wire::Anthropic => format!("{}/v1/messages", base.strip_suffix("/v1").unwrap_or(base)),
            Wire::Gemini => format!("{base}/models/{}:streamGenerateContent?alt=sse", self.model),
        }
    }

    /// The address of the list of models, which the key opens and which costs nothing.
    pub(super) fn models_url(&self) -> String {
        let base = &self.base_url;
        match self.wire {
            Wire::Chat | Wire::Responses | Wire::Demo => format!("{base}/models"),
            Wire::Anthropic => format!("{}/v1/models?limit=1", base.strip_suffix("/v1").unwrap_or(base)),
            Wire::Gemini => format!("{base}/models?pageSize=1"),
        }
    }

    /// The headers that carry the key and the protocol's version.
    pub(super) fn protocol_headers(&self) -> Vec<(&'static str, String)> {
        let key = |header: &'static str, prefix: &str| {
            self.key.as_ref().map(|(key, _)| (header, format!("{prefix}{}", key.expose())))
        };
        match self.wire {
            Wire::Chat | Wire::Responses | Wire::Demo => key("authorization", "Bearer ").into_iter().collect(),
            Wire::Anthropic => {
                let version = ("anthropic-version", "2023-06-01".to_owned());
                key("x-api-key", "").into_iter().chain([version]).collect()
            }
            Wire::Gemini => key("x-goog-api-key", "").into_iter().collect(),
        }
    }

    /// The body of a request, with the agent file's `extra` merged over it.
    ///
    /// # Errors
    /// [`ModelErrorKind::Unsupported`] where the model cannot do what is asked.
    pub(super) fn body(&self, request: &ModelRequest) -> Result<Value, ModelErrorKind> {
        if !self.capabilities.images && request.messages.iter().any(has_image) {
            let message = format!("`{}` cannot see images", self.name);
            return Err(ModelErrorKind::Unsupported { message });
        }
        if self.wire == Wire::Responses && !request.sampling.stop.is_empty() {
            // Which would go on past them.
            let message = format!("`{}` cannot be given stop sequences: its API has none", self.name);
            return Err(ModelErrorKind::Unsupported { message });
        }
        let mut body = match self.wire {
            Wire::Chat | Wire::Demo => openai::body(self, request),
            Wire::Responses => responses::body(self, request),
            Wire::Anthropic => anthropic::body(self, request),
            Wire::Gemini => gemini::body(self, request),
        };
        merge(&mut body, &self.extra);
        Ok(Value::Object(body))
    }

    /// What the request asks for and [`Endpoint::body`] leaves out, because the provider would refuse the whole for it.
    pub(super) fn left_out(&self, request: &ModelRequest) -> Option<String> {
        match self.wire {
            Wire::Anthropic => anthropic::left_out(self, request),
            Wire::Chat | Wire::Responses | Wire::Gemini | Wire::Demo => None,
        }
    }

    /// What holds for the request: what it says itself, else what the agent file says.
    pub(super) fn sampling(&self, request: &ModelRequest) -> Sampling {
        let Sampling { temperature, top_p, max_output_tokens, stop } = &request.sampling;
        Sampling {
            // Providers want one of the two, and some refuse both.
            temperature: temperature.or(self.temperature.filter(|_| top_p.is_none())),
            top_p: *top_p,
            max_output_tokens: max_output_tokens.or(self.max_output_tokens),
            stop: stop.clone(),
        }
    }

    pub(super) fn decoder(&self) -> Box<dyn Decode> {
        match self.wire {
            Wire::Chat | Wire::Demo => Box::<openai::Decoder>::default(),
            Wire::Responses => Box::<responses::Decoder>::default(),
            Wire::Anthropic => Box::<anthropic::Decoder>::default(),
            Wire::Gemini => Box::<gemini::Decoder>::default(),
        }
    }

    /// Whether the model thinks before it answers, as far as its name tells.
    pub(super) fn reasons(&self) -> bool {
        let by_name = || {
            let name = self.model.as_str();
            let o_series = name.strip_prefix('o').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
            let gpt = name.strip_prefix("gpt-").and_then(|rest| rest.split(['.', '-']).next());
            let chat = name.contains("-chat");
            o_series || (!chat && gpt.and_then(|major| major.parse::<u32>().ok()).is_some_and(|major| major >= 5))
        };
        self.known.map_or_else(by_name, |known| known.reasoning)
    }
}

/// The budgets that stand for an effort where a provider counts thinking in tokens.
pub(super) fn effort_tokens(effort: Effort) -> u64 {
    match effort {
        Effort::None => 0,
        Effort::Low => 2_048,
        Effort::Medium => 8_192,
        Effort::High => 24_576,
        Effort::Tokens(tokens) => tokens,
    }
}

/// The word that stands for an effort where a provider wants one; a number becomes the nearest. `None` for no thinking.
pub(super) fn effort_word(effort: Effort) -> Option<&'static str> {
    match effort {
        Effort::None | Effort::Tokens(0) => None,
        Effort::Low => Some("low"),
        Effort::Medium => Some("medium"),
        Effort::High => Some("high"),
        Effort::Tokens(tokens) if tokens <= 4_096 => Some("low"),
        Effort::Tokens(tokens) if tokens <= 16_384 => Some("medium"),
        Effort::Tokens(_) => Some("high"),
    }
}

/// OpenAI's word for no thinking depends on the model: `none` came with gpt-5.1, `minimal` with gpt-5, and the o-series
/// always thinks (the words of each model are those that models.dev lists, 2026-07-02).
pub(super) fn openai_effort(model: &str, effort: Effort) -> &'static str {
    effort_word(effort).unwrap_or_else(|| match model.strip_prefix("gpt-5") {
        Some(rest) if !rest.starts_with('.') => "minimal",
        _ if model.starts_with('o') => "low",
        _ => "none",
    })
}

/// Adds what the dialect says for `effort` to a body of chat completions.
pub(super) fn set_effort(body: &mut Map<String, Value>, endpoint: &Endpoint, effort: Effort) {
    let on = effort_word(effort).is_some();
    match endpoint.provider.dialect.effort {
        EffortDialect::ReasoningEffort => {
            body.insert("reasoning_effort".into(), openai_effort(&endpoint.model, effort).into());
        }
        EffortDialect::EnableThinking => {
            body.insert("enable_thinking".into(), on.into());
            if on {
                body.insert("thinking_budget".into(), effort_tokens(effort).into());
            }
        }
        EffortDialect::Thinking { words } => {
            body.insert("thinking".into(), json!({ "type": if on { "enabled" } else { "disabled" } }));
            if let Some(word) = effort_word(effort).filter(|_| words) {
                body.insert("reasoning_effort".into(), word.into());
            }
        }
        EffortDialect::TemplateArguments => {
            body.insert("chat_template_kwargs".into(), json!({ "enable_thinking": on }));
        }
    }
}

/// Merges `over` into `body`: objects by key, everything else replaced.
pub(super) fn merge(body: &mut Map<String, Value>, over: &Map<String, Value>) {
    for (key, value) in over {
        match (body.get_mut(key), value) {
            (Some(Value::Object(inner)), Value::Object(over)) => merge(inner, over),
            _ => {
                body.insert(key.clone(), value.clone());
            }
        }
    }
}

fn has_image(message: &Message) -> bool {
    message.content.iter().any(|part| match part {
        Content::Image(_) => true,
        Content::ToolResult { outcome, .. } => images(outcome).next().is_some(),
        Content::Text { .. } | Content::Reasoning { .. } | Content::ToolCall(_) | Content::Summary { .. } => false,
    })
}

/// The images of a tool's result.
pub(super) fn images(outcome: &ToolOutcome) -> impl Iterator<Item = &Image> {
    let content = match outcome {
        ToolOutcome::Ok { content } => content.as_slice(),
        ToolOutcome::Failed { .. } | ToolOutcome::Denied { .. } | ToolOutcome::Canceled => &[],
    };
    content.iter().filter_map(|part| match part {
        Content::Image(image) => Some(image),
        _ => None,
    })
}

/// What a model is told of a result; no provider takes an empty one.
pub(super) fn result_text(outcome: &ToolOutcome) -> String {
    let text = outcome.text();
    match (text.is_empty(), images(outcome).next()) {
        (true, Some(_)) => "(see the image)".to_owned(),
        (true, None) => "(no output)".to_owned(),
        (false, _) => text,
    }
}

/// How a summary of earlier messages is told to a model.
pub(super) fn summary_text(text: &str) -> String {
    format!("Summary of the conversation so far:\n\n{text}")
}

pub(super) fn data_url(image: &Image) -> String {
    format!("data:{};base64,{}", image.media_type, image.data)
}

/// The arguments as the object that every provider insists on, also where the model had written something else.
pub(super) fn object_arguments(call: &ToolCall) -> Value {
    match &call.arguments {
        Value::Object(_) => call.arguments.clone(),
        Value::Null => json!({}),
        other => json!({ "invalid_arguments": other }),
    }
}

/// The part of a reasoning's `opaque` that `wire` put there.
pub(super) fn opaque<'a>(opaque: Option<&'a Value>, wire: &str) -> Option<&'a Value> {
    opaque.and_then(|value| value.get(wire))
}

/// The roles as most providers spell them: results of tools come from the user.
pub(super) fn is_assistant(message: &Message) -> bool {
    message.role == Role::Assistant
}

/// A closed object schema whose every property is required: what OpenAI's strict mode takes.
pub(super) fn strict(schema: &Value) -> bool {
    match schema {
        Value::Object(object) => {
            let is_object =
                object.get("type").is_some_and(|kind| kind == "object") || object.contains_key("properties");
            let closed = object.get("additionalProperties") == Some(&Value::Bool(false));
            let required = |name: &String| {
                object.get("required").and_then(Value::as_array).is_some_and(|list| list.iter().any(|r| r == name))
            };
            let properties = object.get("properties").and_then(Value::as_object);
            let all_required = properties.is_none_or(|map| map.keys().all(required));
            (!is_object || (closed && all_required)) && object.values().all(strict)
        }
        Value::Array(items) => items.iter().all(strict),
        _ => true,
    }
}

#[cfg(test)]
mod tests;
