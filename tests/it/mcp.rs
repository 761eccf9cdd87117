//! `tools` and `mcp …`, against servers that are scripts, the protocol's own reference server, and a server that
//! wants a login.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use crate::common::{TestEnv, oauth::Protected, require};

/// Answers the handshake and offers one tool.
const SERVER: &str = r#"
answer() { id=${line#*\"id\":}; id=${id%%[,\}]*}; printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$id" "$1"; }
while IFS= read -r line; do
  case $line in
    *'"method":"initialize"'*) answer '{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"sh","version":"1"}}';;
    *'"method":"tools/list"'*) answer '{"tools":[{"name":"look","description":"Looks","inputSchema":{"type":"object"},"annotations":{"readOnlyHint":true}}]}';;
  esac
done
"#;

const AGENT: &str = r#"
name: tester
model: demo
tools: [todo, mcp: good, mcp: broken]
mcp:
  good: {command: sh, args: [good.sh]}
  broken: {command: sh, args: [-c, "echo 'no such database' >&2; exit 3"], env: {PASSWORD: hunter2}}
  idle: {url: "https://mcp.example/mcp?key=hunter2", auth: oauth}
agents:
  helper: {description: Helps, tools: [mcp: good]}
"#;

fn env() -> TestEnv {
    let env = TestEnv::new();
    env.write("agent.yaml", AGENT);
    env.write("good.sh", SERVER);
    env
}

