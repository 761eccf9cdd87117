//! The providers, as data. A provider that speaks a known wire is one row here; its models are in `models.rs`.
//!
//! In `config`, because an agent file is checked against it before there is any model.

mod models;

use super::agent_file::Price;

/// Which API a provider speaks; one file each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// OpenAI's chat completions, which most others took over.
    Chat,
    /// OpenAI's Responses.
    Responses,
    /// Anthropic's Messages.
    Anthropic,
    /// Google's `streamGenerateContent`.
    Gemini,
    /// No API: the rules built into this program.
    Demo,
}

/// How a provider of chat completions wants to be told how hard to think.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EffortDialect {
    /// `reasoning_effort: low`.
    ReasoningEffort,
    /// `enable_thinking: true`, `thinking_budget: 4096`.
    EnableThinking,
    /// `thinking: {type: enabled}`, and `reasoning_effort: low` next to it where the provider takes `words`.
    Thinking { words: bool },
    /// `chat_template_kwargs: {enable_thinking: true}`.
    TemplateArguments,
}

/// Where providers of chat completions differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// The field of the output limit.
    pub max_tokens: &'static str,
    pub effort: EffortDialect,
    /// The model wants its `reasoning_content` back with its calls.
    pub reasoning_back: bool,
    /// Takes `response_format: json_schema` where there are no tools.
    pub json_schema: bool,
}

/// Whether a provider can be used without a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyUse {
    Needed,
    /// Sent where there is one.
    Optional,
}

/// Someone who serves models.
#[derive(Debug)]
pub struct Provider {
    /// As in `PROVIDER/MODEL`.
    pub name: &'static str,
    pub title: &'static str,
    pub wire: Wire,
    /// The wire at any other address than `base_url`.
    pub wire_elsewhere: Wire,
    /// Empty where the agent file must say it.
    pub base_url: &'static str,
    /// The variables that may say another address, as the provider's own SDKs read them.
    pub base_url_variables: &'static [&'static str],
    /// The variables that may hold the key; the first is the one to name to a user.
    pub key_variables: &'static [&'static str],
    pub key: KeyUse,
    /// `None` where it depends on what the server has loaded.
    pub default_model: Option<&'static str>,
    /// Runs on the user's own machine, where it can be looked for.
    pub local: bool,
    pub dialect: Dialect,
    pub models: &'static [KnownModel],
}

/// What is known of a model.
#[derive(Debug)]
pub struct KnownModel {
    pub name: &'static str,
    /// Tokens of input and output together.
    pub context_window: u64,
    /// The most tokens that one answer may have.
    pub max_output: u64,
    /// `None` where no source confirms it: no cost is shown.
    pub price: Option<Price>,
    pub images: bool,
    pub reasoning: bool,
}

const OPENAI_DIALECT: Dialect = Dialect {
    max_tokens: "max_completion_tokens",
    effort: EffortDialect::ReasoningEffort,
    reasoning_back: false,
    json_schema: true,
};

/// What most servers that call themselves compatible understand.
const COMMON: Dialect = Dialect {
    max_tokens: "max_tokens",
    effort: EffortDialect::ReasoningEffort,
    reasoning_back: false,
    json_schema: true,
};

const OPENAI: Provider = Provider {
    name: "openai",
    title: "OpenAI",
    // Reasoning models keep their thoughts between tool calls only over Responses. Servers that others put at
    // OPENAI_BASE_URL rarely have it, so that elsewhere chat completions are spoken; `openai-responses` insists.
    wire: Wire::Responses,
    wire_elsewhere: Wire::Chat,
    base_url: "https://api.openai.com/v1",
    base_url_variables: &["OPENAI_BASE_URL"],
    key_variables: &["OPENAI_API_KEY"],
    key: KeyUse::Needed,
    default_model: Some("gpt-5-mini"),
    local: false,
    dialect: OPENAI_DIALECT,
    models: models::OPENAI,
};

/// A server of chat completions on this machine.
const LOCAL: Provider = Provider {
    name: "",
    title: "",
    wire: Wire::Chat,
    wire_elsewhere: Wire::Chat,
    base_url: "",
    base_url_variables: &[],
    key_variables: &[],
    key: KeyUse::Optional,
    default_model: None,
    local: true,
    dialect: COMMON,
    models: &[],
};

