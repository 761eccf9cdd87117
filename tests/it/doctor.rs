//! `agentscope doctor`.

use crate::common::TestEnv;

#[test]
fn what_keeps_an_agent_from_running_is_named_with_its_cure() {
    let env = TestEnv::new();
    env.write(
        "agent.yaml",
        "name: x\nmodel: anthropic\ntools: [python, {mcp: a}]\nmcp: {a: {command: no-such-program}}\n",
    );
    env.write("AGENTS.md", "Be kind.");
    let output = env.run(&["doctor", "-o", "json"]);
    assert_eq!(output.code, Some(1), "{output}");
    let found: Vec<serde_json::Value> = serde_json::from_str(&output.stdout).unwrap();
    let of_agent = found.iter().skip_while(|finding| finding["topic"] != "agent");
    let shown: String = of_agent.map(|finding| format!("{finding}\n")).collect();
    insta::assert_snapshot!(shown, @r#"
    {"topic":"agent","status":"ok","what":"x (agent.yaml)"}
    {"topic":"model","status":"failed","what":"`anthropic/claude-sonnet-5-5` needs a key, and ANTHROPIC_API_KEY is not set","hint":"set ANTHROPIC_API_KEY, or store a key with `agentscope setup`; `--model demo` works without one"}
    {"topic":"context","status":"ok","what":"[WORK]/AGENTS.md (8 bytes)"}
    {"topic":"sandbox","status":"ok","what":"`python` of x run in it, by the backend `auto`","hint":"`agentscope sandbox doctor` says what isolation this machine gives"}
    {"topic":"mcp a","status":"warning","what":"the program `no-such-program` is not found","hint":"install it, or give its path under `mcp`"}
    "#);
}

#[test]
fn the_winning_key_is_named_and_never_shown() {
    let env = TestEnv::new().var("OPENAI_API_KEY", "sk-from-the-environment");
    env.write("agent.yaml", "name: x\nmodel: openai\n");
    env.write(".env", "OPENAI_API_KEY=sk-from-a-file\nANTHROPIC_API_KEY=sk-other\n");
    let output = env.run(&["doctor"]);
    assert_eq!(output.code, Some(0), "{output}");
    let keys: String =
        output.stdout.lines().filter(|line| line.contains("_API_KEY from")).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!(keys, @"
    ok    openai         OPENAI_API_KEY from environment
    ok    anthropic      ANTHROPIC_API_KEY from [WORK]/.env
    ");
    assert!(!output.to_string().contains("sk-"), "{output}");
}
