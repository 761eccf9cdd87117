//! Responses: traces, conversations, questions, what is kept.

use serde_json::{Value, json};

use super::{scripted, steady, weather};
use crate::common::{fake_model::Reply, serve::Server};

const PATH: &str = "/v1/responses";

fn thinking(text: &str) -> Value {
    json!({ "choices": [{ "index": 0, "delta": { "reasoning_content": text } }] })
}

fn names(stream: &str) -> Vec<&str> {
    stream.lines().filter_map(|line| line.strip_prefix("event: ")).collect()
}

/// Indices, numbers and the state of items are as a client that checks everything wants them.
fn check(events: &[Value]) {
    let mut open: Vec<(Value, bool)> = vec![];
    for (number, event) in events.iter().enumerate() {
        assert_eq!(event["sequence_number"], number, "{event}");
        let Some(index) = event["output_index"].as_u64() else { continue };
        let index = usize::try_from(index).unwrap();
        match event["type"].as_str().unwrap() {
            "response.output_item.added" => {
                assert_eq!(index, open.len(), "{event}");
                open.push((event["item"]["id"].clone(), true));
            }
            "response.output_item.done" => {
                assert_eq!((&event["item"]["id"], open[index].1), (&open[index].0, true), "{event}");
                open[index].1 = false;
            }
            _ => assert_eq!((&event["item_id"], open[index].1), (&open[index].0, true), "{event}"),
        }
    }
    assert!(open.iter().all(|(_, open)| !open), "{events:#?}");
    let ids: Vec<_> = open.into_iter().map(|(id, _)| id).collect();
    let last = events.last().unwrap()["response"]["output"].as_array().unwrap().clone();
    assert_eq!(last.iter().map(|item| item["id"].clone()).collect::<Vec<_>>(), ids);
}

