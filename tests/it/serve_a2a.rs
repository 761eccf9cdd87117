//! A2A, of 0.3 and of 1.0: as it goes over the wire, and as the official clients see it.

use serde_json::{Value, json};

use crate::common::{
    TestEnv,
    fake_model::{FakeModel, Reply},
    require::available,
    serve::{Server, data},
    trace,
};

const TOOLS: &str = "tools: [todo, ask_user]\npermissions: {ask: [todo]}\n";

/// An agent whose model answers by script; `yaml` is the rest of its file.
fn scripted(yaml: &str, script: Vec<Reply>) -> (Server, FakeModel) {
    let fake = FakeModel::start(script);
    let model = format!("{{provider: openai-compatible, model: fake, base_url: \"{}\", retries: 0}}", fake.url());
    (Server::start(&format!("name: lead\nmodel: m\nmodels: {{m: {model}}}\n{yaml}")), fake)
}

fn call(method: &str, params: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params })
}

/// A message of 0.3.
fn says(text: &str, ids: &Value) -> Value {
    let mut message =
        json!({ "kind": "message", "messageId": "m1", "role": "user", "parts": [{ "kind": "text", "text": text }] });
    message.as_object_mut().unwrap().extend(ids.as_object().unwrap().clone());
    json!({ "message": message })
}

/// A message of 1.0.
fn says_1(text: &str) -> Value {
    json!({ "message": { "messageId": "m1", "role": "ROLE_USER", "parts": [{ "text": text }] } })
}

async fn result(server: &Server, method: &str, params: &Value) -> Value {
    let (status, body) = server.post("/a2a", &call(method, params)).await;
    assert_eq!((status, &body["id"]), (200, &json!(7)), "{body}");
    assert!(body["error"].is_null(), "{body}");
    body["result"].clone()
}

async fn code(server: &Server, method: &str, params: &Value) -> i64 {
    let (status, body) = server.post("/a2a", &call(method, params)).await;
    assert_eq!(status, 200, "{body}");
    body["error"]["code"].as_i64().unwrap_or_else(|| panic!("no error: {body}"))
}

/// With times that are the same each time.
fn timeless(events: &[Value]) -> String {
    let mut events = events.to_vec();
    for event in &mut events {
        blank(event);
    }
    trace::lines(&events)
}

fn blank(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            if let Some(time) = fields.get_mut("timestamp") {
                *time = json!("T");
            }
            fields.values_mut().for_each(blank);
        }
        Value::Array(items) => items.iter_mut().for_each(blank),
        _ => {}
    }
}

fn asks() -> Reply {
    Reply::calls(&[("ask_user", json!({ "question": "Which colour?", "choices": ["red", "blue"] }))])
}

fn wants_todo() -> Reply {
    Reply::calls(&[("todo", json!({ "items": [{ "text": "x", "status": "pending" }] }))])
}

#[tokio::test]
async fn both_versions_stream_a_task_golden() {
    let script = || vec![asks(), Reply::text("Red it is.")];
    let (old, _fake) = scripted(TOOLS, script());
    let first =
        data(&old.post_text("/a2a", &call("message/stream", &says("paint", &json!({ "contextId": "c1" })))).await);
    let task = first[0]["result"]["id"].clone();
    let second = data(&old.post_text("/a2a", &call("message/stream", &says("red", &json!({ "taskId": task })))).await);
    insta::assert_snapshot!("a2a_03_stream", timeless(&[first, second].concat()));

    let (new, _fake) = scripted(TOOLS, script());
    let first = data(&new.post_text("/a2a", &call("SendStreamingMessage", &says_1("paint"))).await);
    let task = first[0]["result"]["task"]["id"].clone();
    let mut params = says_1("red");
    params["message"]["taskId"] = task;
    let second = data(&new.post_text("/a2a", &call("SendStreamingMessage", &params)).await);
    insta::assert_snapshot!("a2a_1_stream", timeless(&[first, second].concat()));
}

