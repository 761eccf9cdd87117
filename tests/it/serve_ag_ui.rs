//! AG-UI: as it goes over the wire, and as the official client sees it.

use serde_json::{Value, json};

use crate::common::{
    TestEnv,
    fake_model::{FakeModel, Reply},
    require::available,
    serve::Server,
    trace,
};

/// An agent whose model answers by script; `yaml` is the rest of its file.
fn scripted(yaml: &str, script: Vec<Reply>) -> (Server, FakeModel) {
    let fake = FakeModel::start(script);
    let model = format!("{{provider: openai-compatible, model: fake, base_url: \"{}\", retries: 0}}", fake.url());
    (Server::start(&format!("name: lead\nmodel: m\nmodels: {{m: {model}}}\n{yaml}")), fake)
}

fn input(messages: &Value) -> Value {
    json!({ "threadId": "t1", "runId": "r1", "state": {}, "messages": messages, "tools": [], "context": [], "forwardedProps": {} })
}

fn says(text: &str) -> Value {
    input(&json!([{ "id": "u1", "role": "user", "content": text }]))
}

fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().unwrap()).collect()
}

/// Reasoning, text and a call whose arguments come in two pieces.
fn thinks_and_calls() -> Reply {
    let delta = |delta: Value| json!({ "choices": [{ "index": 0, "delta": delta, "finish_reason": null }] });
    let call = |arguments: &str| json!({ "tool_calls": [{ "index": 0, "function": { "arguments": arguments } }] });
    Reply::stream()
        .event(&delta(json!({ "reasoning_content": "A list is wanted." })))
        .event(&delta(json!({ "content": "One " })))
        .event(&delta(json!({ "content": "moment." })))
        .event(&delta(json!({ "tool_calls": [{ "index": 0, "id": "call_7", "type": "function", "function": { "name": "todo", "arguments": "" } }] })))
        .event(&delta(call("{\"items\": [{\"text\": \"buy 中文\"")))
        .event(&delta(call(", \"status\": \"pending\"}]}")))
        .event(&json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": "tool_calls" }] }))
        .event(&json!({ "choices": [], "usage": { "prompt_tokens": 20, "completion_tokens": 5 } }))
        .bytes("data: [DONE]\n\n")
}

#[tokio::test]
async fn a_run_with_reasoning_a_tool_and_state_golden() {
    let (server, _fake) = scripted("tools: [todo]\n", vec![thinks_and_calls(), Reply::text("All set.")]);
    let response = server.client.post(server.at("/ag-ui")).json(&says("plan")).send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream; charset=utf-8");
    let text = response.text().await.unwrap();
    assert!(text.starts_with("data: {\"type\":\"RUN_STARTED\",\"threadId\":\"t1\",\"runId\":\"r1\"}\n\n"), "{text}");
    insta::assert_snapshot!(trace::lines(&crate::common::serve::data(&text)));
}

#[tokio::test]
async fn both_casings_are_one_request() {
    let server = Server::start("name: demo\nmodel: demo\n");
    let camel = server.post_text("/ag-ui", &says("hi")).await;
    let snake = json!({ "thread_id": "t1", "run_id": "r1", "messages": [{ "id": "u1", "role": "user", "content": "hi" }], "forwarded_props": null });
    let snake = server.post_text("/agents/demo/ag-ui", &snake).await;
    let lines = |text: &str| trace::lines(&crate::common::serve::data(text));
    assert_eq!(lines(&camel), lines(&snake));
}

#[tokio::test]
async fn the_conversation_and_what_surrounds_it_reach_the_model() {
    let (server, fake) = scripted("instructions: Be brief.\n", vec![Reply::text("Yes.")]);
    let mut body = input(&json!([
        { "id": "1", "role": "system", "content": "Speak French." },
        { "id": "2", "role": "user", "content": "one" },
        { "id": "3", "role": "reasoning", "content": "hm" },
        { "id": "4", "role": "assistant", "content": "two", "toolCalls": [
            { "id": "c1", "type": "function", "function": { "name": "look", "arguments": "{\"x\":1}" } }] },
        { "id": "5", "role": "tool", "toolCallId": "c1", "content": "seen" },
        { "id": "6", "role": "activity", "activityType": "chart", "content": {} },
        { "id": "7", "role": "user", "content": [
            { "type": "text", "text": "what is this?" },
            { "type": "image", "source": { "type": "data", "value": "aGk=", "mimeType": "image/png" } },
            { "type": "binary", "mimeType": "text/plain", "data": "aGk=" }] },
    ]));
    body["state"] = json!({ "theme": "dark" });
    body["context"] = json!([{ "description": "The page", "value": "cart" }]);
    let events = server.events("/ag-ui", &body).await;
    assert_eq!(events.last().unwrap()["type"], "RUN_FINISHED");
    let requests = fake.requests();
    insta::assert_json_snapshot!(requests[0].body["messages"]);
}

#[tokio::test]
async fn a_failure_closes_what_is_open_first() {
    let cut = Reply::stream()
        .event(&json!({ "choices": [{ "index": 0, "delta": { "content": "Once upon" }, "finish_reason": null }] }))
        .cut();
    let (server, _fake) = scripted("", vec![cut]);
    let events = server.events("/ag-ui", &says("a story")).await;
    let kinds = kinds(&events);
    let end = kinds.iter().position(|kind| *kind == "TEXT_MESSAGE_END").unwrap();
    assert_eq!(kinds[end + 1..], ["RUN_ERROR"]);
    assert_eq!(events.last().unwrap()["code"], "model");
    assert_eq!(events.last().unwrap()["runId"], "r1");
}

#[tokio::test]
async fn an_approval_is_an_interrupt_that_the_next_run_answers() {
    for (resume, want) in [
        (json!({ "interruptId": "call_0", "status": "resolved", "payload": { "approved": true } }), "1 item"),
        (
            json!({ "interrupt_id": "call_0", "status": "resolved", "payload": { "approved": false, "reason": "not now" } }),
            "not now",
        ),
        (json!({ "interruptId": "call_0", "status": "cancelled" }), "the user canceled this"),
    ] {
        let items = json!({ "items": [{ "text": "x", "status": "pending" }] });
        let script = vec![Reply::calls(&[("todo", items)]), Reply::text("Done.")];
        let (server, _fake) = scripted("tools: [todo]\npermissions: {ask: [todo]}\n", script);
        let first = server.events("/ag-ui", &says("plan")).await;
        let end = first.last().unwrap();
        assert_eq!(end["type"], "RUN_FINISHED");
        assert_eq!(end["outcome"]["type"], "interrupt");
        assert_eq!(end["outcome"]["interrupts"][0]["id"], "call_0");
        assert_eq!(end["outcome"]["interrupts"][0]["toolCallId"], "call_0");
        let mut body = says("plan");
        body["runId"] = json!("r2");
        body["resume"] = json!([resume]);
        let second = server.events("/ag-ui", &body).await;
        let result = second.iter().find(|event| event["type"] == "TOOL_CALL_RESULT").unwrap();
        let content = result["content"].as_str().unwrap();
        assert!(content.contains(want) || want == "1 item" && !content.starts_with("Denied"), "{content}");
        assert_eq!(second.last().unwrap()["type"], "RUN_FINISHED");
        assert_eq!(second.last().unwrap()["runId"], "r2");
        assert!(second.last().unwrap()["outcome"].is_null());
    }
}

#[tokio::test]
async fn a_question_is_answered_as_langgraph_front_ends_do() {
    let script = vec![
        Reply::calls(&[("ask_user", json!({ "question": "Which colour?", "choices": ["red"] }))]),
        Reply::text("Red it is."),
    ];
    let (server, fake) = scripted("tools: [ask_user]\n", script);
    let first = server.events("/ag-ui", &says("paint")).await;
    let interrupt = &first.last().unwrap()["outcome"]["interrupts"][0];
    assert_eq!(interrupt["reason"], "input_required");
    assert_eq!(interrupt["message"], "Which colour?");
    let mut body = says("paint");
    body["forwardedProps"] = json!({ "command": { "resume": "red" } });
    let second = server.events("/ag-ui", &body).await;
    assert_eq!(second.last().unwrap()["type"], "RUN_FINISHED");
    let answered = fake.requests()[1].body["messages"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(answered["content"], "red");
    let (status, body) = server.post("/ag-ui", &body).await;
    assert_eq!((status, body["code"].as_str()), (409, Some("nothing_asked")));
}

#[tokio::test]
async fn going_on_to_something_else_declines_what_was_asked() {
    let items = json!({ "items": [{ "text": "x", "status": "pending" }] });
    let script = vec![Reply::calls(&[("todo", items)]), Reply::text("Hello."), Reply::text("Hello.")];
    let (server, fake) = scripted("tools: [todo]\npermissions: {ask: [todo]}\n", script);
    let first = server.events("/ag-ui", &says("plan")).await;
    assert_eq!(first.last().unwrap()["outcome"]["type"], "interrupt");
    let second = server.events("/ag-ui", &says("hello")).await;
    assert_eq!(second.last().unwrap()["type"], "RUN_FINISHED");
    let said = fake.requests().last().unwrap().body["messages"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(said["content"], "hello");
}

#[tokio::test]
async fn nothing_is_kept_unless_a_session_is_named() {
    let (server, fake) = scripted("", vec![Reply::text("One."), Reply::text("Two."), Reply::text("Three.")]);
    server.events("/ag-ui", &says("first")).await;
    assert_eq!(server.get("/sessions").await.1, json!([]));
    for (index, text) in ["second", "third"].into_iter().enumerate() {
        let request = server.client.post(server.at("/ag-ui")).header("x-session-id", "kept").json(&says(text));
        let answer = request.send().await.unwrap().text().await.unwrap();
        assert!(answer.contains("RUN_FINISHED"), "{answer}");
        let messages = fake.requests()[index + 1].body["messages"].as_array().unwrap().len();
        assert_eq!(messages - index * 2, fake.requests()[0].body["messages"].as_array().unwrap().len());
    }
    assert_eq!(server.get("/sessions").await.1[0]["id"], "kept");
}

#[tokio::test]
async fn what_cannot_be_honoured_is_refused_with_the_field_that_it_is_about() {
    let server = Server::start("name: demo\nmodel: demo\n");
    let part = |part: Value| input(&json!([{ "id": "u1", "role": "user", "content": [part] }]));
    let cases = [
        (json!({ "messages": [] }), 422, "threadId"),
        (input(&json!([{ "id": "1", "role": "wizard", "content": "x" }])), 422, "wizard"),
        (
            part(json!({ "type": "image", "source": { "type": "url", "value": "http://example.com/a.png" } })),
            400,
            "messages[0].content[0]",
        ),
        (
            part(json!({ "type": "image", "source": { "type": "data", "value": "%", "mimeType": "image/png" } })),
            400,
            "base64",
        ),
        (
            part(json!({ "type": "audio", "source": { "type": "data", "value": "aGk=", "mimeType": "audio/wav" } })),
            400,
            "audio",
        ),
        (part(json!({ "type": "binary", "mimeType": "application/zip", "data": "aGk=" })), 400, "application/zip"),
    ];
    for (body, status, says) in cases {
        let (got, answer) = server.post("/ag-ui", &body).await;
        let message = answer["message"].as_str().unwrap_or_default();
        assert!(got == status && message.contains(says), "{body}: {got} {answer}");
    }
    let mut spaces = says("hi");
    spaces["threadId"] = json!("a b");
    assert_eq!(server.post("/ag-ui", &spaces).await.0, 400);
}

#[tokio::test]
async fn the_user_of_the_token_is_the_only_one() {
    let server =
        Server::start("name: demo\nmodel: demo\nserve: {tokens: [{name: ann, value: secret-of-ann, user: ann}]}\n");
    let mut body = says("hi");
    assert_eq!(server.post("/ag-ui", &body).await.0, 401);
    body["forwardedProps"] = json!({ "user_id": "bob" });
    let response =
        server.client.post(server.at("/ag-ui")).bearer_auth("secret-of-ann").json(&body).send().await.unwrap();
    assert_eq!(response.status(), 403);
}

#[tokio::test]
async fn a_tool_of_the_front_end_ends_the_run_and_its_result_begins_the_next() {
    let script = vec![Reply::calls(&[("colour", json!({ "of": "sky" }))]), Reply::text("Blue.")];
    let (server, fake) = scripted("", script);
    let mut body = says("What colour is the sky?");
    let schema = json!({ "type": "object", "properties": { "of": { "type": "string" } } });
    body["tools"] = json!([{ "name": "colour", "description": "Looks", "parameters": schema }]);
    let first = server.events("/ag-ui", &body).await;
    let expected = ["RUN_STARTED", "TOOL_CALL_START", "TOOL_CALL_ARGS", "TOOL_CALL_END", "RUN_FINISHED"];
    assert_eq!(kinds(&first), expected);
    assert_eq!(first[4]["outcome"], json!({ "type": "success", "pendingToolCallIds": ["call_0"] }));
    assert_eq!(fake.requests()[0].body["tools"][0]["function"]["name"], "colour");
    let call = json!({ "id": "call_0", "type": "function", "function": { "name": "colour", "arguments": "{\"of\":\"sky\"}" } });
    let more = [
        json!({ "id": "a1", "role": "assistant", "toolCalls": [call] }),
        json!({ "id": "t1", "role": "tool", "toolCallId": "call_0", "content": "blue" }),
    ];
    body["messages"].as_array_mut().unwrap().extend(more);
    let second = server.events("/ag-ui", &body).await;
    assert_eq!(second.last().unwrap()["type"], "RUN_FINISHED", "{second:?}");
    let messages = fake.requests()[1].body["messages"].as_array().unwrap().clone();
    assert_eq!(messages.last().unwrap()["content"], "blue");
}

/// The official client: its verifier of the order of events, its messages, its interrupts.
#[tokio::test]
async fn the_official_client_runs_an_agent() {
    let modules = std::env::var("AGENTSCOPE_TEST_NODE_MODULES").unwrap_or_default();
    let found = std::path::Path::new(&modules).join("@ag-ui/client").exists();
    if !available("ag-ui", found) {
        return;
    }
    let items = json!({ "items": [{ "text": "x", "status": "pending" }] });
    let script = vec![
        thinks_and_calls(),
        Reply::text("All set."),
        Reply::text("Again."),
        Reply::calls(&[("ask_user", json!({ "question": "Which colour?" }))]),
        Reply::text("Red it is."),
        Reply::calls(&[("todo", items)]),
    ];
    let (server, fake) = scripted("tools: [todo, ask_user]\n", script);
    let env = TestEnv::new();
    let program = env.write("client.mjs", include_str!("fixtures/ag_ui/client.mjs"));
    let output = tokio::process::Command::new("node")
        .arg(&program)
        .arg(server.at("/ag-ui"))
        .env("MODULES", &modules)
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    insta::assert_snapshot!(said);
    let second = &fake.requests()[2].body["messages"];
    assert!(second.to_string().contains("buy 中文"), "the call is in the history: {second}");
}
