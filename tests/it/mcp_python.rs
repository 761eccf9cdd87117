//! The agent as an MCP server, driven by clients that are not ours: the protocol's own for Python, and FastMCP's.

use std::{path::PathBuf, process::Command};

use crate::common::{TestEnv, require, serve::Server};

const AGENT: &str = "name: helper
model: demo
description: Helps with lists
tools: [todo, ask_user]
permissions: {ask: [todo]}
";

/// What the protocol's own client makes of it, whatever version it speaks, and whatever carries it.
const USED: &str = "\
tool: helper / Helps with lists. Answers a message, and remembers the conve
tool: todo / Writes the to-do list of this session, which the user sees.
tool: ask_user / Asks the user a question and waits for the answer. Use it on
agent: demo model: I am not a language model bu | streamed: True
same conversation: True
asked: May it call `todo` with {\"items\":[{\"text\":\"sweep\"}]}? the rule `todo` asks {'type': 'boolean', 'title': 'Allow this call'}
denied: error: Denied: the user said no
asked: May it call `todo` with {\"items\":[{\"text\":\"sweep\"}]}? the rule `todo` asks {'type': 'boolean', 'title': 'Allow this call'}
allowed: To-do list (0 of 1 done):
[ ] sweep
asked: Which colour? {'type': 'string'}
no answer: error: Error: nobody answered; go on with what you know, and say what you assumed
asked: Which colour? {'type': 'string'}
answered: blue
asked: Which colour? {'type': 'string', 'description': 'Such as: red, blue'}
agent asks: demo model: `ask_user` says: blue
wrong arguments: error: Error: invalid arguments: at /ite
unknown tool: -32602 there is no tool `sing`; there is `helper`, `todo`, `ask_user`
";

/// The version, what was done, and what stands after that.
fn used(said: &str) -> (String, String, String) {
    let (first, rest) = said.split_once('\n').unwrap();
    let version = first.strip_prefix("server: ").and_then(|first| first.strip_suffix(" helper")).unwrap();
    let last = rest.lines().find(|line| line.starts_with("unknown tool: ")).unwrap();
    let end = rest.find(last).unwrap() + last.len() + 1;
    (version.to_owned(), rest[..end].to_owned(), rest[end..].to_owned())
}

/// A Python that has the clients.
fn python() -> Option<PathBuf> {
    let python = std::env::var_os("AGENTSCOPE_TEST_MCP_PYTHON").map(PathBuf::from).filter(|path| path.exists());
    require::available("mcp-python", python.is_some()).then(|| python.unwrap())
}

/// Runs a client program; what it printed.
fn run(mut python: Command, program: &str, args: &[&str]) -> String {
    let program = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/fixtures/mcp").join(program);
    let output = python.arg(program).args(args).output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{stdout}{stderr}");
    stdout.into_owned()
}

fn over_http(python: PathBuf, program: &str, before: &[&str]) -> String {
    let server = Server::start(&format!("{AGENT}serve: {{tokens: [{{name: a, value: token-a, user: ann}}]}}\n"));
    let url = server.at("/mcp");
    run(Command::new(python), program, &[before, &[&url, "token-a"]].concat())
}

fn over_pipes(python: PathBuf, program: &str, before: &[&str]) -> String {
    let env = TestEnv::new();
    env.write("helper.yaml", AGENT);
    // The clients pass on no variables of ours.
    let script = format!(
        "#!/bin/sh\nexport AGENTSCOPE_HOME='{}'\nexec '{}' mcp serve '{}'\n",
        env.home().display(),
        env!("CARGO_BIN_EXE_agentscope"),
        env.work().join("helper.yaml").display()
    );
    let script = env.write("serve.sh", script);
    run(Command::new(python), program, &[before, &["sh", script.to_str().unwrap()]].concat())
}

#[test]
fn the_protocols_own_client_over_http() {
    let Some(python) = python() else { return };
    let (version, used, end) = used(&over_http(python.clone(), "client.py", &["legacy"]));
    assert_eq!((version.as_str(), used.as_str()), ("2025-11-25", USED));
    insta::assert_snapshot!(end, @"
    after the end: 404
    a wrong token: 401
    ");
    // From here on there are no sessions, and no requests of the server.
    let (version, used, end) = self::used(&over_http(python, "client.py", &["auto"]));
    assert_eq!((version.as_str(), used.as_str()), ("2026-07-28", USED));
    insta::assert_snapshot!(end, @"a wrong token: 401");
}

#[cfg(unix)]
#[test]
fn the_protocols_own_client_over_standard_input() {
    let Some(python) = python() else { return };
    for (mode, version) in [("legacy", "2025-11-25"), ("auto", "2026-07-28")] {
        let said = used(&over_pipes(python.clone(), "client.py", &[mode]));
        assert_eq!(said, (version.to_owned(), USED.to_owned(), String::new()));
    }
}

#[cfg(unix)]
#[test]
fn fastmcp() {
    let Some(python) = python() else { return };
    let said = over_http(python.clone(), "fast.py", &[]);
    insta::assert_snapshot!(said, @"
    tools: ['helper', 'todo', 'ask_user']
    agent: demo model: I am not a language model bu
    streamed: True
    asked: May it call `todo` with {\"items\":[{\"text\":\"sweep\"}]}? the rule `todo` asks
    todo: To-do list (0 of 1 done):
    [ ] sweep
    asked: Which colour?
    colour: blue
    wrong arguments: Error: invalid arguments: at /items: 1 i
    ");
    assert_eq!(over_pipes(python, "fast.py", &[]), said);
}
