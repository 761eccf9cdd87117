//! What the user does while the agent works, and what signals do.

use std::sync::mpsc;

use rustix::process::Signal;
use serde_json::json;

use super::{CTRL_C, ESC, chat, scripted};
use crate::common::{TestEnv, fake_model::Reply, pty::Pty};

const ASKS: &str = "tools: [todo]\npermissions: {ask: [todo]}\n";

fn todo(text: &str) -> Reply {
    Reply::calls(&[("todo", json!({ "items": [{ "text": text, "status": "pending" }] }))])
}

#[test]
fn an_approval_is_asked_for_and_given() {
    let (env, server) = scripted(ASKS, vec![todo("buy milk"), Reply::text("Noted.")]);
    let mut pty = chat(&env, &[], 100, 30);
    pty.line("Note it.");
    // What was typed just before belongs to the message, not to the question.
    pty.sees("lead wants to run todo");
    pty.sees("❯ y");
    let screen = pty.screen();
    for shown in ["buy milk", "why: ", "yes, this once", "no, and say why", "no, and stop"] {
        assert!(screen.contains(shown), "`{shown}` is not in\n{screen}");
    }
    pty.send("y");
    pty.sees("Noted.");
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn a_no_with_a_reason_reaches_the_model() {
    let (env, server) = scripted(ASKS, vec![todo("buy milk"), Reply::text("Then not.")]);
    let mut pty = chat(&env, &[], 100, 30);
    pty.line("Note it.");
    pty.sees("❯ y");
    pty.send("n");
    pty.sees("no, because");
    pty.line("too expensive");
    pty.sees("Then not.");
    let told = server.requests()[1].body["messages"].to_string();
    assert!(told.contains("Denied: too expensive"), "{told}");
}

#[test]
fn what_is_typed_while_it_works_joins_the_turn_or_waits() {
    let (go, wait) = mpsc::channel();
    let (env, server) =
        scripted("", vec![Reply::text("First.").held(wait), Reply::text("Second."), Reply::text("Third.")]);
    let mut pty = chat(&env, &[], 100, 30);
    pty.line("One");
    pty.sees("working");
    pty.send("Later\t");
    pty.sees("next: Later");
    pty.line("Now");
    pty.sees("into this turn: Now");
    go.send(()).unwrap();
    pty.sees("Third.");
    pty.loses("working");
    let asked = |request: usize| {
        let body = &server.requests()[request].body["messages"];
        body.as_array().unwrap().last().unwrap()["content"].clone()
    };
    assert_eq!([asked(0), asked(1), asked(2)], [json!("One"), json!("Now"), json!("Later")]);
}

#[test]
fn esc_interrupts_and_keeps_what_was_said() {
    let (go, wait) = mpsc::channel();
    let part = json!({ "choices": [{ "index": 0, "delta": { "content": "Half of" }, "finish_reason": null }] });
    let (env, _server) = scripted("", vec![Reply::stream().event(&part).wait(wait), Reply::text("Again.")]);
    let mut pty = chat(&env, &[], 100, 30);
    pty.line("Say it.");
    pty.sees("Half of");
    pty.send(ESC);
    pty.sees("interrupted");
    pty.loses("working");
    assert!(pty.screen().contains("Half of"));
    pty.line("Once more.");
    pty.sees("Again.");
    drop(go);
}

#[test]
fn ctrl_c_clears_then_interrupts_then_leaves() {
    let (go, wait) = mpsc::channel();
    let (env, _server) = scripted("", vec![Reply::text("Never.").held(wait)]);
    let mut pty = chat(&env, &[], 100, 30);
    pty.line("Go.");
    pty.sees("working");
    pty.send("a draft");
    pty.sees("a draft");
    pty.send(CTRL_C);
    pty.loses("a draft");
    assert!(pty.screen().contains("working"));
    pty.send(CTRL_C);
    pty.sees("interrupted");
    pty.send(CTRL_C);
    pty.sees("again leaves");
    pty.send(CTRL_C);
    assert_eq!(pty.exit(), Some(0));
    drop(go);
}

#[test]
fn a_signal_gives_the_terminal_back_and_keeps_the_session() {
    for signal in [Signal::TERM, Signal::HUP] {
        let (go, wait) = mpsc::channel();
        let part = json!({ "choices": [{ "index": 0, "delta": { "content": "Half of" }, "finish_reason": null }] });
        let (env, _server) = scripted("", vec![Reply::stream().event(&part).wait(wait)]);
        let mut pty = chat(&env, &["agent.yaml", "--session-id", "ses_kept"], 100, 30);
        pty.line("Say it.");
        pty.sees("Half of");
        pty.signal(signal);
        assert_eq!(pty.exit(), Some(130));
        assert!(pty.is_cooked());
        assert_eq!(pty.cursor().map(|(_, column)| column), Some(0));
        let shown = env.run(&["session", "show", "ses_kept"]).stdout;
        assert!(shown.contains("Say it.") && shown.contains("Half of"), "{shown}");
        drop(go);
    }
}

#[test]
fn ctrl_z_stops_and_fg_brings_it_back() {
    let (env, _server) = scripted("", vec![Reply::text("Still here.")]);
    let program = env!("CARGO_BIN_EXE_agentscope");
    let mut shell = env.command(&[]);
    shell = {
        let mut bash = std::process::Command::new("bash");
        bash.args(["--norc", "--noediting", "-i"]).current_dir(env.work()).env_clear().env("PS1", "shell> ");
        bash.envs(shell.get_envs().filter_map(|(name, value)| Some((name, value?))));
        bash
    };
    let mut pty = Pty::start(shell, 100, 30);
    pty.sees("shell> ");
    pty.line(&format!("{program} chat"));
    pty.sees("ask · lead");
    pty.send("half a dra\x1a");
    pty.sees("Stopped");
    pty.until("the shell", |screen| screen.trim_end().ends_with("shell>"));
    assert!(!pty.screen().contains("ask · lead"));
    pty.line("fg");
    pty.sees("ask · lead");
    pty.line("ft");
    pty.sees("Still here.");
    // Ctrl-C stops a turn that runs.
    pty.loses("working");
    pty.send(CTRL_C);
    pty.sees("again leaves");
    pty.send(CTRL_C);
    pty.until("the shell", |screen| screen.contains("go on with") && screen.trim_end().ends_with("shell>"));
    pty.line("exit");
    pty.exit();
}

#[test]
fn the_whole_conversation_can_be_searched() {
    let text: String = (0..100).map(|n| format!("needle{n:02}\n\n")).collect();
    let (env, _server) = scripted("", vec![Reply::text(&text)]);
    let mut pty = chat(&env, &[], 60, 12);
    pty.line("List.");
    pty.sees("needle99");
    pty.send("\x14");
    pty.sees("/ searches");
    assert!(pty.alternate());
    pty.line("/needle07");
    pty.until("the hit", |screen| screen.starts_with("needle07"));
    pty.send("q");
    pty.sees("ask · lead");
    assert!(!pty.alternate());
    assert_eq!(pty.history().iter().filter(|line| line.contains("needle07")).count(), 1);
}

#[test]
fn a_dumb_terminal_gets_lines() {
    let env = TestEnv::new();
    env.write("agent.yaml", "name: lead\nmodel: demo/demo\n");
    let mut command = env.command(&["chat", "--plain"]);
    command.env("TERM", "dumb");
    let mut pty = Pty::start(command, 80, 24);
    pty.line("hello");
    pty.sees("demo model");
    pty.line("/exit");
    assert_eq!(pty.exit(), Some(0));
    assert!(!pty.bytes().contains('\x1b'), "{}", pty.bytes());
}

#[test]
fn a_terminal_that_cannot_draw_is_told_of() {
    for (name, value, why) in [
        ("TERM", "dumb", "this terminal cannot draw (TERM is dumb): talking line by line"),
        ("LC_ALL", "de_DE.ISO-8859-1", "this terminal shows ISO-8859-1 and not UTF-8: talking line by line"),
    ] {
        let env = TestEnv::new();
        env.write("agent.yaml", "name: lead\nmodel: demo/demo\n");
        let mut command = env.command(&["chat"]);
        command.env(name, value);
        let mut pty = Pty::start(command, 100, 24);
        pty.sees(why);
        pty.line("/exit");
        assert_eq!(pty.exit(), Some(0));
    }
}

#[test]
fn a_draft_comes_back_at_the_next_start() {
    let env = TestEnv::new();
    env.write("agent.yaml", "name: lead\nmodel: demo/demo\n");
    let mut pty = chat(&env, &[], 100, 24);
    pty.send("half a sentence");
    pty.sees("half a sentence");
    pty.signal(Signal::TERM);
    assert_eq!(pty.exit(), Some(130));
    let mut pty = chat(&env, &[], 100, 24);
    pty.sees("what you had typed and not sent is back");
    pty.sees("› half a sentence");
    pty.send(CTRL_C);
    pty.loses("› half a sentence");
    pty.send(CTRL_C);
    pty.sees("again leaves");
    pty.send(CTRL_C);
    assert_eq!(pty.exit(), Some(0));
}

/// Waits until what is kept of drafts fits.
fn kept(env: &TestEnv, fits: impl Fn(&[String]) -> bool) {
    let folder = env.home().join("state/drafts");
    let end = std::time::Instant::now() + std::time::Duration::from_mins(1);
    loop {
        let files = std::fs::read_dir(&folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
        let drafts = files.filter(|path| path.extension().is_some_and(|end| end == "json"));
        let drafts: Vec<_> = drafts.filter_map(|path| std::fs::read_to_string(path).ok()).collect();
        if fits(&drafts) {
            return;
        }
        assert!(std::time::Instant::now() < end, "{drafts:?}");
    }
}

#[test]
fn a_draft_outlives_a_kill_and_belongs_to_its_chat_until_then() {
    let (env, _server) = scripted("", vec![Reply::text("Sent.")]);
    let mut killed = chat(&env, &["agent.yaml", "--session-id", "ses_kept"], 100, 24);
    killed.send("half a sentence");
    kept(&env, |drafts| drafts.iter().any(|draft| draft.contains("half a sentence")));
    let mut other = chat(&env, &[], 100, 24);
    other.line("Something else.");
    other.sees("Sent.");
    assert!(!other.screen().contains("half a sentence"), "it is still being written");
    killed.signal(Signal::KILL);
    killed.exit();
    let mut next = chat(&env, &[], 100, 24);
    next.sees("what you had typed and not sent is back");
    next.sees("ses_kept");
    next.sees("› half a sentence");
    // It is not lost by having been given back.
    kept(&env, |drafts| drafts.iter().any(|draft| draft.contains("half a sentence")));
    next.send(CTRL_C);
    next.loses("› half a sentence");
    kept(&env, <[String]>::is_empty);
}

#[test]
fn the_first_message_can_be_given_with_the_command() {
    let env = TestEnv::new();
    env.write("agent.yaml", "name: lead\nmodel: demo/demo\n");
    let mut pty = chat(&env, &["agent.yaml", "hello there"], 100, 24);
    pty.sees("› hello there");
    pty.sees("demo model");
    pty.loses("working");
    // It is one of the messages that Up goes back to.
    pty.send("\x1b[A");
    pty.until("it twice", |screen| screen.matches("› hello there").count() == 2);
}

#[test]
fn a_session_is_gone_on_with_and_another_chosen() {
    let (env, server) = scripted("", vec![Reply::text("Four."), Reply::text("Nine."), Reply::text("Ten.")]);
    let mut pty = chat(&env, &["agent.yaml", "--session-id", "ses_one"], 100, 30);
    pty.line("Two and two?");
    pty.sees("Four.");
    pty.loses("working");
    pty.line("/new");
    pty.sees("new session ses_");
    pty.line("Three and six?");
    pty.sees("Nine.");
    pty.loses("working");
    pty.line("/sessions");
    pty.sees("Three and six?");
    pty.until("the list", |screen| screen.matches("2 messages").count() == 2);
    pty.send("two and\r");
    pty.sees("session ses_one");
    pty.line("And one more?");
    pty.sees("Ten.");
    let asked = server.requests()[2].body["messages"].to_string();
    assert!(asked.contains("Two and two?") && !asked.contains("Three and six?"), "{asked}");
    pty.loses("working");
    pty.line("/exit");
    assert_eq!(pty.exit(), Some(0));
    pty.history().iter().find(|line| line.contains("agentscope chat agent.yaml --session-id ses_one")).unwrap();
}

#[test]
fn esc_esc_goes_back_to_an_earlier_message() {
    let (env, server) = scripted("", vec![Reply::text("One."), Reply::text("Two."), Reply::text("Three.")]);
    let mut pty = chat(&env, &[], 100, 30);
    for (message, answer) in [("First?", "One."), ("Second?", "Two.")] {
        pty.line(message);
        pty.sees(answer);
        pty.loses("working");
    }
    pty.send(ESC);
    pty.sees("Esc again goes back");
    pty.send(ESC);
    pty.sees("go back to before");
    pty.send("\r");
    pty.sees("the conversation");
    pty.send("conv\x1b[B");
    pty.send("\r");
    pty.sees("you are back before message");
    pty.sees("› Second?");
    pty.send(" Really?\r");
    pty.sees("Three.");
    let asked = server.requests()[2].body["messages"].to_string();
    assert!(asked.contains("One.") && asked.contains("Second? Really?") && !asked.contains("Two."), "{asked}");
}

#[test]
fn a_summary_can_be_edited_before_it_is_taken() {
    let long = "word ".repeat(400);
    let script = [long.as_str(), "Short.", "They spoke.", "Done."].map(Reply::text);
    let (env, server) = scripted("", script.into());
    let env = env.var("EDITOR", "sed -i s/spoke/shouted/");
    let mut pty = chat(&env, &[], 100, 30);
    for (message, answer) in [("Tell me.", "word word"), ("And?", "Short.")] {
        pty.line(message);
        pty.sees(answer);
        pty.loses("working");
    }
    pty.line("/compact");
    pty.sees("They spoke.");
    pty.sees("put it in their place? y or n, or e to edit it");
    pty.send("e");
    pty.sees("They shouted.");
    pty.sees("or e to edit it");
    pty.send("y");
    pty.sees("the messages stay in the session");
    pty.line("Go on.");
    pty.sees("Done.");
    let sent = server.requests()[3].body["messages"].to_string();
    assert!(sent.contains("They shouted.") && !sent.contains("spoke") && !sent.contains("word word"), "{sent}");
}

#[test]
fn what_earlier_openings_used_counts() {
    let (env, _server) = scripted("", vec![Reply::text("One."), Reply::text("Two.")]);
    for (message, answer, used) in
        [("First?", "One.", "20 tokens in, 5 out"), ("Second?", "Two.", "40 tokens in, 10 out")]
    {
        let mut pty = chat(&env, &["agent.yaml", "--session-id", "ses_long"], 100, 30);
        pty.line(message);
        pty.sees(answer);
        pty.loses("working");
        pty.line("/cost");
        pty.sees("all, with summaries");
        pty.line("/exit");
        assert_eq!(pty.exit(), Some(0));
        let history = pty.history();
        let says = |text: &str| history.iter().any(|line| line.contains(text));
        assert!(says(used), "{history:#?}");
    }
}

#[test]
fn a_line_for_the_shell_and_a_command_that_is_not_there() {
    let (env, server) = scripted("", vec![Reply::text("Seen.")]);
    let mut pty = chat(&env, &[], 100, 30);
    pty.line("!echo from $((40 + 2))");
    pty.sees("from 42");
    pty.line("/modle");
    pty.sees("did you mean /model?");
    pty.send(CTRL_C);
    pty.loses("› /modle");
    pty.line("What was that?");
    pty.sees("Seen.");
    let asked = server.requests()[0].body["messages"].to_string();
    assert!(asked.contains("from 42"), "{asked}");
}
