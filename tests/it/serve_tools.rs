//! Tools that a caller brings and that cannot be.

use serde_json::{Value, json};

use crate::common::serve::Server;

/// A request of each protocol that carries tools, all of them to be streamed.
fn requests(tool: &str) -> [(&'static str, Value); 4] {
    let parameters = json!({ "type": "object", "properties": {} });
    let flat = json!({ "name": tool, "description": "Mine", "parameters": parameters });
    let function = json!({ "type": "function", "function": flat });
    let mut typed = flat.clone();
    typed["type"] = json!("function");
    let said = json!([{ "id": "u1", "role": "user", "content": "Hi" }]);
    let parts = json!([{ "role": "user", "content": [{ "type": "text", "text": "Hi" }] }]);
    [
        ("/v1/chat/completions", json!({ "model": "demo", "stream": true, "messages": said, "tools": [function] })),
        ("/v1/responses", json!({ "input": "Hi", "stream": true, "tools": [typed] })),
        (
            "/ag-ui",
            json!({ "threadId": "t", "runId": "r", "state": {}, "messages": said, "tools": [flat], "context": [], "forwardedProps": {} }),
        ),
        ("/process", json!({ "input": parts, "session_id": "s1", "tools": [function] })),
    ]
}

#[tokio::test]
async fn a_tool_whose_name_is_taken_is_refused_before_the_stream_begins() {
    let server = Server::start("name: demo\nmodel: demo\ntools: [todo]\n");
    for (path, body) in requests("todo") {
        let (status, refused) = server.post(path, &body).await;
        assert_eq!((status, &refused["code"]), (400, &json!("invalid_request")), "{path}: {refused}");
        insta::allow_duplicates! {
            insta::assert_snapshot!(
                refused["message"].as_str().unwrap(),
                @"the agent has a tool `todo` of its own: a tool that the request brings needs another name"
            );
        }
    }
    // Nothing was begun.
    assert_eq!(server.get("/sessions").await.1, json!([]));
    for (path, body) in requests("look") {
        let answer = server.client.post(server.at(path)).json(&body).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
    }
}
