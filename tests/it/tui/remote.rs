//! An agent behind an address: the same interface, what it asks included.

use super::CTRL_C;
use crate::common::{TestEnv, pty::Pty, serve::Server};

const AGENT: &str =
    "name: demo\nmodel: demo\nwelcome: Hello from afar.\ntools: [ask_user, todo]\npermissions: {ask: [todo]}\n";

#[test]
fn what_a_remote_agent_asks_is_answered_on_the_screen() {
    let server = Server::start(AGENT);
    let user = TestEnv::new();
    let mut pty = Pty::start(user.command(&["chat", &server.url]), 100, 30);
    pty.sees("Hello from afar.");
    pty.sees("remote · demo");
    pty.line("TOOL:todo:{\"items\": [{\"text\": \"buy milk\", \"status\": \"pending\"}]}");
    pty.sees("demo wants to run todo");
    pty.sees("❯ y");
    assert!(pty.screen().contains(&format!("on {}", server.url)), "{}", pty.screen());
    pty.send("y");
    pty.loses("wants to run");
    pty.loses("waits for you");
    pty.loses("working");
    pty.line("TOOL:ask_user:{\"question\": \"Which colour?\"}");
    pty.sees("Which colour?");
    pty.sees("❯ 1");
    pty.send("1");
    pty.sees("answer");
    pty.line("blue");
    pty.loses("working");
    pty.sees("blue");
    // The key that cycles modes says whose they are.
    pty.send("\x1b[Z");
    pty.sees("is up to the server of this agent");
    pty.send(CTRL_C);
    pty.sees("again leaves");
    pty.send(CTRL_C);
    assert_eq!(pty.exit(), Some(0));
}
