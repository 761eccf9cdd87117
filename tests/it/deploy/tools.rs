//! What the agent's tools find where it runs, and whether they work there.

use serde_json::{Value, json};

use super::Home;
use crate::common::{TestEnv, engine::unique, registry::Registry, require::available};

const ASKED: &str = r#"TOOL:run_ipython_cell:{"code":"print(6 * 7)"}"#;

/// Python where programs of a sandbox may be, whatever the place that the test image has it at.
const MOVED: &str = "p=$(readlink -f /usr/bin/python3); v=${p%/bin/*}; c=$(find / -xdev -name libc.so.6 | head -n 1)
case $v in /usr) exit;; esac
mkdir -p /usr/local && cp -a $v /usr/local/python && ln -sf /usr/local/python/bin/${p##*/} /usr/bin/python3
for l in $v/lib/libpython*.so*; do [ -e $l ] && cp $l ${c%/*}/; done; rm -r $v";

#[test]
fn python_answers_in_a_container_and_does_not_read_its_secrets() {
    let Some(home) = Home::find() else { return };
    let Some(registry) = Registry::start() else { return };
    let (maker, base) = (format!("agentscope-base-{}", unique()), format!("{}/python:1", registry.host));
    home.engine.docker(&["run", "--name", &maker, "--network", "none", &home.engine.image, "sh", "-c", MOVED]);
    home.engine.docker(&["commit", &maker, &base]);
    home.engine.docker(&["rm", &maker]);
    home.engine.docker(&["push", &base]);
    home.engine.docker(&["rmi", &base]);
    home.agent("tools: [python]\n");
    let planned = home.run(&["deploy", "docker", "--base", &base, "--plan"]);
    assert!(planned.stdout.contains("a container leaves it tier B isolation"), "{planned}");
    home.deploy(&["--base", &base]);
    let answer = home.run(&["invoke", &home.name, "-q", ASKED]);
    assert!(answer.code == Some(0) && answer.stdout.contains("says: 42"), "{answer}");
    let read =
        r#"TOOL:run_ipython_cell:{"code":"print(open('/run/secrets/agentscope/AGENTSCOPE_SERVE_TOKEN').read())"}"#;
    let answer = home.run(&["invoke", &home.name, "-q", read]);
    assert!(answer.stdout.contains("PermissionError"), "{answer}");
}

#[test]
fn python_answers_on_this_machine_and_nothing_of_it_stays() {
    let python = std::process::Command::new("python3").arg("--version").output();
    if !available("python3", python.is_ok_and(|output| output.status.success())) {
        return;
    }
    let env = TestEnv::new();
    env.write("agent.yaml", "name: demo\nmodel: demo\ntools: [python]\n");
    let planned = env.run(&["deploy", "local", "--plan"]);
    if !available("sandbox", planned.code == Some(0)) {
        return;
    }
    assert!(
        planned.stdout.contains("note: tools that run in a sandbox: python; the backend `local` gives tier"),
        "{planned}"
    );
    assert!(planned.stdout.contains("note: the tool `python` uses /"), "{planned}");
    let made = env.run(&["deploy", "local"]);
    let answer = env.run(&["invoke", "demo", "-q", ASKED]);
    let removed = env.run(&["rm", "demo", "--purge"]);
    assert_eq!((made.code, removed.code), (Some(0), Some(0)), "{made}{removed}");
    assert!(answer.code == Some(0) && answer.stdout.contains("says: 42"), "{answer}");
    assert!(!env.home().join("state/deploy/local/demo").exists());
}

#[test]
fn what_could_not_work_there_is_refused_in_the_plan() {
    let env = TestEnv::new().var("DOCKER_HOST", "unix:///nowhere/docker.sock");
    let refused = |target: &str, more: &str| {
        env.write("agent.yaml", format!("name: demo\nmodel: demo\n{more}\n"));
        env.run(&["deploy", target, "--plan"])
    };
    insta::assert_snapshot!(refused("local", "mcp: {time: {command: no-such-program}}"), @"
    exit 2
    --- stderr
    using ./agent.yaml
    error: the MCP server `time` needs `no-such-program`, which is not on this machine
    hint: install it, or put it on the PATH of this command
    ");
    insta::assert_snapshot!(refused("local", "tools: [files]\nsandbox: {backend: docker}"), @"
    exit 2
    --- stderr
    using ./agent.yaml
    error: the tools files cannot run on this machine: the backend `docker` cannot be used here
    hint: the `docker` backend is not available: there is no socket `/nowhere/docker.sock`, which DOCKER_HOST names; start the engine, or set DOCKER_HOST to where it listens
    ");
    insta::assert_snapshot!(refused("docker", "tools: [files]\nsandbox: {backend: docker}"), @"
    exit 2
    --- stderr
    using ./agent.yaml
    error: the tools files ask for a container engine, which there is none of in a container
    hint: leave `sandbox.backend` out, or deploy with `agentscope deploy local`
    ");
    insta::assert_snapshot!(refused("docker", "tools: [files]\nsandbox: {min_tier: A}"), @"
    exit 2
    --- stderr
    using ./agent.yaml
    error: the tools files get tier B isolation in a container, and `sandbox.min_tier` is A
    hint: the container itself is a boundary: ask for B, or deploy with `agentscope deploy local`
    ");
}

#[test]
fn each_value_says_where_it_comes_from() {
    let env = TestEnv::new().var("SET_HERE", "x");
    env.write(".env", "BESIDE=x\n");
    env.write("more.env", "GIVEN=x\n");
    env.write(
        "agent.yaml",
        "name: demo\nmodel: demo\nserve: {port: 9100, tokens: [{name: a, value: \"${SET_HERE}${BESIDE}\"}]}\n\
         profiles: {prod: {serve: {port: 9200}, deploy: {smoke: {prompt: hello}}}}\n",
    );
    let sources = |more: &[&str]| {
        let output = env.run(&[&["deploy", "local", "--plan", "-o", "json"], more].concat());
        let plan: Value = serde_json::from_str(&output.stdout).unwrap_or_else(|_| panic!("{output}"));
        plan["sources"].clone()
    };
    let plain = sources(&["--env-file", "more.env", "-E", "FLAG=x", "--host", "127.0.0.2"]);
    let expected = json!({
        "name": "agent file",
        "port": "agent file",
        "publish.host": "--host",
        "publish.port": "the next that is free, kept",
        "secrets.BESIDE": "[WORK]/.env",
        "secrets.FLAG": "--env",
        "secrets.GIVEN": "--env-file",
        "secrets.SET_HERE": "environment",
        "smoke": "default",
    });
    assert_eq!(plain, expected);
    let prod = sources(&["--profile", "prod", "--name", "other"]);
    assert_eq!(
        (&prod["name"], &prod["port"], &prod["smoke"], &prod["profile"]),
        (&json!("--name"), &json!("profile prod"), &json!("profile prod"), &json!("--profile"))
    );
}
