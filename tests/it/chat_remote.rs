//! `agentscope chat URL`: our own API from the other side.

use crate::common::{TestEnv, serve::Server};

const AGENT: &str =
    "name: demo\nmodel: demo\nwelcome: Hello from afar.\ntools: [ask_user, todo]\npermissions: {ask: [todo]}\n";

#[test]
fn one_message_and_then_another_in_the_same_session() {
    let server = Server::start(AGENT);
    let user = TestEnv::new();
    let first = user.run(&["chat", &server.url, "-q", "What is 2 + 3?", "--session-id", "s1"]);
    assert_eq!(first.code, Some(0), "{first}");
    assert!(first.stdout.starts_with("demo model: "), "{first}");
    let next = user.run(&["chat", &server.at("/agents/demo"), "--continue", "-q", "hello", "-o", "json"]);
    assert_eq!(next.code, Some(0), "{next}");
    let report: serde_json::Value = serde_json::from_str(&next.stdout).unwrap();
    assert_eq!(report["session"], "s1");
}

#[test]
fn what_is_asked_is_answered_line_by_line() {
    let server = Server::start(AGENT);
    let user = TestEnv::new();
    let lines = "TOOL:ask_user:{\"question\": \"Which colour?\"}\nblue\nTOOL:todo:{\"items\": []}\nn\n";
    let chat = user.run_with(&["chat", &server.url, "--plain"], lines);
    assert_eq!(chat.code, Some(0), "{chat}");
    assert!(chat.stderr.contains("Hello from afar."), "{chat}");
    assert!(chat.stderr.contains("question Which colour?"), "{chat}");
    assert!(chat.stdout.contains("blue"), "{chat}");
    assert!(chat.stderr.contains("allow todo"), "{chat}");
}

#[test]
fn where_nobody_can_be_asked_the_server_waits_for_nobody() {
    let server = Server::start(AGENT);
    let user = TestEnv::new();
    let denied = user.run(&["chat", &server.url, "-q", "TOOL:todo:{\"items\": []}"]);
    assert_eq!(denied.code, Some(3), "{denied}");
    assert!(denied.stderr.contains("nobody can be asked"), "{denied}");
}

#[test]
fn what_is_wrong_is_told_with_the_next_step() {
    let server =
        Server::start("name: demo\nmodel: demo\nserve: {tokens: [{name: t, value: secret-token, user: ann}]}\n");
    let user = TestEnv::new();
    let url = server.url.clone();
    let said = |output: crate::common::Output| output.to_string().replace(&url, "[URL]");
    insta::assert_snapshot!(said(user.run(&["chat", &url, "-q", "hi"])), @"
    exit 1
    --- stderr
    error: the server at `[URL]` answered 401: this server wants a bearer token in `Authorization`
    hint: set AGENTSCOPE_TOKEN to one of the server's tokens
    ");
    insta::assert_snapshot!(said(user.run(&["chat", &url, "-q", "hi", "--model", "demo"])), @"
    exit 2
    --- stderr
    error: `--model` cannot be given for an agent that a server runs
    hint: the server decides that, in its agent file
    ");
    insta::assert_snapshot!(said(user.run(&["chat", "http://127.0.0.1:1", "-q", "hi"])), @"
    exit 1
    --- stderr
    error: could not reach the server at `http://127.0.0.1:1`
      because: error sending request
      because: client error (Connect)
      because: tcp connect error
      because: Connection refused (os error 111)
    hint: check the address, and that `agentscope run` runs there
    ");
    let user = user.var("AGENTSCOPE_TOKEN", "secret-token");
    assert_eq!(user.run(&["chat", &url, "-q", "hi"]).code, Some(0));
    insta::assert_snapshot!(said(user.run(&["chat", &format!("{url}/agents/nobody"), "-q", "hi"])), @"
    exit 4
    --- stderr
    error: the server at `[URL]` has no agent `nobody`
    hint: leave out `/agents/NAME` for the agent that the server has by default
    ");
}