#[tokio::test]
async fn a_message_is_answered_by_a_task_that_stays() {
    let (server, fake) = scripted("", vec![Reply::text("One."), Reply::text("Two."), Reply::text("Three.")]);
    let task = result(&server, "message/send", &says("first", &json!({}))).await;
    insta::assert_snapshot!(timeless(std::slice::from_ref(&task)));
    let next = result(&server, "message/send", &says("second", &json!({ "contextId": task["contextId"] }))).await;
    assert_eq!((&next["contextId"], &next["artifacts"][0]["parts"][0]["text"]), (&task["contextId"], &json!("Two.")));
    assert!(fake.requests()[1].body["messages"].to_string().contains("One."));
    let got = result(&server, "tasks/get", &json!({ "id": task["id"], "historyLength": 0 })).await;
    assert!(got["history"].is_null() && got["status"]["state"] == "completed", "{got}");
    let new = result(&server, "GetTask", &json!({ "id": task["id"] })).await;
    assert_eq!(new["status"]["state"], "TASK_STATE_COMPLETED");
    let page = result(&server, "ListTasks", &json!({ "pageSize": 1, "status": "TASK_STATE_COMPLETED" })).await;
    assert_eq!((&page["totalSize"], &page["tasks"][0]["id"]), (&json!(2), &next["id"]));
    // What comes meanwhile does not move the next page.
    result(&server, "message/send", &says("third", &json!({}))).await;
    let rest = result(&server, "ListTasks", &json!({ "pageSize": 1, "pageToken": page["nextPageToken"] })).await;
    assert_eq!((&rest["tasks"][0]["id"], &rest["nextPageToken"]), (&task["id"], &json!("")));
    let none = result(&server, "ListTasks", &json!({ "status": "TASK_STATE_REJECTED" })).await;
    assert_eq!((&none["tasks"], &none["totalSize"]), (&json!([]), &json!(0)));
    let of = result(&server, "ListTasks", &json!({ "contextId": task["contextId"] })).await;
    assert_eq!(of["totalSize"], 2);
    assert_eq!(code(&server, "ListTasks", &json!({ "pageToken": "x" })).await, -32602);
    // After a new start, from the store.
    let again = server.restarted();
    let kept = result(&again, "tasks/get", &json!({ "id": task["id"] })).await;
    assert_eq!((&kept["artifacts"], &kept["history"]), (&task["artifacts"], &task["history"]));
}

#[tokio::test]
async fn one_who_does_not_wait_follows_and_cancels() {
    let (let_go, held) = std::sync::mpsc::channel();
    let slow = Reply::text("Slowly.").held(held);
    let (server, _fake) = scripted("", vec![slow]);
    let mut params = says("go", &json!({}));
    params["configuration"] = json!({ "blocking": false });
    let task = result(&server, "message/send", &params).await;
    assert!(matches!(task["status"]["state"].as_str(), Some("submitted" | "working")), "{task}");
    let id = json!({ "id": task["id"] });
    let followed = server.client.post(server.at("/a2a")).json(&call("tasks/resubscribe", &id)).send().await.unwrap();
    let canceled = result(&server, "tasks/cancel", &id).await;
    assert_eq!(canceled["status"]["state"], "canceled");
    let events = data(&followed.text().await.unwrap());
    assert_eq!(events.first().unwrap()["result"]["kind"], "task");
    assert_eq!(events.last().unwrap()["result"]["status"]["state"], "canceled");
    assert_eq!(events.last().unwrap()["result"]["final"], true);
    assert_eq!(code(&server, "tasks/cancel", &id).await, -32002);
    assert_eq!(code(&server, "SubscribeToTask", &id).await, -32004);
    assert_eq!(code(&server, "message/send", &says("more", &json!({ "taskId": task["id"] }))).await, -32004);
    drop(let_go);
}

