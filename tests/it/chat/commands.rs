//! The slash commands of a chat line by line.

use serde_json::json;

use super::{AGENT, scripted};
use crate::common::{TestEnv, fake_model::Reply, serve::Server};

/// What is seen of a chat whose input is `lines`, without what differs from run to run.
fn chat(env: &TestEnv, lines: &str) -> String {
    env.redact(&env.run_with(&["chat", "--plain"], lines).to_string())
}

fn settled() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"\d{4}-\d\d-\d\d \d\d:\d\d", "[TIME]");
    settings.add_filter(r"ses_[0-9a-f]{32}", "[SESSION]");
    settings.add_filter(r"using \./agent\.yaml\n", "");
    settings.add_filter(r"127\.0\.0\.1:\d+", "[ADDRESS]");
    // As the machine is.
    settings.add_filter(r"yet(; it will be .* tier [AB]|\nwarning: none can be made here: .*)", "yet; [PLACE]");
    settings
}

#[test]
fn help_lists_what_can_be_typed_here() {
    let env = TestEnv::new();
    env.write("agent.yaml", AGENT.to_owned() + "commands: {fix: {description: Fix it, prompt: \"Fix $1\"}}\n");
    settled().bind(|| {
        insta::assert_snapshot!(chat(&env, "/help\n"), @"
        exit 0
        --- stderr
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
        /fix [ARGUMENTS]                       Fix it
        !COMMAND                               run a command of your own shell
        Ctrl-C                                 stop the answer; twice, or at the prompt, leave
        ");
        insta::assert_snapshot!(chat(&env, "/hlep\n/usr/bin\n/copy\n/new now\n/quit\n/help\n"), @"
        exit 0
        --- stderr
        warning: there is no command /hlep: did you mean /help?
        warning: there is no command /usr/bin: /help lists them; a space in front makes a message of it
        warning: /copy is for a chat that draws on the screen: leave out `--plain`
        warning: nothing can follow /new
        ");
    });
}

#[test]
fn sessions_are_gone_back_to_renamed_and_deleted() {
    let env = TestEnv::new();
    env.write("agent.yaml", AGENT);
    let call = "TOOL:todo:{\"items\": []}";
    settled().bind(|| {
        insta::assert_snapshot!(chat(&env, "/sessions\n/rename x\n/fork\n/export\n/undo\n/delete\n"), @"
        exit 0
        --- stderr
        warning: there are no sessions of this agent yet
        warning: nothing was said in this session yet
        warning: nothing was said in this session yet
        warning: nothing was said in this session yet
        warning: nothing was said in this session yet
        warning: there are no sessions of this agent yet
        ");
        insta::assert_snapshot!(chat(&env, &format!("{call}\n/new\n{call}\n/rename The  second\n/sessions\n2\n/sessions\n\n")), @r#"
        exit 0
        --- stdout
        demo model: `todo` says: The to-do list is empty.
        demo model: `todo` says: The to-do list is empty.
        --- stderr
        tool todo {"items":[]}: The to-do list is empty.
        new session [SESSION]
        tool todo {"items":[]}: The to-do list is empty.
        this session is called `The second` now
        sessions
          1. The second *  (4 messages, [TIME])
               [SESSION]
               You: TOOL:todo:{"items": []}
               Agent: demo model: `todo` says: The to-do list is empty.
          2. TOOL:todo:{"items": []}  (4 messages, [TIME])
               [SESSION]
               You: TOOL:todo:{"items": []}
               Agent: demo model: `todo` says: The to-do list is empty.
        number, or an empty line for none: 
        session [SESSION]: TOOL:todo:{"items": []}
        sessions
          1. The second  (4 messages, [TIME])
               [SESSION]
               You: TOOL:todo:{"items": []}
               Agent: demo model: `todo` says: The to-do list is empty.
          2. TOOL:todo:{"items": []} *  (4 messages, [TIME])
               [SESSION]
               You: TOOL:todo:{"items": []}
               Agent: demo model: `todo` says: The to-do list is empty.
        number, or an empty line for none: 
        12 tokens in, 17 out, $0.0000
        go on with: agentscope chat agent.yaml --session-id [SESSION]
        "#);
        insta::assert_snapshot!(chat(&env, "/sessions last\n/delete\n1\nyes\n/sessions nothing\n/delete\n1\nno\n"), @r#"
        exit 0
        --- stderr
        session [SESSION]: The second
        delete a session
          1. The second *  (4 messages, [TIME])
               [SESSION]
               You: TOOL:todo:{"items": []}
               Agent: demo model: `todo` says: The to-do list is empty.
          2. TOOL:todo:{"items": []}  (4 messages, [TIME])
               [SESSION]
               You: TOOL:todo:{"items": []}
               Agent: demo model: `todo` says: The to-do list is empty.
        number, or an empty line for none: 
        delete `The second`, with its 4 messages, for good? [y]es or [n]o: 
        deleted [SESSION]
        warning: no session `nothing` of this agent
        hint: /sessions lists them
        delete a session
          1. TOOL:todo:{"items": []}  (4 messages, [TIME])
               [SESSION]
               You: TOOL:todo:{"items": []}
               Agent: demo model: `todo` says: The to-do list is empty.
        number, or an empty line for none: 
        delete `TOOL:todo:{"items": []}`, with its 4 messages, for good? [y]es or [n]o:
        "#);
    });
}

#[test]
fn a_session_is_forked_and_exported() {
    let env = TestEnv::new();
    env.write("agent.yaml", AGENT);
    settled().bind(|| {
        insta::assert_snapshot!(chat(&env, "hello\nWhat is 2 + 3?\n/fork\n2\n/fork all\n/fork 1\n/export talk.md\n/export talk.md\n/export talk.json\n"), @"
        exit 0
        --- stdout
        demo model: I am not a language model but a few fixed rules, so that you can try agentscope without a key. Write `TOOL:name:{…}` and I call one of: `todo`, `memory`. `agentscope setup` chooses a real model.
        demo model: I am not a language model but a few fixed rules, so that you can try agentscope without a key. Write `TOOL:name:{…}` and I call one of: `todo`, `memory`. `agentscope setup` chooses a real model.
        --- stderr
        go on in a copy, from before
          1. from here  (with everything that was said)
          2. What is 2 + 3?  (message 2)
          3. hello  (message 0)
        number, or an empty line for none: 
        session [SESSION], a copy of [SESSION]
        the message was: What is 2 + 3?
        session [SESSION], a copy of [SESSION]
        warning: message `1` is none of yours
        hint: your messages are 0
        written to talk.md
        warning: could not write `talk.md`: File exists (os error 17)
        hint: name a file that is not there yet
        written to talk.json
        go on with: agentscope chat agent.yaml --session-id [SESSION]
        ");
    });
    assert!(env.read("talk.md").contains("\n## You\n\nhello\n"));
    let json: serde_json::Value = serde_json::from_str(&env.read("talk.json")).unwrap();
    assert_eq!(json["messages"].as_array().unwrap().len(), 2, "the copy ends before the second message");
}

#[test]
fn another_agent_model_and_effort() {
    let (env, server) = scripted(
        "agents: {helper: {description: Helps, instructions: You help.}}\n",
        ["one", "two", "three"].map(Reply::text).into(),
    );
    let yaml = env.read("agent.yaml").replace("models: {m:", "models: {other: {provider: demo}, m:");
    env.write("agent.yaml", yaml);
    settled().bind(|| {
        insta::assert_snapshot!(chat(&env, "/agent\n2\n/agent\n\n/agent nobody\nhi\n/agent lead\nhi\n"), @"
        exit 0
        --- stdout
        one
        two
        --- stderr
        agents
          1. lead *
          2. helper  (Helps)
        number, or an empty line for none: 
        you talk to `helper` now
        agents
          1. lead
          2. helper *  (Helps)
        number, or an empty line for none: 
        warning: there is no agent `nobody` in the file
        you talk to `lead` now
        40 tokens in, 10 out
        go on with: agentscope chat agent.yaml --session-id [SESSION]
        ");
        insta::assert_snapshot!(chat(&env, "/effort\n4\n/effort lots\n/effort\n\nhi\n/model other\nhi\n/model othr\n/model nobody/x\n"), @"
        exit 0
        --- stdout
        three
        demo model: I am not a language model but a few fixed rules, so that you can try agentscope without a key. I have no tools here. `agentscope setup` chooses a real model.
        --- stderr
        effort
          1. none
          2. low
          3. medium
          4. high
        number, or an empty line for none: 
        openai-compatible/fake thinks with effort high now
        warning: `lots` is not an effort: write `none`, `low`, `medium`, `high` or a number of tokens
        effort
          1. none
          2. low
          3. medium
          4. high *
        number, or an empty line for none: 
        demo/demo answers now
        warning: there is no model or provider `othr`
        hint: did you mean `other`?
        warning: there is no model or provider `nobody/x`
        hint: write PROVIDER/MODEL or a name under `models`; `agentscope models` lists the providers
        23 tokens in, 48 out, $0.0000
        go on with: agentscope chat agent.yaml --session-id [SESSION]
        ");
    });
    let told = server.requests();
    assert_eq!(told[0].body["messages"][0]["content"], "You help.");
    assert_ne!(told[1].body["messages"][0]["content"], "You help.");
    assert_eq!(told[2].body["reasoning_effort"], "high");
    let models = chat(&env, "/model\n\n");
    assert!(models.contains("  1. m *  (openai-compatible/fake)\n  2. other  (demo)\n"), "{models}");
}

#[test]
fn what_the_agent_is_made_of() {
    let env = TestEnv::new();
    env.write("skills/notes/SKILL.md", "---\nname: notes\ndescription: Takes notes\n---\nWrite.\n");
    let mcp = "mcp: {gone: {command: ./no-such-program}}\n";
    env.write(
        "agent.yaml",
        "name: tester\nmodel: demo\ntools: [todo, {mcp: gone}, {agent: helper}]\nskills: [./skills]\n".to_owned()
            + mcp
            + "permissions: {deny: [\"shell(rm *)\"], ask: [todo]}\nagents: {helper: {description: Helps}}\n",
    );
    let plain = TestEnv::new();
    plain.write("agent.yaml", "name: plain\nmodel: demo\nsandbox: {network: none}\n");
    settled().bind(|| {
        insta::assert_snapshot!(chat(&env, "/tools\n/mcp\n/skills\n"), @"
        exit 0
        --- stderr
        TOOL    DOES   FROM      RUNS IN  WHAT FOR
        todo    reads  built in  host     Writes the to-do list of this session, which the user sees. …
        skill   reads  skills    host     Instructions for kinds of work. Read the one that fits befor…
        helper  reads  agent     host     Helps (An agent: it sees nothing of this conversation but th…
        warning: `gone` gives no tools: there is no program `./no-such-program`
        SERVER  STATE                                                                      COMMAND OR ADDRESS
        gone    there is no program `./no-such-program`; install it, or correct `command`  ./no-such-program
        SKILL  WHAT FOR
        notes  Takes notes
        ");
        insta::assert_snapshot!(chat(&env, "TOOL:todo:{\"items\":[]}\ns\n/permissions\n/permissions auto\n/permissions\n/permissions maybe\n"), @r#"
        exit 0
        --- stdout
        demo model: `todo` says: The to-do list is empty.
        --- stderr
        warning: MCP server gone failed: there is no program `./no-such-program`; install it, or correct `command`
        allow todo {"items":[]}
          the rule `todo` asks
        [y]es, for this [s]ession, [a]lways, [n]o, or a reason for no: 
        tool todo {"items":[]}: The to-do list is empty.
        CALLS ARE    RULE         FROM
        denied       shell(rm *)  agent file
        asked about  todo         agent file
        allowed      todo         you, in this session
        Other calls are allowed where they only read, else asked about.
        Mode ask: you are asked.
        Mode auto: what would be asked about is allowed.
        CALLS ARE    RULE         FROM
        denied       shell(rm *)  agent file
        asked about  todo         agent file
        allowed      todo         you, in this session
        Other calls are allowed where they only read, else asked about.
        Mode auto: what would be asked about is allowed.
        warning: there is no mode `maybe`
        hint: ask, auto, plan or deny
        52 tokens in, 17 out, $0.0000
        go on with: agentscope chat agent.yaml --session-id [SESSION]
        "#);
        insta::assert_snapshot!(chat(&plain, "/tools\n/mcp\n/skills\n/permissions\n/sandbox\n/agent\n"), @"
        exit 0
        --- stderr
        no tools
        the agent has no MCP servers
        the agent has no skills
        Other calls are allowed where they only read, else asked about.
        Mode ask: you are asked.
        Runs in a sandbox. The working directory, mostly /workspace, is the user's folder. There is no network. Limits: 60 s a call, 512 MiB of memory, 1024 MiB of disk, 128 processes.
        none was made for this session yet; [PLACE]
        warning: the agent file has no other agent
        hint: write one under `agents`
        ");
    });
}

#[test]
fn what_fills_the_context_and_what_it_cost() {
    let (env, _server) = scripted("instructions: Be brief.\ntools: [todo]\n", vec![Reply::text("Yes, I do know.")]);
    settled().bind(|| {
        insta::assert_snapshot!(chat(&env, "/cost\nDo you know?\n/cost\n/context\n"), @"
        exit 0
        --- stdout
        Yes, I do know.
        --- stderr
        nothing was used in this session yet
        AGENT                MODEL                   ANSWERS  INPUT  CACHED  OUTPUT  COST
        lead                 openai-compatible/fake  1        20     0       5       not known
        all, with summaries                                   20     0       5       not known
        ESTIMATED        TOKENS  SHARE
        instructions     3
        tools: built in  145
        your messages    3
        answers          4
        all              155
        how much openai-compatible/fake has room for is not known
        20 tokens in, 5 out
        go on with: agentscope chat agent.yaml --session-id [SESSION]
        ");
    });
}

#[test]
fn a_summary_is_seen_before_it_holds() {
    let long = "word ".repeat(400);
    let (env, server) = scripted(
        "",
        vec![
            Reply::text(&long),
            Reply::text("Short."),
            Reply::text("They spoke."),
            Reply::text("They spoke, at length."),
            Reply::text("Done."),
        ],
    );
    settled().bind(|| {
        let lines = "/compact\nTell me.\nAnd?\n/compact\nno\n/compact keep the names\nyes\nGo on\n";
        let shown = chat(&env, lines).replace(long.trim_end(), "[LONG]");
        insta::assert_snapshot!(shown, @"
        exit 0
        --- stdout
        [LONG] 
        Short.
        Done.
        --- stderr
        warning: the conversation is too short to be made smaller
        They spoke.

        This would stand for the first 2 messages: about 5 tokens rather than 504.
        put it in their place? [y]es or [n]o: 
        They spoke, at length.

        This would stand for the first 2 messages: about 8 tokens rather than 504.
        put it in their place? [y]es or [n]o: 
        done; the messages stay in the session for you to read
        100 tokens in, 25 out
        go on with: agentscope chat agent.yaml --session-id [SESSION]
        ");
    });
    let requests = server.requests();
    assert!(
        requests[3].body["messages"][0]["content"].as_str().unwrap().ends_with("says of the summary: keep the names")
    );
    let sent = requests[4].body["messages"].to_string();
    assert!(sent.contains("They spoke, at length.") && !sent.contains("word word"), "{sent}");
}

#[test]
fn a_shell_line_goes_with_the_next_message() {
    let (env, server) = scripted("", vec![Reply::text("I see.")]);
    let env = env.var("SHELL", "/bin/sh");
    settled().bind(|| {
        insta::assert_snapshot!(chat(&env, "!echo one; exit 2\nWhat was that?\n"), @"
        exit 0
        --- stdout
        I see.
        --- stderr
        one
        [exit status: 2]
        20 tokens in, 5 out
        go on with: agentscope chat agent.yaml --session-id [SESSION]
        ");
    });
    assert_eq!(
        server.requests()[0].body["messages"][0]["content"],
        json!([
            {"type": "text", "text": "What was that?"},
            {"type": "text", "text": "<shell command=\"echo one; exit 2\">\none\n[exit status: 2]\n</shell>"},
        ])
    );
}

#[test]
fn a_remote_agent_keeps_to_itself_what_is_its_own() {
    let server = Server::start("name: demo\nmodel: demo\n");
    let user = TestEnv::new();
    let run = |lines: &str| user.run_with(&["chat", &server.url, "--plain"], lines).to_string();
    settled().bind(|| {
        insta::assert_snapshot!(run("hello\n/rename Greetings\n/sessions\n1\n/export talk.md\n/model demo\n/compact\n/undo\n/cost\n"), @"
        exit 0
        --- stdout
        demo model: I am not a language model but a few fixed rules, so that you can try agentscope without a key. I have no tools here. `agentscope setup` chooses a real model.
        --- stderr
        this session is called `Greetings` now
        sessions
          1. Greetings *  (2 messages, [TIME])
               [SESSION]
        number, or an empty line for none: 
        session [SESSION]: Greetings
        written to talk.md
        warning: /model cannot be done from here: the agent runs on a server, which keeps that to itself
        warning: /compact cannot be done from here: the agent runs on a server, which keeps that to itself
        warning: /undo cannot be done from here: the agent runs on a server, which keeps that to itself
        AGENT                MODEL      ANSWERS  INPUT  CACHED  OUTPUT  COST
        demo                 demo/demo  1        2      0       43      $0.0000
        all, with summaries                      2      0       43      $0.0000
        2 tokens in, 43 out, $0.0000
        go on with: agentscope chat http://[ADDRESS] --session-id [SESSION]
        ");
        insta::assert_snapshot!(run("/export\n/sessions\n\n/delete\n1\ny\n/sessions\n"), @"
        exit 0
        --- stderr
        warning: nothing was said in this session yet
        sessions
          1. Greetings  (2 messages, [TIME])
               [SESSION]
        number, or an empty line for none: 
        delete a session
          1. Greetings  (2 messages, [TIME])
               [SESSION]
        number, or an empty line for none: 
        delete `Greetings`, with its 2 messages, for good? [y]es or [n]o: 
        deleted [SESSION]
        warning: there are no sessions of this agent yet
        ");
    });
    assert!(user.read("talk.md").contains("# Greetings"));
}
