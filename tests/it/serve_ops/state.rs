//! What the server tells of itself.

use serde_json::json;

use super::{answer, demo};

#[tokio::test]
async fn the_probes_and_the_root_say_what_the_python_runtime_says() {
    let server = demo("{}");
    let text = async |path: &str| server.client.get(server.at(path)).send().await.unwrap().text().await.unwrap();
    assert_eq!(text("/health").await, r#"{"status":"healthy","mode":"daemon_thread","runner":"ready"}"#);
    insta::assert_snapshot!(text("/").await, @r#"{"service":"AgentScope Runtime","mode":"daemon_thread","endpoints":{"process":"/process","stream":"/process/stream","health":"/health","task":"/process/task","task_status":"/process/task/{task_id}"}}"#);
    assert_eq!(text("/liveness").await, r#"{"status":"alive"}"#);
    let (status, ready) = server.get("/readiness").await;
    assert_eq!((status, &ready["status"]), (200, &json!("ready")));
}

#[tokio::test]
async fn a_request_has_an_id() {
    let server = demo("{}");
    let ask = |id: &'static str| answer(server.client.get(server.at("/health")).header("x-request-id", id));
    assert_eq!(ask("from-a-proxy_1").await.2["x-request-id"], "from-a-proxy_1");
    let own = ask("\"quoted\" and long").await.2["x-request-id"].clone();
    assert_eq!(own.len(), 36);
    assert_ne!(answer(server.client.get(server.at("/nothing"))).await.2["x-request-id"], own);
}

#[tokio::test]
async fn requests_are_logged_without_what_they_carry() {
    let server = demo("{tokens: [{name: a, value: top-secret}]}");
    let request = server.client.post(server.at("/turns?q=private-query")).bearer_auth("top-secret");
    let request = request.header("x-request-id", "the-id").json(&json!({ "input": "private-body" }));
    request.send().await.unwrap().text().await.unwrap();
    let line = loop {
        let line = server.said().into_iter().find(|line| line.contains("the-id"));
        match line {
            Some(line) => break line,
            None => tokio::task::yield_now().await,
        }
    };
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(
        (&line["method"], &line["route"], &line["status"]),
        (&json!("POST"), &json!("/turns"), &json!(200)),
        "{line}"
    );
    assert!(line["ms"].is_u64() && line["timestamp"].is_string() && line["level"] == "INFO", "{line}");
    for secret in ["private-query", "private-body", "top-secret"] {
        assert!(!line.to_string().contains(secret));
    }
}

#[tokio::test]
async fn turns_and_requests_are_counted() {
    let server = demo("{tokens: [{name: a, value: secret}]}");
    let body = json!({ "input": "What is 2 + 3?", "session_id": "my-session", "user_id": "ann" });
    let turn = server.client.post(server.at("/agents/demo/turns")).bearer_auth("secret").json(&body);
    assert!(turn.send().await.unwrap().text().await.unwrap().contains("turn_finished"));
    let response = server.client.get(server.at("/metrics")).bearer_auth("secret").send().await.unwrap();
    assert!(response.headers()["content-type"].to_str().unwrap().starts_with("application/openmetrics-text"));
    let text = response.text().await.unwrap();
    for line in [
        "agentscope_turns_total{agent=\"demo\",outcome=\"completed\"} 1",
        "agentscope_turns_running 0",
        "agentscope_turns_waiting 0",
        "agentscope_turn_duration_seconds_count{agent=\"demo\"} 1",
        "agentscope_http_requests_total{method=\"POST\",route=\"/agents/{agent}/turns\",status=\"200\"} 1",
        "# EOF",
    ] {
        assert!(text.lines().any(|known| known == line), "{line} is not in\n{text}");
    }
    assert!(text.contains("agentscope_tokens_total{agent=\"demo\",kind=\"output\"}"), "{text}");
    let tasks = text.lines().find_map(|line| line.strip_prefix("agentscope_runtime_tasks ")?.parse::<u32>().ok());
    assert!(tasks.is_some_and(|tasks| tasks > 0), "this connection is one: {text}");
    assert!(!text.contains("my-session") && !text.contains("ann"), "{text}");
}

#[tokio::test]
async fn the_admin_routes_are_there_for_administrators_only() {
    let none = demo("{tokens: [{name: a, value: secret}]}");
    for (path, post) in [("/admin/status", false), ("/shutdown", true), ("/admin/shutdown", true)] {
        let at = none.at(path);
        let request = if post { none.client.post(at) } else { none.client.get(at) };
        assert_eq!(answer(request.bearer_auth("secret")).await.0, 404, "{path}");
    }
    assert_eq!(demo("{}").get("/admin/status").await.0, 404);

    let mut server = demo("{tokens: [{name: a, value: secret}, {name: root, value: admin, admin: true}]}");
    let status = |token: &'static str| server.client.get(server.at("/admin/status")).bearer_auth(token).send();
    assert_eq!(status("secret").await.unwrap().status(), 403);
    let state: serde_json::Value = status("admin").await.unwrap().json().await.unwrap();
    let keys: Vec<_> = state.as_object().unwrap().keys().take(5).map(String::as_str).collect();
    assert_eq!(keys, ["pid", "status", "memory_usage", "cpu_percent", "uptime"]);
    assert_eq!((state["pid"].as_u64(), state["status"].as_str()), (Some(server.id().into()), Some("running")));
    assert_eq!(answer(server.client.post(server.at("/shutdown")).bearer_auth("secret")).await.0, 403);
    let said = server.client.post(server.at("/shutdown")).bearer_auth("admin").send().await.unwrap();
    assert_eq!(said.text().await.unwrap(), r#"{"status":"shutting down"}"#);
    assert_eq!(server.wait(), Some(0));
}

#[tokio::test]
async fn what_is_not_ready_says_why() {
    let model = crate::common::fake_model::FakeModel::start(vec![]);
    let server = crate::common::serve::Server::start(&super::agent(&model, "{}"));
    assert_eq!(server.get("/readiness").await.0, 200);
    let missing = "mcp: {gone: {command: agentscope-has-no-such-program, required: true}}\ntools: [mcp: gone]\n";
    let server = crate::common::serve::Server::start(&format!("name: demo\nmodel: demo\n{missing}"));
    // Until it is known that the program does not start.
    let ready = loop {
        let (status, ready) = server.get("/readiness").await;
        let checks = ready["checks"].as_array().unwrap().clone();
        let check = checks.iter().find(|check| check["name"] == "mcp gone").unwrap().clone();
        if status == 503 && check["reason"].as_str().is_some_and(|why| why.contains("agentscope-has-no-such-program")) {
            break ready;
        }
    };
    assert_eq!(ready["status"], "not_ready");
    // In the log are that, and what is no probe.
    server.get("/").await;
    let mut log = vec![];
    while !log.iter().any(|line: &String| line.contains(r#""route":"/""#)) {
        log.extend(server.said());
        tokio::task::yield_now().await;
    }
    let log = log.join("\n");
    assert!(log.contains("not ready") && log.contains("agentscope-has-no-such-program"), "{log}");
    assert!(!log.contains(r#""route":"/readiness""#), "{log}");
    assert_eq!(ready["checks"][0], json!({ "name": "store", "ready": true }));

    // What a provider says of a key is not for everybody.
    let tokens = "serve: {tokens: [{name: a, value: secret}]}\n";
    let server = crate::common::serve::Server::start(&format!("name: demo\nmodel: demo\n{missing}{tokens}"));
    let reason = async |token: &str| {
        let response = server.client.get(server.at("/readiness")).bearer_auth(token).send().await.unwrap();
        let ready: serde_json::Value = response.json().await.unwrap();
        let checks = ready["checks"].as_array().unwrap().iter();
        checks.filter(|check| check["ready"] == false).map(|check| check["reason"].clone()).collect::<Vec<_>>()
    };
    while !reason("secret").await.iter().any(|why| why.as_str().is_some_and(|why| why.contains("no-such-program"))) {}
    assert_eq!(reason("secreT").await, [serde_json::Value::Null]);
}

#[tokio::test]
async fn a_refused_key_and_a_sandbox_that_cannot_be_made_say_so() {
    let red = async |server: &crate::common::serve::Server, name: &str| {
        let (status, ready) = server.get("/readiness").await;
        let check = ready["checks"].as_array().unwrap().iter().find(|check| check["name"] == name).cloned();
        let check = check.unwrap_or_else(|| panic!("no {name} in {ready}"));
        assert_eq!((status, &check["ready"]), (503, &json!(false)), "{ready}");
        check["reason"].as_str().unwrap().to_owned()
    };
    let model = crate::common::fake_model::FakeModel::refusing();
    let server = crate::common::serve::Server::start(&super::agent(&model, "{}"));
    let reason = red(&server, "model openai-compatible/fake").await;
    assert!(reason.contains("the key is wrong"), "{reason}");

    let env = crate::common::TestEnv::new().var("DOCKER_HOST", "unix:///nothing/is/here.sock");
    let boxed = "name: demo\nmodel: demo\ntools: [shell]\nsandbox: {backend: docker}\n";
    let server = crate::common::serve::Server::start_in(env, boxed, &[]);
    let reason = red(&server, "sandbox").await;
    assert!(reason.contains("/nothing/is/here.sock"), "{reason}");
}
