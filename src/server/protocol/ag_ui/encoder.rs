//! A turn as the events of a run.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::{
    event::{Event, Outcome, TokenUsage},
    interrupt::Interrupt,
    request::RunAgentInput,
    state::{Change, Shared},
};
use crate::{
    domain::{AgentEvent, CallId, Content, EventKind, Message, ToolCall, ToolOutcome, TurnOutcome, Usage},
    server::{Encoder, Flow, Frames},
};

const VERSION: &str = "1.0";

pub(super) struct RunEncoder {
    thread: String,
    run: String,
    parent: Option<String>,
    /// The front end knows the outcomes and contents of 1.0.
    current: bool,
    /// The text or reasoning that is being written.
    open: Option<(Kind, String)>,
    /// The message that calls belong to.
    message: Option<String>,
    /// The reasoning messages of this answer.
    thoughts: Vec<String>,
    /// The calls whose arguments are arriving, and whether some have.
    calls: Vec<(CallId, bool)>,
    complete: HashSet<CallId>,
    shared: Shared,
    interrupts: Vec<Interrupt>,
    ended: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Reasoning,
}

fn id() -> String {
    format!("msg_{}", uuid::Uuid::now_v7().simple())
}

impl Encoder for RunEncoder {
    fn begin(&mut self, out: &mut Frames) {
        out.data(&Event::RunStarted {
            thread_id: &self.thread,
            run_id: &self.run,
            parent_run_id: self.parent.as_deref(),
            protocol_version: self.current.then_some(VERSION),
        });
    }

    fn event(&mut self, event: &AgentEvent, out: &mut Frames) -> Flow {
        if let Some(interrupt) = Interrupt::of(event) {
            self.interrupts.push(interrupt);
            return Flow::Park;
        }
        if event.agent.depth() == 0 {
            self.own(&event.kind, out);
        }
        Flow::On
    }

    fn end(&mut self, parked: bool, out: &mut Frames) {
        if self.ended {
            return;
        }
        self.close_all(out);
        if parked {
            let outcome = Outcome::Interrupt { interrupts: &self.interrupts };
            self.finish(None, Some(outcome), None, out);
        } else {
            self.fail("the run broke off", json!("internal"), out);
        }
    }
}

impl RunEncoder {
    pub(super) fn new(input: &RunAgentInput) -> Self {
        Self {
            thread: input.thread_id.clone(),
            run: input.run_id.clone(),
            parent: input.parent_run_id.clone(),
            current: input.protocol_version.is_some(),
            open: None,
            message: None,
            thoughts: vec![],
            calls: vec![],
            complete: HashSet::new(),
            shared: Shared::new(&input.state),
            interrupts: vec![],
            ended: false,
        }
    }

    /// An event of the agent that was asked.
    fn own(&mut self, kind: &EventKind, out: &mut Frames) {
        match kind {
            EventKind::TextDelta { text } => self.write(Kind::Text, text, out),
            EventKind::ReasoningDelta { text } => self.write(Kind::Reasoning, text, out),
            EventKind::ToolArgumentsDelta { call_id, name, delta } => self.arguments(call_id, name, delta, out),
            EventKind::MessageCompleted { message, .. } => self.completed(message, out),
            EventKind::ToolStarted { call } => self.whole(call, out),
            EventKind::ToolFinished { call_id, outcome } => out.data(&Event::ToolCallResult {
                message_id: id(),
                tool_call_id: call_id.as_str(),
                content: self.result(outcome),
                role: "tool",
            }),
            EventKind::StateChanged { patch } => match self.shared.change(patch) {
                Change::Snapshot(snapshot) => out.data(&Event::StateSnapshot { snapshot }),
                Change::Delta(delta) => out.data(&Event::StateDelta { delta }),
            },
            EventKind::Notice { notice } => out.data(&Event::Custom { name: "notice", value: json!(notice) }),
            EventKind::HandedOff { to } => out.data(&Event::Custom { name: "handoff", value: json!({ "to": to }) }),
            EventKind::TurnFinished { outcome, usage } => self.finished(outcome, usage, out),
            EventKind::TurnStarted { .. }
            | EventKind::ToolOutput { .. }
            | EventKind::ApprovalRequested { .. }
            | EventKind::ApprovalResolved { .. }
            | EventKind::QuestionAsked { .. }
            | EventKind::QuestionAnswered { .. } => {}
        }
    }

    fn write(&mut self, kind: Kind, delta: &str, out: &mut Frames) {
        if self.open.as_ref().is_none_or(|(open, _)| *open != kind) {
            self.close(out);
            let message_id = id();
            match kind {
                Kind::Text => {
                    out.data(&Event::TextMessageStart { message_id: &message_id, role: "assistant" });
                    self.message = Some(message_id.clone());
                }
                Kind::Reasoning => {
                    out.data(&Event::ReasoningStart { message_id: &message_id });
                    out.data(&Event::ReasoningMessageStart { message_id: &message_id, role: "reasoning" });
                    self.thoughts.push(message_id.clone());
                }
            }
            self.open = Some((kind, message_id));
        }
        let Some((_, message_id)) = &self.open else { return };
        match kind {
            Kind::Text => out.data(&Event::TextMessageContent { message_id, delta }),
            Kind::Reasoning => out.data(&Event::ReasoningMessageContent { message_id, delta }),
        }
    }

