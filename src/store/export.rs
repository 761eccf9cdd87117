//! A whole conversation, to be taken elsewhere.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{SessionInfo, SessionUsage, Store, StoreError};
use crate::domain::{Content, Message, Role, SessionKey};

/// Everything that is kept of a session.
#[derive(Debug, Serialize, Deserialize)]
pub struct Export {
    pub session: SessionInfo,
    pub state: Value,
    /// Servers of before do not tell.
    #[serde(default = "SessionUsage::unknown")]
    pub usage: SessionUsage,
    pub messages: Vec<Message>,
}

impl Export {
    /// Reads it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn read(store: &dyn Store, key: &SessionKey) -> Result<Self, StoreError> {
        let session = store.info(key).await?;
        let (state, usage) = (store.state(key).await?, store.usage(key).await?);
        Ok(Self { session, state, usage, messages: store.history(key).await? })
    }

    /// For people.
    #[must_use]
    pub fn markdown(&self) -> String {
        let Self { session, messages, .. } = self;
        let mut text = format!(
            "# {}\n\n- Session: `{}`\n- Agent: `{}`\n- Begun: {}\n",
            if session.title.is_empty() { session.id.as_str() } else { &session.title },
            session.id,
            session.agent,
            session.created_at.strftime("%Y-%m-%d %H:%M UTC")
        );
        for message in messages {
            let heading = match message.role {
                Role::User => "You",
                Role::Assistant => "Assistant",
                Role::Tool => "Tool results",
            };
            text.push_str(&format!("\n## {heading}\n"));
            for part in &message.content {
                text.push('\n');
                match part {
                    Content::Text { text: said } => text.push_str(&format!("{}\n", said.trim_end())),
                    Content::Reasoning { text: thought, .. } => text.push_str(&quoted(thought)),
                    Content::Summary { text: summary, .. } => text.push_str(&quoted(&format!("Summary: {summary}"))),
                    Content::Image(image) => {
                        text.push_str(&format!("![image](data:{};base64,{})\n", image.media_type, image.data))
                    }
                    Content::ToolCall(call) => {
                        let arguments = serde_json::to_string_pretty(&call.arguments).unwrap_or_default();
                        text.push_str(&format!(
                            "Call of `{}` (`{}`):\n\n{}",
                            call.name,
                            call.call_id,
                            fenced("json", &arguments)
                        ));
                    }
                    Content::ToolResult { call_id, outcome } => {
                        text.push_str(&format!("`{call_id}`:\n\n{}", fenced("", &outcome.text())));
                    }
                }
            }
            if message.broken_off {
                text.push_str("\n*The answer broke off here.*\n");
            }
        }
        text
    }
}

fn quoted(text: &str) -> String {
    text.trim_end().lines().map(|line| format!("> {line}\n")).collect()
}

/// A code block that nothing in `text` can end.
fn fenced(language: &str, text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}{language}\n{}\n{fence}\n", text.trim_end())
}
