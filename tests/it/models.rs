//! `agentscope models`.

use crate::common::{TestEnv, fake_model::FakeModel};

/// No server of this machine is looked at: these addresses refuse.
pub fn alone() -> TestEnv {
    ["OLLAMA_BASE_URL", "LMSTUDIO_BASE_URL", "LLAMACPP_BASE_URL"]
        .iter()
        .fold(TestEnv::new(), |env, name| env.var(name, "http://127.0.0.1:1/v1"))
}

#[test]
fn a_machine_with_nothing_has_the_demo() {
    insta::assert_snapshot!(alone().run(&["models"]), @"
    exit 0
    --- stdout
    PROVIDER           DEFAULT MODEL          KEY OR SERVER
    openai             gpt-5-mini             OPENAI_API_KEY is not set
    openai-responses   gpt-5-mini             OPENAI_API_KEY is not set
    anthropic          claude-sonnet-5-5      ANTHROPIC_API_KEY is not set
    dashscope          qwen-plus              DASHSCOPE_API_KEY is not set
    gemini             gemini-3.5-flash-lite  GEMINI_API_KEY is not set
    deepseek           deepseek-v4-flash      DEEPSEEK_API_KEY is not set
    moonshot           kimi-k2.6              MOONSHOT_API_KEY is not set
    ollama
    lmstudio
    llamacpp
    vllm
    openai-compatible
    demo               demo
    --- stderr
    an agent that names no model uses `demo`: no key and no model server was found; `agentscope setup` chooses a real one
    ");
}

#[test]
fn keys_are_found_where_they_are_and_never_shown() {
    let env = alone().var("ANTHROPIC_API_KEY", "sk-secret-1");
    env.write(".env", "GEMINI_API_KEY=sk-secret-2\n");
    env.write("agent.yaml", "name: a\n");
    let output = env.run(&["models"]);
    assert!(!output.to_string().contains("sk-secret"));
    insta::assert_snapshot!(output, @"
    exit 0
    --- stdout
    PROVIDER           DEFAULT MODEL          KEY OR SERVER
    openai             gpt-5-mini             OPENAI_API_KEY is not set
    openai-responses   gpt-5-mini             OPENAI_API_KEY is not set
    anthropic          claude-sonnet-5-5      ANTHROPIC_API_KEY (environment)
    dashscope          qwen-plus              DASHSCOPE_API_KEY is not set
    gemini             gemini-3.5-flash-lite  GEMINI_API_KEY ([WORK]/.env)
    deepseek           deepseek-v4-flash      DEEPSEEK_API_KEY is not set
    moonshot           kimi-k2.6              MOONSHOT_API_KEY is not set
    ollama
    lmstudio
    llamacpp
    vllm
    openai-compatible
    demo               demo
    --- stderr
    an agent that names no model uses `anthropic`: ANTHROPIC_API_KEY is set
    ");
}

#[test]
fn a_server_on_this_machine_is_found_with_its_models() {
    let server = FakeModel::start(vec![]);
    let env = alone().var("LLAMACPP_BASE_URL", server.url());
    let output = env.run(&["models", "-o", "json"]);
    let rows: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
    let rows: Vec<_> = rows.as_array().unwrap().iter().filter(|row| row["chosen"] == true).collect();
    let text = serde_json::to_string_pretty(&rows).unwrap().replace(&server.url(), "URL");
    insta::assert_snapshot!(format!("{text}\n{}", output.stderr), @r#"
    [
      {
        "name": "llamacpp",
        "title": "llama.cpp",
        "key_variables": [
          "LLAMA_API_KEY"
        ],
        "key_needed": false,
        "running": {
          "base_url": "URL",
          "models": [
            "fake"
          ]
        },
        "chosen": true
      }
    ]
    "#);
}

#[test]
fn a_server_that_openai_base_url_names_is_asked_for_its_models() {
    let server = FakeModel::start(vec![]);
    let output = alone().var("OPENAI_BASE_URL", server.url()).run(&["models"]);
    insta::assert_snapshot!(output.stderr, @"an agent that names no model uses `openai/fake`: OPENAI_BASE_URL is set");
}

#[test]
fn the_models_of_a_provider() {
    let env = TestEnv::new();
    insta::assert_snapshot!(env.run(&["models", "anthropic"]), @"
    exit 0
    --- stdout
    MODEL                        CONTEXT  OUTPUT  IMAGES  THINKS  $/M INPUT  CACHED  $/M OUTPUT
    anthropic/claude-fable-5-1   1000000  128000  yes     yes
    anthropic/claude-opus-5-5    1000000  128000  yes     yes     4          0.2     20
    anthropic/claude-sonnet-5-5  1000000  128000  yes     yes     2          0.2     10
    anthropic/claude-haiku-5-5   1000000  128000  yes     yes
    anthropic/claude-opus-5      1000000  128000  yes     yes     5          0.5     25
    anthropic/claude-sonnet-5    1000000  128000  yes     yes     2          0.2     10
    anthropic/claude-opus-4-8    1000000  128000  yes     yes     5          0.5     25
    anthropic/claude-opus-4-7    1000000  128000  yes     yes     5          0.5     25
    anthropic/claude-opus-4-6    1000000  128000  yes     yes     5          0.5     25
    anthropic/claude-sonnet-4-6  1000000  64000   yes     yes     3          0.3     15
    anthropic/claude-opus-4-5    200000   64000   yes     yes     5          0.5     25
    anthropic/claude-sonnet-4-5  200000   64000   yes     yes     3          0.3     15
    anthropic/claude-haiku-4-5   200000   64000   yes     yes     1          0.1     5
    anthropic/claude-opus-4-1    200000   32000   yes     yes     15         1.5     75
    ");
    insta::assert_snapshot!(env.run(&["models", "vllm"]), @"
    exit 0
    --- stderr
    no models of `vllm` are known here: write `vllm/MODEL` with a model that it has
    ");
}

#[test]
fn keys_are_looked_for_in_one_order_and_before_servers() {
    let server = FakeModel::start(vec![]);
    let mut env = alone();
    let mut said = String::new();
    for (name, value) in [
        ("NOTHING", String::new()),
        ("LMSTUDIO_BASE_URL", server.url()),
        ("OLLAMA_BASE_URL", server.url()),
        ("MOONSHOT_API_KEY", "sk-1".to_owned()),
        ("GEMINI_API_KEY", "sk-1".to_owned()),
        ("DASHSCOPE_API_KEY", "sk-1".to_owned()),
        ("ANTHROPIC_API_KEY", "sk-1".to_owned()),
        ("OPENAI_API_KEY", "sk-1".to_owned()),
        ("OPENAI_BASE_URL", server.url()),
    ] {
        env = env.var(name, value);
        said += &env.run(&["models"]).stderr.replace(&server.url(), "URL");
    }
    insta::assert_snapshot!(said, @"
    an agent that names no model uses `demo`: no key and no model server was found; `agentscope setup` chooses a real one
    an agent that names no model uses `lmstudio/fake`: LM Studio runs at URL
    an agent that names no model uses `ollama/fake`: Ollama runs at URL
    an agent that names no model uses `ollama/fake`: Ollama runs at URL
    an agent that names no model uses `gemini`: GEMINI_API_KEY is set
    an agent that names no model uses `dashscope`: DASHSCOPE_API_KEY is set
    an agent that names no model uses `anthropic`: ANTHROPIC_API_KEY is set
    an agent that names no model uses `openai`: OPENAI_API_KEY is set
    an agent that names no model uses `openai/fake`: OPENAI_BASE_URL is set
    ");
}
