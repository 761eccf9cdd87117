//! A turn as a response: every event of the agent, and the items and events that come of it.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};

use super::{
    script::Script,
    wire::{Failure, Incomplete, Item, Response, Status},
};
use crate::{
    agent::FINAL_ANSWER,
    domain::{
        AgentEvent, CallId, EventKind, FailureCode, Message, Question, ToolCall, ToolOutcome, ToolSpec, TurnOutcome,
    },
    server::{
        ApiError, Flow,
        protocol::openai::{self, Stop, arguments_text},
    },
};

/// How a turn is told.
#[derive(Default)]
pub(super) struct Manner {
    /// The names of the caller's tools.
    pub(super) theirs: HashSet<String>,
    /// The answer is JSON: what is said on the way to it stays inside.
    pub(super) structured: bool,
    /// More than one call may be handed out.
    pub(super) parallel: bool,
    /// Calls that an earlier response told of, and that this one may tell the end of.
    pub(super) earlier: HashMap<CallId, ToolCall>,
    /// What an earlier response asked.
    pub(super) approved: HashSet<String>,
}

impl Manner {
    pub(super) fn new(tools: &[ToolSpec], structured: bool, parallel: bool) -> Self {
        let theirs = tools.iter().map(|tool| tool.name.clone()).collect();
        Self { theirs, structured, parallel, ..Self::default() }
    }
}

/// The fold. One for each request.
pub(super) struct Fold {
    pub(super) script: Script,
    manner: Manner,
    /// The message or the reasoning that is being written.
    text: Option<(usize, bool)>,
    calls: Vec<Call>,
    stop: Stop,
    /// Why the turn failed, where it did.
    pub(super) refusal: Option<(FailureCode, ApiError)>,
    ended: bool,
}

struct Call {
    id: CallId,
    index: usize,
    theirs: bool,
    /// Its arguments are complete.
    asked: bool,
    open: bool,
}

impl Fold {
    pub(super) fn new(response: Response, manner: Manner) -> Self {
        Self::again(response, manner, None)
    }

    /// For a caller that has seen the events up to number `after`.
    pub(super) fn again(response: Response, manner: Manner, after: Option<u64>) -> Self {
        let mut script = Script::new(response, after);
        script.lifecycle("response.created");
        script.response.status = Status::InProgress;
        script.lifecycle("response.in_progress");
        Self { script, manner, text: None, calls: vec![], stop: Stop::End, refusal: None, ended: false }
    }

    /// Takes in an event.
    pub(super) fn event(&mut self, event: &AgentEvent) -> Flow {
        if event.agent.depth() > 0 {
            return self.asked(&event.kind);
        }
        match &event.kind {
            EventKind::TextDelta { text } if !self.manner.structured => self.say(text, false),
            EventKind::ReasoningDelta { text } => self.say(text, true),
            EventKind::ToolArgumentsDelta { call_id, name, delta } => {
                if let Some(at) = self.call(call_id, name)
                    && !delta.is_empty()
                {
                    self.arguments(at, delta);
                }
            }
            EventKind::MessageCompleted { message, stop, .. } => {
                self.stop = openai::stop_of(stop.as_deref());
                self.completed(message);
            }
            EventKind::ToolFinished { call_id, outcome } => self.finished(call_id, outcome),
            EventKind::TurnFinished { outcome, usage } => {
                self.script.response.usage = Some((*usage).into());
                self.finish(outcome);
            }
            kind => return self.asked(kind),
        }
        Flow::On
    }

    /// The end of the stream.
    pub(super) fn end(&mut self) {
        if !self.ended {
            self.script.error("the turn ended without an end");
        }
    }

    fn say(&mut self, delta: &str, reasoning: bool) {
        if self.text.is_some_and(|(_, open)| open != reasoning) {
            self.end_text(Status::Completed);
        }
        let (index, _) = *self.text.get_or_insert_with(|| (self.script.begin_text(reasoning), reasoning));
        let kind = if reasoning { "response.reasoning_text.delta" } else { "response.output_text.delta" };
        self.script.grow(index, kind, delta);
    }

