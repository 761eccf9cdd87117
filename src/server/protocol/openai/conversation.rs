//! A conversation that a caller sends: what was said, and what is new.

use crate::{
    domain::{Content, Message, Role},
    server::ApiError,
};

/// Messages of a request, as they are read one after the other.
#[derive(Debug, Default)]
pub(in crate::server::protocol) struct Conversation {
    /// System messages, wherever they stand.
    pub(in crate::server::protocol) instructions: Option<String>,
    /// Up to the last answer.
    pub(in crate::server::protocol) history: Vec<Message>,
    /// What comes after it.
    pub(in crate::server::protocol) new: Vec<Message>,
}

impl Conversation {
    /// A system message.
    pub(in crate::server::protocol) fn instruct(&mut self, text: &str) {
        match &mut self.instructions {
            Some(all) => {
                all.push_str("\n\n");
                all.push_str(text);
            }
            None => self.instructions = Some(text.to_owned()),
        }
    }

    /// A message of the user, or the result of a call.
    pub(in crate::server::protocol) fn say(&mut self, message: Message) {
        self.new.push(message);
    }

    /// An answer of the agent: whatever came before it is no longer new. Parts of one answer that were sent apart are
    /// one again.
    pub(in crate::server::protocol) fn answer(&mut self, message: Message) {
        self.history.append(&mut self.new);
        match self.history.last_mut() {
            Some(last) if last.role == Role::Assistant => last.content.extend(message.content),
            _ if message.content.is_empty() => {}
            _ => self.history.push(message),
        }
    }

    /// # Errors
    /// 400 where there is nothing to answer.
    pub(in crate::server::protocol) fn check(&self) -> Result<(), ApiError> {
        let blank = |part: &Content| matches!(part, Content::Text { text } if text.trim().is_empty());
        if self.new.is_empty() {
            return Err(ApiError::invalid("there is nothing to answer: the last message is not the user's"));
        }
        if self.new.iter().flat_map(|message| &message.content).all(blank) {
            return Err(ApiError::invalid("there is nothing to answer: the message is empty"));
        }
        Ok(())
    }
}
