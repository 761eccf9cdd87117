//! What terminals say, and what they do not.

use rustix::process::Signal;
use serde_json::Value;

use super::{chat, scripted};
use crate::common::{TestEnv, fake_model::Reply, pty::Pty};

/// The chat in a terminal of this name.
fn on(env: &TestEnv, term: &str, args: &[&str]) -> Pty {
    let mut command = env.command(&[&["chat"], args].concat());
    command.env("TERM", term);
    Pty::start(command, 100, 30)
}

#[test]
fn nobody_waits_for_a_terminal_that_answers_late_or_never() {
    let (env, _server) = scripted("", vec![Reply::text("It is `four`.")]);
    let session = ["agent.yaml", "--session-id", "ses_asked"];
    assert_eq!(env.run(&[&["chat"], &session[..], &["-q", "Two and two?"]].concat()).code, Some(0));
    let mut pty = on(&env, "xterm-256color", &session);
    // The question is out, and what was said is there without an answer.
    pty.sees("It is four.");
    assert!(pty.bytes().contains("\u{1b}]11;?\u{1b}\\"));
    // Of the sixteen colours, which can be read on any ground.
    assert!(!pty.bytes().contains(";38;5;"), "{}", pty.bytes());
    pty.send("be\u{1b}]11;rgb:ffff/ff");
    pty.send("ff/ffff\u{1b}\\fore");
    pty.sees("› before");
    pty.until_bytes("a colour for a light ground", |bytes| bytes.contains(";38;5;"));
    assert!(!pty.screen().contains("rgb"));
}

#[test]
fn what_is_pasted_without_brackets_is_not_sent() {
    let (env, server) = scripted("", vec![]);
    let mut command = env.command(&["chat"]);
    command.env("TERM", "linux").env("AGENTSCOPE_PASTE", "");
    let mut pty = Pty::start(command, 100, 30);
    pty.sees("ask · lead");
    pty.send("the first line\rthe second\r");
    pty.until("both lines", |screen| screen.contains("› the first line\n  the second"));
    pty.send("!");
    pty.sees("!");
    assert!(!pty.screen().contains("working"));
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn the_status_line_says_where_programs_run() {
    let (env, _server) = scripted("", vec![]);
    let probed: Vec<Value> = serde_json::from_str(&env.run(&["sandbox", "doctor", "-o", "json"]).stdout).unwrap();
    let found = ["local", "docker"].iter().find_map(|name| {
        let probe = probed.iter().find(|probe| probe["backend"] == **name)?;
        Some(format!("{name} tier {}", probe["confinement"]["tier"].as_str()?.to_uppercase()))
    });
    let mut pty = chat(&env, &[], 100, 30);
    match found {
        Some(place) => {
            pty.sees(&format!("{place}, rw, no network"));
            pty.line("/sandbox");
            pty.sees(&format!("it will be {place}"));
        }
        None => pty.sees("no sandbox here"),
    }
}

#[test]
fn a_stop_from_elsewhere_leaves_a_terminal_that_works() {
    let (env, _server) = scripted("", vec![Reply::text("Still here.")]);
    let mut pty = chat(&env, &[], 100, 30);
    pty.send("half a dra");
    pty.sees("half a dra");
    pty.signal(Signal::STOP);
    pty.cook();
    pty.signal(Signal::CONT);
    pty.until_bytes("the terminal to be taken again", |bytes| bytes.matches("\u{1b}[?2004h").count() == 2);
    pty.line("ft");
    pty.sees("Still here.");
    assert!(!pty.is_cooked());
    assert_eq!(pty.history().iter().filter(|line| line.trim() == "› half a draft").count(), 1);
}
