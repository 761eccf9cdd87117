//! What goes wrong leaves what was there, and the next deploy makes it good.

use std::net::TcpListener;

use serde_json::{Value, json};

use super::{
    super::{BROKEN, begun, told_to_end},
    Home, alive, kill,
};

#[test]
fn a_revision_that_does_not_answer_never_takes_over() {
    let home = Home::new();
    home.agent("");
    let first = home.deploy(&[]);
    for (more, reason) in BROKEN {
        home.env.write("agent.yaml", format!("name: demo\n{more}\n"));
        let output = home.run(&["deploy", "local", "--timeout", "1"]);
        assert!(output.code == Some(1) && output.stderr.contains(reason), "{output}");
        assert!(output.stderr.contains("hint: the old revision goes on as before"), "{output}");
        assert_eq!((&home.status()["url"], home.status()["revisions"].as_array().unwrap().len()), (&first["url"], 1));
        home.answers();
        assert!(!home.folder().join("revisions/2").exists());
    }
}

#[test]
fn what_a_first_revision_said_at_last_is_shown_and_nothing_is_left() {
    let home = Home::new();
    home.agent("storage: {sessions: \"redis://127.0.0.1:1\"}\n");
    insta::assert_snapshot!(home.run(&["deploy", "local"]), @"
    exit 1
    --- stderr
    using ./agent.yaml
    making revision 1
    waiting until it answers
    error: the new revision ended: exit code 2
      error: `storage.sessions` asks for Redis, which comes with a later version
      hint: use `sqlite:`, `sqlite:PATH` or `in-process:`
    ");
    assert_eq!(home.run(&["status", "demo"]).code, Some(4));
    assert!(!home.folder().exists());
}

#[test]
fn a_server_that_was_killed_is_started_again_and_callers_wait_for_it() {
    let home = Home::new();
    home.agent("");
    home.deploy(&[]);
    let (supervisor, server) = home.processes();
    kill(server);
    // The address is the supervisor's, so nobody is refused.
    home.answers();
    let (same, another) = home.processes();
    assert_eq!(same, supervisor);
    assert_ne!(another, server);
    assert_eq!(home.status()["state"], "running");
}

#[test]
fn a_supervisor_that_was_killed_takes_its_server_along_and_the_next_deploy_starts_both() {
    let home = Home::new();
    home.agent("");
    let first = home.deploy(&[]);
    let (supervisor, server) = home.processes();
    kill(supervisor);
    // Until the kernel has closed what it had.
    while alive(supervisor) {
        std::thread::yield_now();
    }
    let status = home.status();
    let detail = &status["revisions"][0]["detail"];
    assert_eq!(
        (status["state"].as_str(), detail.as_str()),
        (Some("stopped"), Some("its supervisor ended without being told to"))
    );
    let again = home.deploy(&[]);
    assert_eq!((&again["revision"], &again["changed"]), (&first["revision"], &true.into()));
    assert!(!alive(server));
    home.answers();
}

#[test]
fn a_process_that_has_the_number_of_a_dead_one_is_left_alone() {
    let home = Home::new();
    home.agent("");
    home.deploy(&[]);
    let (supervisor, server) = home.processes();
    kill(supervisor);
    while alive(supervisor) || alive(server) {
        std::thread::yield_now();
    }
    // As if the number were given to another process meanwhile: this one.
    let folder = std::fs::read_dir(home.folder()).unwrap().map(|entry| entry.unwrap());
    let file = folder.map(|entry| entry.path()).find(|path| path.to_string_lossy().contains("/process.")).unwrap();
    let own = std::process::id();
    let text = format!(r#"{{"supervisor": {{"pid": {own}, "started": 1}}, "server": {{"pid": {own}, "started": 1}}}}"#);
    std::fs::write(file, text).unwrap();
    assert_eq!(home.run(&["stop", "demo"]).code, Some(0));
    assert_eq!(home.run(&["rm", "demo"]).code, Some(0));
}

#[test]
fn of_two_at_once_one_is_refused_and_a_deploy_that_was_killed_is_made_good_by_the_next() {
    let home = Home::new();
    home.agent("");
    home.deploy(&[]);
    // A model that says nothing keeps the first from being done.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    home.env.write(
        "agent.yaml",
        format!(
            "name: demo\nmodel: m\n\
             models: {{m: {{provider: openai-compatible, model: x, base_url: \"http://{address}/v1\"}}}}\n"
        ),
    );
    let mut first = home.begun("waiting until");
    let second = home.run(&["deploy", "local"]);
    insta::assert_snapshot!(second, @"
    exit 1
    --- stderr
    using ./agent.yaml
    error: `local/demo` is just being changed by another command
    hint: try again when it is done; `agentscope status` shows the deployment
    ");
    home.answers();
    first.kill().unwrap();
    first.wait().unwrap();
    home.agent("description: changed\n");
    assert_eq!(home.deploy(&[])["revision"], 2);
    home.answers();
    let (supervisor, _) = home.processes();
    let left = std::fs::read_dir(home.folder()).unwrap().map(|entry| entry.unwrap().file_name());
    let supervisors = left.filter(|name| name.to_string_lossy().starts_with("process.")).count();
    assert!(supervisors <= 2 && alive(supervisor));
}

#[test]
fn a_deploy_that_is_told_to_end_takes_back_what_it_began() {
    let home = Home::new();
    let (unready, _) = BROKEN[2];
    home.env.write("agent.yaml", format!("name: demo\n{unready}\n"));
    let (code, said) = told_to_end(begun(home.env.command(&["deploy", "local"]), "waiting until"));
    assert!(code == Some(130) && said.contains("error: interrupted"), "{code:?} {said}");
    assert!(!home.folder().exists());
    home.agent("");
    home.deploy(&[]);
    home.env.write("agent.yaml", format!("name: demo\n{unready}\n"));
    let (code, said) = told_to_end(begun(home.env.command(&["deploy", "local"]), "waiting until"));
    assert!(code == Some(130) && said.contains("hint: the old revision goes on as before"), "{code:?} {said}");
    assert!(!home.folder().join("revisions/2").exists());
    home.answers();
}

#[test]
fn a_record_of_a_later_version_is_left_alone() {
    let home = Home::new();
    std::fs::create_dir_all(home.folder()).unwrap();
    std::fs::write(home.folder().join("record.json"), r#"{"version": 9}"#).unwrap();
    home.agent("");
    let output = home.run(&["deploy", "local"]);
    insta::assert_snapshot!(output.to_string().replace(home.env.home().to_str().unwrap(), "[HOME]"), @"
    exit 1
    --- stderr
    using ./agent.yaml
    error: the record `[HOME]/state/deploy/local/demo/record.json` cannot be used: a later agentscope wrote it
    hint: use that one
    ");
    std::fs::remove_dir_all(home.folder()).unwrap();
}

#[test]
fn nothing_is_removed_but_a_deployment_that_is_named_in_full() {
    let home = Home::new();
    home.agent("");
    home.deploy(&[]);
    let kept = home.env.write("kept/file", "mine");
    let folder = kept.parent().unwrap().display().to_string();
    let up = home.folder().join("../../../../../work/kept");
    assert!(up.is_dir());
    let words = [folder.clone(), format!("local/{folder}"), "local/../../../../work/kept".to_owned()];
    let words =
        words.iter().map(String::as_str).chain(["local/..", "local/.", "local/demo/..", "..", "", "local/", "/"]);
    for word in words {
        let output = home.run(&["rm", "--purge", word]);
        assert!(output.code == Some(4) && kept.exists() && home.folder().exists(), "{word}: {output}");
    }
    for verb in ["rm", "stop", "rollback"] {
        insta::allow_duplicates! {
            insta::assert_snapshot!(home.run(&[verb, "dem"]), @"
            exit 4
            --- stderr
            error: there is no deployment `dem`
            hint: did you mean `local/demo`?
            ");
        }
    }
    assert_eq!(home.run(&["rm", "local/dem", "--purge"]).code, Some(4));
    assert_eq!((home.run(&["status", "dem"]).code, home.run(&["status", "local/d"]).code), (Some(0), Some(0)));
    home.answers();
}

#[test]
fn a_record_that_cannot_be_used_keeps_nobody_from_the_others() {
    let home = Home::new();
    std::fs::create_dir_all(home.folder()).unwrap();
    std::fs::write(home.folder().join("record.json"), "{").unwrap();
    let listed = home.run(&["list", "--target", "local", "-o", "json"]);
    let listed: Value = serde_json::from_str(&listed.stdout).unwrap_or_else(|_| panic!("{listed}"));
    assert_eq!((&listed[0]["id"], &listed[0]["state"]), (&json!("local/demo"), &json!("unknown")));
    let status = home.run(&["status", "demo"]);
    assert!(status.code == Some(1) && status.stderr.contains("`agentscope rm` removes the deployment"), "{status}");
    assert_eq!(home.run(&["rm", "demo"]).code, Some(0));
    assert!(!home.folder().exists());
}
