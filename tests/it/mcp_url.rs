//! `mcp test URL`: a server that no agent file knows, tried by hand.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::Stdio,
};

use crate::common::{TestEnv, oauth::Protected, serve::Server};

const AGENT: &str = "name: helper
model: demo
description: Helps with lists
tools: [todo, ask_user]
permissions: {ask: [todo]}
";

/// What the command says of a server at `origin`; how long it took aside.
fn test(env: &TestEnv, origin: &str, more: &[&str]) -> String {
    let url = format!("{origin}/mcp");
    let said = env.run(&[&["mcp", "test", &url], more].concat()).to_string().replace(origin, "[SERVER]");
    let mut shown = String::new();
    for line in said.lines() {
        let line = match line.rsplit_once(" in ") {
            Some((before, after)) if after.ends_with(" ms") => format!("{before} in [TIME] ms"),
            _ => line.to_owned(),
        };
        shown += &(line + "\n");
    }
    shown
}

#[test]
fn an_address_is_tested_and_a_tool_is_tried() {
    let server = Server::start(AGENT);
    let test = |more: &[&str]| test(&server.env, &server.url, more);
    insta::assert_snapshot!(test(&[]), @"
    exit 0
    --- stdout
    [SERVER]/mcp: ok, 3 tools in [TIME] ms
      helper
      todo
      ask_user
    ");
    // It asks whether it may, and nobody is there.
    insta::assert_snapshot!(test(&["--call", "todo", "--arguments", r#"{"items": [{"text": "sweep"}]}"#]), @r#"
    exit 1
    --- stdout
    [SERVER]/mcp: ok, 3 tools in [TIME] ms
      helper
      todo
      ask_user
    todo: failed: Denied: the user said no
    --- stderr
    question The MCP server `[SERVER]/mcp` asks: May it call `todo` with {"items":[{"text":"sweep"}]}? the rule `todo` asks
    Allow this call
      1. yes
      2. no
    answer: none, as nobody is there; --defaults takes the default
    "#);
    insta::assert_snapshot!(test(&["--call", "todo", "--arguments", r#"{"items": 1}"#]), @r#"
    exit 1
    --- stdout
    [SERVER]/mcp: ok, 3 tools in [TIME] ms
      helper
      todo
      ask_user
    todo: failed: invalid arguments: at /items: 1 is not of type "array"
    "#);
    insta::assert_snapshot!(test(&["--call", "sing"]), @"
    exit 1
    --- stdout
    [SERVER]/mcp: ok, 3 tools in [TIME] ms
      helper
      todo
      ask_user
    sing: failed: the server has no tool `sing`
    ");
    insta::assert_snapshot!(test(&["--call", "todo", "--arguments", "[1]"]), @"
    exit 2
    --- stderr
    error: invalid value '[1]' for '--arguments <JSON>': it is no JSON object: invalid type: sequence, expected a map at line 1 column 0

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(test(&["--client-id", "me"]), @"
    exit 2
    --- stderr
    error: options of a login were given, and no login is wanted
    hint: add `--login`
    ");
    let json = server.env.run(&[
        "mcp",
        "test",
        &server.at("/mcp"),
        "-o",
        "json",
        "--call",
        "helper",
        "--arguments",
        r#"{"message": "hi"}"#,
    ]);
    let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert!(json[0]["call"]["text"].as_str().unwrap().starts_with("demo model: "), "{json}");
    assert_eq!((&json[0]["ok"], &json[0]["call"]["ok"]), (&true.into(), &true.into()));
}

#[test]
fn a_server_with_fixed_tokens_is_tested_with_one() {
    let server = Server::start(&format!("{AGENT}serve: {{tokens: [{{name: web, value: sesame}}]}}\n"));
    let test = |more: &[&str]| test(&server.env, &server.url, more);
    insta::assert_snapshot!(test(&[]), @"
    exit 1
    --- stdout
    [SERVER]/mcp: failed: it wants you to log in
      hint: run `agentscope mcp login [SERVER]/mcp`, or give it a token: under its `headers`, or with `mcp test --token-env`
    ");
    let env = TestEnv::new().var("TOKEN", "sesame").var("EMPTY", "");
    let url = format!("{}/mcp", server.url);
    assert_eq!(env.run(&["mcp", "test", &url, "--token-env", "TOKEN"]).code, Some(0));
    insta::assert_snapshot!(env.run(&["mcp", "test", &url, "--token-env", "EMPTY"]), @"
    exit 2
    --- stderr
    error: the environment variable `EMPTY` is not set
    hint: set it to a token of the server, or leave out `--token-env`
    ");
    insta::assert_snapshot!(env.run(&["mcp", "test", "docs", "--token-env", "TOKEN"]), @"
    exit 2
    --- stderr
    error: `--token-env` goes with the address of a server
    hint: give a server of the agent file its token there, under `headers`
    ");
    insta::assert_snapshot!(env.run(&["mcp", "test", "ftp://127.0.0.1/mcp"]), @"
    exit 2
    --- stderr
    error: `ftp://127.0.0.1/mcp` is no address of an MCP server
    hint: those begin with `http://` or `https://`; programs are named in the agent file
    ");
}

#[test]
fn a_login_is_done_on_the_way() {
    let server = Protected::start();
    let env = TestEnv::new().var("THE_SECRET", "hush");
    insta::assert_snapshot!(test(&env, &server.origin, &[]), @"
    exit 1
    --- stdout
    [SERVER]/mcp: failed: it wants you to log in
      hint: run `agentscope mcp login [SERVER]/mcp`
    ");
    insta::assert_snapshot!(
        test(&env, &server.origin, &["--login", "--client-id", "me", "--client-secret-env", "NONE"]), @"
    exit 2
    --- stderr
    error: the environment variable `NONE` is not set
    hint: set it to the secret of the client, or leave out `--client-secret-env`
    ");

    let args = ["--login", "--no-browser", "--client-id", "me", "--client-secret-env", "THE_SECRET"];
    let mut command = env.command(&[&["mcp", "test", &server.url], &args[..]].concat());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let url = lines.find_map(|line| line.ok().filter(|line| line.starts_with("http://"))).unwrap();
    assert!(url.contains("client_id=me"), "{url}");
    server.consent(&url, true);
    let mut said = String::new();
    child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(child.wait().unwrap().success(), "{said}");
    assert!(said.contains(": ok, 1 tool in "), "{said}");
    // The first token has expired by now: it was renewed, and the client said each time that it is itself.
    let basic = "Basic bWU6aHVzaA==";
    assert_eq!(server.clients(), [basic, basic]);
}
