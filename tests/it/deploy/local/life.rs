//! What becomes of a deployment, from the first to the last.

use std::{
    io::{BufRead as _, BufReader},
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    process::Stdio,
    sync::atomic::{AtomicBool, Ordering},
};

use serde_json::{Value, json};

use super::{super::process, Home, alive};
use crate::common::openai;

#[tokio::test]
async fn an_agent_is_deployed_changed_and_taken_back() {
    let home = Home::new();
    home.agent("serve: {tokens: [{name: web, value: \"${GREETING}\"}]}\n");
    let first = home.deploy(&[]);
    let url = first["url"].as_str().unwrap().to_owned();
    assert!(url.starts_with("http://127.0.0.1:"), "{url}");
    assert_eq!(
        (&first["id"], &first["revision"], &first["state"], &first["changed"]),
        (&json!("local/demo"), &json!(1), &json!("running"), &json!(true))
    );
    assert_eq!(process(&url, None).await.0, 401);
    let (status, answer) = process(&url, Some("hello-token")).await;
    assert!(status == 200 && answer.contains("demo model"), "{status} {answer}");
    home.answers();
    openai::answers(&url, "hello-token");

    // The same again is no change at all.
    let before = home.processes();
    let again = home.deploy(&["--wait"]);
    assert_eq!((&again["revision"], &again["changed"], before), (&json!(1), &json!(false), home.processes()));
    assert_eq!(home.run(&["deploy", "local", "--plan", "--detailed-exitcode"]).code, Some(0));

    // Another agent: a new revision at the same address, with the sessions that there were.
    let session = ["--session-id", "ses_of_test", "--user-id", "ann"];
    assert_eq!(home.run(&[&["invoke", "demo", "-q", "hello"][..], &session].concat()).code, Some(0));
    home.agent("description: changed\nserve: {tokens: [{name: web, value: \"${GREETING}\"}]}\n");
    assert_eq!(home.run(&["deploy", "local", "--plan", "--detailed-exitcode"]).code, Some(10));
    let second = home.deploy(&[]);
    assert_eq!((&second["revision"], second["url"].as_str()), (&json!(2), Some(url.as_str())));
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let sessions = client.get(format!("{url}/sessions?user_id=ann")).bearer_auth("hello-token");
    let sessions = sessions.send().await.unwrap().text().await.unwrap();
    assert!(sessions.contains("ses_of_test"), "{sessions}");

    let back = home.run(&["rollback", "demo", "-o", "json"]);
    assert_eq!(back.code, Some(0), "{back}");
    let back: Value = serde_json::from_str(&back.stdout).unwrap();
    assert_eq!((&back["revision"], back["url"].as_str()), (&json!(1), Some(url.as_str())));
    assert_eq!(home.status()["revisions"].as_array().unwrap().len(), 2);
    assert_eq!(process(&url, Some("hello-token")).await.0, 200);
    assert_eq!(home.run(&["rollback", "demo", "--to", "7"]).code, Some(4));
    assert_eq!(home.run(&["rollback", "demo", "--to", "1"]).code, Some(2));
    let logs = home.run(&["logs", "local/demo", "--tail", "50"]);
    assert!(logs.stdout.contains("revision 1 is listening on"), "{logs}");

    let (supervisor, server) = home.processes();
    let stopped = home.run(&["stop", "demo"]);
    assert_eq!((stopped.code, stopped.stdout.as_str()), (Some(0), "local/demo\n"));
    assert!(!alive(supervisor) && !alive(server));
    assert_eq!((home.status()["state"].as_str(), home.run(&["status", "demo"]).code), (Some("stopped"), Some(1)));
    assert_eq!(home.invoke().0, Some(1));
    // What is deployed now is revision 1, so this is another again.
    assert_eq!(home.deploy(&[])["revision"], 3);
    let listed = home.run(&["list", "--target", "local", "-o", "json"]);
    let listed: Value = serde_json::from_str(&listed.stdout).unwrap();
    assert_eq!((&listed[0]["id"], &listed[0]["state"]), (&json!("local/demo"), &json!("running")));

    let (supervisor, server) = home.processes();
    assert_eq!(home.run(&["rm", "demo"]).code, Some(0));
    assert!(!alive(supervisor) && !alive(server));
    let left: Vec<_> = std::fs::read_dir(home.folder()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!((left, home.run(&["status", "demo"]).code), (vec!["data".into()], Some(4)));
    assert_eq!(home.run(&["rm", "demo", "--purge"]).code, Some(0));
    assert!(!home.folder().exists());
    assert_eq!(home.run(&["rm", "demo", "--purge"]).code, Some(4));
}

#[test]
fn a_plan_shows_everything_and_touches_nothing() {
    let home = Home::new();
    home.agent("serve: {tokens: [{name: web, value: \"${GREETING}\"}]}\n");
    let output = home.run(&["deploy", "local", "--plan", "--detailed-exitcode", "--port", "9000"]);
    let shown = home.shown(&output, "no url").replace(home.env.home().to_str().unwrap(), "[HOME]");
    insta::assert_snapshot!(shown, @"
    exit 10
    --- stdout
    local/demo would be made, revision 1
      + agent_hash: sha256:[HASH]
      + data: [HOME]/state/deploy/local/demo/data
      + port: 8080 (default)
      + publish.host: 127.0.0.1 (default)
      + publish.port: 9000 (--port)
      + version: 0.1.0
      + secrets.GREETING: a secret (environment)
    note: sessions and memory are kept in `[HOME]/state/deploy/local/demo/data`, from one revision to the next
    note: it ends with this machine, and `agentscope deploy local` starts it again; its secrets are in the memory of a process alone, so they are needed again then, and for a rollback
    note: a new revision takes over without a gap; turns that run on the old one have some seconds to end
    --- stderr
    using ./agent.yaml
    ");
    assert!(!home.env.home().join("state/deploy/local").exists());
}

#[test]
fn what_a_revision_has_does_not_change_with_the_users_files() {
    let home = Home::new();
    home.env.write("prompt.md", "First.");
    home.env.write("skills/greet/SKILL.md", "---\nname: greet\ndescription: Greets\n---\nSay hello.");
    home.agent("instructions_file: prompt.md\nskills: [./skills]\n");
    home.deploy(&[]);
    home.env.write("prompt.md", "Second.");
    let kept = |number: u32| {
        let folder = home.folder().join(format!("revisions/{number}/agent"));
        assert!(folder.join("skills/greet/SKILL.md").exists());
        std::fs::read_to_string(folder.join("prompt.md")).unwrap()
    };
    assert_eq!(kept(1), "First.");
    assert_eq!(home.deploy(&[])["revision"], 2);
    assert_eq!((kept(1), kept(2)), ("First.".to_owned(), "Second.".to_owned()));
}

#[test]
fn callers_do_not_notice_a_new_revision() {
    let home = Home::new();
    home.agent("");
    let url = home.deploy(&[])["url"].as_str().unwrap().to_owned();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        // Some keep their connections, and some do not.
        let callers: Vec<_> = [0, 0, 1]
            .into_iter()
            .map(|kept| {
                let (url, over) = (format!("{url}/health"), &over);
                scope.spawn(move || {
                    let client = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(kept).build().unwrap();
                    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                    runtime.block_on(async {
                        let mut answered = 0;
                        while !over.load(Ordering::Relaxed) {
                            let answer = client.get(&url).send().await.and_then(|answer| answer.error_for_status());
                            answer.unwrap();
                            answered += 1;
                        }
                        answered
                    })
                })
            })
            .collect();
        for change in 0..3 {
            home.agent(&format!("description: change {change}\n"));
            home.deploy(&[]);
        }
        over.store(true, Ordering::Relaxed);
        assert!(callers.into_iter().all(|caller| caller.join().unwrap() > 0));
    });
}

