//! A chat session and its sandbox, through processes that come and go.

use std::{
    io::Write as _,
    sync::atomic::{AtomicBool, Ordering},
};

use serde_json::json;

use super::home::{Home, spawn};
use crate::common::{
    Output,
    fake_model::{FakeModel, Reply},
    require::available,
    serve::Server,
};

const AGENT: &str = "name: coder
model: demo
tools: [python, shell]
sandbox: {backend: local, workspace: {mode: none}, tool_timeout: 20s, idle_timeout: 5m}
permissions: {default: allow}
";

fn home() -> Option<Home> {
    let home = Home::new();
    home.env.write("agent.yaml", AGENT);
    available("python3", std::process::Command::new("python3").arg("--version").output().is_ok()).then_some(home)
}

/// A process of its own, in which each line is a message.
fn chat(home: &Home, lines: &[&str]) -> Output {
    let mut command = home.command(&["chat", "--plain", "--session-id", "ses_one"]);
    command.stdin(std::process::Stdio::piped());
    let mut child = spawn(command);
    child.stdin.take().unwrap().write_all((lines.join("\n") + "\n").as_bytes()).unwrap();
    let output = home.finish(child);
    assert_eq!(output.code, Some(0), "{output}");
    output
}

const SET: &str = r#"TOOL:run_ipython_cell:{"code": "x = 41\nopen('kept', 'w').write('file')"}"#;
const GET: &str = r#"TOOL:run_ipython_cell:{"code": "print(x + 1)"}"#;
const READ: &str = r#"TOOL:run_ipython_cell:{"code": "print(open('kept').read())"}"#;

#[test]
fn it_is_found_again_with_its_variables() {
    let Some(home) = home() else { return };
    chat(&home, &[SET]);
    let listed = home.listed();
    assert_eq!(listed.len(), 1);
    assert_eq!((&listed[0]["state"], &listed[0]["session"]), (&"running".into(), &"ses_one".into()));
    insta::assert_snapshot!(chat(&home, &[GET]).stdout, @"demo model: `run_ipython_cell` says: 42");
    assert_eq!(home.listed()[0]["id"], listed[0]["id"]);
    home.settle();
}

/// The agent is told what is gone, once.
#[test]
fn one_that_ended_is_made_anew_on_its_workspace() {
    let Some(home) = home() else { return };
    chat(&home, &[SET]);
    let id = home.list()[0].0.clone();
    assert_eq!(home.sandbox(&["stop", &id]).code, Some(0));
    insta::assert_snapshot!(chat(&home, &[READ, READ]).stdout, @"
    demo model: `run_ipython_cell` says: file
    [the sandbox had ended and was made anew: variables and running programs are gone, files in the workspace are still there]
    demo model: `run_ipython_cell` says: file
    ");
    assert_eq!(home.list(), [(id.clone(), "running".to_owned())]);
    home.kill_first(&id);
    let told = chat(&home, &[GET]).stdout;
    assert!(told.contains("NameError: name 'x' is not defined"), "{told}");
    assert!(told.contains("[the sandbox had ended and was made anew: variables"), "{told}");
    home.settle();
}

/// A process that is killed while it makes the sandbox of a session anew does not take the workspace with it.
#[test]
fn the_workspace_of_a_session_outlives_its_maker() {
    let Some(home) = home() else { return };
    chat(&home, &[SET]);
    let id = home.list()[0].0.clone();
    for delay in [10, 30, 50, 70, 90, 120, 160, 200, 250, 300] {
        assert_eq!(home.sandbox(&["stop", &id]).code, Some(0));
        let mut command = home.command(&["chat", "--plain", "--session-id", "ses_one"]);
        command.stdin(std::process::Stdio::piped());
        let mut child = spawn(command);
        child.stdin.as_mut().unwrap().write_all(format!("{GET}\n").as_bytes()).unwrap();
        super::home::killed_after(&child, std::time::Duration::from_millis(delay));
        child.wait().unwrap();
        home.look();
        let listed = home.list();
        assert_eq!(listed.len(), 1, "{listed:?}");
        assert!(home.folder(&id).join("workspace/kept").exists(), "after {delay} ms: {listed:?}");
    }
    assert!(chat(&home, &[READ]).stdout.contains("says: file"));
    home.settle();
}

/// Whoever looks at one that is just being made anew takes nothing away from it.
#[test]
fn one_is_made_anew_while_others_look() {
    let home = &Home::new();
    home.env.write("agent.yaml", AGENT);
    let call = r#"TOOL:run_shell_command:{"command": "echo there"}"#;
    chat(home, &[call]);
    let id = home.list()[0].0.clone();
    for _ in 0..12 {
        assert_eq!(home.sandbox(&["stop", &id]).code, Some(0));
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while !done.load(Ordering::Relaxed) {
                        assert_eq!(home.list().len(), 1);
                    }
                });
            }
            let said = scope.spawn(|| chat(home, &[call])).join();
            done.store(true, Ordering::Relaxed);
            let said = said.unwrap();
            assert!(said.stdout.contains("says: there"), "{said}");
        });
    }
    home.settle();
}

