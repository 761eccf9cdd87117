//! What stands on the screen and in the scrollback.

use std::sync::mpsc;

use serde_json::json;

use super::{CTRL_C, chat, scripted};
use crate::common::fake_model::Reply;

/// Rows of the history that hold `needle`.
fn count(history: &[String], needle: &str) -> usize {
    history.iter().filter(|line| line.contains(needle)).count()
}

#[test]
fn a_conversation_and_the_terminal_as_it_was() {
    let (env, _server) = scripted("", vec![Reply::text("It is **four**.")]);
    let mut pty = chat(&env, &[], 80, 24);
    pty.line("What is 2 + 2?");
    pty.sees("four");
    pty.until("the end of the turn", |screen| !screen.contains("working"));
    assert!(!pty.is_cooked());
    pty.send(CTRL_C);
    pty.sees("Ctrl-C again leaves");
    pty.send(CTRL_C);
    assert_eq!(pty.exit(), Some(0));
    assert!(pty.is_cooked());
    let history = pty.history();
    assert_eq!(count(&history, "What is 2 + 2?"), 1, "{history:#?}");
    assert_eq!(count(&history, "four"), 1, "{history:#?}");
    assert_eq!(count(&history, "agentscope chat agent.yaml --session-id ses_"), 1, "{history:#?}");
    assert_eq!(count(&history, "ask · lead"), 0, "{history:#?}");
}

/// More lines than the screen has, in pieces that end anywhere.
pub(super) fn many_lines(from: usize, to: usize) -> Vec<String> {
    (from..to).map(|n| format!("line {n:05} of the answer\n\n")).collect()
}

pub(super) fn deltas(reply: Reply, pieces: &[String]) -> Reply {
    pieces.iter().fold(reply, |reply, piece| {
        reply.event(&json!({ "choices": [{ "index": 0, "delta": { "content": piece }, "finish_reason": null }] }))
    })
}

pub(super) fn end(reply: Reply) -> Reply {
    reply.event(&json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": "stop" }] })).bytes("data: [DONE]\n\n")
}

/// Every line of the answer is in the history once, in its order.
pub(super) fn assert_whole(history: &[String], count: usize) {
    let seen: Vec<&str> =
        history.iter().filter(|line| line.contains("of the answer")).map(|line| line.trim()).collect();
    let expected: Vec<String> = (0..count).map(|n| format!("line {n:05} of the answer")).collect();
    assert_eq!(seen, expected);
}

#[test]
fn a_long_answer_is_in_the_scrollback_once() {
    let reply = end(deltas(Reply::stream(), &many_lines(0, 1000)));
    let (env, _server) = scripted("", vec![reply]);
    let mut pty = chat(&env, &[], 60, 20);
    pty.line("Write much.");
    pty.sees("line 00999");
    pty.loses("working");
    assert_whole(&pty.history(), 1000);
    pty.send(CTRL_C);
    pty.sees("again leaves");
    pty.send(CTRL_C);
    assert_eq!(pty.exit(), Some(0));
    assert_whole(&pty.history(), 1000);
    let bytes = pty.bytes();
    assert!(!bytes.contains("\x1b[3J") && !bytes.contains("\x1b[2J") && !has_scroll_region(&bytes));
}

/// DECSTBM: `CSI top ; bottom r`.
fn has_scroll_region(bytes: &str) -> bool {
    bytes.split("\x1b[").skip(1).any(|rest| {
        rest.find(|c: char| !(c.is_ascii_digit() || c == ';')).is_some_and(|end| rest[end..].starts_with('r'))
    })
}

#[test]
fn resizes_while_it_streams_lose_and_double_nothing() {
    let (go, wait) = mpsc::channel();
    let (go_on, wait_again) = mpsc::channel();
    let reply = deltas(Reply::stream(), &many_lines(0, 50)).wait(wait);
    let reply = deltas(reply, &many_lines(50, 100)).wait(wait_again);
    let (env, _server) = scripted("", vec![end(deltas(reply, &many_lines(100, 150)))]);
    let mut pty = chat(&env, &[], 80, 24);
    pty.line("Write much.");
    pty.sees("line 00048");
    pty.resize(50, 24);
    pty.until("the narrow rule", |screen| screen.contains(&format!("\n{}\n", "─".repeat(50))));
    go.send(()).unwrap();
    pty.sees("line 00098");
    pty.resize(90, 24);
    pty.until("the wide rule", |screen| screen.contains(&"─".repeat(90)));
    go_on.send(()).unwrap();
    pty.sees("line 00149");
    pty.loses("working");
    assert_whole(&pty.history(), 150);
}

#[test]
fn a_tiny_terminal_is_no_mess() {
    let (env, _server) = scripted("", vec![Reply::text("A short answer that is wider than the terminal is.")]);
    let mut pty = chat(&env, &[], 20, 5);
    pty.line("Hello");
    pty.sees("terminal is.");
    pty.send("x");
    pty.sees("x");
    assert!(pty.screen().lines().all(|line| line.chars().count() <= 20));
}
