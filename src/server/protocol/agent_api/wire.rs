//! The objects that `/process` sends, in the key order of the Python runtime 1.1.5, with every null.
//!
//! Source: agentscope-runtime 1.1.5, `engine/schemas/agent_schemas.py`, and traces of it.

use std::borrow::Cow;

use serde::{Serialize, Serializer, ser::SerializeStruct as _};

use crate::domain::Usage;

/// How far an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    Created,
    InProgress,
    Completed,
    Canceled,
    Failed,
}

/// The answer to a request.
#[derive(Debug, Serialize)]
pub(super) struct Response<'a> {
    pub sequence_number: u64,
    pub object: &'static str,
    pub status: Status,
    pub error: Option<&'a Failure>,
    pub id: &'a str,
    /// Seconds since 1970, as `completed_at`.
    pub created_at: i64,
    pub completed_at: Option<i64>,
    pub output: Option<&'a [Message]>,
    pub usage: Option<Tokens>,
    pub session_id: &'a str,
}

/// Why it failed.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Failure {
    pub code: &'static str,
    pub message: String,
}

/// What it took.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Tokens {
    input_tokens: u64,
    output_tokens: u64,
    total_tokens: u64,
}

impl From<Usage> for Tokens {
    fn from(usage: Usage) -> Self {
        Self {
            input_tokens: usage.input_tokens,
            output_tokens: usage.output_tokens,
            total_tokens: usage.total_tokens(),
        }
    }
}

/// What kind of message one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    Message,
    Reasoning,
    /// Of a tool that the caller runs.
    FunctionCall,
    PluginCall,
    PluginCallOutput,
    McpCall,
    McpCallOutput,
    McpApprovalRequest,
}

impl Kind {
    fn role(self) -> &'static str {
        match self {
            Self::PluginCallOutput | Self::McpCallOutput => "tool",
            _ => "assistant",
        }
    }
}

/// A message, while it is written and when it is complete.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Message {
    pub sequence_number: Option<u64>,
    object: &'static str,
    pub status: Status,
    error: Option<()>,
    pub id: String,
    #[serde(rename = "type")]
    pub kind: Kind,
    role: &'static str,
    /// Null until it is complete.
    pub content: Option<Vec<Part<'static>>>,
    code: Option<()>,
    message: Option<()>,
    /// Of the model's answer that it ends.
    pub usage: Option<Tokens>,
    pub metadata: Metadata,
}

/// What else there is to say of a message.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Metadata {
    /// Why a call has to be approved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Message {
    pub(super) fn new(id: String, kind: Kind) -> Self {
        Self {
            sequence_number: None,
            object: "message",
            status: Status::InProgress,
            error: None,
            id,
            kind,
            role: kind.role(),
            content: None,
            code: None,
            message: None,
            usage: None,
            metadata: Metadata::default(),
        }
    }
}

/// A part of a message, by itself or within its message.
#[derive(Clone, Debug)]
pub(super) struct Part<'a> {
    pub sequence_number: Option<u64>,
    pub status: Option<Status>,
    pub index: Option<u32>,
    /// Whether it is to be added to what came before, rather than to replace it.
    pub delta: Option<bool>,
    pub msg_id: Option<Cow<'a, str>>,
    pub body: Body<'a>,
}

/// What a part holds.
#[derive(Clone, Debug)]
pub(super) enum Body<'a> {
    Text(Cow<'a, str>),
    /// An address, mostly `data:`.
    Image(String),
    Data(Data),
}

/// What a call, its result, or a request for approval is. `arguments` and `output` are JSON as text.
#[derive(Clone, Debug)]
pub(super) enum Data {
    Call { call_id: String, name: String, arguments: String },
    McpCall { call_id: String, arguments: String, name: String, server_label: String },
    Output { call_id: String, name: String, output: String },
    Approval { id: String, arguments: String, name: String, server_label: String },
}

impl Serialize for Part<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut part = serializer.serialize_struct("Part", 9)?;
        part.serialize_field("sequence_number", &self.sequence_number)?;
        part.serialize_field("object", "content")?;
        part.serialize_field("status", &self.status)?;
        part.serialize_field("error", &None::<()>)?;
        let kind = match &self.body {
            Body::Text(_) => "text",
            Body::Image(_) => "image",
            Body::Data(_) => "data",
        };
        part.serialize_field("type", kind)?;
        part.serialize_field("index", &self.index)?;
        part.serialize_field("delta", &self.delta)?;
        part.serialize_field("msg_id", &self.msg_id)?;
        match &self.body {
            Body::Text(text) => part.serialize_field("text", text)?,
            Body::Image(url) => part.serialize_field("image_url", url)?,
            Body::Data(data) => part.serialize_field("data", data)?,
        }
        part.end()
    }
}

impl Serialize for Data {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fields: &[(&'static str, &str)] = match self {
            Self::Call { call_id, name, arguments } => {
                &[("call_id", call_id), ("name", name), ("arguments", arguments)]
            }
            Self::McpCall { call_id, arguments, name, server_label } => {
                &[("call_id", call_id), ("arguments", arguments), ("name", name), ("server_label", server_label)]
            }
            Self::Output { call_id, name, output } => &[("call_id", call_id), ("name", name), ("output", output)],
            Self::Approval { id, arguments, name, server_label } => {
                &[("id", id), ("arguments", arguments), ("name", name), ("server_label", server_label)]
            }
        };
        let mut data = serializer.serialize_struct("Data", fields.len())?;
        for (key, value) in fields {
            data.serialize_field(key, value)?;
        }
        data.end()
    }
}
