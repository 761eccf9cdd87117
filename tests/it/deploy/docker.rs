//! The life of a deployment.

use serde_json::{Value, json};

use super::{Home, process};
use crate::common::openai;

#[tokio::test]
async fn an_agent_is_deployed_changed_and_taken_back() {
    let Some(home) = Home::find() else { return };
    home.agent("serve: {tokens: [{name: web, value: \"${GREETING}\"}]}\n");
    let first = home.deploy(&[]);
    let url = first["url"].as_str().unwrap().to_owned();
    assert!(url.starts_with("http://127.0.0.1:"), "{url}");
    assert_eq!((&first["revision"], &first["state"], &first["changed"]), (&json!(1), &json!("running"), &json!(true)));
    assert_eq!(process(&url, None).await.0, 401);
    let (status, answer) = process(&url, Some("hello-token")).await;
    assert!(status == 200 && answer.contains("demo model"), "{status} {answer}");
    // Ordinary user, nothing writable but what it keeps, no port beyond this machine, no secret in sight.
    let of = |format: &str| home.engine.docker(&["inspect", "--format", format, &format!("agentscope-{}", home.name)]);
    assert_eq!(of("{{.Config.User}} {{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}}"), "65532:65532 true [ALL]");
    assert_eq!(of("{{range .HostConfig.PortBindings}}{{(index . 0).HostIp}}{{end}}"), "127.0.0.1");
    let whole = home.engine.docker(&["inspect", &format!("agentscope-{}", home.name)]);
    let token = home.run(&["invoke", &home.name, "-q", "hello"]);
    assert!(token.code == Some(0) && token.stdout.contains("demo model"), "{token}");
    assert!(!whole.contains("hello-token"), "{whole}");
    openai::answers(&url, "hello-token");

    // The same again is no change at all.
    let before = home.things();
    let again = home.deploy(&[]);
    assert_eq!((&again["revision"], &again["changed"]), (&json!(1), &json!(false)));
    let planned = home.run(&["deploy", "docker", "--plan", "--detailed-exitcode"]);
    assert_eq!(planned.code, Some(0), "{planned}");
    let ids = |things: &str| {
        things.lines().map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" ")).collect::<Vec<_>>()
    };
    assert_eq!(ids(&before), ids(&home.things()));

    // Another agent: a new revision at the same address, with the sessions that there were.
    home.agent("description: changed\nserve: {tokens: [{name: web, value: \"${GREETING}\"}]}\n");
    let session = "ses_of_test";
    assert_eq!(
        home.run(&["invoke", &home.name, "-q", "hello", "--session-id", session, "--user-id", "ann"]).code,
        Some(0)
    );
    let second = home.deploy(&["--wait"]);
    assert_eq!((&second["revision"], second["url"].as_str()), (&json!(2), Some(url.as_str())));
    let sessions = reqwest::Client::builder().build().unwrap().get(format!("{url}/sessions?user_id=ann"));
    let sessions = sessions.bearer_auth("hello-token").send().await.unwrap().text().await.unwrap();
    assert!(sessions.contains(session), "{sessions}");
    assert_eq!(home.containers(), "agentscope-[NAME] running\nagentscope-[NAME].r1 exited");

    // All of it is on the engine: another machine knows as much.
    std::fs::remove_dir_all(home.env.home().join("state")).unwrap();
    let status = home.status();
    assert_eq!(status["revisions"].as_array().unwrap().len(), 2);
    let back = home.run(&["rollback", &home.name, "-o", "json"]);
    assert_eq!(back.code, Some(0), "{back}");
    let back: Value = serde_json::from_str(&back.stdout).unwrap();
    assert_eq!((&back["revision"], back["url"].as_str()), (&json!(1), Some(url.as_str())));
    assert_eq!(home.containers(), "agentscope-[NAME] running\nagentscope-[NAME].r2 exited");
    assert_eq!(process(&url, Some("hello-token")).await.0, 200);
    let logs = home.run(&["logs", &home.name]);
    assert!(logs.stdout.contains("listening on"), "{logs}");

    let stopped = home.run(&["stop", &home.name]);
    assert_eq!(stopped.stdout, format!("docker/{}\n", home.name));
    assert_eq!((home.status()["state"].as_str(), home.run(&["status", &home.name]).code), (Some("stopped"), Some(1)));
    assert_eq!(home.run(&["invoke", &home.name, "-q", "hello"]).code, Some(1));
    // What is deployed now is revision 1, so this is another again.
    let third = home.deploy(&[]);
    assert_eq!(third["revision"], 3);
    let listed = home.run(&["list", "-o", "json"]);
    let listed: Value = serde_json::from_str(&listed.stdout).unwrap();
    assert!(listed.as_array().unwrap().iter().any(|one| one["name"] == home.name.as_str()), "{listed}");
    assert_eq!(home.run(&["rm", &home.name]).code, Some(0));
    assert_eq!(home.things().trim(), format!("agentscope-{}.data", home.name));
    assert_eq!(home.run(&["status", &home.name]).code, Some(4));
    assert_eq!(home.run(&["rm", &home.name, "--purge"]).code, Some(0));
    assert_eq!(home.things().trim(), "");
    assert_eq!(home.run(&["rm", &home.name, "--purge"]).code, Some(4));
}

#[test]
fn a_chat_finds_a_deployment_by_its_name() {
    let Some(home) = Home::find() else { return };
    home.agent("");
    home.deploy(&[]);
    let chat = home.run(&["chat", &format!("docker/{}", home.name), "-q", "hello"]);
    assert!(chat.code == Some(0) && chat.stdout.contains("demo model"), "{chat}");
    let purged = home.run(&["rm", &home.name, "--purge"]);
    assert_eq!(purged.code, Some(0), "{purged}");
    assert_eq!(home.things().trim(), "");
    assert_eq!(home.engine.docker(&["images", "-q", &format!("agentscope/{}", home.name)]), "");
}

#[test]
fn both_spellings_and_a_name_of_its_own() {
    let Some(home) = Home::find() else { return };
    home.env.write("other.yaml", "name: something\nmodel: demo\n");
    let made = home.run(&["deploy", "--mode", "docker", "--config", "other.yaml", "--name", &home.name, "-o", "json"]);
    assert_eq!(made.code, Some(0), "{made}");
    let made: Value = serde_json::from_str(&made.stdout).unwrap();
    assert_eq!(made["id"], format!("docker/{}", home.name));
    // It is stopped, and deploying starts it again, as it is.
    assert_eq!(home.run(&["stop", &home.name]).code, Some(0));
    let again = home.run(&["deploy", "docker", "other.yaml", "--name", &home.name, "-o", "json"]);
    let again: Value = serde_json::from_str(&again.stdout).unwrap();
    assert_eq!((&again["revision"], &again["changed"], &again["url"]), (&json!(1), &json!(true), &made["url"]));
}

#[test]
fn what_was_changed_by_hand_is_shown_and_taken_back() {
    let Some(home) = Home::find() else { return };
    home.agent("");
    home.deploy(&[]);
    assert_eq!(home.status()["drift"], json!([]));
    home.engine.docker(&["update", "--memory", "600m", "--memory-swap", "600m", &format!("agentscope-{}", home.name)]);
    let drift = json!([{ "what": "memory", "from": "536870912", "to": "629145600" }]);
    assert_eq!(home.status()["drift"], drift);
    assert_eq!(home.run(&["deploy", "docker", "--plan", "--detailed-exitcode"]).code, Some(10));
    assert_eq!(home.deploy(&[])["revision"], 2);
    assert_eq!(home.status()["drift"], json!([]));
}