    fn end_text(&mut self, status: Status) {
        if let Some((index, _)) = self.text.take() {
            self.script.end_text(index, status);
        }
    }

    /// The call of that id, begun now if it is new. `None` for one that is not to be seen.
    fn call(&mut self, id: &CallId, name: &str) -> Option<usize> {
        if let Some(at) = self.calls.iter().position(|call| call.id == *id) {
            return Some(at);
        }
        let theirs = self.manner.theirs.contains(name);
        let hidden = if theirs {
            !self.manner.parallel && self.calls.iter().any(|call| call.theirs)
        } else {
            self.manner.structured && name == FINAL_ANSWER
        };
        if hidden {
            return None;
        }
        self.end_text(Status::Completed);
        let (name, status, arguments) = (name.to_owned(), Status::InProgress, String::new());
        let index = if theirs {
            let (item, call_id) = (self.script.item_id("fc"), id.to_string());
            self.script.add(Item::Function { id: item, arguments, call_id, name, status, r#type: "function_call" })
        } else {
            let index = self.script.add(Item::Mcp {
                id: self.script.item_id("mcp"),
                approval_request_id: self.manner.approved.contains(id.as_str()).then(|| approval_id(id.as_str())),
                arguments,
                error: None,
                name,
                output: None,
                server_label: self.script.response.model.clone(),
                status,
                r#type: "mcp_call",
            });
            self.script.about(index, "response.mcp_call.in_progress", |event| event);
            index
        };
        self.calls.push(Call { id: id.clone(), index, theirs, asked: false, open: true });
        Some(self.calls.len() - 1)
    }

    fn arguments(&mut self, at: usize, delta: &str) {
        let Call { index, theirs, .. } = self.calls[at];
        let kind = if theirs { "response.function_call_arguments.delta" } else { "response.mcp_call_arguments.delta" };
        self.script.grow(index, kind, delta);
    }

    /// The model's answer is whole: what it said has ended, and what it asks for is known.
    fn completed(&mut self, message: &Message) {
        self.end_text(Status::Completed);
        for at in 0..self.calls.len() {
            // Begun, and then the model started over.
            if !self.calls[at].asked && !message.calls().any(|call| call.call_id == self.calls[at].id) {
                self.close(at, Status::Incomplete);
            }
        }
        for call in message.calls() {
            self.ask(call);
        }
    }

    /// The arguments of a call are complete. One of the caller's is handed out with that.
    fn ask(&mut self, call: &ToolCall) -> Option<usize> {
        let at = self.call(&call.call_id, &call.name)?;
        let Call { index, theirs, .. } = self.calls[at];
        let whole = arguments_text(&call.arguments);
        let written = self.script.response.output[index].growing().is_some_and(|text| !text.trim().is_empty());
        if !written {
            self.arguments(at, &whole);
        }
        let kind = if theirs { "response.function_call_arguments.done" } else { "response.mcp_call_arguments.done" };
        let text = self.script.response.output[index].growing().cloned().unwrap_or_default();
        self.script.about(index, kind, |event| super::wire::Event { arguments: Some(&text), ..event });
        self.calls[at].asked = true;
        if theirs {
            self.close(at, Status::Completed);
        }
        Some(at)
    }

    fn close(&mut self, at: usize, status: Status) {
        if std::mem::take(&mut self.calls[at].open) {
            self.script.done(self.calls[at].index, status);
        }
    }

    fn finished(&mut self, id: &CallId, outcome: &ToolOutcome) {
        let known = self.calls.iter().position(|call| call.id == *id && call.open);
        let at = known.or_else(|| {
            let call = self.manner.earlier.get(id)?.clone();
            self.ask(&call)
        });
        let Some(at) = at.filter(|at| self.calls[*at].open) else { return };
        let index = self.calls[at].index;
        let status = match outcome {
            ToolOutcome::Ok { .. } => Status::Completed,
            ToolOutcome::Failed { .. } | ToolOutcome::Denied { .. } => Status::Failed,
            ToolOutcome::Canceled => Status::Incomplete,
        };
        if let Item::Mcp { output, error, .. } = &mut self.script.response.output[index] {
            let text = outcome.text();
            match status {
                Status::Completed => *output = Some(text),
                _ => {
                    let content = json!([{ "type": "text", "text": text }]);
                    *error = Some(json!({ "type": "mcp_tool_execution_error", "content": content }));
                }
            }
        }
        let kind = if status == Status::Completed { "response.mcp_call.completed" } else { "response.mcp_call.failed" };
        self.script.about(index, kind, |event| event);
        self.close(at, status);
    }

    /// A question of whichever agent ends the response: its caller answers with the next request.
    fn asked(&mut self, kind: &EventKind) -> Flow {
        let (id, name, arguments) = match kind {
            EventKind::ApprovalRequested { call, .. } => {
                (call.call_id.as_str(), call.name.as_str(), arguments_text(&call.arguments))
            }
            EventKind::QuestionAsked { id, question } => (id.as_str(), "ask_user", about(question).to_string()),
            _ => return Flow::On,
        };
        self.close_all(Status::Incomplete);
        let item = Item::Approval {
            id: approval_id(id),
            arguments,
            name: name.to_owned(),
            server_label: self.script.response.model.clone(),
            r#type: "mcp_approval_request",
        };
        let index = self.script.add(item);
        self.script.done(index, Status::Completed);
        self.terminal(Status::Completed, "response.completed");
        Flow::Park
    }

    fn close_all(&mut self, status: Status) {
        self.end_text(status);
        for at in 0..self.calls.len() {
            self.close(at, status);
        }
    }

    fn finish(&mut self, outcome: &TurnOutcome) {
        match outcome {
            TurnOutcome::Completed { output } => {
                if let (true, Some(output)) = (self.manner.structured, output) {
                    self.say(&output.to_string(), false);
                }
                let cut = match self.stop {
                    Stop::End => None,
                    Stop::Length => Some("max_output_tokens"),
                    Stop::Filtered => Some("content_filter"),
                };
                self.script.response.incomplete_details = cut.map(|reason| Incomplete { reason });
                self.close_all(Status::Completed);
                match cut {
                    None => self.terminal(Status::Completed, "response.completed"),
                    Some(_) => self.terminal(Status::Incomplete, "response.incomplete"),
                }
            }
            TurnOutcome::ToolCalls { .. } => {
                self.close_all(Status::Completed);
                self.terminal(Status::Completed, "response.completed");
            }
            TurnOutcome::Canceled => {
                self.close_all(Status::Incomplete);
                self.terminal(Status::Cancelled, "response.cancelled");
            }
            TurnOutcome::Failed { code, message, hint } => {
                self.close_all(Status::Incomplete);
                let refusal = ApiError::of_turn(*code, message, hint.as_deref());
                let failure = Failure { code: code_of(*code), message: refusal.message.clone() };
                self.refusal = Some((*code, refusal));
                self.script.response.error = Some(failure);
                self.terminal(Status::Failed, "response.failed");
            }
        }
    }

    fn terminal(&mut self, status: Status, kind: &'static str) {
        self.ended = true;
        self.script.response.status = status;
        self.script.lifecycle(kind);
    }
}

/// The id by which an approval is answered, from that of what is asked.
fn approval_id(id: &str) -> String {
    format!("mcpr_{id}")
}

/// A question as arguments of the tool that asks it.
fn about(question: &Question) -> Value {
    json!({ "question": question.text, "choices": question.choices })
}

/// OpenAI has a fixed set of codes.
fn code_of(code: FailureCode) -> &'static str {
    match code {
        FailureCode::RateLimited => "rate_limit_exceeded",
        FailureCode::Input | FailureCode::ContextFull => "invalid_prompt",
        _ => "server_error",
    }
}
