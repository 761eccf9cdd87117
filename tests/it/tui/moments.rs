//! Bad moments: what was said and what was typed outlives them, and the next start says so.

use std::sync::mpsc;

use rustix::process::Signal;
use serde_json::json;

use super::{ESC, chat, scripted};
use crate::common::{fake_model::Reply, kept};

const SESSION: [&str; 3] = ["agent.yaml", "--session-id", "ses_bad"];

fn half() -> Reply {
    let delta = json!({ "choices": [{ "index": 0, "delta": { "content": "Half of" }, "finish_reason": null }] });
    Reply::stream().event(&delta)
}

#[test]
fn the_model_dies_in_the_middle_of_an_answer() {
    let (env, _server) = scripted("", vec![half().cut(), Reply::text("All of it.")]);
    let mut pty = chat(&env, &SESSION, 100, 30);
    pty.line("Say it.");
    pty.sees("✗ openai-compatible/fake");
    pty.loses("working");
    assert!(pty.screen().contains("Half of"), "{}", pty.screen());
    pty.send("a draft");
    pty.sees("› a draft");
    pty.signal(Signal::HUP);
    assert_eq!(pty.exit(), Some(130));
    let mut pty = chat(&env, &SESSION, 100, 30);
    pty.sees("Half of");
    pty.sees("what you had typed and not sent is back");
    pty.sees("› a draft");
    pty.send("\r");
    pty.sees("All of it.");
}

#[test]
fn the_session_is_open_elsewhere() {
    let (go, wait) = mpsc::channel();
    let (env, server) = scripted("", vec![half().wait(wait), Reply::text("Now.")]);
    env.write("notes.txt", "what the file says");
    let mut first = chat(&env, &SESSION, 100, 30);
    first.line("Say it.");
    first.sees("Half of");
    let with_file = [&SESSION[..], &["--file", "notes.txt"]].concat();
    let mut second = chat(&env, &with_file, 100, 30);
    second.line("!echo from the shell");
    second.until("the shell", |screen| screen.matches("from the shell").count() == 2);
    second.line("Me too.");
    second.sees("is in use by another turn");
    second.sees("your message was not kept; it is back below");
    first.signal(Signal::KILL);
    first.exit();
    second.send("\r");
    second.sees("Now.");
    let sent = server.requests()[1].body["messages"].to_string();
    for along in ["Me too.", "what the file says", "from the shell"] {
        assert_eq!(sent.matches(along).count(), 1 + usize::from(along == "from the shell"), "{along} in {sent}");
    }
    drop(go);
}

#[test]
fn the_process_is_killed_in_the_middle_of_an_answer() {
    let (go, wait) = mpsc::channel();
    let (env, _server) = scripted("", vec![half().wait(wait), Reply::text("All of it.")]);
    let mut pty = chat(&env, &SESSION, 100, 30);
    pty.line("Say it.");
    pty.sees("Half of");
    kept(&env, "ses_bad");
    pty.signal(Signal::KILL);
    pty.exit();
    let mut pty = chat(&env, &SESSION, 100, 30);
    pty.sees("› Say it.");
    pty.sees("Half of");
    pty.sees("the answer broke off here");
    pty.line("Go on.");
    pty.sees("All of it.");
    drop(go);
}

#[test]
fn the_process_is_killed_before_the_answer() {
    let (go, wait) = mpsc::channel();
    let (env, _server) = scripted("", vec![Reply::stream().wait(wait)]);
    let mut pty = chat(&env, &SESSION, 100, 30);
    pty.line("Say it.");
    pty.sees("working");
    while !env.run(&["session", "list", "-o", "json"]).stdout.contains("ses_bad") {
        std::thread::yield_now();
    }
    pty.signal(Signal::KILL);
    pty.exit();
    let pty = chat(&env, &SESSION, 100, 30);
    pty.sees("› Say it.");
    pty.sees("there is no answer to this: the turn broke off");
    drop(go);
}

#[test]
fn a_tool_server_hangs() {
    let yaml = "tools: [{mcp: {name: hangs, command: sleep, args: [\"1000\"]}}]\n";
    let (env, _server) = scripted(yaml, vec![Reply::text("Never.")]);
    let mut pty = chat(&env, &SESSION, 100, 30);
    pty.sees("MCP 0/1");
    pty.line("Say it.");
    pty.sees("working");
    pty.send(ESC);
    pty.sees("interrupted");
    pty.line("/exit");
    assert_eq!(pty.exit(), Some(0));
    assert!(env.run(&["session", "show", "ses_bad"]).stdout.contains("Say it."));
}

#[test]
fn a_draft_that_cannot_be_kept_is_shown() {
    let (env, _server) = scripted("", vec![]);
    std::fs::create_dir_all(env.home().join("state")).unwrap();
    std::fs::write(env.home().join("state/drafts"), "not a folder").unwrap();
    let mut pty = chat(&env, &[], 100, 30);
    pty.send("half a sentence");
    pty.sees("what you type is not kept should this process die");
    pty.signal(Signal::TERM);
    assert_eq!(pty.exit(), Some(130));
    let history = pty.history();
    let said = history.iter().position(|line| line.contains("what you typed could not be kept"));
    let said = said.unwrap_or_else(|| panic!("{history:#?}"));
    assert!(history[said..].iter().any(|line| line.trim() == "half a sentence"), "{history:#?}");
}