/// Whether a second agent of the session finds what the first one wrote.
#[test]
fn agents_share_one_or_have_their_own() {
    let Some(home) = home() else { return };
    for (share, found, boxes) in [("session", "True", 1), ("agent", "False", 2)] {
        let python = |code: &str| Reply::calls(&[("run_ipython_cell", json!({"code": code}))]);
        let server = FakeModel::start(vec![
            python("open('mine', 'w').close()"),
            Reply::calls(&[("helper", json!({"task": "look"}))]),
            python("import os; print(os.path.exists('mine'))"),
            Reply::text("I looked."),
            Reply::text("Done."),
        ]);
        let model = format!("{{provider: openai-compatible, model: fake, base_url: \"{}\", retries: 0}}", server.url());
        home.env.write(
            "agent.yaml",
            format!(
                "name: lead\nmodel: m\nmodels: {{m: {model}}}\ntools: [python, {{agent: helper}}]\n\
                 agents: {{helper: {{description: Helps., tools: [python]}}}}\npermissions: {{default: allow}}\n\
                 sandbox: {{backend: local, workspace: {{mode: none}}, share: {share}}}\n"
            ),
        );
        let output = chat(&home, &["go"]);
        assert!(output.stdout.ends_with("Done.\n"), "{output}");
        let asked: Vec<_> = server.requests().into_iter().map(|request| request.body["messages"].to_string()).collect();
        assert!(asked[3].contains(found), "{share}: {}", asked[3]);
        assert_eq!(home.settle().len(), boxes);
    }
}

/// The processes that `parent` has boxes forked from.
fn fork_servers(parent: u32) -> Vec<u32> {
    let tasks = std::fs::read_dir(format!("/proc/{parent}/task")).unwrap();
    let children = tasks.map(|task| std::fs::read_to_string(task.unwrap().path().join("children")).unwrap());
    let children = children.collect::<Vec<_>>().join(" ");
    let called = |pid: &u32| std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let children = children.split_whitespace().map(|pid| pid.parse().unwrap());
    children.filter(|pid| called(pid).ends_with(b"\0__init\0")).collect()
}

#[tokio::test]
async fn what_sandboxes_are_forked_from_is_replaced_and_ends_with_its_server() {
    let mut server = Server::start(AGENT);
    let kill = |pid: u32| {
        let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    };
    let mut before = vec![];
    for session in ["one", "two", "killed", "three", "one"] {
        if session == "killed" {
            before = fork_servers(server.id());
            assert_eq!(before.len(), 1, "one for all");
            kill(before[0]);
            // Until then it may still be sent what nobody reads.
            while !std::fs::read_to_string(format!("/proc/{}/stat", before[0])).unwrap().contains(") Z ") {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
            continue;
        }
        let call = r#"TOOL:run_shell_command:{"command": "echo there"}"#;
        let said = server.post_text("/turns", &json!({ "input": call, "session_id": session })).await;
        assert!(said.contains("says: there"), "{session}: {said}");
    }
    let after = fork_servers(server.id());
    assert!(after.len() == 1 && after != before, "{before:?} {after:?}");
    kill(server.id());
    server.wait();
    while std::fs::exists(format!("/proc/{}/exe", after[0])).unwrap() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let removed = server.env.run(&["sandbox", "rm", "--all"]);
    assert!(removed.code == Some(0) && removed.stdout.lines().count() == 3, "{removed}");
}
