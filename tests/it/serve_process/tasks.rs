//! Turns in the background.

use std::sync::mpsc;

use serde_json::{Value, json};

use super::{DEMO, outline, say_in, scripted, without_chance};
use crate::common::{fake_model::Reply, serve::Server};

async fn submit(server: &Server, body: &Value) -> String {
    let (status, answer) = server.post("/process/task", body).await;
    assert_eq!(status, 200, "{answer}");
    answer["task_id"].as_str().unwrap().to_owned()
}

/// The state of a task once `done` says so.
async fn once(server: &Server, id: &str, done: impl Fn(&Value) -> bool) -> Value {
    loop {
        let (status, state) = server.get(&format!("/process/task/{id}")).await;
        assert_eq!(status, 200, "{state}");
        if done(&state) {
            return state;
        }
        tokio::task::yield_now().await;
    }
}

fn over(state: &Value) -> bool {
    state["status"] == "finished" || state["status"] == "error"
}

async fn delete(server: &Server, path: &str) -> (u16, Value) {
    let response = server.client.delete(server.at(path)).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

async fn replay(server: &Server, id: &str, after: Option<u64>) -> String {
    let request = server.client.get(server.at(&format!("/process/task/{id}/events")));
    let request = match after {
        Some(after) => request.header("last-event-id", after.to_string()),
        None => request,
    };
    request.send().await.unwrap().text().await.unwrap()
}

#[tokio::test]
async fn from_submission_to_result() {
    let (go, hold) = mpsc::channel();
    let (server, _model) = scripted(vec![Reply::text("Hello you").held(hold)], "");
    let (status, answer) = server.post("/process/task", &say_in("s1", "hi")).await;
    insta::assert_snapshot!(format!("{status} {}", without_chance(&answer.to_string())), @r#"200 {"task_id":"task_…","status":"submitted","queue":"stream_query","message":"Stream query task submitted successfully"}"#);
    let id = answer["task_id"].as_str().unwrap();
    let running = once(&server, id, |state| state["status"] == "running").await;
    insta::assert_snapshot!(without_chance(&running.to_string()), @r#"{"status":"running","started_at":…,"result":null}"#);
    go.send(()).unwrap();
    let finished = once(&server, id, over).await;
    insta::assert_snapshot!(without_chance(&finished.to_string()), @r#"{"status":"finished","result":{"sequence_number":7,"object":"response","status":"completed","error":null,"id":"response_…","created_at":…,"completed_at":…,"output":[{"sequence_number":6,"object":"message","status":"completed","error":null,"id":"msg_…","type":"message","role":"assistant","content":[{"sequence_number":5,"object":"content","status":"completed","error":null,"type":"text","index":0,"delta":null,"msg_id":"msg_…","text":"Hello you"}],"code":null,"message":null,"usage":{"input_tokens":20,"output_tokens":5,"total_tokens":25},"metadata":{}}],"usage":{"input_tokens":20,"output_tokens":5,"total_tokens":25},"session_id":"s1"}}"#);

    let (_, list) = server.get("/process/task").await;
    assert_eq!(list["tasks"][0]["task_id"], id);
    assert_eq!(list["tasks"][0]["status"], "finished");
    assert_eq!(list["tasks"].as_array().unwrap().len(), 1);
    // A result stays as it is.
    assert_eq!(delete(&server, &format!("/process/task/{id}")).await, (200, finished));
}

#[tokio::test]
async fn unknown_and_foreign_tasks_are_not_there() {
    let tokens = "serve: {tokens: [{name: a, value: aa, user: ann}, {name: b, value: bb, user: bob}]}";
    let server = Server::start(&format!("{DEMO}{tokens}\n"));
    let ask = async |method: reqwest::Method, path: &str, token: &str, body: &Value| {
        let request = server.client.request(method, server.at(path)).bearer_auth(token).json(body);
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    let (post, get, none) = (reqwest::Method::POST, reqwest::Method::GET, Value::Null);
    let (_, answer) = ask(post, "/process/task", "aa", &say_in("s1", "hi")).await;
    let id = serde_json::from_str::<Value>(&answer).unwrap()["task_id"].as_str().unwrap().to_owned();
    let path = format!("/process/task/{id}");
    assert_eq!(ask(get.clone(), &path, "aa", &none).await.0, 200);
    let not_found = |id: &str| (404, format!("{{\"error\":\"Task {id} not found\"}}"));
    assert_eq!(ask(get.clone(), &path, "bb", &none).await, not_found(&id));
    assert_eq!(ask(reqwest::Method::DELETE, &path, "bb", &none).await, not_found(&id));
    assert_eq!(ask(get.clone(), &format!("{path}/events"), "bb", &none).await, not_found(&id));
    assert_eq!(ask(get.clone(), "/process/task/nobody", "aa", &none).await, not_found("nobody"));
    assert_eq!(ask(get, "/process/task", "bb", &none).await, (200, "{\"tasks\":[]}".to_owned()));
}

#[tokio::test]
async fn how_the_agent_fared_is_in_the_result() {
    let (server, _model) = scripted(vec![Reply::status(401, "{}")], "limits: {time: 300ms}\n");
    let id = submit(&server, &say_in("s1", "hi")).await;
    let state = once(&server, &id, over).await;
    assert_eq!(state["status"], "finished");
    assert_eq!(state["result"]["status"], "failed");
    assert_eq!(state["result"]["error"]["code"], "MODEL_UNAUTHORIZED_ACCESS");
}

#[tokio::test]
async fn a_task_that_takes_too_long_is_ended() {
    let (_go, hold) = mpsc::channel();
    let (server, _model) = scripted(vec![Reply::text("never").held(hold)], "limits: {time: 200ms}\n");
    let id = submit(&server, &say_in("s1", "hi")).await;
    let state = once(&server, &id, over).await;
    assert_eq!(state["result"]["error"]["code"], "TIMEOUT");
}

#[tokio::test]
async fn tasks_that_wait_take_no_more_than_one_place_a_session() {
    let (go, hold) = mpsc::channel();
    let script = vec![Reply::text("first").held(hold), Reply::text("between")];
    let rest = (0..40).map(|_| Reply::text("done"));
    let (server, _model) = scripted(script.into_iter().chain(rest).collect(), "serve: {limits: {concurrency: 3}}\n");
    let first = submit(&server, &say_in("s1", "hi")).await;
    once(&server, &first, |state| state["status"] == "running").await;
    let mut tasks = vec![];
    for _ in 0..40 {
        tasks.push(submit(&server, &say_in("s1", "and?")).await);
    }
    let between = server.events("/process", &say_in("s2", "hi")).await;
    assert_eq!(between.last().unwrap()["status"], "completed");
    go.send(()).unwrap();
    for task in tasks {
        assert_eq!(once(&server, &task, over).await["result"]["status"], "completed");
    }
}

#[tokio::test]
async fn canceled_while_it_runs_and_while_it_waits() {
    let (_go, hold) = mpsc::channel();
    let (server, _model) = scripted(vec![Reply::text("never").held(hold)], "");
    let first = submit(&server, &say_in("s1", "hi")).await;
    once(&server, &first, |state| state["status"] == "running").await;
    let second = submit(&server, &say_in("s1", "and?")).await;
    assert_eq!(once(&server, &second, |_| true).await, json!({ "status": "pending", "result": null }));
    let (status, state) = server.post(&format!("/process/task/{second}/cancel"), &json!({})).await;
    assert_eq!((status, &state["result"]["status"]), (200, &json!("canceled")));
    let (status, state) = delete(&server, &format!("/process/task/{first}")).await;
    assert_eq!((status, &state["status"], &state["result"]["status"]), (200, &json!("finished"), &json!("canceled")));
}

#[tokio::test]
async fn events_are_told_again_from_any_frame_on() {
    let (go, hold) = mpsc::channel();
    let (server, _model) = scripted(vec![Reply::text("Hello you").wait(hold)], "");
    let id = submit(&server, &say_in("s1", "hi")).await;
    // Followed while it runs, and read when it is over.
    let (live, ()) = tokio::join!(replay(&server, &id, None), async {
        once(&server, &id, |state| state["status"] == "running").await;
        go.send(()).unwrap();
    });
    insta::assert_snapshot!(outline(&live), @r#"
    response created
    response in_progress
    message in_progress message
    content in_progress text Hello
    content in_progress text you
    content completed text Hello you
    message completed message
    response completed
    "#);
    assert!(live.starts_with("id: 0\ndata: "));
    once(&server, &id, over).await;
    let again = replay(&server, &id, None).await;
    assert_eq!(without_chance(&again), without_chance(&live));
    let ids = |stream: &str| {
        let frames = crate::common::serve::data(stream);
        frames.iter().map(|frame| frame["id"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&again), ids(&live));
    let rest = replay(&server, &id, Some(2)).await;
    assert!(rest.starts_with("id: 3\n") && again.ends_with(&rest), "{rest}");
    let bad = server.client.get(server.at(&format!("/process/task/{id}/events"))).header("last-event-id", "x");
    assert_eq!(bad.send().await.unwrap().status(), 400);
}

#[tokio::test]
async fn a_question_of_a_task_is_answered_at_process() {
    let server = Server::start(&format!("{DEMO}tools: [todo]\npermissions: {{ask: [todo]}}\n"));
    let id = submit(&server, &say_in("s1", "TOOL:todo:{\"items\":[]}")).await;
    let (asked, answered) = tokio::join!(replay(&server, &id, None), async {
        loop {
            let (_, body) = server.post("/process", &approve(&server, &id).await).await;
            if body["code"] != "not_found" {
                return body;
            }
        }
    });
    assert!(asked.contains("mcp_approval_request"), "{asked}");
    let rest = outline(answered.as_str().unwrap());
    assert!(rest.contains("plugin_call_output"), "{rest}");
    assert_eq!(once(&server, &id, over).await["result"]["status"], "completed");
}

/// The answer to what the task asked, once it has.
async fn approve(server: &Server, id: &str) -> Value {
    let call = loop {
        let mut stream = server.client.get(server.at(&format!("/process/task/{id}/events"))).send().await.unwrap();
        let mut seen = String::new();
        let found = loop {
            let Some(chunk) = stream.chunk().await.unwrap() else { break None };
            seen.push_str(&String::from_utf8_lossy(&chunk));
            let frames = crate::common::serve::data(&seen);
            if let Some(id) = frames.iter().find_map(|frame| frame["data"]["id"].as_str()) {
                break Some(id.to_owned());
            }
        };
        if let Some(found) = found {
            break found;
        }
    };
    let data = json!({ "approve": true, "id": call });
    json!({
        "session_id": "s1",
        "input": [{ "type": "mcp_approval_response", "role": "user", "content": [{ "type": "data", "data": data }] }],
    })
}
