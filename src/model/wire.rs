//! What the wires have in common: the model they speak to, the decoder they give, the pieces of their bodies.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Map, Value, json};

use super::{
    Capabilities, ModelDelta, ModelErrorKind, ModelRequest, anthropic,
    catalog::{EffortDialect, KnownModel, Provider, Wire},
    gemini, openai, responses, sse,
};
use crate::{
    config::{
        Secret,
        agent_file::{Effort, Price},
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
        let mut body = match self.wire {
            Wire::Chat | Wire::Demo => openai::body(self, request),
            Wire::Responses => responses::body(self, request),
            Wire::Anthropic => anthropic::body(self, request),
            Wire::Gemini => gemini::body(self, request),
        };
        merge(&mut body, &self.extra);
        Ok(Value::Object(body))
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
/// always thinks (developers.openai.com/api/docs/guides/reasoning, read 2026-11).
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
        EffortDialect::Thinking => {
            body.insert("thinking".into(), json!({ "type": if on { "enabled" } else { "disabled" } }));
        }
        EffortDialect::TemplateArguments => {
            body.insert("chat_template_kwargs".into(), json!({ "enable_thinking": on }));
        }
    }
}

/// Merges `over` into `body`: objects by key, everything else replaced.
fn merge(body: &mut Map<String, Value>, over: &Map<String, Value>) {
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
mod tests {
    use super::*;
    use crate::{
        config::{Env, Keys, Paths, agent_file::ModelSpec},
        domain::{CallId, DeniedBy, Effect, ToolSpec},
        model::{ToolChoice, catalog, open},
    };

    fn endpoint(provider: &str, model: &str, more: Value) -> Endpoint {
        let env = Env::fake("/", &[("AGENTSCOPE_HOME", "/nowhere")]);
        let keys = Keys::load(&env, &Paths::new(&env), None).unwrap();
        let mut spec = json!({ "provider": provider, "model": model, "api_key": "sk-1" });
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let spec: ModelSpec = serde_json::from_value(spec).unwrap();
        open::endpoint(catalog::provider(provider).unwrap(), &spec, &keys).unwrap()
    }

    fn call(id: &str, name: &str, arguments: Value, opaque: Option<Value>) -> Content {
        Content::ToolCall(ToolCall { call_id: CallId::from(id), name: name.to_owned(), arguments, opaque })
    }

    fn result(id: &str, outcome: ToolOutcome) -> Message {
        Message::tool_result(CallId::from(id), outcome)
    }

    /// A summary, an image, reasoning of every wire, parallel calls of which one is no JSON, results with an image and
    /// of every failure, a last question.
    fn conversation() -> ModelRequest {
        let png = Image { media_type: "image/png".to_owned(), data: "iVBORw0=".to_owned() };
        let reasoning = |wire: &str, opaque: Value| Content::Reasoning {
            text: format!("thought of {wire}"),
            opaque: Some(json!({ wire: opaque })),
        };
        let with_image = ToolOutcome::Ok { content: vec![Content::text("3 degrees"), Content::Image(png.clone())] };
        ModelRequest {
            instructions: "Be brief.".to_owned(),
            messages: vec![
                Message {
                    role: Role::User,
                    content: vec![
                        Content::Summary { text: "They spoke of cities.".to_owned(), keep: 0 },
                        Content::text("What is this?"),
                        Content::Image(png),
                    ],
                },
                Message {
                    role: Role::Assistant,
                    content: vec![
                        reasoning("anthropic", json!({ "signature": "sig" })),
                        reasoning(
                            "responses",
                            json!({ "type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "enc" }),
                        ),
                        reasoning("gemini", json!("signed")),
                        Content::text("Let me look."),
                        call("call_1", "weather", json!({ "city": "Oslo" }), Some(json!({ "gemini": "call-sig" }))),
                        call("call_2", "weather", json!("{city: Rome"), None),
                        call("call_3", "weather", json!({}), None),
                    ],
                },
                result("call_1", with_image),
                result("call_2", ToolOutcome::Failed { error: "not JSON".to_owned() }),
                result("call_3", ToolOutcome::Denied { by: DeniedBy::User, reason: String::new() }),
                Message::assistant(""),
                Message::user("And now?"),
            ],
            tools: vec![ToolSpec {
                name: "weather".to_owned(),
                description: "Weather of a city".to_owned(),
                parameters: json!({ "type": "object", "properties": { "city": { "type": "string" } } }),
                effect: Effect::Reads,
                rule_name: None,
            }],
            ..ModelRequest::default()
        }
    }

    fn body(provider: &str, model: &str, more: Value, request: &ModelRequest) -> String {
        serde_json::to_string_pretty(&endpoint(provider, model, more).body(request).unwrap()).unwrap()
    }

    #[test]
    fn a_conversation_over_chat_completions() {
        insta::assert_snapshot!(body("ollama", "m", json!({}), &conversation()), @r#"
        {
          "model": "m",
          "messages": [
            {
              "role": "system",
              "content": "Be brief."
            },
            {
              "role": "user",
              "content": [
                {
                  "type": "text",
                  "text": "Summary of the conversation so far:\n\nThey spoke of cities."
                },
                {
                  "type": "text",
                  "text": "What is this?"
                },
                {
                  "type": "image_url",
                  "image_url": {
                    "url": "data:image/png;base64,iVBORw0="
                  }
                }
              ]
            },
            {
              "role": "assistant",
              "content": "Let me look.",
              "tool_calls": [
                {
                  "id": "call_1",
                  "type": "function",
                  "function": {
                    "name": "weather",
                    "arguments": "{\"city\":\"Oslo\"}"
                  }
                },
                {
                  "id": "call_2",
                  "type": "function",
                  "function": {
                    "name": "weather",
                    "arguments": "{\"invalid_arguments\":\"{city: Rome\"}"
                  }
                },
                {
                  "id": "call_3",
                  "type": "function",
                  "function": {
                    "name": "weather",
                    "arguments": "{}"
                  }
                }
              ]
            },
            {
              "role": "tool",
              "tool_call_id": "call_1",
              "content": "3 degrees"
            },
            {
              "role": "tool",
              "tool_call_id": "call_2",
              "content": "Error: not JSON"
            },
            {
              "role": "tool",
              "tool_call_id": "call_3",
              "content": "Denied: this call was not allowed."
            },
            {
              "role": "user",
              "content": [
                {
                  "type": "text",
                  "text": "The images that the tools returned:"
                },
                {
                  "type": "image_url",
                  "image_url": {
                    "url": "data:image/png;base64,iVBORw0="
                  }
                }
              ]
            },
            {
              "role": "user",
              "content": "And now?"
            }
          ],
          "stream": true,
          "stream_options": {
            "include_usage": true
          },
          "tools": [
            {
              "type": "function",
              "function": {
                "name": "weather",
                "description": "Weather of a city",
                "parameters": {
                  "type": "object",
                  "properties": {
                    "city": {
                      "type": "string"
                    }
                  }
                }
              }
            }
          ]
        }
        "#);
    }

    #[test]
    fn a_conversation_over_responses() {
        insta::assert_snapshot!(body("openai", "gpt-5-mini", json!({}), &conversation()), @r#"
        {
          "model": "gpt-5-mini",
          "instructions": "Be brief.",
          "input": [
            {
              "role": "user",
              "content": [
                {
                  "type": "input_text",
                  "text": "Summary of the conversation so far:\n\nThey spoke of cities."
                },
                {
                  "type": "input_text",
                  "text": "What is this?"
                },
                {
                  "type": "input_image",
                  "image_url": "data:image/png;base64,iVBORw0="
                }
              ]
            },
            {
              "type": "reasoning",
              "id": "rs_1",
              "summary": [],
              "encrypted_content": "enc"
            },
            {
              "type": "message",
              "role": "assistant",
              "content": [
                {
                  "type": "output_text",
                  "text": "Let me look."
                }
              ]
            },
            {
              "type": "function_call",
              "call_id": "call_1",
              "name": "weather",
              "arguments": "{\"city\":\"Oslo\"}"
            },
            {
              "type": "function_call",
              "call_id": "call_2",
              "name": "weather",
              "arguments": "{\"invalid_arguments\":\"{city: Rome\"}"
            },
            {
              "type": "function_call",
              "call_id": "call_3",
              "name": "weather",
              "arguments": "{}"
            },
            {
              "type": "function_call_output",
              "call_id": "call_1",
              "output": [
                {
                  "type": "input_text",
                  "text": "3 degrees"
                },
                {
                  "type": "input_image",
                  "image_url": "data:image/png;base64,iVBORw0="
                }
              ]
            },
            {
              "type": "function_call_output",
              "call_id": "call_2",
              "output": "Error: not JSON"
            },
            {
              "type": "function_call_output",
              "call_id": "call_3",
              "output": "Denied: this call was not allowed."
            },
            {
              "role": "user",
              "content": [
                {
                  "type": "input_text",
                  "text": "And now?"
                }
              ]
            }
          ],
          "stream": true,
          "store": false,
          "include": [
            "reasoning.encrypted_content"
          ],
          "tools": [
            {
              "type": "function",
              "name": "weather",
              "description": "Weather of a city",
              "parameters": {
                "type": "object",
                "properties": {
                  "city": {
                    "type": "string"
                  }
                }
              },
              "strict": false
            }
          ]
        }
        "#);
    }

    #[test]
    fn a_conversation_with_anthropic() {
        insta::assert_snapshot!(body("anthropic", "claude-sonnet-4-5", json!({}), &conversation()), @r#"
        {
          "model": "claude-sonnet-4-5",
          "max_tokens": 32000,
          "stream": true,
          "system": [
            {
              "type": "text",
              "text": "Be brief.",
              "cache_control": {
                "type": "ephemeral"
              }
            }
          ],
          "tools": [
            {
              "name": "weather",
              "description": "Weather of a city",
              "input_schema": {
                "type": "object",
                "properties": {
                  "city": {
                    "type": "string"
                  }
                }
              },
              "cache_control": {
                "type": "ephemeral"
              }
            }
          ],
          "messages": [
            {
              "role": "user",
              "content": [
                {
                  "type": "text",
                  "text": "Summary of the conversation so far:\n\nThey spoke of cities."
                },
                {
                  "type": "text",
                  "text": "What is this?"
                },
                {
                  "type": "image",
                  "source": {
                    "type": "base64",
                    "media_type": "image/png",
                    "data": "iVBORw0="
                  }
                }
              ]
            },
            {
              "role": "assistant",
              "content": [
                {
                  "type": "thinking",
                  "thinking": "thought of anthropic",
                  "signature": "sig"
                },
                {
                  "type": "text",
                  "text": "Let me look."
                },
                {
                  "type": "tool_use",
                  "id": "call_1",
                  "name": "weather",
                  "input": {
                    "city": "Oslo"
                  }
                },
                {
                  "type": "tool_use",
                  "id": "call_2",
                  "name": "weather",
                  "input": {
                    "invalid_arguments": "{city: Rome"
                  }
                },
                {
                  "type": "tool_use",
                  "id": "call_3",
                  "name": "weather",
                  "input": {}
                }
              ]
            },
            {
              "role": "user",
              "content": [
                {
                  "type": "tool_result",
                  "tool_use_id": "call_1",
                  "content": [
                    {
                      "type": "text",
                      "text": "3 degrees"
                    },
                    {
                      "type": "image",
                      "source": {
                        "type": "base64",
                        "media_type": "image/png",
                        "data": "iVBORw0="
                      }
                    }
                  ]
                },
                {
                  "type": "tool_result",
                  "tool_use_id": "call_2",
                  "content": [
                    {
                      "type": "text",
                      "text": "Error: not JSON"
                    }
                  ],
                  "is_error": true
                },
                {
                  "type": "tool_result",
                  "tool_use_id": "call_3",
                  "content": [
                    {
                      "type": "text",
                      "text": "Denied: this call was not allowed."
                    }
                  ],
                  "is_error": true
                },
                {
                  "type": "text",
                  "text": "And now?",
                  "cache_control": {
                    "type": "ephemeral"
                  }
                }
              ]
            }
          ]
        }
        "#);
    }

    #[test]
    fn a_conversation_with_gemini() {
        insta::assert_snapshot!(body("gemini", "gemini-3-pro-preview", json!({}), &conversation()), @r#"
        {
          "systemInstruction": {
            "parts": [
              {
                "text": "Be brief."
              }
            ]
          },
          "contents": [
            {
              "role": "user",
              "parts": [
                {
                  "text": "Summary of the conversation so far:\n\nThey spoke of cities."
                },
                {
                  "text": "What is this?"
                },
                {
                  "inlineData": {
                    "mimeType": "image/png",
                    "data": "iVBORw0="
                  }
                }
              ]
            },
            {
              "role": "model",
              "parts": [
                {
                  "text": "",
                  "thoughtSignature": "signed"
                },
                {
                  "text": "Let me look."
                },
                {
                  "functionCall": {
                    "name": "weather",
                    "args": {
                      "city": "Oslo"
                    }
                  },
                  "thoughtSignature": "call-sig"
                },
                {
                  "functionCall": {
                    "name": "weather",
                    "args": {
                      "invalid_arguments": "{city: Rome"
                    }
                  }
                },
                {
                  "functionCall": {
                    "name": "weather",
                    "args": {}
                  }
                }
              ]
            },
            {
              "role": "user",
              "parts": [
                {
                  "functionResponse": {
                    "name": "weather",
                    "response": {
                      "output": "3 degrees"
                    }
                  }
                },
                {
                  "inlineData": {
                    "mimeType": "image/png",
                    "data": "iVBORw0="
                  }
                },
                {
                  "functionResponse": {
                    "name": "weather",
                    "response": {
                      "error": "Error: not JSON"
                    }
                  }
                },
                {
                  "functionResponse": {
                    "name": "weather",
                    "response": {
                      "error": "Denied: this call was not allowed."
                    }
                  }
                },
                {
                  "text": "And now?"
                }
              ]
            }
          ],
          "tools": [
            {
              "functionDeclarations": [
                {
                  "name": "weather",
                  "description": "Weather of a city",
                  "parametersJsonSchema": {
                    "type": "object",
                    "properties": {
                      "city": {
                        "type": "string"
                      }
                    }
                  }
                }
              ]
            }
          ]
        }
        "#);
    }

    /// What the keys of an agent file become, beside the messages.
    #[test]
    fn settings_on_every_wire() {
        let schema = json!({ "type": "object", "properties": { "a": { "type": "string" } }, "required": ["a"], "additionalProperties": false });
        let request = ModelRequest {
            messages: vec![Message::user("hi")],
            tools: conversation().tools,
            tool_choice: ToolChoice::Tool("weather".to_owned()),
            output_schema: Some(schema),
            ..ModelRequest::default()
        };
        let free = ModelRequest { messages: vec![Message::user("hi")], ..ModelRequest::default() };
        let all = json!({ "max_output_tokens": 4000, "temperature": 0.2, "effort": "low", "extra": { "top_k": 20, "temperature": 0.3 } });
        let high =
            json!({ "max_output_tokens": "20k", "effort": "high", "extra": { "generationConfig": { "seed": 1 } } });
        let mut text = String::new();
        for (provider, model, settings, request) in [
            ("openai", "gpt-5-mini", &all, &request),
            ("openai", "gpt-5.1", &json!({ "effort": "none" }), &free),
            (
                "openai-compatible",
                "m",
                &{
                    let mut all = all.clone();
                    all["base_url"] = "http://h/v1".into();
                    all
                },
                &request,
            ),
            ("dashscope", "qwen-plus", &all, &free),
            ("deepseek", "deepseek-chat", &all, &free),
            ("vllm", "m", &json!({ "effort": "none" }), &free),
            ("anthropic", "claude-sonnet-4-5", &all, &request),
            ("anthropic", "claude-sonnet-4-5", &high, &free),
            ("anthropic", "claude-opus-4-7", &high, &free),
            ("anthropic", "claude-sonnet-4-5", &json!({ "effort": 40000 }), &free),
            ("gemini", "gemini-2.5-pro", &high, &free),
            ("gemini", "gemini-3-pro-preview", &all, &request),
        ] {
            let mut body = endpoint(provider, model, settings.clone()).body(request).unwrap();
            for key in ["messages", "input", "contents", "tools"] {
                body.as_object_mut().unwrap().remove(key);
            }
            text += &format!("{provider}: {body}\n");
        }
        insta::assert_snapshot!(text, @r#"
        openai: {"model":"gpt-5-mini","top_k":20,"stream":true,"store":false,"include":["reasoning.encrypted_content"],"reasoning":{"effort":"low","summary":"auto"},"tool_choice":{"type":"function","name":"weather"},"text":{"format":{"type":"json_schema","name":"answer","schema":{"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false},"strict":true}},"max_output_tokens":4000,"temperature":0.3}
        openai: {"model":"gpt-5.1","reasoning":{"effort":"none"},"stream":true,"store":false,"include":["reasoning.encrypted_content"]}
        openai-compatible: {"model":"m","top_k":20,"stream":true,"stream_options":{"include_usage":true},"reasoning_effort":"low","tool_choice":{"type":"function","function":{"name":"weather"}},"response_format":{"type":"json_schema","json_schema":{"name":"answer","schema":{"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false},"strict":true}},"max_tokens":4000,"temperature":0.3}
        dashscope: {"model":"qwen-plus","top_k":20,"stream":true,"stream_options":{"include_usage":true},"max_tokens":4000,"temperature":0.3,"enable_thinking":true,"thinking_budget":2048}
        deepseek: {"model":"deepseek-chat","top_k":20,"stream":true,"stream_options":{"include_usage":true},"max_tokens":4000,"temperature":0.3,"thinking":{"type":"enabled"}}
        vllm: {"model":"m","chat_template_kwargs":{"enable_thinking":false},"stream":true,"stream_options":{"include_usage":true}}
        anthropic: {"model":"claude-sonnet-4-5","max_tokens":4000,"stream":true,"temperature":0.3,"tool_choice":{"type":"tool","name":"weather"},"top_k":20}
        anthropic: {"model":"claude-sonnet-4-5","max_tokens":20000,"stream":true,"generationConfig":{"seed":1},"thinking":{"type":"enabled","budget_tokens":10000}}
        anthropic: {"model":"claude-opus-4-7","max_tokens":20000,"stream":true,"generationConfig":{"seed":1},"thinking":{"type":"adaptive"},"output_config":{"effort":"high"}}
        anthropic: {"model":"claude-sonnet-4-5","max_tokens":72000,"stream":true,"thinking":{"type":"enabled","budget_tokens":40000}}
        gemini: {"generationConfig":{"maxOutputTokens":20000,"thinkingConfig":{"thinkingBudget":24576,"includeThoughts":true},"seed":1}}
        gemini: {"temperature":0.3,"top_k":20,"toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["weather"]}},"generationConfig":{"maxOutputTokens":4000,"temperature":0.2,"responseMimeType":"application/json","responseJsonSchema":{"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false},"thinkingConfig":{"thinkingLevel":"low","includeThoughts":true}}}
        "#);
    }

    #[test]
    fn thoughts_of_the_running_turn_go_back_to_those_who_want_them() {
        let mut request = conversation();
        request.messages.truncate(5);
        let body = endpoint("moonshot", "kimi-k2-thinking", json!({})).body(&request);
        // It sees no images.
        assert!(matches!(body, Err(ModelErrorKind::Unsupported { .. })));
        request.messages[0].content.pop();
        request.messages.remove(2);
        let body = endpoint("moonshot", "kimi-k2-thinking", json!({})).body(&request).unwrap();
        assert_eq!(
            body["messages"][2]["reasoning_content"],
            "thought of anthropicthought of responsesthought of gemini"
        );
        request.messages.push(Message::user("next turn"));
        let body = endpoint("moonshot", "kimi-k2-thinking", json!({})).body(&request).unwrap();
        assert_eq!(body["messages"][2].get("reasoning_content"), None);
    }

    #[test]
    fn strict_is_only_said_of_schemas_that_are() {
        let closed = json!({ "type": "object", "properties": { "a": { "type": "string" } }, "required": ["a"], "additionalProperties": false });
        assert!(strict(&closed));
        assert!(strict(&json!({ "type": "array", "items": closed })));
        assert!(!strict(&json!({ "type": "object", "properties": { "a": {} }, "required": ["a"] })));
        assert!(!strict(&json!({ "type": "object", "properties": { "a": {} }, "additionalProperties": false })));
    }
}
