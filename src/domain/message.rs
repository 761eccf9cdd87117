//! What a conversation is made of, independent of any provider.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::CallId;

/// Who wrote a message. Instructions are not part of the history: they belong to the agent, not to the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    User,
    Assistant,
    /// Results of tool calls; each such message follows the assistant message that asked for them.
    Tool,
}

/// One message of a session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    pub role: Role,
    pub content: Vec<Content>,
    /// It is what there was of an answer when its turn was canceled or failed, or when its process was killed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub broken_off: bool,
}

impl Message {
    #[must_use]
    pub fn new(role: Role, content: Vec<Content>) -> Self {
        Self { role, content, broken_off: false }
    }

    #[must_use]
    pub fn user(text: impl Into<String>) -> Self {
        Self::new(Role::User, vec![Content::text(text)])
    }

    #[must_use]
    pub fn assistant(text: impl Into<String>) -> Self {
        Self::new(Role::Assistant, vec![Content::text(text)])
    }

    #[must_use]
    pub fn tool_result(call_id: CallId, outcome: ToolOutcome) -> Self {
        Self::new(Role::Tool, vec![Content::ToolResult { call_id, outcome }])
    }

    /// The text parts, joined; reasoning is not text.
    #[must_use]
    pub fn text(&self) -> String {
        self.content
            .iter()
            .filter_map(|part| match part {
                Content::Text { text } => Some(text.as_str()),
                _ => None,
            })
            .collect()
    }

    /// The tool calls this message asks for.
    pub fn calls(&self) -> impl Iterator<Item = &ToolCall> {
        self.content.iter().filter_map(|part| match part {
            Content::ToolCall(call) => Some(call),
            _ => None,
        })
    }
}

/// A part of a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Content {
    Text {
        text: String,
    },
    /// What the model thought before it answered. `opaque` is what the provider wants back unchanged in the next
    /// request (Anthropic's signature, OpenAI's encrypted item, Gemini's thought signature); only the wire that made
    /// it reads it.
    Reasoning {
        text: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        opaque: Option<Value>,
    },
    Image(Image),
    ToolCall(ToolCall),
    ToolResult {
        call_id: CallId,
        outcome: ToolOutcome,
    },
    /// Stands for what came before it: the model is sent this summary in place of the messages it replaces, which
    /// stay in the session for people to read. The `keep` messages right before it, other summaries not counted, are
    /// still sent as they are, after the summary.
    Summary {
        text: String,
        #[serde(default)]
        keep: u32,
    },
}

impl Content {
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into() }
    }
}

/// An image, carried whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Image {
    /// Such as `image/png`.
    pub media_type: String,
    /// The bytes in standard base64.
    pub data: String,
}

impl Image {
    /// The media type of an image that providers take, by its first bytes, as the formats define them; names lie.
    #[must_use]
    pub fn type_of(bytes: &[u8]) -> Option<&'static str> {
        match bytes {
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some("image/png"),
            [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some("image/gif"),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
            _ => None,
        }
    }
}

/// The model's wish to have a tool run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    pub call_id: CallId,
    pub name: String,
    /// A JSON object, or the raw text as a JSON string where the model wrote something that is not JSON.
    pub arguments: Value,
    /// As [`Content::Reasoning`]'s `opaque`: Gemini signs its function calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opaque: Option<Value>,
}

/// How a tool call ended. Every call that was started gets exactly one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum ToolOutcome {
    Ok {
        content: Vec<Content>,
    },
    /// The model is told the error and may try again.
    Failed {
        error: String,
    },
    Denied {
        by: DeniedBy,
        #[serde(default, skip_serializing_if = "String::is_empty")]
        reason: String,
    },
    /// The turn was cancelled, or the process ended, before the call did.
    Canceled,
}

impl ToolOutcome {
    #[must_use]
    pub fn ok(text: impl Into<String>) -> Self {
        Self::Ok { content: vec![Content::text(text)] }
    }

    /// What a model is told of this outcome, as text; images are left to the wire.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Ok { content } => content
                .iter()
                .filter_map(|part| match part {
                    Content::Text { text } => Some(text.as_str()),
                    _ => None,
                })
                .collect::<Vec<_>>()
                .join("\n"),
            Self::Failed { error } => format!("Error: {error}"),
            Self::Denied { reason, .. } if reason.is_empty() => "Denied: this call was not allowed.".to_owned(),
            Self::Denied { reason, .. } => format!("Denied: {reason}"),
            Self::Canceled => "Canceled: the call was interrupted before it finished.".to_owned(),
        }
    }
}

/// Who refused a tool call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeniedBy {
    /// A `deny` rule of the agent file or of the user's settings.
    Rule,
    /// The user said no.
    User,
    /// The call had to be asked about and nobody could be.
    Unattended,
    /// `--approve deny`.
    Mode,
    /// `--approve plan`: nothing may write.
    Plan,
    /// A `before_tool` hook.
    Hook,
}
