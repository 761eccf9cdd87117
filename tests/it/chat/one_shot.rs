//! One message, one answer.

use super::{AGENT, scripted};
use crate::common::{TestEnv, fake_model::Reply};

fn env() -> TestEnv {
    let env = TestEnv::new();
    env.write("agent.yaml", AGENT);
    env
}

#[test]
fn the_answer_is_on_stdout_and_the_tools_on_stderr() {
    insta::assert_snapshot!(env().run(&["chat", "-q", "Plan: buy milk, bake bread"]), @r#"
    exit 0
    --- stdout
    demo model: `todo` says: To-do list (0 of 2 done):
    [ ] buy milk
    [ ] bake bread
    --- stderr
    using ./agent.yaml
    tool todo {"items":[{"text":"buy milk"},{"text":"bake bread"}]}: To-do list (0 of 2 done):
    "#);
}

#[test]
fn without_an_agent_file_the_builtin_agent_answers() {
    let env = TestEnv::new();
    insta::assert_snapshot!(env.run(&["chat", "--model", "demo", "-q", "TOOL:todo:{\"items\": []}"]), @r#"
    exit 0
    --- stdout
    demo model: `todo` says: The to-do list is empty.
    --- stderr
    no ./agent.yaml: using the built-in quickstart agent
    tool todo {"items":[]}: The to-do list is empty.
    "#);
}

#[test]
fn json_is_one_document() {
    let output = env().run(&["chat", "-q", "TOOL:memory:{\"action\": \"recall\"}", "-o", "json"]);
    let document: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
    insta::assert_json_snapshot!(document, { ".session" => "[session]", ".turn" => "[turn]", ".text" => "[text]" }, @r#"
    {
      "session": "[session]",
      "turn": "[turn]",
      "agent": "tester",
      "status": "completed",
      "text": "[text]",
      "tool_calls": [
        {
          "agent": "tester",
          "name": "memory",
          "arguments": {
            "action": "recall"
          },
          "status": "ok",
          "content": [
            {
              "type": "text",
              "text": "No notes."
            }
          ]
        }
      ],
      "usage": {
        "input_tokens": 16,
        "output_tokens": 16,
        "cached_tokens": 0,
        "reasoning_tokens": 0,
        "cost": 0.0
      }
    }
    "#);
}

#[test]
fn stream_json_is_an_event_a_line() {
    let output = env().run(&["chat", "-q", "hello", "-o", "stream-json"]);
    let events: Vec<serde_json::Value> =
        output.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(events.iter().enumerate().all(|(index, event)| event["seq"] == index), "{output}");
    assert_eq!(events.first().unwrap()["type"], "turn_started");
    assert_eq!(events.last().unwrap()["type"], "turn_finished");
}

#[test]
fn the_message_can_be_piped() {
    let env = env();
    let piped = env.run_with(&["chat"], "hello");
    let dash = env.run_with(&["chat", "-q", "-"], "hello");
    let given = env.run(&["chat", "-q", "hello"]);
    assert_eq!(piped.code, Some(0), "{piped}");
    assert_eq!((&piped.stdout, &piped.code), (&given.stdout, &given.code));
    assert_eq!((&dash.stdout, &dash.code), (&given.stdout, &given.code));
}

#[test]
fn input_that_cannot_be_sent_is_wrong_usage() {
    let env = env();
    insta::assert_snapshot!(env.run_with(&["chat"], ""), @"
    exit 2
    --- stderr
    using ./agent.yaml
    error: standard input is empty
    hint: say something with `-q TEXT`, or pipe it in
    ");
    insta::assert_snapshot!(env.run_with(&["chat", "-q", "-"], " \n"), @"
    exit 2
    --- stderr
    using ./agent.yaml
    error: standard input is empty
    hint: say something with `-q TEXT`, or pipe it in
    ");
    insta::assert_snapshot!(env.run_with(&["chat"], b"caf\xe9"), @"
    exit 2
    --- stderr
    using ./agent.yaml
    error: standard input is not text: byte 4 is not UTF-8
    hint: text in UTF-8 and PNG, JPEG, GIF and WebP images can be sent
    ");
    insta::assert_snapshot!(env.run(&["chat", "-q", ""]), @"
    exit 2
    --- stderr
    using ./agent.yaml
    error: the message is empty
    hint: say something with `-q TEXT`
    ");
}

#[test]
fn files_are_attached() {
    let env = env();
    env.write("notes.txt", "TOOL:todo:{\"items\": []}");
    env.write("dot.png", b"\x89PNG\r\n\x1a\n....");
    env.write("program", b"\x7fELF\x02\x01\x00\x00");
    let output = env.run(&["chat", "-q", "read", "--file", "notes.txt"]);
    assert_eq!(output.code, Some(0), "{output}");
    assert!(output.stderr.contains("tool todo"), "{output}");
    let output = env.run(&["chat", "-q", "look", "--file", "dot.png"]);
    assert_eq!(output.code, Some(0), "{output}");
    insta::assert_snapshot!(env.run(&["chat", "-q", "run", "--file", "program"]), @"
    exit 2
    --- stderr
    using ./agent.yaml
    error: `program` is not text: it holds NUL bytes
    hint: text in UTF-8 and PNG, JPEG, GIF and WebP images can be sent
    ");
    insta::assert_snapshot!(env.run(&["chat", "-q", "run", "--file", "missing"]), @"
    exit 4
    --- stderr
    using ./agent.yaml
    error: there is no file `missing`
    ");
}

#[test]
fn a_word_that_is_no_agent_is_not_found() {
    let env = env();
    insta::assert_snapshot!(env.run(&["chat", "hello"]), @r#"
    exit 4
    --- stderr
    error: there is no agent file or folder `hello`
    hint: to send it as a message, use `agentscope chat -q "hello"`
    "#);
    insta::assert_snapshot!(env.run(&["chat", "missing/agent.yaml", "-q", "x"]), @"
    exit 4
    --- stderr
    error: there is no agent file or folder `missing/agent.yaml`
    hint: `agentscope init` makes a new one
    ");
    insta::assert_snapshot!(env.run(&["tools", "https://agents.example/a"]), @"
    exit 2
    --- stderr
    error: `https://agents.example/a` is an agent that runs, and this command needs its file
    hint: give a path to an agent file; `agentscope chat` takes an address
    ");
    std::fs::create_dir(env.work().join("empty")).unwrap();
    insta::assert_snapshot!(env.run(&["chat", "empty", "-q", "x"]), @"
    exit 4
    --- stderr
    error: the folder `empty` holds no agent.yaml
    hint: make one with `agentscope init empty`
    ");
}

#[test]
fn a_session_is_gone_on_with() {
    let env = env();
    let turn = |args: &[&str]| -> serde_json::Value {
        let output = env.run(&[&["chat", "-o", "json"], args].concat());
        serde_json::from_str(&output.stdout).unwrap_or_else(|_| panic!("{output}"))
    };
    insta::assert_snapshot!(env.run(&["chat", "--continue", "-q", "again"]), @"
    exit 4
    --- stderr
    using ./agent.yaml
    error: there is no session of `tester` to go on with
    hint: leave out `--continue` to begin one; `agentscope session list` shows all
    ");
    let first = turn(&["-q", "one"]);
    let second = turn(&["--continue", "-q", "two"]);
    assert_eq!(first["session"], second["session"]);
    let other = turn(&["--session-id", "mine", "-q", "three"]);
    assert_eq!(other["session"], "mine");
}

#[test]
fn an_id_that_cannot_be_one() {
    let env = env();
    for id in ["", " ", "a b", "a\tb", "a\u{1b}[2J", &"x".repeat(129)] {
        let output = env.run(&["chat", "--session-id", id, "-q", "hello"]);
        assert_eq!(output.code, Some(2), "{id:?}: {output}");
        assert!(output.stderr.contains("1 to 128 characters"), "{id:?}: {output}");
    }
    assert_eq!(env.run(&["chat", "--session-id", &"é".repeat(128), "-q", "hello"]).code, Some(0));
}

#[test]
fn what_may_not_be_done_is_not_done() {
    let env = env();
    env.write("agent.yaml", &(AGENT.to_owned() + "permissions: {ask: [todo]}\n"));
    let call = "TOOL:todo:{\"items\": []}";
    insta::assert_snapshot!(env.run(&["chat", "-q", call]), @r#"
    exit 3
    --- stdout
    demo model: `todo` says: Denied: the rule `todo` asks, and nobody can be asked
    --- stderr
    using ./agent.yaml
    tool todo {"items":[]}: denied: the rule `todo` asks, and nobody can be asked
    "#);
    assert_eq!(env.run(&["chat", "-q", call, "--approve", "auto"]).code, Some(0));
    assert_eq!(env.run(&["chat", "-q", call, "--approve", "deny"]).code, Some(3));
    env.write("agent.yaml", &(AGENT.to_owned() + "permissions: {deny: [todo]}\n"));
    assert_eq!(env.run(&["chat", "-q", call]).code, Some(0), "a rule of the file is not a want of somebody to ask");
}

#[test]
fn a_model_without_a_key_is_wrong_configuration() {
    insta::assert_snapshot!(env().run(&["chat", "--model", "anthropic", "-q", "x"]), @"
    exit 2
    --- stderr
    using ./agent.yaml
    error: `anthropic/claude-sonnet-5-5` needs a key, and ANTHROPIC_API_KEY is not set
    hint: set ANTHROPIC_API_KEY, or store a key with `agentscope setup`; `--model demo` works without one
    ");
}

#[test]
fn offline_names_the_call_it_refused() {
    let env = env().var("OPENAI_API_KEY", "sk-very-secret");
    let output = env.run(&["chat", "--offline", "--model", "openai", "-q", "x"]);
    assert!(!output.to_string().contains("very-secret"));
    insta::assert_snapshot!(output, @"
    exit 1
    --- stderr
    using ./agent.yaml
    error: openai/gpt-5-mini: `--offline` forbids the call to `api.openai.com`
    hint: leave out `--offline`, or use a model on this machine
    ");
}

#[test]
fn nothing_that_others_wrote_drives_the_terminal() {
    let failure = r#"{"error": {"message": "no\u001b[2Jno"}}"#;
    let (env, _server) = scripted(
        "tools: [todo]\n",
        vec![
            Reply::calls(&[("gone\u{9b}2J", serde_json::json!({ "\u{9b}": "\u{1b}]0;x\u{7}" }))]),
            Reply::status(400, failure),
        ],
    );
    for output in ["text", "json", "stream-json"] {
        let output = env.run(&["chat", "-q", "Go", "-o", output]);
        let all = output.stdout + &output.stderr;
        assert!(!all.contains(|c: char| c.is_control() && c != '\n'), "{all:?}");
    }
}
