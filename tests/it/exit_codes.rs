//! The exit codes that scripts rely on, each met by what leads to it.

use serde_json::json;

use crate::common::{
    TestEnv,
    fake_model::{FakeModel, Reply},
};

const AGENT: &str = "name: tester\nmodel: demo\ntools: [todo, fetch]\npermissions: {default: ask, deny: [todo]}\n";

#[test]
fn each_kind_of_end_has_its_own() {
    let env = TestEnv::new();
    env.write("agent.yaml", AGENT);
    env.write("wrong.yaml", "nam: tester\n");
    env.write("keyless.yaml", "name: tester\nmodel: openai/gpt-5-mini\n");
    let page = r#"TOOL:fetch:{"url":"http://127.0.0.1:9/"}"#;
    let cases: &[(u8, &[&str])] = &[
        (0, &["chat", "-q", "hello"]),
        (0, &["--help"]),
        (0, &["--version"]),
        // What a rule denies is the agent's everyday, and what fails is the model's to mend.
        (0, &["chat", "-q", "Plan: buy milk"]),
        (0, &["chat", "-q", page, "--approve", "auto"]),
        (1, &["init"]),
        (1, &["--offline", "mcp", "login", "http://mcp.example/"]),
        (1, &["doctor", "wrong.yaml"]),
        (2, &["chat", "--nope"]),
        (2, &["chat", "wrong.yaml", "-q", "hello"]),
        (2, &["chat", "keyless.yaml", "-q", "hello"]),
        (2, &["chat", "-q", "-"]),
        (2, &["validate", "wrong.yaml"]),
        (2, &["setup"]),
        (3, &["chat", "-q", page]),
        (3, &["chat", "-q", page, "--approve", "deny"]),
        (4, &["chat", "missing.yaml", "-q", "hello"]),
        (4, &["validate", "missing.yaml"]),
        (4, &["import", "missing.json"]),
        (4, &["mcp", "test", "missing"]),
        (4, &["session", "show", "missing"]),
    ];
    for (code, args) in cases {
        let output = env.run(args);
        assert_eq!(output.code, Some(i32::from(*code)), "{args:?}\n{output}");
    }
}

/// An agent whose model is `server`, with `more` lines in its file.
fn agent(server: &FakeModel, more: &str) -> TestEnv {
    let env = TestEnv::new();
    let url = server.url();
    env.write(
        "agent.yaml",
        format!(
            "name: tester\nmodel: fake\nmodels:\n  fake: {{provider: openai-compatible, model: fake, base_url: \"{url}\", retries: 0}}\n{more}\n"
        ),
    );
    env
}

#[test]
fn a_model_that_refuses_is_1() {
    let server = FakeModel::start(vec![Reply::status(400, json!({ "error": { "message": "no" } }).to_string())]);
    let output = agent(&server, "").run(&["chat", "-q", "hello"]);
    assert_eq!(output.code, Some(1), "{output}");
}

#[test]
fn a_turn_that_takes_too_long_is_124() {
    let (_never, wait) = std::sync::mpsc::channel();
    let server = FakeModel::start(vec![Reply::stream().wait(wait)]);
    let env = agent(&server, "limits: {time: 1s}");
    insta::assert_snapshot!(env.run(&["chat", "-q", "hello"]), @"
    exit 124
    --- stderr
    using ./agent.yaml
    error: stopped after 1 s
    hint: send another message to go on, or raise `limits.time` in the agent file
    ");
}

#[cfg(unix)]
#[test]
fn an_interrupted_turn_is_130() {
    use std::{io::Read as _, process::Stdio};

    let (_never, wait) = std::sync::mpsc::channel();
    let hello = json!({ "choices": [{ "index": 0, "delta": { "content": "Hello" }, "finish_reason": null }] });
    let server = FakeModel::start(vec![Reply::stream().event(&hello).wait(wait)]);
    let env = agent(&server, "");
    let mut child = env.command(&["chat", "-q", "hello"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut first = [0; 5];
    child.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
    assert_eq!(&first, b"Hello");
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    // The session is left tidy: it goes on.
    let listed = env.run(&["session", "list", "-o", "json"]);
    assert!(listed.stdout.contains("\"title\": \"hello\""), "{listed}");
}
