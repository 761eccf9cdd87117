//! `agentscope init`.

use crate::common::TestEnv;

#[test]
fn makes_a_project_called_after_its_folder() {
    let env = TestEnv::new();
    insta::assert_snapshot!(env.run(&["init", "my_first agent"]), @"
    exit 0
    --- stdout
    made the agent `my-first-agent` in `my_first agent`: agent.yaml, README.md, .env.example, .gitignore
    next: cd 'my_first agent' && agentscope chat
    ");
    assert!(env.read("my_first agent/agent.yaml").contains("\nname: my-first-agent\n"));
    insta::assert_snapshot!(env.run(&["init", "my_first agent", "--template", "mcp"]), @"
    exit 1
    --- stderr
    error: would overwrite files in `my_first agent`: agent.yaml, .env.example exist already
    hint: name another folder, as in `agentscope init my-agent`, or overwrite them with `--force`
    ");
    assert!(env.read("my_first agent/agent.yaml").contains("- todo"), "nothing was overwritten");
    insta::assert_snapshot!(env.run(&["init", "my_first agent", "--template", "mcp", "--force"]), @"
    exit 0
    --- stdout
    made the agent `my-first-agent` in `my_first agent`: agent.yaml, README.md, .env.example, .gitignore
    next: cd 'my_first agent' && agentscope chat
    ");
    assert!(env.read("my_first agent/agent.yaml").contains("mcp:"));
}

#[test]
fn makes_one_where_it_is_called() {
    let env = TestEnv::new();
    insta::assert_snapshot!(env.run(&["init", "-o", "json"]), @r#"
    exit 0
    --- stdout
    {
      "name": "work",
      "template": "quickstart",
      "dir": "[WORK]",
      "files": [
        "agent.yaml",
        "README.md",
        ".env.example",
        ".gitignore"
      ],
      "kept": []
    }
    "#);
    insta::assert_snapshot!(env.read(".gitignore"), @"
    # Keys stay on this machine.
    .env
    ");
}

#[test]
fn lists_the_templates() {
    let env = TestEnv::new();
    insta::assert_snapshot!(env.run(&["init", "--list"]), @"
    exit 0
    --- stdout
    quickstart     an assistant with a to-do list and a memory
    research-team  a lead with a researcher that it calls and an editor that it hands over to
    coding         works on the code in your folder, in a sandbox
    mcp            the tools of MCP servers, here and on the web
    structured     answers in JSON of a fixed shape
    http-tools     tools from a URL and from an OpenAPI document
    ");
    let listed: serde_json::Value = serde_json::from_str(&env.run(&["init", "--list", "-o", "json"]).stdout).unwrap();
    assert_eq!(listed[5]["files"][1], "forecast.yaml");
    insta::assert_snapshot!(env.run(&["init", "--template", "nope"]), @"
    exit 2
    --- stderr
    error: invalid value 'nope' for '--template <NAME>'
      [possible values: quickstart, research-team, coding, mcp, structured, http-tools]

    For more information, try '--help'.
    ");
}

#[test]
fn a_folder_in_use_keeps_its_own_files() {
    let env = TestEnv::new();
    env.write("README.md", "mine\n");
    env.write(".gitignore", "target\n");
    insta::assert_snapshot!(env.run(&["init"]), @"
    exit 0
    --- stdout
    made the agent `work` in this folder: agent.yaml, .env.example
    kept what was there: README.md, .gitignore
    next: agentscope chat
    --- stderr
    warning: `.gitignore` does not list `.env`, where keys stand: add it
    ");
    assert_eq!((env.read("README.md").as_str(), env.read(".gitignore").as_str()), ("mine\n", "target\n"));
    env.write("other/.gitignore", "/.env\n");
    insta::assert_snapshot!(env.run(&["init", "other"]), @"
    exit 0
    --- stdout
    made the agent `other` in `other`: agent.yaml, README.md, .env.example
    kept what was there: .gitignore
    next: cd other && agentscope chat
    ");
}

#[test]
fn folders_that_cannot_be_made() {
    let env = TestEnv::new();
    env.write("file", "");
    insta::assert_snapshot!(env.run(&["init", "file"]), @"
    exit 2
    --- stderr
    error: `file` is a file, not a folder
    hint: name a folder, as in `agentscope init my-agent`
    ");
    insta::assert_snapshot!(env.run(&["init", "file/below"]), @"
    exit 1
    --- stderr
    error: could not write `[WORK]/file/below/agent.yaml`
      because: Not a directory (os error 20)
    ");
    insta::assert_snapshot!(env.run(&["init", ""]), @"
    exit 2
    --- stderr
    error: a value is required for '[DIR]' but none was supplied

    For more information, try '--help'.
    ");
}
