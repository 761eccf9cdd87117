//! Tools: what an agent can do besides talking. One trait; one file a source.

pub mod a2a;
mod address;
pub mod arguments;
pub mod ask_user;
pub mod boxed;
pub mod cap;
pub mod command;
pub mod fetch;
mod function;
mod html;
pub mod http;
pub mod mcp;
pub mod memory;
mod names;
pub mod openapi;
pub mod skills;
#[cfg(test)]
pub(crate) mod testing;
pub mod todo;
mod toolbox;
mod web;
pub mod weight;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

pub use address::AllowError;
pub use arguments::Arguments;
pub use function::{FnTool, tool};
pub use toolbox::{Listed, Listing, Origin, Runs, ToolDeps, Toolbox, ToolboxError, Unavailable};

use crate::domain::{AgentPath, CallId, Content, Question, SessionKey, ToolSpec};

/// Something that a model can call. Arguments were checked against the schema of `spec` before `call`.
#[async_trait]
pub trait Tool: Send + Sync {
    fn spec(&self) -> &ToolSpec;

    /// Whether this call, with these arguments, changes anything; as the spec says unless a tool knows better.
    fn writes(&self, _arguments: &Value) -> bool {
        self.spec().effect == crate::domain::Effect::Writes
    }

    /// How long a call may take, where the tool has a limit of its own.
    fn timeout(&self) -> Option<Duration> {
        None
    }

    /// Runs the call. Must end soon after `cx.cancel` fires; dropping the future must leave nothing running.
    ///
    /// # Errors
    /// The model is told the error and may try again.
    async fn call(&self, arguments: Value, cx: &ToolCx) -> Result<ToolResult, ToolError>;
}

/// What a call gave.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ToolResult {
    /// Text and images, for the model.
    pub content: Vec<Content>,
    /// A merge patch of the session's state (RFC 7396), such as a new to-do list.
    pub state: Option<Value>,
}

impl ToolResult {
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self { content: vec![Content::text(text)], state: None }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    #[error("invalid arguments: {0}")]
    Arguments(String),
    #[error("timed out after {} s", .0.as_secs())]
    Timeout(Duration),
    #[error("canceled")]
    Canceled,
    #[error("{0}")]
    Failed(String),
}

/// What a running call may use.
#[derive(Clone)]
pub struct ToolCx {
    pub call_id: CallId,
    pub session: SessionKey,
    pub agent: AgentPath,
    pub cancel: CancellationToken,
    /// The state that the session keeps besides its messages; a JSON object.
    pub state: Value,
    pub host: Arc<dyn ToolHost>,
}

/// What the loop offers a running call.
#[async_trait]
pub trait ToolHost: Send + Sync {
    /// Shows output as it comes; a preview of the result.
    async fn output(&self, call: &CallId, chunk: String);

    /// Shows the user something that is not output.
    async fn notice(&self, notice: crate::domain::Notice);

    /// Asks the user; `None` where nobody answers.
    async fn ask(&self, question: Question) -> Option<String>;
}
