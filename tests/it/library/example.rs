//! The example of the documentation, built and run as a user would.

use std::{path::PathBuf, process::Command, sync::OnceLock};

use serde_json::{Value, json};

use crate::common::{TestEnv, serve::Server};

/// Built anew where it is not: `cargo test --test it` alone builds no examples.
fn program() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let build = || {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--locked", "--offline", "--example", "agent_app"]);
        if !cfg!(debug_assertions) {
            cargo.arg("--release");
        }
        assert!(cargo.current_dir(env!("CARGO_MANIFEST_DIR")).status().unwrap().success());
        let binary = PathBuf::from(env!("CARGO_BIN_EXE_agentscope"));
        binary.with_file_name("examples").join("agent_app")
    };
    BUILT.get_or_init(build).clone()
}

fn start() -> Server {
    let env = TestEnv::new().program(program());
    let command = env.command(&["127.0.0.1:0"]);
    Server::spawn(env, command)
}

async fn get(server: &Server, path: &str) -> reqwest::Response {
    server.client.get(server.at(path)).bearer_auth("shop-token").send().await.unwrap()
}

async fn post(server: &Server, path: &str, body: &Value) -> (u16, String) {
    let answer = server.client.post(server.at(path)).bearer_auth("shop-token").json(body).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// What `/process` answers to `text`, at the end.
async fn process(server: &Server, text: &str) -> Value {
    let body = json!({
        "input": [{ "role": "user", "content": [{ "type": "text", "text": text }] }],
        "session_id": "s1",
        "stream": false,
    });
    serde_json::from_str(&post(server, "/process", &body).await.1).unwrap()
}

fn last_text(response: &Value) -> &str {
    response["output"].as_array().unwrap().last().unwrap()["content"][0]["text"].as_str().unwrap()
}

async fn complete(server: &Server, text: &str) -> (u16, Value) {
    let body = json!({ "model": "shop", "messages": [{ "role": "user", "content": text }] });
    let (status, text) = post(server, "/v1/chat/completions", &body).await;
    (status, serde_json::from_str(&text).unwrap())
}

#[tokio::test]
async fn its_route_stands_behind_the_token_and_asks_the_agent() {
    let server = start();
    let path = "/orders/17/summary";
    assert_eq!(server.get(path).await.0, 401);
    let foreign = server.client.get(server.at(path)).bearer_auth("shop-token").header("origin", "https://evil.example");
    assert_eq!(foreign.send().await.unwrap().status(), 403);

    let answer = get(&server, path).await;
    assert_eq!(answer.status(), 200);
    assert!(answer.headers().contains_key("x-request-id"));
    let answer: Value = answer.json().await.unwrap();
    insta::assert_snapshot!(answer["text"].as_str().unwrap(), @r#"demo model: `look_up` says: {"number":17,"state":"on its way","of":"ann"}"#);
    // The session is one of the caller's, like any other.
    let session: Value = get(&server, "/sessions/order-17").await.json().await.unwrap();
    assert_eq!(session["messages"].as_array().unwrap().len(), 4, "{session}");
    // The route is counted as itself.
    let metrics = get(&server, "/metrics").await.text().await.unwrap();
    assert!(metrics.contains(r#"route="/orders/{number}/summary""#), "{metrics}");
}

#[tokio::test]
async fn its_tool_is_called_and_described_as_every_other() {
    let server = start();
    insta::assert_snapshot!(last_text(&process(&server, r#"TOOL:look_up:{"number": 3}"#).await), @r#"demo model: `look_up` says: {"number":3,"state":"on its way","of":"ann"}"#);
    insta::assert_snapshot!(last_text(&process(&server, r#"TOOL:look_up:{"number": 0}"#).await), @"demo model: `look_up` says: Error: orders are numbered from 1");
    insta::assert_snapshot!(last_text(&process(&server, r#"TOOL:look_up:{"number": "three"}"#).await), @r#"demo model: `look_up` says: Error: invalid arguments: at /number: "three" is not of type "integer""#);
}

#[tokio::test]
async fn its_handler_answers_on_every_protocol() {
    let server = start();
    assert_eq!(last_text(&process(&server, "ping").await), "pong");
    let (status, completion) = complete(&server, "ping").await;
    assert_eq!((status, &completion["choices"][0]["message"]["content"]), (200, &json!("pong")));
    // The session has both.
    let session: Value = get(&server, "/sessions/s1").await.json().await.unwrap();
    let texts: Vec<_> = session["messages"].as_array().unwrap().iter().map(|m| &m["content"][0]["text"]).collect();
    assert_eq!(texts, ["ping", "pong"]);

    // What it passes on may be another request.
    insta::assert_snapshot!(last_text(&process(&server, "order").await), @r#"demo model: `look_up` says: {"number":1,"state":"on its way","of":"ann"}"#);
    let (_, completion) = complete(&server, "order").await;
    insta::assert_snapshot!(completion["choices"][0]["message"]["content"].as_str().unwrap(), @r#"demo model: `look_up` says: {"number":1,"state":"on its way","of":"ann"}"#);

    let failed = process(&server, "fail").await;
    insta::assert_snapshot!(failed["error"], @r#"{"code":"AGENT_UNKNOWN_ERROR","message":"Unknown agent error: the shop is closed"}"#);
    let (status, refused) = complete(&server, "fail").await;
    assert_eq!(status, 500);
    assert_eq!(refused["error"]["message"], "the shop is closed");
}

#[cfg(unix)]
#[tokio::test]
async fn its_hooks_run_at_both_ends() {
    let mut server = start();
    process(&server, "order").await;
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
    assert_eq!(server.last_words(), ["closing after 1 orders"]);
}
