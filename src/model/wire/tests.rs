//! The body of a request on every wire: one conversation with everything in it, and the keys of an agent file.

use super::*;
use crate::{
    config::{Env, Keys, Paths, agent_file::ModelSpec, catalog},
    domain::{CallId, DeniedBy, Effect, ToolSpec},
    model::{Sampling, ToolChoice, open},
};

fn endpoint(provider: &str, model: &str, more: &Value) -> Endpoint {
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
            Message::new(
                Role::User,
                vec![
                    Content::Summary { text: "They spoke of cities.".to_owned(), keep: 0 },
                    Content::text("What is this?"),
                    Content::Image(png),
                ],
            ),
            Message::new(
                Role::Assistant,
                vec![
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
            ),
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

fn body(provider: &str, model: &str, more: &Value, request: &ModelRequest) -> String {
    serde_json::to_string_pretty(&endpoint(provider, model, more).body(request).unwrap()).unwrap()
}

#[test]
fn a_conversation_over_chat_completions() {
    insta::assert_snapshot!(body("ollama", "m", &json!({}), &conversation()), @r#"
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
    insta::assert_snapshot!(body("openai", "gpt-5-mini", &json!({}), &conversation()), @r#"
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
    insta::assert_snapshot!(body("anthropic", "claude-sonnet-4-5", &json!({}), &conversation()), @r#"
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
    insta::assert_snapshot!(body("gemini", "gemini-3-pro-preview", &json!({}), &conversation()), @r#"
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
                "id": "call_1",
                "name": "weather",
                "args": {
                  "city": "Oslo"
                }
              },
              "thoughtSignature": "call-sig"
            },
            {
              "functionCall": {
                "id": "call_2",
                "name": "weather",
                "args": {
                  "invalid_arguments": "{city: Rome"
                }
              }
            },
            {
              "functionCall": {
                "id": "call_3",
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
                "id": "call_1",
                "name": "weather",
                "response": {
                  "output": "3 degrees"
                }
              }
            },
            {
              "functionResponse": {
                "id": "call_2",
                "name": "weather",
                "response": {
                  "error": "Error: not JSON"
                }
              }
            },
            {
              "functionResponse": {
                "id": "call_3",
                "name": "weather",
                "response": {
                  "error": "Denied: this call was not allowed."
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
    let with_schema = ModelRequest { output_schema: request.output_schema.clone(), ..free.clone() };
    let all = json!({ "max_output_tokens": 4000, "temperature": 0.2, "effort": "low", "extra": { "top_k": 20, "temperature": 0.3 } });
    let high = json!({ "max_output_tokens": "20k", "effort": "high", "extra": { "generationConfig": { "seed": 1 } } });
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
        ("deepseek", "deepseek-v4-flash", &all, &free),
        ("vllm", "m", &json!({ "effort": "none" }), &free),
        ("anthropic", "claude-sonnet-4-5", &all, &request),
        ("anthropic", "claude-sonnet-4-5", &high, &free),
        ("anthropic", "claude-opus-4-7", &high, &free),
        ("anthropic", "claude-sonnet-5-5", &json!({ "effort": "low" }), &with_schema),
        ("anthropic", "claude-sonnet-5-5", &json!({ "effort": "none" }), &free),
        ("anthropic", "claude-opus-5-5", &json!({ "effort": "none" }), &with_schema),
        ("anthropic", "claude-opus-5-5", &json!({ "effort": "low" }), &request),
        ("anthropic", "claude-opus-5", &json!({ "effort": "none" }), &free),
        ("anthropic", "claude-sonnet-4-6", &json!({ "effort": "none" }), &free),
        ("anthropic", "claude-sonnet-4-5", &json!({ "effort": 40000 }), &free),
        ("gemini", "gemini-2.5-pro", &high, &free),
        ("gemini", "gemini-3-pro-preview", &all, &request),
        ("gemini", "gemini-3.1-pro-preview", &json!({ "effort": "medium" }), &free),
        ("gemini", "gemini-3.5-flash", &json!({ "effort": "none" }), &free),
    ] {
        let mut body = endpoint(provider, model, settings).body(request).unwrap();
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
    deepseek: {"model":"deepseek-v4-flash","top_k":20,"stream":true,"stream_options":{"include_usage":true},"max_tokens":4000,"temperature":0.3,"thinking":{"type":"enabled"},"reasoning_effort":"low"}
    vllm: {"model":"m","chat_template_kwargs":{"enable_thinking":false},"stream":true,"stream_options":{"include_usage":true}}
    anthropic: {"model":"claude-sonnet-4-5","max_tokens":4000,"stream":true,"temperature":0.3,"tool_choice":{"type":"tool","name":"weather"},"top_k":20,"output_config":{"format":{"type":"json_schema","schema":{"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false}}}}
    anthropic: {"model":"claude-sonnet-4-5","max_tokens":20000,"stream":true,"generationConfig":{"seed":1},"thinking":{"type":"enabled","budget_tokens":10000}}
    anthropic: {"model":"claude-opus-4-7","max_tokens":20000,"stream":true,"generationConfig":{"seed":1},"thinking":{"type":"adaptive","display":"summarized"},"output_config":{"effort":"high"}}
    anthropic: {"model":"claude-sonnet-5-5","max_tokens":32000,"stream":true,"output_config":{"effort":"low","format":{"type":"json_schema","schema":{"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false}}},"thinking":{"type":"adaptive","display":"summarized"}}
    anthropic: {"model":"claude-sonnet-5-5","max_tokens":32000,"stream":true,"thinking":{"type":"between_tools"}}
    anthropic: {"model":"claude-opus-5-5","max_tokens":32000,"stream":true,"output_config":{"effort":"low","format":{"type":"json_schema","schema":{"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false}}}}
    anthropic: {"model":"claude-opus-5-5","max_tokens":32000,"stream":true,"thinking":{"type":"adaptive","display":"summarized"},"output_config":{"effort":"low","format":{"type":"json_schema","schema":{"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false}}}}
    anthropic: {"model":"claude-opus-5","max_tokens":32000,"stream":true,"thinking":{"type":"disabled"}}
    anthropic: {"model":"claude-sonnet-4-6","max_tokens":32000,"stream":true}
    anthropic: {"model":"claude-sonnet-4-5","max_tokens":72000,"stream":true,"thinking":{"type":"enabled","budget_tokens":40000}}
    gemini: {"generationConfig":{"maxOutputTokens":20000,"thinkingConfig":{"thinkingBudget":24576,"includeThoughts":true},"seed":1}}
    gemini: {"temperature":0.3,"top_k":20,"toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["weather"]}},"generationConfig":{"maxOutputTokens":4000,"temperature":0.2,"responseMimeType":"application/json","responseJsonSchema":{"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false},"thinkingConfig":{"thinkingLevel":"low","includeThoughts":true}}}
    gemini: {"generationConfig":{"thinkingConfig":{"thinkingLevel":"medium","includeThoughts":true}}}
    gemini: {"generationConfig":{"thinkingConfig":{"thinkingLevel":"minimal","includeThoughts":true}}}
    "#);
}

/// What the caller of a turn wants besides, or instead.
#[test]
fn sampling_on_every_wire() {
    let all = Sampling {
        temperature: Some(0.9),
        top_p: Some(0.8),
        max_output_tokens: Some(70),
        stop: vec!["END".to_owned(), "\n\n".to_owned()],
    };
    let unstopped = Sampling { stop: vec![], ..all.clone() };
    let top_p = Sampling { top_p: Some(0.8), ..Sampling::default() };
    let forced = ToolChoice::Tool("weather".to_owned());
    let file = json!({ "max_output_tokens": 4000, "temperature": 0.2 });
    let thinks = json!({ "effort": "low", "temperature": 0.2 });
    let mut text = String::new();
    for (provider, model, settings, sampling, tool_choice) in [
        ("openai", "gpt-4.1", &file, &all, ToolChoice::Auto),
        ("openai", "gpt-4.1", &file, &unstopped, ToolChoice::Required),
        ("ollama", "m", &file, &all, ToolChoice::Required),
        ("ollama", "m", &file, &top_p, ToolChoice::None),
        ("anthropic", "claude-sonnet-4-5", &file, &all, ToolChoice::Required),
        ("anthropic", "claude-sonnet-4-5", &thinks, &all, ToolChoice::Auto),
        ("anthropic", "claude-sonnet-4-5", &thinks, &top_p, forced.clone()),
        ("anthropic", "claude-sonnet-4-5", &thinks, &Sampling::default(), ToolChoice::Auto),
        ("anthropic", "claude-opus-5-5", &json!({}), &Sampling::default(), ToolChoice::Required),
        ("gemini", "gemini-2.5-pro", &file, &all, ToolChoice::Required),
    ] {
        let request = ModelRequest {
            messages: vec![Message::user("hi")],
            tools: conversation().tools,
            tool_choice,
            sampling: sampling.clone(),
            ..ModelRequest::default()
        };
        let endpoint = endpoint(provider, model, settings);
        let body = endpoint.body(&request).map_or_else(
            |kind| kind.to_string(),
            |mut body| {
                for key in ["messages", "input", "contents", "tools", "stream", "stream_options", "store", "model"] {
                    body.as_object_mut().unwrap().remove(key);
                }
                body.to_string()
            },
        );
        let left_out = endpoint.left_out(&request).map(|told| format!(" ({told})")).unwrap_or_default();
        text += &format!("{provider}: {body}{left_out}\n");
    }
    insta::assert_snapshot!(text, @r#"
    openai: `openai/gpt-4.1` cannot be given stop sequences: its API has none
    openai: {"temperature":0.9,"top_p":0.8,"max_output_tokens":70,"tool_choice":"required"}
    ollama: {"tool_choice":"required","stop":["END","\n\n"],"temperature":0.9,"max_tokens":70,"top_p":0.8}
    ollama: {"max_tokens":4000,"top_p":0.8,"tool_choice":"none"}
    anthropic: {"stop_sequences":["END","\n\n"],"max_tokens":70,"temperature":0.9,"top_p":0.8,"tool_choice":{"type":"any"}}
    anthropic: {"thinking":{"type":"enabled","budget_tokens":1024},"max_tokens":1094,"stop_sequences":["END","\n\n"]} (`anthropic/claude-sonnet-4-5` takes neither `temperature` nor `top_p` while it thinks: they were left out)
    anthropic: {"top_p":0.8,"max_tokens":32000,"tool_choice":{"type":"tool","name":"weather"}}
    anthropic: {"thinking":{"type":"enabled","budget_tokens":2048},"max_tokens":32000}
    anthropic: {"max_tokens":32000} (`anthropic/claude-opus-5-5` cannot be made to call a tool: it was left to decide)
    gemini: {"generationConfig":{"maxOutputTokens":70,"temperature":0.9,"topP":0.8,"stopSequences":["END","\n\n"]},"toolConfig":{"functionCallingConfig":{"mode":"ANY"}}}
    "#);
}

#[test]
fn the_list_of_models_on_every_wire() {
    let at = |provider: &str, more: Value| endpoint(provider, "m", &more).models_url();
    insta::assert_snapshot!(at("ollama", json!({})), @"http://127.0.0.1:11434/v1/models");
    insta::assert_snapshot!(at("anthropic", json!({ "base_url": "http://h/v1" })), @"http://h/v1/models?limit=1");
    insta::assert_snapshot!(at("gemini", json!({ "base_url": "http://h/v1beta" })), @"http://h/v1beta/models?pageSize=1");
}

#[test]
fn thoughts_go_back_with_their_calls_to_those_who_want_them() {
    let mut request = conversation();
    request.messages.truncate(5);
    let body = endpoint("deepseek", "deepseek-v4-flash", &json!({})).body(&request);
    // It sees no images.
    assert!(matches!(body, Err(ModelErrorKind::Unsupported { .. })));
    request.messages[0].content.pop();
    request.messages.remove(2);
    let body = endpoint("deepseek", "deepseek-v4-flash", &json!({})).body(&request).unwrap();
    assert_eq!(body["messages"][2]["reasoning_content"], "thought of anthropicthought of responsesthought of gemini");
    request.messages.push(Message::user("next turn"));
    let body = endpoint("deepseek", "deepseek-v4-flash", &json!({})).body(&request).unwrap();
    assert_eq!(body["messages"][2]["reasoning_content"], "thought of anthropicthought of responsesthought of gemini");
    let body = endpoint("openai-compatible", "m", &json!({ "base_url": "http://h/v1" })).body(&request).unwrap();
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
