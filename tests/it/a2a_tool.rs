//! The tool `a2a`: our agent asks another, ours or a foreign one.

use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
};

use serde_json::json;

use crate::common::{TestEnv, require::available, serve::Server};

/// What the agent says that has the tool, asked to call it with `text`.
fn ask(env: &TestEnv, text: &str, more: &[&str]) -> String {
    let call = format!("TOOL:billing:{}", json!({ "message": text }));
    let mut args = vec!["chat", "asker.yaml", "-q", &call, "--approve", "auto"];
    args.extend(more);
    let output = env.run(&args);
    format!("{}{}", output.stdout, output.stderr)
}

fn asker(env: &TestEnv, url: &str) {
    env.write("asker.yaml", format!("name: asker\nmodel: demo\ntools:\n  - a2a: {{name: billing, url: \"{url}\"}}\n"));
}

#[test]
fn our_own_agent_is_asked() {
    let server = Server::start("name: demo\nmodel: demo\n");
    for path in ["", "/a2a", "/agents/demo/a2a", "/.well-known/agent-card.json"] {
        asker(&server.env, &server.at(path));
        let said = ask(&server.env, "hello there", &["--offline"]);
        assert!(said.contains("demo model") || said.contains("hello there"), "{path}: {said}");
        assert!(!said.contains("Error:"), "{path}: {said}");
    }
}

#[test]
fn what_cannot_be_reached_is_told_to_the_model() {
    let env = TestEnv::new();
    asker(&env, "http://127.0.0.1:9/a2a");
    let said = ask(&env, "hi", &[]);
    assert!(said.contains("could not reach"), "{said}");
    asker(&env, "https://agent.example/a2a");
    let said = ask(&env, "hi", &["--offline"]);
    assert!(said.contains("`--offline` forbids the call to `agent.example`"), "{said}");
}

#[test]
fn a_foreign_agent_is_asked() {
    for (variable, peer, program) in [
        ("AGENTSCOPE_TEST_A2A_03_PYTHON", "a2a-0.3", include_str!("fixtures/a2a/agent_03.py")),
        ("AGENTSCOPE_TEST_A2A_1_PYTHON", "a2a-1", include_str!("fixtures/a2a/agent_1.py")),
    ] {
        let python = std::env::var(variable).unwrap_or_default();
        if !available(peer, std::path::Path::new(&python).exists()) {
            continue;
        }
        let env = TestEnv::new();
        let file = env.write("agent.py", program);
        let mut agent = Command::new(&python).arg(&file).stdout(Stdio::piped()).spawn().unwrap();
        let mut url = String::new();
        BufReader::new(agent.stdout.take().unwrap()).read_line(&mut url).unwrap();
        asker(&env, url.trim());
        let said = ask(&env, "hello there", &[]);
        let asked = ask(&env, "ask", &[]);
        agent.kill().unwrap();
        agent.wait().unwrap();
        assert!(said.contains("You said: hello there"), "{peer}: {said}");
        assert!(asked.contains("The agent asks: Which colour?"), "{peer}: {asked}");
    }
}