#[test]
fn tools_are_listed_with_where_they_come_from() {
    insta::assert_snapshot!(env().run(&["tools"]), @"
    exit 0
    --- stdout
    tester
    todo  reads   built in  host     Writes the to-do list of this session, which the user sees. Use it for work of …
    look  reads   mcp good  host     Looks

    helper
    look  reads   mcp good  host     Looks
    --- stderr
    using ./agent.yaml
    warning: `broken` gives no tools: it ended with exit status: 3; its last words: no such database
    ");
    let output = env().run(&["tools", "-o", "json"]);
    insta::assert_snapshot!(output.stdout, @r#"
    [
      {
        "agent": "tester",
        "name": "todo",
        "source": "built in",
        "runs": "host",
        "effect": "reads",
        "rule": "todo",
        "description": "Writes the to-do list of this session, which the user sees. Use it for work of three steps or more: send the whole list each time, keep one step in progress, and mark a step done as soon as it is."
      },
      {
        "agent": "tester",
        "name": "look",
        "source": "mcp good",
        "runs": "host",
        "effect": "reads",
        "rule": "mcp.good.look",
        "description": "Looks"
      },
      {
        "agent": "helper",
        "name": "look",
        "source": "mcp good",
        "runs": "host",
        "effect": "reads",
        "rule": "mcp.good.look",
        "description": "Looks"
      }
    ]
    "#);
}

#[test]
fn servers_are_listed_without_their_secrets() {
    insta::assert_snapshot!(env().run(&["mcp", "list"]), @"
    exit 0
    --- stdout
    broken  stdio  sh                       none           tester
    good    stdio  sh                       none           tester, helper
    idle    http   https://mcp.example/mcp  not logged in  not listed under `tools` of any agent
    --- stderr
    using ./agent.yaml
    ");
    let json = env().run(&["mcp", "list", "-o", "json"]);
    assert!(!json.stdout.contains("hunter2"), "{json}");
}

#[test]
fn a_server_is_tested() {
    let mut output = env().run(&["mcp", "test", "good"]);
    output.stdout = without_time(&output.stdout);
    insta::assert_snapshot!(output, @"
    exit 0
    --- stdout
    good: ok, 1 tool in [TIME] ms
      look
    --- stderr
    using ./agent.yaml
    ");
    insta::assert_snapshot!(env().run(&["mcp", "test", "broken"]), @"
    exit 1
    --- stdout
    broken: failed: it ended with exit status: 3
      stderr: no such database
    --- stderr
    using ./agent.yaml
    ");
    insta::assert_snapshot!(env().run(&["mcp", "test", "gone", "agent.yaml"]), @"
    exit 4
    --- stderr
    error: the agent has no MCP server `gone`
    hint: it has `broken`, `good`, `idle`
    ");
    insta::assert_snapshot!(env().run(&["--offline", "mcp", "test", "idle"]), @"
    exit 1
    --- stdout
    idle: failed: `--offline` forbids the call to `mcp.example`
    --- stderr
    using ./agent.yaml
    ");
    insta::assert_snapshot!(env().run(&["mcp", "login", "good"]), @"
    exit 2
    --- stderr
    using ./agent.yaml
    error: the MCP server `good` is a program, and only servers with a `url` know logins
    hint: give it what it needs under its `env`
    ");
}

fn without_time(text: &str) -> String {
    let words: Vec<&str> = text.split(' ').collect();
    let shown = words.iter().enumerate().map(|(index, word)| {
        if words.get(index + 1).is_some_and(|next| next.starts_with("ms")) { "[TIME]" } else { word }
    });
    shown.collect::<Vec<_>>().join(" ")
}

/// The reference server of the protocol's authors, where it is installed.
fn everything() -> Option<PathBuf> {
    let found = std::env::var_os("AGENTSCOPE_TEST_NODE_MODULES")
        .map(|modules| PathBuf::from(modules).join(".bin/mcp-server-everything"))
        .filter(|program| program.exists());
    require::available("node", found.is_some()).then_some(found).flatten()
}

#[test]
fn the_reference_server_works_over_standard_input_and_output() {
    let Some(program) = everything() else { return };
    let env = TestEnv::new();
    let agent = format!(
        "name: tester\nmodel: demo\ntools: [mcp: every]\npermissions: {{default: allow}}\nmcp: {{every: {{command: {}, args: [stdio]}}}}\n",
        serde_json::Value::from(program.display().to_string())
    );
    env.write("agent.yaml", agent);
    let mut output = env.run(&["mcp", "test", "every"]);
    output.stdout = without_time(&output.stdout);
    insta::assert_snapshot!(output, @"
    exit 0
    --- stdout
    every: ok, 14 tools in [TIME] ms
      echo
      get-annotated-message
      get-env
      get-resource-links
      get-resource-reference
      get-structured-content
      get-sum
      get-tiny-image
      gzip-file-as-resource
      toggle-simulated-logging
      toggle-subscriber-updates
      trigger-long-running-operation
      trigger-elicitation-request
      simulate-research-query
    --- stderr
    using ./agent.yaml
    ");
    let question = r#"TOOL:get-sum:{"a":2,"b":40}"#;
    insta::assert_snapshot!(env.run(&["chat", "-q", question]), @r#"
    exit 0
    --- stdout
    demo model: `get-sum` says: The sum of 2 and 40 is 42.
    --- stderr
    using ./agent.yaml
    tool get-sum {"a":2,"b":40}: The sum of 2 and 40 is 42.
    "#);
}

#[test]
fn the_reference_server_works_over_http() {
    let Some(program) = everything() else { return };
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut server = Command::new(program)
        .arg("streamableHttp")
        .env("PORT", port.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(server.stderr.take().unwrap()).lines();
    assert!(stderr.any(|line| line.unwrap().contains("listening")), "the server did not start");
    // It writes on; a full pipe would stop it.
    std::thread::spawn(move || stderr.for_each(drop));
    let env = TestEnv::new();
    env.write(
        "agent.yaml",
        format!(
            "name: tester\nmodel: demo\ntools: [mcp: every]\npermissions: {{default: allow}}\nmcp: {{every: {{url: \"http://127.0.0.1:{port}/mcp\"}}}}\n"
        ),
    );
    let output = env.run(&["mcp", "test", "every", "-o", "json"]);
    let answer = env.run(&["chat", "-q", r#"TOOL:echo:{"message":"over http"}"#]);
    server.kill().unwrap();
    server.wait().unwrap();
    assert_eq!(output.code, Some(0), "{output}");
    insta::assert_snapshot!(answer, @r#"
    exit 0
    --- stdout
    demo model: `echo` says: Echo: over http
    --- stderr
    using ./agent.yaml
    tool echo {"message":"over http"}: Echo: over http
    "#);
}

/// A `mcp login` that has printed where to go.
struct Waiting {
    child: Child,
    url: String,
}

impl Waiting {
    fn start(env: &TestEnv) -> Self {
        let mut command = env.command(&["mcp", "login", "docs", "--no-browser"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.as_mut().unwrap()).lines();
        let url = lines.find_map(|line| line.ok().filter(|line| line.starts_with("http://")));
        Self { child, url: url.expect("an address to open") }
    }

    fn finish(self) -> (Option<i32>, String) {
        let output = self.child.wait_with_output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    }
}

#[test]
fn a_login_is_kept_renewed_and_forgotten() {
    let server = Protected::start();
    let env = TestEnv::new();
    env.write(
        "agent.yaml",
        format!(
            "name: tester\nmodel: demo\ntools: [mcp: docs]\nmcp: {{docs: {{url: \"{}\", auth: oauth}}}}\n",
            server.url
        ),
    );
    let output = |args: &[&str]| {
        let output = env.run(args).to_string().replace(&server.origin, "[SERVER]");
        without_time(&output)
    };
    insta::assert_snapshot!(output(&["mcp", "test", "docs"]), @"
    exit 1
    --- stdout
    docs: failed: it wants you to log in
      hint: run `agentscope mcp login docs`
    --- stderr
    using ./agent.yaml
    ");

    // The browser comes back by itself.
    let login = Waiting::start(&env);
    server.consent(&login.url, true);
    assert_eq!(login.finish(), (Some(0), "logged in to docs\n".to_owned()));
    insta::assert_snapshot!(output(&["mcp", "list"]), @"
    exit 0
    --- stdout
    docs  http   [SERVER]/mcp  logged in  tester
    --- stderr
    using ./agent.yaml
    ");
    // The first token has expired by now, so that this works only with a renewed one.
    insta::assert_snapshot!(output(&["mcp", "test", "docs"]), @"
    exit 0
    --- stdout
    docs: ok, 1 tool in [TIME] ms
      search
    --- stderr
    using ./agent.yaml
    ");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        for entry in std::fs::read_dir(env.home().join("state/mcp-tokens")).unwrap() {
            let entry = entry.unwrap();
            if entry.path().extension().is_some_and(|extension| extension == "json") {
                assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600);
            }
        }
    }
    insta::assert_snapshot!(output(&["mcp", "logout", "docs"]), @"
    exit 0
    --- stdout
    logged out of docs
    --- stderr
    using ./agent.yaml
    ");
    insta::assert_snapshot!(output(&["mcp", "logout", "docs"]), @"
    exit 0
    --- stdout
    not logged in to docs
    --- stderr
    using ./agent.yaml
    ");

    // Or its address is pasted.
    let mut login = Waiting::start(&env);
    let pasted = server.consent(&login.url, false);
    writeln!(login.child.stdin.take().unwrap(), "\n{pasted}").unwrap();
    assert_eq!(login.finish(), (Some(0), "logged in to docs\n".to_owned()));

    // An address that is not of this login is refused.
    let mut login = Waiting::start(&env);
    writeln!(login.child.stdin.take().unwrap(), "http://127.0.0.1/callback?code=stolen&state=wrong").unwrap();
    assert_eq!(login.finish().0, Some(1));
}
