//! `todo`: a list of steps that the agent keeps for itself and for the user to see.

use std::fmt::Write as _;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Tool, ToolCx, ToolError, ToolResult};
use crate::domain::{Effect, ToolSpec};

/// Replaces the whole list at each call: models keep a list better than they edit one.
pub struct Todo {
    spec: ToolSpec,
}

/// The key of the list in the session's state.
pub const STATE_KEY: &str = "todo";

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TodoItem {
    pub text: String,
    #[serde(default)]
    pub status: TodoStatus,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TodoStatus {
    #[default]
    Pending,
    InProgress,
    Done,
}

#[derive(Deserialize)]
struct Call {
    items: Vec<TodoItem>,
}

impl Default for Todo {
    fn default() -> Self {
        Self::new()
    }
}

impl Todo {
    #[must_use]
    pub fn new() -> Self {
        let parameters = json!({
            "type": "object",
            "properties": {
                "items": {
                    "type": "array",
                    "description": "The whole list; it replaces the one before.",
                    "items": {
                        "type": "object",
                        "properties": {
                            "text": { "type": "string", "description": "What to do." },
                            "status": { "type": "string", "enum": ["pending", "in_progress", "done"] },
                        },
                        "required": ["text"],
                        "additionalProperties": false,
                    },
                },
            },
            "required": ["items"],
            "additionalProperties": false,
        });
        Self {
            spec: ToolSpec {
                name: "todo".to_owned(),
                description: "Writes the to-do list of this session, which the user sees. Use it for work of three \
                              steps or more: send the whole list each time, keep one step in progress, and mark a \
                              step done as soon as it is."
                    .to_owned(),
                parameters,
                effect: Effect::Reads,
                rule_name: None,
            },
        }
    }
}

#[async_trait]
impl Tool for Todo {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, arguments: Value, _cx: &ToolCx) -> Result<ToolResult, ToolError> {
        let call: Call = serde_json::from_value(arguments).map_err(|error| ToolError::Arguments(error.to_string()))?;
        Ok(ToolResult { state: Some(json!({ STATE_KEY: call.items })), ..ToolResult::text(render(&call.items)) })
    }
}

fn render(items: &[TodoItem]) -> String {
    if items.is_empty() {
        return "The to-do list is empty.".to_owned();
    }
    let done = items.iter().filter(|item| item.status == TodoStatus::Done).count();
    let mut text = format!("To-do list ({done} of {} done):", items.len());
    for item in items {
        let mark = match item.status {
            TodoStatus::Pending => ' ',
            TodoStatus::InProgress => '~',
            TodoStatus::Done => 'x',
        };
        // Writing to a string cannot fail.
        let _ = write!(text, "\n[{mark}] {}", item.text);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool::testing;

    #[tokio::test]
    async fn the_list_is_shown_and_kept_in_the_state() {
        let arguments = json!({ "items": [
            { "text": "look", "status": "done" },
            { "text": "think", "status": "in_progress" },
            { "text": "act" },
        ] });
        let result = Todo::new().call(arguments, &testing::cx()).await.unwrap();
        insta::assert_snapshot!(testing::text(&result), @"
        To-do list (1 of 3 done):
        [x] look
        [~] think
        [ ] act
        ");
        insta::assert_json_snapshot!(result.state.unwrap(), @r#"
        {
          "todo": [
            {
              "text": "look",
              "status": "done"
            },
            {
              "text": "think",
              "status": "in_progress"
            },
            {
              "text": "act",
              "status": "pending"
            }
          ]
        }
        "#);
    }
}
