//! What callers may send, and what is refused before an answer begins.

use serde_json::{Value, json};

use super::{DEMO, say, scripted};
use crate::common::{fake_model::Reply, serve::Server};

/// What the model is sent for `input`.
async fn sent(input: Value, session: Option<&str>) -> Value {
    let (server, model) = scripted(vec![Reply::text("ok")], "instructions: Be brief.\n");
    let mut body = json!({ "input": input });
    if let Some(session) = session {
        body["session_id"] = session.into();
    }
    let frames = server.events("/process", &body).await;
    assert_eq!(frames.last().unwrap()["status"], "completed", "{:?}", frames.last());
    model.requests()[0].body["messages"].clone()
}

fn user(part: &Value) -> Value {
    json!([{ "role": "user", "content": [part] }])
}

#[tokio::test]
async fn every_kind_of_part() {
    let all = json!([{ "role": "user", "type": "message", "content": [
        { "type": "text", "text": "Look:", "status": "created" },
        { "type": "image", "image_url": "data:image/png;base64,AAAA" },
        { "type": "data", "data": { "k": [1, "中"] } },
        { "type": "file", "file_name": "a.txt", "file_size": 2, "file_url": "data:text/plain;base64,aGk=" },
        { "type": "file", "filename": "b.png", "file_data": "data:image/png;base64,AAAA" },
    ] }]);
    insta::assert_json_snapshot!(sent(all, None).await, @r#"
    [
      {
        "role": "system",
        "content": "Be brief."
      },
      {
        "role": "user",
        "content": [
          {
            "type": "text",
            "text": "Look:"
          },
          {
            "type": "image_url",
            "image_url": {
              "url": "data:image/png;base64,AAAA"
            }
          },
          {
            "type": "text",
            "text": "{\"k\": [1, \"中\"]}"
          },
          {
            "type": "text",
            "text": "File `a.txt`:\nhi"
          },
          {
            "type": "image_url",
            "image_url": {
              "url": "data:image/png;base64,AAAA"
            }
          }
        ]
      }
    ]
    "#);
    let text = json!([{ "role": "user", "content": "as text" }]);
    assert_eq!(sent(text, None).await[1]["content"], "as text");
}

#[tokio::test]
async fn history_of_all_types() {
    let call = json!({ "call_id": "c1", "name": "look", "arguments": "{\"q\": \"x\"}" });
    let output = json!({ "call_id": "c1", "output": "[{\"type\": \"text\", \"text\": \"42\"}]" });
    let input = json!([
        { "role": "system", "content": [{ "type": "text", "text": "Speak French." }] },
        { "role": "user", "content": [{ "type": "text", "text": "look" }] },
        { "role": "assistant", "type": "reasoning", "content": [{ "type": "text", "text": "hm" }] },
        { "role": "assistant", "type": "plugin_call", "content": [{ "type": "data", "data": call }] },
        { "role": "tool", "type": "plugin_call_output", "content": [{ "type": "data", "data": output }] },
        { "role": "assistant", "content": [{ "type": "text", "text": "It is 42." }] },
        { "role": "user", "content": [{ "type": "text", "text": "sure?" }] },
    ]);
    let stateless = sent(input.clone(), None).await;
    insta::assert_json_snapshot!(stateless, @r#"
    [
      {
        "role": "system",
        "content": "Be brief.\n\nSpeak French."
      },
      {
        "role": "user",
        "content": "look"
      },
      {
        "role": "assistant",
        "content": null,
        "tool_calls": [
          {
            "id": "c1",
            "type": "function",
            "function": {
              "name": "look",
              "arguments": "{\"q\":\"x\"}"
            }
          }
        ]
      },
      {
        "role": "tool",
        "tool_call_id": "c1",
        "content": "42"
      },
      {
        "role": "assistant",
        "content": "It is 42."
      },
      {
        "role": "user",
        "content": "sure?"
      }
    ]
    "#);
    // A session that has nothing of its own yet takes it over.
    assert_eq!(sent(input, Some("s1")).await, stateless);
}

#[tokio::test]
async fn a_session_knows_better_than_its_caller_what_was_said() {
    let (server, model) = scripted(vec![Reply::text("one"), Reply::text("two")], "");
    let turn = |messages: Value| json!({ "input": messages, "session_id": "s1" });
    let message = |role: &str, text: &str| json!({ "role": role, "content": [{ "type": "text", "text": text }] });
    let _ = server.events("/process", &turn(json!([message("user", "hi")]))).await;
    let all = json!([message("user", "hi"), message("assistant", "one"), message("user", "more")]);
    let _ = server.events("/process", &turn(all)).await;
    let sent = model.requests()[1].body["messages"].clone();
    let said: Vec<_> =
        sent.as_array().unwrap().iter().filter(|m| m["role"] != "system").map(|m| &m["content"]).collect();
    assert_eq!(said, ["hi", "one", "more"]);
}

#[tokio::test]
async fn what_cannot_be_honoured_is_refused_with_a_sentence() {
    let server = Server::start(DEMO);
    let hi = || say("hi")["input"].clone();
    let requests = [
        json!([1]),
        json!({}),
        json!({ "input": "hi" }),
        json!({ "input": [] }),
        json!({ "input": [{ "role": "nobody", "content": [] }] }),
        json!({ "input": [{ "role": "user" }] }),
        json!({ "input": user(&json!({ "type": "smell" })) }),
        json!({ "input": user(&json!({ "type": "text" })) }),
        json!({ "input": user(&json!({ "type": "image", "image_url": "https://example.com/a.png" })) }),
        json!({ "input": user(&json!({ "type": "image", "image_url": "data:image/png;base64,?" })) }),
        json!({ "input": user(&json!({ "type": "audio", "data": "AAAA" })) }),
        json!({ "input": user(&json!({ "type": "file", "file_id": "f1" })) }),
        json!({ "input": user(&json!({ "type": "file", "file_url": "https://example.com/a.pdf" })) }),
        json!({ "input": user(&json!({ "type": "file", "file_data": "/w==" })) }),
        json!({ "input": [{ "role": "tool", "content": [{ "type": "text", "text": "42" }] }] }),
        json!({ "input": [{ "role": "assistant", "content": [{ "type": "text", "text": "me" }] }] }),
        json!({ "input": [{ "type": "function_call_output", "content": [{ "type": "text", "text": "42" }] }] }),
        json!({ "input": [{ "type": "mcp_approval_response", "content": [{ "type": "data", "data": { "approve": true } }] }] }),
        json!({ "input": hi(), "n": 2 }),
        json!({ "input": hi(), "seed": 7 }),
        json!({ "input": hi(), "presence_penalty": 0.5 }),
        json!({ "input": hi(), "temperature": 3 }),
        json!({ "input": hi(), "top_p": -1 }),
        json!({ "input": hi(), "max_tokens": 0 }),
        json!({ "input": hi(), "stop": "" }),
        json!({ "input": hi(), "model": "gpt-4o" }),
        json!({ "input": hi(), "session_id": "a b" }),
        json!({ "input": hi(), "tools": [{ "type": "web_search" }] }),
    ];
    let mut told = String::new();
    for request in requests {
        for path in ["/process", "/process/task"] {
            let (status, body) = server.post(path, &request).await;
            assert!((400..500).contains(&status), "{request}: {status} {body}");
            assert_eq!(body["error"]["message"], body["message"]);
            if path == "/process" {
                told += &format!("{status} {}\n", body["message"].as_str().unwrap());
            }
        }
    }
    insta::assert_snapshot!(told, @r#"
    422 the body does not fit: it is a list, and an object is wanted
    422 the body does not fit: missing field `input` at line 1 column 2
    422 the body does not fit: invalid type: string "hi", expected a sequence at line 1 column 13
    400 `input` has nothing to answer: it is empty, or ends with an answer
    422 the body does not fit: unknown variant `nobody`, expected one of `user`, `assistant`, `system`, `tool` at line 1 column 26
    400 `input[0]` has no `content`
    422 the body does not fit: `content` is text, or a list of parts each of a known `type` at line 1 column 54
    400 `input[0].content[0]` has no `text`
    400 `input[0].content[0]` names an image elsewhere; send it as a `data:` URL in base64
    400 `input[0].content[0]` is not in base64
    400 `input[0].content[0]` is audio, which agents here do not hear; send text or images
    400 `input[0].content[0]` names a file by `file_id`, and this server keeps none; send `file_data`
    400 `input[0].content[0]` names a file elsewhere; send it as `file_data` in base64
    400 `input[0].content[0]` is a file that is neither text nor an image, which models cannot read
    400 `input[0]` is of a tool: send its result as a message of type `function_call_output`
    400 `input` has nothing to answer: it is empty, or ends with an answer
    400 `input[0]` is of a type whose content is parts of `data`
    400 `input[0]` says what it answers in neither `approval_request_id` nor `id`
    400 `n` is more than the one answer that there is
    400 `seed` is nothing that the models here are given; leave it out
    400 `presence_penalty` is nothing that the models here are given; leave it out
    400 `temperature` is 3, which is not from 0 to 2
    400 `top_p` is -1, which is not from 0 to 1
    400 `max_tokens` is 0, which leaves no room for an answer
    400 `stop` has an empty text, before which every answer would end
    400 `model` is `gpt-4o`, and this agent answers with `demo/demo`; leave it out
    400 `session_id`: an id has 1 to 128 characters, none of them a space or a control character
    422 the body does not fit: a tool is `{"type": "function", "function": {"name": …}}` at line 1 column 98
    "#);
    let broken = server.client.post(server.at("/process")).body("{").send().await.unwrap();
    assert_eq!(broken.status(), 400);
    let read = server.client.get(server.at("/process")).send().await.unwrap();
    assert_eq!((read.status().as_u16(), read.headers()["allow"].to_str().unwrap()), (405, "POST"));
}

#[tokio::test]
async fn what_has_no_effect_is_taken() {
    let server = Server::start(DEMO);
    let mut body = say("hi");
    for (key, value) in [
        ("biz_params", json!({ "a": 1 })),
        ("user_id", json!("")),
        ("session_id", json!("")),
        ("model", json!("demo")),
        ("n", json!(1)),
        ("frequency_penalty", json!(0)),
        ("whatever", json!([])),
    ] {
        body[key] = value;
    }
    let frames = server.events("/process", &body).await;
    assert_eq!(frames.last().unwrap()["status"], "completed");
    // The web page sends this header also where it has no token.
    let request = server.client.post(server.at("/process")).header("authorization", "Bearer ").json(&body);
    assert_eq!(request.send().await.unwrap().status(), 200);
}
