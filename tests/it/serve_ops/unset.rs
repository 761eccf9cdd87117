//! What the agent file refers to and is not set.

use crate::common::TestEnv;

/// Every part of a served file refers to something.
const FILE: &str = r#"name: lead
model: smart
serve: {tokens: [{name: web, value: "${WEB_TOKEN}"}]}
storage: {sessions: "sqlite:${FOLDER}/sessions.db"}
models:
  smart: {provider: openai, api_key: "${SMART_KEY}"}
  other: {provider: openai, api_key: "${OTHER_KEY}"}
  spare: {provider: openai, api_key: "${SPARE_KEY}"}
agents:
  helper: {model: other, sandbox: {env: {TOKEN: "${BOX_TOKEN}"}}}
tools: [agent: helper]
"#;

/// The variables that an error names, in its order.
fn named(output: &str) -> Vec<&str> {
    output.lines().filter_map(|line| line.strip_prefix("error: the variable `")?.strip_suffix("` is not set")).collect()
}

/// A token that is not set would be the text that refers to it, which whoever knows the file could send.
#[test]
fn a_server_wants_all_at_once_and_a_chat_what_it_uses() {
    let env = TestEnv::new();
    env.write("agent.yaml", FILE);
    let run = env.run(&["run", "agent.yaml", "--port", "0"]);
    assert_eq!(run.code, Some(2));
    assert_eq!(named(&run.stderr), ["WEB_TOKEN", "FOLDER", "SMART_KEY", "OTHER_KEY", "BOX_TOKEN"], "{}", run.stderr);
    let chat = env.run(&["chat", "agent.yaml", "-q", "hello"]);
    assert_eq!(chat.code, Some(2));
    assert_eq!(named(&chat.stderr), ["FOLDER", "SMART_KEY"], "{}", chat.stderr);
    // Nobody reaches this one over HTTP.
    let mcp = env.run(&["mcp", "serve", "agent.yaml"]);
    assert_eq!(mcp.code, Some(2));
    assert_eq!(named(&mcp.stderr), ["FOLDER", "SMART_KEY", "OTHER_KEY", "BOX_TOKEN"], "{}", mcp.stderr);
}
