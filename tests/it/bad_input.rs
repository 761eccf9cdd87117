//! What users, disks and servers do wrong: each gets a clear message and the right exit code, none a panic or a hang.

use serde_json::json;

use crate::common::{
    Output, TestEnv,
    fake_model::{FakeModel, Reply},
};

/// What `chat` says; `validate` says the same.
fn refused(env: &TestEnv, file: &str) -> Output {
    let chat = env.run(&["chat", file, "-q", "hi"]);
    let validate = env.run(&["validate", file]);
    let first = chat.stderr.lines().next().unwrap_or_default();
    assert!(validate.code == chat.code && validate.to_string().contains(first), "{validate}{chat}");
    chat
}

#[test]
fn files_that_cannot_be_read() {
    let env = TestEnv::new();
    std::fs::create_dir(env.work().join("empty-folder")).unwrap();
    env.write("binary.yaml", b"\x7fELF\x02\x01\x01\0\0\0");
    env.write("latin1.yaml", b"name: caf\xe9\n");
    env.write("empty.yaml", "");
    env.write("text.yaml", "Just a sentence.\n");
    insta::assert_snapshot!(refused(&env, "missing.yaml"), @"
    exit 4
    --- stderr
    error: there is no agent file or folder `missing.yaml`
    hint: `agentscope init` makes a new one
    ");
    insta::assert_snapshot!(refused(&env, "empty-folder"), @"
    exit 4
    --- stderr
    error: the folder `empty-folder` holds no agent.yaml
    hint: make one with `agentscope init empty-folder`
    ");
    insta::assert_snapshot!(refused(&env, "binary.yaml"), @"
    exit 2
    --- stderr
    error: `binary.yaml` is not a text file
     |
     = help: an agent file is YAML in UTF-8
    ");
    insta::assert_snapshot!(refused(&env, "latin1.yaml"), @"
    exit 2
    --- stderr
    error: `latin1.yaml` is not UTF-8: line 1 has bytes that are no characters
     |
     = help: save it as UTF-8
    ");
    insta::assert_snapshot!(refused(&env, "empty.yaml"), @"
    exit 2
    --- stderr
    error: `empty.yaml` is empty
     |
     = help: the smallest agent file is `name: assistant`; `agentscope init` writes a larger one
    ");
    insta::assert_snapshot!(refused(&env, "text.yaml"), @"
    exit 2
    --- stderr
    error: an agent file is a mapping of keys to values
     --> text.yaml:1:1
      |
    1 | Just a sentence.
      | ^^^^^^^^^^^^^^^^
      |
      = help: the smallest one is `name: assistant`
    ");
}

#[test]
fn yaml_that_is_wrong() {
    let env = TestEnv::new();
    env.write("syntax.yaml", "name: a\ntools: [fetch\nmodel: x\n");
    env.write("keys.yaml", "nmae: a\ninstrucions: Be brief.\ntools: [fetc]\nlimits: {steps: many}\n");
    env.write("twice.yaml", "name: a\nname: b\n");
    insta::assert_snapshot!(refused(&env, "syntax.yaml"), @"
    exit 2
    --- stderr
    error: not valid YAML: `[` is not closed
     --> syntax.yaml:2:8
      |
    2 | tools: [fetch
      |        ^
    ");
    insta::assert_snapshot!(refused(&env, "keys.yaml"), @"
    exit 2
    --- stderr
    error: `nmae` is not a key of an agent file
     --> keys.yaml:1:1
      |
    1 | nmae: a
      | ^^^^
      |
      = help: did you mean `name`?

    error: the file has no `name`
     --> keys.yaml:1:1
      |
    1 | nmae: a
      | ^^^^^^^
      |
      = help: add a line such as `name: assistant`

    error: `instrucions` is not a key of an agent file
     --> keys.yaml:2:1
      |
    2 | instrucions: Be brief.
      | ^^^^^^^^^^^
      |
      = help: did you mean `instructions`?

    error: there is no tool `fetc`
     --> keys.yaml:3:9
      |
    3 | tools: [fetc]
      |         ^^^^
      |
      = help: did you mean `fetch`?

    error: expected a whole number, found a string
     --> keys.yaml:4:17
      |
    4 | limits: {steps: many}
      |                 ^^^^
    ");
    insta::assert_snapshot!(refused(&env, "twice.yaml"), @"
    exit 2
    --- stderr
    error: the key `name` stands here a second time
     --> twice.yaml:2:1
      |
    2 | name: b
      | ^^^^
      |
      = help: the first one is in line 1; keep one of them
    ");
}

#[test]
fn yaml_that_is_too_much() {
    let env = TestEnv::new();
    env.write("large.yaml", format!("name: a\ninstructions: {}\n", "x".repeat(50 << 20)));
    env.write("deep.yaml", format!("name: a\nmodels: {}{}\n", "[".repeat(100_000), "]".repeat(100_000)));
    let mut bomb = "name: a\na0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..30 {
        let references = vec![format!("*a{}", level - 1); 9].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{references}]\n"));
    }
    env.write("bomb.yaml", bomb);
    insta::assert_snapshot!(refused(&env, "large.yaml"), @"
    exit 2
    --- stderr
    error: `large.yaml` has more than 1 MiB
     |
     = help: an agent file is a page or two; long instructions can stand in an `instructions_file`
    ");
    let deep = refused(&env, "deep.yaml");
    assert!(deep.stderr.len() < 2000, "the line is not shown whole");
    insta::assert_snapshot!(deep.stderr.lines().next().unwrap(), @"error: the file is nested more than 64 levels deep");
    insta::assert_snapshot!(refused(&env, "bomb.yaml"), @"
    exit 2
    --- stderr
    error: the file has more than 50000 values
     --> bomb.yaml:6:30
      |
    6 | a4: &a4 [*a3, *a3, *a3, *a3, *a3, *a3, *a3, *a3, *a3]
      |                              ^^^
    ");
}

#[test]
fn messages_that_cannot_be_sent() {
    let env = TestEnv::new();
    env.write("agent.yaml", "name: a\nmodel: demo/demo\n");
    env.write("binary.bin", b"\x00\x01\x02");
    insta::assert_snapshot!(env.run(&["chat"]), @"
    exit 2
    --- stderr
    using ./agent.yaml
    error: standard input is empty
    hint: say something with `-q TEXT`, or pipe it in
    ");
    insta::assert_snapshot!(env.run_with(&["chat"], " \n"), @"
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
    insta::assert_snapshot!(env.run(&["chat", "-q", "x", "--file", "missing.txt"]), @"
    exit 4
    --- stderr
    using ./agent.yaml
    error: there is no file `missing.txt`
    ");
    insta::assert_snapshot!(env.run(&["chat", "-q", "x", "--file", "binary.bin"]), @"
    exit 2
    --- stderr
    using ./agent.yaml
    error: `binary.bin` is not text: it holds NUL bytes
    hint: text in UTF-8 and PNG, JPEG, GIF and WebP images can be sent
    ");
    insta::assert_snapshot!(env.run(&["chat", "hello"]), @r#"
    exit 4
    --- stderr
    error: there is no agent file or folder `hello`
    hint: to send it as a message, use `agentscope chat -q "hello"`
    "#);
}

#[test]
fn mcp_servers_that_misbehave() {
    let chat = |script: &str, timeout: &str, more: &str| {
        let env = TestEnv::new();
        let required = more == "required";
        let server = json!({ "command": "sh", "args": ["-c", script], "timeout": timeout, "required": required });
        env.write("agent.yaml", format!("name: a\nmodel: demo/demo\ntools:\n  - mcp: bad\nmcp:\n  bad: {server}\n"));
        env.run(&["chat", "-q", "hi"])
    };
    insta::assert_snapshot!(chat("echo 'no licence' >&2; exit 3", "30s", ""), @"
    exit 0
    --- stdout
    demo model: I am not a language model but a few fixed rules, so that you can try agentscope without a key. I have no tools here. `agentscope setup` chooses a real model.
    --- stderr
    using ./agent.yaml
    warning: MCP server bad failed: it ended with exit status: 3; its last words: no licence
    ");
    insta::assert_snapshot!(chat("echo 'no licence' >&2; exit 3", "30s", "required"), @"
    exit 1
    --- stderr
    using ./agent.yaml
    error: the MCP server `bad` is required and does not answer: it ended with exit status: 3; its last words: no licence
    ");
    insta::assert_snapshot!(chat("sleep 600", "1s", ""), @"
    exit 0
    --- stdout
    demo model: I am not a language model but a few fixed rules, so that you can try agentscope without a key. I have no tools here. `agentscope setup` chooses a real model.
    --- stderr
    using ./agent.yaml
    warning: MCP server bad failed: no answer within 1 s; raise its `timeout` if it needs longer to start
    ");
    insta::assert_snapshot!(chat("echo hello; echo '{'; sleep 600", "3s", ""), @"
    exit 0
    --- stdout
    demo model: I am not a language model but a few fixed rules, so that you can try agentscope without a key. I have no tools here. `agentscope setup` chooses a real model.
    --- stderr
    using ./agent.yaml
    warning: MCP server bad failed: no answer within 3 s; it wrote `hello` where a message of MCP is wanted; raise its `timeout` if it needs longer to start
    ");
    insta::assert_snapshot!(chat("cat /dev/zero", "30s", ""), @"
    exit 0
    --- stdout
    demo model: I am not a language model but a few fixed rules, so that you can try agentscope without a key. I have no tools here. `agentscope setup` chooses a real model.
    --- stderr
    using ./agent.yaml
    warning: MCP server bad failed: it floods its standard output with what is not MCP; it wrote `����������������������������������������������������������������������������������������������������…` where a message of MCP is wanted
    ");
}

/// An agent that talks to a model server which answers by `script`.
fn scripted(script: Vec<Reply>) -> (TestEnv, FakeModel) {
    let env = TestEnv::new();
    let server = FakeModel::start(script);
    env.write(
        "agent.yaml",
        format!(
            "name: a\nmodel: m\nmodels:\n  m: {{provider: openai-compatible, model: fake, base_url: \"{}\", retries: 0}}\ntools: [todo]\n",
            server.url()
        ),
    );
    (env, server)
}

#[test]
fn a_model_that_goes_in_circles() {
    let again = || Reply::calls(&[("todo", json!({ "items": [{ "text": "again", "status": "pending" }] }))]);
    let (env, server) = scripted((0..40).map(|_| again()).collect());
    insta::assert_snapshot!(env.run(&["chat", "-q", "go"]), @r#"
    exit 1
    --- stderr
    using ./agent.yaml
    tool todo {"items":[{"text":"again","status":"pending"}]}: To-do list (0 of 1 done):
    tool todo {"items":[{"text":"again","status":"pending"}]}: To-do list (0 of 1 done):
    tool todo {"items":[{"text":"again","status":"pending"}]}: To-do list (0 of 1 done):
    tool todo {"items":[{"text":"again","status":"pending"}]}: To-do list (0 of 1 done):
    tool todo {"items":[{"text":"again","status":"pending"}]}: To-do list (0 of 1 done):
    tool todo {"items":[{"text":"again","status":"pending"}]}: canceled
    error: the model called `todo` 6 times in a row with the same arguments, and the same came of it
    hint: say what to do differently, or try another model
    "#);
    assert!(server.requests().len() < 20, "it was stopped early");
}

#[test]
fn a_model_that_writes_nonsense() {
    let broken = Reply::stream()
        .event(
            &json!({ "choices": [{ "index": 0, "delta": { "tool_calls": [{ "index": 0, "id": "1", "type": "function",
            "function": { "name": "todo", "arguments": "{\"items\": [" } }] }, "finish_reason": null }] }),
        )
        .event(&json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": "tool_calls" }] }))
        .bytes("data: [DONE]\n\n");
    let (env, server) = scripted(vec![
        broken,
        Reply::calls(&[("nothing", json!({}))]),
        Reply::calls(&[("todo", json!({"items": 5}))]),
        Reply::text("I give up."),
    ]);
    insta::assert_snapshot!(env.run(&["chat", "-q", "go"]), @r#"
    exit 0
    --- stdout
    I give up.
    --- stderr
    using ./agent.yaml
    tool todo "{\"items\": [": failed: invalid arguments: not valid JSON; send one JSON object
    tool nothing {}: failed: there is no tool `nothing`; the tools are todo
    tool todo {"items":5}: failed: invalid arguments: at /items: 5 is not of type "array"
    "#);
    let told: Vec<_> = server
        .requests()
        .iter()
        .skip(1)
        .map(|request| {
            let messages = request.body["messages"].as_array().unwrap();
            messages.last().unwrap()["content"].clone()
        })
        .collect();
    // What the model was told, so that it can do better.
    insta::assert_json_snapshot!(told, @r#"
    [
      "Error: invalid arguments: not valid JSON; send one JSON object",
      "Error: there is no tool `nothing`; the tools are todo",
      "Error: invalid arguments: at /items: 5 is not of type \"array\""
    ]
    "#);
}

#[test]
fn a_model_that_is_not_there() {
    let env = TestEnv::new();
    // Port 1 is nobody's.
    env.write("agent.yaml", "name: a\nmodel: m\nmodels:\n  m: {provider: openai-compatible, model: x, base_url: \"http://127.0.0.1:1/v1\", retries: 0}\n");
    insta::assert_snapshot!(env.run(&["chat", "-q", "hi"]), @"
    exit 1
    --- stderr
    using ./agent.yaml
    error: openai-compatible/x: could not connect to 127.0.0.1:1: Connection refused (os error 111)
    hint: is the server running at http://127.0.0.1:1/v1?
    ");
    env.write("key.yaml", "name: a\nmodel: openai/gpt-5-mini\n");
    insta::assert_snapshot!(env.run(&["chat", "key.yaml", "-q", "hi"]), @"
    exit 2
    --- stderr
    error: `openai/gpt-5-mini` needs a key, and OPENAI_API_KEY is not set
    hint: set OPENAI_API_KEY, or store a key with `agentscope setup`; `--model demo` works without one
    ");
}
