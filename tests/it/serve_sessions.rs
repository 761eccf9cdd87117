//! Sessions over HTTP.

use serde_json::{Value, json};

use crate::common::{TestEnv, serve::Server};

const TOKENS: &str = "name: demo
model: demo
serve:
  tokens:
    - {name: ann, value: ann-token, user: ann}
    - {name: bob, value: bob-token, user: bob}
    - {name: any, value: any-token}
";

async fn call(server: &Server, token: &str, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
    let response = server.client.request(method, server.at(path)).bearer_auth(token).json(body).send().await.unwrap();
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

#[tokio::test]
async fn they_are_listed_read_renamed_exported_and_deleted() {
    let server = Server::start("name: demo\nmodel: demo\n");
    let said = json!({ "input": "Remember the blue door.", "session_id": "s1" });
    let events = server.events("/turns", &said).await;
    assert_eq!(events.last().unwrap()["outcome"]["status"], "completed");

    let (_, list) = server.get("/sessions").await;
    assert_eq!(list[0]["id"], "s1");
    assert_eq!(list[0]["user"], "anonymous");
    let (_, session) = server.get("/sessions/s1").await;
    assert_eq!(session["messages"][0]["content"][0]["text"], "Remember the blue door.");
    let (status, renamed) = call(&server, "", "PATCH", "/sessions/s1", &json!({ "title": "Doors" })).await;
    assert_eq!((status, renamed["title"].as_str()), (200, Some("Doors")));
    let (_, markdown) = server.get("/sessions/s1/export?format=md").await;
    assert!(markdown.as_str().unwrap().starts_with("# Doors\n"), "{markdown}");
    let (status, body) = server.get("/sessions/s1/export?format=pdf").await;
    assert_eq!((status, body["code"].as_str()), (400, Some("invalid_request")));
    let (_, used) = server.get("/sessions/s1/usage").await;
    assert_eq!(
        (&used["agents"][0]["model"], &used["agents"][0]["answers"]),
        (&json!("demo/demo"), &json!(1)),
        "{used}"
    );
    assert_eq!(server.get("/sessions/s2/usage").await.0, 404);

    assert_eq!(call(&server, "", "DELETE", "/sessions/s1", &Value::Null).await.0, 204);
    assert_eq!(server.get("/sessions/s1").await.0, 404);
    assert_eq!(call(&server, "", "DELETE", "/sessions/s1", &Value::Null).await.0, 404);
}

#[tokio::test]
async fn a_token_reaches_its_own_users_alone() {
    let server = Server::start_in(TestEnv::new(), TOKENS, &[]);
    assert_eq!(server.get("/sessions").await.0, 401);
    assert_eq!(call(&server, "ann-tokem", "GET", "/sessions", &Value::Null).await.0, 401);

    for (token, user) in [("ann-token", "ann"), ("bob-token", "bob")] {
        let body = json!({ "input": format!("I am {user}."), "session_id": "shared" });
        assert_eq!(call(&server, token, "POST", "/turns", &body).await.0, 200);
    }
    let (_, session) = call(&server, "ann-token", "GET", "/sessions/shared", &Value::Null).await;
    assert_eq!(session["messages"][0]["content"][0]["text"], "I am ann.", "two users, one id, two sessions");
    let (status, body) = call(&server, "ann-token", "GET", "/sessions?user_id=bob", &Value::Null).await;
    assert_eq!((status, body["code"].as_str()), (403, Some("wrong_user")));
    let (_, list) = call(&server, "any-token", "GET", "/sessions?user_id=bob", &Value::Null).await;
    assert_eq!(list.as_array().unwrap().len(), 1);

    let (status, removed) = call(&server, "ann-token", "DELETE", "/sessions", &Value::Null).await;
    assert_eq!((status, removed["removed"].as_u64()), (200, Some(1)));
    assert_eq!(call(&server, "ann-token", "GET", "/sessions/shared", &Value::Null).await.0, 404);
    assert_eq!(call(&server, "bob-token", "GET", "/sessions/shared", &Value::Null).await.0, 200);
}

#[tokio::test]
async fn what_is_deleted_is_gone_wherever_it_was_kept() {
    let yaml = TOKENS.replace("model: demo\n", "model: demo\ntools: [memory, ask_user]\n");
    let server = Server::start(&yaml);
    let asks = |token: &'static str, session: &str, input: &str| {
        let body = json!({ "input": input, "session_id": session, "on_disconnect": "continue" });
        server.client.post(server.at("/turns")).bearer_auth(token).json(&body).send()
    };
    let note = "TOOL:memory:{\"action\": \"remember\", \"text\": \"likes tea\"}";
    let recall = "TOOL:memory:{\"action\": \"recall\"}";
    let mut turns = vec![];
    for (token, session) in [("ann-token", "s1"), ("ann-token", "s2"), ("bob-token", "s1")] {
        let response = asks(token, session, note).await.unwrap();
        turns.push(format!("/turns/{}/events", response.headers()["x-turn-id"].to_str().unwrap()));
        assert!(response.text().await.unwrap().contains("\"completed\""));
    }
    let none = Value::Null;
    // One session: what was recorded of it, but not what was noted about the user.
    assert_eq!(call(&server, "ann-token", "DELETE", "/sessions/s1", &none).await.0, 204);
    assert_eq!(call(&server, "ann-token", "GET", &turns[0], &none).await.0, 404);
    assert_eq!(call(&server, "ann-token", "GET", &turns[1], &none).await.0, 200);
    assert!(asks("ann-token", "s3", recall).await.unwrap().text().await.unwrap().contains("likes tea"));
    // All of a user, a task that waits among it.
    let task =
        json!({ "session_id": "s4", "input": [{ "role": "user", "content": [{ "type": "text", "text": "hi" }] }] });
    let (_, task) = call(&server, "ann-token", "POST", "/process/task", &task).await;
    let task = format!("/process/task/{}", task["task_id"].as_str().unwrap());
    while call(&server, "ann-token", "GET", &task, &none).await.1["status"] != "finished" {}
    let (status, removed) = call(&server, "ann-token", "DELETE", "/sessions", &none).await;
    assert_eq!((status, removed), (200, json!({ "removed": 3, "notes": 2 })));
    for path in [&turns[1], &task] {
        assert_eq!(call(&server, "ann-token", "GET", path, &none).await.0, 404, "{path}");
    }
    assert!(!asks("ann-token", "s5", recall).await.unwrap().text().await.unwrap().contains("likes tea"));
    assert!(asks("bob-token", "s2", recall).await.unwrap().text().await.unwrap().contains("likes tea"));
    assert_eq!(call(&server, "bob-token", "GET", &turns[2], &none).await.0, 200);
}

