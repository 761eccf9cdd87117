//! Language models. One trait, one streaming path; a provider is a row of data over one of a few wires.
//!
//! Knows nothing of agents, tools or sessions: it turns a [`ModelRequest`] into a stream of [`ModelDelta`].

use std::{fmt, time::Duration};

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use serde_json::Value;

use crate::{
    domain::{CallId, Message, Notice, ToolSpec, Usage},
    runtime::sse,
};

mod anthropic;
mod client;
mod default;
pub mod demo;
pub mod detect;
mod failure;
mod fallback;
mod gemini;
mod open;
mod openai;
mod responses;
mod retry;
pub mod scripted;
mod text_calls;
mod traced;
mod wire;

pub use default::DefaultModel;
pub use detect::{Because, Detected, LocalServer, detect, local_servers};
pub use open::{OpenError, open, spec};
pub use traced::traced;

/// What a model is asked.
#[derive(Clone, Debug, Default)]
pub struct ModelRequest {
    /// The system prompt.
    pub instructions: String,
    /// The conversation; calls and results pair up, and a `Summary` can only stand first.
    pub messages: Vec<Message>,
    pub tools: Vec<ToolSpec>,
    pub tool_choice: ToolChoice,
    /// JSON Schema that the answer must fit; only sent to a model whose [`Capabilities::structured_output`] is set.
    pub output_schema: Option<Value>,
    pub sampling: Sampling,
}

/// How this answer is to be made, in place of what the agent file sets.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sampling {
    pub temperature: Option<f64>,
    pub top_p: Option<f64>,
    pub max_output_tokens: Option<u64>,
    pub stop: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ToolChoice {
    #[default]
    Auto,
    /// A call, of whichever tool.
    Required,
    /// No call, though the tools are listed.
    None,
    /// The tool of this name, and no other.
    Tool(String),
}

/// A piece of a model's answer, in the order it came.
#[derive(Clone, Debug, PartialEq)]
pub enum ModelDelta {
    Text(String),
    /// Either part may be empty: some providers show no text. An opaque part ends its block of reasoning: what follows
    /// is another block, and the wire that made it wants each block back as it was.
    Reasoning {
        text: String,
        opaque: Option<Value>,
    },
    ToolCallStart {
        call_id: CallId,
        name: String,
        opaque: Option<Value>,
    },
    /// A fragment of the JSON text of a call's arguments. Fragments of several calls may interleave.
    ToolCallArguments {
        call_id: CallId,
        delta: String,
    },
    /// Replaces earlier usage of the same request: providers send running totals.
    Usage(Usage),
    /// Why the model stopped; the last delta of a whole answer. A stream that ends without it was cut.
    Stop {
        reason: StopReason,
        raw: String,
    },
    /// Something to tell the user: a retry, a fallback.
    Notice(Notice),
    /// All deltas since the start of the request are void: another model starts over.
    Restart,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// The answer is complete.
    End,
    ToolCalls,
    /// The output limit was reached.
    Length,
    /// The provider withheld the answer.
    Filtered,
    /// A word we do not know; `raw` has it.
    Other,
}

/// What a model can do, as data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// Takes [`ModelRequest::output_schema`], also together with tools.
    pub structured_output: bool,
    /// Takes [`ModelRequest::output_schema`] in a request without tools: many servers constrain the whole answer to
    /// the schema, so that no call could be made.
    pub structured_output_alone: bool,
    pub images: bool,
    /// Tokens that fit into the context, where known.
    pub context_window: Option<u64>,
}

/// The end of the stream is the end of the answer; an `Err` is its last item.
pub type ModelStream = BoxStream<'static, Result<ModelDelta, ModelError>>;

/// A language model behind some provider. Streaming is the only path; dropping the stream ends the request.
#[async_trait]
pub trait Model: Send + Sync {
    /// `PROVIDER/MODEL`.
    fn name(&self) -> &str;

    fn capabilities(&self) -> Capabilities;

    /// Sends the request. Returns once the provider began to answer.
    ///
    /// # Errors
    /// Everything that goes wrong before the first delta; later errors come through the stream.
    async fn stream(&self, request: ModelRequest) -> Result<ModelStream, ModelError>;

    /// Whether requests can be made: is the provider there, does it take the key. Costs no tokens.
    ///
    /// # Errors
    /// Why not.
    async fn probe(&self) -> Result<(), ModelError> {
        Ok(())
    }
}

/// Why a model did not answer. Texts name the provider and never the key.
#[derive(Debug, thiserror::Error)]
#[error("{model}: {kind}")]
pub struct ModelError {
    /// `PROVIDER/MODEL`.
    pub model: String,
    pub kind: ModelErrorKind,
    /// What to do next.
    pub hint: Option<String>,
}

#[derive(Debug)]
pub enum ModelErrorKind {
    /// 401 or 403.
    Auth {
        status: u16,
        body: String,
    },
    RateLimited {
        retry_after: Option<Duration>,
        body: String,
    },
    ContextFull {
        body: String,
    },
    /// Any other status that is not a success; 5xx are worth another try.
    Status {
        status: u16,
        retry_after: Option<Duration>,
        body: String,
    },
    /// The provider sent an error object within its stream.
    Stream {
        message: String,
        retry: bool,
    },
    /// The connection could not be made, or broke.
    Transport {
        message: String,
    },
    /// Nothing came for as long as allowed.
    Timeout {
        after: Duration,
        idle: bool,
    },
    /// What came is not of the protocol.
    Protocol {
        message: String,
    },
    /// The model cannot do what was asked, such as seeing an image.
    Unsupported {
        message: String,
    },
    /// `--offline` forbids the call.
    Offline {
        host: String,
    },
}

impl ModelErrorKind {
    /// Whether the same request may succeed when it is made again.
    #[must_use]
    pub fn transient(&self) -> bool {
        match self {
            Self::RateLimited { .. } | Self::Transport { .. } | Self::Timeout { .. } => true,
            Self::Status { status, .. } => *status >= 500 || *status == 408 || *status == 409,
            Self::Stream { retry, .. } => *retry,
            Self::Auth { .. }
            | Self::ContextFull { .. }
            | Self::Protocol { .. }
            | Self::Unsupported { .. }
            | Self::Offline { .. } => false,
        }
    }
}

impl fmt::Display for ModelErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auth { status, body } => write!(f, "the API key was refused (HTTP {status}): {body}"),
            Self::RateLimited { body, .. } => write!(f, "rate limited (HTTP 429): {body}"),
            Self::ContextFull { body } => write!(f, "the conversation does not fit the model's context window: {body}"),
            Self::Status { status, body, .. } => write!(f, "the provider answered HTTP {status}: {body}"),
            Self::Stream { message, .. } => write!(f, "the provider reported an error while answering: {message}"),
            Self::Transport { message } | Self::Unsupported { message } => f.write_str(message),
            Self::Timeout { after, idle: true } => write!(f, "the provider sent nothing for {}", seconds(*after)),
            Self::Timeout { after, idle: false } => write!(f, "no whole answer within {}", seconds(*after)),
            Self::Protocol { message } => write!(f, "could not read the provider's answer: {message}"),
            Self::Offline { host } => write!(f, "`--offline` forbids the call to `{host}`"),
        }
    }
}

fn seconds(duration: Duration) -> String {
    if duration.subsec_millis() == 0 {
        format!("{} s", duration.as_secs())
    } else {
        format!("{} ms", duration.as_millis())
    }
}
