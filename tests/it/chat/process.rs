//! The process around a turn: signals, crashes, pipes, two at once.

use std::{
    io::Read as _,
    net::{TcpListener, TcpStream},
    process::{Child, Stdio},
};

use agentscope::{
    agent::laws::check_laws,
    domain::{AgentEvent, EventKind, TurnOutcome},
};

use crate::common::TestEnv;

/// An agent whose one tool calls a server that accepts and never answers.
struct Stuck {
    env: TestEnv,
    server: TcpListener,
}

impl Stuck {
    fn new() -> Self {
        let env = TestEnv::new();
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", server.local_addr().unwrap());
        env.write(
            "agent.yaml",
            format!(
                "name: stuck\nmodel: demo/demo\ntools:\n  - http: {{name: wait, description: Waits, url: \"{url}\"}}\n"
            ),
        );
        Self { env, server }
    }

    /// A chat that is in the middle of its tool call.
    fn start(&self, session: &str) -> (Child, TcpStream) {
        self.start_with(session, &[])
    }

    fn start_with(&self, session: &str, more: &[&str]) -> (Child, TcpStream) {
        let chat = ["chat", "-q", "TOOL:wait:{}", "--session-id", session];
        let child =
            self.env.command(&[&chat, more].concat()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // The call has been made once the server sees it.
        let (mut stream, _) = self.server.accept().unwrap();
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        (child, stream)
    }

    /// What the session holds, in short.
    fn history(&self, session: &str) -> String {
        let output = self.env.run(&["session", "export", session, "-o", "json"]);
        assert_eq!(output.code, Some(0), "{output}");
        let document: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
        serde_json::to_string(&document["messages"]).unwrap()
    }
}

fn signal(child: &Child, name: &str) {
    let status = std::process::Command::new("kill").args(["-s", name, &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

#[test]
fn an_interrupt_ends_the_call_and_keeps_what_happened() {
    for name in ["INT", "TERM"] {
        let stuck = Stuck::new();
        let (child, _stream) = stuck.start("s");
        signal(&child, name);
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130), "{output:?}");
        let history = stuck.history("s");
        assert!(history.contains("canceled"), "{history}");
    }
}

#[test]
fn an_interrupt_ends_the_stream_of_events_by_its_laws() {
    let stuck = Stuck::new();
    let (child, _stream) = stuck.start_with("s", &["-o", "stream-json"]);
    signal(&child, "INT");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    let events: Vec<AgentEvent> =
        String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(check_laws(&events), Ok(()));
    assert!(matches!(events.last().unwrap().kind, EventKind::TurnFinished { outcome: TurnOutcome::Canceled, .. }));
}

#[test]
fn a_killed_chat_is_gone_on_with() {
    let stuck = Stuck::new();
    let (mut child, _stream) = stuck.start("s");
    signal(&child, "KILL");
    child.wait().unwrap();
    let output = stuck.env.run(&["chat", "-q", "and now?", "--session-id", "s"]);
    assert_eq!(output.code, Some(0), "{output}");
    insta::assert_snapshot!(output.stderr, @"
    using ./agent.yaml
    warning: the last turn was cut off in a call of `wait`, which is closed as canceled; it may have done its work in part
    ");
    let history = stuck.history("s");
    assert!(history.contains("canceled") && history.contains("and now?"), "{history}");
}

#[test]
fn a_session_has_one_turn_at_a_time() {
    let stuck = Stuck::new();
    let (mut child, _stream) = stuck.start("s");
    insta::assert_snapshot!(stuck.env.run(&["chat", "-q", "me too", "--session-id", "s"]), @"
    exit 1
    --- stderr
    using ./agent.yaml
    error: session `s` is in use by another turn
    hint: wait until that turn has ended, or go on in a copy made with `agentscope session fork`
    ");
    signal(&child, "KILL");
    child.wait().unwrap();
    let history = stuck.history("s");
    assert!(!history.contains("me too"), "{history}");
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let env = TestEnv::new();
    let mut child = env
        .command(&["chat", "--model", "demo", "-q", "hello"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(!String::from_utf8_lossy(&output.stderr).contains("error"), "{output:?}");
}
