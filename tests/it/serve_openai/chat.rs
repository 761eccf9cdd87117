//! Chat completions and the list of models.

use serde_json::{Value, json};

use super::{scripted, steady, weather};
use crate::common::{fake_model::Reply, serve::Server};

const PATH: &str = "/v1/chat/completions";

fn ask(text: &str, more: &Value) -> Value {
    let mut body = json!({ "model": "demo", "messages": [{ "role": "user", "content": text }] });
    for (key, value) in more.as_object().unwrap() {
        body[key] = value.clone();
    }
    body
}

#[tokio::test]
async fn text_is_streamed() {
    let (_model, server) = scripted(vec![Reply::text("Hello wide world")], "");
    let body = ask("Hi", &json!({ "stream": true, "stream_options": { "include_usage": true } }));
    insta::assert_snapshot!(steady(&server.post_text(PATH, &body).await), @r#"
    data: {"id":"chatcmpl-…","object":"chat.completion.chunk","created":1700000000,"model":"demo","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":null}

    data: {"id":"chatcmpl-…","object":"chat.completion.chunk","created":1700000000,"model":"demo","choices":[{"index":0,"delta":{"content":"Hello "},"finish_reason":null}],"usage":null}

    data: {"id":"chatcmpl-…","object":"chat.completion.chunk","created":1700000000,"model":"demo","choices":[{"index":0,"delta":{"content":"wide "},"finish_reason":null}],"usage":null}

    data: {"id":"chatcmpl-…","object":"chat.completion.chunk","created":1700000000,"model":"demo","choices":[{"index":0,"delta":{"content":"world"},"finish_reason":null}],"usage":null}

    data: {"id":"chatcmpl-…","object":"chat.completion.chunk","created":1700000000,"model":"demo","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}

    data: {"id":"chatcmpl-…","object":"chat.completion.chunk","created":1700000000,"model":"demo","choices":[],"usage":{"prompt_tokens":20,"completion_tokens":5,"total_tokens":25,"prompt_tokens_details":{"cached_tokens":0},"completion_tokens_details":{"reasoning_tokens":0}}}

    data: [DONE]
    "#);
}

#[tokio::test]
async fn text_in_one_piece_on_the_other_prefix_and_by_the_agents_own_path() {
    let (_model, server) = scripted(vec![Reply::text("Hello you"), Reply::text("Hello again")], "");
    let (status, body) = server.post("/compatible-mode/v1/chat/completions", &ask("Hi", &json!({}))).await;
    assert_eq!(status, 200);
    insta::assert_snapshot!(steady(&format!("{body:#}")), @r#"
    {
      "id": "chatcmpl-…",
      "object": "chat.completion",
      "created": 1700000000,
      "model": "demo",
      "choices": [
        {
          "index": 0,
          "message": {
            "role": "assistant",
            "content": "Hello you",
            "refusal": null
          },
          "logprobs": null,
          "finish_reason": "stop"
        }
      ],
      "usage": {
        "prompt_tokens": 20,
        "completion_tokens": 5,
        "total_tokens": 25,
        "prompt_tokens_details": {
          "cached_tokens": 0
        },
        "completion_tokens_details": {
          "reasoning_tokens": 0
        }
      }
    }
    "#);
    let (status, body) =
        server.post("/agents/demo/v1/chat/completions", &ask("Hi", &json!({ "model": "gpt-5" }))).await;
    assert_eq!((status, body["model"].as_str()), (200, Some("demo")));
}

#[tokio::test]
async fn the_agents_own_calls_stay_inside_and_reasoning_goes_out() {
    let thought = json!({ "choices": [{ "index": 0, "delta": { "reasoning_content": "Hm." } }] });
    let first = Reply::stream()
        .event(&thought)
        .event(&json!({ "choices": [{ "index": 0, "delta": { "content": "I look." } }] }))
        .event(
            &json!({ "choices": [{ "index": 0, "delta": { "tool_calls": [{ "index": 0, "id": "c1", "type": "function",
            "function": { "name": "todo", "arguments": "{\"items\":[{\"text\":\"a\"}]}" } }] } }] }),
        )
        .event(&json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": "tool_calls" }] }))
        .bytes("data: [DONE]\n\n");
    let (model, server) = scripted(vec![first, Reply::text("Done.")], "tools: [todo]\n");
    let text = server.post_text(PATH, &ask("Plan", &json!({ "stream": true }))).await;
    insta::assert_snapshot!(steady(&text), @r#"
    data: {"id":"chatcmpl-…","object":"chat.completion.chunk","created":1700000000,"model":"demo","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}

    data: {"id":"chatcmpl-…","object":"chat.completion.chunk","created":1700000000,"model":"demo","choices":[{"index":0,"delta":{"reasoning_content":"Hm."},"finish_reason":null}]}

    data: {"id":"chatcmpl-…","object":"chat.completion.chunk","created":1700000000,"model":"demo","choices":[{"index":0,"delta":{"content":"I look."},"finish_reason":null}]}

    data: {"id":"chatcmpl-…","object":"chat.completion.chunk","created":1700000000,"model":"demo","choices":[{"index":0,"delta":{"content":"\n\n"},"finish_reason":null}]}

    data: {"id":"chatcmpl-…","object":"chat.completion.chunk","created":1700000000,"model":"demo","choices":[{"index":0,"delta":{"content":"Done."},"finish_reason":null}]}

    data: {"id":"chatcmpl-…","object":"chat.completion.chunk","created":1700000000,"model":"demo","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}

    data: [DONE]
    "#);
    assert_eq!(model.requests().len(), 2);
}

#[tokio::test]
async fn a_conversation_that_is_brought_reaches_the_model_and_is_not_kept() {
    let (model, server) = scripted(vec![Reply::text("Blue.")], "instructions: Be brief.\n");
    let image = "data:image/png;base64,iVBORw0KGgo=";
    let body = json!({ "model": "demo", "user": "ann", "temperature": 0.5, "top_p": 0.9, "max_tokens": 100, "stop": ["END"],
        "tools": [weather()],
        "messages": [
            { "role": "system", "content": "Speak English." },
            { "role": "developer", "content": [{ "type": "text", "text": "Name colours." }] },
            { "role": "user", "content": "Hi" },
            { "role": "assistant", "content": null, "tool_calls": [
                { "id": "c1", "type": "function", "function": { "name": "weather", "arguments": "{\"city\":\"Bonn\"}" } },
            ] },
            { "role": "tool", "tool_call_id": "c1", "content": "sunny" },
            { "role": "assistant", "content": "It is sunny." },
            { "role": "user", "content": [{ "type": "text", "text": "And this?" },
                { "type": "image_url", "image_url": { "url": image } }] },
        ] });
    let (status, answer) = server.post(PATH, &body).await;
    assert_eq!((status, answer["choices"][0]["message"]["content"].as_str()), (200, Some("Blue.")), "{answer}");
    let sent = &model.requests()[0].body;
    let keys = json!({ "temperature": sent["temperature"], "top_p": sent["top_p"], "stop": sent["stop"],
        "tools": sent["tools"], "messages": sent["messages"] });
    insta::assert_snapshot!(format!("{keys:#}"), @r#"
    {
      "temperature": 0.5,
      "top_p": 0.9,
      "stop": [
        "END"
      ],
      "tools": [
        {
          "type": "function",
          "function": {
            "name": "weather",
            "description": "The weather of a city",
            "parameters": {
              "type": "object",
              "properties": {
                "city": {
                  "type": "string"
                }
              },
              "required": [
                "city"
              ]
            }
          }
        }
      ],
      "messages": [
        {
          "role": "system",
          "content": "Be brief.\n\nSpeak English.\n\nName colours."
        },
        {
          "role": "user",
          "content": "Hi"
        },
        {
          "role": "assistant",
          "content": null,
          "tool_calls": [
            {
              "id": "c1",
              "type": "function",
              "function": {
                "name": "weather",
                "arguments": "{\"city\":\"Bonn\"}"
              }
            }
          ]
        },
        {
          "role": "tool",
          "tool_call_id": "c1",
          "content": "sunny"
        },
        {
          "role": "assistant",
          "content": "It is sunny."
        },
        {
          "role": "user",
          "content": [
            {
              "type": "text",
              "text": "And this?"
            },
            {
              "type": "image_url",
              "image_url": {
                "url": "data:image/png;base64,iVBORw0KGgo="
              }
            }
          ]
        }
      ]
    }
    "#);
    let (_, sessions) = server.get("/sessions?user_id=ann").await;
    assert_eq!(sessions, json!([]));
}

#[tokio::test]
async fn calls_of_the_callers_tools_come_back_to_it() {
    let script = || Reply::calls(&[("weather", json!({ "city": "Bonn" })), ("weather", json!({ "city": "Rome" }))]);
    let (_model, server) = scripted(vec![script(), script(), script()], "");
    let tools = |more: Value| {
        let mut body = ask("Weather?", &json!({ "tools": [weather()] }));
        for (key, value) in more.as_object().unwrap() {
            body[key] = value.clone();
        }
        body
    };
    let text = server.post_text(PATH, &tools(json!({ "stream": true }))).await;
    insta::assert_snapshot!(steady(&text), @r#"
    data: {"id":"chatcmpl-…","object":"chat.completion.chunk","created":1700000000,"model":"demo","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}

    data: {"id":"chatcmpl-…","object":"chat.completion.chunk","created":1700000000,"model":"demo","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_0","type":"function","function":{"name":"weather","arguments":""}}]},"finish_reason":null}]}

    data: {"id":"chatcmpl-…","object":"chat.completion.chunk","created":1700000000,"model":"demo","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"city\":\"Bonn\"}"}}]},"finish_reason":null}]}

    data: {"id":"chatcmpl-…","object":"chat.completion.chunk","created":1700000000,"model":"demo","choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"id":"call_1","type":"function","function":{"name":"weather","arguments":""}}]},"finish_reason":null}]}

    data: {"id":"chatcmpl-…","object":"chat.completion.chunk","created":1700000000,"model":"demo","choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"function":{"arguments":"{\"city\":\"Rome\"}"}}]},"finish_reason":null}]}

    data: {"id":"chatcmpl-…","object":"chat.completion.chunk","created":1700000000,"model":"demo","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}

    data: [DONE]
    "#);
    let (_, body) = server.post(PATH, &tools(json!({}))).await;
    insta::assert_snapshot!(format!("{:#}", body["choices"]), @r#"
    [
      {
        "index": 0,
        "message": {
          "role": "assistant",
          "content": null,
          "refusal": null,
          "tool_calls": [
            {
              "id": "call_0",
              "type": "function",
              "function": {
                "name": "weather",
                "arguments": "{\"city\":\"Bonn\"}"
              }
            },
            {
              "id": "call_1",
              "type": "function",
              "function": {
                "name": "weather",
                "arguments": "{\"city\":\"Rome\"}"
              }
            }
          ]
        },
        "logprobs": null,
        "finish_reason": "tool_calls"
      }
    ]
    "#);
    let (_, body) = server.post(PATH, &tools(json!({ "parallel_tool_calls": false }))).await;
    assert_eq!(body["choices"][0]["message"]["tool_calls"].as_array().unwrap().len(), 1, "{body}");
}

#[tokio::test]
async fn an_answer_in_a_shape_is_json_and_nothing_else() {
    let server = Server::start("name: demo\nmodel: demo\n");
    let schema =
        json!({ "type": "object", "properties": { "n": { "type": "integer", "minimum": 7 } }, "required": ["n"] });
    let format = json!({ "type": "json_schema", "json_schema": { "name": "x", "schema": schema, "strict": true } });
    let (status, body) = server.post(PATH, &ask("Hi", &json!({ "response_format": format }))).await;
    assert_eq!((status, body["choices"][0]["message"]["content"].as_str()), (200, Some(r#"{"n":7}"#)), "{body}");
    assert_eq!(body["choices"][0]["finish_reason"], "stop");
}

#[tokio::test]
async fn with_a_session_id_the_server_keeps_the_conversation() {
    let (model, server) = scripted(vec![Reply::text("One."), Reply::text("Two.")], "");
    for text in ["First", "Second"] {
        let request = server.client.post(server.at(PATH)).header("X-Session-Id", "s1").json(&ask(text, &json!({})));
        let response = request.send().await.unwrap();
        assert_eq!(response.headers()["x-session-id"], "s1");
        assert_eq!(response.status(), 200);
    }
    let said: Vec<_> =
        model.requests()[1].body["messages"].as_array().unwrap().iter().map(|m| m["content"].clone()).collect();
    assert_eq!(said[said.len() - 3..], [json!("First"), json!("One."), json!("Second")]);
}

#[tokio::test]
async fn the_limit_of_output_and_the_failures_of_models_have_their_names() {
    let cut = Reply::stream()
        .event(&json!({ "choices": [{ "index": 0, "delta": { "content": "Half an" }, "finish_reason": "length" }] }))
        .bytes("data: [DONE]\n\n");
    let busy = || Reply::status(429, r#"{"error":{"message":"slow down"}}"#);
    let (_model, server) = scripted(vec![cut, busy(), busy()], "");
    let (_, body) = server.post(PATH, &ask("Hi", &json!({}))).await;
    assert_eq!(body["choices"][0]["finish_reason"], "length");
    let (status, body) = server.post(PATH, &ask("Hi", &json!({}))).await;
    assert_eq!((status, body["error"]["code"].as_str()), (429, Some("rate_limit_exceeded")), "{body}");
    let text = server.post_text(PATH, &ask("Hi", &json!({ "stream": true }))).await;
    assert!(text.ends_with("data: [DONE]\n\n") && text.contains(r#"data: {"error":{"message":""#), "{text}");
}

#[tokio::test]
async fn what_cannot_be_honoured_is_refused_by_name() {
    let server = Server::start("name: demo\nmodel: demo\nserve: {limits: {body: 2KiB}}\n");
    let mut told = String::new();
    for more in [
        json!({ "n": 2 }),
        json!({ "n": 1, "logprobs": false, "presence_penalty": 0.0, "metadata": { "a": "b" }, "user": "ann" }),
        json!({ "logprobs": true }),
        json!({ "seed": 1 }),
        json!({ "colour": "blue" }),
        json!({ "temperature": 3 }),
        json!({ "max_tokens": 0 }),
        json!({ "stop": [""] }),
        json!({ "tools": [{ "type": "web_search" }] }),
        json!({ "tools": [weather(), weather()] }),
        json!({ "tools": [{ "type": "function", "function": { "name": "a b" } }] }),
        json!({ "tool_choice": "required" }),
        json!({ "tools": [weather()], "tool_choice": { "type": "function", "function": { "name": "rain" } } }),
        json!({ "response_format": { "type": "grammar" } }),
        json!({ "messages": [] }),
        json!({ "messages": [{ "role": "user", "content": " " }] }),
        json!({ "messages": [{ "role": "assistant", "content": "Hi" }] }),
        json!({ "messages": [{ "role": "narrator", "content": "Hi" }] }),
        json!({ "messages": [{ "role": "tool", "content": "Hi" }] }),
        json!({ "messages": [{ "role": "user", "content": [{ "type": "input_audio" }] }] }),
        json!({ "messages": [{ "role": "user", "content": [{ "type": "image_url", "image_url": { "url": "http://127.0.0.1/x.png" } }] }] }),
        json!({ "messages": [{ "role": "user", "content": [{ "type": "image_url", "image_url": { "url": "data:image/png;base64,%" } }] }] }),
        json!({ "messages": "Hi" }),
        json!({ "model": "gpt-5" }),
    ] {
        let (status, body) = server.post(PATH, &ask("Hi", &more)).await;
        let error = &body["error"];
        let line = match status {
            200 => "200".to_owned(),
            _ => format!(
                "{status} {} {}: {}",
                error["type"].as_str().unwrap(),
                error["code"],
                error["message"].as_str().unwrap()
            ),
        };
        told += &format!("{line}\n");
    }
    let long = ask(&"x".repeat(4096), &json!({}));
    told += &format!("{}\n", server.post(PATH, &long).await.0);
    let broken = server.client.post(server.at(PATH)).body("{").send().await.unwrap().status();
    told += broken.as_str();
    insta::assert_snapshot!(told, @r#"
    400 invalid_request_error "invalid_request": `n`: an agent does not offer this: leave it out, or say 1
    200
    400 invalid_request_error "invalid_request": `logprobs`: an agent does not offer this: leave it out, or say false
    400 invalid_request_error "invalid_request": `seed`: an agent does not offer this: leave it out
    400 invalid_request_error "invalid_request": `colour`: there is no such field in chat completions
    400 invalid_request_error "invalid_request": `temperature`: a number from 0 to 2
    400 invalid_request_error "invalid_request": at most 0 tokens of output leave no room for an answer
    400 invalid_request_error "invalid_request": `stop`: at most 4 texts, none of them empty
    400 invalid_request_error "invalid_request": `tools`: `web_search` is no kind of tool that an agent offers: only `function` is, run by the caller
    400 invalid_request_error "invalid_request": `tools`: two tools are called `weather`
    400 invalid_request_error "invalid_request": `tools`: a name has 1 to 64 letters, digits, `_` and `-`
    400 invalid_request_error "invalid_request": `tool_choice`: a call is wanted, and there are no tools
    400 invalid_request_error "invalid_request": `tool_choice`: there is no tool `rain` in `tools`
    400 invalid_request_error "invalid_request": `response_format`: `grammar` is none of `text`, `json_schema` and `json_object`
    400 invalid_request_error "invalid_request": there is nothing to answer: the last message is not the user's
    400 invalid_request_error "invalid_request": there is nothing to answer: the message is empty
    400 invalid_request_error "invalid_request": there is nothing to answer: the last message is not the user's
    400 invalid_request_error "invalid_request": `narrator` is none of the roles `system`, `developer`, `user`, `assistant` and `tool`
    400 invalid_request_error "invalid_request": a tool message has no `tool_call_id`
    400 invalid_request_error "invalid_request": `input_audio`: an agent takes text and images, and no such part
    400 invalid_request_error "invalid_request": `image_url`: images are not fetched from where a caller says: send a data URL, `data:image/png;base64,…`
    400 invalid_request_error "invalid_request": `image_url`: the data is no base64
    422 invalid_request_error "invalid_body": the body does not fit: invalid type: string "Hi", expected a sequence at line 1 column 31
    404 not_found_error "model_not_found": the model `gpt-5` does not exist here: name one of the agents, `demo`
    413
    400
    "#);
}

#[tokio::test]
async fn the_models_are_the_agents() {
    let server = Server::start("name: demo\nmodel: demo\n");
    let (status, body) = server.get("/v1/models").await;
    assert_eq!((status, body["object"].as_str(), body["data"][0]["id"].as_str()), (200, Some("list"), Some("demo")));
    for path in ["/compatible-mode/v1/models/demo", "/agents/demo/v1/models/demo"] {
        let (status, body) = server.get(path).await;
        assert_eq!((status, body["object"].as_str(), body["id"].as_str()), (200, Some("model"), Some("demo")));
    }
    let (status, body) = server.get("/v1/models/gpt-5").await;
    assert_eq!((status, body["error"]["code"].as_str()), (404, Some("model_not_found")));
}
