//! The frames of whole turns, byte for byte but for ids and times.

use serde_json::json;

use super::{DEMO, LOOK, outline, say, say_in, scripted, trace, without_chance};
use crate::common::{
    TestEnv,
    fake_model::Reply,
    serve::{Server, data},
};

#[tokio::test]
async fn text() {
    let (server, _model) = scripted(vec![Reply::text("Hello wor ld")], "");
    let response = server.client.post(server.at("/process")).json(&say_in("s1", "hi")).send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream; charset=utf-8");
    assert_eq!(response.headers()["cache-control"], "no-cache");
    insta::assert_snapshot!(trace(&response.text().await.unwrap()), @"");
}

#[tokio::test]
async fn reasoning_tool_answer() {
    let delta = |delta| json!({ "choices": [{ "index": 0, "delta": delta, "finish_reason": null }] });
    let call = |arguments: &str| {
        let function = json!({ "name": "todo", "arguments": arguments });
        delta(json!({ "tool_calls": [{ "index": 0, "id": "c1", "type": "function", "function": function }] }))
    };
    let first = Reply::stream()
        .event(&delta(json!({ "reasoning_content": "Where" })))
        .event(&delta(json!({ "reasoning_content": " is it?" })))
        .event(&delta(json!({ "content": "I look." })))
        .event(&call(""))
        .event(&call("{\"items\": [{\"text\": \""))
        .event(&call("中文\"}]}"))
        .event(&json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": "tool_calls" }] }))
        .bytes("data: [DONE]\n\n");
    let (server, _model) = scripted(vec![first, Reply::text("Nowhere.")], "tools: [todo]\n");
    insta::assert_snapshot!(trace(&server.post_text("/process", &say_in("s1", "where?")).await), @"");
}

#[tokio::test]
async fn parallel_tools() {
    let server = Server::start(&format!("{DEMO}tools: [todo, memory]\n"));
    let text = "TOOL:todo:{\"items\":[{\"text\":\"x\"}]} TOOL:memory:{\"action\":\"recall\"}";
    insta::assert_snapshot!(outline(&server.post_text("/process", &say_in("s1", text)).await), @"");
    let stream = server.post_text("/process", &say_in("s2", text)).await;
    let _ = trace(&stream);
}

#[tokio::test]
async fn mcp_tool() {
    let env = TestEnv::new();
    env.write("look.sh", LOOK);
    let yaml = format!("{DEMO}tools: [mcp: srv]\nmcp: {{srv: {{command: sh, args: [look.sh]}}}}\n");
    let server = Server::start_in(env, &yaml, &[]);
    insta::assert_snapshot!(trace(&server.post_text("/process", &say_in("s1", "TOOL:look:{\"x\": 1}")).await), @"");
}

#[tokio::test]
async fn empty() {
    let (server, _model) = scripted(vec![Reply::text("")], "");
    insta::assert_snapshot!(trace(&server.post_text("/process", &say_in("s1", "hi")).await), @"");
}

#[tokio::test]
async fn failure_before_and_after_the_first_token() {
    let half = || Reply::stream().event(&json!({ "choices": [{ "index": 0, "delta": { "content": "Hel" } }] })).cut();
    let (server, _model) = scripted(vec![Reply::status(401, "{}"), half(), Reply::status(429, "{}")], "");
    let before = trace(&server.post_text("/process", &say_in("s1", "hi")).await);
    let (_, failed) = before.rsplit_once("data: ").unwrap();
    insta::assert_snapshot!(failed, @"");
    insta::assert_snapshot!(outline(&server.post_text("/process", &say_in("s2", "hi")).await), @"");
    let limited = server.events("/process", &say_in("s3", "hi")).await;
    assert_eq!(limited.last().unwrap()["error"]["code"], "MODEL_QUOTA_EXCEEDED");
}

#[tokio::test]
async fn whole_in_json() {
    let server = Server::start(DEMO);
    let mut body = say_in("s1", "hi");
    body["stream"] = false.into();
    body["id"] = "mine".into();
    let (status, response) = server.post("/process", &body).await;
    assert_eq!(status, 200);
    insta::assert_snapshot!(without_chance(&response.to_string()), @"");
    // The other path is a stream whatever the body says.
    let frames = server.events("/process/stream", &body).await;
    assert_eq!(frames[0]["id"], "mine");
    assert_eq!(frames.last().unwrap()["status"], "completed");
    // As the last frame of a stream is.
    let last = frames.last().unwrap();
    let keys = |value: &serde_json::Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(last), keys(&response));
}

#[tokio::test]
async fn a_session_is_remembered_and_one_without_an_id_gets_one() {
    let (server, model) = scripted(vec![Reply::text("one"), Reply::text("two"), Reply::text("three")], "");
    let frames = server.events("/process", &say("first")).await;
    let session = frames[0]["session_id"].as_str().unwrap().to_owned();
    let _ = server.events("/process", &say_in(&session, "second")).await;
    let _ = server.events("/process", &say("third")).await;
    let requests = model.requests();
    let said: Vec<_> = requests.iter().map(|request| texts(&request.body)).collect();
    assert_eq!(said[1], ["first", "one", "second"]);
    assert_eq!(said[2], ["third"]);
}

#[tokio::test]
async fn a_second_run_of_a_session_waits_or_is_refused_and_strangers_never_collide() {
    for (busy, refused) in [("queue", false), ("reject", true)] {
        let (go, hold) = std::sync::mpsc::channel();
        let script = vec![Reply::text("one").held(hold), Reply::text("two"), Reply::text("three")];
        let (server, model) = scripted(script, &format!("serve: {{busy: {busy}}}\n"));
        let body = say_in("s1", "hi");
        let first = server.client.post(server.at("/process")).json(&body).send().await.unwrap();
        while model.requests().is_empty() {
            tokio::task::yield_now().await;
        }
        // Without ids there is nothing to collide over.
        let stranger = server.events("/process", &say("hi")).await;
        assert_eq!(stranger.last().unwrap()["status"], "completed");
        if refused {
            let (status, body) = server.post("/process", &body).await;
            assert_eq!((status, body["code"].as_str()), (409, Some("session_busy")));
            insta::assert_snapshot!(body["message"].as_str().unwrap(), @"");
            go.send(()).unwrap();
        } else {
            let (second, _) = tokio::join!(server.events("/process", &body), async {
                go.send(()).unwrap();
            });
            assert_eq!(second.last().unwrap()["status"], "completed");
        }
        assert_eq!(data(&first.text().await.unwrap()).last().unwrap()["status"], "completed");
    }
}

/// What a model was sent, without the instructions.
fn texts(body: &serde_json::Value) -> Vec<&str> {
    let messages = body["messages"].as_array().unwrap().iter().filter(|message| message["role"] != "system");
    messages.map(|message| message["content"].as_str().unwrap()).collect()
}
