//! The providers, as data. A provider that speaks a known wire is one row here.
//!
//! Context windows and prices are those of the providers' pages (developers.openai.com/api/docs/models,
//! platform.claude.com/docs/en/about-claude/pricing, ai.google.dev/gemini-api/docs/pricing, api-docs.deepseek.com,
//! platform.moonshot.ai, alibabacloud.com/help/en/model-studio/models). They age: an agent file's `price` and
//! `context_window` win.

use crate::config::agent_file::Price;

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
    /// `thinking: {type: enabled}`.
    Thinking,
    /// `chat_template_kwargs: {enable_thinking: true}`.
    TemplateArguments,
}

/// Where providers of chat completions differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// The field of the output limit.
    pub max_tokens: &'static str,
    pub effort: EffortDialect,
    /// The model wants its `reasoning_content` back with the calls of the running turn.
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
    pub price: Price,
    pub images: bool,
    pub reasoning: bool,
}

const fn model(
    name: &'static str,
    context_window: u64,
    max_output: u64,
    price: (f64, f64, f64),
    images: bool,
    reasoning: bool,
) -> KnownModel {
    let (input, cached, output) = price;
    KnownModel {
        name,
        context_window,
        max_output,
        price: Price { input, output, cached: Some(cached) },
        images,
        reasoning,
    }
}

const OPENAI_MODELS: &[KnownModel] = &[
    model("gpt-5.1", 400_000, 128_000, (1.25, 0.125, 10.0), true, true),
    model("gpt-5", 400_000, 128_000, (1.25, 0.125, 10.0), true, true),
    model("gpt-5-mini", 400_000, 128_000, (0.25, 0.025, 2.0), true, true),
    model("gpt-5-nano", 400_000, 128_000, (0.05, 0.005, 0.4), true, true),
    model("gpt-4.1", 1_047_576, 32_768, (2.0, 0.5, 8.0), true, false),
    model("gpt-4.1-mini", 1_047_576, 32_768, (0.4, 0.1, 1.6), true, false),
    model("gpt-4.1-nano", 1_047_576, 32_768, (0.1, 0.025, 0.4), true, false),
    model("gpt-4o", 128_000, 16_384, (2.5, 1.25, 10.0), true, false),
    model("gpt-4o-mini", 128_000, 16_384, (0.15, 0.075, 0.6), true, false),
    model("o3", 200_000, 100_000, (2.0, 0.5, 8.0), true, true),
    model("o4-mini", 200_000, 100_000, (1.1, 0.275, 4.4), true, true),
];

const ANTHROPIC_MODELS: &[KnownModel] = &[
    model("claude-opus-4-7", 1_000_000, 128_000, (5.0, 0.5, 25.0), true, true),
    model("claude-opus-4-6", 1_000_000, 128_000, (5.0, 0.5, 25.0), true, true),
    model("claude-sonnet-4-6", 1_000_000, 128_000, (3.0, 0.3, 15.0), true, true),
    model("claude-opus-4-5", 200_000, 64_000, (5.0, 0.5, 25.0), true, true),
    model("claude-opus-4-1", 200_000, 32_000, (15.0, 1.5, 75.0), true, true),
    model("claude-opus-4", 200_000, 32_000, (15.0, 1.5, 75.0), true, true),
    model("claude-sonnet-4-5", 200_000, 64_000, (3.0, 0.3, 15.0), true, true),
    model("claude-sonnet-4", 200_000, 64_000, (3.0, 0.3, 15.0), true, true),
    model("claude-haiku-4-5", 200_000, 64_000, (1.0, 0.1, 5.0), true, true),
    model("claude-3-5-haiku", 200_000, 8_192, (0.8, 0.08, 4.0), true, false),
];

const GEMINI_MODELS: &[KnownModel] = &[
    model("gemini-3-pro-preview", 1_048_576, 65_536, (2.0, 0.2, 12.0), true, true),
    model("gemini-2.5-pro", 1_048_576, 65_536, (1.25, 0.125, 10.0), true, true),
    model("gemini-2.5-flash", 1_048_576, 65_536, (0.3, 0.03, 2.5), true, true),
    model("gemini-2.5-flash-lite", 1_048_576, 65_536, (0.1, 0.01, 0.4), true, true),
];

const DASHSCOPE_MODELS: &[KnownModel] = &[
    model("qwen3-max", 262_144, 65_536, (1.2, 0.24, 6.0), false, false),
    model("qwen-plus", 1_000_000, 32_768, (0.4, 0.16, 1.2), false, true),
    model("qwen-flash", 1_000_000, 32_768, (0.05, 0.02, 0.4), false, true),
];

const DEEPSEEK_MODELS: &[KnownModel] = &[
    model("deepseek-chat", 128_000, 8_192, (0.28, 0.028, 0.42), false, false),
    model("deepseek-reasoner", 128_000, 65_536, (0.28, 0.028, 0.42), false, true),
];

const MOONSHOT_MODELS: &[KnownModel] = &[
    model("kimi-k2-thinking", 262_144, 65_536, (0.6, 0.15, 2.5), false, true),
    model("kimi-k2-turbo-preview", 262_144, 32_768, (1.15, 0.15, 8.0), false, false),
    model("kimi-k2-0905-preview", 262_144, 32_768, (0.6, 0.15, 2.5), false, false),
];

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
    models: OPENAI_MODELS,
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
        default_model: Some("claude-sonnet-4-6"),
        models: ANTHROPIC_MODELS,
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
        models: DASHSCOPE_MODELS,
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
        default_model: Some("gemini-2.5-flash"),
        models: GEMINI_MODELS,
        ..OPENAI
    },
    Provider {
        name: "deepseek",
        title: "DeepSeek",
        wire: Wire::Chat,
        base_url: "https://api.deepseek.com/v1",
        base_url_variables: &["DEEPSEEK_BASE_URL"],
        key_variables: &["DEEPSEEK_API_KEY"],
        default_model: Some("deepseek-chat"),
        dialect: Dialect { effort: EffortDialect::Thinking, reasoning_back: true, json_schema: false, ..COMMON },
        models: DEEPSEEK_MODELS,
        ..OPENAI
    },
    Provider {
        name: "moonshot",
        title: "Moonshot AI (Kimi)",
        wire: Wire::Chat,
        base_url: "https://api.moonshot.ai/v1",
        base_url_variables: &["MOONSHOT_BASE_URL"],
        key_variables: &["MOONSHOT_API_KEY"],
        default_model: Some("kimi-k2-0905-preview"),
        dialect: Dialect { effort: EffortDialect::Thinking, reasoning_back: true, json_schema: false, ..COMMON },
        models: MOONSHOT_MODELS,
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
        assert_eq!(of("anthropic", "claude-3-5-haiku-latest"), Some("claude-3-5-haiku"));
        assert_eq!(of("openai", "gpt-5-chat"), None);
        assert_eq!(of("anthropic", "claude-opus-4-9"), None);
    }
}
