//! No secret gets into an image.

use super::{build, project};
use crate::common::TestEnv;

#[test]
fn keys_that_are_written_out_are_refused_with_their_places() {
    let env = TestEnv::new();
    let key = "sk-a1B2c3D4e5F6g7H8i9J0";
    env.write(
        "agent.yaml",
        format!(
            "name: demo\nmodel: m\nmodels:\n  m: {{provider: openai, api_key: {key}}}\ninstructions_file: prompt.md\n\
             skills: [skills/shop]\nmcp_file: .mcp.json\nserve:\n  tokens:\n  - {{name: web, value: hunter2}}\n\
             profiles:\n  prod: {{storage: {{sessions: \"redis://u:pw@redis:6379\"}}}}\n"
        ),
    );
    env.write(
        ".mcp.json",
        r#"{"mcpServers": {"d": {"url": "https://d.example", "headers": {"Authorization": "Bearer abc123"}}}}"#,
    );
    env.write("prompt.md", format!("Say\n{key}\n"));
    env.write("skills/shop/SKILL.md", "---\nname: shop\ndescription: Sells\n---\n");
    env.write("skills/shop/.env", "A=b\n");
    env.write("skills/shop/.env.example", "A=\n");
    env.write("skills/shop/key.txt", "-----BEGIN PRIVATE KEY-----\nMIIE\n");
    let (output, _) = build(&env, &["--output-oci", "image"]);
    for secret in [key, "hunter2", "abc123", "u:pw"] {
        assert!(!output.to_string().contains(secret), "{secret} is shown: {output}");
    }
    insta::assert_snapshot!(output, @r#"
    exit 2
    --- stderr
    using ./agent.yaml
    error: this looks like an API key
     --> agent.yaml:4:34
      |
    4 |   m: {provider: openai, api_key: ***********************}
      |                                  ^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: write a reference, such as "${NAME}", and give NAME where the agent runs

    error: `value` is written out here
      --> agent.yaml:10:24
       |
    10 |   - {name: web, value: *******}
       |                        ^^^^^^^
       |
       = help: write a reference, such as "${NAME}", and give NAME where the agent runs

    error: the password of an address is written out here
      --> agent.yaml:12:30
       |
    12 |   prod: {storage: {sessions: *************************}}
       |                              ^^^^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: write a reference, such as "${NAME}", and give NAME where the agent runs

    error: this looks like an API key
     --> prompt.md:2:1
      |
    2 | ***********************
      | ^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: write a reference, such as "${NAME}", and give NAME where the agent runs

    error: `Authorization` is written out here
     --> .mcp.json:1:80
      |
    1 | {"mcpServers": {"d": {"url": "https://d.example", "headers": {"Authorization": ***************}}}}
      |                                                                                ^^^^^^^^^^^^^^^
      |
      = help: write a reference, such as "${NAME}", and give NAME where the agent runs

    error: `skills/shop/.env` holds secrets by its name
     --> agent.yaml:6:10
      |
    6 | skills: [skills/shop]
      |          ^^^^^^^^^^^
      |
      = help: move it out of what the agent names; keys are given to the agent where it runs

    error: this looks like a private key
     --> skills/shop/key.txt:1:1
      |
    1 | ***************************
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: write a reference, such as "${NAME}", and give NAME where the agent runs
    "#);
    assert!(!env.work().join("image").exists());
    assert!(!env.home().join("cache/images").exists());
}

#[test]
fn what_leads_out_of_the_agents_folder_is_refused() {
    let env = TestEnv::new();
    project(&env);
    env.write("skills/all/SKILL.md", "---\nname: all\ndescription: All\n---\n");
    std::os::unix::fs::symlink("/etc/hostname", env.work().join("skills/all/link")).unwrap();
    env.write("team/agent.yaml", "name: demo\nmodel: demo\nskills: [../skills/all, /etc, ..]\n");
    let (output, _) = build(&env, &["team", "--output-oci", "image"]);
    insta::assert_snapshot!(output, @"
    exit 2
    --- stderr
    error: the link `skills/all/link` leads out of its folder
     --> team/agent.yaml:3:10
      |
    3 | skills: [../skills/all, /etc, ..]
      |          ^^^^^^^^^^^^^
      |
      = help: put the file itself there

    error: `/etc` is a path of this machine only
     --> team/agent.yaml:3:25
      |
    3 | skills: [../skills/all, /etc, ..]
      |                         ^^^^
      |
      = help: copy it beside the agent file, and give its path relative to that

    error: the folder of the agent itself cannot be put into an image
     --> team/agent.yaml:3:31
      |
    3 | skills: [../skills/all, /etc, ..]
      |                               ^^
      |
      = help: it holds more than the agent, such as `.env`: name a folder in it
    ");
}
