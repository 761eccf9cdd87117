//! A conversation line by line.

use super::AGENT;
use crate::common::TestEnv;

#[test]
fn each_line_is_a_message() {
    let env = TestEnv::new();
    env.write(
        "agent.yaml",
        AGENT.to_owned()
            + "welcome: Hello there.\ncommands: {plan: {description: Plan it, prompt: \"Plan: $ARGUMENTS\"}}\n",
    );
    let output = env.run_with(&["chat", "--plain"], "hi\n\n/help\n/plan eat, sleep\n/nothing\n/exit\nnot sent\n");
    let shown = output.to_string();
    let filtered = regex_free(&shown);
    insta::assert_snapshot!(filtered, @r#"
    exit 0
    --- stdout
    demo model: I am not a language model but a few fixed rules, so that you can try agentscope without a key. Write `TOOL:name:{…}` and I call one of: `todo`, `memory`. `agentscope setup` chooses a real model.
    demo model: `todo` says: To-do list (0 of 2 done):
    [ ] eat
    [ ] sleep
    --- stderr
    using ./agent.yaml
    Hello there.
    /help                                  this list
    /new                                   begin a new session
    /sessions [ID]                         go on with an earlier session
    /rename <TITLE>                        give this session a title
    /delete [ID]                           delete a session
    /fork [N|all]                          go on in a copy, of all or from before message N
    /undo [N] [code|talk|both]             go back to before message N
    /diff                                  show what this session changed
    /agent [NAME]                          talk to another agent of the team
    /model [NAME]                          have another model answer
    /effort [none|low|medium|high|TOKENS]  how hard the model thinks
    /tools                                 the tools the agent has
    /mcp                                   the MCP servers, and whether they answer
    /skills                                the skills the agent has
    /permissions [ask|auto|plan|deny]      what is allowed, and what is asked about
    /sandbox                               where programs of the agent run
    /context                               what fills the model's context
    /cost                                  tokens and money used so far
    /compact [GUIDANCE]                    summarise the older part of the conversation
    /export [FILE]                         write the session as Markdown, or JSON for a name in .json
    /exit                                  leave
    /plan [ARGUMENTS]                      Plan it
    !COMMAND                               run a command of your own shell
    Ctrl-C                                 stop the answer; twice, or at the prompt, leave
    tool todo {"items":[{"text":"eat"},{"text":"sleep"}]}: To-do list (0 of 2 done):
    warning: there is no command /nothing: /help lists them; a space in front makes a message of it
    115 tokens in, 81 out, $0.0000
    go on with: agentscope chat agent.yaml --session-id [session]
    "#);
}

/// Session ids differ from run to run.
fn regex_free(text: &str) -> String {
    text.split_inclusive([' ', '\n']).map(|word| if word.starts_with("ses_") { "[session]\n" } else { word }).collect()
}

#[test]
fn an_approval_is_answered_in_between() {
    let env = TestEnv::new();
    env.write("agent.yaml", AGENT.to_owned() + "permissions: {ask: [todo]}\n");
    let call = "TOOL:todo:{\"items\": []}";
    let output = env.run_with(&["chat", "--plain"], format!("{call}\ny\n{call}\nno, later\n"));
    let filtered = regex_free(&output.to_string());
    insta::assert_snapshot!(filtered, @r#"
    exit 0
    --- stdout
    demo model: `todo` says: The to-do list is empty.
    demo model: `todo` says: Denied: no, later
    --- stderr
    using ./agent.yaml
    allow todo {"items":[]}
      the rule `todo` asks
    [y]es, for this [s]ession, [a]lways, [n]o, or a reason for no: 
    tool todo {"items":[]}: The to-do list is empty.
    allow todo {"items":[]}
      the rule `todo` asks
    [y]es, for this [s]ession, [a]lways, [n]o, or a reason for no: 
    tool todo {"items":[]}: denied: no, later
    60 tokens in, 32 out, $0.0000
    go on with: agentscope chat agent.yaml --session-id [session]
    "#);
}

#[test]
fn an_answer_may_hold_for_the_session_or_for_good() {
    let env = TestEnv::new();
    env.write("agent.yaml", AGENT.to_owned() + "permissions: {ask: [todo, memory]}\n");
    let (todo, memory) = ("TOOL:todo:{\"items\": []}", "TOOL:memory:{\"action\": \"recall\"}");
    let output = env.run_with(&["chat", "--plain"], format!("{todo}\ns\n{todo}\n{memory}\nalways\n{memory}\n"));
    insta::assert_snapshot!(regex_free(&output.to_string()), @r#"
    exit 0
    --- stdout
    demo model: `todo` says: The to-do list is empty.
    demo model: `todo` says: The to-do list is empty.
    demo model: `memory` says: No notes.
    demo model: `memory` says: No notes.
    --- stderr
    using ./agent.yaml
    allow todo {"items":[]}
      the rule `todo` asks
    [y]es, for this [s]ession, [a]lways, [n]o, or a reason for no: 
    tool todo {"items":[]}: The to-do list is empty.
    tool todo {"items":[]}: The to-do list is empty.
    allow memory {"action":"recall"}
      the rule `memory` asks
    [y]es, for this [s]ession, [a]lways, [n]o, or a reason for no: 
    tool memory {"action":"recall"}: No notes.
    tool memory {"action":"recall"}: No notes.
    270 tokens in, 66 out, $0.0000
    go on with: agentscope chat agent.yaml --session-id [session]
    "#);
    insta::assert_snapshot!(env.redact(&std::fs::read_to_string(env.home().join("config/settings.yaml")).unwrap()), @r#"
    allow:
      "[WORK]/agent.yaml":
        - "memory"
    "#);
    assert_eq!(env.run(&["chat", "-q", memory]).code, Some(0), "kept for good");
    assert_eq!(env.run(&["chat", "-q", todo]).code, Some(3), "gone with the session");
}
