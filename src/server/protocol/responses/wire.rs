//! What goes over the wire: events, items, the response itself. Keys stand as OpenAI's Python client writes them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::Usage;

/// Any event; what it has not is left out.
#[derive(Default, Serialize)]
pub(super) struct Event<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) arguments: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content_index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) delta: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) item: Option<&'a Item>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) item_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) logprobs: Option<[(); 0]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) output_index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) part: Option<&'a Part>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) response: Option<&'a Response>,
    pub(super) sequence_number: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<&'a str>,
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
}

/// Something that the agent said or did.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Item {
    Message {
        id: String,
        content: Vec<Part>,
        role: &'static str,
        status: Status,
        r#type: &'static str,
    },
    Reasoning {
        id: String,
        summary: [(); 0],
        #[serde(skip_serializing_if = "Vec::is_empty")]
        content: Vec<Part>,
        status: Status,
        r#type: &'static str,
    },
    /// A call of a tool of the caller.
    Function {
        id: String,
        arguments: String,
        call_id: String,
        name: String,
        status: Status,
        r#type: &'static str,
    },
    /// A call of a tool of the agent.
    Mcp {
        id: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        approval_request_id: Option<String>,
        arguments: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<Value>,
        name: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        output: Option<String>,
        server_label: String,
        status: Status,
        r#type: &'static str,
    },
    /// A question to the caller.
    Approval {
        id: String,
        arguments: String,
        name: String,
        server_label: String,
        r#type: &'static str,
    },
}

impl Item {
    pub(super) fn id(&self) -> &str {
        match self {
            Self::Message { id, .. }
            | Self::Reasoning { id, .. }
            | Self::Function { id, .. }
            | Self::Mcp { id, .. }
            | Self::Approval { id, .. } => id,
        }
    }

    pub(super) fn set_status(&mut self, new: Status) {
        match self {
            Self::Message { status, .. }
            | Self::Reasoning { status, .. }
            | Self::Function { status, .. }
            | Self::Mcp { status, .. } => *status = new,
            Self::Approval { .. } => {}
        }
    }

    /// What grows: the text of its only part, or its arguments.
    pub(super) fn growing(&mut self) -> Option<&mut String> {
        match self {
            Self::Message { content, .. } | Self::Reasoning { content, .. } => {
                content.last_mut().map(|(Part::Text { text, .. } | Part::Thought { text, .. })| text)
            }
            Self::Function { arguments, .. } | Self::Mcp { arguments, .. } => Some(arguments),
            Self::Approval { .. } => None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    Queued,
    InProgress,
    Completed,
    Incomplete,
    Failed,
    Cancelled,
}

/// A part of a message, or of reasoning.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Part {
    Text { annotations: [(); 0], text: String, r#type: &'static str },
    Thought { text: String, r#type: &'static str },
}

impl Part {
    pub(super) fn text() -> Self {
        Self::Text { annotations: [], text: String::new(), r#type: "output_text" }
    }

    pub(super) fn thought() -> Self {
        Self::Thought { text: String::new(), r#type: "reasoning_text" }
    }
}

/// The response.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Response {
    pub(super) id: String,
    pub(super) created_at: f64,
    pub(super) error: Option<Failure>,
    pub(super) incomplete_details: Option<Incomplete>,
    pub(super) model: String,
    pub(super) object: &'static str,
    pub(super) output: Vec<Item>,
    #[serde(flatten)]
    pub(super) echo: Echo,
    pub(super) status: Status,
    pub(super) usage: Option<Used>,
}

/// What of the request stands in its response.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Echo {
    pub(super) parallel_tool_calls: bool,
    pub(super) tool_choice: Value,
    pub(super) tools: Vec<Value>,
    pub(super) background: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) conversation: Option<Conversation>,
    pub(super) instructions: Option<String>,
    pub(super) max_output_tokens: Option<u64>,
    pub(super) metadata: Value,
    pub(super) previous_response_id: Option<String>,
    pub(super) store: bool,
    pub(super) temperature: Option<f64>,
    pub(super) text: Value,
    pub(super) top_p: Option<f64>,
    pub(super) truncation: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) user: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Conversation {
    pub(super) id: String,
}

impl Response {
    /// One that has just begun.
    pub(super) fn new(id: String, created_at: f64, model: String, echo: Echo) -> Self {
        Self {
            id,
            created_at,
            error: None,
            incomplete_details: None,
            model,
            object: "response",
            output: vec![],
            echo,
            status: Status::Queued,
            usage: None,
        }
    }
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Failure {
    pub(super) code: &'static str,
    pub(super) message: String,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Incomplete {
    pub(super) reason: &'static str,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Used {
    input_tokens: u64,
    input_tokens_details: Cached,
    output_tokens: u64,
    output_tokens_details: Reasoned,
    total_tokens: u64,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Cached {
    cached_tokens: u64,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Reasoned {
    reasoning_tokens: u64,
}

impl From<Usage> for Used {
    fn from(usage: Usage) -> Self {
        Self {
            input_tokens: usage.input_tokens,
            input_tokens_details: Cached { cached_tokens: usage.cached_tokens },
            output_tokens: usage.output_tokens,
            output_tokens_details: Reasoned { reasoning_tokens: usage.reasoning_tokens },
            total_tokens: usage.total_tokens(),
        }
    }
}

/// A new id of something on this wire.
pub(super) fn new_id(prefix: &str) -> String {
    format!("{prefix}_{}", uuid::Uuid::now_v7().simple())
}
