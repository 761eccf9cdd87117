//! A conversation line by line on a terminal: what ends it, and what answers a question.

use std::sync::mpsc;

use rustix::process::Signal;
use serde_json::json;

use super::scripted;
use crate::common::{TestEnv, fake_model::Reply, kept, pty::Pty};

const SESSION: &str = "ses_plain";

fn half() -> Reply {
    let delta = json!({ "choices": [{ "index": 0, "delta": { "content": "Half of" }, "finish_reason": null }] });
    Reply::stream().event(&delta)
}

fn chat(env: &TestEnv, args: &[&str]) -> Pty {
    let args = [&["chat", "agent.yaml", "--session-id", SESSION], args].concat();
    Pty::start(env.command(&args), 100, 30)
}

fn shown(env: &TestEnv) -> String {
    let output = env.run(&["session", "show", SESSION]);
    assert_eq!(output.code, Some(0), "{output}");
    output.stdout
}

#[test]
fn being_told_to_end_ends_the_turn_and_the_chat_and_keeps_the_answer_so_far() {
    for signal in [Signal::TERM, Signal::HUP] {
        for args in [["-q", "Say it."].as_slice(), &["--plain", "Say it."]] {
            let (go, wait) = mpsc::channel();
            let (env, _server) = scripted("", vec![half().wait(wait)]);
            let mut pty = chat(&env, args);
            pty.sees("Half of");
            pty.signal(signal);
            assert_eq!(pty.exit(), Some(130), "{signal:?} {args:?}");
            insta::allow_duplicates! {
                insta::assert_snapshot!(shown(&env), @"
                Say it.
                ses_plain, agent lead, 2 messages

                You
                Say it.

                Assistant
                Half of
                [the answer broke off here]
                ");
            }
            drop(go);
        }
    }
}

#[test]
fn a_closed_terminal_that_says_so_twice_loses_nothing() {
    let (go, wait) = mpsc::channel();
    let (env, _server) = scripted("", vec![half().wait(wait)]);
    let mut pty = chat(&env, &["--plain", "Say it."]);
    pty.sees("Half of");
    for _ in 0..3 {
        pty.signal(Signal::HUP);
    }
    assert_eq!(pty.exit(), Some(130));
    assert!(shown(&env).contains("Half of"));
    drop(go);
}

#[test]
fn who_has_hangups_ignored_as_nohup_does_is_not_ended_by_one() {
    let (go, wait) = mpsc::channel();
    let end = json!({ "choices": [{ "index": 0, "delta": { "content": " it." }, "finish_reason": "stop" }] });
    let (env, _server) = scripted("", vec![half().wait(wait).event(&end).bytes("data: [DONE]\n\n")]);
    let ours = env.command(&["chat", "agent.yaml", "--session-id", SESSION, "-q", "Say it."]);
    let mut command = std::process::Command::new("sh");
    command.args(["-c", "trap '' HUP; exec \"$0\" \"$@\""]).arg(ours.get_program()).args(ours.get_args());
    command.current_dir(env.work()).env_clear();
    command.envs(ours.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let mut pty = Pty::start(command, 100, 30);
    pty.sees("Half of");
    pty.signal(Signal::HUP);
    go.send(()).unwrap();
    assert_eq!(pty.exit(), Some(0));
    assert!(shown(&env).contains("Half of it."));
}

#[test]
fn being_told_to_end_declines_what_is_asked() {
    let (env, _server) = scripted("", vec![Reply::text("Hello.")]);
    let mut pty = chat(&env, &["--plain", "Hi."]);
    pty.sees("Hello.\n> ");
    pty.line(&format!("/delete {SESSION}"));
    pty.sees("for good? [y]es or [n]o:");
    pty.signal(Signal::TERM);
    assert_eq!(pty.exit(), Some(130));
    assert!(shown(&env).contains("Hello."));
}

#[test]
fn what_was_typed_before_an_approval_is_no_answer_to_it() {
    let (go, wait) = mpsc::channel();
    let call = Reply::calls(&[("todo", json!({ "items": [] }))]);
    let script = vec![call.held(wait), Reply::text("As you like."), Reply::text("I have read it.")];
    let (env, server) = scripted("tools: [todo]\npermissions: {ask: [todo]}\n", script);
    let mut pty = chat(&env, &["--plain", "Do it."]);
    pty.sees("> Do it.");
    pty.line("y");
    // The terminal has it once it shows it.
    pty.until("the echo", |screen| screen.lines().any(|line| line.trim() == "y"));
    go.send(()).unwrap();
    pty.sees("the line that was typed before this is no answer to it, but the next message");
    pty.sees("or a reason for no:");
    pty.line("n");
    pty.sees("denied");
    pty.sees("> y");
    pty.sees("I have read it.");
    pty.line("/exit");
    assert_eq!(pty.exit(), Some(0));
    let last = server.requests().pop().unwrap().body["messages"].as_array().unwrap().last().cloned().unwrap();
    assert_eq!(last["content"], "y", "{last}");
}

#[test]
fn what_was_typed_ahead_is_not_sent_after_a_turn_that_was_stopped() {
    let (go, wait) = mpsc::channel();
    let (env, server) = scripted("", vec![half().wait(wait), Reply::text("I am back.")]);
    let mut pty = chat(&env, &["--plain"]);
    pty.sees("> ");
    pty.line("Say it.");
    pty.sees("Half of");
    pty.line("Now delete it all.");
    pty.until("the echo", |screen| screen.lines().any(|line| line.ends_with("Now delete it all.")));
    // Ctrl-C itself has the terminal throw away what nobody has read yet.
    pty.signal(Signal::INT);
    pty.sees("not sent, as the turn before it was stopped:");
    pty.sees("> Now delete it all.\n> ");
    pty.line("Are you there?");
    pty.sees("I am back.");
    pty.line("/exit");
    assert_eq!(pty.exit(), Some(0));
    let said = server.requests().pop().unwrap().body["messages"].to_string();
    assert!(said.contains("Are you there?") && !said.contains("delete"), "{said}");
    drop(go);
}

#[test]
fn what_was_typed_before_a_command_asks_is_no_answer_to_it() {
    let (env, _server) = scripted("", vec![Reply::text("Hello."), Reply::text("Yes what?")]);
    let mut pty = chat(&env, &["--plain", "Hi."]);
    pty.sees("Hello.\n> ");
    pty.send(format!("/delete {SESSION}\ry\r"));
    pty.sees("the line that was typed before this is no answer to it, but the next message");
    pty.sees("for good? [y]es or [n]o:");
    pty.line("n");
    pty.sees("Yes what?");
    pty.line("/exit");
    assert_eq!(pty.exit(), Some(0));
    assert!(shown(&env).contains("Hello."));
}

#[test]
fn a_script_answers_in_the_order_in_which_it_is_asked() {
    let (env, _server) = scripted("", vec![Reply::text("Hello.")]);
    let input = format!("Hi.\n/delete {SESSION}\nn\n/delete {SESSION}\ny\n");
    let output = env.run_with(&["chat", "agent.yaml", "--session-id", SESSION, "--plain"], input);
    assert_eq!(output.code, Some(0), "{output}");
    assert!(output.stderr.contains("deleted ses_plain"), "{output}");
    assert_eq!(env.run(&["session", "show", SESSION]).code, Some(4));
}

/// What outlives `kill -9` is what was shown, but for the last second of it.
#[test]
fn a_killed_chat_keeps_the_answer_so_far() {
    let (go, wait) = mpsc::channel();
    let script = vec![half().wait(wait), Reply::text("it."), Reply::text("Yes.")];
    let (env, server) = scripted("", script);
    let mut pty = chat(&env, &["--plain", "Say it."]);
    pty.sees("Half of");
    kept(&env, SESSION);
    assert!(!shown(&env).contains("Half of"), "while it is written it is no message");
    pty.signal(Signal::KILL);
    pty.exit();
    drop(go);
    insta::assert_snapshot!(shown(&env), @"
    Say it.
    ses_plain, agent lead, 2 messages

    You
    Say it.

    Assistant
    Half of
    [the answer broke off here]
    ");
    let mut pty = chat(&env, &["--plain"]);
    pty.sees("the answer broke off here\n> ");
    pty.line("/exit");
    assert_eq!(pty.exit(), Some(0));
    let copied = env.run(&["session", "fork", SESSION]);
    assert_eq!(copied.code, Some(0), "{copied}");
    assert!(env.run(&["session", "show", copied.stdout.trim()]).stdout.contains("Half of"), "{copied}");
    let output = env.run(&["chat", "agent.yaml", "--session-id", SESSION, "-q", "Go on."]);
    assert_eq!(output.code, Some(0), "{output}");
    assert_eq!(output.stderr, "", "as after an interruption, nothing is made of it");
    let said: Vec<_> = server.requests().pop().unwrap().body["messages"].as_array().unwrap().clone();
    let said: Vec<_> = said.iter().filter_map(|message| message["content"].as_str()).collect();
    assert_eq!(said, ["Say it.", "Half of", "Go on."]);
    let shown = shown(&env);
    assert!(shown.contains("4 messages") && shown.matches("Half of").count() == 1, "{shown}");
}

/// Nothing of it is left once the answer is whole.
#[test]
fn a_slow_answer_is_kept_once() {
    let (go, wait) = mpsc::channel();
    let end = json!({ "choices": [{ "index": 0, "delta": { "content": " it." }, "finish_reason": "stop" }] });
    let (env, _server) = scripted("", vec![half().wait(wait).event(&end).bytes("data: [DONE]\n\n")]);
    let mut pty = chat(&env, &["--plain", "Say it."]);
    pty.sees("Half of");
    kept(&env, SESSION);
    go.send(()).unwrap();
    pty.sees("Half of it.");
    pty.line("/exit");
    assert_eq!(pty.exit(), Some(0));
    let shown = shown(&env);
    assert!(shown.contains("2 messages") && shown.matches("Half of").count() == 1, "{shown}");
}

/// `/cost`, and what is said at the end, count all of a session, whoever opened it.
#[test]
fn what_a_session_used_is_counted_from_its_beginning() {
    let (env, _server) = scripted("", vec![Reply::text("One."), Reply::text("Two."), Reply::text("Three.")]);
    let resume = ["chat", "agent.yaml", "--session-id", SESSION];
    assert_eq!(env.run(&[resume.as_slice(), &["-q", "First?"]].concat()).code, Some(0));
    let output =
        env.run_with(&[resume.as_slice(), &["--plain"]].concat(), "Second?\n/cost\n/fork all\n/cost\nThird?\n");
    insta::with_settings!({ filters => [(r"ses_[0-9a-f]{32}", "[FORK]")] }, {
        insta::assert_snapshot!(output, @"
        exit 0
        --- stdout
        Two.
        Three.
        --- stderr
        AGENT                MODEL                   ANSWERS  INPUT  CACHED  OUTPUT  COST
        lead                 openai-compatible/fake  2        40     0       10      not known
        all, with summaries                                   40     0       10      not known
        session [FORK], a copy of ses_plain
        nothing was used in this session yet
        20 tokens in, 5 out
        go on with: agentscope chat agent.yaml --session-id [FORK]
        ");
    });
    let export = env.run(&["session", "export", SESSION, "-o", "json"]);
    let export: serde_json::Value = serde_json::from_str(&export.stdout).unwrap();
    insta::assert_snapshot!(export["usage"].to_string(), @r#"{"agents":[{"agent":"lead","model":"openai-compatible/fake","answers":2,"input_tokens":40,"output_tokens":10,"cached_tokens":0,"reasoning_tokens":0}]}"#);
}
