//! Our own API: turns as the events themselves.

use serde_json::json;

use crate::common::serve::Server;

#[tokio::test]
async fn a_turn_is_streamed_as_its_events() {
    let server = Server::start("name: demo\nmodel: demo\n");
    let events = server.events("/agents/demo/turns", &json!({ "input": "What is 2 + 3?" })).await;
    let kinds: Vec<_> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds.first(), Some(&"turn_started"));
    assert_eq!(kinds.last(), Some(&"turn_finished"));
    assert_eq!(events.last().unwrap()["outcome"]["status"], "completed");
    for (seq, event) in events.iter().enumerate() {
        assert_eq!(event["seq"], seq);
    }
}

#[tokio::test]
async fn what_is_not_there_is_a_404_and_what_cannot_be_read_a_400() {
    let server = Server::start("name: demo\nmodel: demo\n");
    let (status, body) = server.post("/agents/nobody/turns", &json!({ "input": "hi" })).await;
    assert_eq!((status, body["code"].as_str()), (404, Some("not_found")));
    let (status, body) = server.post("/turns", &json!({ "inputs": "hi" })).await;
    assert_eq!((status, body["code"].as_str()), (422, Some("invalid_body")));
    let response = server.client.post(server.at("/turns")).body("{").send().await.unwrap();
    assert_eq!(response.status(), 400);
}