#[tokio::test]
async fn a_turn_that_waits_for_its_user_does_not_keep_a_session() {
    let server = Server::start("name: demo\nmodel: demo\ntools: [ask_user]\n");
    let ask = |session: &str| {
        let text = "TOOL:ask_user:{\"question\": \"Which?\"}";
        let content = json!([{ "type": "text", "text": text }]);
        json!({ "session_id": session, "input": [{ "role": "user", "content": content }] })
    };
    for (session, path) in [("s1", "/sessions/s1"), ("s2", "/sessions")] {
        let frames = server.events("/process", &ask(session)).await;
        assert!(frames.last().unwrap()["output"].to_string().contains("mcp_approval_request"));
        let status = server.client.delete(server.at(path)).send().await.unwrap().status().as_u16();
        assert!([200, 204].contains(&status), "{status}");
        assert_eq!(server.get(&format!("/sessions/{session}")).await.0, 404);
    }
}

#[tokio::test]
async fn a_task_that_waits_is_ended_with_its_user() {
    let server = Server::start("name: demo\nmodel: demo\ntools: [ask_user]\nserve: {limits: {concurrency: 1}}\n");
    let ask =
        json!({ "input": "TOOL:ask_user:{\"question\": \"Which?\"}", "user_id": "bob", "on_disconnect": "continue" });
    let waiting = server.client.post(server.at("/turns")).json(&ask).send().await.unwrap();
    let input = json!([{ "role": "user", "content": [{ "type": "text", "text": "my secret" }] }]);
    let task = json!({ "session_id": "s1", "user_id": "ann", "input": input });
    let (_, task) = server.post("/process/task", &task).await;
    let task = format!("/process/task/{}", task["task_id"].as_str().unwrap());
    assert_eq!(server.get(&task).await.1["status"], "pending");
    let response = server.client.delete(server.at("/sessions?user_id=ann")).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(server.get(&task).await.0, 404);
    let cancel = format!("/turns/{}/cancel", waiting.headers()["x-turn-id"].to_str().unwrap());
    server.post(&cancel, &Value::Null).await;
    waiting.text().await.unwrap();
    assert_eq!(server.get("/sessions/s1?user_id=ann").await.0, 404, "it does not begin later");
}

#[tokio::test]
async fn a_turn_that_goes_on_by_itself_and_asks_keeps_no_session() {
    let server = Server::start("name: demo\nmodel: demo\ntools: [ask_user]\n");
    for (session, path) in [("s1", "/sessions/s1"), ("s2", "/sessions")] {
        let input = "TOOL:ask_user:{\"question\": \"Which?\"}";
        let ask = json!({ "input": input, "session_id": session, "on_disconnect": "continue" });
        let mut response = server.client.post(server.at("/turns")).json(&ask).send().await.unwrap();
        let mut seen = String::new();
        while !seen.contains("question_asked") {
            seen += &String::from_utf8_lossy(&response.chunk().await.unwrap().expect("a question"));
        }
        let status = server.client.delete(server.at(path)).send().await.unwrap().status().as_u16();
        assert!([200, 204].contains(&status), "{status}");
        assert_eq!(server.get(&format!("/sessions/{session}")).await.0, 404);
    }
}
