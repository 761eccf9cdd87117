//! The messages of a request, as the agent knows them.

use serde::Deserialize;
use serde_json::Value;

use crate::{
    domain::{self, CallId, Content, Role, ToolCall, ToolOutcome},
    server::{
        ApiError,
        protocol::openai::{Conversation, Parts, arguments_value},
    },
};

/// A message. `name`, and the `reasoning_content` of earlier answers, are taken and without effect.
#[derive(Debug, Deserialize)]
pub(super) struct Message {
    role: String,
    #[serde(default)]
    content: Option<Parts>,
    #[serde(default)]
    refusal: Option<String>,
    #[serde(default)]
    tool_calls: Option<Vec<Call>>,
    #[serde(default)]
    tool_call_id: Option<String>,
    #[serde(default)]
    function_call: Option<Value>,
    #[serde(default)]
    audio: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct Call {
    id: String,
    #[serde(default)]
    function: Option<Function>,
}

#[derive(Debug, Deserialize)]
struct Function {
    name: String,
    #[serde(default)]
    arguments: String,
}

/// Reads them all.
///
/// # Errors
/// 400 for a message that an agent cannot take, and where there is nothing to answer.
pub(super) fn read(messages: Vec<Message>) -> Result<Conversation, ApiError> {
    let mut conversation = Conversation::default();
    for message in messages {
        message.read(&mut conversation)?;
    }
    conversation.check()?;
    Ok(conversation)
}

impl Message {
    fn read(self, into: &mut Conversation) -> Result<(), ApiError> {
        if self.function_call.is_some() || self.audio.is_some() {
            return Err(ApiError::invalid("`function_call` and `audio` in messages: an agent does not take them"));
        }
        match self.role.as_str() {
            "system" | "developer" => into.instruct(&self.content("a system message")?.text("a system message")?),
            "user" => into.say(domain::Message::new(Role::User, self.content("a message")?.content()?)),
            "assistant" => into.answer(self.assistant()?),
            "tool" => into.say(self.result()?),
            role => {
                return Err(ApiError::invalid(format!(
                    "`{role}` is none of the roles `system`, `developer`, `user`, `assistant` and `tool`"
                )));
            }
        }
        Ok(())
    }

    fn content(self, what: &str) -> Result<Parts, ApiError> {
        self.content.ok_or_else(|| ApiError::invalid(format!("{what} has no `content`")))
    }

    fn assistant(self) -> Result<domain::Message, ApiError> {
        let mut content = self.content.map_or(Ok(vec![]), Parts::content)?;
        content.extend(self.refusal.map(Content::text));
        content.retain(|part| !matches!(part, Content::Text { text } if text.is_empty()));
        for call in self.tool_calls.into_iter().flatten() {
            let function =
                call.function.ok_or_else(|| ApiError::invalid("`tool_calls` of an answer are calls of functions"))?;
            content.push(Content::ToolCall(ToolCall {
                call_id: CallId::from(call.id),
                name: function.name,
                arguments: arguments_value(function.arguments),
                opaque: None,
            }));
        }
        Ok(domain::Message::new(Role::Assistant, content))
    }

    fn result(mut self) -> Result<domain::Message, ApiError> {
        let id = self.tool_call_id.take().ok_or_else(|| ApiError::invalid("a tool message has no `tool_call_id`"))?;
        let content = self.content("a tool message")?.content()?;
        Ok(domain::Message::tool_result(CallId::from(id), ToolOutcome::Ok { content }))
    }
}