/// Every provider, in the order in which `agentscope models` lists them.
pub const PROVIDERS: &[Provider] = &[
    OPENAI,
    Provider {
        name: "openai-responses",
        title: "OpenAI Responses, at any address",
        wire_elsewhere: Wire::Responses,
        ..OPENAI
    },
    Provider {
        name: "anthropic",
        title: "Anthropic",
        wire: Wire::Anthropic,
        wire_elsewhere: Wire::Anthropic,
        base_url: "https://api.anthropic.com",
        base_url_variables: &["ANTHROPIC_BASE_URL"],
        key_variables: &["ANTHROPIC_API_KEY"],
        default_model: Some("claude-sonnet-5-5"),
        models: models::ANTHROPIC,
        ..OPENAI
    },
    Provider {
        name: "dashscope",
        title: "Alibaba Cloud Model Studio (Qwen)",
        wire: Wire::Chat,
        base_url: "https://dashscope.aliyuncs.com/compatible-mode/v1",
        base_url_variables: &["DASHSCOPE_BASE_URL"],
        key_variables: &["DASHSCOPE_API_KEY"],
        default_model: Some("qwen-plus"),
        dialect: Dialect { effort: EffortDialect::EnableThinking, json_schema: false, ..COMMON },
        models: models::DASHSCOPE,
        ..OPENAI
    },
    Provider {
        name: "gemini",
        title: "Google Gemini",
        wire: Wire::Gemini,
        wire_elsewhere: Wire::Gemini,
        base_url: "https://generativelanguage.googleapis.com/v1beta",
        base_url_variables: &["GEMINI_BASE_URL", "GOOGLE_GEMINI_BASE_URL"],
        key_variables: &["GEMINI_API_KEY", "GOOGLE_API_KEY"],
        default_model: Some("gemini-3.5-flash-lite"),
        models: models::GEMINI,
        ..OPENAI
    },
    Provider {
        name: "deepseek",
        title: "DeepSeek",
        wire: Wire::Chat,
        base_url: "https://api.deepseek.com/v1",
        base_url_variables: &["DEEPSEEK_BASE_URL"],
        key_variables: &["DEEPSEEK_API_KEY"],
        default_model: Some("deepseek-v4-flash"),
        dialect: Dialect {
            effort: EffortDialect::Thinking { words: true },
            reasoning_back: true,
            json_schema: false,
            ..COMMON
        },
        models: models::DEEPSEEK,
        ..OPENAI
    },
    Provider {
        name: "moonshot",
        title: "Moonshot AI (Kimi)",
        wire: Wire::Chat,
        base_url: "https://api.moonshot.ai/v1",
        base_url_variables: &["MOONSHOT_BASE_URL"],
        key_variables: &["MOONSHOT_API_KEY"],
        default_model: Some("kimi-k2.6"),
        dialect: Dialect {
            effort: EffortDialect::Thinking { words: false },
            reasoning_back: true,
            json_schema: false,
            ..COMMON
        },
        models: models::MOONSHOT,
        ..OPENAI
    },
    Provider {
        name: "ollama",
        title: "Ollama",
        base_url: "http://127.0.0.1:11434/v1",
        base_url_variables: &["OLLAMA_BASE_URL"],
        key_variables: &["OLLAMA_API_KEY"],
        ..LOCAL
    },
    Provider {
        name: "lmstudio",
        title: "LM Studio",
        base_url: "http://127.0.0.1:1234/v1",
        base_url_variables: &["LMSTUDIO_BASE_URL"],
        ..LOCAL
    },
    Provider {
        name: "llamacpp",
        title: "llama.cpp",
        base_url: "http://127.0.0.1:8080/v1",
        base_url_variables: &["LLAMACPP_BASE_URL"],
        key_variables: &["LLAMA_API_KEY"],
        dialect: Dialect { effort: EffortDialect::TemplateArguments, ..COMMON },
        ..LOCAL
    },
    Provider {
        name: "vllm",
        title: "vLLM",
        base_url: "http://127.0.0.1:8000/v1",
        base_url_variables: &["VLLM_BASE_URL"],
        key_variables: &["VLLM_API_KEY"],
        // Port 8000 is anybody's: it is not looked at unasked.
        local: false,
        dialect: Dialect { effort: EffortDialect::TemplateArguments, ..COMMON },
        ..LOCAL
    },
    Provider {
        name: "openai-compatible",
        title: "Any server of chat completions",
        base_url_variables: &["OPENAI_BASE_URL"],
        key_variables: &["OPENAI_API_KEY"],
        local: false,
        ..LOCAL
    },
    Provider {
        name: "demo",
        title: "Rules built into agentscope, no language model",
        wire: Wire::Demo,
        wire_elsewhere: Wire::Demo,
        default_model: Some("demo"),
        local: false,
        ..LOCAL
    },
];

/// The provider of this name.
#[must_use]
pub fn provider(name: &str) -> Option<&'static Provider> {
    PROVIDERS.iter().find(|provider| provider.name == name)
}

impl Provider {
    /// What is known of `name`, which may be a dated or `-latest` version of a model in the catalogue.
    #[must_use]
    pub fn model(&self, name: &str) -> Option<&'static KnownModel> {
        let models: &'static [KnownModel] = self.models;
        models.iter().find(|model| {
            name.strip_prefix(model.name).is_some_and(|rest| {
                let dated = rest.strip_prefix('-').is_some_and(|date| {
                    date.len() >= 4 && date.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
                });
                rest.is_empty() || rest == "-latest" || dated
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_defaults_are_known() {
        for (index, one) in PROVIDERS.iter().enumerate() {
            assert!(PROVIDERS[..index].iter().all(|other| other.name != one.name), "{}", one.name);
            if let Some(default) = one.default_model.filter(|_| one.wire != Wire::Demo) {
                assert!(one.model(default).is_some(), "{}: {default}", one.name);
            }
            assert!(one.key == KeyUse::Optional || !one.key_variables.is_empty(), "{}", one.name);
        }
    }

    #[test]
    fn a_dated_version_is_the_model_and_a_longer_name_is_not() {
        let of = |provider: &str, name: &str| super::provider(provider).unwrap().model(name).map(|model| model.name);
        assert_eq!(of("openai", "gpt-5-mini-2025-08-07"), Some("gpt-5-mini"));
        assert_eq!(of("anthropic", "claude-sonnet-4-5-20250929"), Some("claude-sonnet-4-5"));
        assert_eq!(of("openai", "gpt-5-latest"), Some("gpt-5"));
        assert_eq!(of("openai", "gpt-5-chat"), None);
        assert_eq!(of("anthropic", "claude-opus-4-9"), None);
    }
}
