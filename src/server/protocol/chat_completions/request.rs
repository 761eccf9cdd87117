//! What a completion is asked with.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::messages::{self, Message};
use crate::{
    agent::Brought,
    domain,
    server::{
        ApiError,
        protocol::openai::{self, Fields, Format, Stops},
    },
};

/// Every field is honoured; those that are not here are looked through by [`openai::check_rest`].
#[derive(Debug, Deserialize)]
pub(super) struct Request {
    messages: Vec<Message>,
    /// The agent that is asked.
    #[serde(default)]
    pub(super) model: Option<String>,
    #[serde(default)]
    stream: Option<bool>,
    #[serde(default)]
    stream_options: Option<StreamOptions>,
    #[serde(default)]
    tools: Option<Vec<Value>>,
    #[serde(default)]
    tool_choice: Option<Value>,
    #[serde(default)]
    parallel_tool_calls: Option<bool>,
    #[serde(default)]
    response_format: Option<Format>,
    #[serde(default)]
    temperature: Option<f64>,
    #[serde(default)]
    top_p: Option<f64>,
    #[serde(default)]
    max_tokens: Option<u64>,
    #[serde(default)]
    max_completion_tokens: Option<u64>,
    #[serde(default)]
    stop: Option<Stops>,
    #[serde(default)]
    pub(super) user: Option<String>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
struct StreamOptions {
    #[serde(default)]
    include_usage: bool,
}

const FIELDS: Fields = Fields {
    protocol: "chat completions",
    harmless: &["metadata", "prompt_cache_key", "prompt_cache_retention", "prompt_cache_options", "safety_identifier"],
    refused: &[
        ("audio", &[]),
        ("frequency_penalty", &["0"]),
        ("function_call", &[]),
        ("functions", &[]),
        ("logit_bias", &["{}"]),
        ("logprobs", &["false"]),
        ("modalities", &[r#"["text"]"#]),
        ("moderation", &[]),
        ("n", &["1"]),
        ("prediction", &[]),
        ("presence_penalty", &["0"]),
        ("reasoning_effort", &[]),
        ("seed", &[]),
        ("service_tier", &[r#""auto""#, r#""default""#]),
        ("store", &["false"]),
        ("top_logprobs", &["0"]),
        ("verbosity", &[r#""medium""#]),
        ("web_search_options", &[]),
    ],
};

/// How the answer is to be given.
#[derive(Clone, Copy, Debug)]
pub(super) struct How {
    pub(super) stream: bool,
    /// A last chunk with the usage.
    pub(super) usage: bool,
    /// More than one call at once.
    pub(super) parallel: bool,
}

impl Request {
    pub(super) fn how(&self) -> How {
        How {
            stream: self.stream.unwrap_or(false),
            usage: self.stream_options.unwrap_or_default().include_usage,
            parallel: self.parallel_tool_calls.unwrap_or(true),
        }
    }

    /// What is new, and what is brought along; `kept` where the server has the conversation.
    pub(super) fn turn(self, kept: bool) -> Result<(Vec<domain::Message>, Brought), ApiError> {
        openai::check_rest(&self.rest, &FIELDS)?;
        let conversation = messages::read(self.messages)?;
        let tools = openai::tools(&self.tools.unwrap_or_default())?;
        let tool_choice = openai::tool_choice(self.tool_choice.as_ref(), &tools)?;
        let output_schema = self.response_format.map_or(Ok(None), |format| format.schema("response_format"))?;
        let most = self.max_completion_tokens.or(self.max_tokens);
        let sampling = openai::sampling(self.temperature, self.top_p, most, self.stop)?;
        let history = (!kept).then_some(conversation.history);
        let instructions = conversation.instructions;
        Ok((conversation.new, Brought { history, instructions, tools, tool_choice, output_schema, sampling }))
    }
}
