//! `agentscope validate` and `agentscope schema`.

use crate::common::TestEnv;

#[test]
fn a_good_file_is_ok() {
    let env = TestEnv::new().var("SET", "x");
    env.write(
        "agent.yaml",
        "name: a\nmodel: smart\nmodels: {smart: {provider: openai, api_key: \"${GONE}\"}}\ntools: [todo, agent: helper]\n\
         agents: {helper: {tools: [fetch], description: \"${SET}\"}}\nprofiles: {prod: {model: demo}}\n",
    );
    insta::assert_snapshot!(env.run(&["validate"]), @r#"
    exit 0
    --- stdout
    ok: agent.yaml: 2 agents, 3 tool entries, 1 profile, 1 warning
    --- stderr
    using ./agent.yaml
    warning: the variable `GONE` is not set
     --> agent.yaml:3:45
      |
    3 | models: {smart: {provider: openai, api_key: "${GONE}"}}
      |                                             ^^^^^^^^^
      |
      = help: set it, write it into `.env` beside the agent file, or give a default: ${GONE:-…}
    "#);
    insta::assert_snapshot!(env.run(&["validate", "--strict-env", "agent.yaml"]), @r#"
    exit 2
    --- stderr
    error: the variable `GONE` is not set
     --> agent.yaml:3:45
      |
    3 | models: {smart: {provider: openai, api_key: "${GONE}"}}
      |                                             ^^^^^^^^^
      |
      = help: set it, write it into `.env` beside the agent file, or give a default: ${GONE:-…}

    agent.yaml: 1 error
    "#);
    env.write(".env", "GONE=here\n");
    insta::assert_snapshot!(env.run(&["validate", ".", "-o", "json"]), @r#"
    exit 0
    --- stdout
    {
      "file": "./agent.yaml",
      "valid": true,
      "errors": 0,
      "warnings": 0,
      "diagnostics": []
    }
    "#);
}

/// It can be meant so: each agent of the file is served by its name.
#[test]
fn an_agent_that_no_other_calls_is_told_with_who_reaches_it() {
    let env = TestEnv::new();
    env.write("agent.yaml", "name: a\nmodel: demo\nagents:\n  alone: {}\n");
    insta::assert_snapshot!(env.run(&["validate", "agent.yaml"]), @r"
    exit 0
    --- stdout
    ok: agent.yaml: 2 agents, 0 tool entries, 1 warning
    --- stderr
    warning: no agent of the file calls `alone` or hands over to it
     --> agent.yaml:4:3
      |
    4 |   alone: {}
      |   ^^^^^
      |
      = help: callers of `agentscope run` reach it at /agents/alone; for the team, add `- agent: alone` to `tools`, or `alone` to `handoffs`
    ");
}

#[test]
fn a_variable_that_is_not_set_is_told_beside_other_errors() {
    let env = TestEnv::new();
    env.write("bad.yaml", "name: a\ntols: []\nmodel: ${MODEL}\n");
    insta::assert_snapshot!(env.run(&["validate", "--strict-env", "bad.yaml"]), @"
    exit 2
    --- stderr
    error: `tols` is not a key of an agent file
     --> bad.yaml:2:1
      |
    2 | tols: []
      | ^^^^
      |
      = help: did you mean `tools`?

    error: the variable `MODEL` is not set
     --> bad.yaml:3:8
      |
    3 | model: ${MODEL}
      |        ^^^^^^^^
      |
      = help: set it, write it into `.env` beside the agent file, or give a default: ${MODEL:-…}

    bad.yaml: 2 errors
    ");
}

#[test]
fn every_error_is_shown_with_its_place() {
    let env = TestEnv::new();
    env.write(
        "bad.yaml",
        "name: a\ntols: []\nmodel: opnai/x\nprofiles:\n  prod: {model: nowhere, limits: {steps: x}}\n",
    );
    insta::assert_snapshot!(env.run(&["validate", "bad.yaml"]), @"
    exit 2
    --- stderr
    error: `tols` is not a key of an agent file
     --> bad.yaml:2:1
      |
    2 | tols: []
      | ^^^^
      |
      = help: did you mean `tools`?

    error: there is no provider `opnai`
     --> bad.yaml:3:8
      |
    3 | model: opnai/x
      |        ^^^^^^^
      |
      = help: did you mean `openai`?

    error: with the profile `prod`: there is no model `nowhere`
     --> bad.yaml:5:17
      |
    5 |   prod: {model: nowhere, limits: {steps: x}}
      |                 ^^^^^^^
      |
      = help: write PROVIDER/MODEL, such as `openai/gpt-5-mini`, or add it under `models`

    error: with the profile `prod`: expected a whole number, found a string
     --> bad.yaml:5:42
      |
    5 |   prod: {model: nowhere, limits: {steps: x}}
      |                                          ^

    bad.yaml: 4 errors
    ");
    insta::assert_snapshot!(env.run(&["validate", "bad.yaml", "-o", "github"]), @"
    exit 2
    --- stdout
    ::error file=bad.yaml,line=2,col=1,endColumn=5::`tols` is not a key of an agent file%0Ahelp: did you mean `tools`?
    ::error file=bad.yaml,line=3,col=8,endColumn=15::there is no provider `opnai`%0Ahelp: did you mean `openai`?
    ::error file=bad.yaml,line=5,col=17,endColumn=24::with the profile `prod`: there is no model `nowhere`%0Ahelp: write PROVIDER/MODEL, such as `openai/gpt-5-mini`, or add it under `models`
    ::error file=bad.yaml,line=5,col=42,endColumn=43::with the profile `prod`: expected a whole number, found a string
    ");
    insta::assert_snapshot!(env.run(&["validate", "bad.yaml", "-o", "json", "--profile", "prod"]), @r#"
    exit 2
    --- stdout
    {
      "file": "bad.yaml",
      "valid": false,
      "errors": 3,
      "warnings": 0,
      "diagnostics": [
        {
          "severity": "error",
          "code": "unknown-key",
          "message": "`tols` is not a key of an agent file",
          "file": "bad.yaml",
          "line": 2,
          "column": 1,
          "end_column": 5,
          "help": "did you mean `tools`?"
        },
        {
          "severity": "error",
          "code": "unknown-model",
          "message": "there is no model `nowhere`",
          "file": "bad.yaml",
          "line": 5,
          "column": 17,
          "end_column": 24,
          "help": "write PROVIDER/MODEL, such as `openai/gpt-5-mini`, or add it under `models`"
        },
        {
          "severity": "error",
          "code": "wrong-type",
          "message": "expected a whole number, found a string",
          "file": "bad.yaml",
          "line": 5,
          "column": 42,
          "end_column": 43,
          "help": null
        }
      ]
    }
    "#);
}

#[test]
fn what_is_not_there_is_not_found() {
    let env = TestEnv::new();
    insta::assert_snapshot!(env.run(&["validate"]), @"
    exit 4
    --- stderr
    error: there is no ./agent.yaml to check
    hint: `agentscope init` makes one
    ");
    assert_eq!(env.run(&["validate", "nowhere.yaml"]).code, Some(4));
    assert_eq!(env.run(&["validate", "."]).code, Some(4));
    env.write("huge.yaml", "#".repeat(50 << 20));
    insta::assert_snapshot!(env.run(&["validate", "huge.yaml"]), @"
    exit 2
    --- stderr
    error: `huge.yaml` has more than 1 MiB
     |
     = help: an agent file is a page or two; long instructions can stand in an `instructions_file`

    huge.yaml: 1 error
    ");
}

#[test]
fn schema_is_a_json_schema() {
    let output = TestEnv::new().run(&["schema"]);
    let schema: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(schema["title"], "agentscope agent file");
    assert!(jsonschema::meta::is_valid(&schema));
}
