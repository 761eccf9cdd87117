//! From start to end, and another version of the agent file in between.

use std::sync::mpsc;

use serde_json::json;

use super::{agent, answer, demo};
use crate::common::{
    TestEnv,
    fake_model::{FakeModel, Reply},
    serve::Server,
};

const TOKENS: &str = "name: demo\nmodel: demo\nserve: {tokens: [{name: a, value: VALUE}]}\n";

/// Waits until the server answers `token` with `status`.
async fn until(server: &Server, token: &str, status: u16) {
    while answer(server.client.get(server.at("/")).bearer_auth(token)).await.0 != status {}
}

/// Waits for a line of the log with `text` in it.
async fn logged(server: &Server, text: &str) -> String {
    loop {
        if let Some(line) = server.said().into_iter().find(|line| line.contains(text)) {
            return line;
        }
        tokio::task::yield_now().await;
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_port_that_is_taken_is_told() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let env = TestEnv::new();
    env.write("agent.yaml", "name: demo\nmodel: demo\n");
    let output = env.run(&["run", "agent.yaml", "--port", &port]).to_string().replace(&port, "PORT");
    insta::assert_snapshot!(output, @r"
    exit 1
    --- stderr
    error: could not listen on 127.0.0.1:PORT
      because: Address already in use (os error 98)
    hint: another program has this port: choose one with `--port`, 0 is any that is free
    ");
}

#[cfg(unix)]
#[tokio::test]
async fn a_changed_file_is_served_and_a_broken_one_is_not() {
    let server = Server::start(&TOKENS.replace("VALUE", "first"));
    until(&server, "first", 200).await;
    // By its change alone.
    server.env.write("agent.yaml", TOKENS.replace("VALUE", "the-second"));
    until(&server, "the-second", 200).await;
    assert_eq!(answer(server.client.get(server.at("/")).bearer_auth("first")).await.0, 401);

    server.env.write("agent.yaml", "name: demo\nmodle: demo\n");
    server.signal("HUP");
    let line = logged(&server, "cannot be used").await;
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["level"], "ERROR");
    assert!(line["error"].as_str().unwrap().contains("modle"), "{line}");
    until(&server, "the-second", 200).await;

    server.env.write("agent.yaml", TOKENS.replace("VALUE", "third"));
    server.signal("HUP");
    until(&server, "third", 200).await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_turn_that_runs_keeps_its_version_of_the_file() {
    let (go, wait) = mpsc::channel();
    let model = FakeModel::start(vec![Reply::text("the old one").held(wait), Reply::text("the new one")]);
    let yaml = |instructions: &str| format!("{}instructions: {instructions}\n", agent(&model, "{}"));
    let server = Server::start(&yaml("Old."));
    let post = || server.client.post(server.at("/turns")).json(&json!({ "input": "hi" })).send();
    let first = post().await.unwrap();
    // A turn has begun before it asks its model.
    while model.requests().is_empty() {
        tokio::task::yield_now().await;
    }
    server.env.write("agent.yaml", yaml("New."));
    server.signal("HUP");
    logged(&server, "read anew").await;
    let second = post().await.unwrap().text().await.unwrap();
    assert!(second.contains("turn_finished"), "{second}");
    drop(go);
    let first = first.text().await.unwrap();
    assert!(first.contains("\"completed\""), "{first}");
    let prompts =
        model.requests().iter().map(|request| request.body["messages"][0]["content"].to_string()).collect::<Vec<_>>();
    assert!(prompts[0].contains("Old.") && prompts[1].contains("New."), "{prompts:?}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_server_that_ends_lets_turns_end_and_takes_no_new_ones() {
    let (go, wait) = mpsc::channel();
    let model = FakeModel::start(vec![Reply::text("done").held(wait)]);
    let mut server = Server::start(&agent(&model, "{}"));
    let post = || server.client.post(server.at("/turns")).json(&json!({ "input": "hi" }));
    let first = post().send().await.unwrap();
    server.signal("TERM");
    let ready = loop {
        let (status, ready) = server.get("/readiness").await;
        if status == 503 {
            break ready;
        }
    };
    assert_eq!(ready["checks"][0], json!({ "name": "server", "ready": false, "reason": "it is about to end" }));
    assert_eq!(server.get("/health").await.0, 200);
    let (status, code, headers) = answer(post()).await;
    assert_eq!((status, code.as_str()), (503, "shutting_down"));
    assert!(headers.contains_key("retry-after"));
    drop(go);
    assert!(first.text().await.unwrap().contains("\"completed\""));
    assert_eq!(server.wait(), Some(0));
}

#[cfg(unix)]
#[tokio::test]
async fn who_asks_twice_does_not_wait() {
    let (_go, wait) = mpsc::channel();
    let model = FakeModel::start(vec![Reply::text("never").held(wait)]);
    let mut server = Server::start(&agent(&model, "{}"));
    let _first = server.client.post(server.at("/turns")).json(&json!({ "input": "hi" })).send().await.unwrap();
    server.signal("INT");
    while server.get("/readiness").await.0 != 503 {}
    server.signal("INT");
    assert_eq!(server.wait(), Some(130));
}

#[tokio::test]
async fn paths_below_the_public_prefix_are_answered_too() {
    let server = demo("{public_url: \"https://agent.example/assistant\"}");
    for path in ["/health", "/assistant/health", "/assistant/agents/demo/turns", "/assistant"] {
        let (status, _) = server.get(path).await;
        assert_eq!(status, if path.ends_with("turns") { 405 } else { 200 }, "{path}");
    }
    let events = server.events("/assistant/turns", &json!({ "input": "hi" })).await;
    assert_eq!(events.last().unwrap()["type"], "turn_finished");
    assert_eq!(server.get("/assistantx/health").await.0, 404);
}