#[tokio::test]
async fn a_task_goes_on_when_its_caller_goes_away() {
    let (let_go, held) = std::sync::mpsc::channel();
    let (server, _fake) = scripted("", vec![Reply::text("Still here.").held(held)]);
    let mut response = server
        .client
        .post(server.at("/a2a"))
        .json(&call("message/stream", &says("go", &json!({}))))
        .send()
        .await
        .unwrap();
    let first = response.chunk().await.unwrap().unwrap();
    let task = data(std::str::from_utf8(&first).unwrap())[0]["result"].clone();
    drop(response);
    let id = json!({ "id": task["id"] });
    let followed = server.client.post(server.at("/a2a")).json(&call("tasks/resubscribe", &id)).send().await.unwrap();
    let_go.send(()).unwrap();
    let events = data(&followed.text().await.unwrap());
    assert_eq!(events.last().unwrap()["result"]["status"]["state"], "completed");
    assert_eq!(result(&server, "tasks/get", &id).await["artifacts"][0]["parts"][0]["text"], "Still here.");
}

#[tokio::test]
async fn a_failure_is_a_failed_task_with_its_reason() {
    let (server, _fake) = scripted("", vec![Reply::status(401, "{}")]);
    let task = result(&server, "message/send", &says("go", &json!({}))).await;
    assert_eq!(task["status"]["state"], "failed");
    assert_eq!(task["status"]["message"]["parts"][1]["data"]["code"], "auth");
    assert_eq!(task["status"]["message"]["role"], "agent");
}

#[tokio::test]
async fn a_new_message_declines_what_was_asked() {
    let (server, fake) = scripted(TOOLS, vec![wants_todo(), Reply::text("Hello.")]);
    let asked = result(&server, "message/send", &says("plan", &json!({ "contextId": "c1" }))).await;
    assert_eq!(asked["status"]["state"], "input-required");
    let next = result(&server, "message/send", &says("hello", &json!({ "contextId": "c1" }))).await;
    assert_eq!(next["artifacts"][0]["parts"][0]["text"], "Hello.");
    assert_ne!(next["id"], asked["id"]);
    let declined = result(&server, "tasks/get", &json!({ "id": asked["id"] })).await;
    assert_eq!(declined["status"]["state"], "canceled");
    // The turn that was declined had its call answered, and asked the model nothing more.
    let requests = fake.requests();
    assert_eq!(requests.len(), 2);
    assert!(requests[1].body["messages"].to_string().contains("the user said something else"));
}

#[tokio::test]
async fn parts_reach_the_model_or_are_refused() {
    let (server, fake) = scripted("", vec![Reply::text("Seen."), Reply::text("Seen.")]);
    let parts = json!([
        { "kind": "text", "text": "what is this?" },
        { "kind": "file", "file": { "mimeType": "image/png", "bytes": "aGk=" } },
        { "kind": "data", "data": { "n": 1 } },
    ]);
    result(&server, "message/send", &json!({ "message": { "messageId": "m", "role": "user", "parts": parts } })).await;
    let parts = json!([
        { "text": "what is this?" },
        { "raw": "aGk=", "mediaType": "image/png", "filename": "a.png" },
        { "data": { "n": 1 } },
    ]);
    result(&server, "SendMessage", &json!({ "message": { "messageId": "m", "role": "ROLE_USER", "parts": parts } }))
        .await;
    let content =
        |index: usize| fake.requests()[index].body["messages"].as_array().unwrap().last().unwrap()["content"].clone();
    assert_eq!(content(0), content(1));
    insta::assert_json_snapshot!(content(0));
    let message = |part: Value| json!({ "message": { "messageId": "m", "role": "user", "parts": [part] } });
    let zip = json!({ "kind": "file", "file": { "mimeType": "application/zip", "bytes": "aGk=" } });
    let far = json!({ "kind": "file", "file": { "mimeType": "image/png", "uri": "http://169.254.169.254/x.png" } });
    assert_eq!(code(&server, "message/send", &message(zip)).await, -32005);
    assert_eq!(code(&server, "message/send", &message(far)).await, -32005);
    assert_eq!(code(&server, "message/send", &message(json!({ "kind": "hologram" }))).await, -32602);
}

