//! `agentscope setup`, off a terminal.

use super::models::alone;
use crate::common::fake_model::FakeModel;

#[test]
fn a_key_is_stored_for_this_user_alone_and_found_again() {
    let env = alone();
    insta::assert_snapshot!(env.run_with(&["setup", "--provider", "openai", "--key-stdin"], "sk-secret\n"), @"
    exit 0
    --- stdout
    stored OPENAI_API_KEY in [HOME]/config/keys.yaml
    agents that name no model use openai ([HOME]/config/settings.yaml)
    next: agentscope chat
    ");
    let path = env.home().join("config/keys.yaml");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "OPENAI_API_KEY: \"sk-secret\"\n");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    insta::assert_snapshot!(env.run(&["setup", "--provider", "openai", "--model", "gpt-5"]), @"
    exit 0
    --- stdout
    using the key in OPENAI_API_KEY ([HOME]/config/keys.yaml)
    agents that name no model use openai/gpt-5 ([HOME]/config/settings.yaml)
    next: agentscope chat
    ");
    insta::assert_snapshot!(env.run(&["models"]).stderr, @"an agent that names no model uses `openai/gpt-5`: set in [HOME]/config/settings.yaml");
}

#[test]
fn what_is_missing_is_said() {
    let env = alone();
    for (args, stdin) in [
        (&["setup"][..], ""),
        (&["setup", "--provider", "anthropic"], ""),
        (&["setup", "--provider", "anthropic", "--key-stdin"], ""),
        (&["setup", "--provider", "anthropic", "--key-stdin"], "two words\n"),
        (&["setup", "--provider", "ollama"], ""),
        (&["setup", "--provider", "nobody"], ""),
        (&["setup", "--key-stdin"], ""),
    ] {
        let output = env.run_with(args, stdin);
        assert_eq!(output.code, Some(2), "{args:?}: {output}");
    }
    insta::assert_snapshot!(env.run(&["setup"]), @"
    exit 2
    --- stderr
    error: nobody can be asked: this is not a terminal
    hint: add `--provider NAME`, as in `agentscope setup --provider openai --key-stdin < key.txt`
    ");
    insta::assert_snapshot!(env.run(&["setup", "--provider", "anthropic"]), @"
    exit 2
    --- stderr
    error: `anthropic` needs a key, and ANTHROPIC_API_KEY is not set
    hint: set it, or add `--key-stdin` and give the key on standard input
    ");
    insta::assert_snapshot!(env.run(&["setup", "--provider", "ollama"]), @"
    exit 2
    --- stderr
    warning: no Ollama answers on this machine: start it before you chat
    error: `ollama` has no default model
    hint: say which with `--model`
    ");
    insta::assert_snapshot!(env.run_with(&["setup", "--provider", "gemini", "--key-stdin"], "two words\n"), @"
    exit 2
    --- stderr
    error: the key is empty or has blank space in it
    hint: give the key alone, on one line
    ");
}

#[test]
fn a_server_that_runs_is_offered_and_needs_no_key() {
    let server = FakeModel::start(vec![]);
    let env = alone().var("OLLAMA_BASE_URL", server.url());
    let stable = |text: String| text.replace(&server.url(), "URL");
    insta::assert_snapshot!(stable(env.run(&["setup"]).to_string()), @"
    exit 2
    --- stderr
    error: nobody can be asked: this is not a terminal
    hint: add `--provider NAME`; found here: ollama (runs at URL)
    ");
    insta::assert_snapshot!(stable(env.run(&["setup", "--provider", "ollama"]).to_string()), @"
    exit 0
    --- stdout
    agents that name no model use ollama/fake ([HOME]/config/settings.yaml)
    next: agentscope chat
    ");
}

#[test]
fn the_choice_is_the_model_of_agents_that_name_none() {
    let env = alone().var("OPENAI_API_KEY", "sk-1");
    env.write("agent.yaml", "name: x\n");
    env.write("named.yaml", "name: x\nmodel: anthropic\n");
    insta::assert_snapshot!(env.run(&["setup", "--provider", "demo"]), @"
    exit 0
    --- stdout
    agents that name no model use demo ([HOME]/config/settings.yaml)
    next: agentscope chat
    ");
    insta::assert_snapshot!(env.run(&["models"]).stderr, @"an agent that names no model uses `demo`: set in [HOME]/config/settings.yaml");
    insta::assert_snapshot!(env.run(&["chat", "-q", "hi", "--approve", "deny"]).stderr, @"
    using ./agent.yaml
    model: demo (set in [HOME]/config/settings.yaml)
    ");
    let said = |args: &[&str]| {
        let output = env.run(args).stdout;
        output.lines().filter(|line| line.contains(" model ")).collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(said(&["doctor"]), @"ok    model          demo/demo (set in [HOME]/config/settings.yaml)");
    insta::assert_snapshot!(said(&["doctor", "named.yaml"]), @"FAIL  model          `anthropic/claude-sonnet-5-5` needs a key, and ANTHROPIC_API_KEY is not set");
    // What is said now wins over what is kept.
    let output = env.run(&["chat", "--model", "anthropic", "-q", "hi"]);
    assert!(output.stderr.contains("`anthropic/claude-sonnet-5-5` needs a key"), "{output}");
    std::fs::write(env.home().join("config/settings.yaml"), "model: [\n").unwrap();
    insta::assert_snapshot!(env.run(&["chat", "-q", "hi"]), @"
    exit 2
    --- stderr
    using ./agent.yaml
    error: could not understand the settings in `[HOME]/config/settings.yaml`: expected string scalar at line 1, column 8
    ");
}
