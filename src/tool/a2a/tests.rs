//! The tool against peers of either version, made by hand.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    extract::State,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use serde_json::{Value, json};

use super::*;
use crate::tool::testing::{self, Peer as Web};

/// What a peer was asked.
type Asked = Arc<Mutex<Vec<Value>>>;

/// A peer with this card (`URL` stands for its own address) that gives these answers.
async fn peer(card: Value, answers: Vec<Value>) -> (Web, Asked) {
    let asked = Asked::default();
    let answers = Arc::new(Mutex::new(std::collections::VecDeque::from(answers)));
    let answer = async |State((asked, answers)): State<(Asked, Arc<Mutex<std::collections::VecDeque<Value>>>)>,
                        axum::Json(body): axum::Json<Value>|
           -> Response {
        asked.lock().unwrap().push(body);
        let next = answers.lock().unwrap().pop_front().unwrap_or_default();
        match next {
            Value::Array(events) => {
                let text: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
                ([("content-type", "text/event-stream")], text).into_response()
            }
            other => axum::Json(other).into_response(),
        }
    };
    let card = get(async move || axum::Json(card));
    let routes = Router::new()
        .route("/.well-known/agent-card.json", card)
        .route("/rpc", post(answer))
        .with_state((Arc::clone(&asked), answers));
    (Web::serving(routes).await, asked)
}

fn tool(peer: &Web, path: &str, offline: bool) -> A2aTool {
    let settings = json!({ "name": "billing", "url": peer.url(path), "headers": { "X-Key": "k" }, "timeout": "20s" });
    let env = crate::config::Env::fake(std::path::Path::new("/"), &[]);
    A2aTool::new(&serde_json::from_value(settings).unwrap(), Arc::new(Http::new(env, offline))).unwrap()
}

async fn ask(tool: &A2aTool, cx: &ToolCx) -> String {
    match tool.call(json!({ "message": "How much?" }), cx).await {
        Ok(result) => format!("{}\n{}", testing::text(&result), result.state.unwrap()),
        Err(error) => format!("error: {error}"),
    }
}

fn ok(result: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": 1, "result": result })
}