#[tokio::test]
async fn bad_calls_have_the_codes_of_the_protocol() {
    let server = Server::start("name: demo\nmodel: demo\n");
    for (body, want) in [
        ("{", -32700),
        ("[]", -32600),
        ("7", -32600),
        (r#"{"jsonrpc":"1.0","id":1,"method":"tasks/get"}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":{},"method":"tasks/get"}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":1}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tasks/fly"}"#, -32601),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tasks/get"}"#, -32602),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tasks/get","params":{"id":"x","historyLength":-1}}"#, -32602),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"message/send","params":{"message":{"messageId":"m","role":"user","parts":[]}}}"#,
            -32602,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"message/send","params":{"message":{"messageId":"m","role":"agent","parts":[{"text":"x"}]}}}"#,
            -32602,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"message/send","params":{"message":{"messageId":"m","role":"user","contextId":"a b","parts":[{"text":"x"}]}}}"#,
            -32602,
        ),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tasks/get","params":{"id":"none"}}"#, -32001),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tasks/pushNotificationConfig/set","params":{}}"#, -32003),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ListTaskPushNotificationConfigs","params":{}}"#, -32003),
        (r#"{"jsonrpc":"2.0","id":1,"method":"agent/getAuthenticatedExtendedCard"}"#, -32007),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ListTasks","params":{"pageSize":0}}"#, -32602),
    ] {
        let response = server.client.post(server.at("/a2a")).body(body).send().await.unwrap();
        assert_eq!(response.status(), 200);
        let answer: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
        assert_eq!(answer["error"]["code"], want, "{body}: {answer}");
    }
    let mut params = says("hi", &json!({}));
    params["configuration"] = json!({ "pushNotificationConfig": { "url": "http://x" } });
    assert_eq!(code(&server, "message/send", &params).await, -32003);
    params["configuration"] = json!({ "acceptedOutputModes": ["video/mp4"] });
    assert_eq!(code(&server, "message/send", &params).await, -32005);
    let request = server
        .client
        .post(server.at("/a2a"))
        .header("A2A-Version", "2.0")
        .json(&call("GetTask", &json!({ "id": "x" })));
    let answer: Value = serde_json::from_str(&request.send().await.unwrap().text().await.unwrap()).unwrap();
    assert_eq!(answer["error"]["code"], -32009);
    assert_eq!(answer["error"]["data"][0]["reason"], "VERSION_NOT_SUPPORTED");
}

#[tokio::test]
async fn the_card_says_how_the_caller_reaches_the_agent() {
    let server =
        Server::start("name: demo\nmodel: demo\ndescription: Does sums\nmetadata: {version: 2.1.0, tags: [sums]}\n");
    let (_, card) = server.get("/.well-known/agent-card.json").await;
    assert_eq!(card["url"], server.at("/a2a"));
    assert_eq!(server.get("/.well-known/agent.json").await.1, card);
    let (_, named) = server.get("/agents/demo/.well-known/agent-card.json").await;
    assert_eq!(named["url"], server.at("/agents/demo/a2a"));
    let port = server.url.rsplit(':').next().unwrap().to_owned();
    insta::with_settings!({ filters => vec![(port.as_str(), "PORT")] }, {
        insta::assert_json_snapshot!(card);
    });
    let server = Server::start(
        "name: demo\nmodel: demo\nserve: {public_url: \"https://agents.example/x/\", tokens: [{name: ann, value: secret, user: ann}]}\n",
    );
    assert_eq!(server.get("/.well-known/agent-card.json").await.0, 401);
    let response =
        server.client.get(server.at("/.well-known/agent-card.json")).bearer_auth("secret").send().await.unwrap();
    let card: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    assert_eq!(card["url"], "https://agents.example/x/a2a");
    assert_eq!(card["securitySchemes"]["bearer"]["type"], "http");
    let server = Server::start(
        "name: demo\nmodel: demo\nserve: {trusted_proxies: [127.0.0.1], tokens: [{name: ann, value: secret, user: ann}]}\n",
    );
    let request = server.client.get(server.at("/.well-known/agent-card.json")).bearer_auth("secret");
    let request = request.header("x-forwarded-proto", "https").header("x-forwarded-host", "agents.example");
    let response = request.header("x-forwarded-prefix", "/x").send().await.unwrap();
    let card: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    assert_eq!(card["url"], "https://agents.example/x/a2a", "as the proxy says");
}