    /// Ends what is being written.
    fn close(&mut self, out: &mut Frames) {
        match self.open.take() {
            Some((Kind::Text, message_id)) => out.data(&Event::TextMessageEnd { message_id: &message_id }),
            Some((Kind::Reasoning, message_id)) => {
                out.data(&Event::ReasoningMessageEnd { message_id: &message_id });
                out.data(&Event::ReasoningEnd { message_id: &message_id });
            }
            None => {}
        }
    }

    fn close_all(&mut self, out: &mut Frames) {
        self.close(out);
        for (call_id, _) in std::mem::take(&mut self.calls) {
            out.data(&Event::ToolCallEnd { tool_call_id: call_id.as_str() });
            self.complete.insert(call_id);
        }
    }

    fn arguments(&mut self, call_id: &CallId, name: &str, delta: &str, out: &mut Frames) {
        let at = self.calls.iter().position(|(known, _)| known == call_id).unwrap_or_else(|| {
            self.close(out);
            let parent_message_id = self.message.get_or_insert_with(id);
            out.data(&Event::ToolCallStart { tool_call_id: call_id.as_str(), tool_call_name: name, parent_message_id });
            self.calls.push((call_id.clone(), false));
            self.calls.len() - 1
        });
        if !delta.is_empty() {
            self.calls[at].1 = true;
            out.data(&Event::ToolCallArgs { tool_call_id: call_id.as_str(), delta });
        }
    }

    /// A call whose arguments are complete, however much of them was shown.
    fn whole(&mut self, call: &ToolCall, out: &mut Frames) {
        if self.complete.contains(&call.call_id) {
            return;
        }
        self.arguments(&call.call_id, &call.name, "", out);
        let at = self.calls.iter().position(|(known, _)| *known == call.call_id);
        let Some((call_id, shown)) = at.map(|at| self.calls.remove(at)) else { return };
        if !shown {
            let delta = call.arguments.as_str().map_or_else(|| call.arguments.to_string(), str::to_owned);
            out.data(&Event::ToolCallArgs { tool_call_id: call_id.as_str(), delta: &delta });
        }
        out.data(&Event::ToolCallEnd { tool_call_id: call_id.as_str() });
        self.complete.insert(call_id);
    }

    fn completed(&mut self, message: &Message, out: &mut Frames) {
        self.close(out);
        for call in message.calls() {
            self.whole(call, out);
            self.seal("tool-call", call.call_id.as_str(), call.opaque.as_ref(), out);
        }
        self.close_all(out);
        let thoughts = message.content.iter().filter_map(|part| match part {
            Content::Reasoning { text, opaque } if !text.is_empty() => Some(opaque.as_ref()),
            _ => None,
        });
        for (message_id, opaque) in std::mem::take(&mut self.thoughts).iter().zip(thoughts) {
            self.seal("message", message_id, opaque, out);
        }
        self.message = None;
    }

    /// What the provider wants back with the next request, which the front end keeps.
    fn seal(&self, subtype: &'static str, entity_id: &str, opaque: Option<&Value>, out: &mut Frames) {
        if let Some(opaque) = opaque {
            out.data(&Event::ReasoningEncryptedValue { subtype, entity_id, encrypted_value: opaque.to_string() });
        }
    }

    fn result(&self, outcome: &ToolOutcome) -> Value {
        let ToolOutcome::Ok { content } = outcome else { return json!(outcome.text()) };
        if !self.current || !content.iter().any(|part| matches!(part, Content::Image(_))) {
            return json!(outcome.text());
        }
        let parts = content.iter().filter_map(|part| match part {
            Content::Text { text } => Some(json!({ "type": "text", "text": text })),
            Content::Image(image) => {
                let source = json!({ "type": "data", "value": image.data, "mimeType": image.media_type });
                Some(json!({ "type": "image", "source": source }))
            }
            _ => None,
        });
        parts.collect()
    }

    fn finished(&mut self, outcome: &TurnOutcome, usage: &Usage, out: &mut Frames) {
        self.close_all(out);
        let usage = TokenUsage::of(usage);
        match outcome {
            TurnOutcome::Completed { output } => self.finish(output.as_ref(), None, usage, out),
            TurnOutcome::ToolCalls { calls } => {
                for call in calls {
                    self.whole(call, out);
                }
                let pending_tool_call_ids = calls.iter().map(|call| call.call_id.as_str()).collect();
                self.finish(None, Some(Outcome::Success { pending_tool_call_ids }), usage, out);
            }
            TurnOutcome::Canceled => {
                self.finish(Some(&json!("agent run canceled")), Some(Outcome::Cancelled), usage, out);
            }
            TurnOutcome::Failed { code, message, hint } => {
                let message = hint.as_ref().map_or_else(|| message.clone(), |hint| format!("{message} ({hint})"));
                self.fail(&message, json!(code), out);
            }
        }
        self.ended = true;
    }

    fn finish(
        &self,
        result: Option<&Value>,
        outcome: Option<Outcome<'_>>,
        usage: Option<[TokenUsage; 1]>,
        out: &mut Frames,
    ) {
        out.data(&Event::RunFinished { thread_id: &self.thread, run_id: &self.run, result, outcome, usage });
    }

    fn fail(&self, message: &str, code: Value, out: &mut Frames) {
        out.data(&Event::RunError { message, code, run_id: &self.run });
    }
}
