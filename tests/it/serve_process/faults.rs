//! Callers, models and servers that go away.

use std::{sync::mpsc, time::Duration};

use serde_json::{Value, json};

use super::{DEMO, outline, say, say_in, scripted};
use crate::common::{
    TestEnv,
    fake_model::Reply,
    serve::{Server, data},
};

/// `Hel`, and then nothing until the test says so.
fn half(hold: mpsc::Receiver<()>) -> Reply {
    Reply::stream().event(&json!({ "choices": [{ "index": 0, "delta": { "content": "Hel" } }] })).wait(hold)
}

/// Reads a stream up to `mark`.
async fn read_to(response: &mut reqwest::Response, mark: &str) {
    let mut seen = String::new();
    while !seen.contains(mark) {
        seen.push_str(&String::from_utf8_lossy(&response.chunk().await.unwrap().expect("more")));
    }
}

fn export(env: &TestEnv, session: &str) -> String {
    env.run(&["session", "export", session, "--user", "anonymous", "-o", "json"]).stdout
}

#[tokio::test]
async fn interrupted() {
    for path in ["/stop", "/process/stop"] {
        let (_go, hold) = mpsc::channel();
        let (server, _model) = scripted(vec![half(hold)], "");
        let mut first = server.client.post(server.at("/process")).json(&say_in("s1", "hi")).send().await.unwrap();
        let mut seen = String::new();
        while !seen.contains("Hel") {
            seen.push_str(&String::from_utf8_lossy(&first.chunk().await.unwrap().unwrap()));
        }
        let (status, body) = server.post(path, &json!({ "session_id": "s1", "input": [] })).await;
        assert_eq!((status, body), (202, json!({ "status": "success", "message": "Interrupt signal broadcasted." })));
        seen.push_str(&first.text().await.unwrap());
        let _ = super::trace(&seen);
        insta::allow_duplicates! { insta::assert_snapshot!(outline(&seen), @r#"
        response created
        response in_progress
        message in_progress message
        content in_progress text Hel
        content completed text Hel
        message completed message
        response canceled
        "#); }
        let (status, body) = server.post(path, &json!({ "session_id": "s1" })).await;
        assert_eq!((status, body["code"].as_str()), (404, Some("not_found")));
        let (status, _) = server.post(path, &json!({})).await;
        assert_eq!(status, 400);
    }
}

#[tokio::test]
async fn stopped_by_another_process() {
    let (_go, hold) = mpsc::channel();
    let (server, _model) = scripted(vec![half(hold)], "");
    let mut first = server.client.post(server.at("/process")).json(&say_in("s1", "hi")).send().await.unwrap();
    read_to(&mut first, "Hel").await;
    // Another server on the same store.
    let other = server.another();
    let (status, _) = other.post("/stop", &json!({ "session_id": "s1" })).await;
    assert_eq!(status, 202);
    assert!(first.text().await.unwrap().contains("\"status\":\"canceled\""));
    let (status, _) = other.post("/stop", &json!({ "session_id": "s1" })).await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn a_caller_that_goes_away_ends_its_turn() {
    let (_go, hold) = mpsc::channel();
    let (server, _model) = scripted(vec![half(hold), Reply::text("again")], "");
    let mut first = server.client.post(server.at("/process")).json(&say_in("s1", "hi")).send().await.unwrap();
    read_to(&mut first, "Hel").await;
    drop(first);
    // The next one waits for the session, which is free as soon as the turn has ended; nothing else would end it.
    let again = say_in("s1", "hi again");
    let next = tokio::time::timeout(Duration::from_secs(30), server.events("/process", &again));
    assert_eq!(next.await.unwrap().last().unwrap()["status"], "completed");
    let saved = export(&server.env, "s1");
    assert!(saved.contains("Hel") && saved.contains("again"), "{saved}");
}

#[tokio::test]
async fn a_caller_of_json_that_goes_away_ends_its_turn() {
    let (_go, hold) = mpsc::channel();
    let (server, model) = scripted(vec![half(hold), Reply::text("again")], "");
    let mut body = say_in("s1", "hi");
    body["stream"] = false.into();
    let request = tokio::spawn(server.client.post(server.at("/process")).json(&body).send());
    while model.requests().is_empty() {
        tokio::task::yield_now().await;
    }
    request.abort();
    let again = say_in("s1", "hi again");
    let next = tokio::time::timeout(Duration::from_secs(30), server.events("/process", &again));
    assert_eq!(next.await.unwrap().last().unwrap()["status"], "completed");
}

#[tokio::test]
async fn a_slow_model_is_waited_for() {
    let (go, hold) = mpsc::channel();
    let (server, model) = scripted(vec![Reply::text("late").held(hold)], "");
    let body = say("hi");
    let (frames, ()) = tokio::join!(server.events("/process", &body), async {
        while model.requests().is_empty() {
            tokio::task::yield_now().await;
        }
        go.send(()).unwrap();
    });
    assert_eq!(frames.last().unwrap()["status"], "completed");
}

/// `kill -9` while turns and tasks run: what was said before is there, what was cut off is told, and all goes on.
#[tokio::test]
async fn killed_and_started_again() {
    let (_go, holds): (Vec<_>, Vec<_>) = (0..5).map(|_| mpsc::channel()).unzip();
    let mut script: Vec<_> = (0..5).map(|_| Reply::text("kept")).collect();
    script.extend(holds.into_iter().map(half));
    script.extend((0..5).map(|_| Reply::text("on")));
    let (server, model) = scripted(script, "");
    let session = |number: usize| format!("s{number}");
    for number in 0..5 {
        let frames = server.events("/process", &say_in(&session(number), "first")).await;
        assert_eq!(frames.last().unwrap()["status"], "completed");
    }
    // Four callers and a task, all in the middle of an answer.
    let mut open = vec![];
    for number in 0..4 {
        let body = say_in(&session(number), "second");
        let mut response = server.client.post(server.at("/process")).json(&body).send().await.unwrap();
        read_to(&mut response, "Hel").await;
        open.push(response);
    }
    let (_, task) = server.post("/process/task", &say_in(&session(4), "second")).await;
    let task = task["task_id"].as_str().unwrap().to_owned();
    while model.requests().len() < 10 {
        tokio::task::yield_now().await;
    }
    let server = server.killed();
    // Who asks at once may be sooner than the server has looked.
    let told = loop {
        let told = server.get(&format!("/process/task/{task}")).await;
        if told.1["status"] != "running" {
            break told;
        }
    };
    assert_eq!(told, (200, json!({ "status": "error", "result": "the process that ran it ended before it did" })));
    let events = server.client.get(server.at(&format!("/process/task/{task}/events"))).send().await.unwrap();
    let events = data(&events.text().await.unwrap());
    assert_eq!(events.last().unwrap()["status"], "failed");
    for number in 0..5 {
        let frames = server.events("/process", &say_in(&session(number), "third")).await;
        assert_eq!(frames.last().unwrap()["status"], "completed", "{frames:?}");
    }
    let said: Vec<Value> = model.requests()[10..].iter().map(|request| request.body["messages"].clone()).collect();
    for messages in said {
        let users: Vec<_> =
            messages.as_array().unwrap().iter().filter(|m| m["role"] == "user").map(|m| m["content"].clone()).collect();
        assert_eq!(users, ["first", "second", "third"]);
        assert!(messages.to_string().contains("kept"), "{messages}");
    }
}

/// A server that is told to end lets a task say what became of it.
#[tokio::test]
async fn a_task_is_saved_when_the_server_ends() {
    let server = Server::start(DEMO);
    let (_, task) = server.post("/process/task", &say_in("s1", "hi")).await;
    let task = task["task_id"].as_str().unwrap().to_owned();
    let server = server.restarted();
    let (_, state) = server.get(&format!("/process/task/{task}")).await;
    assert_eq!((&state["status"], &state["result"]["status"]), (&json!("finished"), &json!("completed")), "{state}");
}
