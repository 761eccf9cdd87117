//! What a model and a policy need to know of a tool.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A tool as the model sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolSpec {
    /// `[a-zA-Z0-9_-]{1,64}`, what every provider accepts.
    pub name: String,
    pub description: String,
    /// JSON Schema of the arguments; always of type object.
    pub parameters: Value,
    pub effect: Effect,
    /// The name that permission rules match, where it is not `name`: `mcp.docs.search`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule_name: Option<String>,
}

impl ToolSpec {
    /// The name that permission rules match.
    #[must_use]
    pub fn rule_name(&self) -> &str {
        self.rule_name.as_deref().unwrap_or(&self.name)
    }
}

/// Whether a call can change anything outside the conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Only looks, or changes nothing but the agent's own notes.
    Reads,
    Writes,
}
