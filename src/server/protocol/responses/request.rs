//! What a response is asked with.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    input::{self, Answer, Input},
    wire::{self, Echo},
};
use crate::{
    agent::Brought,
    domain::SessionId,
    server::{
        ApiError,
        protocol::openai::{self, Conversation, Fields, Format, Stops},
    },
};

/// Every field is honoured; those that are not here are looked through by [`openai::check_rest`].
#[derive(Debug, Deserialize)]
pub(super) struct Request {
    #[serde(default)]
    input: Option<Input>,
    #[serde(default)]
    instructions: Option<String>,
    /// The agent that is asked.
    #[serde(default)]
    pub(super) model: Option<String>,
    #[serde(default)]
    pub(super) previous_response_id: Option<String>,
    #[serde(default)]
    conversation: Option<Value>,
    /// What the Python runtime calls a conversation.
    #[serde(default)]
    session_id: Option<String>,
    #[serde(default)]
    pub(super) store: Option<bool>,
    #[serde(default)]
    stream: Option<bool>,
    #[serde(default)]
    pub(super) background: Option<bool>,
    #[serde(default)]
    tools: Option<Vec<Value>>,
    #[serde(default)]
    tool_choice: Option<Value>,
    #[serde(default)]
    parallel_tool_calls: Option<bool>,
    #[serde(default)]
    text: Option<Text>,
    #[serde(default)]
    temperature: Option<f64>,
    #[serde(default)]
    top_p: Option<f64>,
    #[serde(default)]
    max_output_tokens: Option<u64>,
    /// What the Python runtime calls it.
    #[serde(default)]
    max_tokens: Option<u64>,
    /// Not of OpenAI, but of the Python runtime.
    #[serde(default)]
    stop: Option<Stops>,
    #[serde(default)]
    metadata: Option<Map<String, Value>>,
    #[serde(default)]
    user: Option<String>,
    /// What the Python runtime calls it.
    #[serde(default)]
    user_id: Option<String>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[derive(Debug, Default, Deserialize)]
struct Text {
    #[serde(default)]
    format: Option<Value>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

const FIELDS: Fields = Fields {
    protocol: "Responses",
    harmless: &["prompt_cache_key", "prompt_cache_retention", "prompt_cache_options", "safety_identifier"],
    refused: &[
        ("background_options", &[]),
        ("context_management", &[]),
        ("frequency_penalty", &["0"]),
        ("include", &["[]"]),
        ("max_tool_calls", &[]),
        ("moderation", &[]),
        ("n", &["1"]),
        ("presence_penalty", &["0"]),
        ("prompt", &[]),
        ("reasoning", &["{}"]),
        ("seed", &[]),
        ("service_tier", &[r#""auto""#, r#""default""#]),
        ("stream_options", &["{}", r#"{"include_obfuscation":false}"#]),
        ("top_logprobs", &["0"]),
        // The conversation is made shorter where it does not fit.
        ("truncation", &[r#""auto""#]),
    ],
};

const TEXT: Fields = Fields { protocol: "`text`", harmless: &[], refused: &[("verbosity", &[r#""medium""#])] };

/// A request that was understood.
pub(super) struct Asked {
    pub(super) conversation: Conversation,
    pub(super) answers: Vec<Answer>,
    /// All but the history.
    pub(super) brought: Brought,
    pub(super) echo: Echo,
    pub(super) stream: bool,
    /// The input as it came, for who asks for it later; images left out.
    pub(super) items: Vec<Value>,
    pub(super) session: Option<SessionId>,
    /// The caller's word on whether to keep it.
    pub(super) store: Option<bool>,
}

impl Request {
    /// Reads it.
    ///
    /// # Errors
    /// 400 for what cannot be honoured.
    pub(super) fn read(self) -> Result<Asked, ApiError> {
        openai::check_rest(&self.rest, &FIELDS)?;
        let session = self.session()?;
        let text = self.text.unwrap_or_default();
        openai::check_rest(&text.rest, &TEXT)?;
        let format = text.format.filter(|format| !format.is_null());
        let shape = format.clone().map(serde_json::from_value::<Format>).transpose();
        let shape = shape.map_err(|error| ApiError::invalid(format!("`text.format`: {error}")))?;
        let output_schema = shape.map_or(Ok(None), |shape| shape.schema("text.format"))?;
        let (mut conversation, answers, items) = input::read(self.input)?;
        if let Some(instructions) = &self.instructions {
            let more = conversation.instructions.replace(instructions.clone());
            more.iter().for_each(|more| conversation.instruct(more));
        }
        let given = self.tools.unwrap_or_default();
        let tools = openai::tools(&given)?;
        let tool_choice = openai::tool_choice(self.tool_choice.as_ref(), &tools)?;
        let most = self.max_output_tokens.or(self.max_tokens);
        let sampling = openai::sampling(self.temperature, self.top_p, most, self.stop)?;
        let instructions = conversation.instructions.take();
        let brought = Brought { history: None, instructions, tools, tool_choice, output_schema, sampling };
        let echo = Echo {
            parallel_tool_calls: self.parallel_tool_calls.unwrap_or(true),
            tool_choice: self.tool_choice.filter(|choice| !choice.is_null()).unwrap_or_else(|| "auto".into()),
            tools: given,
            background: self.background.unwrap_or(false),
            conversation: session.as_ref().map(|id| wire::Conversation { id: id.to_string() }),
            instructions: self.instructions,
            max_output_tokens: most,
            metadata: self.metadata.unwrap_or_default().into(),
            previous_response_id: self.previous_response_id,
            store: true,
            temperature: self.temperature,
            text: json!({ "format": format.unwrap_or_else(|| json!({ "type": "text" })) }),
            top_p: self.top_p,
            truncation: "auto".to_owned(),
            user: self.user.or(self.user_id),
        };
        let stream = self.stream.unwrap_or(false);
        Ok(Asked { conversation, answers, brought, echo, stream, items, session, store: self.store })
    }

    /// The conversation that it goes on with.
    fn session(&self) -> Result<Option<SessionId>, ApiError> {
        let id = match &self.conversation {
            None | Some(Value::Null) => self.session_id.as_deref(),
            Some(Value::String(id)) => Some(id.as_str()),
            Some(object) => {
                let id = object.get("id").and_then(Value::as_str);
                Some(id.ok_or_else(|| ApiError::invalid("`conversation` is an id, or an object with one"))?)
            }
        };
        if id.is_some() && self.previous_response_id.is_some() {
            return Err(ApiError::invalid("`conversation` and `previous_response_id` exclude each other"));
        }
        id.map(SessionId::parse).transpose().map_err(|error| ApiError::invalid(format!("`conversation`: {error}")))
    }
}
