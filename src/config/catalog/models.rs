//! What is known of models: names, windows, prices.
//!
//! Checked on 2026-11-22 against copies of these sources, of different age: the model types of openai-python (2026-08-21)
//! and anthropic-sdk-python (2026-08-08) for names; models.dev (2026-07-02) for windows, limits and prices, the latter
//! held against genai-prices (2026-08-21) and llm-prices (2026-08-05); platform.claude.com/docs/en/models for Claude 5
//! and later; ai.google.dev/gemini-api/docs/deprecations. A price stands here only where two of them, or the provider's
//! own page, agree. So there is none for DeepSeek, which announced a rise, none for DashScope, whose address in the
//! catalogue is billed in yuan, and none for Claude Haiku 5.5, which costs five times as much from 100,000 tokens on.
//!
//! Providers that charge more for long prompts (OpenAI from 272,000 tokens on, Gemini Pro from 200,000) have the price
//! of the shorter ones. All of this ages: an agent file's `price` and `context_window` win.

use super::{super::agent_file::Price, KnownModel};

const fn model(name: &'static str, context_window: u64, max_output: u64) -> KnownModel {
    KnownModel { name, context_window, max_output, price: None, images: true, reasoning: true }
}

impl KnownModel {
    /// US dollars per million tokens of input, of input that was cached, and of output.
    const fn price(mut self, input: f64, cached: f64, output: f64) -> Self {
        self.price = Some(Price { input, output, cached: Some(cached) });
        self
    }

    const fn text_only(mut self) -> Self {
        self.images = false;
        self
    }

    const fn unreasoning(mut self) -> Self {
        self.reasoning = false;
        self
    }
}

pub(super) const OPENAI: &[KnownModel] = &[
    model("gpt-5.6-sol", 1_050_000, 128_000).price(5.0, 0.5, 30.0),
    model("gpt-5.6-terra", 1_050_000, 128_000).price(2.0, 0.2, 12.0),
    model("gpt-5.6-luna", 1_050_000, 128_000).price(0.2, 0.02, 1.2),
    model("gpt-5.5", 1_050_000, 128_000).price(5.0, 0.5, 30.0),
    model("gpt-5.4", 1_050_000, 128_000).price(2.5, 0.25, 15.0),
    model("gpt-5.4-mini", 400_000, 128_000).price(0.75, 0.075, 4.5),
    model("gpt-5.4-nano", 400_000, 128_000).price(0.2, 0.02, 1.25),
    model("gpt-5.2", 400_000, 128_000).price(1.75, 0.175, 14.0),
    model("gpt-5.1", 400_000, 128_000).price(1.25, 0.125, 10.0),
    model("gpt-5", 400_000, 128_000).price(1.25, 0.125, 10.0),
    model("gpt-5-mini", 400_000, 128_000).price(0.25, 0.025, 2.0),
    model("gpt-5-nano", 400_000, 128_000).price(0.05, 0.005, 0.4),
    model("gpt-4.1", 1_047_576, 32_768).price(2.0, 0.5, 8.0).unreasoning(),
    model("gpt-4.1-mini", 1_047_576, 32_768).price(0.4, 0.1, 1.6).unreasoning(),
    model("gpt-4.1-nano", 1_047_576, 32_768).price(0.1, 0.025, 0.4).unreasoning(),
    model("gpt-4o", 128_000, 16_384).price(2.5, 1.25, 10.0).unreasoning(),
    model("gpt-4o-mini", 128_000, 16_384).price(0.15, 0.075, 0.6).unreasoning(),
    model("o3", 200_000, 100_000).price(2.0, 0.5, 8.0),
    model("o4-mini", 200_000, 100_000).price(1.1, 0.275, 4.4),
];

pub(super) const ANTHROPIC: &[KnownModel] = &[
    model("claude-fable-5-1", 1_000_000, 128_000),
    model("claude-opus-5-5", 1_000_000, 128_000).price(4.0, 0.2, 20.0),
    model("claude-sonnet-5-5", 1_000_000, 128_000).price(2.0, 0.2, 10.0),
    model("claude-haiku-5-5", 1_000_000, 128_000),
    model("claude-opus-5", 1_000_000, 128_000).price(5.0, 0.5, 25.0),
    model("claude-sonnet-5", 1_000_000, 128_000).price(2.0, 0.2, 10.0),
    model("claude-opus-4-8", 1_000_000, 128_000).price(5.0, 0.5, 25.0),
    model("claude-opus-4-7", 1_000_000, 128_000).price(5.0, 0.5, 25.0),
    model("claude-opus-4-6", 1_000_000, 128_000).price(5.0, 0.5, 25.0),
    model("claude-sonnet-4-6", 1_000_000, 64_000).price(3.0, 0.3, 15.0),
    model("claude-opus-4-5", 200_000, 64_000).price(5.0, 0.5, 25.0),
    model("claude-sonnet-4-5", 200_000, 64_000).price(3.0, 0.3, 15.0),
    model("claude-haiku-4-5", 200_000, 64_000).price(1.0, 0.1, 5.0),
    model("claude-opus-4-1", 200_000, 32_000).price(15.0, 1.5, 75.0),
];

pub(super) const GEMINI: &[KnownModel] = &[
    model("gemini-3.5-flash", 1_048_576, 65_536).price(1.5, 0.15, 9.0),
    model("gemini-3.5-flash-lite", 1_048_576, 65_536).price(0.3, 0.03, 2.5),
    model("gemini-3.1-pro-preview", 1_048_576, 65_536).price(2.0, 0.2, 12.0),
    model("gemini-3.1-flash-lite", 1_048_576, 65_536).price(0.25, 0.025, 1.5),
    model("gemini-3-flash-preview", 1_048_576, 65_536).price(0.5, 0.05, 3.0),
    model("gemini-2.5-pro", 1_048_576, 65_536).price(1.25, 0.125, 10.0),
    model("gemini-2.5-flash", 1_048_576, 65_536).price(0.3, 0.03, 2.5),
    model("gemini-2.5-flash-lite", 1_048_576, 65_536).price(0.1, 0.01, 0.4),
];

pub(super) const DASHSCOPE: &[KnownModel] = &[
    model("qwen3.7-max", 1_000_000, 65_536).text_only(),
    model("qwen3.7-plus", 1_000_000, 65_536),
    model("qwen3-max", 262_144, 65_536).text_only().unreasoning(),
    model("qwen-plus", 1_000_000, 32_768).text_only(),
    model("qwen-flash", 1_000_000, 32_768).text_only(),
];

pub(super) const DEEPSEEK: &[KnownModel] = &[
    model("deepseek-v4-flash", 1_000_000, 384_000).text_only(),
    model("deepseek-v4-pro", 1_000_000, 384_000).text_only(),
];

pub(super) const MOONSHOT: &[KnownModel] = &[
    model("kimi-k2.6", 262_144, 262_144).price(0.95, 0.16, 4.0),
    model("kimi-k2.5", 262_144, 262_144).price(0.6, 0.1, 3.0),
];
