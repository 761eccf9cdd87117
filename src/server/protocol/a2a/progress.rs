//! What a turn has come to so far, as a task: a pure fold over its events.

use serde_json::{Value, json};

use super::task::{Artifact, Message, Part, Role, State};
use crate::domain::{AgentEvent, EventKind, TurnOutcome};

/// What a task makes is named within the task: its answer, and the answer as data.
const ANSWER: &str = "answer";
const OUTPUT: &str = "output";

/// What an event changes.
#[derive(Debug, PartialEq)]
pub(super) enum Change {
    Nothing,
    /// More of the answer.
    Text(String),
    /// It waits for the caller.
    Asked,
    /// It goes on.
    Working,
    Ended,
}

#[derive(Clone, Debug)]
pub(super) struct Progress {
    state: State,
    /// What is open, each with what the caller is told of it.
    asked: Vec<(String, [Part; 2])>,
    why: Option<Message>,
    /// The id of a message that the latest event makes; the same for everybody who folds the turn.
    at: String,
    pub(super) answer: String,
    output: Option<Value>,
    /// A message ended: the next one is set apart.
    apart: bool,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self {
            state: State::Submitted,
            asked: vec![],
            why: None,
            at: String::new(),
            answer: String::new(),
            output: None,
            apart: false,
        }
    }

    pub(super) fn state(&self) -> State {
        if self.asked.is_empty() { self.state } else { State::InputRequired }
    }

    /// The caller has answered, though the turn may not have said so yet.
    pub(super) fn answered(&mut self) {
        self.asked.clear();
        self.why = None;
    }

    pub(super) fn see(&mut self, event: &AgentEvent) -> Change {
        self.at = format!("msg_{}_{}", event.turn, event.seq);
        match &event.kind {
            EventKind::ApprovalRequested { call, reason, .. } => {
                let text = format!("May `{}` be called? {reason}", call.name);
                let data =
                    json!({ "type": "approval", "id": call.call_id, "tool": call.name, "arguments": call.arguments });
                self.ask(call.call_id.as_str(), text.trim(), data)
            }
            EventKind::QuestionAsked { id, question } => {
                let data = json!({ "type": "question", "id": id, "choices": question.choices });
                self.ask(id.as_str(), &question.text, data)
            }
            EventKind::ApprovalResolved { call_id, .. } => self.close(call_id.as_str()),
            EventKind::QuestionAnswered { id, .. } => self.close(id.as_str()),
            _ if event.agent.depth() > 0 => Change::Nothing,
            EventKind::TurnStarted { .. } => {
                self.state = State::Working;
                Change::Working
            }
            EventKind::TextDelta { text } => {
                let apart = std::mem::take(&mut self.apart) && !self.answer.is_empty();
                let text = if apart { format!("\n\n{text}") } else { text.clone() };
                self.answer.push_str(&text);
                Change::Text(text)
            }
            EventKind::MessageCompleted { .. } => {
                self.apart = true;
                Change::Nothing
            }
            EventKind::TurnFinished { outcome, .. } => {
                self.end(outcome);
                Change::Ended
            }
            EventKind::ReasoningDelta { .. }
            | EventKind::ToolArgumentsDelta { .. }
            | EventKind::ToolStarted { .. }
            | EventKind::ToolOutput { .. }
            | EventKind::ToolFinished { .. }
            | EventKind::HandedOff { .. }
            | EventKind::StateChanged { .. }
            | EventKind::Notice { .. } => Change::Nothing,
        }
    }

    fn ask(&mut self, id: &str, text: &str, data: Value) -> Change {
        self.asked.push((id.to_owned(), [Part::Text(text.to_owned()), Part::Data(data)]));
        self.say(self.asked.iter().flat_map(|(_, parts)| parts.clone()).collect());
        Change::Asked
    }

    fn close(&mut self, id: &str) -> Change {
        self.asked.retain(|(open, _)| open != id);
        if self.asked.is_empty() {
            self.why = None;
            return Change::Working;
        }
        Change::Nothing
    }

    fn say(&mut self, parts: Vec<Part>) {
        self.why = Some(Message { id: self.at.clone(), role: Role::Agent, parts });
    }

    fn end(&mut self, outcome: &TurnOutcome) {
        self.answered();
        self.state = match outcome {
            TurnOutcome::Completed { output } => {
                self.output.clone_from(output);
                State::Completed
            }
            TurnOutcome::Canceled => State::Canceled,
            TurnOutcome::Failed { code, message, hint } => {
                let text = hint.as_ref().map_or_else(|| message.clone(), |hint| format!("{message} ({hint})"));
                self.say(vec![Part::Text(text), Part::Data(json!({ "code": code }))]);
                State::Failed
            }
            // Nobody brought tools.
            TurnOutcome::ToolCalls { .. } => State::Failed,
        };
    }

    pub(super) fn message(&self) -> Option<Message> {
        self.why.clone()
    }

    /// A piece of the answer.
    pub(super) fn chunk(&self, text: String) -> Artifact {
        Artifact { id: ANSWER.to_owned(), name: ANSWER.to_owned(), parts: vec![Part::Text(text)] }
    }

    /// The answer as data, where the agent gives one.
    pub(super) fn data(&self) -> Option<Artifact> {
        let output = self.output.clone()?;
        Some(Artifact { id: OUTPUT.to_owned(), name: OUTPUT.to_owned(), parts: vec![Part::Data(output)] })
    }

    pub(super) fn artifacts(&self) -> Vec<Artifact> {
        let text = (!self.answer.is_empty()).then(|| self.chunk(self.answer.clone()));
        text.into_iter().chain(self.data()).collect()
    }
}
