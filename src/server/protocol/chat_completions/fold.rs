//! A turn as the one answer that chat completions know: text, reasoning, calls of the caller's tools, an end.

use std::collections::HashSet;

use crate::{
    domain::{AgentEvent, CallId, EventKind, Message, ToolSpec, TurnOutcome, Usage},
    server::{
        ApiError,
        protocol::openai::{self, Stop, arguments_text},
    },
};

/// A piece of the answer.
pub(super) enum Piece<'a> {
    Text(&'a str),
    Reasoning(&'a str),
    /// A call begins.
    Call {
        index: usize,
        id: &'a str,
        name: &'a str,
    },
    Arguments {
        index: usize,
        delta: &'a str,
    },
    End(Result<Finish, ApiError>, Usage),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finish {
    Stop,
    ToolCalls,
    Length,
    ContentFilter,
}

impl Finish {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::ToolCalls => "tool_calls",
            Self::Length => "length",
            Self::ContentFilter => "content_filter",
        }
    }
}

/// The fold. One for each request.
pub(super) struct Answer {
    /// The names of the caller's tools.
    theirs: HashSet<String>,
    /// The answer is JSON: what is said on the way to it stays inside.
    structured: bool,
    /// More than one call may be handed out.
    parallel: bool,
    /// Calls that were handed out, with whether anything came of their arguments.
    calls: Vec<(CallId, bool)>,
    /// The calls of the model's last answer.
    asked: Vec<CallId>,
    /// A message ended: the next one begins on a line of its own.
    gap: bool,
    stop: Stop,
}

impl Answer {
    pub(super) fn new(tools: &[ToolSpec], structured: bool, parallel: bool) -> Self {
        let theirs = tools.iter().map(|tool| tool.name.clone()).collect();
        Self { theirs, structured, parallel, calls: vec![], asked: vec![], gap: false, stop: Stop::End }
    }

    /// Takes in an event; gives each piece that it adds.
    pub(super) fn event(&mut self, event: &AgentEvent, mut give: impl FnMut(Piece<'_>)) {
        if event.agent.depth() > 0 {
            return;
        }
        match &event.kind {
            EventKind::TextDelta { text } if !self.structured => {
                if std::mem::take(&mut self.gap) {
                    give(Piece::Text("\n\n"));
                }
                give(Piece::Text(text));
            }
            EventKind::ReasoningDelta { text } => give(Piece::Reasoning(text)),
            EventKind::ToolArgumentsDelta { call_id, name, delta } if self.theirs.contains(name) => {
                self.arguments(call_id, name, delta, &mut give);
            }
            EventKind::MessageCompleted { message, stop, .. } => {
                self.stop = openai::stop_of(stop.as_deref());
                self.gap = !self.structured && (self.gap || !message.text().is_empty());
                self.completed(message, &mut give);
            }
            EventKind::TurnFinished { outcome, usage } => self.end(outcome, *usage, &mut give),
            _ => {}
        }
    }

    fn arguments(&mut self, id: &CallId, name: &str, delta: &str, give: &mut impl FnMut(Piece<'_>)) {
        let index = match self.calls.iter().position(|(known, _)| known == id) {
            Some(index) => index,
            None if !self.parallel && !self.calls.is_empty() => return,
            None => {
                self.calls.push((id.clone(), false));
                give(Piece::Call { index: self.calls.len() - 1, id: id.as_str(), name });
                self.calls.len() - 1
            }
        };
        if !delta.is_empty() {
            self.calls[index].1 = true;
            give(Piece::Arguments { index, delta });
        }
    }

    /// Models leave the arguments out where there are none, which clients cannot parse; and some wires give a call
    /// whole, without its pieces.
    fn completed(&mut self, message: &Message, give: &mut impl FnMut(Piece<'_>)) {
        self.asked = message.calls().map(|call| call.call_id.clone()).collect();
        for call in message.calls() {
            let streamed = self.calls.iter().any(|(id, streamed)| *id == call.call_id && *streamed);
            if self.theirs.contains(&call.name) && !streamed {
                self.arguments(&call.call_id, &call.name, &arguments_text(&call.arguments), give);
            }
        }
    }

    fn end(&mut self, outcome: &TurnOutcome, usage: Usage, give: &mut impl FnMut(Piece<'_>)) {
        let stale = self.calls.iter().any(|(id, _)| !self.asked.contains(id));
        let finish = match outcome {
            // What was handed out cannot be taken back.
            TurnOutcome::Completed { .. } | TurnOutcome::ToolCalls { .. } if stale => {
                Err(ApiError::internal("the model began a call and then started over"))
            }
            TurnOutcome::Completed { output } => {
                if let (true, Some(output)) = (self.structured, output) {
                    give(Piece::Text(&output.to_string()));
                }
                Ok(match self.stop {
                    Stop::End => Finish::Stop,
                    Stop::Length => Finish::Length,
                    Stop::Filtered => Finish::ContentFilter,
                })
            }
            TurnOutcome::ToolCalls { .. } => Ok(Finish::ToolCalls),
            TurnOutcome::Canceled => Err(canceled()),
            TurnOutcome::Failed { code, message, hint } => Err(ApiError::of_turn(*code, message, hint.as_deref())),
        };
        give(Piece::End(finish, usage));
    }
}

/// The turn was stopped by somebody else: the caller that goes away is told nothing.
pub(super) fn canceled() -> ApiError {
    ApiError { code: "canceled", ..ApiError::internal("the turn was canceled") }
}