#[test]
fn it_is_in_nobodys_terminal_and_nobody_elses() {
    let home = Home::new();
    home.agent("");
    home.deploy(&[]);
    let (supervisor, server) = home.processes();
    for pid in [supervisor, server] {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        let fields: Vec<_> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
        // Its session, and its terminal.
        assert_eq!((fields[3], fields[4]), (supervisor.to_string().as_str(), "0"));
    }
    let mode = |path: &str| std::fs::metadata(home.folder().join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("record.json"), mode("."), mode("data"), mode("revisions/1/log")), (0o600, 0o700, 0o700, 0o600));
    let sockets = std::fs::read_dir(home.folder()).unwrap().map(|entry| entry.unwrap());
    let sockets: Vec<_> = sockets.filter(|entry| entry.file_name().to_string_lossy().starts_with("control.")).collect();
    assert_eq!(sockets.len(), 1);
    assert_eq!(sockets[0].metadata().unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn a_chat_finds_it_by_its_name_and_a_log_is_followed_to_its_end() {
    let home = Home::new();
    home.env.write("other.yaml", "name: something\nmodel: demo\n");
    let made = home.run(&["deploy", "--mode", "local", "--config", "other.yaml", "--name", "demo"]);
    assert_eq!(made.code, Some(0), "{made}");
    let mut follow = home.env.command(&["logs", "demo", "-f"]);
    let mut follow = follow.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(follow.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("is listening on")));
    for word in ["demo", "local/demo", "dem"] {
        let chat = home.run(&["chat", word, "-q", "hello"]);
        assert!(chat.code == Some(0) && chat.stdout.contains("demo model"), "{chat}");
        // What goes on with it has the deployment's token, which an address has not.
        let chat = home.env.run_with(&["chat", word, "--plain"], "hello\n");
        assert!(chat.stderr.contains(&format!("go on with: agentscope chat {word} --session-id ")), "{chat}");
    }
    assert!(lines.any(|line| line.contains("/turns")));
    assert_eq!(home.run(&["stop", "demo"]).code, Some(0));
    // It ends with what it follows.
    assert!(lines.all(|line| !line.is_empty()) && follow.wait().unwrap().success());
    // Deploying starts it again, as it is.
    let again = home.run(&["deploy", "local", "other.yaml", "--name", "demo", "-o", "json"]);
    let again: Value = serde_json::from_str(&again.stdout).unwrap();
    assert_eq!((&again["revision"], &again["changed"]), (&json!(1), &json!(true)));
}

#[test]
fn a_port_that_is_taken_is_an_error_where_it_was_asked_for_and_passed_over_where_not() {
    let home = Home::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    home.agent(&format!("serve: {{port: {port}}}\n"));
    let output = home.run(&["deploy", "local", "--port", &port.to_string()]);
    insta::assert_snapshot!(output.to_string().replace(&port.to_string(), "[PORT]"), @"
    exit 2
    --- stderr
    using ./agent.yaml
    making revision 1
    error: the port [PORT] is taken
    hint: leave `--port` out: the next one that is free is taken and kept
    ");
    assert!(!home.folder().exists());
    let made = home.deploy(&[]);
    let url = url::Url::parse(made["url"].as_str().unwrap()).unwrap();
    assert!(url.port().unwrap() > port, "{made}");
    // It is kept, though the first is free now.
    drop(taken);
    home.agent(&format!("description: changed\nserve: {{port: {port}}}\n"));
    assert_eq!(home.deploy(&[])["url"], made["url"]);
    // Asked for another, it moves.
    let other = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let moved = home.deploy(&["--port", &other.to_string()]);
    assert_eq!(moved["url"], format!("http://127.0.0.1:{other}"));
    home.answers();
}
