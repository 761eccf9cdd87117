//! The agent as an MCP server, over HTTP and over standard input.

use serde_json::{Value, json};

use crate::common::{
    TestEnv,
    serve::{Server, data},
};

const AGENT: &str = "name: helper
model: demo
description: Helps with lists
tools: [todo, ask_user]
";

/// One request over streamable HTTP: the session it belongs to, and its answer.
async fn ask(server: &Server, session: Option<&str>, token: &str, body: &Value) -> (u16, Option<String>, Value) {
    let mut request = server
        .client
        .post(server.at("/mcp"))
        .header("accept", "application/json, text/event-stream")
        .header("mcp-protocol-version", "2025-11-25")
        .bearer_auth(token)
        .json(body);
    if let Some(session) = session {
        request = request.header("mcp-session-id", session);
    }
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let id = response.headers().get("mcp-session-id").map(|id| id.to_str().unwrap().to_owned());
    let text = response.text().await.unwrap();
    let answer = data(&text).pop().or_else(|| serde_json::from_str(&text).ok()).unwrap_or(Value::String(text));
    (status, id, answer)
}

async fn initialized(server: &Server, token: &str) -> String {
    let hello = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "test", "version": "1" } } });
    let (status, session, answer) = ask(server, None, token, &hello).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["result"]["serverInfo"]["name"], "helper");
    let session = session.unwrap();
    let done = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    assert_eq!(ask(server, Some(&session), token, &done).await.0, 202);
    session
}

fn call(name: &str, arguments: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": { "name": name, "arguments": arguments } })
}

#[tokio::test]
async fn a_client_talks_to_the_agent_and_calls_its_tools() {
    let server = Server::start(AGENT);
    let session = initialized(&server, "").await;
    let list = json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/list" });
    let (_, _, answer) = ask(&server, Some(&session), "", &list).await;
    let names: Vec<_> = answer["result"]["tools"].as_array().unwrap().iter().map(|tool| &tool["name"]).collect();
    assert_eq!(names, ["helper", "todo", "ask_user"]);

    let sum = call("helper", &json!({ "message": "What is 2 + 3?" }));
    let (_, _, answer) = ask(&server, Some(&session), "", &sum).await;
    let result = &answer["result"];
    assert!(result["content"][0]["text"].as_str().unwrap().starts_with("demo model: "), "{answer}");
    let id = result["structuredContent"]["session_id"].as_str().unwrap();
    let (_, kept) = server.get(&format!("/sessions/{id}")).await;
    assert_eq!(kept["messages"][0]["content"][0]["text"], "What is 2 + 3?");

    let todo = call("todo", &json!({ "items": [{ "text": "sweep" }] }));
    let (_, _, answer) = ask(&server, Some(&session), "", &todo).await;
    assert!(answer["result"]["content"][0]["text"].as_str().unwrap().contains("sweep"), "{answer}");
    let (_, _, answer) = ask(&server, Some(&session), "", &call("todo", &json!({ "items": 1 }))).await;
    assert_eq!(answer["result"]["isError"], true);
    let (_, _, answer) = ask(&server, Some(&session), "", &call("sing", &json!({}))).await;
    insta::assert_json_snapshot!(answer["error"], @r#"
    {
      "code": -32602,
      "message": "there is no tool `sing`; there is `helper`, `todo`, `ask_user`"
    }
    "#);
}

#[tokio::test]
async fn a_session_is_its_tokens_own() {
    let yaml = format!(
        "{AGENT}serve: {{tokens: [{{name: a, value: token-a, user: ann}}, {{name: b, value: token-b, user: bob}}]}}\n"
    );
    let server = Server::start(&yaml);
    let list = json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/list" });
    assert_eq!(ask(&server, None, "wrong", &list).await.0, 401);
    let session = initialized(&server, "token-a").await;
    assert_eq!(ask(&server, Some(&session), "token-b", &list).await.0, 404);
    assert_eq!(ask(&server, Some(&session), "token-a", &list).await.0, 200);
    assert_eq!(ask(&server, Some("made-up"), "token-a", &list).await.0, 404);
}

#[tokio::test]
async fn a_body_of_too_many_values_is_refused() {
    let server = Server::start(AGENT);
    let session = initialized(&server, "").await;
    let many = call("todo", &json!({ "items": vec![0; 250_000] }));
    let (status, _, answer) = ask(&server, Some(&session), "", &many).await;
    assert_eq!((status, &answer["code"]), (413, &json!("body_too_large")), "{answer}");
}

/// A call as of 2026-07-28, without a session; `again` is what a call has that is made again.
async fn call_alone(server: &Server, token: &str, tool: &str, again: Value) -> Value {
    let mut params = json!({ "name": tool, "arguments": { "question": "Which colour?" }, "_meta": {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities": { "elicitation": { "form": {} } },
    } });
    params.as_object_mut().unwrap().extend(again.as_object().unwrap().clone());
    let request = server
        .client
        .post(server.at("/mcp"))
        .header("accept", "application/json, text/event-stream")
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", "tools/call")
        .header("mcp-name", tool)
        .bearer_auth(token)
        .json(&json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params }));
    let text = request.send().await.unwrap().text().await.unwrap();
    data(&text).pop().or_else(|| serde_json::from_str(&text).ok()).unwrap_or(Value::String(text))
}