#[tokio::test]
async fn a_token_reaches_no_task_of_another_user() {
    let server = Server::start(
        "name: demo\nmodel: demo\nserve: {tokens: [{name: ann, value: secret-a, user: ann}, {name: bob, value: secret-b, user: bob}]}\n",
    );
    let ask = async |token: &str, method: &str, params: &Value| -> Value {
        let request = server.client.post(server.at("/a2a")).bearer_auth(token).json(&call(method, params));
        serde_json::from_str(&request.send().await.unwrap().text().await.unwrap()).unwrap()
    };
    let task = ask("secret-a", "message/send", &says("hi", &json!({}))).await["result"].clone();
    let id = json!({ "id": task["id"] });
    assert_eq!(ask("secret-a", "tasks/get", &id).await["result"]["id"], task["id"]);
    for method in ["tasks/get", "tasks/cancel", "tasks/resubscribe"] {
        assert_eq!(ask("secret-b", method, &id).await["error"]["code"], -32001, "{method}");
    }
    let more = says("hi", &json!({ "taskId": task["id"] }));
    assert_eq!(ask("secret-b", "message/send", &more).await["error"]["code"], -32001);
    assert_eq!(ask("secret-b", "ListTasks", &json!({})).await["result"]["totalSize"], 0);
}

/// What the official client of a language prints, given the answers of `script`.
async fn client(program: &str, name: &str, text: &str, script: Vec<Reply>) -> String {
    let (server, _fake) = scripted(TOOLS, script);
    let env = TestEnv::new();
    let file = env.write(name, text);
    let output = tokio::process::Command::new(program)
        .arg(&file)
        .arg(&server.url)
        .env("MODULES", std::env::var("AGENTSCOPE_TEST_NODE_MODULES").unwrap_or_default())
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    said
}

fn conversation() -> Vec<Reply> {
    vec![
        Reply::text("The first answer."),
        Reply::text("The second answer."),
        asks(),
        Reply::text("Red it is."),
        wants_todo(),
        Reply::text("Then not."),
    ]
}

/// Whether the interpreter that `variable` names is there.
fn python(variable: &str, peer: &str) -> Option<String> {
    let python = std::env::var(variable).unwrap_or_default();
    available(peer, std::path::Path::new(&python).exists()).then_some(python)
}

#[tokio::test]
async fn the_official_python_client_of_0_3() {
    let Some(python) = python("AGENTSCOPE_TEST_A2A_03_PYTHON", "a2a-0.3") else { return };
    let said = client(&python, "client.py", include_str!("fixtures/a2a/client_03.py"), conversation()).await;
    insta::assert_snapshot!(said);
}

#[tokio::test]
async fn the_official_python_client_of_1() {
    let Some(python) = python("AGENTSCOPE_TEST_A2A_1_PYTHON", "a2a-1") else { return };
    let said = client(&python, "client.py", include_str!("fixtures/a2a/client_1.py"), conversation()).await;
    insta::assert_snapshot!(said);
}

#[tokio::test]
async fn the_official_javascript_client() {
    let modules = std::env::var("AGENTSCOPE_TEST_NODE_MODULES").unwrap_or_default();
    if !available("a2a-js", std::path::Path::new(&modules).join("@a2a-js/sdk").exists()) {
        return;
    }
    let said = client("node", "client.mjs", include_str!("fixtures/a2a/client.mjs"), conversation()).await;
    insta::assert_snapshot!(said);
}
