//! MCP servers that do not do what they should, as a user and the model see them.

use std::io::{BufRead as _, BufReader};

use serde_json::json;

use crate::common::{
    TestEnv,
    fake_model::{FakeModel, Reply},
};

/// What `mcp test` says of a server over HTTP that answers with `script`, and then with 500.
fn over_http(script: Vec<Reply>) -> String {
    let server = FakeModel::start(script);
    let env = TestEnv::new();
    env.write(
        "agent.yaml",
        format!(
            "name: a\nmodel: demo\ntools: [mcp: bad]\nmcp: {{bad: {{url: \"{}?key=hunter2\", timeout: 5s}}}}\n",
            server.url()
        ),
    );
    let output = env.run(&["mcp", "test", "bad"]);
    assert_eq!((output.code, output.stderr.as_str()), (Some(1), "using ./agent.yaml\n"), "{output}");
    output.stdout.replace(&server.address().to_string(), "[SERVER]")
}

#[test]
fn servers_over_http_that_are_none() {
    let page = || Reply::status(200, "<!doctype html><h1>Welcome</h1>").header("content-type", "text/html");
    insta::assert_snapshot!(over_http(vec![Reply::status(404, "not here")]), @"
    bad: failed: it answered HTTP 404 Not Found: not here
      hint: see that its `url` is that of an MCP server; many end in `/mcp`
    ");
    insta::assert_snapshot!(over_http(vec![Reply::status(405, "")]), @"
    bad: failed: it answered HTTP 405 Method Not Allowed
      hint: see that its `url` is that of an MCP server; many end in `/mcp`
    ");
    insta::assert_snapshot!(over_http(vec![Reply::status(400, r#"{"error":"no session"}"#)]), @r#"
    bad: failed: it answered HTTP 400 Bad Request: {"error":"no session"}
      hint: see that its `url` and `headers` are right
    "#);
    insta::assert_snapshot!(over_http(vec![Reply::status(403, "forbidden")]), @"
    bad: failed: it answered HTTP 403 Forbidden: forbidden
      hint: correct the key in its `headers`, or run `agentscope mcp login bad`
    ");
    insta::assert_snapshot!(over_http(vec![Reply::status(401, "")]), @"
    bad: failed: it answered HTTP 401 Unauthorized
      hint: correct the key in its `headers`, or run `agentscope mcp login bad`
    ");
    insta::assert_snapshot!(over_http(vec![Reply::status(500, "<h1>Internal Server Error</h1>")]), @"
    bad: failed: it answered HTTP 500 Internal Server Error
      hint: its own log may say why
    ");
    insta::assert_snapshot!(over_http(vec![Reply::status(429, "slow down")]), @"
    bad: failed: it answered HTTP 429 Too Many Requests
      hint: try again later
    ");
    insta::assert_snapshot!(over_http(vec![page()]), @"
    bad: failed: it answered with what is not MCP
      hint: see that its `url` is that of an MCP server; many end in `/mcp`
    ");
    insta::assert_snapshot!(over_http(vec![Reply::status(200, "")]), @"
    bad: failed: it answered with what is not MCP
      hint: see that its `url` is that of an MCP server; many end in `/mcp`
    ");
    insta::assert_snapshot!(over_http(vec![Reply::status(200, "{")]), @"
    bad: failed: it answered with what is not MCP
      hint: see that its `url` is that of an MCP server; many end in `/mcp`
    ");
    insta::assert_snapshot!(over_http(vec![Reply::status(200, r#"{"hello":"world"}"#)]), @"
    bad: failed: it answered with what is not MCP
      hint: see that its `url` is that of an MCP server; many end in `/mcp`
    ");
    insta::assert_snapshot!(over_http(vec![Reply::stream()]), @"bad: failed: it ended the connection before it was ready");
    insta::assert_snapshot!(over_http(vec![Reply::stream().bytes("data: {\n\n").cut()]), @"bad: failed: it ended the connection before it was ready");
    insta::assert_snapshot!(over_http(vec![Reply::status(302, "").header("location", "http://169.254.169.254/")]), @"
    bad: failed: it answered HTTP 302 Found
      hint: write the address that it sends to into its `url`
    ");
    insta::assert_snapshot!(
        over_http(vec![Reply::status(200, r#"{"jsonrpc":"2.0","id":0,"error":{"code":-1,"message":"licence expired"}}"#)]),
        @"bad: failed: it refused the connection: licence expired"
    );
}

#[test]
fn servers_over_http_that_cannot_be_reached() {
    let env = TestEnv::new();
    let test = |url: &str| {
        env.write(
            "agent.yaml",
            format!("name: a\nmodel: demo\ntools: [mcp: bad]\nmcp: {{bad: {{url: \"{url}\", timeout: 5s}}}}\n"),
        );
        env.run(&["mcp", "test", "bad"]).stdout
    };
    insta::assert_snapshot!(test("http://127.0.0.1:1/mcp?key=hunter2"), @"
    bad: failed: it could not be reached: Connection refused (os error 111)
      hint: see that it is running, and that its `url` is right
    ");
    insta::assert_snapshot!(test("http://no-such-host.invalid/mcp"), @"
    bad: failed: it could not be reached: failed to lookup address information: Name or service not known
      hint: see that it is running, and that its `url` is right
    ");
    insta::assert_snapshot!(test("https://127.0.0.1:1/mcp"), @"
    bad: failed: it could not be reached: Connection refused (os error 111)
      hint: see that it is running, and that its `url` is right
    ");
}

#[test]
fn the_user_and_the_model_are_told() {
    let model = FakeModel::start(vec![Reply::text("So be it.")]);
    let env = TestEnv::new();
    let server = json!({ "command": "sh", "args": ["-c", "echo 'no licence' >&2; exit 3"] });
    env.write(
        "agent.yaml",
        format!(
            "name: a\nmodel: m\ninstructions: Be brief.\ntools: [mcp: bad]\nmcp: {{bad: {server}}}\n\
             models: {{m: {{provider: openai-compatible, model: fake, base_url: \"{}\", retries: 0}}}}\n",
            model.url()
        ),
    );
    insta::assert_snapshot!(env.run(&["chat", "-q", "go"]), @"
    exit 0
    --- stdout
    So be it.
    --- stderr
    using ./agent.yaml
    warning: MCP server bad failed: it ended with exit status: 3; its last words: no licence
    ");
    let told = model.requests()[0].body["messages"][0]["content"].to_string();
    insta::assert_snapshot!(&told[told.find("The tools of").unwrap_or(0)..], @r#"The tools of `bad` are not available: it ended with exit status: 3""#);
}

/// A server that ignores the end of its standard input, and a process of its own that does the same.
#[cfg(unix)]
#[test]
fn a_server_ends_with_us_even_if_we_are_killed() {
    let env = TestEnv::new();
    let alive = env.work().join("alive");
    assert!(std::process::Command::new("mkfifo").arg(&alive).status().unwrap().success());
    // Both hold the pipe open for as long as they live.
    let script = "exec 9>alive; trap '' HUP TERM PIPE; sleep 600 & echo up >&9; sleep 600";
    let server = json!({ "command": "sh", "args": ["-c", script] });
    env.write("agent.yaml", format!("name: a\nmodel: demo\ntools: [mcp: bad]\nmcp: {{bad: {server}}}\n"));
    let mut chat = env.command(&["chat", "-q", "hi"]).stderr(std::process::Stdio::null()).spawn().unwrap();
    let (sender, ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut lines = BufReader::new(std::fs::File::open(alive).unwrap()).lines();
        sender.send(lines.next().unwrap().unwrap()).unwrap();
        sender.send(format!("{:?}", lines.next().map(Result::unwrap))).unwrap();
    });
    let patience = std::time::Duration::from_secs(30);
    assert_eq!(ended.recv_timeout(patience).unwrap(), "up");
    // SIGKILL, which leaves no time for anything.
    chat.kill().unwrap();
    chat.wait().unwrap();
    assert_eq!(ended.recv_timeout(patience).unwrap(), "None", "something lives on");
}

/// Answers the handshake, offers one tool, and runs `$CALL` when it is called.
const SERVER: &str = r#"
answer() { id=${line#*\"id\":}; id=${id%%[,\}]*}; printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$id" "$1"; }
while IFS= read -r line; do
  case $line in
    *'"method":"initialize"'*) answer '{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"sh","version":"1"}}';;
    *'"method":"tools/list"'*) answer '{"tools":[{"name":"look","inputSchema":{"type":"object"},"annotations":{"readOnlyHint":true}}]}';;
    *'"method":"tools/call"'*) eval "$CALL";;
  esac
done
"#;

#[test]
fn servers_that_break_in_a_call() {
    let chat = |code: &str, timeout: &str| {
        let env = TestEnv::new();
        env.write("server.sh", SERVER);
        let server = json!({ "command": "sh", "args": ["server.sh"], "timeout": timeout, "env": { "CALL": code } });
        env.write("agent.yaml", format!("name: a\nmodel: demo\ntools: [mcp: bad]\nmcp: {{bad: {server}}}\n"));
        let mut output = env.run(&["chat", "-q", "TOOL:look:{}"]);
        // Whether the restart is seen before the answer is a race.
        output.stderr = output.stderr.split_inclusive('\n').filter(|line| !line.starts_with("warning: ")).collect();
        output
    };
    insta::assert_snapshot!(chat("echo 'segfault, sort of' >&2; exit 7", "20s"), @"
    exit 0
    --- stdout
    demo model: `look` says: Error: the MCP server `bad` failed: it ended with exit status: 7; its last words: segfault, sort of; it is being started again, so another try may work
    --- stderr
    using ./agent.yaml
    tool look {}: failed: the MCP server `bad` failed: it ended with exit status: 7; its last words: segfault, sort of; it is being started again, so another try may work
    ");
    insta::assert_snapshot!(chat(":", "1s"), @"
    exit 0
    --- stdout
    demo model: `look` says: Error: timed out after 1 s
    --- stderr
    using ./agent.yaml
    tool look {}: failed: timed out after 1 s
    ");
    insta::assert_snapshot!(chat("exec yes", "20s"), @"
    exit 0
    --- stdout
    demo model: `look` says: Error: the MCP server `bad` failed: it floods its standard output with what is not MCP; it wrote `y` where a message of MCP is wanted; it is being started again, so another try may work
    --- stderr
    using ./agent.yaml
    tool look {}: failed: the MCP server `bad` failed: it floods its standard output with what is not MCP; it wrote `y` where a message of MCP is wanted; it is being started again, so another try may work
    ");
    insta::assert_snapshot!(chat("echo '{{{'; answer 5", "1s"), @"
    exit 0
    --- stdout
    demo model: `look` says: Error: the server answered with something that is not a result
    --- stderr
    using ./agent.yaml
    tool look {}: failed: the server answered with something that is not a result
    ");
    insta::assert_snapshot!(chat(r#"printf '{"a":"'; exec tr '\0' x < /dev/zero"#, "20s"), @"
    exit 0
    --- stdout
    demo model: `look` says: Error: the MCP server `bad` failed: it sent a message of more than 16 MiB; it is being started again, so another try may work
    --- stderr
    using ./agent.yaml
    tool look {}: failed: the MCP server `bad` failed: it sent a message of more than 16 MiB; it is being started again, so another try may work
    ");
    insta::assert_snapshot!(chat("exec >&-; sleep 600", "20s"), @"
    exit 0
    --- stdout
    demo model: `look` says: Error: the MCP server `bad` failed: the connection was closed; it is being started again, so another try may work
    --- stderr
    using ./agent.yaml
    tool look {}: failed: the MCP server `bad` failed: the connection was closed; it is being started again, so another try may work
    ");
}
