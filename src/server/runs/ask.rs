//! What a turn asked its caller and still waits for, each with its deadline.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde::Serialize;
use tokio::{sync::mpsc, task::AbortHandle};

use super::locked;
use crate::{
    config::agent_file::ApprovalDefault,
    domain::{AgentEvent, Answer, Decision, EventKind, Question, ToolCall},
};

/// Something that a turn asked.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "to", rename_all = "snake_case")]
pub enum Ask {
    Approval { call: ToolCall, reason: String },
    Question { id: crate::domain::QuestionId, question: Question },
}

impl Ask {
    /// The id that an answer names: of the call, or of the question.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Approval { call, .. } => call.call_id.as_str(),
            Self::Question { id, .. } => id.as_str(),
        }
    }

    /// The answer of one who answers other things, and leaves this out.
    #[must_use]
    pub fn unanswered(&self) -> Answer {
        self.answer(false, "the user did not answer this")
    }

    /// The answer of one who says yes or no, or something.
    #[must_use]
    pub fn answer(&self, approve: bool, text: &str) -> Answer {
        match self {
            Self::Approval { call, .. } => {
                let decision = if approve { Decision::Allow } else { Decision::Deny { reason: text.to_owned() } };
                Answer::Approval { call_id: call.call_id.clone(), decision }
            }
            Self::Question { id, .. } => Answer::Question { id: id.clone(), answer: approve.then(|| text.to_owned()) },
        }
    }
}

/// What is open, by id.
#[derive(Debug, Default)]
pub(super) struct Asked {
    open: Mutex<HashMap<String, (Ask, AbortHandle)>>,
}

impl Asked {
    /// Keeps track of what is asked and answered; nobody waits for a caller longer than `patience`.
    pub(super) fn see(
        self: &Arc<Self>,
        event: &AgentEvent,
        patience: Duration,
        default: ApprovalDefault,
        answers: &mpsc::Sender<Answer>,
    ) {
        let ask = match &event.kind {
            EventKind::ApprovalRequested { call, reason, .. } => {
                Ask::Approval { call: call.clone(), reason: reason.clone() }
            }
            EventKind::QuestionAsked { id, question } => Ask::Question { id: id.clone(), question: question.clone() },
            EventKind::ApprovalResolved { call_id, .. } => return self.close(call_id.as_str()),
            EventKind::QuestionAnswered { id, .. } => return self.close(id.as_str()),
            _ => return,
        };
        let late = format!("nobody answered within {} s", patience.as_secs_f64());
        let answer = match &ask {
            Ask::Approval { .. } => ask.answer(default == ApprovalDefault::Allow, &late),
            Ask::Question { .. } => ask.answer(false, ""),
        };
        let answers = answers.clone();
        let timer = tokio::spawn(async move {
            tokio::time::sleep(patience).await;
            let _ = answers.send(answer).await;
        });
        locked(&self.open).insert(ask.id().to_owned(), (ask, timer.abort_handle()));
    }

    fn close(&self, id: &str) {
        if let Some((_, timer)) = locked(&self.open).remove(id) {
            timer.abort();
        }
    }

    pub(super) fn open(&self) -> Vec<Ask> {
        locked(&self.open).values().map(|(ask, _)| ask.clone()).collect()
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        for (_, timer) in locked(&self.open).values() {
            timer.abort();
        }
    }
}