#[tokio::test]
async fn text_and_reasoning_are_streamed() {
    let reply = Reply::stream()
        .event(&thinking("Hm."))
        .event(&json!({ "choices": [{ "index": 0, "delta": { "content": "Hello " } }] }))
        .event(&json!({ "choices": [{ "index": 0, "delta": { "content": "you" } }] }))
        .event(&json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": "stop" }] }))
        .event(&json!({ "choices": [], "usage": { "prompt_tokens": 20, "completion_tokens": 5 } }))
        .bytes("data: [DONE]\n\n");
    let (_model, server) = scripted(vec![reply], "");
    let text = server.post_text("/compatible-mode/v1/responses", &json!({ "input": "Hi", "stream": true })).await;
    check(&crate::common::serve::data(&text));
    insta::assert_snapshot!(steady(&text), @r#"
    event: response.created
    data: {"response":{"id":"resp_…","created_at":1700000000.0,"error":null,"incomplete_details":null,"model":"demo","object":"response","output":[],"parallel_tool_calls":true,"tool_choice":"auto","tools":[],"background":false,"instructions":null,"max_output_tokens":null,"metadata":{},"previous_response_id":null,"store":true,"temperature":null,"text":{"format":{"type":"text"}},"top_p":null,"truncation":"auto","status":"queued","usage":null},"sequence_number":0,"type":"response.created"}

    event: response.in_progress
    data: {"response":{"id":"resp_…","created_at":1700000000.0,"error":null,"incomplete_details":null,"model":"demo","object":"response","output":[],"parallel_tool_calls":true,"tool_choice":"auto","tools":[],"background":false,"instructions":null,"max_output_tokens":null,"metadata":{},"previous_response_id":null,"store":true,"temperature":null,"text":{"format":{"type":"text"}},"top_p":null,"truncation":"auto","status":"in_progress","usage":null},"sequence_number":1,"type":"response.in_progress"}

    event: response.output_item.added
    data: {"item":{"id":"rs_…0000","summary":[],"status":"in_progress","type":"reasoning"},"output_index":0,"sequence_number":2,"type":"response.output_item.added"}

    event: response.content_part.added
    data: {"content_index":0,"item_id":"rs_…0000","output_index":0,"part":{"text":"","type":"reasoning_text"},"sequence_number":3,"type":"response.content_part.added"}

    event: response.reasoning_text.delta
    data: {"content_index":0,"delta":"Hm.","item_id":"rs_…0000","output_index":0,"sequence_number":4,"type":"response.reasoning_text.delta"}

    event: response.reasoning_text.done
    data: {"content_index":0,"item_id":"rs_…0000","output_index":0,"sequence_number":5,"text":"Hm.","type":"response.reasoning_text.done"}

    event: response.content_part.done
    data: {"content_index":0,"item_id":"rs_…0000","output_index":0,"part":{"text":"Hm.","type":"reasoning_text"},"sequence_number":6,"type":"response.content_part.done"}

    event: response.output_item.done
    data: {"item":{"id":"rs_…0000","summary":[],"content":[{"text":"Hm.","type":"reasoning_text"}],"status":"completed","type":"reasoning"},"output_index":0,"sequence_number":7,"type":"response.output_item.done"}

    event: response.output_item.added
    data: {"item":{"id":"msg_…0001","content":[],"role":"assistant","status":"in_progress","type":"message"},"output_index":1,"sequence_number":8,"type":"response.output_item.added"}

    event: response.content_part.added
    data: {"content_index":0,"item_id":"msg_…0001","output_index":1,"part":{"annotations":[],"text":"","type":"output_text"},"sequence_number":9,"type":"response.content_part.added"}

    event: response.output_text.delta
    data: {"content_index":0,"delta":"Hello ","item_id":"msg_…0001","logprobs":[],"output_index":1,"sequence_number":10,"type":"response.output_text.delta"}

    event: response.output_text.delta
    data: {"content_index":0,"delta":"you","item_id":"msg_…0001","logprobs":[],"output_index":1,"sequence_number":11,"type":"response.output_text.delta"}

    event: response.output_text.done
    data: {"content_index":0,"item_id":"msg_…0001","logprobs":[],"output_index":1,"sequence_number":12,"text":"Hello you","type":"response.output_text.done"}

    event: response.content_part.done
    data: {"content_index":0,"item_id":"msg_…0001","output_index":1,"part":{"annotations":[],"text":"Hello you","type":"output_text"},"sequence_number":13,"type":"response.content_part.done"}

    event: response.output_item.done
    data: {"item":{"id":"msg_…0001","content":[{"annotations":[],"text":"Hello you","type":"output_text"}],"role":"assistant","status":"completed","type":"message"},"output_index":1,"sequence_number":14,"type":"response.output_item.done"}

    event: response.completed
    data: {"response":{"id":"resp_…","created_at":1700000000.0,"error":null,"incomplete_details":null,"model":"demo","object":"response","output":[{"id":"rs_…0000","summary":[],"content":[{"text":"Hm.","type":"reasoning_text"}],"status":"completed","type":"reasoning"},{"id":"msg_…0001","content":[{"annotations":[],"text":"Hello you","type":"output_text"}],"role":"assistant","status":"completed","type":"message"}],"parallel_tool_calls":true,"tool_choice":"auto","tools":[],"background":false,"instructions":null,"max_output_tokens":null,"metadata":{},"previous_response_id":null,"store":true,"temperature":null,"text":{"format":{"type":"text"}},"top_p":null,"truncation":"auto","status":"completed","usage":{"input_tokens":20,"input_tokens_details":{"cached_tokens":0},"output_tokens":5,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":25}},"sequence_number":15,"type":"response.completed"}
    "#);
}

#[tokio::test]
async fn a_whole_response_and_its_copy() {
    let (_model, server) = scripted(vec![Reply::text("Hello you")], "");
    let body = json!({ "input": [{ "role": "user", "content": [{ "type": "input_text", "text": "Hi" }] }],
        "instructions": "Be brief.", "metadata": { "a": "b" }, "user": "ann", "max_output_tokens": 50 });
    let (status, mut body) = server.post(PATH, &body).await;
    assert_eq!(status, 200);
    let copy = body.as_object_mut().unwrap().remove("response").unwrap();
    assert_eq!(copy, body);
    insta::assert_snapshot!(steady(&format!("{body:#}")), @r#"
    {
      "id": "resp_…",
      "created_at": 1700000000.0,
      "error": null,
      "incomplete_details": null,
      "model": "demo",
      "object": "response",
      "output": [
        {
          "id": "msg_…0000",
          "content": [
            {
              "annotations": [],
              "text": "Hello you",
              "type": "output_text"
            }
          ],
          "role": "assistant",
          "status": "completed",
          "type": "message"
        }
      ],
      "parallel_tool_calls": true,
      "tool_choice": "auto",
      "tools": [],
      "background": false,
      "instructions": "Be brief.",
      "max_output_tokens": 50,
      "metadata": {
        "a": "b"
      },
      "previous_response_id": null,
      "store": true,
      "temperature": null,
      "text": {
        "format": {
          "type": "text"
        }
      },
      "top_p": null,
      "truncation": "auto",
      "user": "ann",
      "status": "completed",
      "usage": {
        "input_tokens": 20,
        "input_tokens_details": {
          "cached_tokens": 0
        },
        "output_tokens": 5,
        "output_tokens_details": {
          "reasoning_tokens": 0
        },
        "total_tokens": 25
      }
    }
    "#);
}

#[tokio::test]
async fn calls_of_the_agent_are_mcp_calls_and_calls_of_the_caller_are_functions() {
    let first =
        Reply::calls(&[("todo", json!({ "items": [{ "text": "a" }] })), ("weather", json!({ "city": "Bonn" }))]);
    let (model, server) = scripted(vec![first, Reply::text("Sunny.")], "tools: [todo]\n");
    let tool = json!({ "type": "function", "name": "weather", "description": "The weather",
        "parameters": weather()["function"]["parameters"] });
    let ask = json!({ "input": "Weather?", "tools": [tool], "stream": true });
    let text = server.post_text(PATH, &ask).await;
    let events = crate::common::serve::data(&text);
    check(&events);
    insta::assert_snapshot!(names(&text).join("\n"), @r#"
    response.created
    response.in_progress
    response.output_item.added
    response.mcp_call.in_progress
    response.mcp_call_arguments.delta
    response.output_item.added
    response.function_call_arguments.delta
    response.mcp_call_arguments.done
    response.function_call_arguments.done
    response.output_item.done
    response.mcp_call.completed
    response.output_item.done
    response.completed
    "#);
    let response = &events.last().unwrap()["response"];
    insta::assert_snapshot!(steady(&format!("{:#}", response["output"])), @r#"
    [
      {
        "id": "mcp_…0000",
        "arguments": "{\"items\":[{\"text\":\"a\"}]}",
        "name": "todo",
        "output": "To-do list (0 of 1 done):\n[ ] a",
        "server_label": "demo",
        "status": "completed",
        "type": "mcp_call"
      },
      {
        "id": "fc_…0001",
        "arguments": "{\"city\":\"Bonn\"}",
        "call_id": "call_1",
        "name": "weather",
        "status": "completed",
        "type": "function_call"
      }
    ]
    "#);

    let output =
        json!({ "type": "function_call_output", "call_id": response["output"][1]["call_id"], "output": "sunny" });
    let next = json!({ "input": [output], "previous_response_id": response["id"], "tools": [tool] });
    let (status, body) = server.post(PATH, &next).await;
    assert_eq!((status, body["output"][0]["content"][0]["text"].as_str()), (200, Some("Sunny.")), "{body}");
    let roles: Vec<_> =
        model.requests()[1].body["messages"].as_array().unwrap().iter().map(|m| m["role"].clone()).collect();
    assert_eq!(roles, ["user", "assistant", "tool", "tool"]);
}

#[tokio::test]
async fn a_response_is_gone_on_with_and_an_older_one_in_a_copy() {
    let script = ["One.", "Two.", "Other.", "Third."].map(Reply::text).into();
    let (model, server) = scripted(script, "");
    let go = async |text: &str, previous: &Value| {
        let (status, body) = server.post(PATH, &json!({ "input": text, "previous_response_id": previous })).await;
        assert_eq!(status, 200, "{body}");
        body["id"].clone()
    };
    let one = go("first", &Value::Null).await;
    let two = go("second", &one).await;
    go("instead", &one).await;
    go("third", &two).await;
    let said = |at: usize| {
        let body = &model.requests()[at].body;
        body["messages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|m| m["content"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(said(1), ["first", "One.", "second"]);
    assert_eq!(said(2), ["first", "One.", "instead"]);
    assert_eq!(said(3), ["first", "One.", "second", "Two.", "third"]);
    let (_, sessions) = server.get("/sessions").await;
    assert_eq!(sessions.as_array().unwrap().len(), 2, "{sessions}");
}

#[tokio::test]
async fn a_conversation_and_one_that_the_caller_keeps() {
    let script = ["One.", "Two.", "Three."].map(Reply::text).into();
    let (model, server) = scripted(script, "");
    for text in ["first", "second"] {
        let (status, body) = server.post(PATH, &json!({ "input": text, "conversation": { "id": "c1" } })).await;
        assert_eq!((status, &body["conversation"]["id"]), (200, &json!("c1")), "{body}");
    }
    let items = json!([
        { "role": "developer", "content": "Be brief." },
        { "role": "user", "content": "a" },
        { "type": "reasoning", "id": "rs_1", "summary": [] },
        { "type": "mcp_call", "id": "mcp_1", "name": "todo", "server_label": "demo", "arguments": "{}", "output": "done" },
        { "type": "message", "id": "msg_1", "role": "assistant", "content": [{ "type": "output_text", "text": "b", "annotations": [] }] },
        { "role": "user", "content": "c" },
    ]);
    let (status, body) = server.post(PATH, &json!({ "input": items })).await;
    assert_eq!((status, body["store"].as_bool()), (200, Some(false)), "{body}");
    let sent = |at: usize| model.requests()[at].body["messages"].clone();
    let flat = |messages: &Value| {
        let line = |m: &Value| format!("{}: {} {}", m["role"].as_str().unwrap(), m["content"], m["tool_calls"]);
        messages.as_array().unwrap().iter().map(line).collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(format!("{}\n\n{}", flat(&sent(1)), flat(&sent(2))), @r#"
    user: "first" null
    assistant: "One." null
    user: "second" null

    system: "Be brief." null
    user: "a" null
    assistant: null [{"id":"mcp_1","type":"function","function":{"name":"todo","arguments":"{}"}}]
    tool: "done" null
    assistant: "b" null
    user: "c" null
    "#);
    let (_, sessions) = server.get("/sessions").await;
    assert_eq!(sessions.as_array().unwrap().len(), 1, "{sessions}");
    let (status, _) = server.get(&format!("{PATH}/{}", body["id"].as_str().unwrap())).await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn what_is_kept_is_read_listed_and_deleted() {
    let (_model, server) = scripted(vec![Reply::text("Hello.")], "");
    let input = json!([{ "role": "user", "content": [{ "type": "input_text", "text": "Hi" },
        { "type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo=" }] }]);
    let (_, mut body) = server.post(PATH, &json!({ "input": input })).await;
    body.as_object_mut().unwrap().remove("response");
    let path = format!("{PATH}/{}", body["id"].as_str().unwrap());
    assert_eq!(server.get(&path).await, (200, body));
    let (_, items) = server.get(&format!("{path}/input_items?order=asc")).await;
    assert_eq!((items["data"].as_array().unwrap().len(), items["has_more"].as_bool()), (1, Some(false)));
    assert_eq!(items["data"][0]["content"], json!([{ "type": "input_text", "text": "Hi" }, { "type": "input_image" }]));
    let (status, _) = server.post(&format!("{path}/cancel"), &json!({})).await;
    assert_eq!(status, 400);
    let gone = server.client.delete(server.at(&path)).send().await.unwrap();
    assert_eq!(gone.status(), 200);
    assert_eq!(server.get(&path).await.0, 404);
}

#[tokio::test]
async fn another_users_response_is_not_there() {
    let model = crate::common::fake_model::FakeModel::start(vec![Reply::text("Hello.")]);
    let server = Server::start(&format!(
        "name: demo\nmodel: fake\nmodels: {{fake: {{provider: openai-compatible, model: fake, base_url: '{}'}}}}\n\
         serve: {{tokens: [{{name: a, value: secret-a, user: ann}}, {{name: b, value: secret-b, user: bob}}]}}\n",
        model.url()
    ));
    let send = async |token: &str, request: reqwest::RequestBuilder| {
        let response = request.bearer_auth(token).send().await.unwrap();
        (response.status().as_u16(), response.json::<Value>().await.unwrap())
    };
    let create = |body: Value| server.client.post(server.at(PATH)).json(&body);
    let (status, body) = send("secret-a", create(json!({ "input": "Hi" }))).await;
    assert_eq!(status, 200, "{body}");
    let path = format!("{PATH}/{}", body["id"].as_str().unwrap());
    assert_eq!(send("secret-a", server.client.get(server.at(&path))).await.0, 200);
    assert_eq!(send("secret-b", server.client.get(server.at(&path))).await.0, 404);
    assert_eq!(send("secret-b", server.client.delete(server.at(&path))).await.0, 404);
    assert_eq!(send("secret-b", server.client.get(server.at(&format!("{path}/input_items")))).await.0, 404);
    let next = json!({ "input": "Hi", "previous_response_id": body["id"] });
    let (status, body) = send("secret-b", create(next)).await;
    assert_eq!((status, body["error"]["code"].as_str()), (404, Some("previous_response_not_found")));
    assert_eq!(send("secret-b", create(json!({ "input": "Hi", "user": "ann" }))).await.0, 403);
}

#[tokio::test]
async fn a_call_that_must_be_approved_is_answered_with_the_next_request() {
    let call = || Reply::calls(&[("todo", json!({ "items": [{ "text": "a" }] }))]);
    let script = vec![call(), Reply::text("It is on the list."), call(), Reply::text("Then not.")];
    let (_model, server) = scripted(script, "tools: [todo]\npermissions: {ask: [todo]}\n");
    for (approve, said) in [(true, "It is on the list."), (false, "Then not.")] {
        let text = server.post_text(PATH, &json!({ "input": "Plan", "stream": true })).await;
        let events = crate::common::serve::data(&text);
        check(&events);
        let response = &events.last().unwrap()["response"];
        if approve {
            insta::assert_snapshot!(names(&text).join("\n"), @r#"
            response.created
            response.in_progress
            response.output_item.added
            response.mcp_call.in_progress
            response.mcp_call_arguments.delta
            response.mcp_call_arguments.done
            response.output_item.done
            response.output_item.added
            response.output_item.done
            response.completed
            "#);
            insta::assert_snapshot!(steady(&format!("{:#}", response["output"])), @r#"
            [
              {
                "id": "mcp_…0000",
                "arguments": "{\"items\":[{\"text\":\"a\"}]}",
                "name": "todo",
                "server_label": "demo",
                "status": "incomplete",
                "type": "mcp_call"
              },
              {
                "id": "mcpr_call_0",
                "arguments": "{\"items\":[{\"text\":\"a\"}]}",
                "name": "todo",
                "server_label": "demo",
                "type": "mcp_approval_request"
              }
            ]
            "#);
        }
        let asked = &response["output"][1];
        let answer = |id: &Value| {
            json!({ "previous_response_id": response["id"], "stream": true,
            "input": [{ "type": "mcp_approval_response", "approval_request_id": id, "approve": approve }] })
        };
        let (status, body) = server.post(PATH, &answer(&json!("mcpr_x"))).await;
        assert_eq!((status, body["code"].as_str()), (404, Some("not_found")), "{body}");
        let text = server.post_text(PATH, &answer(&asked["id"])).await;
        let events = crate::common::serve::data(&text);
        check(&events);
        let response = &events.last().unwrap()["response"];
        assert_eq!(response["output"][0]["approval_request_id"], asked["id"], "{response:#}");
        assert_eq!(response["output"][0]["status"], if approve { "completed" } else { "failed" });
        assert_eq!(response["output"][1]["content"][0]["text"], said);
        assert_eq!(response["status"], "completed");
    }
}

#[tokio::test]
async fn a_question_is_answered_with_the_next_request() {
    let call = Reply::calls(&[("ask_user", json!({ "question": "Which colour?" }))]);
    let (model, server) = scripted(vec![call, Reply::text("Blue it is.")], "tools: [ask_user]\n");
    let (_, body) = server.post(PATH, &json!({ "input": "Paint", "conversation": "c1" })).await;
    let asked = body["output"].as_array().unwrap().last().unwrap();
    assert_eq!((&asked["type"], &asked["name"]), (&json!("mcp_approval_request"), &json!("ask_user")), "{body}");
    assert_eq!(asked["arguments"], r#"{"question":"Which colour?","choices":[]}"#);
    let answer = json!({ "type": "mcp_approval_response", "approval_request_id": asked["id"], "approve": true,
        "reason": "Blue" });
    let (_, body) = server.post(PATH, &json!({ "input": [answer], "conversation": "c1" })).await;
    assert_eq!(body["output"][1]["content"][0]["text"], "Blue it is.", "{body}");
    let said = model.requests()[1].body["messages"].as_array().unwrap().last().unwrap()["content"].to_string();
    assert!(said.contains("Blue"), "{said}");
}

#[tokio::test]
async fn two_who_go_on_from_the_same_response_at_once_part_ways() {
    let (model, server) = scripted(["One.", "Two.", "Three."].map(Reply::text).into(), "");
    let (_, one) = server.post(PATH, &json!({ "input": "first" })).await;
    let next = |text: &str| json!({ "input": text, "previous_response_id": one["id"] });
    let (left, right) = (next("left"), next("right"));
    let ((_, left), (_, right)) = tokio::join!(server.post(PATH, &left), server.post(PATH, &right));
    assert_eq!((&left["status"], &right["status"]), (&json!("completed"), &json!("completed")));
    for request in &model.requests()[1..] {
        assert_eq!(request.body["messages"].as_array().unwrap().len(), 3, "{}", request.body);
    }
}

#[tokio::test]
async fn ends_that_are_none() {
    let cut = Reply::stream()
        .event(&json!({ "choices": [{ "index": 0, "delta": { "content": "Half an" }, "finish_reason": "length" }] }))
        .bytes("data: [DONE]\n\n");
    let error = || Reply::status(429, r#"{"error":{"message":"slow down"}}"#);
    let (_model, server) = scripted(vec![cut, error(), error()], "");
    let text = server.post_text(PATH, &json!({ "input": "Hi", "stream": true })).await;
    let events = crate::common::serve::data(&text);
    check(&events);
    let last = events.last().unwrap();
    assert_eq!(last["type"], "response.incomplete");
    assert_eq!(last["response"]["incomplete_details"]["reason"], "max_output_tokens");
    let text = server.post_text(PATH, &json!({ "input": "Hi", "stream": true })).await;
    let events = crate::common::serve::data(&text);
    let last = events.last().unwrap();
    assert_eq!((last["type"].as_str(), last["response"]["status"].as_str()), (Some("response.failed"), Some("failed")));
    assert_eq!(last["response"]["error"]["code"], "rate_limit_exceeded");
    let (status, body) = server.post(PATH, &json!({ "input": "Hi" })).await;
    assert_eq!((status, body["status"].as_str()), (200, Some("failed")));
}

#[tokio::test]
async fn what_cannot_be_honoured_is_refused_by_name() {
    let server = Server::start("name: demo\nmodel: demo\ntools: [todo]\n");
    let mut told = String::new();
    for body in [
        json!({}),
        json!({ "input": "" }),
        json!({ "input": 7 }),
        json!({ "input": "Hi", "colour": "blue" }),
        json!({ "input": "Hi", "truncation": "disabled" }),
        json!({ "input": "Hi", "truncation": "auto", "include": [], "service_tier": "auto", "store": false }),
        json!({ "input": "Hi", "include": ["reasoning.encrypted_content"] }),
        json!({ "input": "Hi", "reasoning": { "effort": "high" } }),
        json!({ "input": "Hi", "previous_response_id": "resp_x" }),
        json!({ "input": "Hi", "previous_response_id": "resp_x", "conversation": "c" }),
        json!({ "input": "Hi", "conversation": "a b" }),
        json!({ "input": "Hi", "tools": [{ "type": "web_search" }] }),
        json!({ "input": "Hi", "tools": [{ "type": "function", "name": "todo" }] }),
        json!({ "input": "Hi", "text": { "format": { "type": "json_schema" } } }),
        json!({ "input": [{ "type": "item_reference", "id": "x" }] }),
        json!({ "input": [{ "type": "mcp_approval_response", "approval_request_id": "x", "approve": true }] }),
        json!({ "input": [{ "role": "user", "content": [{ "type": "input_file", "file_id": "x" }] }] }),
        json!({ "input": [{ "type": "function_call_output", "call_id": "x", "output": "y" }] }),
    ] {
        let (status, body) = server.post(PATH, &body).await;
        let error = &body["error"];
        let line = match status {
            200 => "200".to_owned(),
            _ => format!("{status} {}: {}", error["code"], error["message"].as_str().unwrap()),
        };
        told += &format!("{line}\n");
    }
    insta::assert_snapshot!(told, @r#"
    400 "invalid_request": there is nothing to answer: the last message is not the user's
    400 "invalid_request": there is nothing to answer: the message is empty
    422 "invalid_body": the body does not fit: `input` is text, or a list of items at line 1 column 11
    400 "invalid_request": `colour`: there is no such field in Responses
    400 "invalid_request": `truncation`: an agent does not offer this: leave it out, or say "auto"
    200
    400 "invalid_request": `include`: an agent does not offer this: leave it out, or say []
    400 "invalid_request": `reasoning`: an agent does not offer this: leave it out, or say {}
    404 "previous_response_not_found": there is no response `resp_x` to go on with
    400 "invalid_request": `conversation` and `previous_response_id` exclude each other
    400 "invalid_request": `conversation`: an id has 1 to 128 characters, none of them a space or a control character
    400 "invalid_request": `tools`: `web_search` is no kind of tool that an agent offers: only `function` is, run by the caller
    400 "invalid_request": the agent has a tool `todo` of its own: a tool that the request brings needs another name
    400 "invalid_request": `text.format`: `json_schema` has no `schema`
    400 "invalid_request": `item_reference`: an agent takes no such item
    404 "not_found": nothing waits for an answer to `x`, or not any more
    400 "invalid_request": `input_file`: an agent takes text and images, and no such part
    400 "invalid_request": there is a result of the call `x`, and no such call waits for one
    "#);
}

#[tokio::test]
async fn an_answer_in_a_shape_is_one_message_of_json() {
    let server = Server::start("name: demo\nmodel: demo\n");
    let schema =
        json!({ "type": "object", "properties": { "n": { "type": "integer", "minimum": 7 } }, "required": ["n"] });
    let format = json!({ "type": "json_schema", "name": "x", "schema": schema, "strict": true });
    let body = json!({ "input": "Hi", "text": { "format": format }, "stream": true });
    let events = server.events(PATH, &body).await;
    check(&events);
    let output = &events.last().unwrap()["response"]["output"];
    assert_eq!((output.as_array().unwrap().len(), output[0]["content"][0]["text"].as_str()), (1, Some(r#"{"n":7}"#)));
}

#[tokio::test]
async fn a_response_in_the_background_is_asked_about_followed_and_canceled() {
    let (go, wait) = std::sync::mpsc::channel();
    let (_never, hang) = std::sync::mpsc::channel();
    let script = vec![Reply::text("Late but whole.").held(wait), Reply::text("").held(hang)];
    let (_model, server) = scripted(script, "");
    let (status, body) = server.post(PATH, &json!({ "input": "Hi", "background": true })).await;
    assert_eq!((status, body["status"].as_str(), body["background"].as_bool()), (200, Some("queued"), Some(true)));
    let path = format!("{PATH}/{}", body["id"].as_str().unwrap());
    let (status, early) = server.get(&path).await;
    assert_eq!((status, early["id"].clone(), early["output"].clone()), (200, body["id"].clone(), json!([])));
    assert!(["queued", "in_progress"].contains(&early["status"].as_str().unwrap()), "{early}");
    drop(go);
    let stream = |after: &str| server.client.get(server.at(&format!("{path}?stream=true{after}"))).send();
    let events = crate::common::serve::data(&stream("").await.unwrap().text().await.unwrap());
    check(&events);
    let last = events.last().unwrap();
    assert_eq!((last["type"].as_str(), &last["response"]["id"]), (Some("response.completed"), &body["id"]));
    assert_eq!(last["response"]["output"][0]["content"][0]["text"], "Late but whole.");
    let later = crate::common::serve::data(&stream("&starting_after=4").await.unwrap().text().await.unwrap());
    assert_eq!(later, events[5..]);

    let (_, body) = server.post(PATH, &json!({ "input": "Hi", "background": true })).await;
    let path = format!("{PATH}/{}", body["id"].as_str().unwrap());
    let (status, body) = server.post(&format!("{path}/cancel"), &json!({})).await;
    assert_eq!((status, body["status"].as_str()), (200, Some("cancelled")), "{body}");
    assert_eq!(server.get(&path).await.1["status"], "cancelled");
    let (status, body) = server.post(PATH, &json!({ "input": "Hi", "background": true, "store": false })).await;
    assert_eq!(status, 400, "{body}");
}
