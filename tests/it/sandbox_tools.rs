//! The tools of an agent that run in the sandbox, here by the backend without isolation.

use crate::common::{Output, TestEnv, require::available};

/// What each chat says first.
const AGENT: &str = "name: coder
model: demo
tools:
  - python
  - shell
  - files
  - command: {name: greet, description: Greets, run: [echo, hello, '{who}'], parameters: {type: object, properties: {who: {type: string}}}}
sandbox: {backend: host, workspace: {mode: MODE}, tool_timeout: 20s}
permissions: {default: allow}
";

fn env(mode: &str) -> TestEnv {
    let env = TestEnv::new();
    env.write("agent.yaml", AGENT.replace("MODE", mode));
    env
}

/// One message that calls a tool.
fn call(env: &TestEnv, tool: &str, arguments: &str) -> Output {
    env.run(&["chat", "-q", &format!("TOOL:{tool}:{arguments}")])
}

#[test]
fn a_command_is_shown_with_its_streams_its_status_and_its_files() {
    let env = env("none");
    let output = call(&env, "run_shell_command", r#"{"command": "echo out; echo err >&2; touch made; exit 3"}"#);
    insta::with_settings!({filters => vec![(r"\[HOME\]/\S+/made", "[workspace]/made")]}, {
        insta::assert_snapshot!(output, @r#"
        exit 0
        --- stdout
        demo model: `run_shell_command` says: out
        [stderr]
        err
        [exit status 3]
        [new or changed files: [workspace]/made]
        --- stderr
        using ./agent.yaml
        warning: the `host` backend runs the agent's programs without isolation
        tool run_shell_command {"command":"echo out; echo err >&2; touch made; exit 3"}: out
        "#);
    });
}

#[test]
fn a_command_that_takes_too_long_is_killed_and_what_it_wrote_is_told() {
    let env = TestEnv::new();
    env.write("agent.yaml", AGENT.replace("MODE", "none").replace("20s", "500ms"));
    insta::assert_snapshot!(call(&env, "run_shell_command", r#"{"command": "echo begun; sleep 1000"}"#), @r#"
    exit 0
    --- stdout
    demo model: `run_shell_command` says: Error: begun
    [timed out after 0.5 s; it and all that it started were killed]
    --- stderr
    using ./agent.yaml
    warning: the `host` backend runs the agent's programs without isolation
    tool run_shell_command {"command":"echo begun; sleep 1000"}: failed: begun
    "#);
}

#[test]
fn files_are_read_and_written_in_the_workspace_alone() {
    let env = env("rw");
    insta::assert_snapshot!(call(&env, "write_file", r#"{"path": "/workspace/new.txt", "content": "new"}"#), @r#"
    exit 0
    --- stdout
    demo model: `write_file` says: Successfully wrote to /workspace/new.txt
    --- stderr
    using ./agent.yaml
    warning: the `host` backend runs the agent's programs without isolation
    tool write_file {"path":"/workspace/new.txt","content":"new"}: Successfully wrote to /workspace/new.txt
    "#);
    assert_eq!(env.read("new.txt"), "new");
    insta::assert_snapshot!(call(&env, "read_file", r#"{"path": "../outside"}"#), @r#"
    exit 0
    --- stdout
    demo model: `read_file` says: Error: `../outside` is outside the workspace
    --- stderr
    using ./agent.yaml
    warning: the `host` backend runs the agent's programs without isolation
    tool read_file {"path":"../outside"}: failed: `../outside` is outside the workspace
    "#);
}

#[test]
fn a_value_never_becomes_more_than_its_argument() {
    let env = env("none");
    insta::assert_snapshot!(call(&env, "greet", r#"{"who": "a; touch b $(id)"}"#), @r#"
    exit 0
    --- stdout
    demo model: `greet` says: hello a; touch b $(id)
    --- stderr
    using ./agent.yaml
    warning: the `host` backend runs the agent's programs without isolation
    tool greet {"who":"a; touch b $(id)"}: hello a; touch b $(id)
    "#);
    insta::assert_snapshot!(call(&env, "greet", r#"{"who": "-n"}"#), @r#"
    exit 0
    --- stdout
    demo model: `greet` says: Error: invalid arguments: `-n` would be taken for an option
    --- stderr
    using ./agent.yaml
    tool greet {"who":"-n"}: failed: invalid arguments: `-n` would be taken for an option
    "#);
}

#[test]
fn the_tools_say_where_they_run() {
    let env = env("none");
    insta::assert_snapshot!(env.run(&["tools"]), @"
    exit 0
    --- stdout
    run_ipython_cell          writes  built in  sandbox  Run Python code and return its output. Variables and imports stay from one call…
    run_shell_command         writes  built in  sandbox  Run a command in /bin/sh and return its output. Each call is a shell of its own…
    read_file                 reads   built in  sandbox  Read a text file whole.
    read_multiple_files       reads   built in  sandbox  Read several text files at once. A file that cannot be read does not spoil the …
    write_file                writes  built in  sandbox  Write a text file whole, in place of what was there. Its folder must exist.
    edit_file                 writes  built in  sandbox  Replace texts in a file and return the difference. Each old text must be there …
    create_directory          writes  built in  sandbox  Make a folder, and those above it.
    list_directory            reads   built in  sandbox  List a folder: [FILE] or [DIR] and the name, one a line.
    directory_tree            reads   built in  sandbox  Show a folder and everything below it as JSON: name, type (file or directory), …
    move_file                 writes  built in  sandbox  Move or rename a file or folder. Nothing may be at the destination yet.
    search_files              reads   built in  sandbox  Find files and folders by name, below a folder. The pattern is a part of the na…
    get_file_info             reads   built in  sandbox  Size, times, type and permissions of a file or folder.
    list_allowed_directories  reads   built in  sandbox  The folder that the file tools work in.
    greet                     writes  command   sandbox  Greets
    --- stderr
    using ./agent.yaml
    ");
    env.write("agent.yaml", "name: surfer\ntools: [browser]\n");
    insta::assert_snapshot!(env.run(&["tools"]), @"
    exit 2
    --- stderr
    using ./agent.yaml
    error: this version has no `browser` tool yet; take it out of `tools`
    ");
}

#[test]
fn what_is_contained_needs_no_permission_and_the_rest_asks() {
    let chat = |sandbox: &str| {
        let env = TestEnv::new();
        env.write("agent.yaml", format!("name: coder\nmodel: demo\ntools: [shell]\nsandbox: {sandbox}\n"));
        call(&env, "run_shell_command", r#"{"command": "true"}"#)
    };
    // Without isolation nothing is.
    insta::assert_snapshot!(chat("{backend: host, workspace: {mode: none}}"), @r#"
    exit 3
    --- stdout
    demo model: `run_shell_command` says: Denied: no rule allows this use of `true`, and nobody can be asked
    --- stderr
    using ./agent.yaml
    tool run_shell_command {"command":"true"}: denied: no rule allows this use of `true`, and nobody can be asked
    "#);
}

#[test]
fn python_keeps_its_variables_for_the_session() {
    let found =
        std::process::Command::new("python3").arg("--version").output().is_ok_and(|output| output.status.success());
    if !available("python3", found) {
        return;
    }
    let env = TestEnv::new();
    // It outlives the chat, to be found again; here it is not to live long.
    env.write("agent.yaml", AGENT.replace("MODE", "none").replace("20s", "20s, idle_timeout: 1s"));
    let messages = [r#"TOOL:run_ipython_cell:{"code": "x = 40"}"#, r#"TOOL:run_ipython_cell:{"code": "print(x + 2)"}"#];
    let output = env.run_with(&["chat", "--plain"], format!("{}\n", messages.join("\n")));
    insta::with_settings!({filters => vec![(r"ses_\w+", "[session]")]}, {
    insta::assert_snapshot!(output, @r#"
    exit 0
    --- stdout
    demo model: `run_ipython_cell` says: [no output]
    demo model: `run_ipython_cell` says: 42
    --- stderr
    using ./agent.yaml
    warning: the `host` backend runs the agent's programs without isolation
    tool run_ipython_cell {"code":"x = 40"}: [no output]
    tool run_ipython_cell {"code":"print(x + 2)"}: 42
    88 tokens in, 41 out, $0.0000
    go on with: agentscope chat agent.yaml --session-id [session]
    "#);
    });
}
