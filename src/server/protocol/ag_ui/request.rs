//! What a front end sends. Names are taken in camel case and in snake case.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::domain::{Effect, ToolSpec};

/// `RunAgentInput`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RunAgentInput {
    #[serde(alias = "thread_id")]
    pub(super) thread_id: String,
    #[serde(alias = "run_id")]
    pub(super) run_id: String,
    #[serde(default, alias = "parent_run_id")]
    pub(super) parent_run_id: Option<String>,
    #[serde(default, alias = "protocol_version")]
    pub(super) protocol_version: Option<String>,
    #[serde(default)]
    pub(super) state: Value,
    #[serde(default)]
    pub(super) messages: Vec<Message>,
    #[serde(default)]
    tools: Option<Vec<Tool>>,
    #[serde(default)]
    pub(super) context: Option<Vec<Context>>,
    #[serde(default, alias = "forwarded_props")]
    pub(super) forwarded_props: Value,
    #[serde(default)]
    pub(super) resume: Option<Vec<Resume>>,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "role", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub(super) enum Message {
    #[serde(alias = "developer")]
    System { content: String },
    User {
        /// Text, or parts.
        content: Value,
    },
    Assistant {
        #[serde(default)]
        content: Option<String>,
        #[serde(default, alias = "tool_calls")]
        tool_calls: Option<Vec<ToolCall>>,
    },
    Tool {
        /// Text, or parts.
        #[serde(default)]
        content: Value,
        #[serde(alias = "tool_call_id")]
        tool_call_id: String,
        #[serde(default)]
        error: Option<String>,
    },
    Reasoning {
        #[serde(default)]
        content: Value,
        #[serde(default, alias = "encrypted_value")]
        encrypted_value: Option<String>,
    },
    /// Something that the front end shows.
    Activity {},
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ToolCall {
    pub(super) id: String,
    pub(super) function: Function,
    #[serde(default, alias = "encrypted_value")]
    pub(super) encrypted_value: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Function {
    pub(super) name: String,
    /// JSON.
    #[serde(default)]
    pub(super) arguments: String,
}

/// A tool that the front end runs.
#[derive(Debug, Deserialize)]
struct Tool {
    name: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    parameters: Value,
}

#[derive(Debug, Deserialize)]
pub(super) struct Context {
    #[serde(default)]
    pub(super) description: String,
    #[serde(default)]
    pub(super) value: Value,
}

/// An answer to an interrupt.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Resume {
    #[serde(alias = "interrupt_id")]
    pub(super) interrupt_id: String,
    pub(super) status: ResumeStatus,
    #[serde(default)]
    pub(super) payload: Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ResumeStatus {
    Resolved,
    Cancelled,
}

impl RunAgentInput {
    /// Whom the front end says it acts for.
    pub(super) fn user(&self) -> Option<&str> {
        let named = |name| self.forwarded_props.get(name).and_then(Value::as_str);
        named("user_id").or_else(|| named("userId"))
    }

    /// The tools that the front end runs.
    pub(super) fn tools(&self) -> Vec<ToolSpec> {
        let tools = self.tools.iter().flatten().map(|tool| ToolSpec {
            name: tool.name.clone(),
            description: tool.description.clone(),
            parameters: match &tool.parameters {
                Value::Null => json!({ "type": "object", "properties": {} }),
                schema => schema.clone(),
            },
            effect: Effect::Writes,
            rule_name: None,
        });
        tools.collect()
    }
}
