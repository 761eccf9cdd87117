//! Agents: the loop between a model and its tools, and everything a turn needs.
//!
//! [`Agent::run`] is the only door to a turn. Knows no terminal and no HTTP server; what happens leaves it as a
//! stream of [`AgentEvent`].

use futures_util::stream::BoxStream;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::domain::{AgentEvent, Answer, Content, Message, SessionKey};

/// Ends after the root agent's `TurnFinished`. Dropping it cancels the turn, which is still saved.
pub type EventStream = BoxStream<'static, AgentEvent>;

/// One message of the user.
#[derive(Clone, Debug)]
pub struct AgentRequest {
    pub key: SessionKey,
    /// Text and images.
    pub input: Vec<Content>,
}

/// The caller's hold on a running turn.
pub struct TurnControl {
    pub cancel: CancellationToken,
    /// Answers to approvals and questions; `None` where nobody can be asked, and policy decides.
    pub answers: Option<mpsc::Receiver<Answer>>,
    /// Messages that join the turn before the next request to the model.
    pub steer: Option<mpsc::Receiver<Message>>,
}

impl TurnControl {
    /// Nobody to ask.
    #[must_use]
    pub fn unattended(cancel: CancellationToken) -> Self {
        Self { cancel, answers: None, steer: None }
    }
}
