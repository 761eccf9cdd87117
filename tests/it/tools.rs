//! `agentscope tools`.

use crate::common::TestEnv;

#[test]
fn the_tools_of_a_team_include_its_agents() {
    let env = TestEnv::new();
    env.write("other.yaml", "name: other\ndescription: Elsewhere\n");
    env.write(
        "agent.yaml",
        "name: lead\ntools: [{agent: finder}, {agent: {file: other.yaml}}]\nhandoffs: [editor]\nagents:\n  \
         finder: {description: Finds facts, tools: [todo]}\n  editor: {description: Edits, handoffs: [lead]}\n",
    );
    insta::assert_snapshot!(env.run(&["tools"]), @"
    exit 0
    --- stdout
    lead
    finder              reads   agent     host     Finds facts
    other               reads   agent     host     Elsewhere
    transfer_to_editor  reads   handoff   host     Edits

    editor
    transfer_to_lead    reads   handoff   host

    finder
    todo                reads   built in  host     Writes the to-do list of this session, which the user sees. Use it for work of …
    --- stderr
    using ./agent.yaml
    ");
    let output = env.run(&["tools", "-o", "json"]);
    let rows: Vec<serde_json::Value> = serde_json::from_str(&output.stdout).unwrap();
    insta::assert_snapshot!(rows[0], @r#"{"agent":"lead","name":"finder","source":"agent","runs":"host","effect":"reads","rule":"finder","description":"Finds facts"}"#);
}

#[test]
fn an_agent_without_tools_says_so() {
    let env = TestEnv::new();
    env.write("agent.yaml", "name: bare\n");
    insta::assert_snapshot!(env.run(&["tools"]), @"
    exit 0
    --- stdout
    no tools
    --- stderr
    using ./agent.yaml
    ");
}
