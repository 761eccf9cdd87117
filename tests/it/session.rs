//! `agentscope session`.

use agentscope::{
    domain::SessionKey,
    store::{NewSession, SqliteStore, Store as _},
};

use crate::common::TestEnv;

/// Two sessions with the demo model, which calls a tool in the first.
fn with_sessions() -> TestEnv {
    let env = TestEnv::new();
    for (session, message) in [("s-one", "TOOL:todo:{\"items\":[]}"), ("s-two", "Who are you?\nReally?")] {
        let output = env.run(&["chat", "-q", message, "--session-id", session]);
        assert_eq!(output.code, Some(0), "{output}");
    }
    env
}

fn shown(env: &TestEnv, args: &[&str]) -> String {
    let args: Vec<&str> = ["session"].iter().chain(args).copied().collect();
    env.run(&args).to_string()
}

/// Times and new ids are not the same in the next run.
fn settled() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d+)?)?(Z| UTC)?", "[TIME]");
    settings.add_filter(r"(ses|call)_[0-9a-f]{32}", "[$1]");
    settings
}

#[test]
fn nothing_yet() {
    let env = TestEnv::new();
    insta::assert_snapshot!(shown(&env, &["list"]), @"
    exit 0
    --- stderr
    no sessions yet; `agentscope chat` begins one
    ");
    insta::assert_snapshot!(shown(&env, &["list", "-o", "json"]), @"
    exit 0
    --- stdout
    []
    ");
    insta::assert_snapshot!(shown(&env, &["show"]), @"
    exit 4
    --- stderr
    error: `ann` has no session yet
    hint: `agentscope chat` begins one
    ");
    insta::assert_snapshot!(shown(&env, &["rm", "s-one"]), @"
    exit 4
    --- stderr
    error: no session `s-one`
    hint: `agentscope session list` shows the sessions there are
    ");
    assert!(!env.home().exists(), "looking makes no files");
}

#[test]
fn list_and_show() {
    let env = with_sessions();
    settled().bind(|| {
        insta::assert_snapshot!(shown(&env, &["list"]), @r#"
        exit 0
        --- stdout
        ID     LAST USED         MESSAGES  AGENT       TITLE
        s-two  [TIME]         2  quickstart  Who are you?
        s-one  [TIME]         4  quickstart  TOOL:todo:{"items":[]}
        "#);
        insta::assert_snapshot!(shown(&env, &["list", "--agent", "none", "-o", "json"]), @"
        exit 0
        --- stdout
        []
        ");
        insta::assert_snapshot!(shown(&env, &["list", "--user", "bob"]), @"
        exit 0
        --- stderr
        no sessions yet; `agentscope chat` begins one
        ");
        insta::assert_snapshot!(shown(&env, &["show", "s-o"]), @r#"
        exit 0
        --- stdout
        TOOL:todo:{"items":[]}
        s-one, agent quickstart, 4 messages

        You
        TOOL:todo:{"items":[]}

        Assistant
        [todo] {"items":[]}: The to-do list is empty.
        demo model: `todo` says: The to-do list is empty.
        "#);
        let by_its_end = shown(&env, &["show", "one"]);
        assert!(by_its_end.contains("s-one, agent quickstart, 4 messages"), "{by_its_end}");
        insta::assert_snapshot!(shown(&env, &["show", "s-"]), @"
        exit 2
        --- stderr
        error: 2 sessions begin or end with `s-`: `s-two`, `s-one`
        hint: write more of the id
        ");
        insta::assert_snapshot!(shown(&env, &["show", "x"]), @"
        exit 4
        --- stderr
        error: no session `x`
        hint: `agentscope session list` shows the sessions there are
        ");
    });
}

#[test]
fn export() {
    let env = with_sessions();
    settled().bind(|| {
        insta::assert_snapshot!(shown(&env, &["export", "s-one"]), @r#"
        exit 0
        --- stdout
        # TOOL:todo:{"items":[]}

        - Session: `s-one`
        - Agent: `quickstart`
        - Begun: [TIME]

        ## You

        TOOL:todo:{"items":[]}

        ## Assistant

        Call of `todo` (`[call]`):

        ```json
        {
          "items": []
        }
        ```

        ## Tool results

        `[call]`:

        ```
        The to-do list is empty.
        ```

        ## Assistant

        demo model: `todo` says: The to-do list is empty.
        "#);
        insta::assert_snapshot!(shown(&env, &["export", "last", "-o", "json"]), @r#"
        exit 0
        --- stdout
        {
          "session": {
            "id": "s-two",
            "user": "ann",
            "agent": "quickstart",
            "source": null,
            "title": "Who are you?",
            "created_at": "[TIME]",
            "updated_at": "[TIME]",
            "messages": 2,
            "parent": null
          },
          "state": {},
          "usage": {
            "agents": [
              {
                "agent": "quickstart",
                "model": "demo/demo",
                "answers": 1,
                "input_tokens": 55,
                "output_tokens": 58,
                "cached_tokens": 0,
                "reasoning_tokens": 0,
                "cost": 0.0
              }
            ]
          },
          "messages": [
            {
              "role": "user",
              "content": [
                {
                  "type": "text",
                  "text": "Who are you?\nReally?"
                }
              ]
            },
            {
              "role": "assistant",
              "content": [
                {
                  "type": "text",
                  "text": "demo model: I am not a language model but a few fixed rules, so that you can try agentscope without a key. Write `TOOL:name:{…}` and I call one of: `todo`, `memory`, `fetch`, `ask_user`. `agentscope setup` chooses a real model."
                }
              ]
            }
          ]
        }
        "#);
    });
    insta::assert_snapshot!(shown(&env, &["export", "last", "--file", "talk.md"]), @"exit 0");
    assert!(env.read("talk.md").starts_with("# Who are you?\n"));
    insta::assert_snapshot!(shown(&env, &["export", "last", "--file", "talk.md"]), @"
    exit 1
    --- stderr
    error: could not write `talk.md`
      because: File exists (os error 17)
    hint: name a file that is not there yet
    ");
}

#[test]
fn fork_rename_and_rm() {
    let env = with_sessions();
    let forked = env.run(&["session", "fork", "s-two", "--at", "1"]);
    let id = forked.stdout.trim().to_owned();
    assert!(id.starts_with("ses_"), "{forked}");
    settled().bind(|| {
        insta::assert_snapshot!(shown(&env, &["fork", "s-two", "--at", "100"]), @"
        exit 2
        --- stderr
        error: the session has 2 messages, not 100
        ");
        insta::assert_snapshot!(shown(&env, &["rename", "last", "Another  way"]), @"exit 0");
        insta::assert_snapshot!(shown(&env, &["list"]), @r#"
        exit 0
        --- stdout
        ID                                    LAST USED         MESSAGES  AGENT       TITLE
        [ses]  [TIME]         1  quickstart  Another way
        s-two                                 [TIME]         2  quickstart  Who are you?
        s-one                                 [TIME]         4  quickstart  TOOL:todo:{"items":[]}
        "#);
        insta::assert_snapshot!(shown(&env, &["rm", "s-one", "none"]), @"
        exit 4
        --- stderr
        error: no session `none`
        hint: `agentscope session list` shows the sessions there are
        ");
        insta::assert_snapshot!(shown(&env, &["rm", "s-one", &id, "s-o"]), @"
        exit 0
        --- stdout
        s-one
        [ses]
        ");
        insta::assert_snapshot!(shown(&env, &["list"]), @"
        exit 0
        --- stdout
        ID     LAST USED         MESSAGES  AGENT       TITLE
        s-two  [TIME]         2  quickstart  Who are you?
        ");
    });
}

#[test]
fn prune() {
    let env = with_sessions();
    insta::assert_snapshot!(shown(&env, &["prune", "--older-than", "30d"]), @"
    exit 0
    --- stderr
    no session is that old
    ");
    insta::assert_snapshot!(shown(&env, &["prune", "--older-than", "soon"]), @"
    exit 2
    --- stderr
    error: invalid value 'soon' for '--older-than <TIME>': `soon` is not a length of time: write it as `250ms`, `60s`, `5m`, `24h` or `7d`

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(shown(&env, &["prune", "--older-than", "0s", "--dry-run"]), @r#"
    exit 0
    --- stdout
    s-two
    s-one
    --- stderr
    would delete: Who are you?
    would delete: TOOL:todo:{"items":[]}
    "#);
    insta::assert_snapshot!(shown(&env, &["prune", "--older-than", "0s"]), @"
    exit 0
    --- stdout
    s-two
    s-one
    ");
    insta::assert_snapshot!(shown(&env, &["list"]), @"
    exit 0
    --- stderr
    no sessions yet; `agentscope chat` begins one
    ");
}

/// A second process cannot take a session while a turn of it runs; it can still read it.
#[test]
fn a_session_in_use() {
    let env = with_sessions();
    let store = SqliteStore::at(&env.home().join("data/sessions.db"));
    let key = SessionKey { user: "ann".to_owned(), session: "s-one".into() };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let _held = runtime.block_on(store.lock(&key, &NewSession::default())).unwrap();
    insta::assert_snapshot!(shown(&env, &["rm", "s-one"]), @"
    exit 1
    --- stderr
    error: session `s-one` is in use by another turn
    hint: wait until that turn has ended, or go on in a copy made with `agentscope session fork`
    ");
    insta::assert_snapshot!(env.run(&["chat", "-q", "hi", "--session-id", "s-one"]), @"
    exit 1
    --- stderr
    no ./agent.yaml: using the built-in quickstart agent
    model: demo (no key and no model server was found; `agentscope setup` chooses a real one)
    error: session `s-one` is in use by another turn
    hint: wait until that turn has ended, or go on in a copy made with `agentscope session fork`
    ");
    assert_eq!(env.run(&["session", "show", "s-one"]).code, Some(0));
}