#[tokio::test]
async fn a_question_in_a_result_is_answered_by_whom_it_was_put_to() {
    let yaml = format!(
        "{AGENT}serve: {{tokens: [{{name: a, value: token-a, user: ann}}, {{name: b, value: token-b, user: bob}}]}}\n"
    );
    let server = Server::start(&yaml);
    let asks = call_alone(&server, "token-a", "ask_user", json!({})).await;
    let asks = &asks["result"];
    assert_eq!(asks["resultType"], "input_required", "{asks}");
    let (id, form) = asks["inputRequests"].as_object().unwrap().iter().next().unwrap();
    insta::assert_json_snapshot!(form, @r#"
    {
      "method": "elicitation/create",
      "params": {
        "mode": "form",
        "message": "Which colour?",
        "requestedSchema": {
          "type": "object",
          "properties": {
            "answer": {
              "type": "string"
            }
          },
          "required": [
            "answer"
          ]
        }
      }
    }
    "#);
    let answers = json!({ id: { "action": "accept", "content": { "answer": "blue" } } });
    let again = json!({ "requestState": asks["requestState"], "inputResponses": answers });
    for (token, tool) in [("token-b", "ask_user"), ("token-a", "todo")] {
        let refused = call_alone(&server, token, tool, again.clone()).await;
        assert_eq!(refused["error"]["code"], -32602, "{refused}");
    }
    let answered = call_alone(&server, "token-a", "ask_user", again.clone()).await;
    assert_eq!(answered["result"]["content"][0]["text"], "blue", "{answered}");
    let over = call_alone(&server, "token-a", "ask_user", again).await;
    insta::assert_json_snapshot!(over["error"], @r#"
    {
      "code": -32602,
      "message": "no call of this tool waits with this `requestState`: make it anew, without one"
    }
    "#);
}

#[test]
fn our_own_client_drives_it_over_standard_input() {
    let env = TestEnv::new();
    env.write("helper.yaml", AGENT);
    let program = env!("CARGO_BIN_EXE_agentscope");
    env.write(
        "agent.yaml",
        format!(
            "name: boss\nmodel: demo\ntools: [mcp: helper]\npermissions: {{default: allow}}\nmcp: {{helper: {{command: {program}, args: [mcp, serve, helper.yaml], env: {{AGENTSCOPE_HOME: \"{}\"}}}}}}\n",
            env.home().display()
        ),
    );
    let tools = env.run(&["mcp", "test", "helper"]);
    assert_eq!(tools.code, Some(0), "{tools}");
    assert!(tools.stdout.contains("helper: ok, 3 tools"), "{tools}");
    let said = env.run(&["chat", "-q", "TOOL:helper:{\"message\": \"What is 2 + 3?\"}"]);
    assert_eq!(said.code, Some(0), "{said}");
    assert!(said.stdout.contains("demo model: I am not"), "{said}");
}
