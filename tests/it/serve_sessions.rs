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
