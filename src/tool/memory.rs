//! `memory`: notes that an agent keeps from one session to the next, apart for each agent and user.

use std::{fmt::Write as _, sync::Arc};

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Tool, ToolCx, ToolError, ToolResult};
use crate::{
    domain::{Effect, ToolSpec},
    store::{Notes, StoreError, note_scope},
};

/// How many notes one call recalls.
const MOST: usize = 20;
/// Longest note in bytes.
const LONGEST: usize = 8 * 1024;

pub struct Memory {
    spec: ToolSpec,
    notes: Arc<dyn Notes>,
    agent: String,
}

#[derive(Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
enum Call {
    Remember {
        text: String,
    },
    Recall {
        #[serde(default)]
        query: String,
    },
    Forget {
        id: i64,
    },
}

impl Memory {
    /// The memory of `agent`; the user is that of the call.
    #[must_use]
    pub fn new(notes: Arc<dyn Notes>, agent: &str) -> Self {
        // Flat rather than `oneOf`: several providers refuse unions at the top.
        let parameters = json!({
            "type": "object",
            "properties": {
                "action": { "type": "string", "enum": ["remember", "recall", "forget"] },
                "text": { "type": "string", "description": "For remember: one fact, understandable on its own." },
                "query": {
                    "type": "string",
                    "description": "For recall: words to look for; without it the newest notes are given.",
                },
                "id": { "type": "integer", "description": "For forget: the number of the note." },
            },
            "required": ["action"],
            "additionalProperties": false,
        });
        Self {
            spec: ToolSpec {
                name: "memory".to_owned(),
                description: "Notes that last from one conversation with this user to the next. Recall before you \
                              say that you do not know; remember what the user will want known next time."
                    .to_owned(),
                parameters,
                effect: Effect::Reads,
                rule_name: None,
            },
            notes,
            agent: agent.to_owned(),
        }
    }
}

#[async_trait]
impl Tool for Memory {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, arguments: Value, cx: &ToolCx) -> Result<ToolResult, ToolError> {
        let call: Call = serde_json::from_value(arguments).map_err(|error| ToolError::Arguments(error.to_string()))?;
        let scope = note_scope(&self.agent, &cx.session.user);
        let text = match call {
            Call::Remember { text } if text.trim().is_empty() => {
                return Err(ToolError::Arguments("`text` is empty; write what to remember".to_owned()));
            }
            Call::Remember { text } if text.len() > LONGEST => {
                return Err(ToolError::Arguments(format!("`text` is longer than {LONGEST} bytes; write less")));
            }
            Call::Remember { text } => {
                let note = self.notes.add(&scope, text.trim()).await.map_err(failed)?;
                format!("Remembered as note {}.", note.id)
            }
            Call::Recall { query } => {
                let notes = self.notes.search(&scope, query.trim(), MOST).await.map_err(failed)?;
                let mut text = if notes.is_empty() { "No notes.".to_owned() } else { String::new() };
                for (index, note) in notes.iter().enumerate() {
                    let separator = if index == 0 { "" } else { "\n" };
                    let date = note.created_at.strftime("%Y-%m-%d");
                    // Writing to a string cannot fail.
                    let _ = write!(text, "{separator}{}. ({date}) {}", note.id, note.text);
                }
                text
            }
            Call::Forget { id } => {
                self.notes.forget(&scope, id).await.map_err(failed)?;
                format!("Forgot note {id}.")
            }
        };
        Ok(ToolResult::text(text))
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn failed(error: StoreError) -> ToolError {
    ToolError::Failed(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{store::MemoryStore, tool::testing};

    #[tokio::test]
    async fn notes_are_kept_found_and_forgotten() {
        let memory = Memory::new(Arc::new(MemoryStore::new()), "assistant");
        let cx = testing::cx();
        let mut said = vec![];
        for arguments in [
            json!({ "action": "recall" }),
            json!({ "action": "remember", "text": " Ann likes tea " }),
            json!({ "action": "recall", "query": "tea" }),
            json!({ "action": "forget", "id": 1 }),
            json!({ "action": "forget", "id": 1 }),
            json!({ "action": "remember", "text": " " }),
            json!({ "action": "remember" }),
        ] {
            said.push(match memory.call(arguments, &cx).await {
                Ok(result) => testing::text(&result),
                Err(error) => error.to_string(),
            });
        }
        let date = jiff::Timestamp::now().strftime("%Y-%m-%d").to_string();
        insta::assert_snapshot!(said.join("\n").replace(&date, "[DATE]"), @"
        No notes.
        Remembered as note 1.
        1. ([DATE]) Ann likes tea
        Forgot note 1.
        no note 1
        invalid arguments: `text` is empty; write what to remember
        invalid arguments: missing field `text`
        ");
    }

    #[tokio::test]
    async fn users_and_agents_are_kept_apart() {
        let notes = Arc::new(MemoryStore::new());
        let cx = testing::cx();
        let add = json!({ "action": "remember", "text": "secret of ann" });
        Memory::new(Arc::<MemoryStore>::clone(&notes), "a").call(add, &cx).await.unwrap();
        let recall = json!({ "action": "recall" });
        let other = Memory::new(Arc::<MemoryStore>::clone(&notes), "b").call(recall.clone(), &cx).await.unwrap();
        assert_eq!(testing::text(&other), "No notes.");
        let mut bob = testing::cx();
        bob.session.user = "bob".to_owned();
        let other = Memory::new(notes, "a").call(recall, &bob).await.unwrap();
        assert_eq!(testing::text(&other), "No notes.");
    }
}
