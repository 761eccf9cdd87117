//! What would be done, and what cannot be.

use serde_json::{Value, json};

use super::Home;
use crate::common::TestEnv;

#[test]
fn a_plan_shows_everything_and_touches_nothing() {
    let Some(home) = Home::find() else { return };
    home.agent(
        "serve: {tokens: [{name: web, value: \"${GREETING}\"}]}\ndeploy: {docker: {memory: 256Mi, cpu: 500m}}\n",
    );
    let plan = |args: &[&str]| home.shown(&home.run(&[&["deploy", "docker", "--plan"], args].concat()));
    insta::assert_snapshot!(plan(&["--detailed-exitcode"]), @"
    exit 10
    --- stdout
    docker/[NAME] would be made, revision 1
      + agent_hash: sha256:[HASH]
      + cpu_millis: 500 (agent file)
      + image: agentscope/[NAME]:[TAG]
      + memory: 268435456 (agent file)
      + pids: 512
      + port: 8080 (default)
      + publish.host: 127.0.0.1 (default)
      + read_only: true
      + restart: unless-stopped
      + user: 65532:65532
      + volumes./data: agentscope-[NAME].data
      + secrets.GREETING: a secret (environment)
    note: the container has no Python, no Node.js and no shell: the agent needs none
    note: sessions and memory are kept in the volume `agentscope-[NAME].data`, from one revision to the next
    note: while a new revision takes over, turns that run have some seconds to end; then callers are not answered for about a second
    --- stderr
    using ./agent.yaml
    packing the agent
    ");
    insta::assert_snapshot!(plan(&["-o", "markdown"]), @"
    exit 0
    --- stdout
    **docker/[NAME] would be made, revision 1**

    ```diff
    + agent_hash: sha256:[HASH]
    + cpu_millis: 500 (agent file)
    + image: agentscope/[NAME]:[TAG]
    + memory: 268435456 (agent file)
    + pids: 512
    + port: 8080 (default)
    + publish.host: 127.0.0.1 (default)
    + read_only: true
    + restart: unless-stopped
    + user: 65532:65532
    + volumes./data: agentscope-[NAME].data
    + secrets.GREETING: a secret (environment)
    ```

    - the container has no Python, no Node.js and no shell: the agent needs none
    - sessions and memory are kept in the volume `agentscope-[NAME].data`, from one revision to the next
    - while a new revision takes over, turns that run have some seconds to end; then callers are not answered for about a second
    --- stderr
    using ./agent.yaml
    packing the agent
    ");
    let document = |form: &str| home.run(&["deploy", "docker", "--plan", "-o", form, "-E", "MORE=s3cret"]).stdout;
    let json: Value = serde_json::from_str(&document("json")).unwrap();
    let yaml: Value = serde_yaml::from_str(&document("yaml")).unwrap();
    assert_eq!(json, yaml);
    assert_eq!((&json["changed"], &json["secrets"]), (&json!(true), &json!(["GREETING", "MORE"])));
    assert!(!document("json").contains("s3cret"));
    assert_eq!(home.things().trim(), "");
    home.deploy(&[]);
    home.agent("serve: {tokens: [{name: web, value: \"${GREETING}\"}]}\ndeploy: {docker: {memory: 300Mi}}\n");
    insta::assert_snapshot!(plan(&["-E", "GREETING=other", "--detailed-exitcode"]), @"
    exit 10
    --- stdout
    docker/[NAME] would be changed, from revision 1 to 2
      ~ agent_hash: sha256:[HASH] -> sha256:[HASH]
      - cpu_millis: 500
      ~ image: agentscope/[NAME]:[TAG] -> agentscope/[NAME]:[TAG]
      ~ memory: 268435456 -> 314572800 (agent file)
      ~ secrets.GREETING: a secret -> another secret (--env)
    note: the container has no Python, no Node.js and no shell: the agent needs none
    note: sessions and memory are kept in the volume `agentscope-[NAME].data`, from one revision to the next
    note: while a new revision takes over, turns that run have some seconds to end; then callers are not answered for about a second
    --- stderr
    using ./agent.yaml
    packing the agent
    ");
}

#[test]
fn wrong_usage_is_told_before_anything_is_done() {
    let env = TestEnv::new().var("DOCKER_HOST", "unix:///nowhere/docker.sock");
    env.write("agent.yaml", "name: demo\nmodel: demo\nserve: {tokens: [{name: web, value: \"${WEB_TOKEN}\"}]}\n");
    insta::assert_snapshot!(env.run(&["deploy"]), @"
    exit 2
    --- stderr
    error: the target is not named
    hint: there is local, docker, kubernetes, knative, as in `agentscope deploy local`
    ");
    insta::assert_snapshot!(env.run(&["deploy", "moon"]), @"
    exit 2
    --- stderr
    error: there is no target `moon`
    hint: there is local, docker, kubernetes, knative
    ");
    insta::assert_snapshot!(env.run(&["deploy", "--mode", "moon"]), @"
    exit 2
    --- stderr
    error: there is no target `moon`
    hint: there is local, docker, kubernetes, knative
    ");
    insta::assert_snapshot!(env.run(&["deploy", "docker", "agent.yaml", "--mode", "docker"]), @"
    exit 2
    --- stderr
    error: the target is named twice
    hint: leave out `--mode`, or the word
    ");
    insta::assert_snapshot!(env.run(&["deploy", "docker"]), @r#"
    exit 2
    --- stderr
    using ./agent.yaml
    error: the variable `WEB_TOKEN` is not set
     --> agent.yaml:3:37
      |
    3 | serve: {tokens: [{name: web, value: "${WEB_TOKEN}"}]}
      |                                     ^^^^^^^^^^^^^^
      |
      = help: set it, write it into `.env` beside the agent file, or give a default: ${WEB_TOKEN:-…}
    "#);
    insta::assert_snapshot!(env.run(&["deploy", "docker", "--name", "No Name"]), @"
    exit 2
    --- stderr
    error: invalid value 'No Name' for '--name <NAME>': use lower-case letters, digits and `-`, up to 63, such as `my-agent`

    For more information, try '--help'.
    ");
    env.write("agent.yaml", "name: demo\nmodel: demo\ntools: [python]\n");
    insta::assert_snapshot!(env.run(&["deploy", "docker", "--plan"]), @"
    exit 2
    --- stderr
    using ./agent.yaml
    error: the tool `python` needs `python3`, which an image without a base has not
    hint: name an image of a registry that has it with `--base HOST/PATH:TAG`
    ");
}

#[test]
fn a_target_that_cannot_be_asked_is_unknown() {
    let env = TestEnv::new().var("DOCKER_HOST", "unix:///nowhere/docker.sock");
    insta::assert_snapshot!(env.run(&["list"]), @"
    exit 0
    --- stdout
    ID      STATE    REVISION  URL
    docker  unknown  -         -
    --- stderr
    warning: docker cannot be asked: no container engine can be used: there is no socket `/nowhere/docker.sock`, which DOCKER_HOST names; hint: start the engine, or set DOCKER_HOST to where it listens
    ");
    let listed = env.run(&["list", "-o", "json"]);
    let listed: Value = serde_json::from_str(&listed.stdout).unwrap();
    assert_eq!((&listed[0]["target"], &listed[0]["state"]), (&json!("docker"), &json!("unknown")));
    // Asked for alone, or where it may have what is meant, it is an error.
    for words in [&["list", "--target", "docker"][..], &["status", "demo"], &["stop", "docker/demo"]] {
        insta::allow_duplicates! {
            insta::assert_snapshot!(env.run(words), @"
            exit 1
            --- stderr
            error: no container engine can be used: there is no socket `/nowhere/docker.sock`, which DOCKER_HOST names
            hint: start the engine, or set DOCKER_HOST to where it listens
            ");
        }
    }
    insta::assert_snapshot!(env.run(&["list", "--target", "moon"]), @"
    exit 2
    --- stderr
    error: invalid value 'moon' for '--target <TARGET>'
      [possible values: local, docker, kubernetes, knative]

    For more information, try '--help'.
    ");
}

#[test]
fn what_is_no_agent_file_is_no_message_either() {
    let env = TestEnv::new();
    insta::assert_snapshot!(env.run(&["build", "nope"]), @"
    exit 4
    --- stderr
    error: there is no agent file or folder `nope`
    hint: `agentscope init` makes a new one
    ");
}