#[tokio::test]
async fn version_0_3_is_spoken_where_the_card_says_no_more() {
    let card = json!({ "name": "b", "url": "/rpc", "protocolVersion": "0.3.0", "capabilities": {} });
    let task = |state: &str, artifacts: Value| json!({ "kind": "task", "id": "t1", "contextId": "c1", "status": { "state": state }, "artifacts": artifacts });
    let parts = json!([{ "artifactId": "a", "parts": [{ "kind": "text", "text": "42 " }, { "kind": "text", "text": "euros" }, { "kind": "data", "data": { "n": 42 } }] }]);
    let answers = vec![ok(&task("working", json!([]))), ok(&task("completed", parts))];
    let (peer, asked) = peer(card, answers).await;
    let said = ask(&tool(&peer, "", false), &testing::cx()).await;
    insta::assert_snapshot!(said, @r#"
    42 euros
    {"n":42}
    {"a2a":{"billing":{"context":"c1","task":null}}}
    "#);
    let asked = asked.lock().unwrap();
    assert_eq!(asked[0]["method"], "message/send");
    assert_eq!(asked[0]["params"]["message"]["parts"], json!([{ "kind": "text", "text": "How much?" }]));
    assert_eq!((&asked[1]["method"], &asked[1]["params"]["id"]), (&json!("tasks/get"), &json!("t1")));
}

#[tokio::test]
async fn version_1_is_streamed_and_a_question_goes_to_the_model() {
    let interfaces = json!([{ "url": "/rpc", "protocolBinding": "JSONRPC", "protocolVersion": "1.0" }]);
    let card = json!({ "name": "b", "supportedInterfaces": interfaces, "capabilities": { "streaming": true } });
    let ids = json!({ "taskId": "t1", "contextId": "c1" });
    let with = |more: Value| {
        let mut all = ids.clone();
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    let question = json!({ "parts": [{ "text": "Which month?" }] });
    let first = json!([
        ok(&json!({ "task": { "id": "t1", "contextId": "c1", "status": { "state": "TASK_STATE_WORKING" } } })),
        ok(
            &json!({ "statusUpdate": with(json!({ "status": { "state": "TASK_STATE_INPUT_REQUIRED", "message": question } })) })
        ),
    ]);
    let artifact = |text: &str, append: bool| {
        ok(
            &json!({ "artifactUpdate": with(json!({ "append": append, "artifact": { "artifactId": "a", "parts": [{ "text": text }] } })) }),
        )
    };
    let second = json!([
        artifact("In May: ", false),
        artifact("42", true),
        ok(&json!({ "statusUpdate": with(json!({ "status": { "state": "TASK_STATE_COMPLETED" } })) })),
    ]);
    let (peer, asked) = peer(card, vec![first, second]).await;
    let tool = tool(&peer, "/rpc", false);
    let (mut cx, host) = testing::cx_answering(&[]);
    insta::assert_snapshot!(ask(&tool, &cx).await, @r#"
    The agent asks: Which month?

    Call `billing` again with the answer.
    {"a2a":{"billing":{"context":"c1","task":"t1"}}}
    "#);
    cx.state = json!({ "a2a": { "billing": { "context": "c1", "task": "t1" } } });
    insta::assert_snapshot!(ask(&tool, &cx).await, @r#"
    In May: 42
    {"a2a":{"billing":{"context":"c1","task":null}}}
    "#);
    assert_eq!(host.output().concat(), "In May: 42");
    let message = asked.lock().unwrap()[1]["params"]["message"].clone();
    assert_eq!(
        (&message["taskId"], &message["contextId"], &message["role"]),
        (&json!("t1"), &json!("c1"), &json!("ROLE_USER"))
    );
}

#[tokio::test]
async fn what_goes_wrong_is_told() {
    let card = json!({ "name": "b", "url": "/rpc", "capabilities": {} });
    let failed = json!({ "kind": "task", "id": "t", "contextId": "c", "status": { "state": "failed", "message": { "parts": [{ "kind": "text", "text": "no funds" }] } } });
    let refused = json!({ "jsonrpc": "2.0", "id": 1, "error": { "code": -32602, "message": "Invalid parameters" } });
    let (peer, _) = peer(card, vec![ok(&failed), refused, json!({ "jsonrpc": "2.0", "id": 1 })]).await;
    let tool = tool(&peer, "", false);
    let cx = testing::cx();
    insta::assert_snapshot!(ask(&tool, &cx).await, @"error: the agent's task ended as `failed`: no funds");
    insta::assert_snapshot!(ask(&tool, &cx).await, @"error: the agent refused: Invalid parameters (-32602)");
    insta::assert_snapshot!(ask(&tool, &cx).await, @"error: the agent's answer holds no result");
}

#[tokio::test]
async fn a_card_leads_to_no_other_server_and_offline_to_none() {
    for (card, want) in [
        (json!({ "name": "b", "url": "http://127.0.0.1:9/rpc" }), "another server"),
        (json!({ "name": "b", "url": "/rpc", "preferredTransport": "GRPC" }), "no JSON-RPC"),
    ] {
        let (peer, asked) = peer(card, vec![]).await;
        let said = ask(&tool(&peer, "", false), &testing::cx()).await;
        assert!(said.contains(want), "{said}");
        assert!(asked.lock().unwrap().is_empty());
    }
    let settings = json!({ "name": "billing", "url": "https://agent.example/a2a" });
    let env = crate::config::Env::fake(std::path::Path::new("/"), &[]);
    let tool = A2aTool::new(&serde_json::from_value(settings).unwrap(), Arc::new(Http::new(env, true))).unwrap();
    insta::assert_snapshot!(ask(&tool, &testing::cx()).await, @"error: `--offline` forbids the call to `agent.example`");
}
